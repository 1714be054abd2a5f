#include "net/dial.h"

#include <string.h>

#include "base/error.h"
#include "net/address.h"

/* Lookup, then one address after the other. At most one of `lookup` and `attempt` is under way. */

struct dial {
  ws_env *env;
  const dial_events *events;
  void *up;
  ws_socket_options options;
  ws_lookup *lookup;  /* under way, or NULL */
  ws_filter *attempt; /* under way, or NULL */
  struct sockaddr_storage *addrs;
  size_t count, next;
};

static void dial_free(dial *d) {
  ws_free(d->env->alloc, d->addrs);
  ws_free(d->env->alloc, d);
}

static void on_connect(void *up, int status);

/* An attempt that is given up says nothing more but that it is gone. */
static void on_gone(void *up) {
  (void) up;
}

static const ws_filter_events attempt_events = {.on_connect = on_connect, .on_close = on_gone};

static void drop_attempt(dial *d) {
  ws_filter *f = d->attempt;
  d->attempt = NULL;
  f->up = NULL;
  f->ops->close(f);
}

/* Begin with the next address that can be begun with. 0, or the code of the last. */
static int try_next(dial *d, int status) {
  while (d->next < d->count) {
    const struct sockaddr *addr = (const struct sockaddr *) &d->addrs[d->next++];
    status = d->env->ops->connect(d->env, addr, &d->options, &attempt_events, d, &d->attempt);
    if (status == 0) return 0;
    d->attempt = NULL;
  }
  return status;
}

static void finish(dial *d, int status) {
  const dial_events *events = d->events;
  void *up = d->up;
  ws_filter *f = d->attempt;
  dial_free(d);
  events->on_done(up, status, f);
}

static void on_connect(void *up, int status) {
  dial *d = up;
  if (status < 0) {
    drop_attempt(d);
    status = try_next(d, status);
    if (status == 0) return;
  }
  finish(d, status);
}

static int take_addresses(dial *d, const struct sockaddr_storage *addrs, size_t count) {
  d->addrs = ws_malloc(d->env->alloc, count * sizeof *addrs);
  if (d->addrs == NULL) return WS_ENOMEM;
  memcpy(d->addrs, addrs, count * sizeof *addrs);
  d->count = count;
  d->events->on_resolved(d->up);
  return try_next(d, WS_EINVAL);
}

static void on_lookup(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  dial *d = data;
  d->lookup = NULL;
  if (status == 0) status = take_addresses(d, addrs, count);
  if (status < 0) finish(d, status);
}

/* An address that is known needs no lookup, nor does a literal. */
static bool is_known(const dial_target *to, struct sockaddr_storage *addr) {
  *addr = to->address;
  return address_is_set(addr) || address_parse(addr, to->host, to->port);
}

int dial_start(dial **out, ws_env *env, const dial_target *to, const ws_socket_options *options,
               const dial_events *events, void *up) {
  struct sockaddr_storage addr;
  dial *d = ws_calloc(env->alloc, sizeof *d);
  if (d == NULL) return WS_ENOMEM;
  d->env = env;
  d->events = events;
  d->up = up;
  d->options = *options;
  int err = is_known(to, &addr)
                ? take_addresses(d, &addr, 1)
                : env->ops->lookup(env, to->host, to->port, on_lookup, d, &d->lookup);
  if (err < 0) {
    dial_free(d);
    return err;
  }
  *out = d;
  return 0;
}

void dial_cancel(dial *d) {
  if (d->lookup != NULL) d->env->ops->lookup_cancel(d->lookup);
  if (d->attempt != NULL) drop_attempt(d);
  dial_free(d);
}
