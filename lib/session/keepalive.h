#ifndef WS_SESSION_KEEPALIVE_H
#define WS_SESSION_KEEPALIVE_H

/* When to ping, when to give up, and how long the answers take. Knows times only: no timer, no
   socket. Any byte received counts as life, since a peer amid a large frame cannot answer. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

enum { KEEPALIVE_PAYLOAD = 8 }; /* bytes of a ping */

typedef struct keepalive {
  uint64_t interval_ms, timeout_ms; /* interval 0: off */
  uint64_t next_ping_ms;
  uint64_t
      waiting_since_ms; /* since when there has been no sign of life, though a ping asks for it */
  uint64_t sent_ns;     /* when the last ping went; 0: it is answered */
  uint64_t last_us, min_us, smoothed_us;
  uint32_t count;                     /* pings sent */
  bool waiting;                       /* no sign of life since a ping */
  bool queued;                        /* the last ping is not in the kernel's hands */
  bool starts;                        /* ... and it is the one that the waiting is for */
  bool answered;                      /* some ping has been, so that the times mean something */
  uint8_t payload[KEEPALIVE_PAYLOAD]; /* of the last ping */
} keepalive;

/* timeout_ms 0: twice the interval. */
void keepalive_start(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms);

static inline bool keepalive_on(const keepalive *k) {
  return k->interval_ms > 0;
}

/* Something was received. */
static inline void keepalive_alive(keepalive *k) {
  k->waiting = false;
}

/* When keepalive_ping_due or, unless only pings matter, keepalive_dead may change next. Only while
   it is on. */
uint64_t keepalive_next_ms(const keepalive *k, bool pings_only);

/* Go on with another interval and timeout. Times that were measured stay. */
void keepalive_change(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms, uint64_t now_ms);

bool keepalive_ping_due(const keepalive *k, uint64_t now_ms);
bool keepalive_dead(const keepalive *k, uint64_t now_ms);
uint64_t keepalive_dead_ms(const keepalive *k); /* from when on, if there is no sign of life */

/* A ping is queued: make its payload, unique in the session, from four random bytes. */
void keepalive_ping(keepalive *k, const uint8_t random[4], uint64_t now_ms);

/* Whether the last ping is not in the kernel's hands yet: then none but it is queued. When the next
   is due, it stands for that one, too, and the next is due an interval later. */
static inline bool keepalive_queued(const keepalive *k) {
  return k->queued;
}
void keepalive_repeat(keepalive *k, uint64_t now_ms);

/* While it waits: bytes before it went, so the peer still takes some; then it went itself. */
void keepalive_delayed(keepalive *k, uint64_t now_ms);
void keepalive_sent(keepalive *k, uint64_t now_ms, uint64_t now_ns);

/* A pong came: the answer to the last ping, or any other. */
void keepalive_pong(keepalive *k, const uint8_t *payload, size_t len, uint64_t now_ns);

#endif
