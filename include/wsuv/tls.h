#ifndef WSUV_TLS_H
#define WSUV_TLS_H

/**
 * @file wsuv/tls.h
 * @brief TLS of `wss` sessions: certificates, which of them to trust, and what was negotiated.
 *
 * The defaults are safe: a client verifies chain and host name (IP addresses too) against the
 * system's store, TLS 1.2 is the lowest version, and only ECDHE with AEAD ciphers is taken. The
 * host must be one of the certificate's subject alternative names; its common name is ignored
 * (RFC 9525). Whether a certificate was revoked is looked up in lists (CRLs) that the program
 * gives; with OpenSSL an OCSP response that a server sends is checked as well. Nothing is fetched
 * for it. There is no renegotiation and no early data.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wsuv/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @addtogroup tls
 * @{
 */

/** Versions of TLS. */
typedef enum wsuv_tls_version {
  WSUV_TLS_ANY = 0,      /**< No limit: from 1.2 to the highest that the library has. */
  WSUV_TLS_1_2 = 0x0303, /**< TLS 1.2 (RFC 5246). */
  WSUV_TLS_1_3 = 0x0304  /**< TLS 1.3 (RFC 8446), with OpenSSL, or mbedTLS 3.6. */
} wsuv_tls_version_t;

/**
 * Errors of the peer's certificate or of its chain: a combination of these is in
 * wsuv_close_info::tls_verify_flags. They do not depend on the TLS library.
 */
typedef enum wsuv_cert_flag {
  WSUV_CERT_EXPIRED = 1 << 0,       /**< The certificate has expired. */
  WSUV_CERT_NOT_YET_VALID = 1 << 1, /**< The certificate is not valid yet. */
  WSUV_CERT_HOST_MISMATCH = 1 << 2, /**< None of its names is the host that was asked for. */
  WSUV_CERT_NOT_TRUSTED = 1 << 3,   /**< No trusted authority has signed it. */
  WSUV_CERT_MISSING = 1 << 4,       /**< The peer has sent no certificate. */
  WSUV_CERT_KEY_USAGE = 1 << 5,     /**< The key may not be used in this way (RFC 5280 4.2.1.3). */
  WSUV_CERT_EXT_KEY_USAGE =
      1 << 6, /**< The certificate is not for this use, such as a client's (RFC 5280 4.2.1.12). */
  WSUV_CERT_TYPE = 1 << 7,      /**< The certificate is of another type. */
  WSUV_CERT_WEAK_HASH = 1 << 8, /**< It was signed with a hash that is too weak. */
  WSUV_CERT_KEY_TYPE = 1 << 9,  /**< A key of this kind is not accepted. */
  WSUV_CERT_WEAK_KEY = 1 << 10, /**< The key is too short. */
  WSUV_CERT_REVOKED = 1 << 11,  /**< A CRL or an OCSP response says that it has been revoked. */
  WSUV_CERT_OTHER = 1 << 12,    /**< Another error; wsuv_close_info::detail describes it. */
  /** A name of it is outside of what its authority may certify (RFC 5280 4.2.1.10). */
  WSUV_CERT_NAME_CONSTRAINTS = 1 << 13,
  /** It has a critical extension or policy that the TLS library does not understand, or a malformed
      extension (RFC 5280 4.2). */
  WSUV_CERT_EXTENSION = 1 << 14,
  /** Lists of revoked certificates are there (wsuv_tls_config::crl_file), but none of its issuer.
   */
  WSUV_CERT_CRL_MISSING = 1 << 15,
  WSUV_CERT_CRL_EXPIRED = 1 << 16, /**< The list of its issuer is out of date, or not valid yet. */
  /** The list of its issuer is not signed by the issuer, or says what is not understood. */
  WSUV_CERT_CRL_INVALID = 1 << 17,
  /** The server has sent no OCSP response, or an error of the responder's, although
      #WSUV_TLS_OCSP_REQUIRE or the certificate demands a response (RFC 7633). */
  WSUV_CERT_OCSP_MISSING = 1 << 18,
  WSUV_CERT_OCSP_EXPIRED = 1 << 19, /**< The OCSP response is out of date, or not valid yet. */
  /** The OCSP response is malformed, is for another certificate, or is not signed by the issuer or
      a responder of the issuer's (RFC 6960 4.2.2.2), or that responder has been revoked. */
  WSUV_CERT_OCSP_INVALID = 1 << 20,
  WSUV_CERT_OCSP_UNKNOWN = 1 << 21 /**< The OCSP responder does not know the certificate. */
} wsuv_cert_flag_t;

/** A TLS library: the one that wsuv_close_info::tls_error belongs to, or that is to be used. */
typedef enum wsuv_tls_library {
  WSUV_TLS_LIBRARY_NONE = 0,    /**< There is no code; in a configuration: the default. */
  WSUV_TLS_LIBRARY_MBEDTLS = 1, /**< It is one of mbedTLS. */
  WSUV_TLS_LIBRARY_OPENSSL = 2  /**< It is one of OpenSSL. */
} wsuv_tls_library_t;

/** Whether a server asks its clients for certificates. */
typedef enum wsuv_tls_client_auth {
  WSUV_TLS_CLIENT_AUTH_NONE = 0, /**< It does not. */
  /** It does. A client without one is accepted; one that is not valid ends the handshake. */
  WSUV_TLS_CLIENT_AUTH_REQUEST = 1,
  WSUV_TLS_CLIENT_AUTH_REQUIRE = 2 /**< It does, and a client without one is not accepted. */
} wsuv_tls_client_auth_t;

/** Which certificates of a chain are looked up in lists of revoked certificates (CRLs). */
typedef enum wsuv_tls_crl_check {
  WSUV_TLS_CRL_CHAIN = 0, /**< All but the trusted authority: a list of each issuer is needed. */
  WSUV_TLS_CRL_LEAF = 1 /**< Only the certificate of the peer: the list of its issuer is needed. */
} wsuv_tls_crl_check_t;

/** Whether a client asks the server for an OCSP response (RFC 6066 8), which says whether the
    server's certificate was revoked. */
typedef enum wsuv_tls_ocsp {
  /** With OpenSSL it does. A response that comes must be valid, and must not say that the
      certificate was revoked. One must come if the certificate demands it (RFC 7633). With mbedTLS
      the client does not ask. */
  WSUV_TLS_OCSP_CHECK = 0,
  /** It does, and a response must come and say that the certificate is good. mbedTLS:
      `WSUV_ETLSOPTION`. */
  WSUV_TLS_OCSP_REQUIRE = 1,
  WSUV_TLS_OCSP_OFF = 2 /**< It does not. */
} wsuv_tls_ocsp_t;

/** A certificate of our own, with its key. Initialise with wsuv_tls_cert_init(). */
typedef struct wsuv_tls_cert {
  size_t size;              /**< `sizeof(wsuv_tls_cert_t)` of the caller. */
  const char *cert_file;    /**< As wsuv_tls_config::cert_file. */
  const char *key_file;     /**< As wsuv_tls_config::key_file. */
  const void *cert_pem;     /**< The same in memory, instead of #cert_file. */
  size_t cert_pem_len;      /**< Bytes of #cert_pem. */
  const void *key_pem;      /**< The same in memory, instead of #key_file. */
  size_t key_pem_len;       /**< Bytes of #key_pem. */
  const char *key_password; /**< Password of an encrypted key; NULL: it is not encrypted. */
  const char *ocsp_file;    /**< As wsuv_tls_config::ocsp_file. */
  const void *ocsp_der;     /**< The same in memory, instead of #ocsp_file. */
  size_t ocsp_der_len;      /**< Bytes of #ocsp_der. */
} wsuv_tls_cert_t;

/** Fill in an empty structure. */
static inline void wsuv_tls_cert_init(wsuv_tls_cert_t *own) {
  memset(own, 0, sizeof(*own));
  own->size = sizeof(*own);
}

/**
 * How `wss` sessions are secured. Fill in the defaults with wsuv_tls_config_init(), then change
 * fields. Everything is copied when it is used. Files are read once for each client or server, when
 * they are first needed; wsuv_client_set_tls() reads them anew.
 *
 * One type serves both roles. A field of the other role must be as wsuv_tls_config_init() leaves
 * it, otherwise the configuration is refused with `UV_EINVAL`.
 */
typedef struct wsuv_tls_config {
  size_t size; /**< `sizeof(wsuv_tls_config_t)` of the caller. */

  /**
   * @name Whom to trust
   * The authorities of a server's certificate for a client, and those of the clients' certificates
   * for a server. A server reads them only if #client_auth is set, and then needs at least one
   * (`UV_EINVAL`): no public authority says who a client is.
   *
   * All of these are used together. If a client has none set, the system's store is used, or in
   * place of it what the environment names: `SSL_CERT_FILE`, a file as #ca_file, and
   * `SSL_CERT_DIR`, folders as #ca_dir with colons between them. If one of the two is set, only
   * what they name is trusted. Programs that run with more rights than their user has, such as
   * setuid ones, ignore both.
   *
   * Each source that is set must be there and hold a certificate; otherwise sessions fail with
   * `WSUV_ETLSTRUST`, and wsuv_close_info::detail has the path and the cause. A certificate that
   * cannot be used is left out, as is a file in a folder that can never be read. If a file cannot
   * be opened right now, as with `UV_EMFILE`, that session fails, and the next one tries again.
   *
   * Name constraints of the authorities (RFC 5280 4.2.1.10) are obeyed: with OpenSSL for names of
   * all kinds; with mbedTLS for DNS names and addresses, and a certificate is refused if critical
   * constraints of other kinds may apply to it.
   * @{ */
  const char *ca_file; /**< PEM, any number of certificates, or one in DER. NULL: none. */
  const char *ca_dir;  /**< A folder of such files. NULL: none. */
  const void *ca_pem;  /**< PEM in memory. NULL: none. */
  size_t ca_pem_len;   /**< Bytes of #ca_pem. */
  /** @} */

  /**
   * @name Lists of revoked certificates
   * CRLs (RFC 5280 5). If any is set, the certificates that #crl_check names must not be in the
   * list of their issuer, which must be there, be signed by the issuer with a hash as for
   * certificates, and be in force now; #wsuv_cert_flag_t says which of it is wrong. A trusted
   * authority is not looked up. A server needs #client_auth for them (`UV_EINVAL`); a client that
   * verifies nothing may have none (`UV_EINVAL`), and one with lists resumes no sessions, so that
   * each session is verified at its time.
   *
   * A list that cannot be read, has no nextUpdate, has a weak hash, or is a delta list, is not left
   * out: sessions fail with `WSUV_ETLSCRL`, and wsuv_close_info::detail has the path and the cause.
   * Of several lists of one issuer, OpenSSL uses the newest; for mbedTLS each must be valid.
   * mbedTLS takes no list with critical extensions, such as one for a part of the certificates.
   * @{ */
  const char *crl_file; /**< PEM, any number of lists, or one in DER. NULL: none. */
  const void *crl_pem;  /**< The same in memory; together with #crl_file: both. NULL: none. */
  size_t crl_pem_len;   /**< Bytes of #crl_pem. */
  wsuv_tls_crl_check_t crl_check; /**< Which certificates; default #WSUV_TLS_CRL_CHAIN. */
  /** @} */

  /**
   * For a client: whether the server is asked for an OCSP response. One that is missing or not
   * accepted is `WSUV_ETLSOCSP`; a certificate that it calls revoked is `WSUV_ETLSVERIFY`. A
   * response counts from its thisUpdate to its nextUpdate, which it must have (RFC 5019 4), and
   * five minutes more on both sides. A responder that has signed it for the issuer is looked up in
   * the lists above, if any are set, whatever #crl_check says; unless its certificate has
   * id-pkix-ocsp-nocheck (RFC 6960 4.2.2.2.1). With #WSUV_TLS_OCSP_REQUIRE sessions are not
   * resumed, so that each has a response; a client that verifies nothing may not have it
   * (`UV_EINVAL`). Default #WSUV_TLS_OCSP_CHECK.
   */
  wsuv_tls_ocsp_t ocsp;

  /**
   * @name Our own certificate
   * A server must have one, with its key (`UV_EINVAL`), and may have more of them (#certs). A
   * client has one for servers that ask for it. A certificate or key that cannot be used, or a key
   * of another certificate, is `WSUV_ETLS`, and the text names the file.
   * @{ */
  const char *cert_file; /**< PEM: our own certificate, then its chain. NULL: none. */
  /**
   * PEM or DER. mbedTLS before 3.5 does not read keys that are encrypted with AES, as OpenSSL does
   * by default: convert them with `openssl pkcs8 -topk8 -v2 des3`.
   *
   * Or a PKCS #11 URI (RFC 7512), which begins with "pkcs11:": the key stays in a token, which
   * makes the signatures, and stops the loop meanwhile. OpenSSL needs a provider for it, which its
   * configuration activates; without one: `WSUV_ETLSOPTION`, when the key is needed. #key_password
   * is the PIN, if the URI has none. mbedTLS: `WSUV_ETLSOPTION`.
   */
  const char *key_file;
  const void *cert_pem;     /**< The same in memory, instead of #cert_file. */
  size_t cert_pem_len;      /**< Bytes of #cert_pem. */
  const void *key_pem;      /**< The same in memory, instead of #key_file. */
  size_t key_pem_len;       /**< Bytes of #key_pem. */
  const char *key_password; /**< Password of an encrypted key; NULL: it is not encrypted. */
  /**
   * For a server: the OCSP response of the certificate, in DER, which clients that ask for one get
   * ("stapling", RFC 6066 8) until its nextUpdate has passed. wsuv_server_set_tls() exchanges it.
   * One that cannot be read, is an error of the responder's, or is not for the certificate, is
   * `WSUV_ETLS`, and the text names the file. NULL: none. mbedTLS: `WSUV_ETLSOPTION`.
   */
  const char *ocsp_file;
  const void *ocsp_der; /**< The same in memory, instead of #ocsp_file. */
  size_t ocsp_der_len;  /**< Bytes of #ocsp_der. */
  /** @} */

  /**
   * Pins of a client: the server's certificate must be valid, and must also have one of these
   * public keys. Each is `sha256//` and the base64 of the SHA-256 of the SubjectPublicKeyInfo (RFC
   * 7469 2.4). `WSUV_ETLSPIN`: it has none of them. NULL: any key.
   */
  const char *const *pins;
  size_t pin_count; /**< How many #pins. */

  /** For a client: the name or IP address that the certificate must have, instead of the URL's
      host. NULL: the URL's host. */
  const char *server_name;

  wsuv_tls_version_t min_version; /**< The lowest; default #WSUV_TLS_ANY. */
  wsuv_tls_version_t max_version; /**< The highest; default #WSUV_TLS_ANY. */
  /**
   * Cipher suites in order of preference, where a server's order decides (the client's with TLS 1.3
   * and mbedTLS), by their IANA names with hyphens, as "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256".
   * NULL: those with ECDHE and AEAD. One of them at least must go with #min_version and
   * #max_version (`UV_EINVAL`), and be in the TLS library as it was built (`UV_EINVAL`, with
   * OpenSSL `WSUV_ETLS` when a session begins).
   */
  const char *const *ciphersuites;
  size_t ciphersuite_count; /**< How many #ciphersuites. */
  /**
   * Protocols of ALPN (RFC 7301), in order of preference. NULL: "http/1.1". A client offers them. A
   * server takes the first of its own that the client offers. A client that offers none is
   * accepted. If no offer fits, the server fails the handshake with `WSUV_ETLS` and the alert
   * no_application_protocol (RFC 7301 3.2). "h2" in a server's list is refused with `UV_EINVAL`,
   * because a browser that negotiates it does not open a WebSocket over HTTP/1.1.
   */
  const char *const *alpn;
  size_t alpn_count; /**< How many #alpn; 0 with #alpn not NULL: ALPN is not used. */

  /** The TLS library, of those that wsuv was built with. #WSUV_TLS_LIBRARY_NONE (the default):
      mbedTLS if it is among them. One that is not: `UV_ENOTSUP`. */
  wsuv_tls_library_t library;

  /**
   * Resume earlier TLS sessions. Default true. A client resumes those with the same host, port and
   * configuration. A server gives session tickets (RFC 5077, RFC 8446 4.6.1), whose key changes as
   * #ticket_lifetime_s says. A server that asks for client certificates gives none, so that each
   * session has its client's certificate, verified at that time.
   */
  bool resumption;
  /** For a client: set by wsuv_tls_config_disable_verification() only. */
  bool verification_disabled;
  /**
   * Append the secrets of each session to this file, in the format of SSLKEYLOGFILE, which
   * Wireshark reads. Everybody who has the file can decrypt the traffic. NULL (the default): never.
   */
  const char *keylog_file;

  /**
   * For a server: further certificates. The one for a session is chosen by the name that the client
   * asks for (SNI, RFC 6066 3), which is compared with the DNS names among the subject alternative
   * names: an equal name first, then a wildcard, which stands for one whole label on the left
   * (RFC 9525 6.3). Of several with the same name, such as one with an RSA and one with an ECDSA
   * key, one that the client can use is taken: the TLS library's order of signatures and cipher
   * suites decides, and among equal ones the order here. If no name fits, if the client asks for
   * none or for an address, #cert_file or #cert_pem is used. Default none.
   */
  const wsuv_tls_cert_t *const *certs;
  size_t cert_count; /**< How many #certs. */
  /**
   * For a server: whether clients are asked for certificates. They are verified as a server's
   * certificate is by a client, name constraints included, and must be for the use of a client
   * (RFC 5280 4.2.1.12). No name is compared: wsuv_tls_info::peer_certificate says who the client
   * is. Default #WSUV_TLS_CLIENT_AUTH_NONE.
   */
  wsuv_tls_client_auth_t client_auth;
  /**
   * For a server: how long a session ticket is accepted, in seconds, at most 604800 (RFC 8446
   * 4.6.1). After this time a new key encrypts tickets, and the key before it is forgotten when
   * the next one comes. A configuration that replaces this one has new keys. 0 (the default): two
   * hours.
   */
  unsigned ticket_lifetime_s;
} wsuv_tls_config_t;

/** Fill in the defaults. */
static inline void wsuv_tls_config_init(wsuv_tls_config_t *config) {
  memset(config, 0, sizeof(*config));
  config->size = sizeof(*config);
  config->resumption = true;
}

/**
 * For a client. Accept any certificate: an attacker on the network can read and change everything.
 * For tests only; to trust a certificate that no authority has signed, use it as
 * wsuv_tls_config::ca_file. Pins are still checked. Each session logs a warning.
 */
WSUV_EXTERN void wsuv_tls_config_disable_verification(wsuv_tls_config_t *config);

/** What a session's TLS has negotiated. Initialise with wsuv_tls_info_init(). */
typedef struct wsuv_tls_info {
  size_t size;             /**< `sizeof(wsuv_tls_info_t)` of the caller. */
  bool resumed;            /**< An earlier TLS session was resumed. */
  const char *version;     /**< Such as "TLSv1.2"; "": the handshake has failed. */
  const char *ciphersuite; /**< As in wsuv_tls_config::ciphersuites; "": likewise. */
  const char *alpn;        /**< The protocol (RFC 7301); NULL: none. */
  /**
   * The certificate of the server, or for a server that of the client, in DER, as it was sent.
   * After a handshake that has failed it may be one that cannot be parsed. NULL: none was sent, as
   * when a session is resumed, or the handshake has failed and there was no memory to keep it.
   */
  const void *peer_certificate;
  size_t peer_certificate_len; /**< Bytes of #peer_certificate. */
  /**
   * The group of the key exchange, by its IANA name (RFC 8446 4.2.7): "x25519", "secp256r1", or
   * with OpenSSL 3.5 "X25519MLKEM768", which also withstands a quantum computer. Of a resumed
   * session it may be that of the first one. NULL: the TLS library does not tell it (mbedTLS), or
   * the handshake has failed.
   */
  const char *group;
} wsuv_tls_info_t;

/** Fill in an empty structure. */
static inline void wsuv_tls_info_init(wsuv_tls_info_t *info) {
  memset(info, 0, sizeof(*info));
  info->size = sizeof(*info);
}

/** @} */

#ifdef __cplusplus
}
#endif

#endif
