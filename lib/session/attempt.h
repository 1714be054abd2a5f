#ifndef WS_SESSION_ATTEMPT_H
#define WS_SESSION_ATTEMPT_H

/* One way to an open transport: dial the route, build the chain of filters, do the opening
   handshake. An attempt knows no session. It can be abandoned at any time, and a new attempt can be
   made with the same request.

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

/* What an attempt reports. All of it runs from the loop. Each call is the last thing that the
   attempt does before it returns to the loop, so the attempt may be abandoned inside it, or freed
   where that is said. */
typedef struct attempt_events {
  /* The handshake has succeeded. `filter` and `result` become the receiver's. The receiver sets
     events and up of the filter before it returns; the filter reads and retains nothing. The
     attempt may be freed inside. */
  void (*on_ready)(void *up, ws_filter *filter, handshake_result *result);
  /* The attempt has failed, and must be abandoned. attempt_describe reports the details. */
  void (*on_failed)(void *up, int status, const char *detail);
  /* Nothing can be written any more. The attempt goes on reading what the peer has sent, until the
     receiver abandons it; on_failed or on_ready may still come. */
  void (*on_write_error)(void *up, int status);
  /* The abandoned attempt's connection is closed. attempt_describe can still be called. The attempt
     may be freed inside. */
  void (*on_closed)(void *up);
} attempt_events;

/* How long the steps took, and how many bytes went over the wire. */
typedef struct attempt_figures {
  /* The present step began at this time, in nanoseconds; in an open session, the last step ended
     then. */
  uint64_t since_ns;
  /* These are the bytes that were sent and received until now, without what TLS adds. */
  uint64_t wire_sent, wire_received;
  /* Each step took this many microseconds: 0 if it has not ended or was not needed, UINT32_MAX if
     it took that long or longer. */
  uint32_t resolve_us, connect_us, tls_us, upgrade_us;
} attempt_figures;

/* Make an attempt. The handshake's request is written at once, so that every error in it is
   returned here. The request becomes the attempt's when this succeeds. 0; WSUV_EINVAL_HEADER;
   WSUV_ERANDOM; WS_ENOMEM; what a hook of an extension returned. */
int attempt_new(attempt **out, endpoint *e, resolver *r, session_request *req, log_to log,
                const attempt_events *events, void *up);

/* Use a connection that exists, instead of dialling. Call it before attempt_start. */
void attempt_over(attempt *a, ws_filter *filter);

/* Begin. Call it from the loop. */
void attempt_start(attempt *a);

/* The time is over: the attempt fails. If the head of an error response has been read, that is the
   cause, even if its body is incomplete. */
void attempt_expire(attempt *a, const char *detail);

/* Give up. If there is a connection (attempt_filter), it is closed, and on_closed will run;
   otherwise no callback runs any more. */
void attempt_abandon(attempt *a);

/* Free an attempt whose connection, if it had one, is closed. NULL is allowed. */
void attempt_free(attempt *a);

/* Take the request back before attempt_free, so that another attempt can be made with it. */
session_request *attempt_take_request(attempt *a);

wsuv_stage_t attempt_stage(const attempt *a);
const ws_filter *attempt_filter(const attempt *a); /* the connection until it is closed, or NULL */
const attempt_figures *attempt_get_figures(const attempt *a);
const char *attempt_request_head(const attempt *a, size_t *len);

/* Describe an attempt that failed with info->status: HTTP status, header fields and body of the
   response, TLS errors. Points into the attempt. */
void attempt_describe(attempt *a, wsuv_close_info_t *info);

#endif
