/* Large messages of a server are written from the program's memory: nothing is copied of what the
   socket takes at once. What else is claimed of a message holds for them as well. */

#include <stdlib.h>
#include <string.h>

#include "session/session.h"
#include "support/server_user.h"
#include "testkit/check.h"

enum { LARGE = OUTFLOW_DIRECT_MIN };

static uint8_t payload[4 * LARGE];

/* The session of a client that is connected. */
static session_user *connected(server_user *s, raw_client **c) {
  server_user_start(s);
  *c = server_user_connect(s, "/");
  memset(payload, 'a', sizeof payload);
  return server_user_session(s, 0);
}

static size_t queued(const session_user *u) {
  return out_queue_len(&u->session->conn.work->out);
}

SERVER_UV_TEST(test_server_large_message_leaves_at_once, w, s) {
  raw_client *c;
  session_user *u = connected(s, &c);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, payload, LARGE), 0);
  assert_int_equal(queued(u), 0);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  memset(payload, 'b', sizeof payload); /* the memory is the program's again */
  assert_int_equal(user_binary(u, payload, LARGE - 1), 0);
  assert_true(queued(u) > LARGE - 1);
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "BIN 61~16384 ; BIN 62~16383"));
  assert_string_equal(bytes_text(&u->done), "a=OK ");
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  assert_int_equal(wsuv_session_get_stats(u->session, &stats), 0);
  assert_int_equal(stats.messages_sent, 2);
  assert_true(stats.wire_sent >= 2 * LARGE);
}

/* Also from the memory of the message that is being received. */
SERVER_TLS_TEST(test_server_echoes_large_messages, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "PING ; BIN 61~16384 ; BIN 62~16384 ; BIN 63~60000 ; TEXT \"e\"");
  raw_client_run_to_frames(c, 5);
  assert_true(raw_client_saw(c, "PONG ; BIN 61~16384 ; BIN 62~16384 ; BIN 63~60000 ; TEXT \"e\""));
}

SERVER_UV_TEST(test_server_large_message_leaves_in_fragments, w, s) {
  s->config.fragment_size = LARGE;
  raw_client *c;
  session_user *u = connected(s, &c);
  assert_int_equal(user_binary(u, payload, 2 * LARGE + 1), 0);
  assert_int_equal(queued(u), 0);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  raw_client_run_to_frames(c, 3);
  assert_true(raw_client_saw(c, "BIN- 61~16384 ; CONT- 61~16384 ; CONT 61"));
}

/* The calls of a filter that writes, and what it writes them with. */
static const ws_filter_ops *counted;
static unsigned calls;

static ptrdiff_t count_writes(ws_filter *f, const ws_view *bufs, size_t count) {
  calls++;
  return counted->try_write(f, bufs, count);
}

/* A system call for each fragment costs more than copying does. */
SERVER_UV_TEST(test_server_large_message_leaves_in_one_call, w, s) {
  enum { FRAGMENTS = 4 };
  s->config.fragment_size = LARGE;
  raw_client *c;
  session_user *u = connected(s, &c);
  counted = u->session->filter->ops;
  ws_filter_ops counting = *counted;
  counting.try_write = count_writes;
  calls = 0;
  u->session->filter->ops = &counting;
  assert_int_equal(user_binary(u, payload, FRAGMENTS * LARGE), 0);
  u->session->filter->ops = counted;
  assert_int_equal(calls, 1);
  assert_int_equal(queued(u), 0);
  raw_client_run_to_frames(c, FRAGMENTS);
}

SERVER_UV_TEST(test_server_large_message_waits_for_what_is_queued, w, s) {
  raw_client *c;
  session_user *u = connected(s, &c);
  assert_int_equal(user_text(u, "first"), 0);
  assert_int_equal(user_binary(u, payload, LARGE), 0);
  assert_true(queued(u) > LARGE);
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "TEXT \"first\" ; BIN 61~16384"));
}

/* The socket takes some of a message: the rest follows it, and then what was sent after it. */
SERVER_UV_TEST(test_server_large_message_is_finished_later, w, s) {
  const size_t len = user_too_much(w);
  raw_client *c;
  session_user *u = connected(s, &c);
  raw_client_read(c, false);
  uint8_t *much = check_alloc(len);
  memset(much, 'm', len);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, much, len), 0);
  free(much);
  assert_true(queued(u) > 0);
  assert_true(queued(u) < len);
  assert_int_equal(wsuv_buffered_amount(u->session), len);
  assert_int_equal(user_ping(u, "p"), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_BINARY, true, payload, LARGE), 0);
  raw_client_read(c, true);
  raw_client_run_to_frames(c, 3);
  SCOPED_BYTES script = {0};
  bytes_print(&script, "BIN 6d~%zu ; PING \"p\" ; BIN 61~%d", len, LARGE);
  assert_true(raw_client_saw(c, bytes_text(&script)));
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK ");
}

/* An error is that of the write that follows a message in the queue: the send has no error, and the
   session ends. It is closing when the send returns, so the idle timeout is not started again. */
static ptrdiff_t write_fails(ws_filter *f, const ws_view *bufs, size_t count) {
  (void) f;
  (void) bufs;
  (void) count;
  return UV_EPIPE;
}

SERVER_UV_TEST(test_server_large_message_that_cannot_be_written, w, s) {
  raw_client *c;
  session_user *u = connected(s, &c);
  ws_filter_ops broken = *u->session->filter->ops;
  const ws_filter_ops *sound = u->session->filter->ops;
  broken.try_write = write_fails;
  assert_int_equal(wsuv_session_set_idle_timeout(u->session, 60000), 0);
  u->session->filter->ops = &broken;
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, payload, LARGE), 0);
  u->session->filter->ops = sound;
  assert_int_equal(queued(u), 0);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_CLOSING);
  assert_int_equal(user_binary(u, payload, LARGE), WSUV_ESTATE);
  raw_client_end(c);
  server_user_run_to_closes(s, 1);
  assert_true(user_ended_by(u, UV_EPIPE, WSUV_STAGE_OPEN));
  assert_string_equal(bytes_text(&u->done), "a=EPIPE ");
  assert_int_equal(c->frames, 0);
}
