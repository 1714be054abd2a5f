/* What sockets do to an open session, and systems to sockets: F36, F37. Before it is open:
   test_connect_cut.c. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/filter.h"
#include "session/session.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

static void calm(world *w) {
  if (world_sim(w) != NULL) sim_set_profile(world_sim(w), NULL);
}

static size_t step(size_t n) {
  return n < 24 ? 1 : 37;
}

/* --- after each byte that comes --- */

static void cut_after(world *w, const bytes *frames, size_t n, void (*leave)(raw_conn *c)) {
  frame_peer p;
  session_user u;
  scenario_begin(w, &p, &u);
  p.silent = true;
  scenario_open(&u);
  raw_conn_write(p.conn, frames->base, n);
  world_advance(w, 1);
  leave(p.conn);
  user_run_to_close(&u);
  assert_true(u.end.status == UV_ECONNRESET || u.end.status == UV_EPIPE || u.end.status == UV_EOF);
  if (leave == raw_conn_reset) assert_int_not_equal(u.end.status, UV_EOF);
  assert_int_equal(u.end.stage, WSUV_STAGE_OPEN);
  assert_int_equal(u.end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u.end.sent_code, 0);
  assert_in_range(u.messages, 0, n < 14 ? 0 : 1);
  scenario_finish(&u);
}

WORLD_TEST(test_reset_after_each_byte, w) {
  static const char script[] = "TEXT- \"one\"; PING 0102; CONT \"two\"; BIN 00~130";
  bytes frames = {0};
  if (w->seed > 4) return;
  frames_script(&frames, script, false);
  for (size_t n = 0; n <= frames.len; n += step(n)) {
    cut_after(w, &frames, n, raw_conn_reset);
    cut_after(w, &frames, n, raw_conn_close);
  }
  bytes_free(&frames);
}

/* --- after each byte that goes --- */

static size_t budget; /* bytes that still go; then writing fails */
static const ws_filter_ops *sound;

static int write_within_budget(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                               size_t *retained) {
  ws_view some[16];
  size_t n = 0, all = budget;
  for (; n < count && n < 16 && budget > 0; n++) {
    some[n] = bufs[n];
    if (some[n].len > budget) some[n].len = budget;
    budget -= some[n].len;
  }
  if (n > 0) CHECK(sound->write(f, some, n, taken, retained) == 0 && *taken == all - budget);
  if (budget > 0) return 0;
  *taken = *retained = 0;
  return UV_EPIPE;
}

static void break_writing_after(wsuv_session_t *s, size_t n) {
  static ws_filter_ops broken;
  sound = s->filter->ops;
  broken = *sound;
  broken.write = write_within_budget;
  budget = n;
  s->filter->ops = &broken;
}

enum { SENT_SIZE = 9 + 8 + 8 + 130 }; /* the frames below, masked */

/* The frames that are whole are seen, and not one byte more follows. */
static void break_after(world *w, size_t n) {
  static const uint8_t data[130];
  frame_peer p;
  session_user u;
  scenario_begin(w, &p, &u);
  p.silent = true;
  scenario_open(&u);
  break_writing_after(u.session, n);
  assert_int_equal(user_frame(&u, 'a', WSUV_FRAME_TEXT, true, "one", 3), 0);
  assert_int_equal(user_frame(&u, 'b', WSUV_FRAME_TEXT, true, "to", 2), 0);
  assert_int_equal(user_frame(&u, 'c', WSUV_FRAME_BINARY, true, data, sizeof data), 0);
  world_advance(w, 2);
  assert_int_equal(wsuv_session_stage(u.session), WSUV_STAGE_CLOSING);
  assert_int_equal(user_text(&u, "no"), WSUV_ESTATE);
  assert_int_equal(user_flush(&u, 'd'), WSUV_ESTATE);
  raw_conn_end(p.conn);
  user_run_to_close(&u);
  assert_true(user_ended_by(&u, UV_EPIPE, WSUV_STAGE_OPEN));
  assert_int_equal(u.end.sent_code, 0);
  assert_string_equal(bytes_text(&u.done), "a=EPIPE b=EPIPE c=EPIPE ");
  assert_int_equal(p.frames, n < 9 ? 0 : n < 17 ? 1 : n < SENT_SIZE ? 2 : 3);
  scenario_finish(&u);
}

WORLD_TEST(test_writing_fails_after_each_byte, w) {
  if (w->seed > 4) return;
  calm(w);
  for (size_t n = 0; n < SENT_SIZE; n += step(n)) break_after(w, n);
}

/* --- one byte at a time --- */

/* A kernel that takes and gives single bytes, and EAGAIN after each. */
SCENARIO_SIM_TEST(test_single_bytes_both_ways, w, p, u) {
  static const uint8_t data[300];
  sim_profile narrow;
  sim_get_profile(world_sim(w), &narrow);
  narrow.segment_max = narrow.send_buffer = narrow.recv_buffer = 1;
  sim_set_profile(world_sim(w), &narrow);
  p->echoes = p->pongs = true;
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, sizeof data), 0);
  assert_int_equal(user_ping(u, "ping"), 0);
  assert_int_equal(user_text(u, "text"), 0);
  world_run_until_count(w, &u->messages, 2);
  assert_true(user_got(u, "PONG \"ping\"; BIN 00~300; TEXT \"text\"") ||
              user_got(u, "BIN 00~300; PONG \"ping\"; TEXT \"text\""));
  assert_int_equal(user_close(u, 1000, "done"), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

/* --- half of a connection --- */

/* The peer says no more, and still listens: without a close frame that is the end all the same
   (RFC 6455 7.1.5), and what waits to be sent is told of. */
SCENARIO_TEST(test_half_close_while_much_is_queued, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *much = check_alloc(size);
  p->silent = true;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, much, size), 0);
  world_advance(w, 5);
  raw_conn_end(p->conn);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_EOF, WSUV_STAGE_OPEN));
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED ");
  raw_conn_close(p->conn);
  scenario_finish(u);
  free(much);
}

/* --- SIGPIPE --- */

/* The peer is gone; a session that does not read hears of it by the second write. */
static void write_to_nobody(world *w) {
  frame_peer p;
  session_user u;
  scenario_begin(w, &p, &u);
  p.silent = true;
  scenario_open(&u);
  CHECK(user_pause(&u) == 0);
  raw_conn_close(p.conn);
  world_advance(w, 5);
  for (char name = 'a'; name <= 'c' && u.end.status == 0; name++) {
    (void) user_frame(&u, name, WSUV_FRAME_TEXT, true, "text", 4);
    world_advance(w, 5);
  }
  user_run_to_close(&u);
  CHECK(u.end.status == UV_EPIPE || u.end.status == UV_ECONNRESET);
  scenario_finish(&u);
}

/* How a child ends that does so. */
static int end_of_child(void (*on_sigpipe)(int)) {
  int status;
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    track_alloc alloc;
    track_alloc_init(&alloc);
    world *w = world_new(WORLD_UV, 0, &alloc);
    signal(SIGPIPE, on_sigpipe);
    write_to_nobody(w);
    world_end(w);
    _exit(0);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  return status;
}

WORLD_UV_TEST(test_sigpipe_that_is_ignored_is_an_error_of_writing, w) {
  (void) w;
  int status = end_of_child(SIG_IGN);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

/* As the guide says: neither libuv nor wsuv touches signals. */
WORLD_UV_TEST(test_sigpipe_that_is_not_ignored_ends_the_program, w) {
  (void) w;
  int status = end_of_child(SIG_DFL);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGPIPE);
}

/* --- F37: no descriptors --- */

enum { SOME = 32, TURNS_MAX = 20 };

typedef struct shortage {
  struct rlimit before;
  int taken[SOME];
  size_t count;
} shortage;

static void take_descriptors(shortage *s) {
  CHECK(getrlimit(RLIMIT_NOFILE, &s->before) == 0);
  int next = open("/dev/null", O_RDONLY);
  CHECK(next >= 0);
  struct rlimit few = {(rlim_t) next + SOME / 2, s->before.rlim_max};
  s->taken[0] = next;
  s->count = 1;
  CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
  while (s->count < SOME && (next = open("/dev/null", O_RDONLY)) >= 0) s->taken[s->count++] = next;
  CHECK(s->count < SOME);
}

static void give_descriptors_back(shortage *s) {
  CHECK(setrlimit(RLIMIT_NOFILE, &s->before) == 0);
  while (s->count > 0) close(s->taken[--s->count]);
}

static void count_turn(uv_prepare_t *prepare) {
  ++*(size_t *) prepare->data;
}

/* Of the loop, until the session has ended. */
static size_t turns_to_the_end(session_user *u) {
  uv_prepare_t prepare;
  size_t turns = 0;
  CHECK(uv_prepare_init(world_uv_loop(u->w), &prepare) == 0);
  prepare.data = &turns;
  CHECK(uv_prepare_start(&prepare, count_turn) == 0);
  uv_unref((uv_handle_t *) &prepare);
  user_run_to_close(u);
  uv_close((uv_handle_t *) &prepare, NULL);
  world_run(u->w);
  return turns;
}

SCENARIO_UV_TEST(test_no_descriptors_is_an_error_and_no_spinning, w, p, u) {
  shortage few;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000),
                PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
  (void) user_client(u);
  take_descriptors(&few);
  scenario_connect(u);
  size_t turns = turns_to_the_end(u);
  give_descriptors_back(&few);
  assert_true(user_ended_by(u, UV_EMFILE, WSUV_STAGE_CONNECT));
  assert_true(user_never_opened(u));
  assert_in_range(turns, 1, TURNS_MAX);
  scenario_play(u); /* and it was not for good */
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
}

SCENARIO_UV_TEST(test_no_descriptors_for_a_lookup_is_an_error, w, p, u) {
  shortage few;
  (void) user_client(u);
  take_descriptors(&few);
  int err = user_try_connect_url(u, raw_peer_url_of(p->raw, world_good_name(w), "/"));
  assert_int_equal(err, 0);
  size_t turns = turns_to_the_end(u);
  give_descriptors_back(&few);
  assert_int_equal(u->closes, 1);
  assert_true(u->end.status < 0);
  assert_true(user_never_opened(u));
  assert_in_range(turns, 1, TURNS_MAX);
}
