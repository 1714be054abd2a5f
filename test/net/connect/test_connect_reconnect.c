/* One connection after the other, each begun in the on_close of the one before. F41 */

#include <string.h>

#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

/* A session holds a bit more or less, with how its bytes were cut. */
enum { ROUNDS = 50, SOME_BLOCKS = 2, SOME_BYTES = 1024 };

typedef struct again {
  scene s;
  observer o[ROUNDS];
  char url[256];
  size_t rounds; /* begun */
  bool weighed;
  bool over;
} again;

static void begin_next(again *a) {
  observer *o = &a->o[a->rounds++];
  CHECK(observer_connect(o, a->s.client, a->url) == 0);
}

/* Memory does not grow from one to the next. */
static void weigh(const again *a, size_t round) {
  static size_t live, live_bytes;
  const track_alloc *t = a->s.w->alloc;
  if (round == 1) live = t->live, live_bytes = t->live_bytes;
  if (round > 1) CHECK(t->live <= live + SOME_BLOCKS && t->live_bytes <= live_bytes + SOME_BYTES);
}

static void connect_again(observer *o) {
  again *a = o->data;
  CHECK(wsuv_client_session_count(a->s.client) == 1); /* itself */
  if (a->weighed) weigh(a, (size_t) (o - a->o));
  if (a->rounds < ROUNDS) begin_next(a);
  a->over = o == &a->o[ROUNDS - 1];
}

static void begin(again *a, world *w) {
  memset(a, 0, sizeof *a);
  scene_begin(&a->s, w, NULL);
  strcpy(a->url, raw_peer_url(a->s.peer, "/"));
  for (size_t i = 0; i < ROUNDS; i++) {
    a->o[i].data = a;
    a->o[i].at_close = connect_again;
  }
}

static void play(again *a) {
  begin_next(a);
  world_run_until_true(a->s.w, &a->over);
}

static void end(again *a, int status) {
  for (size_t i = 0; i < ROUNDS; i++) {
    assert_int_equal(a->o[i].closes, 1);
    assert_int_equal(a->o[i].status, status);
    observer_reset(&a->o[i]);
  }
  scene_end(&a->s);
}

WORLD_TEST(test_reconnect_in_on_close, w) {
  again a;
  begin(&a, w);
  a.weighed = true;
  raw_peer_play(a.s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_DELAY(2),
                PEER_SEND_FRAME(1, "hello"), PEER_SEND_CLOSE(1001), PEER_EXPECT_CLOSE(1001),
                PEER_END, PEER_EXPECT_END);
  play(&a);
  for (size_t i = 0; i < ROUNDS; i++) assert_string_equal(bytes_text(&a.o[i].text), "hello;");
  assert_int_equal(a.s.peer->accepted, ROUNDS);
  end(&a, 0);
}

WORLD_TEST(test_reconnect_when_the_connection_is_lost, w) {
  again a;
  begin(&a, w);
  raw_peer_play(a.s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_END, PEER_EXPECT_GONE);
  play(&a);
  end(&a, UV_EOF);
}

WORLD_TEST(test_reconnect_when_refused, w) {
  again a;
  begin(&a, w);
  a.s.peer->port = world_dead_port(w);
  strcpy(a.url, raw_peer_url(a.s.peer, "/"));
  play(&a);
  end(&a, UV_ECONNREFUSED);
}

static void terminate(observer *o) {
  observer_terminate(o);
}

WORLD_TEST(test_reconnect_when_terminated, w) {
  again a;
  begin(&a, w);
  for (size_t i = 0; i < ROUNDS; i++) a.o[i].at_open = terminate;
  raw_peer_play(a.s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_GONE);
  play(&a);
  end(&a, UV_ECANCELED);
}

/* The observer itself is used again, as a program's own object would be. */
static void connect_the_same(observer *o) {
  scene *s = o->data;
  if (s->peer->accepted == ROUNDS) return;
  observer_reset(o);
  CHECK(observer_connect(o, s->client, raw_peer_url(s->peer, "/")) == 0);
}

WORLD_TEST(test_reconnect_with_the_same_data, w) {
  scene s;
  scene_begin(&s, w, NULL);
  s.o.at_close = connect_the_same;
  s.o.data = &s;
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000),
                PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
  scene_play(&s);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  assert_int_equal(s.peer->accepted, ROUNDS);
  scene_end(&s);
}
