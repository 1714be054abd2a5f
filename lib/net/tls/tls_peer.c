#include "net/tls/tls_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "net/address.h"

void tls_peer_init(tls_peer *peer, const char *host) {
  struct sockaddr_storage addr;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  memset(peer, 0, sizeof *peer);
  if (!address_parse(&addr, host, 0)) return;
  if (addr.ss_family == AF_INET) {
    memcpy(&in, &addr, sizeof in);
    peer->address_len = sizeof in.sin_addr;
    memcpy(peer->address, &in.sin_addr, sizeof in.sin_addr);
  } else {
    memcpy(&in6, &addr, sizeof in6);
    peer->address_len = sizeof in6.sin6_addr;
    memcpy(peer->address, &in6.sin6_addr, sizeof in6.sin6_addr);
  }
}

size_t tls_peer_name_len(const char *name) {
  size_t len = strlen(name);
  return len > 1 && name[len - 1] == '.' ? len - 1 : len;
}
