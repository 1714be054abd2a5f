/* Frames out of a stream that is cut anywhere. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/frame/frame_decoder.h"
#include "support/frames.h"
#include "support/test.h"

enum { FRAMES_MAX = 64 };

/* A stream, and what must come out of it. */
typedef struct stream {
  bytes wire;
  bytes payload; /* of all frames, unmasked */
  frame_spec spec[FRAMES_MAX];
  size_t length[FRAMES_MAX];
  size_t header_end[FRAMES_MAX]; /* offset in wire */
  size_t count;
  uint64_t seed; /* to be told when it fails */
} stream;

/* What the decoder has given so far. */
typedef struct progress {
  frame_decoder d;
  size_t frames;   /* complete */
  size_t in_frame; /* payload bytes of the frame that has begun */
  bool begun;
  size_t payload; /* bytes of stream.payload */
  size_t fed;     /* bytes of stream.wire */
} progress;

static void add_frame(stream *s, const frame_spec *spec, size_t length) {
  SCOPED_BYTES clear = {0};
  bytes_noise(&clear, &s->seed, length);
  s->spec[s->count] = *spec;
  s->length[s->count] = length;
  frames_build(&s->wire, spec, clear.base, length);
  s->header_end[s->count++] = s->wire.len - length;
  bytes_add(&s->payload, clear.base, length);
}

static void random_stream(stream *s, uint64_t seed, bool masked, size_t count) {
  static const uint8_t opcodes[] = {0, 1, 2, 8, 9, 10};
  static const size_t bounds[] = {1, 4, 20, 126, 300, 2000};
  *s = (stream){.seed = seed};
  for (size_t i = 0; i < count; i++) {
    frame_spec spec = {.opcode = opcodes[seeded_below(&s->seed, 6)], .fin = true};
    bool control = spec.opcode >= 8;
    spec.masked = masked;
    if (!control) spec.fin = seeded_below(&s->seed, 2) != 0;
    uint64_t key = seeded(&s->seed);
    memcpy(spec.key, &key, 4);
    add_frame(s, &spec, seeded_below(&s->seed, bounds[seeded_below(&s->seed, control ? 4 : 6)]));
  }
  s->seed = seed;
}

static void stream_free(stream *s) {
  bytes_free(&s->wire);
  bytes_free(&s->payload);
}

static void check_first(const stream *s, progress *g, const frame_chunk *chunk, const char *cut) {
  const frame_spec *spec = &s->spec[g->frames];
  const frame_header *h = &g->d.header;
  assert_that(chunk->first == !g->begun, "seed %llu %s frame %zu: first is %d",
              (unsigned long long) s->seed, cut, g->frames, chunk->first);
  assert_that(h->opcode == spec->opcode && h->fin == spec->fin && h->masked == spec->masked &&
                  h->length == s->length[g->frames] && h->rsv == spec->rsv,
              "seed %llu %s frame %zu: header", (unsigned long long) s->seed, cut, g->frames);
  g->begun = true;
}

static void check_chunk(const stream *s, progress *g, const frame_chunk *chunk, const char *cut) {
  assert_that(g->frames < s->count, "%s: more frames than there are", cut);
  check_first(s, g, chunk, cut);
  size_t left = s->length[g->frames] - g->in_frame;
  assert_that(chunk->len <= left && (chunk->len != 0 || chunk->first || chunk->last),
              "seed %llu %s frame %zu: chunk of %zu, %zu are left", (unsigned long long) s->seed,
              cut, g->frames, chunk->len, left);
  assert_that(chunk->len == 0 || memcmp(chunk->data, s->payload.base + g->payload, chunk->len) == 0,
              "seed %llu %s frame %zu: payload at %zu", (unsigned long long) s->seed, cut,
              g->frames, g->in_frame);
  assert_that(g->d.left == left - chunk->len, "left");
  assert_that(chunk->last == (chunk->len == left), "seed %llu %s frame %zu: last is %d",
              (unsigned long long) s->seed, cut, g->frames, chunk->last);
  g->payload += chunk->len;
  g->in_frame += chunk->len;
  if (!chunk->last) return;
  g->frames++;
  g->in_frame = 0;
  g->begun = false;
}

/* Feed n bytes more, from a block of their own; 0 or the error. */
static int feed(const stream *s, progress *g, size_t n, const char *cut) {
  uint8_t *block = bytes_exact(s->wire.base + g->fed, n);
  uint8_t *p = block;
  size_t left = n;
  frame_chunk chunk;
  int r;
  while ((r = frame_decoder_next(&g->d, &p, &left, &chunk)) == 1) {
    assert_that(p + left == block + n, "%s: p and n do not go together", cut);
    if (chunk.len != 0)
      assert_that(chunk.data + chunk.len == p && chunk.data >= block, "not in place");
    check_chunk(s, g, &chunk, cut);
  }
  if (r == 0) assert_that(left == 0 && p == block + n, "%s: %zu bytes not used up", cut, left);
  g->fed += n;
  /* The first chunk comes with the last byte of the header. */
  if (r == 0 && g->frames < s->count)
    assert_that(g->begun == (g->fed >= s->header_end[g->frames]), "seed %llu %s: after %zu bytes",
                (unsigned long long) s->seed, cut, g->fed);
  free(block);
  return r;
}

static void start(const stream *s, progress *g) {
  *g = (progress){0};
  frame_decoder_init(&g->d, s->spec[0].masked ? WS_CLIENT : WS_SERVER, 0);
}

static void expect_all(const stream *s, const progress *g, const char *cut) {
  assert_that(g->frames == s->count && g->payload == s->payload.len,
              "seed %llu %s: %zu of %zu frames", (unsigned long long) s->seed, cut, g->frames,
              s->count);
}

static void run_whole(const stream *s) {
  progress g;
  start(s, &g);
  assert_int_equal(feed(s, &g, s->wire.len, "whole"), 0);
  expect_all(s, &g, "whole");
}

static void run_bytes(const stream *s) {
  progress g;
  start(s, &g);
  while (g.fed < s->wire.len) assert_int_equal(feed(s, &g, 1, "byte by byte"), 0);
  expect_all(s, &g, "byte by byte");
}

static void run_random(const stream *s, uint64_t seed) {
  progress g;
  start(s, &g);
  while (g.fed < s->wire.len) {
    size_t n = seeded_below(&seed, seeded_below(&seed, 2) == 0 ? 8 : 700);
    if (n > s->wire.len - g.fed) n = s->wire.len - g.fed;
    assert_int_equal(feed(s, &g, n, "at random"), 0);
  }
  expect_all(s, &g, "at random");
}

TEST(test_frame_decoder_gives_the_same_payload_however_cut) {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    stream s;
    random_stream(&s, seed, (seed & 1) != 0, 20);
    run_whole(&s);
    run_bytes(&s);
    for (uint64_t cut = 0; cut < 8; cut++) run_random(&s, seed * 100 + cut);
    stream_free(&s);
  }
}

TEST(test_frame_decoder_unmasks_in_place_at_each_cut) {
  for (size_t length = 0; length < 48; length++) {
    stream s = {.seed = length};
    frame_spec spec = {.opcode = 2, .fin = true, .masked = true, .key = {0x37, 0xfa, 0x21, 0x3d}};
    add_frame(&s, &spec, length);
    add_frame(&s, &spec, 7);
    for (size_t a = 0; a <= s.wire.len; a++) {
      for (size_t b = a; b <= s.wire.len; b++) {
        progress g;
        start(&s, &g);
        assert_int_equal(feed(&s, &g, a, "three pieces"), 0);
        assert_int_equal(feed(&s, &g, b - a, "three pieces"), 0);
        assert_int_equal(feed(&s, &g, s.wire.len - b, "three pieces"), 0);
        expect_all(&s, &g, "three pieces");
      }
    }
    stream_free(&s);
  }
}

TEST(test_frame_decoder_keeps_the_mask_in_step_in_long_payloads) {
  static const size_t lengths[] = {125, 126, 127, 65535, 65536, 200001};
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    stream s = {.seed = i};
    frame_spec spec = {.opcode = 1, .fin = true, .masked = true, .key = {0x80, 1, 0xff, 0x40}};
    add_frame(&s, &spec, lengths[i]);
    run_whole(&s);
    for (uint64_t cut = 0; cut < 4; cut++) run_random(&s, cut);
    stream_free(&s);
  }
}

TEST(test_frame_decoder_gives_an_empty_frame_as_one_chunk) {
  frame_decoder d;
  frame_chunk chunk;
  uint8_t wire[2] = {0x81, 0}, *p = wire;
  size_t n = 2;
  frame_decoder_init(&d, WS_SERVER, 0);
  assert_int_equal(frame_decoder_next(&d, &p, &n, &chunk), 1);
  assert_true(chunk.first && chunk.last && chunk.len == 0);
  assert_int_equal(frame_decoder_next(&d, &p, &n, &chunk), 0);
  assert_int_equal(frame_decoder_next(&d, &p, &n, &chunk), 0);
}

/* Good frames, then a header that is wrong at byte `bad` (from 1). */
static void expect_error(const char *script, const char *wrong, size_t wrong_len, size_t bad,
                         size_t piece) {
  stream s = {.seed = 0};
  frame_spec spec = {.opcode = 1, .fin = true};
  for (size_t i = 0; i < 3; i++) add_frame(&s, &spec, 5 * i);
  size_t good = s.wire.len;
  bytes_add(&s.wire, wrong, wrong_len);
  progress g;
  start(&s, &g);
  int r = 0;
  while (r == 0 && g.fed < s.wire.len)
    r = feed(&s, &g, piece < s.wire.len - g.fed ? piece : s.wire.len - g.fed, script);
  assert_that(r == WSUV_EPROTOCOL && g.d.why != NULL && *g.d.why != 0, "%s, pieces of %zu: %d",
              script, piece, r);
  assert_that(g.fed >= good + bad && g.fed < good + bad + piece,
              "%s, pieces of %zu: after %zu bytes", script, piece, g.fed - good);
  expect_all(&s, &g, script);
  stream_free(&s);
}

TEST(test_frame_decoder_fails_with_the_byte_that_is_wrong) {
  for (size_t piece = 1; piece < 40; piece++) {
    expect_error("rsv", "\xc1\x01x", 3, 1, piece);
    expect_error("opcode", "\x83\x01x", 3, 1, piece);
    expect_error("fragmented ping", "\x09\x01x", 3, 1, piece);
    expect_error("masked", "\x81\x81keysx", 7, 2, piece);
    expect_error("long ping", "\x89\x7e\x00\x7e", 4, 2, piece);
    expect_error("not minimal", "\x81\x7e\x00\x7d", 4, 4, piece);
    expect_error("top bit", "\x81\x7f\x80\x00\x00\x00\x00\x01\x00\x00", 10, 3, piece);
  }
}

/* All of the input that the decoder uses is checked. */
static void expect_as_the_header_says(ws_role from, uint8_t byte0, uint8_t byte1, size_t n) {
  uint8_t wire[2 + 8 + 4 + 125] = {byte0, byte1, 1, 2, 3, 4, 5, 6}, *p = wire;
  frame_decoder d;
  frame_chunk chunk;
  frame_header h = {.size = 0};
  const char *why;
  size_t left = n;
  frame_decoder_init(&d, from, 0);
  const int expected = frame_header_read(&h, wire, n, from, 0, &why);
  const int r = frame_decoder_next(&d, &p, &left, &chunk);
  assert_that((expected < 0) == (r < 0) && (expected > 0) == (r > 0),
              "from %d: %02x %02x, %zu bytes: %d and not %d", (int) from, byte0, byte1, n, r,
              expected);
  if (r <= 0) return;
  const size_t there = n - h.size, len = h.length < there ? (size_t) h.length : there;
  const bool same = d.header.length == h.length && d.header.opcode == h.opcode &&
                    d.header.rsv == h.rsv && d.header.fin == h.fin && d.header.masked == h.masked &&
                    d.header.size == h.size &&
                    memcmp(d.header.key.b, h.key.b, h.masked ? sizeof h.key.b : 0) == 0;
  assert_that(same && chunk.data == wire + h.size && chunk.len == len && chunk.first &&
                  chunk.last == (len == h.length) && p == wire + h.size + len &&
                  left == there - len,
              "from %d: %02x %02x, %zu bytes: chunk", (int) from, byte0, byte1, n);
}

/* All first two bytes, and each length that is there. */
TEST(test_frame_decoder_finds_what_the_header_says) {
  for (unsigned two = 0; two < 0x10000; two++) {
    for (size_t n = 1; n <= 139; n += n < 9 ? 1 : 13) {
      expect_as_the_header_says(WS_SERVER, (uint8_t) (two >> 8), (uint8_t) two, n);
      expect_as_the_header_says(WS_CLIENT, (uint8_t) (two >> 8), (uint8_t) two, n);
    }
  }
}

TEST(test_frame_decoder_takes_the_longest_length) {
  frame_decoder d;
  frame_chunk chunk;
  uint8_t wire[] = {0x82, 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'a', 'b'};
  uint8_t *p = wire;
  size_t n = sizeof wire;
  frame_decoder_init(&d, WS_SERVER, 0);
  assert_int_equal(frame_decoder_next(&d, &p, &n, &chunk), 1);
  assert_true(chunk.first && !chunk.last && chunk.len == 2);
  assert_true(d.left == 0x7fffffffffffffffu - 2);
  assert_int_equal(frame_decoder_next(&d, &p, &n, &chunk), 0);
}

TEST(test_frame_decoder_allows_the_rsv_bits_it_is_told) {
  frame_decoder d;
  frame_chunk chunk;
  uint8_t wire[] = {0xc1, 1, 'a', 0xa1, 1, 'a'}, *p = wire;
  size_t n = sizeof wire;
  frame_decoder_init(&d, WS_SERVER, FRAME_RSV1);
  assert_int_equal(frame_decoder_next(&d, &p, &n, &chunk), 1);
  assert_int_equal(d.header.rsv, FRAME_RSV1);
  assert_int_equal(frame_decoder_next(&d, &p, &n, &chunk), WSUV_EPROTOCOL);
}
