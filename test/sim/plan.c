#include "sim/run.h"
#include "testkit/sim.h"

/* Draws from the seed what a run is to be. Most runs have one kind of trouble or none, so that much
   can be demanded of them; some have all kinds. */

enum {
  KIB = 1024,
  TALKS_FEW = 3,
  ONE_IN_SECURE = 200, /* Handshakes of TLS take their time. */
  ONE_IN_HOSTILE = 4,
  ONE_IN_HOSTILE_SECURE = 50,
  ONE_IN_BULK = 7,
  ONE_IN_RAW = 8,
  ONE_IN_VISITED = 4,
  ONE_IN_LED = 3, /* through proxies and other origins */
  ONE_IN_LED_SECURE = 60,
  BULK_STEPS = 60,
  RATE = 200,
  STEPS = 40,
  BULK_BURST = 1200,
  PERCENT = 100
};

static bool one_in(run *r, size_t n) {
  return run_below(r, n) == 0;
}

static void draw_troubles(run *r, plan *p) {
  const size_t one_in_each = one_in(r, 3) ? 2 : 12;
  if (one_in(r, 3)) return; /* no trouble at all */
  p->fails_memory = one_in(r, one_in_each);
  p->fails_random = one_in(r, 2 * one_in_each);
  p->suspends = one_in(r, one_in_each);
  p->restarts = one_in(r, one_in_each);
  p->breaks = one_in(r, one_in_each);
  p->stalls = one_in(r, one_in_each / 2);
  p->ends = one_in(r, one_in_each / 2);
  p->times = one_in(r, one_in_each);
}

/* Times that end sessions by themselves, and a queue that does. */
static void draw_times(run *r, wsuv_config_t *c) {
  if (one_in(r, 2)) c->idle_timeout_ms = 1 + run_below(r, 100);
  if (one_in(r, 3)) c->max_lifetime_ms = 1 + run_below(r, 200);
  if (one_in(r, 3)) c->ping_timeout_ms = 1 + run_below(r, 50);
  if (one_in(r, 3)) c->close_timeout_ms = 1 + run_below(r, 50);
  if (one_in(r, 3)) c->outgoing_policy = WSUV_OUTGOING_CLOSE;
  if (one_in(r, 3)) c->handshake_timeout_ms = 1 + run_below(r, 20);
}

static void draw_queue(run *r, const plan *p, wsuv_config_t *c) {
  static const size_t sizes[] = {1, 4, 64, 1024};
  c->outgoing_max = sizes[run_below(r, 4)] * KIB;
  if (c->outgoing_max < p->message_max) c->outgoing_max = p->message_max;
  c->high_water = 1 + run_below(r, c->outgoing_max);
  c->low_water = run_below(r, c->high_water);
  c->fragment_size = one_in(r, 3) ? 0 : 1 + run_below(r, 20 * KIB);
  c->max_message_size = p->message_max;
  c->keep_handshake = one_in(r, 4);
  c->ping_interval_ms = p->keeps_alive ? 1 + run_below(r, 200) : 0;
  c->ping_timeout_ms = p->keeps_alive ? 20000 : 0;
}

/* What may be said to other hosts, and how often. */
static void draw_way(run *r, plan *p) {
  static const wsuv_auth_t auths[] = {WSUV_AUTH_BASIC, WSUV_AUTH_DIGEST, WSUV_AUTH_ANY};
  wsuv_config_t *c = &p->client;
  if (p->hostile || !one_in(r, ONE_IN_LED)) return;
  if (one_in(r, ONE_IN_LED_SECURE)) p->secure = true;
  if (p->secure) p->visits = 0;
  p->way_percent = 20 + (unsigned) run_below(r, PERCENT - 20);
  p->shares = one_in(r, 4);
  if (p->shares) p->talks = RUN_TALKS_MAX;
  c->auth = auths[run_below(r, 3)];
  c->proxy_auth = auths[run_below(r, 3)];
  c->max_redirects = one_in(r, 4) ? (unsigned) run_below(r, 4) : 10;
  c->max_attempts = one_in(r, 4) ? (unsigned) run_below(r, 2) : 2;
}

bool run_logs;

static void draw_log(wsuv_config_t *c, const char *name) {
  if (!run_logs) return;
  c->log = wsuv_log_stderr;
  c->log_arg = (void *) (uintptr_t) name;
  c->log_level = WSUV_LOG_DEBUG;
}

void plan_draw(run *r) {
  static const size_t sizes[] = {16, 1024, 16 * KIB, CONTENT_MAX};
  plan *p = &r->plan;
  const bool bulk = one_in(r, ONE_IN_BULK);
  p->hostile = one_in(r, ONE_IN_HOSTILE);
  p->secure = one_in(r, p->hostile ? ONE_IN_HOSTILE_SECURE : ONE_IN_SECURE);
  p->deflate = one_in(r, 10);
  p->streamed = one_in(r, 5);
  for (int i = 0; i < 2; i++) p->raw[i] = !p->deflate && one_in(r, ONE_IN_RAW);
  p->hooked = one_in(r, 4);
  p->keeps_alive = one_in(r, 4);
  p->calm = bulk || one_in(r, 3);
  p->talks = 1 + run_below(r, one_in(r, 4) ? RUN_TALKS_MAX : TALKS_FEW);
  p->steps = 1 + run_below(r, bulk ? BULK_STEPS : STEPS);
  p->burst = 1 + run_below(r, bulk ? BULK_BURST : 8);
  p->act_percent = (unsigned) (bulk ? 0 : run_below(r, PERCENT / 2));
  p->message_max = sizes[run_below(r, bulk ? 2 : 4)];
  p->visits = !p->secure && one_in(r, ONE_IN_VISITED) ? 1 + run_below(r, RUN_VISITS_MAX) : 0;
  draw_troubles(r, p);
  wsuv_client_config_init(&p->client);
  wsuv_server_config_init(&p->server);
  draw_queue(r, p, &p->client);
  draw_queue(r, p, &p->server);
  if (p->times && !p->hostile) { /* a verdict may depend on time then */
    r->injured = true;
    draw_times(r, &p->client);
    draw_times(r, &p->server);
  }
  if (!bulk && !p->hostile && one_in(r, 20))
    p->client.max_message_rate = p->server.max_message_rate = RATE;
  draw_way(r, p);
  draw_log(&p->client, "client");
  draw_log(&p->server, "server");
  if (bulk) p->client.outgoing_max = p->server.outgoing_max = 1024 * KIB;
  p->server.tcp_keepalive_s = p->client.tcp_keepalive_s;
}
