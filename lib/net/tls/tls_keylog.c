#include "net/tls/tls_keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

/* One line in one write, so that the lines of many processes do not mix:

     CLIENT_RANDOM 3a7f... 91c0...
     label         client  secret
                   random
*/

enum { RANDOM_LEN = 32, SECRET_MAX_LEN = 64, LABEL_MAX_LEN = 40 };

static char *put_hex(char *to, const unsigned char *data, size_t len) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < len; i++) {
    *to++ = digits[data[i] >> 4];
    *to++ = digits[data[i] & 15];
  }
  return to;
}

enum { LINE_MAX_LEN = LABEL_MAX_LEN + 1 + 2 * RANDOM_LEN + 1 + 2 * SECRET_MAX_LEN };

static void write_line(const tls_keylog *log, char *line, size_t len) {
  ssize_t written = write(log->fd, line, len);
  (void) written; /* an error of the log does not end the session */
  ws_wipe(line, len);
}

void tls_keylog_write(const tls_keylog *log, const char *label,
                      const unsigned char client_random[32], const unsigned char *secret,
                      size_t len) {
  char line[LINE_MAX_LEN + 2];
  int label_len = snprintf(line, sizeof line, "%s ", label);
  if (len > SECRET_MAX_LEN || label_len < 0 || label_len > LABEL_MAX_LEN + 1) return;
  char *to = put_hex(line + label_len, client_random, RANDOM_LEN);
  *to++ = ' ';
  to = put_hex(to, secret, len);
  *to++ = '\n';
  write_line(log, line, (size_t) (to - line));
}

void tls_keylog_write_line(const tls_keylog *log, const char *text) {
  char line[LINE_MAX_LEN + 2];
  size_t len = strnlen(text, LINE_MAX_LEN + 1);
  if (len > LINE_MAX_LEN) return;
  memcpy(line, text, len);
  line[len] = '\n';
  write_line(log, line, len + 1);
}

void tls_keylog_init(tls_keylog *log) {
  log->fd = -1;
}

/* A pipe is not waited for: neither for its reader nor, later, until it has room for a line. */
int tls_keylog_open(tls_keylog *log, const char *path) {
  log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
  return log->fd < 0 ? -errno : 0;
}

void tls_keylog_close(tls_keylog *log) {
  if (log->fd >= 0) (void) close(log->fd);
  log->fd = -1;
}
