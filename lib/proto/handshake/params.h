#ifndef WS_PROTO_HANDSHAKE_PARAMS_H
#define WS_PROTO_HANDSHAKE_PARAMS_H

/* Names and values from the target of a request, decoded: those of its path, which the router
   makes, and those of its query. */

#include <stddef.h>

#include "base/alloc.h"
#include "base/view.h"

enum {
  PARAMS_VALUE = '=',   /* the mark of a parameter that has a value */
  PARAMS_NO_VALUE = '0' /* the mark of one whose value would have a zero byte */
};

/* One block, which ws_free frees. */
typedef struct ws_params {
  size_t len; /* `text` has this many bytes. */
  /* These are the parameters, one after the other: a mark, the name, a NUL, the value, a NUL. */
  char text[];
} ws_params;

/* The value of the first parameter of this name; NULL if there is none, or if the value would have
   a zero byte. `params` may be NULL. */
const char *ws_params_get(const ws_params *params, const char *name);

/* The parameters of a query (application/x-www-form-urlencoded), without its "?". "+" is a space,
   and a "%" that begins no escape stays as it is. A parameter whose name would have a zero byte is
   left out. The block has at most twice as many bytes of text as the query. 0, with *out NULL if
   the query is empty; or WS_ENOMEM. */
int ws_params_of_query(ws_params **out, const wsuv_allocator_t *alloc, ws_text query);

#endif
