/* F32: a session of TLS that is cut behind any byte of what the server sends, or of what the client
   sends, its last flight, data and close_notify: the end is never taken for a clean one, nor is
   half a record for data. */

#include <string.h>

#include "base/error.h"
#include "support/stride.h"
#include "support/test.h"
#include "support/tls_ends.h"
#include "testkit/track_alloc.h"

enum {
  PORT = 443,
  SLACK = 40 /* signatures differ in length by a byte or two, and mbedTLS pads in steps of 16 */
};

static const char host[] = "example.test";

typedef struct pair {
  track_alloc alloc;
  cert own;
  tls_context *client_ctx, *server_ctx;
  tls_end client, server;
  tls_end *from, *to; /* of the bytes that are cut */
} pair;

static void pair_open(pair *p, bool resumption, bool to_server) {
  const cert_spec spec = {.name = "server", .hosts = {host}};
  wsuv_tls_config_t config;
  tls_failure failure;
  track_alloc_init(&p->alloc);
  p->from = to_server ? &p->client : &p->server;
  p->to = to_server ? &p->server : &p->client;
  cert_make(&p->own, &spec, NULL);
  wsuv_tls_config_init(&config);
  config.library = test_library(WS_CLIENT);
  config.ca_pem = p->own.pem;
  config.ca_pem_len = strlen(p->own.pem);
  config.resumption = resumption;
  /* Sessions of 1.2 can be resumed any number of times. */
  if (resumption) config.max_version = WSUV_TLS_1_2;
  p->server_ctx = tls_server_context(&p->alloc.handle, &p->own, NULL);
  assert_int_equal(
      tls_loaded_context(&p->client_ctx, &p->alloc.handle, &config, WS_CLIENT, &failure), 0);
}

static void pair_close(pair *p) {
  tls_context_unref(p->client_ctx);
  tls_context_unref(p->server_ctx);
  cert_free(&p->own);
  assert_int_equal(p->alloc.live, 0);
}

static void disconnect(pair *p) {
  tls_end_free(&p->client);
  tls_end_free(&p->server);
}

static bool is_shaken(const tls_end *e) {
  return e->shaken == 0 && e->ended == 0;
}

/* One end is fed `limit` bytes, then the network ends. Gives how many there were. */
static uint64_t run(pair *p, uint64_t limit) {
  tls_end_init(&p->client, p->client_ctx, host, PORT);
  tls_end_init(&p->server, p->server_ctx, NULL, 0);
  tls_ends_run_until(p->from, p->to, limit);
  if (is_shaken(p->from)) {
    tls_end_write(p->from, "good", 4);
    tls_end_write(p->from, "bye", 3);
    tls_engine_close(p->from->engine);
  }
  tls_ends_run_until(p->from, p->to, limit);
  if (p->to->ended == 0) tls_end_eof(p->to);
  return p->to->ate;
}

/* All of it, when it was not cut after all. */
static bool is_whole(const pair *p) {
  return is_shaken(p->from) && bufq_len(tls_engine_output(p->from->engine)) == 0;
}

static void assert_whole(const pair *p) {
  assert_int_equal(p->to->ended, WS_EOF);
  assert_int_equal(p->to->in.len, 7);
  assert_memory_equal(fifo_data(&p->to->in), "goodbye", 7);
}

static void assert_cut(const pair *p) {
  size_t len = p->to->in.len;
  if (p->to->shaken == 0) {
    assert_int_equal(p->to->ended, WSUV_ETLSTRUNCATED);
    assert_true(len == 0 || len == 4 || len == 7);
  } else {
    assert_int_equal(p->to->shaken, WSUV_ETLSTRUNCATED);
    assert_int_equal(len, 0);
  }
}

static void cut_everywhere(pair *p) {
  uint64_t all = run(p, UINT64_MAX);
  assert_whole(p);
  disconnect(p);
  for (uint64_t n = 0; n < all + SLACK; n += stride()) {
    uint64_t ate = run(p, n);
    assert_true(ate == n || n + SLACK > all);
    if (is_whole(p)) {
      assert_whole(p);
    } else {
      assert_cut(p);
    }
    disconnect(p);
  }
}

static void cut_resumed(bool to_server) {
  tls_info facts;
  SCOPED(pair, p, true, to_server);
  for (int i = 0; i < 2; i++) {
    (void) run(&p, UINT64_MAX);
    tls_engine_info(p.to->engine, &facts);
    assert_int_equal(facts.resumed, i > 0);
    disconnect(&p);
  }
  cut_everywhere(&p);
}

TEST(test_cut_at_every_byte_of_a_resumed_session) {
  cut_resumed(false);
}

TEST(test_cut_at_every_byte_of_a_whole_handshake) {
  SCOPED(pair, p, false, false);
  cut_everywhere(&p);
}

TEST(test_client_cut_at_every_byte_of_a_resumed_session) {
  cut_resumed(true);
}

TEST(test_client_cut_at_every_byte_of_a_whole_handshake) {
  SCOPED(pair, p, false, true);
  cut_everywhere(&p);
}
