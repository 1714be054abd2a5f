#ifndef WS_BASE_BASE64_H
#define WS_BASE_BASE64_H

/* Base64 with padding (RFC 4648 4). */

#include <stddef.h>

/* Characters that n bytes become, without a terminator. n <= SIZE_MAX / 2. */
static inline size_t base64_encoded_len(size_t n) {
  return (n + 2) / 3 * 4;
}

/* Writes base64_encoded_len(n) characters, no terminator. */
void base64_encode(char *dst, const void *src, size_t n);

/* Decodes strictly: length a multiple of four, padding where it belongs and zero bits under it.
   `dst` takes 3 bytes for 4 characters. Returns the number of bytes, or -1. */
ptrdiff_t base64_decode(void *dst, const char *src, size_t n);

#endif
