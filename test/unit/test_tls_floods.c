/* Records of TLS that bring no data, of every kind that a library passes over: so many in a row are
   taken, more end the connection, in the handshake as well. OpenSSL takes fewer of some kinds. */

#include <stdio.h>
#include <string.h>

#include <mbedtls/version.h>
#if MBEDTLS_VERSION_MAJOR < 3
#include <mbedtls/ssl_internal.h>
#endif

#include "base/error.h"
#include "net/tls/tls_flood.h"
#include "support/raw_tls.h"
#include "support/test.h"
#include "support/tls_inside.h"
#include "support/tls_pair.h"

enum { MOST = TLS_DATALESS_MAX, USER_CANCELED = 90 };

#define MORE "more than 64 TLS records in a row without data, the last one "

static test_limit limit_of_ccs(void) {
  if (test_is_mbedtls(WS_CLIENT)) return (test_limit){MOST, MORE "change_cipher_spec", false};
  return (test_limit){32, "more than 32 change_cipher_spec in a row", true};
}

/* OpenSSL counts alerts, whatever is between them. */
static test_limit of_mixture(void) {
  if (test_is_mbedtls(WS_CLIENT)) return (test_limit){MOST, MORE "an empty record", false};
  test_limit alerts = test_limit_of_alerts(WS_CLIENT);
  return (test_limit){4 * (alerts.most + 1) - 1, alerts.text, true};
}

static const uint8_t plain_alert[] = {21, 3, 3, 0, 2, 1, USER_CANCELED};
static const uint8_t plain_ccs[] = {20, 3, 3, 0, 1, 1};

static void write_alert(raw_tls *s) {
  raw_tls_warn(s, USER_CANCELED);
}

static void write_ccs(raw_tls *s) {
  fifo_append(&s->out, plain_ccs, sizeof plain_ccs);
}

#if defined(MBEDTLS_SSL_RENEGOTIATION)
static const test_limit of_questions = {MOST, MORE "a request to renegotiate", false};

static void write_question(raw_tls *s) {
  assert_int_equal(mbedtls_ssl_renegotiate(&s->ssl), 0);
}
#endif

static int mixed;

/* mbedTLS takes three empty ones in a row. */
static void write_mixture(raw_tls *s) {
  if (mixed++ % 4 == 3) {
    write_alert(s);
  } else {
    raw_tls_write(s, "", 0);
  }
}

/* So many of them, and data behind them; in pieces. */
static void give(raw_tls *s, void (*write)(raw_tls *s), size_t count, size_t piece) {
  mixed = 0;
  for (size_t i = 0; i < count; i++) write(s);
  raw_tls_write(s, "x", 1);
  raw_tls_feed(s, SIZE_MAX, piece);
}

static void assert_flooded(const tls_end *client, int status, const test_limit *limit) {
  assert_int_equal(status, WSUV_ETLSRECORD);
  assert_string_equal(pair_facts(client).text, limit->text);
  assert_true((pair_facts(client).library_error != 0) == limit->own);
}

/* Data arrives between as many as may come in a row; one more, and it does not. */
static void floods(void (*write)(raw_tls *s), const test_limit *limit, size_t piece) {
  SCOPED(raw_tls, s);
  raw_tls_write(&s, "x", 1); /* behind the tickets of TLS 1.3 */
  for (int i = 0; i < 3; i++) {
    give(&s, write, limit->most, piece);
    assert_int_equal(s.pair.client.ended, 0);
  }
  pair_assert_in(&s.pair.client, "xxxx", 4);
  (void) raw_tls_carry(&s);
  give(&s, write, limit->most + 1, piece);
  assert_flooded(&s.pair.client, s.pair.client.ended, limit);
  pair_assert_in(&s.pair.client, "xxxx", 4);
  assert_true(raw_tls_carry(&s) > 0); /* an alert */
}

/* If the library has that version; all at once, and in single bytes. */
static void floods_by(wsuv_tls_version_t version, void (*write)(raw_tls *s),
                      const test_limit *limit) {
  if (version == WSUV_TLS_1_3 && !test_raw_has_1_3()) return;
  pair_config.min_version = pair_config.max_version = version;
  floods(write, limit, 0);
  floods(write, limit, 1);
}

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_flood_of_alerts) {
  const test_limit limit = test_limit_of_alerts(WS_CLIENT);
  floods_by(WSUV_TLS_1_2, write_alert, &limit);
  floods_by(WSUV_TLS_1_3, write_alert, &limit);
}

TEST(test_flood_of_alerts_and_empty_records) {
  const test_limit limit = of_mixture();
  floods_by(WSUV_TLS_1_2, write_mixture, &limit);
  floods_by(WSUV_TLS_1_3, write_mixture, &limit);
}

/* TLS 1.3 passes over them (RFC 8446 5), and both libraries do so at any time. */
TEST(test_flood_of_change_cipher_spec) {
  const test_limit limit = limit_of_ccs();
  floods_by(WSUV_TLS_1_3, write_ccs, &limit);
}

#if defined(MBEDTLS_SSL_RENEGOTIATION)

TEST(test_flood_of_requests_to_renegotiate) {
  floods_by(WSUV_TLS_1_2, write_question, &of_questions);
}

#if MBEDTLS_VERSION_MAJOR < 3

/* Several messages of four bytes in one record. */
static void write_questions(raw_tls *s, size_t count) {
  s->ssl.out_msgtype = MBEDTLS_SSL_MSG_HANDSHAKE;
  s->ssl.out_msglen = 4 * count;
  memset(s->ssl.out_msg, 0, s->ssl.out_msglen);
  assert_int_equal(mbedtls_ssl_write_record(&s->ssl, 1), 0);
}

TEST(test_requests_to_renegotiate_count_one_by_one) {
  SCOPED(raw_tls, s);
  write_questions(&s, MOST);
  raw_tls_write(&s, "x", 1);
  write_questions(&s, MOST / 2);
  write_questions(&s, MOST / 2);
  raw_tls_write(&s, "x", 1);
  raw_tls_feed(&s, SIZE_MAX, 0);
  assert_int_equal(s.pair.client.ended, 0);
  pair_assert_in(&s.pair.client, "xx", 2);
  write_questions(&s, 4000);
  raw_tls_feed(&s, SIZE_MAX, 0);
  assert_flooded(&s.pair.client, s.pair.client.ended, &of_questions);
}

#endif
#endif

#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_SESSION_TICKETS)

TEST(test_flood_of_session_tickets) {
  /* TLS 1.3 encrypts what a record is, and only mbedTLS shows it. */
  const char *text = test_is_mbedtls(WS_CLIENT) ? MORE "a session ticket"
                                                : "more than 64 TLS records in a row without data";
  const test_limit of_tickets = {MOST, text, false};
  pair_config.min_version = WSUV_TLS_1_3;
  for (int more = 0; more <= 1; more++) {
    SCOPED(tls_pair, p);
    tls_inside_give_tickets(p.server_ctx, (uint16_t) (MOST + more));
    pair_meet(&p, pair_host);
    tls_end_write(&p.server, "x", 1);
    tls_ends_run(&p.client, &p.server, 0);
    if (more == 0) {
      pair_assert_in(&p.client, "x", 1);
    } else {
      assert_flooded(&p.client, p.client.ended, &of_tickets);
    }
  }
}

#endif

/* --- in the handshake --- */

static void start(tls_pair *p) {
  pair_connect(p, pair_host, PAIR_PORT);
  tls_end_step(&p->client);
}

/* All that an end has written, and nothing else. */
static void take(tls_end *e, fifo *to) {
  fifo_consume(to, to->len);
  tls_end_take(e, to, SIZE_MAX);
}

#if defined(MBEDTLS_SSL_PROTO_TLS1_3)

/* The client has the server's first record, so that TLS 1.3 is agreed upon. */
static void start_1_3(tls_pair *p) {
  fifo carried = {0};
  start(p);
  take(&p->client, &carried);
  tls_end_feed(&p->server, fifo_data(&carried), carried.len, 0);
  take(&p->server, &carried);
  const uint8_t *record = fifo_data(&carried);
  tls_end_feed(&p->client, record, 5 + ((size_t) record[3] << 8 | record[4]), 0);
  fifo_free(&carried);
}

TEST(test_flood_of_change_cipher_spec_in_the_handshake) {
  const test_limit limit = limit_of_ccs();
  pair_config.min_version = WSUV_TLS_1_3;
  SCOPED(tls_pair, p);
  start_1_3(&p);
  for (size_t i = 0; i <= limit.most + 1 && p.client.shaken == WS_EAGAIN; i++) {
    tls_end_feed(&p.client, plain_ccs, sizeof plain_ccs, 0);
    if (i < limit.most) assert_int_equal(p.client.shaken, WS_EAGAIN);
  }
  assert_flooded(&p.client, p.client.shaken, &limit);
}

#endif

static void feed_alerts(tls_end *e, size_t count) {
  for (size_t i = 0; i < count; i++) tls_end_feed(e, plain_alert, sizeof plain_alert, 0);
}

TEST(test_alerts_do_not_end_the_handshake) {
  SCOPED(tls_pair, p);
  start(&p);
  feed_alerts(&p.client, test_limit_of_alerts(WS_CLIENT).most);
  tls_ends_run(&p.client, &p.server, 0);
  assert_int_equal(p.client.shaken, 0);
  assert_int_equal(p.server.shaken, 0);
}

/* A limit of ours is noticed one record later: that might have been of the handshake. */
TEST(test_flood_of_alerts_in_the_handshake) {
  const test_limit limit = test_limit_of_alerts(WS_CLIENT);
  SCOPED(tls_pair, p);
  start(&p);
  feed_alerts(&p.client, limit.own ? limit.most : limit.most + 1);
  assert_int_equal(p.client.shaken, WS_EAGAIN);
  feed_alerts(&p.client, 1);
  assert_flooded(&p.client, p.client.shaken, &limit);
}

TEST(test_flood_of_alerts_in_the_handshake_of_a_server) {
  fifo hello = {0};
  const test_limit limit = test_limit_of_alerts(WS_SERVER);
  pair_config.max_version = WSUV_TLS_1_2;
  SCOPED(tls_pair, p);
  start(&p);
  take(&p.client, &hello);
  tls_end_feed(&p.server, fifo_data(&hello), hello.len, 0);
  feed_alerts(&p.server, limit.most + 2);
  assert_flooded(&p.server, p.server.shaken, &limit);
  fifo_free(&hello);
}
