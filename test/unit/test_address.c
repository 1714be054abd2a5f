#include "net/address.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

TEST(test_address_takes_literals) {
  static const char *const literals[] = {"127.0.0.1", "0.0.0.0", "255.255.255.255",
                                         "::1",       "::",      "2001:db8::1"};
  for (size_t i = 0; i < COUNT_OF(literals); i++) {
    bool v6 = strchr(literals[i], ':') != NULL;
    struct sockaddr_storage addr;
    char text[ADDRESS_TEXT_SIZE];
    assert_true(address_parse(&addr, literals[i], 8080));
    assert_true(address_is_set(&addr));
    assert_int_equal(addr.ss_family, v6 ? AF_INET6 : AF_INET);
    address_print(text, &addr);
    assert_string_equal(text, literals[i]);
    assert_int_equal(ntohs(((struct sockaddr_in *) &addr)->sin_port), 8080);
  }
}

TEST(test_address_takes_a_zone) {
  struct sockaddr_storage addr;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) &addr;
  assert_true(address_parse(&addr, "fe80::1%7", 80));
  assert_int_equal(in6->sin6_scope_id, 7);
  assert_true(address_parse(&addr, "fe80::1", 80));
  assert_int_equal(in6->sin6_scope_id, 0);
}

/* Neither a name that begins with digits nor a number that is too large is another zone's number.
 */
TEST(test_address_takes_no_other_zone_for_one_that_is_not_there) {
  static const char *const zones[] = {"7up", "1.5", "4294967297", "18446744073709551617",
                                      "-1",  "+1",  " 1",         "none"};
  struct sockaddr_storage addr;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) &addr;
  char text[64];
  for (size_t i = 0; i < COUNT_OF(zones); i++) {
    (void) snprintf(text, sizeof text, "fe80::1%%%s", zones[i]);
    assert_true(address_parse(&addr, text, 80));
    assert_that(in6->sin6_scope_id == 0, "%s is zone %u", text, (unsigned) in6->sin6_scope_id);
  }
}

/* Nothing is looked up, and short forms of old are names. */
TEST(test_address_refuses_all_else) {
  static const char *const bad[] = {"",           "localhost",   "127.1",      "1",
                                    "256.0.0.1",  "127.0.0.1 ",  " 127.0.0.1", "127.0.0.1:80",
                                    "0x7f.0.0.1", "[::1]",       ":",          "::g",
                                    "::1%",       "127.0.0.1%1", "%1",         "1:2:3:4:5:6:7:8:9"};
  char text[256];
  struct sockaddr_storage addr;
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    if (address_parse(&addr, bad[i], 80)) fail_msg("accepted: %s", bad[i]);
  }
  memset(text, ':', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  assert_false(address_parse(&addr, text, 80));
}

TEST(test_address_of_a_path) {
  struct sockaddr_storage addr;
  char path[ADDRESS_PATH_MAX + 2], text[ADDRESS_TEXT_SIZE];
  memset(path, 'p', sizeof path);
  for (size_t len = 1; len <= ADDRESS_PATH_MAX; len++) {
    address_of_path(&addr, path, len);
    assert_int_equal(addr.ss_family, AF_UNIX);
    assert_int_equal(strlen(((const struct sockaddr_un *) &addr)->sun_path), len);
    address_print(text, &addr);
    assert_int_equal(strlen(text), len);
  }
}

TEST(test_address_that_is_none) {
  struct sockaddr_storage addr;
  char text[ADDRESS_TEXT_SIZE];
  memset(&addr, 0xff, sizeof addr);
  address_clear(&addr);
  assert_false(address_is_set(&addr));
  address_print(text, &addr);
  assert_string_equal(text, "");
}

static struct sockaddr_storage parsed(const char *text, uint16_t port) {
  struct sockaddr_storage addr;
  assert_true(address_parse(&addr, text, port));
  return addr;
}

TEST(test_address_port) {
  const struct sockaddr_storage v4 = parsed("127.0.0.1", 65535), v6 = parsed("::1", 443);
  struct sockaddr_storage path;
  address_of_path(&path, "/a/path/with/bytes/where/a/port/would/be", 40);
  assert_int_equal(address_port(&v4), 65535);
  assert_int_equal(address_port(&v6), 443);
  assert_int_equal(address_port(&path), 0);
  address_clear(&path);
  assert_int_equal(address_port(&path), 0);
}

TEST(test_address_is_loopback) {
  static const char *const yes[] = {"127.0.0.1", "127.0.0.0", "127.255.255.254", "::1",
                                    "::ffff:127.0.0.1"};
  static const char *const no[] = {
      "126.255.255.255", "128.0.0.1",   "0.0.0.0",        "::", "::2", "1::1",
      "fe80::1",         "::127.0.0.1", "::ffff:10.0.0.1"};
  for (size_t i = 0; i < COUNT_OF(yes); i++) {
    const struct sockaddr_storage addr = parsed(yes[i], 80);
    if (!address_is_loopback(&addr)) fail_msg("not: %s", yes[i]);
  }
  for (size_t i = 0; i < COUNT_OF(no); i++) {
    const struct sockaddr_storage addr = parsed(no[i], 80);
    if (address_is_loopback(&addr)) fail_msg("is: %s", no[i]);
  }
  struct sockaddr_storage other;
  address_of_path(&other, "path", 4);
  assert_false(address_is_loopback(&other));
  address_clear(&other);
  assert_false(address_is_loopback(&other));
}

/* What is the same host, whatever the port, and what is not. */
TEST(test_address_host) {
  static const char *const hosts[][2] = {{"192.0.2.1", "::ffff:192.0.2.1"},
                                         {"192.0.2.2", "192.0.2.2"},
                                         {"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"},
                                         {"2001:db8:0:1::", "2001:db8:0:1::1"},
                                         {"::1", "::c000:201"},
                                         {"0.0.0.0", "::ffff:0:0"}};
  uint64_t keys[COUNT_OF(hosts)], again;
  for (size_t i = 0; i < COUNT_OF(hosts); i++) {
    const struct sockaddr_storage a = parsed(hosts[i][0], 1), b = parsed(hosts[i][1], 2);
    assert_true(address_host(&a, &keys[i]));
    assert_true(address_host(&b, &again));
    assert_int_equal(keys[i], again);
    for (size_t k = 0; k < i; k++) assert_int_not_equal(keys[i], keys[k]);
  }
}

TEST(test_address_host_of_what_is_none) {
  struct sockaddr_storage addr;
  uint64_t key;
  address_of_path(&addr, "path", 4);
  assert_false(address_host(&addr, &key));
  address_clear(&addr);
  assert_false(address_host(&addr, &key));
}
