/* The cases of the Autobahn test suite that need no socket, whole, byte by byte and cut at random.
 */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "support/conn_rig.h"
#include "support/test.h"

typedef struct conformance_case {
  const char *id;
  const char *in;     /* script */
  const char *events; /* script; NULL: as `in` */
  int code;           /* that we fail the connection with; 0: we do not */
} conformance_case;

#define HELLO "TEXT \"Hello, world!\" ; "
#define F1 "\"fragment1\""
#define F2 "\"fragment2\""
#define TEN(P)                                                                              \
  P " \"payload-0\" ; " P " \"payload-1\" ; " P " \"payload-2\" ; " P " \"payload-3\" ; " P \
    " \"payload-4\" ; " P " \"payload-5\" ; " P " \"payload-6\" ; " P " \"payload-7\" ; " P \
    " \"payload-8\" ; " P " \"payload-9\""
#define WORD "48656c6c6f2dc2b540c39fc3b6c3a4c3bcc3a0c3a12d5554462d382121"
#define GREEK "cebae1bdb9cf83cebcceb5"

static const conformance_case cases[] = {
    {"1.1.1", "TEXT", NULL, 0},
    {"1.1.2", "TEXT \"*\"*125", NULL, 0},
    {"1.1.3", "TEXT \"*\"*126", NULL, 0},
    {"1.1.4", "TEXT \"*\"*127", NULL, 0},
    {"1.1.5", "TEXT \"*\"*128", NULL, 0},
    {"1.1.6", "TEXT \"*\"*65535", NULL, 0},
    {"1.1.7, 1.1.8", "TEXT \"*\"*65536", NULL, 0},
    {"1.2.1", "BIN", NULL, 0},
    {"1.2.2", "BIN fe*125", NULL, 0},
    {"1.2.3", "BIN fe*126", NULL, 0},
    {"1.2.4", "BIN fe*127", NULL, 0},
    {"1.2.5", "BIN fe*128", NULL, 0},
    {"1.2.6", "BIN fe*65535", NULL, 0},
    {"1.2.7, 1.2.8", "BIN fe*65536", NULL, 0},
    {"2.1", "PING", NULL, 0},
    {"2.2", "PING \"Hello, world!\"", NULL, 0},
    {"2.3", "PING 00fffefdfcfb00ff", NULL, 0},
    {"2.4, 2.6", "PING fe*125", NULL, 0},
    {"2.5", "PING fe*126", "", 1002},
    {"2.7", "PONG ; CLOSE #1000", NULL, 0},
    {"2.8", "PONG \"unsolicited pong payload\" ; CLOSE #1000", NULL, 0},
    {"2.9", "PONG \"unsolicited pong payload\" ; PING \"ping payload\"", NULL, 0},
    {"2.10, 2.11", TEN("PING"), NULL, 0},
    {"3.1", "TEXT{1} \"Hello, world!\"", "", 1002},
    {"3.2", HELLO "TEXT{2} \"Hello, world!\" ; PING", HELLO, 1002},
    {"3.3", HELLO "TEXT{3} \"Hello, world!\" ; PING", HELLO, 1002},
    {"3.4", HELLO "TEXT{4} \"Hello, world!\" ; PING", HELLO, 1002},
    {"3.5", "BIN{5} 00fffefdfcfb00ff", "", 1002},
    {"3.6", "BIN{6} \"Hello, world!\"", "", 1002},
    {"3.6 as described", "PING{6} \"Hello, world!\"", "", 1002},
    {"3.7", "CLOSE{7}", "", 1002},
    {"4.1.1", "OP3", "", 1002},
    {"4.1.2", "OP4 \"reserved opcode payload\"", "", 1002},
    {"4.1.3", HELLO "OP5 ; PING", HELLO, 1002},
    {"4.1.4", HELLO "OP6 \"Hello, world!\" ; PING", HELLO, 1002},
    {"4.1.5", HELLO "OP7 \"Hello, world!\" ; PING", HELLO, 1002},
    {"4.2.1", "OP11", "", 1002},
    {"4.2.2", "OP12 \"reserved opcode payload\"", "", 1002},
    {"4.2.3", HELLO "OP13 ; PING", HELLO, 1002},
    {"4.2.4", HELLO "OP14 \"Hello, world!\" ; PING", HELLO, 1002},
    {"4.2.5", HELLO "OP15 \"Hello, world!\" ; PING", HELLO, 1002},
    {"5.1", "PING- " F1 " ; CONT " F2, "", 1002},
    {"5.2", "PONG- " F1 " ; CONT " F2, "", 1002},
    {"5.3-5.5", "TEXT- " F1 " ; CONT " F2, "TEXT " F1 F2, 0},
    {"5.6-5.8", "TEXT- " F1 " ; PING \"ping payload\" ; CONT " F2,
     "PING \"ping payload\" ; TEXT " F1 F2, 0},
    {"5.9-5.11", "CONT \"non-continuation payload\" ; " HELLO, "", 1002},
    {"5.12-5.14", "CONT- \"non-continuation payload\" ; " HELLO, "", 1002},
    {"5.15", "TEXT- " F1 " ; CONT " F2 " ; CONT- \"fragment3\" ; TEXT \"fragment4\"", "TEXT " F1 F2,
     1002},
    {"5.16",
     "CONT- " F1 " ; TEXT- " F2 " ; CONT \"fragment3\" ; CONT- " F1 " ; TEXT- " F2
     " ; CONT \"fragment3\"",
     "", 1002},
    {"5.17",
     "CONT " F1 " ; TEXT- " F2 " ; CONT \"fragment3\" ; CONT " F1 " ; TEXT- " F2
     " ; CONT \"fragment3\"",
     "", 1002},
    {"5.18", "TEXT- " F1 " ; TEXT " F2, "", 1002},
    {"5.19, 5.20",
     "TEXT- " F1 " ; CONT- " F2 " ; PING \"pongme 1!\" ; CONT- \"fragment3\" ; "
     "CONT- \"fragment4\" ; PING \"pongme 2!\" ; CONT \"fragment5\"",
     "PING \"pongme 1!\" ; PING \"pongme 2!\" ; "
     "TEXT " F1 F2 "\"fragment3\" \"fragment4\" \"fragment5\"",
     0},
    {"6.1.1", "TEXT", NULL, 0},
    {"6.1.2", "TEXT- ; CONT- ; CONT", "TEXT", 0},
    {"6.1.3", "TEXT- ; CONT- \"middle frame payload\" ; CONT", "TEXT \"middle frame payload\"", 0},
    {"6.2.1", "TEXT " WORD, NULL, 0},
    {"6.2.2", "TEXT- 48656c6c6f2dc2b540c39fc3b6c3a4 ; CONT c3bcc3a0c3a12d5554462d382121",
     "TEXT " WORD, 0},
    {"6.2.4",
     "TEXT- ce ; CONT- ba ; CONT- e1 ; CONT- bd ; CONT- b9 ; CONT- cf ; CONT- 83 ; CONT- ce ; "
     "CONT- bc ; CONT- ce ; CONT- b5 ; CONT",
     "TEXT " GREEK, 0},
    {"6.3.1", "TEXT " GREEK "eda080656469746564", "", 1007},
    {"6.3.2",
     "TEXT- ce ; CONT- ba ; CONT- e1 ; CONT- bd ; CONT- b9 ; CONT- cf ; CONT- 83 ; CONT- ce ; "
     "CONT- bc ; CONT- ce ; CONT- b5 ; CONT- ed ; CONT- a0 ; CONT- 80 ; CONT- 65 ; CONT",
     "", 1007},
    {"6.4.1", "TEXT- " GREEK " ; CONT- f4908080 ; CONT \"edited\"", "", 1007},
    {"6.4.2", "TEXT- " GREEK "f4 ; CONT- 90 ; CONT 8080656469746564", "", 1007},
    {"6.4.3, 6.4.4", "TEXT- " GREEK "f4908080 \"edited\" ; CONT", "", 1007},
    {"7.1.1", "TEXT \"Hello World!\"", NULL, 0},
    {"7.1.2", "CLOSE #1000 ; CLOSE", "CLOSE #1000", 0},
    {"7.1.3", "CLOSE #1000 ; PING", "CLOSE #1000", 0},
    {"7.1.4", "CLOSE #1000 ; TEXT \"Hello World!\"", "CLOSE #1000", 0},
    {"7.1.5", "TEXT- " F1 " ; CLOSE #1000 ; CONT " F2, "CLOSE #1000", 0},
    {"7.1.6", "TEXT \"BAsd7&jh23\"~262144 ; TEXT \"Hello World!\" ; CLOSE #1000 ; PING",
     "TEXT \"BAsd7&jh23\"~262144 ; TEXT \"Hello World!\" ; CLOSE #1000", 0},
    {"7.3.1", "CLOSE", NULL, 0},
    {"7.3.2", "CLOSE \"a\"", "", 1002},
    {"7.3.3", "CLOSE #1000", NULL, 0},
    {"7.3.4", "CLOSE #1000 \"Hello World!\"", NULL, 0},
    {"7.3.5", "CLOSE #1000 \"*\"*123", NULL, 0},
    {"7.3.6", "CLOSE #1000 \"*\"*124", "", 1002},
    {"7.5.1", "CLOSE #1000 " GREEK "eda080656469746564", "", 1007},
    {"10.1.1", "TEXT- \"*\"*1300 ; CONT- \"*\"*1300 ; CONT \"*\"*536", "TEXT \"*\"*3136", 0},
    {"masked the wrong way", HELLO "TEXT^ \"x\"", HELLO, 1002},
    {"length not minimal, 16 bits", HELLO "TEXT:16 \"x\"*125", HELLO, 1002},
    {"length not minimal, 64 bits", HELLO "BIN:64 \"x\"*65535", HELLO, 1002},
    {"empty in 16 bits", "PONG ; TEXT:16", "PONG", 1002},
    {"close with a reason of invalid text", "CLOSE #1000 ff", "", 1007},
    {"close with an illegal code and invalid text", "CLOSE #1005 ff", "", 1002},
};

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
  const char *expected = t->events != NULL ? t->events : t->in;
  frames_script(&in, t->in, role == WS_SERVER);
  conn_rig_render(&events, expected, false);
  render_answers(&answers, expected, t->code);
  if (t->code != 0) bytes_print(&events, "ERROR %d\n", error_for(t->code));
  if (t->code == 0 && strstr(t->in, "CLOSE") == NULL) {
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

static void run_case_all_ways(const conformance_case *t) {
  for (uint64_t cut = 0; cut < 6; cut++) {
    run_case(t, WS_CLIENT, cut);
    run_case(t, WS_SERVER, cut);
  }
}

TEST(test_conn_conforms_in_groups_1_to_7) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case_all_ways(&cases[i]);
}

/* 6.5 - 6.23: one frame each. */
static const char *const valid_texts[] = {"68656c6c6f24776f726c64",
                                          "68656c6c6fc2a2776f726c64",
                                          "68656c6c6fe282ac776f726c64",
                                          "68656c6c6ff0a4ada2776f726c64",
                                          GREEK,
                                          "ceba",
                                          "cebae1bdb9",
                                          "cebae1bdb9cf83",
                                          "cebae1bdb9cf83cebc",
                                          "00",
                                          "c280",
                                          "e0a080",
                                          "f0908080",
                                          "7f",
                                          "dfbf",
                                          "efbfbf",
                                          "f48fbfbf",
                                          "ed9fbf",
                                          "ee8080",
                                          "efbfbd",
                                          "efbfbe",
                                          "f09fbfbe",
                                          "f09fbfbf",
                                          "f0afbfbe",
                                          "f0afbfbf",
                                          "f0bfbfbe",
                                          "f0bfbfbf",
                                          "f18fbfbe",
                                          "f18fbfbf",
                                          "f19fbfbe",
                                          "f19fbfbf",
                                          "f1afbfbe",
                                          "f1afbfbf",
                                          "f1bfbfbe",
                                          "f1bfbfbf",
                                          "f28fbfbe",
                                          "f28fbfbf",
                                          "f29fbfbe",
                                          "f29fbfbf",
                                          "f2afbfbe",
                                          "f2afbfbf",
                                          "f2bfbfbe",
                                          "f2bfbfbf",
                                          "f38fbfbe",
                                          "f38fbfbf",
                                          "f39fbfbe",
                                          "f39fbfbf",
                                          "f3afbfbe",
                                          "f3afbfbf",
                                          "f3bfbfbe",
                                          "f3bfbfbf",
                                          "f48fbfbe",
                                          "efbfb9",
                                          "efbfba",
                                          "efbfbb",
                                          "efbfbc"};

static const char *const invalid_texts[] = {
    "ce",
    "cebae1",
    "cebae1bd",
    "cebae1bdb9cf",
    "cebae1bdb9cf83ce",
    "cebae1bdb9cf83cebcce",
    "f888808080",
    "fc8480808080",
    "f7bfbfbf",
    "fbbfbfbfbf",
    "fdbfbfbfbfbf",
    "f4908080",
    "80",
    "bf",
    "80bf",
    "80bf80",
    "80bf80bf",
    "80bf80bf80",
    "80bf80bf80bf",
    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacad"
    "aeafb0b1b2b3b4b5b6b7b8b9babbbcbdbe",
    "c020c120c220c320c420c520c620c720c820c920ca20cb20cc20cd20ce20cf20d020d120d220d320d420d520d620"
    "d720d820d920da20db20dc20dd20de20",
    "e020e120e220e320e420e520e620e720e820e920ea20eb20ec20ed20ee20",
    "f020f120f220f320f420f520f620",
    "f820f920fa20",
    "fc20",
    "c0",
    "e080",
    "f08080",
    "f8808080",
    "fc80808080",
    "df",
    "efbf",
    "f7bfbf",
    "fbbfbfbf",
    "fdbfbfbfbf",
    "c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf",
    "fe",
    "ff",
    "fefeffff",
    "c0af",
    "e080af",
    "f08080af",
    "f8808080af",
    "fc80808080af",
    "c1bf",
    "e09fbf",
    "f08fbfbf",
    "f887bfbfbf",
    "fc83bfbfbfbf",
    "c080",
    "e08080",
    "f0808080",
    "f880808080",
    "fc8080808080",
    "eda080",
    "edadbf",
    "edae80",
    "edafbf",
    "edb080",
    "edbe80",
    "edbfbf",
    "eda080edb080",
    "eda080edbfbf",
    "edadbfedb080",
    "edadbfedbfbf",
    "edae80edb080",
    "edae80edbfbf",
    "edafbfedb080",
    "edafbfedbfbf"};

static void run_texts(const char *const *texts, size_t count, int code) {
  for (size_t i = 0; i < count; i++) {
    char script[300];
    (void) snprintf(script, sizeof script, "TEXT %s", texts[i]);
    run_case_all_ways(&(conformance_case){texts[i], script, code == 0 ? NULL : "", code});
    (void) snprintf(script, sizeof script, "BIN %s", texts[i]);
    run_case_all_ways(&(conformance_case){texts[i], script, NULL, 0});
  }
}

TEST(test_conn_conforms_in_utf8_sequences) {
  run_texts(valid_texts, sizeof valid_texts / sizeof *valid_texts, 0);
  run_texts(invalid_texts, sizeof invalid_texts / sizeof *invalid_texts, 1007);
}

/* 7.7, 7.9, 7.13: all codes, answered with the same or failed with 1002. */
TEST(test_conn_answers_every_close_code) {
  for (unsigned code = 0; code<65536; code += code> 5100 && code < 65000 ? 97 : 1) {
    char script[32];
    bool valid = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
                 (code >= 3000 && code <= 4999);
    (void) snprintf(script, sizeof script, "CLOSE #%u", code);
    conformance_case t = {script, script, valid ? NULL : "", valid ? 0 : 1002};
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
