#ifndef WS_NET_UV_LOOKUP_H
#define WS_NET_UV_LOOKUP_H

/* Name lookups: each name goes to the resolver that serves it, c-ares or the system's.

   If the program has closed the environment's handles, the callback does not run, and the lookup is
   freed when it is cancelled. */

#include <stdint.h>

#include "base/env.h"

/* ws_env_ops.lookup, lookup_cancel. lookup_start: 0; WS_ENOMEM; WS_ECANCELED: the program has
   closed the environment's handles; UV_EAI_NONAME: the name is empty; or the code of a resolver
   that cannot begin. The addresses are freed when the lookup's callback returns. */
int lookup_start(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                 ws_lookup **out);
void lookup_cancel(ws_lookup *l);

#endif
