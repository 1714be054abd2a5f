/* One connection after the other, each begun in the on_close of the one before. F41 */

#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* A session holds a bit more or less, with how its bytes were cut. */
enum { ROUNDS = 50, SOME_BLOCKS = 2, SOME_BYTES = 1024 };

typedef struct again {
  session_user users[ROUNDS];
  char url[256];
  size_t rounds; /* begun */
  bool weighed;
  bool over;
} again;

static void begin_next(again *a) {
  CHECK(user_try_connect_url(&a->users[a->rounds++], a->url) == 0);
}

/* Memory does not grow from one to the next. */
static void weigh(const again *a, size_t round) {
  static size_t live, live_bytes;
  const track_alloc *t = a->users[0].w->alloc;
  if (round == 1) live = t->live, live_bytes = t->live_bytes;
  if (round > 1) CHECK(t->live <= live + SOME_BLOCKS && t->live_bytes <= live_bytes + SOME_BYTES);
}

static void connect_again(session_user *u) {
  again *a = u->data;
  CHECK(wsuv_client_session_count(u->client) == 1); /* itself */
  if (a->weighed) weigh(a, (size_t) (u - a->users));
  if (a->rounds < ROUNDS) begin_next(a);
  a->over = u == &a->users[ROUNDS - 1];
}

static again *again_new(session_user *u) {
  again *a = check_alloc(sizeof *a);
  strcpy(a->url, raw_peer_url(u->peer->raw, "/"));
  (void) user_client(u);
  for (size_t i = 0; i < ROUNDS; i++) {
    user_init_on(&a->users[i], u);
    a->users[i].data = a;
    a->users[i].at_close = connect_again;
  }
  return a;
}

static void play(again *a) {
  begin_next(a);
  world_run_until_true(a->users[0].w, &a->over);
}

static void end(again *a, int status) {
  for (size_t i = 0; i < ROUNDS; i++) {
    assert_int_equal(a->users[i].closes, 1);
    assert_int_equal(a->users[i].end.status, status);
    user_free(&a->users[i]);
  }
  free(a);
}

SCENARIO_TEST(test_reconnect_in_on_close, w, p, u) {
  again *a = again_new(u);
  a->weighed = true;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_DELAY(2),
                PEER_SEND_FRAME(1, "hello"), PEER_SEND_CLOSE(1001), PEER_EXPECT_CLOSE(1001),
                PEER_END, PEER_EXPECT_END);
  play(a);
  for (size_t i = 0; i < ROUNDS; i++) assert_true(user_got(&a->users[i], "TEXT \"hello\""));
  assert_int_equal(p->raw->accepted, ROUNDS);
  end(a, 0);
}

SCENARIO_TEST(test_reconnect_when_the_connection_is_lost, w, p, u) {
  again *a = again_new(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_END, PEER_EXPECT_GONE);
  play(a);
  end(a, UV_EOF);
}

SCENARIO_TEST(test_reconnect_when_refused, w, p, u) {
  p->raw->port = world_dead_port(w);
  again *a = again_new(u);
  play(a);
  end(a, UV_ECONNREFUSED);
}

SCENARIO_TEST(test_reconnect_when_terminated, w, p, u) {
  again *a = again_new(u);
  for (size_t i = 0; i < ROUNDS; i++) a->users[i].at_open = user_terminate;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_GONE);
  play(a);
  end(a, UV_ECANCELED);
}

/* The user itself is used again, as a program's own object would be. */
static void connect_the_same(session_user *u) {
  if (u->peer->raw->accepted == ROUNDS) return;
  user_reset(u);
  scenario_connect(u);
}

SCENARIO_TEST(test_reconnect_with_the_same_data, w, p, u) {
  u->at_close = connect_the_same;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000),
                PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
  scenario_play(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(p->raw->accepted, ROUNDS);
}
