#include "session/deadlines.h"

/* A deadline that is stopped, or moved to a later time, leaves the timer as it is: to set it costs
   more than to fire once for nothing. */

enum { FIRED_MAX = 256 /* so many deadlines are called between two polls; the others wait */ };

static void deadlines_set(deadlines *ds, uint64_t now_ms, uint64_t at_ms) {
  ds->env->ops->timer_start(ds->timer, at_ms - now_ms);
  ds->set_ms = at_ms;
}

/* The first deadline, if it has come; it does not run any more. */
static heap_node *deadlines_take(deadlines *ds, uint64_t now_ms) {
  heap_node *first = ds->waiting.root;
  if (first == NULL || first->key > now_ms) return NULL;
  heap_remove(&ds->waiting, first);
  return first;
}

/* What is started meanwhile comes later than now. */
static void on_deadlines(void *data) {
  deadlines *ds = data;
  const uint64_t now_ms = ds->env->ops->now_ms(ds->env);
  heap_node *due;
  ds->firing = true;
  for (size_t n = 0; n < FIRED_MAX && (due = deadlines_take(ds, now_ms)) != NULL; n++) {
    ds->on_deadline(due);
  }
  ds->firing = false;
  ds->set_ms = UINT64_MAX;
  const heap_node *first = ds->waiting.root;
  if (first == NULL || first->key == UINT64_MAX) return;
  const uint64_t then_ms = ds->env->ops->now_ms(ds->env);
  deadlines_set(ds, then_ms, first->key > then_ms ? first->key : then_ms + 1);
}

int deadlines_init(deadlines *ds, ws_env *env) {
  *ds = (deadlines){.env = env, .set_ms = UINT64_MAX};
  return env->ops->timer_new(env, on_deadlines, ds, &ds->timer);
}

void deadlines_free(deadlines *ds) {
  if (ds->env != NULL) ds->env->ops->timer_free(ds->timer);
}

void deadlines_start(deadlines *ds, heap_node *deadline, uint64_t at_ms) {
  const uint64_t now_ms = ds->env->ops->now_ms(ds->env);
  heap_remove(&ds->waiting, deadline);
  deadline->key = at_ms > now_ms ? at_ms : now_ms + 1;
  heap_add(&ds->waiting, deadline);
  if (!ds->firing && deadline->key < ds->set_ms) deadlines_set(ds, now_ms, deadline->key);
}

void deadlines_stop(deadlines *ds, heap_node *deadline) {
  heap_remove(&ds->waiting, deadline);
  if (ds->firing || ds->waiting.root != NULL || ds->set_ms == UINT64_MAX) return;
  ds->set_ms = UINT64_MAX;
  ds->env->ops->timer_stop(ds->timer);
}
