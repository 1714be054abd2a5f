#ifndef WS_NET_UV_LOOKUP_H
#define WS_NET_UV_LOOKUP_H

/* Name lookups, in libuv's thread pool.

   A lookup frees itself in the callback of its libuv request, after its own callback has run. A
   cancelled lookup stays allocated until then, since a request that a thread works on cannot be
   stopped. The addresses are freed when the lookup's callback returns. */

#include <stdint.h>

#include "base/env.h"

/* ws_env_ops.lookup, lookup_cancel. lookup_start: 0, WS_ENOMEM, or libuv's code if the request
   cannot be made. */
int lookup_start(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                 ws_lookup **out);
void lookup_cancel(ws_lookup *l);

#endif
