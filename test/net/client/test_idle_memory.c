/* What an open session that waits costs: a few, which have had large messages before, and as many
   as a server may have, over sockets. */

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mbedtls/ssl.h>

#include "base/alloc.h"
#include "support/descriptors.h"
#include "support/session_user.h"
#include "support/world_test.h"
#include "testkit/check.h"

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
enum { MANY = 1000 }; /* each block costs a multiple here, though it counts as much */
#else
enum { MANY = 10 * 1000 };
#endif

enum { FEW = 100, AT_ONCE = 64, PATIENCE_S = 60 };

/* Beyond libuv's handle of the socket. All timers of a client are on one handle. */
static const size_t handles = sizeof(uv_tcp_t), idle_max = 448, idle_tls_max = 2048;

typedef struct crowd {
  wsuv_client_t *client;
  const char *url;
  size_t size, connected, opens, messages, closes;
  wsuv_session_t **sessions;
} crowd;

static crowd *of(const wsuv_session_t *s) {
  return wsuv_session_data(s);
}

static void connect_next(crowd *c);

/* No more at once than a listener has room for. */
static void on_open(wsuv_session_t *s) {
  crowd *c = of(s);
  c->opens++;
  if (c->connected < c->size) connect_next(c);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  (void) m;
  of(s)->messages++;
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  CHECK(info->status == UV_ECANCELED);
  of(s)->closes++;
}

static void connect_next(crowd *c) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                             .on_message = on_message, .on_close = on_close};
  wsuv_session_t **s = &c->sessions[c->connected++];
  CHECK(wsuv_connect_url(c->client, c->url, &callbacks, c, s) == 0);
}

static void open_all(crowd *c, world *w) {
  for (size_t i = 0; i < AT_ONCE && c->connected < c->size; i++) connect_next(c);
  world_run_until_count(w, &c->opens, c->size);
}

/* An idle session holds no buffer of what it has sent and received. */
static void echo_all(crowd *c, world *w) {
  static const uint8_t data[20000];
  for (size_t i = 0; i < c->size; i++) {
    CHECK(wsuv_send_binary(c->sessions[i], data, i % AT_ONCE == 0 ? sizeof data : 100) == 0);
    if (i % AT_ONCE == 0) world_run_until_count(w, &c->messages, i + 1);
  }
  world_run_until_count(w, &c->messages, c->size);
}

/* What they held, and not the client: it was alone before, and is again. */
static size_t cost_of_each(crowd *c, world *w) {
  size_t with = w->alloc->live_bytes;
  for (size_t i = 0; i < c->size; i++) wsuv_session_terminate(c->sessions[i]);
  world_run_until_count(w, &c->closes, c->size);
  world_run(w); /* handles close a turn later */
  assert_int_equal(wsuv_client_session_count(c->client), 0);
  return (with - w->alloc->live_bytes) / c->size;
}

static void crowd_begin(crowd *c, world *w, size_t size, const char *url) {
  *c = (crowd){.size = size, .url = url};
  c->sessions = check_alloc(size * sizeof(wsuv_session_t *));
  assert_int_equal(world_client(w, &c->client, NULL), 0);
}

/* --- a few --- */

WORLD_TEST(test_idle_session_costs_little_beyond_its_handle, w) {
  frame_peer p;
  crowd c;
  frame_peer_start(&p, w);
  p.echoes = p.forgets = true;
  crowd_begin(&c, w, FEW, raw_peer_url(p.raw, "/some/path?with=a&query"));
  open_all(&c, w);
  echo_all(&c, w);
  size_t each = cost_of_each(&c, w), simulated = w->kind == WORLD_SIM ? sizeof(uv_timer_t) : 0;
  assert_in_range(each, handles + 100, handles + idle_max + simulated); /* it has larger timers */
  world_client_close(w, c.client);
  frame_peer_free(&p);
  free(c.sessions);
}

/* mbedTLS's own is counted by nobody but for its context, which lies in ours. */
WORLD_ONLY_UV_TLS_TEST(test_idle_session_over_tls_costs_two_kibibytes_beyond_its_context, w) {
  frame_peer p;
  crowd c;
  frame_peer_start(&p, w);
  p.echoes = p.forgets = true;
  crowd_begin(&c, w, FEW, raw_peer_url(p.raw, "/some/path?with=a&query"));
  open_all(&c, w);
  echo_all(&c, w);
  size_t each = cost_of_each(&c, w), fixed = handles + sizeof(mbedtls_ssl_context);
  print_message("idle over TLS: %zu bytes each, %zu of them handle and context\n", each, fixed);
  assert_in_range(each, fixed + 100, fixed + idle_tls_max);
  world_client_close(w, c.client);
  frame_peer_free(&p);
  free(c.sessions);
}

/* --- many, whose other ends are in another process, for the sake of descriptors --- */

static void echo(wsuv_session_t *s, const wsuv_message_t *m) {
  CHECK(wsuv_send_message(s, m->type, m->data, m->len) == 0);
}

static void serve(int to_parent) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_message = echo};
  struct sockaddr_storage addr;
  uv_loop_t loop;
  wsuv_server_t *server;
  wsuv_listener_t *listener;
  alarm(PATIENCE_S); /* should nobody end it */
  CHECK(uv_loop_init(&loop) == 0);
  CHECK(wsuv_server_new(&server, &loop, NULL) == 0);
  CHECK(wsuv_server_route(server, "/some/path", &callbacks, NULL) == 0);
  CHECK(wsuv_server_listen(server, "127.0.0.1", 0, &listener) == 0);
  CHECK(wsuv_listener_address(listener, &addr) == 0);
  uint16_t port = ntohs(((const struct sockaddr_in *) (const void *) &addr)->sin_port);
  CHECK(write(to_parent, &port, sizeof port) == sizeof port);
  uv_run(&loop, UV_RUN_DEFAULT);
}

static pid_t start_server(uint16_t *port) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    serve(ends[1]);
    _exit(1);
  }
  close(ends[1]);
  CHECK(read(ends[0], port, sizeof *port) == sizeof *port);
  close(ends[0]);
  return pid;
}

static void end_server(pid_t pid) {
  int status;
  CHECK(kill(pid, SIGKILL) == 0);
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

WORLD_UV_TEST(test_each_of_many_idle_sessions_costs_little_beyond_its_handle, w) {
  char url[64];
  uint16_t port;
  crowd c;
  descriptors_allow(MANY + 100);
  pid_t server = start_server(&port);
  (void) snprintf(url, sizeof url, "ws://127.0.0.1:%u/some/path?with=a&query", (unsigned) port);
  crowd_begin(&c, w, MANY, url);
  open_all(&c, w);
  echo_all(&c, w);
  size_t each = cost_of_each(&c, w);
  print_message("%d idle sessions: %zu bytes each, %zu of them libuv's handle\n", (int) MANY, each,
                handles);
  assert_in_range(each, handles + 100, handles + idle_max);
  world_client_close(w, c.client);
  end_server(server);
  free(c.sessions);
}
