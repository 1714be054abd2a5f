/* UTF-8 in every way that utf8_feed has, against a table of RFC 3629's grammar: all short
   sequences, the limits of the long ones, every cut, and fail-fast to the byte. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame/utf8.h"
#include "support/stride.h"
#include "support/test.h"

/* RFC 3629 4, a row for each alternative. */
typedef struct byte_range {
  uint8_t from, to;
} byte_range;

#define TAIL \
  { 0x80, 0xbf }

static const struct {
  size_t len;
  byte_range bytes[4];
} grammar[] = {
    {1, {{0x00, 0x7f}}},
    {2, {{0xc2, 0xdf}, TAIL}},
    {3, {{0xe0, 0xe0}, {0xa0, 0xbf}, TAIL}},
    {3, {{0xe1, 0xec}, TAIL, TAIL}},
    {3, {{0xed, 0xed}, {0x80, 0x9f}, TAIL}},
    {3, {{0xee, 0xef}, TAIL, TAIL}},
    {4, {{0xf0, 0xf0}, {0x90, 0xbf}, TAIL, TAIL}},
    {4, {{0xf1, 0xf3}, TAIL, TAIL, TAIL}},
    {4, {{0xf4, 0xf4}, {0x80, 0x8f}, TAIL, TAIL}},
};

enum { ROWS = sizeof grammar / sizeof grammar[0] };

/* How many bytes of the row the text begins with. */
static size_t row_match(size_t row, const uint8_t *p, size_t n) {
  size_t i = 0;
  while (i < n && i < grammar[row].len && p[i] >= grammar[row].bytes[i].from &&
         p[i] <= grammar[row].bytes[i].to)
    i++;
  return i;
}

typedef struct verdict {
  size_t bad;    /* the byte that makes it invalid, or the length */
  bool complete; /* and there is none, and the text may end */
} verdict;

/* Each first byte is in one row at most. */
static verdict judge(const uint8_t *p, size_t n) {
  size_t at = 0;
  while (at < n) {
    size_t row = 0;
    while (row < ROWS && p[at] > grammar[row].bytes[0].to) row++;
    size_t match = row < ROWS ? row_match(row, p + at, n - at) : 0;
    if (row == ROWS || match < grammar[row].len) return (verdict){at + match, false};
    at += match;
  }
  return (verdict){n, true};
}

typedef bool (*feed_fn)(utf8_state *state, const uint8_t *p, size_t n);

static void fail_at_text(const char *what, const uint8_t *p, size_t n) {
  char hex[3 * 400 + 1] = "";
  for (size_t i = 0; i < n && i < 400; i++) {
    hex[3 * i] = "0123456789abcdef"[p[i] >> 4];
    hex[3 * i + 1] = "0123456789abcdef"[p[i] & 15];
    hex[3 * i + 2] = ' ';
    hex[3 * i + 3] = '\0';
  }
  fail_msg("%s: %s", what, hex);
}

/* Feed [from, to): right if it fails exactly when the bad byte is in it. False ends the text. */
static bool feed_piece(feed_fn feed, utf8_state *s, const uint8_t *p, size_t from, size_t to,
                       size_t bad) {
  bool ok = feed(s, p + from, to - from);
  if (ok != (bad >= to)) fail_at_text("wrong verdict", p, to);
  return ok;
}

/* A bit of `cuts` for each place between two bytes. */
static void check_cut(feed_fn feed, const uint8_t *p, size_t n, unsigned cuts, verdict v) {
  utf8_state s = {0, 0, 0};
  size_t from = 0, bad = v.bad < n ? v.bad : SIZE_MAX;
  for (size_t to = 1; to <= n; to++) {
    if (to < n && (cuts >> (to - 1) & 1) == 0) continue;
    if (!feed_piece(feed, &s, p, from, to, bad)) return;
    from = to;
  }
  if (utf8_complete(&s) != v.complete) fail_at_text("wrong end", p, n);
}

static void check_every_cut(feed_fn feed, const uint8_t *p, size_t n) {
  verdict v = judge(p, n);
  for (unsigned cuts = 0; cuts < 1U << (n - 1); cuts++) check_cut(feed, p, n, cuts, v);
}

/* How far apart the third bytes are that are tried. After two bytes that are invalid already, some
   are enough. */
static unsigned third_step(unsigned begin) {
  const uint8_t text[2] = {(uint8_t) (begin >> 8), (uint8_t) begin};
  return judge(text, 2).bad < 2 ? 17 : 1;
}

TEST(test_utf8_all_one_two_and_three_bytes_at_every_cut) {
  for (unsigned begin = 0; begin < 1U << 16; begin++) {
    if (!stride_takes(begin)) continue;
    uint8_t text[3] = {(uint8_t) (begin >> 8), (uint8_t) begin, 0};
    const unsigned step = third_step(begin);
    if ((begin & 0xff) == 0) check_every_cut(utf8_feed, text, 1);
    check_every_cut(utf8_feed, text, 2);
    for (unsigned third = 0; third < 256; third += step) {
      text[2] = (uint8_t) third;
      check_every_cut(utf8_feed, text, 3);
    }
  }
}

/* Every byte at which the grammar changes its mind, and its neighbours. */
static const uint8_t limits[] = {0x00, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
                                 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1,
                                 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xfb, 0xfc, 0xfe, 0xff};

enum { LIMITS = sizeof limits };

static void limits_of(uint32_t v, uint8_t *text, size_t n) {
  for (size_t i = 0; i < n; i++, v /= LIMITS) text[i] = limits[v % LIMITS];
}

TEST(test_utf8_boundaries_of_four_bytes_at_every_cut) {
  for (uint32_t v = 0; v < LIMITS * LIMITS * LIMITS * LIMITS; v++) {
    if (!stride_takes(v)) continue;
    uint8_t text[4];
    limits_of(v, text, 4);
    check_every_cut(utf8_feed, text, 4);
  }
}

TEST(test_utf8_every_code_point_is_valid_but_surrogates) {
  for (uint32_t c = 0x800; c < 0x120000; c++) {
    uint8_t text[4] = {(uint8_t) (0xf0 | c >> 18), (uint8_t) (0x80 | (c >> 12 & 63)),
                       (uint8_t) (0x80 | (c >> 6 & 63)), (uint8_t) (0x80 | (c & 63))};
    bool small = c < 0x10000;
    if (small) text[1] = (uint8_t) (0xe0 | c >> 12);
    bool valid = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
    if (utf8_valid(text + small, 4U - small) != valid) fail_msg("U+%04X", (unsigned) c);
  }
}

TEST(test_utf8_text_may_end_between_characters_only) {
  const uint8_t text[] = {0xf0, 0x9f, 0x98, 0x80};
  assert_true(utf8_valid(NULL, 0));
  for (size_t n = 1; n < 4; n++) assert_false(utf8_valid(text, n));
  assert_true(utf8_valid(text, 4));
  utf8_state s = {0, 0, 0};
  assert_true(utf8_feed(&s, text, 2));
  assert_true(utf8_feed(&s, NULL, 0));
  assert_false(utf8_complete(&s));
}

/* The wide check, where it exists and the processor can: long pieces go through it. */
static bool feed_wide(utf8_state *s, const uint8_t *p, size_t n) {
#ifdef UTF8_HAS_AVX2
  if (n >= UTF8_AVX2_MIN && __builtin_cpu_supports("avx2")) return utf8_feed_avx2(s, p, n);
#endif
  return utf8_feed(s, p, n);
}

/* A short text inside a long one: with ASCII after it, it must be complete; at the end of the
   piece it need not. */
enum { LONG = 176 };

static void check_inside(uint8_t *buf, size_t at, const uint8_t *text, size_t n, verdict v) {
  uint8_t saved[4];
  utf8_state s = {0, 0, 0};
  memcpy(saved, buf + at, n);
  memcpy(buf + at, text, n);
  if (feed_wide(&s, buf, LONG) != v.complete) fail_at_text("wrong inside", buf, LONG);
  s = (utf8_state){0, 0, 0};
  bool ok = feed_wide(&s, buf, at + n);
  if (ok != (v.bad == n) || (ok && utf8_complete(&s) != v.complete))
    fail_at_text("wrong at the end", buf, at + n);
  memcpy(buf + at, saved, n);
}

TEST(test_utf8_all_three_bytes_inside_a_long_piece) {
  uint8_t buf[LONG];
  memset(buf, 'a', sizeof buf);
  for (unsigned begin = 0; begin < 1U << 16; begin++) {
    if (!stride_takes(begin)) continue;
    uint8_t text[3] = {(uint8_t) (begin >> 8), (uint8_t) begin, 0};
    const unsigned step = third_step(begin);
    for (unsigned third = 0; third < 256; third += step) {
      text[2] = (uint8_t) third;
      check_inside(buf, 66, text, 3, judge(text, 3)); /* across two blocks of 32 after 3 bytes */
    }
  }
}

TEST(test_utf8_all_two_bytes_at_every_place_of_a_long_piece) {
  uint8_t buf[LONG];
  memset(buf, 'a', sizeof buf);
  for (uint32_t v = 0; v < 1U << 16; v++) {
    if (!stride_takes(v)) continue;
    const uint8_t text[2] = {(uint8_t) (v >> 8), (uint8_t) v};
    verdict verdict_2 = judge(text, 2);
    for (size_t at = v % 3; at <= LONG - 4; at += 3) check_inside(buf, at, text, 2, verdict_2);
  }
}

TEST(test_utf8_boundaries_of_four_bytes_inside_a_long_piece) {
  uint8_t buf[LONG];
  memset(buf, 'a', sizeof buf);
  for (uint32_t v = 0; v < LIMITS * LIMITS * LIMITS * LIMITS; v++) {
    if (!stride_takes(v)) continue;
    uint8_t text[4];
    limits_of(v, text, 4);
    verdict verdict_4 = judge(text, 4);
    for (size_t at = v % 29; at <= LONG - 5; at += 29) check_inside(buf, at, text, 4, verdict_4);
  }
}

enum { LONGEST = 480 /* bytes: with some blocks of 128 behind one of 64, which ASCII skips */ };

/* In pieces of every length, at every place: what the wide check leaves to a last block, and a
   character that a block of ASCII cuts off. Of lengths with several blocks there are some. */
TEST(test_utf8_errors_at_every_place_of_every_length) {
  static const char *const wrong[] = {"\x80",     "\xff",      "\xc1\xbf",     "\xc3z",
                                      "\xed\xa0", "\xe2\x82z", "\xf4\x90\x80", "\xf0\x9f\x98z"};
  uint8_t buf[LONGEST];
  memset(buf, 'a', sizeof buf);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    size_t len = strlen(wrong[i]);
    for (size_t n = 40; n <= LONGEST; n += n < LONG ? 1 : 19) {
      for (size_t at = 0; at + len <= n; at++) {
        utf8_state s = {0, 0, 0};
        memcpy(buf + at, wrong[i], len);
        if (feed_wide(&s, buf, n)) fail_at_text("wrong verdict", buf, n);
        memset(buf + at, 'a', len);
      }
    }
  }
}

static uint64_t seed = 0x9e3779b97f4a7c15;

static size_t rnd(size_t below) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (size_t) ((seed >> 11) % below);
}

/* A character by a row of the grammar; 0 when it does not fit. */
static size_t random_char(uint8_t *p, size_t room, size_t row) {
  size_t len = grammar[row].len;
  if (len > room) return 0;
  for (size_t i = 0; i < len; i++) {
    byte_range r = grammar[row].bytes[i];
    p[i] = (uint8_t) (r.from + rnd((size_t) (r.to - r.from) + 1));
  }
  return len;
}

/* Valid text with runs of one kind, then perhaps one or two bytes broken. */
static void random_text(uint8_t *p, size_t n) {
  size_t row = 0;
  for (size_t at = 0; at < n;) {
    if (rnd(6) == 0) row = rnd(ROWS);
    size_t len = random_char(p + at, n - at, row);
    if (len == 0) row = 0;
    at += len;
  }
  for (size_t broken = rnd(3); n > 0 && broken > 0; broken--)
    p[rnd(n)] = rnd(2) ? limits[rnd(LIMITS)] : (uint8_t) rnd(256);
}

/* Feeds random pieces by turns of all sizes; judged by the grammar. */
static void check_random_cuts(feed_fn feed, const uint8_t *p, size_t n, verdict v) {
  utf8_state s = {0, 0, 0};
  size_t longest = 1 + rnd(n + 1), bad = v.bad < n ? v.bad : SIZE_MAX;
  for (size_t from = 0, to; from < n; from = to) {
    to = from + 1 + rnd(longest);
    if (to > n) to = n;
    if (!feed_piece(feed, &s, p, from, to, bad)) return;
  }
  if (utf8_complete(&s) != v.complete) fail_at_text("wrong end", p, n);
}

TEST(test_utf8_random_text_at_random_cuts) {
  const feed_fn ways[] = {utf8_feed, utf8_feed_scalar, feed_wide};
  for (int round = 0; round < 100; round++) {
    for (size_t n = 0; n <= 300; n++) {
      uint8_t *text = malloc(n + 1);
      random_text(text + 1, n); /* ends with the block, and is aligned to nothing */
      verdict v = judge(text + 1, n);
      for (size_t way = 0; way < 3; way++) check_random_cuts(ways[way], text + 1, n, v);
      free(text);
    }
  }
}

/* The first piece that fails is the one that is cut behind the bad byte. */
TEST(test_utf8_fails_with_the_very_byte) {
  const feed_fn ways[] = {utf8_feed, utf8_feed_scalar, feed_wide};
  for (int round = 0; round < 4000; round++) {
    uint8_t text[200];
    size_t n = 1 + rnd(sizeof text);
    random_text(text, n);
    verdict v = judge(text, n);
    for (size_t way = 0; way < 3 && v.bad < n; way++) {
      utf8_state s = {0, 0, 0};
      if (!ways[way](&s, text, v.bad)) fail_at_text("too early", text, n);
      if (ways[way](&s, text + v.bad, 1)) fail_at_text("too late", text, n);
      s = (utf8_state){0, 0, 0};
      if (ways[way](&s, text, v.bad + 1)) fail_at_text("too late", text, n);
    }
  }
}
