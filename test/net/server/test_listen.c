/* The contract of base/env.h's listen. What is claimed here holds for the library's environment on
   libuv and for the simulated one alike. F63, F65 */

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include "base/error.h"
#include "net/address.h"
#include "support/accept_rig.h"
#include "support/alloc_failures.h"
#include "support/socket_path.h"
#include "support/world_test.h"

enum { SOME = 4, FEW = 20, MANY = 200, TURN_MAX = 64, PAUSE_MS = 100 };

static uint16_t port_of(const struct sockaddr_storage *addr) {
  return ntohs(((const struct sockaddr_in *) addr)->sin_port);
}

static bool is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b) {
  char x[ADDRESS_TEXT_SIZE], y[ADDRESS_TEXT_SIZE];
  address_print(x, a);
  address_print(y, b);
  return a->ss_family == b->ss_family && port_of(a) == port_of(b) && strcmp(x, y) == 0;
}

static struct sockaddr_storage ask(const rig_end *end, ws_filter_query what) {
  struct sockaddr_storage addr;
  assert_int_equal(end->f->ops->query(end->f, what, &addr), 0);
  return addr;
}

/* --- accepting --- */

WORLD_TEST(test_listener_gives_filters_that_are_connected, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  const rig_end *client = accept_rig_connect(&r);
  assert_int_equal(r.accepted_count, 0);
  accept_rig_serve(&r, 1);
  assert_true(client->answered);
  assert_int_equal(r.accepted_count, 1);
  assert_int_equal(r.pauses + r.resumes, 0);
}

WORLD_TEST(test_listener_knows_the_addresses, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  struct sockaddr_storage listens = accept_rig_address(&r);
  assert_int_not_equal(port_of(&listens), 0);
  const rig_end *client = accept_rig_connect(&r), *end = &r.accepted[0];
  accept_rig_serve(&r, 1);
  struct sockaddr_storage local = ask(client, WS_QUERY_LOCAL_ADDRESS);
  struct sockaddr_storage ends[] = {ask(end, WS_QUERY_LOCAL_ADDRESS),
                                    ask(end, WS_QUERY_PEER_ADDRESS)};
  assert_true(is_same(&end->peer, &local));
  assert_true(is_same(&ends[0], &listens));
  assert_true(is_same(&ends[1], &local));
}

static void listen_at_path(accept_rig *r) {
  accept_rig_at(r, socket_path(), 0);
  accept_rig_listen(r);
}

WORLD_TEST(test_listener_at_a_path, w) {
  SCOPED(accept_rig, r, w);
  listen_at_path(&r);
  struct sockaddr_storage listens = accept_rig_address(&r);
  assert_int_equal(listens.ss_family, AF_UNIX);
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
  struct sockaddr_storage local = ask(&r.accepted[0], WS_QUERY_LOCAL_ADDRESS);
  assert_true(is_same(&local, &listens));
  assert_int_equal(r.accepted[0].peer.ss_family, AF_UNIX);
}

WORLD_TEST(test_listener_accepts_in_the_order_of_connecting, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  r.env->ops->listener_pause(r.l, true);
  accept_rig_fill_backlog(&r, FEW);
  r.env->ops->listener_pause(r.l, false);
  accept_rig_serve(&r, FEW);
  for (size_t i = 0; i < FEW; i++) assert_int_equal(r.accepted[i].number, i);
}

typedef struct turns {
  const accept_rig *r;
  size_t seen, most; /* accepted before this turn; in one turn */
} turns;

static bool all_are_accepted(void *arg) {
  turns *t = arg;
  size_t now = t->r->accepted_count - t->seen;
  t->seen += now;
  if (now > t->most) t->most = now;
  return t->seen == MANY;
}

WORLD_TEST(test_listener_accepts_64_in_a_turn_at_most, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  r.env->ops->listener_pause(r.l, true);
  accept_rig_fill_backlog(&r, MANY);
  r.env->ops->listener_pause(r.l, false);
  turns t = {.r = &r};
  world_run_until(w, all_are_accepted, &t);
  assert_int_equal(t.most, TURN_MAX);
  accept_rig_serve(&r, MANY);
}

/* --- the caller has no room --- */

WORLD_TEST(test_listener_that_is_paused_leaves_connections_waiting, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  for (int i = 0; i < 2; i++) r.env->ops->listener_pause(r.l, true);
  accept_rig_fill_backlog(&r, FEW);
  world_advance(w, 2 * PAUSE_MS);
  assert_int_equal(r.accepted_count, 0);
  for (int i = 0; i < 2; i++) r.env->ops->listener_pause(r.l, false);
  accept_rig_serve(&r, FEW);
  assert_int_equal(r.pauses + r.resumes, 0);
}

static void pause_at_the_third(accept_rig *r, rig_end *end) {
  (void) end;
  if (r->accepted_count == 3) r->env->ops->listener_pause(r->l, true);
}

WORLD_TEST(test_listener_paused_inside_on_accept_accepts_no_more, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  r.env->ops->listener_pause(r.l, true);
  accept_rig_fill_backlog(&r, FEW);
  r.at_accept = pause_at_the_third;
  r.env->ops->listener_pause(r.l, false);
  accept_rig_serve(&r, 3);
  world_advance(w, 20);
  assert_int_equal(r.accepted_count, 3);
  r.env->ops->listener_pause(r.l, false);
  accept_rig_serve(&r, FEW);
}

/* --- the end of filters and listeners --- */

static void close_end(accept_rig *r, rig_end *end) {
  (void) r;
  rig_end_close(end);
}

WORLD_TEST(test_accepted_filter_closed_inside_on_accept, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  r.at_accept = close_end;
  for (size_t i = 0; i < FEW; i++) (void) accept_rig_connect(&r);
  world_run_until_count(w, &r.client_failures, FEW);
  assert_int_equal(r.accepted_count, FEW);
}

static void free_listener(accept_rig *r, rig_end *end) {
  (void) end;
  accept_rig_free_listener(r);
}

static void free_all(accept_rig *r, rig_end *end) {
  rig_end_close(end);
  accept_rig_free_listener(r);
}

/* Those that waited are reset. */
WORLD_TEST(test_listener_freed_inside_on_accept, w) {
  SCOPED(accept_rig, r, w);
  for (int i = 0; i < 2; i++) {
    accept_rig_listen(&r);
    r.env->ops->listener_pause(r.l, true);
    accept_rig_fill_backlog(&r, FEW);
    r.at_accept = i == 0 ? free_listener : free_all;
    r.env->ops->listener_pause(r.l, false);
    world_run_until_count(w, &r.client_failures, i == 0 ? FEW - 1 : 2 * FEW - 1);
  }
  assert_int_equal(r.accepted_count, 2);
  world_run_until_count(w, &r.answered, 1);
}

WORLD_TEST(test_listener_freed_before_it_accepts, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  const rig_end *end = accept_rig_connect(&r);
  accept_rig_free_listener(&r);
  world_run_until_true(w, &end->failed);
  assert_int_equal(r.accepted_count, 0);
}

WORLD_TEST(test_listener_null_can_be_freed, w) {
  SCOPED(accept_rig, r, w);
  r.env->ops->listener_free(NULL);
}

/* Sessions go on when their listener has gone. */
WORLD_TEST(test_accepted_filters_outlive_their_listener, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  accept_rig_fill_backlog(&r, 1);
  world_run_until_count(w, &r.accepted_count, 1);
  accept_rig_free_listener(&r);
  accept_rig_serve(&r, 1);
}

/* --- addresses --- */

WORLD_TEST(test_listener_refuses_what_is_no_address, w) {
  SCOPED(accept_rig, r, w);
  static const sa_family_t families[] = {AF_UNSPEC, AF_UNIX, 200};
  for (size_t i = 0; i < COUNT_OF(families); i++) {
    r.options.address = (struct sockaddr_storage){.ss_family = families[i]};
    assert_int_equal(accept_rig_try_listen(&r), WS_EINVAL);
  }
}

WORLD_TEST(test_listener_at_an_address_in_use_has_its_code, w) {
  SCOPED(accept_rig, r, w);
  SCOPED(accept_rig, other, w);
  accept_rig_listen(&r);
  other.options.address = accept_rig_address(&r);
  assert_int_equal(accept_rig_try_listen(&other), UV_EADDRINUSE);
  accept_rig_free_listener(&r);
  accept_rig_listen(&other); /* freed at once */
}

WORLD_TEST(test_listeners_share_a_port, w) {
  SCOPED(accept_rig, r, w);
  SCOPED(accept_rig, other, w);
  r.options.reuse_port = true;
  accept_rig_listen(&r);
  other.options.address = accept_rig_address(&r);
  assert_int_equal(accept_rig_try_listen(&other), UV_EADDRINUSE);
  other.options.reuse_port = true;
  accept_rig_listen(&other);
  for (size_t i = 0; i < MANY; i++) (void) accept_rig_connect(&r);
  world_run_until_count(w, &r.answered, MANY);
  assert_int_equal(r.received + other.received, MANY);
  assert_true(r.received > 0 && other.received > 0);
}

WORLD_TEST(test_listener_on_the_ipv6_wildcard_takes_ipv4_if_it_is_told_to, w) {
  for (int dual = 0; dual < 2; dual++) {
    SCOPED(accept_rig, r, w);
    char peer[ADDRESS_TEXT_SIZE];
    accept_rig_at(&r, "::", 0);
    r.options.dual_stack = dual != 0;
    accept_rig_listen(&r);
    const rig_end *v6 = accept_rig_connect_to(&r, "::1");
    world_run_until_true(w, &v6->answered);
    const rig_end *v4 = accept_rig_connect_to(&r, "127.0.0.1");
    world_run_until_true(w, dual ? &v4->answered : &v4->failed);
    if (!dual) continue;
    address_print(peer, &r.accepted[1].peer);
    assert_string_equal(peer, "::ffff:127.0.0.1");
  }
}

/* --- errors of accepting --- */

static void assert_served_after_a_pause(const accept_rig *r, size_t count, int status) {
  assert_int_equal(r->accepted_count, count);
  assert_int_equal(r->client_failures, 0);
  assert_int_equal(r->pauses, 1);
  assert_int_equal(r->pause_status, status);
  assert_int_equal(r->resumes, 1);
}

/* F65: so many times 100 ms, and nobody is lost. */
WORLD_SIM_TEST(test_listener_without_descriptors_waits_and_loses_nobody, w) {
  static const int codes[] = {UV_EMFILE, UV_ENFILE, UV_ENOBUFS, UV_ENOMEM, UV_EINVAL};
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    SCOPED(accept_rig, r, w);
    accept_rig_listen(&r);
    sim_accepts_fail(world_sim(w), 35, codes[i]);
    uint64_t start = world_now_ms(w);
    for (size_t k = 0; k < FEW; k++) (void) accept_rig_connect(&r);
    accept_rig_serve(&r, FEW);
    world_assert_took(w, world_now_ms(w) - start, 35 * PAUSE_MS, 35 * PAUSE_MS + 3000);
    assert_served_after_a_pause(&r, FEW, codes[i]);
  }
}

WORLD_SIM_TEST(test_listener_reports_each_episode_once, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  for (size_t i = 1; i <= 3; i++) {
    sim_accepts_fail(world_sim(w), 2, UV_EMFILE);
    (void) accept_rig_connect(&r);
    accept_rig_serve(&r, i);
    assert_int_equal(r.pauses, i);
    assert_int_equal(r.resumes, i);
  }
}

WORLD_SIM_TEST(test_listener_passes_over_connections_that_have_failed, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  sim_accepts_fail(world_sim(w), 100, UV_ECONNABORTED);
  uint64_t start = world_now_ms(w);
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
  world_assert_took(w, world_now_ms(w) - start, 0, PAUSE_MS - 1);
  assert_int_equal(r.pauses + r.resumes, 0);
}

static void free_at_pause(accept_rig *r, int status) {
  (void) status;
  accept_rig_free_listener(r);
}

static void free_at_resume(accept_rig *r, int status) {
  if (status == 0) accept_rig_free_listener(r);
}

WORLD_SIM_TEST(test_listener_freed_inside_on_pause, w) {
  for (size_t i = 0; i < 2; i++) {
    SCOPED(accept_rig, r, w);
    accept_rig_listen(&r);
    r.at_pause = i == 0 ? free_at_pause : free_at_resume;
    sim_accepts_fail(world_sim(w), 1, UV_EMFILE);
    for (size_t k = 0; k < FEW; k++) (void) accept_rig_connect(&r);
    world_run_until_count(w, &r.client_failures, i == 0 ? FEW : FEW - 1);
    assert_int_equal(r.accepted_count, i);
    assert_int_equal(r.pauses + r.resumes, i + 1);
    sim_accepts_fail(world_sim(w), 0, 0);
  }
}

/* By the connection that ends the error: on_pause does not come any more. */
WORLD_SIM_TEST(test_listener_freed_inside_the_first_on_accept_after_an_error, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  r.at_accept = free_listener;
  sim_accepts_fail(world_sim(w), 1, UV_EMFILE);
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
  assert_int_equal(r.pauses, 1);
  assert_int_equal(r.resumes, 0);
}

WORLD_SIM_TEST(test_listener_freed_while_it_waits, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  sim_accepts_fail(world_sim(w), 1, UV_EMFILE);
  (void) accept_rig_connect(&r);
  world_run_until_count(w, &r.pauses, 1);
  accept_rig_free_listener(&r);
  world_run_until_count(w, &r.client_failures, 1);
  assert_int_equal(r.accepted_count, 0);
}

/* The two reasons to wait do not know each other. */
WORLD_SIM_TEST(test_listener_paused_while_it_waits, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  sim_accepts_fail(world_sim(w), 1, UV_EMFILE);
  (void) accept_rig_connect(&r);
  world_run_until_count(w, &r.pauses, 1);
  r.env->ops->listener_pause(r.l, true);
  r.env->ops->listener_pause(r.l, false);
  world_advance(w, PAUSE_MS / 2);
  assert_int_equal(r.accepted_count, 0);
  r.env->ops->listener_pause(r.l, true);
  world_advance(w, 2 * PAUSE_MS);
  assert_int_equal(r.accepted_count, 0);
  r.env->ops->listener_pause(r.l, false);
  accept_rig_serve(&r, 1);
}

/* A SYN that finds no room comes again, after a second. */
WORLD_SIM_TEST(test_listener_with_a_full_backlog_loses_nobody, w) {
  SCOPED(accept_rig, r, w);
  r.options.backlog = 1;
  accept_rig_listen(&r);
  r.env->ops->listener_pause(r.l, true);
  for (size_t i = 0; i < FEW; i++) (void) accept_rig_connect(&r);
  world_advance(w, 500);
  assert_int_equal(r.connected, 1);
  r.env->ops->listener_pause(r.l, false);
  accept_rig_serve(&r, FEW);
}

/* --- F46 --- */

WORLD_TEST(test_listener_without_memory, w) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(accept_rig, r, w);
    alloc_failures_begin(&f, w->alloc);
    int err = accept_rig_try_listen(&r);
    assert_int_equal(err, alloc_failures_end(&f, w->alloc) ? WS_ENOMEM : 0);
  }
}

static void end_shortage(accept_rig *r, int status) {
  if (status != 0) r->w->alloc->fail_at = 0;
}

WORLD_TEST(test_accepting_without_memory_loses_nobody, w) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(accept_rig, r, w);
    accept_rig_listen(&r);
    r.env->ops->listener_pause(r.l, true);
    accept_rig_fill_backlog(&r, SOME);
    r.at_pause = end_shortage;
    alloc_failures_begin(&f, w->alloc);
    r.env->ops->listener_pause(r.l, false);
    accept_rig_serve(&r, SOME);
    world_run_until_count(w, &r.resumes, r.pauses);
    if (alloc_failures_end(&f, w->alloc)) assert_served_after_a_pause(&r, SOME, WS_ENOMEM);
    assert_int_equal(r.accepted_count, SOME);
  }
}
