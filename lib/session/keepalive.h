#ifndef WS_SESSION_KEEPALIVE_H
#define WS_SESSION_KEEPALIVE_H

/* When to send a ping, when the connection counts as dead, and how long answers take. Knows times
   only: no timer, no socket. Every byte that is received counts as a sign of life, because a peer
   cannot answer while it sends a large frame. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

enum { KEEPALIVE_PAYLOAD = 8 }; /* bytes of a ping */

typedef struct keepalive {
  uint64_t interval_ms, timeout_ms; /* interval 0: off */
  uint64_t next_ping_ms;
  uint64_t waiting_since_ms; /* When the timeout started, if it runs. */
  uint64_t sent_ns;          /* When the last ping was written; 0: not yet, or it was answered. */
  uint64_t last_us, min_us, smoothed_us;
  uint32_t count; /* Pings that were queued. */
  bool waiting;   /* The timeout runs: a ping is unanswered, and no byte has come since. */
  bool queued;    /* The kernel has not taken the last ping yet. */
  bool starts;    /* The timeout counts from when the last ping is written. */
  bool answered;  /* At least one ping was answered: the measured times are valid. */
  uint8_t payload[KEEPALIVE_PAYLOAD]; /* The payload of the last ping. */
} keepalive;

/* timeout_ms 0 stands for twice the interval. */
void keepalive_start(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms);

static inline bool keepalive_on(const keepalive *k) {
  return k->interval_ms > 0;
}

/* Bytes were received. */
static inline void keepalive_alive(keepalive *k) {
  k->waiting = false;
}

/* The earliest time at which keepalive_ping_due or keepalive_dead can change; with `pings_only`
   only the former. Only while pings are on. */
uint64_t keepalive_next_ms(const keepalive *k, bool pings_only);

/* Change interval and timeout. Measured times stay. */
void keepalive_change(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms);

bool keepalive_ping_due(const keepalive *k, uint64_t now_ms);
bool keepalive_dead(const keepalive *k, uint64_t now_ms);

/* The time at which the connection counts as dead if no byte is received before. */
uint64_t keepalive_dead_ms(const keepalive *k);

/* A ping is queued. Make its payload, which is unique in the session, from four random bytes. */
void keepalive_ping(keepalive *k, const uint8_t random[4], uint64_t now_ms);

/* Whether the kernel has not taken the last ping yet. No other ping is queued meanwhile. If the
   next ping becomes due, it is skipped. */
static inline bool keepalive_queued(const keepalive *k) {
  return k->queued;
}
void keepalive_repeat(keepalive *k, uint64_t now_ms);

/* The kernel took bytes before the ping, so the peer still reads; then it took the ping itself. */
void keepalive_delayed(keepalive *k, uint64_t now_ms);
void keepalive_sent(keepalive *k, uint64_t now_ms, uint64_t now_ns);

/* A pong came, for the last ping or not. */
void keepalive_pong(keepalive *k, const uint8_t *payload, size_t len, uint64_t now_ns);

#endif
