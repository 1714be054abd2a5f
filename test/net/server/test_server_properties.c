/* What a server can be asked and told while it runs: its loop, sockets that listen already, new
   certificates, what TLS has negotiated; and the warning of a server that never asks its peers. */

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "support/certs.h"
#include "support/server_user.h"
#include "support/world_tls.h"
#include "testkit/check.h"

/* --- sockets that listen already --- */

static int listening_socket(void) {
  const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0);
  CHECK(bind(fd, (const struct sockaddr *) &any, sizeof any) == 0);
  CHECK(listen(fd, 8) == 0);
  return fd;
}

SERVER_UV_AND_TLS_TEST(test_server_takes_over_a_socket_that_listens, w, s) {
  int fd = listening_socket();
  server_user_route(s, "/");
  s->each.at_message = server_user_echo;
  assert_int_equal(wsuv_server_listen_fd(s->server, fd, NULL, &s->listener), 0);
  assert_int_equal(wsuv_listener_fd(s->listener), fd);
  assert_int_equal(wsuv_listener_address(s->listener, &s->address), 0);
  assert_true(address_is_loopback(&s->address));
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"hello\"");
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "TEXT \"hello\""));
}

/* Behind a proxy that has TLS, a listener goes without. */
SERVER_UV_AND_TLS_TEST(test_listener_can_be_plain, w, s) {
  wsuv_listen_options_t options;
  wsuv_listen_options_init(&options);
  options.plain = true;
  server_user_route(s, "/");
  assert_int_equal(wsuv_server_listen_fd(s->server, listening_socket(), &options, &s->listener), 0);
  assert_int_equal(wsuv_listener_address(s->listener, &s->address), 0);
  raw_client *c = raw_client_new_plain(w, &s->address);
  raw_client_upgrade(c, NULL);
}

SERVER_UV_TEST(test_descriptor_that_does_not_listen_stays_the_caller_s, w, s) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  server_user_route(s, "/");
  assert_int_equal(wsuv_server_listen_fd(s->server, fd, NULL, &s->listener), UV_EINVAL);
  assert_int_equal(close(fd), 0);
  assert_int_equal(wsuv_server_listen_fd(s->server, -1, NULL, &s->listener), UV_EINVAL);
}

SERVER_UV_TEST(test_server_has_the_loop_that_it_was_given, w, s) {
  assert_ptr_equal(wsuv_server_loop(server_user_server(s)), world_uv_loop(w));
}

/* --- TLS --- */

static void look_at_tls(server_user *s, wsuv_upgrade_t *u) {
  wsuv_tls_info_t info;
  wsuv_tls_info_init(&info);
  int err = wsuv_upgrade_tls(u, &info);
  CHECK(err == (world_tls(s->w) != NULL ? 0 : WSUV_ESTATE));
  if (err == 0) CHECK(strncmp(info.version, "TLSv1.", 6) == 0 && info.peer_certificate == NULL);
  info.size = 1;
  CHECK(wsuv_upgrade_tls(u, &info) == WSUV_ESIZE);
  wsuv_upgrade_set_data(u, s);
  CHECK(wsuv_upgrade_data(u) == s);
  CHECK(server_user_accept(s, u, NULL) == 0);
}

SERVER_TLS_TEST(test_upgrade_knows_its_tls, w, s) {
  server_user_decide(s, look_at_tls);
  server_user_start(s);
  server_user_connect(s, "/");
  server_user_run_to_sessions(s, 1);
  assert_int_equal(s->upgrades, 1);
}

static void assert_echoes(raw_client *c, size_t frames) {
  raw_client_send_frames(c, "TEXT \"x\"");
  raw_client_run_to_frames(c, frames);
}

static void show_cert(wsuv_tls_config_t *tls, const cert *c) {
  wsuv_tls_config_init(tls);
  tls->cert_pem = c->pem;
  tls->cert_pem_len = strlen(c->pem);
  tls->key_pem = c->key_pem;
  tls->key_pem_len = strlen(c->key_pem);
}

/* F68: clients do not trust the other certificate, so they tell which one is shown. */
SERVER_ONLY_TLS_TEST(test_certificates_are_replaced_while_sessions_go_on, w, s) {
  const cert_spec spec = {.name = "other", .hosts = {"127.0.0.1"}};
  static cert other;
  wsuv_tls_config_t tls;
  cert_make(&other, &spec, NULL);
  show_cert(&tls, &other);
  server_user_start(s);
  raw_client *first = server_user_connect(s, "/");
  assert_echoes(first, 1);

  assert_int_equal(wsuv_server_set_tls(s->server, &tls), 0);
  raw_client *c = server_user_client(s);
  raw_client_run_to_end(c);
  server_user_run_to_refusals(s, 1);
  assert_true(server_user_refused(s, "TLS 0\n"));
  assert_echoes(first, 2);

  assert_int_equal(wsuv_server_set_tls(s->server, world_server_tls(w)), 0);
  assert_echoes(server_user_connect(s, "/"), 1);
  tls.cert_pem = tls.key_pem = NULL;
  tls.cert_pem_len = tls.key_pem_len = 0;
  tls.cert_file = tls.key_file = "/nowhere.pem";
  assert_int_equal(wsuv_server_set_tls(s->server, &tls), WSUV_ETLS);
  assert_echoes(server_user_connect(s, "/"), 1);
  assert_echoes(first, 3);
  cert_free(&other);
}

/* --- the warning --- */

typedef struct warnings {
  size_t count;
  char last[256];
} warnings;

static void keep_warning(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                         void *arg) {
  warnings *seen = arg;
  if (level != WSUV_LOG_WARN || session != NULL) return;
  seen->count++;
  (void) snprintf(seen->last, sizeof seen->last, "%s", text);
}

static size_t warnings_of(world *w, const wsuv_config_t *config, warnings *seen) {
  wsuv_server_t *server;
  assert_int_equal(world_server(w, &server, config), 0);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(wsuv_server_listen(server, "127.0.0.1", 0, NULL), 0);
  }
  world_server_close(w, server);
  return seen->count;
}

WORLD_TEST(test_server_that_never_asks_its_peers_is_warned_of_once, w) {
  warnings seen = {0};
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.log = keep_warning;
  config.log_arg = &seen;
  assert_int_equal(warnings_of(w, &config, &seen), 1);
  assert_non_null(strstr(seen.last, "ping_interval_ms"));
  config.ping_interval_ms = 25000;
  assert_int_equal(warnings_of(w, &config, &seen), 1);
  config.ping_interval_ms = 0;
  config.idle_timeout_ms = 60000;
  assert_int_equal(warnings_of(w, &config, &seen), 1);
}
