/* Heads with very many fields of one name, with limits that allow them. Were the work more than
   linear, each of these tests would take minutes. F2 */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text_buf.h"
#include "proto/handshake/h1_client.h"
#include "proto/handshake/h1_server.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

enum { FIELDS = 200000, NO_LIMIT = 1 << 30 };

static void put_many(text_buf *text, const char *first, const char *repeated) {
  text_buf_puts(text, first);
  for (int i = 0; i < FIELDS; i++) text_buf_puts(text, repeated);
  assert_int_equal(text_buf_puts(text, "\r\n"), 0);
}

TEST(test_many_fields_of_an_answer) {
  static const uint8_t key[HANDSHAKE_KEY_SIZE];
  track_alloc alloc;
  text_buf text;
  h1_client *client;
  ws_url url;
  size_t used;
  track_alloc_init(&alloc);
  text_buf_init(&text, &alloc.handle);
  assert_int_equal(url_parse(&url, "ws://h", 6), 0);
  handshake_request request = {.url = &url, .max_size = NO_LIMIT, .max_headers = NO_LIMIT};
  assert_int_equal(h1_client_new(&client, &alloc.handle, &request, key, NULL), 0);
  put_many(&text, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n", "Connection: x\r\n");
  const uint8_t *base = (const uint8_t *) text_buf_base(&text);
  assert_int_equal(h1_client_feed(client, base, text_buf_len(&text), &used), WSUV_EUPGRADE);
  assert_string_equal(h1_client_detail(client), "Connection does not say upgrade");
  h1_client_free(client);
  text_buf_clear(&text);
  assert_int_equal(alloc.live, 0);
}

#define REQUEST                                                            \
  "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"                    \
  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
  "Sec-WebSocket-Version: 13\r\n"

typedef struct asked {
  track_alloc alloc;
  text_buf text;
  h1_server *server;
} asked;

static void ask(asked *a, const char *repeated) {
  const h1_server_limits limits = {NO_LIMIT, NO_LIMIT};
  size_t used;
  track_alloc_init(&a->alloc);
  text_buf_init(&a->text, &a->alloc.handle);
  assert_int_equal(h1_server_new(&a->server, &a->alloc.handle, &limits), 0);
  put_many(&a->text, REQUEST, repeated);
  const uint8_t *base = (const uint8_t *) text_buf_base(&a->text);
  assert_int_equal(h1_server_feed(a->server, base, text_buf_len(&a->text), &used), 1);
}

static void done(asked *a) {
  h1_server_free(a->server);
  text_buf_clear(&a->text);
  assert_int_equal(a->alloc.live, 0);
}

TEST(test_many_fields_of_a_request) {
  asked a;
  ask(&a, "Connection: x\r\n");
  done(&a);
}

TEST(test_many_subprotocols_of_a_request) {
  asked a;
  size_t n = 0;
  ask(&a, "Sec-WebSocket-Protocol: a\r\n");
  while (h1_server_offered(a.server, n) != NULL) n++;
  assert_int_equal(n, FIELDS);
  assert_string_equal(h1_server_offered(a.server, 7), "a");
  done(&a);
}
