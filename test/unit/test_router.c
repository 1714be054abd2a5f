/* Routes: which pattern a path belongs to, and what its parameters are. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/router.h"
#include "support/alloc_failures.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct fixture {
  track_alloc alloc;
  router r;
  ws_why why;
} fixture;

static void fixture_open(fixture *f) {
  memset(f, 0, sizeof *f);
  track_alloc_init(&f->alloc);
  router_init(&f->r, &f->alloc.handle);
}

static void fixture_close(fixture *f) {
  router_clear(&f->r);
  assert_int_equal(f->alloc.live, 0);
}

/* A pattern is its own route. "pattern>chat" demands a subprotocol. */
static int add(fixture *f, const char *text) {
  char pattern[256], *subprotocol;
  snprintf(pattern, sizeof pattern, "%s", text);
  subprotocol = strchr(pattern, '>');
  if (subprotocol != NULL) *subprotocol++ = '\0';
  return router_add(&f->r, pattern, subprotocol, (void *) text, &f->why);
}

/* Patterns are separated by spaces; from the last to the first if `backwards` is set. */
typedef struct pattern_list {
  char text[512];
  const char *items[16];
  size_t count;
} pattern_list;

static void split(pattern_list *list, const char *patterns) {
  snprintf(list->text, sizeof list->text, "%s", patterns);
  list->count = 0;
  for (char *s = strtok(list->text, " "); s != NULL; s = strtok(NULL, " ")) {
    list->items[list->count++] = s;
  }
}

static void add_all(fixture *f, const pattern_list *list, size_t rotated, bool backwards) {
  for (size_t i = 0; i < list->count; i++) {
    size_t at = (backwards ? list->count - 1 - i : i) + rotated;
    int err = add(f, list->items[at % list->count]);
    if (err != 0) fail_msg("%s: %d, %s", list->items[at % list->count], err, f->why.text);
  }
}

static wsuv_refused_t find_offering(fixture *f, const char *path, const subprotocol_offer *offer,
                                    router_match *match, const char **detail) {
  size_t len = strlen(path);
  char *copy = malloc(len > 0 ? len : 1); /* of the exact size, so that a read too far is seen */
  assert_non_null(copy);
  memcpy(copy, path, len);
  wsuv_refused_t cause = router_find(&f->r, (ws_text){copy, len}, offer, match, detail);
  free(copy);
  return cause;
}

static wsuv_refused_t find(fixture *f, const char *path, router_match *match) {
  static const subprotocol_offer nothing = {NULL, 0};
  const char *detail = NULL;
  wsuv_refused_t cause = find_offering(f, path, &nothing, match, &detail);
  assert_non_null(detail);
  assert_int_equal(*detail != '\0', cause != WSUV_REFUSED_NONE);
  return cause;
}

/* The parameters as "name=value&...", by the names in the pattern. */
static void describe(char *to, size_t size, const ws_params *params) {
  size_t n = 0;
  to[0] = '\0';
  for (size_t at = 0; params != NULL && at < params->len;) {
    const char *name = params->text + at + 1, *value = name + strlen(name) + 1;
    assert_int_equal(params->text[at], PARAMS_VALUE);
    assert_string_equal(ws_params_get(params, name), value);
    n += (size_t) snprintf(to + n, size - n, "%s%s=%s", n > 0 ? "&" : "", name, value);
    at = (size_t) (value + strlen(value) + 1 - params->text);
  }
}

/* Whatever the order in which the patterns were added. */
static void assert_found(const char *patterns, const char *path, const char *route,
                         const char *params) {
  pattern_list list;
  split(&list, patterns);
  for (size_t order = 0; order < 2 * list.count; order++) {
    router_match match = {0};
    char got[512];
    SCOPED(fixture, f);
    add_all(&f, &list, order / 2, order % 2 == 1);
    wsuv_refused_t cause = find(&f, path, &match);
    const char *found = cause == WSUV_REFUSED_NONE       ? match.route
                        : cause == WSUV_REFUSED_ESCAPE   ? "escape"
                        : cause == WSUV_REFUSED_NO_ROUTE ? "none"
                                                         : "?";
    describe(got, sizeof got, match.params);
    if (strcmp(found, route) != 0 || strcmp(got, params) != 0) {
      fail_msg("%s in %s: %s, %s", path, patterns, found, got);
    }
    ws_free(&f.alloc.handle, match.params);
  }
}

typedef struct found_row {
  const char *patterns, *path, *route, *params;
} found_row;

static void assert_all_found(const found_row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    assert_found(rows[i].patterns, rows[i].path, rows[i].route, rows[i].params);
  }
}

TEST(test_router_matches_text) {
  static const found_row rows[] = {
      {"/", "/", "/", ""},
      {"/", "/a", "none", ""},
      {"/", "//", "none", ""},
      {"/", "", "none", ""},
      {"/", "*", "none", ""},
      {"/", "a/", "none", ""},
      {"/echo", "/echo", "/echo", ""},
      {"/echo", "/", "none", ""},
      {"/echo", "/Echo", "none", ""},
      {"/echo", "/ech", "none", ""},
      {"/echo", "/echoo", "none", ""},
      {"/echo", "/echo/", "none", ""},
      {"/echo/", "/echo/", "/echo/", ""},
      {"/echo/", "/echo", "none", ""},
      {"/echo /echo/", "/echo", "/echo", ""},
      {"/echo /echo/", "/echo/", "/echo/", ""},
      {"/a/b/c", "/a/b/c", "/a/b/c", ""},
      {"/a/b/c", "/a/b", "none", ""},
      {"/a/b/c", "/a/b/c/d", "none", ""},
      {"/a/b /a/c /b/a", "/a/c", "/a/c", ""},
  };
  assert_all_found(rows, COUNT_OF(rows));
}

TEST(test_router_gives_parameters) {
  static const found_row rows[] = {
      {"/r/{room}", "/r/blue", "/r/{room}", "room=blue"},
      {"/r/{room}", "/r/", "none", ""},
      {"/r/{room}", "/r", "none", ""},
      {"/r/{room}", "/r/a/b", "none", ""},
      {"/r/{room}", "/r/a/", "none", ""},
      {"/r/{room}/", "/r/a/", "/r/{room}/", "room=a"},
      {"/{a}", "/x", "/{a}", "a=x"},
      {"/{a}", "/", "none", ""},
      {"/{a}/{b}", "/x/y", "/{a}/{b}", "a=x&b=y"},
      {"/{a}/s/{b-2}/{c_}", "/1/s/2/3", "/{a}/s/{b-2}/{c_}", "a=1&b-2=2&c_=3"},
      /* optional */
      {"/r/{x?}", "/r/a", "/r/{x?}", "x=a"},
      {"/r/{x?}", "/r", "/r/{x?}", ""},
      {"/r/{x?}", "/r/", "none", ""},
      {"/r/{x?}", "/r/a/b", "none", ""},
      {"/r/{x?}", "/", "none", ""},
      {"/{x?}", "/", "/{x?}", ""},
      {"/{x?}", "/a", "/{x?}", "x=a"},
      {"/{x?}", "/a/", "none", ""},
      {"/{x?}", "//", "none", ""},
      /* the rest */
      {"/f/{p...}", "/f/a", "/f/{p...}", "p=a"},
      {"/f/{p...}", "/f/a/b/c", "/f/{p...}", "p=a/b/c"},
      {"/f/{p...}", "/f/a/b/", "/f/{p...}", "p=a/b/"},
      {"/f/{p...}", "/f/", "/f/{p...}", "p="},
      {"/f/{p...}", "/f", "/f/{p...}", "p="},
      {"/f/{p...}", "/", "none", ""},
      {"/f/{p...}", "/g/a", "none", ""},
      {"/f/{p...}", "/f/a//b", "none", ""},
      {"/{p...}", "/", "/{p...}", "p="},
      {"/{p...}", "/a/b", "/{p...}", "p=a/b"},
      {"/{a}/{p...}", "/x/y/z", "/{a}/{p...}", "a=x&p=y/z"},
      {"/{a}/{p...}", "/x", "/{a}/{p...}", "a=x&p="},
      {"/{a}/{p...}", "/", "none", ""},
  };
  assert_all_found(rows, COUNT_OF(rows));
}

TEST(test_router_prefers_what_says_more_from_left_to_right) {
  static const found_row rows[] = {
      {"/a /{x}", "/a", "/a", ""},
      {"/a /{x}", "/b", "/{x}", "x=b"},
      {"/a /{x} /{x...}", "/a", "/a", ""},
      {"/a /{x} /{x...}", "/b", "/{x}", "x=b"},
      {"/a /{x} /{x...}", "/b/c", "/{x...}", "x=b/c"},
      {"/a /{x} /{x...}", "/", "/{x...}", "x="},
      {"/ /{x?} /{x...}", "/", "/", ""},
      {"/{x?} /{x...}", "/", "/{x?}", ""},
      {"/a /a/{x?} /a/{x...}", "/a", "/a", ""},
      {"/a/{x?} /a/{x...}", "/a", "/a/{x?}", ""},
      {"/a/{x?} /a/{x...} /a/", "/a/", "/a/", ""},
      {"/a/{y} /a/{x?}", "/a/b", "/a/{y}", "y=b"},
      {"/a/{y} /a/{x?}", "/a", "/a/{x?}", ""},
      /* the left decides, as long as the whole matches */
      {"/a/{x} /{x}/b", "/a/b", "/a/{x}", "x=b"},
      {"/a/{x} /{x}/b", "/c/b", "/{x}/b", "x=c"},
      {"/a/{x...} /{x}/b", "/a/b", "/a/{x...}", "x=b"},
      {"/{a}/{b}/c /{a}/b/{c}", "/x/b/c", "/{a}/b/{c}", "a=x&c=c"},
      /* and text that leads nowhere does not hide the others */
      {"/a/b /{x}/c", "/a/c", "/{x}/c", "x=a"},
      {"/a/b/c /a/{x}/d /{x}/b/e /{x...}", "/a/b/c", "/a/b/c", ""},
      {"/a/b/c /a/{x}/d /{x}/b/e /{x...}", "/a/b/d", "/a/{x}/d", "x=b"},
      {"/a/b/c /a/{x}/d /{x}/b/e /{x...}", "/a/b/e", "/{x}/b/e", "x=a"},
      {"/a/b/c /a/{x}/d /{x}/b/e /{x...}", "/a/b/f", "/{x...}", "x=a/b/f"},
      {"/a/b/c /a/{x}/d /{x}/b/e /{x...}", "/a/b", "/{x...}", "x=a/b"},
      {"/a/b/ /a/{x} /a/{x...}", "/a/b/", "/a/b/", ""},
      {"/a/{x}/ /a/{x...}", "/a/b/c/", "/a/{x...}", "x=b/c/"},
  };
  assert_all_found(rows, COUNT_OF(rows));
}

TEST(test_router_decodes_once_after_it_has_split) {
  static const found_row rows[] = {
      {"/caf\xc3\xa9", "/caf%C3%A9", "/caf\xc3\xa9", ""},
      {"/caf\xc3\xa9", "/caf%c3%a9", "/caf\xc3\xa9", ""},
      {"/a", "/%61", "/a", ""},
      {"/a/b", "/a%2Fb", "none", ""},
      {"/{x}", "/a%2Fb", "/{x}", "x=a/b"},
      {"/{x}", "/a%2fb%2F", "/{x}", "x=a/b/"},
      {"/{x...}", "/a%2Fb/c", "/{x...}", "x=a/b/c"},
      {"/{x}", "/a+b", "/{x}", "x=a+b"},
      {"/{x}", "/a%2Bb", "/{x}", "x=a+b"},
      {"/{x}", "/a%20b", "/{x}", "x=a b"},
      {"/{x}", "/%2541", "/{x}", "x=%41"},
      {"/{x}", "/%7Bx%7D", "/{x}", "x={x}"},
      {"/{x}", "/{x}", "/{x}", "x={x}"},
      {"/{x}", "/%3F", "/{x}", "x=?"},
      {"/100%", "/100%25", "/100%", ""},
      {"/%zz", "/%25zz", "/%zz", ""},
  };
  assert_all_found(rows, COUNT_OF(rows));
}

TEST(test_router_refuses_bad_escapes) {
  static const found_row rows[] = {
      {"/{x...}", "/%", "escape", ""},
      {"/{x...}", "/%4", "escape", ""},
      {"/{x...}", "/%zz", "escape", ""},
      {"/{x...}", "/%4g", "escape", ""},
      {"/{x...}", "/%g4", "escape", ""},
      {"/{x...}", "/%%41", "escape", ""},
      {"/{x...}", "/a/%4/b", "escape", ""},
      {"/{x...}", "/%4/1", "escape", ""},
      {"/{x...}", "/%00", "escape", ""},
      {"/{x...}", "/a%00b", "escape", ""},
      {"/{x...}", "/a/b%00/c", "escape", ""},
      {"/a", "/b/%", "escape", ""},
      {"/a", "//%", "escape", ""},
      {"/{x...}", "/%u0041", "escape", ""},
  };
  assert_all_found(rows, COUNT_OF(rows));
}

/* Nothing is resolved, so nothing can get past a check of the program's or of a proxy's. */
TEST(test_router_matches_no_dots_and_no_empty_segments) {
  static const char *const paths[] = {
      "//",      "//a",     "/a//b",    "/a//", "/./a",   "/../a",  "/a/./b",
      "/a/../b", "/a/..",   "/a/.",     "/.",   "/..",    "/%2e/a", "/%2e%2E/a",
      "/a/.%2e", "/a/%2e.", "/a/%2E/b", "///",  "/a/b//", "/..//",
  };
  for (size_t i = 0; i < COUNT_OF(paths); i++) {
    assert_found("/{x...} /{y} /{y}/{z} /a/{x...} /a /b /a/b /", paths[i], "none", "");
  }
  assert_found("/{x...}", "/...", "/{x...}", "x=...");
  assert_found("/{x...}", "/.a/..b/c..", "/{x...}", "x=.a/..b/c..");
  assert_found("/{x}", "/..%2F..%2Fetc", "/{x}", "x=../../etc"); /* the program's to judge */
}

TEST(test_router_refuses_malformed_patterns) {
  static const char *const patterns[] = {
      "",        "a",         "{x}",    "/a//b",    "//",       "/./a",
      "/a/..",   "/{",        "/}",     "/{x",      "/x}",      "/{}",
      "/{?}",    "/{...}",    "/{x}y",  "/y{x}",    "/{x}{y}",  "/{{x}}",
      "/{x?}/a", "/{x...}/a", "/{x?}/", "/{x...}/", "/{x}/{x}", "/{x}/{x...}",
      "/{x y}",  "/{x.y}",    "/{x..}", "/{x??}",   "/{x...?}", "/a?b",
      "/a#b",    "/a%20b",    "/%41",   "/a\nb",    "/a\x7f",   "/{\xc3\xbc}",
  };
  SCOPED(fixture, f);
  for (size_t i = 0; i < COUNT_OF(patterns); i++) {
    f.why.text[0] = '\0';
    int err = router_add(&f.r, patterns[i], NULL, &f, &f.why);
    if (err != WS_EINVAL || f.why.text[0] == '\0') fail_msg("%s: %d", patterns[i], err);
    assert_int_equal(router_add(&f.r, patterns[i], NULL, &f, NULL), WS_EINVAL);
  }
  assert_int_equal(router_add(&f.r, "/a", "", &f, &f.why), WSUV_EINVAL_HEADER);
  assert_int_equal(router_add(&f.r, "/a", "a b", &f, &f.why), WSUV_EINVAL_HEADER);
  assert_int_equal(f.r.count, 0);
}

TEST(test_router_refuses_equal_patterns) {
  static const struct {
    const char *first, *second;
    bool equal;
  } rows[] = {
      {"/", "/", true},
      {"/a", "/a", true},
      {"/a", "/a/", false},
      {"/a", "/b", false},
      {"/{x}", "/{y}", true},
      {"/{x}", "/{x?}", false},
      {"/{x?}", "/{y?}", true},
      {"/{x...}", "/{y...}", true},
      {"/{x?}", "/{x...}", false},
      {"/a/{x}/b", "/a/{y}/b", true},
      {"/a/{x}/b", "/a/{y}/c", false},
      {"/a", "/{x}", false},
      {"/a", "/A", false},
      {"/a>chat", "/a>chat", true},
      {"/a>chat", "/a", false},
      {"/a", "/a>chat", false},
      {"/a>chat", "/a>superchat", false},
      {"/a>chat", "/a>Chat", false},
      {"/{x}>chat", "/{y}>chat", true},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    SCOPED(fixture, f);
    assert_int_equal(add(&f, "/zz"), 0);
    assert_int_equal(add(&f, rows[i].first), 0);
    assert_int_equal(add(&f, "/0"), 0);
    int err = add(&f, rows[i].second);
    if (err != (rows[i].equal ? WS_EEXIST : 0)) fail_msg("%s: %d", rows[i].second, err);
    assert_int_equal(f.why.text[0] != '\0', rows[i].equal);
  }
}

/* The client's order of preference decides among routes of the same path. */
TEST(test_router_demands_subprotocols) {
  static const struct {
    const char *patterns, *path, *offer;
    size_t offered;
    const char *route;
  } rows[] = {
      {"/a>chat", "/a", "chat", 1, "/a>chat"},      {"/a>chat", "/a", "", 0, "none"},
      {"/a>chat", "/a", "Chat", 1, "none"},         {"/a>chat", "/a", "x\0chat", 2, "/a>chat"},
      {"/a>chat", "/b", "chat", 1, "none"},         {"/a>chat /a", "/a", "chat", 1, "/a>chat"},
      {"/a>chat /a", "/a", "x", 1, "/a"},           {"/a>chat /a", "/a", "", 0, "/a"},
      {"/a>x /a>y", "/a", "x\0y", 2, "/a>x"},       {"/a>x /a>y", "/a", "y\0x", 2, "/a>y"},
      {"/a>x /a>y /a", "/a", "z\0y\0x", 3, "/a>y"}, {"/a>x /a>y /a", "/a", "z", 1, "/a"},
      {"/{p}>x /a>y", "/a", "x\0y", 2, "/a>y"},     {"/{p}>x /a>y", "/a", "x", 1, "/{p}>x"},
      {"/{p} /a>y", "/a", "x", 1, "/{p}"},          {"/{p}>x /a", "/a", "x", 1, "/a"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    pattern_list list;
    split(&list, rows[i].patterns);
    for (size_t order = 0; order < 2 * list.count; order++) {
      const subprotocol_offer offer = {rows[i].offer, rows[i].offered};
      router_match match = {0};
      const char *detail = "";
      SCOPED(fixture, f);
      add_all(&f, &list, order / 2, order % 2 == 1);
      wsuv_refused_t cause = find_offering(&f, rows[i].path, &offer, &match, &detail);
      const char *found = cause == WSUV_REFUSED_NONE ? match.route : "none";
      if (strcmp(found, rows[i].route) != 0) fail_msg("row %zu: %s, %s", i, found, detail);
      const char *demanded = strchr(rows[i].route, '>');
      if (demanded != NULL) assert_string_equal(match.subprotocol, demanded + 1);
      if (demanded == NULL) assert_null(match.subprotocol);
      ws_free(&f.alloc.handle, match.params);
    }
  }
}

TEST(test_router_says_that_only_the_subprotocol_is_missing) {
  const subprotocol_offer nothing = {NULL, 0};
  router_match match;
  const char *detail;
  SCOPED(fixture, f);
  assert_int_equal(add(&f, "/a>chat"), 0);
  assert_int_equal(find_offering(&f, "/a", &nothing, &match, &detail), WSUV_REFUSED_NO_ROUTE);
  assert_string_equal(detail, "the subprotocol of the route is not offered");
  assert_int_equal(find_offering(&f, "/b", &nothing, &match, &detail), WSUV_REFUSED_NO_ROUTE);
  assert_string_equal(detail, "no route has this path");
}

/* Patterns, routes and parameters live apart. */
TEST(test_router_copies_what_it_is_given) {
  char pattern[] = "/r/{room}", subprotocol[] = "chat";
  const subprotocol_offer offer = {"chat", 1};
  router_match match;
  const char *detail;
  SCOPED(fixture, f);
  assert_int_equal(router_add(&f.r, pattern, subprotocol, &f, NULL), 0);
  memset(pattern, 'x', sizeof pattern - 1);
  memset(subprotocol, 'x', sizeof subprotocol - 1);
  assert_int_equal(find_offering(&f, "/r/blue", &offer, &match, &detail), WSUV_REFUSED_NONE);
  assert_ptr_equal(match.route, &f);
  router_clear(&f.r);
  assert_string_equal(ws_params_get(match.params, "room"), "blue");
  assert_null(ws_params_get(match.params, "other"));
  ws_free(&f.alloc.handle, match.params);
}

/* F1: what a request costs is bounded by its own length and by what the program has added. With a
   search that tries again, 2^20 ways would have to be tried here for each path. */
TEST(test_router_finds_in_linear_time_and_memory) {
  enum { DEPTH = 20, LEN = 1 << 14 };
  char pattern[256];
  char *path = malloc(LEN + 1);
  assert_non_null(path);
  SCOPED(fixture, f);
  for (unsigned n = 0; n < 400; n++) {
    size_t len = 0;
    for (unsigned i = 0; i < DEPTH; i++) {
      bool text = (n >> (i % 9) & 1) != 0;
      len += (size_t) snprintf(pattern + len, sizeof pattern - len, text ? "/a" : "/{p%u}", i);
    }
    snprintf(pattern + len, sizeof pattern - len, "/end%u", n);
    assert_int_equal(router_add(&f.r, pattern, NULL, &f, &f.why), 0);
  }
  for (int round = 0; round < 200; round++) {
    router_match match;
    size_t before = f.alloc.live_bytes;
    for (size_t i = 0; i < LEN; i++) path[i] = i % 2 == 0 ? '/' : 'a';
    path[LEN] = '\0';
    f.alloc.peak_bytes = 0;
    assert_int_equal(find(&f, path, &match), WSUV_REFUSED_NO_ROUTE);
    assert_in_range(f.alloc.peak_bytes - before, LEN, 2 * LEN);
    memset(path + 1, 'a', LEN - 1);
    assert_int_equal(find(&f, path, &match), WSUV_REFUSED_NO_ROUTE);
  }
  free(path);
}

/* F46 */
TEST(test_router_survives_every_failed_allocation) {
  for (alloc_failures n = {0}; alloc_failures_next(&n);) {
    router_match match = {0};
    SCOPED(fixture, f);
    alloc_failures_begin(&n, &f.alloc);
    int err = 0;
    for (char name[] = "/{x}/a>s"; name[5] <= 'h' && err == 0; name[5]++) err = add(&f, name);
    size_t count = f.r.count;
    const subprotocol_offer offer = {"s", 1};
    const char *detail;
    wsuv_refused_t cause = find_offering(&f, "/x/a", &offer, &match, &detail);
    bool failed = alloc_failures_end(&n, &f.alloc);
    if (err != 0) assert_int_equal(err, WS_ENOMEM);
    if (!failed) assert_int_equal(count, 8);
    if (err == 0 && failed) assert_int_equal(cause, WSUV_REFUSED_NO_MEMORY);
    if (cause == WSUV_REFUSED_NO_MEMORY) assert_string_equal(detail, "no memory");
    if (!failed) assert_int_equal(cause, WSUV_REFUSED_NONE);
    ws_free(&f.alloc.handle, match.params);
  }
}
