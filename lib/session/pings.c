#include "session/pings.h"

#include <string.h>

/* Makes the payload of pings, and measures. */

void pings_make(pings *p, const uint8_t random[4]) {
  p->count++;
  memcpy(p->random, random, sizeof p->random);
  p->queued = true;
  p->sent_ns = 0;
}

void pings_payload(const pings *p, uint8_t payload[PING_PAYLOAD]) {
  memcpy(payload, p->random, 4);
  memcpy(payload + 4, &p->count, 4);
}

void pings_sent(pings *p, uint64_t now_ns) {
  p->queued = false;
  p->sent_ns = now_ns;
}

void pings_unread(pings *p) {
  p->sent_ns = 0;
}

void pings_pong(pings *p, const uint8_t *payload, size_t len, uint64_t now_ns) {
  uint8_t expected[PING_PAYLOAD];
  pings_payload(p, expected);
  bool ours = p->sent_ns != 0 && len == sizeof expected && memcmp(payload, expected, len) == 0;
  if (!ours) return;
  const uint64_t passed_us = (now_ns - p->sent_ns) / 1000;
  const uint32_t us = passed_us < UINT32_MAX ? (uint32_t) passed_us : UINT32_MAX;
  p->sent_ns = 0; /* a second pong for the same ping is not measured */
  p->min_us = !p->answered || us < p->min_us ? us : p->min_us;
  p->smoothed_us = p->answered ? (uint32_t) ((UINT64_C(7) * p->smoothed_us + us) / 8) : us;
  p->last_us = us;
  p->answered = true;
}
