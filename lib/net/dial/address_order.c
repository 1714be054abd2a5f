#include "net/dial/address_order.h"

#include <stdbool.h>

/* Sorts addresses by family only. The lookup has sorted those of one family (RFC 6724). */

static bool is_usable(const struct sockaddr_storage *addr, sa_family_t local) {
  bool bound = local != AF_UNSPEC && addr->ss_family != AF_UNIX;
  return !bound || addr->ss_family == local;
}

/* The first address from `at` on that is, or is not, of a family; `count`: there is none. */
static size_t find_family(const struct sockaddr_storage *from, size_t at, size_t count,
                          sa_family_t family, bool of_it, sa_family_t local) {
  while (at < count && (!is_usable(&from[at], local) || (from[at].ss_family == family) != of_it)) {
    at++;
  }
  return at;
}

size_t address_order(struct sockaddr_storage *to, const struct sockaddr_storage *from, size_t count,
                     sa_family_t local) {
  size_t first = 0, n = 0;
  while (first < count && !is_usable(&from[first], local)) first++;
  if (first == count) return 0;
  sa_family_t family = from[first].ss_family;
  size_t own = first, other = find_family(from, 0, count, family, false, local);
  while (own < count || other < count) {
    if (own < count) {
      to[n++] = from[own];
      own = find_family(from, own + 1, count, family, true, local);
    }
    if (other < count) {
      to[n++] = from[other];
      other = find_family(from, other + 1, count, family, false, local);
    }
  }
  return n;
}
