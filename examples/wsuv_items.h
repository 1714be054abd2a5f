#ifndef EXAMPLES_WSUV_ITEMS_H
#define EXAMPLES_WSUV_ITEMS_H

/* Bytes of a stream, cut into items: lines, or whatever the unit is. */

#include <stdbool.h>
#include <stddef.h>

typedef enum items_unit {
  ITEMS_LINES,
  ITEMS_NULLS, /* as lines, with NUL for their end */
  ITEMS_WHOLE, /* all there is */
  ITEMS_PIECES /* whatever has been read */
} items_unit;

/* Zeroed, but for the unit. */
typedef struct items {
  items_unit unit;
  char *text; /* bytes from `start` to `end` were read and not taken */
  size_t cap, start, end;
  size_t scanned; /* there is no end of a line before */
  size_t used;    /* bytes of the item that items_next() has found, with its end */
} items;

/* Room for so many bytes, to be written there and then counted by items_add(); NULL: no memory. */
char *items_room(items *it, size_t size);
void items_add(items *it, size_t len);

/* The next item, without its end. false: it is not complete, and with `ended`, which says that
   nothing more will come, there is none. It is not taken, and stays where it is up to the next
   items_room(). */
bool items_next(items *it, bool ended, const char **data, size_t *len);

/* Take the item that items_next() has found. */
void items_take(items *it);

/* Bytes that are not taken. */
size_t items_left(const items *it);

/* Free the memory. Only items_left() may follow, which returns the same as before. */
void items_free(items *it);

#endif
