#include "proto/handshake/handshake_response.h"

/* Writes 101 and other responses. What it needs of the request comes as arguments. */

#include <stdio.h>

#include "base/error.h"

static const struct {
  int status;         /* This is the status code of a response. */
  const char *reason; /* This is the reason phrase for `status`. */
} reasons[] = {{200, "OK"},
               {201, "Created"},
               {202, "Accepted"},
               {204, "No Content"},
               {205, "Reset Content"},
               {206, "Partial Content"},
               {301, "Moved Permanently"},
               {302, "Found"},
               {303, "See Other"},
               {304, "Not Modified"},
               {307, "Temporary Redirect"},
               {308, "Permanent Redirect"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {406, "Not Acceptable"},
               {408, "Request Timeout"},
               {409, "Conflict"},
               {410, "Gone"},
               {411, "Length Required"},
               {412, "Precondition Failed"},
               {413, "Content Too Large"},
               {414, "URI Too Long"},
               {415, "Unsupported Media Type"},
               {416, "Range Not Satisfiable"},
               {421, "Misdirected Request"},
               {422, "Unprocessable Content"},
               {426, "Upgrade Required"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {451, "Unavailable For Legal Reasons"},
               {500, "Internal Server Error"},
               {501, "Not Implemented"},
               {502, "Bad Gateway"},
               {503, "Service Unavailable"},
               {504, "Gateway Timeout"},
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
  int err = handshake_check_fields(fields, field_count, NULL);
  if (err < 0) return err;
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

/* Fields that a status must have. Who sends Upgrade also names it in Connection (RFC 9110 7.8). */
static void put_required_fields(text_buf *text, const handshake_reply *r) {
  const bool upgrade = r->status == 426;
  if (r->status == 405 && r->names_get) handshake_put_field(text, "Allow", "GET");
  if (upgrade) handshake_put_field(text, "Upgrade", "websocket");
  if (upgrade && r->other_version) handshake_put_field(text, "Sec-WebSocket-Version", "13");
  if (!upgrade && r->connection == NULL) return;
  text_buf_puts(text, upgrade ? "Connection: upgrade" : "Connection: ");
  if (upgrade && r->connection != NULL) text_buf_puts(text, ", ");
  if (r->connection != NULL) text_buf_puts(text, r->connection);
  text_buf_puts(text, "\r\n");
}

int handshake_response_reply(text_buf *text, const handshake_reply *r) {
  char length[24];
  const bool bare = r->status == 204 || r->status == 304;
  if (r->status < 200 || r->status > 599) return WS_EINVAL;
  if ((bare || r->status == 205) && r->body_len > 0) return WS_EINVAL;
  int err = handshake_check_fields(r->fields, r->field_count, NULL);
  if (err < 0) return err;
  snprintf(length, sizeof length, "%zu", r->body_len);
  put_status_line(text, r->status);
  put_required_fields(text, r);
  if (!bare) handshake_put_field(text, "Content-Length", length);
  handshake_put_fields(text, r->fields, r->field_count);
  text_buf_puts(text, "\r\n");
  return text_buf_add(text, r->body, r->to_head ? 0 : r->body_len);
}
