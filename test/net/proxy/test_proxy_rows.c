/* Sessions through every row of one, two and three proxies: each sees exactly its own bytes and its
   own credentials, and no name is looked up that a proxy is to look up. F11, F70, F71 */

#include <stdio.h>
#include <string.h>

#include "support/proxy_peer.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* All rows of so many hops, with each choice of credentials. */
static void visit_rows(session_user *u, raw_peer *raw, size_t count, size_t piece) {
  size_t rows = 1;
  SCOPED(proxy_peer, x, raw);
  for (size_t i = 0; i < count; i++) rows *= 2 * PROXY_KINDS;
  for (size_t row = 0; row < rows; row++) {
    proxy_hop hops[PROXY_HOPS];
    for (size_t i = 0, n = row; i < count; i++, n /= 2 * PROXY_KINDS) {
      hops[i] = (proxy_hop){(proxy_kind) (n / 2 % PROXY_KINDS), n % 2 == 1};
    }
    proxy_peer_make(&x, hops, count);
    proxy_peer_serve(&x, piece);
    proxy_peer_visit(&x, u);
    assert_that(user_ended_cleanly(u, 1000, 1000), "%s: %d, %s", x.proxy, u->end.status,
                u->end.detail);
    assert_int_equal(u->messages, 1);
  }
}

SCENARIO_TEST(test_rows_of_one_and_two_proxies, w, p, u) {
  visit_rows(u, p->raw, 1, 0);
  visit_rows(u, p->raw, 2, 0);
}

SCENARIO_SIM_TEST(test_rows_of_three_proxies, w, p, u) {
  visit_rows(u, p->raw, 3, 0);
}

SCENARIO_TEST(test_rows_of_proxies_whose_answers_are_cut, w, p, u) {
  for (size_t piece = 1; piece < 30; piece++) visit_rows(u, p->raw, 1, piece);
}

SCENARIO_SIM_TEST(test_rows_of_two_proxies_whose_answers_come_by_bytes, w, p, u) {
  visit_rows(u, p->raw, 2, 1);
}

/* What the program says to the server is in the request alone: the proxies' bytes are compared
   whole. */
SCENARIO_TEST(test_credentials_of_the_server_are_its_own, w, p, u) {
  static const wsuv_header_t headers[] = {{"Cookie", "a=1"}, {"X-Token", "t"}};
  SCOPED(proxy_peer, x, p->raw);
  for (int kind = 0; kind < PROXY_KINDS; kind++) {
    wsuv_request_t r;
    char url[80];
    proxy_peer_make(&x, &(proxy_hop){(proxy_kind) kind, true}, 1);
    proxy_peer_play(&x, 0,
                    (const peer_step[]){PEER_EXPECT_REQUEST,
                                        PEER_SEND_UPGRADE,
                                        PEER_SEND_CLOSE(1000),
                                        PEER_EXPECT_CLOSE(1000),
                                        PEER_END,
                                        {.kind = STEP_NONE}});
    (void) snprintf(url, sizeof url, "ws://c:3@%s", x.url + strlen("ws://"));
    wsuv_request_init(&r, url);
    r.proxy = x.proxy;
    r.headers = headers;
    r.header_count = 2;
    user_reset(u);
    assert_int_equal(user_request(u, &r), 0);
    user_run_to_close(u);
    assert_true(user_ended_cleanly(u, 1000, 1000));
    const char *head = raw_peer_conn(p->raw, p->raw->accepted - 1)->request;
    assert_non_null(strstr(head, "\r\nAuthorization: Basic Yzoz\r\n"));
    assert_non_null(strstr(head, "\r\nCookie: a=1\r\n"));
    assert_null(strstr(head, "Proxy-"));
  }
}

static void note_facts(session_user *u) {
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  CHECK(wsuv_session_get_stats(u->session, &stats) == 0);
  *(uint64_t *) u->data = stats.proxy_us;
  CHECK(strstr(wsuv_session_proxy(u->session), "://127.0.0.1:") != NULL);
  CHECK(strchr(wsuv_session_proxy(u->session), '@') == NULL);
}

SCENARIO_SIM_TEST(test_facts_of_a_session_through_proxies, w, p, u) {
  uint64_t proxy_us = 0;
  SCOPED(proxy_peer, x, p->raw);
  proxy_peer_make(&x, (const proxy_hop[]){{PROXY_HTTP, true}, {PROXY_SOCKS5H, true}}, 2);
  proxy_peer_serve(&x, 0);
  u->data = &proxy_us;
  u->at_open = note_facts;
  proxy_peer_visit(&x, u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_true(proxy_us > 0);
}
