#include "support/tls_ends.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "net/tls/tls_library.h"
#include "testkit/check.h"

int tls_loaded_context(tls_context **out, const wsuv_allocator_t *alloc,
                       const wsuv_tls_config_t *config, ws_role role, tls_failure *failure) {
  tls_context *ctx;
  *failure = (tls_failure){.library_error = 0};
  int err = tls_context_new(&ctx, alloc, config, role);
  if (err < 0) return err;
  err = tls_context_load(ctx, failure);
  if (err < 0) {
    tls_context_unref(ctx);
    return err;
  }
  *out = ctx;
  return 0;
}

wsuv_tls_library_t test_library(ws_role role) {
  const char *names = getenv("WSUV_TEST_TLS");
  if (names == NULL) return WSUV_TLS_LIBRARY_NONE;
  const char *second = strchr(names, ':');
  const char *name = role == WS_SERVER && second != NULL ? second + 1 : names;
  if (strncmp(name, "openssl", strlen("openssl")) == 0) return WSUV_TLS_LIBRARY_OPENSSL;
  CHECK(strncmp(name, "mbedtls", strlen("mbedtls")) == 0);
  return WSUV_TLS_LIBRARY_MBEDTLS;
}

bool test_is_mbedtls(ws_role role) {
  return tls_library_for(test_library(role))->id == WSUV_TLS_LIBRARY_MBEDTLS;
}

bool test_has_1_3(void) {
  return tls_library_has_1_3(test_library(WS_CLIENT)) &&
         tls_library_has_1_3(test_library(WS_SERVER));
}

bool test_raw_has_1_3(void) {
  return test_has_1_3() && tls_library_has_1_3(WSUV_TLS_LIBRARY_MBEDTLS);
}

test_limit test_limit_of_alerts(ws_role role) {
  if (test_is_mbedtls(role)) {
    return (test_limit){64, "more than 64 TLS records in a row without data, the last one an alert",
                        false};
  }
  return (test_limit){4, "more than 4 TLS alerts in a row that are not fatal", true};
}

test_limit test_limit_of_empty_records(ws_role role) {
  if (test_is_mbedtls(role)) return (test_limit){3, "four empty TLS records in a row", true};
  return (test_limit){32, "more than 32 empty TLS records in a row", true};
}

tls_context *tls_server_context(const wsuv_allocator_t *alloc, const cert *own,
                                const cert *clients_ca) {
  wsuv_tls_config_t config;
  tls_failure failure;
  tls_context *ctx = NULL;
  wsuv_tls_config_init(&config);
  config.library = test_library(WS_SERVER);
  config.cert_pem = own->pem;
  config.cert_pem_len = strlen(own->pem);
  config.key_pem = own->key_pem;
  config.key_pem_len = strlen(own->key_pem);
  if (clients_ca != NULL) {
    config.ca_pem = clients_ca->pem;
    config.ca_pem_len = strlen(clients_ca->pem);
    config.client_auth = WSUV_TLS_CLIENT_AUTH_REQUIRE;
  }
  if (tls_loaded_context(&ctx, alloc, &config, WS_SERVER, &failure) < 0) {
    CHECK_FAIL("no context for the server: %s", failure.text);
  }
  return ctx;
}

void tls_end_init(tls_end *e, tls_context *ctx, const char *host, uint16_t port) {
  *e = (tls_end){.shaken = WS_EAGAIN};
  CHECK(tls_engine_new(&e->engine, ctx, host, port) == 0);
}

void tls_end_free(tls_end *e) {
  tls_engine_free(e->engine);
  fifo_free(&e->in);
  *e = (tls_end){.engine = NULL};
}

static void read_all(tls_end *e) {
  uint8_t room[1000];
  for (;;) {
    ptrdiff_t n = tls_engine_read(e->engine, room, sizeof room);
    CHECK(n != 0 && n <= (ptrdiff_t) sizeof room);
    if (n == WS_EAGAIN) return;
    if (n < 0) {
      e->ended = (int) n;
      return;
    }
    fifo_append(&e->in, room, (size_t) n);
  }
}

void tls_end_step(tls_end *e) {
  if (e->shaken == WS_EAGAIN) {
    do {
      e->shaken = tls_engine_handshake(e->engine);
      if (e->shaken == TLS_ENGINE_WORKED) e->worked++;
    } while (e->shaken == TLS_ENGINE_WORKED);
  }
  if (e->shaken == 0 && e->ended == 0) read_all(e);
}

void tls_end_feed(tls_end *e, const void *data, size_t len, size_t piece) {
  const uint8_t *p = data;
  if (piece == 0) piece = len;
  while (len > 0) {
    size_t n = len < piece ? len : piece;
    tls_engine_feed(e->engine, p, n);
    tls_end_step(e);
    e->ate += n;
    p += n;
    len -= n;
  }
}

void tls_end_eof(tls_end *e) {
  tls_engine_eof(e->engine);
  tls_end_step(e);
}

void tls_end_write(tls_end *e, const void *data, size_t len) {
  const ws_view buf = {(const uint8_t *) data, len};
  for (size_t done = 0, n = 0; done < len; done += n) {
    CHECK(tls_engine_write(e->engine, &buf, 1, done, &n) == 0);
    CHECK(n > 0);
  }
}

void tls_end_take(tls_end *e, fifo *to, size_t limit) {
  const bufq *out = tls_engine_output(e->engine);
  ws_view piece;
  while (limit > 0 && bufq_peek(out, 0, limit, &piece, 1) > 0) {
    fifo_append(to, piece.base, piece.len);
    limit -= piece.len;
    tls_engine_sent(e->engine, piece.len);
  }
}

static bool move(tls_end *from, tls_end *to, size_t limit, size_t piece) {
  fifo carried = {0};
  if (!to->starves) tls_end_take(from, &carried, limit);
  bool moved = carried.len > 0;
  tls_end_feed(to, fifo_data(&carried), carried.len, piece);
  fifo_free(&carried);
  return moved;
}

static void step_both(tls_end *a, tls_end *b) {
  tls_end_step(a);
  tls_end_step(b);
}

void tls_ends_run(tls_end *a, tls_end *b, size_t piece) {
  bool moved = true;
  step_both(a, b);
  while (moved) {
    moved = move(a, b, SIZE_MAX, piece);
    moved = move(b, a, SIZE_MAX, piece) || moved;
  }
}

void tls_ends_run_until(tls_end *from, tls_end *to, uint64_t limit) {
  bool moved = true;
  step_both(from, to);
  while (moved && to->ate < limit) {
    moved = move(to, from, SIZE_MAX, 0);
    moved = move(from, to, (size_t) (limit - to->ate), 0) || moved;
  }
}
