#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What an open session that waits costs. */

#include <stdlib.h>

#include "support/check.h"
#include "support/session_user.h"
#include "support/world_test.h"

enum { SESSIONS = 100, IDLE_MAX = 2048 };

typedef struct crowd {
  wsuv_session_t *sessions[SESSIONS];
  size_t opens, messages, closes;
} crowd;

static void on_open(wsuv_session_t *s) {
  ((crowd *) wsuv_session_data(s))->opens++;
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  (void) m;
  ((crowd *) wsuv_session_data(s))->messages++;
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  assert_true(info->clean);
  ((crowd *) wsuv_session_data(s))->closes++;
}

static void open_all(crowd *c, wsuv_client_t *client, frame_peer *p) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                             .on_message = on_message, .on_close = on_close};
  for (size_t i = 0; i < SESSIONS; i++) {
    const char *url = raw_peer_url(p->raw, "/some/path?with=a&query");
    assert_int_equal(wsuv_connect_url(client, url, &callbacks, c, &c->sessions[i]), 0);
  }
}

/* Some send and receive something large first: an idle session holds no buffer of it. */
static void test_idle_session_costs_two_kibibytes(world *w) {
  static const uint8_t data[20000];
  frame_peer p;
  wsuv_client_t *client;
  crowd *c = check_alloc(sizeof *c);
  frame_peer_start(&p, w);
  p.echoes = p.forgets = true;
  assert_int_equal(world_client(w, &client, NULL), 0);
  open_all(c, client, &p);
  world_run_until_count(w, &c->opens, SESSIONS);
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_int_equal(wsuv_send_binary(c->sessions[i], data, i < 5 ? sizeof data : 100), 0);
    world_run_until_count(w, &c->messages, i + 1);
  }
  size_t with = w->alloc->live_bytes;
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_int_equal(wsuv_session_close(c->sessions[i], 1000, NULL), 0);
  }
  world_run_until_count(w, &c->closes, SESSIONS);
  size_t each = (with - w->alloc->live_bytes) / SESSIONS;
  assert_in_range(each, 100, IDLE_MAX);
  assert_int_equal(wsuv_client_session_count(client), 0);
  world_client_close(w, client);
  frame_peer_free(&p);
  free(c);
}

int main(void) {
  static const world_test tests[] = {WORLD_TEST(test_idle_session_costs_two_kibibytes)};
  return world_run_tests("idle_memory", tests, sizeof tests / sizeof *tests);
}
