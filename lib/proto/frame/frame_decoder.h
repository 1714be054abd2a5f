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

/* Take the next chunk from *p, *n, and advance them. 1: a chunk; the first one comes as soon as the
   header is complete, with the payload that is there; 0: all input was used; WSUV_EPROTOCOL: see
   frame_header_read and `why`. */
int frame_decoder_next(frame_decoder *d, uint8_t **p, size_t *n, frame_chunk *chunk);

#endif
