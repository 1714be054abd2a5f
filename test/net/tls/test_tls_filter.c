/* The filter of TLS beyond the contract that all filters keep: handshakes that fail, ends that are
   no ends, and pauses while there is more in memory. */

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

enum { ROOM = 64 * 1024, PORT = 443 };

static const char host[] = "example.test";
static cert own;

/* --- the layer above --- */

typedef struct user {
  world *w;
  ws_env *env;
  tls_context *ctx;
  ws_filter *f;
  const char *host;
  uint8_t memory[ROOM];
  size_t room; /* given to each read */
  fifo in;
  bool connected, closing, closed, ended, inside;
  int connect_status, end_status;
  size_t reads, retained, writes;
  size_t pause_at;      /* read_stop in the read with this number */
  bool idle;            /* read_start is left to the test */
  const char *greeting; /* is written in on_connect; or NULL */
} user;

static void write_all(user *u, const void *data, size_t len);

static void on_connect(void *up, int status) {
  user *u = up;
  assert_false(u->inside || u->closing || u->connected);
  u->connected = true;
  u->connect_status = status;
  if (status == 0 && u->greeting != NULL) write_all(u, u->greeting, strlen(u->greeting));
  if (status == 0 && !u->idle) assert_int_equal(u->f->ops->read_start(u->f), 0);
}

static void on_alloc(void *up, ws_room *buf) {
  user *u = up;
  assert_false(u->inside || u->closing || u->ended);
  *buf = (ws_room){u->memory, u->room};
}

static void on_read(void *up, uint8_t *data, ptrdiff_t n) {
  user *u = up;
  assert_false(u->inside || u->closing || u->ended);
  if (n < 0) {
    u->ended = true;
    u->end_status = (int) n;
    return;
  }
  fifo_append(&u->in, data, (size_t) n);
  if (++u->reads == u->pause_at) u->f->ops->read_stop(u->f);
}

static void on_write(void *up, int status) {
  user *u = up;
  assert_false(u->inside || u->closing);
  assert_int_equal(status, 0);
  u->retained = 0;
  u->writes++;
}

static void on_close(void *up) {
  user *u = up;
  assert_true(u->closing && !u->inside && !u->closed);
  u->closed = true;
}

static const ws_filter_events events = {on_connect, on_alloc, on_read, on_write,
                                        on_close,   NULL,     NULL};

/* A filter below whose calls may close the one above, as those of a transport may
   (net/transport.h). */

static const ws_filter_ops *real; /* the functions of the filter below */
static user *closer;              /* the user that closes its filter; NULL: none does */
static size_t calls_left;         /* so many calls are left until it does */
static bool writing;              /* a write is running */
static size_t writes_below;       /* so many there were */

static const ws_filter_ops closing_ops;

/* Calls in which TLS begins do not count: its filter is not there yet. */
static void close_inside(void) {
  if (closer->f->ops == &closing_ops || calls_left == 0 || --calls_left > 0) return;
  closer->closing = true;
  closer->f->ops->close(closer->f);
}

static int closing_read_start(ws_filter *f) {
  if (closer->closing) return WS_ECANCELED;
  int err = real->read_start(f);
  close_inside();
  return closer->closing ? WS_ECANCELED : err;
}

static void closing_read_stop(ws_filter *f) {
  if (closer->closing) return;
  real->read_stop(f);
  close_inside();
}

static int closing_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                         size_t *retained) {
  *taken = *retained = 0;
  if (writing || closer->closing) return WS_ECANCELED;
  writes_below++;
  int err = real->write(f, bufs, count, taken, retained);
  writing = true;
  close_inside();
  writing = false;
  return closer->closing && *retained == 0 ? WS_ECANCELED : err;
}

static void closing_shutdown(ws_filter *f) {
  if (closer->closing) return;
  real->shutdown(f);
  close_inside();
}

static int closing_query(const ws_filter *f, ws_filter_query what, void *out) {
  return real->query(f, what, out);
}

static void closing_close(ws_filter *f) {
  real->close(f);
}

static const ws_filter_ops closing_ops = {.read_start = closing_read_start,
                                          .read_stop = closing_read_stop,
                                          .write = closing_write,
                                          .shutdown = closing_shutdown,
                                          .query = closing_query,
                                          .close = closing_close};

static void secure(void *up, int status) {
  user *u = up;
  assert_int_equal(status, 0);
  if (closer != NULL) {
    real = u->f->ops;
    u->f->ops = &closing_ops;
  }
  u->inside = true;
  int err = tls_start(&u->f, u->env, u->ctx, NULL, u->host, PORT, u->f, &events, u);
  u->inside = false;
  if (err < 0) on_connect(u, err);
}

static const ws_filter_events below = {.on_connect = secure, .on_close = on_close};

static void user_init(user *u, world *w) {
  wsuv_tls_config_t config;
  tls_failure failure;
  *u = (user){.w = w, .host = host, .room = ROOM};
  wsuv_tls_config_init(&config);
  config.ca_pem = own.pem;
  config.ca_pem_len = strlen(own.pem);
  assert_int_equal(tls_loaded_context(&u->ctx, &w->alloc->handle, &config, WS_CLIENT, &failure), 0);
  assert_int_equal(world_env_new(w, &u->env), 0);
}

static void dial(user *u, uint16_t port) {
  const struct sockaddr_in in = {
      .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
  const ws_socket_options options = {.nodelay = true};
  struct sockaddr_storage addr = {0};
  memcpy(&addr, &in, sizeof in);
  assert_int_equal(
      u->env->ops->connect(u->env, (const struct sockaddr *) &addr, &options, &below, u, &u->f), 0);
}

static void user_connect(user *u, uint16_t port) {
  dial(u, port);
  world_run_until_true(u->w, &u->connected);
}

static void close_it(user *u) {
  u->closing = u->inside = true;
  u->f->ops->close(u->f);
  u->inside = false;
  world_run_until_true(u->w, &u->closed);
}

static void user_free(user *u) {
  tls_context_unref(u->ctx);
  world_env_close(u->w, u->env);
  fifo_free(&u->in);
}

static void user_end(user *u) {
  close_it(u);
  user_free(u);
}

static void start_reading(user *u) {
  u->inside = true;
  assert_int_equal(u->f->ops->read_start(u->f), 0);
  u->inside = false;
}

static void get_facts(const user *u, tls_info *facts) {
  assert_int_equal(u->f->ops->query(u->f, WS_QUERY_TLS, facts), 0);
}

static void write_all(user *u, const void *data, size_t len) {
  const ws_view buf = {(const uint8_t *) data, len};
  size_t taken;
  u->inside = true;
  assert_int_equal(u->f->ops->write(u->f, &buf, 1, &taken, &u->retained), 0);
  u->inside = false;
  assert_int_equal(taken + u->retained, len);
}

/* --- a server whose every byte is in our hands --- */

typedef struct server {
  tls_context *ctx;
  raw_peer *peer;
  raw_conn *conn;
  tls_end end;
  bool shaken;
  const char *greeting; /* goes out with the last bytes of the handshake; or NULL */
} server;

static void pass_on(server *s) {
  fifo out = {0};
  tls_end_take(&s->end, &out, SIZE_MAX);
  raw_conn_write(s->conn, fifo_data(&out), out.len);
  fifo_free(&out);
}

static void on_connection(raw_conn *c) {
  server *s = c->peer->data;
  s->conn = c;
}

static void on_bytes(raw_conn *c) {
  server *s = c->peer->data;
  tls_end_feed(&s->end, fifo_data(&c->in), c->in.len, 0);
  fifo_consume(&c->in, c->in.len);
  if (!s->shaken && s->end.shaken == 0 && s->greeting != NULL) {
    tls_end_write(&s->end, s->greeting, strlen(s->greeting));
  }
  s->shaken = s->end.shaken == 0;
  pass_on(s);
}

static void server_init(server *s, world *w) {
  static const raw_peer_callbacks callbacks = {.on_connection = on_connection,
                                               .on_bytes = on_bytes};
  *s = (server){.ctx = tls_server_context(&ws_alloc_libc, &own, NULL), .peer = raw_peer_new(w)};
  tls_end_init(&s->end, s->ctx, NULL, 0);
  raw_peer_set_callbacks(s->peer, &callbacks);
  s->peer->data = s;
}

/* Bytes may still be on their way to it. */
static void server_free(server *s) {
  static const raw_peer_callbacks none = {.on_bytes = NULL};
  raw_peer_set_callbacks(s->peer, &none);
  tls_end_free(&s->end);
  tls_context_unref(s->ctx);
}

static void open_both(user *u, server *s, world *w) {
  user_init(u, w);
  server_init(s, w);
  user_connect(u, s->peer->port);
  assert_int_equal(u->connect_status, 0);
  world_run_until_true(w, &s->shaken);
}

static void say(server *s, const char *text) {
  tls_end_write(&s->end, text, strlen(text));
}

static void assert_in(const fifo *in, const char *text) {
  assert_int_equal(in->len, strlen(text));
  assert_memory_equal(fifo_data(in), text, strlen(text));
}

/* --- handshakes --- */

WORLD_TEST(test_facts_after_the_handshake, w) {
  user u;
  server s;
  tls_info facts;
  open_both(&u, &s, w);
  get_facts(&u, &facts);
  assert_non_null(facts.version);
  assert_non_null(facts.ciphersuite);
  assert_int_equal(facts.peer_cert_len, own.der_len);
  assert_true(facts.verified);
  user_end(&u);
  server_free(&s);
}

WORLD_TEST(test_wrong_host_fails_the_connect, w) {
  user u;
  server s;
  tls_info facts;
  user_init(&u, w);
  server_init(&s, w);
  u.host = "other.test";
  user_connect(&u, s.peer->port);
  assert_int_equal(u.connect_status, WSUV_ETLSVERIFY);
  get_facts(&u, &facts);
  assert_string_equal(facts.text, "host name does not match");
  assert_true(facts.verify_flags != 0);
  user_end(&u);
  server_free(&s);
}

/* Where a socket takes all or nothing. */
static void calm(world *w) {
  if (world_sim(w) != NULL) sim_set_profile(world_sim(w), NULL);
}

/* The server is told before the connection ends. */
WORLD_TEST(test_alert_goes_out_when_the_handshake_fails, w) {
  user u;
  server s;
  calm(w);
  user_init(&u, w);
  server_init(&s, w);
  u.host = "other.test";
  user_connect(&u, s.peer->port);
  close_it(&u);
  world_run_until_count(w, &s.peer->ended, 1);
  assert_int_equal(s.end.shaken, WSUV_ETLS);
  tls_context_unref(u.ctx);
  world_env_close(w, u.env);
  server_free(&s);
}

static void answer_in_plain(raw_conn *c) {
  raw_conn_write_text(c, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

WORLD_TEST(test_plain_http_in_reply, w) {
  static const raw_peer_callbacks callbacks = {.on_connection = answer_in_plain};
  user u;
  tls_info facts;
  user_init(&u, w);
  raw_peer *p = raw_peer_new(w);
  raw_peer_set_callbacks(p, &callbacks);
  user_connect(&u, p->port);
  assert_int_equal(u.connect_status, WSUV_ENOTTLS);
  get_facts(&u, &facts);
  assert_int_not_equal(facts.library_error, 0);
  user_end(&u);
}

static void hang_up(raw_conn *c) {
  raw_conn_end(c);
}

WORLD_TEST(test_end_in_the_handshake, w) {
  static const raw_peer_callbacks callbacks = {.on_bytes = hang_up};
  user u;
  user_init(&u, w);
  raw_peer *p = raw_peer_new(w);
  raw_peer_set_callbacks(p, &callbacks);
  user_connect(&u, p->port);
  assert_int_equal(u.connect_status, WSUV_ETLSTRUNCATED);
  user_end(&u);
}

static void reset_it(raw_conn *c) {
  raw_conn_reset(c);
}

WORLD_TEST(test_reset_in_the_handshake, w) {
  static const raw_peer_callbacks callbacks = {.on_bytes = reset_it};
  user u;
  user_init(&u, w);
  raw_peer *p = raw_peer_new(w);
  raw_peer_set_callbacks(p, &callbacks);
  user_connect(&u, p->port);
  assert_true(u.connect_status == UV_ECONNRESET || u.connect_status == UV_EPIPE);
  user_end(&u);
}

WORLD_TEST(test_close_in_the_middle_of_the_handshake, w) {
  user u;
  user_init(&u, w);
  raw_peer *p = raw_peer_new(w); /* never answers */
  dial(&u, p->port);
  world_run_until_count(w, &p->accepted, 1);
  world_advance(w, 20);
  assert_false(u.connected);
  user_end(&u);
}

/* --- ends --- */

WORLD_TEST(test_clean_end, w) {
  user u;
  server s;
  open_both(&u, &s, w);
  say(&s, "bye");
  tls_engine_close(s.end.engine);
  pass_on(&s);
  raw_conn_end(s.conn);
  world_run_until_true(w, &u.ended);
  assert_in(&u.in, "bye");
  assert_int_equal(u.end_status, WS_EOF);
  user_end(&u);
  server_free(&s);
}

WORLD_TEST(test_end_without_close_notify, w) {
  user u;
  server s;
  open_both(&u, &s, w);
  say(&s, "bye");
  pass_on(&s);
  raw_conn_end(s.conn);
  world_run_until_true(w, &u.ended);
  assert_in(&u.in, "bye");
  assert_int_equal(u.end_status, WSUV_ETLSTRUNCATED);
  user_end(&u);
  server_free(&s);
}

WORLD_TEST(test_foreign_bytes_end_it, w) {
  user u;
  server s;
  size_t taken, retained;
  const ws_view buf = {(const uint8_t *) "x", 1};
  open_both(&u, &s, w);
  raw_conn_write_text(s.conn, "this is no record");
  world_run_until_true(w, &u.ended);
  assert_int_equal(u.end_status, WSUV_ETLS);
  assert_int_equal(u.f->ops->write(u.f, &buf, 1, &taken, &retained), WSUV_ETLS);
  assert_int_equal(retained, 0);
  user_end(&u);
  server_free(&s);
}

/* close_notify goes out with the close. */
WORLD_TEST(test_close_says_so, w) {
  user u;
  server s;
  calm(w);
  open_both(&u, &s, w);
  close_it(&u);
  world_run_until_count(w, &s.peer->ended, 1);
  assert_int_equal(s.end.ended, WS_EOF);
  tls_context_unref(u.ctx);
  world_env_close(w, u.env);
  server_free(&s);
}

/* --- pauses --- */

static const char *const words[] = {"one ", "two ", "three ", "four ", "five ", "six"};
static const char sentence[] = "one two three four five six";

static void say_words(server *s) {
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) say(s, words[i]);
  pass_on(s);
}

static bool all_words(void *arg) {
  const user *u = arg;
  return u->in.len == strlen(sentence);
}

/* Records that came with the first are in memory, decrypted or not, and wait. */
WORLD_TEST(test_pause_with_more_in_memory, w) {
  user u;
  server s;
  open_both(&u, &s, w);
  u.room = 3;
  u.pause_at = 1;
  say_words(&s);
  while (u.in.len < strlen(sentence)) {
    world_run_until_count(w, &u.reads, u.pause_at);
    world_advance(w, 5);
    assert_int_equal(u.reads, u.pause_at);
    u.pause_at++;
    start_reading(&u);
  }
  assert_in(&u.in, sentence);
  user_end(&u);
  server_free(&s);
}

WORLD_TEST(test_end_waits_behind_a_pause, w) {
  user u;
  server s;
  open_both(&u, &s, w);
  u.room = 5;
  u.pause_at = 1;
  say_words(&s);
  tls_engine_close(s.end.engine);
  pass_on(&s);
  raw_conn_end(s.conn);
  world_run_until_count(w, &u.reads, 1);
  world_advance(w, 20);
  assert_false(u.ended);
  start_reading(&u);
  world_run_until_true(w, &u.ended);
  assert_in(&u.in, sentence);
  assert_int_equal(u.end_status, WS_EOF);
  user_end(&u);
  server_free(&s);
}

/* What is left of one is not in the buffer that the other reads into. */
WORLD_TEST(test_pauses_do_not_mix_what_others_read, w) {
  user a, b;
  server s, t;
  open_both(&a, &s, w);
  user_init(&b, w);
  tls_context_unref(b.ctx);
  b.ctx = tls_context_ref(a.ctx);
  server_init(&t, w);
  user_connect(&b, t.peer->port);
  world_run_until_true(w, &t.shaken);
  a.room = 2;
  a.pause_at = 1;
  say_words(&s);
  world_run_until_count(w, &a.reads, 1);
  for (int i = 0; i < 10; i++) say(&t, "other bytes, and many of them");
  pass_on(&t);
  world_run_until_count(w, &b.reads, 1);
  start_reading(&a);
  world_run_until(w, all_words, &a);
  assert_in(&a.in, sentence);
  user_end(&a);
  user_end(&b);
  server_free(&s);
  server_free(&t);
}

/* The socket is not read: what comes waits there, and not in our memory. */
WORLD_TEST(test_pause_between_reads, w) {
  user u;
  server s;
  open_both(&u, &s, w);
  say(&s, "x");
  pass_on(&s);
  world_run_until_count(w, &u.reads, 1);
  fifo_consume(&u.in, 1);
  u.f->ops->read_stop(u.f);
  size_t before = w->alloc->live_bytes;
  say_words(&s);
  world_advance(w, 20);
  assert_int_equal(w->alloc->live_bytes, before);
  start_reading(&u);
  world_run_until(w, all_words, &u);
  assert_in(&u.in, sentence);
  user_end(&u);
  server_free(&s);
}

WORLD_TEST(test_close_while_a_read_is_owed, w) {
  user u;
  server s;
  open_both(&u, &s, w);
  u.room = 2;
  u.pause_at = 1;
  say_words(&s);
  world_run_until_count(w, &u.reads, 1);
  start_reading(&u);
  user_end(&u);
  assert_int_equal(u.reads, 1);
  server_free(&s);
}

WORLD_TEST(test_pause_and_resume_without_memory, w) {
  user u;
  server s;
  open_both(&u, &s, w);
  u.room = 2;
  u.pause_at = 1;
  say(&s, "four");
  pass_on(&s);
  world_run_until_count(w, &u.reads, 1);
  w->alloc->fail_at = w->alloc->calls + 1;
  assert_int_equal(u.f->ops->read_start(u.f), WS_ENOMEM);
  w->alloc->fail_at = 0;
  start_reading(&u);
  world_run_until_count(w, &u.reads, 2);
  assert_in(&u.in, "four");
  user_end(&u);
  server_free(&s);
}

/* What came with the last bytes of the handshake is not lost if reading begins later. */
WORLD_TEST(test_reading_begins_late, w) {
  user u;
  server s;
  calm(w);
  user_init(&u, w);
  u.idle = true;
  server_init(&s, w);
  s.greeting = sentence;
  user_connect(&u, s.peer->port);
  world_advance(w, 20);
  assert_int_equal(u.reads, 0);
  start_reading(&u);
  world_run_until(w, all_words, &u);
  assert_in(&u.in, sentence);
  user_end(&u);
  server_free(&s);
}

/* --- writing --- */

static bool all_taken(void *arg) {
  const user *u = arg;
  return u->retained == 0;
}

WORLD_TEST(test_one_batch_waits_at_most, w) {
  static uint8_t data[1024 * 1024];
  user u;
  server s;
  open_both(&u, &s, w);
  raw_conn_read(s.conn, false);
  world_advance(w, 5);
  size_t before = w->alloc->live_bytes, done = 0;
  while (u.retained == 0) {
    const ws_view buf = {data, sizeof data};
    size_t taken;
    assert_int_equal(u.f->ops->write(u.f, &buf, 1, &taken, &u.retained), 0);
    done += taken + u.retained;
    assert_in_range(u.retained, 0, WS_FILTER_RETAIN_MAX);
    world_advance(w, 1);
  }
  assert_in_range(w->alloc->live_bytes - before, 0, 10 * BUFQ_CHUNK_SIZE);
  raw_conn_read(s.conn, true);
  world_run_until(w, all_taken, &u);
  while (s.end.in.len < done) world_advance(w, 1);
  assert_int_equal(s.end.in.len, done);
  user_end(&u);
  server_free(&s);
}

WORLD_TEST(test_writes_reach_the_server, w) {
  user u;
  server s;
  open_both(&u, &s, w);
  write_all(&u, "hello", 5);
  while (s.end.in.len < 5) world_advance(w, 1);
  assert_in(&s.end.in, "hello");
  user_end(&u);
  server_free(&s);
}

/* A library that can write nothing before more was read. */

static const tls_library *real_library;
static size_t records_left; /* so many are written until then */
static bool refuses;        /* a record was not written */

static int write_until_then(tls_engine *e, const ws_view *record) {
  refuses = records_left == 0;
  if (refuses) return WS_EAGAIN;
  records_left--;
  return real_library->engine_write(e, record);
}

static bool has_read(void *arg) {
  const user *u = arg;
  return u->in.len > 0;
}

/* Behind what the server's library sends of its own, such as tickets. */
static void stop_reading(user *u, server *s) {
  say(s, "hello");
  pass_on(s);
  world_run_until(u->w, has_read, u);
  u->f->ops->read_stop(u->f);
}

static void write_with_pause(world *w, const uint8_t *data, size_t len, size_t records,
                             bool paused) {
  user u;
  server s;
  open_both(&u, &s, w);
  if (paused) stop_reading(&u, &s);
  real_library = u.ctx->library;
  tls_library waiting = *real_library;
  waiting.engine_write = write_until_then;
  u.ctx->library = &waiting;
  records_left = records;
  size_t done = 0;
  while (done < len) {
    const ws_view bufs[] = {{data + done, 1}, {data + done + 1, len - done - 1}};
    size_t taken;
    world_run_until(w, all_taken, &u);
    if (done == len - 1) break;
    assert_int_equal(u.f->ops->write(u.f, bufs, 2, &taken, &u.retained), 0);
    done += taken + u.retained;
    if (!refuses || u.retained != 1) continue; /* the filter below retains what was written */
    world_advance(w, 5);
    assert_int_equal(u.retained, 1); /* and it stays */
    records_left = SIZE_MAX;
    say(&s, "go on");
    pass_on(&s);
    if (!paused) world_run_until(w, has_read, &u);
  }
  world_run_until(w, all_taken, &u);
  write_all(&u, data + done, len - done);
  while (s.end.in.len < len) world_advance(w, 1);
  assert_int_equal(s.end.in.len, len);
  assert_memory_equal(fifo_data(&s.end.in), data, len);
  u.ctx->library = real_library;
  user_end(&u);
  server_free(&s);
}

static uint8_t much[200 * 1000];

static void write_with_pauses(world *w, bool paused) {
  for (size_t i = 0; i < sizeof much; i++) much[i] = (uint8_t) (i ^ i >> 8);
  write_with_pause(w, (const uint8_t *) "hello", 5, 0, paused);
  write_with_pause(w, much, sizeof much, 0, paused);
  write_with_pause(w, much, sizeof much, 1, paused);
  write_with_pause(w, much, sizeof much, 7, paused);
}

WORLD_TEST(test_write_waits_for_what_has_to_be_read, w) {
  write_with_pauses(w, false);
}

/* The layer above may wait for the write before it reads again. */
WORLD_TEST(test_write_goes_on_while_the_layer_above_does_not_read, w) {
  write_with_pauses(w, true);
}

/* --- what leaves together --- */

static bool greeting_has_come(void *arg) {
  const server *s = arg;
  return s->end.in.len > 0;
}

static bool has_session(void *arg) {
  tls_info facts;
  get_facts(arg, &facts);
  return facts.given == TLS_GIVEN_SESSION;
}

/* A handshake that resumes ends with a message of the client, with all versions of TLS. */
static void greet(world *w, user *u, server *s, bool resumed) {
  tls_info facts;
  tls_end_init(&s->end, s->ctx, NULL, 0);
  s->shaken = false;
  u->connected = u->closing = u->closed = false;
  writes_below = 0;
  user_connect(u, s->peer->port);
  assert_int_equal(u->connect_status, 0);
  world_run_until(w, greeting_has_come, s);
  assert_in(&s->end.in, u->greeting);
  world_run_until(w, has_session, u);
  get_facts(u, &facts);
  assert_int_equal(facts.resumed, resumed);
  if (resumed) assert_int_equal(writes_below, 2);
  close_it(u);
}

WORLD_TEST(test_first_data_leaves_with_the_end_of_the_handshake, w) {
  user u;
  server s;
  user_init(&u, w);
  server_init(&s, w);
  u.greeting = "hello";
  closer = &u;
  calls_left = 0;
  tls_end_free(&s.end);
  greet(w, &u, &s, false);
  tls_end_free(&s.end);
  greet(w, &u, &s, true);
  closer = NULL;
  user_free(&u);
  server_free(&s);
}

/* --- closed inside of a call of the filter below --- */

static bool is_open(void *arg) {
  const user *u = arg;
  return u->closing || u->connected;
}

static bool has_greeting(void *arg) {
  const user *u = arg;
  return u->closing || u->in.len == 5;
}

static bool has_written(void *arg) {
  const user *u = arg;
  return u->closing || u->retained == 0;
}

static void read_again(user *u) {
  int err = u->f->ops->read_start(u->f);
  assert_int_equal(err, u->closing ? WS_ECANCELED : 0);
}

static void write_until_retained(user *u) {
  static const uint8_t data[256 * 1024];
  while (!u->closing && u->retained == 0) {
    const ws_view buf = {data, sizeof data};
    size_t taken;
    int err = u->f->ops->write(u->f, &buf, 1, &taken, &u->retained);
    assert_int_equal(err, u->closing && u->retained == 0 ? WS_ECANCELED : 0);
  }
}

/* Whether there were so many calls. No event comes after the one that closes, but on_close. */
static bool close_in_call(world *w, size_t calls) {
  user u;
  server s;
  user_init(&u, w);
  server_init(&s, w);
  s.greeting = "hello";
  closer = &u;
  calls_left = calls;
  dial(&u, s.peer->port);
  world_run_until(w, is_open, &u);
  world_run_until(w, has_greeting, &u);
  if (!u.closing) u.f->ops->read_stop(u.f);
  if (!u.closing) read_again(&u);
  if (!u.closing) raw_conn_read(s.conn, false);
  write_until_retained(&u);
  if (!u.closing) raw_conn_read(s.conn, true);
  world_run_until(w, has_written, &u);
  if (!u.closing) u.f->ops->shutdown(u.f);
  const bool closed = u.closing;
  if (!closed) close_it(&u);
  world_run_until_true(w, &u.closed);
  closer = NULL;
  user_free(&u);
  server_free(&s);
  return closed;
}

WORLD_TEST(test_closed_inside_of_a_call_below, w) {
  size_t calls = 1;
  while (close_in_call(w, calls)) calls++;
  assert_true(calls > 5);
}

/* --- without memory --- */

/* F46. A code or an event, and never an open connection that is not secured. */
WORLD_SIM_TEST(test_without_memory, w) {
  track_alloc *t = w->alloc;
  bool done = false;
  for (uint64_t n = 1; !done; n++) {
    user u;
    server s;
    user_init(&u, w);
    server_init(&s, w);
    dial(&u, s.peer->port);
    t->fail_at = t->calls + n;
    world_run_until_true(w, &u.connected);
    done = u.connect_status == 0 && t->calls < t->fail_at;
    t->fail_at = 0;
    assert_true(u.connect_status == 0 || u.connect_status == WS_ENOMEM);
    user_end(&u);
    server_free(&s);
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
