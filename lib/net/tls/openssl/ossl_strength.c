#include "net/tls/openssl/ossl_strength.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <wsuv/tls.h>

enum { RSA_MIN_BITS = 2048 };

uint32_t ossl_key_problem(X509 *cert) {
  static const char *const curves[] = {"prime256v1", "P-256",     "secp384r1",
                                       "P-384",      "secp521r1", "P-521"};
  EVP_PKEY *key = X509_get0_pubkey(cert);
  char group[64];
  size_t len;
  if (key == NULL) return WSUV_CERT_KEY_TYPE;
  bool rsa = EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1;
  if (rsa) return EVP_PKEY_get_bits(key) < RSA_MIN_BITS ? WSUV_CERT_WEAK_KEY : 0;
  if (EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1) return 0;
  if (EVP_PKEY_is_a(key, "EC") != 1) return WSUV_CERT_KEY_TYPE;
  if (EVP_PKEY_get_group_name(key, group, sizeof group, &len) != 1) return WSUV_CERT_KEY_TYPE;
  for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
    if (strcmp(group, curves[i]) == 0) return 0;
  }
  return WSUV_CERT_KEY_TYPE;
}

static bool is_strong_hash(int hash) {
  return hash == NID_sha256 || hash == NID_sha384 || hash == NID_sha512;
}

uint32_t ossl_hash_problem(X509 *cert) {
  int hash, bits;
  if (X509_get_signature_info(cert, &hash, NULL, &bits, NULL) != 1) return WSUV_CERT_WEAK_HASH;
  bool of_the_key = hash == NID_undef && bits >= 112; /* Ed25519, Ed448 */
  return is_strong_hash(hash) || of_the_key ? 0 : WSUV_CERT_WEAK_HASH;
}

/* RSASSA-PSS has its hash among the parameters; without one it is SHA-1 (RFC 8017 A.2.3). */
static int hash_of_pss(const X509_ALGOR *algorithm) {
  RSA_PSS_PARAMS *pss =
      ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter);
  int hash = NID_undef;
  if (pss != NULL && pss->hashAlgorithm != NULL) hash = OBJ_obj2nid(pss->hashAlgorithm->algorithm);
  RSA_PSS_PARAMS_free(pss);
  return hash;
}

bool ossl_signature_is_strong(const X509_ALGOR *algorithm) {
  int hash, key, id = OBJ_obj2nid(algorithm->algorithm);
  if (OBJ_find_sigid_algs(id, &hash, &key) != 1) return false;
  if (key == NID_ED25519 || key == NID_ED448) return true;
  return is_strong_hash(id == NID_rsassaPss ? hash_of_pss(algorithm) : hash);
}
