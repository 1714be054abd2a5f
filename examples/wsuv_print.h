#ifndef EXAMPLES_WSUV_PRINT_H
#define EXAMPLES_WSUV_PRINT_H

/* What arrives, on standard output: exact to a file or a pipe; on a terminal, control characters of
   the peer are escaped, and lines of messages have a mark. All functions return what output_write()
   does. */

#include <stdbool.h>
#include <stddef.h>
#include <wsuv.h>

#include "wsuv_escape.h"

typedef enum print_format {
  PRINT_LINES, /* a line each */
  PRINT_NULL,  /* each with a NUL behind it */
  PRINT_JSON,  /* a line of JSON each, whole messages only */
  PRINT_RAW    /* with nothing between them */
} print_format;

typedef struct printer {
  print_format format;
  bool terminal;
  bool marks;      /* "> " before a message that was sent, "< " before one that arrived */
  bool colors;     /* of the marks */
  bool timestamps; /* the time before each message */
  bool inside;     /* a message was begun */
  char held[4];    /* a character that is cut, up to its next piece */
  size_t held_len;
} printer;

void print_init(printer *p, print_format format, bool timestamps);

/* A message of the command line that was sent, if there are marks. */
int print_sent(printer *p, const char *text);

/* A message, or a piece of it; `last` ends it. */
int print_message(printer *p, wsuv_frame_type_t type, const void *data, size_t len, bool last);

/* The head of a response: its status, a line for each field, and an empty line. */
int print_head(printer *p, int status, const wsuv_header_t *headers, size_t count);

/* The body of a response. */
int print_body(printer *p, const void *data, size_t len);

#endif
