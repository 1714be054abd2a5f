/* Behind proxies that say in fields of the request who the client is: what they say is believed,
   and what a client says in the same fields is not. F62, F64, F66 */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "net/address.h"
#include "support/server_user.h"
#include "support/world_tls.h"
#include "testkit/check.h"

static const char *const loopback[] = {"127.0.0.0/8"}, *const nobody[] = {"192.0.2.1"},
                         *const chain[] = {"127.0.0.0/8", "10.0.0.0/8", "2001:db8:a::/48"};

static void trust(server_user *s, const char *const *proxies, size_t count,
                  wsuv_forwarded_t family) {
  s->config.trusted_proxies = proxies;
  s->config.trusted_proxy_count = count;
  s->config.forwarded = family;
}

/* "203.0.113.7 wss app.example" */
static void describe(char *text, size_t size, const wsuv_origin_t *origin) {
  char address[ADDRESS_TEXT_SIZE];
  address_print(address, &origin->address);
  (void) snprintf(text, size, "%s %s %s", address, origin->scheme,
                  origin->host != NULL ? origin->host : "?");
}

static char seen[256], seen_in_session[256];

static void look(server_user *s, wsuv_upgrade_t *u) {
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  CHECK(wsuv_upgrade_origin(u, &origin) == 0);
  describe(seen, sizeof seen, &origin);
  CHECK(server_user_accept(s, u, NULL) == 0);
}

static void look_in_session(session_user *u) {
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  CHECK(wsuv_session_origin(u->session, &origin) == 0);
  describe(seen_in_session, sizeof seen_in_session, &origin);
}

static void begin(server_user *s) {
  server_user_decide(s, look);
  s->each.at_open = look_in_session;
  server_user_start(s);
}

/* A request whose fields are these, to the end of the session that it gets. */
static void visit(server_user *s, const char *host, const char *fields) {
  const size_t opened = s->open_count + 1;
  raw_client *c = server_user_client(s);
  *seen = *seen_in_session = '\0';
  raw_client_upgrade(c, &(upgrade_lines){.host = host, .more = fields});
  server_user_run_to_sessions(s, opened);
  raw_client_close(c);
  server_user_run_to_closes(s, opened);
}

/* --- what a client can forge: nothing --- */

/* What a client sends. NULL: no such field. */
typedef struct forgery {
  const char *x_for, *x_host, *x_proto, *forwarded;
} forgery;

static const forgery forgeries[] = {
    {NULL, NULL, NULL, NULL},
    {"9.9.9.9", NULL, NULL, NULL},
    {"127.0.0.1", "evil.example", "http", "for=127.0.0.1;host=evil.example;proto=http"},
    {"127.0.0.1, 127.0.0.1", "evil.example, evil.example", "http, http", NULL},
    {"9.9.9.9,", ",evil.example,", ",", ","},
    {"unknown", "", "", "for=unknown;host=evil.example"},
    {"\"9.9.9.9", "\"evil.example", "\"", "for=\"9.9.9.9"},
    {"9.9.9.9\\", "evil.example\\", "\\", "for=9.9.9.9;x=\"\\"},
    {"[::1", "[::1", "ftp", "for=9.9.9.9;host=evil.example;proto=http, ;;for"},
    {NULL, NULL, NULL, "for=9.9.9.9;host=evil.example;proto=http"},
};

typedef enum proxy_kind {
  NGINX,         /* adds to the line of X-Forwarded-For, sets the others */
  HAPROXY,       /* adds a line of X-Forwarded-For, sets the others */
  APACHE,        /* adds to the lines of X-Forwarded-For and X-Forwarded-Host, sets the third */
  STANDARD,      /* adds to the line of Forwarded */
  STANDARD_LINE, /* adds a line of Forwarded */
  PROXY_KINDS
} proxy_kind;

static void put(bytes *out, const char *name, const char *value) {
  if (value != NULL) bytes_print(out, "%s: %s\r\n", name, value);
}

static void put_joined(bytes *out, const char *name, const char *theirs, const char *ours) {
  if (theirs == NULL) put(out, name, ours);
  if (theirs != NULL) bytes_print(out, "%s: %s, %s\r\n", name, theirs, ours);
}

static void pass(bytes *out, proxy_kind kind, const forgery *f) {
  static const char client[] = "203.0.113.7", host[] = "app.example";
  static const char element[] = "for=203.0.113.7;host=app.example;proto=https";
  switch (kind) {
  case NGINX: put_joined(out, "X-Forwarded-For", f->x_for, client); break;
  case HAPROXY:
    put(out, "X-Forwarded-For", f->x_for);
    put(out, "X-Forwarded-For", client);
    break;
  case APACHE:
    put_joined(out, "X-Forwarded-For", f->x_for, client);
    put_joined(out, "X-Forwarded-Host", f->x_host, host);
    break;
  case STANDARD: put_joined(out, "Forwarded", f->forwarded, element); break;
  case STANDARD_LINE:
    put(out, "Forwarded", f->forwarded);
    put(out, "Forwarded", element);
    break;
  case PROXY_KINDS: break;
  }
  if (kind < STANDARD) {
    if (kind != APACHE) put(out, "X-Forwarded-Host", host);
    put(out, "X-Forwarded-Proto", "https");
    put(out, "Forwarded", f->forwarded);
  } else {
    put(out, "X-Forwarded-For", f->x_for);
    put(out, "X-Forwarded-Host", f->x_host);
    put(out, "X-Forwarded-Proto", f->x_proto);
  }
}

static void forge_all(server_user *s, proxy_kind first, proxy_kind end) {
  begin(s);
  for (proxy_kind kind = first; kind < end; kind++) {
    for (size_t i = 0; i < COUNT_OF(forgeries); i++) {
      SCOPED_BYTES fields = {0};
      pass(&fields, kind, &forgeries[i]);
      visit(s, "Host: 127.0.0.1", bytes_text(&fields));
      assert_that(strcmp(seen, "203.0.113.7 wss app.example") == 0, "%d, %zu: %s", (int) kind, i,
                  seen);
      assert_string_equal(seen_in_session, seen);
    }
  }
}

SERVER_TEST(test_client_behind_a_proxy_forges_nothing, w, s) {
  trust(s, loopback, 1, WSUV_FORWARDED_X);
  forge_all(s, NGINX, STANDARD);
}

SERVER_TLS_TEST(test_client_behind_a_standard_proxy_forges_nothing, w, s) {
  trust(s, loopback, 1, WSUV_FORWARDED_RFC7239);
  forge_all(s, STANDARD, PROXY_KINDS);
}

/* The peer is none of the proxies, or no family is configured: nothing is read. */
static void ignore_all(server_user *s) {
  begin(s);
  for (proxy_kind kind = 0; kind < PROXY_KINDS; kind++) {
    for (size_t i = 0; i < COUNT_OF(forgeries); i++) {
      SCOPED_BYTES fields = {0};
      pass(&fields, kind, &forgeries[i]);
      visit(s, "Host: localhost:80", bytes_text(&fields));
      assert_string_equal(seen, "127.0.0.1 ws localhost:80");
      assert_string_equal(seen_in_session, seen);
    }
  }
}

SERVER_TEST(test_fields_of_others_are_ignored, w, s) {
  trust(s, nobody, 1, WSUV_FORWARDED_X);
  ignore_all(s);
}

SERVER_TEST(test_fields_of_others_in_the_standard_family_are_ignored, w, s) {
  trust(s, nobody, 1, WSUV_FORWARDED_RFC7239);
  ignore_all(s);
}

SERVER_TEST(test_fields_without_a_family_are_ignored, w, s) {
  trust(s, loopback, 1, WSUV_FORWARDED_NONE);
  ignore_all(s);
}

/* --- what proxies say --- */

typedef struct visit_row {
  const char *fields, *seen;
} visit_row;

static void visit_rows(server_user *s, const visit_row *rows, size_t count) {
  begin(s);
  for (size_t i = 0; i < count; i++) {
    visit(s, "Host: localhost", rows[i].fields);
    assert_that(strcmp(seen, rows[i].seen) == 0, "%s: %s", rows[i].fields, seen);
    assert_string_equal(seen_in_session, seen);
  }
}

SERVER_TEST(test_chain_of_proxies, w, s) {
  static const visit_row rows[] = {
      {"", "127.0.0.1 ws localhost"},
      {"X-Forwarded-For: 9.9.9.9, 203.0.113.7, 10.0.0.2\r\n", "203.0.113.7 ws localhost"},
      {"X-Forwarded-For: 203.0.113.7, 2001:db8:a::1, 10.0.0.2\r\n", "203.0.113.7 ws localhost"},
      {"X-Forwarded-For: 203.0.113.7, 2001:db8:b::1, 10.0.0.2\r\n", "2001:db8:b::1 ws localhost"},
      /* all of them are proxies: the first is the client */
      {"X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3 ws localhost"},
      /* what does not parse, or says nothing, ends the walk */
      {"X-Forwarded-For: 203.0.113.7, what, 10.0.0.2\r\n", "10.0.0.2 ws localhost"},
      {"X-Forwarded-For: 203.0.113.7, unknown, 10.0.0.2\r\n", "10.0.0.2 ws localhost"},
      {"X-Forwarded-For: unknown\r\n", "127.0.0.1 ws localhost"},
      /* host and scheme are those that the outermost trusted proxy has got */
      {"X-Forwarded-For: 9.9.9.9, 203.0.113.7, 10.0.0.2\r\n"
       "X-Forwarded-Host: evil.example, app.example, inner\r\n"
       "X-Forwarded-Proto: http, https, http\r\n",
       "203.0.113.7 wss app.example"},
      {"X-Forwarded-For: 203.0.113.7, 10.0.0.2\r\nX-Forwarded-Host: app.example:8443\r\n"
       "X-Forwarded-Proto: WSS\r\n",
       "203.0.113.7 wss app.example:8443"},
      {"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: http\r\n", "203.0.113.7 ws localhost"},
      /* without an address they count, too; malformed, they do not */
      {"X-Forwarded-Host: app.example\r\nX-Forwarded-Proto: https\r\n",
       "127.0.0.1 wss app.example"},
      {"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Host: a/b\r\nX-Forwarded-Proto: httpss\r\n",
       "203.0.113.7 ws localhost"},
  };
  trust(s, chain, 3, WSUV_FORWARDED_X);
  visit_rows(s, rows, COUNT_OF(rows));
}

SERVER_TEST(test_chain_of_standard_proxies, w, s) {
  static const visit_row rows[] = {
      {"", "127.0.0.1 ws localhost"},
      {"Forwarded: for=9.9.9.9;host=evil, for=203.0.113.7;host=app.example;proto=https, "
       "for=10.0.0.2;host=inner;proto=http\r\n",
       "203.0.113.7 wss app.example"},
      {"Forwarded: for=\"[2001:db8::7]:4711\", for=\"10.0.0.2:80\"\r\n",
       "2001:db8::7 ws localhost"},
      {"Forwarded: for=_hidden;proto=https;host=app.example, for=10.0.0.2\r\n",
       "10.0.0.2 wss app.example"},
      {"Forwarded: for=203.0.113.7;host=app.example, for=10.0.0.2;host=inner;bad\r\n",
       "127.0.0.1 ws localhost"},
  };
  trust(s, chain, 3, WSUV_FORWARDED_RFC7239);
  visit_rows(s, rows, COUNT_OF(rows));
}

/* The host of an absolute target is replaced as well. */
SERVER_TEST(test_host_of_an_absolute_target, w, s) {
  trust(s, loopback, 1, WSUV_FORWARDED_X);
  begin(s);
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.line = "GET http://localhost:8080/ HTTP/1.1"});
  assert_string_equal(seen, "127.0.0.1 ws localhost:8080");
  c = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.line = "GET http://localhost:8080/ HTTP/1.1",
                                         .more = "X-Forwarded-Host: app.example\r\n"});
  assert_string_equal(seen, "127.0.0.1 ws app.example");
  server_user_run_to_sessions(s, 2);
}

/* --- Host and Origin --- */

static int visit_status(server_user *s, const char *host, const char *fields) {
  raw_client *c = server_user_client(s);
  raw_client_request(c, &(upgrade_lines){.host = host, .more = fields});
  raw_client_run_to_head(c);
  raw_client_close(c);
  return c->status;
}

/* F64: pages of the host that the proxy was asked for, and no others. */
SERVER_TLS_TEST(test_origin_is_compared_with_the_forwarded_host, w, s) {
  static const struct {
    const char *host, *fields;
    int status;
  } rows[] = {
      {"Host: backend:8080", "X-Forwarded-Host: app.example\r\nOrigin: https://app.example\r\n",
       101},
      {"Host: backend:8080", "X-Forwarded-Host: app.example\r\nOrigin: http://backend:8080\r\n",
       403},
      {"Host: backend:8080",
       "X-Forwarded-Host: app.example:8443\r\nOrigin: https://app.example:8443\r\n", 101},
      {"Host: backend:8080",
       "X-Forwarded-Host: app.example:8443\r\nOrigin: https://app.example\r\n", 403},
      {"Host: app.example", "X-Forwarded-For: 203.0.113.7\r\nOrigin: https://app.example\r\n", 101},
      {"Host: app.example", "X-Forwarded-For: 203.0.113.7\r\nOrigin: https://evil.example\r\n",
       403},
      /* the listener is a loopback address, and nobody says that it is behind a proxy */
      {"Host: app.example", "Origin: https://app.example\r\n", 421},
      {"Host: app.example", "Forwarded: host=app.example\r\nOrigin: https://app.example\r\n", 421},
  };
  trust(s, loopback, 1, WSUV_FORWARDED_X);
  server_user_start(s);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    int status = visit_status(s, rows[i].host, rows[i].fields);
    assert_that(status == rows[i].status, "%s %s: %d", rows[i].host, rows[i].fields, status);
  }
  server_user_run_to_refusals(s, 5);
  assert_non_null(strstr(bytes_text(&s->log),
                         "refused 127.0.0.1: Origin http://backend:8080 is not "
                         "allowed, for Host app.example: "));
  assert_non_null(strstr(bytes_text(&s->log), "refused 203.0.113.7: Origin https://evil.example"));
}

SERVER_TEST(test_hosts_are_compared_with_the_forwarded_host, w, s) {
  s->config.hosts = (const char *const[]){"app.example"};
  s->config.host_count = 1;
  trust(s, loopback, 1, WSUV_FORWARDED_X);
  server_user_start(s);
  assert_int_equal(visit_status(s, "Host: backend", "X-Forwarded-Host: app.example\r\n"), 101);
  assert_int_equal(visit_status(s, "Host: app.example", "X-Forwarded-Host: backend\r\n"), 421);
  assert_int_equal(visit_status(s, "Host: app.example", ""), 101);
  server_user_run_to_refusals(s, 1);
}

/* --- limits, refusals, the log --- */

SERVER_TEST(test_sessions_of_the_client_are_counted, w, s) {
  trust(s, loopback, 1, WSUV_FORWARDED_X);
  s->config.max_sessions_per_address = 1;
  server_user_start(s);
  for (int i = 0; i < 3; i++) {
    char field[64];
    (void) snprintf(field, sizeof field, "X-Forwarded-For: 203.0.113.%d\r\n", i);
    raw_client *c = server_user_client(s);
    raw_client_upgrade(c, &(upgrade_lines){.more = field});
  }
  server_user_run_to_sessions(s, 3);
  assert_int_equal(visit_status(s, NULL, "X-Forwarded-For: 203.0.113.1\r\n"), 503);
  server_user_run_to_refusals(s, 1);
  assert_true(server_user_refused(s, "SESSIONS_PER_ADDRESS 503\n"));
  assert_string_equal(s->refused_address, "203.0.113.1");
  assert_string_equal(bytes_text(&s->log),
                      "refused 203.0.113.1: too many sessions of one address\n");
  assert_non_null(strstr(bytes_text(&s->accepted), "accepted from 203.0.113.2: /\n"));
}

/* Its clients are not known yet, so a proxy may have as many as there is room for. */
SERVER_TEST(test_handshakes_of_a_proxy_are_not_those_of_one_address, w, s) {
  raw_client *clients[4];
  trust(s, loopback, 1, WSUV_FORWARDED_X);
  s->config.max_handshakes_per_address = 1;
  server_user_start(s);
  for (size_t i = 0; i < COUNT_OF(clients); i++) {
    clients[i] = server_user_client(s);
    raw_client_send_text(clients[i], "GET / HTTP/1.1\r\n");
  }
  raw_client_upgrade(server_user_client(s), NULL);
  for (size_t i = 0; i < COUNT_OF(clients); i++) assert_false(clients[i]->ended);
}

/* One that is not trusted: the first line says what to look at. */
SERVER_TEST(test_crowd_of_one_address_has_a_hint_once, w, s) {
  s->config.max_handshakes_per_address = 1;
  server_user_start(s);
  for (size_t i = 0; i < 3; i++) {
    raw_client_send_text(server_user_client(s), "GET / HTTP/1.1\r\n");
    if (i > 0) server_user_run_to_refusals(s, i);
  }
  assert_string_equal(
      bytes_text(&s->log),
      "refused 127.0.0.1: too many connections of one address without a complete request (if it is "
      "a proxy, see `trusted_proxies`, else `max_handshakes_per_address`)\n"
      "refused 127.0.0.1: too many connections of one address without a complete request\n");
}

/* A proxy that looks whether the port is open makes no lines. */
SERVER_TEST(test_health_checks_are_not_in_the_log, w, s) {
  trust(s, loopback, 1, WSUV_FORWARDED_X);
  server_user_start(s);
  raw_client_end(server_user_client(s));
  server_user_run_to_refusals(s, 1);
  assert_string_equal(bytes_text(&s->refusals), "GONE 0\n");
  assert_int_equal(s->lines, 0);
  raw_client *c = server_user_client(s);
  raw_client_send_text(c, "OPTIONS / HTTP/1.0\r\n\r\n");
  raw_client_run_to_status(c, 421); /* on a loopback address, without Host */
}

/* haproxy's, by default. */
SERVER_TEST(test_health_check_by_http, w, s) {
  s->config.hosts = (const char *const[]){"*"};
  s->config.host_count = 1;
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_send_text(c, "OPTIONS / HTTP/1.0\r\n\r\n");
  raw_client_run_to_status(c, 405);
  server_user_run_to_refusals(s, 1);
  assert_true(server_user_refused(s, "METHOD 405\n"));
}

/* --- fields that only a proxy can have set --- */

static char cert_seen[64];

static void look_at_cert(server_user *s, wsuv_upgrade_t *u) {
  const char *value = wsuv_upgrade_trusted_header(u, "client-cert");
  CHECK(wsuv_upgrade_trusted_header(u, "X-None") == NULL);
  (void) snprintf(cert_seen, sizeof cert_seen, "%s", value != NULL ? value : "none");
  CHECK(server_user_accept(s, u, NULL) == 0);
}

static void assert_cert(server_user *s, const char *fields, const char *expected) {
  raw_client_upgrade(server_user_client(s), &(upgrade_lines){.more = fields});
  assert_string_equal(cert_seen, expected);
  server_user_run_to_sessions(s, s->upgrades);
}

SERVER_TEST(test_trusted_header, w, s) {
  trust(s, loopback, 1, WSUV_FORWARDED_NONE);
  server_user_decide(s, look_at_cert);
  server_user_start(s);
  assert_cert(s, "Client-Cert: :abc:\r\n", ":abc:");
  assert_cert(s, "", "none");
  assert_cert(s, "Client-Cert: :forged:\r\nClient-Cert: :abc:\r\n", "none");
  assert_cert(s, "Client_Cert: :forged:\r\n", "none");
}

SERVER_TEST(test_trusted_header_of_others, w, s) {
  trust(s, nobody, 1, WSUV_FORWARDED_NONE);
  server_user_decide(s, look_at_cert);
  server_user_start(s);
  assert_cert(s, "Client-Cert: :forged:\r\n", "none");
}

/* --- sessions --- */

/* For a line of an access log. The strings are gone by then. */
SERVER_TLS_TEST(test_client_of_a_session_is_known_to_its_end, w, s) {
  trust(s, loopback, 1, WSUV_FORWARDED_X);
  s->config.max_message_rate = 1000; /* a session with limits has them beside it */
  s->each.at_close = look_in_session;
  server_user_start(s);
  visit(s, NULL, "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n");
  assert_string_equal(seen_in_session, "203.0.113.7 wss ?");
}

static void look_at_kept(session_user *u) {
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  CHECK(wsuv_session_origin(u->session, &origin) == 0);
  CHECK(strcmp(origin.host, "app.example") == 0);
  origin.size = 1;
  CHECK(wsuv_session_origin(u->session, &origin) == WSUV_ESIZE);
  look_in_session(u);
}

SERVER_TEST(test_host_is_kept_with_the_handshake, w, s) {
  trust(s, loopback, 1, WSUV_FORWARDED_X);
  s->config.keep_handshake = true;
  s->each.at_close = look_at_kept;
  server_user_start(s);
  visit(s, NULL, "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Host: app.example\r\n");
  assert_string_equal(seen_in_session, "203.0.113.7 ws app.example");
}

SERVER_TLS_TEST(test_origin_without_a_proxy, w, s) {
  s->each.at_open = look_in_session;
  server_user_start(s);
  server_user_connect(s, "/");
  assert_string_equal(seen_in_session, world_server_tls(w) != NULL ? "127.0.0.1 wss 127.0.0.1"
                                                                   : "127.0.0.1 ws 127.0.0.1");
}
