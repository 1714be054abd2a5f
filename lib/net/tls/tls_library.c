#include "net/tls/tls_library.h"

/* The libraries of this build. */

static const tls_library *const libraries[] = {
#if defined(WS_TLS_MBEDTLS)
    &tls_library_mbedtls,
#endif
#if defined(WS_TLS_OPENSSL)
    &tls_library_openssl,
#endif
};

const tls_library *tls_library_for(wsuv_tls_library_t id) {
  if (id == WSUV_TLS_LIBRARY_NONE) return libraries[0];
  for (size_t i = 0; i < sizeof libraries / sizeof(tls_library *); i++) {
    if (libraries[i]->id == id) return libraries[i];
  }
  return NULL;
}

bool tls_library_has_1_3(wsuv_tls_library_t id) {
  const tls_library *library = tls_library_for(id);
  return library != NULL && library->has_1_3();
}

int tls_library_hash(ws_hash_kind kind, const ws_view *parts, size_t count,
                     uint8_t hash[WS_HASH_SIZE_MAX]) {
  return libraries[0]->hash(kind, parts, count, hash);
}
