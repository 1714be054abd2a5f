/* The program http_and_ws in a world on a loop: the sessions of /live have links in memory, and the
   HTTP server, which is the program's own, has its sockets on the same loop. Handing a connection
   over cannot be tested here, since a socket cannot be adopted in a testkit: the program answers
   503 then. http_and_ws_test.py does that. */

#include "examples/kit_talk.h"

int http_and_ws_main(int argc, char **argv);
#define main http_and_ws_main
#include "../../examples/http_and_ws.c"
#undef main

enum { TIMEOUT_MS = 5000 };

#define REQUEST(target) "GET " target " HTTP/1.1\r\nHost: localhost\r\n"
#define UPGRADE                                                                \
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

static wsuv_testkit_t *kit;
static uv_tcp_t listener;

static int begin(void **state) {
  (void) state; /* there is one world at a time */
  wsuv_config_t config;
  people = pages = 0;
  configure(&config);
  assert_ok(wsuv_testkit_new_on_loop(&kit, uv_default_loop(), 1));
  assert_ok(wsuv_testkit_server(kit, &server, &config));
  assert_ok(add_route());
  return listen_at(&listener, uv_default_loop(), 0);
}

static int end_world(void **state) {
  (void) state; /* there is one world at a time */
  uv_close((uv_handle_t *) &listener, NULL);
  assert_ok(wsuv_server_close(server, NULL, NULL));
  assert_ok(wsuv_testkit_free(kit));
  assert_ok(uv_run(uv_default_loop(), UV_RUN_DEFAULT));
  return uv_loop_close(uv_default_loop());
}

/* --- a client of HTTP, over a socket --- */

typedef struct visit {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_write_t write;
  const char *request;
  char response[TEXT_MAX];
  size_t len;
  bool over;
} visit;

static void on_visit_over(uv_handle_t *handle) {
  visit *v = handle->data;
  v->over = true;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  visit *v = handle->data;
  (void) suggested; /* there is so much room as there is */
  *buf = uv_buf_init(v->response + v->len, (unsigned) (sizeof v->response - 1 - v->len));
}

static void on_response(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  visit *v = stream->data;
  (void) buf; /* it is a part of v->response */
  if (n >= 0) v->len += (size_t) n;
  if (n < 0) uv_close((uv_handle_t *) stream, on_visit_over);
}

static void on_connected(uv_connect_t *req, int status) {
  visit *v = req->data;
  uv_buf_t buf = uv_buf_init((char *) (uintptr_t) v->request, (unsigned) strlen(v->request));
  assert_ok(status);
  assert_ok(uv_read_start((uv_stream_t *) &v->tcp, on_room, on_response));
  assert_ok(uv_write(&v->write, (uv_stream_t *) &v->tcp, &buf, 1, NULL));
}

static bool is_over(void *arg) {
  const visit *v = arg;
  return v->over;
}

/* Send a request, and wait for the end of the connection. */
static void ask(visit *v, const char *request) {
  struct sockaddr_storage addr;
  int len = sizeof addr;
  *v = (visit){.request = request, .tcp = {.data = v}, .connect = {.data = v}};
  assert_ok(uv_tcp_getsockname(&listener, (struct sockaddr *) &addr, &len));
  assert_ok(uv_tcp_init(uv_default_loop(), &v->tcp));
  assert_ok(uv_tcp_connect(&v->connect, &v->tcp, (struct sockaddr *) &addr, on_connected));
  assert_ok(wsuv_testkit_run_until(kit, is_over, v, TIMEOUT_MS));
}

static void is_answered(const char *request, const char *begin_of_response) {
  visit v;
  ask(&v, request);
  assert_ok(strncmp(v.response, begin_of_response, strlen(begin_of_response)));
}

/* --- tests --- */

TEST(test_everybody_sees_who_is_there) {
  wsuv_conversation_t *ada = join(kit, server, "/live");
  hears(ada, "{\"people\":1,\"pages\":0}");
  wsuv_conversation_t *bob = join(kit, server, "/live");
  hears(ada, "{\"people\":2,\"pages\":0}");
  hears(bob, "{\"people\":2,\"pages\":0}");
  assert_ok(wsuv_conversation_drop(bob));
  hears(ada, "{\"people\":1,\"pages\":0}");
}

TEST(test_page_that_is_sent_is_counted_for_everybody) {
  wsuv_conversation_t *ada = join(kit, server, "/live"), *bob = join(kit, server, "/live");
  hears(ada, "{\"people\":1,\"pages\":0}");
  hears(ada, "{\"people\":2,\"pages\":0}");
  hears(bob, "{\"people\":2,\"pages\":0}");
  is_answered(REQUEST("/") "Connection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n");
  hears(ada, "{\"people\":2,\"pages\":1}");
  hears(bob, "{\"people\":2,\"pages\":1}");
  is_answered(REQUEST("/nowhere") "Connection: close\r\n\r\n", "HTTP/1.1 404 Not Found\r\n");
  assert_ok(wsuv_conversation_silent(ada, 20));
}

/* Who does not read is not left with old numbers, nor with a queue without end. */
TEST(test_one_that_does_not_read_is_closed) {
  const wsuv_close_info_t *info;
  wsuv_conversation_t *ada = join(kit, server, "/live");
  hears(ada, "{\"people\":1,\"pages\":0}");
  assert_ok(wsuv_conversation_pause(ada, true));
  const wsuv_session_t *session = wsuv_conversation_server_session(ada);
  for (int i = 0; i < 100000 && wsuv_session_stage(session) == WSUV_STAGE_OPEN; i++) tell_all();
  assert_ok(wsuv_conversation_pause(ada, false));
  assert_ok(wsuv_conversation_closed(ada, &info));
  assert_int_equal(info->code, WSUV_CLOSE_POLICY_VIOLATION);
}

static bool has_no_people(void *arg) {
  (void) arg;
  return people == 0;
}

/* The link is lost at each byte of the handshake: who was never there does not go, either. */
TEST(test_upgrade_that_is_lost_counts_nobody) {
  bool opened = false;
  for (uint64_t bytes = 100; !opened; bytes++) {
    wsuv_conversation_t *talk;
    assert_ok(wsuv_conversation_begin(kit, server, "/live", NULL, &talk));
    wsuv_conversation_lose_after(talk, bytes);
    opened = wsuv_conversation_opened(talk) == 0;
    wsuv_conversation_free(talk);
    assert_ok(wsuv_testkit_run_until(kit, has_no_people, NULL, TIMEOUT_MS));
  }
  hears(join(kit, server, "/live"), "{\"people\":1,\"pages\":0}");
}

TEST(test_socket_is_not_adopted_in_a_testkit) {
  is_answered(REQUEST("/live") UPGRADE, "HTTP/1.1 503 Service Unavailable\r\n");
  is_answered(REQUEST("/nowhere") UPGRADE, "HTTP/1.1 404 Not Found\r\n");
  assert_int_equal(wsuv_server_session_count(server), 0);
}

TEST_AROUND_EACH(begin, end_world)
