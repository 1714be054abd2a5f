/* Base64: RFC 4648's vectors, every tail, and every way to be wrong. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "support/test.h"

/* RFC 4648 10, and the key of RFC 6455 1.3. */
static const struct {
  const char *plain, *encoded;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"the sample nonce", "dGhlIHNhbXBsZSBub25jZQ=="},
    {"\xfb\xef\xbe\xff\xff\xff", "++++////"},
};

TEST(test_base64_encodes_the_rfc_vectors) {
  for (size_t i = 0; i < COUNT_OF(vectors); i++) {
    size_t n = strlen(vectors[i].plain), len = strlen(vectors[i].encoded);
    assert_int_equal(base64_encoded_len(n), len);
    char *out = malloc(len); /* no terminator is written */
    base64_encode(out, vectors[i].plain, n);
    assert_memory_equal(out, vectors[i].encoded, len);
    free(out);
  }
}

TEST(test_base64_decodes_the_rfc_vectors) {
  for (size_t i = 0; i < COUNT_OF(vectors); i++) {
    size_t n = strlen(vectors[i].plain);
    uint8_t out[32];
    ptrdiff_t len = base64_decode(out, vectors[i].encoded, strlen(vectors[i].encoded));
    assert_int_equal(len, n);
    assert_memory_equal(out, vectors[i].plain, n);
  }
}

/* Every tail of one and two octets, and each octet in each place of three. */
TEST(test_base64_round_trip_of_every_tail) {
  for (unsigned v = 0; v < 65536; v++) {
    const uint8_t in[3] = {(uint8_t) v, (uint8_t) (v >> 8), (uint8_t) (v * 7 >> 3)};
    for (size_t n = 1; n <= 3; n++) {
      char text[4];
      uint8_t out[3];
      base64_encode(text, in, n);
      if (base64_decode(out, text, 4) != (ptrdiff_t) n || memcmp(in, out, n) != 0)
        fail_msg("%u, %zu octets", v, n);
    }
  }
}

TEST(test_base64_round_trip_of_lengths) {
  for (size_t n = 0; n <= 200; n++) {
    size_t len = base64_encoded_len(n);
    uint8_t *in = malloc(n + 1), *out = malloc(len / 4 * 3 + 1);
    char *text = malloc(len + 1);
    for (size_t i = 0; i < n; i++) in[i] = (uint8_t) (i * 151 + n);
    base64_encode(text, in, n);
    assert_int_equal(base64_decode(out, text, len), n);
    assert_memory_equal(in, out, n);
    free(in);
    free(out);
    free(text);
  }
}

/* Of all bytes, 64 are digits, and the padding is none. */
TEST(test_base64_rejects_every_other_byte) {
  for (size_t at = 0; at < 8; at++) {
    int accepted = 0;
    for (int c = 0; c < 256; c++) {
      char text[8];
      uint8_t out[6];
      memcpy(text, "QUJDREVG", 8);
      text[at] = (char) c;
      bool digit = c < 128 && c != 0 && strchr("+/", c) != NULL;
      digit = digit || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      bool padding = c == '=' && at == 7; /* "RE" leaves no bits: checked below */
      if (padding) continue;
      assert_int_equal(base64_decode(out, text, 8) == 6, digit);
      accepted += digit;
    }
    assert_int_equal(accepted, 64);
  }
}

TEST(test_base64_rejects_malformed_text) {
  static const char *const wrong[] = {
      "Z",        "Zg",       "Zg=",      "Zg==Z",         /* not a multiple of four */
      "====",     "Z===",     "=Zg=",     "Z=g=",  "Zg=a", /* padding out of place */
      "Zg==Zg==", "Zm8=Zm8=", "Zm9v====",                  /* padding before the end */
      "Zh==",     "Zn==",     "Zm9=",     "Zm+=",  "Zv==", /* bits under the padding */
      "Zm 9",     "Zm9\n",    "Zm-_",     " Zm9",          /* spaces, the URL alphabet */
  };
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    uint8_t out[16];
    if (base64_decode(out, wrong[i], strlen(wrong[i])) != -1) fail_msg("took %s", wrong[i]);
  }
}

TEST(test_base64_rejects_lengths_that_are_no_multiple_of_four) {
  uint8_t out[9];
  for (size_t n = 0; n <= 12; n++) {
    char *text = malloc(n + 1);
    memset(text + 1, 'A', n);
    assert_int_equal(base64_decode(out, text + 1, n), n % 4 == 0 ? (ptrdiff_t) (n / 4 * 3) : -1);
    free(text);
  }
}

/* Four characters have one meaning, or none: 64^4 + 64^2 * 16 + 64 * 4 is too much to try, the
   last two characters are not. */
TEST(test_base64_each_tail_has_one_spelling) {
  int taken = 0;
  for (int v = 0; v < 65536; v++) {
    const char text[4] = {'Z', 'g', (char) (v & 255), (char) (v >> 8)};
    uint8_t out[3];
    char again[4];
    ptrdiff_t n = base64_decode(out, text, 4);
    if (n < 0) continue;
    taken++;
    base64_encode(again, out, (size_t) n);
    assert_memory_equal(again, text, 4);
  }
  assert_int_equal(taken, 64 * 64 + 16 + 1);
}
