/* Lists of destinations without a proxy: a table, of which what curl knows is checked with curl,
   too (test/interop/no_proxy.py). */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "net/dial/no_proxy.h"
#include "support/frames.h"
#include "support/test.h"

static const struct {
  const char *list, *host;
  uint16_t port;
  int result;
} rows[] = {
#define ROW(LIST, HOST, PORT, RESULT, CURL) {LIST, HOST, PORT, RESULT},
#include "no_proxy_rows.inc"
#undef ROW
};

TEST(test_no_proxy_table) {
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    const char *wrong;
    char *list = (char *) bytes_exact((const uint8_t *) rows[i].list, strlen(rows[i].list) + 1);
    int result = no_proxy_has(list, rows[i].host, rows[i].port, &wrong);
    const int expected = rows[i].result < 0 ? WS_EINVAL : rows[i].result;
    assert_that(result == expected, "%s, %s: %d", rows[i].list, rows[i].host, result);
    assert_that((wrong != NULL) == (expected < 0), "%s: %s", rows[i].list, wrong);
    free(list);
  }
}

/* What makes no sense is found wherever it is, whatever is looked for. */
TEST(test_no_proxy_refuses_the_whole_list) {
  static const char *const lists[] = {"a.test,b:0", "b:0,a.test", "a.test,b:0,a.test"};
  for (size_t i = 0; i < COUNT_OF(lists); i++) {
    const char *wrong;
    assert_int_equal(no_proxy_has(lists[i], "a.test", 80, &wrong), WS_EINVAL);
    assert_string_equal(wrong, "malformed port");
  }
}

TEST(test_no_proxy_says_what_is_wrong) {
  static const char *const texts[][2] = {
      {"a.test,*", "'*' beside other entries"},
      {"http://a.test", "malformed port"},
      {"a;b", "malformed name"},
      {"1.2.3", "malformed address or prefix length"},
      {"1.2.3.4/33", "malformed address or prefix length"},
      {"[1::2", "malformed address in brackets"},
  };
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    const char *wrong;
    assert_int_equal(no_proxy_has(texts[i][0], "a.test", 80, &wrong), WS_EINVAL);
    assert_string_equal(wrong, texts[i][1]);
  }
}

TEST(test_no_proxy_with_long_entries) {
  char list[400];
  const char *wrong;
  memset(list, 'a', sizeof list);
  list[255] = '\0';
  assert_int_equal(no_proxy_has(list, "b", 80, &wrong), 0);
  list[255] = 'a', list[256] = '\0';
  assert_int_equal(no_proxy_has(list, "b", 80, &wrong), WS_EINVAL);
  assert_string_equal(wrong, "entry of more than 255 characters");
}

/* Each byte in each place of an entry: it ends, and reads nothing behind the list. */
TEST(test_no_proxy_with_any_byte) {
  static const char *const lists[] = {".a-b.test:80 ", "[2001:db8::1]:80", "192.0.2.0/24:80",
                                      "2001:db8::/32,*.a"};
  for (size_t i = 0; i < COUNT_OF(lists); i++) {
    for (size_t at = 0; at < strlen(lists[i]); at++) {
      for (int c = 1; c < 256; c++) {
        const char *wrong;
        char *list = (char *) bytes_exact((const uint8_t *) lists[i], strlen(lists[i]) + 1);
        list[at] = (char) c;
        int result = no_proxy_has(list, "192.0.2.1", 80, &wrong);
        assert_true(result == 0 || result == 1 || (result == WS_EINVAL && wrong != NULL));
        const bool control = (c < ' ' && c != '\t') || c >= 0x7f;
        if (control) assert_int_equal(result, WS_EINVAL);
        free(list);
      }
    }
  }
}
