#ifndef WS_SESSION_SECURE_H
#define WS_SESSION_SECURE_H

/* TLS for sessions: what those with one configuration share, and what is told of it. */

#include <stdbool.h>

#include <wsuv/session.h>

#include "net/tls/tls_context.h"

/* The context for a configuration that was checked (NULL: the defaults), made when it is first
   wanted. It stays the client's. 0, or as tls_context_new. */
int secure_context(wsuv_client_t *client, const wsuv_tls_config_t *config, tls_context **out,
                   tls_failure *failure);

/* Drop all of them. */
void secure_free(wsuv_client_t *client);

/* What was agreed upon, for the log. */
void secure_log(const wsuv_session_t *s);

/* Why TLS failed, if that is how the session ended. */
void secure_describe(const wsuv_session_t *s, wsuv_close_info_t *info);

#endif
