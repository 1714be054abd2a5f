/* Dates in the three forms of HTTP and in those of cookies, and Retry-After. */

#include <string.h>

#include "proto/http/http_date.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

TEST(test_http_date_reads_the_three_forms) {
  static const struct {
    const char *text;
    int64_t seconds;
  } rows[] = {
      {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
      {"Sun Nov  6 08:49:37 1994", 784111777},
      {"6 nov 94 8:49:37", 784111777},
      {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
      {"Tue, 29 Feb 2000 23:59:59 GMT", 951868799},
      {"Mon, 30 Nov 2026 06:20:00 GMT", 1796019600},
      {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
      {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
      {"Sat, 01-Jan-00 00:00:00 GMT", 946684800},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    int64_t seconds = 1;
    assert_that(http_date_read(rows[i].text, &seconds), "%s", rows[i].text);
    assert_that(seconds == rows[i].seconds, "%s: %lld", rows[i].text, (long long) seconds);
  }
}

TEST(test_http_date_refuses_what_is_no_date) {
  static const char *const rows[] = {"",
                                     "tomorrow",
                                     "Sun, 06 Nov 1994",
                                     "06 Nov 08:49:37",
                                     "Sun, 31 Nov 1994 08:49:37 GMT",
                                     "29 Feb 2001 00:00:00",
                                     "06 Nov 1994 24:00:00",
                                     "06 Nov 1994 00:60:00",
                                     "06 Nov 1600 00:00:00",
                                     "00 Nov 1994 00:00:00",
                                     "06 Nov 123 00:00:00",
                                     "99999999999999999999"};
  int64_t seconds;
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_that(!http_date_read(rows[i], &seconds), "\"%s\" is taken", rows[i]);
  }
}

static void put(header_store *s, const char *name, const char *value) {
  if (value == NULL) return;
  assert_int_equal(header_store_add(s, name, strlen(name)), 0);
  assert_int_equal(header_store_end_name(s), 0);
  assert_int_equal(header_store_add(s, value, strlen(value)), 0);
  assert_int_equal(header_store_end_value(s), 0);
}

/* RFC 9110 10.2.3 */
TEST(test_http_retry_after_is_a_delay_or_a_date) {
  static const struct {
    const char *retry_after, *date;
    uint64_t ms;
  } rows[] = {
      {NULL, NULL, 0},
      {"0", NULL, 0},
      {"120", NULL, 120000},
      {"2147483647", NULL, 2147483647000},
      {"99999999999999999999999", NULL, 2147483647000},
      {"12x", NULL, 0},
      {"-1", NULL, 0},
      {"soon", NULL, 0},
      {"", NULL, 0},
      {"Thu, 01 Jan 1970 00:01:40 GMT", NULL, 40000},
      {"Thu, 01 Jan 1970 00:01:40 GMT", "Thu, 01 Jan 1970 00:01:30 GMT", 10000},
      {"Thu, 01 Jan 1970 00:01:40 GMT", "nonsense", 40000},
      {"Thu, 01 Jan 1970 00:00:59 GMT", NULL, 0},
      {"Fri, 31 Dec 9999 23:59:59 GMT", NULL, 2147483647000},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    track_alloc alloc;
    header_store s;
    track_alloc_init(&alloc);
    header_store_init(&s, &alloc.handle);
    put(&s, "Retry-After", rows[i].retry_after);
    put(&s, "Date", rows[i].date);
    assert_that(http_retry_after_ms(&s, 60) == rows[i].ms, "row %zu", i);
    header_store_clear(&s);
  }
}
