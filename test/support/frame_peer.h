#ifndef TEST_FRAME_PEER_H
#define TEST_FRAME_PEER_H

/* A raw peer that upgrades every connection, then writes down the frames that come and sends what
   it is told to, both in the notation of frames_script. Unless told otherwise it answers the close
   frame with the same payload, ends TCP behind it, and answers nothing else. A script of the raw
   peer (raw_peer_play) takes the place of all this; its data may then be the test's. */

#include <stdbool.h>
#include <stddef.h>

#include "support/frames.h"
#include "support/raw_peer.h"

typedef struct frame_peer frame_peer;

struct frame_peer {
  raw_peer *raw;
  raw_conn *conn;       /* the latest; NULL: none yet */
  const char *upgrade;  /* header lines of the answer, "A: b\r\n"; NULL: no more than must be */
  const char *greeting; /* frames sent together with the upgrade, or NULL */
  bool silent;          /* answers no close frame */
  bool ends;            /* ends TCP behind it, though silent */
  bool keeps_open;      /* answers it, but does not end TCP */
  bool stays;           /* keeps its end after the client's */
  bool echoes;          /* messages come back as they are, fragments too */
  bool pongs;           /* pings are answered */
  bool forgets;         /* frames are counted and not written down */
  size_t upgraded, frames;
  size_t opcodes[16]; /* frames of each opcode */
  bytes saw;          /* a line for each frame */
  bytes keys;         /* their masking keys */
  bool ended;         /* by the client; end_status: 0, or the error */
  int end_status;
  void (*on_frame)(frame_peer *p, const seen_frame *f); /* after the answers, if any */
  void *data;
};

void frame_peer_start(frame_peer *p, world *w);
void frame_peer_start_at(frame_peer *p, world *w, const char *path); /* of a Unix socket */
void frame_peer_free(frame_peer *p); /* the raw peer is the world's */

void frame_peer_send(frame_peer *p, const char *script);

/* Whether just these frames came, masked and in their shortest form. On false it has said on
   stderr which did. */
bool frame_peer_saw(const frame_peer *p, const char *script);

/* Frames in frames_script's notation as lines of frames_render: what frame_peer and session_user
   compare with. */
bool frames_match(const bytes *lines, const char *script);

#endif
