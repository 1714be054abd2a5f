#ifndef WS_SESSION_ROUTE_H
#define WS_SESSION_ROUTE_H

/* What a server keeps of a route that was added, beside its pattern, which the router has. */

#include <stdbool.h>

#include <wsuv/server.h>

#include "base/list.h"
#include "base/why.h"
#include "proto/extension/extension_list.h"
#include "session/endpoint.h"

typedef struct route {
  ws_list node;               /* This links the route into wsuv_server.route_list. */
  wsuv_callbacks_t callbacks; /* This is a copy of the callbacks of its sessions. */
  void *data;                 /* This pointer belongs to the program. */
  /* This is a deep copy of the route's own configuration, or, without one, the endpoint's. */
  const wsuv_config_t *config;
  wsuv_config_t own; /* `config` points here if the route has a configuration of its own. */
  /* The route has a reference to the extensions that its sessions may have, or this is NULL. */
  extension_list *extensions;
  wsuv_upgrade_cb upgrade_cb; /* This is the route's hook, or NULL. */
  bool raw;                   /* Its sessions are raw. */
  bool negotiates;            /* Its sessions may have extensions. */
} route;

/* Read and check a route of the program's. *path and *subprotocol are the caller's strings. Returns
   0 or an error as wsuv_server_add_route, with *why. */
int route_new(route **out, endpoint *e, const wsuv_route_t *from, const char **path,
              const char **subprotocol, ws_why *why);
void route_free(route *r, const wsuv_allocator_t *alloc);

/* The extensions of a configuration of its own: installed anew, with a reference. Returns 0 or an
   error as extension_list_new, with *why. */
int route_extensions(extension_list **out, endpoint *e, const wsuv_config_t *own, ws_why *why);

/* Read callbacks of the program's; NULL: none. Returns 0 or WSUV_ESIZE, with *why. */
int route_read_callbacks(wsuv_callbacks_t *to, const wsuv_callbacks_t *from, ws_why *why);

#endif
