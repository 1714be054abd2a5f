#ifndef WS_NET_TLS_OPENSSL_OSSL_INTERNAL_H
#define WS_NET_TLS_OPENSSL_OSSL_INTERNAL_H

/* The members of contexts and engines, for the files of this folder. */

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "net/tls/openssl/ossl_identity.h"
#include "net/tls/openssl/ossl_tickets.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_parts.h"

typedef struct ossl_context {
  /* This must be the first field, because ossl_context_of converts its address. */
  tls_context base;
  SSL_CTX *ssl;         /* This is OpenSSL's form of the configuration. */
  BIO_METHOD *bio;      /* Engines read and write by these functions, which the engine has. */
  ossl_identities own;  /* These are our own certificates. */
  ossl_tickets tickets; /* A server encrypts its tickets with these keys. */
  uint8_t *alpn;        /* The context owns the protocols in the form of RFC 7301 3.1, or NULL. */
  size_t alpn_len;      /* `alpn` has this many bytes. */
} ossl_context;

typedef struct ossl_engine {
  tls_engine base; /* This must be the first field, because ossl_of converts its address. */
  SSL *ssl;        /* This is OpenSSL's state of the session. */
  /* The engine owns the session that has come last and was not stored yet, or this is NULL. */
  SSL_SESSION *session;
  uint32_t problems; /* These are the errors of all certificates in the chain, as WSUV_CERT_*. */
  int io_error;      /* Moving bytes has failed with this code, or it is 0. */
  uint8_t header[TLS_RECORD_HEADER_LEN]; /* This is the header of the record that is read now. */
  size_t header_len;                     /* `header` has this many bytes. */
  size_t body_left;                      /* So many bytes of the record are still to be read. */
  bool reading;    /* OpenSSL is reading data, so what it sends answers the peer. */
  bool saw_chain;  /* A certificate chain was checked, so the session is not a resumed one. */
  bool saw_status; /* The OCSP response, or that none came, was looked at. */
  bool wrong_alpn; /* The client offers none of our protocols. */
} ossl_engine;

static inline ossl_context *ossl_context_of(tls_context *ctx) {
  return (ossl_context *) (void *) ctx;
}

static inline ossl_engine *ossl_of(tls_engine *e) {
  return (ossl_engine *) (void *) e;
}

static inline const ossl_engine *ossl_of_const(const tls_engine *e) {
  return (const ossl_engine *) (const void *) e;
}

/* As tls_library says. */
int ossl_context_load(tls_context *ctx, tls_failure *failure);
void ossl_context_unload(tls_context *ctx);

/* The functions with which engines read and write. NULL: no memory. */
BIO_METHOD *ossl_bio_method(void);

/* Called by OpenSSL with a session that can be resumed. */
int ossl_on_session(SSL *ssl, SSL_SESSION *session);

#endif
