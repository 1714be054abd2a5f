#include "net/tls/mbedtls/tls_verify.h"

#include <string.h>

#include <mbedtls/md.h>
#include <mbedtls/ssl.h>

#include "net/tls/tls_problems.h"

/* Checks addresses and pins of certificates, and describes verification errors. */

enum { SAN_ADDRESS = 0x87, RSA_MIN_BITS = 2048 }; /* iPAddress [7], as a tag */

const mbedtls_x509_crt_profile tls_verify_profile = {
    .allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) |
                   MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
                   MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    .allowed_pks = 0x0fffffff,
    .allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |
                      MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1) |
                      MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP521R1),
    .rsa_min_bitlen = RSA_MIN_BITS,
};

bool tls_peer_matches(const tls_peer *peer, const mbedtls_x509_crt *cert) {
  if (peer->address_len == 0) return cert->subject_alt_names.buf.p != NULL;
  for (const mbedtls_x509_sequence *san = &cert->subject_alt_names; san != NULL; san = san->next) {
    if (san->buf.tag == SAN_ADDRESS && san->buf.len == peer->address_len &&
        memcmp(san->buf.p, peer->address, peer->address_len) == 0) {
      return true;
    }
  }
  return false;
}

bool tls_verify_pins(const mbedtls_x509_crt *cert, const uint8_t *pins, size_t count) {
  uint8_t hash[TLS_PIN_SIZE];
  const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
  if (mbedtls_md(sha256, cert->pk_raw.p, cert->pk_raw.len, hash) != 0) return false;
  for (size_t i = 0; i < count; i++) {
    if (memcmp(hash, pins + i * TLS_PIN_SIZE, sizeof hash) == 0) return true;
  }
  return false;
}

static const struct {
  uint32_t flag; /* This is a flag of mbedTLS, or one of tls_verify.h. */
  uint32_t ours; /* This is the flag of ours that stands for it. */
} problems[] = {
    {MBEDTLS_X509_BADCERT_EXPIRED, WSUV_CERT_EXPIRED},
    {MBEDTLS_X509_BADCERT_FUTURE, WSUV_CERT_NOT_YET_VALID},
    {MBEDTLS_X509_BADCERT_CN_MISMATCH, WSUV_CERT_HOST_MISMATCH},
    {MBEDTLS_X509_BADCERT_NOT_TRUSTED, WSUV_CERT_NOT_TRUSTED},
    {MBEDTLS_X509_BADCERT_MISSING, WSUV_CERT_MISSING},
    {MBEDTLS_X509_BADCERT_KEY_USAGE, WSUV_CERT_KEY_USAGE},
    {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, WSUV_CERT_EXT_KEY_USAGE},
    {MBEDTLS_X509_BADCERT_NS_CERT_TYPE, WSUV_CERT_TYPE},
    {MBEDTLS_X509_BADCERT_BAD_MD, WSUV_CERT_WEAK_HASH},
    {MBEDTLS_X509_BADCERT_BAD_PK, WSUV_CERT_KEY_TYPE},
    {MBEDTLS_X509_BADCERT_BAD_KEY, WSUV_CERT_WEAK_KEY},
    {MBEDTLS_X509_BADCERT_REVOKED, WSUV_CERT_REVOKED},
    {MBEDTLS_X509_BADCRL_EXPIRED, WSUV_CERT_CRL_EXPIRED},
    {MBEDTLS_X509_BADCRL_FUTURE, WSUV_CERT_CRL_EXPIRED},
    {MBEDTLS_X509_BADCRL_NOT_TRUSTED, WSUV_CERT_CRL_INVALID},
    {MBEDTLS_X509_BADCRL_BAD_MD, WSUV_CERT_CRL_INVALID},
    {MBEDTLS_X509_BADCRL_BAD_PK, WSUV_CERT_CRL_INVALID},
    {MBEDTLS_X509_BADCRL_BAD_KEY, WSUV_CERT_CRL_INVALID},
    {TLS_BADCERT_CRL_MISSING, WSUV_CERT_CRL_MISSING},
    {TLS_BADCERT_NAME_CONSTRAINTS, WSUV_CERT_NAME_CONSTRAINTS},
    {TLS_BADCERT_EXTENSION, WSUV_CERT_EXTENSION},
    {TLS_BADCERT_POLICY, TLS_PROBLEM_POLICY},
};

uint32_t tls_verify_parse_flag(int library_error) {
  switch (library_error) {
  case MBEDTLS_ERR_X509_INVALID_EXTENSIONS + MBEDTLS_ERR_ASN1_UNEXPECTED_TAG:
    return TLS_BADCERT_EXTENSION;
  case MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE: return TLS_BADCERT_POLICY;
  default: return 0;
  }
}

/* Flags of mbedTLS without a flag of ours become WSUV_CERT_OTHER. */
static uint32_t problems_of(uint32_t flags) {
  uint32_t ours = 0, known = 0;
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
    known |= problems[i].flag;
    if ((flags & problems[i].flag) != 0) ours |= problems[i].ours;
  }
  return (flags & ~known) != 0 ? ours | (uint32_t) WSUV_CERT_OTHER : ours;
}

uint32_t tls_verify_flags(uint32_t flags) {
  return tls_problems_public(problems_of(flags));
}

void tls_verify_describe(char *text, size_t size, uint32_t flags) {
  tls_problems_describe(text, size, flags == UINT32_MAX ? 0 : problems_of(flags));
}

unsigned char tls_verify_alert_for(uint32_t flags) {
  static const struct {
    uint32_t flags;      /* These are flags of mbedTLS, */
    unsigned char alert; /* and this is the alert for each of them. */
  } alerts[] = {
      {MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE,
       MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED},
      {MBEDTLS_X509_BADCERT_REVOKED, MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED},
      {MBEDTLS_X509_BADCERT_NOT_TRUSTED, MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA},
      {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
           MBEDTLS_X509_BADCERT_NS_CERT_TYPE | MBEDTLS_X509_BADCERT_BAD_PK |
           MBEDTLS_X509_BADCERT_BAD_KEY | MBEDTLS_X509_BADCERT_BAD_MD,
       MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT},
  };
  for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++) {
    if ((flags & alerts[i].flags) != 0) return alerts[i].alert;
  }
  return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
}
