#ifndef WS_PROTO_TUNNEL_TUNNEL_CONNECT_H
#define WS_PROTO_TUNNEL_TUNNEL_CONNECT_H

/* A tunnel by the method CONNECT (RFC 9110 9.3.6): makes the request, reads the response, and
   answers a challenge, on the same connection or on a new one. */

#include "base/tunnel.h"
#include "proto/tunnel/authentication.h"
#include "proto/tunnel/tunnel_target.h"

typedef struct tunnel_connect_config {
  tunnel_target target; /* The tunnel leads there; the text of the host counts. */
  auth_config auth;     /* This is what the proxy may be shown. */
  uint8_t random[AUTH_ANSWERS_MAX * AUTH_RANDOM_SIZE]; /* These are random bytes, for Digest. */
  size_t max_size;    /* The heads of all responses on a connection may have this many bytes. */
  size_t max_headers; /* Each response may have at most this many header fields. */
} tunnel_connect_config;

/* Make a machine; everything is copied. 0; WSUV_EURL: see tunnel_target_check; WSUV_EINVAL_HEADER:
   see auth_init; *why, unless it is NULL, says more; WS_ENOMEM. */
int tunnel_connect_new(ws_tunnel **out, const wsuv_allocator_t *alloc,
                       const tunnel_connect_config *config, ws_why *why);

#endif
