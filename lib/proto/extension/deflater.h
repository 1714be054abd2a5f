#ifndef WS_PROTO_EXTENSION_DEFLATER_H
#define WS_PROTO_EXTENSION_DEFLATER_H

/* Compressing one message after the other with a zlib state (RFC 7692 7.2.1). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "proto/extension/sink.h"

/* Compress a fragment of a message, `last` or not, so that all of it can be read from what is put
   out. Behind the last, the message's end is as RFC 7692 wants it.
   The sink gives all the room that it is asked for, as on the way out it does.
   0, or an error of the sink's: the state is then to be reset, or not used again. */
int deflater_feed(z_stream *z, const uint8_t *data, size_t len, bool last, wsuv_sink_t *sink);

#endif
