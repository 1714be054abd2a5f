#ifndef WS_BASE_CHACHA20_H
#define WS_BASE_CHACHA20_H

/* The key stream of ChaCha20 (RFC 8439 2.4), which makes many random bytes from a few.
   Nothing is encrypted with it: TLS has its own. */

#include <stddef.h>
#include <stdint.h>

enum {
  CHACHA20_KEY_SIZE = 32,
  CHACHA20_BLOCK = 64,               /* bytes */
  CHACHA20_STEP = 8 * CHACHA20_BLOCK /* bytes that are made at once */
};

/* Write the first n bytes of the stream of this key, with a nonce of zeros and from block 0 on. n
   is a multiple of CHACHA20_STEP, less than 2^32 blocks. */
void chacha20_stream(const uint8_t key[CHACHA20_KEY_SIZE], uint8_t *dst, size_t n);

/* The two implementations, for tests: chacha20_stream takes the second where the processor has
   AVX2. */
void chacha20_stream_portable(const uint8_t key[CHACHA20_KEY_SIZE], uint8_t *dst, size_t n);
#if defined(__x86_64__) && defined(__GNUC__)
#define CHACHA20_HAS_AVX2 1
void chacha20_stream_avx2(const uint8_t key[CHACHA20_KEY_SIZE], uint8_t *dst, size_t n);
#endif

#endif
