#ifndef WS_NET_UV_DEFERRED_H
#define WS_NET_UV_DEFERRED_H

/* Deferred calls: from the loop's thread, and from other threads.

   The caller of deferred_new owns the deferred call until deferred_free; no thread may be in
   deferred_wake then. After deferred_free the call does not run any more; the memory is freed when
   both of its handles are closed. */

#include "base/env.h"

/* ws_env_ops.deferred_new, deferred_schedule, deferred_wake, deferred_free. deferred_new: 0,
   WS_ENOMEM, libuv's code if there can be no async handle, or WS_ECANCELED: the program has closed
   the environment's handles. */
int deferred_new(ws_env *env, ws_env_cb cb, void *data, ws_deferred **out);
void deferred_schedule(ws_deferred *d);
void deferred_wake(ws_deferred *d);
void deferred_free(ws_deferred *d);

#endif
