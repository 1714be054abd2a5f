#include "support/tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What tests of TLS in memory are made with. */

#include <string.h>

const char pair_host[] = "example.test";

cert pair_ca, pair_other_ca, pair_middle, pair_no_ca, pair_server, pair_client;

track_alloc pair_alloc;
wsuv_tls_config_t pair_config, pair_server_config;

int pair_make_certs(void **state) {
  const cert_spec authority = {.name = "authority", .ca = true};
  const cert_spec other = {.name = "other authority", .ca = true};
  const cert_spec between = {.name = "middle", .ca = true};
  const cert_spec pretender = {.name = "pretender"};
  const cert_spec leaf = {.name = "server",
                          .hosts = {pair_host, "*.wild.test", "127.0.0.1", "2001:db8::1"}};
  const cert_spec user = {.name = "client"};
  (void) state;
  cert_make(&pair_ca, &authority, NULL);
  cert_make(&pair_other_ca, &other, NULL);
  cert_make(&pair_middle, &between, &pair_ca);
  cert_make(&pair_no_ca, &pretender, &pair_ca);
  cert_make(&pair_server, &leaf, &pair_ca);
  cert_make(&pair_client, &user, &pair_ca);
  return 0;
}

int pair_free_certs(void **state) {
  cert *const all[] = {&pair_ca,    &pair_other_ca, &pair_middle,
                       &pair_no_ca, &pair_server,   &pair_client};
  (void) state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) cert_free(all[i]);
  return 0;
}

void pair_trust(const cert *c) {
  pair_config.ca_pem = c->pem;
  pair_config.ca_pem_len = strlen(c->pem);
}

static void show(wsuv_tls_config_t *config, const cert *c) {
  config->cert_pem = c->pem;
  config->cert_pem_len = strlen(c->pem);
  config->key_pem = c->key_pem;
  config->key_pem_len = strlen(c->key_pem);
}

void pair_own(const cert *c) {
  show(&pair_config, c);
}

void pair_ask(wsuv_tls_client_auth_t auth, const cert *ca) {
  pair_server_config.client_auth = auth;
  pair_server_config.ca_pem = ca->pem;
  pair_server_config.ca_pem_len = strlen(ca->pem);
}

void pair_cert(wsuv_tls_cert_t *to, const cert *c) {
  wsuv_tls_cert_init(to);
  to->cert_pem = c->pem;
  to->cert_pem_len = strlen(c->pem);
  to->key_pem = c->key_pem;
  to->key_pem_len = strlen(c->key_pem);
}

int pair_before(void **state) {
  (void) state;
  track_alloc_init(&pair_alloc);
  wsuv_tls_config_init(&pair_config);
  pair_config.library = test_library(WS_CLIENT);
  pair_trust(&pair_ca);
  wsuv_tls_config_init(&pair_server_config);
  pair_server_config.library = test_library(WS_SERVER);
  show(&pair_server_config, &pair_server);
  return 0;
}

int pair_after(void **state) {
  (void) state;
  return pair_alloc.live == 0 ? 0 : -1;
}

void tls_pair_open(tls_pair *p) {
  tls_failure failure;
  *p = (tls_pair){.client_ctx = NULL};
  assert_int_equal(
      tls_loaded_context(&p->client_ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, &failure), 0);
  assert_string_equal(failure.text, "");
  assert_int_equal(tls_loaded_context(&p->server_ctx, &pair_alloc.handle, &pair_server_config,
                                      WS_SERVER, &failure),
                   0);
}

void tls_pair_close(tls_pair *p) {
  pair_disconnect(p);
  tls_context_unref(p->client_ctx);
  tls_context_unref(p->server_ctx);
}

void pair_serve(tls_pair *p, const cert *leaf, const cert *clients_ca) {
  tls_context_unref(p->server_ctx);
  p->server_ctx = tls_server_context(&pair_alloc.handle, leaf, clients_ca);
}

void pair_connect(tls_pair *p, const char *name, uint16_t port) {
  tls_end_init(&p->client, p->client_ctx, name, port);
  tls_end_init(&p->server, p->server_ctx, NULL, 0);
}

void pair_disconnect(tls_pair *p) {
  tls_end_free(&p->client);
  tls_end_free(&p->server);
}

void pair_meet(tls_pair *p, const char *name) {
  pair_connect(p, name, PAIR_PORT);
  tls_ends_run(&p->client, &p->server, 0);
}

void shaken_pair_open(shaken_pair *p, size_t piece) {
  tls_pair_open(p);
  pair_connect(p, pair_host, PAIR_PORT);
  tls_ends_run(&p->client, &p->server, piece);
  assert_int_equal(p->client.shaken, 0);
  assert_int_equal(p->server.shaken, 0);
}

void shaken_pair_close(shaken_pair *p) {
  tls_pair_close(p);
}

void pair_assert_in(const tls_end *e, const void *data, size_t len) {
  assert_int_equal(e->in.len, len);
  assert_memory_equal(fifo_data(&e->in), data, len);
}

tls_info pair_facts(const tls_end *e) {
  tls_info facts;
  tls_engine_info(e->engine, &facts);
  return facts;
}
