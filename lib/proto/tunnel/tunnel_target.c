#include "proto/tunnel/tunnel_target.h"

#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"

/* The unreserved characters (RFC 3986 2.3), which names have, and those of IPv6 addresses. */
static bool is_host_char(char c) {
  return ascii_is_alnum(c) || (c != '\0' && strchr("-._~:", c) != NULL);
}

int tunnel_target_check(const tunnel_target *target, ws_why *why) {
  const ws_text host = target->host;
  if (host.len == 0) return ws_why_set(why, WSUV_EURL, "no host");
  if (host.len > TUNNEL_HOST_MAX) {
    return ws_why_set(why, WSUV_EURL, "host of more than %d characters", TUNNEL_HOST_MAX);
  }
  for (size_t i = 0; i < host.len; i++) {
    if (!is_host_char(host.base[i])) {
      return ws_why_set(why, WSUV_EURL, "host with a character that is not allowed");
    }
  }
  return target->port != 0 ? 0 : ws_why_set(why, WSUV_EURL, "port 0");
}
