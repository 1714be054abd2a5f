#ifndef WS_SESSION_SESSION_H
#define WS_SESSION_SESSION_H

/* One session. It has the state of the session. Its parts answer questions; only the session itself
   acts, and only it ends the session. */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/heap.h"
#include "base/list.h"
#include "net/filter.h"
#include "proto/frame/conn.h"
#include "proto/handshake/handshake_result.h"
#include "session/cause.h"
#include "session/closing.h"
#include "session/endpoint.h"
#include "session/forwarding.h"
#include "session/inflow.h"
#include "session/kind.h"
#include "session/log.h"
#include "session/opening.h"
#include "session/outflow.h"
#include "session/pings.h"
#include "session/progress.h"
#include "session/session_limits.h"
#include "session/state_deadline.h"
#include "session/timeouts.h"
#include "session/work.h"

/* Only enter() in session.c changes the state. */
typedef enum session_state {
  SESSION_QUEUED,  /* the opening waits for its turn */
  SESSION_NEW,     /* the opening has its turn, and has not started */
  SESSION_OPENING, /* the opening has started, and has a stage of its own */
  SESSION_OPEN,
  SESSION_CLOSING, /* a close frame is queued or was received, or writing has failed */
  SESSION_LINGER,  /* the session only waits for the end of the stream */
  SESSION_ENDED    /* on_close follows; no other callback runs any more */
} session_state;

/* What a session has only while it is not open: before, and from its closing on. */
typedef struct session_not_open {
  state_deadline deadline; /* The present state ends at this time. */
  cause cause;             /* This is why the session ends, as far as it is known. */
  close_reasons *reasons;  /* The session owns the texts of its close frames, or this is NULL. */
} session_not_open;

struct wsuv_session {
  endpoint *endpoint; /* The session belongs to this endpoint, which outlives it. */
  ws_list node;       /* This links the session into endpoint.sessions. */
  endpoint_task task; /* This is the session's work in the endpoint's tick. */
  void *data;         /* This pointer belongs to the program. */
  union {
    opening *opening;  /* Until the session has opened: its opening, which it owns. */
    ws_filter *filter; /* Once it has opened: the connection. */
  };
  union {
    /* If `has_handshake` is set: the handshake's result, which the session owns. A session has it
       in on_open, and afterwards if `keep_handshake` is set (session_handshake). */
    handshake_result *handshake;
    /* Otherwise: the name of the negotiated subprotocol, which the session owns, or NULL. */
    char *subprotocol;
  };
  heap_node deadline; /* This links the session into endpoint.deadlines, for all its timeouts. */
  /* This is the protocol's state. Its `work` is in a session_work; its `limits` are in the
     session's kind, to which the session holds a reference (session_kind_of). */
  conn conn;
  union {
    timeouts while_open; /* In SESSION_OPEN: its timeouts (session_while_open). */
    /* In the other states: what these need (session_while_not_open). */
    session_not_open while_not_open;
  };
  pings pings;       /* These are the last ping and the round-trip times. */
  progress progress; /* This is what the peer has acknowledged. */
  /* These are the opening's figures after the session has opened; wire_sent and wire_received then
     also count the session's bytes. */
  opening_figures figures;
  opening_steps steps;       /* The steps of the opening took this long. */
  inflow in;                 /* This is the state of reading and of the program's pause. */
  uint8_t state;             /* This is a session_state. */
  bool keep_handshake : 1;   /* The handshake's result is kept after on_open. */
  bool has_handshake : 1;    /* The session has the handshake's result. */
  bool opened : 1;           /* The session is open, or was open before it ended. */
  bool close_when_full : 1;  /* The session ends when a message does not fit into the queue. */
  bool unref : 1;            /* The session does not keep the loop alive before it closes. */
  bool limited : 1;          /* The session has `limits`. */
  bool forwarded : 1;        /* The session has what session_forwarding returns. */
  bool secured : 1;          /* On a server: the client's connection is secured by TLS. */
  bool has_idle_timeout : 1; /* The session is open and has an idle timeout. */
  bool close_left : 1;       /* The kernel has taken our whole close frame. */
  bool internal : 1;         /* The program never gets the session, and `data` is the library's. */
  session_limits limits[];   /* This is one element if `limited` is set, otherwise none. */
  /* Behind it are the peer's address, if `keep_handshake` is set, and what trusted proxies have
     said of the client, if `forwarded` is set (`layout_of` in session.c). */
};

/* Create a session without a connection. Nothing else refers to it yet, and it has no opening: the
   caller sets `opening` before session_begin. The callbacks are copied, and what trusted proxies
   say of the client, if they have said something; `client` may be NULL. Returns 0 or
   WS_ENOMEM. */
int session_new(wsuv_session_t **out, endpoint *e, const wsuv_config_t *config,
                const wsuv_callbacks_t *callbacks, bool raw, const forwarding *client);

/* What trusted proxies have said of the client, or NULL. It is behind the session in its memory, so
   that others do not pay for it. */
const forwarding *session_forwarding(const wsuv_session_t *s);

/* Free the session's memory. The endpoint may not refer to it: either it was not started, or it was
   removed from the endpoint's list. */
void session_free(wsuv_session_t *s);

/* The session's functions for the events of its opening. */
extern const opening_events session_opening_events;

/* Start the session with its opening, when the opening has its turn. From now on it ends with
   exactly one on_close. */
void session_begin(wsuv_session_t *s);

/* What the session shares with others that are alike: callbacks, converter, limits. */
static inline session_kind *session_kind_of(const wsuv_session_t *s) {
  return ws_list_entry((uintptr_t) s->conn.limits, session_kind, incoming);
}

/* The handshake's result while the session has it, otherwise NULL. */
static inline handshake_result *session_handshake(const wsuv_session_t *s) {
  return s->has_handshake ? s->handshake : NULL;
}

/* What an open session has, and what one has that is not open. They are in the same place; enter()
   in session.c changes from one to the other. */
static inline timeouts *session_while_open(wsuv_session_t *s) {
  assert(s->state == SESSION_OPEN);
  return &s->while_open;
}
static inline session_not_open *session_while_not_open(wsuv_session_t *s) {
  assert(s->state != SESSION_OPEN);
  return &s->while_not_open;
}

/* The error with which writing has failed; 0 if it has not. */
static inline int session_write_error(const wsuv_session_t *s) {
  return s->state == SESSION_OPEN ? 0 : s->while_not_open.cause.write_error;
}

/* Schedule the session for the next tick. While events are delivered this is not needed, because
   the session is flushed after them. */
static inline void session_schedule(wsuv_session_t *s) {
  if (!s->in.delivering) endpoint_schedule(s->endpoint, &s->task);
}

/* Whether it keeps the loop alive. A session that closes does: it waits for its peer. */
static inline bool session_keeps_loop_alive(const wsuv_session_t *s) {
  return !s->unref || s->state > SESSION_OPEN;
}

/* What is under way: the queue of frames, and what waits for it. While nothing is, both are empty
   constants (session_no_work). */
static inline out_queue *session_queue(const wsuv_session_t *s) {
  return &s->conn.work->out;
}
static inline outflow *session_out(const wsuv_session_t *s) {
  return &((session_work *) (void *) s->conn.work)->out;
}

/* Have memory for what is under way, before anything is received or queued. The session gives it
   back when nothing is under way any more. session_start_work is for a session without it. Returns
   false: there is no memory. */
bool session_start_work(wsuv_session_t *s);
static inline bool session_have_work(wsuv_session_t *s) {
  return !s->conn.work->none || session_start_work(s);
}

/* End the session: no callback except on_close runs after this. `status` and `detail` are the cause
   unless another was noted before (cause.h). */
void session_end(wsuv_session_t *s, int status, const char *detail);

/* Fail the connection (RFC 6455 7.1.7): queue a close frame for the peer. The session will end with
   `err`. */
void session_fail(wsuv_session_t *s, int err, const char *why);

/* A frame could not be queued. If that ends the session or has failed the connection, act on it.
   Returns the error. */
int session_not_queued(wsuv_session_t *s, int err);

/* The filter that may write a data frame now, before the queue is written; NULL: the frame must be
   queued. */
ws_filter *session_direct_filter(const wsuv_session_t *s);

/* A call of the filter has written something, or has failed to write. */
void session_note_round(wsuv_session_t *s, const outflow_round *round);

/* Make a frame of what is gathered of a message that is being sent in pieces, if there is any. 0 or
   an error of conn_send_frame. */
int session_send_gathered(wsuv_session_t *s);

/* Queue our close frame, which starts or answers the closing handshake. Returns 0, or an error: as
   conn_close; WS_ECANCELED, as session_check_open; or WSUV_ESTATE: the session is not open, or our
   close frame was made before. */
int session_close(wsuv_session_t *s, unsigned code, const char *reason, size_t len);

/* Whether a call that needs an open session is allowed. Returns 0; WSUV_ESTATE; or WS_ECANCELED:
   the program has closed the handles. */
int session_check_open(const wsuv_session_t *s);

/* Give an open session this idle timeout in milliseconds; 0: none. */
void session_set_idle_timeout(wsuv_session_t *s, uint64_t timeout_ms);

/* Set the deadline of an open session again, after something that it waits for has changed. */
void session_rearm(wsuv_session_t *s);

/* A data frame was queued, so the session is not idle, if it is still open. session_restart_idle is
   for an open session with an idle timeout. */
void session_restart_idle(wsuv_session_t *s);
static inline void session_data_queued(wsuv_session_t *s) {
  if (s->has_idle_timeout) session_restart_idle(s);
}

/* Where the peer's address is kept once the session has opened, with `keep_handshake`; otherwise
   NULL. It is AF_UNSPEC before. */
struct sockaddr_storage *session_kept_peer(const wsuv_session_t *s);

/* The filter while there is a connection; otherwise NULL. */
const ws_filter *session_filter(const wsuv_session_t *s);

wsuv_stage_t session_stage(const wsuv_session_t *s);

/* Call `cb` with each session of an endpoint. Those that it makes are left out; every call is
   allowed in it. */
void session_each(endpoint *e, wsuv_client_each_cb cb, void *arg);

/* Log the frames of all sessions of an endpoint, if its log level includes them. */
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

/* A part of a message was received, so the session is not idle. */
static inline void session_used(wsuv_session_t *s) {
  if (s->has_idle_timeout) timeouts_used(session_while_open(s), session_now_ms(s));
}

#endif
