/* The cookies of one connect: which are kept, where they go, and the bounds. */

#include <stdio.h>
#include <string.h>

#include "proto/http/cookie_jar.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct rig {
  track_alloc alloc;
  cookie_jar jar;
} rig;

static void rig_open(rig *r, int unused) {
  (void) unused;
  track_alloc_init(&r->alloc);
  cookie_jar_init(&r->jar, &r->alloc.handle);
}

static void rig_close(rig *r) {
  cookie_jar_clear(&r->jar);
  assert_int_equal(r->alloc.live, 0);
}

static cookie_place place(const char *host, const char *path, bool secure) {
  return (cookie_place){{host, strlen(host)}, {host, strlen(host)}, {path, strlen(path)}, secure};
}

static bool take(rig *r, const char *host, const char *path, const char *set_cookie) {
  const cookie_place from = place(host, path, true);
  bool changed = false;
  assert_int_equal(cookie_jar_take(&r->jar, &from, set_cookie, 1000, &changed), 0);
  return changed;
}

static void assert_sent(rig *r, const char *host, const char *path, const char *given,
                        const char *expected) {
  const cookie_place to = place(host, path, true);
  text_buf value;
  text_buf_init(&value, &r->alloc.handle);
  assert_int_equal(cookie_jar_write(&r->jar, &to, given, &value), 0);
  const size_t len = text_buf_len(&value);
  assert_that(len == strlen(expected) &&
                  (len == 0 || memcmp(text_buf_base(&value), expected, len) == 0),
              "sent \"%.*s\"", (int) len, text_buf_base(&value));
  text_buf_clear(&value);
}

TEST(test_cookie_jar_sends_by_path_the_longer_first) {
  SCOPED(rig, r, 0);
  assert_true(take(&r, "a", "/x/y", "a=1"));
  assert_true(take(&r, "a", "/x/y", "b=2; Path=/"));
  assert_true(take(&r, "a", "/x/y", "c=3; path=/x/y; HttpOnly"));
  assert_false(take(&r, "a", "/x/y", "a=1"));
  assert_sent(&r, "a", "/x/y", NULL, "c=3; a=1; b=2");
  assert_sent(&r, "a", "/x", NULL, "a=1; b=2");
  assert_sent(&r, "a", "/xy", NULL, "b=2");
  assert_sent(&r, "b", "/x/y", NULL, "");
}

TEST(test_cookie_jar_goes_before_what_the_program_gives) {
  SCOPED(rig, r, 0);
  assert_sent(&r, "a", "/", "s=old; t=1", "s=old; t=1");
  assert_true(take(&r, "a", "/", "s=new"));
  assert_sent(&r, "a", "/", "s=old; t=1", "t=1; s=new");
  assert_true(take(&r, "a", "/", "s=; Max-Age=0"));
  assert_sent(&r, "a", "/", "s=old; t=1", "t=1");
}

/* RFC 6265 5.2.1, 5.2.2 */
TEST(test_cookie_jar_forgets_what_has_expired) {
  static const char *const expired[] = {
      "s=1; Max-Age=0",
      "s=1; Max-Age=-5; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
      "s=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
      "s=1; Expires=Thursday, 01-Jan-70 00:16:40 GMT; Max-Age=x",
  };
  for (size_t i = 0; i < COUNT_OF(expired); i++) {
    SCOPED(rig, r, 0);
    assert_true(take(&r, "a", "/", "s=0"));
    assert_true(take(&r, "a", "/", expired[i]));
    assert_sent(&r, "a", "/", NULL, "");
  }
  SCOPED(rig, r, 0);
  assert_true(take(&r, "a", "/", "s=1; Max-Age=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
  assert_true(take(&r, "a", "/", "t=1; Expires=Thu, 01 Jan 1970 00:16:41 GMT"));
  assert_true(take(&r, "a", "/", "u=1; Expires=never"));
  assert_sent(&r, "a", "/", NULL, "s=1; t=1; u=1");
}

TEST(test_cookie_jar_ignores_what_is_not_for_this_origin_or_malformed) {
  SCOPED(rig, r, 0);
  char large[COOKIE_SIZE_MAX + 8];
  memset(large, 'x', sizeof large - 1);
  large[sizeof large - 1] = '\0';
  large[1] = '=';
  static const char *const ignored[] = {"",
                                        "s",
                                        "=x",
                                        " ; a=1",
                                        "s=\t1\t2",
                                        "s=1; Domain=b.test",
                                        "s=1; Domain=test.b.a.test",
                                        "s=1; Domain=.est"};
  for (size_t i = 0; i < COUNT_OF(ignored); i++) {
    assert_that(!take(&r, "b.a.test", "/", ignored[i]), "\"%s\" is kept", ignored[i]);
  }
  assert_false(take(&r, "b.a.test", "/", large));
  assert_true(take(&r, "b.a.test", "/", "s=1; Domain=.A.test"));
  const cookie_place plain = place("b.a.test", "/", false);
  bool changed = false;
  assert_int_equal(cookie_jar_take(&r.jar, &plain, "z=1; Secure", 1000, &changed), 0);
  assert_false(changed);
  assert_true(take(&r, "b.a.test", "/", "z=1; Secure"));
  assert_sent(&r, "b.a.test", "/", NULL, "s=1; z=1");
  assert_sent(&r, "a.test", "/", NULL, "");
}

/* One attribute that fits does not make up for another one that does not. */
TEST(test_cookie_jar_judges_each_attribute) {
  static const char *const insecure[] = {"z=1; Secure; Domain=a.test", "z=1; Domain=a.test; Secure",
                                         "z=1; Secure; Domain=a.test; Path=/; Max-Age=9"};
  const cookie_place plain = place("a.test", "/", false);
  for (size_t i = 0; i < COUNT_OF(insecure); i++) {
    SCOPED(rig, r, 0);
    bool changed = false;
    assert_int_equal(cookie_jar_take(&r.jar, &plain, insecure[i], 1000, &changed), 0);
    assert_that(!changed, "\"%s\" is taken", insecure[i]);
    assert_false(take(&r, "a.test", "/", "z=1; Domain=b.test; Secure"));
    assert_true(take(&r, "a.test", "/", insecure[i]));
    assert_true(take(&r, "a.test", "/", "y=1; Domain=b.test; Domain=a.test")); /* the last counts */
  }
}

TEST(test_cookie_jar_is_bounded_in_number_and_size) {
  SCOPED(rig, r, 0);
  char text[COOKIE_SIZE_MAX + 1];
  for (int i = 0; i < 100; i++) {
    snprintf(text, sizeof text, "n%d=%d", i, i);
    assert_true(take(&r, "a", "/", text));
    assert_true(r.jar.count <= COOKIE_JAR_COUNT_MAX);
  }
  for (int i = 0; i < 100; i++) {
    memset(text, 'x', sizeof text - 1);
    text[COOKIE_SIZE_MAX] = '\0';
    memcpy(text, "abcd=", 5);
    text[0] = (char) ('a' + i % 26);
    text[1] = (char) ('a' + i / 26);
    assert_true(take(&r, "a", "/", text));
    assert_true(r.jar.bytes <= COOKIE_JAR_BYTES_MAX);
  }
}

/* A cookie that is set again keeps its place, and may be larger than before. */
TEST(test_cookie_jar_is_bounded_in_size_when_cookies_grow) {
  SCOPED(rig, r, 0);
  char text[COOKIE_SIZE_MAX + 1];
  for (int larger = 0; larger < 2; larger++) {
    for (int i = 0; i < COOKIE_JAR_COUNT_MAX; i++) {
      memset(text, 'x', sizeof text - 1);
      text[larger ? COOKIE_SIZE_MAX : 8] = '\0';
      memcpy(text, "a.n=", 4);
      text[0] = (char) ('A' + i);
      assert_true(take(&r, "a", "/", text));
      assert_true(r.jar.count <= COOKIE_JAR_COUNT_MAX);
      assert_that(r.jar.bytes <= COOKIE_JAR_BYTES_MAX, "%zu bytes", r.jar.bytes);
      assert_false(take(&r, "a", "/", text)); /* it is kept itself */
    }
  }
}

TEST(test_cookie_jar_without_memory_keeps_what_it_has) {
  SCOPED(rig, r, 0);
  assert_true(take(&r, "a", "/", "s=1"));
  const cookie_place from = place("a", "/", true);
  bool changed = false;
  r.alloc.fail_at = r.alloc.calls + 1;
  assert_true(cookie_jar_take(&r.jar, &from, "s=2", 1000, &changed) < 0);
  r.alloc.fail_at = 0;
  assert_false(changed);
  assert_sent(&r, "a", "/", NULL, "s=1");
}
