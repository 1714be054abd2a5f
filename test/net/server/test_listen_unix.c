/* Listeners at Unix sockets: their files, and names without a file. */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <uv.h>

#include "base/error.h"
#include "net/address.h"
#include "support/accept_rig.h"
#include "support/alloc_failures.h"
#include "support/socket_path.h"
#include "support/world_test.h"
#include "testkit/check.h"

static struct stat status_of(const char *path) {
  struct stat info;
  CHECK(lstat(path, &info) == 0);
  return info;
}

static bool exists(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0;
}

static unsigned mode_of(const char *path) {
  return (unsigned) status_of(path).st_mode & 0777;
}

static void rig_at_path(accept_rig *r) {
  accept_rig_at(r, socket_path(), 0);
}

static struct sockaddr_un address_at(const char *path) {
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  (void) strcpy(un.sun_path, path);
  return un;
}

static int bind_at(const char *path, int type) {
  struct sockaddr_un un = address_at(path);
  int fd = socket(AF_UNIX, type, 0);
  CHECK(fd >= 0);
  CHECK(bind(fd, (const struct sockaddr *) &un, sizeof un) == 0);
  return fd;
}

/* A server that has crashed. */
static void leave_stale_file(const char *path) {
  int fd = bind_at(path, SOCK_STREAM);
  CHECK(listen(fd, 1) == 0);
  CHECK(close(fd) == 0);
}

/* --- permissions --- */

WORLD_UV_TEST(test_unix_file_has_the_mode, w) {
  static const unsigned masks[] = {0, 022, 077, 0777}, modes[] = {0600, 0660, 0666, 0777};
  mode_t before = umask(0);
  for (size_t i = 0; i < COUNT_OF(masks) * COUNT_OF(modes); i++) {
    SCOPED(accept_rig, r, w);
    rig_at_path(&r);
    r.options.unix_mode = modes[i % COUNT_OF(modes)];
    umask((mode_t) masks[i / COUNT_OF(modes)]);
    accept_rig_listen(&r);
    assert_int_equal(mode_of(socket_path()), r.options.unix_mode);
    assert_int_equal(umask(0), masks[i / COUNT_OF(modes)]);
  }
  umask(before);
}

WORLD_UV_TEST(test_unix_file_without_a_mode_has_that_of_the_umask, w) {
  SCOPED(accept_rig, r, w);
  rig_at_path(&r);
  mode_t before = umask(027);
  accept_rig_listen(&r);
  umask(before);
  assert_int_equal(mode_of(socket_path()), 0750);
}

/* --- files that are there --- */

WORLD_UV_TEST(test_unix_stale_file_is_replaced, w) {
  SCOPED(accept_rig, r, w);
  rig_at_path(&r);
  leave_stale_file(socket_path());
  accept_rig_listen(&r);
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
}

WORLD_UV_TEST(test_unix_server_that_listens_keeps_its_file, w) {
  SCOPED(accept_rig, r, w);
  SCOPED(accept_rig, other, w);
  rig_at_path(&r);
  rig_at_path(&other);
  accept_rig_listen(&r);
  ino_t inode = status_of(socket_path()).st_ino;
  assert_int_equal(accept_rig_try_listen(&other), UV_EADDRINUSE);
  assert_int_equal(status_of(socket_path()).st_ino, inode);
  const rig_end *client = accept_rig_connect(&r);
  world_run_until_true(w, &client->answered);
}

/* Such a server does not answer now, but it is there. */
WORLD_UV_TEST(test_unix_server_whose_backlog_is_full_keeps_its_file, w) {
  SCOPED(accept_rig, r, w);
  struct sockaddr_un un = address_at(socket_path());
  int fd = bind_at(socket_path(), SOCK_STREAM), clients[8];
  CHECK(listen(fd, 0) == 0);
  for (size_t i = 0; i < COUNT_OF(clients); i++) {
    clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void) connect(clients[i], (const struct sockaddr *) &un, sizeof un);
  }
  rig_at_path(&r);
  assert_int_equal(accept_rig_try_listen(&r), UV_EADDRINUSE);
  assert_true(exists(socket_path()));
  for (size_t i = 0; i < COUNT_OF(clients); i++) CHECK(close(clients[i]) == 0);
  CHECK(close(fd) == 0);
  CHECK(unlink(socket_path()) == 0);
}

static void make_regular(const char *path) {
  int fd = open(path, O_CREAT | O_WRONLY, 0600);
  CHECK(fd >= 0 && close(fd) == 0);
}

static void make_link(const char *path) {
  CHECK(symlink("nothing-is-here", path) == 0);
}

static void make_fifo(const char *path) {
  CHECK(mkfifo(path, 0600) == 0);
}

static int datagrams = -1;

static void make_datagram_server(const char *path) {
  datagrams = bind_at(path, SOCK_DGRAM);
}

WORLD_UV_TEST(test_unix_path_of_something_else_is_left_alone, w) {
  static void (*const makers[])(const char *) = {make_regular, make_link, make_fifo,
                                                 make_datagram_server};
  for (size_t i = 0; i < COUNT_OF(makers); i++) {
    SCOPED(accept_rig, r, w);
    makers[i](socket_path());
    struct stat before = status_of(socket_path());
    rig_at_path(&r);
    r.options.unix_mode = 0777;
    assert_int_equal(accept_rig_try_listen(&r), UV_EADDRINUSE);
    struct stat after = status_of(socket_path());
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_mode, before.st_mode);
    CHECK(unlink(socket_path()) == 0);
  }
  CHECK(close(datagrams) == 0);
}

/* --- the end --- */

WORLD_UV_TEST(test_unix_file_is_removed_with_its_listener, w) {
  SCOPED(accept_rig, r, w);
  rig_at_path(&r);
  accept_rig_listen(&r);
  assert_true(exists(socket_path()));
  accept_rig_free_listener(&r);
  assert_false(exists(socket_path()));
}

WORLD_UV_TEST(test_unix_file_stays_if_it_is_to_be_kept, w) {
  SCOPED(accept_rig, r, w);
  rig_at_path(&r);
  r.options.keep_path = true;
  for (int i = 0; i < 2; i++) {
    accept_rig_listen(&r); /* the second time it is stale */
    accept_rig_free_listener(&r);
    assert_true(exists(socket_path()));
  }
  CHECK(unlink(socket_path()) == 0);
}

/* An administrator, or the next server, has put its own there. */
WORLD_UV_TEST(test_unix_file_that_was_replaced_stays, w) {
  SCOPED(accept_rig, r, w);
  rig_at_path(&r);
  accept_rig_listen(&r);
  CHECK(unlink(socket_path()) == 0);
  leave_stale_file(socket_path());
  accept_rig_free_listener(&r);
  assert_true(exists(socket_path()));
  CHECK(unlink(socket_path()) == 0);
}

WORLD_UV_TEST(test_unix_file_that_was_removed_is_not_missed, w) {
  SCOPED(accept_rig, r, w);
  rig_at_path(&r);
  accept_rig_listen(&r);
  CHECK(unlink(socket_path()) == 0);
  accept_rig_free_listener(&r);
}

/* The listener has not made the file of a descriptor that was handed over, so it leaves it. */
WORLD_UV_TEST(test_unix_file_of_a_descriptor_stays, w) {
  SCOPED(accept_rig, r, w);
  r.options.fd = bind_at(socket_path(), SOCK_STREAM);
  CHECK(listen(r.options.fd, 1) == 0);
  accept_rig_listen(&r);
  struct sockaddr_storage addr = accept_rig_address(&r);
  assert_string_equal(((const struct sockaddr_un *) &addr)->sun_path, socket_path());
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
  accept_rig_free_listener(&r);
  assert_true(exists(socket_path()));
  CHECK(unlink(socket_path()) == 0);
}

WORLD_UV_TEST(test_unix_file_is_removed_if_the_listener_cannot_be_made, w) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(accept_rig, r, w);
    rig_at_path(&r);
    alloc_failures_begin(&f, w->alloc);
    int err = accept_rig_try_listen(&r);
    assert_int_equal(err, alloc_failures_end(&f, w->alloc) ? WS_ENOMEM : 0);
    assert_int_equal(exists(socket_path()), err == 0);
  }
}

/* Listen at a path that begins in the folder of socket_path, and leave that folder. */
static int try_listen_from_folder(accept_rig *r) {
  char folder[ADDRESS_PATH_MAX + 1];
  int before = open(".", O_RDONLY | O_DIRECTORY);
  const char *name = strrchr(socket_path(), '/');
  (void) snprintf(folder, sizeof folder, "%.*s", (int) (name - socket_path()), socket_path());
  *(struct sockaddr_un *) &r->options.address = address_at(name + 1);
  CHECK(before >= 0 && chdir(folder) == 0);
  int err = accept_rig_try_listen(r);
  CHECK(fchdir(before) == 0 && close(before) == 0);
  return err;
}

/* As daemons do. */
WORLD_UV_TEST(test_unix_file_is_removed_when_the_program_has_changed_its_folder, w) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(accept_rig, r, w);
    alloc_failures_begin(&f, w->alloc);
    int err = try_listen_from_folder(&r);
    assert_int_equal(err, alloc_failures_end(&f, w->alloc) ? WS_ENOMEM : 0);
    assert_int_equal(exists(socket_path()), err == 0);
    if (err == 0) accept_rig_free_listener(&r);
    assert_false(exists(socket_path()));
  }
}

/* --- names --- */

WORLD_UV_TEST(test_unix_path_that_cannot_be_has_its_code, w) {
  SCOPED(accept_rig, r, w);
  struct sockaddr_un *un = (struct sockaddr_un *) &r.options.address;
  *un = address_at("/nonexistent/s");
  assert_int_equal(accept_rig_try_listen(&r), UV_ENOENT);
  memset(un->sun_path, 'x', sizeof un->sun_path);
  assert_int_equal(accept_rig_try_listen(&r), WS_EINVAL);
}

WORLD_UV_TEST(test_unix_path_of_the_greatest_length, w) {
  SCOPED(accept_rig, r, w);
  char path[ADDRESS_PATH_MAX + 1];
  int len = snprintf(path, sizeof path, "%s", socket_path());
  memset(path + len, 'x', sizeof path - (size_t) len);
  path[ADDRESS_PATH_MAX] = '\0';
  accept_rig_at(&r, path, 0);
  accept_rig_listen(&r);
  struct sockaddr_storage addr = accept_rig_address(&r);
  assert_string_equal(((const struct sockaddr_un *) &addr)->sun_path, path);
  (void) accept_rig_connect(&r);
  accept_rig_serve(&r, 1);
  accept_rig_free_listener(&r);
  assert_false(exists(path));
}

#ifdef __linux__
/* Only the bytes of the name count, without zeros behind them. */
WORLD_UV_TEST(test_unix_abstract_name_has_no_file, w) {
  SCOPED(accept_rig, r, w);
  struct sockaddr_un *un = (struct sockaddr_un *) &r.options.address;
  *un = (struct sockaddr_un){.sun_family = AF_UNIX};
  int n = snprintf(un->sun_path + 1, sizeof un->sun_path - 1, "wsuv-%ld", (long) getpid());
  socklen_t len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + (size_t) n);
  accept_rig_listen(&r);
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(client >= 0);
  assert_int_equal(connect(client, (const struct sockaddr *) un, len), 0);
  world_run_until_count(w, &r.accepted_count, 1);
  struct sockaddr_storage addr = accept_rig_address(&r);
  assert_memory_equal(&addr, un, sizeof *un);
  assert_false(exists(un->sun_path + 1));
  assert_int_equal(accept_rig_try_listen(&(accept_rig){.env = r.env, .options = r.options}),
                   UV_EADDRINUSE);
  CHECK(close(client) == 0);
}
#endif
