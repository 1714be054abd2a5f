/* The header of the PROXY protocol: whole, cut at every byte, malformed in every way; and what is
   behind it stays unread. F66 */

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "base/error.h"
#include "net/proxy_header.h"
#include "support/pieces.h"
#include "support/test.h"

#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_ADDRESSES "\xcb\x00\x71\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb"
#define V6_ADDRESSES                                                                             \
  "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x20\x01\x0d\xb8\x00\x00\x00" \
  "\x00\x00\x00\x00\x00\x00\x00\x00\x01\xdc\x04\x01\xbb"

typedef struct header_row {
  const char *bytes;
  size_t len;
  const char *what; /* "203.0.113.7 56324", "unknown", "proxy", or "" if it is malformed */
} header_row;

#define ROW(bytes, what) \
  { bytes, sizeof(bytes) - 1, what }

static int feed(void *arg, const uint8_t *data, size_t len, size_t *used) {
  return proxy_header_feed(arg, data, len, used);
}

static void describe(char *text, size_t size, const proxy_header *h, int result) {
  char address[INET6_ADDRSTRLEN];
  *text = '\0';
  if (result < 0) return;
  switch (h->source) {
  case PROXY_SOURCE_PROXY: (void) snprintf(text, size, "proxy"); break;
  case PROXY_SOURCE_UNKNOWN: (void) snprintf(text, size, "unknown"); break;
  case PROXY_SOURCE_ADDRESS:
    assert_non_null(
        inet_ntop(h->address.ipv6 ? AF_INET6 : AF_INET, h->address.bytes, address, sizeof address));
    (void) snprintf(text, size, "%s %u", address, (unsigned) h->address.port);
    break;
  }
}

/* Fed with `behind` bytes more than it has. */
static void check(const header_row *row, pieces how, size_t behind) {
  char text[64];
  uint8_t all[PROXY_HEADER_V2_MAX + 64];
  proxy_header h;
  size_t used;
  assert_true(row->len + behind <= sizeof all);
  memcpy(all, row->bytes, row->len);
  memset(all + row->len, 'G', behind);
  proxy_header_init(&h);
  int result = pieces_feed(how, all, row->len + behind, feed, &h, &used);
  describe(text, sizeof text, &h, result);
  assert_string_equal(text, row->what);
  if (*row->what == '\0') {
    assert_int_equal(result, WS_EINVAL);
    assert_true(*h.detail != '\0');
  } else {
    assert_int_equal(result, 1);
    assert_int_equal(used, row->len);
  }
}

static void check_in_pieces(const header_row *row) {
  check(row, (pieces){.kind = PIECES_WHOLE}, 0);
  check(row, (pieces){.kind = PIECES_WHOLE}, 8);
  check(row, (pieces){.kind = PIECES_BYTES}, 8);
  for (size_t cut = 0; cut <= row->len; cut++) {
    check(row, (pieces){.kind = PIECES_AT, .a = cut, .b = row->len}, 8);
  }
}

static const header_row good[] = {
    ROW("PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n", "203.0.113.7 56324"),
    ROW("PROXY TCP4 1.1.1.1 2.2.2.2 0 1\r\n", "1.1.1.1 0"),
    ROW("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255 65535"),
    ROW("PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", "2001:db8::7 56324"),
    ROW("PROXY TCP6 ::1 ::1 1 1\r\n", "::1 1"),
    ROW("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1 "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff2 65535 65535\r\n",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff1 65535"),
    ROW("PROXY UNKNOWN\r\n", "unknown"),
    ROW("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        "unknown"),
    ROW(V2_SIGNATURE "\x21\x11\x00\x0c" V4_ADDRESSES, "203.0.113.7 56324"),
    ROW(V2_SIGNATURE "\x21\x21\x00\x24" V6_ADDRESSES, "2001:db8::7 56324"),
    ROW(V2_SIGNATURE "\x20\x00\x00\x00", "proxy"),
    ROW(V2_SIGNATURE "\x20\x11\x00\x0c" V4_ADDRESSES, "proxy"),
    ROW(V2_SIGNATURE "\x20\xff\x00\x05\x03\x00\x04\x00\x00", "proxy"), /* LOCAL: all is ignored */
    ROW(V2_SIGNATURE "\x21\x00\x00\x00", "unknown"),
    ROW(V2_SIGNATURE "\x21\x12\x00\x0c" V4_ADDRESSES, "unknown"), /* UDP */
    /* options: ALPN, an empty one, a NOOP, all of which are skipped */
    ROW(V2_SIGNATURE "\x21\x11\x00\x18" V4_ADDRESSES "\x01\x00\x02h2\x04\x00\x00\x04\x00\x01x",
        "203.0.113.7 56324"),
    ROW(V2_SIGNATURE "\x21\x00\x00\x03\x04\x00\x00", "unknown"),
    /* the checksum, alone and between others */
    ROW(V2_SIGNATURE "\x21\x11\x00\x13" V4_ADDRESSES "\x03\x00\x04\x2e\x2c\xd2\x72",
        "203.0.113.7 56324"),
    ROW(V2_SIGNATURE "\x21\x11\x00\x1a" V4_ADDRESSES "\x04\x00\x01x\x03\x00\x04\x45\x05\x1b\xef"
                     "\x04\x00\x00",
        "203.0.113.7 56324"),
};

TEST(test_proxy_headers_are_read) {
  for (size_t i = 0; i < COUNT_OF(good); i++) check_in_pieces(&good[i]);
}

/* A header of Unix sockets: 216 bytes of paths. */
TEST(test_proxy_header_of_unix_sockets) {
  char bytes[16 + 216] = V2_SIGNATURE "\x21\x31\x00\xd8/client";
  const header_row row = {bytes, sizeof bytes, "unknown"};
  check_in_pieces(&row);
}

TEST(test_proxy_headers_that_are_malformed) {
  static const header_row bad[] = {
      ROW("GET / HTTP/1.1\r\n", ""),
      ROW("\x16\x03\x01\x02\x00\x01\x00", ""), /* TLS */
      ROW("PROXYTCP4", ""),
      ROW("proxy TCP4", ""),
      ROW("PROXY TCP5 1.1.1.1 2.2.2.2 1 1\r\n", ""),
      ROW("PROXY UDP4 1.1.1.1 2.2.2.2 1 1\r\n", ""),
      ROW("PROXY  TCP4 1.1.1.1 2.2.2.2 1 1\r\n", ""),
      ROW("PROXY TCP4  1.1.1.1 2.2.2.2 1 1\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2 1 1 \r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2 1 1 1\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1\r\n", ""),
      ROW("PROXY TCP4 \r\nGET / HTTP/1.1", ""),
      ROW("PROXY TCP4\r\nGET / HTTP/1.1", ""),
      ROW("PROXY \r\nGET / HTTP/1.1", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2 01 1\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2 65536 1\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2 -1 1\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2 1 1x\r\n", ""),
      ROW("PROXY TCP4 1.1.1 2.2.2.2 1 1\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2 1 1\r\n", ""),
      ROW("PROXY TCP4 ::1 ::1 1 1\r\n", ""),
      ROW("PROXY TCP6 1.1.1.1 2.2.2.2 1 1\r\n", ""),
      ROW("PROXY TCP6 fe80::1%1 ::1 1 1\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1\0 2.2.2.2 1 1\r\n", ""),
      ROW("PROXY TCP4 1.1.1.1 2.2.2.2 1 1\n", ""),
      ROW("PROXY TCP4 1.1.1.1\r 2.2.2.2 1 1\r\n", ""),
      ROW("PROXY UNKNOWNS\r\n", ""),
      ROW("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n",
          ""),
      ROW(V2_SIGNATURE "\x11\x11\x00\x0c" V4_ADDRESSES, ""), /* version 1 */
      ROW(V2_SIGNATURE "\x31\x11\x00\x0c" V4_ADDRESSES, ""), /* version 3 */
      ROW(V2_SIGNATURE "\x22\x11\x00\x0c" V4_ADDRESSES, ""), /* command 2 */
      ROW(V2_SIGNATURE "\x21\x13\x00\x0c" V4_ADDRESSES, ""), /* transport 3 */
      ROW(V2_SIGNATURE "\x21\x41\x00\x0c" V4_ADDRESSES, ""), /* family 4 */
      ROW(V2_SIGNATURE "\x21\x11\x00\x0b" V4_ADDRESSES, ""),
      ROW(V2_SIGNATURE "\x21\x21\x00\x0c" V4_ADDRESSES, ""),
      ROW(V2_SIGNATURE "\x21\x31\x00\x0c" V4_ADDRESSES, ""),
      ROW(V2_SIGNATURE "\x21\x11\x10\x00" V4_ADDRESSES, ""), /* 4,112 bytes */
      ROW(V2_SIGNATURE "\x20\x00\xff\xff", ""),
      ROW("\r\n\r\n\0\r\nQUIT\r", ""),
      ROW("\r\n\r\nGET / HTTP/1.1\r\n", ""),
      /* options that are longer than the header, or cut */
      ROW(V2_SIGNATURE "\x21\x11\x00\x0d" V4_ADDRESSES "\x04", ""),
      ROW(V2_SIGNATURE "\x21\x11\x00\x0f" V4_ADDRESSES "\x04\x00\x01", ""),
      ROW(V2_SIGNATURE "\x21\x11\x00\x10" V4_ADDRESSES "\x04\xff\xffx", ""),
      ROW(V2_SIGNATURE "\x21\x11\x00\x13" V4_ADDRESSES "\x03\x00\x04\x00\x00\x00\x00", ""),
      ROW(V2_SIGNATURE "\x21\x11\x00\x12" V4_ADDRESSES "\x03\x00\x03\x00\x00\x00", ""),
  };
  for (size_t i = 0; i < COUNT_OF(bad); i++) check_in_pieces(&bad[i]);
}

/* One that never ends, of either version, is refused in time. */
TEST(test_proxy_headers_that_do_not_end) {
  proxy_header h;
  size_t used, fed = 0;
  int result = 0;
  proxy_header_init(&h);
  assert_int_equal(proxy_header_feed(&h, (const uint8_t *) "PROXY UNKNOWN ", 14, &used), 0);
  for (fed = 14; result == 0; fed += used) {
    result = proxy_header_feed(&h, (const uint8_t *) "x", 1, &used);
  }
  assert_int_equal(result, WS_EINVAL);
  assert_int_equal(fed, PROXY_HEADER_V1_MAX);
}

TEST(test_proxy_header_of_the_largest_size) {
  uint8_t bytes[PROXY_HEADER_V2_MAX] = V2_SIGNATURE "\x21\x11\x0f\xf0" V4_ADDRESSES;
  const size_t value = sizeof bytes - 16 - 12 - 3;
  bytes[28] = 0x04;
  bytes[29] = (uint8_t) (value >> 8);
  bytes[30] = (uint8_t) value;
  const header_row row = {(const char *) bytes, sizeof bytes, "203.0.113.7 56324"};
  check(&row, (pieces){.kind = PIECES_WHOLE}, 8);
  check(&row, (pieces){.kind = PIECES_BYTES}, 8);
}

/* A reader that takes as many bytes as are wanted gets the header, and nothing behind it. */
TEST(test_proxy_header_wants_no_more_than_its_own) {
  for (size_t i = 0; i < COUNT_OF(good); i++) {
    proxy_header h;
    size_t at = 0, used, reads = 0;
    int result = 0;
    proxy_header_init(&h);
    for (; result == 0; reads++) {
      const size_t n = proxy_header_wants(&h);
      assert_true(n >= 1 && at + n <= good[i].len);
      result = proxy_header_feed(&h, (const uint8_t *) good[i].bytes + at, n, &used);
      assert_int_equal(used, n);
      at += n;
    }
    assert_int_equal(result, 1);
    assert_int_equal(at, good[i].len);
    assert_true(reads <= 60);
  }
}

/* Random bytes behind a right beginning: it ends in time, and no byte of another memory is used. */
TEST(test_proxy_headers_random) {
  uint32_t seed = 1;
  for (int round = 0; round < 3000; round++) {
    const header_row *row = &good[(size_t) round % COUNT_OF(good)];
    uint8_t bytes[PROXY_HEADER_V2_MAX + 8];
    size_t used;
    proxy_header h;
    memcpy(bytes, row->bytes, row->len);
    memset(bytes + row->len, 0, sizeof bytes - row->len);
    for (int change = 0; change < 3; change++) {
      seed = seed * 1664525 + 1013904223;
      bytes[(seed >> 8) % row->len] = (uint8_t) (seed >> 24);
    }
    proxy_header_init(&h);
    pieces how = {.kind = PIECES_RANDOM, .seed = (uint32_t) round};
    int result = pieces_feed(how, bytes, sizeof bytes, feed, &h, &used);
    assert_true(result == 1 || result == WS_EINVAL);
    assert_true(used <= PROXY_HEADER_V2_MAX);
  }
}
