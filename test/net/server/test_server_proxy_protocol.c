/* Listeners that expect the PROXY protocol: its header is demanded, from trusted proxies alone, and
   says who the client is. F62, F66 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/address.h"
#include "support/server_user.h"
#include "testkit/check.h"

#define V1 "PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n"
#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2 V2_SIGNATURE "\x21\x11\x00\x0c\xcb\x00\x71\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb"
#define V2_IPV6                                                                              \
  V2_SIGNATURE                                                                               \
  "\x21\x21\x00\x24\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x20\x01" \
  "\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xdc\x04\x01\xbb"
#define V2_LOCAL V2_SIGNATURE "\x20\x00\x00\x00"

static const char *const loopback[] = {"127.0.0.1"}, *const nobody[] = {"192.0.2.1"};

static char seen[256];

static void look(session_user *u) {
  char address[ADDRESS_TEXT_SIZE];
  wsuv_origin_t origin;
  struct sockaddr_storage peer;
  wsuv_origin_init(&origin);
  CHECK(wsuv_session_origin(u->session, &origin) == 0);
  CHECK(wsuv_session_peer_address(u->session, &peer) == 0);
  CHECK(address_is_loopback(&peer));
  address_print(address, &origin.address);
  (void) snprintf(seen, sizeof seen, "%s %u %s", address, (unsigned) address_port(&origin.address),
                  origin.host);
}

static void listen_with(server_user *s, const char *const *proxies) {
  wsuv_listen_options_t options;
  wsuv_listen_options_init(&options);
  options.proxy_protocol = true;
  s->config.trusted_proxies = proxies;
  s->config.trusted_proxy_count = 1;
  s->each.at_open = look;
  s->each.at_message = server_user_echo;
  server_user_route(s, "/");
  CHECK(wsuv_server_listen_tcp(s->server, "127.0.0.1", 0, &options, &s->listener) == 0);
  CHECK(wsuv_listener_address(s->listener, &s->address) == 0);
}

static raw_client *client_behind(server_user *s, const void *header, size_t len) {
  return raw_client_new_after(s->w, &s->address, header, len);
}

static void assert_client(server_user *s, const char *header, size_t len, const char *expected) {
  const size_t opened = s->open_count + 1;
  raw_client *c = client_behind(s, header, len);
  raw_client_upgrade(c, NULL);
  server_user_run_to_sessions(s, opened);
  assert_string_equal(seen, expected);
  raw_client_send_frames(c, "TEXT \"hello\"");
  raw_client_run_to_frames(c, 1);
  raw_client_close(c);
  server_user_run_to_closes(s, opened);
}

#define ASSERT_CLIENT(s, header, expected) \
  assert_client((s), (header), sizeof(header) - 1, (expected))

SERVER_TLS_TEST(test_header_says_who_the_client_is, w, s) {
  listen_with(s, loopback);
  ASSERT_CLIENT(s, V1, "203.0.113.7 56324 127.0.0.1");
  ASSERT_CLIENT(s, V2, "203.0.113.7 56324 127.0.0.1");
  ASSERT_CLIENT(s, V2_IPV6, "2001:db8::7 56324 127.0.0.1");
  assert_non_null(strstr(bytes_text(&s->accepted), "accepted from 2001:db8::7: /\n"));
}

/* A port of the client's own end is none of the test's. */
static void assert_peer(server_user *s, const char *header, size_t len) {
  const size_t opened = s->open_count + 1;
  raw_client_upgrade(client_behind(s, header, len), NULL);
  server_user_run_to_sessions(s, opened);
  assert_int_equal(strncmp(seen, "127.0.0.1 ", 10), 0);
}

SERVER_TLS_TEST(test_header_without_an_address, w, s) {
  listen_with(s, loopback);
  assert_peer(s, V2_LOCAL, sizeof V2_LOCAL - 1);
  assert_peer(s, "PROXY UNKNOWN\r\n", 15);
  assert_peer(s, V2_SIGNATURE "\x21\x00\x00\x00", 16);
}

/* In one piece with the request, and with a frame behind it: each byte has its reader. */
static void send_together(server_user *s, size_t cut, const char *header, size_t len) {
  SCOPED_BYTES all = {0};
  const size_t opened = s->open_count + 1;
  bytes_add(&all, header, len);
  upgrade_request(&all, NULL);
  raw_client *c = client_behind(s, NULL, 0);
  if (cut > 0) {
    raw_client_send(c, bytes_text(&all), cut);
    for (int turn = 0; turn < 4; turn++) world_advance(s->w, 1);
  }
  raw_client_send(c, bytes_text(&all) + cut, all.len - cut);
  raw_client_run_to_status(c, 101);
  raw_client_send_frames(c, "TEXT \"early\"");
  raw_client_run_to_frames(c, 1);
  assert_string_equal(seen, "203.0.113.7 56324 127.0.0.1");
  raw_client_close(c);
  server_user_run_to_closes(s, opened);
}

SERVER_SIM_TEST(test_header_is_cut_at_every_byte, w, s) {
  listen_with(s, loopback);
  for (size_t cut = 0; cut <= sizeof V1; cut++) send_together(s, cut, V1, sizeof V1 - 1);
  for (size_t cut = 0; cut <= sizeof V2; cut++) send_together(s, cut, V2, sizeof V2 - 1);
}

SERVER_UV_TEST(test_header_and_request_in_one_piece, w, s) {
  listen_with(s, loopback);
  send_together(s, 0, V1, sizeof V1 - 1);
  send_together(s, 0, V2, sizeof V2 - 1);
}

/* --- headers that are refused --- */

static void assert_refused(server_user *s, raw_client *c, const char *refusals) {
  raw_client_run_to_end(c);
  server_user_run_to_refusals(s, s->lines > 0 ? s->lines : 1);
  assert_true(server_user_refused(s, refusals));
  assert_int_equal(c->received, 0);
}

SERVER_TLS_TEST(test_peer_that_is_no_proxy, w, s) {
  listen_with(s, nobody);
  assert_refused(s, client_behind(s, V1, sizeof V1 - 1), "PROXY_UNTRUSTED 0\n");
  assert_int_equal(s->refused_code, UV_EACCES);
  assert_int_equal(s->refused_stage, WSUV_STAGE_CONNECT);
}

SERVER_TEST(test_connection_without_a_header, w, s) {
  listen_with(s, loopback);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  assert_refused(s, c, "PROXY_HEADER 0\n");
  assert_int_equal(s->refused_code, UV_EINVAL);
  assert_string_equal(
      bytes_text(&s->log),
      "refused 127.0.0.1: header of the PROXY protocol is missing, malformed or not "
      "complete: no PROXY header\n");
}

SERVER_ONLY_TLS_TEST(test_tls_without_a_header, w, s) {
  listen_with(s, loopback);
  assert_refused(s, server_user_client(s), "PROXY_HEADER 0\n");
}

SERVER_TEST(test_header_that_is_malformed, w, s) {
  listen_with(s, loopback);
  assert_refused(s, client_behind(s, "PROXY TCP4 203.0.113.7\r\n\r\n\r\n", 28), "PROXY_HEADER 0\n");
}

SERVER_SIM_TLS_TEST(test_header_that_never_comes, w, s) {
  s->config.handshake_timeout_ms = 500;
  listen_with(s, loopback);
  raw_client *c = raw_client_new_plain(w, &s->address);
  assert_refused(s, c, "SILENT 0\n");
}

/* Neither is it answered: the client speaks TLS, or is none of HTTP. */
SERVER_SIM_TLS_TEST(test_header_that_is_never_complete, w, s) {
  s->config.handshake_timeout_ms = 500;
  listen_with(s, loopback);
  raw_client *c = raw_client_new_plain(w, &s->address);
  raw_client_send_pieces(c, "PROXY TCP4 203.0.113.7 198.51.100.1 ", 36, 1, 50);
  assert_refused(s, c, "PROXY_HEADER 0\n");
  assert_int_equal(s->refused_code, UV_ETIMEDOUT);
  assert_int_equal(s->refused_stage, WSUV_STAGE_CONNECT);
}

SERVER_TEST(test_connection_that_ends_in_its_header, w, s) {
  listen_with(s, loopback);
  raw_client *c = client_behind(s, V1, 20);
  raw_client_end(c);
  raw_client_run_to_end(c);
  server_user_run_to_refusals(s, 1);
  assert_string_equal(bytes_text(&s->refusals), "GONE 0\n");
}

/* What ends while the server goes. */
SERVER_TLS_TEST(test_server_ends_while_a_header_is_awaited, w, s) {
  listen_with(s, loopback);
  raw_client *c = client_behind(s, V1, 20);
  world_advance(w, 1);
  assert_int_equal(server_user_close(s), 0);
  raw_client_run_to_end(c);
  server_user_run_to_end(s);
}

/* --- behind the header the client speaks --- */

static void look_at_cert(server_user *s, wsuv_upgrade_t *u) {
  CHECK(wsuv_upgrade_trusted_header(u, "Client-Cert") == NULL);
  CHECK(server_user_accept(s, u, NULL) == 0);
}

/* F66: its address is no proxy's, so its own fields are not read. */
SERVER_TEST(test_fields_of_the_client_behind_the_header, w, s) {
  s->config.forwarded = WSUV_FORWARDED_X;
  listen_with(s, loopback);
  server_user_decide(s, look_at_cert);
  const upgrade_lines forged = {
      .more = "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Host: evil.example\r\nClient-Cert: x\r\n"};
  raw_client_upgrade(client_behind(s, V1, sizeof V1 - 1), &forged);
  server_user_run_to_sessions(s, 1);
  assert_string_equal(seen, "203.0.113.7 56324 127.0.0.1");
  raw_client_upgrade(client_behind(s, "PROXY UNKNOWN\r\n", 15), &forged);
  server_user_run_to_sessions(s, 2);
  assert_int_equal(strncmp(seen, "127.0.0.1 ", 10), 0);
}

/* Two proxies: one of TCP, and one of HTTP before it. */
SERVER_TEST(test_proxy_of_http_behind_the_header, w, s) {
  s->config.forwarded = WSUV_FORWARDED_X;
  listen_with(s, loopback);
  const char header[] = "PROXY TCP4 127.0.0.1 127.0.0.1 56324 443\r\n";
  raw_client_upgrade(client_behind(s, header, sizeof header - 1),
                     &(upgrade_lines){.more = "X-Forwarded-For: 203.0.113.9\r\n"});
  server_user_run_to_sessions(s, 1);
  assert_string_equal(seen, "203.0.113.9 0 127.0.0.1");
}

/* The server is on a loopback address, but its clients are not on this machine. */
SERVER_TEST(test_host_behind_the_header, w, s) {
  listen_with(s, loopback);
  raw_client_upgrade(
      client_behind(s, V1, sizeof V1 - 1),
      &(upgrade_lines){.host = "Host: app.example", .more = "Origin: https://app.example\r\n"});
  server_user_run_to_sessions(s, 1);
  assert_string_equal(seen, "203.0.113.7 56324 app.example");
}

/* --- limits --- */

static raw_client *begin_request(server_user *s, const char *header) {
  raw_client *c = client_behind(s, header, strlen(header));
  raw_client_send_text(c, "GET / HTTP/1.1\r\n");
  for (int turn = 0; turn < 8; turn++) world_advance(s->w, 1);
  return c;
}

/* The oldest of its address makes room. The proxy's own connections do not count. */
SERVER_TEST(test_handshakes_of_the_client_are_counted, w, s) {
  static const char other[] = "PROXY TCP4 203.0.113.8 198.51.100.1 56324 443\r\n";
  s->config.max_handshakes_per_address = 1;
  listen_with(s, loopback);
  raw_client *first = begin_request(s, V1), *of_other = begin_request(s, other);
  raw_client *local = client_behind(s, V2_LOCAL, sizeof V2_LOCAL - 1);
  raw_client *waits = client_behind(s, V1, 20);
  world_advance(w, 1);
  assert_int_equal(s->refused, 0);
  raw_client *second = begin_request(s, V1);
  raw_client_run_to_end(first);
  assert_true(server_user_refused(s, "HANDSHAKES_PER_ADDRESS 0\n"));
  assert_string_equal(s->refused_address, "203.0.113.7");
  assert_false(of_other->ended || local->ended || waits->ended || second->ended);
}

/* Whose connection it is shows only behind the header, so a new one displaces nobody before. Those
   of clients that are not named count under the proxy's address. */
SERVER_TEST(test_connections_of_clients_displace_none_that_are_not_named, w, s) {
  static const char unknown[] = "PROXY UNKNOWN\r\n";
  s->config.max_handshakes_per_address = 1;
  listen_with(s, loopback);
  raw_client *first = begin_request(s, unknown), *of_client = begin_request(s, V1);
  assert_int_equal(s->refused, 0);
  assert_false(first->ended || of_client->ended);
  raw_client *second = begin_request(s, unknown);
  raw_client_run_to_end(first);
  assert_true(server_user_refused(s, "HANDSHAKES_PER_ADDRESS 0\n"));
  assert_string_equal(s->refused_address, "127.0.0.1");
  assert_false(of_client->ended || second->ended);
}

static void end_server(server_user *s, const wsuv_refusal_t *r) {
  (void) r;
  s->at_refused = NULL;
  assert_int_equal(server_user_terminate(s), 0);
}

/* The callback of the one that makes room may end them all. */
SERVER_TEST(test_server_ends_while_room_is_made, w, s) {
  s->config.max_handshakes_per_address = 1;
  s->at_refused = end_server;
  listen_with(s, loopback);
  raw_client *first = begin_request(s, V1), *second = begin_request(s, V1);
  raw_client_run_to_end(first);
  raw_client_run_to_end(second);
  server_user_run_to_end(s);
}

SERVER_TEST(test_health_check_by_the_header_is_not_in_the_log, w, s) {
  listen_with(s, loopback);
  raw_client *c = client_behind(s, V2_LOCAL, sizeof V2_LOCAL - 1);
  raw_client_send_text(c, "OPTIONS / HTTP/1.0\r\n\r\n");
  raw_client_run_to_head(c);
  server_user_run_to_refusals(s, 1);
  c = client_behind(s, "PROXY UNKNOWN\r\n", 15);
  raw_client_end(c);
  server_user_run_to_refusals(s, 2);
  c = client_behind(s, "PROXY TCP4 127.0.0.1 127.0.0.1 56324 443\r\n", 42); /* haproxy's */
  raw_client_end(c);
  server_user_run_to_refusals(s, 3);
  assert_int_equal(s->lines, 0);
}

/* --- listening --- */

SERVER_TEST(test_header_without_trusted_proxies, w, s) {
  wsuv_listen_options_t options;
  wsuv_listen_options_init(&options);
  options.proxy_protocol = true;
  assert_int_equal(
      wsuv_server_listen_tcp(server_user_server(s), "127.0.0.1", 0, &options, &s->listener),
      UV_EINVAL);
}

SERVER_TEST(test_listen_with_options, w, s) {
  wsuv_listen_options_t options;
  wsuv_listen_options_init(&options);
  options.backlog = 1;
  server_user_route(s, "/");
  assert_int_equal(wsuv_server_listen_tcp(s->server, "localhost", 0, &options, &s->listener), 0);
  assert_int_equal(wsuv_listener_address(s->listener, &s->address), 0);
  raw_client_upgrade(server_user_client(s), NULL);
  options.size = 3;
  assert_int_equal(wsuv_server_listen_tcp(s->server, "127.0.0.1", 0, &options, NULL), WSUV_ESIZE);
  assert_int_equal(wsuv_server_listen_tcp(s->server, "a.example", 0, NULL, NULL), UV_EINVAL);
  server_user_run_to_sessions(s, 1);
}
