#ifndef WS_NET_TLS_TLS_CONTEXTS_H
#define WS_NET_TLS_TLS_CONTEXTS_H

/* The TLS contexts of an endpoint, one for each configuration that is in use. */

#include "net/tls/tls_context.h"

enum { TLS_CONTEXTS_MAX = 8 }; /* configurations that are remembered */

/* Begins zeroed. The ones in use lie in front; the one that was used last is the first. */
typedef struct tls_contexts {
  tls_context *list[TLS_CONTEXTS_MAX];
} tls_contexts;

/* The context for a configuration that was checked (NULL: the defaults), made when it is first
   wanted. It stays the list's own; sessions that use one which gives way keep it until they end.
   0, or as tls_context_new. */
int tls_contexts_get(tls_contexts *cs, const wsuv_allocator_t *alloc,
                     const wsuv_tls_config_t *config, tls_role role, tls_context **out,
                     tls_failure *failure);

void tls_contexts_free(tls_contexts *cs); /* drops all of them */

#endif
