#include "interop.h"

/* Raw sessions, whose user answers pings and the close frame by hand. */

#include <string.h>

enum { PEER_CODE = 3001, OUR_CODE = 4001 };

static void be_raw(interop *t, wsuv_request_t *request) {
  (void) t;
  request->raw = true;
}

/* --- fragments, a ping and a close frame of the peer --- */

/* t->step: how much of the text has come. The peers cut it in their own ways. */
static void take_fragment(interop *t, const wsuv_frame_t *frame) {
  const char *text = t->running->text;
  EXPECT(t, frame->type == WSUV_FRAME_TEXT);
  EXPECT(t, frame->continuation == (t->step > 0));
  EXPECT(t, !frame->rsv1 && !frame->rsv2 && !frame->rsv3);
  EXPECT(t, frame->len <= strlen(text) - t->step &&
                memcmp(text + t->step, frame->data, frame->len) == 0);
  t->step += frame->len;
  EXPECT(t, !frame->fin || t->step == strlen(text));
}

static void answer_ping(wsuv_session_t *session, const wsuv_frame_t *frame) {
  interop *t = interop_of(session);
  EXPECT(t, frame->len == 7 && memcmp(frame->data, "by hand", 7) == 0);
  EXPECT_OK(t, wsuv_send_pong(session, frame->data, frame->len));
  t->pings++;
}

static void answer_close(wsuv_session_t *session, const wsuv_frame_t *frame) {
  interop *t = interop_of(session);
  uint16_t code = 0;
  const char *reason = "";
  size_t len = 0;
  EXPECT_OK(t, wsuv_frame_read_close(frame, &code, &reason, &len));
  EXPECT(t, code == PEER_CODE && len == 4 && memcmp(reason, "well", 4) == 0);
  EXPECT(t, wsuv_send_text(session, "late", 4) == WSUV_ESTATE);
  EXPECT_OK(t, wsuv_session_close(session, OUR_CODE, "ours"));
}

static void take_frame(wsuv_session_t *session, const wsuv_frame_t *frame) {
  interop *t = interop_of(session);
  switch (frame->type) {
  case WSUV_FRAME_PING: answer_ping(session, frame); break;
  case WSUV_FRAME_CLOSE: answer_close(session, frame); break;
  case WSUV_FRAME_PONG: FAIL(t, "a pong is delivered"); break;
  default: take_fragment(t, frame); break;
  }
}

static void check_by_hand(interop *t, const wsuv_close_info_t *info) {
  EXPECT_OK(t, info->status);
  EXPECT(t, info->clean && info->by_peer);
  EXPECT(t, info->code == PEER_CODE && strcmp(info->reason, "well") == 0);
  EXPECT(t, info->sent_code == OUR_CODE && strcmp(info->sent_reason, "ours") == 0);
  EXPECT(t, t->step == strlen(t->running->text));
  EXPECT(t, t->pings == 1);
}

/* --- closed by us --- */

static void send_pieces(wsuv_session_t *session) {
  interop *t = interop_of(session);
  char euro[] = "one \xe2\x82\xac two"; /* cut within the sign */
  uv_buf_t bufs[] = {uv_buf_init(euro, 5), uv_buf_init(NULL, 0), uv_buf_init(euro + 5, 6)};
  EXPECT_OK(t, wsuv_send_bufs(session, WSUV_FRAME_TEXT, bufs, 3, NULL, NULL));
}

static void take_echo(wsuv_session_t *session, const wsuv_frame_t *frame) {
  interop *t = interop_of(session);
  char text[32];
  if (t->step++ == 0) {
    EXPECT(t, frame->fin && !frame->continuation);
    EXPECT_OK(t, wsuv_frame_read_text(frame, text, sizeof text));
    EXPECT(t, strcmp(text, t->running->text) == 0);
    interop_finish(t, session);
  } else {
    EXPECT(t, frame->type == WSUV_FRAME_CLOSE);
  }
}

static void check_echoed(interop *t, const wsuv_close_info_t *info) {
  interop_check_normal(t, info);
  EXPECT(t, t->step == 2);
}

static const interop_case cases[] = {
    {.name = "a raw session answers ping and close by hand",
     .path = "/raw",
     .prepare = be_raw,
     .text = "one two three",
     .on = {.on_frame = take_frame, .on_message = interop_never_message},
     .check = check_by_hand},
    {.name = "the peer has seen a clean close, with the answer's code",
     .path = "/closed",
     .text = "4001 ours",
     .on.on_message = interop_take_text},
    {.name = "a raw session sends pieces, and gets the peer's answer to its close",
     .path = "/echo",
     .prepare = be_raw,
     .text = "one \u20ac two",
     .on = {.on_open = send_pieces, .on_frame = take_echo, .on_message = interop_never_message},
     .check = check_echoed},
};

const interop_group raw_cases = INTEROP_GROUP(cases);
