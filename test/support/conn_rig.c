#include "support/conn_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "testkit/check.h"

const message_limits conn_rig_limits = {0x7fffffff, 16 << 20, 131072};

void conn_rig_open(conn_rig *r, ws_role role) {
  *r = (conn_rig){.role = role};
  track_alloc_init(&r->alloc);
  fake_env_init(&r->env, &r->alloc.handle, 1);
  conn_shared_init(&r->shared, &r->env.base);
  conn_init(&r->c, role, role == WS_CLIENT, &conn_rig_limits);
  conn_rig_work(&r->c, &r->work, &r->shared);
}

void conn_rig_work(conn *c, conn_work *work, conn_shared *shared) {
  conn_work_init(work, shared, (ws_role) c->role);
  c->work = work;
}

void conn_rig_close(conn_rig *r) {
  conn_free(&r->c);
  conn_shared_free(&r->shared);
  CHECK(r->alloc.live == 0);
  bytes_free(&r->events);
  bytes_free(&r->message);
  bytes_free(&r->wire);
}

void conn_rig_write_some(conn_rig *r, size_t n) {
  ws_view bufs[3];
  while (n != 0) {
    size_t count = out_queue_peek(&r->c.work->out, bufs, 3), done = 0;
    CHECK(count != 0);
    for (size_t i = 0; i < count && done < n; i++) {
      size_t part = bufs[i].len < n - done ? bufs[i].len : n - done;
      bytes_add(&r->wire, bufs[i].base, part);
      done += part;
    }
    out_queue_written(&r->c.work->out, done);
    n -= done;
  }
}

void conn_rig_write_all(conn_rig *r) {
  conn_rig_write_some(r, out_queue_len(&r->c.work->out));
}

static void note_close(conn_rig *r, const conn_event *ev) {
  SCOPED_BYTES p = {0};
  bytes_add(&p, "", 0);
  if (ev->close_code != WSUV_CLOSE_NO_STATUS) {
    bytes_add(&p, &(uint8_t){(uint8_t) (ev->close_code >> 8)}, 1);
    bytes_add(&p, &(uint8_t){(uint8_t) ev->close_code}, 1);
    CHECK(!r->c.raw || memcmp(ev->data - 2, p.base, 2) == 0); /* The code lies before the reason. */
  }
  bytes_add(&p, ev->data, ev->len);
  frames_render(&r->events, 8, true, 0, p.base, p.len);
}

static void note_piece(conn_rig *r, const conn_event *ev) {
  if (!r->inside) r->message.len = r->passed = 0;
  CHECK(ev->offset == r->passed);
  CHECK(ev->data != NULL);
  CHECK(ev->len > 0 || ev->fin);
  r->inside = !ev->fin;
  r->passed += ev->len;
  if (r->counts) return;
  bytes_add(&r->message, ev->data, ev->len);
  if (ev->fin) frames_render(&r->events, ev->opcode, true, 0, r->message.base, r->message.len);
}

static int answer_close(conn_rig *r) {
  return r->c.raw ? 0 : conn_answer_close(&r->c, &r->dropped);
}

int conn_rig_note(conn_rig *r, const conn_event *ev) {
  switch (ev->type) {
  case CONN_EVENT_MESSAGE:
    CHECK(!r->c.raw && !r->c.streamed && ev->data != NULL);
    frames_render(&r->events, ev->opcode, true, 0, ev->data, ev->len);
    if (r->echo) (void) conn_send(&r->c, (frame_opcode) ev->opcode, true, ev->data, ev->len);
    break;
  case CONN_EVENT_PIECE:
    CHECK(r->c.streamed);
    note_piece(r, ev);
    break;
  case CONN_EVENT_FRAME:
    CHECK(r->c.raw && (ev->opcode == OPCODE_TEXT || ev->opcode == OPCODE_BINARY));
    frames_render(&r->events, ev->continuation ? 0 : ev->opcode, ev->fin, ev->rsv, ev->data,
                  ev->len);
    break;
  case CONN_EVENT_PING: frames_render(&r->events, 9, true, 0, ev->data, ev->len); break;
  case CONN_EVENT_PONG: frames_render(&r->events, 10, true, 0, ev->data, ev->len); break;
  case CONN_EVENT_CLOSE: note_close(r, ev); return answer_close(r);
  }
  return 0;
}

int conn_rig_take(conn_rig *r) {
  conn_event ev;
  int err;
  while ((err = conn_next_event(&r->c, &ev)) == 1) {
    err = conn_rig_note(r, &ev);
    if (err == 0 && r->pauses) err = conn_keep_input(&r->c);
    if (err < 0) break;
    if (!r->keep) conn_rig_write_all(r);
  }
  if (err < 0) {
    const char *why = conn_take_why(&r->shared);
    bytes_print(&r->events, "ERROR %d\n", err);
    CHECK(err == WS_ENOMEM || err == WSUV_ERANDOM || *why != 0);
    CHECK(r->c.failed);
  }
  CHECK(!conn_has_input(&r->c));
  if (!r->keep) conn_rig_write_all(r);
  return err;
}

static void renew_work(conn_rig *r) {
  void *arg = r->work.trace_arg;
  conn_rig_work(&r->c, &r->work, &r->shared);
  r->work.trace_arg = arg;
}

int conn_rig_feed(conn_rig *r, const uint8_t *p, size_t n) {
  uint8_t *copy = bytes_exact(p, n);
  conn_recv(&r->c, copy, n);
  int err = conn_rig_take(r);
  free(copy);
  if (!conn_works(&r->work)) renew_work(r);
  return err;
}

static int feed_piece(void *arg, const uint8_t *p, size_t n, size_t *used) {
  *used = n;
  return conn_rig_feed(arg, p, n);
}

int conn_rig_feed_pieces(conn_rig *r, const bytes *in, pieces how) {
  size_t used;
  return pieces_feed(how, in->base, in->len, feed_piece, r, &used);
}

void conn_rig_feed_cut(conn_rig *r, const bytes *in, uint64_t cut) {
  uint64_t seed = cut;
  for (size_t at = 0; at < in->len;) {
    size_t n = cut == 0 ? in->len : cut == 1 ? 1 : seeded_below(&seed, in->len / 4 + 3);
    if (n > in->len - at) n = in->len - at;
    (void) conn_rig_feed(r, in->base + at, n);
    at += n;
  }
}

int conn_rig_feed_script(conn_rig *r, const char *script) {
  SCOPED_BYTES in = frames_of(script, r->role == WS_SERVER);
  return conn_rig_feed(r, in.base, in.len);
}

void conn_rig_expect_text(const char *what, const char *seen, const char *expected) {
  if (strcmp(seen, expected) != 0) {
    CHECK_FAIL("%s:\n%s-- expected:\n%s", what, seen, expected);
  }
}

void conn_rig_render(bytes *text, const char *script, bool codes_only) {
  SCOPED_BYTES b = frames_of(script, false);
  frames_render_stream(text, b.base, b.len, false, codes_only);
}

static void expect(conn_rig *r, const char *what, const bytes *seen, const bytes *expected) {
  char text[64];
  (void) snprintf(text, sizeof text, "%s (%zu)", what, r->cut);
  conn_rig_expect_text(text, bytes_text(seen), bytes_text(expected));
}

static void expect_events(conn_rig *r, const bytes *expected) {
  expect(r, "events", &r->events, expected);
  r->events.len = 0;
  bytes_add(&r->events, "", 0);
}

void conn_rig_expect_events(conn_rig *r, const char *script) {
  SCOPED_BYTES expected = {0};
  conn_rig_render(&expected, script, false);
  expect_events(r, &expected);
}

void conn_rig_expect_error(conn_rig *r, const char *script, int err) {
  SCOPED_BYTES expected = {0};
  conn_rig_render(&expected, script, false);
  bytes_print(&expected, "ERROR %d\n", err);
  expect_events(r, &expected);
}

void conn_rig_expect_gives(conn_rig *r, const char *script, const char *events) {
  CHECK(conn_rig_feed_script(r, script) == 0);
  conn_rig_expect_events(r, events);
}

static void expect_written(conn_rig *r, const char *script, bool codes_only) {
  SCOPED_BYTES expected = {0}, seen = {0};
  conn_rig_write_all(r);
  conn_rig_render(&expected, script, codes_only);
  frames_render_stream(&seen, r->wire.base, r->wire.len, r->role == WS_CLIENT, codes_only);
  expect(r, "written", &seen, &expected);
  r->wire.len = 0;
}

void conn_rig_expect_written(conn_rig *r, const char *script) {
  expect_written(r, script, true);
}

void conn_rig_expect_sent(conn_rig *r, const char *script) {
  expect_written(r, script, false);
}
