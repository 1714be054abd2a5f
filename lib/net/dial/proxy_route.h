#ifndef WS_NET_DIAL_PROXY_ROUTE_H
#define WS_NET_DIAL_PROXY_ROUTE_H

/* Which proxies a connection goes through, by configuration or by the environment of the process.
   What a proxy's URL says is not looked at. */

#include <stdbool.h>
#include <stdint.h>

typedef struct proxy_rules {
  const char *proxy;    /* These are the configured proxies, or NULL. */
  const char *no_proxy; /* These destinations have none (no_proxy.h); NULL: it is not configured. */
  /* The value of an environment variable, which stays valid as long as the route, or NULL. If this
     is not NULL, the proxies are those of the environment instead of `proxy`, and so is `no_proxy`,
     unless it is configured. */
  const char *(*get)(void *arg, const char *name);
  void *arg; /* This is the first argument of `get`. */
} proxy_rules;

typedef struct proxy_destination {
  bool secure;      /* The scheme is wss. */
  const char *host; /* This is a name, or an address without brackets and zone. */
  uint16_t port;    /* This is the port. */
} proxy_destination;

typedef struct proxy_route {
  const char *proxy;    /* These are the proxies, from `proxy` or `get`; NULL: there are none. */
  const char *variable; /* The value, or what is wrong, is in this variable; NULL: configured. */
  const char *wrong;    /* After an error, this static text says what is wrong. */
} proxy_route;

/* Choose: the first variable that is set counts. An empty one counts as not set.

     wss   wss_proxy, WSS_PROXY, https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY

     ws    ws_proxy, WS_PROXY, http_proxy, all_proxy, ALL_PROXY; not HTTP_PROXY, which is a header
           field of a request under CGI (RFC 3875 4.1.18)

     both  no_proxy, NO_PROXY

   Proxies of the environment are not used for 127.0.0.0/8, ::1 and localhost. 0; WS_EINVAL: an
   entry of no_proxy makes no sense. */
int proxy_route_choose(proxy_route *route, const proxy_rules *rules, const proxy_destination *to);

#endif
