#ifndef WS_PROTO_FRAME_FRAME_DECODER_H
#define WS_PROTO_FRAME_FRAME_DECODER_H

/* Frames out of a stream of bytes that may be cut anywhere: bytes in, chunks of payload out,
   unmasked in place. Nothing is copied but headers that arrive in pieces. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame/frame.h"

typedef enum frame_decoder_state { DECODER_HEADER, DECODER_PAYLOAD } frame_decoder_state;

typedef struct frame_decoder {
  frame_header header; /* of the frame that the last chunk belongs to */
  uint64_t left;       /* payload bytes of it that have not come yet */
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
  size_t len; /* may be 0 in the first and in the last chunk */
  bool first; /* the header was read just now */
  bool last;  /* the payload is complete */
} frame_chunk;

void frame_decoder_init(frame_decoder *d, ws_role from, uint8_t rsv_allowed);

/* Take the next chunk from *p, *n, which are moved on.
   1: a chunk: the first as soon as the header is complete, with what is there of the payload;
   0: all was used up; WSUV_EPROTOCOL: see frame_header_read and `why`. */
int frame_decoder_next(frame_decoder *d, uint8_t **p, size_t *n, frame_chunk *chunk);

#endif
