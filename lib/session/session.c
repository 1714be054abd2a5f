#include "session/session.h"

#include "base/error.h"
#include "session/closing.h"
#include "session/config.h"
#include "session/deadline.h"
#include "session/ending.h"
#include "session/establish.h"
#include "session/log.h"
#include "session/notify.h"
#include "session/reading.h"
#include "session/writing.h"

/* The life of a session: its states, and what enters it: the filter and the client's turn. Each of
   these entries is at the bottom of the stack, so that nothing is used after the callback that may
   have ended it. */

/* States and stages */

/* An adopted stream is connected. */
static wsuv_stage_t first_stage(const wsuv_session_t *s) {
  if (s->filter == NULL) return WSUV_STAGE_RESOLVE;
  return s->opening->secure ? WSUV_STAGE_TLS : WSUV_STAGE_HANDSHAKE;
}

wsuv_stage_t session_stage(const wsuv_session_t *s) {
  switch ((session_state) s->state) {
  case SESSION_NEW: return first_stage(s);
  case SESSION_RESOLVE: return WSUV_STAGE_RESOLVE;
  case SESSION_CONNECT: return WSUV_STAGE_CONNECT;
  case SESSION_TLS: return WSUV_STAGE_TLS;
  case SESSION_HANDSHAKE: return WSUV_STAGE_HANDSHAKE;
  case SESSION_OPEN: return WSUV_STAGE_OPEN;
  case SESSION_CLOSING:
  case SESSION_LINGER: return WSUV_STAGE_CLOSING;
  case SESSION_ENDED: break;
  }
  return (wsuv_stage_t) s->stage;
}

void session_enter(wsuv_session_t *s, session_state state) {
  s->state = (uint8_t) state;
  switch (state) {
  case SESSION_OPEN:
    s->was_open = true;
    deadline_rearm(s);
    break;
  case SESSION_CLOSING:
    s->progress = false;
    deadline_set(s, s->close_timeout_ms);
    reading_leave_pause(s);
    break;
  case SESSION_LINGER: deadline_set(s, SESSION_LINGER_MS); break;
  case SESSION_ENDED: session_ops(s)->timer_stop(s->timer); break;
  default: break; /* one deadline, set at the beginning, for all that comes before open */
  }
}

void session_service(wsuv_session_t *s) {
  writing_flush(s);
  closing_advance(s);
  notify_completed(s);
  notify_drain(s);
  reading_go_on(s);
}

/* The filter */

static void on_alloc(void *up, ws_buf *buf) {
  reading_room(up, buf);
}

static void on_read(void *up, uint8_t *data, ptrdiff_t n) {
  wsuv_session_t *s = up;
  size_t used = 0, len = n > 0 ? (size_t) n : 0;
  if (n < 0) {
    if (s->state == SESSION_HANDSHAKE) establish_cut(s, (int) n, "");
    session_end(s, (int) n, "");
    return;
  }
  s->wire_received += len;
  keepalive_alive(&s->keepalive);
  if (s->state == SESSION_HANDSHAKE) establish_receive(s, data, len, &used);
  if (reading_frames(s)) reading_receive(s, data + used, len - used);
  session_service(s);
}

static void on_write(void *up, int status) {
  writing_released(up, status);
  session_service(up);
}

static void on_connect(void *up, int status) {
  establish_secured(up, status);
}

static void on_filter_closed(void *up) {
  ending_bury(up);
}

/* A record that comes slowly is life as well as a frame is. */
static void on_bytes(void *up) {
  wsuv_session_t *s = up;
  keepalive_alive(&s->keepalive);
}

/* One that comes from the dial is connected already: on_connect is of TLS. */
const ws_filter_events session_filter_events = {.on_connect = on_connect,
                                                .on_alloc = on_alloc,
                                                .on_read = on_read,
                                                .on_write = on_write,
                                                .on_close = on_filter_closed,
                                                .on_bytes = on_bytes};

void session_attach(wsuv_session_t *s, ws_filter *filter) {
  s->filter = filter;
  filter->events = &session_filter_events;
  filter->up = s;
}

void session_turn(wsuv_session_t *s) {
  if (s->state == SESSION_NEW) establish_start(s);
  if (s->state == SESSION_ENDED) {
    if (s->filter == NULL) ending_bury(s);
    return;
  }
  reading_take_events(s);
  session_service(s);
}

/* Making one */

static void configure(wsuv_session_t *s, const wsuv_config_t *config) {
  s->close_timeout_ms = config->close_timeout_ms;
  s->outgoing_max = config->outgoing_max;
  s->high_water = config->high_water;
  s->low_water = config->low_water;
  s->refused_least = SIZE_MAX;
  s->keepalive.interval_ms = config->ping_interval_ms;
  s->keepalive.timeout_ms = config->ping_timeout_ms;
  s->idle_timeout_ms = config->idle_timeout_ms;
  s->keep_handshake = config->keep_handshake;
  s->close_when_full = config->outgoing_policy == WSUV_OUTGOING_CLOSE;
  const message_limits limits = {config->max_frame_size, config->max_message_size,
                                 config->max_message_fragments};
  conn_init(&s->conn, &s->client->shared, WS_CLIENT, config->masking, &limits, s);
}

static int queue_request(wsuv_session_t *s) {
  size_t len;
  const char *request = h1_client_request(s->opening->handshake, &len);
  if (log_wants(s->client, WSUV_LOG_INFO)) log_request(s, request, len);
  return out_queue_raw(&s->conn.out, request, len);
}

static int take_converter(wsuv_session_t *s, const wsuv_config_t *config) {
  s->converter = s->client->config.converter;
  if (config->converter == s->converter) return 0;
  return config_copy_converter(&s->converter, &s->client->alloc, config->converter);
}

void session_drop_converter(wsuv_session_t *s) {
  if (s->converter == s->client->config.converter) return;
  ws_free(&s->client->alloc, (void *) (uintptr_t) s->converter);
}

static int begin(wsuv_session_t *s, const wsuv_config_t *config) {
  int err = session_ops(s)->timer_new(s->client->env, deadline_on_timer, s, &s->timer);
  if (err < 0) return err;
  configure(s, config);
  err = take_converter(s, config);
  if (err == 0) err = queue_request(s);
  if (err < 0) return err;
  deadline_set(s, config->handshake_timeout_ms);
  return 0;
}

int session_new(wsuv_session_t **out, wsuv_client_t *client, opening *o,
                const wsuv_config_t *config) {
  wsuv_session_t *s = ws_calloc(&client->alloc, sizeof *s);
  if (s == NULL) return WS_ENOMEM;
  s->client = client;
  s->opening = o;
  s->detail = "";
  ws_list_init(&s->owed);
  int err = begin(s, config);
  if (err < 0) {
    session_ops(s)->timer_free(s->timer);
    session_drop_converter(s);
    ws_free(&client->alloc, s);
    return err;
  }
  ws_list_append(&client->sessions, &s->node);
  client->session_count++;
  client_hold(client, true);
  session_owe(s);
  *out = s;
  return 0;
}

static void set_unref(wsuv_session_t *s, bool unref) {
  if (s->unref != unref) client_hold(s->client, !unref);
  s->unref = unref;
}

void wsuv_session_ref(wsuv_session_t *session) {
  set_unref(session, false);
}

void wsuv_session_unref(wsuv_session_t *session) {
  set_unref(session, true);
}

wsuv_stage_t wsuv_session_stage(const wsuv_session_t *session) {
  return session_stage(session);
}
