#include "net/tls/mbedtls/tls_crl.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/error.h>
#include <mbedtls/pem.h>

#include "base/error.h"
#include "net/tls/mbedtls/tls_error.h"
#include "net/tls/mbedtls/tls_mbed.h"
#include "net/tls/mbedtls/tls_trust.h"
#include "net/tls/mbedtls/tls_verify.h"
#include "net/tls/tls_crls.h"

#if defined(MBEDTLS_X509_CRL_PARSE_C)

/* mbedTLS looks each certificate up in the lists of its issuer, but says nothing where there is
   none. */

bool tls_crl_is_there(void) {
  return true;
}

/* Loading */

static int refuse(tls_failure *failure, const char *text) {
  (void) snprintf(failure->text, sizeof failure->text, "%s", text);
  return WSUV_ETLSCRL;
}

static int judge(int r, tls_failure *failure) {
  if (r == 0) return 0;
  tls_failure_set(failure, r, NULL);
  return tls_failure_status(r) == WS_ENOMEM ? WS_ENOMEM : WSUV_ETLSCRL;
}

static bool is_strong(const mbedtls_x509_crl *crl) {
  uint32_t allowed = tls_verify_profile.allowed_mds;
  return (allowed & MBEDTLS_X509_ID_FLAG(tls_mbed_crl_hash(crl))) != 0;
}

/* It is added at the end. */
static int add_der(mbedtls_x509_crl *list, const uint8_t *der, size_t len, tls_failure *failure) {
  int err = judge(mbedtls_x509_crl_parse_der(list, der, len), failure);
  if (err < 0) return err;
  while (list->next != NULL) list = list->next;
  if (list->next_update.year == 0) return refuse(failure, "it has no nextUpdate");
  if (!is_strong(list)) return refuse(failure, "it is signed with a weak hash");
  return list->raw.len == len ? 1 : refuse(failure, "something follows the list");
}

/* Returns 1 or an error, or 0: there is no further one. *used says where to go on. */
static int add_next(mbedtls_x509_crl *list, const uint8_t *text, size_t *used,
                    tls_failure *failure) {
  mbedtls_pem_context pem;
  size_t len;
  *used = 0;
  mbedtls_pem_init(&pem);
  int r = mbedtls_pem_read_buffer(&pem, "-----BEGIN X509 CRL-----", "-----END X509 CRL-----", text,
                                  NULL, 0, used);
  int count = r == MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT ? 0 : judge(r, failure);
  if (r == 0) {
    const uint8_t *der = tls_mbed_pem_data(&pem, &len);
    count = add_der(list, der, len, failure);
  }
  mbedtls_pem_free(&pem);
  return count;
}

/* A list that begins, and does not end, is cut off. */
static int add_pem(mbedtls_x509_crl *list, const uint8_t *text, tls_failure *failure) {
  for (int count = 0;; count++) {
    size_t used;
    int r = add_next(list, text, &used, failure);
    if (r < 0) return r;
    if (r == 0) {
      bool cut = strstr((const char *) text, "-----BEGIN X509 CRL-----") != NULL;
      return cut ? refuse(failure, "a list is cut off") : count;
    }
    text += used;
  }
}

/* What does not begin with a SEQUENCE is no list at all. */
static int add(void *to, const uint8_t *data, size_t len, tls_failure *failure) {
  const uint8_t sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
  if (tls_trust_is_pem(data)) return add_pem(to, data, failure);
  return len > 0 && data[0] == sequence ? add_der(to, data, len, failure) : 0;
}

int tls_crl_load(tls_crl *crl, const wsuv_allocator_t *alloc, const wsuv_tls_config_t *config,
                 tls_failure *failure) {
  crl->list = ws_calloc(alloc, sizeof *crl->list);
  if (crl->list == NULL) return WS_ENOMEM;
  mbedtls_x509_crl_init(crl->list);
  crl->check = config->crl_check;
  const tls_crls crls = {alloc, add, crl->list};
  return tls_crls_load(&crls, config, failure);
}

void tls_crl_free(tls_crl *crl, const wsuv_allocator_t *alloc) {
  if (crl->list != NULL) mbedtls_x509_crl_free(crl->list);
  ws_free(alloc, crl->list);
  crl->list = NULL;
}

/* Verification */

static bool has_list(const tls_crl *crl, const mbedtls_x509_buf *issuer) {
  for (const mbedtls_x509_crl *list = crl->list; list != NULL; list = list->next) {
    bool same = list->issuer_raw.len == issuer->len &&
                memcmp(list->issuer_raw.p, issuer->p, issuer->len) == 0;
    if (same) return true;
  }
  return false;
}

void tls_crl_judge(const tls_crl *crl, const mbedtls_x509_crt *cert, int depth, bool anchor,
                   uint32_t *flags) {
  const uint32_t all = MBEDTLS_X509_BADCERT_REVOKED | MBEDTLS_X509_BADCRL_NOT_TRUSTED |
                       MBEDTLS_X509_BADCRL_EXPIRED | MBEDTLS_X509_BADCRL_FUTURE |
                       MBEDTLS_X509_BADCRL_BAD_MD | MBEDTLS_X509_BADCRL_BAD_PK |
                       MBEDTLS_X509_BADCRL_BAD_KEY;
  if (crl->list == NULL) return;
  bool wanted = depth == 0 || crl->check == WSUV_TLS_CRL_CHAIN;
  if (!wanted || anchor) {
    *flags &= ~all;
  } else if (!has_list(crl, &cert->issuer_raw)) {
    *flags |= TLS_BADCERT_CRL_MISSING;
  }
}

#else

/* A configuration that names lists is refused before. */

bool tls_crl_is_there(void) {
  return false;
}

int tls_crl_load(tls_crl *crl, const wsuv_allocator_t *alloc, const wsuv_tls_config_t *config,
                 tls_failure *failure) {
  (void) crl;
  (void) alloc;
  (void) config;
  (void) failure;
  return WSUV_ETLSOPTION;
}

void tls_crl_free(tls_crl *crl, const wsuv_allocator_t *alloc) {
  (void) crl;
  (void) alloc;
}

void tls_crl_judge(const tls_crl *crl, const mbedtls_x509_crt *cert, int depth, bool anchor,
                   uint32_t *flags) {
  (void) crl;
  (void) cert;
  (void) depth;
  (void) anchor;
  (void) flags;
}

#endif
