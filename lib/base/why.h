#ifndef WS_BASE_WHY_H
#define WS_BASE_WHY_H

/* What was wrong, in words that go beside an error code. */

enum { WHY_SIZE = 192 };

typedef struct ws_why {
  char text[WHY_SIZE]; /* This is one line without control characters; "": nothing was set. */
} ws_why;

/* Set the words, cut if they are too long and escaped (base/escape.h), so that texts of a peer may
   be among them. NULL: they are not wanted. Returns `err`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int ws_why_set(ws_why *why, int err, const char *format, ...);

#endif
