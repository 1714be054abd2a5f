#ifndef WS_NET_DIAL_DIAL_H
#define WS_NET_DIAL_DIAL_H

/* From a host name to a connected bottom filter: looks the name up, then tries its addresses, as
   RFC 8305 has it: families alternate, the next begins 250 ms after the one before, or at once when
   one has failed, and the first to connect wins. Knows the resolver
   and its environment only. */

#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "net/dial/resolver.h"
#include "net/filter.h"

typedef struct dial dial;

typedef struct dial_events {
  /* There are addresses; connecting begins. Inside dial_start for a literal address. Only notes it:
     the dial may not be cancelled here. */
  void (*on_resolved)(void *up);
  /* The end: 0 with a connected filter, whose events and up the receiver sets before it returns;
     or the lookup's code, or the code of the last address, and NULL. The dial is gone then. */
  void (*on_done)(void *up, int status, ws_filter *filter);
} dial_events;

/* Where to. */
typedef struct dial_target {
  const char *host; /* a name, or a literal address; need not outlive the call */
  uint16_t port;
  struct sockaddr_storage address; /* in place of both, unless it is AF_UNSPEC */
} dial_target;

/* 0: on_done will run once, unless cancelled; or a code: the lookup, or every address, failed at
   once, and on_done will not run. */
int dial_start(dial **out, resolver *r, const dial_target *to, const ws_socket_options *options,
               const dial_events *events, void *up);

/* Give up: no event runs any more. */
void dial_cancel(dial *d);

#endif
