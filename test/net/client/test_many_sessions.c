/* Many sessions of one client at once. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

enum { SESSIONS = 200, MESSAGES = 20, PEERS = 4 /* one alone could not queue so many in accept */ };

typedef struct crowd crowd;

typedef struct member {
  observer o;
  crowd *crowd;
  size_t number, echoed, told;
} member;

struct crowd {
  world *w;
  wsuv_client_t *client;
  raw_peer *peers[PEERS];
  member members[SESSIONS];
  size_t closed;
};

static crowd *crowd_new(world *w) {
  crowd *c = check_alloc(sizeof *c);
  c->w = w;
  assert_int_equal(world_client(w, &c->client, NULL), 0);
  for (size_t i = 0; i < PEERS; i++) {
    c->peers[i] = raw_peer_new(w);
    raw_peer_play(c->peers[i], PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
  }
  for (size_t i = 0; i < SESSIONS; i++) {
    c->members[i] = (member){.crowd = c, .number = i};
    c->members[i].o.data = &c->members[i];
  }
  return c;
}

static void connect_some(crowd *c, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    const char *url = raw_peer_url(c->peers[i % PEERS], "/");
    assert_int_equal(observer_connect(&c->members[i].o, c->client, url), 0);
  }
  assert_int_equal(wsuv_client_session_count(c->client), to);
}

static void connect_all(crowd *c) {
  connect_some(c, 0, SESSIONS);
}

static void crowd_free(crowd *c) {
  assert_int_equal(wsuv_client_session_count(c->client), 0);
  world_client_close(c->w, c->client);
  for (size_t i = 0; i < SESSIONS; i++) observer_reset(&c->members[i].o);
  free(c);
}

static void count_closed(observer *o) {
  const member *m = o->data;
  m->crowd->closed++;
}

/* --- each says its own, and hears it --- */

static size_t text_of(const member *m, size_t n, char text[32]) {
  return (size_t) snprintf(text, 32, "%zu of %zu", n, m->number);
}

static void on_sent(wsuv_session_t *session, int status, void *arg) {
  member *m = arg;
  CHECK(status == 0 && session == m->o.session && !m->o.closed);
  m->told++;
}

static void say_next(member *m) {
  char text[32];
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, text, text_of(m, m->echoed, text));
  CHECK(wsuv_send(m->o.session, &frame, on_sent, m) == 0);
}

static void say_first(observer *o) {
  say_next(o->data);
}

static void go_on(observer *o, const wsuv_message_t *message) {
  member *m = o->data;
  char text[32];
  size_t len = text_of(m, m->echoed, text);
  CHECK(message->type == WSUV_FRAME_TEXT);
  CHECK(message->len == len && memcmp(message->data, text, len) == 0);
  if (++m->echoed < MESSAGES) {
    say_next(m);
  } else {
    CHECK(observer_close(o, 1000) == 0);
  }
}

static void assert_has_echoed(const member *m) {
  assert_ended(&m->o, 0, WSUV_STAGE_CLOSING);
  assert_true(m->o.clean);
  assert_int_equal(m->o.code, 1000);
  assert_int_equal(m->echoed, MESSAGES);
  assert_int_equal(m->told, MESSAGES);
}

WORLD_TEST(test_many_sessions_echo, w) {
  crowd *c = crowd_new(w);
  for (size_t i = 0; i < SESSIONS; i++) {
    c->members[i].o.at_open = say_first;
    c->members[i].o.at_message = go_on;
    c->members[i].o.at_close = count_closed;
  }
  connect_all(c);
  world_run_until_count(w, &c->closed, SESSIONS);
  for (size_t i = 0; i < SESSIONS; i++) assert_has_echoed(&c->members[i]);
  crowd_free(c);
}

/* --- other ends --- */

WORLD_TEST(test_many_sessions_refused, w) {
  crowd *c = crowd_new(w);
  for (size_t i = 0; i < PEERS; i++) c->peers[i]->port = world_dead_port(w);
  for (size_t i = 0; i < SESSIONS; i++) c->members[i].o.at_close = count_closed;
  connect_all(c);
  world_run_until_count(w, &c->closed, SESSIONS);
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_ended(&c->members[i].o, UV_ECONNREFUSED, WSUV_STAGE_CONNECT);
    assert_never_open(&c->members[i].o);
  }
  crowd_free(c);
}

static bool are_open(const crowd *c, size_t from, size_t to) {
  while (from < to && c->members[from].o.opened) from++;
  return from == to;
}

static bool half_open(void *crowd_of_them) {
  return are_open(crowd_of_them, 0, SESSIONS / 2);
}

static bool all_open(void *crowd_of_them) {
  return are_open(crowd_of_them, 0, SESSIONS);
}

WORLD_TEST(test_many_sessions_closed_with_their_client, w) {
  crowd *c = crowd_new(w);
  connect_all(c);
  world_run_until(w, all_open, c);
  world_client_close(w, c->client);
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_ended(&c->members[i].o, 0, WSUV_STAGE_CLOSING);
    assert_int_equal(c->members[i].o.sent_code, 1001);
    observer_reset(&c->members[i].o);
  }
  free(c);
}

static void end_all(observer *o) {
  const member *m = o->data;
  for (size_t i = 0; i < SESSIONS; i++) {
    observer *other = &m->crowd->members[i].o;
    if (other->session != NULL) observer_terminate(other);
  }
}

/* One of them, when it opens, ends all: those that are open, and those that are not. */
WORLD_TEST(test_many_sessions_terminated_by_one, w) {
  crowd *c = crowd_new(w);
  for (size_t i = 0; i < SESSIONS; i++) c->members[i].o.at_close = count_closed;
  c->members[SESSIONS / 2].o.at_open = end_all;
  connect_all(c);
  world_run_until_count(w, &c->closed, SESSIONS);
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_int_equal(c->members[i].o.closes, 1);
    assert_int_equal(c->members[i].o.status, UV_ECANCELED);
  }
  for (size_t i = 0; i < PEERS; i++) c->peers[i]->lenient = true;
  crowd_free(c);
}

/* Idle sessions hold no buffers. Those that the first half needed to connect are the client's, and
   do for the second. */
WORLD_TEST(test_many_sessions_are_small_when_idle, w) {
  enum { BOUND = 3 * 1024, HALF = SESSIONS / 2 };
  crowd *c = crowd_new(w);
  connect_some(c, 0, HALF);
  world_run_until(w, half_open, c);
  world_advance(w, 5);
  size_t before = w->alloc->live_bytes;
  connect_some(c, HALF, SESSIONS);
  world_run_until(w, all_open, c);
  world_advance(w, 5);
  assert_in_range((w->alloc->live_bytes - before) / HALF, 1, BOUND);
  world_client_close(w, c->client);
  for (size_t i = 0; i < SESSIONS; i++) observer_reset(&c->members[i].o);
  free(c);
}
