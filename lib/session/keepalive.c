#include "session/keepalive.h"

/* The times of keepalive pings. */

/* So many milliseconds after a time. */
static uint64_t after(uint64_t at_ms, uint32_t ms) {
  return ms == UINT32_MAX || at_ms > UINT64_MAX - ms ? UINT64_MAX : at_ms + ms;
}

static uint32_t at_most(uint64_t ms) {
  return ms < UINT32_MAX ? (uint32_t) ms : UINT32_MAX;
}

static void skip(keepalive *k, uint64_t now_ms) {
  k->next_ping_ms = after(now_ms, k->interval_ms);
}

void keepalive_start(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms) {
  uint64_t twice = interval_ms > UINT64_MAX / 2 ? UINT64_MAX : interval_ms * 2;
  k->interval_ms = at_most(interval_ms);
  k->timeout_ms = at_most(timeout_ms > 0 ? timeout_ms : twice);
  k->waiting_since_ms = UINT64_MAX;
  skip(k, now_ms);
}

uint64_t keepalive_dead_ms(const keepalive *k) {
  return after(k->waiting_since_ms, k->timeout_ms);
}

uint64_t keepalive_next_ms(const keepalive *k, bool pings_only) {
  if (!pings_only && keepalive_waits(k) && keepalive_dead_ms(k) < k->next_ping_ms)
    return keepalive_dead_ms(k);
  return k->next_ping_ms;
}

bool keepalive_ping_due(const keepalive *k, uint64_t now_ms) {
  return now_ms >= k->next_ping_ms;
}

bool keepalive_dead(const keepalive *k, uint64_t now_ms) {
  return keepalive_waits(k) && now_ms >= keepalive_dead_ms(k);
}

void keepalive_wait(keepalive *k, uint64_t now_ms) {
  skip(k, now_ms);
  if (!keepalive_waits(k)) k->waiting_since_ms = now_ms; /* because of the last ping */
}

void keepalive_postpone(keepalive *k, uint64_t at_ms) {
  if (k->waiting_since_ms < at_ms && keepalive_waits(k)) k->waiting_since_ms = at_ms;
}
