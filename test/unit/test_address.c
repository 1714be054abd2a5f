#include "net/address.h"
#include "support/test.h"

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
