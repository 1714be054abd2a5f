#ifndef WS_SESSION_ATTEMPT_H
#define WS_SESSION_ATTEMPT_H

/* An attempt opens one transport: it connects to the destination, builds the chain of filters and
   does the opening handshake. It knows no session. It can be abandoned at any time, and a new
   attempt can be made with the same request. Once it was made, it is used as an opening. */

#include <stdbool.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "net/dial/resolver.h"
#include "net/filter.h"
#include "session/endpoint.h"
#include "session/log.h"
#include "session/opening.h"
#include "session/request.h"

typedef struct attempt attempt;

/* Make an attempt. The handshake's request is written at once, so that every error in it is
   returned here. On success the attempt owns the session_request. Returns 0; WSUV_EINVAL_HEADER;
   with *why, unless it is NULL; WSUV_ERANDOM; WS_ENOMEM; or the error of an extension's hook. */
int attempt_new(attempt **out, endpoint *e, resolver *r, session_request *req, log_to log,
                const opening_events *events, void *up, ws_why *why);

/* Use a connection that exists, instead of dialling; its peer's address is taken from it. Call it
   before it is started. */
void attempt_set_filter(attempt *a, ws_filter *filter, bool secure);

/* Decide which proxies it goes through; without this, it goes through none. Call it before it is
   started. Returns 0, or an error as proxies_choose. */
int attempt_choose_route(attempt *a, ws_why *why);

/* Take a place in the endpoint's queue, unless there is no limit of attempts. If the attempt then
   waits, `task` runs when its turn has come. Call it before it is started. Returns 0 or
   WS_ENOMEM. */
int attempt_enter_queue(attempt *a, endpoint_task *task);

/* The attempt as an opening, whose `free` frees it. */
opening *attempt_opening(attempt *a);

/* Send this text in place of the handshake's request. `o` is an attempt that was not started.
   Returns 0 or WS_ENOMEM. */
int attempt_set_request(opening *o, const char *text, size_t len);

/* Take the request back before the attempt is freed, so that another attempt can be made with it.
 */
session_request *attempt_take_request(attempt *a);

#endif
