#ifndef WS_NET_TLS_TLS_CONTEXT_H
#define WS_NET_TLS_TLS_CONTEXT_H

/* All that sessions of TLS with one configuration share, made once: certificates, keys, source of
   random bytes, sessions that can be resumed, buffers. It belongs to one loop's thread. */

#include <stdbool.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "base/view.h"
#include "net/tls/tls_failure.h"

typedef struct tls_context tls_context;

/* A server needs a certificate of its own, and asks for the client's if it is told whom to trust.
 */
typedef enum tls_role { TLS_CLIENT, TLS_SERVER } tls_role;

/* Read and parse all that the configuration names. The allocator outlives the context, the
   configuration is copied. 0, with one reference; or a code, and *failure tells more (it is "" if
   there is no more): WS_EINVAL, WS_EPROTONOSUPPORT as tls_config_check; WSUV_ETLSTRUST; WSUV_ETLS:
   our own certificate or key cannot be read or used; WSUV_ERANDOM; WS_ENOMEM; or why the key log
   cannot be opened. */
int tls_context_new(tls_context **out, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *config, tls_role role, tls_failure *failure);

tls_context *tls_context_ref(tls_context *ctx); /* the same again */
void tls_context_unref(tls_context *ctx);       /* the last one frees it; NULL is fine */

/* Memory for ciphertext while it is read and eaten, which all that use the context share. */
ws_room tls_context_read_buffer(const tls_context *ctx);

/* Whether it was made from a configuration that says the same. */
bool tls_context_matches(const tls_context *ctx, const wsuv_tls_config_t *config);

/* false: anybody's certificate is taken. */
bool tls_context_verifies(const tls_context *ctx);

#endif
