/* wsuv_server_post from other threads, and wsuv_server_each. */

#include <uv.h>

#include "support/server_user.h"
#include "testkit/check.h"

/* --- posts --- */

enum { THREADS = 4, POSTS = 500 };

typedef struct poster {
  wsuv_server_t *server;
  size_t posts, runs; /* of this thread */
  uv_thread_t thread;
} poster;

static size_t runs;

/* In the order of the thread's calls. */
static void on_post(wsuv_server_t *server, void *arg) {
  poster *p = arg;
  CHECK(server == p->server);
  CHECK(p->runs < POSTS);
  p->runs++;
  runs++;
}

static void post_all(void *arg) {
  poster *p = arg;
  for (size_t i = 0; i < POSTS; i++) {
    if (wsuv_server_post(p->server, on_post, p) == 0) p->posts++;
  }
}

/* The tracking allocator belongs to one thread, so the server has that of the system. */
WORLD_UV_TEST(test_posts_of_other_threads_run_on_the_loops_thread, w) {
  poster posters[THREADS];
  wsuv_server_t *server;
  runs = 0;
  assert_int_equal(wsuv_server_new(&server, world_uv_loop(w), NULL), 0);
  for (size_t i = 0; i < THREADS; i++) {
    posters[i] = (poster){.server = server};
    CHECK(uv_thread_create(&posters[i].thread, post_all, &posters[i]) == 0);
  }
  world_run_until_count(w, &runs, (size_t) THREADS * POSTS);
  for (size_t i = 0; i < THREADS; i++) {
    CHECK(uv_thread_join(&posters[i].thread) == 0);
    assert_int_equal(posters[i].posts, POSTS);
    assert_int_equal(posters[i].runs, POSTS);
  }
  world_server_close(w, server);
}

static size_t posted;

static void close_it(wsuv_server_t *server, void *arg) {
  server_user *s = arg;
  CHECK(server == s->server);
  posted++;
  CHECK(server_user_close(s) == 0);
}

static void count_post(wsuv_server_t *server, void *arg) {
  (void) server;
  (void) arg;
  posted++;
}

/* Each that was taken runs, also when an earlier one has closed the server. */
SERVER_TEST(test_posts_run_although_one_closes_the_server, w, s) {
  posted = 0;
  server_user_start(s);
  assert_int_equal(wsuv_server_post(s->server, close_it, s), 0);
  assert_int_equal(wsuv_server_post(s->server, count_post, s), 0);
  world_run_until_count(w, &posted, 2);
  server_user_run_to_end(s);
  assert_int_equal(posted, 2);
}

/* --- each --- */

enum { SESSIONS = 10 };

typedef struct visits {
  server_user *s;
  size_t count;
} visits;

static void terminate_and_accept(wsuv_session_t *session, void *arg) {
  visits *v = arg;
  if (v->count++ == 0) CHECK(server_user_accept(v->s, v->s->upgrade, NULL) == 0);
  wsuv_session_terminate(session);
}

/* Those that are there are visited once, while they end and a new one begins. */
SERVER_TEST(test_each_session_is_visited_once, w, s) {
  visits v = {.s = s};
  server_user_start(s);
  wsuv_server_each(s->server, terminate_and_accept, &v);
  assert_int_equal(v.count, 0);
  for (size_t i = 0; i < SESSIONS; i++) (void) server_user_connect(s, "/");
  server_user_decide(s, server_user_keep);
  raw_client_request(server_user_client(s), NULL);
  server_user_run_to_upgrades(s, 1);
  wsuv_server_each(s->server, terminate_and_accept, &v);
  assert_int_equal(v.count, SESSIONS);
  server_user_run_to_closes(s, SESSIONS);
  server_user_run_to_sessions(s, SESSIONS + 1);
  assert_int_equal(wsuv_server_session_count(s->server), 1);
}
