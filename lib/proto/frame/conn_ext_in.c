#include "proto/frame/conn_ext.h"

/* Received messages that extensions change: assembled from their output, within the limit, or
   delivered in pieces. */

#include "base/error.h"

/* bytes of input at once; deflate makes at most 66 KiB, or 1 MiB, of them */
enum {
  SLICE_STREAMED = 64,
  SLICE_WHOLE = 1024,
  PIECE_SIZE = 16 * 1024 /* bytes of a streamed message that are delivered together */
};

/* Whether the frame that begins with the next byte has reserved bits. */
static bool has_rsv(const conn *c) {
  const uint8_t first = c->work->decoder.have > 0 ? c->work->decoder.part[0] : *c->work->in;
  return (first & 0x70) != 0;
}

/* As many bytes as will make what is left for the turn, if they are inflated like those before. */
static size_t slice_of_whole(const extension_set *set) {
  uint64_t n = set->in_left / (set->in_ratio + 1u);
  if (n < SLICE_STREAMED) n = SLICE_STREAMED;
  return n < SLICE_WHOLE ? (size_t) n : SLICE_WHOLE;
}

/* The most bytes that may be one chunk. A message that is assembled and that no extension changes
   may be delivered where it lies, so it is not cut. */
static size_t slice(const conn *c) {
  const bool began = c->work->incoming.fragments > 0;
  if (c->extensions == NULL || (began && extension_set_in_idle(c->extensions))) return SIZE_MAX;
  if (c->streamed) return SLICE_STREAMED;
  return began || has_rsv(c) ? slice_of_whole(c->extensions) : SIZE_MAX;
}

int conn_ext_next_chunk(conn *c, frame_chunk *chunk) {
  if (c->work->in_len == 0 || (c->extensions != NULL && c->extensions->in_left == 0)) return 0;
  const size_t most = slice(c);
  size_t n = c->work->in_len < most ? c->work->in_len : most, rest = c->work->in_len - n;
  int r = frame_decoder_next(&c->work->decoder, &c->work->in, &n, chunk);
  c->work->in_len = rest + n;
  return r;
}

/* An rsv bit in a continuation frame is an error for every extension (RFC 7692 6.1 allows it only
   on first frames). */
static int conn_ext_check(conn *c) {
  const frame_header *h = &c->work->decoder.header;
  if (h->opcode == OPCODE_CONTINUATION && h->rsv != 0) {
    c->work->shared->why = "reserved bit in a continuation";
    return WSUV_EPROTOCOL;
  }
  return message_check_frame(&c->work->incoming, c->limits, h, c->streamed, &c->work->shared->why);
}

/* More output than before is expected at once, and less only after a while. */
static void expect_ratio(extension_set *set, size_t used, size_t produced) {
  const size_t ratio = used > 0 ? produced / used : 0;
  set->in_ratio = (uint16_t) (set->in_ratio - set->in_ratio / 16);
  if (ratio > set->in_ratio) set->in_ratio = ratio < UINT16_MAX ? (uint16_t) ratio : UINT16_MAX;
}

/* The output is counted when the frame is complete, as the frame is. */
static void count_saved(conn *c, const frame_chunk *chunk, size_t produced) {
  extension_set *set = c->extensions;
  expect_ratio(set, chunk->len, produced);
  set->in_produced += produced;
  set->in_left -= produced < set->in_left ? produced : set->in_left;
  if (!chunk->last) return;
  set->in_saved += set->in_produced - c->work->decoder.header.length;
  set->in_produced = 0;
}

static int put_out(conn *c, const frame_chunk *chunk) {
  const frame_header *h = &c->work->decoder.header;
  message *m = &c->work->incoming;
  block_sink s;
  const char *why;
  const bool begins = chunk->first && h->opcode != OPCODE_CONTINUATION;
  const bool end = chunk->last && h->fin;
  const wsuv_extension_chunk_t own = {chunk->data, chunk->len, begins, end};
  const uint8_t type = begins ? h->opcode : m->opcode;
  block_sink_begin(&s, &m->assembled, &c->work->shared->spare,
                   c->streamed ? SIZE_MAX : c->limits->max_message_size);
  int r = extension_set_incoming(c->extensions, &c->work->shared->extensions,
                                 (wsuv_frame_type_t) type, h->rsv, &own, &s.sink, &why);
  block_sink_end(&s);
  if (r < 0) c->work->shared->why = why;
  return r;
}

static int give_piece(conn *c, uint8_t *nowhere, bool end, conn_event *ev) {
  message *m = &c->work->incoming;
  ev->type = CONN_EVENT_PIECE;
  ev->opcode = m->opcode;
  ev->fin = end;
  ev->offset = m->passed;
  message_give(m, nowhere, &ev->data, &ev->len);
  m->passed += ev->len;
  return 1;
}

static int give(conn *c, const frame_chunk *chunk, bool end, conn_event *ev) {
  message *m = &c->work->incoming;
  if (end) m->fragments = 0;
  if (c->streamed) {
    bool enough = end || m->assembled.len >= PIECE_SIZE;
    return enough ? give_piece(c, chunk->data, end, ev) : 0;
  }
  if (!end) return 0;
  ev->type = CONN_EVENT_MESSAGE;
  message_give(m, chunk->data, &ev->data, &ev->len);
  return 1;
}

/* Text before an error was checked already if it came in another chunk. It is checked now if it did
   not, so that the error is the same however the message is cut. */
static int fail_out(conn *c, const frame_chunk *chunk, size_t before, int err) {
  if (chunk->first) message_begin_frame(&c->work->incoming, &c->work->decoder.header);
  const char *why;
  int bad_text = message_check_new(&c->work->incoming, before, false, &why);
  if (bad_text == 0) return err;
  c->work->shared->why = why;
  c->extensions->in_close_code = 0;
  return bad_text;
}

int conn_ext_add(conn *c, const frame_chunk *chunk, conn_event *ev) {
  const frame_header *h = &c->work->decoder.header;
  const bool end = chunk->last && h->fin;
  bool begins = chunk->first && h->opcode != OPCODE_CONTINUATION;
  int r = chunk->first ? conn_ext_check(c) : 0;
  if (r < 0) return r;
  if (!begins && extension_set_in_idle(c->extensions)) return CONN_EXT_PASS;
  size_t before = c->work->incoming.assembled.len;
  r = put_out(c, chunk);
  if (r < 0) return fail_out(c, chunk, before, r);
  if (r != WSUV_EXTENSION_TAKEN) return CONN_EXT_PASS;
  if (chunk->first) message_begin_frame(&c->work->incoming, &c->work->decoder.header);
  if (chunk->first && c->streamed)
    c->work->incoming.fragments = 1; /* in pieces, they are not counted */
  count_saved(c, chunk, c->work->incoming.assembled.len - before);
  r = message_check_new(&c->work->incoming, before, end, &c->work->shared->why);
  return r < 0 ? r : give(c, chunk, end, ev);
}

int conn_ext_flush(conn *c, conn_event *ev) {
  bool some = c->streamed && c->extensions != NULL && c->work->incoming.assembled.len > 0;
  return some && !c->failed && !c->close_received ? give_piece(c, NULL, false, ev) : 0;
}
