/* Prints what arrives in any session, and sends standard input to all of them. */

#include <stdbool.h>
#include <stdlib.h>

#include "wsuv_input.h"
#include "wsuv_json.h"
#include "wsuv_report.h"
#include "wsuv_reserve.h"
#include "wsuv_service.h"

enum {
  HIGH_WATER = 1024 * 1024, /* bytes in the queue of a session that others wait for */
  PATIENCE_MS = 10000       /* they do not wait longer */
};

typedef struct room {
  service_host *host;
  input input;
  uv_timer_t stalled;     /* runs while standard input waits for sessions that are full */
  wsuv_server_t *server;  /* of the sessions */
  size_t item_max;        /* bytes of a message of standard input */
  uint64_t patience_ms;   /* others wait so long for a session that is full */
  unsigned long received; /* messages */
  unsigned long lines;    /* of standard input that were sent */
  bool started;           /* standard input is read */
  bool stopped;           /* the server closes */
} room;

static void end_room(room *r, unsigned code, exit_code exit) {
  r->host->close(r->host, code, exit);
}

/* --- standard input --- */

static bool is_open(const wsuv_session_t *session) {
  return wsuv_session_stage(session) == WSUV_STAGE_OPEN;
}

static bool is_full(const wsuv_session_t *session) {
  return is_open(session) && wsuv_buffered_amount(session) > HIGH_WATER;
}

/* Sessions of the server. */
typedef struct tally {
  size_t open;
  size_t full;
} tally;

static void count(wsuv_session_t *session, void *arg) {
  tally *t = arg;
  t->open += is_open(session);
  t->full += is_full(session);
}

static void close_full(wsuv_session_t *session, void *arg) {
  (void) arg;
  if (!is_full(session)) return;
  int err = wsuv_session_close(session, WSUV_CLOSE_POLICY_VIOLATION, "Too slow");
  if (err < 0) wsuv_session_terminate(session);
}

static void on_stalled(uv_timer_t *timer) {
  room *r = timer->data;
  wsuv_server_each(r->server, close_full, NULL);
  input_resume(&r->input);
}

/* Nobody is there, or somebody has no room. */
static bool must_wait(room *r) {
  tally t = {0};
  wsuv_server_each(r->server, count, &t);
  if (t.full == 0) {
    uv_timer_stop(&r->stalled);
  } else if (!uv_is_active((const uv_handle_t *) &r->stalled)) {
    uv_timer_start(&r->stalled, on_stalled, r->patience_ms, 0);
  }
  return t.full > 0 || t.open == 0;
}

static void send_to(wsuv_session_t *session, void *arg) {
  if (!is_open(session)) return;
  int err = wsuv_send_prepared(session, arg, NULL, NULL);
  if (err == 0 || err == WSUV_ESTATE) return;
  report("a session has ended: %s", wsuv_strerror(err));
  wsuv_session_terminate(session);
}

static int send_to_all(const room *r, wsuv_frame_type_t type, const char *data, size_t len) {
  wsuv_prepared_t *prepared;
  int err = wsuv_prepared_new(&prepared, type, data, len, NULL);
  if (err < 0) return err;
  wsuv_server_each(r->server, send_to, prepared);
  wsuv_prepared_free(prepared);
  return 0;
}

static int send_json(const room *r, const char *line, size_t len) {
  json_message message;
  int err = json_read(&message, line, len);
  if (err < 0) return err;
  err = send_to_all(r, message.type, message.data, message.len);
  free(message.memory);
  return err;
}

static void fail_input(room *r, int err) {
  if (r->host->options->binary) {
    report("standard input: %s", wsuv_strerror(err));
  } else {
    report("standard input, line %lu: %s", r->lines + 1,
           err == UV_EINVAL ? "not a message in JSON" : wsuv_strerror(err));
  }
  end_room(r, WSUV_CLOSE_GOING_AWAY, EXIT_OURS);
}

static input_verdict on_item(void *up, const char *data, size_t len) {
  room *r = up;
  const options *o = r->host->options;
  if (must_wait(r)) return INPUT_LATER;
  int err = o->json ? send_json(r, data, len)
                    : send_to_all(r, o->binary ? WSUV_FRAME_BINARY : WSUV_FRAME_TEXT, data, len);
  if (err < 0) {
    fail_input(r, err);
    return INPUT_ENOUGH;
  }
  r->lines++;
  return INPUT_TAKEN;
}

static void on_input_end(void *up, int status) {
  if (status < 0) fail_input(up, status == UV_E2BIG ? WSUV_EMSGSIZE : status);
}

static void start_input(room *r) {
  static const input_events events = {on_item, on_input_end};
  const options *o = r->host->options;
  if (r->started || o->no_input) return;
  r->started = true;
  items_unit unit = o->binary ? ITEMS_WHOLE : o->null ? ITEMS_NULLS : ITEMS_LINES;
  int err = input_start(&r->input, r->host->loop, unit, r->item_max, &events, r);
  if (err < 0) fail_input(r, err);
}

/* --- sessions --- */

static void on_open(wsuv_session_t *session) {
  room *r = wsuv_session_data(session);
  r->server = wsuv_session_server(session);
  if (r->stopped) return;
  start_input(r);
  input_resume(&r->input);
}

static void judge_print(room *r, int err) {
  if (err == 0) return;
  bool gone = err == UV_EPIPE || err == UV_EINTR;
  if (!gone) report("standard output: %s", wsuv_strerror(err));
  end_room(r, WSUV_CLOSE_GOING_AWAY, gone ? EXIT_CLOSED : EXIT_OURS);
}

/* What comes behind the last message of -n is not wanted, nor what nobody can be shown. */
static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  room *r = wsuv_session_data(session);
  unsigned long limit = r->host->options->limit;
  if (r->stopped) return;
  r->received++;
  judge_print(r, print_message(r->host->printer, message->type, message->data, message->len, true));
  if (limit > 0 && r->received == limit) end_room(r, WSUV_CLOSE_NORMAL, EXIT_CLOSED);
}

static void on_drain(wsuv_session_t *session) {
  room *r = wsuv_session_data(session);
  input_resume(&r->input);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  room *r = wsuv_session_data(session);
  (void) info;
  if (!r->stopped) input_resume(&r->input);
}

static void stop_room(void *data) {
  room *r = data;
  r->stopped = true;
  input_close(&r->input);
  uv_close((uv_handle_t *) &r->stalled, NULL);
}

int room_init(service *s, service_host *host, wsuv_config_t *config) {
  static room r;
  uint64_t timeout_ms = host->options->timeout_ms;
  r = (room){.host = host,
             .item_max = config->outgoing_max,
             .patience_ms = timeout_ms > 0 ? timeout_ms : PATIENCE_MS};
  config->high_water = HIGH_WATER;
  config->outgoing_max += HIGH_WATER;
  s->callbacks.on_open = on_open;
  s->callbacks.on_message = on_message;
  s->callbacks.on_drain = on_drain;
  s->callbacks.on_close = on_close;
  s->data = &r;
  s->on_stop = stop_room;
  r.stalled.data = &r;
  int err = uv_timer_init(host->loop, &r.stalled);
  if (err < 0) return err;
  uv_unref((uv_handle_t *) &r.stalled);
  return host->options->no_input ? 0 : reserve_threads(host->loop);
}
