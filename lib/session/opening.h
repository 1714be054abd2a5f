#ifndef WS_SESSION_OPENING_H
#define WS_SESSION_OPENING_H

/* How a session comes to its open transport: a client makes an attempt to connect (attempt.h), a
   server writes the response to a request that was accepted (incoming.h). The session knows
   only what is here. An opening knows no session.

       start -> on_ready                          free
             -> on_failed -> abandon [-> on_closed]  free
       abandon at any time           [-> on_closed]  free */

#include <stdbool.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/env.h"
#include "net/address.h"
#include "net/filter.h"
#include "proto/handshake/handshake_result.h"

typedef struct opening opening;

/* The events of an opening. They are called from the loop. The receiver may abandon the opening
   inside each of them; after that, it calls nothing but on_closed. Of these functions, only
   on_ready and on_closed may free the opening: it does not use its memory after them. */
typedef struct opening_events {
  /* The handshake has succeeded. The receiver now owns `filter` and `result`, and sets `events` and
     `up` of the filter before it returns. The filter is reading, and it retains no bytes. */
  void (*on_ready)(void *up, ws_filter *filter, handshake_result *result);
  /* The opening has failed, and must be abandoned. `describe` reports the details. */
  void (*on_failed)(void *up, int status, const char *detail);
  /* Writing has failed. The opening may still read what the peer has sent, until the receiver
     abandons it. on_failed may follow. */
  void (*on_write_error)(void *up, int status);
  /* A redirect is to be followed. Returns whether it shall be. */
  bool (*on_redirect)(void *up, const wsuv_redirect_t *redirect);
  /* The server wants other credentials, and the opening waits for `authorize` or `deny`, which may
     also be called inside. */
  void (*on_unauthorized)(void *up, const wsuv_unauthorized_t *refusal);
  /* The abandoned opening's connection is closed. `describe` can still be called. */
  void (*on_closed)(void *up);
} opening_events;

/* How long the steps took, in microseconds: 0 if a step has not ended or was not needed, UINT32_MAX
   if it took that long or longer. Of several connections they are those of the last one. */
typedef struct opening_steps {
  uint32_t resolve_us, connect_us, proxy_us, tls_us, upgrade_us;
} opening_steps;

/* What is counted. */
typedef struct opening_figures {
  /* The present step began at this time, in nanoseconds; in an open session, this is the time at
     which the last step ended. */
  uint64_t since_ns;
  /* These are the bytes that were sent and received until now, without what TLS adds, and without
     what goes between us and proxies. */
  uint64_t wire_sent, wire_received;
} opening_figures;

typedef struct opening_ops {
  /* Begin. It is called from the loop. */
  void (*start)(opening *o);
  /* Whether the turn of the opening has not come yet, so that it may not be started. */
  bool (*waits)(const opening *o);
  /* Whether it could go on, but waits until the loop has done work of the same kind for others:
     beginning to connect, or steps of TLS handshakes. */
  bool (*is_held)(const opening *o);
  /* Go on, if what the opening waits for after it was started has come. It is called from the loop,
     and may be called too early. NULL: it never waits like this. */
  void (*go_on)(opening *o);
  /* The program answers on_unauthorized: with header fields that were checked; or it has none, and
     `status` is its code or 0. Returns 0; WSUV_ESTATE: it does not wait for an answer; WS_ENOMEM.
     NULL: it never waits like this. */
  int (*authorize)(opening *o, const wsuv_header_t *headers, size_t count);
  int (*deny)(opening *o, int status);
  /* The deadline has passed, so the opening fails, with the best of what is known of the peer's
     answer. */
  void (*expire)(opening *o, const char *detail);
  /* Give up. If there is a connection, it is closed, and on_closed will run; otherwise no event
     runs any more. */
  void (*abandon)(opening *o);
  /* Free an opening whose connection, if it had one, is closed or was passed to on_ready. */
  void (*free)(opening *o);
  /* The head of the request as it was sent, or NULL. */
  const char *(*request_head)(const opening *o, size_t *len);
  /* Describe an opening that failed with info->status. Points into the opening. */
  void (*describe)(opening *o, wsuv_close_info_t *info);
} opening_ops;

/* The head of every opening. */
struct opening {
  const opening_ops *ops;       /* These are the opening's own functions, in a static table. */
  const opening_events *events; /* The receiver's functions are in this table, which outlives it. */
  void *up; /* The receiver gets this pointer as the first argument of every event. */
  /* This is the connection until it is closed, or NULL before it exists and from on_ready on. */
  ws_filter *filter;
  bool closing; /* That connection is being closed, and another one may follow. */
  /* The connection is with this address, also after it is closed; without one, it was tried last.
     AF_UNSPEC: none was tried, or it is not known. */
  struct sockaddr_storage peer;
  /* The opening owns this list of the proxies that it goes through (wsuv_session_proxy); NULL:
     there are none. */
  const char *proxy;
  wsuv_stage_t stage;            /* The opening has come to this stage. */
  uint64_t queue_timeout_ms;     /* It may wait for its turn for this long; 0: without end. */
  uint64_t handshake_timeout_ms; /* From its turn on, it has this much time. */
  opening_figures figures;       /* The opening counts its bytes here. */
  opening_steps steps;           /* The opening measures its steps here. */
  size_t sent;                   /* The filter has written this many bytes of our message. */
  size_t retained; /* The filter retains this many bytes of it after the first `sent`. */
  int write_error; /* Writing has failed with this error; 0 if it has not failed. */
};

/* A step has ended: keep how long it took. */
void opening_record_step(opening *o, ws_env *env, uint32_t *took_us);

/* Write the rest of our message of the handshake, as far as the filter takes it. */
void opening_write(opening *o, const char *text, size_t len);

/* What was retained is written (0), or writing has failed: the filter's on_write. */
void opening_written(opening *o, int status);

#endif
