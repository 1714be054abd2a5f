#include "proto/handshake/params.h"

/* Decodes a query, and finds parameters by name. Knows no routes. */

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"

const char *ws_params_get(const ws_params *params, const char *name) {
  const char *at = params != NULL ? params->text : NULL;
  const char *end = params != NULL ? at + params->len : NULL;
  while (at != end) {
    const char mark = *at, *value = at + 1 + strlen(at + 1) + 1;
    if (strcmp(at + 1, name) == 0) return mark == PARAMS_VALUE ? value : NULL;
    at = value + strlen(value) + 1;
  }
  return NULL;
}

/* The text before the first `c`, which is taken away together with `c`. */
static ws_text take_part(ws_text *rest, char c) {
  const char *at = rest->len > 0 ? memchr(rest->base, c, rest->len) : NULL;
  ws_text part = {rest->base, at != NULL ? (size_t) (at - rest->base) : rest->len};
  size_t taken = at != NULL ? part.len + 1 : part.len;
  rest->base += taken;
  rest->len -= taken;
  return part;
}

/* Add the decoded text and a NUL. False: it would have a zero byte, and only the NUL was added. */
static bool add_decoded(ws_params *params, ws_text s) {
  size_t n = params->len;
  bool good = true;
  for (size_t i = 0; i < s.len && good; i++) {
    char c = s.base[i] == '+' ? ' ' : s.base[i];
    if (ascii_is_escape(s.base + i, s.len - i)) {
      c = ascii_unescape(s.base + i);
      i += 2;
    }
    params->text[n++] = c;
    good = c != '\0';
  }
  if (!good) n = params->len;
  params->text[n++] = '\0';
  params->len = n;
  return good;
}

static void add_pair(ws_params *params, ws_text pair) {
  const size_t begin = params->len++;
  const ws_text name = take_part(&pair, '=');
  if (!add_decoded(params, name)) {
    params->len = begin;
    return;
  }
  params->text[begin] = add_decoded(params, pair) ? PARAMS_VALUE : PARAMS_NO_VALUE;
}

/* A pair without "=" grows most: to its mark and two NULs for the "&". */
int ws_params_of_query(ws_params **out, const wsuv_allocator_t *alloc, ws_text query) {
  *out = NULL;
  if (query.len == 0) return 0;
  ws_params *params = ws_malloc(alloc, sizeof *params + 2 * (query.len + 1));
  if (params == NULL) return WS_ENOMEM;
  params->len = 0;
  while (query.len > 0) {
    ws_text pair = take_part(&query, '&');
    if (pair.len > 0) add_pair(params, pair);
  }
  *out = params;
  return 0;
}
