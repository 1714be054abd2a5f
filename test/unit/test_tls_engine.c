#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The engine of TLS against itself in the other role, in memory: what is agreed upon, what is
   refused, and that no cut, no piece and no foreign byte is taken for something else. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/x509.h>

#include "base/error.h"
#include "net/tls_internal.h"
#include "support/tls_ends.h"
#include "support/track_alloc.h"

enum { PORT = 443 };

static const char host[] = "example.test";

static cert ca, other_ca, middle, no_ca, server, client;

static track_alloc alloc;
static wsuv_tls_config_t config;

static int make_certs(void **state) {
  const cert_spec authority = {.name = "authority", .ca = true};
  const cert_spec other = {.name = "other authority", .ca = true};
  const cert_spec between = {.name = "middle", .ca = true};
  const cert_spec pretender = {.name = "pretender"};
  const cert_spec leaf = {.name = "server",
                          .hosts = {host, "*.wild.test", "127.0.0.1", "2001:db8::1"}};
  const cert_spec user = {.name = "client"};
  (void) state;
  cert_make(&ca, &authority, NULL);
  cert_make(&other_ca, &other, NULL);
  cert_make(&middle, &between, &ca);
  cert_make(&no_ca, &pretender, &ca);
  cert_make(&server, &leaf, &ca);
  cert_make(&client, &user, &ca);
  return 0;
}

static int free_certs(void **state) {
  cert *const all[] = {&ca, &other_ca, &middle, &no_ca, &server, &client};
  (void) state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) cert_free(all[i]);
  return 0;
}

static void trust(const cert *c) {
  config.ca_pem = c->pem;
  config.ca_pem_len = strlen(c->pem);
}

static void own(const cert *c) {
  config.cert_pem = c->pem;
  config.cert_pem_len = strlen(c->pem);
  config.key_pem = c->key_pem;
  config.key_pem_len = strlen(c->key_pem);
}

static int before(void **state) {
  (void) state;
  track_alloc_init(&alloc);
  wsuv_tls_config_init(&config);
  trust(&ca);
  return 0;
}

static int after(void **state) {
  (void) state;
  return alloc.live == 0 ? 0 : -1;
}

/* --- a pair --- */

typedef struct pair {
  tls_context *client_ctx, *server_ctx;
  tls_end client, server;
} pair;

static void begin_with(pair *p, const cert *leaf, const cert *clients_ca) {
  tls_failure failure;
  assert_int_equal(tls_context_new(&p->client_ctx, &alloc.handle, &config, TLS_CLIENT, &failure),
                   0);
  assert_string_equal(failure.text, "");
  p->server_ctx = tls_server_context(&alloc.handle, leaf, clients_ca);
}

static void begin(pair *p) {
  begin_with(p, &server, NULL);
}

static void connect_to(pair *p, const char *name, uint16_t port) {
  tls_end_init(&p->client, p->client_ctx, name, port);
  tls_end_init(&p->server, p->server_ctx, NULL, 0);
}

static void disconnect(pair *p) {
  tls_end_free(&p->client);
  tls_end_free(&p->server);
}

static void finish(pair *p) {
  tls_context_unref(p->client_ctx);
  tls_context_unref(p->server_ctx);
}

static void open_pair(pair *p, size_t piece) {
  begin(p);
  connect_to(p, host, PORT);
  tls_ends_run(&p->client, &p->server, piece);
  assert_int_equal(p->client.shaken, 0);
  assert_int_equal(p->server.shaken, 0);
}

static void close_pair(pair *p) {
  disconnect(p);
  finish(p);
}

static void assert_in(const tls_end *e, const void *data, size_t len) {
  assert_int_equal(e->in.len, len);
  assert_memory_equal(fifo_data(&e->in), data, len);
}

static tls_facts facts_of(const tls_end *e) {
  tls_facts facts;
  tls_engine_facts(e->engine, &facts);
  return facts;
}

/* --- what is agreed upon --- */

static void test_handshake_and_its_facts(void **state) {
  pair p;
  (void) state;
  open_pair(&p, 0);
  tls_facts f = facts_of(&p.client);
  assert_string_equal(f.version, tls_mbed_has_1_3() ? "TLSv1.3" : "TLSv1.2");
  assert_string_equal(f.ciphersuite, tls_mbed_has_1_3()
                                         ? "TLS-CHACHA20-POLY1305-SHA256"
                                         : "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256");
  assert_string_equal(f.alpn, "http/1.1");
  assert_int_equal(f.peer_cert_len, server.der_len);
  assert_memory_equal(f.peer_cert, server.der, server.der_len);
  assert_true(f.verified);
  assert_false(f.resumed);
  assert_int_equal(f.verify_flags, 0);
  assert_int_equal(f.library_error, 0);
  assert_string_equal(f.text, "");
  close_pair(&p);
}

static void test_no_facts_before_the_handshake(void **state) {
  pair p;
  (void) state;
  begin(&p);
  connect_to(&p, host, PORT);
  tls_facts f = facts_of(&p.client);
  assert_null(f.version);
  assert_null(f.ciphersuite);
  assert_null(f.alpn);
  assert_null(f.peer_cert);
  assert_false(f.verified || f.resumed);
  close_pair(&p);
}

static void test_version_can_be_held_down(void **state) {
  pair p;
  (void) state;
  config.max_version = WSUV_TLS_1_2;
  open_pair(&p, 0);
  assert_string_equal(facts_of(&p.client).version, "TLSv1.2");
  close_pair(&p);
}

static void test_named_suite_is_used(void **state) {
  static const char *const suites[] = {"TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"};
  pair p;
  (void) state;
  config.ciphersuites = suites;
  config.ciphersuite_count = 1;
  open_pair(&p, 0);
  assert_string_equal(facts_of(&p.client).ciphersuite, suites[0]);
  assert_string_equal(facts_of(&p.client).version, "TLSv1.2");
  close_pair(&p);
}

static void test_no_common_suite(void **state) {
  static const char *const suites[] = {"TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"};
  pair p;
  (void) state;
  config.ciphersuites = suites;
  config.ciphersuite_count = 1;
  begin(&p);
  connect_to(&p, host, PORT);
  tls_ends_run(&p.client, &p.server, 0);
  assert_int_equal(p.client.shaken, WSUV_ETLS);
  assert_string_equal(facts_of(&p.client).text, "alert of the peer: handshake failure");
  assert_true(facts_of(&p.client).library_error < 0);
  close_pair(&p);
}

static void test_no_alpn(void **state) {
  static const char *const none[] = {NULL};
  pair p;
  (void) state;
  config.alpn = none;
  open_pair(&p, 0);
  assert_null(facts_of(&p.client).alpn);
  close_pair(&p);
}

static void test_alpn_that_the_server_does_not_have(void **state) {
  static const char *const protocols[] = {"h2"};
  pair p;
  (void) state;
  config.alpn = protocols;
  config.alpn_count = 1;
  begin(&p);
  connect_to(&p, host, PORT);
  tls_ends_run(&p.client, &p.server, 0);
  assert_int_equal(p.client.shaken, WSUV_ETLS);
  assert_string_equal(facts_of(&p.client).text, "alert of the peer: no application protocol");
  close_pair(&p);
}

/* --- data --- */

enum { LARGE = 200 * 1000 };

static uint8_t *large_data(void) {
  uint8_t *data = malloc(LARGE);
  assert_non_null(data);
  for (size_t i = 0; i < LARGE; i++) data[i] = (uint8_t) (i ^ i >> 8 ^ i >> 16);
  return data;
}

static void test_data_both_ways(void **state) {
  pair p;
  (void) state;
  uint8_t *data = large_data();
  open_pair(&p, 0);
  tls_end_write(&p.client, data, LARGE);
  tls_end_write(&p.server, data, LARGE);
  tls_ends_run(&p.client, &p.server, 0);
  assert_in(&p.server, data, LARGE);
  assert_in(&p.client, data, LARGE);
  close_pair(&p);
  free(data);
}

/* F33 */
static void test_bytes_in_pieces_of_any_size(void **state) {
  static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 1000, 1460};
  (void) state;
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    pair p;
    open_pair(&p, pieces[i]);
    tls_end_write(&p.client, "hello, server", 13);
    tls_end_write(&p.server, "hello, ", 7);
    tls_end_write(&p.server, "client", 6);
    tls_engine_close(p.server.engine);
    tls_ends_run(&p.client, &p.server, pieces[i]);
    assert_in(&p.server, "hello, server", 13);
    assert_in(&p.client, "hello, client", 13);
    assert_int_equal(p.client.ended, WS_EOF);
    close_pair(&p);
  }
}

static size_t output(const tls_end *e) {
  return bufq_len(tls_engine_output(e->engine));
}

static void test_small_pieces_share_a_record(void **state) {
  enum { PIECES = 500 };
  ws_buf bufs[PIECES];
  uint8_t data[PIECES * 3];
  size_t taken;
  pair p;
  (void) state;
  open_pair(&p, 0);
  for (size_t i = 0; i < PIECES; i++) {
    memset(data + i * 3, (int) (i & 0xff), 3);
    bufs[i] = (ws_buf){data + i * 3, 3};
  }
  assert_int_equal(tls_engine_write(p.client.engine, bufs, PIECES, 0, &taken), 0);
  assert_int_equal(taken, sizeof data);
  assert_in_range(output(&p.client), sizeof data + 1, sizeof data + 40);
  tls_ends_run(&p.client, &p.server, 0);
  assert_in(&p.server, data, sizeof data);
  close_pair(&p);
}

static void test_write_makes_one_batch_at_most(void **state) {
  pair p;
  size_t taken;
  (void) state;
  uint8_t *data = large_data();
  const ws_buf bufs[] = {{data, 1}, {data + 1, 0}, {data + 1, 4999}, {data + 5000, LARGE - 5000}};
  open_pair(&p, 0);
  for (size_t done = 0; done < LARGE; done += taken) {
    assert_int_equal(tls_engine_write(p.client.engine, bufs, 4, done, &taken), 0);
    assert_in_range(taken, 1, 65536);
    assert_in_range(output(&p.client), taken, 65536);
    tls_ends_run(&p.client, &p.server, 0);
  }
  assert_in(&p.server, data, LARGE);
  assert_int_equal(tls_engine_write(p.client.engine, bufs, 4, LARGE, &taken), 0);
  assert_int_equal(taken, 0);
  close_pair(&p);
  free(data);
}

static void test_what_is_not_eaten_can_be_kept(void **state) {
  pair p;
  fifo carried = {0};
  uint8_t room[4];
  (void) state;
  open_pair(&p, 0);
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
  close_pair(&p);
}

/* Beyond what mbedTLS has of its own. */
static void test_idle_engine_holds_next_to_nothing(void **state) {
  pair p;
  (void) state;
  begin(&p);
  tls_end_init(&p.client, p.client_ctx, host, PORT);
  tls_end_init(&p.server, p.server_ctx, NULL, 0);
  tls_ends_run(&p.client, &p.server, 0);
  tls_end_write(&p.client, "x", 1);
  tls_ends_run(&p.client, &p.server, 0);
  size_t with = alloc.live_bytes;
  tls_end_free(&p.client);
  assert_in_range(with - alloc.live_bytes, 1, sizeof(mbedtls_ssl_context) + 2048);
  tls_end_free(&p.server);
  finish(&p);
}

/* --- the end --- */

static void test_close_notify_is_a_clean_end(void **state) {
  pair p;
  (void) state;
  open_pair(&p, 0);
  tls_end_write(&p.server, "bye", 3);
  tls_engine_close(p.server.engine);
  tls_engine_close(p.server.engine);
  tls_ends_run(&p.client, &p.server, 0);
  assert_in(&p.client, "bye", 3);
  assert_int_equal(p.client.ended, WS_EOF);
  tls_end_write(&p.client, "bye", 3); /* our direction is still open */
  tls_ends_run(&p.client, &p.server, 0);
  assert_in(&p.server, "bye", 3);
  close_pair(&p);
}

static void test_end_without_close_notify_is_told_apart(void **state) {
  pair p;
  (void) state;
  open_pair(&p, 0);
  tls_end_write(&p.server, "bye", 3);
  tls_ends_run(&p.client, &p.server, 0);
  tls_end_eof(&p.client);
  assert_in(&p.client, "bye", 3);
  assert_int_equal(p.client.ended, WSUV_ETLSTRUNCATED);
  close_pair(&p);
}

/* --- whom to talk to --- */

/* The outcome of a handshake with a server of that certificate, signed by the authority that is
   trusted unless another is given. */
typedef struct trial {
  const char *name; /* that is connected to */
  int status;
  const char *text;
} trial;

static void try_chain(const cert *leaf, const trial *t) {
  pair p;
  begin_with(&p, leaf, NULL);
  connect_to(&p, t->name, PORT);
  tls_ends_run(&p.client, &p.server, 0);
  assert_int_equal(p.client.shaken, t->status);
  assert_string_equal(facts_of(&p.client).text, t->text);
  assert_int_equal(p.client.in.len, 0);
  /* A pin that stands alone is looked at when the server is done. */
  if (t->status != 0 && !config.verification_disabled) assert_int_not_equal(p.server.shaken, 0);
  close_pair(&p);
}

static void try_spec(const cert_spec *spec, cert *issuer, const trial *t) {
  cert leaf;
  cert_make(&leaf, spec, issuer);
  if (issuer == &middle || issuer == &no_ca) cert_append(&leaf, issuer);
  try_chain(&leaf, t);
  cert_free(&leaf);
}

#define MISMATCH "host name does not match"

static void test_names(void **state) {
  static const trial trials[] = {
      {"example.test", 0, ""},
      {"EXAMPLE.test", 0, ""},
      {"example.test.", 0, ""},
      {"a.wild.test", 0, ""},
      {"wild.test", WSUV_ETLSVERIFY, MISMATCH},
      {"a.b.wild.test", WSUV_ETLSVERIFY, MISMATCH},
      {"example.tes", WSUV_ETLSVERIFY, MISMATCH},
      {"x.example.test", WSUV_ETLSVERIFY, MISMATCH},
      {"server", WSUV_ETLSVERIFY, MISMATCH}, /* the common name, which counts no more */
      {"127.0.0.1", 0, ""},
      {"127.0.0.2", WSUV_ETLSVERIFY, MISMATCH},
      {"2001:db8::1", 0, ""},
      {"2001:db8:0:0::1", 0, ""},
      {"2001:db8::2", WSUV_ETLSVERIFY, MISMATCH},
      {"::ffff:127.0.0.1", WSUV_ETLSVERIFY, MISMATCH},
  };
  (void) state;
  for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) try_chain(&server, &trials[i]);
}

/* A name that looks like an address does not stand for it. */
static void test_address_in_a_name_is_no_address(void **state) {
  const cert_spec spec = {.name = "192.0.2.1", .hosts = {"*.0.2.1", "a.test"}};
  const trial t = {"192.0.2.1", WSUV_ETLSVERIFY, MISMATCH};
  (void) state;
  try_spec(&spec, &ca, &t);
}

static void test_other_name_can_be_asked_for(void **state) {
  const trial t = {"192.0.2.77", 0, ""};
  (void) state;
  config.server_name = "b.wild.test";
  try_chain(&server, &t);
}

static void test_bad_certificates(void **state) {
  const struct {
    cert_spec spec;
    cert *issuer;
    const char *text;
  } cases[] = {
      {{.name = "old", .hosts = {host}, .not_after = "20240101000000"},
       &ca,
       "certificate has expired"},
      {{.name = "new", .hosts = {host}, .not_before = "20980101000000"},
       &ca,
       "certificate is not valid yet"},
      {{.name = "foreign", .hosts = {host}}, &other_ca, "not signed by a trusted authority"},
      {{.name = "alone", .hosts = {host}}, NULL, "not signed by a trusted authority"},
      {{.name = "below", .hosts = {host}}, &no_ca, "not signed by a trusted authority"},
      {{.name = "weak", .hosts = {host}, .sha1 = true}, &ca, "signed with a weak hash"},
      {{.name = "short", .hosts = {host}, .short_key = true}, &ca, "key is too weak"},
      {{.name = "both", .hosts = {"other.test"}, .not_after = "20240101000000"},
       &ca,
       "certificate has expired; " MISMATCH},
  };
  (void) state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const trial t = {host, WSUV_ETLSVERIFY, cases[i].text};
    try_spec(&cases[i].spec, cases[i].issuer, &t);
  }
}

static void test_intermediate_is_used_and_missed(void **state) {
  const cert_spec spec = {.name = "leaf", .hosts = {host}};
  const trial good = {host, 0, ""};
  const trial missing = {host, WSUV_ETLSVERIFY, "not signed by a trusted authority"};
  cert leaf;
  (void) state;
  try_spec(&spec, &middle, &good);
  cert_make(&leaf, &spec, &middle);
  try_chain(&leaf, &missing);
  cert_free(&leaf);
}

static void test_self_signed_certificate_can_be_trusted(void **state) {
  const cert_spec spec = {.name = "alone", .hosts = {host}};
  const trial good = {host, 0, ""}, wrong = {"other.test", WSUV_ETLSVERIFY, MISMATCH};
  cert leaf;
  (void) state;
  cert_make(&leaf, &spec, NULL);
  trust(&leaf);
  try_chain(&leaf, &good);
  try_chain(&leaf, &wrong);
  cert_free(&leaf);
}

static void test_pins(void **state) {
  char first[64], second[64];
  const char *pins[] = {cert_pin(&ca, first), cert_pin(&server, second)};
  const trial good = {host, 0, ""};
  const trial wrong = {host, WSUV_ETLSPIN, "public key of the server is not among the pinned ones"};
  const trial both = {"other.test", WSUV_ETLSVERIFY, MISMATCH};
  (void) state;
  config.pins = pins;
  config.pin_count = 2;
  try_chain(&server, &good);
  config.pin_count = 1;
  try_chain(&server, &wrong);
  try_chain(&server, &both);
  config.verification_disabled = true;
  try_chain(&server, &wrong);
  config.pin_count = 2;
  try_chain(&server, &good);
}

static void test_verification_can_be_disabled(void **state) {
  const cert_spec spec = {.name = "x", .hosts = {"x.test"}, .not_after = "20240101000000"};
  cert leaf;
  pair p;
  (void) state;
  wsuv_tls_config_disable_verification(&config);
  cert_make(&leaf, &spec, NULL);
  begin_with(&p, &leaf, NULL);
  assert_false(tls_context_verifies(p.client_ctx));
  for (int i = 0; i < 2; i++) {
    connect_to(&p, host, PORT);
    tls_ends_run(&p.client, &p.server, 0);
    assert_int_equal(p.client.shaken, 0);
    assert_false(facts_of(&p.client).verified);
    assert_false(facts_of(&p.client).resumed);
    assert_true(facts_of(&p.client).verify_flags & MBEDTLS_X509_BADCERT_EXPIRED);
    assert_true(facts_of(&p.client).verify_flags & MBEDTLS_X509_BADCERT_CN_MISMATCH);
    disconnect(&p);
  }
  assert_int_equal(p.client_ctx->sessions.count, 0);
  finish(&p);
  cert_free(&leaf);
}

static void test_client_certificate(void **state) {
  pair p;
  (void) state;
  own(&client);
  begin_with(&p, &server, &ca);
  connect_to(&p, host, PORT);
  tls_ends_run(&p.client, &p.server, 0);
  assert_int_equal(p.client.shaken, 0);
  assert_int_equal(p.server.shaken, 0);
  tls_facts f = facts_of(&p.server);
  assert_int_equal(f.peer_cert_len, client.der_len);
  assert_memory_equal(f.peer_cert, client.der, client.der_len);
  close_pair(&p);
}

static void connect_refused(pair *p, int server_status) {
  connect_to(p, host, PORT);
  tls_ends_run(&p->client, &p->server, 0);
  assert_int_equal(p->server.shaken, server_status);
  tls_end_eof(&p->client);
}

static int client_status(const pair *p) {
  return p->client.shaken != 0 ? p->client.shaken : p->client.ended;
}

/* As a server, mbedTLS says nothing of it, and goes. That its alerts in TLS 1.3 come with keys that
   its own client does not expect is why alerts are tried with TLS 1.2. */
static void test_client_certificate_is_wanted(void **state) {
  pair p;
  (void) state;
  config.max_version = WSUV_TLS_1_2;
  begin_with(&p, &server, &ca);
  connect_refused(&p, WSUV_ETLS);
  assert_int_equal(client_status(&p), WSUV_ETLSTRUNCATED);
  assert_int_equal(facts_of(&p.server).library_error, -0x7480);
  close_pair(&p);
}

static void test_client_certificate_of_a_stranger(void **state) {
  pair p;
  (void) state;
  own(&client);
  config.max_version = WSUV_TLS_1_2;
  begin_with(&p, &server, &other_ca);
  connect_refused(&p, WSUV_ETLSVERIFY);
  assert_int_equal(client_status(&p), WSUV_ETLS);
  assert_string_equal(facts_of(&p.client).text, "alert of the peer: unknown certificate authority");
  close_pair(&p);
}

static void test_server_is_told_why(void **state) {
  pair p;
  (void) state;
  trust(&other_ca);
  config.max_version = WSUV_TLS_1_2;
  begin(&p);
  connect_to(&p, host, PORT);
  tls_ends_run(&p.client, &p.server, 0);
  assert_int_equal(p.client.shaken, WSUV_ETLSVERIFY);
  assert_string_equal(facts_of(&p.server).text, "alert of the peer: unknown certificate authority");
  close_pair(&p);
}

/* --- resumption --- */

static bool resumes(pair *p, const char *name, uint16_t port) {
  connect_to(p, name, port);
  tls_ends_run(&p->client, &p->server, 0);
  tls_end_write(&p->server, "ok", 2); /* and behind the tickets of TLS 1.3 */
  tls_ends_run(&p->client, &p->server, 0);
  assert_int_equal(p->client.shaken, 0);
  assert_in(&p->client, "ok", 2);
  assert_true(facts_of(&p->client).verified);
  bool resumed = facts_of(&p->client).resumed;
  disconnect(p);
  return resumed;
}

static void resume_by(wsuv_tls_version_t version) {
  pair p;
  config.max_version = version;
  begin(&p);
  assert_false(resumes(&p, host, PORT));
  for (int i = 0; i < 3; i++) assert_true(resumes(&p, host, PORT));
  assert_false(resumes(&p, "a.wild.test", PORT));
  assert_false(resumes(&p, host, PORT + 1));
  assert_true(resumes(&p, host, PORT));
  finish(&p);
}

static void test_sessions_are_resumed(void **state) {
  (void) state;
  resume_by(WSUV_TLS_1_2);
  resume_by(WSUV_TLS_ANY);
}

static void test_resumption_can_be_switched_off(void **state) {
  pair p;
  (void) state;
  config.resumption = false;
  begin(&p);
  assert_false(resumes(&p, host, PORT));
  assert_false(resumes(&p, host, PORT));
  assert_int_equal(p.client_ctx->sessions.count, 0);
  finish(&p);
}

static void test_resumed_session_with_pins(void **state) {
  char text[64];
  const char *pins[] = {cert_pin(&server, text)};
  pair p;
  (void) state;
  config.pins = pins;
  config.pin_count = 1;
  begin(&p);
  assert_false(resumes(&p, host, PORT));
  assert_true(resumes(&p, host, PORT));
  finish(&p);
}

/* A server that has lost its keys makes a whole handshake, and looks no worse for it. */
static void test_server_that_has_forgotten(void **state) {
  pair p;
  (void) state;
  begin(&p);
  assert_false(resumes(&p, host, PORT));
  tls_context_unref(p.server_ctx);
  p.server_ctx = tls_server_context(&alloc.handle, &server, NULL);
  assert_false(resumes(&p, host, PORT));
  assert_true(resumes(&p, host, PORT));
  finish(&p);
}

/* Another server with the same name must still show a good certificate. */
static void test_offered_session_does_not_stand_for_a_certificate(void **state) {
  const cert_spec spec = {.name = "thief", .hosts = {host}};
  cert thief;
  pair p;
  (void) state;
  cert_make(&thief, &spec, &other_ca);
  begin(&p);
  assert_false(resumes(&p, host, PORT));
  tls_context_unref(p.server_ctx);
  p.server_ctx = tls_server_context(&alloc.handle, &thief, NULL);
  connect_to(&p, host, PORT);
  tls_ends_run(&p.client, &p.server, 0);
  assert_int_equal(p.client.shaken, WSUV_ETLSVERIFY);
  disconnect(&p);
  assert_int_equal(p.client_ctx->sessions.count, 0);
  finish(&p);
  cert_free(&thief);
}

static tls_session *only_session(pair *p) {
  tls_session *session = tls_sessions_find(&p->client_ctx->sessions, host, PORT);
  assert_non_null(session);
  return session;
}

static void test_session_of_another_library_is_a_miss(void **state) {
  pair p;
  (void) state;
  begin(&p);
  assert_false(resumes(&p, host, PORT));
  tls_session *session = only_session(&p);
  for (size_t i = 0; i < session->len; i++)
    session->data[i] ^= i < sizeof(mbedtls_x509_time) ? 0 : 1;
  assert_false(resumes(&p, host, PORT));
  assert_true(resumes(&p, host, PORT));
  finish(&p);
}

static void test_session_does_not_outlive_the_certificate(void **state) {
  const mbedtls_x509_time past = {.year = 2024, .mon = 1, .day = 1};
  pair p;
  (void) state;
  begin(&p);
  assert_false(resumes(&p, host, PORT));
  memcpy(only_session(&p)->data, &past, sizeof past);
  assert_false(resumes(&p, host, PORT));
  finish(&p);
}

/* --- strangers --- */

static void test_plain_http_in_reply(void **state) {
  static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
  pair p;
  (void) state;
  begin(&p);
  connect_to(&p, host, PORT);
  tls_end_step(&p.client);
  tls_end_feed(&p.client, text, sizeof text - 1, 0);
  assert_int_equal(p.client.shaken, WSUV_ETLS);
  assert_string_equal(facts_of(&p.client).text,
                      "the peer does not speak TLS: it answers in plain HTTP");
  close_pair(&p);
}

static void test_alert_in_place_of_an_answer(void **state) {
  static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 112}; /* unrecognized_name */
  pair p;
  (void) state;
  begin(&p);
  connect_to(&p, host, PORT);
  tls_end_step(&p.client);
  tls_end_feed(&p.client, alert, sizeof alert, 1);
  assert_int_equal(p.client.shaken, WSUV_ETLS);
  assert_string_equal(facts_of(&p.client).text, "alert of the peer: unrecognized name");
  close_pair(&p);
}

/* F33: whoever is silent in the middle of a flight is waited for. */
static void test_stall_in_every_flight(void **state) {
  pair p;
  (void) state;
  begin(&p);
  for (uint64_t n = 0; n < 1200; n += 97) {
    connect_to(&p, host, PORT);
    tls_ends_run_until(&p.server, &p.client, n);
    if (p.client.ate < n) n = 1200;
    for (int i = 0; i < 3; i++) tls_end_step(&p.client);
    assert_true(p.client.shaken == WS_EAGAIN || p.client.shaken == 0);
    assert_int_equal(p.client.ended, 0);
    disconnect(&p);
  }
  finish(&p);
}

/* A bit is turned in a record of data. */
static void test_changed_bytes_are_noticed(void **state) {
  (void) state;
  for (size_t at = 0; at < 30; at++) {
    pair p;
    fifo carried = {0};
    open_pair(&p, 0);
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
    close_pair(&p);
  }
}

/* F33: an alert may come at any time. */
static void test_alert_in_an_open_session(void **state) {
  pair p;
  fifo carried = {0};
  (void) state;
  open_pair(&p, 0);
  tls_end_write(&p.client, "hello", 5);
  tls_end_take(&p.client, &carried, SIZE_MAX);
  fifo_data(&carried)[carried.len - 1] ^= 1;
  tls_end_feed(&p.server, fifo_data(&carried), carried.len, 0);
  assert_int_equal(p.server.ended, WSUV_ETLS);
  tls_ends_run(&p.server, &p.client, 0);
  assert_int_equal(p.client.ended, WSUV_ETLS);
  assert_string_equal(facts_of(&p.client).text, "alert of the peer: bad record MAC");
  fifo_free(&carried);
  close_pair(&p);
}

static void test_nothing_goes_on_after_a_failure(void **state) {
  size_t taken;
  pair p;
  (void) state;
  open_pair(&p, 0);
  tls_end_feed(&p.client, "no record of TLS at all", 23, 0);
  assert_int_equal(p.client.ended, WSUV_ETLS);
  const ws_buf buf = {(uint8_t *) (uintptr_t) "x", 1};
  assert_int_equal(tls_engine_write(p.client.engine, &buf, 1, 0, &taken), WSUV_ETLS);
  assert_int_equal(taken, 0);
  close_pair(&p);
}

/* F31: what is written while the server's tickets lie there unread. */
static void test_writing_between_tickets(void **state) {
  pair p;
  fifo carried = {0};
  (void) state;
  begin(&p);
  connect_to(&p, host, PORT);
  while (p.server.shaken != 0) {
    tls_end_step(&p.client);
    tls_end_take(&p.client, &carried, SIZE_MAX);
    tls_end_feed(&p.server, fifo_data(&carried), carried.len, 0);
    fifo_consume(&carried, carried.len);
    if (p.server.shaken == 0) break;
    tls_end_take(&p.server, &carried, SIZE_MAX);
    tls_end_feed(&p.client, fifo_data(&carried), carried.len, 0);
    fifo_consume(&carried, carried.len);
  }
  tls_end_write(&p.server, "hello", 5);
  tls_end_take(&p.server, &carried, SIZE_MAX);
  for (size_t n = 0; n < carried.len; n++) {
    tls_end_feed(&p.client, fifo_data(&carried) + n, 1, 0);
    if (p.client.shaken == 0) tls_end_write(&p.client, "x", 1);
  }
  assert_in(&p.client, "hello", 5);
  size_t written = carried.len;
  fifo_consume(&carried, carried.len);
  tls_end_take(&p.client, &carried, SIZE_MAX);
  tls_end_feed(&p.server, fifo_data(&carried), carried.len, 0);
  assert_in_range(p.server.in.len, 1, written);
  fifo_free(&carried);
  close_pair(&p);
}

/* --- a server that wants to negotiate again --- */

#if defined(MBEDTLS_SSL_RENEGOTIATION)

typedef struct raw_server {
  mbedtls_ssl_context ssl;
  fifo in, out;
} raw_server;

static int raw_send(void *arg, const unsigned char *data, size_t len) {
  raw_server *s = arg;
  fifo_append(&s->out, data, len);
  return (int) len;
}

static int raw_recv(void *arg, unsigned char *to, size_t len) {
  raw_server *s = arg;
  if (len > s->in.len) len = s->in.len;
  if (len == 0) return MBEDTLS_ERR_SSL_WANT_READ;
  memcpy(to, fifo_data(&s->in), len);
  fifo_consume(&s->in, len);
  return (int) len;
}

/* What the client has to say to what the server has said. */
static size_t raw_carry(raw_server *s, tls_end *to) {
  tls_end_feed(to, fifo_data(&s->out), s->out.len, 0);
  fifo_consume(&s->out, s->out.len);
  tls_end_step(to);
  size_t before = s->in.len;
  tls_end_take(to, &s->in, SIZE_MAX);
  return s->in.len - before;
}

/* F35: it is told no, by an alert, and the session goes on. */
static void test_no_renegotiation(void **state) {
  pair p;
  raw_server s = {.in = {0}};
  uint8_t room[16];
  (void) state;
  config.max_version = WSUV_TLS_1_2;
  begin(&p);
  tls_end_init(&p.client, p.client_ctx, host, PORT);
  mbedtls_ssl_conf_renegotiation(&p.server_ctx->conf, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
  mbedtls_ssl_init(&s.ssl);
  assert_int_equal(mbedtls_ssl_setup(&s.ssl, &p.server_ctx->conf), 0);
  mbedtls_ssl_set_bio(&s.ssl, &s, raw_send, raw_recv, NULL);
  do (void) raw_carry(&s, &p.client);
  while (mbedtls_ssl_handshake(&s.ssl) == MBEDTLS_ERR_SSL_WANT_READ);
  (void) raw_carry(&s, &p.client);
  assert_int_equal(p.client.shaken, 0);
  assert_int_equal(mbedtls_ssl_renegotiate(&s.ssl), 0);
  assert_in_range(raw_carry(&s, &p.client), 7, 64); /* no ClientHello has room there */
  assert_int_equal(mbedtls_ssl_read(&s.ssl, room, sizeof room), MBEDTLS_ERR_SSL_WANT_READ);
  assert_int_equal(mbedtls_ssl_write(&s.ssl, (const unsigned char *) "still here", 10), 10);
  (void) raw_carry(&s, &p.client);
  assert_in(&p.client, "still here", 10);
  assert_int_equal(p.client.ended, 0);
  mbedtls_ssl_free(&s.ssl);
  fifo_free(&s.in);
  fifo_free(&s.out);
  tls_end_free(&p.client);
  finish(&p);
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

static void test_key_log(void **state) {
  char path[] = P_tmpdir "/wsuv-keylog-XXXXXX", text[4096];
  pair p;
  (void) state;
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  (void) close(fd);
  config.keylog_file = path;
  open_pair(&p, 0);
  close_pair(&p);
  read_file(path, text, sizeof text);
  (void) unlink(path);
  if (tls_mbed_has_1_3()) {
    assert_non_null(strstr(text, "CLIENT_HANDSHAKE_TRAFFIC_SECRET "));
    assert_non_null(strstr(text, "SERVER_TRAFFIC_SECRET_0 "));
  } else {
    assert_int_equal(strlen(text), 14 + 64 + 1 + 96 + 1);
    assert_memory_equal(text, "CLIENT_RANDOM ", 14);
  }
}

/* --- without memory --- */

static bool try_session(void) {
  tls_failure failure;
  tls_context *ctx;
  tls_engine *e = NULL;
  int err = tls_context_new(&ctx, &alloc.handle, &config, TLS_CLIENT, &failure);
  if (err == 0) {
    err = tls_engine_new(&e, ctx, host, PORT);
    if (err == 0) err = tls_engine_handshake(e);
    tls_engine_free(e);
    tls_context_unref(ctx);
  }
  assert_int_equal(alloc.live, 0);
  assert_true(err == WS_EAGAIN || err == WS_ENOMEM);
  return err == WS_EAGAIN;
}

/* F46 */
static void test_without_memory_of_ours(void **state) {
  (void) state;
  for (int for_ever = 0; for_ever < 2; for_ever++) {
    bool done = false;
    alloc.fail_for_ever = for_ever != 0;
    for (uint64_t n = 1; !done; n++) {
      alloc.fail_at = alloc.calls + n;
      done = try_session();
      alloc.fail_at = 0;
    }
  }
}

static void test_keep_without_memory_is_told_to_the_reader(void **state) {
  pair p;
  fifo carried = {0};
  uint8_t room[1];
  (void) state;
  open_pair(&p, 0);
  for (int i = 0; i < 2; i++) tls_end_write(&p.server, "ab", 2);
  tls_end_take(&p.server, &carried, SIZE_MAX);
  tls_engine_feed(p.client.engine, fifo_data(&carried), carried.len);
  assert_int_equal(tls_engine_read(p.client.engine, room, 1), 1);
  alloc.fail_at = alloc.calls + 1;
  assert_int_equal(tls_engine_keep(p.client.engine), WS_ENOMEM);
  assert_true(tls_engine_pending(p.client.engine));
  assert_int_equal(tls_engine_read(p.client.engine, room, 1), WS_ENOMEM);
  fifo_free(&carried);
  close_pair(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, before, after)

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(test_handshake_and_its_facts),
    TEST(test_no_facts_before_the_handshake),
    TEST(test_version_can_be_held_down),
    TEST(test_named_suite_is_used),
    TEST(test_no_common_suite),
    TEST(test_no_alpn),
    TEST(test_alpn_that_the_server_does_not_have),
    TEST(test_data_both_ways),
    TEST(test_bytes_in_pieces_of_any_size),
    TEST(test_small_pieces_share_a_record),
    TEST(test_write_makes_one_batch_at_most),
    TEST(test_what_is_not_eaten_can_be_kept),
    TEST(test_idle_engine_holds_next_to_nothing),
    TEST(test_close_notify_is_a_clean_end),
    TEST(test_end_without_close_notify_is_told_apart),
    TEST(test_names),
    TEST(test_address_in_a_name_is_no_address),
    TEST(test_other_name_can_be_asked_for),
    TEST(test_bad_certificates),
    TEST(test_intermediate_is_used_and_missed),
    TEST(test_self_signed_certificate_can_be_trusted),
    TEST(test_pins),
    TEST(test_verification_can_be_disabled),
    TEST(test_client_certificate),
    TEST(test_client_certificate_is_wanted),
    TEST(test_client_certificate_of_a_stranger),
    TEST(test_server_is_told_why),
    TEST(test_sessions_are_resumed),
    TEST(test_resumption_can_be_switched_off),
    TEST(test_resumed_session_with_pins),
    TEST(test_server_that_has_forgotten),
    TEST(test_offered_session_does_not_stand_for_a_certificate),
    TEST(test_session_of_another_library_is_a_miss),
    TEST(test_session_does_not_outlive_the_certificate),
    TEST(test_plain_http_in_reply),
    TEST(test_alert_in_place_of_an_answer),
    TEST(test_stall_in_every_flight),
    TEST(test_changed_bytes_are_noticed),
    TEST(test_alert_in_an_open_session),
    TEST(test_nothing_goes_on_after_a_failure),
    TEST(test_writing_between_tickets),
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    TEST(test_no_renegotiation),
#endif
    TEST(test_key_log),
    TEST(test_without_memory_of_ours),
    TEST(test_keep_without_memory_is_told_to_the_reader),
  };
  return cmocka_run_group_tests_name("unit/tls_engine", tests, make_certs, free_certs);
}
