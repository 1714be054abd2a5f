#include "support/certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <mbedtls/aes.h>
#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "base/base64.h"
#include "net/tls/mbedtls/tls_mbed.h"
#include "testkit/check.h"

/* Keys and certificates by mbedTLS's own writer. */

enum { SHORT_BITS = 1024, RSA_EXPONENT = 65537 };

/* SplitMix64, as good as any for keys that guard nothing. */
static int draw(void *arg, unsigned char *out, size_t len) {
  static uint64_t state = 1;
  (void) arg;
  for (size_t i = 0; i < len; i++) {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    out[i] = (unsigned char) (z ^ (z >> 31));
  }
  return 0;
}

static void make_key(cert *c, bool short_key) {
  mbedtls_pk_type_t type = short_key ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECKEY;
  mbedtls_pk_init(&c->key);
  CHECK(mbedtls_pk_setup(&c->key, mbedtls_pk_info_from_type(type)) == 0);
  int r = short_key
              ? mbedtls_rsa_gen_key(mbedtls_pk_rsa(c->key), draw, NULL, SHORT_BITS, RSA_EXPONENT)
              : mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(c->key), draw, NULL);
  CHECK(r == 0);
  CHECK(mbedtls_pk_write_key_pem(&c->key, (unsigned char *) c->key_pem, sizeof c->key_pem) == 0);
}

/* GeneralNames (RFC 5280 4.2.1.6): each a tag, a length, and a name or an address. */
static size_t put_names(uint8_t *to, const cert_spec *spec) {
  uint8_t body[256];
  size_t len = 0;
  for (size_t i = 0; i < CERT_NAMES_MAX && spec->hosts[i] != NULL; i++) {
    uint8_t address[16];
    const char *host = spec->hosts[i];
    size_t n = inet_pton(AF_INET, host, address) == 1    ? 4
               : inet_pton(AF_INET6, host, address) == 1 ? 16
                                                         : 0;
    size_t size = n > 0 ? n : strlen(host);
    CHECK(len + 2 + size <= 127);
    body[len++] = n > 0 ? 0x87 : 0x82;
    body[len++] = (uint8_t) size;
    memcpy(body + len, n > 0 ? (const void *) address : host, size);
    uint8_t *nul = n > 0 ? NULL : memchr(body + len, 1, size);
    if (nul != NULL) *nul = 0;
    len += size;
  }
  to[0] = 0x30;
  to[1] = (uint8_t) len;
  memcpy(to + 2, body, len);
  return len + 2;
}

static void set_names(mbedtls_x509write_cert *w, const cert_spec *spec) {
  uint8_t names[256];
  if (spec->hosts[0] == NULL) return;
  size_t len = put_names(names, spec);
  const char *oid = MBEDTLS_OID_SUBJECT_ALT_NAME;
  size_t oid_len = MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME);
  CHECK(mbedtls_x509write_crt_set_extension(w, oid, oid_len, 0, names, len) == 0);
}

/* --- other extensions --- */

/* An element with a short length. */
static size_t put_element(uint8_t *to, int tag, const void *content, size_t len) {
  CHECK(len < 128);
  memmove(to + 2, content, len);
  to[0] = (uint8_t) tag;
  to[1] = (uint8_t) len;
  return len + 2;
}

/* An address and its mask; 0: it is none. */
static size_t put_range(uint8_t to[32], const char *text) {
  char address[64];
  const char *slash = strchr(text, '/');
  if (slash == NULL) return 0;
  (void) snprintf(address, sizeof address, "%.*s", (int) (slash - text), text);
  size_t n = inet_pton(AF_INET, address, to) == 1 ? 4 : 16;
  CHECK(n == 4 || inet_pton(AF_INET6, address, to) == 1);
  int bits = atoi(slash + 1);
  for (size_t i = 0; i < n; i++, bits -= 8) {
    to[n + i] = bits >= 8 ? 0xff : bits <= 0 ? 0 : (uint8_t) (0xff << (8 - bits));
  }
  return 2 * n;
}

/* One GeneralSubtree. */
static size_t put_subtree(uint8_t *to, const char *text, bool malformed) {
  static const struct {
    const char *prefix;
    int tag;
  } kinds[] = {{"email:", 0x81}, {"uri:", 0x86}, {"directory:", 0xa4}};
  uint8_t base[160], range[32];
  int tag = 0x82;
  for (size_t i = 0; i < 3; i++) {
    size_t n = strlen(kinds[i].prefix);
    if (strncmp(text, kinds[i].prefix, n) != 0) continue;
    tag = kinds[i].tag;
    text += n;
  }
  size_t n = put_range(range, text);
  if (n > 0) tag = 0x87;
  size_t len = tag == 0xa4 ? put_element(base, tag, "\x30\x00", 2)
                           : put_element(base, tag, n > 0 ? (const void *) range : text,
                                         n > 0 ? n : strlen(text));
  if (malformed) len += put_element(base + len, 0x80, "\x01", 1);
  return put_element(to, 0x30, base, len);
}

static size_t put_subtrees(uint8_t *to, int tag, const char *const *list, bool malformed) {
  uint8_t body[512];
  size_t len = 0;
  if (list[0] == NULL) return 0;
  for (size_t i = 0; i < CERT_NAMES_MAX && list[i] != NULL; i++) {
    len += put_subtree(body + len, list[i], malformed);
  }
  return put_element(to, tag, body, len);
}

static void set_constraints(mbedtls_x509write_cert *w, const cert_spec *spec) {
  uint8_t lists[512], value[512];
  if (spec->permits[0] == NULL && spec->excludes[0] == NULL) return;
  size_t len = put_subtrees(lists, 0xa0, spec->permits, spec->malformed);
  len += put_subtrees(lists + len, 0xa1, spec->excludes, spec->malformed);
  len = put_element(value, 0x30, lists, len);
  const char *oid = MBEDTLS_OID_NAME_CONSTRAINTS;
  size_t oid_len = MBEDTLS_OID_SIZE(MBEDTLS_OID_NAME_CONSTRAINTS);
  CHECK(mbedtls_x509write_crt_set_extension(w, oid, oid_len, spec->critical, value, len) == 0);
}

static void set_strange(mbedtls_x509write_cert *w, const cert_spec *spec) {
  static const char oid[] = "\x2a\x03\x04"; /* 1.2.3.4 */
  static const uint8_t policies[] = {0x30, 7, 0x30, 5, 0x06, 3, 0x2a, 0x03, 0x04};
  if (spec->strange) {
    CHECK(mbedtls_x509write_crt_set_extension(w, oid, 3, 1, (const uint8_t *) "\x05", 1) == 0);
  }
  if (!spec->policy) return;
  const char *id = MBEDTLS_OID_CERTIFICATE_POLICIES;
  size_t id_len = MBEDTLS_OID_SIZE(MBEDTLS_OID_CERTIFICATE_POLICIES);
  CHECK(mbedtls_x509write_crt_set_extension(w, id, id_len, 1, policies, sizeof policies) == 0);
}

static void set_purpose(mbedtls_x509write_cert *w, const cert_spec *spec) {
  static const uint8_t server[] = {0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1};
  static const uint8_t client[] = {0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2};
  static const uint8_t ocsp[] = {0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, 9};
  uint8_t ids[32], value[40];
  size_t len = 0;
  if (!spec->for_servers && !spec->for_clients && !spec->for_ocsp) return;
  if (spec->for_servers) {
    memcpy(ids, server, sizeof server);
    len += sizeof server;
  }
  if (spec->for_clients) {
    memcpy(ids + len, client, sizeof client);
    len += sizeof client;
  }
  if (spec->for_ocsp) {
    memcpy(ids + len, ocsp, sizeof ocsp);
    len += sizeof ocsp;
  }
  len = put_element(value, 0x30, ids, len);
  const char *oid = MBEDTLS_OID_EXTENDED_KEY_USAGE;
  size_t oid_len = MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE);
  CHECK(mbedtls_x509write_crt_set_extension(w, oid, oid_len, 0, value, len) == 0);
}

static void set_feature(mbedtls_x509write_cert *w, const cert_spec *spec) {
  static const char oid[] = {0x2b, 6, 1, 5, 5, 7, 1, 0x18};
  static const uint8_t status_request[] = {0x30, 3, 0x02, 1, 5};
  if (!spec->must_staple) return;
  CHECK(mbedtls_x509write_crt_set_extension(w, oid, sizeof oid, 0, status_request,
                                            sizeof status_request) == 0);
}

static void set_no_check(mbedtls_x509write_cert *w, const cert_spec *spec) {
  static const char oid[] = {0x2b, 6, 1, 5, 5, 7, 0x30, 1, 5};
  static const uint8_t null[] = {0x05, 0};
  if (!spec->not_looked_up) return;
  CHECK(mbedtls_x509write_crt_set_extension(w, oid, sizeof oid, 0, null, sizeof null) == 0);
}

static void set_serial(mbedtls_x509write_cert *w) {
  static unsigned char last = 1;
  last++;
#if MBEDTLS_VERSION_MAJOR >= 3
  CHECK(mbedtls_x509write_crt_set_serial_raw(w, &last, 1) == 0);
#else
  mbedtls_mpi serial;
  mbedtls_mpi_init(&serial);
  CHECK(mbedtls_mpi_lset(&serial, last) == 0);
  CHECK(mbedtls_x509write_crt_set_serial(w, &serial) == 0);
  mbedtls_mpi_free(&serial);
#endif
}

static void write_cert(cert *c, const cert_spec *spec, cert *issuer) {
  char subject[80], by[80];
  mbedtls_x509write_cert w;
  mbedtls_x509write_crt_init(&w);
  (void) snprintf(subject, sizeof subject, "CN=%s", c->name);
  (void) snprintf(by, sizeof by, "CN=%s", issuer->name);
  mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(&w, spec->sha1 ? MBEDTLS_MD_SHA1 : MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(&w, &c->key);
  mbedtls_x509write_crt_set_issuer_key(&w, &issuer->key);
  CHECK(mbedtls_x509write_crt_set_subject_name(&w, subject) == 0);
  CHECK(mbedtls_x509write_crt_set_issuer_name(&w, by) == 0);
  CHECK(mbedtls_x509write_crt_set_validity(
            &w, spec->not_before != NULL ? spec->not_before : "20200101000000",
            spec->not_after != NULL ? spec->not_after : "20991231235959") == 0);
  CHECK(mbedtls_x509write_crt_set_basic_constraints(&w, spec->ca, -1) == 0);
  set_serial(&w);
  set_names(&w, spec);
  set_constraints(&w, spec);
  set_strange(&w, spec);
  set_purpose(&w, spec);
  set_feature(&w, spec);
  set_no_check(&w, spec);
  CHECK(mbedtls_x509write_crt_pem(&w, (unsigned char *) c->pem, sizeof c->pem, draw, NULL) == 0);
  mbedtls_x509write_crt_free(&w);
}

/* The form in DER is taken from the one in PEM: a signature is made anew each time. mbedTLS does
   not parse all that it writes. */
static void read_back(cert *c) {
  mbedtls_pem_context pem;
  size_t used;
  mbedtls_pem_init(&pem);
  CHECK(mbedtls_pem_read_buffer(&pem, "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----",
                                (const unsigned char *) c->pem, NULL, 0, &used) == 0);
  const unsigned char *der = tls_mbed_pem_data(&pem, &c->der_len);
  memcpy(c->der, der, c->der_len);
  mbedtls_pem_free(&pem);
}

void cert_make(cert *c, const cert_spec *spec, cert *issuer) {
  memset(c, 0, sizeof *c);
  CHECK(tls_mbed_init() == 0);
  (void) snprintf(c->name, sizeof c->name, "%s", spec->name);
  make_key(c, spec->short_key);
  write_cert(c, spec, issuer != NULL ? issuer : c);
  read_back(c);
}

void cert_free(cert *c) {
  mbedtls_pk_free(&c->key);
}

void cert_append(cert *c, const cert *other) {
  size_t len = strlen(c->pem);
  CHECK(len + strlen(other->pem) < sizeof c->pem);
  memcpy(c->pem + len, other->pem, strlen(other->pem) + 1);
}

/* RFC 1421 4.6.1.1. The key is MD5(password, salt), the salt the first half of the vector. */
void cert_encrypt_key(cert *c, const char *password) {
  enum { BLOCK = 16, SALT = 8, LINE = 64 };
  uint8_t plain[256], key[BLOCK], seed[128], vector[BLOCK] = {1, 2, 3, 4, 5, 6, 7, 8};
  char text[512], hex[2 * BLOCK + 1];
  mbedtls_aes_context aes;
  int len = mbedtls_pk_write_key_der(&c->key, plain, sizeof plain - BLOCK);
  CHECK(len > 0 && strlen(password) + SALT <= sizeof seed);
  memmove(plain, plain + sizeof plain - BLOCK - len, (size_t) len); /* it writes from the end */
  size_t pad = BLOCK - (size_t) len % BLOCK, size = (size_t) len + pad;
  memset(plain + len, (int) pad, pad);
  memcpy(seed, password, strlen(password));
  memcpy(seed + strlen(password), vector, SALT);
  CHECK(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_MD5), seed, strlen(password) + SALT, key) ==
        0);
  for (size_t i = 0; i < BLOCK; i++) (void) snprintf(hex + 2 * i, 3, "%02X", vector[i]);
  mbedtls_aes_init(&aes);
  CHECK(mbedtls_aes_setkey_enc(&aes, key, 128) == 0);
  CHECK(mbedtls_aes_crypt_cbc(&aes, MBEDTLS_AES_ENCRYPT, size, vector, plain, plain) == 0);
  mbedtls_aes_free(&aes);
  base64_encode(text, plain, size);
  int n = snprintf(c->key_pem, sizeof c->key_pem,
                   "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                   "DEK-Info: AES-128-CBC,%s\n\n",
                   hex);
  for (size_t at = 0; at < base64_encoded_len(size); at += LINE) {
    size_t left = base64_encoded_len(size) - at;
    n += snprintf(c->key_pem + n, sizeof c->key_pem - (size_t) n, "%.*s\n",
                  (int) (left < LINE ? left : LINE), text + at);
  }
  n += snprintf(c->key_pem + n, sizeof c->key_pem - (size_t) n, "-----END EC PRIVATE KEY-----\n");
  CHECK((size_t) n < sizeof c->key_pem);
}

const char *cert_pin(const cert *c, char text[64]) {
  mbedtls_x509_crt parsed;
  uint8_t hash[32];
  mbedtls_x509_crt_init(&parsed);
  CHECK(mbedtls_x509_crt_parse_der(&parsed, c->der, c->der_len) == 0);
  CHECK(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), parsed.pk_raw.p, parsed.pk_raw.len,
                   hash) == 0);
  mbedtls_x509_crt_free(&parsed);
  memcpy(text, "sha256//", 8);
  base64_encode(text + 8, hash, sizeof hash);
  text[8 + base64_encoded_len(sizeof hash)] = '\0';
  return text;
}
