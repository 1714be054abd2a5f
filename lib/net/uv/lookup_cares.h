#ifndef WS_NET_UV_LOOKUP_CARES_H
#define WS_NET_UV_LOOKUP_CARES_H

/* Name lookups by c-ares, on the loop: many at a time, each can be cancelled. DNS only; which names
   may come here is for name_service.h to say.

   A lookup frees itself after its callback has run. Its sockets and timers do not outlive it; what
   remains in the environment is a channel of c-ares without a socket, and its timer, which does
   not keep the loop alive. */

#include <stdbool.h>

#include "net/uv/loop.h"

/* c-ares was there when the library was built. Without it lookup_cares_start returns
   WS_ENOTSUP. */
extern const bool lookup_cares_built_in;

/* As lookup_start. 0; WS_ENOMEM; or the code for why there is no channel. Of a name with more than
   128 addresses, the first 128 are taken. */
int lookup_cares_start(env_uv *e, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                       ws_lookup **out);

/* Close the channels of the environment. All lookups have ended or were cancelled. */
void lookup_cares_end(env_uv *e);

/* The code for a status of c-ares (ARES_E*), one of UV_EAI_*; 0 for success. */
int lookup_cares_code(int status);

#endif
