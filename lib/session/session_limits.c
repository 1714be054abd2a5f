#include "session/session_limits.h"

/* A token bucket, and the end of a session's life. */

enum {
  MESSAGE = 1000, /* A message costs this much credit, and `max_rate` comes in each millisecond. */
  FULL_MS = 1000, /* The bucket is full after this many milliseconds. */
  JITTER = 10     /* A life is shortened by up to this part of it: a tenth. */
};

bool limits_wanted(const wsuv_config_t *config) {
  return config->max_message_rate > 0 || config->max_lifetime_ms > 0;
}

void limits_init(session_limits *l, const wsuv_config_t *config) {
  *l = (session_limits){.max_rate = config->max_message_rate,
                        .max_lifetime_ms = config->max_lifetime_ms,
                        .end_ms = UINT64_MAX};
}

void limits_open(session_limits *l, uint64_t now_ms, uint64_t random) {
  const uint64_t life_ms = l->max_lifetime_ms - random % (l->max_lifetime_ms / JITTER + 1);
  l->credit = l->max_rate * FULL_MS;
  l->filled_ms = now_ms;
  if (l->max_lifetime_ms > 0 && life_ms < UINT64_MAX - now_ms) l->end_ms = now_ms + life_ms;
}

uint64_t limits_messages(session_limits *l, uint64_t now_ms) {
  const uint64_t passed_ms = now_ms - l->filled_ms, most = l->max_rate * FULL_MS;
  if (l->max_rate == 0) return UINT64_MAX;
  const uint64_t more = l->max_rate * (passed_ms < FULL_MS ? passed_ms : FULL_MS);
  l->credit = l->credit + more < most ? l->credit + more : most;
  l->filled_ms = now_ms;
  return l->credit / MESSAGE;
}

void limits_received(session_limits *l, uint64_t messages) {
  if (l->max_rate > 0) l->credit -= messages * MESSAGE;
}

bool limits_spent(const session_limits *l) {
  return l->max_rate > 0 && l->credit < MESSAGE;
}

uint64_t limits_refilled_ms(const session_limits *l) {
  return l->filled_ms + (MESSAGE - l->credit + l->max_rate - 1) / l->max_rate;
}
