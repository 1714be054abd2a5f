#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/oracles.h"
#include "sim/run.h"
#include "testkit/check.h"

/* Simulated proxies: CONNECT (RFC 9110 9.3.6), SOCKS 4, 4a and 5 (RFC 1928, 1929). They take as
   much of what comes as they understand, and have no part of the library. All that they are asked
   for is on 127.0.0.1, so only the port counts. */

static void own_secret(const way_proxy *x, char owner[4]) {
  (void) snprintf(owner, 4, "P%zu.", x->number); /* it fits */
}

void way_proxy_url(const way_proxy *x, char url[WAY_URL]) {
  static const char *const schemes[] = {
      [VIA_HTTP] = "http",     [VIA_SOCKS4] = "socks4",   [VIA_SOCKS4A] = "socks4a",
      [VIA_SOCKS5] = "socks5", [VIA_SOCKS5H] = "socks5h", [VIA_HTTPS] = "https"};
  const bool old = x->kind == VIA_SOCKS4 || x->kind == VIA_SOCKS4A;
  char owner[4], user[32], login[80] = "";
  own_secret(x, owner);
  way_secret(user, sizeof user, owner, "u");
  if (x->login && old) (void) snprintf(login, sizeof login, "%s@", user);
  if (x->login && !old) {
    char password[32];
    way_secret(password, sizeof password, owner, "w");
    (void) snprintf(login, sizeof login, "%s:%s@", user, password);
  }
  (void) snprintf(url, WAY_URL, "%s://%s127.0.0.1:%u", schemes[x->kind], login,
                  (unsigned) x->peer->port);
}

/* --- what all kinds do --- */

static bool breaks(const way_pipe *p, way_fault fault) {
  const way *w = &p->talk->way;
  return w->fault == fault && w->fault_place == p->proxy->number;
}

static void give_up(way_pipe *p, unsigned fact, const void *answer, size_t len) {
  p->talk->way.fault = WAY_NO_FAULT;
  p->talk->way.facts |= fact;
  p->leaves = true;
  way_pipe_say(p, answer, len);
}

/* A server behind the last proxy may have spoken before it is asked. */
static bool is_glued(const way_pipe *p, uint16_t port) {
  const talk *t = p->talk;
  return t->way.glues && p->proxy->number + 1 == t->way.proxy_count &&
         way_response_is_fixed(t, port);
}

static void open_tunnel(way_pipe *p, uint16_t port, const void *answer, size_t len) {
  SCOPED_BYTES all = {0};
  bytes_add(&all, answer, len);
  p->begin = p->said + p->out.len + len;
  if (is_glued(p, port)) {
    p->glued = true;
    p->station = p->talk->way.at;
    if (!plant_now(p->of, PLANT_GLUED_LOST)) way_response(p->talk, &all);
  } else {
    way_pipe_lead(p, port);
  }
  way_pipe_say(p, all.base, all.len);
  if (!p->mute) p->open = !p->glued;
}

/* --- CONNECT --- */

static bool has_login(const way_pipe *p) {
  char value[512], owner[4], basic[96], digest[96], user[32];
  own_secret(p->proxy, owner);
  way_secret_login(basic, sizeof basic, owner);
  way_secret(user, sizeof user, owner, "u");
  (void) snprintf(digest, sizeof digest, "username=\"%s\"", user);
  return raw_conn_header(p->conn, "Proxy-Authorization", value, sizeof value) &&
         (strstr(value, basic) != NULL || strstr(value, digest) != NULL);
}

static void challenge(way_pipe *p) {
  SCOPED_BYTES out = {0};
  way_proxy *x = p->proxy;
  x->asked++;
  bytes_print(&out,
              "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\", Digest realm=\"x\", "
              "nonce=\"n%u\", algorithm=SHA-256, qop=\"auth\"\r\n%sContent-Length: 3\r\n\r\nwho",
              x->asked, x->leaves ? "Connection: close\r\n" : "");
  p->leaves = x->leaves;
  way_pipe_say(p, out.base, out.len);
}

static void take_connect(way_pipe *p) {
  static const char ok[] = "HTTP/1.1 200 OK\r\n\r\n",
                    no[] = "HTTP/1.1 403 No\r\n"
                           "Content-Length: 2\r\n\r\nno",
                    who[] = "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n";
  if (!raw_conn_take_request(p->conn)) return;
  const char *head = p->conn->request;
  planted_at_proxy(p, head, strlen(head));
  const char *colon = strchr(head, ':');
  CHECK(strncmp(head, "CONNECT 127.0.0.1:", 18) == 0 && colon != NULL);
  if (breaks(p, WAY_DENIES)) {
    give_up(p, FACT_PROXY_DENIED, who, sizeof who - 1);
  } else if (p->proxy->demands && !has_login(p)) {
    challenge(p);
  } else if (breaks(p, WAY_REFUSES)) {
    give_up(p, FACT_PROXY_REFUSED, no, sizeof no - 1);
  } else {
    open_tunnel(p, (uint16_t) strtoul(colon + 1, NULL, 10), ok, sizeof ok - 1);
  }
}

/* --- SOCKS 4:  4 | 1 | port, 2 | address, 4 | user, 0 | with 4a: name, 0 --- */

enum { SOCKS4_HEAD = 8 };

static void take_socks4(way_pipe *p) {
  const uint8_t *in = fifo_data(&p->conn->in);
  const size_t len = p->conn->in.len;
  if (len < SOCKS4_HEAD) return;
  const size_t ends = in[4] == 0 ? 2 : 1; /* 0.0.0.x: a name follows */
  size_t at = SOCKS4_HEAD, zeros = 0;
  while (at < len && zeros < ends) zeros += in[at++] == 0;
  if (zeros < ends) return;
  CHECK(in[0] == 4 && in[1] == 1);
  planted_at_proxy(p, in, at);
  const uint16_t port = (uint16_t) (in[2] << 8 | in[3]);
  fifo_consume(&p->conn->in, at);
  if (breaks(p, WAY_REFUSES))
    give_up(p, FACT_PROXY_REFUSED, "\0\133\0\0\0\0\0\0", 8);
  else if (breaks(p, WAY_DENIES))
    give_up(p, FACT_PROXY_DENIED, "\0\135\0\0\0\0\0\0", 8);
  else
    open_tunnel(p, port, "\0\132\0\0\0\0\0\0", 8);
}

/* --- SOCKS 5: methods, login, request --- */

enum { STEP_METHODS, STEP_LOGIN, STEP_REQUEST };

/* The bytes that the present message has; 0: not known yet. */
static size_t socks5_size(const way_pipe *p, const uint8_t *in, size_t len) {
  if (len < 5) return p->step == STEP_METHODS && len >= 2 ? 2u + in[1] : 0;
  if (p->step == STEP_METHODS) return 2u + in[1];
  if (p->step == STEP_LOGIN) return len > 2u + in[1] ? 3u + in[1] + in[2 + in[1]] : 0;
  return in[3] == 1 ? 10u : in[3] == 3 ? 7u + in[4] : 22u;
}

static void take_methods(way_pipe *p, const uint8_t *in) {
  const bool login = p->proxy->demands && memchr(in + 2, 2, in[1]) != NULL;
  CHECK(in[0] == 5);
  if (breaks(p, WAY_DENIES) && !login) {
    give_up(p, FACT_PROXY_DENIED, "\5\377", 2);
    return;
  }
  p->step = login ? STEP_LOGIN : STEP_REQUEST;
  way_pipe_say(p, login ? "\5\2" : "\5\0", 2);
}

static void take_login(way_pipe *p) {
  p->step = STEP_REQUEST;
  if (breaks(p, WAY_DENIES))
    give_up(p, FACT_PROXY_DENIED, "\1\1", 2);
  else
    way_pipe_say(p, "\1\0", 2);
}

static void take_socks5(way_pipe *p) {
  static const uint8_t ok[] = {5, 0, 0, 1, 0, 0, 0, 0, 0, 0}, no[] = {5, 2, 0, 1, 0, 0, 0, 0, 0, 0};
  uint8_t in[600];
  const size_t len = socks5_size(p, fifo_data(&p->conn->in), p->conn->in.len);
  if (len == 0 || p->conn->in.len < len) return;
  CHECK(len <= sizeof in);
  memcpy(in, fifo_data(&p->conn->in), len);
  fifo_consume(&p->conn->in, len);
  planted_at_proxy(p, in, len);
  if (p->step == STEP_METHODS)
    take_methods(p, in);
  else if (p->step == STEP_LOGIN)
    take_login(p);
  else if (breaks(p, WAY_REFUSES))
    give_up(p, FACT_PROXY_REFUSED, no, sizeof no);
  else
    open_tunnel(p, (uint16_t) (in[len - 2] << 8 | in[len - 1]), ok, sizeof ok);
}

/* --- connections --- */

static void take_something(way_pipe *p) {
  if (p->conn->in.len == 0) return;
  switch (p->proxy->kind) {
  case VIA_SOCKS4:
  case VIA_SOCKS4A: take_socks4(p); break;
  case VIA_SOCKS5:
  case VIA_SOCKS5H: take_socks5(p); break;
  default: take_connect(p);
  }
}

/* What comes for a server that has spoken already is one request. */
static void take_glued(way_pipe *p) {
  if (p->step == UINT8_MAX || !raw_conn_take_request(p->conn)) return;
  p->step = UINT8_MAX;
  planted_at_origin(p->talk, p->station, p->conn->request);
}

static void on_bytes(raw_conn *c) {
  way_pipe *p = c->data;
  for (size_t before = SIZE_MAX; !p->open && !p->glued && !p->mute && c->in.len < before;) {
    before = c->in.len;
    take_something(p);
  }
  if (p->glued && !p->mute) take_glued(p);
  if (p->open || p->mute) way_pipe_bytes(p);
}

/* A connection to the first proxy begins a hop. */
static void on_connection(raw_conn *c) {
  way_proxy *x = c->peer->data;
  way *w = &x->of->way;
  way_pipe *p = way_pipe_new(x->of->of, c);
  p->talk = x->of;
  p->proxy = x;
  p->piece = w->piece;
  if (x->number == 0) w->facts &= ~(unsigned) FACTS_OF_PROXIES;
  if (w->fault_place != x->number) return;
  p->fault = w->fault;
  p->fault_at = w->fault_at;
}

void way_proxy_begin(way_proxy *x, talk *t, size_t number) {
  run *r = t->of;
  x->of = t;
  x->number = number;
  x->kind = (via_kind) run_below(r, r->plan.secure ? VIA_KINDS : VIA_HTTPS);
  x->login = run_chance(r, 60);
  x->demands = x->login && run_chance(r, 70);
  x->leaves = run_chance(r, 30);
  x->peer = raw_peer_new(r->w);
  x->peer->data = x;
  x->peer->tls = x->kind == VIA_HTTPS ? run_tls_context(r) : NULL;
  raw_peer_set_callbacks(x->peer, &(raw_peer_callbacks){.on_connection = on_connection,
                                                        .on_bytes = on_bytes,
                                                        .on_end = way_pipe_end});
}
