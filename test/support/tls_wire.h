#ifndef TEST_TLS_WIRE_H
#define TEST_TLS_WIRE_H

/* An end of a connection with TLS over it: a wire over a wire. What it is told to do before
   the handshake is done is done behind it, but for close. */

#include "net/tls/tls_context.h"
#include "support/wire.h"
#include "support/world.h"

/* Takes the lower one over. The context outlives it. `host` is what a client has connected to;
   NULL: the context is a server's. */
wire *tls_wire_new(world *w, wire *lower, tls_context *ctx, const char *host);

/* From now on ciphertext goes out in pieces of so many bytes, each so long after the one before. */
void tls_wire_dribble(wire *w, size_t piece, uint64_t every_ms);

/* The end of what is below, without close_notify. */
void tls_wire_cut(wire *w);

#endif
