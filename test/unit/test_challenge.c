/* Challenges as servers write them: several in a field, lists that look alike, and malformed
   ones. */

#include <stdlib.h>
#include <string.h>

#include "proto/tunnel/challenge.h"
#include "support/frames.h"
#include "support/stride.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

/* "scheme token68 | scheme name=value name='quoted' | !", where ! is a malformed rest. */
static void describe(bytes *out, const char *field) {
  char *copy = (char *) bytes_exact((const uint8_t *) field, strlen(field) + 1);
  const char *rest = copy;
  challenge c;
  int found;
  while ((found = challenge_next(&rest, &c)) > 0) {
    challenge_param p;
    bytes_print(out, "%s%.*s", out->len > 0 ? " | " : "", (int) c.scheme.len, c.scheme.base);
    if (c.token68.len > 0) bytes_print(out, " %.*s", (int) c.token68.len, c.token68.base);
    while (challenge_param_next(&c.params, &p)) {
      track_alloc alloc;
      text_buf value;
      track_alloc_init(&alloc);
      text_buf_init(&value, &alloc.handle);
      assert_int_equal(challenge_param_value(&p, &value), 0);
      const char *quote = p.quoted ? "'" : "";
      bytes_print(out, " %.*s=%s%.*s%s", (int) p.name.len, p.name.base, quote,
                  (int) text_buf_len(&value), text_buf_len(&value) > 0 ? text_buf_base(&value) : "",
                  quote);
      text_buf_clear(&value);
      assert_int_equal(alloc.live, 0);
    }
  }
  if (found < 0) bytes_print(out, "%s!", out->len > 0 ? " | " : "");
  free(copy);
}

static void assert_read(const char *field, const char *expected) {
  SCOPED_BYTES text = {0};
  describe(&text, field);
  assert_string_equal(text.len > 0 ? bytes_text(&text) : "", expected);
}

TEST(test_challenge_alone) {
  assert_read("Basic realm=\"WallyWorld\"", "Basic realm='WallyWorld'");
  assert_read("Basic", "Basic");
  assert_read("  Basic  ", "Basic");
  assert_read("Basic realm=a", "Basic realm=a");
  assert_read("Basic realm=\"\"", "Basic realm=''");
  assert_read("Basic realm = \t\"a\"", "Basic realm='a'");
  assert_read("Basic \trealm=\"a\" , charset=\"UTF-8\"", "Basic realm='a' charset='UTF-8'");
  assert_read("Basic realm=\"a\",,charset=UTF-8,", "Basic realm='a' charset=UTF-8");
  assert_read("Basic realm=\"a, Digest b=\\\"c\\\"\\\\\"", "Basic realm='a, Digest b=\"c\"\\'");
  assert_read("Basic realm=\"\xc3\xbc\x80\"", "Basic realm='\xc3\xbc\x80'");
}

TEST(test_challenge_with_token68) {
  assert_read("Negotiate YII==", "Negotiate YII==");
  assert_read("Negotiate a=", "Negotiate a=");
  assert_read("Negotiate a =", "!");
  assert_read("Negotiate a-._~+/9", "Negotiate a-._~+/9");
  assert_read("NTLM TlRMTVNTUAAC, Basic realm=x", "NTLM TlRMTVNTUAAC | Basic realm=x");
  assert_read("Negotiate a==, b=c", "Negotiate a== | !");
  assert_read("Negotiate a==b", "!");
}

/* RFC 9110 11.6.1 */
TEST(test_challenges_in_one_field) {
  assert_read(
      "Basic realm=\"simple\", Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\"",
      "Basic realm='simple' | Newauth realm='apps' type=1 title='Login to \"apps\"'");
  assert_read("Newauth realm=\"apps\", type=1, Basic realm=\"simple\"",
              "Newauth realm='apps' type=1 | Basic realm='simple'");
  assert_read("Negotiate, NTLM, Basic realm=x", "Negotiate | NTLM | Basic realm=x");
  assert_read("Negotiate,NTLM,,Basic", "Negotiate | NTLM | Basic");
  assert_read("Digest a=b, Basic", "Digest a=b | Basic");
  assert_read("Digest a=b, Basic , Digest c=d", "Digest a=b | Basic | Digest c=d");
  assert_read(",, ,Basic a=b", "Basic a=b");
}

TEST(test_challenges_that_are_none) {
  assert_read("", "");
  assert_read(" , ,\t", "");
}

/* What stands before the malformed part counts. */
TEST(test_challenges_that_are_malformed) {
  assert_read("Basic realm=\"a", "!");
  assert_read("Basic realm=\"a\\", "!");
  assert_read("Basic realm=\"a\\\"", "!");
  assert_read("Basic realm=", "Basic realm="); /* a token68 */
  assert_read("Basic realm=,a=b", "Basic realm= | !");
  assert_read("Basic =a", "!");
  assert_read("realm=a", "!");
  assert_read("Basic realm=\"a\"b", "!");
  assert_read("Basic realm=\"a\" b", "!");
  assert_read("Basic a b", "!");
  assert_read("Basic a=b c=d", "!");
  assert_read("Basic a=b, Digest c=\"", "Basic a=b | !");
  assert_read("Basic a=b, Digest c=d, e=", "Basic a=b | !");
  assert_read("\"Basic\"", "!");
  assert_read("Basic: a=b", "!");
  assert_read("Basic/1 a=b", "!");
}

/* Every byte in each place that a field can have, as http_scan leaves them: it ends, and reads
   nothing behind the field. */
TEST(test_challenges_with_any_byte) {
  static const char good[] = "Digest a=\"b\\\"c\", d=e,Basic, Negotiate abc==, X y = z";
  for (size_t at = 0; at < sizeof good - 1; at++) {
    for (unsigned c = 1; c < 256; c++) {
      if (!stride_takes(256 * at + c)) continue;
      char field[sizeof good];
      SCOPED_BYTES text = {0};
      memcpy(field, good, sizeof good);
      field[at] = (char) c;
      describe(&text, field);
      field[at] = '\0';
      describe(&text, field);
    }
  }
}

/* A list without end is read once. A sanitizer looks at all that follows in each step. */
TEST(test_challenges_that_are_many) {
  enum { COUNT = 2000 };
  SCOPED_BYTES field = {0};
  const char *rest;
  challenge c;
  size_t count = 0;
  for (int i = 0; i < COUNT; i++) bytes_print(&field, "Basic realm=\"a\", b=c,");
  for (rest = bytes_text(&field); challenge_next(&rest, &c) > 0;) count++;
  assert_int_equal(count, COUNT);
}
