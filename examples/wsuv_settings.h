#ifndef EXAMPLES_WSUV_SETTINGS_H
#define EXAMPLES_WSUV_SETTINGS_H

/* The configuration of the library that the command line asks for. */

#include <wsuv.h>

#include "wsuv_options.h"

/* It points to the options, and stays where it is while it is used. */
typedef struct settings {
  wsuv_config_t config;
  wsuv_tls_config_t tls;       /* of a server */
  wsuv_tls_config_t proxy_tls; /* of a client */
  wsuv_extension_t deflate;
  const wsuv_extension_t *extensions[1];
  char refusal[256]; /* why a call of the library has failed, in its words; "": not said */
} settings;

/* Of a client, or of a server. 0, or a code of the library's. */
int settings_make(settings *s, const options *o);

/* The line that says why a call of the library has failed. */
const char *settings_error(const settings *s, int err);

#endif
