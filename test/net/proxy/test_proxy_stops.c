/* A proxy that falls silent, goes away, or is given up, at each byte of each of its answers; and
   memory that fails, through each kind. F46, F71 */

#include <stdio.h>
#include <string.h>

#include "support/proxy_peer.h"
#include "support/scenario.h"
#include "support/stride.h"
#include "support/torture.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { DEADLINE_MS = 500 };

typedef void visit(proxy_peer *x, session_user *u);

/* Without the body of a refusal, after whose head the next request may come. */
static size_t head_len(const bytes *answer) {
  const char *end = strstr(bytes_text(answer), "\r\n\r\n");
  return end != NULL ? (size_t) (end + 4 - bytes_text(answer)) : answer->len;
}

/* A connection that ends in place of an answer to credentials is replaced by a new one. */
static bool begins_anew(const proxy_hop *hop, size_t number, size_t len, step_kind step) {
  return (step == STEP_END || step == STEP_RESET) && hop->kind == PROXY_HTTP && hop->credentials &&
         number == 1 && len == 0;
}

/* Play each kind, and a second proxy behind it, up to each byte; the last one is left out. */
static void stop_everywhere(session_user *u, raw_peer *raw, peer_step step, visit *play) {
  SCOPED(proxy_peer, x, raw);
  for (int kind = 0; kind < 2 * PROXY_KINDS; kind++) {
    const proxy_hop hops[] = {{(proxy_kind) (kind / 2), kind % 2 == 1}, {PROXY_SOCKS4A, false}};
    proxy_peer_make(&x, hops, 2);
    for (size_t i = 0; i < x.exchanges; i++) {
      for (size_t len = 0; len < head_len(&x.answers[i]); len++) {
        if (!stride_takes(len)) continue;
        if (begins_anew(hops, i, len, step.kind)) continue;
        proxy_peer_stop(&x, i, len, step);
        play(&x, u);
      }
    }
  }
}

static void assert_stopped(const proxy_peer *x, const session_user *u) {
  assert_that(u->end.stage == WSUV_STAGE_PROXY, "%s: %d, %s", x->proxy, u->end.status,
              u->end.detail);
  assert_true(user_never_opened(u));
}

static void visit_silent(proxy_peer *x, session_user *u) {
  const uint64_t begun_ms = world_now_ms(u->w);
  proxy_peer_visit(x, u);
  assert_stopped(x, u);
  assert_int_equal(u->end.status, UV_ETIMEDOUT);
  const uint64_t ms = u->closed_ms - begun_ms;
  assert_that(ms >= DEADLINE_MS && ms <= DEADLINE_MS + 1, "%s: %u ms", x->proxy, (unsigned) ms);
}

SCENARIO_SIM_TEST(test_proxy_falls_silent_at_each_byte, w, p, u) {
  u->config.handshake_timeout_ms = DEADLINE_MS;
  stop_everywhere(u, p->raw, (peer_step) PEER_EXPECT_GONE, visit_silent);
}

static void visit_gone(proxy_peer *x, session_user *u) {
  const size_t accepted = x->raw->accepted;
  proxy_peer_visit(x, u);
  assert_stopped(x, u);
  assert_true(u->end.status == UV_EOF || u->end.status == UV_ECONNRESET ||
              u->end.status == UV_EPIPE);
  assert_int_equal(x->raw->accepted, accepted + 1);
}

SCENARIO_TEST(test_proxy_ends_at_each_byte, w, p, u) {
  stop_everywhere(u, p->raw, (peer_step) PEER_END, visit_gone);
}

SCENARIO_SIM_TEST(test_proxy_resets_at_each_byte, w, p, u) {
  stop_everywhere(u, p->raw, (peer_step) PEER_RESET, visit_gone);
}

/* The body of a demand for credentials is cut: they go over a new connection. */
SCENARIO_TEST(test_proxy_ends_within_the_body_of_a_demand, w, p, u) {
  SCOPED(proxy_peer, x, p->raw);
  proxy_peer_make(&x, &(proxy_hop){PROXY_HTTP, true}, 1);
  proxy_peer_stop(&x, 0, x.answers[0].len - 2, (peer_step) PEER_END);
  raw_peer_play(p->raw, PEER_EXPECT_BYTES(x.expected[1].base, x.expected[1].len),
                PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"), PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE,
                PEER_SEND_FRAME(1, "hi"), PEER_EXPECT_CLOSE(1000), PEER_SEND_CLOSE(1000), PEER_END);
  proxy_peer_visit(&x, u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(p->raw->accepted, 2);
}

/* ---- giving up ---- */

static session_user *waiting; /* the user of the connection that has come so far */
static int way;

static void give_up(raw_conn *c) {
  (void) c;
  CHECK(waiting->opens == 0 && waiting->closes == 0);
  if (way == 0) user_terminate(waiting);
  if (way == 1) CHECK(user_close(waiting, 1000, NULL) == 0);
  if (way == 2) CHECK(user_end_client(waiting, call_client_close, NULL) == 0);
  if (way == 3) CHECK(user_end_client(waiting, call_client_terminate, NULL) == 0);
}

static void visit_given_up(proxy_peer *x, session_user *u) {
  waiting = u;
  proxy_peer_visit(x, u);
  assert_stopped(x, u);
  assert_int_equal(u->end.status, UV_ECANCELED);
}

SCENARIO_TEST(test_session_is_given_up_at_each_byte, w, p, u) {
  for (way = 0; way < 4; way++) {
    p->raw->lenient = true;
    stop_everywhere(u, p->raw, (peer_step) PEER_CALL(give_up), visit_given_up);
  }
}

/* ---- memory ---- */

static proxy_peer *tortured; /* what a scenario of torture cannot be given */

static void end_at_message(session_user *u, const wsuv_message_t *m) {
  (void) m;
  if (user_close(u, 1000, NULL) < 0) user_terminate(u);
}

static void visit_without_memory(world *w) {
  session_user u = {.w = w, .at_message = end_at_message};
  wsuv_config_t config;
  wsuv_request_t r;
  wsuv_client_config_init(&config);
  config.handshake_timeout_ms = DEADLINE_MS;
  int err = world_client(w, &u.client, &config);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  wsuv_request_init(&r, tortured->url);
  r.proxy = tortured->proxy;
  err = user_request(&u, &r);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err == 0) user_run_to_close(&u);
  CHECK(u.closes == (err == 0 ? 1 : 0));
  user_close_client(&u);
  user_free(&u);
}

WORLD_SIM_TEST(test_torture_through_each_kind, w) {
  raw_peer *raw = raw_peer_new(w);
  SCOPED(proxy_peer, x, raw);
  raw->lenient = true;
  tortured = &x;
  for (int kind = 0; kind < 4 * PROXY_KINDS; kind++) {
    const proxy_hop hops[] = {{(proxy_kind) (kind / 4), kind % 2 == 1}, {PROXY_HTTP, true}};
    proxy_peer_make(&x, hops, 1 + (size_t) (kind / 2 % 2));
    proxy_peer_serve(&x, 0);
    torture(w, visit_without_memory, false, 15);
    torture(w, visit_without_memory, true, 15);
  }
}
