#include "support/answer.h"

/* Fills in what only the request can tell. */

#include <string.h>

#include "proto/handshake/handshake.h"
#include "testkit/check.h"

static void add_accept(bytes *out, const raw_conn *c) {
  char key[HANDSHAKE_KEY_LEN + 1], accept[HANDSHAKE_ACCEPT_LEN];
  CHECK(raw_conn_header(c, "Sec-WebSocket-Key", key, sizeof key));
  handshake_accept(accept, key, strlen(key));
  bytes_add(out, accept, sizeof accept);
}

void answer_text(bytes *out, const raw_conn *c, const char *text) {
  static const char mark[] = "{accept}";
  for (const char *at; (at = strstr(text, mark)) != NULL; text = at + strlen(mark)) {
    bytes_add(out, text, (size_t) (at - text));
    add_accept(out, c);
  }
  bytes_add(out, text, strlen(text));
}

void answer_write(raw_conn *c, const char *text) {
  bytes out = {0};
  answer_text(&out, c, text);
  raw_conn_write(c, out.base, out.len);
  bytes_free(&out);
}
