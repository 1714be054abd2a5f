#include "session/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/http/ascii.h"

/* Writes lines to the log hook. A line is made only if its level is wanted. */

enum {
  LINE_SIZE = 512, /* a longer line is truncated */
  DUMP_MAX = 64,   /* bytes of a payload that are shown */
  DUMP_LINE = 16   /* bytes in one line of the dump */
};

bool log_wants(const wsuv_config_t *config, wsuv_log_level_t level) {
  return config->log != NULL && level <= config->log_level;
}

void log_line(log_to to, wsuv_log_level_t level, const char *format, ...) {
  char line[LINE_SIZE];
  va_list args;
  if (!log_wants(to.config, level)) return;
  va_start(args, format);
  (void) vsnprintf(line, sizeof line, format, args);
  va_end(args);
  to.config->log(level, to.session, line, to.config->log_arg);
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
static void log_bytes(log_to to, bool outgoing, const uint8_t *p, size_t offset, size_t n) {
  char hex[3 * DUMP_LINE + 1], text[DUMP_LINE + 1];
  for (size_t i = 0; i < n; i++) {
    uint8_t byte = p[offset + i];
    (void) snprintf(hex + 3 * i, 4, "%02x ", byte);
    text[i] = byte >= ' ' && byte <= '~' ? (char) byte : '.';
  }
  text[n] = '\0';
  log_line(to, WSUV_LOG_TRACE, "%c %04zx  %-*s %s", outgoing ? '>' : '<', offset, 3 * DUMP_LINE,
           hex, text);
}

void log_payload(log_to to, bool outgoing, const uint8_t *payload, size_t len) {
  size_t end = len < DUMP_MAX ? len : DUMP_MAX;
  for (size_t i = 0; i < end; i += DUMP_LINE) {
    log_bytes(to, outgoing, payload, i, end - i < DUMP_LINE ? end - i : DUMP_LINE);
  }
}

static bool is_name(const char *line, size_t len, const char *lower) {
  for (size_t i = 0; i < len; i++) {
    if (lower[i] == '\0' || ascii_lower(line[i]) != lower[i]) return false;
  }
  return lower[len] == '\0';
}

static bool is_secret(const char *name, size_t len) {
  static const char *const names[] = {"authorization", "proxy-authorization", "cookie",
                                      "set-cookie"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (is_name(name, len, names[i])) return true;
  }
  return false;
}

void log_field(log_to to, const wsuv_header_t *field) {
  bool secret = is_secret(field->name, strlen(field->name));
  log_line(to, WSUV_LOG_INFO, "< %s: %s", field->name, secret ? "(left out)" : field->value);
}

static void log_request_line(log_to to, const char *line, size_t len) {
  const char *colon = memchr(line, ':', len);
  size_t name = colon != NULL ? (size_t) (colon - line) : 0;
  if (is_secret(line, name)) {
    log_line(to, WSUV_LOG_INFO, "> %.*s: (left out)", (int) name, line);
  } else {
    log_line(to, WSUV_LOG_INFO, "> %.*s", (int) len, line);
  }
}

void log_request(log_to to, const char *text, size_t len) {
  const char *end = text + len;
  while (text < end) {
    const char *eol = memchr(text, '\r', (size_t) (end - text));
    size_t n = (size_t) ((eol != NULL ? eol : end) - text);
    if (n == 0) return;
    log_request_line(to, text, n);
    text += n + 2;
    if (eol == NULL) return;
  }
}
