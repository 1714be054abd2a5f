/* Many sessions that connect to one host at the same time. How many may, who waits and for how
   long; who goes first, so that the others can resume its TLS session. F57 */

#include <limits.h>
#include <string.h>

#include "net/tls/tls.h"
#include "net/tls/tls_library.h"
#include "session/session.h"
#include "support/alloc_failures.h"
#include "support/crowd.h"
#include "support/scenario.h"
#include "support/secure_user.h"
#include "support/socket_path.h"
#include "support/stride.h"
#include "support/tls_ends.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { DEFAULT = 16, SHORT_MS = 50, LONG_MS = 400 };

/* --- a crowd of sessions --- */

/* The stages in which a session has a place. Addresses are literal, so no name is looked up. */
static bool is_connecting(const session_user *u) {
  if (u->session == NULL) return false;
  wsuv_stage_t stage = wsuv_session_stage(u->session);
  bool secure = world_tls(u->w) != NULL;
  return stage == WSUV_STAGE_CONNECT || stage == WSUV_STAGE_TLS ||
         (stage == WSUV_STAGE_HANDSHAKE && !secure);
}

static bool is_waiting(const session_user *u) {
  return u->session != NULL && wsuv_session_stage(u->session) == WSUV_STAGE_RESOLVE;
}

/* For world_run_until: looks at each moment how many connect, and that none has overtaken another;
   true when all are open or over. */
static bool watch(void *arg) {
  crowd *c = arg;
  size_t connecting = crowd_count(c, is_connecting);
  if (connecting > c->most) c->most = connecting;
  bool waiting = false;
  for (size_t i = 0; i < c->count; i++) {
    if (crowd_is_over(crowd_member(c, i))) continue;
    CHECK(!waiting || is_waiting(crowd_member(c, i)));
    waiting = waiting || is_waiting(crowd_member(c, i));
  }
  return crowd_is_settled(c);
}

/* As many of the others as there are places begin at once, when the first has left its own. */
static void crowd_run(crowd *c) {
  world_run_until(c->w, watch, c);
}

static size_t resumed(const crowd *c) {
  size_t n = 0;
  for (size_t i = 0; i < c->count; i++) n += c->members[i].resumed;
  return n;
}

/* --- how many --- */

SCENARIO_SIM_TEST(test_limit_holds_at_each_moment, w, p, u) {
  crowd c;
  p->forgets = true;
  u->config.max_connecting = DEFAULT;
  crowd_begin(&c, u, 500);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  crowd_run(&c);
  assert_int_equal(crowd_count(&c, crowd_is_open), 500);
  assert_int_equal(c.most, DEFAULT);
  crowd_end(&c, u);
}

SCENARIO_TLS_TEST(test_limit_of_one_is_the_letter_of_the_rfc, w, p, u) {
  crowd c;
  p->forgets = true;
  u->config.max_connecting = 1;
  crowd_begin(&c, u, 6);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  crowd_run(&c);
  assert_int_equal(crowd_count(&c, crowd_is_open), 6);
  assert_int_equal(c.most, 1);
  crowd_end(&c, u);
}

static bool none_waits(void *arg) {
  return crowd_count(arg, is_waiting) == 0;
}

/* One turn of the loop begins them all. */
SCENARIO_TEST(test_ws_has_no_queue_by_default, w, p, u) {
  crowd c;
  p->forgets = true;
  crowd_begin(&c, u, 3 * DEFAULT);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, none_waits, &c);
  assert_int_equal(crowd_count(&c, is_connecting), c.count);
  crowd_run(&c);
  crowd_end(&c, u);
}

SCENARIO_TLS_TEST(test_queue_can_be_switched_off, w, p, u) {
  crowd c;
  p->forgets = true;
  u->config.max_connecting = UINT_MAX;
  crowd_begin(&c, u, DEFAULT + 2);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, none_waits, &c);
  assert_int_equal(crowd_count(&c, is_connecting), c.count);
  crowd_run(&c);
  assert_int_equal(crowd_count(&c, crowd_is_open), c.count);
  crowd_end(&c, u);
}

/* Each has places of its own. */
SCENARIO_TEST(test_two_hosts_do_not_wait_for_each_other, w, p, u) {
  crowd c[2];
  raw_peer *mute = raw_peer_new(w);
  mute->lenient = p->forgets = true;
  u->config.max_connecting = 1;
  crowd_begin(&c[0], u, 3);
  crowd_begin(&c[1], u, 3);
  crowd_connect(&c[0], raw_peer_url(mute, "/"));
  crowd_connect(&c[1], raw_peer_url(p->raw, "/"));
  crowd_run(&c[1]);
  assert_int_equal(crowd_count(&c[1], crowd_is_open), 3);
  assert_int_equal(crowd_count(&c[0], is_waiting), 2);
  crowd_end(&c[1], u);
  for (size_t i = 0; i < 3; i++) {
    assert_true(user_ended_by(crowd_member(&c[0], i), UV_ECANCELED,
                              i == 0 ? WSUV_STAGE_HANDSHAKE : WSUV_STAGE_RESOLVE));
  }
  crowd_free(&c[0]);
}

SCENARIO_TEST(test_unix_socket_has_places_of_its_own, w, p, u) {
  crowd c;
  bytes url = {0};
  frame_peer_start_at(p, w, socket_path());
  p->forgets = true;
  bytes_print(&url, "ws+unix://%s", socket_path());
  u->config.max_connecting = 2;
  crowd_begin(&c, u, 5);
  crowd_connect(&c, bytes_text(&url));
  crowd_run(&c);
  assert_int_equal(crowd_count(&c, crowd_is_open), 5);
  assert_in_range(c.most, 1, 2);
  crowd_end(&c, u);
  bytes_free(&url);
}

/* --- how long --- */

static void assert_took(const session_user *u, uint64_t begun_ms, uint64_t took_ms) {
  world_assert_took(u->w, u->closed_ms - begun_ms, took_ms, took_ms + 10);
}

SCENARIO_TEST(test_wait_ends_at_the_deadline_of_the_queue, w, p, u) {
  crowd c;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  p->raw->lenient = true;
  u->config.max_connecting = 1;
  u->config.queue_timeout_ms = SHORT_MS;
  u->config.handshake_timeout_ms = LONG_MS;
  crowd_begin(&c, u, 3);
  uint64_t begun_ms = world_now_ms(w);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until_count(w, &crowd_member(&c, 2)->closes, 1);
  for (size_t i = 1; i < 3; i++) {
    assert_true(user_ended_by(crowd_member(&c, i), UV_ETIMEDOUT, WSUV_STAGE_RESOLVE));
    assert_string_equal(crowd_member(&c, i)->end.detail, "queue deadline");
    assert_true(user_never_opened(crowd_member(&c, i)));
    assert_took(crowd_member(&c, i), begun_ms, SHORT_MS);
  }
  user_run_to_close(crowd_member(&c, 0));
  assert_true(user_ended_by(crowd_member(&c, 0), UV_ETIMEDOUT, WSUV_STAGE_HANDSHAKE));
  assert_took(crowd_member(&c, 0), begun_ms, LONG_MS);
  crowd_end(&c, u);
}

/* Each hangs for the whole of its deadline, and the next one has all of its own. */
SCENARIO_TEST(test_deadline_of_the_handshake_begins_with_the_turn, w, p, u) {
  crowd c;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  p->raw->lenient = true;
  u->config.max_connecting = 1;
  u->config.queue_timeout_ms = 0;
  u->config.handshake_timeout_ms = SHORT_MS;
  crowd_begin(&c, u, 3);
  uint64_t begun_ms = world_now_ms(w);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  for (size_t i = 0; i < 3; i++) {
    user_run_to_close(crowd_member(&c, i));
    assert_true(user_ended_by(crowd_member(&c, i), UV_ETIMEDOUT, WSUV_STAGE_HANDSHAKE));
    assert_took(crowd_member(&c, i), begun_ms, SHORT_MS);
    begun_ms = crowd_member(&c, i)->closed_ms;
  }
  crowd_end(&c, u);
}

/* The most steps with public key work that a turn does. */
static size_t steps_in_a_turn(void) {
  return TLS_TURN_BUDGET / tls_library_for(test_library(WS_CLIENT))->step_cost;
}

/* The loop is busy: each turn takes a while, as public key work does. A handshake that waits only
   for that does not end, however short its deadline. It keeps an eighth of its time for what comes
   after the waiting, which is six turns here. */
enum { TURN_MS = 6, DEADLINE_TURNS = 48, DEADLINE_STEPS = 20 };

static bool watch_slowly(void *arg) {
  crowd *c = arg;
  world_lose_time(c->w, TURN_MS);
  return watch(c);
}

SCENARIO_ONLY_SIM_TLS_TEST(test_no_deadline_passes_because_of_the_burst, w, p, u) {
  crowd c;
  p->forgets = true;
  u->config.max_connecting = UINT_MAX;
  u->config.handshake_timeout_ms = DEADLINE_TURNS * TURN_MS;
  sim_set_profile(world_sim(w), NULL);
  crowd_begin(&c, u, DEADLINE_STEPS * steps_in_a_turn());
  uint64_t begun_ms = world_now_ms(w);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, watch_slowly, &c);
  assert_int_equal(crowd_count(&c, crowd_is_open), c.count);
  assert_true(world_now_ms(w) - begun_ms > u->config.handshake_timeout_ms);
  crowd_end(&c, u);
}

/* --- ends --- */

SCENARIO_TEST(test_session_is_terminated_while_it_waits, w, p, u) {
  crowd c;
  p->forgets = true;
  u->config.max_connecting = 1;
  crowd_begin(&c, u, 4);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  user_terminate(crowd_member(&c, 2));
  world_run_until_count(w, &crowd_member(&c, 1)->opens, 1);
  assert_true(user_ended_by(crowd_member(&c, 2), UV_ECANCELED, WSUV_STAGE_RESOLVE));
  assert_true(user_never_opened(crowd_member(&c, 2)));
  world_run_until_count(w, &crowd_member(&c, 3)->opens, 1);
  crowd_end(&c, u);
}

SCENARIO_TEST(test_session_that_is_terminated_gives_its_place_to_the_next, w, p, u) {
  crowd c;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
  p->raw->lenient = true;
  u->config.max_connecting = 1;
  crowd_begin(&c, u, 2);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until_count(w, &p->raw->accepted, 1);
  assert_true(is_waiting(crowd_member(&c, 1)));
  user_terminate(crowd_member(&c, 0));
  world_run_until_count(w, &crowd_member(&c, 1)->opens, 1);
  crowd_end(&c, u);
}

static void assert_all_cancelled(const crowd *c) {
  for (size_t i = 0; i < c->count; i++) {
    assert_int_equal(crowd_member(c, i)->end.status, UV_ECANCELED);
    assert_true(user_never_opened(crowd_member(c, i)));
  }
}

/* At once, and after the first of them have begun. */
SCENARIO_TLS_TEST(test_client_is_closed_with_a_full_queue, w, p, u) {
  for (int turns = 0; turns < 2; turns++) {
    crowd c;
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    p->raw->lenient = true;
    u->config.max_connecting = 3;
    crowd_begin(&c, u, 20);
    crowd_connect(&c, raw_peer_url(p->raw, "/"));
    if (turns > 0) world_run_until_count(w, &p->raw->accepted, 1);
    world_client_close(w, c.client);
    u->client = NULL;
    assert_all_cancelled(&c);
    crowd_free(&c);
    scenario_renew(u);
  }
}

static size_t gone;

static void on_gone(wsuv_client_t *client) {
  (void) client;
  gone++;
}

static void end_the_client(session_user *u) {
  crowd *c = u->data;
  CHECK(call_client_terminate(c->client, on_gone) == 0);
}

/* The next session has its turn, and does not use it any more. */
SCENARIO_TEST(test_client_is_ended_by_the_session_that_gives_its_place_away, w, p, u) {
  crowd c;
  gone = 0;
  u->config.max_connecting = 1;
  p->raw->port = world_dead_port(w);
  crowd_begin(&c, u, 5);
  crowd_member(&c, 0)->data = &c;
  crowd_member(&c, 0)->at_close = end_the_client;
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  u->client = NULL;
  world_run_until_count(w, &gone, 1);
  assert_true(user_ended_by(crowd_member(&c, 0), UV_ECONNREFUSED, WSUV_STAGE_CONNECT));
  for (size_t i = 1; i < c.count; i++) {
    assert_int_equal(crowd_member(&c, i)->end.status, UV_ECANCELED);
  }
  crowd_free(&c);
}

SCENARIO_TEST(test_sessions_that_fail_give_their_places_away, w, p, u) {
  crowd c;
  u->config.max_connecting = 2;
  p->raw->port = world_dead_port(w);
  crowd_begin(&c, u, 20);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  crowd_run(&c);
  for (size_t i = 0; i < c.count; i++) {
    assert_true(user_ended_by(crowd_member(&c, i), UV_ECONNREFUSED, WSUV_STAGE_CONNECT));
  }
  crowd_end(&c, u);
}

/* --- who goes first --- */

static bool first_has_left(void *arg) {
  crowd *c = arg;
  if (!is_connecting(crowd_member(c, 0)) && !is_waiting(crowd_member(c, 0))) return true;
  for (size_t i = 1; i < c->count; i++) CHECK(is_waiting(crowd_member(c, i)));
  return false;
}

static bool had_1_3(const crowd *c) {
  return strcmp(c->members[0].version, "TLSv1.3") == 0;
}

SCENARIO_ONLY_TLS_TEST(test_first_session_goes_alone_and_the_others_resume_its_tls, w, p, u) {
  crowd c;
  p->forgets = true;
  crowd_begin(&c, u, 100);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, first_has_left, &c);
  crowd_run(&c);
  assert_int_equal(crowd_count(&c, crowd_is_open), c.count);
  assert_in_range(c.most, 2, DEFAULT);
  if (!had_1_3(&c)) assert_int_equal(resumed(&c), c.count - 1);
  crowd_end(&c, u);
}

static bool all_wait_for_the_response(void *arg) {
  const crowd *c = arg;
  size_t n = 0;
  for (size_t i = 0; i < c->count; i++) {
    n += wsuv_session_stage(crowd_member(c, i)->session) == WSUV_STAGE_HANDSHAKE;
  }
  return n == c->count;
}

/* TLS 1.3: the ticket comes before it. */
SCENARIO_ONLY_TLS_TEST(test_others_go_before_the_first_has_a_response, w, p, u) {
  crowd c;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  p->raw->lenient = true;
  crowd_begin(&c, u, 3);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, first_has_left, &c);
  world_run_until(w, all_wait_for_the_response, &c);
  crowd_end(&c, u);
}

static bool all_but_first_go(void *arg) {
  crowd *c = arg;
  return crowd_is_over(crowd_member(c, 0)) && crowd_count(c, is_connecting) == c->count - 1;
}

/* It fails, and no other goes alone after it. */
SCENARIO_ONLY_TLS_TEST(test_first_session_that_fails_lets_the_others_go, w, p, u) {
  crowd c;
  static const char *const pins[] = {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
  wsuv_tls_config_t tls = *world_tls(w);
  tls.pins = (const char *const *) pins;
  tls.pin_count = 1;
  p->forgets = p->raw->lenient = true;
  crowd_begin(&c, u, 5);
  for (size_t i = 0; i < c.count; i++) {
    assert_int_equal(
        secure_request(&c.members[i], c.client, w, raw_peer_url(p->raw, "/"), i == 0 ? &tls : NULL),
        0);
  }
  world_run_until(w, first_has_left, &c);
  world_run_until(w, all_but_first_go, &c);
  crowd_run(&c);
  assert_true(secure_failed(&c.members[0], WSUV_ETLSPIN));
  assert_int_equal(crowd_count(&c, crowd_is_open), c.count - 1);
  crowd_end(&c, u);
}

/* At the first moment at which one of them connects, all of them do. */
static bool all_go(void *arg) {
  crowd *c = arg;
  size_t connecting = crowd_count(c, is_connecting);
  CHECK(connecting == 0 || connecting == c->count);
  return connecting > 0;
}

static void assert_nobody_waits(session_user *u, frame_peer *p) {
  crowd c;
  crowd_begin(&c, u, 4);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(u->w, all_go, &c);
  crowd_run(&c);
  assert_int_equal(crowd_count(&c, crowd_is_open), c.count);
  for (size_t i = 0; i < c.count; i++) secure_close(&c.members[i]);
  crowd_free(&c);
}

SCENARIO_ONLY_SIM_TLS_TEST(test_nobody_waits_without_resumption, w, p, u) {
  wsuv_tls_config_t tls = *world_tls(w);
  tls.resumption = false;
  u->config.tls = &tls;
  p->forgets = true;
  assert_nobody_waits(u, p);
}

/* A stored session is as good as the one that the first would get. */
SCENARIO_ONLY_SIM_TLS_TEST(test_nobody_waits_for_a_session_that_is_stored, w, p, u) {
  secure_user s = {.u.forgets = true};
  p->forgets = p->echoes = true;
  secure_open(&s, user_client(u), p, NULL);
  assert_int_equal(user_text(&s.u, "behind the ticket"), 0);
  world_run_until_count(w, &s.u.messages, 1);
  secure_close(&s);
  secure_user_free(&s);
  assert_nobody_waits(u, p);
}

/* --- the budget of a turn --- */

static size_t held(const crowd *c) {
  size_t n = 0;
  for (size_t i = 0; i < c->count; i++) {
    const wsuv_session_t *session = crowd_member(c, i)->session;
    n += session != NULL && !session->opened && session->opening->ops->is_held(session->opening);
  }
  return n;
}

typedef struct pace {
  crowd *c;
  size_t held, most_held;
} pace;

/* A turn does so many steps with public key work, of which each handshake has several. */
static bool keeps_pace(void *arg) {
  pace *p = arg;
  size_t now = held(p->c);
  CHECK(now + steps_in_a_turn() >= p->held);
  p->held = now;
  if (now > p->most_held) p->most_held = now;
  return watch(p->c);
}

SCENARIO_ONLY_SIM_TLS_TEST(test_turn_does_not_more_than_its_share_of_full_handshakes, w, p, u) {
  crowd c;
  pace so_far = {.c = &c};
  wsuv_tls_config_t tls = *world_tls(w);
  tls.resumption = false;
  u->config.tls = &tls;
  u->config.max_connecting = UINT_MAX;
  p->forgets = true;
  sim_set_profile(world_sim(w), NULL);
  crowd_begin(&c, u, 10 + steps_in_a_turn());
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, keeps_pace, &so_far);
  assert_int_equal(crowd_count(&c, crowd_is_open), c.count);
  assert_true(so_far.most_held >= 10);
  crowd_end(&c, u);
}

/* --- without memory --- F46 */

static bool live(world *w, frame_peer *p, unsigned max_connecting, alloc_failures *f) {
  enum { SESSIONS = 3 };
  wsuv_client_t *client;
  secure_user members[SESSIONS];
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.handshake_timeout_ms = 1000;
  config.max_connecting = max_connecting;
  alloc_failures_begin(f, w->alloc);
  int err = world_client(w, &client, &config);
  for (size_t i = 0; i < SESSIONS; i++) {
    members[i] = (secure_user){.u.w = w, .u.client = client, .u.forgets = true};
    int r = err;
    if (err == 0) r = secure_request(&members[i], client, w, raw_peer_url(p->raw, "/"), NULL);
    CHECK(r == 0 || r == UV_ENOMEM);
    if (r < 0) members[i].u.closes = 1;
  }
  for (size_t i = 0; i < SESSIONS; i++) {
    while (members[i].u.opens + members[i].u.closes == 0) world_advance(w, 10);
  }
  bool failed = alloc_failures_end(f, w->alloc);
  if (err == 0) world_client_close(w, client);
  for (size_t i = 0; i < SESSIONS; i++) secure_user_free(&members[i]);
  return failed;
}

/* They wait for the first, or for the budget of their handshakes. */
SCENARIO_ONLY_SIM_TLS_TEST(test_each_allocation_fails_in_a_burst, w, p, u) {
  static const unsigned limits[] = {0, UINT_MAX};
  if (w->seed != 0) return;
  p->forgets = p->raw->lenient = true;
  sim_set_profile(world_sim(w), NULL);
  for (size_t i = 0; i < 2; i++) {
    for (alloc_failures f = {.step = stride()}; alloc_failures_next(&f);)
      (void) live(w, p, limits[i], &f);
  }
}
