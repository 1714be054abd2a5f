#include "session/session_tls.h"

#include <wsuv/error.h>

#include "base/sized.h"
#include "net/tls/tls_info.h"

/* TLS information and errors as texts and fields. */

static bool get_tls_info(const ws_filter *filter, tls_info *tls) {
  return filter != NULL && filter->ops->query(filter, WS_QUERY_TLS, tls) == 0;
}

void session_tls_log(log_to to, const ws_filter *filter) {
  tls_info tls;
  if (!log_wants(to.config, WSUV_LOG_WARN) || !get_tls_info(filter, &tls)) return;
  if (tls.unverified) {
    log_line(to, WSUV_LOG_WARN, "TLS: the certificate was not verified: anybody may be the peer");
  }
  log_line(to, WSUV_LOG_INFO, "TLS: %s, %s%s%s%s%s%s", tls.version, tls.ciphersuite,
           tls.group != NULL ? ", " : "", tls.group != NULL ? tls.group : "",
           tls.alpn != NULL ? ", " : "", tls.alpn != NULL ? tls.alpn : "",
           tls.resumed ? ", resumed" : "");
}

SIZED_TYPE(tls_info_type, wsuv_tls_info_t, group, sizeof(wsuv_tls_info_t));

/* The handshake is done; or it has failed, and the peer's certificate had come. */
static bool can_tell(const tls_info *tls, bool ended) {
  return tls->version != NULL || (ended && tls->peer_cert != NULL);
}

int session_tls_read(const ws_filter *filter, bool ended, wsuv_tls_info_t *info, log_to log) {
  tls_info tls;
  wsuv_tls_info_t full;
  wsuv_tls_info_init(&full);
  ws_why why = {""};
  int err = sized_out(info, &tls_info_type, &full, &why);
  if (err < 0) return log_refusal(log, err, &why);
  if (!get_tls_info(filter, &tls) || !can_tell(&tls, ended)) return WSUV_ESTATE;
  full.version = tls.version != NULL ? tls.version : "";
  full.ciphersuite = tls.ciphersuite != NULL ? tls.ciphersuite : "";
  full.alpn = tls.alpn;
  full.group = tls.group;
  full.peer_certificate = tls.peer_cert;
  full.peer_certificate_len = tls.peer_cert_len;
  full.resumed = tls.resumed;
  return sized_out(info, &tls_info_type, &full, NULL);
}

bool session_tls_is_held(const ws_filter *filter) {
  tls_info tls;
  return get_tls_info(filter, &tls) && tls.waits;
}

static bool is_tls_error(int status) {
  return status == WSUV_ETLS || status == WSUV_ETLSVERIFY || status == WSUV_ETLSPIN ||
         status == WSUV_ETLSTRUNCATED || status == WSUV_ETLSRECORD ||
         status == WSUV_ETLSKEYUPDATE || status == WSUV_ENOTTLS || status == WSUV_ETLSOCSP;
}

void session_tls_describe(const ws_filter *filter, const tls_failure *failure,
                          wsuv_close_info_t *info) {
  tls_info tls;
  wsuv_tls_library_t library = WSUV_TLS_LIBRARY_NONE;
  if (is_tls_error(info->status) && get_tls_info(filter, &tls)) {
    library = tls.library;
    info->tls_error = tls.library_error;
    bool of_certificate = info->status == WSUV_ETLSVERIFY || info->status == WSUV_ETLSOCSP;
    info->tls_verify_flags = of_certificate ? tls.verify_flags : 0;
    if (*info->detail == '\0') info->detail = tls.text;
  } else if (failure != NULL && failure->text[0] != '\0') {
    library = failure->library;
    info->tls_error = failure->library_error;
    if (*info->detail == '\0') info->detail = failure->text;
  }
  if (info->tls_error != 0) info->tls_library = library;
}
