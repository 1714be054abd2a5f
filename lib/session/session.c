#include "session/session.h"

#include <string.h>

#include "base/error.h"
#include "session/log.h"
#include "session/send.h"

/* One session from its making to its on_close, and the only file that calls the user. Bytes and
   times come in from the filter, the timer and the client's turn; each of these entries is at the
   bottom of the stack, so that nothing is used after the callback that may have ended it. */

enum {
  LINGER_MS = 1000,           /* for the end of the stream, when nothing is left to say */
  RENEWALS_MAX = 4,           /* of the closing deadline, while the peer still reads */
  WRITE_PIECES = 128,         /* described to the filter at once */
  PAUSED_MS = 3600 * 1000,    /* see session_rearm */
  DIRECT_READ_MIN = 16 * 1024 /* a payload that lacks more is read straight into its block */
};

static const ws_env_ops *ops(const wsuv_session_t *s) {
  return s->client->env->ops;
}

static uint64_t now_ms(const wsuv_session_t *s) {
  return ops(s)->now_ms(s->client->env);
}

/* A step on the way to the open session is done. */
static void lap(wsuv_session_t *s, uint64_t *took_ns) {
  uint64_t now = ops(s)->now_ns(s->client->env);
  *took_ns = now - s->since_ns;
  s->since_ns = now;
}

/* States and stages */

static wsuv_stage_t stage_of(const wsuv_session_t *s) {
  switch ((session_state) s->state) {
  case SESSION_NEW: return s->filter != NULL ? WSUV_STAGE_HANDSHAKE : WSUV_STAGE_RESOLVE;
  case SESSION_RESOLVE: return WSUV_STAGE_RESOLVE;
  case SESSION_CONNECT: return WSUV_STAGE_CONNECT;
  case SESSION_HANDSHAKE: return WSUV_STAGE_HANDSHAKE;
  case SESSION_OPEN: return WSUV_STAGE_OPEN;
  case SESSION_CLOSING:
  case SESSION_LINGER: return WSUV_STAGE_CLOSING;
  case SESSION_ENDED: break;
  }
  return (wsuv_stage_t) s->stage;
}

static void arm(wsuv_session_t *s, uint64_t at_ms) {
  uint64_t now = now_ms(s);
  s->last_poll = false;
  ops(s)->timer_start(s->timer, at_ms > now ? at_ms - now : 1);
}

static void set_deadline(wsuv_session_t *s, uint64_t delay_ms) {
  uint64_t now = now_ms(s);
  s->deadline_ms = delay_ms > UINT64_MAX - now ? UINT64_MAX : now + delay_ms;
  arm(s, s->deadline_ms);
}

static bool idle_on(const wsuv_session_t *s) {
  return s->idle_timeout_ms > 0 && !s->paused;
}

static uint64_t idle_ms(const wsuv_session_t *s) {
  uint64_t at = s->last_data_ms + s->idle_timeout_ms;
  return at < s->idle_timeout_ms ? UINT64_MAX : at;
}

/* While nothing is read, an active timer is all that keeps the loop alive for the session. */
void session_rearm(wsuv_session_t *s) {
  uint64_t at = UINT64_MAX;
  if (s->state != SESSION_OPEN) return;
  if (s->paused) at = now_ms(s) + PAUSED_MS;
  if (keepalive_on(&s->keepalive) && keepalive_next_ms(&s->keepalive, s->paused) < at) {
    at = keepalive_next_ms(&s->keepalive, s->paused);
  }
  if (idle_on(s) && idle_ms(s) < at) at = idle_ms(s);
  if (at == UINT64_MAX) {
    ops(s)->timer_stop(s->timer);
  } else {
    arm(s, at);
  }
}

void session_used(wsuv_session_t *s) {
  if (s->idle_timeout_ms > 0) s->last_data_ms = now_ms(s);
}

/* The peer's close is to be read, whatever comes before it. */
static void leave_pause(wsuv_session_t *s) {
  if (!s->paused) return;
  s->discard = true;
  s->paused = false;
  session_owe(s);
}

static void session_enter(wsuv_session_t *s, session_state state) {
  s->state = (uint8_t) state;
  switch (state) {
  case SESSION_OPEN:
    s->was_open = true;
    session_rearm(s);
    break;
  case SESSION_CLOSING:
    s->progress = false;
    set_deadline(s, s->close_timeout_ms);
    leave_pause(s);
    break;
  case SESSION_LINGER: set_deadline(s, LINGER_MS); break;
  case SESSION_ENDED: ops(s)->timer_stop(s->timer); break;
  default: break; /* one deadline, set at the beginning, for all that comes before open */
  }
}

static bool reads_frames(const wsuv_session_t *s) {
  return s->state == SESSION_OPEN || s->state == SESSION_CLOSING;
}

void session_owe(wsuv_session_t *s) {
  if (!s->in_read && ws_list_empty(&s->owed)) client_owe(s->client, &s->owed);
}

/* Telling the user. A callback may end the session, or anything else. */

static bool may_tell(const wsuv_session_t *s) {
  return s->state != SESSION_ENDED;
}

static void complete(wsuv_session_t *s, completion *c, int status) {
  wsuv_send_cb cb = c->cb;
  void *arg = c->arg;
  completion_release(&s->client->completions, c);
  cb(s, status, arg);
}

/* No more than there are now: one that is added by another waits for the next turn. What was
   dropped by an error of writing is told with the end. */
static void run_completions(wsuv_session_t *s) {
  completion *c;
  if (s->write_error != 0) return;
  for (size_t n = s->completions.count; n > 0 && may_tell(s); n--) {
    if ((c = completions_due(&s->completions, &s->conn.out)) == NULL) return;
    complete(s, c, 0);
  }
}

static void tell_drain(wsuv_session_t *s) {
  bool due = s->state == SESSION_OPEN && send_drained(s);
  if (due && s->callbacks.on_drain != NULL) s->callbacks.on_drain(s);
}

static void tell_message(wsuv_session_t *s, const conn_event *ev) {
  const wsuv_message_t whole = {(wsuv_frame_type_t) ev->opcode, ev->data, ev->len};
  if (s->callbacks.on_message != NULL) s->callbacks.on_message(s, &whole);
}

/* The end */

/* What goes down as the cause, unless something did before. */
static void note_trouble(wsuv_session_t *s, int status, const char *detail) {
  if (s->status != 0) return;
  if (s->write_error == 0) s->stage = (uint8_t) stage_of(s);
  s->status = status;
  s->detail = detail;
}

/* A close frame that came decides, then the error of writing, then what is said last. */
static void judge(wsuv_session_t *s, int status, const char *detail) {
  if (s->status != 0) return;
  if (s->conn.close_received) {
    s->stage = WSUV_STAGE_CLOSING;
  } else {
    note_trouble(s, s->write_error != 0 ? s->write_error : status, detail);
  }
}

void session_end(wsuv_session_t *s, int status, const char *detail) {
  if (s->state == SESSION_ENDED) return;
  judge(s, status, detail);
  session_enter(s, SESSION_ENDED);
  if (s->opening != NULL && s->opening->dial != NULL) {
    dial_cancel(s->opening->dial);
    s->opening->dial = NULL;
  }
  if (s->filter != NULL) {
    s->filter->ops->close(s->filter);
  } else {
    session_owe(s);
  }
}

static void describe_refusal(wsuv_session_t *s, wsuv_close_info_t *info) {
  handshake_client *h = s->opening->handshake;
  info->http_status = handshake_client_status(h);
  if (s->status != WSUV_ESTATUS) return;
  info->headers = header_store_index(handshake_client_headers(h));
  info->header_count = info->headers != NULL ? handshake_client_headers(h)->count : 0;
  info->body = handshake_client_body(h, &info->body_len);
}

static void describe_closing(const wsuv_session_t *s, wsuv_close_info_t *info) {
  info->code = s->conn.close_received ? s->conn.peer_code : WSUV_CLOSE_ABNORMAL;
  info->sent_code = s->close_written ? s->conn.sent_code : 0;
  info->by_peer = s->by_peer;
  info->clean = s->conn.close_received && s->close_written;
  if (s->words == NULL) return;
  info->reason = s->words->received;
  info->reason_len = s->words->received_len;
  if (!s->close_written) return;
  info->sent_reason = s->words->sent;
  info->sent_reason_len = s->words->sent_len;
}

static void describe(wsuv_session_t *s, wsuv_close_info_t *info) {
  *info = (wsuv_close_info_t){.size = sizeof *info, .detail = s->detail};
  info->status = s->status;
  info->stage = (wsuv_stage_t) s->stage;
  info->reason = info->sent_reason = "";
  if (s->was_open) {
    describe_closing(s, info);
  } else {
    describe_refusal(s, info);
  }
}

static void log_close(const wsuv_session_t *s, const wsuv_close_info_t *info) {
  bool failed = info->status < 0 && info->status != WS_ECANCELED;
  wsuv_log_level_t level = failed ? WSUV_LOG_ERROR : WSUV_LOG_INFO;
  if (info->status < 0) {
    log_line(s, level, "%s: %s%s%s", wsuv_stage_name(info->stage), wsuv_strerror(info->status),
             *info->detail != '\0' ? ": " : "", info->detail);
  }
  if (s->was_open) {
    log_line(s, level, "closed %s: received %u \"%s\", sent %u \"%s\"",
             info->clean ? "cleanly" : "uncleanly", info->code, info->reason, info->sent_code,
             info->sent_reason);
  }
}

static void session_free(wsuv_session_t *s) {
  const wsuv_allocator_t *alloc = &s->client->alloc;
  opening_free(s->opening, alloc);
  conn_free(&s->conn);
  ops(s)->timer_free(s->timer);
  ws_free(alloc, s->subprotocol);
  ws_free(alloc, s->words);
  ws_free(alloc, s);
}

/* The last of a session: what was not sent is told of, then the user, then it is gone. */
static void bury(wsuv_session_t *s) {
  wsuv_client_t *client = s->client;
  wsuv_close_info_t info;
  completion *c;
  int undone = s->write_error != 0 ? s->write_error : WS_ECANCELED;
  while ((c = completions_any(&s->completions)) != NULL) complete(s, c, undone);
  describe(s, &info);
  log_close(s, &info);
  if (s->callbacks.on_close != NULL) s->callbacks.on_close(s, &info);
  ws_list_remove(&s->node);
  ws_list_remove(&s->owed);
  session_free(s);
  client_session_gone(client);
}

/* Closing */

static close_words *words(wsuv_session_t *s) {
  if (s->words == NULL) s->words = ws_calloc(&s->client->alloc, sizeof *s->words);
  return s->words;
}

static void keep_received(wsuv_session_t *s, const void *reason, size_t len) {
  if (len == 0 || words(s) == NULL) return;
  memcpy(s->words->received, reason, len);
  s->words->received_len = len;
}

static void keep_sent(wsuv_session_t *s, const char *reason, size_t len) {
  if (len == 0 || words(s) == NULL) return;
  memcpy(s->words->sent, reason, len);
  s->words->sent_len = len;
}

/* What was queued behind the data that is still sent will not be. */
static void cancel_dropped(wsuv_session_t *s) {
  completion *c = completions_beyond(&s->completions, s->conn.data_kept);
  while (c != NULL) {
    completion *next = c->next;
    complete(s, c, WS_ECANCELED);
    c = next;
  }
}

/* What the kernel takes of our data now still goes before our answer; the rest is dropped. */
static void on_peer_close(wsuv_session_t *s, const conn_event *ev) {
  s->by_peer = !s->conn.close_sent;
  keep_received(s, ev->data, ev->len);
  session_flush(s);
  if (s->state == SESSION_OPEN) session_enter(s, SESSION_CLOSING);
  int err = conn_answer_close(&s->conn);
  cancel_dropped(s);
  if (err < 0) session_end(s, err, "the close frame was not answered");
}

/* We fail the connection (RFC 6455 7.1.7). A close frame that says why is already queued. */
static void fail(wsuv_session_t *s, int err) {
  if (s->conn.sent_code != 0 && s->state == SESSION_OPEN) {
    keep_sent(s, s->conn.why, strlen(s->conn.why));
  }
  note_trouble(s, err, s->conn.why);
  if (s->state == SESSION_OPEN) session_enter(s, SESSION_CLOSING);
}

void session_fail(wsuv_session_t *s, int err, const char *why) {
  conn_fail(&s->conn, err, why);
  fail(s, err);
  session_owe(s);
}

/* Both sides have said what they had to say, or we have failed, and it is all written. */
static void advance_closing(wsuv_session_t *s) {
  bool said = s->conn.close_received || s->conn.failed;
  if (s->state != SESSION_CLOSING || !said || out_queue_len(&s->conn.out) > 0) return;
  if (s->conn.failed) s->filter->ops->shutdown(s->filter);
  session_enter(s, SESSION_LINGER);
}

/* Writing */

static void on_write_error(wsuv_session_t *s, int err) {
  if (s->write_error != 0) return;
  if (s->status == 0) s->stage = (uint8_t) stage_of(s);
  s->write_error = err;
  out_queue_clear(&s->conn.out);
  if (s->state == SESSION_OPEN) session_enter(s, SESSION_CLOSING);
  if (s->state >= SESSION_OPEN || now_ms(s) + LINGER_MS < s->deadline_ms)
    set_deadline(s, LINGER_MS);
}

/* The ping that was queued last leaves, or bytes before it do, which is life as well. */
static void note_ping_progress(wsuv_session_t *s) {
  const out_lane *lane = &s->conn.out.lanes[LANE_CONTROL];
  bool gone =
      out_queue_gone(&s->conn.out, LANE_CONTROL) >= s->ping_end || bufq_len(&lane->bytes) == 0;
  if (gone) {
    keepalive_sent(&s->keepalive, now_ms(s), ops(s)->now_ns(s->client->env));
  } else {
    keepalive_delayed(&s->keepalive, now_ms(s));
  }
}

/* The kernel took bytes. */
static void note_progress(wsuv_session_t *s) {
  s->progress = true;
  if (keepalive_queued(&s->keepalive)) note_ping_progress(s);
}

/* One round of writing; false when the rest must wait. */
static bool write_some(wsuv_session_t *s) {
  ws_buf bufs[WRITE_PIECES];
  size_t taken, held, count = out_queue_peek(&s->conn.out, bufs, WRITE_PIECES);
  int err = s->filter->ops->write(s->filter, bufs, count, &taken, &held);
  if (err < 0) {
    on_write_error(s, err);
    return false;
  }
  s->wire_sent += taken;
  out_queue_written(&s->conn.out, taken);
  if (held > 0) out_queue_hold(&s->conn.out, held);
  if (taken > 0) note_progress(s);
  return held == 0;
}

static bool writable(const wsuv_session_t *s) {
  return s->state >= SESSION_HANDSHAKE && s->state < SESSION_ENDED && s->write_error == 0 &&
         !out_queue_held(&s->conn.out);
}

/* Our close frame has gone: from now on the peer has its time to answer. */
static void note_close_written(wsuv_session_t *s) {
  bool gone = s->conn.close_size > 0 && s->write_error == 0 &&
              bufq_len(&s->conn.out.lanes[LANE_DATA].bytes) == 0;
  if (!gone || s->close_written) return;
  s->close_written = true;
  if (s->state == SESSION_CLOSING) set_deadline(s, s->close_timeout_ms);
}

void session_flush(wsuv_session_t *s) {
  while (writable(s) && out_queue_len(&s->conn.out) > 0 && write_some(s)) {
  }
  note_close_written(s);
}

/* Unless the user has paused, or there is still something from before. */
static void go_on_reading(wsuv_session_t *s) {
  bool wanted = s->filter != NULL && s->state != SESSION_ENDED && !s->paused;
  if (!wanted || s->reading || conn_has_input(&s->conn)) return;
  int err = s->filter->ops->read_start(s->filter);
  s->reading = err == 0;
  if (err < 0) session_end(s, err, "");
}

/* After anything that may have queued or moved something: one flush, and what follows from it. */
static void service(wsuv_session_t *s) {
  session_flush(s);
  advance_closing(s);
  run_completions(s);
  tell_drain(s);
  go_on_reading(s);
}

/* Opening */

static void start(wsuv_session_t *s);
static void take_events(wsuv_session_t *s);

void session_turn(wsuv_session_t *s) {
  if (s->state == SESSION_NEW) start(s);
  if (s->state == SESSION_ENDED) {
    if (s->filter == NULL) bury(s);
    return;
  }
  take_events(s);
  service(s);
}

static int keep_subprotocol(wsuv_session_t *s) {
  const char *agreed = handshake_client_subprotocol(s->opening->handshake);
  if (*agreed == '\0') return 0;
  s->subprotocol = ws_strdup(&s->client->alloc, agreed);
  return s->subprotocol == NULL ? WS_ENOMEM : 0;
}

static void log_answer(wsuv_session_t *s) {
  handshake_client *h = s->opening->handshake;
  if (!log_wants(s->client, WSUV_LOG_INFO)) return;
  header_store *headers = handshake_client_headers(h);
  const wsuv_header_t *list = header_store_index(headers);
  log_line(s, WSUV_LOG_INFO, "< status %d", handshake_client_status(h));
  for (size_t i = 0; list != NULL && i < headers->count; i++) {
    log_field(s, &list[i]);
  }
}

static void become_open(wsuv_session_t *s) {
  int err = s->write_error != 0 ? s->write_error : keep_subprotocol(s);
  if (err < 0) {
    session_end(s, err, "");
    return;
  }
  if (keepalive_on(&s->keepalive)) {
    keepalive_start(&s->keepalive, s->keepalive.interval_ms, s->keepalive.timeout_ms, now_ms(s));
  }
  session_used(s);
  lap(s, &s->upgrade_ns);
  session_enter(s, SESSION_OPEN);
  if (s->callbacks.on_open != NULL) s->callbacks.on_open(s);
  /* on_close may still want the opening. */
  if (s->state == SESSION_ENDED || s->keep_handshake) return;
  opening_free(s->opening, &s->client->alloc);
  s->opening = NULL;
}

static void receive_answer(wsuv_session_t *s, const uint8_t *data, size_t len, size_t *used) {
  int r = handshake_client_feed(s->opening->handshake, data, len, used);
  if (r == 0) return;
  log_answer(s);
  if (r < 0) {
    session_end(s, r, handshake_client_detail(s->opening->handshake));
  } else {
    become_open(s);
  }
}

/* Reading */

static void deliver(wsuv_session_t *s, const conn_event *ev) {
  if (s->discard && ev->type != CONN_EVENT_CLOSE) return;
  switch (ev->type) {
  case CONN_EVENT_MESSAGE: tell_message(s, ev); break;
  case CONN_EVENT_PING:
    if (s->callbacks.on_ping != NULL) s->callbacks.on_ping(s, ev->data, ev->len);
    break;
  case CONN_EVENT_PONG:
    if (keepalive_on(&s->keepalive)) {
      keepalive_pong(&s->keepalive, ev->data, ev->len, ops(s)->now_ns(s->client->env));
    }
    if (s->callbacks.on_pong != NULL) s->callbacks.on_pong(s, ev->data, ev->len);
    break;
  case CONN_EVENT_CLOSE: on_peer_close(s, ev); break;
  }
}

/* What the sends of callbacks owe is done by whoever called this. */
static void take_events(wsuv_session_t *s) {
  conn_event ev;
  int r = 1;
  s->in_read = true;
  while (r > 0 && reads_frames(s) && !s->paused) {
    r = conn_next_event(&s->conn, &ev);
    if (r < 0) fail(s, r);
    if (r > 0) deliver(s, &ev);
  }
  s->in_read = false;
  if (s->conn.data_came) session_used(s);
  s->conn.data_came = false;
}

/* The bytes are in a buffer that others read into next: what a pause leaves over is kept. */
static void receive(wsuv_session_t *s, uint8_t *data, size_t len) {
  conn_recv(&s->conn, data, len);
  take_events(s);
  int err = s->paused ? conn_keep_input(&s->conn) : 0;
  if (err < 0) session_fail(s, err, "");
}

static void on_alloc(void *up, ws_buf *buf) {
  wsuv_session_t *s = up;
  buf->len = reads_frames(s) ? conn_recv_target(&s->conn, DIRECT_READ_MIN, &buf->base) : 0;
  if (buf->len > 0) return;
  buf->base = s->client->read_buf;
  buf->len = CLIENT_READ_SIZE;
}

/* No more of the answer will come. A refusal whose head was read is one, whatever became of its
   body. */
static void end_handshake(wsuv_session_t *s, int status, const char *detail) {
  handshake_client *h = s->opening->handshake;
  int err = handshake_client_eof(h);
  if (err == WSUV_ESTATUS || status == WS_EOF) {
    status = err;
    detail = handshake_client_detail(h);
  }
  session_end(s, status, detail);
}

static void on_read(void *up, uint8_t *data, ptrdiff_t n) {
  wsuv_session_t *s = up;
  size_t used = 0, len = n > 0 ? (size_t) n : 0;
  if (n < 0) {
    if (s->state == SESSION_HANDSHAKE) end_handshake(s, (int) n, "");
    session_end(s, (int) n, "");
    return;
  }
  s->wire_received += len;
  keepalive_alive(&s->keepalive);
  if (s->state == SESSION_HANDSHAKE) receive_answer(s, data, len, &used);
  if (reads_frames(s)) receive(s, data + used, len - used);
  service(s);
}

static void on_write(void *up, int status) {
  wsuv_session_t *s = up;
  if (status < 0) {
    on_write_error(s, status);
  } else {
    s->wire_sent += out_queue_held_len(&s->conn.out);
    out_queue_release(&s->conn.out);
    note_progress(s);
  }
  service(s);
}

static void on_filter_closed(void *up) {
  wsuv_session_t *s = up;
  s->filter = NULL;
  bury(s);
}

/* The filter comes from the dial already connected. */
static const ws_filter_events filter_events = {
    .on_alloc = on_alloc, .on_read = on_read, .on_write = on_write, .on_close = on_filter_closed};

void session_attach(wsuv_session_t *s, ws_filter *filter) {
  s->filter = filter;
  filter->events = &filter_events;
  filter->up = s;
}

static void start_handshake(wsuv_session_t *s) {
  log_line(s, WSUV_LOG_INFO, "connected");
  session_enter(s, SESSION_HANDSHAKE);
  service(s);
}

static void on_dial_done(void *up, int status, ws_filter *filter) {
  wsuv_session_t *s = up;
  s->opening->dial = NULL;
  if (status < 0) {
    session_end(s, status, "");
    return;
  }
  lap(s, &s->connect_ns);
  session_attach(s, filter);
  start_handshake(s);
}

static void on_resolved(void *up) {
  wsuv_session_t *s = up;
  lap(s, &s->resolve_ns);
  session_enter(s, SESSION_CONNECT);
}

static const dial_events events_of_dial = {.on_resolved = on_resolved, .on_done = on_dial_done};

static int start_dial(wsuv_session_t *s) {
  const opening *o = s->opening;
  session_enter(s, SESSION_RESOLVE);
  opening_log(o, s);
  return dial_start(&s->opening->dial, &s->client->resolver, &o->to, &o->socket, &events_of_dial,
                    s);
}

static void start(wsuv_session_t *s) {
  s->since_ns = ops(s)->now_ns(s->client->env);
  if (s->filter != NULL) {
    start_handshake(s);
  } else {
    int err = start_dial(s);
    if (err < 0) session_end(s, err, "");
  }
}

/* Deadlines */

static void close_deadline(wsuv_session_t *s) {
  bool writing = s->progress && !s->close_written && s->write_error == 0;
  if (writing && s->renewals < RENEWALS_MAX) {
    s->renewals++;
    s->progress = false;
    set_deadline(s, s->close_timeout_ms);
  } else {
    session_end(s, WSUV_ECLOSETIMEOUT, "");
  }
}

static void deadline_passed(wsuv_session_t *s) {
  static const char detail[] = "handshake deadline";
  switch ((session_state) s->state) {
  case SESSION_HANDSHAKE: end_handshake(s, WS_ETIMEDOUT, detail); break;
  case SESSION_CLOSING: close_deadline(s); break;
  case SESSION_LINGER: session_end(s, WSUV_ECLOSETIMEOUT, ""); break;
  default: session_end(s, WS_ETIMEDOUT, detail); break;
  }
}

/* "Ping timeout": said to the peer, should it hear, and dropped at once. */
static void ping_timeout(wsuv_session_t *s) {
  conn_fail(&s->conn, WSUV_EPINGTIMEOUT, "Ping timeout");
  fail(s, WSUV_EPINGTIMEOUT);
  session_flush(s);
  session_end(s, WSUV_EPINGTIMEOUT, "");
}

/* While the last ping waits to be written another would tell nothing more. */
static void send_keepalive(wsuv_session_t *s, uint64_t now) {
  uint8_t random[4];
  if (keepalive_queued(&s->keepalive)) {
    keepalive_repeat(&s->keepalive, now);
    return;
  }
  int err = random_pool_take(&s->client->shared.random, random, sizeof random);
  if (err == 0) {
    keepalive_ping(&s->keepalive, random, now);
    err = conn_send(&s->conn, OPCODE_PING, true, s->keepalive.payload, KEEPALIVE_PAYLOAD);
    s->ping_end = s->conn.out.lanes[LANE_CONTROL].queued;
  }
  if (err < 0) {
    conn_fail(&s->conn, err, "");
    fail(s, err);
  }
}

/* Timers run before the loop polls: after a stall, what would have prevented the end may lie in
   the socket unread. So a deadline counts only after one more poll, and when another has taken its
   place meanwhile, that one needs a poll of its own. */
static bool one_more_poll(wsuv_session_t *s, uint64_t deadline_ms) {
  if (s->last_poll && s->deadline_ms == deadline_ms) return false;
  s->last_poll = true;
  s->deadline_ms = deadline_ms;
  ops(s)->timer_start(s->timer, 1);
  return true;
}

static bool is_dead(const wsuv_session_t *s, uint64_t now) {
  return !s->paused && keepalive_on(&s->keepalive) && keepalive_dead(&s->keepalive, now);
}

static void on_open_timer(wsuv_session_t *s, uint64_t now) {
  if (is_dead(s, now)) {
    if (!one_more_poll(s, keepalive_dead_ms(&s->keepalive))) ping_timeout(s);
    return;
  }
  if (idle_on(s) && now >= idle_ms(s)) {
    if (!one_more_poll(s, idle_ms(s))) session_fail(s, WSUV_EIDLE, "Idle timeout");
    return;
  }
  if (keepalive_on(&s->keepalive) && keepalive_ping_due(&s->keepalive, now)) {
    send_keepalive(s, now);
  }
  service(s);
  session_rearm(s);
}

static void on_timer(void *data) {
  wsuv_session_t *s = data;
  uint64_t now = now_ms(s);
  if (s->state == SESSION_OPEN) {
    on_open_timer(s, now);
  } else if (now < s->deadline_ms) {
    arm(s, s->deadline_ms);
  } else if (!one_more_poll(s, s->deadline_ms)) {
    deadline_passed(s);
  }
}

/* Making one */

static void configure(wsuv_session_t *s, const wsuv_client_config_t *config) {
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
  const char *request = handshake_client_request(s->opening->handshake, &len);
  if (log_wants(s->client, WSUV_LOG_INFO)) log_request(s, request, len);
  return out_queue_raw(&s->conn.out, request, len);
}

static int begin(wsuv_session_t *s, const wsuv_client_config_t *config) {
  int err = ops(s)->timer_new(s->client->env, on_timer, s, &s->timer);
  if (err < 0) return err;
  configure(s, config);
  err = queue_request(s);
  if (err < 0) return err;
  set_deadline(s, config->handshake_timeout_ms);
  return 0;
}

int session_new(wsuv_session_t **out, wsuv_client_t *client, opening *o,
                const wsuv_client_config_t *config) {
  wsuv_session_t *s = ws_calloc(&client->alloc, sizeof *s);
  if (s == NULL) return WS_ENOMEM;
  s->client = client;
  s->opening = o;
  s->detail = "";
  ws_list_init(&s->owed);
  int err = begin(s, config);
  if (err < 0) {
    ops(s)->timer_free(s->timer);
    ws_free(&client->alloc, s);
    return err;
  }
  ws_list_append(&client->sessions, &s->node);
  client->session_count++;
  session_owe(s);
  *out = s;
  return 0;
}

/* The user's calls that change the state */

int wsuv_session_close(wsuv_session_t *session, unsigned code, const char *reason) {
  size_t len = reason != NULL ? strlen(reason) : 0;
  if (!close_code_valid(code)) return WSUV_ECLOSECODE;
  if (len > WSUV_CLOSE_REASON_MAX) return WSUV_ECONTROL;
  if (!utf8_valid((const uint8_t *) reason, len)) return WSUV_EUTF8;
  if (session->state < SESSION_OPEN) session_end(session, WS_ECANCELED, "");
  if (session->state != SESSION_OPEN) return 0;
  int err = conn_close(&session->conn, code, reason, len);
  if (err == WSUV_ERANDOM) session_end(session, err, "no masking key");
  if (err < 0) return err;
  keep_sent(session, reason, len);
  session_enter(session, SESSION_CLOSING);
  session_owe(session);
  return 0;
}

void wsuv_session_terminate(wsuv_session_t *session) {
  session_end(session, WS_ECANCELED, "");
}

int wsuv_session_pause(wsuv_session_t *session) {
  if (session->state != SESSION_OPEN) return WSUV_ESTATE;
  if (session->paused) return 0;
  session->paused = true;
  session->reading = false;
  session->filter->ops->read_stop(session->filter);
  session_rearm(session);
  return 0;
}

int wsuv_session_resume(wsuv_session_t *session) {
  if (session->state != SESSION_OPEN) return WSUV_ESTATE;
  if (!session->paused) return 0;
  session->paused = false;
  keepalive_alive(&session->keepalive);
  session_used(session);
  session_rearm(session);
  session_owe(session);
  return 0;
}

wsuv_stage_t wsuv_session_stage(const wsuv_session_t *session) {
  return stage_of(session);
}
