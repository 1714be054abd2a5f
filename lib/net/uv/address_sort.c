#include "net/uv/address_sort.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Compares two addresses rule by rule; the first rule that sees a difference decides. IPv4
   addresses are looked up in the tables as IPv4-mapped IPv6 addresses (RFC 6724 2.1). */

enum {
  SCOPE_LINK = 2,
  SCOPE_SITE = 5,
  SCOPE_GLOBAL = 14, /* RFC 4291 2.7 */
  IPV4_BITS = 32
};

typedef struct policy {
  uint8_t prefix[4]; /* These are the first bytes of the prefix; the others are zero, ... */
  uint8_t tail[2];   /* ... except bytes 10 and 11, ... */
  uint8_t last;      /* ... and the last byte. */
  uint8_t bits;      /* The prefix has this many bits. */
  uint8_t value;     /* This is the label or the precedence. */
} policy;

static const policy labels[] = {
    {.last = 1, .bits = 128, .value = 0},                   /* loopback */
    {.prefix = {0x20, 0x02}, .bits = 16, .value = 2},       /* 6to4 */
    {.bits = 96, .value = 3},                               /* IPv4-compatible */
    {.tail = {0xff, 0xff}, .bits = 96, .value = 4},         /* IPv4-mapped */
    {.prefix = {0xfe, 0xc0}, .bits = 10, .value = 5},       /* site-local */
    {.prefix = {0xfc}, .bits = 7, .value = 6},              /* unique local */
    {.prefix = {0x20, 0x01, 0, 0}, .bits = 32, .value = 7}, /* Teredo */
    {.bits = 0, .value = 1},
};

static const policy precedences[] = {
    {.last = 1, .bits = 128, .value = 50},
    {.prefix = {0x20, 0x02}, .bits = 16, .value = 30},
    {.bits = 96, .value = 20},
    {.tail = {0xff, 0xff}, .bits = 96, .value = 10},
    {.bits = 0, .value = 40},
};

static const struct in_addr *v4_of(const struct sockaddr_storage *addr) {
  return &((const struct sockaddr_in *) (const void *) addr)->sin_addr;
}

static const struct in6_addr *v6_of(const struct sockaddr_storage *addr) {
  return &((const struct sockaddr_in6 *) (const void *) addr)->sin6_addr;
}

/* The 16 bytes of an address, an IPv4 address mapped. */
static void spell(uint8_t bytes[16], const struct sockaddr_storage *addr) {
  memset(bytes, 0, 16);
  if (addr->ss_family == AF_INET) {
    bytes[10] = bytes[11] = 0xff;
    memcpy(bytes + 12, v4_of(addr), 4);
  } else {
    memcpy(bytes, v6_of(addr), 16);
  }
}

/* How many bits two addresses have in common at their beginning. */
static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned size) {
  unsigned bits = 0;
  for (unsigned i = 0; i < size; i++, bits += 8) {
    unsigned difference = (unsigned) (a[i] ^ b[i]);
    if (difference == 0) continue;
    while ((difference & 0x80) == 0) {
      difference <<= 1;
      bits++;
    }
    break;
  }
  return bits;
}

static unsigned look_up(const policy *p, const struct sockaddr_storage *addr) {
  uint8_t bytes[16], prefix[16];
  spell(bytes, addr);
  for (;; p++) {
    memset(prefix, 0, sizeof prefix);
    memcpy(prefix, p->prefix, sizeof p->prefix);
    memcpy(prefix + 10, p->tail, sizeof p->tail);
    prefix[15] = p->last;
    if (common_bits(bytes, prefix, sizeof bytes) >= p->bits) return p->value;
  }
}

/* RFC 4291 2.5.3: the loopback address has link-local scope. RFC 6724 3.2 has those of IPv4. */
static unsigned scope_of(const struct sockaddr_storage *addr) {
  if (addr->ss_family == AF_INET) {
    uint32_t host = ntohl(v4_of(addr)->s_addr);
    return host >> 24 == 127 || host >> 16 == 0xa9fe ? SCOPE_LINK : SCOPE_GLOBAL;
  }
  const struct in6_addr *in6 = v6_of(addr);
  if (IN6_IS_ADDR_MULTICAST(in6)) return in6->s6_addr[1] & 0xf;
  if (IN6_IS_ADDR_LINKLOCAL(in6) || IN6_IS_ADDR_LOOPBACK(in6)) return SCOPE_LINK;
  return IN6_IS_ADDR_SITELOCAL(in6) ? SCOPE_SITE : SCOPE_GLOBAL;
}

/* For rule 9. A common prefix of IPv4 addresses means something within one network only. */
static unsigned matching_bits(const sorted_address *a) {
  uint8_t destination[16], source[16];
  spell(destination, &a->addr);
  spell(source, &a->source);
  if (a->addr.ss_family == AF_INET6) return common_bits(destination, source, 16);
  unsigned bits = common_bits(destination + 12, source + 12, 4);
  return bits >= a->prefix ? bits : 0;
}

static bool scope_matches(const sorted_address *a) {
  return scope_of(&a->addr) == scope_of(&a->source);
}

static bool label_matches(const sorted_address *a) {
  return look_up(labels, &a->addr) == look_up(labels, &a->source);
}

/* Negative: `a` comes first; positive: `b`. */
static int prefer(unsigned a, unsigned b) {
  return a == b ? 0 : a > b ? -1 : 1;
}

/* The rules of RFC 6724 6, by their numbers. */
static int compare(const void *p, const void *q) {
  const sorted_address *a = p, *b = q;
  bool reachable = a->reachable;
  int order = prefer(a->reachable, b->reachable);                                  /* 1 */
  if (order == 0 && reachable) order = prefer(scope_matches(a), scope_matches(b)); /* 2 */
  if (order == 0 && reachable) order = prefer(label_matches(a), label_matches(b)); /* 5 */
  if (order == 0)
    order = prefer(look_up(precedences, &a->addr), look_up(precedences, &b->addr)); /* 6 */
  if (order == 0) order = -prefer(scope_of(&a->addr), scope_of(&b->addr));          /* 8 */
  if (order == 0 && reachable && a->addr.ss_family == b->addr.ss_family)
    order = prefer(matching_bits(a), matching_bits(b)); /* 9 */
  if (order == 0) order = a->index < b->index ? -1 : 1; /* 10 */
  return order;
}

void address_sort(sorted_address *list, size_t count) {
  for (size_t i = 0; i < count; i++) list[i].index = i;
  qsort(list, count, sizeof *list, compare);
}

/* --- sources --- */

static socklen_t size_of(const struct sockaddr_storage *addr) {
  return addr->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* To connect a socket for datagrams sends nothing. */
static void find_source(sorted_address *a) {
  socklen_t len = sizeof a->source;
  a->reachable = false;
  a->prefix = IPV4_BITS;
  int fd = socket(a->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  a->reachable = connect(fd, (const struct sockaddr *) &a->addr, size_of(&a->addr)) == 0 &&
                 getsockname(fd, (struct sockaddr *) &a->source, &len) == 0;
  close(fd);
}

static unsigned bits_of_mask(const struct sockaddr *mask) {
  struct sockaddr_storage copy = {.ss_family = AF_INET};
  const uint8_t all[4] = {0xff, 0xff, 0xff, 0xff};
  memcpy(&copy, mask, sizeof(struct sockaddr_in));
  return common_bits((const uint8_t *) v4_of(&copy), all, 4);
}

static void take_prefix(sorted_address *a, const struct ifaddrs *interfaces) {
  struct sockaddr_storage own;
  for (const struct ifaddrs *i = interfaces; i != NULL; i = i->ifa_next) {
    if (i->ifa_addr == NULL || i->ifa_netmask == NULL || i->ifa_addr->sa_family != AF_INET)
      continue;
    memcpy(&own, i->ifa_addr, sizeof(struct sockaddr_in));
    if (v4_of(&own)->s_addr == v4_of(&a->source)->s_addr) {
      a->prefix = bits_of_mask(i->ifa_netmask);
      return;
    }
  }
}

/* Only several IPv4 addresses are compared by their prefixes. */
void address_find_sources(sorted_address *list, size_t count) {
  struct ifaddrs *interfaces = NULL;
  size_t of_v4 = 0;
  for (size_t i = 0; i < count; i++) {
    find_source(&list[i]);
    of_v4 += list[i].addr.ss_family == AF_INET && list[i].reachable;
  }
  if (of_v4 < 2 || getifaddrs(&interfaces) != 0) return;
  for (size_t i = 0; i < count; i++) {
    if (list[i].addr.ss_family == AF_INET && list[i].reachable) take_prefix(&list[i], interfaces);
  }
  freeifaddrs(interfaces);
}
