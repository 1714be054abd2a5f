/* Adoption: sessions over streams that somebody else has connected. In the real world only, since
   the streams are libuv's. */

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include "support/check.h"
#include "support/scene.h"
#include "support/socket_path.h"
#include "support/world_test.h"

/* --- whoever connects --- */

/* The handle is memory of its own, so that a use after on_close is seen. */
typedef struct carrier {
  world *w;
  uv_stream_t *stream; /* NULL: freed */
  uv_connect_t req;
  bool connected;
  size_t reads;
  char room[64];
} carrier;

static void on_connect(uv_connect_t *req, int status) {
  carrier *c = req->data;
  CHECK(status == 0);
  c->connected = true;
}

static void tcp_begin(carrier *c, const raw_peer *p) {
  const struct sockaddr_in addr = {
      .sin_family = AF_INET, .sin_port = htons(p->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  uv_tcp_t *tcp = check_alloc(sizeof *tcp);
  assert_int_equal(uv_tcp_init(world_uv_loop(c->w), tcp), 0);
  c->stream = (uv_stream_t *) tcp;
  c->req.data = c;
  int err = uv_tcp_connect(&c->req, tcp, (const struct sockaddr *) &addr, on_connect);
  assert_int_equal(err, 0);
}

static void pipe_begin(carrier *c) {
  uv_pipe_t *pipe = check_alloc(sizeof *pipe);
  assert_int_equal(uv_pipe_init(world_uv_loop(c->w), pipe, 0), 0);
  c->stream = (uv_stream_t *) pipe;
  c->req.data = c;
  uv_pipe_connect(&c->req, pipe, socket_path(), on_connect);
}

static void carrier_connect(carrier *c, const raw_peer *p) {
  *c = (carrier){.w = p->w};
  if (p->port != 0) tcp_begin(c, p);
  if (p->port == 0) pipe_begin(c);
  world_run_until_true(c->w, &c->connected);
  c->stream->data = c;
}

/* Still the caller's. */
static void on_closed(uv_handle_t *handle) {
  free(handle);
}

static void carrier_close(carrier *c) {
  uv_close((uv_handle_t *) c->stream, on_closed);
}

/* Its memory goes in on_close. */
static void free_handle(observer *o) {
  carrier *c = o->data;
  CHECK(uv_is_closing((uv_handle_t *) c->stream));
  free(c->stream);
  c->stream = NULL;
}

static void adopt_url(scene *s, carrier *c, const char *url) {
  wsuv_request_t r;
  wsuv_request_init(&r, url);
  s->o.data = c;
  s->o.at_close = free_handle;
  assert_int_equal(observer_stream(&s->o, s->client, &r, c->stream), 0);
}

/* --- both kinds --- */

enum { KIND_TCP, KIND_UNIX, KINDS };

static void begin_kind(scene *s, world *w, size_t kind) {
  scene_begin(s, w, NULL);
  if (kind == KIND_UNIX) s->peer = raw_peer_new_at(w, socket_path(), 0);
}

/* The path of a Unix socket is free for the next one only after a turn. */
static void end_kind(scene *s) {
  raw_peer_refuse(s->peer);
  scene_end(s);
  uv_run(world_uv_loop(s->w), UV_RUN_NOWAIT);
}

static void greet_and_close(raw_peer *p) {
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "hello"),
                PEER_SEND_CLOSE(1000), PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
}

WORLD_UV_TEST(test_stream_carries_a_session, w) {
  for (size_t i = KIND_TCP; i < KINDS; i++) {
    char host[64];
    carrier c;
    scene s;
    begin_kind(&s, w, i);
    greet_and_close(s.peer);
    carrier_connect(&c, s.peer);
    adopt_url(&s, &c, "ws://example.org:1234/path?query");
    assert_int_equal(wsuv_session_stage(s.o.session), WSUV_STAGE_HANDSHAKE);
    world_run_until_true(w, &s.o.closed);
    assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
    assert_string_equal(bytes_text(&s.o.text), "hello;");
    assert_null(c.stream);
    const raw_conn *conn = raw_peer_conn(s.peer, 0);
    static const char line[] = "GET /path?query HTTP/1.1\r\n";
    assert_memory_equal(conn->request, line, sizeof line - 1);
    assert_true(raw_conn_header(conn, "Host", host, sizeof host));
    assert_string_equal(host, "example.org:1234");
    end_kind(&s);
  }
}

static void send_much(observer *o) {
  static char data[1 << 20];
  memset(data, 'x', sizeof data);
  CHECK(wsuv_send_text(o->session, data, sizeof data) == 0);
}

WORLD_UV_TEST(test_stream_carries_large_messages, w) {
  for (size_t i = KIND_TCP; i < KINDS; i++) {
    carrier c;
    scene s;
    begin_kind(&s, w, i);
    raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
    carrier_connect(&c, s.peer);
    s.o.at_open = send_much;
    adopt_url(&s, &c, "ws://h/");
    world_run_until_count(w, &s.o.messages, 1);
    assert_int_equal(s.o.text.len, (1 << 20) + 1);
    assert_int_equal(observer_close(&s.o, 1000), 0);
    world_run_until_true(w, &s.o.closed);
    assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
    end_kind(&s);
  }
}

/* Nothing is looked up, and nothing else connected. */
WORLD_UV_TEST(test_stream_by_parts, w) {
  carrier c;
  wsuv_request_t r;
  scene s;
  char host[64];
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  carrier_connect(&c, s.peer);
  wsuv_request_init(&r, NULL);
  r.host = world_bad_name(w);
  s.o.data = &c;
  s.o.at_close = free_handle;
  assert_int_equal(observer_stream(&s.o, s.client, &r, c.stream), 0);
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  assert_int_equal(s.peer->accepted, 1);
  assert_true(raw_conn_header(raw_peer_conn(s.peer, 0), "Host", host, sizeof host));
  assert_string_equal(host, world_bad_name(w));
  scene_end(&s);
}

/* --- its end --- */

WORLD_UV_TEST(test_stream_terminated_at_once, w) {
  for (size_t i = KIND_TCP; i < KINDS; i++) {
    carrier c;
    scene s;
    begin_kind(&s, w, i);
    carrier_connect(&c, s.peer);
    adopt_url(&s, &c, "ws://h/");
    observer_terminate(&s.o);
    assert_non_null(c.stream);
    world_run_until_true(w, &s.o.closed);
    assert_ended(&s.o, UV_ECANCELED, WSUV_STAGE_HANDSHAKE);
    assert_never_open(&s.o);
    assert_null(c.stream);
    end_kind(&s);
  }
}

static void terminate_it(scene *s) {
  observer_terminate(&s->o);
}

WORLD_UV_TEST(test_stream_terminated_in_the_handshake, w) {
  carrier c;
  scene s;
  scene_begin(&s, w, NULL);
  carrier_connect(&c, s.peer);
  adopt_url(&s, &c, "ws://h/");
  scene_at_stage(&s, WSUV_STAGE_HANDSHAKE, terminate_it);
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, UV_ECANCELED, WSUV_STAGE_HANDSHAKE);
  scene_end(&s);
}

static void on_client_closed(wsuv_client_t *client) {
  *(bool *) wsuv_client_data(client) = true;
}

WORLD_UV_TEST(test_stream_ends_with_its_client, w) {
  bool gone = false;
  carrier c;
  scene s;
  scene_begin(&s, w, NULL);
  carrier_connect(&c, s.peer);
  adopt_url(&s, &c, "ws://h/");
  wsuv_client_set_data(s.client, &gone);
  assert_int_equal(observer_client_terminate(s.client, on_client_closed), 0);
  world_run_until_true(w, &gone);
  assert_ended(&s.o, UV_ECANCELED, WSUV_STAGE_HANDSHAKE);
  assert_null(c.stream);
  observer_reset(&s.o);
}

WORLD_UV_TEST(test_stream_refused_upgrade, w) {
  carrier c;
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 403 No\r\n\r\n"), PEER_CLOSE);
  carrier_connect(&c, s.peer);
  adopt_url(&s, &c, "ws://h/");
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE);
  assert_null(c.stream);
  scene_end(&s);
}

/* --- as it was before --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  carrier *c = handle->data;
  (void) suggested;
  *buf = uv_buf_init(c->room, sizeof c->room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  carrier *c = stream->data;
  (void) n;
  (void) buf;
  c->reads++;
}

WORLD_UV_TEST(test_stream_that_was_being_read_from, w) {
  carrier c;
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  carrier_connect(&c, s.peer);
  assert_int_equal(uv_read_start(c.stream, on_alloc, on_read), 0);
  adopt_url(&s, &c, "ws://h/");
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  assert_int_equal(c.reads, 0);
  scene_end(&s);
}

/* A session keeps the loop alive, whatever the stream did. */
WORLD_UV_TEST(test_stream_that_was_unreferenced, w) {
  carrier c;
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  carrier_connect(&c, s.peer);
  uv_unref((uv_handle_t *) c.stream);
  adopt_url(&s, &c, "ws://h/");
  world_run(w);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  scene_end(&s);
}

/* --- refused: it stays the caller's --- */

static void assert_left_alone(const carrier *c) {
  assert_ptr_equal(c->stream->data, c);
  assert_false(uv_is_closing((const uv_handle_t *) c->stream));
}

static void assert_stream_refused(scene *s, const carrier *c, const wsuv_request_t *r, int code) {
  assert_int_equal(observer_stream(&s->o, s->client, r, c->stream), code);
  assert_int_equal(wsuv_client_session_count(s->client), 0);
  assert_left_alone(c);
}

WORLD_UV_TEST(test_stream_refused_is_the_caller_s, w) {
  carrier c;
  wsuv_request_t r;
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  carrier_connect(&c, s.peer);
  assert_int_equal(uv_read_start(c.stream, on_alloc, on_read), 0);
  wsuv_request_init(&r, "ws://h:0/");
  assert_stream_refused(&s, &c, &r, WSUV_EURL);
  wsuv_request_init(&r, "wss://h/#fragment");
  assert_stream_refused(&s, &c, &r, WSUV_EURL);
  wsuv_request_init(&r, "ws://h/");
  r.origin = "\n";
  assert_stream_refused(&s, &c, &r, WSUV_EINVAL_HEADER);
  wsuv_request_init(&r, "ws://h/");
  r.address = "127.0.0.1";
  assert_stream_refused(&s, &c, &r, UV_EINVAL);
  r.address = NULL;
  r.size = 0;
  assert_stream_refused(&s, &c, &r, WSUV_ESIZE);
  assert_true(uv_is_active((const uv_handle_t *) c.stream)); /* it is read from */
  adopt_url(&s, &c, "ws://h/");
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  scene_end(&s);
}

WORLD_UV_TEST(test_stream_for_a_client_that_is_closing, w) {
  bool gone = false;
  carrier c;
  wsuv_request_t r;
  scene s;
  scene_begin(&s, w, NULL);
  carrier_connect(&c, s.peer);
  wsuv_client_set_data(s.client, &gone);
  assert_int_equal(observer_client_close(s.client, on_client_closed), 0);
  wsuv_request_init(&r, "ws://h/");
  assert_stream_refused(&s, &c, &r, WSUV_ESTATE);
  carrier_close(&c);
  world_run_until_true(w, &gone);
}

static int try_stream(scene *s, uv_stream_t *stream) {
  wsuv_request_t r;
  wsuv_request_init(&r, "ws://h/");
  return observer_stream(&s->o, s->client, &r, stream);
}

static void on_shutdown(uv_shutdown_t *req, int status) {
  (void) status;
  *(bool *) req->data = true;
}

WORLD_UV_TEST(test_stream_that_is_not_connected, w) {
  bool shut = false;
  uv_shutdown_t req = {.data = &shut};
  carrier c = {.w = w};
  uv_tcp_t fresh;
  uv_pipe_t fresh_pipe;
  scene s;
  scene_begin(&s, w, NULL);
  assert_int_equal(try_stream(&s, NULL), UV_EINVAL);
  uv_tcp_init(world_uv_loop(w), &fresh);
  uv_pipe_init(world_uv_loop(w), &fresh_pipe, 0);
  assert_int_equal(try_stream(&s, (uv_stream_t *) &fresh), UV_ENOTCONN);
  assert_int_equal(try_stream(&s, (uv_stream_t *) &fresh_pipe), UV_ENOTCONN);
  uv_close((uv_handle_t *) &fresh, NULL);
  uv_close((uv_handle_t *) &fresh_pipe, NULL);
  tcp_begin(&c, s.peer);
  world_run_until_true(w, &c.connected);
  assert_int_equal(uv_shutdown(&req, c.stream, on_shutdown), 0);
  assert_int_equal(try_stream(&s, c.stream), UV_ENOTCONN);
  world_run_until_true(w, &shut);
  assert_int_equal(try_stream(&s, c.stream), UV_ENOTCONN);
  carrier_close(&c);
  assert_int_equal(try_stream(&s, c.stream), UV_ENOTCONN);
  scene_end(&s);
}

WORLD_UV_TEST(test_stream_of_another_kind_or_loop, w) {
  uv_udp_t udp;
  uv_tcp_t tcp;
  uv_loop_t other;
  scene s;
  scene_begin(&s, w, NULL);
  uv_udp_init(world_uv_loop(w), &udp);
  assert_int_equal(try_stream(&s, (uv_stream_t *) (void *) &udp), UV_EINVAL);
  uv_close((uv_handle_t *) &udp, NULL);
  assert_int_equal(uv_loop_init(&other), 0);
  uv_tcp_init(&other, &tcp);
  assert_int_equal(try_stream(&s, (uv_stream_t *) &tcp), UV_EINVAL);
  uv_close((uv_handle_t *) &tcp, NULL);
  uv_run(&other, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&other), 0);
  scene_end(&s);
}

/* F46 */
WORLD_UV_TEST(test_stream_without_memory, w) {
  track_alloc *t = w->alloc;
  for (uint64_t n = 1, failed = 1; failed > 0; n++) {
    carrier c;
    scene s;
    scene_begin(&s, w, NULL);
    s.peer->lenient = true;
    greet_and_close(s.peer);
    carrier_connect(&c, s.peer);
    failed = t->failed;
    t->fail_at = t->calls + n;
    int err = try_stream(&s, c.stream);
    if (err < 0) {
      assert_int_equal(err, UV_ENOMEM);
      assert_left_alone(&c);
      t->fail_at = 0;
      assert_int_equal(try_stream(&s, c.stream), 0);
    }
    s.o.data = &c;
    s.o.at_close = free_handle;
    world_run_until_true(w, &s.o.closed);
    assert_true(s.o.status == 0 || s.o.status == UV_ENOMEM);
    assert_null(c.stream);
    t->fail_at = 0;
    failed = t->failed - failed;
    scene_end(&s);
  }
}
