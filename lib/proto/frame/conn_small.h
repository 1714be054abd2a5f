#ifndef WS_PROTO_FRAME_CONN_SMALL_H
#define WS_PROTO_FRAME_CONN_SMALL_H

/* Fast paths for a text or binary message of at most 125 bytes in one frame, which is what most
   messages are. They look only for what would make it anything else. If there is such a thing, they
   change nothing that can be seen, and conn.c does the work. */

#include <assert.h>

#include "proto/frame/conn_state.h"

enum { CONN_SMALL_MAX = 125 /* bytes of payload: the length is in the header's second byte */ };

/* The size of the header. */
static inline size_t conn_small_head(bool masked) {
  return masked ? FRAME_SMALL_HEADER + sizeof(mask_key) : FRAME_SMALL_HEADER;
}

/* Sending */

/* Whether a data frame has nothing to wait for, no extension changes it, and frames are not logged.
   The connection has work. */
static inline bool conn_small_allowed(const conn *c) {
  if (c->raw || c->close_sent || c->close_received || c->out_opcode != 0) return false;
  return c->extensions == NULL && c->work->shared->trace == NULL;
}

static inline bool conn_send_small_as(conn *c, bool masked, frame_opcode type, const void *data,
                                      size_t len) {
  conn_work *const w = c->work;
  const size_t head = conn_small_head(masked);
  assert(len <= CONN_SMALL_MAX);
  if (masked && !random_pool_has(&w->shared->random, sizeof(mask_key))) return false;
  uint8_t *const at = out_queue_data_put(&w->out, head, len);
  if (at == NULL) return false;
  c->sent.frames++;
  c->sent.messages++;
  c->sent.payload += len;
  at[0] = (uint8_t) (FRAME_FIN_BIT | type);
  if (masked) {
    mask_key key;
    random_pool_pop(&w->shared->random, key.b, sizeof key.b);
    at[1] = (uint8_t) (FRAME_MASK_BIT | len);
    memcpy(at + FRAME_SMALL_HEADER, key.b, sizeof key.b);
    mask_apply_short(at + head, data, len, key);
  } else {
    at[1] = (uint8_t) len;
    if (len > 0) memcpy(at + head, data, len);
  }
  return true;
}

/* As conn_send_frame for a whole message of at most CONN_SMALL_MAX bytes that may be sent in one
   frame. It is binary, or known to be UTF-8. The connection has work. False: nothing has changed,
   and conn_send_frame sends it, or says why not. */
static inline bool conn_send_small(conn *c, frame_opcode type, const void *data, size_t len) {
  if (!conn_small_allowed(c)) return false;
  return c->masking ? conn_send_small_as(c, true, type, data, len)
                    : conn_send_small_as(c, false, type, data, len);
}

/* If nothing but room in the queue and a masking key is missing for conn_send_small, get them.
   False: it could not send the message, which may be longer, too. The connection has work. */
bool conn_small_prepare(conn *c, size_t len);

/* Receiving, for conn_next_event only */

/* Apply the mask of the small frame at `at` to its payload. */
static inline void conn_small_unmask(uint8_t *at, size_t len) {
  mask_key key;
  uint8_t *data = at + conn_small_head(true);
  memcpy(key.b, at + FRAME_SMALL_HEADER, sizeof key.b);
  mask_apply_short(data, data, len, key);
}

/* As conn_next_event, if the next bytes are a small message and nothing else is under way. 0: they
   are something else, or not enough; or the text is not UTF-8. `masked`: the peer is a client. */
static inline int conn_next_small_from(conn *c, bool masked, conn_event *ev) {
  conn_work *const w = c->work;
  const size_t head = conn_small_head(masked), n = w->in_len;
  if (!w->between || c->slow_path || n < head || w->shared->trace != NULL) return 0;
  uint8_t *const at = w->in, *const data = at + head;
  const uint8_t opcode = at[0] ^ FRAME_FIN_BIT;
  const size_t len = at[1] ^ (masked ? FRAME_MASK_BIT : 0u);
  if ((opcode != OPCODE_BINARY && opcode != OPCODE_TEXT) || len > CONN_SMALL_MAX) return 0;
  if (len > n - head || len > c->limits->max_message_size || len > c->limits->max_frame_size)
    return 0;
  if (masked) conn_small_unmask(at, len);
  if (opcode == OPCODE_TEXT && !utf8_valid(data, len)) {
    if (masked) conn_small_unmask(at, len); /* again: it is as it came */
    return 0;
  }
  w->in = data + len;
  w->in_len = n - head - len;
  c->data_received = true;
  c->received.frames++;
  c->received.messages++;
  c->received.payload += len;
  ev->type = CONN_EVENT_MESSAGE;
  ev->opcode = opcode;
  ev->data = data;
  ev->len = len;
  return 1;
}

static inline int conn_next_small(conn *c, conn_event *ev) {
  return c->role == WS_CLIENT ? conn_next_small_from(c, false, ev)
                              : conn_next_small_from(c, true, ev);
}

#endif
