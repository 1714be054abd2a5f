/* A TLS server and what clients send to it: protocols and versions, plain HTTP, ClientHello in
   pieces, and requests to renegotiate. */

#include <string.h>

#include <mbedtls/version.h>

#include "base/error.h"
#include "net/tls/mbedtls/mbed_internal.h"
#include "net/tls/tls_flood.h"
#include "net/tls/tls_library.h"
#include "support/raw_tls.h"
#include "support/stride.h"
#include "support/test.h"
#include "support/tls_pair.h"

static size_t count(const char *const *list) {
  size_t n = 0;
  while (list[n] != NULL) n++;
  return n;
}

/* --- what is agreed upon --- */

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_alpn_of_a_server) {
  static const char *const none[] = {NULL};
  static const char *const http[] = {"http/1.1", NULL}, *const h2[] = {"h2", NULL};
  static const char *const browser[] = {"h2", "http/1.1", NULL};
  static const char *const chat[] = {"chat", "http/1.1", NULL}, *const odd[] = {"HTTP/1.1", NULL};
  static const struct {
    const char *const *offered; /* NULL: the default */
    const char *const *had;
    const char *chosen; /* NULL: none; "": the handshake fails */
  } rows[] = {
      {NULL, NULL, "http/1.1"},
      {browser, NULL, "http/1.1"},
      {none, NULL, NULL},
      {h2, NULL, ""},
      {odd, NULL, ""},
      {http, none, NULL},
      {none, none, NULL},
      {chat, NULL, "http/1.1"},
      {browser, chat, "http/1.1"},
      {chat, chat, "chat"},
      {none, chat, NULL},
  };
  for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
    size_t row = i / 2;
    pair_config.max_version = i % 2 == 0 ? WSUV_TLS_1_2 : WSUV_TLS_ANY;
    pair_config.alpn = rows[row].offered;
    pair_config.alpn_count = rows[row].offered == NULL ? 0 : count(rows[row].offered);
    pair_server_config.alpn = rows[row].had;
    pair_server_config.alpn_count = rows[row].had == NULL ? 0 : count(rows[row].had);
    SCOPED(tls_pair, p);
    pair_meet(&p, pair_host);
    if (rows[row].chosen != NULL && rows[row].chosen[0] == '\0') {
      assert_int_equal(p.server.shaken, WSUV_ETLS);
      assert_string_equal(pair_facts(&p.server).text,
                          "the client offers none of our protocols (ALPN)");
      assert_int_equal(p.client.shaken, WSUV_ETLS);
      assert_string_equal(pair_facts(&p.client).text, "alert of the peer: no application protocol");
      continue;
    }
    assert_int_equal(p.server.shaken, 0);
    const char *server = pair_facts(&p.server).alpn, *client = pair_facts(&p.client).alpn;
    assert_true((server == NULL) == (rows[row].chosen == NULL));
    assert_true((client == NULL) == (server == NULL));
    if (server != NULL) assert_string_equal(server, rows[row].chosen);
    if (client != NULL) assert_string_equal(client, rows[row].chosen);
  }
}

TEST(test_versions_of_a_server) {
  static const struct {
    wsuv_tls_version_t client_min, client_max, server_min, server_max;
    const char *chosen; /* where TLS 1.3 is there; NULL: none in common */
  } rows[] = {
      {WSUV_TLS_ANY, WSUV_TLS_ANY, WSUV_TLS_ANY, WSUV_TLS_ANY, "TLSv1.3"},
      {WSUV_TLS_ANY, WSUV_TLS_1_2, WSUV_TLS_ANY, WSUV_TLS_ANY, "TLSv1.2"},
      {WSUV_TLS_ANY, WSUV_TLS_ANY, WSUV_TLS_ANY, WSUV_TLS_1_2, "TLSv1.2"},
      {WSUV_TLS_1_3, WSUV_TLS_ANY, WSUV_TLS_ANY, WSUV_TLS_ANY, "TLSv1.3"},
      {WSUV_TLS_ANY, WSUV_TLS_ANY, WSUV_TLS_1_3, WSUV_TLS_ANY, "TLSv1.3"},
      {WSUV_TLS_ANY, WSUV_TLS_1_2, WSUV_TLS_1_3, WSUV_TLS_ANY, NULL},
      {WSUV_TLS_1_3, WSUV_TLS_ANY, WSUV_TLS_ANY, WSUV_TLS_1_2, NULL},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    bool needs_1_3 = rows[i].client_min == WSUV_TLS_1_3 || rows[i].server_min == WSUV_TLS_1_3;
    if (needs_1_3 && !test_has_1_3()) continue;
    pair_config.min_version = rows[i].client_min;
    pair_config.max_version = rows[i].client_max;
    pair_server_config.min_version = rows[i].server_min;
    pair_server_config.max_version = rows[i].server_max;
    SCOPED(tls_pair, p);
    pair_meet(&p, pair_host);
    if (rows[i].chosen == NULL) {
      assert_int_equal(p.server.shaken, WSUV_ETLS);
      assert_true(pair_facts(&p.server).library_error != 0);
      continue;
    }
    assert_int_equal(p.server.shaken, 0);
    assert_string_equal(pair_facts(&p.server).version, test_has_1_3() ? rows[i].chosen : "TLSv1.2");
  }
}

/* The server's order decides. */
TEST(test_suites_of_a_server) {
  static const char *const ours[] = {"TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384",
                                     "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"};
  pair_config.max_version = WSUV_TLS_1_2;
  pair_server_config.ciphersuites = ours;
  pair_server_config.ciphersuite_count = 2;
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_int_equal(p.server.shaken, 0);
  assert_string_equal(pair_facts(&p.server).ciphersuite, ours[0]);
}

/* F57: these are what the turns of a loop share out (turn_list.h), and the making of the library's
   state before them. What only writes, such as the certificate, is none of them. OpenSSL does all
   that it can with what has come in one step. */
TEST(test_steps_with_public_key_work) {
  const struct {
    wsuv_tls_client_auth_t auth;
    const cert *client;
    size_t mbedtls_1_2, mbedtls_1_3;
    size_t openssl_1_2, openssl_1_3;
  } rows[] = {
      {WSUV_TLS_CLIENT_AUTH_NONE, NULL, 2, 2, 2, 1},            /* key share, signature, secret */
      {WSUV_TLS_CLIENT_AUTH_REQUIRE, &pair_client, 4, 4, 2, 2}, /* chain, and its signature */
  };
  bool mbedtls = test_is_mbedtls(WS_SERVER);
  for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
    const cert *client = rows[i / 2].client;
    bool new = i % 2 == 1 && test_has_1_3();
    pair_config.max_version = new ? WSUV_TLS_1_3 : WSUV_TLS_1_2;
    pair_ask(rows[i / 2].auth, &pair_ca);
    if (client != NULL) pair_own(client);
    SCOPED(tls_pair, p);
    pair_meet(&p, pair_host);
    assert_int_equal(p.server.shaken, 0);
    size_t old_steps = mbedtls ? rows[i / 2].mbedtls_1_2 : rows[i / 2].openssl_1_2;
    size_t new_steps = mbedtls ? rows[i / 2].mbedtls_1_3 : rows[i / 2].openssl_1_3;
    print_message("row %zu\n", i);
    assert_int_equal(p.server.worked, 1 + (new ? new_steps : old_steps));
    if (client != NULL) continue;
    tls_end_write(&p.server, "x", 1);
    tls_ends_run(&p.client, &p.server, 0);
    pair_disconnect(&p);
    pair_meet(&p, pair_host);
    assert_true(pair_facts(&p.server).resumed);
    assert_int_equal(p.server.worked, new ? 2 : 1);
  }
}

/* --- clients that do not speak TLS --- */

static int feed_plain(const char *text, size_t piece) {
  SCOPED(tls_pair, p);
  pair_connect(&p, pair_host, PAIR_PORT);
  tls_end_step(&p.server);
  tls_end_feed(&p.server, text, strlen(text), piece);
  int status = p.server.shaken;
  if (status == WSUV_ENOTTLS) {
    assert_string_equal(pair_facts(&p.server).text, "the client speaks HTTP, not TLS");
    assert_true(pair_facts(&p.server).library_error != 0);
  }
  assert_null(pair_facts(&p.server).version);
  return status;
}

/* In pieces of any size. What is neither is a failure of TLS. */
TEST(test_plain_http_at_the_port_of_tls) {
  static const struct {
    const char *text;
    int status;
  } rows[] = {
      {"GET /chat HTTP/1.1\r\nHost: a.test\r\n\r\n", WSUV_ENOTTLS},
      {"GET http://a.test/ HTTP/1.1\r\n\r\n", WSUV_ENOTTLS},
      {"HEAD / HTTP/1.1\r\n\r\n", WSUV_ENOTTLS},
      {"POST / HTTP/1.1\r\n\r\n", WSUV_ENOTTLS},
      {"PUT /a HTTP/1.1\r\n\r\n", WSUV_ENOTTLS},
      {"DELETE / HTTP/1.1\r\n\r\n", WSUV_ENOTTLS},
      {"CONNECT a:1 HTTP/1.1\r\n\r\n", WSUV_ENOTTLS},
      {"OPTIONS * HTTP/1.1\r\n\r\n", WSUV_ENOTTLS},
      {"TRACE / HTTP/1.1\r\n\r\n", WSUV_ENOTTLS},
      {"PATCH / HTTP/1.1\r\n\r\n", WSUV_ENOTTLS},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", WSUV_ENOTTLS},
      {"GETTING somewhere", WSUV_ETLS},
      {"HTTP/1.1 200 OK\r\n\r\n", WSUV_ETLS}, /* that is a response */
      {"SSH-2.0-OpenSSH_9.2\r\n", WSUV_ETLS},
      {"GET ", WS_EAGAIN}, /* there is more to come */
  };
  static const size_t pieces[] = {0, 1, 2, 3, 4, 5, 7};
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    for (size_t n = 0; n < COUNT_OF(pieces); n++) {
      assert_int_equal(feed_plain(rows[i].text, pieces[n]), rows[i].status);
    }
  }
}

/* --- ClientHello in pieces --- */

static void take_hello(tls_pair *p, fifo *hello) {
  pair_connect(p, pair_host, PAIR_PORT);
  tls_end_step(&p->client);
  tls_end_take(&p->client, hello, SIZE_MAX);
}

/* What the server has not got yet is waited for, and what is behind it is not lost. */
TEST(test_hello_is_cut_at_every_byte) {
  fifo hello = {0};
  pair_config.resumption = false; /* hellos are of one length then */
  SCOPED(tls_pair, p);
  take_hello(&p, &hello);
  size_t len = hello.len;
  for (size_t cut = 1; cut < len; cut += stride()) {
    tls_end_feed(&p.server, fifo_data(&hello), cut, 0);
    assert_int_equal(p.server.shaken, WS_EAGAIN);
    assert_int_equal(bufq_len(tls_engine_output(p.server.engine)), 0);
    tls_end_feed(&p.server, fifo_data(&hello) + cut, len - cut, 0);
    tls_ends_run(&p.client, &p.server, 0);
    assert_int_equal(p.server.shaken, 0);
    assert_int_equal(p.client.shaken, 0);
    pair_disconnect(&p);
    fifo_consume(&hello, hello.len);
    take_hello(&p, &hello);
    assert_int_equal(hello.len, len);
  }
  fifo_free(&hello);
}

/* The handshake message in two records (RFC 8446 5.1). mbedTLS before 3.6.4 refuses that; it never
   waits for ever, and never reads anything else out of it. */
TEST(test_hello_in_two_records) {
  fifo hello = {0}, split = {0};
  SCOPED(tls_pair, p);
  take_hello(&p, &hello);
  size_t len = hello.len - 5;
  for (size_t first = 1; first < len; first += 7) {
    const uint8_t *body = fifo_data(&hello) + 5;
    const uint8_t a[] = {22, 3, 1, (uint8_t) (first >> 8), (uint8_t) first};
    const uint8_t b[] = {22, 3, 1, (uint8_t) ((len - first) >> 8), (uint8_t) (len - first)};
    fifo_append(&split, a, sizeof a);
    fifo_append(&split, body, first);
    fifo_append(&split, b, sizeof b);
    fifo_append(&split, body + first, len - first);
    tls_end_feed(&p.server, fifo_data(&split), split.len, 0);
    tls_ends_run(&p.client, &p.server, 0);
    assert_true(p.server.shaken == WSUV_ETLS || p.server.shaken == 0);
    assert_true(p.server.shaken != 0 || p.client.shaken == 0);
    fifo_consume(&split, split.len);
    fifo_consume(&hello, hello.len);
    pair_disconnect(&p);
    take_hello(&p, &hello);
    len = hello.len - 5;
  }
  fifo_free(&hello);
  fifo_free(&split);
}

/* A record that says it is longer than any may be is refused before it has come. */
TEST(test_hello_that_is_too_long) {
  static const uint8_t header[] = {22, 3, 1, 0xff, 0xff};
  SCOPED(tls_pair, p);
  pair_connect(&p, pair_host, PAIR_PORT);
  tls_end_step(&p.server);
  size_t before = pair_alloc.live_bytes;
  tls_end_feed(&p.server, header, sizeof header, 1);
  assert_int_equal(p.server.shaken, WSUV_ETLS);
  size_t alert = bufq_len(tls_engine_output(p.server.engine)); /* it has a chunk of the queue */
  assert_in_range(pair_alloc.live_bytes - before, 0, alert > 0 ? 16384 + 64 : 16384);
}

/* One after the other: the second is not what comes then. */
TEST(test_hello_again_and_again) {
  fifo hello = {0};
  SCOPED(tls_pair, p);
  take_hello(&p, &hello);
  for (int i = 0; i < 3 && p.server.shaken == WS_EAGAIN; i++) {
    tls_end_feed(&p.server, fifo_data(&hello), hello.len, 0);
  }
  assert_int_equal(p.server.shaken, WSUV_ETLS);
  fifo_free(&hello);
}

static const uint8_t warning[] = {21, 3, 3, 0, 2, 1, 90}; /* user_canceled */

TEST(test_alerts_in_place_of_a_hello) {
  SCOPED(tls_pair, p);
  pair_connect(&p, pair_host, PAIR_PORT);
  tls_end_step(&p.server);
  for (int i = 0; i < TLS_DATALESS_MAX + 2; i++) {
    tls_end_feed(&p.server, warning, sizeof warning, 0);
  }
  assert_true(p.server.shaken == WSUV_ETLS || p.server.shaken == WSUV_ETLSRECORD);
}

/* Any bit of it is turned: an error or a handshake, and the client never takes another one for its
   own. */
TEST(test_changed_hello_is_noticed) {
  fifo hello = {0};
  pair_config.resumption = false;
  SCOPED(tls_pair, p);
  take_hello(&p, &hello);
  size_t len = hello.len;
  for (size_t at = 0; at < len; at += at < 3 ? 1 : stride()) {
    bool is_version = at == 1 || at == 2; /* of the record, which means nothing (RFC 8446 5.1) */
    if (!is_version) fifo_data(&hello)[at] ^= 0x10;
    tls_end_feed(&p.server, fifo_data(&hello), hello.len, 0);
    tls_ends_run(&p.client, &p.server, 0);
    tls_end_eof(&p.client);
    tls_end_eof(&p.server);
    assert_true((p.client.shaken == 0) == is_version);
    assert_true((p.server.shaken == 0) == is_version);
    assert_int_not_equal(p.server.shaken, WS_EAGAIN);
    pair_disconnect(&p);
    fifo_consume(&hello, hello.len);
    take_hello(&p, &hello);
  }
  fifo_free(&hello);
}

/* --- a client that wants to negotiate again --- */

#if defined(MBEDTLS_SSL_RENEGOTIATION)

/* F35: the client is told no, by an alert, and the session goes on; not for ever. */
TEST(test_client_that_wants_to_renegotiate) {
  SCOPED(raw_tls_client, c);
  tls_end *server = &c.pair.server;
  assert_int_equal(mbedtls_ssl_renegotiate(&c.ssl), MBEDTLS_ERR_SSL_WANT_READ);
  assert_in_range(raw_tls_carry(&c), 7, 64); /* an alert, and no ServerHello */
  assert_int_equal(server->ended, 0);
  tls_end_write(server, "still here", 10);
  assert_in_range(raw_tls_carry(&c), 10, 80);
}

#endif
