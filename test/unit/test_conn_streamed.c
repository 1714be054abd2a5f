/* A connection that gives its messages in pieces: for either role, cut anywhere, and behind 4 GiB.
 */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "support/conn_rig.h"
#include "support/test.h"

#define MIB ((size_t) 1024 * 1024)
#define GIB ((uint64_t) 1024 * MIB)

typedef conn_rig rig;

static void rig_open(rig *r, ws_role role) {
  conn_rig_open(r, role);
  r->c.limits = (message_limits){UINT64_MAX, 1, 1};
  conn_set_streamed(&r->c);
}

static void rig_close(rig *r) {
  conn_rig_close(r);
}

static const char script[] =
    "TEXT- \"gr\" c3; CONT- bc; CONT-; CONT c39f; BIN-; CONT; TEXT; BIN- 00~70000; "
    "CONT- 01~300; CONT 02; TEXT- f0; CONT- 9f8c; CONT 8d";

static void check_cut(ws_role role, pieces how) {
  SCOPED_BYTES in = frames_of(script, role == WS_SERVER);
  SCOPED(rig, r, role);
  r.cut = how.seed;
  assert_int_equal(conn_rig_feed_pieces(&r, &in, how), 0);
  conn_rig_expect_events(&r,
                         "TEXT \"gr\" c3bcc39f; BIN; TEXT; BIN 00~70000 01~300 02; TEXT f09f8c8d");
}

TEST(test_conn_streamed_pieces_make_the_message_wherever_cut) {
  static const ws_role roles[] = {WS_CLIENT, WS_SERVER};
  for (size_t i = 0; i < 2; i++) {
    check_cut(roles[i], (pieces){.kind = PIECES_WHOLE});
    check_cut(roles[i], (pieces){.kind = PIECES_BYTES});
    for (uint32_t seed = 0; seed < 50; seed++) {
      check_cut(roles[i], (pieces){.kind = PIECES_RANDOM, .seed = seed});
    }
  }
}

static void feed(rig *r, uint8_t *data, size_t len) {
  conn_recv(&r->c, data, len);
  assert_int_equal(conn_rig_take(r), 0);
}

static void feed_frame(rig *r, const frame_spec *spec, uint64_t length, uint8_t *part) {
  bytes header = {0};
  frames_header(&header, spec, length);
  feed(r, header.base, header.len);
  bytes_free(&header);
  while (length > 0) {
    size_t n = length < MIB ? (size_t) length : MIB;
    feed(r, part, n);
    length -= n;
  }
}

/* Nothing of it is stored, so it takes neither memory nor time. */
TEST(test_conn_streamed_frame_of_more_than_4_gib) {
  const frame_spec spec = {.opcode = OPCODE_BINARY, .fin = true};
  uint8_t *part = calloc(1, MIB);
  assert_non_null(part);
  SCOPED(rig, r, WS_CLIENT);
  r.counts = true;
  feed_frame(&r, &spec, 4 * GIB + 1, part);
  assert_int_equal(r.c.received.messages, 1);
  assert_true(r.passed == 4 * GIB + 1);
  assert_true(r.c.received.payload == 4 * GIB + 1);
  assert_int_equal(r.alloc.calls, 0);
  free(part);
}

TEST(test_conn_streamed_fragments_of_more_than_4_gib) {
  uint8_t *part = calloc(1, MIB);
  assert_non_null(part);
  SCOPED(rig, r, WS_CLIENT);
  r.counts = true;
  for (int i = 0; i <= 5; i++) {
    const frame_spec spec = {.opcode = i == 0 ? OPCODE_BINARY : OPCODE_CONTINUATION, .fin = i == 5};
    feed_frame(&r, &spec, i < 5 ? GIB - 1 : 6, part);
  }
  assert_int_equal(r.c.received.messages, 1);
  assert_true(r.passed == 5 * GIB + 1);
  assert_int_equal(r.alloc.calls, 0);
  free(part);
}

TEST(test_conn_streamed_message_begins_once_and_before_the_close) {
  SCOPED(rig, r, WS_CLIENT);
  assert_int_equal(conn_begin_message(&r.c, OPCODE_CONTINUATION), WS_EINVAL);
  assert_int_equal(conn_begin_message(&r.c, OPCODE_PING), WS_EINVAL);
  assert_int_equal(conn_begin_message(&r.c, OPCODE_TEXT), 0);
  assert_int_equal(conn_begin_message(&r.c, OPCODE_TEXT), WS_EINVAL);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "", 0), 0);
  assert_int_equal(conn_close(&r.c, 1000, NULL, 0), 0);
  assert_int_equal(conn_begin_message(&r.c, OPCODE_TEXT), WSUV_ESTATE);
}
