/* Sending: frames, fragments, masks; and the answers to pings. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "support/conn_rig.h"
#include "support/test.h"

TEST(test_conn_sends_every_type_at_the_borders_of_length) {
  static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 300000};
  static const uint8_t types[] = {OPCODE_TEXT, OPCODE_BINARY, OPCODE_PING, OPCODE_PONG};
  for (int v = 0; v < 3; v++) { /* a client, one that does not mask, a server */
    for (size_t l = 0; l < COUNT_OF(lengths); l++) {
      for (size_t t = 0; t < 4; t++) {
        SCOPED_BYTES payload = {0}, expected = {0}, seen = {0};
        if (types[t] >= 8 && lengths[l] > 125) continue;
        SCOPED(conn_rig, r, v == 2 ? WS_SERVER : WS_CLIENT);
        r.c.masking = v == 0;
        for (size_t i = 0; i < lengths[l]; i++)
          bytes_add(&payload, &(uint8_t){(uint8_t) (i % 127)}, 1);
        uint8_t *copy = payload.len != 0 ? bytes_exact(payload.base, payload.len) : NULL;
        assert_int_equal(conn_send(&r.c, (frame_opcode) types[t], true, copy, payload.len), 0);
        assert_int_equal(r.c.work->out.payload, types[t] < 8 ? lengths[l] : 0);
        free(copy);
        conn_rig_write_all(&r);
        frames_render(&expected, types[t], true, 0, payload.base, payload.len);
        frames_render_stream(&seen, r.wire.base, r.wire.len, v == 0, false);
        conn_rig_expect_text("sent", bytes_text(&seen), bytes_text(&expected));
      }
    }
  }
}

TEST(test_conn_sends_fragments_with_controls_between) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    for (int again = 0; again < 2; again++) {
      assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "a\xce", 2), 0);
      conn_rig_write_all(&r);
      assert_int_equal(conn_send(&r.c, OPCODE_PING, true, "p", 1), 0);
      assert_int_equal(conn_rig_feed_script(&r, "PING \"q\""), 0);
      assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, NULL, 0), 0);
      assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "\xba", 1), 0);
      conn_rig_write_all(&r);
      assert_int_equal(conn_send(&r.c, OPCODE_PONG, true, "r", 1), 0);
      assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "b", 1), 0);
      conn_rig_expect_written(&r, "TEXT- \"a\" ce ; PING \"p\" ; PONG \"q\" ; CONT- ; CONT- ba ; "
                                  "PONG \"r\" ; CONT \"b\"");
      assert_int_equal(conn_send(&r.c, OPCODE_BINARY, false, "\xff", 1), 0);
      assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "\xff", 1), 0);
      conn_rig_expect_written(&r, "BIN- ff ; CONT ff");
    }
  }
}

static void expect_refused(conn_rig *r, frame_opcode type, bool fin, const char *p, size_t n,
                           int err) {
  size_t len = out_queue_len(&r->c.work->out);
  int seen = conn_send(&r->c, type, fin, p, n);
  assert_that(seen == err, "type %d fin %d: %d instead of %d", type, fin, seen, err);
  assert_int_equal(out_queue_len(&r->c.work->out), len);
}

TEST(test_conn_send_refuses_what_may_not_be_sent) {
  char big[126];
  memset(big, 'x', sizeof big);
  SCOPED(conn_rig, r, WS_CLIENT);
  expect_refused(&r, OPCODE_TEXT, true, "\xff", 1, WSUV_EUTF8);
  expect_refused(&r, OPCODE_TEXT, true, "\xce", 1, WSUV_EUTF8);
  expect_refused(&r, OPCODE_TEXT, false, "\xff", 1, WSUV_EUTF8);
  expect_refused(&r, OPCODE_PING, true, big, sizeof big, WSUV_ECONTROL);
  expect_refused(&r, OPCODE_PONG, true, big, sizeof big, WSUV_ECONTROL);
  expect_refused(&r, OPCODE_CLOSE, true, "", 0, WS_EINVAL);
  expect_refused(&r, OPCODE_CONTINUATION, true, "", 0, WS_EINVAL);
  for (int type = 3; type < 8; type++)
    expect_refused(&r, (frame_opcode) type, true, "", 0, WS_EINVAL);
  for (int type = 11; type < 20; type++)
    expect_refused(&r, (frame_opcode) type, true, "", 0, WS_EINVAL);
  assert_true(conn_send(&r.c, OPCODE_PING, false, "x", 1) < 0);
  assert_true(conn_send(&r.c, OPCODE_PONG, false, "x", 1) < 0);
  assert_int_equal(out_queue_len(&r.c.work->out), 0);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "a", 1), 0);
  expect_refused(&r, OPCODE_BINARY, true, "b", 1, WS_EINVAL);
  expect_refused(&r, OPCODE_BINARY, false, "b", 1, WS_EINVAL);
  expect_refused(&r, OPCODE_CONTINUATION, true, "b", 1, WS_EINVAL);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "c", 1), 0);
  conn_rig_expect_written(&r, "TEXT- \"a\" ; CONT \"c\"");
}

/* A fragment that is refused leaves the message as it was. */
TEST(test_conn_send_that_fails_changes_no_state) {
  for (int v = 0; v < 3; v++) {
    SCOPED(conn_rig, r, WS_CLIENT);
    for (int i = 0; i < 2; i++) {
      int err = WSUV_EUTF8;
      if (v == 1) r.env.random_fails = true, r.shared.random.left = 0, err = WSUV_ERANDOM;
      if (v == 2) r.alloc.fail_at = r.alloc.calls + 1, r.alloc.fail_for_ever = true;
      if (v == 2) err = WS_ENOMEM;
      if (i == 0) expect_refused(&r, OPCODE_TEXT, false, v == 0 ? "\xff" : "\xce", 1, err);
      if (i == 1) expect_refused(&r, OPCODE_TEXT, true, v == 0 ? "\xce" : "\xba", 1, err);
      r.env.random_fails = false;
      r.alloc.fail_at = 0;
      if (i == 0) assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "\xce", 1), 0);
      if (i == 1) assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "\xba", 1), 0);
      if (v == 2) conn_rig_write_all(&r);
      if (v == 2) bufq_pool_free(&r.shared.chunks);
      if (v == 2) bufq_pool_init(&r.shared.chunks, &r.alloc.handle, 4);
    }
    conn_rig_expect_written(&r, "TEXT- ce ; CONT ba");
  }
}

/* F14. */

TEST(test_conn_masks_are_fresh_for_each_frame) {
  enum { COUNT = 3000 };
  static uint32_t keys[COUNT];
  conn_work work;
  conn other;
  SCOPED(conn_rig, r, WS_CLIENT);
  conn_init(&other, WS_CLIENT, true, &conn_rig_limits);
  conn_rig_work(&other, &work, &r.shared);
  for (size_t i = 0; i < COUNT; i++) {
    ws_view buf;
    seen_frame f;
    conn *c = i % 3 == 0 ? &other : &r.c;
    assert_int_equal(conn_send(c, OPCODE_TEXT, true, "masked", 6), 0);
    assert_int_equal(out_queue_peek(&c->work->out, &buf, 1), 1);
    bytes_add(&r.wire, buf.base, buf.len);
    assert_int_equal(frames_parse(&f, r.wire.base, r.wire.len), 12);
    assert_memory_equal(f.payload, "masked", 6);
    memcpy(&keys[i], f.spec.key, 4);
    for (size_t k = 0; k < i; k++) assert_that(keys[k] != keys[i], "frames %zu and %zu", k, i);
    out_queue_written(&c->work->out, 12);
    r.wire.len = 0;
  }
  assert_int_equal(r.env.calls, COUNT * 4 / RANDOM_POOL_SIZE + 1);
  conn_free(&other);
}

TEST(test_conn_without_random_bytes_sends_nothing) {
  SCOPED(conn_rig, r, WS_CLIENT);
  r.env.random_fails = true;
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), WSUV_ERANDOM);
  assert_int_equal(conn_send(&r.c, OPCODE_PING, true, "x", 1), WSUV_ERANDOM);
  assert_int_equal(conn_close(&r.c, 1000, "", 0), WSUV_ERANDOM);
  assert_int_equal(out_queue_len(&r.c.work->out), 0);
  assert_false(r.c.close_sent);
  r.env.random_fails = false;
  assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
  conn_rig_expect_written(&r, "CLOSE #1000");
}

TEST(test_conn_without_random_bytes_fails_when_it_must_answer) {
  static const char *const scripts[] = {"PING \"p\" ; TEXT \"a\"", "CLOSE #1000"};
  for (size_t i = 0; i < 2; i++) {
    SCOPED(conn_rig, r, WS_CLIENT);
    r.env.random_fails = true;
    assert_int_equal(conn_rig_feed_script(&r, scripts[i]), WSUV_ERANDOM);
    assert_null(strstr(bytes_text(&r.events), "TEXT"));
    conn_rig_expect_written(&r, "");
    assert_true(r.c.failed);
    assert_int_equal(conn_rig_feed_script(&r, "TEXT \"a\""), 0);
    r.env.random_fails = false;
    assert_true(conn_send(&r.c, OPCODE_TEXT, true, "x", 1) < 0);
    SCOPED(conn_rig, server, WS_SERVER); /* which masks nothing */
    server.env.random_fails = true;
    assert_int_equal(conn_rig_feed_script(&server, scripts[i]), 0);
  }
}

TEST(test_conn_flood_of_pings_keeps_memory_flat) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    SCOPED(conn_rig, r, (ws_role) role);
    r.keep = true;
    size_t live = 0;
    for (int i = 0; i < 5000; i++) {
      char script[32];
      (void) snprintf(script, sizeof script, "PING #%d \"x\"*123", i);
      assert_int_equal(conn_rig_feed_script(&r, script), 0);
      if (i == 100) live = r.alloc.live_bytes;
      if (i > 100) assert_true(r.alloc.live_bytes <= live);
    }
    conn_rig_write_all(&r);
    SCOPED_BYTES expected = {0};
    for (int i = 0; i < OUT_PONGS_MAX; i++) bytes_print(&expected, "PONG #%d \"x\"*123 ;", i);
    bytes_print(&expected, "PONG #4999 \"x\"*123");
    conn_rig_expect_written(&r, bytes_text(&expected));
  }
}
