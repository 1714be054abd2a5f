/* The client on the public API: one load, one line of JSON about what it cost. README.md beside it
   describes the loads, the options and the members of the line. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv.h>

#include "bench.h"
#include "gap.h"

/* The first is of timers. Nothing times out, however busy the machine is. */
enum { PING_INTERVAL_MS = 500, OPENING_MS = 120000 };

/* How long messages and a timer of 1 ms had to wait. */
typedef struct delays {
  double p50_us, p99_us; /* of a message and its echo */
  double gap_ms, gap_cpu_ms;
} delays;

/* A session of beside. */
typedef struct player {
  struct bench *bench;
  wsuv_session_t *session;
  uint64_t sent_ns;
} player;

typedef struct bench {
  bench_run run;
  uv_loop_t *loop;
  wsuv_client_t *client;
  char url[192];
  long resumed; /* sessions of TLS */
  bool done;
  gap turns; /* of beside, conns and timers */

  /* of beside */
  player *players;
  long opened;  /* players */
  bool flooded; /* the second part has begun */
  delays alone; /* the result of the first part */
  uint64_t flood_messages, flood_bytes;
} bench;

/* --- counting allocations, for -v count --- */

static unsigned long allocations;

static void *count_malloc(size_t size, void *arg) {
  (void) arg;
  allocations++;
  return malloc(size);
}

static void *count_realloc(void *ptr, size_t size, void *arg) {
  (void) arg;
  allocations++;
  return realloc(ptr, size);
}

static void count_free(void *ptr, void *arg) {
  (void) arg;
  free(ptr);
}

static const wsuv_allocator_t counting = {count_malloc, count_realloc, count_free, NULL};

/* --- measuring --- */

static void die(const char *what, int err) {
  fprintf(stderr, "wsuv_bench: %s: %s\n", what, wsuv_strerror(err));
  exit(1);
}

static void begin_measuring(bench *b) {
  allocations = 0;
  bench_begin(&b->run);
}

static delays sum_up(bench *b) {
  return (delays){.p50_us = bench_latency_us(&b->run, 50),
                  .p99_us = bench_latency_us(&b->run, 99),
                  .gap_ms = gap_ms(&b->turns),
                  .gap_cpu_ms = gap_cpu_ms(&b->turns)};
}

/* The members of the JSON line that other clients do not have. */
static void write_members(const bench *b, char *dst, size_t size) {
  int n = snprintf(dst, size, "\"gap_ms\":%.2f,\"gap_cpu_ms\":%.2f,", gap_ms(&b->turns),
                   gap_cpu_ms(&b->turns));
  if (!b->flooded || n < 0) return;
  (void) snprintf(/* what does not fit is seen in the line */
                  dst + n, size - (size_t) n,
                  "\"alone_p50_us\":%.2f,\"alone_p99_us\":%.2f,\"alone_gap_ms\":%.2f,"
                  "\"alone_gap_cpu_ms\":%.2f,\"flood_messages\":%llu,\"flood_bytes\":%llu,",
                  b->alone.p50_us, b->alone.p99_us, b->alone.gap_ms, b->alone.gap_cpu_ms,
                  (unsigned long long) b->flood_messages, (unsigned long long) b->flood_bytes);
}

static void finish(bench *b) {
  char members[512] = "";
  bench_end(&b->run);
  b->done = true;
  if (b->turns.timer.data != NULL) {
    gap_stop(&b->turns);
    write_members(b, members, sizeof members);
  }
  if (b->run.resumes) {
    size_t len = strlen(members);
    snprintf(members + len, sizeof members - len, "\"resumed\":%ld,", b->resumed);
  }
  bench_print(&b->run, "wsuv", members);
  if (strcmp(b->run.variant, "count") == 0)
    fprintf(stderr, "allocations: %lu in %ld messages\n", allocations, b->run.received);
  wsuv_client_terminate(b->client, NULL);
}

/* --- the loads --- */

__attribute__((noinline)) static int send_other(bench *b, wsuv_session_t *session) {
  return b->run.load == LOAD_STREAM
             ? wsuv_send_binary(session, "go", 2)
             : wsuv_send_text(session, bench_payload(&b->run, b->run.sent), b->run.size);
}

static inline void send_one(bench *b, wsuv_session_t *session) {
  bench_run *r = &b->run;
  bool other = r->load >= LOAD_STREAM;
  int err = other ? send_other(b, session) : wsuv_send_binary(session, r->payload, r->size);
  if (err < 0) die("send", err);
  r->sent++;
}

static void open_session(bench *b);

static void set_ping(wsuv_session_t *session, void *arg) {
  (void) arg;
  int err = wsuv_session_set_ping(session, PING_INTERVAL_MS, UINT32_MAX);
  if (err < 0) die("ping", err);
}

/* The program works in this callback until the pings of all sessions are due. Then all of them are
   sent, and answered. */
static void hold_up(bench *b) {
  wsuv_client_each(b->client, set_ping, NULL);
  const uint64_t due_ns = uv_hrtime() + (PING_INTERVAL_MS + 1) * UINT64_C(1000000);
  while (uv_hrtime() < due_ns) {
  }
  b->run.received = 0;
  gap_reset(&b->turns);
  begin_measuring(b);
}

static void session_opened(bench *b) {
  bench_run *r = &b->run;
  r->received++;
  if (r->sent < r->n) {
    r->sent++;
    open_session(b);
  }
  if (r->received < r->n) return;
  if (r->load == LOAD_TIMERS) {
    hold_up(b);
  } else {
    finish(b);
  }
}

static void on_open(wsuv_session_t *session) {
  bench *b = wsuv_session_data(session);
  bench_run *r = &b->run;
  wsuv_tls_info_t tls;
  wsuv_tls_info_init(&tls);
  if (r->resumes && wsuv_session_tls(session, &tls) == 0) b->resumed += tls.resumed;
  if (r->load == LOAD_CONNS || r->load == LOAD_TIMERS) {
    session_opened(b);
    return;
  }
  if (r->load == LOAD_DEFLATE && *wsuv_session_extensions(session) == '\0')
    die("deflate", WSUV_EEXTENSION);
  begin_measuring(b);
  while (r->sent < r->window && r->sent < r->n) send_one(b, session);
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  bench *b = wsuv_session_data(session);
  bench_run *r = &b->run;
  if (b->done) return;
  r->bytes += message->len;
  bench_note_latency(r);
  if (++r->received == r->n) {
    finish(b);
  } else if (r->load != LOAD_STREAM && r->sent < r->n) {
    send_one(b, session);
  }
}

static void on_text(wsuv_session_t *session, const wsuv_message_t *message) {
  const bench *b = wsuv_session_data(session);
  const bench_run *r = &b->run;
  bool good =
      message->len == r->size && memcmp(message->data, bench_payload(r, r->received), r->size) == 0;
  if (!good) die("echo", UV_EPROTO);
  on_message(session, message);
}

/* Pings of the time before the stall are answered before it. */
static void on_pong(wsuv_session_t *session, const void *data, size_t len) {
  bench *b = wsuv_session_data(session);
  (void) data;
  (void) len;
  if (b->run.load != LOAD_TIMERS || b->done || b->run.begin.time_ns == 0) return;
  if (++b->run.received == b->run.n) finish(b);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  const bench *b = wsuv_session_data(session);
  if (!b->done) die(wsuv_stage_name(info->stage), info->status);
}

static void open_session(bench *b) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message =
                                          b->run.load == LOAD_DEFLATE ? on_text : on_message,
                                      .on_pong = on_pong, .on_close = on_close};
  int err = wsuv_connect_url(b->client, b->url, &callbacks, b, NULL);
  if (err < 0) die("connect", err);
}

static void open_sessions(bench *b) {
  bench_run *r = &b->run;
  gap_start(&b->turns, b->loop);
  if (r->load == LOAD_CONNS) begin_measuring(b);
  while (r->sent < r->window && r->sent < r->n) {
    r->sent++;
    open_session(b);
  }
  gap_reset(&b->turns); /* the calls above are the program's own turn */
}

/* --- beside: players, first alone, then beside a session that is flooded --- */

static void play(player *p) {
  p->sent_ns = uv_hrtime();
  send_one(p->bench, p->session);
}

static void begin_part(bench *b) {
  bench_run *r = &b->run;
  r->sent = r->received = 0;
  r->bytes = b->flood_messages = b->flood_bytes = 0;
  begin_measuring(b);
  gap_reset(&b->turns);
  for (long i = 0; i < r->window && i < r->n; i++) play(&b->players[i]);
}

static void on_flood(wsuv_session_t *session, const wsuv_message_t *message) {
  bench *b = wsuv_session_data(session);
  b->flood_messages++;
  b->flood_bytes += message->len;
}

static void on_flood_open(wsuv_session_t *session) {
  bench *b = wsuv_session_data(session);
  b->flooded = true;
  begin_part(b);
}

static void end_part(bench *b) {
  const wsuv_callbacks_t flood = {WSUV_CALLBACKS_INIT, .on_open = on_flood_open,
                                  .on_message = on_flood, .on_close = on_close};
  if (b->flooded || b->run.flood_url == NULL) {
    finish(b);
    return;
  }
  b->alone = sum_up(b);
  int err = wsuv_connect_url(b->client, b->run.flood_url, &flood, b, NULL);
  if (err < 0) die("connect", err);
}

static void on_player_message(wsuv_session_t *session, const wsuv_message_t *message) {
  player *p = wsuv_session_data(session);
  bench *b = p->bench;
  bench_run *r = &b->run;
  if (b->done) return;
  r->bytes += message->len;
  r->latencies[r->received] = (uint32_t) (uv_hrtime() - p->sent_ns);
  if (++r->received == r->n) {
    end_part(b);
  } else if (r->sent < r->n) {
    play(p);
  }
}

static void on_player_open(wsuv_session_t *session) {
  player *p = wsuv_session_data(session);
  bench *b = p->bench;
  p->session = session;
  if (++b->opened < b->run.window) return;
  gap_start(&b->turns, b->loop);
  begin_part(b);
}

static void on_player_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  const player *p = wsuv_session_data(session);
  if (!p->bench->done) die(wsuv_stage_name(info->stage), info->status);
}

static void open_players(bench *b) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_player_open,
                                      .on_message = on_player_message, .on_close = on_player_close};
  b->players = calloc((size_t) b->run.window, sizeof *b->players);
  if (b->players == NULL) die("memory", UV_ENOMEM);
  for (long i = 0; i < b->run.window; i++) {
    b->players[i].bench = b;
    int err = wsuv_connect_url(b->client, b->url, &callbacks, &b->players[i], NULL);
    if (err < 0) die("connect", err);
  }
}

/* --- the beginning --- */

/* Unless -m is given, no session waits for its turn: the load says how many connect at the same
   time. TLS is as a floor has it, unless options say more: without a look at the certificate, and
   with a whole handshake for each session. */
static void make_client(bench *b) {
  const bench_run *r = &b->run;
  wsuv_config_t config;
  wsuv_tls_config_t tls;
  wsuv_extension_t deflate;
  const wsuv_extension_t *const extensions[] = {&deflate};
  wsuv_client_config_init(&config);
  wsuv_tls_config_init(&tls);
  if (r->ca_file == NULL) wsuv_tls_config_disable_verification(&tls);
  tls.ca_file = r->ca_file;
  tls.resumption = r->resumes;
  tls.library = r->openssl ? WSUV_TLS_LIBRARY_OPENSSL : WSUV_TLS_LIBRARY_MBEDTLS;
  config.tls = &tls;
  config.max_connecting = r->max_connecting;
  config.handshake_timeout_ms = OPENING_MS;
  config.queue_timeout_ms = 0;
  config.proxy = r->proxy;
  size_t in_flight = r->size * (size_t) r->window;
  if (config.max_message_size < r->size) config.max_message_size = r->size;
  if (config.outgoing_max < in_flight) config.outgoing_max = in_flight;
  if (strcmp(r->variant, "count") == 0) config.allocator = &counting;
  if (r->load == LOAD_DEFLATE || r->flood_url != NULL) {
    wsuv_permessage_deflate(&deflate, NULL);
    config.extensions = extensions;
    config.extension_count = 1;
  }
  int err = wsuv_client_new(&b->client, b->loop, &config);
  if (err < 0) die("client", err);
}

static void make_url(bench *b) {
  char path[128];
  bench_path(&b->run, path, sizeof path);
  int n = snprintf(b->url, sizeof b->url, "%s://127.0.0.1:%d%s", b->run.tls ? "wss" : "ws",
                   b->run.port, path);
  if (n >= (int) sizeof b->url) die("url", WSUV_EURL);
}

static void begin_load(bench *b) {
  switch (b->run.load) {
  case LOAD_CONNS:
  case LOAD_TIMERS: open_sessions(b); break;
  case LOAD_BESIDE: open_players(b); break;
  default: open_session(b);
  }
}

int main(int argc, char **argv) {
  static bench b;
  signal(SIGPIPE, SIG_IGN);
  if (!bench_init(&b.run, argc, argv)) return 2;
  b.loop = uv_default_loop();
  make_url(&b);
  make_client(&b);
  begin_load(&b);
  uv_run(b.loop, UV_RUN_DEFAULT);
  bench_free(&b.run);
  free(b.players);
  return uv_loop_close(b.loop) == 0 ? 0 : 1;
}
