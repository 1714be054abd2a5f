/* wsuv_client_post: the one function for other threads. */

#include <stdlib.h>

#include <uv.h>
#include <wsuv.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { THREADS = 4, POSTS = 5000, ENOUGH = 2000 };

/* --- on the loop's thread, in both worlds --- */

typedef struct notes {
  wsuv_client_t *client;
  size_t runs;
  size_t again; /* posts to make from inside one */
  size_t seen;  /* by one_a_turn */
  bool inside;  /* a call is running */
  size_t closed;
} notes;

static notes n;

static void on_numbered(wsuv_client_t *client, void *arg) {
  const char *number = arg;
  assert_ptr_equal(client, n.client);
  assert_false(n.inside);
  assert_int_equal(n.closed, 0);
  assert_int_equal(*number, '0' + (char) n.runs);
  n.runs++;
}

static void post_numbered(size_t count) {
  static char digits[] = "0123456789";
  n.inside = true;
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(wsuv_client_post(n.client, on_numbered, &digits[n.runs + i]), 0);
  }
  n.inside = false;
}

static void on_client_closed(wsuv_client_t *client) {
  assert_ptr_equal(client, n.client);
  assert_int_equal(wsuv_client_post(client, on_numbered, NULL), WSUV_ESTATE);
  n.closed++;
}

static void begin(world *w) {
  n = (notes){0};
  assert_int_equal(world_client(w, &n.client, NULL), 0);
}

SCENARIO_TEST(test_posts_run_from_the_loop_in_order, w, p, u) {
  scenario_open(u);
  n = (notes){.client = u->client};
  post_numbered(5);
  world_run_until_count(w, &n.runs, 5);
  post_numbered(5);
  world_run_until_count(w, &n.runs, 10);
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

static void on_again(wsuv_client_t *client, void *arg) {
  n.runs++;
  if (n.again == 0) return;
  n.again--;
  assert_int_equal(wsuv_client_post(client, on_again, arg), 0);
}

static bool one_a_turn(void *arg) {
  (void) arg;
  assert_true(n.runs <= n.seen + 1);
  n.seen = n.runs;
  return n.runs == 6;
}

/* F22: a thread that posts for ever does not stop the loop. */
SCENARIO_TEST(test_post_made_in_a_post_runs_in_the_next_turn, w, p, u) {
  scenario_open(u);
  n = (notes){.client = u->client, .again = 5};
  assert_int_equal(wsuv_client_post(n.client, on_again, NULL), 0);
  world_run_until(w, one_a_turn, NULL);
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

static void on_send(wsuv_client_t *client, void *arg) {
  session_user *u = arg;
  assert_ptr_equal(client, u->client);
  assert_int_equal(user_text(u, "posted"), 0);
}

SCENARIO_TEST(test_post_sends_on_a_session, w, p, u) {
  p->echoes = true;
  scenario_open(u);
  assert_int_equal(wsuv_client_post(u->client, on_send, u), 0);
  world_run_until_count(w, &u->messages, 1);
  assert_true(user_got(u, "TEXT \"posted\""));
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

WORLD_TEST(test_posts_run_before_the_client_is_gone, w) {
  begin(w);
  post_numbered(3);
  assert_int_equal(wsuv_client_close(n.client, on_client_closed), 0);
  assert_int_equal(wsuv_client_post(n.client, on_numbered, NULL), WSUV_ESTATE);
  world_run_until_count(w, &n.closed, 1);
  assert_int_equal(n.runs, 3);
}

static void on_closing(wsuv_client_t *client, void *arg) {
  (void) arg;
  n.runs++;
  assert_int_equal(wsuv_client_post(client, on_again, NULL), 0);
  assert_int_equal(wsuv_client_close(client, on_client_closed), 0);
}

/* What it accepted just before runs while it closes. */
WORLD_TEST(test_client_closed_in_a_post, w) {
  begin(w);
  assert_int_equal(wsuv_client_post(n.client, on_closing, NULL), 0);
  if (w->kind == WORLD_UV) uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  if (w->kind == WORLD_SIM) world_run(w);
  world_run_until_count(w, &n.closed, 1);
  assert_int_equal(n.runs, 2);
}

/* F46 */
WORLD_TEST(test_post_without_memory, w) {
  begin(w);
  w->alloc->fail_at = w->alloc->calls + 1;
  assert_int_equal(wsuv_client_post(n.client, on_numbered, NULL), UV_ENOMEM);
  w->alloc->fail_at = 0;
  assert_int_equal(wsuv_client_close(n.client, on_client_closed), 0);
  world_run_until_count(w, &n.closed, 1);
  assert_int_equal(n.runs, 0);
}

/* --- from other threads, with the C library's allocator --- */

typedef struct poster {
  uv_thread_t thread;
  wsuv_client_t *client;
  struct crowd *crowd;
  size_t accepted; /* its own; to be read when it has ended */
  size_t run;      /* the loop's */
} poster;

typedef struct crowd {
  poster posters[THREADS];
  uv_timer_t alive; /* what keeps the loop going */
  uv_thread_t loop_thread;
  size_t run;
  bool closed;
} crowd;

static void on_post(wsuv_client_t *client, void *arg) {
  poster *p = arg;
  uv_thread_t here = uv_thread_self();
  assert_ptr_equal(client, p->client);
  assert_true(uv_thread_equal(&here, &p->crowd->loop_thread));
  p->run++;
  p->crowd->run++;
}

static void on_far_away(uv_timer_t *timer) {
  (void) timer;
  CHECK_FAIL("the posts do not come");
}

static void begin_crowd(crowd *c, uv_loop_t *loop, uv_thread_cb work) {
  wsuv_client_t *client;
  *c = (crowd){.loop_thread = uv_thread_self()};
  assert_int_equal(wsuv_client_new(&client, loop, NULL), 0);
  wsuv_client_set_data(client, c);
  assert_int_equal(uv_timer_init(loop, &c->alive), 0);
  assert_int_equal(uv_timer_start(&c->alive, on_far_away, 20000, 0), 0);
  for (size_t i = 0; i < THREADS; i++) {
    c->posters[i].client = client;
    c->posters[i].crowd = c;
    assert_int_equal(uv_thread_create(&c->posters[i].thread, work, &c->posters[i]), 0);
  }
}

/* The threads may still call: it is here that they are waited for. */
static void on_crowd_closed(wsuv_client_t *client) {
  crowd *c = wsuv_client_data(client);
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(uv_thread_join(&c->posters[i].thread), 0);
    assert_int_equal(c->posters[i].run, c->posters[i].accepted);
  }
  c->closed = true;
  uv_close((uv_handle_t *) &c->alive, NULL);
}

static void end_crowd(const crowd *c, uv_loop_t *loop) {
  while (!c->closed) uv_run(loop, UV_RUN_ONCE);
  uv_run(loop, UV_RUN_DEFAULT);
}

/* Each one's posts carry a number. */
typedef struct numbered {
  poster *p;
  size_t number;
} numbered;

static void on_numbered_post(wsuv_client_t *client, void *arg) {
  numbered *it = arg;
  assert_int_equal(it->number, it->p->run);
  on_post(client, it->p);
  free(it);
}

static void post_many(void *arg) {
  poster *p = arg;
  for (size_t i = 0; i < POSTS; i++) {
    numbered *it = check_alloc(sizeof *it);
    *it = (numbered){p, i};
    CHECK(wsuv_client_post(p->client, on_numbered_post, it) == 0);
    p->accepted++;
  }
}

WORLD_UV_TEST(test_posts_of_many_threads_all_run_in_order, w) {
  uv_loop_t *loop = world_uv_loop(w);
  crowd c;
  begin_crowd(&c, loop, post_many);
  while (c.run < (size_t) THREADS * POSTS) uv_run(loop, UV_RUN_ONCE);
  assert_int_equal(wsuv_client_close(c.posters[0].client, on_crowd_closed), 0);
  end_crowd(&c, loop);
}

static void post_until_refused(void *arg) {
  poster *p = arg;
  int err;
  while ((err = wsuv_client_post(p->client, on_post, p)) == 0) p->accepted++;
  CHECK(err == WSUV_ESTATE);
}

WORLD_UV_TEST(test_client_closes_while_threads_post, w) {
  uv_loop_t *loop = world_uv_loop(w);
  crowd c;
  begin_crowd(&c, loop, post_until_refused);
  while (c.run < ENOUGH) uv_run(loop, UV_RUN_ONCE);
  assert_int_equal(wsuv_client_close(c.posters[0].client, on_crowd_closed), 0);
  end_crowd(&c, loop);
}

/* A loop that goes to sleep is woken; the timer would end the sleep only much later. */
static uv_sem_t before_sleep;

static void on_before_sleep(uv_prepare_t *handle) {
  for (size_t i = 0; i < THREADS; i++) uv_sem_post(&before_sleep);
  uv_prepare_stop(handle); /* a handle that closes would keep the loop from sleeping */
}

static void post_late(void *arg) {
  poster *p = arg;
  uv_sem_wait(&before_sleep);
  CHECK(wsuv_client_post(p->client, on_post, p) == 0);
  p->accepted++;
}

WORLD_UV_TEST(test_post_wakes_a_sleeping_loop, w) {
  uv_loop_t *loop = world_uv_loop(w);
  uv_prepare_t prepare;
  crowd c;
  assert_int_equal(uv_sem_init(&before_sleep, 0), 0);
  assert_int_equal(uv_prepare_init(loop, &prepare), 0);
  assert_int_equal(uv_prepare_start(&prepare, on_before_sleep), 0);
  begin_crowd(&c, loop, post_late);
  while (c.run < THREADS) uv_run(loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *) &prepare, NULL);
  assert_int_equal(wsuv_client_terminate(c.posters[0].client, on_crowd_closed), 0);
  end_crowd(&c, loop);
  uv_sem_destroy(&before_sleep);
}

WORLD_UV_TEST(test_client_that_waits_for_posts_does_not_keep_the_loop_alive, w) {
  begin(w);
  assert_int_equal(uv_run(world_uv_loop(w), UV_RUN_DEFAULT), 0);
  world_client_close(w, n.client);
}
