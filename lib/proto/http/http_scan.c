#include "proto/http/http_scan.h"

/* Reads the lines of a head byte by byte. Never reads a byte after it. */

#include "base/error.h"
#include "proto/http/ascii.h"

/*   start-line CRLF *( field-line CRLF ) CRLF        RFC 9112 2.1
     field-line = field-name ":" OWS field-value OWS            5
     Empty lines before a request line are skipped (2.2), a line that begins with a space or a tab
     continues the one before (obs-fold, 5.2). */

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

static http_scan_state in_line(http_scan *scan, uint8_t c, http_scan_state line) {
  if (c == '\r') return HTTP_SCAN_LINE_CR;
  if (c == '\n') return bad(scan, "LF without CR in the head");
  if ((c < ' ' && c != '\t') || c == 0x7f) return bad(scan, "control byte in the head");
  if (line == HTTP_SCAN_FIRST && scan->first_len < HTTP_SCAN_FIRST_SIZE) {
    scan->first[scan->first_len++] = (char) c;
  }
  return line;
}

static http_scan_state in_name(http_scan *scan, uint8_t c) {
  if (ascii_is_tchar((char) c)) return HTTP_SCAN_NAME;
  if (c == ':') return HTTP_SCAN_VALUE;
  return bad(scan,
             c == '\r' || c == '\n' ? "header field without a colon" : "field name is not a token");
}

/* The first byte of a line after the first line. */
static http_scan_state begin_line(http_scan *scan, uint8_t c) {
  if (c == ' ' || c == '\t') return bad(scan, "folded header field");
  if (c == '\r') return HTTP_SCAN_LAST_CR;
  if (c == '\n') return bad(scan, "LF without CR in the head");
  if (scan->fields_left == 0) return http_scan_fail(scan, WSUV_EHEADERS, "too many header fields");
  scan->fields_left--;
  return c == ':' ? bad(scan, "field name is empty") : in_name(scan, c);
}

static http_scan_state step(http_scan *scan, uint8_t c) {
  switch (scan->state) {
  case HTTP_SCAN_START:
    if (scan->skips_empty && c == '\r') return HTTP_SCAN_EMPTY_CR;
    if (!scan->skips_empty && (c == '\r' || c == '\n')) {
      return bad(scan, "empty line before the head");
    }
    return in_line(scan, c, HTTP_SCAN_FIRST);
  case HTTP_SCAN_EMPTY_CR: return after_cr(scan, c, HTTP_SCAN_START);
  case HTTP_SCAN_FIRST:
  case HTTP_SCAN_VALUE: return in_line(scan, c, scan->state);
  case HTTP_SCAN_NAME: return in_name(scan, c);
  case HTTP_SCAN_LINE_CR: return after_cr(scan, c, HTTP_SCAN_NEXT);
  case HTTP_SCAN_NEXT: return begin_line(scan, c);
  case HTTP_SCAN_LAST_CR: return after_cr(scan, c, HTTP_SCAN_END);
  case HTTP_SCAN_END:
  case HTTP_SCAN_BAD: break;
  }
  return scan->state;
}

int http_scan_feed(http_scan *scan, const uint8_t *data, size_t len, size_t *used) {
  for (*used = 0; *used < len; (*used)++) {
    scan->state = step(scan, data[*used]);
    if (scan->state == HTTP_SCAN_BAD) return scan->error;
    if (scan->state == HTTP_SCAN_END) {
      (*used)++;
      return 1;
    }
  }
  return 0;
}
