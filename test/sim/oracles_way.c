#include <stdio.h>
#include <string.h>

#include "sim/oracles.h"
#include "testkit/sim.h"

/* The oracles of the way to the server: who sees which credentials, where the session goes, how it
   may end, when, and whom it asks. */

/* --- credentials --- */

void oracle_credentials(run *r, const char *whom, const void *data, size_t len,
                        const char *allowed) {
  char owner[4];
  if (!way_secret_astray(data, len, allowed, owner)) return;
  oracle_fails(r, "credentials", "%s got '%s', and may get '%s' only", whom, owner, allowed);
}

/* --- way --- */

static const char name_of_way[] = "way";

void oracle_expected_at(talk *t, bool right, const char *head) {
  if (right) return;
  oracle_fails(t->of, name_of_way, "client %zu: at station %zu of %zu, facts %x: %.*s", t->number,
               t->way.at, t->way.station_count, t->way.facts, (int) strcspn(head, "\r"), head);
}

void oracle_redirect(talk *t, const wsuv_redirect_t *redirect) {
  const way *w = &t->way;
  const bool right = redirect->count == w->redirects && (w->facts & FACT_REDIRECT) == 0;
  if (right || t->of->failed != NULL) return;
  oracle_fails(t->of, name_of_way, "client %zu: redirect %u in place of %u, facts %x", t->number,
               redirect->count, w->redirects, w->facts);
}

/* Which codes and stages may follow from what was done. */
typedef struct consequence {
  unsigned fact;
  wsuv_stage_t stage;
  int codes[6];
} consequence;

static const consequence consequences[] = {
    {FACT_PROXY_REFUSED, WSUV_STAGE_PROXY, {WSUV_EPROXY}},
    {FACT_PROXY_DENIED, WSUV_STAGE_PROXY, {WSUV_EPROXYAUTH}},
    {FACT_PROXY_ENDED, WSUV_STAGE_PROXY, {UV_EOF, UV_EPIPE, UV_ECONNRESET, WSUV_ETLSTRUNCATED}},
    {FACT_PROXY_RESET, WSUV_STAGE_PROXY, {UV_EOF, UV_EPIPE, UV_ECONNRESET, WSUV_ETLSTRUNCATED}},
    {FACT_PROXY_SILENT, WSUV_STAGE_PROXY, {UV_ETIMEDOUT}},
    {FACT_REFUSED, WSUV_STAGE_HANDSHAKE, {WSUV_ESTATUS}},
    {FACT_ENDED, WSUV_STAGE_HANDSHAKE, {UV_EOF, UV_EPIPE, UV_ECONNRESET, WSUV_ETLSTRUNCATED}},
    {FACT_RESET, WSUV_STAGE_HANDSHAKE, {UV_EOF, UV_EPIPE, UV_ECONNRESET, WSUV_ETLSTRUNCATED}},
    {FACT_SILENT, WSUV_STAGE_HANDSHAKE, {UV_ETIMEDOUT}},
    {FACT_REDIRECT, WSUV_STAGE_HANDSHAKE, {WSUV_EREDIRECT}},
    {FACT_ASKED, WSUV_STAGE_HANDSHAKE, {UV_ETIMEDOUT, WSUV_ESTATUS, UV_EACCES}},
};

static bool has_code(const consequence *c, int code) {
  for (size_t i = 0; i < sizeof c->codes / sizeof *c->codes; i++) {
    if (code != 0 && c->codes[i] == code) return true;
  }
  return false;
}

/* The program has an answer always, unless it has denied or forgotten one. */
static bool asked_may_have(const run *r, int code) {
  return code == UV_ETIMEDOUT ? r->never : r->denied;
}

/* The time that the program has not answered in is missing later, also for those that have got the
   answer to another one. With TLS, so is that in which another session did not come to its end,
   which has to be the first to a host. */
static bool has_waited_in_vain(const talk *t, int code) {
  const run *r = t->of;
  const bool waited = (r->never && t->way.refusals > 0) || (r->silent && r->plan.secure);
  return code == UV_ETIMEDOUT && waited;
}

static bool follows_from(const talk *t, const consequence *c, int code, wsuv_stage_t stage) {
  const unsigned none = t->of->plan.client.max_redirects;
  if ((t->way.facts & c->fact) == 0 || stage != c->stage) return false;
  if (c->fact == FACT_REDIRECT && none == 0) return code == WSUV_ESTATUS;
  return has_code(c, code) && (c->fact != FACT_ASKED || asked_may_have(t->of, code));
}

void oracle_way_ended(side *d, int code, wsuv_stage_t stage) {
  const talk *t = d->of;
  if (d->is_server || t->injured || t->of->injured) return;
  if (d->opens > 0) return;
  if (has_waited_in_vain(t, code)) {
    d->of->injured = true;
    return;
  }
  for (size_t i = 0; i < sizeof consequences / sizeof *consequences; i++) {
    if (follows_from(t, &consequences[i], code, stage)) return;
  }
  oracle_fails(t->of, name_of_way, "client %zu: %s in stage %s, facts %x, at %zu of %zu stations",
               t->number, wsuv_err_name(code), wsuv_stage_name(stage), t->way.facts, t->way.at,
               t->way.station_count);
}

void oracle_way_opened(side *d) {
  const talk *t = d->of;
  if (d->is_server || t->way.facts == 0) return;
  oracle_fails(t->of, name_of_way, "client %zu: open, with facts %x", t->number, t->way.facts);
}

/* --- deadline --- */

enum { SLACK_MS = 2, NS_PER_MS = 1000 * 1000 };

void oracle_deadline(side *d, uint64_t now_ns) {
  const run *r = d->of->of;
  const way *w = &d->of->way;
  const wsuv_config_t *c = &r->plan.client;
  const uint64_t took = (now_ns - w->begun_ns) / NS_PER_MS;
  const uint64_t most = c->handshake_timeout_ms + (r->plan.secure ? c->queue_timeout_ms : 0);
  const bool suspended = r->suspended_ms > w->suspended_ms;
  if (suspended || took <= most + SLACK_MS) return;
  oracle_fails(d->of->of, "deadline",
               "client %zu: %llu ms in place of %llu, with %u redirects and %u refusals",
               d->of->number, (unsigned long long) took, (unsigned long long) most, w->redirects,
               w->refusals);
}

/* --- questions --- */

/* One that ends hands its question on, perhaps before its on_close. */
static bool waits_for_answer(const talk *t) {
  const run *r = t->of;
  const uint64_t now_ns = sim_now_ns(world_sim(r->w)), most = r->plan.client.handshake_timeout_ms;
  const bool ends = t->injured || r->injured || (now_ns - t->way.begun_ns) / NS_PER_MS >= most;
  return t->way.owes && !ends;
}

void oracle_question(talk *t, const wsuv_unauthorized_t *refusal) {
  static const char name[] = "questions";
  way *w = &t->way;
  run *r = t->of;
  if (refusal->attempt != ++w->asked || w->asked > w->refusals ||
      w->asked > r->plan.client.max_attempts) {
    oracle_fails(r, name, "client %zu: attempt %zu, asked %zu times, %u refusals", t->number,
                 refusal->attempt, w->asked, w->refusals);
  }
  for (size_t i = 0; i < r->begun; i++) {
    const talk *o = &r->talks[i];
    if (!waits_for_answer(o) || strcmp(o->way.identity, w->identity) != 0) continue;
    oracle_fails(r, name, "client %zu: asked for what client %zu waits for", t->number, o->number);
  }
}
