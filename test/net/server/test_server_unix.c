/* Servers on Unix sockets: which process the peer is, and proxies that connect there. */

#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "net/address.h"
#include "support/server_user.h"
#include "support/socket_path.h"
#include "testkit/check.h"

static void listen_at_path(server_user *s, const wsuv_listen_options_t *options) {
  s->each.at_message = server_user_echo;
  server_user_route(s, "/");
  CHECK(wsuv_server_listen_unix(s->server, socket_path(), 0600, options, &s->listener) == 0);
  CHECK(wsuv_listener_address(s->listener, &s->address) == 0);
}

static void trust_unix(server_user *s) {
  static const char *const proxies[] = {"unix:"};
  s->config.trusted_proxies = proxies;
  s->config.trusted_proxy_count = 1;
  s->config.forwarded = WSUV_FORWARDED_X;
}

/* --- credentials --- */

static void check_credentials(int err, const wsuv_credentials_t *c) {
#if defined(__linux__)
  CHECK(err == 0 && c->pid == getpid() && c->uid == geteuid() && c->gid == getegid());
#else
  CHECK(err == UV_ENOTSUP || (err == 0 && c->uid == geteuid()));
#endif
}

static void look_at_peer(server_user *s, wsuv_upgrade_t *u) {
  wsuv_credentials_t c;
  wsuv_credentials_init(&c);
  int err = wsuv_upgrade_peer_credentials(u, &c);
  check_credentials(err, &c);
  CHECK(server_user_accept(s, u, NULL) == 0);
}

static void look_at_session(session_user *u) {
  wsuv_credentials_t c;
  wsuv_credentials_init(&c);
  int err = wsuv_session_peer_credentials(u->session, &c);
  check_credentials(err, &c);
  c.size = 1;
  CHECK(err < 0 || wsuv_session_peer_credentials(u->session, &c) == WSUV_ESIZE);
}

static void look_at_ended(session_user *u) {
  wsuv_credentials_t c;
  wsuv_credentials_init(&c);
  CHECK(wsuv_session_peer_credentials(u->session, &c) == WSUV_ESTATE);
}

SERVER_UV_AND_TLS_TEST(test_peer_of_a_unix_socket, w, s) {
  s->each.at_open = look_at_session;
  s->each.at_close = look_at_ended;
  listen_at_path(s, NULL);
  server_user_decide(s, look_at_peer);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"hello\"");
  raw_client_run_to_frames(c, 1);
  raw_client_close(c);
  server_user_run_to_closes(s, 1);
  assert_non_null(strstr(bytes_text(&s->accepted), "accepted from a Unix socket: /\n"));
}

static void look_without_credentials(server_user *s, wsuv_upgrade_t *u) {
  wsuv_credentials_t c;
  wsuv_credentials_init(&c);
  CHECK(wsuv_upgrade_peer_credentials(u, &c) == UV_ENOTSUP);
  CHECK(server_user_accept(s, u, NULL) == 0);
}

SERVER_TLS_TEST(test_peer_over_tcp_has_no_credentials, w, s) {
  server_user_decide(s, look_without_credentials);
  server_user_start(s);
  server_user_connect(s, "/");
}

/* --- proxies --- */

static char seen[ADDRESS_TEXT_SIZE];
static int family;

static void look_at_client(session_user *u) {
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  CHECK(wsuv_session_origin(u->session, &origin) == 0);
  family = origin.address.ss_family;
  address_print(seen, &origin.address);
}

SERVER_UV_TEST(test_proxy_at_a_unix_socket, w, s) {
  trust_unix(s);
  s->config.max_sessions_per_address = 1;
  s->each.at_open = look_at_client;
  listen_at_path(s, NULL);
  raw_client_upgrade(server_user_client(s),
                     &(upgrade_lines){.more = "X-Forwarded-For: 203.0.113.7\r\n"});
  server_user_run_to_sessions(s, 1);
  assert_string_equal(seen, "203.0.113.7");
  for (size_t i = 2; i < 4; i++) { /* without a field: nobody's address, and not counted */
    raw_client_upgrade(server_user_client(s), NULL);
    server_user_run_to_sessions(s, i);
    assert_int_equal(family, AF_UNIX);
  }
}

SERVER_UV_AND_TLS_TEST(test_proxy_protocol_at_a_unix_socket, w, s) {
  static const char header[] = "PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n";
  wsuv_listen_options_t options;
  wsuv_listen_options_init(&options);
  options.proxy_protocol = true;
  trust_unix(s);
  s->each.at_open = look_at_client;
  listen_at_path(s, &options);
  raw_client_upgrade(raw_client_new_after(w, &s->address, header, sizeof header - 1), NULL);
  server_user_run_to_sessions(s, 1);
  assert_string_equal(seen, "2001:db8::7");
}
