/* A connection that leaves messages to its owner: frames one by one, and nothing answered. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "support/alloc_failures.h"
#include "support/conn_rig.h"
#include "support/test.h"

typedef conn_rig rig;

static void rig_open(rig *r, ws_role role) {
  conn_rig_open(r, role);
  conn_set_raw(&r->c);
}

static void rig_close(rig *r) {
  conn_rig_close(r);
}

/* --- receiving --- */

static const char all_kinds[] =
    "TEXT \"a\"; BIN{4} ff; PING 01; TEXT-{7} e2; PONG; CONT-; PING; CONT-{1} ff; CONT{2}; TEXT "
    "ff; "
    "BIN- 00~126; PONG 02~125; CONT 03~300; BIN; TEXT-; CONT; CLOSE #4000 \"bye\"";

static void check_pieces(ws_role role, size_t number, pieces how) {
  SCOPED_BYTES in = frames_of(all_kinds, role == WS_SERVER);
  SCOPED(rig, r, role);
  r.cut = number;
  assert_int_equal(conn_rig_feed_pieces(&r, &in, how), 0);
  conn_rig_expect_events(&r, all_kinds);
  conn_rig_expect_sent(&r, "");
  assert_true(r.c.close_received && !r.c.close_sent && !r.c.failed);
}

/* F24: every cut in two. */
TEST(test_conn_raw_gives_every_frame_whatever_the_cut) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED_BYTES in = frames_of(all_kinds, role == WS_SERVER);
    for (size_t cut = 0; cut <= in.len; cut++) {
      check_pieces((ws_role) role, cut, (pieces){.kind = PIECES_AT, .a = cut, .b = in.len});
    }
  }
}

TEST(test_conn_raw_gives_every_frame_in_many_pieces) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    check_pieces((ws_role) role, 0, (pieces){.kind = PIECES_BYTES});
    for (uint32_t seed = 1; seed < 50; seed++) {
      check_pieces((ws_role) role, seed, (pieces){.kind = PIECES_RANDOM, .seed = seed});
    }
  }
}

TEST(test_conn_raw_whole_frames_cost_no_memory) {
  SCOPED(rig, r, WS_CLIENT);
  uint64_t calls = r.alloc.calls;
  assert_int_equal(
      conn_rig_feed_script(&r, "BIN- 00~5000; CONT-{4} 01~5000; PING; CONT 02; TEXT ff~70000"), 0);
  assert_int_equal(r.alloc.calls, calls);
}

/* A message of any length needs no more than its largest frame. */
TEST(test_conn_raw_fragments_are_not_kept) {
  SCOPED(rig, r, WS_CLIENT);
  SCOPED_BYTES first = frames_of("BIN- 00~9000", false);
  SCOPED_BYTES next = frames_of("CONT- 00~9000", false);
  for (int i = 0; i < 3000; i++) {
    const pieces how = {.kind = PIECES_AT, .a = 4000, .b = 9004};
    assert_int_equal(conn_rig_feed_pieces(&r, i == 0 ? &first : &next, how), 0);
    r.events.len = 0;
  }
  assert_true(r.alloc.peak_bytes < 4 * 9000);
  assert_int_equal(r.c.received.frames, 3000);
  assert_int_equal(r.c.received.messages, 0);
}

/* Wherever it wants to be read, or in pieces of the caller's. */
static void read_in_place(rig *r, const bytes *in) {
  uint8_t buf[1000];
  for (size_t at = 0; at < in->len;) {
    uint8_t *dst = buf;
    size_t n = conn_recv_target(&r->c, 2000, &dst);
    if (n == 0) dst = buf, n = sizeof buf;
    if (n > in->len - at) n = in->len - at;
    memcpy(dst, in->base + at, n);
    conn_recv(&r->c, dst, n);
    assert_int_equal(conn_rig_take(r), 0);
    at += n;
  }
}

TEST(test_conn_raw_reads_large_frames_in_place) {
  static const char script[] = "BIN-{4} \"0123456789a\"~100000; PING; CONT- 01~30; "
                               "CONT{1} \"fedcba98765\"~300000; TEXT ff~50000";
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(rig, r, (ws_role) role);
    SCOPED_BYTES in = frames_of(script, role == WS_SERVER);
    read_in_place(&r, &in);
    conn_rig_expect_events(&r, script);
    assert_true(r.alloc.peak_bytes < 700000);
  }
}

TEST(test_conn_raw_length_only_announced_allocates_nothing) {
  static const uint8_t header[] = {0xf2, 127, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff};
  SCOPED(rig, r, WS_CLIENT);
  size_t before = r.alloc.live_bytes;
  assert_int_equal(conn_rig_feed(&r, header, sizeof header), 0);
  assert_int_equal(r.alloc.live_bytes, before);
  assert_int_equal(conn_rig_feed(&r, (const uint8_t *) "some", 4), 0);
  assert_true(r.alloc.live_bytes - before < 8192);
}

TEST(test_conn_raw_goes_on_from_input_that_was_kept) {
  conn_event ev;
  SCOPED(rig, r, WS_CLIENT);
  SCOPED_BYTES in = frames_of(all_kinds, false);
  uint8_t *copy = bytes_exact(in.base, in.len);
  conn_recv(&r.c, copy, in.len);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(conn_next_event(&r.c, &ev), 1);
    assert_int_equal(conn_rig_note(&r, &ev), 0);
  }
  assert_int_equal(conn_keep_input(&r.c), 0);
  memset(copy, 0xee, in.len);
  free(copy);
  assert_int_equal(conn_rig_take(&r), 0);
  conn_rig_expect_events(&r, all_kinds);
}

typedef struct violation {
  const char *frames, *before;
  int err;
} violation;

static const message_limits tight = {1000, 500, 2};

TEST(test_conn_raw_fails_what_is_against_the_rules) {
  static const violation violations[] = {
      {"PING{4}", "", WSUV_EPROTOCOL},
      {"PONG{1} 00", "", WSUV_EPROTOCOL},
      {"CLOSE{2} #1000", "", WSUV_EPROTOCOL},
      {"PING- 00", "", WSUV_EPROTOCOL},
      {"PING 00~126", "", WSUV_EPROTOCOL},
      {"OP3{4}", "", WSUV_EPROTOCOL},
      {"OP11", "", WSUV_EPROTOCOL},
      {"TEXT^ \"a\"", "", WSUV_EPROTOCOL},
      {"CONT{4}", "", WSUV_EPROTOCOL},
      {"TEXT-; CONT; CONT", "TEXT-; CONT", WSUV_EPROTOCOL},
      {"TEXT-{4}; PING; BIN", "TEXT-{4}; PING", WSUV_EPROTOCOL},
      {"BIN:16 00~125", "", WSUV_EPROTOCOL},
      {"CLOSE 03", "", WSUV_EPROTOCOL},
      {"CLOSE #1006", "", WSUV_EPROTOCOL},
      {"CLOSE #1000 ff", "", WSUV_EUTF8},
      {"BIN 00~1001", "", WSUV_ETOOBIG},
      {"BIN- 00~500; CONT 00~501", "BIN- 00~500", WSUV_ETOOBIG},
  };
  for (size_t i = 0; i < COUNT_OF(violations); i++) {
    for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
      SCOPED(rig, r, (ws_role) role);
      r.c.limits = &tight;
      r.cut = i;
      assert_int_equal(conn_rig_feed_script(&r, violations[i].frames), violations[i].err);
      conn_rig_expect_error(&r, violations[i].before, violations[i].err);
      assert_true(r.c.failed && r.c.close_sent);
      conn_rig_expect_gives(&r, "TEXT \"no more\"", "");
    }
  }
}

TEST(test_conn_raw_does_not_count_fragments) {
  SCOPED(rig, r, WS_CLIENT);
  r.c.limits = &tight;
  assert_int_equal(conn_rig_feed_script(&r, "TEXT- ff~500"), 0);
  for (int i = 0; i < 100; i++)
    assert_int_equal(conn_rig_feed_script(&r, "CONT- ff~500; CONT-"), 0);
  assert_int_equal(conn_rig_feed_script(&r, "CONT ff~500"), 0);
  assert_int_equal(r.c.received.frames, 202);
  assert_int_equal(r.c.received.messages, 1);
}

TEST(test_conn_raw_tells_of_data_that_came) {
  SCOPED(rig, r, WS_CLIENT);
  assert_int_equal(conn_rig_feed_script(&r, "PING; PONG 01"), 0);
  assert_false(r.c.data_received);
  assert_int_equal(conn_rig_feed_script(&r, "TEXT- 01"), 0);
  assert_true(r.c.data_received);
}

/* --- closing --- */

/* conn_rig_take sees that what comes behind the close frame is used up, too. */
TEST(test_conn_raw_reads_nothing_behind_a_close) {
  SCOPED(rig, r, WS_CLIENT);
  conn_rig_expect_gives(&r, "PING; CLOSE #1000; TEXT \"a\"; OP3", "PING; CLOSE #1000");
  conn_rig_expect_gives(&r, "TEXT \"a\"; OP3; CLOSE", "");
  assert_false(r.c.failed);
  conn_rig_expect_sent(&r, "");
}

static void assert_no_send(rig *r) {
  assert_int_equal(conn_send(&r->c, OPCODE_TEXT, true, "t", 1), WSUV_ESTATE);
  assert_int_equal(conn_send(&r->c, OPCODE_BINARY, false, "t", 1), WSUV_ESTATE);
  assert_int_equal(conn_send(&r->c, OPCODE_PING, true, "t", 1), WSUV_ESTATE);
  assert_int_equal(conn_send(&r->c, OPCODE_PONG, true, "t", 1), WSUV_ESTATE);
}

TEST(test_conn_raw_sends_only_the_answer_after_a_close) {
  SCOPED(rig, r, WS_CLIENT);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "before", 6), 0);
  assert_int_equal(conn_rig_feed_script(&r, "CLOSE #1001"), 0);
  assert_no_send(&r);
  assert_int_equal(conn_close(&r.c, 1005, "x", 1), WSUV_ECLOSECODE);
  assert_int_equal(conn_close(&r.c, 4000, "why", 3), 0);
  assert_int_equal(conn_close(&r.c, 1000, NULL, 0), 0);
  assert_no_send(&r);
  assert_int_equal(r.c.sent_code, 4000);
  assert_int_equal(r.c.peer_code, 1001);
  conn_rig_expect_sent(&r, "TEXT \"before\"; CLOSE #4000 \"why\"");
}

TEST(test_conn_raw_answers_with_an_empty_close) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(rig, r, (ws_role) role);
    conn_rig_expect_gives(&r, "CLOSE", "CLOSE");
    assert_int_equal(conn_close(&r.c, WSUV_CLOSE_NO_STATUS, NULL, 0), 0);
    assert_int_equal(r.c.sent_code, WSUV_CLOSE_NO_STATUS);
    conn_rig_expect_sent(&r, "CLOSE");
  }
}

TEST(test_conn_raw_gives_frames_after_our_close) {
  SCOPED(rig, r, WS_CLIENT);
  assert_int_equal(conn_close(&r.c, 1000, NULL, 0), 0);
  conn_rig_expect_gives(&r, "TEXT-{4} \"a\"; PING; CONT; CLOSE #1000",
                        "TEXT-{4} \"a\"; PING; CONT; CLOSE #1000");
  conn_rig_expect_sent(&r, "CLOSE #1000");
}

/* --- sending --- */

static int send_rsv(rig *r, frame_opcode type, bool fin, uint8_t rsv, const char *text) {
  const ws_view piece = {(const uint8_t *) text, strlen(text)};
  const conn_frame frame = {
      .type = type, .fin = fin, .rsv = rsv, .pieces = &piece, .count = 1, .len = piece.len};
  return conn_send_frame(&r->c, &frame);
}

TEST(test_conn_raw_sends_rsv_bits_and_any_text) {
  SCOPED(rig, r, WS_CLIENT);
  assert_int_equal(send_rsv(&r, OPCODE_TEXT, true, FRAME_RSV1, "\xff"), 0);
  assert_int_equal(send_rsv(&r, OPCODE_BINARY, false, FRAME_RSV2, "a"), 0);
  assert_int_equal(send_rsv(&r, OPCODE_TEXT, false, FRAME_RSV2, "a"), WS_EINVAL);
  assert_int_equal(send_rsv(&r, OPCODE_BINARY, false, 0, ""), 0);
  assert_int_equal(send_rsv(&r, OPCODE_BINARY, true, FRAME_RSV3, "b"), 0);
  assert_int_equal(send_rsv(&r, OPCODE_TEXT, false, 0, "\xe2"), 0);
  assert_int_equal(send_rsv(&r, OPCODE_TEXT, true, 0, "\x28"), 0);
  assert_int_equal(send_rsv(&r, OPCODE_PING, true, FRAME_RSV1, "a"), WS_EINVAL);
  assert_int_equal(send_rsv(&r, OPCODE_PONG, true, FRAME_RSV3, "a"), WS_EINVAL);
  conn_rig_expect_sent(&r, "TEXT{4} ff; BIN-{2} \"a\"; CONT-; CONT{1} \"b\"; TEXT- e2; CONT 28");
}

TEST(test_conn_default_sends_no_rsv_bits) {
  SCOPED(conn_rig, r, WS_CLIENT);
  for (uint8_t rsv = 1; rsv < 8; rsv++) {
    assert_int_equal(send_rsv(&r, OPCODE_TEXT, true, rsv, "a"), WS_EINVAL);
    assert_int_equal(send_rsv(&r, OPCODE_BINARY, false, rsv, "a"), WS_EINVAL);
    assert_int_equal(send_rsv(&r, OPCODE_PING, true, rsv, "a"), WS_EINVAL);
  }
  assert_int_equal(send_rsv(&r, OPCODE_TEXT, true, 0, "a"), 0);
  conn_rig_expect_sent(&r, "TEXT \"a\"");
}

typedef struct dumped {
  bytes payload;
  size_t headers, calls;
} dumped;

static void trace(void *arg, bool outgoing, const frame_header *h) {
  dumped *d = arg;
  (void) outgoing;
  (void) h;
  d->headers++;
}

static void dump(void *arg, bool outgoing, size_t offset, const uint8_t *payload, size_t len) {
  dumped *d = arg;
  assert_true(outgoing);
  assert_int_equal(offset, d->payload.len);
  bytes_add(&d->payload, payload, len);
  d->calls++;
}

/* As much as is wanted of what comes first in a frame, 64 bytes in a call. */
static void check_dump_of_pieces(size_t wanted) {
  static const size_t lengths[] = {1, 7, 64, 65, 1000};
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    dumped d = {0};
    ws_view parts[100];
    static uint8_t payload[100 * 1000];
    SCOPED(rig, r, WS_CLIENT);
    r.shared.trace = trace;
    r.shared.dump = dump;
    r.shared.dump_max = wanted;
    r.work.trace_arg = &d;
    for (size_t j = 0; j < sizeof payload; j++) payload[j] = (uint8_t) (j * 7);
    for (size_t j = 0; j < 100; j++)
      parts[j] = (ws_view){j % 2 != 0 ? payload + j / 2 * lengths[i] : NULL, j % 2 * lengths[i]};
    const conn_frame frame = {
        .type = OPCODE_BINARY, .fin = true, .pieces = parts, .count = 100, .len = 50 * lengths[i]};
    assert_int_equal(conn_send_frame(&r.c, &frame), 0);
    const size_t calls = d.calls;
    assert_int_equal(d.payload.len, wanted < frame.len ? wanted : frame.len);
    assert_int_equal(calls, (d.payload.len + 63) / 64);
    if (d.payload.len > 0) assert_memory_equal(d.payload.base, payload, d.payload.len);
    const conn_frame empty = {.type = OPCODE_BINARY, .fin = true, .pieces = parts, .count = 1};
    assert_int_equal(conn_send_frame(&r.c, &empty), 0);
    assert_int_equal(d.calls, calls);
    assert_int_equal(d.headers, 2);
    bytes_free(&d.payload);
  }
}

TEST(test_conn_dumps_what_comes_first_of_pieces) {
  static const size_t wanted[] = {0, 1, 63, 64, 65, 200, SIZE_MAX};
  for (size_t i = 0; i < COUNT_OF(wanted); i++) check_dump_of_pieces(wanted[i]);
}

/* --- memory --- */

/* F46: events come up to there, and no others. */
TEST(test_conn_raw_without_memory_fails_and_leaks_nothing) {
  static const char script[] = "BIN- 00~3000; CONT-{4} 01~9000; PING; CONT 02~3000; TEXT ff~20000";
  SCOPED_BYTES in = frames_of(script, false);
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(rig, r, WS_CLIENT);
    alloc_failures_begin(&f, &r.alloc);
    int err = conn_rig_feed_pieces(&r, &in, (pieces){.kind = PIECES_OF, .a = 1100});
    bool failed = alloc_failures_end(&f, &r.alloc);
    r.cut = (size_t) f.n;
    assert_that(err == (failed ? WS_ENOMEM : 0), "allocation %zu: %d", r.cut, err);
    assert_that(r.c.failed == failed, "allocation %zu", r.cut);
    if (!failed) conn_rig_expect_events(&r, script);
    assert_true(failed || f.n > 2);
  }
}
