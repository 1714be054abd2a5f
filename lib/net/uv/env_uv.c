#include "net/uv/env_uv.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#if defined(__linux__)
#include <sys/random.h>
#endif

#include "base/error.h"
#include "net/uv/pipe.h"
#include "net/uv/tcp.h"

/* The environment on libuv: clock, random bytes, timers, deferred calls, lookup, and
   which kind of socket connects. Each has memory
   of its own, which lives until libuv has let go of it, whoever asked for it. */

static env_uv *self(ws_env *env) {
  return (env_uv *) (void *) env;
}

/* Lifetime */

void env_uv_discard(ws_env *env) {
  const wsuv_allocator_t alloc = self(env)->alloc;
  ws_free(&alloc, env);
}

static void finish(env_uv *e) {
  ws_env_cb cb = e->close_cb;
  void *data = e->close_data;
  env_uv_discard(&e->env);
  cb(data);
}

void *env_uv_alloc(env_uv *e, size_t size) {
  void *p = ws_calloc(e->env.alloc, size);
  if (p != NULL) e->live++;
  return p;
}

void env_uv_free(env_uv *e, void *p) {
  ws_free(e->env.alloc, p);
  e->live--;
  if (e->live == 0 && e->close_cb != NULL) finish(e);
}

static void on_last_closed(uv_handle_t *handle) {
  env_uv *e = handle->data;
  e->live--;
  if (e->live == 0) finish(e);
}

/* A handle that does nothing, and costs nothing but a call in each turn of the loop. */
static void make_keeper(env_uv *e) {
  if (e->keeper_made) return;
  uv_prepare_init(e->loop, &e->keeper);
  e->keeper.data = e;
  e->keeper_made = true;
}

static void on_prepare(uv_prepare_t *handle) {
  (void) handle;
}

static void hold(ws_env *env, bool on) {
  env_uv *e = self(env);
  make_keeper(e);
  if (on) {
    uv_prepare_start(&e->keeper, on_prepare);
  } else {
    uv_prepare_stop(&e->keeper);
  }
}

static void env_close(ws_env *env, ws_env_cb cb, void *data) {
  env_uv *e = self(env);
  make_keeper(e);
  e->close_cb = cb;
  e->close_data = data;
  e->live++;
  uv_close((uv_handle_t *) &e->keeper, on_last_closed);
}

/* Clock and random bytes. The loop's own time may be long past when a callback took long, and a
   deadline counted from it would be too short. */

static uint64_t now_ns(ws_env *env) {
  (void) env;
  return uv_hrtime();
}

static uint64_t now_ms(ws_env *env) {
  return now_ns(env) / 1000000;
}

/* The system's own source, where one call gives all; libuv asks it for 256 bytes at a time. */
static bool system_random(void *buf, size_t len) {
#if defined(__linux__)
  return getrandom(buf, len, 0) == (ssize_t) len;
#else
  (void) buf;
  (void) len;
  return false;
#endif
}

static int default_random(void *buf, size_t len) {
  return system_random(buf, len) ? 0 : uv_random(NULL, NULL, buf, len, 0, NULL);
}

static int random_bytes(ws_env *env, void *buf, size_t len) {
  env_uv *e = self(env);
  int err = e->random != NULL ? e->random(buf, len, e->random_arg) : default_random(buf, len);
  return err == 0 ? 0 : WSUV_ERANDOM;
}

/* Timers */

struct ws_timer {
  uv_timer_t handle;
  env_uv *e;
  ws_env_cb cb;
  void *data;
};

static void on_timer(uv_timer_t *handle) {
  ws_timer *t = handle->data;
  t->cb(t->data);
}

static int timer_new(ws_env *env, ws_env_cb cb, void *data, ws_timer **out) {
  env_uv *e = self(env);
  ws_timer *t = env_uv_alloc(e, sizeof *t);
  if (t == NULL) return WS_ENOMEM;
  t->e = e;
  t->cb = cb;
  t->data = data;
  uv_timer_init(e->loop, &t->handle);
  uv_unref((uv_handle_t *) &t->handle);
  t->handle.data = t;
  *out = t;
  return 0;
}

static void timer_start(ws_timer *t, uint64_t delay_ms) {
  uint64_t loop_ms = uv_now(t->e->loop), ms = uv_hrtime() / 1000000;
  uint64_t late = ms > loop_ms ? ms - loop_ms : 0;
  uv_timer_start(&t->handle, on_timer, delay_ms > UINT64_MAX - late ? UINT64_MAX : delay_ms + late,
                 0);
}

static void timer_stop(ws_timer *t) {
  uv_timer_stop(&t->handle);
}

static void on_timer_closed(uv_handle_t *handle) {
  ws_timer *t = handle->data;
  env_uv_free(t->e, t);
}

static void timer_free(ws_timer *t) {
  if (t != NULL) uv_close((uv_handle_t *) &t->handle, on_timer_closed);
}

/* Deferred calls: an idle handle, since the loop does not sleep while one is active, and since it
   runs before the poll of the turn in which it was started by a timer; and an async handle, for
   other threads, which does not keep the loop alive. */

struct ws_deferred {
  uv_idle_t handle;
  uv_async_t wake;
  unsigned open; /* of the two handles */
  env_uv *e;
  ws_env_cb cb;
  void *data;
};

static void on_idle(uv_idle_t *handle) {
  ws_deferred *d = handle->data;
  uv_idle_stop(handle);
  d->cb(d->data);
}

static void on_wake(uv_async_t *handle) {
  ws_deferred *d = handle->data;
  on_idle(&d->handle);
}

/* Nothing can fail once there is a handle, which only the loop could close. */
static int deferred_new(ws_env *env, ws_env_cb cb, void *data, ws_deferred **out) {
  env_uv *e = self(env);
  ws_deferred *d = env_uv_alloc(e, sizeof *d);
  if (d == NULL) return WS_ENOMEM;
  int err = uv_async_init(e->loop, &d->wake, on_wake);
  if (err < 0) {
    env_uv_free(e, d);
    return err;
  }
  uv_unref((uv_handle_t *) &d->wake);
  uv_idle_init(e->loop, &d->handle);
  d->e = e;
  d->cb = cb;
  d->data = data;
  d->open = 2;
  d->handle.data = d->wake.data = d;
  *out = d;
  return 0;
}

static void deferred_schedule(ws_deferred *d) {
  uv_idle_start(&d->handle, on_idle);
}

static void deferred_wake(ws_deferred *d) {
  uv_async_send(&d->wake);
}

static void on_deferred_closed(uv_handle_t *handle) {
  ws_deferred *d = handle->data;
  if (--d->open == 0) env_uv_free(d->e, d);
}

static void deferred_free(ws_deferred *d) {
  if (d == NULL) return;
  uv_close((uv_handle_t *) &d->handle, on_deferred_closed);
  uv_close((uv_handle_t *) &d->wake, on_deferred_closed);
}

/* Lookup. A request that is already in the thread pool cannot be called back: it is orphaned, and
   frees itself when it is done. */

struct ws_lookup {
  uv_getaddrinfo_t req;
  env_uv *e;
  ws_lookup_cb cb; /* NULL: cancelled */
  void *data;
};

static size_t count_addresses(const struct addrinfo *list) {
  size_t n = 0;
  for (; list != NULL; list = list->ai_next) n++;
  return n;
}

static void copy_addresses(struct sockaddr_storage *to, const struct addrinfo *list) {
  for (; list != NULL; list = list->ai_next, to++) {
    size_t len = list->ai_addrlen < sizeof *to ? list->ai_addrlen : sizeof *to;
    memset(to, 0, sizeof *to);
    memcpy(to, list->ai_addr, len);
  }
}

static void deliver(ws_lookup *l, int status, const struct addrinfo *list) {
  const wsuv_allocator_t *alloc = l->e->env.alloc;
  size_t count = status == 0 ? count_addresses(list) : 0;
  struct sockaddr_storage *addrs = NULL;
  if (status == 0) {
    addrs = ws_malloc(alloc, count * sizeof *addrs);
    if (addrs == NULL) {
      status = WS_ENOMEM;
      count = 0;
    } else {
      copy_addresses(addrs, list);
    }
  }
  l->cb(l->data, status, addrs, count);
  ws_free(alloc, addrs);
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *list) {
  ws_lookup *l = req->data;
  if (l->cb != NULL) deliver(l, status, list);
  uv_freeaddrinfo(list);
  env_uv_free(l->e, l);
}

static int lookup(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                  ws_lookup **out) {
  env_uv *e = self(env);
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  char service[6];
  ws_lookup *l = env_uv_alloc(e, sizeof *l);
  if (l == NULL) return WS_ENOMEM;
  l->e = e;
  l->cb = cb;
  l->data = data;
  l->req.data = l;
  (void) snprintf(service, sizeof service, "%u", (unsigned) port);
  int err = uv_getaddrinfo(e->loop, &l->req, on_lookup, host, service, &hints);
  if (err < 0) {
    env_uv_free(e, l);
    return err;
  }
  *out = l;
  return 0;
}

static void lookup_cancel(ws_lookup *l) {
  l->cb = NULL;
  /* Succeeds only while the request still waits for a thread; it calls back in either case. */
  (void) uv_cancel((uv_req_t *) &l->req);
}

/* Connecting */

static int connect_to(ws_env *env, const struct sockaddr *addr, const ws_socket_options *options,
                      const ws_filter_events *events, void *up, ws_filter **out) {
  if (addr->sa_family == AF_UNIX) {
    return pipe_connect(self(env), (const struct sockaddr_un *) (const void *) addr, events, up,
                        out);
  }
  if (addr->sa_family != AF_INET && addr->sa_family != AF_INET6) return WS_EINVAL;
  return tcp_connect(self(env), addr, options, events, up, out);
}

static const ws_env_ops ops = {
    .now_ms = now_ms,
    .now_ns = now_ns,
    .random = random_bytes,
    .timer_new = timer_new,
    .timer_start = timer_start,
    .timer_stop = timer_stop,
    .timer_free = timer_free,
    .deferred_new = deferred_new,
    .deferred_schedule = deferred_schedule,
    .deferred_wake = deferred_wake,
    .deferred_free = deferred_free,
    .hold = hold,
    .lookup = lookup,
    .lookup_cancel = lookup_cancel,
    .connect = connect_to,
    .close = env_close,
};

int env_uv_new(ws_env **out, uv_loop_t *loop, const wsuv_allocator_t *alloc, wsuv_random_fn random,
               void *random_arg) {
  env_uv *e = ws_calloc(alloc, sizeof *e);
  if (e == NULL) return WS_ENOMEM;
  e->env.ops = &ops;
  e->alloc = *alloc;
  e->env.alloc = &e->alloc;
  e->loop = loop;
  e->random = random;
  e->random_arg = random_arg;
  *out = &e->env;
  return 0;
}
