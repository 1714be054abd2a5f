#include "net/environment.h"

#include <stdlib.h>
#include <unistd.h>

/* Whose value may be trusted is known to the C library. */

const char *environment_variable(const char *name) {
#if defined(__linux__)
  const char *value = secure_getenv(name);
#else
  const char *value = issetugid() != 0 ? NULL : getenv(name);
#endif
  return value != NULL && *value != '\0' ? value : NULL;
}
