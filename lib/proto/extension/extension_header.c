#include "proto/extension/extension_header.h"

/* The grammar of Sec-WebSocket-Extensions. Read twice: to check and to measure it, then to write
   the result into one block of the right size. Knows no extension by name.

     extension-list  = 1#extension                                               RFC 6455 9.1
     extension       = token *( ";" extension-param )
     extension-param = token [ "=" ( token | quoted-string ) ]

   Spaces may stand between any two of these (implied *LWS, RFC 2616 2.1), elements of the list may
   be empty, and what a quoted-string says must be a token again. */

#include <stdint.h>
#include <string.h>

#include "base/error.h"

static const char field_name[] = "Sec-WebSocket-Extensions";

/* Where results are written. The first pass only counts. */
typedef struct output {
  bool measuring; /* Nothing is written, only counted. */
  /* These are the numbers of extensions, of parameters and of characters, NULs included, that were
     read. */
  size_t extensions, params, chars;
  extension_element *elements;   /* The next extension is written here. */
  wsuv_extension_param_t *param; /* The next parameter is written here. */
  char *text;                    /* The next text is written here. */
} output;

static void skip_space(const char **s) {
  *s += strspn(*s, " \t");
}

static bool skip_char(const char **s, char c) {
  if (**s != c) return false;
  (*s)++;
  skip_space(s);
  return true;
}

static size_t token_len(const char *s) {
  size_t n = 0;
  while (header_is_token(s + n, 1)) n++;
  return n;
}

static const char *put_text(output *out, const char *s, size_t n) {
  char *at = out->text;
  out->chars += n + 1;
  if (out->measuring) return NULL;
  memcpy(at, s, n);
  at[n] = '\0';
  out->text += n + 1;
  return at;
}

/* *into stays unchanged while counting. */
static bool read_token(const char **s, output *out, const char **into) {
  size_t n = token_len(*s);
  if (n == 0) return false;
  const char *text = put_text(out, *s, n);
  if (!out->measuring) *into = text;
  *s += n;
  skip_space(s);
  return true;
}

/* The characters of a token, some with a backslash before them (RFC 9110 5.6.4). */
static bool read_quoted(const char **s, output *out, const char **into) {
  const char *p = *s + 1;
  char *begin = out->text;
  size_t n = 0;
  for (; *p != '"'; p++, n++) {
    if (*p == '\\') p++;
    if (!header_is_token(p, 1)) return false;
    if (!out->measuring) begin[n] = *p;
  }
  if (n == 0) return false;
  out->chars += n + 1;
  if (!out->measuring) {
    begin[n] = '\0';
    *into = begin;
    out->text += n + 1;
  }
  *s = p + 1;
  skip_space(s);
  return true;
}

static bool read_param(const char **s, output *out) {
  wsuv_extension_param_t unused, *param = out->measuring ? &unused : out->param++;
  out->params++;
  param->value = NULL;
  if (!read_token(s, out, &param->name)) return false;
  if (!skip_char(s, '=')) return true;
  return **s == '"' ? read_quoted(s, out, &param->value) : read_token(s, out, &param->value);
}

static bool read_extension(const char **s, output *out) {
  extension_element unused, *e = out->measuring ? &unused : out->elements++;
  out->extensions++;
  size_t before = out->params;
  e->params = out->param;
  if (!read_token(s, out, &e->key)) return false;
  while (skip_char(s, ';')) {
    if (!read_param(s, out)) return false;
  }
  e->param_count = out->params - before;
  return true;
}

/* The value of one field. */
static bool read_value(const char *s, output *out) {
  skip_space(&s);
  for (;;) {
    while (skip_char(&s, ',')) {
    }
    if (*s == '\0') return true;
    if (out->extensions + out->params > EXTENSION_ITEMS_MAX) return true;
    if (!read_extension(&s, out)) return false;
    if (*s != ',' && *s != '\0') return false;
  }
}

static bool read_all(const header_store *fields, output *out) {
  header_cursor at = {0};
  const char *value;
  while ((value = header_store_next(fields, field_name, &at)) != NULL) {
    if (!read_value(value, out)) return false;
  }
  return true;
}

static int refuse(const char **why, const char *text) {
  *why = text;
  return WSUV_EEXTENSION;
}

/* One block: elements, parameters, text. */
static int fill(extension_header *h, const header_store *fields, const output *size) {
  size_t elements = size->extensions * sizeof(extension_element);
  size_t params = size->params * sizeof(wsuv_extension_param_t);
  char *base = ws_malloc(h->alloc, elements + params + size->chars);
  if (base == NULL) return WS_ENOMEM;
  h->elements = (extension_element *) (void *) base;
  h->count = size->extensions;
  output out = {.elements = h->elements,
                .param = (wsuv_extension_param_t *) (void *) (base + elements),
                .text = base + elements + params};
  (void) read_all(fields, &out);
  return 0;
}

int extension_header_parse(extension_header *h, const wsuv_allocator_t *alloc,
                           const header_store *fields, const char **why) {
  output size = {.measuring = true};
  *h = (extension_header){.alloc = alloc};
  if (!read_all(fields, &size)) return refuse(why, "Sec-WebSocket-Extensions is malformed");
  if (size.extensions == 0) return 0;
  if (size.extensions + size.params > EXTENSION_ITEMS_MAX) {
    return refuse(why, "Sec-WebSocket-Extensions is too long");
  }
  return fill(h, fields, &size);
}

void extension_header_clear(extension_header *h) {
  ws_free(h->alloc, h->elements);
  h->elements = NULL;
  h->count = 0;
}
