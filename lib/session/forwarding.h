#ifndef WS_SESSION_FORWARDING_H
#define WS_SESSION_FORWARDING_H

/* For whom a connection is: its peer, or the client that trusted proxies name, by the PROXY
   protocol or in fields of the request. */

#include <stdbool.h>

#include <wsuv/server.h>

#include "base/ip.h"
#include "net/address.h"
#include "net/address_ranges.h"
#include "net/proxy_header.h"
#include "proto/handshake/h1_server.h"
#include "session/log.h"

typedef struct forwarding {
  ws_ip address; /* With `named`: this is the client's address. */
  bool named;    /* A trusted proxy has named the client's address; otherwise it is the peer's. */
  bool trusted;  /* Who sends the request is a trusted proxy. */
  bool said;     /* A trusted proxy has said something, be it only that nothing is known. */
  bool own;      /* The connection is the proxy's own, such as a health check. */
  bool secure;   /* The client's connection is secured by TLS. */
} forwarding;

/* The address of the client; `peer` is that of the socket. */
void forwarding_address(const forwarding *f, const struct sockaddr_storage *peer,
                        struct sockaddr_storage *out);

/* The connection has begun with this header. The peer is a trusted proxy. */
void forwarding_take_header(forwarding *f, const proxy_header *header,
                            const address_ranges *proxies);

/* Read the fields of a request, if a trusted proxy sends it. They may change its host. Returns 0 or
   WS_ENOMEM. */
int forwarding_read(forwarding *f, h1_server *request, const address_ranges *proxies,
                    wsuv_forwarded_t family);

/* Fill in a caller's structure with these. Returns 0 or WSUV_ESIZE. */
int forwarding_tell(wsuv_origin_t *to, const struct sockaddr_storage *address, bool secure,
                    const char *host, log_to log);

#endif
