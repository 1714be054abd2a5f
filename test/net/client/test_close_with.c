/* wsuv_client_close_with: code and reason, sessions closed at random times, and the time of the
   whole. What it shares with the other ends is in test_client_close.c, too. */

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "support/scenario.h"
#include "support/torture.h"
#include "testkit/check.h"
#include "testkit/sim.h"
#include "testkit/track_alloc.h"

enum { SECOND = 1000, SLACK_MS = 100 };

static size_t told, others;
static uint64_t gone_ms;
static session_user *owner; /* of the client */

static void on_gone(wsuv_client_t *client) {
  CHECK(no_call_is_running());
  CHECK(wsuv_client_session_count(client) == 0);
  told++;
  gone_ms = world_now_ms(owner->w);
  owner->client = NULL;
}

static void on_other(wsuv_client_t *client) {
  (void) client;
  others++;
}

static wsuv_end_t end_of(uint64_t spread_ms, uint64_t timeout_ms) {
  wsuv_end_t how;
  wsuv_end_init(&how);
  how.spread_ms = spread_ms;
  how.timeout_ms = timeout_ms;
  return how;
}

static void end_client(session_user *u, uint64_t spread_ms, uint64_t timeout_ms) {
  const wsuv_end_t how = end_of(spread_ms, timeout_ms);
  told = others = 0;
  owner = u;
  assert_int_equal(call_client_close_with(u->client, &how, on_gone), 0);
}

static void run_to_end(session_user *u) {
  world_run_until_count(u->w, &told, 1);
  assert_int_equal(told, 1);
}

/* --- code and reason --- */

SCENARIO_TLS_TEST(test_sessions_are_closed_with_code_and_reason, w, p, u) {
  char reason[] = "maintenance";
  wsuv_end_t how;
  scenario_open(u);
  wsuv_end_init(&how);
  how.code = 4001;
  how.reason = reason;
  told = 0;
  owner = u;
  assert_int_equal(call_client_close_with(u->client, &how, on_gone), 0);
  memset(reason, 'x', sizeof reason - 1); /* it was copied */
  run_to_end(u);
  assert_true(user_ended_cleanly(u, 4001, 4001));
  assert_true(frame_peer_saw(p, "CLOSE #4001 \"maintenance\""));
}

SCENARIO_TEST(test_without_a_structure_it_is_a_plain_close, w, p, u) {
  scenario_open(u);
  told = 0;
  owner = u;
  assert_int_equal(call_client_close_with(u->client, NULL, on_gone), 0);
  run_to_end(u);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_int_equal(call_client_close_with(NULL, NULL, on_gone), 0);
  const wsuv_end_t how = end_of(0, 0);
  assert_int_equal(call_client_close_with(NULL, &how, on_gone), 0);
  assert_int_equal(told, 1);
}

typedef struct mistake {
  unsigned code;
  const char *reason;
  uint64_t spread_ms, timeout_ms;
  size_t size;
  int expected;
} mistake;

SCENARIO_TEST(test_mistakes_begin_nothing, w, p, u) {
  static char too_long[WSUV_CLOSE_REASON_MAX + 2];
  memset(too_long, 'a', sizeof too_long - 1);
  const mistake all[] = {
      {999, NULL, 0, 0, sizeof(wsuv_end_t), WSUV_ECLOSECODE},
      {1006, NULL, 0, 0, sizeof(wsuv_end_t), WSUV_ECLOSECODE},
      {1001, too_long, 0, 0, sizeof(wsuv_end_t), WSUV_ECONTROL},
      {1001, "\xff", 0, 0, sizeof(wsuv_end_t), WSUV_EUTF8},
      {1001, NULL, 2, 1, sizeof(wsuv_end_t), UV_EINVAL},
      {1001, NULL, 0, 0, 0, WSUV_ESIZE},
      {1001, NULL, 0, 0, sizeof(wsuv_end_t) - 1, WSUV_ESIZE},
  };
  scenario_open(u);
  told = 0;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    wsuv_end_t how = end_of(all[i].spread_ms, all[i].timeout_ms);
    how.size = all[i].size;
    how.code = all[i].code;
    how.reason = all[i].reason;
    assert_int_equal(call_client_close_with(u->client, &how, on_gone), all[i].expected);
  }
  assert_int_equal(user_text(u, "still open"), 0);
  world_run_until_count(w, &p->opcodes[1], 1);
  scenario_close(u);
  assert_int_equal(told, 0);
}

/* --- sessions in a row --- */

typedef struct crowd {
  session_user *u;
  size_t count;
  session_user *members;
} crowd;

static void crowd_connect(crowd *c, session_user *u, size_t count) {
  *c = (crowd){.u = u, .count = count};
  c->members = check_alloc(count * sizeof *c->members);
  (void) user_client(u);
  for (size_t i = 0; i < count; i++) {
    user_init_on(&c->members[i], u);
    user_connect(&c->members[i], u->peer);
  }
}

static void crowd_open(crowd *c, session_user *u, size_t count) {
  if (world_sim(u->w) != NULL) sim_set_profile(world_sim(u->w), NULL);
  crowd_connect(c, u, count);
  for (size_t i = 0; i < count; i++) user_run_to_open(&c->members[i]);
}

static void crowd_free(crowd *c) {
  for (size_t i = 0; i < c->count; i++) {
    CHECK(c->members[i].closes == 1);
    user_free(&c->members[i]);
  }
  free(c->members);
}

/* How many of them ended between these times. */
static size_t ended_between(const crowd *c, uint64_t from_ms, uint64_t to_ms) {
  size_t n = 0;
  for (size_t i = 0; i < c->count; i++) {
    const session_user *m = &c->members[i];
    n += m->closes > 0 && m->closed_ms >= from_ms && m->closed_ms < to_ms;
  }
  return n;
}

SCENARIO_SIM_TEST(test_sessions_are_closed_one_after_the_other, w, p, u) {
  enum { COUNT = 200, SPREAD_MS = 20 * SECOND, TENTH_MS = SPREAD_MS / 10 };
  crowd c;
  crowd_open(&c, u, COUNT);
  uint64_t began_ms = world_now_ms(w);
  end_client(u, SPREAD_MS, 0);
  run_to_end(u);
  assert_in_range(gone_ms - began_ms, SPREAD_MS / 2, SPREAD_MS + SLACK_MS);
  for (uint64_t i = 0; i < 9; i++) {
    size_t n = ended_between(&c, began_ms + i * TENTH_MS, began_ms + (i + 1) * TENTH_MS);
    assert_in_range(n, COUNT / 10 / 3, 3 * COUNT / 10);
  }
  for (size_t i = 0; i < COUNT; i++) assert_true(user_ended_cleanly(&c.members[i], 1001, 1001));
  crowd_free(&c);
}

/* More of them than the clock has milliseconds. */
SCENARIO_SIM_TEST(test_many_sessions_are_closed_in_a_short_time, w, p, u) {
  enum { COUNT = 500, SPREAD_MS = 50 };
  crowd c;
  crowd_open(&c, u, COUNT);
  uint64_t began_ms = world_now_ms(w);
  end_client(u, SPREAD_MS, 0);
  run_to_end(u);
  assert_in_range(gone_ms - began_ms, SPREAD_MS / 2, SPREAD_MS + SLACK_MS);
  assert_in_range(ended_between(&c, began_ms, began_ms + SPREAD_MS / 2), COUNT / 5, COUNT * 4 / 5);
  crowd_free(&c);
}

SCENARIO_UV_AND_TLS_TEST(test_sessions_over_sockets_are_closed_one_after_the_other, w, p, u) {
  enum { COUNT = 20, SPREAD_MS = 200 };
  crowd c;
  crowd_open(&c, u, COUNT);
  uint64_t began_ms = world_now_ms(w);
  end_client(u, SPREAD_MS, 0);
  run_to_end(u);
  world_assert_took(w, gone_ms - began_ms, SPREAD_MS / 4, SPREAD_MS + SLACK_MS);
  crowd_free(&c);
}

/* Their turn does not come, and they do not take the time of others. */
SCENARIO_SIM_TEST(test_sessions_end_by_themselves_meanwhile, w, p, u) {
  enum { COUNT = 60, SPREAD_MS = 6 * SECOND };
  crowd c;
  crowd_open(&c, u, COUNT);
  uint64_t began_ms = world_now_ms(w);
  end_client(u, SPREAD_MS, 0);
  for (size_t i = 0; i < COUNT; i++) {
    session_user *m = &c.members[(i * 7) % COUNT];
    if (m->session == NULL) continue;
    if (i % 5 == 0) user_terminate(m);
    if (i % 5 == 1) assert_int_equal(user_close(m, 1000, NULL), 0);
    if (i % 5 == 2) assert_int_equal(user_text(m, "still here"), 0);
    world_advance(w, 50);
  }
  run_to_end(u);
  assert_in_range(gone_ms - began_ms, SPREAD_MS / 3, SPREAD_MS + SLACK_MS);
  crowd_free(&c);
}

/* Nobody waits for a time in which nothing is left to be closed. */
SCENARIO_TEST(test_spread_ends_with_the_last_session, w, p, u) {
  (void) user_client(u);
  uint64_t began_ms = world_now_ms(w);
  end_client(u, 3600 * SECOND, 0);
  run_to_end(u);
  world_assert_took(w, gone_ms - began_ms, 0, SLACK_MS);
  scenario_renew(u);
  scenario_open(u);
  end_client(u, 3600 * SECOND, 0);
  user_terminate(u);
  run_to_end(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
}

SCENARIO_SIM_TEST(test_session_that_connects_is_cancelled_at_once, w, p, u) {
  session_user late;
  scenario_open(u);
  user_init_on(&late, u);
  user_connect(&late, p);
  uint64_t began_ms = world_now_ms(w);
  end_client(u, 60 * SECOND, 0);
  assert_int_equal(user_try_connect(&late, p), WSUV_ESTATE);
  user_run_to_close(&late);
  assert_true(user_ended_by(&late, UV_ECANCELED, WSUV_STAGE_RESOLVE) ||
              user_ended_by(&late, UV_ECANCELED, WSUV_STAGE_CONNECT));
  assert_in_range(late.closed_ms - began_ms, 0, SECOND);
  assert_int_equal(u->closes, 0);
  run_to_end(u);
  assert_in_range(u->closed_ms - began_ms, 0, 60 * SECOND + SLACK_MS);
  user_free(&late);
}

SCENARIO_SIM_TEST(test_spread_without_random_bytes, w, p, u) {
  enum { COUNT = 10, SPREAD_MS = 10 * SECOND };
  crowd c;
  u->config.masking = false; /* so that close frames need none */
  crowd_open(&c, u, COUNT);
  uint64_t began_ms = world_now_ms(w);
  user_random_fails(u);
  end_client(u, SPREAD_MS, 0);
  run_to_end(u);
  world_random_fails(w, false);
  assert_in_range(gone_ms - began_ms, SPREAD_MS - SECOND, SPREAD_MS + SLACK_MS);
  crowd_free(&c);
}

/* --- the time of the whole --- */

static void open_to_silent_peer(session_user *u) {
  u->peer->silent = u->peer->stays = true;
  u->config.close_timeout_ms = u->config.close_deadline_ms = 3600 * SECOND;
  scenario_open(u);
}

SCENARIO_SIM_TEST(test_time_of_the_whole_terminates_what_is_left, w, p, u) {
  static const struct {
    uint64_t spread_ms, timeout_ms, expected_ms;
  } rows[] = {
      {0, 0, 30 * SECOND},
      {10 * SECOND, 0, 40 * SECOND},
      {0, 5 * SECOND, 5 * SECOND},
      {5 * SECOND, 5 * SECOND, 5 * SECOND},
      {0, 1, 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    scenario_renew(u);
    open_to_silent_peer(u);
    uint64_t began_ms = world_now_ms(w);
    end_client(u, rows[i].spread_ms, rows[i].timeout_ms);
    run_to_end(u);
    assert_in_range(u->closed_ms - began_ms, rows[i].expected_ms, rows[i].expected_ms + SLACK_MS);
    assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_CLOSING));
    assert_int_equal(u->end.sent_code, 1001);
  }
}

SCENARIO_SIM_TEST(test_limits_of_a_session_hold_within_the_time_of_the_whole, w, p, u) {
  p->silent = p->stays = true;
  u->config.close_timeout_ms = 2 * SECOND;
  scenario_open(u);
  uint64_t began_ms = world_now_ms(w);
  end_client(u, 0, 20 * SECOND);
  run_to_end(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_in_range(u->closed_ms - began_ms, 2 * SECOND, 2 * SECOND + SLACK_MS);
}

SCENARIO_SIM_TEST(test_times_beyond_all_bounds, w, p, u) {
  open_to_silent_peer(u);
  end_client(u, UINT64_MAX, UINT64_MAX);
  world_advance(w, 3600 * SECOND);
  assert_int_equal(u->closes, 0);
  end_client(u, 0, UINT64_MAX);
  world_advance(w, 3500 * SECOND);
  assert_int_equal(u->closes, 0);
  world_run_until_count(w, &told, 2);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
}

/* F47: the peer's answer lies in the socket when the time of the whole has passed. */
SCENARIO_UV_TEST(test_stalled_loop_does_not_terminate_what_was_answered, w, p, u) {
  scenario_open(u);
  end_client(u, 0, 300);
  world_advance(w, 5);
  world_lose_time(w, 600);
  run_to_end(u);
  assert_true(user_ended_cleanly(u, 1001, 1001));
}

/* --- called again: the earlier end counts --- */

/* The last of them is called `after_ms` later; when it all ends. */
static uint64_t end_again(session_user *u, int (*again)(wsuv_client_t *client), uint64_t after_ms) {
  told = others = 0;
  owner = u;
  uint64_t began_ms = world_now_ms(u->w);
  const wsuv_end_t first = end_of(100 * SECOND, 0);
  assert_int_equal(call_client_close_with(u->client, &first, on_gone), 0);
  world_advance(u->w, after_ms);
  if (u->client != NULL) assert_int_equal(again(u->client), 0);
  run_to_end(u);
  return gone_ms - began_ms;
}

static int again_close(wsuv_client_t *client) {
  return call_client_close(client, on_other);
}

static int again_terminate(wsuv_client_t *client) {
  return call_client_terminate(client, on_other);
}

static int again_earlier(wsuv_client_t *client) {
  wsuv_end_t how = end_of(5 * SECOND, 0);
  how.code = 4002;
  return call_client_close_with(client, &how, on_other);
}

static int again_later(wsuv_client_t *client) {
  wsuv_end_t how = end_of(1000 * SECOND, 0);
  how.code = 4002;
  return call_client_close_with(client, &how, on_other);
}

SCENARIO_SIM_TEST(test_earlier_end_counts, w, p, u) {
  enum { COUNT = 50, AFTER_MS = 2 * SECOND };
  static const struct {
    int (*again)(wsuv_client_t *client);
    uint64_t least_ms, most_ms;
    int status;
    unsigned code;
  } rows[] = {
      {again_close, AFTER_MS, AFTER_MS, 0, 1001},
      {again_terminate, AFTER_MS, AFTER_MS, UV_ECANCELED, 0},
      {again_earlier, AFTER_MS + SECOND, AFTER_MS + 5 * SECOND, 0, 4002},
      {again_later, 50 * SECOND, 100 * SECOND, 0, 1001},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    crowd c;
    scenario_renew(u);
    crowd_open(&c, u, COUNT);
    uint64_t took_ms = end_again(u, rows[i].again, AFTER_MS);
    assert_in_range(took_ms, rows[i].least_ms, rows[i].most_ms + SLACK_MS);
    assert_int_equal(others, 1);
    size_t so = 0;
    for (size_t k = 0; k < COUNT; k++) {
      const user_end *e = &c.members[k].end;
      so += e->status == rows[i].status && (rows[i].code == 0 || e->sent_code == rows[i].code);
    }
    assert_in_range(so, COUNT * 3 / 4, COUNT);
    crowd_free(&c);
  }
}

/* The time of the whole is the earliest, too, whatever comes first. */
SCENARIO_SIM_TEST(test_earlier_time_of_the_whole_counts, w, p, u) {
  for (int first = 0; first < 2; first++) {
    scenario_renew(u);
    open_to_silent_peer(u);
    uint64_t began_ms = world_now_ms(w);
    end_client(u, 0, first == 0 ? 5 * SECOND : 50 * SECOND);
    assert_int_equal(again_close(u->client), 0);
    end_client(u, 0, first == 0 ? 50 * SECOND : 5 * SECOND);
    assert_int_equal(again_close(u->client), 0);
    world_run_until_count(w, &told, 2);
    assert_int_equal(others, 2);
    assert_in_range(u->closed_ms - began_ms, 5 * SECOND, 5 * SECOND + SLACK_MS);
  }
}

SCENARIO_SIM_TEST(test_plain_close_that_is_given_a_time, w, p, u) {
  open_to_silent_peer(u);
  uint64_t began_ms = world_now_ms(w);
  assert_int_equal(again_close(u->client), 0);
  world_advance(w, 10 * SECOND);
  end_client(u, 60 * SECOND, 70 * SECOND);
  run_to_end(u);
  assert_in_range(u->closed_ms - began_ms, 80 * SECOND, 80 * SECOND + SLACK_MS);
}

/* --- from callbacks --- */

static void end_in_on_close(session_user *m) {
  const crowd *c = m->data;
  if (c->u->client == NULL) return;
  CHECK(again_later(c->u->client) == 0);
  if (m == &c->members[10]) CHECK(again_earlier(c->u->client) == 0);
  if (m == &c->members[20]) CHECK(again_close(c->u->client) == 0);
}

SCENARIO_TLS_TEST(test_client_is_closed_again_in_callbacks, w, p, u) {
  enum { COUNT = 30 };
  crowd c;
  crowd_open(&c, u, COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    c.members[i].data = &c;
    c.members[i].at_close = end_in_on_close;
  }
  end_client(u, 300, 0);
  run_to_end(u);
  crowd_free(&c);
}

/* --- without memory --- F46 */

static void allow(int err) {
  CHECK(err == 0 || err == UV_ENOMEM);
}

/* Whatever fails, the client ends: at once, in the row, or at the latest at its time. */
static void play(world *w) {
  enum { COUNT = 4 };
  frame_peer p;
  session_user u = {.w = w}, members[COUNT];
  frame_peer_start(&p, w);
  told = others = 0;
  owner = &u;
  if (world_client(w, &u.client, NULL) == 0) {
    for (size_t i = 0; i < COUNT; i++) {
      user_init_on(&members[i], &u);
      allow(user_try_connect(&members[i], &p));
    }
    world_advance(w, SECOND);
    const wsuv_end_t how = end_of(2 * SECOND, 0);
    allow(call_client_close_with(u.client, &how, on_gone));
    world_advance(w, SECOND);
    if (told == 0) allow(again_earlier(u.client));
    world_run_until_count(w, &told, 1);
    for (size_t i = 0; i < COUNT; i++) user_free(&members[i]);
  }
  frame_peer_free(&p);
}

WORLD_SIM_TEST(test_each_allocation_fails_once, w) {
  if (w->seed < 4) torture(w, play, false, 20);
}

WORLD_SIM_TEST(test_each_allocation_fails_for_ever, w) {
  if (w->seed < 4) torture(w, play, true, 20);
}

/* Without a timer all are closed at once, and nothing is said but in the log. */
SCENARIO_SIM_TEST(test_without_memory_for_a_timer_sessions_are_closed_at_once, w, p, u) {
  enum { COUNT = 5 };
  crowd c;
  crowd_open(&c, u, COUNT);
  uint64_t began_ms = world_now_ms(w);
  w->alloc->fail_at = w->alloc->calls + 1;
  w->alloc->failed = 0;
  end_client(u, 60 * SECOND, 0);
  w->alloc->fail_at = 0;
  assert_int_equal(w->alloc->failed, 1);
  run_to_end(u);
  assert_in_range(gone_ms - began_ms, 0, SECOND);
  for (size_t i = 0; i < COUNT; i++) assert_true(user_ended_cleanly(&c.members[i], 1001, 1001));
  crowd_free(&c);
}
