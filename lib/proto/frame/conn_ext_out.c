#include "proto/frame/conn_ext.h"

/* Sent messages that extensions change, a frame at a time. */

#include <string.h>

#include "base/error.h"
#include "proto/frame/prepared.h"

/* Extensions want a frame's payload in one piece. */
static int join_pieces(conn *c, const conn_frame *f, conn_ext_frame *out) {
  out->piece = f->count == 1 ? f->pieces[0] : (ws_view){NULL, 0};
  if (f->count == 1 || f->len == 0) return 0;
  uint8_t *at = out->joined = ws_malloc(c->work->shared->chunks.alloc, f->len);
  if (at == NULL) return WS_ENOMEM;
  out->piece = (ws_view){at, f->len};
  for (size_t i = 0; i < f->count; i++) {
    if (f->pieces[i].len > 0) memcpy(at, f->pieces[i].base, f->pieces[i].len);
    at += f->pieces[i].len;
  }
  return 0;
}

/* 1: there is a variant of the prepared message; 0: there is none; or an error. */
static int use_variant(conn *c, const conn_frame *f, conn_ext_frame *out) {
  const prepared_variant *v = NULL;
  int err = f->prepared != NULL ? prepared_for(f->prepared, c->extensions, &v) : 0;
  if (err < 0 || v == NULL) return err;
  if (v->taken) out->piece = (ws_view){v->data, v->len};
  out->rsv = v->rsv;
  return 1;
}

int conn_ext_out(conn *c, const conn_frame *f, bool first, conn_ext_frame *out) {
  *out = (conn_ext_frame){.why = ""};
  int err = join_pieces(c, f, out);
  if (err < 0) return err;
  int r = use_variant(c, f, out);
  if (r != 0) return r < 0 ? r : 0;
  if (first) c->out_plain = f->plain;
  extension_send send = {.type = (wsuv_frame_type_t) f->type,
                         .plain = c->out_plain,
                         .chunk = {out->piece.base, out->piece.len, first, f->fin}};
  err = extension_set_outgoing(c->extensions, &c->work->shared->extensions, &send);
  out->piece = (ws_view){send.chunk.data, send.chunk.len};
  out->rsv = send.rsv;
  out->taken = send.taken;
  out->why = send.why;
  return err;
}

void conn_ext_out_end(conn *c, conn_ext_frame *out) {
  extension_scratch_release(&c->work->shared->extensions);
  ws_free(c->work->shared->chunks.alloc, out->joined);
}
