/* Whole messages out of data frames: order, limits, UTF-8 (RFC 6455 5.4, 5.6). */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/frame/message.h"
#include "support/alloc_failures.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct rig {
  track_alloc alloc;
  block_spare spare;
  message m;
  message_limits limits;
  const char *why;
  uint8_t *data; /* of the message that came last */
  size_t len;
} rig;

static const message_limits usual = {1 << 20, 1 << 20, 1000};

static void rig_open(rig *r) {
  *r = (rig){.limits = usual};
  track_alloc_init(&r->alloc);
  block_spare_init(&r->spare, &r->alloc.handle);
  message_init(&r->m);
}

static void rig_close(rig *r) {
  message_clear(&r->m, &r->spare);
  block_spare_free(&r->spare);
  assert_int_equal(r->alloc.live, 0);
}

static int add(rig *r, const frame_header *h, const frame_chunk *chunk) {
  r->why = "";
  int err = message_add(&r->m, &r->limits, &r->spare, h, chunk, &r->data, &r->len, &r->why);
  if (err < 0 && err != WS_ENOMEM) assert_true(*r->why != 0);
  return err;
}

/* A whole frame in one chunk, from a block of its own that is gone afterwards: of the message, if
   it is complete, a copy is kept in *out. */
static int add_frame(rig *r, uint8_t opcode, bool fin, const char *payload, size_t len,
                     bytes *out) {
  uint8_t *copy = bytes_exact((const uint8_t *) payload, len);
  frame_header h = {.opcode = opcode, .fin = fin, .length = len};
  frame_chunk chunk = {copy, len, true, true};
  int err = add(r, &h, &chunk);
  if (err == 1) {
    bytes_add(out, r->data, r->len);
    assert_int_equal(r->m.fragments, 0);
    block_release(&r->m.assembled, &r->spare);
  }
  free(copy);
  return err;
}

static int add_text(rig *r, uint8_t opcode, bool fin, const char *text) {
  SCOPED_BYTES out = {0};
  return add_frame(r, opcode, fin, text, strlen(text), &out);
}

/* The frames of a script, each in one chunk: the last of them gives `result`, those before it 1 if
   they have FIN, or 0. */
static void add_script(rig *r, const char *script, int result) {
  SCOPED_BYTES in = frames_of(script, false), out = {0};
  seen_frame f;
  for (size_t at = 0; at < in.len;) {
    at += frames_parse(&f, in.base + at, in.len - at);
    int expected = at == in.len ? result : f.spec.fin;
    int err = add_frame(r, f.spec.opcode, f.spec.fin, (char *) f.payload, f.length, &out);
    assert_that(err == expected, "%s: %d, not %d, at %zu", script, err, expected, at);
  }
}

static void assert_frames(const message_limits *limits, const char *script, int result) {
  SCOPED(rig, r);
  r.limits = *limits;
  add_script(&r, script, result);
}

/* A frame in chunks of `piece` bytes, the first of them without payload if `bare`. */
static int add_in_pieces(rig *r, uint8_t opcode, bool fin, const bytes *payload, size_t piece,
                         bool bare, bytes *out) {
  frame_header h = {.opcode = opcode, .fin = fin, .length = payload->len};
  frame_chunk chunk = {.first = true};
  int err = 0;
  size_t at = 0;
  if (bare && payload->len != 0) {
    err = add(r, &h, &chunk);
    chunk.first = false;
  }
  while (err == 0) {
    chunk.len = payload->len - at < piece ? payload->len - at : piece;
    chunk.last = at + chunk.len == payload->len;
    chunk.data = bytes_exact(at < payload->len ? payload->base + at : NULL, chunk.len);
    err = add(r, &h, &chunk);
    at += chunk.len;
    if (err == 1) bytes_add(out, r->data, r->len);
    free(chunk.data);
    if (chunk.last) break;
    chunk.first = false;
  }
  if (err == 1) block_release(&r->m.assembled, &r->spare);
  return err;
}

TEST(test_message_in_one_chunk_is_a_slice) {
  SCOPED(rig, r);
  for (uint8_t opcode = OPCODE_TEXT; opcode <= OPCODE_BINARY; opcode++) {
    uint8_t payload[] = "hello";
    frame_header h = {.opcode = opcode, .fin = true, .length = 5};
    frame_chunk chunk = {payload, 5, true, true};
    assert_int_equal(add(&r, &h, &chunk), 1);
    assert_ptr_equal(r.data, payload);
    assert_int_equal(r.len, 5);
    assert_int_equal(r.m.opcode, opcode);
    assert_int_equal(r.m.fragments, 0);
  }
  assert_int_equal(r.alloc.calls, 0);
}

TEST(test_message_empty_in_one_chunk_allocates_nothing) {
  SCOPED(rig, r);
  frame_header h = {.opcode = OPCODE_TEXT, .fin = true};
  frame_chunk chunk = {.first = true, .last = true};
  assert_int_equal(add(&r, &h, &chunk), 1);
  assert_int_equal(r.len, 0);
  assert_int_equal(r.alloc.calls, 0);
}

TEST(test_message_is_the_same_however_cut) {
  uint64_t seed = 5;
  for (size_t len = 0; len < 300; len += len < 20 ? 1 : 31) {
    for (size_t piece = 1; piece <= len + 1; piece += piece < 20 ? 1 : 13) {
      for (int bare = 0; bare < 2; bare++) {
        SCOPED_BYTES payload = {0}, out = {0};
        SCOPED(rig, r);
        bytes_noise(&payload, &seed, len);
        int err = add_in_pieces(&r, OPCODE_BINARY, true, &payload, piece, bare != 0, &out);
        assert_that(err == 1 && out.len == len &&
                        (len == 0 || memcmp(out.base, payload.base, len) == 0),
                    "%zu bytes in pieces of %zu: %d", len, piece, err);
      }
    }
  }
}

TEST(test_message_joins_its_fragments) {
  SCOPED_BYTES out = {0};
  SCOPED(rig, r);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(add_frame(&r, OPCODE_TEXT, false, "frag", 4, &out), 0);
    assert_int_equal(r.m.fragments, 1);
    assert_int_equal(add_frame(&r, OPCODE_CONTINUATION, false, "", 0, &out), 0);
    assert_int_equal(add_frame(&r, OPCODE_CONTINUATION, false, "men", 3, &out), 0);
    assert_int_equal(r.m.fragments, 3);
    assert_int_equal(add_frame(&r, OPCODE_CONTINUATION, true, "ts", 2, &out), 1);
    assert_int_equal(r.m.opcode, OPCODE_TEXT);
    assert_string_equal(bytes_text(&out), "fragments");
    out.len = 0;
  }
}

/* F20. */
TEST(test_message_of_empty_fragments_is_empty) {
  SCOPED_BYTES out = {0};
  SCOPED(rig, r);
  assert_int_equal(add_frame(&r, OPCODE_TEXT, false, "", 0, &out), 0);
  for (int i = 0; i < 500; i++)
    assert_int_equal(add_frame(&r, OPCODE_CONTINUATION, false, "", 0, &out), 0);
  assert_true(r.alloc.live_bytes < 4096);
  assert_int_equal(add_frame(&r, OPCODE_CONTINUATION, true, "", 0, &out), 1);
  assert_int_equal(out.len, 0);
}

TEST(test_message_rejects_a_continuation_of_nothing) {
  assert_frames(&usual, "CONT- \"x\"", WSUV_EPROTOCOL);
  assert_frames(&usual, "CONT \"x\"", WSUV_EPROTOCOL);
  assert_frames(&usual, "TEXT \"x\" ; CONT-", WSUV_EPROTOCOL);
  assert_frames(&usual, "TEXT \"x\" ; CONT", WSUV_EPROTOCOL);
  assert_frames(&usual, "TEXT- \"x\" ; CONT \"y\" ; CONT- \"z\"", WSUV_EPROTOCOL);
  assert_frames(&usual, "TEXT- \"x\" ; CONT \"y\" ; CONT \"z\"", WSUV_EPROTOCOL);
}

TEST(test_message_rejects_a_new_one_inside_another) {
  for (int v = 0; v < 16; v++) {
    SCOPED(rig, r);
    assert_int_equal(add_text(&r, (v & 1) != 0 ? 1 : 2, false, (v & 2) != 0 ? "x" : ""), 0);
    assert_int_equal(add_text(&r, (v & 4) != 0 ? 1 : 2, (v & 8) != 0, "y"), WSUV_EPROTOCOL);
  }
}

TEST(test_message_judges_order_with_the_header) {
  SCOPED(rig, r);
  frame_header h = {.opcode = OPCODE_CONTINUATION, .length = 100};
  frame_chunk chunk = {.first = true};
  assert_int_equal(add(&r, &h, &chunk), WSUV_EPROTOCOL);
}

/* The first chunk of a frame of that length, without payload. */
static int announce(rig *r, uint8_t opcode, uint64_t length) {
  frame_header h = {.opcode = opcode, .fin = true, .length = length};
  frame_chunk chunk = {.first = true, .last = length == 0};
  return add(r, &h, &chunk);
}

/* The header alone, behind the frames of a script. */
static void assert_announced(message_limits limits, const char *script, uint8_t opcode,
                             uint64_t length, int result) {
  SCOPED(rig, r);
  r.limits = limits;
  add_script(&r, script, 0);
  uint64_t calls = r.alloc.calls;
  assert_int_equal(announce(&r, opcode, length), result);
  assert_int_equal(r.alloc.calls, calls);
}

TEST(test_message_judges_limits_with_the_header) {
  for (uint64_t d = 0; d < 3; d++) {
    int result = d == 2 ? WSUV_ETOOBIG : 0;
    assert_announced((message_limits){5000, 9000, 10}, "", OPCODE_BINARY, 4999 + d, result);
    assert_announced((message_limits){UINT64_MAX, 9000, 10}, "", OPCODE_TEXT, 8999 + d, result);
    assert_announced((message_limits){5000, 9000, 10}, "TEXT- \"p\"*5000", OPCODE_CONTINUATION,
                     3999 + d, result);
  }
}

/* A slice is bounded as what is assembled is. */
TEST(test_message_judges_limits_of_a_slice) {
  assert_frames(&(message_limits){4, 3, 10}, "TEXT \"abc\" ; TEXT \"abcd\"", WSUV_ETOOBIG);
  assert_frames(&(message_limits){3, 4, 10}, "TEXT \"abcd\"", WSUV_ETOOBIG);
}

/* F18: there is no value that means unlimited. */
TEST(test_message_limits_of_zero_let_nothing_through) {
  assert_frames(&(message_limits){0, 1 << 20, 1000}, "TEXT \"a\"", WSUV_ETOOBIG);
  assert_frames(&(message_limits){1 << 20, 0, 1000}, "TEXT \"a\"", WSUV_ETOOBIG);
  assert_frames(&(message_limits){1 << 20, 1 << 20, 0}, "TEXT \"a\"", WSUV_EFRAGMENTS);
}

TEST(test_message_counts_its_fragments) {
  for (uint32_t max = 1; max < 6; max++) {
    for (int empty = 0; empty < 2; empty++) {
      SCOPED(rig, r);
      r.limits.max_fragments = max;
      for (int again = 0; again < 3; again++) { /* counted anew for each message */
        for (uint32_t i = 0; i + 1 < max; i++)
          assert_int_equal(add_text(&r, i == 0 ? 2 : 0, false, empty != 0 ? "" : "x"), 0);
        assert_int_equal(add_text(&r, max == 1 ? 2 : 0, true, "x"), 1);
      }
      for (uint32_t i = 0; i < max; i++)
        assert_int_equal(add_text(&r, i == 0 ? 2 : 0, false, empty != 0 ? "" : "x"), 0);
      assert_int_equal(announce(&r, 0, empty != 0 ? 0 : 1), WSUV_EFRAGMENTS);
    }
  }
}

/* F17. */
TEST(test_message_length_that_is_only_announced_allocates_nothing) {
  static const uint64_t lengths[] = {1 << 30, 0x7fffffff, 0xffffffffu, 0x7fffffffffffffffu};
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    SCOPED(rig, r);
    r.limits = (message_limits){UINT64_MAX, SIZE_MAX, UINT32_MAX};
    int err = announce(&r, OPCODE_BINARY, lengths[i]);
    assert_int_equal(err, lengths[i] > SIZE_MAX ? WSUV_ETOOBIG : 0);
    frame_header h = {.opcode = OPCODE_BINARY, .fin = true, .length = lengths[i]};
    uint8_t payload[1000] = {0};
    frame_chunk chunk = {.data = payload, .len = sizeof payload};
    if (err == 0) assert_int_equal(add(&r, &h, &chunk), 0);
    assert_that(r.alloc.peak_bytes <= 8192, "length %llu: %zu bytes for 1000",
                (unsigned long long) lengths[i], r.alloc.peak_bytes);
  }
}

TEST(test_message_memory_grows_with_what_has_come) {
  SCOPED(rig, r);
  r.limits = (message_limits){UINT64_MAX, SIZE_MAX, UINT32_MAX};
  assert_int_equal(announce(&r, OPCODE_BINARY, 1u << 30), 0);
  frame_header h = {.opcode = OPCODE_BINARY, .fin = true, .length = 1u << 30};
  uint8_t payload[777] = {0};
  for (size_t come = 0; come < 2000000; come += sizeof payload) {
    frame_chunk chunk = {.data = payload, .len = sizeof payload};
    assert_int_equal(add(&r, &h, &chunk), 0);
    assert_that(r.alloc.live_bytes <= 2 * (come + sizeof payload) + 8192, "%zu bytes for %zu",
                r.alloc.live_bytes, come);
  }
}

/* F16: the sum of what has come and what is announced is never formed where it could wrap. */
TEST(test_message_sum_of_lengths_does_not_wrap) {
  static const uint64_t lengths[] = {0x7fffffffffffffffu, 0x7ffffffffffffff0u, 0xffffffffu,
                                     0xfffffff0u,         0x100000000u,        0x80000000u};
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    for (size_t max = 100; max < 120; max++) {
      assert_announced((message_limits){UINT64_MAX, max, UINT32_MAX}, "BIN- 00*64",
                       OPCODE_CONTINUATION, lengths[i], WSUV_ETOOBIG);
    }
  }
}

/* UTF-8. */

static const char greek[] = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";

TEST(test_message_text_is_checked_across_fragments_and_chunks) {
  const size_t len = sizeof greek - 1;
  for (size_t a = 0; a <= len; a++) {
    for (size_t b = a; b <= len; b++) {
      for (size_t piece = 1; piece < 5; piece++) {
        SCOPED_BYTES out = {0}, first = {0}, second = {0}, third = {0};
        SCOPED(rig, r);
        bytes_add(&first, greek, a);
        bytes_add(&second, greek + a, b - a);
        bytes_add(&third, greek + b, len - b);
        assert_int_equal(add_in_pieces(&r, 1, false, &first, piece, false, &out), 0);
        assert_int_equal(add_in_pieces(&r, 0, false, &second, piece, true, &out), 0);
        assert_int_equal(add_in_pieces(&r, 0, true, &third, piece, false, &out), 1);
        assert_string_equal(bytes_text(&out), greek);
      }
    }
  }
}

TEST(test_message_text_fails_with_the_byte_that_is_wrong) {
  const char *bad = "\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80 and more"; /* the 7th */
  for (size_t piece = 1; piece < 10; piece++) {
    SCOPED(rig, r);
    frame_header h = {.opcode = OPCODE_TEXT, .length = strlen(bad)};
    int err = 0;
    for (size_t at = 0; err == 0; at += piece) {
      uint8_t *copy = bytes_exact((const uint8_t *) bad + at, piece);
      frame_chunk chunk = {copy, piece, at == 0, false};
      err = add(&r, &h, &chunk);
      assert_that(err == (at + piece >= 7 ? WSUV_EUTF8 : 0), "pieces of %zu, at %zu: %d", piece, at,
                  err);
      free(copy);
    }
  }
}

TEST(test_message_text_may_not_end_inside_a_character) {
  assert_frames(&usual, "TEXT \"a\" ce", WSUV_EUTF8);
  assert_frames(&usual, "TEXT- \"a\" ce ; CONT- ; CONT", WSUV_EUTF8);
  assert_frames(&usual, "TEXT- \"a\" e282 ; CONT \"b\"", WSUV_EUTF8);
}

TEST(test_message_text_begins_anew_after_each_message) {
  assert_frames(&usual, "TEXT ceba ; TEXT ba", WSUV_EUTF8);
  assert_frames(&usual, "BIN- ce ; CONT ff ; TEXT \"abc\" ; TEXT ce", WSUV_EUTF8);
}

TEST(test_message_binary_is_not_checked) {
  assert_frames(&usual, "BIN fffec0 ; BIN- fffe ; CONT 80", 1);
}

/* Memory. */

/* Fragments in pieces; 1, or WS_ENOMEM from whichever needed memory. */
static int scenario(rig *r) {
  SCOPED_BYTES part = {0}, out = {0};
  for (int i = 0; i < 5000; i++) bytes_add(&part, "x", 1);
  int err = add_in_pieces(r, 1, false, &part, 700, true, &out);
  if (err == 0) err = add_in_pieces(r, 0, false, &part, 5000, false, &out);
  if (err == 0) err = add_in_pieces(r, 0, true, &part, 1, false, &out);
  if (err == 1) assert_int_equal(out.len, 15000);
  return err;
}

/* F46. */
TEST(test_message_without_memory_fails_and_leaks_nothing) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(rig, r);
    alloc_failures_begin(&f, &r.alloc);
    int err = scenario(&r);
    int expected = alloc_failures_end(&f, &r.alloc) ? WS_ENOMEM : 1;
    assert_that(err == expected, "allocation %llu: %d", (unsigned long long) f.n, err);
  }
}

TEST(test_message_after_message_allocates_nothing) {
  SCOPED(rig, r);
  uint64_t calls = 0;
  for (int i = 0; i < 20; i++) {
    assert_int_equal(scenario(&r), 1);
    if (i == 1) calls = r.alloc.calls;
  }
  assert_int_equal(r.alloc.calls, calls);
}
