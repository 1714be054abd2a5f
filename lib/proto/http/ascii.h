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

/* tchar of RFC 9110 5.6.2, of which tokens are made. */
static inline bool ascii_is_tchar(char c) {
  if (ascii_is_alnum(c)) return true;
  switch (c) {
  case '!':
  case '#':
  case '$':
  case '%':
  case '&':
  case '\'':
  case '*':
  case '+':
  case '-':
  case '.':
  case '^':
  case '_':
  case '`':
  case '|':
  case '~': return true;
  default: return false;
  }
}

#endif
