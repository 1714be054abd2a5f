#ifndef WS_SESSION_SESSION_H
#define WS_SESSION_SESSION_H

/* One session, and the only one who acts: it holds the state, asks its parts, and alone ends. */

#include <stdbool.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/list.h"
#include "net/filter.h"
#include "proto/frame/conn.h"
#include "proto/handshake/handshake_result.h"
#include "session/attempt.h"
#include "session/callback_set.h"
#include "session/cause.h"
#include "session/closing.h"
#include "session/endpoint.h"
#include "session/inflow.h"
#include "session/log.h"
#include "session/outflow.h"
#include "session/timeouts.h"

/* Every change goes through one function of session.c. */
typedef enum session_state {
  SESSION_NEW,        /* the attempt has not begun */
  SESSION_CONNECTING, /* the attempt is under way: attempt_stage knows more */
  SESSION_OPEN,
  SESSION_CLOSING, /* a close frame is queued or has come, or writing has failed */
  SESSION_LINGER,  /* nothing is left but to wait for the end of the stream */
  SESSION_ENDED    /* on_close follows, and no other callback runs any more */
} session_state;

struct wsuv_session {
  endpoint *endpoint;
  ws_list node;                           /* Of endpoint->sessions. */
  endpoint_task task;                     /* Its turn in the tick. */
  callback_set *on;                       /* The callbacks of the program. */
  void *data;                             /* A pointer of the program. */
  const struct wsuv_converter *converter; /* The endpoint's, or its own; NULL: none. */
  attempt *attempt;            /* Until the session is open; of one that never is, until its end. */
  handshake_result *handshake; /* Until on_open has returned or, if it is kept, until the end. */
  char *subprotocol;           /* The one that was agreed upon, or NULL. */
  ws_filter *filter;           /* Of an open session, until it is closed; else NULL. */
  ws_timer *timer;
  conn conn;
  outflow out;
  timeouts timeouts;
  closing closing;
  cause cause;
  attempt_figures figures; /* Those of the attempt, and what came after it. */
  inflow in;
  uint8_t state;        /* session_state */
  bool keep_handshake;  /* Configured. */
  bool close_when_full; /* The outgoing policy. */
  bool unref;           /* It does not keep the loop alive. */
};

/* A session without a connection, which nobody knows of yet. `on` becomes its own when this
   succeeds. 0; WS_ENOMEM; or what the environment says. */
int session_new(wsuv_session_t **out, endpoint *e, const wsuv_config_t *config, callback_set *on);

/* Free one that has not begun. */
void session_discard(wsuv_session_t *s);

/* What its attempt tells it. */
extern const attempt_events session_attempt_events;

/* Begin with the attempt that it was given: from now on it ends in exactly one on_close. */
void session_begin(wsuv_session_t *s, uint64_t handshake_timeout_ms);

/* Have its turn in the next tick, unless a flush follows anyhow. */
static inline void session_schedule(wsuv_session_t *s) {
  if (!s->in.delivering) endpoint_schedule(s->endpoint, &s->task);
}

/* The one end: no callback but on_close runs after this. `status` and `detail` count unless
   something decided before (cause.h). */
void session_end(wsuv_session_t *s, int status, const char *detail);

/* Fail the connection (RFC 6455 7.1.7): tell the peer behind what is queued, then end with `err`.
 */
void session_fail(wsuv_session_t *s, int err, const char *why);

/* conn has failed by itself, with a close frame queued: the session will end with `err`. */
void session_failed(wsuv_session_t *s, int err);

/* Queue our close frame, which begins or answers the closing handshake: as conn_close; and
   WSUV_ESTATE: it is not open, or the frame is made already. */
int session_close(wsuv_session_t *s, unsigned code, const char *reason, size_t len);

/* What the timer of an open session waits for has changed. */
void session_rearm(wsuv_session_t *s);

/* The filter, as long as there is a connection that is not closed; or NULL. */
const ws_filter *session_filter(const wsuv_session_t *s);

wsuv_stage_t session_stage(const wsuv_session_t *s);

/* Have the frames of all sessions of an endpoint written to its log, if that wants them. */
void session_trace(endpoint *e);

static inline log_to session_log(const wsuv_session_t *s) {
  return (log_to){&s->endpoint->config, s};
}

static inline const ws_env_ops *session_ops(const wsuv_session_t *s) {
  return s->endpoint->env->ops;
}

static inline uint64_t session_now_ms(const wsuv_session_t *s) {
  return session_ops(s)->now_ms(s->endpoint->env);
}

static inline uint64_t session_now_ns(const wsuv_session_t *s) {
  return session_ops(s)->now_ns(s->endpoint->env);
}

/* Some of a message goes or comes: the session is not idle. */
static inline void session_used(wsuv_session_t *s) {
  if (s->timeouts.idle_timeout_ms > 0) timeouts_used(&s->timeouts, session_now_ms(s));
}

#endif
