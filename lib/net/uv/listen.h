#ifndef WS_NET_UV_LISTEN_H
#define WS_NET_UV_LISTEN_H

/* Listeners on libuv: ws_env_ops.listen and its companions. */

#include "base/env.h"

int listen_start(ws_env *env, const ws_listen_options *options, const ws_listener_events *events,
                 void *up, ws_listener **out);
int listen_address(const ws_listener *l, struct sockaddr_storage *addr);
int listen_fd(const ws_listener *l);
void listen_free(ws_listener *l);

#endif
