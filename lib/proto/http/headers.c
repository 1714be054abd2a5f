#include "proto/http/headers.h"

/* Header fields (RFC 9110 5): checks names and values, reads lists, stores received fields. Knows
   no field by name. */

#include <string.h>

#include "proto/http/ascii.h"

static bool is_space(char c) {
  return c == ' ' || c == '\t';
}

bool header_is_token(const char *s, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (!ascii_is_tchar(s[i])) return false;
  }
  return len > 0;
}

/* Bytes from 0x80 up are obs-text (RFC 9110 5.5). */
bool header_is_value(const char *s, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char) s[i];
    if ((c < ' ' && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

/* Most characters are the same in either case. */
static bool equal_char(char a, char b) {
  return a == b || ascii_lower(a) == ascii_lower(b);
}

/* There is no NUL in the slice. */
static bool equal_slice(const char *a, size_t len, const char *b) {
  for (size_t i = 0; i < len; i++) {
    if (!equal_char(a[i], b[i])) return false;
  }
  return b[len] == '\0';
}

/* Most names differ in their first characters, so their lengths are not looked for. */
bool header_name_equal(const char *a, const char *b) {
  while (*a != '\0' && equal_char(*a, *b)) a++, b++;
  return *a == *b;
}

bool header_list_next(const char **rest, const char **item, size_t *len) {
  const char *s = *rest + strspn(*rest, ", \t");
  size_t n = strcspn(s, ",");
  *rest = s + n;
  while (n > 0 && is_space(s[n - 1])) n--;
  *item = s;
  *len = n;
  return n > 0;
}

bool header_list_has(const char *list, const char *token) {
  const char *item;
  size_t len;
  while (header_list_next(&list, &item, &len)) {
    if (equal_slice(item, len, token)) return true;
  }
  return false;
}

void header_store_init(header_store *store, const wsuv_allocator_t *alloc) {
  text_buf_init(&store->text, alloc);
  store->count = 0;
  store->index = NULL;
}

static void drop_index(header_store *store) {
  ws_free(store->text.none.alloc, store->index);
  store->index = NULL;
}

void header_store_clear(header_store *store) {
  drop_index(store);
  text_buf_clear(&store->text);
  store->count = 0;
}

int header_store_add(header_store *store, const char *data, size_t len) {
  return text_buf_add(&store->text, data, len);
}

int header_store_end_name(header_store *store) {
  return text_buf_add(&store->text, "", 1);
}

/* The NUL after the name ends the loop. */
int header_store_end_value(header_store *store) {
  text_buf *text = &store->text;
  size_t len = text_buf_len(text);
  while (len > 0 && is_space(text_buf_base(text)[len - 1])) len--;
  text_buf_cut(text, len);
  int err = text_buf_add(text, "", 1);
  if (err < 0) return err;
  drop_index(store);
  store->count++;
  return 0;
}

/* Read the field that starts at `text`; returns the start of the next one. */
static const char *read_field(const char *text, wsuv_header_t *field) {
  field->name = text;
  field->value = field->name + strlen(field->name) + 1;
  return field->value + strlen(field->value) + 1;
}

const wsuv_header_t *header_store_index(header_store *store) {
  if (store->index != NULL || store->count == 0) return store->index;
  store->index = ws_malloc(store->text.none.alloc, store->count * sizeof *store->index);
  if (store->index == NULL) return NULL;
  const char *text = text_buf_base(&store->text);
  for (size_t i = 0; i < store->count; i++) text = read_field(text, &store->index[i]);
  return store->index;
}

const char *header_store_get(const header_store *store, const char *name, size_t n) {
  const char *text = text_buf_base(&store->text);
  for (size_t i = 0; i < store->count; i++) {
    wsuv_header_t field;
    text = read_field(text, &field);
    if (header_name_equal(field.name, name) && n-- == 0) return field.value;
  }
  return NULL;
}

const char *header_store_each(const header_store *store, header_cursor *at, const char **name) {
  wsuv_header_t field;
  if (at->field == store->count) return NULL;
  const char *end = read_field(text_buf_base(&store->text) + at->offset, &field);
  at->offset = (size_t) (end - text_buf_base(&store->text));
  at->field++;
  *name = field.name;
  return field.value;
}

const char *header_store_next(const header_store *store, const char *name, header_cursor *at) {
  const char *value, *found;
  do {
    value = header_store_each(store, at, &found);
  } while (value != NULL && !header_name_equal(found, name));
  return value;
}

bool header_store_lists(const header_store *store, const char *name, const char *token,
                        size_t *elements) {
  bool found = false;
  header_cursor at = {0};
  const char *rest;
  *elements = 0;
  while ((rest = header_store_next(store, name, &at)) != NULL) {
    const char *item;
    size_t len;
    while (header_list_next(&rest, &item, &len)) {
      found = found || equal_slice(item, len, token);
      (*elements)++;
    }
  }
  return found;
}
