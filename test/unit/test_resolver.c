#include "net/dial/resolver.h"

/* Shared lookups, over the simulated machine. */

#include <string.h>

#include <uv.h>

#include "base/error.h"
#include "support/alloc_failures.h"
#include "support/world_test.h"

enum { PORT = 80, MANY = 100, DELAY_MS = 50 };

typedef struct asker asker;

/* One who asks. */
struct asker {
  resolver_waiter waiter;
  resolver *r;
  size_t told;
  int status;
  size_t count;
  uint16_t family;
  void (*when_told)(asker *a);
  asker *other;
};

static size_t told; /* askers, in all */

/* Counts what reaches the environment. */
static struct spy {
  const ws_env_ops *under;
  ws_env_ops ops;
  size_t lookups, cancels;
} spy;

static int spy_lookup(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                      ws_lookup **out) {
  spy.lookups++;
  return spy.under->lookup(env, host, port, cb, data, out);
}

static void spy_cancel(ws_lookup *lookup) {
  spy.cancels++;
  spy.under->lookup_cancel(lookup);
}

static void begin(resolver *r, world *w) {
  ws_env *env;
  assert_int_equal(world_env_new(w, &env), 0);
  spy = (struct spy){.under = env->ops, .ops = *env->ops};
  spy.ops.lookup = spy_lookup;
  spy.ops.lookup_cancel = spy_cancel;
  env->ops = &spy.ops;
  resolver_init(r, env, NULL);
  told = 0;
  sim_name(world_sim(w), "a.test", &(sim_answer){.delay_ms = DELAY_MS, .addrs = {"192.0.2.1"}});
  sim_name(world_sim(w), "b.test",
           &(sim_answer){.delay_ms = DELAY_MS, .addrs = {"::1", "192.0.2.1"}});
  sim_name(world_sim(w), "bad.test", &(sim_answer){.delay_ms = 5, .status = UV_EAI_AGAIN});
}

static void end(resolver *r, world *w) {
  size_t before = told;
  for (size_t i = 0; i < RESOLVER_BUCKETS; i++) assert_true(ws_list_empty(&r->queries[i]));
  world_env_close(w, r->env);
  assert_int_equal(told, before);
}

static void on_answer(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  asker *a = data;
  told++;
  a->told++;
  a->status = status;
  a->count = count;
  a->family = count > 0 ? addrs[0].ss_family : AF_UNSPEC;
  memset(&a->waiter, 0xff, sizeof a->waiter); /* it is free for other uses */
  if (a->when_told != NULL) a->when_told(a);
}

static int try_ask(asker *a, resolver *r, const char *host, uint16_t port) {
  char copy[32];
  size_t before = told;
  a->r = r;
  strcpy(copy, host);
  int err = resolver_lookup(r, &a->waiter, copy, port, on_answer, a);
  memset(copy, 'x', sizeof copy);
  assert_int_equal(told, before);
  return err;
}

static void ask(asker *a, resolver *r, const char *host) {
  assert_int_equal(try_ask(a, r, host, PORT), 0);
}

static void assert_told(const asker *a, int status, size_t count) {
  assert_int_equal(a->told, 1);
  assert_int_equal(a->status, status);
  assert_int_equal(a->count, count);
}

WORLD_SIM_TEST(test_resolver_makes_one_lookup_of_many, w) {
  asker a[MANY] = {{.told = 0}};
  resolver r;
  begin(&r, w);
  for (size_t i = 0; i < MANY; i++) ask(&a[i], &r, "a.test");
  world_run_until_count(w, &told, MANY);
  assert_int_equal(spy.lookups, 1);
  for (size_t i = 0; i < MANY; i++) assert_told(&a[i], 0, 1);
  end(&r, w);
}

/* Not those who ask later than at the same time: nothing is remembered. */
WORLD_SIM_TEST(test_resolver_looks_up_again_after_an_answer, w) {
  resolver r;
  begin(&r, w);
  for (size_t i = 1; i <= 3; i++) {
    asker a = {.told = 0};
    ask(&a, &r, "a.test");
    world_run_until_count(w, &told, i);
    assert_told(&a, 0, 1);
    assert_int_equal(spy.lookups, i);
  }
  end(&r, w);
}

WORLD_SIM_TEST(test_resolver_keeps_hosts_and_ports_apart, w) {
  asker a[4] = {{.told = 0}};
  resolver r;
  begin(&r, w);
  ask(&a[0], &r, "a.test");
  ask(&a[1], &r, "b.test");
  assert_int_equal(try_ask(&a[2], &r, "a.test", PORT + 1), 0);
  ask(&a[3], &r, "bad.test");
  world_run_until_count(w, &told, 4);
  assert_int_equal(spy.lookups, 4);
  assert_told(&a[0], 0, 1);
  assert_int_equal(a[0].family, AF_INET);
  assert_told(&a[1], 0, 2);
  assert_int_equal(a[1].family, AF_INET6);
  assert_told(&a[2], 0, 1);
  assert_told(&a[3], UV_EAI_AGAIN, 0);
  end(&r, w);
}

WORLD_SIM_TEST(test_resolver_tells_all_of_a_failure, w) {
  asker a[MANY] = {{.told = 0}};
  resolver r;
  begin(&r, w);
  for (size_t i = 0; i < MANY; i++) ask(&a[i], &r, "bad.test");
  world_run_until_count(w, &told, MANY);
  assert_int_equal(spy.lookups, 1);
  for (size_t i = 0; i < MANY; i++) assert_told(&a[i], UV_EAI_AGAIN, 0);
  end(&r, w);
}

WORLD_SIM_TEST(test_resolver_cancel_of_one_leaves_the_others, w) {
  for (size_t which = 0; which < 3; which++) {
    asker a[3] = {{.told = 0}};
    resolver r;
    begin(&r, w);
    for (size_t i = 0; i < 3; i++) ask(&a[i], &r, "a.test");
    world_advance(w, 10);
    resolver_cancel(&a[which].waiter);
    world_run_until_count(w, &told, 2);
    for (size_t i = 0; i < 3; i++) assert_int_equal(a[i].told, i == which ? 0 : 1);
    assert_int_equal(spy.cancels, 0);
    end(&r, w);
  }
}

/* F38: what cannot be called back is orphaned, and nobody joins an orphan. */
WORLD_SIM_TEST(test_resolver_cancel_of_all_leaves_an_orphan, w) {
  asker a[3] = {{.told = 0}}, late = {.told = 0};
  resolver r;
  begin(&r, w);
  uint64_t start = world_now_ms(w);
  for (size_t i = 0; i < 3; i++) ask(&a[i], &r, "a.test");
  for (size_t i = 0; i < 3; i++) resolver_cancel(&a[i].waiter);
  assert_int_equal(spy.cancels, 1);
  world_advance(w, 10);
  ask(&late, &r, "a.test");
  assert_int_equal(spy.lookups, 2);
  world_run_until_count(w, &told, 1);
  assert_told(&late, 0, 1);
  assert_int_equal(world_now_ms(w) - start, 10 + DELAY_MS);
  end(&r, w);
}

WORLD_SIM_TEST(test_resolver_environment_waits_for_the_orphan, w) {
  asker a = {.told = 0};
  resolver r;
  begin(&r, w);
  uint64_t start = world_now_ms(w);
  ask(&a, &r, "a.test");
  resolver_cancel(&a.waiter);
  end(&r, w);
  assert_true(world_now_ms(w) - start >= DELAY_MS);
  assert_int_equal(a.told, 0);
}

static void cancel_other(asker *a) {
  resolver_cancel(&a->other->waiter);
}

static void ask_again(asker *a) {
  a->when_told = NULL;
  ask(a, a->r, "a.test");
}

/* Whoever is told may do anything. */
WORLD_SIM_TEST(test_resolver_cancel_and_ask_while_being_told, w) {
  asker a[4] = {{.told = 0}};
  resolver r;
  begin(&r, w);
  for (size_t i = 0; i < 4; i++) ask(&a[i], &r, "a.test");
  a[0].when_told = cancel_other;
  a[0].other = &a[3];
  a[1].when_told = ask_again;
  world_run_until_count(w, &told, 4);
  assert_int_equal(spy.lookups, 2);
  assert_int_equal(spy.cancels, 0);
  assert_int_equal(a[0].told, 1);
  assert_int_equal(a[1].told, 2);
  assert_int_equal(a[2].told, 1);
  assert_int_equal(a[3].told, 0);
  end(&r, w);
}

/* The first to be told cancels the only other. */
WORLD_SIM_TEST(test_resolver_cancel_of_the_last_while_being_told, w) {
  asker a[2] = {{.told = 0}};
  resolver r;
  begin(&r, w);
  for (size_t i = 0; i < 2; i++) ask(&a[i], &r, "a.test");
  a[0].when_told = cancel_other;
  a[0].other = &a[1];
  world_run_until_count(w, &told, 1);
  end(&r, w);
  assert_int_equal(a[1].told, 0);
}

/* --- with a budget --- */

enum { IN_A_TURN = 3 };

static turn_list turns;

static void ignore(void *up) {
  (void) up;
}

static void begin_in_turns(resolver *r, world *w) {
  begin(r, w);
  turn_list_init(&turns, IN_A_TURN, ignore, NULL);
  r->turns = &turns;
}

/* Does with an address what is a unit of the budget. */
static void spend(asker *a) {
  if (a->status == 0) turn_list_spend(&turns, 1);
}

/* Those that are told in a turn, in the order in which they have asked. */
static void tell_in_turns(asker *a, size_t count) {
  size_t from = told;
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(a[i].told, i < from);
    assert_int_equal(i >= from && resolver_is_held(&a[i].waiter), i >= from);
  }
  turn_list_renew(&turns);
  assert_int_equal(told, count - from < IN_A_TURN ? count : from + IN_A_TURN);
}

static void ask_many(resolver *r, const char *host, asker *a) {
  for (size_t i = 0; i < MANY; i++) {
    a[i].when_told = spend;
    ask(&a[i], r, host);
    assert_false(resolver_is_held(&a[i].waiter));
  }
}

WORLD_SIM_TEST(test_resolver_turn_tells_so_many_and_no_more, w) {
  static const char *const hosts[] = {"a.test", "bad.test"};
  for (size_t i = 0; i < 2; i++) {
    asker a[MANY] = {{.told = 0}};
    resolver r;
    begin_in_turns(&r, w);
    ask_many(&r, hosts[i], a);
    turn_list_renew(&turns);
    world_advance(w, DELAY_MS);
    assert_int_equal(told, IN_A_TURN);
    while (told < MANY) tell_in_turns(a, MANY);
    for (size_t j = 0; j < MANY; j++) assert_told(&a[j], i == 0 ? 0 : UV_EAI_AGAIN, 1 - i);
    assert_int_equal(spy.lookups, 1);
    end(&r, w);
  }
}

WORLD_SIM_TEST(test_resolver_turn_begins_so_many_lookups_and_no_more, w) {
  asker a[MANY] = {{.told = 0}};
  resolver r;
  begin_in_turns(&r, w);
  for (size_t i = 0; i < MANY; i++) {
    assert_int_equal(try_ask(&a[i], &r, "a.test", (uint16_t) (PORT + i)), 0);
  }
  for (size_t i = 0; i < MANY; i++) {
    assert_int_equal(resolver_is_held(&a[i].waiter), i >= IN_A_TURN);
  }
  for (size_t begun = IN_A_TURN; begun < MANY; begun += IN_A_TURN) {
    assert_int_equal(spy.lookups, begun);
    turn_list_renew(&turns);
  }
  assert_int_equal(spy.lookups, MANY);
  while (told < MANY) {
    turn_list_renew(&turns);
    world_advance(w, 10);
  }
  for (size_t i = 0; i < MANY; i++) assert_told(&a[i], 0, 1);
  end(&r, w);
}

/* Before the lookup has begun, while it runs, while its result waits. */
WORLD_SIM_TEST(test_resolver_cancel_while_a_turn_is_waited_for, w) {
  for (size_t step = 0; step < 3; step++) {
    asker a[2] = {{.told = 0}};
    resolver r;
    begin_in_turns(&r, w);
    turn_list_spend(&turns, IN_A_TURN);
    for (size_t i = 0; i < 2; i++) ask(&a[i], &r, "a.test");
    if (step > 0) turn_list_renew(&turns);
    turn_list_spend(&turns, IN_A_TURN);
    if (step > 1) world_advance(w, 2 * DELAY_MS);
    for (size_t i = 0; i < 2; i++) {
      assert_int_equal(resolver_is_held(&a[i].waiter), step != 1);
      resolver_cancel(&a[i].waiter);
    }
    assert_int_equal(spy.lookups, step > 0);
    assert_int_equal(spy.cancels, step == 1);
    assert_true(ws_list_empty(&turns.waiting));
    turn_list_renew(&turns);
    assert_int_equal(told, 0);
    end(&r, w);
  }
}

/* A result is of no use to one that asks after it has come: that begins another lookup. */
WORLD_SIM_TEST(test_resolver_asked_while_a_result_waits, w) {
  asker a[2] = {{.told = 0}};
  resolver r;
  begin_in_turns(&r, w);
  ask(&a[0], &r, "a.test");
  turn_list_spend(&turns, IN_A_TURN);
  world_advance(w, 2 * DELAY_MS);
  assert_int_equal(told, 0);
  ask(&a[1], &r, "a.test");
  turn_list_renew(&turns);
  assert_int_equal(told, 1);
  assert_int_equal(spy.lookups, 2);
  world_run_until_count(w, &told, 2);
  end(&r, w);
}

/* F46: it begins, and gives the result, in a turn. */
WORLD_SIM_TEST(test_resolver_in_turns_without_memory, w) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    asker a = {.told = 0};
    resolver r;
    begin_in_turns(&r, w);
    turn_list_spend(&turns, IN_A_TURN);
    alloc_failures_begin(&f, w->alloc);
    int err = try_ask(&a, &r, "a.test", PORT);
    while (err == 0 && told == 0) {
      turn_list_renew(&turns);
      world_advance(w, 10);
    }
    assert_true(err == 0 || err == WS_ENOMEM);
    assert_true(a.status == 0 || a.status == WS_ENOMEM);
    /* The query, the lookup, the addresses at least. */
    assert_true(alloc_failures_end(&f, w->alloc) || f.n > 2);
    end(&r, w);
  }
}

/* F46 */
WORLD_SIM_TEST(test_resolver_without_memory, w) {
  track_alloc *t = w->alloc;
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    asker a[2] = {{.told = 0}};
    size_t asked = 0;
    resolver r;
    begin(&r, w);
    alloc_failures_begin(&f, t);
    for (size_t i = 0; i < 2; i++) {
      int err = try_ask(&a[i], &r, "a.test", PORT);
      assert_true(err == 0 || err == WS_ENOMEM);
      if (err == 0) asked++;
    }
    world_run_until_count(w, &told, asked);
    for (size_t i = 0; i < 2; i++) {
      assert_true(a[i].told <= 1 && (a[i].status == 0 || a[i].status == WS_ENOMEM));
    }
    (void) alloc_failures_end(&f, t);
    end(&r, w);
  }
}
