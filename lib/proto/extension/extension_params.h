#ifndef WS_PROTO_EXTENSION_EXTENSION_PARAMS_H
#define WS_PROTO_EXTENSION_EXTENSION_PARAMS_H

/* The text of an extension in the handshake, written: `key; name; name=value` (RFC 6455 9.1). */

#include <wsuv/extension.h>

#include "base/text_buf.h"

struct wsuv_extension_params {
  text_buf *text;
  int err; /* the first failure */
};

/* Begin an element behind those that are there, with the extension's key. A failure shows in
   extension_params_end. */
void extension_params_begin(wsuv_extension_params_t *params, text_buf *text, const char *key);

/* 0; WS_EINVAL: something was no token; WS_ENOMEM. */
int extension_params_end(const wsuv_extension_params_t *params);

#endif
