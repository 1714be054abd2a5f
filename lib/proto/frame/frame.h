#ifndef WS_PROTO_FRAME_FRAME_H
#define WS_PROTO_FRAME_FRAME_H

/* The header of a frame (RFC 6455 5.2): reading, writing, and the rules that apply to a single
   header. conn and message check the order of frames. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/role.h"
#include "proto/frame/mask.h"

typedef enum frame_opcode {
  OPCODE_CONTINUATION = 0x0,
  OPCODE_TEXT = 0x1,
  OPCODE_BINARY = 0x2,
  OPCODE_CLOSE = 0x8,
  OPCODE_PING = 0x9,
  OPCODE_PONG = 0xa
} frame_opcode;

enum {
  FRAME_HEADER_MAX = 14, /* bytes */
  FRAME_CONTROL_MAX = 125,
  FRAME_SMALL_HEADER = 2, /* of a frame under 126 bytes, without the key */
  FRAME_FIN_BIT = 0x80,   /* of the first byte */
  FRAME_MASK_BIT = 0x80,  /* of the second byte */
  FRAME_RSV1 = 4,         /* bits of frame_header.rsv */
  FRAME_RSV2 = 2,
  FRAME_RSV3 = 1
};

static inline bool opcode_is_control(uint8_t opcode) {
  return (opcode & 0x8) != 0;
}

typedef struct frame_header {
  uint64_t length; /* The payload has this many bytes, fewer than 2^63. */
  mask_key key;    /* This is the masking key, if `masked` is set. */
  uint8_t opcode;  /* This is a frame_opcode. */
  /* These reserved bits are set: a combination of FRAME_RSV1, FRAME_RSV2 and FRAME_RSV3. */
  uint8_t rsv;
  bool fin;     /* The frame is the last one of its message. */
  bool masked;  /* The payload is masked. */
  uint8_t size; /* The header itself has this many bytes. */
} frame_header;

/* Read the header at p, where n bytes are; n may be any number. Returns the bytes that the header
   takes; 0: more are needed, and those that are there are valid; WSUV_EPROTOCOL with *why, as soon
   as a byte is wrong: an rsv bit that is not in `rsv_allowed`, or any in a control frame; an
   unknown opcode; a control frame that is fragmented or over 125 bytes; a length that is not
   minimal or has the top bit set; a masked frame from a server or an unmasked one from a client
   (RFC 6455 5.1: `from` is who sent it). */
int frame_header_read(frame_header *h, const uint8_t *p, size_t n, ws_role from,
                      uint8_t rsv_allowed, const char **why);

/* The second byte and what follows it, for a length of 126 or more. For frame_header_write only. */
size_t frame_length_write(uint8_t *p, uint64_t length, uint8_t mask_bit);

/* Write a header, with the key if h->masked, at p, which has FRAME_HEADER_MAX bytes. Returns, and
   sets h->size to, the number of bytes. */
static inline size_t frame_header_write(frame_header *h, uint8_t *p) {
  const uint64_t length = h->length;
  const mask_key key = h->key;
  const bool masked = h->masked;
  const uint8_t mask_bit = masked ? FRAME_MASK_BIT : 0;
  size_t size = 2;
  p[0] = (uint8_t) ((h->fin ? FRAME_FIN_BIT : 0) | h->rsv << 4 | h->opcode);
  if (length < 126) {
    p[1] = (uint8_t) (mask_bit | length);
  } else {
    size = 1 + frame_length_write(p + 1, length, mask_bit);
  }
  if (masked) {
    memcpy(p + size, key.b, sizeof key.b);
    size += sizeof key.b;
  }
  h->size = (uint8_t) size;
  return size;
}

#endif
