/* To be preloaded with glibc, whose own functions have second names. From the first connection on
   that the process has accepted, one allocation fails: the one whose number, from 0, is in the
   variable FAIL_MALLOC. Standard error gets a line then. */

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static atomic_bool counting; /* threads allocate, too */
static atomic_long left;     /* allocations until the one that fails */

/* Its header has other types, which are passed in the same way. */
int accept4(int fd, void *address, void *len, int flags) {
  int accepted = (int) syscall(SYS_accept4, fd, address, len, flags);
  const char *number = getenv("FAIL_MALLOC");
  if (accepted >= 0 && !counting && number != NULL) {
    left = strtol(number, NULL, 10);
    counting = true;
  }
  return accepted;
}

static bool fails(void) {
  static const char line[] = "fail_malloc: one has failed\n";
  if (!counting || left-- != 0) return false;
  if (write(STDERR_FILENO, line, sizeof line - 1) < 0) abort();
  errno = ENOMEM;
  return true;
}

void *malloc(size_t size) {
  return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
  return fails() ? NULL : __libc_realloc(block, size);
}
