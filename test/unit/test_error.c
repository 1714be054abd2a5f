/* wsuv's own error codes: a name and a text each, and out of the way of everybody else's. */

#include <string.h>

#include "base/error.h"
#include "support/test.h"

static const struct {
  int code;
  const char *name;
} codes[] = {
#define XX(name, value, text) {WSUV_##name, "WSUV_" #name},
    WSUV_ERRNO_MAP(XX)
#undef XX
};

enum { CODES = COUNT_OF(codes) };

TEST(test_error_codes_are_unique_and_far_below) {
  for (size_t i = 0; i < CODES; i++) {
    /* libuv's end at -4095, mbedTLS's at -0x7fff, psa's and both of those added stay above. */
    assert_true(codes[i].code < -65536);
    for (size_t k = 0; k < i; k++) assert_int_not_equal(codes[i].code, codes[k].code);
  }
}

TEST(test_error_every_code_has_name_and_text) {
  for (size_t i = 0; i < CODES; i++) {
    assert_string_equal(ws_own_err_name(codes[i].code), codes[i].name);
    const char *text = ws_own_strerror(codes[i].code);
    assert_non_null(text);
    assert_true(strlen(text) > 0);
    assert_null(strchr(text, '\n'));
    for (size_t k = 0; k < i; k++) assert_string_not_equal(text, ws_own_strerror(codes[k].code));
  }
  assert_string_equal(ws_own_err_name(WSUV_EURL), "WSUV_EURL");
  assert_string_equal(ws_own_strerror(WSUV_ERANDOM), "no random bytes");
}

TEST(test_error_other_numbers_are_not_ours) {
  const int others[] = {0, 1, -1, WS_ENOMEM, WS_ECANCELED, WS_EOF, -65536, -70000, 70001};
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    assert_null(ws_own_err_name(others[i]));
    assert_null(ws_own_strerror(others[i]));
  }
}
