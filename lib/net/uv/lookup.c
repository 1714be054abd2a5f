#include "net/uv/lookup.h"

#include "net/uv/lookup_cares.h"
#include "net/uv/lookup_kind.h"
#include "net/uv/lookup_system.h"
#include "net/uv/name_service.h"

/* Decides which resolver serves a name. */

/* 0 or a code; *cares: c-ares serves the name. */
static int lookup_choose(env_uv *e, const char *host, bool *cares) {
  *cares = false;
  if (!lookup_cares_built_in || e->resolver == WSUV_RESOLVER_SYSTEM) return 0;
  return name_service_choose(&e->names, e->env.alloc, host, cares);
}

/* The names under `localhost` are the loopback addresses, and no name server is asked about them
   (RFC 6761 6.3). */
int lookup_start(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                 ws_lookup **out) {
  env_uv *e = env_uv_of(env);
  bool cares;
  if (env_uv_is_lost(e)) return UV_ECANCELED;
  if (*host == '\0') return UV_EAI_NONAME;
  if (name_is_localhost(host)) host = "localhost";
  int err = lookup_choose(e, host, &cares);
  if (err < 0) return err;
  if (cares) {
    err = lookup_cares_start(e, host, port, cb, data, out);
    if (err == 0 || e->resolver == WSUV_RESOLVER_CARES) return err;
  }
  return lookup_system_start(e, host, port, cb, data, out);
}

void lookup_cancel(ws_lookup *l) {
  l->cancel(l);
}
