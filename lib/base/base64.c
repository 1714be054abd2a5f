#include "base/base64.h"

/* Base64 both ways, for handshake keys and credentials: strict, because a lenient decoder would
   give one value two spellings.

     |  octet 0  |  octet 1  |  octet 2  |      RFC 4648 4
     | char 0 | char 1 | char 2 | char 3 |      six bits each */

#include <stdbool.h>
#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The last one or two octets, and padding. */
static void encode_rest(char *dst, const uint8_t *p, size_t n) {
  uint32_t bits = (uint32_t) p[0] << 16;
  if (n == 2) bits |= (uint32_t) p[1] << 8;
  dst[0] = alphabet[bits >> 18];
  dst[1] = alphabet[bits >> 12 & 63];
  dst[2] = n == 2 ? alphabet[bits >> 6 & 63] : '=';
  dst[3] = '=';
}

void base64_encode(char *dst, const void *src, size_t n) {
  const uint8_t *p = src;
  for (; n >= 3; n -= 3, p += 3, dst += 4) {
    uint32_t bits = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];
    for (int i = 0; i < 4; i++) dst[i] = alphabet[bits >> (18 - 6 * i) & 63];
  }
  if (n > 0) encode_rest(dst, p, n);
}

static int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

/* Four characters to `octets` octets; false when one is wrong, or bits under the padding are set.
 */
static bool decode_four(uint8_t *dst, const char *src, size_t octets) {
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; i++) {
    int value = i <= octets ? value_of(src[i]) : 0;
    if (value < 0) return false;
    bits = bits << 6 | (uint32_t) value;
  }
  if ((bits & (0xffffffU >> (8 * octets))) != 0) return false;
  for (size_t i = 0; i < octets; i++) dst[i] = (uint8_t) (bits >> (16 - 8 * i));
  return true;
}

ptrdiff_t base64_decode(void *dst, const char *src, size_t n) {
  uint8_t *out = dst;
  if (n % 4 != 0) return -1;
  for (size_t i = 0; i < n; i += 4) {
    size_t octets = 3;
    if (i + 4 == n && src[n - 1] == '=') octets = src[n - 2] == '=' ? 1 : 2;
    if (!decode_four(out, src + i, octets)) return -1;
    out += octets;
  }
  return out - (uint8_t *) dst;
}
