/* Records of TLS without payload (RFC 5246 6.2.1), several in one read: they end nothing, and the
   data behind them arrives.

   A known fault: the second one is taken for the end of the network, WSUV_ETLSTRUNCATED. Until that
   is mended, this test is expected to fail. */

#include "support/raw_tls.h"
#include "support/test.h"
#include "support/tls_pair.h"

static void write_empty_records(raw_tls *s, int count) {
  for (int i = 0; i < count; i++) {
    assert_int_equal(mbedtls_ssl_write(&s->ssl, (const unsigned char *) "", 0), 0);
  }
}

static void write_hello(raw_tls *s) {
  assert_int_equal(mbedtls_ssl_write(&s->ssl, (const unsigned char *) "hello", 5), 5);
}

/* Once in one read with the data behind them, and once in a read of their own. */
static void check_empty_records(int count) {
  for (int apart = 0; apart < 2; apart++) {
    SCOPED(raw_tls, s);
    write_empty_records(&s, count);
    if (apart != 0) (void) raw_tls_carry(&s);
    write_hello(&s);
    (void) raw_tls_carry(&s);
    assert_int_equal(s.pair.client.ended, 0);
    pair_assert_in(&s.pair.client, "hello", 5);
  }
}

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_one_empty_record_ends_nothing) {
  check_empty_records(1);
}

TEST(test_two_empty_records_end_nothing) {
  check_empty_records(2);
}

/* mbedTLS itself refuses a fourth one in a row. */
TEST(test_three_empty_records_end_nothing) {
  check_empty_records(3);
}
