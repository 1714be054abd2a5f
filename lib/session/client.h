#ifndef WS_SESSION_CLIENT_H
#define WS_SESSION_CLIENT_H

/* The client: an endpoint, and what only a client has. */

#include <wsuv/client.h>
#include <wsuv/config.h>

#include "net/dial/resolver.h"
#include "session/ending.h"
#include "session/endpoint.h"

struct wsuv_client {
  endpoint endpoint; /* The endpoint has the parts that a server needs, too. */
  resolver resolver; /* All sessions of the client look up names with this resolver. */
  void *data;        /* This pointer belongs to the program; the client does not use it. */
  ending ending;     /* This closes the client. */
};

/* Create a client in any environment. On success the client owns the environment. Returns 0, or an
   error as wsuv_client_new. */
int client_new_in(wsuv_client_t **out, ws_env *env, const wsuv_config_t *config);

#endif
