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
  static const message_limits tight = {UINT64_MAX, 1, 1};
  r->c.limits = &tight;
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

/* One frame whose first two bytes are given, with four bytes of payload, if it has as many. */
static size_t spoilt_frame(uint8_t frame[16], unsigned first, unsigned second, unsigned way) {
  static const uint8_t lengths[2][3][8] = {{{0, 126}, {0, 5}, {0xff, 0xff}},
                                           {{0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 5}, {0x80}}};
  const unsigned len = second & 0x7f;
  size_t n = 2;
  frame[0] = (uint8_t) first;
  frame[1] = (uint8_t) second;
  if (len >= 126) {
    const size_t more = len == 126 ? 2 : 8;
    memcpy(frame + n, lengths[len - 126][way], more);
    n += more;
  }
  if ((second & 0x80) != 0) {
    memset(frame + n, 0, 4);
    n += 4;
  }
  memset(frame + n, 'Z', 2);
  return n + (len < 2 ? len : 2);
}

/* Whether the frame is a violation that is found, and if so, that it is found at its header. */
static bool check_spoilt(ws_role role, bool inside, unsigned first, unsigned second, unsigned way) {
  uint8_t frame[16];
  const size_t len = spoilt_frame(frame, first, second, way);
  bool violation = false;
  for (pieces_kind kind = PIECES_WHOLE; kind <= PIECES_BYTES; kind++) {
    SCOPED_BYTES in = {0};
    SCOPED(rig, r, role);
    bytes_add(&in, frame, len);
    if (inside) assert_int_equal(conn_rig_feed_script(&r, "TEXT- \"a\""), 0);
    const uint64_t passed = r.passed;
    int err = conn_rig_feed_pieces(&r, &in, (pieces){.kind = kind});
    if (kind == PIECES_BYTES) assert_int_equal(err < 0, violation);
    violation = err < 0;
    if (!violation) continue;
    assert_int_equal(err, WSUV_EPROTOCOL);
    if (r.passed != passed) fail_msg("%02x %02x: some of it is passed on", first, second);
    conn_rig_expect_error(&r, "", err);
  }
  return violation;
}

/* F60: a violation of the header is found before any of the payload reaches the program, also where
   messages are given in pieces. All headers, between messages and inside of one. */
TEST(test_conn_streamed_passes_nothing_of_a_bad_frame_on) {
  size_t violations = 0, all = 0;
  for (unsigned header = 0; header < 0x10000; header++) {
    const unsigned second = header & 0xff, ways = (second & 0x7f) >= 126 ? 3 : 1;
    if ((second & 0x7f) > 3 && (second & 0x7f) < 124) continue; /* as others */
    for (unsigned way = 0; way < ways; way++) {
      for (int place = 0; place < 4; place++) {
        const ws_role role = place % 2 == 0 ? WS_SERVER : WS_CLIENT;
        violations += check_spoilt(role, place >= 2, header >> 8, second, way);
        all++;
      }
    }
  }
  assert_true(violations > all / 2 && violations < all);
}
