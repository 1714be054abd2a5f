#ifndef WS_NET_UV_LOOKUP_KIND_H
#define WS_NET_UV_LOOKUP_KIND_H

/* What lookups of all kinds begin with. */

#include "net/uv/loop.h"

struct ws_lookup {
  env_uv *e;       /* This is the environment, which outlives the lookup. */
  ws_lookup_cb cb; /* This is called with the addresses; it is NULL if the lookup was cancelled. */
  void *data;      /* This is the first argument of `cb`. */
  /* This cancels the lookup, as ws_env_ops.lookup_cancel. */
  void (*cancel)(struct ws_lookup *l);
};

#endif
