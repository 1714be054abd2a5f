#ifndef WS_PROTO_HTTP_HTTP_SCAN_H
#define WS_PROTO_HTTP_HTTP_SCAN_H

/* Finds the end of the head of an HTTP/1 message (RFC 9112 2.1) in raw bytes, and rejects what
   versions of llhttp treat differently: folded fields, bare CR and LF, control bytes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_SCAN_FIRST_SIZE = 13 }; /* of "HTTP/1.1 101 " */

typedef enum http_scan_state {
  HTTP_SCAN_START,    /* before the first line */
  HTTP_SCAN_EMPTY_CR, /* CR of an empty line there */
  HTTP_SCAN_FIRST,    /* in the first line */
  HTTP_SCAN_LINE,     /* in another */
  HTTP_SCAN_LINE_CR,
  HTTP_SCAN_NEXT, /* at the beginning of a line after the first */
  HTTP_SCAN_LAST_CR,
  HTTP_SCAN_END,
  HTTP_SCAN_BAD
} http_scan_state;

typedef struct http_scan {
  http_scan_state state;            /* zeroed is the beginning */
  bool skips_empty;                 /* empty lines may come first, as before a request */
  const char *detail;               /* what was wrong; static */
  char first[HTTP_SCAN_FIRST_SIZE]; /* how the first line begins, not terminated */
  size_t first_len;
} http_scan;

/* Read bytes. *used says how many belong to the head; after WSUV_EHTTP, how many were valid. 1: the
   head is complete; 0: more is needed; WSUV_EHTTP. After anything but 0 it may not be called
   again. */
int http_scan_feed(http_scan *scan, const uint8_t *data, size_t len, size_t *used);

#endif
