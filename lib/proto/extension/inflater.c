#include "proto/extension/inflater.h"

/* Feeds zlib's inflate. Output memory is requested as it is needed, and output over the limit is
   never produced. After a final block (BFINAL, RFC 7692 7.2.3.4) a message goes on with the same
   window. A message that ends exactly there, or has no bytes at all, counts as complete, though it
   should have an empty block: some senders leave it out. */

#include "base/error.h"

enum { AT_BLOCK_END = 128, UNUSED_BITS = 63 }; /* of z_stream.data_type, see zlib.h */
enum { STRETCH = 64 * 1024 };                  /* of input, between two looks at its output */

/* A guess of the output of n bytes. More memory is requested when it is needed. */
static size_t enough(size_t n) {
  enum { LEAST = 1024, MOST = 256 * 1024 };
  if (n > MOST / 4) return MOST;
  return n * 4 > LEAST ? n * 4 : LEAST;
}

/* Request memory for output. An error counts only if output is really produced: a message may have
   exactly the largest allowed size, and its end must still be read. */
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
  case Z_BUF_ERROR: return 0; /* Z_BUF_ERROR: no input, or no output memory */
  case Z_STREAM_END: p->fresh = true; return inflateResetKeep(z) == Z_OK ? 0 : WSUV_EDEFLATE;
  case Z_MEM_ERROR: return WS_ENOMEM;
  default: return WSUV_EDEFLATE;
  }
}

/* Inflate all input. */
static int run(z_stream *z, inflater_progress *p, wsuv_sink_t *sink) {
  for (;;) {
    int err = offer_room(z, p, sink);
    uInt in = z->avail_in, room = z->avail_out;
    int r = inflate(z, Z_SYNC_FLUSH);
    bool full = z->avail_out == 0;
    wsuv_sink_commit(sink, room - z->avail_out);
    p->left -= room - z->avail_out;
    p->made += room - z->avail_out;
    if (z->avail_in < in) p->fresh = false;
    int bad = inflater_check(z, p, r);
    if (bad < 0) return bad;
    if (z->avail_in == 0 && (!full || err < 0)) return 0;
    if (full && err < 0 && r != Z_STREAM_END) return err;
  }
}

/* Append the bytes that the sender has removed. They must be the end of an empty block, which needs
   no output memory: output here means truncated data, or over the limit. */
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
    size_t stretch = STRETCH - (size_t) (p->used % STRETCH), n = len < stretch ? len : stretch;
    z->next_in = (z_const Bytef *) data;
    z->avail_in = (uInt) n;
    int err = run(z, p, sink);
    if (err < 0) return err;
    p->used += n;
    if (p->used % STRETCH == 0 && inflater_starves(p)) return WSUV_EDEFLATE;
    data += n;
    len -= n;
  }
  if (last && inflater_starves(p)) return WSUV_EDEFLATE;
  return last ? end_message(z, p, sink) : 0;
}
