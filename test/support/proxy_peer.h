#ifndef TEST_PROXY_PEER_H
#define TEST_PROXY_PEER_H

/* A peer that plays a row of proxies of any kinds, and the WebSocket server behind them. It expects
   exactly the bytes that each proxy must see, so credentials at a wrong place are seen. It shares
   nothing with the library.

   The name or address that each is reached by is made here: an address where the proxy before it
   has its names looked up here, or a name that does not exist, which nobody may look up. */

#include <stdbool.h>
#include <stddef.h>

#include "support/raw_peer.h"
#include "support/session_user.h"

typedef enum proxy_kind {
  PROXY_HTTP,
  PROXY_SOCKS4,
  PROXY_SOCKS4A,
  PROXY_SOCKS5,
  PROXY_SOCKS5H,
  PROXY_KINDS
} proxy_kind;

enum { PROXY_HOPS = 3, PROXY_EXCHANGES = 3 * PROXY_HOPS };

typedef struct proxy_hop {
  proxy_kind kind;
  bool credentials; /* User "uN" and, but for SOCKS 4, password "pN"; N is its place, from 0. */
} proxy_hop;

typedef struct proxy_peer {
  raw_peer *raw;
  bytes expected[PROXY_EXCHANGES], answers[PROXY_EXCHANGES];
  size_t exchanges; /* So many are in use. */
  char proxy[256];  /* The URLs. */
  char url[96];     /* The server's, with the port 81. */
} proxy_peer;

void proxy_peer_open(proxy_peer *x, raw_peer *raw);
void proxy_peer_close(proxy_peer *x);

/* Make the exchanges and the URLs. */
void proxy_peer_make(proxy_peer *x, const proxy_hop *hops, size_t count);

/* Play all exchanges, then the steps `rest`, at most 16 with STEP_NONE at the end. Answers are sent
   in pieces of so many bytes; 0: each at once. */
void proxy_peer_play(proxy_peer *x, size_t piece, const peer_step *rest);

/* The same with a server that says "hi", and answers the close frame. */
void proxy_peer_serve(proxy_peer *x, size_t piece);

/* Play exchanges until only `len` bytes of the answer number `last` were sent, then the step. */
void proxy_peer_stop(proxy_peer *x, size_t last, size_t len, peer_step step);

/* Connect as the URLs say, close at the first message, and run until the session has ended. */
void proxy_peer_visit(proxy_peer *x, session_user *u);

#endif
