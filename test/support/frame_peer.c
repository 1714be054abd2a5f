#include "support/frame_peer.h"

/* A raw peer that speaks frames: what it is told, and the answers that it is allowed to give. */

#include <stdio.h>
#include <string.h>

enum { CLOSE = 8, PING = 9, PONG = 10 };

static void send_script(raw_conn *c, const char *script) {
  bytes out = {0};
  frames_script(&out, script, false);
  raw_conn_write(c, out.base, out.len);
  bytes_free(&out);
}

static void greet(frame_peer *p, raw_conn *c) {
  p->upgraded++;
  raw_conn_upgrade(c, p->upgrade != NULL ? p->upgrade : "");
  if (p->greeting != NULL) send_script(c, p->greeting);
}

static void send_back(raw_conn *c, const seen_frame *f, uint8_t opcode) {
  const frame_spec spec = {.opcode = opcode, .fin = f->spec.fin};
  bytes out = {0};
  frames_build(&out, &spec, f->payload, (size_t) f->length);
  raw_conn_write(c, out.base, out.len);
  bytes_free(&out);
}

static void answer(const frame_peer *p, raw_conn *c, const seen_frame *f) {
  uint8_t opcode = f->spec.opcode;
  if (opcode < CLOSE && p->echoes) send_back(c, f, opcode);
  if (opcode == PING && p->pongs) send_back(c, f, PONG);
  if (opcode != CLOSE) return;
  if (!p->silent) send_back(c, f, CLOSE);
  if (p->ends || !(p->silent || p->keeps_open)) raw_conn_end(c);
}

static void note(frame_peer *p, const seen_frame *f) {
  p->frames++;
  p->opcodes[f->spec.opcode]++;
  if (p->forgets) return;
  if (!f->spec.masked) bytes_print(&p->saw, "(unmasked) ");
  frames_render(&p->saw, f->spec.opcode, f->spec.fin, f->spec.rsv, f->payload, (size_t) f->length);
  bytes_add(&p->keys, f->spec.key, sizeof f->spec.key);
}

/* NULL with a script, which acts alone: the data of the raw peer may be the test's then. */
static frame_peer *peer_of(const raw_conn *c) {
  return c->script == NULL ? c->peer->data : NULL;
}

static void on_bytes(raw_conn *c) {
  frame_peer *p = peer_of(c);
  seen_frame f;
  if (p == NULL) return;
  if (c->request == NULL) {
    if (!raw_conn_take_request(c)) return;
    greet(p, c);
  }
  while (!c->closed && raw_conn_take_frame(c, &f)) {
    note(p, &f);
    answer(p, c, &f);
    if (p->on_frame != NULL) p->on_frame(p, &f);
  }
}

static void on_connection(raw_conn *c) {
  frame_peer *p = peer_of(c);
  if (p != NULL) p->conn = c;
}

static void on_end(raw_conn *c) {
  frame_peer *p = peer_of(c);
  if (p == NULL) return;
  p->ended = true;
  p->end_status = c->end_status;
  if (!p->stays) raw_conn_close(c);
}

static void start(frame_peer *p, raw_peer *raw) {
  static const raw_peer_callbacks callbacks = {on_connection, on_bytes, on_end};
  *p = (frame_peer){.raw = raw};
  p->raw->data = p;
  raw_peer_set_callbacks(p->raw, &callbacks);
}

void frame_peer_start(frame_peer *p, world *w) {
  start(p, raw_peer_new(w));
}

void frame_peer_start_at(frame_peer *p, world *w, const char *path) {
  start(p, raw_peer_new_at(w, path, 0));
}

void frame_peer_free(frame_peer *p) {
  static const raw_peer_callbacks none = {NULL, NULL, NULL};
  raw_peer_set_callbacks(p->raw, &none); /* connections may go on for a while */
  bytes_free(&p->saw);
  bytes_free(&p->keys);
}

void frame_peer_send(frame_peer *p, const char *script) {
  send_script(p->conn, script);
}

bool frames_match(const bytes *lines, const char *script) {
  bytes frames = {0}, wanted = {0};
  frames_script(&frames, script, false);
  frames_render_stream(&wanted, frames.base, frames.len, false, false);
  bool same = strcmp(bytes_text(lines), bytes_text(&wanted)) == 0;
  if (!same) fprintf(stderr, "wanted:\n%sseen:\n%s", bytes_text(&wanted), bytes_text(lines));
  bytes_free(&frames);
  bytes_free(&wanted);
  return same;
}

bool frame_peer_saw(const frame_peer *p, const char *script) {
  return frames_match(&p->saw, script);
}
