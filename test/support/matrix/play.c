#include "support/matrix/matrix.h"

/* How a play goes: the sessions are brought into their states, the callback comes, the calls are
   made in it, what follows from them goes on for some turns, and all sessions end. */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "support/hop_peers.h"
#include "support/stride.h"
#include "support/world_tls.h"
#include "testkit/check.h"

enum { AFTER_MS = 2 };

/* --- the act --- */

static bool call_is_allowed(const play *p, const subject *s, call_rule rule) {
  if (rule == ALWAYS_0 || rule == LOOKS) return true;
  if (p->own && p->place->after_end) return false;
  if (rule == ANSWERS) return s->state->refused && !s->state->ended && !p->answered;
  return s->state->sending >= (rule == OPEN_ONLY ? MAY_SEND : MAY_FLUSH);
}

static void make_call(play *p, const call *c, subject *s) {
  const int right = call_is_allowed(p, s, c->rule) ? 0 : WSUV_ESTATE;
  int err = c->run(p, s);
  if (err != right) {
    CHECK_FAIL("%s: %s, in %s, on a session that is %s", c->name, wsuv_err_name(err),
               p->place->name, s->state->name);
  }
}

/* The first that looks has the last target, which the others share. */
static subject *subject_of(play *p, size_t i) {
  if (p->own) return &p->actor;
  return &p->targets[i < p->target_count ? i : p->target_count - 1];
}

void play_act(play *p) {
  if (p->acted) return;
  p->acted = true;
  for (size_t i = 0; i < p->target_count; i++) {
    subject *s = &p->targets[i];
    if (s->state->in_act != NULL) s->state->in_act(p, s);
  }
  for (size_t i = 0; i < p->calls.count; i++) {
    make_call(p, &p->calls.calls[i], subject_of(p, i));
  }
}

/* --- the beginning --- */

static int serialize_text(void *arg, const void *value, const void *type, wsuv_frame_t *made) {
  (void) arg;
  (void) type;
  made->data = value;
  made->len = strlen(value);
  return 0;
}

static int deserialize_length(void *arg, const wsuv_frame_t *came, const void *type, void *value) {
  (void) arg;
  (void) type;
  *(size_t *) value = came->len;
  return 0;
}

static wsuv_client_t *new_client(world *w) {
  wsuv_config_t config;
  wsuv_converter_t converter;
  wsuv_client_t *client;
  wsuv_converter_init(&converter);
  converter.serialize = serialize_text;
  converter.deserialize = deserialize_length;
  wsuv_client_config_init(&config);
  config.high_water = 1;
  config.low_water = 0;
  config.converter = &converter;
  config.max_redirects = 1;
  config.max_connecting = UINT_MAX; /* sessions that connect for ever hold up no other */
  CHECK(world_client(w, &client, &config) == 0);
  return client;
}

session_user *play_init_user(const play *p, session_user *u) {
  *u = (session_user){.w = p->w, .client = p->client, .forgets = true};
  return u;
}

static void begin_clients(play *p) {
  cast *c = p->cast;
  if (c->client == NULL) c->client = new_client(p->w);
  p->client = c->client;
  wsuv_client_set_data(p->client, p);
  if (!p->place->other_client) return;
  CHECK(world_client(p->w, &p->other, NULL) == 0);
  wsuv_client_set_data(p->other, p);
}

static void begin_actor(play *p) {
  session_user *u = play_init_user(p, &p->actor.user);
  u->data = p;
  u->raw = p->place->raw;
  u->streamed = p->place->streamed;
  if (p->place->connects) return;
  user_connect(u, &p->cast->own);
  world_run_until_count(p->w, &u->opens, 1);
  if (p->actor.state->then != NULL) p->actor.state->then(&p->actor);
}

/* --- the end --- */

static void check_ended(session_user *u) {
  CHECK(u->closes == 1);
  CHECK(u->owed == 0);
  user_free(u);
}

static session_user *user_of(play *p, size_t i) {
  if (i == 0) return &p->actor.user;
  i--;
  return i < p->target_count ? &p->targets[i].user : &p->extra[i - p->target_count];
}

static size_t user_count(const play *p) {
  return 1 + p->target_count + p->extra_count;
}

static bool have_ended(void *arg) {
  play *p = arg;
  for (size_t i = 0; i < user_count(p); i++) {
    if (user_of(p, i)->closes == 0) return false;
  }
  return p->posted == p->posts;
}

static void end_sessions(play *p) {
  for (size_t i = 0; i < user_count(p); i++) {
    if (user_of(p, i)->session != NULL) user_terminate(user_of(p, i));
  }
  world_run_until(p->w, have_ended, p);
}

void play_client_gone(wsuv_client_t *client) {
  play *p = wsuv_client_data(client);
  CHECK(have_ended(p));
  p->gone++;
}

static void end_client(play *p) {
  if (p->gone == 0) CHECK(wsuv_client_terminate(p->client, play_client_gone) == 0);
  world_run_until_count(p->w, &p->gone, 1);
  p->cast->client = NULL;
}

static void leave(const frame_peer *peer, size_t from) {
  for (size_t n = from; n < peer->raw->accepted; n++) raw_conn_close(raw_peer_conn(peer->raw, n));
}

/* --- a play --- */

static void play_targets(play *p, const call_state *state, size_t count) {
  CHECK(p->target_count + count <= TARGETS_MAX);
  for (size_t i = 0; i < count; i++) p->targets[p->target_count++].state = state;
}

static void run(play *p, bool client_stays) {
  cast *c = p->cast;
  size_t closing = c->peers[PEER_CLOSES].raw->accepted,
         failing = c->peers[PEER_FAILS].raw->accepted;
  if (!stride_takes(c->plays++)) return;
  begin_clients(p);
  for (size_t i = 0; i < p->target_count; i++) play_init_user(p, &p->targets[i].user);
  begin_actor(p); /* first: the targets resume its TLS */
  states_reach(p);
  p->place->trigger(p, &p->actor.user);
  world_run_until_true(p->w, &p->acted);
  world_advance(p->w, p->w->kind == WORLD_SIM ? AFTER_MS : 0);
  if (client_stays && !p->client_ends) {
    end_sessions(p);
  } else {
    end_client(p);
  }
  for (size_t i = 0; i < user_count(p); i++) check_ended(user_of(p, i));
  leave(&c->peers[PEER_CLOSES], closing);
  leave(&c->peers[PEER_FAILS], failing);
}

static play play_of(cast *c, const call_place *place, call_list calls) {
  return (play){.w = c->w,
                .cast = c,
                .place = place,
                .calls = calls,
                .targets = c->targets,
                .actor.state = own_states().states};
}

/* The sessions of one client resume each other's TLS: a full handshake takes most of the time of a
   play. */
static bool is_secure(const cast *c) {
  return world_tls(c->w) != NULL;
}

/* How many of the calls do not look; the others stand behind them. */
static size_t count_changing(call_list calls) {
  size_t n = 0;
  while (n < calls.count && calls.calls[n].rule != LOOKS) n++;
  for (size_t i = n; i < calls.count; i++) CHECK(calls.calls[i].rule == LOOKS);
  return n;
}

void play_on_others(cast *c, const call_place *place, const call_state *state, call_list calls) {
  play p = play_of(c, place, calls);
  play_targets(&p, state, count_changing(calls) + 1);
  run(&p, is_secure(c));
}

static void play_on_actor(cast *c, const call_place *place, const call_state *state,
                          call_list calls, bool client_stays) {
  play p = play_of(c, place, calls);
  p.own = true;
  p.actor.state = state;
  run(&p, client_stays);
}

/* The last of the plays ends the client. */
void play_on_own(cast *c, const call_place *place, const call_state *state, call_list calls) {
  size_t changing = count_changing(calls);
  for (size_t i = 0; i < changing; i++) {
    play_on_actor(c, place, state, (call_list){&calls.calls[i], 1}, true);
  }
  const call_list looks = {&calls.calls[changing], calls.count - changing};
  play_on_actor(c, place, state, looks, is_secure(c));
}

void play_on_client(cast *c, const call_place *place, const call_state *state, call_list calls) {
  play p = play_of(c, place, calls);
  state_list all = other_states();
  for (size_t i = 0; i < all.count; i++) {
    bool wanted = state == NULL || state == &all.states[i];
    if (wanted && state_can_be(c->w, &all.states[i])) play_targets(&p, &all.states[i], 1);
  }
  run(&p, is_secure(c));
}

/* --- the cast --- */

static void start_peer(frame_peer *p, world *w) {
  frame_peer_start(p, w);
  p->silent = p->forgets = true;
}

static void refuse(raw_conn *c) {
  if (!raw_conn_take_request(c)) return;
  raw_conn_write_text(c, "HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer\r\n"
                         "Content-Length: 0\r\n\r\n");
}

static void redirect(raw_conn *c) {
  char text[256];
  const cast *all = c->peer->data;
  if (!raw_conn_take_request(c)) return;
  (void) snprintf(text, sizeof text, /* it fits */
                  "HTTP/1.1 302 There\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                  raw_peer_url(all->mute, "/"));
  raw_conn_write_text(c, text);
}

void play_connect_to_refuser(play *p, session_user *u, const char *cookies,
                             void (*on_unauthorized)(wsuv_session_t *session,
                                                     const wsuv_unauthorized_t *refusal)) {
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url(p->cast->refuser, "/"));
  r.cookies = cookies;
  CHECK(hop_connect(u, &r, NULL, on_unauthorized) == 0);
}

void cast_begin(cast *c, world *w) {
  c->w = w;
  c->client = NULL;
  states_prepare(w);
  start_peer(&c->own, w);
  for (size_t i = 0; i < PEERS; i++) start_peer(&c->peers[i], w);
  c->peers[PEER_CLOSES].greeting = "CLOSE #1000";
  c->peers[PEER_FAILS].greeting = "OP3";
  c->peers[PEER_CLOSES].stays = c->peers[PEER_FAILS].stays = true;
  c->mute = raw_peer_new(w);
  c->refuser = raw_peer_new(w);
  c->mover = raw_peer_new(w);
  c->mover->data = c;
  raw_peer_set_callbacks(c->refuser, &(raw_peer_callbacks){.on_bytes = refuse});
  raw_peer_set_callbacks(c->mover, &(raw_peer_callbacks){.on_bytes = redirect});
  c->deaf = raw_peer_new(w);
  (void) snprintf(c->deaf_url, sizeof c->deaf_url, "%s", raw_peer_url(c->deaf, "/"));
  c->deaf->tls = NULL;
}

void cast_end(cast *c) {
  if (c->client != NULL) world_client_close(c->w, c->client);
  frame_peer_free(&c->own);
  for (size_t i = 0; i < PEERS; i++) frame_peer_free(&c->peers[i]);
}
