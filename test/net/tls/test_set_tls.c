/* wsuv_client_set_tls: another configuration of TLS for the sessions to come, and what a session
   has when files cannot be opened. */

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <uv.h>

#include "support/scenario.h"
#include "support/secure_user.h"
#include "support/temp_file.h"
#include "support/tls_ends.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* A certificate that the world's peers do not have. */
static const cert *stranger(void) {
  static const cert_spec spec = {.name = "stranger", .hosts = {"127.0.0.1"}};
  static cert c;
  if (c.der_len == 0) cert_make(&c, &spec, NULL);
  return &c;
}

static const wsuv_tls_config_t *foreign_tls(void) {
  static wsuv_tls_config_t tls;
  wsuv_tls_config_init(&tls);
  tls.library = test_library(WS_CLIENT);
  tls.ca_pem = stranger()->pem;
  tls.ca_pem_len = strlen(stranger()->pem);
  return &tls;
}

/* With an echo, behind which the tickets of TLS 1.3 have come. Whether it was resumed. */
static bool finish(secure_user *s) {
  assert_int_equal(user_text(&s->u, "echo"), 0);
  world_run_until_count(s->u.w, &s->u.messages, 1);
  secure_close(s);
  assert_true(user_ended_cleanly(&s->u, 1000, 1000));
  bool resumed = s->resumed;
  secure_user_free(s);
  return resumed;
}

static bool runs(session_user *u) {
  secure_user s = {.u.forgets = true};
  u->peer->echoes = u->peer->forgets = true;
  secure_open(&s, user_client(u), u->peer, NULL);
  return finish(&s);
}

static void fails(session_user *u, int status) {
  secure_user s = {.tls_error = 0};
  secure_try(&s, user_client(u), u->peer->raw, NULL);
  assert_true(secure_failed(&s, status));
  secure_user_free(&s);
}

static int set(session_user *u, const wsuv_tls_config_t *tls) {
  return wsuv_client_set_tls(user_client(u), tls);
}

SCENARIO_ONLY_TLS_TEST(test_new_trust_is_for_the_sessions_to_come, w, p, u) {
  wsuv_config_t config;
  u->config.tls = foreign_tls();
  fails(u, WSUV_ETLSVERIFY);
  assert_int_equal(set(u, world_tls(w)), 0);
  (void) runs(u);
  wsuv_client_get_config(u->client, &config);
  assert_string_equal(config.tls->ca_pem, world_tls(w)->ca_pem);
  assert_ptr_not_equal(config.tls->ca_pem, world_tls(w)->ca_pem);
  assert_int_equal(set(u, foreign_tls()), 0);
  fails(u, WSUV_ETLSVERIFY);
}

SCENARIO_ONLY_TLS_TEST(test_open_session_keeps_what_it_has, w, p, u) {
  secure_user s = {.u.forgets = true};
  p->echoes = p->forgets = true;
  secure_open(&s, user_client(u), p, NULL);
  assert_int_equal(set(u, foreign_tls()), 0);
  fails(u, WSUV_ETLSVERIFY);
  (void) finish(&s);
}

/* Whether its handshake of TLS has begun or not. */
SCENARIO_ONLY_TLS_TEST(test_connecting_session_keeps_what_it_has, w, p, u) {
  secure_user s = {.u.forgets = true};
  p->echoes = p->forgets = true;
  const char *url = raw_peer_url(p->raw, "/");
  assert_int_equal(secure_request(&s, user_client(u), w, url, NULL), 0);
  assert_int_equal(set(u, foreign_tls()), 0);
  world_run_until_count(w, &s.u.opens, 1);
  fails(u, WSUV_ETLSVERIFY);
  (void) finish(&s);
}

SCENARIO_ONLY_TLS_TEST(test_nothing_is_resumed_across_configurations, w, p, u) {
  assert_false(runs(u));
  assert_true(runs(u));
  assert_int_equal(set(u, world_tls(w)), 0); /* alike, and new all the same */
  assert_false(runs(u));
  assert_true(runs(u));
}

SCENARIO_ONLY_TLS_TEST(test_files_are_read_anew, w, p, u) {
  const char *good = world_tls(w)->ca_pem;
  wsuv_tls_config_t tls;
  SCOPED(temp_file, file);
  wsuv_tls_config_init(&tls);
  tls.library = test_library(WS_CLIENT);
  tls.ca_file = file.path;
  temp_file_put(&file, stranger()->pem, strlen(stranger()->pem));
  u->config.tls = &tls;
  fails(u, WSUV_ETLSVERIFY);
  temp_file_put(&file, good, strlen(good));
  fails(u, WSUV_ETLSVERIFY);
  assert_int_equal(set(u, &tls), 0);
  (void) runs(u);
}

/* --- failures --- */

static void on_line(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                    void *arg) {
  if (level == WSUV_LOG_ERROR && session == NULL) bytes_print(arg, "%s\n", text);
}

/* What could be resumed before can still be. */
SCENARIO_ONLY_TLS_TEST(test_old_stays_when_the_new_one_fails, w, p, u) {
  bytes log = {0};
  wsuv_tls_config_t tls = *world_tls(w);
  u->config.log = on_line;
  u->config.log_arg = &log;
  assert_false(runs(u));
  tls.ca_file = "/no/such/file";
  assert_int_equal(set(u, &tls), WSUV_ETLSTRUST);
  assert_non_null(strstr(bytes_text(&log), "/no/such/file: no such file or directory\n"));
  tls.ca_file = NULL;
  tls.cert_file = tls.key_file = "/no/such/key";
  assert_int_equal(set(u, &tls), WSUV_ETLS);
  tls = *world_tls(w);
  tls.min_version = (wsuv_tls_version_t) 1;
  assert_int_equal(set(u, &tls), UV_EINVAL);
  tls.size = 1;
  assert_int_equal(set(u, &tls), WSUV_ESIZE);
  assert_true(runs(u));
  scenario_finish(u);
  bytes_free(&log);
}

SCENARIO_ONLY_TLS_TEST(test_closing_client_takes_no_configuration, w, p, u) {
  wsuv_client_t *client;
  assert_int_equal(world_client(w, &client, NULL), 0);
  assert_int_equal(wsuv_client_close(client, NULL), 0);
  assert_int_equal(wsuv_client_set_tls(client, world_tls(w)), WSUV_ESTATE);
  world_client_close(w, client);
}

/* F46. The one before or the new one, and nothing in between. */
SCENARIO_ONLY_SIM_TLS_TEST(test_each_allocation_fails, w, p, u) {
  int err = UV_ENOMEM;
  (void) runs(u);
  for (uint64_t n = 1; err != 0; n++) {
    w->alloc->fail_at = w->alloc->calls + n;
    err = set(u, world_tls(w));
    w->alloc->fail_at = 0;
    assert_true(err == 0 || err == UV_ENOMEM);
    assert_int_equal(runs(u), err != 0);
  }
}

/* F54. The session fails, and the next one finds all that is trusted. */
SCENARIO_ONLY_SIM_TLS_TEST(test_descriptors_that_run_short_fail_one_session, w, p, u) {
  char detail[200];
  const char *good = world_tls(w)->ca_pem;
  struct rlimit limit, none = {0, 0};
  wsuv_tls_config_t tls;
  secure_user s = {.tls_error = 0};
  SCOPED(temp_file, file);
  temp_file_put(&file, good, strlen(good));
  wsuv_tls_config_init(&tls);
  tls.library = test_library(WS_CLIENT);
  tls.ca_file = file.path;
  tls.ca_pem = stranger()->pem;
  tls.ca_pem_len = strlen(stranger()->pem);
  u->config.tls = &tls;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  none.rlim_max = limit.rlim_max;
  CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
  secure_try(&s, user_client(u), p->raw, NULL);
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  assert_true(secure_failed(&s, UV_EMFILE));
  (void) snprintf(detail, sizeof detail, "%s: too many open files", file.path);
  assert_string_equal(s.u.end.detail, detail);
  secure_user_free(&s);
  (void) runs(u);
}
