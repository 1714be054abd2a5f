#include "support/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include "testkit/check.h"

void descriptors_allow(size_t count) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(limit.rlim_max >= count);
  if (limit.rlim_cur >= count) return;
  limit.rlim_cur = limit.rlim_max;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

void descriptors_leave(struct rlimit *before, size_t count) {
  CHECK(getrlimit(RLIMIT_NOFILE, before) == 0);
  int next = open("/dev/null", O_RDONLY);
  CHECK(next >= 0 && close(next) == 0);
  struct rlimit few = {(rlim_t) next + count, before->rlim_max};
  CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
}
