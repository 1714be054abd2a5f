/* The program decides on upgrades: in the hook, later, or when the answer is of no use any more. */

#include <string.h>

#include "support/server_user.h"
#include "testkit/check.h"
#include "testkit/sim.h"

static void accept_now(server_user *s, wsuv_upgrade_t *u) {
  CHECK(server_user_accept(s, u, NULL) == 0);
}

static void note_gone(wsuv_upgrade_t *u) {
  server_user *s = wsuv_upgrade_data(u);
  CHECK(no_call_is_running());
  s->gone++;
  if (s->at_gone != NULL) s->at_gone(s, u);
}

static void keep_and_watch(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  wsuv_upgrade_on_gone(u, note_gone);
}

/* A client whose upgrade is kept. */
static raw_client *begin_kept(server_user *s) {
  size_t upgrades = s->upgrades + 1;
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  server_user_run_to_upgrades(s, upgrades);
  return c;
}

/* The server, whose hook keeps upgrades, with a client. */
static raw_client *start_kept(server_user *s) {
  server_user_decide(s, keep_and_watch);
  server_user_start(s);
  return begin_kept(s);
}

static void assert_echoes(raw_client *c) {
  size_t frames = c->frames + 1;
  raw_client_send_frames(c, "TEXT \"a\"");
  raw_client_run_to_frames(c, frames);
}

/* --- accepting --- */

SERVER_TLS_TEST(test_upgrade_accepted_in_the_hook, w, s) {
  server_user_decide(s, accept_now);
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  assert_echoes(c);
  assert_int_equal(s->upgrades, 1);
}

SERVER_TLS_TEST(test_upgrade_accepted_later, w, s) {
  raw_client *c = start_kept(s);
  world_advance(w, 50);
  assert_int_equal(c->received, 0);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  assert_int_equal(s->open_count, 0);
  server_user_run_to_sessions(s, 1);
  raw_client_run_to_status(c, 101);
  assert_echoes(c);
  assert_int_equal(s->gone, 0);
}

static void accept_kept(session_user *u, const wsuv_message_t *m) {
  server_user *s = u->data;
  (void) m;
  CHECK(server_user_accept(s, s->upgrade, NULL) == 0);
}

SERVER_TLS_TEST(test_upgrade_accepted_in_another_callback, w, s) {
  s->each.at_message = accept_kept;
  server_user_decide(s, accept_now);
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  server_user_decide(s, server_user_keep);
  raw_client *other = begin_kept(s);
  raw_client_send_frames(c, "TEXT \"accept it\"");
  server_user_run_to_sessions(s, 2);
  raw_client_run_to_status(other, 101);
}

static void look_and_accept(server_user *s, wsuv_upgrade_t *u) {
  size_t count;
  wsuv_accept_t accept;
  const wsuv_header_t field = {"X-Answer", "yes"};
  struct sockaddr_storage addr;
  CHECK(strcmp(wsuv_upgrade_target(u), "/a/b%20c?k=v+w") == 0);
  CHECK(strcmp(wsuv_upgrade_param(u, "x"), "b c") == 0);
  CHECK(strcmp(wsuv_upgrade_query(u, "k"), "v w") == 0);
  CHECK(strcmp(wsuv_upgrade_header(u, "x-field"), "1") == 0);
  CHECK(wsuv_upgrade_headers(u, &count) != NULL && count == 7);
  CHECK(strcmp(wsuv_upgrade_subprotocol(u, 0), "chat") == 0);
  CHECK(strcmp(wsuv_upgrade_subprotocol(u, 1), "mqtt") == 0);
  CHECK(wsuv_upgrade_subprotocol(u, 2) == NULL);
  CHECK(wsuv_upgrade_peer_address(u, &addr) == 0 && addr.ss_family == AF_INET);
  wsuv_accept_init(&accept, u);
  accept.subprotocol = "other";
  CHECK(server_user_accept(s, u, &accept) == WSUV_ESUBPROTOCOL);
  accept.subprotocol = "mqtt";
  accept.headers = &(wsuv_header_t){"Upgrade", "x"};
  accept.header_count = 1;
  CHECK(server_user_accept(s, u, &accept) == WSUV_EINVAL_HEADER);
  CHECK(wsuv_upgrade_refuse(u, 200, NULL, 0, NULL, 0) == UV_EINVAL);
  accept.headers = &field;
  CHECK(server_user_accept(s, u, &accept) == 0);
}

/* A mistake leaves the upgrade as it was. */
SERVER_TLS_TEST(test_upgrade_that_is_looked_at, w, s) {
  server_user_decide(s, look_and_accept);
  server_user_route(s, "/a/{x}");
  server_user_listen(s);
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.target = "/a/b%20c?k=v+w",
                                         .more = "X-Field: 1\r\n"
                                                 "Sec-WebSocket-Protocol: chat, mqtt\r\n"});
  assert_true(raw_client_has_field(c, "Sec-WebSocket-Protocol", "mqtt"));
  assert_true(raw_client_has_field(c, "X-Answer", "yes"));
  server_user_run_to_sessions(s, 1);
  assert_string_equal(wsuv_session_subprotocol(s->sessions[0]->session), "mqtt");
}

static void keep_error(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                       void *arg) {
  (void) session;
  if (level == WSUV_LOG_ERROR) bytes_print(arg, "%s\n", text);
}

static void answer_with_wrong_fields(server_user *s, wsuv_upgrade_t *u) {
  static const wsuv_header_t ours = {"Connection", "secret"}, cut = {"X-Token", "secret\r\nX: y"};
  wsuv_accept_t accept;
  wsuv_accept_init(&accept, u);
  accept.headers = &ours;
  accept.header_count = 1;
  CHECK(server_user_accept(s, u, &accept) == WSUV_EINVAL_HEADER);
  CHECK(wsuv_upgrade_refuse(u, 401, &cut, 1, NULL, 0) == WSUV_EINVAL_HEADER);
  CHECK(server_user_refuse(u, 403) == 0);
}

/* doc/errors.md: the log "names the header, without its value". */
SERVER_TEST(test_upgrade_with_fields_that_may_not_be_sent_is_logged, w, s) {
  SCOPED_BYTES lines = {0};
  s->config.log = keep_error;
  s->config.log_arg = &lines;
  server_user_decide(s, answer_with_wrong_fields);
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  raw_client_run_to_status(c, 403);
  server_user_finish(s);
  assert_non_null(strstr(bytes_text(&lines), "Connection: only the handshake itself sets it\n"));
  assert_non_null(strstr(bytes_text(&lines), "X-Token: control character in the value\n"));
  assert_null(strstr(bytes_text(&lines), "secret"));
}

/* --- refusing --- */

static void refuse_with_words(server_user *s, wsuv_upgrade_t *u) {
  static const wsuv_header_t field = {"WWW-Authenticate", "Bearer"};
  (void) s;
  CHECK(wsuv_upgrade_refuse(u, 401, &field, 1, "who?", 4) == 0);
}

/* The program knows of its own refusals: on_refused is not called. */
SERVER_TLS_TEST(test_upgrade_refused_in_the_hook, w, s) {
  server_user_decide(s, refuse_with_words);
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  raw_client_run_to_head(c);
  raw_client_run_to_end(c);
  assert_int_equal(c->status, 401);
  assert_true(raw_client_has_field(c, "WWW-Authenticate", "Bearer"));
  assert_true(raw_client_has_field(c, "Connection", "close"));
  assert_true(raw_client_has_field(c, "Content-Length", "4"));
  assert_int_equal(c->in.len, 4);
  assert_int_equal(s->refused, 0);
  assert_int_equal(s->gone, 0);
}

/* A mistake. It is found as long as the connection is there. */
static void refuse_twice(server_user *s, wsuv_upgrade_t *u) {
  CHECK(server_user_refuse(u, 403) == 0);
  CHECK(server_user_refuse(u, 403) == WSUV_ESTATE);
  CHECK(server_user_accept(s, u, NULL) == WSUV_ESTATE);
}

SERVER_TLS_TEST(test_upgrade_refused_twice, w, s) {
  server_user_decide(s, refuse_twice);
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  raw_client_run_to_head(c);
  raw_client_run_to_end(c);
  assert_int_equal(c->status, 403);
}

SERVER_TLS_TEST(test_upgrade_refused_later, w, s) {
  raw_client *c = start_kept(s);
  assert_int_equal(server_user_refuse(s->upgrade, 403), 0);
  raw_client_run_to_head(c);
  raw_client_run_to_end(c);
  assert_int_equal(c->status, 403);
  assert_int_equal(s->gone, 0);
}

enum { PAGE_SIZE = 128 * 1024, SLOW = 32 /* bytes in a millisecond */ };

static void refuse_with_page(server_user *s, wsuv_upgrade_t *u) {
  static const char page[PAGE_SIZE];
  (void) s;
  CHECK(wsuv_upgrade_refuse(u, 403, NULL, 0, page, sizeof page) == 0);
}

/* A client behind a link that takes four seconds for the page. */
static raw_client *client_of_page(server_user *s) {
  sim_profile slow;
  sim_get_profile(world_sim(s->w), &slow);
  slow.bytes_per_ms = SLOW;
  slow.send_buffer = slow.recv_buffer = 16 * 1024;
  sim_set_profile(world_sim(s->w), &slow);
  server_user_decide(s, refuse_with_page);
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  return c;
}

SERVER_SIM_TLS_TEST(test_upgrade_refused_with_a_page_over_a_slow_link, w, s) {
  raw_client *c = client_of_page(s);
  raw_client_run_to_head(c);
  raw_client_run_to_end(c);
  assert_int_equal(c->status, 403);
  assert_int_equal(c->end_status, 0);
  assert_int_equal(c->in.len, PAGE_SIZE);
}

/* It is not waited for longer than for a request. */
SERVER_SIM_TLS_TEST(test_upgrade_refused_with_a_page_that_nobody_takes, w, s) {
  s->config.handshake_timeout_ms = 2000;
  raw_client *c = client_of_page(s);
  raw_client_run_to_head(c);
  raw_client_read(c, false);
  size_t held = w->alloc->live_bytes;
  world_advance(w, 500);
  assert_true(w->alloc->live_bytes > PAGE_SIZE);
  world_advance(w, 3000);
  assert_true(w->alloc->live_bytes < held - PAGE_SIZE);
}

static void refuse_open(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  CHECK(server_user_refuse_open(u, 1005, NULL) == WSUV_ECLOSECODE);
  CHECK(server_user_refuse_open(u, 4401, "token") == 0);
}

static void assert_told_why(raw_client *c) {
  raw_client_run_to_status(c, 101);
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "CLOSE #4401 \"token\""));
  raw_client_send_frames(c, "CLOSE #4401");
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
}

SERVER_TLS_TEST(test_upgrade_refused_so_that_a_page_learns_why, w, s) {
  server_user_decide(s, refuse_open);
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  assert_told_why(c);
  server_user_decide(s, server_user_keep);
  raw_client *other = begin_kept(s);
  refuse_open(s, s->upgrade);
  assert_told_why(other);
  assert_int_equal(s->session_count, 0);
}

/* The session that refuses has no callbacks and no data of the program's, so the program never gets
   it. */
static void count_visit(wsuv_session_t *session, void *arg) {
  size_t *visits = arg;
  (void) session;
  ++*visits;
}

static size_t count_visits(const server_user *s) {
  size_t visits = 0;
  wsuv_server_each(s->server, count_visit, &visits);
  return visits;
}

SERVER_TLS_TEST(test_upgrade_refused_by_a_session_that_nobody_visits, w, s) {
  raw_client *c = start_kept(s);
  refuse_open(s, s->upgrade);
  assert_int_equal(wsuv_server_session_count(s->server), 1);
  assert_int_equal(count_visits(s), 0);
  raw_client_run_to_status(c, 101);
  raw_client_run_to_frames(c, 1);
  server_user_decide(s, accept_now);
  (void) server_user_connect(s, "/");
  server_user_run_to_sessions(s, 1);
  assert_int_equal(wsuv_server_session_count(s->server), 2);
  assert_int_equal(count_visits(s), 1);
}

/* The log function gets the session, and may ask for its data. */
static void note_data(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                      void *arg) {
  size_t *lines = arg;
  (void) level;
  (void) text;
  if (session == NULL) return;
  CHECK(wsuv_session_data(session) == NULL);
  ++*lines;
}

SERVER_TLS_TEST(test_upgrade_refused_by_a_session_without_data, w, s) {
  size_t lines = 0;
  s->config.log = note_data;
  s->config.log_arg = &lines;
  raw_client *c = start_kept(s);
  refuse_open(s, s->upgrade);
  assert_true(lines > 0);
  assert_told_why(c);
  server_user_finish(s);
  assert_true(lines > 1);
}

/* --- answers that come too late --- */

static void assert_too_late(server_user *s, int kind) {
  const wsuv_upgrade_t *u = s->upgrade;
  assert_string_equal(wsuv_upgrade_target(u), "/");
  if (kind == 0) assert_int_equal(server_user_accept(s, s->upgrade, NULL), WSUV_ESTATE);
  if (kind == 1) assert_int_equal(server_user_refuse(s->upgrade, 403), WSUV_ESTATE);
  if (kind == 2) assert_int_equal(server_user_refuse_open(s->upgrade, 4401, NULL), WSUV_ESTATE);
}

enum { ANSWERS = 3 };

SERVER_TLS_TEST(test_upgrade_that_is_never_decided, w, s) {
  s->config.handshake_timeout_ms = 400;
  server_user_decide(s, keep_and_watch);
  server_user_start(s);
  for (int kind = 0; kind < ANSWERS; kind++) {
    raw_client *c = begin_kept(s);
    raw_client_run_to_status(c, 503);
    assert_true(raw_client_has_field(c, "Connection", "close"));
    raw_client_run_to_end(c);
    assert_int_equal(c->end_status, 0);
    world_run_until_count(w, &s->gone, (size_t) kind + 1);
    assert_too_late(s, kind);
  }
  assert_true(server_user_refused(s, "UNDECIDED 503\nUNDECIDED 503\nUNDECIDED 503\n"));
}

static void leave(raw_client *c, bool reset) {
  if (reset) raw_client_reset(c);
  if (!reset) raw_client_close(c);
}

SERVER_TLS_TEST(test_upgrade_whose_peer_has_gone, w, s) {
  server_user_decide(s, keep_and_watch);
  server_user_start(s);
  for (int kind = 0; kind < ANSWERS; kind++) {
    leave(begin_kept(s), kind == 1);
    world_run_until_count(w, &s->gone, (size_t) kind + 1);
    world_advance(w, 50);
    assert_ptr_equal(wsuv_upgrade_server(s->upgrade), s->server);
    assert_too_late(s, kind);
  }
  assert_true(server_user_refused(s, "GONE 0\nGONE 0\nGONE 0\n"));
}

static void answer_in_gone(server_user *s, wsuv_upgrade_t *u) {
  CHECK(server_user_accept(s, u, NULL) == WSUV_ESTATE);
}

SERVER_TLS_TEST(test_upgrade_answered_when_its_peer_goes, w, s) {
  s->at_gone = answer_in_gone;
  raw_client_reset(start_kept(s));
  world_run_until_count(w, &s->gone, 1);
  assert_true(server_user_refused(s, "GONE 0\n"));
}

/* The 101 is under way when the peer goes: the session ends with one on_close. */
SERVER_TLS_TEST(test_upgrade_accepted_for_a_peer_that_goes, w, s) {
  raw_client *c = start_kept(s);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  raw_client_reset(c);
  server_user_run_to_closes(s, 1);
  assert_true(s->sessions[0]->end.status < 0);
}

/* --- the server is closed --- */

SERVER_TLS_TEST(test_upgrade_that_is_kept_while_its_server_closes, w, s) {
  raw_client *c = start_kept(s);
  assert_int_equal(server_user_close(s), 0);
  assert_int_equal(server_user_refuse(s->upgrade, 403), WSUV_ESTATE);
  raw_client_run_to_status(c, 503);
  server_user_run_to_end(s);
}

SERVER_TLS_TEST(test_upgrade_that_is_kept_when_its_server_is_gone, w, s) {
  for (int kind = 0; kind < 2 * ANSWERS; kind++) {
    server_user_renew(s);
    server_user_end_with_kept(s, start_kept(s), kind >= ANSWERS);
    assert_null(wsuv_upgrade_server(s->upgrade));
    assert_true(w->alloc->live > 0);
    assert_int_equal(s->gone, 1);
    assert_too_late(s, kind % ANSWERS);
    assert_int_equal(s->refused, 0);
  }
}

/* The program may have freed what its hooks use. */
static void note_line(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                      void *arg) {
  size_t *lines = arg;
  (void) level;
  (void) session;
  (void) text;
  ++*lines;
}

SERVER_TLS_TEST(test_upgrade_that_is_kept_when_its_server_is_gone_logs_nothing, w, s) {
  size_t lines = 0;
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  origin.size = 1;
  s->config.log = note_line;
  s->config.log_arg = &lines;
  raw_client *c = start_kept(s);
  assert_int_equal(server_user_terminate(s), 0);
  raw_client_run_to_end(c);
  server_user_run_to_end(s);
  size_t before = lines;
  assert_int_equal(wsuv_upgrade_origin(s->upgrade, &origin), WSUV_ESIZE);
  assert_int_equal(lines, before);
  assert_too_late(s, 1);
}

/* --- the server is closed in callbacks --- */

static void close_server(server_user *s) {
  if (s->end_calls == 0) CHECK(server_user_close(s) == 0);
}

static void close_and_accept(server_user *s, wsuv_upgrade_t *u) {
  close_server(s);
  CHECK(server_user_accept(s, u, NULL) == WSUV_ESTATE);
}

static void accept_and_close(server_user *s, wsuv_upgrade_t *u) {
  CHECK(server_user_accept(s, u, NULL) == 0);
  close_server(s);
}

static void close_and_keep(server_user *s, wsuv_upgrade_t *u) {
  (void) u;
  close_server(s);
}

static void terminate_and_refuse(server_user *s, wsuv_upgrade_t *u) {
  CHECK(server_user_terminate(s) == 0);
  CHECK(server_user_refuse(u, 403) == WSUV_ESTATE);
}

SERVER_TLS_TEST(test_server_closed_in_the_hook, w, s) {
  static void (*const hooks[])(server_user * s, wsuv_upgrade_t * u) = {
      close_and_accept, accept_and_close, close_and_keep, terminate_and_refuse};
  for (size_t i = 0; i < COUNT_OF(hooks); i++) {
    server_user_renew(s);
    server_user_decide(s, hooks[i]);
    server_user_start(s);
    raw_client *c = server_user_client(s);
    raw_client_request(c, NULL);
    raw_client_run_to_end(c);
    raw_client_close(c);
    world_run_until_count(w, &s->ends, 1);
    assert_int_equal(s->upgrades, 1);
    assert_int_equal(s->close_count, hooks[i] == accept_and_close ? 1 : 0);
    if (hooks[i] == close_and_keep) assert_too_late(s, 0);
  }
}

static void close_at_refused(server_user *s, const wsuv_refusal_t *r) {
  (void) r;
  close_server(s);
}

static void close_at_session(session_user *u) {
  close_server(u->data);
}

static void close_at_message(session_user *u, const wsuv_message_t *m) {
  (void) m;
  close_server(u->data);
}

SERVER_TLS_TEST(test_server_closed_in_on_refused, w, s) {
  s->at_refused = close_at_refused;
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
  raw_client_run_to_end(c);
  assert_int_equal(c->status, 404);
  world_run_until_count(w, &s->ends, 1);
}

static void close_at_gone(server_user *s, wsuv_upgrade_t *u) {
  (void) u;
  close_server(s);
}

SERVER_TLS_TEST(test_server_closed_in_on_gone, w, s) {
  s->at_gone = close_at_gone;
  raw_client_reset(start_kept(s));
  world_run_until_count(w, &s->ends, 1);
  assert_too_late(s, 0);
}

/* 0: in on_open, 1: in on_message, 2: in on_close. */
SERVER_TLS_TEST(test_server_closed_in_callbacks_of_a_session, w, s) {
  for (int i = 0; i < 3; i++) {
    server_user_renew(s);
    if (i == 0) s->each.at_open = close_at_session;
    if (i == 1) s->each.at_message = close_at_message;
    if (i == 2) s->each.at_close = close_at_session;
    server_user_start(s);
    raw_client *c = server_user_connect(s, "/");
    raw_client_send_frames(c, "TEXT \"a\"");
    if (i == 2) raw_client_send_frames(c, "CLOSE #1000");
    raw_client_run_to_frames(c, 1);
    if (i < 2) assert_true(raw_client_saw(c, "CLOSE #1001"));
    if (i < 2) raw_client_send_frames(c, "CLOSE #1001");
    world_run_until_count(w, &s->ends, 1);
    assert_int_equal(s->sessions[0]->end.status, 0);
  }
}

/* --- what comes early --- */

SERVER_TLS_TEST(test_frames_wait_until_the_upgrade_is_accepted, w, s) {
  raw_client *c = start_kept(s);
  raw_client_send_frames(c, "TEXT \"one\" ; BIN 61~60000");
  world_advance(w, 100);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "TEXT \"one\" ; BIN 61~60000"));
}

/* Beyond 64 KiB reading waits; nothing is lost. */
SERVER_TLS_TEST(test_much_that_comes_early, w, s) {
  enum { KEPT_MAX = 256 * 1024 };
  raw_client *c = start_kept(s);
  size_t before = w->alloc->live_bytes;
  raw_client_send_frames(c, "BIN 61~1048576");
  world_advance(w, 500);
  assert_true(w->alloc->live_bytes < before + KEPT_MAX);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  server_user_run_to_sessions(s, 1);
  world_run_until_count(w, &s->sessions[0]->messages, 1);
  assert_true(user_got(s->sessions[0], "BIN 61~1048576"));
}

/* --- many --- */

enum { MANY = 10000 };

typedef struct kept_upgrades {
  wsuv_upgrade_t *list[MANY];
  size_t count;
} kept_upgrades;

static kept_upgrades many;

static void keep_many(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  many.list[many.count++] = u;
}

/* Every third is accepted, every third refused, and of the others the peer has gone. */
static void answer_many(server_user *s, raw_client **clients) {
  for (size_t i = 2; i < MANY; i += 3) raw_client_reset(clients[i]);
  server_user_run_to_refusals(s, MANY / 3);
  for (size_t i = 0; i < MANY; i++) {
    /* upgrades come in another order than clients connect, so any answer may be too late */
    int err = i % 2 == 0 ? server_user_accept(s, many.list[i], NULL)
                         : server_user_refuse(many.list[i], 403);
    assert_true(err == 0 || err == WSUV_ESTATE);
  }
}

SERVER_SIM_TEST(test_many_upgrades_are_kept_at_once, w, s) {
  if (w->seed > 0) return; /* it takes a while */
  static raw_client *clients[MANY];
  many.count = 0;
  s->config.max_handshakes = s->config.max_handshakes_per_address = MANY;
  s->config.backlog = MANY;
  s->config.log_level = WSUV_LOG_ERROR;
  server_user_decide(s, keep_many);
  server_user_start(s);
  for (size_t i = 0; i < MANY; i++) {
    clients[i] = server_user_client(s);
    raw_client_request(clients[i], NULL);
  }
  world_run_until_count(w, &many.count, MANY);
  answer_many(s, clients);
  for (size_t i = 0; i < MANY; i++) {
    if (i % 3 != 2) raw_client_run_to_head(clients[i]);
  }
}
