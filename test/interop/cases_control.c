#include "interop.h"

/* Pings and pongs both ways, and the keepalive. */

#include <string.h>

enum {
  INTERVAL_MS = 50, /* of the keepalive */
  TIMEOUT_MS = 10000,
  MEASUREMENTS = 3
};

/* --- pings of ours: the longest, then an empty one --- */

static void send_ping(wsuv_session_t *session) {
  EXPECT_OK(interop_of(session), wsuv_send_ping(session, interop_pattern(), WSUV_CONTROL_MAX));
}

static void take_pong(wsuv_session_t *session, const void *data, size_t len) {
  interop *t = interop_of(session);
  if (t->step++ == 0) {
    EXPECT(t, len == WSUV_CONTROL_MAX && memcmp(data, interop_pattern(), len) == 0);
    EXPECT_OK(t, wsuv_send_ping(session, NULL, 0));
  } else {
    EXPECT(t, len == 0);
    interop_finish(t, session);
  }
}

/* --- pings of the peer, which tells of our pong --- */

static void take_ping(wsuv_session_t *session, const void *data, size_t len) {
  interop *t = interop_of(session);
  EXPECT(t, len == strlen(t->running->text) && memcmp(data, t->running->text, len) == 0);
  t->pings++;
}

static void take_report(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, t->pings == 1);
  interop_take_text(session, message);
}

/* --- a pong that nobody asked for --- */

static void send_pong(wsuv_session_t *session) {
  EXPECT_OK(interop_of(session), wsuv_send_pong(session, "unasked", 7));
  interop_send_text(session);
}

/* --- the keepalive --- */

static void keep_alive(interop *t, wsuv_request_t *request) {
  (void) request;
  t->config.ping_interval_ms = INTERVAL_MS;
  t->config.ping_timeout_ms = TIMEOUT_MS;
}

static void expect_no_rtt(wsuv_session_t *session) {
  wsuv_rtt_t rtt = {.size = sizeof rtt};
  EXPECT(interop_of(session), wsuv_session_rtt(session, &rtt) == UV_EAGAIN);
}

/* A pong that is late answers a ping that is not the latest, and does not count. */
static void take_rtt(wsuv_session_t *session, const void *data, size_t len) {
  interop *t = interop_of(session);
  wsuv_rtt_t rtt = {.size = sizeof rtt};
  (void) data;
  EXPECT(t, len > 0);
  if (wsuv_session_rtt(session, &rtt) < 0) return;
  EXPECT(t, rtt.min_us <= rtt.last_us && rtt.min_us <= rtt.smoothed_us);
  EXPECT(t, rtt.last_us < TIMEOUT_MS * UINT64_C(1000));
  if (++t->step == MEASUREMENTS) interop_finish(t, session);
}

static const interop_case cases[] = {
    {.name = "pings are answered with their payload",
     .path = "/echo",
     .on = {.on_open = send_ping, .on_pong = take_pong}},
    {.name = "the peer's ping is answered with its payload",
     .path = "/ping",
     .text = "are you there",
     .on = {.on_message = take_report, .on_ping = take_ping}},
    {.name = "a pong that nobody asked for is ignored",
     .path = "/echo",
     .text = "still here",
     .on = {.on_open = send_pong, .on_message = interop_take_text}},
    {.name = "the keepalive measures round trips",
     .path = "/echo",
     .prepare = keep_alive,
     .on = {.on_open = expect_no_rtt, .on_pong = take_rtt}},
};

const interop_group control_cases = INTEROP_GROUP(cases);
