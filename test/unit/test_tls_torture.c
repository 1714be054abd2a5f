/* F34: memory that fails inside mbedTLS, which takes it from the C library, never makes a session
   that was not verified, and leaks nothing. Linked statically, with calloc() in our hands.

   A handshake with arithmetic on curves asks for memory some 15,000 times, nearly all of it for
   numbers: behind the first EACH one in STEP is tried. WSUV_TORTURE_STEP=1 tries all, in minutes.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "net/tls/mbedtls/tls_internal.h"
#include "support/test.h"
#include "support/tls_ends.h"
#include "support/track_alloc.h"

enum { STEP = 211, EACH = 120, PORT = 443 };

static uint64_t calls, fail_at; /* of calloc; 0: none fails */
static bool fail_for_ever;
static uint64_t failed;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size) {
  calls++;
  bool fails = fail_at != 0 && (calls == fail_at || (fail_for_ever && calls > fail_at));
  if (fails) failed++;
  return fails ? NULL : __real_calloc(count, size);
}

/* Only what the client does counts, and fails. */
static uint64_t client_calls, client_fails;

static void client_begins(void) {
  calls = client_calls;
  fail_at = client_fails;
}

static void client_rests(void) {
  client_calls = calls;
  fail_at = 0;
}

static void fail_client_at(uint64_t n) {
  client_calls = failed = 0;
  client_fails = n;
}

static const char host[] = "example.test";
static cert ca, good, foreign;
static track_alloc alloc;
static wsuv_tls_config_t config;

static int make_certs(void **state) {
  const cert_spec authority = {.name = "authority", .ca = true};
  const cert_spec leaf = {.name = "server", .hosts = {host}};
  (void) state;
  cert_make(&ca, &authority, NULL);
  cert_make(&good, &leaf, &ca);
  cert_make(&foreign, &leaf, NULL);
  wsuv_tls_config_init(&config);
  config.ca_pem = ca.pem;
  config.ca_pem_len = strlen(ca.pem);
  return 0;
}

static int free_certs(void **state) {
  (void) state;
  cert_free(&ca);
  cert_free(&good);
  cert_free(&foreign);
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
  client_begins();
  tls_end_step(client);
  client_rests();
  while (moved) {
    moved = carry(client, server);
    client_begins();
    moved = carry(server, client) || moved;
    client_rests();
  }
}

/* What became of the client's handshake. */
static int try_session(tls_context *ctx, tls_context *server_ctx, uint64_t n) {
  tls_end client = {.shaken = WS_EAGAIN}, server;
  tls_info facts;
  fail_client_at(n);
  client_begins();
  int err = tls_engine_new(&client.engine, ctx, host, PORT);
  client_rests();
  if (err < 0) return err;
  tls_end_init(&server, server_ctx, NULL, 0);
  run(&client, &server);
  tls_engine_info(client.engine, &facts);
  assert_true(client.shaken != 0 || facts.verified);
  assert_true(client.shaken != 0 || facts.verify_flags == 0);
  err = client.shaken;
  tls_end_free(&client);
  tls_end_free(&server);
  return err;
}

static uint64_t next(uint64_t n) {
  const char *step = getenv("WSUV_TORTURE_STEP");
  if (n < EACH) return n + 1;
  return n + (step != NULL ? strtoull(step, NULL, 10) : STEP);
}

/* --- claims --- */

static void never_open(bool for_ever) {
  tls_context *ctx = client_context(),
              *server_ctx = tls_server_context(&alloc.handle, &foreign, NULL);
  fail_for_ever = for_ever;
  failed = 1;
  for (uint64_t n = 1; failed > 0; n = next(n)) {
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
  never_open(false);
  never_open(true);
}

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

static size_t trusted(const tls_context *ctx) {
  size_t count = 0;
  for (const mbedtls_x509_crt *c = &ctx->trust; c != NULL; c = c->next) count++;
  return count;
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
    fail_client_at(n);
    client_begins();
    int err = tls_loaded_context(&ctx, &alloc.handle, &config, WS_CLIENT, &failure);
    client_rests();
    done = failed == 0;
    assert_true(err == 0 || err == WS_ENOMEM || err == WSUV_ETLSTRUST || err == WSUV_ETLS ||
                err == WSUV_ERANDOM);
    assert_true(err == 0 || !done);
    if (err == 0) assert_int_equal(trusted(ctx), 2);
    if (err == 0) tls_context_unref(ctx);
    assert_int_equal(alloc.live, 0);
  }
  config.ca_pem = ca.pem;
  config.ca_pem_len = strlen(ca.pem);
}
