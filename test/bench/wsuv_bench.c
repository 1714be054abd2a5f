/* The yardstick's client on the public API: one load, one line of JSON about what it cost. The
   loads, options and members of the line are described in README.md beside it. */

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>
#include <wsuv.h>

typedef enum load {
  LOAD_PP,
  LOAD_PIPE,
  LOAD_BIG,
  LOAD_BESIDE,
  LOAD_STREAM,
  LOAD_CONNS,
  LOAD_DEFLATE,
  LOAD_COUNT
} load;

enum { TEXTS = 63 }; /* of the load deflate */

static const struct load_defaults {
  const char *name;
  size_t size; /* bytes of a message */
  long window; /* messages in flight, or sessions that are connecting, or that play ping-pong */
} defaults[LOAD_COUNT] = {
    {"pp", 32, 1},        {"pipe", 64, 256}, {"big", 1 << 20, 1},   {"beside", 32, 100},
    {"stream", 16384, 1}, {"conns", 0, 100}, {"deflate", 1024, 32},
};

/* What is measured between the beginning and the end. */
typedef struct reading {
  uint64_t time_ns;
  struct rusage usage;
  long rss; /* bytes */
} reading;

/* How long messages and a timer of 1 ms had to wait. */
typedef struct delays {
  double p50_us, p99_us; /* of a message and its echo */
  double gap_ms;         /* the longest time between two calls of the timer */
  double gap_cpu_ms;     /* the most CPU time between two calls, which others cannot lengthen */
} delays;

/* A session of beside. */
typedef struct player {
  struct bench *bench;
  wsuv_session_t *session;
  uint64_t sent_ns;
} player;

typedef struct bench {
  load load;
  long n; /* messages, or sessions */
  long window;
  size_t size;
  int port;
  bool tls;
  wsuv_tls_library_t engine;
  const char *ca_file; /* verifies the server's certificate; NULL: any is taken */
  bool resumes;        /* sessions of TLS are resumed */
  const char *kind;    /* of stream: bin, ascii, utf8; of deflate: ctx, noctx */
  const char *variant; /* "" or "count" */
  const char *proxy;   /* NULL: none */

  uv_loop_t *loop;
  wsuv_client_t *client;
  char url[128];
  unsigned char *payload;
  long sent, received; /* messages, or sessions begun and open */
  long resumed;        /* sessions of TLS */
  uint64_t bytes;      /* of payload received */
  reading begin, end;
  uint32_t *latencies; /* ns of each message, where one is in flight; or NULL */
  uint64_t sent_ns;
  bool done;

  /* of beside */
  const char *flood_url; /* or NULL */
  player *players;
  long opened; /* players */
  uv_timer_t timer;
  uint64_t tick_ns, gap_ns;         /* the timer's last call, and its longest gap */
  uint64_t tick_cpu_ns, gap_cpu_ns; /* the same in CPU time */
  bool flooded;                     /* the second part has begun */
  delays alone;                     /* the result of the first part */
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

static long resident_bytes(void) {
  long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f == NULL) return 0;
  if (fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
  fclose(f);
  return pages * sysconf(_SC_PAGESIZE);
}

static void begin_measuring(bench *b) {
  allocations = 0;
  b->begin.rss = resident_bytes();
  getrusage(RUSAGE_SELF, &b->begin.usage);
  b->begin.time_ns = b->sent_ns = uv_hrtime();
}

static void end_measuring(bench *b) {
  b->end.time_ns = uv_hrtime();
  getrusage(RUSAGE_SELF, &b->end.usage);
  b->end.rss = resident_bytes();
}

static double seconds(struct timeval from, struct timeval to) {
  return (double) (to.tv_sec - from.tv_sec) + (double) (to.tv_usec - from.tv_usec) * 1e-6;
}

static int compare_latencies(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
  return (x > y) - (x < y);
}

static double percentile_us(const bench *b, long percent) {
  return b->latencies[b->received * percent / 100] / 1e3;
}

/* 0 where latencies are not measured. */
static delays sum_up(const bench *b) {
  delays d = {.gap_ms = (double) b->gap_ns * 1e-6, .gap_cpu_ms = (double) b->gap_cpu_ns * 1e-6};
  if (b->latencies == NULL) return d;
  qsort(b->latencies, (size_t) b->received, sizeof *b->latencies, compare_latencies);
  d.p50_us = percentile_us(b, 50);
  d.p99_us = percentile_us(b, 99);
  return d;
}

static void print_delays(const char *prefix, const delays *d) {
  printf("\"%sp50_us\":%.2f,\"%sp99_us\":%.2f,", prefix, d->p50_us, prefix, d->p99_us);
}

static void print_gaps(const char *prefix, const delays *d) {
  printf("\"%sgap_ms\":%.2f,\"%sgap_cpu_ms\":%.2f,", prefix, d->gap_ms, prefix, d->gap_cpu_ms);
}

static void print_beside(const bench *b, const delays *d) {
  print_gaps("", d);
  if (!b->flooded) return;
  print_delays("alone_", &b->alone);
  print_gaps("alone_", &b->alone);
  printf("\"flood_messages\":%llu,\"flood_bytes\":%llu,", (unsigned long long) b->flood_messages,
         (unsigned long long) b->flood_bytes);
}

static void print_result(const bench *b) {
  const struct rusage *from = &b->begin.usage, *to = &b->end.usage;
  const delays d = sum_up(b);
  double grown = b->load == LOAD_CONNS ? (double) (b->end.rss - b->begin.rss) : 0;
  printf(
      "{\"client\":\"wsuv%s%s\",\"mode\":\"%s\",\"kind\":\"%s\",\"tls\":%d,\"n\":%ld,\"size\":%zu,",
      *b->variant != '\0' ? ":" : "", b->variant, defaults[b->load].name, b->kind, b->tls, b->n,
      b->size);
  printf("\"wall\":%.6f,\"user\":%.6f,\"sys\":%.6f,",
         (double) (b->end.time_ns - b->begin.time_ns) * 1e-9, seconds(from->ru_utime, to->ru_utime),
         seconds(from->ru_stime, to->ru_stime));
  print_delays("", &d);
  if (b->load == LOAD_BESIDE) print_beside(b, &d);
  if (b->resumes) printf("\"resumed\":%ld,", b->resumed);
  printf("\"bytes\":%llu,\"rss_conn\":%.0f,\"rss\":%ld,\"csw\":%ld}\n",
         (unsigned long long) b->bytes, grown / (double) b->n, b->end.rss,
         to->ru_nvcsw - from->ru_nvcsw);
  fflush(stdout);
  if (strcmp(b->variant, "count") == 0)
    fprintf(stderr, "allocations: %lu in %ld messages\n", allocations, b->received);
}

static void finish(bench *b) {
  end_measuring(b);
  b->done = true;
  print_result(b);
  wsuv_client_terminate(b->client, NULL);
}

/* --- the loads --- */

static void die(const char *what, int err) {
  fprintf(stderr, "wsuv_bench: %s: %s\n", what, wsuv_strerror(err));
  exit(1);
}

/* The n-th text. */
static const unsigned char *nth(const bench *b, long n) {
  return b->payload + (size_t) (n % TEXTS) * b->size;
}

__attribute__((noinline)) static int send_other(bench *b, wsuv_session_t *session) {
  return b->load == LOAD_STREAM ? wsuv_send_binary(session, "go", 2)
                                : wsuv_send_text(session, nth(b, b->sent), b->size);
}

static inline void send_one(bench *b, wsuv_session_t *session) {
  bool other = b->load >= LOAD_STREAM;
  int err = other ? send_other(b, session) : wsuv_send_binary(session, b->payload, b->size);
  if (err < 0) die("send", err);
  b->sent++;
}

static void open_session(bench *b);

static void session_opened(bench *b) {
  if (++b->received == b->n) {
    finish(b);
  } else if (b->sent < b->n) {
    b->sent++;
    open_session(b);
  }
}

static void on_open(wsuv_session_t *session) {
  bench *b = wsuv_session_data(session);
  wsuv_tls_info_t tls;
  wsuv_tls_info_init(&tls);
  if (b->resumes && wsuv_session_tls(session, &tls) == 0) b->resumed += tls.resumed;
  if (b->load == LOAD_CONNS) {
    session_opened(b);
    return;
  }
  if (b->load == LOAD_DEFLATE && *wsuv_session_extensions(session) == '\0')
    die("deflate", WSUV_EEXTENSION);
  begin_measuring(b);
  while (b->sent < b->window && b->sent < b->n) send_one(b, session);
}

static void note_latency(bench *b) {
  uint64_t now = uv_hrtime();
  b->latencies[b->received] = (uint32_t) (now - b->sent_ns);
  b->sent_ns = now;
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  bench *b = wsuv_session_data(session);
  if (b->done) return;
  b->bytes += message->len;
  if (b->latencies != NULL) note_latency(b);
  if (++b->received == b->n) {
    finish(b);
  } else if (b->load != LOAD_STREAM && b->sent < b->n) {
    send_one(b, session);
  }
}

static void on_text(wsuv_session_t *session, const wsuv_message_t *message) {
  const bench *b = wsuv_session_data(session);
  bool good = message->len == b->size && memcmp(message->data, nth(b, b->received), b->size) == 0;
  if (!good) die("echo", UV_EPROTO);
  on_message(session, message);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  const bench *b = wsuv_session_data(session);
  if (!b->done) die(wsuv_stage_name(info->stage), info->status);
}

static void open_session(bench *b) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = b->load == LOAD_DEFLATE ? on_text : on_message,
                                      .on_close = on_close};
  int err = wsuv_connect_url(b->client, b->url, &callbacks, b, NULL);
  if (err < 0) die("connect", err);
}

static void open_sessions(bench *b) {
  begin_measuring(b);
  while (b->sent < b->window && b->sent < b->n) {
    b->sent++;
    open_session(b);
  }
}

/* --- beside: players, first alone, then beside a session that is flooded --- */

static uint64_t cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static void on_tick(uv_timer_t *timer) {
  bench *b = timer->data;
  uint64_t now = uv_hrtime(), cpu = cpu_ns();
  if (now - b->tick_ns > b->gap_ns) b->gap_ns = now - b->tick_ns;
  if (cpu - b->tick_cpu_ns > b->gap_cpu_ns) b->gap_cpu_ns = cpu - b->tick_cpu_ns;
  b->tick_ns = now;
  b->tick_cpu_ns = cpu;
}

static void play(player *p) {
  p->sent_ns = uv_hrtime();
  send_one(p->bench, p->session);
}

static void begin_part(bench *b) {
  b->sent = b->received = 0;
  b->gap_ns = b->gap_cpu_ns = b->flood_messages = b->flood_bytes = b->bytes = 0;
  begin_measuring(b);
  b->tick_ns = b->begin.time_ns;
  b->tick_cpu_ns = cpu_ns();
  for (long i = 0; i < b->window && i < b->n; i++) play(&b->players[i]);
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
  if (b->flooded || b->flood_url == NULL) {
    uv_close((uv_handle_t *) &b->timer, NULL);
    finish(b);
    return;
  }
  b->alone = sum_up(b);
  int err = wsuv_connect_url(b->client, b->flood_url, &flood, b, NULL);
  if (err < 0) die("connect", err);
}

static void on_player_message(wsuv_session_t *session, const wsuv_message_t *message) {
  player *p = wsuv_session_data(session);
  bench *b = p->bench;
  if (b->done) return;
  b->bytes += message->len;
  b->latencies[b->received] = (uint32_t) (uv_hrtime() - p->sent_ns);
  if (++b->received == b->n) {
    end_part(b);
  } else if (b->sent < b->n) {
    play(p);
  }
}

static void on_player_open(wsuv_session_t *session) {
  player *p = wsuv_session_data(session);
  bench *b = p->bench;
  p->session = session;
  if (++b->opened < b->window) return;
  uv_timer_start(&b->timer, on_tick, 1, 1);
  begin_part(b);
}

static void on_player_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  const player *p = wsuv_session_data(session);
  if (!p->bench->done) die(wsuv_stage_name(info->stage), info->status);
}

static void open_players(bench *b) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_player_open,
                                      .on_message = on_player_message, .on_close = on_player_close};
  b->players = calloc((size_t) b->window, sizeof *b->players);
  if (b->players == NULL) die("memory", UV_ENOMEM);
  uv_timer_init(b->loop, &b->timer);
  b->timer.data = b;
  for (long i = 0; i < b->window; i++) {
    b->players[i].bench = b;
    int err = wsuv_connect_url(b->client, b->url, &callbacks, &b->players[i], NULL);
    if (err < 0) die("connect", err);
  }
}

/* --- the beginning --- */

/* No session waits for its turn: the load says how many connect at the same time.
   TLS is as a floor has it, unless options say more: without a look at the certificate, and with a
   whole handshake for each session. */
static void make_client(bench *b) {
  wsuv_config_t config;
  wsuv_tls_config_t tls;
  wsuv_extension_t deflate;
  const wsuv_extension_t *const extensions[] = {&deflate};
  wsuv_client_config_init(&config);
  wsuv_tls_config_init(&tls);
  if (b->ca_file == NULL) wsuv_tls_config_disable_verification(&tls);
  tls.ca_file = b->ca_file;
  tls.resumption = b->resumes;
  tls.library = b->engine;
  config.tls = &tls;
  config.max_connecting = UINT_MAX;
  config.proxy = b->proxy;
  size_t in_flight = b->size * (size_t) b->window;
  if (config.max_message_size < b->size) config.max_message_size = b->size;
  if (config.outgoing_max < in_flight) config.outgoing_max = in_flight;
  if (strcmp(b->variant, "count") == 0) config.allocator = &counting;
  if (b->load == LOAD_DEFLATE || b->flood_url != NULL) {
    wsuv_permessage_deflate(&deflate, NULL);
    config.extensions = extensions;
    config.extension_count = 1;
  }
  int err = wsuv_client_new(&b->client, b->loop, &config);
  if (err < 0) die("client", err);
}

static void make_url(bench *b) {
  const char *scheme = b->tls ? "wss" : "ws";
  int n = snprintf(b->url, sizeof b->url, "%s://127.0.0.1:%d/echo", scheme, b->port);
  if (b->load == LOAD_STREAM)
    n = snprintf(b->url, sizeof b->url, "%s://127.0.0.1:%d/stream-%s?n=%ld&size=%zu", scheme,
                 b->port, b->kind, b->n, b->size);
  if (b->load == LOAD_DEFLATE)
    n = snprintf(b->url, sizeof b->url, "%s://127.0.0.1:%d/deflate-%s", scheme, b->port, b->kind);
  if (n >= (int) sizeof b->url) die("url", WSUV_EURL);
}

/* JSON like that of a market's feed: two kinds of lines with changing figures. */
static void fill_with_json(char *text, size_t size) {
  uint32_t x = 1;
  for (size_t len = 0; len < size;) {
    char line[160];
    x = x * 1664525 + 1013904223;
    unsigned price = (x >> 8) % 100000, id = x >> 10;
    int n =
        x >> 31 != 0
            ? snprintf(line, sizeof line,
                       "{\"type\":\"trade\",\"symbol\":\"BTC-USD\",\"price\":\"%05u.%02u\","
                       "\"size\":\"0.%04u\",\"side\":\"buy\",\"id\":%u},",
                       price, x % 100, (x >> 12) % 10000, id)
            : snprintf(line, sizeof line,
                       "{\"type\":\"quote\",\"symbol\":\"ETH-EUR\",\"bid\":%05u.%02u,\"ask\":%u.5,"
                       "\"seq\":%u},",
                       price, x % 100, (x >> 12) % 10000, id);
    size_t part = (size_t) n < size - len ? (size_t) n : size - len;
    memcpy(text + len, line, part);
    len += part;
  }
}

/* Memory is touched before it is measured. */
static void make_buffers(bench *b) {
  uint32_t x = 1;
  size_t size = b->load == LOAD_DEFLATE ? TEXTS * b->size : b->size;
  const bool timed = b->load == LOAD_PP || b->load == LOAD_BIG || b->load == LOAD_BESIDE;
  b->payload = malloc(size + 1);
  if (timed) b->latencies = calloc((size_t) b->n, sizeof *b->latencies);
  if (b->payload == NULL || (timed && b->latencies == NULL)) die("memory", UV_ENOMEM);
  for (size_t i = 0; i < b->size; i++) {
    x = x * 1664525 + 1013904223;
    b->payload[i] = (unsigned char) (x >> 24);
  }
  if (b->load == LOAD_DEFLATE) fill_with_json((char *) b->payload, size);
  if (b->latencies != NULL) memset(b->latencies, 1, (size_t) b->n * sizeof *b->latencies);
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static bool read_load(bench *b, const char *name) {
  while (b->load < LOAD_COUNT && strcmp(defaults[b->load].name, name) != 0) b->load++;
  if (b->load == LOAD_COUNT) return false;
  b->size = defaults[b->load].size;
  b->window = defaults[b->load].window;
  return true;
}

static bool read_engine(bench *b, const char *name) {
  b->engine = strcmp(name, "openssl") == 0 ? WSUV_TLS_LIBRARY_OPENSSL : WSUV_TLS_LIBRARY_MBEDTLS;
  return b->engine == WSUV_TLS_LIBRARY_OPENSSL || strcmp(name, "mbedtls") == 0;
}

static bool read_options(bench *b, int argc, char **argv) {
  int option;
  optind = 3;
  while ((option = getopt(argc, argv, "p:t:e:a:rs:w:k:d:v:f:x:")) != -1) {
    switch (option) {
    case 'p': b->port = (int) strtol(optarg, NULL, 10); break;
    case 't':
      b->port = (int) strtol(optarg, NULL, 10);
      b->tls = true;
      break;
    case 'e':
      if (!read_engine(b, optarg)) return false;
      break;
    case 'a': b->ca_file = optarg; break;
    case 'r': b->resumes = true; break;
    case 's': b->size = strtoul(optarg, NULL, 10); break;
    case 'w': b->window = strtol(optarg, NULL, 10); break;
    case 'k':
    case 'd': b->kind = optarg; break;
    case 'v': b->variant = optarg; break;
    case 'x': b->proxy = optarg; break;
    case 'f': b->flood_url = optarg; break;
    default: return false;
    }
  }
  return optind == argc;
}

/* Where latencies are measured only one message may be in flight. */
static bool read_arguments(bench *b, int argc, char **argv) {
  if (argc < 3 || !read_load(b, argv[1])) return false;
  b->n = strtol(argv[2], NULL, 10);
  b->kind = b->load == LOAD_DEFLATE ? "noctx" : "bin";
  b->variant = "";
  b->port = 9001;
  if (!read_options(b, argc, argv) || b->n < 1) return false;
  if (b->load == LOAD_PP || b->load == LOAD_BIG || b->load == LOAD_STREAM) b->window = 1;
  return b->window > 0;
}

int main(int argc, char **argv) {
  static bench b;
  signal(SIGPIPE, SIG_IGN);
  if (!read_arguments(&b, argc, argv)) {
    fprintf(stderr,
            "usage: %s pp|pipe|big|beside|stream|conns|deflate N [-p PORT | -t PORT]\n"
            "       [-e mbedtls|openssl] [-a FILE] [-r] [-s SIZE]\n"
            "       [-w WINDOW] [-k bin|ascii|utf8] [-d ctx|noctx] [-v count] [-f URL]\n"
            "       [-x PROXY]\n",
            argv[0]);
    return 2;
  }
  b.loop = uv_default_loop();
  raise_descriptor_limit();
  make_url(&b);
  make_buffers(&b);
  make_client(&b);
  if (b.load == LOAD_CONNS) {
    open_sessions(&b);
  } else if (b.load == LOAD_BESIDE) {
    open_players(&b);
  } else {
    open_session(&b);
  }
  uv_run(b.loop, UV_RUN_DEFAULT);
  free(b.payload);
  free(b.latencies);
  free(b.players);
  return uv_loop_close(b.loop) == 0 ? 0 : 1;
}
