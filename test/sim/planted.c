#include <stdlib.h>
#include <string.h>

#include "session/inflow.h"
#include "sim/oracles.h"
#include "sim/run.h"
#include "testkit/sim.h"

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

static void see_way_end(side *d, const wsuv_close_info_t *info);

void planted_close(side *d, const wsuv_close_info_t *info) {
  run *r = d->of->of;
  wsuv_close_info_t other = *info;
  if (r->plant != PLANT_NONE) {
    if (plant_now(r, PLANT_CLOSE_LOST)) return;
    if (plant_now(r, PLANT_CLOSE_TWICE)) side_seen_close(d, info);
    if (plant_now(r, PLANT_WRONG_CODE)) other.code++;
    if (plant_now(r, PLANT_UNCLEAN)) other.clean = false;
  }
  see_way_end(d, info);
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

/* --- on the way --- */

/* Where the credentials of another one are seen, if there are any. */
static void see_secret(run *r, plant bug, const char *whom, const char *allowed) {
  static const char field[] = "Authorization: Bearer sEcReTCA.x";
  if (plant_now(r, bug)) oracle_credentials(r, whom, field, sizeof field - 1, allowed);
}

void planted_at_proxy(way_pipe *p, const void *data, size_t len) {
  const char allowed[] = {'P', (char) ('0' + p->proxy->number), '.', '\0'};
  see_secret(p->of, PLANT_SECRET_TO_PROXY, "a proxy", allowed);
  oracle_credentials(p->of, "a proxy", data, len, allowed);
}

void planted_at_origin(talk *t, size_t number, const char *head) {
  run *r = t->of;
  char allowed[16], login[96];
  way_allowed(t, number, allowed);
  if (t->way.stations[number].epoch > 0) {
    see_secret(r, PLANT_SECRET_TO_OTHER_ORIGIN, "another origin", allowed);
  }
  way_secret_login(login, sizeof login, "P0.");
  if (t->way.proxy_count > 0 && plant_now(r, PLANT_SECRET_BEYOND_PROXY)) {
    oracle_credentials(r, "an origin", login, strlen(login), allowed);
  }
  oracle_credentials(r, "an origin", head, strlen(head), allowed);
}

void planted_at_server(side *d) {
  size_t count;
  char allowed[16];
  run *r = d->of->of;
  const wsuv_header_t *fields = wsuv_session_request_headers(d->session, &count);
  way_allowed_at_server(d->of, allowed);
  if (*allowed == '\0') see_secret(r, PLANT_SECRET_TO_SERVER, "the server", allowed);
  for (size_t i = 0; fields != NULL && i < count; i++) {
    oracle_credentials(r, "the server", fields[i].value, strlen(fields[i].value), allowed);
  }
}

void planted_open(side *d) {
  run *r = d->of->of;
  if (plant_now(r, PLANT_OPEN_IN_SPITE)) d->of->way.facts |= FACT_REFUSED;
  oracle_way_opened(d);
  oracle_deadline(d, sim_now_ns(world_sim(r->w)));
}

/* The end of a client's session. With the planted bug, time was had anew for what was behind the
   first response. */
static void see_way_end(side *d, const wsuv_close_info_t *info) {
  run *r = d->of->of;
  const way *w = &d->of->way;
  uint64_t now_ns = sim_now_ns(world_sim(r->w));
  int status = info->status;
  wsuv_stage_t stage = info->stage;
  if (d->is_server || d->opens > 0) return;
  if (status == UV_ETIMEDOUT && w->redirects + w->refusals > 0 &&
      plant_now(r, PLANT_DEADLINE_ANEW)) {
    now_ns += r->plan.client.handshake_timeout_ms * UINT64_C(1000000);
  }
  if (w->facts != 0 && plant_now(r, PLANT_WRONG_STAGE)) stage = WSUV_STAGE_CONNECT;
  if (w->facts != 0 && plant_now(r, PLANT_WRONG_STATUS)) status = WSUV_EHTTP;
  oracle_way_ended(d, status, stage);
  oracle_deadline(d, now_ns);
}

void planted_question(talk *t, const wsuv_unauthorized_t *refusal) {
  if (plant_now(t->of, PLANT_ASKED_TWICE)) way_seen_question(t, refusal);
  way_seen_question(t, refusal);
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
