#include "net/tls/mbedtls/tls_mbed.h"

#include <string.h>

#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>

/* What differs between mbedTLS 2.28 and 3.6. */

#if MBEDTLS_VERSION_NUMBER < 0x021c0000 || MBEDTLS_VERSION_NUMBER >= 0x04000000
#error "mbedTLS 2.28 or 3.6 is wanted"
#endif

#if MBEDTLS_VERSION_MAJOR >= 3

#include <psa/crypto.h>

int tls_mbed_init(void) {
  psa_status_t status = psa_crypto_init();
  if (status == PSA_SUCCESS) return 0;
  return status == PSA_ERROR_INSUFFICIENT_MEMORY ? MBEDTLS_ERR_SSL_ALLOC_FAILED
                                                 : MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
}

int tls_mbed_parse_key(mbedtls_pk_context *key, const unsigned char *data, size_t len,
                       const char *password, tls_mbed_rng *rng, void *rng_arg) {
  size_t password_len = password == NULL ? 0 : strlen(password);
  return mbedtls_pk_parse_key(key, data, len, (const unsigned char *) password, password_len, rng,
                              rng_arg);
}

const unsigned char *tls_mbed_pem_data(const mbedtls_pem_context *pem, size_t *len) {
  *len = pem->MBEDTLS_PRIVATE(buflen);
  return pem->MBEDTLS_PRIVATE(buf);
}

#if defined(MBEDTLS_X509_CRL_PARSE_C)
mbedtls_md_type_t tls_mbed_crl_hash(const mbedtls_x509_crl *crl) {
  return crl->MBEDTLS_PRIVATE(sig_md);
}
#endif

int tls_mbed_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *key,
                        tls_mbed_rng *rng, void *rng_arg) {
  return mbedtls_pk_check_pair(pub, key, rng, rng_arg);
}

void tls_mbed_conf_versions(mbedtls_ssl_config *conf, wsuv_tls_version_t min,
                            wsuv_tls_version_t max) {
  mbedtls_ssl_conf_min_tls_version(conf, (mbedtls_ssl_protocol_version) min);
  mbedtls_ssl_conf_max_tls_version(conf, (mbedtls_ssl_protocol_version) max);
}

void tls_mbed_conf_secrets(mbedtls_ssl_config *conf, tls_mbed_secrets *secrets) {
  (void) conf;
  (void) secrets;
}

static const char *label_of(mbedtls_ssl_key_export_type type) {
  switch (type) {
  case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET: return "CLIENT_RANDOM";
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
  case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET:
    return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
  case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET:
    return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
  case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
    return "CLIENT_TRAFFIC_SECRET_0";
  case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
    return "SERVER_TRAFFIC_SECRET_0";
#endif
  default: return NULL; /* the secrets of early data, which is never used */
  }
}

static void on_export(void *arg, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                      size_t len, const unsigned char client_random[32],
                      const unsigned char server_random[32], mbedtls_tls_prf_types prf) {
  const tls_mbed_secrets *s = arg;
  const char *label = label_of(type);
  (void) server_random;
  (void) prf;
  if (label != NULL) s->on_secret(s->arg, label, client_random, secret, len);
}

void tls_mbed_set_secrets(mbedtls_ssl_context *ssl, tls_mbed_secrets *secrets) {
  mbedtls_ssl_set_export_keys_cb(ssl, on_export, secrets);
}

#if defined(MBEDTLS_SSL_PROTO_TLS1_3)

bool tls_mbed_has_1_3(void) {
  return true;
}

/* No key exchange by pre-shared key alone: it has no forward secrecy (RFC 8446 2.2). Versions
   before 3.6.1 always report tickets. */
/* PSS stands last: with TLS 1.2 servers take the first that fits, and mbedTLS 3.6 as a client
   offers PSS there but does not accept it. */
void tls_mbed_conf_strict(mbedtls_ssl_config *conf) {
  static const uint16_t signatures[] = {
      MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
      MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
      MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
      MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
      MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,    MBEDTLS_TLS1_3_SIG_NONE};
  mbedtls_ssl_conf_sig_algs(conf, signatures);
  mbedtls_ssl_conf_tls13_key_exchange_modes(conf,
                                            MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
#if defined(MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED)
  mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
      conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
#if defined(MBEDTLS_SSL_EARLY_DATA)
  mbedtls_ssl_conf_early_data(conf, MBEDTLS_SSL_EARLY_DATA_DISABLED);
#endif
}

bool tls_mbed_is_1_3(const mbedtls_ssl_context *ssl) {
  return mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
}

/* Until the client's Finished nothing else is sent, so the records are counted from 0 again. */
void tls_mbed_use_application_keys(mbedtls_ssl_context *ssl) {
  mbedtls_ssl_transform *keys = ssl->MBEDTLS_PRIVATE(transform_application);
  if (!tls_mbed_is_1_3(ssl) || keys == NULL || ssl->MBEDTLS_PRIVATE(transform_out) == keys) return;
  ssl->MBEDTLS_PRIVATE(transform_out) = keys;
  memset(ssl->MBEDTLS_PRIVATE(cur_out_ctr), 0, sizeof ssl->MBEDTLS_PRIVATE(cur_out_ctr));
}

/* The client makes its key share before it sends ClientHello, also if the server then chooses
   TLS 1.2, and gets the shared secret from ServerHello. */
static bool has_key_share(const mbedtls_ssl_context *ssl) {
  return ssl->MBEDTLS_PRIVATE(conf)->MBEDTLS_PRIVATE(max_tls_version) == MBEDTLS_SSL_VERSION_TLS1_3;
}

bool tls_mbed_is_ticket(int error) {
  return error == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
}

bool tls_mbed_is_key_update(const mbedtls_ssl_context *ssl, int error) {
  enum { KEY_UPDATE = 24 }; /* type of a handshake message (RFC 8446 4) */
  return error == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE && tls_mbed_is_1_3(ssl) &&
         tls_mbed_record_type(ssl) == MBEDTLS_SSL_MSG_HANDSHAKE &&
         ssl->MBEDTLS_PRIVATE(in_msg)[0] == KEY_UPDATE;
}

#endif

bool tls_mbed_is_alpn(const mbedtls_ssl_context *ssl, int error) {
  (void) ssl;
  return error == MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL;
}

int tls_mbed_last_alert(const mbedtls_ssl_context *ssl) {
  return ssl->MBEDTLS_PRIVATE(in_msg)[1];
}

/* The handshake message that was read last, with its header. */
static ws_view last_message(const mbedtls_ssl_context *ssl) {
  size_t len = ssl->MBEDTLS_PRIVATE(in_hslen);
  bool whole = len <= ssl->MBEDTLS_PRIVATE(in_msglen);
  return (ws_view){ssl->MBEDTLS_PRIVATE(in_msg), whole ? len : 0};
}

bool tls_mbed_begins_record(const mbedtls_ssl_context *ssl) {
  return ssl->MBEDTLS_PRIVATE(in_left) == 0;
}

int tls_mbed_record_type(const mbedtls_ssl_context *ssl) {
  return ssl->MBEDTLS_PRIVATE(in_msgtype);
}

static int empty_records(const mbedtls_ssl_context *ssl) {
  return ssl->MBEDTLS_PRIVATE(nb_zero);
}

int tls_mbed_state(const mbedtls_ssl_context *ssl) {
  return ssl->MBEDTLS_PRIVATE(state);
}

const unsigned char *tls_mbed_record_header(const mbedtls_ssl_context *ssl) {
  return ssl->MBEDTLS_PRIVATE(in_hdr);
}

static const mbedtls_ssl_config *conf_of(const mbedtls_ssl_context *ssl) {
  return ssl->MBEDTLS_PRIVATE(conf);
}

static bool is_server(const mbedtls_ssl_context *ssl) {
  return conf_of(ssl)->MBEDTLS_PRIVATE(endpoint) == MBEDTLS_SSL_IS_SERVER;
}

static bool asks_for_certificate(const mbedtls_ssl_context *ssl) {
  return conf_of(ssl)->MBEDTLS_PRIVATE(authmode) != MBEDTLS_SSL_VERIFY_NONE;
}

void tls_mbed_drop_ticket(mbedtls_ssl_context *ssl) {
  mbedtls_ssl_session *session = ssl->MBEDTLS_PRIVATE(session_negotiate);
  if (session == NULL || session->MBEDTLS_PRIVATE(ticket) == NULL) return;
  mbedtls_platform_zeroize(session->MBEDTLS_PRIVATE(ticket), session->MBEDTLS_PRIVATE(ticket_len));
  mbedtls_free(session->MBEDTLS_PRIVATE(ticket));
  session->MBEDTLS_PRIVATE(ticket) = NULL;
  session->MBEDTLS_PRIVATE(ticket_len) = 0;
}

bool tls_mbed_can_resume(const mbedtls_ssl_session *session) {
  return session->MBEDTLS_PRIVATE(id_len) > 0 || session->MBEDTLS_PRIVATE(ticket_len) > 0;
}

#else /* 2.28 */

int tls_mbed_init(void) {
  return 0;
}

int tls_mbed_parse_key(mbedtls_pk_context *key, const unsigned char *data, size_t len,
                       const char *password, tls_mbed_rng *rng, void *rng_arg) {
  size_t password_len = password == NULL ? 0 : strlen(password);
  (void) rng;
  (void) rng_arg;
  return mbedtls_pk_parse_key(key, data, len, (const unsigned char *) password, password_len);
}

const unsigned char *tls_mbed_pem_data(const mbedtls_pem_context *pem, size_t *len) {
  *len = pem->buflen;
  return pem->buf;
}

#if defined(MBEDTLS_X509_CRL_PARSE_C)
mbedtls_md_type_t tls_mbed_crl_hash(const mbedtls_x509_crl *crl) {
  return crl->sig_md;
}
#endif

int tls_mbed_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *key,
                        tls_mbed_rng *rng, void *rng_arg) {
  (void) rng;
  (void) rng_arg;
  return mbedtls_pk_check_pair(pub, key);
}

/* The defaults of 3.6: no curve below 128 bits of strength, no hash below SHA-256. */
void tls_mbed_conf_strict(mbedtls_ssl_config *conf) {
  static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
                                                MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1,
                                                MBEDTLS_ECP_DP_NONE};
  static const int hashes[] = {MBEDTLS_MD_SHA512, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA256,
                               MBEDTLS_MD_NONE};
  mbedtls_ssl_conf_curves(conf, curves);
  mbedtls_ssl_conf_sig_hashes(conf, hashes);
}

void tls_mbed_conf_versions(mbedtls_ssl_config *conf, wsuv_tls_version_t min,
                            wsuv_tls_version_t max) {
  mbedtls_ssl_conf_min_version(conf, (int) min >> 8, (int) min & 0xff);
  mbedtls_ssl_conf_max_version(conf, (int) max >> 8, (int) max & 0xff);
}

static int on_export(void *arg, const unsigned char *master, const unsigned char *block,
                     size_t mac_len, size_t key_len, size_t iv_len,
                     const unsigned char client_random[32], const unsigned char server_random[32],
                     mbedtls_tls_prf_types prf) {
  enum { MASTER_LEN = 48 };
  const tls_mbed_secrets *s = arg;
  (void) block;
  (void) mac_len;
  (void) key_len;
  (void) iv_len;
  (void) server_random;
  (void) prf;
  s->on_secret(s->arg, "CLIENT_RANDOM", client_random, master, MASTER_LEN);
  return 0;
}

void tls_mbed_conf_secrets(mbedtls_ssl_config *conf, tls_mbed_secrets *secrets) {
  mbedtls_ssl_conf_export_keys_ext_cb(conf, on_export, secrets);
}

void tls_mbed_set_secrets(mbedtls_ssl_context *ssl, tls_mbed_secrets *secrets) {
  (void) ssl;
  (void) secrets;
}

/* There is no error of its own for it, but an alert was sent, which is not encrypted yet. */
bool tls_mbed_is_alpn(const mbedtls_ssl_context *ssl, int error) {
  return error == MBEDTLS_ERR_SSL_BAD_HS_CLIENT_HELLO &&
         ssl->out_msgtype == MBEDTLS_SSL_MSG_ALERT &&
         ssl->out_msg[1] == MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL;
}

int tls_mbed_last_alert(const mbedtls_ssl_context *ssl) {
  return ssl->in_msg[1];
}

static ws_view last_message(const mbedtls_ssl_context *ssl) {
  return (ws_view){ssl->in_msg, ssl->in_hslen <= ssl->in_msglen ? ssl->in_hslen : 0};
}

bool tls_mbed_begins_record(const mbedtls_ssl_context *ssl) {
  return ssl->in_left == 0;
}

int tls_mbed_record_type(const mbedtls_ssl_context *ssl) {
  return ssl->in_msgtype;
}

static int empty_records(const mbedtls_ssl_context *ssl) {
  return ssl->nb_zero;
}

int tls_mbed_state(const mbedtls_ssl_context *ssl) {
  return ssl->state;
}

const unsigned char *tls_mbed_record_header(const mbedtls_ssl_context *ssl) {
  return ssl->in_hdr;
}

static bool is_server(const mbedtls_ssl_context *ssl) {
  return ssl->conf->endpoint == MBEDTLS_SSL_IS_SERVER;
}

static bool asks_for_certificate(const mbedtls_ssl_context *ssl) {
  return ssl->conf->authmode != MBEDTLS_SSL_VERIFY_NONE;
}

void tls_mbed_drop_ticket(mbedtls_ssl_context *ssl) {
  mbedtls_ssl_session *session = ssl->session_negotiate;
  if (session == NULL || session->ticket == NULL) return;
  mbedtls_platform_zeroize(session->ticket, session->ticket_len);
  mbedtls_free(session->ticket);
  session->ticket = NULL;
  session->ticket_len = 0;
}

bool tls_mbed_can_resume(const mbedtls_ssl_session *session) {
  return session->id_len > 0 || session->ticket_len > 0;
}

#endif

/* mbedTLS counts the empty records since the last one that was not empty, and fails beyond the
   third. A record that was changed is not counted. */
bool tls_mbed_is_fourth_empty(const mbedtls_ssl_context *ssl, int error) {
  return error == MBEDTLS_ERR_SSL_INVALID_MAC && empty_records(ssl) > 3;
}

#if MBEDTLS_VERSION_MAJOR < 3 || !defined(MBEDTLS_SSL_PROTO_TLS1_3)

bool tls_mbed_has_1_3(void) {
  return false;
}

#if MBEDTLS_VERSION_MAJOR >= 3
void tls_mbed_conf_strict(mbedtls_ssl_config *conf) {
  (void) conf;
}
#endif

bool tls_mbed_is_1_3(const mbedtls_ssl_context *ssl) {
  (void) ssl;
  return false;
}

bool tls_mbed_is_ticket(int error) {
  (void) error;
  return false;
}

bool tls_mbed_is_key_update(const mbedtls_ssl_context *ssl, int error) {
  (void) ssl;
  (void) error;
  return false;
}

void tls_mbed_use_application_keys(mbedtls_ssl_context *ssl) {
  (void) ssl;
}

static bool has_key_share(const mbedtls_ssl_context *ssl) {
  (void) ssl;
  return false;
}

#endif

/* The message begins so; the peer's own certificate is the first one:

     TLS 1.2   type 1, length 3,              list 3, certificate 3, DER ...
     TLS 1.3   type 1, length 3, context 1+n, list 3, certificate 3, DER ...
*/
ws_view tls_mbed_sent_certificate(const mbedtls_ssl_context *ssl) {
  enum { HEADER = 4, LENGTH = 3 };
  const ws_view none = {NULL, 0}, message = last_message(ssl);
  size_t at = HEADER + LENGTH, len;
  bool handshake = tls_mbed_record_type(ssl) == MBEDTLS_SSL_MSG_HANDSHAKE;
  if (!handshake || message.len <= at || message.base[0] != MBEDTLS_SSL_HS_CERTIFICATE) return none;
  if (tls_mbed_is_1_3(ssl)) at += 1 + (size_t) message.base[HEADER];
  if (message.len < at + LENGTH) return none;
  const uint8_t *p = message.base + at;
  len = (size_t) p[0] << 16 | (size_t) p[1] << 8 | p[2];
  at += LENGTH;
  return len <= message.len - at ? (ws_view){message.base + at, len} : none;
}

static bool client_is_costly(const mbedtls_ssl_context *ssl) {
  switch (tls_mbed_state(ssl)) {
  case MBEDTLS_SSL_SERVER_CERTIFICATE:
  case MBEDTLS_SSL_SERVER_KEY_EXCHANGE:
  case MBEDTLS_SSL_CLIENT_KEY_EXCHANGE:
  case MBEDTLS_SSL_CERTIFICATE_VERIFY: return true;
  case MBEDTLS_SSL_CLIENT_HELLO:
  case MBEDTLS_SSL_SERVER_HELLO: return has_key_share(ssl);
  default: return false;
  }
}

/* The server makes its key share: in TLS 1.2 with a signature, in ServerKeyExchange; in TLS 1.3 in
   ServerHello, where it also gets the shared secret, with the signature in CertificateVerify, which
   in TLS 1.2 is the client's. */
static bool server_is_costly(const mbedtls_ssl_context *ssl) {
  switch (tls_mbed_state(ssl)) {
  case MBEDTLS_SSL_SERVER_KEY_EXCHANGE:
  case MBEDTLS_SSL_CLIENT_KEY_EXCHANGE: return true;
  case MBEDTLS_SSL_SERVER_HELLO: return tls_mbed_is_1_3(ssl);
  case MBEDTLS_SSL_CERTIFICATE_VERIFY: return tls_mbed_is_1_3(ssl) || asks_for_certificate(ssl);
  case MBEDTLS_SSL_CLIENT_CERTIFICATE: return asks_for_certificate(ssl);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
  case MBEDTLS_SSL_CLIENT_CERTIFICATE_VERIFY: return asks_for_certificate(ssl);
#endif
  default: return false;
  }
}

bool tls_mbed_is_costly(const mbedtls_ssl_context *ssl) {
  return is_server(ssl) ? server_is_costly(ssl) : client_is_costly(ssl);
}
