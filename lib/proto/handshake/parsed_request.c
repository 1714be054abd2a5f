#include "proto/handshake/parsed_request.h"

/* Writes the head of a request. What could be read as another line, field or request is refused, so
   the text says exactly what the structure does. */

#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "proto/handshake/handshake.h"
#include "proto/http/headers.h"

enum { DIGIT_MAX = 9 };

SIZED_TYPE(request_type, wsuv_http_request_t, http_minor, sizeof(wsuv_http_request_t));

int parsed_request_read(wsuv_http_request_t *to, const wsuv_http_request_t *from, ws_why *why) {
  if (from == NULL) return WS_EINVAL;
  wsuv_http_request_init(to, NULL);
  int err = sized_in(to, &request_type, from, why);
  if (err < 0) return err;
  bool missing = to->method == NULL || to->target == NULL;
  return missing || (to->header_count > 0 && to->headers == NULL) ? WS_EINVAL : 0;
}

/* Bytes above 0x7e are for h1_server to judge; they end no line and no word. */
static bool is_word(const char *s) {
  for (size_t i = 0; s[i] != '\0'; i++) {
    if ((unsigned char) s[i] <= ' ' || s[i] == 0x7f) return false;
  }
  return s[0] != '\0';
}

static int write_line(text_buf *text, const wsuv_http_request_t *r) {
  bool good = header_is_token(r->method, strlen(r->method)) && is_word(r->target) &&
              r->http_major <= DIGIT_MAX && r->http_minor <= DIGIT_MAX;
  if (!good) return WS_EINVAL;
  const char version[] = {(char) ('0' + r->http_major), '.', (char) ('0' + r->http_minor)};
  text_buf_puts(text, r->method);
  text_buf_puts(text, " ");
  text_buf_puts(text, r->target);
  text_buf_puts(text, " HTTP/");
  text_buf_add(text, version, sizeof version);
  return text_buf_puts(text, "\r\n");
}

static bool is_field(const wsuv_header_t *f) {
  return f->name != NULL && f->value != NULL && header_is_token(f->name, strlen(f->name)) &&
         header_is_value(f->value, strlen(f->value));
}

int parsed_request_write(text_buf *text, const wsuv_http_request_t *request, ws_why *why) {
  int err = write_line(text, request);
  for (size_t i = 0; err == 0 && i < request->header_count; i++) {
    const wsuv_header_t *f = &request->headers[i];
    if (!is_field(f)) {
      return ws_why_set(why, WSUV_EINVAL_HEADER, "malformed field %s of a request",
                        f->name != NULL ? f->name : "without a name");
    }
    handshake_put_field(text, f->name, f->value);
  }
  return err == 0 ? text_buf_puts(text, "\r\n") : err;
}

static bool lists(const wsuv_http_request_t *r, const char *name, const char *token) {
  for (size_t i = 0; i < r->header_count; i++) {
    const wsuv_header_t *f = &r->headers[i];
    if (header_name_equal(f->name, name) && header_list_has(f->value, token)) return true;
  }
  return false;
}

bool wsuv_http_request_is_upgrade(const wsuv_http_request_t *request) {
  return strcmp(request->method, "GET") == 0 && request->http_major == 1 &&
         request->http_minor == 1 && lists(request, "Upgrade", "websocket") &&
         lists(request, "Connection", "upgrade");
}
