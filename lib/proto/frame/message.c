#include "proto/frame/message.h"

#include <string.h>

#include "base/error.h"

/* Assembles messages from data frames. Knows no control frames and no connection. */

static int bad(const char **why, int err, const char *text) {
  *why = text;
  return err;
}

static int check_order(const message *m, const frame_header *h, const char **why) {
  bool continues = h->opcode == OPCODE_CONTINUATION;
  if (continues && m->fragments == 0) {
    return bad(why, WSUV_EPROTOCOL, "continuation of no message");
  }
  if (!continues && m->fragments > 0) {
    return bad(why, WSUV_EPROTOCOL, "new message inside a fragmented one");
  }
  return 0;
}

static int check_frame_size(const message_limits *limits, const frame_header *h, const char **why) {
  return h->length > limits->max_frame_size ? bad(why, WSUV_ETOOBIG, "frame too large") : 0;
}

static int check_fragments(const message *m, const message_limits *limits, const char **why) {
  bool good = m->fragments < limits->max_fragments;
  return good ? 0 : bad(why, WSUV_EFRAGMENTS, "too many fragments");
}

/* Check size and number of fragments with a frame's header. */
static int check_limits(const message *m, const message_limits *limits, const frame_header *h,
                        const char **why) {
  int err = check_frame_size(limits, h, why);
  if (err < 0) return err;
  if (h->length > limits->max_message_size ||
      m->assembled.len > limits->max_message_size - h->length) {
    return bad(why, WSUV_ETOOBIG, "message too large");
  }
  return check_fragments(m, limits, why);
}

void message_begin_frame(message *m, const frame_header *h) {
  if (h->opcode != OPCODE_CONTINUATION) {
    m->opcode = h->opcode;
    m->utf8 = (utf8_state){0};
    m->passed = 0;
  }
  m->fragments++;
}

static int begin_frame(message *m, const message_limits *limits, const frame_header *h,
                       const char **why) {
  int err = check_order(m, h, why);
  if (err == 0) err = check_limits(m, limits, h, why);
  if (err == 0) message_begin_frame(m, h);
  return err;
}

static int check_text(message *m, const uint8_t *data, size_t len, bool end, const char **why) {
  if (m->opcode != OPCODE_TEXT) return 0;
  if (!utf8_feed(&m->utf8, data, len) || (end && !utf8_complete(&m->utf8))) {
    return bad(why, WSUV_EUTF8, MESSAGE_NOT_UTF8);
  }
  return 0;
}

static int append(message *m, const message_limits *limits, block_spare *spare,
                  const frame_chunk *chunk) {
  block *b = &m->assembled;
  if (chunk->len == 0) return 0;
  bool in_place = b->base != NULL && chunk->data == b->base + b->len;
  if (!in_place) {
    block_align(b, chunk->data);
    int err = block_reserve(b, spare, chunk->len, limits->max_message_size);
    if (err < 0) return err;
    memmove(b->base + b->len, chunk->data, chunk->len); /* it may lie further on in the block */
  }
  b->len += chunk->len;
  return 0;
}

void message_give(message *m, uint8_t *nowhere, uint8_t **data, size_t *len) {
  *data = m->assembled.base != NULL ? m->assembled.base : nowhere; /* never NULL */
  *len = m->assembled.len;
  m->given = true;
}

int message_add_slow(message *m, const message_limits *limits, block_spare *spare,
                     const frame_header *h, const frame_chunk *chunk, uint8_t **data, size_t *len,
                     const char **why) {
  int err;
  if (chunk->first && (err = begin_frame(m, limits, h, why)) < 0) return err;
  bool end = chunk->last && h->fin;
  if ((err = check_text(m, chunk->data, chunk->len, end, why)) < 0) return err;
  bool whole = end && chunk->first && m->fragments == 1;
  if (whole) {
    *data = chunk->data;
    *len = chunk->len;
  } else {
    if ((err = append(m, limits, spare, chunk)) < 0) return err;
    if (end) message_give(m, chunk->data, data, len);
  }
  if (end) m->fragments = 0;
  return end ? 1 : 0;
}

/* If frames are delivered one by one, only whether a message goes on is kept. */
int message_add_frame(message *m, const message_limits *limits, block_spare *spare,
                      const frame_header *h, const frame_chunk *chunk, uint8_t **data, size_t *len,
                      const char **why) {
  int err = 0;
  if (chunk->first) {
    if ((err = check_order(m, h, why)) < 0) return err;
    m->fragments = 0;
    if ((err = check_limits(m, limits, h, why)) < 0) return err;
    if (h->opcode != OPCODE_CONTINUATION) m->opcode = h->opcode;
    m->fragments = 1;
  }
  *data = chunk->data;
  *len = chunk->len;
  bool whole = chunk->first && chunk->last;
  if (!whole && (err = append(m, limits, spare, chunk)) < 0) return err;
  if (!chunk->last) return 0;
  if (!whole) message_give(m, chunk->data, data, len);
  if (h->fin) m->fragments = 0;
  return 1;
}

int message_add_piece(message *m, const message_limits *limits, const frame_header *h,
                      const frame_chunk *chunk, bool *end, const char **why) {
  int err = 0;
  if (chunk->first) {
    if ((err = check_order(m, h, why)) < 0) return err;
    if ((err = check_frame_size(limits, h, why)) < 0) return err;
    message_begin_frame(m, h);
    m->fragments = 1;
  }
  *end = chunk->last && h->fin;
  if ((err = check_text(m, chunk->data, chunk->len, *end, why)) < 0) return err;
  m->passed += chunk->len;
  if (*end) m->fragments = 0;
  return *end || chunk->len > 0 ? 1 : 0;
}

int message_check_frame(const message *m, const message_limits *limits, const frame_header *h,
                        bool pieces, const char **why) {
  int err = check_order(m, h, why);
  if (err == 0) err = check_frame_size(limits, h, why);
  return err < 0 || pieces ? err : check_fragments(m, limits, why);
}

int message_check_new(message *m, size_t before, bool end, const char **why) {
  const block *b = &m->assembled;
  const uint8_t *data = b->base != NULL ? b->base + before : NULL;
  return check_text(m, data, b->len - before, end, why);
}
