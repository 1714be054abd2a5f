#include "net/acceptor.h"

#include "base/error.h"

/* Accepts connections until none waits, the turn has had enough, the caller has no room, or an
   error comes. To find out that no more waits costs as much as to accept one, and the next turn
   says it for nothing: so a turn accepts one connection as long as they come one by one, and more
   only when they keep coming. An error that is not of one connection, such as having no descriptor,
   would come again at once as long as connections wait: polling stops then, and begins again after
   a while. */

enum {
  ACCEPT_TURN_MAX = 64,
  ACCEPT_FULL_TURNS = 4, /* after so many turns with the most, one may accept more */
  ACCEPT_PAUSE_MS = 100
};

static void acceptor_poll(ws_listener *l) {
  bool on = !l->paused && !l->waiting && !l->freed;
  if (on == l->polling) return;
  l->polling = on;
  l->ops->poll(l, on);
}

static void acceptor_fail(ws_listener *l, int status) {
  bool first = !l->failing;
  l->waiting = l->failing = true;
  acceptor_poll(l);
  l->env->ops->timer_start(l->timer, ACCEPT_PAUSE_MS);
  if (first) l->events->on_pause(l->up, status);
}

static void acceptor_recovered(ws_listener *l) {
  if (!l->failing || l->freed) return;
  l->failing = false;
  l->events->on_pause(l->up, 0);
}

/* Connections that have failed do not count: a turn that has had none but these would look as if
   none waited. */
static int accept_next(ws_listener *l, struct ws_filter **out, struct sockaddr_storage *peer) {
  int err = WS_ECONNABORTED;
  for (int n = 0; err == WS_ECONNABORTED && n < ACCEPT_TURN_MAX; n++) {
    err = l->ops->accept(l, out, peer);
  }
  return err;
}

/* Returns whether to go on. */
static bool accept_one(ws_listener *l) {
  struct sockaddr_storage peer;
  struct ws_filter *filter;
  int err = accept_next(l, &filter, &peer);
  if (err == WS_ECONNABORTED) return false;
  if (err < 0 && err != WS_EAGAIN) {
    acceptor_fail(l, err);
    return false;
  }
  if (err == 0) l->events->on_accept(l->up, filter, &peer);
  if (ws_env_lost(l->env)) return false;
  acceptor_recovered(l);
  return err == 0 && l->polling;
}

static void accept_some(ws_listener *l) {
  unsigned n = 0;
  while (n < l->turn_max && accept_one(l)) n++;
  if (n < l->turn_max) {
    l->turn_max = n > 0 ? n : 1;
    l->full_turns = 0;
  } else if (++l->full_turns >= ACCEPT_FULL_TURNS && l->turn_max < ACCEPT_TURN_MAX) {
    l->turn_max *= 2;
    if (l->turn_max > ACCEPT_TURN_MAX) l->turn_max = ACCEPT_TURN_MAX;
  }
}

/* It is tried although perhaps none waits, so that the end of the error is reported. */
static void on_pause_over(void *data) {
  ws_listener *l = data;
  l->waiting = false;
  acceptor_poll(l);
  if (l->polling) accept_some(l);
}

int acceptor_init(ws_listener *l, ws_env *env, const acceptor_ops *ops,
                  const ws_listener_events *events, void *up) {
  l->ops = ops;
  l->env = env;
  l->events = events;
  l->up = up;
  l->turn_max = 1;
  return env->ops->timer_new(env, on_pause_over, l, &l->timer);
}

void acceptor_start(ws_listener *l) {
  acceptor_poll(l);
}

void acceptor_ready(ws_listener *l, int status) {
  if (status < 0) {
    acceptor_fail(l, status);
  } else {
    accept_some(l);
  }
}

void acceptor_pause(ws_listener *l, bool on) {
  l->paused = on;
  acceptor_poll(l);
}

void acceptor_free(ws_listener *l) {
  l->freed = true;
  acceptor_poll(l);
  l->env->ops->timer_free(l->timer);
}
