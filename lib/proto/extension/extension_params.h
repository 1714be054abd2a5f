#ifndef WS_PROTO_EXTENSION_EXTENSION_PARAMS_H
#define WS_PROTO_EXTENSION_EXTENSION_PARAMS_H

/* The text of an extension in the handshake, written: `key; name; name=value` (RFC 6455 9.1). */

#include <wsuv/extension.h>

#include "base/text_buf.h"

struct wsuv_extension_params {
  text_buf *text; /* The text is appended to this buffer, which belongs to the caller. */
  int err;        /* This is the first error, or 0. */
};

/* Begin another element with the extension's key. extension_params_end reports a failure. */
void extension_params_begin(wsuv_extension_params_t *params, text_buf *text, const char *key);

/* 0; WS_EINVAL: a name or value is no token; WS_ENOMEM. */
int extension_params_end(const wsuv_extension_params_t *params);

#endif
