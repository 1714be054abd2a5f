#ifndef WS_PROTO_EXTENSION_INFLATER_H
#define WS_PROTO_EXTENSION_INFLATER_H

/* Inflates messages, one after the other, with a zlib state (RFC 7692 7.2.2). Output is limited
   while it is produced. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "proto/extension/sink.h"

/* The state of the current message. */
typedef struct inflater_progress {
  uint64_t left; /* The message may have at most this many more bytes of output. */
  uint64_t used; /* This many bytes of the message's input were read. */
  uint64_t made; /* This many bytes of output were made of them. */
  /* No input was used since the message started, or since its last final block ended. */
  bool fresh;
  /* zlib's output points to this byte when there is no room, and it is never written. */
  uint8_t none;
} inflater_progress;

static inline void inflater_begin(inflater_progress *p, uint64_t bound) {
  p->left = bound;
  p->used = p->made = 0;
  p->fresh = true;
}

/* Whether the input is more than 64 times the output, and 64 KiB besides. Blocks without output are
   legal, but a message of nothing else would go on for ever. */
static inline bool inflater_starves(const inflater_progress *p) {
  enum { RATIO = 64, BESIDES = 64 * 1024 };
  return p->used > BESIDES && (p->used - BESIDES - 1) / RATIO >= p->made;
}

/* Inflate a piece of a message. 0; WSUV_EDEFLATE: corrupt, or with `last` truncated, or
   inflater_starves(), which is judged each 64 KiB of input and at the end, however the input is
   cut; WSUV_ETOOBIG: over the limit; an error of the sink; WS_ENOMEM. After an error the state must
   not be used again. */
int inflater_feed(z_stream *z, inflater_progress *p, const uint8_t *data, size_t len, bool last,
                  wsuv_sink_t *sink);

#endif
