#include "support/raw_zlib.h"

#include <string.h>

#include "testkit/check.h"

static void drain(z_stream *z, int flush, bytes *out) {
  uint8_t buf[4096];
  do {
    z->next_out = buf;
    z->avail_out = sizeof buf;
    int r = deflate(z, flush);
    CHECK(r == Z_OK || r == Z_BUF_ERROR);
    bytes_add(out, buf, sizeof buf - z->avail_out);
  } while (z->avail_out == 0);
}

void raw_deflate(z_stream *z, const uint8_t *data, size_t len, size_t flush_at, int flush,
                 bytes *out) {
  static const uint8_t tail[] = {0, 0, 0xff, 0xff};
  size_t at = 0, before = out->len;
  while (at < len) {
    size_t n = flush_at > 0 && len - at > flush_at ? flush_at : len - at;
    z->next_in = (z_const Bytef *) data + at;
    z->avail_in = (uInt) n;
    at += n;
    drain(z, at < len ? flush : Z_NO_FLUSH, out);
  }
  z->avail_in = 0;
  drain(z, Z_SYNC_FLUSH, out);
  if (out->len == before) bytes_add(out, "\0\0\0\xff\xff", 5);
  CHECK(out->len >= before + 4 && memcmp(out->base + out->len - 4, tail, 4) == 0);
  out->len -= 4;
}

static bool inflate_all(z_stream *z, const uint8_t *data, size_t len, bytes *out) {
  z->next_in = (z_const Bytef *) data;
  z->avail_in = (uInt) len;
  for (;;) {
    uint8_t byte;
    z->next_out = &byte;
    z->avail_out = 1;
    int r = inflate(z, Z_SYNC_FLUSH);
    if (z->avail_out == 0) bytes_add(out, &byte, 1);
    if (r != Z_OK && r != Z_BUF_ERROR) return false;
    if (z->avail_out == 1) return z->avail_in == 0;
  }
}

bool raw_inflate(z_stream *z, const uint8_t *data, size_t len, bytes *out) {
  static const uint8_t tail[] = {0, 0, 0xff, 0xff};
  return inflate_all(z, data, len, out) && inflate_all(z, tail, sizeof tail, out);
}

void raw_text(uint64_t *seed, size_t len, bytes *out) {
  size_t before = out->len;
  while (out->len - before < len) {
    size_t have = out->len - before, n = 3 + seeded_below(seed, 12);
    if (have > n && seeded_below(seed, 3) != 0) {
      uint8_t copy[16];
      memcpy(copy, out->base + before + seeded_below(seed, have - n), n);
      bytes_add(out, copy, n);
    } else {
      for (; n > 0; n--) bytes_add(out, &(char){(char) ('a' + seeded_below(seed, 26))}, 1);
    }
  }
  out->len = before + len;
}

void raw_noise(uint64_t *seed, size_t len, bytes *out) {
  bytes_noise(out, seed, len);
}
