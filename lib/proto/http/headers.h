#ifndef WS_PROTO_HTTP_HEADERS_H
#define WS_PROTO_HTTP_HEADERS_H

/* Header fields: what may be sent, how lists are read, and a store for received fields. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/config.h>

#include "base/alloc.h"
#include "base/text_buf.h"

/* A field name or subprotocol: one or more token characters (RFC 9110 5.6.2). */
bool header_is_token(const char *s, size_t len);

/* A field value: no control byte except tab. */
bool header_is_value(const char *s, size_t len);

/* Compares names; ASCII case does not matter. */
bool header_name_equal(const char *a, const char *b);

/* The elements of a comma-separated list, without spaces around them; empty ones are skipped.
   `*rest` is the value at first; false: there are no more. */
bool header_list_next(const char **rest, const char **item, size_t *len);

/* Whether `token` is an element, in any case, of such a list. */
bool header_list_has(const char *list, const char *token);

/* Fields in the order received, each name and value terminated, all in one block that grows. */
typedef struct header_store {
  text_buf text;   /* These are the fields, each with its lengths before it. */
  size_t complete; /* The complete fields are this many bytes of the text. */
  size_t count;    /* This many fields are complete. */
  /* The store owns this array, which header_store_index makes, or it is NULL. */
  wsuv_header_t *index;
} header_store;

void header_store_init(header_store *store, const wsuv_allocator_t *alloc);
void header_store_clear(header_store *store); /* frees all */

/* Add a field in pieces: bytes of the name, end of the name, bytes of the value, end of the value;
   no NUL in them. 0; or WS_ENOMEM, and then only complete fields can be read, and the store be
   cleared. Spaces at the end of the value are removed. */
int header_store_add(header_store *store, const char *data, size_t len);
int header_store_end_name(header_store *store);
int header_store_end_value(header_store *store);

/* An array of `count` fields, valid until the store changes; NULL when there is no memory (or no
   field). */
const wsuv_header_t *header_store_index(header_store *store);

/* The value of the n-th field (from 0) of that name, in any case; NULL if there are fewer. It reads
   the fields from the first one: for all fields of a name, use header_store_next. */
const char *header_store_get(const header_store *store, const char *name, size_t n);

/* Where header_store_next continues; zeroed at first. */
typedef struct header_cursor {
  size_t offset; /* The next field begins after this many bytes of the text. */
} header_cursor;

/* The values of all fields of that name, in any case, one after the other; NULL: no more. All calls
   together read each field once. */
const char *header_store_next(const header_store *store, const char *name, header_cursor *at);

/* The fields one after the other: a value, with its name; NULL: no more. */
const char *header_store_each(const header_store *store, header_cursor *at, const char **name);

/* Is `token` an element, in any case, of the list that all fields of that name make together
   (RFC 9110 5.3)? *elements says how many there are. */
bool header_store_lists(const header_store *store, const char *name, const char *token,
                        size_t *elements);

#endif
