#include "support/raw_peer.h"

/* Peers and their connections: bytes in and out, by callbacks. Scripts are in peer_script.c, what
   they know of HTTP in peer_http.c. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/tls_wire.h"
#include "testkit/check.h"

/* --- a connection --- */

void raw_conn_write(raw_conn *c, const void *data, size_t len) {
  if (!c->closed) c->wire->ops->write(c->wire, data, len);
}

void raw_conn_write_text(raw_conn *c, const char *text) {
  raw_conn_write(c, text, strlen(text));
}

void raw_conn_write_frame(raw_conn *c, uint8_t opcode, const void *payload, size_t len) {
  const frame_spec spec = {.opcode = opcode, .fin = true};
  bytes out = {0};
  frames_build(&out, &spec, payload, len);
  raw_conn_write(c, out.base, out.len);
  bytes_free(&out);
}

void raw_conn_end(raw_conn *c) {
  if (!c->closed) c->wire->ops->end(c->wire);
}

static void forget_wire(raw_conn *c) {
  c->closed = true;
  c->wire = NULL;
  if (c->timer != NULL) world_cancel(c->peer->w, c->timer);
  c->timer = NULL;
}

void raw_conn_close(raw_conn *c) {
  if (c->closed) return;
  c->wire->ops->close(c->wire);
  forget_wire(c);
}

void raw_conn_reset(raw_conn *c) {
  if (c->closed) return;
  c->wire->ops->reset(c->wire);
  forget_wire(c);
}

void raw_conn_read(raw_conn *c, bool on) {
  if (!c->closed && !c->ended) c->wire->ops->read(c->wire, on);
}

bool raw_conn_take_frame(raw_conn *c, seen_frame *frame) {
  size_t n = frames_parse(frame, fifo_data(&c->in), c->in.len);
  if (n == 0) return false;
  fifo_consume(&c->in, n); /* the payload stays where it is until bytes are appended */
  return true;
}

/* --- events --- */

static void on_data(void *up, const uint8_t *data, size_t len) {
  raw_conn *c = up;
  const raw_peer *p = c->peer;
  fifo_append(&c->in, data, len);
  c->received += len;
  if (p->callbacks.on_bytes != NULL) p->callbacks.on_bytes(c);
  if (c->script != NULL) peer_script_go_on(c);
}

static void on_end(void *up, int status) {
  raw_conn *c = up;
  raw_peer *p = c->peer;
  c->ended = true;
  c->end_status = status;
  p->ended++;
  if (c->script != NULL) {
    peer_script_go_on(c);
  } else if (p->callbacks.on_end == NULL) {
    raw_conn_close(c);
  }
  if (p->callbacks.on_end != NULL) p->callbacks.on_end(c);
}

static const wire_events events = {on_data, on_end};

static const struct peer_script *script_of(const raw_peer *p, size_t number) {
  if (p->script_count == 0) return NULL;
  return p->scripts[number < p->script_count ? number : p->script_count - 1];
}

static void on_accept(void *up, wire *w) {
  raw_peer *p = up;
  raw_conn *c = check_alloc(sizeof *c);
  c->peer = p;
  c->number = p->accepted++;
  if (p->tls != NULL) w = tls_wire_new(p->w, w, p->tls, NULL);
  c->wire = w;
  c->script = script_of(p, c->number);
  w->events = &events;
  w->up = c;
  ws_list_append(&p->conns, &c->node);
  raw_conn_read(c, true);
  if (p->callbacks.on_connection != NULL) p->callbacks.on_connection(c);
  if (c->script != NULL) peer_script_go_on(c);
}

/* --- a peer --- */

raw_peer *raw_peer_new(world *w) {
  return raw_peer_new_at(w, "127.0.0.1", 0);
}

raw_peer *raw_peer_new_at(world *w, const char *addr, uint16_t port) {
  raw_peer *p = check_alloc(sizeof *p);
  p->w = w;
  p->tls = w->tls;
  ws_list_init(&p->conns);
  ws_list_append(&w->peers, &p->node);
  p->listener = world_listen(w, addr, port, on_accept, p, &p->port);
  return p;
}

void raw_peer_set_callbacks(raw_peer *p, const raw_peer_callbacks *callbacks) {
  p->callbacks = *callbacks;
}

const char *raw_peer_url(raw_peer *p, const char *path) {
  return raw_peer_url_of(p, "127.0.0.1", path);
}

const char *raw_peer_url_of(raw_peer *p, const char *host, const char *path) {
  int n = snprintf(p->url, sizeof p->url, "%s://%s:%u%s", p->tls != NULL ? "wss" : "ws", host,
                   (unsigned) p->port, path);
  CHECK(n > 0 && (size_t) n < sizeof p->url);
  return p->url;
}

raw_conn *raw_peer_conn(const raw_peer *p, size_t number) {
  for (const ws_list *n = p->conns.next; n != &p->conns; n = n->next) {
    raw_conn *c = ws_list_entry(n, raw_conn, node);
    if (c->number == number) return c;
  }
  CHECK_FAIL("connection %zu was not accepted", number);
}

void raw_peer_refuse(raw_peer *p) {
  if (p->listener != NULL) world_unlisten(p->w, p->listener);
  p->listener = NULL;
}

void raw_peer_play_steps(raw_peer *p, const peer_step *steps) {
  p->scripts = realloc(p->scripts, (p->script_count + 1) * sizeof(struct peer_script *));
  CHECK(p->scripts != NULL);
  p->scripts[p->script_count++] = peer_script_new(steps);
}

void raw_peer_greet_and_close(raw_peer *p) {
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "hello"),
                PEER_SEND_CLOSE(1000), PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
}

bool raw_peer_done(void *peer) {
  const raw_peer *p = peer;
  return p->accepted >= p->script_count && p->finished == p->accepted;
}

/* --- the end of all peers --- */

static void conn_free(raw_conn *c) {
  raw_conn_close(c);
  fifo_free(&c->in);
  free(c->request);
  free(c);
}

static void peer_free(raw_peer *p) {
  raw_peer_refuse(p);
  for (ws_list *node; (node = ws_list_pop(&p->conns)) != NULL;) {
    conn_free(ws_list_entry(node, raw_conn, node));
  }
  for (size_t i = 0; i < p->script_count; i++) free(p->scripts[i]);
  free(p->scripts);
  free(p);
}

/* Connections that were never made are no fault; scripts that were begun come to their end. */
static bool all_played(void *arg) {
  const world *w = arg;
  for (const ws_list *n = w->peers.next; n != &w->peers; n = n->next) {
    const raw_peer *p = ws_list_entry(n, raw_peer, node);
    if (p->script_count > 0 && !p->lenient && p->finished < p->accepted) return false;
  }
  return true;
}

void raw_peers_end(world *w) {
  world_run_until(w, all_played, w);
  for (ws_list *node; (node = ws_list_pop(&w->peers)) != NULL;) {
    peer_free(ws_list_entry(node, raw_peer, node));
  }
}
