#include "proto/extension/extension_params.h"

/* Writes the value of Sec-WebSocket-Extensions. Parameter values are tokens (RFC 6455 9.1), so none
   is quoted. */

#include <string.h>

#include "base/error.h"
#include "proto/http/headers.h"

void extension_params_begin(wsuv_extension_params_t *params, text_buf *text, const char *key) {
  params->text = text;
  params->err = 0;
  if (text_buf_len(text) > 0) text_buf_puts(text, ", ");
  text_buf_puts(text, key);
}

int extension_params_end(const wsuv_extension_params_t *params) {
  if (params->err < 0) return params->err;
  return params->text->failed ? WS_ENOMEM : 0;
}

static bool is_token(const char *s) {
  return s != NULL && header_is_token(s, strlen(s));
}

int wsuv_extension_put(wsuv_extension_params_t *params, const char *name, const char *value) {
  if (!is_token(name) || (value != NULL && !is_token(value))) {
    params->err = WS_EINVAL;
    return WS_EINVAL;
  }
  text_buf_puts(params->text, "; ");
  text_buf_puts(params->text, name);
  if (value != NULL) {
    text_buf_puts(params->text, "=");
    text_buf_puts(params->text, value);
  }
  return extension_params_end(params);
}
