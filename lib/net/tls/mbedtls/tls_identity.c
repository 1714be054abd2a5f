#include "net/tls/mbedtls/tls_identity.h"

#include "base/error.h"
#include "net/tls/mbedtls/tls_error.h"
#include "net/tls/mbedtls/tls_name.h"
#include "net/tls/mbedtls/tls_trust.h"
#include "net/tls/tls_own.h"

/* Parsing */

typedef struct identity_load {
  tls_identity *list; /* These are being filled in. */
  tls_mbed_rng *rng;  /* Keys are checked with random bytes from here. */
  void *rng_arg;      /* This is the first argument of `rng`. */
} identity_load;

static int judge(int r, tls_failure *why) {
  if (r == 0) return 0;
  tls_failure_set(why, r, NULL);
  return tls_failure_status(r);
}

/* A certificate has no password. */
static int parse_chain(void *arg, size_t index, const void *data, size_t len, const char *password,
                       tls_failure *why) {
  const identity_load *l = arg;
  int r = tls_trust_parse(&l->list[index].chain, data, len);
  (void) password;
  return judge(r > 0 ? MBEDTLS_ERR_X509_INVALID_FORMAT : r, why);
}

static int parse_key(void *arg, size_t index, const void *data, size_t len, const char *password,
                     tls_failure *why) {
  const identity_load *l = arg;
  size_t size = len + (tls_trust_is_pem(data) ? 1 : 0);
  return judge(tls_mbed_parse_key(&l->list[index].key, data, size, password, l->rng, l->rng_arg),
               why);
}

static int check_pair(void *arg, size_t index, tls_failure *why) {
  const identity_load *l = arg;
  const tls_identity *id = &l->list[index];
  return judge(tls_mbed_check_pair(&id->chain.pk, &id->key, l->rng, l->rng_arg), why);
}

int tls_identities_load(tls_identities *ids, const wsuv_allocator_t *alloc,
                        const wsuv_tls_config_t *config, tls_mbed_rng *rng, void *rng_arg,
                        tls_failure *failure) {
  static const tls_own_parser parser = {
      .chain = parse_chain, .key = parse_key, .check_pair = check_pair};
  const size_t count = tls_own_count(config);
  if (count == 0) return 0;
  if (count > (size_t) -1 / sizeof *ids->list) return WS_ENOMEM;
  ids->list = ws_calloc(alloc, count * sizeof *ids->list);
  if (ids->list == NULL) return WS_ENOMEM;
  for (; ids->count < count; ids->count++) {
    mbedtls_x509_crt_init(&ids->list[ids->count].chain);
    mbedtls_pk_init(&ids->list[ids->count].key);
  }
  identity_load load = {ids->list, rng, rng_arg};
  int err = tls_own_load(&parser, &load, alloc, config, failure);
  if (err < 0) tls_identities_free(ids, alloc);
  return err;
}

void tls_identities_free(tls_identities *ids, const wsuv_allocator_t *alloc) {
  for (size_t i = 0; i < ids->count; i++) {
    mbedtls_x509_crt_free(&ids->list[i].chain);
    mbedtls_pk_free(&ids->list[i].key);
  }
  ws_free(alloc, ids->list);
  *ids = (tls_identities){NULL, 0};
}

int tls_identities_use(const tls_identities *ids, mbedtls_ssl_config *conf) {
  return ids->count == 0 ? 0
                         : mbedtls_ssl_conf_own_cert(conf, &ids->list[0].chain, &ids->list[0].key);
}

/* mbedTLS takes the first of them whose kind of key the client can use. */
int tls_identities_choose(const tls_identities *ids, mbedtls_ssl_context *ssl,
                          const unsigned char *name, size_t len) {
  int r = 0;
  tls_name_match best = TLS_NAME_NONE;
  if (len > 1 && name[len - 1] == '.') len--; /* it should have none (RFC 6066 3) */
  for (size_t i = 0; i < ids->count && best != TLS_NAME_EQUAL; i++) {
    tls_name_match match = tls_name_find(&ids->list[i].chain, name, len);
    if (match > best) best = match;
  }
  for (size_t i = 0; best != TLS_NAME_NONE && r == 0 && i < ids->count; i++) {
    tls_identity *id = &ids->list[i];
    if (tls_name_find(&id->chain, name, len) != best) continue;
    r = mbedtls_ssl_set_hs_own_cert(ssl, &id->chain, &id->key);
  }
  return r;
}
