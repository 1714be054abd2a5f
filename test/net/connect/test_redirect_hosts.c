/* What belongs to an origin or to a host stays there when a redirect leads to another one: our own
   certificate, and `server_name` and `address` of the program (F11, F70). */

#include <stdio.h>
#include <string.h>

#include "support/hop_peers.h"
#include "support/scenario.h"
#include "support/tls_ends.h"
#include "support/torture.h"
#include "support/world_client.h"
#include "support/world_tls.h"
#include "testkit/check.h"

#define REDIRECT(where) "HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: " where "\r\n\r\n"
#define ALIAS "alias.test"

static cert clients_ca, ours, alias;
static tls_context *demanding; /* It shows the world's certificate, and wants one of ours. */
static tls_context *aliased;   /* It shows one for ALIAS. */
static char trusted[2 * CERT_PEM_SIZE];

static int make(void **state) {
  (void) state;
  const cert_spec authority = {.name = "clients", .ca = true};
  const cert_spec client = {.name = "client", .for_clients = true};
  const cert_spec named = {.name = "alias", .hosts = {ALIAS}};
  cert_make(&clients_ca, &authority, NULL);
  cert_make(&ours, &client, &clients_ca);
  cert_make(&alias, &named, NULL);
  demanding = tls_server_context(&ws_alloc_libc, world_cert(), &clients_ca);
  aliased = tls_server_context(&ws_alloc_libc, &alias, NULL);
  (void) snprintf(trusted, sizeof trusted, "%s%s", world_cert()->pem, alias.pem);
  return 0;
}

static int drop(void **state) {
  (void) state;
  tls_context_unref(demanding);
  tls_context_unref(aliased);
  cert_free(&alias);
  cert_free(&ours);
  cert_free(&clients_ca);
  return 0;
}

TEST_AROUND_ALL(certificates, make, drop)

typedef struct visit {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  wsuv_tls_config_t tls;
  char url[128];
} visit;

/* The first request goes to A, by this host name. */
static void visit_begin(visit *v, world *w, const char *host) {
  hop_peers_begin(&v->p, w, &v->u);
  v->u.config.max_redirects = 3;
  wsuv_tls_config_init(&v->tls);
  v->tls.ca_pem = trusted;
  v->tls.ca_pem_len = strlen(trusted);
  if (world_tls(w) != NULL) v->u.config.tls = &v->tls;
  (void) snprintf(v->url, sizeof v->url, "%s", raw_peer_url_of(v->p.a.raw, host, "/"));
  wsuv_request_init(&v->request, v->url);
}

static void answer_by_url(visit *v, hop_peer *peer, hop_peer *to, const char *host) {
  char text[256];
  (void) snprintf(text, sizeof text, REDIRECT("%s"), raw_peer_url_of(to->raw, host, "/to"));
  hop_peers_answer(&v->p, peer, text);
}

static void visit_connect(visit *v) {
  assert_int_equal(hop_connect(&v->u, &v->request, NULL, NULL), 0);
}

static void visit_fails(visit *v) {
  visit_connect(v);
  user_run_to_close(&v->u);
  assert_true(v->u.end.status < 0 && user_never_opened(&v->u));
}

static void visit_opens(visit *v) {
  visit_connect(v);
  user_run_to_open(&v->u);
  hop_close(&v->u);
}

/* --- our own certificate --- */

static void show_ours(visit *v) {
  v->tls.cert_pem = ours.pem;
  v->tls.cert_pem_len = strlen(ours.pem);
  v->tls.key_pem = ours.key_pem;
  v->tls.key_pem_len = strlen(ours.key_pem);
}

WORLD_ONLY_TLS_TEST(test_redirects_show_our_certificate_at_its_origin, w) {
  visit v;
  visit_begin(&v, w, "127.0.0.1");
  show_ours(&v);
  v.p.a.raw->tls = demanding;
  hop_peers_answer(&v.p, &v.p.a, REDIRECT("/same"));
  visit_opens(&v);
  assert_int_equal(v.p.a.requests, 2);
}

WORLD_ONLY_TLS_TEST(test_redirects_do_not_show_our_certificate_at_another_origin, w) {
  visit v;
  visit_begin(&v, w, "127.0.0.1");
  show_ours(&v);
  v.p.a.raw->tls = v.p.b.raw->tls = demanding;
  v.p.b.raw->lenient = true;
  hop_peers_answer(&v.p, &v.p.a, REDIRECT("%B/other"));
  visit_fails(&v);
  assert_int_equal(v.p.a.requests, 1);
  assert_int_equal(v.p.b.raw->accepted, 1);
  assert_int_equal(v.p.b.requests, 0);
  user_finish(&v.u);
}

/* Nor when a redirect leads back. */
WORLD_ONLY_TLS_TEST(test_redirects_do_not_show_our_certificate_again, w) {
  visit v;
  visit_begin(&v, w, "127.0.0.1");
  show_ours(&v);
  v.tls.resumption = false;
  v.p.a.raw->tls = demanding;
  v.p.a.raw->lenient = true;
  hop_peers_answer(&v.p, &v.p.a, REDIRECT("%B/other"));
  hop_peers_answer(&v.p, &v.p.b, REDIRECT("%A/back"));
  visit_fails(&v);
  assert_int_equal(v.p.b.requests, 1);
  assert_int_equal(v.p.a.raw->accepted, 2);
  assert_int_equal(v.p.a.requests, 1);
  user_finish(&v.u);
}

/* --- server_name --- */

/* The certificates are for one name each, so that the one that was asked for is seen. */
WORLD_ONLY_TLS_TEST(test_redirects_keep_server_name_at_its_host_only, w) {
  visit v;
  visit_begin(&v, w, "127.0.0.1");
  v.tls.server_name = ALIAS;
  v.p.a.raw->tls = aliased;
  hop_peers_answer(&v.p, &v.p.a, REDIRECT("/same"));
  answer_by_url(&v, &v.p.a, &v.p.b, "localhost"); /* with the world's certificate */
  answer_by_url(&v, &v.p.b, &v.p.a, "127.0.0.1");
  visit_opens(&v);
  assert_int_equal(v.p.a.requests, 3);
  assert_int_equal(v.p.b.requests, 1);
}

WORLD_ONLY_TLS_TEST(test_redirects_keep_server_name_at_another_port_of_its_host, w) {
  visit v;
  visit_begin(&v, w, "127.0.0.1");
  v.tls.server_name = ALIAS;
  v.p.a.raw->tls = v.p.b.raw->tls = aliased;
  hop_peers_answer(&v.p, &v.p.a, REDIRECT("%B/other"));
  visit_opens(&v);
  assert_int_equal(v.p.b.requests, 1);
}

WORLD_ONLY_TLS_TEST(test_redirects_refuse_the_certificate_of_server_name_at_another_host, w) {
  visit v;
  visit_begin(&v, w, "127.0.0.1");
  v.tls.server_name = ALIAS;
  v.p.a.raw->tls = v.p.b.raw->tls = aliased;
  v.p.b.raw->lenient = true;
  answer_by_url(&v, &v.p.a, &v.p.b, "localhost");
  visit_connect(&v);
  user_run_to_close(&v.u);
  assert_int_equal(v.u.end.status, WSUV_ETLSVERIFY);
  assert_int_equal(v.p.b.requests, 0);
  user_finish(&v.u);
}

/* The ClientHello, which names the host (RFC 6066 3). */
typedef struct hello {
  size_t count; /* of bytes */
  bool has_alias, has_localhost;
} hello;

static bool contains(const void *data, size_t len, const char *word) {
  const size_t n = strlen(word);
  for (size_t at = 0; at + n <= len; at++) {
    if (memcmp((const char *) data + at, word, n) == 0) return true;
  }
  return false;
}

static void on_hello(raw_conn *c) {
  hello *h = c->peer->data;
  h->count = c->in.len;
  h->has_alias = contains(fifo_data(&c->in), c->in.len, ALIAS);
  h->has_localhost = contains(fifo_data(&c->in), c->in.len, "localhost");
  if (h->has_alias || h->has_localhost) raw_conn_close(c);
}

WORLD_ONLY_TLS_TEST(test_redirects_name_the_host_in_the_clienthello, w) {
  static const raw_peer_callbacks callbacks = {.on_bytes = on_hello};
  for (int other = 0; other < 2; other++) {
    visit v;
    hello seen = {0};
    visit_begin(&v, w, other ? "127.0.0.1" : "localhost");
    v.tls.server_name = ALIAS;
    v.p.a.raw->tls = aliased;
    answer_by_url(&v, &v.p.a, &v.p.b, "localhost");
    v.p.b.raw->tls = NULL;
    v.p.b.raw->data = &seen;
    raw_peer_set_callbacks(v.p.b.raw, &callbacks);
    visit_connect(&v);
    user_run_to_close(&v.u);
    assert_true(seen.count > 0);
    assert_true(seen.has_alias == !other && seen.has_localhost == other);
    user_finish(&v.u);
  }
}

/* --- address --- */

/* Nobody can look this up. */
static void begin_at_address(visit *v, world *w) {
  visit_begin(v, w, world_bad_name(w));
  v->request.address = "127.0.0.1";
}

WORLD_TEST(test_redirects_keep_the_address_of_a_host_at_every_port, w) {
  visit v;
  char host[96];
  begin_at_address(&v, w);
  hop_peers_answer(&v.p, &v.p.a, REDIRECT("/same"));
  answer_by_url(&v, &v.p.a, &v.p.b, world_bad_name(w));
  visit_opens(&v);
  assert_int_equal(v.p.a.requests, 2);
  assert_int_equal(v.p.b.requests, 1);
  (void) snprintf(host, sizeof host, "\r\nHost: %s:%u\r\n", world_bad_name(w),
                  (unsigned) v.p.b.raw->port);
  assert_non_null(strstr(v.p.b.got[0], host));
}

/* It is used again when a redirect leads back. */
WORLD_TEST(test_redirects_look_another_host_up, w) {
  visit v;
  begin_at_address(&v, w);
  v.request.address = "127.0.0.1";
  answer_by_url(&v, &v.p.a, &v.p.b, world_good_name(w));
  answer_by_url(&v, &v.p.b, &v.p.a, world_bad_name(w));
  visit_opens(&v);
  assert_int_equal(v.p.a.requests, 2);
  assert_int_equal(v.p.b.requests, 1);
}

WORLD_TEST(test_redirects_do_not_use_the_address_for_another_host, w) {
  visit v;
  visit_begin(&v, w, "first.test");
  v.request.address = "127.0.0.1";
  answer_by_url(&v, &v.p.a, &v.p.b, world_bad_name(w));
  visit_connect(&v);
  user_run_to_close(&v.u);
  assert_int_equal(v.u.end.stage, WSUV_STAGE_RESOLVE);
  assert_true(v.u.end.status == UV_EAI_NONAME || v.u.end.status == UV_EAI_AGAIN);
  assert_int_equal(v.p.a.requests, 1);
  assert_int_equal(v.p.b.raw->accepted, 0);
  user_finish(&v.u);
}

/* --- memory that fails on the way from one origin to another, and back (F46) --- */

static visit tortured;

static void answer_tortured(raw_conn *c, hop_peer *p) {
  char text[256];
  const bool first = strncmp(c->request, "GET / ", 6) == 0;
  if (!first && p == &tortured.p.a) {
    raw_conn_upgrade(c, "");
    return;
  }
  raw_peer *to = first ? tortured.p.b.raw : tortured.p.a.raw;
  (void) snprintf(text, sizeof text, REDIRECT("%s"), raw_peer_url_of(to, "localhost", "/to"));
  raw_conn_write_text(c, text);
}

static size_t gone, opened;

static void be_gone(wsuv_client_t *client) {
  (void) client;
  gone = 1;
}

static void play_tortured(world *w) {
  session_user u = {.w = w, .config = tortured.u.config};
  gone = 0;
  if (world_client(w, &u.client, &u.config) < 0) return;
  if (hop_connect(&u, &tortured.request, NULL, NULL) == 0) {
    while (u.opens + u.closes == 0) world_advance(w, 1);
    opened += u.opens;
    if (u.closes == 0) user_terminate(&u);
    while (u.closes == 0) world_advance(w, 1);
  }
  wsuv_client_t *client = u.client;
  u.client = NULL;
  assert_int_equal(call_client_close(client, be_gone), 0);
  world_run_until_count(w, &gone, 1);
  user_free(&u);
}

WORLD_SIM_TEST(test_redirects_between_origins_torture, w) {
  if (w->seed > 1) return; /* the allocations are the same */
  visit_begin(&tortured, w, "127.0.0.1");
  show_ours(&tortured);
  tortured.tls.server_name = ALIAS;
  tortured.u.config.tls = &tortured.tls;
  tortured.request.user = "u";
  tortured.request.cookies = "c=1";
  tortured.request.address = "127.0.0.1";
  tortured.p.a.choose = tortured.p.b.choose = answer_tortured;
  tortured.p.a.raw->lenient = tortured.p.b.raw->lenient = true;
  torture(w, play_tortured, false, 60);
  torture(w, play_tortured, true, 60);
  assert_true(opened >= 2); /* the last play of each, in which nothing fails */
  assert_true(tortured.p.b.requests > opened);
}
