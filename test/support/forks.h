#ifndef TEST_FORKS_H
#define TEST_FORKS_H

/* The ways to make a child. Handlers of pthread_atfork do not run for _Fork(), which glibc has from
   2.34 on; other systems are tested with fork() alone. */

#include <sys/types.h>
#include <unistd.h>

typedef pid_t (*fork_way)(void);

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define FORKS_HAVE_PLAIN
pid_t _Fork(void); /* unistd.h has it for _GNU_SOURCE only */
#endif
#endif

#if defined(FORKS_HAVE_PLAIN)
static const fork_way fork_ways[] = {fork, _Fork};
#else
static const fork_way fork_ways[] = {fork};
#endif

enum { FORK_WAYS = sizeof fork_ways / sizeof *fork_ways };

#endif
