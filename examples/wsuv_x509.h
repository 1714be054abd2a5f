#ifndef EXAMPLES_WSUV_X509_H
#define EXAMPLES_WSUV_X509_H

/* What the TLS library does for certificates: there is a file for each library. */

#include <stdbool.h>
#include <stddef.h>

#include "wsuv_certificate.h"

enum { SHA256_SIZE = 32 };

bool x509_hash(unsigned char digest[SHA256_SIZE], const void *data, size_t len);

/* Fill in the names and the expiry, and the hash of the public key. false: the library cannot read
   the certificate. */
bool x509_read(certificate *c, unsigned char key_digest[SHA256_SIZE], const void *data, size_t len);

#endif
