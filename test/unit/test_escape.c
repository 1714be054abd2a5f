/* Text of a peer, made safe for logs and terminals. F59 */

#include <string.h>

#include "base/escape.h"
#include "base/why.h"
#include "support/test.h"

enum { ROOM = 64 };

static void assert_escaped(const char *s, size_t len, const char *expected) {
  char out[ROOM];
  assert_int_equal(escape_text(out, sizeof out, s, len), strlen(expected));
  assert_string_equal(out, expected);
}

#define ESCAPED(S, EXPECTED) assert_escaped(S, sizeof(S) - 1, EXPECTED)

TEST(test_escape_leaves_text) {
  ESCAPED("", "");
  ESCAPED("plain ~ text \\ and \"quotes\"", "plain ~ text \\ and \"quotes\"");
  ESCAPED("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
  ESCAPED("\xc2\xa0 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf",
          "\xc2\xa0 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf");
}

TEST(test_escape_shows_control_characters) {
  ESCAPED("a\r\n\tb", "a\\x0d\\x0a\\x09b");
  ESCAPED("\x1b[31mred\x07", "\\x1b[31mred\\x07");
  ESCAPED("\x7f", "\\x7f");
  ESCAPED("nul\0!", "nul\\x00!");
  ESCAPED("\xc2\x80\xc2\x9b\xc2\x9f", "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f"); /* C1 */
}

TEST(test_escape_shows_what_is_not_utf8) {
  ESCAPED("\x80\xff\xc0\x80", "\\x80\\xff\\xc0\\x80");
  ESCAPED("\xe2\x82", "\\xe2\\x82");
  ESCAPED("\xe2\x82!", "\\xe2\\x82!");
  ESCAPED("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf");          /* overlong */
  ESCAPED("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* a surrogate */
  ESCAPED("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above 10ffff */
  ESCAPED("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf");
}

/* The copy ends before the first character or escape that does not fit. */
TEST(test_escape_cuts_nothing_in_its_middle) {
  static const char text[] = "a\xe2\x82\xac\x1b"
                             "b";
  static const char *const expected[] = {"",
                                         "a",
                                         "a",
                                         "a",
                                         "a\xe2\x82\xac",
                                         "a\xe2\x82\xac",
                                         "a\xe2\x82\xac",
                                         "a\xe2\x82\xac",
                                         "a\xe2\x82\xac\\x1b",
                                         "a\xe2\x82\xac\\x1bb"};
  for (size_t room = 0; room < sizeof expected / sizeof *expected; room++) {
    char out[ROOM];
    memset(out, '#', sizeof out);
    size_t n = escape_text(out, room + 1, text, sizeof text - 1);
    assert_string_equal(out, expected[room]);
    assert_int_equal(n, strlen(expected[room]));
    assert_int_equal(out[room + 1], '#');
  }
}

/* Whatever is given, each byte that comes out is printable or belongs to a whole character. */
TEST(test_escape_of_every_pair_of_bytes) {
  for (unsigned i = 0; i < 65536; i++) {
    const char s[] = {(char) (i >> 8), (char) i};
    char out[ROOM];
    size_t n = escape_text(out, sizeof out, s, 2);
    for (size_t k = 0; k < n; k++) {
      unsigned char c = (unsigned char) out[k];
      assert_true(c >= ' ' && c != 0x7f);
      if (c < 0x80) continue;
      assert_true(c >= 0xc2 && c <= 0xdf &&
                  (unsigned char) out[k + 1] >= (c == 0xc2 ? 0xa0 : 0x80));
      k++;
    }
  }
}

TEST(test_why_is_escaped_and_cut) {
  ws_why why = {""};
  char raw[2 * WHY_SIZE];
  assert_int_equal(ws_why_set(NULL, -7, "%s", "unused"), -7);
  assert_int_equal(ws_why_set(&why, -5, "%s %d", "a\x1b", 3), -5);
  assert_string_equal(why.text, "a\\x1b 3");
  memset(raw, '\n', sizeof raw - 1);
  raw[sizeof raw - 1] = '\0';
  (void) ws_why_set(&why, 0, "%s", raw);
  assert_in_range(strlen(why.text), WHY_SIZE - 4, WHY_SIZE - 1);
  assert_null(strchr(why.text, '\n'));
}
