#include "support/raw_tls.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* mbedTLS over queues of bytes. */

#include <string.h>

static int on_send(void *arg, const unsigned char *data, size_t len) {
  raw_tls *s = arg;
  fifo_append(&s->out, data, len);
  return (int) len;
}

static int on_recv(void *arg, unsigned char *to, size_t len) {
  raw_tls *s = arg;
  if (len > s->in.len) len = s->in.len;
  if (len == 0) return MBEDTLS_ERR_SSL_WANT_READ;
  memcpy(to, fifo_data(&s->in), len);
  fifo_consume(&s->in, len);
  return (int) len;
}

void raw_tls_write(raw_tls *s, const void *data, size_t len) {
  assert_int_equal(mbedtls_ssl_write(&s->ssl, data, len), len);
}

void raw_tls_warn(raw_tls *s, unsigned char description) {
  int err = mbedtls_ssl_send_alert_message(&s->ssl, MBEDTLS_SSL_ALERT_LEVEL_WARNING, description);
  assert_int_equal(err, 0);
}

void raw_tls_feed(raw_tls *s, size_t len, size_t piece) {
  if (len > s->out.len) len = s->out.len;
  tls_end_feed(s->peer, fifo_data(&s->out), len, piece);
  fifo_consume(&s->out, len);
}

size_t raw_tls_carry(raw_tls *s) {
  raw_tls_feed(s, SIZE_MAX, 0);
  tls_end_step(s->peer);
  size_t before = s->in.len;
  tls_end_take(s->peer, &s->in, SIZE_MAX);
  return s->in.len - before;
}

void raw_tls_init(raw_tls *s, tls_context *ctx) {
  *s = (raw_tls){.peer = &s->pair.client};
  mbedtls_ssl_init(&s->ssl);
  assert_int_equal(mbedtls_ssl_setup(&s->ssl, &mbed_context_of(ctx)->conf), 0);
  mbedtls_ssl_set_bio(&s->ssl, s, on_send, on_recv, NULL);
}

/* The end that `raw` describes is of mbedTLS, the other one of the library that is tested. */
static void open_pair(tls_pair *p, wsuv_tls_config_t *raw) {
  wsuv_tls_library_t tested = raw->library;
  raw->library = WSUV_TLS_LIBRARY_MBEDTLS;
  tls_pair_open(p);
  raw->library = tested;
}

void raw_tls_open(raw_tls *s) {
  tls_pair p;
  if (pair_config.max_version == WSUV_TLS_ANY) pair_config.max_version = WSUV_TLS_1_2;
  open_pair(&p, &pair_server_config);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
  mbedtls_ssl_conf_renegotiation(&mbed_context_of(p.server_ctx)->conf,
                                 MBEDTLS_SSL_RENEGOTIATION_ENABLED);
#endif
  tls_end_init(&p.client, p.client_ctx, pair_host, PAIR_PORT);
  raw_tls_init(s, p.server_ctx);
  s->pair = p;
  do (void) raw_tls_carry(s);
  while (mbedtls_ssl_handshake(&s->ssl) == MBEDTLS_ERR_SSL_WANT_READ);
  (void) raw_tls_carry(s);
  assert_int_equal(s->pair.client.shaken, 0);
}

void raw_tls_client_open(raw_tls_client *c) {
  tls_pair p;
  if (pair_config.max_version == WSUV_TLS_ANY) pair_config.max_version = WSUV_TLS_1_2;
  open_pair(&p, &pair_config);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
  mbedtls_ssl_conf_renegotiation(&mbed_context_of(p.client_ctx)->conf,
                                 MBEDTLS_SSL_RENEGOTIATION_ENABLED);
#endif
  tls_end_init(&p.server, p.server_ctx, NULL, 0);
  raw_tls_init(c, p.client_ctx);
  c->pair = p;
  c->peer = &c->pair.server;
  assert_int_equal(mbedtls_ssl_set_hostname(&c->ssl, pair_host), 0);
  while (mbedtls_ssl_handshake(&c->ssl) == MBEDTLS_ERR_SSL_WANT_READ) (void) raw_tls_carry(c);
  (void) raw_tls_carry(c);
  assert_int_equal(c->peer->shaken, 0);
}

void raw_tls_client_close(raw_tls_client *c) {
  raw_tls_close(c);
}

void raw_tls_close(raw_tls *s) {
  mbedtls_ssl_free(&s->ssl);
  fifo_free(&s->in);
  fifo_free(&s->out);
  tls_pair_close(&s->pair);
}
