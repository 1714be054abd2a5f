#ifndef WS_SESSION_KEEPALIVE_H
#define WS_SESSION_KEEPALIVE_H

/* When to send a ping, and when the connection counts as dead. It gets times as arguments, and uses
   no timer and no socket. Every byte that is received counts as a sign of life, because a peer
   cannot answer while it sends a large frame. The pings themselves are in pings.h. */

#include <stdbool.h>
#include <stdint.h>

typedef struct keepalive {
  /* A ping is sent every `interval_ms` milliseconds (0: never), and the peer must send something
     within `timeout_ms` milliseconds after it. UINT32_MAX, about 50 days, and all that is longer
     stand for never. */
  uint32_t interval_ms, timeout_ms;
  uint64_t next_ping_ms; /* The next ping is due at this time, in milliseconds. */
  /* The timeout started at this time, in milliseconds; UINT64_MAX: it does not run, because no ping
     was sent or a byte has come since. */
  uint64_t waiting_since_ms;
} keepalive;

/* Start with these values, or begin anew. timeout_ms 0 stands for twice the interval. */
void keepalive_start(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms);

static inline bool keepalive_on(const keepalive *k) {
  return k->interval_ms > 0;
}

/* Bytes were received. */
static inline void keepalive_received(keepalive *k) {
  k->waiting_since_ms = UINT64_MAX;
}

/* Whether the timeout runs. */
static inline bool keepalive_waits(const keepalive *k) {
  return k->waiting_since_ms != UINT64_MAX;
}

/* The earliest time at which keepalive_ping_due or keepalive_dead can become true; with
   `pings_only`, keepalive_ping_due alone. Call it only while pings are on. */
uint64_t keepalive_next_ms(const keepalive *k, bool pings_only);

bool keepalive_ping_due(const keepalive *k, uint64_t now_ms);
bool keepalive_dead(const keepalive *k, uint64_t now_ms);

/* The time at which the connection counts as dead if no byte is received before. */
uint64_t keepalive_dead_ms(const keepalive *k);

/* Wait for the answer to a ping: the timeout starts unless it runs already, and the next ping is
   due one interval after now. */
void keepalive_wait(keepalive *k, uint64_t now_ms);

/* If the timeout runs, let it start at this time instead, unless it started later. */
void keepalive_postpone(keepalive *k, uint64_t at_ms);

#endif
