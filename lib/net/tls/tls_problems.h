#ifndef WS_NET_TLS_TLS_PROBLEMS_H
#define WS_NET_TLS_TLS_PROBLEMS_H

/* What is wrong with certificates: WSUV_CERT_* flags in words, the same for every library. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/tls.h>

/* A critical policy that is not understood: WSUV_CERT_EXTENSION, with other words. */
enum { TLS_PROBLEM_POLICY = 1 << 30 };

/* What an OCSP response is not, for which there is WSUV_ETLSOCSP. */
enum {
  TLS_PROBLEMS_OCSP = WSUV_CERT_OCSP_MISSING | WSUV_CERT_OCSP_EXPIRED | WSUV_CERT_OCSP_INVALID |
                      WSUV_CERT_OCSP_UNKNOWN
};

/* Without the bit above: WSUV_CERT_* only. */
uint32_t tls_problems_public(uint32_t problems);

/* "certificate has expired; host name does not match" */
void tls_problems_describe(char *text, size_t size, uint32_t problems);

#endif
