/* A session of a server from its request to its end: messages in both directions, and each way to
   end. */

#include <string.h>

#include "support/server_user.h"
#include "support/socket_path.h"
#include "support/world_tls.h"
#include "testkit/check.h"

/* --- messages --- */

SERVER_TLS_TEST(test_server_echoes_messages, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"hello\" ; BIN 00ff ; TEXT ; TEXT- \"a\" ; CONT \"b\"");
  raw_client_run_to_frames(c, 4);
  assert_true(raw_client_saw(c, "TEXT \"hello\" ; BIN 00ff ; TEXT ; TEXT \"ab\""));
  raw_client_send_frames(c, "BIN 61~200000");
  raw_client_run_to_frames(c, 5);
  assert_int_equal(s->sessions[0]->messages, 5);
}

SERVER_TLS_TEST(test_server_answers_pings, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "PING \"x\" ; TEXT- \"a\" ; PING ; CONT \"b\"");
  raw_client_run_to_frames(c, 3);
  assert_true(raw_client_saw(c, "PONG \"x\" ; PONG ; TEXT \"ab\""));
  assert_int_equal(s->sessions[0]->pings, 2);
}

/* A client's frames must be masked (RFC 6455 5.1). */
SERVER_TLS_TEST(test_server_fails_a_frame_without_a_mask, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT^ \"a\"");
  server_user_run_to_closes(s, 1);
  raw_client_run_to_end(c);
  assert_int_equal(c->frames, 1);
  assert_int_equal(s->sessions[0]->end.sent_code, 1002);
  assert_int_equal(s->sessions[0]->messages, 0);
}

static void send_many(session_user *u) {
  for (int i = 0; i < 3; i++) CHECK(user_text(u, "greeting") == 0);
}

SERVER_TLS_TEST(test_server_sends_first, w, s) {
  s->each.at_open = send_many;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_run_to_frames(c, 3);
  assert_true(raw_client_saw(c, "TEXT \"greeting\" ; TEXT \"greeting\" ; TEXT \"greeting\""));
}

/* --- the end --- */

SERVER_TLS_TEST(test_server_whose_client_closes_first, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "CLOSE #1001 \"bye\"");
  server_user_run_to_closes(s, 1);
  const session_user *u = server_user_session(s, 0);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_string_equal(u->end.reason, "bye");
  assert_true(u->end.by_peer);
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
  assert_int_equal(c->frames, 1);
}

/* Ktor's "server closes first": no second close frame after the client's. */
SERVER_TLS_TEST(test_server_that_closes_first, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  assert_int_equal(user_close(s->sessions[0], 1013, "later"), 0);
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "CLOSE #1013 \"later\""));
  assert_false(c->ended);
  raw_client_send_frames(c, "CLOSE #1013 \"later\"");
  server_user_run_to_closes(s, 1);
  assert_true(user_ended_cleanly(s->sessions[0], 1013, 1013));
  assert_false(s->sessions[0]->end.by_peer);
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
  assert_int_equal(c->frames, 1);
}

/* A browser that is killed: FIN and nothing else; or reset. */
SERVER_TLS_TEST(test_server_whose_client_drops, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_end(c);
  server_user_run_to_closes(s, 1);
  assert_int_equal(s->sessions[0]->end.code, 1006);
  raw_client_run_to_end(c);
  raw_client *other = server_user_connect(s, "/");
  raw_client_reset(other);
  server_user_run_to_closes(s, 2);
  assert_true(s->sessions[1]->end.status < 0);
}

/* What a browser does on reload: the close frame and FIN together. */
SERVER_TLS_TEST(test_server_whose_client_closes_and_drops, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "CLOSE #1001");
  raw_client_close(c);
  server_user_run_to_closes(s, 1);
  const user_end *e = &s->sessions[0]->end;
  assert_int_equal(e->status, 0);
  assert_int_equal(e->code, 1001);
}

/* --- frames behind the request --- */

SERVER_TLS_TEST(test_server_takes_frames_that_come_with_the_request, w, s) {
  server_user_start(s);
  SCOPED_BYTES out = {0};
  upgrade_request(&out, NULL);
  frames_script(&out, "PING \"p\" ; TEXT \"early\"", true);
  raw_client *c = server_user_client(s);
  raw_client_send(c, out.base, out.len);
  raw_client_run_to_frames(c, 2);
  raw_client_send_frames(c, "CLOSE #1000");
  server_user_run_to_closes(s, 1);
  assert_true(user_ended_cleanly(s->sessions[0], 1000, 1000));
  raw_client_run_to_end(c);
  assert_true(raw_client_saw(c, "PONG \"p\" ; TEXT \"early\" ; CLOSE #1000"));
}

/* Send so many bytes, then, after a while, the rest; or all of them in pieces. */
static void send_cut(raw_client *c, const bytes *out, size_t first, size_t piece) {
  if (piece > 0) {
    raw_client_send_pieces(c, out->base, out->len, piece, 0);
  } else {
    if (first > out->len) first = out->len;
    raw_client_send(c, out->base, first);
    world_advance(c->w, 200);
    raw_client_send(c, out->base + first, out->len - first);
  }
}

static void add_conversation(bytes *out) {
  upgrade_request(out, NULL);
  frames_script(out, "TEXT- \"a\" ; PING ; CONT \"b\" ; BIN 61~130", true);
}

/* A whole conversation. Its connection has ended on both sides when it returns. The close frame
   comes when all was answered: what waits to be sent when it comes is dropped. */
static void converse(server_user *s, size_t first, size_t piece) {
  SCOPED_BYTES out = {0};
  SCOPED_BYTES close = frames_of("CLOSE #1000 \"bye\"", true);
  size_t closed = s->close_count + 1;
  add_conversation(&out);
  raw_client *c = server_user_client(s);
  send_cut(c, &out, first, piece);
  raw_client_run_to_frames(c, 3);
  send_cut(c, &close, first > out.len ? first - out.len : close.len, piece);
  server_user_run_to_closes(s, closed);
  assert_true(user_ended_cleanly(s->sessions[closed - 1], 1000, 1000));
  raw_client_run_to_end(c);
  assert_true(raw_client_saw(c, "PONG ; TEXT \"ab\" ; BIN 61~130 ; CLOSE #1000"));
  raw_client_free(c);
}

SERVER_SIM_TLS_TEST(test_server_takes_a_conversation_cut_at_every_byte, w, s) {
  enum { CLOSE_FRAME = 11 };
  SCOPED_BYTES out = {0};
  add_conversation(&out);
  const size_t len = out.len + CLOSE_FRAME, step = world_tls(w) != NULL ? 16 : 1;
  server_user_start(s);
  for (size_t i = 1; i < len; i += step) converse(s, i, 0);
}

SERVER_TLS_TEST(test_server_takes_a_conversation_byte_by_byte, w, s) {
  server_user_start(s);
  converse(s, 0, 1);
}

/* --- the library's own client --- */

static void play_client(server_user *s, const char *url) {
  session_user u;
  user_init(&u, s->w, NULL);
  assert_int_equal(user_try_connect_url(&u, url), 0);
  user_run_to_open(&u);
  server_user_run_to_sessions(s, 1);
  assert_int_equal(user_text(&u, "hello"), 0);
  assert_int_equal(user_binary(&u, NULL, 0), 0);
  world_run_until_count(s->w, &u.messages, 2);
  assert_true(user_got(&u, "TEXT \"hello\" ; BIN"));
  assert_int_equal(user_close(&u, 1000, "bye"), 0);
  user_run_to_close(&u);
  server_user_run_to_closes(s, 1);
  assert_true(user_ended_cleanly(&u, 1000, 1000));
  assert_true(user_ended_cleanly(s->sessions[0], 1000, 1000));
  user_finish(&u);
}

SERVER_TLS_TEST(test_server_with_the_librarys_client, w, s) {
  server_user_start(s);
  play_client(s, server_user_url(s, "/"));
}

SERVER_TEST(test_server_at_a_unix_socket, w, s) {
  SCOPED_BYTES url = {0};
  s->each.at_message = server_user_echo;
  server_user_route(s, "/");
  assert_int_equal(wsuv_server_listen_unix(s->server, socket_path(), 0600, NULL, &s->listener), 0);
  bytes_print(&url, "ws+unix://%s", socket_path());
  play_client(s, bytes_text(&url));
  assert_int_equal(server_user_close(s), 0);
  server_user_run_to_end(s);
}

/* --- what a session knows --- */

static void check_request(session_user *u, bool kept) {
  wsuv_session_t *session = u->session;
  struct sockaddr_storage addr;
  size_t count;
  CHECK(wsuv_session_client(session) == NULL);
  CHECK(wsuv_session_server(session) == ((server_user *) u->data)->server);
  if (u->closes == 0 || kept) {
    CHECK(wsuv_session_peer_address(session, &addr) == 0);
    CHECK(addr.ss_family == AF_INET);
  }
  const wsuv_header_t *list = wsuv_session_request_headers(session, &count);
  if (!kept) {
    CHECK(wsuv_session_target(session) == NULL);
    CHECK(wsuv_session_param(session, "room") == NULL);
    CHECK(wsuv_session_query(session, "token") == NULL);
    CHECK(wsuv_session_request_header(session, "X-Test") == NULL);
    CHECK(list == NULL && count == 0);
    return;
  }
  CHECK(strcmp(wsuv_session_target(session), "/room/a%20b?token=x+y&token=z&bad=%zz") == 0);
  CHECK(strcmp(wsuv_session_param(session, "room"), "a b") == 0);
  CHECK(wsuv_session_param(session, "other") == NULL);
  CHECK(strcmp(wsuv_session_query(session, "token"), "x y") == 0);
  CHECK(strcmp(wsuv_session_query(session, "bad"), "%zz") == 0);
  CHECK(wsuv_session_query(session, "none") == NULL);
  CHECK(strcmp(wsuv_session_request_header(session, "x-test"), "1") == 0);
  CHECK(count == 6 && strcmp(list[5].name, "X-Test") == 0);
  CHECK(wsuv_session_response_header(session, "X-Test") == NULL);
}

static void check_is_kept(session_user *u) {
  check_request(u, true);
}

static void check_is_gone(session_user *u) {
  check_request(u, false);
}

static void play_request(server_user *s) {
  server_user_route(s, "/room/{room}");
  server_user_listen(s);
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.target = "/room/a%20b?token=x+y&token=z&bad=%zz",
                                         .more = "X-Test: 1\r\n"});
  raw_client_send_frames(c, "CLOSE #1000");
  server_user_run_to_closes(s, 1);
  assert_int_equal(s->open_count, 1);
}

SERVER_TLS_TEST(test_session_knows_its_request_until_it_is_open, w, s) {
  s->each.at_open = check_is_kept;
  s->each.at_close = check_is_gone;
  play_request(s);
}

SERVER_TLS_TEST(test_session_keeps_its_request, w, s) {
  s->config.keep_handshake = true;
  s->each.at_open = s->each.at_close = check_is_kept;
  play_request(s);
}

/* Secrets are in the query. */
SERVER_TLS_TEST(test_session_is_logged_without_its_query, w, s) {
  play_request(s);
  static const char line[] = "accepted from 127.0.0.1: /room/a%20b\n";
  const char *text = bytes_text(&s->accepted), *rest = text + sizeof line - 1;
  assert_int_equal(strncmp(text, line, sizeof line - 1), 0);
  assert_int_equal(strncmp(rest, "TLS: TLSv1.", 11) == 0, world_tls(w) != NULL);
  assert_int_equal(*rest == '\0', world_tls(w) == NULL);
}
