#ifndef WS_NET_TLS_MBEDTLS_TLS_INTERNAL_H
#define WS_NET_TLS_MBEDTLS_TLS_INTERNAL_H

/* The members of a context, for the files of this folder. */

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

#include "base/bufq.h"
#include "net/tls/mbedtls/tls_keylog.h"
#include "net/tls/mbedtls/tls_verify.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_sessions.h"

enum {
  TLS_RECORD_MAX =
      16 * 1024 -
      64, /* plaintext in a record, so that its ciphertext fills one chunk of the queue */
  TLS_BATCH_RECORDS =
      4, /* records encrypted before the socket is asked: WS_FILTER_RETAIN_MAX bytes */
  TLS_READ_SIZE = 64 * 1024 /* ciphertext that is read at once */
};

struct tls_context {
  const wsuv_allocator_t *alloc;
  unsigned refs;
  tls_role role;
  wsuv_tls_config_t config;
  mbedtls_ssl_config conf;
  mbedtls_x509_crt trust, own;
  mbedtls_pk_context key;
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
  unsigned generation;                /* fork_generation when `random` was seeded */
  mbedtls_ssl_ticket_context tickets; /* a server's */
  int *suites;
  uint8_t *pins; /* TLS_PIN_SIZE bytes each, or NULL */
  tls_keylog keylog;
  tls_sessions sessions; /* a client's */
  bufq_pool pool;        /* of outgoing ciphertext */
  uint8_t *gather;   /* TLS_RECORD_MAX bytes, in which small writes are gathered for one record */
  uint8_t *read_buf; /* TLS_READ_SIZE bytes of ciphertext that was read and is not used yet */
};

/* A source of random bytes for mbedTLS; `ctx` is the context. */
int tls_context_random(void *ctx, unsigned char *out, size_t len);

#endif
