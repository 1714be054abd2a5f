/* The header of a frame, read and written (RFC 6455 5.2). */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/frame/frame.h"
#include "support/frames.h"
#include "support/test.h"

static const uint64_t borders[] = {
    0,           1,           124,          125,          126,
    127,         128,         255,          256,          65534,
    65535,       65536,       65537,        1 << 24,      0x7fffffff,
    0x80000000u, 0xffffffffu, 0x100000000u, 0x100000001u, 0x7fffffffffffffffu};

enum { BORDERS = COUNT_OF(borders) };

/* From a block of exactly n bytes. */
static int read_exact(frame_header *h, const uint8_t *p, size_t n, ws_role from, uint8_t rsv,
                      const char **why) {
  uint8_t *copy = bytes_exact(p, n);
  *why = "";
  int r = frame_header_read(h, copy, n, from, rsv, why);
  free(copy);
  return r;
}

static void expect_at(const char *name, const uint8_t *p, size_t size, ws_role from, uint8_t rsv,
                      size_t bad) {
  frame_header h;
  const char *why;
  for (size_t n = 0; n <= size; n++) {
    int r = read_exact(&h, p, n, from, rsv, &why);
    int expected = n >= bad ? WSUV_EPROTOCOL : n < size ? 0 : (int) size;
    assert_that(r == expected, "%s from %d, prefix of %zu bytes (%02x %02x): %d instead of %d",
                name, from, n, p[0], size > 1 ? p[1] : 0, r, expected);
    assert_that(r >= 0 || *why != 0, "%s, prefix %zu: no text with the error", name, n);
  }
}

/* The header, then some bytes of payload, cut at each place: needs more before `bad`, is wrong from
   `bad` bytes on. bad > size: it is right. */
static void expect_prefixes(const char *name, const bytes *header, ws_role from, size_t bad) {
  expect_at(name, header->base, header->len, from, 0, bad);
  if (bad <= header->len) return;
  frame_header h;
  const char *why;
  SCOPED_BYTES more = {0};
  bytes_add(&more, header->base, header->len);
  bytes_add(&more, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10);
  for (size_t n = header->len; n <= more.len; n++)
    assert_that(read_exact(&h, more.base, n, from, 0, &why) == (int) header->len,
                "%s with %zu bytes of payload behind it", name, n - header->len);
}

static frame_spec data_spec(bool masked, length_form form) {
  return (frame_spec){
      .opcode = 2, .fin = true, .masked = masked, .key = {1, 0x82, 3, 0xff}, .form = form};
}

TEST(test_frame_header_reads_every_length_at_the_borders) {
  for (int i = 0; i < BORDERS; i++) {
    for (int from = WS_CLIENT; from <= WS_SERVER; from++) {
      frame_header h;
      const char *why;
      SCOPED_BYTES b = {0};
      frame_spec spec = data_spec(from == WS_CLIENT, LENGTH_SHORTEST);
      frames_header(&b, &spec, borders[i]);
      expect_prefixes("border", &b, (ws_role) from, 100);
      assert_that(read_exact(&h, b.base, b.len, (ws_role) from, 0, &why) == (int) b.len, "border");
      assert_that(h.length == borders[i] && h.size == b.len && h.opcode == 2 && h.fin && h.rsv == 0,
                  "length %llu read as %llu", (unsigned long long) borders[i],
                  (unsigned long long) h.length);
      assert_int_equal(h.masked, from == WS_CLIENT);
      if (h.masked) assert_memory_equal(h.key.b, spec.key, 4);
    }
  }
}

TEST(test_frame_header_rejects_lengths_that_are_not_minimal) {
  for (uint64_t length = 0; length < 65536; length += length < 300 ? 1 : 127) {
    for (int from = WS_CLIENT; from <= WS_SERVER; from++) {
      SCOPED_BYTES b16 = {0}, b64 = {0};
      frame_spec s16 = data_spec(from == WS_CLIENT, LENGTH_16);
      frame_spec s64 = data_spec(from == WS_CLIENT, LENGTH_64);
      frames_header(&b16, &s16, length);
      frames_header(&b64, &s64, length);
      /* 16 bits: below 126 shows with the last of them (or with the first byte and the second: 00
         is not enough). 64 bits: that the first six are 0 shows with the sixth. */
      expect_prefixes("16 bit form", &b16, (ws_role) from, length < 126 ? 4 : 100);
      expect_prefixes("64 bit form", &b64, (ws_role) from, 8);
    }
  }
  SCOPED_BYTES b = {0};
  frame_spec spec = data_spec(false, LENGTH_16);
  frames_header(&b, &spec, 65535);
  expect_prefixes("65535", &b, WS_SERVER, 100);
}

TEST(test_frame_header_rejects_the_top_bit_of_a_length_with_its_byte) {
  static const uint64_t lengths[] = {0x8000000000000000u, 0xffffffffffffffffu, 0x8000000000000001u,
                                     0xfffffffffffffff2u};
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    for (int from = WS_CLIENT; from <= WS_SERVER; from++) {
      SCOPED_BYTES b = {0};
      frame_spec spec = data_spec(from == WS_CLIENT, LENGTH_64);
      frames_header(&b, &spec, lengths[i]);
      expect_prefixes("F16: top bit", &b, (ws_role) from, 3);
    }
  }
}

/* What the first byte and the second show, written anew: bytes until the error, or 100. */
static size_t first_two_show(uint8_t b0, uint8_t b1, ws_role from, uint8_t rsv_allowed) {
  unsigned opcode = b0 & 15u;
  bool known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
  if (!known || (b0 >> 4 & 7 & ~rsv_allowed) != 0) return 1;
  if (opcode >= 8 && (b0 & 0xf0) != 0x80) return 1; /* extensions claim bits of data: F27 */
  if ((b1 >= 128) != (from == WS_CLIENT)) return 2;
  return opcode >= 8 && (b1 & 127) > 125 ? 2 : 100;
}

TEST(test_frame_header_shows_an_error_with_the_byte_that_has_it) {
  static const uint8_t allowed[] = {0, FRAME_RSV1, FRAME_RSV2 | FRAME_RSV3, 7};
  for (unsigned bits = 0; bits < 65536; bits++) {
    for (int v = 0; v < 8; v++) {
      uint8_t p[14] = {(uint8_t) (bits >> 8), (uint8_t) bits, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
      ws_role from = (v & 1) != 0 ? WS_SERVER : WS_CLIENT;
      uint8_t rsv = allowed[v / 2];
      size_t bad = first_two_show(p[0], p[1], from, rsv);
      size_t size = (p[1] & 127) == 127 ? 10 : (p[1] & 127) == 126 ? 4 : 2;
      if (size == 4) p[2] = 1; /* 257 bytes */
      if (size == 10) p[4] = 1;
      if (p[1] >= 128) size += 4;
      expect_at("two bytes", p, size, from, rsv, bad);
    }
  }
}

TEST(test_frame_header_gives_rsv_bits_that_are_allowed) {
  for (uint8_t rsv = 0; rsv < 8; rsv++) {
    frame_header h;
    const char *why;
    uint8_t p[2] = {(uint8_t) (0x81 | rsv << 4), 0};
    assert_int_equal(read_exact(&h, p, 2, WS_SERVER, 7, &why), 2);
    assert_int_equal(h.rsv, rsv);
  }
}

TEST(test_frame_header_reads_the_examples_of_the_rfc) {
  static const struct {
    const char *bytes;
    size_t n;
    frame_header expected;
  } examples[] = {
      {"\x81\x05Hello", 7, {.length = 5, .opcode = 1, .fin = true, .size = 2}},
      {"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
       11,
       {.length = 5, .opcode = 1, .fin = true, .masked = true, .size = 6}},
      {"\x01\x03Hel", 5, {.length = 3, .opcode = 1, .size = 2}},
      {"\x80\x02lo", 4, {.length = 2, .opcode = 0, .fin = true, .size = 2}},
      {"\x89\x05Hello", 7, {.length = 5, .opcode = 9, .fin = true, .size = 2}},
      {"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
       11,
       {.length = 5, .opcode = 10, .fin = true, .masked = true, .size = 6}},
      {"\x82\x7e\x01\x00", 4, {.length = 256, .opcode = 2, .fin = true, .size = 4}},
      {"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
       10,
       {.length = 65536, .opcode = 2, .fin = true, .size = 10}},
  };
  for (size_t i = 0; i < COUNT_OF(examples); i++) {
    const frame_header *e = &examples[i].expected;
    frame_header h;
    const char *why;
    int r = read_exact(&h, (const uint8_t *) examples[i].bytes, examples[i].n,
                       e->masked ? WS_CLIENT : WS_SERVER, 0, &why);
    assert_that(r == e->size, "example %zu: %d", i, r);
    assert_that(h.length == e->length && h.opcode == e->opcode && h.fin == e->fin &&
                    h.masked == e->masked && h.size == e->size && h.rsv == 0,
                "example %zu", i);
    if (h.masked) assert_memory_equal(h.key.b, "\x37\xfa\x21\x3d", 4);
  }
}

TEST(test_frame_header_written_is_what_the_rfc_says) {
  static const uint8_t opcodes[] = {0, 1, 2, 8, 9, 10};
  for (int i = 0; i < BORDERS; i++) {
    for (int v = 0; v < 6 * 2 * 2 * 8; v++) {
      frame_spec spec = data_spec((v & 1) != 0, LENGTH_SHORTEST);
      spec.fin = (v & 2) != 0;
      spec.rsv = v >> 2 & 7;
      spec.opcode = opcodes[v >> 5];
      frame_header h = {.length = borders[i], .opcode = spec.opcode, .rsv = spec.rsv};
      h.fin = spec.fin;
      h.masked = spec.masked;
      memcpy(h.key.b, spec.key, 4);
      SCOPED_BYTES b = {0};
      frames_header(&b, &spec, borders[i]);
      uint8_t *p = malloc(FRAME_HEADER_MAX);
      size_t n = frame_header_write(&h, p);
      assert_that(n == b.len && h.size == n && memcmp(p, b.base, n) == 0,
                  "opcode %d rsv %d fin %d masked %d length %llu: wrong bytes", spec.opcode,
                  spec.rsv, spec.fin, spec.masked, (unsigned long long) borders[i]);
      free(p);
    }
  }
}

TEST(test_frame_header_written_can_be_read_again) {
  uint64_t seed = 7;
  for (int i = 0; i < 20000; i++) {
    uint64_t before = seed;
    uint64_t length = seeded(&seed) >> (1 + seeded_below(&seed, 63));
    frame_header h = {.length = length, .opcode = (uint8_t) seeded_below(&seed, 3)};
    h.rsv = (uint8_t) seeded_below(&seed, 8);
    h.fin = seeded_below(&seed, 2) != 0;
    h.masked = seeded_below(&seed, 2) != 0;
    h.key.word = (uint32_t) seeded(&seed);
    uint8_t p[FRAME_HEADER_MAX];
    size_t n = frame_header_write(&h, p);
    frame_header again;
    const char *why;
    int r = read_exact(&again, p, n, h.masked ? WS_CLIENT : WS_SERVER, 7, &why);
    assert_that(r == (int) n && again.length == length && again.opcode == h.opcode &&
                    again.rsv == h.rsv && again.fin == h.fin && again.masked == h.masked &&
                    again.size == n && (!h.masked || again.key.word == h.key.word),
                "seed %llu", (unsigned long long) before);
  }
}
