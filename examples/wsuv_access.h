#ifndef EXAMPLES_WSUV_ACCESS_H
#define EXAMPLES_WSUV_ACCESS_H

/* What the command line says of the way to the server, and of who asks there: proxies, redirects,
   user name and password, cookies. */

#include <stdbool.h>
#include <wsuv.h>

/* Arguments that have secrets are copied, and overwritten in argv: other users can read the command
   line of a process. */
typedef struct access_options {
  char *proxies;               /* URLs with spaces between them; NULL: those of the environment */
  bool no_proxies;             /* there are none, whatever is said elsewhere */
  const char *exceptions;      /* wsuv_config_t.no_proxy; NULL: those of the environment */
  wsuv_tls_config_t proxy_tls; /* with proxies whose URL is https */
  unsigned long redirects;     /* so many are followed */
  char *user;                  /* NULL: none */
  char *password;              /* NULL: it is asked for */
  wsuv_auth_t auth;
  char *cookies; /* NULL: none */
} access_options;

void access_init(access_options *a);

/* One more proxy behind the others. false: no memory, as in what follows. */
bool access_add_proxy(access_options *a, char *url);

/* NAME or NAME:PASSWORD. */
bool access_set_user(access_options *a, char *text);

bool access_add_cookies(access_options *a, char *text);

/* "basic", "digest" or "any"; false: it is none of them. */
bool access_read_auth(wsuv_auth_t *auth, const char *text);

/* A copy of a URL, without its credentials in argv. NULL: no memory. */
char *access_take_url(char *url);

void access_free(access_options *a);

#endif
