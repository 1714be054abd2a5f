#ifndef WS_SESSION_CALLBACK_SET_H
#define WS_SESSION_CALLBACK_SET_H

/* The user's callbacks, one copy for all sessions with the same ones, of which there may be many
   thousands. */

#include <stddef.h>

#include <wsuv/session.h>

#include "base/alloc.h"

typedef struct callback_set {
  wsuv_callbacks_t callbacks;
  size_t refs;
} callback_set;

/* The set of these callbacks (NULL: none), with one reference more: the last one made, if it is the
   same, or a new one. *last is kept with a reference of its own. NULL: no memory. */
callback_set *callback_set_get(callback_set **last, const wsuv_allocator_t *alloc,
                               const wsuv_callbacks_t *callbacks);

void callback_set_unref(callback_set *set, const wsuv_allocator_t *alloc); /* NULL is fine */

#endif
