#ifndef TEST_TLS_INSIDE_H
#define TEST_TLS_INSIDE_H

/* What tests must see or change inside of a context, for each TLS library. */

#include "net/tls/tls_context.h"

/* How many certificates are trusted. */
int tls_inside_trusted(tls_context *ctx);

/* Time passes for the keys of a server's tickets. */
void tls_inside_age_tickets(tls_context *ctx, unsigned s);

#endif
