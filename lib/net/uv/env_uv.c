#include "net/uv/env_uv.h"

#include <sys/socket.h>

#include "base/error.h"
#include "net/acceptor.h"
#include "net/uv/clock.h"
#include "net/uv/deferred.h"
#include "net/uv/listen.h"
#include "net/uv/lookup.h"
#include "net/uv/lookup_cares.h"
#include "net/uv/loop.h"
#include "net/uv/pipe.h"
#include "net/uv/random.h"
#include "net/uv/tcp.h"
#include "net/uv/timer.h"

/* Puts the table of operations together, and makes the environment with it. */

static int connect_by_family(ws_env *env, const struct sockaddr *addr,
                             const ws_socket_options *options, const ws_filter_events *events,
                             void *up, ws_filter **out) {
  if (env_uv_lost(env)) return WS_ECANCELED;
  switch (addr->sa_family) {
  case AF_UNIX:
    return pipe_connect(env_uv_of(env), (const struct sockaddr_un *) (const void *) addr, events,
                        up, out);
  case AF_INET:
  case AF_INET6: return tcp_connect(env_uv_of(env), addr, options, events, up, out);
  default: return WS_EINVAL;
  }
}

static void env_uv_end(ws_env *env, ws_env_cb cb, void *data) {
  lookup_cares_end(env_uv_of(env));
  timers_end(env_uv_of(env));
  env_uv_close(env, cb, data);
}

static const ws_env_ops env_uv_ops = {
    .now_ms = clock_now_ms,
    .now_ns = clock_now_ns,
    .clock_s = clock_seconds,
    .random = random_bytes,
    .timer_new = timer_new,
    .timer_start = timer_start,
    .timer_stop = timer_stop,
    .timer_free = timer_free,
    .deferred_new = deferred_new,
    .deferred_schedule = deferred_schedule,
    .deferred_wake = deferred_wake,
    .deferred_free = deferred_free,
    .keep_alive = env_uv_keep_alive,
    .lost = env_uv_lost,
    .recover = env_uv_recover,
    .lookup = lookup_start,
    .lookup_cancel = lookup_cancel,
    .connect = connect_by_family,
    .listen = listen_start,
    .listener_pause = acceptor_pause,
    .listener_address = listen_address,
    .listener_fd = listen_fd,
    .listener_free = listen_free,
    .close = env_uv_end,
};

int env_uv_new(ws_env **out, uv_loop_t *loop, const wsuv_allocator_t *alloc, wsuv_random_fn random,
               void *random_arg, wsuv_resolver_t resolver) {
  if (resolver == WSUV_RESOLVER_CARES && !lookup_cares_built_in) return WS_ENOTSUP;
  env_uv *e = env_uv_create(loop, alloc);
  if (e == NULL) return WS_ENOMEM;
  e->env.ops = &env_uv_ops;
  e->random = random;
  e->random_arg = random_arg;
  e->resolver = resolver;
  *out = &e->env;
  return 0;
}

bool env_uv_is(const ws_env *env) {
  return env->ops == &env_uv_ops;
}

void env_uv_set_name_files(ws_env *env, const name_files *files) {
  name_service_init(&env_uv_of(env)->names, files);
}

/* Nobody waits for it. */
static void on_discarded(void *data) {
  (void) data;
}

/* The keeper is there as soon as any other handle is. libuv works on the memory of a handle until
   it is closed. */
void env_uv_discard(ws_env *env) {
  env_uv *e = env_uv_of(env);
  if (e->own_keeper.uv == NULL) {
    env_uv_destroy(e);
  } else {
    env_uv_end(env, on_discarded, NULL);
  }
}
