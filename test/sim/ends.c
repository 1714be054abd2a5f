#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <wsuv/exchange.h>

#include "sim/run.h"
#include "support/certs.h"
#include "support/tls_ends.h"
#include "support/world_client.h"
#include "support/world_server.h"
#include "testkit/check.h"

/* Clients and servers of a run: made, ended in every way, and made again. */

/* --- certificates and extensions, which all runs share --- */

typedef struct identities {
  bool made;
  cert own[2];
  char both[2 * CERT_PEM_SIZE];
  wsuv_tls_config_t shown[2], trust;
} identities;

static identities *the_identities(void) {
  static identities ids;
  const cert_spec spec = {.name = "sim", .hosts = {"127.0.0.1"}};
  if (ids.made) return &ids;
  for (size_t i = 0; i < 2; i++) {
    cert_make(&ids.own[i], &spec, NULL);
    wsuv_tls_config_init(&ids.shown[i]);
    ids.shown[i].library = test_library(WS_SERVER);
    ids.shown[i].cert_pem = ids.own[i].pem;
    ids.shown[i].cert_pem_len = strlen(ids.own[i].pem);
    ids.shown[i].key_pem = ids.own[i].key_pem;
    ids.shown[i].key_pem_len = strlen(ids.own[i].key_pem);
  }
  (void) snprintf(ids.both, sizeof ids.both, "%s%s", ids.own[0].pem, ids.own[1].pem); /* fits */
  wsuv_tls_config_init(&ids.trust);
  ids.trust.library = test_library(WS_CLIENT);
  ids.trust.ca_pem = ids.both;
  ids.trust.ca_pem_len = strlen(ids.both);
  ids.made = true;
  return &ids;
}

static void draw_deflate(run *r, wsuv_deflate_options_t *options) {
  wsuv_deflate_options_init(options);
  options->level = 1;
  options->mem_level = 1 + (int) run_below(r, 9);
  options->server_no_context_takeover = run_chance(r, 30);
  options->client_no_context_takeover = run_chance(r, 30);
  options->server_max_window_bits = 9 + (unsigned) run_below(r, 7);
  options->client_max_window_bits = 9 + (unsigned) run_below(r, 7);
  options->compress_if_bigger_than = run_below(r, 100);
}

/* The configuration with all that it points to, which is copied by the call that gets it. */
typedef struct configured {
  wsuv_config_t config;
  wsuv_deflate_options_t options;
  wsuv_extension_t deflate;
  const wsuv_extension_t *list[1];
} configured;

static void configure(run *r, const wsuv_config_t *from, const wsuv_tls_config_t *tls,
                      configured *c) {
  c->config = *from;
  if (r->plan.secure) c->config.tls = c->config.proxy_tls = tls;
  if (!r->plan.deflate) return;
  draw_deflate(r, &c->options);
  CHECK(wsuv_permessage_deflate(&c->deflate, &c->options) == 0);
  c->list[0] = &c->deflate;
  c->config.extensions = c->list;
  c->config.extension_count = 1;
}

struct tls_context *run_tls_context(run *r) {
  if (r->tls == NULL) r->tls = tls_server_context(&ws_alloc_libc, &the_identities()->own[0], NULL);
  return r->tls;
}

/* --- the client --- */

bool run_begin_client(run *r) {
  configured c;
  const wsuv_tls_config_t *tls = r->plan.secure ? &the_identities()->trust : NULL;
  configure(r, &r->plan.client, tls, &c);
  if (world_client(r->w, &r->client, &c.config) < 0) return false;
  wsuv_client_set_data(r->client, r);
  r->clients++;
  return true;
}

static void on_client_gone(wsuv_client_t *client) {
  run *r = wsuv_client_data(client);
  r->clients--;
  run_note(r, 'c');
}

void run_end_client(run *r) {
  wsuv_client_t *client = r->client;
  r->client = NULL;
  if (client == NULL) return;
  if (run_chance(r, 50)) {
    CHECK(wsuv_client_close(client, on_client_gone) == 0);
  } else {
    CHECK(wsuv_client_terminate(client, on_client_gone) == 0);
  }
}

/* --- the server --- */

static void on_server_gone(wsuv_server_t *server) {
  run *r = wsuv_server_data(server);
  r->servers--;
  run_note(r, 's');
}

static int open_server(run *r, wsuv_server_t *server) {
  struct sockaddr_storage addr;
  wsuv_listener_t *listener;
  wsuv_route_t route;
  wsuv_route_init(&route, "/{n}");
  route.callbacks = r->plan.streamed ? &talk_streamed_callbacks : &talk_callbacks;
  route.raw = r->plan.raw[1];
  route.on_upgrade = r->plan.hooked ? talk_on_upgrade : NULL;
  if (r->plan.visits > 0) wsuv_server_on_request(server, visit_on_request);
  int err = wsuv_server_add_route(server, &route);
  if (err == 0) err = wsuv_server_listen(server, "127.0.0.1", r->port, &listener);
  if (err < 0) return err;
  CHECK(wsuv_listener_address(listener, &addr) == 0);
  r->port = ntohs(((const struct sockaddr_in *) (const void *) &addr)->sin_port);
  return 0;
}

void run_begin_server(run *r) {
  configured c;
  wsuv_server_t *server;
  const wsuv_tls_config_t *tls =
      r->plan.secure ? &the_identities()->shown[r->servers_made % 2] : NULL;
  configure(r, &r->plan.server, tls, &c);
  if (world_server(r->w, &server, &c.config) < 0) return;
  wsuv_server_set_data(server, r);
  r->servers++;
  r->servers_made++;
  if (open_server(r, server) < 0) {
    CHECK(wsuv_server_terminate(server, on_server_gone) == 0);
  } else {
    r->server = server;
  }
}

void run_end_server(run *r) {
  wsuv_server_t *server = r->server;
  wsuv_end_t how;
  r->server = NULL;
  if (server == NULL) return;
  wsuv_end_init(&how);
  how.code = 1012;
  how.spread_ms = run_below(r, 50);
  switch (run_below(r, r->ending ? 2 : 3)) {
  case 0: CHECK(wsuv_server_close(server, &how, on_server_gone) == 0); break;
  case 1: CHECK(wsuv_server_terminate(server, on_server_gone) == 0); break;
  default: CHECK(wsuv_server_drain(server, on_server_gone) == 0); break;
  }
}

void run_change_certificate(run *r) {
  if (r->server == NULL) return;
  const size_t which = run_below(r, 2);
  const int err = wsuv_server_set_tls(r->server, &the_identities()->shown[which]);
  CHECK(err == 0 || (err == UV_ENOMEM && r->plan.fails_memory) ||
        (err == WSUV_ERANDOM && r->plan.fails_random));
}
