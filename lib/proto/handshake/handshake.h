#ifndef WS_PROTO_HANDSHAKE_HANDSHAKE_H
#define WS_PROTO_HANDSHAKE_HANDSHAKE_H

/* What both sides of the opening handshake have in common (RFC 6455 4). */

#include <stddef.h>

#include <wsuv/config.h>

#include "base/text_buf.h"
#include "base/why.h"

enum {
  HANDSHAKE_KEY_SIZE = 16,   /* random bytes of a key */
  HANDSHAKE_KEY_LEN = 24,    /* the same in base64 */
  HANDSHAKE_ACCEPT_LEN = 28, /* base64 of a SHA-1 */
  HANDSHAKE_SWITCHING = 101  /* Switching Protocols: the status of a response that accepts */
};

/* The value of Sec-WebSocket-Accept for a key of HANDSHAKE_KEY_LEN characters at most (RFC 6455
   4.2.2); writes 28 characters, no NUL. */
void handshake_accept(char accept[HANDSHAKE_ACCEPT_LEN], const char *key, size_t key_len);

/* Why a program may not add this field to a handshake, in words; NULL: it may. It must have a token
   as name and a valid value, and be none that only the handshake itself sets: Upgrade, Connection,
   Content-Length, Transfer-Encoding, Sec-WebSocket-*. */
const char *handshake_field_wrong(const wsuv_header_t *field);

/* Refuse a field: *why names it, without its value, which may be a secret, and says what is wrong.
   Returns WSUV_EINVAL_HEADER. */
int handshake_refuse_field(ws_why *why, const char *name, const char *what);

/* 0, or WSUV_EINVAL_HEADER because of the first field that a program may not add. */
int handshake_check_fields(const wsuv_header_t *fields, size_t count, ws_why *why);

/* Write "name: value" and the end of the line. text_buf reports a failure later. */
void handshake_put_field(text_buf *text, const char *name, const char *value);
void handshake_put_fields(text_buf *text, const wsuv_header_t *fields, size_t count);

#endif
