#include "interop.h"

/* Messages compressed by permessage-deflate, both ways, with what is taken over from one to the
   next and what is not. */

#include <stdio.h>
#include <string.h>

enum { TEXTS = 30, TEXT_SIZE = 4000 };

static void offer(interop *t, bool takeover, unsigned bits) {
  static wsuv_deflate_options_t options;
  static wsuv_extension_t deflate;
  static const wsuv_extension_t *const extensions[] = {&deflate};
  wsuv_deflate_options_init(&options);
  options.client_no_context_takeover = options.server_no_context_takeover = !takeover;
  options.client_max_window_bits = options.server_max_window_bits = bits;
  EXPECT_OK(t, wsuv_permessage_deflate(&deflate, &options));
  t->config.extensions = extensions;
  t->config.extension_count = 1;
}

static void with_takeover(interop *t, wsuv_request_t *request) {
  (void) request;
  offer(t, true, 15);
}

static void without_takeover(interop *t, wsuv_request_t *request) {
  (void) request;
  offer(t, false, 15);
}

static void with_small_windows(interop *t, wsuv_request_t *request) {
  (void) request;
  offer(t, true, 10);
}

/* The n-th text: lines that resemble those of the texts before it. */
static size_t make_text(char text[TEXT_SIZE], size_t n) {
  size_t len = 0;
  for (size_t i = 0; i <= n; i++) {
    len += (size_t) snprintf(text + len, TEXT_SIZE - len,
                             "{\"line\":%zu,\"of\":%zu,\"twice\":%zu}\n", i, n, i * n);
  }
  return len;
}

static void send_texts(wsuv_session_t *session) {
  interop *t = interop_of(session);
  char text[TEXT_SIZE];
  EXPECT(t, strncmp(wsuv_session_extensions(session), "permessage-deflate", 18) == 0);
  for (size_t i = 0; i < TEXTS; i++) {
    wsuv_frame_t frame;
    size_t len = make_text(text, i), half = i % 2 == 0 ? len : len / 2;
    wsuv_frame_init(&frame, WSUV_FRAME_TEXT, text, half);
    frame.fin = half == len;
    frame.plain = i % 7 == 6;
    EXPECT_OK(t, wsuv_send(session, &frame, NULL, NULL));
    if (frame.fin) continue;
    wsuv_frame_init(&frame, WSUV_FRAME_TEXT, text + half, len - half);
    EXPECT_OK(t, wsuv_send(session, &frame, NULL, NULL));
  }
}

static void check_saved(interop *t, const wsuv_session_t *session) {
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  EXPECT_OK(t, wsuv_session_get_stats(session, &stats));
  EXPECT(t, stats.payload_sent == stats.payload_received);
  EXPECT(t, stats.framed_sent < stats.payload_sent / 2);
  EXPECT(t, stats.framed_received < stats.payload_received / 2);
}

static void take_text(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  char text[TEXT_SIZE];
  make_text(text, t->step);
  EXPECT(t, interop_is_text(message, text));
  if (++t->step < TEXTS) return;
  check_saved(t, session);
  interop_finish(t, session);
}

static void send_big(wsuv_session_t *session) {
  interop *t = interop_of(session);
  EXPECT_OK(t, wsuv_send_binary(session, interop_pattern(), INTEROP_BIG));
}

static void take_big(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, interop_is_pattern(message, INTEROP_BIG));
  interop_finish(t, session);
}

static void take_big_piece(wsuv_session_t *session, const wsuv_message_piece_t *piece) {
  interop *t = interop_of(session);
  const uint8_t *at = interop_pattern() + piece->offset;
  EXPECT(t, piece->offset + piece->len <= INTEROP_BIG);
  EXPECT(t, piece->len == 0 || memcmp(piece->data, at, piece->len) == 0);
  if (!piece->last) return;
  EXPECT(t, piece->offset + piece->len == INTEROP_BIG);
  interop_finish(t, session);
}

static void take_fragmented(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, interop_is_text(message, "one two three"));
  interop_finish(t, session);
}

#define COMPRESSED(how, with)                                                            \
  {.name = "texts are compressed both ways " how,                                        \
   .path = "/echo",                                                                      \
   .prepare = (with),                                                                    \
   .on = {.on_open = send_texts, .on_message = take_text}},                              \
      {.name = "16 MiB are compressed both ways " how,                                   \
       .path = "/echo",                                                                  \
       .prepare = (with),                                                                \
       .on = {.on_open = send_big, .on_message = take_big}},                             \
      {.name = "16 MiB arrive compressed, in pieces " how,                               \
       .path = "/big?size=16777216",                                                     \
       .prepare = (with),                                                                \
       .on.on_message_piece = take_big_piece},                                           \
  {                                                                                      \
    .name = "fragments arrive compressed, with pings between " how, .path = "/fragment", \
    .prepare = (with), .on.on_message = take_fragmented                                  \
  }

static const interop_case cases[] = {
    COMPRESSED("with context takeover", with_takeover),
    COMPRESSED("without context takeover", without_takeover),
    COMPRESSED("with small windows", with_small_windows),
};

const interop_group deflate_cases = INTEROP_GROUP(cases);
