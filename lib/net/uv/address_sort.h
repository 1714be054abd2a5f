#ifndef WS_NET_UV_ADDRESS_SORT_H
#define WS_NET_UV_ADDRESS_SORT_H

/* The order of the addresses of a name, as the C library's getaddrinfo has it without a gai.conf:
   RFC 6724 6 with the tables of RFC 3484 2.1 and its own labels. c-ares sorts by the tables of RFC
   6724, and puts IPv4 before unique local addresses. Knows the kernel's routes, and no DNS. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

typedef struct sorted_address {
  struct sockaddr_storage addr;   /* This is the address, IPv4 or IPv6. */
  bool reachable;                 /* The kernel has a route to it, and `source` is set. */
  struct sockaddr_storage source; /* The kernel would send from this address. */
  /* The network of an IPv4 `source` has a prefix of this many bits; 32 if it is not known. */
  unsigned prefix;
  size_t index; /* The address had this place in the answer. */
} sorted_address;

/* Ask the kernel for `reachable`, `source` and `prefix` of all. Nothing is sent. */
void address_find_sources(sorted_address *list, size_t count);

/* Sort. Of the rules of RFC 6724 6, those that need more than addresses (3: deprecated, 4: home, 7:
   native transport) are left out. */
void address_sort(sorted_address *list, size_t count);

#endif
