#ifndef WS_PROTO_FRAME_OUT_QUEUE_H
#define WS_PROTO_FRAME_OUT_QUEUE_H

/* What waits to be written: two lanes of encoded frames. Pings and pongs go ahead of data, never
   into the middle of a frame; a close frame travels in the data lane, since it never overtakes
   data. Payload is masked in the same pass that copies it into its lane.

   A writer peeks, writes, and says what became of the bytes: written (the kernel has copied them),
   or retained (somebody will write them from where they lie, and nothing else is written before).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bufq.h"
#include "proto/frame/frame.h"

enum { OUT_PONGS_MAX = 64 }; /* pongs that wait, before only the latest is kept */

typedef enum out_lane_id { LANE_DATA, LANE_CONTROL, LANE_COUNT } out_lane_id;

typedef struct out_lane {
  bufq bytes;
  uint64_t queued;        /* bytes that ever came in, without those that were dropped again */
  uint64_t frame_left;    /* of a frame at the front that has begun to leave; 0: none has */
  uint64_t frame_payload; /* payload bytes of that frame, if it is data */
  size_t retained;        /* bytes at the front that somebody else is writing */
} out_lane;

typedef struct out_queue {
  out_lane lanes[LANE_COUNT];
  bufq_pool *pool;
  uint64_t payload;       /* bytes of data payload in the queue; a frame counts until it is gone */
  uint32_t pongs;         /* that wait */
  uint8_t last_pong_size; /* of the pong at the end of the control lane, if the next pong may take
                             its place; else 0 */
  bool front_is_pong;     /* the control frame that has begun to leave */
} out_queue;

void out_queue_init(out_queue *q, bufq_pool *pool);
void out_queue_clear(out_queue *q); /* drops all, what is retained too, and gives the memory back */

static inline size_t out_queue_len(const out_queue *q) {
  return bufq_len(&q->lanes[LANE_DATA].bytes) + bufq_len(&q->lanes[LANE_CONTROL].bytes);
}

/* Encode a frame at the end of a lane: its payload, h->length bytes in `count` pieces, is copied,
   masked if h->masked. 0 or WS_ENOMEM, and then nothing is changed. */
int out_queue_frame(out_queue *q, out_lane_id lane, frame_header *h, const ws_view *pieces,
                    size_t count);

/* Queue a pong. While OUT_PONGS_MAX of them wait, only the latest is kept beyond those
   (RFC 6455 5.5.3), so a flood of pings costs no memory. 0 or WS_ENOMEM: this pong is not queued,
   and the latest before it may be gone. */
int out_queue_pong(out_queue *q, frame_header *h, const void *payload);

/* Queue bytes that are no frame (an opening handshake) into an empty queue. 0 or WS_ENOMEM. */
int out_queue_raw(out_queue *q, const void *data, size_t n);

/* Describe what is to be written next, in order, in up to `max` pieces; returns how many. Only
   while nothing is retained. */
size_t out_queue_peek(const out_queue *q, ws_view *bufs, size_t max);

/* Of the bytes that were peeked, the first n are written. */
void out_queue_written(out_queue *q, size_t n);

/* Of the bytes that are peeked now, the first n are retained from now on. */
void out_queue_retain(out_queue *q, size_t n);

/* What is retained has been written. */
void out_queue_release(out_queue *q);

static inline size_t out_queue_held_len(const out_queue *q) {
  return q->lanes[LANE_DATA].retained + q->lanes[LANE_CONTROL].retained;
}

static inline bool out_queue_held(const out_queue *q) {
  return out_queue_held_len(q) != 0;
}

/* Drop every frame of the data lane of which nothing is written or retained, but for a control
   frame of `last` bytes at its end (0: there is none). 0; WS_ENOMEM: that one is gone, too. */
int out_queue_drop_unstarted(out_queue *q, size_t last);

/* Whether what ends at byte `end` of a lane, counted as `queued` is, has left the queue. Nobody
   else decides this. An empty lane has nothing left to wait for: a pong that was replaced by a
   shorter one never left, and its last bytes were taken back from the count. */
static inline bool out_queue_left(const out_queue *q, out_lane_id lane, uint64_t end) {
  const out_lane *l = &q->lanes[lane];
  return end <= l->queued - bufq_len(&l->bytes) || bufq_len(&l->bytes) == 0;
}

#endif
