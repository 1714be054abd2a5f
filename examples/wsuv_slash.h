#ifndef EXAMPLES_WSUV_SLASH_H
#define EXAMPLES_WSUV_SLASH_H

/* Commands among the lines of standard input, for the option --slash. */

#include <stddef.h>
#include <wsuv.h>

typedef enum slash_kind {
  SLASH_TEXT, /* no command: a message */
  SLASH_PING,
  SLASH_PONG,
  SLASH_CLOSE,
  SLASH_BAD
} slash_kind;

typedef struct slash_line {
  slash_kind kind;
  const char *data; /* text, or payload of a ping or pong: part of the line that was read */
  size_t len;
  unsigned code; /* of a close */
  char reason[WSUV_CLOSE_REASON_MAX + 1];
} slash_line;

/* Read a line: /ping [TEXT], /pong [TEXT], /close [CODE [REASON]], //TEXT for the text /TEXT, and
   any text that does not begin with a slash. Codes are checked by the library only. */
void slash_read(slash_line *line, const char *data, size_t len);

#endif
