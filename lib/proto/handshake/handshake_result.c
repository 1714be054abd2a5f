#include "proto/handshake/handshake_result.h"

/* Owns the result of an opening handshake. Does not know how it was reached. */

#include <string.h>

#include "proto/handshake/handshake.h"

const char *handshake_result_query(handshake_result *result, const char *name) {
  const char *mark = result->target != NULL ? strchr(result->target, '?') : NULL;
  if (result->query == NULL && mark != NULL) {
    const ws_text query = {mark + 1, strlen(mark + 1)};
    if (ws_params_of_query(&result->query, result->alloc, query) < 0) return NULL;
  }
  return ws_params_get(result->query, name);
}

static int write_request(handshake_result *r) {
  text_buf *text = &r->request;
  const char *name = NULL, *value;
  header_cursor at = {0};
  text_buf_add(text, text_buf_base(&r->line), text_buf_len(&r->line));
  text_buf_puts(text, "\r\n");
  while ((value = header_store_each(&r->fields, &at, &name)) != NULL) {
    handshake_put_field(text, name, value);
  }
  return text_buf_puts(text, "\r\n");
}

const char *handshake_result_request(handshake_result *result, size_t *len) {
  text_buf *text = &result->request;
  if (text_buf_len(text) == 0 && write_request(result) < 0) text_buf_clear(text);
  *len = text_buf_len(text);
  return text_buf_base(text);
}

void handshake_result_free(handshake_result *result) {
  if (result == NULL) return;
  header_store_clear(&result->fields);
  text_buf_clear(&result->request);
  text_buf_clear(&result->line);
  extension_set_free(result->extensions);
  ws_free(result->alloc, result->target);
  ws_free(result->alloc, result->host);
  ws_free(result->alloc, result->proxy);
  ws_free(result->alloc, result->params);
  ws_free(result->alloc, result->query);
  ws_free(result->alloc, result->subprotocol);
  ws_free(result->alloc, result);
}
