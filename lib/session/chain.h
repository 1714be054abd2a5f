#ifndef WS_SESSION_CHAIN_H
#define WS_SESSION_CHAIN_H

/* The chain of filters up to the destination of a request: connects to it, or to its first proxy,
   then makes a tunnel through each proxy, over TLS if the proxy wants that. What comes above it,
   TLS with the destination and the opening handshake, is not known here. */

#include <stdbool.h>
#include <stddef.h>

#include "base/why.h"
#include "net/dial/dial.h"
#include "net/dial/resolver.h"
#include "net/dial/tunnel_driver.h"
#include "net/filter.h"
#include "net/tls/tls_failure.h"
#include "session/endpoint.h"
#include "session/log.h"
#include "session/request.h"

typedef struct chain_events {
  /* As those of dial.h, of the first connection; the chain may not be cancelled inside. */
  void (*on_resolved)(void *up);
  void (*on_address)(void *up, const struct sockaddr_storage *addr);
  /* The first proxy is connected to. The chain may not be cancelled inside. Without a proxy, it is
     not called. */
  void (*on_connected)(void *up);
  /* The chain has ended: with 0 and a filter that is connected to the destination; or with a code,
     and *detail says more, or is "". With a code, a filter that is not NULL answers questions about
     the failure. In both cases the receiver owns the filter, and sets its events and its `up`
     before it returns. */
  void (*on_done)(void *up, int status, ws_filter *filter, const char *detail);
} chain_events;

typedef struct chain {
  endpoint *endpoint;             /* The endpoint outlives the chain. */
  resolver *resolver;             /* This looks up names, and outlives the chain. */
  const session_request *request; /* The request outlives the chain. */
  log_to log;                     /* Lines for the log of the session go here. */
  tls_failure *tls_failure;       /* This gets why no TLS context could be made. */
  const chain_events *events;     /* These are the receiver's functions, which outlive the chain. */
  void *up;                       /* This is the first argument of the events. */
  dial *dial;                     /* The first connection is being made, or this is NULL. */
  ws_filter *filter;              /* The chain owns this filter, the topmost one, or it is NULL. */
  size_t hop;                     /* The filter leads to this proxy of the request. */
  /* The chain owns this list of machines, one for each proxy; NULL: it has none, or none yet. */
  ws_tunnel **machines;
  size_t machine_count;   /* `machines` has this many elements. */
  tunnel_driver driver;   /* This drives the machine of `hop`, while `tunnelling` is set. */
  bool tunnelling;        /* The proxy was asked for a tunnel. */
  resolver_waiter lookup; /* What the proxy shall connect to is looked up with this. */
  bool looking_up;        /* That lookup is running. */
  bool again;             /* A proxy wanted a new connection. */
  bool refused;           /* The machine of `hop` has the answer of a proxy that has refused. */
  ws_why detail;          /* After an error, this says what was wrong, and with which proxy. */
} chain;

/* Prepare. The structure may not be moved afterwards. */
void chain_init(chain *c, endpoint *e, resolver *r, const session_request *req, log_to log,
                tls_failure *failure, const chain_events *events, void *up);

/* Start. 0: on_done will run once, unless the chain is cancelled. A code: it has failed at once,
   and on_done will not run; c->detail says more. */
int chain_start(chain *c);

/* Cancel: no event runs any more. Returns the filter that was made, which the caller sets events
   for and closes before the chain is cleared; NULL: there is none. */
ws_filter *chain_cancel(chain *c);

/* The deadline has passed: on_done runs, with the best of what is known of a proxy's answer, or
   WS_ETIMEDOUT. */
void chain_expire(chain *c, const char *detail);

/* Whether it is under way. */
bool chain_runs(const chain *c);

/* Whether nothing is under way, because the chain waits until the loop has done the work of others:
   for its turn to connect, or for that of its TLS handshake. */
bool chain_is_held(const chain *c);

/* Describe a chain that has failed with info->status; points into the chain. */
void chain_describe(chain *c, wsuv_close_info_t *info);

/* Free what it owns, after it has ended or was cancelled. */
void chain_clear(chain *c);

#endif
