#include <stdlib.h>
#include <string.h>

#include "session/inflow.h"
#include "sim/oracles.h"
#include "sim/run.h"

/* Bugs, each of which is done once: what the library says is lost, doubled, changed or swapped on
   its way to the oracles. Without one, everything is passed on as it is. */

bool plant_now(run *r, plant bug) {
  if (r->plant != bug || r->planted) return false;
  r->planted = true;
  return true;
}

/* The first message is kept, and comes behind the second of the same side. */
static bool swapped(side *d, bool text, const void *data, size_t len) {
  static content kept;
  static uint8_t memory[CONTENT_MAX];
  run *r = d->of->of;
  if (r->held == d) {
    r->held = NULL;
    side_seen_message(d, text, data, len);
    side_seen_message(d, kept.text, memory, kept.len);
    return true;
  }
  if (len < 8 || !plant_now(r, PLANT_MESSAGES_SWAPPED)) return false;
  memcpy(memory, data, len);
  kept = (content){.len = len, .text = text};
  r->held = d;
  return true;
}

static bool corrupted(side *d, bool text, const void *data, size_t len) {
  static uint8_t memory[CONTENT_MAX];
  if (len == 0 || !plant_now(d->of->of, PLANT_MESSAGE_CORRUPT)) return false;
  memcpy(memory, data, len);
  memory[len / 2] ^= 1;
  side_seen_message(d, text, memory, len);
  return true;
}

void planted_message(side *d, bool text, const void *data, size_t len) {
  run *r = d->of->of;
  const flow *l = &other_side(d)->out;
  if (r->plant != PLANT_NONE) {
    if (plant_now(r, PLANT_MESSAGE_LOST)) return;
    if (other_side(d)->closed && l->seen + 1 == l->sent && plant_now(r, PLANT_LAST_MESSAGE_LOST)) {
      return;
    }
    if (plant_now(r, PLANT_MESSAGE_TWICE)) side_seen_message(d, text, data, len);
    if (plant_now(r, PLANT_WRONG_RESULT)) oracle_result(d, "a send", UV_EINVAL);
    if (l->seen + 1 < l->sent && plant_now(r, PLANT_WITHHELD)) {
      (void) wsuv_session_pause(d->session); /* it is not noted that more does not come */
    }
    if (swapped(d, text, data, len) || corrupted(d, text, data, len)) return;
  }
  side_seen_message(d, text, data, len);
}

void planted_piece(side *d, const wsuv_message_piece_t *p) {
  if (p->len > 0 && plant_now(d->of->of, PLANT_PIECE_LOST)) return;
  side_seen_piece(d, p);
}

void planted_frame_of_data(side *d, const wsuv_frame_t *f) {
  wsuv_frame_t other = *f;
  if (f->len > 0 && plant_now(d->of->of, PLANT_PIECE_LOST)) return;
  if (plant_now(d->of->of, PLANT_CONTINUATION)) other.continuation = !f->continuation;
  side_seen_frame(d, &other);
}

void planted_completion(side *d, completion_kind kind, uint32_t index, int status) {
  run *r = d->of->of;
  if (r->plant != PLANT_NONE) {
    if (plant_now(r, PLANT_COMPLETION_LOST)) return;
    if (plant_now(r, PLANT_COMPLETION_TWICE)) oracle_completed(d, kind, index, status);
    if (plant_now(r, PLANT_COMPLETIONS_SWAPPED)) index++;
  }
  oracle_completed(d, kind, index, status);
}

void planted_close(side *d, const wsuv_close_info_t *info) {
  run *r = d->of->of;
  wsuv_close_info_t other = *info;
  if (r->plant != PLANT_NONE) {
    if (plant_now(r, PLANT_CLOSE_LOST)) return;
    if (plant_now(r, PLANT_CLOSE_TWICE)) side_seen_close(d, info);
    if (plant_now(r, PLANT_WRONG_CODE)) other.code++;
    if (plant_now(r, PLANT_UNCLEAN)) other.clean = false;
  }
  side_seen_close(d, &other);
  if (plant_now(r, PLANT_CALL_AFTER_CLOSE)) oracle_called(d);
}

void planted_turn(run *r) {
  side *d = &r->talks[0].end[0];
  if (r->plant == PLANT_NONE || d->closes > 0 || d->opens == 0) return;
  if (plant_now(r, PLANT_BUSY_TURN)) {
    for (size_t n = 2 * INFLOW_BUDGET / INFLOW_FRAME_COST + 1; n > 0; n--) oracle_turn(d, 0);
  }
  if (plant_now(r, PLANT_LONG_TURN)) {
    for (size_t n = 0; n < 6 * INFLOW_BUDGET; n += CONTENT_MAX) oracle_turn(d, CONTENT_MAX);
  }
  if (plant_now(r, PLANT_LEAK)) r->leak = r->alloc.handle.malloc(1, r->alloc.handle.arg);
  if (plant_now(r, PLANT_MEMORY)) {
    r->leak = r->alloc.handle.malloc((size_t) 256 * 1024 * 1024, r->alloc.handle.arg);
  }
}

void planted_request(visit *v, uint32_t number) {
  run *r = v->of;
  if (r->plant != PLANT_NONE) {
    if (plant_now(r, PLANT_REQUEST_LOST)) number++;
    if (plant_now(r, PLANT_REQUEST_TWICE)) oracle_exchange_given(v, number);
    if (plant_now(r, PLANT_EXCHANGE_GONE_TWICE)) {
      v->gone = true;
      oracle_exchange_gone(v, v->kept);
    }
  }
  oracle_exchange_given(v, number);
}

void planted_response(visit *v, int status, const void *body, size_t len) {
  static uint8_t other[CONTENT_MAX];
  run *r = v->of;
  if (plant_now(r, PLANT_RESPONSE_LOST)) return;
  if (len > 0 && plant_now(r, PLANT_RESPONSE_CORRUPT)) {
    memcpy(other, body, len);
    other[len - 1] ^= 1;
    body = other;
  }
  oracle_exchange_response(v, status, body, len);
}

void planted_frame(run *r, bool from_client, bool *masked, uint32_t *key, uint32_t before) {
  if (r->plant == PLANT_NONE) return;
  if (from_client && plant_now(r, PLANT_UNMASKED)) *masked = false;
  if (!from_client && plant_now(r, PLANT_MASKED_BY_SERVER)) *masked = true;
  if (from_client && r->plant == PLANT_SAME_KEY && before != 0) {
    r->planted = true;
    *key = before;
  }
}
