#include "base/fork.h"

#include <pthread.h>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "base/error.h"

/* Two guards. A handler of pthread_atfork runs for fork() only. The kernel wipes a page in every
   child, also one made by _Fork() or clone(): on Linux from 4.14 on. Without that, the handler is
   the only guard. */

fork_page fork_mark;

/* A child has a copy of this, which is not wiped: so it takes no number that was taken before. */
static atomic_uint generations;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int result;

static unsigned next_generation(void) {
  return atomic_fetch_add(&generations, 1) + 1;
}

static void renew(void) {
  atomic_store(&fork_mark.generation, next_generation());
}

/* Two threads of a child may come here at once: the first one decides. */
static void renew_if_wiped(void) {
  unsigned wiped = 0;
  if (fork_generation() != 0) return;
  atomic_compare_exchange_strong(&fork_mark.generation, &wiped, next_generation());
}

static void wipe_in_children(void) {
#if defined(MADV_WIPEONFORK)
  long size = sysconf(_SC_PAGESIZE);
  if (size > 0 && size <= FORK_PAGE_SIZE)
    (void) madvise(&fork_mark, (size_t) size, MADV_WIPEONFORK);
#endif
}

static void fork_begin(void) {
  renew();
  wipe_in_children();
  if (pthread_atfork(NULL, NULL, renew) != 0) result = WS_ENOMEM;
}

int fork_watch(void) {
  if (pthread_once(&once, fork_begin) != 0) return WS_ENOMEM;
  renew_if_wiped();
  return result;
}
