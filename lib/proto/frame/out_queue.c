#include "proto/frame/out_queue.h"

#include <string.h>

#include "base/cold.h"
#include "base/error.h"

/* Two lanes of encoded frames. A lane is a queue of bytes. The end of a frame is found from its
   header, and only if less than the whole lane leaves at once. */

void out_queue_init(out_queue *q, bufq_pool *pool) {
  memset(q, 0, sizeof *q);
  for (int i = 0; i < LANE_COUNT; i++) bufq_init(&q->lanes[i].bytes);
  q->pool = pool;
}

void out_queue_clear(out_queue *q) {
  for (int i = 0; i < LANE_COUNT; i++) bufq_clear(&q->lanes[i].bytes, q->pool);
  out_queue_init(q, q->pool);
}

/* Copy and mask n bytes of payload in one pass; `done` bytes of the payload come before them. */
static inline void copy_masked(uint8_t *dst, const frame_header *h, const uint8_t *src, size_t done,
                               size_t n) {
  if (n == 0) return;
  if (h->masked) {
    mask_apply(dst, src, n, h->key, done);
  } else {
    memcpy(dst, src, n);
  }
}

/* Whether there is room for a frame in the last chunk of the queue. */
static inline bool fits_at_once(out_lane *l, const frame_header *h) {
  size_t room;
  return bufq_tail(&l->bytes, &room) != NULL && room >= FRAME_HEADER_MAX &&
         room - FRAME_HEADER_MAX >= h->length;
}

/* Fast path for a frame that fits at once. */
static inline void put_at_once(out_lane *l, frame_header *h, const uint8_t *payload) {
  size_t room;
  uint8_t *dst = bufq_tail(&l->bytes, &room);
  const size_t len = (size_t) h->length, size = frame_header_write(h, dst);
  bufq_commit(&l->bytes, size + len);
  l->queued += size + len;
  copy_masked(dst + size, h, payload, 0, len);
}

static void put_header(bufq *bytes, frame_header *h) {
  uint8_t buf[FRAME_HEADER_MAX];
  size_t size = frame_header_write(h, buf), done = 0;
  while (done < size) {
    size_t room;
    uint8_t *dst = bufq_tail(bytes, &room);
    size_t n = size - done < room ? size - done : room;
    memcpy(dst, buf + done, n);
    bufq_commit(bytes, n);
    done += n;
  }
}

/* n bytes of the payload, after `before` bytes of it. */
static void put_bytes(bufq *bytes, const frame_header *h, const uint8_t *src, size_t before,
                      size_t n) {
  for (size_t done = 0; done < n;) {
    size_t room;
    uint8_t *dst = bufq_tail(bytes, &room);
    size_t len = n - done < room ? n - done : room;
    copy_masked(dst, h, src + done, before + done, len);
    bufq_commit(bytes, len);
    done += len;
  }
}

static void put_list(bufq *bytes, frame_header *h, ws_view_list *from) {
  put_header(bytes, h);
  for (size_t done = 0; from->count > 0 && done < h->length;) {
    size_t n = from->at->len - from->skip, need = (size_t) h->length - done;
    if (n > need) n = need;
    if (n > 0) put_bytes(bytes, h, from->at->base + from->skip, done, n);
    done += n;
    from->skip += n;
    if (from->skip < from->at->len) continue;
    from->at++;
    from->count--;
    from->skip = 0;
  }
}

WS_COLD static void put_pieces(out_lane *l, frame_header *h, const ws_view *pieces, size_t count) {
  put_list(&l->bytes, h, &(ws_view_list){.at = pieces, .count = count});
  l->queued += h->size + h->length;
}

WS_COLD static int reserve_frame(const out_queue *q, out_lane *l, const frame_header *h) {
  if (h->length > SIZE_MAX - FRAME_HEADER_MAX) return WS_ENOMEM;
  return bufq_reserve(&l->bytes, q->pool, (size_t) h->length + FRAME_HEADER_MAX);
}

static inline int put_frame(const out_queue *q, out_lane *l, frame_header *h, const ws_view *pieces,
                            size_t count) {
  bool fits = fits_at_once(l, h);
  if (!fits) {
    int err = reserve_frame(q, l, h);
    if (err < 0) return err;
    fits = fits_at_once(l, h);
  }
  if (count == 1 && fits) {
    put_at_once(l, h, pieces->base);
  } else {
    put_pieces(l, h, pieces, count);
  }
  return 0;
}

int out_queue_data(out_queue *q, frame_header *h, const ws_view *pieces, size_t count) {
  int err = put_frame(q, &q->lanes[LANE_DATA], h, pieces, count);
  if (err < 0) return err;
  q->payload += h->length;
  return 0;
}

int out_queue_close(out_queue *q, frame_header *h, const ws_view *pieces, size_t count) {
  return put_frame(q, &q->lanes[LANE_DATA], h, pieces, count);
}

int out_queue_control(out_queue *q, frame_header *h, const ws_view *pieces, size_t count) {
  int err = put_frame(q, &q->lanes[LANE_CONTROL], h, pieces, count);
  if (err < 0) return err;
  q->last_pong_size = 0;
  if (h->opcode == OPCODE_PING) q->pings++;
  if (h->opcode == OPCODE_PONG) q->pongs++;
  return 0;
}

/* Queue what is left of a frame of which `taken` bytes are written. */
static void put_rest(out_queue *q, const frame_header *h, const ws_view frame[2], size_t taken) {
  out_lane *l = &q->lanes[LANE_DATA];
  const ws_view head = frame[0], payload = frame[1];
  const size_t of_head = taken < head.len ? taken : head.len, of_payload = taken - of_head;
  put_bytes(&l->bytes, h, head.base + of_head, 0, head.len - of_head);
  put_bytes(&l->bytes, h, payload.base + of_payload, of_payload, payload.len - of_payload);
  q->payload += payload.len;
  if (taken == 0) return;
  l->frame_left = head.len + payload.len - taken;
  l->frame_payload = payload.len;
}

void out_queue_write_fragments(out_queue *q, frame_header *frames, size_t count,
                               const uint8_t *payload, out_writer *w) {
  uint8_t heads[OUT_WRITE_FRAMES][FRAME_HEADER_MAX];
  ws_view bufs[2 * OUT_WRITE_FRAMES];
  assert(out_queue_len(q) == 0 && count > 0 && count <= OUT_WRITE_FRAMES);
  size_t i = 0;
  do {
    const size_t len = (size_t) frames[i].length, size = frame_header_write(&frames[i], heads[i]);
    assert(!frames[i].masked);
    bufs[2 * i] = (ws_view){heads[i], size};
    bufs[2 * i + 1] = (ws_view){payload, len};
    q->lanes[LANE_DATA].queued += size + len;
    payload += len;
  } while (++i < count);
  size_t taken = w->write(w, bufs, 2 * count);
  for (i = 0; i < count; i++) {
    const size_t size = bufs[2 * i].len + bufs[2 * i + 1].len, now = taken < size ? taken : size;
    if (now < size) put_rest(q, &frames[i], &bufs[2 * i], now);
    taken -= now;
  }
}

/* Room for the rest is reserved first: a frame that has begun to leave must be finished. */
int out_queue_write_frame(out_queue *q, frame_header *h, const ws_view *payload, out_writer *w) {
  if (payload->len > SIZE_MAX - FRAME_HEADER_MAX) return WS_ENOMEM;
  int err = out_queue_reserve(q, payload->len + FRAME_HEADER_MAX);
  if (err < 0) return err;
  out_queue_write_fragments(q, h, 1, payload->base, w);
  out_queue_end_writing(q);
  return 0;
}

void out_queue_end_writing(out_queue *q) {
  bufq *bytes = &q->lanes[LANE_DATA].bytes;
  if (bufq_len(bytes) == 0) bufq_clear(bytes, q->pool);
}

int out_queue_reserve(out_queue *q, size_t n) {
  return bufq_reserve(&q->lanes[LANE_DATA].bytes, q->pool, n);
}

void out_queue_fragment(out_queue *q, frame_header *h, ws_view_list *from) {
  out_lane *l = &q->lanes[LANE_DATA];
  put_list(&l->bytes, h, from);
  l->queued += h->size + h->length;
  q->payload += h->length;
}

/* Remove the pong at the end of the control lane, unless some of it has left. */
static void drop_last_pong(out_queue *q) {
  out_lane *l = &q->lanes[LANE_CONTROL];
  size_t len = bufq_len(&l->bytes), size = q->last_pong_size;
  if (len < size || l->retained > len - size) return;
  bufq_trim(&l->bytes, q->pool, size);
  l->queued -= size;
  q->pongs--;
  q->last_pong_size = 0;
}

int out_queue_pong(out_queue *q, frame_header *h, const void *payload) {
  uint8_t size = (uint8_t) (h->length + 2 + (h->masked ? 4 : 0));
  if (q->pongs > OUT_PONGS_MAX && q->last_pong_size != 0) {
    drop_last_pong(q);
  }
  const ws_view piece = {payload, (size_t) h->length};
  int err = out_queue_frame(q, LANE_CONTROL, h, &piece, 1);
  if (err == 0 && q->pongs > OUT_PONGS_MAX) q->last_pong_size = size;
  return err;
}

int out_queue_raw(out_queue *q, const void *data, size_t n) {
  out_lane *l = &q->lanes[LANE_DATA];
  int err = bufq_append(&l->bytes, q->pool, data, n);
  if (err < 0) return err;
  l->queued += n;
  l->frame_left = n;
  l->frame_payload = 0;
  return 0;
}

/* What leaves next, in three parts: the rest of a data frame that has started to leave, the control
   lane, the rest of the data lane. */
typedef struct parts {
  size_t data_first, control, data_rest; /* The three parts have these many bytes, in this order. */
} parts;

static parts order(const out_queue *q) {
  const out_lane *data = &q->lanes[LANE_DATA];
  size_t len = bufq_len(&data->bytes);
  size_t first = data->frame_left < len ? (size_t) data->frame_left : len;
  return (parts){first, bufq_len(&q->lanes[LANE_CONTROL].bytes), len - first};
}

WS_COLD static size_t peek_both(const out_queue *q, ws_view *bufs, size_t max) {
  const bufq *data = &q->lanes[LANE_DATA].bytes, *control = &q->lanes[LANE_CONTROL].bytes;
  parts p = order(q);
  size_t n = bufq_peek(data, 0, p.data_first, bufs, max);
  n += bufq_peek(control, 0, p.control, bufs + n, max - n);
  return n + bufq_peek(data, p.data_first, p.data_rest, bufs + n, max - n);
}

size_t out_queue_peek(const out_queue *q, ws_view *bufs, size_t max) {
  const bufq *data = &q->lanes[LANE_DATA].bytes;
  if (bufq_len(&q->lanes[LANE_CONTROL].bytes) > 0) return peek_both(q, bufs, max);
  return bufq_peek(data, 0, bufq_len(data), bufs, max);
}

static size_t take(size_t *n, size_t most) {
  size_t taken = *n < most ? *n : most;
  *n -= taken;
  return taken;
}

/* How many of the next n bytes belong to each lane. */
static void share(const out_queue *q, size_t n, size_t lanes[LANE_COUNT]) {
  parts p = order(q);
  lanes[LANE_DATA] = take(&n, p.data_first);
  lanes[LANE_CONTROL] = take(&n, p.control);
  lanes[LANE_DATA] += take(&n, p.data_rest);
}

/* Read the header of the frame that starts `skip` bytes into a lane. */
static size_t frame_at(const out_lane *l, size_t skip, frame_header *h) {
  uint8_t buf[FRAME_HEADER_MAX];
  const char *why;
  size_t left = bufq_len(&l->bytes) - skip;
  size_t n = left < sizeof buf ? left : sizeof buf;
  bufq_copy(&l->bytes, skip, buf, n);
  ws_role from = (buf[1] & 0x80) != 0 ? WS_CLIENT : WS_SERVER;
  return (size_t) frame_header_read(h, buf, n, from, 7, &why) + (size_t) h->length;
}

static void frame_begins(out_queue *q, out_lane *l) {
  frame_header h;
  l->frame_left = frame_at(l, 0, &h);
  l->frame_payload = opcode_is_control(h.opcode) ? 0 : h.length;
  if (l == &q->lanes[LANE_CONTROL]) q->front_opcode = h.opcode;
}

static void frame_gone(out_queue *q, out_lane *l) {
  q->payload -= l->frame_payload;
  l->frame_payload = 0;
  if (l != &q->lanes[LANE_CONTROL]) return;
  if (q->front_opcode == OPCODE_PING) q->pings--;
  if (q->front_opcode == OPCODE_PONG) q->pongs--;
}

/* Fast path: the whole lane has left. */
static void lane_gone(out_queue *q, out_lane *l) {
  bufq_clear(&l->bytes, q->pool);
  l->frame_left = l->frame_payload = 0;
  if (l == &q->lanes[LANE_DATA]) {
    q->payload = 0;
  } else {
    q->pings = q->pongs = 0;
    q->last_pong_size = 0;
  }
}

static void lane_written(out_queue *q, out_lane *l, size_t n) {
  if (n == bufq_len(&l->bytes)) {
    if (n > 0) lane_gone(q, l);
    return;
  }
  while (n > 0) {
    if (l->frame_left == 0) frame_begins(q, l);
    size_t step = n < l->frame_left ? n : (size_t) l->frame_left;
    bufq_consume(&l->bytes, q->pool, step);
    l->frame_left -= step;
    n -= step;
    if (l->frame_left == 0) frame_gone(q, l);
  }
}

void out_queue_written(out_queue *q, size_t n) {
  size_t lanes[LANE_COUNT];
  if (bufq_len(&q->lanes[LANE_CONTROL].bytes) == 0) {
    lane_written(q, &q->lanes[LANE_DATA], n);
    return;
  }
  share(q, n, lanes);
  for (int i = 0; i < LANE_COUNT; i++) lane_written(q, &q->lanes[i], lanes[i]);
}

void out_queue_retain(out_queue *q, size_t n) {
  size_t lanes[LANE_COUNT];
  share(q, n, lanes);
  for (int i = 0; i < LANE_COUNT; i++) q->lanes[i].retained = lanes[i];
}

void out_queue_release(out_queue *q) {
  for (int i = 0; i < LANE_COUNT; i++) {
    out_lane *l = &q->lanes[i];
    size_t n = l->retained;
    l->retained = 0;
    lane_written(q, l, n);
  }
}

/* Bytes at the front of the data lane that belong to frames that have started to leave. */
static uint64_t begun(const out_lane *l, uint64_t *payload) {
  uint64_t end = l->frame_left;
  *payload = l->frame_payload;
  while (end < l->retained) {
    frame_header h;
    end += frame_at(l, (size_t) end, &h);
    if (!opcode_is_control(h.opcode)) *payload += h.length;
  }
  return end;
}

int out_queue_drop_unstarted(out_queue *q, size_t last) {
  out_lane *l = &q->lanes[LANE_DATA];
  uint8_t kept[FRAME_HEADER_MAX + FRAME_CONTROL_MAX];
  uint64_t payload;
  size_t len = bufq_len(&l->bytes), unstarted = len - (size_t) begun(l, &payload);
  if (unstarted <= last) return 0;
  bufq_copy(&l->bytes, len - last, kept, last);
  bufq_trim(&l->bytes, q->pool, unstarted);
  q->payload = payload;
  l->queued -= unstarted;
  int err = bufq_append(&l->bytes, q->pool, kept, last);
  if (err == 0) l->queued += last;
  return err;
}
