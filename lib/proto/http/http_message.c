#include "proto/http/http_message.h"

/* A scan of the raw bytes finds the end of the head, checks the names of fields and how many there
   are, and rewrites what is allowed in responses only; llhttp, without its lenient modes, parses
   it. Instead of the first line of a request, which request_line reads, llhttp gets a plain one. It
   gets no byte after the head of a request or a 1xx response, so what follows is never
   parsed as HTTP, and llhttp's own handling of upgrades is not used. */

#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"

static int http_message_fail(http_message *m, int err, const char *detail) {
  m->error = err;
  m->detail = detail;
  return err;
}

/* llhttp stops at a callback that returns -1. */
static int stop_unless(http_message *m, int err) {
  if (err == 0) return 0;
  http_message_fail(m, err, "no memory");
  return -1;
}

/* Trailer fields are ignored. A name or a value may come in pieces, so a piece is not judged: what
   was wrong would depend on how the bytes are cut. The scan has checked them. */
static int on_field(llhttp_t *parser, const char *at, size_t len) {
  http_message *m = parser->data;
  return m->head_done ? 0 : stop_unless(m, header_store_add(&m->fields, at, len));
}

static bool is_informational(const llhttp_t *parser) {
  return parser->type == HTTP_RESPONSE && parser->status_code / 100 == 1;
}

/* llhttp has recognized a name when it is complete, and `header_state` says which it is. A response
   is never rejected because of its body's length: in a 1xx response Content-Length and
   Transfer-Encoding have no meaning (RFC 9112 6.3), and of another the status counts, and the body
   is only shown to people. What these fields mean in a request is for its reader to decide, who
   accepts no body. So llhttp gets them as fields that it does not know, and frame_body reads those
   of a response. */
static int on_field_complete(llhttp_t *parser) {
  http_message *m = parser->data;
  parser->header_state = 0;
  return m->head_done ? 0 : stop_unless(m, header_store_end_name(&m->fields));
}

static int on_value(llhttp_t *parser, const char *at, size_t len) {
  http_message *m = parser->data;
  return m->head_done ? 0 : stop_unless(m, header_store_add(&m->fields, at, len));
}

static int on_value_complete(llhttp_t *parser) {
  http_message *m = parser->data;
  return m->head_done ? 0 : stop_unless(m, header_store_end_value(&m->fields));
}

/* "HTTP/1.1 101 reason"; the second space and the reason may be missing (RFC 9112 4). llhttp 8
   accepts more than three digits if the first are zeros. */
static bool has_three_digits(const http_scan *scan) {
  enum { CODE = 9, CODE_END = 12 };
  if (scan->first_len < CODE_END) return false;
  for (size_t i = CODE; i < CODE_END; i++) {
    if (!ascii_is_digit(scan->first[i])) return false;
  }
  return scan->first[CODE - 1] == ' ' &&
         (scan->first_len == CODE_END || scan->first[CODE_END] == ' ');
}

/* A list of lengths; the smallest valid one is *least, if it is less. */
static void find_least(const char *list, uint64_t *least) {
  const char *item;
  size_t len;
  while (header_list_next(&list, &item, &len)) {
    uint64_t n = 0;
    size_t i = 0;
    for (; i < len && ascii_is_digit(item[i]) && n < HTTP_BODY_WIRE_MAX; i++)
      n = n * 10 + (uint64_t) (item[i] - '0');
    if (n < *least && (i == len || n >= HTTP_BODY_WIRE_MAX)) *least = n;
  }
}

static void set_flags(http_message *m, unsigned flags) {
  m->parser.flags = (uint16_t) (m->parser.flags | flags);
}

/* How long the body of a final response is (RFC 9112 6.3). Of several lengths the smallest counts,
   so that nothing is waited for that may not come; if none is valid, there is no body. */
static void frame_body(http_message *m) {
  size_t codings;
  header_cursor at = {0};
  const char *value;
  uint64_t least = UINT64_MAX;
  bool chunked = header_store_lists(&m->fields, "Transfer-Encoding", "chunked", &codings);
  if (codings > 0) {
    set_flags(m, F_TRANSFER_ENCODING | (chunked ? F_CHUNKED : 0));
    return;
  }
  if (header_store_get(&m->fields, "Content-Length", 0) == NULL) return;
  while ((value = header_store_next(&m->fields, "Content-Length", &at)) != NULL) {
    find_least(value, &least);
  }
  set_flags(m, F_CONTENT_LENGTH);
  m->parser.content_length = least != UINT64_MAX ? least : 0;
}

/* Returning 2 means: this message has no body; stop here. */
static int on_headers_complete(llhttp_t *parser) {
  http_message *m = parser->data;
  m->head_done = true;
  if (parser->type == HTTP_REQUEST) return 2;
  if (!has_three_digits(&m->scan)) {
    http_message_fail(m, WSUV_EHTTP, "malformed status line");
    return -1;
  }
  if (is_informational(parser)) return 2;
  frame_body(m);
  return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
  http_message *m = parser->data;
  size_t room = HTTP_BODY_MAX - text_buf_len(&m->body);
  if (len > room) len = room;
  return stop_unless(m, text_buf_add(&m->body, at, len));
}

/* Nothing after the message is read. */
static int on_message_complete(llhttp_t *parser) {
  http_message *m = parser->data;
  m->complete = true;
  return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_field_complete = on_field_complete,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static void http_message_begin(http_message *m, llhttp_type_t type) {
  llhttp_init(&m->parser, type, &settings);
  m->parser.data = m;
  m->scan = (http_scan){.response = type == HTTP_RESPONSE, .fields_left = m->max_fields};
  m->detail = "";
}

void http_message_init(http_message *m, const wsuv_allocator_t *alloc, llhttp_type_t type,
                       size_t max_size, size_t max_fields) {
  memset(m, 0, sizeof *m);
  header_store_init(&m->fields, alloc);
  text_buf_init(&m->line, alloc);
  text_buf_init(&m->body, alloc);
  m->head_left = max_size;
  m->body_left = HTTP_BODY_WIRE_MAX;
  m->max_fields = max_fields;
  http_message_begin(m, type);
}

void http_message_clear(http_message *m) {
  header_store_clear(&m->fields);
  text_buf_clear(&m->line);
  text_buf_clear(&m->body);
}

void http_message_next(http_message *m) {
  http_message_clear(m);
  m->line_done = m->head_done = m->complete = false;
  m->body_left = HTTP_BODY_WIRE_MAX;
  http_message_begin(m, (llhttp_type_t) m->parser.type);
}

/* 0 or an error. llhttp's pause after a whole message is not an error. */
static int parse(http_message *m, const char *data, size_t len) {
  if (len == 0) return 0;
  llhttp_errno_t status = llhttp_execute(&m->parser, data, len);
  if (m->error != 0) return m->error;
  if (status == HPE_OK || m->complete) return 0;
  return http_message_fail(m, WSUV_EHTTP, llhttp_get_error_reason(&m->parser));
}

/* llhttp gets a line of ours instead of this one. */
static int read_line_part(http_message *m, const http_scan_text *text) {
  static const char line[] = "GET / HTTP/1.1";
  if (text_buf_add(&m->line, text->bytes, text->len) < 0) {
    return http_message_fail(m, WS_ENOMEM, "no memory");
  }
  if (m->scan.state != HTTP_SCAN_FIRST_END) return 0;
  const ws_text whole = {text_buf_base(&m->line), text_buf_len(&m->line)};
  m->line_done = request_line_parse(&m->request, whole);
  if (!m->line_done) return http_message_fail(m, WSUV_EHTTP, "malformed request line");
  return parse(m, line, sizeof line - 1);
}

/* Take as many bytes as fit into one text for llhttp. The first wrong byte counts, so that the
   result does not depend on how the bytes are cut. llhttp's result comes first: it has only got
   what was written before the byte that the scan rejects. */
static int read_part(http_message *m, const uint8_t *data, size_t len, size_t *used) {
  http_scan_text text;
  const bool in_line = !m->scan.response && !m->line_done;
  int scanned = http_scan_feed(&m->scan, data, len, used, &text);
  int err = in_line ? read_line_part(m, &text) : parse(m, text.bytes, text.len);
  if (err < 0) return err;
  if (m->head_done != (scanned == 1)) return http_message_fail(m, WSUV_EHTTP, "malformed head");
  return scanned < 0 ? http_message_fail(m, scanned, m->scan.detail) : scanned;
}

int http_message_read_head(http_message *m, const uint8_t *data, size_t len, size_t *used) {
  size_t most = len < m->head_left ? len : m->head_left;
  int result = 0;
  *used = 0;
  while (result == 0 && *used < most) {
    size_t n;
    result = read_part(m, data + *used, most - *used, &n);
    *used += n;
  }
  m->head_left -= *used;
  if (result == 0 && len > most) return http_message_fail(m, WSUV_EHEADERS, "head is too large");
  return result;
}

int http_message_read_body(http_message *m, const uint8_t *data, size_t len, size_t *used) {
  *used = 0;
  if (!m->complete && m->error == 0) {
    *used = len < m->body_left ? len : m->body_left;
    m->body_left -= *used;
    if (parse(m, (const char *) data, *used) == WS_ENOMEM) return WS_ENOMEM;
    /* llhttp has paused behind the last byte of the message. */
    if (m->complete) *used = (size_t) (llhttp_get_error_pos(&m->parser) - (const char *) data);
  }
  return m->complete || m->error != 0 || m->body_left == 0 ||
         text_buf_len(&m->body) == HTTP_BODY_MAX;
}

int http_message_status(const http_message *m) {
  return m->parser.status_code;
}

unsigned http_message_version(const http_message *m) {
  return 10u * m->parser.http_major + m->parser.http_minor;
}

static bool connection_has(const http_message *m, const char *token) {
  size_t elements;
  return header_store_lists(&m->fields, "Connection", token, &elements) ||
         header_store_lists(&m->fields, "Proxy-Connection", token, &elements);
}

bool http_message_persists(const http_message *m) {
  if ((m->parser.flags & (F_CHUNKED | F_CONTENT_LENGTH)) == 0) return false;
  if (connection_has(m, "close")) return false;
  return http_message_version(m) == 11 || connection_has(m, "keep-alive");
}
