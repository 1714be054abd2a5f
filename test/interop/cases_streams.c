#include "interop.h"

/* Messages in pieces, both ways: longer than either queue, and what others send as fragments. */

#include <string.h>

enum {
  STREAM_SIZE = 32 * 1024 * 1024, /* bytes of a message */
  STREAM_PIECE = 64 * 1024 - 1,   /* bytes; no divisor of anything */
  STREAM_QUEUE = 256 * 1024       /* bytes */
};

static void bound_all(interop *t, wsuv_request_t *request) {
  (void) request;
  t->config.max_message_size = 1; /* does not hold */
  t->config.outgoing_max = STREAM_QUEUE;
}

/* --- out --- */

static size_t next_piece(const interop *t) {
  size_t left = STREAM_SIZE - t->step;
  return left < STREAM_PIECE ? left : STREAM_PIECE;
}

/* What the pattern goes on with. */
static int send_piece(interop *t, wsuv_session_t *session) {
  const uint8_t *data = interop_pattern() + t->step % INTEROP_PERIOD;
  size_t len = next_piece(t);
  int err = len > 0 ? wsuv_send_piece(session, data, len, NULL, NULL)
                    : wsuv_send_end(session, NULL, NULL);
  if (err == 0) t->step += len > 0 ? len : 1;
  return err;
}

/* step: bytes that are queued or gone, and one for the end. */
static void pump(wsuv_session_t *session) {
  interop *t = interop_of(session);
  int err = 0;
  while (err == 0 && t->step <= STREAM_SIZE) err = send_piece(t, session);
  EXPECT(t, wsuv_buffered_amount(session) <= STREAM_QUEUE);
  if (err == WSUV_EQUEUEFULL) {
    t->refusals++;
  } else {
    EXPECT_OK(t, err);
  }
}

static void begin(wsuv_session_t *session) {
  interop *t = interop_of(session);
  EXPECT_OK(t, wsuv_send_begin(session, WSUV_FRAME_BINARY));
  pump(session);
}

/* --- in --- */

static void take_piece(wsuv_session_t *session, const wsuv_message_piece_t *piece) {
  interop *t = interop_of(session);
  size_t phase = (size_t) (piece->offset % INTEROP_PERIOD);
  EXPECT(t, piece->type == WSUV_FRAME_BINARY);
  EXPECT(t, piece->offset == t->received);
  EXPECT(t, memcmp(piece->data, interop_pattern() + phase, piece->len) == 0);
  t->received += piece->len;
}

static void take_stream(wsuv_session_t *session, const wsuv_message_piece_t *piece) {
  interop *t = interop_of(session);
  take_piece(session, piece);
  if (!piece->last) return;
  EXPECT(t, t->received == STREAM_SIZE);
  EXPECT(t, t->step == STREAM_SIZE + 1 && t->refusals > 0);
  interop_finish(t, session);
}

static void take_big(wsuv_session_t *session, const wsuv_message_piece_t *piece) {
  interop *t = interop_of(session);
  take_piece(session, piece);
  if (!piece->last) return;
  EXPECT(t, t->received == STREAM_SIZE);
  interop_finish(t, session);
}

/* --- text --- */

static const char text[] = "one two three";

static void take_text(wsuv_session_t *session, const wsuv_message_piece_t *piece) {
  interop *t = interop_of(session);
  EXPECT(t, piece->type == WSUV_FRAME_TEXT);
  EXPECT(t, piece->offset == t->step && t->step + piece->len < sizeof text);
  if (t->step + piece->len >= sizeof text) return;
  EXPECT(t, memcmp(piece->data, text + t->step, piece->len) == 0);
  t->step += piece->len;
  if (!piece->last) return;
  EXPECT(t, t->step == sizeof text - 1);
  interop_finish(t, session);
}

/* The euro sign (E2 82 AC) is cut, and a ping comes in between. */
static void send_text_pieces(wsuv_session_t *session) {
  interop *t = interop_of(session);
  EXPECT_OK(t, wsuv_send_begin(session, WSUV_FRAME_TEXT));
  EXPECT_OK(t, wsuv_send_piece(session, "one \xe2\x82", 6, NULL, NULL));
  EXPECT(t, wsuv_send_end(session, NULL, NULL) == WSUV_EUTF8);
  EXPECT_OK(t, wsuv_send_ping(session, "between", 7));
  EXPECT_OK(t, wsuv_send_piece(session, "\xac two", 5, NULL, NULL));
  EXPECT_OK(t, wsuv_send_end(session, NULL, NULL));
}

/* --- many small pieces --- */

enum { SMALL_PIECES = 2000 };

/* One for each pong, so that each comes in a turn of its own. */
static void send_small(wsuv_session_t *session) {
  interop *t = interop_of(session);
  if (t->step == SMALL_PIECES) {
    EXPECT_OK(t, wsuv_send_end(session, NULL, NULL));
    return;
  }
  t->step++;
  EXPECT_OK(t, wsuv_send_piece(session, "x", 1, NULL, NULL));
  EXPECT_OK(t, wsuv_send_ping(session, "next", 4));
}

static void begin_small(wsuv_session_t *session) {
  EXPECT_OK(interop_of(session), wsuv_send_begin(session, WSUV_FRAME_TEXT));
  send_small(session);
}

static void send_small_on(wsuv_session_t *session, const void *data, size_t len) {
  (void) data;
  (void) len;
  send_small(session);
}

/* The first pieces are frames of their own; the others leave together. */
static void take_small(wsuv_session_t *session, const wsuv_message_t *m) {
  interop *t = interop_of(session);
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  EXPECT(t, m->len == SMALL_PIECES);
  EXPECT_OK(t, wsuv_session_get_stats(session, &stats));
  EXPECT(t, stats.frames_sent - stats.pings_sent < SMALL_PIECES / 2 + 200);
  interop_finish(t, session);
}

static const interop_case cases[] = {
    {.name = "32 MiB are streamed out and in, with 256 KiB queued",
     .path = "/echo",
     .prepare = bound_all,
     .on = {.on_open = begin,
            .on_message = interop_never_message,
            .on_message_piece = take_stream,
            .on_drain = pump}},
    {.name = "32 MiB arrive in pieces, past the limit of messages",
     .path = "/big?size=33554432",
     .prepare = bound_all,
     .on = {.on_message = interop_never_message, .on_message_piece = take_big}},
    {.name = "fragments arrive as pieces",
     .path = "/fragment",
     .on = {.on_message = interop_never_message, .on_message_piece = take_text}},
    {.name = "many small pieces are fewer frames",
     .path = "/echo",
     .on = {.on_open = begin_small, .on_pong = send_small_on, .on_message = take_small}},
    {.name = "text in pieces is one message to the peer",
     .path = "/echo",
     .text = "one \u20ac two",
     .on = {.on_open = send_text_pieces, .on_message = interop_take_text}},
};

const interop_group stream_cases = INTEROP_GROUP(cases);
