#ifndef WS_NET_TLS_MBEDTLS_TLS_INTERNAL_H
#define WS_NET_TLS_MBEDTLS_TLS_INTERNAL_H

/* The members of a context, for the files of this folder. */

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

#include "base/bufq.h"
#include "net/tls/mbedtls/tls_constraints.h"
#include "net/tls/mbedtls/tls_identity.h"
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
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the context. */
  unsigned refs; /* The context has this many references, and is freed when it has none. */
  ws_role role;  /* All sessions of the context have this role. */
  bool loaded;   /* Everything that the configuration names was read, so the context can be used. */
  wsuv_tls_config_t config;           /* This is a deep copy of the configuration. */
  mbedtls_ssl_config conf;            /* This is mbedTLS's form of the configuration. */
  mbedtls_x509_crt trust;             /* These are the trusted certificates. */
  tls_identities own;                 /* These are our own certificates. */
  mbedtls_entropy_context entropy;    /* `random` is seeded from here. */
  mbedtls_ctr_drbg_context random;    /* mbedTLS takes its random bytes from here. */
  unsigned generation;                /* This was fork_generation() when `random` was seeded. */
  mbedtls_ssl_ticket_context tickets; /* A server encrypts its tickets with these keys. */
  int *suites;           /* The context owns this list of cipher suites, which ends with 0. */
  uint8_t *pins;         /* The context owns the pins, TLS_PIN_SIZE bytes each, or this is NULL. */
  tls_keylog keylog;     /* The secrets of all sessions are appended to this file, if it is open. */
  tls_sessions sessions; /* A client stores the sessions that it can resume here. */
  tls_constraints constraints; /* They are of the chain that mbedTLS verifies right now. */
  bufq_pool pool;              /* Queues of ciphertext take their chunks from this pool. */
  /* The context owns these TLS_RECORD_MAX bytes, in which small pieces become one record. */
  uint8_t *gather;
  /* The context owns these TLS_READ_SIZE bytes, into which all sessions read ciphertext. */
  uint8_t *read_buf;
};

/* A source of random bytes for mbedTLS; `ctx` is the context. */
int tls_context_random(void *ctx, unsigned char *out, size_t len);

#endif
