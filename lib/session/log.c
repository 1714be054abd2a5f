#include "session/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/ascii.h"
#include "session/session.h"

/* Lines for the log hook, made only when somebody wants them. */

enum { LINE_SIZE = 512 }; /* a longer line is cut */

bool log_wants(const wsuv_client_t *client, wsuv_log_level_t level) {
  return client->config.log != NULL && level <= client->config.log_level;
}

void log_line(const wsuv_session_t *session, wsuv_log_level_t level, const char *format, ...) {
  const wsuv_client_config_t *config = &session->client->config;
  char line[LINE_SIZE];
  va_list args;
  if (!log_wants(session->client, level)) return;
  va_start(args, format);
  (void) vsnprintf(line, sizeof line, format, args);
  va_end(args);
  config->log(level, session, line, config->log_arg);
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

void log_frame(void *session, bool outgoing, const frame_header *h) {
  log_line(session, WSUV_LOG_DEBUG, "%c %s frame, %llu bytes%s", outgoing ? '>' : '<',
           opcode_name(h->opcode), (unsigned long long) h->length, h->fin ? "" : ", not final");
}

static bool begins_with(const char *line, size_t len, const char *lower) {
  for (size_t i = 0; lower[i] != '\0'; i++) {
    if (i == len || ascii_lower(line[i]) != lower[i]) return false;
  }
  return true;
}

/* What would let a reader of the log act in the user's name. */
static bool is_secret(const char *line, size_t len) {
  static const char *const names[] = {"authorization:", "proxy-authorization:", "cookie:"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (begins_with(line, len, names[i])) return true;
  }
  return false;
}

static void log_head_line(const wsuv_session_t *session, char mark, const char *line, size_t len) {
  if (is_secret(line, len)) {
    size_t name = (size_t) ((const char *) memchr(line, ':', len) - line);
    log_line(session, WSUV_LOG_INFO, "%c %.*s: (left out)", mark, (int) name, line);
  } else {
    log_line(session, WSUV_LOG_INFO, "%c %.*s", mark, (int) len, line);
  }
}

void log_head(const wsuv_session_t *session, char mark, const char *text, size_t len) {
  const char *end = text + len;
  while (text < end) {
    const char *eol = memchr(text, '\r', (size_t) (end - text));
    size_t n = (size_t) ((eol != NULL ? eol : end) - text);
    if (n == 0) return;
    log_head_line(session, mark, text, n);
    text += n + 2;
    if (eol == NULL) return;
  }
}
