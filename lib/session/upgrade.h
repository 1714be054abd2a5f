#ifndef WS_SESSION_UPGRADE_H
#define WS_SESSION_UPGRADE_H

/* A connection of a server from its acceptance to the decision: checks the request, and carries out
   what the program decides. */

#include <stdbool.h>

#include "net/address.h"
#include "net/filter.h"
#include "session/server_state.h"

/* How a connection came. */
typedef struct upgrade_origin {
  const struct sockaddr_storage *peer; /* This is the peer's address. */
  bool secure;                         /* It begins with TLS. */
  bool loopback; /* Only this machine can reach the address that it came to. */
} upgrade_origin;

/* Take over a connection that a listener has accepted. Call it from the loop. */
void upgrade_begin(wsuv_server_t *server, ws_filter *filter, const upgrade_origin *from);

#endif
