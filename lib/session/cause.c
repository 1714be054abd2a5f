#include "session/cause.h"

/* Pure functions: they note errors, decide the cause, and give the names of stages. */

void cause_set(cause *c, wsuv_stage_t stage, int status, const char *detail) {
  if (c->status != 0) return;
  if (c->write_error == 0) c->stage = (uint8_t) stage;
  c->status = status;
  c->detail = detail;
}

void cause_set_write_error(cause *c, wsuv_stage_t stage, int status) {
  if (c->write_error != 0) return;
  if (c->status == 0) c->stage = (uint8_t) stage;
  c->write_error = status;
}

cause cause_resolve(cause noted, bool close_received, wsuv_stage_t stage, int status,
                    const char *detail) {
  if (noted.status != 0) return noted;
  if (close_received) {
    noted.stage = WSUV_STAGE_CLOSING;
    return noted;
  }
  cause_set(&noted, stage, noted.write_error != 0 ? noted.write_error : status, detail);
  return noted;
}

const char *wsuv_stage_name(wsuv_stage_t stage) {
  switch (stage) {
  case WSUV_STAGE_RESOLVE: return "resolve";
  case WSUV_STAGE_CONNECT: return "connect";
  case WSUV_STAGE_PROXY: return "proxy";
  case WSUV_STAGE_TLS: return "tls";
  case WSUV_STAGE_HANDSHAKE: return "handshake";
  case WSUV_STAGE_OPEN: return "open";
  case WSUV_STAGE_CLOSING: return "closing";
  }
  return "unknown";
}
