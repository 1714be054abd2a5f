/* Records of TLS without payload (RFC 8446 5.4, RFC 5246 6.2.1), wherever they stand among data,
   and however they are cut: they end nothing, and all data arrives. mbedTLS refuses the fourth one
   in a row, OpenSSL the 33rd. */

#include "base/error.h"
#include "support/raw_tls.h"
#include "support/test.h"
#include "support/tls_pair.h"

enum { HELLO = 5 };

/* Records: e is an empty one, d has "hello". */
static void write_records(raw_tls *s, const char *kinds) {
  for (; *kinds != '\0'; kinds++) raw_tls_write(s, "hello", *kinds == 'e' ? 0 : HELLO);
}

/* Takes what came, which must be "hello" as often as there is a d. */
static void assert_came(raw_tls *s, const char *kinds) {
  tls_end *peer = s->peer;
  assert_int_equal(peer->ended, 0);
  for (; *kinds != '\0'; kinds++) {
    if (*kinds == 'e') continue;
    assert_true(peer->in.len >= HELLO);
    assert_memory_equal(fifo_data(&peer->in), "hello", HELLO);
    fifo_consume(&peer->in, HELLO);
  }
  assert_int_equal(peer->in.len, 0);
}

/* Data, so that no records stand in a row with those of the next round. */
static void end_row(raw_tls *s) {
  write_records(s, "d");
  raw_tls_feed(s, SIZE_MAX, 0);
  assert_came(s, "d");
}

static void check_cuts(raw_tls *s, const char *kinds) {
  bool cut = true;
  for (size_t at = 0; cut; at++) {
    write_records(s, kinds);
    cut = at < s->out.len;
    raw_tls_feed(s, at, 0);
    raw_tls_feed(s, SIZE_MAX, 0);
    assert_came(s, kinds);
    end_row(s);
  }
}

static void check_bytes(raw_tls *s, const char *kinds) {
  write_records(s, kinds);
  raw_tls_feed(s, SIZE_MAX, 1);
  assert_came(s, kinds);
  end_row(s);
}

static void check_apart(raw_tls *s, const char *kinds) {
  for (; *kinds != '\0'; kinds++) {
    const char one[] = {*kinds, '\0'};
    write_records(s, one);
    raw_tls_feed(s, SIZE_MAX, 0);
    assert_came(s, one);
  }
  end_row(s);
}

/* With each version that the library has; what comes is a server's, and a client's. */
static void with_each_version(void (*check)(raw_tls *s, const char *kinds), const char *kinds) {
  static const wsuv_tls_version_t versions[] = {WSUV_TLS_1_2, WSUV_TLS_1_3};
  for (int i = 0; i < (test_raw_has_1_3() ? 2 : 1); i++) {
    pair_config.min_version = pair_config.max_version = versions[i];
    SCOPED(raw_tls, s);
    check(&s, kinds);
    SCOPED(raw_tls_client, c);
    check(&c, kinds);
  }
}

static void with_each_script(void (*check)(raw_tls *s, const char *kinds)) {
  static const char *const scripts[] = {
      "ed", "eed", "eeed", "de", "dee", "deee", "ded", "deed", "deeed", "eeedeeedeee",
  };
  for (size_t i = 0; i < COUNT_OF(scripts); i++) with_each_version(check, scripts[i]);
}

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_empty_records_are_nothing_wherever_they_are_cut) {
  with_each_script(check_cuts);
}

TEST(test_empty_records_are_nothing_in_single_bytes) {
  with_each_script(check_bytes);
}

TEST(test_empty_records_are_nothing_in_reads_of_their_own) {
  with_each_script(check_apart);
}

/* What ends the stream behind them is told as ever. */
static void check_clean_end(raw_tls *s, const char *kinds) {
  write_records(s, kinds);
  assert_int_equal(mbedtls_ssl_close_notify(&s->ssl), 0);
  raw_tls_feed(s, SIZE_MAX, 0);
  pair_assert_in(s->peer, "hello", HELLO);
  assert_int_equal(s->peer->ended, WS_EOF);
}

TEST(test_clean_end_behind_empty_records) {
  with_each_version(check_clean_end, "deee");
}

static void check_truncation(raw_tls *s, const char *kinds) {
  write_records(s, kinds);
  tls_engine_feed(s->peer->engine, fifo_data(&s->out), s->out.len);
  tls_end_eof(s->peer);
  pair_assert_in(s->peer, "hello", HELLO);
  assert_int_equal(s->peer->ended, WSUV_ETLSTRUNCATED);
}

TEST(test_truncation_behind_empty_records) {
  with_each_version(check_truncation, "dee");
}

static void check_changed_record(raw_tls *s, const char *kinds) {
  write_records(s, kinds);
  fifo_data(&s->out)[s->out.len - 1] ^= 1;
  raw_tls_feed(s, SIZE_MAX, 0);
  pair_assert_in(s->peer, "hello", HELLO);
  assert_int_equal(s->peer->ended, WSUV_ETLS);
}

/* mbedTLS has the same code for it as for the fourth empty one. */
TEST(test_changed_record_behind_empty_records) {
  with_each_version(check_changed_record, "deeed");
}

/* As many as the library takes behind `kinds`, and one more. */
static void check_too_many(raw_tls *s, const char *kinds) {
  const ws_role role = s->peer == &s->pair.client ? WS_CLIENT : WS_SERVER;
  const test_limit limit = test_limit_of_empty_records(role);
  write_records(s, kinds);
  for (size_t i = 0; i < limit.most; i++) write_records(s, "e");
  raw_tls_feed(s, SIZE_MAX, 0);
  assert_int_equal(s->peer->ended, 0);
  write_records(s, "e");
  assert_true(raw_tls_carry(s) > 0); /* an alert */
  pair_assert_in(s->peer, "hello", HELLO);
  assert_int_equal(s->peer->ended, WSUV_ETLSRECORD);
  const tls_info facts = pair_facts(s->peer);
  assert_string_equal(facts.text, limit.text);
  assert_true(facts.library_error != 0);
}

TEST(test_too_many_empty_records_have_their_own_code) {
  with_each_version(check_too_many, "d");
}
