/* A scenario with many seeds: it stops at the first that fails, and says which it was. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/kit_user.h"
#include "testkit/check.h"

/* Every test has the environment to itself. */
static char *outer_seed;

static int hide_seed(void **state) {
  const char *text = getenv("WSUV_TEST_SEED");
  (void) state;
  outer_seed = text != NULL ? strdup(text) : NULL;
  return unsetenv("WSUV_TEST_SEED");
}

static int show_seed(void **state) {
  (void) state;
  int err =
      outer_seed != NULL ? setenv("WSUV_TEST_SEED", outer_seed, 1) : unsetenv("WSUV_TEST_SEED");
  free(outer_seed);
  return err;
}

TEST_AROUND_EACH(hide_seed, show_seed)

typedef struct explored {
  size_t plays;
  uint64_t seeds; /* the sum of those that were played */
} explored;

static int count(wsuv_testkit_t *kit, void *arg) {
  explored *x = arg;
  x->plays++;
  x->seeds += wsuv_testkit_seed(kit);
  return 0;
}

TEST(test_explore_plays_each_seed_once) {
  explored x = {0};
  uint64_t failed = 5;
  assert_ok(wsuv_testkit_explore(count, &x, 10, &failed));
  assert_int_equal(failed, 5); /* as it was */
  assert_int_equal(x.plays, 10);
  assert_int_equal(x.seeds, 45);
  assert_ok(wsuv_testkit_explore(count, &x, 0, NULL));
  assert_int_equal(x.plays, 10);
}

/* --- a bug that shows at some seeds only --- */

/* The planted bug: it takes each read for a whole message, as programs do that read from sockets
   themselves. */
static void echo_pieces(wsuv_session_t *s, const wsuv_message_piece_t *piece) {
  if (piece->len > 0) CHECK(wsuv_send_message(s, piece->type, piece->data, piece->len) == 0);
}

static int echo_a_text(wsuv_testkit_t *kit, void *arg) {
  static const wsuv_callbacks_t pieces = {WSUV_CALLBACKS_INIT, .on_message_piece = echo_pieces};
  static const char text[] = "a message that may come in two pieces, if it is cut";
  wsuv_server_t *server;
  wsuv_conversation_t *talk;
  ++*(size_t *) arg;
  int err = wsuv_testkit_server(kit, &server, NULL);
  if (err < 0) return err;
  err = wsuv_server_route(server, "/", &pieces, NULL);
  if (err == 0) err = wsuv_conversation_open(kit, server, "/", NULL, &talk);
  if (err == 0) err = wsuv_conversation_send_text(talk, text);
  if (err == 0) err = wsuv_conversation_expect_text(talk, text);
  int closed = wsuv_server_close(server, NULL, NULL);
  return err < 0 ? err : closed;
}

TEST(test_explore_stops_at_the_first_seed_that_fails) {
  size_t plays = 0;
  uint64_t failed = 0;
  assert_int_equal(wsuv_testkit_explore(echo_a_text, &plays, 1, &failed), 0);
  plays = 0;
  assert_int_equal(wsuv_testkit_explore(echo_a_text, &plays, 200, &failed), WSUV_ETEST);
  assert_in_range(failed, 1, 199);
  assert_int_equal(plays, failed + 1);
  /* That seed alone, as a person replays it. */
  char text[32];
  (void) snprintf(text, sizeof text, "%llu", (unsigned long long) failed);
  assert_ok(setenv("WSUV_TEST_SEED", text, 1));
  uint64_t again = 0;
  plays = 0;
  assert_int_equal(wsuv_testkit_explore(echo_a_text, &plays, 200, &again), WSUV_ETEST);
  assert_int_equal(again, failed);
  assert_int_equal(plays, 1);
  /* Without the output for the seed. */
  assert_int_equal(wsuv_testkit_explore(echo_a_text, &plays, 200, NULL), WSUV_ETEST);
  assert_ok(setenv("WSUV_TEST_SEED", "0", 1));
  assert_ok(wsuv_testkit_explore(echo_a_text, &plays, 200, NULL));
}

/* --- what a scenario leaves --- */

typedef struct forgotten {
  wsuv_testkit_t *kit;
  wsuv_client_t *client;
} forgotten;

static int forget_a_client(wsuv_testkit_t *kit, void *arg) {
  forgotten *f = arg;
  f->kit = kit;
  if (wsuv_testkit_seed(kit) < 3) return 0;
  return wsuv_testkit_client(kit, &f->client, NULL);
}

TEST(test_explore_fails_if_a_scenario_leaves_something) {
  forgotten f = {NULL, NULL};
  uint64_t failed = 0;
  assert_int_equal(wsuv_testkit_explore(forget_a_client, &f, 10, &failed), WSUV_ELEAK);
  assert_int_equal(failed, 3);
  assert_non_null(f.client);
  /* The world was not freed. */
  assert_ok(wsuv_client_close(f.client, NULL));
  assert_ok(wsuv_testkit_free(f.kit));
}

static int fail_at(wsuv_testkit_t *kit, void *arg) {
  return wsuv_testkit_seed(kit) == *(uint64_t *) arg ? UV_EPROTO : 0;
}

TEST(test_explore_returns_what_the_scenario_has_returned) {
  uint64_t at = 6, failed = 0;
  assert_int_equal(wsuv_testkit_explore(fail_at, &at, 10, &failed), UV_EPROTO);
  assert_int_equal(failed, 6);
}

static int fail_by_counting(wsuv_testkit_t *kit, void *arg) {
  (void) arg; /* none was given */
  return wsuv_testkit_seed(kit) == 4 ? 1 : 0;
}

/* Tests often count failures. It is no code, but it is not 0 either. */
TEST(test_explore_fails_by_a_code_that_is_none) {
  uint64_t failed = 0;
  assert_int_equal(wsuv_testkit_explore(fail_by_counting, NULL, 10, &failed), 1);
  assert_int_equal(failed, 4);
}
