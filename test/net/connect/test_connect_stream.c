/* Adoption: sessions over streams that somebody else has connected. In the real world only, since
   the streams are libuv's. */

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <uv.h>

#include "support/scenario.h"
#include "support/socket_path.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* --- the program that connects --- */

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
static void free_handle(session_user *u) {
  carrier *c = u->data;
  CHECK(uv_is_closing((uv_handle_t *) c->stream));
  free(c->stream);
  c->stream = NULL;
}

static int try_stream(session_user *u, uv_stream_t *stream, const char *url) {
  wsuv_request_t r;
  wsuv_request_init(&r, url);
  return user_request_stream(u, &r, stream);
}

static void adopt_url(session_user *u, carrier *c, const char *url) {
  u->data = c;
  u->at_close = free_handle;
  assert_int_equal(try_stream(u, c->stream, url), 0);
}

/* --- both kinds --- */

enum { KIND_TCP, KIND_UNIX, KINDS };

static void begin_kind(session_user *u, size_t kind) {
  scenario_renew(u);
  if (kind == KIND_UNIX) frame_peer_start_at(u->peer, u->w, socket_path());
}

/* The path of a Unix socket is free for the next one only after a turn. */
static void end_kind(session_user *u) {
  raw_peer_refuse(u->peer->raw);
  scenario_finish(u);
  uv_run(world_uv_loop(u->w), UV_RUN_NOWAIT);
}

SCENARIO_UV_TEST(test_stream_carries_a_session, w, p, u) {
  for (size_t i = KIND_TCP; i < KINDS; i++) {
    char host[64];
    carrier c;
    begin_kind(u, i);
    raw_peer_greet_and_close(p->raw);
    carrier_connect(&c, p->raw);
    adopt_url(u, &c, "ws://example.org:1234/path?query");
    assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_HANDSHAKE);
    user_run_to_close(u);
    assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
    assert_true(user_got(u, "TEXT \"hello\""));
    assert_null(c.stream);
    const raw_conn *conn = raw_peer_conn(p->raw, 0);
    static const char line[] = "GET /path?query HTTP/1.1\r\n";
    assert_memory_equal(conn->request, line, sizeof line - 1);
    assert_true(raw_conn_header(conn, "Host", host, sizeof host));
    assert_string_equal(host, "example.org:1234");
    end_kind(u);
  }
}

static void send_much(session_user *u) {
  static char data[1 << 20];
  memset(data, 'x', sizeof data);
  CHECK(wsuv_send_text(u->session, data, sizeof data) == 0);
}

SCENARIO_UV_TEST(test_stream_carries_large_messages, w, p, u) {
  for (size_t i = KIND_TCP; i < KINDS; i++) {
    carrier c;
    begin_kind(u, i);
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
    carrier_connect(&c, p->raw);
    u->at_open = send_much;
    adopt_url(u, &c, "ws://h/");
    world_run_until_count(w, &u->messages, 1);
    assert_true(user_got(u, "TEXT \"x\"*1048576"));
    assert_int_equal(user_close(u, 1000, NULL), 0);
    user_run_to_close(u);
    assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
    end_kind(u);
  }
}

/* Nothing is looked up, and nothing else connected. */
SCENARIO_UV_TEST(test_stream_by_parts, w, p, u) {
  carrier c;
  wsuv_request_t r;
  char host[64];
  raw_peer_greet_and_close(p->raw);
  carrier_connect(&c, p->raw);
  wsuv_request_init(&r, NULL);
  r.host = world_bad_name(w);
  u->data = &c;
  u->at_close = free_handle;
  assert_int_equal(user_request_stream(u, &r, c.stream), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(p->raw->accepted, 1);
  assert_true(raw_conn_header(raw_peer_conn(p->raw, 0), "Host", host, sizeof host));
  assert_string_equal(host, world_bad_name(w));
}

/* The only place is taken, and the stream needs none. */
SCENARIO_UV_TEST(test_stream_does_not_wait_for_a_place, w, p, u) {
  carrier c;
  session_user other;
  u->config.max_connecting = 1;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  raw_peer_greet_and_close(p->raw);
  p->raw->lenient = true;
  (void) user_client(u);
  user_init_on(&other, u);
  user_connect(&other, p);
  world_run_until_count(w, &p->raw->accepted, 1);
  carrier_connect(&c, p->raw);
  adopt_url(u, &c, raw_peer_url(p->raw, "/"));
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  user_terminate(&other);
  user_run_to_close(&other);
  user_free(&other);
}

/* --- its end --- */

static void terminate_at_once(session_user *u, void (*at_close)(session_user *u)) {
  for (size_t i = KIND_TCP; i < KINDS; i++) {
    carrier c;
    begin_kind(u, i);
    carrier_connect(&c, u->peer->raw);
    adopt_url(u, &c, "ws://h/");
    u->at_close = at_close;
    user_terminate(u);
    assert_non_null(c.stream);
    user_run_to_close(u);
    assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_HANDSHAKE));
    assert_true(user_never_opened(u));
    assert_null(c.stream);
    end_kind(u);
  }
}

SCENARIO_UV_TEST(test_stream_terminated_at_once, w, p, u) {
  terminate_at_once(u, free_handle);
}

SCENARIO_UV_TEST(test_stream_terminated_in_the_handshake, w, p, u) {
  carrier c;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  p->raw->lenient = true;
  carrier_connect(&c, p->raw);
  adopt_url(u, &c, "ws://h/");
  scenario_at_stage(u, WSUV_STAGE_HANDSHAKE, user_terminate);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_HANDSHAKE));
}

static void on_client_closed(wsuv_client_t *client) {
  *(bool *) wsuv_client_data(client) = true;
}

SCENARIO_UV_TEST(test_stream_ends_with_its_client, w, p, u) {
  bool gone = false;
  carrier c;
  carrier_connect(&c, p->raw);
  adopt_url(u, &c, "ws://h/");
  wsuv_client_set_data(u->client, &gone);
  assert_int_equal(user_end_client(u, wsuv_client_terminate, on_client_closed), 0);
  world_run_until_true(w, &gone);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_HANDSHAKE));
  assert_null(c.stream);
}

SCENARIO_UV_TEST(test_stream_refused_upgrade, w, p, u) {
  carrier c;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 403 No\r\n\r\n"), PEER_CLOSE);
  carrier_connect(&c, p->raw);
  adopt_url(u, &c, "ws://h/");
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE));
  assert_null(c.stream);
}

/* Whether the address is that of `p`. */
static bool is_address_of(const struct sockaddr_storage *addr, const raw_peer *p) {
  const struct sockaddr_in *in = (const struct sockaddr_in *) addr;
  const struct sockaddr_un *un = (const struct sockaddr_un *) addr;
  if (p->port == 0) return addr->ss_family == AF_UNIX && strcmp(un->sun_path, socket_path()) == 0;
  return addr->ss_family == AF_INET && ntohs(in->sin_port) == p->port &&
         in->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static void expect_peer_address(session_user *u) {
  struct sockaddr_storage addr;
  CHECK(wsuv_session_peer_address(u->session, &addr) == 0);
  CHECK(is_address_of(&addr, u->peer->raw));
  free_handle(u);
}

/* Adopts a stream, and expects in on_close that the session knows the stream's address. */
static void close_with_address(session_user *u, carrier *c, const char *url) {
  adopt_url(u, c, url);
  u->at_close = expect_peer_address;
}

SCENARIO_UV_TEST(test_stream_that_did_not_open_has_its_address, w, p, u) {
  for (size_t i = KIND_TCP; i < KINDS; i++) {
    carrier c;
    begin_kind(u, i);
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 404 No\r\n\r\n"), PEER_CLOSE);
    carrier_connect(&c, p->raw);
    close_with_address(u, &c, "ws://h/");
    user_run_to_close(u);
    assert_true(user_ended_by(u, WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE));
    end_kind(u);
  }
}

/* The handshake has not begun. */
SCENARIO_UV_TEST(test_stream_terminated_at_once_has_its_address, w, p, u) {
  terminate_at_once(u, expect_peer_address);
}

SCENARIO_UV_TEST(test_stream_whose_tls_failed_has_its_address, w, p, u) {
  wsuv_tls_config_t blind;
  for (size_t i = KIND_TCP; i < KINDS; i++) {
    carrier c;
    begin_kind(u, i);
    raw_peer_play(p->raw, PEER_EXPECT("\x16\x03"), PEER_SEND("HTTP/1.1 400 No\r\n\r\n"),
                  PEER_CLOSE);
    p->raw->lenient = true;
    wsuv_tls_config_init(&blind);
    wsuv_tls_config_disable_verification(&blind); /* a machine may have no trusted certificates */
    u->config.tls = &blind;
    carrier_connect(&c, p->raw);
    close_with_address(u, &c, "wss://h/");
    user_run_to_close(u);
    assert_true(user_ended_by(u, WSUV_ENOTTLS, WSUV_STAGE_TLS));
    end_kind(u);
  }
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

SCENARIO_UV_TEST(test_stream_that_was_being_read_from, w, p, u) {
  carrier c;
  raw_peer_greet_and_close(p->raw);
  carrier_connect(&c, p->raw);
  assert_int_equal(uv_read_start(c.stream, on_alloc, on_read), 0);
  adopt_url(u, &c, "ws://h/");
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(c.reads, 0);
}

/* A session keeps the loop alive, whatever the stream did. */
SCENARIO_UV_TEST(test_stream_that_was_unreferenced, w, p, u) {
  carrier c;
  raw_peer_greet_and_close(p->raw);
  carrier_connect(&c, p->raw);
  uv_unref((uv_handle_t *) c.stream);
  adopt_url(u, &c, "ws://h/");
  world_run(w);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
}

/* --- refused: it stays the caller's --- */

static void assert_left_alone(const carrier *c) {
  assert_ptr_equal(c->stream->data, c);
  assert_false(uv_is_closing((const uv_handle_t *) c->stream));
}

static void assert_stream_refused(session_user *u, const carrier *c, const wsuv_request_t *r,
                                  int code) {
  assert_int_equal(user_request_stream(u, r, c->stream), code);
  assert_int_equal(wsuv_client_session_count(u->client), 0);
  assert_left_alone(c);
}

SCENARIO_UV_TEST(test_stream_refused_is_the_caller_s, w, p, u) {
  carrier c;
  wsuv_request_t r;
  raw_peer_greet_and_close(p->raw);
  carrier_connect(&c, p->raw);
  assert_int_equal(uv_read_start(c.stream, on_alloc, on_read), 0);
  wsuv_request_init(&r, "ws://h:0/");
  assert_stream_refused(u, &c, &r, WSUV_EURL);
  wsuv_request_init(&r, "wss://h/#fragment");
  assert_stream_refused(u, &c, &r, WSUV_EURL);
  wsuv_request_init(&r, "ws://h/");
  r.origin = "\n";
  assert_stream_refused(u, &c, &r, WSUV_EINVAL_HEADER);
  wsuv_request_init(&r, "ws://h/");
  r.address = "127.0.0.1";
  assert_stream_refused(u, &c, &r, UV_EINVAL);
  r.address = NULL;
  r.size = 0;
  assert_stream_refused(u, &c, &r, WSUV_ESIZE);
  assert_true(uv_is_active((const uv_handle_t *) c.stream)); /* it is read from */
  adopt_url(u, &c, "ws://h/");
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
}

SCENARIO_UV_TEST(test_stream_for_a_client_that_is_closing, w, p, u) {
  bool gone = false;
  carrier c;
  wsuv_request_t r;
  carrier_connect(&c, p->raw);
  wsuv_client_set_data(user_client(u), &gone);
  assert_int_equal(call_client_close(u->client, on_client_closed), 0);
  wsuv_request_init(&r, "ws://h/");
  assert_stream_refused(u, &c, &r, WSUV_ESTATE);
  carrier_close(&c);
  world_run_until_true(w, &gone);
  u->client = NULL;
}

static void on_shutdown(uv_shutdown_t *req, int status) {
  (void) status;
  *(bool *) req->data = true;
}

SCENARIO_UV_TEST(test_stream_that_is_not_connected, w, p, u) {
  bool shut = false;
  uv_shutdown_t req = {.data = &shut};
  carrier c = {.w = w};
  uv_tcp_t fresh;
  uv_pipe_t fresh_pipe;
  assert_int_equal(try_stream(u, NULL, "ws://h/"), UV_EINVAL);
  uv_tcp_init(world_uv_loop(w), &fresh);
  uv_pipe_init(world_uv_loop(w), &fresh_pipe, 0);
  assert_int_equal(try_stream(u, (uv_stream_t *) &fresh, "ws://h/"), UV_ENOTCONN);
  assert_int_equal(try_stream(u, (uv_stream_t *) &fresh_pipe, "ws://h/"), UV_ENOTCONN);
  uv_close((uv_handle_t *) &fresh, NULL);
  uv_close((uv_handle_t *) &fresh_pipe, NULL);
  tcp_begin(&c, p->raw);
  world_run_until_true(w, &c.connected);
  assert_int_equal(uv_shutdown(&req, c.stream, on_shutdown), 0);
  assert_int_equal(try_stream(u, c.stream, "ws://h/"), UV_ENOTCONN);
  world_run_until_true(w, &shut);
  assert_int_equal(try_stream(u, c.stream, "ws://h/"), UV_ENOTCONN);
  carrier_close(&c);
  assert_int_equal(try_stream(u, c.stream, "ws://h/"), UV_ENOTCONN);
  scenario_finish(u);
}

SCENARIO_UV_TEST(test_stream_of_another_kind_or_loop, w, p, u) {
  uv_udp_t udp;
  uv_tcp_t tcp;
  uv_loop_t other;
  uv_udp_init(world_uv_loop(w), &udp);
  assert_int_equal(try_stream(u, (uv_stream_t *) (void *) &udp, "ws://h/"), UV_EINVAL);
  uv_close((uv_handle_t *) &udp, NULL);
  assert_int_equal(uv_loop_init(&other), 0);
  uv_tcp_init(&other, &tcp);
  assert_int_equal(try_stream(u, (uv_stream_t *) &tcp, "ws://h/"), UV_EINVAL);
  uv_close((uv_handle_t *) &tcp, NULL);
  uv_run(&other, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&other), 0);
  scenario_finish(u);
}

/* F46 */
SCENARIO_UV_TEST(test_stream_without_memory, w, p, u) {
  track_alloc *t = w->alloc;
  for (uint64_t n = 1, failed = 1; failed > 0; n++) {
    carrier c;
    scenario_renew(u);
    (void) user_client(u);
    p->raw->lenient = true;
    raw_peer_greet_and_close(p->raw);
    carrier_connect(&c, p->raw);
    failed = t->failed;
    t->fail_at = t->calls + n;
    int err = try_stream(u, c.stream, "ws://h/");
    if (err < 0) {
      assert_int_equal(err, UV_ENOMEM);
      assert_left_alone(&c);
      t->fail_at = 0;
      assert_int_equal(try_stream(u, c.stream, "ws://h/"), 0);
    }
    u->data = &c;
    u->at_close = free_handle;
    user_run_to_close(u);
    assert_true(u->end.status == 0 || u->end.status == UV_ENOMEM);
    assert_null(c.stream);
    t->fail_at = 0;
    failed = t->failed - failed;
  }
}
