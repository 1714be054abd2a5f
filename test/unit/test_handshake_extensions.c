/* Extensions in the opening handshake: both sides of it, with each other. */

#include <string.h>

#include <wsuv/deflate.h>

#include "base/error.h"
#include "proto/handshake/h1_client.h"
#include "proto/handshake/h1_server.h"
#include "support/alloc_failures.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

static const uint8_t key[HANDSHAKE_KEY_SIZE] = {1, 2, 3};
static const h1_server_limits limits = {16384, 100};

typedef struct fixture {
  track_alloc alloc;
  wsuv_extension_t deflate, other;
  extension_list *client_list, *server_list;
  h1_client *client;
  h1_server *server;
  handshake_result *result; /* of the client, once it is open */
  extension_set *client_set, *server_set;
} fixture;

static int refuse_offer(void *shared, size_t n, wsuv_extension_params_t *params) {
  (void) shared;
  (void) n;
  (void) params;
  return WS_EPROTONOSUPPORT;
}

static int accept_nothing(void *shared, const wsuv_allocator_t *allocator,
                          const wsuv_extension_param_t *params, size_t count, void **state,
                          const char **why) {
  (void) shared;
  (void) allocator;
  (void) params;
  (void) count;
  (void) state;
  *why = "nothing is accepted";
  return WSUV_EEXTENSION;
}

static int fail_answer(void *shared, const wsuv_allocator_t *allocator,
                       const wsuv_extension_param_t *offer, size_t count,
                       wsuv_extension_params_t *answer, void **state) {
  (void) shared;
  (void) allocator;
  (void) offer;
  (void) count;
  (void) answer;
  (void) state;
  return WS_EPROTONOSUPPORT;
}

static void fixture_open(fixture *f) {
  memset(f, 0, sizeof *f);
  track_alloc_init(&f->alloc);
  assert_int_equal(wsuv_permessage_deflate(&f->deflate, NULL), 0);
  wsuv_extension_init(&f->other);
  f->other.key = "other";
  f->other.accept = accept_nothing;
}

static int install(fixture *f, extension_list **list, const wsuv_extension_t *extension) {
  const wsuv_extension_t *const one[] = {extension};
  return extension_list_new(list, &f->alloc.handle, one, extension != NULL ? 1 : 0);
}

static int begin(fixture *f) {
  static const char text[] = "ws://example.com/";
  ws_url url;
  assert_int_equal(url_parse(&url, text, sizeof text - 1), 0);
  const handshake_request request = {
      .url = &url, .extensions = f->client_list, .max_size = 16384, .max_headers = 100};
  int err = h1_client_new(&f->client, &f->alloc.handle, &request, key, NULL);
  if (err < 0) return err;
  return h1_server_new(&f->server, &f->alloc.handle, &limits);
}

static int feed_server(fixture *f, const char *text, size_t len) {
  size_t used;
  return h1_server_feed(f->server, (const uint8_t *) text, len, &used);
}

static int feed_client(fixture *f, const char *text, size_t len) {
  size_t used;
  return h1_client_feed(f->client, (const uint8_t *) text, len, &used);
}

static extension_set *take_client_set(fixture *f) {
  extension_set *set = f->result->extensions;
  f->result->extensions = NULL;
  return set;
}

static int take_server_set(fixture *f) {
  handshake_result *result;
  int err = h1_server_result(f->server, &result);
  if (err < 0) return err;
  f->server_set = result->extensions;
  result->extensions = NULL;
  handshake_result_free(result);
  return 0;
}

/* 1: both are open. */
static int exchange(fixture *f) {
  size_t len;
  const char *text = h1_client_request(f->client, &len);
  int r = feed_server(f, text, len);
  if (r == 1) r = h1_server_accept(f->server, NULL, f->server_list, NULL, 0);
  if (r < 0) return r;
  text = h1_server_answer(f->server, &len);
  r = feed_client(f, text, len);
  if (r < 0) return r;
  int err = take_server_set(f);
  if (err < 0) return err;
  err = r == 1 ? h1_client_result(f->client, &f->result) : 0;
  if (err < 0) return err;
  if (r == 1) f->client_set = take_client_set(f);
  return r;
}

static void fixture_close(fixture *f) {
  extension_set_free(f->client_set);
  extension_set_free(f->server_set);
  handshake_result_free(f->result);
  h1_client_free(f->client);
  h1_server_free(f->server);
  extension_list_unref(f->client_list);
  extension_list_unref(f->server_list);
  assert_int_equal(f->alloc.live, 0);
}

static bool has_line(const char *text, size_t len, const char *line) {
  char copy[2048];
  assert_true(len < sizeof copy);
  memcpy(copy, text, len);
  copy[len] = '\0';
  return strstr(copy, line) != NULL;
}

TEST(test_handshake_agrees_upon_what_both_have) {
  size_t len;
  SCOPED(fixture, f);
  assert_int_equal(install(&f, &f.client_list, &f.deflate), 0);
  assert_int_equal(install(&f, &f.server_list, &f.deflate), 0);
  assert_int_equal(begin(&f), 0);
  assert_int_equal(exchange(&f), 1);
  const char *text = text_buf_base(&f.result->request);
  assert_true(has_line(text, text_buf_len(&f.result->request),
                       "\r\nSec-WebSocket-Extensions: permessage-deflate; "
                       "client_max_window_bits\r\n"));
  text = h1_server_answer(f.server, &len);
  assert_true(has_line(text, len, "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"));
  assert_string_equal(extension_set_text(f.client_set), "permessage-deflate");
  assert_string_equal(extension_set_text(f.server_set), "permessage-deflate");
  assert_string_equal(h1_client_detail(f.client), "");
  assert_null(take_client_set(&f));
}

TEST(test_handshake_goes_on_without_what_one_has) {
  for (int who = 0; who < 3; who++) {
    size_t len;
    SCOPED(fixture, f);
    assert_int_equal(install(&f, &f.client_list, who == 1 ? &f.deflate : NULL), 0);
    assert_int_equal(install(&f, &f.server_list, who == 2 ? &f.deflate : NULL), 0);
    assert_int_equal(begin(&f), 0);
    assert_int_equal(exchange(&f), 1);
    assert_null(f.client_set);
    assert_null(f.server_set);
    const char *text = text_buf_base(&f.result->request);
    assert_int_equal(has_line(text, text_buf_len(&f.result->request), "Sec-WebSocket-Extensions"),
                     who == 1);
    text = h1_server_answer(f.server, &len);
    assert_false(has_line(text, len, "Sec-WebSocket-Extensions"));
  }
}

/* What is not taken is freed with the handshake. */
TEST(test_handshake_frees_what_was_agreed_upon) {
  size_t len;
  SCOPED(fixture, f);
  assert_int_equal(install(&f, &f.client_list, &f.deflate), 0);
  assert_int_equal(install(&f, &f.server_list, &f.deflate), 0);
  assert_int_equal(begin(&f), 0);
  const char *text = h1_client_request(f.client, &len);
  assert_int_equal(feed_server(&f, text, len), 1);
  assert_int_equal(h1_server_accept(f.server, NULL, f.server_list, NULL, 0), 0);
  text = h1_server_answer(f.server, &len);
  assert_int_equal(feed_client(&f, text, len), 1);
}

#define REQUEST                                          \
  "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"  \
  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* What is agreed upon; NULL: the request is refused because of its offer. */
static void assert_offer(const char *request, const char *agreed) {
  SCOPED(fixture, f);
  assert_int_equal(install(&f, &f.server_list, &f.deflate), 0);
  assert_int_equal(begin(&f), 0);
  assert_int_equal(feed_server(&f, request, strlen(request)), 1);
  assert_int_equal(h1_server_cause(f.server),
                   agreed != NULL ? WSUV_REFUSED_NONE : WSUV_REFUSED_EXTENSION);
  if (agreed == NULL) return;
  assert_int_equal(h1_server_accept(f.server, NULL, f.server_list, NULL, 0), 0);
  assert_int_equal(take_server_set(&f), 0);
  assert_string_equal(extension_set_text(f.server_set), agreed);
}

#define OFFER "Sec-WebSocket-Extensions: "

/* A malformed offer fails the handshake (RFC 6455 9.1), one that is not understood is declined. */
TEST(test_h1_server_judges_offers) {
  assert_offer(REQUEST OFFER "permessage-deflate\r\n\r\n", "permessage-deflate");
  assert_offer(REQUEST OFFER "unheard-of; x\r\n\r\n", "");
  assert_offer(REQUEST OFFER "permessage-deflate; x, permessage-deflate\r\n\r\n",
               "permessage-deflate");
  assert_offer(REQUEST OFFER "x\r\n" OFFER "permessage-deflate\r\n\r\n", "permessage-deflate");
  assert_offer(REQUEST OFFER "\r\n" OFFER " , \r\n\r\n", "");
  assert_offer(REQUEST OFFER "permessage-deflate; =\r\n\r\n", NULL);
  assert_offer(REQUEST OFFER "permessage-deflate;\r\n\r\n", NULL);
}

/* The extensions of a route, or none, are decided upon after the request was read. */
TEST(test_h1_server_can_decline_extensions) {
  SCOPED(fixture, f);
  assert_int_equal(begin(&f), 0);
  static const char request[] = REQUEST OFFER "permessage-deflate\r\n\r\n";
  assert_int_equal(feed_server(&f, request, sizeof request - 1), 1);
  assert_int_equal(h1_server_accept(f.server, NULL, NULL, NULL, 0), 0);
  assert_int_equal(take_server_set(&f), 0);
  assert_null(f.server_set);
}

TEST(test_handshake_fails_with_what_a_hook_returns) {
  fixture f;
  fixture_open(&f);
  f.other.offer = refuse_offer;
  assert_int_equal(install(&f, &f.client_list, &f.other), 0);
  assert_int_equal(begin(&f), WS_EPROTONOSUPPORT);
  fixture_close(&f);
  fixture_open(&f);
  f.deflate.answer = fail_answer;
  assert_int_equal(install(&f, &f.client_list, &f.deflate), 0);
  assert_int_equal(install(&f, &f.server_list, &f.deflate), 0);
  assert_int_equal(begin(&f), 0);
  assert_int_equal(exchange(&f), WS_EPROTONOSUPPORT);
  fixture_close(&f);
}

static int whole(fixture *f) {
  int err = install(f, &f->client_list, &f->deflate);
  if (err == 0) err = install(f, &f->server_list, &f->deflate);
  if (err == 0) err = begin(f);
  return err == 0 ? exchange(f) : err;
}

TEST(test_handshake_survives_each_failing_allocation) {
  for (alloc_failures n = {0}; alloc_failures_next(&n);) {
    SCOPED(fixture, f);
    alloc_failures_begin(&n, &f.alloc);
    int r = whole(&f);
    assert_int_equal(r, alloc_failures_end(&n, &f.alloc) ? WS_ENOMEM : 1);
  }
}
