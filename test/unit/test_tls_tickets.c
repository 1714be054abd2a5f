/* Session tickets of a TLS server: who is given some, and how long they are accepted. */

#include <string.h>

#include <wsuv/error.h>

#include "net/tls/tls_contexts.h"
#include "net/tls/tls_library.h"
#include "support/test.h"
#include "support/tls_inside.h"
#include "support/tls_pair.h"

enum { LIFETIME_S = 600 };

/* Both ends agree on it. Data has come behind the tickets of TLS 1.3. */
static bool resumes(tls_pair *p) {
  pair_meet(p, pair_host);
  tls_end_write(&p->server, "ok", 2);
  tls_ends_run(&p->client, &p->server, 0);
  assert_int_equal(p->server.shaken, 0);
  pair_assert_in(&p->client, "ok", 2);
  bool resumed = pair_facts(&p->server).resumed;
  assert_int_equal(pair_facts(&p->client).resumed, resumed);
  assert_string_equal(pair_facts(&p->server).alpn, "http/1.1");
  assert_false(pair_facts(&p->server).verified);
  pair_disconnect(p);
  return resumed;
}

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_ticket_is_accepted) {
  for (int i = 0; i < 2; i++) {
    pair_config.max_version = i == 0 ? WSUV_TLS_1_2 : WSUV_TLS_ANY;
    SCOPED(tls_pair, p);
    assert_false(resumes(&p));
    for (int n = 0; n < 3; n++) assert_true(resumes(&p));
  }
}

TEST(test_tickets_can_be_switched_off) {
  pair_server_config.resumption = false;
  for (int i = 0; i < 2; i++) {
    pair_config.max_version = i == 0 ? WSUV_TLS_1_2 : WSUV_TLS_ANY;
    SCOPED(tls_pair, p);
    for (int n = 0; n < 2; n++) assert_false(resumes(&p));
  }
}

/* The key is replaced when it is old enough. The one before decrypts until the next is replaced. */
TEST(test_key_of_tickets_changes) {
  pair_config.max_version = WSUV_TLS_1_2; /* where a ticket is used again and again */
  pair_server_config.ticket_lifetime_s = LIFETIME_S;
  SCOPED(tls_pair, p);
  assert_false(resumes(&p));
  tls_inside_age_tickets(p.server_ctx, LIFETIME_S - 10);
  assert_true(resumes(&p));
  tls_inside_age_tickets(p.server_ctx, 10);
  assert_true(resumes(&p));
  tls_inside_age_tickets(p.server_ctx, LIFETIME_S);
  assert_false(resumes(&p));
  assert_true(resumes(&p));
}

TEST(test_lifetime_of_tickets_by_default) {
  pair_config.max_version = WSUV_TLS_1_2;
  SCOPED(tls_pair, p);
  assert_false(resumes(&p));
  tls_inside_age_tickets(p.server_ctx, 7200 - 10);
  tls_inside_age_tickets(p.server_ctx, 7200 - 10);
  assert_true(resumes(&p));
  tls_inside_age_tickets(p.server_ctx, 7200);
  assert_false(resumes(&p));
}

static void replace(tls_contexts *cs, tls_pair *p) {
  tls_failure failure;
  assert_int_equal(
      tls_contexts_replace(cs, &pair_alloc.handle, &pair_server_config, WS_SERVER, &failure), 0);
  tls_context_unref(p->server_ctx);
  p->server_ctx = tls_context_ref(cs->list[0]);
}

/* F68. Another context has other keys, even if its configuration reads the same. */
TEST(test_ticket_of_before_a_replacement_is_not_accepted) {
  tls_contexts contexts = {{NULL}};
  for (int i = 0; i < 2; i++) {
    pair_config.max_version = i == 0 ? WSUV_TLS_1_2 : WSUV_TLS_ANY;
    SCOPED(tls_pair, p);
    replace(&contexts, &p);
    assert_false(resumes(&p));
    assert_true(resumes(&p));
    replace(&contexts, &p);
    assert_false(resumes(&p));
    assert_true(resumes(&p));
  }
  tls_contexts_free(&contexts);
}

/* F68. A session that is open has what it had, and a handshake that has begun ends with it; who
   comes later gets the new certificate. */
TEST(test_certificate_is_replaced_under_load) {
  enum { SESSIONS = 12 };
  const cert_spec spec = {.name = "next", .hosts = {pair_host}};
  tls_contexts contexts = {{NULL}};
  tls_failure failure;
  tls_end ends[SESSIONS][2];
  cert next;
  cert_make(&next, &spec, &pair_ca);
  pair_config.resumption = false;
  SCOPED(tls_pair, p);
  replace(&contexts, &p);
  wsuv_tls_config_t now = pair_server_config;
  now.cert_pem = next.pem;
  now.cert_pem_len = strlen(next.pem);
  now.key_pem = next.key_pem;
  now.key_pem_len = strlen(next.key_pem);
  for (size_t i = 0; i < SESSIONS; i++) {
    tls_end_init(&ends[i][0], p.client_ctx, pair_host, PAIR_PORT);
    tls_end_init(&ends[i][1], contexts.list[0], NULL, 0);
    /* Half of them are open, the others anywhere in the handshake. */
    tls_ends_run_until(&ends[i][1], &ends[i][0], i % 2 == 0 ? UINT64_MAX : 100 * i);
    if (i != SESSIONS / 2) continue;
    assert_int_equal(tls_contexts_replace(&contexts, &pair_alloc.handle, &now, WS_SERVER, &failure),
                     0);
  }
  for (size_t i = 0; i < SESSIONS; i++) {
    const cert *shown = i <= SESSIONS / 2 ? &pair_server : &next;
    tls_ends_run(&ends[i][0], &ends[i][1], 0);
    tls_end_write(&ends[i][0], "x", 1);
    tls_ends_run(&ends[i][0], &ends[i][1], 0);
    pair_assert_in(&ends[i][1], "x", 1);
    tls_info f = pair_facts(&ends[i][0]);
    assert_int_equal(f.peer_cert_len, shown->der_len);
    assert_memory_equal(f.peer_cert, shown->der, shown->der_len);
    tls_end_free(&ends[i][0]);
    tls_end_free(&ends[i][1]);
  }
  tls_contexts_free(&contexts);
  cert_free(&next);
}

/* The old one stays, and the words name the file. */
TEST(test_replacement_that_fails_changes_nothing) {
  tls_contexts contexts = {{NULL}};
  tls_failure failure;
  SCOPED(tls_pair, p);
  replace(&contexts, &p);
  assert_false(resumes(&p));
  wsuv_tls_config_t now;
  wsuv_tls_config_init(&now);
  now.cert_file = now.key_file = "/no/such/file";
  assert_int_equal(tls_contexts_replace(&contexts, &pair_alloc.handle, &now, WS_SERVER, &failure),
                   WSUV_ETLS);
  assert_string_equal(failure.text, "own certificate: /no/such/file: no such file or directory");
  assert_ptr_equal(contexts.list[0], p.server_ctx);
  assert_true(resumes(&p));
  tls_contexts_free(&contexts);
}
