#ifndef TEST_WORLD_TLS_H
#define TEST_WORLD_TLS_H

/* TLS for a whole world: peers that are made from now on have a certificate for the names and
   addresses that tests connect to, their URLs are wss://, and clients trust it. What the bytes of
   TLS are does not come from the seed: certificates, keys and nonces are as random as ever. */

#include <wsuv/tls.h>

#include "support/certs.h"
#include "support/world.h"

void world_secure(world *w);
void world_unsecure(world *w); /* for world_end */

/* How clients trust its peers, and what servers of the library show; NULL: nothing is secure. It
 * lives as long as the world. */
const wsuv_tls_config_t *world_tls(const world *w);
const wsuv_tls_config_t *world_server_tls(const world *w);

/* Of clients that the library has no part in; NULL: nothing is secure. */
struct tls_context *world_client_context(world *w);

/* What its peers show. */
const cert *world_cert(void);

#endif
