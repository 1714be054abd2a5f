/* A connection with permessage-deflate, without I/O: however its input is cut and kept, the same
   messages come of it, whole or in pieces. */

#include <stdlib.h>
#include <string.h>

#include <wsuv/deflate.h>

#include "base/error.h"
#include "proto/frame/conn.h"
#include "support/extension_pair.h"
#include "support/fake_env.h"
#include "support/frames.h"
#include "support/raw_zlib.h"
#include "support/test.h"

typedef struct rig {
  extension_pair p;
  fake_env env;
  conn_shared shared;
  conn c;
  bool streamed;
  bytes seen;    /* a line for each message and ping */
  bytes message; /* what has come of one */
} rig;

static void rig_open(rig *r, bool streamed, size_t max_message_size) {
  const message_limits limits = {0x7fffffff, max_message_size, 131072};
  wsuv_extension_t deflate;
  const wsuv_extension_t *const one[] = {&deflate};
  memset(r, 0, sizeof *r);
  extension_pair_open(&r->p);
  assert_int_equal(wsuv_permessage_deflate(&deflate, NULL), 0);
  assert_int_equal(extension_pair_accept(&r->p, one, 1, "permessage-deflate"), 0);
  fake_env_init(&r->env, &r->p.alloc.handle, 1);
  conn_shared_init(&r->shared, &r->env.base);
  conn_init(&r->c, &r->shared, WS_CLIENT, true, &limits, NULL);
  r->streamed = streamed;
  if (streamed) conn_set_streamed(&r->c);
  conn_set_extensions(&r->c, r->p.client.set);
  r->p.client.set = NULL;
}

static void rig_close(rig *r) {
  conn_free(&r->c);
  conn_shared_free(&r->shared);
  bytes_free(&r->seen);
  bytes_free(&r->message);
  extension_pair_close(&r->p);
}

static void note(rig *r, const conn_event *ev) {
  if (ev->type == CONN_EVENT_PING) frames_render(&r->seen, 9, true, 0, ev->data, ev->len);
  if (ev->type != CONN_EVENT_MESSAGE && ev->type != CONN_EVENT_PIECE) return;
  assert_int_equal(ev->type, r->streamed ? CONN_EVENT_PIECE : CONN_EVENT_MESSAGE);
  if (r->streamed && ev->offset > 0) assert_int_equal(ev->offset, r->message.len);
  assert_non_null(ev->data);
  if (ev->type == CONN_EVENT_MESSAGE || ev->offset == 0) r->message.len = 0;
  bytes_add(&r->message, ev->data, ev->len);
  if (r->streamed && !ev->fin) return;
  frames_render(&r->seen, ev->opcode, true, 0, r->message.base, r->message.len);
}

/* As one read, of which what is left is kept after each event, as a pause does. */
static int read_once(rig *r, const uint8_t *data, size_t len, bool keep) {
  uint8_t *copy = bytes_exact(data, len);
  conn_event ev;
  int got;
  conn_recv(&r->c, copy, len);
  while ((got = conn_next_event(&r->c, &ev)) == 1) {
    note(r, &ev);
    if (keep) assert_int_equal(conn_keep_input(&r->c), 0);
  }
  free(copy);
  return got;
}

static int read_all(rig *r, const bytes *wire, size_t piece, bool keep) {
  int got = 0;
  for (size_t at = 0; got == 0 && at < wire->len; at += piece) {
    size_t n = wire->len - at < piece ? wire->len - at : piece;
    got = read_once(r, wire->base + at, n, keep);
  }
  return got;
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

static void play(uint64_t seed, size_t piece, bool streamed, bool keep) {
  static const size_t lengths[] = {5, 0, 300, 1, 40000, 70, 3000};
  SCOPED_BYTES wire = {0}, wanted = {0};
  z_stream z = {0};
  SCOPED(rig, r, streamed, 1 << 20);
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, 0), Z_OK);
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    add_message(&wire, &wanted, &z, &seed, lengths[i]);
  }
  deflateEnd(&z);
  assert_int_equal(read_all(&r, &wire, piece, keep), 0);
  assert_string_equal(bytes_text(&r.seen), bytes_text(&wanted));
}

TEST(test_conn_inflates_the_same_however_cut) {
  static const size_t pieces[] = {1, 2, 3, 7, 13, 63, 64, 65, 1000, 1 << 20};
  for (uint64_t seed = 0; seed < 6; seed++) {
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
      play(seed, pieces[i], false, false);
      play(seed, pieces[i], true, false);
      play(seed, pieces[i], false, true);
      play(seed, pieces[i], true, true);
    }
  }
}

/* A message in pieces is no longer in memory, so nothing bounds how many frames it has: here more
   than can be counted. */
TEST(test_conn_streams_any_number_of_frames) {
  static const char script[] = "TEXT{4}- f248; CONT-; CONT-; CONT cdc9c90700";
  SCOPED_BYTES wire = {0};
  SCOPED(rig, r, true, 1 << 20);
  frames_script(&wire, script, false);
  assert_int_equal(read_once(&r, wire.base, 4, false), 0);
  r.c.incoming.fragments = UINT32_MAX;
  assert_int_equal(read_once(&r, wire.base + 4, wire.len - 4, false), 0);
  assert_int_equal(r.message.len, 5);
  assert_memory_equal(r.message.base, "Hello", 5);
}

/* Whatever is given is given before more is read. */
TEST(test_conn_gives_pieces_as_far_as_they_have_come) {
  static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
  SCOPED_BYTES wire = {0}, wanted = {0};
  SCOPED(rig, r, true, 1 << 20);
  add_frame(&wire, OPCODE_TEXT, FRAME_RSV1, true, hello, sizeof hello);
  assert_int_equal(read_once(&r, wire.base, wire.len - 2, false), 0);
  assert_memory_equal(r.message.base, "Hell", 4);
  assert_int_equal(read_once(&r, wire.base + wire.len - 2, 2, false), 0);
  frames_render(&wanted, OPCODE_TEXT, true, 0, (const uint8_t *) "Hello", 5);
  assert_string_equal(bytes_text(&r.seen), bytes_text(&wanted));
}

/* What is compressed is not read to where messages are assembled; what is not may be. */
TEST(test_conn_offers_its_block_only_to_what_is_not_changed) {
  for (int compressed = 0; compressed < 2; compressed++) {
    SCOPED_BYTES noise = {0}, payload = {0}, wire = {0};
    uint64_t seed = 1;
    uint8_t *dst;
    z_stream z = {0};
    SCOPED(rig, r, false, 1 << 20);
    raw_noise(&seed, 100000, &noise);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, 0), Z_OK);
    raw_deflate(&z, noise.base, noise.len, 0, 0, &payload);
    deflateEnd(&z);
    const bytes *sent = compressed ? &payload : &noise;
    add_frame(&wire, OPCODE_BINARY, compressed ? FRAME_RSV1 : 0, true, sent->base, sent->len);
    assert_int_equal(read_once(&r, wire.base, 50000, false), 0);
    assert_true(r.c.incoming.assembled.len > 0);
    assert_int_equal(conn_recv_target(&r.c, 100, &dst) > 0, !compressed);
    assert_int_equal(read_once(&r, wire.base + 50000, wire.len - 50000, false), 0);
    assert_int_equal(r.message.len, 100000);
    assert_memory_equal(r.message.base, noise.base, 100000);
  }
}

/* Closing an unfinished message loses nothing but it. */
TEST(test_conn_frees_an_unfinished_message) {
  static const uint8_t half[] = {0xf2, 0x48, 0xcd};
  for (int streamed = 0; streamed < 2; streamed++) {
    SCOPED_BYTES wire = {0};
    SCOPED(rig, r, streamed != 0, 1 << 20);
    add_frame(&wire, OPCODE_TEXT, FRAME_RSV1, false, half, sizeof half);
    add_frame(&wire, OPCODE_CLOSE, 0, true, (const uint8_t *) "\x03\xe8", 2);
    assert_int_equal(read_once(&r, wire.base, wire.len, false), 0);
    assert_true(r.c.close_received);
    assert_int_equal(conn_answer_close(&r.c), 0);
  }
}
