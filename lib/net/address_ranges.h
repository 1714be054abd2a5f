#ifndef WS_NET_ADDRESS_RANGES_H
#define WS_NET_ADDRESS_RANGES_H

/* Ranges of IP addresses, and all Unix sockets. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/alloc.h"

typedef struct address_range address_range;

typedef struct address_ranges {
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the ranges. */
  address_range *list;           /* The ranges own this array, or it is NULL. */
  size_t count;                  /* `list` has this many elements. */
} address_ranges;

/* What is wrong with the text of a range, in words; NULL: nothing. These are ranges:

     10.0.0.0/8, 2001:db8::/32    all addresses that begin with so many bits (RFC 4632 3.1); the
                                  other bits must be 0
     10.0.0.2, ::1                this address
     unix:                        all Unix sockets */
const char *address_range_wrong(const char *text);

/* Whether an IP address is in one range of them, whose other bits may be anything. IPv4 is not in a
   shorter prefix of IPv6 than ::ffff:0:0/96. 1; 0: it is not, or `addr` is NULL; WS_EINVAL: the
   text is malformed. */
int address_range_has(const char *text, const struct sockaddr_storage *addr);

/* Parse texts that were checked. 0 or WS_ENOMEM. */
int address_ranges_init(address_ranges *r, const wsuv_allocator_t *alloc, const char *const *texts,
                        size_t count);
void address_ranges_free(address_ranges *r);

/* Whether an address is in one of them. One of IPv4 that is mapped into IPv6 is one of IPv4. */
bool address_ranges_have(const address_ranges *r, const struct sockaddr_storage *addr);

#endif
