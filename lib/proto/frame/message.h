#ifndef WS_PROTO_FRAME_MESSAGE_H
#define WS_PROTO_FRAME_MESSAGE_H

/* Messages from data frames (RFC 6455 5.4): order of fragments, limits, UTF-8. A message in one
   frame that is complete in the input is delivered where it lies, without a copy. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block.h"
#include "proto/frame/frame_decoder.h"
#include "proto/frame/utf8.h"

typedef struct message_limits {
  /* The payload of a frame may have at most this many bytes, before extensions. */
  uint64_t max_frame_size;
  size_t max_message_size; /* A message may have at most this many bytes, after extensions. */
  uint32_t max_fragments;  /* A message may have at most this many frames. */
} message_limits;

#define MESSAGE_NOT_UTF8 "text is not UTF-8" /* This describes WSUV_EUTF8. */

typedef struct message {
  /* The message owns these bytes, which were received and not delivered in place. */
  block assembled;
  uint64_t passed; /* This many bytes of the message were delivered in pieces. */
  /* This many frames of the message have begun, at most 1 if they are not counted; 0: no message
     has begun. */
  uint32_t fragments;
  uint8_t opcode;  /* The message is OPCODE_TEXT or OPCODE_BINARY. */
  bool given;      /* `assembled` was delivered, and can be freed. */
  utf8_state utf8; /* This is the UTF-8 state of the text so far. */
} message;

static inline void message_init(message *m) {
  *m = (message){0};
}

static inline void message_clear(message *m, block_spare *spare) {
  block_release(&m->assembled, spare);
  m->given = false;
  m->fragments = 0;
}

/* The caller has used the delivered message. */
static inline void message_release_given(message *m, block_spare *spare) {
  if (!m->given) return;
  block_release(&m->assembled, spare);
  m->given = false;
}

/* Take a chunk of a data frame. Limits and order are checked with its first chunk, before anything
   is stored. 1: the message is complete, at *data, *len: in the chunk, or in m->assembled until
   message_release_given; 0: more must come; WSUV_EPROTOCOL: a continuation without a message, or a
   new message inside another; WSUV_ETOOBIG; WSUV_EFRAGMENTS; WSUV_EUTF8; WS_ENOMEM; *why says
   which. */
int message_add_slow(message *m, const message_limits *limits, block_spare *spare,
                     const frame_header *h, const frame_chunk *chunk, uint8_t **data, size_t *len,
                     const char **why);

/* The same for single frames: each fragment counts as complete; number of fragments and UTF-8 are
   not checked. */
int message_add_frame(message *m, const message_limits *limits, block_spare *spare,
                      const frame_header *h, const frame_chunk *chunk, uint8_t **data, size_t *len,
                      const char **why);

/* Check a chunk that is delivered where it lies: nothing is stored; number of frames and size of
   the message are not checked. 1: a piece, *end: the last; 0: an empty one that is not the last. */
int message_add_piece(message *m, const message_limits *limits, const frame_header *h,
                      const frame_chunk *chunk, bool *end, const char **why);

/* For a message that extensions change (proto/frame/conn_ext.h), whose size is checked when their
   output is written. Check a frame's header, then count the frame. `pieces`: the message is
   delivered in pieces, so the number of its frames is not checked. 0 or an error as above. */
int message_check_frame(const message *m, const message_limits *limits, const frame_header *h,
                        bool pieces, const char **why);
void message_begin_frame(message *m, const frame_header *h);

/* Check the bytes of m->assembled after the first `before`; `end`: the message ends with them. 0
   or WSUV_EUTF8. */
int message_check_new(message *m, size_t before, bool end, const char **why);

/* Deliver m->assembled, as message_add does. `nowhere` is the address of an empty message. */
void message_give(message *m, uint8_t *nowhere, uint8_t **data, size_t *len);

/* Fast path: a binary message in one frame that is whole in the input. Only the limits are
   checked. */
static inline bool message_is_plain(const message *m, const message_limits *limits,
                                    const frame_header *h, const frame_chunk *chunk) {
  return h->opcode == OPCODE_BINARY && h->fin && chunk->first && chunk->last && m->fragments == 0 &&
         chunk->len <= limits->max_message_size && chunk->len <= limits->max_frame_size;
}

static inline int message_add(message *m, const message_limits *limits, block_spare *spare,
                              const frame_header *h, const frame_chunk *chunk, uint8_t **data,
                              size_t *len, const char **why) {
  if (!message_is_plain(m, limits, h, chunk)) {
    return message_add_slow(m, limits, spare, h, chunk, data, len, why);
  }
  m->opcode = OPCODE_BINARY;
  *data = chunk->data;
  *len = chunk->len;
  return 1;
}

#endif
