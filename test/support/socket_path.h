#ifndef TEST_SOCKET_PATH_H
#define TEST_SOCKET_PATH_H

/* A path for a Unix socket, in a folder of the process's own that is gone when it exits. Whoever
   listens there takes the socket away again, as libuv does. */
const char *socket_path(void);

#endif
