#ifndef TEST_SIM_WIRES_H
#define TEST_SIM_WIRES_H

/* Peers' ends of connections in a simulated machine: what world_listen, world_unlisten and
   world_connect are in a world that has one. */

#include "support/world.h"

wire_listener *sim_wires_listen(sim *s, const char *addr, uint16_t port, wire_accept_cb cb,
                                void *up, uint16_t *bound);
void sim_wires_unlisten(wire_listener *l);
wire *sim_wires_connect(sim *s, const struct sockaddr *addr);

#endif
