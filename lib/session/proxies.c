#include "session/proxies.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "net/dial/no_proxy.h"
#include "net/dial/proxy_route.h"
#include "net/environment.h"
#include "proto/tunnel/tunnel_connect.h"
#include "proto/tunnel/tunnel_socks.h"

/* The rules for credentials are those of the machines, so a machine is made to check them. */

static const char *const schemes[] = {
    [URL_PROXY_HTTP] = "http",     [URL_PROXY_HTTPS] = "https",
    [URL_PROXY_SOCKS4] = "socks4", [URL_PROXY_SOCKS4A] = "socks4a",
    [URL_PROXY_SOCKS5] = "socks5", [URL_PROXY_SOCKS5H] = "socks5h"};

/* ---- machines ---- */

static unsigned schemes_of(wsuv_auth_t auth) {
  switch (auth) {
  case WSUV_AUTH_BASIC: return AUTH_BASIC;
  case WSUV_AUTH_DIGEST: return AUTH_DIGEST;
  case WSUV_AUTH_ANY: break;
  }
  return AUTH_BASIC | AUTH_DIGEST;
}

static int connect_machine(ws_tunnel **out, const proxy *p, const tunnel_target *target,
                           const proxy_means *means, ws_why *why) {
  tunnel_connect_config config = {.target = *target,
                                  .auth = {.user = user_login_user(&p->login),
                                           .password = user_login_password(&p->login),
                                           .schemes = schemes_of(means->auth),
                                           .at_once = means->auth == WSUV_AUTH_BASIC,
                                           .hash = means->hash},
                                  .max_size = means->max_size,
                                  .max_headers = means->max_headers};
  int err = 0;
  if (means->random != NULL) {
    err = random_pool_take(means->random, config.random, sizeof config.random);
  }
  return err < 0 ? err : tunnel_connect_new(out, means->alloc, &config, why);
}

static int socks_machine(ws_tunnel **out, const proxy *p, const tunnel_target *target,
                         const proxy_means *means, ws_why *why) {
  const tunnel_socks_config config = {.target = *target,
                                      .user = user_login_user(&p->login),
                                      .password = user_login_password(&p->login)};
  const bool old = p->kind == URL_PROXY_SOCKS4 || p->kind == URL_PROXY_SOCKS4A;
  return old ? tunnel_socks4_new(out, means->alloc, &config, why)
             : tunnel_socks5_new(out, means->alloc, &config, why);
}

int proxy_machine(ws_tunnel **out, const proxy *p, const tunnel_target *target,
                  const proxy_means *means, ws_why *why) {
  const bool http = p->kind == URL_PROXY_HTTP || p->kind == URL_PROXY_HTTPS;
  return http ? connect_machine(out, p, target, means, why)
              : socks_machine(out, p, target, means, why);
}

bool proxy_wants_address(const proxy *p) {
  return p->kind == URL_PROXY_SOCKS4 || p->kind == URL_PROXY_SOCKS5;
}

/* ---- reading URLs ---- */

/* The next URL of a list; len 0: there are no more. */
static ws_text next_url(const char **rest) {
  const char *begin = *rest + strspn(*rest, " ");
  const ws_text url = {begin, strcspn(begin, " ")};
  *rest = begin + url.len;
  return url;
}

/* The name is at most as long as the host. */
static int read_host(proxy *p, const ws_url *url) {
  int err = url_host_copy(url, p->host);
  if (err < 0) return err;
  memcpy(p->name, url->host.base, url->host.len);
  p->name[url->host.len] = '\0';
  p->port = url->port;
  return 0;
}

static int show(proxies *list, const proxy *p) {
  char text[URL_HOST_SIZE + sizeof "socks4a://[]:65535"];
  const bool ipv6 = strchr(p->name, ':') != NULL;
  const int n = snprintf(text, sizeof text, ipv6 ? "%s://[%s]:%u" : "%s://%s:%u", schemes[p->kind],
                         p->name, (unsigned) p->port);
  if (list->count > 1) text_buf_puts(&list->shown, " ");
  return text_buf_add(&list->shown, text, (size_t) n);
}

/* Which URL is wrong is said by its number, because it may have credentials. */
static int explain(const ws_url *url, size_t number, ws_why *why) {
  ws_why words = {""};
  int err = url_explain(url, &words);
  return ws_why_set(why, err, "proxy %zu: %s", number, words.text);
}

static int check_machine(const proxy *p, wsuv_auth_t auth, const wsuv_allocator_t *alloc,
                         ws_why *why) {
  static const char example[] = "192.0.2.1";
  const tunnel_target target = {.host = {example, sizeof example - 1},
                                .is_address = true,
                                .address = {.bytes = {192, 0, 2, 1}},
                                .port = 1};
  const proxy_means means = {.alloc = alloc, .auth = auth, .max_size = 1, .max_headers = 1};
  ws_tunnel *machine;
  int err = proxy_machine(&machine, p, &target, &means, why);
  if (err == 0) machine->ops->free(machine);
  return err;
}

static int add_proxy(proxies *list, ws_text text, wsuv_auth_t auth, ws_why *why) {
  proxy *p = &list->list[list->count++];
  ws_url url;
  ws_why words = {""};
  user_login_init(&p->login, list->alloc);
  int err = url_parse_proxy(&url, &p->kind, text.base, text.len);
  if (err == 0) err = read_host(p, &url);
  if (err < 0) return explain(&url, list->count, why);
  err = user_login_read(&p->login, url.userinfo);
  if (err == 0) err = show(list, p);
  if (err == 0) err = check_machine(p, auth, list->alloc, &words);
  return err < 0 && words.text[0] != '\0'
             ? ws_why_set(why, err, "proxy %zu: %s", list->count, words.text)
             : err;
}

/* The text does not move any more. */
static int finish_shown(proxies *list) {
  int err = text_buf_add(&list->shown, "", 1);
  const char *at = text_buf_base(&list->shown);
  for (size_t i = 0; err == 0 && i < list->count; i++) {
    list->list[i].shown = (ws_text){at, strcspn(at, " ")};
    at += list->list[i].shown.len + 1;
  }
  return err;
}

static size_t count_urls(const char *urls) {
  size_t count = 0;
  while (next_url(&urls).len > 0) count++;
  return count;
}

int proxies_new(proxies **out, const wsuv_allocator_t *alloc, const char *urls, wsuv_auth_t auth,
                ws_why *why) {
  const size_t count = urls != NULL ? count_urls(urls) : 0;
  *out = NULL;
  if (count == 0) return 0;
  if (count > PROXIES_MAX) {
    return ws_why_set(why, WSUV_EURL, "more than %d proxies", PROXIES_MAX);
  }
  proxies *list = ws_calloc(alloc, sizeof *list + count * sizeof *list->list);
  if (list == NULL) return WS_ENOMEM;
  list->alloc = alloc;
  text_buf_init(&list->shown, alloc);
  int err = 0;
  while (err == 0 && list->count < count) err = add_proxy(list, next_url(&urls), auth, why);
  if (err == 0) err = finish_shown(list);
  if (err < 0) {
    proxies_free(list);
    return err;
  }
  *out = list;
  return 0;
}

void proxies_free(proxies *p) {
  if (p == NULL) return;
  for (size_t i = 0; i < p->count; i++) user_login_clear(&p->list[i].login);
  text_buf_clear(&p->shown);
  ws_free(p->alloc, p);
}

/* ---- choosing ---- */

static bool is_environment(const char *urls) {
  return urls != NULL && strcmp(urls, WSUV_PROXY_ENVIRONMENT) == 0;
}

static int check_no_proxy(const char *no_proxy, ws_why *why) {
  const char *wrong = "";
  if (no_proxy == NULL || no_proxy_has(no_proxy, "", 0, &wrong) >= 0) return 0;
  return ws_why_set(why, WS_EINVAL, "no_proxy: %s", wrong);
}

int proxies_check(const wsuv_allocator_t *alloc, const proxy_choice *choice, ws_why *why) {
  proxies *list = NULL;
  int err =
      is_environment(choice->urls) ? 0 : proxies_new(&list, alloc, choice->urls, choice->auth, why);
  proxies_free(list);
  return err < 0 ? err : check_no_proxy(choice->no_proxy, why);
}

static const char *get_variable(void *unused, const char *name) {
  (void) unused;
  return environment_variable(name);
}

/* The text is that of a variable, which is named in place of it. */
static int explain_variable(const proxy_route *route, int err, ws_why *why) {
  ws_why words = *why;
  if (route->variable == NULL || words.text[0] == '\0') return err;
  return ws_why_set(why, err, "environment variable %s: %s", route->variable, words.text);
}

int proxies_choose(proxies **out, const wsuv_allocator_t *alloc, const proxy_choice *choice,
                   const ws_url *to, ws_why *why) {
  char host[URL_HOST_SIZE];
  const proxy_destination destination = {to->secure, host, to->port};
  const bool environment = is_environment(choice->urls);
  const proxy_rules rules = {.proxy = environment ? NULL : choice->urls,
                             .no_proxy = choice->no_proxy,
                             .get = environment ? get_variable : NULL};
  proxy_route route;
  ws_why words = {""};
  *out = NULL;
  if (choice->urls == NULL || to->socket.base != NULL) return 0;
  memcpy(host, to->host.base, to->host.len);
  host[to->host.len] = '\0';
  int err = proxy_route_choose(&route, &rules, &destination);
  if (err < 0) {
    ws_why_set(&words, err, "%s", route.wrong);
  } else {
    err = proxies_new(out, alloc, route.proxy, choice->auth, &words);
  }
  if (err < 0) err = explain_variable(&route, err, &words);
  return err < 0 ? ws_why_set(why, err, "%s", words.text) : 0;
}
