#include "net/dial/tunnel_driver.h"

/* The driver of tunnels, over a filter that takes what the test says. */

#include <string.h>

#include <uv.h>

#include "base/error.h"
#include "proto/tunnel/tunnel_socks.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct rig {
  ws_filter filter; /* first: it is the filter that is driven over */
  track_alloc alloc;
  tunnel_driver driver;
  ws_tunnel *machine;
  bytes written;
  size_t at_once; /* bytes that a write takes */
  size_t retained;
  ws_view keeping; /* what is retained */
  int write_error, read_error;
  bool reading;
  size_t ends;
  int status;
  bytes rest;
  uint8_t room[64];
} rig;

static rig *of(ws_filter *f) {
  return (rig *) (void *) f;
}

/* To start or stop twice is an error. */
static int read_start(ws_filter *f) {
  rig *r = of(f);
  assert_false(r->reading);
  r->reading = r->read_error == 0;
  return r->read_error;
}

static void read_stop(ws_filter *f) {
  assert_true(of(f)->reading);
  of(f)->reading = false;
}

static int fake_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                      size_t *retained) {
  rig *r = of(f);
  assert_int_equal(count, 1);
  assert_int_equal(r->retained, 0);
  if (r->write_error < 0) return r->write_error;
  *taken = bufs->len < r->at_once ? bufs->len : r->at_once;
  *retained = r->retained = bufs->len - *taken;
  r->keeping = (ws_view){bufs->base + *taken, *retained};
  bytes_add(&r->written, bufs->base, *taken);
  return 0;
}

static const ws_filter_ops ops = {
    .read_start = read_start, .read_stop = read_stop, .write = fake_write};

static void on_done(void *up, int status, ws_view rest) {
  rig *r = up;
  r->ends++;
  r->status = status;
  if (rest.len > 0) bytes_add(&r->rest, rest.base, rest.len);
  assert_false(r->reading);
}

static int rig_start(rig *r) {
  static const tunnel_socks_config config = {
      .target = {.host = {"h.test", 6}, .port = 80}, .user = {"bob", 3}, .password = {"pw", 2}};
  track_alloc_init(&r->alloc);
  assert_int_equal(tunnel_socks5_new(&r->machine, &r->alloc.handle, &config, NULL), 0);
  r->filter.ops = &ops;
  r->driver = (tunnel_driver){.lower = &r->filter,
                              .machine = r->machine,
                              .alloc = &r->alloc.handle,
                              .room = {r->room, sizeof r->room},
                              .on_done = on_done,
                              .up = r};
  return tunnel_driver_start(&r->driver);
}

static void rig_open(rig *r, size_t at_once) {
  *r = (rig){.at_once = at_once};
  assert_int_equal(rig_start(r), 0);
}

static void rig_close(rig *r) {
  tunnel_driver_clear(&r->driver);
  r->machine->ops->free(r->machine);
  assert_int_equal(r->alloc.live, 0);
  bytes_free(&r->written);
  bytes_free(&r->rest);
}

/* What was retained is written from where it lies. */
static void release(rig *r, int status) {
  if (status == 0) bytes_add(&r->written, r->keeping.base, r->keeping.len);
  r->retained = 0;
  r->filter.events->on_write(r->filter.up, status);
}

/* As the filter reads: no more than there is room for. */
static void receive(rig *r, const char *data, size_t len) {
  while (len > 0 && r->reading) {
    ws_room room;
    r->filter.events->on_alloc(r->filter.up, &room);
    const size_t n = len < room.len ? len : room.len;
    memcpy(room.base, data, n);
    data += n;
    len -= n;
    r->filter.events->on_read(r->filter.up, room.base, (ptrdiff_t) n);
  }
  assert_int_equal(len, 0);
}

/* All of them, although nothing was asked for yet; and a byte of the tunnel. */
static void receive_all_at_once(rig *r) {
  static const char answers[] = "\5\2\1\0\5\0\0\1\0\0\0\0\0\0x";
  uint8_t data[sizeof answers - 1];
  memcpy(data, answers, sizeof data);
  assert_true(r->reading);
  r->filter.events->on_read(r->filter.up, data, sizeof data);
  memset(data, 0, sizeof data);
}

TEST(test_driver_reads_only_when_nothing_is_retained) {
  SCOPED(rig, r, 1);
  assert_false(r.reading);
  release(&r, 0);
  assert_true(r.reading);
  receive(&r, "\5\2", 2);
  assert_false(r.reading);
  release(&r, 0);
  receive(&r, "\1\0", 2);
  release(&r, 0);
  receive(&r, "\5\0\0\1\0\0\0\0\0\0", 10);
  assert_int_equal(r.ends, 1);
  assert_int_equal(r.status, 0);
  assert_int_equal(r.written.len, 4 + 1 + 1 + 3 + 1 + 2 + 4 + 1 + 6 + 2);
}

/* The tunnel is open when all that the proxy was asked is sent, whatever it has answered before. */
TEST(test_driver_with_answers_that_come_too_early) {
  SCOPED(rig, r, 4);
  receive_all_at_once(&r);
  assert_int_equal(r.ends, 0);
  assert_false(r.reading);
  release(&r, 0);
  assert_int_equal(r.ends, 1);
  assert_int_equal(r.status, 0);
  assert_int_equal(r.rest.len, 1);
  assert_int_equal(r.rest.base[0], 'x');
}

TEST(test_driver_whose_early_answers_find_no_memory_or_no_way) {
  for (int i = 0; i < 3; i++) {
    SCOPED(rig, r, 4);
    if (i == 0) r.alloc.fail_at = r.alloc.calls + 2; /* behind the output */
    if (i == 1) r.write_error = UV_EPIPE;
    receive_all_at_once(&r);
    if (i == 2) release(&r, UV_EPIPE);
    assert_int_equal(r.ends, 1);
    assert_int_equal(r.status, i == 0 ? WS_ENOMEM : UV_EPIPE);
    r.alloc.fail_at = 0;
  }
}

/* What the proxy may have said is read, although nothing can be written. */
TEST(test_driver_that_cannot_write) {
  SCOPED(rig, r, 0);
  release(&r, UV_EPIPE);
  assert_true(r.reading);
  r.filter.events->on_read(r.filter.up, NULL, WS_EOF);
  assert_int_equal(r.ends, 1);
  assert_int_equal(r.status, UV_EPIPE);
}

TEST(test_driver_that_cannot_read) {
  rig r = {.at_once = 4, .read_error = UV_EBADF};
  assert_int_equal(rig_start(&r), UV_EBADF);
  assert_int_equal(r.ends, 0);
  rig_close(&r);
}

TEST(test_driver_is_given_up) {
  SCOPED(rig, r, 2);
  assert_int_equal(tunnel_driver_give_up(&r.driver), WS_EOF);
  assert_int_equal(r.driver.retained, 2);
  release(&r, 0);
  assert_int_equal(tunnel_driver_give_up(&r.driver), WS_EOF);
}
