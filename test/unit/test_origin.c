/* Which hosts a server answers to, and from which origins it accepts requests. F64 */

#include <string.h>

#include "proto/handshake/origin.h"
#include "support/test.h"

/* Patterns are separated by spaces. */
typedef struct pattern_list {
  char text[256];
  const char *items[8];
  size_t count;
} pattern_list;

static void split(pattern_list *list, const char *patterns) {
  assert_true(strlen(patterns) < sizeof list->text);
  strcpy(list->text, patterns);
  list->count = 0;
  for (char *s = strtok(list->text, " "); s != NULL; s = strtok(NULL, " ")) {
    list->items[list->count++] = s;
  }
}

static url_authority parse_host(const char *host) {
  url_authority authority = {0};
  if (*host != '\0' && !url_parse_authority(&authority, (ws_text){host, strlen(host)})) {
    fail_msg("%s is no host", host);
  }
  return authority;
}

/* --- hosts --- */

static void assert_host(const char *patterns, bool loopback, const char *host, bool good) {
  const char *detail = "";
  const url_authority authority = parse_host(host);
  pattern_list list;
  split(&list, patterns);
  for (size_t i = 0; i < list.count; i++) assert_null(host_pattern_wrong(list.items[i]));
  wsuv_refused_t cause = host_check(&authority, list.items, list.count, loopback, &detail);
  if (cause != (good ? WSUV_REFUSED_NONE : WSUV_REFUSED_HOST_UNKNOWN)) {
    fail_msg("%s in '%s'%s: %s", host, patterns, loopback ? " on loopback" : "", detail);
  }
  assert_int_equal(*detail != '\0', !good);
}

TEST(test_origin_hosts_of_a_server) {
  static const struct {
    const char *patterns, *host;
    bool good;
  } rows[] = {
      {"", "anything.example", true},
      {"", "", true},
      {"*", "anything.example", true},
      {"*", "[::1]", true},
      {"app.example", "app.example", true},
      {"app.example", "APP.Example", true},
      {"APP.EXAMPLE", "app.example", true},
      {"app.example", "app.example.", true},
      {"app.example.", "app.example", true},
      {"app.example", "app.example:8080", true},
      {"app.example", "app.example:", true},
      {"app.example", "app.example..", false},
      {"app.example", "xapp.example", false},
      {"app.example", "x.app.example", false},
      {"app.example", "example", false},
      {"app.example", "app.example.evil", false},
      {"app.example", "", false},
      {"a b c", "c", true},
      {"a b c", "d", false},
      {"*.example", "a.example", true},
      {"*.example", "A.EXAMPLE", true},
      {"*.example", "a.b.example", true},
      {"*.example", "a.example.", true},
      {"*.example", "example", false},
      {"*.example", ".example", false},
      {"*.example", "aexample", false},
      {"*.example", "a.example.evil", false},
      {"127.0.0.1", "127.0.0.1", true},
      {"127.0.0.1", "127.0.0.2", false},
      {"127.0.0.1", "127.1", false},
      {"[::1]", "[::1]", true},
      {"[::1]", "[::1]:80", true},
      {"[::1]", "[0:0:0:0:0:0:0:1]", true},
      {"[::A]", "[::a]", true},
      {"[::1]", "[::2]", false},
      {"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", true},
      {"[::ffff:127.0.0.1]", "127.0.0.1", false},
      {"xn--bcher-kva.example", "XN--BCHER-KVA.example", true},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_host(rows[i].patterns, false, rows[i].host, rows[i].good);
    if (*rows[i].patterns != '\0') assert_host(rows[i].patterns, true, rows[i].host, rows[i].good);
  }
}

/* A name that was rebound to a loopback address is not answered to. */
TEST(test_origin_hosts_of_a_loopback_listener) {
  static const struct {
    const char *host;
    bool good;
  } rows[] = {
      {"localhost", true},
      {"localhost:8080", true},
      {"LocalHost", true},
      {"localhost.", true},
      {"app.localhost", true},
      {"a.b.localhost.", true},
      {"127.0.0.1", true},
      {"127.0.0.1:1", true},
      {"127.0.0.1.", true},
      {"127.255.255.254", true},
      {"[::1]", true},
      {"[::1]:80", true},
      {"[0:0::1]", true},
      {"[::ffff:127.0.0.1]", true},
      {"evil.example", false},
      {"localhost.evil.example", false},
      {"xlocalhost", false},
      {".localhost", false},
      {"127.0.0.1.evil.example", false},
      {"127.0.0.1..", false},
      {"127.1", false},
      {"2130706433", false},
      {"0x7f.0.0.1", false},
      {"0.0.0.0", false},
      {"128.0.0.1", false},
      {"[::]", false},
      {"[::2]", false},
      {"[::127.0.0.1]", false},
      {"[::ffff:128.0.0.1]", false},
      {"[fe80::1]", false},
      {"", false},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_host("", true, rows[i].host, rows[i].good);
    assert_host("", false, rows[i].host, true);
  }
}

/* --- origins --- */

static void assert_origin(const char *patterns, const char *origin, const char *host, bool good) {
  const char *detail = "";
  const url_authority authority = parse_host(host);
  pattern_list list;
  split(&list, patterns);
  for (size_t i = 0; i < list.count; i++) assert_null(origin_pattern_wrong(list.items[i]));
  wsuv_refused_t cause = origin_check(origin, &authority, list.items, list.count, &detail);
  if (cause != (good ? WSUV_REFUSED_NONE : WSUV_REFUSED_ORIGIN)) {
    fail_msg("%s for %s in '%s': %s", origin, host, patterns, detail);
  }
  assert_int_equal(*detail != '\0', !good);
}

/* The default. */
TEST(test_origin_is_the_host_of_the_request) {
  static const struct {
    const char *origin, *host;
    bool good;
  } rows[] = {
      {NULL, "app.example", true},
      {"http://app.example", "app.example", true},
      {"https://app.example", "app.example", true},
      {"http://APP.example", "app.EXAMPLE", true},
      {"HTTP://app.example", "app.example", true},
      {"http://app.example.", "app.example", true},
      {"http://app.example", "app.example.", true},
      {"http://evil.example", "app.example", false},
      {"http://app.example.evil", "app.example", false},
      {"http://xapp.example", "app.example", false},
      {"http://x.app.example", "app.example", false},
      {"http://example", "app.example", false},
      /* ports: the default one is none */
      {"http://app.example:80", "app.example", true},
      {"http://app.example", "app.example:80", true},
      {"https://app.example", "app.example:443", true},
      {"https://app.example:443", "app.example:443", true},
      {"http://app.example:8080", "app.example:8080", true},
      {"http://app.example:8080", "app.example:8081", false},
      {"http://app.example", "app.example:8080", false},
      {"https://app.example", "app.example:80", false},
      {"http://app.example", "app.example:443", false},
      {"http://app.example:", "app.example:80", true},
      {"http://app.example:0080", "app.example:80", true},
      /* a proxy has left the port out of Host */
      {"http://app.example:8080", "app.example", true},
      {"https://app.example:8443", "app.example:", true},
      {"http://evil.example:8080", "app.example", false},
      /* addresses */
      {"http://127.0.0.1", "127.0.0.1", true},
      {"http://127.0.0.1", "127.0.0.2", false},
      {"http://127.0.0.1", "localhost", false},
      {"http://[::1]", "[::1]", true},
      {"http://[::1]:8080", "[0:0::1]:8080", true},
      {"http://[::1]", "[::2]", false},
      {"http://[::1]", "localhost", false},
      {"http://xn--bcher-kva.example", "xn--bcher-kva.example", true},
      {"http://b\xc3\xbc"
       "cher.example",
       "xn--bcher-kva.example", false},
      /* what is no origin of this host */
      {"null", "app.example", false},
      {"null", "null", false},
      {"http://null", "null", true},
      {"", "app.example", false},
      {"app.example", "app.example", false},
      {"//app.example", "app.example", false},
      {"http:app.example", "app.example", false},
      {"http:/app.example", "app.example", false},
      {"http://", "app.example", false},
      {"http://app.example/", "app.example", false},
      {"http://app.example/x", "app.example", false},
      {"http://app.example?x", "app.example", false},
      {"http://app.example#x", "app.example", false},
      {"http://u@app.example", "app.example", false},
      {"http://app.example@evil", "app.example", false},
      {"http://app.example:80:80", "app.example", false},
      {"http://app.example:x", "app.example", false},
      {"http://app.example:0", "app.example", false},
      {"http://app.example:65536", "app.example", false},
      {"http://app.example http://evil.example", "app.example", false},
      {"http://evil.example http://app.example", "app.example", false},
      {"http://app.example, http://evil.example", "app.example", false},
      {" http://app.example", "app.example", false},
      {"http://app%2eexample", "app.example", false},
      {"http://[::1", "[::1]", false},
      {"http://[fe80::1%eth0]", "[fe80::1]", false},
      {"NULL", "app.example", false},
      {"chrome-extension://app.example", "app.example", false},
      {"file://", "app.example", false},
      {"file://app.example", "app.example", false},
      {"1http://app.example", "app.example", false},
      {"http://app.example", "", false},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_origin("", rows[i].origin, rows[i].host, rows[i].good);
  }
}

TEST(test_origin_is_one_of_those_listed) {
  static const struct {
    const char *patterns, *origin;
    bool good;
  } rows[] = {
      {"*", "https://evil.example", true},
      {"*", "null", true},
      {"*", "no origin", true},
      {"*", NULL, true},
      {"null", "null", true},
      {"null", NULL, true},
      {"null", "https://app.example", false},
      {"null", "https://null", false},
      {"https://app.example", NULL, true},
      {"https://app.example", "https://app.example", true},
      {"https://app.example", "HTTPS://APP.example.", true},
      {"https://app.example", "https://app.example:443", true},
      {"https://app.example:443", "https://app.example", true},
      {"https://app.example", "http://app.example", false},
      {"https://app.example", "https://app.example:8443", false},
      {"https://app.example", "http://app.example:443", false},
      {"https://app.example:8443", "https://app.example:8443", true},
      {"https://app.example:8443", "https://app.example", false},
      {"https://app.example", "https://x.app.example", false},
      {"https://app.example", "https://app.example.evil", false},
      {"https://app.example", "https://app.example/", false},
      {"https://app.example", "null", false},
      {"https://app.example null", "null", true},
      {"https://a http://b", "http://b", true},
      {"https://a http://b", "http://a", false},
      {"https://*.example", "https://a.example", true},
      {"https://*.example", "https://a.b.example:443", true},
      {"https://*.example", "https://example", false},
      {"https://*.example", "https://.example", false},
      {"https://*.example", "https://aexample", false},
      {"https://*.example", "http://a.example", false},
      {"https://*.example", "https://a.example:8443", false},
      {"https://*.example:8443", "https://a.example:8443", true},
      {"https://*.example:8443", "https://a.example", false},
      {"https://*.example", "https://a.example.evil", false},
      {"https://*", "https://evil.example:8443", true},
      {"https://*", "https://[::1]", true},
      {"https://*", "http://evil.example", false},
      {"https://*", "null", false},
      {"http://[::1]:80", "http://[0::1]", true},
      {"http://127.0.0.1", "http://127.0.0.1", true},
      {"chrome-extension://*", "chrome-extension://abcdefghijklmnop", true},
      {"chrome-extension://*", "moz-extension://abcdefghijklmnop", false},
      {"chrome-extension://*", "chrome-extensionx://a", false},
      {"chrome-extension://abcdefgh", "chrome-extension://abcdefgh", true},
      {"chrome-extension://abcdefgh", "chrome-extension://abcdefgi", false},
      {"moz-extension://*", "moz-extension://3c0a4e64-9d6c-4a3e-8a35-0123456789ab", true},
      {"capacitor://localhost", "capacitor://localhost", true},
      {"file://", "file://", true},
      {"file://*", "file://", true},
      {"file://", "file://x", false},
      {"file://x", "file://", false},
      {"vscode-webview://*", "vscode-webview://0a1b", true},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_origin(rows[i].patterns, rows[i].origin, "app.example", rows[i].good);
  }
  /* A list takes the place of the default. */
  assert_origin("https://other.example", "http://app.example", "app.example", false);
}

/* --- configuration --- */

TEST(test_origin_patterns_are_checked) {
  static const char *const hosts[] = {
      "",     "*.",       "**",       "*.*",     "a*",
      "a.*",  "*a",       "a b",      "a/b",     "a:80",
      "a:",   "*.a:80",   "http://a", "u@a",     "::1",
      "[::1", "[::1]x",   "[::1]:80", "*.[::1]", "[fe80::1%eth0]",
      "a,b",  "\xc3\xbc", "a%41",     ":80",
  };
  static const char *const origins[] = {
      "",
      "app.example",
      "*.example",
      "https:",
      "https:/a",
      "https://",
      "https://a/",
      "https://a/b",
      "https://a?b",
      "https://a#b",
      "https://u@a",
      "https://*a",
      "https://a*",
      "https://a.*",
      "https://*.",
      "https://*:443",
      "https://**",
      "https://a:x",
      "https://a:0",
      "https://a:65536",
      "https://::1",
      "https://*.[::1]",
      "Null",
      "1a://b",
      "://a",
      "https://a https://b",
      "https://\xc3\xbc",
      "*://a",
  };
  for (size_t i = 0; i < COUNT_OF(hosts); i++) {
    if (host_pattern_wrong(hosts[i]) == NULL) fail_msg("'%s' is a host", hosts[i]);
  }
  for (size_t i = 0; i < COUNT_OF(origins); i++) {
    if (origin_pattern_wrong(origins[i]) == NULL) fail_msg("'%s' is an origin", origins[i]);
  }
}
