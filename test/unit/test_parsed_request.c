/* Requests that the program has parsed become text that says the same, or are refused. */

#include <string.h>

#include "base/error.h"
#include "proto/handshake/h1_server.h"
#include "proto/handshake/parsed_request.h"
#include "proto/http/http_message.h"
#include "support/alloc_failures.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

static const wsuv_header_t good_fields[] = {
    {"Host", "a"}, {"Upgrade", "h2c, WebSocket"}, {"connection", "keep-alive, Upgrade"}, {"X", ""}};

static wsuv_http_request_t good_request(void) {
  wsuv_http_request_t r;
  wsuv_http_request_init(&r, "/path?query");
  r.headers = good_fields;
  r.header_count = COUNT_OF(good_fields);
  return r;
}

/* The head is read again, and must be the same. */
static void assert_same(const text_buf *text, const wsuv_http_request_t *r,
                        const wsuv_allocator_t *alloc) {
  http_message m;
  size_t used;
  http_message_init(&m, alloc, HTTP_REQUEST, 1 << 16, 100);
  int err = http_message_read_head(&m, (uint8_t *) text_buf_base(text), text_buf_len(text), &used);
  assert_int_equal(err, 1);
  const request_line *line = &m.request;
  assert_int_equal(used, text_buf_len(text));
  assert_int_equal(line->method.len, strlen(r->method));
  assert_memory_equal(line->method.base, r->method, line->method.len);
  assert_int_equal(line->target.len, strlen(r->target));
  assert_memory_equal(line->target.base, r->target, line->target.len);
  assert_int_equal(m.fields.count, r->header_count);
  const wsuv_header_t *fields = header_store_index(&m.fields);
  for (size_t i = 0; i < r->header_count; i++) {
    assert_string_equal(fields[i].name, r->headers[i].name);
    assert_string_equal(fields[i].value, r->headers[i].value);
  }
  http_message_clear(&m);
}

static int write_and_read(const wsuv_http_request_t *r) {
  track_alloc alloc;
  text_buf text;
  track_alloc_init(&alloc);
  text_buf_init(&text, &alloc.handle);
  int err = parsed_request_write(&text, r, NULL);
  if (err == 0) assert_same(&text, r, &alloc.handle);
  text_buf_clear(&text);
  assert_int_equal(alloc.live, 0);
  return err;
}

TEST(test_parsed_request_is_written_as_it_is) {
  wsuv_http_request_t r = good_request();
  assert_int_equal(write_and_read(&r), 0);
  r.header_count = 0;
  assert_int_equal(write_and_read(&r), 0);
}

/* F8: every byte in every place. */
static bool is_control(int c) {
  return c < ' ' || c == 0x7f;
}

TEST(test_parsed_request_with_any_byte_in_the_target) {
  for (int c = 1; c < 256; c++) {
    const char target[] = {'/', (char) c, 'a', '\0'};
    wsuv_http_request_t r = good_request();
    r.target = target;
    assert_int_equal(write_and_read(&r), is_control(c) || c == ' ' ? WS_EINVAL : 0);
  }
}

TEST(test_parsed_request_with_any_byte_in_the_method) {
  for (int c = 1; c < 256; c++) {
    const char method[] = {'G', (char) c, '\0'};
    wsuv_http_request_t r = good_request();
    r.method = method;
    assert_int_equal(write_and_read(&r), header_is_token(method, 2) ? 0 : WS_EINVAL);
  }
}

TEST(test_parsed_request_with_any_byte_in_a_field) {
  for (int c = 1; c < 256; c++) {
    const char text[] = {'a', (char) c, 'b', '\0'};
    const wsuv_header_t fields[] = {{"Host", "a"}, {text, "b"}, {"Host", "b"}};
    const wsuv_header_t values[] = {{"Host", "a"}, {"b", text}, {"Host", "b"}};
    wsuv_http_request_t r = good_request();
    r.header_count = 3;
    r.headers = fields;
    assert_int_equal(write_and_read(&r), header_is_token(text, 3) ? 0 : WSUV_EINVAL_HEADER);
    r.headers = values;
    assert_int_equal(write_and_read(&r), is_control(c) && c != '\t' ? WSUV_EINVAL_HEADER : 0);
  }
}

TEST(test_parsed_request_that_is_no_request) {
  wsuv_http_request_t r = good_request(), to;
  r.http_major = 10;
  assert_int_equal(write_and_read(&r), WS_EINVAL);
  r = good_request();
  assert_int_equal(parsed_request_read(&to, NULL, NULL), WS_EINVAL);
  r.method = NULL;
  assert_int_equal(parsed_request_read(&to, &r, NULL), WS_EINVAL);
  r = good_request();
  r.target = NULL;
  assert_int_equal(parsed_request_read(&to, &r, NULL), WS_EINVAL);
  r = good_request();
  r.headers = NULL;
  assert_int_equal(parsed_request_read(&to, &r, NULL), WS_EINVAL);
  r = good_request();
  r.size = 1;
  assert_int_equal(parsed_request_read(&to, &r, NULL), WSUV_ESIZE);
}

TEST(test_parsed_request_is_an_upgrade) {
  wsuv_http_request_t r = good_request();
  assert_true(wsuv_http_request_is_upgrade(&r));
  r.method = "get";
  assert_false(wsuv_http_request_is_upgrade(&r));
  r = good_request();
  r.http_minor = 0;
  assert_false(wsuv_http_request_is_upgrade(&r));
  r = good_request();
  r.header_count = 2;
  assert_false(wsuv_http_request_is_upgrade(&r));
}

/* F46 */
TEST(test_parsed_request_without_memory) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    track_alloc alloc;
    h1_server *h = NULL;
    const h1_server_limits limits = {16384, 100};
    const wsuv_http_request_t r = good_request();
    track_alloc_init(&alloc);
    alloc_failures_begin(&f, &alloc);
    int err = h1_server_new(&h, &alloc.handle, &limits);
    if (err == 0) err = h1_server_read_parsed(h, &r, NULL);
    assert_int_equal(err, alloc_failures_end(&f, &alloc) ? WS_ENOMEM : 1);
    h1_server_free(h);
    assert_int_equal(alloc.live, 0);
  }
}
