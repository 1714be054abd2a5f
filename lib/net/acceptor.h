#ifndef WS_NET_ACCEPTOR_H
#define WS_NET_ACCEPTOR_H

/* What the listeners of all environments have in common: how many connections are accepted in one
   turn of the loop, and when accepting waits. An environment has the socket, accepts one connection
   when it is asked to, and says when connections wait. */

#include <stdbool.h>

#include "base/env.h"

/* What an environment gives for its listeners. */
typedef struct acceptor_ops {
  /* Accept the next connection. Returns 0; WS_EAGAIN: none waits; WS_ECONNABORTED: the next one has
     gone; or another code, and those that wait go on waiting. */
  int (*accept)(ws_listener *l, struct ws_filter **out, struct sockaddr_storage *peer);
  /* Call acceptor_ready in each turn of the loop in which connections wait (true), or not. */
  void (*poll)(ws_listener *l, bool on);
} acceptor_ops;

/* The head of every listener. */
struct ws_listener {
  const acceptor_ops *ops;          /* These are functions of the environment. */
  ws_env *env;                      /* The environment outlives the listener. */
  const ws_listener_events *events; /* These are the caller's functions. */
  void *up;                         /* This is the first argument of `events`. */
  ws_timer *timer;                  /* This ends a pause after an error. */
  unsigned turn_max;                /* At most this many connections are accepted in one turn. */
  unsigned
      full_turns; /* So many turns, one after the other, have accepted as many as they could. */
  bool paused;    /* The caller has no room. */
  bool waiting;   /* `timer` runs. */
  bool failing;   /* on_pause has reported an error, and not yet its end. */
  bool polling;   /* `poll` is on. */
  bool freed;     /* acceptor_free was called. */
};

/* Prepare a listener, which is zeroed. Returns 0; or a code, and there is nothing to free. */
int acceptor_init(ws_listener *l, ws_env *env, const acceptor_ops *ops,
                  const ws_listener_events *events, void *up);

/* Begin to accept. */
void acceptor_start(ws_listener *l);

/* Connections wait (0); or they cannot be waited for, because of a code. It may free the
   listener: its memory stays until a later turn of the loop. */
void acceptor_ready(ws_listener *l, int status);

/* ws_env_ops.listener_pause. */
void acceptor_pause(ws_listener *l, bool on);

/* Stop: nothing is called any more. The memory is the environment's to free, in a later turn of the
   loop. */
void acceptor_free(ws_listener *l);

#endif
