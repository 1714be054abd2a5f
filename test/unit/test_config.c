/* The configuration of both roles: defaults, checks, what belongs to the whole, copies. What a
   client refuses is in net/connect/test_connect_arguments.c, too, through its public functions. */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <wsuv/error.h>
#include <wsuv/version.h>

#include "session/config.h"
#include "support/alloc_failures.h"
#include "support/secret_alloc.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

static wsuv_config_t defaults_of(ws_role role) {
  wsuv_config_t c;
  memset(&c, 0xaa, sizeof c);
  if (role == WS_CLIENT) {
    wsuv_client_config_init(&c);
  } else {
    wsuv_server_config_init(&c);
  }
  return c;
}

static int check(const wsuv_config_t *c, ws_role role) {
  ws_why why = {""};
  return config_check(c, role, &why);
}

/* --- defaults --- */

static void check_common_defaults(const wsuv_config_t *c) {
  assert_int_equal(c->size, sizeof *c);
  assert_true(c->ping_interval_ms == 0 && c->idle_timeout_ms == 0);
  assert_int_equal(c->max_frame_size, 2147483647);
  assert_int_equal(c->max_message_size, 16 * 1024 * 1024);
  assert_int_equal(c->max_message_fragments, 131072);
  assert_int_equal(c->outgoing_max, 16 * 1024 * 1024);
  assert_int_equal(c->outgoing_policy, WSUV_OUTGOING_SUSPEND);
  assert_int_equal(c->high_water, 1024 * 1024);
  assert_int_equal(c->low_water, 256 * 1024);
  assert_int_equal(c->handshake_timeout_ms, 10000);
  assert_int_equal(c->close_timeout_ms, 5000);
  assert_int_equal(c->max_handshake_size, 16 * 1024);
  assert_int_equal(c->max_handshake_headers, 100);
  assert_true(c->tcp_nodelay && !c->keep_handshake);
  assert_true(c->header_count == 0 && c->subprotocol_count == 0 && c->extension_count == 0);
  assert_true(c->tls == NULL && c->converter == NULL && c->allocator == NULL && c->random == NULL);
  assert_true(c->local_address == NULL && c->log == NULL && c->log_level == WSUV_LOG_INFO);
  assert_int_equal(c->resolver, WSUV_RESOLVER_AUTO);
  assert_int_equal(c->max_connecting, 0);
  assert_int_equal(c->fragment_size, 64 * 1024);
  assert_int_equal(c->log_payload_size, 64);
  assert_true(c->tcp_user_timeout_ms == 0 && c->max_message_rate == 0 && c->max_lifetime_ms == 0);
  assert_true(c->max_sessions_per_address == 0 && !c->reuse_port && c->deflate_memory_max == 0);
  assert_true(c->hosts == NULL && c->host_count == 0);
  assert_true(c->origins == NULL && c->origin_count == 0);
  assert_int_equal(c->subprotocol_policy, WSUV_SUBPROTOCOL_DEFAULT);
  assert_int_equal(c->forwarded, WSUV_FORWARDED_NONE);
  assert_true(c->trusted_proxies == NULL && c->trusted_proxy_count == 0);
}

TEST(test_config_defaults_of_a_client) {
  const wsuv_config_t c = defaults_of(WS_CLIENT);
  check_common_defaults(&c);
  assert_true(c.masking);
  assert_int_equal(c.ping_timeout_ms, 0);
  assert_int_equal(c.close_deadline_ms, 120000);
  assert_int_equal(c.tcp_keepalive_s, 0);
  assert_string_equal(c.user_agent, "wsuv/" WSUV_VERSION_STRING);
  assert_int_equal(c.queue_timeout_ms, 10000);
  assert_true(c.max_sessions == 0 && c.max_handshakes == 0 && c.max_handshakes_per_address == 0);
  assert_int_equal(c.backlog, 0);
  assert_int_equal(check(&c, WS_CLIENT), 0);
}

TEST(test_config_defaults_of_a_server) {
  const wsuv_config_t c = defaults_of(WS_SERVER);
  check_common_defaults(&c);
  assert_false(c.masking);
  assert_int_equal(c.ping_timeout_ms, 15000);
  assert_int_equal(c.close_deadline_ms, 30000);
  assert_int_equal(c.tcp_keepalive_s, 60);
  assert_null(c.user_agent);
  assert_int_equal(c.queue_timeout_ms, 0);
  assert_int_equal(c.max_sessions, 100000);
  assert_int_equal(c.max_handshakes, 1024);
  assert_int_equal(c.max_handshakes_per_address, 256);
  assert_int_equal(c.backlog, 511);
  assert_int_equal(check(&c, WS_SERVER), 0);
}

/* As many bytes as the caller's structure has. */
TEST(test_config_defaults_of_older_and_newer_callers) {
  enum { OLDER = offsetof(wsuv_config_t, max_sessions), NEWER = sizeof(wsuv_config_t) + 32 };
  const wsuv_config_t expected = defaults_of(WS_SERVER);
  unsigned char to[NEWER];
  memset(to, 0xaa, sizeof to);
  wsuv_server_config_defaults((wsuv_config_t *) (void *) to, OLDER);
  assert_memory_equal(to + sizeof(size_t), (const char *) &expected + sizeof(size_t),
                      OLDER - sizeof(size_t));
  for (size_t i = OLDER; i < NEWER; i++) assert_int_equal(to[i], 0xaa);
  wsuv_server_config_defaults((wsuv_config_t *) (void *) to, NEWER);
  assert_memory_equal(to + sizeof(size_t), (const char *) &expected + sizeof(size_t),
                      sizeof expected - sizeof(size_t));
  for (size_t i = sizeof expected; i < NEWER; i++) assert_int_equal(to[i], 0);
}

/* --- checks --- */

static const char *const two[] = {"a.example", "b.example"}, *const hole[] = {"a.example", NULL},
                         *const empty[] = {""},
                         *const sites[] = {"https://a.example", "https://b.example"},
                         *const ranges[] = {"10.0.0.0/8", "unix:"};

/* A configuration of a server with one thing wrong, the n-th. false: there is no n-th. */
static bool spoil(wsuv_config_t *c, size_t n) {
  switch (n) {
  case 0: c->max_sessions = 0; return true;
  case 1: c->max_handshakes = 0; return true;
  case 2: c->max_handshakes_per_address = 0; return true;
  case 3: c->backlog = 0; return true;
  case 4: c->backlog = (unsigned) INT_MAX + 1; return true;
  case 5: c->tcp_user_timeout_ms = (unsigned) INT_MAX + 1; return true;
  case 6: c->subprotocol_policy = (wsuv_subprotocol_policy_t) -1; return true;
  case 7: c->subprotocol_policy = (wsuv_subprotocol_policy_t) 4; return true;
  case 8: c->host_count = 1; return true;
  case 9: c->origin_count = 1; return true;
  case 10: c->hosts = hole, c->host_count = 2; return true;
  case 11: c->origins = hole, c->origin_count = 2; return true;
  case 12: c->hosts = empty, c->host_count = 1; return true;
  case 13: c->origins = empty, c->origin_count = 1; return true;
  case 14: c->max_frame_size = 0; return true;
  case 15: c->low_water = c->high_water + 1; return true;
  case 16: c->tcp_keepalive_s = 32768; return true;
  case 17: c->handshake_timeout_ms = 0; return true;
  case 18: c->forwarded = (wsuv_forwarded_t) -1; return true;
  case 19: c->forwarded = (wsuv_forwarded_t) 3; return true;
  case 20: c->trusted_proxy_count = 1; return true;
  case 21: c->trusted_proxies = hole, c->trusted_proxy_count = 2; return true;
  case 22: c->trusted_proxies = two, c->trusted_proxy_count = 2; return true;
  case 23: c->forwarded = WSUV_FORWARDED_X; return true;
  default: return false;
  }
}

TEST(test_config_of_a_server_out_of_range) {
  for (size_t n = 0;; n++) {
    wsuv_config_t c = defaults_of(WS_SERVER);
    if (!spoil(&c, n)) break;
    assert_that(check(&c, WS_SERVER) == UV_EINVAL, "%zu", n);
  }
}

TEST(test_config_of_a_server_at_its_bounds) {
  wsuv_config_t c = defaults_of(WS_SERVER);
  c.max_sessions = c.max_sessions_per_address = UINT_MAX;
  c.max_handshakes = c.max_handshakes_per_address = 1;
  c.backlog = c.tcp_user_timeout_ms = INT_MAX;
  c.max_message_rate = UINT_MAX;
  c.max_lifetime_ms = UINT64_MAX;
  c.hosts = two;
  c.origins = sites;
  c.host_count = c.origin_count = 2;
  c.subprotocol_policy = WSUV_SUBPROTOCOL_OPTIONAL;
  c.forwarded = WSUV_FORWARDED_RFC7239;
  c.trusted_proxies = ranges;
  c.trusted_proxy_count = 2;
  c.masking = true; /* for peers that are known to accept it */
  assert_int_equal(check(&c, WS_SERVER), 0);
}

/* --- fields of one role --- */

static bool set_server_field(wsuv_config_t *c, size_t n) {
  switch (n) {
  case 0: c->max_sessions = 1; return true;
  case 1: c->max_sessions_per_address = 1; return true;
  case 2: c->max_handshakes = 1; return true;
  case 3: c->max_handshakes_per_address = 1; return true;
  case 4: c->backlog = 1; return true;
  case 5: c->reuse_port = true; return true;
  case 6: c->hosts = two; return true;
  case 7: c->host_count = 2; return true;
  case 8: c->origins = two; return true;
  case 9: c->origin_count = 2; return true;
  case 10: c->subprotocol_policy = WSUV_SUBPROTOCOL_OPTIONAL; return true;
  case 11: c->deflate_memory_max = 1; return true;
  case 12: c->forwarded = WSUV_FORWARDED_X; return true;
  case 13: c->trusted_proxies = ranges; return true;
  case 14: c->trusted_proxy_count = 2; return true;
  default: return false;
  }
}

static bool set_client_field(wsuv_config_t *c, size_t n) {
  switch (n) {
  case 0: c->user_agent = ""; return true;
  case 1: c->local_address = "::1"; return true;
  case 2: c->resolver = WSUV_RESOLVER_SYSTEM; return true;
  case 3: c->max_connecting = 1; return true;
  case 4: c->queue_timeout_ms = 1; return true;
  default: return false;
  }
}

static void check_fields_of(bool (*set)(wsuv_config_t *c, size_t n), ws_role other,
                            const char *words) {
  for (size_t n = 0;; n++) {
    wsuv_config_t c = defaults_of(other);
    ws_why why = {""};
    if (!set(&c, n)) break;
    assert_int_equal(config_check(&c, other, &why), UV_EINVAL);
    assert_non_null(strstr(why.text, words));
  }
}

TEST(test_config_with_a_field_of_the_other_role) {
  check_fields_of(set_server_field, WS_CLIENT, " is a field of a server");
  check_fields_of(set_client_field, WS_SERVER, " is a field of a client");
}

/* A client that takes a server's configuration would not mask. */
TEST(test_config_of_the_other_role_is_refused) {
  const wsuv_config_t client = defaults_of(WS_CLIENT), server = defaults_of(WS_SERVER);
  assert_int_equal(check(&server, WS_CLIENT), UV_EINVAL);
  assert_int_equal(check(&client, WS_SERVER), UV_EINVAL);
}

/* --- fields of the whole --- */

static int other_random(void *buf, size_t len, void *arg) {
  (void) arg;
  memset(buf, 1, len);
  return 0;
}

static bool change_common(wsuv_config_t *c, size_t n) {
  static wsuv_allocator_t other;
  switch (n) {
  case 0: other = *c->allocator, other.arg = &other, c->allocator = &other; return true;
  case 1: c->random = other_random; return true;
  case 2: c->random_arg = c; return true;
  case 3: c->log = wsuv_log_stderr; return true;
  case 4: c->log_arg = c; return true;
  case 5: c->log_level = WSUV_LOG_ERROR; return true;
  case 6: c->log_payload_size = 1; return true;
  default: return false;
  }
}

static bool change_of_client(wsuv_config_t *c, size_t n) {
  switch (n) {
  case 0: c->resolver = WSUV_RESOLVER_SYSTEM; return true;
  case 1: c->max_connecting = 1; return true;
  case 2: c->queue_timeout_ms = 1; return true;
  default: return false;
  }
}

static bool change_of_server(wsuv_config_t *c, size_t n) {
  static const char *const other[] = {"a.example", "c.example"};
  static const char *const others[] = {"10.0.0.0/8", "::1"};
  switch (n) {
  case 0: c->handshake_timeout_ms = 1; return true;
  case 1: c->max_handshake_size = 1; return true;
  case 2: c->max_handshake_headers = 1; return true;
  case 3: c->tcp_nodelay = false; return true;
  case 4: c->tcp_keepalive_s = 1; return true;
  case 5: c->tcp_user_timeout_ms = 1; return true;
  case 6: c->max_sessions = 1; return true;
  case 7: c->max_sessions_per_address = 1; return true;
  case 8: c->max_handshakes = 1; return true;
  case 9: c->max_handshakes_per_address = 1; return true;
  case 10: c->backlog = 1; return true;
  case 11: c->reuse_port = true; return true;
  case 12: c->host_count = 1; return true;
  case 13: c->hosts = other; return true;
  case 14: c->deflate_memory_max = 1; return true;
  case 15: c->forwarded = WSUV_FORWARDED_X; return true;
  case 16: c->trusted_proxy_count = 1; return true;
  case 17: c->trusted_proxies = others; return true;
  default: return false;
  }
}

/* What a session, or a route, may have as it likes. */
static bool change_own(wsuv_config_t *c, size_t n) {
  switch (n) {
  case 0: c->ping_interval_ms = c->ping_timeout_ms = c->idle_timeout_ms = 1; return true;
  case 1: c->max_frame_size = c->max_message_size = c->max_message_fragments = 1; return true;
  case 2: c->masking = !c->masking; return true;
  case 3: c->outgoing_max = c->high_water = c->low_water = 1; return true;
  case 4: c->outgoing_policy = WSUV_OUTGOING_CLOSE; return true;
  case 5: c->close_timeout_ms = c->close_deadline_ms = 1; return true;
  case 6: c->keep_handshake = true; return true;
  case 7: c->subprotocols = two, c->subprotocol_count = 2; return true;
  case 8: c->fragment_size = 0; return true;
  case 9: c->max_message_rate = 1; return true;
  case 10: c->max_lifetime_ms = 1; return true;
  case 11: c->allocator = NULL; return true;
  default: return false;
  }
}

static bool change_own_of_client(wsuv_config_t *c, size_t n) {
  switch (n) {
  case 0: c->handshake_timeout_ms = 1; return true;
  case 1: c->max_handshake_size = c->max_handshake_headers = 1; return true;
  case 2: c->tcp_nodelay = false; return true;
  case 3: c->tcp_keepalive_s = c->tcp_user_timeout_ms = 1; return true;
  case 4: c->user_agent = NULL; return true;
  case 5: c->local_address = "::1"; return true;
  default: return false;
  }
}

static bool change_own_of_server(wsuv_config_t *c, size_t n) {
  static const char *copies[2];
  switch (n) {
  case 0: c->origins = sites, c->origin_count = 1; return true;
  case 1: c->subprotocol_policy = WSUV_SUBPROTOCOL_REQUIRED; return true;
  case 2: memcpy(copies, two, sizeof copies), c->hosts = copies; return true;
  default: return false;
  }
}

static void check_changes(bool (*change)(wsuv_config_t *c, size_t n), ws_role role, int expected) {
  track_alloc alloc;
  track_alloc_init(&alloc);
  for (size_t n = 0;; n++) {
    wsuv_config_t endpoint = defaults_of(role);
    ws_why why = {""};
    endpoint.allocator = &alloc.handle;
    if (role == WS_SERVER) {
      endpoint.hosts = two, endpoint.host_count = 2;
      endpoint.trusted_proxies = ranges, endpoint.trusted_proxy_count = 2;
    }
    wsuv_config_t c = endpoint;
    assert_int_equal(config_check_own(&c, role, &endpoint, &why), 0);
    if (!change(&c, n)) break;
    assert_that(config_check_own(&c, role, &endpoint, &why) == expected, "%zu: %s", n, why.text);
    if (expected < 0) assert_non_null(strstr(why.text, " is not that of the "));
  }
}

TEST(test_config_of_its_own_with_a_field_of_the_whole) {
  for (ws_role role = WS_CLIENT; role <= WS_SERVER; role++) {
    check_changes(change_common, role, UV_EINVAL);
    check_changes(change_own, role, 0);
  }
  check_changes(change_of_client, WS_CLIENT, UV_EINVAL);
  check_changes(change_own_of_client, WS_CLIENT, 0);
  check_changes(change_of_server, WS_SERVER, UV_EINVAL);
  check_changes(change_own_of_server, WS_SERVER, 0);
}

TEST(test_config_of_its_own_is_checked) {
  const wsuv_config_t endpoint = defaults_of(WS_SERVER);
  for (size_t n = 0;; n++) {
    wsuv_config_t c = endpoint;
    ws_why why = {""};
    if (!spoil(&c, n)) break;
    assert_int_equal(config_check_own(&c, WS_SERVER, &endpoint, &why), UV_EINVAL);
  }
}

/* --- reading --- */

static int read_as(config_input *in, ws_role role, const wsuv_config_t *from, size_t claimed) {
  ws_why why = {""};
  unsigned char bytes[sizeof(wsuv_config_t) + 32] = {0};
  memcpy(bytes, from, sizeof *from);
  memcpy(bytes, &claimed, sizeof claimed);
  return config_read(in, role, (const wsuv_config_t *) (const void *) bytes, &why);
}

TEST(test_config_of_older_and_newer_callers_is_read) {
  config_input in;
  wsuv_config_t c = defaults_of(WS_SERVER);
  c.deflate_memory_max = 12345;
  assert_int_equal(read_as(&in, WS_SERVER, &c, sizeof c), 0);
  assert_int_equal(in.config.deflate_memory_max, 12345);
  assert_int_equal(read_as(&in, WS_SERVER, &c, sizeof c + 32), 0);
  assert_int_equal(in.config.size, sizeof c);
  assert_int_equal(in.config.deflate_memory_max, 12345);
  assert_int_equal(read_as(&in, WS_SERVER, &c, sizeof c - 1), WSUV_ESIZE);
}

/* --- copies --- */

static void check_copy(const wsuv_config_t *copy, const char *const *copied, size_t count) {
  assert_int_equal(count, 2);
  assert_ptr_not_equal(copied, two);
  assert_int_equal(copy->max_sessions, 7);
  for (size_t i = 0; i < count; i++) {
    assert_ptr_not_equal(copied[i], two[i]);
    assert_string_equal(copied[i], two[i]);
  }
}

TEST(test_config_is_copied_with_all_that_it_points_to) {
  static const wsuv_header_t headers[] = {{"X-A", "1"}, {"X-B", "2"}};
  wsuv_config_t c = defaults_of(WS_SERVER), copy;
  c.max_sessions = 7;
  c.headers = headers;
  c.header_count = 2;
  c.subprotocols = c.hosts = c.origins = c.trusted_proxies = two;
  c.subprotocol_count = c.host_count = c.origin_count = c.trusted_proxy_count = 2;
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    track_alloc alloc;
    track_alloc_init(&alloc);
    alloc_failures_begin(&f, &alloc);
    int err = config_copy(&copy, &alloc.handle, &c);
    assert_int_equal(err, alloc_failures_end(&f, &alloc) ? UV_ENOMEM : 0);
    if (err == 0) {
      check_copy(&copy, copy.hosts, copy.host_count);
      check_copy(&copy, copy.origins, copy.origin_count);
      check_copy(&copy, copy.trusted_proxies, copy.trusted_proxy_count);
      check_copy(&copy, copy.subprotocols, copy.subprotocol_count);
      config_free(&copy, &alloc.handle);
    }
    assert_int_equal(alloc.live, 0);
  }
}

/* Field values, subprotocols and proxies may have tokens and passwords. */
TEST(test_config_leaves_no_secret_in_freed_memory) {
  static const wsuv_header_t headers[] = {{"Authorization", "Bearer open-sesame"}};
  static const char *const subprotocols[] = {"chat", "token.open-sesame"};
  wsuv_config_t c = defaults_of(WS_CLIENT), copy;
  secret_alloc alloc;
  secret_alloc_init(&alloc, "open-sesame");
  c.headers = headers;
  c.header_count = COUNT_OF(headers);
  c.subprotocols = subprotocols;
  c.subprotocol_count = COUNT_OF(subprotocols);
  c.proxy = "http://u:open-sesame@proxy.test";
  assert_int_equal(config_copy(&copy, &alloc.handle, &c), 0);
  config_free(&copy, &alloc.handle);
  assert_true(alloc.freed > 0);
  assert_int_equal(alloc.leaks, 0);
  assert_int_equal(alloc.below.live, 0);
}
