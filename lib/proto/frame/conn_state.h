#ifndef WS_PROTO_FRAME_CONN_STATE_H
#define WS_PROTO_FRAME_CONN_STATE_H

/* The members of a connection, for the files that implement it. conn.h describes what it does. */

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
  /* Called with each frame header, sent or received, unless NULL. It may not call conn. */
  void (*trace)(void *arg, bool outgoing, const frame_header *h);
  /* Called after it with the payload in clear, unless NULL or the payload is empty. Sent: all of it
     if it is in one piece, otherwise the first 64 bytes. Received: the bytes that came first. With
     extensions: their output. */
  void (*dump)(void *arg, bool outgoing, const uint8_t *payload, size_t len);
} conn_shared;

typedef enum conn_event_type {
  CONN_EVENT_MESSAGE, /* opcode, data, len */
  CONN_EVENT_PING,    /* data, len; the pong is queued, unless raw */
  CONN_EVENT_PONG,    /* data, len */
  CONN_EVENT_CLOSE,   /* close_code; and data, len: the reason, after the two bytes of the code.
                         Nothing more is read. Answer it with conn_answer_close or, in raw mode,
                         with conn_close. */
  CONN_EVENT_PIECE,   /* instead of MESSAGE, if streamed: opcode, data, len, offset, fin: last */
  CONN_EVENT_FRAME    /* instead of MESSAGE, in raw mode: a data frame and its header */
} conn_event_type;

typedef struct conn_event {
  conn_event_type type;
  uint8_t opcode;      /* OPCODE_TEXT or OPCODE_BINARY; for a continuation frame: its message's */
  bool fin;            /* for FRAME and PIECE */
  bool continuation;   /* for FRAME */
  uint8_t rsv;         /* for FRAME */
  uint64_t offset;     /* for PIECE */
  uint16_t close_code; /* WSUV_CLOSE_NO_STATUS: the close frame had none */
  uint8_t *data;       /* valid until the next conn_recv or conn_next_event */
  size_t len;
} conn_event;

/* Counters of one direction. Payload as it is in frames, data frames only. */
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
  uint8_t *in;               /* bytes that were given and are not used yet */
  size_t in_len;
  block kept;          /* the copy that `in` points into, after conn_keep_input */
  const char *why;     /* what was wrong, after an error; otherwise "" */
  uint8_t *control;    /* payload of a control frame that comes in pieces, or NULL */
  uint64_t data_kept;  /* the data lane's position at which the rest was dropped */
  utf8_state out_utf8; /* UTF-8 state of the fragmented text that is being sent */
  uint16_t peer_code;  /* the code of the peer's close frame */
  uint8_t role;        /* our ws_role */
  bool masking;        /* mask the frames that we send; default for a client */
  bool raw;            /* set by conn_set_raw */
  bool streamed;       /* set by conn_set_streamed */
  bool data_received;  /* some of a data frame has come; the owner resets it */
  bool slow_path;      /* raw, streamed, or with extensions */
  bool out_streamed;   /* conn_begin_message has set out_opcode */
  bool out_begun;      /* some frame of that message is queued */
  bool close_sent;     /* our close frame is queued or sent: nothing more can be sent */
  bool close_received; /* the peer's close frame has come: nothing more is read */
  bool failed;         /* we have failed the connection: nothing more is read */
  uint16_t sent_code;  /* the code of our close frame; WSUV_CLOSE_NO_STATUS: it has none */
  uint8_t close_size;  /* bytes of our close frame; 0: it is not made */
  uint8_t out_opcode;  /* the type of the message that is being sent in fragments; 0: none */
  uint8_t control_len; /* bytes in control */
} conn;

/* A frame to be sent. */
typedef struct conn_frame {
  frame_opcode type; /* text, binary, ping or pong */
  bool fin;          /* the last, or only, fragment of a message */
  uint8_t rsv;       /* of data frames, if raw */
  bool plain;        /* do not compress the message; counts with its first fragment */
  const ws_view *pieces;
  size_t count, len;              /* pieces; bytes of the whole payload */
  struct wsuv_prepared *prepared; /* the prepared message whose payload it is; or NULL */
} conn_frame;

#endif
