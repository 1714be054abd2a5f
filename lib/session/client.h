#ifndef WS_SESSION_CLIENT_H
#define WS_SESSION_CLIENT_H

/* The client: an endpoint, and what only a client has. */

#include <wsuv/client.h>
#include <wsuv/config.h>

#include "net/dial/resolver.h"
#include "session/endpoint.h"

/* One callback that waits for the client to be gone. */
typedef struct client_closer {
  ws_list node;
  wsuv_client_close_cb cb;
} client_closer;

struct wsuv_client {
  endpoint endpoint;
  resolver resolver;
  void *data;
  client_closer closer; /* The first; in no list: nobody has asked for a callback yet. */
  ws_list closers;      /* All of them, in the order of the calls. */
};

/* A client in any environment, which becomes the client's when this succeeds. 0, or as
   wsuv_client_new. */
int client_new_in(wsuv_client_t **out, ws_env *env, const wsuv_config_t *config);

#endif
