/* The fast paths for small messages: what they make and give is what the others do, and they leave
   everything else to those. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/frame/conn_small.h"
#include "support/conn_rig.h"
#include "support/test.h"

enum { VARIANTS = 3 /* a client, one that does not mask, a server */ };

static const uint8_t text[CONN_SMALL_MAX + 1] = "small";

static void open_variant(conn_rig *r, int variant) {
  conn_rig_open(r, variant == 2 ? WS_SERVER : WS_CLIENT);
  r->c.masking = variant == 0;
}

/* Send on the fast path alone. */
static void send_small(conn_rig *r, frame_opcode type, size_t len) {
  uint8_t *payload = bytes_exact(text, len);
  assert_true(conn_small_prepare(&r->c, len));
  assert_true(conn_send_small(&r->c, type, payload, len));
  free(payload);
}

static void expect_same(const conn_rig *a, const conn_rig *b) {
  const out_queue *q = &a->c.work->out, *other = &b->c.work->out;
  assert_memory_equal(&a->c.sent, &b->c.sent, sizeof a->c.sent);
  assert_int_equal(q->payload, other->payload);
  assert_int_equal(q->lanes[LANE_DATA].queued, other->lanes[LANE_DATA].queued);
  assert_int_equal(out_queue_len(q), out_queue_len(other));
}

static void expect_same_wire(conn_rig *a, conn_rig *b) {
  conn_rig_write_all(a);
  conn_rig_write_all(b);
  assert_int_equal(a->wire.len, b->wire.len);
  assert_memory_equal(a->wire.base, b->wire.base, b->wire.len);
}

/* The two connections draw the same keys. */
TEST(test_conn_small_frame_is_that_of_conn_send_frame) {
  for (int variant = 0; variant < VARIANTS; variant++) {
    for (size_t len = 0; len <= CONN_SMALL_MAX; len++) {
      conn_rig fast, other;
      open_variant(&fast, variant);
      open_variant(&other, variant);
      for (int i = 0; i < 3; i++) {
        const frame_opcode type = i == 1 ? OPCODE_TEXT : OPCODE_BINARY;
        send_small(&fast, type, len);
        assert_int_equal(conn_send(&other.c, type, true, text, len), 0);
        expect_same(&fast, &other);
      }
      expect_same_wire(&fast, &other);
      conn_rig_close(&fast);
      conn_rig_close(&other);
    }
  }
}

/* Nothing has changed afterwards but what conn_small_prepare may get. */
static void expect_not_small(conn_rig *r, size_t len, const char *why) {
  const conn_counts sent = r->c.sent;
  const size_t queued = out_queue_len(&r->c.work->out), left = r->shared.random.left;
  assert_that(!conn_send_small(&r->c, OPCODE_BINARY, text, len), "%s", why);
  assert_int_equal(r->shared.random.left, left);
  assert_that(!conn_small_prepare(&r->c, len), "%s", why);
  assert_that(!conn_send_small(&r->c, OPCODE_BINARY, text, len), "%s", why);
  assert_memory_equal(&r->c.sent, &sent, sizeof sent);
  assert_int_equal(out_queue_len(&r->c.work->out), queued);
}

/* Up to the last byte of a chunk of the queue. A frame that does not fit into it is for
   conn_send_frame, which cuts it. */
TEST(test_conn_small_frames_fill_a_chunk) {
  enum { LEN = 60, PER_CHUNK = BUFQ_CHUNK_SIZE / (LEN + 2) };
  const size_t rest = BUFQ_CHUNK_SIZE - PER_CHUNK * (LEN + 2) - 2;
  SCOPED(conn_rig, r, WS_SERVER);
  SCOPED(conn_rig, other, WS_SERVER);
  for (int i = 0; i < PER_CHUNK; i++) send_small(&r, OPCODE_BINARY, LEN);
  for (int i = 0; i < PER_CHUNK; i++)
    assert_int_equal(conn_send(&other.c, OPCODE_BINARY, true, text, LEN), 0);
  expect_not_small(&r, rest + 1, "it does not fit into the chunk");
  send_small(&r, OPCODE_BINARY, rest);
  send_small(&r, OPCODE_BINARY, LEN);
  assert_int_equal(conn_send(&other.c, OPCODE_BINARY, true, text, rest), 0);
  assert_int_equal(conn_send(&other.c, OPCODE_BINARY, true, text, LEN), 0);
  expect_same(&r, &other);
  expect_same_wire(&r, &other);
}

static void hook(void *arg, bool outgoing, const frame_header *h) {
  (void) arg;
  (void) outgoing;
  (void) h;
}

TEST(test_conn_small_leaves_everything_else_to_conn_send_frame) {
  SCOPED(conn_rig, r, WS_CLIENT);
  assert_true(conn_small_prepare(&r.c, CONN_SMALL_MAX));
  assert_false(conn_small_prepare(&r.c, CONN_SMALL_MAX + 1));
  r.c.raw = true;
  expect_not_small(&r, 5, "raw");
  r.c.raw = false;
  r.shared.trace = hook;
  expect_not_small(&r, 5, "frames are logged");
  r.shared.trace = NULL;
  assert_int_equal(conn_begin_message(&r.c, OPCODE_TEXT), 0);
  expect_not_small(&r, 5, "a message is being sent in fragments");
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "a", 1), 0);
  send_small(&r, OPCODE_BINARY, 5);
  assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
  expect_not_small(&r, 5, "the close frame is queued");
}

TEST(test_conn_small_after_the_peers_close_frame) {
  SCOPED(conn_rig, r, WS_SERVER);
  r.c.close_received = true;
  expect_not_small(&r, 5, "the peer's close frame has come");
}

/* Nothing is kept of what could not be had, and conn_send_frame finds the error again. */
TEST(test_conn_small_without_keys_or_memory) {
  SCOPED(conn_rig, r, WS_CLIENT);
  r.env.random_fails = true;
  expect_not_small(&r, 5, "no masking key");
  assert_int_equal(r.alloc.live, 0);
  assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, text, 5), WSUV_ERANDOM);
  r.env.random_fails = false;
  r.alloc.fail_at = r.alloc.calls + 1;
  r.alloc.fail_for_ever = true;
  expect_not_small(&r, 5, "no memory");
  assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, text, 5), WS_ENOMEM);
  r.alloc.fail_at = 0;
  send_small(&r, OPCODE_BINARY, 5);
  conn_rig_expect_written(&r, "BIN \"small\"");
}

/* Receiving. conn_rig_feed_cut gives the same bytes whole, which the fast path takes, and in
   pieces, which it does not. */

static void expect_in_all_cuts(const message_limits *limits, const char *script, const char *events,
                               int err) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    for (uint64_t cut = 0; cut < 20; cut++) {
      SCOPED(conn_rig, r, (ws_role) role);
      SCOPED_BYTES wire = frames_of(script, role == WS_SERVER);
      if (limits != NULL) r.c.limits = limits;
      conn_rig_feed_cut(&r, &wire, cut);
      if (err < 0) {
        conn_rig_expect_error(&r, events, err);
      } else {
        conn_rig_expect_events(&r, events);
      }
    }
  }
}

TEST(test_conn_small_messages_among_others) {
  const char *all =
      "TEXT \"a\" ; BIN ; TEXT ; BIN- \"b\" ; PING \"p\" ; CONT \"c\" ; BIN \"x\"*125 ; "
      "BIN \"y\"*126 ; TEXT ce ba ; TEXT \"z\"*125 ; PONG \"q\" ; TEXT- ; CONT \"d\" ; "
      "BIN \"e\"";
  const char *events = "TEXT \"a\" ; BIN ; TEXT ; PING \"p\" ; BIN \"bc\" ; BIN \"x\"*125 ; "
                       "BIN \"y\"*126 ; TEXT ce ba ; TEXT \"z\"*125 ; PONG \"q\" ; TEXT \"d\" ; "
                       "BIN \"e\"";
  expect_in_all_cuts(NULL, all, events, 0);
}

TEST(test_conn_small_text_must_be_utf8) {
  expect_in_all_cuts(NULL, "TEXT \"a\" ; TEXT ff", "TEXT \"a\"", WSUV_EUTF8);
  expect_in_all_cuts(NULL, "TEXT \"a\" ; TEXT ce", "TEXT \"a\"", WSUV_EUTF8);
  expect_in_all_cuts(NULL, "TEXT \"a\" ; TEXT \"b\"*100 ce", "TEXT \"a\"", WSUV_EUTF8);
}

TEST(test_conn_small_message_inside_another) {
  expect_in_all_cuts(NULL, "TEXT- \"a\" ; TEXT \"b\"", "", WSUV_EPROTOCOL);
  expect_in_all_cuts(NULL, "BIN- \"a\" ; BIN \"b\"", "", WSUV_EPROTOCOL);
}

TEST(test_conn_small_message_with_reserved_bits) {
  expect_in_all_cuts(NULL, "BIN \"a\" ; BIN{4} \"b\"", "BIN \"a\"", WSUV_EPROTOCOL);
  expect_in_all_cuts(NULL, "BIN \"a\" ; TEXT{1} \"b\"", "BIN \"a\"", WSUV_EPROTOCOL);
}

TEST(test_conn_small_message_keeps_the_limits) {
  const message_limits of_message = {1000, 20, 10}, of_frame = {20, 1000, 10};
  const char *both = "BIN \"a\"*20 ; TEXT \"b\"*21";
  expect_in_all_cuts(&of_message, both, "BIN \"a\"*20", WSUV_ETOOBIG);
  expect_in_all_cuts(&of_frame, both, "BIN \"a\"*20", WSUV_ETOOBIG);
}

/* Only what the program gets is counted. */
TEST(test_conn_small_messages_are_counted) {
  SCOPED(conn_rig, r, WS_SERVER);
  assert_int_equal(conn_rig_feed_script(&r, "BIN \"abc\" ; TEXT \"de\""), 0);
  assert_int_equal(r.c.received.messages, 2);
  assert_int_equal(r.c.received.frames, 2);
  assert_int_equal(r.c.received.payload, 5);
  assert_true(r.c.data_received);
  assert_int_equal(conn_rig_feed_script(&r, "TEXT ff"), WSUV_EUTF8);
  assert_int_equal(r.c.received.messages, 2);
  assert_int_equal(r.c.received.payload, 5);
}

/* The mask that the role demands, with every length that fits, is looked at before anything is
   changed. */
TEST(test_conn_small_message_with_the_wrong_mask) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    for (size_t len = 0; len <= CONN_SMALL_MAX; len++) {
      SCOPED(conn_rig, r, (ws_role) role);
      SCOPED_BYTES wire = {0};
      frames_build(&wire,
                   &(frame_spec){.opcode = OPCODE_BINARY, .fin = true, .masked = role == WS_CLIENT},
                   text, len);
      assert_int_equal(conn_rig_feed(&r, wire.base, wire.len), WSUV_EPROTOCOL);
    }
  }
}

/* The text is left as it came, with its mask. */
TEST(test_conn_small_text_that_is_not_utf8_is_left_alone) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    SCOPED_BYTES wire = frames_of("TEXT \"abcdefghijk\" ff \"lmn\"", role == WS_SERVER);
    SCOPED_BYTES before = frames_of("TEXT \"abcdefghijk\" ff \"lmn\"", role == WS_SERVER);
    conn_event ev;
    conn_recv(&r.c, wire.base, wire.len);
    assert_int_equal(conn_next_small(&r.c, &ev), 0);
    assert_true(r.c.work->in == wire.base && r.c.work->in_len == wire.len);
    assert_memory_equal(wire.base, before.base, wire.len);
    assert_int_equal(conn_next_event(&r.c, &ev), WSUV_EUTF8);
  }
}

TEST(test_conn_small_leaves_frames_that_are_logged) {
  SCOPED(conn_rig, r, WS_CLIENT);
  SCOPED_BYTES wire = frames_of("BIN \"a\"", false);
  conn_event ev;
  r.shared.trace = hook;
  conn_recv(&r.c, wire.base, wire.len);
  assert_int_equal(conn_next_small(&r.c, &ev), 0);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
}

/* Bytes that were copied are freed by conn_next_event when they are used. */
TEST(test_conn_small_leaves_bytes_that_were_copied) {
  SCOPED(conn_rig, r, WS_CLIENT);
  SCOPED_BYTES wire = frames_of("BIN \"a\" ; BIN \"b\"", false);
  conn_event ev;
  conn_recv(&r.c, wire.base, wire.len);
  assert_int_equal(conn_next_small(&r.c, &ev), 1);
  assert_int_equal(conn_keep_input(&r.c), 0);
  assert_int_equal(conn_next_small(&r.c, &ev), 0);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
  assert_int_equal(conn_next_event(&r.c, &ev), 0);
  assert_null(r.c.work->kept.base);
}

/* Nothing is left out that frame_header_read finds, and what is not small stays as it is. */
static void expect_as_the_header_says(conn_rig *r, uint8_t byte0, uint8_t byte1, size_t n) {
  uint8_t wire[2 + 8 + 4 + 125] = {byte0, byte1, 1, 2, 3, 4, 5, 6}, before[sizeof wire];
  frame_header h = {.size = 0};
  const char *why;
  conn_event ev;
  conn_work *w = r->c.work;
  memcpy(before, wire, sizeof wire);
  const int head = frame_header_read(&h, wire, n, (ws_role) w->decoder.from, 0, &why);
  const bool small = head > 0 && h.fin && !opcode_is_control(h.opcode) && h.opcode != 0 &&
                     h.length <= CONN_SMALL_MAX && n - h.size >= h.length;
  conn_recv(&r->c, wire, n);
  const int found = conn_next_small(&r->c, &ev);
  assert_that(found == small, "role %d: %02x %02x, %zu bytes: %d", r->role, byte0, byte1, n, found);
  if (small) {
    assert_true(ev.type == CONN_EVENT_MESSAGE && ev.opcode == h.opcode && ev.len == h.length);
    assert_true(ev.data == wire + h.size && w->in == ev.data + ev.len);
    assert_int_equal(w->in_len, n - h.size - h.length);
  } else {
    assert_true(w->in == wire && w->in_len == n && !r->c.data_received);
    assert_memory_equal(wire, before, sizeof wire);
  }
  r->c.data_received = false;
  w->in_len = 0;
}

/* All first two bytes. The payload is ASCII, also without the mask. */
TEST(test_conn_small_finds_what_the_header_says) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    for (unsigned two = 0; two < 0x10000; two++) {
      for (size_t n = 1; n <= 139; n += n < 9 ? 1 : 13) {
        expect_as_the_header_says(&r, (uint8_t) (two >> 8), (uint8_t) two, n);
      }
    }
  }
}
