#include "net/dial/dial.h"

/* Dialling, over the simulated machine. */

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/error.h"
#include "net/address.h"
#include "net/dial/address_order.h"
#include "support/alloc_failures.h"
#include "support/raw_peer.h"
#include "support/world_test.h"
#include "testkit/sim_internal.h"

enum { PORT = 8080 };

static const char unix_path[] = "/full";

static const ws_socket_options options = {.nodelay = true};

/* --- the caller of the dial --- */

typedef struct caller {
  world *w;
  ws_env *env;
  resolver resolver;
  dial *d;
  size_t resolved, done, closed;
  char address[ADDRESS_TEXT_SIZE]; /* that the dial has told last */
  int status;
  ws_filter *filter;
  char in[16];
  size_t in_len;
  uint8_t room[16];
} caller;

static void on_connect(void *up, int status) {
  (void) up;
  fail_msg("on_connect (%d) is the dial's, not its caller's", status);
}

static void on_alloc(void *up, ws_room *buf) {
  caller *c = up;
  *buf = (ws_room){c->room, sizeof c->room};
}

static void on_read(void *up, uint8_t *data, ptrdiff_t n) {
  caller *c = up;
  if (n <= 0) return;
  assert_true((size_t) n <= sizeof c->in - c->in_len);
  memcpy(c->in + c->in_len, data, (size_t) n);
  c->in_len += (size_t) n;
}

static void on_write(void *up, int status) {
  (void) up;
  assert_int_equal(status, 0);
}

static void on_close(void *up) {
  ((caller *) up)->closed++;
}

static const ws_filter_events filter_events = {on_connect, on_alloc, on_read, on_write,
                                               on_close,   NULL,     NULL};

static void on_resolved(void *up) {
  caller *c = up;
  assert_int_equal(c->done, 0);
  c->resolved++;
}

static void on_address(void *up, const struct sockaddr_storage *addr) {
  caller *c = up;
  assert_int_equal(c->resolved, 1);
  assert_int_equal(c->done, 0);
  address_print(c->address, addr);
}

static void on_done(void *up, int status, ws_filter *filter) {
  caller *c = up;
  c->done++;
  c->status = status;
  c->filter = filter;
  assert_true(status <= 0);
  assert_true((status == 0) == (filter != NULL));
  if (filter == NULL) return;
  filter->events = &filter_events;
  filter->up = c;
}

static const dial_events events = {on_resolved, on_address, on_done};

enum { SPIED_MAX = 8 };

/* Who was connected to, and when. */
typedef struct spied {
  const char *addr;
  uint64_t at_ms;
} spied;

/* Between the dial and the environment of the caller that was opened last. */
static struct spy {
  const ws_env_ops *under;
  ws_env_ops ops;
  spied seen[SPIED_MAX]; /* the first ones */
  char text[SPIED_MAX][ADDRESS_TEXT_SIZE];
  size_t count, lookups;
} spy;

static int spy_connect(ws_env *env, const struct sockaddr *addr, const ws_socket_options *o,
                       const ws_filter_events *e, void *up, ws_filter **out) {
  size_t n = spy.count++;
  if (n < SPIED_MAX) {
    address_print(spy.text[n], (const struct sockaddr_storage *) addr);
    spy.seen[n] = (spied){spy.text[n], env->ops->now_ms(env)};
  }
  return spy.under->connect(env, addr, o, e, up, out);
}

static int spy_lookup(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                      ws_lookup **out) {
  spy.lookups++;
  return spy.under->lookup(env, host, port, cb, data, out);
}

static void caller_open(caller *c, world *w) {
  *c = (caller){.w = w};
  assert_int_equal(world_env_new(w, &c->env), 0);
  resolver_init(&c->resolver, c->env, NULL);
  spy = (struct spy){.under = c->env->ops, .ops = *c->env->ops};
  spy.ops.connect = spy_connect;
  spy.ops.lookup = spy_lookup;
  c->env->ops = &spy.ops;
}

/* The name need not outlive the call. */
static int begin(caller *c, const char *host) {
  char *copy = strdup(host);
  assert_non_null(copy);
  const dial_target to = {.host = copy, .port = PORT};
  int err = dial_start(&c->d, &c->resolver, &to, &options, &events, c);
  memset(copy, 'x', strlen(copy));
  free(copy);
  assert_int_equal(c->done, 0);
  return err;
}

static void dial_host(caller *c, const char *host) {
  assert_int_equal(begin(c, host), 0);
  world_run_until_count(c->w, &c->done, 1);
}

static void caller_close(caller *c) {
  if (c->filter != NULL) {
    c->filter->ops->close(c->filter);
    world_run_until_count(c->w, &c->closed, 1);
  }
  size_t done = c->done, resolved = c->resolved;
  world_env_close(c->w, c->env);
  assert_int_equal(c->done, done);
  assert_int_equal(c->resolved, resolved);
}

/* A Unix socket whose backlog is full: what the kernel says then, for so many attempts. */
static size_t full_for;

static int full_connect(ws_env *env, const struct sockaddr *addr, const ws_socket_options *o,
                        const ws_filter_events *e, void *up, ws_filter **out) {
  const bool full = full_for > 0;
  if (full) full_for--;
  sim_route(((sim_env *) (void *) env)->s, unix_path, full ? SIM_ROUTE_FAIL : SIM_ROUTE_OPEN,
            full ? UV_EAGAIN : 0);
  return spy_connect(env, addr, o, e, up, out);
}

static int begin_unix(caller *c, size_t full) {
  dial_target to = {.host = "localhost"};
  address_of_path(&to.address, unix_path, strlen(unix_path));
  full_for = full;
  spy.ops.connect = full_connect;
  return dial_start(&c->d, &c->resolver, &to, &options, &events, c);
}

/* three.test has three addresses, in this order. */
static void name_three(world *w, uint64_t delay_ms) {
  const sim_answer three = {.delay_ms = delay_ms,
                            .addrs = {"192.0.2.1", "2001:db8::2", "192.0.2.3"}};
  sim_name(world_sim(w), "three.test", &three);
}

/* --- to the end --- */

WORLD_SIM_TEST(test_dial_takes_a_literal_without_lookup, w) {
  static const char *const literals[] = {"127.0.0.1", "::1"};
  for (size_t i = 0; i < 2; i++) {
    caller c;
    caller_open(&c, w);
    sim_name(world_sim(w), literals[i], &(sim_answer){.status = UV_EAI_FAIL});
    raw_peer *p = raw_peer_new_at(w, literals[i], PORT);
    dial_host(&c, literals[i]);
    assert_int_equal(c.status, 0);
    assert_int_equal(c.resolved, 1);
    caller_close(&c);
    assert_int_equal(p->accepted, 1);
  }
}

WORLD_SIM_TEST(test_dial_takes_a_name, w) {
  SCOPED(caller, c, w);
  raw_peer_new_at(w, "127.0.0.1", PORT);
  dial_host(&c, "localhost");
  assert_int_equal(c.status, 0);
  assert_int_equal(c.resolved, 1);
}

WORLD_SIM_TEST(test_dial_hands_over_a_filter_that_works, w) {
  size_t taken, retained;
  const ws_view hello = {(const uint8_t *) "h", 1};
  SCOPED(caller, c, w);
  raw_peer *p = raw_peer_new_at(w, "127.0.0.1", PORT);
  raw_peer_play(p, PEER_SEND("welcome"), PEER_EXPECT("h"), PEER_EXPECT_GONE);
  dial_host(&c, "localhost");
  assert_int_equal(c.filter->ops->read_start(c.filter), 0);
  assert_int_equal(c.filter->ops->write(c.filter, &hello, 1, &taken, &retained), 0);
  world_run_until_count(w, &c.in_len, 7);
  assert_memory_equal(c.in, "welcome", 7);
}

WORLD_SIM_TEST(test_dial_goes_on_to_the_address_that_answers, w) {
  caller c;
  caller_open(&c, w);
  name_three(w, 3);
  raw_peer *third = raw_peer_new_at(w, "192.0.2.3", PORT); /* the others refuse */
  dial_host(&c, "three.test");
  assert_int_equal(c.status, 0);
  assert_int_equal(c.resolved, 1);
  caller_close(&c);
  assert_int_equal(third->accepted, 1);
}

WORLD_SIM_TEST(test_dial_takes_the_first_address_that_answers, w) {
  caller c;
  caller_open(&c, w);
  name_three(w, 0);
  sim_route(world_sim(w), "192.0.2.1", SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH);
  raw_peer *second = raw_peer_new_at(w, "2001:db8::2", PORT);
  raw_peer *third = raw_peer_new_at(w, "192.0.2.3", PORT);
  dial_host(&c, "three.test");
  assert_int_equal(c.status, 0);
  caller_close(&c);
  assert_int_equal(second->accepted, 1);
  assert_int_equal(third->accepted, 0);
}

/* Every way to fail, at every place. */
WORLD_SIM_TEST(test_dial_tells_the_code_of_the_last_address, w) {
  static const char *const addrs[] = {"192.0.2.1", "2001:db8::2", "192.0.2.3"};
  static const int codes[] = {UV_ENETUNREACH, UV_EHOSTUNREACH, UV_ECONNRESET};
  for (unsigned how = 0; how < 8; how++) {
    SCOPED(caller, c, w);
    name_three(w, 1);
    for (unsigned i = 0; i < 3; i++) {
      bool now = (how >> i & 1) != 0;
      sim_route(world_sim(w), addrs[i], now ? SIM_ROUTE_FAIL_NOW : SIM_ROUTE_FAIL, codes[i]);
    }
    dial_host(&c, "three.test");
    assert_int_equal(c.status, UV_ECONNRESET);
    assert_int_equal(c.resolved, 1);
  }
}

WORLD_SIM_TEST(test_dial_refused_by_all, w) {
  SCOPED(caller, c, w);
  name_three(w, 0);
  dial_host(&c, "three.test");
  assert_int_equal(c.status, UV_ECONNREFUSED);
  assert_string_equal(c.address, "192.0.2.3");
}

WORLD_SIM_TEST(test_dial_tells_the_code_of_the_lookup, w) {
  SCOPED(caller, c, w);
  sim_name(world_sim(w), "busy.test", &(sim_answer){.delay_ms = 7, .status = UV_EAI_AGAIN});
  dial_host(&c, "busy.test");
  assert_int_equal(c.status, UV_EAI_AGAIN);
  assert_int_equal(c.resolved, 0);
  assert_string_equal(c.address, "");
}

WORLD_SIM_TEST(test_dial_of_a_literal_that_fails_at_once_is_told_by_the_call, w) {
  SCOPED(caller, c, w);
  sim_route(world_sim(w), "192.0.2.1", SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH);
  assert_int_equal(begin(&c, "192.0.2.1"), UV_ENETUNREACH);
  assert_string_equal(c.address, "192.0.2.1");
  world_run(w);
  assert_int_equal(c.done, 0);
}

WORLD_SIM_TEST(test_dial_of_an_address_that_never_answers_times_out, w) {
  SCOPED(caller, c, w);
  sim_route(world_sim(w), "192.0.2.1", SIM_ROUTE_BLACKHOLE, 0);
  dial_host(&c, "192.0.2.1");
  assert_int_equal(c.status, UV_ETIMEDOUT);
}

/* --- several at a time: RFC 8305 --- */

enum { ATTEMPT_DELAY_MS = 250 };

static void assert_attempt(size_t n, const char *addr, uint64_t at_ms) {
  assert_true(n < spy.count);
  assert_string_equal(spy.seen[n].addr, addr);
  assert_int_equal(spy.seen[n].at_ms, at_ms);
}

static void route_all(world *w, const char *const *addrs, size_t count, sim_route_kind kind) {
  for (size_t i = 0; i < count; i++) sim_route(world_sim(w), addrs[i], kind, UV_EHOSTUNREACH);
}

static const char *const three[] = {"192.0.2.1", "2001:db8::2", "192.0.2.3"};

WORLD_SIM_TEST(test_dial_begins_attempts_250_ms_apart, w) {
  SCOPED(caller, c, w);
  name_three(w, 7);
  route_all(w, three, 3, SIM_ROUTE_BLACKHOLE);
  assert_int_equal(begin(&c, "three.test"), 0);
  world_advance(w, 2000);
  assert_int_equal(spy.count, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_attempt(i, three[i], spy.seen[0].at_ms + i * ATTEMPT_DELAY_MS);
  }
  assert_int_equal(c.resolved, 1);
  assert_string_equal(c.address, three[2]);
  dial_cancel(c.d);
}

/* The one after that has its 250 ms again. */
WORLD_SIM_TEST(test_dial_goes_on_at_once_when_an_attempt_fails, w) {
  SCOPED(caller, c, w);
  name_three(w, 0);
  route_all(w, three, 3, SIM_ROUTE_BLACKHOLE);
  sim_route(world_sim(w), three[0], SIM_ROUTE_FAIL, UV_EHOSTUNREACH);
  assert_int_equal(begin(&c, "three.test"), 0);
  world_advance(w, 2000);
  assert_int_equal(spy.count, 3);
  assert_in_range(spy.seen[1].at_ms - spy.seen[0].at_ms, 0, 20); /* a round trip */
  assert_int_equal(spy.seen[2].at_ms - spy.seen[1].at_ms, ATTEMPT_DELAY_MS);
  dial_cancel(c.d);
}

WORLD_SIM_TEST(test_dial_goes_on_at_once_when_an_attempt_cannot_begin, w) {
  SCOPED(caller, c, w);
  name_three(w, 0);
  route_all(w, three, 2, SIM_ROUTE_FAIL_NOW);
  sim_route(world_sim(w), three[2], SIM_ROUTE_BLACKHOLE, 0);
  assert_int_equal(begin(&c, "three.test"), 0);
  world_advance(w, 2000);
  assert_int_equal(spy.count, 3);
  for (size_t i = 0; i < 3; i++) assert_attempt(i, three[i], spy.seen[0].at_ms);
  dial_cancel(c.d);
}

/* F39: the other family connects, 250 ms late. */
WORLD_SIM_TEST(test_dial_of_a_dead_family_takes_the_other, w) {
  static const char *const dead[] = {"2001:db8::1", "2001:db8::2", "2001:db8::3"};
  caller c;
  caller_open(&c, w);
  sim_name(world_sim(w), "two.test",
           &(sim_answer){.addrs = {dead[0], dead[1], dead[2], "192.0.2.1"}});
  route_all(w, dead, 3, SIM_ROUTE_BLACKHOLE);
  raw_peer *p = raw_peer_new_at(w, "192.0.2.1", PORT);
  dial_host(&c, "two.test");
  assert_int_equal(c.status, 0);
  assert_int_equal(spy.count, 2);
  assert_attempt(1, "192.0.2.1", spy.seen[0].at_ms + ATTEMPT_DELAY_MS);
  assert_in_range(world_now_ms(w) - spy.seen[1].at_ms, 0, 20);
  caller_close(&c);
  assert_int_equal(p->accepted, 1);
}

/* All answer, after all were begun: the first wins, and the others are let go. */
WORLD_SIM_TEST(test_dial_winner_takes_all, w) {
  const uint64_t slow = 400 * 1000 * 1000;
  raw_peer *p[3];
  sim_profile profile;
  caller c;
  caller_open(&c, w);
  sim_get_profile(world_sim(w), &profile);
  profile.latency_min_ns = profile.latency_max_ns = slow;
  sim_set_profile(world_sim(w), &profile);
  name_three(w, 0);
  for (size_t i = 0; i < 3; i++) p[i] = raw_peer_new_at(w, three[i], PORT);
  dial_host(&c, "three.test");
  assert_int_equal(c.status, 0);
  assert_int_equal(spy.count, 3);
  assert_int_equal(world_now_ms(w) - spy.seen[0].at_ms, 800);
  assert_string_equal(c.address, three[0]); /* though three[2] was the last to begin */
  world_advance(w, 5000);
  for (size_t i = 1; i < 3; i++) assert_int_equal(p[i]->ended, p[i]->accepted);
  assert_int_equal(p[0]->accepted, 1);
  assert_int_equal(p[0]->ended, 0);
  caller_close(&c);
  assert_int_equal(spy.count, 3);
}

/* Last in order, not in time. */
WORLD_SIM_TEST(test_dial_tells_the_code_of_the_last_address_even_if_it_failed_first, w) {
  SCOPED(caller, c, w);
  name_three(w, 0);
  sim_route(world_sim(w), three[0], SIM_ROUTE_BLACKHOLE, 0);
  sim_route(world_sim(w), three[1], SIM_ROUTE_FAIL, UV_EHOSTUNREACH);
  sim_route(world_sim(w), three[2], SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH);
  dial_host(&c, "three.test");
  assert_int_equal(c.status, UV_ENETUNREACH);
}

WORLD_SIM_TEST(test_dial_alternates_families, w) {
  static const char *const order[] = {"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2",
                                      "2001:db8::3"};
  SCOPED(caller, c, w);
  sim_name(world_sim(w), "five.test",
           &(sim_answer){.addrs = {order[0], order[2], order[4], order[1], order[3]}});
  route_all(w, order, 5, SIM_ROUTE_FAIL);
  dial_host(&c, "five.test");
  assert_int_equal(c.status, UV_EHOSTUNREACH);
  assert_int_equal(spy.count, 5);
  for (size_t i = 0; i < 5; i++) assert_string_equal(spy.seen[i].addr, order[i]);
}

/* "4" for an address of IPv4, "6" for one of IPv6; numbered as they come. */
static void assert_order(const char *families, sa_family_t local, const char *places) {
  struct sockaddr_storage from[SPIED_MAX], to[SPIED_MAX];
  size_t count = strlen(families);
  for (size_t i = 0; i < count; i++) {
    assert_true(address_parse(&from[i], families[i] == '4' ? "192.0.2.1" : "::1", (uint16_t) i));
  }
  assert_int_equal(address_order(to, from, count, local), strlen(places));
  for (size_t i = 0; places[i] != '\0'; i++) {
    assert_memory_equal(&to[i], &from[places[i] - '0'], sizeof to[i]);
  }
}

WORLD_SIM_TEST(test_dial_orders_addresses, w) {
  (void) w;
  assert_order("4", AF_UNSPEC, "0");
  assert_order("44", AF_UNSPEC, "01");
  assert_order("46", AF_UNSPEC, "01");
  assert_order("4466", AF_UNSPEC, "0213");
  assert_order("6644", AF_UNSPEC, "0213");
  assert_order("46666", AF_UNSPEC, "01234");
  assert_order("66664", AF_UNSPEC, "04123");
  assert_order("4664", AF_INET, "03");
  assert_order("4664", AF_INET6, "12");
  assert_order("44", AF_INET6, "");
}

/* Bound to an address of one family: the other is not connected to. */
WORLD_SIM_TEST(test_dial_keeps_to_the_family_of_the_local_address, w) {
  static const char *const hosts[] = {"three.test", "192.0.2.1"};
  ws_socket_options bound = options;
  name_three(w, 1);
  for (size_t i = 0; i < 2; i++) {
    SCOPED(caller, c, w);
    assert_true(address_parse(&bound.local, "::1", 0));
    const dial_target to = {.host = hosts[i], .port = PORT};
    int err = dial_start(&c.d, &c.resolver, &to, &bound, &events, &c);
    world_run_until_count(w, &c.done, err == 0 ? 1 : 0);
    if (i == 0) assert_int_equal(c.status, UV_ECONNREFUSED);
    if (i == 1) assert_int_equal(err, UV_EAFNOSUPPORT);
    assert_int_equal(spy.count, i == 0 ? 1 : 0);
  }
}

/* --- many at once --- */

/* Every fourth is cancelled before there is an answer. */
WORLD_SIM_TEST(test_dial_of_one_name_many_times_looks_it_up_once, w) {
  enum { DIALS = 100 };
  static caller all[DIALS];
  size_t connected = 0;
  caller_open(&all[0], w);
  name_three(w, 10);
  raw_peer_new_at(w, "192.0.2.1", PORT);
  const dial_target to = {.host = "three.test", .port = PORT};
  for (size_t i = 0; i < DIALS; i++) {
    if (i > 0) all[i] = (caller){.w = w, .env = all[0].env};
    assert_int_equal(dial_start(&all[i].d, &all[0].resolver, &to, &options, &events, &all[i]), 0);
  }
  world_advance(w, 5);
  for (size_t i = 0; i < DIALS; i += 4) dial_cancel(all[i].d);
  for (size_t i = 0; i < DIALS; i++) {
    if (i % 4 == 0) continue;
    world_run_until_count(w, &all[i].done, 1);
    assert_int_equal(all[i].status, 0);
    all[i].filter->ops->close(all[i].filter);
    world_run_until_count(w, &all[i].closed, 1);
    connected++;
  }
  assert_int_equal(connected, 75);
  assert_int_equal(spy.lookups, 1);
  caller_close(&all[0]);
}

/* --- with a budget --- */

static turn_list shared_turns;
static ws_deferred *tick;
static size_t seen, most; /* connections and lookups: until the last turn, and most of one turn */

static void wake(void *up) {
  ws_env *env = up;
  env->ops->deferred_schedule(tick);
}

static void on_tick(void *data) {
  (void) data;
  turn_list_renew(&shared_turns);
}

/* All share the environment of the first. */
static void share(caller *all, size_t count, world *w) {
  caller_open(&all[0], w);
  for (size_t i = 1; i < count; i++) all[i] = (caller){.w = w, .env = all[0].env};
  assert_int_equal(all[0].env->ops->deferred_new(all[0].env, on_tick, NULL, &tick), 0);
  turn_list_init(&shared_turns, 2, wake, all[0].env);
  all[0].resolver.turns = &shared_turns;
  seen = most = 0;
}

static void unshare(caller *all, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (all[i].filter == NULL) continue;
    all[i].filter->ops->close(all[i].filter);
    world_run_until_count(all[i].w, &all[i].closed, 1);
  }
  all[0].env->ops->deferred_free(tick);
  caller_close(&all[0]);
}

static int begin_shared(caller *all, size_t i, const char *host) {
  const dial_target to = {.host = host, .port = PORT};
  return dial_start(&all[i].d, &all[0].resolver, &to, &options, &events, &all[i]);
}

static void look(void) {
  size_t now = spy.count + spy.lookups;
  if (now - seen > most) most = now - seen;
  seen = now;
}

static void turn(world *w) {
  sim_turn(world_sim(w), UINT64_MAX);
  look();
}

WORLD_SIM_TEST(test_dials_share_the_turns_in_their_order, w) {
  enum { DIALS = 7 };
  caller all[DIALS];
  share(all, DIALS, w);
  raw_peer_new_at(w, "127.0.0.1", PORT);
  for (size_t i = 0; i < DIALS; i++) {
    assert_int_equal(begin_shared(all, i, "127.0.0.1"), 0);
    assert_int_equal(dial_waits(all[i].d), i >= 2);
    assert_int_equal(all[i].resolved, 1);
  }
  look();
  while (all[DIALS - 1].done == 0) {
    size_t connected = spy.count;
    turn(w);
    for (size_t i = 0; i < DIALS; i++) {
      if (all[i].done == 0 && i >= connected && i < spy.count) assert_false(dial_waits(all[i].d));
      if (all[i].done == 0 && i >= spy.count) assert_true(dial_waits(all[i].d));
    }
  }
  for (size_t i = 0; i < DIALS; i++) {
    world_run_until_count(w, &all[i].done, 1);
    assert_int_equal(all[i].status, 0);
  }
  assert_int_equal(spy.count, DIALS);
  assert_int_equal(most, 2);
  unshare(all, DIALS);
}

/* Addresses that fail at once are counted, too. */
WORLD_SIM_TEST(test_dial_waits_between_addresses, w) {
  caller all[2];
  share(all, 2, w);
  name_three(w, 1);
  route_all(w, three, 3, SIM_ROUTE_FAIL_NOW);
  for (size_t i = 0; i < 2; i++) assert_int_equal(begin_shared(all, i, "three.test"), 0);
  while (all[0].done + all[1].done < 2) turn(w);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(all[i].status, UV_EHOSTUNREACH);
    assert_int_equal(all[i].resolved, 1);
  }
  assert_int_equal(spy.lookups, 1);
  assert_int_equal(spy.count, 6);
  assert_in_range(most, 2, 4);
  unshare(all, 2);
}

/* The budget is one unit, and the test says when the next turn begins. */

static void ignore(void *up) {
  (void) up;
}

/* Two addresses, with 300 ms to the answer of each. */
static void begin_by_hand(caller *c, world *w, sim_route_kind first) {
  sim_profile profile;
  const dial_target to = {.host = "two.test", .port = PORT};
  caller_open(c, w);
  turn_list_init(&shared_turns, 1, ignore, NULL);
  c->resolver.turns = &shared_turns;
  sim_get_profile(world_sim(w), &profile);
  profile.latency_min_ns = profile.latency_max_ns = 150 * 1000 * 1000;
  sim_set_profile(world_sim(w), &profile);
  sim_name(world_sim(w), "two.test", &(sim_answer){.addrs = {three[0], three[1]}});
  sim_route(world_sim(w), three[0], first, UV_EHOSTUNREACH);
  sim_route(world_sim(w), three[1], SIM_ROUTE_FAIL, UV_ENETUNREACH);
  turn_list_spend(&shared_turns, 1);
  assert_int_equal(dial_start(&c->d, &c->resolver, &to, &options, &events, c), 0);
}

/* The lookup, its result, the second address: each waits for its turn. */
enum { WAITS_TO_LOOK_UP, WAITS_FOR_FIRST, WAITS_FOR_SECOND, WAITS };

static void go_on_to(caller *c, int wait) {
  world_advance(c->w, 1000);
  assert_true(dial_waits(c->d));
  assert_int_equal(spy.lookups + spy.count, 0);
  if (wait == WAITS_TO_LOOK_UP) return;
  turn_list_renew(&shared_turns);
  assert_false(dial_waits(c->d));
  world_advance(c->w, 1000);
  assert_true(dial_waits(c->d));
  assert_int_equal(c->resolved, 0);
  assert_int_equal(spy.count, 0);
  if (wait == WAITS_FOR_FIRST) return;
  turn_list_renew(&shared_turns);
  assert_int_equal(c->resolved, 1);
  assert_int_equal(spy.count, 1);
  world_advance(c->w, ATTEMPT_DELAY_MS + 10);
  assert_false(ws_list_empty(&shared_turns.waiting));
  assert_false(dial_waits(c->d)); /* the first address is under way */
  assert_int_equal(spy.count, 1);
}

WORLD_SIM_TEST(test_dial_connects_while_its_next_address_waits, w) {
  caller c;
  raw_peer_new_at(w, three[0], PORT);
  begin_by_hand(&c, w, SIM_ROUTE_OPEN);
  go_on_to(&c, WAITS_FOR_SECOND);
  world_run_until_count(w, &c.done, 1);
  assert_int_equal(c.status, 0);
  assert_true(ws_list_empty(&shared_turns.waiting));
  assert_int_equal(spy.count, 1);
  caller_close(&c);
}

/* The next one waits already, and does not wait twice. */
WORLD_SIM_TEST(test_dial_fails_to_connect_while_its_next_address_waits, w) {
  caller c;
  begin_by_hand(&c, w, SIM_ROUTE_FAIL);
  go_on_to(&c, WAITS_FOR_SECOND);
  world_advance(w, 1000);
  assert_int_equal(c.done, 0);
  assert_true(dial_waits(c.d));
  turn_list_renew(&shared_turns);
  assert_int_equal(spy.count, 2);
  world_run_until_count(w, &c.done, 1);
  assert_int_equal(c.status, UV_ENETUNREACH);
  caller_close(&c);
}

WORLD_SIM_TEST(test_dial_cancelled_while_it_waits_for_its_turn, w) {
  for (int wait = 0; wait < WAITS; wait++) {
    caller c;
    begin_by_hand(&c, w, SIM_ROUTE_BLACKHOLE);
    go_on_to(&c, wait);
    dial_cancel(c.d);
    assert_true(ws_list_empty(&shared_turns.waiting));
    turn_list_renew(&shared_turns);
    caller_close(&c);
    assert_int_equal(c.done + c.closed, 0);
  }
}

/* A lookup that is running is joined without a turn. */
WORLD_SIM_TEST(test_dial_joins_a_lookup_at_once, w) {
  caller c, other = {.w = w};
  const dial_target to = {.host = "two.test", .port = PORT};
  begin_by_hand(&c, w, SIM_ROUTE_FAIL);
  turn_list_renew(&shared_turns);
  assert_int_equal(spy.lookups, 1);
  assert_int_equal(dial_start(&other.d, &c.resolver, &to, &options, &events, &other), 0);
  assert_false(dial_waits(other.d));
  assert_int_equal(spy.lookups, 1);
  while (c.done + other.done < 2) {
    turn_list_renew(&shared_turns);
    world_advance(w, 10);
  }
  assert_int_equal(other.status, UV_ENETUNREACH);
  assert_int_equal(spy.lookups, 1);
  caller_close(&c);
}

/* --- cancelled --- */

static void cancel_after(world *w, const char *host, uint64_t ms, size_t resolved) {
  caller c;
  caller_open(&c, w);
  assert_int_equal(begin(&c, host), 0);
  if (ms > 0) world_advance(w, ms);
  assert_int_equal(c.done, 0);
  assert_int_equal(c.resolved, resolved);
  dial_cancel(c.d);
  caller_close(&c);
  assert_int_equal(c.done + c.closed, 0);
}

WORLD_SIM_TEST(test_dial_cancelled_at_once, w) {
  raw_peer_new_at(w, "127.0.0.1", PORT);
  cancel_after(w, "localhost", 0, 0);
  cancel_after(w, "127.0.0.1", 0, 1);
}

/* F38 */
WORLD_SIM_TEST(test_dial_cancelled_during_the_lookup, w) {
  name_three(w, 100);
  cancel_after(w, "three.test", 50, 0);
}

WORLD_SIM_TEST(test_dial_cancelled_while_the_lookup_never_answers, w) {
  uint64_t start = world_now_ms(w);
  sim_name(world_sim(w), "never.test", &(sim_answer){.delay_ms = SIM_NEVER});
  cancel_after(w, "never.test", 1000, 0);
  assert_true(world_now_ms(w) >= start + 31000); /* the environment has waited for the orphan */
}

WORLD_SIM_TEST(test_dial_cancelled_during_the_first_attempt, w) {
  name_three(w, 1);
  sim_route(world_sim(w), "192.0.2.1", SIM_ROUTE_BLACKHOLE, 0);
  cancel_after(w, "three.test", 500, 1);
}

WORLD_SIM_TEST(test_dial_cancelled_during_the_last_attempt, w) {
  name_three(w, 1);
  sim_route(world_sim(w), "2001:db8::2", SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH);
  sim_route(world_sim(w), "192.0.2.3", SIM_ROUTE_BLACKHOLE, 0);
  cancel_after(w, "three.test", 500, 1);
}

/* At each turn of the loop that there is. */
static void cancel_after_each_turn(world *w) {
  for (size_t turns = 0, over = false; !over; turns++) {
    caller c;
    caller_open(&c, w);
    assert_int_equal(begin(&c, "three.test"), 0);
    for (size_t i = 0; i < turns && c.done == 0; i++) sim_turn(world_sim(w), UINT64_MAX);
    over = c.done > 0;
    if (!over) dial_cancel(c.d);
    caller_close(&c);
    assert_int_equal(c.done, over ? 1 : 0);
  }
}

WORLD_SIM_TEST(test_dial_cancelled_after_each_turn, w) {
  name_three(w, 1);
  raw_peer_new_at(w, "192.0.2.3", PORT);
  cancel_after_each_turn(w);
}

WORLD_SIM_TEST(test_dial_cancelled_after_each_turn_of_a_race, w) {
  name_three(w, 1);
  route_all(w, three, 2, SIM_ROUTE_BLACKHOLE);
  raw_peer_new_at(w, "192.0.2.3", PORT);
  cancel_after_each_turn(w);
}

/* --- without memory --- */

static void try_host(world *w, const char *host) {
  caller c = {.w = w};
  if (world_env_new(w, &c.env) < 0) return;
  resolver_init(&c.resolver, c.env, NULL);
  int err = begin(&c, host);
  world_run_until_count(w, &c.done, err == 0 ? 1 : 0);
  if (err == 0) err = c.status;
  assert_true(err == 0 || err == WS_ENOMEM || err == UV_ETIMEDOUT);
  caller_close(&c);
}

static void fail_each(world *w, const char *host) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    alloc_failures_begin(&f, w->alloc);
    try_host(w, host);
    assert_int_equal(w->alloc->live, 0);
    /* The dial, its lookup and its attempts at least. */
    assert_true(alloc_failures_end(&f, w->alloc) || f.n > 3);
  }
}

/* F46 */
WORLD_SIM_TEST(test_dial_without_memory, w) {
  static const char *const hosts[] = {"three.test", "localhost", "127.0.0.1"};
  name_three(w, 1);
  raw_peer_new_at(w, "127.0.0.1", PORT);
  raw_peer_new_at(w, "192.0.2.3", PORT);
  for (size_t i = 0; i < 3; i++) fail_each(w, hosts[i]);
}

/* F46: begun when it is their turn, so that what fails is told by on_done. */
static void try_in_turns(world *w) {
  caller c = {.w = w};
  const dial_target to = {.host = "one.test", .port = PORT};
  if (world_env_new(w, &c.env) < 0) return;
  resolver_init(&c.resolver, c.env, &shared_turns);
  turn_list_init(&shared_turns, 1, ignore, NULL);
  turn_list_spend(&shared_turns, 1);
  int err = dial_start(&c.d, &c.resolver, &to, &options, &events, &c);
  while (err == 0 && c.done == 0) {
    turn_list_renew(&shared_turns);
    world_advance(w, 10);
  }
  assert_true(err == 0 || err == WS_ENOMEM);
  assert_true(c.status == 0 || c.status == WS_ENOMEM);
  caller_close(&c);
}

WORLD_SIM_TEST(test_dial_in_turns_without_memory, w) {
  sim_name(world_sim(w), "one.test", &(sim_answer){.delay_ms = 1, .addrs = {"192.0.2.1"}});
  raw_peer_new_at(w, "192.0.2.1", PORT);
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    alloc_failures_begin(&f, w->alloc);
    try_in_turns(w);
    assert_int_equal(w->alloc->live, 0);
    assert_true(alloc_failures_end(&f, w->alloc) || f.n > 3);
  }
}

/* F46: the attempts that there is memory for go on. */
WORLD_SIM_TEST(test_dial_race_without_memory, w) {
  name_three(w, 1);
  route_all(w, three, 2, SIM_ROUTE_BLACKHOLE);
  raw_peer_new_at(w, "192.0.2.3", PORT);
  fail_each(w, "three.test");
}

/* --- a Unix socket whose backlog is full --- */

WORLD_SIM_TEST(test_dial_tries_a_full_unix_socket_again, w) {
  caller c;
  caller_open(&c, w);
  raw_peer *p = raw_peer_new_at(w, unix_path, 0);
  const uint64_t before_ms = world_now_ms(w);
  assert_int_equal(begin_unix(&c, 5), 0);
  world_run_until_count(w, &c.done, 1);
  assert_int_equal(c.status, 0);
  assert_int_equal(c.resolved, 1);
  assert_int_equal(spy.count, 6);
  assert_in_range(world_now_ms(w) - before_ms, 5 * 50, 5 * 50 + 50); /* it is no busy loop */
  caller_close(&c);
  assert_int_equal(p->accepted, 1);
}

WORLD_SIM_TEST(test_dial_of_a_full_unix_socket_fails_by_another_error, w) {
  SCOPED(caller, c, w);
  assert_int_equal(begin_unix(&c, 3), 0); /* nobody listens there */
  world_run_until_count(w, &c.done, 1);
  assert_int_equal(c.status, UV_ENOENT);
  assert_int_equal(spy.count, 4);
}

WORLD_SIM_TEST(test_dial_of_a_full_unix_socket_is_cancelled, w) {
  SCOPED(caller, c, w);
  assert_int_equal(begin_unix(&c, SIZE_MAX), 0);
  world_advance(w, 1000);
  assert_in_range(spy.count, 10, 60);
  dial_cancel(c.d);
  world_advance(w, 1000);
  assert_int_equal(c.done, 0);
}

WORLD_SIM_TEST(test_dial_of_a_full_unix_socket_without_memory, w) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    caller c;
    caller_open(&c, w);
    raw_peer *p = raw_peer_new_at(w, unix_path, 0);
    alloc_failures_begin(&f, w->alloc);
    int err = begin_unix(&c, 2);
    if (err == 0) {
      world_run_until_count(w, &c.done, 1);
      err = c.status;
    }
    assert_int_equal(err, alloc_failures_end(&f, w->alloc) ? WS_ENOMEM : 0);
    caller_close(&c);
    raw_peer_refuse(p);
  }
}
