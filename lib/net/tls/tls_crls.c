#include "net/tls/tls_crls.h"

#include <wsuv/error.h>

#include "net/tls/tls_file.h"

static const char what[] = "CRL";

static int load_memory(const tls_crls *crls, const char *path, const uint8_t *data, size_t len,
                       tls_failure *failure) {
  *failure = (tls_failure){.library_error = 0};
  int r = crls->add(crls->to, data, len, failure);
  if (r > 0) return 0;
  const tls_failure why = *failure;
  const char *cause = why.text[0] != '\0' ? why.text : "no list of revoked certificates";
  tls_file_describe(failure, what, path, cause);
  return r == 0 ? WSUV_ETLSCRL : r;
}

static int load_file(const tls_crls *crls, const char *path, tls_failure *failure) {
  tls_file file;
  int err = tls_file_read(&file, crls->alloc, path);
  if (err < 0) return tls_file_fail(failure, what, path, err, WSUV_ETLSCRL);
  err = load_memory(crls, path, file.data, file.len, failure);
  tls_file_free(&file, crls->alloc);
  return err;
}

int tls_crls_load(const tls_crls *crls, const wsuv_tls_config_t *c, tls_failure *failure) {
  int err = 0;
  if (c->crl_pem != NULL) err = load_memory(crls, "crl_pem", c->crl_pem, c->crl_pem_len, failure);
  if (err == 0 && c->crl_file != NULL) err = load_file(crls, c->crl_file, failure);
  if (err == 0) *failure = (tls_failure){.library_error = 0};
  return err;
}
