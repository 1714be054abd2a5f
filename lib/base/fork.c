#include "base/fork.h"

#include <pthread.h>

#include "base/error.h"

/* A counter that each fork() increases in the child, which has only one thread at that time. */

unsigned fork_generation;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int result;

static void count(void) {
  fork_generation++;
}

static void fork_begin(void) {
  if (pthread_atfork(NULL, NULL, count) != 0) result = WS_ENOMEM;
}

int fork_watch(void) {
  return pthread_once(&once, fork_begin) == 0 ? result : WS_ENOMEM;
}
