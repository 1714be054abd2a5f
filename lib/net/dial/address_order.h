#ifndef WS_NET_DIAL_ADDRESS_ORDER_H
#define WS_NET_DIAL_ADDRESS_ORDER_H

/* The order in which the addresses of a name are tried (RFC 8305 4). */

#include <stddef.h>
#include <sys/socket.h>

/* Copy addresses so that families alternate, beginning with that of the first; otherwise the order
   stays. `local` is what sockets are bound to: if it is AF_INET or AF_INET6, the other family is
   left out. Returns how many there are; `to` has room for `count`. */
size_t address_order(struct sockaddr_storage *to, const struct sockaddr_storage *from, size_t count,
                     sa_family_t local);

#endif
