/* A TCP server whose clients, the callers, share one WebSocket session. Each line of a caller goes
   upstream as a text message, with the caller's number before it; upstream answers with the same
   number, and the caller gets the answer as a line:

     caller 26: hello      upstream gets: 0000001a hello
     caller 26: HELLO      upstream says: 0000001a HELLO

   An upstream that echoes will do. While the session is down or its queue is full the callers are
   not read from, so TCP holds them back. What was under way when the session was lost stays
   unanswered. A caller that does not read its answers is dropped: to pause the session for it would
   make all the others wait. So is one that sends a line that is too long or not UTF-8; one that
   ends its side gets no more answers. The callers are in line_bridge_callers.c.

     line_bridge PORT URL */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <wsuv.h>

#include "line_bridge_callers.h"

enum {
  PREFIX_BYTES = 9,             /* eight hexadecimal digits and a space */
  QUEUE_MAX_BYTES = 256 * 1024, /* lines that wait for upstream */
  DELAY_MIN_MS = 100,           /* before upstream is tried again; doubles with each failure */
  DELAY_MAX_MS = 10 * 1000,
  PING_INTERVAL_MS = 10 * 1000
};

typedef struct bridge {
  const char *url;
  wsuv_client_t *client;
  wsuv_session_t *upstream; /* NULL: not open */
  uv_timer_t retry;
  uint64_t delay_ms; /* before the next attempt */
  uv_signal_t interrupt;
  callers callers;
  bool stopping;
  bool failed;
} bridge;

/* --- lines and answers --- */

/* What has to wait goes on in on_drain, or in on_open if the session has ended, or is about to. */
static int line_result(int err) {
  switch (err) {
  case WSUV_EQUEUEFULL:
  case WSUV_ESTATE:
  case WSUV_ERANDOM: return UV_EAGAIN;
  case WSUV_EUTF8: return UV_ECHARSET;
  default: return err;
  }
}

/* In one piece: of two fragments the second could be refused. */
static int on_line(void *up, uint32_t number, const char *line, size_t len) {
  bridge *b = up;
  char text[PREFIX_BYTES + CALLERS_LINE_MAX];
  if (b->upstream == NULL) return UV_EAGAIN;
  snprintf(text, sizeof text, "%08x ", number);
  memcpy(text + PREFIX_BYTES, line, len);
  return line_result(wsuv_send_text(b->upstream, text, PREFIX_BYTES + len));
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  bridge *b = wsuv_session_data(session);
  const char *text = message->data;
  char digits[PREFIX_BYTES] = "";
  char *end;
  if (message->len < PREFIX_BYTES) return;
  memcpy(digits, text, PREFIX_BYTES - 1);
  unsigned long number = strtoul(digits, &end, 16);
  if (end != digits + PREFIX_BYTES - 1) return;
  callers_answer(&b->callers, (uint32_t) number, text + PREFIX_BYTES, message->len - PREFIX_BYTES);
}

/* --- upstream --- */

static void on_open(wsuv_session_t *session) {
  bridge *b = wsuv_session_data(session);
  b->upstream = session;
  b->delay_ms = DELAY_MIN_MS;
  fprintf(stderr, "upstream: open\n");
  callers_serve(&b->callers);
}

static void on_drain(wsuv_session_t *session) {
  bridge *b = wsuv_session_data(session);
  callers_serve(&b->callers);
}

static void on_retry(uv_timer_t *timer);

/* Up to half of the delay is left to chance. */
static void connect_later(bridge *b) {
  uint16_t chance = 0;
  uint64_t half = b->delay_ms / 2;
  uv_random(NULL, NULL, &chance, sizeof chance, 0, NULL);
  uv_timer_start(&b->retry, on_retry, half + half * chance / UINT16_MAX, 0);
  b->delay_ms = b->delay_ms < DELAY_MAX_MS / 2 ? 2 * b->delay_ms : DELAY_MAX_MS;
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  bridge *b = wsuv_session_data(session);
  b->upstream = NULL;
  fprintf(stderr, "upstream: %s: %s\n", wsuv_stage_name(info->stage), wsuv_strerror(info->status));
  if (!b->stopping) connect_later(b);
}

static int connect_upstream(bridge *b) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                             .on_message = on_message, .on_drain = on_drain,
                                             .on_close = on_close};
  return wsuv_connect_url(b->client, b->url, &callbacks, b, NULL);
}

/* The URL was good once: what fails now may pass. */
static void on_retry(uv_timer_t *timer) {
  bridge *b = timer->data;
  if (connect_upstream(b) < 0) connect_later(b);
}

/* --- the end --- */

/* The signal is caught until the session has ended: a second one is for when it does not. */
static void on_client_closed(wsuv_client_t *client) {
  bridge *b = wsuv_client_data(client);
  uv_close((uv_handle_t *) &b->interrupt, NULL);
}

static void stop(bridge *b) {
  b->stopping = true;
  callers_close(&b->callers);
  uv_close((uv_handle_t *) &b->retry, NULL);
  wsuv_client_close(b->client, on_client_closed);
}

static void on_interrupt(uv_signal_t *handle, int number) {
  bridge *b = handle->data;
  (void) number;
  if (b->stopping) {
    wsuv_client_terminate(b->client, NULL);
  } else {
    stop(b);
  }
}

/* --- the beginning --- */

static int make_client(bridge *b, uv_loop_t *loop) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.ping_interval_ms = PING_INTERVAL_MS;
  config.max_message_size = PREFIX_BYTES + CALLERS_ANSWER_MAX;
  config.outgoing_max = QUEUE_MAX_BYTES;
  int err = wsuv_client_new(&b->client, loop, &config);
  if (err == 0) wsuv_client_set_data(b->client, b);
  return err;
}

/* All that stop() closes. */
static int make(bridge *b, uv_loop_t *loop) {
  int err = uv_signal_init(loop, &b->interrupt);
  uv_timer_init(loop, &b->retry);
  b->interrupt.data = b->retry.data = b;
  callers_init(&b->callers, loop, on_line, b);
  return err == 0 ? make_client(b, loop) : err;
}

static int start(bridge *b, int port) {
  int err = uv_signal_start(&b->interrupt, on_interrupt, SIGINT);
  if (err == 0) err = callers_listen(&b->callers, port);
  if (err == 0) err = connect_upstream(b);
  return err;
}

/* 0 means any that is free; -1: text is no port. */
static int read_port(const char *text) {
  char *end;
  long port = strtol(text, &end, 10);
  return *text != '\0' && *end == '\0' && port >= 0 && port <= 65535 ? (int) port : -1;
}

int main(int argc, char **argv) {
  static bridge b = {.delay_ms = DELAY_MIN_MS};
  uv_loop_t *loop = uv_default_loop();
  int port = argc == 3 ? read_port(argv[1]) : -1;
  if (port < 0) return fprintf(stderr, "usage: line_bridge PORT URL\n"), 1;
  b.url = argv[2];
  signal(SIGPIPE, SIG_IGN);
  if (loop == NULL || make(&b, loop) < 0) return 1;
  int err = start(&b, port);
  if (err < 0) {
    fprintf(stderr, "%s\n", wsuv_strerror(err));
    b.failed = true;
    stop(&b);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 || b.failed;
}
