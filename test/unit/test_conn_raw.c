/* A connection that leaves messages to its owner: frames one by one, and nothing answered. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/frame/conn.h"
#include "support/fake_env.h"
#include "support/frames.h"
#include "support/test.h"
#include "support/track_alloc.h"

typedef struct rig {
  track_alloc alloc;
  fake_env env;
  conn_shared shared;
  conn c;
  ws_role role;
  bytes events; /* a line for each */
} rig;

static const message_limits usual = {0x7fffffff, 16 << 20, 131072};

static void rig_open_limited(rig *r, ws_role role, const message_limits *limits) {
  *r = (rig){.role = role};
  track_alloc_init(&r->alloc);
  fake_env_init(&r->env, &r->alloc.handle, 1);
  conn_shared_init(&r->shared, &r->env.base);
  conn_init(&r->c, &r->shared, role, role == WS_CLIENT, limits, NULL);
  conn_set_raw(&r->c);
}

static void rig_open(rig *r, ws_role role) {
  rig_open_limited(r, role, &usual);
}

static void rig_close(rig *r) {
  conn_free(&r->c);
  conn_shared_free(&r->shared);
  assert_int_equal(r->alloc.live, 0);
  bytes_free(&r->events);
}

static void note_close(rig *r, const conn_event *ev) {
  SCOPED_BYTES p = {0};
  bytes_add(&p, "", 0);
  if (ev->close_code != WSUV_CLOSE_NO_STATUS) {
    assert_int_equal(ev->data[-2] << 8 | ev->data[-1], ev->close_code); /* what lies before */
    bytes_add(&p, ev->data - 2, 2);
  }
  bytes_add(&p, ev->data, ev->len);
  frames_render(&r->events, 8, true, 0, p.base, p.len);
}

static void note(rig *r, const conn_event *ev) {
  switch (ev->type) {
  case CONN_EVENT_FRAME:
    assert_true(ev->opcode == OPCODE_TEXT || ev->opcode == OPCODE_BINARY);
    frames_render(&r->events, ev->continuation ? 0 : ev->opcode, ev->fin, ev->rsv, ev->data,
                  ev->len);
    break;
  case CONN_EVENT_PING: frames_render(&r->events, 9, true, 0, ev->data, ev->len); break;
  case CONN_EVENT_PONG: frames_render(&r->events, 10, true, 0, ev->data, ev->len); break;
  case CONN_EVENT_CLOSE: note_close(r, ev); break;
  default: fail_msg("no frame");
  }
}

static int take(rig *r) {
  conn_event ev;
  int err;
  while ((err = conn_next_event(&r->c, &ev)) == 1) note(r, &ev);
  assert_false(conn_has_input(&r->c));
  return err;
}

/* Bytes from a block of exactly their size, which is gone afterwards. */
static int feed(rig *r, const uint8_t *p, size_t n) {
  uint8_t *copy = bytes_exact(p, n);
  conn_recv(&r->c, copy, n);
  int err = take(r);
  free(copy);
  return err;
}

static int feed_script(rig *r, const char *script) {
  SCOPED_BYTES in = {0};
  frames_script(&in, script, r->role == WS_SERVER);
  int err = feed(r, in.base, in.len);
  return err;
}

static void expect_events(rig *r, const char *script, size_t cut) {
  bytes b = {0}, expected = {0};
  frames_script(&b, script, false);
  frames_render_stream(&expected, b.base, b.len, false, false);
  assert_that(strcmp(bytes_text(&r->events), bytes_text(&expected)) == 0,
              "cut %zu:\n%s-- expected:\n%s", cut, bytes_text(&r->events), bytes_text(&expected));
  bytes_free(&b);
  bytes_free(&expected);
  r->events.len = 0;
  bytes_add(&r->events, "", 0);
}

/* All that is queued; then it is gone. */
static void expect_written(rig *r, const char *script) {
  SCOPED_BYTES b = {0}, expected = {0}, seen = {0}, wire = {0};
  ws_view buf;
  while (out_queue_peek(&r->c.out, &buf, 1) == 1) {
    bytes_add(&wire, buf.base, buf.len);
    out_queue_written(&r->c.out, buf.len);
  }
  frames_script(&b, script, false);
  frames_render_stream(&expected, b.base, b.len, false, false);
  frames_render_stream(&seen, wire.base, wire.len, r->role == WS_CLIENT, false);
  assert_string_equal(bytes_text(&seen), bytes_text(&expected));
}

/* --- receiving --- */

static const char all_kinds[] =
    "TEXT \"a\"; BIN{4} ff; PING 01; TEXT-{7} e2; PONG; CONT-; PING; CONT-{1} ff; CONT{2}; TEXT "
    "ff; "
    "BIN- 00~126; PONG 02~125; CONT 03~300; BIN; TEXT-; CONT; CLOSE #4000 \"bye\"";

/* F24: every cut in two. */
TEST(test_conn_raw_gives_every_frame_whatever_the_cut) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED_BYTES in = {0};
    frames_script(&in, all_kinds, role == WS_SERVER);
    for (size_t cut = 0; cut <= in.len; cut++) {
      SCOPED(rig, r, (ws_role) role);
      assert_int_equal(feed(&r, in.base, cut), 0);
      assert_int_equal(feed(&r, in.base + cut, in.len - cut), 0);
      expect_events(&r, all_kinds, cut);
      expect_written(&r, "");
      assert_true(r.c.close_received && !r.c.close_sent && !r.c.failed);
    }
  }
}

static void feed_at_random(rig *r, const bytes *in, uint64_t seed) {
  for (size_t at = 0, n; at < in->len; at += n) {
    n = seed == 0 ? 1 : 1 + seeded_below(&seed, 40);
    if (n > in->len - at) n = in->len - at;
    assert_int_equal(feed(r, in->base + at, n), 0);
  }
}

TEST(test_conn_raw_gives_every_frame_in_many_pieces) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED_BYTES in = {0};
    frames_script(&in, all_kinds, role == WS_SERVER);
    for (uint64_t seed = 0; seed < 50; seed++) {
      SCOPED(rig, r, (ws_role) role);
      feed_at_random(&r, &in, seed);
      expect_events(&r, all_kinds, (size_t) seed);
    }
  }
}

TEST(test_conn_raw_whole_frames_cost_no_memory) {
  SCOPED(rig, r, WS_CLIENT);
  uint64_t calls = r.alloc.calls;
  assert_int_equal(feed_script(&r, "BIN- 00~5000; CONT-{4} 01~5000; PING; CONT 02; TEXT ff~70000"),
                   0);
  assert_int_equal(r.alloc.calls, calls);
}

/* A message of any length needs no more than its largest frame. */
TEST(test_conn_raw_fragments_are_not_kept) {
  SCOPED_BYTES first = {0}, next = {0};
  SCOPED(rig, r, WS_CLIENT);
  frames_script(&first, "BIN- 00~9000", false);
  frames_script(&next, "CONT- 00~9000", false);
  for (int i = 0; i < 3000; i++) {
    const bytes *b = i == 0 ? &first : &next;
    assert_int_equal(feed(&r, b->base, 4000), 0);
    assert_int_equal(feed(&r, b->base + 4000, b->len - 4000), 0);
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
    assert_int_equal(take(r), 0);
    at += n;
  }
}

TEST(test_conn_raw_reads_large_frames_in_place) {
  static const char script[] = "BIN-{4} \"0123456789a\"~100000; PING; CONT- 01~30; "
                               "CONT{1} \"fedcba98765\"~300000; TEXT ff~50000";
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED_BYTES in = {0};
    SCOPED(rig, r, (ws_role) role);
    frames_script(&in, script, role == WS_SERVER);
    read_in_place(&r, &in);
    expect_events(&r, script, 0);
    assert_true(r.alloc.peak_bytes < 700000);
  }
}

TEST(test_conn_raw_length_only_announced_allocates_nothing) {
  static const uint8_t header[] = {0xf2, 127, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff};
  SCOPED(rig, r, WS_CLIENT);
  size_t before = r.alloc.live_bytes;
  assert_int_equal(feed(&r, header, sizeof header), 0);
  assert_int_equal(r.alloc.live_bytes, before);
  assert_int_equal(feed(&r, (const uint8_t *) "some", 4), 0);
  assert_true(r.alloc.live_bytes - before < 8192);
}

TEST(test_conn_raw_goes_on_from_input_that_was_kept) {
  SCOPED_BYTES in = {0};
  conn_event ev;
  SCOPED(rig, r, WS_CLIENT);
  frames_script(&in, all_kinds, false);
  uint8_t *copy = bytes_exact(in.base, in.len);
  conn_recv(&r.c, copy, in.len);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(conn_next_event(&r.c, &ev), 1);
    note(&r, &ev);
  }
  assert_int_equal(conn_keep_input(&r.c), 0);
  memset(copy, 0xee, in.len);
  free(copy);
  assert_int_equal(take(&r), 0);
  expect_events(&r, all_kinds, 0);
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
  for (size_t i = 0; i < sizeof violations / sizeof *violations; i++) {
    for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
      rig r;
      rig_open_limited(&r, (ws_role) role, &tight);
      assert_int_equal(feed_script(&r, violations[i].frames), violations[i].err);
      expect_events(&r, violations[i].before, i);
      assert_true(r.c.failed && r.c.close_sent && *r.c.why != 0);
      assert_int_equal(feed_script(&r, "TEXT \"no more\""), 0);
      expect_events(&r, "", i);
      rig_close(&r);
    }
  }
}

TEST(test_conn_raw_does_not_count_fragments) {
  rig r;
  rig_open_limited(&r, WS_CLIENT, &tight);
  assert_int_equal(feed_script(&r, "TEXT- ff~500"), 0);
  for (int i = 0; i < 100; i++) assert_int_equal(feed_script(&r, "CONT- ff~500; CONT-"), 0);
  assert_int_equal(feed_script(&r, "CONT ff~500"), 0);
  assert_int_equal(r.c.received.frames, 202);
  assert_int_equal(r.c.received.messages, 1);
  rig_close(&r);
}

TEST(test_conn_raw_tells_of_data_that_came) {
  SCOPED(rig, r, WS_CLIENT);
  assert_int_equal(feed_script(&r, "PING; PONG 01"), 0);
  assert_false(r.c.data_received);
  assert_int_equal(feed_script(&r, "TEXT- 01"), 0);
  assert_true(r.c.data_received);
}

/* --- closing --- */

/* take() sees that what comes behind the close frame is used up, too. */
TEST(test_conn_raw_reads_nothing_behind_a_close) {
  SCOPED(rig, r, WS_CLIENT);
  assert_int_equal(feed_script(&r, "PING; CLOSE #1000; TEXT \"a\"; OP3"), 0);
  expect_events(&r, "PING; CLOSE #1000", 0);
  assert_int_equal(feed_script(&r, "TEXT \"a\"; OP3; CLOSE"), 0);
  expect_events(&r, "", 0);
  assert_false(r.c.failed);
  expect_written(&r, "");
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
  assert_int_equal(feed_script(&r, "CLOSE #1001"), 0);
  assert_no_send(&r);
  assert_int_equal(conn_close(&r.c, 1005, "x", 1), WSUV_ECLOSECODE);
  assert_int_equal(conn_close(&r.c, 4000, "why", 3), 0);
  assert_int_equal(conn_close(&r.c, 1000, NULL, 0), 0);
  assert_no_send(&r);
  assert_int_equal(r.c.sent_code, 4000);
  assert_int_equal(r.c.peer_code, 1001);
  expect_written(&r, "TEXT \"before\"; CLOSE #4000 \"why\"");
}

TEST(test_conn_raw_answers_with_an_empty_close) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(rig, r, (ws_role) role);
    assert_int_equal(feed_script(&r, "CLOSE"), 0);
    expect_events(&r, "CLOSE", 0);
    assert_int_equal(conn_close(&r.c, WSUV_CLOSE_NO_STATUS, NULL, 0), 0);
    assert_int_equal(r.c.sent_code, WSUV_CLOSE_NO_STATUS);
    expect_written(&r, "CLOSE");
  }
}

TEST(test_conn_raw_gives_frames_after_our_close) {
  SCOPED(rig, r, WS_CLIENT);
  assert_int_equal(conn_close(&r.c, 1000, NULL, 0), 0);
  assert_int_equal(feed_script(&r, "TEXT-{4} \"a\"; PING; CONT; CLOSE #1000"), 0);
  expect_events(&r, "TEXT-{4} \"a\"; PING; CONT; CLOSE #1000", 0);
  expect_written(&r, "CLOSE #1000");
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
  expect_written(&r, "TEXT{4} ff; BIN-{2} \"a\"; CONT-; CONT{1} \"b\"; TEXT- e2; CONT 28");
}

TEST(test_conn_default_sends_no_rsv_bits) {
  SCOPED(rig, r, WS_CLIENT);
  conn_init(&r.c, &r.shared, WS_CLIENT, true, &usual, NULL); /* not set to raw */
  for (uint8_t rsv = 1; rsv < 8; rsv++) {
    assert_int_equal(send_rsv(&r, OPCODE_TEXT, true, rsv, "a"), WS_EINVAL);
    assert_int_equal(send_rsv(&r, OPCODE_BINARY, false, rsv, "a"), WS_EINVAL);
    assert_int_equal(send_rsv(&r, OPCODE_PING, true, rsv, "a"), WS_EINVAL);
  }
  assert_int_equal(send_rsv(&r, OPCODE_TEXT, true, 0, "a"), 0);
  expect_written(&r, "TEXT \"a\"");
}

typedef struct dumped {
  bytes payload;
  size_t calls;
} dumped;

static void dump(void *arg, bool outgoing, const uint8_t *payload, size_t len) {
  dumped *d = arg;
  assert_true(outgoing);
  bytes_add(&d->payload, payload, len);
  d->calls++;
}

/* One call for a frame, with what comes first in it. */
TEST(test_conn_dumps_what_comes_first_of_pieces) {
  static const size_t lengths[] = {1, 7, 64, 65, 1000};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    dumped d = {0};
    ws_view pieces[100];
    static uint8_t payload[100 * 1000];
    SCOPED(rig, r, WS_CLIENT);
    r.shared.dump = dump;
    r.c.trace_arg = &d;
    for (size_t j = 0; j < sizeof payload; j++) payload[j] = (uint8_t) (j * 7);
    for (size_t j = 0; j < 100; j++)
      pieces[j] = (ws_view){j % 2 != 0 ? payload + j / 2 * lengths[i] : NULL, j % 2 * lengths[i]};
    const conn_frame frame = {
        .type = OPCODE_BINARY, .fin = true, .pieces = pieces, .count = 100, .len = 50 * lengths[i]};
    assert_int_equal(conn_send_frame(&r.c, &frame), 0);
    assert_int_equal(d.calls, 1);
    assert_true(d.payload.len == 64 || d.payload.len == frame.len);
    assert_memory_equal(d.payload.base, payload, d.payload.len);
    const conn_frame empty = {.type = OPCODE_BINARY, .fin = true, .pieces = pieces, .count = 1};
    assert_int_equal(conn_send_frame(&r.c, &empty), 0);
    assert_int_equal(d.calls, 1);
    bytes_free(&d.payload);
  }
}

/* --- memory --- */

/* F46: the n-th allocation fails, once and for ever. Events come up to there, and no others. */
static bool feed_failing(uint64_t n, bool for_ever) {
  static const char script[] = "BIN- 00~3000; CONT-{4} 01~9000; PING; CONT 02~3000; TEXT ff~20000";
  SCOPED_BYTES in = {0};
  int err = 0;
  SCOPED(rig, r, WS_CLIENT);
  frames_script(&in, script, false);
  r.alloc.fail_at = r.alloc.calls + n;
  r.alloc.fail_for_ever = for_ever;
  for (size_t at = 0, part; at < in.len && err == 0; at += part) {
    part = in.len - at < 1100 ? in.len - at : 1100;
    err = feed(&r, in.base + at, part);
  }
  bool failed = r.alloc.failed > 0;
  assert_that(err == (failed ? WS_ENOMEM : 0), "allocation %llu: %d", (unsigned long long) n, err);
  assert_that(r.c.failed == failed, "allocation %llu", (unsigned long long) n);
  if (!failed) expect_events(&r, script, 0);
  return failed;
}

TEST(test_conn_raw_without_memory_fails_and_leaks_nothing) {
  for (int for_ever = 0; for_ever < 2; for_ever++) {
    uint64_t n = 1;
    while (feed_failing(n, for_ever != 0)) n++;
    assert_true(n > 2);
  }
}
