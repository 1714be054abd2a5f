/* F46: the n-th allocation fails, for every n, once and for ever after, in a session with all that
   allocates: large messages, fragments, pieces, pings, completions, pauses, both ways of closing.
   Whatever fails, on_close comes once, every completion before it, and nothing is left. */

#include <stdlib.h>

#include "support/session_user.h"
#include "support/torture.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { LARGE = 150 * 1024 };

static uint8_t large[LARGE];

static void allow(int err) {
  CHECK(err == 0 || err == UV_ENOMEM || err == WSUV_ESTATE || err == UV_EINVAL);
}

/* Gathered and longer pieces; at_message sends the last one. */
static void send_pieces(session_user *u) {
  allow(user_begin_message(u, WSUV_FRAME_BINARY));
  allow(user_piece(u, 'p', large, 100));
  allow(user_piece(u, '\0', large, LARGE));
  allow(user_piece(u, 'q', large, 100));
}

static void at_open(session_user *u) {
  allow(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1));
  allow(user_frame(u, 'b', WSUV_FRAME_BINARY, true, large, LARGE));
  allow(user_frame(u, 'c', WSUV_FRAME_BINARY, false, large, 100));
  allow(user_frame(u, 'd', WSUV_FRAME_BINARY, true, large, 100));
  allow(user_binary(u, large, LARGE));
  send_pieces(u);
  allow(user_ping(u, "ping"));
  allow(user_flush(u, 'f'));
}

static void at_message(session_user *u, const wsuv_message_t *m) {
  if (m->len == 9) {
    allow(user_piece(u, '\0', large, 100));
    allow(user_end_message(u, 'r'));
    allow(user_frame(u, 'e', WSUV_FRAME_TEXT, true, "echo", 4));
  }
  allow(user_pause(u)); /* settle() resumes */
}

static bool settled(void *arg) {
  const session_user *u = arg;
  return u->closes > 0 || (u->opens > 0 && u->messages >= 4 && u->owed == 0);
}

static void settle(world *w, session_user *u) {
  for (int i = 0; i < 200 && !settled(u); i++) {
    world_advance(w, 50);
    if (u->session != NULL) allow(user_resume(u));
  }
  CHECK(settled(u) || w->alloc->failed > 0);
}

static void close_somehow(world *w, session_user *u) {
  if (u->closes > 0) return;
  if (user_close(u, 1000, "a reason of its own") < 0) user_terminate(u);
  world_run_until_count(w, &u->closes, 1);
}

static void run_session(world *w, session_user *u, frame_peer *p) {
  int err = user_try_connect(u, p);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  settle(w, u);
  close_somehow(w, u);
  int status = u->end.status;
  CHECK(status == 0 || status == UV_ENOMEM || status == UV_ECANCELED);
  CHECK(status != 0 || w->alloc->failed > 0 || u->messages >= 4);
}

static void play_with(world *w, const wsuv_config_t *config) {
  frame_peer p;
  session_user u = {.w = w, .at_open = at_open, .at_message = at_message, .forgets = true};
  frame_peer_start(&p, w);
  p.echoes = p.pongs = p.forgets = true;
  p.greeting = "TEXT- \"frag\"; PING 01; CONT \"ments\"; BIN 00~150000";
  if (world_client(w, &u.client, config) == 0) {
    run_session(w, &u, &p);
    world_client_close(w, u.client);
  }
  user_free(&u);
  frame_peer_free(&p);
}

static void play(world *w) {
  play_with(w, NULL);
}

/* What has come waits for its turn, and is kept. */
static void play_limited(world *w) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.max_message_rate = 3;
  config.max_lifetime_ms = 60 * 1000;
  play_with(w, &config);
}

WORLD_SIM_TEST(test_each_allocation_fails_in_a_session_with_limits, w) {
  if (w->seed < 3) torture(w, play_limited, w->seed == 1, 20);
}

WORLD_SIM_TLS_TEST(test_each_allocation_fails_once, w) {
  if (w->seed < 6) torture(w, play, false, 20);
}

WORLD_SIM_TLS_TEST(test_each_allocation_fails_for_ever, w) {
  if (w->seed < 6) torture(w, play, true, 20);
}
