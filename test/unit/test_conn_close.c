/* The closing handshake, and failing the connection. */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "support/conn_rig.h"
#include "support/test.h"

TEST(test_conn_close_that_we_begin) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    assert_int_equal(conn_close(&r.c, 3000, "bye", 3), 0);
    assert_true(r.c.close_sent && !r.c.close_received);
    assert_int_equal(r.c.sent_code, 3000);
    conn_rig_expect_sent(&r, "CLOSE #3000 \"bye\"");
    conn_rig_expect_gives(&r, "TEXT \"late\" ; PONG ; CLOSE #3000 ; TEXT \"x\"",
                          "TEXT \"late\" ; PONG ; CLOSE #3000");
    conn_rig_expect_written(&r, "");
  }
}

TEST(test_conn_close_that_the_peer_begins) {
  static const char *const closes[] = {"CLOSE", "CLOSE #1000", "CLOSE #1014 \"x\"", "CLOSE #4999"};
  for (size_t i = 0; i < COUNT_OF(closes); i++) {
    SCOPED(conn_rig, r, WS_CLIENT);
    conn_rig_expect_gives(&r, closes[i], closes[i]);
    conn_rig_expect_written(&r, closes[i]);
    for (unsigned type = 1; type <= 10; type += type == 2 ? 7u : 1u)
      assert_int_equal(conn_send(&r.c, (frame_opcode) type, true, "x", 1), WSUV_ESTATE);
    assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
    conn_fail(&r.c, WSUV_EIDLE, "idle");
    conn_rig_expect_written(&r, "");
  }
}

/* The answer waits for its owner, who may still write what is queued, or answer otherwise. */
TEST(test_conn_close_of_the_peer_is_answered_when_asked_to) {
  static const char *const written[] = {"CLOSE #4001", "BIN \"x\" ; CLOSE #4001", "CLOSE #4002"};
  for (int v = 0; v < 3; v++) {
    conn_event ev;
    uint8_t in[] = {0x88, 2, 0x0f, 0xa1, 0x81, 1, 'x'};
    SCOPED(conn_rig, r, WS_CLIENT);
    assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "x", 1), 0);
    conn_recv(&r.c, in, sizeof in);
    assert_int_equal(conn_next_event(&r.c, &ev), 1);
    assert_int_equal(ev.close_code, 4001);
    assert_true(r.c.close_received && !r.c.close_sent);
    if (v == 1) conn_rig_write_all(&r);
    if (v == 2) assert_int_equal(conn_close(&r.c, 4002, "", 0), 0);
    assert_int_equal(conn_answer_close(&r.c, &r.dropped), 0);
    assert_true(r.c.close_sent);
    assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "x", 1), WSUV_ESTATE);
    assert_int_equal(conn_next_event(&r.c, &ev), 0);
    conn_rig_expect_written(&r, written[v]);
  }
}

TEST(test_conn_close_at_the_same_time) {
  for (int written = 0; written < 2; written++) {
    SCOPED(conn_rig, r, WS_SERVER);
    r.keep = true;
    assert_int_equal(conn_close(&r.c, 1001, "", 0), 0);
    if (written != 0) conn_rig_write_all(&r);
    conn_rig_expect_gives(&r, "CLOSE #1000 \"mine\"", "CLOSE #1000 \"mine\"");
    conn_rig_expect_written(&r, "CLOSE #1001");
    assert_int_equal(r.c.sent_code, 1001);
  }
}

/* Our close frame waits behind data when the peer's arrives: whether that data goes out or is
   dropped (RFC 6455 5.5.1 leaves it open), no frame is cut, dropped.kept says which it is, and our
   close goes out behind it, once. */
static void expect_one_close(conn_rig *r, size_t begun, size_t gone) {
  seen_frame f;
  uint8_t *p = r->wire.base;
  size_t n = r->wire.len, count = 0, size;
  while ((size = frames_parse(&f, p, n)) != 0 && f.spec.opcode == 2) {
    assert_that(size == 8, "%zu bytes gone: frame %zu", gone, count);
    p += size, n -= size, count++;
  }
  assert_that(size == n && f.spec.opcode == 8 && f.length == 2, "%zu bytes gone: the close", gone);
  assert_that((f.payload[0] << 8 | f.payload[1]) == r->c.sent_code, "%zu bytes gone: code", gone);
  assert_that(count == begun || count == 3, "%zu bytes gone: %zu frames", gone, count);
  assert_that(count == 3 ? r->dropped.kept >= 24 : r->dropped.kept == 8 * begun,
              "%zu bytes gone: kept", gone);
}

TEST(test_conn_close_of_the_peer_does_not_cost_us_our_close) {
  for (size_t gone = 0; gone <= 3 * 8 + 4; gone++) {
    SCOPED(conn_rig, r, WS_SERVER);
    r.keep = true;
    for (int i = 0; i < 3; i++)
      assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "sixsix", 6), 0);
    assert_int_equal(conn_close(&r.c, 3333, "", 0), 0);
    conn_rig_write_some(&r, gone);
    assert_int_equal(conn_rig_feed_script(&r, "CLOSE #1000"), 0);
    conn_rig_write_all(&r);
    expect_one_close(&r, (gone + 7) / 8 < 3 ? (gone + 7) / 8 : 3, gone);
  }
}

TEST(test_conn_close_of_the_peer_says_what_was_kept) {
  SCOPED(conn_rig, r, WS_SERVER);
  r.keep = true;
  for (size_t len = 10; len < 40; len += 10) /* frames of 12, 22, 32 bytes */
    assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "0123456789012345678901234567890", len),
                     0);
  conn_rig_write_some(&r, 13);
  assert_int_equal(r.c.work->out.payload, 50);
  assert_int_equal(conn_rig_feed_script(&r, "CLOSE"), 0);
  assert_int_equal(r.dropped.kept, 34);
  assert_int_equal(r.c.work->out.payload, 20);
  conn_rig_expect_written(&r, "BIN \"0123456789\" ; BIN \"01234567890123456789\" ; CLOSE");
}

/* It is taken back with the data before it, and there is no room any more to put it back. */
TEST(test_conn_close_that_is_lost_is_not_said_to_be_sent) {
  SCOPED(conn_rig, r, WS_CLIENT);
  r.keep = true;
  r.shared.chunks.max_spares = 0;
  assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "x", 1), 0);
  assert_int_equal(conn_close(&r.c, 1000, NULL, 0), 0);
  r.alloc.fail_at = r.alloc.calls + 1;
  r.alloc.fail_for_ever = true;
  assert_int_equal(conn_rig_feed_script(&r, "CLOSE #1000"), WS_ENOMEM);
  assert_int_equal(r.c.sent_code, 0);
  assert_int_equal(r.c.close_size, 0);
  assert_int_equal(r.dropped.kept, 0);
  assert_int_equal(out_queue_len(&r.c.work->out), 0);
  assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "x", 1), WSUV_ESTATE);
}

TEST(test_conn_close_never_overtakes_data) {
  SCOPED(conn_rig, r, WS_CLIENT);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "a", 1), 0);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "b", 1), 0);
  assert_int_equal(conn_close(&r.c, 1000, NULL, 0), 0);
  assert_int_equal(conn_close(&r.c, 1001, "again", 5), 0);
  conn_rig_expect_written(&r, "TEXT- \"a\" ; CONT \"b\" ; CLOSE #1000");
  for (unsigned type = 1; type <= 10; type += type == 2 ? 7u : 1u)
    assert_int_equal(conn_send(&r.c, (frame_opcode) type, true, "x", 1), WSUV_ESTATE);
}

/* RFC 6455 5.5.1: what comes behind a close frame is not read by anybody. */
TEST(test_conn_sends_nothing_after_its_close_frame) {
  SCOPED(conn_rig, r, WS_CLIENT);
  assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
  conn_rig_expect_written(&r, "CLOSE #1000");
  conn_rig_expect_gives(&r, "PING \"still there?\" ; TEXT \"a\"",
                        "PING \"still there?\" ; TEXT \"a\"");
  conn_rig_expect_written(&r, "");
  assert_int_equal(conn_rig_feed_script(&r, "OP3"), WSUV_EPROTOCOL);
  conn_rig_expect_written(&r, "");
}

TEST(test_conn_close_refuses_what_may_not_be_sent) {
  static const unsigned codes[] = {0,    1,    999,  1004, 1006,  1015,         1016,
                                   1999, 2000, 2999, 5000, 65535, 65536 + 1000, UINT32_MAX};
  char reason[WSUV_CLOSE_REASON_MAX + 1];
  SCOPED(conn_rig, r, WS_CLIENT);
  SCOPED(conn_rig, other, WS_CLIENT);
  memset(reason, 'r', sizeof reason);
  for (size_t i = 0; i < COUNT_OF(codes); i++)
    assert_that(conn_close(&r.c, codes[i], "", 0) == WSUV_ECLOSECODE, "code %u", codes[i]);
  assert_true(conn_close(&r.c, WSUV_CLOSE_NO_STATUS, "why", 3) < 0);
  assert_int_equal(conn_close(&r.c, 1000, reason, sizeof reason), WSUV_ECONTROL);
  assert_int_equal(conn_close(&r.c, 1000, "\xff", 1), WSUV_EUTF8);
  assert_int_equal(conn_close(&r.c, 1000, "\xce", 1), WSUV_EUTF8);
  assert_int_equal(out_queue_len(&r.c.work->out), 0);
  assert_false(r.c.close_sent);
  assert_int_equal(conn_send(&r.c, OPCODE_PING, true, "x", 1), 0);
  assert_int_equal(conn_close(&r.c, 1000, reason, WSUV_CLOSE_REASON_MAX), 0);
  conn_rig_expect_written(&r, "PING \"x\" ; CLOSE #1000");
  assert_int_equal(conn_close(&other.c, WSUV_CLOSE_NO_STATUS, NULL, 0), 0);
  conn_rig_expect_written(&other, "CLOSE");
  assert_int_equal(other.c.sent_code, WSUV_CLOSE_NO_STATUS);
}

TEST(test_conn_fail_tells_the_peer_once) {
  static const int errors[] = {WSUV_EPROTOCOL,  WSUV_EUTF8, WSUV_ETOOBIG,
                               WSUV_EFRAGMENTS, WSUV_EIDLE, WSUV_EPINGTIMEOUT,
                               WS_ECANCELED,    WS_ENOMEM,  WSUV_ERANDOM};
  for (size_t i = 0; i < COUNT_OF(errors); i++) {
    char answer[48];
    SCOPED(conn_rig, r, (ws_role) (i % 2));
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), 0);
    conn_fail(&r.c, errors[i], "for a reason");
    conn_fail(&r.c, WSUV_EPROTOCOL, "for another");
    assert_true(r.c.failed && r.c.close_sent);
    (void) snprintf(answer, sizeof answer, "TEXT \"x\" ; CLOSE #%u",
                    close_code_for_error(errors[i]));
    conn_rig_expect_written(&r, answer);
    conn_rig_expect_gives(&r, "TEXT \"a\" ; CLOSE #1000", "");
    conn_rig_expect_written(&r, "");
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), WSUV_ESTATE);
  }
}

TEST(test_conn_fail_sends_its_text_as_the_reason) {
  static char why[WSUV_CLOSE_REASON_MAX + 1];
  for (size_t len = 0; len <= WSUV_CLOSE_REASON_MAX; len += len == 0 ? 1 : 61) {
    seen_frame f;
    memset(why, 'w', len);
    why[len] = 0;
    SCOPED(conn_rig, r, WS_CLIENT);
    conn_fail(&r.c, WSUV_EIDLE, why);
    conn_rig_write_all(&r);
    assert_int_equal(frames_parse(&f, r.wire.base, r.wire.len), r.wire.len);
    assert_int_equal(f.length, 2 + len);
    assert_memory_equal(f.payload, "\x03\xe9", 2);
    assert_memory_equal(f.payload + 2, why, len);
  }
}

TEST(test_conn_fail_after_our_close_sends_no_other) {
  SCOPED(conn_rig, r, WS_CLIENT);
  assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
  conn_fail(&r.c, WSUV_EPINGTIMEOUT, "ping timeout");
  assert_true(r.c.failed);
  conn_rig_expect_written(&r, "CLOSE #1000");
  assert_int_equal(r.c.sent_code, 1000);
}
