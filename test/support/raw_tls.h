#ifndef TEST_RAW_TLS_H
#define TEST_RAW_TLS_H

/* One end of mbedTLS alone, without an engine around it, in place of a pair's server or client: for
   what an engine never sends. For cmocka's tests. */

#include <stddef.h>

#include "net/tls/mbedtls/mbed_internal.h"
#include "support/tls_pair.h"
#include "testkit/fifo.h"

typedef struct raw_tls {
  tls_pair pair; /* without an engine for this end */
  tls_end *peer; /* the engine of the pair */
  mbedtls_ssl_context ssl;
  fifo in, out;
} raw_tls;

/* With the handshake, by TLS 1.2 unless pair_config has a max_version. The server may ask for
   another one. */
void raw_tls_open(raw_tls *s);
void raw_tls_close(raw_tls *s);

/* The same for a client, which may ask for another one, too. */
typedef raw_tls raw_tls_client;

void raw_tls_client_open(raw_tls_client *c);
void raw_tls_client_close(raw_tls_client *c);

/* A server alone, whose context the test has; what is done with `in` and `out` is the test's, too.
   raw_tls_close is its end as well. */
void raw_tls_init(raw_tls *s, tls_context *ctx);

/* One record with all of it. */
void raw_tls_write(raw_tls *s, const void *data, size_t len);

/* An alert that is not fatal. */
void raw_tls_warn(raw_tls *s, unsigned char description);

/* Of what it has written, up to `len` bytes go to the engine, as by tls_end_feed. */
void raw_tls_feed(raw_tls *s, size_t len, size_t piece);

/* All that it has written goes to the engine in one read, and what the engine answers comes back.
   Returns the size of the answer. */
size_t raw_tls_carry(raw_tls *s);

#endif
