#include "net/uv/random.h"

#if defined(__linux__)
#include <sys/random.h>
#endif

#include "base/error.h"
#include "net/uv/loop.h"

/* Takes random bytes from the program's function, getrandom() or uv_random(). */

/* The system's own source, if one call gives all; libuv asks it for 256 bytes at a time. */
static bool system_random(void *buf, size_t len) {
#if defined(__linux__)
  return getrandom(buf, len, 0) == (ssize_t) len;
#else
  (void) buf;
  (void) len;
  return false;
#endif
}

static int default_random(void *buf, size_t len) {
  return system_random(buf, len) ? 0 : uv_random(NULL, NULL, buf, len, 0, NULL);
}

int random_bytes(ws_env *env, void *buf, size_t len) {
  env_uv *e = env_uv_of(env);
  int err = e->random != NULL ? e->random(buf, len, e->random_arg) : default_random(buf, len);
  return err == 0 ? 0 : WSUV_ERANDOM;
}
