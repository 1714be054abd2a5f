#include "net/tls/mbedtls/tls_mbed.h"

#include <mbedtls/md.h>

#include "base/error.h"

/* Hash functions of mbedTLS. A build of it may be without MD5. */

int tls_mbed_hash(ws_hash_kind kind, const ws_view *parts, size_t count,
                  uint8_t hash[WS_HASH_SIZE_MAX]) {
  const mbedtls_md_info_t *info =
      mbedtls_md_info_from_type(kind == WS_HASH_MD5 ? MBEDTLS_MD_MD5 : MBEDTLS_MD_SHA256);
  mbedtls_md_context_t md;
  if (info == NULL) return WS_ENOTSUP;
  mbedtls_md_init(&md);
  int err = mbedtls_md_setup(&md, info, 0);
  if (err == 0) err = mbedtls_md_starts(&md);
  for (size_t i = 0; i < count && err == 0; i++) {
    if (parts[i].len > 0) err = mbedtls_md_update(&md, parts[i].base, parts[i].len);
  }
  if (err == 0) err = mbedtls_md_finish(&md, hash);
  mbedtls_md_free(&md);
  if (err == 0) return 0;
  return err == MBEDTLS_ERR_MD_ALLOC_FAILED ? WS_ENOMEM : WS_ENOTSUP;
}
