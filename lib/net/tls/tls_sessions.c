#include "net/tls/tls_sessions.h"

#include <string.h>

/* A list: there are few. A session that is found moves to its end. */

void tls_sessions_init(tls_sessions *s, const wsuv_allocator_t *alloc, tls_session_drop *drop) {
  s->alloc = alloc;
  s->drop = drop;
  ws_list_init(&s->list);
  s->count = 0;
}

void tls_sessions_remove(tls_sessions *s, tls_session *session) {
  ws_list_remove(&session->node);
  s->count--;
  if (s->drop != NULL) s->drop(session);
  ws_wipe(session->data, session->len);
  ws_free(s->alloc, session);
}

static tls_session *first(tls_sessions *s) {
  return ws_list_entry(s->list.next, tls_session, node);
}

void tls_sessions_free(tls_sessions *s) {
  while (s->count > 0) tls_sessions_remove(s, first(s));
}

tls_session *tls_sessions_find(tls_sessions *s, const char *host, uint16_t port) {
  for (ws_list *n = s->list.next; n != &s->list; n = n->next) {
    tls_session *session = ws_list_entry(n, tls_session, node);
    if (session->port != port || strcmp(session->host, host) != 0) continue;
    ws_list_remove(n);
    ws_list_append(&s->list, n);
    return session;
  }
  return NULL;
}

void tls_sessions_forget(tls_sessions *s, const char *host, uint16_t port) {
  tls_session *session = tls_sessions_find(s, host, port);
  if (session != NULL) tls_sessions_remove(s, session);
}

tls_session *tls_sessions_add(tls_sessions *s, const char *host, uint16_t port, size_t len) {
  size_t host_size = strlen(host) + 1;
  tls_sessions_forget(s, host, port);
  tls_session *session = ws_malloc(s->alloc, sizeof *session + host_size + len);
  if (session == NULL) return NULL;
  if (s->count == TLS_SESSIONS_MAX) tls_sessions_remove(s, first(s));
  session->port = port;
  session->len = len;
  session->data = (uint8_t *) session->host + host_size;
  memcpy(session->host, host, host_size);
  ws_list_append(&s->list, &session->node);
  s->count++;
  return session;
}
