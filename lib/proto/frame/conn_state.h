#ifndef WS_PROTO_FRAME_CONN_STATE_H
#define WS_PROTO_FRAME_CONN_STATE_H

/* What a connection consists of, for the files that it is made of. What it does is in conn.h. */

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
  bool data_received;  /* some of a data frame did; the owner clears it */
  bool slow_path;      /* raw, streamed, or with extensions */
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

/* A frame that is to be sent. */
typedef struct conn_frame {
  frame_opcode type; /* text, binary, ping or pong */
  bool fin;          /* the last, or only, fragment of a message */
  uint8_t rsv;       /* of data frames, if raw */
  bool plain;        /* the message is not to be compressed; counts with its first fragment */
  const ws_view *pieces;
  size_t count, len;              /* of the pieces; of the whole payload */
  struct wsuv_prepared *prepared; /* whose payload it is, all of it; or NULL */
} conn_frame;

#endif
