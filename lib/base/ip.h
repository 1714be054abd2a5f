#ifndef WS_BASE_IP_H
#define WS_BASE_IP_H

/* An IP address with a port, as parsers make it, which know no sockets. */

#include <stdbool.h>
#include <stdint.h>

typedef struct ws_ip {
  uint8_t bytes[16]; /* This is the address in the order of the network; IPv4 has the first four. */
  uint16_t port;     /* This is the port; 0: it is not known. */
  bool ipv6;         /* The address is one of IPv6. */
} ws_ip;

#endif
