/* F63: what peers can make a server hold is bounded, and others are served. Slow requests, silent
   connections, many of one address, many sessions. */

#include "net/tls/tls.h"
#include "net/tls/tls_library.h"
#include "session/server_state.h"
#include "support/server_user.h"
#include "support/tls_ends.h"
#include "testkit/check.h"
#include "testkit/sim.h"

/* --- what the fixture has not --- */

typedef struct awaited {
  const server_user *s;
  size_t reading;
} awaited;

static bool are_reading(void *arg) {
  const awaited *a = arg;
  return a->s->server->handshakes.counts[HANDSHAKE_READING] == a->reading;
}

/* Until so many connections have no complete request. */
static void run_to_reading(server_user *s, size_t count) {
  awaited a = {s, count};
  world_run_until(s->w, are_reading, &a);
}

/* A client that says nothing, and that is accepted. */
static raw_client *connect_silent(server_user *s) {
  raw_client *c = server_user_client(s);
  run_to_reading(s, s->server->handshakes.counts[HANDSHAKE_READING] + 1);
  return c;
}

/* A client whose upgrade the program keeps. */
static raw_client *connect_kept(server_user *s) {
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  server_user_run_to_upgrades(s, s->upgrades + 1);
  return c;
}

/* --- connections without a complete request --- */

SERVER_TEST(test_max_handshakes_closes_the_oldest, w, s) {
  raw_client *c[4];
  s->config.max_handshakes = 3;
  server_user_start(s);
  for (size_t i = 0; i < 3; i++) c[i] = connect_silent(s);
  c[3] = server_user_client(s);
  raw_client_run_to_end(c[0]);
  assert_int_equal(c[0]->received, 0);
  assert_true(server_user_refused(s, "HANDSHAKES 0\n"));
  assert_int_equal(s->refused_code, UV_ENOBUFS);
  raw_client_upgrade(c[3], NULL);
  raw_client_upgrade(c[1], NULL);
  assert_false(c[2]->ended);
  server_user_run_to_sessions(s, 2);
}

SERVER_TEST(test_max_handshakes_never_closes_one_that_the_program_decides_on, w, s) {
  enum { KEPT = 5 };
  wsuv_upgrade_t *kept[KEPT];
  raw_client *c[KEPT];
  s->config.max_handshakes = 1;
  server_user_decide(s, server_user_keep);
  server_user_start(s);
  for (size_t i = 0; i < KEPT; i++) {
    c[i] = connect_kept(s);
    kept[i] = s->upgrade;
  }
  raw_client *silent = connect_silent(s);
  raw_client *another = server_user_client(s);
  raw_client_run_to_end(silent);
  for (size_t i = 0; i < KEPT; i++) assert_int_equal(server_user_accept(s, kept[i], NULL), 0);
  for (size_t i = 0; i < KEPT; i++) raw_client_run_to_status(c[i], 101);
  assert_false(another->ended);
  assert_true(server_user_refused(s, "HANDSHAKES 0\n"));
}

/* Connections that have their answer are bounded, too, and are closed first: who is refused again
   and again displaces nobody who still speaks. */
SERVER_TEST(test_refused_connections_are_bounded_and_displace_nobody, w, s) {
  enum { MANY = 20 };
  raw_client *c[MANY];
  s->config.max_handshakes = 3;
  server_user_start(s);
  raw_client *slow = connect_silent(s);
  for (size_t i = 0; i < MANY; i++) {
    c[i] = server_user_client(s);
    raw_client_request(c[i], &(upgrade_lines){.target = "/nowhere"});
    server_user_run_to_refusals(s, i + 1);
    assert_true(handshakes_count(&s->server->handshakes) <= 3);
  }
  assert_false(slow->ended);
  raw_client_upgrade(slow, NULL);
}

/* The peer takes its answer and does not end: a second later the connection is closed. */
SERVER_SIM_TEST(test_refused_connection_that_stays_is_closed, w, s) {
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
  raw_client_run_to_status(c, 404);
  uint64_t before = world_now_ms(w);
  while (s->server->handshakes.counts[HANDSHAKE_ENDING] > 0) world_advance(w, 10);
  world_assert_took(w, world_now_ms(w) - before, 500, 1100);
}

/* A second listener, where peers have another address. */
static void listen_at_ipv6(server_user *s, struct sockaddr_storage *addr) {
  wsuv_listener_t *l;
  CHECK(wsuv_server_listen(s->server, "::1", 0, &l) == 0);
  CHECK(wsuv_listener_address(l, addr) == 0);
}

SERVER_TEST(test_max_handshakes_per_address_closes_the_oldest_of_the_address, w, s) {
  raw_client *c[3];
  struct sockaddr_storage ipv6;
  s->config.max_handshakes_per_address = 2;
  server_user_start(s);
  listen_at_ipv6(s, &ipv6);
  raw_client *other = raw_client_new(w, &ipv6);
  run_to_reading(s, 1);
  for (size_t i = 0; i < 2; i++) c[i] = connect_silent(s);
  c[2] = server_user_client(s);
  raw_client_run_to_end(c[0]);
  assert_true(server_user_refused(s, "HANDSHAKES_PER_ADDRESS 0\n"));
  assert_int_equal(s->refused_code, UV_ENOBUFS);
  assert_false(other->ended || c[1]->ended || c[2]->ended);
  raw_client_upgrade(other, NULL);
}

/* What has a complete request does not count. */
SERVER_TEST(test_sessions_and_kept_upgrades_are_no_handshakes_of_their_address, w, s) {
  s->config.max_handshakes_per_address = 1;
  server_user_start(s);
  (void) server_user_connect(s, "/");
  (void) server_user_connect(s, "/");
  server_user_decide(s, server_user_keep);
  wsuv_upgrade_t *kept[2];
  for (size_t i = 0; i < 2; i++) {
    (void) connect_kept(s);
    kept[i] = s->upgrade;
  }
  for (size_t i = 0; i < 2; i++) assert_int_equal(server_user_refuse(kept[i], 403), 0);
  assert_int_equal(s->refused, 0);
}

/* --- the callback of what was closed ends what it came through --- */

static void close_listener(server_user *s, const wsuv_refusal_t *r) {
  (void) r;
  if (s->listener != NULL) wsuv_listener_close(s->listener);
  s->listener = NULL;
}

static void close_server(server_user *s, const wsuv_refusal_t *r) {
  (void) r;
  if (s->end_calls == 0) CHECK(server_user_close(s) == 0);
}

static void terminate_server(server_user *s, const wsuv_refusal_t *r) {
  (void) r;
  if (s->end_calls == 0) CHECK(server_user_terminate(s) == 0);
}

static void drain_server(server_user *s, const wsuv_refusal_t *r) {
  (void) r;
  if (s->end_calls == 0) CHECK(server_user_drain(s) == 0);
}

static void evict_and(server_user *s, void (*at_refused)(server_user *, const wsuv_refusal_t *)) {
  s->config.max_handshakes = 1;
  s->at_refused = at_refused;
  server_user_start(s);
  raw_client *first = connect_silent(s);
  raw_client *second = server_user_client(s);
  raw_client_run_to_end(first);
  if (at_refused == close_listener || at_refused == drain_server) {
    raw_client_upgrade(second, NULL);
  } else {
    raw_client_run_to_end(second);
  }
}

SERVER_TEST(test_listener_closed_while_room_is_made, w, s) {
  evict_and(s, close_listener);
}

SERVER_TEST(test_server_closed_while_room_is_made, w, s) {
  evict_and(s, close_server);
}

SERVER_TEST(test_server_terminated_while_room_is_made, w, s) {
  evict_and(s, terminate_server);
}

SERVER_TEST(test_server_drained_while_room_is_made, w, s) {
  evict_and(s, drain_server);
}

/* --- sessions --- */

SERVER_TEST(test_max_sessions, w, s) {
  s->config.max_sessions = 2;
  server_user_start(s);
  raw_client *first = server_user_connect(s, "/");
  (void) server_user_connect(s, "/");
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  raw_client_run_to_status(c, 503);
  assert_true(raw_client_has_field(c, "Retry-After", "5"));
  assert_true(raw_client_has_field(c, "Connection", "close"));
  assert_true(server_user_refused(s, "SESSIONS 503\n"));
  raw_client_close(first);
  server_user_run_to_closes(s, 1);
  (void) server_user_connect(s, "/");
}

/* Upgrades that the program keeps may become sessions. */
SERVER_TEST(test_max_sessions_counts_kept_upgrades, w, s) {
  wsuv_upgrade_t *kept[2];
  s->config.max_sessions = 2;
  server_user_decide(s, server_user_keep);
  server_user_start(s);
  for (size_t i = 0; i < 2; i++) {
    (void) connect_kept(s);
    kept[i] = s->upgrade;
  }
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  raw_client_run_to_status(c, 503);
  assert_int_equal(server_user_refuse(kept[0], 403), 0);
  (void) connect_kept(s);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  assert_int_equal(server_user_accept(s, kept[1], NULL), 0);
  server_user_run_to_sessions(s, 2);
  assert_true(server_user_refused(s, "SESSIONS 503\n"));
}

SERVER_TEST(test_max_sessions_per_address, w, s) {
  struct sockaddr_storage ipv6;
  s->config.max_sessions_per_address = 1;
  server_user_start(s);
  listen_at_ipv6(s, &ipv6);
  raw_client *first = server_user_connect(s, "/");
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  raw_client_run_to_status(c, 503);
  assert_true(raw_client_has_field(c, "Retry-After", "5"));
  assert_true(server_user_refused(s, "SESSIONS_PER_ADDRESS 503\n"));
  raw_client_upgrade(raw_client_new(w, &ipv6), NULL);
  server_user_run_to_sessions(s, 2);
  raw_client_close(first);
  server_user_run_to_closes(s, 1);
  (void) server_user_connect(s, "/");
}

/* The limit cannot be passed by asking for many sessions before the first is accepted. */
SERVER_TEST(test_max_sessions_per_address_counts_kept_upgrades, w, s) {
  s->config.max_sessions_per_address = 1;
  server_user_decide(s, server_user_keep);
  server_user_start(s);
  (void) connect_kept(s);
  wsuv_upgrade_t *first = s->upgrade;
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  raw_client_run_to_status(c, 503);
  assert_int_equal(server_user_refuse(first, 403), 0);
  raw_client *gone = connect_kept(s);
  first = s->upgrade;
  raw_client_reset(gone);
  server_user_run_to_refusals(s, 2);
  (void) connect_kept(s);
  assert_int_equal(server_user_refuse(first, 403), WSUV_ESTATE);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  server_user_run_to_sessions(s, 1);
  assert_true(server_user_refused(s, "SESSIONS_PER_ADDRESS 503\nGONE 0\n"));
}

/* --- time --- */

enum { TIMEOUT_MS = 5000 };

SERVER_SIM_TLS_TEST(test_handshake_timeout_of_a_silent_connection, w, s) {
  s->config.handshake_timeout_ms = TIMEOUT_MS;
  server_user_start(s);
  uint64_t before = world_now_ms(w);
  raw_client *c = raw_client_new_plain(w, &s->address); /* with TLS it does not begin it */
  raw_client_run_to_end(c);
  assert_int_equal(c->received, 0);
  assert_true(server_user_refused(s, "SILENT 0\n"));
  world_assert_took(w, c->ended_ms - before, TIMEOUT_MS, TIMEOUT_MS + 1000);
}

SERVER_SIM_TLS_TEST(test_handshake_timeout_of_a_request_that_is_not_complete, w, s) {
  s->config.handshake_timeout_ms = TIMEOUT_MS;
  server_user_start(s);
  uint64_t before = world_now_ms(w);
  raw_client *c = server_user_client(s);
  raw_client_send_text(c, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  raw_client_run_to_status(c, 408);
  assert_true(raw_client_has_field(c, "Connection", "close"));
  assert_true(server_user_refused(s, "TIMEOUT 408\n"));
  world_assert_took(w, world_now_ms(w) - before, TIMEOUT_MS, TIMEOUT_MS + 1000);
}

/* Bytes never extend it: a byte each second is late, however long the request. */
SERVER_SIM_TEST(test_handshake_timeout_is_not_extended_by_bytes, w, s) {
  SCOPED_BYTES request = {0};
  s->config.handshake_timeout_ms = TIMEOUT_MS;
  server_user_start(s);
  upgrade_request(&request, NULL);
  uint64_t before = world_now_ms(w);
  raw_client *c = server_user_client(s);
  raw_client_send_pieces(c, request.base, request.len, 1, 1000);
  raw_client_run_to_status(c, 408);
  world_assert_took(w, world_now_ms(w) - before, TIMEOUT_MS, TIMEOUT_MS + 1000);
}

/* The loop is busy: each turn takes a while, as public key work does. The TLS of a connection that
   waits only for that does not let its time end. It keeps an eighth of its time for what comes
   after the waiting, which is six turns here. */
enum { TURN_MS = 4, DEADLINE_TURNS = 48, DEADLINE_STEPS = 20 };

typedef struct burst {
  server_user *s;
  size_t count;
} burst;

static bool burst_is_settled(void *arg) {
  const burst *b = arg;
  world_lose_time(b->s->w, TURN_MS);
  return b->s->open_count + b->s->refused == b->count;
}

static void burst_begin(burst *b, server_user *s) {
  const unsigned cost = tls_library_for(test_library(WS_SERVER))->step_cost;
  *b = (burst){s, DEADLINE_STEPS * (TLS_TURN_BUDGET / cost)};
  s->config.handshake_timeout_ms = DEADLINE_TURNS * TURN_MS;
  sim_set_profile(world_sim(s->w), NULL);
  server_user_start(s);
}

/* All connect. Each but every n-th sends a request as soon as its TLS is done; 0: each does. */
static void burst_connect(const burst *b, size_t silent) {
  for (size_t i = 0; i < b->count; i++) {
    raw_client *c = server_user_client(b->s);
    if (silent == 0 || i % silent > 0) raw_client_request(c, NULL);
  }
}

SERVER_ONLY_SIM_TLS_TEST(test_handshake_timeout_does_not_end_one_that_waits_for_its_turn, w, s) {
  burst b;
  burst_begin(&b, s);
  burst_connect(&b, 0);
  const uint64_t begun_ms = world_now_ms(w);
  world_run_until(w, burst_is_settled, &b);
  assert_int_equal(s->open_count, b.count);
  assert_true(world_now_ms(w) - begun_ms > s->config.handshake_timeout_ms);
}

/* It ends for those that have had their turn and say nothing. */
SERVER_ONLY_SIM_TLS_TEST(test_handshake_timeout_ends_the_silent_ones_of_a_burst, w, s) {
  enum { SILENT = 4 };
  burst b;
  burst_begin(&b, s);
  burst_connect(&b, SILENT);
  world_run_until(w, burst_is_settled, &b);
  assert_int_equal(s->refused, b.count / SILENT);
  assert_int_equal(s->open_count, b.count - b.count / SILENT);
  assert_int_equal(s->refused_code, UV_ETIMEDOUT);
}

/* It ends in time for one that has nothing to wait for. */
SERVER_ONLY_SIM_TLS_TEST(test_handshake_timeout_of_a_silent_connection_beside_a_burst, w, s) {
  burst b;
  burst_begin(&b, s);
  const uint64_t begun_ms = world_now_ms(w), timeout_ms = s->config.handshake_timeout_ms;
  raw_client *c = raw_client_new_plain(w, &s->address);
  burst_connect(&b, 0);
  b.count++;
  world_run_until(w, burst_is_settled, &b);
  raw_client_run_to_end(c);
  assert_true(server_user_refused(s, "SILENT 0\n"));
  assert_in_range(c->ended_ms - begun_ms, timeout_ms, timeout_ms + timeout_ms / 8);
}

/* The loop is away in one turn on the way to the session: what lies in the sockets then is looked
   at before the time ends, and each of the steps that are left has its turn. F51 */
typedef struct stall {
  server_user *s;
  size_t turn, at;
  uint64_t away_ms;
} stall;

static bool stall_or_over(void *arg) {
  stall *t = arg;
  if (t->s->open_count + t->s->refused > 0) return true;
  if (t->turn++ == t->at) world_lose_time(t->s->w, t->away_ms);
  return false;
}

static void stall_at(server_user *s, size_t turn, uint64_t away_ms) {
  stall t = {.s = s, .at = turn, .away_ms = away_ms};
  server_user_renew(s);
  s->config.handshake_timeout_ms = TIMEOUT_MS;
  server_user_start(s);
  raw_client_request(server_user_client(s), NULL);
  world_run_until(s->w, stall_or_over, &t);
  assert_int_equal(s->open_count, 1);
}

SERVER_SIM_TLS_TEST(test_handshake_timeout_of_a_loop_that_stalls_once, w, s) {
  enum { TURNS = 40 };
  for (size_t turn = 0; turn < TURNS; turn++) {
    stall_at(s, turn, TIMEOUT_MS);
    stall_at(s, turn, 10 * TIMEOUT_MS);
  }
}

static size_t gone_count;

static void count_gone(wsuv_upgrade_t *u) {
  CHECK(no_call_is_running());
  CHECK(wsuv_upgrade_target(u) != NULL);
  gone_count++;
}

static void keep_and_watch(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  wsuv_upgrade_on_gone(u, count_gone);
}

/* The time of the request counts, too. */
SERVER_SIM_TEST(test_handshake_timeout_of_a_decision, w, s) {
  gone_count = 0;
  s->config.handshake_timeout_ms = TIMEOUT_MS;
  server_user_decide(s, keep_and_watch);
  server_user_start(s);
  uint64_t before = world_now_ms(w);
  raw_client *c = connect_silent(s);
  world_advance(w, TIMEOUT_MS / 2);
  raw_client_request(c, NULL);
  raw_client_run_to_status(c, 503);
  assert_true(raw_client_has_field(c, "Retry-After", "5"));
  world_assert_took(w, world_now_ms(w) - before, TIMEOUT_MS, TIMEOUT_MS + 1000);
  world_run_until_count(w, &gone_count, 1);
  assert_true(server_user_refused(s, "UNDECIDED 503\n"));
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), WSUV_ESTATE);
  assert_int_equal(s->session_count, 0);
}

/* Like every callback, it comes from the loop. */
SERVER_TEST(test_gone_comes_from_the_loop_when_the_server_closes, w, s) {
  gone_count = 0;
  server_user_decide(s, keep_and_watch);
  server_user_start(s);
  (void) connect_kept(s);
  assert_int_equal(server_user_close(s), 0);
  world_run_until_count(w, &gone_count, 1);
  assert_int_equal(server_user_refuse(s->upgrade, 403), WSUV_ESTATE);
  server_user_run_to_end(s);
  assert_int_equal(gone_count, 1);
}

SERVER_TEST(test_gone_comes_from_the_loop_when_the_server_is_terminated, w, s) {
  gone_count = 0;
  server_user_decide(s, keep_and_watch);
  server_user_start(s);
  (void) connect_kept(s);
  assert_int_equal(server_user_terminate(s), 0);
  world_run_until_count(w, &gone_count, 1);
  server_user_run_to_end(s);
  assert_int_equal(server_user_refuse(s->upgrade, 403), WSUV_ESTATE);
}

/* Who answers before the hint has come is asked no more. */
SERVER_TEST(test_no_gone_after_an_answer, w, s) {
  gone_count = 0;
  server_user_decide(s, keep_and_watch);
  server_user_start(s);
  (void) connect_kept(s);
  assert_int_equal(server_user_close(s), 0);
  assert_int_equal(server_user_refuse(s->upgrade, 403), WSUV_ESTATE);
  server_user_run_to_end(s);
  assert_int_equal(gone_count, 0);
}

/* --- all together --- */

SERVER_TEST(test_a_thousand_silent_connections_and_others_are_served, w, s) {
  enum { MANY = 1000, FEW = 200, LIMIT = 50 };
  const size_t count = w->kind == WORLD_SIM ? MANY : FEW;
  if (w->seed > 2) return; /* enough */
  s->config.max_handshakes = LIMIT;
  s->config.max_handshakes_per_address = MANY;
  server_user_start(s);
  for (size_t i = 0; i < count; i++) {
    (void) server_user_client(s);
    if (i % LIMIT == 0) (void) server_user_connect(s, "/");
    assert_true(handshakes_count(&s->server->handshakes) <= LIMIT);
  }
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"still there\"");
  raw_client_run_to_frames(c, 1);
}
