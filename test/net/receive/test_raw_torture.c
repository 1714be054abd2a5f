/* F46: the n-th allocation fails, for every n, once and for ever after, in a raw session with all
   that allocates: large frames, pieces, completions, pauses, answers by hand, both ways of closing.
   Whatever fails, on_close comes once, every completion before it, and nothing is left. */

#include <stdlib.h>

#include "support/session_user.h"
#include "support/torture.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { LARGE = 150 * 1024, PIECES = 20, FRAMES = 6 };

static uint8_t large[LARGE];

static void allow(int err) {
  CHECK(err == 0 || err == UV_ENOMEM || err == WSUV_ESTATE || err == UV_EINVAL);
}

static void send_pieces(session_user *u) {
  uv_buf_t bufs[PIECES];
  for (size_t i = 0; i < PIECES; i++) {
    bufs[i] = uv_buf_init((char *) large + i * (LARGE / PIECES), LARGE / PIECES);
  }
  allow(user_bufs(u, 'p', WSUV_FRAME_BINARY, bufs, PIECES));
}

static void send_marked(session_user *u) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_BINARY, large, 100);
  frame.fin = false;
  frame.rsv1 = true;
  allow(user_send_frame(u, 'a', &frame));
  frame.fin = true;
  frame.rsv3 = true;
  allow(user_send_frame(u, 'b', &frame));
}

static void at_open(session_user *u) {
  send_pieces(u);
  send_marked(u);
  allow(user_frame(u, 'c', WSUV_FRAME_TEXT, true, "\xff", 1));
  allow(user_ping(u, "ping"));
  allow(user_flush(u, 'f'));
}

/* A copy is kept over the answer, as a user might. */
static void answer(session_user *u, const wsuv_frame_t *f) {
  wsuv_frame_t *copy = wsuv_frame_copy(f, &u->w->alloc->handle);
  if (copy == NULL) return;
  if (f->type == WSUV_FRAME_CLOSE) allow(user_send_frame(u, 'd', copy));
  if (f->type == WSUV_FRAME_PING) allow(wsuv_send_pong(u->session, copy->data, copy->len));
  wsuv_frame_free(copy, &u->w->alloc->handle);
}

static void at_frame(session_user *u, const wsuv_frame_t *f) {
  answer(u, f);
  allow(user_pause(u)); /* settle() resumes */
}

static bool settled(void *arg) {
  const session_user *u = arg;
  return u->closes > 0 || (u->opens > 0 && u->frames >= FRAMES && u->owed == 0);
}

static void settle(world *w, session_user *u) {
  for (int i = 0; i < 200 && !settled(u); i++) {
    world_advance(w, 50);
    if (u->session != NULL) allow(user_resume(u));
  }
  CHECK(settled(u) || w->alloc->failed > 0);
}

/* Odd seeds: the peer closes, and we answer if there is memory for it; even ones: we do. */
static void close_somehow(world *w, session_user *u, frame_peer *p) {
  if (u->closes > 0) return;
  bool by_peer = w->seed % 2 == 1 && u->opens > 0;
  if (by_peer)
    frame_peer_send(p, "CLOSE #4000 \"a reason of its own\"");
  else if (user_close(u, 1000, "a reason of ours") < 0)
    user_terminate(u);
  if (by_peer && u->session != NULL) allow(user_resume(u));
  world_run_until_count(w, &u->closes, 1);
}

static void run_session(world *w, session_user *u, frame_peer *p) {
  int err = user_try_connect(u, p);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  settle(w, u);
  close_somehow(w, u, p);
  int status = u->end.status;
  CHECK(status == 0 || status == UV_ENOMEM || status == UV_ECANCELED);
  CHECK(status != 0 || w->alloc->failed > 0 || (u->frames > FRAMES && u->end.clean));
}

static void end_on_close(frame_peer *p, const seen_frame *f) {
  if (f->spec.opcode == 8 && p->silent) raw_conn_end(p->conn);
}

static void play(world *w) {
  frame_peer p;
  session_user u = {.w = w, .raw = true, .at_open = at_open, .at_frame = at_frame, .forgets = true};
  frame_peer_start(&p, w);
  p.forgets = true;
  p.silent = w->seed % 2 == 1;
  p.on_frame = end_on_close;
  p.greeting = "TEXT-{4} \"frag\"; PING 01; CONT \"ments\"; BIN- 00~150000; PONG; CONT 01~150000";
  if (world_client(w, &u.client, NULL) == 0) {
    run_session(w, &u, &p);
    world_client_close(w, u.client);
  }
  user_free(&u);
  frame_peer_free(&p);
}

WORLD_SIM_TEST(test_each_allocation_fails_once, w) {
  if (w->seed < 4) torture(w, play, false, 20);
}

WORLD_SIM_TEST(test_each_allocation_fails_for_ever, w) {
  if (w->seed < 4) torture(w, play, true, 20);
}
