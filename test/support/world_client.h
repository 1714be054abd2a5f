#ifndef TEST_WORLD_CLIENT_H
#define TEST_WORLD_CLIENT_H

/* A client of the library's in either world. */

#include <wsuv/client.h>

#include "support/world.h"

/* `config` NULL: the defaults. Its allocator and random bytes become the world's, as
   does whom it trusts, unless it says so itself. 0 or a code. */
int world_client(world *w, wsuv_client_t **out, const wsuv_config_t *config);

/* Close the client and run until it has said that it is gone. */
void world_client_close(world *w, wsuv_client_t *client);

#endif
