#include "session/handshakes.h"

/* Lists of places, and what happens when a deadline comes. */

handshake_place *handshakes_first(const handshakes *h, handshake_kind kind) {
  const ws_list *list = &h->lists[kind];
  return ws_list_empty(list) ? NULL : ws_list_entry(list->next, handshake_place, node);
}

static void wait_on(handshake_place *place) {
  handshakes *h = place->handshakes;
  const uint64_t at_ms = state_deadline_next_ms(&place->deadline, &h->progress);
  deadlines_start(&h->deadlines, &place->waiting, at_ms);
}

/* If the program has closed the handles of the environment, nothing expires any more. */
static void on_deadline(heap_node *waiting) {
  handshake_place *place = ws_list_entry(waiting, handshake_place, waiting);
  ws_env *env = place->handshakes->env;
  const uint64_t now_ms = env->ops->now_ms(env);
  if (place->is_held(place)) state_deadline_hold(&place->deadline, now_ms);
  if (ws_env_lost(env) || !state_deadline_passed(&place->deadline, now_ms)) {
    wait_on(place);
  } else {
    handshakes_leave(place);
    place->expire(place);
  }
}

int handshakes_init(handshakes *h, ws_env *env) {
  *h = (handshakes){.env = env};
  for (int kind = 0; kind < HANDSHAKE_KINDS; kind++) ws_list_init(&h->lists[kind]);
  int err = deadlines_init(&h->deadlines, env);
  h->deadlines.on_deadline = on_deadline;
  return err;
}

void handshakes_free(handshakes *h) {
  deadlines_free(&h->deadlines);
}

static void put_in(handshake_place *place, handshake_kind kind) {
  handshakes *h = place->handshakes;
  place->kind = kind;
  ws_list_append(&h->lists[kind], &place->node);
  h->counts[kind]++;
}

static void take_out(handshake_place *place) {
  ws_list_remove(&place->node);
  place->handshakes->counts[place->kind]--;
}

void handshakes_enter(handshakes *h, handshake_place *place, handshake_kind kind,
                      uint64_t timeout_ms) {
  if (!ws_list_empty(&place->node)) take_out(place);
  place->handshakes = h;
  put_in(place, kind);
  state_deadline_set(&place->deadline, &h->progress, h->env->ops->now_ms(h->env), timeout_ms);
  wait_on(place);
}

void handshakes_move(handshake_place *place, handshake_kind kind) {
  take_out(place);
  put_in(place, kind);
}

void handshakes_leave(handshake_place *place) {
  if (ws_list_empty(&place->node)) return;
  take_out(place);
  deadlines_stop(&place->handshakes->deadlines, &place->waiting);
}

bool handshakes_evict(handshakes *h) {
  handshake_place *oldest = handshakes_first(h, HANDSHAKE_ENDING);
  if (oldest == NULL) oldest = handshakes_first(h, HANDSHAKE_READING);
  if (oldest == NULL) return false;
  handshakes_leave(oldest);
  oldest->evict(oldest);
  return true;
}
