/* Everything at once, by chance: a program and a peer that do whatever they may, and now and then
   what they may not, over a network that does the same. Whatever happens, messages come whole, in
   order and at no wrong time, either way; completions come once; and the session ends once, in
   time, and says how in a way that agrees with itself. */

#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum {
  SESSIONS = 8,       /* for each seed */
  STEPS = 60,         /* of each side */
  STEP_MS = 12,       /* apart, at most */
  SMALL = 300,        /* bytes of most messages */
  LARGE = 200 * 1024, /* of some */
  QUEUE_MAX = 256 * 1024,
  CLOSE_MS = 60,
  PATIENCE_MS = 6 * CLOSE_MS + 1000 + 500, /* from the program's last word to the end */
  COMPLETIONS = USER_SENDS - 4
};

typedef struct chaos {
  world *w;
  uint64_t seed;
  frame_peer peer;
  session_user user;
  uint32_t ours, ours_seen; /* messages: the next that we send, and the next that the peer awaits */
  uint32_t theirs, theirs_seen;
  bytes arriving; /* a message of ours in fragments, at the peer */
  bytes leaving;  /* ... and with us: what has not been sent of it */
  bool in_message, in_pieces, arrives, paused, stalled, peer_closed;
  size_t user_steps, peer_steps;
  uint64_t last_word_ms;
  world_timer *user_timer, *peer_timer;
} chaos;

static size_t below(chaos *c, size_t bound) {
  return seeded_below(&c->seed, bound);
}

static bool one_in(chaos *c, size_t n) {
  return below(c, n) == 0;
}

/* --- messages: a number in four bytes, then a byte that follows from it, as often as it pleases
 * --- */

static void make_message(chaos *c, bytes *to, uint32_t number) {
  static uint8_t body[LARGE];
  size_t len = below(c, one_in(c, 30) ? LARGE : SMALL);
  memset(body, (uint8_t) (number * 7), len);
  bytes_add(to, &number, 4);
  bytes_add(to, body, len);
}

static void check_message(uint32_t *awaited, const uint8_t *p, size_t len) {
  uint32_t number;
  CHECK(len >= 4);
  memcpy(&number, p, 4);
  CHECK(number == *awaited);
  for (size_t i = 4; i < len; i++) CHECK(p[i] == (uint8_t) (number * 7));
  ++*awaited;
}

/* --- the program --- */

static bool is_open(const chaos *c) {
  return wsuv_session_stage(c->user.session) == WSUV_STAGE_OPEN;
}

/* Sends that are right, but for the time. */
static bool sent(const chaos *c, int err) {
  CHECK(err == 0 || err == WSUV_ESTATE || (err == WSUV_EQUEUEFULL && is_open(c)));
  if (!is_open(c)) CHECK(err == WSUV_ESTATE);
  CHECK(wsuv_buffered_amount(c->user.session) <= QUEUE_MAX);
  return err == 0;
}

static int send_frame(chaos *c, bool fin, const uint8_t *p, size_t len) {
  wsuv_frame_t frame;
  if (c->user.send_count < COMPLETIONS && one_in(c, 3)) {
    return user_frame(&c->user, 'a', WSUV_FRAME_BINARY, fin, p, len);
  }
  wsuv_frame_init(&frame, WSUV_FRAME_BINARY, p, len);
  frame.fin = fin;
  return wsuv_send(c->user.session, &frame, NULL, NULL);
}

/* Or as a message that the library may send in fragments. */
static int send_message(chaos *c, const uint8_t *p, size_t len) {
  if (one_in(c, 2)) return send_frame(c, true, p, len);
  return user_binary(&c->user, p, len);
}

static void send_whole(chaos *c) {
  bytes message = {0};
  make_message(c, &message, c->ours);
  if (sent(c, send_message(c, message.base, message.len))) c->ours++;
  bytes_free(&message);
}

/* The next part of a message, in frames of the program's or in pieces. */
static int send_part(chaos *c, bool fin, const uint8_t *p, size_t len) {
  if (!c->in_pieces) return send_frame(c, fin, p, len);
  const char name = c->user.send_count < COMPLETIONS && one_in(c, 6) ? 'p' : '\0';
  return fin ? user_end_message(&c->user, name) : user_piece(&c->user, name, p, len);
}

static void begin_message(chaos *c) {
  make_message(c, &c->leaving, c->ours);
  c->in_pieces = one_in(c, 2);
  if (c->in_pieces) c->in_message = sent(c, user_begin_message(&c->user, WSUV_FRAME_BINARY));
}

/* The end of a message in pieces is a part of its own, without a byte. */
static void send_fragment(chaos *c) {
  bytes rest = {0};
  if (!c->in_message) begin_message(c);
  size_t n = one_in(c, 3) ? c->leaving.len : below(c, c->leaving.len + 1);
  bool fin = c->in_pieces ? c->leaving.len == 0 : n == c->leaving.len;
  bool went = sent(c, send_part(c, fin, c->leaving.base, n));
  bool drop = (went && fin) || (!went && !c->in_message);
  if (went) c->in_message = !fin;
  if (went && fin) c->ours++;
  if (went && !fin) bytes_add(&rest, c->leaving.base + n, c->leaving.len - n);
  if (!went && !drop) return;
  bytes_free(&c->leaving);
  c->leaving = rest;
}

static void send_something(chaos *c) {
  if (c->in_message || one_in(c, 4)) {
    send_fragment(c);
  } else {
    send_whole(c);
  }
}

static void change_a_setting(chaos *c) {
  wsuv_session_t *s = c->user.session;
  int err = 0;
  switch (below(c, 4)) {
  case 0: err = wsuv_session_set_ping(s, one_in(c, 3) ? 0 : 10 + below(c, 40), 0); break;
  case 1: err = wsuv_session_set_idle_timeout(s, one_in(c, 2) ? 0 : 50 + below(c, 300)); break;
  case 2: err = wsuv_session_set_max_frame_size(s, LARGE + 4); break;
  default: err = wsuv_session_set_max_message_size(s, LARGE + 4); break;
  }
  CHECK(err == 0 || err == WSUV_ESTATE);
}

static void pause_or_resume(chaos *c) {
  int err = c->paused ? user_resume(&c->user) : user_pause(&c->user);
  CHECK(err == 0 || err == WSUV_ESTATE);
  if (err == 0) c->paused = !c->paused;
}

static void say_the_last_word(chaos *c) {
  if (c->last_word_ms == 0) c->last_word_ms = world_now_ms(c->w);
  if (one_in(c, 3)) {
    user_terminate(&c->user);
  } else {
    CHECK(user_close(&c->user, 1000, "enough") == 0);
  }
}

static void do_something(chaos *c) {
  switch (below(c, 24)) {
  case 0:
  case 1: (void) sent(c, user_ping(&c->user, "ping")); break;
  case 2: (void) sent(c, user_pong(&c->user, "pong")); break;
  case 3: change_a_setting(c); break;
  case 4:
  case 5: pause_or_resume(c); break;
  case 6:
    if (c->user.send_count < COMPLETIONS) (void) user_flush(&c->user, 'f');
    break;
  case 7:
    if (one_in(c, 12)) say_the_last_word(c);
    break;
  default: send_something(c);
  }
}

static void maybe_do_something(session_user *u) {
  chaos *c = u->data;
  if (one_in(c, 4)) do_something(c);
}

static void at_message(session_user *u, const wsuv_message_t *m) {
  chaos *c = u->data;
  CHECK(!c->paused);
  check_message(&c->theirs_seen, m->data, m->len);
  maybe_do_something(u);
}

static void at_control(session_user *u) {
  const chaos *c = u->data;
  CHECK(!c->paused);
  maybe_do_something(u);
}

static void at_done(session_user *u, char name, int status) {
  (void) name;
  (void) status;
  maybe_do_something(u);
}

static void step_of_user(void *data) {
  chaos *c = data;
  c->user_timer = NULL;
  if (c->user.session == NULL) return;
  if (c->user_steps++ < STEPS) {
    do_something(c);
  } else {
    say_the_last_word(c);
  }
  c->user_timer = world_after(c->w, 1 + below(c, STEP_MS), step_of_user, c);
}

/* --- the peer --- */

static void write_frame(const chaos *c, uint8_t opcode, bool fin, const void *p, size_t len) {
  const frame_spec spec = {.opcode = opcode, .fin = fin};
  bytes out = {0};
  frames_build(&out, &spec, p, len);
  raw_conn_write(c->peer.conn, out.base, out.len);
  bytes_free(&out);
}

/* Perhaps in two, with a ping between them. */
static void peer_sends(chaos *c) {
  bytes message = {0};
  make_message(c, &message, c->theirs++);
  size_t cut = one_in(c, 3) ? below(c, message.len + 1) : 0;
  if (cut > 0) {
    write_frame(c, 2, false, message.base, cut);
    write_frame(c, 9, true, "ping", 4);
  }
  write_frame(c, cut > 0 ? 0 : 2, true, message.base + cut, message.len - cut);
  bytes_free(&message);
}

static void peer_ends(chaos *c) {
  static const char *const wrong[] = {"OP3", "CONT", "TEXT ff", "CLOSE 03", "PING- 00", "BIN^ 00"};
  switch (below(c, 5)) {
  case 0: frame_peer_send(&c->peer, "CLOSE #1001 \"bye\""); break;
  case 1: frame_peer_send(&c->peer, wrong[below(c, 6)]); break;
  case 2: raw_conn_end(c->peer.conn); break;
  case 3: raw_conn_close(c->peer.conn); break;
  default: raw_conn_reset(c->peer.conn); break;
  }
  c->peer_closed = true;
}

static void stall_or_go_on(chaos *c) {
  if (c->peer.ended) return;
  raw_conn_read(c->peer.conn, c->stalled);
  c->stalled = !c->stalled;
}

static void peer_does_something(chaos *c) {
  switch (below(c, 16)) {
  case 0: stall_or_go_on(c); break;
  case 1: write_frame(c, 9, true, "ping", 4); break;
  case 2: write_frame(c, 10, true, "pong", 4); break;
  case 3:
    if (one_in(c, 8)) peer_ends(c);
    break;
  default: peer_sends(c);
  }
}

static void step_of_peer(void *data) {
  chaos *c = data;
  c->peer_timer = NULL;
  if (c->peer.conn->closed || c->peer_closed) return;
  peer_does_something(c);
  if (c->peer_steps++ < 2 * STEPS) {
    c->peer_timer = world_after(c->w, 1 + below(c, STEP_MS), step_of_peer, c);
  }
}

/* Nothing comes behind a close frame, and fragments of nothing but one message. */
static void on_frame(frame_peer *p, const seen_frame *f) {
  chaos *c = p->data;
  CHECK(p->opcodes[8] == (f->spec.opcode == 8 ? 1 : 0));
  CHECK(f->spec.masked && f->spec.rsv == 0);
  if (f->spec.opcode >= 8) return;
  CHECK(f->spec.opcode == (c->arrives ? 0 : 2));
  bytes_add(&c->arriving, f->payload, (size_t) f->length);
  c->arrives = !f->spec.fin;
  if (!f->spec.fin) return;
  check_message(&c->ours_seen, c->arriving.base, c->arriving.len);
  bytes_free(&c->arriving);
}

/* --- the end --- */

static void check_end(const chaos *c) {
  const user_end *e = &c->user.end;
  CHECK(c->user.closes == 1 && c->user.owed == 0);
  CHECK(e->stage == WSUV_STAGE_OPEN || e->stage == WSUV_STAGE_CLOSING);
  CHECK(e->status <= 0 && e->status != WSUV_ERANDOM && e->status != UV_ENOMEM);
  if (e->status == 0) CHECK(e->code != WSUV_CLOSE_ABNORMAL && e->stage == WSUV_STAGE_CLOSING);
  if (e->status < 0) CHECK(e->code == WSUV_CLOSE_ABNORMAL && !e->clean && !e->by_peer);
  if (e->clean) CHECK(e->sent_code != 0);
  if (e->by_peer && e->sent_code != 0) CHECK(e->sent_code == e->code);
  if (c->last_word_ms > 0) CHECK(c->user.closed_ms <= c->last_word_ms + PATIENCE_MS);
  CHECK(c->theirs_seen <= c->theirs && c->ours_seen <= c->ours);
}

static void stop(chaos *c) {
  if (c->user_timer != NULL) world_cancel(c->w, c->user_timer);
  if (c->peer_timer != NULL) world_cancel(c->w, c->peer_timer);
}

static void begin(chaos *c) {
  wsuv_config_t *config = &c->user.config;
  scenario_begin(c->w, &c->peer, &c->user);
  config->outgoing_max = QUEUE_MAX;
  config->high_water = 1 + below(c, QUEUE_MAX);
  config->low_water = below(c, config->high_water);
  config->close_timeout_ms = CLOSE_MS;
  config->fragment_size = one_in(c, 3) ? 0 : 1 + below(c, 20000);
  config->ping_interval_ms = one_in(c, 3) ? 20 + below(c, 50) : 0;
  c->peer.forgets = true;
  c->peer.pongs = !one_in(c, 4);
  c->peer.keeps_open = one_in(c, 4);
  c->peer.silent = one_in(c, 8);
  c->peer.on_frame = on_frame;
  c->peer.data = c;
  scenario_open(&c->user);
  c->user.data = c;
  c->user.forgets = true;
  c->user.at_message = at_message;
  c->user.at_ping = c->user.at_pong = at_control;
  c->user.at_drain = maybe_do_something;
  c->user.at_done = at_done;
}

static void run_one(world *w, uint64_t seed) {
  chaos c = {.w = w, .seed = seed};
  begin(&c);
  step_of_user(&c);
  step_of_peer(&c);
  user_run_to_close(&c.user);
  check_end(&c);
  stop(&c);
  scenario_finish(&c.user);
  raw_conn_close(c.peer.conn);
  bytes_free(&c.arriving);
  bytes_free(&c.leaving);
}

WORLD_TLS_TEST(test_whatever_happens_all_is_told_and_in_order, w) {
  uint64_t count = w->kind == WORLD_SIM ? SESSIONS : 2; /* time is real there */
  for (uint64_t i = 0; i < count; i++) run_one(w, 1 + w->seed * SESSIONS + i);
}
