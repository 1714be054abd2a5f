#ifndef WS_SESSION_ATTEMPT_H
#define WS_SESSION_ATTEMPT_H

/* One way to an open transport: from a request over the route and the chain of filters through the
   opening handshake. It knows no session, and can be abandoned at any time and begun anew with the
   same request.

       attempt_new, [attempt_over], attempt_start
         -> on_ready                          attempt_free
         -> on_failed -> attempt_abandon [-> on_closed]  attempt_free
       attempt_abandon at any time           [-> on_closed]  attempt_free */

#include <stdbool.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "net/dial/resolver.h"
#include "net/filter.h"
#include "proto/handshake/handshake_result.h"
#include "session/endpoint.h"
#include "session/log.h"
#include "session/request.h"

typedef struct attempt attempt;

/* What an attempt tells. All of it runs from the loop, and each is the last thing that the attempt
   does before it returns there, so that it may be abandoned inside, or freed where that is said. */
typedef struct attempt_events {
  /* The handshake has succeeded. `filter` is the receiver's: it sets events and up before it
     returns; the filter reads and holds nothing. `result` is the receiver's, too. The attempt may
     be freed inside. */
  void (*on_ready)(void *up, ws_filter *filter, handshake_result *result);
  /* It has failed; it is to be abandoned. What more is known is in attempt_describe. */
  void (*on_failed)(void *up, int status, const char *detail);
  /* Nothing can be written any more. What the peer has sent is still read, as long as the receiver
     likes to wait; on_failed or on_ready may still come. */
  void (*on_write_error)(void *up, int status);
  /* It was abandoned, and its connection is closed. attempt_describe is still possible; the attempt
     may be freed inside. */
  void (*on_closed)(void *up);
} attempt_events;

/* How long the steps took, and bytes on the wire. */
typedef struct attempt_figures {
  uint64_t since_ns; /* When the present step began. */
  uint64_t wire_sent, wire_received;
  uint32_t resolve_us, connect_us, tls_us, upgrade_us; /* UINT32_MAX: that long or longer. */
} attempt_figures;

/* The handshake's request is made at once, so that everything wrong with it is known. The request
   becomes the attempt's when this succeeds. 0; WSUV_EINVAL_HEADER; WSUV_ERANDOM; WS_ENOMEM; what a
   hook of an extension returned. */
int attempt_new(attempt **out, endpoint *e, resolver *r, session_request *req, log_to log,
                const attempt_events *events, void *up);

/* Have it use a connection that is there, in place of dialling. Before attempt_start. */
void attempt_over(attempt *a, ws_filter *filter);

/* Begin; from the loop. */
void attempt_start(attempt *a);

/* No more time: it fails. A refusal whose head was read is one, whatever became of its body. */
void attempt_expire(attempt *a, const char *detail);

/* Give up. If there is a connection (attempt_filter), it is closed, and on_closed will run; else
   nothing will run any more. */
void attempt_abandon(attempt *a);

/* Not while there is a connection that is not closed; NULL is fine. */
void attempt_free(attempt *a);

/* Take the request back, so that another attempt can be made of it; before attempt_free. */
session_request *attempt_take_request(attempt *a);

wsuv_stage_t attempt_stage(const attempt *a);
const ws_filter *attempt_filter(const attempt *a); /* the connection until it is closed; or NULL */
const attempt_figures *attempt_get_figures(const attempt *a);
const char *attempt_request_head(const attempt *a, size_t *len);

/* Fill in what is known of a failed attempt that ended with info->status: HTTP status, header
   fields and body of the response, TLS. Points into the attempt. */
void attempt_describe(attempt *a, wsuv_close_info_t *info);

#endif
