/* F69: a server that is stopped under load. Sessions with traffic, upgrades that the program keeps,
   requests that are not complete, and connections that were refused: each session ends once,
   nothing is left, and the loop ends. And many connections and stops, whose memory is flat. The
   environment variable WSUV_TEST_CROWD says how many. */

#include "session/server_state.h"
#include "support/descriptors.h"
#include "support/server_user.h"
#include "support/world_tls.h"
#include "testkit/check.h"

/* How many come and go, and a quarter of them at a time. */
enum { MANY = 200, SESSIONS_OF_TLS = 10, KEPT = 20, TURNS_MS = 3 };

typedef struct load {
  server_user *s;
  size_t sessions;
  size_t closes; /* close frames that clients have answered */
  wsuv_upgrade_t *kept[KEPT];
  raw_client *asking[KEPT], *reading[KEPT];
  size_t kept_count;
} load;

static void keep(server_user *s, wsuv_upgrade_t *u) {
  load *l = s->data;
  CHECK(l->kept_count < KEPT);
  l->kept[l->kept_count++] = u;
}

/* A client answers each text with the next, and a close frame with its own. */
static void go_on(raw_client *c, const seen_frame *f) {
  load *l = c->data;
  if (f->spec.opcode == WSUV_FRAME_CLOSE) {
    l->closes++;
    raw_client_send_frames(c, "CLOSE #1001");
  } else if (f->spec.opcode == WSUV_FRAME_TEXT && l->s->end_calls == 0) {
    raw_client_send_frames(c, "TEXT \"next\"; BIN 00~300; PING 01");
  }
}

/* Messages come until the peer's close frame. */
static void echo(session_user *u, const wsuv_message_t *m) {
  int err = wsuv_send_message(u->session, m->type, m->data, m->len);
  CHECK(err == 0 || err == WSUV_ESTATE);
}

static void open_session(load *l) {
  raw_client *c = server_user_client(l->s);
  raw_client_upgrade(c, NULL);
  c->forgets = true;
  c->data = l;
  c->on_frame = go_on;
  raw_client_send_frames(c, "TEXT \"first\"");
}

static void begin_requests(load *l) {
  for (size_t i = 0; i < KEPT; i++) {
    l->asking[i] = server_user_client(l->s);
    raw_client_request(l->asking[i], &(upgrade_lines){.target = "/kept"});
    l->reading[i] = server_user_client(l->s);
    raw_client_send_text(l->reading[i], "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    raw_client_request(server_user_client(l->s), &(upgrade_lines){.target = "/nowhere"});
  }
  world_run_until_count(l->s->w, &l->kept_count, KEPT);
  server_user_run_to_refusals(l->s, KEPT);
}

static void begin(load *l, server_user *s, bool secure) {
  wsuv_route_t route;
  *l = (load){.s = s, .sessions = secure ? SESSIONS_OF_TLS : server_user_crowd(MANY) / 4};
  descriptors_allow(2 * l->sessions + 200);
  s->data = l;
  s->each.forgets = true;
  s->each.at_message = echo;
  s->at_upgrade = keep;
  wsuv_route_init(&route, "/kept");
  route.on_upgrade = server_user_on_upgrade;
  CHECK(server_user_add_route(s, &route) == 0);
  server_user_start(s);
  for (size_t i = 0; i < l->sessions; i++) open_session(l);
  server_user_run_to_sessions(s, l->sessions);
  begin_requests(l);
  world_advance(s->w, TURNS_MS);
}

/* Those that the server's end has overtaken are owed an answer nevertheless. */
static void answer_in_vain(load *l) {
  for (size_t i = 0; i < l->kept_count; i++) {
    int err = i % 2 == 0 ? server_user_accept(l->s, l->kept[i], NULL)
                         : server_user_refuse(l->kept[i], 403);
    assert_int_equal(err, WSUV_ESTATE);
  }
  l->kept_count = 0;
}

/* server_user_finish checks that each session has ended once. */
static void check_end(const load *l) {
  assert_int_equal(l->s->close_count, l->sessions);
  for (size_t i = 0; i < l->s->session_count; i++) {
    assert_int_equal(l->s->sessions[i]->closes, 1);
  }
}

static bool is_enough(const world *w) {
  return w->seed > 1;
}

SERVER_TLS_TEST(test_close_under_load, w, s) {
  load l;
  if (is_enough(w)) return;
  begin(&l, s, world_client_context(w) != NULL);
  assert_int_equal(server_user_close(s), 0);
  server_user_run_to_closes(s, l.sessions);
  answer_in_vain(&l);
  server_user_run_to_end(s);
  check_end(&l);
  assert_int_equal(l.closes, l.sessions);
  for (size_t i = 0; i < l.sessions; i++) {
    assert_true(s->sessions[i]->end.clean);
    assert_int_equal(s->sessions[i]->end.sent_code, 1001);
  }
  for (size_t i = 0; i < KEPT; i++) {
    raw_client_run_to_status(l.asking[i], 503);
    raw_client_run_to_end(l.reading[i]);
  }
}

SERVER_TLS_TEST(test_terminate_under_load, w, s) {
  load l;
  if (is_enough(w)) return;
  begin(&l, s, world_client_context(w) != NULL);
  assert_int_equal(server_user_terminate(s), 0);
  answer_in_vain(&l);
  server_user_run_to_end(s);
  check_end(&l);
  for (size_t i = 0; i < l.sessions; i++) {
    assert_int_equal(s->sessions[i]->end.status, UV_ECANCELED);
  }
}

/* Answers come after the server is gone. */
SERVER_TEST(test_answers_after_the_end_of_the_server, w, s) {
  load l;
  if (is_enough(w)) return;
  begin(&l, s, false);
  assert_int_equal(server_user_terminate(s), 0);
  server_user_run_to_end(s);
  for (size_t i = 0; i < KEPT; i++) assert_null(wsuv_upgrade_server(l.kept[i]));
  answer_in_vain(&l);
}

/* The program accepts and refuses while the server drains, and requests become complete. */
SERVER_TLS_TEST(test_drain_under_load, w, s) {
  load l;
  if (is_enough(w)) return;
  begin(&l, s, world_client_context(w) != NULL);
  assert_int_equal(server_user_drain(s), 0);
  world_advance(w, TURNS_MS);
  for (size_t i = 0; i < KEPT; i++) {
    int err =
        i % 2 == 0 ? server_user_accept(s, l.kept[i], NULL) : server_user_refuse(l.kept[i], 403);
    assert_int_equal(err, 0);
    raw_client_send_text(l.reading[i], "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                       "Sec-WebSocket-Version: 13\r\n\r\n");
  }
  size_t all = l.sessions + KEPT / 2 + KEPT;
  server_user_run_to_sessions(s, all);
  assert_int_equal(s->ends, 0);
  for (size_t i = 0; i < all; i++) {
    session_user *u = s->sessions[i];
    if (u->session != NULL) CHECK(user_close(u, 1000, "restart") == 0);
  }
  raw_clients_end(w);
  server_user_run_to_end(s);
  assert_int_equal(s->close_count, all);
}

/* Each way to end follows on each other. */
SERVER_SIM_TEST(test_ends_under_load_one_after_the_other, w, s) {
  int (*const ends[])(server_user *) = {server_user_drain, server_user_close, server_user_terminate,
                                        server_user_close, server_user_drain};
  load l;
  begin(&l, s, true);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    assert_int_equal(ends[i](s), 0);
    world_advance(w, i % 2);
    if (s->server == NULL) break;
  }
  answer_in_vain(&l);
  server_user_run_to_end(s);
  check_end(&l);
}

static void stop(session_user *u, const wsuv_message_t *m) {
  server_user *s = ((load *) ((server_user *) u->data)->data)->s;
  (void) m;
  if (s->end_calls == 0) CHECK(server_user_close(s) == 0);
}

/* A message stops the server in the middle of the turn in which others have come. */
SERVER_TEST(test_close_in_a_callback_under_load, w, s) {
  load l;
  if (is_enough(w)) return;
  begin(&l, s, false);
  for (size_t i = 0; i < l.sessions; i++) s->sessions[i]->at_message = stop;
  server_user_run_to_closes(s, l.sessions);
  answer_in_vain(&l);
  server_user_run_to_end(s);
  check_end(&l);
}

/* --- memory --- */

enum { WARM = 20 };

static void come_and_go(server_user *s, size_t i) {
  raw_client *c = server_user_client(s);
  size_t refused = s->refused;
  switch (i % 4) {
  case 0:
    raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
    raw_client_run_to_head(c);
    break;
  case 1:
    raw_client_send_text(c, "GET /");
    raw_client_end(c);
    server_user_run_to_refusals(s, refused + 1);
    break;
  default:
    raw_client_upgrade(c, NULL);
    raw_client_send_frames(c, i % 4 == 2 ? "TEXT \"a\"; CLOSE #1000" : "TEXT \"a\"");
    raw_client_run_to_frames(c, 1);
  }
  raw_client_free(c);
}

static bool is_alone(void *arg) {
  const server_user *s = arg;
  return s->close_count == s->open_count && wsuv_server_session_count(s->server) == 0 &&
         handshakes_all(&s->server->handshakes) == 0;
}

SERVER_TEST(test_memory_is_flat_over_many_connections, w, s) {
  const size_t many = server_user_crowd(MANY);
  size_t before = 0;
  if (w->seed > 0) return; /* enough */
  s->each.forgets = true;
  s->config.max_sessions_per_address = 5;
  server_user_start(s);
  for (size_t i = 0; i < many; i++) {
    come_and_go(s, i);
    if (i == WARM || i + 1 == many) {
      world_run_until(w, is_alone, s);
      world_advance(w, 5);
    }
    if (i == WARM) before = w->alloc->live_bytes;
  }
  assert_int_equal(w->alloc->live_bytes, before);
}

static void start_and_stop(world *w, size_t i) {
  server_user s;
  server_user_begin(&s, w);
  s.each.at_message = echo;
  server_user_start(&s);
  raw_client *c = server_user_connect(&s, "/");
  if (i % 3 == 0) raw_client_send_frames(c, "TEXT \"a\"");
  if (i % 2 == 0) CHECK(server_user_terminate(&s) == 0);
  server_user_finish(&s);
}

WORLD_TEST(test_memory_is_flat_over_many_stops, w) {
  const size_t many = server_user_crowd(MANY);
  if (w->seed > 0) return; /* enough */
  for (size_t i = 0; i < many; i++) {
    start_and_stop(w, i);
    assert_int_equal(w->alloc->live, 0);
  }
}
