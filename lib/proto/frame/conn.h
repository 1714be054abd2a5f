#ifndef WS_PROTO_FRAME_CONN_H
#define WS_PROTO_FRAME_CONN_H

/* An open WebSocket connection without I/O, for either role: RFC 6455 from the end of the opening
   handshake on. It is given bytes and takes frames to send; it answers with events, one at a time,
   when asked, and with bytes to write. It answers pings, fails the connection when the peer breaks
   the protocol, and knows no clock and no socket.

       conn_recv(c, data, len);
       while ((r = conn_next_event(c, &ev)) == 1) ...            any call is allowed in here
       out_queue_peek(&c->out, ...) ... out_queue_written(...)   whenever it suits
*/

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/frame.h>

#include "base/random_pool.h"
#include "proto/extension/extension_set.h"
#include "proto/frame/close_code.h"
#include "proto/frame/frame_decoder.h"
#include "proto/frame/message.h"
#include "proto/frame/out_queue.h"

/* What many connections share. */
typedef struct conn_shared {
  bufq_pool chunks;
  block_spare spare;
  random_pool random;
  extension_scratch extensions;
  /* Called for each frame header, in either direction, unless NULL; may not call conn. */
  void (*trace)(void *arg, bool outgoing, const frame_header *h);
  /* Called next, unless NULL or for an empty payload, with the payload in clear: all of what is
     queued in one piece, of more pieces the first 64 bytes; of what is received, what came
     first. What extensions have made of it, if there are any. */
  void (*dump)(void *arg, bool outgoing, const uint8_t *payload, size_t len);
} conn_shared;

void conn_shared_init(conn_shared *shared, ws_env *env);
void conn_shared_free(conn_shared *shared); /* every connection has been freed before */

typedef enum conn_event_type {
  CONN_EVENT_MESSAGE, /* opcode, data, len */
  CONN_EVENT_PING,    /* data, len; the pong is queued, unless raw */
  CONN_EVENT_PONG,    /* data, len */
  CONN_EVENT_CLOSE,   /* close_code, and data, len: the reason, behind the two bytes of the code.
                         Nothing more is read after it; it is to be answered by conn_answer_close,
                         or, if raw, by conn_close. */
  CONN_EVENT_PIECE,   /* in place of MESSAGE, if streamed: opcode, data, len, offset, fin: last */
  CONN_EVENT_FRAME    /* in place of MESSAGE, if raw: a data frame, and what counts of its header */
} conn_event_type;

typedef struct conn_event {
  conn_event_type type;
  uint8_t opcode;      /* OPCODE_TEXT or OPCODE_BINARY; of a continuation: its message's */
  bool fin;            /* of a FRAME, a PIECE */
  bool continuation;   /* of a FRAME */
  uint8_t rsv;         /* of a FRAME */
  uint64_t offset;     /* of a PIECE */
  uint16_t close_code; /* WSUV_CLOSE_NO_STATUS: the close frame had none */
  uint8_t *data;       /* valid until the next call of conn_recv or conn_next_event */
  size_t len;
} conn_event;

/* What went one way. Data payload only, as it is in frames. */
typedef struct conn_counts {
  uint64_t messages, frames, payload, pings, pongs;
} conn_counts;

typedef struct conn {
  conn_shared *shared;
  message_limits limits;
  void *trace_arg;
  frame_decoder decoder;
  message incoming;
  out_queue out;
  conn_counts sent;          /* queued */
  conn_counts received;      /* whole frames */
  extension_set *extensions; /* NULL: none */
  uint8_t *in;               /* what was given and is not used up yet */
  size_t in_len;
  block kept;          /* where `in` is, once it was kept */
  const char *why;     /* what was wrong, after an error; "" */
  uint8_t *control;    /* payload of a control frame that arrives in pieces, or NULL */
  uint64_t data_kept;  /* once the peer's close is answered: what is queued beyond it was dropped */
  utf8_state out_utf8; /* of the fragmented text that is being sent */
  uint16_t peer_code;  /* of the peer's close frame */
  uint8_t role;        /* ws_role: ours */
  bool masking;        /* mask what we send; the client's default */
  bool raw;            /* set by conn_set_raw */
  bool streamed;       /* set by conn_set_streamed */
  bool data_came;      /* some of a data frame did; the owner clears it */
  bool special;        /* raw, streamed, or with extensions */
  bool out_streamed;   /* out_opcode's message was begun by conn_begin_message */
  bool out_begun;      /* some frame of it is queued */
  bool close_sent;     /* our close frame is queued or gone: no more sending */
  bool close_received; /* the peer's has come: no more reading */
  bool failed;         /* we failed the connection: no more reading */
  uint16_t sent_code;  /* of our close frame; WSUV_CLOSE_NO_STATUS: it has none */
  uint8_t close_size;  /* bytes of our close frame; 0: it is not made */
  uint8_t out_opcode;  /* of the message whose fragments are being sent; 0: none */
  uint8_t control_len; /* bytes in control */
} conn;

void conn_init(conn *c, conn_shared *shared, ws_role role, bool masking,
               const message_limits *limits, void *trace_arg);

/* Leave messages to the owner, before anything is received: data frames come one by one, with any
   rsv bits and without a look at their text, and rsv bits may be sent; pings are not answered. */
void conn_set_raw(conn *c);

/* Give messages in pieces as they come, before anything is received. */
void conn_set_streamed(conn *c);

/* Use extensions, which become the connection's, before anything is sent or received. NULL: none.
   Not if raw. */
void conn_set_extensions(conn *c, extension_set *set);

void conn_free(conn *c); /* gives back what it holds; out_queue included */

/* Give bytes that were read. They stay the caller's, are unmasked in place, and are used up when
   conn_next_event returns 0 or less. Everything given before has been used up. */
void conn_recv(conn *c, uint8_t *data, size_t len);

/* Keep what was given and is not used up in memory of the connection's own, because the caller's
   will be used otherwise. Events go on from there. 0 or WS_ENOMEM. */
int conn_keep_input(conn *c);

/* Whether there is something that was given and is not used up. */
static inline bool conn_has_input(const conn *c) {
  return c->in_len > 0;
}

/* The next event. 1: one; 0: none until more is received;
   an error (see message_add, frame_header_read, close_payload_read; WS_ENOMEM, WSUV_ERANDOM):
   the connection has failed with it, once: a close frame that says so is queued, where one can be
   (close_code_for_error), and nothing more is read. */
int conn_next_event(conn *c, conn_event *ev);

/* Where the rest of a large payload wants to be read: if more than `least` bytes of a frame are
   missing, room in the block that it is assembled in. The bytes read there are given to conn_recv
   as they lie. 0: wherever the caller likes. Room grows with what has come, not with what was
   announced. */
size_t conn_recv_target(conn *c, size_t least, uint8_t **dst);

/* A frame that is to be sent. */
typedef struct conn_frame {
  frame_opcode type; /* text, binary, ping or pong */
  bool fin;          /* the last, or only, fragment of a message */
  uint8_t rsv;       /* of data frames, if raw */
  bool plain;        /* the message is not to be compressed; counts with its first fragment */
  const ws_slice *pieces;
  size_t count, len;              /* of the pieces; of the whole payload */
  struct wsuv_prepared *prepared; /* whose payload it is, all of it; or NULL */
} conn_frame;

/* Queue a frame; its payload is copied.
   0; WSUV_ESTATE: closing has begun; WSUV_EUTF8; WSUV_ECONTROL; WS_EINVAL: another type amid a
   message, rsv bits that may not be, or a type that is not to be sent here; WSUV_ERANDOM;
   WS_ENOMEM; or an extension's. Nothing is queued then. If an extension had begun to change the
   message, the connection has failed, as with conn_fail. */
int conn_send_frame(conn *c, const conn_frame *frame);

/* The same for one in a single piece, without rsv bits. */
static inline int conn_send(conn *c, frame_opcode type, bool fin, const void *data, size_t len) {
  const ws_slice piece = {(const uint8_t *) data, len};
  const conn_frame frame = {.type = type, .fin = fin, .pieces = &piece, .count = 1, .len = len};
  return conn_send_frame(c, &frame);
}

/* A message of this type is going to be sent in fragments: until one has fin, no other can be. 0;
   WSUV_ESTATE; WS_EINVAL: another has begun, or it is no type of a message. */
int conn_begin_message(conn *c, frame_opcode type);

/* Begin or answer the closing handshake, after all that is queued. Once only: later calls do
   nothing and return 0. WSUV_ECLOSECODE, WSUV_ECONTROL (reason too long), WSUV_EUTF8,
   WSUV_ERANDOM, WS_ENOMEM. Code WSUV_CLOSE_NO_STATUS, with no reason: an empty close frame. */
int conn_close(conn *c, unsigned code, const char *reason, size_t reason_len);

/* Answer the peer's close frame with its code (RFC 6455 5.5.1), unless our own is made already:
   once, after CONN_EVENT_CLOSE, when its owner has written what could be written. The peer wants no
   more of our data: what has not begun to leave by now is dropped.
   0; WSUV_ERANDOM, WS_ENOMEM: the connection has failed, without an answer. */
int conn_answer_close(conn *c);

/* Fail the connection for a reason of ours (RFC 6455 7.1.7), as conn_next_event does: queue a
   close frame that says so if none was sent before, and read no more. `why` is static text, ASCII,
   of WSUV_CLOSE_REASON_MAX bytes at most; it goes out as the reason. */
void conn_fail(conn *c, int err, const char *why);

#endif
