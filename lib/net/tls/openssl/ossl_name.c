#include "net/tls/openssl/ossl_name.h"

#include <string.h>

tls_name_match ossl_name_find_in(const GENERAL_NAMES *names, const char *name, size_t len) {
  tls_name_match best = TLS_NAME_NONE;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *san = sk_GENERAL_NAME_value(names, i);
    if (san->type != GEN_DNS) continue;
    tls_name_match match = tls_dns_name_match(ASN1_STRING_get0_data(san->d.dNSName),
                                              (size_t) ASN1_STRING_length(san->d.dNSName),
                                              (const unsigned char *) name, len);
    if (match > best) best = match;
  }
  return best;
}

int ossl_name_find(const X509 *cert, const char *name, size_t len) {
  int found = 0;
  GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, &found, NULL);
  if (names == NULL && found != -1) return -1; /* -1: there is no such extension */
  int match = (int) ossl_name_find_in(names, name, len);
  GENERAL_NAMES_free(names);
  return match;
}

bool ossl_name_has_address(const X509 *cert, const tls_peer *peer) {
  bool found = false;
  GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *san = sk_GENERAL_NAME_value(names, i);
    if (san->type != GEN_IPADD) continue;
    found = (size_t) ASN1_STRING_length(san->d.iPAddress) == peer->address_len &&
            memcmp(ASN1_STRING_get0_data(san->d.iPAddress), peer->address, peer->address_len) == 0;
  }
  GENERAL_NAMES_free(names);
  return found;
}
