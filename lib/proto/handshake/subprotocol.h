#ifndef WS_PROTO_HANDSHAKE_SUBPROTOCOL_H
#define WS_PROTO_HANDSHAKE_SUBPROTOCOL_H

/* Which of the offered subprotocols a server accepts (RFC 6455 4.2.2). */

#include <stddef.h>

#include <wsuv/config.h>
#include <wsuv/refusal.h>

/* What a client offers, in its order of preference. */
typedef struct subprotocol_offer {
  const char *names; /* These are the names, one after the other, each terminated. */
  size_t count;      /* `names` has this many names. */
} subprotocol_offer;

/* Where a name is in the offer, from 0; `count` of the offer if it is not there. Names are compared
   with regard to case. */
size_t subprotocol_find(const subprotocol_offer *offer, const char *name);

/* Choose the first of the server's `count` names that was offered. *chosen is one of `names`, or
   NULL: none is accepted. A server without names accepts no subprotocol, and refuses nobody.
   WSUV_REFUSED_NONE; WSUV_REFUSED_SUBPROTOCOL: the policy does not allow to go on without one, and
   *detail says why. */
wsuv_refused_t subprotocol_choose(const subprotocol_offer *offer, const char *const *names,
                                  size_t count, wsuv_subprotocol_policy_t policy,
                                  const char **chosen, const char **detail);

#endif
