#include "net/uv/handle.h"

#include "base/error.h"

/* A handle that the program has closed waits for two turns of the idle handle: between them, libuv
   has run all close callbacks of the first turn. */

void handles_init(handles *hs, uv_loop_t *loop, const wsuv_allocator_t *alloc, ws_env_cb on_done,
                  void *data) {
  *hs = (handles){.loop = loop, .alloc = alloc, .on_done = on_done, .data = data};
  ws_list_init(&hs->calls);
}

/* Turns */

static void run_due(handles *hs) {
  own_handle *h = hs->due, *next;
  hs->due = hs->waiting;
  hs->waiting = NULL;
  for (; h != NULL; h = next) {
    next = h->uv->data;
    h->on_closed(h);
  }
}

/* Calls that are added meanwhile wait for the next turn. */
static void run_calls(handles *hs) {
  ws_list now, *node;
  ws_list_init(&now);
  ws_list_splice(&now, &hs->calls);
  while ((node = ws_list_pop(&now)) != NULL) {
    const handle_call *c = ws_list_entry(node, handle_call, node);
    c->run(c->data);
  }
}

/* A callback may have closed this idle handle, or replaced it. It is not freed in its own turn. */
static void on_turn(uv_idle_t *idle) {
  const handle_turns *t = (const handle_turns *) (const void *) idle;
  handles *hs = t->owner;
  run_due(hs);
  run_calls(hs);
  bool left = hs->due != NULL || hs->waiting != NULL || !ws_list_empty(&hs->calls);
  if (hs->turns == t && !left) uv_idle_stop(idle);
}

static void on_turns_closed(own_handle *h) {
  handle_turns *t = ws_list_entry(h, handle_turns, own);
  handles *hs = t->owner;
  t->owner = NULL;
  if (t != &hs->first) ws_free(hs->alloc, t);
  hs->turns_count--;
  hs->on_done(hs->data);
}

static handle_turns *turns_new(handles *hs) {
  bool used = hs->first.owner != NULL;
  handle_turns *t = used ? ws_calloc(hs->alloc, sizeof *t) : &hs->first;
  if (t == NULL) return NULL;
  uv_idle_init(hs->loop, &t->idle);
  t->own = (own_handle){.uv = (uv_handle_t *) &t->idle};
  t->owner = hs;
  hs->turns_count++;
  return t;
}

/* While the environment is lost, the loop is left alone. */
static int take_turns(handles *hs) {
  if (handles_lost(hs) && !hs->recovered) return 0;
  if (hs->turns == NULL) hs->turns = turns_new(hs);
  if (hs->turns == NULL) return WS_ENOMEM;
  if (!handle_lost(&hs->turns->own)) uv_idle_start(&hs->turns->idle, on_turn);
  return 0;
}

/* Without memory for an idle handle, what waits is done after handles_recover. */
void handles_call(handles *hs, handle_call *c) {
  if (ws_list_empty(&c->node)) ws_list_append(&hs->calls, &c->node);
  (void) take_turns(hs);
}

int handles_recover(handles *hs) {
  handle_turns *lost = hs->turns;
  if (handles_lost(hs)) hs->recovered = true;
  if (lost != NULL && handle_lost(&lost->own)) {
    hs->turns = turns_new(hs);
    if (hs->turns == NULL) {
      hs->turns = lost;
      return WS_ENOMEM;
    }
    handle_close(hs, &lost->own, on_turns_closed);
  }
  return hs->recovered ? take_turns(hs) : 0;
}

bool handles_end(handles *hs) {
  handle_turns *t = hs->turns;
  bool waits = hs->waiting != NULL || hs->due != NULL;
  if (t != NULL && !waits && !handle_lost(&t->own)) {
    hs->turns = NULL;
    handle_close(hs, &t->own, on_turns_closed);
  }
  return hs->turns_count == 0;
}

/* Closing */

static void on_uv_closed(uv_handle_t *uv) {
  own_handle *h = uv->data;
  h->on_closed(h);
}

void handle_close(handles *hs, own_handle *h, void (*on_closed)(own_handle *h)) {
  bool by_program = uv_is_closing(h->uv) != 0;
  h->on_closed = on_closed;
  h->uv->data = by_program ? (void *) hs->waiting : (void *) h;
  if (by_program) {
    hs->waiting = h;
    (void) take_turns(hs);
  } else {
    uv_close(h->uv, on_uv_closed);
  }
}
