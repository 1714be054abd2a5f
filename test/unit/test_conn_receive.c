/* Events, limits, input that is kept, and payloads that are read in place. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "support/conn_rig.h"
#include "support/test.h"

/* Events. */

TEST(test_conn_gives_events_of_each_kind) {
  const char *script = "TEXT \"a\" ; BIN ff ; PING \"p\" ; PONG \"q\" ; PING ; CLOSE #4000 \"bye\"";
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    conn_rig_expect_gives(&r, script, script);
    conn_rig_expect_written(&r, "PONG \"p\" ; PONG ; CLOSE #4000");
    assert_true(r.c.close_received && r.c.close_sent && !r.c.failed);
    assert_int_equal(r.c.sent_code, 4000);
  }
}

TEST(test_conn_message_in_one_piece_is_a_slice_of_the_input) {
  conn_event ev;
  SCOPED(conn_rig, r, WS_CLIENT);
  SCOPED_BYTES in = frames_of("BIN \"x\"*5000 ; TEXT \"y\"", false);
  uint64_t calls = r.alloc.calls;
  conn_recv(&r.c, in.base, in.len);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
  assert_ptr_equal(ev.data, in.base + 4);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
  assert_ptr_equal(ev.data, in.base + 4 + 5000 + 2);
  assert_int_equal(conn_next_event(&r.c, &ev), 0);
  assert_int_equal(r.alloc.calls, calls);
}

/* The data of an event is there until the next event is asked for, whatever is called before. */
TEST(test_conn_event_keeps_its_data_when_the_connection_fails) {
  conn_event ev, other;
  conn_work work;
  conn c;
  SCOPED(conn_rig, r, WS_CLIENT);
  conn_init(&c, WS_CLIENT, true, &conn_rig_limits);
  conn_rig_work(&c, &work, &r.shared);
  SCOPED_BYTES in = frames_of("BIN- \"x\"*2000 ; CONT \"x\"*2000", false);
  SCOPED_BYTES others = frames_of("BIN- \"z\"*1500 ; CONT \"z\"*1500", false);
  conn_recv(&r.c, in.base, in.len);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
  assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, ev.data, ev.len), 0);
  conn_fail(&r.c, WSUV_EIDLE, "idle");
  conn_recv(&c, others.base, others.len);
  assert_int_equal(conn_next_event(&c, &other), 1);
  for (size_t i = 0; i < ev.len; i++) assert_that(ev.data[i] == 'x', "byte %zu is another", i);
  assert_int_equal(conn_next_event(&c, &other), 0);
  assert_int_equal(conn_next_event(&r.c, &ev), 0);
  conn_free(&c);
}

/* Take one event, have the rest kept, and the caller's memory gone. */
static void take_one_and_keep(conn_rig *r, const char *script) {
  conn_event ev;
  SCOPED_BYTES in = frames_of(script, r->role == WS_SERVER);
  uint8_t *copy = bytes_exact(in.base, in.len);
  conn_recv(&r->c, copy, in.len);
  assert_int_equal(conn_next_event(&r->c, &ev), 1);
  assert_int_equal(conn_rig_note(r, &ev), 0);
  assert_true(conn_has_input(&r->c));
  assert_int_equal(conn_keep_input(&r->c), 0);
  assert_int_equal(conn_keep_input(&r->c), 0); /* kept already */
  memset(copy, 0xee, in.len);
  free(copy);
}

TEST(test_conn_goes_on_from_input_that_was_kept) {
  static const char script[] =
      "TEXT \"a\" ; TEXT- \"b\" ; PING \"p\" ; CONT \"c\" ; BIN 00*500 ; PONG";
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    take_one_and_keep(&r, script);
    conn_rig_expect_events(&r, "TEXT \"a\"");
    assert_int_equal(conn_rig_take(&r), 0);
    conn_rig_expect_events(&r, "PING \"p\" ; TEXT \"bc\" ; BIN 00*500 ; PONG");
    assert_false(conn_has_input(&r.c));
    assert_null(r.c.work->kept.base);
    conn_rig_expect_gives(&r, "TEXT \"d\"", "TEXT \"d\"");
  }
}

TEST(test_conn_keeps_a_frame_that_is_not_whole) {
  SCOPED(conn_rig, r, WS_CLIENT);
  take_one_and_keep(&r, "TEXT \"a\" ; TEXT- \"b\"");
  assert_int_equal(conn_rig_take(&r), 0);
  SCOPED_BYTES rest = frames_of("CONT \"c\"", false);
  for (size_t i = 0; i < rest.len; i++) assert_int_equal(conn_rig_feed(&r, rest.base + i, 1), 0);
  conn_rig_expect_events(&r, "TEXT \"a\" ; TEXT \"bc\"");
}

TEST(test_conn_with_nothing_left_keeps_nothing) {
  SCOPED(conn_rig, r, WS_CLIENT);
  assert_int_equal(conn_keep_input(&r.c), 0);
  assert_int_equal(conn_rig_feed_script(&r, "BIN 00"), 0);
  uint64_t calls = r.alloc.calls;
  assert_int_equal(conn_keep_input(&r.c), 0);
  assert_int_equal(r.alloc.calls, calls);
}

/* The memory of the last is used again. */
TEST(test_conn_keeps_input_again_and_again_in_one_block) {
  SCOPED(conn_rig, r, WS_CLIENT);
  take_one_and_keep(&r, "BIN 00 ; BIN 01*100");
  assert_int_equal(conn_rig_take(&r), 0);
  uint64_t calls = r.alloc.calls;
  for (int i = 0; i < 50; i++) {
    take_one_and_keep(&r, "BIN 00 ; BIN 01*100");
    assert_int_equal(conn_rig_take(&r), 0);
  }
  assert_int_equal(r.alloc.calls, calls);
}

TEST(test_conn_gives_back_input_that_was_kept) {
  for (int how = 0; how < 4; how++) {
    conn_event ev;
    SCOPED(conn_rig, r, WS_CLIENT);
    take_one_and_keep(&r, "TEXT \"a\" ; TEXT \"b\" ; TEXT \"c\"");
    if (how == 1) conn_fail(&r.c, WSUV_EIDLE, "idle");
    if (how == 2) assert_int_equal(conn_next_event(&r.c, &ev), 1);
    if (how == 3) conn_recv(&r.c, NULL, 0);
    if (how == 1) assert_int_equal(conn_next_event(&r.c, &ev), 0);
    assert_int_equal(r.c.work->kept.base == NULL, how == 1 || how == 3);
  }
}

TEST(test_conn_without_memory_keeps_no_input) {
  conn_event ev;
  SCOPED(conn_rig, r, WS_CLIENT);
  SCOPED_BYTES in = frames_of("TEXT \"a\" ; TEXT \"b\"", false);
  conn_recv(&r.c, in.base, in.len);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
  r.alloc.fail_at = r.alloc.calls + 1;
  assert_int_equal(conn_keep_input(&r.c), WS_ENOMEM);
  assert_int_equal(conn_rig_take(&r), 0); /* it is where it was */
  conn_rig_expect_events(&r, "TEXT \"b\"");
}

TEST(test_conn_tells_of_data_that_came) {
  SCOPED(conn_rig, r, WS_CLIENT);
  assert_int_equal(conn_rig_feed_script(&r, "PING ; PONG"), 0);
  assert_false(r.c.data_received);
  for (const char *p = "\x82\x02xy"; *p != '\0'; p++) {
    r.c.data_received = false;
    assert_int_equal(conn_rig_feed(&r, (const uint8_t *) p, 1), 0);
    assert_int_equal(r.c.data_received, *p != '\x82'); /* half a header tells nothing yet */
  }
}

TEST(test_conn_idle_holds_no_memory) {
  SCOPED(conn_rig, r, WS_SERVER);
  assert_int_equal(r.alloc.live, 0);
  assert_int_equal(conn_rig_feed(&r, NULL, 0), 0);
  assert_int_equal(r.alloc.live, 0);
}

/* Until the last piece has come, something is under way. */
TEST(test_conn_control_frame_in_pieces_needs_no_memory) {
  SCOPED_BYTES in = frames_of("PONG \"x\"*125", false);
  for (size_t cut = 3; cut < in.len; cut++) {
    SCOPED(conn_rig, r, WS_CLIENT);
    assert_int_equal(conn_rig_feed(&r, in.base, cut), 0);
    assert_true(conn_works(&r.work));
    assert_int_equal(conn_rig_feed(&r, in.base + cut, in.len - cut), 0);
    conn_rig_expect_events(&r, "PONG \"x\"*125");
    assert_false(conn_works(&r.work));
    assert_int_equal(r.alloc.calls, 0);
  }
}

TEST(test_conn_reads_nothing_after_an_error) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    assert_int_equal(conn_rig_feed_script(&r, "OP3 ; TEXT \"a\""), WSUV_EPROTOCOL);
    conn_rig_expect_error(&r, "", WSUV_EPROTOCOL);
    size_t events = r.events.len;
    assert_int_equal(conn_rig_feed_script(&r, "PING ; TEXT \"a\" ; CLOSE #1000 ; OP3"), 0);
    assert_int_equal(r.events.len, events);
    conn_rig_expect_written(&r, "CLOSE #1002");
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), WSUV_ESTATE);
    assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
    conn_rig_expect_written(&r, "");
  }
}

TEST(test_conn_error_is_told_after_what_is_queued) {
  SCOPED(conn_rig, r, WS_SERVER);
  r.keep = true;
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), 0);
  assert_int_equal(conn_rig_feed_script(&r, "PING \"p\" ; TEXT^ \"unmasked\""), WSUV_EPROTOCOL);
  conn_rig_expect_written(&r, "PONG \"p\" ; TEXT \"x\" ; CLOSE #1002");
}

/* F16, F17, F18, F20. */
static void expect_limit(const message_limits *limits, const char *script, const char *events,
                         int err) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    char answer[32];
    SCOPED(conn_rig, r, (ws_role) role);
    r.c.limits = limits;
    assert_int_equal(conn_rig_feed_script(&r, script), err);
    conn_rig_expect_error(&r, events, err);
    (void) snprintf(answer, sizeof answer, "CLOSE #%u", close_code_for_error(err));
    conn_rig_expect_written(&r, answer);
  }
}

TEST(test_conn_fails_what_is_beyond_a_limit) {
  const message_limits limits = {200, 300, 4};
  expect_limit(&limits, "BIN \"x\"*200 ; BIN \"x\"*201", "BIN \"x\"*200", WSUV_ETOOBIG);
  expect_limit(&limits, "BIN- \"x\"*200 ; CONT \"x\"*101", "", WSUV_ETOOBIG);
  expect_limit(&limits, "BIN- ; CONT- ; PONG ; CONT- ; CONT ; BIN- ; CONT- ; CONT- ; CONT- ; CONT",
               "PONG ; BIN", WSUV_EFRAGMENTS);
}

TEST(test_conn_length_only_announced_allocates_nothing) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED_BYTES in = {0};
    uint8_t *dst;
    frame_spec spec = {.opcode = 2, .fin = true, .masked = role == WS_SERVER};
    SCOPED(conn_rig, r, (ws_role) role);
    static const message_limits none = {UINT64_MAX, SIZE_MAX, UINT32_MAX};
    r.c.limits = &none;
    frames_header(&in, &spec, 0x7fffffff);
    assert_int_equal(conn_rig_feed(&r, in.base, in.len), 0);
    assert_int_equal(r.alloc.live, 0);
    (void) conn_recv_target(&r.c, 65536, &dst);
    assert_that(r.alloc.live_bytes <= 2 * 65536, "%zu bytes for none", r.alloc.live_bytes);
  }
}

/* Reading in place. */

typedef struct place_test {
  const char *script;
  size_t least;
  size_t most; /* bytes that one read gives */
} place_test;

/* Bytes that may be read in place from `at` on: the rest of the payload of a data frame, if it is
   large; and the next header if the frame is large and another one of its message follows. */
static size_t wanted_at(const bytes *in, size_t at, size_t least) {
  seen_frame f;
  size_t begin = 0, size = 0, wanted = 0;
  SCOPED_BYTES copy = {0};
  bytes_add(&copy, in->base, in->len);
  for (; (size = frames_parse(&f, copy.base + begin, copy.len - begin)) != 0; begin += size) {
    const size_t payload = begin + f.header_size, end = begin + size;
    const bool goes_on = !f.spec.fin && end - payload > least;
    if (f.spec.opcode >= 8 || at < payload || at > end) continue;
    if (goes_on) return end - at + f.header_size;
    if (end - at > least) wanted = end - at;
  }
  return wanted;
}

static size_t read_once(conn_rig *r, const bytes *in, size_t at, const place_test *t,
                        uint64_t *seed) {
  uint8_t *dst = NULL, *copy = NULL;
  size_t room = conn_recv_target(&r->c, t->least, &dst);
  size_t wanted = wanted_at(in, at, t->least);
  assert_that(room != 0 || wanted == 0 || r->c.work->incoming.assembled.len == 0,
              "at %zu: no room, %zu bytes are wanted", at, wanted);
  assert_that(room <= wanted, "at %zu: room %zu for %zu", at, room, wanted);
  size_t n = 1 + seeded_below(seed, t->most);
  if (seeded_below(seed, 3) == 0) n = t->most;
  if (room != 0 && n > room) n = room;
  if (room == 0 && n > t->least) n = t->least;
  if (n > in->len - at) n = in->len - at;
  if (room != 0)
    memcpy(dst, in->base + at, n);
  else
    dst = copy = bytes_exact(in->base + at, n);
  assert_that(r->alloc.live_bytes <= 2 * at + BUFQ_CHUNK_SIZE + 65536 + 2 * t->least,
              "at %zu: %zu bytes", at, r->alloc.live_bytes);
  conn_recv(&r->c, dst, n);
  assert_int_equal(conn_rig_take(r), 0);
  free(copy);
  return n;
}

static void run_in_place(const place_test *t, const char *events, ws_role role, uint64_t seed) {
  SCOPED(conn_rig, r, role);
  SCOPED_BYTES in = frames_of(t->script, role == WS_SERVER);
  for (size_t at = 0; at < in.len;) at += read_once(&r, &in, at, t, &seed);
  conn_rig_expect_events(&r, events != NULL ? events : t->script);
}

TEST(test_conn_reads_large_payloads_in_place) {
  static const place_test tests[] = {
      {"BIN \"0123456789abc\"~5000 ; TEXT \"after\"", 100, 400},
      {"TEXT \"0123456789abc\"~5000 ; PING ; BIN \"xyz\"~101", 100, 100000},
      {"TEXT- cebae1bdb9cf83~1400 ; PING \"p\" ; CONT \"uvw\"~3001 ; BIN \"z\"~150", 64, 333},
      {"BIN- \"abc\"~50 ; PING \"pq\"~125 ; CONT \"def\"~100", 10, 20},
      {"BIN \"abc\"~100", 100, 1000},
      {"BIN \"abc\"~101", 100, 7},
      {"BIN \"abc\"~65535 ; BIN \"abcd\"~65536 ; BIN \"abcde\"~65537", 1000, 9000},
      {"BIN- \"abc\"~66000 ; CONT- \"def\"~66000 ; PING ; CONT- \"gh\"~5000 ; CONT \"ij\"~300", 200,
       100000},
      {"TEXT- \"abc\"~66000 ; CONT- \"d\" ; PING \"p\" ; CONT- ; CONT \"ef\" ; BIN 00", 200,
       100000},
      {"BIN- \"abc\"~66000 ; CONT \"d\" ; BIN 01 ; PING \"p\" ; TEXT- \"e\"~300 ; CONT", 200,
       100000},
  };
  static const char *const events[] = {
      NULL,
      NULL,
      "PING \"p\" ; TEXT cebae1bdb9cf83~1400 \"uvw\"~3001 ; BIN \"z\"~150",
      "PING \"pq\"~125 ; BIN \"abc\"~50 \"def\"~100",
      NULL,
      NULL,
      NULL,
      "PING ; BIN \"abc\"~66000 \"def\"~66000 \"gh\"~5000 \"ij\"~300",
      "PING \"p\" ; TEXT \"abc\"~66000 \"def\" ; BIN 00",
      "BIN \"abc\"~66000 \"d\" ; BIN 01 ; PING \"p\" ; TEXT \"e\"~300"};
  for (size_t i = 0; i < COUNT_OF(tests); i++) {
    for (uint64_t seed = 0; seed < 10; seed++) {
      run_in_place(&tests[i], events[i], WS_CLIENT, seed);
      run_in_place(&tests[i], events[i], WS_SERVER, seed);
    }
  }
}

/* Whatever a read gives at most, it ends where a payload begins. */
TEST(test_conn_reads_large_fragments_in_place_whole) {
  static const char script[] = "BIN- \"a\"~70000 ; CONT- \"b\"~70000 ; CONT \"c\"~70000";
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    SCOPED_BYTES in = frames_of(script, role == WS_SERVER);
    for (int round = 0; round < 2; round++) {
      size_t reads = 0, room;
      assert_int_equal(conn_rig_feed(&r, in.base, 1000), 0);
      for (size_t at = 1000; at < in.len; at += room, reads++) {
        uint8_t *dst;
        room = conn_recv_target(&r.c, 16384, &dst);
        assert_that(room > 0 && room <= in.len - at, "at %zu: room %zu", at, room);
        memcpy(dst, in.base + at, room);
        conn_recv(&r.c, dst, room);
        assert_int_equal(conn_rig_take(&r), 0);
      }
      if (round > 0) assert_int_equal(reads, 3); /* the block of the first one was large enough */
      conn_rig_expect_events(&r, "BIN \"a\"~70000 \"b\"~70000 \"c\"~70000");
    }
  }
}

/* What was read behind a message is kept if the message is released before. */
TEST(test_conn_without_memory_for_what_was_read_behind_a_message_fails) {
  uint8_t *dst;
  SCOPED(conn_rig, r, WS_CLIENT);
  SCOPED_BYTES in = frames_of("BIN- \"a\"~70000 ; CONT \"b\" ; TEXT \"c\"", false);
  assert_int_equal(conn_rig_feed(&r, in.base, 70000), 0);
  const size_t rest = in.len - 70000;
  assert_true(conn_recv_target(&r.c, 16384, &dst) >= rest);
  memcpy(dst, in.base + 70000, rest);
  r.alloc.fail_at = r.alloc.calls + 1;
  conn_recv(&r.c, dst, rest);
  assert_int_equal(conn_rig_take(&r), WS_ENOMEM);
  conn_rig_expect_error(&r, "BIN \"a\"~70000 \"b\"", WS_ENOMEM);
}

/* A ping that was read behind a fragment, into the block of its message, is the program's until it
   asks for more, even if the connection has failed meanwhile and the block is another's. */
TEST(test_conn_keeps_a_ping_that_was_read_behind_a_fragment) {
  static const uint8_t others[80000];
  uint8_t *dst;
  conn_event ev;
  block other = {0};
  SCOPED(conn_rig, r, WS_CLIENT);
  SCOPED_BYTES in = frames_of("BIN- \"a\"~70000 ; PING \"hi\"", false);
  assert_int_equal(conn_rig_feed(&r, in.base, 60000), 0);
  int events = 0;
  for (size_t at = 60000, room; at < in.len; at += room) {
    assert_int_equal(events, 0);
    room = conn_recv_target(&r.c, 1000, &dst);
    assert_true(room > 0);
    if (room > in.len - at) room = in.len - at;
    memcpy(dst, in.base + at, room);
    conn_recv(&r.c, dst, room);
    events = conn_next_event(&r.c, &ev);
  }
  assert_int_equal(events, 1);
  assert_int_equal(ev.type, CONN_EVENT_PING);
  conn_fail(&r.c, WSUV_EQUEUEFULL, "outgoing queue is full");
  assert_int_equal(block_reserve(&other, &r.shared.spare, sizeof others, sizeof others), 0);
  memcpy(other.base, others, sizeof others);
  assert_int_equal(ev.len, 2);
  assert_memory_equal(ev.data, "hi", 2);
  block_release(&other, &r.shared.spare);
}

TEST(test_conn_reads_megabytes_in_place_within_twice_their_size) {
  static const place_test tests[] = {
      {"BIN \"0123456789abc\"~5000001 ; TEXT \"after\"", 65536, 1000000},
      {"BIN- \"0123456789abc\"~2000000 ; CONT \"0123456\"~1500000", 65536, 65536 * 4},
  };
  run_in_place(&tests[0], NULL, WS_CLIENT, 1);
  run_in_place(&tests[0], NULL, WS_SERVER, 2);
  run_in_place(&tests[1], "BIN \"0123456789abc\"~2000000 \"0123456\"~1500000", WS_SERVER, 3);
}

TEST(test_conn_checks_text_that_is_read_in_place) {
  uint8_t *dst;
  SCOPED_BYTES in = {0};
  frame_spec spec = {.opcode = 1, .fin = true, .masked = true, .key = {1, 2, 3, 4}};
  SCOPED(conn_rig, r, WS_SERVER);
  frames_header(&in, &spec, 10000);
  bytes_add(&in, "\x60\x60\x60\x60", 4); /* a b c d */
  assert_int_equal(conn_rig_feed(&r, in.base, in.len), 0);
  size_t room = conn_recv_target(&r.c, 100, &dst);
  assert_true(room >= 4);
  memcpy(dst, "\x60\x60\xfc\x65", 4); /* a b ff a */
  conn_recv(&r.c, dst, 4);
  assert_int_equal(conn_rig_take(&r), WSUV_EUTF8);
  assert_int_equal(conn_recv_target(&r.c, 100, &dst), 0);
}
