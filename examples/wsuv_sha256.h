#ifndef EXAMPLES_WSUV_SHA256_H
#define EXAMPLES_WSUV_SHA256_H

/* SHA-256 (FIPS 180-4). */

#include <stddef.h>

enum { SHA256_SIZE = 32 }; /* bytes */

void sha256(unsigned char digest[SHA256_SIZE], const void *data, size_t len);

#endif
