#ifndef WS_NET_TLS_TLS_SESSIONS_H
#define WS_NET_TLS_TLS_SESSIONS_H

/* TLS sessions that can be resumed, by host and port. The store is bounded; the one that was used
   longest ago is dropped first. The content of a session is opaque here. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/list.h"

enum { TLS_SESSIONS_MAX = 64 };

struct tls_session;

/* Called before the content of a session is freed: drops what it refers to. */
typedef void tls_session_drop(struct tls_session *session);

typedef struct tls_sessions {
  const wsuv_allocator_t *alloc; /* The context's allocator outlives the store. */
  /* The store owns these sessions, which are ordered by last use: the latest is at the end. */
  ws_list list;
  size_t count;           /* This is the number of sessions in `list`. */
  tls_session_drop *drop; /* Sessions refer to something else; NULL: they do not. */
} tls_sessions;

typedef struct tls_session {
  ws_list node;  /* This links the session into tls_sessions.list. */
  uint16_t port; /* The session was made with a server on this port. */
  size_t len;    /* `data` has this many bytes. */
  uint8_t *data; /* This is the saved session, in the same block after `host`; not aligned. */
  char host[];   /* The session was made with this host, whose name is terminated. */
} tls_session;

void tls_sessions_init(tls_sessions *s, const wsuv_allocator_t *alloc, tls_session_drop *drop);
void tls_sessions_free(tls_sessions *s); /* memory is overwritten before it is freed */

/* Reserve `len` bytes for the session of host and port, and drop the one that was stored. The
   caller fills them before the store is used again. NULL: no memory, and none is stored. */
tls_session *tls_sessions_add(tls_sessions *s, const char *host, uint16_t port, size_t len);

/* The session of host and port, or NULL. */
tls_session *tls_sessions_find(tls_sessions *s, const char *host, uint16_t port);

void tls_sessions_remove(tls_sessions *s, tls_session *session);

/* Drop the session of host and port, if there is one. */
void tls_sessions_forget(tls_sessions *s, const char *host, uint16_t port);

#endif
