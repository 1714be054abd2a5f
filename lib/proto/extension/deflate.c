#include <wsuv/deflate.h>

/* permessage-deflate (RFC 7692) as an extension like any other. Decides which messages are
   compressed, and which session has which zlib state, and how long. */

#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "proto/extension/deflate_params.h"
#include "proto/extension/deflater.h"
#include "proto/extension/extension_hooks.h"
#include "proto/extension/inflater.h"
#include "proto/extension/zstream_pool.h"

static const wsuv_deflate_options_t default_options = {
    .size = sizeof default_options,
    .level = 6,
    .mem_level = 8,
    .server_max_window_bits = DEFLATE_BITS_MAX,
    .client_max_window_bits = DEFLATE_BITS_MAX,
    .max_inflated_size = 2147483647,
};

/* Shared by the sessions of an endpoint. */
typedef struct deflate_shared {
  wsuv_deflate_options_t options; /* This is a copy of the program's options. */
  zstream_pool pool;              /* All sessions take their zlib states from this pool. */
} deflate_shared;

/* One session. */
typedef struct deflate_session {
  deflate_shared *shared;        /* This is shared with other sessions, and outlives this one. */
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the session. */
  deflate_way out, in;           /* We and the peer compress messages in these ways. */
  /* The session owns these zlib states; each is NULL if it is not needed at present. */
  z_stream *deflater, *inflater;
  bool context_used;          /* The deflater's window is not empty. */
  inflater_progress progress; /* This is the state of the message that is being inflated. */
} deflate_session;

SIZED_TYPE(options_type, wsuv_deflate_options_t, max_inflated_size, sizeof(wsuv_deflate_options_t));

void wsuv_deflate_options_defaults(wsuv_deflate_options_t *options, size_t size) {
  sized_fill(options, size, &options_type, &default_options);
}

/* Installing and negotiating */

static int read_options(wsuv_deflate_options_t *to, const wsuv_deflate_options_t *from) {
  *to = default_options;
  int err = sized_in(to, &options_type, from, NULL);
  return err < 0 ? err : deflate_options_check(to);
}

static int install(void *data, const wsuv_allocator_t *alloc, void **shared) {
  wsuv_deflate_options_t options;
  int err = read_options(&options, data);
  if (err < 0) return err;
  deflate_shared *d = ws_malloc(alloc, sizeof *d);
  if (d == NULL) return WS_ENOMEM;
  d->options = options;
  zstream_pool_init(&d->pool, alloc, options.level, options.mem_level);
  *shared = d;
  return 0;
}

static void uninstall(void *shared) {
  deflate_shared *d = shared;
  zstream_pool_free(&d->pool);
  ws_free(d->pool.alloc, d);
}

static int deflate_state_new(deflate_shared *shared, const wsuv_allocator_t *alloc,
                             const deflate_way *out, const deflate_way *in, void **state) {
  deflate_session *s = ws_calloc(alloc, sizeof *s);
  if (s == NULL) return WS_ENOMEM;
  s->shared = shared;
  s->alloc = alloc;
  s->out = *out;
  s->in = *in;
  *state = s;
  return 0;
}

static int offer(void *shared, size_t n, wsuv_extension_params_t *params) {
  const deflate_shared *d = shared;
  if (n > 0) return 0;
  int err = deflate_params_offer(&d->options, params);
  return err < 0 ? err : 1;
}

static int accept_answer(void *shared, const wsuv_allocator_t *alloc,
                         const wsuv_extension_param_t *params, size_t count, void **state,
                         const char **why) {
  deflate_shared *d = shared;
  deflate_agreement agreed;
  int err = deflate_params_accept(&d->options, params, count, &agreed, why);
  if (err < 0) return err;
  err = deflate_state_new(d, alloc, &agreed.client, &agreed.server, state);
  if (err < 0) *why = "no memory";
  return err;
}

static int answer(void *shared, const wsuv_allocator_t *alloc, const wsuv_extension_param_t *params,
                  size_t count, wsuv_extension_params_t *out, void **state) {
  deflate_shared *d = shared;
  deflate_agreement agreed;
  int r = deflate_params_answer(&d->options, params, count, out, &agreed);
  if (r <= 0) return r;
  int err = deflate_state_new(d, alloc, &agreed.server, &agreed.client, state);
  return err < 0 ? err : 1;
}

static void give_deflater(deflate_session *s) {
  zstream_give_deflater(&s->shared->pool, s->out.bits, s->deflater);
  s->deflater = NULL;
}

static void give_inflater(deflate_session *s) {
  zstream_give_inflater(&s->shared->pool, s->in.bits, s->inflater);
  s->inflater = NULL;
}

static void deflate_state_free(void *state) {
  deflate_session *s = state;
  if (s->deflater != NULL) give_deflater(s);
  if (s->inflater != NULL) give_inflater(s);
  ws_free(s->alloc, s);
}

/* Also without takeover: a message may be incomplete for a long time, in either direction. */
static size_t memory(void *state) {
  const deflate_session *s = state;
  return sizeof *s + zstream_deflater_size(&s->shared->pool, s->out.bits) +
         zstream_inflater_size(s->in.bits);
}

/* Sending */

static bool is_wanted(const wsuv_deflate_options_t *o, const wsuv_extension_message_t *message,
                      const wsuv_extension_chunk_t *chunk) {
  if (message->plain || message->len <= o->compress_if_bigger_than) return false;
  return o->compress_if == NULL ||
         o->compress_if(o->compress_if_arg, message->type, chunk->data, chunk->len);
}

/* Reset the compressor. Always legal: the receiver need not know. */
static void reset_context(deflate_session *s) {
  s->context_used = false;
  if (s->out.takeover) {
    (void) deflateReset(s->deflater);
  } else {
    give_deflater(s);
  }
}

/* A whole message that did not become shorter is better sent without compression. That resets the
   window, so it is done only if the window holds no more than this message. */
static bool did_not_shrink(const deflate_session *s, const wsuv_extension_chunk_t *chunk,
                           size_t produced) {
  bool whole = chunk->first && chunk->last;
  bool fills_window = chunk->len >= (size_t) 1 << s->out.bits;
  return whole && produced >= chunk->len && (!s->out.takeover || fills_window);
}

static int begin_message(deflate_session *s, wsuv_extension_message_t *message) {
  if (s->deflater == NULL) {
    s->deflater = zstream_take_deflater(&s->shared->pool, s->out.bits);
  }
  if (s->deflater == NULL) {
    message->intact = true;
    return WS_ENOMEM;
  }
  message->rsv = WSUV_RSV1;
  return 0;
}

static int outgoing(void *state, wsuv_extension_message_t *message,
                    const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  deflate_session *s = state;
  if (chunk->first) {
    if (!is_wanted(&s->shared->options, message, chunk)) return WSUV_EXTENSION_PASS;
    int err = begin_message(s, message);
    if (err < 0) return err;
  }
  s->context_used = true;
  int err = deflater_feed(s->deflater, chunk->data, chunk->len, chunk->last, sink);
  if (err < 0) {
    message->intact = chunk->first; /* no output of it was passed on */
    reset_context(s);
    return err;
  }
  if (did_not_shrink(s, chunk, sink->written)) {
    reset_context(s);
    return WSUV_EXTENSION_PASS;
  }
  if (chunk->last && !s->out.takeover) give_deflater(s);
  return WSUV_EXTENSION_TAKEN;
}

/* Prepared messages are compressed with an empty window, and so is the message after one: the
   receiver's window holds the prepared message, and the deflater's does not. A reset takes time;
   one is enough for any number of prepared messages in a row. */

/* Sessions may be configured to compress different messages. A number for these options; 0 if all
   messages are compressed. */
static uint64_t options_hash(const wsuv_deflate_options_t *o) {
  const uint64_t odd = 0x9e3779b97f4a7c15; /* a multiplier that spreads differences over all bits */
  uint64_t n = o->compress_if_bigger_than * odd;
  if (o->compress_if == NULL) return n;
  n = (n ^ n >> 32 ^ (uintptr_t) o->compress_if) * odd;
  return (n ^ n >> 32 ^ (uintptr_t) o->compress_if_arg) * odd;
}

static uint64_t variant(void *state) {
  deflate_session *s = state;
  const wsuv_deflate_options_t *o = &s->shared->options;
  if (s->deflater != NULL && s->context_used) reset_context(s);
  return (options_hash(o) & ~(uint64_t) 0xff) | (uint64_t) o->level << 4 | s->out.bits;
}

static int prepare(void *state, wsuv_extension_message_t *message,
                   const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  deflate_session *s = state;
  zstream_pool *pool = &s->shared->pool;
  if (!is_wanted(&s->shared->options, message, chunk)) return WSUV_EXTENSION_PASS;
  z_stream *z = zstream_take_deflater(pool, s->out.bits);
  if (z == NULL) return WS_ENOMEM;
  message->rsv = WSUV_RSV1;
  int err = deflater_feed(z, chunk->data, chunk->len, true, sink);
  zstream_give_deflater(pool, s->out.bits, z);
  if (err < 0) return err;
  return sink->written >= chunk->len ? WSUV_EXTENSION_PASS : WSUV_EXTENSION_TAKEN;
}

/* Receiving */

static void explain(wsuv_extension_message_t *message, const inflater_progress *p, int err) {
  if (err == WSUV_ETOOBIG) message->why = "inflated message too large";
  if (err != WSUV_EDEFLATE) return;
  bool starves = inflater_starves(p);
  message->why = starves ? "compressed data yields too little" : "compressed data is corrupt";
  if (starves) message->close_code = WSUV_CLOSE_POLICY_VIOLATION;
}

static int incoming(void *state, wsuv_extension_message_t *message,
                    const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  deflate_session *s = state;
  if (chunk->first) {
    if (message->rsv == 0) return WSUV_EXTENSION_PASS;
    if (s->inflater == NULL) s->inflater = zstream_take_inflater(&s->shared->pool, s->in.bits);
    if (s->inflater == NULL) return WS_ENOMEM;
    inflater_begin(&s->progress, s->shared->options.max_inflated_size);
  }
  int err = inflater_feed(s->inflater, &s->progress, chunk->data, chunk->len, chunk->last, sink);
  if (err < 0) explain(message, &s->progress, err);
  bool done = err < 0 || (chunk->last && !s->in.takeover);
  if (done) give_inflater(s);
  return err;
}

int wsuv_permessage_deflate_fill(wsuv_extension_t *extension, size_t size,
                                 const wsuv_deflate_options_t *options) {
  wsuv_deflate_options_t read;
  wsuv_extension_t full;
  if (options == NULL) options = &default_options;
  wsuv_extension_init(&full);
  full.key = "permessage-deflate";
  full.rsv = WSUV_RSV1;
  full.data = (void *) (uintptr_t) options;
  full.install = install;
  full.uninstall = uninstall;
  full.offer = offer;
  full.accept = accept_answer;
  full.answer = answer;
  full.state_free = deflate_state_free;
  full.incoming = incoming;
  full.outgoing = outgoing;
  full.variant = variant;
  full.prepare = prepare;
  full.memory = memory;
  extension->size = size;
  int err = extension_hooks_out(extension, &full);
  return err < 0 ? err : read_options(&read, options);
}
