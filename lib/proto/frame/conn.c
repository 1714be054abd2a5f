#include "proto/frame/conn.h"

#include <stdio.h>
#include <string.h>

#include "base/cold.h"
#include "base/error.h"
#include "proto/frame/conn_ext.h"
#include "proto/frame/conn_small.h"

/* The RFC 6455 state machine, over decoder, message and queue. Its owner pulls events; it calls
   nobody except the trace hook. */

enum {
  CHUNKS_KEPT = 128,   /* spare chunks of the shared pool: 2 MiB */
  DUMPED_AT_ONCE = 64, /* bytes of a payload in pieces that are logged together */
  FRAGMENTS_MAX = 1024 /* frames of one payload, because peers limit the frames of a message */
};

void conn_shared_init(conn_shared *shared, ws_env *env) {
  bufq_pool_init(&shared->chunks, env->alloc, CHUNKS_KEPT);
  block_spare_init(&shared->spare, env->alloc);
  random_pool_init(&shared->random, env);
  extension_scratch_init(&shared->extensions, env->alloc);
  shared->trace = NULL;
  shared->dump = NULL;
  shared->dump_max = 64;
  shared->why = "";
}

void conn_shared_free(conn_shared *shared) {
  bufq_pool_free(&shared->chunks);
  block_spare_free(&shared->spare);
  extension_scratch_free(&shared->extensions);
}

void conn_init(conn *c, ws_role role, bool masking, const message_limits *limits) {
  memset(c, 0, sizeof *c);
  c->limits = limits;
  c->role = (uint8_t) role;
  c->masking = masking;
}

void conn_work_init(conn_work *w, conn_shared *shared, ws_role role) {
  memset(w, 0, sizeof *w);
  w->shared = shared;
  frame_decoder_init(&w->decoder, role == WS_CLIENT ? WS_SERVER : WS_CLIENT, 0);
  message_init(&w->incoming);
  out_queue_init(&w->out, &shared->chunks);
}

void conn_set_raw(conn *c) {
  c->raw = c->slow_path = true;
  c->rsv_allowed = FRAME_RSV1 | FRAME_RSV2 | FRAME_RSV3;
}

void conn_set_streamed(conn *c) {
  c->streamed = c->slow_path = true;
}

void conn_set_extensions(conn *c, extension_set *set) {
  c->extensions = set;
  if (set == NULL) return;
  c->slow_path = true;
  c->rsv_allowed = set->rsv;
}

void conn_free(conn *c) {
  conn_work *w = c->work;
  if (!w->none) {
    block_release(&w->kept, &w->shared->spare);
    message_clear(&w->incoming, &w->shared->spare);
    out_queue_clear(&w->out);
  }
  extension_set_free(c->extensions);
}

static inline void count_data(conn_counts *n, const frame_header *h) {
  n->frames++;
  n->payload += h->length;
  n->messages += h->fin;
}

static void count_control(conn_counts *n, const frame_header *h) {
  n->frames++;
  n->pings += h->opcode == OPCODE_PING;
  n->pongs += h->opcode == OPCODE_PONG;
}

/* Pass payload that is in pieces to the hook, many bytes in each call. */
static void dump_pieces(const conn *c, ws_view_list from, size_t most) {
  uint8_t part[DUMPED_AT_ONCE];
  size_t len = 0;
  for (size_t done = 0; done < most && from.count > 0;) {
    size_t left = from.at->len - from.skip, room = sizeof part - len;
    size_t taken = left < room ? left : room;
    if (taken > most - done - len) taken = most - done - len;
    if (taken > 0) memcpy(part + len, from.at->base + from.skip, taken);
    len += taken;
    from.skip += taken;
    if (taken == left) from = (ws_view_list){.at = from.at + 1, .count = from.count - 1};
    if (len < sizeof part && done + len < most && from.count > 0) continue;
    c->work->shared->dump(c->work->trace_arg, true, done, part, len);
    done += len;
    len = 0;
  }
}

/* How many of a payload's bytes are passed to the hook. */
static size_t dumped_len(const conn *c, uint64_t len) {
  if (c->work->shared->dump == NULL) return 0;
  return len < c->work->shared->dump_max ? (size_t) len : c->work->shared->dump_max;
}

static inline bool is_watched(const conn_work *w) {
  return w->shared->trace != NULL;
}

/* A frame is queued, or will be; its payload is at the start of `from`. */
WS_COLD static void watch_sent(conn *c, const frame_header *h, ws_view_list from) {
  c->work->shared->trace(c->work->trace_arg, true, h);
  size_t len = dumped_len(c, h->length);
  if (len == 0) return;
  if (from.at->len - from.skip >= len) {
    c->work->shared->dump(c->work->trace_arg, true, 0, from.at->base + from.skip, len);
  } else {
    dump_pieces(c, from, len);
  }
}

/* The header may be complete before any of the payload has come. */
WS_COLD static void watch_chunk(const conn *c, const frame_chunk *chunk) {
  const frame_decoder *d = &c->work->decoder;
  if (chunk->first) c->work->shared->trace(c->work->trace_arg, false, &d->header);
  size_t len = dumped_len(c, chunk->len);
  bool begins = d->header.length == d->left + chunk->len;
  if (len > 0 && begins) c->work->shared->dump(c->work->trace_arg, false, 0, chunk->data, len);
}

/* Sending */

static inline int make_header(conn *c, frame_header *h, uint8_t opcode, bool fin, size_t len) {
  *h = (frame_header){.length = len, .opcode = opcode, .fin = fin, .masked = c->masking};
  return c->masking ? random_pool_take(&c->work->shared->random, h->key.b, sizeof h->key.b) : 0;
}

/* A frame of data, in one piece. */
static inline int queue_data_frame(conn *c, uint8_t opcode, const conn_frame *f) {
  conn_work *const w = c->work;
  frame_header h;
  int err = make_header(c, &h, opcode, f->fin, f->len);
  if (err < 0) return err;
  h.rsv = f->rsv;
  err = f->writer == NULL ? out_queue_data(&w->out, &h, f->pieces, f->count)
                          : out_queue_write_frame(&w->out, &h, f->pieces, f->writer);
  if (err < 0) return err;
  count_data(&c->sent, &h);
  if (is_watched(w)) watch_sent(c, &h, (ws_view_list){.at = f->pieces, .count = f->count});
  return 0;
}

static int queue_control_frame(conn *c, out_lane_id lane, uint8_t opcode, const conn_frame *f) {
  conn_work *const w = c->work;
  frame_header h;
  int err = make_header(c, &h, opcode, true, f->len);
  if (err == 0) err = out_queue_frame(&w->out, lane, &h, f->pieces, f->count);
  if (err < 0) return err;
  count_control(&c->sent, &h);
  if (is_watched(w)) watch_sent(c, &h, (ws_view_list){.at = f->pieces, .count = f->count});
  return 0;
}

static size_t quotient_up(size_t a, size_t b) {
  return a / b + (a % b != 0);
}

/* A payload that is sent in several frames. */
typedef struct fragments {
  const conn_frame *whole; /* This has the payload. */
  ws_view_list rest;       /* This is what is left of it. */
  size_t left;             /* This many bytes are left. */
  size_t most;             /* A frame has at most this many bytes of payload. */
  uint8_t opcode;          /* This is of the first frame. */
} fragments;

/* Make the header of the next frame, and count it. The caller moves `rest` behind its payload. */
static int next_fragment(conn *c, fragments *f, frame_header *h) {
  const bool first = f->left == f->whole->len, last = f->left <= f->most;
  int err = make_header(c, h, first ? f->opcode : OPCODE_CONTINUATION, f->whole->fin && last,
                        last ? f->left : f->most);
  if (err < 0 && !first) conn_fail(c, err, "");
  if (err < 0) return err;
  h->rsv = first ? f->whole->rsv : 0;
  f->left -= (size_t) h->length;
  count_data(&c->sent, h);
  if (is_watched(c->work)) watch_sent(c, h, f->rest);
  return 0;
}

static int queue_fragment(conn *c, fragments *f) {
  frame_header h;
  int err = next_fragment(c, f, &h);
  if (err == 0) out_queue_fragment(&c->work->out, &h, &f->rest);
  return err;
}

/* Many frames in each call of the writer. */
static int write_fragments(conn *c, fragments *f) {
  frame_header frames[OUT_WRITE_FRAMES];
  const uint8_t *payload = f->rest.at->base + f->rest.skip;
  size_t n = 0;
  int err = 0;
  while (err == 0 && f->left > 0 && n < OUT_WRITE_FRAMES) {
    err = next_fragment(c, f, &frames[n]);
    if (err == 0) f->rest.skip += (size_t) frames[n++].length;
  }
  if (n > 0) out_queue_write_fragments(&c->work->out, frames, n, payload, f->whole->writer);
  return err;
}

/* Queue a payload in several frames (RFC 6455 5.4). Memory is reserved for all of them first. */
WS_COLD static int queue_fragments(conn *c, uint8_t opcode, const conn_frame *whole) {
  const size_t least = quotient_up(whole->len, FRAGMENTS_MAX);
  const size_t most = least > whole->fragment_size ? least : whole->fragment_size;
  const size_t headers = quotient_up(whole->len, most) * FRAME_HEADER_MAX;
  fragments f = {.whole = whole, .left = whole->len, .most = most, .opcode = opcode};
  f.rest = (ws_view_list){.at = whole->pieces, .count = whole->count};
  if (whole->len > SIZE_MAX - headers) return WS_ENOMEM;
  int err = out_queue_reserve(&c->work->out, whole->len + headers);
  while (err == 0 && f.left > 0) {
    const bool direct = whole->writer != NULL && out_queue_len(&c->work->out) == 0;
    err = direct ? write_fragments(c, &f) : queue_fragment(c, &f);
  }
  if (whole->writer != NULL) out_queue_end_writing(&c->work->out);
  return err;
}

static inline int queue_payload(conn *c, uint8_t opcode, const conn_frame *f) {
  bool fits = f->fragment_size == 0 || f->len <= f->fragment_size;
  return fits ? queue_data_frame(c, opcode, f) : queue_fragments(c, opcode, f);
}

WS_COLD static int queue_changed(conn *c, uint8_t opcode, const conn_frame *f) {
  conn_ext_frame out;
  int err = conn_ext_out(c, f, opcode != OPCODE_CONTINUATION, &out);
  if (err == 0) {
    conn_frame changed = *f;
    changed.pieces = &out.piece;
    changed.count = 1;
    changed.len = out.piece.len;
    changed.rsv = out.rsv;
    err = queue_payload(c, opcode, &changed);
  }
  if (err == 0) c->extensions->out_saved += f->len - out.piece.len;
  conn_ext_out_end(c, &out);
  if (err < 0 && out.taken) {
    c->work->shared->why = out.why;
    conn_fail(c, err, out.why);
  }
  return err;
}

static inline int queue_data(conn *c, uint8_t opcode, const conn_frame *f) {
  return c->extensions == NULL ? queue_payload(c, opcode, f) : queue_changed(c, opcode, f);
}

static int send_control(conn *c, const conn_frame *f) {
  if (f->rsv != 0) return WS_EINVAL;
  if (!f->fin || f->len > FRAME_CONTROL_MAX) return WSUV_ECONTROL;
  return queue_control_frame(c, LANE_CONTROL, (uint8_t) f->type, f);
}

static bool feed_pieces(utf8_state *utf8, const conn_frame *f) {
  bool valid = true;
  for (size_t i = 0; valid && i < f->count; i++) {
    valid = utf8_feed(utf8, f->pieces[i].base, f->pieces[i].len);
  }
  return valid && (!f->fin || utf8_complete(utf8));
}

/* Check text across the fragments of a message. The new state is kept only if the fragment is
   queued. */
WS_COLD static int send_text(conn *c, uint8_t opcode, const conn_frame *f) {
  utf8_state utf8 = c->out_opcode != 0 ? c->out_utf8 : (utf8_state){0};
  if (!feed_pieces(&utf8, f)) return WSUV_EUTF8;
  int err = queue_data(c, opcode, f);
  if (err == 0) c->out_utf8 = utf8;
  return err;
}

static int send_data(conn *c, const conn_frame *f) {
  uint8_t opcode = (uint8_t) f->type;
  if (f->rsv != 0 && !c->raw) return WS_EINVAL;
  if (c->out_opcode != 0) {
    if (c->out_opcode != opcode) return WS_EINVAL;
    if (c->out_begun) opcode = OPCODE_CONTINUATION;
  }
  bool text = f->type == OPCODE_TEXT && !c->raw && !f->checked;
  int err = text ? send_text(c, opcode, f) : queue_data(c, opcode, f);
  if (err < 0) return err;
  c->out_opcode = f->fin ? 0 : (uint8_t) f->type;
  c->out_begun = !f->fin;
  return 0;
}

int conn_begin_message(conn *c, frame_opcode type) {
  if (c->close_sent || c->close_received) return WSUV_ESTATE;
  if (c->out_opcode != 0 || (type != OPCODE_TEXT && type != OPCODE_BINARY)) return WS_EINVAL;
  c->out_opcode = (uint8_t) type;
  c->out_utf8 = (utf8_state){0};
  return 0;
}

int conn_check_piece(const conn *c, const ws_view *piece, bool fin, utf8_state *after) {
  *after = c->out_utf8;
  if (c->out_opcode != OPCODE_TEXT || c->raw) return 0;
  bool valid = utf8_feed(after, piece->base, piece->len) && (!fin || utf8_complete(after));
  return valid ? 0 : WSUV_EUTF8;
}

int conn_send_frame(conn *c, const conn_frame *f) {
  if (c->close_sent || c->close_received) return WSUV_ESTATE;
  switch (f->type) {
  case OPCODE_TEXT:
  case OPCODE_BINARY: return send_data(c, f);
  case OPCODE_PING:
  case OPCODE_PONG: return send_control(c, f);
  default: return WS_EINVAL;
  }
}

/* Closing */

static int queue_close(conn *c, uint16_t code, const char *reason, size_t reason_len) {
  uint8_t payload[WSUV_CONTROL_MAX];
  size_t n = close_payload_write(payload, code, reason, reason_len);
  const ws_view piece = {payload, n};
  const conn_frame f = {.type = OPCODE_CLOSE, .fin = true, .pieces = &piece, .count = 1, .len = n};
  uint64_t before = c->work->out.lanes[LANE_DATA].queued;
  int err = queue_control_frame(c, LANE_DATA, OPCODE_CLOSE, &f);
  if (err < 0) return err;
  c->close_size = (uint8_t) (c->work->out.lanes[LANE_DATA].queued - before);
  c->close_sent = true;
  c->sent_code = code;
  return 0;
}

int conn_close(conn *c, unsigned code, const char *reason, size_t reason_len) {
  bool empty = code == WSUV_CLOSE_NO_STATUS && reason_len == 0;
  if (!empty && !close_code_valid(code)) return WSUV_ECLOSECODE;
  if (reason_len > WSUV_CLOSE_REASON_MAX) return WSUV_ECONTROL;
  if (reason_len > 0 && !utf8_valid((const uint8_t *) reason, reason_len)) return WSUV_EUTF8;
  if (c->close_sent) return 0;
  return queue_close(c, (uint16_t) code, reason, reason_len);
}

void conn_fail(conn *c, int err, const char *why) {
  conn_work *w = c->work;
  c->failed = true;
  if (!w->none) {
    w->in_len = 0;
    /* The program may still use the memory of the last event. */
    if (!w->incoming.given) message_clear(&w->incoming, &w->shared->spare);
  }
  if (c->close_sent) return;
  /* Without memory or random bytes no close frame can be made: the connection just ends. */
  uint16_t code = c->extensions != NULL ? c->extensions->in_close_code : 0;
  if (!close_code_valid(code)) code = close_code_for_error(err);
  if (!w->none) (void) queue_close(c, code, why, strlen(why));
  c->close_sent = true;
}

/* Receiving */

/* Note if conn_next_small may look at the bytes that come next. */
static void set_between(conn_work *w) {
  w->between = w->decoder.state == DECODER_BETWEEN && w->incoming.fragments == 0 &&
               !w->incoming.given && w->kept.base == NULL;
}

void conn_recv(conn *c, uint8_t *data, size_t len) {
  conn_work *w = c->work;
  if (w->kept.base != NULL) block_release(&w->kept, &w->shared->spare);
  w->decoder.rsv_allowed = c->rsv_allowed;
  w->in = data;
  w->in_len = c->close_received || c->failed ? 0 : len; /* nothing is read any more */
  set_between(w);
}

int conn_keep_input(conn *c) {
  conn_work *w = c->work;
  bool own = w->kept.base != NULL;
  if (w->in_len == 0 || own) return 0;
  int err = block_reserve(&w->kept, &w->shared->spare, w->in_len, w->in_len);
  if (err < 0) return err;
  memcpy(w->kept.base, w->in, w->in_len);
  w->in = w->kept.base;
  w->between = false;
  return 0;
}

/* Memory in the block: what it has, if that is worth a read; otherwise let it grow, so that memory
   follows the bytes that were received. */
static size_t room_in_block(conn *c, size_t least, uint64_t wanted) {
  block *b = &c->work->incoming.assembled;
  if (b->cap - b->len >= least) return b->cap - b->len;
  size_t want = least < wanted ? least : (size_t) wanted;
  size_t most = c->limits->max_message_size;
  if (c->work->decoder.header.fin || c->raw) most = b->len + (size_t) wanted;
  if (block_reserve(b, &c->work->shared->spare, want, most) < 0) return 0;
  return b->cap - b->len;
}

/* How many bytes to read into the block. If a large frame is not the last one of its message, the
   next header is read with it, to where the payload behind that header will overwrite it. So a
   message in large fragments is not copied, and a read ends where a payload begins. The next header
   is expected to be as long as the last. */
static uint64_t wanted_in_block(const conn *c, size_t least) {
  const frame_decoder *d = &c->work->decoder;
  const frame_header *h = &d->header;
  if (opcode_is_control(h->opcode)) return 0;
  const bool goes_on = !h->fin && !c->slow_path && h->length > least;
  if (d->state == DECODER_HEADER) return 0;
  if (d->state == DECODER_BETWEEN) return goes_on ? h->size : 0;
  if (goes_on) return d->left + h->size;
  return d->left > least ? d->left : 0;
}

size_t conn_recv_target(conn *c, size_t least, uint8_t **dst) {
  const block *b = &c->work->incoming.assembled;
  const uint64_t wanted = b->len > 0 ? wanted_in_block(c, least) : 0;
  if (wanted == 0) return 0;
  if (!extension_set_in_idle(c->extensions))
    return 0; /* the assembled bytes are not those of this frame */
  size_t room = room_in_block(c, least, wanted);
  *dst = b->base + b->len;
  return room < wanted ? room : (size_t) wanted;
}

static int answer_ping(conn *c, const uint8_t *data, size_t len) {
  frame_header h;
  const ws_view piece = {data, len};
  if (c->close_sent || c->raw) return 0;
  int err = make_header(c, &h, OPCODE_PONG, true, len);
  if (err == 0) err = out_queue_pong(&c->work->out, &h, data);
  if (err < 0) return err;
  count_control(&c->sent, &h);
  if (is_watched(c->work)) watch_sent(c, &h, (ws_view_list){.at = &piece, .count = 1});
  return 0;
}

static int conn_on_close(conn *c, conn_event *ev) {
  conn_shared *shared = c->work->shared;
  int err = close_payload_read(ev->data, ev->len, &c->peer_code, &shared->why);
  if (err == WSUV_EPROTOCOL && ev->len > 1) {
    (void) snprintf(shared->numbered, sizeof shared->numbered, "%s %u", shared->why, c->peer_code);
    shared->why = shared->numbered;
  }
  if (err < 0) return err;
  size_t skip = ev->len < 2 ? ev->len : 2;
  ev->close_code = c->peer_code;
  ev->data += skip;
  ev->len -= skip;
  c->close_received = true;
  c->close_by_peer = !c->close_sent;
  c->work->in_len = 0;
  return 0;
}

/* Drop what has not started to leave, except our own close frame. */
static int drop_unstarted(conn *c, conn_dropped *dropped) {
  const uint64_t *queued = &c->work->out.lanes[LANE_DATA].queued, before = *queued;
  int err = out_queue_drop_unstarted(&c->work->out, c->close_size);
  if (err < 0) {
    c->close_size = 0;
    c->sent_code = 0;
  }
  dropped->len = before - *queued;
  dropped->kept = dropped->len > 0 ? *queued - c->close_size : before;
  return err;
}

int conn_answer_close(conn *c, conn_dropped *dropped) {
  int err = drop_unstarted(c, dropped);
  if (err == 0 && !c->close_sent) err = queue_close(c, c->peer_code, NULL, 0);
  if (err < 0) conn_fail(c, err, "");
  return err;
}

static void keep_control(conn_work *w, const frame_chunk *chunk) {
  if (chunk->first) w->control_len = 0;
  memcpy(w->control + w->control_len, chunk->data, chunk->len);
  w->control_len = (uint8_t) (w->control_len + chunk->len);
}

/* Whether the control frame is complete and is the event; otherwise more of it must come. It may
   lie in the block of a message that is being assembled, which is freed if the connection fails,
   while the program may still use the event. */
static bool add_control(conn_work *w, const frame_chunk *chunk, conn_event *ev) {
  bool in_place = chunk->first && chunk->last && w->incoming.assembled.base == NULL;
  if (!in_place) keep_control(w, chunk);
  ev->data = in_place ? chunk->data : w->control;
  ev->len = in_place ? chunk->len : w->control_len;
  return chunk->last;
}

static int control_event(conn *c, conn_event *ev) {
  switch (c->work->decoder.header.opcode) {
  case OPCODE_PING: ev->type = CONN_EVENT_PING; return answer_ping(c, ev->data, ev->len);
  case OPCODE_PONG: ev->type = CONN_EVENT_PONG; return 0;
  default: ev->type = CONN_EVENT_CLOSE; return conn_on_close(c, ev);
  }
}

static inline int add_to_message(conn *c, conn_work *w, const frame_chunk *chunk, conn_event *ev) {
  ev->type = CONN_EVENT_MESSAGE;
  return message_add(&w->incoming, c->limits, &w->shared->spare, &w->decoder.header, chunk,
                     &ev->data, &ev->len, &w->shared->why);
}

static int add_frame(conn *c, conn_work *w, const frame_chunk *chunk, conn_event *ev) {
  const frame_header *h = &w->decoder.header;
  ev->type = CONN_EVENT_FRAME;
  ev->fin = h->fin;
  ev->rsv = h->rsv;
  ev->continuation = h->opcode == OPCODE_CONTINUATION;
  return message_add_frame(&w->incoming, c->limits, &w->shared->spare, h, chunk, &ev->data,
                           &ev->len, &w->shared->why);
}

static int add_piece(conn *c, conn_work *w, const frame_chunk *chunk, conn_event *ev) {
  ev->type = CONN_EVENT_PIECE;
  ev->data = chunk->data;
  ev->len = chunk->len;
  int r = message_add_piece(&w->incoming, c->limits, &w->decoder.header, chunk, &ev->fin,
                            &w->shared->why);
  ev->offset = w->incoming.passed - chunk->len;
  return r;
}

static int add_on_slow_path(conn *c, conn_work *w, const frame_chunk *chunk, conn_event *ev) {
  if (c->raw) return add_frame(c, w, chunk, ev);
  int r = c->extensions != NULL ? conn_ext_add(c, chunk, ev) : CONN_EXT_PASS;
  if (r != CONN_EXT_PASS) return r;
  return c->streamed ? add_piece(c, w, chunk, ev) : add_to_message(c, w, chunk, ev);
}

static inline int add_data(conn *c, conn_work *w, const frame_chunk *chunk, conn_event *ev) {
  return c->slow_path ? add_on_slow_path(c, w, chunk, ev) : add_to_message(c, w, chunk, ev);
}

static inline int next_chunk(conn *c, conn_work *w, frame_chunk *chunk) {
  return c->slow_path ? conn_ext_next_chunk(c, chunk)
                      : frame_decoder_next(&w->decoder, &w->in, &w->in_len, chunk);
}

/* 1: an event; 0: not yet; or an error. */
static int take_chunk(conn *c, conn_work *w, const frame_chunk *chunk, conn_event *ev) {
  const frame_header *h = &w->decoder.header;
  if (is_watched(w)) watch_chunk(c, chunk);
  if (opcode_is_control(h->opcode)) {
    if (!add_control(w, chunk, ev)) return 0;
    count_control(&c->received, h);
    int r = control_event(c, ev);
    return r < 0 ? r : 1;
  }
  if (chunk->len > 0 || h->fin) c->data_received = true;
  int r = add_data(c, w, chunk, ev);
  if (r >= 0 && chunk->last) count_data(&c->received, h);
  ev->opcode = w->incoming.opcode;
  return r;
}

/* Release the message that was delivered. What was read behind it into its block is kept. */
static int release_message(conn *c) {
  const block *b = &c->work->incoming.assembled;
  uintptr_t at = (uintptr_t) c->work->in, from = (uintptr_t) b->base;
  bool inside = c->work->in_len > 0 && at >= from && at - from < b->cap;
  int err = inside ? conn_keep_input(c) : 0;
  if (err == 0) message_release_given(&c->work->incoming, &c->work->shared->spare);
  return err;
}

/* The caller has used the last event's memory. 0 or WS_ENOMEM. */
WS_COLD static int release_seen(conn *c) {
  int err = c->work->incoming.given ? release_message(c) : 0;
  if (c->work->in_len == 0) block_release(&c->work->kept, &c->work->shared->spare);
  if (err < 0) conn_fail(c, err, "");
  return err;
}

WS_COLD static int fail_event(conn *c, int err) {
  conn_fail(c, err, c->work->shared->why);
  return err;
}

/* After an error or the peer's close frame there is no input. */
WS_COLD static int next_event(conn *c, conn_event *ev) {
  conn_work *w = c->work;
  frame_chunk chunk;
  int r = w->incoming.given || w->kept.base != NULL ? release_seen(c) : 0;
  if (r < 0) return r;
  while ((r = next_chunk(c, w, &chunk)) != 0) {
    if (r < 0) w->shared->why = w->decoder.why;
    if (r > 0) r = take_chunk(c, w, &chunk, ev);
    if (r > 0) return r;
    if (r < 0) return fail_event(c, r);
  }
  if (w->kept.base != NULL && w->in_len == 0) block_release(&w->kept, &w->shared->spare);
  return c->slow_path ? conn_ext_flush(c, ev) : 0;
}

int conn_next_event_slow(conn *c, conn_event *ev) {
  conn_work *w = c->work;
  if (w->in_len == 0 && w->between && !c->slow_path) return 0;
  const int r = next_event(c, ev);
  if (!w->none) set_between(w);
  return r;
}
