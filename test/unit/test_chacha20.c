/* ChaCha20 against the test vectors of RFC 8439, and against another implementation. */

#include <string.h>

#include "base/chacha20.h"
#include "support/test.h"

enum { SIZE = 8192, BLOCKS = SIZE / CHACHA20_BLOCK };

typedef void (*stream_fn)(const uint8_t key[CHACHA20_KEY_SIZE], uint8_t *dst, size_t n);

/* The vectors of appendix A.1 that have a nonce of zeros. Byte `at` of the key is `byte`, and the
   others are 0. */
static const struct vector {
  size_t at;
  uint8_t byte;
  size_t block;
  const char *expected;
} vectors[] = {
    {0, 0, 0,
     "\x76\xb8\xe0\xad\xa0\xf1\x3d\x90\x40\x5d\x6a\xe5\x53\x86\xbd\x28"
     "\xbd\xd2\x19\xb8\xa0\x8d\xed\x1a\xa8\x36\xef\xcc\x8b\x77\x0d\xc7"
     "\xda\x41\x59\x7c\x51\x57\x48\x8d\x77\x24\xe0\x3f\xb8\xd8\x4a\x37"
     "\x6a\x43\xb8\xf4\x15\x18\xa1\x1c\xc3\x87\xb6\x69\xb2\xee\x65\x86"},
    {0, 0, 1,
     "\x9f\x07\xe7\xbe\x55\x51\x38\x7a\x98\xba\x97\x7c\x73\x2d\x08\x0d"
     "\xcb\x0f\x29\xa0\x48\xe3\x65\x69\x12\xc6\x53\x3e\x32\xee\x7a\xed"
     "\x29\xb7\x21\x76\x9c\xe6\x4e\x43\xd5\x71\x33\xb0\x74\xd8\x39\xd5"
     "\x31\xed\x1f\x28\x51\x0a\xfb\x45\xac\xe1\x0a\x1f\x4b\x79\x4d\x6f"},
    {31, 1, 1,
     "\x3a\xeb\x52\x24\xec\xf8\x49\x92\x9b\x9d\x82\x8d\xb1\xce\xd4\xdd"
     "\x83\x20\x25\xe8\x01\x8b\x81\x60\xb8\x22\x84\xf3\xc9\x49\xaa\x5a"
     "\x8e\xca\x00\xbb\xb4\xa7\x3b\xda\xd1\x92\xb5\xc4\x2f\x73\xf2\xfd"
     "\x4e\x27\x36\x44\xc8\xb3\x61\x25\xa6\x4a\xdd\xeb\x00\x6c\x13\xa0"},
    {1, 0xff, 2,
     "\x72\xd5\x4d\xfb\xf1\x2e\xc4\x4b\x36\x26\x92\xdf\x94\x13\x7f\x32"
     "\x8f\xea\x8d\xa7\x39\x90\x26\x5e\xc1\xbb\xbe\xa1\xae\x9a\xf0\xca"
     "\x13\xb2\x5a\xa2\x6c\xb4\xa6\x48\xcb\x9b\x9d\x1b\xe6\x5b\x2c\x09"
     "\x24\xa6\x6c\x54\xd5\x45\xec\x1b\x73\x74\xf4\x87\x2e\x99\xf0\x96"},
};

/* The last word of each block, for a key whose byte i is 7 i + 3 modulo 256, by OpenSSL. */
static const uint32_t last_words[BLOCKS] = {
    0x0caca35e, 0x10bb96df, 0x683ee4eb, 0x961ac8a8, 0xcf1353c9, 0x4314c6bc, 0x90219a62, 0x5bcfc01e,
    0x35eb12f9, 0xff7ebeea, 0xd747ca07, 0xb571452d, 0xcc5bf2f5, 0x3cb7bf68, 0x1d132036, 0x46a1f5bc,
    0xe7a8a9ba, 0xe8d32200, 0xdc078c84, 0x27765339, 0xc0655de9, 0xcaa8e0b2, 0xcbaaeb5c, 0xe6888180,
    0xb8f2c058, 0xa79dba53, 0xb77f2a68, 0x589ad3f9, 0xff5508f9, 0xc17d5c39, 0x8cf67d48, 0x6882ae13,
    0x3346b71f, 0x6cc71a42, 0xe2588951, 0x11a3c4c6, 0x62efa81c, 0x145a3c64, 0xc56b21fd, 0xd359019d,
    0xf29a2345, 0x5b181819, 0xd755efb6, 0x20e3fc96, 0xac0c07dc, 0x916b1f4e, 0x9f660bd1, 0xc0aa80cc,
    0xa94866a0, 0x13c5e716, 0xa30f02af, 0x4de3e512, 0xd5736a37, 0xe1494b85, 0x09581d57, 0xea4c7d06,
    0xe7a23692, 0xe376fb66, 0x0cc05719, 0xc5270727, 0xa8fc5b52, 0xe7f9cd47, 0x6ef8beb9, 0x548bfdd5,
    0xd406a897, 0xc255ce36, 0x1b2c68d5, 0xf9afa963, 0x3dce012a, 0x86156633, 0x3fa465a4, 0x5a427994,
    0xdc042f24, 0x15813a5f, 0x02cd8e65, 0x30f0525e, 0x56fa7e7d, 0xa214399b, 0x4f79ec9f, 0xf4d6342b,
    0x1f32582e, 0x70b3e443, 0x67694877, 0x0aa17145, 0xa5932cbe, 0xc789fd54, 0xd6daf04a, 0xe5cf348a,
    0x44ea5fbd, 0x824bd500, 0xfab392d7, 0x0446026a, 0xfc9252be, 0x7fad3601, 0x1905a973, 0x89e9af09,
    0xcbfaccb8, 0x9e4e899c, 0xbd6bc431, 0x754e80ed, 0x142e93bb, 0xfcba30b5, 0x3cdc947e, 0xbaf57ccb,
    0x273fced3, 0x5e761078, 0x38664074, 0xd23af2e8, 0x74694e86, 0x6cda2541, 0x4ca37f46, 0xa4492717,
    0xb971dc1d, 0xfae97d38, 0xdaed2e58, 0x483b157d, 0x80af1b5b, 0xbb641036, 0xd4b86d78, 0x090027d5,
    0x5a5658de, 0xc65cd129, 0xa35a756b, 0x1a3865af, 0x512c00ba, 0xee98acd6, 0xab2aac6c, 0xfc199479,
};

static void check(stream_fn stream) {
  uint8_t key[CHACHA20_KEY_SIZE], all[SIZE], part[SIZE];
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    const struct vector *v = &vectors[i];
    memset(key, 0, sizeof key);
    key[v->at] = v->byte;
    stream(key, all, CHACHA20_STEP);
    assert_memory_equal(all + v->block * CHACHA20_BLOCK, v->expected, CHACHA20_BLOCK);
  }
  for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t) (7 * i + 3);
  stream(key, all, sizeof all);
  for (size_t i = 0; i < BLOCKS; i++) {
    const uint8_t *p = all + i * CHACHA20_BLOCK + CHACHA20_BLOCK - 4;
    const uint32_t word =
        p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
    assert_int_equal(word, last_words[i]);
  }
  for (size_t n = 0; n < sizeof part; n += CHACHA20_STEP) {
    memset(part, 0xa5, sizeof part);
    stream(key, part + 1, n); /* not aligned */
    assert_memory_equal(part + 1, all, n);
    assert_true(part[0] == 0xa5 && part[1 + n] == 0xa5);
  }
}

TEST(test_chacha20_of_the_rfc_vectors_and_of_another_implementation) {
  check(chacha20_stream);
  check(chacha20_stream_portable);
}

TEST(test_chacha20_avx2_is_the_same) {
#ifdef CHACHA20_HAS_AVX2
  if (__builtin_cpu_supports("avx2")) check(chacha20_stream_avx2);
#endif
}
