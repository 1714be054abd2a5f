#include "session/timeouts.h"

/* Decides which timeout has passed. The session acts. */

void timeouts_set_deadline(timeouts *t, uint64_t now_ms, uint64_t delay_ms) {
  t->last_poll = false;
  t->deadline_ms = delay_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + delay_ms;
}

void timeouts_open(timeouts *t, uint64_t now_ms) {
  const keepalive *k = &t->keepalive;
  if (keepalive_on(k)) keepalive_start(&t->keepalive, k->interval_ms, k->timeout_ms, now_ms);
  timeouts_used(t, now_ms);
}

static bool idle_on(const timeouts *t, bool paused) {
  return t->idle_timeout_ms > 0 && !paused;
}

static uint64_t idle_ms(const timeouts *t) {
  uint64_t at = t->last_data_ms + t->idle_timeout_ms;
  return at < t->idle_timeout_ms ? UINT64_MAX : at;
}

/* When a timeout is found for the first time, it counts only after one more poll. */
static timeouts_verdict passed(timeouts *t, uint64_t deadline_ms, timeouts_verdict verdict) {
  bool polled = t->last_poll && t->deadline_ms == deadline_ms;
  t->last_poll = true;
  t->deadline_ms = deadline_ms;
  return polled ? verdict : TIMEOUTS_POLL;
}

timeouts_verdict timeouts_check(timeouts *t, uint64_t now_ms) {
  if (now_ms < t->deadline_ms) {
    t->last_poll = false;
    return TIMEOUTS_NOTHING;
  }
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
  return t->last_poll ? 0 : t->deadline_ms;
}

uint64_t timeouts_next_open_ms(const timeouts *t, bool paused) {
  uint64_t at = UINT64_MAX;
  if (t->last_poll) return 0;
  if (keepalive_on(&t->keepalive)) at = keepalive_next_ms(&t->keepalive, paused);
  return idle_on(t, paused) && idle_ms(t) < at ? idle_ms(t) : at;
}
