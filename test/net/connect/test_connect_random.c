/* A source of random bytes that fails: there is no other one. F14 */

#include <string.h>

#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

/* Frames that the bytes already fetched are enough for, at most. */
enum { FRAMES_MAX = 1024 };

WORLD_TEST(test_random_fails_at_connect, w) {
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
  world_random_fails(w, true);
  for (size_t i = 0; i < 3; i++) {
    int err = observer_connect(&s.o, s.client, raw_peer_url(s.peer, "/"));
    assert_int_equal(err, WSUV_ERANDOM);
    assert_int_equal(wsuv_client_session_count(s.client), 0);
  }
  world_run(w);
  assert_int_equal(s.o.closes, 0);
  assert_int_equal(s.peer->accepted, 0);
  world_random_fails(w, false);
  scene_connect(&s);
  world_run_until_true(w, &s.o.opened);
  scene_end(&s);
  assert_int_equal(s.o.closes, 0);
}

/* --- when it fails later --- */

typedef struct seen_keys {
  uint8_t keys[FRAMES_MAX][4];
  size_t count;
} seen_keys;

/* Every frame is masked, with a key that was not used before. */
static void take_frames(raw_conn *c) {
  seen_keys *seen = c->peer->data;
  seen_frame f;
  if (c->request == NULL && raw_conn_take_request(c)) raw_conn_upgrade(c, "");
  while (c->request != NULL && raw_conn_take_frame(c, &f)) {
    CHECK(f.spec.masked && seen->count < FRAMES_MAX);
    for (size_t i = 0; i < seen->count; i++) CHECK(memcmp(seen->keys[i], f.spec.key, 4) != 0);
    memcpy(seen->keys[seen->count++], f.spec.key, 4);
  }
}

static void begin(scene *s, world *w, seen_keys *seen) {
  memset(seen, 0, sizeof *seen);
  scene_begin(s, w, NULL);
  s->peer->data = seen;
  raw_peer_set_callbacks(s->peer, &(raw_peer_callbacks){.on_bytes = take_frames});
  scene_connect(s);
  world_run_until_true(w, &s->o.opened);
  world_random_fails(w, true);
}

static void assert_lost(const observer *o) {
  assert_ended(o, WSUV_ERANDOM, WSUV_STAGE_OPEN);
  assert_int_equal(o->code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(o->sent_code, 0);
  assert_false(o->clean);
}

static int send_until_refused(wsuv_session_t *session, size_t *sent) {
  int err;
  for (*sent = 0; (err = wsuv_send_text(session, "message", 7)) == 0; (*sent)++) {
    CHECK(*sent < FRAMES_MAX);
  }
  return err;
}

WORLD_TEST(test_random_fails_at_send, w) {
  size_t sent;
  seen_keys seen;
  scene s;
  begin(&s, w, &seen);
  assert_int_equal(send_until_refused(s.o.session, &sent), WSUV_ERANDOM);
  assert_false(s.o.closed);
  assert_int_equal(wsuv_send_text(s.o.session, "a", 1), WSUV_ESTATE);
  world_random_fails(w, false); /* too late */
  world_run_until_true(w, &s.o.closed);
  assert_lost(&s.o);
  scene_end(&s);
  world_run(w);
  assert_true(seen.count <= sent);
}

WORLD_TEST(test_random_fails_at_ping, w) {
  seen_keys seen;
  scene s;
  begin(&s, w, &seen);
  for (size_t i = 0; i < FRAMES_MAX && wsuv_send_ping(s.o.session, NULL, 0) == 0; i++) continue;
  world_run_until_true(w, &s.o.closed);
  assert_lost(&s.o);
  scene_end(&s);
}

/* The last bytes are used up by one session, and another one's close is refused. */
WORLD_TEST(test_random_fails_at_the_close_of_another, w) {
  size_t sent;
  seen_keys seen;
  observer other = {0};
  scene s;
  begin(&s, w, &seen);
  world_random_fails(w, false);
  assert_int_equal(observer_connect(&other, s.client, raw_peer_url(s.peer, "/")), 0);
  world_run_until_true(w, &other.opened);
  world_random_fails(w, true);
  assert_int_equal(send_until_refused(s.o.session, &sent), WSUV_ERANDOM);
  assert_int_equal(observer_close(&other, 1000), WSUV_ERANDOM);
  world_run_until_true(w, &s.o.closed);
  world_run_until_true(w, &other.closed);
  assert_lost(&s.o);
  assert_lost(&other);
  observer_reset(&other);
  scene_end(&s);
}

WORLD_TEST(test_random_fails_at_the_close_of_the_client, w) {
  size_t sent;
  seen_keys seen;
  observer other = {0};
  scene s;
  begin(&s, w, &seen);
  world_random_fails(w, false);
  assert_int_equal(observer_connect(&other, s.client, raw_peer_url(s.peer, "/")), 0);
  world_run_until_true(w, &other.opened);
  world_random_fails(w, true);
  assert_int_equal(send_until_refused(s.o.session, &sent), WSUV_ERANDOM);
  world_client_close(w, s.client);
  assert_lost(&s.o);
  assert_lost(&other);
  observer_reset(&other);
  observer_reset(&s.o);
}

/* Nobody calls: it is a pong that cannot be masked. */
WORLD_TEST(test_random_fails_at_a_pong, w) {
  seen_keys seen;
  scene s;
  begin(&s, w, &seen);
  raw_conn *c = raw_peer_conn(s.peer, 0);
  for (size_t i = 0; i < FRAMES_MAX && !s.o.closed; i++) {
    raw_conn_write_frame(c, 9, "ping", 4);
    world_advance(w, i % 64 == 0);
  }
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, WSUV_ERANDOM, WSUV_STAGE_OPEN);
  assert_int_equal(s.o.sent_code, 0);
  scene_end(&s);
}
