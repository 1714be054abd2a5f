#ifndef WS_NET_UV_LISTEN_SOCKET_H
#define WS_NET_UV_LISTEN_SOCKET_H

/* Sockets that listen: made at an address, or taken over. It knows no loop. */

#include "base/env.h"
#include "net/uv/socket_file.h"

typedef struct listen_socket {
  int fd;           /* This descriptor is the socket's. */
  int family;       /* AF_INET, AF_INET6 or AF_UNIX. */
  bool keep_path;   /* `file` stays when the socket is closed. */
  socket_file file; /* This is the file of a Unix socket that was made here. */
  /* Accepted sockets are to be given these options; those that they inherit are left out. */
  ws_socket_options options;
} listen_socket;

/* See ws_env_ops.listen. Returns 0; or a code, and there is nothing to close: options->fd is the
   caller's. A descriptor that is taken over is not changed. `alloc` outlives the socket. */
int listen_socket_open(listen_socket *s, const wsuv_allocator_t *alloc,
                       const ws_listen_options *options);

/* Close the socket, and remove its file. */
void listen_socket_close(listen_socket *s);

/* As ws_env_ops.listener_address. */
int listen_socket_address(const listen_socket *s, struct sockaddr_storage *addr);

#endif
