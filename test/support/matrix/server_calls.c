#include "support/matrix/server_matrix.h"

/* All functions of a server, its listeners, its upgrades and its exchanges. */

#include <string.h>
#include <unistd.h>

#include "support/world_tls.h"
#include "testkit/check.h"

/* --- a server's --- */

static int new_server(server_play *p, wsuv_upgrade_t *u) {
  wsuv_server_t *server;
  (void) u;
  int err = world_server(p->w, &server, NULL);
  return err < 0 ? err : wsuv_server_terminate(server, NULL);
}

/* Routes of a play are added once. */
static int add_route(server_play *p, wsuv_upgrade_t *u) {
  wsuv_route_t route;
  (void) u;
  wsuv_route_init(&route, "/added");
  return wsuv_server_add_route(p->s.server, &route);
}

static int add_path(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  return wsuv_server_route(p->s.server, "/path", user_callbacks(), NULL);
}

/* That of the play again. */
static int set_hook(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  wsuv_server_on_upgrade(p->s.server, server_user_on_upgrade);
  return 0;
}

static int unset_refused(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  wsuv_server_on_refused(p->s.server, NULL);
  return 0;
}

static int listen_and_close(server_play *p, wsuv_upgrade_t *u) {
  wsuv_listener_t *l;
  struct sockaddr_storage addr;
  (void) u;
  int err = wsuv_server_listen(p->s.server, "127.0.0.1", 0, &l);
  if (err < 0) return err;
  err = wsuv_listener_address(l, &addr);
  if ((wsuv_listener_fd(l) < 0) != (p->w->kind == WORLD_SIM)) err = -1;
  wsuv_listener_close(l);
  return err;
}

static int listen_tcp_and_close(server_play *p, wsuv_upgrade_t *u) {
  wsuv_listener_t *l;
  (void) u;
  int err = wsuv_server_listen_tcp(p->s.server, "127.0.0.1", 0, NULL, &l);
  if (err == 0) wsuv_listener_close(l);
  return err;
}

/* Unix sockets and descriptors are test_listen_unix.c's and test_listen_socket.c's. */
static int listen_nowhere(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  int at_path = wsuv_server_listen_unix(p->s.server, "", 0600, NULL, NULL);
  int at_fd = wsuv_server_listen_fd(p->s.server, -1, NULL, NULL);
  if (at_path != at_fd) return -1;
  return at_path == UV_EINVAL ? 0 : at_path;
}

/* Connections are test_server_adopt.c's and test_server_transport.c's. */
static int adopt_nothing(server_play *p, wsuv_upgrade_t *u) {
  wsuv_server_t *server = p->s.server;
  wsuv_http_request_t request;
  (void) u;
  wsuv_http_request_init(&request, "/u/a");
  if (wsuv_http_request_is_upgrade(&request)) return -1;
  int adopted = wsuv_server_adopt(server, NULL, NULL, 0, NULL, NULL);
  int upgraded = wsuv_server_upgrade(server, NULL, &request, NULL, 0, NULL, NULL);
  int moved = wsuv_server_upgrade_transport(server, NULL, NULL, &request, NULL, 0, NULL);
  if (adopted != upgraded || upgraded != moved) return -1;
  return adopted == UV_EINVAL ? 0 : adopted;
}

/* A server has no TLS without a certificate. */
static int set_tls(server_play *p, wsuv_upgrade_t *u) {
  const wsuv_tls_config_t *tls = world_server_tls(p->w);
  (void) u;
  int err = wsuv_server_set_tls(p->s.server, tls);
  if (tls != NULL || err != UV_EINVAL) return err;
  return 0;
}

static int copy_config(server_play *p, wsuv_upgrade_t *u) {
  wsuv_config_t config;
  (void) u;
  wsuv_server_get_config(p->s.server, &config);
  return config.size == sizeof config && config.high_water == 1 ? 0 : -1;
}

static int loop(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  return wsuv_server_loop(p->s.server) == world_uv_loop(p->w) ? 0 : -1;
}

static void count_session(wsuv_session_t *session, void *arg) {
  (void) wsuv_session_stage(session);
  ++*(size_t *) arg;
}

static int each(server_play *p, wsuv_upgrade_t *u) {
  size_t count = 0;
  (void) u;
  wsuv_server_each(p->s.server, count_session, &count);
  return count > 0 && count == wsuv_server_session_count(p->s.server) ? 0 : -1;
}

static int server_data(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  wsuv_server_set_data(p->s.server, NULL);
  int r = wsuv_server_data(p->s.server) == NULL ? 0 : -1;
  wsuv_server_set_data(p->s.server, &p->s);
  return r;
}

static void on_post(wsuv_server_t *server, void *arg) {
  server_play *p = arg;
  (void) server;
  p->posted++;
}

static int post(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  int err = wsuv_server_post(p->s.server, on_post, p);
  if (err == 0) p->posts++;
  return err;
}

/* --- a session's --- */

/* What the client has asked for can be read in on_open. */
static int session_request(server_play *p, wsuv_upgrade_t *u) {
  size_t count = 1;
  wsuv_session_t *s = p->place->opens ? p->actor->session : p->other->session;
  (void) u;
  bool there = wsuv_session_target(s) != NULL && wsuv_session_param(s, "name") != NULL &&
               wsuv_session_query(s, "key") != NULL &&
               wsuv_session_request_header(s, "Upgrade") != NULL &&
               wsuv_session_request_headers(s, &count) != NULL && count > 0;
  bool none = wsuv_session_target(s) == NULL && wsuv_session_param(s, "name") == NULL &&
              wsuv_session_query(s, "key") == NULL &&
              wsuv_session_request_header(s, "Upgrade") == NULL &&
              wsuv_session_request_headers(s, &count) == NULL && count == 0;
  return p->place->opens ? (there ? 0 : -1) : (none ? 0 : -1);
}

static int access_line(server_play *p, wsuv_upgrade_t *u) {
  const wsuv_close_info_t info = {.size = sizeof info};
  char line[WSUV_ACCESS_LINE_SIZE];
  (void) u;
  size_t len = wsuv_access_line(p->other->session, &info, 0, line);
  return len == strlen(line) && strstr(line, " result=OK ") != NULL ? 0 : -1;
}

static int session_server(server_play *p, wsuv_upgrade_t *u) {
  const wsuv_session_t *s = p->other->session;
  (void) u;
  return wsuv_session_server(s) == p->s.server && wsuv_session_client(s) == NULL ? 0 : -1;
}

/* It is known as long as the peer's address is. */
static int session_origin(server_play *p, wsuv_upgrade_t *u) {
  wsuv_origin_t origin;
  const wsuv_session_t *s = p->other->session;
  (void) u;
  wsuv_origin_init(&origin);
  int err = wsuv_session_origin(s, &origin);
  if (err != wsuv_session_peer_address(s, &origin.address)) return -1;
  return err == WSUV_ESTATE || (err == 0 && origin.host == NULL) ? 0 : -1;
}

/* --- an upgrade's --- */

static int upgrade_server(server_play *p, wsuv_upgrade_t *u) {
  return wsuv_upgrade_server(u) == p->s.server ? 0 : -1;
}

static int upgrade_texts(server_play *p, wsuv_upgrade_t *u) {
  size_t count = 0;
  (void) p;
  return strncmp(wsuv_upgrade_target(u), "/u/a?key=b", 10) == 0 &&
                 strcmp(wsuv_upgrade_param(u, "name"), "a") == 0 &&
                 strcmp(wsuv_upgrade_query(u, "key"), "b") == 0 &&
                 strcmp(wsuv_upgrade_header(u, "upgrade"), "websocket") == 0 &&
                 wsuv_upgrade_headers(u, &count) != NULL && count >= 5 &&
                 wsuv_upgrade_subprotocol(u, 0) == NULL
             ? 0
             : -1;
}

static int upgrade_peer(server_play *p, wsuv_upgrade_t *u) {
  struct sockaddr_storage addr;
  (void) p;
  int err = wsuv_upgrade_peer_address(u, &addr);
  return err == 0 && addr.ss_family == AF_INET ? 0 : -1;
}

static int upgrade_origin(server_play *p, wsuv_upgrade_t *u) {
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  int err = wsuv_upgrade_origin(u, &origin);
  const char *scheme = world_server_tls(p->w) != NULL ? "wss" : "ws";
  bool right = err == 0 && origin.address.ss_family == AF_INET && origin.host != NULL &&
               strcmp(origin.scheme, scheme) == 0;
  return right && wsuv_upgrade_trusted_header(u, "Upgrade") == NULL ? 0 : -1;
}

/* It is over TCP. */
static int upgrade_credentials(server_play *p, wsuv_upgrade_t *u) {
  wsuv_credentials_t c;
  wsuv_credentials_init(&c);
  int err = wsuv_upgrade_peer_credentials(u, &c);
  return err == UV_ENOTSUP || (p->state->peers_gone && err == WSUV_ESTATE) ? 0 : -1;
}

/* Until the connection is closed, which takes some turns after its peer has gone. */
static int upgrade_tls(server_play *p, wsuv_upgrade_t *u) {
  wsuv_tls_info_t info;
  wsuv_tls_info_init(&info);
  int err = wsuv_upgrade_tls(u, &info);
  if (world_server_tls(p->w) == NULL) return err == WSUV_ESTATE ? 0 : -1;
  if (p->state->peers_gone && err == WSUV_ESTATE) return 0;
  return err == 0 && info.version != NULL ? 0 : -1;
}

static int upgrade_data(server_play *p, wsuv_upgrade_t *u) {
  wsuv_upgrade_set_data(u, p);
  return wsuv_upgrade_data(u) == p ? 0 : -1;
}

static int upgrade_gone(server_play *p, wsuv_upgrade_t *u) {
  (void) p;
  wsuv_upgrade_on_gone(u, NULL);
  return 0;
}

static int accept_upgrade(server_play *p, wsuv_upgrade_t *u) {
  return server_user_accept(&p->s, u, NULL);
}

static int refuse_upgrade(server_play *p, wsuv_upgrade_t *u) {
  (void) p;
  return server_user_refuse(u, 403);
}

static int refuse_open(server_play *p, wsuv_upgrade_t *u) {
  (void) p;
  return server_user_refuse_open(u, 4401, "who are you");
}

/* --- an exchange's --- */

static int set_request_hook(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  server_user_serve(&p->s, p->s.at_request);
  return 0;
}

static int exchange_server(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  return wsuv_exchange_server(p->exchanges[0]) == p->s.server ? 0 : -1;
}

static int exchange_texts(server_play *p, wsuv_upgrade_t *u) {
  wsuv_exchange_t *x = p->exchanges[0];
  size_t count = 0;
  (void) u;
  return strcmp(wsuv_exchange_method(x), "GET") == 0 && strcmp(wsuv_exchange_path(x), "/x") == 0 &&
                 strcmp(wsuv_exchange_target(x), "/x?key=b") == 0 &&
                 strcmp(wsuv_exchange_query(x, "key"), "b") == 0 &&
                 strcmp(wsuv_exchange_header(x, "host"), "127.0.0.1") == 0 &&
                 wsuv_exchange_headers(x, &count) != NULL && count == 1 &&
                 !wsuv_exchange_has_body(x)
             ? 0
             : -1;
}

static int exchange_peer(server_play *p, wsuv_upgrade_t *u) {
  struct sockaddr_storage addr;
  (void) u;
  int err = wsuv_exchange_peer_address(p->exchanges[0], &addr);
  return err == 0 && addr.ss_family == AF_INET ? 0 : -1;
}

static int exchange_origin(server_play *p, wsuv_upgrade_t *u) {
  wsuv_origin_t origin;
  (void) u;
  wsuv_origin_init(&origin);
  int err = wsuv_exchange_origin(p->exchanges[0], &origin);
  return err == 0 && strcmp(origin.host, "127.0.0.1") == 0 &&
                 wsuv_exchange_trusted_header(p->exchanges[0], "Host") == NULL
             ? 0
             : -1;
}

static int exchange_credentials(server_play *p, wsuv_upgrade_t *u) {
  wsuv_credentials_t credentials;
  (void) u;
  wsuv_credentials_init(&credentials);
  int err = wsuv_exchange_peer_credentials(p->exchanges[0], &credentials);
  return err < 0 ? 0 : -1; /* it is no Unix socket */
}

static int exchange_tls(server_play *p, wsuv_upgrade_t *u) {
  wsuv_tls_info_t info;
  (void) u;
  wsuv_tls_info_init(&info);
  int err = wsuv_exchange_tls(p->exchanges[0], &info);
  if (world_server_tls(p->w) == NULL) return err == WSUV_ESTATE ? 0 : -1;
  if (p->state->peers_gone && err == WSUV_ESTATE) return 0;
  return err == 0 && info.version != NULL ? 0 : -1;
}

static int exchange_data(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  wsuv_exchange_set_data(p->exchanges[0], p);
  return wsuv_exchange_data(p->exchanges[0]) == p ? 0 : -1;
}

static int exchange_gone(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  wsuv_exchange_on_gone(p->exchanges[0], NULL);
  return 0;
}

/* The first is for calls that only look. */
static wsuv_exchange_t *next_exchange(server_play *p) {
  CHECK(1 + p->exchanges_answered < p->exchange_count);
  return p->exchanges[1 + p->exchanges_answered++];
}

static int respond(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  return server_user_respond(next_exchange(p), 200, "body");
}

static int decline(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  return server_user_decline(next_exchange(p));
}

/* Where there is no descriptor to be had, the answer is owed still. */
static int detach(server_play *p, wsuv_upgrade_t *u) {
  wsuv_exchange_t *x = next_exchange(p);
  const void *received;
  size_t len;
  int fd;
  (void) u;
  int err = wsuv_exchange_detach(x, &fd, &received, &len);
  if (err == 0) return close(fd);
  return err == UV_ENOTSUP ? server_user_respond(x, 200, "body") : err;
}

static const server_call calls[] = {
    {"wsuv_server_new", SERVER_ALWAYS_0, new_server},
    {"wsuv_server_add_route", SERVER_UNLESS_CLOSED, add_route},
    {"wsuv_server_route", SERVER_UNLESS_CLOSED, add_path},
    {"wsuv_server_on_upgrade", SERVER_ALWAYS_0, set_hook},
    {"wsuv_server_on_refused", SERVER_ALWAYS_0, unset_refused},
    {"wsuv_server_listen wsuv_listener_address wsuv_listener_fd wsuv_listener_close",
     SERVER_WHILE_LISTENING, listen_and_close},
    {"wsuv_server_listen_tcp", SERVER_WHILE_LISTENING, listen_tcp_and_close},
    {"wsuv_server_listen_unix wsuv_server_listen_fd", SERVER_WHILE_LISTENING, listen_nowhere},
    {"wsuv_server_adopt wsuv_server_upgrade wsuv_server_upgrade_transport", SERVER_WHILE_LISTENING,
     adopt_nothing},
    {"wsuv_http_request_is_upgrade", SERVER_WHILE_LISTENING, adopt_nothing},
    {"wsuv_server_set_tls", SERVER_UNLESS_CLOSED, set_tls},
    {"wsuv_server_copy_config", SERVER_ALWAYS_0, copy_config},
    {"wsuv_server_loop", SERVER_ALWAYS_0, loop},
    {"wsuv_server_each wsuv_server_session_count", SERVER_ALWAYS_0, each},
    {"wsuv_server_set_data wsuv_server_data", SERVER_ALWAYS_0, server_data},
    {"wsuv_server_post", SERVER_UNLESS_CLOSED, post},
    {"wsuv_session_target wsuv_session_param wsuv_session_query", SERVER_ALWAYS_0, session_request},
    {"wsuv_session_request_header wsuv_session_request_headers", SERVER_ALWAYS_0, session_request},
    {"wsuv_session_origin", SERVER_ALWAYS_0, session_origin},
    {"wsuv_session_server wsuv_session_client", SERVER_ALWAYS_0, session_server},
    {"wsuv_access_line", SERVER_ALWAYS_0, access_line},
    {"wsuv_upgrade_server", SERVER_ALWAYS_0, upgrade_server},
    {"wsuv_upgrade_target wsuv_upgrade_param wsuv_upgrade_query", SERVER_ALWAYS_0, upgrade_texts},
    {"wsuv_upgrade_header wsuv_upgrade_headers wsuv_upgrade_subprotocol", SERVER_ALWAYS_0,
     upgrade_texts},
    {"wsuv_upgrade_peer_address", SERVER_ALWAYS_0, upgrade_peer},
    {"wsuv_upgrade_peer_credentials", SERVER_ALWAYS_0, upgrade_credentials},
    {"wsuv_upgrade_origin wsuv_upgrade_trusted_header", SERVER_ALWAYS_0, upgrade_origin},
    {"wsuv_upgrade_tls", SERVER_ALWAYS_0, upgrade_tls},
    {"wsuv_upgrade_set_data wsuv_upgrade_data", SERVER_ALWAYS_0, upgrade_data},
    {"wsuv_upgrade_on_gone", SERVER_ALWAYS_0, upgrade_gone},
    {"wsuv_upgrade_accept", SERVER_WHILE_OWED, accept_upgrade},
    {"wsuv_upgrade_refuse", SERVER_WHILE_OWED, refuse_upgrade},
    {"wsuv_upgrade_refuse_open", SERVER_WHILE_OWED, refuse_open},
    {"wsuv_server_on_request", SERVER_ALWAYS_0, set_request_hook},
    {"wsuv_exchange_server", SERVER_ALWAYS_0, exchange_server},
    {"wsuv_exchange_method wsuv_exchange_path wsuv_exchange_target wsuv_exchange_query",
     SERVER_ALWAYS_0, exchange_texts},
    {"wsuv_exchange_header wsuv_exchange_headers wsuv_exchange_has_body", SERVER_ALWAYS_0,
     exchange_texts},
    {"wsuv_exchange_peer_address", SERVER_ALWAYS_0, exchange_peer},
    {"wsuv_exchange_origin wsuv_exchange_trusted_header", SERVER_ALWAYS_0, exchange_origin},
    {"wsuv_exchange_peer_credentials", SERVER_ALWAYS_0, exchange_credentials},
    {"wsuv_exchange_tls", SERVER_ALWAYS_0, exchange_tls},
    {"wsuv_exchange_set_data wsuv_exchange_data", SERVER_ALWAYS_0, exchange_data},
    {"wsuv_exchange_on_gone", SERVER_ALWAYS_0, exchange_gone},
    {"wsuv_exchange_respond", SERVER_WHILE_EXCHANGE_OWED, respond},
    {"wsuv_exchange_decline", SERVER_WHILE_EXCHANGE_OWED, decline},
    {"wsuv_exchange_detach", SERVER_WHILE_EXCHANGE_OWED, detach},
};

server_call_list server_calls(void) {
  return (server_call_list){calls, sizeof calls / sizeof *calls};
}

/* --- ends --- */

static int close_server(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  return server_user_close(&p->s);
}

static int terminate_server(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  return server_user_terminate(&p->s);
}

static int drain_server(server_play *p, wsuv_upgrade_t *u) {
  (void) u;
  return server_user_drain(&p->s);
}

static const server_call end_calls[] = {
    {"wsuv_server_close", SERVER_ALWAYS_0, close_server},
    {"wsuv_server_terminate", SERVER_ALWAYS_0, terminate_server},
    {"wsuv_server_drain", SERVER_ALWAYS_0, drain_server},
};

server_call_list server_end_calls(void) {
  return (server_call_list){end_calls, sizeof end_calls / sizeof *end_calls};
}
