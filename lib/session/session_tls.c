#include "session/session_tls.h"

#include <wsuv/error.h>

#include "net/tls/tls_info.h"
#include "net/tls/tls_library.h"

/* TLS information and errors as texts and fields. */

static bool get_tls_info(const ws_filter *filter, tls_info *tls) {
  return filter != NULL && filter->ops->query(filter, WS_QUERY_TLS, tls) == 0;
}

void session_tls_log(log_to to, const ws_filter *filter) {
  tls_info tls;
  if (!log_wants(to.config, WSUV_LOG_WARN) || !get_tls_info(filter, &tls)) return;
  if (!tls.verified) {
    log_line(to, WSUV_LOG_WARN, "TLS: the certificate was not verified: anybody may be the peer");
  }
  log_line(to, WSUV_LOG_INFO, "TLS: %s, %s%s%s%s", tls.version, tls.ciphersuite,
           tls.alpn != NULL ? ", " : "", tls.alpn != NULL ? tls.alpn : "",
           tls.resumed ? ", resumed" : "");
}

static bool is_tls_error(int status) {
  return status == WSUV_ETLS || status == WSUV_ETLSVERIFY || status == WSUV_ETLSPIN ||
         status == WSUV_ETLSTRUNCATED || status == WSUV_ETLSRECORD || status == WSUV_ETLSKEYUPDATE;
}

void session_tls_describe(const ws_filter *filter, const tls_failure *failure,
                          wsuv_close_info_t *info) {
  tls_info tls;
  if (is_tls_error(info->status) && get_tls_info(filter, &tls)) {
    info->tls_error = tls.library_error;
    info->tls_verify_flags = info->status == WSUV_ETLSVERIFY ? tls.verify_flags : 0;
    info->detail = tls.text;
  } else if (failure != NULL && failure->text[0] != '\0') {
    info->tls_error = failure->library_error;
    info->detail = failure->text;
  }
  if (info->tls_error != 0) info->tls_library = tls_library_id();
}
