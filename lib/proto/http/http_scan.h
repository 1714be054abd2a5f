#ifndef WS_PROTO_HTTP_HTTP_SCAN_H
#define WS_PROTO_HTTP_HTTP_SCAN_H

/* Finds the end of the head of an HTTP/1 message (RFC 9112 2.1) in raw bytes, and rejects what
   versions of llhttp treat differently: folded fields, bare CR and LF, control bytes, bad names of
   fields. It judges byte by byte, so the result does not depend on how the bytes are cut. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_SCAN_FIRST_SIZE = 13 }; /* of "HTTP/1.1 101 " */

typedef enum http_scan_state {
  HTTP_SCAN_START,    /* before the first line */
  HTTP_SCAN_EMPTY_CR, /* after the CR of an empty line before the first */
  HTTP_SCAN_FIRST,    /* in the first line */
  HTTP_SCAN_NAME,     /* in the name of a field */
  HTTP_SCAN_VALUE,    /* after the colon of a field */
  HTTP_SCAN_LINE_CR,
  HTTP_SCAN_NEXT, /* at the beginning of a line after the first */
  HTTP_SCAN_LAST_CR,
  HTTP_SCAN_END,
  HTTP_SCAN_BAD
} http_scan_state;

typedef struct http_scan {
  http_scan_state state; /* This is where the scan stands; a zeroed scan stands at the beginning. */
  bool skips_empty;      /* Empty lines may come before the first line, as before a request. */
  size_t fields_left;    /* At most this many more fields may come. */
  int error;             /* This is the error that was found, or 0. */
  const char *detail;    /* After an error, this static text says what was wrong. */
  /* The first line begins with these characters, which are not terminated. */
  char first[HTTP_SCAN_FIRST_SIZE];
  size_t first_len; /* `first` has this many characters. */
} http_scan;

/* Read bytes. *used says how many belong to the head; after an error, how many were valid. 1: the
   head is complete; 0: more is needed; WSUV_EHTTP: malformed; WSUV_EHEADERS: too many fields. After
   anything but 0 it may not be called again. */
int http_scan_feed(http_scan *scan, const uint8_t *data, size_t len, size_t *used);

#endif
