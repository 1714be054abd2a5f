#include "wsuv_slash.h"

/* Splits a line into words. */

#include <stdbool.h>
#include <string.h>

/* Cut the word `name` off, and one space behind it. */
static bool take_name(slash_line *line, const char *name) {
  size_t n = strlen(name);
  if (line->len < n || memcmp(line->data, name, n) != 0) return false;
  if (line->len > n && line->data[n] != ' ') return false;
  if (line->len > n) n++;
  line->data += n;
  line->len -= n;
  return true;
}

/* [CODE [REASON]] */
static slash_kind read_close(slash_line *line) {
  size_t i = 0;
  line->code = 0;
  for (; i < line->len && i < 5 && line->data[i] >= '0' && line->data[i] <= '9'; i++)
    line->code = 10 * line->code + (unsigned) (line->data[i] - '0');
  if (line->len == 0) line->code = WSUV_CLOSE_NORMAL;
  if (i < line->len && (i == 0 || line->data[i] != ' ')) return SLASH_BAD;
  if (i < line->len) i++;
  size_t n = line->len - i;
  if (n >= sizeof line->reason || memchr(line->data + i, '\0', n) != NULL) return SLASH_BAD;
  memcpy(line->reason, line->data + i, n);
  line->reason[n] = '\0';
  return SLASH_CLOSE;
}

void slash_read(slash_line *line, const char *data, size_t len) {
  *line = (slash_line){.kind = SLASH_TEXT, .data = data, .len = len};
  if (len == 0 || *data != '/') return;
  if (len > 1 && data[1] == '/') {
    line->data++;
    line->len--;
  } else if (take_name(line, "/ping")) {
    line->kind = SLASH_PING;
  } else if (take_name(line, "/pong")) {
    line->kind = SLASH_PONG;
  } else {
    line->kind = take_name(line, "/close") ? read_close(line) : SLASH_BAD;
  }
}
