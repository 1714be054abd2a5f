/* Many sessions of one client at once. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { SESSIONS = 200, MESSAGES = 20, PEERS = 4 /* one alone could not queue so many in accept */ };

typedef struct crowd crowd;

typedef struct member {
  session_user u;
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
  for (size_t i = 0; i < PEERS; i++) {
    c->peers[i] = raw_peer_new(w);
    raw_peer_play(c->peers[i], PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
  }
  for (size_t i = 0; i < SESSIONS; i++) {
    c->members[i] = (member){.crowd = c, .number = i};
    if (i == 0) user_init(&c->members[0].u, w, NULL);
    if (i > 0) user_init_on(&c->members[i].u, &c->members[0].u);
    c->members[i].u.data = &c->members[i];
  }
  c->client = c->members[0].u.client;
  return c;
}

static void connect_some(crowd *c, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    const char *url = raw_peer_url(c->peers[i % PEERS], "/");
    assert_int_equal(user_try_connect_url(&c->members[i].u, url), 0);
  }
  assert_int_equal(wsuv_client_session_count(c->client), to);
}

static void connect_all(crowd *c) {
  connect_some(c, 0, SESSIONS);
}

static void crowd_free(crowd *c) {
  assert_int_equal(wsuv_client_session_count(c->client), 0);
  world_client_close(c->w, c->client);
  for (size_t i = 0; i < SESSIONS; i++) user_free(&c->members[i].u);
  free(c);
}

static void count_closed(session_user *u) {
  const member *m = u->data;
  m->crowd->closed++;
}

/* --- each says its own, and hears it --- */

static size_t text_of(const member *m, size_t n, char text[32]) {
  return (size_t) snprintf(text, 32, "%zu of %zu", n, m->number);
}

static void on_sent(wsuv_session_t *session, int status, void *arg) {
  member *m = arg;
  CHECK(status == 0 && session == m->u.session && m->u.closes == 0);
  m->told++;
}

static void say_next(member *m) {
  char text[32];
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, text, text_of(m, m->echoed, text));
  CHECK(wsuv_send(m->u.session, &frame, on_sent, m) == 0);
}

static void say_first(session_user *u) {
  say_next(u->data);
}

static void go_on(session_user *u, const wsuv_message_t *message) {
  member *m = u->data;
  char text[32];
  size_t len = text_of(m, m->echoed, text);
  CHECK(message->type == WSUV_FRAME_TEXT);
  CHECK(message->len == len && memcmp(message->data, text, len) == 0);
  if (++m->echoed < MESSAGES) {
    say_next(m);
  } else {
    CHECK(user_close(u, 1000, NULL) == 0);
  }
}

static void assert_has_echoed(const member *m) {
  assert_true(user_ended_by(&m->u, 0, WSUV_STAGE_CLOSING));
  assert_true(m->u.end.clean);
  assert_int_equal(m->u.end.code, 1000);
  assert_int_equal(m->echoed, MESSAGES);
  assert_int_equal(m->told, MESSAGES);
}

WORLD_TEST(test_many_sessions_echo, w) {
  crowd *c = crowd_new(w);
  for (size_t i = 0; i < SESSIONS; i++) {
    c->members[i].u.at_open = say_first;
    c->members[i].u.at_message = go_on;
    c->members[i].u.at_close = count_closed;
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
  for (size_t i = 0; i < SESSIONS; i++) c->members[i].u.at_close = count_closed;
  connect_all(c);
  world_run_until_count(w, &c->closed, SESSIONS);
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_true(user_ended_by(&c->members[i].u, UV_ECONNREFUSED, WSUV_STAGE_CONNECT));
    assert_true(user_never_opened(&c->members[i].u));
  }
  crowd_free(c);
}

static bool are_open(const crowd *c, size_t from, size_t to) {
  while (from < to && c->members[from].u.opens > 0) from++;
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
    assert_true(user_ended_by(&c->members[i].u, 0, WSUV_STAGE_CLOSING));
    assert_int_equal(c->members[i].u.end.sent_code, 1001);
    user_free(&c->members[i].u);
  }
  free(c);
}

static void end_all(session_user *u) {
  const member *m = u->data;
  for (size_t i = 0; i < SESSIONS; i++) {
    session_user *other = &m->crowd->members[i].u;
    if (other->session != NULL) user_terminate(other);
  }
}

/* One of them, when it opens, ends all: those that are open, and those that are not, of which some
   have not sent their request. */
WORLD_TEST(test_many_sessions_terminated_by_one, w) {
  crowd *c = crowd_new(w);
  for (size_t i = 0; i < PEERS; i++) c->peers[i]->lenient = true;
  for (size_t i = 0; i < SESSIONS; i++) c->members[i].u.at_close = count_closed;
  c->members[SESSIONS / 2].u.at_open = end_all;
  connect_all(c);
  world_run_until_count(w, &c->closed, SESSIONS);
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_int_equal(c->members[i].u.closes, 1);
    assert_int_equal(c->members[i].u.end.status, UV_ECANCELED);
  }
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
  for (size_t i = 0; i < SESSIONS; i++) user_free(&c->members[i].u);
  free(c);
}

/* --- walking over them --- */

enum { WALKED = 10 };

/* The session is terminated, and another one is made, which this walk does not visit. */
static void replace_session(wsuv_session_t *session, void *arg) {
  size_t *visited = arg;
  const session_user *u = wsuv_session_data(session);
  const member *m = u->data;
  member *other = &m->crowd->members[WALKED + m->number];
  CHECK(m->number == (*visited)++);
  wsuv_session_terminate(session);
  CHECK(user_try_connect_url(&other->u, raw_peer_url(m->crowd->peers[0], "/")) == 0);
}

static void terminate_session(wsuv_session_t *session, void *arg) {
  ++*(size_t *) arg;
  wsuv_session_terminate(session);
}

WORLD_TEST(test_walk_visits_each_session_once, w) {
  crowd *c = crowd_new(w);
  size_t visited = 0;
  for (size_t i = 0; i < PEERS; i++) c->peers[i]->lenient = true;
  wsuv_client_each(c->client, terminate_session, &visited);
  assert_int_equal(visited, 0);
  connect_some(c, 0, WALKED);
  wsuv_client_each(c->client, replace_session, &visited);
  assert_int_equal(visited, WALKED);
  for (size_t i = 0; i < WALKED; i++) user_run_to_close(&c->members[i].u);
  visited = 0;
  wsuv_client_each(c->client, terminate_session, &visited);
  assert_int_equal(visited, WALKED);
  for (size_t i = 0; i < WALKED; i++) user_run_to_close(&c->members[WALKED + i].u);
  crowd_free(c);
}
