#include "proto/frame/close_code.h"

#include <string.h>

#include "base/error.h"
#include "proto/frame/utf8.h"

/* Close codes, and the payload of a close frame: nothing, or

     +--------+--------+----------------------------+
     | code, big-endian| reason, UTF-8, 0-123 bytes |      RFC 6455 5.5.1
     +--------+--------+----------------------------+ */

bool close_code_valid(unsigned code) {
  if (code >= 3000) return code <= 4999;
  if (code < 1000 || code > 1014) return false;
  return code <= 1003 || code >= 1007;
}

int close_code_check(unsigned code, const char *reason, size_t *len) {
  *len = reason != NULL ? strlen(reason) : 0;
  if (!close_code_valid(code)) return WSUV_ECLOSECODE;
  if (*len > WSUV_CLOSE_REASON_MAX) return WSUV_ECONTROL;
  return utf8_valid((const uint8_t *) reason, *len) ? 0 : WSUV_EUTF8;
}

uint16_t close_code_for_error(int err) {
  switch (err) {
  case WSUV_EPROTOCOL: return WSUV_CLOSE_PROTOCOL_ERROR;
  case WSUV_EUTF8:
  case WSUV_EDEFLATE: return WSUV_CLOSE_INVALID_PAYLOAD;
  case WSUV_ETOOBIG: return WSUV_CLOSE_TOO_BIG;
  case WSUV_EQUEUEFULL:
  case WSUV_EFRAGMENTS: return WSUV_CLOSE_POLICY_VIOLATION;
  case WSUV_EIDLE:
  case WS_ECANCELED: return WSUV_CLOSE_GOING_AWAY;
  default: return WSUV_CLOSE_INTERNAL_ERROR;
  }
}

int close_payload_read(const uint8_t *p, size_t n, uint16_t *code, const char **why) {
  *code = WSUV_CLOSE_NO_STATUS;
  if (n == 0) return 0;
  if (n == 1) {
    *why = "close frame with one byte";
    return WSUV_EPROTOCOL;
  }
  *code = (uint16_t) (p[0] << 8 | p[1]);
  if (!close_code_valid(*code)) {
    *why = "illegal close code";
    return WSUV_EPROTOCOL;
  }
  if (!utf8_valid(p + 2, n - 2)) {
    *why = "close reason is not UTF-8";
    return WSUV_EUTF8;
  }
  return 0;
}

size_t close_payload_write(uint8_t p[WSUV_CONTROL_MAX], uint16_t code, const char *reason,
                           size_t reason_len) {
  if (code == WSUV_CLOSE_NO_STATUS) return 0;
  p[0] = (uint8_t) (code >> 8);
  p[1] = (uint8_t) code;
  if (reason_len > 0) memcpy(p + 2, reason, reason_len);
  return 2 + reason_len;
}

const char *wsuv_close_code_name(unsigned code) {
  switch (code) {
  case WSUV_CLOSE_NORMAL: return "normal closure";
  case WSUV_CLOSE_GOING_AWAY: return "going away";
  case WSUV_CLOSE_PROTOCOL_ERROR: return "protocol error";
  case WSUV_CLOSE_UNSUPPORTED_DATA: return "unsupported data";
  case WSUV_CLOSE_NO_STATUS: return "no status received";
  case WSUV_CLOSE_ABNORMAL: return "abnormal closure";
  case WSUV_CLOSE_INVALID_PAYLOAD: return "invalid frame payload data";
  case WSUV_CLOSE_POLICY_VIOLATION: return "policy violation";
  case WSUV_CLOSE_TOO_BIG: return "message too big";
  case WSUV_CLOSE_MANDATORY_EXTENSION: return "mandatory extension";
  case WSUV_CLOSE_INTERNAL_ERROR: return "internal error";
  case WSUV_CLOSE_SERVICE_RESTART: return "service restart";
  case WSUV_CLOSE_TRY_AGAIN_LATER: return "try again later";
  case WSUV_CLOSE_BAD_GATEWAY: return "bad gateway";
  case WSUV_CLOSE_TLS_HANDSHAKE: return "TLS handshake";
  default: return "";
  }
}
