#ifndef WS_SESSION_CALLBACK_SET_H
#define WS_SESSION_CALLBACK_SET_H

/* The program's callbacks. Sessions with the same callbacks, of which there may be many thousands,
   share one copy. */

#include <stddef.h>

#include <wsuv/session.h>

#include "base/alloc.h"

typedef struct callback_set {
  /* This is a copy of the program's callbacks, each of which may be NULL. */
  wsuv_callbacks_t callbacks;
  size_t refs; /* The set has this many references, and is freed when it has none. */
} callback_set;

/* Get a set with these callbacks (NULL: none) and take a reference to it. *last, the set that was
   made last, is used again if it has the same callbacks; otherwise a new set takes its place. *last
   has a reference of its own. Returns NULL: no memory. */
callback_set *callback_set_get(callback_set **last, const wsuv_allocator_t *alloc,
                               const wsuv_callbacks_t *callbacks);

void callback_set_unref(callback_set *set, const wsuv_allocator_t *alloc); /* NULL is allowed */

#endif
