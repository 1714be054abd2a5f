#ifndef WS_PROTO_EXTENSION_DEFLATER_H
#define WS_PROTO_EXTENSION_DEFLATER_H

/* Compresses messages, one after the other, with a zlib state (RFC 7692 7.2.1). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "proto/extension/sink.h"

/* Compress a fragment of a message, the `last` or not, and flush, so that the receiver can inflate
   all of it. The last one ends as RFC 7692 requires. The sink must give all the room that is asked
   for. 0, or an error of the sink: the state must be reset or not used again. */
int deflater_feed(z_stream *z, const uint8_t *data, size_t len, bool last, wsuv_sink_t *sink);

#endif
