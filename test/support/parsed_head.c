#include "support/parsed_head.h"

#include <stdlib.h>
#include <string.h>

#include "testkit/check.h"

/* The text up to `end`, terminated; *text is set behind it. */
static char *cut(char **text, const char *end) {
  char *part = *text, *found = strstr(part, end);
  CHECK(found != NULL);
  *found = '\0';
  *text = found + strlen(end);
  return part;
}

static void take_apart(parsed_head *h) {
  char *at = h->text;
  const char *method = cut(&at, " ");
  wsuv_http_request_init(&h->request, cut(&at, " "));
  const char *version = cut(&at, "\r\n");
  h->request.method = method;
  h->request.http_major = (unsigned) (version[5] - '0');
  h->request.http_minor = (unsigned) (version[7] - '0');
  h->request.headers = h->fields;
  while (*at != '\r') {
    char *line = cut(&at, "\r\n");
    CHECK(h->request.header_count < PARSED_FIELDS_MAX);
    h->fields[h->request.header_count++] = (wsuv_header_t){cut(&line, ": "), line};
  }
}

bool parsed_head_read(parsed_head *h, const bytes *from) {
  const char *text = bytes_text(from), *end = from->len > 0 ? strstr(text, "\r\n\r\n") : NULL;
  if (end == NULL) return false;
  parsed_head_free(h);
  h->len = (size_t) (end - text) + 4;
  h->text = check_alloc(h->len + 1);
  memcpy(h->text, text, h->len);
  take_apart(h);
  return true;
}

void parsed_head_free(parsed_head *h) {
  free(h->text);
  h->text = NULL;
}
