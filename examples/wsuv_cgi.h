#ifndef EXAMPLES_WSUV_CGI_H
#define EXAMPLES_WSUV_CGI_H

/* The environment of a command that serves a session: ours, and what the request says (RFC 3875
   4.1). */

#include <wsuv.h>

/* Make the environment for a request that came to a server on this port (0: a Unix socket): strings
   NAME=VALUE, ended by NULL. NULL: no memory. */
char **cgi_environment(wsuv_upgrade_t *upgrade, unsigned port);

void cgi_free(char **environment);

#endif
