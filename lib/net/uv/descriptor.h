#ifndef WS_NET_UV_DESCRIPTOR_H
#define WS_NET_UV_DESCRIPTOR_H

/* Descriptors of stream sockets that do not block and are closed on exec. The caller owns them. */

#include <sys/socket.h>

/* A new socket. Returns the descriptor or a libuv code. */
int descriptor_socket(int family);

/* The next connection of a socket that listens, and the address of its peer. Returns the
   descriptor; WS_EAGAIN: none waits; WS_ECONNABORTED: the connection has failed, or the network has
   told an error of it, and the next one may be accepted; or another libuv code. */
int descriptor_accept(int listening, struct sockaddr_storage *peer);

/* Another descriptor of the same socket. Returns it or a libuv code. */
int descriptor_duplicate(int fd);

#endif
