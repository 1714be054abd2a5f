#include "net/dial/prefixed.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* The bytes are delivered by a deferred call, because no event may run inside of read_start. The
   filter below reads only after the last of them. */

typedef struct prefixed {
  ws_filter filter; /* This must be the first field, because prefixed_of converts its address. */
  ws_env *env;      /* This is the environment, which outlives the filter. */
  ws_filter *lower; /* This is the filter below, which belongs to this one. */
  ws_deferred *deferred; /* The filter owns this call, which delivers the bytes. */
  uint8_t *rest;         /* The filter owns these bytes, until they are delivered; then NULL. */
  size_t len, taken;     /* There are `len` bytes, and the first `taken` are delivered. */
  bool reading;          /* The layer above reads. */
  bool closing;          /* The filter was closed. */
} prefixed;

static prefixed *prefixed_of(ws_filter *f) {
  return (prefixed *) (void *) f;
}

static bool has_rest(const prefixed *p) {
  return p->taken < p->len;
}

/* Delivering */

static void deliver_piece(prefixed *p) {
  ws_room room;
  p->filter.events->on_alloc(p->filter.up, &room);
  const size_t left = p->len - p->taken, n = left < room.len ? left : room.len;
  memcpy(room.base, p->rest + p->taken, n);
  p->taken += n;
  p->filter.events->on_read(p->filter.up, room.base, (ptrdiff_t) n);
}

static void deliver_rest(void *data) {
  prefixed *p = data;
  if (p->rest == NULL) return; /* delivered, and the filter below was started */
  while (p->reading && has_rest(p) && !p->closing && !ws_env_lost(p->env)) deliver_piece(p);
  if (p->closing || !p->reading || has_rest(p)) return;
  ws_free(p->env->alloc, p->rest);
  p->rest = NULL;
  int err = p->lower->ops->read_start(p->lower);
  if (err < 0) p->filter.events->on_read(p->filter.up, NULL, err);
}

/* Calls from above */

static int prefixed_read_start(ws_filter *f) {
  prefixed *p = prefixed_of(f);
  p->reading = true;
  if (p->rest == NULL) return p->lower->ops->read_start(p->lower);
  p->env->ops->deferred_schedule(p->deferred);
  return 0;
}

static void prefixed_read_stop(ws_filter *f) {
  prefixed *p = prefixed_of(f);
  p->reading = false;
  p->lower->ops->read_stop(p->lower);
}

static int prefixed_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                          size_t *retained) {
  ws_filter *lower = prefixed_of(f)->lower;
  return lower->ops->write(lower, bufs, count, taken, retained);
}

static void prefixed_set_slow(ws_filter *f, bool slow, ws_slowed *slowed) {
  ws_filter *lower = prefixed_of(f)->lower;
  lower->ops->set_slow(lower, slow, slowed);
}

static void prefixed_shutdown(ws_filter *f) {
  ws_filter *lower = prefixed_of(f)->lower;
  lower->ops->shutdown(lower);
}

static int prefixed_query(const ws_filter *f, ws_filter_query what, void *out) {
  const prefixed *p = (const prefixed *) (const void *) f;
  if (what == WS_QUERY_DESCRIPTOR && has_rest(p)) return WS_ENOTSUP;
  return p->lower->ops->query(p->lower, what, out);
}

static void prefixed_close(ws_filter *f) {
  prefixed *p = prefixed_of(f);
  p->closing = true;
  p->env->ops->deferred_free(p->deferred);
  p->deferred = NULL;
  p->lower->ops->close(p->lower);
}

/* Without try_write: the layer above queues what it sends instead. */
static const ws_filter_ops ops = {
    .read_start = prefixed_read_start,
    .read_stop = prefixed_read_stop,
    .write = prefixed_write,
    .set_slow = prefixed_set_slow,
    .shutdown = prefixed_shutdown,
    .query = prefixed_query,
    .close = prefixed_close,
};

/* Events from below */

static void prefixed_on_alloc(void *up, ws_room *buf) {
  const prefixed *p = up;
  p->filter.events->on_alloc(p->filter.up, buf);
}

static void prefixed_on_read(void *up, uint8_t *data, ptrdiff_t n) {
  const prefixed *p = up;
  p->filter.events->on_read(p->filter.up, data, n);
}

static void prefixed_on_write(void *up, int status) {
  const prefixed *p = up;
  p->filter.events->on_write(p->filter.up, status);
}

static void prefixed_on_bytes(void *up) {
  const prefixed *p = up;
  if (p->filter.events->on_bytes != NULL) p->filter.events->on_bytes(p->filter.up);
}

static void prefixed_on_close(void *up) {
  prefixed *p = up;
  const wsuv_allocator_t *alloc = p->env->alloc;
  p->filter.events->on_close(p->filter.up);
  ws_free(alloc, p->rest);
  ws_free(alloc, p);
}

static const ws_filter_events lower_events = {.on_alloc = prefixed_on_alloc,
                                              .on_read = prefixed_on_read,
                                              .on_write = prefixed_on_write,
                                              .on_close = prefixed_on_close,
                                              .on_bytes = prefixed_on_bytes};

int prefixed_new(ws_filter **out, ws_env *env, ws_filter *lower, ws_view rest) {
  prefixed *p = ws_calloc(env->alloc, sizeof *p);
  if (p == NULL) return WS_ENOMEM;
  p->rest = ws_malloc(env->alloc, rest.len);
  int err =
      p->rest != NULL ? env->ops->deferred_new(env, deliver_rest, p, &p->deferred) : WS_ENOMEM;
  if (err < 0) {
    ws_free(env->alloc, p->rest);
    ws_free(env->alloc, p);
    return err;
  }
  memcpy(p->rest, rest.base, rest.len);
  p->len = rest.len;
  p->filter.ops = &ops;
  p->env = env;
  p->lower = lower;
  lower->events = &lower_events;
  lower->up = p;
  *out = &p->filter;
  return 0;
}
