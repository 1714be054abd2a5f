#ifndef EXAMPLES_WSUV_ESCAPE_H
#define EXAMPLES_WSUV_ESCAPE_H

/* Control characters made visible, for terminals and for lines of text. */

#include <stdbool.h>
#include <stddef.h>

enum { ESCAPE_ROOM = 5 }; /* bytes of room for each byte of text */

typedef enum escape_style {
  ESCAPE_LINE,  /* every control character is escaped */
  ESCAPE_LAYOUT /* but not tabs and the ends of lines, of which CRLF becomes LF */
} escape_style;

/* Write `text` to `out`, which has ESCAPE_ROOM bytes for each of its bytes: \n, \r, \t, \x1b for C0
   and DEL, \u009b for C1, and \xff for each byte that is not UTF-8. Returns how many bytes of
   `text` were used: all of them, or, unless it is the last piece, all but a character that is cut.
 */
size_t escape_text(char *out, size_t *out_len, const char *text, size_t len, escape_style style,
                   bool last);

#endif
