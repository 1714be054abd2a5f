#include "proto/handshake/router.h"

/* Keeps patterns in the order in which they are tried, and compares a path with each. Knows neither
   what a route is nor how it is answered. */

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"
#include "proto/http/headers.h"

/* Better ones first. */
typedef enum segment_kind {
  SEGMENT_TEXT,
  SEGMENT_PARAM,    /* {name} */
  SEGMENT_OPTIONAL, /* {name?} */
  SEGMENT_REST      /* {name...} */
} segment_kind;

typedef struct segment {
  segment_kind kind; /* This is the kind of the segment. */
  ws_text text;      /* This is the text, or the name of the parameter, in the pattern's copy. */
} segment;

struct router_entry {
  void *route;        /* This is what the caller of router_add gave. */
  char *pattern;      /* The entry owns its pattern. */
  char *subprotocol;  /* The entry owns the name of the subprotocol that it demands, or NULL. */
  size_t names_len;   /* The names of the parameters have this many bytes, with a NUL for each. */
  size_t param_count; /* The pattern has this many parameters. */
  size_t count;       /* `segments` has this many elements. */
  segment segments[]; /* These are the segments of the pattern. */
};

void router_init(router *r, const wsuv_allocator_t *alloc) {
  *r = (router){.alloc = alloc};
}

static void entry_free(const wsuv_allocator_t *alloc, router_entry *entry) {
  if (entry == NULL) return;
  ws_free(alloc, entry->pattern);
  ws_free(alloc, entry->subprotocol);
  ws_free(alloc, entry);
}

void router_clear(router *r) {
  for (size_t i = 0; i < r->count; i++) entry_free(r->alloc, r->entries[i]);
  ws_free(r->alloc, r->entries);
  router_init(r, r->alloc);
}

/* --- adding --- */

static bool is_dots(ws_text s) {
  return (s.len == 1 || s.len == 2) && s.base[0] == '.' && s.base[s.len - 1] == '.';
}

/* Cut `suffix` off the end of a name, if it is there. */
static bool cut_suffix(ws_text *name, const char *suffix) {
  size_t len = strlen(suffix);
  if (name->len < len || memcmp(name->base + name->len - len, suffix, len) != 0) return false;
  name->len -= len;
  return true;
}

static const char *check_name(const router_entry *entry, ws_text name) {
  for (size_t i = 0; i < name.len; i++) {
    char c = name.base[i];
    if (!ascii_is_alnum(c) && c != '-' && c != '_') return "character in the name of a parameter";
  }
  for (size_t i = 0; i < entry->count; i++) {
    const segment *other = &entry->segments[i];
    if (other->kind != SEGMENT_TEXT && ws_text_equal(other->text, name)) return "name is repeated";
  }
  return name.len > 0 ? NULL : "parameter without a name";
}

/* `s` begins with "{". */
static const char *add_param(router_entry *entry, ws_text s, bool last) {
  segment *added = &entry->segments[entry->count];
  ws_text name = {s.base + 1, s.len - 2};
  if (s.base[s.len - 1] != '}') return "'{' without '}' at the end of the segment";
  added->kind = cut_suffix(&name, "...") ? SEGMENT_REST
                : cut_suffix(&name, "?") ? SEGMENT_OPTIONAL
                                         : SEGMENT_PARAM;
  if (added->kind != SEGMENT_PARAM && !last) return "{name?} or {name...} before the last segment";
  const char *wrong = check_name(entry, name);
  if (wrong != NULL) return wrong;
  added->text = name;
  entry->names_len += name.len + 1;
  entry->param_count++;
  entry->count++;
  return NULL;
}

static const char *add_text(router_entry *entry, ws_text s, bool last) {
  if (s.len == 0 && !last) return "empty segment";
  if (is_dots(s)) return "segment \".\" or \"..\"";
  for (size_t i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char) s.base[i];
    if (c == '{' || c == '}') return "parameter that is not a whole segment";
    if (c == '?' || c == '#') return "'?' or '#'";
    if (c < ' ' || c == 0x7f) return "control character";
    if (ascii_is_escape(s.base + i, s.len - i)) return "percent-escape: write what it stands for";
  }
  entry->segments[entry->count++] = (segment){SEGMENT_TEXT, s};
  return NULL;
}

/* NULL, or what is wrong with the pattern. There is room for its segments. */
static const char *parse_pattern(router_entry *entry) {
  const char *at = entry->pattern, *wrong = *at == '/' ? NULL : "no '/' at the beginning";
  while (wrong == NULL && *at == '/') {
    const ws_text s = {at + 1, strcspn(at + 1, "/")};
    at = s.base + s.len;
    wrong = s.len > 0 && s.base[0] == '{' ? add_param(entry, s, *at == '\0')
                                          : add_text(entry, s, *at == '\0');
  }
  return wrong;
}

static size_t count_slashes(const char *s) {
  size_t n = 0;
  for (; *s != '\0'; s++) n += *s == '/';
  return n;
}

static int entry_new(router_entry **out, const wsuv_allocator_t *alloc, const char *pattern,
                     const char *subprotocol) {
  router_entry *entry =
      ws_calloc(alloc, sizeof *entry + count_slashes(pattern) * sizeof entry->segments[0]);
  if (entry == NULL) return WS_ENOMEM;
  entry->pattern = ws_strdup(alloc, pattern);
  entry->subprotocol = subprotocol != NULL ? ws_strdup(alloc, subprotocol) : NULL;
  if (entry->pattern == NULL || (subprotocol != NULL && entry->subprotocol == NULL)) {
    entry_free(alloc, entry);
    return WS_ENOMEM;
  }
  *out = entry;
  return 0;
}

static int compare_texts(ws_text a, ws_text b) {
  const size_t least = a.len < b.len ? a.len : b.len;
  int r = least > 0 ? memcmp(a.base, b.base, least) : 0;
  return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

/* Which is tried first. Texts are compared only to find equal ones: of two patterns that match the
   same path, the first segment at which they differ differs in kind, or one of them ends there. */
static int compare_patterns(const router_entry *a, const router_entry *b) {
  for (size_t i = 0; i < a->count && i < b->count; i++) {
    const segment *x = &a->segments[i], *y = &b->segments[i];
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    int r = x->kind == SEGMENT_TEXT ? compare_texts(x->text, y->text) : 0;
    if (r != 0) return r;
  }
  return (a->count > b->count) - (a->count < b->count);
}

/* Of equal patterns, the one that demands nothing is last. */
static int compare_entries(const router_entry *a, const router_entry *b) {
  int r = compare_patterns(a, b);
  if (r != 0 || (a->subprotocol == NULL && b->subprotocol == NULL)) return r;
  if (a->subprotocol == NULL) return 1;
  return b->subprotocol == NULL ? -1 : strcmp(a->subprotocol, b->subprotocol);
}

static int reserve_entry(router *r) {
  if (r->count < r->room) return 0;
  size_t room = r->room > 0 ? 2 * r->room : 4;
  router_entry **entries = ws_realloc(r->alloc, r->entries, room * sizeof(void *));
  if (entries == NULL) return WS_ENOMEM;
  r->entries = entries;
  r->room = room;
  return 0;
}

static int insert_entry(router *r, router_entry *entry, ws_why *why) {
  size_t at = 0;
  while (at < r->count && compare_entries(r->entries[at], entry) < 0) at++;
  if (at < r->count && compare_entries(r->entries[at], entry) == 0) {
    return ws_why_set(why, WS_EEXIST, "route %s equals %s", entry->pattern,
                      r->entries[at]->pattern);
  }
  int err = reserve_entry(r);
  if (err < 0) return err;
  memmove(&r->entries[at + 1], &r->entries[at], (r->count - at) * sizeof(void *));
  r->entries[at] = entry;
  r->count++;
  if (entry->count > r->depth) r->depth = entry->count;
  return 0;
}

int router_add(router *r, const char *pattern, const char *subprotocol, void *route, ws_why *why) {
  router_entry *entry;
  if (subprotocol != NULL && !header_is_token(subprotocol, strlen(subprotocol))) {
    return ws_why_set(why, WSUV_EINVAL_HEADER, "route %s: subprotocol is not a token", pattern);
  }
  int err = entry_new(&entry, r->alloc, pattern, subprotocol);
  if (err < 0) return err;
  entry->route = route;
  const char *wrong = parse_pattern(entry);
  if (wrong != NULL) err = ws_why_set(why, WS_EINVAL, "route %s: %s", pattern, wrong);
  if (err == 0) err = insert_entry(r, entry, why);
  if (err < 0) entry_free(r->alloc, entry);
  return err;
}

/* --- finding --- */

/* A path that was split and decoded; one block. */
typedef struct decoded_path {
  size_t count;       /* The path has this many segments. */
  const char *end;    /* The text of the last segment, and its NUL, end here. */
  ws_text segments[]; /* These are the first segments, as many as patterns can compare. */
} decoded_path;

/* Decode up to the next slash, and add a NUL. False: a malformed escape, or a zero byte. */
static bool decode_segment(char **to, ws_text *rest) {
  size_t i = 0;
  for (; i < rest->len && rest->base[i] != '/'; i++) {
    char c = rest->base[i];
    if (c == '%') {
      if (!ascii_is_escape(rest->base + i, rest->len - i)) return false;
      c = ascii_unescape(rest->base + i);
      i += 2;
    }
    if (c == '\0') return false;
    *(*to)++ = c;
  }
  *(*to)++ = '\0';
  rest->base += i;
  rest->len -= i;
  return true;
}

/* Each segment has a slash before it, so the text with its NULs is no longer than the path. */
static wsuv_refused_t decode_path(decoded_path *p, char *text, size_t most, ws_text path,
                                  const char **detail) {
  bool matchable = path.len > 0 && path.base[0] == '/';
  while (path.len > 0 && path.base[0] == '/') {
    ws_text s = {text, 0};
    path = (ws_text){path.base + 1, path.len - 1};
    if (!decode_segment(&text, &path)) {
      *detail = "malformed percent-escape or \"%00\" in the path";
      return WSUV_REFUSED_ESCAPE;
    }
    s.len = (size_t) (text - s.base) - 1;
    if (p->count < most) p->segments[p->count] = s;
    p->count++;
    if ((s.len == 0 && path.len > 0) || is_dots(s)) matchable = false;
  }
  p->end = text;
  if (matchable) return WSUV_REFUSED_NONE;
  *detail = "the path has an empty segment, \".\" or \"..\"";
  return WSUV_REFUSED_NO_ROUTE;
}

/* The segments of the path from index `i` on are what {name?} may stand for. */
static bool matches_optional(const decoded_path *p, size_t i) {
  if (i == p->count) return true;
  bool root = i == 0 && p->segments[0].len == 0;
  return i + 1 == p->count && (root || p->segments[i].len > 0);
}

static bool matches_path(const router_entry *entry, const decoded_path *p) {
  for (size_t i = 0; i < entry->count; i++) {
    const segment *wanted = &entry->segments[i];
    if (wanted->kind == SEGMENT_REST) return true;
    if (wanted->kind == SEGMENT_OPTIONAL) return matches_optional(p, i);
    if (i == p->count) return false;
    const ws_text s = p->segments[i];
    if (wanted->kind == SEGMENT_TEXT ? !ws_text_equal(wanted->text, s) : s.len == 0) return false;
  }
  return entry->count == p->count;
}

/* Of the patterns from index `i` on that equal that one, the one whose subprotocol was offered
   first; NULL: none of them was. */
static const router_entry *choose_by_offer(const router *r, size_t i,
                                           const subprotocol_offer *offer) {
  const router_entry *best = NULL, *first = r->entries[i];
  size_t best_place = offer->count;
  for (; i < r->count && compare_patterns(r->entries[i], first) == 0; i++) {
    const router_entry *entry = r->entries[i];
    if (entry->subprotocol == NULL) return best != NULL ? best : entry;
    size_t place = subprotocol_find(offer, entry->subprotocol);
    if (place >= best_place) continue;
    best = entry;
    best_place = place;
  }
  return best;
}

static char *put_text(char *to, ws_text s) {
  if (s.len > 0) memcpy(to, s.base, s.len);
  to[s.len] = '\0';
  return to + s.len + 1;
}

/* The rest of the path has the slashes again that were cut. */
static char *put_rest(char *to, const decoded_path *p, size_t i) {
  if (i >= p->count) return put_text(to, (ws_text){NULL, 0});
  const ws_text rest = {p->segments[i].base, (size_t) (p->end - p->segments[i].base) - 1};
  char *end = put_text(to, rest);
  for (char *c = to; c + 1 < end; c++) {
    if (*c == '\0') *c = '/';
  }
  return end;
}

/* {name?} that is missing is no parameter. */
static bool is_missing(const segment *wanted, const decoded_path *p, size_t i) {
  return wanted->kind == SEGMENT_OPTIONAL && (i >= p->count || p->segments[i].len == 0);
}

static void put_params(ws_params *params, const router_entry *entry, const decoded_path *p) {
  char *to = params->text;
  for (size_t i = 0; i < entry->count; i++) {
    const segment *wanted = &entry->segments[i];
    if (wanted->kind == SEGMENT_TEXT || is_missing(wanted, p, i)) continue;
    *to++ = PARAMS_VALUE;
    to = put_text(to, wanted->text);
    to = wanted->kind == SEGMENT_REST ? put_rest(to, p, i) : put_text(to, p->segments[i]);
  }
  params->len = (size_t) (to - params->text);
}

/* Each value is part of the path, and has a mark and a NUL besides its name. */
static wsuv_refused_t make_match(const router *r, const router_entry *entry, const decoded_path *p,
                                 size_t path_len, router_match *match, const char **detail) {
  ws_params *params = NULL;
  *detail = wsuv_refused_text(WSUV_REFUSED_NO_MEMORY);
  if (entry->param_count > 0) {
    size_t text = entry->names_len + path_len + 2 * entry->param_count;
    params = ws_malloc(r->alloc, sizeof *params + text);
    if (params == NULL) return WSUV_REFUSED_NO_MEMORY;
    put_params(params, entry, p);
  }
  *match = (router_match){entry->route, entry->subprotocol, params};
  *detail = "";
  return WSUV_REFUSED_NONE;
}

static wsuv_refused_t find_entry(const router *r, const decoded_path *p,
                                 const subprotocol_offer *offer, const router_entry **out,
                                 const char **detail) {
  *detail = "no route has this path";
  for (size_t i = 0; i < r->count; i++) {
    if (i > 0 && compare_patterns(r->entries[i - 1], r->entries[i]) == 0) continue;
    if (!matches_path(r->entries[i], p)) continue;
    *out = choose_by_offer(r, i, offer);
    if (*out != NULL) return WSUV_REFUSED_NONE;
    *detail = "the subprotocol of the route is not offered";
  }
  return WSUV_REFUSED_NO_ROUTE;
}

wsuv_refused_t router_find(const router *r, ws_text path, const subprotocol_offer *offer,
                           router_match *match, const char **detail) {
  const router_entry *entry;
  size_t most = r->depth < path.len ? r->depth : path.len;
  decoded_path *p = ws_malloc(r->alloc, sizeof *p + most * sizeof p->segments[0] + path.len);
  *detail = wsuv_refused_text(WSUV_REFUSED_NO_MEMORY);
  if (p == NULL) return WSUV_REFUSED_NO_MEMORY;
  p->count = 0;
  char *text = (char *) (void *) (p->segments + most);
  wsuv_refused_t cause = decode_path(p, text, most, path, detail);
  if (cause == WSUV_REFUSED_NONE) cause = find_entry(r, p, offer, &entry, detail);
  if (cause == WSUV_REFUSED_NONE) cause = make_match(r, entry, p, path.len, match, detail);
  ws_free(r->alloc, p);
  return cause;
}
