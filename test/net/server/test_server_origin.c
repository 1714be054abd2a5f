/* Which hosts a server answers to, and whose pages may open sessions: what its configuration and
   that of a route say is obeyed, and the log tells what was compared. The rules themselves have a
   table in unit/test_origin.c. */

#include <string.h>

#include "support/server_user.h"
#include "testkit/check.h"

/* One request and what becomes of it. */
typedef struct visit {
  const char *target, *host, *more;
  const char *refusal; /* "" if it is accepted */
} visit;

static void make_visit(server_user *s, const visit *v) {
  const size_t refused = s->refused;
  SCOPED_BYTES seen = {0};
  bytes_add(&seen, bytes_text(&s->refusals), s->refusals.len);
  raw_client *c = server_user_client(s);
  raw_client_request(c, &(upgrade_lines){.target = v->target, .host = v->host, .more = v->more});
  raw_client_run_to_head(c);
  bool accepted = *v->refusal == '\0';
  assert_that((c->status == 101) == accepted, "%s %s: %d", v->host, v->more, c->status);
  if (!accepted) server_user_run_to_refusals(s, refused + 1);
  bytes_print(&seen, "%s", v->refusal);
  assert_string_equal(bytes_text(&s->refusals), bytes_text(&seen));
  raw_client_close(c);
}

static void make_visits(server_user *s, const visit *list, size_t count) {
  for (size_t i = 0; i < count; i++) make_visit(s, &list[i]);
}

#define VISITS(s, list) make_visits((s), (list), COUNT_OF(list))

/* The listener is one on a loopback address, so a name that an attacker has made to point there is
   none of ours. */
SERVER_TLS_TEST(test_server_by_default, w, s) {
  static const visit list[] = {
      {"/", "Host: 127.0.0.1:8080", "", ""},
      {"/", "Host: localhost", "Origin: http://localhost\r\n", ""},
      {"/", "Host: app.localhost:1", "Origin: http://app.localhost:1\r\n", ""},
      {"/", "Host: evil.example", "Origin: http://evil.example\r\n", "HOST_UNKNOWN 421\n"},
      {"/nowhere", "Host: evil.example", "", "HOST_UNKNOWN 421\n"},
      {"/", "Host: localhost", "Origin: http://evil.example\r\n", "ORIGIN 403\n"},
      {"/", "Host: localhost", "Origin: null\r\n", "ORIGIN 403\n"},
      {"/nowhere", "Host: localhost", "Origin: http://evil.example\r\n", "NO_ROUTE 404\n"},
  };
  server_user_start(s);
  VISITS(s, list);
}

SERVER_TEST(test_server_with_hosts, w, s) {
  static const visit list[] = {
      {"/", "Host: chat.example", "", ""},
      {"/", "Host: CHAT.example.:8080", "", ""},
      {"/", "Host: a.b.example", "", ""},
      {"/", "Host: localhost", "", "HOST_UNKNOWN 421\n"},
      {"/", "Host: 127.0.0.1", "", "HOST_UNKNOWN 421\n"},
  };
  s->config.hosts = (const char *const[]){"chat.example", "*.b.example"};
  s->config.host_count = 2;
  server_user_start(s);
  VISITS(s, list);
}

SERVER_TLS_TEST(test_server_with_origins, w, s) {
  static const visit list[] = {
      {"/", "Host: localhost", "Origin: https://app.example\r\n", ""},
      {"/", "Host: localhost", "Origin: null\r\n", ""},
      {"/", "Host: localhost", "", ""},
      {"/", "Host: localhost", "Origin: http://localhost\r\n", "ORIGIN 403\n"},
      {"/", "Host: localhost", "Origin: http://app.example\r\n", "ORIGIN 403\n"},
  };
  s->config.origins = (const char *const[]){"https://app.example", "null"};
  s->config.origin_count = 2;
  server_user_start(s);
  VISITS(s, list);
}

/* A route may have origins of its own; hosts are of the whole server. */
SERVER_TEST(test_route_with_origins, w, s) {
  static const visit list[] = {
      {"/public", "Host: localhost", "Origin: https://any.example\r\n", ""},
      {"/", "Host: localhost", "Origin: https://any.example\r\n", "ORIGIN 403\n"},
      {"/public", "Host: evil.example", "Origin: https://any.example\r\n", "HOST_UNKNOWN 421\n"},
  };
  wsuv_route_t route;
  wsuv_config_t config;
  wsuv_server_get_config(server_user_server(s), &config);
  config.origins = (const char *const[]){"*"};
  config.origin_count = 1;
  wsuv_route_init(&route, "/public");
  route.config = &config;
  assert_int_equal(server_user_add_route(s, &route), 0);
  server_user_start(s);
  VISITS(s, list);
}

/* A page of one's own that is refused: the line says what to look at. */
SERVER_TLS_TEST(test_origin_that_is_refused_is_in_the_log, w, s) {
  static const visit list[] = {{"/?token=secret", "Host: localhost:8080",
                                "Origin: https://app.example\r\n", "ORIGIN 403\n"}};
  server_user_start(s);
  VISITS(s, list);
  assert_string_equal(bytes_text(&s->log),
                      "refused 127.0.0.1: Origin https://app.example is not allowed, for Host "
                      "localhost:8080: Origin and Host differ (see `origins`)\n");
}
