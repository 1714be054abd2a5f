#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/url.h"
#include "proto/http/ascii.h"
#include "support/test.h"

/* Parse a copy of the exact size, so that a read too far is seen; its slices are not used. */
static int parse_exact(const char *s, size_t len) {
  char *copy = malloc(len > 0 ? len : 1);
  ws_url url;
  assert_non_null(copy);
  memcpy(copy, s, len);
  int err = url_parse(&url, copy, len);
  if (err == 0 && url.socket.base == NULL) {
    assert_true(url.host.base > copy && url.host.base + url.host.len <= copy + len);
    assert_true(url.target.base > copy && url.target.base + url.target.len == copy + len);
  }
  free(copy);
  return err;
}

static int parse(const char *s) {
  return parse_exact(s, strlen(s));
}

static void assert_slice(ws_text s, const char *expected) {
  assert_int_equal(s.len, strlen(expected));
  assert_memory_equal(s.base, expected, s.len);
}

typedef struct good_url {
  const char *text;
  bool secure, ipv6;
  uint16_t port;
  const char *userinfo, *host, *target;
} good_url;

static const good_url good[] = {
    {"ws://h", false, false, 80, NULL, "h", ""},
    {"wss://h", true, false, 443, NULL, "h", ""},
    {"http://h/", false, false, 80, NULL, "h", "/"},
    {"https://h/", true, false, 443, NULL, "h", "/"},
    {"WS://H/", false, false, 80, NULL, "H", "/"},
    {"wSs://h/", true, false, 443, NULL, "h", "/"},
    {"HTTPS://h/", true, false, 443, NULL, "h", "/"},
    {"ws://h:", false, false, 80, NULL, "h", ""},
    {"wss://h:/", true, false, 443, NULL, "h", "/"},
    {"ws://h:1/", false, false, 1, NULL, "h", "/"},
    {"ws://h:443/", false, false, 443, NULL, "h", "/"},
    {"ws://h:65535/", false, false, 65535, NULL, "h", "/"},
    {"ws://h:0000000080/", false, false, 80, NULL, "h", "/"},
    {"ws://h?q", false, false, 80, NULL, "h", "?q"},
    {"ws://h:8080?q=/a?b", false, false, 8080, NULL, "h", "?q=/a?b"},
    {"ws://h/p/%2F;a=b?x=1&y=%20", false, false, 80, NULL, "h", "/p/%2F;a=b?x=1&y=%20"},
    {"ws://h//a@b:c", false, false, 80, NULL, "h", "//a@b:c"},
    {"ws://h/?a[]=1", false, false, 80, NULL, "h", "/?a[]=1"},
    {"ws://server.example.com/chat", false, false, 80, NULL, "server.example.com", "/chat"},
    {"ws://1.2.3.4:5/", false, false, 5, NULL, "1.2.3.4", "/"},
    {"ws://a_b~c-d.e/", false, false, 80, NULL, "a_b~c-d.e", "/"},
    {"ws://@h/", false, false, 80, "", "h", "/"},
    {"ws://u@h/", false, false, 80, "u", "h", "/"},
    {"ws://u:p@h:9/", false, false, 9, "u:p", "h", "/"},
    {"ws://u%40x:p%3a%00@h", false, false, 80, "u%40x:p%3a%00", "h", ""},
    {"ws://[::1]", false, true, 80, NULL, "::1", ""},
    {"wss://[2001:db8::1]:8443/x", true, true, 8443, NULL, "2001:db8::1", "/x"},
    {"ws://[::ffff:1.2.3.4]/", false, true, 80, NULL, "::ffff:1.2.3.4", "/"},
    {"ws://u@[::1]:/", false, true, 80, "u", "::1", "/"},
    {"ws://[fe80::1%25eth0]:81/", false, true, 81, NULL, "fe80::1", "/"},
};

TEST(test_url_takes_good_urls_apart) {
  for (size_t i = 0; i < COUNT_OF(good); i++) {
    const good_url *g = &good[i];
    ws_url url;
    assert_int_equal(url_parse(&url, g->text, strlen(g->text)), 0);
    assert_int_equal(parse(g->text), 0);
    assert_int_equal(url.secure, g->secure);
    assert_int_equal(url.ipv6, g->ipv6);
    assert_int_equal(url.port, g->port);
    assert_int_equal(url.userinfo.base == NULL, g->userinfo == NULL);
    if (g->userinfo != NULL) assert_slice(url.userinfo, g->userinfo);
    assert_slice(url.host, g->host);
    assert_slice(url.target, g->target);
    assert_int_equal(url.slash, g->target[0] != '/');
  }
}

TEST(test_url_takes_the_zone_off_the_host) {
  static const char text[] = "ws://[fe80::1%25eth0]:81/";
  ws_url url;
  assert_int_equal(url_parse(&url, text, strlen(text)), 0);
  assert_slice(url.host, "fe80::1");
  assert_slice(url.zone, "eth0");
}

/* --- ws+unix --- */

TEST(test_url_takes_unix_urls_apart) {
  static const struct {
    const char *text, *socket, *target;
  } cases[] = {
      {"ws+unix:///s", "/s", ""},
      {"WS+Unix:///s:", "/s", ""},
      {"ws+unix:///run/a.sock:/p?q=a:b", "/run/a.sock", "/p?q=a:b"},
      {"ws+unix:///s:?q", "/s", "?q"},
      {"ws+unix:///:/", "/", "/"},
      {"ws+unix:///a%20b%:/%20", "/a%20b%", "/%20"}, /* no escapes in the path of the socket */
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char host[URL_HOST_HEADER_SIZE];
    ws_url url;
    assert_int_equal(url_parse(&url, cases[i].text, strlen(cases[i].text)), 0);
    assert_slice(url.socket, cases[i].socket);
    assert_slice(url.target, cases[i].target);
    assert_int_equal(url.slash, cases[i].target[0] != '/');
    assert_false(url.secure || url.ipv6 || url.userinfo.base != NULL);
    url_host_header(&url, host);
    assert_string_equal(host, "localhost");
  }
}

TEST(test_url_bounds_the_path_of_a_socket_at_107_bytes) {
  char text[256] = "ws+unix:///";
  memset(text + strlen(text), 'a', 106);
  strcat(text, ":/p");
  assert_int_equal(url_parse(&(ws_url){0}, text, strlen(text)), 0);
  strcpy(text, "ws+unix:///");
  memset(text + strlen(text), 'a', 107);
  strcpy(text + strlen("ws+unix:///") + 107, ":/p");
  assert_int_equal(url_parse(&(ws_url){0}, text, strlen(text)), WSUV_EURL);
}

/* --- by parts --- */

TEST(test_url_from_parts_is_what_a_url_gives) {
  static const struct {
    const char *url, *host, *target;
    unsigned port;
    bool secure;
  } cases[] = {
      {"ws://h", "h", NULL, 0, false},
      {"ws://h", "h", "", 80, false},
      {"wss://h:80/p?q", "h", "/p?q", 80, true},
      {"wss://h/", "h", "/", 0, true},
      {"ws://h:65535?q", "h", "?q", 65535, false},
      {"ws://[::1]:81/%20", "::1", "/%20", 81, false},
      {"ws://[fe80::1%25eth0]/", "fe80::1%eth0", "/", 0, false},
      {"ws://1.2.3.4/", "1.2.3.4", "/", 0, false},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char host[2][URL_HOST_SIZE], header[2][URL_HOST_HEADER_SIZE];
    ws_url u[2];
    assert_int_equal(url_parse(&u[0], cases[i].url, strlen(cases[i].url)), 0);
    assert_int_equal(
        url_from_parts(&u[1], cases[i].secure, cases[i].host, cases[i].port, cases[i].target), 0);
    for (size_t j = 0; j < 2; j++) {
      assert_int_equal(url_host_copy(&u[j], host[j]), 0);
      url_host_header(&u[j], header[j]);
    }
    assert_string_equal(host[0], host[1]);
    assert_string_equal(header[0], header[1]);
    assert_int_equal(u[0].secure, u[1].secure);
    assert_int_equal(u[0].port, u[1].port);
    assert_int_equal(u[0].slash, u[1].slash);
    assert_int_equal(u[0].target.len, u[1].target.len);
    assert_memory_equal(u[0].target.base, u[1].target.base, u[0].target.len);
  }
}

static int from_parts(const char *host, unsigned port, const char *target) {
  ws_url url;
  return url_from_parts(&url, false, host, port, target);
}

TEST(test_url_from_parts_refuses_what_a_url_may_not_have) {
  static const char *const hosts[] = {"",     "a b",   "[::1]",   "a/b",      "u@h",
                                      "h:80", "::1%",  "::1%a b", "1.2.3.4:", "a\n",
                                      "h%41", "a\x80", ":",       "::g"};
  static const char *const targets[] = {"p", "#f", "/p#f", "/a b", "/%", "/%4", "/\r\n", "/\x80"};
  char host[256] = "";
  for (size_t i = 0; i < COUNT_OF(hosts); i++) {
    if (from_parts(hosts[i], 0, "/") != WSUV_EURL) fail_msg("accepted: %s", hosts[i]);
  }
  for (size_t i = 0; i < COUNT_OF(targets); i++) {
    if (from_parts("h", 0, targets[i]) != WSUV_EURL) fail_msg("accepted: %s", targets[i]);
  }
  assert_int_equal(from_parts("h", 65536, "/"), WSUV_EURL);
  memset(host, 'a', 253);
  assert_int_equal(from_parts(host, 0, "/"), 0);
  host[253] = 'a';
  assert_int_equal(from_parts(host, 0, "/"), WSUV_EURL);
}

/* F9 */
TEST(test_url_rejects_malformed_urls) {
  static const char *const bad[] = {
      "",
      "w",
      "ws",
      "ws:",
      "ws:/",
      "ws://",
      "ws:///",
      "ws:///path",
      "ws://?q",
      "//h/",
      "h",
      "h:80",
      "ftp://h/",
      "wsx://h/",
      "ws+unix:",
      "ws+unix://",
      "ws+unix://:",
      "ws+unix://s",
      "ws+unix://s:/p",
      "ws+unix://host/s:/p",
      "ws+unix:///s?q",
      "ws+unix:///s#f",
      "ws+unix:///s:p",
      "ws+unix:///s::/p",
      "ws+unix:///s:/%",
      "ws+unix:///s:/p#f",
      "wss+unix:///s:/p",
      "unix:///s:/p",
      " ws://h/",
      "ws://h/ ",
      "ws://:80/",
      "ws://@",
      "ws://u@",
      "ws://u@:80/",
      "ws://u@v@h/",
      "ws://u[@h/",
      "ws://h:0/",
      "ws://h:00/",
      "ws://h:65536/",
      "ws://h:99999999999999999999/",
      "ws://h:18446744073709551696/",
      "ws://h:-1/",
      "ws://h:+1/",
      "ws://h:8a/",
      "ws://h:80:80/",
      "ws://h:80x/",
      "ws://h#",
      "ws://h#f",
      "ws://h/#f",
      "ws://h/?q#f",
      "ws://u#@h/",
      "ws://h/%",
      "ws://h/%2",
      "ws://h/%zz",
      "ws://h/%2g",
      "ws://h?%",
      "ws://u%@h/",
      "ws://u%1@h/",
      "ws://h%41/",
      "ws://h,i/",
      "ws://h\\i/",
      "ws://[/",
      "ws://[]/",
      "ws://[::1/",
      "ws://::1/",
      "ws://[::1]x/",
      "ws://[::1]80/",
      "ws://[:::1]/",
      "ws://[1:2:3:4:5:6:7:8:9]/",
      "ws://[12345::]/",
      "ws://[1.2.3.4]/",
      "ws://[h]/",
      "ws://[v1.a]/",
      "ws://[[::1]]/",
      "ws://x[::1]/",
      "ws://[fe80::1%]/",
      "ws://[%25eth0]/",
      "ws://[fe80::1%25e%20]/",
      "ws://[fe80::1%25e:0]/",
      "ws://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]/",
  };
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    if (parse(bad[i]) != WSUV_EURL) fail_msg("accepted: %s", bad[i]);
  }
}

TEST(test_url_rejects_port_zero) {
  assert_int_equal(parse("ws://h:0/"), WSUV_EURL);
}

TEST(test_url_rejects_nul_bytes) {
  assert_int_equal(parse_exact("ws://h\0i/", 9), WSUV_EURL);
  assert_int_equal(parse_exact("ws://h/\0", 8), WSUV_EURL);
  assert_int_equal(parse_exact("ws://[::1\0]/", 12), WSUV_EURL);
  assert_int_equal(parse_exact("ws://[fe80::1%25\0]/", 19), WSUV_EURL);
}

static int parse_long_host(size_t len, bool ipv6) {
  char text[512] = "ws://";
  size_t at = strlen(text);
  if (ipv6) at += (size_t) snprintf(text + at, 32, "[::1%%25");
  memset(text + at, 'a', len - (ipv6 ? 6 : 0));
  at += len - (ipv6 ? 6 : 0);
  snprintf(text + at, 8, ipv6 ? "]:1/" : ":1/");
  return parse(text);
}

TEST(test_url_bounds_the_host_at_253_characters) {
  assert_int_equal(parse_long_host(253, false), 0);
  assert_int_equal(parse_long_host(254, false), WSUV_EURL);
  assert_int_equal(parse_long_host(253, true), 0);
  assert_int_equal(parse_long_host(254, true), WSUV_EURL);
}

#define DIGITS "0123456789"
#define UNRESERVED "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-._~"

/* A URL in two halves, and the bytes that may stand between them. */
typedef struct byte_field {
  const char *before, *after, *allowed;
} byte_field;

static const byte_field byte_fields[] = {
    {"w", "://h/", "sS"},
    {"ws://u", "r@h/", UNRESERVED "!$&'()*+,;=:/?"},
    {"ws://u:p", "w@h/", UNRESERVED "!$&'()*+,;=:"},
    {"ws://h", "t/", UNRESERVED "@/?"},
    {"ws://h:8", "/", DIGITS "/?"},
    {"ws://[::", "]/", DIGITS "abcdefABCDEF"},
    {"ws://[fe80::1%25e", "h]/", UNRESERVED},
    {"ws://[fe80::1%e", "h]/", UNRESERVED},
    {"ws://h/p", "z", UNRESERVED "!$&'()*+,;=:@/?[]"},
    {"ws://h/?q", "z", UNRESERVED "!$&'()*+,;=:@/?[]"},
    {"ws://h/?q%4", "z", DIGITS "abcdefABCDEF"},
    {"ws+unix:///s", "t", UNRESERVED "!$&'()*+,;=@/%"},
    {"ws+unix:///s:/p", "z", UNRESERVED "!$&'()*+,;=:@/?[]"},
};

/* F8: each of 256 byte values at each field of the URL. */
TEST(test_url_judges_every_byte_in_every_field) {
  for (size_t i = 0; i < COUNT_OF(byte_fields); i++) {
    const byte_field *f = &byte_fields[i];
    for (int c = 0; c < 256; c++) {
      char text[64];
      size_t n = strlen(f->before), m = strlen(f->after);
      memcpy(text, f->before, n);
      text[n] = (char) c;
      memcpy(text + n + 1, f->after, m);
      bool allowed = memchr(f->allowed, c, strlen(f->allowed)) != NULL;
      if (parse_exact(text, n + 1 + m) != (allowed ? 0 : WSUV_EURL)) {
        fail_msg("byte 0x%02x after %s", (unsigned) c, f->before);
      }
    }
  }
}

/* F9: any text ends in 0 or WSUV_EURL, without a read outside it. */
TEST(test_url_survives_random_text) {
  static const char *const parts[] = {"ws",  "://", ":",  "/", "@", "[", "]", "%25",    "%",
                                      "::1", "h",   "80", "?", "#", ".", " ", "fe80::1"};
  uint32_t seed = 1;
  for (unsigned round = 0; round < 200000; round++) {
    char text[128] = "ws://";
    size_t len = round % 2 == 0 ? 5 : 0;
    for (unsigned n = round % 10 + 1; n > 0; n--) {
      seed = seed * 1664525u + 1013904223u;
      const char *part = parts[(seed >> 16) % COUNT_OF(parts)];
      memcpy(text + len, part, strlen(part));
      len += strlen(part);
    }
    int err = parse_exact(text, len);
    assert_true(err == 0 || err == WSUV_EURL);
  }
}

static void assert_hosts(const char *text, const char *lookup, const char *header) {
  char copy[URL_HOST_SIZE], value[URL_HOST_HEADER_SIZE];
  ws_url url;
  assert_int_equal(url_parse(&url, text, strlen(text)), 0);
  assert_int_equal(url_host_copy(&url, copy), 0);
  assert_string_equal(copy, lookup);
  assert_int_equal(url_host_header(&url, value), strlen(header));
  assert_string_equal(value, header);
}

TEST(test_url_gives_host_for_lookup_and_for_the_header) {
  assert_hosts("ws://h/", "h", "h");
  assert_hosts("ws://h:80/", "h", "h");
  assert_hosts("ws://h:443/", "h", "h:443");
  assert_hosts("wss://h:443/", "h", "h");
  assert_hosts("wss://u:p@Host.Example:80/", "Host.Example", "Host.Example:80");
  assert_hosts("ws://[::1]/", "::1", "[::1]");
  assert_hosts("wss://[::1]:65535/", "::1", "[::1]:65535");
  assert_hosts("ws://[fe80::1%25eth0]:81/", "fe80::1%eth0", "[fe80::1]:81");
  assert_hosts("ws://[fe80::1%eth0]:81/", "fe80::1%eth0", "[fe80::1]:81");
  assert_hosts("ws://[fe80::1%25]/", "fe80::1%25", "[fe80::1]"); /* the zone with this number */
  assert_hosts("ws://[fe80::1%2]/", "fe80::1%2", "[fe80::1]");
}

TEST(test_url_gives_the_longest_hosts) {
  char text[300], host[URL_HOST_SIZE];
  memset(host, 'a', 253);
  host[253] = '\0';
  snprintf(text, sizeof text, "%s:65535", host);
  char full[320];
  snprintf(full, sizeof full, "ws://%s", text);
  assert_hosts(full, host, text);
}

TEST(test_url_host_copy_rejects_what_does_not_fit) {
  char host[300], copy[URL_HOST_SIZE];
  ws_url url = {.host = {host, 254}};
  memset(host, 'a', sizeof host);
  assert_int_equal(url_host_copy(&url, copy), WSUV_EURL);
  url.host.len = 0;
  assert_int_equal(url_host_copy(&url, copy), WSUV_EURL);
}

TEST(test_url_unescapes_every_byte) {
  for (unsigned c = 0; c < 256; c++) {
    char text[16], out[5];
    snprintf(text, sizeof text, c % 2 ? "a%%%02xz" : "a%%%02Xz", c);
    assert_int_equal(ascii_unescape_all(out, (ws_text){text, 5}), 3);
    assert_int_equal((unsigned char) out[1], c);
    assert_int_equal(out[2], 'z');
  }
}

/* --- what is wrong, in words --- */

static void assert_url_says(const char *text, const char *words) {
  ws_url url;
  ws_why why = {""};
  assert_int_equal(url_parse(&url, text, strlen(text)), WSUV_EURL);
  assert_int_equal(url_explain(&url, &why), WSUV_EURL);
  assert_string_equal(why.text, words);
}

TEST(test_url_says_what_is_wrong_and_where) {
  static const char no_scheme[] = "no ws://, wss://, http://, https:// or ws+unix://, position 1";
  assert_url_says("", no_scheme);
  assert_url_says("example.org", no_scheme);
  assert_url_says("ftp://h/", no_scheme);
  assert_url_says("ws://", "no host, position 6");
  assert_url_says("ws://u:p@/", "no host, position 10");
  assert_url_says("ws://exa mple.org/", "' ' is not allowed in the host, position 9");
  assert_url_says("ws://h\xc3\xa4/", "0xc3 is not allowed in the host, position 7");
  assert_url_says("ws://h/a b", "' ' is not allowed in the path or query, position 9");
  assert_url_says("ws://h/a\n", "0x0a is not allowed in the path or query, position 9");
  assert_url_says("ws://h/?q=1#f", "'#' is not allowed in the path or query, position 12");
  assert_url_says("ws://h#f", "fragment, position 7");
  assert_url_says("ws://h/%4", "'%' without two hexadecimal digits, position 8");
  assert_url_says("ws://u:sec[ret@h/",
                  "'[' is not allowed in the user name or password, position 11");
  assert_url_says("ws://h:80x/", "'x' is not allowed in the port, position 10");
  assert_url_says("ws://[::1]80/", "'8' is not allowed in the port, position 11");
  assert_url_says("ws://h:0/", "port 0, position 8");
  assert_url_says("ws://h:65536/", "port above 65535, position 8");
  assert_url_says("ws://[::1/", "'[' without ']', position 6");
  assert_url_says("ws://[::g]/", "malformed IPv6 address, position 7");
  assert_url_says("ws://[::1%]/", "no zone after '%', position 11");
  assert_url_says("ws://[::1%a:]/",
                  "':' is not allowed in the zone of an IPv6 address, position 12");
  assert_url_says("ws+unix://s", "no absolute path of a socket, position 11");
  assert_url_says("ws+unix:///a b", "' ' is not allowed in the path of the socket, position 13");
  assert_url_says("ws+unix:///s:p", "path without '/', position 14");
}

static void assert_parts_say(const char *host, unsigned port, const char *target,
                             const char *words) {
  ws_url url;
  ws_why why = {""};
  assert_int_equal(url_from_parts(&url, false, host, port, target), WSUV_EURL);
  assert_int_equal(url_explain(&url, &why), WSUV_EURL);
  assert_string_equal(why.text, words);
}

TEST(test_url_from_parts_says_what_is_wrong) {
  assert_parts_say("", 0, NULL, "no host, position 1");
  assert_parts_say("a/b", 0, NULL, "'/' is not allowed in the host, position 2");
  assert_parts_say("h", 65536, NULL, "port above 65535");
  assert_parts_say("h", 0, "p", "path without '/', position 1");
  assert_parts_say("h", 0, "/a b", "' ' is not allowed in the path or query, position 3");
}

static void assert_path(const char *reference, const char *path) {
  assert_slice(url_path_of(reference), path);
}

TEST(test_url_path_of_a_reference) {
  assert_path("", "/");
  assert_path("/login", "/login");
  assert_path("/login?token=x#y", "/login");
  assert_path("login?a", "login");
  assert_path("?token=x", "/");
  assert_path("https://u:p@h:1/a/b?c", "/a/b");
  assert_path("wss://h", "/");
  assert_path("wss://h?c", "/");
  assert_path("//h/a", "/a");
  assert_path("/a://b/c", "/a://b/c");
}

/* ---- proxies ---- */

typedef struct good_proxy {
  const char *text;
  url_proxy kind;
  uint16_t port;
  const char *userinfo, *host;
} good_proxy;

TEST(test_proxy_urls) {
  static const good_proxy rows[] = {
      {"http://h", URL_PROXY_HTTP, 80, NULL, "h"},
      {"https://h/", URL_PROXY_HTTPS, 443, NULL, "h"},
      {"socks4://h", URL_PROXY_SOCKS4, 1080, NULL, "h"},
      {"SOCKS4A://h", URL_PROXY_SOCKS4A, 1080, NULL, "h"},
      {"socks5://h:", URL_PROXY_SOCKS5, 1080, NULL, "h"},
      {"socks5h://u:p%40@h:1", URL_PROXY_SOCKS5H, 1, "u:p%40", "h"},
      {"proxy.example:3128", URL_PROXY_HTTP, 3128, NULL, "proxy.example"},
      {"u:p@h:8", URL_PROXY_HTTP, 8, "u:p", "h"},
      {"http://[::1]:8/", URL_PROXY_HTTP, 8, NULL, "::1"},
      {"[fe80::1%eth0]", URL_PROXY_HTTP, 80, NULL, "fe80::1"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ws_url url;
    url_proxy kind;
    const good_proxy *row = &rows[i];
    assert_int_equal(url_parse_proxy(&url, &kind, row->text, strlen(row->text)), 0);
    assert_int_equal(kind, row->kind);
    assert_int_equal(url.port, row->port);
    assert_slice(url.host, row->host);
    assert_int_equal(url.userinfo.base == NULL, row->userinfo == NULL);
    if (row->userinfo != NULL) assert_slice(url.userinfo, row->userinfo);
  }
}

TEST(test_proxy_urls_that_are_malformed) {
  static const char *const rows[][2] = {
      {"ws://h",
       "no http://, https://, socks4://, socks4a://, socks5:// or socks5h://, position 1"},
      {"http://", "no host, position 8"},
      {"", "no host, position 1"},
      {"http://h/p", "path or query, position 9"},
      {"http://h?q", "path or query, position 9"},
      {"http://h#f", "path or query, position 9"},
      {"http://h:0", "port 0, position 10"},
      {"http://u%4@h", "'%' without two hexadecimal digits, position 9"},
      {"http://u@v@h", "'@' is not allowed in the host, position 11"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ws_url url;
    url_proxy kind;
    ws_why why = {""};
    assert_int_equal(url_parse_proxy(&url, &kind, rows[i][0], strlen(rows[i][0])), WSUV_EURL);
    assert_int_equal(url_explain(&url, &why), WSUV_EURL);
    assert_string_equal(why.text, rows[i][1]);
  }
}
