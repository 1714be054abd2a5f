#include "proto/handshake/handshake_response.h"

/* Writes 101 and error responses. What it needs of the request comes as arguments. */

#include <stdio.h>

#include "base/error.h"

static const struct {
  int status;         /* This is the status code of a response. */
  const char *reason; /* This is the reason phrase for `status`. */
} reasons[] = {{301, "Moved Permanently"},
               {302, "Found"},
               {307, "Temporary Redirect"},
               {308, "Permanent Redirect"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {426, "Upgrade Required"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {503, "Service Unavailable"},
               {505, "HTTP Version Not Supported"}};

/* It may be empty (RFC 9112 4). */
static const char *reason_of(int status) {
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
    if (reasons[i].status == status) return reasons[i].reason;
  }
  return "";
}

int handshake_response_accept(text_buf *text, const char *key, const char *subprotocol,
                              const char *extensions, const wsuv_header_t *fields,
                              size_t field_count) {
  char accept[HANDSHAKE_ACCEPT_LEN + 1] = {0};
  if (!handshake_may_send_all(fields, field_count)) return WSUV_EINVAL_HEADER;
  handshake_accept(accept, key, HANDSHAKE_KEY_LEN);
  text_buf_puts(text, "HTTP/1.1 101 Switching Protocols\r\n"
                      "Upgrade: websocket\r\n"
                      "Connection: Upgrade\r\n");
  handshake_put_field(text, "Sec-WebSocket-Accept", accept);
  if (subprotocol != NULL) handshake_put_field(text, "Sec-WebSocket-Protocol", subprotocol);
  if (*extensions != '\0') handshake_put_field(text, "Sec-WebSocket-Extensions", extensions);
  handshake_put_fields(text, fields, field_count);
  return text_buf_puts(text, "\r\n");
}

static void put_status_line(text_buf *text, int status) {
  char line[80];
  snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
  text_buf_puts(text, line);
}

/* Fields that a status must have. */
static void put_required_fields(text_buf *text, int status) {
  if (status == 405) handshake_put_field(text, "Allow", "GET");
  if (status == 426) {
    handshake_put_field(text, "Upgrade", "websocket");
    handshake_put_field(text, "Sec-WebSocket-Version", "13");
  }
  handshake_put_field(text, "Connection", status == 426 ? "close, Upgrade" : "close");
}

int handshake_response_reject(text_buf *text, int status, const wsuv_header_t *fields,
                              size_t field_count, const void *body, size_t body_len) {
  char length[24];
  if (status < 300 || status > 599) return WS_EINVAL;
  if (!handshake_may_send_all(fields, field_count)) return WSUV_EINVAL_HEADER;
  snprintf(length, sizeof length, "%zu", body_len);
  put_status_line(text, status);
  put_required_fields(text, status);
  handshake_put_field(text, "Content-Length", length);
  handshake_put_fields(text, fields, field_count);
  text_buf_puts(text, "\r\n");
  return text_buf_add(text, body, body_len);
}
