/* The cases of the Autobahn test suite that need no socket, whole, byte by byte and cut at random.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "support/conn_rig.h"
#include "support/test.h"

/* As in conform/cases.inc. */
typedef struct conformance_case {
  const char *id, *sent, *seen, *verdict;
} conformance_case;

#define CASE(id, sent, seen, how, verdict) {#id, #sent, #seen, #verdict},
static const conformance_case cases[] = {
#include "conform/cases.inc"
};

#define HELLO "TEXT \"Hello, world!\" ; "
#define GREEK "cebae1bdb9cf83cebcceb5"

/* Beyond the suite. */
static const conformance_case own_cases[] = {
    {"3.6 as described", "PING{6} \"Hello, world!\"", "", "P"},
    {"10.1.1, shorter", "TEXT- \"*\"*1300 ; CONT- \"*\"*1300 ; CONT \"*\"*536", "TEXT \"*\"*3136",
     "N"},
    {"masked the wrong way", HELLO "TEXT^ \"x\"", HELLO, "P"},
    {"length not minimal, 16 bits", HELLO "TEXT:16 \"x\"*125", HELLO, "P"},
    {"length not minimal, 64 bits", HELLO "BIN:64 \"x\"*65535", HELLO, "P"},
    {"empty in 16 bits", "PONG ; TEXT:16", "PONG", "P"},
    {"close with a reason of invalid text", "CLOSE #1000 ff", "", "X 1007"},
    {"close with an illegal code and invalid text", "CLOSE #1005 ff", "", "X 1002"},
};

/* That the connection is failed with; 0: it is not. */
static int code_of(const char *verdict) {
  switch (*verdict) {
  case 'P': return 1002;
  case 'U': return 1007;
  case 'X': return atoi(strrchr(verdict, ' '));
  default: return 0;
  }
}

static int error_for(int code) {
  return code == 1007 ? WSUV_EUTF8 : WSUV_EPROTOCOL;
}

/* What must be written for the events: echoes, pongs, the answer to a close. */
static void render_answers(bytes *text, const char *events, int code) {
  bytes b = {0};
  frames_script(&b, events, false);
  seen_frame f;
  uint8_t *p = b.base;
  for (size_t n = b.len, size; (size = frames_parse(&f, p, n)) != 0; p += size, n -= size) {
    size_t len = f.spec.opcode == 8 && f.length > 2 ? 2 : (size_t) f.length;
    if (f.spec.opcode != 10)
      frames_render(text, f.spec.opcode == 9 ? 10 : f.spec.opcode, true, 0, f.payload, len);
  }
  bytes_free(&b);
  if (code == 0) return;
  uint8_t payload[2] = {(uint8_t) (code >> 8), (uint8_t) code};
  frames_render(text, 8, true, 0, payload, 2);
}

static void run_case(const conformance_case *t, ws_role role, uint64_t cut) {
  conn_rig r;
  bytes in = {0}, events = {0}, answers = {0}, seen = {0};
  char what[128];
  conn_rig_open(&r, role);
  r.echo = true;
  const char *expected = strcmp(t->seen, "all") == 0 ? t->sent : t->seen;
  int code = code_of(t->verdict);
  frames_script(&in, t->sent, role == WS_SERVER);
  conn_rig_render(&events, expected, false);
  render_answers(&answers, expected, code);
  if (code != 0) bytes_print(&events, "ERROR %d\n", error_for(code));
  if (code == 0 && strstr(t->sent, "CLOSE") == NULL) {
    frames_script(&in, "CLOSE #1000", role == WS_SERVER);
    conn_rig_render(&events, "CLOSE #1000", false);
    conn_rig_render(&answers, "CLOSE #1000", false);
  }
  conn_rig_feed_cut(&r, &in, cut);
  frames_render_stream(&seen, r.wire.base, r.wire.len, role == WS_CLIENT, true);
  (void) snprintf(what, sizeof what, "case %s, role %d, cut %llu: events", t->id, role,
                  (unsigned long long) cut);
  conn_rig_expect_text(what, bytes_text(&r.events), bytes_text(&events));
  (void) snprintf(what, sizeof what, "case %s, role %d, cut %llu: written", t->id, role,
                  (unsigned long long) cut);
  conn_rig_expect_text(what, bytes_text(&seen), bytes_text(&answers));
  bytes_free(&in);
  bytes_free(&events);
  bytes_free(&answers);
  bytes_free(&seen);
  conn_rig_close(&r);
}

static void run_all(const conformance_case *some, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (uint64_t cut = 0; cut < 6; cut++) {
      run_case(&some[i], WS_CLIENT, cut);
      run_case(&some[i], WS_SERVER, cut);
    }
}

TEST(test_conn_conforms_in_groups_1_to_7) {
  run_all(cases, sizeof cases / sizeof *cases);
  run_all(own_cases, sizeof own_cases / sizeof *own_cases);
}

/* The texts of group 6 that come in one frame, as binary messages. */
TEST(test_conn_takes_any_octets_in_binary_messages) {
  for (const conformance_case *t = cases; t < cases + sizeof cases / sizeof *cases; t++) {
    if (*t->id != '6' || strchr(t->sent, ';') != NULL) continue;
    char script[300];
    (void) snprintf(script, sizeof script, "BIN%s", t->sent + strlen("TEXT"));
    run_all(&(conformance_case){t->id, script, "all", "N"}, 1);
  }
}

/* 7.7, 7.9, 7.13: all codes, answered with the same or failed with 1002. */
TEST(test_conn_answers_every_close_code) {
  for (unsigned code = 0; code<65536; code += code> 5100 && code < 65000 ? 97 : 1) {
    char script[32];
    bool valid = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
                 (code >= 3000 && code <= 4999);
    (void) snprintf(script, sizeof script, "CLOSE #%u", code);
    conformance_case t = {script, script, valid ? "all" : "", valid ? "N" : "X 1002"};
    run_case(&t, WS_CLIENT, 0);
    run_case(&t, WS_SERVER, 1);
  }
}

/* 6.4: the pauses. */
TEST(test_conn_fails_text_with_the_byte_that_is_wrong) {
  static const struct {
    const char *good, *bad;
  } parts[] = {
      {"TEXT- " GREEK, "CONT- f4908080"},
      {"TEXT- " GREEK "f4", "CONT- 90"},
      {"TEXT- ; CONT- f0 ; PING", "CONT- 80"},
  };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
      conn_rig r;
      conn_rig_open(&r, (ws_role) role);
      assert_int_equal(conn_rig_feed_script(&r, parts[i].good), 0);
      assert_int_equal(conn_rig_feed_script(&r, parts[i].bad), WSUV_EUTF8);
      conn_rig_close(&r);
    }
  }
  conn_rig r; /* 6.4.4: in the middle of a frame */
  conn_rig_open(&r, WS_CLIENT);
  assert_int_equal(conn_rig_feed(&r, (const uint8_t *) "\x01\x15\xce\xba\xf4", 5), 0);
  assert_int_equal(conn_rig_feed(&r, (const uint8_t *) "\x90", 1), WSUV_EUTF8);
  conn_rig_expect_written(&r, "CLOSE #1007");
  conn_rig_close(&r);
}
