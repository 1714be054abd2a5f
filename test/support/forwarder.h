#ifndef TEST_FORWARDER_H
#define TEST_FORWARDER_H

/* A proxy that answers CONNECT and moves bytes, over either world: `http`, or, in a secure world,
   also `https`. It shares nothing with the library but, in a secure world, TLS. */

#include <stdbool.h>

#include "support/raw_peer.h"

enum { FORWARDER_TUNNELS = 4 };

typedef struct forwarder {
  raw_peer *peer;
  wire *behind[FORWARDER_TUNNELS]; /* of each connection, in the order of accepting */
  size_t tunnels;
  char url[64]; /* "http://127.0.0.1:PORT" or "https://..." */
} forwarder;

/* Begin to listen; `secure`: with the world's certificate. What it is asked for is on 127.0.0.1,
   and the name of the request does not count. */
void forwarder_open(forwarder *f, world *w, bool secure);
void forwarder_close(forwarder *f);

#endif
