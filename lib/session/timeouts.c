#include "session/timeouts.h"

/* Decides which timeout of an open session has passed. The session acts. */

void timeouts_open(timeouts *t, uint64_t now_ms, uint64_t ping_interval_ms,
                   uint64_t ping_timeout_ms) {
  *t = (timeouts){0};
  keepalive_start(&t->keepalive, ping_interval_ms, ping_timeout_ms, now_ms);
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

bool timeouts_queued(timeouts *t, progress *p, uint64_t now_ms) {
  const uint64_t look_ms = p->look_ms;
  timeouts_used(t, now_ms);
  if (t->data_queued && look_ms != 0) return false;
  t->data_queued = true;
  progress_plan(p, now_ms, t->idle_timeout_ms);
  return p->look_ms != look_ms;
}

/* The first ping without an answer counts, and how far it has come. */
void timeouts_ping(timeouts *t, progress *p, uint64_t now_ms, bool delayed) {
  if (!keepalive_waits(&t->keepalive)) p->target = delayed ? UINT64_MAX : 0;
  keepalive_wait(&t->keepalive, now_ms);
}

void timeouts_acknowledged(timeouts *t, progress *p, uint64_t now_ms, uint64_t before_ms,
                           bool reached) {
  if (!timeouts_watch_ping(t, p)) return;
  keepalive_postpone(&t->keepalive, reached ? before_ms : now_ms);
  if (reached) p->target = 0;
}

/* Data that was queued after the last look and is acknowledged now counts from when it was queued,
   and the last byte of a ping from the look before: the peer has had it at most so long. */
void timeouts_seen(timeouts *t, progress *p, uint64_t now_ms, const progress_seen *seen,
                   bool data_queued) {
  const bool under_way = t->data_under_way, reached = progress_reached(p);
  const uint64_t part_ms = progress_part_ms(t->keepalive.timeout_ms);
  const uint64_t before_ms = now_ms > part_ms ? now_ms - part_ms : 0;
  if (t->data_queued) t->data_end = seen->written;
  if (p->acknowledged >= (int64_t) t->data_end) t->data_end = 0;
  t->data_queued = data_queued;
  t->data_under_way = data_queued || t->data_end > 0;
  if (seen->more && (under_way || t->data_under_way)) timeouts_used(t, now_ms);
  if (seen->more || reached) timeouts_acknowledged(t, p, now_ms, before_ms, reached);
}

void timeouts_plan_look(const timeouts *t, progress *p, uint64_t now_ms) {
  p->look_ms = 0;
  if (timeouts_watch_ping(t, p)) progress_plan(p, now_ms, t->keepalive.timeout_ms);
  if (t->data_under_way && t->idle_timeout_ms > 0) progress_plan(p, now_ms, t->idle_timeout_ms);
}

/* Checking */

/* When a timeout is found for the first time, it counts only after one more poll. */
static timeouts_verdict passed(timeouts *t, uint64_t at_ms, timeouts_verdict verdict) {
  bool polled = t->last_poll && t->polled_ms == (uint32_t) at_ms;
  t->last_poll = true;
  t->polled_ms = (uint32_t) at_ms;
  return polled ? verdict : TIMEOUTS_POLL;
}

timeouts_verdict timeouts_check(timeouts *t, uint64_t now_ms, bool paused) {
  const keepalive *k = &t->keepalive;
  if (!paused && keepalive_on(k) && keepalive_dead(k, now_ms)) {
    return passed(t, keepalive_dead_ms(k), TIMEOUTS_DEAD);
  }
  if (idle_on(t, paused) && now_ms >= idle_ms(t)) return passed(t, idle_ms(t), TIMEOUTS_IDLE);
  t->last_poll = false;
  return keepalive_on(k) && keepalive_ping_due(k, now_ms) ? TIMEOUTS_PING : TIMEOUTS_NOTHING;
}

uint64_t timeouts_next_ms(const timeouts *t, const progress *p, bool paused) {
  uint64_t at = UINT64_MAX;
  if (t->last_poll) return 0;
  if (keepalive_on(&t->keepalive)) at = keepalive_next_ms(&t->keepalive, paused);
  if (!paused && p->look_ms != 0 && p->look_ms < at) at = p->look_ms;
  return idle_on(t, paused) && idle_ms(t) < at ? idle_ms(t) : at;
}
