#include "proto/handshake/refused.h"

/* Names, texts, statuses and error codes of the causes of refusals. Decides nothing. */

#include "base/error.h"
#include "base/sized.h"

SIZED_NO_PADDING(wsuv_refusal_t, detail);

const char *wsuv_refused_name(wsuv_refused_t cause) {
  switch (cause) {
  case WSUV_REFUSED_NONE: return "NONE";
#define XX(name, value, status, text) \
  case WSUV_REFUSED_##name: return #name;
    WSUV_REFUSED_MAP(XX)
#undef XX
  default: return "UNKNOWN";
  }
}

const char *wsuv_refused_text(wsuv_refused_t cause) {
  switch (cause) {
  case WSUV_REFUSED_NONE: return "not refused";
#define XX(name, value, status, text) \
  case WSUV_REFUSED_##name: return text;
    WSUV_REFUSED_MAP(XX)
#undef XX
  default: return "unknown cause";
  }
}

int refused_status(wsuv_refused_t cause) {
  switch (cause) {
#define XX(name, value, status, text) \
  case WSUV_REFUSED_##name: return status;
    WSUV_REFUSED_MAP(XX)
#undef XX
  case WSUV_REFUSED_NONE: break;
  }
  return 0;
}

int refused_error(wsuv_refused_t cause) {
  switch (cause) {
  case WSUV_REFUSED_NONE: return 0;
  case WSUV_REFUSED_NO_ROUTE: return WS_ENOENT;
  case WSUV_REFUSED_NO_UPGRADE:
  case WSUV_REFUSED_HTTP_1_0:
  case WSUV_REFUSED_KEY: return WSUV_EUPGRADE;
  case WSUV_REFUSED_VERSION: return WS_EPROTONOSUPPORT;
  case WSUV_REFUSED_HTTP_VERSION:
  case WSUV_REFUSED_METHOD:
  case WSUV_REFUSED_HOST:
  case WSUV_REFUSED_BODY:
  case WSUV_REFUSED_TARGET:
  case WSUV_REFUSED_ESCAPE:
  case WSUV_REFUSED_MALFORMED:
  case WSUV_REFUSED_TLS_ON_PLAIN: return WSUV_EHTTP;
  case WSUV_REFUSED_HOST_UNKNOWN:
  case WSUV_REFUSED_ORIGIN:
  case WSUV_REFUSED_PROXY_UNTRUSTED: return WS_EACCES;
  case WSUV_REFUSED_TOO_LARGE:
  case WSUV_REFUSED_TOO_MANY_FIELDS: return WSUV_EHEADERS;
  case WSUV_REFUSED_SUBPROTOCOL: return WSUV_ESUBPROTOCOL;
  case WSUV_REFUSED_EXTENSION:
  case WSUV_REFUSED_HOOK: return WSUV_EEXTENSION;
  case WSUV_REFUSED_SILENT:
  case WSUV_REFUSED_TIMEOUT:
  case WSUV_REFUSED_UNDECIDED: return WS_ETIMEDOUT;
  case WSUV_REFUSED_PROGRAM: return WSUV_ESTATUS;
  case WSUV_REFUSED_SESSIONS:
  case WSUV_REFUSED_SESSIONS_PER_ADDRESS:
  case WSUV_REFUSED_REQUESTS:
  case WSUV_REFUSED_REQUESTS_PER_ADDRESS:
  case WSUV_REFUSED_HANDSHAKES:
  case WSUV_REFUSED_HANDSHAKES_PER_ADDRESS: return WS_ENOBUFS;
  case WSUV_REFUSED_CLOSING: return WS_ECANCELED;
  case WSUV_REFUSED_TLS: return WSUV_ETLS;
  case WSUV_REFUSED_GONE: return WS_EOF;
  case WSUV_REFUSED_NO_MEMORY: return WS_ENOMEM;
  case WSUV_REFUSED_PROXY_HEADER: return WS_EINVAL;
  }
  return WS_EINVAL;
}
