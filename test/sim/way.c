#include "sim/way.h"

#include <stdio.h>
#include <string.h>

#include "sim/oracles.h"
#include "sim/run.h"
#include "testkit/check.h"
#include "testkit/sim.h"

/* What a conversation's way is to be, what its request says, and what the program answers when it
   is asked for credentials. */

enum { FAULT_PERCENT = 25, FAULT_NEAR = 12, FAULT_FAR = 500 };

static bool one_in(run *r, size_t n) {
  return run_below(r, n) == 0;
}

/* --- drawing --- */

static void draw_stations(run *r, way *w) {
  w->station_count = one_in(r, 3) ? 0 : 1 + run_below(r, WAY_STATIONS);
  for (size_t i = 0; i < w->station_count; i++) {
    station *s = &w->stations[i];
    const bool last = i + 1 == w->station_count;
    s->origin = run_below(r, WAY_ORIGINS);
    if (i > 0) s->epoch = s[-1].epoch + (s->origin != s[-1].origin ? 1 : 0);
    if (one_in(r, 4)) s->need = one_in(r, 2) ? NEED_LOGIN : NEED_TOKEN;
    s->passes = last && !r->plan.secure && one_in(r, 2);
    s->misled = !s->passes && one_in(r, 25);
  }
}

/* As all others of the run, so that several wait for one answer. */
static void share(way *w) {
  const size_t before = w->stations[0].origin;
  if (w->station_count == 0) w->station_count = 1;
  w->stations[0].origin = 0;
  w->stations[0].need = NEED_TOKEN;
  for (size_t i = 1; before != 0 && i < w->station_count; i++) {
    const bool crosses = w->stations[i].origin != w->stations[i - 1].origin;
    w->stations[i].epoch = w->stations[i - 1].epoch + (crosses ? 1 : 0);
  }
  w->login = w->cookies = false;
  w->asks = true;
}

static void draw_fault(run *r, way *w) {
  const size_t places = w->proxy_count + w->station_count;
  w->fault_place = SIZE_MAX;
  if (places == 0 || !run_chance(r, FAULT_PERCENT)) return;
  w->fault = (way_fault) (1 + run_below(r, WAY_FAULTS - 1));
  w->fault_place = run_below(r, places);
  w->fault_at = run_below(r, one_in(r, 2) ? FAULT_NEAR : FAULT_FAR);
}

/* Redirects to the server need one, whose port is known. */
void way_draw(talk *t) {
  run *r = t->of;
  way *w = &t->way;
  w->fault_place = SIZE_MAX;
  w->begun_ns = sim_now_ns(world_sim(r->w));
  w->suspended_ms = r->suspended_ms;
  if (!run_chance(r, r->plan.way_percent)) return;
  w->proxy_count = run_below(r, WAY_PROXIES + 1);
  draw_stations(r, w);
  w->login = one_in(r, 2);
  w->cookies = one_in(r, 2);
  w->asks = !one_in(r, 4);
  w->piece = one_in(r, 2) ? 0 : 1 + run_below(r, 20);
  w->glues = one_in(r, 2);
  if (r->plan.shares) share(w);
  draw_fault(r, w);
  for (size_t i = 0; i < w->proxy_count; i++) way_proxy_begin(&w->proxies[i], t, i);
  if (w->station_count == 0) return;
  for (size_t i = 0; i < WAY_ORIGINS; i++) way_origin_begin(&r->origins[i], r, i);
}

/* --- the request --- */

static void first_owner(const talk *t, char owner[4]) {
  const way *w = &t->way;
  const char origin = w->station_count == 0 ? 'S' : (char) ('A' + w->stations[0].origin);
  (void) snprintf(owner, 4, "C%c.", origin); /* it fits */
}

/* `texts` are what the request points to. */
void way_request(const talk *t, wsuv_request_t *request, way_texts *texts) {
  const way *w = &t->way;
  char owner[4], cookie[32];
  size_t used = 0;
  first_owner(t, owner);
  way_secret(texts->user, sizeof texts->user, owner, "u");
  way_secret(texts->password, sizeof texts->password, owner, "w");
  way_secret(cookie, sizeof cookie, owner, "c");
  (void) snprintf(texts->cookies, sizeof texts->cookies, "c=%s", cookie); /* it fits */
  if (w->login) {
    request->user = texts->user;
    request->password = texts->password;
  }
  if (w->cookies) request->cookies = texts->cookies;
  for (size_t i = 0; i < w->proxy_count; i++) {
    char url[WAY_URL];
    way_proxy_url(&w->proxies[i], url);
    used += (size_t) snprintf(texts->proxy + used, sizeof texts->proxy - used, "%s%s",
                              i > 0 ? " " : "", url);
  }
  if (w->proxy_count > 0) request->proxy = texts->proxy;
}

/* --- what may be where --- */

void way_allowed(const talk *t, size_t number, char allowed[16]) {
  const station *s = &t->way.stations[number];
  const char origin = (char) ('A' + s->origin);
  char *at = allowed + snprintf(allowed, 16, "K%c.", origin); /* all of them fit */
  if (s->epoch == 0) at += snprintf(at, 4, "C%c.", origin);
  if ((t->way.refused_in >> s->epoch & 1) != 0) (void) snprintf(at, 4, "T%c.", origin);
}

void way_allowed_at_server(const talk *t, char allowed[16]) {
  const way *w = &t->way;
  *allowed = '\0';
  if (w->station_count == 0) {
    first_owner(t, allowed);
  } else if (w->stations[w->station_count - 1].passes) {
    way_allowed(t, w->station_count - 1, allowed);
  }
}

bool way_may_fail(const talk *t) {
  const unsigned facts = t->way.facts;
  return (facts & ~(unsigned) FACT_ASKED) != 0 || (facts != 0 && (t->of->denied || t->of->never));
}

/* --- the program --- */

static bool is_answered(talk *t, const char *call, int err) {
  run *r = t->of;
  r->in_call = NULL;
  if (err == UV_ENOMEM) t->injured = true;
  oracle_result(&t->end[0], call, err);
  return err == 0;
}

static void deny(talk *t) {
  run *r = t->of;
  r->denied = true;
  r->in_call = "wsuv_session_authorize_failed";
  const int err = wsuv_session_authorize_failed(t->end[0].session, one_in(r, 2) ? 0 : UV_EACCES);
  t->way.owes = !is_answered(t, "wsuv_session_authorize_failed", err);
}

static void give_token(talk *t) {
  run *r = t->of;
  char owner[4] = "T?.", text[32], value[64];
  const way_origin *o = &r->origins[t->way.identity[0] - '0'];
  const unsigned number = one_in(r, 6) ? o->token - 1 : o->token;
  owner[1] = (char) ('A' + o->number);
  way_secret(text, sizeof text, owner, "");
  (void) snprintf(value, sizeof value, "Bearer %s%u", text, number); /* it fits */
  const wsuv_header_t field = {"Authorization", value};
  r->in_call = "wsuv_session_authorize";
  const int err = wsuv_session_authorize(t->end[0].session, &field, 1);
  t->way.owes = !is_answered(t, "wsuv_session_authorize", err);
}

static void answer(talk *t) {
  if (!t->way.owes || t->way.forgets || t->end[0].session == NULL) return;
  if (one_in(t->of, 10)) {
    deny(t);
  } else if (one_in(t->of, 10)) {
    t->injured = true; /* and those that wait with it go on */
    t->way.owes = false;
    wsuv_session_terminate(t->end[0].session);
  } else {
    give_token(t);
  }
}

void ways_answer(run *r) {
  for (size_t i = 0; i < r->begun; i++) answer(&r->talks[i]);
}

void way_seen_question(talk *t, const wsuv_unauthorized_t *refusal) {
  run *r = t->of;
  oracle_called(&t->end[0]);
  oracle_question(t, refusal);
  t->way.owes = true;
  t->way.forgets = one_in(r, 12);
  if (t->way.forgets) r->never = true;
  if (one_in(r, r->plan.shares ? 8 : 2)) answer(t);
}

static void on_unauthorized(wsuv_session_t *s, const wsuv_unauthorized_t *refusal) {
  side *d = wsuv_session_data(s);
  planted_question(d->of, refusal);
  talk_maybe_act(d);
}

static bool on_redirect(wsuv_session_t *s, const wsuv_redirect_t *redirect) {
  side *d = wsuv_session_data(s);
  talk *t = d->of;
  oracle_called(d);
  oracle_redirect(t, redirect);
  const bool follows = !one_in(t->of, 40);
  if (!follows) t->way.facts |= FACT_REDIRECT;
  talk_maybe_act(d);
  return follows;
}

void way_callbacks(const talk *t, wsuv_callbacks_t *callbacks) {
  if (t->way.asks) callbacks->on_unauthorized = on_unauthorized;
  callbacks->on_redirect = on_redirect;
}

void ways_end(run *r) {
  way_pipes_free(r);
  for (size_t i = 0; i < WAY_ORIGINS; i++) r->origins[i].peer = NULL;
}
