#ifndef WS_SESSION_SERVER_H
#define WS_SESSION_SERVER_H

/* Creates, closes and queries servers. */

#include "session/server_state.h"

/* Create a server in any environment. On success the server owns the environment. Returns 0, or an
   error as wsuv_server_new. */
int server_new_in(wsuv_server_t **out, ws_env *env, const wsuv_config_t *config);

#endif
