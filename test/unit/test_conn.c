/* A connection as a whole: the trace hook, and every allocation that fails. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "support/alloc_failures.h"
#include "support/conn_rig.h"
#include "support/test.h"

/* The hook. */

typedef struct traced {
  bytes text[2];
} traced;

static void trace(void *arg, bool outgoing, const frame_header *h) {
  traced *t = arg;
  bytes_print(&t->text[outgoing ? 1 : 0], "%u%s %u %d;", h->opcode, h->fin ? "" : "-",
              (unsigned) h->length, h->masked);
}

static void trace_nothing(void *arg, bool outgoing, const frame_header *h) {
  (void) arg;
  (void) outgoing;
  (void) h;
}

static void dump(void *arg, bool outgoing, size_t offset, const uint8_t *payload, size_t len) {
  traced *t = arg;
  assert_int_equal(offset, 0);
  bytes_print(&t->text[outgoing ? 1 : 0], "%.*s;", len < 3 ? (int) len : 3, (const char *) payload);
}

/* What was cut: as much as came first, but something. */
TEST(test_conn_dumps_payloads_in_clear) {
  for (uint64_t cut = 0; cut < 2; cut++) {
    traced t = {{{0}, {0}}};
    SCOPED(conn_rig, r, WS_CLIENT);
    r.shared.trace = trace_nothing;
    r.shared.dump = dump;
    r.work.trace_arg = &t;
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "abcdef", 6), 0);
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "", 0), 0);
    SCOPED_BYTES in = frames_of("PING \"p\" ; PONG ; TEXT \"xyz\"", false);
    conn_rig_feed_cut(&r, &in, cut);
    conn_rig_expect_text("in", bytes_text(&t.text[0]), cut == 0 ? "p;xyz;" : "p;x;");
    conn_rig_expect_text("out", bytes_text(&t.text[1]), "abc;p;");
    bytes_free(&t.text[0]);
    bytes_free(&t.text[1]);
  }
}

TEST(test_conn_traces_each_header_both_ways) {
  for (uint64_t cut = 0; cut < 3; cut++) {
    traced t = {{{0}, {0}}};
    SCOPED(conn_rig, r, WS_CLIENT);
    r.shared.trace = trace;
    r.work.trace_arg = &t;
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "ab", 2), 0);
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "", 0), 0);
    SCOPED_BYTES in =
        frames_of("PING \"p\" ; BIN- \"abc\" ; PONG ; CONT \"x\"*200 ; CLOSE #1000", false);
    conn_rig_feed_cut(&r, &in, cut);
    conn_rig_expect_text("in", bytes_text(&t.text[0]), "9 1 0;2- 3 0;10 0 0;0 200 0;8 2 0;");
    conn_rig_expect_text("out", bytes_text(&t.text[1]), "1- 2 1;0 0 1;10 1 1;8 2 1;");
    bytes_free(&t.text[0]);
    bytes_free(&t.text[1]);
  }
}

/* Memory. */

typedef struct torture {
  conn_rig r;
  size_t sent; /* frames that were taken */
  bool over;   /* the connection failed or closed */
} torture;

static void torture_send(torture *t, frame_opcode type, bool fin, size_t len) {
  static const uint8_t zeros[40000];
  int err = conn_send(&t->r.c, type, fin, zeros, len);
  assert_that(err == 0 || err == (t->over ? WSUV_ESTATE : WS_ENOMEM), "send: %d", err);
  if (err == 0) t->sent++;
  conn_rig_write_all(&t->r);
}

static void torture_feed(torture *t, const char *script, bool in_place) {
  SCOPED_BYTES in = frames_of(script, t->r.role == WS_SERVER);
  for (size_t at = 0, n; at < in.len; at += n) {
    uint8_t *dst, *copy = NULL;
    size_t room = in_place ? conn_recv_target(&t->r.c, 200, &dst) : 0;
    n = room != 0 ? room : 190;
    if (n > in.len - at) n = in.len - at;
    if (room == 0) dst = copy = bytes_exact(in.base + at, n);
    if (room != 0) memcpy(dst, in.base + at, n);
    conn_recv(&t->r.c, dst, n);
    int err = conn_rig_take(&t->r);
    assert_that(err == 0 || (err == WS_ENOMEM && !t->over), "feed: %d", err);
    if (err != 0) t->over = true;
    free(copy);
  }
}

static void torture_run(torture *t) {
  torture_send(t, OPCODE_TEXT, false, 10);
  torture_feed(t, "PING \"p\" ; TEXT \"x\"*100 ; BIN- \"y\"*300 ; PING \"q\" ; CONT \"z\"*900",
               false);
  torture_feed(t, "PING \"s\"*125 ; PING \"t\"*125", false); /* the second is cut */
  torture_send(t, OPCODE_TEXT, true, 40000);
  torture_feed(t, "BIN \"z\"*50000 ; PING \"r\"*125 ; TEXT- \"z\"*5000 ; CONT \"z\"*70000", true);
  torture_feed(t, "BIN- \"z\"*70000 ; CONT \"y\" ; BIN \"x\" ; PING \"w\"", true);
  torture_send(t, OPCODE_TEXT, true, 40000);
  torture_send(t, OPCODE_PING, true, 125);
  int err = conn_close(&t->r.c, 1000, "bye", 3);
  assert_that(err == 0 || (err == WS_ENOMEM && !t->over), "close: %d", err);
  conn_rig_write_all(&t->r);
  torture_feed(t, "TEXT \"x\"*300 ; CLOSE #1000 \"bye\"", false);
}

/* Every frame that was taken has left, whole, and at most one close frame behind all. */
static void torture_check(torture *t, uint64_t n) {
  seen_frame f;
  uint8_t *p = t->r.wire.base;
  size_t left = t->r.wire.len, seen = 0, closes = 0, size;
  for (; (size = frames_parse(&f, p, left)) != 0; p += size, left -= size) {
    assert_that(closes == 0, "allocation %llu: frames after the close", (unsigned long long) n);
    if (f.spec.opcode == 8) closes++;
    if (f.spec.opcode < 8 || f.spec.opcode == 9) seen++;
  }
  assert_that(left == 0 && seen == t->sent, "allocation %llu: %zu frames of %zu, %zu bytes over",
              (unsigned long long) n, seen, t->sent, left);
}

/* F46. */
TEST(test_conn_without_memory_fails_and_leaks_nothing) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    for (alloc_failures f = {0}; alloc_failures_next(&f);) {
      torture t = {.sent = 0};
      conn_rig_open(&t.r, (ws_role) role);
      alloc_failures_begin(&f, &t.r.alloc);
      torture_run(&t);
      torture_check(&t, f.n);
      assert_that(alloc_failures_end(&f, &t.r.alloc) || !t.over, "no allocation failed");
      conn_rig_close(&t.r);
    }
  }
}
