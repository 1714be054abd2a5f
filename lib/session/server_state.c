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

static bool counts_sessions(const wsuv_server_t *server) {
  return server->endpoint.config.max_sessions_per_address > 0;
}

int server_count_session(wsuv_server_t *server, ws_list *session,
                         const struct sockaddr_storage *peer) {
  int err;
  if (!counts_sessions(server)) return 0;
  address_count *from = address_counts_get(&server->addresses, peer, &err);
  if (from == NULL) return err;
  address_count *c = address_counts_at(&server->sessions, (uintptr_t) session);
  if (c == NULL) {
    address_counts_drop(&server->addresses, from);
    return WS_ENOMEM;
  }
  c->of = from;
  c->sessions = 1;
  from->sessions++;
  return 0;
}

void server_uncount_session(wsuv_server_t *server, const ws_list *session) {
  if (!counts_sessions(server) || server->sessions.count == 0) return;
  address_count *c = address_counts_find(&server->sessions, (uintptr_t) session);
  if (c == NULL) return;
  c->of->sessions--;
  c->sessions = 0;
  address_counts_drop(&server->addresses, c->of);
  address_counts_drop(&server->sessions, c);
}

unsigned server_sessions_of(wsuv_server_t *server, const struct sockaddr_storage *peer) {
  const address_count *c = address_counts_find_address(&server->addresses, peer);
  return c != NULL ? c->sessions : 0;
}
