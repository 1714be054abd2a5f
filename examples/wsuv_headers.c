#include "wsuv_headers.h"

/* Takes header fields apart. Whether they may be sent is for the library to say. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* Make room for one more item of `size` bytes. NULL: no memory, and the list is as it was. */
static void *grow(void *list, size_t count, size_t *room, size_t size) {
  if (count < *room) return list;
  size_t more = *room == 0 ? 8 : 2 * *room;
  void *longer = realloc(list, more * size);
  if (longer != NULL) *room = more;
  return longer;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

int headers_add(header_list *h, char *text) {
  char *colon = strchr(text, ':');
  if (colon == NULL) return UV_EINVAL;
  wsuv_header_t *fields = grow(h->fields, h->count, &h->room, sizeof *fields);
  if (fields == NULL) return UV_ENOMEM;
  char *value = colon + 1;
  char *end = text + strlen(text);
  *colon = '\0';
  while (is_blank(*value)) value++;
  while (end > value && is_blank(end[-1])) *--end = '\0';
  h->fields = fields;
  h->fields[h->count++] = (wsuv_header_t){text, value};
  return 0;
}

static int keep_line(header_list *h, char *line) {
  char **lines = grow(h->lines, h->line_count, &h->line_room, sizeof *lines);
  if (lines == NULL) return UV_ENOMEM;
  h->lines = lines;
  h->lines[h->line_count++] = line;
  return 0;
}

/* The line is kept, whatever comes of it. */
static int add_line(header_list *h, char *line, size_t len) {
  int err = keep_line(h, line);
  if (err < 0) {
    free(line);
    return err;
  }
  if (strlen(line) != len) return UV_EINVAL; /* a NUL */
  if (len > 0 && line[len - 1] == '\n') line[--len] = '\0';
  if (len > 0 && line[len - 1] == '\r') line[--len] = '\0';
  return *line != '\0' ? headers_add(h, line) : 0;
}

static int read_lines(header_list *h, FILE *file, unsigned long *number) {
  int err = 0;
  for (*number = 1; err == 0; ++*number) {
    char *line = NULL;
    size_t room = 0;
    errno = 0;
    ssize_t len = getline(&line, &room, file);
    if (len < 0) {
      err = errno != 0 ? uv_translate_sys_error(errno) : 0;
      free(line);
      return err;
    }
    err = add_line(h, line, (size_t) len);
    if (err < 0) break;
  }
  return err;
}

int headers_read(header_list *h, const char *path, unsigned long *line) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return uv_translate_sys_error(errno);
  int err = read_lines(h, file, line);
  fclose(file);
  return err;
}

void headers_free(header_list *h) {
  for (size_t i = 0; i < h->line_count; i++) free(h->lines[i]);
  free(h->lines);
  free(h->fields);
}
