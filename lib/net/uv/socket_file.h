#ifndef WS_NET_UV_SOCKET_FILE_H
#define WS_NET_UV_SOCKET_FILE_H

/* The file by which a Unix socket is found. */

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/alloc.h"

/* Starts zeroed. */
typedef struct socket_file {
  const wsuv_allocator_t *alloc; /* `path` is allocated by this. */
  /* The file was made here; NULL: there is none. The path does not depend on the folder that the
     program is in, unless it can be found from there only. */
  char *path;
  dev_t device; /* The file is on this device. */
  ino_t inode;  /* The file has this number there, while the socket is open. */
} socket_file;

/* Bind a socket, which does not listen yet, to a path or an abstract name. A file that is there is
   replaced if it is a socket that nobody listens on. The file has these permissions before anybody
   can connect; 0: those that the process's umask gives. Returns 0 or a libuv code, and then there
   is no file. `alloc` outlives the file. */
int socket_file_bind(socket_file *file, const wsuv_allocator_t *alloc, int fd,
                     const struct sockaddr_un *addr, unsigned mode);

/* Whether the path still names this file. Always true if there is none. */
bool socket_file_is_there(const socket_file *file);

/* Remove the file, unless another one has taken its place. The socket must still be open. */
void socket_file_remove(socket_file *file);

/* Leave the file there, and forget it. */
void socket_file_keep(socket_file *file);

#endif
