/* Requests put together at random, from what matters, through everything that a server does with
   them before a program sees them: as a fuzzer would. What comes of a request does not depend on
   how it is cut, what is accepted can be answered, and nothing leaks. F62 */

#include <string.h>

#include "base/error.h"
#include "proto/handshake/h1_server.h"
#include "proto/handshake/origin.h"
#include "proto/handshake/refused.h"
#include "proto/handshake/router.h"
#include "support/frames.h"
#include "support/pieces.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

enum { MAX_SIZE = 220, MAX_FIELDS = 7, REQUESTS = 40000 };

static const char *const methods[] = {"GET", "GET", "GET", "GET", "POST", "HEAD", "get", "PRI", ""};
static const char *const targets[] = {
    "/",       "/a",        "/a/b",       "/r/%2F?x=%00", "/%",   "/../a", "//",         "*",
    "http://", "http://h/", "ws://h?a&b", "http://u@h/",  "/a#b", "/\x80", "/{x}?a=%zz", ""};
static const char *const versions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1",
                                       "HTTP/1.0", "HTTP/2.0", "HTTP/1",   "FTP/1.1"};
static const char *const spaces[] = {" ", " ", " ", " ", " ", " ", " ", " ", "  ", "\t", ""};
static const char *const ends[] = {"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n",
                                   "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n",   "\r",   " \r\n"};
static const char *const good_fields[] = {
    "Host: h", "Upgrade: websocket", "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"};
static const char *const more_fields[] = {"Host: h:80",
                                          "Host: a b",
                                          "Origin: http://h",
                                          "Origin: null",
                                          "Content-Length: 0",
                                          "Content-Length: 5",
                                          "Transfer-Encoding: chunked",
                                          "Sec-WebSocket-Protocol: a, b",
                                          "Sec-WebSocket-Protocol: ,",
                                          "Sec-WebSocket-Protocol: a b",
                                          "Sec-WebSocket-Extensions: permessage-deflate",
                                          "Sec-WebSocket-Extensions: a;",
                                          "Sec-WebSocket-Version: 8",
                                          "Connection: keep-alive",
                                          "X:",
                                          "X",
                                          ": x",
                                          "X : y",
                                          " X: y",
                                          "Y: \x01",
                                          "Z: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

#define PICK(list) list[seeded_below(seed, COUNT_OF(list))]

static void put(bytes *request, const char *text) {
  bytes_add(request, text, strlen(text));
}

static void make_request(bytes *request, uint64_t *seed) {
  if (seeded_below(seed, 16) == 0) put(request, "\r\n");
  put(request, PICK(methods));
  put(request, PICK(spaces));
  put(request, PICK(targets));
  put(request, PICK(spaces));
  put(request, PICK(versions));
  put(request, PICK(ends));
  for (size_t i = 0; i < COUNT_OF(good_fields); i++) {
    if (seeded_below(seed, 24) == 0) continue;
    put(request, good_fields[i]);
    put(request, PICK(ends));
  }
  for (size_t n = seeded_below(seed, 4); n > 0; n--) {
    put(request, PICK(more_fields));
    put(request, PICK(ends));
  }
  put(request, PICK(ends));
  put(request, "\x81\x80"); /* frames behind it */
}

static int take(void *arg, const uint8_t *data, size_t len, size_t *used) {
  return h1_server_feed(arg, data, len, used);
}

typedef struct outcome {
  int result;
  wsuv_refused_t cause;
  const char *detail;
  size_t used;
} outcome;

static outcome judge(h1_server **h, track_alloc *alloc, const bytes *request, pieces how) {
  const h1_server_limits limits = {MAX_SIZE, MAX_FIELDS};
  outcome o = {0};
  assert_int_equal(h1_server_new(h, &alloc->handle, &limits), 0);
  o.result = pieces_feed(how, request->base, request->len, take, *h, &o.used);
  if (o.result < 0) o.used = 0;
  o.cause = h1_server_cause(*h);
  o.detail = h1_server_detail(*h);
  return o;
}

static void assert_same(const bytes *request, const outcome *a, const outcome *b) {
  if (a->result == b->result && a->cause == b->cause && a->used == b->used &&
      strcmp(a->detail, b->detail) == 0)
    return;
  fail_msg("%s (%s), not %s (%s):\n%.*s", wsuv_refused_name(b->cause), b->detail,
           wsuv_refused_name(a->cause), a->detail, (int) request->len,
           (const char *) request->base);
}

static wsuv_refused_t decide(h1_server *h, const router *routes, track_alloc *alloc) {
  router_match match = {0};
  const char *detail = "", *origin = h1_server_origin(h);
  wsuv_refused_t cause = host_check(h1_server_host(h), NULL, 0, false, &detail);
  if (cause == WSUV_REFUSED_NONE)
    cause = router_find(routes, h1_server_path(h), h1_server_offer(h), &match, &detail);
  ws_free(&alloc->handle, match.params);
  if (cause == WSUV_REFUSED_NONE) cause = h1_server_cause(h);
  if (cause == WSUV_REFUSED_NONE) cause = origin_check(origin, h1_server_host(h), NULL, 0, &detail);
  return cause;
}

static void accept_request(h1_server *h) {
  handshake_result *result;
  assert_int_equal(h1_server_accept(h, h1_server_offered(h, 0), NULL, NULL, 0), 0);
  assert_int_equal(h1_server_result(h, &result), 0);
  assert_int_equal(result->target[0], '/');
  (void) handshake_result_query(result, "x");
  handshake_result_free(result);
}

/* Accepted or refused, with a response to each. */
static wsuv_refused_t answer(h1_server *h, const outcome *o, const router *routes,
                             track_alloc *alloc) {
  size_t len;
  wsuv_refused_t cause = o->result < 0 ? o->cause : decide(h, routes, alloc);
  if (cause == WSUV_REFUSED_NONE) {
    accept_request(h);
  } else {
    assert_int_equal(h1_server_reject(h, refused_status(cause), NULL, 0, "no", 2), 0);
  }
  const char *text = h1_server_answer(h, &len);
  assert_true(len > 13 && memcmp(text, "HTTP/1.1 ", 9) == 0);
  return cause;
}

static void add_routes(router *routes) {
  static const char *const patterns[] = {"/", "/a", "/a/{x}", "/r/{x?}"};
  for (size_t i = 0; i < COUNT_OF(patterns); i++) {
    assert_int_equal(router_add(routes, patterns[i], NULL, routes, NULL), 0);
  }
}

static wsuv_refused_t play(uint64_t *seed, const router *routes, track_alloc *alloc) {
  SCOPED_BYTES request = {0};
  h1_server *whole, *cut;
  wsuv_refused_t cause = WSUV_REFUSED_NONE;
  make_request(&request, seed);
  outcome a = judge(&whole, alloc, &request, (pieces){.kind = PIECES_WHOLE});
  outcome b = judge(&cut, alloc, &request, (pieces){.kind = PIECES_BYTES});
  assert_same(&request, &a, &b);
  h1_server_free(cut);
  b = judge(&cut, alloc, &request, (pieces){.kind = PIECES_RANDOM, .seed = (uint32_t) *seed});
  assert_same(&request, &a, &b);
  h1_server_free(cut);
  if (a.result != 0) cause = answer(whole, &a, routes, alloc);
  h1_server_free(whole);
  return cause;
}

TEST(test_requests_at_random) {
  size_t seen[WSUV_REFUSED_HOOK + 1] = {0};
  uint64_t seed = 1;
  track_alloc alloc;
  router routes;
  track_alloc_init(&alloc);
  router_init(&routes, &alloc.handle);
  add_routes(&routes);
  const size_t live = alloc.live;
  for (int i = 0; i < REQUESTS; i++) {
    seen[play(&seed, &routes, &alloc)]++;
    assert_int_equal(alloc.live, live);
  }
  router_clear(&routes);
  assert_int_equal(alloc.live, 0);
  /* They are not all refused for the same cause. */
  for (size_t cause = 0; cause <= WSUV_REFUSED_EXTENSION; cause++) {
    bool possible = cause != WSUV_REFUSED_HOST_UNKNOWN && cause != WSUV_REFUSED_TLS_ON_PLAIN;
    if (possible && seen[cause] == 0) {
      fail_msg("never: %s", wsuv_refused_name((wsuv_refused_t) cause));
    }
  }
}
