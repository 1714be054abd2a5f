#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/oracles.h"
#include "sim/run.h"
#include "testkit/check.h"

/* The origins A and B. Each request on the way has a number, which is in its path; it is answered
   by 401 until it has what the station needs, and then by a redirect to the next one, or it is led
   to the server. */

enum { REDIRECT_FORMS = 5, BODY_MAX = 40 };

static const char *path_of(const talk *t, size_t number, char path[WAY_URL]) {
  const way *w = &t->way;
  const bool server = number == w->station_count || w->stations[number].passes;
  if (server) (void) snprintf(path, WAY_URL, "/%zu", t->number); /* all of them fit */
  if (!server) (void) snprintf(path, WAY_URL, "/g/%zu/%zu", t->number, number);
  return path;
}

static unsigned port_of(const talk *t, size_t number) {
  const way *w = &t->way;
  return number == w->station_count ? t->of->port
                                    : way_origin_port(t->of, w->stations[number].origin);
}

void way_url(const talk *t, char url[WAY_URL]) {
  char path[WAY_URL];
  (void) snprintf(url, WAY_URL, "%s://127.0.0.1:%u%.40s", t->of->plan.secure ? "wss" : "ws",
                  port_of(t, 0), path_of(t, 0, path));
}

uint16_t way_origin_port(const run *r, size_t origin) {
  return r->origins[origin].peer->port;
}

/* --- redirects --- */

/* One that the client must not follow. */
static void print_bad_location(const talk *t, bytes *out) {
  char path[WAY_URL];
  const way *w = &t->way;
  const unsigned port = port_of(t, w->at);
  switch (run_below(t->of, t->of->plan.secure ? 4 : 3)) {
  case 0: bytes_print(out, "%s", path_of(t, w->at, path)); break; /* in a circle */
  case 1: bytes_print(out, "ws://u:p@127.0.0.1:%u/", port); break;
  case 2: bytes_print(out, "ftp://127.0.0.1:%u/", port); break;
  default: bytes_print(out, "ws://127.0.0.1:%u%s", port, path_of(t, w->at, path));
  }
}

static void print_location(const talk *t, size_t next, bytes *out) {
  char path[WAY_URL];
  const bool secure = t->of->plan.secure, stays = port_of(t, next) == port_of(t, next - 1);
  const unsigned port = port_of(t, next);
  path_of(t, next, path);
  switch (run_below(t->of, stays ? REDIRECT_FORMS : 3)) {
  case 0: bytes_print(out, "%s://127.0.0.1:%u%s", secure ? "wss" : "ws", port, path); break;
  case 1: bytes_print(out, "%s://127.0.0.1:%u%s", secure ? "https" : "http", port, path); break;
  case 2: bytes_print(out, "//127.0.0.1:%u%s", port, path); break;
  case 3: bytes_print(out, "%s#there", path); break;
  default: bytes_print(out, "../..%s", path);
  }
}

static void print_redirect(talk *t, bytes *out) {
  static const unsigned statuses[] = {301, 302, 303, 307, 308};
  run *r = t->of;
  way *w = &t->way;
  const station *s = &w->stations[w->at];
  const char origin = (char) ('A' + s->origin);
  const size_t body = run_below(r, BODY_MAX);
  bytes_print(out, "HTTP/1.1 %u Over there\r\nLocation: ", statuses[run_below(r, 5)]);
  if (s->misled) print_bad_location(t, out);
  if (!s->misled) print_location(t, w->at + 1, out);
  bytes_print(out, "\r\n");
  if (!s->misled && run_chance(r, 30)) {
    bytes_print(out, "Set-Cookie: k=sEcReTK%c.; Path=/\r\n", origin);
  }
  bytes_print(out, "Content-Length: %zu\r\n\r\n", body);
  bytes_add(out, "because it is there, and nowhere else now", body);
  w->redirects++;
  if (s->misled || w->redirects > r->plan.client.max_redirects) w->facts |= FACT_REDIRECT;
  w->at++;
}

/* --- refusals --- */

static bool has_token(const way_origin *o, const char *value) {
  char token[32];
  const char owner[] = {'T', (char) ('A' + o->number), '.', '\0'};
  way_secret(token, sizeof token, owner, "");
  const char *at = strstr(value, token);
  return at != NULL && strtoul(at + strlen(token), NULL, 10) >= o->token;
}

static bool has_login(const way_origin *o, const char *value) {
  char basic[96], user[32], digest[64];
  const char owner[] = {'C', (char) ('A' + o->number), '.', '\0'};
  way_secret_login(basic, sizeof basic, owner);
  way_secret(user, sizeof user, owner, "u");
  (void) snprintf(digest, sizeof digest, "username=\"%s\"", user); /* it fits */
  return strstr(value, basic) != NULL || strstr(value, digest) != NULL;
}

static void print_refusal(way_pipe *p, const char *value, bytes *out) {
  talk *t = p->talk;
  way *w = &t->way;
  const station *s = &w->stations[w->at];
  const bool bearer = strncmp(value, "Bearer ", 7) == 0;
  const bool may_log_in = w->login && s->epoch == 0 && !bearer;
  const bool challenges = s->need == NEED_LOGIN && may_log_in;
  bytes_print(out, "HTTP/1.1 401 Who\r\nWWW-Authenticate: ");
  if (challenges) {
    bytes_print(out,
                "Basic realm=\"x\", Digest realm=\"x\", nonce=\"n%zu\", algorithm=SHA-256, "
                "qop=\"auth\"\r\n",
                w->at);
  } else {
    bytes_print(out, "Bearer\r\n");
    (void) snprintf(w->identity, sizeof w->identity, "%zu %.30s %d %d", s->origin,
                    bearer ? value : "", may_log_in, w->cookies && s->epoch == 0);
    w->refusals++;
    w->refused_in |= 1u << s->epoch;
    const bool ends = !w->asks || w->refusals > t->of->plan.client.max_attempts;
    w->facts |= ends ? FACT_REFUSED : FACT_ASKED;
  }
  bytes_print(out, "Content-Length: 3\r\n\r\nwho");
}

/* Behind the head a fault changes nothing for most responses, so it happens before. */
static void place_fault(way_pipe *p, size_t number, size_t head) {
  way *w = &p->talk->way;
  if (w->fault < WAY_ENDS || w->fault_place != w->proxy_count + number) return;
  w->facts = 0; /* the response never comes whole */
  p->fault = w->fault;
  p->fault_at = p->said + w->fault_at % (head - 1);
}

/* Behind the origin there is the server. */
static void pass(way_pipe *p) {
  way *w = &p->talk->way;
  p->open = true;
  p->begin = 0;
  if (w->fault_place == w->proxy_count + w->at) {
    p->fault = w->fault;
    p->fault_at = w->fault_at;
  }
  w->at++;
  way_pipe_lead(p, p->of->port);
  p->behind->ops->write(p->behind, p->conn->request, strlen(p->conn->request));
}

static void answer(way_pipe *p) {
  SCOPED_BYTES out = {0};
  char value[512] = "";
  talk *t = p->talk;
  way *w = &t->way;
  const station *s = &w->stations[w->at];
  (void) raw_conn_header(p->conn, "Authorization", value, sizeof value); /* "" if there is none */
  const bool token = has_token(p->origin, value);
  const bool ok = s->need == NEED_NOTHING || token ||
                  (s->need == NEED_LOGIN && s->epoch == 0 && has_login(p->origin, value));
  const bool refuses = w->fault == WAY_REFUSES && w->fault_place == w->proxy_count + w->at;
  if (token && run_chance(t->of, 15)) p->origin->token++; /* it was used up */
  if (ok && s->passes && !refuses) {
    pass(p);
    return;
  }
  if (refuses) {
    bytes_print(&out, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    w->facts |= FACT_REFUSED;
  } else if (ok) {
    print_redirect(t, &out);
  } else {
    print_refusal(p, value, &out);
  }
  const size_t head = (size_t) (strstr(bytes_text(&out), "\r\n\r\n") + 4 - bytes_text(&out));
  place_fault(p, (size_t) (s - w->stations), head);
  p->leaves = run_chance(t->of, 30);
  way_pipe_say(p, out.base, out.len);
}

/* --- responses that are sent before the request --- */

bool way_response_is_fixed(const talk *t, uint16_t port) {
  const way *w = &t->way;
  if (t->of->plan.secure || w->at >= w->station_count) return false;
  const station *s = &w->stations[w->at];
  return s->need == NEED_NOTHING && !s->passes && way_origin_port(t->of, s->origin) == port &&
         w->fault_place != w->proxy_count + w->at;
}

void way_response(talk *t, bytes *out) {
  t->way.facts = 0;
  print_redirect(t, out);
}

/* --- connections --- */

/* The conversation that a request is of. */
static talk *find_talk(const run *r, const char *head) {
  size_t number = 0, at = 0;
  const bool known =
      sscanf(head, "GET /g/%zu/%zu ", &number, &at) >= 1 || sscanf(head, "GET /%zu ", &number) == 1;
  CHECK(known && number < r->begun);
  return (talk *) (uintptr_t) &r->talks[number];
}

static void take_request(way_pipe *p) {
  char path[WAY_URL], line[WAY_URL + 8];
  if (!raw_conn_take_request(p->conn)) return;
  talk *t = p->talk = find_talk(p->of, p->conn->request);
  p->piece = t->way.piece;
  const size_t at = t->way.at;
  const bool right = at < t->way.station_count && t->way.stations[at].origin == p->origin->number;
  if (right) (void) snprintf(line, sizeof line, "GET %s ", path_of(t, at, path));
  oracle_expected_at(t,
                     right && (t->way.facts & ~(unsigned) FACT_ASKED) == 0 &&
                         strncmp(p->conn->request, line, strlen(line)) == 0,
                     p->conn->request);
  if (t->of->failed != NULL) return;
  t->way.facts = 0;
  planted_at_origin(t, at, p->conn->request);
  answer(p);
}

static void on_bytes(raw_conn *c) {
  way_pipe *p = c->data;
  if (p->talk == NULL) take_request(p);
  if (p->open || p->mute) way_pipe_bytes(p);
}

static void on_connection(raw_conn *c) {
  way_origin *o = c->peer->data;
  way_pipe_new(o->of, c)->origin = o;
}

void way_origin_begin(way_origin *o, run *r, size_t number) {
  if (o->peer != NULL) return;
  *o = (way_origin){.of = r, .number = number, .token = 1, .peer = raw_peer_new(r->w)};
  o->peer->data = o;
  o->peer->tls = r->plan.secure ? run_tls_context(r) : NULL;
  raw_peer_set_callbacks(o->peer, &(raw_peer_callbacks){.on_connection = on_connection,
                                                        .on_bytes = on_bytes,
                                                        .on_end = way_pipe_end});
}
