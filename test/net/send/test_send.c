/* Sends: what is refused and when, what goes out, and what completions tell. */

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/session.h"
#include "support/forks.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { FORKED_FRAMES = 32 };

static void assert_every_send_is_refused(session_user *u) {
  assert_int_equal(user_text(u, "t"), WSUV_ESTATE);
  assert_int_equal(user_binary(u, "b", 1), WSUV_ESTATE);
  assert_int_equal(user_ping(u, ""), WSUV_ESTATE);
  assert_int_equal(user_pong(u, ""), WSUV_ESTATE);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_TEXT, true, "t", 1), WSUV_ESTATE);
  assert_int_equal(user_frame(u, 'y', WSUV_FRAME_PING, true, "t", 1), WSUV_ESTATE);
}

SCENARIO_TEST(test_sends_before_open_are_refused, w, p, u) {
  scenario_connect(u);
  assert_every_send_is_refused(u);
  assert_int_equal(user_flush(u, 'f'), WSUV_ESTATE);
  user_run_to_open(u);
  scenario_close(u);
  assert_int_equal(u->dones, 0);
}

static void refuse_in_on_close(session_user *u) {
  assert_every_send_is_refused(u);
  assert_int_equal(user_flush(u, 'f'), WSUV_ESTATE);
}

SCENARIO_TEST(test_sends_after_close_are_refused, w, p, u) {
  scenario_open(u);
  u->at_close = refuse_in_on_close;
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_every_send_is_refused(u);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
}

SCENARIO_TEST(test_sends_after_terminate_are_refused, w, p, u) {
  scenario_open(u);
  u->at_close = refuse_in_on_close;
  user_terminate(u);
  assert_every_send_is_refused(u);
  assert_int_equal(user_flush(u, 'f'), WSUV_ESTATE);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
}

static bool has_no_work(void *arg) {
  return ((const session_user *) arg)->session->conn.work->none;
}

/* An idle session has no memory for what is under way, also after a send that was refused. */
SCENARIO_TEST(test_sends_that_are_refused_leave_nothing, w, p, u) {
  static const char long_payload[WSUV_CONTROL_MAX + 1];
  scenario_open(u);
  world_run_until(w, has_no_work, u);
  for (int which = 0; which < 6; which++) {
    int err = 0;
    if (which == 0) err = user_text(u, "\xff");
    if (which == 1) err = wsuv_send_text(u->session, "\xc0\xaf", 2);
    if (which == 2) err = wsuv_send_ping(u->session, long_payload, sizeof long_payload);
    if (which == 3) err = user_frame(u, 'a', WSUV_FRAME_PING, false, "", 0);
    if (which == 4) err = user_frame(u, 'b', WSUV_FRAME_CLOSE, true, "1", 1);
    if (which == 5) err = user_frame(u, 'c', (wsuv_frame_type_t) 3, true, "", 0);
    assert_that(err < 0, "%d", which);
    world_run_until(w, has_no_work, u);
  }
  scenario_close(u);
}

SCENARIO_TEST(test_sends_that_are_wrong_are_refused, w, p, u) {
  static const char long_payload[WSUV_CONTROL_MAX + 1];
  wsuv_frame_t frame;
  scenario_open(u);
  assert_int_equal(user_text(u, "\xff"), WSUV_EUTF8);
  assert_int_equal(user_text(u, "\xc0\xaf"), WSUV_EUTF8);
  assert_int_equal(user_text(u, "cut \xe2\x82"), WSUV_EUTF8);
  assert_int_equal(wsuv_send_ping(u->session, long_payload, sizeof long_payload), WSUV_ECONTROL);
  assert_int_equal(wsuv_send_pong(u->session, long_payload, sizeof long_payload), WSUV_ECONTROL);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_PING, false, "", 0), WSUV_ECONTROL);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_CLOSE, true, "1", 1), WSUV_ECLOSECODE);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_CLOSE, true, "\x03\xed", 2), WSUV_ECLOSECODE);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_CLOSE, true, "\x03\xe8\xff", 3), WSUV_EUTF8);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_CLOSE, false, "", 0), WSUV_ECONTROL);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_CLOSE, true, long_payload, sizeof long_payload),
                   WSUV_ECONTROL);
  assert_int_equal(user_frame(u, 'c', (wsuv_frame_type_t) 0, true, "", 0), UV_EINVAL);
  assert_int_equal(user_frame(u, 'd', (wsuv_frame_type_t) 3, true, "", 0), UV_EINVAL);
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "t", 1);
  frame.size--;
  assert_int_equal(wsuv_send(u->session, &frame, NULL, NULL), WSUV_ESIZE);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  assert_int_equal(wsuv_send_ping(u->session, long_payload, WSUV_CONTROL_MAX), 0);
  scenario_close(u);
  assert_int_equal(u->dones, 0);
}

SCENARIO_TEST(test_nothing_refused_goes_out, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_text(u, "one"), 0);
  assert_int_equal(user_text(u, "\xff"), WSUV_EUTF8);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_PING, false, "", 0), WSUV_ECONTROL);
  assert_int_equal(user_text(u, "two"), 0);
  assert_int_equal(wsuv_buffered_amount(u->session), 6);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT \"one\"; TEXT \"two\"; CLOSE #1000"));
}

SCENARIO_TEST(test_fragments_go_out_as_continuations, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, false, "gr\xc3", 3), 0);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_BINARY, true, "b", 1), UV_EINVAL);
  assert_int_equal(user_binary(u, "b", 1), UV_EINVAL);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_TEXT, false, "\x28", 1), WSUV_EUTF8);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_TEXT, true, "", 0), WSUV_EUTF8);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, false, "", 0), 0);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_TEXT, true, "\xbc", 1), 0);
  assert_int_equal(user_frame(u, 'd', WSUV_FRAME_BINARY, false, NULL, 0), 0);
  assert_int_equal(user_text(u, "t"), UV_EINVAL);
  assert_int_equal(user_frame(u, 'e', WSUV_FRAME_BINARY, true, "\xff", 1), 0);
  assert_int_equal(user_text(u, "t"), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(
      frame_peer_saw(p, "TEXT- \"gr\" c3; CONT-; CONT bc; BIN-; CONT ff; TEXT \"t\"; CLOSE #1000"));
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK c=OK d=OK e=OK ");
}

/* Not even of the same type: it would become the end of the other. */
SCENARIO_TEST(test_whole_messages_inside_fragments_are_refused, w, p, u) {
  static const wsuv_frame_type_t types[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY};
  scenario_open(u);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(user_frame(u, 'a', types[i], false, "a", 1), 0);
    assert_int_equal(user_text(u, "t"), UV_EINVAL);
    assert_int_equal(user_binary(u, "b", 1), UV_EINVAL);
    assert_int_equal(wsuv_buffered_amount(u->session), 1);
    assert_int_equal(user_ping(u, "p"), 0);
    assert_int_equal(user_frame(u, 'b', types[i], true, "b", 1), 0);
    assert_int_equal(user_text(u, "t"), 0);
    world_run_until_count(w, &u->dones, 2 * (i + 1));
    world_run_until_count(w, &p->frames, 4 * (i + 1));
  }
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_TEXT, false, "c", 1), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(user_text(u, "t"), WSUV_ESTATE);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "PING \"p\"; TEXT- \"a\"; CONT \"b\"; TEXT \"t\"; PING \"p\"; "
                                "BIN- \"a\"; CONT \"b\"; TEXT \"t\"; TEXT- \"c\"; CLOSE #1000"));
}

SCENARIO_TEST(test_payload_is_copied_by_the_call, w, p, u) {
  char text[] = "before";
  scenario_open(u);
  assert_int_equal(user_text(u, text), 0);
  memset(text, 'x', sizeof text - 1);
  world_run_until_count(w, &p->frames, 1);
  assert_true(frame_peer_saw(p, "TEXT \"before\""));
  scenario_close(u);
}

/* F14: fresh for each frame, from the source of random bytes. */
SCENARIO_TEST(test_masks_are_fresh, w, p, u) {
  enum { FRAMES = 300, KEY = 4 };
  scenario_open(u);
  for (int i = 0; i < FRAMES; i++) assert_int_equal(user_binary(u, "\0\0\0\0", 4), 0);
  world_run_until_count(w, &p->frames, FRAMES);
  assert_int_equal(p->keys.len, FRAMES * KEY);
  for (size_t i = 0; i < FRAMES; i++) {
    for (size_t j = 0; j < i; j++) {
      assert_memory_not_equal(p->keys.base + i * KEY, p->keys.base + j * KEY, KEY);
    }
  }
  scenario_close(u);
}

/* The masking keys of what is queued, the frames having four bytes of payload each. */
static void queued_keys(session_user *u, uint8_t keys[FORKED_FRAMES][4]) {
  enum { HEADER = 2, FRAME = HEADER + 4 + 4 };
  ws_view buf;
  for (size_t i = 0; i < FORKED_FRAMES; i++) CHECK(user_binary(u, "\0\0\0\0", 4) == 0);
  CHECK(out_queue_peek(&u->session->conn.work->out, &buf, 1) == 1);
  CHECK(buf.len == (size_t) FORKED_FRAMES * FRAME);
  for (size_t i = 0; i < FORKED_FRAMES; i++) memcpy(keys[i], buf.base + i * FRAME + HEADER, 4);
}

static void queued_keys_in_a_child(session_user *u, fork_way way, uint8_t keys[FORKED_FRAMES][4]) {
  const size_t size = (size_t) FORKED_FRAMES * 4;
  int ends[2], status;
  CHECK(pipe(ends) == 0);
  pid_t pid = way();
  CHECK(pid >= 0);
  if (pid == 0) {
    queued_keys(u, keys);
    _exit(write(ends[1], keys, size) == (ssize_t) size ? 0 : 1);
  }
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(read(ends[0], keys, size) == (ssize_t) size);
  close(ends[0]);
  close(ends[1]);
}

static void assert_masks_differ(session_user *u, fork_way way) {
  uint8_t theirs[FORKED_FRAMES][4], ours[FORKED_FRAMES][4];
  world *w = u->w;
  scenario_renew(u);
  u->config.allocator = &w->alloc->handle; /* and with the system's random bytes */
  assert_int_equal(wsuv_client_new(&u->client, world_uv_loop(w), &u->config), 0);
  scenario_open(u);
  assert_int_equal(user_text(u, "the pool is filled"), 0);
  world_run_until_count(w, &u->peer->frames, 1);
  queued_keys_in_a_child(u, way, theirs);
  queued_keys(u, ours);
  for (size_t i = 0; i < FORKED_FRAMES; i++) {
    for (size_t j = 0; j < FORKED_FRAMES; j++) assert_memory_not_equal(theirs[i], ours[j], 4);
  }
  scenario_close(u);
}

/* F15: parent and child go on with the same session, and mask by bytes of their own. */
SCENARIO_UV_TEST(test_masks_of_a_forked_child_are_its_own, w, p, u) {
  for (size_t i = 0; i < FORK_WAYS; i++) assert_masks_differ(u, fork_ways[i]);
}

SCENARIO_TEST(test_masking_can_be_switched_off, w, p, u) {
  u->config.masking = false;
  scenario_open(u);
  assert_int_equal(user_text(u, "a"), 0);
  world_run_until_count(w, &p->frames, 1);
  assert_string_equal(bytes_text(&p->saw), "(unmasked) TEXT 1:61\n");
  scenario_close(u);
}

/* --- completions --- */

/* In the order of the sends; never inside them, which session_user checks. */
SCENARIO_TEST(test_completions_come_in_order, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  assert_int_equal(user_text(u, "no completion"), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_BINARY, true, "b", 1), 0);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_TEXT, true, "", 0), 0);
  assert_int_equal(u->dones, 0);
  world_run_until_count(w, &u->dones, 3);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK c=OK ");
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  scenario_close(u);
}

static void send_next(session_user *u, char name, int status) {
  assert_int_equal(status, 0);
  if (name < 'e') {
    assert_int_equal(user_frame(u, (char) (name + 1), WSUV_FRAME_TEXT, true, &name, 1), 0);
  }
}

SCENARIO_TEST(test_completions_may_send, w, p, u) {
  scenario_open(u);
  u->at_done = send_next;
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "z", 1), 0);
  world_run_until_count(w, &u->dones, 5);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK c=OK d=OK e=OK ");
  world_run_until_count(w, &p->frames, 5);
  scenario_close(u);
}

/* 0 is said only when the kernel has it all. */
SCENARIO_TEST(test_completion_waits_for_the_kernel, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_BINARY, true, data, size), 0);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_PING, true, "c", 1), 0);
  assert_int_equal(user_frame(u, 'd', WSUV_FRAME_TEXT, true, "d", 1), 0);
  world_advance(w, 20);
  assert_null(strchr(bytes_text(&u->done), 'b'));
  assert_null(strchr(bytes_text(&u->done), 'd'));
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &u->dones, 4);
  assert_true(strstr(bytes_text(&u->done), "b=OK ") < strstr(bytes_text(&u->done), "d=OK "));
  scenario_close(u);
  free(data);
}

SCENARIO_TEST(test_completions_of_a_terminated_session, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
  user_terminate(u);
  assert_int_equal(u->dones, 0);
  user_run_to_close(u);
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED b=ECANCELED f=ECANCELED ");
  assert_int_equal(p->frames, 0);
}

/* --- no random bytes, no memory --- */

/* F14: no fallback. */
SCENARIO_TEST(test_send_without_random_bytes_ends_the_session, w, p, u) {
  scenario_open(u);
  world_random_fails(w, true);
  int err = 0;
  while ((err = user_text(u, "t")) == 0) continue; /* until the pool of them is empty */
  world_random_fails(w, false);
  assert_int_equal(err, WSUV_ERANDOM);
  assert_int_equal(user_text(u, "t"), WSUV_ESTATE);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ERANDOM, WSUV_STAGE_OPEN));
  assert_string_equal(u->end.detail, "no masking key");
}

SCENARIO_TEST(test_send_without_memory_queues_nothing, w, p, u) {
  scenario_open(u);
  w->alloc->fail_at = w->alloc->calls + 1;
  w->alloc->fail_for_ever = true;
  uint8_t *data = check_alloc(100 * 1024);
  assert_int_equal(user_binary(u, data, 100 * 1024), UV_ENOMEM);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), UV_ENOMEM);
  assert_int_equal(user_flush(u, 'b'), UV_ENOMEM);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  w->alloc->fail_at = 0;
  assert_int_equal(user_text(u, "later"), 0);
  world_run_until_count(w, &p->frames, 1);
  assert_true(frame_peer_saw(p, "TEXT \"later\""));
  scenario_close(u);
  free(data);
}
