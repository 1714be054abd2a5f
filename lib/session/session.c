#include "session/session.h"

#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "session/config.h"
#include "session/notify.h"
#include "session/session_tls.h"

/* Creates, runs and frees a session. The loop enters this file in four ways: through the session's
   opening, its filter, its deadline, and the endpoint's tick. session_finish frees a session that
   was started. It is called only when a filter has closed or from the tick, and always as the last
   call, so nothing uses the session's memory after it is freed. */

/* time for the peer to end the stream, after both close frames or an error of writing */
enum { LINGER_MS = 1000 };

/* Memory for what is under way */

/* Nobody writes to it, though conn has no constant pointer. */
static conn_work *no_work(void) {
  return (conn_work *) (uintptr_t) &session_no_work.conn;
}

static inline bool take_work(wsuv_session_t *s) {
  session_work *w = work_take(&s->endpoint->works);
  if (w == NULL) return false;
  w->conn.trace_arg = s;
  s->conn.work = &w->conn;
  return true;
}

/* The tick gives the memory back, should nothing come of it. */
bool session_start_work(wsuv_session_t *s) {
  session_schedule(s);
  return take_work(s);
}

/* States and stages */

wsuv_stage_t session_stage(const wsuv_session_t *s) {
  switch ((session_state) s->state) {
  case SESSION_QUEUED:
  case SESSION_NEW:
  case SESSION_OPENING: return s->opening->stage;
  case SESSION_OPEN: return WSUV_STAGE_OPEN;
  case SESSION_CLOSING:
  case SESSION_LINGER: return WSUV_STAGE_CLOSING;
  case SESSION_ENDED: break;
  }
  return (wsuv_stage_t) s->while_not_open.cause.stage;
}

int session_check_open(const wsuv_session_t *s) {
  if (endpoint_lost(s->endpoint)) return WS_ECANCELED;
  return s->state == SESSION_OPEN ? 0 : WSUV_ESTATE;
}

static bool reads_frames(const wsuv_session_t *s) {
  return s->state == SESSION_OPEN || s->state == SESSION_CLOSING;
}

/* Whether the session reads no more until it may receive another message. */
static bool waits_for_rate(const wsuv_session_t *s) {
  return s->limited && s->state == SESSION_OPEN && s->in.budget == 0 && limits_spent(s->limits);
}

/* Whether the peer's bytes are not read, so that no timeout waits for them. */
static bool is_held(const wsuv_session_t *s) {
  return s->in.paused || waits_for_rate(s);
}

/* When the deadline of an open session comes. */
static uint64_t next_open_ms(wsuv_session_t *s) {
  uint64_t at = timeouts_next_ms(session_while_open(s), &s->progress, is_held(s));
  if (!s->limited) return at;
  if (s->limits->end_ms < at) at = s->limits->end_ms;
  if (!waits_for_rate(s)) return at;
  const uint64_t refilled_ms = limits_refilled_ms(s->limits);
  return refilled_ms < at ? refilled_ms : at;
}

/* When the deadline of a session comes that is not open. */
static uint64_t next_other_ms(wsuv_session_t *s) {
  return state_deadline_next_ms(&session_while_not_open(s)->deadline, &s->progress);
}

static void arm_deadline_at(wsuv_session_t *s, uint64_t now) {
  uint64_t at = s->state == SESSION_OPEN ? next_open_ms(s) : next_other_ms(s);
  uint64_t due = outflow_gathered_due_ms(session_out(s), session_queue(s), now);
  if (due < at) at = due;
  if (at == UINT64_MAX && s->state == SESSION_OPEN) {
    deadlines_stop(&s->endpoint->deadlines, &s->deadline);
  } else {
    deadlines_start(&s->endpoint->deadlines, &s->deadline, at);
  }
}

static void arm_deadline(wsuv_session_t *s) {
  arm_deadline_at(s, session_now_ms(s));
}

void session_restart_idle(wsuv_session_t *s) {
  const uint64_t now = session_now_ms(s);
  if (timeouts_queued(session_while_open(s), &s->progress, now)) arm_deadline_at(s, now);
}

static void rearm(wsuv_session_t *s, uint64_t now) {
  session_while_open(s)->last_poll = false;
  arm_deadline_at(s, now);
}

void session_rearm(wsuv_session_t *s) {
  if (s->state == SESSION_OPEN) rearm(s, session_now_ms(s));
}

/* Set the deadline of the present state. */
static void set_deadline(wsuv_session_t *s, uint64_t delay_ms) {
  const uint64_t now = session_now_ms(s);
  state_deadline_set(&session_while_not_open(s)->deadline, &s->progress, now, delay_ms);
  arm_deadline_at(s, now);
}

/* Without random bytes the session lives as long as it may. */
static void open_limits(wsuv_session_t *s, uint64_t now) {
  uint64_t random = 0;
  (void) random_pool_take(&s->endpoint->shared.random, &random, sizeof random);
  limits_open(s->limits, now, random);
}

void session_set_idle_timeout(wsuv_session_t *s, uint64_t timeout_ms) {
  session_while_open(s)->idle_timeout_ms = timeout_ms;
  s->has_idle_timeout = timeout_ms > 0;
}

/* What the session had before it was open is not needed any more: no failure was noted, or it would
   not open. */
static void begin_open(wsuv_session_t *s, uint64_t now) {
  const session_kind *kind = session_kind_of(s);
  timeouts *t = session_while_open(s);
  timeouts_open(t, now, kind->ping_interval_ms, kind->ping_timeout_ms);
  session_set_idle_timeout(s, kind->idle_timeout_ms);
  s->pings.on = keepalive_on(&t->keepalive);
  if (s->limited) open_limits(s, now);
}

static void begin_closing(wsuv_session_t *s, uint64_t now) {
  const session_kind *kind = session_kind_of(s);
  (void) progress_look(&s->progress, s->filter, s->figures.wire_sent); /* from here on it counts */
  state_deadline_close(&session_while_not_open(s)->deadline, &s->progress, now,
                       kind->close_timeout_ms, kind->close_deadline_ms);
}

/* Change the state. No other function changes it. SESSION_NEW and SESSION_OPENING share one
   deadline, which begins when the opening has its turn. */
static void enter(wsuv_session_t *s, session_state state) {
  const bool was_open = s->state == SESSION_OPEN, kept_alive = session_keeps_loop_alive(s);
  uint64_t now;
  s->state = (uint8_t) state;
  if (!kept_alive && session_keeps_loop_alive(s)) endpoint_keep_loop_alive(s->endpoint, true);
  if (was_open) *session_while_not_open(s) = (session_not_open){.cause.detail = ""};
  s->has_idle_timeout = false;
  if (state > SESSION_OPEN) outflow_drop_gathered(session_out(s), &s->conn);
  switch (state) {
  case SESSION_QUEUED: {
    uint64_t timeout_ms = s->opening->queue_timeout_ms;
    if (timeout_ms > 0) set_deadline(s, timeout_ms);
    break;
  }
  case SESSION_NEW: set_deadline(s, s->opening->handshake_timeout_ms); break;
  case SESSION_OPEN:
    now = session_now_ms(s);
    begin_open(s, now);
    rearm(s, now);
    break;
  case SESSION_CLOSING:
    now = session_now_ms(s);
    begin_closing(s, now);
    arm_deadline_at(s, now);
    if (inflow_discard_until_close(&s->in) || s->limited) session_schedule(s);
    break;
  case SESSION_LINGER: set_deadline(s, LINGER_MS); break;
  case SESSION_ENDED: deadlines_stop(&s->endpoint->deadlines, &s->deadline); break;
  default: break;
  }
}

/* Callbacks of the program */

/* The program may have closed the handles in the callback that has returned. Then the session does
   nothing any more. Its on_close runs after the client is closed. */
static void after_callback(wsuv_session_t *s) {
  if (endpoint_lost(s->endpoint)) session_end(s, WS_ECANCELED, "");
}

/* Writing */

static void session_write_failed(wsuv_session_t *s, int err) {
  const wsuv_stage_t stage = session_stage(s);
  if (session_write_error(s) != 0 || s->state == SESSION_ENDED) return;
  if (!s->conn.work->none) out_queue_clear(session_queue(s));
  if (s->state == SESSION_OPEN) enter(s, SESSION_CLOSING);
  cause_set_write_error(&session_while_not_open(s)->cause, stage, err);
  set_deadline(s, LINGER_MS);
}

/* Look at what the peer has acknowledged of the output of an open or a closing session. */
static progress_seen look(wsuv_session_t *s, uint64_t now) {
  progress *p = &s->progress;
  progress_seen seen = progress_look(p, s->filter, s->figures.wire_sent);
  if (s->state == SESSION_OPEN) {
    const bool queued = outflow_payload(session_out(s), session_queue(s)) > 0;
    timeouts_seen(session_while_open(s), p, now, &seen, queued);
  } else {
    state_deadline_seen(&session_while_not_open(s)->deadline, p, now, &seen,
                        session_kind_of(s)->close_timeout_ms);
  }
  return seen;
}

/* The ping or close frame that the timeout waits for has left, so its position is known. */
static void set_target(wsuv_session_t *s) {
  s->progress.target = look(s, session_now_ms(s)).written;
}

static void note_own_ping(wsuv_session_t *s) {
  const bool awaited = s->state == SESSION_OPEN && s->progress.target == UINT64_MAX &&
                       keepalive_waits(&session_while_open(s)->keepalive);
  if (awaited) set_target(s);
  pings_sent(&s->pings, session_now_ns(s));
}

void session_note_round(wsuv_session_t *s, const outflow_round *round) {
  if (round->taken > 0) {
    s->figures.wire_sent += round->taken;
    if (round->ping_left) note_own_ping(s);
  }
  if (round->error < 0) session_write_failed(s, round->error);
}

static bool can_write(const wsuv_session_t *s) {
  const bool open = s->state == SESSION_OPEN;
  const bool closes = s->opened && s->state != SESSION_ENDED && session_write_error(s) == 0;
  return (open || closes) && !out_queue_retained(session_queue(s));
}

ws_filter *session_direct_filter(const wsuv_session_t *s) {
  bool can = can_write(s) && conn_takes_writer(&s->conn) && s->filter->ops->try_write != NULL;
  return can ? s->filter : NULL;
}

/* Failing */

/* The connection has failed with `err`, because of `why`, and has queued a close frame if it could
   make one. */
static void note_failure(wsuv_session_t *s, int err, const char *why) {
  const wsuv_allocator_t *alloc = &s->endpoint->alloc;
  const wsuv_stage_t stage = session_stage(s);
  const bool was_open = s->state == SESSION_OPEN;
  if (was_open) enter(s, SESSION_CLOSING);
  session_not_open *n = session_while_not_open(s);
  if (was_open && s->conn.sent_code != 0) closing_keep_sent(&n->reasons, alloc, why, strlen(why));
  if (why == s->endpoint->shared.numbered) why = closing_keep_detail(&n->reasons, alloc, why);
  cause_set(&n->cause, stage, err, why);
}

/* conn has failed the connection. */
static void conn_has_failed(wsuv_session_t *s, int err) {
  note_failure(s, err, conn_take_why(&s->endpoint->shared));
}

/* Without random bytes no frame can be masked (RFC 6455 10.3). If an extension fails after it has
   started to change a message, the peer could not decode the next message; conn has then failed the
   connection. */
int session_not_queued(wsuv_session_t *s, int err) {
  if (err == WSUV_ERANDOM) session_end(s, err, "no masking key");
  if (s->conn.failed) {
    conn_has_failed(s, err);
    session_schedule(s);
  }
  return err;
}

int session_send_gathered(wsuv_session_t *s) {
  const ws_view nothing = {NULL, 0};
  conn_frame rest = {.pieces = &nothing, .count = 1};
  if (gather_len(session_out(s)->gather) == 0) return 0;
  int err = outflow_send_gathered(session_out(s), &session_kind_of(s)->outgoing, &s->conn, &rest);
  return err < 0 ? session_not_queued(s, err) : 0;
}

/* The turn ends: make a frame of what is gathered, unless it can wait. Its pieces were accepted, so
   the session fails if no frame can be made. */
static void frame_gathered(wsuv_session_t *s) {
  const uint64_t now = session_now_ms(s);
  const outflow_gathered verdict =
      outflow_check_gathered(session_out(s), &session_kind_of(s)->outgoing, session_queue(s), now);
  if (verdict == OUTFLOW_WAIT && session_out(s)->gather->due_ms == UINT64_MAX) {
    session_out(s)->gather->due_ms = now + GATHER_WAIT_MS;
    arm_deadline_at(s, now);
  }
  if (verdict != OUTFLOW_FRAME) return;
  int err = session_send_gathered(s);
  if (err < 0 && s->state == SESSION_OPEN) session_fail(s, err, "");
}

static void write_queue(wsuv_session_t *s) {
  out_queue *q = session_queue(s);
  if (gather_len(session_out(s)->gather) > 0 && can_write(s)) frame_gathered(s);
  if (!can_write(s) || out_queue_len(q) == 0) return;
  const outflow_round round =
      outflow_write(session_out(s), q, s->filter, &s->endpoint->completions);
  if (out_queue_retained(q)) outflow_retained(session_out(s), session_now_ms(s));
  session_note_round(s, &round);
}

static void flush(wsuv_session_t *s) {
  write_queue(s);
  /* What was gathered behind queued data may go now. */
  if (gather_len(session_out(s)->gather) > 0) write_queue(s);
  if (session_out(s)->slow && can_write(s) && out_queue_len(session_queue(s)) == 0) {
    outflow_emptied(session_out(s), s->filter);
  }
  if (s->state == SESSION_OPEN || s->close_left || session_write_error(s) != 0) return;
  s->close_left = closing_has_left(&s->conn);
  if (!s->close_left || s->state != SESSION_CLOSING) return;
  set_target(s);
  arm_deadline(s);
}

/* Completions */

static void complete(wsuv_session_t *s, completion *c, int status) {
  wsuv_send_cb cb = c->cb;
  void *arg = c->arg;
  completion_release(&s->endpoint->completions, c);
  if (cb == NULL) return;
  notify_completion(cb, s, status, arg);
  after_callback(s);
}

/* Call the completions that are due, but not more than there are now: one that a callback adds
   waits for the next tick. After an error of writing nothing is called here; session_finish reports
   this error to all completions that are left. */
static void complete_due(wsuv_session_t *s) {
  completion *c;
  if (session_write_error(s) != 0) return;
  for (size_t n = session_out(s)->completions.count; n > 0 && s->state != SESSION_ENDED; n--) {
    if ((c = completions_due(&session_out(s)->completions, session_queue(s))) == NULL) return;
    complete(s, c, c->dropped ? WS_ECANCELED : 0);
  }
}

/* Closing */

/* Without memory for it no close frame is sent. */
void session_fail(wsuv_session_t *s, int err, const char *why) {
  (void) session_have_work(s); /* conn_fail looks for itself */
  conn_fail(&s->conn, err, why);
  note_failure(s, err, why);
  session_schedule(s);
}

/* Data that the kernel takes now is sent before our close frame. Data frames of which the kernel
   has taken nothing are dropped. */
static void answer_close(wsuv_session_t *s) {
  conn_dropped dropped;
  flush(s);
  int err = conn_answer_close(&s->conn, &dropped);
  completions_drop(&session_out(s)->completions, dropped.kept, dropped.len);
  if (err < 0) session_end(s, err, "the close frame was not answered");
}

/* In a raw session the program must answer the close frame, before the closing timeout passes. */
static void on_peer_close(wsuv_session_t *s, const conn_event *ev) {
  if (s->state == SESSION_OPEN) enter(s, SESSION_CLOSING);
  session_not_open *n = session_while_not_open(s);
  closing_keep_received(&n->reasons, &s->endpoint->alloc, ev->data, ev->len);
  if (!s->conn.raw) answer_close(s);
}

int session_close(wsuv_session_t *s, unsigned code, const char *reason, size_t len) {
  if (endpoint_lost(s->endpoint)) return WS_ECANCELED;
  bool answers =
      s->state == SESSION_CLOSING && closing_answer_due(&s->conn) && session_write_error(s) == 0;
  if (s->state != SESSION_OPEN && !answers) return WSUV_ESTATE;
  int err = session_have_work(s) ? session_send_gathered(s) : WS_ENOMEM;
  if (err < 0) return err;
  err = conn_close(&s->conn, code, reason, len);
  if (err == WSUV_ERANDOM) session_end(s, err, "no masking key");
  if (err < 0) return err;
  if (s->state == SESSION_OPEN) enter(s, SESSION_CLOSING);
  closing_keep_sent(&session_while_not_open(s)->reasons, &s->endpoint->alloc, reason, len);
  session_schedule(s);
  return 0;
}

/* If the closing handshake is complete, or we have failed the connection and all is written, wait
   only for the end of the stream. A server ends its direction first (RFC 6455 7.1.1). */
static void advance_closing(wsuv_session_t *s) {
  if (s->state != SESSION_CLOSING) return;
  closing_verdict verdict = closing_check(&s->conn);
  if (verdict == CLOSING_WAIT) return;
  enter(s, SESSION_LINGER);
  if (verdict == CLOSING_FAILED || s->endpoint->role == WS_SERVER) {
    s->filter->ops->shutdown(s->filter);
  }
}

/* Reading */

static void deliver_other(wsuv_session_t *s, const conn_event *ev) {
  if (ev->type == CONN_EVENT_PONG && s->pings.on) {
    pings_pong(&s->pings, ev->data, ev->len, session_now_ns(s));
  }
  if (ev->type == CONN_EVENT_CLOSE) on_peer_close(s, ev);
  if (!s->in.discard) notify_event(session_kind_of(s), s, ev, s->conn.raw);
}

static inline void deliver(wsuv_session_t *s, const conn_event *ev) {
  if (ev->type != CONN_EVENT_MESSAGE) {
    deliver_other(s, ev);
  } else if (!s->in.discard) {
    notify_message(session_kind_of(s), s, ev);
  }
}

/* The budget of this turn is spent: read no more, and go on in the next tick, or when another
   message may be received. */
static void yield(wsuv_session_t *s) {
  if (!reads_frames(s)) return;
  if (s->in.reading) s->filter->ops->read_stop(s->filter);
  s->in.reading = false;
  if (waits_for_rate(s)) {
    arm_deadline(s);
  } else {
    session_schedule(s);
  }
}

/* How many messages may be received now. While the session is closing, it reads on until the peer's
   close frame has come. */
static uint64_t messages_allowed(wsuv_session_t *s) {
  const bool limited = s->limited && s->state == SESSION_OPEN;
  return limited ? limits_messages(s->limits, session_now_ms(s)) : UINT64_MAX;
}

/* Deliver all events; stop when the session ends or is paused, or the budget is spent. The caller
   flushes what the callbacks have queued. */
static void deliver_events(wsuv_session_t *s) {
  const uint64_t allowed = messages_allowed(s), before = s->conn.received.messages;
  conn_event ev;
  inflow_end end;
  int r = 1;
  s->in.delivering = true;
  inflow_begin(&s->in, &s->conn, allowed, &end);
  while (r > 0 && reads_frames(s)) {
    r = inflow_next(&s->in, &s->conn, &end, &ev);
    if (r < 0) conn_has_failed(s, r);
    if (r > 0) {
      deliver(s, &ev);
      after_callback(s);
    }
  }
  s->in.delivering = false;
  if (allowed != UINT64_MAX) limits_received(s->limits, s->conn.received.messages - before);
  if (s->conn.data_received) session_used(s);
  s->conn.data_received = false;
}

static void receive(wsuv_session_t *s, uint8_t *data, size_t len) {
  uint64_t frames = s->conn.received.frames;
  if (!reads_frames(s)) return;
  if (s->conn.work->none && !take_work(s)) {
    session_fail(s, WS_ENOMEM, "");
    return;
  }
  conn_recv(&s->conn, data, len);
  deliver_events(s);
  int err = inflow_keep(&s->in, &s->conn);
  if (err < 0) session_fail(s, err, "");
  inflow_end_read(&s->in, len, s->conn.received.frames - frames);
  if (s->in.budget == 0) yield(s);
}

/* The program may pause the session while the filter begins to read: if it moves the bytes itself
   (net/transport.h). */
static void go_on_reading(wsuv_session_t *s) {
  if (s->state == SESSION_ENDED || !inflow_must_read(&s->in, &s->conn)) return;
  s->in.reading = true;
  int err = s->filter->ops->read_start(s->filter);
  if (err == 0) return;
  s->in.reading = false;
  session_end(s, err, "");
}

/* If nothing is under way any more, give the memory back. Returns whether something is. */
static inline bool still_works(wsuv_session_t *s) {
  session_work *w = (session_work *) (void *) s->conn.work;
  if (work_continues(w)) return true;
  if (!w->conn.none) work_give(&s->endpoint->works, w);
  s->conn.work = no_work();
  return false;
}

/* What waited for bytes of the queue. */
static void process_waiting(wsuv_session_t *s) {
  complete_due(s);
  if (s->state == SESSION_OPEN &&
      outflow_drained(session_out(s), &session_kind_of(s)->outgoing, session_queue(s))) {
    notify_drain(session_kind_of(s), s);
    after_callback(s);
  }
  (void) still_works(s); /* the callers are done */
}

/* Flush once, and act on the result. This is called after everything that may have queued or
   written bytes, in a session that has opened. */
static void process(wsuv_session_t *s) {
  flush(s);
  advance_closing(s);
  if (still_works(s)) process_waiting(s);
  go_on_reading(s);
}

/* Ending */

void session_end(wsuv_session_t *s, int status, const char *detail) {
  const wsuv_stage_t stage = session_stage(s);
  if (s->state == SESSION_ENDED) return;
  enter(s, SESSION_ENDED);
  cause *c = &session_while_not_open(s)->cause;
  *c = cause_resolve(*c, s->conn.close_received, stage, status, detail);
  if (s->opened) {
    s->filter->ops->close(s->filter);
  } else {
    s->opening->ops->abandon(s->opening);
  }
  if (session_filter(s) == NULL) session_schedule(s);
}

SIZED_NO_PADDING(wsuv_close_info_t, retry_after_ms);

static void describe(wsuv_session_t *s, wsuv_close_info_t *info) {
  const session_not_open *n = session_while_not_open(s);
  *info = (wsuv_close_info_t){.size = sizeof *info, .detail = n->cause.detail};
  info->status = n->cause.status;
  info->stage = (wsuv_stage_t) n->cause.stage;
  info->reason = info->sent_reason = "";
  if (s->opened) {
    closing_describe(n->reasons, &s->conn, s->close_left, info);
    session_tls_describe(s->filter, NULL, info);
  } else {
    s->opening->ops->describe(s->opening, info);
  }
}

static void log_close(const wsuv_session_t *s, const wsuv_close_info_t *info) {
  bool client = s->endpoint->role == WS_CLIENT; /* what peers do is no error of a server */
  bool failed = client && info->status < 0 && info->status != WS_ECANCELED;
  wsuv_log_level_t level = failed ? WSUV_LOG_ERROR : WSUV_LOG_INFO;
  if (info->status < 0) {
    log_line(session_log(s), level, "%s: %s%s%s", wsuv_stage_name(info->stage),
             wsuv_strerror(info->status), *info->detail != '\0' ? ": " : "", info->detail);
  }
  if (s->opened) {
    log_line(session_log(s), level, "closed %s: received %u \"%s\", sent %u \"%s\"",
             info->clean ? "cleanly" : "uncleanly", info->code, info->reason, info->sent_code,
             info->sent_reason);
  }
}

/* Only the name of the subprotocol is kept of the handshake. */
static void drop_handshake(wsuv_session_t *s) {
  handshake_result *handshake = session_handshake(s);
  if (handshake == NULL) return;
  s->has_handshake = false;
  s->subprotocol = handshake->subprotocol;
  handshake->subprotocol = NULL;
  handshake_result_free(handshake);
}

void session_free(wsuv_session_t *s) {
  const wsuv_allocator_t *alloc = &s->endpoint->alloc;
  drop_handshake(s);
  if (!s->opened && s->opening != NULL) s->opening->ops->free(s->opening);
  conn_free(&s->conn);
  if (!s->conn.work->none) ws_free(alloc, s->conn.work);
  deadlines_stop(&s->endpoint->deadlines, &s->deadline);
  session_kind_unref(&s->endpoint->kinds, session_kind_of(s));
  ws_free(alloc, session_while_not_open(s)->reasons);
  ws_free(alloc, s->subprotocol);
  ws_free(alloc, s);
}

/* Report the completions of what was not sent, call on_close, free the session. */
static void session_finish(wsuv_session_t *s) {
  endpoint *e = s->endpoint;
  const int undone = session_write_error(s) != 0 ? session_write_error(s) : WS_ECANCELED;
  wsuv_close_info_t info;
  completion *c;
  while ((c = completions_any(&session_out(s)->completions)) != NULL) complete(s, c, undone);
  describe(s, &info);
  log_close(s, &info);
  notify_close(session_kind_of(s), s, &info);
  endpoint_keep_loop_alive(e, false);
  ws_list_remove(&s->task.node);
  ws_list *node = &s->node;
  endpoint_remove_session(e, node);
  session_free(s);
}

/* Entered from the filter of an open session */

static void session_on_alloc(void *up, ws_room *buf) {
  wsuv_session_t *s = up;
  const ws_room shared = {s->endpoint->read_buf, ENDPOINT_READ_SIZE};
  *buf = shared;
  if (reads_frames(s)) inflow_room(&s->conn, &shared, buf);
}

static inline void note_life(wsuv_session_t *s) {
  if (s->state == SESSION_OPEN) keepalive_received(&session_while_open(s)->keepalive);
}

static void session_on_read(void *up, uint8_t *data, ptrdiff_t n) {
  wsuv_session_t *s = up;
  if (n < 0) {
    session_end(s, (int) n, "");
    return;
  }
  s->figures.wire_received += (size_t) n;
  note_life(s);
  receive(s, data, (size_t) n);
  process(s);
}

static void session_on_write(void *up, int status) {
  wsuv_session_t *s = up;
  if (status < 0) {
    session_write_failed(s, status);
  } else {
    const outflow_round round =
        outflow_released(session_out(s), session_queue(s), &s->endpoint->completions);
    outflow_waited(session_out(s), s->filter, session_now_ms(s));
    session_note_round(s, &round);
  }
  process(s);
}

/* The filter is closed. The session is freed only if it has ended. */
static void session_on_closed(void *up) {
  wsuv_session_t *s = up;
  if (s->state == SESSION_ENDED) session_finish(s);
}

/* Bytes of a TLS record or frame that is not complete yet are a sign of life as well. */
static void session_on_bytes(void *up) {
  note_life(up);
}

static const ws_filter_events filter_events = {.on_alloc = session_on_alloc,
                                               .on_read = session_on_read,
                                               .on_write = session_on_write,
                                               .on_close = session_on_closed,
                                               .on_bytes = session_on_bytes};

const ws_filter *session_filter(const wsuv_session_t *s) {
  return s->opened ? s->filter : s->opening->filter;
}

/* The memory of a session, and what only some sessions have behind it */

typedef struct session_layout {
  size_t peer;   /* This is the offset of what session_kept_peer returns. */
  size_t client; /* This is the offset of what session_forwarding returns. */
  size_t size;   /* The session has this many bytes in all. */
} session_layout;

static session_layout layout_of(bool limited, bool keeps_peer, bool forwarded) {
  session_layout l;
  l.peer = sizeof(wsuv_session_t) + (limited ? sizeof(session_limits) : 0);
  l.client = l.peer + (keeps_peer ? sizeof(struct sockaddr_storage) : 0);
  l.size = l.client + (forwarded ? sizeof(forwarding) : 0);
  return l;
}

static void *behind(const wsuv_session_t *s, bool has, size_t offset) {
  return has ? (char *) (uintptr_t) s + offset : NULL;
}

struct sockaddr_storage *session_kept_peer(const wsuv_session_t *s) {
  const session_layout l = layout_of(s->limited, s->keep_handshake, s->forwarded);
  return behind(s, s->keep_handshake, l.peer);
}

const forwarding *session_forwarding(const wsuv_session_t *s) {
  const session_layout l = layout_of(s->limited, s->keep_handshake, s->forwarded);
  return behind(s, s->forwarded, l.client);
}

/* Entered from the opening */

/* Move the handshake's result into the session. The program itself does what the extensions of a
   raw session do. */
static void take_handshake(wsuv_session_t *s, handshake_result *result) {
  s->has_handshake = true;
  s->handshake = result;
  if (s->conn.raw) return;
  conn_set_extensions(&s->conn, result->extensions);
  result->extensions = NULL;
}

static void on_opening_ready(void *up, ws_filter *filter, handshake_result *result) {
  wsuv_session_t *s = up;
  opening *done = s->opening;
  uint8_t *rest = result->rest;
  size_t rest_len = result->rest_len;
  s->figures = done->figures;
  s->steps = done->steps;
  s->opened = true;
  s->filter = filter;
  filter->events = &filter_events;
  filter->up = s;
  s->in.reading = true;
  if (s->keep_handshake) *session_kept_peer(s) = done->peer;
  take_handshake(s, result);
  enter(s, SESSION_OPEN);
  notify_open(session_kind_of(s), s);
  after_callback(s);
  if (!s->keep_handshake) drop_handshake(s);
  receive(s, rest, rest_len);
  process(s);
  done->ops->free(done);
}

static void on_opening_failed(void *up, int status, const char *detail) {
  session_end(up, status, detail);
}

static void on_opening_write_error(void *up, int status) {
  wsuv_session_t *s = up;
  session_not_open *n = session_while_not_open(s);
  cause_set_write_error(&n->cause, session_stage(s), status);
  if (session_now_ms(s) + LINGER_MS < n->deadline.at_ms) set_deadline(s, LINGER_MS);
}

static bool on_opening_redirect(void *up, const wsuv_redirect_t *redirect) {
  wsuv_session_t *s = up;
  bool follow = notify_redirect(session_kind_of(s), s, redirect);
  after_callback(s);
  return follow;
}

static void on_opening_unauthorized(void *up, const wsuv_unauthorized_t *refusal) {
  wsuv_session_t *s = up;
  notify_unauthorized(session_kind_of(s), s, refusal);
  after_callback(s);
}

static void on_opening_closed(void *up) {
  session_finish(up);
}

const opening_events session_opening_events = {.on_ready = on_opening_ready,
                                               .on_failed = on_opening_failed,
                                               .on_write_error = on_opening_write_error,
                                               .on_redirect = on_opening_redirect,
                                               .on_unauthorized = on_opening_unauthorized,
                                               .on_closed = on_opening_closed};

/* Entered from the tick */

/* A session that has waited reads again, so its timeouts start again, as after a pause. */
static void deliver_rest(wsuv_session_t *s) {
  const bool waited = waits_for_rate(s);
  if (waited) {
    keepalive_received(&session_while_open(s)->keepalive);
    pings_unread(&s->pings);
  }
  inflow_renew(&s->in);
  deliver_events(s);
  if (s->in.budget == 0) {
    yield(s);
  } else if (waited) {
    session_rearm(s);
  }
}

static void on_task(endpoint_task *task) {
  wsuv_session_t *s = (wsuv_session_t *) (void *) ((char *) task - offsetof(wsuv_session_t, task));
  if (endpoint_lost(s->endpoint)) session_end(s, WS_ECANCELED, "");
  if (s->state == SESSION_QUEUED && !s->opening->ops->waits(s->opening)) enter(s, SESSION_NEW);
  if (endpoint_waits(s->endpoint)) {
    ws_list_remove(&task->node); /* session_end may have scheduled it */
    endpoint_keep(s->endpoint, task);
  } else if (s->state == SESSION_NEW) {
    enter(s, SESSION_OPENING);
    s->opening->ops->start(s->opening);
  } else if (s->state == SESSION_ENDED) {
    if (session_filter(s) == NULL) session_finish(s);
  } else if (s->state == SESSION_OPENING) {
    if (s->opening->ops->go_on != NULL) s->opening->ops->go_on(s->opening);
  } else if (s->state != SESSION_QUEUED) {
    deliver_rest(s);
    process(s);
  }
}

/* Entered from the deadline */

static int queue_ping(wsuv_session_t *s) {
  uint8_t payload[PING_PAYLOAD];
  if (!session_have_work(s)) return WS_ENOMEM;
  completion *c = completion_new(&s->endpoint->completions, NULL, NULL);
  if (c == NULL) return WS_ENOMEM;
  pings_payload(&s->pings, payload);
  int err = conn_send(&s->conn, OPCODE_PING, true, payload, sizeof payload);
  if (err < 0) {
    completion_release(&s->endpoint->completions, c);
  } else {
    outflow_wait(session_out(s), session_queue(s), LANE_CONTROL, c);
  }
  return err;
}

/* Queue a ping, unless the last one is still in the queue. `delayed`: other output is under way. */
static void send_keepalive(wsuv_session_t *s, uint64_t now, bool delayed) {
  uint8_t random[4];
  timeouts_ping(session_while_open(s), &s->progress, now, delayed || s->pings.queued);
  if (s->pings.queued) return;
  int err = random_pool_take(&s->endpoint->shared.random, random, sizeof random);
  if (err == 0) {
    pings_make(&s->pings, random);
    err = queue_ping(s);
  }
  if (err < 0) session_fail(s, err, "");
}

/* Send a close frame with the reason "Ping timeout", in case the peer can still read it, and drop
   the connection at once. */
static void ping_timeout(wsuv_session_t *s) {
  session_fail(s, WSUV_EPINGTIMEOUT, "Ping timeout");
  flush(s);
  session_end(s, WSUV_EPINGTIMEOUT, "");
}

/* If no close frame can be made, the session just ends. */
static void end_life(wsuv_session_t *s) {
  static const char reason[] = "Session lifetime";
  int err = session_close(s, WSUV_CLOSE_GOING_AWAY, reason, sizeof reason - 1);
  if (err < 0) session_end(s, err, "");
}

/* While the session is held, no timeout runs, so there is nothing to look for. */
static void on_open_timer(wsuv_session_t *s, uint64_t now) {
  const bool held = is_held(s);
  if (s->limited && now >= s->limits->end_ms) {
    end_life(s);
    return;
  }
  if (waits_for_rate(s) && now >= limits_refilled_ms(s->limits)) session_schedule(s);
  bool delayed = held || !look(s, now).all || out_queue_len(session_queue(s)) > 0;
  switch (timeouts_check(session_while_open(s), now, held)) {
  case TIMEOUTS_POLL: arm_deadline(s); return;
  case TIMEOUTS_DEAD: ping_timeout(s); return;
  case TIMEOUTS_IDLE: session_fail(s, WSUV_EIDLE, "Idle timeout"); return;
  case TIMEOUTS_PING: send_keepalive(s, now, delayed); break;
  default: break;
  }
  process(s);
  if (s->state != SESSION_OPEN) return;
  timeouts_plan_look(session_while_open(s), &s->progress, now);
  session_rearm(s);
}

static void on_other_timer(wsuv_session_t *s, uint64_t now) {
  state_deadline *d = &session_while_not_open(s)->deadline;
  if (s->state == SESSION_CLOSING && s->progress.look_ms != 0) (void) look(s, now);
  if (!s->opened && s->opening->ops->is_held(s->opening)) state_deadline_hold(d, now);
  if (!state_deadline_passed(d, now)) {
    arm_deadline(s);
  } else if (s->state == SESSION_QUEUED) {
    if (s->opening->ops->waits(s->opening)) session_end(s, WS_ETIMEDOUT, "queue deadline");
  } else if (!s->opened) {
    s->opening->ops->expire(s->opening, "handshake deadline");
  } else {
    session_end(s, WSUV_ECLOSETIMEOUT, "");
  }
}

static void on_deadline(heap_node *deadline) {
  wsuv_session_t *s = ws_list_entry(deadline, wsuv_session_t, deadline);
  uint64_t now = session_now_ms(s);
  if (s->opened && out_queue_retained(session_queue(s)))
    outflow_waited(session_out(s), s->filter, now);
  if (s->state == SESSION_OPEN) {
    on_open_timer(s, now);
  } else {
    on_other_timer(s, now);
  }
}

/* Creating */

static void configure(wsuv_session_t *s, const wsuv_config_t *config, const session_kind *kind) {
  endpoint *e = s->endpoint;
  conn_init(&s->conn, e->role, config->masking, &kind->incoming);
  s->conn.work = no_work();
  inflow_renew(&s->in);
  s->keep_handshake = config->keep_handshake;
  s->close_when_full = config->outgoing_policy == WSUV_OUTGOING_CLOSE;
  if (s->limited) limits_init(s->limits, config);
  if (notify_wants_pieces(kind)) conn_set_streamed(&s->conn);
}

int session_new(wsuv_session_t **out, endpoint *e, const wsuv_config_t *config,
                const wsuv_callbacks_t *callbacks, bool raw, const forwarding *client) {
  const bool limited = limits_wanted(config), forwarded = client != NULL && client->said;
  const session_layout layout = layout_of(limited, config->keep_handshake, forwarded);
  session_kind like, *kind;
  wsuv_session_t *s = ws_calloc(&e->alloc, layout.size);
  if (s == NULL) return WS_ENOMEM;
  s->limited = limited;
  s->forwarded = forwarded;
  s->secured = client != NULL && client->secure;
  if (forwarded) memcpy((char *) s + layout.client, client, sizeof *client);
  s->endpoint = e;
  session_while_not_open(s)->cause.detail = "";
  s->task.run = on_task;
  ws_list_init(&s->task.node);
  session_kind_fill(&like, callbacks, config, raw);
  kind = session_kind_get(&e->kinds, &like);
  if (kind == NULL) {
    ws_free(&e->alloc, s);
    return WS_ENOMEM;
  }
  e->deadlines.on_deadline = on_deadline; /* all sessions have the same function */
  configure(s, config, kind);
  if (raw) conn_set_raw(&s->conn);
  *out = s;
  return 0;
}

void session_begin(wsuv_session_t *s) {
  endpoint_add_session(s->endpoint, &s->node);
  endpoint_keep_loop_alive(s->endpoint, true);
  bool waits = s->opening->ops->waits(s->opening);
  enter(s, waits ? SESSION_QUEUED : SESSION_NEW);
  if (waits) log_line(session_log(s), WSUV_LOG_INFO, "waiting for its turn to connect");
  if (!waits) session_schedule(s);
}

/* Sessions are added at the end of the list, and are removed only from the loop. */
void session_each(endpoint *e, wsuv_client_each_cb cb, void *arg) {
  const ws_list *n = e->sessions.next;
  for (size_t left = e->session_count; left > 0; left--, n = n->next) {
    wsuv_session_t *s = ws_list_entry(n, wsuv_session_t, node);
    if (!s->internal) notify_each(cb, s, arg);
  }
}

/* Logging */

static void trace_frame(void *session, bool outgoing, const frame_header *h) {
  log_frame(session_log(session), outgoing, h);
}

static void trace_payload(void *session, bool outgoing, size_t offset, const uint8_t *payload,
                          size_t len) {
  log_payload(session_log(session), outgoing, offset, payload, len);
}

void session_trace(endpoint *e) {
  if (log_wants(&e->config, WSUV_LOG_DEBUG)) e->shared.trace = trace_frame;
  if (log_wants(&e->config, WSUV_LOG_TRACE)) e->shared.dump = trace_payload;
  e->shared.dump_max = e->config.log_payload_size;
}
