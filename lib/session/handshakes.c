#include "session/handshakes.h"

/* Lists in the order of their deadlines, and the timer for the earliest of them. */

handshake_place *handshakes_first(const handshakes *h, handshake_kind kind) {
  const ws_list *list = &h->lists[kind];
  return ws_list_empty(list) ? NULL : ws_list_entry(list->next, handshake_place, node);
}

/* The timer is only ever moved forward here: if it fires for a place that has left, it is set
   again. */
static void arm(handshakes *h) {
  const bool polling = h->polled_ms != 0;
  uint64_t due = UINT64_MAX;
  for (int kind = 0; kind < HANDSHAKE_KINDS; kind++) {
    const handshake_place *first = handshakes_first(h, (handshake_kind) kind);
    if (first != NULL && first->deadline_ms < due) due = first->deadline_ms;
  }
  if (due >= h->timer_ms && !polling) return;
  const uint64_t now = h->env->ops->now_ms(h->env);
  if (polling) due = now + 1;
  if (due >= h->timer_ms) return;
  h->timer_ms = due;
  h->env->ops->timer_start(h->timer, due > now ? due - now : 1);
}

static void expire(handshakes *h, uint64_t until_ms) {
  for (int kind = 0; kind < HANDSHAKE_KINDS; kind++) {
    handshake_place *first;
    while ((first = handshakes_first(h, (handshake_kind) kind)) != NULL &&
           first->deadline_ms <= until_ms && !ws_env_lost(h->env)) {
      handshakes_leave(h, first);
      first->expire(first);
    }
  }
}

/* After a stall of the loop, what a peer has sent in time may still be in its socket, so a deadline
   counts after one more poll. */
static void on_timer(void *data) {
  handshakes *h = data;
  h->timer_ms = UINT64_MAX;
  if (h->polled_ms != 0) {
    const uint64_t until_ms = h->polled_ms;
    h->polled_ms = 0;
    expire(h, until_ms);
  } else {
    h->polled_ms = h->env->ops->now_ms(h->env);
  }
  if (handshakes_all(h) > 0) arm(h);
}

int handshakes_init(handshakes *h, ws_env *env) {
  h->env = env;
  h->timer_ms = UINT64_MAX;
  for (int kind = 0; kind < HANDSHAKE_KINDS; kind++) {
    ws_list_init(&h->lists[kind]);
    h->counts[kind] = 0;
  }
  return env->ops->timer_new(env, on_timer, h, &h->timer);
}

void handshakes_free(handshakes *h) {
  h->env->ops->timer_free(h->timer);
  h->timer = NULL;
}

static void take_out(handshakes *h, handshake_place *place) {
  if (ws_list_empty(&place->node)) return;
  ws_list_remove(&place->node);
  h->counts[place->kind]--;
}

/* Places are entered nearly in the order of their deadlines, so the search from the end is short.
 */
void handshakes_enter(handshakes *h, handshake_place *place, handshake_kind kind,
                      uint64_t deadline_ms) {
  take_out(h, place);
  ws_list *at = h->lists[kind].prev;
  place->kind = kind;
  place->deadline_ms = deadline_ms;
  while (at != &h->lists[kind] &&
         ws_list_entry(at, handshake_place, node)->deadline_ms > deadline_ms) {
    at = at->prev;
  }
  ws_list_append(at->next, &place->node);
  h->counts[kind]++;
  arm(h);
}

void handshakes_leave(handshakes *h, handshake_place *place) {
  if (ws_list_empty(&place->node)) return;
  take_out(h, place);
  if (handshakes_all(h) > 0 || h->timer_ms == UINT64_MAX) return;
  h->env->ops->timer_stop(h->timer);
  h->timer_ms = UINT64_MAX;
  h->polled_ms = 0;
}

bool handshakes_evict(handshakes *h) {
  handshake_place *oldest = handshakes_first(h, HANDSHAKE_ENDING);
  if (oldest == NULL) oldest = handshakes_first(h, HANDSHAKE_READING);
  if (oldest == NULL) return false;
  handshakes_leave(h, oldest);
  oldest->evict(oldest);
  return true;
}
