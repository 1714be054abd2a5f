#ifndef TEST_DESCRIPTORS_H
#define TEST_DESCRIPTORS_H

/* How many descriptors this process may have. */

#include <stddef.h>
#include <sys/resource.h>

/* At least so many; this must be possible. */
void descriptors_allow(size_t count);

/* So many more than there are. *before is for setrlimit(RLIMIT_NOFILE) afterwards. */
void descriptors_leave(struct rlimit *before, size_t count);

#endif
