#include "wsuv_escape.h"

/* Takes UTF-8 apart, character by character. */

#include <stdio.h>
#include <string.h>

enum {
  CUT = -1,    /* the rest of the character is not there yet */
  UNIT_MAX = 8 /* bytes of an escape, and of its end, at most */
};

/* How many bytes a character has that begins with this one; 0: none begins with it. */
static int sequence_len(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Neither overlong nor a surrogate nor beyond U+10FFFF (RFC 3629 4). */
static bool continues(const unsigned char *s, int i) {
  unsigned char low = 0x80, high = 0xbf;
  if (i == 1 && s[0] == 0xe0) low = 0xa0;
  if (i == 1 && s[0] == 0xed) high = 0x9f;
  if (i == 1 && s[0] == 0xf0) low = 0x90;
  if (i == 1 && s[0] == 0xf4) high = 0x8f;
  return s[i] >= low && s[i] <= high;
}

/* Bytes of the character at `s`; 0: there is none; or CUT. */
static int character_len(const unsigned char *s, size_t len) {
  int want = sequence_len(s[0]), have = 1;
  while (have < want && (size_t) have < len && continues(s, have)) have++;
  if (have >= want) return want;
  return (size_t) have == len ? CUT : 0;
}

static int escape_control(char *out, unsigned char c) {
  switch (c) {
  case '\n': return snprintf(out, UNIT_MAX, "\\n");
  case '\r': return snprintf(out, UNIT_MAX, "\\r");
  case '\t': return snprintf(out, UNIT_MAX, "\\t");
  default: return snprintf(out, UNIT_MAX, "\\x%02x", (unsigned) c);
  }
}

static bool is_control(const unsigned char *s, int n) {
  if (n == 1) return s[0] < 0x20 || s[0] == 0x7f;
  return n == 2 && s[0] == 0xc2 && s[1] < 0xa0;
}

/* Of a character of `n` bytes, or of a byte that is none: the bytes of output. */
static int put(char *out, const unsigned char *s, int n) {
  if (n == 0) return snprintf(out, UNIT_MAX, "\\x%02x", (unsigned) s[0]);
  if (is_control(s, n)) {
    return n == 1 ? escape_control(out, s[0]) : snprintf(out, UNIT_MAX, "\\u%04x", (unsigned) s[1]);
  }
  memcpy(out, s, (size_t) n);
  return n;
}

/* With ESCAPE_LAYOUT, what is at `s` ends a line or is a tab: its bytes, of which the last one is
   written; 0: it is something else; or CUT. */
static int layout_len(const unsigned char *s, size_t len) {
  if (s[0] == '\n' || s[0] == '\t') return 1;
  if (s[0] != '\r') return 0;
  if (len == 1) return CUT;
  return s[1] == '\n' ? 2 : 0;
}

size_t escape_text(char *out, size_t *out_len, const char *text, size_t len, escape_style style,
                   bool last) {
  const unsigned char *s = (const unsigned char *) text;
  char *begin = out;
  size_t used = 0;
  while (used < len) {
    int layout = style == ESCAPE_LAYOUT ? layout_len(s + used, len - used) : 0;
    int n = layout != 0 ? layout : character_len(s + used, len - used);
    if (n == CUT && !last) break;
    if (n == CUT) n = s[used] == '\r' ? 1 : 0;
    if (layout > 0) {
      *out++ = (char) s[used + (size_t) n - 1];
    } else {
      out += put(out, s + used, n);
    }
    used += n > 0 ? (size_t) n : 1;
  }
  *out_len = (size_t) (out - begin);
  return used;
}
