#ifndef WS_SESSION_KEEPALIVE_H
#define WS_SESSION_KEEPALIVE_H

/* When to send a ping, when the connection counts as dead, and how long answers take. It gets times
   as arguments, and uses no timer and no socket. Every byte that is received counts as a sign of
   life, because a peer cannot answer while it sends a large frame. Until the peer has the ping that
   the timeout waits for, bytes that it acknowledges count as well, because it cannot answer a ping
   that is still on its way behind other data. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

enum { KEEPALIVE_PAYLOAD = 8 }; /* bytes of a ping */

typedef struct keepalive {
  /* A ping is sent every `interval_ms` milliseconds (0: never), and the peer must send something
     within `timeout_ms` milliseconds after it. UINT32_MAX, about 50 days, and all that is longer
     stand for never. */
  uint32_t interval_ms, timeout_ms;
  uint64_t next_ping_ms; /* The next ping is due at this time, in milliseconds. */
  /* The timeout started at this time, in milliseconds, if `waiting` is set. */
  uint64_t waiting_since_ms;
  /* The last ping was written at this time, in nanoseconds; 0 if it was not written yet, or if it
     was answered. */
  uint64_t sent_ns;
  /* These are the last, the shortest and the smoothed round-trip time, in microseconds; UINT32_MAX
     stands for that long or longer. */
  uint32_t last_us, min_us, smoothed_us;
  uint32_t count; /* This many pings were made. */
  /* The timeout runs: a ping is not answered, and no byte has come since it started. */
  bool waiting;
  bool queued; /* The last ping is still in the queue. */
  /* The ping that the timeout waits for may not be acknowledged yet, so the timeout starts again
     whenever the peer acknowledges bytes. */
  bool delayed;
  bool answered;     /* At least one ping was answered, so the measured times are valid. */
  uint8_t random[4]; /* The payload of the last ping begins with these bytes. */
} keepalive;

/* Set the values that keepalive_start begins with when the session opens. */
void keepalive_set(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms);

/* timeout_ms 0 stands for twice the interval. */
void keepalive_start(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms);

static inline bool keepalive_on(const keepalive *k) {
  return k->interval_ms > 0;
}

/* Bytes were received. */
static inline void keepalive_received(keepalive *k) {
  k->waiting = false;
}

/* The earliest time at which keepalive_ping_due or keepalive_dead can become true; with
   `pings_only`, keepalive_ping_due alone. Call it only while pings are on. */
uint64_t keepalive_next_ms(const keepalive *k, bool pings_only);

/* Change interval and timeout. The measured round-trip times are not changed. */
void keepalive_change(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms);

bool keepalive_ping_due(const keepalive *k, uint64_t now_ms);
bool keepalive_dead(const keepalive *k, uint64_t now_ms);

/* The time at which the connection counts as dead if no byte is received before. */
uint64_t keepalive_dead_ms(const keepalive *k);

/* The next ping is made with four random bytes. The caller then queues it with this payload, which
   is unique in the session. `delayed`: the peer has not acknowledged all that goes before it. */
void keepalive_ping(keepalive *k, const uint8_t random[4], uint64_t now_ms, bool delayed);
void keepalive_payload(const keepalive *k, uint8_t payload[KEEPALIVE_PAYLOAD]);

/* Whether the last ping is still in the queue. If so, no other ping is queued: when the next one
   becomes due, the session calls keepalive_wait instead. */
static inline bool keepalive_queued(const keepalive *k) {
  return k->queued;
}

/* Wait for the answer to the last ping, which is in the queue: the timeout starts unless it runs
   already, and the next ping is due one interval after now. */
void keepalive_wait(keepalive *k, uint64_t now_ms, bool delayed);

/* Whether the timeout runs. */
static inline bool keepalive_waits(const keepalive *k) {
  return k->waiting;
}

/* Whether it must be found out what the peer acknowledges, by keepalive_acknowledged. */
static inline bool keepalive_watches(const keepalive *k) {
  return k->waiting && k->delayed;
}

/* The peer has acknowledged bytes since the last look; `reached`: also the ping that the timeout
   waits for. That happened after the look before, which was at `before_ms` or later. */
void keepalive_acknowledged(keepalive *k, uint64_t now_ms, uint64_t before_ms, bool reached);

/* The kernel took the whole ping. */
void keepalive_sent(keepalive *k, uint64_t now_ns);

/* A pong was received. The round-trip time is measured only if it answers the last ping. */
void keepalive_pong(keepalive *k, const uint8_t *payload, size_t len, uint64_t now_ns);

#endif
