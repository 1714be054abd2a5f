#ifndef TEST_ECHO_SERVER_H
#define TEST_ECHO_SERVER_H

/* An echo server on a loop of the caller's: each text and binary message goes back with its type.
   The path /refuse?status=401 answers with that status and a small body. */

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <wsuv/extension.h>
#include <wsuv/hooks.h>

typedef struct echo_server echo_server;
typedef void (*echo_server_cb)(echo_server *server);

/* Listen on 127.0.0.1; port 0: any. The program ignores SIGPIPE. 0, or a code of libuv's; then
   the loop has to run once more before it can be closed. */
int echo_server_start(uv_loop_t *loop, const wsuv_allocator_t *alloc, uint16_t port,
                      echo_server **out);

uint16_t echo_server_port(const echo_server *server);

/* Of the subprotocols that a client offers, the first that is among these is chosen. They stay the
   caller's. */
void echo_server_subprotocols(echo_server *server, const char *const *names, size_t count);

/* Accept these when they are offered, on connections that begin from now on. 0 or a code. */
int echo_server_extensions(echo_server *server, const wsuv_extension_t *const *extensions,
                           size_t count);

/* Close every connection with 1001, and drop it if that is not answered within 1 s; then call cb,
   unless NULL, and free the server. Once only. */
void echo_server_stop(echo_server *server, echo_server_cb cb);

#endif
