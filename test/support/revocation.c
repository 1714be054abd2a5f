#include "support/revocation.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "testkit/check.h"

/* DER is written inside out: the content first, then its tag and length are put before it. */

enum { SEQUENCE = 0x30, OCTETS = 0x04, BITS = 0x03, TIME = 0x18, EXPLICIT = 0xa0 };

typedef struct der {
  uint8_t bytes[REVOCATION_SIZE];
  size_t len;
} der;

static void put(der *d, const void *bytes, size_t len) {
  CHECK(d->len + len <= sizeof d->bytes);
  memcpy(d->bytes + d->len, bytes, len);
  d->len += len;
}

/* What was written from `from` on becomes the content of an element. */
static void wrap(der *d, size_t from, int tag) {
  uint8_t head[4] = {(uint8_t) tag};
  size_t len = d->len - from, n = 2;
  if (len < 128) {
    head[1] = (uint8_t) len;
  } else if (len < 256) {
    head[1] = 0x81;
    head[2] = (uint8_t) len;
    n = 3;
  } else {
    head[1] = 0x82;
    head[2] = (uint8_t) (len >> 8);
    head[3] = (uint8_t) len;
    n = 4;
  }
  CHECK(d->len + n <= sizeof d->bytes);
  memmove(d->bytes + from + n, d->bytes + from, len);
  memcpy(d->bytes + from, head, n);
  d->len += n;
}

static void put_element(der *d, int tag, const void *bytes, size_t len) {
  size_t from = d->len;
  put(d, bytes, len);
  wrap(d, from, tag);
}

static void put_time(der *d, const char *time, const char *otherwise) {
  char text[20];
  (void) snprintf(text, sizeof text, "%.14sZ", time != NULL ? time : otherwise);
  put_element(d, TIME, text, strlen(text));
}

static const char since[] = "20200101000000", until[] = "20991231235959";

/* A critical extension: its OID without tag, and its value. */
static void put_critical(der *d, const void *oid, size_t oid_len, const void *value, size_t len) {
  static const uint8_t critical[] = {0x01, 1, 0xff};
  size_t from = d->len;
  put_element(d, 0x06, oid, oid_len);
  put(d, critical, sizeof critical);
  put_element(d, OCTETS, value, len);
  wrap(d, from, SEQUENCE);
}

static void put_strange(der *d) {
  put_critical(d, "\x2a\x03\x04", 3, "\x05\x00", 2); /* 1.2.3.4 */
}

static void put_signature_algorithm(der *d, bool sha1) {
  static const uint8_t of_sha1[] = {0x30, 9, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1};
  static const uint8_t of_sha256[] = {0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2};
  put(d, sha1 ? of_sha1 : of_sha256, sha1 ? sizeof of_sha1 : sizeof of_sha256);
}

static int draw(void *arg, unsigned char *out, size_t len) {
  static uint8_t state = 1;
  (void) arg;
  for (size_t i = 0; i < len; i++) out[i] = state = (uint8_t) (state * 5 + 3);
  return 0;
}

/* The signature of all that was written from `from` on, behind it. */
static void sign(der *d, size_t from, cert *signer, bool sha1) {
  uint8_t hash[32], signature[256] = {0};
  size_t len = 0;
  mbedtls_md_type_t type = sha1 ? MBEDTLS_MD_SHA1 : MBEDTLS_MD_SHA256;
  const mbedtls_md_info_t *md = mbedtls_md_info_from_type(type);
  CHECK(mbedtls_md(md, d->bytes + from, d->len - from, hash) == 0);
#if MBEDTLS_VERSION_MAJOR >= 3
  int r = mbedtls_pk_sign(&signer->key, type, hash, mbedtls_md_get_size(md), signature + 1,
                          sizeof signature - 1, &len, draw, NULL);
#else
  int r = mbedtls_pk_sign(&signer->key, type, hash, mbedtls_md_get_size(md), signature + 1, &len,
                          draw, NULL);
#endif
  CHECK(r == 0);
  put_signature_algorithm(d, sha1);
  put_element(d, BITS, signature, 1 + len);
}

typedef mbedtls_x509_crt parsed;

static void parse(parsed *p, const cert *c) {
  mbedtls_x509_crt_init(p);
  CHECK(mbedtls_x509_crt_parse_der(p, c->der, c->der_len) == 0);
}

static void put_name(der *d, const cert *c) {
  parsed p;
  parse(&p, c);
  put(d, p.subject_raw.p, p.subject_raw.len);
  mbedtls_x509_crt_free(&p);
}

static void put_serial(der *d, const cert *c) {
  parsed p;
  parse(&p, c);
  put_element(d, 0x02, p.serial.p, p.serial.len);
  mbedtls_x509_crt_free(&p);
}

/* --- lists --- */

static void put_revoked(der *d, const crl_spec *spec) {
  size_t list = d->len;
  if (spec->revoked[0] == NULL) return;
  for (size_t i = 0; i < REVOKED_MAX && spec->revoked[i] != NULL; i++) {
    size_t entry = d->len;
    put_serial(d, spec->revoked[i]);
    put_time(d, since, since);
    wrap(d, entry, SEQUENCE);
  }
  wrap(d, list, SEQUENCE);
}

static void put_list_extensions(der *d, const crl_spec *spec) {
  size_t from = d->len;
  if (!spec->strange && !spec->delta) return;
  if (spec->strange) put_strange(d);
  if (spec->delta) put_critical(d, "\x55\x1d\x1b", 3, "\x02\x01\x01", 3); /* 2.5.29.27 */
  wrap(d, from, SEQUENCE);
  wrap(d, from, EXPLICIT);
}

void crl_make(revocation *list, const crl_spec *spec) {
  der d = {.len = 0};
  bool ends = spec->next_update == NULL || *spec->next_update != '\0';
  size_t size;
  put(&d, "\x02\x01\x01", 3); /* version 2 */
  put_signature_algorithm(&d, spec->sha1);
  put_name(&d, spec->issuer != NULL ? spec->issuer : spec->signer);
  put_time(&d, spec->this_update, since);
  if (ends) put_time(&d, spec->next_update, until);
  put_revoked(&d, spec);
  put_list_extensions(&d, spec);
  wrap(&d, 0, SEQUENCE);
  sign(&d, 0, spec->signer, spec->sha1);
  wrap(&d, 0, SEQUENCE);
  memcpy(list->der, d.bytes, d.len);
  list->der_len = d.len;
  CHECK(mbedtls_pem_write_buffer("-----BEGIN X509 CRL-----\n", "-----END X509 CRL-----\n", d.bytes,
                                 d.len, (unsigned char *) list->pem, sizeof list->pem, &size) == 0);
}

/* --- OCSP --- */

/* The key is hashed without tag, length and unused bits (RFC 6960 4.1.1). */
static void put_hashes(der *d, const cert *issuer, bool sha256) {
  static const uint8_t of_sha1[] = {0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0};
  static const uint8_t of_sha256[] = {0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0};
  enum { POINT = 65 }; /* an uncompressed point of P-256 is the end of the key */
  const mbedtls_md_info_t *md =
      mbedtls_md_info_from_type(sha256 ? MBEDTLS_MD_SHA256 : MBEDTLS_MD_SHA1);
  uint8_t hash[32];
  parsed p;
  parse(&p, issuer);
  put(d, sha256 ? of_sha256 : of_sha1, sha256 ? sizeof of_sha256 : sizeof of_sha1);
  CHECK(mbedtls_md(md, p.subject_raw.p, p.subject_raw.len, hash) == 0);
  put_element(d, OCTETS, hash, mbedtls_md_get_size(md));
  CHECK(mbedtls_md(md, p.pk_raw.p + p.pk_raw.len - POINT, POINT, hash) == 0);
  put_element(d, OCTETS, hash, mbedtls_md_get_size(md));
  mbedtls_x509_crt_free(&p);
}

static void put_status(der *d, ocsp_status status) {
  size_t from = d->len;
  if (status == OCSP_GOOD) put(d, "\x80\x00", 2);
  if (status == OCSP_UNKNOWN) put(d, "\x82\x00", 2);
  if (status != OCSP_REVOKED) return;
  put_time(d, since, since);
  wrap(d, from, 0xa1);
}

static void put_part(der *d, const ocsp_spec *spec, ocsp_status status) {
  size_t from = d->len;
  bool ends = spec->next_update == NULL || *spec->next_update != '\0';
  put_hashes(d, spec->issuer, spec->sha256_id);
  put_serial(d, spec->leaf);
  wrap(d, from, SEQUENCE);
  put_status(d, status);
  put_time(d, spec->this_update, since);
  size_t next = d->len;
  if (ends) {
    put_time(d, spec->next_update, until);
    wrap(d, next, EXPLICIT);
  }
  size_t extensions = d->len;
  if (spec->strange_part) {
    put_strange(d);
    wrap(d, extensions, SEQUENCE);
    wrap(d, extensions, EXPLICIT + 1);
  }
  wrap(d, from, SEQUENCE);
}

static void put_response_data(der *d, const ocsp_spec *spec) {
  put_name(d, spec->signer);
  wrap(d, 0, EXPLICIT + 1);
  put_time(d, since, since);
  size_t parts = d->len;
  if (spec->leaf != NULL) put_part(d, spec, spec->status);
  if (spec->twice) put_part(d, spec, OCSP_REVOKED);
  wrap(d, parts, SEQUENCE);
  size_t extensions = d->len;
  if (spec->strange) {
    put_strange(d);
    wrap(d, extensions, SEQUENCE);
    wrap(d, extensions, EXPLICIT + 1);
  }
  wrap(d, 0, SEQUENCE);
}

static void put_basic(der *d, const ocsp_spec *spec) {
  static const uint8_t basic[] = {6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1};
  put_response_data(d, spec);
  sign(d, 0, spec->signer, spec->sha1);
  if (spec->spoilt) d->bytes[d->len - 1] ^= 1;
  size_t shown = d->len;
  if (spec->shown != NULL) {
    put(d, spec->shown->der, spec->shown->der_len);
    wrap(d, shown, SEQUENCE);
    wrap(d, shown, EXPLICIT);
  }
  wrap(d, 0, SEQUENCE);
  wrap(d, 0, OCTETS);
  uint8_t copy[REVOCATION_SIZE];
  size_t len = d->len;
  memcpy(copy, d->bytes, len);
  d->len = 0;
  put(d, basic, sizeof basic);
  put(d, copy, len);
  wrap(d, 0, SEQUENCE);
  wrap(d, 0, EXPLICIT);
}

void ocsp_make(revocation *response, const ocsp_spec *spec) {
  der d = {.len = 0};
  const uint8_t status[] = {0x0a, 1, (uint8_t) spec->error};
  uint8_t copy[REVOCATION_SIZE];
  if (spec->error == 0) put_basic(&d, spec);
  size_t len = d.len;
  memcpy(copy, d.bytes, len);
  d.len = 0;
  put(&d, status, sizeof status);
  put(&d, copy, len);
  wrap(&d, 0, SEQUENCE);
  memcpy(response->der, d.bytes, d.len);
  response->der_len = d.len;
}
