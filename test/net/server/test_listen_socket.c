/* Listeners of the system: descriptors that run out, that are handed over, that are wrong; options
   of sockets. F65 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <uv.h>

#include "base/error.h"
#include "net/uv/stream.h"
#include "net/uv/tcp_options.h"
#include "support/accept_rig.h"
#include "support/alloc_failures.h"
#include "support/descriptors.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { CLIENTS = 60, LEFT = 10, WATCHED_MS = 350, TURNS_MAX = 20 };

/* --- no descriptors --- */

static void count_turn(uv_prepare_t *prepare) {
  ++*(size_t *) prepare->data;
}

static size_t turns_within(world *w, uint64_t ms) {
  uv_prepare_t prepare;
  size_t turns = 0;
  CHECK(uv_prepare_init(world_uv_loop(w), &prepare) == 0);
  prepare.data = &turns;
  CHECK(uv_prepare_start(&prepare, count_turn) == 0);
  world_advance(w, ms);
  uv_close((uv_handle_t *) &prepare, NULL);
  world_run(w);
  return turns;
}

/* uv_listen() would close all that wait. */
WORLD_UV_TEST(test_no_descriptors_for_clients_that_wait_loses_none, w) {
  SCOPED(accept_rig, r, w);
  struct rlimit before;
  accept_rig_listen(&r);
  r.env->ops->listener_pause(r.l, true);
  accept_rig_fill_backlog(&r, CLIENTS);
  descriptors_leave(&before, LEFT);
  r.env->ops->listener_pause(r.l, false);
  world_run_until_count(w, &r.pauses, 1);
  assert_in_range(r.accepted_count, 1, LEFT);
  accept_rig_serve(&r, r.accepted_count); /* those go on */
  assert_in_range(turns_within(w, WATCHED_MS), 1, TURNS_MAX);
  assert_in_range(r.accepted_count, 1, LEFT);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  accept_rig_serve(&r, CLIENTS);
  assert_int_equal(r.accepted_count, CLIENTS);
  assert_int_equal(r.client_failures, 0);
  assert_int_equal(r.pauses, 1);
  assert_int_equal(r.pause_status, UV_EMFILE);
  assert_int_equal(r.resumes, 1);
}

WORLD_UV_TEST(test_descriptors_of_accepted_ends_that_close_are_used_again, w) {
  SCOPED(accept_rig, r, w);
  struct rlimit before;
  accept_rig_listen(&r);
  r.env->ops->listener_pause(r.l, true);
  accept_rig_fill_backlog(&r, 2);
  descriptors_leave(&before, 1);
  r.env->ops->listener_pause(r.l, false);
  accept_rig_serve(&r, 1);
  rig_end_close(&r.accepted[0]);
  accept_rig_serve(&r, 2);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  assert_int_equal(r.accepted_count, 2);
}

/* As a program can do it to make a listener deaf. The loop must not spin. */
WORLD_UV_TEST(test_listener_that_was_shut_down_is_an_error_and_no_spinning, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  CHECK(shutdown(r.env->ops->listener_fd(r.l), SHUT_RDWR) == 0);
  world_run_until_count(w, &r.pauses, 1);
  assert_in_range(turns_within(w, WATCHED_MS), 1, TURNS_MAX);
  assert_int_equal(r.pauses, 1);
  assert_int_equal(r.resumes, 0);
}

/* --- descriptors that are handed over --- */

static int socket_bound(int domain, int type) {
  const struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(domain, type, 0);
  CHECK(fd >= 0);
  CHECK(bind(fd, (const struct sockaddr *) &addr, sizeof addr) == 0);
  return fd;
}

static int socket_that_listens(void) {
  int fd = socket_bound(AF_INET, SOCK_STREAM);
  CHECK(listen(fd, CLIENTS) == 0);
  return fd;
}

static bool has_flag(int fd, int command, int flag) {
  return (fcntl(fd, command) & flag) != 0;
}

static bool is_open(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

WORLD_UV_TEST(test_descriptor_that_listens_is_taken_over, w) {
  SCOPED(accept_rig, r, w);
  int fd = r.options.fd = socket_that_listens();
  r.options.address.ss_family = AF_UNSPEC;
  accept_rig_listen(&r);
  assert_int_equal(r.env->ops->listener_fd(r.l), fd);
  assert_true(has_flag(fd, F_GETFL, O_NONBLOCK));
  for (int i = 0; i < 3; i++) (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 3);
  accept_rig_free_listener(&r);
  assert_false(is_open(fd));
}

/* What waited before it was handed over is accepted. */
WORLD_UV_TEST(test_descriptor_goes_from_one_listener_to_another, w) {
  SCOPED(accept_rig, r, w);
  SCOPED(accept_rig, next, w);
  accept_rig_listen(&r);
  r.env->ops->listener_pause(r.l, true);
  accept_rig_fill_backlog(&r, 3);
  next.options.fd = dup(r.env->ops->listener_fd(r.l));
  CHECK(next.options.fd >= 0);
  accept_rig_free_listener(&r);
  accept_rig_listen(&next);
  world_run_until_count(w, &r.answered, 3);
  assert_int_equal(next.accepted_count, 3);
}

typedef int make_descriptor(void);

static int make_bound(void) {
  return socket_bound(AF_INET, SOCK_STREAM);
}

static int make_datagram(void) {
  return socket_bound(AF_INET, SOCK_DGRAM);
}

static int make_pipe(void) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  CHECK(close(ends[1]) == 0);
  return ends[0];
}

static int make_connected(void) {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  CHECK(close(ends[1]) == 0);
  return ends[0];
}

static int make_file(void) {
  return open("/dev/null", O_RDONLY);
}

static int make_packets(void) {
  int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  const struct sockaddr addr = {.sa_family = AF_UNIX};
  CHECK(bind(fd, &addr, sizeof(sa_family_t)) == 0); /* the kernel names it */
  CHECK(listen(fd, 1) == 0);
  return fd;
}

WORLD_UV_TEST(test_descriptor_that_does_not_listen_stays_the_callers, w) {
  static make_descriptor *const makers[] = {make_bound,     make_datagram, make_pipe,
                                            make_connected, make_file,     make_packets};
  SCOPED(accept_rig, r, w);
  for (size_t i = 0; i < COUNT_OF(makers); i++) {
    int fd = r.options.fd = makers[i]();
    CHECK(fd >= 0);
    assert_int_equal(accept_rig_try_listen(&r), WS_EINVAL);
    assert_false(has_flag(fd, F_GETFL, O_NONBLOCK));
    CHECK(close(fd) == 0);
    assert_int_equal(accept_rig_try_listen(&r), WS_EINVAL); /* closed */
  }
}

WORLD_UV_TEST(test_descriptor_of_another_listener_stays_its_own, w) {
  SCOPED(accept_rig, r, w);
  SCOPED(accept_rig, other, w);
  accept_rig_listen(&r);
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
  other.options.fd = r.env->ops->listener_fd(r.l);
  assert_int_equal(accept_rig_try_listen(&other), UV_EEXIST);
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 2);
}

/* F46 */
WORLD_UV_TEST(test_descriptor_stays_the_callers_without_memory, w) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(accept_rig, r, w);
    int fd = r.options.fd = socket_that_listens();
    alloc_failures_begin(&f, w->alloc);
    int err = accept_rig_try_listen(&r);
    assert_int_equal(err, alloc_failures_end(&f, w->alloc) ? WS_ENOMEM : 0);
    assert_true(is_open(fd));
    if (err < 0) CHECK(close(fd) == 0);
  }
}

/* --- options --- */

static int descriptor_of(const rig_end *end) {
  const stream *s = (const stream *) (const void *) end->f;
  uv_os_fd_t fd;
  CHECK(uv_fileno(s->own.uv, &fd) == 0);
  return fd;
}

static int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t len = sizeof value;
  CHECK(getsockopt(fd, level, name, &value, &len) == 0);
  return value;
}

static void check_options(int fd, bool set) {
  assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY) != 0, set);
  assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE) != 0, set);
  if (!set) return;
  assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
  assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 20);
  assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 9);
#ifdef TCP_USER_TIMEOUT
  assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
#endif
}

static void want_options(accept_rig *r) {
  r->options.socket.nodelay = true;
  r->options.socket.keepalive_s = 60;
  r->options.socket.user_timeout_ms = 30000;
}

/* Where sockets inherit them, no system call is made for each connection. */
WORLD_UV_TEST(test_accepted_sockets_have_the_options, w) {
  for (int i = 0; i < 2; i++) {
    SCOPED(accept_rig, r, w);
    r.options.socket.nodelay = false;
    if (i != 0) want_options(&r);
    accept_rig_listen(&r);
    (void) accept_rig_connect(&r);
    accept_rig_serve(&r, 1);
    check_options(descriptor_of(&r.accepted[0]), i != 0);
    check_options(r.env->ops->listener_fd(r.l), i != 0 && TCP_OPTIONS_INHERITED);
  }
}

/* Another process may use it, too. */
WORLD_UV_TEST(test_descriptor_that_is_taken_over_is_given_no_options, w) {
  SCOPED(accept_rig, r, w);
  want_options(&r);
  r.options.fd = socket_that_listens();
  accept_rig_listen(&r);
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
  check_options(r.options.fd, false);
  check_options(descriptor_of(&r.accepted[0]), true);
}

WORLD_UV_TEST(test_sockets_do_not_block_and_are_closed_on_exec, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
  const int fds[] = {r.env->ops->listener_fd(r.l), descriptor_of(&r.accepted[0])};
  for (size_t i = 0; i < 2; i++) {
    assert_true(has_flag(fds[i], F_GETFL, O_NONBLOCK));
    assert_true(has_flag(fds[i], F_GETFD, FD_CLOEXEC));
  }
}

/* The old connection lingers on our side (TIME_WAIT), since we have closed it first. */
WORLD_UV_TEST(test_listener_gets_its_port_again_at_once, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  const rig_end *client = accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
  r.options.address = accept_rig_address(&r);
  rig_end_close(&r.accepted[0]);
  accept_rig_free_listener(&r);
  world_advance(w, 1);
  assert_true(client->answered);
  accept_rig_listen(&r);
}

/* Neither a listener nor what waits at it keeps the loop alive. */
WORLD_UV_TEST(test_listener_does_not_keep_the_loop_alive, w) {
  SCOPED(accept_rig, r, w);
  accept_rig_listen(&r);
  world_run(w);
  assert_int_equal(uv_run(world_uv_loop(w), UV_RUN_NOWAIT), 0);
}
