#ifndef TEST_TLS_INSIDE_H
#define TEST_TLS_INSIDE_H

/* What tests must see or change inside of a context, for each TLS library. */

#include <stddef.h>
#include <stdint.h>

#include "base/role.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_engine.h"
#include "net/tls/tls_sessions.h"

/* How many certificates are trusted. */
int tls_inside_trusted(tls_context *ctx);

/* Time passes for the keys of a server's tickets. */
void tls_inside_age_tickets(tls_context *ctx, unsigned s);

/* The certificate that was verified for a session in the store of `ctx` has expired. */
void tls_inside_expire(const tls_context *ctx, tls_session *session);

/* The engine encrypts with new keys from its next record on, and asks the peer to do so, too (RFC
   8446 4.6.3). false: its library cannot. */
bool tls_inside_update_keys(tls_engine *e);

/* Tickets of a server are so long that each takes several records. false: its library has no such
   tickets. */
bool tls_inside_lengthen_tickets(tls_context *ctx);

/* The library reads a file of its own configuration, for the contexts that are made from now on.
   false: it has none. */
bool tls_inside_read_configuration(const tls_context *ctx, const char *path);

/* A server gives so many tickets at the end of each handshake by TLS 1.3, if its library has that.
 */
void tls_inside_give_tickets(tls_context *ctx, uint16_t count);

/* The group of a key exchange by the version of both ends: what an engine of `role` says. NULL: its
   library does not tell. */
const char *tls_inside_group(ws_role role, const char *version);

/* A server that has an OCSP response gives this one in its place, whatever it is. Only for a
   library that has such responses. */
void tls_inside_staple(tls_context *ctx, const void *response, size_t len);

#endif
