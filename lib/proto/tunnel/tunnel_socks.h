#ifndef WS_PROTO_TUNNEL_TUNNEL_SOCKS_H
#define WS_PROTO_TUNNEL_TUNNEL_SOCKS_H

/* A tunnel by SOCKS: version 4 with its extension 4a, and version 5 (RFC 1928) with user name and
   password (RFC 1929). */

#include "base/tunnel.h"
#include "proto/tunnel/tunnel_target.h"

enum { SOCKS_TEXT_MAX = 255 }; /* bytes of a user name, and of a password */

typedef struct tunnel_socks_config {
  /* The tunnel leads there. If there is no address, the proxy looks up the name. */
  tunnel_target target;
  ws_text user, password; /* These are copied; the base of `user` is NULL if there are none. */
} tunnel_socks_config;

/* Make a machine for version 4, or 4a if the target is a name; everything is copied. 0; WSUV_EURL:
   see tunnel_target_check; WS_EAFNOSUPPORT: an IPv6 address; WSUV_EINVAL_HEADER: a user name with a
   NUL or of more than SOCKS_TEXT_MAX bytes, or a password, for which version 4 has no place; *why,
   unless it is NULL, says more; WS_ENOMEM. */
int tunnel_socks4_new(ws_tunnel **out, const wsuv_allocator_t *alloc,
                      const tunnel_socks_config *config, ws_why *why);

/* The same for version 5. WSUV_EINVAL_HEADER: a user name or password of more than SOCKS_TEXT_MAX
   bytes, or an empty user name. */
int tunnel_socks5_new(ws_tunnel **out, const wsuv_allocator_t *alloc,
                      const tunnel_socks_config *config, ws_why *why);

#endif
