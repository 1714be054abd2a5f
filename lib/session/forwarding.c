#include "session/forwarding.h"

#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "proto/handshake/forwarded.h"
#include "proto/http/ascii.h"

/* Decides how far to believe what proxies say. */

void forwarding_address(const forwarding *f, const struct sockaddr_storage *peer,
                        struct sockaddr_storage *out) {
  *out = *peer;
  if (f->named) address_of_ip(out, &f->address);
}

static bool is_proxy(const ws_ip *address, const address_ranges *proxies) {
  struct sockaddr_storage addr;
  address_of_ip(&addr, address);
  return address_ranges_have(proxies, &addr);
}

/* Behind the header the client speaks, so its fields count only if it is a trusted proxy, too. */
void forwarding_take_header(forwarding *f, const proxy_header *header,
                            const address_ranges *proxies) {
  f->said = true;
  switch (header->source) {
  case PROXY_SOURCE_PROXY: f->own = true; break;
  case PROXY_SOURCE_UNKNOWN: f->trusted = false; break;
  case PROXY_SOURCE_ADDRESS:
    f->named = true;
    f->address = header->address;
    f->trusted = is_proxy(&f->address, proxies);
    break;
  }
}

static bool is_scheme(ws_text s, const char *lower) {
  return s.len == strlen(lower) && ascii_begins_with(s.base, lower);
}

static void read_scheme(forwarding *f, ws_text scheme) {
  if (is_scheme(scheme, "https") || is_scheme(scheme, "wss")) f->secure = true;
  if (is_scheme(scheme, "http") || is_scheme(scheme, "ws")) f->secure = false;
}

int forwarding_read(forwarding *f, h1_server *request, const address_ranges *proxies,
                    wsuv_forwarded_t family) {
  forwarded fields;
  ws_ip address;
  bool more = true;
  if (family == WSUV_FORWARDED_NONE || !f->trusted) return 0;
  forwarded_begin(&fields, h1_server_headers(request), family);
  while (more && forwarded_next(&fields, &address) == FORWARDED_ADDRESS) {
    f->named = true;
    f->address = address;
    more = is_proxy(&address, proxies);
  }
  const ws_text host = forwarded_host(&fields), scheme = forwarded_proto(&fields);
  f->said = f->said || f->named || host.len > 0 || scheme.len > 0;
  read_scheme(f, scheme);
  int err = host.len > 0 ? h1_server_set_host(request, host) : 0;
  return err == WS_ENOMEM ? err : 0; /* a malformed host does not count */
}

SIZED_TYPE(origin_type, wsuv_origin_t, host, sizeof(wsuv_origin_t));

int forwarding_tell(wsuv_origin_t *to, const struct sockaddr_storage *address, bool secure,
                    const char *host, log_to log) {
  const wsuv_origin_t full = {
      .size = sizeof full, .address = *address, .scheme = secure ? "wss" : "ws", .host = host};
  ws_why why = {""};
  int err = sized_out(to, &origin_type, &full, &why);
  return err < 0 ? log_refusal(log, err, &why) : 0;
}
