#include "session/completions.h"

/* Completions, in the order in which they become due. Knows no session. */

enum { SPARES_MAX = 1024 };

void completion_pool_init(completion_pool *pool, const wsuv_allocator_t *alloc) {
  pool->alloc = alloc;
  pool->spare = NULL;
  pool->spares = 0;
}

void completion_pool_free(completion_pool *pool) {
  while (pool->spare != NULL) {
    completion *c = pool->spare;
    pool->spare = c->next;
    ws_free(pool->alloc, c);
  }
  pool->spares = 0;
}

static completion *take_record(completion_pool *pool) {
  completion *c = pool->spare;
  if (c == NULL) return ws_malloc(pool->alloc, sizeof *c);
  pool->spare = c->next;
  pool->spares--;
  return c;
}

completion *completion_new(completion_pool *pool, wsuv_send_cb cb, void *arg) {
  completion *c = take_record(pool);
  if (c != NULL) *c = (completion){.cb = cb, .arg = arg};
  return c;
}

void completion_release(completion_pool *pool, completion *c) {
  if (pool->spares >= SPARES_MAX) {
    ws_free(pool->alloc, c);
    return;
  }
  c->next = pool->spare;
  pool->spare = c;
  pool->spares++;
}

void completions_add(completions *cs, out_lane_id lane, completion *c) {
  c->next = NULL;
  if (cs->first[lane] == NULL) {
    cs->first[lane] = c;
  } else {
    cs->last[lane]->next = c;
  }
  cs->last[lane] = c;
  cs->count++;
}

static completion *pop(completions *cs, out_lane_id lane) {
  completion *c = cs->first[lane];
  if (c == NULL) return NULL;
  cs->first[lane] = c->next;
  cs->count--;
  if (c == cs->flush) cs->flush = NULL;
  return c;
}

static completion *pop_due(completions *cs, const out_queue *out, out_lane_id lane) {
  completion *c = cs->first[lane];
  return c != NULL && out_queue_left(out, lane, c->end) ? pop(cs, lane) : NULL;
}

/* A flush waits for the data that was queued before it, then for the control frames. Others may
   wait for later control frames already, so it is inserted in order: behind the flush before it,
   whose position is not later, so that many flushes are inserted without a walk. */
static void wait_for_control(completions *cs, completion *flush) {
  completion **at = cs->flush != NULL ? &cs->flush->next : &cs->first[LANE_CONTROL];
  flush->end = flush->control;
  flush->control = 0;
  while (*at != NULL && (*at)->end <= flush->end) at = &(*at)->next;
  flush->next = *at;
  *at = flush;
  cs->flush = flush;
  cs->count++;
  if (flush->next == NULL) cs->last[LANE_CONTROL] = flush;
}

/* While a flush waits in the control lane, what is due behind it waits there, too. */
completion *completions_due(completions *cs, const out_queue *out) {
  completion *c;
  while ((c = pop_due(cs, out, LANE_DATA)) != NULL) {
    if (cs->flush == NULL && out_queue_left(out, LANE_CONTROL, c->control)) return c;
    if (cs->flush != NULL && c->control < cs->flush->end) c->control = cs->flush->end;
    wait_for_control(cs, c);
  }
  return pop_due(cs, out, LANE_CONTROL);
}

/* The list is searched from its start. This is short, because the completions before the ping's are
   due, too, and are taken out soon. */
completion *completions_own(completions *cs, const out_queue *out) {
  completion *before = NULL, *c = cs->first[LANE_CONTROL];
  while (c != NULL && c->cb != NULL && out_queue_left(out, LANE_CONTROL, c->end)) {
    before = c;
    c = c->next;
  }
  if (c == NULL || c->cb != NULL || !out_queue_left(out, LANE_CONTROL, c->end)) return NULL;
  *(before != NULL ? &before->next : &cs->first[LANE_CONTROL]) = c->next;
  if (cs->last[LANE_CONTROL] == c) cs->last[LANE_CONTROL] = before;
  cs->count--;
  return c;
}

void completions_drop(completions *cs, uint64_t kept, uint64_t n) {
  for (completion *c = cs->first[LANE_DATA]; c != NULL; c = c->next) {
    if (c->end <= kept) continue;
    c->dropped = c->end <= kept + n;
    c->end = c->dropped ? kept : c->end - n;
  }
}

completion *completions_any(completions *cs) {
  completion *c = pop(cs, cs->flush != NULL ? LANE_CONTROL : LANE_DATA);
  return c != NULL ? c : pop(cs, LANE_CONTROL);
}
