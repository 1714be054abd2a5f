#include "session/keepalive.h"

#include <string.h>

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

void keepalive_set(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms) {
  k->interval_ms = at_most(interval_ms);
  k->timeout_ms = at_most(timeout_ms);
}

void keepalive_start(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms) {
  memset(k, 0, sizeof *k);
  keepalive_change(k, interval_ms, timeout_ms, now_ms);
}

void keepalive_change(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms) {
  uint64_t twice = interval_ms > UINT64_MAX / 2 ? UINT64_MAX : interval_ms * 2;
  keepalive_set(k, interval_ms, timeout_ms > 0 ? timeout_ms : twice);
  k->waiting = k->delayed = false;
  skip(k, now_ms);
}

uint64_t keepalive_dead_ms(const keepalive *k) {
  return after(k->waiting_since_ms, k->timeout_ms);
}

uint64_t keepalive_next_ms(const keepalive *k, bool pings_only) {
  if (!pings_only && k->waiting && keepalive_dead_ms(k) < k->next_ping_ms)
    return keepalive_dead_ms(k);
  return k->next_ping_ms;
}

bool keepalive_ping_due(const keepalive *k, uint64_t now_ms) {
  return now_ms >= k->next_ping_ms;
}

bool keepalive_dead(const keepalive *k, uint64_t now_ms) {
  return k->waiting && now_ms >= keepalive_dead_ms(k);
}

void keepalive_wait(keepalive *k, uint64_t now_ms, bool delayed) {
  skip(k, now_ms);
  if (k->waiting) return;
  k->waiting = true; /* because of the last ping */
  k->delayed = delayed;
  k->waiting_since_ms = now_ms;
}

void keepalive_ping(keepalive *k, const uint8_t random[4], uint64_t now_ms, bool delayed) {
  k->count++;
  memcpy(k->random, random, sizeof k->random);
  k->queued = true;
  k->sent_ns = 0;
  keepalive_wait(k, now_ms, delayed);
}

void keepalive_payload(const keepalive *k, uint8_t payload[KEEPALIVE_PAYLOAD]) {
  memcpy(payload, k->random, 4);
  memcpy(payload + 4, &k->count, 4);
}

void keepalive_acknowledged(keepalive *k, uint64_t now_ms, uint64_t before_ms, bool reached) {
  if (!keepalive_watches(k)) return;
  k->delayed = !reached;
  if (!reached) before_ms = now_ms;
  if (k->waiting_since_ms < before_ms) k->waiting_since_ms = before_ms;
}

void keepalive_sent(keepalive *k, uint64_t now_ns) {
  k->queued = false;
  k->sent_ns = now_ns;
}

void keepalive_pong(keepalive *k, const uint8_t *payload, size_t len, uint64_t now_ns) {
  uint8_t expected[KEEPALIVE_PAYLOAD];
  keepalive_payload(k, expected);
  bool ours = k->sent_ns != 0 && len == sizeof expected && memcmp(payload, expected, len) == 0;
  if (!ours) return;
  const uint64_t passed_us = (now_ns - k->sent_ns) / 1000;
  const uint32_t us = passed_us < UINT32_MAX ? (uint32_t) passed_us : UINT32_MAX;
  k->sent_ns = 0; /* a second pong for the same ping is not measured */
  k->min_us = !k->answered || us < k->min_us ? us : k->min_us;
  k->smoothed_us = k->answered ? (uint32_t) ((UINT64_C(7) * k->smoothed_us + us) / 8) : us;
  k->last_us = us;
  k->answered = true;
}
