#ifndef WS_NET_TLS_TLS_CONTEXT_H
#define WS_NET_TLS_TLS_CONTEXT_H

/* What all sessions with one TLS configuration share: certificates, keys, random source, sessions
   that can be resumed, buffers. It belongs to one loop's thread. */

#include <stdbool.h>
#include <stdint.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "base/role.h"
#include "base/view.h"
#include "net/tls/tls_failure.h"

typedef struct tls_context tls_context;

/* Create a context, with one reference. No file is opened yet. The allocator must outlive the
   context; the configuration is copied. 0; an error as tls_config_check; WS_ENOMEM. */
int tls_context_new(tls_context **out, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *config, ws_role role);

/* Read and parse everything that the configuration names, if that is not done yet. It must be done
   before the context is used. After an error nothing is kept, and it can be tried again. 0; or a
   code, with more in *failure ("" if there is no more): WSUV_ETLSTRUST as tls_store_load;
   WSUV_ETLSCRL as tls_crls_load; WSUV_ETLS: the own certificate or key, or the cipher suites,
   cannot be read or used; WSUV_ETLSOPTION: the library cannot get the key; WSUV_ERANDOM; WS_ENOMEM;
   or an error of the system's: why the key log cannot be opened, or another file not right now. */
int tls_context_load(tls_context *ctx, tls_failure *failure);

tls_context *tls_context_ref(tls_context *ctx); /* take another reference */
void tls_context_unref(tls_context *ctx);       /* the last reference frees it; NULL is allowed */

/* A buffer for ciphertext that was read, which all sessions of the context share. */
ws_room tls_context_read_buffer(const tls_context *ctx);

/* Whether it was made from an equal configuration. */
bool tls_context_matches(const tls_context *ctx, const wsuv_tls_config_t *config);

/* Its configuration, which belongs to it. */
const wsuv_tls_config_t *tls_context_config(const tls_context *ctx);

/* What a piece of work of a handshake costs of the budget of a turn (net/tls/tls.h). */
unsigned tls_context_step_cost(const tls_context *ctx);

/* Whether its sessions are stored and resumed. */
bool tls_context_resumes(const tls_context *ctx);

/* Whether a session with this host and port is stored that can be resumed. */
bool tls_context_has_session(tls_context *ctx, const char *host, uint16_t port);

/* Whether its sessions verify the certificate of the peer, if it has one. */
bool tls_context_verifies(const tls_context *ctx);

#endif
