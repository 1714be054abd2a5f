/* A connection that gives its messages in pieces: for either role, cut anywhere, and behind 4 GiB.
 */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/frame/conn.h"
#include "support/fake_env.h"
#include "support/frames.h"
#include "support/pieces.h"
#include "support/test.h"
#include "support/track_alloc.h"

#define MIB ((size_t) 1024 * 1024)
#define GIB ((uint64_t) 1024 * MIB)

typedef struct rig {
  track_alloc alloc;
  fake_env env;
  conn_shared shared;
  conn c;
  uint64_t passed; /* bytes of the message */
  size_t messages;
  bytes whole; /* those that end, a line for each, unless `counts` */
  bytes gathered;
  bool counts;
} rig;

static const message_limits limits = {UINT64_MAX, 1, 1};

static void rig_open(rig *r, ws_role role) {
  *r = (rig){.counts = false};
  track_alloc_init(&r->alloc);
  fake_env_init(&r->env, &r->alloc.handle, 1);
  conn_shared_init(&r->shared, &r->env.base);
  conn_init(&r->c, &r->shared, role, role == WS_CLIENT, &limits, NULL);
  conn_set_streamed(&r->c);
}

static void rig_close(rig *r) {
  conn_free(&r->c);
  conn_shared_free(&r->shared);
  assert_int_equal(r->alloc.live, 0);
  bytes_free(&r->whole);
  bytes_free(&r->gathered);
}

static void take_piece(rig *r, const conn_event *ev) {
  assert_int_equal(ev->type, CONN_EVENT_PIECE);
  assert_true(ev->offset == r->passed);
  assert_true(ev->len > 0 || ev->fin);
  r->passed += ev->len;
  if (!r->counts) bytes_add(&r->gathered, ev->data, ev->len);
  if (!ev->fin) return;
  if (!r->counts) {
    frames_render(&r->whole, ev->opcode, true, 0, r->gathered.base, r->gathered.len);
  }
  r->messages++;
  r->gathered.len = 0;
  if (!r->counts) r->passed = 0;
}

static void feed(rig *r, uint8_t *data, size_t len) {
  conn_event ev;
  int err;
  conn_recv(&r->c, data, len);
  while ((err = conn_next_event(&r->c, &ev)) == 1) take_piece(r, &ev);
  assert_int_equal(err, 0);
}

static int feed_piece(void *arg, const uint8_t *data, size_t len, size_t *used) {
  uint8_t *copy = bytes_exact(data, len);
  feed(arg, copy, len);
  free(copy);
  *used = len;
  return 0;
}

static const char script[] =
    "TEXT- \"gr\" c3; CONT- bc; CONT-; CONT c39f; BIN-; CONT; TEXT; BIN- 00~70000; "
    "CONT- 01~300; CONT 02; TEXT- f0; CONT- 9f8c; CONT 8d";

static void check_cut(ws_role role, pieces how) {
  SCOPED_BYTES in = {0}, plain = {0}, wanted = {0};
  size_t used;
  SCOPED(rig, r, role);
  frames_script(&in, script, role == WS_SERVER);
  assert_int_equal(pieces_feed(how, in.base, in.len, feed_piece, &r, &used), 0);
  frames_script(&plain, "TEXT \"gr\" c3bcc39f; BIN; TEXT; BIN 00~70000 01~300 02; TEXT f09f8c8d",
                false);
  frames_render_stream(&wanted, plain.base, plain.len, false, false);
  assert_string_equal(bytes_text(&r.whole), bytes_text(&wanted));
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
  assert_int_equal(r.messages, 1);
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
  assert_int_equal(r.messages, 1);
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
