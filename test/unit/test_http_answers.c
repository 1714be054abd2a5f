/* Answers of real servers and proxies, and what is not taken from them: bodies without end. */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/h1_client.h"
#include "support/test.h"
#include "support/track_alloc.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* The nonce of RFC 6455 1.3, and the answer to it. */
static const uint8_t nonce[] = "the sample nonce";
#define GOOD

typedef struct fixture {
  track_alloc alloc;
  ws_url url;
  handshake_request request;
  h1_client *h;
} fixture;

static void set_up(fixture *f) {
  memset(f, 0, sizeof *f);
  track_alloc_init(&f->alloc);
  assert_int_equal(url_parse(&f->url, "ws://h", 6), 0);
  f->request.url = &f->url;
  f->request.max_size = 16384;
  f->request.max_headers = 100;
  assert_int_equal(h1_client_new(&f->h, &f->alloc.handle, &f->request, nonce), 0);
}

static void tear_down(fixture *f) {
  h1_client_free(f->h);
  assert_int_equal(f->alloc.live, 0);
}

/* ---- refusals ---- */

/* A head, and octets that may follow it for ever. None of them is payload. */
static const struct {
  const char *start, *part;
} endless[] = {{"1;", "a"},           {"1;a=\"", "\t"},
               {"0\r\n", "X: y\r\n"}, {"0\r\nX: ", "y"},
               {"", "00000000"},      {"", "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\na\r\n"}};

#define REFUSAL "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n"

/* What the start of `endless[i]` makes with its part, as often as there is room. */
static void fill(char *text, size_t size, size_t i) {
  size_t len = (size_t) snprintf(text, size, "%s", endless[i].start);
  for (; len < size; len++) {
    size_t at = (len - strlen(endless[i].start)) % strlen(endless[i].part);
    text[len] = endless[i].part[at];
  }
}

/* Feed the body in pieces of a size; returns how much it took until the end. */
static size_t until_refused(const char *text, size_t len, size_t piece, size_t *body_len) {
  fixture f;
  size_t used, fed = 0;
  set_up(&f);
  const uint8_t *head = (const uint8_t *) REFUSAL;
  int result = h1_client_feed(f.h, head, sizeof REFUSAL - 1, &used);
  size_t before = f.alloc.live_bytes;
  while (result == 0 && fed + piece <= len) {
    result = h1_client_feed(f.h, (const uint8_t *) text + fed, piece, &used);
    fed += piece;
  }
  assert_int_equal(result, WSUV_ESTATUS);
  assert_int_equal(h1_client_status(f.h), 500);
  (void) h1_client_body(f.h, body_len);
  assert_in_range(f.alloc.peak_bytes, before, before + 2 * 4096);
  tear_down(&f);
  return fed;
}

/* F12: chunk headers, extensions and trailers count. The same however it is cut. */
TEST(test_refusal_is_read_up_to_64_kib_from_the_wire) {
  static char text[4 * 65536];
  static const size_t sizes[] = {1, 7, 4096, 65536};
  for (size_t i = 0; i < COUNT(endless); i++) {
    size_t first = 0;
    fill(text, sizeof text, i);
    for (size_t k = 0; k < COUNT(sizes); k++) {
      size_t body_len, fed = until_refused(text, sizeof text, sizes[k], &body_len);
      assert_in_range(fed, 1, 65536 + sizes[k] - 1);
      if (k == 0) first = body_len;
      assert_int_equal(body_len, first);
    }
  }
}
