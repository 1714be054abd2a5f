#include "support/matrix/server_matrix.h"

/* How a play goes: a server has open sessions and kept upgrades, the callback comes, the server is
   brought into its state, the calls are made, what follows goes on for some turns, and the server
   ends. */

#include "testkit/check.h"

enum { AFTER_MS = 2 };

/* --- the act --- */

static bool call_is_allowed(const server_play *p, server_rule rule) {
  switch (rule) {
  case SERVER_UNLESS_CLOSED: return !p->state->closed;
  case SERVER_WHILE_LISTENING: return p->state->listening;
  case SERVER_WHILE_OWED:
  case SERVER_WHILE_EXCHANGE_OWED: return !p->state->closed && !p->state->peers_gone;
  default: return true;
  }
}

/* Those that answer have an upgrade each; the others look at the first. */
static wsuv_upgrade_t *upgrade_of(server_play *p, server_rule rule) {
  if (rule != SERVER_WHILE_OWED) return p->upgrades[0];
  CHECK(1 + p->answered < p->upgrade_count);
  return p->upgrades[1 + p->answered++];
}

void server_play_act(server_play *p) {
  if (p->acted) return;
  p->acted = true;
  if (p->state->begin != NULL) CHECK(p->state->begin(&p->s) == 0);
  for (size_t i = 0; i < p->calls.count; i++) {
    const server_call *c = &p->calls.calls[i];
    int err = c->run(p, upgrade_of(p, c->rule));
    if (err != (call_is_allowed(p, c->rule) ? 0 : WSUV_ESTATE)) {
      CHECK_FAIL("%s: %s, in %s, on a server that is %s", c->name, wsuv_err_name(err),
                 p->place->name, p->state->name);
    }
  }
}

/* --- the states --- */

static const server_state states[] = {
    {.name = "open", .listening = true},
    {.name = "open, and the peers of upgrades have gone", .listening = true, .peers_gone = true},
    {.name = "draining", .begin = server_user_drain},
    {.name = "closing", .begin = server_user_close, .closed = true},
    {.name = "terminated in this callback", .begin = server_user_terminate, .closed = true},
};

server_state_list server_states(void) {
  return (server_state_list){states, sizeof states / sizeof *states};
}

/* --- the acts in the callbacks --- */

static server_play *play_of(server_user *s) {
  return s->data;
}

static void act_of(session_user *u) {
  server_play *p = play_of(u->data);
  p->actor = u;
  server_play_act(p);
}

static void act_at_message(session_user *u, const wsuv_message_t *m) {
  (void) m;
  act_of(u);
}

static void act_at_frame(session_user *u, const wsuv_frame_t *f) {
  (void) f;
  act_of(u);
}

static void act_at_done(session_user *u, char name, int done) {
  (void) name;
  (void) done;
  act_of(u);
}

static void act_at_refused(server_user *s, const wsuv_refusal_t *r) {
  if (r->cause == WSUV_REFUSED_NO_ROUTE) server_play_act(play_of(s));
}

static void act_at_gone(wsuv_upgrade_t *u) {
  server_user *s = wsuv_server_data(wsuv_upgrade_server(u));
  server_play_act(play_of(s));
}

static void act_at_post(wsuv_server_t *server, void *arg) {
  (void) server;
  server_play_act(arg);
}

static void act_at_end(wsuv_server_t *server) {
  server_play_act(wsuv_server_data(server));
}

static void keep(server_user *s, wsuv_upgrade_t *u) {
  server_play *p = play_of(s);
  CHECK(p->upgrade_count < SERVER_PLAY_UPGRADES);
  p->upgrades[p->upgrade_count++] = u;
}

static void keep_exchange(server_user *s, wsuv_exchange_t *x) {
  server_play *p = play_of(s);
  CHECK(p->exchange_count < SERVER_PLAY_EXCHANGES);
  p->exchanges[p->exchange_count++] = x;
}

static void keep_exchange_and_act(server_user *s, wsuv_exchange_t *x) {
  keep_exchange(s, x);
  server_play_act(play_of(s));
}

static void act_at_exchange_gone(wsuv_exchange_t *x) {
  server_user *s = wsuv_server_data(wsuv_exchange_server(x));
  server_play_act(play_of(s));
}

static void keep_and_act(server_user *s, wsuv_upgrade_t *u) {
  keep(s, u);
  server_play_act(play_of(s));
}

/* --- the triggers --- */

static void outside(server_play *p) {
  server_play_act(p);
}

static raw_client *request(server_play *p, const char *target) {
  raw_client *c = server_user_client(&p->s);
  raw_client_request(c, &(upgrade_lines){.target = target});
  return c;
}

static raw_client *plain_request(server_play *p) {
  raw_client *c = server_user_client(&p->s);
  raw_client_send_text(c, "GET /x?key=b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  return c;
}

static void open_it(server_play *p) {
  p->s.each.at_open = act_of;
  (void) request(p, "/s/a?key=b");
}

static void message(server_play *p) {
  p->actor->at_message = act_at_message;
  raw_client_send_frames(p->client, "TEXT \"a\"");
}

static void frame(server_play *p) {
  p->actor->at_frame = act_at_frame;
  raw_client_send_frames(p->client, "TEXT \"a\"");
}

static void ping(server_play *p) {
  p->actor->at_ping = act_of;
  raw_client_send_frames(p->client, "PING 01");
}

static void pong(server_play *p) {
  p->actor->at_pong = act_of;
  raw_client_send_frames(p->client, "PONG 01");
}

/* Of more bytes than the high-water mark, which is 1. */
static void drain(server_play *p) {
  p->actor->at_drain = act_of;
  CHECK(user_text(p->actor, "high") == 0);
}

static void sent(server_play *p) {
  p->actor->at_done = act_at_done;
  CHECK(user_frame(p->actor, 'a', WSUV_FRAME_TEXT, true, "a", 1) == 0);
}

static void cancelled(server_play *p) {
  p->actor->at_done = act_at_done;
  CHECK(user_flush(p->actor, 'a') == 0);
  user_terminate(p->actor);
}

static void close_it(server_play *p) {
  p->actor->at_close = act_of;
  user_terminate(p->actor);
}

static void upgrade(server_play *p) {
  p->s.at_upgrade = keep_and_act;
  (void) request(p, "/u/a?key=b");
}

/* Of one more upgrade. */
static void gone(server_play *p) {
  size_t last = p->upgrade_count;
  raw_client *c = request(p, "/u/a?key=b");
  world_run_until_count(p->w, &p->upgrade_count, last + 1);
  wsuv_upgrade_on_gone(p->upgrades[last], act_at_gone);
  raw_client_reset(c);
}

static void request_plain(server_play *p) {
  p->s.at_request = keep_exchange_and_act;
  (void) plain_request(p); /* the world frees it */
}

/* Of one more exchange. */
static void exchange_gone(server_play *p) {
  size_t last = p->exchange_count;
  raw_client *c = plain_request(p);
  world_run_until_count(p->w, &p->exchange_count, last + 1);
  wsuv_exchange_on_gone(p->exchanges[last], act_at_exchange_gone);
  raw_client_reset(c);
}

static void refused(server_play *p) {
  p->s.at_refused = act_at_refused;
  (void) request(p, "/nowhere");
}

static void post(server_play *p) {
  CHECK(wsuv_server_post(p->s.server, act_at_post, p) == 0);
}

static void other_end(server_play *p) {
  wsuv_server_t *other;
  CHECK(world_server(p->w, &other, NULL) == 0);
  wsuv_server_set_data(other, p);
  CHECK(wsuv_server_close(other, NULL, act_at_end) == 0);
}

static const server_place places[] = {
    {.name = "outside of callbacks", .trigger = outside},
    {.name = "on_open", .trigger = open_it, .opens = true},
    {.name = "on_message", .trigger = message},
    {.name = "on_frame", .trigger = frame, .raw = true},
    {.name = "on_ping", .trigger = ping},
    {.name = "on_pong", .trigger = pong},
    {.name = "on_drain", .trigger = drain},
    {.name = "the completion of a send", .trigger = sent},
    {.name = "a cancelled completion", .trigger = cancelled},
    {.name = "on_close", .trigger = close_it},
    {.name = "on_upgrade", .trigger = upgrade},
    {.name = "on_gone", .trigger = gone},
    {.name = "on_request", .trigger = request_plain},
    {.name = "on_gone of an exchange", .trigger = exchange_gone},
    {.name = "on_refused", .trigger = refused},
    {.name = "a post", .trigger = post},
    {.name = "the end of another server", .trigger = other_end},
};

server_place_list server_places(void) {
  return (server_place_list){places, sizeof places / sizeof *places};
}

/* --- a play --- */

static void add_routes(server_play *p) {
  wsuv_route_t route;
  server_user_route(&p->s, "/s/{name}");
  wsuv_route_init(&route, "/raw");
  route.raw = true;
  CHECK(server_user_add_route(&p->s, &route) == 0);
  wsuv_route_init(&route, "/u/{name}");
  route.on_upgrade = server_user_on_upgrade;
  CHECK(server_user_add_route(&p->s, &route) == 0);
}

static void begin(server_play *p) {
  server_user *s = &p->s;
  server_user_begin(s, p->w);
  s->config.high_water = 1;
  s->config.low_water = 0;
  s->data = p;
  s->each.forgets = true;
  s->at_upgrade = keep;
  add_routes(p);
  server_user_serve(s, keep_exchange);
  server_user_listen(s);
}

static void begin_sessions(server_play *p) {
  (void) server_user_connect(&p->s, "/s/a?key=b");
  p->other = server_user_session(&p->s, 0);
  p->s.each.raw = p->place->raw;
  p->client = server_user_connect(&p->s, p->place->raw ? "/raw" : "/s/b");
  p->actor = server_user_session(&p->s, 1);
  p->s.each.raw = false;
}

/* One that looks, one for each answer. */
static void begin_upgrades(server_play *p) {
  const size_t count = SERVER_PLAY_UPGRADES - 1;
  for (size_t i = 0; i < count; i++) {
    p->peers[i] = request(p, "/u/a?key=b");
    world_run_until_count(p->w, &p->upgrade_count, i + 1);
  }
}

static void begin_exchanges(server_play *p) {
  for (size_t i = 0; i < SERVER_PLAY_EXCHANGES - 1; i++) {
    p->exchange_peers[i] = plain_request(p);
    world_run_until_count(p->w, &p->exchange_count, i + 1);
  }
}

static void let_peers_go(server_play *p) {
  if (!p->state->peers_gone) return;
  for (size_t i = 0; i < SERVER_PLAY_UPGRADES - 1; i++) raw_client_reset(p->peers[i]);
  for (size_t i = 0; i < SERVER_PLAY_EXCHANGES - 1; i++) raw_client_reset(p->exchange_peers[i]);
  server_user_run_to_refusals(&p->s, SERVER_PLAY_UPGRADES + SERVER_PLAY_EXCHANGES - 2);
}

/* Whatever has become of server and peer, an answer is owed; a call may have given it. */
static void answer_the_rest(server_play *p) {
  server_user_refuse(p->upgrades[0], 503);
  for (size_t i = 1 + p->answered; i < p->upgrade_count; i++) {
    server_user_refuse(p->upgrades[i], 503);
  }
  server_user_decline(p->exchanges[0]);
  for (size_t i = 1 + p->exchanges_answered; i < p->exchange_count; i++) {
    server_user_decline(p->exchanges[i]);
  }
}

void server_play_run(world *w, const server_place *place, const server_state *state,
                     server_call_list calls) {
  server_play p = {.w = w, .place = place, .state = state, .calls = calls};
  begin(&p);
  begin_sessions(&p);
  begin_upgrades(&p);
  begin_exchanges(&p);
  let_peers_go(&p);
  place->trigger(&p);
  world_run_until_true(w, &p.acted);
  world_advance(w, w->kind == WORLD_SIM ? AFTER_MS : 0);
  answer_the_rest(&p);
  raw_clients_end(w);
  if (p.s.server != NULL) CHECK(server_user_close(&p.s) == 0);
  server_user_run_to_end(&p.s);
  CHECK(p.posted == p.posts);
  server_user_finish(&p.s);
}
