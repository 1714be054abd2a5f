#ifndef EXAMPLES_WSUV_CERTIFICATE_H
#define EXAMPLES_WSUV_CERTIFICATE_H

/* What is shown of an X.509 certificate. */

#include <stdbool.h>
#include <stddef.h>

enum { CERTIFICATE_NAME_SIZE = 512 };

/* Texts, terminated. A name that has no room is empty; names may have control characters. */
typedef struct certificate {
  char digest[96]; /* "AB:CD:...", the SHA-256 of the whole certificate, as openssl shows it. */
  char subject[CERTIFICATE_NAME_SIZE]; /* Such as "O=Example, CN=localhost". */
  char issuer[CERTIFICATE_NAME_SIZE];  /* Likewise. */
  char expiry[32];                     /* "2027-01-31 12:00:00 UTC" */
  char pin[64];                        /* As for the option --pin. */
} certificate;

/* Read a certificate (DER), which may have extensions that nobody knows. false: the TLS library
   cannot read it; only the digest is filled in. */
bool certificate_read(certificate *c, const void *data, size_t len);

#endif
