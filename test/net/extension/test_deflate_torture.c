/* F46 with permessage-deflate: the n-th allocation fails, zlib's among them, once and for ever
   after. Whatever fails, on_close comes once, nothing is left, and what arrives is right. */

#include <string.h>
#include <wsuv.h>

#include "support/raw_zlib.h"
#include "support/server_peer.h"
#include "support/world_client.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { LEN = 40000, ENOUGH = 10000 };

/* What a session does, and its server, whose memory is not touched. */
typedef struct trial {
  world *w;
  server_peer p;
  wsuv_client_t *client;
  wsuv_session_t *session;
  bytes text;
  size_t messages, closes, expected;
  int status;
} trial;

static void allow(trial *s, int err) {
  CHECK(err == 0 || err == UV_ENOMEM || err == WSUV_ESTATE || err == UV_EINVAL);
  s->expected += err == 0;
}

/* Fragments: whatever becomes of the first, the others follow. */
static void send_fragments(trial *s) {
  wsuv_frame_t frame;
  int err = 0;
  for (size_t i = 0; err == 0 && i < 3; i++) {
    size_t from = i * LEN / 3, to = (i + 1) * LEN / 3;
    wsuv_frame_init(&frame, WSUV_FRAME_TEXT, s->text.base + from, to - from);
    frame.fin = i == 2;
    while (err == 0 && (err = wsuv_send(s->session, &frame, NULL, NULL)) == UV_ENOMEM &&
           s->w->alloc->failed == 1 && !s->w->alloc->fail_for_ever) {
      err = 0; /* once more, unless that was the end of it */
    }
  }
  allow(s, err);
}

static void on_open(wsuv_session_t *session) {
  trial *s = wsuv_session_data(session);
  const uv_buf_t bufs[] = {{.base = (char *) s->text.base, .len = LEN / 2},
                           {.base = (char *) s->text.base + LEN / 2, .len = LEN - LEN / 2}};
  s->session = session;
  allow(s, wsuv_send_text(session, s->text.base, LEN));
  send_fragments(s);
  allow(s, wsuv_send_bufs(session, WSUV_FRAME_TEXT, bufs, 2, NULL, NULL));
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *m) {
  trial *s = wsuv_session_data(session);
  CHECK(m->len == LEN && memcmp(m->data, s->text.base, LEN) == 0);
  s->messages++;
}

static void on_piece(wsuv_session_t *session, const wsuv_message_piece_t *m) {
  trial *s = wsuv_session_data(session);
  CHECK(m->offset + m->len <= LEN);
  CHECK(m->len == 0 || memcmp(m->data, s->text.base + m->offset, m->len) == 0);
  CHECK(!m->last || m->offset + m->len == LEN);
  s->messages += m->last;
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  trial *s = wsuv_session_data(session);
  s->closes++;
  s->status = info->status;
  s->session = NULL;
}

static bool settled(void *arg) {
  const trial *s = arg;
  return s->closes > 0 || (s->session != NULL && s->messages >= s->expected);
}

static void run_session(trial *s, bool streamed) {
  wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open, .on_close = on_close};
  if (streamed) callbacks.on_message_piece = on_piece;
  if (!streamed) callbacks.on_message = on_message;
  wsuv_session_t *session;
  int err = wsuv_connect_url(s->client, raw_peer_url(s->p.raw, "/"), &callbacks, s, &session);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  world_run_until(s->w, settled, s);
  if (s->closes == 0 && wsuv_session_close(session, 1000, NULL) < 0) {
    wsuv_session_terminate(session);
  }
  world_run_until_count(s->w, &s->closes, 1);
  CHECK(s->status == 0 || s->status == UV_ENOMEM || s->status == UV_ECANCELED);
  CHECK(s->w->alloc->failed > 0 || s->messages == 3);
}

/* Whether an allocation was made to fail. */
static bool run_failing(world *w, uint64_t n, bool for_ever, bool takeover) {
  wsuv_deflate_options_t options;
  wsuv_extension_t deflate;
  const wsuv_extension_t *const one[] = {&deflate};
  wsuv_config_t config;
  trial s = {.w = w};
  uint64_t seed = 1;
  raw_text(&seed, LEN, &s.text);
  wsuv_client_config_init(&config);
  wsuv_deflate_options_init(&options);
  options.client_no_context_takeover = options.server_no_context_takeover = !takeover;
  CHECK(wsuv_permessage_deflate(&deflate, &options) == 0);
  config.extensions = one;
  config.extension_count = 1;
  server_peer_start(&s.p, w, one, 1);
  w->alloc->failed = 0;
  w->alloc->fail_at = w->alloc->calls + n;
  w->alloc->fail_for_ever = for_ever;
  if (world_client(w, &s.client, &config) == 0) {
    run_session(&s, n % 2 == 0);
    world_client_close(w, s.client);
  }
  w->alloc->fail_at = 0;
  server_peer_free(&s.p);
  bytes_free(&s.text);
  return w->alloc->failed > 0;
}

static void run_all(world *w, bool for_ever) {
  uint64_t n = 1;
  bool takeover = w->seed % 2 == 0;
  /* Streamed and not by turns: both have come to their end. */
  while (run_failing(w, n, for_ever, takeover) || run_failing(w, n + 1, for_ever, takeover)) {
    assert_int_equal(w->alloc->live, 0);
    assert_true(++n < ENOUGH);
  }
  assert_true(n > 40);
}

WORLD_SIM_TEST(test_each_allocation_fails_once, w) {
  if (w->seed < 2) run_all(w, false);
}

WORLD_SIM_TEST(test_each_allocation_fails_for_ever, w) {
  if (w->seed < 2) run_all(w, true);
}
