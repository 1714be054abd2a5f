#ifndef WS_PROTO_TUNNEL_TUNNEL_TARGET_H
#define WS_PROTO_TUNNEL_TUNNEL_TARGET_H

/* Where a tunnel leads to. */

#include <stdbool.h>

#include "base/ip.h"
#include "base/view.h"
#include "base/why.h"

enum { TUNNEL_HOST_MAX = 253 }; /* characters of a host name, as in a URL */

typedef struct tunnel_target {
  ws_text host;    /* This is the host name or address as text, without brackets and zone. */
  bool is_address; /* The host is an address, or SOCKS gets one that was looked up. */
  ws_ip address;   /* If so, this is the address; its port does not count. */
  uint16_t port;   /* This is the port. */
} tunnel_target;

/* 0, or WSUV_EURL with *why, unless it is NULL: the host is empty or longer than TUNNEL_HOST_MAX,
   has characters that neither names nor addresses have, or the port is 0. */
int tunnel_target_check(const tunnel_target *target, ws_why *why);

#endif
