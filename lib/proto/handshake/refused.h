#ifndef WS_PROTO_HANDSHAKE_REFUSED_H
#define WS_PROTO_HANDSHAKE_REFUSED_H

/* What belongs to the causes for which a server refuses (wsuv/refusal.h). */

#include <wsuv/refusal.h>

/* The status of the response for a cause; 0: there is no response, or it is the program's. */
int refused_status(wsuv_refused_t cause);

/* The error code for a cause; 0 for WSUV_REFUSED_NONE. For WSUV_REFUSED_GONE, WSUV_REFUSED_TLS and
   WSUV_REFUSED_HOOK there may be a better one. */
int refused_error(wsuv_refused_t cause);

#endif
