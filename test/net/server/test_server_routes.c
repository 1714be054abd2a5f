/* Which route a request takes, and what its sessions have of it. */

#include <string.h>

#include "support/server_user.h"
#include "testkit/check.h"

/* What on_open found; a session says it to its client. */
static void say_parameters(session_user *u) {
  static const char *const names[] = {"a", "b", "rest"};
  bytes text = {0};
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    const char *value = wsuv_session_param(u->session, names[i]);
    if (value != NULL) bytes_print(&text, "%s=%s;", names[i], value);
  }
  CHECK(user_text(u, bytes_text(&text)) == 0);
  bytes_free(&text);
}

/* Connect, and compare what the session says. NULL: the request is refused with 404. */
static void assert_says(server_user *s, const char *target, const char *wanted) {
  raw_client *c = server_user_client(s);
  raw_client_request(c, &(upgrade_lines){.target = target});
  raw_client_run_to_status(c, wanted != NULL ? 101 : 404);
  if (wanted != NULL) {
    SCOPED_BYTES script = {0};
    raw_client_run_to_frames(c, 1);
    bytes_print(&script, "TEXT \"%s\"", wanted);
    assert_true(raw_client_saw(c, bytes_text(&script)));
  }
  raw_client_free(c);
}

SERVER_TLS_TEST(test_route_parameters, w, s) {
  s->each.at_open = say_parameters;
  server_user_route(s, "/one/{a}");
  server_user_route(s, "/two/{a}/x/{b?}");
  server_user_route(s, "/all/{rest...}");
  server_user_listen(s);
  assert_says(s, "/one/1", "a=1;");
  assert_says(s, "/one/%7e%2F+", "a=~/+;");
  assert_says(s, "/one/", NULL);
  assert_says(s, "/one/1/", NULL);
  assert_says(s, "/two/1/x/2", "a=1;b=2;");
  assert_says(s, "/two/1/x", "a=1;");
  assert_says(s, "/all/1/2", "rest=1/2;");
  assert_says(s, "/all", "rest=;");
  assert_says(s, "//one/1", NULL);
  assert_says(s, "/all/../one/1", NULL);
}

/* Literals win over parameters, parameters over the rest, in whatever order they are added. */
SERVER_TEST(test_route_precedence, w, s) {
  s->each.at_open = say_parameters;
  server_user_route(s, "/{rest...}");
  server_user_route(s, "/{a}/x");
  server_user_route(s, "/y/{b}");
  server_user_listen(s);
  assert_says(s, "/y/x", "b=x;");
  assert_says(s, "/z/x", "a=z;");
  assert_says(s, "/z/y", "rest=z/y;");
  assert_says(s, "/", "rest=;");
}

SERVER_TEST(test_route_that_is_there_already, w, s) {
  wsuv_route_t route;
  server_user_route(s, "/a/{x}");
  wsuv_route_init(&route, "/a/{y}");
  assert_int_equal(server_user_add_route(s, &route), UV_EEXIST);
  wsuv_route_init(&route, "a");
  assert_int_equal(server_user_add_route(s, &route), UV_EINVAL);
  wsuv_route_init(&route, "/b");
  route.subprotocol = "a b";
  assert_int_equal(server_user_add_route(s, &route), WSUV_EINVAL_HEADER);
  route.subprotocol = "a";
  assert_int_equal(server_user_add_route(s, &route), 0);
  assert_int_equal(server_user_add_route(s, &route), UV_EEXIST);
}

SERVER_TEST(test_route_that_is_added_late, w, s) {
  s->each.at_open = say_parameters;
  server_user_listen(s);
  assert_says(s, "/late/1", NULL);
  server_user_route(s, "/late/{a}");
  assert_says(s, "/late/1", "a=1;");
}

/* The target's host is not part of the path (RFC 9112 3.2.2). */
SERVER_TEST(test_route_of_an_absolute_target, w, s) {
  s->each.at_open = say_parameters;
  server_user_route(s, "/one/{a}");
  server_user_listen(s);
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.line = "GET http://127.0.0.1/one/2?q HTTP/1.1"});
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "TEXT \"a=2;\""));
}

/* --- configuration, callbacks and data of a route --- */

SERVER_TLS_TEST(test_route_with_a_configuration_of_its_own, w, s) {
  static const wsuv_header_t field = {"X-Route", "small"};
  wsuv_route_t route;
  wsuv_config_t config;
  server_user_route(s, "/large");
  wsuv_server_get_config(s->server, &config);
  config.max_message_size = 10;
  config.headers = &field;
  config.header_count = 1;
  wsuv_route_init(&route, "/small");
  route.config = &config;
  assert_int_equal(server_user_add_route(s, &route), 0);
  server_user_listen(s);
  raw_client *small = server_user_connect(s, "/small"), *large = server_user_connect(s, "/large");
  assert_true(raw_client_has_field(small, "X-Route", "small"));
  assert_true(raw_client_has_field(large, "X-Route", NULL));
  raw_client_send_frames(small, "TEXT 61~11");
  server_user_run_to_closes(s, 1);
  assert_int_equal(s->sessions[0]->end.sent_code, 1009);
  raw_client_send_frames(large, "TEXT 61~11");
  world_run_until_count(w, &s->sessions[1]->messages, 1);
}

/* A configuration with a field of the whole that is not the server's. */
SERVER_TEST(test_route_with_another_configuration_of_the_whole, w, s) {
  wsuv_route_t route;
  wsuv_config_t config;
  wsuv_server_get_config(server_user_server(s), &config);
  config.max_sessions++;
  wsuv_route_init(&route, "/");
  route.config = &config;
  assert_int_equal(server_user_add_route(s, &route), UV_EINVAL);
}

typedef struct route_seen {
  size_t opens, closes;
} route_seen;

static void on_open(wsuv_session_t *session) {
  ((route_seen *) wsuv_session_data(session))->opens++;
  CHECK(wsuv_send_text(session, "mine", 4) == 0);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  (void) info;
  ((route_seen *) wsuv_session_data(session))->closes++;
}

SERVER_TLS_TEST(test_route_with_callbacks_and_data_of_its_own, w, s) {
  wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open, .on_close = on_close};
  route_seen seen[2] = {{0}, {0}};
  wsuv_server_t *server = server_user_server(s);
  assert_int_equal(wsuv_server_route(server, "/0", &callbacks, &seen[0]), 0);
  assert_int_equal(wsuv_server_route(server, "/1", &callbacks, &seen[1]), 0);
  assert_int_equal(wsuv_server_route(server, "/2", NULL, NULL), 0);
  memset(&callbacks, 0, sizeof callbacks); /* copied */
  server_user_listen(s);
  raw_client *c = server_user_client(s), *other = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.target = "/1"});
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "TEXT \"mine\""));
  assert_int_equal(seen[1].opens, 1);
  raw_client_upgrade(other, &(upgrade_lines){.target = "/2"});
  raw_client_send_frames(other, "TEXT \"x\" ; CLOSE #1000");
  raw_client_run_to_end(other);
  assert_true(raw_client_saw(other, "CLOSE #1000"));
  server_user_finish(s);
  assert_int_equal(seen[0].opens + seen[0].closes, 0);
  assert_int_equal(seen[1].closes, 1);
}

/* --- subprotocols --- */

/* Offer these, and compare the answer: NULL: refused with `status`; "": none; else the one. */
static void assert_answers(server_user *s, const char *target, const char *offer, int status,
                           const char *subprotocol) {
  SCOPED_BYTES more = {0};
  raw_client *c = server_user_client(s);
  if (offer != NULL) bytes_print(&more, "Sec-WebSocket-Protocol: %s\r\n", offer);
  raw_client_request(c, &(upgrade_lines){.target = target, .more = bytes_text(&more)});
  raw_client_run_to_status(c, status);
  assert_true(raw_client_has_field(c, "Sec-WebSocket-Protocol", subprotocol));
  raw_client_free(c);
}

SERVER_TEST(test_route_that_demands_a_subprotocol, w, s) {
  wsuv_route_t route;
  wsuv_route_init(&route, "/a");
  route.subprotocol = "chat";
  assert_int_equal(server_user_add_route(s, &route), 0);
  route.subprotocol = "mqtt";
  assert_int_equal(server_user_add_route(s, &route), 0);
  server_user_listen(s);
  assert_answers(s, "/a", "chat", 101, "chat");
  assert_answers(s, "/a", "x, mqtt", 101, "mqtt");
  assert_answers(s, "/a", NULL, 404, NULL);
  assert_answers(s, "/a", "x", 404, NULL);
  server_user_route(s, "/a");
  assert_answers(s, "/a", "x", 101, NULL);
  assert_answers(s, "/a", "x, chat", 101, "chat");
}

static void play_policy(server_user *s, wsuv_subprotocol_policy_t policy, int none, int other) {
  static const char *const names[] = {"chat", "mqtt"};
  s->config.subprotocols = names;
  s->config.subprotocol_count = 2;
  s->config.subprotocol_policy = policy;
  server_user_start(s);
  assert_answers(s, "/", "mqtt, chat", 101, "chat"); /* the server's order */
  assert_answers(s, "/", "x, mqtt", 101, "mqtt");
  assert_answers(s, "/", NULL, none, NULL);
  assert_answers(s, "/", "x", other, NULL);
}

SERVER_TEST(test_subprotocol_if_offered, w, s) {
  play_policy(s, WSUV_SUBPROTOCOL_IF_OFFERED, 101, 400);
  assert_true(server_user_refused(s, "SUBPROTOCOL 400\n"));
}

SERVER_TEST(test_subprotocol_by_default, w, s) {
  play_policy(s, WSUV_SUBPROTOCOL_DEFAULT, 101, 400);
}

SERVER_TEST(test_subprotocol_required, w, s) {
  play_policy(s, WSUV_SUBPROTOCOL_REQUIRED, 400, 400);
  assert_true(server_user_refused(s, "SUBPROTOCOL 400\nSUBPROTOCOL 400\n"));
}

SERVER_TEST(test_subprotocol_optional, w, s) {
  play_policy(s, WSUV_SUBPROTOCOL_OPTIONAL, 101, 101);
}

/* --- raw --- */

SERVER_TLS_TEST(test_raw_route, w, s) {
  wsuv_route_t route;
  wsuv_route_init(&route, "/");
  route.raw = true;
  s->each.raw = true;
  assert_int_equal(server_user_add_route(s, &route), 0);
  server_user_listen(s);
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c,
                     &(upgrade_lines){.more = "Sec-WebSocket-Extensions: permessage-deflate\r\n"});
  assert_true(raw_client_has_field(c, "Sec-WebSocket-Extensions", NULL));
  raw_client_send_frames(c, "TEXT- \"a\" ; PING \"p\" ; CONT \"b\"");
  server_user_run_to_sessions(s, 1);
  world_run_until_count(w, &s->sessions[0]->frames, 3);
  assert_true(user_got(s->sessions[0], "TEXT- \"a\" ; PING \"p\" ; CONT \"b\""));
}

static char negotiated[64];

static void note_extensions(session_user *u) {
  snprintf(negotiated, sizeof negotiated, "%s", wsuv_session_extensions(u->session));
}

static void echo_frame(session_user *u, const wsuv_frame_t *f) {
  CHECK(user_send_frame(u, 'f', f) == 0);
}

/* What is compressed goes through as it is: "Hello" of RFC 7692 7.2.3.1. */
SERVER_TLS_TEST(test_raw_route_that_negotiates_extensions, w, s) {
  static const char frames[] = "TEXT{4} f248cdc9c90700 ; TEXT-{4} f248cd ; CONT c9c90700";
  wsuv_route_t route;
  wsuv_extension_t deflate;
  const wsuv_extension_t *const extensions[] = {&deflate};
  assert_int_equal(wsuv_permessage_deflate(&deflate, NULL), 0);
  s->config.extensions = extensions;
  s->config.extension_count = 1;
  wsuv_route_init(&route, "/");
  route.raw = s->each.raw = true;
  route.negotiate_extensions = true;
  s->each.at_open = note_extensions;
  s->each.at_frame = echo_frame;
  assert_int_equal(server_user_add_route(s, &route), 0);
  server_user_listen(s);
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c,
                     &(upgrade_lines){.more = "Sec-WebSocket-Extensions: permessage-deflate\r\n"});
  assert_true(raw_client_has_field(c, "Sec-WebSocket-Extensions", "permessage-deflate"));
  assert_string_equal(negotiated, "permessage-deflate");
  raw_client_send_frames(c, frames);
  raw_client_run_to_frames(c, 3);
  assert_true(raw_client_saw(c, frames));
  assert_true(user_got(s->sessions[0], frames));
}
