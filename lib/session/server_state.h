#ifndef WS_SESSION_SERVER_STATE_H
#define WS_SESSION_SERVER_STATE_H

/* What a server consists of: an endpoint, and what only a server has. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/exchange.h>
#include <wsuv/server.h>

#include "net/address_ranges.h"
#include "proto/handshake/router.h"
#include "session/address_counts.h"
#include "session/ending.h"
#include "session/endpoint.h"
#include "session/handshakes.h"

struct wsuv_server {
  endpoint endpoint;        /* The endpoint has the parts that a client needs, too. */
  handshakes handshakes;    /* The connections without a session wait here for their deadlines. */
  address_counts addresses; /* Connections are counted here under their addresses. */
  /* With a limit of sessions for each address, the sessions are here, each with its address. */
  address_counts sessions;
  address_ranges proxies;      /* These are the proxies that are trusted. */
  router routes;               /* These are the routes, each of which is a `route` (route.h). */
  ws_list route_list;          /* These are the same routes, which the server owns. */
  ws_list listeners;           /* All listeners are in this list until they are closed. */
  wsuv_upgrade_cb upgrade_cb;  /* The program's hook for routes without one, or NULL. */
  wsuv_exchange_cb request_cb; /* The program's hook for plain requests, or NULL. */
  wsuv_refused_cb refused_cb;  /* The program's callback for refused connections, or NULL. */
  void *data;               /* This pointer belongs to the program; the server does not use it. */
  ending ending;            /* This closes the server. */
  endpoint_task drain_task; /* This closes listeners that are drained, and ends the server. */
  bool warned;              /* The log was told that dead peers will not be noticed. */
  bool crowd_told;          /* The log was told of many connections of one address. */
  size_t owed;              /* The program owes this many answers. */
  bool gone;                /* The server was closed; its memory is kept while answers are owed. */
  bool draining;            /* The server ends when the last session has ended. */
};

/* The server of an endpoint whose role is WS_SERVER. */
wsuv_server_t *server_of(const endpoint *e);

/* Get the TLS context of the configuration, with a reference, and load it: certificates are read
   now, so that a file that is missing is found before the first client. *tls is NULL if there is no
   TLS. Returns 0 or as tls_context_load, and then *why, unless it is NULL, has the words. */
int server_load_tls(wsuv_server_t *server, tls_context **tls, ws_why *why);

/* Count a session that a peer with this address may get, if sessions of an address are limited;
   otherwise *place is NULL. The place is given to a session, or is released; both set it to NULL.
   Returns 0 or WS_ENOMEM. */
int server_reserve_session(wsuv_server_t *server, const struct sockaddr_storage *peer,
                           address_count **place);
void server_release_session(wsuv_server_t *server, address_count **place);

/* Give a place to a session that is made: it is counted until it is removed from the endpoint.
   Returns 0; or WS_ENOMEM: the place is still the caller's. */
int server_count_session(wsuv_server_t *server, ws_list *session, address_count **place);
void server_uncount_session(wsuv_server_t *server, const ws_list *session);

/* The program owes one answer more (`on`) or less. The last one frees a server that is gone. */
void server_owe(wsuv_server_t *server, bool on);

/* The server is closed, and nothing but its memory is left. */
void server_free(wsuv_server_t *server);

/* How many sessions of this address are counted, and places for sessions. */
unsigned server_sessions_of(wsuv_server_t *server, const struct sockaddr_storage *peer);

#endif
