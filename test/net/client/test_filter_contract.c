/* The contract of net/filter.h, as base/env.h's connect gives them. What is claimed here holds for
   the library's filters on libuv and for the simulated one alike. */

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include "base/error.h"
#include "net/address.h"
#include "net/filter.h"
#include "net/tls/tls.h"
#include "support/raw_peer.h"
#include "support/socket_path.h"
#include "support/tls_ends.h"
#include "support/world_test.h"
#include "testkit/fifo.h"

/* More than the buffers between two sockets take. */
enum { LARGE = 5 * 1024 * 1024, LARGE_SIMULATED = 640 * 1024 };

static const ws_socket_options options = {.nodelay = true};

/* --- the layer above the filter --- */

typedef struct user user;

struct user {
  ws_env *env;
  ws_filter *f;
  size_t room; /* given to each read */
  uint8_t *memory;
  fifo in;
  bool connected, closing, closed, ended;
  bool is_tls; /* the filter is TLS's */
  int connect_status, end_status, write_status;
  size_t allocs, reads, writes; /* events */
  const uint8_t *out;           /* what goes out by itself, at on_connect and on_write */
  size_t out_len, out_done, retained;
  bool end_behind; /* shut down when all is out */
  bool stalled;    /* something was retained at least once */
  void (*at_connect)(user *u);
  void (*at_read)(user *u);
  void (*at_write)(user *u);
};

static void close_it(user *u) {
  u->closing = true;
  u->f->ops->close(u->f);
}

static void read_it(user *u) {
  assert_int_equal(u->f->ops->read_start(u->f), 0);
}

static int write_some(user *u, const ws_view *bufs, size_t count, size_t total, size_t *taken) {
  int err = u->f->ops->write(u->f, bufs, count, taken, &u->retained);
  assert_true(err <= 0);
  assert_true(err == 0 || u->retained == 0);
  if (err < 0) return err;
  assert_true(*taken + u->retained <= total);
  assert_true(*taken == total || u->retained > 0);
  assert_true(u->retained <= WS_FILTER_RETAIN_MAX);
  if (u->retained > 0) u->stalled = true;
  return 0;
}

/* Write on until something is retained. */
static void push(user *u) {
  while (u->retained == 0 && u->out_done < u->out_len && u->write_status == 0) {
    size_t taken = 0, left = u->out_len - u->out_done;
    const ws_view buf = {(const uint8_t *) u->out + u->out_done, left};
    u->write_status = write_some(u, &buf, 1, left, &taken);
    if (u->write_status == 0) u->out_done += taken;
  }
  if (u->retained > 0 || u->out_done < u->out_len || !u->end_behind) return;
  u->end_behind = false;
  u->f->ops->shutdown(u->f);
}

static void on_connect(void *up, int status) {
  user *u = up;
  assert_false(u->connected || u->closing);
  assert_true(status <= 0);
  u->connected = true;
  u->connect_status = status;
  if (u->at_connect != NULL) u->at_connect(u);
  if (status == 0 && !u->closing) push(u);
}

static void on_alloc(void *up, ws_room *buf) {
  user *u = up;
  assert_true(u->connected && !u->closing && !u->ended);
  u->allocs++;
  free(u->memory);
  u->memory = malloc(u->room);
  assert_non_null(u->memory);
  *buf = (ws_room){u->memory, u->room};
}

static void on_read(void *up, uint8_t *data, ptrdiff_t n) {
  user *u = up;
  assert_true(u->connected && !u->closing && !u->ended);
  assert_true(n != 0 && n <= (ptrdiff_t) u->room);
  if (n > 0) {
    assert_ptr_equal(data, u->memory);
    u->reads++;
    fifo_append(&u->in, data, (size_t) n);
  } else {
    u->ended = true;
    u->end_status = (int) n;
  }
  if (u->at_read != NULL) u->at_read(u);
}

static void on_write(void *up, int status) {
  user *u = up;
  assert_true(u->connected && !u->closing);
  assert_true(u->retained > 0);
  u->writes++;
  u->write_status = status;
  if (status == 0) u->out_done += u->retained;
  u->retained = 0;
  if (u->at_write != NULL) u->at_write(u);
  if (!u->closing) push(u);
}

/* Only TLS knows of TLS; what no filter knows has a code. */
static void ask_for_tls(const user *u) {
  tls_info facts;
  int err = u->f->ops->query(u->f, WS_QUERY_TLS, &facts);
  assert_int_equal(err, u->is_tls ? 0 : WS_ENOTSUP);
  if (u->is_tls && u->connect_status == 0) assert_non_null(facts.version);
  assert_int_equal(u->f->ops->query(u->f, (ws_filter_query) 1000, NULL), WS_ENOTSUP);
}

static void on_close(void *up) {
  user *u = up;
  assert_true(u->closing && !u->closed);
  if (u->connected) ask_for_tls(u);
  u->closed = true;
}

static const ws_filter_events events = {on_connect, on_alloc, on_read, on_write,
                                        on_close,   NULL,     NULL};

static bool over_unix; /* Unix sockets; else TCP */

static tls_context *client_tls, *server_tls; /* not NULL: TLS over TCP */

static raw_peer *new_peer(world *w) {
  raw_peer *p = over_unix ? raw_peer_new_at(w, socket_path(), 0) : raw_peer_new(w);
  p->tls = server_tls;
  return p;
}

/* What connects is the filter below, until it is. */
static void secure(void *up, int status) {
  user *u = up;
  if (status == 0) {
    status = tls_start(&u->f, u->env, client_tls, NULL, "127.0.0.1", 443, u->f, &events, u);
    u->is_tls = status == 0;
  }
  if (status < 0) on_connect(u, status);
}

static const ws_filter_events below_tls = {.on_connect = secure, .on_close = on_close};

static void fill_address(struct sockaddr_storage *addr, uint16_t port) {
  const struct sockaddr_in in = {
      .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
  memset(addr, 0, sizeof *addr);
  memcpy(addr, &in, sizeof in);
}

static void user_init(user *u, world *w) {
  *u = (user){.room = 64 * 1024};
  assert_int_equal(world_env_new(w, &u->env), 0);
}

static int dial(user *u, uint16_t port) {
  struct sockaddr_storage addr;
  if (over_unix) {
    address_of_path(&addr, socket_path(), strlen(socket_path()));
  } else {
    fill_address(&addr, port);
  }
  return u->env->ops->connect(u->env, (const struct sockaddr *) &addr, &options,
                              client_tls != NULL ? &below_tls : &events, u, &u->f);
}

/* Nothing of it has happened when connect returns. */
static void user_connect(user *u, uint16_t port) {
  assert_int_equal(dial(u, port), 0);
  assert_false(u->connected);
}

static void user_connected(user *u, world *w, const raw_peer *p) {
  user_connect(u, p->port);
  world_run_until_true(w, &u->connected);
  assert_int_equal(u->connect_status, 0);
}

static void user_end(user *u, world *w) {
  if (!u->closing) {
    close_it(u);
    assert_false(u->closed);
  }
  world_run_until_true(w, &u->closed);
  world_env_close(w, u->env);
  fifo_free(&u->in);
  free(u->memory);
}

static void write_text(user *u, const char *text) {
  u->out = (const uint8_t *) text;
  u->out_len = strlen(text);
  u->out_done = 0;
  push(u);
}

static void assert_read(const user *u, const char *text) {
  assert_int_equal(u->in.len, strlen(text));
  assert_memory_equal(fifo_data(&u->in), text, strlen(text));
}

/* A pattern that no shift of fewer than 64 KiB maps onto itself. */
static uint8_t *large_data(user *u, const world *w) {
  size_t len = w->kind == WORLD_SIM ? LARGE_SIMULATED : LARGE;
  uint8_t *data = malloc(len);
  assert_non_null(data);
  for (size_t i = 0; i < len; i++) data[i] = (uint8_t) (i ^ i >> 8 ^ i >> 16);
  u->out = data;
  u->out_len = len;
  return data;
}

/* --- connecting --- */

WORLD_EACH_TEST(test_connect_is_told_from_the_loop, w) {
  user u;
  user_init(&u, w);
  user_connected(&u, w, new_peer(w));
  user_end(&u, w);
  assert_int_equal(u.allocs, 0); /* nobody asked for it */
}

WORLD_EACH_TEST(test_connect_refused_has_its_code, w) {
  user u;
  user_init(&u, w);
  user_connect(&u, world_dead_port(w));
  world_run_until_true(w, &u.connected);
  assert_int_equal(u.connect_status, over_unix ? UV_ENOENT : UV_ECONNREFUSED);
  user_end(&u, w);
}

WORLD_EACH_TEST(test_connect_to_no_address_fails_at_once, w) {
  user u;
  user_init(&u, w);
  const struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
  int err =
      u.env->ops->connect(u.env, (const struct sockaddr *) &addr, &options, &events, &u, &u.f);
  assert_int_equal(err, UV_EINVAL);
  world_env_close(w, u.env);
  assert_false(u.connected || u.closed);
}

WORLD_EACH_TEST(test_close_while_connecting, w) {
  user u;
  user_init(&u, w);
  user_connect(&u, new_peer(w)->port);
  user_end(&u, w);
  assert_false(u.connected);
}

WORLD_EACH_TEST(test_close_in_on_connect, w) {
  user u;
  user_init(&u, w);
  u.at_connect = close_it;
  user_connected(&u, w, new_peer(w));
  assert_true(u.closing);
  user_end(&u, w);
}

WORLD_EACH_TEST(test_close_in_on_connect_that_failed, w) {
  user u;
  user_init(&u, w);
  u.at_connect = close_it;
  user_connect(&u, world_dead_port(w));
  world_run_until_true(w, &u.closed);
  user_end(&u, w);
}

static void second_on_connect(void *up, int status) {
  (void) up;
  (void) status;
  fail_msg("on_connect came twice");
}

static const ws_filter_events other_events = {second_on_connect, on_alloc, on_read, on_write,
                                              on_close,          NULL,     NULL};

static void change_hands(user *u) {
  user *next = (user *) (void *) u->memory;
  u->memory = NULL;
  next->f = u->f;
  next->connected = true;
  next->is_tls = u->is_tls;
  u->f->events = &other_events;
  u->f->up = next;
  read_it(next);
}

WORLD_EACH_TEST(test_events_can_be_exchanged_in_on_connect, w) {
  user first, second;
  user_init(&first, w);
  second = (user){.room = 10, .env = first.env};
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_SEND("hello"), PEER_END, PEER_EXPECT_GONE);
  first.at_connect = change_hands;
  first.memory = (uint8_t *) &second; /* only to hand it over */
  user_connect(&first, p->port);
  world_run_until_true(w, &second.ended);
  assert_read(&second, "hello");
  assert_int_equal(first.reads + first.allocs, 0);
  user_end(&second, w);
  assert_false(first.closed);
}

/* --- queries --- */

static void assert_address(const user *u, ws_filter_query which, uint16_t port) {
  struct sockaddr_storage addr;
  struct sockaddr_in in;
  memset(&addr, 0xff, sizeof addr);
  assert_int_equal(u->f->ops->query(u->f, which, &addr), 0);
  assert_int_equal(addr.ss_family, over_unix ? AF_UNIX : AF_INET);
  if (over_unix || port == 0) return;
  memcpy(&in, &addr, sizeof in);
  assert_int_equal(in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
  assert_int_equal(in.sin_port, htons(port));
}

/* The addresses come through every filter from the socket at the bottom. */
WORLD_EACH_TEST(test_query, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  u.at_connect = read_it;
  user_connected(&u, w, p);
  assert_address(&u, WS_QUERY_LOCAL_ADDRESS, 0);
  assert_address(&u, WS_QUERY_PEER_ADDRESS, p->port);
  ask_for_tls(&u);
  user_end(&u, w); /* asks again in on_close */
}

static void ask_then_close(user *u) {
  ask_for_tls(u);
  close_it(u);
}

WORLD_EACH_TEST(test_query_in_on_connect, w) {
  user u;
  user_init(&u, w);
  u.at_connect = ask_then_close;
  user_connect(&u, new_peer(w)->port);
  world_run_until_true(w, &u.closed);
  user_end(&u, w);
}

WORLD_EACH_TEST(test_query_when_the_connect_failed, w) {
  user u;
  user_init(&u, w);
  u.at_connect = ask_then_close;
  user_connect(&u, world_dead_port(w));
  world_run_until_true(w, &u.closed);
  user_end(&u, w);
}

/* --- reading --- */

WORLD_EACH_TEST(test_read_gives_bytes_then_the_end, w) {
  static const char text[] = "the quick brown fox jumps over the lazy dog";
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_SEND_PIECES(text, sizeof text - 1, 5), PEER_END, PEER_EXPECT_GONE);
  u.at_connect = read_it;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.ended);
  assert_read(&u, text);
  assert_int_equal(u.end_status, WS_EOF);
  world_advance(w, 2); /* and nothing behind it */
  user_end(&u, w);
}

WORLD_EACH_TEST(test_read_into_one_byte, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_SEND("abcdefghij"), PEER_END, PEER_EXPECT_GONE);
  u.room = 1;
  u.at_connect = read_it;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.ended);
  assert_read(&u, "abcdefghij");
  assert_int_equal(u.reads, 10);
  user_end(&u, w);
}

static void stop_at_once(user *u) {
  if (!u->ended) u->f->ops->read_stop(u->f);
}

/* The peer's second "b" is on its way, or has come, when it has our "y". */
WORLD_EACH_TEST(test_read_stop_stops, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_SEND("a"), PEER_EXPECT("x"), PEER_SEND("b"), PEER_EXPECT("y"),
                PEER_EXPECT_GONE);
  u.at_connect = read_it;
  u.at_read = stop_at_once;
  user_connect(&u, p->port);
  world_run_until_count(w, &u.reads, 1);
  write_text(&u, "xy");
  world_advance(w, 20);
  assert_read(&u, "a");
  u.f->ops->read_stop(u.f);
  read_it(&u);
  world_run_until_count(w, &u.reads, 2);
  assert_read(&u, "ab");
  user_end(&u, w);
}

WORLD_EACH_TEST(test_read_stop_at_the_end, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_END, PEER_EXPECT_GONE);
  u.at_connect = read_it;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.ended);
  u.f->ops->read_stop(u.f);
  user_end(&u, w);
}

/* A Unix socket has none: it ends. */
WORLD_EACH_TEST(test_read_tells_of_a_reset, w) {
  bool no_reset = over_unix && w->kind == WORLD_UV;
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_SEND("a"), PEER_EXPECT("x"), PEER_RESET);
  u.at_connect = read_it;
  user_connect(&u, p->port);
  world_run_until_count(w, &u.reads, 1);
  write_text(&u, "x");
  world_run_until_true(w, &u.ended);
  assert_read(&u, "a");
  assert_int_equal(u.end_status, no_reset ? UV_EOF : UV_ECONNRESET);
  user_end(&u, w);
}

static void close_when_read(user *u) {
  close_it(u);
}

WORLD_EACH_TEST(test_close_in_on_read, w) {
  static const char text[] = "much more than fits into the room of one read";
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_SEND(text), PEER_EXPECT_GONE);
  u.room = 4;
  u.at_connect = read_it;
  u.at_read = close_when_read;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.closed);
  assert_int_equal(u.reads, 1);
  user_end(&u, w);
}

WORLD_EACH_TEST(test_close_in_on_read_of_the_end, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_END, PEER_EXPECT_END);
  u.at_connect = read_it;
  u.at_read = close_when_read;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.closed);
  assert_int_equal(u.end_status, WS_EOF);
  user_end(&u, w);
}

/* --- writing --- */

WORLD_EACH_TEST(test_write_reaches_the_peer, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_EXPECT("hello"), PEER_EXPECT_END);
  user_connected(&u, w, p);
  write_text(&u, "hello");
  world_run_until_count(w, &raw_peer_conn(p, 0)->step, 1);
  user_end(&u, w);
}

static bool all_received(void *arg) {
  const raw_peer *p = arg;
  const user *u = p->data;
  return p->accepted > 0 && raw_peer_conn(p, 0)->received == u->out_len;
}

static void assert_received(const raw_peer *p, const user *u) {
  const raw_conn *c = raw_peer_conn(p, 0);
  assert_int_equal(c->in.len, u->out_len);
  assert_true(memcmp(fifo_data(&c->in), u->out, u->out_len) == 0);
}

WORLD_EACH_TEST(test_write_holds_what_does_not_go, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  uint8_t *data = large_data(&u, w);
  p->data = &u;
  user_connected(&u, w, p);
  world_run_until(w, all_received, p);
  assert_true(u.stalled && u.writes > 0);
  assert_received(p, &u);
  assert_int_equal(u.write_status, 0);
  user_end(&u, w);
  free(data);
}

static bool ended_by_client(void *arg) {
  const raw_peer *p = arg;
  return p->accepted > 0 && p->ended == p->accepted;
}

WORLD_EACH_TEST(test_shutdown_is_seen_behind_all_bytes, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  uint8_t *data = large_data(&u, w);
  u.end_behind = true;
  user_connect(&u, p->port);
  world_run_until(w, ended_by_client, p);
  assert_received(p, &u);
  assert_int_equal(raw_peer_conn(p, 0)->end_status, 0);
  assert_false(u.closing);
  user_end(&u, w);
  free(data);
}

WORLD_EACH_TEST(test_shutdown_ends_one_direction_only, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_EXPECT("bye"), PEER_EXPECT_END, PEER_SEND("still here"), PEER_END);
  u.at_connect = read_it;
  u.out = (const uint8_t *) "bye";
  u.out_len = 3;
  u.end_behind = true;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.ended);
  assert_read(&u, "still here");
  assert_int_equal(u.end_status, WS_EOF);
  user_end(&u, w);
}

WORLD_EACH_TEST(test_close_right_after_shutdown, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_EXPECT("bye"), PEER_EXPECT_END);
  u.out = (const uint8_t *) "bye";
  u.out_len = 3;
  u.end_behind = true;
  user_connected(&u, w, p);
  world_run_until_count(w, &u.out_done, 3);
  user_end(&u, w);
}

static void dont_read(raw_conn *c) {
  raw_conn_read(c, false);
}

static const raw_peer_callbacks stalling = {.on_connection = dont_read};

WORLD_EACH_TEST(test_close_drops_what_is_held, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_set_callbacks(p, &stalling);
  uint8_t *data = large_data(&u, w);
  user_connect(&u, p->port);
  world_run_until_true(w, &u.stalled);
  world_advance(w, 5);
  assert_true(u.retained > 0); /* it has all that loopback takes */
  user_end(&u, w);
  free(data); /* not before on_close */
}

WORLD_EACH_TEST(test_close_in_on_write, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  uint8_t *data = large_data(&u, w);
  u.at_write = close_it;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.closed);
  assert_int_equal(u.writes, 1);
  user_end(&u, w);
  free(data);
}

WORLD_EACH_TEST(test_held_write_fails_when_the_peer_resets, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_set_callbacks(p, &stalling);
  uint8_t *data = large_data(&u, w);
  user_connect(&u, p->port);
  world_run_until_true(w, &u.stalled);
  world_advance(w, 5);
  size_t before = u.writes;
  raw_conn_reset(raw_peer_conn(p, 0));
  world_run_until_count(w, &u.writes, before + 1);
  assert_true(u.write_status == UV_ECONNRESET || u.write_status == UV_EPIPE);
  user_end(&u, w);
  free(data);
}

/* F36 */
WORLD_EACH_TEST(test_write_after_a_reset_fails, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_RESET);
  u.at_connect = read_it;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.ended);
  write_text(&u, "is anybody there?");
  assert_int_equal(u.write_status, UV_EPIPE);
  user_end(&u, w);
}

WORLD_EACH_TEST(test_write_of_many_pieces, w) {
  static const char text[] = "0123456789";
  enum { PIECES = 300 };
  ws_view bufs[PIECES];
  user u;
  size_t taken = 0, done = 0;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  user_connected(&u, w, p);
  for (size_t i = 0; i < PIECES; i++) {
    bufs[i] = (ws_view){(const uint8_t *) text + i % 10, i % 3 == 0 ? 0 : 1};
  }
  assert_int_equal(write_some(&u, bufs, PIECES, PIECES / 3 * 2, &taken), 0);
  done = u.retained + taken;
  if (u.retained > 0) world_run_until_count(w, &u.writes, 1);
  user_end(&u, w);
  world_run_until(w, ended_by_client, p);
  assert_int_equal(raw_peer_conn(p, 0)->received, done);
  for (size_t i = 0, k = 0; k < done; i++) {
    if (i % 3 != 0) assert_int_equal(fifo_data(&raw_peer_conn(p, 0)->in)[k++], '0' + i % 10);
  }
}

WORLD_EACH_TEST(test_write_of_nothing_takes_it, w) {
  user u;
  size_t taken = 1;
  const ws_view empty = {NULL, 0};
  user_init(&u, w);
  user_connected(&u, w, new_peer(w));
  assert_int_equal(write_some(&u, &empty, 1, 0, &taken), 0);
  assert_int_equal(taken, 0);
  assert_int_equal(u.retained, 0);
  user_end(&u, w);
}

/* false: it is not told, by a simulated network that hides it. */
static bool ask_for_unacked(const user *u, ws_unacked *unacked) {
  int err = u->f->ops->query(u->f, WS_QUERY_UNACKED, unacked);
  assert_true(err == 0 || err == WS_ENOTSUP);
  return err == 0;
}

static bool all_acknowledged(void *arg) {
  ws_unacked now;
  return !ask_for_unacked(arg, &now) || now.unacked == 0;
}

/* TLS makes more bytes of it, and what is retained may be written in part. */
WORLD_EACH_TEST(test_query_of_what_is_not_acknowledged, w) {
  ws_unacked now;
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_set_callbacks(p, &stalling);
  uint8_t *data = large_data(&u, w);
  p->data = &u;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.stalled);
  world_advance(w, 5);
  bool asked = ask_for_unacked(&u, &now);
  if (asked) {
    assert_true(now.unacked > 0);
    assert_true(now.written >= u.out_done);
    assert_true(u.is_tls || now.written < u.out_done + u.retained);
  }
  raw_conn_read(raw_peer_conn(p, 0), true);
  world_run_until(w, all_received, p);
  world_run_until(w, all_acknowledged, &u);
  if (asked) {
    assert_true(ask_for_unacked(&u, &now));
    assert_true(u.is_tls ? now.written > u.out_len : now.written == u.out_len);
  }
  user_end(&u, w);
  free(data);
}

/* It changes how much is taken at once, and not what arrives. */
WORLD_EACH_TEST(test_slow_filter_writes_all, w) {
  user u;
  ws_slowed slowed;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  uint8_t *data = large_data(&u, w);
  p->data = &u;
  user_connect(&u, p->port);
  world_run_until_true(w, &u.stalled);
  u.f->ops->set_slow(u.f, true, &slowed);
  world_run_until(w, all_received, p);
  assert_received(p, &u);
  u.f->ops->set_slow(u.f, false, &slowed);
  user_end(&u, w);
  free(data);
}

/* --- many things at once --- */

static void write_back(user *u) {
  if (u->ended) return;
  if (u->in.len == 5) write_text(u, "thanks");
}

WORLD_EACH_TEST(test_many_connections_of_one_environment, w) {
  enum { USERS = 20 };
  user u[USERS];
  raw_peer *p = new_peer(w);
  raw_peer_play(p, PEER_SEND("hello"), PEER_EXPECT("thanks"), PEER_END, PEER_EXPECT_END);
  user_init(&u[0], w);
  for (size_t i = 0; i < USERS; i++) {
    u[i] = (user){.room = 3, .env = u[0].env, .at_connect = read_it, .at_read = write_back};
    user_connect(&u[i], p->port);
  }
  for (size_t i = 0; i < USERS; i++) {
    world_run_until_true(w, &u[i].ended);
    assert_read(&u[i], "hello");
    close_it(&u[i]);
  }
  for (size_t i = 1; i < USERS; i++) {
    world_run_until_true(w, &u[i].closed);
    free(u[i].memory);
    fifo_free(&u[i].in);
  }
  user_end(&u[0], w);
}

typedef struct race {
  raw_conn *peer;
  ws_timer *timer;
  world *w;
  user u;
  bool late, fired;
  size_t reads_then;
} race;

/* The first time much time is lost, and meanwhile bytes come; the second time they are there. */
static void on_race_timer(void *data) {
  race *r = data;
  if (r->late) {
    r->fired = true;
    r->reads_then = r->u.reads;
    return;
  }
  r->late = true;
  raw_conn_write_text(r->peer, "b");
  world_lose_time(r->w, 10);
  world_await_input(r->w);
  r->u.env->ops->timer_start(r->timer, 1);
}

static void start_race(user *u) {
  race *r = (race *) (void *) ((char *) u - offsetof(race, u));
  if (u->reads == 1 && !u->ended) u->env->ops->timer_start(r->timer, 1);
}

/* A deadline that ran out while the program was busy does not count before what came in time. */
WORLD_EACH_TEST(test_timer_waits_for_one_more_poll, w) {
  sim *s = world_sim(w);
  race r = {.w = w};
  if (s != NULL) sim_set_profile(s, NULL);
  user_init(&r.u, w);
  raw_peer *p = new_peer(w);
  assert_int_equal(r.u.env->ops->timer_new(r.u.env, on_race_timer, &r, &r.timer), 0);
  r.u.at_read = start_race;
  user_connected(&r.u, w, p);
  world_run_until_count(w, &p->accepted, 1);
  r.peer = raw_peer_conn(p, 0);
  raw_conn_write_text(r.peer, "a");
  read_it(&r.u);
  world_run_until_true(w, &r.fired);
  assert_int_equal(r.reads_then, 2);
  r.u.env->ops->timer_free(r.timer);
  user_end(&r.u, w);
}

/* --- without memory --- */

static void try_it(world *w, raw_peer *p) {
  user u = {.room = 100};
  int err = world_env_new(w, &u.env);
  if (err == 0) {
    u.out = (const uint8_t *) "hello";
    u.out_len = 5;
    u.end_behind = true;
    err = dial(&u, p->port);
    if (err < 0) world_env_close(w, u.env);
  }
  if (err < 0) {
    assert_int_equal(err, WS_ENOMEM);
    return;
  }
  world_run_until_true(w, &u.connected);
  assert_true(u.connect_status == 0 || u.connect_status == WS_ENOMEM);
  assert_true(u.write_status == 0 || u.write_status == WS_ENOMEM);
  user_end(&u, w);
}

/* F46 */
WORLD_EACH_TEST(test_filter_without_memory, w) {
  track_alloc *t = w->alloc;
  raw_peer *p = new_peer(w);
  for (int for_ever = 0; for_ever < 2; for_ever++) {
    uint64_t failed = t->failed;
    t->fail_for_ever = for_ever != 0;
    for (uint64_t n = 1;; n++) {
      t->fail_at = t->calls + n;
      try_it(w, p);
      t->fail_at = 0;
      assert_int_equal(t->live, 0);
      if (t->failed == failed) break;
      failed = t->failed;
    }
  }
}

/* Without memory for what must be retained, the write fails, and nothing is retained. */
WORLD_EACH_TEST(test_write_without_memory_to_hold, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = new_peer(w);
  raw_peer_set_callbacks(p, &stalling);
  user_connected(&u, w, p);
  uint8_t *data = large_data(&u, w);
  w->alloc->fail_at = w->alloc->calls + 1;
  w->alloc->fail_for_ever = true;
  push(&u);
  assert_true(u.write_status == 0 || u.write_status == WS_ENOMEM);
  assert_true(u.write_status < 0 || u.retained > 0);
  user_end(&u, w);
  w->alloc->fail_at = 0;
  free(data);
}

static cert own;

static int use_tls(void **state) {
  (void) state;
  static const cert_spec spec = {.name = "server", .hosts = {"127.0.0.1"}};
  wsuv_tls_config_t config;
  tls_failure failure;
  cert_make(&own, &spec, NULL);
  wsuv_tls_config_init(&config);
  config.max_version = WSUV_TLS_1_2; /* of 1.3 tickets may lie unread: closing is a reset then */
  config.ca_pem = own.pem;
  config.ca_pem_len = strlen(own.pem);
  server_tls = tls_server_context(&ws_alloc_libc, &own, NULL);
  return tls_loaded_context(&client_tls, &ws_alloc_libc, &config, WS_CLIENT, &failure);
}

static int use_tls_no_more(void **state) {
  (void) state;
  tls_context_unref(client_tls);
  tls_context_unref(server_tls);
  client_tls = server_tls = NULL;
  cert_free(&own);
  return 0;
}

static int use_unix(void **state) {
  (void) state;
  over_unix = true;
  return 0;
}

TEST_AROUND_ALL(TCP, NULL, NULL)
TEST_AROUND_ALL(TLS, use_tls, use_tls_no_more)
TEST_AROUND_ALL(Unix, use_unix, NULL)
