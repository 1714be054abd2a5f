#ifndef WS_SESSION_ATTEMPT_H
#define WS_SESSION_ATTEMPT_H

/* An attempt opens one transport: it connects to the destination, builds the chain of filters and
   does the opening handshake. It knows no session. It can be abandoned at any time, and a new
   attempt can be made with the same request.

       attempt_new, [attempt_set_filter or attempt_enter_queue], attempt_start
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

/* The events of an attempt. They are called from the loop. The receiver may abandon the attempt
   inside each of them; after that, the attempt calls nothing but on_closed. Of these functions,
   only on_ready and on_closed may free the attempt: it does not use its memory after them. */
typedef struct attempt_events {
  /* The handshake has succeeded. The receiver now owns `filter` and `result`, and sets `events` and
     `up` of the filter before it returns. The filter is reading, and it retains no bytes. */
  void (*on_ready)(void *up, ws_filter *filter, handshake_result *result);
  /* The attempt has failed, and must be abandoned. attempt_describe reports the details. */
  void (*on_failed)(void *up, int status, const char *detail);
  /* Writing has failed. If the response has not come yet, the attempt still reads it, until the
     receiver abandons the attempt. on_failed may follow. */
  void (*on_write_error)(void *up, int status);
  /* The abandoned attempt's connection is closed. attempt_describe can still be called. */
  void (*on_closed)(void *up);
} attempt_events;

/* How long the steps took, and how many bytes went over the wire. */
typedef struct attempt_figures {
  /* The present step began at this time, in nanoseconds; in an open session, this is the time at
     which the last step ended. */
  uint64_t since_ns;
  /* These are the bytes that were sent and received until now, without what TLS adds. */
  uint64_t wire_sent, wire_received;
  /* Each step took this many microseconds: 0 if it has not ended or was not needed, UINT32_MAX if
     it took that long or longer. */
  uint32_t resolve_us, connect_us, tls_us, upgrade_us;
} attempt_figures;

/* Make an attempt. The handshake's request is written at once, so that every error in it is
   returned here. On success the attempt owns the session_request. Returns 0; WSUV_EINVAL_HEADER;
   with *why, unless it is NULL; WSUV_ERANDOM; WS_ENOMEM; or the error of an extension's hook. */
int attempt_new(attempt **out, endpoint *e, resolver *r, session_request *req, log_to log,
                const attempt_events *events, void *up, ws_why *why);

/* Use a connection that exists, instead of dialling. Call it before attempt_start. */
void attempt_set_filter(attempt *a, ws_filter *filter);

/* Take a place in the endpoint's queue, unless there is no limit of attempts. If the attempt then
   waits, `task` runs when its turn has come. Call it before attempt_start. Returns 0 or
   WS_ENOMEM. */
int attempt_enter_queue(attempt *a, endpoint_task *task);

/* Whether the turn of the attempt has not come yet, so that it may not be started. */
bool attempt_waits(const attempt *a);

/* Whether the attempt could go on, but waits until the loop has done public key work of others. */
bool attempt_is_held(const attempt *a);

/* Begin. Call it from the loop. */
void attempt_start(attempt *a);

/* The deadline has passed, so the attempt fails. If the head of an error response was read, the
   attempt fails with WSUV_ESTATUS, even if the body is incomplete. */
void attempt_expire(attempt *a, const char *detail);

/* Give up. If there is a connection (attempt_filter), it is closed, and on_closed will run;
   otherwise no callback runs any more. */
void attempt_abandon(attempt *a);

/* Free an attempt whose connection, if it had one, is closed. NULL is allowed. */
void attempt_free(attempt *a);

/* Take the request back before attempt_free, so that another attempt can be made with it. */
session_request *attempt_take_request(attempt *a);

const session_request *attempt_request(const attempt *a);
wsuv_stage_t attempt_stage(const attempt *a);
const ws_filter *attempt_filter(const attempt *a); /* the connection until it is closed, or NULL */
const attempt_figures *attempt_get_figures(const attempt *a);
const char *attempt_request_head(const attempt *a, size_t *len);

/* Describe an attempt that failed with info->status: HTTP status, header fields and body of the
   response, TLS errors. Points into the attempt. */
void attempt_describe(attempt *a, wsuv_close_info_t *info);

#endif
