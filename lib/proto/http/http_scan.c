#include "proto/http/http_scan.h"

/* Reads the lines of a head byte by byte, and writes them. Never reads a byte after it. */

#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"

/*   start-line CRLF *( field-line CRLF ) CRLF        RFC 9112 2.1
     field-line = field-name ":" OWS field-value OWS            5
     obs-fold   = OWS CRLF RWS                                  5.2
     Empty lines before a request line are skipped (2.2). The end of a line is written with the
   first byte of the next one, because that byte may be the space or tab of a fold, which is written
   as one space (5.2). In a response, LF alone ends a line (2.2). */

enum { TEXT_FULL = HTTP_SCAN_TEXT_SIZE - 4 }; /* one byte writes four bytes at most */

static void put(http_scan_text *text, char c) {
  text->bytes[text->len++] = c;
}

static void put_line_end(http_scan_text *text) {
  put(text, '\r');
  put(text, '\n');
}

static http_scan_state http_scan_fail(http_scan *scan, int err, const char *detail) {
  scan->error = err;
  scan->detail = detail;
  return HTTP_SCAN_BAD;
}

static http_scan_state bad(http_scan *scan, const char *detail) {
  return http_scan_fail(scan, WSUV_EHTTP, detail);
}

static http_scan_state after_cr(http_scan *scan, uint8_t c, http_scan_state next) {
  return c == '\n' ? next : bad(scan, "CR without LF in the head");
}

static http_scan_state bare_lf(http_scan *scan, http_scan_state next) {
  return scan->response ? next : bad(scan, "LF without CR in the head");
}

static http_scan_state in_line(http_scan *scan, uint8_t c, http_scan_state line,
                               http_scan_text *text) {
  if (c == '\r') return HTTP_SCAN_LINE_CR;
  if (c == '\n') return bare_lf(scan, HTTP_SCAN_NEXT);
  if ((c < ' ' && c != '\t') || c == 0x7f) return bad(scan, "control byte in the head");
  put(text, (char) c);
  return line;
}

static http_scan_state in_first(http_scan *scan, uint8_t c, http_scan_text *text) {
  if (c == '\r' && !scan->response) return HTTP_SCAN_FIRST_CR;
  http_scan_state state = in_line(scan, c, HTTP_SCAN_FIRST, text);
  if (state == HTTP_SCAN_FIRST && scan->response && scan->first_len < HTTP_SCAN_FIRST_SIZE) {
    scan->first[scan->first_len++] = (char) c;
  }
  return state;
}

static http_scan_state before_first(http_scan *scan, uint8_t c, http_scan_text *text) {
  if (c == '\r' && !scan->response) return HTTP_SCAN_EMPTY_CR;
  if ((c == '\r' || c == '\n') && scan->response) return bad(scan, "empty line before the head");
  return in_first(scan, c, text);
}

static http_scan_state in_name(http_scan *scan, uint8_t c, http_scan_text *text) {
  if (c == '\r' || c == '\n') return bad(scan, "header field without a colon");
  if (c != ':' && !ascii_is_tchar((char) c)) return bad(scan, "field name is not a token");
  put(text, (char) c);
  return c == ':' ? HTTP_SCAN_VALUE : HTTP_SCAN_NAME;
}

static http_scan_state begin_field(http_scan *scan, uint8_t c, http_scan_text *text) {
  if (scan->fields_left == 0) return http_scan_fail(scan, WSUV_EHEADERS, "too many header fields");
  if (c == ':') return bad(scan, "field name is empty");
  scan->fields_left--;
  scan->has_field = true;
  return in_name(scan, c, text);
}

static http_scan_state begin_fold(http_scan *scan, http_scan_text *text) {
  if (!scan->response) return bad(scan, "folded header field");
  if (!scan->has_field) return bad(scan, "folded status line");
  put(text, ' ');
  return HTTP_SCAN_FOLD;
}

static http_scan_state end_head(http_scan_text *text) {
  put_line_end(text);
  return HTTP_SCAN_END;
}

/* The first byte of a line after the first line. */
static http_scan_state begin_line(http_scan *scan, uint8_t c, http_scan_text *text) {
  if (c == ' ' || c == '\t') return begin_fold(scan, text);
  put_line_end(text);
  if (c == '\r') return HTTP_SCAN_LAST_CR;
  if (c != '\n') return begin_field(scan, c, text);
  return scan->response ? end_head(text) : bare_lf(scan, HTTP_SCAN_END);
}

static http_scan_state step(http_scan *scan, uint8_t c, http_scan_text *text) {
  switch (scan->state) {
  case HTTP_SCAN_START: return before_first(scan, c, text);
  case HTTP_SCAN_EMPTY_CR: return after_cr(scan, c, HTTP_SCAN_START);
  case HTTP_SCAN_FIRST: return in_first(scan, c, text);
  case HTTP_SCAN_FIRST_CR: return after_cr(scan, c, HTTP_SCAN_FIRST_END);
  case HTTP_SCAN_NAME: return in_name(scan, c, text);
  case HTTP_SCAN_VALUE: return in_line(scan, c, HTTP_SCAN_VALUE, text);
  case HTTP_SCAN_LINE_CR: return after_cr(scan, c, HTTP_SCAN_NEXT);
  case HTTP_SCAN_FIRST_END:
  case HTTP_SCAN_NEXT: return begin_line(scan, c, text);
  case HTTP_SCAN_FOLD:
    if (c == ' ' || c == '\t') return HTTP_SCAN_FOLD;
    return in_line(scan, c, HTTP_SCAN_VALUE, text);
  case HTTP_SCAN_LAST_CR: return c == '\n' ? end_head(text) : after_cr(scan, c, HTTP_SCAN_END);
  case HTTP_SCAN_END:
  case HTTP_SCAN_BAD: break;
  }
  return scan->state;
}

/* Whether many bytes may come that change no state. */
static bool is_within(const http_scan *scan) {
  if (scan->state != HTTP_SCAN_FIRST) {
    return scan->state == HTTP_SCAN_VALUE || scan->state == HTTP_SCAN_NAME;
  }
  return !scan->response || scan->first_len == HTTP_SCAN_FIRST_SIZE;
}

/* Whether none of eight bytes is a control byte. A byte that is less than a space has its highest
   bit set in `low`, and 0x7f has it in `del`. A borrow may set more bits, but there is none without
   such a byte. */
static bool are_visible(const uint8_t bytes[8]) {
  const uint64_t ones = UINT64_C(0x0101010101010101);
  uint64_t x;
  memcpy(&x, bytes, sizeof x);
  const uint64_t y = x ^ (ones * 0x7f), low = (x - ones * ' ') & ~x, del = (y - ones) & ~y;
  return ((low | del) & (ones * 0x80)) == 0;
}

/* Copy the bytes that belong to a value, or to the first line, and change no state. Returns their
   number. */
static size_t copy_value(char *to, const uint8_t *data, size_t len) {
  size_t n = 0;
  for (; len - n >= 8 && are_visible(data + n); n += 8) memcpy(to + n, data + n, 8);
  for (; n < len && data[n] >= ' ' && data[n] != 0x7f; n++) to[n] = (char) data[n];
  return n;
}

/* The same of a name. */
static size_t copy_name(char *to, const uint8_t *data, size_t len) {
  size_t n = 0;
  for (; n < len && ascii_is_tchar((char) data[n]); n++) to[n] = (char) data[n];
  return n;
}

/* Write those at the beginning of `data` that change no state; this is faster than step. */
static size_t put_plain(bool name, http_scan_text *text, const uint8_t *data, size_t len) {
  const size_t room = TEXT_FULL - text->len;
  char *to = text->bytes + text->len;
  if (len > room) len = room;
  const size_t n = name ? copy_name(to, data, len) : copy_value(to, data, len);
  text->len += n;
  return n;
}

int http_scan_feed(http_scan *scan, const uint8_t *data, size_t len, size_t *used,
                   http_scan_text *text) {
  *used = text->len = 0;
  while (*used < len && text->len < TEXT_FULL) {
    if (is_within(scan)) {
      size_t n = put_plain(scan->state == HTTP_SCAN_NAME, text, data + *used, len - *used);
      *used += n;
      if (*used == len || text->len >= TEXT_FULL) return 0;
    }
    scan->state = step(scan, data[*used], text);
    if (scan->state == HTTP_SCAN_BAD) return scan->error;
    (*used)++;
    if (scan->state == HTTP_SCAN_END) return 1;
    if (scan->state == HTTP_SCAN_FIRST_END) return 0;
  }
  return 0;
}
