/* A source of random bytes that fails: there is no other one. F14 */

#include <string.h>

#include "base/random_pool.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* A client has masking keys for fewer frames in stock. */
enum { FRAMES_MAX = RANDOM_POOL_SIZE / 2 };

SCENARIO_TEST(test_random_fails_at_connect, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
  (void) user_client(u);
  world_random_fails(w, true);
  for (size_t i = 0; i < 3; i++) {
    int err = user_try_connect_url(u, raw_peer_url(p->raw, "/"));
    assert_int_equal(err, WSUV_ERANDOM);
    assert_int_equal(wsuv_client_session_count(u->client), 0);
  }
  world_run(w);
  assert_int_equal(u->closes, 0);
  assert_int_equal(p->raw->accepted, 0);
  world_random_fails(w, false);
  scenario_open(u);
  user_close_client(u);
  assert_int_equal(u->closes, 1);
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

static void open_and_fail(session_user *u, seen_keys *seen) {
  memset(seen, 0, sizeof *seen);
  u->peer->raw->data = seen;
  raw_peer_set_callbacks(u->peer->raw, &(raw_peer_callbacks){.on_bytes = take_frames});
  scenario_open(u);
  world_random_fails(u->w, true);
}

static void assert_lost(const session_user *u) {
  assert_true(user_ended_by(u, WSUV_ERANDOM, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u->end.sent_code, 0);
  assert_false(u->end.clean);
}

static int send_until_refused(wsuv_session_t *session, size_t *sent) {
  int err;
  for (*sent = 0; (err = wsuv_send_text(session, "message", 7)) == 0; (*sent)++) {
    CHECK(*sent < FRAMES_MAX);
  }
  return err;
}

SCENARIO_TEST(test_random_fails_at_send, w, p, u) {
  size_t sent;
  static seen_keys seen;
  open_and_fail(u, &seen);
  assert_int_equal(send_until_refused(u->session, &sent), WSUV_ERANDOM);
  assert_int_equal(u->closes, 0);
  assert_int_equal(wsuv_send_text(u->session, "a", 1), WSUV_ESTATE);
  world_random_fails(w, false); /* too late */
  user_run_to_close(u);
  assert_lost(u);
  user_close_client(u);
  world_run(w);
  assert_true(seen.count <= sent);
}

SCENARIO_TEST(test_random_fails_at_ping, w, p, u) {
  static seen_keys seen;
  open_and_fail(u, &seen);
  int err = 0;
  for (size_t i = 0; i < FRAMES_MAX && err == 0; i++) {
    err = wsuv_send_ping(u->session, NULL, 0);
    if (err == WSUV_EQUEUEFULL) { /* those before it must leave first */
      world_advance(w, 1);
      err = 0;
    }
  }
  assert_int_equal(err, WSUV_ERANDOM);
  user_run_to_close(u);
  assert_lost(u);
}

/* The last bytes are used up by one session, and another one's close is refused. */
SCENARIO_TEST(test_random_fails_at_the_close_of_another, w, p, u) {
  size_t sent;
  static seen_keys seen;
  session_user other;
  open_and_fail(u, &seen);
  world_random_fails(w, false);
  user_init_on(&other, u);
  scenario_open(&other);
  world_random_fails(w, true);
  assert_int_equal(send_until_refused(u->session, &sent), WSUV_ERANDOM);
  assert_int_equal(user_close(&other, 1000, NULL), WSUV_ERANDOM);
  user_run_to_close(u);
  user_run_to_close(&other);
  assert_lost(u);
  assert_lost(&other);
  user_free(&other);
}

SCENARIO_TEST(test_random_fails_at_the_close_of_the_client, w, p, u) {
  size_t sent;
  static seen_keys seen;
  session_user other;
  open_and_fail(u, &seen);
  world_random_fails(w, false);
  user_init_on(&other, u);
  scenario_open(&other);
  world_random_fails(w, true);
  assert_int_equal(send_until_refused(u->session, &sent), WSUV_ERANDOM);
  user_close_client(u);
  assert_lost(u);
  assert_lost(&other);
  user_free(&other);
}

/* Nobody calls: it is a pong that cannot be masked. */
SCENARIO_TEST(test_random_fails_at_a_pong, w, p, u) {
  static seen_keys seen;
  open_and_fail(u, &seen);
  raw_conn *c = raw_peer_conn(p->raw, 0);
  for (size_t i = 0; i < FRAMES_MAX && u->closes == 0; i++) {
    raw_conn_write_frame(c, 9, "ping", 4);
    world_advance(w, i % 64 == 0);
  }
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ERANDOM, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, 0);
}
