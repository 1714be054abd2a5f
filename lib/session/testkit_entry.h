#ifndef WS_SESSION_TESTKIT_ENTRY_H
#define WS_SESSION_TESTKIT_ENTRY_H

/* The entrance of libwsuv-testkit, which is linked to the shared library as a program is: these
   symbols are visible, under the version WSUV_PRIVATE, and in no public header. They may change
   with every release; the two libraries of one release belong together. */

#include <uv.h>

#include <wsuv/client.h>
#include <wsuv/export.h>
#include <wsuv/server.h>
#include <wsuv/session.h>

#include "base/env.h"

/* As wsuv_client_new and wsuv_server_new, in an environment, whose allocator and random bytes are
   used in place of the configuration's. `loop` is what wsuv_client_loop returns. On success the
   environment is the client's or the server's. */
WSUV_EXTERN int wsuv_internal_client_new(wsuv_client_t **out, ws_env *env, uv_loop_t *loop,
                                         const wsuv_config_t *config);
WSUV_EXTERN int wsuv_internal_server_new(wsuv_server_t **out, ws_env *env, uv_loop_t *loop,
                                         const wsuv_config_t *config);

/* Whether it was closed, or drains: it will end by itself. */
WSUV_EXTERN bool wsuv_internal_client_ends(const wsuv_client_t *client);
WSUV_EXTERN bool wsuv_internal_server_ends(const wsuv_server_t *server);

/* So many answers to upgrades and plain requests are owed. */
WSUV_EXTERN size_t wsuv_internal_server_owed(const wsuv_server_t *server);

/* Queue bytes that are no frame of the library's. Returns 0; 1: something that was queued before
   has not left, so nothing was queued; WSUV_ESTATE: the session is not open, or closing has begun;
   WS_ENOMEM. */
WSUV_EXTERN int wsuv_internal_session_send_bytes(wsuv_session_t *s, const void *data, size_t len);

/* Send this text in place of the request of the opening handshake. Call it right after
   wsuv_connect. Returns 0 or WS_ENOMEM. */
WSUV_EXTERN int wsuv_internal_session_set_request(wsuv_session_t *s, const char *text, size_t len);

/* As env_uv_new, with the system's random bytes and resolver. */
WSUV_EXTERN int wsuv_internal_env_new(ws_env **out, uv_loop_t *loop, const wsuv_allocator_t *alloc);

#endif
