#include "base/sha1.h"

/* SHA-1 of a whole text in memory (FIPS 180-4, 6.1), plain rather than fast: it hashes 60 octets
   for each handshake. */

#include <string.h>

enum { BLOCK_SIZE = 64, LENGTH_SIZE = 8 };

static uint32_t rotl(uint32_t x, int n) {
  return x << n | x >> (32 - n);
}

/* Function and constant of round t (4.1.1, 4.2.1). */
static uint32_t mix(int t, uint32_t b, uint32_t c, uint32_t d) {
  if (t < 20) return ((b & c) ^ (~b & d)) + 0x5a827999;
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (t < 60) return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

static void hash_block(uint32_t h[5], const uint8_t *p) {
  uint32_t w[80];
  for (int t = 0; t < 16; t++, p += 4)
    w[t] = (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
  for (int t = 16; t < 80; t++) w[t] = rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (int t = 0; t < 80; t++) {
    uint32_t next = rotl(a, 5) + mix(t, b, c, d) + e + w[t];
    e = d;
    d = c;
    c = rotl(b, 30);
    b = a;
    a = next;
  }
  h[0] += a;
  h[1] += b;
  h[2] += c;
  h[3] += d;
  h[4] += e;
}

void sha1(uint8_t digest[SHA1_SIZE], const void *data, size_t len) {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const uint8_t *p = data;
  size_t rest = len;
  for (; rest >= BLOCK_SIZE; rest -= BLOCK_SIZE, p += BLOCK_SIZE) hash_block(h, p);
  /* A one bit, zeros, and the length in bits fill one block or two (5.1.1). */
  uint8_t last[2 * BLOCK_SIZE] = {0};
  size_t size = rest + 1 + LENGTH_SIZE <= BLOCK_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
  if (rest > 0) memcpy(last, p, rest);
  last[rest] = 0x80;
  uint64_t bits = (uint64_t) len * 8;
  for (size_t i = 1; i <= LENGTH_SIZE; i++, bits >>= 8) last[size - i] = (uint8_t) bits;
  for (size_t i = 0; i < size; i += BLOCK_SIZE) hash_block(h, last + i);
  for (size_t i = 0; i < SHA1_SIZE; i++) digest[i] = (uint8_t) (h[i / 4] >> (24 - 8 * (i % 4)));
}
