#include "sim/oracles.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wsuv/exchange.h>

#include "session/inflow.h"

/* Each oracle keeps what it has to know of the past in the run, the conversation or the side that
   it is about. */

void oracle_fails(run *r, const char *name, const char *format, ...) {
  va_list args;
  if (r->failed != NULL) return;
  r->failed = name;
  va_start(args, format);
  (void) vsnprintf(r->words, sizeof r->words, format, args); /* long ones are cut */
  va_end(args);
}

static const char *role(const side *d) {
  return d->is_server ? "server" : "client";
}

static run *run_of(const side *d) {
  return d->of->of;
}

/* --- one on_close --- */

static const char one_close[] = "one on_close";

void oracle_called(side *d) {
  const char *call = run_of(d)->in_call;
  if (call != NULL) {
    oracle_fails(run_of(d), one_close, "%s %zu: a callback inside %s", role(d), d->of->number,
                 call);
  }
  if (d->closes > 0) {
    oracle_fails(run_of(d), one_close, "%s %zu: a callback after on_close", role(d), d->of->number);
  }
}

void oracle_closed(side *d) {
  if (run_of(d)->in_call != NULL) oracle_called(d);
  if (++d->closes != 1) {
    oracle_fails(run_of(d), one_close, "%s %zu: on_close %zu times", role(d), d->of->number,
                 d->closes);
  }
}

void oracle_closed_in_the_end(side *d) {
  if (d->closes != d->made || d->opens > d->made) {
    oracle_fails(run_of(d), one_close, "%s %zu: %zu sessions, %zu on_open, %zu on_close", role(d),
                 d->of->number, d->made, d->opens, d->closes);
  }
}

/* --- completions --- */

void oracle_completed(side *d, completion_kind kind, uint32_t index, int status) {
  static const char name[] = "completions";
  run *r = run_of(d);
  oracle_called(d);
  if (index != d->came[kind] || index >= d->owed[kind]) {
    oracle_fails(r, name, "%s %zu: number %" PRIu32 " in place of %" PRIu32, role(d), d->of->number,
                 index, d->came[kind]);
  }
  const bool flush = kind == COMPLETION_DATA && index >= d->flushes_from;
  if (status == 0 && d->dropped[kind] && !flush) {
    oracle_fails(r, name, "%s %zu: 0 behind one that was dropped", role(d), d->of->number);
  }
  d->came[kind]++;
  if (status < 0) d->dropped[kind] = true;
}

void oracle_completed_all(const side *d) {
  for (int kind = 0; kind < COMPLETION_KINDS; kind++) {
    if (d->came[kind] == d->owed[kind]) continue;
    oracle_fails(run_of(d), "completions", "%s %zu: %" PRIu32 " of %" PRIu32 " at the end", role(d),
                 d->of->number, d->came[kind], d->owed[kind]);
  }
}

/* --- delivery --- */

static const char delivery[] = "delivery";

static void is_not_what_was_sent(const side *d, uint32_t number) {
  oracle_fails(run_of(d), delivery, "%s %zu: message %" PRIu32 " is not what was sent", role(d),
               d->of->number, number);
}

/* The last byte of a message has come. */
static void end_message(const side *d, flow *f) {
  if (f->seen >= f->sent) {
    oracle_fails(run_of(d), delivery, "%s %zu: message %" PRIu32 " was not sent", role(d),
                 d->of->number, f->seen);
  }
  f->seen_at = 0;
  f->seen++;
  run_of(d)->messages++;
}

void oracle_delivered(side *d, bool text, const void *data, size_t len) {
  flow *f = &other_side(d)->out;
  const content c = content_of(f->salt, f->seen, run_of(d)->plan.message_max);
  const bool same = text == c.text && len == c.len && memcmp(data, c.data, len) == 0;
  if (!same) is_not_what_was_sent(d, f->seen);
  end_message(d, f);
}

void oracle_delivered_piece(side *d, const wsuv_message_piece_t *p) {
  flow *f = &other_side(d)->out;
  const content c = content_of(f->salt, f->seen, run_of(d)->plan.message_max);
  const bool fits = p->offset == f->seen_at && p->len <= c.len - f->seen_at &&
                    (!p->last || f->seen_at + p->len == c.len);
  if (!fits || (p->type == WSUV_FRAME_TEXT) != c.text ||
      memcmp(p->data, c.data + f->seen_at, p->len) != 0) {
    is_not_what_was_sent(d, f->seen);
  } else {
    f->seen_at += p->len;
  }
  if (p->last) end_message(d, f);
}

/* However the sender has cut the message into frames. */
void oracle_delivered_frame(side *d, const wsuv_frame_t *f) {
  const flow *l = &other_side(d)->out;
  const wsuv_message_piece_t p = {
      .type = f->type, .data = f->data, .len = f->len, .offset = l->seen_at, .last = f->fin};
  if (f->continuation != d->in_frames) is_not_what_was_sent(d, l->seen);
  d->in_frames = !f->fin;
  oracle_delivered_piece(d, &p);
}

/* What was sent before a close frame comes before it, unless the receiver was paused and discards,
   or has closed, too: what is still in the queue when its close frame comes is dropped. */
void oracle_delivered_all(side *to) {
  const side *from = other_side(to);
  const talk *t = to->of;
  if (talk_is_hindered(t)) return;
  if (to->discards || to->closed || from->out.seen == from->out.sent) return;
  oracle_fails(t->of, delivery, "%s %zu: %" PRIu32 " of %" PRIu32 " messages came", role(to),
               t->number, from->out.seen, from->out.sent);
}

/* --- memory: the numbers are those of doc/limits.md --- */

enum {
  KIB = 1024,
  ENDPOINT = 256 * KIB + 64 * KIB, /* the read buffer; settings, routes, spare completions */
  CHUNK = 16 * KIB + 32,
  CHUNKS_KEPT = 128,
  SESSION = 3 * KIB / 2,
  HANDSHAKE = 2 * KIB,
  HEADS = 6, /* times the largest head */
  EARLY = 64 * KIB,
  CONTROL = 2 * CHUNK,
  KEPT = 256 * KIB, /* what was read and not delivered */
  COMPLETION = 48,
  DEFLATE = 304 * KIB,
  TLS_ENDPOINT = 192 * KIB,
  TLS = 40 * KIB + 64 * KIB
};

static size_t bound_of_endpoint(const plan *p) {
  size_t n = ENDPOINT + CHUNKS_KEPT * CHUNK + 2 * p->message_max;
  if (p->deflate) n += 2 * DEFLATE;
  if (p->secure) n += TLS_ENDPOINT;
  return n;
}

static size_t bound_of_session(const side *d, const plan *p, const wsuv_config_t *c) {
  size_t n = SESSION + HANDSHAKE + HEADS * c->max_handshake_size + EARLY + CONTROL + KEPT;
  n += c->max_message_size + 2 * c->outgoing_max + p->message_max + 2 * CHUNK;
  for (int kind = 0; kind < COMPLETION_KINDS; kind++) {
    n += COMPLETION * (size_t) (d->owed[kind] - d->came[kind]);
  }
  if (p->deflate) n += DEFLATE;
  if (p->secure) n += TLS;
  return n;
}

/* Of the client's session, as long as it is on its way: the answers of proxies, fields that the
   program has given, cookies, and TLS with the proxies. */
static size_t bound_of_way(const way *w, const plan *p) {
  const size_t each = HANDSHAKE + HEADS * p->client.max_handshake_size + (p->secure ? TLS : 0);
  return w->proxy_count * each + (w->station_count > 0 ? HEADS * p->client.max_handshake_size : 0);
}

/* A connection without a session: its head, what comes behind it, and one response. */
static size_t bound_of_visit(const wsuv_config_t *c) {
  return HANDSHAKE + HEADS * c->max_handshake_size + EARLY + CONTROL + WSUV_EXCHANGE_BODY_MAX;
}

void oracle_memory(run *r) {
  size_t bound = (r->clients + r->servers) * bound_of_endpoint(&r->plan);
  for (size_t i = 0; i < r->begun; i++) {
    const talk *t = &r->talks[i];
    if (talk_is_over(t) && r->servers == 0) continue;
    bound += bound_of_session(&t->end[0], &r->plan, &r->plan.client);
    bound += bound_of_way(&t->way, &r->plan);
    bound += bound_of_session(&t->end[1], &r->plan, &r->plan.server);
  }
  bound += r->visit_count * bound_of_visit(&r->plan.server);
  if (r->alloc.live_bytes > bound && r->clients + r->servers > 0) {
    oracle_fails(r, "memory", "%zu bytes, and the bound is %zu", r->alloc.live_bytes, bound);
  }
}

/* --- turn --- */

/* A budget is spent in the tick, and another one in the poll of the same turn. */
enum {
  TURN_CALLS = 2 * INFLOW_BUDGET / INFLOW_FRAME_COST,
  TURN_BYTES = 2 * (INFLOW_BUDGET + 256 * KIB + CONTENT_MAX)
};

void oracle_turn(side *d, size_t len) {
  run *r = run_of(d);
  if (d->turn != r->turn) d->turn_calls = d->turn_bytes = 0;
  d->turn = r->turn;
  d->turn_calls++;
  d->turn_bytes += len;
  if (d->turn_calls > TURN_CALLS || d->turn_bytes > TURN_BYTES) {
    oracle_fails(r, "turn", "%s %zu: %zu callbacks with %zu bytes", role(d), d->of->number,
                 d->turn_calls, d->turn_bytes);
  }
}

/* --- progress --- */

void oracle_progress(run *r, bool done, const char *what) {
  if (!done) oracle_fails(r, "progress", "%s", what);
}

void oracle_waits(const side *d, const char *what) {
  const side *from = &d->of->end[d->is_server ? 0 : 1];
  oracle_fails(run_of(d), "progress",
               "%s: %s %zu has %" PRIu32 " of %" PRIu32 " messages; made %zu, opened %zu, closed "
               "%zu with %s, stage %d; paused %d, the other waits for on_drain %d, in a message %d",
               what, role(d), d->of->number, from->out.seen, from->out.sent, d->made, d->opens,
               d->closes, d->status == 0 ? "0" : wsuv_err_name(d->status),
               d->session != NULL ? (int) wsuv_session_stage(d->session) : -1, d->paused,
               from->waits_for_drain, from->out.in_pieces || from->out.in_fragments);
}

/* --- masks --- */

/* Keys are random, so two of them may be equal, once in 2^32; but hardly twice in a run. */
enum { REPEATED_KEYS_MAX = 1 };

void oracle_frame(run *r, watched *w, bool from_client, bool masked, uint32_t key) {
  static const char name[] = "masks";
  if (masked != from_client) {
    oracle_fails(r, name, "a frame of the %s is%s masked", from_client ? "client" : "server",
                 masked ? "" : " not");
  }
  if (masked && watch_key_repeats(w, key) && ++r->repeated_keys > REPEATED_KEYS_MAX) {
    oracle_fails(r, name, "the key %08" PRIx32 " comes again", key);
  }
}

/* --- clean close --- */

void oracle_clean_close(talk *t) {
  static const char name[] = "clean close";
  const side *c = &t->end[0], *s = &t->end[1];
  if (talk_is_hindered(t)) return;
  for (int i = 0; i < 2; i++) {
    const side *d = &t->end[i];
    if (d->opens == 1 && d->status == 0 && d->clean) continue;
    oracle_fails(t->of, name, "%s %zu: %s, opened %zu times, %sclean", role(d), t->number,
                 d->status == 0 ? "0" : wsuv_err_name(d->status), d->opens, d->clean ? "" : "not ");
  }
  if (c->code != s->sent_code || s->code != c->sent_code) {
    oracle_fails(t->of, name, "%zu: the codes %u and %u were sent, and %u and %u came", t->number,
                 c->sent_code, s->sent_code, s->code, c->code);
  }
}

/* --- results --- */

void oracle_result(side *d, const char *call, int err) {
  const run *r = run_of(d);
  bool right = err == 0;
  if (err == WSUV_ESTATE) right = !talk_is_open(d) || d->of->injured || r->injured;
  if (err == WSUV_EQUEUEFULL) right = true;
  if (err == UV_ENOMEM) right = r->plan.fails_memory;
  if (err == WSUV_ERANDOM) right = r->plan.fails_random;
  if (!right) {
    oracle_fails(run_of(d), "results", "%s %zu: %s returned %s", role(d), d->of->number, call,
                 wsuv_err_name(err));
  }
}

/* --- exchanges --- */

static const char exchanges[] = "exchanges";

/* Something was done to the server, or to all it has. */
static bool is_injured(const visit *v) {
  const plan *p = &v->of->plan;
  return v->of->injured || p->fails_memory || p->fails_random || p->suspends || p->restarts ||
         p->ends || p->times;
}

static void fail_visit(const visit *v, const char *what, uint32_t number) {
  oracle_fails(v->of, exchanges,
               "visit %zu: %s: request %" PRIu32 " of %" PRIu32 ", of which %" PRIu32
               " were given, %" PRIu32 " answered, the last with status %d",
               v->number, what, number, v->asked, v->given, v->answered, v->status);
}

void oracle_exchange_given(visit *v, uint32_t number) {
  if (number != v->given || number >= v->asked) fail_visit(v, "given out of order", number);
  if (v->kept != NULL || v->answered != v->given) fail_visit(v, "given too early", number);
  v->given++;
}

void oracle_exchange_result(const visit *v, int err) {
  const bool right = err == 0 || (err == WSUV_ESTATE && (is_injured(v) || v->of->ending)) ||
                     (err == UV_ENOMEM && v->of->plan.fails_memory);
  if (!right) fail_visit(v, wsuv_err_name(err), v->given);
}

void oracle_exchange_gone(visit *v, const struct wsuv_exchange *exchange) {
  if (v->gone || v->kept != exchange) fail_visit(v, "gone", v->given);
  v->gone = true;
}

void oracle_exchange_response(visit *v, int status, const void *body, size_t len) {
  const uint32_t number = v->seen++;
  const content c = visit_body(v, number);
  const bool declined = v->declined && number + 1 == v->answered;
  run_note(v->of, (uint64_t) 'h' << 32 | (unsigned) status);
  v->status = status;
  /* The server's own: its time is up, it has no memory, or it ends. */
  if (is_injured(v) && (status == 408 || status == 500 || status == 503)) return;
  if (number >= v->answered) fail_visit(v, "not answered, and has a response", number);
  if (declined && status == 404) return;
  if (status != 200 || len != c.len || memcmp(body, c.data, len) != 0)
    fail_visit(v, "the response is not what was answered", number);
}

/* The connection ends with a request that was declined. */
void oracle_exchanges_all(run *r) {
  for (size_t i = 0; i < r->visit_count; i++) {
    const visit *v = &r->visits[i];
    if (!is_injured(v) && v->seen < v->asked && !(v->declined && v->seen == v->answered))
      fail_visit(v, "without a response", v->seen);
  }
}

/* --- leak --- */

void oracle_leak(run *r) {
  if (r->alloc.live != 0) {
    oracle_fails(r, "leak", "%zu blocks with %zu bytes", r->alloc.live, r->alloc.live_bytes);
  }
}

/* --- verdict --- */

static bool same(const verdict *a, const verdict *b) {
  return a->status == b->status && a->stage == b->stage && a->http_status == b->http_status &&
         a->opened == b->opened && a->clean == b->clean && a->by_peer == b->by_peer &&
         a->code == b->code && a->sent_code == b->sent_code && a->messages == b->messages &&
         a->controls == b->controls && a->digest == b->digest;
}

void oracle_verdict(run *r, const verdict *whole, const verdict *cut, const char *how) {
  if (same(whole, cut)) return;
  oracle_fails(r, "verdict",
               "whole: %s stage %d http %d code %u sent %u clean %d by peer %d, %zu messages, %zu "
               "controls; %s: %s stage %d http %d code %u sent %u clean %d by peer %d, %zu, %zu",
               wsuv_err_name(whole->status), whole->stage, whole->http_status, whole->code,
               whole->sent_code, whole->clean, whole->by_peer, whole->messages, whole->controls,
               how, wsuv_err_name(cut->status), cut->stage, cut->http_status, cut->code,
               cut->sent_code, cut->clean, cut->by_peer, cut->messages, cut->controls);
}
