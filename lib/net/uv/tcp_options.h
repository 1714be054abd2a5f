#ifndef WS_NET_UV_TCP_OPTIONS_H
#define WS_NET_UV_TCP_OPTIONS_H

/* Options of TCP sockets. It knows no loop. */

#include <stdbool.h>

#include "base/env.h"

/* Whether an accepted socket has the options that the listening one had when the connection came.
   It is known of Linux (tcp_create_openreq_child). */
#ifdef __linux__
enum { TCP_OPTIONS_INHERITED = true };
#else
enum { TCP_OPTIONS_INHERITED = false };
#endif

/* Set what `options` names, except `local`. Returns 0 or a code of the system. */
int tcp_options_set(int fd, const ws_socket_options *options);

#endif
