/* Sessions through proxies that move bytes: TLS with the server inside of TLS with a proxy, and
   several of them; large messages both ways. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/forwarder.h"
#include "support/scenario.h"
#include "support/secure_user.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { LARGE = 300 * 1000, PROXIES = 3 };

typedef struct exchange {
  uint8_t *sent;
  size_t echoes;
  int tls; /* what wsuv_session_tls says */
} exchange;

static void send_large(session_user *u) {
  exchange *e = u->data;
  wsuv_tls_info_t info;
  wsuv_tls_info_init(&info);
  e->tls = wsuv_session_tls(u->session, &info);
  CHECK(user_binary(u, e->sent, LARGE) == 0);
}

/* The same comes back, twice. */
static void check_large(session_user *u, const wsuv_message_t *m) {
  exchange *e = u->data;
  CHECK(m->len == LARGE && memcmp(m->data, e->sent, LARGE) == 0);
  if (++e->echoes == 2) {
    CHECK(user_close(u, 1000, NULL) == 0);
  } else {
    CHECK(user_binary(u, m->data, m->len) == 0);
  }
}

static uint8_t *make_large(void) {
  uint8_t *data = malloc(LARGE);
  CHECK(data != NULL);
  for (size_t i = 0; i < LARGE; i++) data[i] = (uint8_t) (i * 31 + i / 255);
  return data;
}

/* Proxy i is an https one if bit i of `secure` is set. */
static void play_through(session_user *u, frame_peer *p, size_t count, unsigned secure) {
  forwarder f[PROXIES];
  char proxy[PROXIES * 64] = "";
  exchange e = {.sent = make_large()};
  wsuv_request_t r;
  for (size_t i = 0; i < count; i++) {
    forwarder_open(&f[i], u->w, (secure & 1U << i) != 0);
    (void) snprintf(proxy + strlen(proxy), sizeof proxy - strlen(proxy), "%s ", f[i].url);
  }
  user_reset(u);
  p->echoes = true;
  u->data = &e;
  u->at_open = send_large;
  u->at_message = check_large;
  u->forgets = true;
  wsuv_request_init(&r, raw_peer_url(p->raw, "/"));
  r.proxy = proxy;
  assert_int_equal(user_request(u, &r), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(e.tls, p->raw->tls != NULL ? 0 : WSUV_ESTATE);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(f[i].tunnels, 1);
    forwarder_close(&f[i]);
  }
  free(e.sent);
}

SCENARIO_TEST(test_session_through_proxies, w, p, u) {
  u->config.max_message_size = u->config.outgoing_max = 2 * (size_t) LARGE;
  for (size_t count = 1; count <= PROXIES; count++) play_through(u, p, count, 0);
}

/* All contexts have the same configuration, and are one. */
SCENARIO_ONLY_TLS_TEST(test_tls_inside_of_tls, w, p, u) {
  u->config.proxy_tls = world_tls(w);
  u->config.max_message_size = u->config.outgoing_max = 2 * (size_t) LARGE;
  for (size_t count = 1; count <= PROXIES; count++) {
    for (unsigned secure = 0; secure < 1U << count; secure++) play_through(u, p, count, secure);
  }
}
