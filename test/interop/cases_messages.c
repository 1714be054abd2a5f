#include "interop.h"

/* Messages of all types and sizes, whole and in fragments, both ways. */

#include <stdio.h>
#include <string.h>

/* --- sizes --- */

/* On both sides of where the length's encoding changes (RFC 6455 5.2). */
static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void send_size(wsuv_session_t *session) {
  interop *t = interop_of(session);
  EXPECT_OK(t, wsuv_send_binary(session, interop_pattern(), sizes[t->step]));
}

static void take_size(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, interop_is_pattern(message, sizes[t->step]));
  if (++t->step < SIZES) {
    send_size(session);
  } else {
    interop_finish(t, session);
  }
}

/* --- 16 MiB --- */

static void take_big(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, interop_is_pattern(message, INTEROP_BIG));
  interop_finish(t, session);
}

static void on_big_sent(wsuv_session_t *session, int status, void *arg) {
  interop *t = arg;
  EXPECT_OK(t, status);
  EXPECT(t, wsuv_buffered_amount(session) == 0);
  EXPECT_OK(t, wsuv_send_text(session, "total", 5));
}

static void send_big(wsuv_session_t *session) {
  interop *t = interop_of(session);
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_BINARY, interop_pattern(), INTEROP_BIG);
  EXPECT_OK(t, wsuv_send(session, &frame, on_big_sent, t));
}

static void raise_limits(interop *t, wsuv_request_t *request) {
  (void) request;
  t->config.max_message_size = INTEROP_RAISED;
  t->config.outgoing_max = INTEROP_RAISED;
}

static void send_bigger(wsuv_session_t *session) {
  interop *t = interop_of(session);
  EXPECT_OK(t, wsuv_send_binary(session, interop_pattern(), INTEROP_BIG + 1));
}

static void take_bigger(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, interop_is_pattern(message, INTEROP_BIG + 1));
  interop_finish(t, session);
}

static void send_over_bound(wsuv_session_t *session) {
  interop *t = interop_of(session);
  EXPECT(t, wsuv_send_binary(session, interop_pattern(), INTEROP_BIG + 1) == WSUV_EMSGSIZE);
}

static void check_too_big(interop *t, const wsuv_close_info_t *info) {
  EXPECT(t, info->status == WSUV_ETOOBIG);
  EXPECT(t, info->stage == WSUV_STAGE_OPEN);
  EXPECT(t, info->sent_code == WSUV_CLOSE_TOO_BIG);
}

/* --- many --- */

enum { MANY = 10000 };

static void send_many(wsuv_session_t *session) {
  interop *t = interop_of(session);
  char text[32];
  for (int i = 0; i < MANY; i++) {
    int len = snprintf(text, sizeof text, "message %d", i);
    EXPECT_OK(t, wsuv_send_text(session, text, (size_t) len));
  }
}

static void take_many(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  char text[32];
  snprintf(text, sizeof text, "message %zu", t->step++);
  EXPECT(t, interop_is_text(message, text));
  if (t->step == MANY) interop_finish(t, session);
}

/* --- fragments --- */

static void on_fragment_sent(wsuv_session_t *session, int status, void *arg) {
  interop *t = arg;
  (void) session;
  EXPECT_OK(t, status);
  t->step++;
}

static void send_fragment(wsuv_session_t *session, bool fin, const void *data, size_t len) {
  interop *t = interop_of(session);
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, data, len);
  frame.fin = fin;
  EXPECT_OK(t, wsuv_send(session, &frame, on_fragment_sent, t));
}

/* The euro sign (E2 82 AC) is cut, a ping comes in between, and one fragment is empty. */
static void send_fragments(wsuv_session_t *session) {
  interop *t = interop_of(session);
  send_fragment(session, false, "one \xe2\x82", 6);
  EXPECT_OK(t, wsuv_send_ping(session, "between", 7));
  send_fragment(session, false, NULL, 0);
  send_fragment(session, true, "\xac two", 5);
}

static void take_pong(wsuv_session_t *session, const void *data, size_t len) {
  interop *t = interop_of(session);
  EXPECT(t, len == 7 && memcmp(data, "between", len) == 0);
  t->pings++;
}

static void take_joined(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, interop_is_text(message, "one \u20ac two"));
  EXPECT(t, t->step == 3);
  EXPECT(t, t->pings == 1);
  interop_finish(t, session);
}

static void send_big_fragments(wsuv_session_t *session) {
  interop *t = interop_of(session);
  wsuv_frame_t frame;
  const size_t piece = INTEROP_BIG / 16;
  for (size_t i = 0; i < 16; i++) {
    wsuv_frame_init(&frame, WSUV_FRAME_BINARY, interop_pattern() + i * piece, piece);
    frame.fin = i == 15;
    EXPECT_OK(t, wsuv_send(session, &frame, NULL, NULL));
  }
}

/* The message is delivered behind the pings that came inside its fragments. */
static void take_ping(wsuv_session_t *session, const void *data, size_t len) {
  interop *t = interop_of(session);
  const char *payload = t->pings++ == 0 ? "first" : "second";
  EXPECT(t, len == strlen(payload) && memcmp(data, payload, len) == 0);
}

static void take_fragmented(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, interop_is_text(message, "one two three"));
  EXPECT(t, t->pings == 2);
  interop_finish(t, session);
}

static const interop_case cases[] = {
    {.name = "text",
     .path = "/echo",
     .text = "hello",
     .on = {.on_open = interop_send_text, .on_message = interop_take_text}},
    {.name = "empty text",
     .path = "/echo",
     .text = "",
     .on = {.on_open = interop_send_text, .on_message = interop_take_text}},
    {.name = "text in UTF-8",
     .path = "/echo",
     .text = "\x7f \u00a0 gr\u00fc\u00df \u07ff\u0800 \u20ac \uffff\U00010000 \U0001f600",
     .on = {.on_open = interop_send_text, .on_message = interop_take_text}},
    {.name = "binary, of all encodings of the length",
     .path = "/echo",
     .on = {.on_open = send_size, .on_message = take_size}},
    {.name = "10000 messages at once come back in order",
     .path = "/echo",
     .on = {.on_open = send_many, .on_message = take_many}},
    {.name = "16 MiB arrive", .path = "/big?size=16777216", .on.on_message = take_big},
    {.name = "16 MiB are sent",
     .path = "/count",
     .text = "16777216",
     .on = {.on_open = send_big, .on_message = interop_take_text}},
    {.name = "more than 16 MiB both ways, with raised limits",
     .path = "/echo",
     .prepare = raise_limits,
     .on = {.on_open = send_bigger, .on_message = take_bigger}},
    {.name = "more than 16 MiB is refused, with default limits",
     .path = "/big?size=16777217",
     .on = {.on_open = send_over_bound, .on_message = interop_never_message},
     .check = check_too_big},
    {.name = "fragments are sent, with a ping in between",
     .path = "/echo",
     .on = {.on_open = send_fragments, .on_message = take_joined, .on_pong = take_pong}},
    {.name = "16 MiB are sent in fragments",
     .path = "/echo",
     .on = {.on_open = send_big_fragments, .on_message = take_big}},
    {.name = "fragments arrive, with pings in between",
     .path = "/fragment",
     .on = {.on_message = take_fragmented, .on_ping = take_ping}},
};

const interop_group message_cases = INTEROP_GROUP(cases);
