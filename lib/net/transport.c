#include "net/transport.h"

/* What the program reports is noted, and passed on by a deferred call: so no event runs inside a
   call of the program's, whatever it is doing. The program may end the session inside of its
   functions: then the filter is closed inside of a call of this filter, which fails with
   WS_ECANCELED, and no function of the program is called any more.

     above      on_read                          write
                   ^                               |
     deferred   received, ended, written           |
                   ^                               v
     program    wsuv_transport_received    wsuv_transport_ops.write */

#include <string.h>

#include "base/block.h"
#include "base/error.h"
#include "base/sized.h"

enum {
  WRITE_PIECES = 32,   /* pieces in one call of the program's function */
  KEPT_ROOM = 4 * 1024 /* room for received bytes that is not freed when it is empty */
};

_Static_assert((size_t) WSUV_TRANSPORT_WRITE_MAX <= (size_t) WS_FILTER_RETAIN_MAX,
               "one write may be retained");

SIZED_TYPE(ops_type, wsuv_transport_ops_t, peer_address, sizeof(wsuv_transport_ops_t));

struct wsuv_transport {
  ws_filter filter; /* This must be the first field, because transport_of converts its address. */
  ws_env *env;      /* This is the environment, which outlives the transport. */
  wsuv_transport_ops_t ops; /* These are the program's functions. */
  void *data;               /* This is the first argument of all of them. */
  ws_deferred *deferred;    /* The transport owns this call, which passes on what was noted. */
  block_spare none;         /* This has the allocator of `received`. */
  block received;           /* These bytes were received; the first `taken` were passed on. */
  size_t taken;             /* This many bytes of `received` were passed on. */
  int end_status;           /* The end of what is received is reported with this code. */
  int write_status;         /* What was retained has been written with this result. */
  bool reading;             /* The layer above reads. */
  bool program_reads;       /* The program was told to read. */
  bool ended;               /* The program has reported the end. */
  bool end_told;            /* It was passed on. */
  bool writing;             /* The program's `write` is running. */
  bool retained;            /* The program has kept what it was given to write. */
  bool written;             /* The program has reported that it is written. */
  bool closing;             /* The filter was closed. */
  bool closed;              /* The program has closed the connection. */
};

static wsuv_transport_t *transport_of(ws_filter *f) {
  return (wsuv_transport_t *) (void *) f;
}

static void transport_schedule(wsuv_transport_t *t) {
  t->env->ops->deferred_schedule(t->deferred);
}

/* Passing on */

static bool has_received(const wsuv_transport_t *t) {
  return t->taken < t->received.len;
}

static void free_received(wsuv_transport_t *t) {
  t->taken = 0;
  block_release(&t->received, &t->none);
  block_spare_free(&t->none);
}

static void all_is_taken(wsuv_transport_t *t) {
  t->taken = t->received.len = 0;
  if (t->received.cap > KEPT_ROOM) free_received(t);
}

/* Whether the layer above wants to hear more. */
static bool listens(const wsuv_transport_t *t) {
  return !t->closing && !ws_env_lost(t->env);
}

static void tell_written(wsuv_transport_t *t) {
  t->retained = t->written = false;
  t->filter.events->on_write(t->filter.up, t->write_status);
}

static void deliver_piece(wsuv_transport_t *t) {
  ws_room room;
  t->filter.events->on_alloc(t->filter.up, &room);
  size_t left = t->received.len - t->taken, n = left < room.len ? left : room.len;
  memcpy(room.base, t->received.base + t->taken, n);
  t->taken += n;
  if (!has_received(t)) all_is_taken(t);
  t->filter.events->on_read(t->filter.up, room.base, (ptrdiff_t) n);
}

static void transport_finish(wsuv_transport_t *t) {
  const wsuv_allocator_t alloc = *t->env->alloc;
  t->env->ops->deferred_free(t->deferred);
  t->filter.events->on_close(t->filter.up);
  ws_free(&alloc, t);
}

static void pass_on(void *data) {
  wsuv_transport_t *t = data;
  if (t->written && listens(t)) tell_written(t);
  while (t->reading && has_received(t) && listens(t)) deliver_piece(t);
  if (t->reading && t->ended && !t->end_told && listens(t)) {
    t->end_told = true;
    t->filter.events->on_read(t->filter.up, NULL, t->end_status);
  }
  if (t->closed) transport_finish(t);
}

/* What the program reports */

int wsuv_transport_received(wsuv_transport_t *t, const void *data, size_t len) {
  if (t->ended || t->closing) return WSUV_ESTATE;
  if (len == 0) return 0;
  const size_t left = t->received.len - t->taken;
  if (left > WSUV_TRANSPORT_RECEIVED_MAX || len > WSUV_TRANSPORT_RECEIVED_MAX - left) {
    return WS_ENOBUFS;
  }
  if (t->taken > 0) memmove(t->received.base, t->received.base + t->taken, left);
  t->received.len = left;
  t->taken = 0;
  int err = block_reserve(&t->received, &t->none, len, WSUV_TRANSPORT_RECEIVED_MAX);
  if (err < 0) return err;
  memcpy(t->received.base + left, data, len);
  t->received.len += len;
  if (t->reading) transport_schedule(t);
  return 0;
}

int wsuv_transport_ended(wsuv_transport_t *t, int status) {
  if (t->ended || t->closing) return WSUV_ESTATE;
  t->ended = true;
  t->end_status = status < 0 ? status : WS_EOF;
  if (t->reading) transport_schedule(t);
  return 0;
}

int wsuv_transport_written(wsuv_transport_t *t, int status) {
  if (!(t->writing || t->retained) || t->written || t->closing) return WSUV_ESTATE;
  t->written = true;
  t->write_status = status < 0 ? status : 0;
  if (t->retained) transport_schedule(t);
  return 0;
}

int wsuv_transport_closed(wsuv_transport_t *t) {
  if (!t->closing || t->closed) return WSUV_ESTATE;
  t->closed = true;
  transport_schedule(t);
  return 0;
}

/* The filter */

static void tell_to_read(wsuv_transport_t *t, bool on) {
  if (t->program_reads == on || t->ended || t->closing) return;
  t->program_reads = on;
  t->ops.read(t->data, on);
}

static int transport_read_start(ws_filter *f) {
  wsuv_transport_t *t = transport_of(f);
  t->reading = true;
  if (has_received(t) || t->ended) transport_schedule(t);
  tell_to_read(t, true);
  return t->closing ? WS_ECANCELED : 0;
}

static void transport_read_stop(ws_filter *f) {
  wsuv_transport_t *t = transport_of(f);
  t->reading = false;
  tell_to_read(t, false);
}

/* What is left after the first `*at` bytes, as far as one call takes it. Empty pieces are left
   out. Returns the number of pieces. */
static size_t next_pieces(wsuv_piece_t *to, ws_view_list *rest, size_t *len) {
  size_t n = 0;
  *len = 0;
  while (rest->count > 0 && n < WRITE_PIECES && *len < WSUV_TRANSPORT_WRITE_MAX) {
    size_t left = rest->at->len - rest->skip, room = WSUV_TRANSPORT_WRITE_MAX - *len;
    size_t now = left < room ? left : room;
    if (now > 0) to[n++] = (wsuv_piece_t){rest->at->base + rest->skip, now};
    *len += now;
    rest->skip += now;
    if (rest->skip < rest->at->len) break;
    rest->at++;
    rest->count--;
    rest->skip = 0;
  }
  return n;
}

/* 0: all is written; 1: it is retained; or a code. What the program has kept stays retained until
   on_close, also if it has closed the filter. */
static int write_pieces(wsuv_transport_t *t, const wsuv_piece_t *pieces, size_t count) {
  t->writing = true;
  int r = t->ops.write(t->data, pieces, count);
  t->writing = false;
  t->retained = r > 0;
  if (!t->retained) t->written = false;
  if (t->written) transport_schedule(t);
  if (r > 0) return 1;
  return t->closing ? WS_ECANCELED : r;
}

static int transport_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                           size_t *retained) {
  wsuv_transport_t *t = transport_of(f);
  ws_view_list rest = {bufs, count, 0};
  wsuv_piece_t pieces[WRITE_PIECES];
  size_t n, len;
  *taken = *retained = 0;
  if (t->writing || t->closing) return WS_ECANCELED; /* the layer above is closing */
  while ((n = next_pieces(pieces, &rest, &len)) > 0) {
    int r = write_pieces(t, pieces, n);
    if (r < 0) return r;
    if (r > 0) {
      *retained = len;
      return 0;
    }
    *taken += len;
  }
  return 0;
}

static void transport_set_slow(ws_filter *f, bool slow, ws_slowed *slowed) {
  (void) f;
  (void) slowed;
  (void) slow; /* the program decides how much it takes */
}

static void transport_shut_down(ws_filter *f) {
  wsuv_transport_t *t = transport_of(f);
  if (t->ops.shutdown != NULL && !t->closing) t->ops.shutdown(t->data);
}

static int transport_query(const ws_filter *f, ws_filter_query what, void *out) {
  const wsuv_transport_t *t = (const wsuv_transport_t *) (const void *) f;
  if (what != WS_QUERY_PEER_ADDRESS || t->ops.peer_address == NULL || t->closing) return WS_ENOTSUP;
  return t->ops.peer_address(t->data, out) < 0 ? WS_ENOTSUP : 0;
}

static void transport_close(ws_filter *f) {
  wsuv_transport_t *t = transport_of(f);
  t->closing = true;
  free_received(t);
  t->ops.close(t->data);
}

static const ws_filter_ops filter_ops = {
    .read_start = transport_read_start,
    .read_stop = transport_read_stop,
    .write = transport_write,
    .set_slow = transport_set_slow,
    .shutdown = transport_shut_down,
    .query = transport_query,
    .close = transport_close,
};

/* Beginning */

static int read_ops(wsuv_transport_ops_t *to, const wsuv_transport_ops_t *from, ws_why *why) {
  if (from == NULL) return WS_EINVAL;
  wsuv_transport_ops_init(to);
  int err = sized_in(to, &ops_type, from, why);
  if (err < 0) return err;
  return to->write != NULL && to->read != NULL && to->close != NULL ? 0 : WS_EINVAL;
}

static int keep_received(wsuv_transport_t *t, ws_view received) {
  if (received.len == 0) return 0;
  if (block_reserve(&t->received, &t->none, received.len, SIZE_MAX) < 0) return WS_ENOMEM;
  memcpy(t->received.base, received.base, received.len);
  t->received.len = received.len;
  return 0;
}

int transport_new(wsuv_transport_t **out, ws_env *env, const wsuv_transport_ops_t *ops, void *data,
                  ws_view received, ws_why *why) {
  wsuv_transport_ops_t own;
  int err = read_ops(&own, ops, why);
  if (err < 0) return err;
  wsuv_transport_t *t = ws_calloc(env->alloc, sizeof *t);
  if (t == NULL) return WS_ENOMEM;
  t->filter.ops = &filter_ops;
  t->env = env;
  t->ops = own;
  t->data = data;
  block_spare_init(&t->none, env->alloc);
  err = keep_received(t, received);
  if (err == 0) err = env->ops->deferred_new(env, pass_on, t, &t->deferred);
  if (err < 0) {
    transport_discard(t);
    return err;
  }
  *out = t;
  return 0;
}

ws_filter *transport_filter(wsuv_transport_t *t) {
  return &t->filter;
}

bool transport_is_secure(const wsuv_transport_t *t) {
  return t->ops.secure;
}

void transport_discard(wsuv_transport_t *t) {
  const wsuv_allocator_t *alloc = t->env->alloc;
  t->env->ops->deferred_free(t->deferred);
  free_received(t);
  ws_free(alloc, t);
}
