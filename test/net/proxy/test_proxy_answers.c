/* What proxies answer that is no tunnel: SOCKS codes by name, malformed and endless answers. F71 */

#include <stdio.h>
#include <string.h>

#include "support/proxy_peer.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* The last answer is another one. */
static void replace_answer(proxy_peer *x, size_t number, const void *answer, size_t len) {
  bytes_free(&x->answers[number]);
  bytes_add(&x->answers[number], answer, len);
}

/* Answer exchange `number` so, in pieces; then wait until the client has gone. */
static void visit_answer(proxy_peer *x, session_user *u, proxy_hop hop, size_t number,
                         const void *answer, size_t len, size_t piece) {
  proxy_peer_make(x, &hop, 1);
  replace_answer(x, number, answer, len);
  x->exchanges = number + 1;
  proxy_peer_play(x, piece, (const peer_step[]){PEER_EXPECT_GONE, {.kind = STEP_NONE}});
  x->raw->lenient = true;
  proxy_peer_visit(x, u);
  assert_that(u->end.stage == WSUV_STAGE_PROXY, "stage %d: %s", u->end.stage, u->end.detail);
  assert_true(user_never_opened(u));
}

typedef struct bad_answer {
  proxy_hop hop;
  size_t number; /* of the exchange */
  const char *answer;
  size_t len;
  int status;
  const char *detail;
} bad_answer;

#define TEXT(s) (s), sizeof(s) - 1

static const proxy_hop http = {PROXY_HTTP, false}, v4 = {PROXY_SOCKS4A, false},
                       v5 = {PROXY_SOCKS5H, false}, v5_login = {PROXY_SOCKS5H, true};

static void visit_rows(session_user *u, raw_peer *raw, const bad_answer *rows, size_t count) {
  SCOPED(proxy_peer, x, raw);
  for (size_t i = 0; i < count; i++) {
    const bad_answer *r = &rows[i];
    for (size_t piece = 0; piece < 2; piece++) {
      visit_answer(&x, u, r->hop, r->number, r->answer, r->len, piece);
      assert_that(u->end.status == r->status, "row %zu: %d, %s", i, u->end.status, u->end.detail);
      assert_that(strstr(u->end.detail, r->detail) != NULL, "row %zu: %s", i, u->end.detail);
    }
  }
}

SCENARIO_TEST(test_socks_answers_that_are_no_tunnel, w, p, u) {
  const bad_answer rows[] = {
      {v4, 0, TEXT("\0\133\0\0\0\0\0\0"), WSUV_EPROXY, "91"},
      {v4, 0, TEXT("\0\134\0\0\0\0\0\0"), WSUV_EPROXYAUTH, "92"},
      {v4, 0, TEXT("\0\135\0\0\0\0\0\0"), WSUV_EPROXYAUTH, "93"},
      {v4, 0, TEXT("\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "unknown reply (1)"},
      {v4, 0, TEXT("\4\132\0\0\0\0\0\0"), WSUV_EPROXY, "answer of another version"},
      {v4, 0, TEXT("HTTP/1.1 400 No\r\n\r\n"), WSUV_EPROXY, "speaks HTTP, not SOCKS"},
      {v5, 0, TEXT("\5\377"), WSUV_EPROXYAUTH, "no credentials"},
      {v5, 0, TEXT("\5\2"), WSUV_EPROXY, "not offered"},
      {v5, 0, TEXT("\5\1"), WSUV_EPROXY, "not offered"},
      {v5, 0, TEXT("\4\0"), WSUV_EPROXY, "answer of another version"},
      {v5, 0, TEXT("HTTP/1.1 400 No\r\n\r\n"), WSUV_EPROXY, "speaks HTTP, not SOCKS"},
      {v5_login, 1, TEXT("\1\1"), WSUV_EPROXYAUTH, "credentials were refused"},
      {v5, 1, TEXT("\5\1\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "general"},
      {v5, 1, TEXT("\5\2\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "not allowed"},
      {v5, 1, TEXT("\5\3\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "network unreachable"},
      {v5, 1, TEXT("\5\4\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "host unreachable"},
      {v5, 1, TEXT("\5\5\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "connection refused"},
      {v5, 1, TEXT("\5\6\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "TTL"},
      {v5, 1, TEXT("\5\7\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "command not supported"},
      {v5, 1, TEXT("\5\10\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "address type not supported"},
      {v5, 1, TEXT("\5\11\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "9"},
      {v5, 1, TEXT("\5\0\0\2\0\0\0\0\0\0"), WSUV_EPROXY, "unknown type of address"},
      {v5, 1, TEXT("\4\0\0\1\0\0\0\0\0\0"), WSUV_EPROXY, "answer of another version"},
  };
  visit_rows(u, p->raw, rows, COUNT_OF(rows));
}

SCENARIO_TEST(test_http_answers_that_are_no_tunnel, w, p, u) {
  static const bad_answer rows[] = {
      {{PROXY_HTTP, false}, 0, TEXT("\5\0"), WSUV_EPROXY, ""},
      {{PROXY_HTTP, false}, 0, TEXT("HTTP/2.0 200 OK\r\n\r\n"), WSUV_EPROXY, ""},
      {{PROXY_HTTP, false}, 0, TEXT("HTTP/1.1 2000 OK\r\n\r\n"), WSUV_EPROXY, ""},
      {{PROXY_HTTP, false}, 0, TEXT("HTTP/1.1 200 OK\r\nA b\r\n\r\n"), WSUV_EPROXY, ""},
      {{PROXY_HTTP, false}, 0, TEXT("HTTP/1.1 200 OK\r\nA: b\1c\r\n\r\n"), WSUV_EPROXY, ""},
      {{PROXY_HTTP, false},
       0,
       TEXT("HTTP/1.1 502 No\r\nContent-Length: 2\r\n\r\nno"),
       WSUV_EPROXY,
       "502"},
      {{PROXY_HTTP, false},
       0,
       TEXT("HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"),
       WSUV_EPROXY,
       "403"},
      {{PROXY_HTTP, true},
       1,
       TEXT("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
            "Content-Length: 0\r\n\r\n"),
       WSUV_EPROXYAUTH,
       "407"},
      {{PROXY_HTTP, true},
       0,
       TEXT("HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"),
       WSUV_EPROXYAUTH,
       ""},
      {{PROXY_HTTP, true},
       0,
       TEXT("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"),
       WSUV_EPROXYAUTH,
       ""},
  };
  visit_rows(u, p->raw, rows, COUNT_OF(rows));
}

/* Status, header fields and the first 4 KiB of the body come to on_close. */
SCENARIO_TEST(test_facts_of_a_refusal, w, p, u) {
  enum { BODY = 5000, KEPT = 4096 };
  SCOPED_BYTES answer = {0};
  SCOPED(proxy_peer, x, p->raw);
  bytes_print(&answer, "HTTP/1.1 403 No\r\nVia: a\r\nContent-Length: %d\r\n\r\n", BODY);
  for (size_t i = 0; i < BODY; i++) bytes_print(&answer, "%c", (int) ('a' + i % 26));
  visit_answer(&x, u, http, 0, answer.base, answer.len, 1000);
  assert_int_equal(u->end.status, WSUV_EPROXY);
  assert_int_equal(u->end.http_status, 403);
  assert_string_equal(bytes_text(&u->end.headers), "Via: a\nContent-Length: 5000\n");
  assert_int_equal(u->end.body.len, KEPT);
  assert_memory_equal(u->end.body.base, answer.base + answer.len - BODY, KEPT);
}

/* An answer that never ends is given up, by its size, long before the deadline. */
SCENARIO_SIM_TEST(test_endless_answers, w, p, u) {
  static const char *const heads[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.1 403 No\r\n", "HTTP/1.1 ",
                                      ""};
  static const char *const again[] = {"A: b\r\n", "A: b\r\n", "2", "HTTP/1.1 100 Wait\r\n\r\n"};
  enum { SIZE = 200 * 1000 };
  SCOPED(proxy_peer, x, p->raw);
  for (size_t i = 0; i < COUNT_OF(heads); i++) {
    SCOPED_BYTES answer = {0};
    const uint64_t begun_ms = world_now_ms(w);
    bytes_print(&answer, "%s", heads[i]);
    while (answer.len < SIZE) bytes_print(&answer, "%s", again[i]);
    visit_answer(&x, u, http, 0, answer.base, answer.len, 0);
    assert_that(u->end.status == WSUV_EPROXY, "head %zu: %d", i, u->end.status);
    assert_true(u->closed_ms - begun_ms < 1000);
  }
}
