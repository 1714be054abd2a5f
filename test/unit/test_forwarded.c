/* What proxies say in X-Forwarded-* and in Forwarded (RFC 7239), read from the right. F66 */

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "base/alloc.h"
#include "proto/handshake/forwarded.h"
#include "support/test.h"

/* "Name: value|Name: value" */
static void add_fields(header_store *fields, const char *text) {
  while (*text != '\0') {
    const char *colon = strchr(text, ':');
    const size_t len = strcspn(text, "|");
    assert_non_null(colon);
    assert_int_equal(header_store_add(fields, text, (size_t) (colon - text)), 0);
    assert_int_equal(header_store_end_name(fields), 0);
    for (colon++; *colon == ' '; colon++) continue;
    assert_int_equal(header_store_add(fields, colon, (size_t) (text + len - colon)), 0);
    assert_int_equal(header_store_end_value(fields), 0);
    text += text[len] == '|' ? len + 1 : len;
  }
}

/* Reads `max` elements: "203.0.113.7:80 nobody ... | host proto" */
static void read_all(char *text, size_t size, const header_store *fields, wsuv_forwarded_t family,
                     size_t max) {
  char address[INET6_ADDRSTRLEN];
  forwarded f;
  ws_ip ip;
  forwarded_result result = FORWARDED_NOBODY;
  size_t n = 0;
  forwarded_begin(&f, fields, family);
  *text = '\0';
  while (n < max && (result = forwarded_next(&f, &ip)) != FORWARDED_END) {
    char *end = text + strlen(text);
    const size_t left = size - strlen(text);
    n++;
    if (result == FORWARDED_NOBODY) {
      (void) snprintf(end, left, "nobody ");
      continue;
    }
    assert_non_null(inet_ntop(ip.ipv6 ? AF_INET6 : AF_INET, ip.bytes, address, sizeof address));
    (void) snprintf(end, left, ip.port != 0 ? "%s:%u " : "%s ", address, (unsigned) ip.port);
  }
  if (result == FORWARDED_END) assert_int_equal(forwarded_next(&f, &ip), FORWARDED_END);
  const ws_text host = forwarded_host(&f), proto = forwarded_proto(&f);
  (void) snprintf(text + strlen(text), size - strlen(text), "| %.*s %.*s", (int) host.len,
                  host.len > 0 ? host.base : "", (int) proto.len, proto.len > 0 ? proto.base : "");
}

typedef struct forwarded_row {
  const char *fields;
  size_t max; /* elements that are read; 0: all */
  const char *seen;
} forwarded_row;

static void check_rows(const forwarded_row *rows, size_t count, wsuv_forwarded_t family) {
  for (size_t i = 0; i < count; i++) {
    char text[512];
    header_store fields;
    header_store_init(&fields, &ws_alloc_libc);
    add_fields(&fields, rows[i].fields);
    read_all(text, sizeof text, &fields, family, rows[i].max > 0 ? rows[i].max : SIZE_MAX);
    assert_that(strcmp(text, rows[i].seen) == 0, "%s: %s", rows[i].fields, text);
    header_store_clear(&fields);
  }
}

TEST(test_forwarded_x_family) {
  static const forwarded_row rows[] = {
      {"", 0, "|  "},
      {"X-Forwarded-For: 203.0.113.7", 0, "203.0.113.7 |  "},
      {"x-forwarded-for: 203.0.113.7", 0, "203.0.113.7 |  "},
      {"X-Forwarded-For: 1.1.1.1, 2.2.2.2,3.3.3.3", 0, "3.3.3.3 2.2.2.2 1.1.1.1 |  "},
      {"X-Forwarded-For: 1.1.1.1, 2.2.2.2|X-Forwarded-For: 3.3.3.3", 0,
       "3.3.3.3 2.2.2.2 1.1.1.1 |  "},
      {"X-Forwarded-For: 1.1.1.1,, ,\t2.2.2.2 ,|X-Forwarded-For:", 0, "2.2.2.2 1.1.1.1 |  "},
      {"X-Forwarded-For: 2001:db8::7", 0, "2001:db8::7 |  "},
      {"X-Forwarded-For: [2001:db8::7]", 0, "2001:db8::7 |  "},
      {"X-Forwarded-For: [2001:db8::7]:80, 1.1.1.1:65535", 0, "1.1.1.1:65535 2001:db8::7:80 |  "},
      {"X-Forwarded-For: 1.1.1.1, unknown", 0, "nobody 1.1.1.1 |  "},
      {"X-Forwarded-For: 1.1.1.1, unknown:80", 0, "|  "},
      /* what does not parse ends it */
      {"X-Forwarded-For: 1.1.1.1, localhost, 2.2.2.2", 0, "2.2.2.2 |  "},
      {"X-Forwarded-For: 1.1.1.1, \"2.2.2.2\"", 0, "|  "},
      {"X-Forwarded-For: 1.1.1.1, _hidden", 0, "|  "},
      {"X-Forwarded-For: 1.1.1.1 2.2.2.2", 0, "|  "},
      {"X-Forwarded-For: 1.1.1.1:65536", 0, "|  "},
      {"X-Forwarded-For: 1.1.1.1:", 0, "|  "},
      {"X-Forwarded-For: 1.1.1.1:8a", 0, "|  "},
      {"X-Forwarded-For: 1.1.1", 0, "|  "},
      {"X-Forwarded-For: 01.1.1.1", 0, "|  "},
      {"X-Forwarded-For: 1.1.1.1/8", 0, "|  "},
      {"X-Forwarded-For: [2001:db8::7", 0, "|  "},
      {"X-Forwarded-For: []", 0, "|  "},
      {"X-Forwarded-For: [1.1.1.1]", 0, "|  "},
      {"X-Forwarded-For: fe80::1%eth0", 0, "|  "},
      {"X-Forwarded-For: [::1]x", 0, "|  "},
      /* host and scheme are those of the element that was read last */
      {"X-Forwarded-For: 1.1.1.1|X-Forwarded-Host: a.example|X-Forwarded-Proto: https", 0,
       "1.1.1.1 | a.example https"},
      {"X-Forwarded-For: 1.1.1.1, 2.2.2.2|X-Forwarded-Host: evil, a|X-Forwarded-Proto: http, https",
       1, "2.2.2.2 | a https"},
      {"X-Forwarded-For: 0.0.0.0, 1.1.1.1, 2.2.2.2|X-Forwarded-Host: evil, a, b", 2,
       "2.2.2.2 1.1.1.1 | a "},
      {"X-Forwarded-For: 1.1.1.1, 2.2.2.2|X-Forwarded-Host: a", 0, "2.2.2.2 1.1.1.1 | a "},
      {"X-Forwarded-For: 1.1.1.1|X-Forwarded-Host: evil|X-Forwarded-Host: a", 0, "1.1.1.1 | a "},
      {"X-Forwarded-Host: evil, a", 0, "| a "},
      {"X-Forwarded-For: 1.1.1.1, what|X-Forwarded-Host: a", 0, "|  "},
      {"X-Forwarded-For: what, 1.1.1.1|X-Forwarded-Host: evil, a", 0, "1.1.1.1 | a "},
      /* the other family is not read */
      {"Forwarded: for=1.1.1.1;host=a;proto=https", 0, "|  "},
  };
  check_rows(rows, COUNT_OF(rows), WSUV_FORWARDED_X);
}

TEST(test_forwarded_of_rfc_7239) {
  static const forwarded_row rows[] = {
      {"", 0, "|  "},
      {"Forwarded: for=203.0.113.7", 0, "203.0.113.7 |  "},
      {"forwarded: FOR=203.0.113.7;Host=a.example;PROTO=https;by=10.0.0.1", 0,
       "203.0.113.7 | a.example https"},
      {"Forwarded: for=\"[2001:db8::7]:4711\"", 0, "2001:db8::7:4711 |  "},
      {"Forwarded: for=\"[2001:db8::7]\";proto=http, for=1.1.1.1", 0,
       "1.1.1.1 2001:db8::7 |  http"},
      {"Forwarded: for=1.1.1.1|Forwarded: for=\"2.2.2.2:80\"", 0, "2.2.2.2:80 1.1.1.1 |  "},
      {"Forwarded: for=1.1.1.1;host=\"a:8080\" , for=2.2.2.2;host=b", 1, "2.2.2.2 | b "},
      {"Forwarded: for=\"1.1.1.1:_x\"", 0, "1.1.1.1 |  "},
      {"Forwarded: for=\"[2001:db8::1]:_hidden\"", 0, "2001:db8::1 |  "},
      {"Forwarded: for=\"[2001:db8::1]x_y\"", 0, "|  "},
      {"Forwarded: for=1.1.1.1, for=unknown;host=a", 0, "nobody 1.1.1.1 |  "},
      {"Forwarded: for=1.1.1.1, for=unknown;host=a", 1, "nobody | a "},
      {"Forwarded: for=_hidden;host=a", 0, "nobody | a "},
      {"Forwarded: for=\"_hidden:4711\";host=a", 0, "nobody | a "},
      {"Forwarded: for=\"unknown:4711\";host=a;proto=https", 0, "nobody | a https"},
      {"Forwarded: for=\"Unknown:_x\";host=a", 0, "nobody | a "},
      {"Forwarded: for=\"unknown:\";host=a", 0, "|  "},
      {"Forwarded: for=unknownx;host=a", 0, "|  "},
      {"Forwarded: host=a", 0, "nobody | a "},
      {"Forwarded: ;;for=1.1.1.1;; host=a ;", 0, "1.1.1.1 | a "},
      {"Forwarded: for=1.1.1.1;secret=\"a,b;c\\\"d\"", 0, "1.1.1.1 |  "},
      /* not quoted, as many do */
      {"Forwarded: for=1.1.1.1:80;host=a:8080", 0, "1.1.1.1:80 | a:8080 "},
      {"Forwarded: for=[::1]:80", 0, "::1:80 |  "},
      /* quotation marks of the client hide nothing of the proxy's */
      {"Forwarded: for=\"9.9.9.9, for=1.1.1.1;host=a", 0, "1.1.1.1 | a "},
      {"Forwarded: for=\"9.9.9.9|Forwarded: for=1.1.1.1;host=a", 0, "1.1.1.1 | a "},
      {"Forwarded: for=9.9.9.9;x=\"\\, for=1.1.1.1;host=a", 0, "1.1.1.1 | a "},
      {"Forwarded: for=9.9.9.9;x=\"\\, for=\"1.1.1.1\";host=a", 1, "1.1.1.1 | a "},
      /* what does not parse ends it, and what was read before counts */
      {"Forwarded: for=9.9.9.9, for=, for=1.1.1.1;host=a", 0, "1.1.1.1 | a "},
      {"Forwarded: for=9.9.9.9, bogus, for=1.1.1.1", 0, "1.1.1.1 |  "},
      {"Forwarded: for=1.1.1.1;for=2.2.2.2", 0, "|  "},
      {"Forwarded: for=1.1.1.1;host=a;host=b", 0, "|  "},
      {"Forwarded: for=1.1.1.1 host=a", 0, "|  "},
      {"Forwarded: for = 1.1.1.1", 0, "|  "},
      {"Forwarded: for=\"1.1.1.1\"x", 0, "|  "},
      {"Forwarded: for=\"1.1.1.1", 0, "|  "},
      {"Forwarded: for=2001:db8::7", 0, "|  "},
      {"Forwarded: for=\"2001:db8::7\"", 0, "|  "},
      {"Forwarded: for=\"1.1.\\1.1\"", 0, "|  "},
      {"Forwarded: for=localhost", 0, "|  "},
      {"Forwarded: for=\"\"", 0, "|  "},
      {"Forwarded: for=\"_\"", 0, "|  "},
      {"Forwarded: 1.1.1.1", 0, "|  "},
      {"Forwarded: for=1.1.1.1;=a", 0, "|  "},
      /* the other family is not read */
      {"X-Forwarded-For: 1.1.1.1|X-Forwarded-Host: a|X-Forwarded-Proto: https", 0, "|  "},
      {"Forwarded: for=1.1.1.1|X-Forwarded-Host: a|X-Forwarded-Proto: https", 0, "1.1.1.1 |  "},
  };
  check_rows(rows, COUNT_OF(rows), WSUV_FORWARDED_RFC7239);
}

/* Random fields: it ends, and never reads beyond them. */
TEST(test_forwarded_random_fields) {
  static const char chars[] = "for=;,\"\\ 1.:[]_hostunkw/\t";
  uint32_t seed = 1;
  for (int round = 0; round < 4000; round++) {
    char value[40], text[1024];
    header_store fields;
    header_store_init(&fields, &ws_alloc_libc);
    for (int n = 0; n < 3; n++) {
      size_t len = 0;
      for (; len < sizeof value - 1; len++) {
        seed = seed * 1664525 + 1013904223;
        value[len] = chars[(seed >> 16) % (sizeof chars - 1)];
      }
      value[len] = '\0';
      (void) snprintf(text, sizeof text, "%s: %s", round % 2 == 0 ? "Forwarded" : "X-Forwarded-For",
                      value);
      add_fields(&fields, text);
    }
    read_all(text, sizeof text, &fields, round % 2 == 0 ? WSUV_FORWARDED_RFC7239 : WSUV_FORWARDED_X,
             SIZE_MAX);
    header_store_clear(&fields);
  }
}
