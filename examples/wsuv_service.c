#include "wsuv_service.h"

#include <string.h>

#include "wsuv_report.h"

void service_refuse(wsuv_upgrade_t *upgrade, int status) {
  static const wsuv_header_t later = {"Retry-After", "1"};
  int err = wsuv_upgrade_refuse(upgrade, status, &later, status == 503, NULL, 0);
  if (err < 0 && err != WSUV_ESTATE) report("%s", wsuv_strerror(err));
}

bool service_refuse_others(wsuv_upgrade_t *upgrade, const options *o) {
  const char *offered = wsuv_upgrade_subprotocol(upgrade, 0);
  if (o->subprotocol_count == 0 || offered == NULL) return false;
  for (size_t n = 1; offered != NULL; offered = wsuv_upgrade_subprotocol(upgrade, n++))
    for (size_t i = 0; i < o->subprotocol_count; i++)
      if (strcmp(offered, o->subprotocols[i]) == 0) return false;
  service_refuse(upgrade, 400);
  return true;
}

int service_accept(wsuv_upgrade_t *upgrade, void *data, wsuv_session_t **session) {
  wsuv_accept_t accept;
  wsuv_accept_init(&accept, upgrade);
  accept.data = data;
  int err = wsuv_upgrade_accept(upgrade, &accept, session);
  if (err < 0 && err != WSUV_ESTATE) service_refuse(upgrade, err == WSUV_ESUBPROTOCOL ? 400 : 500);
  return err;
}

void service_close(wsuv_session_t *session, unsigned code) {
  int err = wsuv_session_close(session, code, NULL);
  if (err < 0) wsuv_session_terminate(session);
}
