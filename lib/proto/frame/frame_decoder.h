#ifndef WS_PROTO_FRAME_FRAME_DECODER_H
#define WS_PROTO_FRAME_FRAME_DECODER_H

/* Frames from a stream of bytes that may be cut anywhere: bytes in, chunks of payload out, unmasked
   in place. Only headers that come in pieces are copied. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame/frame.h"

typedef enum frame_decoder_state {
  DECODER_BETWEEN, /* the next byte begins a header */
  DECODER_HEADER,  /* `part` has the first bytes of a header */
  DECODER_PAYLOAD
} frame_decoder_state;

typedef struct frame_decoder {
  frame_header header; /* This is the header of the frame that the last chunk belongs to. */
  uint64_t left;       /* This many bytes of the payload after `header` have not come yet. */
  const char *why; /* After an error, this static text says what was wrong; otherwise it is "". */
  uint8_t state;   /* This is a frame_decoder_state. */
  uint8_t have;    /* `part` has this many bytes. */
  uint8_t from;    /* This ws_role is the sender's. */
  /* This is the length of the shortest frame that the fast path does not take, or 0. */
  uint8_t not_small;
  uint8_t rsv_allowed;            /* Data frames may have these reserved bits. */
  uint8_t part[FRAME_HEADER_MAX]; /* These are the first bytes of a header that comes in pieces. */
} frame_decoder;

/* A piece of a frame's payload. */
typedef struct frame_chunk {
  uint8_t *data; /* This is the payload, unmasked, in the memory that was given. */
  size_t len;    /* `data` has this many bytes; 0 is possible in the first and the last chunk. */
  bool first;    /* This is the first chunk of the frame. */
  bool last;     /* This is the last chunk of the frame. */
} frame_chunk;

void frame_decoder_init(frame_decoder *d, ws_role from, uint8_t rsv_allowed);

/* Fast path: a data frame under 126 bytes that needs no mask and is whole in the input.
   frame_decoder_next_any has one for those with a mask; frame_header_read checks all others. */
static inline bool frame_decoder_take_small(frame_decoder *d, uint8_t **p, size_t *n,
                                            frame_chunk *chunk) {
  uint8_t *const at = *p;
  const size_t left = *n;
  bool small = d->state == DECODER_BETWEEN && left >= 2 && (at[0] & 0x7f) <= OPCODE_BINARY &&
               at[1] < d->not_small && left - 2 >= at[1];
  if (!small) return false;
  const size_t len = at[1];
  d->header =
      (frame_header){.length = len, .opcode = at[0] & 15, .fin = (at[0] & 0x80) != 0, .size = 2};
  *chunk = (frame_chunk){at + 2, len, true, true};
  *p = at + 2 + len;
  *n = left - 2 - len;
  return true;
}

/* For frame_decoder_next only, with at least one byte. */
int frame_decoder_next_any(frame_decoder *d, uint8_t **p, size_t *n, frame_chunk *chunk);

/* Take the next chunk from *p, *n, and advance them. 1: a chunk; the first one comes as soon as the
   header is complete, with the payload that is there; 0: all input was used; WSUV_EPROTOCOL: see
   frame_header_read and `why`. */
static inline int frame_decoder_next(frame_decoder *d, uint8_t **p, size_t *n, frame_chunk *chunk) {
  if (*n == 0) return 0;
  return frame_decoder_take_small(d, p, n, chunk) ? 1 : frame_decoder_next_any(d, p, n, chunk);
}

#endif
