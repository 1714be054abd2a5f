#include "proto/extension/deflater.h"

/* Feeds zlib's deflate and cuts the message's end:

     ... block | 000 pad | 00 00 ff ff |      what a sync flush puts out
               +---------+-------------+
     an empty block without compression; the four bytes are left out at the end of a message, and
   put back by the receiver (RFC 7692 7.2.1, 7.2.2) */

enum { SLICE = 64 * 1024, TAIL = 4 };

/* An upper estimate of the output of n bytes that cannot be compressed, with a flush: zlib needs
   more than six bytes for the flush. */
static size_t enough(size_t n) {
  if (n > SLICE) n = SLICE;
  return n + (n >> 3) + (n >> 6) + 32;
}

/* Deflate all input. *produced is increased by the bytes of output. As long as zlib fills all of
   the output buffer, it must be called again. */
static int drain(z_stream *z, int flush, wsuv_sink_t *sink, size_t *produced) {
  do {
    uint8_t *dst;
    size_t room;
    int err = wsuv_sink_reserve(sink, enough(z->avail_in), &dst, &room);
    if (err < 0) return err;
    if (room > UINT32_MAX / 2) room = UINT32_MAX / 2;
    z->next_out = dst;
    z->avail_out = (uInt) room;
    (void) deflate(z, flush); /* Z_OK, or Z_BUF_ERROR: there was nothing to do */
    wsuv_sink_commit(sink, room - z->avail_out);
    *produced += room - z->avail_out;
  } while (z->avail_out == 0);
  return 0;
}

/* An empty message, and a last fragment without payload, become an empty block (RFC 7692
   7.2.3.6). */
static int end_message(wsuv_sink_t *sink, size_t produced) {
  static const uint8_t empty_block = 0;
  if (produced == 0) return wsuv_sink_write(sink, &empty_block, 1);
  wsuv_sink_trim(sink, TAIL);
  return 0;
}

int deflater_feed(z_stream *z, const uint8_t *data, size_t len, bool last, wsuv_sink_t *sink) {
  size_t produced = 0;
  while (len > UINT32_MAX / 2) { /* more than one call of zlib can take */
    z->next_in = (z_const Bytef *) data;
    z->avail_in = UINT32_MAX / 2;
    int err = drain(z, Z_NO_FLUSH, sink, &produced);
    if (err < 0) return err;
    data += UINT32_MAX / 2;
    len -= UINT32_MAX / 2;
  }
  if (len > 0 || last) {
    z->next_in = (z_const Bytef *) data;
    z->avail_in = (uInt) len;
    int err = drain(z, Z_SYNC_FLUSH, sink, &produced);
    if (err < 0) return err;
  }
  return last ? end_message(sink, produced) : 0;
}
