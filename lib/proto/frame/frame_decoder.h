#ifndef WS_PROTO_FRAME_FRAME_DECODER_H
#define WS_PROTO_FRAME_FRAME_DECODER_H

/* Frames from a stream of bytes that may be cut anywhere: bytes in, chunks of payload out, unmasked
   in place. Only headers that come in pieces are copied. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame/frame.h"

typedef enum frame_decoder_state { DECODER_HEADER, DECODER_PAYLOAD } frame_decoder_state;

typedef struct frame_decoder {
  frame_header header; /* the frame of the last chunk */
  uint64_t left;       /* payload bytes of that frame that have not come yet */
  const char *why;     /* what was wrong, after an error */
  uint8_t state;       /* frame_decoder_state */
  uint8_t have;        /* bytes in part */
  uint8_t from;        /* ws_role of the sender */
  uint8_t rsv_allowed;
  uint8_t part[FRAME_HEADER_MAX]; /* a header that arrives in pieces */
} frame_decoder;

/* A piece of a frame's payload. */
typedef struct frame_chunk {
  uint8_t *data;
  size_t len; /* may be 0 in the first and in the last chunk of a frame */
  bool first; /* the first chunk of the frame */
  bool last;  /* the last chunk of the frame */
} frame_chunk;

void frame_decoder_init(frame_decoder *d, ws_role from, uint8_t rsv_allowed);

/* Take the next chunk from *p, *n, and advance them. 1: a chunk; the first one comes as soon as the
   header is complete, with the payload that is there; 0: all input was used; WSUV_EPROTOCOL: see
   frame_header_read and `why`. */
int frame_decoder_next(frame_decoder *d, uint8_t **p, size_t *n, frame_chunk *chunk);

#endif
