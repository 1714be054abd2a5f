/* Credentials of Basic: those of RFC 7617, each byte in each place, and secrets that are not left
   in memory. */

#include <string.h>

#include "base/error.h"
#include "proto/http/basic.h"
#include "support/alloc_failures.h"
#include "support/secret_alloc.h"
#include "support/test.h"

#define TEXT(s) ((ws_text){s, sizeof(s) - 1})

static void assert_written(ws_text user, ws_text password, const char *expected) {
  track_alloc alloc;
  text_buf value;
  const char *wrong;
  track_alloc_init(&alloc);
  text_buf_init(&value, &alloc.handle);
  assert_int_equal(basic_write(&value, user, password, &wrong), 0);
  assert_null(wrong);
  assert_int_equal(text_buf_len(&value), strlen(expected));
  assert_memory_equal(text_buf_base(&value), expected, strlen(expected));
  text_buf_clear(&value);
  assert_int_equal(alloc.live, 0);
}

/* RFC 7617 2, 2.1 */
TEST(test_basic_of_the_rfc) {
  assert_written(TEXT("Aladdin"), TEXT("open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  assert_written(TEXT("test"), TEXT("123\xc2\xa3"), "Basic dGVzdDoxMjPCow==");
}

TEST(test_basic_with_empty_parts) {
  assert_written(TEXT(""), TEXT(""), "Basic Og==");
  assert_written((ws_text){NULL, 0}, (ws_text){NULL, 0}, "Basic Og==");
  assert_written(TEXT("a"), TEXT(""), "Basic YTo=");
  assert_written(TEXT(""), TEXT("::"), "Basic Ojo6");
}

static const char *refusal(ws_text user, ws_text password) {
  track_alloc alloc;
  text_buf value;
  const char *wrong;
  track_alloc_init(&alloc);
  text_buf_init(&value, &alloc.handle);
  int err = basic_write(&value, user, password, &wrong);
  assert_int_equal(err, wrong != NULL ? WSUV_EINVAL_HEADER : 0);
  if (wrong != NULL) assert_int_equal(text_buf_len(&value), 0);
  text_buf_clear(&value);
  assert_int_equal(alloc.live, 0);
  return wrong;
}

TEST(test_basic_with_any_byte) {
  for (int c = 0; c < 256; c++) {
    const char text[] = {'a', (char) c, 'b'};
    const ws_text odd = {text, sizeof text};
    const bool control = c < ' ' || c == 0x7f;
    const char *user = refusal(odd, TEXT("p")), *password = refusal(TEXT("u"), odd);
    if (control) {
      assert_string_equal(user, "control character in the credentials");
      assert_string_equal(password, "control character in the credentials");
    } else {
      assert_null(password);
      if (c == ':') assert_string_equal(user, "colon in the user name");
      if (c != ':') assert_null(user);
    }
  }
}

/* F46 */
TEST(test_basic_without_memory) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    secret_alloc alloc;
    text_buf value;
    const char *wrong;
    secret_alloc_init(&alloc, "sesame");
    text_buf_init(&value, &alloc.handle);
    alloc_failures_begin(&f, &alloc.below);
    int err = basic_write(&value, TEXT("Aladdin"), TEXT("open sesame"), &wrong);
    assert_int_equal(err, alloc_failures_end(&f, &alloc.below) ? WS_ENOMEM : 0);
    text_buf_clear(&value);
    assert_int_equal(alloc.leaks, 0);
    assert_int_equal(alloc.below.live, 0);
  }
}
