/* The engine of TLS against itself in the other role, in memory: what is agreed upon, data, ends,
   and that no foreign byte is taken for something else. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "net/tls/mbedtls/mbed_internal.h"
#include "support/raw_tls.h"
#include "support/temp_file.h"
#include "support/test.h"
#include "support/tls_inside.h"
#include "support/tls_pair.h"

/* --- what is agreed upon --- */

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_handshake_and_its_facts) {
  SCOPED(shaken_pair, p, 0);
  tls_info f = pair_facts(&p.client);
  assert_string_equal(f.version, test_has_1_3() ? "TLSv1.3" : "TLSv1.2");
  /* Each library prefers what it is fast at. With TLS 1.3 mbedTLS's server leaves it to the client.
   */
  const bool chacha = test_is_mbedtls(WS_SERVER);
  const char *new = chacha &&test_is_mbedtls(WS_CLIENT) ? "TLS-CHACHA20-POLY1305-SHA256"
                                                        : "TLS-AES-128-GCM-SHA256";
  const char *old = chacha ? "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256"
                           : "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256";
  assert_string_equal(f.ciphersuite, test_has_1_3() ? new : old);
  assert_string_equal(f.alpn, "http/1.1");
  assert_int_equal(f.peer_cert_len, pair_server.der_len);
  assert_memory_equal(f.peer_cert, pair_server.der, pair_server.der_len);
  assert_true(f.verified);
  assert_false(f.resumed);
  assert_int_equal(f.verify_flags, 0);
  assert_int_equal(f.library_error, 0);
  assert_string_equal(f.text, "");
}

/* OpenSSL reads a file that may say what programs do that say nothing. All is said here. */
static void read_library_configuration(const tls_context *ctx, const char *commands) {
  char text[512];
  SCOPED(temp_file, file);
  int n = snprintf(text, sizeof text,
                   "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\n"
                   "system_default = defaults\n[defaults]\n%s\n",
                   commands);
  temp_file_put(&file, text, (size_t) n);
  (void) tls_inside_read_configuration(ctx, file.path); /* false: it has no such file */
}

static void shake_with_client_certificate(void) {
  pair_own(&pair_client);
  pair_ask(WSUV_TLS_CLIENT_AUTH_REQUIRE, &pair_ca);
  SCOPED(shaken_pair, p, 0);
  assert_string_equal(pair_facts(&p.client).version, test_has_1_3() ? "TLSv1.3" : "TLSv1.2");
}

TEST(test_configuration_of_the_library_has_no_effect) {
  static const char *const commands[] = {"Protocol = -TLSv1.3",
                                         "MaxProtocol = TLSv1.1",
                                         "ClientSignatureAlgorithms = RSA+SHA1",
                                         "SignatureAlgorithms = RSA+SHA1",
                                         "Options = -SessionTicket",
                                         "CipherString = AES128-SHA",
                                         "MinProtocol = TLSv1.2"};
  SCOPED(tls_pair, before);
  for (size_t i = 0; i < COUNT_OF(commands); i++) {
    print_message("%s\n", commands[i]);
    read_library_configuration(before.client_ctx, commands[i]);
    read_library_configuration(before.server_ctx, commands[i]);
    shake_with_client_certificate();
  }
}

/* One that withstands quantum computers where both ends have it. */
TEST(test_group_of_the_key_exchange) {
  for (int old = 0; old < 2; old++) {
    pair_config.max_version = old == 1 ? WSUV_TLS_1_2 : WSUV_TLS_ANY;
    SCOPED(shaken_pair, p, 0);
    const tls_info client = pair_facts(&p.client), server = pair_facts(&p.server);
    const char *wanted[] = {tls_inside_group(WS_CLIENT, client.version),
                            tls_inside_group(WS_SERVER, server.version)};
    const char *got[] = {client.group, server.group};
    for (int i = 0; i < 2; i++) {
      assert_true((wanted[i] == NULL) == (got[i] == NULL));
      if (wanted[i] != NULL) assert_string_equal(got[i], wanted[i]);
    }
  }
}

TEST(test_no_facts_before_the_handshake) {
  SCOPED(tls_pair, p);
  pair_connect(&p, pair_host, PAIR_PORT);
  tls_info f = pair_facts(&p.client);
  assert_null(f.version);
  assert_null(f.ciphersuite);
  assert_null(f.group);
  assert_null(f.alpn);
  assert_null(f.peer_cert);
  assert_false(f.verified || f.resumed);
}

TEST(test_version_can_be_held_down) {
  pair_config.max_version = WSUV_TLS_1_2;
  SCOPED(shaken_pair, p, 0);
  assert_string_equal(pair_facts(&p.client).version, "TLSv1.2");
}

TEST(test_named_suite_is_used) {
  static const char *const suites[] = {"TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"};
  pair_config.ciphersuites = suites;
  pair_config.ciphersuite_count = 1;
  SCOPED(shaken_pair, p, 0);
  assert_string_equal(pair_facts(&p.client).ciphersuite, suites[0]);
  assert_string_equal(pair_facts(&p.client).version, "TLSv1.2");
}

TEST(test_no_common_suite) {
  static const char *const suites[] = {"TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"};
  pair_config.ciphersuites = suites;
  pair_config.ciphersuite_count = 1;
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_int_equal(p.client.shaken, WSUV_ETLS);
  assert_string_equal(pair_facts(&p.client).text, "alert of the peer: handshake failure");
  assert_true(pair_facts(&p.client).library_error != 0);
}

TEST(test_no_alpn) {
  static const char *const none[] = {NULL};
  pair_config.alpn = none;
  SCOPED(shaken_pair, p, 0);
  assert_null(pair_facts(&p.client).alpn);
}

TEST(test_alpn_that_the_server_does_not_have) {
  static const char *const protocols[] = {"h2"};
  pair_config.alpn = protocols;
  pair_config.alpn_count = 1;
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_int_equal(p.client.shaken, WSUV_ETLS);
  assert_string_equal(pair_facts(&p.client).text, "alert of the peer: no application protocol");
}

/* --- data --- */

enum { LARGE = 200 * 1000 };

static uint8_t *large_data(void) {
  uint8_t *data = malloc(LARGE);
  assert_non_null(data);
  for (size_t i = 0; i < LARGE; i++) data[i] = (uint8_t) (i ^ i >> 8 ^ i >> 16);
  return data;
}

TEST(test_data_both_ways) {
  uint8_t *data = large_data();
  SCOPED(shaken_pair, p, 0);
  tls_end_write(&p.client, data, LARGE);
  tls_end_write(&p.server, data, LARGE);
  tls_ends_run(&p.client, &p.server, 0);
  pair_assert_in(&p.server, data, LARGE);
  pair_assert_in(&p.client, data, LARGE);
  free(data);
}

/* F33 */
TEST(test_bytes_in_pieces_of_any_size) {
  static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 1000, 1460};
  for (size_t i = 0; i < COUNT_OF(pieces); i++) {
    SCOPED(shaken_pair, p, pieces[i]);
    tls_end_write(&p.client, "hello, server", 13);
    tls_end_write(&p.server, "hello, ", 7);
    tls_end_write(&p.server, "client", 6);
    tls_engine_close(p.server.engine);
    tls_ends_run(&p.client, &p.server, pieces[i]);
    pair_assert_in(&p.server, "hello, server", 13);
    pair_assert_in(&p.client, "hello, client", 13);
    assert_int_equal(p.client.ended, WS_EOF);
  }
}

static size_t output(const tls_end *e) {
  return bufq_len(tls_engine_output(e->engine));
}

TEST(test_small_pieces_share_a_record) {
  enum { PIECES = 500 };
  ws_view bufs[PIECES];
  uint8_t data[PIECES * 3];
  size_t taken;
  SCOPED(shaken_pair, p, 0);
  for (size_t i = 0; i < PIECES; i++) {
    memset(data + i * 3, (int) (i & 0xff), 3);
    bufs[i] = (ws_view){data + i * 3, 3};
  }
  assert_int_equal(tls_engine_write(p.client.engine, bufs, PIECES, 0, &taken), 0);
  assert_int_equal(taken, sizeof data);
  assert_in_range(output(&p.client), sizeof data + 1, sizeof data + 40);
  tls_ends_run(&p.client, &p.server, 0);
  pair_assert_in(&p.server, data, sizeof data);
}

TEST(test_write_makes_one_batch_at_most) {
  size_t taken;
  uint8_t *data = large_data();
  const ws_view bufs[] = {{data, 1}, {data + 1, 0}, {data + 1, 4999}, {data + 5000, LARGE - 5000}};
  SCOPED(shaken_pair, p, 0);
  for (size_t done = 0; done < LARGE; done += taken) {
    assert_int_equal(tls_engine_write(p.client.engine, bufs, 4, done, &taken), 0);
    assert_in_range(taken, 1, 65536);
    assert_in_range(output(&p.client), taken, 65536);
    tls_ends_run(&p.client, &p.server, 0);
  }
  pair_assert_in(&p.server, data, LARGE);
  assert_int_equal(tls_engine_write(p.client.engine, bufs, 4, LARGE, &taken), 0);
  assert_int_equal(taken, 0);
  free(data);
}

TEST(test_what_is_not_eaten_can_be_kept) {
  fifo carried = {0};
  uint8_t room[4];
  SCOPED(shaken_pair, p, 0);
  for (int i = 0; i < 3; i++) tls_end_write(&p.server, "abcd", 4);
  tls_end_take(&p.server, &carried, SIZE_MAX);
  tls_engine_feed(p.client.engine, fifo_data(&carried), carried.len);
  assert_int_equal(tls_engine_read(p.client.engine, room, 4), 4);
  assert_true(tls_engine_pending(p.client.engine));
  assert_int_equal(tls_engine_keep(p.client.engine), 0);
  memset(fifo_data(&carried), 0, carried.len);
  for (int i = 0; i < 2; i++) assert_int_equal(tls_engine_read(p.client.engine, room, 4), 4);
  assert_memory_equal(room, "abcd", 4);
  assert_int_equal(tls_engine_read(p.client.engine, room, 4), WS_EAGAIN);
  assert_false(tls_engine_pending(p.client.engine));
  fifo_free(&carried);
}

/* Beyond what mbedTLS has of its own. */
TEST(test_idle_engine_holds_next_to_nothing) {
  SCOPED(tls_pair, p);
  tls_end_init(&p.client, p.client_ctx, pair_host, PAIR_PORT);
  tls_end_init(&p.server, p.server_ctx, NULL, 0);
  tls_ends_run(&p.client, &p.server, 0);
  tls_end_write(&p.client, "x", 1);
  tls_ends_run(&p.client, &p.server, 0);
  size_t with = pair_alloc.live_bytes;
  tls_end_free(&p.client);
  assert_in_range(with - pair_alloc.live_bytes, 1, sizeof(mbedtls_ssl_context) + 2048);
  tls_end_free(&p.server);
}

/* --- the end --- */

TEST(test_close_notify_is_a_clean_end) {
  SCOPED(shaken_pair, p, 0);
  tls_end_write(&p.server, "bye", 3);
  tls_engine_close(p.server.engine);
  tls_engine_close(p.server.engine);
  tls_ends_run(&p.client, &p.server, 0);
  pair_assert_in(&p.client, "bye", 3);
  assert_int_equal(p.client.ended, WS_EOF);
  tls_end_write(&p.client, "bye", 3); /* our direction is still open */
  tls_ends_run(&p.client, &p.server, 0);
  pair_assert_in(&p.server, "bye", 3);
}

TEST(test_end_without_close_notify_is_told_apart) {
  SCOPED(shaken_pair, p, 0);
  tls_end_write(&p.server, "bye", 3);
  tls_ends_run(&p.client, &p.server, 0);
  tls_end_eof(&p.client);
  pair_assert_in(&p.client, "bye", 3);
  assert_int_equal(p.client.ended, WSUV_ETLSTRUNCATED);
}

/* There is not even room for it, because the peer reads nothing. */
TEST(test_close_notify_that_cannot_be_made_is_told_to_the_writer) {
  SCOPED(shaken_pair, p, 0);
  tls_engine *e = p.client.engine;
  const ws_view one = {(const uint8_t *) "x", 1};
  size_t taken;
  assert_int_equal(tls_engine_write(e, &one, 1, 0, &taken), 0);
  const size_t record = bufq_len(tls_engine_output(e));
  while (TLS_OUTPUT_MAX - bufq_len(tls_engine_output(e)) >= record) {
    assert_int_equal(tls_engine_write(e, &one, 1, 0, &taken), 0);
  }
  tls_engine_close(e);
  tls_engine_sent(e, bufq_len(tls_engine_output(e))); /* now there is room, but it is too late */
  assert_true(tls_engine_write(e, &one, 1, 0, &taken) < 0);
  assert_int_equal(taken, 0);
  assert_int_equal(bufq_len(tls_engine_output(e)), 0);
}

/* What follows close_notify is none of the peer's. */
TEST(test_data_behind_close_notify_is_not_read) {
  pair_server_config.library = WSUV_TLS_LIBRARY_MBEDTLS; /* OpenSSL does not send it */
  for (size_t piece = 0; piece < 2; piece++) {
    SCOPED(shaken_pair, p, 0);
    tls_end_write(&p.server, "bye", 3);
    tls_engine_close(p.server.engine);
    tls_end_write(&p.server, "more", 4);
    tls_ends_run(&p.client, &p.server, piece);
    tls_end_eof(&p.client);
    pair_assert_in(&p.client, "bye", 3);
    assert_int_equal(p.client.ended, WS_EOF);
  }
}

TEST(test_records_before_a_bad_one_are_read) {
  fifo carried = {0};
  SCOPED(shaken_pair, p, 0);
  tls_end_write(&p.server, "good", 4);
  tls_end_take(&p.server, &carried, SIZE_MAX);
  fifo_append(&carried, "no record", 9);
  tls_end_feed(&p.client, fifo_data(&carried), carried.len, 0);
  pair_assert_in(&p.client, "good", 4);
  assert_int_equal(p.client.ended, WSUV_ETLS);
  fifo_free(&carried);
}

/* --- strangers --- */

TEST(test_plain_http_in_reply) {
  static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
  SCOPED(tls_pair, p);
  pair_connect(&p, pair_host, PAIR_PORT);
  tls_end_step(&p.client);
  tls_end_feed(&p.client, text, sizeof text - 1, 0);
  assert_int_equal(p.client.shaken, WSUV_ENOTTLS);
  assert_string_equal(pair_facts(&p.client).text,
                      "the peer does not speak TLS: it answers in plain HTTP");
}

TEST(test_alert_in_place_of_an_answer) {
  static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 112}; /* unrecognized_name */
  SCOPED(tls_pair, p);
  pair_connect(&p, pair_host, PAIR_PORT);
  tls_end_step(&p.client);
  tls_end_feed(&p.client, alert, sizeof alert, 1);
  assert_int_equal(p.client.shaken, WSUV_ETLS);
  assert_string_equal(pair_facts(&p.client).text, "alert of the peer: unrecognized name");
}

/* F33: a peer that is silent in the middle of a flight is waited for. */
TEST(test_stall_in_every_flight) {
  SCOPED(tls_pair, p);
  for (uint64_t n = 0; n < 1200; n += 97) {
    pair_connect(&p, pair_host, PAIR_PORT);
    tls_ends_run_until(&p.server, &p.client, n);
    if (p.client.ate < n) n = 1200;
    for (int i = 0; i < 3; i++) tls_end_step(&p.client);
    assert_true(p.client.shaken == WS_EAGAIN || p.client.shaken == 0);
    assert_int_equal(p.client.ended, 0);
    pair_disconnect(&p);
  }
}

/* A bit is turned in a record of data. */
TEST(test_changed_bytes_are_noticed) {
  for (size_t at = 0; at < 30; at++) {
    fifo carried = {0};
    SCOPED(shaken_pair, p, 0);
    tls_end_write(&p.server, "hello", 5);
    tls_end_take(&p.server, &carried, SIZE_MAX);
    if (at < carried.len) fifo_data(&carried)[at] ^= 1;
    tls_end_feed(&p.client, fifo_data(&carried), carried.len, 0);
    tls_end_eof(&p.client);
    if (at < carried.len) {
      assert_int_equal(p.client.in.len, 0);
      assert_true(p.client.ended == WSUV_ETLS || p.client.ended == WSUV_ETLSTRUNCATED);
    }
    fifo_free(&carried);
  }
}

/* F33: an alert may come at any time. */
TEST(test_alert_in_an_open_session) {
  fifo carried = {0};
  SCOPED(shaken_pair, p, 0);
  tls_end_write(&p.client, "hello", 5);
  tls_end_take(&p.client, &carried, SIZE_MAX);
  fifo_data(&carried)[carried.len - 1] ^= 1;
  tls_end_feed(&p.server, fifo_data(&carried), carried.len, 0);
  assert_int_equal(p.server.ended, WSUV_ETLS);
  tls_ends_run(&p.server, &p.client, 0);
  assert_int_equal(p.client.ended, WSUV_ETLS);
  assert_string_equal(pair_facts(&p.client).text, "alert of the peer: bad record MAC");
  fifo_free(&carried);
}

TEST(test_nothing_goes_on_after_a_failure) {
  size_t taken;
  SCOPED(shaken_pair, p, 0);
  tls_end_feed(&p.client, "no record of TLS at all", 23, 0);
  assert_int_equal(p.client.ended, WSUV_ETLS);
  const ws_view buf = {(const uint8_t *) "x", 1};
  assert_int_equal(tls_engine_write(p.client.engine, &buf, 1, 0, &taken), WSUV_ETLS);
  assert_int_equal(taken, 0);
}

/* The handshake, up to the server's tickets, which have not left. */
static void shake_before_tickets(tls_pair *p) {
  fifo carried = {0};
  pair_connect(p, pair_host, PAIR_PORT);
  while (p->server.shaken != 0) {
    tls_end_step(&p->client);
    tls_end_take(&p->client, &carried, SIZE_MAX);
    tls_end_feed(&p->server, fifo_data(&carried), carried.len, 0);
    fifo_consume(&carried, carried.len);
    if (p->server.shaken == 0) break;
    tls_end_take(&p->server, &carried, SIZE_MAX);
    tls_end_feed(&p->client, fifo_data(&carried), carried.len, 0);
    fifo_consume(&carried, carried.len);
  }
  fifo_free(&carried);
}

/* A ticket that comes in several records, of which one is there. Nothing is written before the
   others are, and nothing fails. */
TEST(test_writing_inside_of_a_ticket_waits) {
  fifo carried = {0};
  const ws_view text = {(const uint8_t *) "hello", 5};
  size_t taken;
  SCOPED(tls_pair, p);
  bool long_ones = tls_inside_lengthen_tickets(p.server_ctx) && !test_is_mbedtls(WS_CLIENT);
  if (!long_ones) return;
  shake_before_tickets(&p);
  assert_int_equal(p.client.shaken, 0);
  tls_end_take(&p.server, &carried, SIZE_MAX);
  const uint8_t *record = fifo_data(&carried);
  size_t first = TLS_RECORD_HEADER_LEN + (size_t) (record[3] << 8 | record[4]);
  assert_in_range(first, TLS_RECORD_HEADER_LEN, carried.len - 1);
  tls_end_feed(&p.client, record, first, 0);
  assert_int_equal(tls_engine_write(p.client.engine, &text, 1, 0, &taken), WS_EAGAIN);
  assert_int_equal(taken, 0);
  tls_end_feed(&p.client, record + first, carried.len - first, 0);
  assert_int_equal(tls_engine_write(p.client.engine, &text, 1, 0, &taken), 0);
  assert_int_equal(taken, 5);
  fifo_consume(&carried, carried.len);
  tls_end_take(&p.client, &carried, SIZE_MAX);
  tls_end_feed(&p.server, fifo_data(&carried), carried.len, 0);
  pair_assert_in(&p.server, "hello", 5);
  fifo_free(&carried);
}

/* F31: what is written while the server's tickets lie there unread. */
TEST(test_writing_between_tickets) {
  fifo carried = {0};
  SCOPED(tls_pair, p);
  shake_before_tickets(&p);
  tls_end_write(&p.server, "hello", 5);
  tls_end_take(&p.server, &carried, SIZE_MAX);
  for (size_t n = 0; n < carried.len; n++) {
    tls_end_feed(&p.client, fifo_data(&carried) + n, 1, 0);
    if (p.client.shaken == 0) tls_end_write(&p.client, "x", 1);
  }
  pair_assert_in(&p.client, "hello", 5);
  size_t written = carried.len;
  fifo_consume(&carried, carried.len);
  tls_end_take(&p.client, &carried, SIZE_MAX);
  tls_end_feed(&p.server, fifo_data(&carried), carried.len, 0);
  assert_in_range(p.server.in.len, 1, written);
  fifo_free(&carried);
}

/* --- a server that wants to negotiate again --- */

#if defined(MBEDTLS_SSL_RENEGOTIATION)

/* F35: it is told no, by an alert, and the session goes on. */
TEST(test_no_renegotiation) {
  uint8_t room[16];
  SCOPED(raw_tls, s);
  assert_int_equal(mbedtls_ssl_renegotiate(&s.ssl), 0);
  assert_in_range(raw_tls_carry(&s), 7, 64); /* no ClientHello has room there */
  assert_int_equal(mbedtls_ssl_read(&s.ssl, room, sizeof room), MBEDTLS_ERR_SSL_WANT_READ);
  raw_tls_write(&s, "still here", 10);
  (void) raw_tls_carry(&s);
  pair_assert_in(&s.pair.client, "still here", 10);
  assert_int_equal(s.pair.client.ended, 0);
}

/* F22: a peer that asks again and again, with data between, and reads no answer, is left before the
   answers fill the memory. */
TEST(test_questions_without_end) {
  enum { QUESTIONS = 20 * 1000, KIB = 1024 };
  SCOPED(raw_tls, s);
  for (int i = 0; i < QUESTIONS && s.pair.client.ended == 0; i++) {
    assert_int_equal(mbedtls_ssl_renegotiate(&s.ssl), 0);
    raw_tls_write(&s, "x", 1);
    raw_tls_feed(&s, SIZE_MAX, 0);
  }
  assert_int_equal(s.pair.client.ended, WSUV_ETLSRECORD);
  assert_string_equal(pair_facts(&s.pair.client).text,
                      "TLS requests whose answers are not read; no alert could be sent");
  assert_in_range(output(&s.pair.client), 200 * KIB, 256 * KIB);
}

#endif

/* --- a log of keys --- */

static void read_file(const char *path, char *text, size_t size) {
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  size_t n = fread(text, 1, size - 1, f);
  text[n] = '\0';
  (void) fclose(f);
}

TEST(test_key_log) {
  char text[4096];
  shaken_pair p;
  SCOPED(temp_file, file);
  pair_config.keylog_file = file.path;
  shaken_pair_open(&p, 0);
  shaken_pair_close(&p);
  read_file(file.path, text, sizeof text);
  if (test_has_1_3()) {
    assert_non_null(strstr(text, "CLIENT_HANDSHAKE_TRAFFIC_SECRET "));
    assert_non_null(strstr(text, "SERVER_TRAFFIC_SECRET_0 "));
  } else {
    assert_int_equal(strlen(text), 14 + 64 + 1 + 96 + 1);
    assert_memory_equal(text, "CLIENT_RANDOM ", 14);
  }
}

/* --- its memory --- */

/* F57: the library's memory is a piece of work of its own, which is not done where a connection is
   made. The first message comes after it. */
TEST(test_memory_of_the_library_is_taken_in_the_handshake) {
  tls_failure failure;
  tls_context *ctx;
  tls_engine *e;
  tls_info info;
  assert_int_equal(tls_loaded_context(&ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, &failure),
                   0);
  assert_int_equal(tls_engine_new(&e, ctx, pair_host, PAIR_PORT), 0);
  assert_false(e->set_up);
  tls_engine_info(e, &info);
  assert_string_equal(info.text, "");
  assert_int_equal(tls_engine_handshake(e), TLS_ENGINE_WORKED);
  assert_true(e->set_up);
  assert_int_equal(bufq_len(tls_engine_output(e)), 0);
  int r = TLS_ENGINE_WORKED;
  while (r == TLS_ENGINE_WORKED) r = tls_engine_handshake(e);
  assert_int_equal(r, WS_EAGAIN);
  assert_true(bufq_len(tls_engine_output(e)) > 0);
  tls_engine_free(e);
  tls_context_unref(ctx);
}

/* It may be given up before that. */
TEST(test_engine_is_freed_without_a_handshake) {
  tls_failure failure;
  tls_context *ctx;
  tls_engine *e;
  assert_int_equal(tls_loaded_context(&ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, &failure),
                   0);
  assert_int_equal(tls_engine_new(&e, ctx, pair_host, PAIR_PORT), 0);
  tls_engine_close(e);
  assert_int_equal(bufq_len(tls_engine_output(e)), 0);
  tls_engine_free(e);
  tls_context_unref(ctx);
}

/* --- without memory --- */

static bool try_session(void) {
  tls_failure failure;
  tls_context *ctx;
  tls_engine *e = NULL;
  int err = tls_loaded_context(&ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, &failure);
  if (err == 0) {
    err = tls_engine_new(&e, ctx, pair_host, PAIR_PORT);
    if (err == 0) err = TLS_ENGINE_WORKED;
    while (err == TLS_ENGINE_WORKED) err = tls_engine_handshake(e);
    tls_engine_free(e);
    tls_context_unref(ctx);
  }
  assert_int_equal(pair_alloc.live, 0);
  assert_true(err == WS_EAGAIN || err == WS_ENOMEM);
  return err == WS_EAGAIN;
}

/* F46 */
TEST(test_without_memory_of_ours) {
  for (int for_ever = 0; for_ever < 2; for_ever++) {
    bool done = false;
    pair_alloc.fail_for_ever = for_ever != 0;
    for (uint64_t n = 1; !done; n++) {
      pair_alloc.fail_at = pair_alloc.calls + n;
      done = try_session();
      pair_alloc.fail_at = 0;
    }
  }
}

TEST(test_keep_without_memory_is_told_to_the_reader) {
  fifo carried = {0};
  uint8_t room[1];
  SCOPED(shaken_pair, p, 0);
  for (int i = 0; i < 2; i++) tls_end_write(&p.server, "ab", 2);
  tls_end_take(&p.server, &carried, SIZE_MAX);
  tls_engine_feed(p.client.engine, fifo_data(&carried), carried.len);
  assert_int_equal(tls_engine_read(p.client.engine, room, 1), 1);
  pair_alloc.fail_at = pair_alloc.calls + 1;
  assert_int_equal(tls_engine_keep(p.client.engine), WS_ENOMEM);
  assert_true(tls_engine_pending(p.client.engine));
  assert_int_equal(tls_engine_read(p.client.engine, room, 1), WS_ENOMEM);
  fifo_free(&carried);
}
