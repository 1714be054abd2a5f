#include "net/tls/mbedtls/mbed_internal.h"

#include "base/error.h"

/* Options of a configuration that mbedTLS does not have. */

int mbed_options_check(const wsuv_tls_config_t *config, ws_why *why) {
  if (config->ocsp == WSUV_TLS_OCSP_REQUIRE) {
    return ws_why_set(why, WSUV_ETLSOPTION, "ocsp: mbedTLS has no OCSP");
  }
  if (tls_config_has_ocsp(config)) {
    return ws_why_set(why, WSUV_ETLSOPTION, "ocsp_file, ocsp_der: mbedTLS has no OCSP");
  }
  if (tls_config_has_uri_key(config)) {
    return ws_why_set(why, WSUV_ETLSOPTION, "key_file: mbedTLS has no keys by PKCS #11 URI");
  }
  if (tls_config_has_crls(config) && !tls_crl_is_there()) {
    return ws_why_set(why, WSUV_ETLSOPTION, "crl_file, crl_pem: this mbedTLS has no CRLs");
  }
  return 0;
}
