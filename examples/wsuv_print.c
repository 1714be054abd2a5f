#include "wsuv_print.h"

/* Formats messages. */

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "wsuv_json.h"
#include "wsuv_output.h"
#include "wsuv_screen.h"

enum { GREEN = 32, CYAN = 36 }; /* ECMA-48 8.3.117 */

enum {
  CHUNK = 4096,  /* bytes that are escaped at once */
  TIME_SIZE = 64 /* bytes of a time, with room to spare */
};

void print_init(printer *p, print_format format, bool timestamps) {
  bool terminal = isatty(STDOUT_FILENO);
  *p = (printer){.format = format,
                 .terminal = terminal,
                 .marks = terminal && (format == PRINT_LINES || format == PRINT_JSON),
                 .colors = screen_has_colors(STDOUT_FILENO),
                 .timestamps = timestamps};
}

/* For a terminal, piece by piece: a character that is cut is held until its rest comes. */
static int write_escaped(printer *p, const char *data, size_t len, escape_style style, bool last) {
  char in[CHUNK], out[CHUNK * ESCAPE_ROOM];
  int err = 0;
  do {
    size_t n = p->held_len, out_len;
    size_t take = len < CHUNK - n ? len : CHUNK - n;
    memcpy(in, p->held, n);
    if (take > 0) memcpy(in + n, data, take);
    n += take;
    data += take;
    len -= take;
    size_t used = escape_text(out, &out_len, in, n, style, last && len == 0);
    p->held_len = n - used;
    memcpy(p->held, in + used, p->held_len);
    err = output_write(out, out_len);
  } while (err == 0 && len > 0);
  return err;
}

static int write_text(printer *p, const char *data, size_t len, escape_style style, bool last) {
  return p->terminal ? write_escaped(p, data, len, style, last) : output_write(data, len);
}

/* RFC 3339, in UTC, with milliseconds. */
static void format_time(char *text, size_t size) {
  uv_timeval64_t now;
  struct tm tm;
  if (uv_gettimeofday(&now) < 0) now = (uv_timeval64_t){0};
  time_t seconds = (time_t) now.tv_sec;
  size_t len = strftime(text, size, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
  snprintf(text + len, size - len, ".%03dZ", (int) (now.tv_usec / 1000));
}

static int write_time(void) {
  char time[TIME_SIZE];
  format_time(time, sizeof time);
  int err = output_write(time, strlen(time));
  return err == 0 ? output_write(" ", 1) : err;
}

static int print_json(const printer *p, wsuv_frame_type_t type, const void *data, size_t len) {
  char time[TIME_SIZE];
  if (p->timestamps) format_time(time, sizeof time);
  return json_write(type, data, len, p->timestamps ? time : NULL);
}

static int write_mark(const printer *p, char mark, int color) {
  char text[32];
  int len = p->colors ? snprintf(text, sizeof text, "\033[%dm%c\033[0m ", color, mark)
                      : snprintf(text, sizeof text, "%c ", mark);
  return p->marks ? output_write(text, (size_t) len) : 0;
}

/* With its mark, time and end, or only the part of it that is there. */
static int write_message(printer *p, wsuv_frame_type_t type, const void *data, size_t len,
                         bool last) {
  escape_style style = p->format == PRINT_RAW ? ESCAPE_LAYOUT : ESCAPE_LINE;
  int err = p->inside ? 0 : write_mark(p, '<', CYAN);
  if (err < 0) return err;
  if (p->format == PRINT_JSON) return print_json(p, type, data, len);
  if (p->timestamps && !p->inside) err = write_time();
  p->inside = !last;
  if (err == 0) err = write_text(p, data, len, style, last);
  if (err < 0 || !last || p->format == PRINT_RAW) return err;
  return output_write(p->format == PRINT_NULL ? "" : "\n", 1);
}

int print_message(printer *p, wsuv_frame_type_t type, const void *data, size_t len, bool last) {
  if (!p->terminal) return write_message(p, type, data, len, last);
  screen_begin();
  int err = write_message(p, type, data, len, last);
  screen_set_unfinished(!p->marks || p->inside);
  screen_end();
  return err;
}

int print_sent(printer *p, const char *text) {
  if (!p->marks) return 0;
  screen_begin();
  int err = write_mark(p, '>', GREEN);
  if (err == 0) err = write_text(p, text, strlen(text), ESCAPE_LINE, true);
  if (err == 0) err = output_write("\n", 1);
  screen_end();
  return err;
}

static int print_field(printer *p, const wsuv_header_t *field) {
  int err = write_text(p, field->name, strlen(field->name), ESCAPE_LINE, true);
  if (err == 0) err = output_write(": ", 2);
  if (err == 0) err = write_text(p, field->value, strlen(field->value), ESCAPE_LINE, true);
  return err == 0 ? output_write("\n", 1) : err;
}

int print_head(printer *p, int status, const wsuv_header_t *headers, size_t count) {
  char first[32];
  int len = snprintf(first, sizeof first, "HTTP %d\n", status);
  int err = output_write(first, (size_t) len);
  for (size_t i = 0; i < count && err == 0; i++) err = print_field(p, &headers[i]);
  return err == 0 ? output_write("\n", 1) : err;
}

int print_body(printer *p, const void *data, size_t len) {
  return len > 0 ? write_text(p, data, len, ESCAPE_LAYOUT, true) : 0;
}
