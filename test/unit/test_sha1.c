/* SHA-1 against FIPS 180's vectors, another implementation's digests, and the RFC's example. */

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/sha1.h"
#include "support/test.h"

static void assert_digest(const void *data, size_t len, const char *hex) {
  uint8_t digest[SHA1_SIZE];
  char text[2 * SHA1_SIZE];
  sha1(digest, data, len);
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = "0123456789abcdef"[i % 2 == 0 ? digest[i / 2] >> 4 : digest[i / 2] & 15];
  assert_memory_equal(text, hex, sizeof text);
}

TEST(test_sha1_of_the_fips_vectors) {
  const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  assert_digest("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  assert_digest("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert_digest(two_blocks, 56, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

TEST(test_sha1_of_a_million_letters) {
  char *letters = malloc(1000000);
  memset(letters, 'a', 1000000);
  assert_digest(letters, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  free(letters);
}

/* The first 32 bits of the digests of 0 to 130 bytes, byte i being 7 i + 3 modulo 256. */
static const uint32_t by_length[131] = {
    0xda39a3ee, 0x9842926a, 0x1f5ae6b9, 0x4201de9f, 0xa9ca94e2, 0x941f194d, 0x98432988, 0x8f61e051,
    0xcef03cc4, 0x6cad7098, 0xa00e4883, 0x0a3a1e6c, 0x74c2e2bf, 0x5b656bff, 0x0b32b324, 0xb02b80ea,
    0x3bbec621, 0x2dbde31c, 0x5cd1599b, 0x90226ee1, 0x57ab1094, 0x565cce19, 0xb7f16efc, 0xfa9329dd,
    0x1aae7a79, 0x9ade5333, 0x6d3ce948, 0x78440d05, 0xc9a77289, 0x96fb3a30, 0xa97984db, 0xd21a5150,
    0x64b51680, 0x66f198bd, 0xd828aab1, 0x20d10623, 0xe84e4476, 0x66787c66, 0xb82977de, 0x9ac81eef,
    0x211f8d29, 0x07db78a9, 0xbc152a0c, 0x42ffa53d, 0x90963fb5, 0x7e5ad607, 0xd23cd18d, 0x5e3cf47f,
    0x9aa97c40, 0xf873554e, 0x996be45c, 0x3e0ea152, 0x937beca2, 0xf163c6b4, 0x0617d0e2, 0xddf57317,
    0xa0d492bb, 0x11a02dcf, 0x3d6024b3, 0x5850f256, 0x4a72dc48, 0x92b2db0c, 0x363c4d8b, 0xc5585674,
    0xbede92be, 0xb05a8052, 0x13e53bec, 0x8d39d341, 0x3efec554, 0x831e22c8, 0x3e7e19ea, 0xb4d320ff,
    0x191cf097, 0xc2234319, 0x2e96fc51, 0x0afbbbe6, 0x4486860a, 0x7ad89da6, 0x2a013aba, 0x6a6dfd51,
    0xde25ce79, 0xc73933e5, 0xa0e9c80c, 0x22d464b0, 0x1f2c174a, 0xbd7be1e0, 0x56e1fe53, 0x2e114dfa,
    0xb0c561b6, 0x2b5f3e1b, 0x08e751b3, 0x94afe1d3, 0x2fefc0ee, 0x9410400e, 0xcd7e7ea8, 0x9e7bd6ac,
    0xdec7fa16, 0x3a4f06a7, 0x5c546fb0, 0xcf198774, 0xbe7fd415, 0x2ae428c5, 0x8b258ff3, 0x6c311047,
    0xdfaa234f, 0x8f9a4727, 0xbfd965ad, 0x7f5936f7, 0x23ecf83d, 0x5e484798, 0x37e81583, 0x4a01b127,
    0x54c08c2a, 0x9f359093, 0x02a46409, 0xfe35da50, 0x11ee9de3, 0x90b79e0b, 0x55bfbde2, 0x504e2737,
    0x82134b02, 0xf004a54c, 0xcfca83c0, 0x4753b07e, 0x3132eb44, 0xa46f230a, 0x35f63e21, 0x34d5e582,
    0xa09133e6, 0x808aea33, 0x6e95f38f,
};

TEST(test_sha1_of_every_length_around_the_padding) {
  for (size_t n = 0; n < 131; n++) {
    uint8_t *data = calloc(1, n + 1), digest[SHA1_SIZE];
    for (size_t i = 0; i < n; i++) data[1 + i] = (uint8_t) (7 * i + 3);
    sha1(digest, data + 1, n); /* up to the end of the block, and not aligned */
    uint32_t first = (uint32_t) digest[0] << 24 | (uint32_t) digest[1] << 16 |
                     (uint32_t) digest[2] << 8 | digest[3];
    if (first != by_length[n]) fail_msg("%zu bytes", n);
    free(data);
  }
}

/* RFC 6455 1.3 */
TEST(test_sha1_makes_the_accept_value_of_the_rfc) {
  const char *input = "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  uint8_t digest[SHA1_SIZE];
  char accept[28];
  sha1(digest, input, strlen(input));
  assert_int_equal(base64_encoded_len(sizeof digest), sizeof accept);
  base64_encode(accept, digest, sizeof digest);
  assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof accept);
}

#ifdef SHA1_HAS_X86

/* Each implementation, whichever sha1 takes on this machine. */
TEST(test_sha1_by_either_implementation) {
  if (!sha1_has_x86()) return;
  for (uint32_t seed = 0; seed < 1000; seed++) {
    uint32_t one[5], other[5], noise = seed * 2654435761U + 1;
    uint8_t block[64];
    for (size_t i = 0; i < sizeof block; i++) {
      noise = noise * 1664525U + 1013904223U;
      block[i] = (uint8_t) (noise >> 24);
    }
    for (size_t i = 0; i < 5; i++) one[i] = other[i] = noise ^ (uint32_t) (i * 0x9e3779b9U);
    sha1_block_portable(one, block);
    sha1_block_x86(other, block);
    assert_memory_equal(one, other, sizeof one);
  }
}

#endif
