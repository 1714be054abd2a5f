#include "proto/handshake/h1_client.h"

/* Writes the request, then checks the response: interim responses are skipped, 101 is checked field
   by field, any other is an error response, kept with the start of its body. */

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "proto/http/http_message.h"

enum { SHOWN_MAX = 80 }; /* bytes of a value that are shown in the detail of an error */

struct h1_client {
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the handshake. */
  text_buf request;              /* This is the text of the request. */
  text_buf offer;                /* These are the offered subprotocols as a list, terminated. */
  /* The handshake has a reference to the installed extensions, or this is NULL. */
  extension_list *extensions;
  unsigned offered;   /* This has a bit for each installed extension that was offered. */
  extension_set *set; /* The handshake owns the negotiated extensions, or this is NULL. */
  /* The response's Sec-WebSocket-Accept must have this value, which is not terminated. */
  char accept[HANDSHAKE_ACCEPT_LEN];
  http_message answer; /* This is the response that is being read. */
  int status;  /* This is the status of the last response whose head was read; 0 before that. */
  int interim; /* This many interim responses were skipped. */
  bool error_response; /* The head of an error response was read, and its body is being read. */
  const char *agreed;  /* This is the negotiated subprotocol, in the fields of `answer`, or "". */
  ws_why detail;       /* This says what was wrong with the response. */
};

static int write_request(h1_client *h, const handshake_request *request, const char *key) {
  text_buf extensions;
  int err = 0;
  text_buf_init(&extensions, h->alloc);
  if (h->extensions != NULL) err = extension_list_offer(h->extensions, &extensions, &h->offered);
  if (err == 0) err = text_buf_add(&extensions, "", 1);
  if (err == 0) {
    err = handshake_request_write(&h->request, request, text_buf_base(&h->offer),
                                  text_buf_base(&extensions), key);
  }
  text_buf_clear(&extensions);
  return err;
}

static int build(h1_client *h, const handshake_request *request, const uint8_t *key, ws_why *why) {
  char text[HANDSHAKE_KEY_LEN + 1];
  base64_encode(text, key, HANDSHAKE_KEY_SIZE);
  text[HANDSHAKE_KEY_LEN] = '\0';
  handshake_accept(h->accept, text, HANDSHAKE_KEY_LEN);
  int err = handshake_request_check(request, why);
  if (err == 0) err = handshake_request_offer(&h->offer, request);
  return err < 0 ? err : write_request(h, request, text);
}

int h1_client_new(h1_client **out, const wsuv_allocator_t *alloc, const handshake_request *request,
                  const uint8_t *key, ws_why *why) {
  h1_client *h = ws_calloc(alloc, sizeof *h);
  if (h == NULL) return WS_ENOMEM;
  h->alloc = alloc;
  h->agreed = "";
  h->extensions = extension_list_ref(request->extensions);
  text_buf_init_secret(&h->request, alloc); /* it may have credentials */
  text_buf_init_secret(&h->offer, alloc);
  http_message_init(&h->answer, alloc, HTTP_RESPONSE, request->max_size, request->max_headers);
  int err = build(h, request, key, why);
  if (err < 0) {
    h1_client_free(h);
    return err;
  }
  *out = h;
  return 0;
}

void h1_client_free(h1_client *h) {
  if (h == NULL) return;
  http_message_clear(&h->answer);
  text_buf_clear(&h->offer);
  text_buf_clear(&h->request);
  extension_set_free(h->set);
  extension_list_unref(h->extensions);
  ws_free(h->alloc, h);
}

const char *h1_client_request(const h1_client *h, size_t *len) {
  *len = text_buf_len(&h->request);
  return text_buf_base(&h->request);
}

int h1_client_set_request(h1_client *h, const char *text, size_t len) {
  text_buf_clear(&h->request);
  return text_buf_add(&h->request, text, len);
}

static int h1_client_fail(h1_client *h, int err, const char *detail) {
  return ws_why_set(&h->detail, err, "%s", detail);
}

static const char *field(const h1_client *h, const char *name, size_t n) {
  return header_store_get(&h->answer.fields, name, n);
}

static int check_upgrade(h1_client *h) {
  size_t elements;
  bool found = header_store_lists(&h->answer.fields, "Upgrade", "websocket", &elements);
  if (elements == 0) return h1_client_fail(h, WSUV_EUPGRADE, "Upgrade is missing");
  bool repeated = header_store_get(&h->answer.fields, "Upgrade", 1) != NULL;
  if (elements > 1 || repeated)
    return h1_client_fail(h, WSUV_EUPGRADE, "Upgrade has more than one value");
  if (!found) return h1_client_fail(h, WSUV_EUPGRADE, "Upgrade is not websocket");
  return 0;
}

static int check_connection(h1_client *h) {
  size_t elements;
  if (header_store_lists(&h->answer.fields, "Connection", "upgrade", &elements)) return 0;
  return h1_client_fail(h, WSUV_EUPGRADE,
                        elements == 0 ? "Connection is missing"
                                      : "Connection does not say upgrade");
}

static int check_accept(h1_client *h) {
  const char *accept = field(h, "Sec-WebSocket-Accept", 0);
  if (accept == NULL) return h1_client_fail(h, WSUV_EACCEPT, "Sec-WebSocket-Accept is missing");
  if (field(h, "Sec-WebSocket-Accept", 1) != NULL) {
    return h1_client_fail(h, WSUV_EACCEPT, "Sec-WebSocket-Accept is repeated");
  }
  if (strlen(accept) != sizeof h->accept || memcmp(accept, h->accept, sizeof h->accept) != 0) {
    return h1_client_fail(h, WSUV_EACCEPT, "Sec-WebSocket-Accept is wrong");
  }
  return 0;
}

static bool was_offered(const h1_client *h, const char *name, size_t n) {
  const char *rest = text_buf_base(&h->offer), *item;
  size_t len;
  while (header_list_next(&rest, &item, &len)) {
    if (n == len && memcmp(name, item, len) == 0) return true;
  }
  return false;
}

/* Show the first name that was not offered. What was offered may be a secret, so it is not shown
   when the server sends it back in a list. */
static int refuse_subprotocol(h1_client *h, const char *value) {
  const char *rest = value, *item;
  size_t len, count = 0;
  for (; header_list_next(&rest, &item, &len); count++) {
    if (was_offered(h, item, len)) continue;
    return ws_why_set(&h->detail, WSUV_ESUBPROTOCOL, "%.*s was not offered",
                      (int) (len < SHOWN_MAX ? len : SHOWN_MAX), item);
  }
  return h1_client_fail(h, WSUV_ESUBPROTOCOL,
                        count == 0 ? "Sec-WebSocket-Protocol is empty"
                                   : "Sec-WebSocket-Protocol has more than one value");
}

static int check_subprotocol(h1_client *h) {
  const char *name = field(h, "Sec-WebSocket-Protocol", 0);
  if (name == NULL) return 0;
  if (field(h, "Sec-WebSocket-Protocol", 1) != NULL) {
    return h1_client_fail(h, WSUV_ESUBPROTOCOL, "Sec-WebSocket-Protocol is repeated");
  }
  if (!was_offered(h, name, strlen(name))) return refuse_subprotocol(h, name);
  h->agreed = name;
  return 0;
}

static int check_extensions(h1_client *h) {
  const char *why;
  int err = extension_set_accept(&h->set, h->extensions, h->offered, &h->answer.fields, &why);
  if (err != WSUV_EEXTENSION) return err < 0 ? h1_client_fail(h, err, why) : 0;
  return ws_why_set(&h->detail, err, "%.64s: %.*s", why, SHOWN_MAX,
                    field(h, "Sec-WebSocket-Extensions", 0));
}

/* RFC 6455 4.1: what the client MUST check. */
static int check_switch(h1_client *h) {
  static int (*const checks[])(h1_client *) = {check_upgrade, check_connection, check_accept,
                                               check_subprotocol, check_extensions};
  if (http_message_version(&h->answer) != 11)
    return h1_client_fail(h, WSUV_EHTTP, "answer is not HTTP/1.1");
  for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
    int err = checks[i](h);
    if (err < 0) return err;
  }
  return 1;
}

/* Any 1xx response may come before the final one (RFC 9110 15.2). */
static int pass_over(h1_client *h) {
  if (++h->interim > HTTP_INTERIM_MAX) {
    return h1_client_fail(h, WSUV_EHEADERS, "too many interim answers");
  }
  http_message_next(&h->answer);
  return 0;
}

/* The status and, of a redirect, where it leads: the path only, as the query may have secrets. */
static void describe_refusal(h1_client *h) {
  const char *location = h->status / 100 == 3 ? field(h, "Location", 0) : NULL;
  if (location == NULL) {
    (void) ws_why_set(&h->detail, WSUV_ESTATUS, "HTTP %d", h->status);
    return;
  }
  const ws_text path = url_path_of(location);
  (void) ws_why_set(&h->detail, WSUV_ESTATUS, "HTTP %d, Location %.*s", h->status,
                    (int) (path.len < SHOWN_MAX ? path.len : SHOWN_MAX), path.base);
}

/* 1: open; 0: more is needed; an error. */
static int check_head(h1_client *h) {
  int status = http_message_status(&h->answer);
  if (status < 100) return h1_client_fail(h, WSUV_EHTTP, "status below 100");
  h->status = status;
  if (status == HANDSHAKE_SWITCHING) return check_switch(h);
  if (status < 200) return pass_over(h);
  h->error_response = true;
  describe_refusal(h);
  return 0;
}

static int read_error_response(h1_client *h, const uint8_t *data, size_t len) {
  size_t used;
  int done = http_message_read_body(&h->answer, data, len, &used);
  if (done < 0) return h1_client_fail(h, done, "no memory");
  return done ? WSUV_ESTATUS : 0;
}

size_t h1_client_most(const h1_client *h) {
  return h->answer.body_left;
}

int h1_client_feed(h1_client *h, const uint8_t *data, size_t len, size_t *used) {
  int result = 0;
  *used = 0;
  while (!h->error_response && *used < len) {
    size_t n;
    result = http_message_read_head(&h->answer, data + *used, len - *used, &n);
    *used += n;
    if (result < 0) return h1_client_fail(h, result, h->answer.detail);
    if (result == 1) result = check_head(h);
    if (result != 0) return result;
  }
  if (!h->error_response) return 0;
  size_t head = *used;
  *used = len;
  return read_error_response(h, data + head, len - head);
}

bool h1_client_refused(const h1_client *h) {
  return h->error_response;
}

int h1_client_eof(h1_client *h) {
  if (h->error_response) return WSUV_ESTATUS;
  return h1_client_fail(h, WS_EOF, "stream ended before the answer");
}

int h1_client_status(const h1_client *h) {
  return h->status;
}

header_store *h1_client_headers(h1_client *h) {
  return &h->answer.fields;
}

/* A 101 has no body, whatever these say, and frames follow its empty line (RFC 9112 6.3). */
const char *h1_client_ignored(const h1_client *h, size_t n) {
  static const char *const names[] = {"Content-Length", "Transfer-Encoding"};
  if (h->status != HANDSHAKE_SWITCHING) return NULL;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (field(h, names[i], 0) != NULL && n-- == 0) return names[i];
  }
  return NULL;
}

const char *h1_client_subprotocol(const h1_client *h) {
  return h->agreed;
}

int h1_client_result(h1_client *h, handshake_result **out) {
  bool agreed = *h->agreed != '\0';
  handshake_result *result = ws_malloc(h->alloc, sizeof *result);
  char *subprotocol = agreed ? ws_strdup(h->alloc, h->agreed) : NULL;
  if (result == NULL || (agreed && subprotocol == NULL)) {
    ws_free(h->alloc, subprotocol);
    ws_free(h->alloc, result);
    return WS_ENOMEM;
  }
  *result = (handshake_result){.alloc = h->alloc,
                               .role = WS_CLIENT,
                               .status = h->status,
                               .fields = h->answer.fields,
                               .request = h->request,
                               .subprotocol = subprotocol,
                               .extensions = h->set};
  text_buf_init(&result->line, h->alloc);
  *out = result;
  header_store_init(&h->answer.fields, h->alloc);
  text_buf_init(&h->request, h->alloc);
  h->agreed = "";
  h->set = NULL;
  return 0;
}

const uint8_t *h1_client_body(const h1_client *h, size_t *len) {
  *len = text_buf_len(&h->answer.body);
  return (const uint8_t *) text_buf_base(&h->answer.body);
}

const char *h1_client_detail(const h1_client *h) {
  return h->detail.text;
}
