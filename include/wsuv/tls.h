#ifndef WSUV_TLS_H
#define WSUV_TLS_H

/**
 * @file wsuv/tls.h
 * @brief TLS of `wss` sessions: which certificates to trust, and what was negotiated.
 *
 * The defaults are safe: chain and host name (IP addresses too) are verified against the system's
 * store, TLS 1.2 is the lowest version, and only ECDHE with AEAD ciphers is offered. The host must
 * be one of the certificate's subject alternative names; its common name is ignored (RFC 9525).
 * Revocation is not checked. There is no renegotiation and no early data.
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
  WSUV_TLS_1_3 = 0x0304  /**< TLS 1.3 (RFC 8446), where mbedTLS has it (3.6). */
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
  WSUV_CERT_REVOKED = 1 << 11,  /**< The certificate has been revoked. */
  WSUV_CERT_OTHER = 1 << 12,    /**< Another error; wsuv_close_info::detail describes it. */
  /** A name of it is outside of what its authority may certify (RFC 5280 4.2.1.10). */
  WSUV_CERT_NAME_CONSTRAINTS = 1 << 13,
  /** It has a critical extension or policy that the TLS library does not understand, or a malformed
      extension (RFC 5280 4.2). */
  WSUV_CERT_EXTENSION = 1 << 14
} wsuv_cert_flag_t;

/** The library that wsuv_close_info::tls_error belongs to. */
typedef enum wsuv_tls_library {
  WSUV_TLS_LIBRARY_NONE = 0,    /**< There is no code. */
  WSUV_TLS_LIBRARY_MBEDTLS = 1, /**< It is one of mbedTLS. */
  WSUV_TLS_LIBRARY_OPENSSL = 2  /**< Reserved for a second library. */
} wsuv_tls_library_t;

/**
 * How `wss` sessions are secured. Fill in the defaults with wsuv_tls_config_init(), then change
 * fields. Everything is copied when it is used. Files are read once for each client, when its first
 * session needs them; wsuv_client_set_tls() reads them anew.
 */
typedef struct wsuv_tls_config {
  size_t size; /**< `sizeof(wsuv_tls_config_t)` of the caller. */

  /**
   * @name Whom to trust
   * All of these are used together; if none is set, the system's store is used, or in place of it
   * what the environment names: `SSL_CERT_FILE`, a file as #ca_file, and `SSL_CERT_DIR`, folders as
   * #ca_dir with colons between them. If one of the two is set, only what they name is trusted.
   * Programs that run with more rights than their user has, such as setuid ones, ignore both.
   *
   * Each source that is set must be there and hold a certificate; otherwise sessions fail with
   * `WSUV_ETLSTRUST`, and wsuv_close_info::detail has the path and the cause. A certificate that
   * cannot be used is left out, as is a file in a folder that can never be read. If a file cannot
   * be opened right now, as with `UV_EMFILE`, that session fails, and the next one tries again.
   *
   * Name constraints of the authorities (RFC 5280 4.2.1.10) are obeyed for DNS names and addresses.
   * A certificate is refused if critical constraints of other kinds may apply to it.
   * @{ */
  const char *ca_file; /**< PEM, any number of certificates, or one in DER. NULL: none. */
  const char *ca_dir;  /**< A folder of such files. NULL: none. */
  const void *ca_pem;  /**< PEM in memory. NULL: none. */
  size_t ca_pem_len;   /**< Bytes of #ca_pem. */
  /** @} */

  /**
   * @name Our own certificate
   * For servers that ask for one. If neither a file nor memory is set, none is sent.
   * @{ */
  const char *cert_file; /**< PEM: our own certificate, then its chain. */
  /** PEM or DER. mbedTLS before 3.5 does not read keys that are encrypted with AES, as OpenSSL does
      by default: convert them with `openssl pkcs8 -topk8 -v2 des3`. */
  const char *key_file;
  const void *cert_pem;     /**< The same in memory, instead of #cert_file. */
  size_t cert_pem_len;      /**< Bytes of #cert_pem. */
  const void *key_pem;      /**< The same in memory, instead of #key_file. */
  size_t key_pem_len;       /**< Bytes of #key_pem. */
  const char *key_password; /**< Password of an encrypted key; NULL: it is not encrypted. */
  /** @} */

  /**
   * Pins: the server's certificate must be valid, and must also have one of these public keys.
   * Each is `sha256//` and the base64 of the SHA-256 of the SubjectPublicKeyInfo (RFC 7469 2.4).
   * `WSUV_ETLSPIN`: it has none of them. NULL: any key.
   */
  const char *const *pins;
  size_t pin_count; /**< How many #pins. */

  /** The name or IP address that the certificate must have, instead of the URL's host. */
  const char *server_name;

  wsuv_tls_version_t min_version; /**< The lowest; default #WSUV_TLS_ANY. */
  wsuv_tls_version_t max_version; /**< The highest; default #WSUV_TLS_ANY. */
  /**
   * Cipher suites in order of preference, by their IANA names with hyphens, as
   * "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256". NULL: those with ECDHE and AEAD.
   */
  const char *const *ciphersuites;
  size_t ciphersuite_count; /**< How many #ciphersuites. */
  /** Protocols offered by ALPN (RFC 7301), in order. NULL: "http/1.1". */
  const char *const *alpn;
  size_t alpn_count; /**< How many #alpn; 0 with #alpn not NULL: none is offered. */

  /**
   * Resume earlier TLS sessions with the same host, port and configuration. Default true.
   */
  bool resumption;
  bool verification_disabled; /**< Set by wsuv_tls_config_disable_verification() only. */
  /**
   * Append the secrets of each session to this file, in the format of SSLKEYLOGFILE, which
   * Wireshark reads. Everybody who has the file can decrypt the traffic. NULL (the default): never.
   */
  const char *keylog_file;
} wsuv_tls_config_t;

/** Fill in the defaults. */
static inline void wsuv_tls_config_init(wsuv_tls_config_t *config) {
  memset(config, 0, sizeof(*config));
  config->size = sizeof(*config);
  config->resumption = true;
}

/**
 * Accept any certificate: an attacker on the network can read and change everything. For tests
 * only; to trust a certificate that no authority has signed, use it as wsuv_tls_config::ca_file.
 * Pins are still checked. Each session logs a warning.
 */
WSUV_EXTERN void wsuv_tls_config_disable_verification(wsuv_tls_config_t *config);

/** What a session's TLS has negotiated. Initialise with wsuv_tls_info_init(). */
typedef struct wsuv_tls_info {
  size_t size;                  /**< `sizeof(wsuv_tls_info_t)` of the caller. */
  bool resumed;                 /**< An earlier TLS session was resumed. */
  const char *version;          /**< Such as "TLSv1.2". */
  const char *ciphersuite;      /**< As in wsuv_tls_config::ciphersuites. */
  const char *alpn;             /**< The protocol (RFC 7301); NULL: none. */
  const void *peer_certificate; /**< In DER; NULL: none was sent, as when a session is resumed. */
  size_t peer_certificate_len;  /**< Bytes of #peer_certificate. */
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
