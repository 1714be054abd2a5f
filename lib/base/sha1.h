#ifndef WS_BASE_SHA1_H
#define WS_BASE_SHA1_H

/* SHA-1 (FIPS 180-4), for Sec-WebSocket-Accept only: no security primitive there (RFC 6455 10.8).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA1_SIZE = 20 };

void sha1(uint8_t digest[SHA1_SIZE], const void *data, size_t len);

/* One block of 64 bytes, by C alone and by the SHA extensions of x86, for tests: sha1 takes the
   second where the processor has it. */
void sha1_block_portable(uint32_t h[5], const uint8_t *p);
#if defined(__GNUC__) && defined(__x86_64__)
#define SHA1_HAS_X86 1
bool sha1_has_x86(void);
void sha1_block_x86(uint32_t h[5], const uint8_t *p);
#endif

#endif
