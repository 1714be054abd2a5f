#ifndef WS_SESSION_SESSION_H
#define WS_SESSION_SESSION_H

/* One session: a chain of filters, a conn and a timer. For the files of this folder. */

#include <stdbool.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/list.h"
#include "net/filter.h"
#include "proto/frame/conn.h"
#include "session/callback_set.h"
#include "session/client.h"
#include "session/completions.h"
#include "session/keepalive.h"
#include "session/opening.h"

/* Every change goes through session_enter. */
typedef enum session_state {
  SESSION_NEW,       /* made, and nothing has begun */
  SESSION_RESOLVE,   /* the name is looked up */
  SESSION_CONNECT,   /* an address is tried */
  SESSION_TLS,       /* the handshake of TLS */
  SESSION_HANDSHAKE, /* the request is out */
  SESSION_OPEN,
  SESSION_CLOSING, /* a close frame is queued or has come, or writing has failed */
  SESSION_LINGER,  /* nothing is left but to wait for the end of the stream */
  SESSION_ENDED    /* on_close is owed, and no other callback runs any more */
} session_state;

/* The words of the closing handshake, kept from when they are known until on_close. */
typedef struct close_words {
  char received[WSUV_CLOSE_REASON_MAX + 1];
  char sent[WSUV_CLOSE_REASON_MAX + 1];
  size_t received_len, sent_len;
} close_words;

struct wsuv_session {
  wsuv_client_t *client;
  ws_list node;     /* of client->sessions */
  ws_list owed;     /* of client->owed */
  callback_set *on; /* the user's callbacks */
  void *data;
  const struct wsuv_converter *converter; /* the client's, or its own; NULL: none */
  opening *opening;  /* until on_open has returned; if kept, or never open, until on_close has */
  char *subprotocol; /* agreed upon; NULL: none */
  ws_filter *filter; /* NULL before there is a connection, and after it is gone */
  ws_timer *timer;
  conn conn;
  completions completions;
  keepalive keepalive;
  uint64_t ping_end;    /* the control lane's count behind the ping that was queued last */
  uint64_t deadline_ms; /* of the state; while open, of what last_poll is for */
  uint64_t idle_timeout_ms, last_data_ms; /* a timeout of 0: off */
  uint64_t close_timeout_ms;
  uint64_t wire_sent, wire_received; /* bytes */
  uint64_t since_ns; /* when the present step to the open session began; when it was open */
  uint64_t resolve_ns, connect_ns, tls_ns, upgrade_ns; /* how long the steps took */
  size_t outgoing_max, high_water, low_water;
  size_t refused_least, refused_most; /* lengths that were refused since on_drain; see send.c */
  close_words *words;                 /* NULL: no reasons, or no memory for them */
  const char *detail;                 /* of status; "" */
  int status;       /* what has ended the session, once known for certain; else 0 */
  int write_error;  /* writing has failed; the session ends with it, unless a close frame comes */
  uint8_t state;    /* session_state */
  uint8_t stage;    /* wsuv_stage_t when status or write_error came up, or it ended */
  uint8_t renewals; /* of the closing deadline */
  bool progress;    /* the kernel took bytes since the closing deadline began */
  bool last_poll;   /* a deadline has passed: it counts after one more poll */
  bool reading;     /* the filter reads */
  bool paused;      /* by the user */
  bool discard;     /* it was closed while paused: what arrives is not told any more */
  bool keep_handshake;
  bool unref;           /* it does not keep the loop alive */
  bool close_when_full; /* the outgoing policy */
  bool in_read;         /* what it is owed follows right after the bytes that were read */
  bool tls;             /* the filter is one of TLS */
  bool was_open;
  bool by_peer;       /* the peer's close frame came first */
  bool refused;       /* a message was refused, and on_drain is owed for it */
  bool above_high;    /* the queue has passed high_water */
  bool close_written; /* our close frame is in the kernel's hands */
};

/* An empty session with its timer, in SESSION_NEW; the opening becomes its own. 0 or a code. */
int session_new(wsuv_session_t **out, wsuv_client_t *client, opening *o,
                const wsuv_config_t *config);

/* Have it use a connection that is there; in SESSION_NEW: in place of dialling. */
void session_attach(wsuv_session_t *s, ws_filter *filter);

/* Its turn: what is owed to it. It may be gone afterwards. */
void session_turn(wsuv_session_t *s);

/* Have one soon, unless the same is to happen at the end of the read that is under way. */
static inline void session_owe(wsuv_session_t *s) {
  if (!s->in_read && ws_list_empty(&s->owed)) client_owe(s->client, &s->owed);
}

/* The one end: no callback but on_close runs after this, which comes from the loop. `status` and
   `detail` count unless the session had failed, or been closed, before. */
void session_end(wsuv_session_t *s, int status, const char *detail);

/* Fail the connection (RFC 6455 7.1.7): tell the peer behind what is queued, then end with `err`.
 */
void session_fail(wsuv_session_t *s, int err, const char *why);

/* The rest is for the parts of a session: deadline, reading, writing, closing, ending. */

enum { SESSION_LINGER_MS = 1000 }; /* for the end of the stream, when nothing is left to say */

/* What the session wants to be told by its filter. */
extern const ws_filter_events session_filter_events;

/* The only change of state. */
void session_enter(wsuv_session_t *s, session_state state);

/* After anything that may have queued or moved something: one flush, and what follows from it. */
void session_service(wsuv_session_t *s);

/* Free the converter, if it is the session's own. */
void session_drop_converter(wsuv_session_t *s);

wsuv_stage_t session_stage(const wsuv_session_t *s);

static inline const ws_env_ops *session_ops(const wsuv_session_t *s) {
  return s->client->env->ops;
}

static inline uint64_t session_now_ms(const wsuv_session_t *s) {
  return session_ops(s)->now_ms(s->client->env);
}

static inline uint64_t session_now_ns(const wsuv_session_t *s) {
  return session_ops(s)->now_ns(s->client->env);
}

/* Some of a message goes or comes: the session is not idle. */
static inline void session_used(wsuv_session_t *s) {
  if (s->idle_timeout_ms > 0) s->last_data_ms = session_now_ms(s);
}

#endif
