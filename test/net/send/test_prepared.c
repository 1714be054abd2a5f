/* Prepared messages: one for many sessions, whatever each of them has agreed upon. */

#include <stdlib.h>
#include <string.h>
#include <wsuv.h>

#include "support/raw_zlib.h"
#include "support/scenario.h"
#include "support/server_peer.h"
#include "support/world_test.h"
#include "testkit/check.h"

static const char text[] = "prepared once, prepared once, prepared once, sent to all, sent to all";

enum { LEN = sizeof text - 1, ENDS = 6 };

/* Servers that agree upon different things, each with a session. */
typedef struct crowd {
  world *w;
  server_peer peers[ENDS];
  session_user users[ENDS];
  size_t asked; /* how often a message was to be compressed */
} crowd;

static bool count_asked(void *arg, wsuv_frame_type_t type, const void *data, size_t len) {
  crowd *c = arg;
  CHECK(type == WSUV_FRAME_TEXT && data != NULL && len > 0);
  c->asked++;
  return true;
}

/* The first without compression, the others by the index of what they limit. */
static void open_one(crowd *c, size_t i) {
  wsuv_deflate_options_t options, servers;
  wsuv_extension_t deflate[2];
  const wsuv_extension_t *const both[] = {&deflate[0], &deflate[1]};
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  wsuv_deflate_options_init(&options);
  options.compress_if = count_asked;
  options.compress_if_arg = c;
  CHECK(wsuv_permessage_deflate(&deflate[0], &options) == 0);
  wsuv_deflate_options_init(&servers);
  servers.client_no_context_takeover = i % 2 == 0;
  servers.client_max_window_bits = i >= 4 ? 9 : 15;
  CHECK(wsuv_permessage_deflate(&deflate[1], &servers) == 0);
  config.extensions = both;
  config.extension_count = i == 0 ? 0 : 1;
  server_peer_start(&c->peers[i], c->w, both + 1, 1);
  c->peers[i].silent = true;
  user_init(&c->users[i], c->w, &config);
  CHECK(user_try_connect_url(&c->users[i], raw_peer_url(c->peers[i].raw, "/")) == 0);
  world_run_until_count(c->w, &c->users[i].opens, 1);
}

static void crowd_open(crowd *c, world *w) {
  *c = (crowd){.w = w};
  for (size_t i = 0; i < ENDS; i++) open_one(c, i);
}

static void crowd_close(crowd *c) {
  for (size_t i = 0; i < ENDS; i++) {
    assert_int_equal(user_close(&c->users[i], 1000, NULL), 0);
    user_finish(&c->users[i]);
    assert_int_equal(c->peers[i].failed, 0);
    server_peer_free(&c->peers[i]);
  }
}

static wsuv_prepared_t *prepare(world *w, const char *s) {
  wsuv_prepared_t *p;
  assert_int_equal(wsuv_prepared_new(&p, WSUV_FRAME_TEXT, s, strlen(s), &w->alloc->handle), 0);
  return p;
}

static void assert_arrived(crowd *c, size_t count, const char *s) {
  for (size_t i = 0; i < ENDS; i++) {
    world_run_until_count(c->w, &c->peers[i].messages, count);
    assert_string_equal(bytes_text(&c->peers[i].got), s);
    assert_int_equal(c->peers[i].compressed, i == 0 ? 0 : count);
  }
}

static void send_to_all(crowd *c, wsuv_prepared_t *p) {
  for (size_t i = 0; i < ENDS; i++) {
    assert_int_equal(wsuv_send_prepared(c->users[i].session, p, NULL, NULL), 0);
  }
}

/* Two windows, of which each is compressed for once; and between other messages, whose windows are
   taken over or not. */
WORLD_TEST(test_prepared_is_compressed_once_for_each_window, w) {
  crowd c;
  crowd_open(&c, w);
  wsuv_prepared_t *p = prepare(w, text);
  send_to_all(&c, p);
  assert_int_equal(c.asked, 2);
  send_to_all(&c, p);
  assert_int_equal(c.asked, 2);
  assert_arrived(&c, 2, text);
  wsuv_prepared_free(p);
  crowd_close(&c);
}

WORLD_TEST(test_prepared_goes_between_messages_of_any_session, w) {
  static const char other[] = "sent to all, and prepared once, as well as prepared once more";
  crowd c;
  crowd_open(&c, w);
  wsuv_prepared_t *p = prepare(w, text), *q = prepare(w, other);
  for (size_t round = 0; round < 3; round++) {
    for (size_t i = 0; i < ENDS; i++) assert_int_equal(user_text(&c.users[i], other), 0);
    assert_arrived(&c, 4 * round + 1, other);
    send_to_all(&c, p);
    assert_arrived(&c, 4 * round + 2, text);
    send_to_all(&c, q);
    assert_arrived(&c, 4 * round + 3, other);
    for (size_t i = 0; i < ENDS; i++) assert_int_equal(user_text(&c.users[i], text), 0);
    assert_arrived(&c, 4 * round + 4, text);
  }
  wsuv_prepared_free(p);
  wsuv_prepared_free(q);
  crowd_close(&c);
}

WORLD_TEST(test_prepared_may_be_freed_once_it_is_sent, w) {
  crowd c;
  crowd_open(&c, w);
  wsuv_prepared_t *p = prepare(w, text);
  send_to_all(&c, p);
  wsuv_prepared_free(p);
  assert_arrived(&c, 1, text);
  crowd_close(&c);
}

/* What does not become shorter goes out as it is, to all. */
WORLD_TEST(test_prepared_is_sent_plain_where_compression_is_in_vain, w) {
  crowd c;
  crowd_open(&c, w);
  wsuv_prepared_t *p = prepare(w, "q?");
  send_to_all(&c, p);
  for (size_t i = 0; i < ENDS; i++) {
    world_run_until_count(w, &c.peers[i].messages, 1);
    assert_string_equal(bytes_text(&c.peers[i].got), "q?");
    assert_int_equal(c.peers[i].compressed, 0);
  }
  wsuv_prepared_free(p);
  crowd_close(&c);
}

static bool never(void *arg, wsuv_frame_type_t type, const void *data, size_t len) {
  (void) arg;
  (void) type;
  (void) data;
  (void) len;
  return false;
}

/* F28: what one client compresses, another may not want compressed, in either order. */
WORLD_TEST(test_prepared_is_compressed_only_where_it_is_wanted, w) {
  wsuv_deflate_options_t options[3];
  server_peer peers[3];
  session_user users[3];
  wsuv_prepared_t *p = prepare(w, text);
  for (size_t i = 0; i < 3; i++) wsuv_deflate_options_init(&options[i]);
  options[1].compress_if = never;
  options[2].compress_if_bigger_than = LEN;
  for (size_t i = 0; i < 3; i++) {
    wsuv_extension_t deflate;
    const wsuv_extension_t *const one[] = {&deflate};
    wsuv_config_t config;
    wsuv_client_config_init(&config);
    CHECK(wsuv_permessage_deflate(&deflate, &options[i]) == 0);
    config.extensions = one;
    config.extension_count = 1;
    server_peer_start(&peers[i], w, one, 1);
    peers[i].silent = true;
    user_init(&users[i], w, &config);
    CHECK(user_try_connect_url(&users[i], raw_peer_url(peers[i].raw, "/")) == 0);
    world_run_until_count(w, &users[i].opens, 1);
  }
  for (size_t i = 0; i < 6; i++) {
    size_t which = (i + w->seed) % 3;
    assert_int_equal(wsuv_send_prepared(users[which].session, p, NULL, NULL), 0);
  }
  for (size_t i = 0; i < 3; i++) {
    world_run_until_count(w, &peers[i].messages, 2);
    assert_string_equal(bytes_text(&peers[i].got), text);
    assert_int_equal(peers[i].compressed, i == 0 ? 2 : 0);
    assert_int_equal(user_close(&users[i], 1000, NULL), 0);
    user_finish(&users[i]);
    server_peer_free(&peers[i]);
  }
  wsuv_prepared_free(p);
}

static size_t done;

static void on_done(wsuv_session_t *session, int status, void *arg) {
  CHECK(session != NULL && status == 0 && arg == &done);
  done++;
}

/* RFC 6455 5.3: a key of its own for each frame. */
SCENARIO_TEST(test_prepared_is_masked_anew_each_time, w, p, u) {
  scenario_open(u);
  wsuv_prepared_t *m = prepare(w, "news");
  done = 0;
  for (int i = 0; i < 3; i++) {
    assert_int_equal(wsuv_send_prepared(u->session, m, on_done, &done), 0);
  }
  world_run_until_count(w, &p->frames, 3);
  assert_true(frame_peer_saw(p, "TEXT \"news\"; TEXT \"news\"; TEXT \"news\""));
  assert_true(memcmp(p->keys.base, p->keys.base + 4, 4) != 0);
  assert_true(memcmp(p->keys.base + 4, p->keys.base + 8, 4) != 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(wsuv_send_prepared(u->session, m, on_done, &done), WSUV_ESTATE);
  scenario_finish(u);
  assert_int_equal(done, 3);
  wsuv_prepared_free(m);
}

SCENARIO_TEST(test_prepared_keeps_the_rules_of_whole_messages, w, p, u) {
  u->config.outgoing_max = LEN - 1;
  scenario_open(u);
  wsuv_prepared_t *m = prepare(w, text), *small = prepare(w, "");
  assert_int_equal(wsuv_send_prepared(u->session, m, NULL, NULL), WSUV_EMSGSIZE);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, false, "a", 1), 0);
  assert_int_equal(wsuv_send_prepared(u->session, small, NULL, NULL), UV_EINVAL);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(wsuv_send_prepared(u->session, small, NULL, NULL), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT- \"a\"; CONT \"b\"; TEXT; CLOSE #1000"));
  scenario_finish(u);
  wsuv_prepared_free(m);
  wsuv_prepared_free(small);
}

WORLD_TEST(test_prepared_judges_its_message, w) {
  wsuv_prepared_t *p;
  const wsuv_allocator_t *alloc = &w->alloc->handle;
  assert_int_equal(wsuv_prepared_new(&p, WSUV_FRAME_TEXT, "\xff", 1, alloc), WSUV_EUTF8);
  assert_int_equal(wsuv_prepared_new(&p, WSUV_FRAME_PING, "a", 1, alloc), UV_EINVAL);
  assert_int_equal(wsuv_prepared_new(&p, WSUV_FRAME_BINARY, "a", SIZE_MAX, alloc), UV_ENOMEM);
  assert_int_equal(wsuv_prepared_new(&p, WSUV_FRAME_BINARY, "\xff", 1, NULL), 0);
  wsuv_prepared_free(p);
  wsuv_prepared_free(NULL);
}

/* Each allocation of it fails; the session sends the next message all the same. */
WORLD_TEST(test_prepared_survives_each_failing_allocation, w) {
  crowd c;
  crowd_open(&c, w);
  size_t sent[ENDS] = {0};
  for (size_t n = 1, failed = 1; failed > 0; n++) {
    wsuv_prepared_t *p = NULL;
    w->alloc->failed = 0;
    w->alloc->fail_at = w->alloc->calls + n;
    int err = wsuv_prepared_new(&p, WSUV_FRAME_TEXT, text, LEN, &w->alloc->handle);
    for (size_t i = 0; err == 0 && i < ENDS; i++) {
      int r = wsuv_send_prepared(c.users[i].session, p, NULL, NULL);
      assert_true(r == 0 || r == UV_ENOMEM);
      sent[i] += r == 0;
    }
    w->alloc->fail_at = 0;
    failed = w->alloc->failed;
    wsuv_prepared_free(p);
    for (size_t i = 0; i < ENDS; i++) {
      world_run_until_count(w, &c.peers[i].messages, sent[i]);
      assert_int_equal(user_text(&c.users[i], text), 0);
      world_run_until_count(w, &c.peers[i].messages, ++sent[i]);
      assert_string_equal(bytes_text(&c.peers[i].got), text);
    }
    assert_true(failed == 0 || n < 100);
  }
  crowd_close(&c);
}
