#ifndef WS_SESSION_DECISION_H
#define WS_SESSION_DECISION_H

/* A connection of a server, and the answer that the program may owe to its request: the rules of
   ownership, what is reported, and what the program can read. It does not know which answers there
   are: upgrade.c has those to an upgrade, exchange.c those to a request for something else. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/exchange.h>
#include <wsuv/server.h>

#include "net/address.h"
#include "proto/handshake/params.h"
#include "proto/handshake/router.h"
#include "session/incoming.h"
#include "session/server_state.h"

/* Programs know it as wsuv_upgrade_t, or as wsuv_exchange_t: a connection has one request at a
   time. It is freed when its connection is over and no answer is owed any more, whichever comes
   last. */
typedef struct wsuv_upgrade decision;

struct wsuv_upgrade {
  incoming_conn in;      /* This must be the first field, because its address is converted. */
  wsuv_server_t *server; /* The request came to this server, whose memory outlives the decision. */
  router_match match;    /* This is the route, and the parameters, which the decision owns. */
  ws_params *query;      /* The decision owns the decoded query; NULL: it was not asked for. */
  char *words;           /* The decision owns the method and the path of an exchange; or NULL. */
  address_count *place;  /* The place of its session among those of its address, or NULL. */
  void *data;            /* This pointer belongs to the program. */
  wsuv_upgrade_cb gone_cb;           /* The program's callback for an upgrade, or NULL. */
  wsuv_exchange_cb exchange_gone_cb; /* The program's callback for an exchange, or NULL. */
  endpoint_task gone_task; /* This calls that of the two which is set, while an answer is owed. */
  /* This begins a connection that the program has handed over. */
  endpoint_task begin_task;
  tls_context *tls;       /* Such a connection begins with TLS, and has this reference; or NULL. */
  wsuv_refused_t verdict; /* A declined exchange is refused for this cause. */
  bool loopback;          /* Only this machine can reach the address that it came to. */
  bool malformed;         /* The program has parsed the request, and it has an error. */
  bool owed;              /* The program owes the answer. */
  bool gone;              /* `gone_task` was scheduled for this request. */
};

static inline decision *decision_of_incoming(incoming_conn *in) {
  return (decision *) (void *) in;
}

static inline wsuv_exchange_t *decision_exchange(decision *d) {
  return (wsuv_exchange_t *) (void *) d;
}

/* 0 or WS_ENOMEM. */
int decision_new(decision **out, wsuv_server_t *server, const incoming_events *events);

/* Free one that has no connection; others free themselves. */
void decision_free(decision *d);

/* Before a request is read: if the program answers plain requests, it may be one. */
void decision_take_plain(decision *d);

/* Events of the connection (incoming.h). */
void decision_on_refused(incoming_conn *in, const incoming_failure *failure);
void decision_on_gone(incoming_conn *in);
void decision_on_next(incoming_conn *in);
void decision_on_over(incoming_conn *in);

/* The address of the client: the peer's, or what a trusted proxy has said. */
void decision_client_address(const decision *d, struct sockaddr_storage *addr);

/* How lines of the log name a client. Those at a Unix socket have no names, and one whose bytes the
   program moves may have no address. */
void decision_print_client(char text[ADDRESS_TEXT_SIZE], const struct sockaddr_storage *client);

/* Log and report a connection that was closed because there was no memory for a decision. The
   program may do anything meanwhile. */
void decision_report_dropped(wsuv_server_t *server, const struct sockaddr_storage *peer, int err);

/* Refuse for a cause, with its status. */
void decision_refuse(decision *d, wsuv_refused_t refused, int code, const char *detail);

/* The program owes the answer from now on. */
void decision_owe(decision *d);

/* What every answer of the program's begins with. 1: it may be given; otherwise what it returns:
   WSUV_ESTATE: it is too late, and the decision may be freed, or no answer is owed; or
   WS_ECANCELED. */
int decision_begin_answer(decision *d);

/* The program has given its answer. The decision may be freed. */
void decision_answered(decision *d);

/* What the program can read, as the functions of wsuv/server.h with these names. */
wsuv_server_t *decision_server(const decision *d);
const char *decision_query(decision *d, const char *name);
const char *decision_header(const decision *d, const char *name);
const wsuv_header_t *decision_headers(decision *d, size_t *count);
int decision_peer_address(const decision *d, struct sockaddr_storage *addr);
int decision_tls(const decision *d, wsuv_tls_info_t *info);
int decision_credentials(const decision *d, wsuv_credentials_t *credentials);
int decision_origin(const decision *d, wsuv_origin_t *origin);
const char *decision_trusted_header(const decision *d, const char *name);

#endif
