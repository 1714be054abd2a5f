#ifndef WS_NET_TLS_TLS_SESSIONS_H
#define WS_NET_TLS_TLS_SESSIONS_H

/* Sessions of TLS that can be resumed, by host and port: a bounded store of secrets, of which the
   one that was used longest ago goes first. What one looks like inside is not its affair. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/list.h"

enum { TLS_SESSIONS_MAX = 64 };

typedef struct tls_sessions {
  const wsuv_allocator_t *alloc;
  ws_list list; /* the one that was used last is at the end */
  size_t count;
} tls_sessions;

typedef struct tls_session {
  ws_list node;
  uint16_t port;
  size_t len;
  uint8_t *data; /* behind the host */
  char host[];
} tls_session;

void tls_sessions_init(tls_sessions *s, const wsuv_allocator_t *alloc);
void tls_sessions_free(tls_sessions *s); /* what is freed is wiped */

/* Room of `len` bytes for a session with host and port, in the place of the one that there was.
   NULL: no memory, and there is none. */
tls_session *tls_sessions_add(tls_sessions *s, const char *host, uint16_t port, size_t len);

/* The one with host and port, or NULL. */
tls_session *tls_sessions_find(tls_sessions *s, const char *host, uint16_t port);

void tls_sessions_remove(tls_sessions *s, tls_session *session);
void tls_sessions_forget(tls_sessions *s, const char *host, uint16_t port); /* if there is one */

#endif
