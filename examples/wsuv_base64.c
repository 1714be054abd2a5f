#include "wsuv_base64.h"

/* Four characters for three bytes. */

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(char *out, const void *data, size_t len) {
  const unsigned char *s = data;
  for (size_t i = 0; i < len; i += 3, out += 4) {
    size_t left = len - i;
    uint32_t bits = (uint32_t) s[i] << 16;
    if (left > 1) bits |= (uint32_t) s[i + 1] << 8;
    if (left > 2) bits |= s[i + 2];
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    out[2] = left > 1 ? alphabet[bits >> 6 & 63] : '=';
    out[3] = left > 2 ? alphabet[bits & 63] : '=';
  }
}

/* The value of a character; 64: it has none. */
static uint32_t value_of(char c) {
  const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
  return at != NULL ? (uint32_t) (at - alphabet) : 64;
}

bool base64_decode(char *text, size_t *len) {
  size_t left = *len, made = 0;
  if (left % 4 != 0) return false;
  while (left > 0 && *len - left < 2 && text[left - 1] == '=') left--;
  uint32_t bits = 0;
  for (size_t i = 0; i < left; i++) {
    uint32_t value = value_of(text[i]);
    if (value == 64) return false;
    bits = bits << 6 | value;
    if (i % 4 != 0) text[made++] = (char) (bits >> (6 - 2 * (i % 4)) & 0xff);
  }
  *len = made;
  return true;
}
