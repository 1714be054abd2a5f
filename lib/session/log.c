#include "session/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <wsuv/error.h>

#include "base/escape.h"
#include "base/view.h"
#include "proto/http/ascii.h"

/* Writes lines to the log hook. A line is made only if its level is wanted. */

enum {
  LINE_SIZE = 512, /* a longer line is truncated */
  DUMP_LINE = 16   /* bytes in one line of the dump */
};

bool log_wants(const wsuv_config_t *config, wsuv_log_level_t level) {
  return config->log != NULL && level <= config->log_level;
}

void log_line(log_to to, wsuv_log_level_t level, const char *format, ...) {
  char raw[LINE_SIZE], line[LINE_SIZE];
  va_list args;
  if (!log_wants(to.config, level)) return;
  va_start(args, format);
  (void) vsnprintf(raw, sizeof raw, format, args);
  va_end(args);
  (void) escape_text(line, sizeof line, raw, strlen(raw));
  to.config->log(level, to.session, line, to.config->log_arg);
}

static const char *level_name(wsuv_log_level_t level) {
  switch (level) {
  case WSUV_LOG_ERROR: return "error";
  case WSUV_LOG_WARN: return "warning";
  case WSUV_LOG_INFO: return "info";
  case WSUV_LOG_DEBUG: return "debug";
  case WSUV_LOG_TRACE: return "trace";
  }
  return "unknown";
}

/* One call of stdio for each line, so that lines of several threads do not mix. */
void wsuv_log_stderr(wsuv_log_level_t level, const struct wsuv_session *session, const char *text,
                     void *arg) {
  const char *program = arg != NULL ? arg : "wsuv";
  if (session != NULL) {
    (void) fprintf(stderr, "%s: %s: %p: %s\n", program, level_name(level), (const void *) session,
                   text);
  } else {
    (void) fprintf(stderr, "%s: %s: %s\n", program, level_name(level), text);
  }
}

int log_refusal(log_to to, int err, const ws_why *why) {
  if (why->text[0] != '\0') {
    log_line(to, WSUV_LOG_ERROR, "%s: %s", wsuv_strerror(err), why->text);
  }
  return err;
}

static const char *opcode_name(uint8_t opcode) {
  switch (opcode) {
  case OPCODE_CONTINUATION: return "continuation";
  case OPCODE_TEXT: return "text";
  case OPCODE_BINARY: return "binary";
  case OPCODE_CLOSE: return "close";
  case OPCODE_PING: return "ping";
  default: return "pong";
  }
}

void log_frame(log_to to, bool outgoing, const frame_header *h) {
  log_line(to, WSUV_LOG_DEBUG, "%c %s frame, %llu bytes%s", outgoing ? '>' : '<',
           opcode_name(h->opcode), (unsigned long long) h->length, h->fin ? "" : ", not final");
}

/* 0010  68 65 6c 6c 6f ...  hello */
static void log_bytes(log_to to, bool outgoing, size_t offset, const uint8_t *p, size_t n) {
  char hex[3 * DUMP_LINE + 1], text[DUMP_LINE + 1];
  for (size_t i = 0; i < n; i++) {
    uint8_t byte = p[i];
    (void) snprintf(hex + 3 * i, 4, "%02x ", byte);
    text[i] = byte >= ' ' && byte <= '~' ? (char) byte : '.';
  }
  text[n] = '\0';
  log_line(to, WSUV_LOG_TRACE, "%c %04zx  %-*s %s", outgoing ? '>' : '<', offset, 3 * DUMP_LINE,
           hex, text);
}

void log_payload(log_to to, bool outgoing, size_t offset, const uint8_t *payload, size_t len) {
  for (size_t i = 0; i < len; i += DUMP_LINE) {
    log_bytes(to, outgoing, offset + i, payload + i, len - i < DUMP_LINE ? len - i : DUMP_LINE);
  }
}

#define LEFT_OUT "(left out)"

/* Header fields with secrets in their values. */
static const struct {
  const char *name; /* This is the name in lower case. */
  bool reference; /* The value is a URL: only its query, its fragment and credentials are left out.
                   */
} secrets[] = {{"authorization", false},
               {"proxy-authorization", false},
               {"authentication-info", false},
               {"proxy-authentication-info", false},
               {"cookie", false},
               {"set-cookie", false},
               {"sec-websocket-protocol", false},
               {"location", true},
               {"content-location", true},
               {"referer", true}};

static bool is_name(ws_text name, const char *lower) {
  for (size_t i = 0; i < name.len; i++) {
    if (lower[i] == '\0' || ascii_lower(name.base[i]) != lower[i]) return false;
  }
  return lower[name.len] == '\0';
}

/* How much of a reference may be shown: up to its query; nothing, if it has an "@" before that,
   which may come after credentials. */
static size_t shown_len(ws_text reference) {
  size_t n = 0;
  while (n < reference.len && reference.base[n] != '?' && reference.base[n] != '#') {
    if (reference.base[n++] == '@') return 0;
  }
  return n;
}

/* No other function writes a header field to the log. */
static void put_field(log_to to, char mark, ws_text name, ws_text value) {
  size_t shown = value.len;
  for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
    if (is_name(name, secrets[i].name)) shown = secrets[i].reference ? shown_len(value) : 0;
  }
  log_line(to, WSUV_LOG_INFO, "%c %.*s: %.*s%s", mark, (int) name.len, name.base, (int) shown,
           value.base, shown < value.len ? LEFT_OUT : "");
}

static ws_text text_of(const char *s) {
  return (ws_text){s, strlen(s)};
}

void log_field(log_to to, const wsuv_header_t *field) {
  put_field(to, '<', text_of(field->name), text_of(field->value));
}

/* "GET /path?query HTTP/1.1" */
static void put_request_line(log_to to, ws_text line) {
  const char *query = memchr(line.base, '?', line.len), *end = line.base + line.len;
  if (query == NULL) {
    log_line(to, WSUV_LOG_INFO, "> %.*s", (int) line.len, line.base);
  } else {
    const char *space = memchr(query, ' ', (size_t) (end - query));
    log_line(to, WSUV_LOG_INFO, "> %.*s?" LEFT_OUT "%.*s", (int) (query - line.base), line.base,
             (int) (end - space), space);
  }
}

/* The text was written by handshake_request_write: every line ends with CRLF, and ": " follows each
   name. */
void log_request(log_to to, const char *text, size_t len) {
  bool first = true;
  for (const char *eol; (eol = memchr(text, '\r', len)) != NULL && eol > text; first = false) {
    const ws_text line = {text, (size_t) (eol - text)};
    const char *colon = memchr(text, ':', line.len);
    if (first) {
      put_request_line(to, line);
    } else if (colon != NULL) {
      const ws_text name = {text, (size_t) (colon - text)};
      put_field(to, '>', name, (ws_text){colon + 2, line.len - name.len - 2});
    }
    len -= line.len + 2;
    text = eol + 2;
  }
}
