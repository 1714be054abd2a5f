#include "proto/handshake/handshake_result.h"

/* Owns the result of an opening handshake. Does not know how it was reached. */

void handshake_result_free(handshake_result *result) {
  if (result == NULL) return;
  header_store_clear(&result->fields);
  text_buf_clear(&result->request);
  extension_set_free(result->extensions);
  ws_free(result->alloc, result->subprotocol);
  ws_free(result->alloc, result);
}
