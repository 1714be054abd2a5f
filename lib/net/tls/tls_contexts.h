#ifndef WS_NET_TLS_TLS_CONTEXTS_H
#define WS_NET_TLS_TLS_CONTEXTS_H

/* The TLS contexts of an endpoint: one for each configuration in use. */

#include "net/tls/tls_context.h"

enum { TLS_CONTEXTS_MAX = 8 }; /* configurations that are kept */

/* Starts zeroed. Used places come first, ordered by last use. */
typedef struct tls_contexts {
  /* The list has a reference to each context; unused places are NULL. */
  tls_context *list[TLS_CONTEXTS_MAX];
} tls_contexts;

/* Get the context for a checked configuration (NULL: the defaults), with a reference for the
   caller. It is made when it is first needed, and loaded when it is first used. 0, or an error as
   tls_context_new. */
int tls_contexts_get(tls_contexts *cs, const wsuv_allocator_t *alloc,
                     const wsuv_tls_config_t *config, ws_role role, tls_context **out);

/* Make and load a new context for the configuration `now` (NULL: the defaults), whose files may
   have changed, and drop all others: they may have read the same files, as those for redirects and
   proxies do. The sessions of a context that is dropped keep it. 0; or an error as tls_context_new
   or tls_context_load, and nothing has changed. */
int tls_contexts_replace(tls_contexts *cs, const wsuv_allocator_t *alloc,
                         const wsuv_tls_config_t *now, ws_role role, tls_failure *failure);

void tls_contexts_free(tls_contexts *cs); /* drop all of them */

#endif
