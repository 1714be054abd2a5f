#include "net/tls/mbedtls/tls_verify.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <mbedtls/md.h>
#include <mbedtls/ssl.h>

#include "net/address.h"

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

void tls_peer_init(tls_peer *peer, const char *host) {
  struct sockaddr_storage addr;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  memset(peer, 0, sizeof *peer);
  if (!address_parse(&addr, host, 0)) return;
  if (addr.ss_family == AF_INET) {
    memcpy(&in, &addr, sizeof in);
    peer->address_len = sizeof in.sin_addr;
    memcpy(peer->address, &in.sin_addr, sizeof in.sin_addr);
  } else {
    memcpy(&in6, &addr, sizeof in6);
    peer->address_len = sizeof in6.sin6_addr;
    memcpy(peer->address, &in6.sin6_addr, sizeof in6.sin6_addr);
  }
}

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
  uint32_t flag;         /* This is a flag of mbedTLS. */
  wsuv_cert_flag_t ours; /* This is the flag of ours that stands for it. */
  const char *text;      /* This is the error in words. */
} problems[] = {
    {MBEDTLS_X509_BADCERT_EXPIRED, WSUV_CERT_EXPIRED, "certificate has expired"},
    {MBEDTLS_X509_BADCERT_FUTURE, WSUV_CERT_NOT_YET_VALID, "certificate is not valid yet"},
    {MBEDTLS_X509_BADCERT_CN_MISMATCH, WSUV_CERT_HOST_MISMATCH, "host name does not match"},
    {MBEDTLS_X509_BADCERT_NOT_TRUSTED, WSUV_CERT_NOT_TRUSTED, "not signed by a trusted authority"},
    {MBEDTLS_X509_BADCERT_MISSING, WSUV_CERT_MISSING, "no certificate"},
    {MBEDTLS_X509_BADCERT_KEY_USAGE, WSUV_CERT_KEY_USAGE, "key is not for this use"},
    {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, WSUV_CERT_EXT_KEY_USAGE,
     "certificate is not for this use"},
    {MBEDTLS_X509_BADCERT_NS_CERT_TYPE, WSUV_CERT_TYPE, "certificate is not of this type"},
    {MBEDTLS_X509_BADCERT_BAD_MD, WSUV_CERT_WEAK_HASH, "signed with a weak hash"},
    {MBEDTLS_X509_BADCERT_BAD_PK, WSUV_CERT_KEY_TYPE, "kind of key is not accepted"},
    {MBEDTLS_X509_BADCERT_BAD_KEY, WSUV_CERT_WEAK_KEY, "key is too weak"},
    {MBEDTLS_X509_BADCERT_REVOKED, WSUV_CERT_REVOKED, "certificate has been revoked"},
    {TLS_BADCERT_NAME_CONSTRAINTS, WSUV_CERT_NAME_CONSTRAINTS,
     "outside of the name constraints of its authority"},
    {TLS_BADCERT_EXTENSION, WSUV_CERT_EXTENSION,
     "a critical extension that is not understood, or a malformed one"},
    {TLS_BADCERT_POLICY, WSUV_CERT_EXTENSION, "a critical policy that is not understood"},
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
uint32_t tls_verify_flags(uint32_t flags) {
  uint32_t ours = 0, known = 0;
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
    known |= problems[i].flag;
    if ((flags & problems[i].flag) != 0) ours |= (uint32_t) problems[i].ours;
  }
  return (flags & ~known) != 0 ? ours | (uint32_t) WSUV_CERT_OTHER : ours;
}

void tls_verify_describe(char *text, size_t size, uint32_t flags) {
  size_t used = 0;
  (void) snprintf(text, size, "certificate could not be verified");
  for (size_t i = 0; i < sizeof problems / sizeof *problems && used < size; i++) {
    if ((flags & problems[i].flag) == 0 || flags == UINT32_MAX) continue;
    int n = snprintf(text + used, size - used, "%s%s", used > 0 ? "; " : "", problems[i].text);
    if (n > 0) used += (size_t) n;
  }
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

const char *tls_verify_alert(int description) {
  switch (description) {
  case 0: return "close notify";
  case 10: return "unexpected message";
  case 20: return "bad record MAC";
  case 22: return "record overflow";
  case 40: return "handshake failure";
  case 41: return "no certificate";
  case 42: return "bad certificate";
  case 43: return "unsupported certificate";
  case 44: return "certificate revoked";
  case 45: return "certificate expired";
  case 46: return "certificate unknown";
  case 47: return "illegal parameter";
  case 48: return "unknown certificate authority";
  case 49: return "access denied";
  case 50: return "decode error";
  case 51: return "decrypt error";
  case 70: return "protocol version";
  case 71: return "insufficient security";
  case 80: return "internal error";
  case 86: return "inappropriate fallback";
  case 90: return "user canceled";
  case 109: return "missing extension";
  case 110: return "unsupported extension";
  case 112: return "unrecognized name";
  case 116: return "certificate required";
  case 120: return "no application protocol";
  default: return "unknown";
  }
}
