#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/oracles.h"
#include "sim/run.h"
#include "support/frames.h"
#include "testkit/check.h"
#include "testkit/sim.h"

/* Conversations: the callbacks of both ends, and what the program does in them and between them. */

/* The run whose loop is running: a session of a server has no data before it is known whose. */
static run *the_run;

static run *run_of(const side *d) {
  return d->of->of;
}

static bool one_in(run *r, size_t n) {
  return run_below(r, n) == 0;
}

bool talk_is_open(const side *d) {
  return d->session != NULL && wsuv_session_stage(d->session) == WSUV_STAGE_OPEN;
}

bool talk_is_hindered(const talk *t) {
  return t->injured || t->of->injured || way_may_fail(t);
}

bool talk_is_over(const talk *t) {
  return t->kept == NULL && t->end[0].closes >= t->end[0].made &&
         t->end[1].closes >= t->end[1].made;
}

/* --- sending --- */

static void on_completion(wsuv_session_t *s, int status, void *arg);

/* The number of the completion and its kind, in the pointer that comes back with it. */
static void *promise(const side *d, completion_kind kind) {
  return (void *) (uintptr_t) (d->owed[kind] << 1 | (unsigned) kind);
}

static wsuv_send_cb wants_completion(run *r) {
  return one_in(r, 4) ? on_completion : NULL;
}

/* What a call returned. Whether it was successful. */
static bool went(side *d, const char *call, int err, wsuv_send_cb cb, completion_kind kind) {
  if (err == 0 && cb != NULL) d->owed[kind]++;
  if (err == WSUV_EQUEUEFULL && kind == COMPLETION_DATA) d->waits_for_drain = true;
  if (err == UV_ENOMEM || err == WSUV_ERANDOM) d->of->injured = true;
  oracle_result(d, call, err);
  return err == 0;
}

static content next_content(const side *d) {
  return content_of(d->out.salt, d->out.sent, run_of(d)->plan.message_max);
}

static wsuv_frame_type_t type_of(const content *c) {
  return c->text ? WSUV_FRAME_TEXT : WSUV_FRAME_BINARY;
}

static bool send_bufs(side *d, const content *c) {
  run *r = run_of(d);
  const size_t cut = run_below(r, c->len + 1);
  const wsuv_send_cb cb = wants_completion(r);
  const uv_buf_t bufs[] = {
      {.base = (char *) (uintptr_t) c->data, .len = cut},
      {.base = NULL, .len = 0},
      {.base = (char *) (uintptr_t) (c->data + cut), .len = c->len - cut},
  };
  const int err = wsuv_send_bufs(d->session, type_of(c), bufs, 3, cb, promise(d, COMPLETION_DATA));
  return went(d, "wsuv_send_bufs", err, cb, COMPLETION_DATA);
}

static bool send_prepared(side *d, const content *c) {
  run *r = run_of(d);
  wsuv_prepared_t *prepared;
  const wsuv_send_cb cb = wants_completion(r);
  int err = wsuv_prepared_new(&prepared, type_of(c), c->data, c->len, &r->alloc.handle);
  if (err < 0) return went(d, "wsuv_prepared_new", err, NULL, COMPLETION_DATA);
  err = wsuv_send_prepared(d->session, prepared, cb, promise(d, COMPLETION_DATA));
  wsuv_prepared_free(prepared);
  return went(d, "wsuv_send_prepared", err, cb, COMPLETION_DATA);
}

static bool send_frame(side *d, wsuv_frame_type_t type, const uint8_t *data, size_t len, bool fin) {
  wsuv_frame_t f;
  const wsuv_send_cb cb = wants_completion(run_of(d));
  wsuv_frame_init(&f, type, data, len);
  f.fin = fin;
  const int err = wsuv_send(d->session, &f, cb, promise(d, COMPLETION_DATA));
  return went(d, "wsuv_send", err, cb, COMPLETION_DATA);
}

/* A part of the message that was begun. Text in frames of the program's may be cut anywhere, too.
 */
static bool send_part(side *d) {
  run *r = run_of(d);
  flow *l = &d->out;
  const content c = next_content(d);
  const size_t n = one_in(r, 3) ? c.len - l->at : run_below(r, c.len - l->at + 1);
  const bool last = l->at + n == c.len;
  if (l->in_fragments) {
    if (!send_frame(d, type_of(&c), c.data + l->at, n, last)) return false;
  } else {
    const wsuv_send_cb cb = wants_completion(r);
    const int err = last && n == 0 ? wsuv_send_end(d->session, cb, promise(d, COMPLETION_DATA))
                                   : wsuv_send_piece(d->session, c.data + l->at, n, cb,
                                                     promise(d, COMPLETION_DATA));
    if (!went(d, "wsuv_send_piece", err, cb, COMPLETION_DATA)) return false;
    if (!last || n > 0) {
      l->at += n;
      return true;
    }
  }
  l->at += n;
  if (!last) return true;
  l->in_pieces = l->in_fragments = false;
  l->at = 0;
  l->sent++;
  return true;
}

static bool begin_parts(side *d, const content *c) {
  if (one_in(run_of(d), 2)) {
    d->out.in_fragments = true;
  } else {
    const int err = wsuv_send_begin(d->session, type_of(c));
    d->out.in_pieces = went(d, "wsuv_send_begin", err, NULL, COMPLETION_DATA);
    if (!d->out.in_pieces) return false;
  }
  if (send_part(d)) return true;
  if (d->out.at == 0) d->out.in_fragments = false; /* nothing of it was sent */
  return false;
}

/* The next message, or a part of it. Whether it went. */
static bool send_next(side *d) {
  const content c = next_content(d);
  bool sent;
  if (d->out.in_pieces || d->out.in_fragments) return send_part(d);
  switch (run_below(run_of(d), 16)) {
  case 0: return begin_parts(d, &c);
  case 1: sent = send_prepared(d, &c); break;
  case 2:
  case 3: sent = send_bufs(d, &c); break;
  case 4:
  case 5: sent = send_frame(d, type_of(&c), c.data, c.len, true); break;
  default:
    sent = went(d, "wsuv_send_message", wsuv_send_message(d->session, type_of(&c), c.data, c.len),
                NULL, COMPLETION_DATA);
  }
  if (sent) d->out.sent++;
  return sent;
}

static void send_some(side *d) {
  run *r = run_of(d);
  for (size_t n = 1 + run_below(r, r->plan.burst); n > 0 && send_next(d); n--) continue;
}

/* The refusal of a control frame is not followed by on_drain. */
static void send_control(side *d) {
  static const uint8_t payload[125] = "sim";
  run *r = run_of(d);
  const wsuv_frame_type_t type = one_in(r, 3) ? WSUV_FRAME_PONG : WSUV_FRAME_PING;
  const uv_buf_t buf = {.base = (char *) (uintptr_t) payload, .len = run_below(r, sizeof payload)};
  const wsuv_send_cb cb = wants_completion(r);
  const int err = wsuv_send_bufs(d->session, type, &buf, 1, cb, promise(d, COMPLETION_CONTROL));
  (void) went(d, "a control frame", err, cb, COMPLETION_CONTROL); /* it may be refused */
}

static void flush(side *d) {
  const uint32_t index = d->owed[COMPLETION_DATA];
  const int err = wsuv_flush(d->session, on_completion, promise(d, COMPLETION_DATA));
  if (err == 0 && !talk_is_open(d) && d->flushes_from > index) d->flushes_from = index;
  if (err != WSUV_ESTATE) {
    (void) went(d, "wsuv_flush", err, on_completion, COMPLETION_DATA); /* it may be refused */
  }
}

void talk_say_more(side *d) {
  if (talk_is_open(d) && one_in(run_of(d), 2)) send_some(d);
}

void talk_go_on(side *d) {
  while ((d->out.in_pieces || d->out.in_fragments) && talk_is_open(d) && send_part(d)) continue;
}

/* --- doing something --- */

static void pause_or_resume(side *d) {
  const int err = d->paused ? wsuv_session_resume(d->session) : wsuv_session_pause(d->session);
  oracle_result(d, "wsuv_session_pause", err);
  if (err == 0) d->paused = !d->paused;
}

/* To values that change nothing for the other side; intervals of pings only where there are any. */
static void change_setting(side *d) {
  enum { DAY_MS = 24 * 3600 * 1000, CONTROL_MAX = 125 };
  const run *r = run_of(d);
  const size_t largest = r->plan.message_max + CONTROL_MAX, n = run_below(run_of(d), 300);
  int err = 0;
  if (n < 100) {
    err = wsuv_session_set_idle_timeout(d->session, DAY_MS);
  } else if (n < 150) {
    err = wsuv_session_set_max_frame_size(d->session, largest + n);
  } else if (n < 200) {
    err = wsuv_session_set_max_message_size(d->session, r->plan.message_max);
  } else if (r->plan.keeps_alive) {
    err = wsuv_session_set_ping(d->session, n - 200, r->plan.client.ping_timeout_ms);
  }
  oracle_result(d, "a setting", err);
}

/* What the other has sent is discarded from now on, if this one is paused. */
void talk_close(side *d) {
  static const unsigned codes[] = {1000, 1001, 3000, 4999};
  run *r = run_of(d);
  const unsigned code = codes[run_below(r, 4)];
  if (!talk_is_open(d)) d->of->injured = true;
  if (d->paused) d->discards = true;
  const int err = wsuv_session_close(d->session, code, one_in(r, 2) ? NULL : "enough");
  if (err < 0) d->of->injured = true;
  oracle_result(d, "wsuv_session_close", err);
  d->closed = err == 0 || err == WSUV_ESTATE; /* otherwise it is closed later */
}

static void terminate(side *d) {
  d->of->injured = true;
  wsuv_session_terminate(d->session);
}

static void end_something(side *d) {
  run *r = run_of(d);
  const size_t how = run_below(r, 40);
  if (how < 20) talk_close(d);
  if (how >= 20 && how < 36) terminate(d);
  if (how < 36) return;
  r->injured = true;
  if (how == 36) run_end_client(r);
  if (how > 36) run_end_server(r);
}

void talk_act(side *d) {
  run *r = run_of(d);
  if (d->session == NULL || r->ending) return;
  switch (run_below(r, 20)) {
  case 0:
  case 1: send_control(d); break;
  case 2:
  case 3:
    if (talk_is_open(d)) pause_or_resume(d);
    break;
  case 4: flush(d); break;
  case 5:
    if (r->plan.ends && one_in(r, 4)) end_something(d);
    break;
  case 6: talk_begin(r); break;
  case 7:
    if (talk_is_open(d)) change_setting(d);
    break;
  default:
    if (talk_is_open(d)) send_some(d);
  }
}

/* In a callback; also to another conversation. */
void talk_maybe_act(side *d) {
  run *r = run_of(d);
  if (!run_chance(r, r->plan.act_percent)) return;
  if (one_in(r, 8)) d = &r->talks[run_below(r, r->begun)].end[run_below(r, 2)];
  talk_act(d);
}

/* --- callbacks --- */

/* The number of the conversation is its path. */
static side *find_side(const char *number) {
  return &the_run->talks[strtoul(number, NULL, 10)].end[1];
}

static side *side_of(wsuv_session_t *s) {
  side *d = wsuv_session_data(s);
  if (d != NULL) return d;
  d = find_side(wsuv_session_param(s, "n"));
  d->session = s;
  d->made++;
  wsuv_session_set_data(s, d);
  return d;
}

static void called(side *d, char what, size_t len) {
  oracle_called(d);
  oracle_turn(d, len);
  run_note(run_of(d), (uint64_t) (unsigned char) what << 32 | len);
}

static void on_open(wsuv_session_t *s) {
  side *d = side_of(s);
  called(d, 'o', 0);
  d->opens++;
  run_of(d)->connections++;
  if (d->is_server) {
    planted_at_server(d);
  } else {
    planted_open(d);
  }
  talk_maybe_act(d);
}

void side_seen_message(side *d, bool text, const void *data, size_t len) {
  called(d, 'm', len);
  oracle_delivered(d, text, data, len);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  side *d = wsuv_session_data(s);
  planted_message(d, m->type == WSUV_FRAME_TEXT, m->data, m->len);
  talk_maybe_act(d);
}

void side_seen_piece(side *d, const wsuv_message_piece_t *p) {
  called(d, 'p', p->len);
  oracle_delivered_piece(d, p);
}

static void on_message_piece(wsuv_session_t *s, const wsuv_message_piece_t *p) {
  side *d = wsuv_session_data(s);
  planted_piece(d, p);
  talk_maybe_act(d);
}

void side_seen_frame(side *d, const wsuv_frame_t *f) {
  called(d, 'r', f->len);
  oracle_delivered_frame(d, f);
}

/* A raw session answers nothing by itself. Without the pong the other side may end. */
static void send_pong(side *d, const wsuv_frame_t *ping) {
  wsuv_frame_t pong;
  wsuv_frame_init(&pong, WSUV_FRAME_PONG, ping->data, ping->len);
  const int err = wsuv_send(d->session, &pong, NULL, NULL);
  if (err < 0) d->of->injured = true;
  oracle_result(d, "a pong", err);
}

/* Unless the program has closed first, it owes an answer, and is not closed cleanly without it. */
static void answer_close(side *d) {
  run *r = run_of(d);
  if (d->closed) return;
  if (!r->ending && one_in(r, 10)) {
    d->of->injured = true;
    return;
  }
  oracle_result(d, "the answer to a close frame",
                wsuv_session_close(d->session, one_in(r, 2) ? 1000 : 3999, NULL));
}

static void on_frame(wsuv_session_t *s, const wsuv_frame_t *f) {
  side *d = wsuv_session_data(s);
  if (f->type < WSUV_FRAME_CLOSE) {
    planted_frame_of_data(d, f);
  } else {
    called(d, 'i', f->len);
    if (f->type == WSUV_FRAME_PING) send_pong(d, f);
    if (f->type == WSUV_FRAME_CLOSE) answer_close(d);
  }
  talk_maybe_act(d);
}

static void on_control(wsuv_session_t *s, const void *data, size_t len) {
  side *d = wsuv_session_data(s);
  (void) data;
  called(d, 'i', len);
  talk_maybe_act(d);
}

static void on_drain(wsuv_session_t *s) {
  side *d = wsuv_session_data(s);
  called(d, 'd', 0);
  d->waits_for_drain = false;
  talk_maybe_act(d);
}

static void on_completion(wsuv_session_t *s, int status, void *arg) {
  side *d = wsuv_session_data(s);
  const uintptr_t number = (uintptr_t) arg;
  run_note(run_of(d), (uint64_t) 'f' << 32 | number);
  planted_completion(d, (completion_kind) (number & 1), (uint32_t) (number >> 1), status);
  talk_maybe_act(d);
}

void side_seen_close(side *d, const wsuv_close_info_t *info) {
  oracle_completed_all(d);
  oracle_closed(d);
  d->status = info->status;
  d->clean = info->clean;
  d->by_peer = info->by_peer;
  d->code = info->code;
  d->sent_code = info->sent_code;
  run_note(run_of(d), (uint64_t) 'x' << 32 | (uint32_t) info->status);
}

/* A session of a server that was never open is not known, unless it was accepted by talk_accept. */
static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  side *d = wsuv_session_data(s);
  if (d == NULL) return;
  planted_close(d, info);
  if (d->of->end[0].session != NULL && d->is_server) talk_maybe_act(&d->of->end[0]);
  d->session = NULL;
  d->of->way.owes = d->of->way.owes && d->is_server;
}

const wsuv_callbacks_t talk_callbacks = {
    WSUV_CALLBACKS_INIT,   .on_open = on_open,   .on_message = on_message, .on_ping = on_control,
    .on_pong = on_control, .on_frame = on_frame, .on_drain = on_drain,     .on_close = on_close};
const wsuv_callbacks_t talk_streamed_callbacks = {
    WSUV_CALLBACKS_INIT,   .on_open = on_open,    .on_message_piece = on_message_piece,
    .on_ping = on_control, .on_pong = on_control, .on_frame = on_frame,
    .on_drain = on_drain,  .on_close = on_close};

/* --- the decision of the server --- */

static int accept_upgrade(side *d, wsuv_upgrade_t *u) {
  wsuv_accept_t accept;
  wsuv_accept_init(&accept, u);
  accept.data = d;
  const int err = wsuv_upgrade_accept(u, &accept, &d->session);
  if (err == 0) d->made++;
  if (err < 0) d->of->injured = true;
  return err;
}

void talk_answer(talk *t) {
  wsuv_upgrade_t *u = t->kept;
  int err = 0;
  if (u == NULL) return;
  t->kept = NULL;
  if (one_in(t->of, 5)) {
    t->injured = true;
    err = one_in(t->of, 2) ? wsuv_upgrade_refuse(u, 403, NULL, 0, NULL, 0)
                           : wsuv_upgrade_refuse_open(u, 4401, "not you");
  } else {
    err = accept_upgrade(&t->end[1], u);
  }
  if (err < 0 && err != WSUV_ESTATE) t->kept = u; /* it is still owed */
}

void talk_on_upgrade(wsuv_upgrade_t *u) {
  side *d = find_side(wsuv_upgrade_param(u, "n"));
  d->of->kept = u;
  if (run_of(d)->ending || !one_in(run_of(d), 3)) talk_answer(d->of);
}

/* --- beginning --- */

static void begin_side(side *d, talk *t, bool is_server) {
  *d = (side){.of = t, .is_server = is_server, .flushes_from = UINT32_MAX};
  d->out.salt = t->of->seed * UINT64_C(0x9e3779b97f4a7c15) + t->number * 2 + (is_server ? 1 : 0);
}

void talk_begin(run *r) {
  char url[WAY_URL];
  way_texts texts;
  wsuv_callbacks_t callbacks = r->plan.streamed ? talk_streamed_callbacks : talk_callbacks;
  the_run = r;
  if (r->client == NULL || r->begun == r->plan.talks || r->port == 0) return;
  talk *t = &r->talks[r->begun];
  *t = (talk){.of = r, .number = r->begun};
  begin_side(&t->end[0], t, false);
  begin_side(&t->end[1], t, true);
  way_draw(t);
  way_url(t, url);
  side *d = &t->end[0];
  if (r->server == NULL) t->injured = true;
  r->begun++;
  wsuv_request_t request;
  wsuv_request_init(&request, url);
  request.raw = r->plan.raw[0];
  request.data = d;
  way_request(t, &request, &texts);
  way_callbacks(t, &callbacks);
  r->in_call = "wsuv_connect";
  const int err = wsuv_connect(r->client, &request, &callbacks, &d->session);
  if (plant_now(r, PLANT_CALLED_INSIDE)) oracle_called(d);
  r->in_call = NULL;
  if (err == 0) d->made++;
  if (err < 0) t->injured = true;
  oracle_result(d, "wsuv_connect", err);
}
