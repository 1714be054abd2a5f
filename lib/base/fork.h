#ifndef WS_BASE_FORK_H
#define WS_BASE_FORK_H

/* Whether this process was forked: random bytes that were taken before may not be used on both
   sides. The one thing here that all clients of a process share. */

#include <stdatomic.h>
#include <stdint.h>

enum { FORK_PAGE_SIZE = 64 * 1024 }; /* the largest page that systems of today use */

/* The kernel sets the first page of it to zero in a child, where it can. */
typedef union fork_page {
  /* This number is different in each process that a fork led to; 0 in a child that has not called
     fork_watch yet. */
  _Alignas(FORK_PAGE_SIZE) atomic_uint generation;
  uint8_t page[FORK_PAGE_SIZE]; /* Nothing else may be in the page. */
} fork_page;

extern fork_page fork_mark;

/* A number that is not the same in a parent and its child. What was taken under one number may not
   be used under another. */
static inline unsigned fork_generation(void) {
  return atomic_load_explicit(&fork_mark.generation, memory_order_relaxed);
}

/* Begin to watch, or go on in a child: after that, fork_generation is not 0. Idempotent, and safe
   from every thread. 0 or WS_ENOMEM. */
int fork_watch(void);

#endif
