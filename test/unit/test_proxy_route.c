/* Which proxy a connection goes through: the order of the variables, in each set that matters, and
   what is configured. */

#include <string.h>

#include "base/error.h"
#include "net/dial/proxy_route.h"
#include "support/test.h"

/* From "name=value", NUL, "name=value", NUL, NUL. */
static const char *get(void *arg, const char *name) {
  const size_t len = strlen(name);
  for (const char *s = arg; *s != '\0'; s += strlen(s) + 1) {
    if (strncmp(s, name, len) == 0 && s[len] == '=') return s + len + 1;
  }
  return NULL;
}

/* Such an environment from "name=value;name=value". */
static void make_environment(char *to, size_t size, const char *text) {
  assert_true(strlen(text) + 2 <= size);
  memset(to, 0, size);
  for (size_t i = 0; text[i] != '\0'; i++) to[i] = text[i] == ';' ? '\0' : text[i];
}

typedef struct route_row {
  const char *environment;
  const char *host;
  bool secure;
  const char *proxy;    /* NULL: none */
  const char *variable; /* NULL: none */
} route_row;

static void check(const route_row *row) {
  char environment[256];
  proxy_route route;
  const proxy_rules rules = {.proxy = "configured", .get = get, .arg = environment};
  const proxy_destination to = {row->secure, row->host, row->secure ? 443 : 80};
  make_environment(environment, sizeof environment, row->environment);
  assert_int_equal(proxy_route_choose(&route, &rules, &to), 0);
  if (row->proxy == NULL) assert_null(route.proxy);
  if (row->proxy != NULL) assert_string_equal(route.proxy, row->proxy);
  if (row->variable == NULL) assert_null(route.variable);
  if (row->variable != NULL) assert_string_equal(route.variable, row->variable);
  assert_null(route.wrong);
}

#define ALL_WSS                                                                                \
  "ALL_PROXY=6;all_proxy=5;HTTPS_PROXY=4;https_proxy=3;WSS_PROXY=2;wss_proxy=1;http_proxy=no;" \
  "ws_proxy=no"
#define ALL_WS \
  "ALL_PROXY=6;all_proxy=5;HTTP_PROXY=no;http_proxy=3;WS_PROXY=2;ws_proxy=1;wss_proxy=no"

TEST(test_proxy_route_of_the_environment) {
  static const route_row rows[] = {
      {"", "a.test", true, NULL, NULL},
      {"", "a.test", false, NULL, NULL},
      {ALL_WSS, "a.test", true, "1", "wss_proxy"},
      {"ALL_PROXY=6;all_proxy=5;HTTPS_PROXY=4;https_proxy=3;WSS_PROXY=2", "a.test", true, "2",
       "WSS_PROXY"},
      {"ALL_PROXY=6;all_proxy=5;HTTPS_PROXY=4;https_proxy=3", "a.test", true, "3", "https_proxy"},
      {"ALL_PROXY=6;all_proxy=5;HTTPS_PROXY=4", "a.test", true, "4", "HTTPS_PROXY"},
      {"ALL_PROXY=6;all_proxy=5", "a.test", true, "5", "all_proxy"},
      {"ALL_PROXY=6", "a.test", true, "6", "ALL_PROXY"},
      {"http_proxy=no;HTTP_PROXY=no;ws_proxy=no;WS_PROXY=no", "a.test", true, NULL, NULL},
      {ALL_WS, "a.test", false, "1", "ws_proxy"},
      {"ALL_PROXY=6;all_proxy=5;http_proxy=3;WS_PROXY=2", "a.test", false, "2", "WS_PROXY"},
      {"ALL_PROXY=6;all_proxy=5;http_proxy=3", "a.test", false, "3", "http_proxy"},
      {"ALL_PROXY=6;all_proxy=5;HTTP_PROXY=no", "a.test", false, "5", "all_proxy"},
      {"ALL_PROXY=6", "a.test", false, "6", "ALL_PROXY"},
      {"HTTP_PROXY=no", "a.test", false, NULL, NULL},
      {"https_proxy=no;HTTPS_PROXY=no;wss_proxy=no;WSS_PROXY=no", "a.test", false, NULL, NULL},
      /* empty variables */
      {"wss_proxy=;https_proxy=3", "a.test", true, "3", "https_proxy"},
      {"all_proxy=;ALL_PROXY=", "a.test", true, NULL, NULL},
      {"all_proxy=5;no_proxy=", "a.test", true, "5", "all_proxy"},
      {"all_proxy=5;no_proxy=;NO_PROXY=a.test", "a.test", true, NULL, "NO_PROXY"},
      /* no_proxy */
      {"all_proxy=5;no_proxy=a.test", "a.test", true, NULL, "no_proxy"},
      {"all_proxy=5;no_proxy=a.test;NO_PROXY=b.test", "b.test", true, "5", "all_proxy"},
      {"all_proxy=5;NO_PROXY=b.test", "b.test", false, NULL, "NO_PROXY"},
      {"all_proxy=5;no_proxy=b.test", "a.test", true, "5", "all_proxy"},
      {"all_proxy=5;no_proxy=a.test:443", "a.test", true, NULL, "no_proxy"},
      {"all_proxy=5;no_proxy=a.test:443", "a.test", false, "5", "all_proxy"},
      {"all_proxy=5;no_proxy=*", "a.test", true, NULL, "no_proxy"},
      {"no_proxy=b:0", "a.test", true, NULL, NULL}, /* there is no proxy */
      /* this machine */
      {"all_proxy=5", "localhost", true, NULL, NULL},
      {"all_proxy=5", "LocalHost", true, NULL, NULL},
      {"all_proxy=5", "localhost.", true, NULL, NULL},
      {"all_proxy=5", "localhost.test", true, "5", "all_proxy"},
      {"all_proxy=5", "a.localhost", true, "5", "all_proxy"},
      {"all_proxy=5", "localhos", true, "5", "all_proxy"},
      {"all_proxy=5", "127.0.0.1", true, NULL, NULL},
      {"all_proxy=5", "127.255.255.255", true, NULL, NULL},
      {"all_proxy=5", "128.0.0.0", true, "5", "all_proxy"},
      {"all_proxy=5", "::1", true, NULL, NULL},
      {"all_proxy=5", "::ffff:127.0.0.1", true, NULL, NULL},
      {"all_proxy=5", "::2", true, "5", "all_proxy"},
      {"all_proxy=5;no_proxy=b:0", "127.0.0.1", true, NULL, NULL},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) check(&rows[i]);
}

static int choose(proxy_route *route, const char *proxy, const char *no_proxy, const char *host) {
  const proxy_rules rules = {.proxy = proxy, .no_proxy = no_proxy};
  const proxy_destination to = {true, host, 443};
  return proxy_route_choose(route, &rules, &to);
}

/* This machine, too, has the configured proxy. */
TEST(test_proxy_route_that_is_configured) {
  proxy_route route;
  assert_int_equal(choose(&route, NULL, NULL, "a.test"), 0);
  assert_null(route.proxy);
  assert_int_equal(choose(&route, "p", NULL, "127.0.0.1"), 0);
  assert_string_equal(route.proxy, "p");
  assert_null(route.variable);
  assert_int_equal(choose(&route, "p", "a.test", "a.test"), 0);
  assert_null(route.proxy);
  assert_int_equal(choose(&route, "p", "a.test", "b.test"), 0);
  assert_string_equal(route.proxy, "p");
  assert_int_equal(choose(&route, "p", "", "b.test"), 0);
  assert_string_equal(route.proxy, "p");
}

/* A list that is configured replaces that of the environment. */
TEST(test_proxy_route_with_a_configured_list) {
  char environment[] = "all_proxy=5\0no_proxy=a.test\0";
  proxy_route route;
  const proxy_rules rules = {.no_proxy = "b.test", .get = get, .arg = environment};
  const proxy_destination a = {true, "a.test", 443}, b = {true, "b.test", 443};
  assert_int_equal(proxy_route_choose(&route, &rules, &a), 0);
  assert_string_equal(route.proxy, "5");
  assert_int_equal(proxy_route_choose(&route, &rules, &b), 0);
  assert_null(route.proxy);
  assert_null(route.variable);
}

/* It does not go around the proxy then. */
TEST(test_proxy_route_with_a_list_that_makes_no_sense) {
  char environment[] = "all_proxy=5\0NO_PROXY=a.test,b:0\0";
  proxy_route route;
  const proxy_rules rules = {.get = get, .arg = environment};
  const proxy_destination to = {true, "a.test", 443};
  assert_int_equal(proxy_route_choose(&route, &rules, &to), WS_EINVAL);
  assert_string_equal(route.variable, "NO_PROXY");
  assert_string_equal(route.wrong, "malformed port");
  assert_int_equal(choose(&route, "p", "b:0", "a.test"), WS_EINVAL);
  assert_null(route.variable);
  assert_string_equal(route.wrong, "malformed port");
}
