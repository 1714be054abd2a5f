#include "support/matrix/matrix.h"

#include <stdio.h>

/* The states of a session, and how each is reached. */

#include "session/client.h"
#include "support/world_tls.h"
#include "testkit/check.h"
#include "testkit/sim.h"

enum { LOOKUP_MS = 2 };

/* A name whose lookup never ends, an address that does not answer. */
void states_prepare(world *w) {
  static const sim_answer never = {.delay_ms = SIM_NEVER};
  if (w->kind != WORLD_SIM) return;
  sim_name(world_sim(w), "never.invalid", &never);
  sim_route(world_sim(w), "127.0.0.9", SIM_ROUTE_BLACKHOLE, 0);
}

/* --- beginnings --- */

static void connect_to_peer(play *p, subject *s) {
  user_connect(&s->user, &p->cast->peers[s->state->peer]);
}

static void connect_to(subject *s, const char *url) {
  CHECK(user_try_connect_url(&s->user, url) == 0);
}

static void look_up(play *p, subject *s) {
  (void) p;
  connect_to(s, "ws://never.invalid/");
}

/* One session connects to the host for ever, so those behind it have to wait. The limit is that of
   the whole client; the other sessions of a play are begun without it. */
static void wait_for_turn(play *p, subject *s) {
  unsigned *limit = &p->client->endpoint.config.max_connecting;
  const unsigned before = *limit;
  *limit = 1;
  if (p->extra_count == 0) {
    session_user *first = play_init_user(p, &p->extra[p->extra_count++]);
    CHECK(user_try_connect_url(first, p->cast->deaf_url) == 0);
  }
  connect_to(s, p->cast->deaf_url);
  *limit = before;
}

static void connect_for_ever(play *p, subject *s) {
  connect_to(s, world_tls(p->w) != NULL ? "wss://127.0.0.9/" : "ws://127.0.0.9/");
}

static void connect_to_deaf(play *p, subject *s) {
  connect_to(s, p->cast->deaf_url);
}

static void connect_through_deaf(play *p, subject *s) {
  char proxy[64];
  wsuv_request_t r;
  (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", (unsigned) p->cast->deaf->port);
  wsuv_request_init(&r, p->cast->deaf_url);
  r.proxy = proxy;
  CHECK(user_request(&s->user, &r) == 0);
}

static void connect_to_mute(play *p, subject *s) {
  connect_to(s, raw_peer_url(p->cast->mute, "/"));
}

/* --- sessions that wait for the program's answer --- */

static void leave_unanswered(wsuv_session_t *s, const wsuv_unauthorized_t *refusal) {
  CHECK(wsuv_session_stage(s) == WSUV_STAGE_HANDSHAKE && refusal->attempt > 0);
}

/* Its credentials are its own, so it is asked itself. */
static void be_refused(play *p, subject *s) {
  char cookies[32];
  (void) snprintf(cookies, sizeof cookies, "own=%zu", p->cast->logins++); /* it fits */
  play_connect_to_refuser(p, &s->user, cookies, leave_unanswered);
}

/* The first one of the play is asked for all. */
static void share_refusal(play *p, subject *s) {
  char cookies[32];
  (void) snprintf(cookies, sizeof cookies, "play=%zu", p->cast->plays); /* it fits */
  play_connect_to_refuser(p, &s->user, cookies, leave_unanswered);
}

/* --- what follows --- */

static void pause_it(subject *s) {
  CHECK(user_pause(&s->user) == 0);
}

static void close_it(subject *s) {
  CHECK(user_close(&s->user, 1000, NULL) == 0);
}

static void end_it(play *p, subject *s) {
  (void) p;
  user_terminate(&s->user);
}

/* --- the tables --- */

static const call_state others[] = {
    {.name = "new in this callback", .stage = WSUV_STAGE_RESOLVE, .in_act = connect_to_peer},
    {.name = "waiting for its turn to connect",
     .stage = WSUV_STAGE_RESOLVE,
     .begin = wait_for_turn},
    {.name = "looking up the name",
     .worlds = IN_SIM_ONLY,
     .stage = WSUV_STAGE_RESOLVE,
     .begin = look_up},
    {.name = "connecting",
     .worlds = IN_SIM_ONLY,
     .stage = WSUV_STAGE_CONNECT,
     .begin = connect_for_ever},
    {.name = "waiting for the proxy's answer",
     .stage = WSUV_STAGE_PROXY,
     .begin = connect_through_deaf},
    {.name = "in the handshake of TLS",
     .worlds = IN_TLS_ONLY,
     .stage = WSUV_STAGE_TLS,
     .begin = connect_to_deaf},
    {.name = "in the opening handshake", .stage = WSUV_STAGE_HANDSHAKE, .begin = connect_to_mute},
    {.name = "waiting for credentials",
     .stage = WSUV_STAGE_HANDSHAKE,
     .begin = be_refused,
     .refused = true},
    {.name = "waiting for the answer that another one is asked for",
     .stage = WSUV_STAGE_HANDSHAKE,
     .begin = share_refusal,
     .refused = true,
     .shares = true},
    {.name = "terminated in this callback, while it waited for credentials",
     .stage = WSUV_STAGE_HANDSHAKE,
     .begin = share_refusal,
     .in_act = end_it,
     .refused = true,
     .ended = true},
    {.name = "open", .stage = WSUV_STAGE_OPEN, .begin = connect_to_peer, .sending = MAY_SEND},
    {.name = "paused",
     .stage = WSUV_STAGE_OPEN,
     .begin = connect_to_peer,
     .then = pause_it,
     .sending = MAY_SEND,
     .paused = true},
    {.name = "closing; the peer does not answer the close frame",
     .stage = WSUV_STAGE_CLOSING,
     .begin = connect_to_peer,
     .then = close_it,
     .sending = MAY_FLUSH,
     .sends_close = true},
    {.name = "closed; the peer does not end TCP",
     .stage = WSUV_STAGE_CLOSING,
     .peer = PEER_CLOSES,
     .begin = connect_to_peer,
     .sends_close = true},
    {.name = "failed; the peer does not end TCP",
     .stage = WSUV_STAGE_CLOSING,
     .peer = PEER_FAILS,
     .begin = connect_to_peer,
     .sends_close = true},
    {.name = "terminated in this callback",
     .stage = WSUV_STAGE_OPEN,
     .begin = connect_to_peer,
     .in_act = end_it,
     .ended = true},
};

static const call_state own[] = {
    {.name = "open", .stage = WSUV_STAGE_OPEN, .sending = MAY_SEND},
    {.name = "paused",
     .stage = WSUV_STAGE_OPEN,
     .then = pause_it,
     .sending = MAY_SEND,
     .paused = true},
    {.name = "closing; the peer does not answer the close frame",
     .stage = WSUV_STAGE_CLOSING,
     .then = close_it,
     .sending = MAY_FLUSH},
    {.name = "asking for credentials",
     .stage = WSUV_STAGE_HANDSHAKE,
     .refused = true,
     .own = OWN_REFUSED},
    {.name = "redirected", .stage = WSUV_STAGE_HANDSHAKE, .own = OWN_REDIRECTED},
};

state_list other_states(void) {
  return (state_list){others, sizeof others / sizeof *others};
}

state_list own_states(void) {
  return (state_list){own, sizeof own / sizeof *own};
}

/* Over libuv a lookup or a connection cannot be made to take for ever. */
bool state_can_be(const world *w, const call_state *state) {
  switch (state->worlds) {
  case IN_SIM_ONLY: return w->kind == WORLD_SIM;
  case IN_TLS_ONLY: return world_tls(w) != NULL;
  default: return true;
  }
}

/* --- reaching them --- */

/* A session that a peer has closed may have gone past the stage where it was open. */
static bool has_come(void *arg) {
  const subject *s = arg;
  const call_state *state = s->state;
  if (state->begin == NULL || state->peer != PEER_SILENT) return true;
  wsuv_stage_t stage = state->then != NULL ? WSUV_STAGE_OPEN : state->stage;
  return wsuv_session_stage(s->user.session) == stage;
}

static bool have_come(void *arg) {
  play *p = arg;
  for (size_t i = 0; i < p->target_count; i++) {
    if (!has_come(&p->targets[i])) return false;
  }
  return true;
}

static bool close_frames_came(void *arg) {
  const cast *c = ((const play *) arg)->cast;
  for (size_t i = 0; i < PEERS; i++) {
    if (c->peers[i].opcodes[WSUV_FRAME_CLOSE] < c->closes_due[i]) return false;
  }
  return true;
}

/* The connection of a session is closed when it waits. */
static bool refusals_came(void *arg) {
  const cast *c = ((const play *) arg)->cast;
  return c->refuser->ended >= c->refusals_due;
}

static void count_refusals(play *p) {
  p->cast->refusals_due = p->cast->refuser->ended;
  for (size_t i = 0; i < p->target_count; i++) {
    if (p->targets[i].state->refused) p->cast->refusals_due++;
  }
}

static void count_close_frames(play *p) {
  cast *c = p->cast;
  for (size_t i = 0; i < PEERS; i++) c->closes_due[i] = c->peers[i].opcodes[WSUV_FRAME_CLOSE];
  for (size_t i = 0; i < p->target_count; i++) {
    const call_state *state = p->targets[i].state;
    if (state->sends_close) c->closes_due[state->peer]++;
  }
}

/* A lookup that has just been asked for has not begun. */
static bool is_looking_up(const subject *s) {
  return s->state->begin != NULL && s->state->stage == WSUV_STAGE_RESOLVE;
}

/* One state after the other: the sessions of the next can resume the TLS of those before. */
void states_reach(play *p) {
  subject *end = p->targets + p->target_count;
  bool lookups = false;
  count_close_frames(p);
  count_refusals(p);
  for (size_t i = 0; i < p->target_count; i++) {
    subject *s = &p->targets[i];
    if (s->state->begin != NULL) s->state->begin(p, s);
    lookups = lookups || is_looking_up(s);
    if (s + 1 < end && s[1].state != s->state) world_run_until(p->w, has_come, s);
  }
  if (lookups) world_advance(p->w, LOOKUP_MS);
  world_run_until(p->w, have_come, p);
  for (size_t i = 0; i < p->target_count; i++) {
    if (p->targets[i].state->then != NULL) p->targets[i].state->then(&p->targets[i]);
  }
  world_run_until(p->w, close_frames_came, p);
  world_run_until(p->w, refusals_came, p);
}
