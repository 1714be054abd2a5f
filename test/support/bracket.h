#ifndef TEST_BRACKET_H
#define TEST_BRACKET_H

/* An extension for tests: puts a letter of its own before and behind each message, and takes both
   away again. So the order in which several were at work can be read from what they made.

   In the handshake it is `KEY; letter=L`, and nothing else. */

#include <stdbool.h>

#include <wsuv/extension.h>

#include "testkit/track_alloc.h"

typedef struct bracket {
  wsuv_extension_t hooks; /* to be installed; may be changed before */
  char letter;
  int offers;            /* how many it makes */
  bool declines;         /* every offer */
  int fails;             /* outgoing and incoming return this, with half of the work done */
  bool intact;           /* ... and say so */
  bool late;             /* outgoing passes only after it has written */
  int installed, states; /* alive */
  int chunks;            /* that came in, or went out */
} bracket;

/* Zeroed but for the hooks; one offer. */
void bracket_init(bracket *b, const char *key, unsigned rsv, char letter);

#endif
