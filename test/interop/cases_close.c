#include "interop.h"

/* All the ways in which a session ends: closing handshakes begun by either side, and peers that
   die. */

#include <string.h>

/* As long as a reason can be (RFC 6455 5.5). */
#define REASON_41 "a reason as long as any reason can be -- "
#define REASON_123 REASON_41 REASON_41 REASON_41
#define REASON_41_ESCAPED "a%20reason%20as%20long%20as%20any%20reason%20can%20be%20--%20"
#define REASON_123_ESCAPED REASON_41_ESCAPED REASON_41_ESCAPED REASON_41_ESCAPED

/* The same code goes both ways. */
static void check_closed(interop *t, const wsuv_close_info_t *info) {
  EXPECT_OK(t, info->status);
  EXPECT(t, info->clean);
  EXPECT(t, info->stage == WSUV_STAGE_CLOSING);
  EXPECT(t, info->code == t->running->code);
  EXPECT(t, info->sent_code == t->running->code);
}

static void check_closed_by_peer(interop *t, const wsuv_close_info_t *info) {
  check_closed(t, info);
  EXPECT(t, info->reason_len == strlen(t->running->text));
  EXPECT(t, strcmp(info->reason, t->running->text) == 0);
}

static void close_it(wsuv_session_t *session) {
  interop *t = interop_of(session);
  EXPECT_OK(t, wsuv_session_close(session, t->running->code, t->running->text));
  EXPECT(t, wsuv_send_text(session, "late", 4) == WSUV_ESTATE);
}

/* Both peers repeat the reason, and so tell what they read. */
static void check_closed_by_us(interop *t, const wsuv_close_info_t *info) {
  check_closed_by_peer(t, info);
  EXPECT(t, info->sent_reason_len == strlen(t->running->text));
  EXPECT(t, strcmp(info->sent_reason, t->running->text) == 0);
}

static void close_client(wsuv_session_t *session) {
  EXPECT_OK(interop_of(session), wsuv_client_close(wsuv_session_client(session), NULL));
}

static void unmask(interop *t, wsuv_request_t *request) {
  (void) request;
  t->config.masking = false;
}

static void check_died(interop *t, const wsuv_close_info_t *info, int status) {
  EXPECT(t, info->status == status);
  EXPECT(t, info->stage == WSUV_STAGE_OPEN);
  EXPECT(t, info->code == WSUV_CLOSE_ABNORMAL);
  EXPECT(t, info->sent_code == 0);
  EXPECT(t, !info->clean && *info->reason == '\0');
}

static void check_ended(interop *t, const wsuv_close_info_t *info) {
  check_died(t, info, UV_EOF);
}

static void check_reset(interop *t, const wsuv_close_info_t *info) {
  check_died(t, info, UV_ECONNRESET);
}

#define BY_PEER(code_, query, reason_, what)                                                     \
  {                                                                                              \
    .name = "the peer closes " what, .path = "/close" query, .code = (code_), .text = (reason_), \
    .check = check_closed_by_peer                                                                \
  }

#define BY_US(code_, reason_, what)                                                \
  {                                                                                \
    .name = "we close " what, .path = "/echo", .code = (code_), .text = (reason_), \
    .on.on_open = close_it, .check = check_closed_by_us                            \
  }

#define DEATH(path_, check_, what)                                                               \
  {                                                                                              \
    .name = "the peer dies " what, .path = (path_), .text = "die",                               \
    .on = {.on_open = interop_send_text, .on_message = interop_never_message}, .check = (check_) \
  }

static const interop_case cases[] = {
    BY_PEER(1000, "?code=1000", "", "with 1000"),
    BY_PEER(1000, "?code=1000&reason=done", "done", "with 1000 and a reason"),
    BY_PEER(1001, "?code=1001&reason=gr%C3%BC%C3%9Fe", "gr\u00fc\u00dfe", "with 1001"),
    BY_PEER(1011, "?code=1011&reason=sorry", "sorry", "with 1011"),
    BY_PEER(3000, "?code=3000", "", "with 3000"),
    BY_PEER(4999, "?code=4999&reason=" REASON_123_ESCAPED, REASON_123, "with 4999"),
    BY_PEER(WSUV_CLOSE_NO_STATUS, "", "", "without a code"),
    BY_US(1000, "", "with 1000"),
    BY_US(1000, "done", "with 1000 and a reason"),
    BY_US(1001, "gr\u00fc\u00dfe", "with 1001"),
    BY_US(3000, "", "with 3000"),
    BY_US(4999, REASON_123, "with 4999"),
    {.name = "a client that is closed says 1001",
     .path = "/echo",
     .code = WSUV_CLOSE_GOING_AWAY,
     .on.on_open = close_client,
     .check = check_closed},
    {.name = "the peer fails the session for a frame that is not masked",
     .path = "/echo",
     .prepare = unmask,
     .code = WSUV_CLOSE_PROTOCOL_ERROR,
     .text = "naked",
     .on = {.on_open = interop_send_text, .on_message = interop_never_message},
     .check = check_closed},
    DEATH("/die", check_ended, "by FIN"),
    DEATH("/die?reset=1", check_reset, "by RST"),
    DEATH("/die?inside=1", check_ended, "inside a message"),
};

const interop_group close_cases = INTEROP_GROUP(cases);
