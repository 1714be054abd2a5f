/* A connection with permessage-deflate, without I/O: however its input is cut and kept, the same
   messages come of it, whole or in pieces. */

#include <stdlib.h>
#include <string.h>

#include <wsuv/deflate.h>

#include "base/error.h"
#include "support/bracket.h"
#include "support/conn_rig.h"
#include "support/extension_pair.h"
#include "support/raw_zlib.h"
#include "support/test.h"

typedef struct rig {
  extension_pair p;
  conn_rig conn;
} rig;

static void rig_open(rig *r, bool streamed) {
  wsuv_extension_t deflate;
  const wsuv_extension_t *const one[] = {&deflate};
  extension_pair_open(&r->p);
  assert_int_equal(wsuv_permessage_deflate(&deflate, NULL), 0);
  assert_int_equal(extension_pair_accept(&r->p, one, 1, "permessage-deflate"), 0);
  conn_rig_open(&r->conn, WS_CLIENT);
  if (streamed) conn_set_streamed(&r->conn.c);
  conn_set_extensions(&r->conn.c, r->p.client.set);
  r->p.client.set = NULL;
}

static void rig_close(rig *r) {
  conn_rig_close(&r->conn);
  extension_pair_close(&r->p);
}

static void add_frame(bytes *wire, uint8_t opcode, uint8_t rsv, bool fin, const uint8_t *data,
                      size_t len) {
  const frame_spec spec = {.opcode = opcode, .rsv = rsv, .fin = fin};
  frames_build(wire, &spec, data, len);
}

/* One message, in fragments of a seed's with pings between them, compressed or not. */
static void add_message(bytes *wire, bytes *wanted, z_stream *z, uint64_t *seed, size_t len) {
  SCOPED_BYTES text = {0}, payload = {0};
  bool compressed = seeded_below(seed, 4) > 0;
  raw_text(seed, len, &text);
  if (compressed) raw_deflate(z, text.base, text.len, 0, 0, &payload);
  if (!compressed) bytes_add(&payload, text.base, text.len);
  size_t at = 0, count = 1 + seeded_below(seed, 3);
  for (size_t i = 0; i < count; i++) {
    size_t n = i + 1 == count ? payload.len - at : seeded_below(seed, payload.len - at + 1);
    uint8_t rsv = i == 0 && compressed ? FRAME_RSV1 : 0;
    if (i > 0) add_frame(wire, OPCODE_PING, 0, true, (const uint8_t *) "p", 1);
    if (i > 0) frames_render(wanted, 9, true, 0, (const uint8_t *) "p", 1);
    add_frame(wire, i == 0 ? OPCODE_TEXT : OPCODE_CONTINUATION, rsv, i + 1 == count,
              payload.base == NULL ? NULL : payload.base + at, n);
    at += n;
  }
  frames_render(wanted, OPCODE_TEXT, true, 0, text.base, text.len);
}

static void play(uint64_t seed, size_t piece, bool streamed, bool pauses) {
  static const size_t lengths[] = {5, 0, 300, 1, 40000, 70, 3000};
  SCOPED_BYTES wire = {0}, wanted = {0};
  z_stream z = {0};
  SCOPED(rig, r, streamed);
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, 0), Z_OK);
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    add_message(&wire, &wanted, &z, &seed, lengths[i]);
  }
  deflateEnd(&z);
  r.conn.pauses = pauses;
  assert_int_equal(conn_rig_feed_pieces(&r.conn, &wire, (pieces){.kind = PIECES_OF, .a = piece}),
                   0);
  assert_string_equal(bytes_text(&r.conn.events), bytes_text(&wanted));
}

TEST(test_conn_inflates_the_same_however_cut) {
  static const size_t sizes[] = {1, 2, 3, 7, 13, 63, 64, 65, 1000, 1 << 20};
  for (uint64_t seed = 0; seed < 6; seed++) {
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
      play(seed, sizes[i], false, false);
      play(seed, sizes[i], true, false);
      play(seed, sizes[i], false, true);
      play(seed, sizes[i], true, true);
    }
  }
}

/* A message in sizes is no longer in memory, so nothing bounds how many frames it has: here more
   than can be counted. */
TEST(test_conn_streams_any_number_of_frames) {
  SCOPED(rig, r, true);
  assert_int_equal(conn_rig_feed_script(&r.conn, "TEXT{4}- f248"), 0);
  r.conn.c.work->incoming.fragments = UINT32_MAX;
  conn_rig_expect_gives(&r.conn, "CONT-; CONT-; CONT cdc9c90700", "TEXT \"Hello\"");
}

/* Whatever is given is given before more is read. */
TEST(test_conn_gives_pieces_as_far_as_they_have_come) {
  SCOPED_BYTES wire = frames_of("TEXT{4} f248cdc9c90700", false);
  SCOPED(rig, r, true);
  assert_int_equal(conn_rig_feed(&r.conn, wire.base, wire.len - 2), 0);
  assert_string_equal(bytes_text(&r.conn.message), "Hell");
  assert_int_equal(conn_rig_feed(&r.conn, wire.base + wire.len - 2, 2), 0);
  conn_rig_expect_events(&r.conn, "TEXT \"Hello\"");
}

/* What is compressed is not read to where messages are assembled; what is not may be. */
TEST(test_conn_offers_its_block_only_to_what_is_not_changed) {
  for (int compressed = 0; compressed < 2; compressed++) {
    SCOPED_BYTES noise = {0}, payload = {0}, wire = {0}, wanted = {0};
    uint64_t seed = 1;
    uint8_t *dst;
    z_stream z = {0};
    SCOPED(rig, r, false);
    bytes_noise(&noise, &seed, 100000);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, 0), Z_OK);
    raw_deflate(&z, noise.base, noise.len, 0, 0, &payload);
    deflateEnd(&z);
    const bytes *sent = compressed ? &payload : &noise;
    add_frame(&wire, OPCODE_BINARY, compressed ? FRAME_RSV1 : 0, true, sent->base, sent->len);
    assert_int_equal(conn_rig_feed(&r.conn, wire.base, 50000), 0);
    assert_true(r.conn.c.work->incoming.assembled.len > 0);
    assert_int_equal(conn_recv_target(&r.conn.c, 100, &dst) > 0, !compressed);
    assert_int_equal(conn_rig_feed(&r.conn, wire.base + 50000, wire.len - 50000), 0);
    frames_render(&wanted, OPCODE_BINARY, true, 0, noise.base, noise.len);
    assert_string_equal(bytes_text(&r.conn.events), bytes_text(&wanted));
  }
}

/* F49: after so much output conn stops in the middle of a message, and goes on when it may. It
   cannot foresee where input that becomes little ends and input that becomes much begins. */
static void check_pauses(bool streamed, size_t noise) {
  enum { ZEROS = 5000000, ALLOWED = 100000, SLICE_MAX = 67 * 1024, SURPRISE_MAX = 1032 * 1024 };
  SCOPED_BYTES text = {0}, payload = {0}, wire = {0};
  uint64_t seed = 1;
  z_stream z = {0};
  conn_event ev;
  size_t pauses = 0, surprises = 0, got = 0;
  SCOPED(rig, r, streamed);
  bytes_noise(&text, &seed, noise);
  for (size_t i = 0; i < ZEROS; i++) bytes_add(&text, "", 1);
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, 0), Z_OK);
  raw_deflate(&z, text.base, text.len, 0, 0, &payload);
  deflateEnd(&z);
  add_frame(&wire, OPCODE_BINARY, FRAME_RSV1, true, payload.base, payload.len);
  conn *c = &r.conn.c;
  conn_recv(c, wire.base, wire.len);
  while (conn_has_input(c)) {
    const uint64_t before = c->extensions->in_produced;
    c->extensions->in_left = ALLOWED;
    while (conn_next_event(c, &ev) == 1) got += ev.len;
    if (!conn_has_input(c)) break;
    pauses++;
    assert_int_equal(c->extensions->in_left, 0);
    const uint64_t produced = c->extensions->in_produced - before;
    assert_in_range(produced, ALLOWED, ALLOWED + SURPRISE_MAX);
    surprises += produced > ALLOWED + SLICE_MAX;
  }
  assert_int_equal(got, text.len);
  assert_true(pauses >= 3);
  assert_in_range(surprises, 0, noise > 0 && !streamed ? 1 : 0);
}

TEST(test_conn_pauses_in_a_message_that_becomes_large) {
  for (int streamed = 0; streamed < 2; streamed++) {
    check_pauses(streamed != 0, 0);
    check_pauses(streamed != 0, 300000);
  }
}

/* Closing an unfinished message loses nothing but it. */
TEST(test_conn_frees_an_unfinished_message) {
  for (int streamed = 0; streamed < 2; streamed++) {
    SCOPED(rig, r, streamed != 0);
    conn_rig_expect_gives(&r.conn, "TEXT-{4} f248cd ; CLOSE #1000", "CLOSE #1000");
    assert_true(r.conn.c.close_received);
  }
}

/* Extensions of a program's own */

static void open_own(rig *r, bracket *b) {
  const wsuv_extension_t *const one[] = {&b->hooks};
  extension_pair_open(&r->p);
  assert_int_equal(extension_pair_accept(&r->p, one, 1, "own; letter=a"), 0);
  conn_rig_open(&r->conn, WS_CLIENT);
  conn_set_extensions(&r->conn.c, r->p.client.set);
  r->p.client.set = NULL;
}

/* What its hooks say, and what they were told. */
static struct {
  const char *why;
  uint16_t code;
  bool plain[2];
  size_t chunks;
} own;

static int refuse(void *state, wsuv_extension_message_t *m, const wsuv_extension_chunk_t *chunk,
                  wsuv_sink_t *sink) {
  (void) state;
  (void) chunk;
  (void) sink;
  m->why = own.why;
  m->close_code = own.code;
  return WSUV_EPROTOCOL;
}

static void check_refusal(const char *why, uint16_t code, const char *close) {
  rig r;
  bracket b;
  conn_event ev;
  SCOPED_BYTES in = frames_of("TEXT \"x\"", false);
  bracket_init(&b, "own", WSUV_RSV1, 'a');
  b.hooks.incoming = refuse;
  own.why = why;
  own.code = code;
  open_own(&r, &b);
  conn_recv(&r.conn.c, in.base, in.len);
  assert_int_equal(conn_next_event(&r.conn.c, &ev), WSUV_EPROTOCOL);
  conn_rig_expect_sent(&r.conn, close);
  rig_close(&r);
}

/* It breaks nothing but its own contract: what may not be in a close frame is left out. */
TEST(test_conn_sends_no_bad_close_frame_for_an_extension) {
  static const uint16_t bad[] = {1, 999, 1004, 1005, 1006, 1015, 2999, 5000};
  char text[WSUV_CLOSE_REASON_MAX + 2];
  check_refusal("no", 1008, "CLOSE #1008 \"no\"");
  for (size_t i = 0; i < COUNT_OF(bad); i++) check_refusal("no", bad[i], "CLOSE #1002 \"no\"");
  check_refusal("\xff", 0, "CLOSE #1002");
  check_refusal(NULL, 0, "CLOSE #1002");
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  check_refusal(text, 0, "CLOSE #1002");
  text[sizeof text - 2] = '\0';
  check_refusal(text, 0, "CLOSE #1002 \"x\"~123");
}

static int note_plain(void *state, wsuv_extension_message_t *m, const wsuv_extension_chunk_t *chunk,
                      wsuv_sink_t *sink) {
  (void) state;
  own.plain[own.chunks++] = m->plain;
  return wsuv_sink_write(sink, chunk->data, chunk->len);
}

/* The first fragment says it for its message. */
TEST(test_conn_tells_extensions_of_a_message_that_is_plain) {
  for (int plain = 0; plain < 2; plain++) {
    rig r;
    bracket b;
    const ws_view piece = {(const uint8_t *) "x", 1};
    bracket_init(&b, "own", WSUV_RSV1, 'a');
    b.hooks.outgoing = note_plain;
    own.chunks = 0;
    open_own(&r, &b);
    for (int last = 0; last < 2; last++) {
      const conn_frame frame = {.type = OPCODE_TEXT,
                                .fin = last != 0,
                                .plain = (plain ^ last) != 0,
                                .pieces = &piece,
                                .count = 1,
                                .len = 1};
      assert_int_equal(conn_send_frame(&r.conn.c, &frame), 0);
    }
    assert_int_equal(own.chunks, 2);
    assert_int_equal(own.plain[0], plain);
    assert_int_equal(own.plain[1], plain);
    rig_close(&r);
  }
}
