#include "net/dial/proxy_route.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "net/address.h"
#include "net/dial/no_proxy.h"

/* The order of the variables, and what the environment never sends through a proxy. */

static const char *const secure_names[] = {"wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY",
                                           "all_proxy", "ALL_PROXY", NULL};
static const char *const plain_names[] = {"ws_proxy",  "WS_PROXY",  "http_proxy",
                                          "all_proxy", "ALL_PROXY", NULL};
static const char *const exception_names[] = {"no_proxy", "NO_PROXY", NULL};

/* The value of the first variable that is set; NULL: there is none. */
static const char *first_set(const proxy_rules *rules, const char *const *names,
                             const char **variable) {
  for (; *names != NULL; names++) {
    const char *value = rules->get(rules->arg, *names);
    if (value == NULL || *value == '\0') continue;
    *variable = *names;
    return value;
  }
  return NULL;
}

/* By the text of the host: nothing is looked up. */
static bool is_local(const char *host) {
  struct sockaddr_storage address;
  static const char name[] = "localhost";
  size_t i = 0;
  if (address_parse(&address, host, 0)) return address_is_loopback(&address);
  while (name[i] != '\0' && (host[i] | 0x20) == name[i]) i++;
  return name[i] == '\0' && (host[i] == '\0' || strcmp(host + i, ".") == 0);
}

int proxy_route_choose(proxy_route *route, const proxy_rules *rules, const proxy_destination *to) {
  const char *exceptions = rules->no_proxy, *variable = NULL;
  *route = (proxy_route){.proxy = rules->proxy};
  if (rules->get != NULL) {
    const char *const *names = to->secure ? secure_names : plain_names;
    route->proxy = is_local(to->host) ? NULL : first_set(rules, names, &route->variable);
  }
  if (route->proxy == NULL) return 0;
  if (exceptions == NULL && rules->get != NULL) {
    exceptions = first_set(rules, exception_names, &variable);
  }
  if (exceptions == NULL) return 0;
  const int found = no_proxy_has(exceptions, to->host, to->port, &route->wrong);
  if (found == 0) return 0;
  route->proxy = NULL;
  route->variable = variable;
  return found < 0 ? found : 0;
}
