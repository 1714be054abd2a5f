#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* Writes socket addresses; knows no environment. */

_Static_assert(sizeof((struct sockaddr_un *) 0)->sun_path > ADDRESS_PATH_MAX, "and its NUL");

/* A zone is a name of an interface or its number (RFC 4007 11); 0: there is no such zone. */
static uint32_t scope_of(const char *zone) {
  const unsigned index = if_nametoindex(zone);
  uint64_t number = 0;
  if (index != 0) return index;
  for (const char *s = zone; *s != '\0'; s++) {
    if (*s < '0' || *s > '9') return 0;
    number = number * 10 + (uint64_t) (*s - '0');
    if (number > UINT32_MAX) return 0;
  }
  return (uint32_t) number;
}

static bool parse_v6(const char *s, uint16_t port, struct sockaddr_in6 *in6) {
  char text[INET6_ADDRSTRLEN];
  const char *zone = strchr(s, '%');
  size_t len = zone != NULL ? (size_t) (zone - s) : strlen(s);
  if (len >= sizeof text || (zone != NULL && zone[1] == '\0')) return false;
  memcpy(text, s, len);
  text[len] = '\0';
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(port);
  if (zone != NULL) in6->sin6_scope_id = scope_of(zone + 1);
  return inet_pton(AF_INET6, text, &in6->sin6_addr) == 1;
}

bool address_parse(struct sockaddr_storage *addr, const char *text, uint16_t port) {
  struct sockaddr_in *in = (struct sockaddr_in *) addr;
  address_clear(addr);
  in->sin_family = AF_INET;
  in->sin_port = htons(port);
  if (inet_pton(AF_INET, text, &in->sin_addr) == 1) return true;
  address_clear(addr);
  return parse_v6(text, port, (struct sockaddr_in6 *) addr);
}

void address_of_ip(struct sockaddr_storage *addr, const ws_ip *ip) {
  struct sockaddr_in *in = (struct sockaddr_in *) addr;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) addr;
  address_clear(addr);
  if (ip->ipv6) {
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(ip->port);
    memcpy(&in6->sin6_addr, ip->bytes, sizeof in6->sin6_addr);
  } else {
    in->sin_family = AF_INET;
    in->sin_port = htons(ip->port);
    memcpy(&in->sin_addr, ip->bytes, sizeof in->sin_addr);
  }
}

bool address_to_ip(const struct sockaddr_storage *addr, ws_ip *ip) {
  const struct sockaddr_in *in = (const struct sockaddr_in *) addr;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) addr;
  *ip = (ws_ip){.port = address_port(addr), .ipv6 = addr->ss_family == AF_INET6};
  if (ip->ipv6) {
    memcpy(ip->bytes, &in6->sin6_addr, sizeof in6->sin6_addr);
  } else {
    memcpy(ip->bytes, &in->sin_addr, sizeof in->sin_addr);
  }
  return ip->ipv6 || addr->ss_family == AF_INET;
}

void address_of_path(struct sockaddr_storage *addr, const char *path, size_t len) {
  struct sockaddr_un *un = (struct sockaddr_un *) addr;
  address_clear(addr);
  un->sun_family = AF_UNIX;
  memcpy(un->sun_path, path, len);
}

void address_clear(struct sockaddr_storage *addr) {
  memset(addr, 0, sizeof *addr);
}

bool address_is_set(const struct sockaddr_storage *addr) {
  return addr->ss_family != AF_UNSPEC;
}

void address_print(char text[ADDRESS_TEXT_SIZE], const struct sockaddr_storage *addr) {
  const struct sockaddr_un *un = (const struct sockaddr_un *) addr;
  const struct sockaddr_in *in = (const struct sockaddr_in *) addr;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) addr;
  text[0] = '\0';
  switch (addr->ss_family) {
  case AF_UNIX: (void) snprintf(text, ADDRESS_TEXT_SIZE, "%s", un->sun_path); break;
  case AF_INET: (void) inet_ntop(AF_INET, &in->sin_addr, text, ADDRESS_TEXT_SIZE); break;
  case AF_INET6: (void) inet_ntop(AF_INET6, &in6->sin6_addr, text, ADDRESS_TEXT_SIZE); break;
  default: break;
  }
}

uint16_t address_port(const struct sockaddr_storage *addr) {
  switch (addr->ss_family) {
  case AF_INET: return ntohs(((const struct sockaddr_in *) addr)->sin_port);
  case AF_INET6: return ntohs(((const struct sockaddr_in6 *) addr)->sin6_port);
  default: return 0;
  }
}

bool address_is_loopback(const struct sockaddr_storage *addr) {
  const struct sockaddr_in *in = (const struct sockaddr_in *) addr;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) addr;
  if (addr->ss_family == AF_INET) return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  if (addr->ss_family != AF_INET6) return false;
  if (!IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
  return in6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET;
}

/* The prefix ::ffff is nobody's, so IPv4 addresses are kept behind it, as they are mapped. */
bool address_host(const struct sockaddr_storage *addr, uint64_t *host) {
  const struct sockaddr_in *in = (const struct sockaddr_in *) addr;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) addr;
  uint8_t bytes[sizeof *host] = {0, 0, 0xff, 0xff};
  if (addr->ss_family == AF_INET) {
    memcpy(bytes + 4, &in->sin_addr, 4);
  } else if (addr->ss_family != AF_INET6) {
    return false;
  } else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
    memcpy(bytes + 4, in6->sin6_addr.s6_addr + 12, 4);
  } else {
    memcpy(bytes, in6->sin6_addr.s6_addr, sizeof bytes);
  }
  memcpy(host, bytes, sizeof bytes);
  return true;
}

void address_set_port(struct sockaddr_storage *addr, uint16_t port) {
  if (addr->ss_family == AF_INET) {
    ((struct sockaddr_in *) (void *) addr)->sin_port = htons(port);
  } else if (addr->ss_family == AF_INET6) {
    ((struct sockaddr_in6 *) (void *) addr)->sin6_port = htons(port);
  }
}
