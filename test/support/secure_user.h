#ifndef TEST_SECURE_USER_H
#define TEST_SECURE_USER_H

/* A user of one session over TLS, who notes besides what is said of that: in on_open, in on_close,
   and by on_close. Its world is a secure one (world_tls.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/session_user.h"
#include "support/world_tls.h"

typedef struct secure_user {
  session_user u;      /* first: it is the session's data */
  bool resumed, shown; /* shown: the certificate that the world's peers have */
  char version[16], suite[64], alpn[16];
  int tls_at_close;    /* what wsuv_session_tls says there */
  bool shown_at_close; /* there, the certificate that the world's peers have */
  int tls_error;
  wsuv_tls_library_t tls_library;
  uint32_t verify_flags;
} secure_user;

/* A request with a configuration of TLS of its own; NULL: the client's. It is forgotten once the
   call has returned. What the call says. */
int secure_request(secure_user *s, wsuv_client_t *client, world *w, const char *url,
                   const wsuv_tls_config_t *tls);

/* The same; and run until it is open; and close it, from our side. */
void secure_open(secure_user *s, wsuv_client_t *client, frame_peer *p,
                 const wsuv_tls_config_t *tls);
void secure_close(secure_user *s);

/* The same, until it has ended, however that may be. */
void secure_try(secure_user *s, wsuv_client_t *client, raw_peer *p, const wsuv_tls_config_t *tls);

/* With on_close come. Whether it ended like that in the handshake of TLS; and what was told of TLS
   in on_close fits: the world's certificate if it came, or nothing. */
bool secure_failed(const secure_user *s, int status);

void secure_user_free(secure_user *s);

#endif
