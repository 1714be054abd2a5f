#include "proto/handshake/h1_server.h"

/* Checks the request for a WebSocket, and keeps what the response needs. */

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "proto/handshake/handshake_response.h"
#include "proto/http/http_message.h"

struct h1_server {
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the handshake. */
  http_message request;          /* This is the request that is being read. */
  const char *key;      /* This is the value of Sec-WebSocket-Key, in the fields of `request`. */
  text_buf offered;     /* These are the offered subprotocols, each terminated. */
  size_t offered_count; /* `offered` has this many subprotocols. */
  size_t next;          /* This is the index of the subprotocol at `next_offset`. */
  size_t next_offset;   /* h1_server_offered continues at this byte of `offered`. */
  /* The handshake has a reference to the installed extensions, or this is NULL. */
  extension_list *extensions;
  extension_set *set; /* The handshake owns the negotiated extensions, or this is NULL. */
  text_buf answer;    /* This is the text of the response. */
  int error_status;   /* After an error, the response should have this status; otherwise it is 0. */
  /* After an error, this static text says what was wrong; otherwise it is "". */
  const char *detail;
};

int h1_server_new(h1_server **out, const wsuv_allocator_t *alloc, const h1_server_limits *limits,
                  extension_list *extensions) {
  h1_server *h = ws_calloc(alloc, sizeof *h);
  if (h == NULL) return WS_ENOMEM;
  h->alloc = alloc;
  h->detail = "";
  h->extensions = extension_list_ref(extensions);
  http_message_init(&h->request, alloc, HTTP_REQUEST, limits->max_size, limits->max_headers);
  text_buf_init(&h->offered, alloc);
  text_buf_init(&h->answer, alloc);
  *out = h;
  return 0;
}

void h1_server_free(h1_server *h) {
  if (h == NULL) return;
  http_message_clear(&h->request);
  text_buf_clear(&h->offered);
  text_buf_clear(&h->answer);
  extension_set_free(h->set);
  extension_list_unref(h->extensions);
  ws_free(h->alloc, h);
}

static int h1_server_fail(h1_server *h, int err, int status, const char *detail) {
  h->error_status = status;
  h->detail = detail;
  return err;
}

static const char *field(const h1_server *h, const char *name, size_t n) {
  return header_store_get(&h->request.fields, name, n);
}

/* The value of a field that occurs exactly once, otherwise NULL. */
static const char *only(const h1_server *h, const char *name) {
  return field(h, name, 1) == NULL ? field(h, name, 0) : NULL;
}

static int check_request_line(h1_server *h) {
  const char *target = text_buf_base(&h->request.target);
  if (!http_message_is_http11(&h->request)) {
    return h1_server_fail(h, WSUV_EHTTP, 505, "request is not HTTP/1.1");
  }
  if (!http_message_is_get(&h->request))
    return h1_server_fail(h, WSUV_EHTTP, 405, "method is not GET");
  for (; *target != '\0'; target++) {
    if (*target <= ' ' || *target > '~')
      return h1_server_fail(h, WSUV_EHTTP, 400, "malformed target");
  }
  return 0;
}

static int check_host(h1_server *h) {
  const char *host = only(h, "Host");
  if (host == NULL) return h1_server_fail(h, WSUV_EHTTP, 400, "Host is missing or repeated");
  return *host != '\0' ? 0 : h1_server_fail(h, WSUV_EHTTP, 400, "Host is empty");
}

/* A request with a body is rejected: what follows the head are frames. */
static int check_body(h1_server *h) {
  const char *length = field(h, "Content-Length", 0);
  if (field(h, "Transfer-Encoding", 0) != NULL || (length != NULL && strcmp(length, "0") != 0)) {
    return h1_server_fail(h, WSUV_EHTTP, 400, "request has a body");
  }
  return 0;
}

/* Lists that contain the token (RFC 6455 4.2.1). */
static int check_upgrade(h1_server *h) {
  size_t elements;
  if (!header_store_lists(&h->request.fields, "Upgrade", "websocket", &elements)) {
    return h1_server_fail(h, WSUV_EUPGRADE, 426, "Upgrade does not say websocket");
  }
  if (!header_store_lists(&h->request.fields, "Connection", "upgrade", &elements)) {
    return h1_server_fail(h, WSUV_EUPGRADE, 426, "Connection does not say upgrade");
  }
  return 0;
}

static int check_version(h1_server *h) {
  const char *version = only(h, "Sec-WebSocket-Version");
  if (version != NULL && strcmp(version, "13") == 0) return 0;
  return h1_server_fail(h, WS_EPROTONOSUPPORT, 426, "Sec-WebSocket-Version is not 13");
}

static int check_key(h1_server *h) {
  uint8_t raw[HANDSHAKE_KEY_LEN / 4 * 3];
  h->key = only(h, "Sec-WebSocket-Key");
  if (h->key == NULL)
    return h1_server_fail(h, WSUV_EUPGRADE, 400, "Sec-WebSocket-Key is missing or repeated");
  if (strlen(h->key) != HANDSHAKE_KEY_LEN ||
      base64_decode(raw, h->key, HANDSHAKE_KEY_LEN) != HANDSHAKE_KEY_SIZE) {
    return h1_server_fail(h, WSUV_EUPGRADE, 400, "Sec-WebSocket-Key is not 16 bytes in base64");
  }
  return 0;
}

static int collect_offered(h1_server *h, const char *list) {
  const char *item;
  size_t len;
  while (header_list_next(&list, &item, &len)) {
    if (!header_is_token(item, len)) {
      return h1_server_fail(h, WSUV_EHTTP, 400,
                            "Sec-WebSocket-Protocol has an element that is no token");
    }
    text_buf_add(&h->offered, item, len);
    if (text_buf_add(&h->offered, "", 1) < 0) return h1_server_fail(h, WS_ENOMEM, 500, "no memory");
    h->offered_count++;
  }
  return 0;
}

/* Several fields make one list (RFC 6455 11.3.4). */
static int check_offered(h1_server *h) {
  header_cursor at = {0};
  const char *list;
  while ((list = header_store_next(&h->request.fields, "Sec-WebSocket-Protocol", &at)) != NULL) {
    int err = collect_offered(h, list);
    if (err < 0) return err;
  }
  return 0;
}

static int check_extensions(h1_server *h) {
  const char *why;
  int err = extension_set_answer(&h->set, h->extensions, &h->request.fields, &why);
  return err == 0 ? 0 : h1_server_fail(h, err, err == WSUV_EEXTENSION ? 400 : 500, why);
}

static int h1_server_check(h1_server *h) {
  static int (*const checks[])(h1_server *) = {check_request_line, check_host,      check_body,
                                               check_upgrade,      check_version,   check_key,
                                               check_offered,      check_extensions};
  for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
    int err = checks[i](h);
    if (err < 0) return err;
  }
  return 1;
}

static int status_for(int err) {
  if (err == WS_ENOMEM) return 500;
  return err == WSUV_EHEADERS ? 431 : 400;
}

int h1_server_feed(h1_server *h, const uint8_t *data, size_t len, size_t *used) {
  int result = http_message_read_head(&h->request, data, len, used);
  if (result < 0) return h1_server_fail(h, result, status_for(result), h->request.detail);
  return result == 1 ? h1_server_check(h) : 0;
}

const char *h1_server_target(const h1_server *h) {
  return text_buf_base(&h->request.target);
}

header_store *h1_server_headers(h1_server *h) {
  return &h->request.fields;
}

/* It continues after the subprotocol of the last call, so a loop over all of them is linear. */
const char *h1_server_offered(h1_server *h, size_t n) {
  const char *base = text_buf_base(&h->offered);
  if (n >= h->offered_count) return NULL;
  if (n < h->next) h->next = h->next_offset = 0;
  for (; h->next < n; h->next++) h->next_offset += strlen(base + h->next_offset) + 1;
  return base + h->next_offset;
}

static bool is_offered(const h1_server *h, const char *subprotocol) {
  const char *name = text_buf_base(&h->offered);
  for (size_t i = 0; i < h->offered_count; i++) {
    if (strcmp(name, subprotocol) == 0) return true;
    name += strlen(name) + 1;
  }
  return false;
}

int h1_server_accept(h1_server *h, const char *subprotocol, const wsuv_header_t *headers,
                     size_t header_count) {
  if (subprotocol != NULL && !is_offered(h, subprotocol)) return WSUV_ESUBPROTOCOL;
  text_buf_clear(&h->answer);
  return handshake_response_accept(&h->answer, h->key, subprotocol, extension_set_text(h->set),
                                   headers, header_count);
}

extension_set *h1_server_take_extensions(h1_server *h) {
  extension_set *set = h->set;
  h->set = NULL;
  return set;
}

int h1_server_reject(h1_server *h, int status, const wsuv_header_t *headers, size_t header_count,
                     const void *body, size_t body_len) {
  text_buf_clear(&h->answer);
  return handshake_response_reject(&h->answer, status, headers, header_count, body, body_len);
}

int h1_server_error_status(const h1_server *h) {
  return h->error_status;
}

const char *h1_server_detail(const h1_server *h) {
  return h->detail;
}

const char *h1_server_answer(const h1_server *h, size_t *len) {
  *len = text_buf_len(&h->answer);
  return text_buf_base(&h->answer);
}
