/* The contract of base/env.h but for connections: clock, random bytes, timers, deferred calls,
   lookup and the end. What is claimed here holds for the library's environment on libuv and for the
   simulated one alike. */

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include "base/error.h"
#include "support/raw_peer.h"
#include "support/world_test.h"

static ws_env *new_env(world *w) {
  ws_env *env;
  assert_int_equal(world_env_new(w, &env), 0);
  return env;
}

/* --- clock and random bytes --- */

WORLD_EACH_TEST(test_env_clocks_go_on, w) {
  ws_env *env = new_env(w);
  uint64_t ms = env->ops->now_ms(env), ns = env->ops->now_ns(env);
  world_lose_time(w, 2);
  assert_true(env->ops->now_ms(env) >= ms + 2);
  assert_true(env->ops->now_ns(env) >= ns + 2000000);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_env_random_bytes_differ, w) {
  ws_env *env = new_env(w);
  uint8_t a[32], b[32];
  assert_int_equal(env->ops->random(env, a, sizeof a), 0);
  assert_int_equal(env->ops->random(env, b, sizeof b), 0);
  assert_memory_not_equal(a, b, sizeof a);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_env_random_failure_has_its_code, w) {
  ws_env *env = new_env(w);
  uint8_t a[4];
  world_random_fails(w, true);
  assert_int_equal(env->ops->random(env, a, sizeof a), WSUV_ERANDOM);
  world_random_fails(w, false);
  assert_int_equal(env->ops->random(env, a, sizeof a), 0);
  world_env_close(w, env);
}

/* --- timers --- */

enum { LONG_MS = 20 }; /* later than all that is to fire */

typedef struct alarm {
  ws_env *env;
  ws_timer *timer;
  struct alarm *victim; /* freed or stopped by this one */
  bool frees, stops;
  size_t restarts; /* left to do */
  size_t fired;
  uint64_t at_ms;
  size_t *clock; /* counts firings of all */
  size_t rank;   /* this one's place among them, from 1 */
} alarm;

static void on_alarm(void *data) {
  alarm *a = data;
  a->fired++;
  a->at_ms = a->env->ops->now_ms(a->env);
  if (a->clock != NULL) a->rank = ++*a->clock;
  if (a->restarts > 0) {
    a->restarts--;
    a->env->ops->timer_start(a->timer, 1);
  }
  if (a->stops) a->env->ops->timer_stop(a->victim->timer);
  if (a->frees) {
    a->env->ops->timer_free(a->victim->timer);
    a->victim->timer = NULL;
  }
}

static void set_alarm(alarm *a, ws_env *env, size_t *clock) {
  *a = (alarm){.env = env, .clock = clock};
  assert_int_equal(env->ops->timer_new(env, on_alarm, a, &a->timer), 0);
}

static void free_alarm(alarm *a) {
  a->env->ops->timer_free(a->timer);
}

static bool loop_goes_on(world *w) {
  return uv_run(world_uv_loop(w), UV_RUN_NOWAIT) != 0;
}

WORLD_UV_TEST(test_held_loop_goes_on, w) {
  ws_env *env = new_env(w);
  alarm a;
  set_alarm(&a, env, NULL);
  env->ops->timer_start(a.timer, 60000);
  assert_false(loop_goes_on(w)); /* for a timer alone it does not */
  for (int i = 0; i < 2; i++) {
    env->ops->keep_alive(env, true);
    assert_true(loop_goes_on(w));
    assert_true(loop_goes_on(w));
    env->ops->keep_alive(env, false);
    assert_false(loop_goes_on(w));
  }
  free_alarm(&a);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_timer_is_not_early, w) {
  ws_env *env = new_env(w);
  alarm a;
  set_alarm(&a, env, NULL);
  world_lose_time(w, 3); /* the loop's own idea of the time is old now */
  uint64_t start = env->ops->now_ms(env);
  env->ops->timer_start(a.timer, 5);
  assert_int_equal(a.fired, 0);
  world_advance(w, LONG_MS);
  assert_int_equal(a.fired, 1);
  assert_true(a.at_ms >= start + 5);
  free_alarm(&a);
  world_env_close(w, env);
}

typedef struct worker {
  world *w;
  alarm a;
  uint64_t started_ms;
} worker;

static void work_once(void *data) {
  worker *k = data;
  if (k->a.fired++ == 0) {
    world_lose_time(k->w, LONG_MS);
    k->started_ms = world_now_ms(k->w);
    k->a.env->ops->timer_start(k->a.timer, 5);
  } else {
    k->a.at_ms = world_now_ms(k->w);
  }
}

/* F51; that the loop does not sleep longer is in test_env_timer.c. */
WORLD_EACH_TEST(test_timer_counts_from_the_call_after_work_in_its_callback, w) {
  worker k = {.w = w, .a = {.env = new_env(w)}};
  assert_int_equal(k.a.env->ops->timer_new(k.a.env, work_once, &k, &k.a.timer), 0);
  k.a.env->ops->timer_start(k.a.timer, 1);
  world_run_until_count(w, &k.a.fired, 2);
  world_assert_took(w, k.a.at_ms - k.started_ms, 5, 6);
  free_alarm(&k.a);
  world_env_close(w, k.a.env);
}

WORLD_EACH_TEST(test_timers_fire_in_order, w) {
  static const uint64_t delays[] = {7, 1, 4, 1, 0};
  static const size_t ranks[] = {5, 2, 4, 3, 1};
  ws_env *env = new_env(w);
  alarm a[5];
  size_t clock = 0;
  for (size_t i = 0; i < 5; i++) set_alarm(&a[i], env, &clock);
  for (size_t i = 0; i < 5; i++) env->ops->timer_start(a[i].timer, delays[i]);
  world_advance(w, LONG_MS);
  assert_int_equal(clock, 5);
  for (size_t i = 0; i < 5; i++) assert_int_equal(a[i].rank, ranks[i]);
  for (size_t i = 0; i < 5; i++) free_alarm(&a[i]);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_timer_started_again_is_moved, w) {
  ws_env *env = new_env(w);
  alarm a, b;
  size_t clock = 0;
  set_alarm(&a, env, &clock);
  set_alarm(&b, env, &clock);
  env->ops->timer_start(a.timer, 1);
  env->ops->timer_start(b.timer, 3);
  env->ops->timer_start(a.timer, 8);
  world_advance(w, LONG_MS);
  assert_int_equal(b.rank, 1);
  assert_int_equal(a.rank, 2);
  assert_int_equal(a.fired, 1);
  free_alarm(&a);
  free_alarm(&b);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_timer_stopped_does_not_fire, w) {
  ws_env *env = new_env(w);
  alarm a, b;
  set_alarm(&a, env, NULL);
  set_alarm(&b, env, NULL);
  env->ops->timer_start(a.timer, 1);
  env->ops->timer_start(b.timer, 3);
  env->ops->timer_stop(a.timer);
  env->ops->timer_stop(a.timer);
  world_advance(w, LONG_MS);
  assert_int_equal(a.fired, 0);
  assert_int_equal(b.fired, 1);
  env->ops->timer_start(a.timer, 1);
  world_advance(w, LONG_MS);
  assert_int_equal(a.fired, 1);
  free_alarm(&a);
  free_alarm(&b);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_timer_starts_itself_again, w) {
  ws_env *env = new_env(w);
  alarm a;
  set_alarm(&a, env, NULL);
  a.restarts = 3;
  env->ops->timer_start(a.timer, 0);
  world_run_until_count(w, &a.fired, 4); /* each may be late */
  world_advance(w, LONG_MS);
  assert_int_equal(a.fired, 4);
  free_alarm(&a);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_timer_freed_in_its_callback, w) {
  ws_env *env = new_env(w);
  alarm a;
  set_alarm(&a, env, NULL);
  a.restarts = 1;
  a.frees = true;
  a.victim = &a;
  env->ops->timer_start(a.timer, 1);
  world_advance(w, LONG_MS);
  assert_int_equal(a.fired, 1);
  world_env_close(w, env);
}

/* Both are due in the same turn. */
WORLD_EACH_TEST(test_timer_freed_by_another_does_not_fire, w) {
  ws_env *env = new_env(w);
  alarm a, b;
  set_alarm(&a, env, NULL);
  set_alarm(&b, env, NULL);
  a.frees = true;
  a.victim = &b;
  env->ops->timer_start(a.timer, 1);
  env->ops->timer_start(b.timer, 1);
  world_lose_time(w, 2);
  world_advance(w, LONG_MS);
  assert_int_equal(a.fired, 1);
  assert_int_equal(b.fired, 0);
  free_alarm(&a);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_timer_stopped_by_another_does_not_fire, w) {
  ws_env *env = new_env(w);
  alarm a, b;
  set_alarm(&a, env, NULL);
  set_alarm(&b, env, NULL);
  a.stops = true;
  a.victim = &b;
  env->ops->timer_start(a.timer, 1);
  env->ops->timer_start(b.timer, 1);
  world_lose_time(w, 2);
  world_advance(w, LONG_MS);
  assert_int_equal(b.fired, 0);
  free_alarm(&a);
  free_alarm(&b);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_timer_with_the_longest_delay_does_not_fire_at_once, w) {
  ws_env *env = new_env(w);
  alarm a, b;
  set_alarm(&a, env, NULL);
  set_alarm(&b, env, NULL);
  env->ops->timer_start(a.timer, UINT64_MAX);
  env->ops->timer_start(b.timer, 2);
  world_run_until_count(w, &b.fired, 1);
  assert_int_equal(a.fired, 0);
  free_alarm(&a);
  free_alarm(&b);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_timer_null_can_be_freed, w) {
  ws_env *env = new_env(w);
  env->ops->timer_free(NULL);
  env->ops->deferred_free(NULL);
  world_env_close(w, env);
}

/* --- deferred calls --- */

typedef struct errand {
  ws_env *env;
  ws_deferred *deferred;
  size_t runs;
  size_t again; /* schedules itself so often */
  bool frees;
  size_t seen; /* by one_a_turn */
} errand;

static void on_errand(void *data) {
  errand *e = data;
  e->runs++;
  if (e->again > 0) {
    e->again--;
    e->env->ops->deferred_schedule(e->deferred);
  }
  if (!e->frees) return;
  e->env->ops->deferred_free(e->deferred);
  e->deferred = NULL;
}

static void set_errand(errand *e, ws_env *env) {
  *e = (errand){.env = env};
  assert_int_equal(env->ops->deferred_new(env, on_errand, e, &e->deferred), 0);
}

WORLD_EACH_TEST(test_deferred_runs_once_from_the_loop, w) {
  ws_env *env = new_env(w);
  errand e;
  set_errand(&e, env);
  world_run(w);
  assert_int_equal(e.runs, 0);
  env->ops->deferred_schedule(e.deferred);
  env->ops->deferred_schedule(e.deferred);
  assert_int_equal(e.runs, 0);
  world_run(w);
  assert_int_equal(e.runs, 1);
  env->ops->deferred_schedule(e.deferred);
  world_run(w);
  assert_int_equal(e.runs, 2);
  env->ops->deferred_free(e.deferred);
  world_env_close(w, env);
}

static bool one_a_turn(void *arg) {
  errand *e = arg;
  assert_true(e->runs <= e->seen + 1);
  e->seen = e->runs;
  return e->runs == 6;
}

WORLD_EACH_TEST(test_deferred_scheduled_inside_itself_is_for_the_next_turn, w) {
  ws_env *env = new_env(w);
  errand e;
  set_errand(&e, env);
  e.again = 5;
  env->ops->deferred_schedule(e.deferred);
  world_run_until(w, one_a_turn, &e);
  world_run(w);
  assert_int_equal(e.runs, 6);
  env->ops->deferred_free(e.deferred);
  world_env_close(w, env);
}

/* A timer far away would let the loop sleep. */
WORLD_EACH_TEST(test_deferred_is_not_slept_on, w) {
  ws_env *env = new_env(w);
  errand e;
  alarm a;
  set_errand(&e, env);
  set_alarm(&a, env, NULL);
  env->ops->timer_start(a.timer, 5000);
  uint64_t start = env->ops->now_ms(env);
  e.again = 100;
  env->ops->deferred_schedule(e.deferred);
  world_run_until_count(w, &e.runs, 101);
  assert_true(env->ops->now_ms(env) < start + 2500);
  env->ops->deferred_free(e.deferred);
  free_alarm(&a);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_deferred_freed_in_its_callback, w) {
  ws_env *env = new_env(w);
  errand e;
  set_errand(&e, env);
  e.frees = true;
  e.again = 1;
  env->ops->deferred_schedule(e.deferred);
  world_run(w);
  assert_int_equal(e.runs, 1);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_deferred_freed_before_does_not_run, w) {
  ws_env *env = new_env(w);
  errand e;
  set_errand(&e, env);
  env->ops->deferred_schedule(e.deferred);
  env->ops->deferred_free(e.deferred);
  world_run(w);
  assert_int_equal(e.runs, 0);
  world_env_close(w, env);
}

static void wake(void *errand_) {
  errand *e = errand_;
  e->env->ops->deferred_wake(e->deferred);
}

/* In the simulation there is one thread only. */
static void wake_from_elsewhere(world *w, errand *e) {
  uv_thread_t thread;
  if (w->kind == WORLD_SIM) {
    wake(e);
    return;
  }
  assert_int_equal(uv_thread_create(&thread, wake, e), 0);
  assert_int_equal(uv_thread_join(&thread), 0);
}

/* What is woken does not keep the loop alive, so something else has to. */
WORLD_EACH_TEST(test_deferred_is_woken_by_another_thread, w) {
  ws_env *env = new_env(w);
  errand e;
  alarm a;
  set_errand(&e, env);
  set_alarm(&a, env, NULL);
  env->ops->timer_start(a.timer, 5000);
  for (size_t i = 1; i <= 3; i++) {
    wake_from_elsewhere(w, &e);
    assert_int_equal(e.runs, i - 1);
    world_run_until_count(w, &e.runs, i);
  }
  env->ops->deferred_free(e.deferred);
  free_alarm(&a);
  world_env_close(w, env);
  assert_int_equal(e.runs, 3);
}

WORLD_EACH_TEST(test_deferred_freed_after_it_was_woken_does_not_run, w) {
  ws_env *env = new_env(w);
  errand e;
  set_errand(&e, env);
  wake_from_elsewhere(w, &e);
  env->ops->deferred_free(e.deferred);
  world_env_close(w, env);
  assert_int_equal(e.runs, 0);
}

/* --- lookup --- */

typedef struct query {
  ws_env *env;
  ws_lookup *lookup;
  size_t answers;
  int status;
  size_t count;
  struct sockaddr_storage first;
  struct query *victim; /* cancelled by this one's answer */
} query;

static void on_answer(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  query *q = data;
  q->answers++;
  q->status = status;
  q->count = count;
  if (count > 0) q->first = addrs[0];
  if (q->victim != NULL && q->victim->answers == 0) {
    q->env->ops->lookup_cancel(q->victim->lookup);
    q->victim->victim = NULL;
  }
}

static void ask(query *q, ws_env *env, const char *host) {
  *q = (query){.env = env};
  assert_int_equal(env->ops->lookup(env, host, 8080, on_answer, q, &q->lookup), 0);
  assert_int_equal(q->answers, 0);
}

WORLD_EACH_TEST(test_lookup_of_a_literal, w) {
  ws_env *env = new_env(w);
  query q;
  ask(&q, env, "127.0.0.1");
  world_run_until_count(w, &q.answers, 1);
  assert_int_equal(q.status, 0);
  assert_true(q.count >= 1);
  const struct sockaddr_in *in = (const struct sockaddr_in *) &q.first;
  assert_int_equal(in->sin_family, AF_INET);
  assert_int_equal(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);
  assert_int_equal(ntohs(in->sin_port), 8080);
  world_env_close(w, env);
  assert_int_equal(q.answers, 1);
}

WORLD_EACH_TEST(test_lookup_of_a_name, w) {
  ws_env *env = new_env(w);
  query q;
  ask(&q, env, world_good_name(w));
  world_run_until_count(w, &q.answers, 1);
  assert_int_equal(q.status, 0);
  assert_true(q.count >= 1);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_lookup_of_an_unknown_name_fails, w) {
  ws_env *env = new_env(w);
  query q;
  ask(&q, env, world_bad_name(w));
  world_run_until_count(w, &q.answers, 1);
  assert_true(q.status <= UV_EAI_ADDRFAMILY && q.status >= UV_EAI_PROTOCOL);
  assert_int_equal(q.count, 0);
  world_env_close(w, env);
}

/* F38: more than libuv has threads, so that some are under way and some wait. */
WORLD_EACH_TEST(test_lookup_cancelled_says_nothing, w) {
  ws_env *env = new_env(w);
  query q[10];
  for (size_t i = 0; i < 10; i++) ask(&q[i], env, i % 2 == 0 ? world_bad_name(w) : "localhost");
  for (size_t i = 0; i < 10; i++) env->ops->lookup_cancel(q[i].lookup);
  world_env_close(w, env); /* waits for the orphans */
  for (size_t i = 0; i < 10; i++) assert_int_equal(q[i].answers, 0);
}

WORLD_EACH_TEST(test_lookup_cancelled_by_the_answer_of_another, w) {
  ws_env *env = new_env(w);
  query a, b;
  ask(&a, env, "127.0.0.1");
  ask(&b, env, "127.0.0.1");
  a.victim = &b;
  b.victim = &a;
  world_run(w);
  assert_int_equal(a.answers + b.answers, 1);
  world_env_close(w, env);
}

/* --- the end --- */

WORLD_EACH_TEST(test_env_closes_from_the_loop, w) {
  ws_env *env = new_env(w);
  world_env_close(w, env); /* checks that */
}

WORLD_EACH_TEST(test_env_closes_right_after_its_handles_were_freed, w) {
  ws_env *env = new_env(w);
  alarm a;
  errand e;
  set_alarm(&a, env, NULL);
  set_errand(&e, env);
  env->ops->timer_start(a.timer, 1);
  env->ops->deferred_schedule(e.deferred);
  free_alarm(&a);
  env->ops->deferred_free(e.deferred);
  world_env_close(w, env);
  assert_int_equal(a.fired + e.runs, 0);
}

/* F46 */
static void make_all(world *w) {
  ws_env *env;
  ws_timer *timer = NULL;
  ws_deferred *deferred = NULL;
  query q = {0};
  int err = world_env_new(w, &env);
  if (err < 0) {
    assert_int_equal(err, WS_ENOMEM);
    return;
  }
  q.env = env;
  if (env->ops->timer_new(env, on_alarm, NULL, &timer) < 0) timer = NULL;
  if (env->ops->deferred_new(env, on_errand, NULL, &deferred) < 0) deferred = NULL;
  err = env->ops->lookup(env, "127.0.0.1", 1, on_answer, &q, &q.lookup);
  world_run(w);
  assert_int_equal(q.answers, err == 0 ? 1 : 0);
  assert_true(err < 0 || q.status == 0 || q.status == WS_ENOMEM);
  env->ops->timer_free(timer);
  env->ops->deferred_free(deferred);
  world_env_close(w, env);
}

WORLD_EACH_TEST(test_env_without_memory, w) {
  track_alloc *t = w->alloc;
  for (int for_ever = 0; for_ever < 2; for_ever++) {
    uint64_t failed = t->failed;
    t->fail_for_ever = for_ever != 0;
    for (uint64_t n = 1;; n++) {
      t->fail_at = t->calls + n;
      make_all(w);
      t->fail_at = 0;
      assert_int_equal(t->live, 0);
      if (t->failed == failed) break;
      failed = t->failed;
    }
  }
}
