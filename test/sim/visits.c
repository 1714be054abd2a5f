#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wsuv/exchange.h>

#include "sim/oracles.h"
#include "sim/run.h"
#include "testkit/check.h"

/* Plain requests of HTTP among the sessions: a visit is a connection with some requests in a row,
   whose peer is not ours; the program of the server answers each at once, later, or not itself.
   What a response has in it follows from the number of its request. */

enum { BODY_MAX = 3000 };

content visit_body(const visit *v, uint32_t number) {
  return content_of(v->of->seed ^ (v->number + 1), number, BODY_MAX);
}

static bool one_in(const visit *v, size_t n) {
  return run_below(v->of, n) == 0;
}

/* --- the program of the server --- */

static void answer(visit *v, wsuv_exchange_t *exchange) {
  const content c = visit_body(v, v->given - 1);
  const bool declines = one_in(v, 12);
  const int err = declines ? wsuv_exchange_decline(exchange)
                           : wsuv_exchange_respond(exchange, 200, NULL, 0, c.data, c.len);
  v->kept = err == 0 || err == WSUV_ESTATE ? NULL : exchange; /* else it is still owed */
  oracle_exchange_result(v, err);
  if (err != 0) return;
  v->declined = declines;
  v->answered++;
}

void visit_answer(visit *v) {
  if (v->kept != NULL) answer(v, v->kept);
}

static void on_gone(wsuv_exchange_t *exchange) {
  visit *v = wsuv_exchange_data(exchange);
  oracle_exchange_gone(v, exchange);
  if (one_in(v, 2)) visit_answer(v);
}

void visit_on_request(wsuv_exchange_t *exchange) {
  run *r = wsuv_server_data(wsuv_exchange_server(exchange));
  size_t which = 0;
  uint32_t number = 0;
  CHECK(sscanf(wsuv_exchange_path(exchange), "/plain/%zu/%" SCNu32, &which, &number) == 2);
  visit *v = &r->visits[which];
  planted_request(v, number);
  v->gone = false;
  wsuv_exchange_set_data(exchange, v);
  wsuv_exchange_on_gone(exchange, on_gone);
  if (!r->ending && one_in(v, 2)) {
    v->kept = exchange;
  } else {
    answer(v, exchange);
  }
}

/* --- the peer --- */

static void end_visit(visit *v) {
  if (v->wire != NULL) v->wire->ops->close(v->wire);
  v->wire = NULL;
  bytes_free(&v->in);
}

/* Take one response from what has come. false: none is whole. */
static bool take_response(visit *v) {
  static const char field[] = "Content-Length: ";
  if (v->in.len == 0) return false;
  const char *text = bytes_text(&v->in), *end = strstr(text, "\r\n\r\n");
  const char *length = strstr(text, field);
  if (end == NULL) return false;
  const size_t head = (size_t) (end + 4 - text);
  const size_t len = length != NULL && length < end ? strtoul(length + strlen(field), NULL, 10) : 0;
  if (v->in.len < head + len) return false;
  planted_response(v, (int) strtol(text + strlen("HTTP/1.1 "), NULL, 10), v->in.base + head, len);
  memmove(v->in.base, v->in.base + head + len, v->in.len - head - len);
  v->in.len -= head + len;
  return true;
}

static void on_data(void *up, const uint8_t *data, size_t len) {
  visit *v = up;
  bytes_add(&v->in, data, len);
  while (take_response(v)) continue;
  if (v->seen >= v->asked && v->of->failed == NULL) end_visit(v);
}

static void on_end(void *up, int status) {
  visit *v = up;
  run_note(v->of, (uint64_t) 'v' << 32 | (uint32_t) status);
  end_visit(v);
}

static const wire_events events = {on_data, on_end};

void visit_begin(run *r) {
  struct sockaddr_storage addr = {.ss_family = AF_INET};
  struct sockaddr_in *in = (struct sockaddr_in *) (void *) &addr;
  if (r->server == NULL || r->visit_count == r->plan.visits) return;
  visit *v = &r->visits[r->visit_count];
  *v = (visit){.of = r, .number = r->visit_count++, .asked = 1 + (uint32_t) run_below(r, 6)};
  in->sin_port = htons(r->port);
  in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  v->wire = world_connect(r->w, (const struct sockaddr *) &addr);
  v->wire->events = &events;
  v->wire->up = v;
  v->wire->ops->read(v->wire, true);
  for (uint32_t n = 0; n < v->asked; n++) {
    char request[128];
    const int len = snprintf(request, sizeof request,
                             "GET /plain/%zu/%" PRIu32 " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
                             v->number, n, (unsigned) r->port);
    v->wire->ops->write(v->wire, request, (size_t) len);
  }
}

/* Whether all that was asked was answered, or the connection has ended. */
bool visits_are_over(run *r) {
  bool over = true;
  for (size_t i = 0; i < r->visit_count; i++) over = over && r->visits[i].wire == NULL;
  return over || r->injured;
}

void visits_answer(run *r) {
  for (size_t i = 0; i < r->visit_count; i++) visit_answer(&r->visits[i]);
}

void visits_end(run *r) {
  for (size_t i = 0; i < r->visit_count; i++) end_visit(&r->visits[i]);
}
