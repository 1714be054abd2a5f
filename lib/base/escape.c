#include "base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The bytes of UTF-8 that stay (RFC 3629 4), without control characters:

     20..7e
     c2     a0..bf               c2 80..9f is C1
     c3..df 80..bf
     e0     a0..bf 80..bf
     e1..ef 80..bf 80..bf        ed has no second byte above 9f: surrogates
     f0     90..bf 80..bf 80..bf
     f1..f4 80..bf 80..bf 80..bf f4 has no second byte above 8f */

static bool is_second(uint8_t first, uint8_t second) {
  switch (first) {
  case 0xc2: return second >= 0xa0 && second <= 0xbf;
  case 0xe0: return second >= 0xa0 && second <= 0xbf;
  case 0xed: return second >= 0x80 && second <= 0x9f;
  case 0xf0: return second >= 0x90 && second <= 0xbf;
  case 0xf4: return second >= 0x80 && second <= 0x8f;
  default: return second >= 0x80 && second <= 0xbf;
  }
}

static size_t sequence_len(uint8_t first) {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* How many bytes the character at `s` has, which stays; 0: its first byte is to be escaped. */
static size_t plain_len(const uint8_t *s, size_t len) {
  if (s[0] >= ' ' && s[0] <= '~') return 1;
  size_t n = sequence_len(s[0]);
  if (n == 0 || n > len || !is_second(s[0], s[1])) return 0;
  for (size_t i = 2; i < n; i++) {
    if (s[i] < 0x80 || s[i] > 0xbf) return 0;
  }
  return n;
}

size_t escape_text(char *dst, size_t size, const char *s, size_t len) {
  static const char digits[] = "0123456789abcdef";
  size_t n = 0;
  while (len > 0) {
    const uint8_t *at = (const uint8_t *) s;
    const char escape[] = {'\\', 'x', digits[*at >> 4], digits[*at & 15]};
    size_t plain = plain_len(at, len), taken = plain > 0 ? plain : 1;
    size_t written = plain > 0 ? plain : sizeof escape;
    if (written >= size - n) break;
    memcpy(dst + n, plain > 0 ? s : escape, written);
    n += written;
    s += taken;
    len -= taken;
  }
  dst[n] = '\0';
  return n;
}
