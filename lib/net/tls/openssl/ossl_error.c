#include "net/tls/openssl/ossl_error.h"

#include <stdbool.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/error.h"

static bool is_memory(unsigned long error) {
  return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

/* What has failed first is at the front, but what TLS says of it tells more. */
static bool tells_more(unsigned long error, unsigned long before) {
  if (before == 0 || is_memory(error)) return true;
  return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_LIB(before) != ERR_LIB_SSL;
}

/* OpenSSL 3.5 says nothing of memory that cannot be made larger, so that the parser of ASN.1 only
   tells that a part of it has failed, and no part tells why. */
static bool is_without_cause(unsigned long first) {
  int reason = ERR_GET_REASON(first);
  return ERR_GET_LIB(first) == ERR_LIB_ASN1 &&
         (reason == ERR_R_ASN1_LIB || reason == ERR_R_NESTED_ASN1_ERROR);
}

unsigned long ossl_error_take(void) {
  unsigned long found = 0, error, first = ERR_peek_error();
  while ((error = ERR_get_error()) != 0) {
    bool better = !is_memory(found) && tells_more(error, found);
    if (better) found = error;
  }
  if (is_without_cause(first)) return ERR_PACK(ERR_LIB_ASN1, 0, ERR_R_MALLOC_FAILURE);
  return found;
}

int ossl_error_status(unsigned long error) {
  if (is_memory(error)) return WS_ENOMEM;
  return ERR_GET_LIB(error) == ERR_LIB_RAND ? WSUV_ERANDOM : WSUV_ETLS;
}

/* An error without words has its number. */
int ossl_error_set(tls_failure *failure, unsigned long error, const char *what) {
  const char *text = ERR_reason_error_string(error);
  failure->library_error = (int) error;
  (void) snprintf(failure->text, sizeof failure->text, "%s%s%s (0x%08lx)", what != NULL ? what : "",
                  what != NULL ? ": " : "", text != NULL ? text : "unknown error", error);
  return ossl_error_status(error);
}

int ossl_error_alert(unsigned long error) {
  int reason = ERR_GET_REASON(error);
  bool alert = ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET;
  return alert ? reason - SSL_AD_REASON_OFFSET : -1;
}
