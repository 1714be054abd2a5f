/* What wsuv_connect refuses: at once, with a code; nothing is sent, and no callback runs. F8 F9 F18
 */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "net/uv/lookup_cares.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

static void assert_refused(session_user *u, const wsuv_request_t *r, int code) {
  int err = user_request(u, r);
  assert_string_equal(wsuv_err_name(err), wsuv_err_name(code));
  assert_int_equal(wsuv_client_session_count(u->client), 0);
}

/* Nothing of all that was refused comes to anything. */
static void end_refused(session_user *u) {
  world_run(u->w);
  assert_int_equal(u->opens + u->messages + u->closes, 0);
  assert_int_equal(u->peer->raw->accepted, 0);
  user_close_client(u);
  assert_int_equal(u->closes, 0);
}

/* A request that is right; each test makes one thing of it wrong. */
static wsuv_request_t good_request(session_user *u) {
  wsuv_request_t r;
  (void) user_client(u);
  wsuv_request_init(&r, raw_peer_url(u->peer->raw, "/"));
  return r;
}

/* --- URLs --- */

SCENARIO_TEST(test_arguments_url_is_bad, w, p, u) {
  static const char *const urls[] = {NULL,
                                     "",
                                     "example.org",
                                     "ws:",
                                     "ws://",
                                     "ws:///path",
                                     "ftp://example.org/",
                                     "ws+unix://run/socket:/",
                                     "ws+unix:///run/socket:path",
                                     "ws+unix:///run/socket:/path#fragment",
                                     "ws://example.org:0/",
                                     "ws://example.org:65536/",
                                     "ws://example.org:80x/",
                                     "ws://example.org/#fragment",
                                     "ws://example.org/a b",
                                     "ws://exa mple.org/",
                                     "ws://[::1/",
                                     "ws://[not:an:address]/",
                                     "ws://user@/",
                                     "ws://example.org/%",
                                     "ws://example.org/%4",
                                     "wss://example.org/#fragment",
                                     " ws://example.org/"};
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    wsuv_request_t r = good_request(u);
    r.url = urls[i];
    assert_refused(u, &r, WSUV_EURL);
    assert_int_equal(user_try_connect_url(u, urls[i]), WSUV_EURL);
  }
  end_refused(u);
}

SCENARIO_TEST(test_arguments_host_is_too_long, w, p, u) {
  bytes url = {0};
  bytes_add(&url, "ws://", 5);
  for (size_t i = 0; i < 254; i++) bytes_add(&url, "a", 1);
  wsuv_request_t r = good_request(u);
  r.url = bytes_text(&url);
  assert_refused(u, &r, WSUV_EURL);
  bytes_free(&url);
  end_refused(u);
}

SCENARIO_TEST(test_arguments_tls_is_wrong, w, p, u) {
  static const char *const pins[] = {"sha256//too short"};
  wsuv_config_t config;
  wsuv_tls_config_t tls;
  wsuv_request_t r = good_request(u);
  wsuv_client_config_init(&config);
  wsuv_tls_config_init(&tls);
  config.tls = &tls;
  r.config = &config;
  tls.pins = pins;
  tls.pin_count = 1;
  assert_refused(u, &r, UV_EINVAL);
  tls.pin_count = 0;
  tls.cert_file = "and no key";
  assert_refused(u, &r, UV_EINVAL);
  tls.cert_file = NULL;
  tls.size--;
  assert_refused(u, &r, WSUV_ESIZE);
  end_refused(u);
}

/* --- parts, and an address --- */

typedef struct parts {
  const char *url, *host;
  unsigned port;
  const char *path;
  bool secure;
  const char *address;
  int code;
} parts;

SCENARIO_TEST(test_arguments_parts_are_bad, w, p, u) {
  static const char url[] = "ws://127.0.0.1/";
  static const parts all[] = {
      {NULL, NULL, 80, NULL, false, NULL, WSUV_EURL},
      {NULL, NULL, 0, "/", true, NULL, WSUV_EURL},
      {NULL, "", 0, NULL, false, NULL, WSUV_EURL},
      {NULL, "a b", 0, NULL, false, NULL, WSUV_EURL},
      {NULL, "[::1]", 0, NULL, false, NULL, WSUV_EURL},
      {NULL, "a:80", 0, NULL, false, NULL, WSUV_EURL},
      {NULL, "user@a", 0, NULL, false, NULL, WSUV_EURL},
      {NULL, "a", 65536, NULL, false, NULL, WSUV_EURL},
      {NULL, "a", 0, "path", false, NULL, WSUV_EURL},
      {NULL, "a", 0, "/a b", false, NULL, WSUV_EURL},
      {NULL, "a", 0, "/#f", false, NULL, WSUV_EURL},
      {url, "a", 0, NULL, false, NULL, UV_EINVAL},
      {url, NULL, 80, NULL, false, NULL, UV_EINVAL},
      {url, NULL, 0, "/", false, NULL, UV_EINVAL},
      {url, NULL, 0, NULL, true, NULL, UV_EINVAL},
      {url, NULL, 0, NULL, false, "", UV_EINVAL},
      {url, NULL, 0, NULL, false, "localhost", UV_EINVAL},
      {url, NULL, 0, NULL, false, "127.1", UV_EINVAL},
      {url, NULL, 0, NULL, false, "[::1]", UV_EINVAL},
      {url, NULL, 0, NULL, false, "127.0.0.1:80", UV_EINVAL},
      {"ws+unix:///s:/", NULL, 0, NULL, false, "127.0.0.1", UV_EINVAL},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    wsuv_request_t r;
    wsuv_request_init(&r, all[i].url);
    r.host = all[i].host;
    r.port = all[i].port;
    r.path = all[i].path;
    r.secure = all[i].secure;
    r.address = all[i].address;
    assert_refused(u, &r, all[i].code);
  }
  end_refused(u);
}

/* --- credentials --- */

/* It is for a user name of the request, not for one of the URL. */
SCENARIO_TEST(test_arguments_password_without_user, w, p, u) {
  static const char *const urls[] = {"ws://127.0.0.1:1/", "ws://u@127.0.0.1:1/",
                                     "ws://u:p@127.0.0.1:1/", "ws+unix:///s:/"};
  static const char *const passwords[] = {"", "p"};
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    for (size_t k = 0; k < sizeof passwords / sizeof *passwords; k++) {
      wsuv_request_t r;
      wsuv_request_init(&r, urls[i]);
      r.password = passwords[k];
      assert_refused(u, &r, UV_EINVAL);
    }
  }
  end_refused(u);
}

/* --- F8: every byte in every field --- */

enum { FIELD_SIZE = 64 };

typedef struct field {
  const char *name;
  const char *format; /* %c: the byte */
  int code;
  bool tab; /* is not refused */
  void (*set)(wsuv_request_t *r, wsuv_config_t *c, const char *value);
} field;

static wsuv_header_t the_header;
static const char *the_name;

static void set_url(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  (void) c;
  r->url = value;
}

static void set_host(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  (void) c;
  r->url = NULL;
  r->host = value;
}

static void set_path(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  set_host(r, c, "a");
  r->path = value;
}

static void set_address(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  (void) c;
  r->address = value;
}

static void set_local_address(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  (void) r;
  c->local_address = value;
}

static void set_origin(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  (void) c;
  r->origin = value;
}

static void set_header_name(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  (void) c;
  the_header = (wsuv_header_t){value, "x"};
  r->headers = &the_header;
  r->header_count = 1;
}

static void set_header_value(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  (void) c;
  the_header = (wsuv_header_t){"X-Name", value};
  r->headers = &the_header;
  r->header_count = 1;
}

static void set_subprotocol(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  (void) c;
  the_name = value;
  r->subprotocols = &the_name;
  r->subprotocol_count = 1;
}

static void set_config_header(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  set_header_value(r, c, value);
  c->headers = r->headers;
  c->header_count = 1;
  r->headers = NULL;
  r->header_count = 0;
}

static void set_config_subprotocol(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  the_name = value;
  (void) r;
  c->subprotocols = &the_name;
  c->subprotocol_count = 1;
}

static void set_user_agent(wsuv_request_t *r, wsuv_config_t *c, const char *value) {
  (void) r;
  c->user_agent = value;
}

static const field fields[] = {
    {"host", "ws://a%cb/", WSUV_EURL, false, set_url},
    {"port", "ws://a:8%c0/", WSUV_EURL, false, set_url},
    {"path", "ws://a/b%cc", WSUV_EURL, false, set_url},
    {"socket", "ws+unix:///a%cb:/", WSUV_EURL, false, set_url},
    {"target", "ws+unix:///a:/b%cc", WSUV_EURL, false, set_url},
    {"query", "ws://a/b?c%cd", WSUV_EURL, false, set_url},
    {"user", "ws://a%cb:c@d/", WSUV_EURL, false, set_url},
    {"password", "ws://a:b%cc@d/", WSUV_EURL, false, set_url},
    {"host by parts", "a%cb", WSUV_EURL, false, set_host},
    {"path by parts", "/a%cb", WSUV_EURL, false, set_path},
    {"address", "127.0.0.1%c", UV_EINVAL, false, set_address},
    {"local address", "127.0.0.1%c", UV_EINVAL, false, set_local_address},
    {"origin", "a%cb", WSUV_EINVAL_HEADER, true, set_origin},
    {"header name", "a%cb", WSUV_EINVAL_HEADER, false, set_header_name},
    {"header value", "a%cb", WSUV_EINVAL_HEADER, true, set_header_value},
    {"subprotocol", "a%cb", WSUV_EINVAL_HEADER, false, set_subprotocol},
    {"header value of the configuration", "a%cb", WSUV_EINVAL_HEADER, true, set_config_header},
    {"subprotocol of the configuration", "a%cb", WSUV_EINVAL_HEADER, false, set_config_subprotocol},
    {"user agent", "a%cb", WSUV_EINVAL_HEADER, true, set_user_agent},
};

static bool is_control(unsigned c) {
  return c < ' ' || c == 0x7f;
}

static void assert_field_refuses(session_user *u, const field *f, unsigned c) {
  char value[FIELD_SIZE];
  wsuv_config_t config;
  wsuv_request_t r = good_request(u);
  wsuv_client_get_config(u->client, &config);
  r.config = &config;
  (void) snprintf(value, sizeof value, f->format, (int) c);
  f->set(&r, &config, value);
  int err = user_request(u, &r);
  if (err != f->code) print_message("%s, byte %u\n", f->name, c);
  assert_int_equal(err, f->code);
}

SCENARIO_TEST(test_arguments_refuse_control_bytes_in_every_field, w, p, u) {
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    for (unsigned c = 1; c < 256; c++) {
      if (is_control(c) && !(c == '\t' && fields[i].tab)) assert_field_refuses(u, &fields[i], c);
    }
  }
  end_refused(u);
}

/* Credentials are unescaped, and may not smuggle anything in that way. */
SCENARIO_TEST(test_arguments_refuse_escaped_control_bytes_in_credentials, w, p, u) {
  char url[FIELD_SIZE];
  wsuv_request_t r = good_request(u);
  r.url = url;
  for (unsigned c = 0; c < 256; c++) {
    if (!is_control(c)) continue;
    (void) snprintf(url, sizeof url, "ws://a%%%02xb:c@d/", c);
    assert_refused(u, &r, WSUV_EINVAL_HEADER);
    (void) snprintf(url, sizeof url, "ws://a:b%%%02xc@d/", c);
    assert_refused(u, &r, WSUV_EINVAL_HEADER);
  }
  (void) snprintf(url, sizeof url, "ws://a%%3ab:c@d/"); /* a colon in the user (RFC 7617 2) */
  assert_refused(u, &r, WSUV_EINVAL_HEADER);
  end_refused(u);
}

/* Whatever byte is not refused goes out as it is, and nothing else with it. */
SCENARIO_TEST(test_arguments_other_bytes_go_out_as_they_are, w, p, u) {
  char value[FIELD_SIZE], seen[FIELD_SIZE];
  p->raw->lenient = true;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_RESET);
  for (unsigned c = 1; c < 256; c++) {
    wsuv_request_t r = good_request(u);
    (void) snprintf(value, sizeof value, "a%cb", (int) c);
    set_header_value(&r, NULL, value);
    user_reset(u);
    int err = user_request(u, &r);
    assert_true(err == 0 || err == WSUV_EINVAL_HEADER);
    if (c == '\t' || (c >= ' ' && c < 0x7f)) assert_int_equal(err, 0);
    if (err < 0) continue;
    user_run_to_close(u);
    assert_true(
        raw_conn_header(raw_peer_conn(p->raw, p->raw->accepted - 1), "X-Name", seen, sizeof seen));
    assert_string_equal(seen, value);
  }
}

/* --- headers and subprotocols --- */

SCENARIO_TEST(test_arguments_headers_that_are_not_the_user_s, w, p, u) {
  static const char *const names[] = {"Upgrade",
                                      "connection",
                                      "Content-Length",
                                      "transfer-encoding",
                                      "Sec-WebSocket-Key",
                                      "SEC-WEBSOCKET-FOO",
                                      "Sec-WebSocket-Accept",
                                      "Sec-WebSocket-Protocol",
                                      "Sec-WebSocket-Version",
                                      "Sec-WebSocket-Extensions"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    wsuv_request_t r = good_request(u);
    set_header_name(&r, NULL, names[i]);
    assert_refused(u, &r, WSUV_EINVAL_HEADER);
  }
  end_refused(u);
}

SCENARIO_TEST(test_arguments_headers_that_are_none, w, p, u) {
  static const wsuv_header_t bad[] = {{NULL, "x"}, {"X", NULL},  {"", "x"},
                                      {"X:", "x"}, {"X Y", "x"}, {"X\xc3\xa4", "x"}};
  static const wsuv_header_t hosts[] = {{"Host", "a"}, {"host", "b"}};
  wsuv_request_t r = good_request(u);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    r.headers = &bad[i];
    r.header_count = 1;
    assert_refused(u, &r, WSUV_EINVAL_HEADER);
  }
  r.headers = hosts;
  r.header_count = 2;
  assert_refused(u, &r, WSUV_EINVAL_HEADER);
  r.headers = NULL;
  assert_refused(u, &r, UV_EINVAL);
  end_refused(u);
}

SCENARIO_TEST(test_arguments_subprotocols_that_are_none, w, p, u) {
  static const char *const lists[][2] = {{"", "a"},        {"a", NULL},  {"a", "a"},
                                         {"a b", "c"},     {"a,b", "c"}, {"a", "\"b\""},
                                         {"a", "\xc3\xa4"}};
  wsuv_request_t r = good_request(u);
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    r.subprotocols = lists[i];
    r.subprotocol_count = 2;
    assert_refused(u, &r, WSUV_EINVAL_HEADER);
  }
  r.subprotocols = NULL;
  assert_refused(u, &r, UV_EINVAL);
  end_refused(u);
}

/* --- structures --- */

SCENARIO_TEST(test_arguments_sizes_of_structures, w, p, u) {
  static const size_t sizes[] = {0, 1, sizeof(size_t), SIZE_MAX};
  wsuv_callbacks_t callbacks = *user_callbacks();
  wsuv_config_t config;
  wsuv_request_t r = good_request(u);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    r.size = sizes[i];
    assert_refused(u, &r, WSUV_ESIZE);
    callbacks.size = sizes[i];
    r.size = sizeof r;
    assert_int_equal(wsuv_connect(u->client, &r, &callbacks, NULL), WSUV_ESIZE);
  }
  wsuv_client_get_config(user_client(u), &config);
  config.size = sizeof config - 1;
  r = good_request(u);
  r.config = &config;
  assert_refused(u, &r, WSUV_ESIZE);
  end_refused(u);
}

/* A configuration with one thing wrong, the n-th. false: there is no n-th. */
static bool spoil(wsuv_config_t *c, size_t n) {
  switch (n) {
  case 0: c->max_frame_size = 0; return true;
  case 1: c->max_message_size = 0; return true;
  case 2: c->max_message_fragments = 0; return true;
  case 3: c->outgoing_max = 0; return true;
  case 4: c->handshake_timeout_ms = 0; return true;
  case 5: c->close_timeout_ms = 0; return true;
  case 6: c->max_handshake_size = 0; return true;
  case 7: c->max_handshake_headers = 0; return true;
  case 8: c->low_water = c->high_water + 1; return true;
  case 9: c->low_water = SIZE_MAX; return true;
  case 10: c->header_count = 1; return true;
  case 11: c->tcp_keepalive_s = 32768; return true;
  case 12: c->local_address = ""; return true;
  case 13: c->local_address = "localhost"; return true;
  case 14: c->local_address = "127.0.0.1:80"; return true;
  case 15: c->local_address = "[::1]"; return true;
  case 16: c->outgoing_policy = (wsuv_outgoing_policy_t) 2; return true;
  case 17: c->outgoing_policy = (wsuv_outgoing_policy_t) -1; return true;
  case 18: c->log_level = (wsuv_log_level_t) (WSUV_LOG_TRACE + 1); return true;
  case 19: c->log_level = (wsuv_log_level_t) -1; return true;
  case 20: c->resolver = (wsuv_resolver_t) (WSUV_RESOLVER_SYSTEM + 1); return true;
  case 21: c->resolver = (wsuv_resolver_t) -1; return true;
  case 22: c->close_deadline_ms = 0; return true;
  case 23: c->tcp_user_timeout_ms = (unsigned) INT_MAX + 1; return true;
  case 24: c->max_sessions = 1; return true; /* a field of servers */
  default: return false;
  }
}

SCENARIO_TEST(test_arguments_configuration_out_of_range, w, p, u) {
  wsuv_config_t config;
  wsuv_request_t r = good_request(u);
  r.config = &config;
  for (size_t n = 0;; n++) {
    wsuv_client_get_config(user_client(u), &config);
    if (!spoil(&config, n)) break;
    assert_refused(u, &r, UV_EINVAL);
  }
  end_refused(u);
}

WORLD_UV_TEST(test_arguments_client_with_configuration_out_of_range, w) {
  wsuv_config_t config;
  wsuv_client_t *client;
  for (size_t n = 0;; n++) {
    wsuv_client_config_init(&config);
    config.allocator = &w->alloc->handle;
    if (!spoil(&config, n)) break;
    assert_int_equal(wsuv_client_new(&client, world_uv_loop(w), &config), UV_EINVAL);
  }
}

WORLD_UV_TEST(test_arguments_resolver_that_is_not_built_in, w) {
  wsuv_config_t config;
  wsuv_client_t *client;
  wsuv_client_config_init(&config);
  assert_int_equal(config.resolver, WSUV_RESOLVER_AUTO);
  config.allocator = &w->alloc->handle;
  for (int i = WSUV_RESOLVER_AUTO; i <= WSUV_RESOLVER_SYSTEM; i++) {
    config.resolver = (wsuv_resolver_t) i;
    int err = wsuv_client_new(&client, world_uv_loop(w), &config);
    if (err == 0) world_client_close(w, client);
    bool missing = i == WSUV_RESOLVER_CARES && !lookup_cares_built_in;
    assert_int_equal(err, missing ? UV_ENOTSUP : 0);
  }
}

WORLD_UV_TEST(test_arguments_allocator_with_a_function_missing, w) {
  wsuv_config_t config;
  wsuv_client_t *client;
  for (size_t n = 0; n < 3; n++) {
    wsuv_allocator_t holes = w->alloc->handle;
    if (n == 0) holes.malloc = NULL;
    if (n == 1) holes.realloc = NULL;
    if (n == 2) holes.free = NULL;
    wsuv_client_config_init(&config);
    config.allocator = &holes;
    assert_int_equal(wsuv_client_new(&client, world_uv_loop(w), &config), UV_EINVAL);
  }
}

/* wsuv_client_new: "WSUV_EINVAL_HEADER: a header or subprotocol that may not be sent". */
WORLD_UV_TEST(test_arguments_client_with_headers_that_may_not_be_sent, w) {
  static const wsuv_header_t bad[] = {{"X", "a\r\nb"}, {"Upgrade", "h2c"}, {NULL, "x"}};
  static const char *const names[] = {"a b"};
  wsuv_config_t config;
  wsuv_client_t *client;
  for (size_t i = 0; i < 4; i++) {
    wsuv_client_config_init(&config);
    config.allocator = &w->alloc->handle;
    config.headers = &bad[i % 3];
    config.header_count = i < 3;
    config.subprotocols = names;
    config.subprotocol_count = i == 3;
    int err = wsuv_client_new(&client, world_uv_loop(w), &config);
    if (err == 0) world_client_close(w, client);
    assert_int_equal(err, WSUV_EINVAL_HEADER);
  }
}

/* --- hooks --- */

static int other_random(void *buf, size_t len, void *arg) {
  (void) arg;
  memset(buf, 1, len);
  return 0;
}

static void other_log(wsuv_log_level_t level, const struct wsuv_session *session, const char *text,
                      void *arg) {
  (void) level;
  (void) session;
  (void) text;
  (void) arg;
}

static bool change_hook(wsuv_config_t *c, const wsuv_allocator_t *other, size_t n) {
  switch (n) {
  case 0: c->allocator = other; return true;
  case 1: c->random = other_random; return true;
  case 2: c->random_arg = c; return true;
  case 3: c->log = other_log; return true;
  case 4: c->log_arg = c; return true;
  case 5: c->resolver = WSUV_RESOLVER_SYSTEM; return true;
  case 6: c->log_level = WSUV_LOG_ERROR; return true;
  case 7: c->log_payload_size = 65; return true;
  case 8: c->max_connecting = 1; return true;
  case 9: c->queue_timeout_ms = 1; return true;
  default: return false;
  }
}

SCENARIO_TEST(test_arguments_configuration_with_other_fields_of_the_whole, w, p, u) {
  track_alloc other;
  wsuv_config_t config;
  track_alloc_init(&other);
  wsuv_request_t r = good_request(u);
  r.config = &config;
  for (size_t n = 0;; n++) {
    wsuv_client_get_config(user_client(u), &config);
    if (!change_hook(&config, &other.handle, n)) break;
    assert_refused(u, &r, UV_EINVAL);
  }
  assert_int_equal(other.calls, 0);
  end_refused(u);
}

/* "Hooks must be the client's": the allocator that the client was made with is just that. */
SCENARIO_TEST(test_arguments_configuration_with_the_hooks_of_the_client, w, p, u) {
  wsuv_config_t config;
  wsuv_client_get_config(user_client(u), &config);
  config.allocator = &w->alloc->handle;
  wsuv_request_t r = good_request(u);
  r.config = &config;
  assert_int_equal(user_request(u, &r), 0);
  user_terminate(u);
  user_run_to_close(u);
}

/* --- reading the configuration --- */

/* Read from a client that was given none. */
SCENARIO_TEST(test_arguments_defaults_are_those_documented, w, p, u) {
  wsuv_config_t c;
  wsuv_client_get_config(user_client(u), &c);
  assert_true(c.ping_interval_ms == 0 && c.ping_timeout_ms == 0 && c.idle_timeout_ms == 0);
  assert_int_equal(c.max_frame_size, 2147483647);
  assert_int_equal(c.max_message_size, 16 * 1024 * 1024);
  assert_int_equal(c.max_message_fragments, 131072);
  assert_int_equal(c.outgoing_max, 16 * 1024 * 1024);
  assert_int_equal(c.outgoing_policy, WSUV_OUTGOING_SUSPEND);
  assert_int_equal(c.high_water, 1024 * 1024);
  assert_int_equal(c.low_water, 256 * 1024);
  assert_int_equal(c.handshake_timeout_ms, 10000);
  assert_int_equal(c.close_timeout_ms, 5000);
  assert_int_equal(c.max_connecting, 0);
  assert_int_equal(c.queue_timeout_ms, 10000);
  assert_int_equal(c.close_deadline_ms, 120000);
  assert_int_equal(c.max_handshake_size, 16 * 1024);
  assert_int_equal(c.max_handshake_headers, 100);
  assert_true(c.masking && c.tcp_nodelay && !c.keep_handshake);
  assert_true(c.header_count == 0 && c.subprotocol_count == 0 && c.tcp_keepalive_s == 0);
  assert_string_equal(c.user_agent, "wsuv/" WSUV_VERSION_STRING);
  assert_true(c.local_address == NULL && c.log == NULL && c.log_level == WSUV_LOG_INFO);
  assert_int_equal(c.log_payload_size, 64);
}

SCENARIO_TEST(test_arguments_configuration_is_read_into_anything, w, p, u) {
  wsuv_config_t config;
  u->config.close_timeout_ms = 1234;
  u->config.user_agent = "reader";
  memset(&config, 0xaa, sizeof config);
  wsuv_client_get_config(user_client(u), &config);
  assert_int_equal(config.size, sizeof config);
  assert_int_equal(config.close_timeout_ms, 1234);
  assert_string_equal(config.user_agent, "reader");
  assert_null(config.headers);
  wsuv_request_t r = good_request(u);
  r.config = &config;
  assert_int_equal(user_request(u, &r), 0);
  user_terminate(u);
  user_run_to_close(u);
}

/* The caller may have been compiled with an older header, or with a newer one. */
SCENARIO_TEST(test_arguments_configuration_is_read_in_the_caller_s_size, w, p, u) {
  union {
    wsuv_config_t config;
    uint8_t bytes[sizeof(wsuv_config_t) + 64];
  } to;
  const size_t older = offsetof(wsuv_config_t, max_message_size);
  memset(&to, 0xaa, sizeof to);
  wsuv_client_copy_config(user_client(u), &to.config, older);
  assert_int_equal(to.config.size, older);
  assert_int_equal(to.config.max_frame_size, 2147483647);
  for (size_t i = older; i < sizeof to; i++) assert_int_equal(to.bytes[i], 0xaa);
  memset(&to, 0xaa, sizeof to);
  wsuv_client_copy_config(u->client, &to.config, sizeof to);
  assert_int_equal(to.config.size, sizeof to);
  assert_int_equal(to.config.outgoing_max, 16 * 1024 * 1024);
  for (size_t i = sizeof to.config; i < sizeof to; i++) assert_int_equal(to.bytes[i], 0);
  end_refused(u);
}

/* --- what may be left out --- */

static bool has_no_sessions(void *client) {
  return wsuv_client_session_count(client) == 0;
}

SCENARIO_TEST(test_arguments_callbacks_may_be_null, w, p, u) {
  static const wsuv_callbacks_t none = {WSUV_CALLBACKS_INIT};
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "text"),
                PEER_SEND_FRAME(9, "ping"), PEER_EXPECT_FRAME(10, "ping"),
                PEER_SEND_FRAME(10, "pong"), PEER_SEND_CLOSE(1000), PEER_EXPECT_CLOSE(1000),
                PEER_END, PEER_EXPECT_END);
  assert_int_equal(wsuv_connect_url(user_client(u), raw_peer_url(p->raw, "/"), NULL, NULL, NULL),
                   0);
  assert_int_equal(wsuv_client_session_count(u->client), 1);
  world_run_until(w, has_no_sessions, u->client);
  assert_int_equal(wsuv_connect_url(u->client, raw_peer_url(p->raw, "/"), &none, NULL, NULL), 0);
  world_run_until(w, has_no_sessions, u->client);
  assert_int_equal(p->raw->accepted, 2);
}

SCENARIO_TEST(test_arguments_are_copied, w, p, u) {
  char url[128], value[8] = "before", seen[16];
  wsuv_callbacks_t callbacks = *user_callbacks();
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000),
                PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
  wsuv_request_t r = good_request(u);
  (void) snprintf(url, sizeof url, "%s", r.url);
  r.url = url;
  r.data = u;
  set_header_value(&r, NULL, value);
  assert_int_equal(wsuv_connect(u->client, &r, &callbacks, &u->session), 0);
  memset(url, 'x', sizeof url);
  memset(value, 'x', sizeof value);
  memset(&r, 0xff, sizeof r);
  memset(&callbacks, 0xff, sizeof callbacks);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_true(raw_conn_header(raw_peer_conn(p->raw, 0), "X-Name", seen, sizeof seen));
  assert_string_equal(seen, "before");
}
