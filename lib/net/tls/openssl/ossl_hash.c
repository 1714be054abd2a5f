#include "net/tls/openssl/ossl_hash.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/error.h"

/* A build of OpenSSL, or its configuration, may be without MD5. */

int ossl_hash(ws_hash_kind kind, const ws_view *parts, size_t count,
              uint8_t hash[WS_HASH_SIZE_MAX]) {
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  if (md == NULL) return WS_ENOMEM;
  int good = EVP_DigestInit_ex(md, kind == WS_HASH_MD5 ? EVP_md5() : EVP_sha256(), NULL);
  for (size_t i = 0; i < count && good == 1; i++) {
    if (parts[i].len > 0) good = EVP_DigestUpdate(md, parts[i].base, parts[i].len);
  }
  if (good == 1) good = EVP_DigestFinal_ex(md, hash, NULL);
  EVP_MD_CTX_free(md);
  ERR_clear_error();
  return good == 1 ? 0 : WS_ENOTSUP;
}
