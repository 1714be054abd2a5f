#ifndef TEST_WORLD_SERVER_H
#define TEST_WORLD_SERVER_H

/* A server of the library's in either world. */

#include <wsuv/server.h>

#include "support/world.h"

/* `config` NULL: the defaults. Its allocator and random bytes become the world's, as does its
   certificate in a secure world, unless it has one itself. 0 or a code. */
int world_server(world *w, wsuv_server_t **out, const wsuv_config_t *config);

/* The same on a loop of the test's, over libuv. */
int world_server_on(world *w, struct uv_loop_s *loop, wsuv_server_t **out,
                    const wsuv_config_t *config);

/* Close the server and run until it has said that it is gone. */
void world_server_close(world *w, wsuv_server_t *server);

#endif
