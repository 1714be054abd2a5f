#ifndef WS_PROTO_FRAME_OUT_QUEUE_H
#define WS_PROTO_FRAME_OUT_QUEUE_H

/* The queue of frames to be written: two lanes of encoded frames. Pings and pongs go before data,
   but never inside a data frame. A close frame goes into the data lane, because it may not overtake
   data. The payload is masked in the same pass that copies it into its lane. A writer peeks,
   writes, and reports the bytes as written (the kernel has copied them) or retained (they are being
   written from the queue's memory, and nothing else is written before them). A large frame without
   a mask can be written from the caller's memory: then only what is left of it is copied. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bufq.h"
#include "proto/frame/frame.h"

enum {
  OUT_PINGS_MAX = 64,   /* pings in the queue that the program has sent */
  OUT_PONGS_MAX = 64,   /* pongs in the queue; beyond that only the latest answer is kept */
  OUT_WRITE_FRAMES = 32 /* frames that are written from the caller's memory in one call */
};

typedef enum out_lane_id { LANE_DATA, LANE_CONTROL, LANE_COUNT } out_lane_id;

typedef struct out_lane {
  bufq bytes;      /* These are the encoded frames that are in the queue. */
  uint64_t queued; /* This many bytes were ever queued, without those that were removed again. */
  /* The frame at the front that has started to leave has this many bytes left; 0: there is none. */
  uint64_t frame_left;
  /* The frame at the front that has started to leave has this many bytes of payload; 0 if there is
     none, or if it is no data frame. */
  uint64_t frame_payload;
  size_t retained; /* This many bytes at the front are being written. */
} out_lane;

typedef struct out_queue {
  out_lane lanes[LANE_COUNT]; /* These are the two lanes, by out_lane_id. */
  bufq_pool *pool;            /* The chunks come from this pool, which outlives the queue. */
  /* The data frames of which something is still in the queue have this many bytes of payload. */
  uint64_t payload;
  uint16_t pings; /* This many pings are in the queue. */
  uint16_t pongs; /* This many pongs are in the queue. */
  /* The last control frame has this many bytes if the next pong may replace it; 0 if it may not. */
  uint8_t last_pong_size;
  uint8_t front_opcode; /* The control frame that has started to leave has this opcode. */
} out_queue;

void out_queue_init(out_queue *q, bufq_pool *pool);

/* Drop everything, also what is retained, and free the memory. */
void out_queue_clear(out_queue *q);

static inline size_t out_queue_len(const out_queue *q) {
  return bufq_len(&q->lanes[LANE_DATA].bytes) + bufq_len(&q->lanes[LANE_CONTROL].bytes);
}

/* Encode a frame at the end of a lane: its payload of h->length bytes in `count` pieces is copied,
   and masked if h->masked. 0 or WS_ENOMEM, and then nothing has changed. out_queue_data is for data
   frames, out_queue_close for a close frame, out_queue_control for pings and pongs;
   out_queue_frame, for all of them, is for those that know it by the lane. */
int out_queue_data(out_queue *q, frame_header *h, const ws_view *pieces, size_t count);
int out_queue_close(out_queue *q, frame_header *h, const ws_view *pieces, size_t count);
int out_queue_control(out_queue *q, frame_header *h, const ws_view *pieces, size_t count);
static inline int out_queue_frame(out_queue *q, out_lane_id lane, frame_header *h,
                                  const ws_view *pieces, size_t count) {
  if (lane == LANE_CONTROL) return out_queue_control(q, h, pieces, count);
  return opcode_is_control(h->opcode) ? out_queue_close(q, h, pieces, count)
                                      : out_queue_data(q, h, pieces, count);
}

/* Fast path, in two parts: whether there is memory for n bytes of a data frame in one piece. */
static inline bool out_queue_data_fits(const out_queue *q, size_t n) {
  size_t room;
  return bufq_tail(&q->lanes[LANE_DATA].bytes, &room) != NULL && room >= n;
}

/* If there is, add a frame with this header and this payload. Returns where the caller writes it;
   NULL: it does not fit, and nothing has changed. */
static inline uint8_t *out_queue_data_put(out_queue *q, size_t head, size_t len) {
  out_lane *l = &q->lanes[LANE_DATA];
  size_t room;
  uint8_t *at = bufq_tail(&l->bytes, &room);
  if (room < head + len) return NULL;
  bufq_commit(&l->bytes, head + len);
  l->queued += head + len;
  q->payload += len;
  return at;
}

/* Writes bytes that are not in the queue. */
typedef struct out_writer out_writer;

struct out_writer {
  /* Write as many of the bytes as can be written at once; returns their number. It may not call the
     queue. */
  size_t (*write)(out_writer *w, const ws_view *bufs, size_t count);
};

/* Like out_queue_frame in the data lane, for a queue that is empty and a data frame without a mask,
   whose payload is in one piece: `w` writes the frame first, from the caller's memory, and the rest
   is queued. 0 or WS_ENOMEM, and then nothing has changed, and nothing is written. */
int out_queue_write_frame(out_queue *q, frame_header *h, const ws_view *payload, out_writer *w);

/* Make room for n more bytes of frames in the data lane: out_queue_fragment cannot fail until they
   are queued, or until something leaves the queue. 0 or WS_ENOMEM, and then nothing has changed. */
int out_queue_reserve(out_queue *q, size_t n);

/* Encode a data frame at the end of the data lane, in reserved room. Its payload is the next
   h->length bytes of `from`, which is moved behind them. */
void out_queue_fragment(out_queue *q, frame_header *h, ws_view_list *from);

/* Like out_queue_fragment, for a queue that is empty and 1 to OUT_WRITE_FRAMES frames without a
   mask, whose payloads follow each other from `payload` on: `w` writes all of them first, in one
   call, and the rest is queued. */
void out_queue_write_fragments(out_queue *q, frame_header *frames, size_t count,
                               const uint8_t *payload, out_writer *w);

/* Give back the reserved room of the data lane, if nothing was queued. */
void out_queue_end_writing(out_queue *q);

/* Queue a pong. If OUT_PONGS_MAX of them are queued, it replaces the latest (RFC 6455 5.5.3), so a
   flood of pings needs no memory. 0 or WS_ENOMEM: this pong is not queued, and the latest one may
   be lost. */
int out_queue_pong(out_queue *q, frame_header *h, const void *payload);

/* Queue bytes that are no frames (an opening handshake) into an empty queue. 0 or WS_ENOMEM. */
int out_queue_raw(out_queue *q, const void *data, size_t n);

/* Get the bytes to be written next, in order, in up to `max` pieces; returns their number. Not
   while bytes are retained. */
size_t out_queue_peek(const out_queue *q, ws_view *bufs, size_t max);

/* The first n of the bytes that were peeked are written. */
void out_queue_written(out_queue *q, size_t n);

/* The first n of the bytes that can be peeked now are retained. */
void out_queue_retain(out_queue *q, size_t n);

/* The retained bytes are written. */
void out_queue_release(out_queue *q);

static inline size_t out_queue_held_len(const out_queue *q) {
  return q->lanes[LANE_DATA].retained + q->lanes[LANE_CONTROL].retained;
}

static inline bool out_queue_retained(const out_queue *q) {
  return out_queue_held_len(q) != 0;
}

/* Drop every frame of the data lane of which nothing is written or retained, except a control frame
   of `last` bytes at its end (0: there is none). 0; WS_ENOMEM: that one is lost, too. */
int out_queue_drop_unstarted(out_queue *q, size_t last);

/* Whether the byte before position `end` of a lane, counted as `queued` is, has left the queue.
   Nothing else decides this. An empty lane has nothing left to wait for: if a pong was replaced by
   a shorter one, its last bytes were subtracted from the count and never leave. */
static inline bool out_queue_left(const out_queue *q, out_lane_id lane, uint64_t end) {
  const out_lane *l = &q->lanes[lane];
  return end <= l->queued - bufq_len(&l->bytes) || bufq_len(&l->bytes) == 0;
}

#endif
