#include "proto/handshake/handshake_result.h"

/* Owns the result of an opening handshake. Does not know how it was reached. */

#include <string.h>

const char *handshake_result_query(handshake_result *result, const char *name) {
  const char *mark = result->target != NULL ? strchr(result->target, '?') : NULL;
  if (result->query == NULL && mark != NULL) {
    const ws_text query = {mark + 1, strlen(mark + 1)};
    if (ws_params_of_query(&result->query, result->alloc, query) < 0) return NULL;
  }
  return ws_params_get(result->query, name);
}

void handshake_result_free(handshake_result *result) {
  if (result == NULL) return;
  header_store_clear(&result->fields);
  text_buf_clear(&result->request);
  extension_set_free(result->extensions);
  ws_free(result->alloc, result->target);
  ws_free(result->alloc, result->host);
  ws_free(result->alloc, result->params);
  ws_free(result->alloc, result->query);
  ws_free(result->alloc, result->subprotocol);
  ws_free(result->alloc, result);
}
