/* The parameters of a query: decoded once, as browsers and forms encode them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/params.h"
#include "support/alloc_failures.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

/* Of a copy of the exact size, so that a read too far is seen. */
static int parse(ws_params **out, const track_alloc *alloc, const char *query, size_t len) {
  char *copy = malloc(len > 0 ? len : 1);
  assert_non_null(copy);
  memcpy(copy, query, len);
  int err = ws_params_of_query(out, &alloc->handle, (ws_text){copy, len});
  free(copy);
  return err;
}

static void assert_value(const char *query, const char *name, const char *expected) {
  track_alloc alloc;
  ws_params *params;
  track_alloc_init(&alloc);
  assert_int_equal(parse(&params, &alloc, query, strlen(query)), 0);
  const char *value = ws_params_get(params, name);
  if ((value == NULL) != (expected == NULL) || (value != NULL && strcmp(value, expected) != 0)) {
    fail_msg("%s: %s is '%s'", query, name, value != NULL ? value : "(none)");
  }
  if (params != NULL) assert_in_range(params->len, 0, 2 * (strlen(query) + 1));
  ws_free(&alloc.handle, params);
  assert_int_equal(alloc.live, 0);
}

TEST(test_params_of_a_query) {
  static const struct {
    const char *query, *name, *value;
  } rows[] = {
      {"", "a", NULL},
      {"a=1", "a", "1"},
      {"a=1", "b", NULL},
      {"a=1", "A", NULL},
      {"a=1", "", NULL},
      {"a=1&b=2", "b", "2"},
      {"a=1&b=2", "a", "1"},
      {"a", "a", ""},
      {"a=", "a", ""},
      {"a&b", "b", ""},
      {"=x", "", "x"},
      {"=", "", ""},
      {"a==", "a", "="},
      {"a=b=c", "a", "b=c"},
      {"&&a=1&&", "a", "1"},
      {"&", "", NULL},
      {"a=x+y", "a", "x y"},
      {"a+b=1", "a b", "1"},
      {"a=x%20y", "a", "x y"},
      {"a=%2B", "a", "+"},
      {"%61=1", "a", "1"},
      {"a%3D=1", "a=", "1"},
      {"a=1%262", "a", "1&2"},
      {"a=%c3%BC", "a", "\xc3\xbc"},
      {"a=\xc3\xbc", "a", "\xc3\xbc"},
      /* decoded once */
      {"a=%2541", "a", "%41"},
      {"a=%252B", "a", "%2B"},
      /* Firefox sends "%zz" as it is. */
      {"a=%zz", "a", "%zz"},
      {"a=%", "a", "%"},
      {"a=%4", "a", "%4"},
      {"a=%4&b=1", "a", "%4"},
      {"a=%4&b=1", "b", "1"},
      {"a=%%41", "a", "%A"},
      {"a=100%", "a", "100%"},
      {"%=1", "%", "1"},
      /* the first of equal ones */
      {"a=1&a=2", "a", "1"},
      {"a&a=2", "a", ""},
      {"a=1&%61=2", "a", "1"},
      /* zero bytes */
      {"a=%00", "a", NULL},
      {"a=x%00y", "a", NULL},
      {"a=%00&a=1", "a", NULL},
      {"a=x%00&b=1", "b", "1"},
      {"a%00=1&b=2", "a", NULL},
      {"a%00=1&b=2", "b", "2"},
      {"%00&a=1", "a", "1"},
      /* no separators of other kinds */
      {"a=1;b=2", "a", "1;b=2"},
      {"a=1;b=2", "b", NULL},
      {"a[]=1", "a[]", "1"},
      {"a=?x", "a", "?x"},
      {"a=/b/../c", "a", "/b/../c"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_value(rows[i].query, rows[i].name, rows[i].value);
  }
}

TEST(test_params_of_nothing) {
  assert_null(ws_params_get(NULL, "a"));
}

/* F1: the block is bounded by the text that it is made of, whatever that is. */
TEST(test_params_take_twice_the_query_at_most) {
  static const char alphabet[] = "a=&%0+1";
  char query[9] = "";
  for (unsigned n = 0; n < 7 * 7 * 7 * 7 * 7 * 7; n++) {
    unsigned rest = n;
    for (size_t i = 0; i < 6; i++, rest /= 7) query[i] = alphabet[rest % 7];
    track_alloc alloc;
    ws_params *params;
    track_alloc_init(&alloc);
    assert_int_equal(parse(&params, &alloc, query, 6), 0);
    assert_in_range(params->len, 0, 2 * 7);
    ws_free(&alloc.handle, params);
  }
}

/* F46 */
TEST(test_params_without_memory) {
  for (alloc_failures n = {0}; alloc_failures_next(&n);) {
    track_alloc alloc;
    ws_params *params;
    track_alloc_init(&alloc);
    alloc_failures_begin(&n, &alloc);
    int err = parse(&params, &alloc, "a=1", 3);
    assert_int_equal(err, alloc_failures_end(&n, &alloc) ? WS_ENOMEM : 0);
    ws_free(&alloc.handle, params);
    assert_int_equal(alloc.live, 0);
  }
}
