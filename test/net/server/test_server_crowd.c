/* A server with many sessions over sockets, whose clients are another process: what each costs when
   it is opened, held and closed. There are 500, or as many as the environment variable
   WSUV_TEST_CROWD says. And a server that has no descriptors for all who want to connect (F65). */

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "support/descriptors.h"
#include "support/server_user.h"
#include "testkit/check.h"

enum { USUAL = 500, AT_ONCE = 64, PATIENCE_S = 120 };

/* As a client's, beyond libuv's handle of the socket. */
static const size_t handles = sizeof(uv_tcp_t), idle_max = 448;

/* --- the clients' process --- */

typedef struct crowd {
  wsuv_client_t *client;
  char url[64];
  size_t size, connected, clean;
} crowd;

static void connect_next(crowd *c);

static void on_client_open(wsuv_session_t *s) {
  crowd *c = wsuv_session_data(s);
  if (c->connected < c->size) connect_next(c);
}

static void on_client_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  crowd *c = wsuv_session_data(s);
  if (info->clean && info->code == 1001) c->clean++;
  if (wsuv_client_session_count(c->client) == 1) wsuv_client_close(c->client, NULL);
}

static void connect_next(crowd *c) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_client_open,
                                             .on_close = on_client_close};
  c->connected++;
  CHECK(wsuv_connect_url(c->client, c->url, &callbacks, c, NULL) == 0);
}

/* No more connect at once than a listener has room for. */
static bool be_clients(int from_parent, size_t size) {
  uv_loop_t loop;
  uint16_t port;
  crowd c = {.size = size};
  alarm(PATIENCE_S); /* should nobody end them */
  CHECK(read(from_parent, &port, sizeof port) == sizeof port);
  (void) snprintf(c.url, sizeof c.url, "ws://127.0.0.1:%u/some/path?with=a&query", port);
  CHECK(uv_loop_init(&loop) == 0);
  CHECK(wsuv_client_new(&c.client, &loop, NULL) == 0);
  for (size_t i = 0; i < AT_ONCE && c.connected < size; i++) connect_next(&c);
  uv_run(&loop, UV_RUN_DEFAULT);
  return c.clean == size && uv_loop_close(&loop) == 0;
}

static pid_t start_clients(int *to_child, size_t size) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) _exit(be_clients(ends[0], size) ? 0 : 1);
  close(ends[0]);
  *to_child = ends[1];
  return pid;
}

/* --- the server --- */

typedef struct host {
  wsuv_server_t *server;
  size_t opens, pongs, closes, clean;
} host;

static host *of(const wsuv_session_t *s) {
  return wsuv_session_data(s);
}

static void on_open(wsuv_session_t *s) {
  of(s)->opens++;
}

static void on_pong(wsuv_session_t *s, const void *data, size_t len) {
  (void) data;
  (void) len;
  of(s)->pongs++;
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  of(s)->closes++;
  if (info->clean) of(s)->clean++;
}

static void ping_one(wsuv_session_t *s, void *arg) {
  (void) arg;
  CHECK(wsuv_send_ping(s, "ping", 4) == 0);
}

static void close_one(wsuv_session_t *s, void *arg) {
  (void) arg;
  CHECK(wsuv_session_close(s, 1001, NULL) == 0);
}

static double cpu_us(void) {
  struct rusage used;
  CHECK(getrusage(RUSAGE_SELF, &used) == 0);
  return (double) (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
         (double) (used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void start_server(host *h, world *w, int to_child) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                             .on_pong = on_pong, .on_close = on_close};
  struct sockaddr_storage addr;
  const struct sockaddr_in *in = (const struct sockaddr_in *) (const void *) &addr;
  wsuv_listener_t *l;
  CHECK(world_server(w, &h->server, NULL) == 0);
  CHECK(wsuv_server_route(h->server, "/{rest...}", &callbacks, h) == 0);
  CHECK(wsuv_server_listen(h->server, "127.0.0.1", 0, &l) == 0);
  CHECK(wsuv_listener_address(l, &addr) == 0);
  uint16_t port = ntohs(in->sin_port);
  CHECK(write(to_child, &port, sizeof port) == sizeof port);
}

static void ping_all(host *h, world *w) {
  wsuv_server_each(h->server, ping_one, NULL);
  world_run_until_count(w, &h->pongs, h->opens);
}

/* What they held, and not the server, which has buffers for all of them. */
static size_t close_all(host *h, world *w) {
  const size_t with = w->alloc->live_bytes;
  wsuv_server_each(h->server, close_one, NULL);
  world_run_until_count(w, &h->closes, h->opens);
  world_advance(w, 5); /* handles close a turn later */
  return with - w->alloc->live_bytes;
}

static void end_clients(pid_t pid) {
  int status;
  CHECK(waitpid(pid, &status, 0) == pid);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

WORLD_UV_TEST(test_each_of_many_idle_sessions_of_a_server_costs_no_more_than_a_clients, w) {
  const size_t size = server_user_crowd(USUAL);
  host h = {.server = NULL};
  int to_child;
  descriptors_allow(size + 100);
  pid_t clients = start_clients(&to_child, size);
  start_server(&h, w, to_child);
  const double before_us = cpu_us();
  world_run_until_count(w, &h.opens, size);
  const double each_us = (cpu_us() - before_us) / (double) size;
  ping_all(&h, w);
  const size_t each = close_all(&h, w) / size;
  print_message("%zu idle sessions of a server: %zu bytes each, %zu of them libuv's handle; "
                "%.1f us of CPU for each opening\n",
                size, each, handles, each_us);
  assert_in_range(each, handles + 100, handles + idle_max);
  assert_int_equal(h.clean, size);
  world_server_close(w, h.server);
  end_clients(clients);
  close(to_child);
}

/* --- no descriptors --- */

enum { CLIENTS = 60, LEFT = 10 };

/* All wait in the backlog, and a few can be accepted. Each that is served ends, and makes room. */
SERVER_UV_TEST(test_server_without_descriptors_serves_all_who_wait, w, s) {
  raw_client *c[CLIENTS];
  struct rlimit before;
  server_user_start(s);
  for (size_t i = 0; i < CLIENTS; i++) {
    c[i] = server_user_client(s);
    raw_client_request(c[i], NULL);
  }
  descriptors_leave(&before, LEFT);
  for (size_t i = 0; i < CLIENTS; i++) {
    raw_client_run_to_status(c[i], 101);
    raw_client_close(c[i]);
  }
  server_user_run_to_closes(s, CLIENTS);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  assert_int_equal(s->refused, 0);
}
