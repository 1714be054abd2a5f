#ifndef WS_NET_UV_LOOKUP_SYSTEM_H
#define WS_NET_UV_LOOKUP_SYSTEM_H

/* Name lookups by getaddrinfo, in libuv's thread pool.

   A lookup frees itself in the callback of its libuv request, after its own callback has run. A
   cancelled lookup stays allocated until then, since a request that a thread works on cannot be
   stopped. libuv lets lookups have half of its threads (UV_THREADPOOL_SIZE, 4) at a time. */

#include "net/uv/loop.h"

/* As lookup_start. 0, WS_ENOMEM, or libuv's code if the request cannot be made. */
int lookup_system_start(env_uv *e, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                        ws_lookup **out);

#endif
