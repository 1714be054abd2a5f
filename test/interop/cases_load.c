#include "interop.h"

/* A peer that reads slowly, and many sessions at once. */

#include <stdio.h>

/* --- a slow reader (F44) --- */

enum {
  PIECE = 64 * 1024,            /* bytes of a message */
  PIECES = INTEROP_BIG / PIECE, /* messages */
  QUEUE_MAX = 1024 * 1024,      /* bytes */
  ALL_SENT = PIECES + 1         /* step: and the question too */
};

static void bound_queue(interop *t, wsuv_request_t *request) {
  (void) request;
  t->config.outgoing_max = QUEUE_MAX;
  t->config.high_water = QUEUE_MAX / 2;
  t->config.low_water = QUEUE_MAX / 8;
}

/* As much as fits. */
static void pump(wsuv_session_t *session) {
  interop *t = interop_of(session);
  int err = 0;
  while (err == 0 && t->step < ALL_SENT) {
    err = t->step < PIECES ? wsuv_send_binary(session, interop_pattern(), PIECE)
                           : wsuv_send_text(session, "total", 5);
    if (err == 0) t->step++;
  }
  EXPECT(t, wsuv_buffered_amount(session) <= QUEUE_MAX);
  if (err == WSUV_EQUEUEFULL) {
    t->refusals++;
  } else {
    EXPECT_OK(t, err);
  }
}

static void on_drain(wsuv_session_t *session) {
  interop_of(session)->drains++;
  pump(session);
}

static void take_total(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  EXPECT(t, t->step == ALL_SENT);
  EXPECT(t, t->refusals > 0 && t->drains >= t->refusals);
  interop_take_text(session, message);
}

/* --- a crowd: nobody speaks before all are there, nobody leaves before all were heard --- */

static void speak(interop *t, size_t i) {
  char text[32];
  int len = snprintf(text, sizeof text, "session %zu", i);
  EXPECT_OK(t, wsuv_send_text(t->crowd[i], text, (size_t) len));
}

static void join(wsuv_session_t *session) {
  interop *t = interop_of(session);
  t->crowd[t->step++] = session;
  if (t->step < INTEROP_CROWD) return;
  EXPECT(t, wsuv_client_session_count(t->client) == INTEROP_CROWD);
  for (size_t i = 0; i < INTEROP_CROWD; i++) speak(t, i);
}

static size_t place_of(const interop *t, const wsuv_session_t *session) {
  size_t i = 0;
  while (i < INTEROP_CROWD && t->crowd[i] != session) i++;
  return i;
}

static void hear(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  char text[32];
  snprintf(text, sizeof text, "session %zu", place_of(t, session));
  EXPECT(t, interop_is_text(message, text));
  if (++t->step < 2 * INTEROP_CROWD) return;
  for (size_t i = 0; i < INTEROP_CROWD; i++) interop_finish(t, t->crowd[i]);
}

static const interop_case cases[] = {
    {.name = "a slow reader is waited for (F44)",
     .path = "/slow",
     .prepare = bound_queue,
     .text = "16777216",
     .on = {.on_open = pump, .on_message = take_total, .on_drain = on_drain}},
    {.name = "100 sessions at once",
     .path = "/echo",
     .sessions = INTEROP_CROWD,
     .on = {.on_open = join, .on_message = hear}},
};

const interop_group load_cases = INTEROP_GROUP(cases);
