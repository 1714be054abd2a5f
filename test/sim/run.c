#include "sim/run.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls/tls_context.h"
#include "sim/oracles.h"
#include "support/frames.h"
#include "testkit/check.h"
#include "testkit/sim.h"
#include "testkit/sim_net.h"

/* Plays one run: steps by chance with some turns of the loop between them; then everything that was
   sent is awaited, all is closed, and nothing may be left. */

enum {
  NS_PER_MS = 1000 * 1000,
  TURNS = 8,     /* Between two steps there are so many turns at most, */
  GAP_US = 2000, /* and so much time. */
  SHORT_SUSPENSION_MS = 100,
  PATIENCE_MS = 150 * 1000,
  FIRST_PORT = 49152 /* of those that connect (sim_net.c) */
};

size_t run_below(run *r, size_t n) {
  return seeded_below(&r->chance, n);
}

bool run_chance(run *r, size_t percent) {
  return percent > 0 && run_below(r, 100) < percent;
}

void run_note(run *r, uint64_t what) {
  const uint64_t now = r->w != NULL ? sim_now_ns(world_sim(r->w)) : 0;
  r->digest = (r->digest ^ what ^ now) * UINT64_C(0x100000001b3);
}

static sim *machine(const run *r) {
  return world_sim(r->w);
}

/* --- the wire --- */

static void on_frame(void *arg, watched *w, bool masked, uint32_t key) {
  run *r = arg;
  const bool from_client = (w - r->links) % 2 == 0;
  planted_frame(r, from_client, &masked, &key, w->keys[0]);
  oracle_frame(r, w, from_client, masked, key);
}

/* Only the server is spoken to in frames from the beginning; its links come from proxies, too. */
static void skip_other_peers(const run *r, uint16_t port, watched both[2]) {
  const sim_sock *sock = sim_sock_find(machine(r), port);
  const bool other =
      sock != NULL &&
      ntohs(((const struct sockaddr_in *) (const void *) sim_sock_peer(sock))->sin_port) != r->port;
  for (int i = 0; i < 2; i++) {
    both[i].known = true;
    both[i].refused = both[i].refused || other;
  }
}

static void on_bytes(void *arg, uint16_t port, bool from_client, const uint8_t *data, size_t len) {
  run *r = arg;
  const size_t link = (size_t) (port - FIRST_PORT);
  if (link >= r->link_count) {
    r->links = check_realloc(r->links, 2 * (link + 1) * sizeof *r->links);
    memset(r->links + 2 * r->link_count, 0, 2 * (link + 1 - r->link_count) * sizeof *r->links);
    r->link_count = link + 1;
  }
  watched *w = &r->links[2 * link + (from_client ? 0 : 1)];
  if (!w->known) skip_other_peers(r, port, &r->links[2 * link]);
  watch_bytes(w, data, len, on_frame, r);
}

/* --- trouble --- */

static sim_sock *socket_of(talk *t) {
  struct sockaddr_storage addr;
  const side *d = &t->end[0];
  if (d->session == NULL || wsuv_session_local_address(d->session, &addr) < 0) return NULL;
  const uint16_t port = ntohs(((const struct sockaddr_in *) (const void *) &addr)->sin_port);
  return sim_sock_find(machine(t->of), port);
}

/* Now, or behind some bytes. */
static void break_link(talk *t) {
  run *r = t->of;
  sim_sock *sock = socket_of(t);
  const sim_fault fault = (sim_fault) run_below(r, SIM_FAULTS);
  if (sock == NULL) return;
  t->injured = true;
  t->dead = fault == SIM_FAULT_STALL;
  r->silent = r->silent || t->dead;
  sim_sock_fault(sock, fault, run_chance(r, 50) ? 0 : 1 + run_below(r, 5000));
}

static void stall_link(talk *t, bool on) {
  sim_sock *sock = socket_of(t);
  if (sock != NULL) sim_sock_stall_both(sock, on);
  t->stalled = on;
}

static void fail_memory(run *r) {
  r->injured = true;
  r->alloc.fail_at = r->alloc.fail_at > 0 ? 0 : r->alloc.calls + 1 + run_below(r, 100);
  r->alloc.fail_for_ever = run_chance(r, 30);
}

static void restart(run *r) {
  r->injured = true;
  if (r->plan.secure && run_chance(r, 50)) {
    run_change_certificate(r);
  } else {
    run_end_server(r);
  }
}

/* The peer is suspended, too. So what it has not sent is missing when the time of a handshake is
   up, or of a ping; other sessions go on. */
static void suspend(run *r, uint64_t ms) {
  const bool pings = r->plan.keeps_alive;
  for (size_t i = 0; i < r->begun && ms > SHORT_SUSPENSION_MS; i++) {
    talk *t = &r->talks[i];
    if (!talk_is_open(&t->end[0]) || !talk_is_open(&t->end[1]) || pings) t->injured = true;
  }
  sim_suspend(machine(r), ms);
  r->suspended_ms += ms;
}

static void make_trouble(run *r) {
  const plan *p = &r->plan;
  talk *t = &r->talks[run_below(r, r->begun)];
  if (p->fails_memory && run_chance(r, 20)) fail_memory(r);
  if (p->fails_random && run_chance(r, 20)) {
    r->injured = true;
    world_random_fails(r->w, run_chance(r, 50));
  }
  if (p->suspends && run_chance(r, 10)) {
    suspend(r, run_below(r, run_chance(r, 10) ? 3600 * 1000 : 3000));
  }
  if (p->restarts && run_chance(r, 10)) restart(r);
  if (p->breaks && run_chance(r, 5) && !t->dead) break_link(t);
  if (p->stalls && run_chance(r, 20) && !t->dead) {
    stall_link(t, !t->stalled);
    t->dead = t->stalled && run_chance(r, 10);
    t->injured = t->injured || t->dead;
    r->silent = r->silent || t->dead;
  }
}

static void end_trouble(run *r) {
  r->alloc.fail_at = 0;
  world_random_fails(r->w, false);
  visits_answer(r);
  for (size_t i = 0; i < r->begun; i++) {
    talk *t = &r->talks[i];
    if (t->stalled && !t->dead) stall_link(t, false);
    talk_answer(t);
    for (int e = 0; e < 2; e++) {
      side *d = &t->end[e];
      if (d->paused && talk_is_open(d) && wsuv_session_resume(d->session) == 0) d->paused = false;
    }
  }
}

/* --- steps --- */

static bool turn(run *r, uint64_t limit_ns) {
  r->turn++;
  const bool more = sim_turn(machine(r), limit_ns);
  if (r->plant != PLANT_NONE) planted_turn(r);
  oracle_memory(r);
  return more;
}

static void step(run *r) {
  r->step++;
  if (r->server == NULL) run_begin_server(r);
  if (r->begun == 0 || run_chance(r, 30)) talk_begin(r);
  if (r->plan.visits > 0 && run_chance(r, 20)) visit_begin(r);
  if (r->plan.visits > 0 && run_chance(r, 50)) visits_answer(r);
  if (r->begun == 0) return;
  make_trouble(r);
  talk *t = &r->talks[run_below(r, r->begun)];
  if (run_chance(r, 50)) talk_answer(t);
  if (run_chance(r, 30)) ways_answer(r);
  talk_act(&t->end[run_below(r, 2)]);
}

static void play_steps(run *r) {
  while (r->step < r->plan.steps && r->failed == NULL) {
    step(r);
    for (size_t n = run_below(r, TURNS); n > 0; n--) {
      if (!turn(r, sim_now_ns(machine(r)) + run_below(r, GAP_US) * 1000)) break;
    }
  }
}

/* --- the end --- */

/* Run until it is so, or until nothing is left to do, or time is up. */
static bool run_until(run *r, bool (*done)(run *r)) {
  const uint64_t limit = sim_now_ns(machine(r)) + (uint64_t) PATIENCE_MS * NS_PER_MS;
  while (!done(r)) {
    ways_answer(r);
    if (!turn(r, limit) || r->failed != NULL) return false;
  }
  return true;
}

/* Whether everything that was sent to this side has come, or never will. */
static bool has_all(side *d) {
  side *from = other_side(d);
  if (d->of->injured || from->closed || d->closed || from->closes > 0) return true;
  if (way_may_fail(d->of)) return d->is_server || d->closes >= d->made;
  talk_go_on(from);
  return d->opens == 1 && from->out.seen == from->out.sent && !from->waits_for_drain &&
         !from->out.in_pieces && !from->out.in_fragments;
}

static bool is_over(side *d) {
  return d->closes >= d->made && (!d->is_server || d->of->kept == NULL);
}

/* The first side of which this is not true; NULL: there is none. */
static side *first_without(run *r, bool (*is_done)(side *d)) {
  for (size_t i = 0; i < 2 * r->begun; i++) {
    side *d = &r->talks[i / 2].end[i % 2];
    if (!is_done(d)) return d;
  }
  return NULL;
}

static bool all_is_delivered(run *r) {
  return r->injured || first_without(r, has_all) == NULL;
}

/* A session may open after its conversation was closed, and know nothing of it if the link is dead.
 */
static bool all_are_over(run *r) {
  side *d = first_without(r, is_over);
  if (d == NULL) return true;
  if (talk_is_hindered(d->of) && talk_is_open(d) && !d->closed) talk_close(d);
  return false;
}

static bool all_is_gone(run *r) {
  return r->clients == 0 && r->servers == 0;
}

/* Either side, or both. A session that is not open yet is terminated by that. */
static void close_talk(talk *t) {
  const size_t who = run_below(t->of, 3);
  for (int e = 0; e < 2; e++) {
    side *d = &t->end[e];
    const bool chosen = who == 2 || (who == 1) == d->is_server;
    if (d->session == NULL || d->closed) continue;
    if (!chosen && !talk_is_hindered(t)) continue;
    talk_say_more(d);
    talk_close(d);
  }
}

static void judge(run *r) {
  oracle_exchanges_all(r);
  for (size_t i = 0; i < r->begun; i++) {
    talk *t = &r->talks[i];
    oracle_clean_close(t);
    for (int e = 0; e < 2; e++) {
      oracle_closed_in_the_end(&t->end[e]);
      oracle_delivered_all(&t->end[e]);
    }
  }
}

static void end_talks(run *r) {
  end_trouble(r);
  r->ending = true;
  oracle_progress(r, run_until(r, visits_are_over), "a plain request has no response");
  if (!run_until(r, all_is_delivered) && r->failed == NULL) {
    oracle_waits(first_without(r, has_all), "what was sent does not come");
  }
  for (size_t i = 0; i < r->begun; i++) close_talk(&r->talks[i]);
  if (!run_until(r, all_are_over) && r->failed == NULL) {
    oracle_waits(first_without(r, is_over), "it does not end");
  }
  if (r->failed == NULL) judge(r);
}

/* All ends, also if something has failed; and what a server that drains has accepted last. */
static void end_all(run *r) {
  const uint64_t limit = sim_now_ns(machine(r)) + 2 * (uint64_t) PATIENCE_MS * NS_PER_MS;
  run_end_client(r);
  run_end_server(r);
  while (!all_is_gone(r)) {
    visits_answer(r);
    for (size_t i = 0; i < r->begun; i++) {
      talk *t = &r->talks[i];
      talk_answer(t);
      for (int e = 0; e < 2; e++) {
        if (t->end[e].session != NULL) wsuv_session_terminate(t->end[e].session);
      }
    }
    if (!turn(r, limit)) CHECK_FAIL("the client or the server never ends: %s", r->words);
  }
}

static void play_talks(run *r) {
  r->w = world_new(WORLD_SIM, r->seed, &r->alloc);
  if (r->plan.calm) sim_set_profile(machine(r), NULL);
  if (!r->plan.secure) sim_tap(machine(r), on_bytes, r);
  CHECK(run_begin_client(r));
  run_begin_server(r);
  play_steps(r);
  end_talks(r);
  end_all(r);
  visits_end(r);
  ways_end(r);
  oracle_leak(r);
  r->alloc.handle.free(r->leak, r->alloc.handle.arg);
  world_end(r->w);
  tls_context_unref(r->tls);
  r->w = NULL;
}

void run_draw(run *r, uint64_t seed) {
  *r = (run){.seed = seed, .chance = seed * 3 + 1};
  track_alloc_init(&r->alloc);
  plan_draw(r);
}

void run_play(run *r, uint64_t seed, plant bug) {
  check_seed = seed;
  run_draw(r, seed);
  r->plant = bug;
  if (r->plan.hostile) {
    hostile_play(r);
  } else {
    play_talks(r);
  }
  check_free(r->links);
  r->links = NULL;
}
