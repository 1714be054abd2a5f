#ifndef WS_NET_TCP_H
#define WS_NET_TCP_H

/* The filter at the bottom of a chain: a TCP socket on libuv. */

#include "net/env_uv.h"
#include "net/filter.h"

/* ws_env_ops.connect. */
int tcp_connect(ws_env *env, const struct sockaddr *addr, const ws_socket_options *options,
                const ws_filter_events *events, void *up, ws_filter **out);

#endif
