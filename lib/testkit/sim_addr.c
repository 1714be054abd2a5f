#include "testkit/sim_internal.h"

/* Socket addresses from literals, and whether two are the same. A path is a Unix socket's. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "net/address.h"

bool sim_addr_parse(sim_addr *addr, const char *literal, uint16_t port) {
  memset(addr, 0, sizeof *addr);
  if (literal[0] == '/') {
    address_of_path(addr, literal, strlen(literal));
    return true;
  }
  return address_parse(addr, literal, port);
}

socklen_t sim_addr_len(const struct sockaddr *addr) {
  if (addr->sa_family == AF_UNIX) return sizeof(struct sockaddr_un);
  return addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

uint16_t sim_addr_port(const struct sockaddr *addr) {
  struct sockaddr_in in;
  if (addr->sa_family == AF_UNIX) return 0;
  memcpy(&in, addr, sizeof in); /* the port stands at the same place in both */
  return ntohs(in.sin_port);
}

void sim_addr_set_port(sim_addr *addr, uint16_t port) {
  struct sockaddr_in in;
  memcpy(&in, addr, sizeof in);
  in.sin_port = htons(port);
  memcpy(addr, &in, sizeof in);
}

bool sim_addr_is_any(const struct sockaddr *addr) {
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  if (addr->sa_family == AF_INET) {
    memcpy(&in, addr, sizeof in);
    return in.sin_addr.s_addr == htonl(INADDR_ANY);
  }
  if (addr->sa_family != AF_INET6) return false;
  memcpy(&in6, addr, sizeof in6);
  return IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
}

void sim_addr_map(sim_addr *addr) {
  struct sockaddr_in in;
  memcpy(&in, addr, sizeof in);
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = in.sin_port};
  in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
  memcpy(&in6.sin6_addr.s6_addr[12], &in.sin_addr, sizeof in.sin_addr);
  memcpy(addr, &in6, sizeof in6);
}

static bool same_in6(const struct sockaddr *a, const struct sockaddr *b) {
  struct sockaddr_in6 x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return memcmp(&x.sin6_addr, &y.sin6_addr, sizeof x.sin6_addr) == 0;
}

static bool same_in(const struct sockaddr *a, const struct sockaddr *b) {
  struct sockaddr_in x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return x.sin_addr.s_addr == y.sin_addr.s_addr;
}

static bool same_path(const struct sockaddr *a, const struct sockaddr *b) {
  struct sockaddr_un x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return memcmp(x.sun_path, y.sun_path, sizeof x.sun_path) == 0; /* abstract names, too */
}

bool sim_addr_equal(const struct sockaddr *a, const struct sockaddr *b, bool ports) {
  if (a->sa_family != b->sa_family) return false;
  if (a->sa_family == AF_UNIX) return same_path(a, b);
  if (ports && sim_addr_port(a) != sim_addr_port(b)) return false;
  return a->sa_family == AF_INET6 ? same_in6(a, b) : same_in(a, b);
}
