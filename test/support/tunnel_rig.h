#ifndef TEST_TUNNEL_RIG_H
#define TEST_TUNNEL_RIG_H

/* A machine for tunnels (base/tunnel.h) without a connection: what it sends is collected, and what
   a proxy sends is fed, cut in any way. */

#include "base/tunnel.h"
#include "support/frames.h"
#include "support/pieces.h"
#include "support/secret_alloc.h"

typedef struct tunnel_rig {
  secret_alloc alloc;
  ws_tunnel *t;   /* NULL until the test has made one */
  bytes sent;     /* what the machine has sent so far */
  bytes behind;   /* what was fed, and does not belong to the proxy */
  size_t at_once; /* bytes of output that are sent at once; 0: all */
  ws_why why;
} tunnel_rig;

/* What is freed may not have the secret. */
void tunnel_rig_open(tunnel_rig *r, const char *secret);
void tunnel_rig_close(tunnel_rig *r); /* nothing may be left */

/* Send all output. */
void tunnel_rig_send(tunnel_rig *r);

/* Feed what the proxy sends, and send what the machine has to send after each piece. The result of
   the last piece; what was not used then is in `behind`. */
int tunnel_rig_feed(tunnel_rig *r, pieces how, const void *data, size_t len);

/* Pieces of `len` bytes: n == 0: whole; 1: byte by byte; then cut in two at each place. */
pieces tunnel_rig_way(size_t n);

#endif
