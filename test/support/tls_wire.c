#include "support/tls_wire.h"

#include <stdlib.h>

#include "base/error.h"
#include "support/tls_ends.h"
#include "testkit/check.h"
#include "testkit/fifo.h"

/* An engine between two wires. */

enum { BATCH = 64 * 1024 };

typedef struct tls_wire {
  wire head;
  world *w;
  wire *lower;
  tls_end end;
  fifo out; /* plaintext that was written before the handshake was done */
  world_timer *owed, *drip;
  fifo slow;    /* ciphertext that goes out in pieces */
  size_t piece; /* of so many bytes; 0: all at once */
  uint64_t every_ms;
  bool reading, lower_reading, shaken, told_end, busy;
  bool end_wanted, reset_wanted, gone; /* gone: for the layer above */
} tls_wire;

static tls_wire *self(wire *w) {
  return (tls_wire *) (void *) w;
}

static void release(tls_wire *t) {
  if (t->busy || t->lower != NULL) return;
  if (t->owed != NULL) world_cancel(t->w, t->owed);
  if (t->drip != NULL) world_cancel(t->w, t->drip);
  tls_end_free(&t->end);
  fifo_free(&t->out);
  fifo_free(&t->slow);
  free(t);
}

static void drop_lower(tls_wire *t, void (*how)(wire *w)) {
  if (t->lower != NULL) how(t->lower);
  t->lower = NULL;
}

/* Downwards */

static void read_lower(tls_wire *t, bool on) {
  if (t->lower == NULL || t->lower_reading == on) return;
  t->lower_reading = on;
  t->lower->ops->read(t->lower, on);
}

static void on_drip(void *data) {
  tls_wire *t = data;
  size_t n = t->piece < t->slow.len ? t->piece : t->slow.len;
  t->drip = NULL;
  if (t->lower == NULL) return;
  t->lower->ops->write(t->lower, fifo_data(&t->slow), n);
  fifo_consume(&t->slow, n);
  if (t->slow.len > 0) t->drip = world_after(t->w, t->every_ms, on_drip, t);
}

static void push_slowly(tls_wire *t) {
  tls_end_take(&t->end, &t->slow, SIZE_MAX);
  if (t->slow.len > 0 && t->drip == NULL) t->drip = world_after(t->w, t->every_ms, on_drip, t);
}

static void push(tls_wire *t) {
  fifo out = {0};
  if (t->piece > 0) {
    push_slowly(t);
    return;
  }
  tls_end_take(&t->end, &out, SIZE_MAX);
  if (t->lower != NULL && out.len > 0) t->lower->ops->write(t->lower, fifo_data(&out), out.len);
  fifo_free(&out);
}

/* The engine's queue is bounded. Once it has failed, nothing can be said any more. */
static void encrypt(tls_wire *t, const uint8_t *data, size_t len) {
  bool failed = t->end.ended != 0 && t->end.ended != WS_EOF;
  for (size_t done = 0, n = 0; done < len && !failed; done += n) {
    n = len - done < BATCH ? len - done : BATCH;
    tls_end_write(&t->end, data + done, n);
    push(t);
  }
}

static void end_lower(tls_wire *t) {
  tls_engine_close(t->end.engine);
  push(t);
  t->lower->ops->end(t->lower);
}

/* What had to wait for the handshake. */
static void catch_up(tls_wire *t) {
  encrypt(t, fifo_data(&t->out), t->out.len);
  fifo_free(&t->out);
  if (t->reset_wanted) {
    drop_lower(t, t->lower->ops->reset);
  } else {
    if (t->end_wanted) end_lower(t);
    read_lower(t, t->reading);
  }
}

/* Upwards */

static void tell_end(tls_wire *t, int status) {
  if (t->told_end || t->gone) return;
  t->told_end = true;
  t->head.events->on_end(t->head.up, status);
}

static void deliver(tls_wire *t) {
  size_t len = t->end.in.len;
  if (t->gone || !t->reading) return;
  if (len > 0) {
    uint8_t *copy = check_alloc(len);
    for (size_t i = 0; i < len; i++) copy[i] = fifo_data(&t->end.in)[i];
    fifo_consume(&t->end.in, len);
    t->head.events->on_data(t->head.up, copy, len);
    free(copy);
  }
  if (t->end.ended == WS_EOF) tell_end(t, 0);
}

static void on_data(void *up, const uint8_t *data, size_t len) {
  tls_wire *t = up;
  t->busy = true;
  if (t->end.ended == 0) tls_end_feed(&t->end, data, len, 0);
  push(t);
  if (t->end.shaken == 0 && !t->shaken) {
    t->shaken = true;
    catch_up(t);
  }
  deliver(t);
  t->busy = false;
  release(t);
}

static void on_end(void *up, int status) {
  tls_wire *t = up;
  t->busy = true;
  tell_end(t, status);
  if (t->gone) drop_lower(t, t->lower != NULL ? t->lower->ops->close : NULL);
  t->busy = false;
  release(t);
}

static const wire_events events = {on_data, on_end};

/* Calls from above */

static void on_owed(void *data) {
  tls_wire *t = data;
  t->owed = NULL;
  t->busy = true;
  deliver(t);
  t->busy = false;
  release(t);
}

static void wire_read(wire *w, bool on) {
  tls_wire *t = self(w);
  t->reading = on;
  if (t->shaken) read_lower(t, on);
  if (on && t->end.in.len > 0 && !t->busy && t->owed == NULL) {
    t->owed = world_after(t->w, 0, on_owed, t);
  }
}

static void wire_write(wire *w, const void *data, size_t len) {
  tls_wire *t = self(w);
  if (t->shaken) {
    encrypt(t, data, len);
  } else {
    fifo_append(&t->out, data, len);
  }
}

static void wire_end(wire *w) {
  tls_wire *t = self(w);
  t->end_wanted = true;
  if (t->shaken) end_lower(t);
}

static void wire_close(wire *w) {
  tls_wire *t = self(w);
  t->gone = true;
  drop_lower(t, t->lower->ops->close);
  release(t);
}

static void wire_reset(wire *w) {
  tls_wire *t = self(w);
  t->gone = t->reset_wanted = true;
  if (!t->shaken) return;
  drop_lower(t, t->lower->ops->reset);
  release(t);
}

static const wire_ops ops = {wire_read, wire_write, wire_end, wire_close, wire_reset};

wire *tls_wire_new(world *w, wire *lower, tls_context *ctx, const char *host) {
  tls_wire *t = check_alloc(sizeof *t);
  t->head.ops = &ops;
  t->w = w;
  t->lower = lower;
  tls_end_init(&t->end, ctx, host, 0);
  lower->events = &events;
  lower->up = t;
  read_lower(t, true);
  if (host != NULL) {
    tls_end_step(&t->end);
    push(t);
  }
  return &t->head;
}

void tls_wire_dribble(wire *w, size_t piece, uint64_t every_ms) {
  tls_wire *t = self(w);
  t->piece = piece;
  t->every_ms = every_ms;
}

void tls_wire_cut(wire *w) {
  tls_wire *t = self(w);
  t->lower->ops->end(t->lower);
}
