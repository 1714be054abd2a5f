/* User names and passwords, as programs and URLs give them. */

#include <string.h>

#include "base/alloc.h"
#include "proto/http/user_login.h"
#include "support/test.h"

static void assert_is(ws_text s, const char *expected, size_t len) {
  assert_non_null(s.base);
  assert_int_equal(s.len, len);
  assert_true(len == 0 || memcmp(s.base, expected, len) == 0);
}

TEST(test_login_of_userinfo) {
  static const struct {
    const char *userinfo, *user, *password;
  } rows[] = {
      {"a", "a", ""},
      {"a:", "a", ""},
      {":b", "", "b"},
      {":", "", ""},
      {"a:b", "a", "b"},
      {"a:b:c", "a", "b:c"},
      {"a%3Ab:c%40", "a:b", "c@"},
      {"%61%62", "ab", ""},
      {"%C3%A4:%25", "\xc3\xa4", "%"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    user_login l;
    user_login_init(&l, &ws_alloc_libc);
    assert_int_equal(user_login_read(&l, (ws_text){rows[i].userinfo, strlen(rows[i].userinfo)}), 0);
    assert_true(l.given);
    assert_is(user_login_user(&l), rows[i].user, strlen(rows[i].user));
    assert_is(user_login_password(&l), rows[i].password, strlen(rows[i].password));
    user_login_clear(&l);
    assert_null(user_login_user(&l).base);
  }
}

TEST(test_login_that_is_not_given) {
  user_login l;
  user_login_init(&l, &ws_alloc_libc);
  assert_int_equal(user_login_read(&l, (ws_text){NULL, 0}), 0);
  assert_false(l.given);
  assert_int_equal(user_login_set(&l, (ws_text){NULL, 0}, (ws_text){"x", 1}), 0);
  assert_false(l.given);
  assert_null(user_login_user(&l).base);
  assert_int_equal(user_login_set(&l, (ws_text){"", 0}, (ws_text){NULL, 0}), 0);
  assert_true(l.given);
  assert_is(user_login_user(&l), "", 0);
  assert_is(user_login_password(&l), "", 0);
  user_login_clear(&l);
}
