#ifndef WS_NET_UV_CREDENTIALS_H
#define WS_NET_UV_CREDENTIALS_H

/* Which process is at the other end of a Unix socket. */

#include <uv.h>

#include "net/filter.h"

/* What the kernel noted when the connection was made. One system call. Returns 0; WS_ENOTSUP: it is
   no Unix socket, or the system cannot tell; or a libuv code. */
int credentials_read(const uv_stream_t *handle, ws_credentials *out);

#endif
