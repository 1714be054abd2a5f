#include "wsuv_items.h"

/* Keeps what was read in one growing block. */

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 64 * 1024 }; /* bytes */

char *items_room(items *it, size_t size) {
  size_t left = it->end - it->start;
  if (it->start > 0) memmove(it->text, it->text + it->start, left);
  it->scanned -= it->start;
  it->start = 0;
  it->end = left;
  if (it->cap - left >= size) return it->text + left;
  size_t cap = it->cap == 0 ? FIRST_SIZE : 2 * it->cap;
  while (cap - left < size) cap *= 2;
  char *text = realloc(it->text, cap);
  if (text == NULL) return NULL;
  it->text = text;
  it->cap = cap;
  return text + left;
}

void items_add(items *it, size_t len) {
  it->end += len;
}

bool items_next(items *it, bool ended, const char **data, size_t *len) {
  const char *eol = NULL;
  size_t left = it->end - it->start;
  bool separated = it->unit == ITEMS_LINES || it->unit == ITEMS_NULLS;
  if (separated && it->scanned < it->end) {
    eol = memchr(it->text + it->scanned, it->unit == ITEMS_LINES ? '\n' : '\0',
                 it->end - it->scanned);
  }
  it->scanned = eol != NULL ? (size_t) (eol - it->text) : it->end;
  *data = left > 0 ? it->text + it->start : "";
  *len = eol != NULL ? it->scanned - it->start : left;
  it->used = eol != NULL ? *len + 1 : *len;
  return eol != NULL || ((ended || it->unit == ITEMS_PIECES) && left > 0);
}

void items_take(items *it) {
  it->start += it->used;
  it->scanned = it->start;
  it->used = 0;
}

size_t items_left(const items *it) {
  return it->end - it->start;
}

void items_free(items *it) {
  free(it->text);
  it->text = NULL;
}
