#include "net/tls/tls_problems.h"

#include <stdio.h>

static const struct {
  uint32_t flag;    /* This is a flag of ours. */
  const char *text; /* This is the error in words. */
} texts[] = {
    {WSUV_CERT_EXPIRED, "certificate has expired"},
    {WSUV_CERT_NOT_YET_VALID, "certificate is not valid yet"},
    {WSUV_CERT_HOST_MISMATCH, "host name does not match"},
    {WSUV_CERT_NOT_TRUSTED, "not signed by a trusted authority"},
    {WSUV_CERT_MISSING, "no certificate"},
    {WSUV_CERT_KEY_USAGE, "key is not for this use"},
    {WSUV_CERT_EXT_KEY_USAGE, "certificate is not for this use"},
    {WSUV_CERT_TYPE, "certificate is not of this type"},
    {WSUV_CERT_WEAK_HASH, "signed with a weak hash"},
    {WSUV_CERT_KEY_TYPE, "kind of key is not accepted"},
    {WSUV_CERT_WEAK_KEY, "key is too weak"},
    {WSUV_CERT_REVOKED, "certificate has been revoked"},
    {WSUV_CERT_NAME_CONSTRAINTS, "outside of the name constraints of its authority"},
    {WSUV_CERT_EXTENSION, "a critical extension that is not understood, or a malformed one"},
    {WSUV_CERT_CRL_MISSING, "no list of revoked certificates of its issuer"},
    {WSUV_CERT_CRL_EXPIRED, "list of revoked certificates is out of date, or not valid yet"},
    {WSUV_CERT_CRL_INVALID, "list of revoked certificates is not valid"},
    {WSUV_CERT_OCSP_MISSING, "no OCSP response"},
    {WSUV_CERT_OCSP_EXPIRED, "OCSP response is out of date, or not valid yet"},
    {WSUV_CERT_OCSP_INVALID, "OCSP response is not valid, or not for this certificate"},
    {WSUV_CERT_OCSP_UNKNOWN, "OCSP responder does not know the certificate"},
    {TLS_PROBLEM_POLICY, "a critical policy that is not understood"},
};

uint32_t tls_problems_public(uint32_t problems) {
  if ((problems & TLS_PROBLEM_POLICY) == 0) return problems;
  return (problems & ~(uint32_t) TLS_PROBLEM_POLICY) | WSUV_CERT_EXTENSION;
}

void tls_problems_describe(char *text, size_t size, uint32_t problems) {
  size_t used = 0;
  (void) snprintf(text, size, "certificate could not be verified");
  for (size_t i = 0; i < sizeof texts / sizeof *texts && used < size; i++) {
    if ((problems & texts[i].flag) == 0) continue;
    int n = snprintf(text + used, size - used, "%s%s", used > 0 ? "; " : "", texts[i].text);
    if (n > 0) used += (size_t) n;
  }
}
