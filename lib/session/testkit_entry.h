#ifndef WS_SESSION_TESTKIT_ENTRY_H
#define WS_SESSION_TESTKIT_ENTRY_H

/* The entrance of libwsuv-testkit, which is linked to the shared library as a program is: these
   symbols are visible, under the version WSUV_PRIVATE, and in no public header. They may change
   with every release; the two libraries of one release belong together. */

#include <uv.h>

#include <wsuv/client.h>
#include <wsuv/export.h>
#include <wsuv/server.h>

#include "base/env.h"

/* As client_new_in and server_new_in. */
WSUV_EXTERN int wsuv_internal_client_new(wsuv_client_t **out, ws_env *env,
                                         const wsuv_config_t *config);
WSUV_EXTERN int wsuv_internal_server_new(wsuv_server_t **out, ws_env *env,
                                         const wsuv_config_t *config);

/* As env_uv_new, with the system's random bytes and resolver. */
WSUV_EXTERN int wsuv_internal_env_new(ws_env **out, uv_loop_t *loop, const wsuv_allocator_t *alloc);

#endif
