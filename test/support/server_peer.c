#include "support/server_peer.h"

/* Bytes from a raw connection into the core and back. */

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "testkit/check.h"

static const message_limits limits = {1 << 28, 1 << 28, 1 << 20};
static const h1_server_limits request = {16384, 100};

static void flush(server_end *e) {
  ws_view bufs[16];
  size_t n;
  while (!e->raw->closed && (n = out_queue_peek(&e->conn.work->out, bufs, 16)) > 0) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
      raw_conn_write(e->raw, bufs[i].base, bufs[i].len);
      total += bufs[i].len;
    }
    out_queue_written(&e->conn.work->out, total);
  }
}

static void send_message(server_end *e, frame_opcode type, const uint8_t *data, size_t len) {
  size_t most = e->peer->fragment != 0 ? e->peer->fragment : len;
  size_t at = 0;
  do {
    size_t n = len - at < most ? len - at : most;
    CHECK(conn_send(&e->conn, type, at + n == len, data + at, n) == 0);
    at += n;
  } while (at < len);
  flush(e);
}

static void answer_request(server_end *e) {
  size_t len;
  handshake_result *result;
  CHECK(h1_server_accept(e->handshake, NULL, e->peer->extensions, NULL, 0) == 0);
  CHECK(h1_server_result(e->handshake, &result) == 0);
  conn_set_extensions(&e->conn, result->extensions);
  result->extensions = NULL;
  handshake_result_free(result);
  const char *answer = h1_server_answer(e->handshake, &len);
  raw_conn_write(e->raw, answer, len);
  h1_server_free(e->handshake);
  e->handshake = NULL;
}

/* The request may be refused; it is not for these tests to fail. */
static void take_request(server_end *e) {
  fifo *in = &e->raw->in;
  size_t used;
  int r = h1_server_feed(e->handshake, fifo_data(in), in->len, &used);
  fifo_consume(in, used);
  if (r == 0) return;
  if (h1_server_cause(e->handshake) == WSUV_REFUSED_NONE) {
    answer_request(e);
  } else {
    raw_conn_close(e->raw);
  }
}

static void take_event(server_end *e, const conn_event *ev) {
  server_peer *p = e->peer;
  if (ev->type == CONN_EVENT_CLOSE) {
    CHECK(conn_answer_close(&e->conn, &(conn_dropped){0}) == 0);
    flush(e);
    raw_conn_end(e->raw);
  }
  if (ev->type != CONN_EVENT_MESSAGE) return;
  p->messages++;
  const extension_set *set = e->conn.extensions;
  if (set != NULL && (set->in_rsv & WSUV_RSV1) != 0) p->compressed++;
  p->got.len = 0;
  bytes_add(&p->got, ev->data, ev->len);
  if (!p->silent) send_message(e, (frame_opcode) ev->opcode, ev->data, ev->len);
}

static void take_frames(server_end *e) {
  fifo *in = &e->raw->in;
  size_t len = in->len;
  conn_event ev;
  int r;
  conn_recv(&e->conn, fifo_data(in), len);
  while ((r = conn_next_event(&e->conn, &ev)) == 1) take_event(e, &ev);
  fifo_consume(in, len);
  flush(e);
  if (r < 0) e->peer->failed = r;
  if (r < 0) raw_conn_end(e->raw);
}

static void on_bytes(raw_conn *c) {
  server_end *e = c->data;
  if (e->handshake != NULL) take_request(e);
  if (e->handshake == NULL && c->in.len > 0 && !c->closed) take_frames(e);
}

static void on_connection(raw_conn *c) {
  server_peer *p = c->peer->data;
  server_end *e = check_alloc(sizeof *e);
  e->peer = p;
  e->raw = c;
  e->next = p->latest;
  p->latest = e;
  c->data = e;
  CHECK(h1_server_new(&e->handshake, &ws_alloc_libc, &request) == 0);
  conn_init(&e->conn, WS_SERVER, false, &limits);
  conn_work_init(&e->work, &p->shared, WS_SERVER);
  e->conn.work = &e->work;
}

void server_peer_start(server_peer *p, world *w, const wsuv_extension_t *const *extensions,
                       size_t count) {
  static const raw_peer_callbacks callbacks = {on_connection, on_bytes, NULL};
  *p = (server_peer){.raw = raw_peer_new(w)};
  p->env.alloc = &ws_alloc_libc;
  conn_shared_init(&p->shared, &p->env);
  CHECK(extension_list_new(&p->extensions, &ws_alloc_libc, extensions, count) == 0);
  p->raw->data = p;
  raw_peer_set_callbacks(p->raw, &callbacks);
}

void server_peer_free(server_peer *p) {
  static const raw_peer_callbacks none = {NULL, NULL, NULL};
  raw_peer_set_callbacks(p->raw, &none); /* connections may go on for a while */
  while (p->latest != NULL) {
    server_end *e = p->latest;
    p->latest = e->next;
    h1_server_free(e->handshake);
    conn_free(&e->conn);
    free(e);
  }
  extension_list_unref(p->extensions);
  conn_shared_free(&p->shared);
  bytes_free(&p->got);
}

void server_peer_send(server_peer *p, frame_opcode type, const void *data, size_t len) {
  send_message(p->latest, type, data, len);
}

void server_peer_send_bytes(server_peer *p, const void *data, size_t len) {
  raw_conn_write(p->latest->raw, data, len);
}
