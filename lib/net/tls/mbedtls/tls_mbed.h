#ifndef WS_NET_TLS_MBEDTLS_TLS_MBED_H
#define WS_NET_TLS_MBEDTLS_TLS_MBED_H

/* What differs between mbedTLS 2.28 and 3.6. No other file of the library checks the version. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crl.h>

#include <wsuv/tls.h>

#include "base/hash.h"
#include "base/view.h"

typedef int tls_mbed_rng(void *arg, unsigned char *out, size_t len);

/* Gets the secrets: label, the client's random, the secret. */
typedef struct tls_mbed_secrets {
  /* This is called with a label, the client's random, and a secret of `len` bytes. */
  void (*on_secret)(void *arg, const char *label, const unsigned char client_random[32],
                    const unsigned char *secret, size_t len);
  void *arg; /* This is the first argument of `on_secret`. */
} tls_mbed_secrets;

/* Whether it has TLS 1.3. */
bool tls_mbed_has_1_3(void);

/* mbedTLS's hash functions. */
ws_hash_fn tls_mbed_hash;

/* Call it before anything else; it may be called again. 0 or an error of mbedTLS's. */
int tls_mbed_init(void);

/* The content of PEM that was read. */
const unsigned char *tls_mbed_pem_data(const mbedtls_pem_context *pem, size_t *len);

/* A key in memory: PEM with its NUL counted, or DER. */
int tls_mbed_parse_key(mbedtls_pk_context *key, const unsigned char *data, size_t len,
                       const char *password, tls_mbed_rng *rng, void *rng_arg);
int tls_mbed_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *key,
                        tls_mbed_rng *rng, void *rng_arg);

/* The hash that a list of revoked certificates is signed with, where mbedTLS has such lists. */
mbedtls_md_type_t tls_mbed_crl_hash(const mbedtls_x509_crl *crl);

/* Groups, signature algorithms and features that the versions are configured with in different
   ways. */
void tls_mbed_conf_strict(mbedtls_ssl_config *conf);

/* Both bounds are real versions. */
void tls_mbed_conf_versions(mbedtls_ssl_config *conf, wsuv_tls_version_t min,
                            wsuv_tls_version_t max);

/* 2.28 installs the callback on the configuration, 3.6 on the connection. Call both. */
void tls_mbed_conf_secrets(mbedtls_ssl_config *conf, tls_mbed_secrets *secrets);
void tls_mbed_set_secrets(mbedtls_ssl_context *ssl, tls_mbed_secrets *secrets);

/* Whether TLS 1.3 was negotiated: its sessions come later, as tickets, each to be used once. */
bool tls_mbed_is_1_3(const mbedtls_ssl_context *ssl);

/* The server makes a whole handshake, so the ticket that a client has offered is of no use: without
   this mbedTLS would store it with the secret of the new session, if no new one comes. */
void tls_mbed_drop_ticket(mbedtls_ssl_context *ssl);

/* Whether the server has given an identifier or a ticket with which the session can be resumed. */
bool tls_mbed_can_resume(const mbedtls_ssl_session *session);

/* The next step of the handshake, MBEDTLS_SSL_*. */
int tls_mbed_state(const mbedtls_ssl_context *ssl);

/* Let a server send with the keys of application data, as it must after its Finished (RFC 8446
   4.4.4). mbedTLS 3.6 sends alerts with those of the handshake until the client's Finished has
   come, which no client can read. Call it when the next step reads a message of the client's. */
void tls_mbed_use_application_keys(mbedtls_ssl_context *ssl);

/* Whether the next step of the handshake does public key work, if it can be done. */
bool tls_mbed_is_costly(const mbedtls_ssl_context *ssl);

/* Whether an error only says that such a ticket has come. */
bool tls_mbed_is_ticket(int error);

/* Whether the next bytes that mbedTLS reads are the first of a record. */
bool tls_mbed_begins_record(const mbedtls_ssl_context *ssl);

/* The header of the record that is read now, or was read last: 5 bytes (RFC 8446 5.1). */
const unsigned char *tls_mbed_record_header(const mbedtls_ssl_context *ssl);

/* The type of the record that was read last, MBEDTLS_SSL_MSG_*, after decryption; 0: none was. */
int tls_mbed_record_type(const mbedtls_ssl_context *ssl);

/* Whether an error means that four empty records have come in a row, which mbedTLS does not take.
   It is the same error as for a record that was changed. */
bool tls_mbed_is_fourth_empty(const mbedtls_ssl_context *ssl, int error);

/* Whether an error means that the peer has sent a KeyUpdate (RFC 8446 4.6.3), which mbedTLS 3.6
   does not take. */
bool tls_mbed_is_key_update(const mbedtls_ssl_context *ssl, int error);

/* Whether an error means that a server has none of the protocols that the client offers by ALPN. */
bool tls_mbed_is_alpn(const mbedtls_ssl_context *ssl, int error);

/* The peer's own certificate in DER, in mbedTLS's buffer, whether or not it can be parsed, if the
   message that was read last is Certificate (RFC 8446 4.4.2, RFC 5246 7.4.2) and has one. Otherwise
   the view is empty. */
ws_view tls_mbed_sent_certificate(const mbedtls_ssl_context *ssl);

/* The description of the alert that came last (RFC 8446 6), after FATAL_ALERT_MESSAGE. */
int tls_mbed_last_alert(const mbedtls_ssl_context *ssl);

#endif
