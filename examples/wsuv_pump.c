#include "wsuv_pump.h"

#include <stdlib.h>
#include <string.h>

enum {
  HIGH_WATER = 1024 * 1024,      /* bytes in the session's queue: no more is read then */
  READ_SIZE = 64 * 1024,         /* bytes */
  ITEM_MAX = 16 * 1024 * 1024,   /* bytes of a message to be sent */
  CLOSING_MAX = 16 * 1024 * 1024 /* bytes that wait for the sink while the session closes */
};

/* --- from the source to the session --- */

static void stop_reading(pump *p) {
  if (p->reading) uv_read_stop(p->source);
  p->reading = false;
}

static void end_source(pump *p, int status) {
  if (p->reported) return;
  p->reported = true;
  p->events->on_source_end(p->up, status);
}

/* Nothing more can be sent, for a reason of ours, or because closing has begun. */
static void cut_source(pump *p, int err) {
  p->cut = true;
  if (err != WSUV_ESTATE) end_source(p, err);
}

/* Send what is complete. false: the session has no room. */
static bool send_items(pump *p) {
  const char *data;
  size_t len;
  while (!p->cut && items_next(&p->items, p->source_ended, &data, &len)) {
    wsuv_frame_type_t type = p->binary ? WSUV_FRAME_BINARY : WSUV_FRAME_TEXT;
    int err = wsuv_send_message(p->session, type, data, len);
    if (err == WSUV_EQUEUEFULL) return false;
    if (err < 0) {
      cut_source(p, err);
      break;
    }
    items_take(&p->items);
    if (wsuv_buffered_amount(p->session) > HIGH_WATER) return false;
  }
  return true;
}

/* Without room libuv reports UV_ENOBUFS. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  pump *p = handle->data;
  (void) suggested;
  char *room = items_room(&p->items, READ_SIZE);
  *buf = uv_buf_init(room, room != NULL ? READ_SIZE : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

/* Send, and read on if there is room; a source that the session takes nothing of is read to its
   end, so that a writer does not wait. */
static void go_on(pump *p) {
  if (!send_items(p)) {
    stop_reading(p);
    return;
  }
  if (p->source_ended) {
    end_source(p, p->source_status);
    return;
  }
  if (!p->cut && items_left(&p->items) > ITEM_MAX) cut_source(p, WSUV_EMSGSIZE);
  if (p->reading) return;
  int err = uv_read_start(p->source, on_alloc, on_read);
  p->reading = err == 0;
  if (err < 0) end_source(p, err);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  pump *p = stream->data;
  (void) buf;
  if (n < 0) {
    stop_reading(p);
    p->source_ended = true;
    p->source_status = n == UV_EOF ? 0 : n == UV_ENOBUFS ? UV_ENOMEM : (int) n;
  } else if (!p->cut) {
    items_add(&p->items, (size_t) n);
  }
  go_on(p);
}

static void on_drain(wsuv_session_t *session) {
  pump *p = wsuv_session_data(session);
  if (p->source != NULL && !p->reported) go_on(p);
}

/* --- from the session to the sink --- */

/* What is left of a message. */
typedef struct rest {
  uv_write_t request;
  pump *pump;
  char data[];
} rest;

static void finish_sink(pump *p) {
  bool empty = p->deaf || uv_stream_get_write_queue_size(p->sink) == 0;
  if (!p->over || p->done || !empty) return;
  p->done = true;
  p->events->on_sink_done(p->up);
}

static void on_written(uv_write_t *request, int status) {
  rest *r = request->data;
  pump *p = r->pump;
  free(r);
  p->deaf = p->deaf || status < 0;
  if (p->held && (p->deaf || uv_stream_get_write_queue_size(p->sink) == 0)) {
    p->held = false;
    int err = p->over ? 0 : wsuv_session_resume(p->session);
    if (err < 0 && err != WSUV_ESTATE) end_source(p, err); /* a session that closes reads */
  }
  finish_sink(p);
}

/* Keep what the sink has not taken, and read no more before it has. A session that closes cannot be
   paused: what it still brings is bounded otherwise. */
static int keep_rest(pump *p, const char *data, size_t len, size_t used) {
  size_t left = len + p->eol_len - used;
  rest *r = malloc(sizeof *r + left);
  if (r == NULL) return UV_ENOMEM;
  size_t n = used < len ? len - used : 0;
  if (n > 0) memcpy(r->data, data + used, n);
  if (left > n) memcpy(r->data + n, p->eol + (p->eol_len - (left - n)), left - n);
  r->pump = p;
  r->request.data = r;
  uv_buf_t buf = uv_buf_init(r->data, (unsigned) left);
  int err = uv_write(&r->request, p->sink, &buf, 1, on_written);
  if (err < 0) {
    free(r);
    return err;
  }
  if (wsuv_session_pause(p->session) == 0) {
    p->held = true;
  } else if (uv_stream_get_write_queue_size(p->sink) > CLOSING_MAX) {
    wsuv_session_terminate(p->session);
  }
  return 0;
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  pump *p = wsuv_session_data(session);
  const char *data = message->data;
  size_t len = message->len;
  uv_buf_t bufs[] = {uv_buf_init((char *) data, (unsigned) len),
                     uv_buf_init((char *) p->eol, (unsigned) p->eol_len)};
  if (p->deaf || len + p->eol_len == 0) return;
  int n = uv_try_write(p->sink, bufs, p->eol_len > 0 ? 2 : 1);
  if (n == UV_EAGAIN) n = 0;
  size_t used = n > 0 ? (size_t) n : 0;
  int err = n;
  if (n >= 0) err = used < len + p->eol_len ? keep_rest(p, data, len, used) : 0;
  if (err == 0) return;
  p->deaf = true;
  if (err == UV_ENOMEM)
    end_source(p, err); /* a message is lost, so that the session cannot go on */
}

/* --- beginning and end --- */

void pump_set_callbacks(wsuv_callbacks_t *callbacks, wsuv_config_t *config) {
  callbacks->on_message = on_message;
  callbacks->on_drain = on_drain;
  config->high_water = HIGH_WATER;
}

static void set_streams(pump *p, uv_stream_t *source, uv_stream_t *sink) {
  p->source = source;
  p->sink = sink;
  source->data = sink->data = p;
}

void pump_start(pump *p, wsuv_session_t *session, uv_stream_t *source, uv_stream_t *sink) {
  p->session = session;
  set_streams(p, source, sink);
  go_on(p);
}

void pump_end(pump *p, uv_stream_t *source, uv_stream_t *sink) {
  set_streams(p, source, sink);
  p->over = p->cut = true;
  if (!p->source_ended) go_on(p);
  finish_sink(p);
}

void pump_drop(pump *p) {
  p->over = p->cut = p->reported = p->done = true;
}

void pump_free(pump *p) {
  items_free(&p->items);
}
