/* The scenarios of the suite of Ktor's client, with its names, between a client and a server of the
   library. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/server_user.h"
#include "testkit/check.h"

enum {
  CROWD = 100,             /* sessions */
  LARGE = 10 * 1024 * 1024 /* bytes of a frame */
};

/* A client of its own, and one session to the server. */
static void connect_to(session_user *u, server_user *s, const char *path) {
  user_init(u, s->w, NULL);
  assert_int_equal(user_try_connect_url(u, server_user_url(s, path)), 0);
}

static void open_to(session_user *u, server_user *s) {
  connect_to(u, s, "/");
  user_run_to_open(u);
}

static void close_normally(session_user *u) {
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  user_finish(u);
}

SERVER_TLS_TEST(test_client_session_used_outside_the_callback, w, s) {
  session_user u;
  server_user_start(s);
  open_to(&u, s);
  assert_int_equal(user_text(&u, "one"), 0);
  world_run_until_count(w, &u.messages, 1);
  assert_int_equal(user_ping(&u, "two"), 0);
  assert_int_equal(user_text(&u, "three"), 0);
  world_run_until_count(w, &u.messages, 2);
  world_run_until_count(w, &u.pongs, 1);
  assert_int_equal(u.messages, 2);
  close_normally(&u);
}

/* --- many --- */

static void speak(session_user *u) {
  const size_t *number = u->data;
  char text[32];
  (void) snprintf(text, sizeof text, "session %zu", *number);
  CHECK(user_text(u, text) == 0);
}

static void hear(session_user *u, const wsuv_message_t *m) {
  const size_t *number = u->data;
  char text[32];
  int len = snprintf(text, sizeof text, "session %zu", *number);
  CHECK(m->len == (size_t) len && memcmp(m->data, text, m->len) == 0);
  CHECK(user_close(u, 1000, NULL) == 0);
}

SERVER_TEST(test_client_100_parallel_sessions, w, s) {
  session_user *crowd = check_alloc(CROWD * sizeof *crowd);
  size_t numbers[CROWD];
  server_user_start(s);
  for (size_t i = 0; i < CROWD; i++) {
    session_user *u = &crowd[i];
    if (i == 0) user_init(u, w, NULL);
    if (i > 0) user_init_on(u, &crowd[0]);
    numbers[i] = i;
    u->data = &numbers[i];
    u->at_open = speak;
    u->at_message = hear;
    assert_int_equal(user_try_connect_url(u, server_user_url(s, "/")), 0);
  }
  server_user_run_to_closes(s, CROWD);
  for (size_t i = 0; i < CROWD; i++) {
    user_run_to_close(&crowd[i]);
    assert_true(user_ended_cleanly(&crowd[i], 1000, 1000));
    assert_int_equal(crowd[i].messages, 1);
  }
  assert_int_equal(s->open_count, CROWD);
  for (size_t i = 1; i < CROWD; i++) user_free(&crowd[i]);
  user_finish(&crowd[0]);
  free(crowd);
}

/* --- headers --- */

/* Back to the client, as a message; "-": there is no such field. */
static void tell_headers(session_user *u) {
  static const char *const names[] = {"X-Default", "x-own", "Origin", "User-Agent", "X-None"};
  SCOPED_BYTES text = {0};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = wsuv_session_request_header(u->session, names[i]);
    bytes_print(&text, "%s|", value != NULL ? value : "-");
  }
  CHECK(user_text(u, bytes_text(&text)) == 0);
}

/* What the server has seen of a request of a client with default headers. */
static void request_with(session_user *u, server_user *s, wsuv_request_t *request) {
  static const wsuv_header_t header = {"X-Default", "one, two"};
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.headers = &header;
  config.header_count = 1;
  config.user_agent = "tester/1.0";
  s->each.at_open = tell_headers;
  server_user_start(s);
  user_init(u, s->w, &config);
  request->url = server_user_url(s, "/");
  assert_int_equal(user_request(u, request), 0);
  world_run_until_count(s->w, &u->messages, 1);
}

SERVER_TEST(test_client_default_headers, w, s) {
  session_user u;
  wsuv_request_t request;
  wsuv_request_init(&request, NULL);
  request_with(&u, s, &request);
  assert_true(user_got(&u, "TEXT \"one, two|-|-|tester/1.0|-|\""));
  close_normally(&u);
}

SERVER_TEST(test_client_headers_seen_by_the_server, w, s) {
  static const wsuv_header_t own = {"X-Own", "a  \"b\""};
  session_user u;
  wsuv_request_t request;
  char origin[64];
  s->config.origins = (const char *const[]){"http://page.example"};
  s->config.origin_count = 1;
  wsuv_request_init(&request, NULL);
  request.headers = &own;
  request.header_count = 1;
  (void) snprintf(origin, sizeof origin, "http://page.example");
  request.origin = origin;
  request_with(&u, s, &request);
  assert_true(
      user_got(&u, "TEXT \"one, two|a  \" 22 \"b\" 22 \"|http://page.example|tester/1.0|-|\""));
  close_normally(&u);
}

/* --- refused, and once more --- */

static void want_fresh_token(server_user *s, wsuv_upgrade_t *u) {
  const char *token = wsuv_upgrade_header(u, "Authorization");
  if (token != NULL && strcmp(token, "Bearer fresh") == 0) {
    CHECK(server_user_accept(s, u, NULL) == 0);
  } else {
    CHECK(server_user_refuse(u, 401) == 0);
  }
}

static void request_with_token(session_user *u, server_user *s, const char *token) {
  const wsuv_header_t header = {"Authorization", token};
  wsuv_request_t request;
  wsuv_request_init(&request, server_user_url(s, "/"));
  request.headers = &header;
  request.header_count = 1;
  CHECK(user_request(u, &request) == 0);
}

/* From the callback, as programs do. */
static void refresh_token(session_user *u) {
  CHECK(u->end.status == WSUV_ESTATUS);
  CHECK(u->end.http_status == 401);
  server_user *s = u->data;
  user_reset(u);
  u->at_close = NULL;
  request_with_token(u, s, "Bearer fresh");
  s->data = u; /* it was refused once */
}

SERVER_TLS_TEST(test_client_token_refreshed, w, s) {
  session_user u;
  server_user_decide(s, want_fresh_token);
  server_user_start(s);
  user_init(&u, w, NULL);
  u.data = s;
  u.at_close = refresh_token;
  request_with_token(&u, s, "Bearer stale");
  user_run_to_open(&u);
  assert_ptr_equal(s->data, &u);
  assert_int_equal(s->upgrades, 2);
  assert_int_equal(user_text(&u, "in"), 0);
  world_run_until_count(w, &u.messages, 1);
  close_normally(&u);
}

SERVER_TEST(test_client_subprotocol_demanded_and_missing, w, s) {
  static const char *const names[] = {"mqtt", "chat"};
  session_user u;
  wsuv_request_t request;
  wsuv_route_t route;
  wsuv_route_init(&route, "/");
  route.subprotocol = "chat";
  s->each.at_message = server_user_echo;
  assert_int_equal(server_user_add_route(s, &route), 0);
  server_user_listen(s);
  wsuv_request_init(&request, server_user_url(s, "/"));
  request.subprotocols = names;
  request.subprotocol_count = 1;
  user_init(&u, w, NULL);
  assert_int_equal(user_request(&u, &request), 0);
  user_run_to_close(&u);
  assert_int_equal(u.end.status, WSUV_ESTATUS);
  assert_int_equal(u.end.http_status, 404);
  assert_true(server_user_refused(s, "NO_ROUTE 404\n"));
  user_reset(&u);
  request.subprotocol_count = 2;
  assert_int_equal(user_request(&u, &request), 0);
  user_run_to_open(&u);
  assert_string_equal(wsuv_session_subprotocol(u.session), "chat");
  server_user_run_to_sessions(s, 1);
  assert_string_equal(wsuv_session_subprotocol(server_user_session(s, 0)->session), "chat");
  close_normally(&u);
}

/* --- sizes --- */

SERVER_TEST(test_client_empty_frame, w, s) {
  session_user u;
  server_user_start(s);
  open_to(&u, s);
  assert_int_equal(user_text(&u, ""), 0);
  assert_int_equal(user_binary(&u, NULL, 0), 0);
  world_run_until_count(w, &u.messages, 2);
  assert_true(user_got(&u, "TEXT ; BIN"));
  assert_true(user_got(server_user_session(s, 0), "TEXT ; BIN"));
  close_normally(&u);
}

static void take_large(session_user *u, const wsuv_message_t *m) {
  CHECK(m->len == LARGE);
  CHECK(memcmp(m->data, u->data, LARGE) == 0);
}

SERVER_TEST(test_client_large_frame, w, s) {
  session_user u;
  uint8_t *data;
  if (w->seed > 0) return;
  server_user_start(s);
  open_to(&u, s);
  data = check_alloc(LARGE);
  for (size_t i = 0; i < LARGE; i++) data[i] = (uint8_t) (i % 251);
  u.data = data;
  u.at_message = take_large;
  assert_int_equal(user_binary(&u, data, LARGE), 0);
  world_run_until_count(w, &u.messages, 1);
  free(data);
  close_normally(&u);
}

/* --- what is no upgrade --- */

static void ask_plainly(server_user *s) {
  raw_client *c = server_user_client(s);
  raw_client_send_text(c, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  raw_client_run_to_status(c, 426);
  assert_true(raw_client_has_field(c, "Upgrade", "websocket"));
  raw_client_run_to_end(c);
}

SERVER_TLS_TEST(test_client_plain_request_beside_sessions_and_after, w, s) {
  session_user u;
  server_user_start(s);
  open_to(&u, s);
  ask_plainly(s);
  assert_int_equal(user_text(&u, "not disturbed"), 0);
  world_run_until_count(w, &u.messages, 1);
  ask_plainly(s);
  close_normally(&u);
  server_user_run_to_closes(s, 1);
  ask_plainly(s);
  assert_int_equal(s->refused, 3);
}
