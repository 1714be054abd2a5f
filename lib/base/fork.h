#ifndef WS_BASE_FORK_H
#define WS_BASE_FORK_H

/* Whether this process was forked: random bytes that were taken before may not be used on both
   sides. The one thing here that all clients of a process share. */

/* Counts, in a child, the forks that led to it since the first call of fork_watch. */
extern unsigned fork_generation;

/* Begin to count. Idempotent, and safe from every thread. 0 or WS_ENOMEM. */
int fork_watch(void);

#endif
