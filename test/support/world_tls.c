#include "support/world_tls.h"

#include <string.h>

#include "support/tls_ends.h"
#include "testkit/check.h"

/* One certificate for all worlds of a program, made when it is first wanted; a context of the
   servers' for each world. Peers have mbedTLS, which writes what OpenSSL would not. */

typedef struct identity {
  bool made;
  cert own;
  wsuv_tls_config_t trust, shown;
} identity;

static identity *the_identity(void) {
  static identity id;
  const cert_spec spec = {.name = "peer", .hosts = {"localhost", "127.0.0.1"}};
  if (!id.made) {
    cert_make(&id.own, &spec, NULL);
    wsuv_tls_config_init(&id.trust);
    id.trust.library = test_library(WS_CLIENT);
    id.trust.ca_pem = id.own.pem;
    id.trust.ca_pem_len = strlen(id.own.pem);
    wsuv_tls_config_init(&id.shown);
    id.shown.library = test_library(WS_SERVER);
    id.shown.cert_pem = id.own.pem;
    id.shown.cert_pem_len = strlen(id.own.pem);
    id.shown.key_pem = id.own.key_pem;
    id.shown.key_pem_len = strlen(id.own.key_pem);
    id.made = true;
  }
  return &id;
}

void world_secure(world *w) {
  CHECK(w->tls == NULL);
  wsuv_tls_config_t config = the_identity()->shown;
  tls_failure failure;
  config.library = WSUV_TLS_LIBRARY_MBEDTLS;
  CHECK(tls_loaded_context(&w->tls, &ws_alloc_libc, &config, WS_SERVER, &failure) == 0);
}

void world_unsecure(world *w) {
  tls_context_unref(w->tls);
  tls_context_unref(w->client_tls);
  w->tls = w->client_tls = NULL;
}

const wsuv_tls_config_t *world_tls(const world *w) {
  return w->tls != NULL ? &the_identity()->trust : NULL;
}

const wsuv_tls_config_t *world_server_tls(const world *w) {
  return w->tls != NULL ? &the_identity()->shown : NULL;
}

tls_context *world_client_context(world *w) {
  tls_failure failure;
  if (w->tls != NULL && w->client_tls == NULL) {
    wsuv_tls_config_t config = the_identity()->trust;
    config.library = WSUV_TLS_LIBRARY_MBEDTLS;
    CHECK(tls_loaded_context(&w->client_tls, &ws_alloc_libc, &config, WS_CLIENT, &failure) == 0);
  }
  return w->client_tls;
}

const cert *world_cert(void) {
  return &the_identity()->own;
}
