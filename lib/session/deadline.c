#include "session/deadline.h"

#include "base/error.h"
#include "session/establish.h"
#include "session/session.h"
#include "session/writing.h"

/* What a session's one timer waits for: a deadline of its state, or, while it is open, the next
   ping, silence after one, idleness. */

enum { RENEWALS_MAX = 4 /* of the closing deadline, while the peer still reads */ };

static void arm(wsuv_session_t *s, uint64_t at_ms) {
  uint64_t now = session_now_ms(s);
  s->last_poll = false;
  session_ops(s)->timer_start(s->timer, at_ms > now ? at_ms - now : 1);
}

void deadline_set(wsuv_session_t *s, uint64_t delay_ms) {
  uint64_t now = session_now_ms(s);
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

void deadline_rearm(wsuv_session_t *s) {
  uint64_t at = UINT64_MAX;
  if (s->state != SESSION_OPEN) return;
  if (keepalive_on(&s->keepalive)) at = keepalive_next_ms(&s->keepalive, s->paused);
  if (idle_on(s) && idle_ms(s) < at) at = idle_ms(s);
  if (at == UINT64_MAX) {
    session_ops(s)->timer_stop(s->timer);
  } else {
    arm(s, at);
  }
}

/* What happens when they pass */

static void close_deadline(wsuv_session_t *s) {
  bool writing = s->progress && !s->close_written && s->write_error == 0;
  if (writing && s->renewals < RENEWALS_MAX) {
    s->renewals++;
    s->progress = false;
    deadline_set(s, s->close_timeout_ms);
  } else {
    session_end(s, WSUV_ECLOSETIMEOUT, "");
  }
}

static void deadline_passed(wsuv_session_t *s) {
  static const char detail[] = "handshake deadline";
  switch ((session_state) s->state) {
  case SESSION_HANDSHAKE: establish_cut(s, WS_ETIMEDOUT, detail); break;
  case SESSION_CLOSING: close_deadline(s); break;
  case SESSION_LINGER: session_end(s, WSUV_ECLOSETIMEOUT, ""); break;
  default: session_end(s, WS_ETIMEDOUT, detail); break;
  }
}

/* "Ping timeout": said to the peer, should it hear, and dropped at once. */
static void ping_timeout(wsuv_session_t *s) {
  session_fail(s, WSUV_EPINGTIMEOUT, "Ping timeout");
  writing_flush(s);
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
  if (err < 0) session_fail(s, err, "");
}

/* Timers run before the loop polls: after a stall, what would have prevented the end may lie in
   the socket unread. So a deadline counts only after one more poll, and when another has taken its
   place meanwhile, that one needs a poll of its own. */
static bool one_more_poll(wsuv_session_t *s, uint64_t deadline_ms) {
  if (s->last_poll && s->deadline_ms == deadline_ms) return false;
  s->last_poll = true;
  s->deadline_ms = deadline_ms;
  session_ops(s)->timer_start(s->timer, 1);
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
  session_service(s);
  deadline_rearm(s);
}

void deadline_on_timer(void *data) {
  wsuv_session_t *s = data;
  uint64_t now = session_now_ms(s);
  if (s->state == SESSION_OPEN) {
    on_open_timer(s, now);
  } else if (now < s->deadline_ms) {
    arm(s, s->deadline_ms);
  } else if (!one_more_poll(s, s->deadline_ms)) {
    deadline_passed(s);
  }
}
