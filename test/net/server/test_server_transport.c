/* Sessions over connections whose bytes the program moves, on the server's side. */

#include <stdlib.h>
#include <string.h>

#include "support/own_transport.h"
#include "testkit/check.h"

/* A client whose request the program has parsed; and handed over, too. */
static raw_client *begin(own_transport *o, world *w, server_user *s, const upgrade_lines *lines) {
  own_transport_listen(o, w, s);
  server_user_route_echo(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, lines);
  own_transport_parse(o);
  return c;
}

static raw_client *begin_upgraded(own_transport *o, world *w, server_user *s,
                                  const upgrade_lines *lines) {
  raw_client *c = begin(o, w, s, lines);
  assert_int_equal(own_transport_upgrade(o, s), 0);
  assert_int_equal(o->reads + o->writes, 0);
  return c;
}

/* One whose session is open. */
static raw_client *open_session(own_transport *o, world *w, server_user *s) {
  raw_client *c = begin_upgraded(o, w, s, NULL);
  raw_client_run_to_status(c, 101);
  server_user_run_to_sessions(s, 1);
  return c;
}

static void end(own_transport *o, server_user *s, raw_client *c) {
  raw_client_close(c);
  own_transport_run_to_closed(o);
  server_user_finish(s);
  own_transport_finish(o);
  assert_int_equal(o->closes, 1);
}

/* All kinds of frames, both ways, at every pace. */
static void play_kinds(world *w, server_user *s, own_pace pace, bool one_by_one) {
  static const char frames[] = "TEXT \"a\" ; TEXT- \"b\" ; PING 01 ; CONT \"c\" ; BIN ; BIN 61~300";
  own_transport o;
  s->config.ping_interval_ms = 0;
  raw_client *c = begin(&o, w, s, NULL);
  o.pace = pace;
  o.one_by_one = one_by_one;
  o.closes_later = one_by_one;
  assert_int_equal(own_transport_upgrade(&o, s), 0);
  raw_client_run_to_head(c);
  raw_client_send_frames(c, frames);
  raw_client_run_to_frames(c, 5);
  raw_client_send_frames(c, "CLOSE #1000 \"bye\"");
  raw_client_run_to_end(c);
  /* A pong may overtake messages of the same turn. */
  assert_non_null(strstr(bytes_text(&c->saw), "PONG"));
  assert_int_equal(c->frames, 6);
  server_user_run_to_closes(s, 1);
  assert_true(user_ended_cleanly(server_user_session(s, 0), 1000, 1000));
  end(&o, s, c);
}

WORLD_TEST(test_transport_carries_all_frames, w) {
  for (int pace = 0; pace < OWN_PACES; pace++) {
    for (int one_by_one = 0; one_by_one < 2; one_by_one++) {
      server_user s;
      server_user_begin(&s, w);
      play_kinds(w, &s, (own_pace) pace, one_by_one);
    }
  }
}

SERVER_TEST(test_transport_has_the_address_of_the_program, w, s) {
  own_transport o;
  struct sockaddr_storage addr;
  raw_client *c = open_session(&o, w, s);
  wsuv_session_t *session = server_user_session(s, 0)->session;
  assert_int_equal(wsuv_session_peer_address(session, &addr), 0);
  assert_memory_equal(&addr, &o.peer, sizeof addr);
  assert_true(wsuv_session_local_address(session, &addr) < 0);
  assert_non_null(strstr(bytes_text(&s->accepted), "192.0.2.7"));
  end(&o, s, c);
}

static void look_at_scheme(session_user *u) {
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  CHECK(wsuv_session_origin(u->session, &origin) == 0);
  CHECK(strcmp(origin.scheme, "wss") == 0);
}

SERVER_TEST(test_transport_that_is_secure_gives_the_scheme, w, s) {
  own_transport o;
  s->each.at_open = look_at_scheme;
  raw_client *c = begin(&o, w, s, NULL);
  o.ops.secure = true;
  assert_int_equal(own_transport_upgrade(&o, s), 0);
  server_user_run_to_sessions(s, 1);
  end(&o, s, c);
}

/* The host and the scheme are known nevertheless. */
static void look_for_an_address(server_user *s, wsuv_upgrade_t *u) {
  struct sockaddr_storage addr;
  wsuv_origin_t origin;
  wsuv_origin_init(&origin);
  CHECK(wsuv_upgrade_peer_address(u, &addr) == UV_ENOTSUP);
  CHECK(wsuv_upgrade_origin(u, &origin) == 0);
  CHECK(origin.address.ss_family == AF_UNSPEC);
  CHECK(strcmp(origin.scheme, "ws") == 0 && strcmp(origin.host, "127.0.0.1") == 0);
  CHECK(server_user_accept(s, u, NULL) == 0);
}

SERVER_TEST(test_transport_without_an_address, w, s) {
  own_transport o;
  server_user_decide(s, look_for_an_address);
  struct sockaddr_storage addr;
  raw_client *c = begin(&o, w, s, NULL);
  o.ops.peer_address = NULL;
  o.ops.shutdown = NULL;
  assert_int_equal(own_transport_upgrade(&o, s), 0);
  server_user_run_to_sessions(s, 1);
  assert_true(wsuv_session_peer_address(server_user_session(s, 0)->session, &addr) < 0);
  assert_non_null(strstr(bytes_text(&s->accepted), "accepted from ?: /\n"));
  raw_client_send_frames(c, "CLOSE #1000");
  end(&o, s, c);
}

/* F7 */
SERVER_SIM_TEST(test_transport_with_frames_behind_the_request, w, s) {
  own_transport o;
  own_transport_listen(&o, w, s);
  server_user_route_echo(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  raw_client_send_frames(c, "TEXT \"a\" ; BIN 61~300000 ; TEXT \"b\"");
  own_transport_parse(&o);
  assert_int_equal(own_transport_upgrade(&o, s), 0);
  raw_client_run_to_head(c);
  while (server_user_session(s, 0)->messages < 3) world_advance(w, 1);
  assert_true(user_got(server_user_session(s, 0), "TEXT \"a\" ; BIN 61~300000 ; TEXT \"b\""));
  end(&o, s, c);
}

static void send_much(session_user *u) {
  static char data[1024 * 1024];
  CHECK(wsuv_send_binary(u->session, data, sizeof data) == 0);
}

/* A slow program slows the session down: one write at a time, none larger than allowed. */
SERVER_TEST(test_transport_that_is_slow, w, s) {
  own_transport o;
  s->each.at_open = send_much;
  s->config.fragment_size = 0;
  raw_client *c = begin(&o, w, s, NULL);
  o.pace = OWN_LATER;
  c->forgets = true;
  assert_int_equal(own_transport_upgrade(&o, s), 0);
  server_user_run_to_sessions(s, 1);
  assert_true(wsuv_buffered_amount(server_user_session(s, 0)->session) > 512 * 1024);
  raw_client_run_to_frames(c, 1);
  assert_in_range(o.writes, 1024 / 64, 1024);
  end(&o, s, c);
}

/* --- refusals --- */

SERVER_TEST(test_transport_refused_by_a_check, w, s) {
  own_transport o;
  raw_client *c = begin(&o, w, s, &(upgrade_lines){.key = ""});
  o.pace = OWN_LATER;
  assert_int_equal(own_transport_upgrade(&o, s), 0);
  raw_client_run_to_status(c, 400);
  raw_client_run_to_end(c);
  assert_int_equal(o.shuts, 1);
  raw_client_close(c);
  own_transport_run_to_closed(&o);
  assert_true(server_user_refused(s, "KEY 400\n"));
  end(&o, s, c);
}

static void refuse(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  CHECK(server_user_refuse(u, 401) == 0);
}

SERVER_TEST(test_transport_refused_by_the_hook, w, s) {
  own_transport o;
  server_user_decide(s, refuse);
  raw_client *c = begin_upgraded(&o, w, s, NULL);
  raw_client_run_to_status(c, 401);
  end(&o, s, c);
}

/* F61 */
SERVER_TEST(test_transport_gone_before_the_decision, w, s) {
  own_transport o;
  server_user_decide(s, server_user_keep);
  raw_client *c = begin_upgraded(&o, w, s, NULL);
  server_user_run_to_upgrades(s, 1);
  raw_client_reset(c);
  own_transport_run_to_closed(&o);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), WSUV_ESTATE);
  end(&o, s, c);
}

SERVER_TEST(test_transport_and_the_server_closed_at_once, w, s) {
  own_transport o;
  raw_client *c = begin_upgraded(&o, w, s, NULL);
  server_user_end_with_kept(s, c, false);
  end(&o, s, c);
}

SERVER_TEST(test_transport_and_the_server_terminated, w, s) {
  own_transport o;
  raw_client *c = open_session(&o, w, s);
  o.closes_later = true;
  assert_int_equal(server_user_terminate(s), 0);
  assert_int_equal(o.closes, 1);
  assert_int_equal(s->close_count, 0);
  server_user_run_to_end(s);
  assert_true(o.gone);
  end(&o, s, c);
}

static void close_handle(uv_handle_t *handle, void *arg) {
  (void) arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

/* The program closes all handles of the server's loop, after so many turns of it. */
static void walk_after(world *w, server_user *s, int turns) {
  own_transport o;
  uv_loop_t loop;
  CHECK(uv_loop_init(&loop) == 0);
  s->loop = &loop;
  raw_client *c = begin_upgraded(&o, w, s, NULL);
  for (int i = 0; i < turns; i++) uv_run(&loop, UV_RUN_NOWAIT);
  uv_walk(&loop, close_handle, NULL);
  assert_int_equal(wsuv_transport_received(o.t, "\x89", 1), 0); /* it is not read */
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  const size_t calls = o.reads + o.writes + o.shuts;
  assert_int_equal(o.closes + s->close_count, 0);
  assert_int_equal(server_user_close(s), 0);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(s->ends, 1);
  assert_int_equal(o.reads + o.writes + o.shuts, calls);
  assert_int_equal(uv_loop_close(&loop), 0);
  end(&o, s, c);
}

/* F58 */
WORLD_UV_TEST(test_transport_and_all_handles_closed, w) {
  for (int turns = 0; turns < 6; turns++) {
    server_user s;
    server_user_begin(&s, w);
    walk_after(w, &s, turns);
  }
}

/* --- failures --- */

/* The session ends with this error. */
static void end_with(own_transport *o, server_user *s, raw_client *c, int status) {
  server_user_run_to_closes(s, 1);
  assert_int_equal(server_user_session(s, 0)->end.status, status);
  end(o, s, c);
}

/* F36 */
SERVER_TEST(test_transport_whose_write_fails, w, s) {
  own_transport o;
  raw_client *c = open_session(&o, w, s);
  o.fails = UV_EPIPE;
  raw_client_send_frames(c, "TEXT \"a\"");
  end_with(&o, s, c, UV_EPIPE);
}

SERVER_TEST(test_transport_whose_write_fails_later, w, s) {
  own_transport o;
  raw_client *c = open_session(&o, w, s);
  o.pace = OWN_LATER;
  o.fails_later = UV_ECONNRESET;
  raw_client_send_frames(c, "TEXT \"a\"");
  end_with(&o, s, c, UV_ECONNRESET);
}

SERVER_TEST(test_transport_whose_first_write_fails, w, s) {
  own_transport o;
  raw_client *c = begin(&o, w, s, NULL);
  o.fails = UV_EPIPE;
  assert_int_equal(own_transport_upgrade(&o, s), 0);
  end_with(&o, s, c, UV_EPIPE);
  assert_int_equal(s->open_count, 0);
}

SERVER_TEST(test_transport_that_is_lost, w, s) {
  own_transport o;
  raw_client *c = open_session(&o, w, s);
  assert_int_equal(wsuv_transport_ended(o.t, UV_ECONNRESET), 0);
  end_with(&o, s, c, UV_ECONNRESET);
}

/* --- programs that do it wrong, or at odd times --- */

SERVER_TEST(test_transport_reports_out_of_time, w, s) {
  own_transport o;
  char *much = check_alloc(WSUV_TRANSPORT_RECEIVED_MAX);
  raw_client *c = open_session(&o, w, s);
  assert_int_equal(wsuv_transport_written(o.t, 0), WSUV_ESTATE);
  assert_int_equal(wsuv_transport_closed(o.t), WSUV_ESTATE);
  assert_int_equal(wsuv_transport_received(o.t, NULL, 0), 0);
  assert_int_equal(wsuv_transport_received(o.t, "\x89", 1), 0);
  assert_int_equal(wsuv_transport_received(o.t, much, WSUV_TRANSPORT_RECEIVED_MAX), UV_ENOBUFS);
  assert_int_equal(wsuv_transport_received(o.t, "\x80\0\0\0\0", 5), 0);
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "PONG"));
  end(&o, s, c);
  free(much);
}

/* What was received before the end is read first, also while reading waits. */
static void pause_session(session_user *u, const wsuv_message_t *m) {
  (void) m;
  if (u->messages == 1) CHECK(wsuv_session_pause(u->session) == 0);
}

SERVER_TEST(test_transport_ends_behind_what_was_received, w, s) {
  static const uint8_t frames[] = {0x81, 0x81, 0, 0, 0, 0, 'a', 0x81, 0x81, 0, 0, 0, 0, 'b'};
  own_transport o;
  s->each.at_message = pause_session;
  raw_client *c = open_session(&o, w, s);
  session_user *u = server_user_session(s, 0);
  assert_int_equal(wsuv_transport_received(o.t, frames, 7), 0);
  world_run_until_count(w, &u->messages, 1);
  assert_int_equal(wsuv_transport_received(o.t, frames + 7, 7), 0);
  assert_int_equal(wsuv_transport_ended(o.t, 0), 0);
  world_advance(w, 10);
  assert_int_equal(u->messages, 1);
  assert_int_equal(wsuv_session_resume(u->session), 0);
  server_user_run_to_closes(s, 1);
  assert_int_equal(u->messages, 2);
  end_with(&o, s, c, UV_EOF);
}

/* It ends the session inside of `write`. */
static void terminate_inside(own_transport *o) {
  server_user *s = o->data;
  o->at_write = NULL;
  wsuv_session_terminate(server_user_session(s, 0)->session);
}

SERVER_TEST(test_transport_whose_write_ends_the_session, w, s) {
  own_transport o;
  raw_client *c = open_session(&o, w, s);
  o.data = s;
  o.closes_later = true;
  o.at_write = terminate_inside;
  o.fails = UV_ECANCELED;
  raw_client_send_frames(c, "TEXT \"a\"");
  server_user_run_to_closes(s, 1);
  end(&o, s, c);
}

static wsuv_transport_ops_t before;

static void end_server_inside(own_transport *o) {
  o->at_write = NULL;
  CHECK(server_user_terminate(o->data) == 0);
}

static void end_server_inside_of_read(void *data, bool on) {
  own_transport *o = data;
  before.read(data, on);
  if (o->reads == 1) CHECK(server_user_terminate(o->data) == 0);
}

static void end_server_inside_of_shutdown(void *data) {
  own_transport *o = data;
  before.shutdown(data);
  CHECK(server_user_terminate(o->data) == 0);
}

/* The request is accepted or refused, and the server ends inside of the first call of a function:
   'w', 'r' or 's'. */
static void end_server_in_handshake(world *w, server_user *s, char function, bool refused) {
  own_transport o;
  raw_client *c = begin(&o, w, s, refused ? &(upgrade_lines){.key = ""} : NULL);
  o.data = s;
  before = o.ops;
  if (function == 'r') o.ops.read = end_server_inside_of_read;
  if (function == 's') o.ops.shutdown = end_server_inside_of_shutdown;
  if (function == 'w') o.at_write = end_server_inside;
  assert_int_equal(own_transport_upgrade(&o, s), 0);
  own_transport_run_to_closed(&o);
  server_user_run_to_end(s);
  assert_int_equal(s->open_count, 0);
  end(&o, s, c);
}

WORLD_TEST(test_transport_whose_functions_end_the_server_in_the_handshake, w) {
  for (const char *function = "wrs"; *function != '\0'; function++) {
    for (int refused = *function == 's' ? 1 : 0; refused < 2; refused++) {
      server_user s;
      server_user_begin(&s, w);
      end_server_in_handshake(w, &s, *function, refused == 1);
    }
  }
}

/* The session or the server ends inside of any call of a function. */

typedef struct inside {
  server_user *s;
  size_t calls;               /* so many calls are left until `act` runs */
  int (*act)(server_user *s); /* ends the session or the server */
} inside;

static void count_down(own_transport *o) {
  inside *i = o->data;
  if (i->calls > 0 && --i->calls == 0) CHECK(i->act(i->s) == 0);
}

/* Without a session yet, the server. */
static int terminate_session(server_user *s) {
  if (s->session_count == 0) return server_user_terminate(s);
  user_terminate(server_user_session(s, 0));
  return 0;
}

/* The session may have ended, and pausing may end it. */
static void pause_and_echo(session_user *u, const wsuv_message_t *m) {
  if (user_pause(u) == 0 && user_resume(u) == 0) server_user_echo(u, m);
}

/* Returns whether the connection had so many calls. */
static bool end_inside(world *w, own_pace pace, inside *i) {
  own_transport o;
  server_user s;
  server_user_begin(&s, w);
  s.each.at_message = pause_and_echo;
  raw_client *c = begin(&o, w, &s, NULL);
  i->s = &s;
  o.data = i;
  o.at_call = count_down;
  o.pace = pace;
  o.closes_later = i->calls % 2 == 1;
  raw_client_send_frames(c, "TEXT \"a\" ; BIN 61~80000 ; CLOSE #1000");
  assert_int_equal(own_transport_upgrade(&o, &s), 0);
  raw_client_run_to_end(c);
  end(&o, &s, c);
  return i->calls == 0;
}

WORLD_TEST(test_transport_whose_functions_end_the_session, w) {
  static int (*const acts[])(server_user * s) = {server_user_terminate, server_user_close,
                                                 terminate_session};
  for (size_t k = 0; k < OWN_PACES * sizeof acts / sizeof acts[0]; k++) {
    size_t calls = 1;
    inside i = {.act = acts[k / OWN_PACES]};
    do {
      i.calls = calls++;
    } while (end_inside(w, (own_pace) (k % OWN_PACES), &i));
    assert_true(calls > 8);
  }
}

/* A message comes in while another is written. */
static void receive_inside(own_transport *o) {
  static const uint8_t ping[] = {0x89, 0x80, 0, 0, 0, 0};
  o->at_write = NULL;
  CHECK(wsuv_transport_received(o->t, ping, sizeof ping) == 0);
}

SERVER_TEST(test_transport_receives_inside_of_write, w, s) {
  own_transport o;
  raw_client *c = open_session(&o, w, s);
  o.at_write = receive_inside;
  raw_client_send_frames(c, "TEXT \"a\"");
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "TEXT \"a\" ; PONG"));
  end(&o, s, c);
}

/* --- not taken --- */

SERVER_TEST(test_transport_not_taken, w, s) {
  own_transport o;
  raw_client *c = begin(&o, w, s, NULL);
  wsuv_transport_ops_t good = o.ops;
  o.ops.write = NULL;
  assert_int_equal(own_transport_upgrade(&o, s), UV_EINVAL);
  o.ops = good;
  o.ops.read = NULL;
  assert_int_equal(own_transport_upgrade(&o, s), UV_EINVAL);
  o.ops = good;
  o.ops.close = NULL;
  assert_int_equal(own_transport_upgrade(&o, s), UV_EINVAL);
  o.ops = good;
  o.ops.size = 1;
  assert_int_equal(own_transport_upgrade(&o, s), WSUV_ESIZE);
  o.ops = good;
  o.head.request.target = "/nowhere";
  assert_int_equal(own_transport_upgrade(&o, s), UV_ENOENT);
  o.head.request.target = "/";
  assert_int_equal(
      wsuv_server_upgrade_transport(s->server, &good, &o, &o.head.request, NULL, 0, NULL),
      UV_EINVAL);
  assert_int_equal(
      wsuv_server_upgrade_transport(s->server, NULL, &o, &o.head.request, NULL, 0, &o.t),
      UV_EINVAL);
  assert_null(o.t);
  assert_int_equal(o.reads + o.writes + o.closes, 0);
  assert_int_equal(own_transport_upgrade(&o, s), 0);
  raw_client_run_to_head(c);
  end(&o, s, c);
}

/* F46 */
static bool play_without_memory(world *w, uint64_t n) {
  own_transport o;
  server_user s;
  server_user_begin(&s, w);
  s.each.at_message = server_user_ignore;
  raw_client *c = begin(&o, w, &s, NULL);
  raw_client_send_frames(c, "TEXT \"a\"");
  w->alloc->failed = 0;
  w->alloc->fail_at = w->alloc->calls + n;
  int err = own_transport_upgrade(&o, &s);
  if (err < 0) {
    assert_int_equal(err, UV_ENOMEM);
    assert_int_equal(o.reads + o.writes + o.closes, 0);
    assert_int_equal(own_transport_upgrade(&o, &s), 0);
  }
  raw_client_run_to_answer(c);
  w->alloc->fail_at = 0;
  end(&o, &s, c);
  return w->alloc->failed > 0;
}

WORLD_SIM_TEST(test_transport_without_memory, w) {
  uint64_t n = 1;
  if (w->seed != 0) return;
  while (play_without_memory(w, n)) n++;
  assert_true(n > 10);
}
