/* A payload that goes out in several frames: where it is cut, what each frame has, what goes
   between, and where it ends when the peer closes. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "support/conn_rig.h"
#include "support/test.h"

enum { FRAGMENTS_MAX = 1024, PIECES_MAX = 64 };

/* What is sent, in pieces that lie in blocks of their own. */
typedef struct sent {
  bytes payload;
  ws_view pieces[PIECES_MAX];
  size_t count;
} sent;

static void sent_open(sent *s) {
  *s = (sent){0};
}

static void sent_close(sent *s) {
  for (size_t i = 0; i < s->count; i++) free((void *) (uintptr_t) s->pieces[i].base);
  bytes_free(&s->payload);
}

static void sent_add(sent *s, size_t len) {
  bytes piece = {0};
  for (size_t i = 0; i < len; i++)
    bytes_add(&piece, &(uint8_t){(uint8_t) ((s->payload.len + i) % 127)}, 1);
  bytes_add(&s->payload, len > 0 ? piece.base : (const uint8_t *) "", len);
  s->pieces[s->count++] = (ws_view){len > 0 ? bytes_exact(piece.base, len) : NULL, len};
  bytes_free(&piece);
}

static int send_all(conn *c, const sent *s, frame_opcode type, bool fin, size_t fragment_size) {
  const conn_frame f = {.type = type,
                        .fin = fin,
                        .pieces = s->pieces,
                        .count = s->count,
                        .len = s->payload.len,
                        .fragment_size = fragment_size};
  return conn_send_frame(c, &f);
}

/* Reads frames off the wire and puts their payload together. */
typedef struct whole {
  bytes payload;
  size_t frames, controls, longest;
  bool ended;
} whole;

static void whole_open(whole *m) {
  *m = (whole){0};
}

static void whole_close(whole *m) {
  bytes_free(&m->payload);
}

/* The frames of one message, of this type. Control frames may stand between. */
static void whole_read(whole *m, bytes *wire, uint8_t type, bool masked) {
  uint8_t key[4] = {0};
  size_t at = 0, size;
  seen_frame f;
  while ((size = frames_parse(&f, wire->base + at, wire->len - at)) != 0) {
    at += size;
    assert_int_equal(f.spec.masked, masked);
    assert_int_equal(f.spec.rsv, 0);
    if (f.spec.opcode >= 8) {
      m->controls++;
      continue;
    }
    assert_false(m->ended);
    assert_int_equal(f.spec.opcode, m->frames == 0 ? type : 0);
    if (masked) assert_memory_not_equal(f.spec.key, key, 4);
    memcpy(key, f.spec.key, 4);
    bytes_add(&m->payload, f.payload, (size_t) f.length);
    if (f.length > m->longest) m->longest = (size_t) f.length;
    m->frames++;
    m->ended = f.spec.fin;
  }
  assert_int_equal(at, wire->len);
}

static size_t quotient_up(size_t a, size_t b) {
  return a / b + (a % b != 0);
}

static void expect_fragments(conn_rig *r, const sent *s, size_t fragment_size) {
  const size_t len = s->payload.len, least = quotient_up(len, FRAGMENTS_MAX);
  const size_t most = fragment_size == 0 ? len : least > fragment_size ? least : fragment_size;
  const size_t frames = len == 0 ? 1 : quotient_up(len, most);
  SCOPED(whole, m);
  const bool masked = r->c.masking;
  const conn_counts before = r->c.sent;
  assert_int_equal(send_all(&r->c, s, OPCODE_BINARY, true, fragment_size), 0);
  assert_int_equal(r->c.work->out.payload, len);
  assert_int_equal(r->c.sent.frames - before.frames, frames);
  assert_int_equal(r->c.sent.messages - before.messages, 1);
  assert_int_equal(r->c.sent.payload - before.payload, len);
  r->wire.len = 0;
  conn_rig_write_all(r);
  assert_int_equal(r->c.work->out.payload, 0);
  whole_read(&m, &r->wire, OPCODE_BINARY, masked);
  assert_true(m.ended);
  assert_that(m.frames == frames, "%zu bytes by %zu: %zu frames", len, fragment_size, m.frames);
  assert_true(m.frames <= FRAGMENTS_MAX || fragment_size == 0);
  assert_that(m.longest <= most, "%zu bytes by %zu: %zu in one", len, fragment_size, m.longest);
  assert_int_equal(m.payload.len, len);
  if (len > 0) assert_memory_equal(m.payload.base, s->payload.base, len);
}

TEST(test_conn_cuts_a_payload_at_the_borders_of_its_size) {
  static const size_t sizes[] = {0, 1, 2, 125, 126, 127, 16384, 65535, 65536};
  static const size_t lengths[] = {0,    1,    2,    3,     126,   127,   253,    254,
                                   1023, 1024, 1025, 16384, 65535, 65536, 131072, 131073};
  for (int v = 0; v < 3; v++) { /* a client, one that does not mask, a server */
    SCOPED(conn_rig, r, v == 2 ? WS_SERVER : WS_CLIENT);
    r.c.masking = v == 0;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
      for (size_t k = 0; k < COUNT_OF(lengths); k++) {
        SCOPED(sent, s);
        sent_add(&s, lengths[k]);
        expect_fragments(&r, &s, sizes[i]);
      }
    }
  }
}

/* Every cut of a payload in three pieces, in fragments of every size. */
TEST(test_conn_cuts_a_payload_in_pieces_anywhere) {
  enum { LEN = 13 };
  SCOPED(conn_rig, r, WS_CLIENT);
  for (size_t a = 0; a <= LEN; a++) {
    for (size_t b = a; b <= LEN; b++) {
      for (size_t size = 0; size <= LEN + 1; size++) {
        SCOPED(sent, s);
        sent_add(&s, a);
        sent_add(&s, b - a);
        sent_add(&s, LEN - b);
        expect_fragments(&r, &s, size);
      }
    }
  }
}

TEST(test_conn_cuts_payloads_at_random) {
  uint64_t seed = 7;
  SCOPED(conn_rig, r, WS_CLIENT);
  for (int i = 0; i < 1500; i++) {
    static const size_t bounds[] = {2, 9, 300, 70000};
    SCOPED(sent, s);
    for (size_t n = seeded_below(&seed, PIECES_MAX); n > 0; n--)
      sent_add(&s, seeded_below(&seed, bounds[seeded_below(&seed, i % 16 == 0 ? 4 : 3)]));
    expect_fragments(&r, &s, 1 + seeded_below(&seed, bounds[seeded_below(&seed, 4)]));
  }
}

/* A fragment of a message that the owner sends in fragments may be cut, too. */
TEST(test_conn_cuts_fragments_of_a_message) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    static const char *const parts[] = {"abc", "de", "fghij"};
    for (size_t i = 0; i < 3; i++) {
      const ws_view piece = {(const uint8_t *) parts[i], strlen(parts[i])};
      const conn_frame f = {.type = OPCODE_TEXT,
                            .fin = i == 2,
                            .pieces = &piece,
                            .count = 1,
                            .len = piece.len,
                            .fragment_size = 2};
      assert_int_equal(conn_send_frame(&r.c, &f), 0);
    }
    assert_int_equal(r.c.sent.messages, 1);
    conn_rig_expect_written(&r, "TEXT- \"ab\" ; CONT- \"c\" ; CONT- \"de\" ; CONT- \"fg\" ; "
                                "CONT- \"hi\" ; CONT \"j\"");
    assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "k", 1), 0);
    conn_rig_expect_written(&r, "BIN \"k\"");
  }
}

/* Takes so many bytes in all. */
typedef struct some_writer {
  out_writer writer;
  size_t left;
  bytes seen;
} some_writer;

static size_t write_some(out_writer *writer, const ws_view *bufs, size_t count) {
  some_writer *w = (some_writer *) (void *) writer;
  size_t taken = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t n = bufs[i].len < w->left ? bufs[i].len : w->left;
    bytes_add(&w->seen, bufs[i].base, n);
    w->left -= n;
    taken += n;
  }
  return taken;
}

/* What the writer does not take of the fragments is queued, wherever it stops. */
TEST(test_conn_writes_fragments_from_their_memory) {
  enum { WIRE = 4 * 2 + 34 };
  static const char *const text = "0123456789abcdefghij0123456789abcd";
  for (size_t most = 0; most <= WIRE; most++) {
    SCOPED(conn_rig, r, WS_SERVER);
    SCOPED_BYTES wanted = {0};
    some_writer w = {.writer.write = write_some, .left = most};
    uint8_t *copy = bytes_exact((const uint8_t *) text, 34);
    const ws_view piece = {copy, 34};
    const conn_frame f = {.type = OPCODE_TEXT,
                          .fin = true,
                          .pieces = &piece,
                          .count = 1,
                          .len = piece.len,
                          .fragment_size = 10,
                          .writer = &w.writer};
    assert_true(conn_takes_writer(&r.c));
    assert_int_equal(conn_send_frame(&r.c, &f), 0);
    free(copy);
    assert_int_equal(w.seen.len, most);
    assert_int_equal(out_queue_len(&r.c.work->out), WIRE - most);
    assert_int_equal(r.c.work->out.lanes[LANE_DATA].queued, WIRE);
    assert_true(conn_takes_writer(&r.c) == (most == WIRE));
    ws_view bufs[8];
    size_t count = out_queue_peek(&r.c.work->out, bufs, 8);
    for (size_t i = 0; i < count; i++) bytes_add(&w.seen, bufs[i].base, bufs[i].len);
    frames_script(
        &wanted,
        "TEXT- \"0123456789\" ; CONT- \"abcdefghij\" ; CONT- \"0123456789\" ; CONT \"abcd\"",
        false);
    assert_int_equal(w.seen.len, wanted.len);
    assert_memory_equal(w.seen.base, wanted.base, wanted.len);
    bytes_free(&w.seen);
    while (out_queue_len(&r.c.work->out) > 0) out_queue_written(&r.c.work->out, 1);
    assert_int_equal(r.c.work->out.payload, 0);
    assert_int_equal(r.c.sent.messages, 1);
    assert_int_equal(r.c.sent.frames, 4);
  }
}

static int send_text(conn *c, const char *text, size_t fragment_size) {
  const ws_view piece = {(const uint8_t *) text, strlen(text)};
  const conn_frame f = {.type = OPCODE_TEXT,
                        .fin = true,
                        .pieces = &piece,
                        .count = 1,
                        .len = piece.len,
                        .fragment_size = fragment_size};
  return conn_send_frame(c, &f);
}

TEST(test_conn_checks_text_over_its_fragments) {
  SCOPED(conn_rig, r, WS_CLIENT);
  assert_int_equal(send_text(&r.c, "\xf0\x9f\x8c\x8d!", 2), 0);
  conn_rig_expect_written(&r, "TEXT- f09f ; CONT- 8c8d ; CONT \"!\"");
  assert_int_equal(send_text(&r.c, "right \xe2\x82", 2), WSUV_EUTF8);
  assert_int_equal(send_text(&r.c, "right \xff right", 2), WSUV_EUTF8);
  assert_int_equal(out_queue_len(&r.c.work->out), 0);
  assert_int_equal(send_text(&r.c, "next", 3), 0);
  conn_rig_expect_written(&r, "TEXT- \"nex\" ; CONT \"t\"");
}

/* Wherever the writer is, a ping leaves behind the fragment that has begun. */
TEST(test_conn_lets_controls_go_between_fragments) {
  enum { LEN = 40, SIZE = 7 };
  for (size_t gone = 0; gone < LEN + 6 * 6; gone++) {
    SCOPED(conn_rig, r, WS_CLIENT);
    SCOPED(sent, s);
    SCOPED(whole, m);
    r.keep = true;
    sent_add(&s, LEN);
    assert_int_equal(send_all(&r.c, &s, OPCODE_BINARY, true, SIZE), 0);
    conn_rig_write_some(&r, gone);
    assert_int_equal(conn_send(&r.c, OPCODE_PING, true, "p", 1), 0);
    assert_int_equal(conn_rig_feed_script(&r, "PING \"q\""), 0);
    size_t border = quotient_up(gone, 6 + SIZE) * (6 + SIZE);
    if (border > LEN + 6 * 6) border = LEN + 6 * 6;
    conn_rig_write_some(&r, border - gone);
    assert_int_equal(r.c.work->out.pings, 1);
    conn_rig_write_some(&r, 7 + 7);
    assert_int_equal(r.c.work->out.pings + r.c.work->out.pongs, 0);
    conn_rig_write_all(&r);
    whole_read(&m, &r.wire, OPCODE_BINARY, true);
    assert_true(m.ended && m.controls == 2 && m.frames == 6);
    assert_memory_equal(m.payload.base, s.payload.base, LEN);
  }
}

/* The peer reads no more data: our message stops at the next border of a frame, wherever the writer
   is, and our close frame follows there (RFC 6455 5.4 lets it stand in the middle of a message). */
TEST(test_conn_close_of_the_peer_stops_a_message_at_the_border_of_a_frame) {
  enum { LEN = 40, SIZE = 7, FRAME = 6 + SIZE };
  for (size_t gone = 0; gone <= LEN + 6 * 6; gone++) {
    SCOPED(conn_rig, r, WS_CLIENT);
    SCOPED(sent, s);
    SCOPED(whole, m);
    r.keep = true;
    sent_add(&s, LEN);
    assert_int_equal(send_all(&r.c, &s, OPCODE_BINARY, true, SIZE), 0);
    conn_rig_write_some(&r, gone);
    assert_int_equal(conn_rig_feed_script(&r, "CLOSE #1000"), 0);
    conn_rig_write_all(&r);
    const size_t frames = quotient_up(gone, FRAME) < 6 ? quotient_up(gone, FRAME) : 6;
    whole_read(&m, &r.wire, OPCODE_BINARY, true);
    assert_that(m.frames == frames, "%zu bytes gone: %zu frames", gone, m.frames);
    assert_int_equal(m.controls, 1);
    assert_int_equal(m.ended, frames == 6);
    assert_int_equal(r.dropped.len > 0, frames < 6);
    if (frames < 6) assert_int_equal(r.dropped.kept, frames * FRAME);
    assert_int_equal(r.c.work->out.payload, 0);
  }
}

TEST(test_conn_without_memory_queues_no_fragment) {
  SCOPED(conn_rig, r, WS_CLIENT);
  SCOPED(sent, s);
  sent_add(&s, 100000);
  for (uint64_t n = 1; n <= 7; n++) { /* as many chunks as it needs */
    r.alloc.fail_at = r.alloc.calls + n;
    assert_int_equal(send_all(&r.c, &s, OPCODE_BINARY, true, 1000), WS_ENOMEM);
    assert_int_equal(out_queue_len(&r.c.work->out), 0);
    assert_int_equal(r.c.sent.frames, 0);
    assert_int_equal(r.c.out_opcode, 0);
    bufq_pool_free(&r.shared.chunks);
    r.alloc.fail_at = 0;
  }
  expect_fragments(&r, &s, 1000);
}

/* What comes after the first cannot be taken back: the connection has failed. */
TEST(test_conn_without_random_bytes_for_a_fragment_fails) {
  enum { KEYS = 2 };
  SCOPED(conn_rig, r, WS_CLIENT);
  SCOPED(sent, s);
  sent_add(&s, KEYS + 1);
  r.env.random_fails = true;
  assert_int_equal(send_all(&r.c, &s, OPCODE_BINARY, true, 1), WSUV_ERANDOM);
  assert_false(r.c.failed);
  assert_int_equal(out_queue_len(&r.c.work->out), 0);
  r.env.random_fails = false;
  assert_int_equal(conn_send(&r.c, OPCODE_PING, true, "p", 1), 0); /* which fills the pool */
  r.shared.random.left = KEYS * sizeof(mask_key);
  r.env.random_fails = true;
  assert_int_equal(send_all(&r.c, &s, OPCODE_BINARY, true, 1), WSUV_ERANDOM);
  assert_true(r.c.failed);
  assert_int_equal(conn_send(&r.c, OPCODE_PING, true, "p", 1), WSUV_ESTATE);
}

/* What is written down of each frame. */
typedef struct dumped {
  size_t headers;
  bytes payload;
} dumped;

static void note_header(void *arg, bool outgoing, const frame_header *h) {
  dumped *d = arg;
  assert_true(outgoing);
  assert_int_equal(h->opcode, d->headers == 0 ? OPCODE_BINARY : OPCODE_CONTINUATION);
  d->headers++;
}

static void note_payload(void *arg, bool outgoing, size_t offset, const uint8_t *payload,
                         size_t len) {
  dumped *d = arg;
  assert_int_equal(offset, 0);
  assert_true(outgoing);
  bytes_add(&d->payload, payload, len);
  bytes_add(&d->payload, "|", 1);
}

TEST(test_conn_traces_each_fragment) {
  static const ws_view views[] = {
      {(const uint8_t *) "abcd", 4}, {NULL, 0}, {(const uint8_t *) "efgh", 4}};
  const conn_frame f = {.type = OPCODE_BINARY,
                        .fin = true,
                        .pieces = views,
                        .count = 3,
                        .len = 8,
                        .fragment_size = 3};
  dumped d = {0};
  SCOPED(conn_rig, r, WS_CLIENT);
  r.shared.trace = note_header;
  r.shared.dump = note_payload;
  r.work.trace_arg = &d;
  assert_int_equal(conn_send_frame(&r.c, &f), 0);
  assert_int_equal(d.headers, 3);
  assert_string_equal(bytes_text(&d.payload), "abc|def|gh|");
  bytes_free(&d.payload);
}
