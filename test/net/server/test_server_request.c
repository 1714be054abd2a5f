/* Requests that are not for a WebSocket, and that the program answers: now, later, or never; many
   on one connection; beside sessions; and handed over. F62, F63. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "support/descriptors.h"
#include "support/server_user.h"
#include "support/world_tls.h"
#include "testkit/check.h"
#include "testkit/sim.h"

#define HOST "Host: 127.0.0.1\r\n"
#define GET(TARGET) "GET " TARGET " HTTP/1.1\r\n" HOST "\r\n"

enum { ANSWERS = 2, QUIET_MS = 30 };

/* --- the program --- */

/* The path is the body. */
static int respond_path(wsuv_exchange_t *x) {
  char path[256];
  snprintf(path, sizeof path, "%s", wsuv_exchange_path(x));
  return server_user_respond(x, 200, path);
}

static void respond_now(server_user *s, wsuv_exchange_t *x) {
  (void) s;
  CHECK(respond_path(x) == 0);
}

static void note_gone(wsuv_exchange_t *x) {
  server_user *s = wsuv_exchange_data(x);
  CHECK(no_call_is_running());
  s->gone++;
}

static void keep(server_user *s, wsuv_exchange_t *x) {
  wsuv_exchange_set_data(x, s);
  wsuv_exchange_on_gone(x, note_gone);
}

static void decline(server_user *s, wsuv_exchange_t *x) {
  (void) s;
  CHECK(server_user_decline(x) == 0);
}

/* --- its clients --- */

static raw_client *client_with(server_user *s, const char *text) {
  raw_client *c = server_user_client(s);
  raw_client_send_text(c, text);
  return c;
}

static void start(server_user *s, void (*at_request)(server_user *s, wsuv_exchange_t *x)) {
  server_user_serve(s, at_request);
  server_user_start(s);
}

/* A client whose request is kept. */
static raw_client *begin_kept(server_user *s) {
  size_t requests = s->requests + 1;
  raw_client *c = client_with(s, GET("/kept"));
  server_user_run_to_requests(s, requests);
  return c;
}

static raw_client *start_kept(server_user *s) {
  start(s, keep);
  return begin_kept(s);
}

static void assert_response(raw_client *c, int status, const char *body) {
  raw_client_run_to_response(c, false);
  assert_int_equal(c->status, status);
  assert_true(raw_client_has_body(c, body));
}

/* A client whose first request has its response. */
static raw_client *get(server_user *s, const char *text, const char *body) {
  raw_client *c = client_with(s, text);
  assert_response(c, 200, body);
  return c;
}

static raw_client *start_and_get(server_user *s, const char *text, const char *body) {
  start(s, respond_now);
  return get(s, text, body);
}

static void assert_next(raw_client *c, int status, const char *body) {
  raw_client_next(c);
  assert_response(c, status, body);
}

static void assert_ends(raw_client *c) {
  assert_true(raw_client_has_field(c, "Connection", "close"));
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
  assert_int_equal(c->in.len, 0);
}

static void assert_echoes(raw_client *c) {
  size_t frames = c->frames + 1;
  raw_client_send_frames(c, "TEXT \"a\"");
  raw_client_run_to_frames(c, frames);
}

/* --- now and later --- */

static void look_and_respond(server_user *s, wsuv_exchange_t *x) {
  size_t count;
  struct sockaddr_storage addr;
  wsuv_tls_info_t tls;
  const wsuv_header_t field = {"Content-Type", "text/plain"};
  wsuv_tls_info_init(&tls);
  CHECK(wsuv_exchange_server(x) == s->server);
  CHECK(strcmp(wsuv_exchange_method(x), "GET") == 0);
  CHECK(strcmp(wsuv_exchange_target(x), "/a/b%20c?k=v+w") == 0);
  CHECK(strcmp(wsuv_exchange_path(x), "/a/b%20c") == 0);
  CHECK(strcmp(wsuv_exchange_query(x, "k"), "v w") == 0);
  CHECK(wsuv_exchange_query(x, "v") == NULL);
  CHECK(strcmp(wsuv_exchange_header(x, "host"), "127.0.0.1") == 0);
  CHECK(wsuv_exchange_headers(x, &count) != NULL && count == 1);
  CHECK(wsuv_exchange_peer_address(x, &addr) == 0 && addr.ss_family == AF_INET);
  CHECK(wsuv_exchange_tls(x, &tls) == (world_server_tls(s->w) != NULL ? 0 : WSUV_ESTATE));
  CHECK(!wsuv_exchange_has_body(x));
  CHECK(wsuv_exchange_data(x) == NULL);
  CHECK(wsuv_exchange_respond(x, 200, &field, 1, "hello", 5) == 0);
}

SERVER_TLS_TEST(test_request_answered_in_the_hook, w, s) {
  start(s, look_and_respond);
  raw_client *c = get(s, GET("/a/b%20c?k=v+w"), "hello");
  assert_true(raw_client_has_field(c, "Content-Type", "text/plain"));
  assert_true(raw_client_has_field(c, "Content-Length", "5"));
  assert_true(raw_client_has_field(c, "Connection", NULL));
  world_advance(w, QUIET_MS);
  assert_false(c->ended);
}

SERVER_TLS_TEST(test_request_answered_later, w, s) {
  raw_client *c = start_kept(s);
  world_advance(w, QUIET_MS);
  assert_int_equal(c->received, 0);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(c, 200, "/kept");
  assert_int_equal(s->gone, 0);
}

/* A mistake leaves the exchange as it was. */
static void respond_wrongly(server_user *s, wsuv_exchange_t *x) {
  static const char large[WSUV_EXCHANGE_BODY_MAX + 1];
  static const wsuv_header_t wrong[] = {
      {"Connection", "close"},
      {"Content-Length", "1"},
      {"Transfer-Encoding", "chunked"},
      {"Upgrade", "h2c"},
      {"X\r", "y"},
      {"X", "y\r\nZ: z"},
  };
  (void) s;
  for (int status = 0; status <= 700; status++) {
    if (status >= 200 && status < 600) continue;
    CHECK(server_user_respond(x, status, "") == UV_EINVAL);
  }
  CHECK(server_user_respond(x, 204, "x") == UV_EINVAL);
  CHECK(server_user_respond(x, 205, "x") == UV_EINVAL);
  CHECK(server_user_respond(x, 304, "x") == UV_EINVAL);
  CHECK(wsuv_exchange_respond(x, 200, NULL, 1, NULL, 0) == UV_EINVAL);
  CHECK(wsuv_exchange_respond(x, 200, NULL, 0, NULL, 1) == UV_EINVAL);
  CHECK(wsuv_exchange_respond(x, 200, NULL, 0, large, sizeof large) == WSUV_EMSGSIZE);
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    CHECK(wsuv_exchange_respond(x, 200, &wrong[i], 1, "x", 1) == WSUV_EINVAL_HEADER);
  }
  CHECK(wsuv_exchange_respond(x, 200, NULL, 0, large, sizeof large - 1) == 0);
}

SERVER_TLS_TEST(test_request_answered_after_mistakes, w, s) {
  start(s, respond_wrongly);
  raw_client *c = client_with(s, GET("/"));
  raw_client_run_to_response(c, false);
  assert_int_equal(c->status, 200);
  assert_int_equal(c->body.len, WSUV_EXCHANGE_BODY_MAX);
}

static void keep_error(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                       void *arg) {
  (void) session;
  if (level == WSUV_LOG_ERROR) bytes_print(arg, "%s\n", text);
}

/* doc/errors.md: the log "names the header, without its value". */
SERVER_TEST(test_request_answered_with_fields_that_may_not_be_sent_is_logged, w, s) {
  SCOPED_BYTES lines = {0};
  s->config.log = keep_error;
  s->config.log_arg = &lines;
  start(s, respond_wrongly);
  raw_client *c = client_with(s, GET("/"));
  raw_client_run_to_response(c, false);
  server_user_finish(s);
  assert_non_null(strstr(bytes_text(&lines), "Upgrade: only the handshake itself sets it\n"));
  assert_non_null(strstr(bytes_text(&lines), "X: control character in the value\n"));
  assert_null(strstr(bytes_text(&lines), "Z: z"));
}

/* A mistake, too. It is found as long as the connection has no other request. */
static void respond_twice(server_user *s, wsuv_exchange_t *x) {
  (void) s;
  CHECK(respond_path(x) == 0);
  CHECK(respond_path(x) == WSUV_ESTATE);
  CHECK(server_user_decline(x) == WSUV_ESTATE);
}

SERVER_TLS_TEST(test_request_answered_twice, w, s) {
  start(s, respond_twice);
  raw_client *c = client_with(s, GET("/1"));
  assert_response(c, 200, "/1");
  raw_client_send_text(c, GET("/2"));
  assert_next(c, 200, "/2");
}

/* --- answers that come too late --- */

static void assert_too_late(server_user *s, int kind) {
  assert_string_equal(wsuv_exchange_target(s->exchange), "/kept");
  assert_string_equal(wsuv_exchange_method(s->exchange), "GET");
  if (kind == 0) assert_int_equal(respond_path(s->exchange), WSUV_ESTATE);
  if (kind == 1) assert_int_equal(server_user_decline(s->exchange), WSUV_ESTATE);
}

SERVER_TLS_TEST(test_request_that_is_never_answered, w, s) {
  s->config.handshake_timeout_ms = 400;
  start(s, keep);
  for (int kind = 0; kind < ANSWERS; kind++) {
    raw_client *c = begin_kept(s);
    assert_response(c, 503, "");
    assert_ends(c);
    world_run_until_count(w, &s->gone, (size_t) kind + 1);
    assert_too_late(s, kind);
  }
  assert_true(server_user_refused(s, "UNDECIDED 503\nUNDECIDED 503\n"));
}

SERVER_TLS_TEST(test_request_whose_peer_has_gone, w, s) {
  start(s, keep);
  for (int kind = 0; kind < ANSWERS; kind++) {
    raw_client_reset(begin_kept(s));
    world_run_until_count(w, &s->gone, (size_t) kind + 1);
    server_user_run_to_refusals(s, (size_t) kind + 1);
    world_advance(w, QUIET_MS);
    assert_ptr_equal(wsuv_exchange_server(s->exchange), s->server);
    assert_too_late(s, kind);
  }
  assert_true(server_user_refused(s, "GONE 0\nGONE 0\n"));
}

/* It may be gone, or wait for the response. The hint comes once. */
SERVER_TLS_TEST(test_request_whose_peer_has_ended_its_direction, w, s) {
  raw_client *c = start_kept(s);
  raw_client_end(c);
  world_run_until_count(w, &s->gone, 1);
  world_advance(w, QUIET_MS);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(c, 200, "/kept");
  assert_ends(c);
  assert_int_equal(s->gone, 1);
  assert_int_equal(s->refused, 0);
}

SERVER_TLS_TEST(test_requests_of_a_peer_that_has_ended_its_direction, w, s) {
  start(s, respond_now);
  raw_client *c = client_with(s, GET("/1") GET("/2") GET("/3"));
  raw_client_end(c);
  assert_response(c, 200, "/1");
  assert_next(c, 200, "/2");
  assert_next(c, 200, "/3");
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
  assert_int_equal(s->refused, 0);
}

/* on_gone comes for each request. */
SERVER_TLS_TEST(test_kept_requests_of_a_peer_that_has_ended_its_direction, w, s) {
  start(s, keep);
  raw_client *c = client_with(s, GET("/1") GET("/2"));
  raw_client_end(c);
  world_run_until_count(w, &s->gone, 1);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(c, 200, "/1");
  world_run_until_count(w, &s->gone, 2);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_next(c, 200, "/2");
  assert_ends(c);
  assert_int_equal(s->refused, 0);
}

SERVER_TLS_TEST(test_request_that_is_kept_while_its_server_closes, w, s) {
  for (int kind = 0; kind < ANSWERS; kind++) {
    server_user_renew(s);
    raw_client *c = start_kept(s);
    assert_int_equal(server_user_close(s), 0);
    assert_too_late(s, kind);
    assert_response(c, 503, "");
    server_user_run_to_end(s);
    assert_int_equal(s->refused, 0);
  }
}

SERVER_TLS_TEST(test_request_that_is_kept_when_its_server_is_gone, w, s) {
  for (int kind = 0; kind < 2 * ANSWERS; kind++) {
    server_user_renew(s);
    server_user_end_with_kept(s, start_kept(s), kind >= ANSWERS);
    assert_null(wsuv_exchange_server(s->exchange));
    assert_true(w->alloc->live > 0);
    assert_int_equal(s->gone, 1);
    assert_too_late(s, kind % ANSWERS);
  }
}

static void close_and_respond(server_user *s, wsuv_exchange_t *x) {
  CHECK(server_user_close(s) == 0);
  CHECK(respond_path(x) == WSUV_ESTATE);
}

static void respond_and_close(server_user *s, wsuv_exchange_t *x) {
  CHECK(respond_path(x) == 0);
  CHECK(server_user_close(s) == 0);
}

static void terminate_and_decline(server_user *s, wsuv_exchange_t *x) {
  CHECK(server_user_terminate(s) == 0);
  CHECK(server_user_decline(x) == WSUV_ESTATE);
}

static void respond_and_terminate(server_user *s, wsuv_exchange_t *x) {
  CHECK(respond_path(x) == 0);
  CHECK(server_user_terminate(s) == 0);
}

static void drain_and_respond(server_user *s, wsuv_exchange_t *x) {
  CHECK(server_user_drain(s) == 0);
  CHECK(respond_path(x) == 0);
}

SERVER_TLS_TEST(test_server_ended_in_the_hook_for_requests, w, s) {
  static void (*const hooks[])(server_user * s, wsuv_exchange_t * x) = {
      close_and_respond, respond_and_close, terminate_and_decline, respond_and_terminate,
      drain_and_respond};
  for (size_t i = 0; i < COUNT_OF(hooks); i++) {
    server_user_renew(s);
    start(s, hooks[i]);
    raw_client *c = client_with(s, GET("/1") GET("/2"));
    raw_client_run_to_end(c);
    raw_client_close(c);
    world_run_until_count(w, &s->ends, 1);
    if (hooks[i] == drain_and_respond) assert_int_equal(c->status, 200);
  }
}

/* --- several requests on one connection --- */

SERVER_TLS_TEST(test_requests_one_after_the_other, w, s) {
  raw_client *c = start_and_get(s, GET("/1"), "/1");
  for (int i = 0; i < 3; i++) {
    raw_client_send_text(c, GET("/next"));
    assert_next(c, 200, "/next");
  }
  assert_int_equal(s->requests, 4);
  assert_int_equal(s->refused, 0);
}

/* The next request waits until the last one is answered. */
SERVER_TLS_TEST(test_pipelined_requests_answered_later, w, s) {
  start(s, keep);
  raw_client *c = client_with(s, GET("/1") GET("/2") GET("/3"));
  for (size_t i = 1; i <= 3; i++) {
    char path[8];
    snprintf(path, sizeof path, "/%zu", i);
    server_user_run_to_requests(s, i);
    world_advance(w, QUIET_MS);
    assert_int_equal(s->requests, i);
    assert_int_equal(respond_path(s->exchange), 0);
    raw_client_next(c);
    assert_response(c, 200, path);
  }
  assert_int_equal(s->gone, 0);
}

/* F24: cut at every byte. */
SERVER_TEST(test_pipelined_requests_in_pieces, w, s) {
  static const char text[] = GET("/1") "HEAD /2?x HTTP/1.1\r\n" HOST "\r\n" GET("/3");
  start(s, respond_now);
  for (size_t piece = 1; piece < sizeof text; piece += w->kind == WORLD_SIM ? 1 : 29) {
    raw_client *c = server_user_client(s);
    raw_client_send_pieces(c, text, sizeof text - 1, piece, w->kind == WORLD_SIM ? 1 : 0);
    assert_response(c, 200, "/1");
    raw_client_next(c);
    raw_client_run_to_response(c, true);
    assert_true(raw_client_has_field(c, "Content-Length", "2"));
    assert_next(c, 200, "/3");
    raw_client_close(c);
  }
  assert_int_equal(s->refused, 0);
}

/* Links on which each write and each read takes so many bytes. */
static void make_narrow(world *w, size_t size) {
  sim_profile narrow;
  sim_get_profile(world_sim(w), &narrow);
  narrow.segment_max = narrow.send_buffer = narrow.recv_buffer = size;
  narrow.bytes_per_ms = 0;
  narrow.cut_percent = 0;
  sim_set_profile(world_sim(w), &narrow);
}

enum { RESPONSE_LEN = 40 /* with a body of two bytes */ };

/* F24 */
SERVER_SIM_TEST(test_responses_cut_at_every_byte, w, s) {
  start(s, respond_now);
  for (size_t size = 1; size <= RESPONSE_LEN; size++) {
    make_narrow(w, size);
    raw_client *c = client_with(s, GET("/1") GET("/2"));
    assert_response(c, 200, "/1");
    assert_next(c, 200, "/2");
    assert_int_equal(c->received, 2 * RESPONSE_LEN);
    raw_client_close(c);
  }
  assert_int_equal(s->refused, 0);
}

/* It has had its answer: that is no refusal. */
SERVER_SIM_TEST(test_peer_that_goes_within_a_response, w, s) {
  start(s, respond_now);
  for (size_t size = 1; size < RESPONSE_LEN; size++) {
    size_t requests = s->requests + 1;
    make_narrow(w, size);
    raw_client *c = client_with(s, GET("/1"));
    server_user_run_to_requests(s, requests);
    raw_client_run_to_answer(c);
    assert_true(c->received < RESPONSE_LEN);
    raw_client_reset(c);
  }
  world_advance(w, QUIET_MS);
  assert_int_equal(s->refused, 0);
}

/* The last one says so, and what comes behind it is not read. */
SERVER_TLS_TEST(test_requests_up_to_the_limit_of_a_connection, w, s) {
  start(s, respond_now);
  raw_client *c = server_user_client(s);
  for (int i = 0; i <= WSUV_EXCHANGE_REQUESTS_MAX; i++) raw_client_send_text(c, GET("/"));
  for (int i = 1; i < WSUV_EXCHANGE_REQUESTS_MAX; i++) {
    assert_response(c, 200, "/");
    assert_true(raw_client_has_field(c, "Connection", NULL));
    raw_client_next(c);
  }
  assert_response(c, 200, "/");
  assert_ends(c);
  assert_int_equal(s->requests, WSUV_EXCHANGE_REQUESTS_MAX);
}

typedef struct connection_row {
  const char *line, *fields;
  const char *connection; /* the field of the response; NULL: it has none */
} connection_row;

SERVER_TLS_TEST(test_request_that_says_whether_the_connection_persists, w, s) {
  static const connection_row rows[] = {
      {"GET / HTTP/1.1", "", NULL},
      {"GET / HTTP/1.1", "Connection: keep-alive\r\n", NULL},
      {"GET / HTTP/1.1", "Connection: x, Close\r\n", "close"},
      {"GET / HTTP/1.0", "", "close"},
      {"GET / HTTP/1.0", "Connection: Keep-Alive\r\n", "keep-alive"},
      {"GET / HTTP/1.0", "Connection: keep-alive, close\r\n", "close"},
      {"POST / HTTP/1.1", "Content-Length: 0\r\n", NULL},
      {"POST / HTTP/1.1", "Content-Length: 5\r\n", "close"},
      {"PUT / HTTP/1.1", "Transfer-Encoding: chunked\r\n", "close"},
  };
  start(s, respond_now);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char text[256];
    const bool persists = rows[i].connection == NULL || rows[i].connection[0] == 'k';
    snprintf(text, sizeof text, "%s\r\n" HOST "%s\r\n", rows[i].line, rows[i].fields);
    raw_client *c = client_with(s, text);
    assert_response(c, 200, "/");
    assert_true(raw_client_has_field(c, "Connection", rows[i].connection));
    if (persists) {
      raw_client_send_text(c, GET("/next"));
      assert_next(c, 200, "/next");
    } else {
      assert_ends(c);
    }
    raw_client_close(c);
  }
  assert_int_equal(s->refused, 0);
}

/* --- upgrades on the same connection --- */

SERVER_TLS_TEST(test_upgrade_after_a_request, w, s) {
  raw_client *c = start_and_get(s, GET("/page"), "/page");
  raw_client_next(c);
  raw_client_upgrade(c, NULL);
  assert_echoes(c);
  assert_int_equal(s->open_count, 1);
}

/* All in one piece: a request, the upgrade, and its first frame. */
SERVER_TLS_TEST(test_upgrade_and_frames_glued_to_a_request, w, s) {
  bytes out = {0};
  start(s, respond_now);
  bytes frames = frames_of("TEXT \"early\"", true);
  bytes_add(&out, GET("/page"), strlen(GET("/page")));
  upgrade_request(&out, NULL);
  bytes_add(&out, (const char *) frames.base, frames.len);
  raw_client *c = server_user_client(s);
  raw_client_send(c, out.base, out.len);
  assert_response(c, 200, "/page");
  raw_client_next(c);
  raw_client_run_to_status(c, 101);
  assert_echoes(c);
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "TEXT \"early\" ; TEXT \"a\""));
  bytes_free(&frames);
  bytes_free(&out);
}

static void accept_now(server_user *s, wsuv_upgrade_t *u) {
  CHECK(wsuv_upgrade_data(u) == s);
  CHECK(server_user_accept(s, u, NULL) == 0);
}

/* Nothing is left of the exchange: its data, its callback, its query. */
SERVER_TLS_TEST(test_upgrade_after_a_kept_request, w, s) {
  server_user_decide(s, accept_now);
  raw_client *c = start_kept(s);
  assert_null(wsuv_exchange_query(s->exchange, "k"));
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(c, 200, "/kept");
  raw_client_next(c);
  raw_client_upgrade(c, NULL);
  assert_echoes(c);
  server_user_decide(s, server_user_keep);
  raw_client *other = begin_kept(s);
  assert_int_equal(respond_path(s->exchange), 0);
  raw_client_run_to_response(other, false);
  raw_client_request(other, &(upgrade_lines){.target = "/?k=v"});
  server_user_run_to_upgrades(s, 2);
  assert_string_equal(wsuv_upgrade_query(s->upgrade, "k"), "v");
  raw_client_reset(other);
  server_user_run_to_refusals(s, 1);
  assert_int_equal(server_user_refuse(s->upgrade, 403), WSUV_ESTATE);
  assert_int_equal(s->gone, 0);
}

/* The request and the upgrade in one piece, and the end of the peer's direction, while the first
   response is owed: nobody can use the session. */
static void end_behind_an_upgrade(server_user *s) {
  bytes out = {0};
  start(s, keep);
  bytes_add(&out, GET("/kept"), strlen(GET("/kept")));
  upgrade_request(&out, NULL);
  raw_client *c = server_user_client(s);
  raw_client_send(c, out.base, out.len);
  raw_client_end(c);
  bytes_free(&out);
  world_run_until_count(s->w, &s->gone, 1);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(c, 200, "/kept");
  raw_client_run_to_end(c);
}

SERVER_TLS_TEST(test_upgrade_of_a_peer_that_has_ended_its_direction, w, s) {
  end_behind_an_upgrade(s);
  assert_true(server_user_refused(s, "GONE 0\n"));
  assert_int_equal(s->session_count, 0);
}

SERVER_TLS_TEST(test_upgrade_of_a_peer_that_has_ended_its_direction_is_not_offered, w, s) {
  server_user_decide(s, server_user_keep);
  end_behind_an_upgrade(s);
  assert_true(server_user_refused(s, "GONE 0\n"));
  assert_int_equal(s->upgrades, 0);
}

SERVER_TLS_TEST(test_upgrade_after_a_request_is_refused, w, s) {
  raw_client *c = start_and_get(s, GET("/page"), "/page");
  raw_client_next(c);
  raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
  raw_client_run_to_response(c, false);
  assert_int_equal(c->status, 404);
  assert_ends(c);
  assert_true(server_user_refused(s, "NO_ROUTE 404\n"));
}

/* Ktor: a plain request on the same server while sessions are open, and after. */
SERVER_TLS_TEST(test_plain_request_while_sessions_are_open_and_after, w, s) {
  start(s, respond_now);
  raw_client *sessions[] = {server_user_connect(s, "/"), server_user_connect(s, "/")};
  raw_client *c = get(s, GET("/1"), "/1");
  for (size_t i = 0; i < COUNT_OF(sessions); i++) {
    assert_echoes(sessions[i]);
    raw_client_send_frames(sessions[i], "CLOSE #1000");
    server_user_run_to_closes(s, i + 1);
    raw_client_send_text(c, GET("/2"));
    assert_next(c, 200, "/2");
  }
  assert_response(client_with(s, GET("/3")), 200, "/3");
}

/* --- proxies --- */

/* The address of the client is the body. */
static void respond_origin(server_user *s, wsuv_exchange_t *x) {
  char text[64];
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  (void) s;
  CHECK(wsuv_exchange_origin(x, &origin) == 0);
  CHECK(inet_ntop(AF_INET, &((struct sockaddr_in *) (void *) &origin.address)->sin_addr, text,
                  sizeof text) != NULL);
  bytes out = {0};
  bytes_print(&out, "%s %s %s", text, origin.scheme, origin.host);
  const char *field = wsuv_exchange_trusted_header(x, "Client-Cert");
  bytes_print(&out, "%s%s", field != NULL ? " " : "", field != NULL ? field : "");
  CHECK(server_user_respond(x, 200, bytes_text(&out)) == 0);
  bytes_free(&out);
}

/* F66: a proxy sends requests of several clients on one connection. Nothing that it has said of one
   is believed of another. */
SERVER_TEST(test_requests_of_several_clients_of_a_proxy, w, s) {
  static const char *const proxies[] = {"127.0.0.1"};
  s->config.trusted_proxies = proxies;
  s->config.trusted_proxy_count = 1;
  s->config.forwarded = WSUV_FORWARDED_X;
  start(s, respond_origin);
  raw_client *c = client_with(s, "GET / HTTP/1.1\r\n" HOST "X-Forwarded-For: 192.0.2.1\r\n"
                                 "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n"
                                 "Client-Cert: x\r\n\r\n" GET("/"));
  assert_response(c, 200, "192.0.2.1 wss a.example x");
  assert_next(c, 200, "127.0.0.1 ws 127.0.0.1");
  raw_client_send_text(c, "GET / HTTP/1.1\r\n" HOST "X-Forwarded-For: 192.0.2.2\r\n\r\n");
  assert_next(c, 200, "192.0.2.2 ws 127.0.0.1");
}

/* --- responses --- */

static int status_wanted;

static void respond_status(server_user *s, wsuv_exchange_t *x) {
  const bool bare = status_wanted == 204 || status_wanted == 205 || status_wanted == 304;
  (void) s;
  CHECK(server_user_respond(x, status_wanted, bare ? "" : "words") == 0);
}

/* RFC 9110 8.6, 9.3.2, 15: what has a body, a length, or neither. */
SERVER_TLS_TEST(test_response_of_each_status, w, s) {
  static const struct {
    int status;
    const char *length;
  } rows[] = {{200, "5"},  {201, "5"}, {204, NULL}, {205, "0"}, {206, "5"}, {299, "5"}, {301, "5"},
              {304, NULL}, {404, "5"}, {405, "5"},  {426, "5"}, {500, "5"}, {599, "5"}};
  start(s, respond_status);
  raw_client *c = server_user_client(s);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    status_wanted = rows[i].status;
    for (int to_head = 0; to_head < 2; to_head++) {
      raw_client_send_text(c, to_head ? "HEAD / HTTP/1.1\r\n" HOST "\r\n" : GET("/"));
      raw_client_next(c);
      raw_client_run_to_response(c, to_head);
      assert_int_equal(c->status, rows[i].status);
      assert_true(raw_client_has_field(c, "Content-Length", rows[i].length));
      assert_true(raw_client_has_field(c, "Allow", NULL));
      if (rows[i].status != 426) continue;
      assert_true(raw_client_has_field(c, "Upgrade", "websocket"));
      assert_true(raw_client_has_field(c, "Connection", "upgrade"));
    }
  }
  raw_client_send_text(c, GET("/"));
  assert_next(c, 599, "words");
}

/* --- declining --- */

typedef struct declined_row {
  const char *line;
  int status;
  const char *name, *value; /* a field of the response */
} declined_row;

/* The same as without a hook. The program knows of it: on_refused is not called. */
SERVER_TLS_TEST(test_declined_requests, w, s) {
  static const declined_row rows[] = {
      {"GET / HTTP/1.1", 426, "Upgrade", "websocket"},
      {"GET / HTTP/1.0", 426, "Upgrade", "websocket"},
      {"POST / HTTP/1.1", 405, "Allow", "GET"},
      {"GET /nowhere HTTP/1.1", 404, "Allow", NULL},
      {"OPTIONS /nowhere HTTP/1.1", 404, "Allow", NULL},
      {"GET /%zz HTTP/1.1", 400, "Allow", NULL},
  };
  for (int hook = 0; hook < 2; hook++) {
    server_user_renew(s);
    start(s, hook == 1 ? decline : NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
      char text[256];
      snprintf(text, sizeof text, "%s\r\n" HOST "\r\n", rows[i].line);
      raw_client *c = client_with(s, text);
      assert_response(c, rows[i].status, "");
      assert_true(raw_client_has_field(c, rows[i].name, rows[i].value));
      raw_client_run_to_end(c);
    }
    assert_int_equal(s->refused, hook == 1 ? 0 : COUNT_OF(rows));
  }
}

/* --- what does not come to the program --- */

/* F62: what is malformed, or can be understood in two ways. */
SERVER_TEST(test_requests_that_are_refused_before_the_program, w, s) {
  static const struct {
    const char *text;
    int status;
  } rows[] = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n", 421},
      {"GET / HTTP/1.1\n" HOST "\r\n", 400},
      {"GET / HTTP/1.1\r\n" HOST "X: y\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" HOST "X: y\r\n z\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" HOST "X : y\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \r\n\r\n", 400},
      {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400},
      {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400},
      {"GET a HTTP/1.1\r\n" HOST "\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 405},
      {"CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", 405},
      {"CONNECT / HTTP/1.1\r\n" HOST "\r\n", 405},
      {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
      {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nUpgrade: websocket\r\n"
       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
       400},
  };
  start(s, respond_now);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    raw_client *c = client_with(s, rows[i].text);
    raw_client_run_to_head(c);
    if (c->status != rows[i].status) fail_msg("%d for:\n%s", c->status, rows[i].text);
    assert_ends(c);
    raw_client_close(c);
    /* the same behind a good one */
    char text[512];
    snprintf(text, sizeof text, "%s%s", GET("/good"), rows[i].text);
    c = client_with(s, text);
    assert_response(c, 200, "/good");
    assert_next(c, rows[i].status, "");
    assert_ends(c);
    raw_client_close(c);
  }
  assert_int_equal(s->requests, COUNT_OF(rows));
}

/* A health check of a proxy. The listener is on a loopback address, where names are checked. */
SERVER_TLS_TEST(test_health_check_without_a_host, w, s) {
  start(s, respond_now);
  raw_client *c = client_with(s, "OPTIONS / HTTP/1.0\r\n\r\n");
  assert_response(c, 200, "/");
  assert_ends(c);
}

SERVER_TEST(test_declined_health_check_without_a_host, w, s) {
  start(s, decline);
  raw_client *c = client_with(s, "OPTIONS / HTTP/1.0\r\n\r\n");
  assert_response(c, 421, "");
  assert_ends(c);
}

/* --- bodies of requests --- */

static void respond_about_body(server_user *s, wsuv_exchange_t *x) {
  (void) s;
  CHECK(server_user_respond(x, 413, wsuv_exchange_has_body(x) ? "body" : "none") == 0);
}

/* It is not read, so the connection ends; the peer, which still sends, gets the response. */
SERVER_TLS_TEST(test_request_with_a_body, w, s) {
  static char large[256 * 1024];
  start(s, respond_about_body);
  raw_client *c = client_with(s, "POST / HTTP/1.1\r\n" HOST "Content-Length: 262144\r\n\r\n");
  raw_client_send(c, large, sizeof large);
  assert_response(c, 413, "body");
  assert_ends(c);
  c = client_with(s, "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                     "Content-Length: 5\r\n\r\n");
  assert_response(c, 413, "body");
  assert_ends(c);
  assert_int_equal(s->refused, 0);
}

/* --- time --- */

/* The end of a connection that has had its response is no refusal. */
SERVER_TLS_TEST(test_connection_that_has_no_other_request, w, s) {
  s->config.handshake_timeout_ms = 200;
  raw_client *c = start_and_get(s, GET("/"), "/");
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
  raw_client *leaves = get(s, GET("/"), "/");
  raw_client_close(leaves);
  world_advance(w, QUIET_MS);
  assert_int_equal(s->refused, 0);
}

SERVER_TLS_TEST(test_other_request_that_is_not_complete_in_time, w, s) {
  s->config.handshake_timeout_ms = 200;
  raw_client *c = start_and_get(s, GET("/") "GET /2 HTTP/1.1\r\n", "/");
  assert_next(c, 408, "");
  assert_ends(c);
  assert_true(server_user_refused(s, "TIMEOUT 408\n"));
}

SERVER_SIM_TEST(test_other_request_has_its_own_time, w, s) {
  s->config.handshake_timeout_ms = 1000;
  start(s, keep);
  raw_client *c = begin_kept(s);
  world_advance(w, 900);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(c, 200, "/kept");
  world_advance(w, 900);
  raw_client_send_text(c, GET("/2"));
  server_user_run_to_requests(s, 2);
  world_advance(w, 900);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_next(c, 200, "/2");
  const uint64_t at_ms = world_now_ms(w);
  raw_client_send_pieces(c, GET("/3"), strlen(GET("/3")), 1, 90);
  raw_client_next(c);
  raw_client_run_to_status(c, 408);
  assert_in_range(world_now_ms(w) - at_ms, 1000, 1100);
  assert_int_equal(s->gone, 0);
}

static void respond_large(server_user *s, wsuv_exchange_t *x) {
  static const char large[WSUV_EXCHANGE_BODY_MAX];
  (void) s;
  CHECK(wsuv_exchange_respond(x, 200, NULL, 0, large, sizeof large) == 0);
}

/* F44, F63: it holds one response and 64 KiB of requests, and ends in time. */
SERVER_SIM_TLS_TEST(test_peer_that_does_not_read_its_responses, w, s) {
  enum { HELD_MAX = 256 * 1024, REQUESTS = 4000 };
  s->config.handshake_timeout_ms = 2000;
  start(s, respond_large);
  raw_client *c = server_user_client(s);
  raw_client_send_text(c, GET("/"));
  raw_client_run_to_response(c, false);
  raw_client_read(c, false);
  size_t before = w->alloc->live_bytes;
  for (int i = 0; i < REQUESTS; i++) raw_client_send_text(c, GET("/"));
  world_advance(w, 1500);
  assert_true(w->alloc->live_bytes < before + HELD_MAX);
  assert_true(s->requests < WSUV_EXCHANGE_REQUESTS_MAX);
  world_advance(w, 4000);
  assert_true(w->alloc->live_bytes < before);
  assert_int_equal(s->refused, 0);
}

/* A connection that waits for its next request has no room for others any more. */
SERVER_SIM_TEST(test_room_for_pipelined_requests_is_given_back, w, s) {
  enum { COUNT = 50, FIELDS = 10, HELD_MAX = 8 * 1024 };
  SCOPED_BYTES text = {0};
  for (int i = 0; i < COUNT; i++) {
    bytes_print(&text, "GET / HTTP/1.1\r\n" HOST);
    for (int field = 0; field < FIELDS; field++) bytes_print(&text, "X: %0100d\r\n", field);
    bytes_print(&text, "\r\n");
  }
  raw_client *c = start_and_get(s, GET("/"), "/");
  world_advance(w, QUIET_MS);
  const size_t before = w->alloc->live_bytes;
  server_user_serve(s, keep);
  raw_client_send(c, text.base, text.len);
  server_user_run_to_requests(s, 2);
  world_advance(w, 1000);
  assert_true(w->alloc->live_bytes > before + 4 * HELD_MAX);
  server_user_serve(s, respond_now);
  assert_int_equal(respond_path(s->exchange), 0);
  for (int i = 0; i < COUNT; i++) assert_next(c, 200, "/");
  world_advance(w, QUIET_MS);
  assert_true(w->alloc->live_bytes < before + HELD_MAX);
}

/* F22: one request of a connection in each turn. The others are served meanwhile. */
SERVER_TEST(test_many_pipelined_requests_and_another_client, w, s) {
  start(s, respond_now);
  raw_client *c = server_user_client(s);
  for (int i = 0; i < 4000; i++) raw_client_send_text(c, GET("/many"));
  server_user_run_to_requests(s, 1);
  assert_response(client_with(s, GET("/other")), 200, "/other");
  raw_client_run_to_end(c);
  assert_int_equal(s->requests, WSUV_EXCHANGE_REQUESTS_MAX + 1);
}

/* --- limits --- */

static void fill_with_idle(server_user *s) {
  start(s, respond_now);
  raw_client *idle[] = {get(s, GET("/"), "/"), get(s, GET("/"), "/")};
  assert_response(client_with(s, GET("/3")), 200, "/3");
  world_advance(s->w, QUIET_MS);
  assert_int_equal(idle[0]->ended + idle[1]->ended, 1);
  assert_int_equal(s->refused, 0);
}

SERVER_TEST(test_idle_connections_make_room_for_others, w, s) {
  s->config.max_handshakes = 2;
  fill_with_idle(s);
}

SERVER_TEST(test_idle_connections_of_an_address_make_room_for_others, w, s) {
  s->config.max_handshakes_per_address = 2;
  fill_with_idle(s);
}

/* Answers that are owed are bounded. They take no places of sessions. */
SERVER_TEST(test_too_many_requests_without_an_answer, w, s) {
  wsuv_exchange_t *kept[2];
  s->config.max_handshakes = 2;
  s->config.max_sessions = 1;
  start(s, keep);
  for (size_t i = 0; i < 2; i++) {
    (void) begin_kept(s); /* the world frees it */
    kept[i] = s->exchange;
  }
  raw_client *c = client_with(s, GET("/3"));
  assert_response(c, 503, "");
  assert_true(raw_client_has_field(c, "Retry-After", "5"));
  assert_ends(c);
  assert_true(server_user_refused(s, "REQUESTS 503\n"));
  assert_echoes(server_user_connect(s, "/"));
  for (size_t i = 0; i < 2; i++) assert_int_equal(respond_path(kept[i]), 0);
}

/* The same for one address. */
SERVER_TEST(test_too_many_requests_without_an_answer_of_an_address, w, s) {
  wsuv_exchange_t *kept[2];
  s->config.max_handshakes_per_address = 2;
  start(s, keep);
  for (size_t i = 0; i < 2; i++) {
    (void) begin_kept(s); /* the world frees it */
    kept[i] = s->exchange;
  }
  raw_client *c = client_with(s, GET("/3"));
  assert_response(c, 503, "");
  assert_ends(c);
  assert_true(server_user_refused(s, "REQUESTS_PER_ADDRESS 503\n"));
  assert_int_equal(respond_path(kept[0]), 0);
  (void) begin_kept(s); /* the world frees it */
  assert_int_equal(respond_path(s->exchange), 0);
  assert_int_equal(respond_path(kept[1]), 0);
}

#define KEPT_OF(CLIENT) "GET /kept HTTP/1.1\r\n" HOST "X-Forwarded-For: " CLIENT "\r\n\r\n"

/* The same for one client of a proxy, whose connections have requests of others before and after.
   F66 */
SERVER_TEST(test_too_many_requests_without_an_answer_of_a_client_of_a_proxy, w, s) {
  static const char *const proxies[] = {"127.0.0.1"};
  wsuv_exchange_t *kept[2];
  s->config.trusted_proxies = proxies;
  s->config.trusted_proxy_count = 1;
  s->config.forwarded = WSUV_FORWARDED_X;
  s->config.max_handshakes_per_address = 2;
  start(s, keep);
  for (size_t i = 0; i < 2; i++) {
    (void) client_with(s, KEPT_OF("192.0.2.1")); /* the world frees it */
    server_user_run_to_requests(s, i + 1);
    kept[i] = s->exchange;
  }
  raw_client *c = client_with(s, KEPT_OF("192.0.2.1"));
  assert_response(c, 503, "");
  assert_ends(c);
  assert_true(server_user_refused(s, "REQUESTS_PER_ADDRESS 503\n"));
  assert_string_equal(s->refused_address, "192.0.2.1");
  raw_client *other = client_with(s, KEPT_OF("192.0.2.2"));
  server_user_run_to_requests(s, 3);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(other, 200, "/kept");
  assert_int_equal(respond_path(kept[0]), 0);
  raw_client_send_text(other, KEPT_OF("192.0.2.1"));
  server_user_run_to_requests(s, 4);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_next(other, 200, "/kept");
  raw_client_send_text(other, KEPT_OF("192.0.2.2"));
  server_user_run_to_requests(s, 5);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_int_equal(respond_path(kept[1]), 0);
  assert_next(other, 200, "/kept");
}

/* Connections whose answers are owed take no places of those without a complete request. */
SERVER_TEST(test_requests_without_an_answer_shut_out_nobody_of_their_address, w, s) {
  wsuv_exchange_t *kept[2];
  raw_client *slow[2];
  s->config.max_handshakes_per_address = 2;
  start(s, keep);
  for (size_t i = 0; i < 2; i++) {
    (void) begin_kept(s); /* the world frees it */
    kept[i] = s->exchange;
  }
  for (size_t i = 0; i < 2; i++) slow[i] = server_user_client(s);
  world_advance(w, QUIET_MS);
  for (size_t i = 0; i < 2; i++) raw_client_upgrade(slow[i], NULL);
  assert_int_equal(s->refused, 0);
  for (size_t i = 0; i < 2; i++) assert_int_equal(respond_path(kept[i]), 0);
}

/* Connections that have had their response are without a complete request again, so the oldest of
   the others make room for them. */
static void respond_to_more_than_may_wait(server_user *s, const char *refusals) {
  wsuv_exchange_t *kept[2];
  raw_client *c[2], *silent[2];
  start(s, keep);
  for (size_t i = 0; i < 2; i++) {
    c[i] = begin_kept(s);
    kept[i] = s->exchange;
  }
  for (size_t i = 0; i < 2; i++) silent[i] = server_user_client(s);
  world_advance(s->w, QUIET_MS);
  for (size_t i = 0; i < 2; i++) assert_int_equal(respond_path(kept[i]), 0);
  for (size_t i = 0; i < 2; i++) raw_client_run_to_end(silent[i]);
  assert_true(server_user_refused(s, refusals));
  for (size_t i = 0; i < 2; i++) {
    assert_response(c[i], 200, "/kept");
    raw_client_next(c[i]);
    raw_client_upgrade(c[i], NULL);
  }
}

SERVER_TEST(test_connections_with_their_response_displace_the_oldest, w, s) {
  s->config.max_handshakes = 2;
  respond_to_more_than_may_wait(s, "HANDSHAKES 0\nHANDSHAKES 0\n");
}

SERVER_TEST(test_connections_with_their_response_displace_the_oldest_of_their_address, w, s) {
  s->config.max_handshakes_per_address = 2;
  respond_to_more_than_may_wait(s, "HANDSHAKES_PER_ADDRESS 0\nHANDSHAKES_PER_ADDRESS 0\n");
}

static void close_in_refused(server_user *s, const wsuv_refusal_t *r) {
  (void) r;
  CHECK(server_user_close(s) == 0);
}

static void terminate_in_refused(server_user *s, const wsuv_refusal_t *r) {
  (void) r;
  CHECK(server_user_terminate(s) == 0);
}

static void drain_in_refused(server_user *s, const wsuv_refusal_t *r) {
  (void) r;
  CHECK(server_user_drain(s) == 0);
}

SERVER_TEST(test_server_ended_while_a_response_makes_room, w, s) {
  static void (*const ends[])(server_user * s, const wsuv_refusal_t *r) = {
      close_in_refused, terminate_in_refused, drain_in_refused};
  for (size_t i = 0; i < COUNT_OF(ends); i++) {
    server_user_renew(s);
    s->config.max_handshakes = 1;
    s->at_refused = ends[i];
    raw_client *c = start_kept(s);
    raw_client_send_text(c, GET("/next"));
    raw_client *silent = server_user_client(s);
    world_advance(w, QUIET_MS);
    assert_int_equal(respond_path(s->exchange), 0);
    raw_client_run_to_end(silent);
    if (ends[i] == drain_in_refused) {
      server_user_run_to_requests(s, 2);
      assert_int_equal(respond_path(s->exchange), 0);
    }
    raw_client_run_to_end(c);
    server_user_run_to_end(s);
  }
}

SERVER_TEST(test_request_while_there_are_all_sessions, w, s) {
  s->config.max_sessions = 1;
  start(s, respond_now);
  raw_client *session = server_user_connect(s, "/");
  assert_response(client_with(s, GET("/1")), 200, "/1");
  assert_echoes(session);
}

/* It holds for what begins later. */
SERVER_TEST(test_hook_for_requests_is_changed, w, s) {
  raw_client *c = start_and_get(s, GET("/1"), "/1");
  server_user_serve(s, NULL);
  raw_client_send_text(c, GET("/"));
  assert_next(c, 426, "");
  raw_client_run_to_end(c);
  server_user_serve(s, respond_now);
  assert_response(client_with(s, GET("/2")), 200, "/2");
}

/* --- the end of the server --- */

SERVER_TLS_TEST(test_server_that_drains_ends_connections, w, s) {
  raw_client *idle = start_and_get(s, GET("/1"), "/1");
  server_user_serve(s, keep);
  raw_client *kept = client_with(s, GET("/kept") GET("/2"));
  server_user_run_to_requests(s, 2);
  world_advance(w, QUIET_MS);
  assert_int_equal(server_user_drain(s), 0);
  raw_client_run_to_end(idle);
  assert_int_equal(idle->end_status, 0);
  raw_client_close(idle);
  assert_int_equal(s->ends, 0);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(kept, 200, "/kept");
  assert_ends(kept);
  raw_client_close(kept);
  server_user_run_to_end(s);
  assert_int_equal(s->refused, 0);
}

SERVER_TLS_TEST(test_server_that_closes_ends_idle_connections, w, s) {
  raw_client *c = start_and_get(s, GET("/"), "/");
  world_advance(w, QUIET_MS);
  assert_int_equal(server_user_close(s), 0);
  raw_client_run_to_end(c);
  server_user_run_to_end(s);
  assert_int_equal(s->refused, 0);
}

/* A response that is under way arrives. */
SERVER_TLS_TEST(test_server_that_closes_while_a_response_is_read, w, s) {
  start(s, respond_now);
  raw_client *c = client_with(s, GET("/1") GET("/2"));
  server_user_run_to_requests(s, 1);
  assert_int_equal(server_user_close(s), 0);
  assert_response(c, 200, "/1");
  raw_client_run_to_end(c);
  raw_client_close(c);
  server_user_run_to_end(s);
  assert_in_range(s->requests, 1, 2); /* two may come in one turn of the world */
}

/* --- handing over --- */

/* Without a descriptor, and with TLS, the answer is owed as before. */
SERVER_SIM_TLS_TEST(test_connection_that_cannot_be_handed_over, w, s) {
  int fd = -1;
  const void *read = NULL;
  size_t len = 0;
  raw_client *c = start_kept(s);
  assert_int_equal(wsuv_exchange_detach(s->exchange, &fd, &read, &len), UV_ENOTSUP);
  assert_int_equal(fd, -1);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(c, 200, "/kept");
  raw_client_send_text(c, GET("/kept"));
  server_user_run_to_requests(s, 2);
  raw_client_reset(c);
  server_user_run_to_refusals(s, 1);
  assert_int_equal(wsuv_exchange_detach(s->exchange, &fd, &read, &len), WSUV_ESTATE);
}

SERVER_ONLY_TLS_TEST(test_connection_with_tls_cannot_be_handed_over, w, s) {
  int fd = -1;
  const void *read = NULL;
  size_t len = 0;
  raw_client *c = start_kept(s);
  assert_int_equal(wsuv_exchange_detach(s->exchange, &fd, &read, &len), UV_ENOTSUP);
  assert_int_equal(respond_path(s->exchange), 0);
  assert_response(c, 200, "/kept");
}

static void assert_bytes(const void *read, size_t len, const char *text) {
  assert_int_equal(len, strlen(text));
  assert_memory_equal(read, text, len);
}

static void respond_by_descriptor(int fd) {
  static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine";
  assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
}

/* All that was read comes with the descriptor: the head as it came, and what is behind it. The
   program has the connection, also after the server's end. */
SERVER_UV_TEST(test_connection_is_handed_over, w, s) {
  static const char text[] =
      "\r\nGET /kept?a HTTP/1.1\r\nhOST:127.0.0.1  \r\nX:y\r\n\r\n" GET("/2");
  int fd;
  const void *read;
  size_t len;
  struct rlimit before;
  start(s, keep);
  raw_client *c = server_user_client(s);
  raw_client_send_pieces(c, text, sizeof text - 1, 7, 0);
  server_user_run_to_requests(s, 1);
  world_advance(w, QUIET_MS);
  descriptors_leave(&before, 0);
  assert_int_equal(wsuv_exchange_detach(s->exchange, &fd, &read, &len), UV_EMFILE);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  assert_int_equal(wsuv_exchange_detach(s->exchange, &fd, &read, &len), 0);
  assert_bytes(read, len, text);
  assert_int_equal(server_user_close(s), 0);
  server_user_run_to_end(s);
  assert_false(c->ended);
  respond_by_descriptor(fd);
  assert_response(c, 200, "mine");
  CHECK(close(fd) == 0);
  raw_client_run_to_end(c);
  assert_int_equal(s->refused, 0);
  assert_int_equal(s->gone, 0);
}

static int handed_over;

static void detach_second(server_user *s, wsuv_exchange_t *x) {
  const void *read;
  size_t len;
  if (strcmp(wsuv_exchange_path(x), "/2") != 0) {
    respond_now(s, x);
    return;
  }
  CHECK(wsuv_exchange_detach(x, &handed_over, &read, &len) == 0);
  CHECK(len == strlen(GET("/2") "body") && memcmp(read, GET("/2") "body", len) == 0);
}

/* In the hook, on a connection that has had a response. */
SERVER_UV_TEST(test_connection_is_handed_over_after_a_response, w, s) {
  start(s, detach_second);
  handed_over = -1;
  raw_client *c = get(s, GET("/1") GET("/2") "body", "/1");
  server_user_run_to_requests(s, 2);
  respond_by_descriptor(handed_over);
  assert_next(c, 200, "mine");
  CHECK(close(handed_over) == 0);
  raw_client_run_to_end(c);
}
