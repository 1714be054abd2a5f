#ifndef WS_NET_TLS_TLS_CONTEXTS_H
#define WS_NET_TLS_TLS_CONTEXTS_H

/* The TLS contexts of an endpoint: one for each configuration in use. */

#include <stdbool.h>
#include <stdint.h>

#include "net/tls/tls_context.h"

enum { TLS_CONTEXTS_MAX = 8 }; /* configurations that are kept */

/* Starts zeroed. Used places come first, ordered by last use. */
typedef struct tls_contexts {
  /* The list has a reference to each context; unused places are NULL. */
  tls_context *list[TLS_CONTEXTS_MAX];
} tls_contexts;

/* Get the context for a checked configuration (NULL: the defaults). It is made when it is first
   needed, and belongs to the list; sessions keep a reference when it is dropped from the list. 0,
   or an error as tls_context_new. */
int tls_contexts_get(tls_contexts *cs, const wsuv_allocator_t *alloc,
                     const wsuv_tls_config_t *config, tls_role role, tls_context **out,
                     tls_failure *failure);

/* Whether a session with this host and port is stored that can be resumed. */
bool tls_contexts_has_session(tls_contexts *cs, const wsuv_tls_config_t *config, const char *host,
                              uint16_t port);

void tls_contexts_free(tls_contexts *cs); /* drop all of them */

#endif
