#include "session/server_state.h"

#include "base/error.h"

/* Counts the sessions of each address, and keeps the memory of a server while it is needed. */

wsuv_server_t *server_of(const endpoint *e) {
  return (wsuv_server_t *) (uintptr_t) ((const char *) e - offsetof(wsuv_server_t, endpoint));
}

void server_free(wsuv_server_t *server) {
  const wsuv_allocator_t alloc = server->endpoint.alloc;
  server->gone = true;
  if (server->owed == 0) ws_free(&alloc, server);
}

void server_owe(wsuv_server_t *server, bool on) {
  server->owed = on ? server->owed + 1 : server->owed - 1;
  if (server->gone) server_free(server);
}

int server_load_tls(wsuv_server_t *server, tls_context **tls, ws_why *why) {
  endpoint *e = &server->endpoint;
  tls_failure failure = {.library_error = 0};
  *tls = NULL;
  if (e->config.tls == NULL) return 0;
  int err = tls_contexts_get(&e->tls, &e->alloc, e->config.tls, WS_SERVER, tls);
  if (err < 0) return err;
  err = tls_context_load(*tls, &failure);
  if (err == 0) return 0;
  tls_context_unref(*tls);
  *tls = NULL;
  return ws_why_set(why, err, "%s", failure.text);
}

static bool counts_sessions(const wsuv_server_t *server) {
  return server->endpoint.config.max_sessions_per_address > 0;
}

int server_reserve_session(wsuv_server_t *server, const struct sockaddr_storage *peer,
                           address_count **place) {
  int err;
  *place = NULL;
  if (!counts_sessions(server)) return 0;
  *place = address_counts_get(&server->addresses, peer, &err);
  if (*place != NULL) (*place)->sessions++;
  return err;
}

void server_release_session(wsuv_server_t *server, address_count **place) {
  address_count *from = *place;
  if (from == NULL) return;
  *place = NULL;
  from->sessions--;
  address_counts_drop(&server->addresses, from);
}

int server_count_session(wsuv_server_t *server, ws_list *session, address_count **place) {
  if (*place == NULL) return 0;
  address_count *c = address_counts_at(&server->sessions, (uintptr_t) session);
  if (c == NULL) return WS_ENOMEM;
  c->of = *place;
  c->sessions = 1;
  *place = NULL;
  return 0;
}

void server_uncount_session(wsuv_server_t *server, const ws_list *session) {
  if (!counts_sessions(server) || server->sessions.count == 0) return;
  address_count *c = address_counts_find(&server->sessions, (uintptr_t) session);
  if (c == NULL) return;
  c->sessions = 0;
  server_release_session(server, &c->of);
  address_counts_drop(&server->sessions, c);
}

unsigned server_sessions_of(wsuv_server_t *server, const struct sockaddr_storage *peer) {
  const address_count *c = address_counts_find_address(&server->addresses, peer);
  return c != NULL ? c->sessions : 0;
}
