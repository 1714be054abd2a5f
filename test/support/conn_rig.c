#include "support/conn_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "support/check.h"

const message_limits conn_rig_limits = {0x7fffffff, 16 << 20, 131072};

void conn_rig_open(conn_rig *r, ws_role role) {
  *r = (conn_rig){.role = role};
  track_alloc_init(&r->alloc);
  fake_env_init(&r->env, &r->alloc.handle, 1);
  conn_shared_init(&r->shared, &r->env.base);
  conn_init(&r->c, &r->shared, role, role == WS_CLIENT, &conn_rig_limits, NULL);
}

void conn_rig_close(conn_rig *r) {
  conn_free(&r->c);
  conn_shared_free(&r->shared);
  CHECK(r->alloc.live == 0);
  bytes_free(&r->events);
  bytes_free(&r->wire);
}

void conn_rig_write_some(conn_rig *r, size_t n) {
  ws_view bufs[3];
  while (n != 0) {
    size_t pieces = out_queue_peek(&r->c.out, bufs, 3), done = 0;
    CHECK(pieces != 0);
    for (size_t i = 0; i < pieces && done < n; i++) {
      size_t part = bufs[i].len < n - done ? bufs[i].len : n - done;
      bytes_add(&r->wire, bufs[i].base, part);
      done += part;
    }
    out_queue_written(&r->c.out, done);
    n -= done;
  }
}

void conn_rig_write_all(conn_rig *r) {
  conn_rig_write_some(r, out_queue_len(&r->c.out));
}

static void note_close(conn_rig *r, const conn_event *ev) {
  bytes p = {0};
  bytes_add(&p, "", 0);
  if (ev->close_code != WSUV_CLOSE_NO_STATUS) {
    bytes_add(&p, &(uint8_t){(uint8_t) (ev->close_code >> 8)}, 1);
    bytes_add(&p, &(uint8_t){(uint8_t) ev->close_code}, 1);
  }
  bytes_add(&p, ev->data, ev->len);
  frames_render(&r->events, 8, true, 0, p.base, p.len);
  bytes_free(&p);
}

/* What answering gave, if it was to be answered. */
int conn_rig_note(conn_rig *r, const conn_event *ev) {
  switch (ev->type) {
  case CONN_EVENT_MESSAGE:
    frames_render(&r->events, ev->opcode, true, 0, ev->data, ev->len);
    if (r->echo) (void) conn_send(&r->c, (frame_opcode) ev->opcode, true, ev->data, ev->len);
    break;
  case CONN_EVENT_PIECE:
    bytes_print(&r->events, "%s %d at %llu, %zu%s\n", "PIECE", ev->opcode,
                (unsigned long long) ev->offset, ev->len, ev->fin ? ", last" : "");
    break;
  case CONN_EVENT_FRAME:
    frames_render(&r->events, ev->continuation ? 0 : ev->opcode, ev->fin, ev->rsv, ev->data,
                  ev->len);
    break;
  case CONN_EVENT_PING: frames_render(&r->events, 9, true, 0, ev->data, ev->len); break;
  case CONN_EVENT_PONG: frames_render(&r->events, 10, true, 0, ev->data, ev->len); break;
  case CONN_EVENT_CLOSE: note_close(r, ev); return conn_answer_close(&r->c);
  }
  return 0;
}

/* All events there are; the last result. */
int conn_rig_take(conn_rig *r) {
  conn_event ev;
  int err;
  while ((err = conn_next_event(&r->c, &ev)) == 1) {
    err = conn_rig_note(r, &ev);
    if (err < 0) break;
    if (!r->keep) conn_rig_write_all(r);
  }
  if (err < 0) {
    bytes_print(&r->events, "ERROR %d\n", err);
    CHECK(err == WS_ENOMEM || err == WSUV_ERANDOM || *r->c.why != 0);
    CHECK(r->c.failed);
  }
  if (!r->keep) conn_rig_write_all(r);
  return err;
}

/* Bytes from a block of exactly their size, which is gone afterwards. */
int conn_rig_feed(conn_rig *r, const uint8_t *p, size_t n) {
  uint8_t *copy = bytes_exact(p, n);
  conn_recv(&r->c, copy, n);
  int err = conn_rig_take(r);
  free(copy);
  return err;
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
  bytes in = {0};
  frames_script(&in, script, r->role == WS_SERVER);
  int err = conn_rig_feed(r, in.base, in.len);
  bytes_free(&in);
  return err;
}

void conn_rig_expect_text(const char *what, const char *seen, const char *expected) {
  if (strcmp(seen, expected) != 0) {
    CHECK_FAIL("%s:\n%s-- expected:\n%s", what, seen, expected);
  }
}

/* The lines of a script. */
void conn_rig_render(bytes *text, const char *script, bool codes_only) {
  bytes b = {0};
  frames_script(&b, script, false);
  frames_render_stream(text, b.base, b.len, false, codes_only);
  bytes_free(&b);
}

void conn_rig_expect_events(conn_rig *r, const char *script) {
  bytes expected = {0};
  conn_rig_render(&expected, script, false);
  conn_rig_expect_text("events", bytes_text(&r->events), bytes_text(&expected));
  bytes_free(&expected);
  r->events.len = 0;
  bytes_add(&r->events, "", 0);
}

void conn_rig_expect_error(conn_rig *r, const char *script, int err) {
  bytes expected = {0};
  conn_rig_render(&expected, script, false);
  bytes_print(&expected, "ERROR %d\n", err);
  conn_rig_expect_text("events", bytes_text(&r->events), bytes_text(&expected));
  bytes_free(&expected);
}

/* What was written since the last call, reasons of close frames apart. */
void conn_rig_expect_written(conn_rig *r, const char *script) {
  bytes expected = {0}, seen = {0};
  conn_rig_render(&expected, script, true);
  frames_render_stream(&seen, r->wire.base, r->wire.len, r->role == WS_CLIENT, true);
  conn_rig_expect_text("written", bytes_text(&seen), bytes_text(&expected));
  bytes_free(&expected);
  bytes_free(&seen);
  r->wire.len = 0;
}
