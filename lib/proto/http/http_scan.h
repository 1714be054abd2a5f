#ifndef WS_PROTO_HTTP_HTTP_SCAN_H
#define WS_PROTO_HTTP_HTTP_SCAN_H

/* Finds the end of the head of an HTTP/1 message (RFC 9112 2.1) in raw bytes, and rejects what
   versions of llhttp treat differently: folded fields, bare CR and LF, control bytes, bad names of
   fields. In a response, folded fields and bare LF are rewritten instead. It judges and writes byte
   by byte, so the result does not depend on how the bytes are cut. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  HTTP_SCAN_FIRST_SIZE = 13, /* of "HTTP/1.1 101 " */
  HTTP_SCAN_TEXT_SIZE = 512
};

/* What llhttp gets, but for the first line of a request: a head with CRLF at the end of each line,
   and without folded fields. */
typedef struct http_scan_text {
  char bytes[HTTP_SCAN_TEXT_SIZE]; /* These bytes are not terminated. */
  size_t len;                      /* `bytes` has this many bytes. */
} http_scan_text;

typedef enum http_scan_state {
  HTTP_SCAN_START,     /* before the first line */
  HTTP_SCAN_EMPTY_CR,  /* after the CR of an empty line before the first */
  HTTP_SCAN_FIRST,     /* in the first line */
  HTTP_SCAN_FIRST_CR,  /* after the CR that ends the first line of a request */
  HTTP_SCAN_FIRST_END, /* after the first line of a request; here http_scan_feed stops */
  HTTP_SCAN_NAME,      /* in the name of a field */
  HTTP_SCAN_VALUE,     /* after the colon of a field */
  HTTP_SCAN_LINE_CR,
  HTTP_SCAN_NEXT, /* after a line, whose end is not written yet */
  HTTP_SCAN_FOLD, /* in the spaces at the beginning of a line that goes on */
  HTTP_SCAN_LAST_CR,
  HTTP_SCAN_END,
  HTTP_SCAN_BAD
} http_scan_state;

typedef struct http_scan {
  http_scan_state state; /* This is where the scan stands; a zeroed scan stands at the beginning. */
  bool response;         /* The head is a response's: folded fields and bare LF are rewritten. */
  bool has_field;        /* A field has begun. */
  size_t fields_left;    /* At most this many more fields may come. */
  int error;             /* This is the error that was found, or 0. */
  const char *detail;    /* After an error, this static text says what was wrong. */
  /* The first line of a response begins with these characters, which are not terminated. */
  char first[HTTP_SCAN_FIRST_SIZE];
  size_t first_len; /* `first` has this many characters. */
} http_scan;

/* Read bytes, and write what they mean to `text`, from its beginning. *used says how many were
   read, all of the head; after an error, how many were valid. 1: the head is complete; 0: `text` is
   full, or the first line of a request has ended, or all bytes were read and more are needed;
   WSUV_EHTTP: malformed; WSUV_EHEADERS: too many
   fields. After anything but 0 it may not be called again. */
int http_scan_feed(http_scan *scan, const uint8_t *data, size_t len, size_t *used,
                   http_scan_text *text);

#endif
