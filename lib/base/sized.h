#ifndef WS_BASE_SIZED_H
#define WS_BASE_SIZED_H

/* Plain structures of callers that were compiled with an older or a newer header. Each begins with
   its size in bytes, a size_t, which the caller's header has filled in. One rule for all of them:

   - A size that a release had is an older caller's: the fields that it does not have keep their
     defaults.
   - A larger size, up to SIZED_MAX, is a newer caller's: fine as long as the bytes that are not
     known here are zero.
   - Anything else is WSUV_ESIZE. */

#include <stddef.h>

#include <wsuv/error.h>

#include "base/why.h"

enum { SIZED_MAX = 4096 }; /* more is no size, but garbage */

typedef struct sized_type {
  const char *name; /* This is the name of the structure's type. */
  /* These are the sizes in bytes that releases had, ascending; the last one is today's. */
  const size_t *released;
  size_t count; /* `released` has this many elements. */
} sized_type;

/* Define the static `name` for a structure: its last field, which must end at sizeof, so that
   padding never becomes a field; then the sizes that releases had, ending in sizeof(type). */
#define SIZED_TYPE(name, type, last, ...)                 \
  SIZED_NO_PADDING(type, last);                           \
  static const size_t name##_released[] = {__VA_ARGS__};  \
  static const sized_type name = {#type, name##_released, \
                                  sizeof name##_released / sizeof name##_released[0]}

/* For a structure that is only given out, this check is enough. */
#define SIZED_NO_PADDING(type, last)                                             \
  _Static_assert(offsetof(type, last) + SIZED_FIELD(type, last) == sizeof(type), \
                 "padding at the end of " #type " would become a field")

/* The size of a field, which may well be a pointer. */
#define SIZED_FIELD(type, field) \
  (sizeof(((type *) 0)->field)) /* NOLINT(bugprone-sizeof-expression) */

/* Read a structure of the caller's. `to` is one of today's size that holds the defaults, and gets
   what the caller has filled in; its size becomes today's. 0 or WSUV_ESIZE, and then `to` is as it
   was, and *why, unless it is NULL, names the structure. */
int sized_in(void *to, const sized_type *type, const void *from, ws_why *why);

/* Fill in a structure of the caller's, whose size is an argument because it is not set, from one of
   today's size. What is beyond that becomes zero. A size that holds no size_t is ignored. */
void sized_fill(void *to, size_t size, const sized_type *type, const void *from);

/* Fill in a structure of the caller's from one of today's size: as far as it goes. What a newer
   caller has beyond that becomes zero; its size stays. 0 or WSUV_ESIZE, and then nothing is
   written, and *why, unless it is NULL, names the structure. */
int sized_out(void *to, const sized_type *type, const void *from, ws_why *why);

#endif
