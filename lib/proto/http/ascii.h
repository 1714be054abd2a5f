#ifndef WS_PROTO_HTTP_ASCII_H
#define WS_PROTO_HTTP_ASCII_H

/* Characters of HTTP and URLs: ASCII, independent of the locale. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"

static inline char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

static inline bool ascii_is_digit(char c) {
  return c >= '0' && c <= '9';
}

static inline bool ascii_is_alnum(char c) {
  return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* Whether a text begins with `prefix`, which is in lower case and terminated; the text is longer,
   or terminated, too. */
static inline bool ascii_begins_with(const char *s, const char *prefix) {
  while (*prefix != '\0' && ascii_lower(*s) == *prefix) s++, prefix++;
  return *prefix == '\0';
}

/* The value of a hexadecimal digit; -1: it is none. */
static inline int ascii_hex_value(char c) {
  if (ascii_is_digit(c)) return c - '0';
  c = ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether a percent-escape (RFC 3986 2.1) begins here; `len` bytes are there. */
static inline bool ascii_is_escape(const char *s, size_t len) {
  return len >= 3 && s[0] == '%' && ascii_hex_value(s[1]) >= 0 && ascii_hex_value(s[2]) >= 0;
}

/* The byte that a percent-escape stands for. */
static inline char ascii_unescape(const char *s) {
  return (char) (ascii_hex_value(s[1]) * 16 + ascii_hex_value(s[2]));
}

/* Decode percent-escapes, which are well-formed. `dst` takes s.len bytes and is not terminated.
   Returns the number of bytes written. */
static inline size_t ascii_unescape_all(char *dst, ws_text s) {
  size_t n = 0;
  for (size_t i = 0; i < s.len; i++) {
    if (s.base[i] == '%') {
      dst[n++] = ascii_unescape(s.base + i);
      i += 2;
    } else {
      dst[n++] = s.base[i];
    }
  }
  return n;
}

/* tchar of RFC 9110 5.6.2, of which tokens are made: letters, digits and !#$%&'*+-.^_`|~, each with
   the bit of its number. */
static inline bool ascii_is_tchar(char c) {
  static const uint64_t tchars[] = {UINT64_C(0x03ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe), 0,
                                    0};
  const unsigned char n = (unsigned char) c;
  return (tchars[n / 64] >> n % 64 & 1) != 0;
}

/* Whether two texts are the same, in any case. */
static inline bool ascii_equal(ws_text a, ws_text b) {
  size_t i = 0;
  if (a.len != b.len) return false;
  while (i < a.len && ascii_lower(a.base[i]) == ascii_lower(b.base[i])) i++;
  return i == a.len;
}

/* Whether a text is the terminated one, in any case. */
static inline bool ascii_text_is(ws_text s, const char *text) {
  size_t i = 0;
  while (i < s.len && text[i] != '\0' && ascii_lower(s.base[i]) == ascii_lower(text[i])) i++;
  return i == s.len && text[i] == '\0';
}

/* OWS of RFC 9110 5.6.3. */
static inline bool ascii_is_blank(char c) {
  return c == ' ' || c == '\t';
}

static inline ws_text ascii_trim(ws_text s) {
  while (s.len > 0 && ascii_is_blank(s.base[0])) s.base++, s.len--;
  while (s.len > 0 && ascii_is_blank(s.base[s.len - 1])) s.len--;
  return s;
}

#endif
