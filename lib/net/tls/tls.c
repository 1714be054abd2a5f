#include "net/tls/tls.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "net/tls/tls_engine.h"

/* The filter of TLS: moves bytes between the engine, the filter below and the layer above.

     above    on_read           write
                 ^                |
     engine   decrypt          encrypt ---> queue of ciphertext
                 ^                            |
     below    on_read                       write

   Ciphertext is read into a buffer that all filters of a context share. No more is encrypted while
   something is retained below, so that at most one batch of ciphertext waits. While the handshake
   waits for its turn, nothing is read below.

   If the program moves the bytes below (net/transport.h), each call of the filter below may end the
   session, and so close this filter. No event may come then, so `closing` is looked at again. */

enum {
  WRITE_PIECES = 8,         /* pieces of the queue in one write */
  OWN_READ_SIZE = 16 * 1024 /* bytes of a read buffer of a filter over another TLS */
};

typedef struct tls {
  ws_filter filter;   /* This must be the first field, because tls_of converts its address. */
  ws_env *env;        /* This is the environment, which outlives the filter. */
  ws_filter *lower;   /* This is the filter below, which belongs to this one. */
  tls_engine *engine; /* The filter owns the engine. */
  tls_context *ctx;   /* The filter has a reference to the context. */
  /* The filter owns this call, which delivers plaintext that is there already; NULL if it is not
     scheduled. */
  ws_deferred *deferred_read;
  turn_list *turns; /* The handshake shares this budget with others; NULL: there is none. */
  turn_place turn;  /* The handshake waits with this for a later turn of the loop. */

  /* This many bytes of plaintext are encrypted and not written yet; or one, if `holds` is set. */
  size_t retained;
  size_t lower_retained; /* The filter below retains this many bytes of ciphertext. */

  /* Reading below has failed with this error; 0 if it has not, or has ended with WS_EOF. */
  int lower_end;
  int write_error;    /* Writing has failed with this error; 0 if it has not failed. */
  bool connected;     /* on_connect was called. */
  bool holds;         /* The engine could not write, so it is tried again with `held`. */
  uint8_t held;       /* This is the first byte that the engine did not take. */
  bool reading;       /* The layer above wants to read. */
  bool lower_reading; /* The filter below is reading. */
  bool delivering; /* An event of this filter is running; what can be read is delivered after it. */
  bool given;      /* The layer above knows that the peer has given a session. */
  bool ended;      /* The layer above has got the end of the stream, or the error. */
  bool shut_wanted, shut; /* Our direction is to be ended, and was ended below. */
  bool closing;           /* The filter was closed, so no event comes any more except on_close. */
  bool hidden;            /* Queries about TLS are not for this filter. */
  /* Over another TLS, the filter owns this memory for ciphertext; else this is NULL. */
  uint8_t *own_read_buf;
} tls;

static tls *tls_of(ws_filter *f) {
  return (tls *) (void *) f;
}

/* Below */

/* The layer above may stop to read inside. */
static int lower_read(tls *t, bool on) {
  if (on == t->lower_reading) return 0;
  int err = 0;
  t->lower_reading = on;
  if (on) {
    err = t->lower->ops->read_start(t->lower);
  } else {
    t->lower->ops->read_stop(t->lower);
  }
  if (err < 0) t->lower_reading = false;
  return err;
}

/* Write the queue, until it is empty or the filter below retains something. 0 or a code. */
static int push(tls *t) {
  const bufq *out = tls_engine_output(t->engine);
  while (t->write_error == 0 && !t->shut && t->lower_retained == 0 && bufq_len(out) > 0) {
    ws_view bufs[WRITE_PIECES];
    size_t taken, retained, count = bufq_peek(out, 0, bufq_len(out), bufs, WRITE_PIECES);
    t->write_error = t->lower->ops->write(t->lower, bufs, count, &taken, &retained);
    if (t->write_error == 0) {
      tls_engine_sent(t->engine, taken);
      t->lower_retained = retained;
    }
  }
  return t->write_error;
}

/* Reading */

static bool pending(const tls *t) {
  return t->lower_end != 0 || tls_engine_pending(t->engine);
}

/* The end of the stream, or an error: reported once, after the last byte. */
static void end_reading(tls *t, int status) {
  if (t->closing) return;
  t->ended = true;
  t->filter.events->on_read(t->filter.up, NULL, status);
}

/* Deliver one piece to the layer above. false: there is none. */
static bool deliver_some(tls *t) {
  ws_room buf;
  t->filter.events->on_alloc(t->filter.up, &buf);
  ptrdiff_t n = tls_engine_read(t->engine, buf.base, buf.len);
  if (n == WS_EAGAIN && t->lower_end == 0) return false;
  if (n > 0) {
    t->filter.events->on_read(t->filter.up, buf.base, n);
  } else {
    end_reading(t, n == WS_EAGAIN ? t->lower_end : (int) n);
  }
  return true;
}

static void tell_session(tls *t) {
  tls_info info;
  if (t->given || t->filter.events->on_session == NULL) return;
  tls_engine_info(t->engine, &info);
  t->given = info.given == TLS_GIVEN_SESSION;
  if (t->given) t->filter.events->on_session(t->filter.up);
}

/* Bytes from below are for the layer above. Or they are for the engine, which keeps what is not a
   message that it waits for: the layer above may not read before it has written. */
static bool wants_bytes(const tls *t) {
  bool above = t->reading && !t->ended && !pending(t);
  return above || (t->holds && t->lower_end == 0 && tls_engine_is_dry(t->engine));
}

static void go_on_writing(tls *t);
static void fail_held(tls *t, int err);

/* Deliver everything, as long as the layer above reads. Ciphertext that is left is copied out of
   the shared buffer; without memory for that the engine fails, and the next read reports it. */
static void deliver(tls *t) {
  t->delivering = true;
  while (t->reading && !t->ended && !t->closing && deliver_some(t)) {
  }
  t->delivering = false;
  if (t->closing) return;
  tell_session(t);
  (void) tls_engine_keep(t->engine);
  (void) push(t); /* there may be an alert to send */
  if (t->holds && !t->closing) go_on_writing(t);
  if (t->closing) return;
  int err = lower_read(t, wants_bytes(t));
  if (err < 0 && t->reading && !t->ended) end_reading(t, err);
  if (err < 0) fail_held(t, err);
}

static void on_deferred_read(void *data) {
  tls *t = data;
  t->env->ops->deferred_free(t->deferred_read);
  t->deferred_read = NULL;
  if (t->reading) deliver(t);
}

static int tls_schedule_read(tls *t) {
  if (t->deferred_read == NULL) {
    int err = t->env->ops->deferred_new(t->env, on_deferred_read, t, &t->deferred_read);
    if (err < 0) return err;
  }
  t->env->ops->deferred_schedule(t->deferred_read);
  return 0;
}

static int read_start(ws_filter *f) {
  tls *t = tls_of(f);
  if (t->reading) return 0;
  t->reading = true;
  if (t->ended || t->delivering) return 0;
  int err = pending(t) ? tls_schedule_read(t) : lower_read(t, true);
  if (err < 0) t->reading = false;
  return err;
}

static void read_stop(ws_filter *f) {
  tls *t = tls_of(f);
  t->reading = false;
  if (!wants_bytes(t)) (void) lower_read(t, false);
}

/* The handshake */

/* Application data may have come together with the peer's last handshake message. What is left to
   send of the handshake leaves with what the layer above writes now, if it writes. */
static void tell_connected(tls *t, int status) {
  turn_place_leave(&t->turn);
  if (status < 0) (void) lower_read(t, false); /* turning it off cannot fail */
  if (t->closing) return;
  t->connected = true;
  t->delivering = true;
  t->filter.events->on_connect(t->filter.up, status);
  t->delivering = false;
  if (t->closing || status < 0) return;
  deliver(t);
  if (!t->closing && !t->ended && t->write_error < 0) end_reading(t, t->write_error);
}

/* Go on as far as the budget of the turn goes. If there is no work that counts, it costs `least`.
   Returns as tls_engine_handshake; TLS_ENGINE_WORKED: the rest waits for a later turn. Without
   memory for what was fed, the engine fails, and reports it then. */
static int shake_hands(tls *t, unsigned least) {
  int err = TLS_ENGINE_WORKED;
  while (err == TLS_ENGINE_WORKED && turn_list_take(t->turns, &t->turn)) {
    err = tls_engine_handshake(t->engine);
    turn_list_spend(t->turns, err == TLS_ENGINE_WORKED ? tls_context_step_cost(t->ctx) : least);
    least = 0;
  }
  if (err == TLS_ENGINE_WORKED) {
    (void) tls_engine_keep(t->engine);
    (void) lower_read(t, false);
  }
  return err;
}

/* Bytes are decrypted, and the layer above may write: that counts, too, if it comes from many at
   the same time. */
static void tls_handshake_step(tls *t) {
  int err = shake_hands(t, 1);
  if (err == TLS_ENGINE_WORKED) return;
  int written = err != 0 ? push(t) : 0;
  if (err == WS_EAGAIN && written < 0) err = written;
  if (err == WS_EAGAIN && t->lower_end != 0) err = t->lower_end;
  if (err == WS_EAGAIN) {
    int reading = lower_read(t, true);
    if (reading < 0) err = reading;
  }
  if (err != WS_EAGAIN) tell_connected(t, err);
}

static void on_turn(turn_place *turn) {
  tls_handshake_step(ws_list_entry(turn, tls, turn));
}

/* Writing */

/* The engine writes nothing before more was read. One byte is retained, of which there is a copy,
   so that the layer above waits for on_write. 0 or a code, and then nothing is retained. */
static int hold(tls *t, const ws_view *bufs, size_t skip) {
  for (; skip >= bufs->len; bufs++) skip -= bufs->len;
  t->held = bufs->base[skip];
  t->holds = true;
  int err = push(t);
  if (err == 0 && !t->delivering) err = lower_read(t, t->lower_reading || wants_bytes(t));
  t->holds = err == 0;
  t->retained = t->holds ? 1 : 0;
  return err;
}

/* Nothing more can be read, or written, so what is held stays unwritten. */
static int held_error(const tls *t) {
  return t->write_error != 0 ? t->write_error : t->lower_end;
}

/* Returns whether nothing is held any more. */
static bool write_held(tls *t) {
  const ws_view byte = {&t->held, 1};
  size_t taken;
  int err = held_error(t);
  if (err == 0) err = tls_engine_write(t->engine, &byte, 1, 0, &taken);
  if (err == WS_EAGAIN) return false;
  t->holds = false;
  if (err < 0) t->write_error = err;
  return true;
}

/* Plaintext that is encrypted but not written by the filter below counts as retained: the layer
   above must know what has left, and what a close would drop. */
static int tls_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                     size_t *retained) {
  tls *t = tls_of(f);
  size_t n = 1;
  *taken = *retained = 0;
  int err = t->write_error;
  while (err == 0 && n > 0 && t->retained == 0) {
    err = tls_engine_write(t->engine, bufs, count, *taken, &n);
    if (err == WS_EAGAIN) {
      err = hold(t, bufs, *taken);
      break;
    }
    if (err == 0) err = push(t);
    if (err == 0 && t->lower_retained > 0) t->retained = n;
    if (err == 0 && t->lower_retained == 0) *taken += n;
  }
  if (err < 0) t->write_error = err;
  *retained = t->retained;
  return err;
}

static void set_slow(ws_filter *f, bool slow, ws_slowed *slowed) {
  ws_filter *lower = tls_of(f)->lower;
  lower->ops->set_slow(lower, slow, slowed);
}

/* End our direction after everything else. */
static void shut_down_below(tls *t) {
  if (push(t) < 0 || t->lower_retained > 0) return;
  t->shut = true;
  t->lower->ops->shutdown(t->lower);
}

static void shut_down(ws_filter *f) {
  tls *t = tls_of(f);
  t->shut_wanted = true;
  tls_engine_close(t->engine);
  shut_down_below(t);
}

static void tell_written(tls *t, int status) {
  if (t->retained == 0 || t->closing) return;
  t->retained = 0;
  t->filter.events->on_write(t->filter.up, status);
}

static void fail_held(tls *t, int err) {
  if (!t->holds || t->closing) return;
  t->holds = false;
  t->write_error = err;
  tell_written(t, err);
}

static void go_on_writing(tls *t) {
  if (t->holds && !write_held(t)) return;
  int err = push(t);
  if (err < 0 || t->lower_retained == 0) tell_written(t, err);
  if (!t->closing && t->shut_wanted && !t->shut) shut_down_below(t);
}

/* Events from below */

static void on_alloc(void *up, ws_room *buf) {
  const tls *t = up;
  *buf = t->own_read_buf != NULL ? (ws_room){t->own_read_buf, OWN_READ_SIZE}
                                 : tls_context_read_buffer(t->ctx);
}

static void on_read(void *up, uint8_t *data, ptrdiff_t n) {
  tls *t = up;
  if (n > 0) {
    tls_engine_feed(t->engine, data, (size_t) n);
    if (t->filter.events->on_bytes != NULL) t->filter.events->on_bytes(t->filter.up);
  } else if (n == WS_EOF) {
    tls_engine_eof(t->engine);
  } else {
    t->lower_end = (int) n;
  }
  if (t->connected) {
    deliver(t);
  } else {
    tls_handshake_step(t);
  }
}

static void on_write(void *up, int status) {
  tls *t = up;
  if (status < 0) t->write_error = status;
  if (status == 0) tls_engine_sent(t->engine, t->lower_retained);
  t->lower_retained = 0;
  if (t->connected) {
    go_on_writing(t);
  } else if (push(t) < 0) {
    tell_connected(t, t->write_error);
  }
}

static void destroy(tls *t) {
  const wsuv_allocator_t *alloc = t->env->alloc;
  tls_context *ctx = t->ctx;
  tls_engine_free(t->engine);
  ws_free(alloc, t->own_read_buf);
  ws_free(alloc, t);
  tls_context_unref(ctx);
}

static void tls_on_close(void *up) {
  tls *t = up;
  t->filter.events->on_close(t->filter.up);
  destroy(t);
}

static const ws_filter_events lower_events = {
    .on_alloc = on_alloc, .on_read = on_read, .on_write = on_write, .on_close = tls_on_close};

/* Closing */

/* close_notify is sent if that is possible at once. Retained bytes and their memory stay until
   on_close. */
static void close_it(ws_filter *f) {
  tls *t = tls_of(f);
  t->closing = true;
  turn_place_leave(&t->turn);
  t->env->ops->deferred_free(t->deferred_read);
  t->deferred_read = NULL;
  tls_engine_close(t->engine);
  (void) push(t);
  t->lower->ops->close(t->lower);
}

static int query(const ws_filter *f, ws_filter_query what, void *out) {
  const tls *t = (const tls *) (const void *) f;
  if (what == WS_QUERY_DESCRIPTOR) return WS_ENOTSUP;
  if (what == WS_QUERY_OVER_TLS) return 0;
  if (what != WS_QUERY_TLS || t->hidden) return t->lower->ops->query(t->lower, what, out);
  tls_info *info = out;
  tls_engine_info(t->engine, info);
  info->waits = turn_place_waits(&t->turn);
  return 0;
}

static const ws_filter_ops ops = {
    .read_start = read_start,
    .read_stop = read_stop,
    .write = tls_write,
    .set_slow = set_slow,
    .shutdown = shut_down,
    .query = query,
    .close = close_it,
};

/* Starting */

/* The first handshake message is sent last, so that nothing is retained if this function fails. */
static int tls_begin(tls *t) {
  t->lower->events = &lower_events;
  t->lower->up = t;
  int err = shake_hands(t, 0);
  if (err == TLS_ENGINE_WORKED) return 0;
  if (err != WS_EAGAIN) return err;
  err = lower_read(t, true);
  if (err < 0) return err;
  err = push(t);
  if (err < 0) (void) lower_read(t, false);
  return err;
}

/* A TLS below may have ciphertext in the buffer that both contexts share, when it asks for memory
   for its plaintext. */
static int make_read_buffer(tls *t) {
  if (t->lower->ops->query(t->lower, WS_QUERY_OVER_TLS, NULL) < 0) return 0;
  t->own_read_buf = ws_malloc(t->env->alloc, OWN_READ_SIZE);
  return t->own_read_buf != NULL ? 0 : WS_ENOMEM;
}

int tls_start(ws_filter **out, ws_env *env, tls_context *ctx, turn_list *turns, const char *host,
              uint16_t port, ws_filter *lower, const ws_filter_events *events, void *up) {
  const ws_filter before = *lower;
  tls *t = ws_calloc(env->alloc, sizeof *t);
  if (t == NULL) return WS_ENOMEM;
  t->filter = (ws_filter){&ops, events, up};
  t->env = env;
  t->lower = lower;
  t->ctx = tls_context_ref(ctx);
  t->turns = turns;
  t->turn.run = on_turn;
  ws_list_init(&t->turn.node);
  int err = make_read_buffer(t);
  if (err == 0) err = tls_engine_new(&t->engine, ctx, host, port);
  if (err == 0) err = tls_begin(t);
  if (err < 0) {
    *lower = before;
    destroy(t);
    return err;
  }
  *out = &t->filter;
  return 0;
}

void tls_hide(ws_filter *f) {
  tls_of(f)->hidden = true;
}
