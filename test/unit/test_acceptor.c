#include "net/acceptor.h"
#include "support/test.h"

#include "base/error.h"

/* How often the environment is asked for a connection: each call is a system call. */

enum { ONE_BY_ONE = 100, MANY = 1000 };

typedef struct rig {
  ws_listener l;  /* The listener is tried; this must be the first field. */
  ws_env env;     /* It has no functions but for timers, which never fire. */
  size_t aborted; /* So many connections have failed before those that wait. */
  size_t waiting; /* So many connections wait. */
  size_t calls;   /* accept was called so often. */
  size_t turns;   /* So many turns of the loop had connections. */
} rig;

static int accept_waiting(ws_listener *l, struct ws_filter **out, struct sockaddr_storage *peer) {
  rig *r = (rig *) (void *) l;
  (void) peer; /* nobody looks at it */
  r->calls++;
  *out = NULL;
  if (r->aborted > 0) {
    r->aborted--;
    return WS_ECONNABORTED;
  }
  if (r->waiting == 0) return WS_EAGAIN;
  r->waiting--;
  return 0;
}

static void poll_nothing(ws_listener *l, bool on) {
  (void) l; /* the test calls acceptor_ready */
  (void) on;
}

static void take(void *up, struct ws_filter *filter, const struct sockaddr_storage *peer) {
  (void) up; /* the rig counts the calls */
  (void) filter;
  (void) peer;
}

static int timer_new(ws_env *env, ws_env_cb cb, void *data, ws_timer **out) {
  (void) env; /* no error comes, so the timer is never started */
  (void) cb;
  (void) data;
  *out = NULL;
  return 0;
}

static void timer_free(ws_timer *timer) {
  assert_null(timer);
}

static int never_lost(const void *witness) {
  (void) witness; /* there are no handles */
  return 0;
}

static void rig_init(rig *r) {
  static const acceptor_ops ops = {accept_waiting, poll_nothing};
  static const ws_listener_events events = {.on_accept = take};
  static const ws_env_ops env_ops = {.timer_new = timer_new, .timer_free = timer_free};
  *r = (rig){.env = {.ops = &env_ops, .may_be_lost = never_lost}};
  assert_int_equal(acceptor_init(&r->l, &r->env, &ops, &events, NULL), 0);
  acceptor_start(&r->l);
}

static void run_until_none_waits(rig *r) {
  while (r->waiting > 0) {
    r->turns++;
    acceptor_ready(&r->l, 0);
  }
}

/* To ask in vain costs as much as a connection. */
TEST(test_acceptor_seldom_asks_in_vain_if_connections_come_one_by_one) {
  rig r;
  rig_init(&r);
  for (size_t n = 0; n < ONE_BY_ONE; n++) {
    r.waiting = 1;
    run_until_none_waits(&r);
  }
  assert_int_equal(r.turns, ONE_BY_ONE);
  assert_in_range(r.calls, ONE_BY_ONE, ONE_BY_ONE * 5 / 4);
  acceptor_free(&r.l);
}

TEST(test_acceptor_takes_many_in_few_turns) {
  rig r;
  rig_init(&r);
  r.waiting = MANY;
  run_until_none_waits(&r);
  assert_in_range(r.turns, MANY / 64, MANY / 64 + 10);
  assert_in_range(r.calls, MANY, MANY + 1);
  acceptor_free(&r.l);
}

/* A server that drains closes a listener of which a turn had no connection (listener_drain). */
TEST(test_acceptor_passes_over_failed_connections_in_the_same_turn) {
  rig r;
  rig_init(&r);
  r.aborted = 3;
  r.waiting = 2;
  acceptor_ready(&r.l, 0);
  assert_int_equal(r.aborted, 0);
  assert_int_equal(r.waiting, 1);
  acceptor_free(&r.l);
}

/* One turn is bounded also then. */
TEST(test_acceptor_passes_over_no_more_than_a_turn_has) {
  rig r;
  rig_init(&r);
  r.aborted = MANY;
  acceptor_ready(&r.l, 0);
  assert_in_range(r.calls, 2, 64);
  acceptor_free(&r.l);
}
