#ifndef TEST_RAW_ZLIB_H
#define TEST_RAW_ZLIB_H

/* zlib called directly, as the other end of a compressed connection: it shares nothing with the
   library but zlib itself. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "support/frames.h"

/* Compress a message and cut the four bytes off (RFC 7692 7.2.1). `z` is a raw deflater; with
   `flush_at` > 0 there is a flush of that kind behind each so many bytes. */
void raw_deflate(z_stream *z, const uint8_t *data, size_t len, size_t flush_at, int flush,
                 bytes *out);

/* Inflate a message byte by byte, so that zlib notices each distance that is beyond its window
   (larger pieces would be slack by their size). Whether all was good. */
bool raw_inflate(z_stream *z, const uint8_t *data, size_t len, bytes *out);

/* Text that compresses: words that come again, near and far. */
void raw_text(uint64_t *seed, size_t len, bytes *out);

/* Bytes that do not: bytes_noise. */
void raw_noise(uint64_t *seed, size_t len, bytes *out);

#endif
