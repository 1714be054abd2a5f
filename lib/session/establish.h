#ifndef WS_SESSION_ESTABLISH_H
#define WS_SESSION_ESTABLISH_H

/* The way from a new session to the open one. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

/* Begin: with the dial, or, over a connection that is there, with TLS or the opening handshake. */
void establish_start(wsuv_session_t *s);

/* The handshake of TLS has ended: 0, or why it failed. */
void establish_secured(wsuv_session_t *s, int status);

/* Bytes came during the opening handshake; *used is how many of them belong to it. */
void establish_receive(wsuv_session_t *s, const uint8_t *data, size_t len, size_t *used);

/* No more of the answer will come: the session ends. A refusal whose head was read is one, whatever
   became of its body. */
void establish_cut(wsuv_session_t *s, int status, const char *detail);

#endif
