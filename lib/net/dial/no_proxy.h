#ifndef WS_NET_DIAL_NO_PROXY_H
#define WS_NET_DIAL_NO_PROXY_H

/* A list of destinations that are connected to without a proxy, as in the variable `no_proxy`. */

#include <stddef.h>
#include <stdint.h>

/* Whether a destination is in the list. The host is a name, or an address without brackets and
   zone. 1: it is; 0: it is not; WS_EINVAL: an entry, wherever it is, makes no sense, and *wrong
   says why, in static text.

   Entries are separated by commas, spaces and tabs. Letters are the same in either case, and a dot
   at the end of a name does not count.

     *                      every destination; no other entry may stand beside it
     name, .name            the name, and every name that ends in ".name"
     *.name                 every name that ends in ".name"
     10.0.0.1, ::1          an address
     10.0.0.0/8, fd00::/8   every address that begins with so many bits; the others do not count
     [::1]                  an IPv6 address, too
     entry:port             of those with names, IPv4 addresses or brackets: only this port */
int no_proxy_has(const char *list, const char *host, uint16_t port, const char **wrong);

#endif
