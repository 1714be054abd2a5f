#ifndef WS_BASE_SHA1_H
#define WS_BASE_SHA1_H

/* SHA-1 (FIPS 180-4), for Sec-WebSocket-Accept only: no security primitive there (RFC 6455 10.8).
 */

#include <stddef.h>
#include <stdint.h>

enum { SHA1_SIZE = 20 };

void sha1(uint8_t digest[SHA1_SIZE], const void *data, size_t len);

#endif
