#include "proto/handshake/handshake_request.h"

/* Checks the fields of a request and writes it. Reads no response. */

#include <string.h>

#include "base/error.h"
#include "proto/http/headers.h"

/* The value of the first field of that name in the program's lists, or NULL; *count: how many there
   are. */
static const char *find_field(const handshake_request *r, const char *name, size_t *count) {
  const char *value = NULL;
  *count = 0;
  for (size_t list = 0; list < 2; list++) {
    for (size_t i = 0; i < r->header_count[list]; i++) {
      if (!header_name_equal(r->headers[list][i].name, name)) continue;
      if ((*count)++ == 0) value = r->headers[list][i].value;
    }
  }
  return value;
}

static int check_once(const handshake_request *r, const char *name, bool ours, ws_why *why) {
  size_t count;
  (void) find_field(r, name, &count);
  return count + ours <= 1 ? 0 : handshake_refuse_field(why, name, "more than one value");
}

/* The value of a field that has a place of its own in the request; NULL: it is not sent. */
static int check_value(const char *name, const char *value, ws_why *why) {
  const wsuv_header_t field = {name, value};
  const char *what = value != NULL ? handshake_field_wrong(&field) : NULL;
  return what == NULL ? 0 : handshake_refuse_field(why, name, what);
}

/* Subprotocols may be secrets, as browsers can send tokens in no other field. */
static int check_offer(const handshake_request *r, ws_why *why) {
  for (size_t i = 0; i < r->subprotocol_count; i++) {
    const char *name = r->subprotocols[i], *what = NULL;
    if (name == NULL || !header_is_token(name, strlen(name))) what = "is not a token";
    for (size_t j = 0; j < i && what == NULL; j++) {
      if (strcmp(r->subprotocols[j], name) == 0) what = "is repeated";
    }
    if (what != NULL) return ws_why_set(why, WSUV_EINVAL_HEADER, "subprotocol %zu %s", i + 1, what);
  }
  return 0;
}

int handshake_request_check(const handshake_request *r, ws_why *why) {
  int err = handshake_check_fields(r->headers[0], r->header_count[0], why);
  if (err == 0) err = handshake_check_fields(r->headers[1], r->header_count[1], why);
  if (err == 0) err = check_value("Origin", r->origin, why);
  if (err == 0) err = check_value("User-Agent", r->user_agent, why);
  if (err == 0) err = check_offer(r, why);
  if (err == 0) err = check_once(r, "Host", false, why);
  if (err == 0) err = check_once(r, "User-Agent", false, why);
  if (err == 0) err = check_once(r, "Origin", r->origin != NULL, why);
  if (err == 0) err = check_value("Authorization", r->authorization, why);
  if (err == 0) err = check_value("Cookie", r->cookie, why);
  if (err == 0 && r->cookie != NULL) err = check_once(r, "Cookie", true, why);
  return err < 0 ? err : check_once(r, "Authorization", r->authorization != NULL, why);
}

int handshake_request_offer(text_buf *offer, const handshake_request *r) {
  for (size_t i = 0; i < r->subprotocol_count; i++) {
    text_buf_puts(offer, i == 0 ? "" : ", ");
    text_buf_puts(offer, r->subprotocols[i]);
  }
  return text_buf_add(offer, "", 1);
}

/* Host comes first (RFC 9112 3.2): the program's, or the URL's. */
static void put_target(text_buf *text, const handshake_request *r) {
  char ours[URL_HOST_HEADER_SIZE];
  size_t count;
  const char *users = find_field(r, "Host", &count);
  url_host_header(r->url, ours);
  text_buf_puts(text, r->url->slash ? "GET /" : "GET ");
  text_buf_add(text, r->url->target.base, r->url->target.len);
  text_buf_puts(text, " HTTP/1.1\r\n");
  handshake_put_field(text, "Host", users != NULL ? users : ours);
}

static void put_users_fields(text_buf *text, const handshake_request *r) {
  for (size_t list = 0; list < 2; list++) {
    for (size_t i = 0; i < r->header_count[list]; i++) {
      const wsuv_header_t *field = &r->headers[list][i];
      if (!header_name_equal(field->name, "Host")) handshake_put_fields(text, field, 1);
    }
  }
}

int handshake_request_write(text_buf *text, const handshake_request *r, const char *offer,
                            const char *extensions, const char *key) {
  size_t users_agents;
  put_target(text, r);
  text_buf_puts(text, "Upgrade: websocket\r\nConnection: Upgrade\r\n");
  handshake_put_field(text, "Sec-WebSocket-Key", key);
  text_buf_puts(text, "Sec-WebSocket-Version: 13\r\n");
  if (offer[0] != '\0') handshake_put_field(text, "Sec-WebSocket-Protocol", offer);
  if (extensions[0] != '\0') handshake_put_field(text, "Sec-WebSocket-Extensions", extensions);
  (void) find_field(r, "User-Agent", &users_agents);
  if (r->user_agent != NULL && users_agents == 0) {
    handshake_put_field(text, "User-Agent", r->user_agent);
  }
  if (r->origin != NULL) handshake_put_field(text, "Origin", r->origin);
  if (r->authorization != NULL) handshake_put_field(text, "Authorization", r->authorization);
  if (r->cookie != NULL) handshake_put_field(text, "Cookie", r->cookie);
  put_users_fields(text, r);
  return text_buf_puts(text, "\r\n");
}
