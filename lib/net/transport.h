#ifndef WS_NET_TRANSPORT_H
#define WS_NET_TRANSPORT_H

/* A connection whose bytes the program moves (wsuv/transport.h), as the filter at the bottom of a
   chain. */

#include <wsuv/transport.h>

#include "base/env.h"
#include "base/view.h"
#include "base/why.h"
#include "net/filter.h"

/* Make a connected filter of the program's functions, none of which is called inside. What the
   program has received is copied, and is read before anything else. Returns 0; WS_EINVAL: a
   function is missing; WSUV_ESIZE; WS_ENOMEM; or an error of the environment. */
int transport_new(wsuv_transport_t **out, ws_env *env, const wsuv_transport_ops_t *ops, void *data,
                  ws_view received, ws_why *why);

/* The filter, whose `close` frees the transport. */
ws_filter *transport_filter(wsuv_transport_t *t);

/* Whether the bytes are protected already. */
bool transport_is_secure(const wsuv_transport_t *t);

/* Free a transport that was not used, and leave the program's connection as it is. */
void transport_discard(wsuv_transport_t *t);

#endif
