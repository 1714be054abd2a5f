/* References: the examples of RFC 3986 5.4, and what a redirect may not lead to. */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/url_reference.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct row {
  const char *base, *reference;
  const char *url; /* NULL: it is refused */
} row;

static void assert_row(const row *r) {
  track_alloc alloc;
  text_buf url;
  ws_url base;
  ws_why why = {""};
  track_alloc_init(&alloc);
  text_buf_init(&url, &alloc.handle);
  assert_int_equal(url_parse(&base, r->base, strlen(r->base)), 0);
  int err = url_resolve(&url, &base, r->reference, &why);
  const size_t len = text_buf_len(&url);
  if (r->url == NULL) {
    assert_that(err == WSUV_EURL && why.text[0] != '\0', "\"%s\" is taken", r->reference);
  } else {
    assert_that(err == 0 && len == strlen(r->url) && memcmp(text_buf_base(&url), r->url, len) == 0,
                "\"%s\" is \"%.*s\" (%d %s)", r->reference, (int) len, text_buf_base(&url), err,
                why.text);
  }
  text_buf_clear(&url);
  assert_int_equal(alloc.live, 0);
}

#define BASE "ws://a/b/c/d;p?q"

/* RFC 3986 5.4.1, 5.4.2, without the fragments. */
TEST(test_url_reference_resolves_the_examples_of_rfc_3986) {
  static const row rows[] = {
      {BASE, "g", "ws://a/b/c/g"},
      {BASE, "./g", "ws://a/b/c/g"},
      {BASE, "g/", "ws://a/b/c/g/"},
      {BASE, "/g", "ws://a/g"},
      {BASE, "//g", "ws://g/"},
      {BASE, "?y", "ws://a/b/c/d;p?y"},
      {BASE, "g?y", "ws://a/b/c/g?y"},
      {BASE, "#s", "ws://a/b/c/d;p?q"},
      {BASE, "g#s", "ws://a/b/c/g"},
      {BASE, "g?y#s", "ws://a/b/c/g?y"},
      {BASE, ";x", "ws://a/b/c/;x"},
      {BASE, "g;x?y#s", "ws://a/b/c/g;x?y"},
      {BASE, "", "ws://a/b/c/d;p?q"},
      {BASE, ".", "ws://a/b/c/"},
      {BASE, "./", "ws://a/b/c/"},
      {BASE, "..", "ws://a/b/"},
      {BASE, "../", "ws://a/b/"},
      {BASE, "../g", "ws://a/b/g"},
      {BASE, "../..", "ws://a/"},
      {BASE, "../../", "ws://a/"},
      {BASE, "../../g", "ws://a/g"},
      {BASE, "../../../g", "ws://a/g"},
      {BASE, "../../../../g", "ws://a/g"},
      {BASE, "/./g", "ws://a/g"},
      {BASE, "/../g", "ws://a/g"},
      {BASE, "g.", "ws://a/b/c/g."},
      {BASE, ".g", "ws://a/b/c/.g"},
      {BASE, "g..", "ws://a/b/c/g.."},
      {BASE, "..g", "ws://a/b/c/..g"},
      {BASE, "./../g", "ws://a/b/g"},
      {BASE, "./g/.", "ws://a/b/c/g/"},
      {BASE, "g/./h", "ws://a/b/c/g/h"},
      {BASE, "g/../h", "ws://a/b/c/h"},
      {BASE, "g;x=1/./y", "ws://a/b/c/g;x=1/y"},
      {BASE, "g;x=1/../y", "ws://a/b/c/y"},
      {BASE, "g?y/./x", "ws://a/b/c/g?y/./x"},
      {BASE, "g?y/../x", "ws://a/b/c/g?y/../x"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) assert_row(&rows[i]);
}

TEST(test_url_reference_has_one_spelling_for_a_place) {
  static const row rows[] = {
      {"ws://A.Test", "", "ws://a.test/"},
      {"ws://h?q", "", "ws://h/?q"},
      {"ws://h?q", "x", "ws://h/x"},
      {"ws://u:p@h:80/a", "b", "ws://h/b"},
      {"wss://h/a", "//O.test:443/", "wss://o.test/"},
      {"ws://h/a", "HTTPS://O.test:8443", "wss://o.test:8443/"},
      {"ws://h/a", "http://[::1]:8080/x?y", "ws://[::1]:8080/x?y"},
      {"wss://h/a", "WS://h:443/../x", "ws://h:443/x"},
      {"ws://h/a", "/.//evil", "ws://h//evil"},
      {"ws+unix:///run/s:/a?b", "/c", "ws+unix:///run/s:/c"},
      {"ws+unix:///run/s:/a/b", "c", "ws+unix:///run/s:/a/c"},
      {"ws+unix:///run/s:/a", "http://localhost/c", "ws://localhost/c"},
      {"ws://[fe80::1%eth0]/a", "b", "ws://[fe80::1%eth0]/b"},
      {"ws://[fe80::1%25eth0]/a", "b", "ws://[fe80::1%eth0]/b"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) assert_row(&rows[i]);
}

/* A zone may begin as the older form of '%' does. */
TEST(test_url_reference_keeps_the_zone) {
  static const char *const zones[] = {"eth0", "25", "250", "257", "25x", "2525", "2", "52"};
  for (size_t i = 0; i < COUNT_OF(zones); i++) {
    track_alloc alloc;
    text_buf url;
    ws_url base, to;
    char text[64];
    track_alloc_init(&alloc);
    text_buf_init(&url, &alloc.handle);
    (void) snprintf(text, sizeof text, "ws://[fe80::1%%25%s]/a", zones[i]);
    assert_int_equal(url_parse(&base, text, strlen(text)), 0);
    assert_int_equal(url_resolve(&url, &base, "b", NULL), 0);
    assert_int_equal(url_parse(&to, text_buf_base(&url), text_buf_len(&url)), 0);
    assert_that(url_same_host(&base, &to), "zone \"%s\" became \"%.*s\"", zones[i],
                (int) to.zone.len, to.zone.base);
    text_buf_clear(&url);
    assert_int_equal(alloc.live, 0);
  }
}

TEST(test_url_reference_refuses_what_cannot_be_followed) {
  static const char *const references[] = {
      "ftp://h/",
      "javascript:alert(1)",
      "ws+unix:///run/s:/",
      "data:,x",
      "http://u:p@h/",
      "http://u@h/",
      "//@h/",
      "http:",
      "http:g",
      "wss:///x",
      "//",
      "//h:99999/",
      "http://h:x/",
      "/a b",
      "/\x01",
      "//h h/",
      "http://[::1/",
      "/\xc3\xa4",
      "//h\\evil/",
      "http://h/%2",
  };
  for (size_t i = 0; i < COUNT_OF(references); i++) {
    assert_row(&(row){"ws://a/b", references[i], NULL});
  }
}
