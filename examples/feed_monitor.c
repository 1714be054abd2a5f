/* Holds many sessions to one URL open and says each second what comes in. A session that is lost is
   opened again: after a delay that doubles with each failure, of which up to half is left to
   chance, lest all come back to a restarted server at once. Ends on SIGINT, when MESSAGES have
   come, or when the server refuses for good.

     feed_monitor URL [SESSIONS [MESSAGES]] */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <wsuv.h>

enum {
  SESSIONS = 100, /* by default */
  SESSIONS_MAX = 10000,
  DELAY_MIN_MS = 100,
  DELAY_MAX_MS = 30 * 1000,
  PING_INTERVAL_MS = 15 * 1000,
  PING_TIMEOUT_MS = 10 * 1000,
  MESSAGE_MAX_BYTES = 1024 * 1024
};

struct monitor;

/* One of the sessions, through all its lives. */
typedef struct feed {
  struct monitor *monitor;
  uv_timer_t retry;
  uint64_t delay_ms; /* before the next attempt */
  bool open;
  bool was_open;
} feed;

typedef struct totals {
  uint64_t messages;
  uint64_t bytes;
} totals;

typedef struct monitor {
  const char *url;
  wsuv_client_t *client;
  uv_timer_t clock;
  uv_signal_t interrupt;
  feed *feeds;
  size_t feed_count;
  size_t connected;
  uint64_t reconnects;
  uint64_t messages_wanted; /* 0: no end */
  totals now;
  totals before; /* at the last line */
  bool stopping;
  bool mute; /* standard output takes nothing any more */
  bool failed;
} monitor;

static void report(monitor *m) {
  if (m->mute) return;
  printf("connected %zu/%zu, reconnects %" PRIu64 ", messages %" PRIu64 " (+%" PRIu64
         "), bytes %" PRIu64 " (+%" PRIu64 ")\n",
         m->connected, m->feed_count, m->reconnects, m->now.messages,
         m->now.messages - m->before.messages, m->now.bytes, m->now.bytes - m->before.bytes);
  if (fflush(stdout) != 0) {
    fprintf(stderr, "standard output: %s\n", wsuv_strerror(uv_translate_sys_error(errno)));
    m->mute = m->failed = true;
  }
  m->before = m->now;
}

/* --- the end --- */

/* The signal is caught until the last session has ended: a second one is for those that wait. */
static void on_client_closed(wsuv_client_t *client) {
  monitor *m = wsuv_client_data(client);
  uv_close((uv_handle_t *) &m->interrupt, NULL);
}

static void stop(monitor *m) {
  if (m->stopping) return;
  m->stopping = true;
  report(m);
  uv_close((uv_handle_t *) &m->clock, NULL);
  for (size_t i = 0; i < m->feed_count; i++) uv_close((uv_handle_t *) &m->feeds[i].retry, NULL);
  wsuv_client_close(m->client, on_client_closed);
}

/* What nobody reads any more is not counted any more, either. */
static void on_second(uv_timer_t *timer) {
  monitor *m = timer->data;
  report(m);
  if (m->mute) stop(m);
}

static void fail(monitor *m, const char *what, int err) {
  if (m->stopping) return;
  fprintf(stderr, "%s: %s\n", what, wsuv_strerror(err));
  m->failed = true;
  stop(m);
}

static void on_interrupt(uv_signal_t *handle, int number) {
  monitor *m = handle->data;
  (void) number;
  if (m->stopping) wsuv_client_terminate(m->client, NULL);
  stop(m);
}

/* --- one session --- */

static void on_open(wsuv_session_t *session) {
  feed *f = wsuv_session_data(session);
  f->monitor->connected++;
  if (f->was_open) f->monitor->reconnects++;
  f->open = f->was_open = true;
}

/* Only a message makes good for failures: a server may accept, and close at once. */
static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  feed *f = wsuv_session_data(session);
  monitor *m = f->monitor;
  f->delay_ms = DELAY_MIN_MS;
  m->now.messages++;
  m->now.bytes += message->len;
  if (m->now.messages == m->messages_wanted) stop(m);
}

static void connect_feed(uv_timer_t *timer);

static void connect_later(feed *f) {
  uint16_t chance = 0;
  uint64_t half = f->delay_ms / 2;
  uv_random(NULL, NULL, &chance, sizeof chance, 0, NULL); /* without it half the delay will do */
  uv_timer_start(&f->retry, connect_feed, half + half * chance / UINT16_MAX, 0);
  f->delay_ms = f->delay_ms < DELAY_MAX_MS / 2 ? 2 * f->delay_ms : DELAY_MAX_MS;
}

/* No other attempt can mend these: 4xx, but for "not now". */
static bool hopeless(const wsuv_close_info_t *info) {
  int status = info->http_status;
  return info->status == WSUV_ESTATUS && status / 100 == 4 && status != 408 && status != 429;
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  feed *f = wsuv_session_data(session);
  if (f->open) f->monitor->connected--;
  f->open = false;
  if (f->monitor->stopping) return;
  if (hopeless(info)) {
    fail(f->monitor, "refused", info->status);
  } else {
    connect_later(f);
  }
}

static void connect_feed(uv_timer_t *timer) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                             .on_message = on_message, .on_close = on_close};
  feed *f = timer->data;
  monitor *m = f->monitor;
  int err = wsuv_connect_url(m->client, m->url, &callbacks, f, NULL);
  if (err < 0) fail(m, m->url, err);
}

/* --- the beginning --- */

static int make_client(monitor *m, uv_loop_t *loop) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.ping_interval_ms = PING_INTERVAL_MS;
  config.ping_timeout_ms = PING_TIMEOUT_MS;
  config.max_message_size = MESSAGE_MAX_BYTES;
  int err = wsuv_client_new(&m->client, loop, &config);
  if (err == 0) wsuv_client_set_data(m->client, m);
  return err;
}

static void make_feeds(monitor *m, uv_loop_t *loop) {
  for (size_t i = 0; i < m->feed_count; i++) {
    feed *f = &m->feeds[i];
    *f = (feed){.monitor = m, .delay_ms = DELAY_MIN_MS};
    uv_timer_init(loop, &f->retry);
    f->retry.data = f;
  }
}

/* All that stop() closes. */
static int make(monitor *m, uv_loop_t *loop) {
  m->feeds = calloc(m->feed_count, sizeof *m->feeds);
  if (m->feeds == NULL) return UV_ENOMEM;
  int err = uv_signal_init(loop, &m->interrupt);
  if (err == 0) err = make_client(m, loop);
  uv_timer_init(loop, &m->clock);
  m->interrupt.data = m->clock.data = m;
  make_feeds(m, loop);
  return err;
}

static void start(monitor *m) {
  int err = uv_signal_start(&m->interrupt, on_interrupt, SIGINT);
  if (err == 0) err = uv_timer_start(&m->clock, on_second, 1000, 1000);
  if (err < 0) fail(m, "start", err);
  for (size_t i = 0; i < m->feed_count && !m->stopping; i++) connect_feed(&m->feeds[i].retry);
}

/* A number of 1 to max; 0: it is none. */
static uint64_t number(const char *text, uint64_t max) {
  char *end;
  uint64_t n = strtoull(text, &end, 10);
  return *end == '\0' && n <= max ? n : 0;
}

static bool read_arguments(monitor *m, int argc, char **argv) {
  if (argc < 2 || argc > 4) return false;
  m->url = argv[1];
  m->feed_count = argc > 2 ? (size_t) number(argv[2], SESSIONS_MAX) : SESSIONS;
  m->messages_wanted = argc > 3 ? number(argv[3], UINT64_MAX - 1) : 0;
  return m->feed_count > 0 && (argc < 4 || m->messages_wanted > 0);
}

int main(int argc, char **argv) {
  static monitor m;
  uv_loop_t *loop = uv_default_loop();
  if (!read_arguments(&m, argc, argv))
    return fprintf(stderr, "usage: feed_monitor URL [SESSIONS [MESSAGES]]\n"), 1;
  signal(SIGPIPE, SIG_IGN);
  if (loop == NULL || make(&m, loop) < 0) return 1;
  start(&m);
  uv_run(loop, UV_RUN_DEFAULT);
  free(m.feeds);
  return uv_loop_close(loop) != 0 || m.failed;
}
