#ifndef WS_PROTO_HTTP_ASCII_H
#define WS_PROTO_HTTP_ASCII_H

/* Characters of HTTP and URLs: ASCII, independent of the locale. */

#include <stdbool.h>

static inline char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

static inline bool ascii_is_digit(char c) {
  return c >= '0' && c <= '9';
}

static inline bool ascii_is_alnum(char c) {
  return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

#endif
