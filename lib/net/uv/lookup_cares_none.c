#include "base/error.h"
#include "net/uv/lookup_cares.h"

/* Stands in for lookup_cares.c where the library is built without c-ares. */

const bool lookup_cares_built_in = false;

int lookup_cares_start(env_uv *e, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                       ws_lookup **out) {
  (void) e;
  (void) host;
  (void) port;
  (void) cb;
  (void) data;
  (void) out;
  return WS_ENOTSUP;
}

void lookup_cares_end(env_uv *e) {
  (void) e;
}

int lookup_cares_code(int status) {
  return status == 0 ? 0 : WS_ENOTSUP;
}
