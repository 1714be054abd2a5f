#ifndef TEST_CERTS_H
#define TEST_CERTS_H

/* Certificates and keys, made when a test begins: none is kept in the repository. Keys come from a
   generator with a fixed seed, so they are the same in every run. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/pk.h>

enum { CERT_NAMES_MAX = 4, CERT_PEM_SIZE = 4096 };

typedef struct cert_spec {
  const char *name;                  /* common name */
  const char *hosts[CERT_NAMES_MAX]; /* alternative names: names and addresses; \1 makes a NUL */
  const char *not_before;            /* YYYYMMDDhhmmss; NULL: 2020 */
  const char *not_after;             /* NULL: 2099 */
  /* Name constraints: names, addresses as "10.0.0.0/8", and "email:", "uri:", "directory:". */
  const char *permits[CERT_NAMES_MAX];
  const char *excludes[CERT_NAMES_MAX];
  bool critical;                 /* The name constraints are critical. */
  bool malformed;                /* They have a subtree with a minimum. */
  bool strange;                  /* A critical extension that nobody knows. */
  bool policy;                   /* A critical policy. */
  bool for_servers, for_clients; /* Extended key usage; none: the certificate has none. */
  bool for_ocsp;                 /* The same, of those that sign OCSP responses. */
  bool not_looked_up;            /* Such a signer need not be looked up (RFC 6960 4.2.2.2.1). */
  bool must_staple;              /* A server with it must send an OCSP response (RFC 7633). */
  bool ca;
  bool sha1;      /* signed with a hash that nobody should accept */
  bool short_key; /* RSA with 1024 bits; else P-256 */
} cert_spec;

typedef struct cert {
  mbedtls_pk_context key;
  char name[64];
  char pem[CERT_PEM_SIZE];     /* the certificate, room for others behind it */
  char key_pem[CERT_PEM_SIZE]; /* its key */
  uint8_t der[CERT_PEM_SIZE];
  size_t der_len;
} cert;

/* Signed by `issuer`, CA or not; NULL: by itself. */
void cert_make(cert *c, const cert_spec *spec, cert *issuer);
void cert_free(cert *c);

/* Append another certificate to the chain in `pem`. */
void cert_append(cert *c, const cert *other);

/* Encrypt `key_pem`, as openssl does it by itself: AES-128-CBC under a hash of the password. */
void cert_encrypt_key(cert *c, const char *password);

/* "sha256//..." of its public key. */
const char *cert_pin(const cert *c, char text[64]);

#endif
