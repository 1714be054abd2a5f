#ifndef WS_SESSION_DECISION_H
#define WS_SESSION_DECISION_H

/* A connection of a server, and the answer that the program may owe to its request: the rules of
   ownership, what is reported, and what the program can read. It does not know which answers there
   are: upgrade.h has those to an upgrade. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/server.h>

#include "proto/handshake/params.h"
#include "proto/handshake/router.h"
#include "session/incoming.h"
#include "session/log.h"
#include "session/server_state.h"

/* It is freed when its connection is over and no answer is owed any more, whichever comes last. */
struct wsuv_upgrade {
  incoming_conn in;        /* This must be the first field, because its address is converted. */
  wsuv_server_t *server;   /* The request came to this server, whose memory outlives the upgrade. */
  router_match match;      /* This is the route, and the parameters, which the upgrade owns. */
  ws_params *query;        /* The upgrade owns the decoded query; NULL: it was not asked for. */
  address_count *place;    /* The place of its session among those of its address, or NULL. */
  void *data;              /* This pointer belongs to the program. */
  wsuv_upgrade_cb gone_cb; /* The program's callback, or NULL. */
  endpoint_task gone_task; /* This calls `gone_cb`, while an answer is owed. */
  /* This begins a connection that the program has handed over. */
  endpoint_task begin_task;
  tls_context *tls; /* Such a connection begins with TLS, and has this reference; or NULL. */
  bool loopback;    /* Only this machine can reach the address that it came to. */
  bool malformed;   /* The program has parsed the request, and it has an error. */
  bool owed;        /* The program owes the answer. */
};

typedef struct wsuv_upgrade decision;

static inline decision *decision_of_incoming(incoming_conn *in) {
  return (decision *) (void *) in;
}

static inline log_to decision_log(const decision *d) {
  return (log_to){&d->server->endpoint.config, NULL};
}

/* 0 or WS_ENOMEM. */
int decision_new(decision **out, wsuv_server_t *server, const incoming_events *events);

/* Free one that has no connection; others free themselves. */
void decision_free(decision *d);

/* Events of the connection (incoming.h). */
void decision_on_refused(incoming_conn *in, const incoming_failure *failure);
void decision_on_gone(incoming_conn *in);
void decision_on_over(incoming_conn *in);

/* Refuse for a cause, with its status. */
void decision_refuse(decision *d, wsuv_refused_t refused, int code, const char *detail);

/* The program owes the answer from now on. */
void decision_owe(decision *d);

/* What every answer of the program's begins with. 1: it may be given; otherwise what it returns:
   WSUV_ESTATE, and the decision may be freed; or WS_ECANCELED. */
int decision_begin_answer(decision *d);

/* The program has given its answer. The decision may be freed. */
void decision_answered(decision *d);

/* What the program can read, as the functions of wsuv/server.h with these names. */
wsuv_server_t *decision_server(const decision *d);
const char *decision_query(decision *d, const char *name);
const char *decision_header(const decision *d, const char *name);
const wsuv_header_t *decision_headers(decision *d, size_t *count);
int decision_tls(const decision *d, wsuv_tls_info_t *info);

#endif
