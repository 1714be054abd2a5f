#ifndef WS_BASE_ENV_H
#define WS_BASE_ENV_H

/* The environment: everything that the library needs from outside, passed by pointer. lib/net/uv
   implements it with libuv, lib/testkit in memory, so everything above it is deterministic. No
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
typedef struct ws_listener ws_listener; /* a socket whose connections are accepted */
struct ws_filter;
struct ws_filter_events;

typedef void (*ws_env_cb)(void *data);

/* status 0 with count >= 1 addresses, valid until it returns; or a code, libuv's UV_EAI_* or
   WS_ENOMEM. The lookup is over when it is called: it may not be cancelled any more. */
typedef void (*ws_lookup_cb)(void *data, int status, const struct sockaddr_storage *addrs,
                             size_t count);

/* Options of a TCP socket. */
typedef struct ws_socket_options {
  bool nodelay; /* The socket has TCP_NODELAY. */
  /* The kernel sends keepalive probes after this many idle seconds, nine of them, each a third of
     that time after the one before; 0: it sends none. */
  unsigned keepalive_s;
  /* The kernel ends the connection when sent data was not acknowledged for this many milliseconds;
     0: as the system is set. Elsewhere than on Linux it has no effect. */
  unsigned user_timeout_ms;
  /* The socket is bound to this address, unless its family is AF_UNSPEC. */
  struct sockaddr_storage local;
} ws_socket_options;

/* How to listen. */
typedef struct ws_listen_options {
  /* The socket listens here, if `fd` is -1: AF_INET or AF_INET6, with port 0 for a free one; or
     AF_UNIX. The path ends in a zero byte. If it begins with one, and is not empty, it is an
     abstract name, which ends before the next zero byte; Linux alone has them. */
  struct sockaddr_storage address;
  /* This stream socket listens already, and is taken over; or -1. Then only `socket` counts of the
     other fields. It is set not to block; whether it is closed on exec stays as it is. */
  int fd;
  int backlog;     /* The system keeps so many connections until they are accepted. */
  bool reuse_port; /* Several TCP sockets share the port, and the connections (SO_REUSEPORT). */
  bool dual_stack; /* A socket on the IPv6 wildcard address takes IPv4 connections, too. */
  bool keep_path;  /* The file of a Unix socket stays when the listener is freed. */
  /* The permissions of the file of a Unix socket; 0: the process's umask decides. */
  unsigned unix_mode;
  ws_socket_options socket; /* Accepted connections have these options; `local` has no effect. */
} ws_listen_options;

/* Events of a listener. It may be freed inside each of them. */
typedef struct ws_listener_events {
  /* A connection was accepted. The filter is connected already, and calls no on_connect; its events
     and its `up` must be set before this returns, and it may be closed here. `peer` is the address
     of the other end, valid until this returns; a Unix socket's is without a path mostly. */
  void (*on_accept)(void *up, struct ws_filter *filter, const struct sockaddr_storage *peer);
  /* Nothing could be accepted, with this code: UV_EMFILE, UV_ENFILE, UV_ENOBUFS, WS_ENOMEM, or
     another error that does not come from one connection. Connections wait in the backlog, and none
     is lost. Every 100 ms it is tried again, and this is not called again until it works: then
     `status` is 0. */
  void (*on_pause)(void *up, int status);
} ws_listener_events;

typedef struct ws_env_ops {
  /* Returns monotonic time in milliseconds; it may be that of the start of the loop's iteration. */
  uint64_t (*now_ms)(ws_env *env);
  /* Returns the exact monotonic time in nanoseconds. */
  uint64_t (*now_ns)(ws_env *env);
  /* Returns the time of the system's clock, in seconds since 1970. It may be set back. */
  int64_t (*clock_s)(ws_env *env);

  /* Fills `buf` with random bytes. Returns 0, or WSUV_ERANDOM: then nothing in `buf` may be
     used. */
  int (*random)(ws_env *env, void *buf, size_t len);

  /* Makes a timer that is not running, for the caller to free. Returns 0 or a code. */
  int (*timer_new)(ws_env *env, ws_env_cb cb, void *data, ws_timer **out);
  /* Starts a timer that fires once, or moves a running one. The delay counts from the call, by the
     clock of now_ms, from wherever the call comes and however long its callback has worked before:
     the timer does not fire earlier, and the loop does not sleep longer. A timer that its own
     callback starts again, with a delay_ms of at least 1, fires only after one more poll for
     I/O. */
  void (*timer_start)(ws_timer *timer, uint64_t delay_ms);
  /* Stops a timer, which may be started again. It may already be stopped. */
  void (*timer_stop)(ws_timer *timer);
  /* Frees a timer, also inside its own callback; the callback does not run after that. NULL is
     allowed. */
  void (*timer_free)(ws_timer *timer);

  /* Makes a deferred call that is not scheduled, for the caller to free. Returns 0 or a code. */
  int (*deferred_new)(ws_env *env, ws_env_cb cb, void *data, ws_deferred **out);
  /* Schedules the call: it runs soon, from the loop, which does not sleep before it. If it is
     scheduled already, nothing changes. Inside the call, it schedules the call for the next
     turn. */
  void (*deferred_schedule)(ws_deferred *deferred);
  /* Schedules the call from any thread: no other function here may be called from another thread
     than the loop's. The call must not be freed meanwhile. A loop that has nothing else to do may
     end before the call runs; then it runs when the loop runs again. */
  void (*deferred_wake)(ws_deferred *deferred);
  /* Frees a deferred call, also inside itself; it does not run after that. NULL is allowed. */
  void (*deferred_free)(ws_deferred *deferred);

  /* Keeps the loop alive although nothing is left to do but to wait, or stops keeping it alive.
     Timers and sockets alone do not keep it alive. Running operations do: a lookup, connecting,
     writing, a deferred call. It is off at first. */
  void (*keep_alive)(ws_env *env, bool on);

  /* Looks up a name or a literal address. Returns 0: cb runs once unless the lookup is cancelled;
     or a code. */
  int (*lookup)(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                ws_lookup **out);
  /* Cancels a lookup: its callback does not run. Its memory may be freed later. */
  void (*lookup_cancel)(ws_lookup *lookup);

  /* Begins to connect a stream, over TCP or, for AF_UNIX, over a Unix socket. Returns 0, and its
     events begin with on_connect (see net/filter.h); or a code, and there is no filter. */
  int (*connect)(ws_env *env, const struct sockaddr *addr, const ws_socket_options *options,
                 const struct ws_filter_events *events, void *up, struct ws_filter **out);

  /* Begins to accept connections, at most 64 in one turn of the loop. The file of a Unix socket
     that nobody listens on is replaced. Returns 0: the caller frees the listener, and options->fd
     is the listener's; or a code, and options->fd is the caller's still:
     WS_EINVAL: the address is none of the three families, or its path is empty or too long; `fd` is
     not a stream socket of these families that listens.
     UV_EADDRINUSE: another socket listens there, or the path names something else than a socket.
     WS_ENOTSUP: the system has no SO_REUSEPORT or no abstract names. WS_ENOMEM. Other codes come
     from the system. */
  int (*listen)(ws_env *env, const ws_listen_options *options, const ws_listener_events *events,
                void *up, ws_listener **out);
  /* Accepts nothing (true) until this is called with false, because the caller has no room.
     Connections wait in the backlog. */
  void (*listener_pause)(ws_listener *listener, bool on);
  /* Sets *addr to the address that the socket is bound to, with its real port. Returns 0 or a
     code. */
  int (*listener_address)(const ws_listener *listener, struct sockaddr_storage *addr);
  /* Returns the descriptor, which stays the listener's; -1: there is none. */
  int (*listener_fd)(const ws_listener *listener);
  /* Closes the socket and frees the listener, also inside its events; no event runs after that.
     What waits in the backlog is reset. The file of a Unix socket is removed if the listener has
     made it, it was not replaced since, and keep_path is off. NULL is allowed. */
  void (*listener_free)(ws_listener *listener);

  /* Whether the environment is lost: the program has closed its handles, as it can with uv_walk. No
     callback runs any more, and all functions that make or begin something return
     WS_ECANCELED. */
  bool (*lost)(const ws_env *env);
  /* Goes on with a lost environment, so that what was made in it can be freed, and the environment
     be closed: filters call on_close, deferred calls run when they are scheduled, and the loop runs
     as long as there are any. Nothing else comes back. If the program closes the handles again, the
     environment is lost again. Returns 0, also if the environment is not lost; or WS_ENOMEM: it may
     be called again. */
  int (*recover)(ws_env *env);

  /* Waits for cancelled lookups and closing handles, frees the environment, then calls cb.
     Everything else that was made by it must have been freed before. */
  void (*close)(ws_env *env, ws_env_cb cb, void *data);
} ws_env_ops;

struct ws_env {
  const ws_env_ops *ops;         /* These are the environment's functions, in a static table. */
  const wsuv_allocator_t *alloc; /* All memory for the environment and its users comes from here. */
  /* The environment is not lost while this function returns 0. */
  int (*may_be_lost)(const void *witness);
  const void *witness; /* This is the argument of `may_be_lost`. */
};

/* As ops->lost, and cheap enough to be asked after every callback of the program. */
static inline bool ws_env_lost(const ws_env *env) {
  return env->may_be_lost(env->witness) != 0 && env->ops->lost(env);
}

#endif
