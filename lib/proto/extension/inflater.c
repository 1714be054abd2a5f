#include "proto/extension/inflater.h"

/* Feeds zlib's inflate. Room for output is asked for as it is needed, and what goes beyond the
   bound is never inflated.

   A message whose last block is final (BFINAL, RFC 7692 7.2.3.4) goes on behind it, with the window
   as it is. One that ends exactly there, or has no bytes at all, is taken as complete, though it
   should have an empty block: there are senders of both. */

#include "base/error.h"

enum { AT_BLOCK_END = 128, UNUSED_BITS = 63 }; /* of z_stream.data_type, see zlib.h */

/* What n bytes often become. More is asked for when it turns out to be needed. */
static size_t enough(size_t n) {
  enum { LEAST = 1024, MOST = 256 * 1024 };
  if (n > MOST / 4) return MOST;
  return n * 4 > LEAST ? n * 4 : LEAST;
}

/* Give zlib room for output. An error is kept for the case that it is needed: a message may fill
   its bound exactly, and still have an end to be read. */
static int offer_room(z_stream *z, inflater_progress *p, wsuv_sink_t *sink) {
  uint8_t *dst;
  size_t room, want = enough(z->avail_in);
  if (want > p->left) want = (size_t) p->left;
  int err = want == 0 ? WSUV_ETOOBIG : wsuv_sink_reserve(sink, want, &dst, &room);
  if (err < 0) {
    dst = &p->none;
    room = 0;
  }
  if (room > p->left) room = (size_t) p->left;
  if (room > UINT32_MAX / 2) room = UINT32_MAX / 2;
  z->next_out = dst;
  z->avail_out = (uInt) room;
  return err;
}

/* What zlib's result means: 0, or an error. */
static int inflater_check(z_stream *z, inflater_progress *p, int r) {
  switch (r) {
  case Z_OK:
  case Z_BUF_ERROR: return 0; /* the second: no input, or no room */
  case Z_STREAM_END: p->fresh = true; return inflateResetKeep(z) == Z_OK ? 0 : WSUV_EDEFLATE;
  case Z_MEM_ERROR: return WS_ENOMEM;
  default: return WSUV_EDEFLATE;
  }
}

/* All of the input. */
static int run(z_stream *z, inflater_progress *p, wsuv_sink_t *sink) {
  for (;;) {
    int err = offer_room(z, p, sink);
    uInt in = z->avail_in, room = z->avail_out;
    int r = inflate(z, Z_SYNC_FLUSH);
    bool full = z->avail_out == 0;
    wsuv_sink_commit(sink, room - z->avail_out);
    p->left -= room - z->avail_out;
    if (z->avail_in < in) p->fresh = false;
    int bad = inflater_check(z, p, r);
    if (bad < 0) return bad;
    if (z->avail_in == 0 && (!full || err < 0)) return 0;
    if (full && err < 0 && r != Z_STREAM_END) return err;
  }
}

/* Put back what the sender has cut off. It must be the end of an empty block and nothing else, so
   it needs no room: what wants some is data of a message that was cut short, or is beyond the
   bound. */
static int end_message(z_stream *z, inflater_progress *p, wsuv_sink_t *sink) {
  static const uint8_t tail[] = {0x00, 0x00, 0xff, 0xff};
  if (p->fresh) return 0;
  z->next_in = (z_const Bytef *) tail;
  z->avail_in = sizeof tail;
  z->next_out = &p->none;
  z->avail_out = 0;
  int err = inflater_check(z, p, inflate(z, Z_SYNC_FLUSH));
  if (err == 0 && z->avail_in > 0) err = offer_room(z, p, sink);
  if (err < 0) return err;
  bool at_end = (z->data_type & AT_BLOCK_END) != 0 && (z->data_type & UNUSED_BITS) == 0;
  return at_end && z->avail_in == 0 && !p->fresh ? 0 : WSUV_EDEFLATE;
}

int inflater_feed(z_stream *z, inflater_progress *p, const uint8_t *data, size_t len, bool last,
                  wsuv_sink_t *sink) {
  while (len > 0) {
    size_t n = len < UINT32_MAX / 2 ? len : UINT32_MAX / 2;
    z->next_in = (z_const Bytef *) data;
    z->avail_in = (uInt) n;
    int err = run(z, p, sink);
    if (err < 0) return err;
    data += n;
    len -= n;
  }
  return last ? end_message(z, p, sink) : 0;
}
