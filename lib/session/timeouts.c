#include "session/timeouts.h"

/* Decides which timeout has passed. The session acts. */

enum {
  LATE_MS = 10,    /* a timer that comes later than this means that the loop was away */
  LAST_PART = 8,   /* in this part of its time, a session needs the loop: an eighth */
  PUT_OFFS_MAX = 8 /* how often a deadline is put off, also if the loop is always away */
};

static uint64_t sum(uint64_t a, uint64_t b) {
  return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

/* The deadline is `left_ms` from now. It is checked before the last part of its time, and then. */
static void deadline_begin(timeouts *t, uint64_t now_ms, uint64_t left_ms) {
  uint64_t part_ms = t->timeout_ms / LAST_PART;
  t->last_poll = false;
  t->deadline_ms = sum(now_ms, left_ms);
  t->check_ms = left_ms > part_ms ? t->deadline_ms - part_ms : t->deadline_ms;
}

void timeouts_set_deadline(timeouts *t, uint64_t now_ms, uint64_t delay_ms) {
  t->timeout_ms = delay_ms;
  t->put_offs = 0;
  t->progress.look_ms = 0;
  deadline_begin(t, now_ms, delay_ms);
}

/* Give back the time that the loop was away, and the last part. That is at most the whole time. */
static bool deadline_put_off(timeouts *t, uint64_t now_ms) {
  uint64_t late_ms = now_ms - t->check_ms;
  uint64_t lost_ms = sum(late_ms, t->timeout_ms / LAST_PART);
  if (late_ms <= LATE_MS || t->put_offs == PUT_OFFS_MAX) return false;
  t->put_offs++;
  deadline_begin(t, now_ms, lost_ms < t->timeout_ms ? lost_ms : t->timeout_ms);
  return true;
}

void timeouts_hold(timeouts *t, uint64_t now_ms) {
  uint64_t part_ms = t->timeout_ms / LAST_PART;
  if (now_ms >= t->check_ms) deadline_begin(t, now_ms, sum(part_ms, part_ms + 1));
}

void timeouts_open(timeouts *t, uint64_t now_ms) {
  const keepalive *k = &t->keepalive;
  if (keepalive_on(k)) keepalive_start(&t->keepalive, k->interval_ms, k->timeout_ms, now_ms);
  t->data_end = 0;
  timeouts_used(t, now_ms);
}

static bool idle_on(const timeouts *t, bool paused) {
  return t->idle_timeout_ms > 0 && !paused;
}

static uint64_t idle_ms(const timeouts *t) {
  uint64_t at = t->last_data_ms + t->idle_timeout_ms;
  return at < t->idle_timeout_ms ? UINT64_MAX : at;
}

/* Output */

bool timeouts_queued(timeouts *t, uint64_t now_ms) {
  const uint64_t look_ms = t->progress.look_ms;
  timeouts_used(t, now_ms);
  if (t->data_queued && look_ms != 0) return false;
  t->data_queued = true;
  progress_plan(&t->progress, now_ms, t->idle_timeout_ms);
  return t->progress.look_ms != look_ms;
}

/* Data that was queued after the last look and is acknowledged now counts from when it was queued,
   and the last byte of a ping from the look before: the peer has had it at most so long. */
void timeouts_seen(timeouts *t, uint64_t now_ms, const progress_seen *seen, bool data_queued) {
  keepalive *k = &t->keepalive;
  const bool under_way = t->data_under_way, reached = progress_reached(&t->progress);
  const uint64_t part_ms = progress_part_ms(k->timeout_ms);
  const uint64_t before_ms = now_ms > part_ms ? now_ms - part_ms : 0;
  if (t->data_queued) t->data_end = seen->written;
  if (t->progress.acknowledged >= (int64_t) t->data_end) t->data_end = 0;
  t->data_queued = data_queued;
  t->data_under_way = data_queued || t->data_end > 0;
  if (seen->more && (under_way || t->data_under_way)) timeouts_used(t, now_ms);
  if (seen->more || reached) keepalive_acknowledged(k, now_ms, before_ms, reached);
}

void timeouts_plan_look(timeouts *t, uint64_t now_ms) {
  const keepalive *k = &t->keepalive;
  t->progress.look_ms = 0;
  if (keepalive_watches(k)) progress_plan(&t->progress, now_ms, k->timeout_ms);
  if (t->data_under_way && t->idle_timeout_ms > 0) {
    progress_plan(&t->progress, now_ms, t->idle_timeout_ms);
  }
}

/* Start the deadline of the closing handshake, but not beyond its end. */
static void closing_deadline(timeouts *t, uint64_t now_ms, uint64_t timeout_ms) {
  const uint64_t left_ms = now_ms < t->final_ms ? t->final_ms - now_ms : 0;
  timeouts_set_deadline(t, now_ms, timeout_ms < left_ms ? timeout_ms : left_ms);
  progress_plan(&t->progress, now_ms, t->timeout_ms);
}

void timeouts_close(timeouts *t, uint64_t now_ms, uint64_t timeout_ms) {
  t->final_ms = sum(now_ms, t->close_deadline_ms);
  t->progress.target = UINT64_MAX;
  closing_deadline(t, now_ms, timeout_ms);
}

/* If our close frame is acknowledged, the peer has had it since the look before, or not so long. A
   deadline that is at its end is not started again, or it would wait for one more poll for ever. */
void timeouts_seen_closing(timeouts *t, uint64_t now_ms, const progress_seen *seen,
                           uint64_t timeout_ms) {
  const bool reached = progress_reached(&t->progress);
  const uint64_t gone_ms = reached ? progress_part_ms(timeout_ms) : 0;
  if (seen->more && t->deadline_ms < t->final_ms) {
    closing_deadline(t, now_ms, timeout_ms - gone_ms);
  } else {
    t->progress.look_ms = 0;
    progress_plan(&t->progress, now_ms, t->timeout_ms);
  }
  if (reached) t->progress.look_ms = 0;
}

/* When a timeout is found for the first time, it counts only after one more poll. */
static timeouts_verdict passed(timeouts *t, uint64_t deadline_ms, timeouts_verdict verdict) {
  bool polled = t->last_poll && t->deadline_ms == deadline_ms;
  t->last_poll = true;
  t->deadline_ms = deadline_ms;
  return polled ? verdict : TIMEOUTS_POLL;
}

timeouts_verdict timeouts_check(timeouts *t, uint64_t now_ms) {
  if (now_ms < t->check_ms) {
    t->last_poll = false;
    return TIMEOUTS_NOTHING;
  }
  if (!t->last_poll && deadline_put_off(t, now_ms)) return TIMEOUTS_NOTHING;
  t->check_ms = t->deadline_ms;
  if (now_ms < t->deadline_ms) return TIMEOUTS_NOTHING;
  return passed(t, t->deadline_ms, TIMEOUTS_OVER);
}

timeouts_verdict timeouts_check_open(timeouts *t, uint64_t now_ms, bool paused) {
  const keepalive *k = &t->keepalive;
  if (!paused && keepalive_on(k) && keepalive_dead(k, now_ms)) {
    return passed(t, keepalive_dead_ms(k), TIMEOUTS_DEAD);
  }
  if (idle_on(t, paused) && now_ms >= idle_ms(t)) return passed(t, idle_ms(t), TIMEOUTS_IDLE);
  t->last_poll = false;
  return keepalive_on(k) && keepalive_ping_due(k, now_ms) ? TIMEOUTS_PING : TIMEOUTS_NOTHING;
}

uint64_t timeouts_next_ms(const timeouts *t) {
  const uint64_t look_ms = t->progress.look_ms;
  if (t->last_poll) return 0;
  return look_ms != 0 && look_ms < t->check_ms ? look_ms : t->check_ms;
}

uint64_t timeouts_next_open_ms(const timeouts *t, bool paused) {
  uint64_t at = UINT64_MAX;
  if (t->last_poll) return 0;
  if (keepalive_on(&t->keepalive)) at = keepalive_next_ms(&t->keepalive, paused);
  if (!paused && t->progress.look_ms != 0 && t->progress.look_ms < at) at = t->progress.look_ms;
  return idle_on(t, paused) && idle_ms(t) < at ? idle_ms(t) : at;
}
