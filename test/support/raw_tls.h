#ifndef TEST_RAW_TLS_H
#define TEST_RAW_TLS_H

/* A server of mbedTLS alone, without an engine around it, in place of a pair's server: for what an
   engine never sends. For cmocka's tests. */

#include <stddef.h>

#include "net/tls/mbedtls/tls_internal.h"
#include "support/fifo.h"
#include "support/tls_pair.h"

typedef struct raw_tls {
  mbedtls_ssl_context ssl;
  fifo in, out;
} raw_tls;

/* Between pair_begin and pair_finish, instead of pair_connect and pair_disconnect: the handshake
   with the pair's client, whose configuration must have a max_version of TLS 1.2. */
void raw_tls_connect(raw_tls *s, tls_pair *p);
void raw_tls_disconnect(raw_tls *s, tls_pair *p);

/* All that the server has written goes to the client in one read, and what the client answers to
   the server. Returns the size of the answer. */
size_t raw_tls_carry(raw_tls *s, tls_end *client);

#endif
