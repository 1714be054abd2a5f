/* F34: memory that fails inside the TLS library never makes a session that was not verified, and
   leaks nothing. mbedTLS takes it from the C library, so it is linked statically, with calloc() in
   our hands; OpenSSL can be given other functions.

   A handshake with arithmetic on curves asks for memory some 15,000 times, nearly all of it for
   numbers: behind the first EACH one in STEP is tried. WSUV_TORTURE_STEP=1 tries all, in minutes.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#if defined(TORTURE_OPENSSL)
#include <openssl/crypto.h>

#include "net/tls/openssl/ossl_internal.h"
#else
#include "net/tls/mbedtls/mbed_internal.h"
#endif
#include "support/revocation.h"
#include "support/stride.h"
#include "support/test.h"
#include "support/tls_ends.h"
#include "support/tls_inside.h"
#include "testkit/track_alloc.h"

enum { STEP = 211, EACH = 120, PORT = 443 };

/* Where a certificate is refused. OpenSSL asks less often, so each one is tried. */
#if defined(TORTURE_OPENSSL)
enum { STEP_REFUSED = 1 };
#else
enum { STEP_REFUSED = STEP };
#endif

static uint64_t calls, fail_at; /* of the functions that give memory; 0: none fails */
static bool fail_for_ever;
static uint64_t failed;

static bool fails_now(void) {
  calls++;
  bool fails = fail_at != 0 && (calls == fail_at || (fail_for_ever && calls > fail_at));
  if (fails) failed++;
  return fails;
}

#if defined(TORTURE_OPENSSL)

static void *on_malloc(size_t size, const char *file, int line) {
  (void) file;
  (void) line;
  return fails_now() ? NULL : malloc(size);
}

static void *on_realloc(void *old, size_t size, const char *file, int line) {
  (void) file;
  (void) line;
  return fails_now() ? NULL : realloc(old, size);
}

static void on_free(void *p, const char *file, int line) {
  (void) file;
  (void) line;
  free(p);
}

/* OpenSSL does not try its own start a second time. */
static int take_over_memory(void) {
  if (CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free) != 1) return -1;
  return OPENSSL_init_ssl(0, NULL) == 1 ? 0 : -1;
}

static size_t own_count(tls_context *ctx) {
  return ossl_context_of(ctx)->own.count;
}

#else

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size) {
  return fails_now() ? NULL : __real_calloc(count, size);
}

static int take_over_memory(void) {
  return 0; /* the linker has done it */
}

static size_t own_count(tls_context *ctx) {
  return mbed_context_of(ctx)->own.count;
}

#endif

/* Only what one end does counts, and fails: the client, unless a test says the server. */
static uint64_t own_calls, own_fails;
static bool fails_server;

static void begin(bool server) {
  if (server != fails_server) return;
  calls = own_calls;
  fail_at = own_fails;
}

static void rest(bool server) {
  if (server != fails_server) return;
  own_calls = calls;
  fail_at = 0;
}

static void fail_own_at(uint64_t n) {
  own_calls = failed = 0;
  own_fails = n;
}

static const char host[] = "example.test";
static cert ca, good, foreign, narrow_ca, outside, neighbour;
static track_alloc alloc;
static wsuv_tls_config_t config;

static int make_certs(void **state) {
  const cert_spec authority = {.name = "authority", .ca = true};
  const cert_spec leaf = {.name = "server", .hosts = {host}};
  const cert_spec narrow = {.name = "narrow", .ca = true, .excludes = {"a.example.test"}};
  const cert_spec wild = {.name = "server", .hosts = {host, "*.example.test"}};
  const cert_spec beside = {.name = "neighbour", .hosts = {"a.test", "b.test", "*.c.test"}};
  (void) state;
  if (take_over_memory() != 0) return -1;
  cert_make(&ca, &authority, NULL);
  cert_make(&good, &leaf, &ca);
  cert_make(&foreign, &leaf, NULL);
  cert_make(&narrow_ca, &narrow, NULL);
  cert_make(&outside, &wild, &narrow_ca);
  cert_make(&neighbour, &beside, &ca);
  wsuv_tls_config_init(&config);
  config.library = test_library(WS_CLIENT);
  config.ca_pem = ca.pem;
  config.ca_pem_len = strlen(ca.pem);
  return 0;
}

static int free_certs(void **state) {
  (void) state;
  cert_free(&ca);
  cert_free(&good);
  cert_free(&foreign);
  cert_free(&narrow_ca);
  cert_free(&outside);
  cert_free(&neighbour);
  return 0;
}

static int before(void **state) {
  (void) state;
  track_alloc_init(&alloc);
  return 0;
}

static int after(void **state) {
  (void) state;
  return alloc.live == 0 ? 0 : -1;
}

static tls_context *client_context(void) {
  tls_failure failure;
  tls_context *ctx;
  assert_int_equal(tls_loaded_context(&ctx, &alloc.handle, &config, WS_CLIENT, &failure), 0);
  return ctx;
}

/* --- one session --- */

static bool carry(tls_end *from, tls_end *to) {
  fifo carried = {0};
  tls_end_take(from, &carried, SIZE_MAX);
  bool moved = carried.len > 0;
  tls_end_feed(to, fifo_data(&carried), carried.len, 0);
  fifo_free(&carried);
  return moved;
}

static void run(tls_end *client, tls_end *server) {
  bool moved = true;
  begin(false);
  tls_end_step(client);
  rest(false);
  while (moved) {
    begin(true);
    moved = carry(client, server);
    rest(true);
    begin(false);
    moved = carry(server, client) || moved;
    rest(false);
  }
}

/* What became of the handshake of the end that fails. Whoever opens has verified the other, if it
   has to. */
static int try_session(tls_context *ctx, tls_context *server_ctx, uint64_t n) {
  tls_end client = {.shaken = WS_EAGAIN}, server = {.shaken = WS_EAGAIN};
  const tls_end *own = fails_server ? &server : &client;
  tls_info facts;
  fail_own_at(n);
  begin(false);
  int err = tls_engine_new(&client.engine, ctx, host, PORT);
  rest(false);
  begin(true);
  if (err == 0) err = tls_engine_new(&server.engine, server_ctx, NULL, 0);
  rest(true);
  if (err == 0) {
    run(&client, &server);
    tls_engine_info(own->engine, &facts);
    bool verifies = tls_context_verifies(fails_server ? server_ctx : ctx);
    assert_true(own->shaken != 0 || facts.verified == verifies);
    assert_true(own->shaken != 0 || facts.verify_flags == 0);
    err = own->shaken;
  }
  tls_end_free(&client);
  tls_end_free(&server);
  return err;
}

static uint64_t next_by(uint64_t n, uint64_t step) {
  const char *other = getenv("WSUV_TORTURE_STEP");
  if (other != NULL) step = strtoull(other, NULL, 10);
  return n + stride() * (n < EACH ? 1 : step);
}

static uint64_t next(uint64_t n) {
  return next_by(n, STEP);
}

/* --- claims --- */

static void never_open(const cert *server, bool for_ever) {
  tls_context *ctx = client_context(),
              *server_ctx = tls_server_context(&alloc.handle, server, NULL);
  fail_for_ever = for_ever;
  failed = 1;
  for (uint64_t n = 1; failed > 0; n = next_by(n, STEP_REFUSED)) {
    int err = try_session(ctx, server_ctx, n);
    assert_true(err < 0 && err != WS_EAGAIN);
    if (failed == 0) assert_int_equal(err, WSUV_ETLSVERIFY);
  }
  tls_context_unref(ctx);
  tls_context_unref(server_ctx);
}

TEST_AROUND_ALL(files, make_certs, free_certs)

TEST_AROUND_EACH(before, after)

TEST(test_bad_certificate_never_passes) {
  never_open(&foreign, false);
  never_open(&foreign, true);
}

/* Its wildcard stands for a name that its authority may not sign. */
TEST(test_excluded_wildcard_never_passes) {
  config.ca_pem = narrow_ca.pem;
  config.ca_pem_len = strlen(narrow_ca.pem);
  never_open(&outside, false);
  config.ca_pem = ca.pem;
  config.ca_pem_len = strlen(ca.pem);
}

/* It is in a list of its issuer, which is there; or that list is not there. */
static void never_open_by(const crl_spec *spec) {
  revocation list;
  crl_make(&list, spec);
  config.crl_pem = list.pem;
  config.crl_pem_len = strlen(list.pem);
  never_open(&good, false);
  never_open(&good, true);
  config.crl_pem = NULL;
  config.crl_pem_len = 0;
}

TEST(test_revoked_certificate_never_passes) {
  const crl_spec with = {.signer = &ca, .revoked = {&good}}, without = {.signer = &narrow_ca};
  never_open_by(&with);
  never_open_by(&without);
}

#if defined(TORTURE_OPENSSL)

static void never_open_with(const ocsp_spec *spec) {
  const ocsp_spec fine = {.leaf = &good, .issuer = &ca, .signer = &ca};
  revocation response;
  tls_failure failure;
  wsuv_tls_config_t own;
  tls_context *server_ctx, *ctx = client_context();
  wsuv_tls_config_init(&own);
  own.library = test_library(WS_SERVER);
  own.cert_pem = good.pem;
  own.cert_pem_len = strlen(good.pem);
  own.key_pem = good.key_pem;
  own.key_pem_len = strlen(good.key_pem);
  ocsp_make(&response, &fine);
  own.ocsp_der = response.der;
  own.ocsp_der_len = response.der_len;
  assert_int_equal(tls_loaded_context(&server_ctx, &alloc.handle, &own, WS_SERVER, &failure), 0);
  ocsp_make(&response, spec);
  tls_inside_staple(server_ctx, response.der, response.der_len);
  fail_for_ever = false;
  failed = 1;
  for (uint64_t n = 1; failed > 0; n = next_by(n, STEP_REFUSED)) {
    int err = try_session(ctx, server_ctx, n);
    assert_true(err < 0 && err != WS_EAGAIN);
    bool refused = err == WSUV_ETLSOCSP || err == WSUV_ETLSVERIFY;
    if (failed == 0) assert_true(refused);
  }
  tls_context_unref(ctx);
  tls_context_unref(server_ctx);
}

/* Whether it says so, says nothing that can be believed, or is not there. */
TEST(test_response_that_is_not_good_never_passes) {
  const ocsp_spec revoked = {.leaf = &good, .issuer = &ca, .signer = &ca, .status = OCSP_REVOKED};
  const ocsp_spec spoilt = {.leaf = &good, .issuer = &ca, .signer = &ca, .spoilt = true};
  const ocsp_spec error = {.signer = &ca, .error = 3};
  never_open_with(&revoked);
  never_open_with(&spoilt);
  config.ocsp = WSUV_TLS_OCSP_REQUIRE;
  never_open_with(&error);
  config.ocsp = WSUV_TLS_OCSP_CHECK;
}

/* A responder has signed it that is in a list of its issuer's. */
TEST(test_response_of_a_revoked_responder_never_passes) {
  const cert_spec spec = {.name = "responder", .for_ocsp = true};
  cert responder;
  cert_make(&responder, &spec, &ca);
  const ocsp_spec response = {
      .leaf = &good, .issuer = &ca, .signer = &responder, .shown = &responder};
  const crl_spec with = {.signer = &ca, .revoked = {&responder}};
  revocation list;
  crl_make(&list, &with);
  config.crl_pem = list.pem;
  config.crl_pem_len = strlen(list.pem);
  never_open_with(&response);
  config.crl_pem = NULL;
  config.crl_pem_len = 0;
  cert_free(&responder);
}

#endif

/* Open with a good one, or not at all: never waiting for ever. */
TEST(test_good_certificate_passes_or_fails) {
  config.resumption = false;
  tls_context *ctx = client_context(), *server_ctx = tls_server_context(&alloc.handle, &good, NULL);
  fail_for_ever = false;
  failed = 1;
  for (uint64_t n = 1; failed > 0; n = next(n)) {
    int err = try_session(ctx, server_ctx, n);
    assert_int_not_equal(err, WS_EAGAIN);
    if (failed == 0) assert_int_equal(err, 0);
  }
  config.resumption = true;
  tls_context_unref(ctx);
  tls_context_unref(server_ctx);
}

/* A handshake that resumes; where the session cannot be read, a whole one takes its
   place. */
TEST(test_resumed_session_passes_or_fails) {
  tls_context *ctx = client_context(), *server_ctx = tls_server_context(&alloc.handle, &good, NULL);
  fail_for_ever = false;
  failed = 1;
  for (uint64_t n = 1; failed > 0; n = next(n)) {
    assert_int_equal(try_session(ctx, server_ctx, 0), 0);
    (void) try_session(ctx, server_ctx, n);
  }
  tls_context_unref(ctx);
  tls_context_unref(server_ctx);
}

/* --- a server --- */

/* Its client has a certificate, valid or not. */
static void try_server(const cert *clients, const cert *clients_ca, int status) {
  wsuv_tls_config_t before_it = config;
  if (clients != NULL) {
    config.cert_pem = clients->pem;
    config.cert_pem_len = strlen(clients->pem);
    config.key_pem = clients->key_pem;
    config.key_pem_len = strlen(clients->key_pem);
  }
  config.resumption = false;
  tls_context *ctx = client_context();
  tls_context *server_ctx = tls_server_context(&alloc.handle, &good, clients_ca);
  config = before_it;
  fails_server = true;
  fail_for_ever = false;
  failed = 1;
  for (uint64_t n = 1; failed > 0; n = next(n)) {
    int err = try_session(ctx, server_ctx, n);
    assert_true(failed > 0 || err == status);
    /* A client that has failed for want of the server's answer leaves the server waiting. */
    assert_true(err <= 0 && (status == 0 || err < 0));
  }
  fails_server = false;
  tls_context_unref(ctx);
  tls_context_unref(server_ctx);
}

TEST(test_server_opens_or_fails) {
  try_server(NULL, NULL, 0);
}

TEST(test_server_with_client_certificates_opens_or_fails) {
  try_server(&good, &ca, 0);
}

TEST(test_bad_client_certificate_never_passes) {
  try_server(&foreign, &ca, WSUV_ETLSVERIFY);
}

/* How often a server asks for memory in a handshake, when it has so many certificates for other
   names and one for this name. */
static uint64_t calls_with(size_t others) {
  enum { MOST = 64 };
  static wsuv_tls_cert_t more[MOST];
  const wsuv_tls_cert_t *list[MOST];
  wsuv_tls_config_t own;
  tls_failure failure;
  tls_context *server_ctx, *ctx = client_context();
  wsuv_tls_config_init(&own);
  own.library = test_library(WS_SERVER);
  for (size_t i = 0; i <= others; i++) {
    const cert *c = i < others ? &neighbour : &good;
    wsuv_tls_cert_init(&more[i]);
    more[i].cert_pem = c->pem;
    more[i].cert_pem_len = strlen(c->pem);
    more[i].key_pem = c->key_pem;
    more[i].key_pem_len = strlen(c->key_pem);
    list[i] = &more[i];
  }
  own.cert_pem = neighbour.pem;
  own.cert_pem_len = strlen(neighbour.pem);
  own.key_pem = neighbour.key_pem;
  own.key_pem_len = strlen(neighbour.key_pem);
  own.certs = list;
  own.cert_count = others + 1;
  assert_int_equal(tls_loaded_context(&server_ctx, &alloc.handle, &own, WS_SERVER, &failure), 0);
  fails_server = true;
  assert_int_equal(try_session(ctx, server_ctx, 0), 0);
  fails_server = false;
  tls_context_unref(ctx);
  tls_context_unref(server_ctx);
  return own_calls;
}

/* A handshake does not cost more where there are many certificates: none is parsed again. */
TEST(test_certificates_for_other_names_cost_no_memory) {
  const uint64_t few = calls_with(1), many = calls_with(50);
  assert_in_range(many, 0, few + 49);
}

/* The ticket is read, or a whole handshake takes its place. */
TEST(test_server_resumes_or_fails) {
  tls_context *ctx = client_context(), *server_ctx = tls_server_context(&alloc.handle, &good, NULL);
  fail_for_ever = false;
  failed = 1;
  for (uint64_t n = 1; failed > 0; n = next(n)) {
    assert_int_equal(try_session(ctx, server_ctx, 0), 0);
    fails_server = true;
    int err = try_session(ctx, server_ctx, n);
    fails_server = false;
    assert_true(err <= 0);
  }
  tls_context_unref(ctx);
  tls_context_unref(server_ctx);
}

/* With two certificates, and the one for the name is not the first: it is shown, or none is. */
TEST(test_server_never_shows_another_certificate_for_want_of_memory) {
  const wsuv_tls_cert_t second = {.size = sizeof second,
                                  .cert_pem = good.pem,
                                  .cert_pem_len = strlen(good.pem),
                                  .key_pem = good.key_pem,
                                  .key_pem_len = strlen(good.key_pem)};
  const wsuv_tls_cert_t *const list[] = {&second};
  wsuv_tls_config_t two;
  tls_context *ctx, *server_ctx;
  tls_failure failure;
  wsuv_tls_config_init(&two);
  two.library = test_library(WS_SERVER);
  two.cert_pem = ca.pem;
  two.cert_pem_len = strlen(ca.pem);
  two.key_pem = ca.key_pem;
  two.key_pem_len = strlen(ca.key_pem);
  two.certs = list;
  two.cert_count = 1;
  two.resumption = false;
  assert_int_equal(tls_loaded_context(&server_ctx, &alloc.handle, &two, WS_SERVER, &failure), 0);
  ctx = client_context();
  fails_server = true;
  fail_for_ever = false;
  failed = 1;
  for (uint64_t n = 1; failed > 0 && n < EACH; n++) {
    tls_end client, server = {.shaken = WS_EAGAIN};
    fail_own_at(n);
    tls_end_init(&client, ctx, host, PORT);
    begin(true);
    int err = tls_engine_new(&server.engine, server_ctx, NULL, 0);
    rest(true);
    if (err == 0) run(&client, &server);
    assert_int_not_equal(client.shaken, WSUV_ETLSVERIFY);
    tls_end_free(&client);
    tls_end_free(&server);
  }
  fails_server = false;
  tls_context_unref(ctx);
  tls_context_unref(server_ctx);
}

/* F63. A client that connects and says nothing costs none of the library's memory. */
TEST(test_silent_client_costs_nothing_of_the_library) {
  tls_context *server_ctx = tls_server_context(&alloc.handle, &good, NULL);
  tls_end server;
  uint64_t before_it = calls;
  tls_end_init(&server, server_ctx, NULL, 0);
  tls_end_step(&server);
  assert_int_equal(server.shaken, WS_EAGAIN);
  assert_int_equal(calls, before_it);
  tls_end_feed(&server, "\x16", 1, 0);
  assert_true(calls > before_it);
  tls_end_free(&server);
  tls_context_unref(server_ctx);
}

/* F54. It trusts all that it was told to, for good. */
TEST(test_context_is_made_or_refused) {
  bool done = false;
  char both[2 * CERT_PEM_SIZE];
  int len = snprintf(both, sizeof both, "%s%s", ca.pem, foreign.pem);
  config.ca_pem = both;
  config.ca_pem_len = (size_t) len;
  fail_for_ever = false;
  for (uint64_t n = 1; !done; n++) {
    tls_failure failure;
    tls_context *ctx = NULL;
    fail_own_at(n);
    begin(false);
    int err = tls_loaded_context(&ctx, &alloc.handle, &config, WS_CLIENT, &failure);
    rest(false);
    done = failed == 0;
    assert_true(err == 0 || err == WS_ENOMEM || err == WSUV_ETLSTRUST || err == WSUV_ETLS ||
                err == WSUV_ERANDOM);
    assert_true(err == 0 || !done);
    if (err == 0) assert_int_equal(tls_inside_trusted(ctx), 2);
    if (err == 0) tls_context_unref(ctx);
    assert_int_equal(alloc.live, 0);
  }
  config.ca_pem = ca.pem;
  config.ca_pem_len = strlen(ca.pem);
}

TEST(test_context_of_a_server_is_made_or_refused) {
  const wsuv_tls_cert_t second = {.size = sizeof second,
                                  .cert_pem = foreign.pem,
                                  .cert_pem_len = strlen(foreign.pem),
                                  .key_pem = foreign.key_pem,
                                  .key_pem_len = strlen(foreign.key_pem)};
  const wsuv_tls_cert_t *const list[] = {&second};
  wsuv_tls_config_t server;
  bool done = false;
  wsuv_tls_config_init(&server);
  server.library = test_library(WS_SERVER);
  server.cert_pem = good.pem;
  server.cert_pem_len = strlen(good.pem);
  server.key_pem = good.key_pem;
  server.key_pem_len = strlen(good.key_pem);
  server.certs = list;
  server.cert_count = 1;
  server.client_auth = WSUV_TLS_CLIENT_AUTH_REQUIRE;
  server.ca_pem = ca.pem;
  server.ca_pem_len = strlen(ca.pem);
  fail_for_ever = false;
  for (uint64_t n = 1; !done; n = next(n)) {
    tls_failure failure;
    tls_context *ctx = NULL;
    fail_own_at(n);
    begin(false);
    int err = tls_loaded_context(&ctx, &alloc.handle, &server, WS_SERVER, &failure);
    rest(false);
    done = failed == 0;
    assert_true(err == 0 || err == WS_ENOMEM || err == WSUV_ETLSTRUST || err == WSUV_ETLS ||
                err == WSUV_ERANDOM);
    assert_true(err == 0 || !done);
    if (err == 0) assert_int_equal(tls_inside_trusted(ctx), 1);
    if (err == 0) assert_int_equal(own_count(ctx), 2);
    if (err == 0) tls_context_unref(ctx);
    assert_int_equal(alloc.live, 0);
  }
}
