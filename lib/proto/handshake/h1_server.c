#include "proto/handshake/h1_server.h"

/* Reads a request, judges it, and keeps what the response needs. */

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "proto/handshake/handshake_response.h"
#include "proto/handshake/parsed_request.h"
#include "proto/handshake/refused.h"
#include "proto/http/ascii.h"
#include "proto/http/http_message.h"

enum { TLS_HANDSHAKE = 0x16 }; /* the first byte of a TLS connection (RFC 8446 5.1); none of HTTP */

struct h1_server {
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the handshake. */
  h1_server_limits limits;       /* These hold for each request. */
  bool takes_bodies;             /* A request for something else may have a body. */
  http_message request;          /* This is the request that is being read. */
  bool begun;                    /* Some bytes have come. */
  bool line_checked;             /* The first line has been checked. */
  bool absolute;                 /* The target is a whole URI, whose host counts. */
  bool has_body;                 /* What follows the head is a body. */
  ws_text path;                  /* This is the path of the target. */
  ws_text query;                 /* This is the query of the target, without "?". */
  char *target;       /* The handshake owns path and query, as sent; NULL: the head is not read. */
  url_authority host; /* This is the host that the request is for. */
  char *other_host;   /* The handshake owns the text of `host`, or it is that of Host (NULL). */
  const char *key;    /* This is the value of Sec-WebSocket-Key, in the fields of `request`. */
  text_buf names;     /* These are the offered subprotocols, each terminated. */
  subprotocol_offer offer;     /* This is the list of them, once the head is read. */
  size_t next;                 /* This is the index of the subprotocol at `next_offset`. */
  size_t next_offset;          /* h1_server_offered continues at this byte of `names`. */
  extension_header extensions; /* The handshake owns the offered extensions. */
  extension_set *set;          /* The handshake owns the negotiated extensions, or this is NULL. */
  const char *agreed;   /* After h1_server_accept, this is the subprotocol in `names`, or NULL. */
  text_buf answer;      /* This is the text of the response. */
  wsuv_refused_t cause; /* This is what is wrong with the request. */
  int error;            /* This is the error code for `cause`, or 0. */
  const char *detail;   /* This static text says what was wrong, or is "". */
};

static void h1_server_init(h1_server *h, const wsuv_allocator_t *alloc,
                           const h1_server_limits *limits) {
  memset(h, 0, sizeof *h);
  h->alloc = alloc;
  h->limits = *limits;
  h->detail = "";
  http_message_init(&h->request, alloc, HTTP_REQUEST, limits->max_size, limits->max_headers);
  h->extensions.alloc = alloc;
  text_buf_init(&h->names, alloc);
  text_buf_init(&h->answer, alloc);
}

static void h1_server_clear(h1_server *h) {
  http_message_clear(&h->request);
  text_buf_clear(&h->names);
  text_buf_clear(&h->answer);
  ws_free(h->alloc, h->target);
  ws_free(h->alloc, h->other_host);
  extension_header_clear(&h->extensions);
  extension_set_free(h->set);
}

int h1_server_new(h1_server **out, const wsuv_allocator_t *alloc, const h1_server_limits *limits) {
  h1_server *h = ws_malloc(alloc, sizeof *h);
  if (h == NULL) return WS_ENOMEM;
  h1_server_init(h, alloc, limits);
  *out = h;
  return 0;
}

void h1_server_free(h1_server *h) {
  if (h == NULL) return;
  h1_server_clear(h);
  ws_free(h->alloc, h);
}

void h1_server_next(h1_server *h) {
  const h1_server_limits limits = h->limits;
  h1_server_clear(h);
  h1_server_init(h, h->alloc, &limits);
}

void h1_server_take_bodies(h1_server *h) {
  h->takes_bodies = true;
}

/* Returns the error code. */
static int h1_server_fault(h1_server *h, wsuv_refused_t cause, const char *detail) {
  h->cause = cause;
  h->error = refused_error(cause);
  h->detail = detail;
  return h->error;
}

static const char *field(const h1_server *h, const char *name, size_t n) {
  return header_store_get(&h->request.fields, name, n);
}

/* The value of a field that occurs exactly once, otherwise NULL. */
static const char *only(const h1_server *h, const char *name) {
  header_cursor at = {0};
  const char *value = header_store_next(&h->request.fields, name, &at);
  return header_store_next(&h->request.fields, name, &at) == NULL ? value : NULL;
}

static bool is_method(const h1_server *h, const char *method) {
  const ws_text m = h->request.request.method;
  return m.len == strlen(method) && memcmp(m.base, method, m.len) == 0;
}

/* --- the first line --- */

/* absolute-form (RFC 9112 3.2.2): cut off everything before the path. */
static bool take_authority(h1_server *h, ws_text *target, int *err) {
  static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    const size_t len = strlen(schemes[i]);
    if (target->len <= len || !ascii_begins_with(target->base, schemes[i])) continue;
    ws_text authority = {target->base + len, 0};
    while (len + authority.len < target->len && strchr("/?", authority.base[authority.len]) == NULL)
      authority.len++;
    *target = (ws_text){authority.base + authority.len, target->len - len - authority.len};
    h->absolute = true;
    *err = h1_server_set_host(h, authority);
    return *err == 0;
  }
  return false;
}

static void split_target(h1_server *h, ws_text target) {
  const char *mark = target.len > 0 ? memchr(target.base, '?', target.len) : NULL;
  h->path = (ws_text){target.base, mark != NULL ? (size_t) (mark - target.base) : target.len};
  if (mark != NULL) h->query = (ws_text){mark + 1, target.len - h->path.len - 1};
  if (h->path.len == 0) h->path = (ws_text){"/", 1};
}

static int check_target(h1_server *h) {
  ws_text target = h->request.request.target;
  int err = 0;
  for (size_t i = 0; i < target.len; i++) {
    const char c = target.base[i];
    if (c <= ' ' || c > '~') return h1_server_fault(h, WSUV_REFUSED_TARGET, "malformed target");
    if (c == '#') return h1_server_fault(h, WSUV_REFUSED_TARGET, "fragment in the target");
  }
  /* Its target is a host with a port, and nothing else (RFC 9112 3.2.3). A response of 2xx would
     make a tunnel of the connection (RFC 9110 9.3.6). */
  if (is_method(h, "CONNECT")) return h1_server_fault(h, WSUV_REFUSED_METHOD, "method is CONNECT");
  if (target.base[0] != '/' && !take_authority(h, &target, &err)) {
    if (err == WS_ENOMEM) return h1_server_fault(h, WSUV_REFUSED_NO_MEMORY, "no memory");
    /* OPTIONS has a target of its own (RFC 9112 3.2.4). */
    bool other = !is_method(h, "GET") && !h->absolute;
    return h1_server_fault(h, other ? WSUV_REFUSED_METHOD : WSUV_REFUSED_TARGET,
                           other         ? "method is not GET"
                           : h->absolute ? "malformed host in the target"
                                         : "target is neither a path nor a URI of HTTP");
  }
  split_target(h, target);
  return 0;
}

static int check_line(h1_server *h) {
  const unsigned version = h->request.request.version;
  if (h->line_checked || !h->request.line_done) return 0;
  h->line_checked = true;
  if (version != 11 && version != 10) {
    return h1_server_fault(h, WSUV_REFUSED_HTTP_VERSION,
                           version == 20 ? "HTTP/2.0 is not spoken here"
                                         : "request is neither HTTP/1.1 nor HTTP/1.0");
  }
  return check_target(h);
}

/* --- what no request may have --- */

static int check_repeated(h1_server *h) {
  if (field(h, "Origin", 1) == NULL) return 0;
  return h1_server_fault(h, WSUV_REFUSED_MALFORMED, "Origin is repeated");
}

/* RFC 9112 6.1, 6.3: what two readers may understand differently is malformed. */
static const char *find_framing_fault(const h1_server *h) {
  const char *length = only(h, "Content-Length");
  size_t codings;
  if (field(h, "Transfer-Encoding", 0) == NULL) {
    if (length == NULL) return "Content-Length is repeated";
    const size_t digits = strspn(length, "0123456789");
    return digits > 0 && length[digits] == '\0' ? NULL : "Content-Length is malformed";
  }
  if (field(h, "Content-Length", 0) != NULL) return "Transfer-Encoding and Content-Length";
  if (h->request.request.version == 10) return "Transfer-Encoding in HTTP/1.0";
  if (header_store_lists(&h->request.fields, "Transfer-Encoding", "chunked", &codings) &&
      codings == 1) {
    return NULL;
  }
  return "Transfer-Encoding is not chunked";
}

static int refuse_body(h1_server *h) {
  return h1_server_fault(h, WSUV_REFUSED_BODY, "request has a body");
}

/* What follows the head of a request for a WebSocket are frames, so it may have no body. */
static int check_body(h1_server *h) {
  const char *length = field(h, "Content-Length", 0), *wrong;
  bool none = length == NULL || (only(h, "Content-Length") != NULL && strcmp(length, "0") == 0);
  if (none && field(h, "Transfer-Encoding", 0) == NULL) return 0;
  if (!h->takes_bodies) return refuse_body(h);
  h->has_body = true;
  wrong = find_framing_fault(h);
  return wrong != NULL ? h1_server_fault(h, WSUV_REFUSED_MALFORMED, wrong) : 0;
}

/* RFC 9112 3.2: one, also if the target has a host of its own. */
static int check_host(h1_server *h) {
  url_authority host;
  const char *value = only(h, "Host");
  if (value == NULL) {
    if (field(h, "Host", 0) != NULL)
      return h1_server_fault(h, WSUV_REFUSED_HOST, "Host is repeated");
    if (h->request.request.version == 10) return 0;
    return h1_server_fault(h, WSUV_REFUSED_HOST, "Host is missing");
  }
  if (!url_parse_authority(&host, (ws_text){value, strlen(value)}))
    return h1_server_fault(h, WSUV_REFUSED_HOST, "Host is malformed");
  if (!h->absolute) h->host = host;
  return 0;
}

static int collect_offered(h1_server *h, const char *list, bool *good) {
  const char *item;
  size_t len;
  while (*good && header_list_next(&list, &item, &len)) {
    *good = header_is_token(item, len);
    if (!*good) return 0;
    text_buf_add(&h->names, item, len);
    if (text_buf_add(&h->names, "", 1) < 0) return WS_ENOMEM;
    h->offer.count++;
  }
  return 0;
}

/* Several fields make one list (RFC 6455 11.3.4). Routes are found by it, also for a request that
   is wrong otherwise. */
static int read_offer(h1_server *h, bool *good) {
  header_cursor at = {0};
  const char *list;
  *good = true;
  while (*good && (list = header_store_next(&h->request.fields, "Sec-WebSocket-Protocol", &at))) {
    if (collect_offered(h, list, good) < 0) {
      return h1_server_fault(h, WSUV_REFUSED_NO_MEMORY, "no memory");
    }
  }
  h->offer.names = text_buf_base(&h->names);
  return 0;
}

/* --- whether it asks for a WebSocket --- */

static bool lists(const h1_server *h, const char *name, const char *token) {
  size_t elements;
  return header_store_lists(&h->request.fields, name, token, &elements);
}

/* In HTTP/1.0 Upgrade is ignored (RFC 9110 7.8). */
static int check_upgrade(h1_server *h) {
  const bool upgrade = lists(h, "Upgrade", "websocket");
  if (!is_method(h, "GET")) {
    return h1_server_fault(h, WSUV_REFUSED_METHOD, "method is not GET");
  }
  if (!upgrade) {
    return h1_server_fault(h, WSUV_REFUSED_NO_UPGRADE, "Upgrade does not say websocket");
  }
  if (h->request.request.version == 10) {
    return h1_server_fault(h, WSUV_REFUSED_HTTP_1_0,
                           "Upgrade is ignored in HTTP/1.0: let the proxy use HTTP/1.1");
  }
  if (lists(h, "Connection", "upgrade")) return 0;
  return h1_server_fault(h, WSUV_REFUSED_NO_UPGRADE, "Connection does not say upgrade");
}

static int check_version(h1_server *h) {
  const char *version = only(h, "Sec-WebSocket-Version");
  if (version != NULL && strcmp(version, "13") == 0) return 0;
  return h1_server_fault(h, WSUV_REFUSED_VERSION, "Sec-WebSocket-Version is not 13");
}

static int check_key(h1_server *h) {
  uint8_t raw[HANDSHAKE_KEY_LEN / 4 * 3];
  h->key = only(h, "Sec-WebSocket-Key");
  if (h->key == NULL) {
    return h1_server_fault(h, WSUV_REFUSED_KEY, "Sec-WebSocket-Key is missing or repeated");
  }
  if (strlen(h->key) == HANDSHAKE_KEY_LEN &&
      base64_decode(raw, h->key, HANDSHAKE_KEY_LEN) == HANDSHAKE_KEY_SIZE)
    return 0;
  return h1_server_fault(h, WSUV_REFUSED_KEY, "Sec-WebSocket-Key is not 16 bytes in base64");
}

static int check_extensions(h1_server *h) {
  const char *why = "no memory";
  int err = extension_header_parse(&h->extensions, h->alloc, &h->request.fields, &why);
  if (err == 0) return 0;
  bool memory = err == WS_ENOMEM;
  return h1_server_fault(h, memory ? WSUV_REFUSED_NO_MEMORY : WSUV_REFUSED_EXTENSION, why);
}

/* What is wrong with a request that can be routed is no error here. */
static int check_handshake(h1_server *h, bool good_offer) {
  int err = check_upgrade(h);
  if (err == 0) err = check_version(h);
  if (err == 0) err = check_key(h);
  if (err == 0 && !good_offer) {
    err = h1_server_fault(h, WSUV_REFUSED_SUBPROTOCOL,
                          "Sec-WebSocket-Protocol has an element that is no token");
  }
  if (err == 0) err = check_extensions(h);
  if (err == WS_ENOMEM) return err;
  return h->has_body && !h1_server_is_plain(h) ? refuse_body(h) : 1;
}

/* The part of the target that a program sees, terminated. */
static char *copy_target(const h1_server *h) {
  const bool query = h->query.base != NULL;
  char *target = ws_malloc(h->alloc, h->path.len + 1 + h->query.len + 1), *end = target;
  if (target == NULL) return NULL;
  if (h->path.len > 0) memcpy(end, h->path.base, h->path.len);
  end += h->path.len;
  if (query) {
    *end++ = '?';
    memcpy(end, h->query.base, h->query.len);
  }
  end[query ? h->query.len : 0] = '\0';
  return target;
}

static int check_head(h1_server *h) {
  bool good_offer = true;
  int err = check_repeated(h);
  if (err == 0) err = check_body(h);
  if (err == 0) err = check_host(h);
  if (err == 0) err = read_offer(h, &good_offer);
  if (err == 0 && (h->target = copy_target(h)) == NULL) {
    err = h1_server_fault(h, WSUV_REFUSED_NO_MEMORY, "no memory");
  }
  return err < 0 ? err : check_handshake(h, good_offer);
}

static int fault_of_message(h1_server *h, int err) {
  wsuv_refused_t cause = WSUV_REFUSED_MALFORMED;
  if (err == WS_ENOMEM) cause = WSUV_REFUSED_NO_MEMORY;
  if (err == WSUV_EHEADERS) {
    bool fields = h->request.scan.error == WSUV_EHEADERS;
    cause = fields ? WSUV_REFUSED_TOO_MANY_FIELDS : WSUV_REFUSED_TOO_LARGE;
  }
  return h1_server_fault(h, cause, h->request.detail);
}

/* The first line is judged as soon as it is there, before what was found behind it. */
int h1_server_feed(h1_server *h, const uint8_t *data, size_t len, size_t *used) {
  const bool first = !h->begun && len > 0;
  *used = 0;
  h->begun = h->begun || first;
  if (first && data[0] == TLS_HANDSHAKE) {
    return h1_server_fault(h, WSUV_REFUSED_TLS_ON_PLAIN, "TLS on a port without TLS");
  }
  int result = http_message_read_head(&h->request, data, len, used);
  int err = check_line(h);
  if (err < 0) return err;
  if (result < 0) return fault_of_message(h, result);
  return result == 1 ? check_head(h) : 0;
}

int h1_server_read_parsed(h1_server *h, const wsuv_http_request_t *request, ws_why *why) {
  text_buf text;
  size_t used;
  text_buf_init(&text, h->alloc);
  int err = parsed_request_write(&text, request, why);
  if (err == 0) {
    err = h1_server_feed(h, (const uint8_t *) text_buf_base(&text), text_buf_len(&text), &used);
  }
  text_buf_clear(&text);
  return err;
}

/* --- the request --- */

bool h1_server_has_begun(const h1_server *h) {
  return h->begun;
}

wsuv_refused_t h1_server_cause(const h1_server *h) {
  return h->cause;
}

int h1_server_error(const h1_server *h) {
  return h->error;
}

const char *h1_server_detail(const h1_server *h) {
  return h->detail;
}

bool h1_server_is_plain(const h1_server *h) {
  return h->cause == WSUV_REFUSED_METHOD || h->cause == WSUV_REFUSED_HTTP_1_0 ||
         h->cause == WSUV_REFUSED_NO_UPGRADE;
}

bool h1_server_has_body(const h1_server *h) {
  return h->has_body;
}

/* RFC 9112 9.3. A body is not read, so the next request is not found behind it. */
bool h1_server_may_persist(const h1_server *h) {
  const bool old = h->request.request.version == 10;
  if (h->has_body || lists(h, "Connection", "close")) return false;
  return !old || lists(h, "Connection", "keep-alive");
}

ws_text h1_server_method(const h1_server *h) {
  return h->request.request.method;
}

const char *h1_server_target(const h1_server *h) {
  return h->target;
}

ws_text h1_server_path(const h1_server *h) {
  return h->path;
}

ws_text h1_server_query(const h1_server *h) {
  return h->query;
}

header_store *h1_server_headers(h1_server *h) {
  return &h->request.fields;
}

const url_authority *h1_server_host(const h1_server *h) {
  return &h->host;
}

const char *h1_server_host_text(const h1_server *h) {
  return h->other_host != NULL ? h->other_host : field(h, "Host", 0);
}

/* Parsed in its copy, because the parts are slices. */
int h1_server_set_host(h1_server *h, ws_text host) {
  url_authority parsed;
  if (!url_parse_authority(&parsed, host)) return WS_EINVAL;
  char *text = ws_malloc(h->alloc, host.len + 1);
  if (text == NULL) return WS_ENOMEM;
  memcpy(text, host.base, host.len);
  text[host.len] = '\0';
  (void) url_parse_authority(&h->host, (ws_text){text, host.len}); /* it is the same text */
  ws_free(h->alloc, h->other_host);
  h->other_host = text;
  return 0;
}

const char *h1_server_origin(const h1_server *h) {
  return field(h, "Origin", 0);
}

const subprotocol_offer *h1_server_offer(const h1_server *h) {
  return &h->offer;
}

/* It continues after the subprotocol of the last call, so a loop over all of them is linear. */
const char *h1_server_offered(h1_server *h, size_t n) {
  if (n >= h->offer.count) return NULL;
  if (n < h->next) h->next = h->next_offset = 0;
  for (; h->next < n; h->next++) h->next_offset += strlen(h->offer.names + h->next_offset) + 1;
  return h->offer.names + h->next_offset;
}

/* --- the response --- */

int h1_server_accept(h1_server *h, const char *subprotocol, extension_list *extensions,
                     const wsuv_header_t *headers, size_t header_count) {
  extension_set *set;
  size_t place = subprotocol != NULL ? subprotocol_find(&h->offer, subprotocol) : 0;
  if (subprotocol != NULL && place == h->offer.count) return WSUV_ESUBPROTOCOL;
  int err = extension_set_answer(&set, extensions, &h->extensions);
  if (err < 0) return err;
  text_buf_clear(&h->answer);
  err = handshake_response_accept(&h->answer, h->key, subprotocol, extension_set_text(set), headers,
                                  header_count);
  if (err < 0) {
    text_buf_clear(&h->answer);
    extension_set_free(set);
    return err;
  }
  extension_set_free(h->set);
  h->set = set;
  h->agreed = subprotocol != NULL ? h1_server_offered(h, place) : NULL;
  return 0;
}

int h1_server_result(h1_server *h, handshake_result **out) {
  handshake_result *result = ws_calloc(h->alloc, sizeof *result);
  if (result == NULL) return WS_ENOMEM;
  result->alloc = h->alloc;
  result->role = WS_SERVER;
  result->status = HANDSHAKE_SWITCHING;
  header_store_init(&result->fields, h->alloc);
  text_buf_init(&result->request, h->alloc);
  text_buf_init(&result->line, h->alloc);
  if (h->agreed != NULL && (result->subprotocol = ws_strdup(h->alloc, h->agreed)) == NULL) {
    handshake_result_free(result);
    return WS_ENOMEM;
  }
  result->line = h->request.line;
  text_buf_init(&h->request.line, h->alloc);
  result->fields = h->request.fields;
  header_store_init(&h->request.fields, h->alloc);
  result->target = h->target;
  h->target = NULL;
  result->host = h->other_host;
  h->other_host = NULL;
  result->extensions = h->set;
  h->set = NULL;
  *out = result;
  return 0;
}

/* The field Connection; NULL: it is not sent (RFC 9112 9.3, 9.6). */
static const char *connection_of(const h1_server *h, bool persists) {
  if (!persists) return "close";
  return h->request.request.version == 10 ? "keep-alive" : NULL;
}

static int write_reply(h1_server *h, const handshake_reply *reply) {
  text_buf_clear(&h->answer);
  int err = handshake_response_reply(&h->answer, reply);
  if (err < 0) text_buf_clear(&h->answer);
  return err;
}

int h1_server_reject(h1_server *h, int status, const wsuv_header_t *headers, size_t header_count,
                     const void *body, size_t body_len) {
  const handshake_reply reply = {.status = status,
                                 .connection = "close",
                                 .names_get = true,
                                 .other_version = h->cause == WSUV_REFUSED_VERSION,
                                 .to_head = is_method(h, "HEAD"),
                                 .fields = headers,
                                 .field_count = header_count,
                                 .body = body,
                                 .body_len = body_len};
  return status >= 300 ? write_reply(h, &reply) : WS_EINVAL;
}

int h1_server_respond(h1_server *h, bool persists, int status, const wsuv_header_t *headers,
                      size_t header_count, const void *body, size_t body_len) {
  const handshake_reply reply = {.status = status,
                                 .connection = connection_of(h, persists),
                                 .to_head = is_method(h, "HEAD"),
                                 .fields = headers,
                                 .field_count = header_count,
                                 .body = body,
                                 .body_len = body_len};
  return write_reply(h, &reply);
}

const char *h1_server_answer(const h1_server *h, size_t *len) {
  *len = text_buf_len(&h->answer);
  return text_buf_base(&h->answer);
}
