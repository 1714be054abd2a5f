#ifndef EXAMPLES_WSUV_ENDPOINT_H
#define EXAMPLES_WSUV_ENDPOINT_H

/* An address of the command line, to listen on or to connect to: [HOST:]PORT or unix:PATH. */

#include <stdbool.h>

typedef struct endpoint {
  const char *path; /* of a Unix socket; NULL: it is a host */
  const char *host; /* without brackets */
  unsigned port;
} endpoint;

/* Cut "HOST:" or "[HOST]:" off, in place; what is behind it, or NULL: there is no such thing. */
char *endpoint_cut_host(char *s, const char **host);

/* Take `s` apart in place. `host` is for one that is only a port; NULL: a host is needed. false: it
   is no such address. A path may be too long for a Unix socket. */
bool endpoint_read(endpoint *e, char *s, const char *host);

/* Whether the path has room in the address of a Unix socket: libuv would cut it off, and connect to
   another one. */
bool endpoint_has_room(const endpoint *e);

#endif
