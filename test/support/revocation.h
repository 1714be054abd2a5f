#ifndef TEST_REVOCATION_H
#define TEST_REVOCATION_H

/* Lists of revoked certificates (RFC 5280 5) and OCSP responses (RFC 6960 4.2), made when a test
   begins, also such as nobody should make. Signed with ECDSA. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/certs.h"

enum { REVOKED_MAX = 4, REVOCATION_SIZE = 4096 };

/* Times are YYYYMMDDhhmmss; NULL: 2020 and 2099. */
typedef struct crl_spec {
  cert *signer;                     /* whose key signs it */
  const cert *issuer;               /* whose name it has; NULL: the signer's */
  const cert *revoked[REVOKED_MAX]; /* what is in it */
  const char *this_update;
  const char *next_update; /* "": none */
  bool sha1;               /* signed with a hash that nobody should accept */
  bool strange;            /* with a critical extension that nobody knows */
  bool delta;              /* with a delta CRL indicator, which is critical (RFC 5280 5.2.4) */
} crl_spec;

typedef struct revocation {
  uint8_t der[REVOCATION_SIZE];
  size_t der_len;
  char pem[2 * REVOCATION_SIZE]; /* of a list only */
} revocation;

void crl_make(revocation *list, const crl_spec *spec);

typedef enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN } ocsp_status;

typedef struct ocsp_spec {
  const cert *leaf;   /* that it is about; NULL: it has no part */
  const cert *issuer; /* of the leaf */
  cert *signer;       /* whose key signs it, and whose name it has */
  const cert *shown;  /* a certificate that is in the response; NULL: none */
  ocsp_status status;
  const char *this_update;
  const char *next_update; /* "": none */
  int error;               /* the status of the whole response, which has no more then; 0: none */
  bool sha1;               /* signed with a hash that nobody should accept */
  bool sha256_id;          /* the certificate is named by SHA-256 in place of SHA-1 */
  bool strange;            /* with a critical extension that nobody knows */
  bool strange_part;       /* the part about the certificate has one */
  bool twice;              /* with a second part, which says that it is revoked */
  bool spoilt;             /* the signature is that of other bytes */
} ocsp_spec;

void ocsp_make(revocation *response, const ocsp_spec *spec);

#endif
