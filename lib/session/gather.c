#include "session/gather.h"

#include "base/error.h"

/* Gathers pieces in a queue of bytes, and makes frames of them. */

enum {
  KIB = 1024,
  MANY = 1024, /* a message with so many frames makes longer ones */
  GATHERED_MAX = 1024 * KIB,
  VIEWS_MAX = GATHERED_MAX / BUFQ_CHUNK_SIZE + 1 /* the chunks of what is gathered, and a piece */
};

gather *gather_new(const wsuv_allocator_t *alloc) {
  gather *g = ws_calloc(alloc, sizeof *g);
  if (g == NULL) return NULL;
  bufq_init(&g->bytes);
  g->due_ms = UINT64_MAX;
  return g;
}

/* The completions of what was gathered wait for all that is in the data lane. */
static void release(gather *g, const out_queue *q, completions *cs, bool dropped) {
  for (completion *c = g->first, *next; c != NULL; c = next) {
    next = c->next;
    c->end = q->lanes[LANE_DATA].queued;
    c->dropped = dropped;
    completions_add(cs, LANE_DATA, c);
  }
  g->first = NULL;
  bufq_clear(&g->bytes, q->pool);
  g->due_ms = UINT64_MAX;
}

void gather_free(gather *g, conn *c, completions *cs) {
  if (g == NULL) return;
  release(g, &c->work->out, cs, true);
  ws_free(c->work->shared->chunks.alloc, g);
}

static size_t most(const gather *g) {
  if (g->frames < 1 * MANY) return 16 * KIB;
  if (g->frames < 4 * MANY) return 64 * KIB;
  if (g->frames < 8 * MANY) return 256 * KIB;
  return GATHERED_MAX;
}

bool gather_takes(const gather *g, size_t len) {
  return len < most(g) - bufq_len(&g->bytes);
}

int gather_add(gather *g, conn *c, const ws_view *piece) {
  return bufq_append(&g->bytes, &c->work->shared->chunks, piece->base, piece->len);
}

void gather_wait(gather *g, completion *c) {
  c->next = NULL;
  if (g->first == NULL) {
    g->first = c;
  } else {
    g->last->next = c;
  }
  g->last = c;
}

bool gather_ready(const gather *g, uint64_t now_ms) {
  return g->frames < MANY || g->first != NULL || now_ms >= g->due_ms;
}

/* When the message has many frames, what is just longer than gathered pieces may be is not cut: the
   rest would be a short frame. */
static size_t fragment_size(const gather *g, size_t size) {
  if (size == 0 || g->frames < MANY) return size;
  return size > 2 * most(g) ? size : 2 * most(g);
}

int gather_send(gather *g, conn *c, const conn_frame *frame, completions *cs) {
  ws_view views[VIEWS_MAX];
  const size_t len = bufq_len(&g->bytes);
  const uint64_t before = c->sent.frames;
  conn_frame f = *frame;
  if (f.len > SIZE_MAX - len) return WSUV_EMSGSIZE;
  f.count = bufq_peek(&g->bytes, 0, len, views, VIEWS_MAX - 1);
  if (f.len > 0 || len == 0) views[f.count++] = *frame->pieces;
  f.pieces = views;
  f.len += len;
  f.fragment_size = fragment_size(g, frame->fragment_size);
  int err = conn_send_frame(c, &f);
  if (err < 0) return err;
  g->frames += c->sent.frames - before;
  release(g, &c->work->out, cs, false);
  return 0;
}
