#ifndef WS_SESSION_SESSION_LIMITS_H
#define WS_SESSION_SESSION_LIMITS_H

/* The limits that few sessions have: messages a second, and the longest life. A session without
   them has no memory for them. It gets times as arguments, and uses no timer and no session. */

#include <stdbool.h>
#include <stdint.h>

#include <wsuv/config.h>

/* The messages are limited by a token bucket: it fills with `max_rate` messages a second, and holds
   as many as come in one second. */
typedef struct session_limits {
  uint64_t max_rate; /* So many messages a second may be received; 0 stands for no limit. */
  /* At `filled_ms`, in milliseconds, so many thousandths of a message might be received. */
  uint64_t credit, filled_ms;
  /* The session may be open for so many milliseconds; 0 stands for no limit. */
  uint64_t max_lifetime_ms;
  /* The session has lived long enough at this time, in milliseconds; UINT64_MAX: never. */
  uint64_t end_ms;
} session_limits;

/* Whether a session with this configuration has any of the limits. */
bool limits_wanted(const wsuv_config_t *config);

void limits_init(session_limits *l, const wsuv_config_t *config);

/* The session is open. `random` is any number, by which its life is shortened by up to a tenth. */
void limits_open(session_limits *l, uint64_t now_ms, uint64_t random);

/* How many messages may be received now; UINT64_MAX: any number. */
uint64_t limits_messages(session_limits *l, uint64_t now_ms);

/* So many messages were received, of those that limits_messages has allowed. */
void limits_received(session_limits *l, uint64_t messages);

/* Whether no message may be received before limits_refilled_ms. */
bool limits_spent(const session_limits *l);
uint64_t limits_refilled_ms(const session_limits *l);

#endif
