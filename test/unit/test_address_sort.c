#include "net/uv/address_sort.h"

/* The order of addresses, for sources that the kernel might choose. route/address_order_test.py
   compares it with the C library's, for routes that there are. */

#include <stdio.h>
#include <string.h>

#include "net/address.h"
#include "support/test.h"

enum { MOST = 6 };

/* An address, and behind "<" its source with the prefix of its network; none: it has no route. */
typedef struct order_case {
  const char *rule;
  const char *given[MOST];
  const char *sorted; /* the numbers of those given */
} order_case;

static void read_address(sorted_address *a, const char *text) {
  char addr[64] = "", source[64] = "";
  a->prefix = 32;
  a->reachable = sscanf(text, "%63s < %63[^/]/%u", addr, source, &a->prefix) >= 2;
  assert_true(address_parse(&a->addr, addr, 80));
  if (a->reachable) assert_true(address_parse(&a->source, source, 0));
}

static void check_order(const order_case *c) {
  sorted_address list[MOST];
  char sorted[MOST + 1] = "";
  size_t count = 0;
  memset(list, 0, sizeof list);
  for (; count < MOST && c->given[count] != NULL; count++)
    read_address(&list[count], c->given[count]);
  address_sort(list, count);
  for (size_t i = 0; i < count; i++) sorted[i] = (char) ('0' + list[i].index);
  if (strcmp(sorted, c->sorted) != 0) fail_msg("rule %s, %s: %s", c->rule, c->given[0], sorted);
}

TEST(test_address_sort_by_each_rule) {
  static const order_case cases[] = {
      {"1", {"2001:db8::1", "192.0.2.1 < 10.0.0.1"}, "10"},
      {"1", {"192.0.2.1", "2001:db8::1", "192.0.2.2"}, "102"},
      {"2", {"2001:db8::1 < fe80::2", "192.0.2.1 < 10.0.0.1"}, "10"},
      {"2", {"192.0.2.1 < 127.0.0.1", "192.0.2.2 < 10.0.0.1"}, "10"},
      {"5", {"2001:db8::1 < fd00::1", "192.0.2.1 < 10.0.0.1"}, "10"},
      {"5", {"2002:c000:201::1 < 2001:db8::2", "2001:db8::1 < 2001:db8::2"}, "10"},
      {"5", {"2001:0::1 < 2001:db8::2", "fd00::1 < fd00::2"}, "10"},
      {"6", {"192.0.2.1 < 10.0.0.1", "2001:db8::1 < 2001:db8::2"}, "10"},
      {"6", {"192.0.2.1 < 10.0.0.1", "fd00::1 < fd00::2"}, "10"},
      {"6", {"192.0.2.1 < 10.0.0.1", "2002:c000:201::1 < 2002:c000:202::1"}, "10"},
      {"6", {"2002:c000:201::1 < 2002::2", "2001:db8::1 < 2001:db8::2"}, "10"},
      {"6", {"127.0.0.1 < 127.0.0.1", "::1 < ::1"}, "10"},
      {"8", {"2001:db8::1 < 2001:db8::2", "fe80::1 < fe80::2"}, "10"},
      {"8", {"192.0.2.1 < 10.0.0.1", "127.0.0.1 < 127.0.0.1/8"}, "10"},
      {"9", {"2001:db8:1::1 < 2001:db8:2::2", "2001:db8:2::1 < 2001:db8:2::2"}, "10"},
      {"9", {"192.0.2.1 < 10.0.0.1/8", "10.1.0.1 < 10.0.0.1/8"}, "10"},
      {"9", {"10.1.0.1 < 10.0.0.1/8", "10.0.0.7 < 10.0.0.1/8"}, "10"},
      {"9", {"11.0.0.1 < 10.0.0.1/24", "10.0.1.1 < 10.0.0.1/24"}, "01"}, /* not in its network */
      {"10", {"192.0.2.2 < 10.0.0.1/8", "192.0.2.1 < 10.0.0.1/8"}, "01"},
      {"10", {"2001:db8::1", "2001:db8::2", "2001:db8::3"}, "012"},
      {"all",
       {"192.0.2.9", "192.0.2.1 < 10.0.0.1", "2001:db8::1 < 2001:db8::2", "fe80::1 < fe80::2",
        "::1 < ::1", "127.0.0.1 < 127.0.0.1"},
       "432510"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_order(&cases[i]);
}

TEST(test_address_sort_asks_the_kernel_for_sources) {
  sorted_address list[3];
  char text[ADDRESS_TEXT_SIZE];
  memset(list, 0, sizeof list);
  assert_true(address_parse(&list[0].addr, "127.0.0.5", 80));
  assert_true(address_parse(&list[1].addr, "127.0.0.6", 80));
  assert_true(address_parse(&list[2].addr, "255.255.255.255", 80)); /* needs SO_BROADCAST */
  address_find_sources(list, 3);
  address_print(text, &list[0].source);
  assert_true(list[0].reachable);
  assert_string_equal(text, "127.0.0.1");
  assert_int_equal(list[0].prefix, 8);
  assert_false(list[2].reachable);
}
