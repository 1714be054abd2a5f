#ifndef WS_BASE_ENV_H
#define WS_BASE_ENV_H

/* The environment: everything that the library needs from outside, passed by pointer. lib/net/uv
   implements it with libuv, test/support in memory, so everything above it is deterministic. No
   callback runs inside a call of these functions; all callbacks run from the loop. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/alloc.h"

typedef struct ws_env ws_env;
typedef struct ws_timer ws_timer;       /* fires once; may be started again */
typedef struct ws_deferred ws_deferred; /* a call that can be scheduled */
typedef struct ws_lookup ws_lookup;     /* a name lookup that is running */
struct ws_filter;
struct ws_filter_events;

typedef void (*ws_env_cb)(void *data);

/* status 0 with count >= 1 addresses, valid until it returns; or a code, libuv's UV_EAI_* or
   WS_ENOMEM. The lookup is over when it is called: it may not be cancelled any more. */
typedef void (*ws_lookup_cb)(void *data, int status, const struct sockaddr_storage *addrs,
                             size_t count);

/* Options of a TCP socket. */
typedef struct ws_socket_options {
  bool nodelay;
  unsigned keepalive_s; /* idle time before the kernel sends keepalive probes; 0: no probes */
  struct sockaddr_storage local; /* the local address to bind to; AF_UNSPEC: none */
} ws_socket_options;

typedef struct ws_env_ops {
  /* Monotonic time. now_ms may be the time at which the loop's iteration started; now_ns is
     exact. */
  uint64_t (*now_ms)(ws_env *env);
  uint64_t (*now_ns)(ws_env *env);

  /* 0, or WSUV_ERANDOM: then nothing in buf may be used. */
  int (*random)(ws_env *env, void *buf, size_t len);

  /* A timer that is not running; 0 or a code. Starting a running timer moves it. Started anew from
     its own callback, with a delay_ms of at least 1, it fires only after one more poll for I/O.
     Freed at any time, its own callback included; the callback does not run after that. */
  int (*timer_new)(ws_env *env, ws_env_cb cb, void *data, ws_timer **out);
  void (*timer_start)(ws_timer *timer, uint64_t delay_ms);
  void (*timer_stop)(ws_timer *timer);
  void (*timer_free)(ws_timer *timer); /* NULL is fine */

  /* A call that runs soon after it was scheduled, from the loop, which does not sleep before it;
     scheduling it again before that changes nothing, scheduling it from inside it is for the next
     turn. Freed at any time, its own callback included. */
  int (*deferred_new)(ws_env *env, ws_env_cb cb, void *data, ws_deferred **out);
  void (*deferred_schedule)(ws_deferred *deferred);
  /* The same from any thread: the one function here that may be called from another than the
     loop's, as long as the deferred is not freed. A loop that has nothing else to do may end before
     the call runs; it runs once the loop does. */
  void (*deferred_wake)(ws_deferred *deferred);
  void (*deferred_free)(ws_deferred *deferred); /* NULL is fine */

  /* Keep the loop alive although nothing is left to do but to wait. Timers and sockets alone do not
     keep it alive. Running operations do: a lookup, connecting, writing, a deferred call. Off at
     first. */
  void (*keep_alive)(ws_env *env, bool on);

  /* Look up a name or a literal address. 0: cb runs once unless the lookup is cancelled; or a code.
     The memory of a cancelled lookup may be freed later; cb does not run. */
  int (*lookup)(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                ws_lookup **out);
  void (*lookup_cancel)(ws_lookup *lookup);

  /* Begin to connect a stream, over TCP or, for AF_UNIX, over a Unix socket. 0, and its events
     begin with on_connect (see net/filter.h); or a code, and there is no filter. */
  int (*connect)(ws_env *env, const struct sockaddr *addr, const ws_socket_options *options,
                 const struct ws_filter_events *events, void *up, struct ws_filter **out);

  /* Wait for orphaned lookups and closing handles, free the environment, then call cb. Everything
     else that was made by it has been freed before. */
  void (*close)(ws_env *env, ws_env_cb cb, void *data);
} ws_env_ops;

struct ws_env {
  const ws_env_ops *ops;
  const wsuv_allocator_t *alloc;
};

#endif
