#include "net/tls/tls_alert.h"

/* Alerts in words. */

const char *tls_alert_name(int description) {
  switch (description) {
  case 0: return "close notify";
  case 10: return "unexpected message";
  case 20: return "bad record MAC";
  case 22: return "record overflow";
  case 40: return "handshake failure";
  case 41: return "no certificate";
  case 42: return "bad certificate";
  case 43: return "unsupported certificate";
  case 44: return "certificate revoked";
  case 45: return "certificate expired";
  case 46: return "certificate unknown";
  case 47: return "illegal parameter";
  case 48: return "unknown certificate authority";
  case 49: return "access denied";
  case 50: return "decode error";
  case 51: return "decrypt error";
  case 70: return "protocol version";
  case 71: return "insufficient security";
  case 80: return "internal error";
  case 86: return "inappropriate fallback";
  case 90: return "user canceled";
  case 109: return "missing extension";
  case 110: return "unsupported extension";
  case 112: return "unrecognized name";
  case 113: return "bad certificate status response";
  case 116: return "certificate required";
  case 120: return "no application protocol";
  default: return "unknown";
  }
}
