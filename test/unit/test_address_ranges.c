/* Ranges of addresses: what they have, and which texts are none. */

#include <string.h>

#include "base/alloc.h"
#include "net/address.h"
#include "net/address_ranges.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

static bool has(const char *range, const char *address) {
  struct sockaddr_storage addr;
  address_ranges ranges;
  if (address_range_wrong(range) != NULL) fail_msg("%s: %s", range, address_range_wrong(range));
  if (*address == '/') address_of_path(&addr, address, strlen(address));
  if (*address != '/') assert_true(address_parse(&addr, address, 80));
  assert_int_equal(address_ranges_init(&ranges, &ws_alloc_libc, &range, 1), 0);
  bool found = address_ranges_have(&ranges, &addr);
  address_ranges_free(&ranges);
  return found;
}

TEST(test_ranges_have_addresses) {
  static const struct {
    const char *range, *address;
    bool has;
  } rows[] = {
      {"10.0.0.0/8", "10.0.0.0", true},
      {"10.0.0.0/8", "10.255.255.255", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.0.0.0/8", "9.255.255.255", false},
      {"10.0.0.0/8", "::ffff:10.1.2.3", true}, /* of a socket for both families */
      {"::ffff:10.0.0.0/104", "10.1.2.3", true},
      {"10.0.0.0/8", "::10.1.2.3", false},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.128/25", "192.0.2.128", true},
      {"192.0.2.4/30", "192.0.2.7", true},
      {"192.0.2.4/30", "192.0.2.8", false},
      {"192.0.2.4/32", "192.0.2.4", true},
      {"192.0.2.4", "192.0.2.4", true},
      {"192.0.2.4", "192.0.2.5", false},
      {"0.0.0.0/0", "203.0.113.7", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "203.0.113.7", true},
      {"2001:db8::/32", "2001:db8:ffff::1", true},
      {"2001:db8::/32", "2001:db9::", false},
      {"2001:db8:8000::/33", "2001:db8:7fff::1", false},
      {"2001:db8:8000::/33", "2001:db8:8000::1", true},
      {"::1", "::1", true},
      {"::1/128", "::2", false},
      {"fe80::/10", "fe80::1%7", true},
      {"unix:", "/run/proxy.sock", true},
      {"unix:", "127.0.0.1", false},
      {"0.0.0.0/0", "/run/proxy.sock", false},
      {"::/0", "/run/proxy.sock", false},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_that(has(rows[i].range, rows[i].address) == rows[i].has, "%s, %s", rows[i].range,
                rows[i].address);
  }
}

TEST(test_texts_that_are_no_ranges) {
  static const char *const bad[] = {"",
                                    "/",
                                    "/8",
                                    "10.0.0.0/",
                                    "10.0.0.0/33",
                                    "10.0.0.0/08",
                                    "10.0.0.0/a",
                                    "10.0.0.0/8 ",
                                    " 10.0.0.0/8",
                                    "10.0.0.0/-1",
                                    "10.0.0.1/8",
                                    "10/8",
                                    "localhost",
                                    "::/129",
                                    "::1/64",
                                    "fe80::1%eth0",
                                    "[::1]",
                                    "10.0.0.0/8/8",
                                    "unix",
                                    "unix:/run/x",
                                    "UNIX:",
                                    "10.0.0.1:80",
                                    "*",
                                    "2001:db8::1/127",
                                    "10.0.0.0/0000000008"};
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    assert_that(address_range_wrong(bad[i]) != NULL, "accepted: '%s'", bad[i]);
  }
}

TEST(test_no_range_has_an_address) {
  struct sockaddr_storage addr;
  address_ranges none;
  assert_int_equal(address_ranges_init(&none, &ws_alloc_libc, NULL, 0), 0);
  assert_true(address_parse(&addr, "127.0.0.1", 80));
  assert_false(address_ranges_have(&none, &addr));
  address_clear(&addr);
  assert_false(address_ranges_have(&none, &addr));
  address_ranges_free(&none);
}
