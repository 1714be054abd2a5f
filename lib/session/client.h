#ifndef WS_SESSION_CLIENT_H
#define WS_SESSION_CLIENT_H

/* The client: an endpoint, and what only a client has. */

#include <wsuv/client.h>
#include <wsuv/config.h>

#include "net/dial/resolver.h"
#include "session/endpoint.h"

/* A callback that runs when the client is closed. */
typedef struct client_closer {
  ws_list node;
  wsuv_client_close_cb cb;
} client_closer;

struct wsuv_client {
  endpoint endpoint;
  resolver resolver;
  void *data;
  client_closer closer; /* The first callback. It is in no list while nobody has asked for one. */
  ws_list closers;      /* All callbacks, in the order of the calls. */
};

/* Create a client in any environment. The environment becomes the client's when this succeeds. 0,
   or an error as wsuv_client_new. */
int client_new_in(wsuv_client_t **out, ws_env *env, const wsuv_config_t *config);

#endif
