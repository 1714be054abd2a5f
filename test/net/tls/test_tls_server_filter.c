/* The filter of TLS in the role of the server. Who has made the connection below does not matter to
   it, so it stands on one that was dialled, and the peer that was called is the client of TLS. */

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include "base/error.h"
#include "net/tls/tls.h"
#include "net/tls/tls_parts.h"
#include "support/raw_peer.h"
#include "support/tls_ends.h"
#include "support/world_test.h"

enum { ROOM = 1024, PORT = 443, MANY = 200, FEW = 20 };

static const char host[] = "example.test";
static cert own;

/* --- a client of TLS, in the peer's hands --- */

typedef struct tls_client {
  raw_conn *conn;
  tls_end end;
  bool talks; /* it has begun */
} tls_client;

typedef struct clients {
  tls_context *ctx;
  raw_peer *peer;
  const char *greeting; /* goes out when the handshake is done; or NULL */
  tls_client list[MANY];
  size_t count;
} clients;

static tls_client *client_of(raw_conn *c) {
  clients *cs = c->peer->data;
  for (size_t i = 0; i < cs->count; i++) {
    if (cs->list[i].conn == c) return &cs->list[i];
  }
  return NULL;
}

static void pass_on(tls_client *c) {
  fifo out = {0};
  tls_end_take(&c->end, &out, SIZE_MAX);
  raw_conn_write(c->conn, fifo_data(&out), out.len);
  fifo_free(&out);
}

static void client_begins(raw_conn *conn) {
  clients *cs = conn->peer->data;
  tls_client *c = &cs->list[cs->count++];
  c->conn = conn;
  tls_end_init(&c->end, cs->ctx, host, PORT);
  tls_end_step(&c->end);
  pass_on(c);
}

static void client_reads(raw_conn *conn) {
  clients *cs = conn->peer->data;
  tls_client *c = client_of(conn);
  int before = c->end.shaken;
  tls_end_feed(&c->end, fifo_data(&conn->in), conn->in.len, 0);
  fifo_consume(&conn->in, conn->in.len);
  if (before == WS_EAGAIN && c->end.shaken == 0 && cs->greeting != NULL) {
    tls_end_write(&c->end, cs->greeting, strlen(cs->greeting));
  }
  pass_on(c);
}

static const raw_peer_callbacks client_callbacks = {.on_connection = client_begins,
                                                    .on_bytes = client_reads};

static void clients_init(clients *cs, world *w) {
  wsuv_tls_config_t config;
  tls_failure failure;
  memset(cs, 0, sizeof *cs);
  wsuv_tls_config_init(&config);
  config.ca_pem = own.pem;
  config.ca_pem_len = strlen(own.pem);
  config.resumption = false;
  assert_int_equal(tls_loaded_context(&cs->ctx, &ws_alloc_libc, &config, WS_CLIENT, &failure), 0);
  cs->peer = raw_peer_new(w);
  raw_peer_set_callbacks(cs->peer, &client_callbacks);
  cs->peer->data = cs;
}

static void clients_free(clients *cs) {
  static const raw_peer_callbacks none = {.on_bytes = NULL};
  raw_peer_set_callbacks(cs->peer, &none);
  for (size_t i = 0; i < cs->count; i++) tls_end_free(&cs->list[i].end);
  tls_context_unref(cs->ctx);
}

/* --- what is above the server's filter --- */

typedef struct upper {
  struct servers *all;
  ws_filter *f;
  uint8_t memory[ROOM];
  fifo in;
  bool connected, closed, ended;
  int connect_status, end_status;
} upper;

typedef struct servers {
  world *w;
  ws_env *env;
  tls_context *ctx;
  turn_list turns;
  bool shares; /* they share the budget of `turns` */
  ws_deferred *tick;
  size_t connected, closed, most_in_a_turn; /* most_in_a_turn: units of `turns` */
  upper list[MANY];
} servers;

static void on_connect(void *up, int status) {
  upper *u = up;
  assert_false(u->connected);
  u->connected = true;
  u->connect_status = status;
  u->all->connected++;
  if (status == 0) assert_int_equal(u->f->ops->read_start(u->f), 0);
}

static void on_alloc(void *up, ws_room *buf) {
  upper *u = up;
  *buf = (ws_room){u->memory, sizeof u->memory};
}

static void on_read(void *up, uint8_t *data, ptrdiff_t n) {
  upper *u = up;
  assert_false(u->ended);
  u->ended = n < 0;
  if (n < 0) u->end_status = (int) n;
  if (n > 0) fifo_append(&u->in, data, (size_t) n);
}

static void on_write(void *up, int status) {
  (void) up;
  (void) status;
}

static void on_close(void *up) {
  upper *u = up;
  u->closed = true;
  u->all->closed++;
}

static const ws_filter_events events = {on_connect, on_alloc, on_read, on_write,
                                        on_close,   NULL,     NULL};

static void secure(void *up, int status) {
  upper *u = up;
  servers *s = u->all;
  assert_int_equal(status, 0);
  int err =
      tls_start(&u->f, s->env, s->ctx, s->shares ? &s->turns : NULL, NULL, 0, u->f, &events, u);
  if (err < 0) on_connect(u, err);
}

static const ws_filter_events below = {.on_connect = secure, .on_close = on_close};

/* Called after each step with public key work, and when handshakes are left for the next turn. */
static void wake(void *up) {
  servers *s = up;
  if (s->turns.spent > s->most_in_a_turn) s->most_in_a_turn = s->turns.spent;
  s->env->ops->deferred_schedule(s->tick);
}

static void on_tick(void *data) {
  servers *s = data;
  turn_list_renew(&s->turns);
}

static void servers_init(servers *s, world *w, const wsuv_tls_config_t *config) {
  tls_failure failure;
  wsuv_tls_config_t plain;
  memset(s, 0, sizeof *s);
  s->w = w;
  wsuv_tls_config_init(&plain);
  plain.cert_pem = own.pem;
  plain.cert_pem_len = strlen(own.pem);
  plain.key_pem = own.key_pem;
  plain.key_pem_len = strlen(own.key_pem);
  if (config == NULL) config = &plain;
  assert_int_equal(tls_loaded_context(&s->ctx, &w->alloc->handle, config, WS_SERVER, &failure), 0);
  assert_int_equal(world_env_new(w, &s->env), 0);
  assert_int_equal(s->env->ops->deferred_new(s->env, on_tick, s, &s->tick), 0);
  turn_list_init(&s->turns, TLS_TURN_BUDGET, wake, s);
}

static upper *begin(servers *s, size_t i, const clients *cs) {
  const struct sockaddr_in in = {.sin_family = AF_INET,
                                 .sin_addr = {htonl(INADDR_LOOPBACK)},
                                 .sin_port = htons(cs->peer->port)};
  const ws_socket_options options = {.nodelay = true};
  struct sockaddr_storage addr = {0};
  upper *u = &s->list[i];
  u->all = s;
  memcpy(&addr, &in, sizeof in);
  assert_int_equal(
      s->env->ops->connect(s->env, (const struct sockaddr *) &addr, &options, &below, u, &u->f), 0);
  return u;
}

static void servers_free(servers *s) {
  size_t begun = 0;
  for (; begun < MANY && s->list[begun].all != NULL; begun++) {
    s->list[begun].f->ops->close(s->list[begun].f);
  }
  world_run_until_count(s->w, &s->closed, begun);
  for (size_t i = 0; i < begun; i++) fifo_free(&s->list[i].in);
  s->env->ops->deferred_free(s->tick);
  tls_context_unref(s->ctx);
  world_env_close(s->w, s->env);
}

static servers server;
static clients callers;

/* --- one session --- */

static bool got_hello(void *arg) {
  const upper *u = arg;
  return u->in.len == 5;
}

WORLD_TEST(test_server_reads_and_writes, w) {
  const ws_view buf = {(const uint8_t *) "and you", 7};
  size_t taken, retained;
  tls_info facts;
  clients_init(&callers, w);
  servers_init(&server, w, NULL);
  callers.greeting = "hello";
  upper *u = begin(&server, 0, &callers);
  world_run_until(w, got_hello, u);
  assert_int_equal(u->connect_status, 0);
  assert_memory_equal(fifo_data(&u->in), "hello", 5);
  assert_int_equal(u->f->ops->query(u->f, WS_QUERY_TLS, &facts), 0);
  assert_string_equal(facts.alpn, "http/1.1");
  assert_int_equal(u->f->ops->write(u->f, &buf, 1, &taken, &retained), 0);
  while (callers.list[0].end.in.len < 7) world_advance(w, 1);
  assert_memory_equal(fifo_data(&callers.list[0].end.in), "and you", 7);
  servers_free(&server);
  clients_free(&callers);
}

static void call_in_plain(raw_conn *c) {
  raw_conn_write_text(c, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
}

WORLD_TEST(test_client_that_speaks_http, w) {
  static const raw_peer_callbacks callbacks = {.on_connection = call_in_plain};
  tls_info facts;
  clients_init(&callers, w);
  servers_init(&server, w, NULL);
  raw_peer_set_callbacks(callers.peer, &callbacks);
  upper *u = begin(&server, 0, &callers);
  world_run_until_true(w, &u->connected);
  assert_int_equal(u->connect_status, WSUV_ENOTTLS);
  assert_int_equal(u->f->ops->query(u->f, WS_QUERY_TLS, &facts), 0);
  assert_string_equal(facts.text, "the client speaks HTTP, not TLS");
  servers_free(&server);
  clients_free(&callers);
}

static void end_it(raw_conn *c) {
  raw_conn_end(c);
}

WORLD_TEST(test_client_that_ends_without_a_word, w) {
  static const raw_peer_callbacks callbacks = {.on_connection = end_it};
  clients_init(&callers, w);
  servers_init(&server, w, NULL);
  raw_peer_set_callbacks(callers.peer, &callbacks);
  upper *u = begin(&server, 0, &callers);
  world_run_until_true(w, &u->connected);
  assert_int_equal(u->connect_status, WSUV_ETLSTRUNCATED);
  servers_free(&server);
  clients_free(&callers);
}

/* The handshake waits; the deadline is that of the layer above. */
WORLD_TEST(test_client_that_says_nothing, w) {
  static const raw_peer_callbacks callbacks = {.on_bytes = NULL};
  clients_init(&callers, w);
  servers_init(&server, w, NULL);
  raw_peer_set_callbacks(callers.peer, &callbacks);
  upper *u = begin(&server, 0, &callers);
  world_run_until_count(w, &callers.peer->accepted, 1);
  world_advance(w, 50);
  assert_false(u->connected);
  servers_free(&server);
  clients_free(&callers);
}

/* --- many at once --- */

static bool all_open(void *arg) {
  const size_t *wanted = arg;
  size_t open = 0;
  for (size_t i = 0; i < callers.count; i++) open += callers.list[i].end.shaken == 0 ? 1 : 0;
  return server.connected == *wanted && open == *wanted;
}

/* F57: no turn of the loop does more than its share, and all of them open. */
static void share_turns(world *w, size_t count) {
  clients_init(&callers, w);
  servers_init(&server, w, NULL);
  server.shares = true;
  for (size_t i = 0; i < count; i++) (void) begin(&server, i, &callers);
  world_run_until(w, all_open, &count);
  for (size_t i = 0; i < count; i++) assert_int_equal(server.list[i].connect_status, 0);
  assert_in_range(server.most_in_a_turn, 1,
                  TLS_TURN_BUDGET - 1 + tls_context_step_cost(server.ctx));
  servers_free(&server);
  clients_free(&callers);
}

/* One seed is enough for so many. */
WORLD_SIM_TEST(test_two_hundred_handshakes_share_the_turns, w) {
  share_turns(w, w->seed == 0 ? MANY : FEW);
}

WORLD_UV_TEST(test_handshakes_share_the_turns, w) {
  share_turns(w, FEW);
}

static const tls_library *real;
static tls_library counting;
static size_t made, made_before;

static int count_set_up(tls_engine *e) {
  made++;
  return real->engine_set_up(e);
}

static void count_states(servers *s) {
  real = s->ctx->library;
  counting = *real;
  counting.engine_set_up = count_set_up;
  s->ctx->library = &counting;
  made = made_before = 0;
}

/* The bytes of some are read, and others whose turn has come go on, in one turn of the loop. */
static bool all_made(void *arg) {
  const size_t *wanted = arg;
  assert_in_range(made - made_before, 0, 2 * (TLS_TURN_BUDGET / real->step_cost));
  made_before = made;
  return made == *wanted;
}

static void say_one_byte(raw_conn *c) {
  raw_conn_write(c, "\x16", 1);
}

/* F57: the first byte of a client costs the server the library's memory for a session. */
WORLD_TEST(test_turn_makes_so_many_states_and_no_more, w) {
  static const raw_peer_callbacks callbacks = {.on_connection = say_one_byte};
  size_t count = 50;
  clients_init(&callers, w);
  servers_init(&server, w, NULL);
  server.shares = true;
  count_states(&server);
  raw_peer_set_callbacks(callers.peer, &callbacks);
  for (size_t i = 0; i < count; i++) (void) begin(&server, i, &callers);
  world_run_until(w, all_made, &count);
  servers_free(&server);
  clients_free(&callers);
}

/* Those that say nothing do not keep the others from their turns. */
WORLD_TEST(test_silent_clients_do_not_hold_up_the_others, w) {
  static const raw_peer_callbacks silent = {.on_bytes = NULL};
  enum { SILENT = 50 };
  clients_init(&callers, w);
  servers_init(&server, w, NULL);
  server.shares = true;
  raw_peer_set_callbacks(callers.peer, &silent);
  for (size_t i = 0; i < SILENT; i++) (void) begin(&server, i, &callers);
  world_run_until_count(w, &callers.peer->accepted, SILENT);
  raw_peer_set_callbacks(callers.peer, &client_callbacks);
  for (size_t i = SILENT; i < SILENT + 10; i++) (void) begin(&server, i, &callers);
  world_run_until_count(w, &server.connected, 10);
  for (size_t i = 0; i < SILENT + 10; i++) {
    assert_int_equal(server.list[i].connected, i >= SILENT);
  }
  servers_free(&server);
  clients_free(&callers);
}

/* --- without memory --- */

/* F46. */
WORLD_SIM_TEST(test_server_without_memory, w) {
  track_alloc *t = w->alloc;
  bool done = false;
  for (uint64_t n = 1; !done; n++) {
    clients_init(&callers, w);
    servers_init(&server, w, NULL);
    server.shares = true;
    upper *u = begin(&server, 0, &callers);
    t->fail_at = t->calls + n;
    world_run_until_true(w, &u->connected);
    done = u->connect_status == 0 && t->calls < t->fail_at;
    t->fail_at = 0;
    assert_true(u->connect_status == 0 || u->connect_status == WS_ENOMEM);
    servers_free(&server);
    clients_free(&callers);
    assert_int_equal(t->live, 0);
  }
}

static int make_cert(void **state) {
  (void) state;
  const cert_spec spec = {.name = "server", .hosts = {host}};
  cert_make(&own, &spec, NULL);
  return 0;
}

static int free_cert(void **state) {
  (void) state;
  cert_free(&own);
  return 0;
}

TEST_AROUND_ALL(cert, make_cert, free_cert)
