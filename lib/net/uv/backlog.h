#ifndef WS_NET_UV_BACKLOG_H
#define WS_NET_UV_BACKLOG_H

/* What the kernel has taken of a stream's output and the peer does not have yet. By default it
   takes megabytes (tcp_wmem). On a slow link they need minutes, and a pong or a close frame waits
   behind them. */

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* How many bytes the peer has not acknowledged; of a Unix socket, the memory of what it has not
   read. One system call. Returns 0; WS_ENOTSUP: the system or the kind of stream cannot tell; or a
   libuv code. */
int backlog_unacked(const uv_stream_t *handle, size_t *bytes);

/* Let the kernel take no more than so many bytes beyond those that it has sent. *before is set to
   the limit until now. Returns false if the system or the kind of stream has no such limit. */
bool backlog_limit(const uv_stream_t *handle, int bytes, int *before);

#endif
