#include "wsuv_json.h"

/* As much of JSON as messages need: strings, and objects of strings. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "wsuv_base64.h"
#include "wsuv_output.h"

/* --- writing --- */

enum { CHUNK = 6144, UNIT_MAX = 8 }; /* bytes: of output at once, of one character in it */

static size_t put_character(char *out, const unsigned char *s, size_t left, size_t *used) {
  unsigned code = s[0];
  *used = 1;
  if (code == '"' || code == '\\') return (size_t) snprintf(out, UNIT_MAX, "\\%c", (int) code);
  if (code == '\n') return (size_t) snprintf(out, UNIT_MAX, "\\n");
  if (code == '\r') return (size_t) snprintf(out, UNIT_MAX, "\\r");
  if (code == '\t') return (size_t) snprintf(out, UNIT_MAX, "\\t");
  if (code == 0xc2 && left > 1 && s[1] < 0xa0) { /* C1 */
    *used = 2;
    code = s[1];
  } else if (code >= 0x20 && code != 0x7f) {
    *out = (char) code;
    return 1;
  }
  return (size_t) snprintf(out, UNIT_MAX, "\\u%04x", code);
}

static int write_text(const unsigned char *s, size_t len) {
  char out[CHUNK];
  size_t n = 0, used;
  for (size_t i = 0; i < len; i += used) {
    n += put_character(out + n, s + i, len - i, &used);
    if (n <= CHUNK - UNIT_MAX) continue;
    int err = output_write(out, n);
    if (err < 0) return err;
    n = 0;
  }
  return output_write(out, n);
}

static int write_base64(const unsigned char *s, size_t len) {
  enum { PIECE = 3 * 1024 };
  char out[BASE64_LEN(PIECE)];
  int err = 0;
  for (size_t i = 0; i < len && err == 0; i += PIECE) {
    size_t n = len - i < PIECE ? len - i : PIECE;
    base64_encode(out, s + i, n);
    err = output_write(out, BASE64_LEN(n));
  }
  return err;
}

int json_write(wsuv_frame_type_t type, const void *data, size_t len, const char *time) {
  char begin[128];
  bool text = type == WSUV_FRAME_TEXT;
  int n = snprintf(begin, sizeof begin, "{%s%s%s\"type\":\"%s\",\"data\":\"",
                   time != NULL ? "\"time\":\"" : "", time != NULL ? time : "",
                   time != NULL ? "\"," : "", text ? "text" : "binary");
  int err = output_write(begin, (size_t) n);
  if (err == 0) err = text ? write_text(data, len) : write_base64(data, len);
  return err == 0 ? output_write("\"}\n", 3) : err;
}

/* --- reading --- */

typedef struct reader {
  const char *at, *end;
  char *out; /* where the next string is decoded to; it is never longer than what it is made of */
} reader;

typedef struct span {
  char *data;
  size_t len;
} span;

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(reader *r) {
  while (r->at < r->end && is_space(*r->at)) r->at++;
}

static bool take(reader *r, char c) {
  skip_space(r);
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

/* The four hexadecimal digits behind \u. */
static bool take_hex(reader *r, unsigned *code) {
  *code = 0;
  for (int i = 0; i < 4; i++) {
    static const char digits[] = "0123456789abcdef";
    if (r->at == r->end) return false;
    char c = *r->at++;
    if (c >= 'A' && c <= 'F') c = (char) (c - 'A' + 'a');
    const char *digit = memchr(digits, c, sizeof digits - 1);
    if (digit == NULL) return false;
    *code = *code << 4 | (unsigned) (digit - digits);
  }
  return true;
}

static void put_code(reader *r, unsigned code) {
  if (code < 0x80) {
    *r->out++ = (char) code;
    return;
  }
  if (code < 0x800) {
    *r->out++ = (char) (0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      *r->out++ = (char) (0xe0 | code >> 12);
    } else {
      *r->out++ = (char) (0xf0 | code >> 18);
      *r->out++ = (char) (0x80 | (code >> 12 & 63));
    }
    *r->out++ = (char) (0x80 | (code >> 6 & 63));
  }
  *r->out++ = (char) (0x80 | (code & 63));
}

/* What is behind \u; a pair of surrogates is one character (RFC 8259 7). */
static bool take_code(reader *r) {
  unsigned code, low;
  if (!take_hex(r, &code)) return false;
  if (code >= 0xdc00 && code <= 0xdfff) return false;
  if (code >= 0xd800 && code < 0xdc00) {
    if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u') return false;
    r->at += 2;
    if (!take_hex(r, &low) || low < 0xdc00 || low > 0xdfff) return false;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  put_code(r, code);
  return true;
}

static bool take_escape(reader *r) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (r->at == r->end) return false;
  char c = *r->at++;
  if (c == 'u') return take_code(r);
  const char *name = memchr(names, c, sizeof names - 1);
  if (name == NULL) return false;
  *r->out++ = values[name - names];
  return true;
}

static bool take_string(reader *r, span *s) {
  if (!take(r, '"')) return false;
  s->data = r->out;
  while (r->at < r->end && *r->at != '"') {
    char c = *r->at++;
    if ((unsigned char) c < 0x20) return false;
    if (c != '\\') {
      *r->out++ = c;
    } else if (!take_escape(r)) {
      return false;
    }
  }
  s->len = (size_t) (r->out - s->data);
  return take(r, '"');
}

static bool is(const span *s, const char *text) {
  return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}

static bool take_members(reader *r, span *type, span *data) {
  do {
    span name, value;
    if (!take_string(r, &name) || !take(r, ':') || !take_string(r, &value)) return false;
    if (is(&name, "type")) *type = value;
    if (is(&name, "data")) *data = value;
  } while (take(r, ','));
  return take(r, '}');
}

static bool read_object(json_message *m, reader *r) {
  char text[] = "text";
  span type = {text, sizeof text - 1}, data = {NULL, 0};
  if (!take_members(r, &type, &data) || data.data == NULL) return false;
  bool binary = is(&type, "binary");
  m->type = binary ? WSUV_FRAME_BINARY : WSUV_FRAME_TEXT;
  m->data = data.data;
  m->len = data.len;
  return binary ? base64_decode(data.data, &m->len) : is(&type, "text");
}

static bool read_string(json_message *m, reader *r) {
  span data;
  if (!take_string(r, &data)) return false;
  *m = (json_message){m->memory, WSUV_FRAME_TEXT, data.data, data.len};
  return true;
}

int json_read(json_message *message, const char *line, size_t len) {
  char *memory = malloc(len + 1);
  if (memory == NULL) return UV_ENOMEM;
  reader r = {line, line + len, memory};
  message->memory = memory;
  bool good = take(&r, '{') ? read_object(message, &r) : read_string(message, &r);
  skip_space(&r);
  if (good && r.at == r.end) return 0;
  free(memory);
  return UV_EINVAL;
}
