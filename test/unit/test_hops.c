/* What a request carries of user name and password, and which values cannot be sent (F8). */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "net/tls/tls_library.h"
#include "session/hops.h"
#include "support/secret_alloc.h"
#include "support/test.h"

/* The value of Authorization in the first request, "" if it has none; or the code and its words. */
static void assert_first(hops_config config, const char *text, int result, const char *expected) {
  static const uint8_t random[AUTH_RANDOM_SIZE];
  secret_alloc alloc;
  ws_url url;
  hops h;
  handshake_request out;
  ws_why why = {""};
  config.hash = tls_library_hash;
  secret_alloc_init(&alloc, "open sesame");
  assert_int_equal(url_parse(&url, text, strlen(text)), 0);
  const handshake_request base = {.url = &url};
  int err = hops_init(&h, &alloc.handle, &config, &url, &why);
  if (err == 0) err = hops_prepare(&h, &base, random, &out, &why);
  assert_that(err == result, "%s: %d %s", text, err, why.text);
  const char *got = err == 0 && out.authorization != NULL ? out.authorization : "";
  if (expected != NULL) assert_string_equal(err == 0 ? got : why.text, expected);
  hops_clear(&h);
  assert_int_equal(alloc.below.live, 0);
  assert_int_equal(alloc.leaks, 0);
}

/* RFC 7617 2 */
TEST(test_hops_send_userinfo_as_basic_credentials) {
  const hops_config none = {.user = NULL};
  assert_first(none, "ws://Aladdin:open%20sesame@h", 0, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  assert_first(none, "ws://u@h", 0, "Basic dTo=");
  assert_first(none, "ws://:@h", 0, "Basic Og==");
  assert_first(none, "ws://u:a:b@h", 0, "Basic dTphOmI=");
  assert_first(none, "ws://%C3%BC:@h", 0, "Basic w7w6");
  assert_first(none, "ws://@h", 0, "");
  assert_first(none, "ws://h", 0, "");
}

TEST(test_hops_send_those_of_the_request_instead) {
  assert_first((hops_config){.user = "Aladdin", .password = "open sesame"}, "ws://x:y@h", 0,
               "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  assert_first((hops_config){.user = ""}, "ws://x:y@h", 0, "Basic Og==");
  assert_first((hops_config){.user = "u", .auth = WSUV_AUTH_DIGEST}, "ws://h", 0, "");
  assert_first((hops_config){.user = "u", .auth = WSUV_AUTH_ANY}, "ws://h", 0, "");
}

/* F8: 256 bytes in user name and password. */
TEST(test_hops_refuse_control_bytes_in_credentials) {
  const hops_config none = {.user = NULL};
  for (unsigned c = 0; c < 256; c++) {
    for (int password = 0; password < 2; password++) {
      char url[32];
      snprintf(url, sizeof url, password ? "ws://u:%%%02x@h" : "ws://%%%02x:p@h", c);
      bool bad = c < ' ' || c == 0x7f || (c == ':' && !password);
      assert_first(none, url, bad ? WSUV_EINVAL_HEADER : 0, NULL);
    }
  }
  assert_first(none, "ws://a%3Ab:secret@h", WSUV_EINVAL_HEADER,
               "Authorization: colon in the user name of the URL");
  assert_first(none, "ws://a:sec%0aret@h", WSUV_EINVAL_HEADER,
               "Authorization: control character in the credentials of the URL");
  assert_first((hops_config){.user = "a:b"}, "ws://h", WSUV_EINVAL_HEADER,
               "Authorization: colon in the user name");
}
