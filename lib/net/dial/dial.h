#ifndef WS_NET_DIAL_DIAL_H
#define WS_NET_DIAL_DIAL_H

/* From a host name to a connected bottom filter. Looks the name up and tries its addresses as in
   RFC 8305: address families alternate; the next attempt starts 250 ms after the one before, or at
   once when that one has failed; the first to connect wins. Lookups and attempts of many dials
   share a budget for one turn of the loop. Knows the resolver and its environment only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "net/dial/resolver.h"
#include "net/filter.h"

typedef struct dial dial;

/* So many lookups and attempts to connect begin in one turn of the loop: each is one unit of the
   budget, and takes about 50 microseconds, so all of them take about 2 milliseconds. */
enum { DIAL_TURN_BUDGET = 32 };

typedef struct dial_events {
  /* The addresses are known, and connecting starts. For a
     literal address it is called inside dial_start. The dial may not be cancelled here. */
  void (*on_resolved)(void *up);
  /* An attempt to connect to `addr` begins, or has won and is not the last that has begun. So at
     any time the last call tells the address of the connection, or the one that was tried last,
     whose code on_done gets. It may be called inside dial_start. The dial may not be cancelled
     here. */
  void (*on_address)(void *up, const struct sockaddr_storage *addr);
  /* The dial has ended: with 0 and a connected filter, whose events and up the receiver sets before
     it returns; or with NULL and the code of the lookup or of the last address. The dial is
     freed. */
  void (*on_done)(void *up, int status, ws_filter *filter);
} dial_events;

/* The destination. */
typedef struct dial_target {
  const char *host; /* This is a name or a literal address; it is only used during dial_start. */
  uint16_t port;    /* This is the port to connect to. */
  /* This is used instead of host and port, unless its family is AF_UNSPEC. */
  struct sockaddr_storage address;
} dial_target;

/* 0: on_done will run once, unless the dial is cancelled. A code: the lookup or every address has
   failed at once, and on_done will not run. The dial takes part in the budget of the resolver,
   which outlives it. */
int dial_start(dial **out, resolver *r, const dial_target *to, const ws_socket_options *options,
               const dial_events *events, void *up);

/* Whether nothing is under way, because it waits until the loop has done the work of others. */
bool dial_waits(const dial *d);

/* Cancel: no event runs any more. */
void dial_cancel(dial *d);

#endif
