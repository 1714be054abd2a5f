#ifndef WS_PROTO_FRAME_CONN_SMALL_H
#define WS_PROTO_FRAME_CONN_SMALL_H

/* Fast paths for a text or binary message of at most 125 bytes in one frame, which is what most
   messages are. They look only for what would make it anything else. If there is such a thing, they
   change nothing that can be seen, and conn.c does the work. */

#include "proto/frame/conn_state.h"

enum { CONN_SMALL_MAX = 125 /* bytes of payload: the length is in the header's second byte */ };

/* The size of the header. */
static inline size_t conn_small_head(bool masked) {
  return masked ? FRAME_SMALL_HEADER + sizeof(mask_key) : FRAME_SMALL_HEADER;
}

/* Sending */

/* Whether a whole message of `len` bytes is small, and has nothing to wait for. */
static inline bool conn_is_small(const conn *c, size_t len) {
  if (c->raw || c->close_sent || c->close_received || c->out_opcode != 0) return false;
  return c->extensions == NULL && len <= CONN_SMALL_MAX;
}

/* Where the frame of such a message goes, for conn_send_small; NULL: conn_send_frame does it, or
   says why not. */
static inline uint8_t *conn_small_room(const conn *c, size_t len) {
  const conn_work *w = c->work;
  if (!conn_is_small(c, len)) return NULL;
  uint8_t *at = out_queue_data_room(&w->out, conn_small_head(c->masking) + len);
  if (at == NULL || w->shared->trace != NULL) return NULL;
  return !c->masking || random_pool_has(&w->shared->random, sizeof(mask_key)) ? at : NULL;
}

/* The same, and if nothing but room in the queue and a masking key is missing, get them. The
   connection has work. */
uint8_t *conn_small_prepare(conn *c, size_t len);

/* As conn_send_frame for a whole message that may be sent in one frame. It is binary, or known to
   be UTF-8. `at` is from one of these functions. */
static inline void conn_send_small(conn *c, uint8_t *at, frame_opcode type, const void *data,
                                   size_t len) {
  conn_work *const w = c->work;
  const bool masked = c->masking;
  const size_t head = conn_small_head(masked);
  mask_key key;
  if (masked) random_pool_pop(&w->shared->random, key.b, sizeof key.b);
  out_queue_data_put(&w->out, head, len);
  c->sent.frames++;
  c->sent.messages++;
  c->sent.payload += len;
  at[0] = (uint8_t) (FRAME_FIN_BIT | type);
  at[1] = (uint8_t) (len | (masked ? FRAME_MASK_BIT : 0u));
  if (masked) {
    memcpy(at + FRAME_SMALL_HEADER, key.b, sizeof key.b);
    mask_apply_short(at + head, data, len, key);
  } else if (len > 0) {
    memcpy(at + head, data, len);
  }
}

/* Receiving, for conn_next_event only */

static inline void conn_small_received(conn *c, size_t len) {
  c->received.frames++;
  c->received.messages++;
  c->received.payload += len;
}

/* The event is a text: check and count it. 1, or WSUV_EUTF8 (conn_take_why). */
int conn_small_text(conn *c, const conn_event *ev);

/* As conn_next_event, if the next bytes are a small message and nothing else is under way; but an
   error does not fail the connection yet. 0: they are something else, or not enough. */
static inline int conn_next_small(conn *c, conn_work *w, conn_event *ev) {
  const bool masked = w->decoder.from == WS_CLIENT;
  const size_t head = conn_small_head(masked), n = w->in_len;
  uint8_t *const at = w->in;
  if (n < head || w->decoder.state != DECODER_BETWEEN || w->incoming.fragments != 0) return 0;
  if (c->slow_path || w->shared->trace != NULL) return 0;
  const uint8_t opcode = at[0] ^ FRAME_FIN_BIT;
  const size_t len = at[1] ^ (masked ? FRAME_MASK_BIT : 0u);
  if ((opcode != OPCODE_BINARY && opcode != OPCODE_TEXT) || len > CONN_SMALL_MAX) return 0;
  if (len > n - head || len > c->limits->max_message_size || len > c->limits->max_frame_size)
    return 0;
  uint8_t *const data = at + head;
  w->in = data + len;
  w->in_len = n - head - len;
  if (masked) {
    mask_key key;
    memcpy(key.b, at + FRAME_SMALL_HEADER, sizeof key.b);
    mask_apply_short(data, data, len, key);
  }
  c->data_received = true;
  ev->type = CONN_EVENT_MESSAGE;
  ev->opcode = opcode;
  ev->data = data;
  ev->len = len;
  if (opcode == OPCODE_TEXT) return conn_small_text(c, ev);
  conn_small_received(c, len);
  return 1;
}

#endif
