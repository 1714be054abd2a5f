#include "net/uv/timer.h"

#include "base/error.h"
#include "base/heap.h"
#include "net/uv/clock.h"

/* The first timer of the heap is due first, and libuv's timer is set for it or for an earlier time.

   libuv counts a delay from the loop's time, which is older than the clock by all that callbacks
   have worked since. If no update comes before the poll, libuv computes its sleep from the same old
   time. If one comes, libuv's timer expires too early by that work. So it is set by the loop's
   time, and when it expires, the clock decides which timers are due.

   uv_update_time before uv_timer_start would help as well. But with libuv 1.44 it makes timers of
   the program due again in the pass that runs them, and if they work for longer than their
   interval, the loop never polls. */

enum { FIRED_MAX = 256 }; /* so many timers fire between two polls; the others wait */

struct timers {
  heap waiting;      /* The timers that run; the key is when one is due, in milliseconds. */
  uint64_t set_ms;   /* `handle` expires at this time or before; UINT64_MAX: it is not set. */
  uint64_t polls;    /* This was env_uv.polls when timers fired; 0: none ever did. */
  bool firing;       /* Callbacks of timers run. `handle` is set after them. */
  uv_timer_t handle; /* This is libuv's timer; it does not keep the loop alive. */
  own_handle own;    /* This closes `handle`. */
  env_uv *owner;     /* These are the timers of this environment. */
};

struct ws_timer {
  heap_node node; /* This links the timer into timers.waiting while it runs. */
  env_uv *e;      /* This is the environment, which outlives the timer. */
  ws_env_cb cb;   /* This is called when the timer fires. */
  void *data;     /* This is the argument of `cb`. */
};

static void on_expired(uv_timer_t *handle);

/* If the program has closed the handle, libuv refuses to start it: no timer fires in a lost
   environment. */
static void set_handle(struct timers *ts, uint64_t now_ms, uint64_t at_ms) {
  int err = uv_timer_start(&ts->handle, on_expired, at_ms - now_ms, 0);
  ts->set_ms = err == 0 ? at_ms : UINT64_MAX;
}

/* The first timer, if it is due; it does not run any more. */
static ws_timer *take_due(struct timers *ts, uint64_t now_ms) {
  heap_node *first = ts->waiting.root;
  if (first == NULL || first->key > now_ms) return NULL;
  heap_remove(&ts->waiting, first);
  return ws_list_entry(first, ws_timer, node);
}

/* What a callback starts meanwhile, with a delay, is due later than `now_ms`, and waits. */
static void fire(struct timers *ts, uint64_t now_ms) {
  ws_timer *t;
  ts->polls = ts->owner->polls;
  ts->firing = true;
  for (size_t n = 0; n < FIRED_MAX && (t = take_due(ts, now_ms)) != NULL; n++) t->cb(t->data);
  ts->firing = false;
}

/* What is due already has to wait for a poll. */
static void set_for_first(struct timers *ts) {
  const heap_node *first = ts->waiting.root;
  uint64_t now_ms = clock_now_ms(&ts->owner->env);
  ts->set_ms = UINT64_MAX;
  if (first != NULL) set_handle(ts, now_ms, first->key > now_ms ? first->key : now_ms + 1);
}

/* libuv may come here twice without a poll in between. A callback may start and free any timer, and
   close the environment, whose memory is freed later. */
static void on_expired(uv_timer_t *handle) {
  struct timers *ts = handle->data;
  if (ts->polls != ts->owner->polls) fire(ts, clock_now_ms(&ts->owner->env));
  set_for_first(ts);
}

static struct timers *timers_new(env_uv *e) {
  struct timers *ts = env_uv_alloc(e, sizeof *ts);
  if (ts == NULL) return NULL;
  env_uv_count_polls(e);
  ts->set_ms = UINT64_MAX;
  uv_timer_init(e->loop, &ts->handle);
  uv_unref((uv_handle_t *) &ts->handle);
  ts->handle.data = ts;
  ts->owner = e;
  ts->own = (own_handle){.uv = (uv_handle_t *) &ts->handle};
  return ts;
}

int timer_new(ws_env *env, ws_env_cb cb, void *data, ws_timer **out) {
  env_uv *e = env_uv_of(env);
  if (env_uv_is_lost(e)) return WS_ECANCELED;
  if (e->timers == NULL) e->timers = timers_new(e);
  ws_timer *t = e->timers != NULL ? ws_calloc(env->alloc, sizeof *t) : NULL;
  if (t == NULL) return WS_ENOMEM;
  t->e = e;
  t->cb = cb;
  t->data = data;
  *out = t;
  return 0;
}

void timer_start(ws_timer *t, uint64_t delay_ms) {
  struct timers *ts = t->e->timers;
  uint64_t now_ms = clock_now_ms(&t->e->env);
  heap_remove(&ts->waiting, &t->node);
  t->node.key = delay_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + delay_ms;
  heap_add(&ts->waiting, &t->node);
  if (!ts->firing && t->node.key < ts->set_ms) set_handle(ts, now_ms, t->node.key);
}

/* While other timers run, libuv's stays set for the time of this one: to move it costs more than to
   expire once for nothing. */
void timer_stop(ws_timer *t) {
  struct timers *ts = t->e->timers;
  heap_remove(&ts->waiting, &t->node);
  if (ts->waiting.root != NULL || ts->set_ms == UINT64_MAX) return;
  ts->set_ms = UINT64_MAX;
  uv_timer_stop(&ts->handle);
}

void timer_free(ws_timer *t) {
  if (t == NULL) return;
  timer_stop(t);
  ws_free(t->e->env.alloc, t);
}

static void on_closed(own_handle *h) {
  struct timers *ts = ws_list_entry(h, struct timers, own);
  env_uv_free(ts->owner, ts);
}

void timers_end(env_uv *e) {
  if (e->timers != NULL) handle_close(&e->handles, &e->timers->own, on_closed);
}
