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
  bufq_pool chunks;             /* All queues take their chunks from this pool. */
  block_spare spare;            /* All blocks of received bytes share this spare. */
  random_pool random;           /* Masking keys come from here. */
  extension_scratch extensions; /* Extensions write their output to this memory. */
  /* This is called with each frame header, sent or received, unless it is NULL. It may not call
     conn. */
  void (*trace)(void *arg, bool outgoing, const frame_header *h);
  /* This is called after `trace`, and only if that is set, with the first `dump_max` bytes of the
     frame's payload, without its mask, unless it is NULL or there are none: once, or, if a sent
     payload is in several pieces, for each 64 bytes. Of a received payload, it gets only bytes of
     the piece that came first. */
  void (*dump)(void *arg, bool outgoing, size_t offset, const uint8_t *payload, size_t len);
  size_t dump_max; /* At most this many bytes of a payload are passed to `dump`. */
  /* This says what was wrong with the last connection that has failed, until it is taken
     (conn_take_why); otherwise it is "". It is static text, or `numbered`. */
  const char *why;
  char numbered[32]; /* The last error that has a number in its text is described here. */
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
  conn_event_type type; /* This says which of the other fields are set. */
  /* The message is OPCODE_TEXT or OPCODE_BINARY, also if this is a continuation frame. */
  uint8_t opcode;
  bool fin;            /* A FRAME is the last of its message, or a PIECE is. */
  bool continuation;   /* A FRAME is a continuation frame. */
  uint8_t rsv;         /* A FRAME has these reserved bits. */
  uint64_t offset;     /* A PIECE begins after this many bytes of its message. */
  uint16_t close_code; /* A CLOSE has this code, or WSUV_CLOSE_NO_STATUS if the frame had none. */
  uint8_t *data;       /* This memory is valid until the next conn_recv or conn_next_event. */
  size_t len;          /* `data` has this many bytes. */
} conn_event;

/* Counters of one direction. Payload as it is in frames, data frames only. */
typedef struct conn_counts {
  /* These are the numbers of messages, of all frames, of bytes of payload in data frames, of pings
     and of pongs. */
  uint64_t messages, frames, payload, pings, pongs;
} conn_counts;

/* What a connection needs only while something is under way: input that is not used, a frame or
   message that has come in part, frames to be written. The owner has a pool of these. A connection
   gets one before it is given bytes or frames, and has none while it is idle. One that nothing is
   under way in (conn_works) may be used for another connection of the same role. */
typedef struct conn_work {
  conn_shared *shared; /* This is shared with other connections, and outlives all of them. */
  void *trace_arg; /* This is the first argument of `trace` and `dump`, and belongs to the owner. */
  frame_decoder decoder; /* This is the state of the frame that is being received. */
  message incoming;      /* This is the state of the message that is being received. */
  out_queue out;         /* These are the frames to be written. */
  /* These bytes were given and are not used yet; they are the caller's, or in `kept`. */
  uint8_t *in;
  size_t in_len; /* `in` has this many bytes. */
  block kept;    /* After conn_keep_input, this is the owned copy that `in` points into. */
  bool none;     /* This is a constant that stands for no work. It is empty. */
  /* No frame and no message is under way, and `in` is the caller's memory: conn_next_small may look
     at it. */
  bool between;
  uint8_t control_len;                /* `control` has this many bytes. */
  uint8_t control[FRAME_CONTROL_MAX]; /* This is the payload of a control frame in pieces. */
} conn_work;

typedef struct conn {
  /* This is the owner's: what is under way, or a constant with `none` set if there is nothing. */
  conn_work *work;
  /* Received frames and messages must keep these limits, which are the owner's. */
  const message_limits *limits;
  conn_counts sent;          /* Frames are counted here when they are queued. */
  conn_counts received;      /* Frames are counted here when they are complete. */
  extension_set *extensions; /* The connection owns the negotiated extensions, or this is NULL. */
  utf8_state out_utf8; /* This is the UTF-8 state of the text that is being sent in fragments. */
  uint8_t role;        /* This ws_role is our own. */
  uint16_t peer_code;  /* This is the code of the peer's close frame, once it was received. */
  /* This is the code of our close frame: WSUV_CLOSE_NO_STATUS if it has none, 0 if no frame was
     made. */
  uint16_t sent_code;
  uint8_t close_size;  /* Our close frame has this many bytes; 0 if there is none. */
  uint8_t out_opcode;  /* A message of this type is being sent in fragments; 0 if there is none. */
  uint8_t rsv_allowed; /* Received data frames may have these reserved bits. */
  bool raw : 1;        /* conn_set_raw was called. */
  bool streamed : 1;   /* conn_set_streamed was called. */
  bool slow_path : 1;  /* The connection is raw or streamed, or has extensions. */
  /* Our close frame was queued or could not be made, so no more can be sent. */
  bool close_sent : 1;
  bool close_received : 1; /* The peer's close frame has come, so no more is read. */
  bool close_by_peer : 1;  /* The peer's close frame came before ours was made. */
  bool failed : 1;         /* We have failed the connection, so no more is read. */
  /* The first fragment of the message in `out_opcode` was `plain`. Only extensions ask. */
  bool out_plain : 1;
  bool masking;       /* The frames that we send are masked. */
  bool out_begun;     /* A frame of the message in `out_opcode` was queued. */
  bool data_received; /* Some of a data frame has come since the owner reset this. */
} conn;

/* A frame to be sent. */
typedef struct conn_frame {
  /* This is the type of a control frame, or of the message that a data frame belongs to. */
  frame_opcode type;
  bool fin; /* The frame is the last, or only, fragment of its message. */
  /* These are the reserved bits, which only data frames of a raw connection may have. */
  uint8_t rsv;
  bool plain;            /* The message is not compressed; this counts with its first fragment. */
  bool checked;          /* The payload is known to continue the message's text as UTF-8. */
  const ws_view *pieces; /* The payload is in these pieces, which belong to the caller. */
  size_t count, len;     /* These are the number of pieces and their length in bytes. */
  /* A payload of data that is longer than this many bytes is sent in several frames; 0 stands for
     any length. */
  size_t fragment_size;
  /* The payload is that of this prepared message, or this is NULL. */
  struct wsuv_prepared *prepared;
  /* This writes what it can of the frames before the rest is queued; NULL: all is queued. See
     conn_takes_writer. */
  out_writer *writer;
} conn_frame;

/* What conn_answer_close has dropped. */
typedef struct conn_dropped {
  /* After position `kept` of the data lane, as in out_lane.queued, `len` bytes were dropped. */
  uint64_t kept, len;
} conn_dropped;

#endif
