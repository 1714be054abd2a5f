#ifndef WS_PROTO_EXTENSION_INFLATER_H
#define WS_PROTO_EXTENSION_INFLATER_H

/* Inflating one message after the other with a zlib state (RFC 7692 7.2.2), bounded while it runs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "proto/extension/sink.h"

/* How far a message has come. */
typedef struct inflater_progress {
  uint64_t left; /* bytes that may still be put out */
  bool fresh;    /* no input was used since the message, or a final block before it, ended */
  uint8_t none;  /* where room for no output is */
} inflater_progress;

static inline void inflater_begin(inflater_progress *p, uint64_t bound) {
  p->left = bound;
  p->fresh = true;
}

/* Inflate a piece of a message. 0; WSUV_EDEFLATE: corrupt, or, with `last`, cut short;
   WSUV_ETOOBIG: more than the bound; an error of the sink's; WS_ENOMEM. After an error the state
   is not to be used again. */
int inflater_feed(z_stream *z, inflater_progress *p, const uint8_t *data, size_t len, bool last,
                  wsuv_sink_t *sink);

#endif
