#ifndef WS_SESSION_UPGRADE_H
#define WS_SESSION_UPGRADE_H

/* A connection of a server from its acceptance to the decision: checks the request, and carries out
   what the program decides. */

#include <stdbool.h>

#include <wsuv/http_request.h>

#include "base/why.h"

#include "net/address.h"
#include "net/filter.h"
#include "session/server_state.h"

/* How a connection came. */
typedef struct upgrade_origin {
  const struct sockaddr_storage *peer; /* This is the peer's address. */
  bool secure;                         /* It begins with TLS. */
  bool loopback;       /* Only this machine can reach the address that it came to. */
  bool proxy_protocol; /* It begins with the header of the PROXY protocol. */
} upgrade_origin;

/* Take over a connection that a listener has accepted. Call it from the loop. */
void upgrade_begin(wsuv_server_t *server, ws_filter *filter, const upgrade_origin *from);

/* For a connection that the program hands over: make an upgrade, which the caller frees
   (decision_free) or gives to one of the last two functions. Returns 0 or WS_ENOMEM. */
int upgrade_new(wsuv_upgrade_t **out, wsuv_server_t *server);

/* Read the request that the program has parsed. Returns 0: it is the server's to answer; or a code,
   and then the upgrade can only be freed: WS_ENOENT: there is no route for it; WSUV_EUPGRADE:
   it does not ask for a WebSocket; as parsed_request_write. */
int upgrade_read(wsuv_upgrade_t *u, const wsuv_http_request_t *request, ws_why *why);

/* Take over a connection without a request, with TLS unless `tls`, which is loaded, is NULL; or one
   whose request was read. What happens to it begins in the next tick. */
void upgrade_adopt(wsuv_upgrade_t *u, ws_filter *filter, const upgrade_origin *from,
                   tls_context *tls);
void upgrade_decide(wsuv_upgrade_t *u, ws_filter *filter, const upgrade_origin *from);

#endif
