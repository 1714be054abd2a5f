#ifndef WS_SESSION_PINGS_H
#define WS_SESSION_PINGS_H

/* The pings of the keepalive, one at a time, and the round-trip times that their answers show. When
   a ping is due is known elsewhere (keepalive.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PING_PAYLOAD = 8 }; /* bytes of a ping */

typedef struct pings {
  /* The last ping was written at this time, in nanoseconds; 0 if it was not written yet, or if its
     answer is not awaited any more. */
  uint64_t sent_ns;
  /* These are the last, the shortest and the smoothed round-trip time, in microseconds; UINT32_MAX
     stands for that long or longer. */
  uint32_t last_us, min_us, smoothed_us;
  uint32_t count;    /* This many pings were made. */
  uint8_t random[4]; /* The payload of the last ping begins with these bytes. */
  bool on;           /* Pongs are measured, because the session sends pings. */
  bool queued;       /* The last ping is still in the queue. */
  bool answered;     /* At least one ping was answered, so the measured times are valid. */
} pings;

/* The next ping is made with four random bytes. The caller then queues it with this payload, which
   is unique in the session. */
void pings_make(pings *p, const uint8_t random[4]);
void pings_payload(const pings *p, uint8_t payload[PING_PAYLOAD]);

/* The kernel took the whole ping. */
void pings_sent(pings *p, uint64_t now_ns);

/* Reading has stopped for a while, so the answer to the last ping, if that was written, may have
   come long ago: it is not measured. */
void pings_unread(pings *p);

/* A pong was received. The round-trip time is measured only if it answers the last ping. */
void pings_pong(pings *p, const uint8_t *payload, size_t len, uint64_t now_ns);

#endif
