#include "proto/http/headers.h"

/* Header fields (RFC 9110 5): checks names and values, reads lists, stores received fields. Knows
   no field by name. */

#include <string.h>

#include "base/cold.h"
#include "base/error.h"
#include "proto/http/ascii.h"

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

static bool equal_chars(const char *a, const char *b, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (!equal_char(a[i], b[i])) return false;
  }
  return true;
}

/* Most senders write a name as its RFC does, so it is compared as it is first. */
static bool equal_names(const char *a, const char *b, size_t len) {
  return memcmp(a, b, len) == 0 || equal_chars(a, b, len);
}

static bool equal_slice(const char *a, size_t len, const char *b) {
  return strlen(b) == len && equal_chars(a, b, len);
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
  while (n > 0 && ascii_is_blank(s[n - 1])) n--;
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

/* A field in the text:

     | length of the name | length of the value | name | NUL | value | NUL |
     |        one byte    |       one byte      |

   Each field is passed in every search, so the lengths come first. LONG stands for a length of that
   many bytes or more, which is counted anew: two bytes are no burden on a head of many small
   fields. */

enum { LENS_SIZE = 2, LONG = 255 };

void header_store_init(header_store *store, const wsuv_allocator_t *alloc) {
  text_buf_init(&store->text, alloc);
  store->count = store->complete = 0;
  store->index = NULL;
}

static void drop_index(header_store *store) {
  ws_free(store->text.none.alloc, store->index);
  store->index = NULL;
}

void header_store_clear(header_store *store) {
  drop_index(store);
  text_buf_clear(&store->text);
  store->count = store->complete = 0;
}

static char *lens_of_last(const header_store *store) {
  return text_buf_base(&store->text) + store->complete;
}

WS_COLD static size_t count_long(const char *text) {
  return LONG + strlen(text + LONG);
}

static inline size_t read_len(char len, const char *text) {
  const size_t n = (unsigned char) len;
  return n < LONG ? n : count_long(text);
}

static char write_len(size_t len) {
  return (char) (unsigned char) (len < LONG ? len : LONG);
}

/* The first piece of a field is preceded by the room for its lengths. */
int header_store_add(header_store *store, const char *data, size_t len) {
  text_buf *text = &store->text;
  if (text_buf_len(text) == store->complete) text_buf_add(text, "\0\0", LENS_SIZE);
  return text_buf_add(text, data, len);
}

int header_store_end_name(header_store *store) {
  int err = header_store_add(store, "", 1);
  if (err < 0) return err;
  *lens_of_last(store) = write_len(text_buf_len(&store->text) - store->complete - LENS_SIZE - 1);
  return 0;
}

/* The NUL after the name ends the loop. */
int header_store_end_value(header_store *store) {
  text_buf *text = &store->text;
  size_t len = text_buf_len(text);
  while (len > 0 && ascii_is_blank(text_buf_base(text)[len - 1])) len--;
  text_buf_cut(text, len);
  int err = text_buf_add(text, "", 1);
  if (err < 0) return err;
  char *lens = lens_of_last(store), *name = lens + LENS_SIZE;
  const char *value = name + read_len(lens[0], name) + 1;
  lens[1] = write_len((size_t) (text_buf_base(text) + len - value));
  drop_index(store);
  store->complete = text_buf_len(text);
  store->count++;
  return 0;
}

const wsuv_header_t *header_store_index(header_store *store) {
  if (store->index != NULL || store->count == 0) return store->index;
  store->index = ws_malloc(store->text.none.alloc, store->count * sizeof *store->index);
  if (store->index == NULL) return NULL;
  header_cursor at = {0};
  for (size_t i = 0; i < store->count; i++) {
    store->index[i].value = header_store_each(store, &at, &store->index[i].name);
  }
  return store->index;
}

const char *header_store_get(const header_store *store, const char *name, size_t n) {
  header_cursor at = {0};
  const char *value;
  do {
    value = header_store_next(store, name, &at);
  } while (value != NULL && n-- > 0);
  return value;
}

typedef struct found_field {
  const char *name, *value; /* Both are terminated. */
  size_t name_len;          /* The name has this many characters. */
} found_field;

/* Read the field at `lens`. Returns where the next one begins. */
static inline const char *read_field(const char *lens, found_field *field) {
  field->name = lens + LENS_SIZE;
  field->name_len = read_len(lens[0], field->name);
  field->value = field->name + field->name_len + 1;
  return field->value + read_len(lens[1], field->value) + 1;
}

const char *header_store_each(const header_store *store, header_cursor *at, const char **name) {
  const char *text = text_buf_base(&store->text);
  found_field field;
  if (at->offset == store->complete) return NULL;
  at->offset = (size_t) (read_field(text + at->offset, &field) - text);
  *name = field.name;
  return field.value;
}

const char *header_store_next(const header_store *store, const char *name, header_cursor *at) {
  if (at->offset == store->complete) return NULL;
  const char *text = text_buf_base(&store->text), *next = text + at->offset;
  const char *const end = text + store->complete;
  const size_t len = strlen(name);
  const char *value = NULL;
  while (value == NULL && next != end) {
    found_field field;
    next = read_field(next, &field);
    if (field.name_len == len && equal_names(field.name, name, len)) value = field.value;
  }
  at->offset = (size_t) (next - text);
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
