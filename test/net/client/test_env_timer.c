/* Timers of the environment on libuv, started in every phase of the loop after a callback has
   worked for long: libuv's own time is old then. None fires early, and none makes the loop sleep
   too long. How long the loop will sleep is asked of libuv, so nothing here depends on how busy the
   machine is. F51 */

#include <uv.h>

#include "net/uv/clock.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { DELAY_MS = 10, WORK_MS = 50, FAR_MS = 5000 };

/* Where a timer is started. */
typedef enum phase { IN_TIMER, IN_IDLE, IN_PREPARE, IN_POLL, IN_CHECK, IN_CLOSE, OUTSIDE } phase;

typedef union any_handle {
  uv_handle_t any;
  uv_timer_t timer;
  uv_idle_t idle;
  uv_prepare_t prepare;
  uv_async_t async;
  uv_check_t check;
} any_handle;

typedef struct stage {
  world *w;
  uv_loop_t *loop;
  ws_env *env;
  ws_timer *timer;
  uv_timer_t far; /* keeps the loop alive; before the phase after a poll, it ends the first sleep */
  any_handle handle; /* calls from the phase */
  bool updates;      /* the program calls uv_update_time afterwards */
  bool before_poll;  /* no update of libuv's time is between the phase and the poll */
  bool closed;       /* `handle` is closed */
  size_t fired;
  uint64_t started_ms, fired_ms;
} stage;

static void on_fired(void *data) {
  stage *s = data;
  s->fired++;
  s->fired_ms = clock_now_ms(s->env);
}

static void assert_sleeps_no_longer(const stage *s) {
  assert_in_range(uv_backend_timeout(s->loop), 0, DELAY_MS);
}

/* libuv's time is still old when it computes how long it sleeps, unless it was updated. */
static void work_and_start(stage *s) {
  world_lose_time(s->w, WORK_MS);
  s->started_ms = clock_now_ms(s->env);
  s->env->ops->timer_start(s->timer, DELAY_MS);
  if (s->before_poll) assert_sleeps_no_longer(s);
  if (s->updates) uv_update_time(s->loop);
  if (s->updates) assert_sleeps_no_longer(s);
}

static void on_timer(uv_timer_t *h) {
  work_and_start(h->data);
}

static void on_idle(uv_idle_t *h) {
  uv_idle_stop(h); /* or the loop would not sleep at all */
  work_and_start(h->data);
}

static void on_prepare(uv_prepare_t *h) {
  uv_prepare_stop(h);
  work_and_start(h->data);
}

static void on_async(uv_async_t *h) {
  work_and_start(h->data);
}

static void on_check(uv_check_t *h) {
  uv_check_stop(h);
  work_and_start(h->data);
}

static void on_closed(uv_handle_t *h) {
  stage *s = h->data;
  s->closed = true;
  work_and_start(s);
}

static void on_cleared(uv_handle_t *h) {
  stage *s = h->data;
  s->closed = true;
}

static void on_far(uv_timer_t *h) {
  (void) h;
}

static void enter(stage *s, phase p) {
  any_handle *h = &s->handle;
  switch (p) {
  case IN_TIMER:
    CHECK(uv_timer_init(s->loop, &h->timer) == 0 && uv_timer_start(&h->timer, on_timer, 1, 0) == 0);
    break;
  case IN_IDLE:
    CHECK(uv_idle_init(s->loop, &h->idle) == 0 && uv_idle_start(&h->idle, on_idle) == 0);
    break;
  case IN_PREPARE:
    CHECK(uv_prepare_init(s->loop, &h->prepare) == 0);
    CHECK(uv_prepare_start(&h->prepare, on_prepare) == 0);
    break;
  case IN_POLL: /* libuv calls asyncs and sockets from the same place */
    CHECK(uv_async_init(s->loop, &h->async, on_async) == 0 && uv_async_send(&h->async) == 0);
    break;
  case IN_CHECK:
  case OUTSIDE:
    CHECK(uv_check_init(s->loop, &h->check) == 0);
    if (p == IN_CHECK) CHECK(uv_check_start(&h->check, on_check) == 0);
    break;
  case IN_CLOSE: CHECK(uv_timer_init(s->loop, &h->timer) == 0); break;
  }
  h->any.data = s;
  if (p == IN_CLOSE) uv_close(&h->any, on_closed);
  if (p == OUTSIDE) work_and_start(s);
}

static void play(world *w, phase p, bool updates, uv_run_mode mode) {
  stage s = {.w = w, .loop = world_uv_loop(w), .updates = updates};
  assert_int_equal(world_env_new(w, &s.env), 0);
  assert_int_equal(s.env->ops->timer_new(s.env, on_fired, &s, &s.timer), 0);
  uv_update_time(s.loop);
  CHECK(uv_timer_init(s.loop, &s.far) == 0 &&
        uv_timer_start(&s.far, on_far, p == IN_CHECK ? 1 : FAR_MS, FAR_MS) == 0);
  s.before_poll = p == IN_TIMER || p == IN_IDLE || p == IN_PREPARE || p == OUTSIDE;
  enter(&s, p);
  while (s.fired == 0) uv_run(s.loop, mode);
  assert_true(s.fired_ms >= s.started_ms + DELAY_MS);
  uv_close((uv_handle_t *) &s.far, NULL);
  if (!s.closed) uv_close(&s.handle.any, on_cleared);
  s.env->ops->timer_free(s.timer);
  world_env_close(w, s.env);
  assert_int_equal(s.fired, 1);
  assert_true(s.closed);
}

static void play_all(world *w, phase p) {
  for (int updates = 0; updates < 2; updates++) {
    play(w, p, updates != 0, UV_RUN_ONCE);
    play(w, p, updates != 0, UV_RUN_NOWAIT);
  }
}

WORLD_UV_TEST(test_timer_started_after_work_in_a_timer, w) {
  play_all(w, IN_TIMER);
}

WORLD_UV_TEST(test_timer_started_after_work_in_an_idle_callback, w) {
  play_all(w, IN_IDLE);
}

WORLD_UV_TEST(test_timer_started_after_work_in_a_prepare_callback, w) {
  play_all(w, IN_PREPARE);
}

WORLD_UV_TEST(test_timer_started_after_work_in_a_callback_of_the_poll, w) {
  play_all(w, IN_POLL);
}

WORLD_UV_TEST(test_timer_started_after_work_in_a_check_callback, w) {
  play_all(w, IN_CHECK);
}

WORLD_UV_TEST(test_timer_started_after_work_in_a_close_callback, w) {
  play_all(w, IN_CLOSE);
}

WORLD_UV_TEST(test_timer_started_after_work_outside_the_loop, w) {
  play_all(w, OUTSIDE);
}

/* --- the program's timers --- */

static void work_and_start_far(uv_timer_t *h) {
  stage *s = h->data;
  s->fired++;
  world_lose_time(s->w, 2);
  s->env->ops->timer_start(s->timer, FAR_MS);
}

/* It works for longer than its interval, and still the loop polls in between. */
WORLD_UV_TEST(test_timer_of_the_program_leaves_the_loop_its_polls, w) {
  stage s = {.w = w, .loop = world_uv_loop(w)};
  assert_int_equal(world_env_new(w, &s.env), 0);
  assert_int_equal(s.env->ops->timer_new(s.env, on_fired, &s, &s.timer), 0);
  s.far.data = &s;
  CHECK(uv_timer_init(s.loop, &s.far) == 0);
  CHECK(uv_timer_start(&s.far, work_and_start_far, 1, 1) == 0);
  for (size_t turns = 1; turns <= 10; turns++) {
    uv_run(s.loop, UV_RUN_NOWAIT);
    assert_true(s.fired <= turns);
  }
  uv_close((uv_handle_t *) &s.far, NULL);
  s.env->ops->timer_free(s.timer);
  world_env_close(w, s.env);
}

/* --- one poll between two firings --- */

typedef struct echo_timer {
  stage s;
  uv_check_t check;   /* called after each poll */
  size_t polls, last; /* last: polls at the last firing */
  uv_timer_t program; /* due together with the environment's */
} echo_timer;

static void on_polled(uv_check_t *h) {
  echo_timer *e = h->data;
  e->polls++;
}

static void on_echo(void *data) {
  echo_timer *e = data;
  if (e->s.fired++ > 0) assert_true(e->polls > e->last);
  e->last = e->polls;
  e->s.env->ops->timer_start(e->s.timer, 1);
  world_lose_time(e->s.w, 2);
}

/* libuv 1.44 runs what has become due meanwhile in the same pass. */
static void on_program(uv_timer_t *h) {
  echo_timer *e = h->data;
  world_lose_time(e->s.w, 2);
  if (e->s.updates) uv_update_time(h->loop);
}

static void echo(world *w, bool updates, uv_run_mode mode) {
  echo_timer e = {.s = {.w = w, .loop = world_uv_loop(w), .updates = updates}};
  assert_int_equal(world_env_new(w, &e.s.env), 0);
  assert_int_equal(e.s.env->ops->timer_new(e.s.env, on_echo, &e, &e.s.timer), 0);
  e.check.data = e.program.data = &e;
  uv_update_time(e.s.loop);
  CHECK(uv_check_init(e.s.loop, &e.check) == 0 && uv_check_start(&e.check, on_polled) == 0);
  CHECK(uv_timer_init(e.s.loop, &e.program) == 0);
  CHECK(uv_timer_start(&e.program, on_program, 2, 20) == 0);
  e.s.env->ops->timer_start(e.s.timer, 1);
  while (e.s.fired < 10) uv_run(e.s.loop, mode);
  uv_close((uv_handle_t *) &e.check, NULL);
  uv_close((uv_handle_t *) &e.program, NULL);
  e.s.env->ops->timer_free(e.s.timer);
  world_env_close(w, e.s.env);
}

WORLD_UV_TEST(test_timer_does_not_fire_twice_without_a_poll, w) {
  echo(w, false, UV_RUN_ONCE);
  echo(w, false, UV_RUN_NOWAIT);
}

WORLD_UV_TEST(test_timer_does_not_fire_twice_in_one_pass_of_timers, w) {
  echo(w, true, UV_RUN_ONCE);
  echo(w, true, UV_RUN_NOWAIT);
}

/* --- many timers --- */

enum { CROWD = 1000, FIRED_MAX = 256 };

typedef struct crowd_timer {
  struct timer_crowd *crowd;
  ws_timer *timer;
  uint64_t due_ms, due_at_most_ms; /* it is due between these */
  size_t fired;
} crowd_timer;

typedef struct timer_crowd {
  world *w;
  ws_env *env;
  crowd_timer timers[CROWD];
  size_t fired;
  uint64_t last_ms; /* when the timer that fired last was due, or later */
} timer_crowd;

static void on_crowd(void *data) {
  crowd_timer *t = data;
  timer_crowd *c = t->crowd;
  assert_true(clock_now_ms(c->env) >= t->due_ms);
  assert_true(t->due_at_most_ms >= c->last_ms);
  c->last_ms = t->due_ms;
  t->fired++;
  c->fired++;
}

static void crowd_start(crowd_timer *t, uint64_t delay_ms) {
  t->due_ms = clock_now_ms(t->crowd->env) + delay_ms;
  t->crowd->env->ops->timer_start(t->timer, delay_ms);
  t->due_at_most_ms = clock_now_ms(t->crowd->env) + delay_ms;
}

static timer_crowd *crowd_new(world *w) {
  timer_crowd *c = check_alloc(sizeof *c);
  c->w = w;
  assert_int_equal(world_env_new(w, &c->env), 0);
  c->env->ops->keep_alive(c->env, true);
  for (size_t i = 0; i < CROWD; i++) {
    crowd_timer *t = &c->timers[i];
    t->crowd = c;
    assert_int_equal(c->env->ops->timer_new(c->env, on_crowd, t, &t->timer), 0);
  }
  return c;
}

static void crowd_free(timer_crowd *c) {
  for (size_t i = 0; i < CROWD; i++) c->env->ops->timer_free(c->timers[i].timer);
  c->env->ops->keep_alive(c->env, false);
  world_env_close(c->w, c->env);
  check_free(c);
}

/* A burst of timers leaves the loop its polls, and each fires once, in its turn. */
WORLD_UV_TEST(test_timers_that_are_due_at_once_fire_in_several_turns, w) {
  timer_crowd *c = crowd_new(w);
  size_t before = 0, turns = 0;
  for (size_t i = 0; i < CROWD; i++) crowd_start(&c->timers[i], 1 + i * 7 % 20);
  world_lose_time(w, WORK_MS);
  while (c->fired < CROWD) {
    uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
    assert_in_range(c->fired - before, 0, FIRED_MAX);
    turns += c->fired > before;
    before = c->fired;
  }
  assert_true(turns >= CROWD / FIRED_MAX);
  for (size_t i = 0; i < CROWD; i++) assert_int_equal(c->timers[i].fired, 1);
  crowd_free(c);
}

/* Those that are stopped do not fire, nor do those that are moved before their new time. */
WORLD_UV_TEST(test_timers_are_stopped_and_moved, w) {
  timer_crowd *c = crowd_new(w);
  for (size_t i = 0; i < CROWD; i++) crowd_start(&c->timers[i], 1 + i % 5);
  for (size_t i = 0; i < CROWD; i += 2) c->env->ops->timer_stop(c->timers[i].timer);
  uint64_t moved_ms = clock_now_ms(c->env) + WORK_MS;
  for (size_t i = 1; i < CROWD; i += 4) crowd_start(&c->timers[i], WORK_MS + i % 5);
  while (c->fired < CROWD / 2) {
    uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
    if (clock_now_ms(c->env) < moved_ms) assert_in_range(c->fired, 0, CROWD / 4);
  }
  for (size_t i = 0; i < CROWD; i++) assert_int_equal(c->timers[i].fired, i % 2);
  crowd_free(c);
}

/* A timer that has not fired is freed by one that fires before it. */
static void free_the_others(void *data) {
  timer_crowd *c = data;
  for (size_t i = 1; i < CROWD; i++) {
    c->env->ops->timer_free(c->timers[i].timer);
    c->timers[i].timer = NULL;
  }
}

WORLD_UV_TEST(test_timers_are_freed_by_another_timer, w) {
  timer_crowd *c = crowd_new(w);
  c->env->ops->timer_free(c->timers[0].timer);
  assert_int_equal(c->env->ops->timer_new(c->env, free_the_others, c, &c->timers[0].timer), 0);
  for (size_t i = 0; i < CROWD; i++) crowd_start(&c->timers[i], i == 0 ? 1 : 2);
  world_lose_time(w, WORK_MS);
  while (c->timers[1].timer != NULL) uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  assert_int_equal(c->fired, 0);
  crowd_free(c);
}

/* --- what a program sees --- */

static void work_and_close(uv_timer_t *h) {
  session_user *u = h->data;
  world_lose_time(u->w, WORK_MS);
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

static void ask_for_sleep(uv_prepare_t *h) {
  session_user *u = h->data;
  if (wsuv_session_stage(u->session) != WSUV_STAGE_CLOSING) return;
  assert_in_range(uv_backend_timeout(h->loop), 0, DELAY_MS);
  uv_prepare_stop(h);
}

static void stop_loop(session_user *u) {
  uv_stop(world_uv_loop(u->w));
}

/* The deadline of the closing handshake is set after long work in a timer of the program. */
SCENARIO_UV_TEST(test_close_deadline_does_not_come_late_by_what_a_callback_worked, w, p, u) {
  uv_timer_t timer;
  uv_prepare_t prepare;
  u->config.close_timeout_ms = DELAY_MS;
  p->silent = true;
  scenario_open(u);
  timer.data = prepare.data = u;
  CHECK(uv_timer_init(world_uv_loop(w), &timer) == 0);
  CHECK(uv_timer_start(&timer, work_and_close, 1, 0) == 0);
  CHECK(uv_prepare_init(world_uv_loop(w), &prepare) == 0);
  CHECK(uv_prepare_start(&prepare, ask_for_sleep) == 0);
  u->at_close = stop_loop;
  uv_run(world_uv_loop(w), UV_RUN_DEFAULT); /* others update the time between timers and poll */
  assert_false(uv_is_active((uv_handle_t *) &prepare)); /* it has asked */
  uv_close((uv_handle_t *) &timer, NULL);
  uv_close((uv_handle_t *) &prepare, NULL);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  scenario_finish(u);
}
