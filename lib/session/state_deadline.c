#include "session/state_deadline.h"

/* Decides whether the deadline of a state has passed. The session acts. */

enum {
  LATE_MS = 10,    /* a timer that comes later than this means that the loop was away */
  LAST_PART = 8,   /* in this part of its time, a session needs the loop: an eighth */
  PUT_OFFS_MAX = 8 /* how often a deadline is put off, also if the loop is always away */
};

static uint64_t sum(uint64_t a, uint64_t b) {
  return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static uint64_t check_ms(const state_deadline *d) {
  return d->early ? d->at_ms - d->timeout_ms / LAST_PART : d->at_ms;
}

/* The deadline is `left_ms` from now. It is checked before the last part of its time, and then. */
static void deadline_begin(state_deadline *d, uint64_t now_ms, uint64_t left_ms) {
  d->last_poll = false;
  d->at_ms = sum(now_ms, left_ms);
  d->early = left_ms > d->timeout_ms / LAST_PART;
}

void state_deadline_set(state_deadline *d, progress *p, uint64_t now_ms, uint64_t delay_ms) {
  d->timeout_ms = delay_ms < UINT32_MAX ? (uint32_t) delay_ms : UINT32_MAX;
  d->put_offs = 0;
  p->look_ms = 0;
  deadline_begin(d, now_ms, delay_ms);
}

/* Give back the time that the loop was away, and the last part. That is at most the whole time. */
static bool deadline_put_off(state_deadline *d, uint64_t now_ms) {
  uint64_t late_ms = now_ms - check_ms(d);
  uint64_t lost_ms = sum(late_ms, d->timeout_ms / LAST_PART);
  if (late_ms <= LATE_MS || d->put_offs == PUT_OFFS_MAX) return false;
  d->put_offs++;
  deadline_begin(d, now_ms, lost_ms < d->timeout_ms ? lost_ms : d->timeout_ms);
  return true;
}

void state_deadline_hold(state_deadline *d, uint64_t now_ms) {
  uint64_t part_ms = d->timeout_ms / LAST_PART;
  if (now_ms >= check_ms(d)) deadline_begin(d, now_ms, sum(part_ms, part_ms + 1));
}

/* Start the deadline of the closing handshake, but not beyond its end. */
static void closing_deadline(state_deadline *d, progress *p, uint64_t now_ms, uint64_t timeout_ms) {
  const uint64_t left_ms = now_ms < d->final_ms ? d->final_ms - now_ms : 0;
  state_deadline_set(d, p, now_ms, timeout_ms < left_ms ? timeout_ms : left_ms);
  progress_plan(p, now_ms, d->timeout_ms);
}

void state_deadline_close(state_deadline *d, progress *p, uint64_t now_ms, uint64_t timeout_ms,
                          uint64_t most_ms) {
  d->final_ms = sum(now_ms, most_ms);
  p->target = UINT64_MAX;
  closing_deadline(d, p, now_ms, timeout_ms);
}

/* If our close frame is acknowledged, the peer has had it since the look before, or not so long. A
   deadline that is at its end is not started again, or it would wait for one more poll for ever. */
void state_deadline_seen(state_deadline *d, progress *p, uint64_t now_ms, const progress_seen *seen,
                         uint64_t timeout_ms) {
  const bool reached = progress_reached(p);
  const uint64_t gone_ms = reached ? progress_part_ms(timeout_ms) : 0;
  if (seen->more && d->at_ms < d->final_ms) {
    closing_deadline(d, p, now_ms, timeout_ms - gone_ms);
  } else {
    p->look_ms = 0;
    progress_plan(p, now_ms, d->timeout_ms);
  }
  if (reached) p->look_ms = 0;
}

/* When it is found for the first time, it counts only after one more poll. */
bool state_deadline_passed(state_deadline *d, uint64_t now_ms) {
  if (now_ms < check_ms(d)) {
    d->last_poll = false;
    return false;
  }
  if (!d->last_poll && deadline_put_off(d, now_ms)) return false;
  d->early = false;
  if (now_ms < d->at_ms) return false;
  const bool polled = d->last_poll;
  d->last_poll = true;
  return polled;
}

uint64_t state_deadline_next_ms(const state_deadline *d, const progress *p) {
  if (d->last_poll) return 0;
  return p->look_ms != 0 && p->look_ms < check_ms(d) ? p->look_ms : check_ms(d);
}
