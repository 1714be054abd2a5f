/* Connections that the program has accepted itself: handed over with what it has read of them, or
   with a request that it has parsed. In the real world only, since the streams are libuv's. */

#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "support/own_server.h"
#include "testkit/check.h"

static void start(own_server *own, server_user *s, own_kind kind) {
  own_server_start(own, s, kind);
  server_user_route_echo(s);
}

static void assert_echoes(raw_client *c) {
  size_t frames = c->frames + 1;
  raw_client_send_frames(c, "TEXT \"echo\"");
  raw_client_run_to_frames(c, frames);
}

/* The client goes; then the handle is given back after on_close. */
static void assert_released(own_conn *conn) {
  own_server *own = conn->own;
  size_t closes = own->s->close_count + 1;
  raw_client_close(conn->client);
  own_server_run_to_releases(own, own->releases + 1);
  assert_int_equal(conn->releases, 1);
  assert_int_equal(conn->closes, closes);
}

/* The same with an open session, which works. */
static void finish_session(own_conn *conn) {
  assert_echoes(conn->client);
  assert_released(conn);
  own_server_finish(conn->own);
}

/* A first connection, which is adopted. */
static own_conn *start_adopted(own_server *own, server_user *s, own_kind kind) {
  start(own, s, kind);
  own_conn *conn = own_server_accept(own);
  assert_int_equal(own_conn_adopt(conn), 0);
  return conn;
}

/* A first connection, of which the program has read some bytes. */
static own_conn *start_read(own_server *own, server_user *s, const char *text, size_t read) {
  start(own, s, OWN_TCP);
  own_conn *conn = own_server_accept(own);
  raw_client_send_text(conn->client, text);
  own_conn_read(conn, read);
  return conn;
}

/* --- adopting --- */

SERVER_UV_AND_TLS_TEST(test_adopted_before_a_byte_was_read, w, s) {
  own_server own;
  own_conn *conn = start_adopted(&own, s, OWN_TCP);
  assert_int_equal(s->open_count, 0);
  raw_client_upgrade(conn->client, NULL);
  finish_session(conn);
}

/* The request is accepted, and these two frames behind it come back. */
static void assert_accepted_with(own_conn *conn, const char *frames) {
  raw_client_run_to_status(conn->client, 101);
  raw_client_run_to_frames(conn->client, 2);
  assert_true(raw_client_saw(conn->client, frames));
  assert_released(conn);
}

static const char two_frames[] = "TEXT \"a\" ; BIN 0102";

/* Cut in the request, or in the records of TLS, or in the frames. */
static void play_cut(own_server *own, size_t before) {
  own_conn *conn = own_server_accept(own);
  raw_client_request(conn->client, NULL);
  raw_client_send_frames(conn->client, two_frames);
  own_conn_read(conn, before);
  assert_int_equal(own_conn_adopt(conn), 0);
  assert_accepted_with(conn, two_frames);
  own_server_forget(own);
}

static size_t request_and_frames_len(void) {
  SCOPED_BYTES text = {0};
  bytes frames = frames_of(two_frames, true);
  upgrade_request(&text, NULL);
  size_t len = text.len + frames.len;
  bytes_free(&frames);
  return len;
}

/* F7 */
SERVER_UV_TEST(test_adopted_cut_at_every_byte, w, s) {
  own_server own;
  size_t len = request_and_frames_len();
  start(&own, s, OWN_TCP);
  for (size_t before = 0; before <= len; before++) play_cut(&own, before);
  own_server_finish(&own);
}

/* The program has read a part of the client's first flight. */
SERVER_ONLY_UV_TLS_TEST(test_adopted_in_the_client_hello, w, s) {
  static const size_t cuts[] = {1, 5, 6, 100, 150};
  own_server own;
  start(&own, s, OWN_TCP);
  for (size_t i = 0; i < COUNT_OF(cuts); i++) play_cut(&own, cuts[i]);
  own_server_finish(&own);
}

/* More is received than a server reads before its answer. */
SERVER_UV_TEST(test_adopted_with_much_that_was_read, w, s) {
  static const char large_frames[] = "BIN 61~300000 ; TEXT \"end\"";
  own_server own;
  SCOPED_BYTES text = {0};
  bytes frames = frames_of(large_frames, true);
  s->config.fragment_size = 0; /* one frame comes back */
  start(&own, s, OWN_TCP);
  upgrade_request(&text, NULL);
  bytes_add(&text, frames.base, frames.len);
  bytes_free(&frames);
  own_conn *conn = own_server_accept(&own);
  raw_client_send(conn->client, text.base, text.len);
  own_conn_read(conn, text.len);
  assert_int_equal(own_conn_adopt(conn), 0);
  assert_accepted_with(conn, large_frames);
  own_server_finish(&own);
}

SERVER_UV_TEST(test_adopted_unix_socket, w, s) {
  own_server own;
  own_conn *conn = start_adopted(&own, s, OWN_UNIX);
  raw_client_upgrade(conn->client, NULL);
  finish_session(conn);
}

static void keep_request(server_user *s, wsuv_exchange_t *x) {
  (void) s;
  (void) x; /* s->exchange is it */
}

static own_conn *start_asked(own_server *own, server_user *s, const char *text) {
  own_conn *conn = start_read(own, s, text, 10);
  server_user_serve(s, keep_request);
  assert_int_equal(own_conn_adopt(conn), 0);
  server_user_run_to_requests(s, 1);
  return conn;
}

#define PLAIN "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

SERVER_UV_TEST(test_adopted_with_a_request_before_the_upgrade, w, s) {
  own_server own;
  own_conn *conn = start_asked(&own, s, PLAIN);
  assert_int_equal(server_user_respond(s->exchange, 200, "page"), 0);
  raw_client_run_to_response(conn->client, false);
  assert_true(raw_client_has_body(conn->client, "page"));
  raw_client_next(conn->client);
  raw_client_upgrade(conn->client, NULL);
  finish_session(conn);
}

/* The program gets another descriptor of the socket, all bytes, and its handle back. */
SERVER_UV_TEST(test_adopted_and_handed_over_again, w, s) {
  static const char text[] = PLAIN "more", mine[] = "HTTP/1.1 200 OK\r\n\r\n";
  own_server own;
  int fd;
  const void *read;
  size_t len;
  own_conn *conn = start_asked(&own, s, text);
  assert_int_equal(wsuv_exchange_detach(s->exchange, &fd, &read, &len), 0);
  assert_int_equal(len, sizeof text - 1);
  assert_memory_equal(read, text, len);
  assert_int_equal(conn->releases, 0);
  own_server_run_to_releases(&own, 1);
  assert_int_equal(write(fd, mine, sizeof mine - 1), sizeof mine - 1);
  raw_client_run_to_status(conn->client, 200);
  assert_false(conn->client->ended);
  CHECK(close(fd) == 0);
  raw_client_run_to_end(conn->client);
  assert_int_equal(s->refused, 0);
  assert_int_equal(conn->closes, 0);
  own_server_finish(&own);
}

/* Not all bytes that the program has read are there for it. */
SERVER_UV_TEST(test_adopted_with_much_that_was_read_is_not_handed_over, w, s) {
  enum { MUCH = 64 * 1024 };
  for (size_t more = 0; more < 2; more++) {
    own_server own;
    int fd = -1;
    const void *read;
    size_t len;
    SCOPED_BYTES text = {0};
    server_user_renew(s);
    server_user_serve(s, keep_request);
    bytes_add(&text, PLAIN, sizeof PLAIN - 1);
    for (size_t i = 0; i < MUCH + more; i++) bytes_add(&text, "x", 1);
    own_conn *conn = start_read(&own, s, bytes_text(&text), text.len);
    assert_int_equal(own_conn_adopt(conn), 0);
    server_user_run_to_requests(s, 1);
    world_advance(w, 10);
    assert_int_equal(wsuv_exchange_detach(s->exchange, &fd, &read, &len), more ? UV_ENOTSUP : 0);
    if (more > 0) {
      assert_int_equal(server_user_respond(s->exchange, 200, "page"), 0);
    } else {
      assert_int_equal(len, text.len);
      assert_int_equal(close(fd), 0);
    }
    own_server_finish(&own);
  }
}

/* It is given back when the refused client has taken its answer, and on_close never runs. */
SERVER_UV_TEST(test_adopted_and_refused, w, s) {
  own_server own;
  own_conn *conn = start_adopted(&own, s, OWN_TCP);
  raw_client *c = conn->client;
  raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
  raw_client_run_to_status(c, 404);
  raw_client_run_to_end(c);
  raw_client_end(c);
  own_server_run_to_releases(&own, 1);
  assert_true(server_user_refused(s, "NO_ROUTE 404\n"));
  assert_int_equal(conn->closes, 0);
  own_server_finish(&own);
}

SERVER_UV_TEST(test_adopted_and_gone, w, s) {
  own_server own;
  own_conn *conn = start_read(&own, s, "GET ", 4);
  raw_client_end(conn->client);
  assert_int_equal(own_conn_adopt(conn), 0);
  own_server_run_to_releases(&own, 1);
  assert_true(server_user_refused(s, "GONE 0\n"));
  own_server_finish(&own);
}

/* F63: the oldest of those without a request makes room, as with a listener. */
SERVER_UV_TEST(test_adopted_beyond_the_limits, w, s) {
  own_server own;
  s->config.max_handshakes_per_address = 2;
  start(&own, s, OWN_TCP);
  for (size_t i = 0; i < 3; i++) assert_int_equal(own_conn_adopt(own_server_accept(&own)), 0);
  server_user_run_to_refusals(s, 1);
  assert_true(server_user_refused(s, "HANDSHAKES_PER_ADDRESS 0\n"));
  raw_client_run_to_end(own.conns[0].client);
  raw_client_upgrade(own.conns[2].client, NULL);
  own_server_finish(&own);
}

/* --- a request that was parsed --- */

/* A connection whose request the program has parsed. */
static own_conn *accept_parsed(own_server *own, const upgrade_lines *lines,
                               wsuv_http_request_t *request) {
  own_conn *conn = own_server_accept(own);
  raw_client_request(conn->client, lines);
  own_conn_parse(conn, request);
  return conn;
}

/* The first one. */
static own_conn *start_parsed(own_server *own, server_user *s, const upgrade_lines *lines,
                              wsuv_http_request_t *request) {
  start(own, s, OWN_TCP);
  return accept_parsed(own, lines, request);
}

/* The same, which is handed over. */
static own_conn *start_upgraded(own_server *own, server_user *s, const upgrade_lines *lines) {
  wsuv_http_request_t request;
  own_conn *conn = start_parsed(own, s, lines, &request);
  assert_int_equal(own_conn_upgrade(conn, &request), 0);
  return conn;
}

SERVER_UV_TEST(test_upgraded, w, s) {
  own_server own;
  own_conn *conn = start_upgraded(&own, s, NULL);
  assert_true(wsuv_http_request_is_upgrade(&conn->head.request));
  memset(conn->head.text, 'x', conn->head.len); /* it was copied */
  assert_int_equal(s->open_count, 0);
  raw_client_run_to_status(conn->client, 101);
  finish_session(conn);
}

/* F7 */
SERVER_UV_TEST(test_upgraded_with_frames_cut_at_every_byte, w, s) {
  own_server own;
  bytes frames = frames_of(two_frames, true);
  start(&own, s, OWN_TCP);
  for (size_t rest = 0; rest <= frames.len; rest++) {
    wsuv_http_request_t request;
    own_conn *conn = accept_parsed(&own, NULL, &request);
    raw_client_send(conn->client, frames.base, frames.len);
    own_conn_read(conn, conn->head.len + rest);
    assert_int_equal(own_conn_upgrade(conn, &request), 0);
    assert_accepted_with(conn, two_frames);
    own_server_forget(&own);
  }
  bytes_free(&frames);
  own_server_finish(&own);
}

/* Requests that are refused take no place of a session, in whatever order they were handed over. */
SERVER_UV_TEST(test_upgraded_beside_one_that_is_refused, w, s) {
  own_server own;
  wsuv_http_request_t good, evil;
  s->config.max_sessions = 1;
  own_conn *first = start_parsed(&own, s, NULL, &good);
  own_conn *second =
      accept_parsed(&own, &(upgrade_lines){.more = "Origin: http://evil.example\r\n"}, &evil);
  assert_int_equal(own_conn_upgrade(first, &good), 0);
  assert_int_equal(own_conn_upgrade(second, &evil), 0);
  raw_client_run_to_status(second->client, 403);
  raw_client_run_to_status(first->client, 101);
  assert_true(server_user_refused(s, "ORIGIN 403\n"));
  own_server_finish(&own);
}

/* What the program sees is what was sent. */
static void look_and_accept(server_user *s, wsuv_upgrade_t *u) {
  size_t count;
  struct sockaddr_storage addr;
  CHECK(strcmp(wsuv_upgrade_target(u), "/room/7?token=x+y") == 0);
  CHECK(strcmp(wsuv_upgrade_param(u, "room"), "7") == 0);
  CHECK(strcmp(wsuv_upgrade_query(u, "token"), "x y") == 0);
  CHECK(strcmp(wsuv_upgrade_header(u, "x-field"), "1") == 0);
  CHECK(wsuv_upgrade_headers(u, &count) != NULL && count == 7);
  CHECK(strcmp(wsuv_upgrade_subprotocol(u, 1), "mqtt") == 0);
  CHECK(wsuv_upgrade_peer_address(u, &addr) == 0 && addr.ss_family == AF_INET);
  CHECK(server_user_accept(s, u, NULL) == 0);
}

SERVER_UV_TEST(test_upgraded_by_the_hook, w, s) {
  own_server own;
  wsuv_http_request_t request;
  own_server_start(&own, s, OWN_TCP);
  server_user_route(s, "/room/{room}");
  server_user_decide(s, look_and_accept);
  own_conn *conn = accept_parsed(
      &own,
      &(upgrade_lines){.target = "/room/7?token=x+y",
                       .more = "X-Field: 1\r\nSec-WebSocket-Protocol: chat, mqtt\r\n"},
      &request);
  assert_int_equal(own_conn_upgrade(conn, &request), 0);
  assert_int_equal(s->upgrades, 0);
  raw_client_run_to_status(conn->client, 101);
  assert_released(conn);
  own_server_finish(&own);
}

/* What the server refuses it answers. */
static const struct refused_row {
  upgrade_lines lines;
  int status;
  const char *line;
} refused_rows[] = {
    {{.more = "Origin: http://evil.example\r\n"}, 403, "ORIGIN 403\n"},
    {{.version = "Sec-WebSocket-Version: 8"}, 426, "VERSION 426\n"},
    {{.key = ""}, 400, "KEY 400\n"},
    {{.key = "Sec-WebSocket-Key: short"}, 400, "KEY 400\n"},
    {{.host = ""}, 400, "HOST 400\n"},
    {{.host = "Host: a\r\nHost: b"}, 400, "HOST 400\n"},
    {{.host = "Host: other.example"}, 421, "HOST_UNKNOWN 421\n"},
    {{.target = "/#x"}, 400, "TARGET 400\n"},
    {{.target = "/%00"}, 400, "ESCAPE 400\n"},
    {{.more = "Content-Length: 5\r\n"}, 400, "BODY 400\n"},
    {{.more = "Transfer-Encoding: chunked\r\n"}, 400, "BODY 400\n"},
    {{.more = "Sec-WebSocket-Extensions: a;;\r\n"}, 400, "EXTENSION 400\n"},
};

static void play_refused(server_user *s, const struct refused_row *row) {
  own_server own;
  raw_client *c = start_upgraded(&own, s, &row->lines)->client;
  assert_int_equal(s->refused, 0);
  raw_client_run_to_status(c, row->status);
  raw_client_run_to_end(c);
  raw_client_close(c);
  own_server_run_to_releases(&own, 1);
  assert_true(server_user_refused(s, row->line));
  own_server_finish(&own);
}

/* F62, F64 */
WORLD_UV_TEST(test_upgraded_and_refused_by_a_check, w) {
  for (size_t i = 0; i < COUNT_OF(refused_rows); i++) {
    server_user s;
    server_user_begin(&s, w);
    play_refused(&s, &refused_rows[i]);
  }
}

static void refuse(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  CHECK(server_user_refuse(u, 401) == 0);
}

static own_conn *start_with_hook(own_server *own, server_user *s,
                                 void (*hook)(server_user *s, wsuv_upgrade_t *u)) {
  server_user_decide(s, hook);
  return start_upgraded(own, s, NULL);
}

/* The hook has the upgrade, and keeps it. */
static own_conn *start_kept(own_server *own, server_user *s) {
  own_conn *conn = start_with_hook(own, s, server_user_keep);
  server_user_run_to_upgrades(s, 1);
  return conn;
}

SERVER_UV_TEST(test_upgraded_and_refused_by_the_hook, w, s) {
  own_server own;
  own_conn *conn = start_with_hook(&own, s, refuse);
  raw_client_run_to_status(conn->client, 401);
  raw_client_close(conn->client);
  own_server_run_to_releases(&own, 1);
  assert_int_equal(conn->closes, 0);
  assert_int_equal(s->refused, 0);
  own_server_finish(&own);
}

SERVER_UV_TEST(test_upgraded_and_decided_later, w, s) {
  own_server own;
  own_conn *conn = start_kept(&own, s);
  world_advance(w, 20);
  assert_int_equal(conn->client->received, 0);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  raw_client_run_to_status(conn->client, 101);
  finish_session(conn);
}

/* F61: it is given back before the answer comes, which is of no use. */
SERVER_UV_TEST(test_upgraded_and_gone_before_the_decision, w, s) {
  own_server own;
  own_conn *conn = start_kept(&own, s);
  raw_client_reset(conn->client);
  own_server_run_to_releases(&own, 1);
  assert_null(conn->stream);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), WSUV_ESTATE);
  assert_true(server_user_refused(s, "GONE 0\n"));
  own_server_finish(&own);
}

static void close_server(own_conn *conn) {
  server_user_end_with_kept(conn->own->s, conn->client, false);
  assert_int_equal(conn->releases, 1);
}

/* F61 */
SERVER_UV_TEST(test_upgraded_and_the_server_closed_at_once, w, s) {
  own_server own;
  close_server(start_with_hook(&own, s, server_user_keep));
  assert_int_equal(s->upgrades, 0);
  own_server_finish(&own);
}

SERVER_UV_TEST(test_upgraded_and_the_server_closed_meanwhile, w, s) {
  own_server own;
  close_server(start_kept(&own, s));
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), WSUV_ESTATE);
  own_server_finish(&own);
}

/* --- what the program has written --- */

typedef struct own_write {
  uv_write_t req;
  size_t order; /* so many were written when this one was */
  size_t *written;
  int status;
} own_write;

static void on_written(uv_write_t *req, int status) {
  own_write *write = req->data;
  write->order = ++*write->written;
  write->status = status;
}

static void write_text(own_conn *c, own_write *write, size_t *written, const char *text,
                       size_t len) {
  uv_buf_t buf = uv_buf_init((char *) (uintptr_t) text, (unsigned) len);
  write->req.data = write;
  write->written = written;
  CHECK(uv_write(&write->req, c->stream, &buf, 1, on_written) == 0);
}

/* The body of a page that is longer than the kernel takes, then our response, in this order. */
SERVER_UV_TEST(test_upgraded_behind_queued_writes, w, s) {
  enum { BODY = 8 * 1024 * 1024 };
  static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n";
  own_server own;
  wsuv_http_request_t request;
  own_write writes[2];
  size_t written = 0;
  char *body = check_alloc(BODY);
  own_conn *conn = start_parsed(&own, s, NULL, &request);
  raw_client *c = conn->client;
  raw_client_read(c, false);
  write_text(conn, &writes[0], &written, head, sizeof head - 1);
  write_text(conn, &writes[1], &written, body, BODY);
  assert_true(uv_stream_get_write_queue_size(conn->stream) > 0);
  assert_int_equal(own_conn_upgrade(conn, &request), 0);
  world_advance(w, 20);
  assert_int_equal(s->open_count, 0);
  raw_client_read(c, true);
  raw_client_run_to_status(c, 200);
  server_user_run_to_sessions(s, 1);
  assert_int_equal(written, 2);
  assert_int_equal(writes[0].status, 0);
  assert_int_equal(writes[1].status, 0);
  assert_released(conn);
  own_server_finish(&own);
  free(body);
}

/* What the program has queued would be lost with the handle, so the connection is handed over only
   when it has left. */
SERVER_UV_TEST(test_detached_behind_queued_writes, w, s) {
  enum { BODY = 1024 * 1024 }; /* more than a Unix socket takes */
  own_server own;
  own_write write;
  size_t written = 0, len;
  const void *read;
  int fd = -1;
  char *body = check_alloc(BODY);
  server_user_serve(s, keep_request);
  start(&own, s, OWN_UNIX);
  own_conn *conn = own_server_accept(&own);
  raw_client_read(conn->client, false);
  write_text(conn, &write, &written, body, BODY);
  assert_true(uv_stream_get_write_queue_size(conn->stream) > 0);
  raw_client_send_text(conn->client, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  assert_int_equal(own_conn_adopt(conn), 0);
  server_user_run_to_requests(s, 1);
  assert_int_equal(wsuv_exchange_detach(s->exchange, &fd, &read, &len), UV_EAGAIN);
  assert_int_equal(fd, -1);
  raw_client_read(conn->client, true);
  world_run_until_count(w, &written, 1);
  assert_int_equal(write.status, 0);
  assert_int_equal(wsuv_exchange_detach(s->exchange, &fd, &read, &len), 0);
  assert_int_equal(close(fd), 0);
  own_server_run_to_releases(&own, 1);
  own_server_finish(&own);
  free(body);
}

SERVER_UV_TEST(test_upgraded_behind_an_interim_response, w, s) {
  static const char interim[] = "HTTP/1.1 103 Early Hints\r\n\r\n";
  own_server own;
  wsuv_http_request_t request;
  own_write write;
  size_t written = 0;
  own_conn *conn = start_parsed(&own, s, NULL, &request);
  write_text(conn, &write, &written, interim, sizeof interim - 1);
  assert_int_equal(own_conn_upgrade(conn, &request), 0);
  raw_client_run_to_status(conn->client, 101);
  assert_int_equal(conn->client->interim, 1);
  finish_session(conn);
}

/* --- requests that stay the caller's --- */

typedef struct bad_row {
  const char *method, *target;
  wsuv_header_t field; /* instead of the first */
  unsigned major, minor;
  int code;
} bad_row;

static void assert_not_taken(own_conn *c, const wsuv_http_request_t *good, const bad_row *row) {
  wsuv_http_request_t bad = *good;
  wsuv_header_t fields[PARSED_FIELDS_MAX];
  memcpy(fields, good->headers, good->header_count * sizeof *fields);
  bad.headers = fields;
  if (row->method != NULL) bad.method = row->method;
  if (row->target != NULL) bad.target = row->target;
  if (row->field.name != NULL) fields[0] = row->field;
  if (row->major > 0) bad.http_major = row->major;
  if (row->major > 0) bad.http_minor = row->minor;
  assert_int_equal(own_conn_upgrade(c, &bad), row->code);
  own_conn_assert_untouched(c, true);
}

/* F8, F62: nothing in a structure can become another line. */
SERVER_UV_TEST(test_upgrade_that_is_not_taken, w, s) {
  static const bad_row rows[] = {
      {.target = "/nowhere", .code = UV_ENOENT},
      {.method = "POST", .code = WSUV_EUPGRADE},
      {.field = {"Host", "a"}, .method = "HEAD", .code = WSUV_EUPGRADE},
      {.major = 1, .minor = 0, .code = WSUV_EUPGRADE},
      {.major = 2, .minor = 0, .code = WSUV_EUPGRADE},
      {.method = "GET /", .code = UV_EINVAL},
      {.method = "", .code = UV_EINVAL},
      {.target = "", .code = UV_EINVAL},
      {.target = "/ HTTP/1.1\r\nX: y", .code = UV_EINVAL},
      {.target = "/\t", .code = UV_EINVAL},
      {.target = "/\x7f", .code = UV_EINVAL},
      {.major = 10, .minor = 0, .code = UV_EINVAL},
      {.major = 1, .minor = 10, .code = UV_EINVAL},
      {.field = {"X Y", "z"}, .code = WSUV_EINVAL_HEADER},
      {.field = {"", "z"}, .code = WSUV_EINVAL_HEADER},
      {.field = {"X:", "z"}, .code = WSUV_EINVAL_HEADER},
      {.field = {"X\r\nY", "z"}, .code = WSUV_EINVAL_HEADER},
      {.field = {"X", "a\r\nY: z"}, .code = WSUV_EINVAL_HEADER},
      {.field = {"X", "a\n b"}, .code = WSUV_EINVAL_HEADER},
      {.field = {"X", "a\rb"}, .code = WSUV_EINVAL_HEADER},
      {.field = {"X", NULL}, .code = WSUV_EINVAL_HEADER},
  };
  own_server own;
  wsuv_http_request_t request;
  own_conn *conn = start_parsed(&own, s, NULL, &request);
  own_conn_go_on(conn);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_not_taken(conn, &request, &rows[i]);
  }
  assert_int_equal(own_conn_upgrade(conn, NULL), UV_EINVAL);
  request.size = 1;
  assert_int_equal(own_conn_upgrade(conn, &request), WSUV_ESIZE);
  request.size = sizeof request;
  own_conn_assert_untouched(conn, true);
  assert_int_equal(s->refused, 0);
  assert_int_equal(own_conn_upgrade(conn, &request), 0);
  raw_client_run_to_status(conn->client, 101);
  own_server_finish(&own);
}

/* A request that asks for nothing of ours, and one that is for another server. */
SERVER_UV_TEST(test_upgrade_of_a_plain_request, w, s) {
  static const upgrade_lines rows[] = {{.upgrade = ""},
                                       {.upgrade = "Upgrade: h2c"},
                                       {.connection = ""},
                                       {.connection = "Connection: keep-alive"}};
  own_server own;
  start(&own, s, OWN_TCP);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    wsuv_http_request_t request;
    own_conn *conn = accept_parsed(&own, &rows[i], &request);
    assert_false(wsuv_http_request_is_upgrade(&request));
    assert_int_equal(own_conn_upgrade(conn, &request), WSUV_EUPGRADE);
    own_conn_assert_untouched(conn, false);
  }
  own_server_finish(&own);
}

SERVER_UV_TEST(test_upgrade_when_the_server_ends, w, s) {
  own_server own;
  wsuv_http_request_t request;
  own_conn *conn = start_parsed(&own, s, NULL, &request);
  assert_int_equal(server_user_close(s), 0);
  assert_int_equal(own_conn_upgrade(conn, &request), WSUV_ESTATE);
  own_conn_assert_untouched(conn, false);
  own_server_finish(&own);
}

/* --- its end --- */

SERVER_UV_AND_TLS_TEST(test_adopted_and_the_server_closed_at_once, w, s) {
  own_server own;
  own_conn *conn = start_adopted(&own, s, OWN_TCP);
  assert_int_equal(server_user_close(s), 0);
  assert_int_equal(conn->releases, 0);
  server_user_run_to_end(s);
  assert_int_equal(conn->releases, 1);
  own_server_finish(&own);
}

SERVER_UV_TEST(test_adopted_and_the_server_terminated, w, s) {
  own_server own;
  own_conn *conn = start_adopted(&own, s, OWN_TCP);
  raw_client_upgrade(conn->client, NULL);
  server_user_run_to_sessions(s, 1);
  assert_int_equal(server_user_terminate(s), 0);
  server_user_run_to_end(s);
  assert_int_equal(conn->releases, 1);
  assert_int_equal(conn->closes, 1);
  own_server_finish(&own);
}

static void release_and_adopt(own_conn *c) {
  c->own->at_release = NULL;
  CHECK(own_conn_adopt(&c->own->conns[1]) == 0);
}

SERVER_UV_TEST(test_adopted_inside_release, w, s) {
  own_server own;
  own_conn *conn = start_adopted(&own, s, OWN_TCP);
  own_conn *other = own_server_accept(&own);
  own.at_release = release_and_adopt;
  raw_client_close(conn->client);
  raw_client_upgrade(other->client, NULL);
  own_server_finish(&own);
}

static void close_handle(uv_handle_t *handle, void *arg) {
  (void) arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

SERVER_UV_TEST(test_adopted_handle_closed_by_the_program, w, s) {
  own_server own;
  own_conn *conn = start_read(&own, s, "GET / HTTP/1.1\r\n", 5);
  assert_int_equal(own_conn_adopt(conn), 0);
  close_handle((uv_handle_t *) conn->stream, NULL);
  own_server_run_to_releases(&own, 1);
  assert_true(server_user_refused(s, "GONE 0\n"));
  own_server_finish(&own);
}

/* F58: the program closes all handles of its loop, after so many turns. The handle is given back
   once the server is closed. */
static void count_release(uv_stream_t *stream, void *count) {
  ++*(size_t *) count;
  free(stream);
}

static uv_stream_t *open_pipe(uv_loop_t *loop, int *other) {
  int fds[2];
  uv_pipe_t *pipe = check_alloc(sizeof *pipe);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  CHECK(uv_pipe_init(loop, pipe, 0) == 0 && uv_pipe_open(pipe, fds[0]) == 0);
  *other = fds[1];
  return (uv_stream_t *) pipe;
}

static void walk_after(server_user *s, int turns, size_t received) {
  SCOPED_BYTES text = {0};
  uv_loop_t loop;
  int peer;
  size_t releases = 0;
  CHECK(uv_loop_init(&loop) == 0);
  s->loop = &loop;
  server_user_route(s, "/");
  uv_stream_t *stream = open_pipe(&loop, &peer);
  upgrade_request(&text, NULL);
  CHECK(write(peer, text.base + received, text.len - received) >= 0);
  assert_int_equal(
      wsuv_server_adopt(s->server, stream, text.base, received, count_release, &releases), 0);
  for (int i = 0; i < turns; i++) uv_run(&loop, UV_RUN_NOWAIT);
  uv_walk(&loop, close_handle, NULL);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(releases, 0);
  assert_int_equal(wsuv_server_adopt(s->server, stream, NULL, 0, NULL, NULL), UV_ECANCELED);
  assert_int_equal(server_user_close(s), 0);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(s->ends, 1);
  assert_int_equal(releases, 1);
  assert_int_equal(uv_loop_close(&loop), 0);
  CHECK(close(peer) == 0);
}

WORLD_UV_TEST(test_adopted_and_all_handles_closed, w) {
  static const size_t parts[] = {0, 20, 1000};
  for (size_t i = 0; i < 3; i++) {
    for (int turns = 0; turns < 6; turns++) {
      server_user s;
      SCOPED_BYTES text = {0};
      upgrade_request(&text, NULL);
      server_user_begin(&s, w);
      walk_after(&s, turns, parts[i] < text.len ? parts[i] : text.len);
      server_user_finish(&s);
    }
  }
}

/* --- refused: it stays the caller's --- */

SERVER_UV_TEST(test_adopting_refused, w, s) {
  own_server own;
  uv_udp_t udp;
  uv_tcp_t fresh;
  start(&own, s, OWN_TCP);
  own_conn *conn = own_server_accept(&own);
  wsuv_server_t *server = s->server;
  own_conn_go_on(conn);
  assert_int_equal(wsuv_server_adopt(server, NULL, NULL, 0, NULL, NULL), UV_EINVAL);
  assert_int_equal(wsuv_server_adopt(server, conn->stream, NULL, 1, NULL, NULL), UV_EINVAL);
  own_conn_assert_untouched(conn, true);
  uv_udp_init(world_uv_loop(w), &udp);
  assert_int_equal(wsuv_server_adopt(server, (uv_stream_t *) (void *) &udp, NULL, 0, NULL, NULL),
                   UV_EINVAL);
  uv_close((uv_handle_t *) &udp, NULL);
  uv_tcp_init(world_uv_loop(w), &fresh);
  assert_int_equal(wsuv_server_adopt(server, (uv_stream_t *) &fresh, NULL, 0, NULL, NULL),
                   UV_ENOTCONN);
  uv_close((uv_handle_t *) &fresh, NULL);
  raw_client_send_text(conn->client, "still read");
  world_run_until_count(w, &conn->reads, 1);
  assert_int_equal(server_user_drain(s), 0);
  assert_int_equal(own_conn_adopt(conn), WSUV_ESTATE);
  own_conn_assert_untouched(conn, true);
  server_user_run_to_end(s);
  own_server_finish(&own);
}

SERVER_UV_TEST(test_adopting_without_a_certificate, w, s) {
  own_server own;
  wsuv_tls_config_t tls;
  wsuv_tls_config_init(&tls);
  tls.cert_file = tls.key_file = "/nowhere";
  s->config.tls = &tls;
  start(&own, s, OWN_TCP);
  own_conn *conn = own_server_accept(&own);
  own_conn_go_on(conn);
  assert_int_equal(own_conn_adopt(conn), WSUV_ETLS);
  own_conn_assert_untouched(conn, true);
  own_server_finish(&own);
}

/* F46: whatever fails, the stream is the caller's still, or it is given back. */
static int hand_over(own_conn *c, bool parsed) {
  wsuv_http_request_t request;
  if (!parsed) return own_conn_adopt(c);
  own_conn_parse(c, &request);
  return own_conn_upgrade(c, &request);
}

/* Returns whether an allocation has failed. */
static bool play_without_memory(world *w, uint64_t n, bool parsed) {
  server_user s;
  own_server own;
  server_user_begin(&s, w);
  s.each.at_message = server_user_ignore;
  start(&own, &s, OWN_TCP);
  own_conn *conn = own_server_accept(&own);
  raw_client *c = conn->client;
  raw_client_request(c, NULL);
  raw_client_send_frames(c, "TEXT \"a\"");
  own_conn_read(conn, parsed ? 0 : 20);
  w->alloc->failed = 0;
  w->alloc->fail_at = w->alloc->calls + n;
  int err = hand_over(conn, parsed);
  if (err < 0) {
    assert_int_equal(err, UV_ENOMEM);
    own_conn_assert_untouched(conn, false);
    assert_int_equal(hand_over(conn, parsed), 0);
  }
  raw_client_run_to_answer(c);
  w->alloc->fail_at = 0;
  raw_client_close(c);
  own_server_run_to_releases(&own, 1);
  own_server_finish(&own);
  return w->alloc->failed > 0;
}

static void play_all_without_memory(world *w, bool parsed) {
  uint64_t n = 1;
  while (play_without_memory(w, n, parsed)) n++;
  assert_true(n > 10);
}

WORLD_UV_AND_TLS_TEST(test_adopted_without_memory, w) {
  play_all_without_memory(w, false);
}

WORLD_UV_TEST(test_upgraded_without_memory, w) {
  play_all_without_memory(w, true);
}
