#ifndef TEST_TLS_ENDS_H
#define TEST_TLS_ENDS_H

/* Two engines of TLS in memory, and the bytes between them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/tls/tls_context.h"
#include "net/tls/tls_engine.h"
#include "support/certs.h"
#include "testkit/fifo.h"

/* A context of the server's for a certificate. Clients need one, too, if `clients_ca` is not NULL,
   which must have signed it. */
tls_context *tls_server_context(const wsuv_allocator_t *alloc, const cert *own,
                                const cert *clients_ca);

/* A context that is loaded. What the first of both that fails says; nothing is left then. */
int tls_loaded_context(tls_context **out, const wsuv_allocator_t *alloc,
                       const wsuv_tls_config_t *config, ws_role role, tls_failure *failure);

/* The library that the tests are run with, for clients or for servers: WSUV_TEST_TLS names it, or
   both with a colon between, the client's first, as "openssl:mbedtls". */
wsuv_tls_library_t test_library(ws_role role);

/* Whether that is mbedTLS. */
bool test_is_mbedtls(ws_role role);

/* Whether both ends have TLS 1.3. */
bool test_has_1_3(void);

/* Whether they and mbedTLS have it, which the peers of worlds use, and raw_tls. */
bool test_raw_has_1_3(void);

/* How many records without data, of one kind, a library takes in a row, and what an engine says
   about one more. */
typedef struct test_limit {
  size_t most;
  const char *text;
  bool own; /* The limit is the library's own, which has an error code for it. */
} test_limit;

test_limit test_limit_of_alerts(ws_role role);
test_limit test_limit_of_empty_records(ws_role role);

typedef struct tls_end {
  tls_engine *engine;
  int shaken;    /* what the handshake said last; WS_EAGAIN before */
  int ended;     /* what reading said in the end, or 0 */
  size_t worked; /* pieces of work of the handshake that count: TLS_ENGINE_WORKED */
  fifo in;       /* plaintext that came */
  uint64_t ate;  /* ciphertext that was fed */
  bool starves;  /* nothing is given to it */
} tls_end;

void tls_end_init(tls_end *e, tls_context *ctx, const char *host, uint16_t port);
void tls_end_free(tls_end *e); /* it is zeroed, which may be freed, too */

/* The handshake, or reading, as far as it goes now. */
void tls_end_step(tls_end *e);

/* Feed ciphertext, in pieces of `piece` bytes (0: all at once), with a step behind each. */
void tls_end_feed(tls_end *e, const void *data, size_t len, size_t piece);

/* The network has ended. */
void tls_end_eof(tls_end *e);

/* Encrypt all of it; fails the test if that fails. */
void tls_end_write(tls_end *e, const void *data, size_t len);

/* Take what wants to be sent, up to `limit` bytes. */
void tls_end_take(tls_end *e, fifo *to, size_t limit);

/* Carry bytes both ways until nothing moves any more, no more than `limit` bytes to `to`. */
void tls_ends_run(tls_end *a, tls_end *b, size_t piece);
void tls_ends_run_until(tls_end *from, tls_end *to, uint64_t limit);

#endif
