#include "support/raw_peer.h"

/* Plays the script of a connection: takes what has come, says what it was told to. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "testkit/check.h"

typedef struct peer_script {
  size_t count;
  peer_step steps[];
} peer_script;

/* What became of a step. */
typedef enum progress { WAITING, DONE, OVER } progress;

struct peer_script *peer_script_new(const peer_step *steps) {
  size_t n = 0;
  while (steps[n].kind != STEP_NONE) n++;
  peer_script *script = check_alloc(sizeof *script + n * sizeof *steps);
  script->count = n;
  memcpy(script->steps, steps, n * sizeof *steps);
  return script;
}

/* --- a client that does something else --- */

__attribute__((format(printf, 2, 3))) static progress disappointed(raw_conn *c, const char *format,
                                                                   ...);

static progress disappointed(raw_conn *c, const char *format, ...) {
  char why[512];
  va_list args;
  va_start(args, format);
  (void) vsnprintf(why, sizeof why, format, args);
  va_end(args);
  if (!c->peer->lenient) CHECK_FAIL("connection %zu, step %zu: %s", c->number, c->step, why);
  return OVER;
}

/* More is waited for; after the client's end it will not come. */
static progress wait_for_more(raw_conn *c) {
  if (!c->ended) return WAITING;
  return disappointed(c, "the client ended (%d), %zu bytes unread", c->end_status, c->in.len);
}

/* --- expecting --- */

static progress expect_bytes(raw_conn *c, const peer_step *s) {
  size_t n = c->in.len < s->len ? c->in.len : s->len;
  if (n > 0 && memcmp(fifo_data(&c->in), s->data, n) != 0) {
    return disappointed(c, "other bytes than expected");
  }
  if (n < s->len) return wait_for_more(c);
  fifo_consume(&c->in, n);
  return DONE;
}

static bool payload_matches(const peer_step *s, const seen_frame *f) {
  if (s->any && s->code[0] == 0) return true;
  if (s->any) return f->length >= 2 && memcmp(f->payload, s->code, 2) == 0;
  return f->length == s->len && (s->len == 0 || memcmp(f->payload, s->data, s->len) == 0);
}

static progress wrong_frame(raw_conn *c, const peer_step *s, const seen_frame *f) {
  bytes text = {0};
  frames_render(&text, f->spec.opcode, f->spec.fin, f->spec.rsv, f->payload, (size_t) f->length);
  progress p = disappointed(c, "opcode %u expected, got %s%s", (unsigned) s->opcode,
                            bytes_text(&text), f->spec.masked ? "" : " (not masked)");
  bytes_free(&text);
  return p;
}

static progress expect_frame(raw_conn *c, const peer_step *s) {
  seen_frame f;
  if (!raw_conn_take_frame(c, &f)) return wait_for_more(c);
  bool right = f.spec.opcode == s->opcode && f.spec.fin && f.spec.rsv == 0 && f.spec.masked;
  return right && payload_matches(s, &f) ? DONE : wrong_frame(c, s, &f);
}

static progress expect_end(raw_conn *c, bool clean) {
  if (c->in.len > 0) return disappointed(c, "%zu bytes before the end", c->in.len);
  if (!c->ended) return WAITING;
  if (clean && c->end_status < 0) return disappointed(c, "ended by %d", c->end_status);
  return DONE;
}

static progress expect_gone(raw_conn *c) {
  fifo_consume(&c->in, c->in.len);
  return c->ended ? DONE : WAITING;
}

/* --- sending --- */

static void on_timer(void *data) {
  raw_conn *c = data;
  c->timer = NULL;
  peer_script_go_on(c);
}

static progress pause(raw_conn *c, uint64_t ms) {
  c->waiting = true;
  c->timer = world_after(c->peer->w, ms, on_timer, c);
  return WAITING;
}

static progress send_pieces(raw_conn *c, const peer_step *s) {
  size_t left = s->len - c->sent;
  size_t n = s->piece == 0 || s->piece > left ? left : s->piece;
  raw_conn_write(c, (const uint8_t *) s->data + c->sent, n);
  c->sent += n;
  return c->sent < s->len ? pause(c, s->ms) : DONE;
}

static progress send_frame(raw_conn *c, const peer_step *s) {
  if (s->any) {
    raw_conn_write_frame(c, s->opcode, s->code, s->code[0] == 0 ? 0 : sizeof s->code);
  } else {
    raw_conn_write_frame(c, s->opcode, s->data, s->len);
  }
  return DONE;
}

static progress delay(raw_conn *c, const peer_step *s) {
  bool over = c->waiting;
  return over ? DONE : pause(c, s->ms);
}

/* RFC 6455 5.5: data comes back as it is, a ping as a pong, a close as a close. */
static void echo_frame(raw_conn *c, const seen_frame *f) {
  static const uint8_t pong = 10;
  const frame_spec spec = {.opcode = f->spec.opcode == 9 ? pong : f->spec.opcode,
                           .fin = f->spec.fin};
  bytes out = {0};
  if (f->spec.opcode == pong) return;
  frames_build(&out, &spec, f->payload, (size_t) f->length);
  raw_conn_write(c, out.base, out.len);
  bytes_free(&out);
  if (f->spec.opcode == 8) raw_conn_end(c);
}

static progress echo(raw_conn *c) {
  seen_frame f;
  while (raw_conn_take_frame(c, &f)) echo_frame(c, &f);
  return c->ended ? DONE : WAITING;
}

/* --- playing --- */

static progress play_expecting(raw_conn *c, const peer_step *s) {
  switch (s->kind) {
  case STEP_EXPECT_REQUEST: return raw_conn_take_request(c) ? DONE : wait_for_more(c);
  case STEP_EXPECT_BYTES: return expect_bytes(c, s);
  case STEP_EXPECT_FRAME: return expect_frame(c, s);
  case STEP_EXPECT_END: return expect_end(c, true);
  case STEP_EXPECT_GONE: return expect_gone(c);
  case STEP_ECHO: return echo(c);
  default: CHECK_FAIL("no such step");
  }
}

static progress play(raw_conn *c, const peer_step *s) {
  switch (s->kind) {
  case STEP_UPGRADE: raw_conn_upgrade(c, s->data); return DONE;
  case STEP_SEND: return send_pieces(c, s);
  case STEP_SEND_FRAME: return send_frame(c, s);
  case STEP_DELAY: return delay(c, s);
  case STEP_END: raw_conn_end(c); return DONE;
  case STEP_RESET: raw_conn_reset(c); return OVER;
  case STEP_CLOSE: raw_conn_close(c); return OVER;
  case STEP_STALL: raw_conn_read(c, false); return DONE;
  case STEP_RESUME: raw_conn_read(c, true); return DONE;
  case STEP_CALL: s->call(c); return DONE;
  default: return play_expecting(c, s);
  }
}

static void finish(raw_conn *c) {
  if (!c->stopped) c->peer->finished++;
  c->stopped = true;
  if (c->ended) raw_conn_close(c);
}

static progress play_next(raw_conn *c) {
  if (c->step == c->script->count) return OVER;
  progress p = play(c, &c->script->steps[c->step]);
  if (p != DONE) return p;
  c->step++;
  c->sent = 0;
  c->waiting = false;
  return DONE;
}

/* What a step does may bring something in; it is looked at when the step is done. */
void peer_script_go_on(raw_conn *c) {
  progress p = DONE;
  if (c->playing || c->timer != NULL) return;
  if (c->stopped) fifo_consume(&c->in, c->in.len);
  c->playing = true;
  while (p == DONE) p = play_next(c);
  c->playing = false;
  if (p == OVER) finish(c);
}
