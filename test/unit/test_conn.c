/* An open connection without I/O: events, closing, sending, and the cases of the Autobahn test
   suite that need no socket. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "proto/frame/conn.h"
#include "support/fake_env.h"
#include "support/frames.h"
#include "support/track_alloc.h"

#define CHECK(condition, ...)                \
  do {                                       \
    if (!(condition)) fail_msg(__VA_ARGS__); \
  } while (0)

typedef struct rig {
  track_alloc alloc;
  fake_env env;
  conn_shared shared;
  conn c;
  ws_role role;
  bool echo;    /* messages are sent back */
  bool keep;    /* what is to be written is left in the queue */
  bytes events; /* a line for each */
  bytes wire;   /* what was written */
} rig;

static const message_limits usual = {0x7fffffff, 16 << 20, 131072};

static void rig_open(rig *r, ws_role role) {
  *r = (rig){.role = role};
  track_alloc_init(&r->alloc);
  fake_env_init(&r->env, &r->alloc.handle, 1);
  conn_shared_init(&r->shared, &r->env.base);
  conn_init(&r->c, &r->shared, role, role == WS_CLIENT, &usual, NULL);
}

static void rig_close(rig *r) {
  conn_free(&r->c);
  conn_shared_free(&r->shared);
  assert_int_equal(r->alloc.live, 0);
  bytes_free(&r->events);
  bytes_free(&r->wire);
}

static void write_some(rig *r, size_t n) {
  ws_view bufs[3];
  while (n != 0) {
    size_t pieces = out_queue_peek(&r->c.out, bufs, 3), done = 0;
    assert_true(pieces != 0);
    for (size_t i = 0; i < pieces && done < n; i++) {
      size_t part = bufs[i].len < n - done ? bufs[i].len : n - done;
      bytes_add(&r->wire, bufs[i].base, part);
      done += part;
    }
    out_queue_written(&r->c.out, done);
    n -= done;
  }
}

static void write_all(rig *r) {
  write_some(r, out_queue_len(&r->c.out));
}

static void note_close(rig *r, const conn_event *ev) {
  bytes p = {0};
  bytes_add(&p, "", 0);
  if (ev->close_code != WSUV_CLOSE_NO_STATUS) {
    bytes_add(&p, &(uint8_t){(uint8_t) (ev->close_code >> 8)}, 1);
    bytes_add(&p, &(uint8_t){(uint8_t) ev->close_code}, 1);
  }
  bytes_add(&p, ev->data, ev->len);
  frames_render(&r->events, 8, true, 0, p.base, p.len);
  bytes_free(&p);
}

/* What answering gave, if it was to be answered. */
static int note(rig *r, const conn_event *ev) {
  switch (ev->type) {
  case CONN_EVENT_MESSAGE:
    frames_render(&r->events, ev->opcode, true, 0, ev->data, ev->len);
    if (r->echo) (void) conn_send(&r->c, (frame_opcode) ev->opcode, true, ev->data, ev->len);
    break;
  case CONN_EVENT_PIECE:
    bytes_print(&r->events, "%s %d at %llu, %zu%s\n", "PIECE", ev->opcode,
                (unsigned long long) ev->offset, ev->len, ev->fin ? ", last" : "");
    break;
  case CONN_EVENT_FRAME:
    frames_render(&r->events, ev->continuation ? 0 : ev->opcode, ev->fin, ev->rsv, ev->data,
                  ev->len);
    break;
  case CONN_EVENT_PING: frames_render(&r->events, 9, true, 0, ev->data, ev->len); break;
  case CONN_EVENT_PONG: frames_render(&r->events, 10, true, 0, ev->data, ev->len); break;
  case CONN_EVENT_CLOSE: note_close(r, ev); return conn_answer_close(&r->c);
  }
  return 0;
}

/* All events there are; the last result. */
static int take(rig *r) {
  conn_event ev;
  int err;
  while ((err = conn_next_event(&r->c, &ev)) == 1) {
    err = note(r, &ev);
    if (err < 0) break;
    if (!r->keep) write_all(r);
  }
  if (err < 0) {
    bytes_print(&r->events, "ERROR %d\n", err);
    assert_true(err == WS_ENOMEM || err == WSUV_ERANDOM || *r->c.why != 0);
    assert_true(r->c.failed);
  }
  if (!r->keep) write_all(r);
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
  bytes in = {0};
  frames_script(&in, script, r->role == WS_SERVER);
  int err = feed(r, in.base, in.len);
  bytes_free(&in);
  return err;
}

static void expect_text(const char *what, const char *seen, const char *expected) {
  CHECK(strcmp(seen, expected) == 0, "%s:\n%s-- expected:\n%s", what, seen, expected);
}

/* The lines of a script. */
static void render_script(bytes *text, const char *script, bool codes_only) {
  bytes b = {0};
  frames_script(&b, script, false);
  frames_render_stream(text, b.base, b.len, false, codes_only);
  bytes_free(&b);
}

static void expect_events(rig *r, const char *script) {
  bytes expected = {0};
  render_script(&expected, script, false);
  expect_text("events", bytes_text(&r->events), bytes_text(&expected));
  bytes_free(&expected);
  r->events.len = 0;
  bytes_add(&r->events, "", 0);
}

static void expect_error(rig *r, const char *script, int err) {
  bytes expected = {0};
  render_script(&expected, script, false);
  bytes_print(&expected, "ERROR %d\n", err);
  expect_text("events", bytes_text(&r->events), bytes_text(&expected));
  bytes_free(&expected);
}

/* What was written since the last call, reasons of close frames apart. */
static void expect_written(rig *r, const char *script) {
  bytes expected = {0}, seen = {0};
  render_script(&expected, script, true);
  frames_render_stream(&seen, r->wire.base, r->wire.len, r->role == WS_CLIENT, true);
  expect_text("written", bytes_text(&seen), bytes_text(&expected));
  bytes_free(&expected);
  bytes_free(&seen);
  r->wire.len = 0;
}

/* Conformance. */

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

/* Cut 0: whole; 1: byte by byte; else at random from that seed. */
static void feed_cut(rig *r, const bytes *in, uint64_t cut) {
  uint64_t seed = cut;
  for (size_t at = 0; at < in->len;) {
    size_t n = cut == 0 ? in->len : cut == 1 ? 1 : seeded_below(&seed, in->len / 4 + 3);
    if (n > in->len - at) n = in->len - at;
    (void) feed(r, in->base + at, n);
    at += n;
  }
}

static void run_case(const conformance_case *t, ws_role role, uint64_t cut) {
  rig r;
  bytes in = {0}, events = {0}, answers = {0}, seen = {0};
  char what[128];
  rig_open(&r, role);
  r.echo = true;
  const char *expected = t->events != NULL ? t->events : t->in;
  frames_script(&in, t->in, role == WS_SERVER);
  render_script(&events, expected, false);
  render_answers(&answers, expected, t->code);
  if (t->code != 0) bytes_print(&events, "ERROR %d\n", error_for(t->code));
  if (t->code == 0 && strstr(t->in, "CLOSE") == NULL) {
    frames_script(&in, "CLOSE #1000", role == WS_SERVER);
    render_script(&events, "CLOSE #1000", false);
    render_script(&answers, "CLOSE #1000", false);
  }
  feed_cut(&r, &in, cut);
  frames_render_stream(&seen, r.wire.base, r.wire.len, role == WS_CLIENT, true);
  (void) snprintf(what, sizeof what, "case %s, role %d, cut %llu: events", t->id, role,
                  (unsigned long long) cut);
  expect_text(what, bytes_text(&r.events), bytes_text(&events));
  (void) snprintf(what, sizeof what, "case %s, role %d, cut %llu: written", t->id, role,
                  (unsigned long long) cut);
  expect_text(what, bytes_text(&seen), bytes_text(&answers));
  bytes_free(&in);
  bytes_free(&events);
  bytes_free(&answers);
  bytes_free(&seen);
  rig_close(&r);
}

static void run_case_all_ways(const conformance_case *t) {
  for (uint64_t cut = 0; cut < 6; cut++) {
    run_case(t, WS_CLIENT, cut);
    run_case(t, WS_SERVER, cut);
  }
}

static void test_conn_conforms_in_groups_1_to_7(void **state) {
  (void) state;
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

static void test_conn_conforms_in_utf8_sequences(void **state) {
  (void) state;
  run_texts(valid_texts, sizeof valid_texts / sizeof *valid_texts, 0);
  run_texts(invalid_texts, sizeof invalid_texts / sizeof *invalid_texts, 1007);
}

/* 7.7, 7.9, 7.13: all codes, answered with the same or failed with 1002. */
static void test_conn_answers_every_close_code(void **state) {
  (void) state;
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
static void test_conn_fails_text_with_the_byte_that_is_wrong(void **state) {
  (void) state;
  static const struct {
    const char *good, *bad;
  } parts[] = {
      {"TEXT- " GREEK, "CONT- f4908080"},
      {"TEXT- " GREEK "f4", "CONT- 90"},
      {"TEXT- ; CONT- f0 ; PING", "CONT- 80"},
  };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
      rig r;
      rig_open(&r, (ws_role) role);
      assert_int_equal(feed_script(&r, parts[i].good), 0);
      assert_int_equal(feed_script(&r, parts[i].bad), WSUV_EUTF8);
      rig_close(&r);
    }
  }
  rig r; /* 6.4.4: in the middle of a frame */
  rig_open(&r, WS_CLIENT);
  assert_int_equal(feed(&r, (const uint8_t *) "\x01\x15\xce\xba\xf4", 5), 0);
  assert_int_equal(feed(&r, (const uint8_t *) "\x90", 1), WSUV_EUTF8);
  expect_written(&r, "CLOSE #1007");
  rig_close(&r);
}

/* Events. */

static void test_conn_gives_events_of_each_kind(void **state) {
  (void) state;
  const char *script = "TEXT \"a\" ; BIN ff ; PING \"p\" ; PONG \"q\" ; PING ; CLOSE #4000 \"bye\"";
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    rig r;
    rig_open(&r, (ws_role) role);
    assert_int_equal(feed_script(&r, script), 0);
    expect_events(&r, script);
    expect_written(&r, "PONG \"p\" ; PONG ; CLOSE #4000");
    assert_true(r.c.close_received && r.c.close_sent && !r.c.failed);
    assert_int_equal(r.c.sent_code, 4000);
    rig_close(&r);
  }
}

static void test_conn_message_in_one_piece_is_a_slice_of_the_input(void **state) {
  (void) state;
  rig r;
  bytes in = {0};
  conn_event ev;
  rig_open(&r, WS_CLIENT);
  frames_script(&in, "BIN \"x\"*5000 ; TEXT \"y\"", false);
  uint64_t calls = r.alloc.calls;
  conn_recv(&r.c, in.base, in.len);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
  assert_ptr_equal(ev.data, in.base + 4);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
  assert_ptr_equal(ev.data, in.base + 4 + 5000 + 2);
  assert_int_equal(conn_next_event(&r.c, &ev), 0);
  assert_int_equal(r.alloc.calls, calls);
  bytes_free(&in);
  rig_close(&r);
}

/* The data of an event is there until the next event is asked for, whatever is called before. */
static void test_conn_event_keeps_its_data_when_the_connection_fails(void **state) {
  (void) state;
  rig r;
  bytes in = {0}, others = {0};
  conn_event ev, other;
  conn c;
  rig_open(&r, WS_CLIENT);
  conn_init(&c, &r.shared, WS_CLIENT, true, &usual, NULL);
  frames_script(&in, "BIN- \"x\"*2000 ; CONT \"x\"*2000", false);
  frames_script(&others, "BIN- \"z\"*1500 ; CONT \"z\"*1500", false);
  conn_recv(&r.c, in.base, in.len);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
  assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, ev.data, ev.len), 0);
  conn_fail(&r.c, WSUV_EIDLE, "idle");
  conn_recv(&c, others.base, others.len);
  assert_int_equal(conn_next_event(&c, &other), 1);
  for (size_t i = 0; i < ev.len; i++) CHECK(ev.data[i] == 'x', "byte %zu is another", i);
  assert_int_equal(conn_next_event(&c, &other), 0);
  assert_int_equal(conn_next_event(&r.c, &ev), 0);
  bytes_free(&in);
  bytes_free(&others);
  conn_free(&c);
  rig_close(&r);
}

/* Take one event, have the rest kept, and the caller's memory gone. */
static void take_one_and_keep(rig *r, const char *script) {
  bytes in = {0};
  conn_event ev;
  frames_script(&in, script, r->role == WS_SERVER);
  uint8_t *copy = bytes_exact(in.base, in.len);
  conn_recv(&r->c, copy, in.len);
  assert_int_equal(conn_next_event(&r->c, &ev), 1);
  assert_int_equal(note(r, &ev), 0);
  assert_true(conn_has_input(&r->c));
  assert_int_equal(conn_keep_input(&r->c), 0);
  assert_int_equal(conn_keep_input(&r->c), 0); /* kept already */
  memset(copy, 0xee, in.len);
  free(copy);
  bytes_free(&in);
}

static void test_conn_goes_on_from_input_that_was_kept(void **state) {
  (void) state;
  static const char script[] =
      "TEXT \"a\" ; TEXT- \"b\" ; PING \"p\" ; CONT \"c\" ; BIN 00*500 ; PONG";
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    rig r;
    rig_open(&r, (ws_role) role);
    take_one_and_keep(&r, script);
    expect_events(&r, "TEXT \"a\"");
    assert_int_equal(take(&r), 0);
    expect_events(&r, "PING \"p\" ; TEXT \"bc\" ; BIN 00*500 ; PONG");
    assert_false(conn_has_input(&r.c));
    assert_null(r.c.kept.base);
    assert_int_equal(feed_script(&r, "TEXT \"d\""), 0);
    expect_events(&r, "TEXT \"d\"");
    rig_close(&r);
  }
}

static void test_conn_keeps_a_frame_that_is_not_whole(void **state) {
  (void) state;
  rig r;
  bytes rest = {0};
  rig_open(&r, WS_CLIENT);
  take_one_and_keep(&r, "TEXT \"a\" ; TEXT- \"b\"");
  assert_int_equal(take(&r), 0);
  frames_script(&rest, "CONT \"c\"", false);
  for (size_t i = 0; i < rest.len; i++) assert_int_equal(feed(&r, rest.base + i, 1), 0);
  expect_events(&r, "TEXT \"a\" ; TEXT \"bc\"");
  bytes_free(&rest);
  rig_close(&r);
}

static void test_conn_with_nothing_left_keeps_nothing(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_CLIENT);
  assert_int_equal(conn_keep_input(&r.c), 0);
  assert_int_equal(feed_script(&r, "BIN 00"), 0);
  uint64_t calls = r.alloc.calls;
  assert_int_equal(conn_keep_input(&r.c), 0);
  assert_int_equal(r.alloc.calls, calls);
  rig_close(&r);
}

/* The memory of the last is used again. */
static void test_conn_keeps_input_again_and_again_in_one_block(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_CLIENT);
  take_one_and_keep(&r, "BIN 00 ; BIN 01*100");
  assert_int_equal(take(&r), 0);
  uint64_t calls = r.alloc.calls;
  for (int i = 0; i < 50; i++) {
    take_one_and_keep(&r, "BIN 00 ; BIN 01*100");
    assert_int_equal(take(&r), 0);
  }
  assert_int_equal(r.alloc.calls, calls);
  rig_close(&r);
}

static void test_conn_gives_back_input_that_was_kept(void **state) {
  (void) state;
  for (int how = 0; how < 4; how++) {
    rig r;
    conn_event ev;
    rig_open(&r, WS_CLIENT);
    take_one_and_keep(&r, "TEXT \"a\" ; TEXT \"b\" ; TEXT \"c\"");
    if (how == 1) conn_fail(&r.c, WSUV_EIDLE, "idle");
    if (how == 2) assert_int_equal(conn_next_event(&r.c, &ev), 1);
    if (how == 3) conn_recv(&r.c, NULL, 0);
    if (how == 1) assert_int_equal(conn_next_event(&r.c, &ev), 0);
    assert_int_equal(r.c.kept.base == NULL, how == 1 || how == 3);
    rig_close(&r); /* finds no allocation */
  }
}

static void test_conn_without_memory_keeps_no_input(void **state) {
  (void) state;
  rig r;
  bytes in = {0};
  conn_event ev;
  rig_open(&r, WS_CLIENT);
  frames_script(&in, "TEXT \"a\" ; TEXT \"b\"", false);
  conn_recv(&r.c, in.base, in.len);
  assert_int_equal(conn_next_event(&r.c, &ev), 1);
  r.alloc.fail_at = r.alloc.calls + 1;
  assert_int_equal(conn_keep_input(&r.c), WS_ENOMEM);
  assert_int_equal(take(&r), 0); /* it is where it was */
  expect_events(&r, "TEXT \"b\"");
  bytes_free(&in);
  rig_close(&r);
}

static void test_conn_tells_of_data_that_came(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_CLIENT);
  assert_int_equal(feed_script(&r, "PING ; PONG"), 0);
  assert_false(r.c.data_received);
  for (const char *p = "\x82\x02xy"; *p != '\0'; p++) {
    r.c.data_received = false;
    assert_int_equal(feed(&r, (const uint8_t *) p, 1), 0);
    assert_int_equal(r.c.data_received, *p != '\x82'); /* half a header tells nothing yet */
  }
  rig_close(&r);
}

static void test_conn_idle_holds_no_memory(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_SERVER);
  assert_int_equal(r.alloc.live, 0);
  assert_int_equal(feed(&r, NULL, 0), 0);
  assert_int_equal(r.alloc.live, 0);
  rig_close(&r);
}

/* A control frame that is cut has memory of its own until its event has been seen. */
static void test_conn_control_frame_in_pieces_leaves_no_memory(void **state) {
  (void) state;
  bytes in = {0};
  frames_script(&in, "PONG \"x\"*125", false);
  for (size_t cut = 3; cut < in.len; cut++) {
    rig r;
    rig_open(&r, WS_CLIENT);
    assert_int_equal(feed(&r, in.base, cut), 0);
    assert_int_equal(r.alloc.live, 1);
    assert_int_equal(r.alloc.live_bytes, FRAME_CONTROL_MAX);
    assert_int_equal(feed(&r, in.base + cut, in.len - cut), 0);
    expect_events(&r, "PONG \"x\"*125");
    assert_int_equal(r.alloc.live, 0);
    rig_close(&r);
  }
  bytes_free(&in);
}

static void test_conn_reads_nothing_after_an_error(void **state) {
  (void) state;
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    rig r;
    rig_open(&r, (ws_role) role);
    assert_int_equal(feed_script(&r, "OP3 ; TEXT \"a\""), WSUV_EPROTOCOL);
    expect_error(&r, "", WSUV_EPROTOCOL);
    size_t events = r.events.len;
    assert_int_equal(feed_script(&r, "PING ; TEXT \"a\" ; CLOSE #1000 ; OP3"), 0);
    assert_int_equal(r.events.len, events);
    expect_written(&r, "CLOSE #1002");
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), WSUV_ESTATE);
    assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
    write_all(&r);
    expect_written(&r, "");
    rig_close(&r);
  }
}

static void test_conn_error_is_told_after_what_is_queued(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_SERVER);
  r.keep = true;
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), 0);
  assert_int_equal(feed_script(&r, "PING \"p\" ; TEXT^ \"unmasked\""), WSUV_EPROTOCOL);
  write_all(&r);
  expect_written(&r, "PONG \"p\" ; TEXT \"x\" ; CLOSE #1002");
  rig_close(&r);
}

/* F16, F17, F18, F20. */
static void expect_limit(const message_limits *limits, const char *script, const char *events,
                         int err) {
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    rig r;
    char answer[32];
    rig_open(&r, (ws_role) role);
    r.c.limits = *limits;
    assert_int_equal(feed_script(&r, script), err);
    expect_error(&r, events, err);
    (void) snprintf(answer, sizeof answer, "CLOSE #%u", close_code_for_error(err));
    expect_written(&r, answer);
    rig_close(&r);
  }
}

static void test_conn_fails_what_is_beyond_a_limit(void **state) {
  (void) state;
  const message_limits limits = {200, 300, 4};
  expect_limit(&limits, "BIN \"x\"*200 ; BIN \"x\"*201", "BIN \"x\"*200", WSUV_ETOOBIG);
  expect_limit(&limits, "BIN- \"x\"*200 ; CONT \"x\"*101", "", WSUV_ETOOBIG);
  expect_limit(&limits, "BIN- ; CONT- ; PONG ; CONT- ; CONT ; BIN- ; CONT- ; CONT- ; CONT- ; CONT",
               "PONG ; BIN", WSUV_EFRAGMENTS);
}

static void test_conn_length_only_announced_allocates_nothing(void **state) {
  (void) state;
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    rig r;
    bytes in = {0};
    uint8_t *dst;
    frame_spec spec = {.opcode = 2, .fin = true, .masked = role == WS_SERVER};
    rig_open(&r, (ws_role) role);
    r.c.limits = (message_limits){UINT64_MAX, SIZE_MAX, UINT32_MAX};
    frames_header(&in, &spec, 0x7fffffff);
    assert_int_equal(feed(&r, in.base, in.len), 0);
    assert_int_equal(r.alloc.live, 0);
    (void) conn_recv_target(&r.c, 65536, &dst);
    CHECK(r.alloc.live_bytes <= 2 * 65536, "%zu bytes for none", r.alloc.live_bytes);
    bytes_free(&in);
    rig_close(&r);
  }
}

/* Closing. */

static void test_conn_close_that_we_begin(void **state) {
  (void) state;
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    rig r;
    rig_open(&r, (ws_role) role);
    assert_int_equal(conn_close(&r.c, 3000, "bye", 3), 0);
    assert_true(r.c.close_sent && !r.c.close_received);
    assert_int_equal(r.c.sent_code, 3000);
    write_all(&r);
    bytes seen = {0}, expected = {0};
    frames_render_stream(&seen, r.wire.base, r.wire.len, role == WS_CLIENT, false);
    render_script(&expected, "CLOSE #3000 \"bye\"", false);
    expect_text("close", bytes_text(&seen), bytes_text(&expected));
    bytes_free(&seen);
    bytes_free(&expected);
    r.wire.len = 0;
    assert_int_equal(feed_script(&r, "TEXT \"late\" ; PONG ; CLOSE #3000 ; TEXT \"x\""), 0);
    expect_events(&r, "TEXT \"late\" ; PONG ; CLOSE #3000");
    expect_written(&r, "");
    rig_close(&r);
  }
}

static void test_conn_close_that_the_peer_begins(void **state) {
  (void) state;
  static const char *const closes[] = {"CLOSE", "CLOSE #1000", "CLOSE #1014 \"x\"", "CLOSE #4999"};
  for (size_t i = 0; i < sizeof closes / sizeof *closes; i++) {
    rig r;
    rig_open(&r, WS_CLIENT);
    assert_int_equal(feed_script(&r, closes[i]), 0);
    expect_events(&r, closes[i]);
    expect_written(&r, closes[i]);
    for (unsigned type = 1; type <= 10; type += type == 2 ? 7u : 1u)
      assert_int_equal(conn_send(&r.c, (frame_opcode) type, true, "x", 1), WSUV_ESTATE);
    assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
    conn_fail(&r.c, WSUV_EIDLE, "idle");
    write_all(&r);
    expect_written(&r, "");
    rig_close(&r);
  }
}

/* The answer waits for its owner, who may still write what is queued, or answer otherwise. */
static void test_conn_close_of_the_peer_is_answered_when_asked_to(void **state) {
  (void) state;
  static const char *const written[] = {"CLOSE #4001", "BIN \"x\" ; CLOSE #4001", "CLOSE #4002"};
  for (int v = 0; v < 3; v++) {
    rig r;
    conn_event ev;
    uint8_t in[] = {0x88, 2, 0x0f, 0xa1, 0x81, 1, 'x'};
    rig_open(&r, WS_CLIENT);
    assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "x", 1), 0);
    conn_recv(&r.c, in, sizeof in);
    assert_int_equal(conn_next_event(&r.c, &ev), 1);
    assert_int_equal(ev.close_code, 4001);
    assert_true(r.c.close_received && !r.c.close_sent);
    if (v == 1) write_all(&r);
    if (v == 2) assert_int_equal(conn_close(&r.c, 4002, "", 0), 0);
    assert_int_equal(conn_answer_close(&r.c), 0);
    assert_true(r.c.close_sent);
    assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "x", 1), WSUV_ESTATE);
    assert_int_equal(conn_next_event(&r.c, &ev), 0);
    write_all(&r);
    expect_written(&r, written[v]);
    rig_close(&r);
  }
}

static void test_conn_close_at_the_same_time(void **state) {
  (void) state;
  for (int written = 0; written < 2; written++) {
    rig r;
    rig_open(&r, WS_SERVER);
    r.keep = true;
    assert_int_equal(conn_close(&r.c, 1001, "", 0), 0);
    if (written != 0) write_all(&r);
    assert_int_equal(feed_script(&r, "CLOSE #1000 \"mine\""), 0);
    expect_events(&r, "CLOSE #1000 \"mine\"");
    write_all(&r);
    expect_written(&r, "CLOSE #1001");
    assert_int_equal(r.c.sent_code, 1001);
    rig_close(&r);
  }
}

/* Our close frame waits behind data when the peer's arrives: whether that data goes out or is
   dropped (RFC 6455 5.5.1 leaves it open), no frame is cut, data_kept says which it is, and our
   close goes out behind it, once. */
static void expect_one_close(rig *r, size_t begun, size_t gone) {
  seen_frame f;
  uint8_t *p = r->wire.base;
  size_t n = r->wire.len, count = 0, size;
  while ((size = frames_parse(&f, p, n)) != 0 && f.spec.opcode == 2) {
    CHECK(size == 8, "%zu bytes gone: frame %zu", gone, count);
    p += size, n -= size, count++;
  }
  CHECK(size == n && f.spec.opcode == 8 && f.length == 2, "%zu bytes gone: the close", gone);
  CHECK((f.payload[0] << 8 | f.payload[1]) == r->c.sent_code, "%zu bytes gone: code", gone);
  CHECK(count == begun || count == 3, "%zu bytes gone: %zu frames", gone, count);
  CHECK(count == 3 ? r->c.data_kept >= 24 : r->c.data_kept == 8 * begun, "%zu bytes gone: kept",
        gone);
}

static void test_conn_close_of_the_peer_does_not_cost_us_our_close(void **state) {
  (void) state;
  for (size_t gone = 0; gone <= 3 * 8 + 4; gone++) {
    rig r;
    rig_open(&r, WS_SERVER);
    r.keep = true;
    for (int i = 0; i < 3; i++)
      assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "sixsix", 6), 0);
    assert_int_equal(conn_close(&r.c, 3333, "", 0), 0);
    write_some(&r, gone);
    assert_int_equal(feed_script(&r, "CLOSE #1000"), 0);
    write_all(&r);
    expect_one_close(&r, (gone + 7) / 8 < 3 ? (gone + 7) / 8 : 3, gone);
    rig_close(&r);
  }
}

static void test_conn_close_of_the_peer_says_what_was_kept(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_SERVER);
  r.keep = true;
  for (size_t len = 10; len < 40; len += 10) /* frames of 12, 22, 32 bytes */
    assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "0123456789012345678901234567890", len),
                     0);
  write_some(&r, 13);
  assert_int_equal(r.c.out.payload, 50);
  assert_int_equal(feed_script(&r, "CLOSE"), 0);
  assert_int_equal(r.c.data_kept, 34);
  assert_int_equal(r.c.out.payload, 20);
  write_all(&r);
  expect_written(&r, "BIN \"0123456789\" ; BIN \"01234567890123456789\" ; CLOSE");
  rig_close(&r);
}

/* It is taken back with the data before it, and there is no room any more to put it back. */
static void test_conn_close_that_is_lost_is_not_said_to_be_sent(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_CLIENT);
  r.keep = true;
  r.shared.chunks.max_spares = 0;
  assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "x", 1), 0);
  assert_int_equal(conn_close(&r.c, 1000, NULL, 0), 0);
  r.alloc.fail_at = r.alloc.calls + 1;
  r.alloc.fail_for_ever = true;
  assert_int_equal(feed_script(&r, "CLOSE #1000"), WS_ENOMEM);
  assert_int_equal(r.c.sent_code, 0);
  assert_int_equal(r.c.close_size, 0);
  assert_int_equal(r.c.data_kept, 0);
  assert_int_equal(out_queue_len(&r.c.out), 0);
  assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "x", 1), WSUV_ESTATE);
  rig_close(&r);
}

static void test_conn_close_never_overtakes_data(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_CLIENT);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "a", 1), 0);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "b", 1), 0);
  assert_int_equal(conn_close(&r.c, 1000, NULL, 0), 0);
  assert_int_equal(conn_close(&r.c, 1001, "again", 5), 0);
  write_all(&r);
  expect_written(&r, "TEXT- \"a\" ; CONT \"b\" ; CLOSE #1000");
  for (unsigned type = 1; type <= 10; type += type == 2 ? 7u : 1u)
    assert_int_equal(conn_send(&r.c, (frame_opcode) type, true, "x", 1), WSUV_ESTATE);
  rig_close(&r);
}

/* RFC 6455 5.5.1: what comes behind a close frame is not read by anybody. */
static void test_conn_sends_nothing_after_its_close_frame(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_CLIENT);
  assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
  write_all(&r);
  expect_written(&r, "CLOSE #1000");
  assert_int_equal(feed_script(&r, "PING \"still there?\" ; TEXT \"a\""), 0);
  expect_events(&r, "PING \"still there?\" ; TEXT \"a\"");
  expect_written(&r, "");
  assert_int_equal(feed_script(&r, "OP3"), WSUV_EPROTOCOL);
  expect_written(&r, "");
  rig_close(&r);
}

static void test_conn_close_refuses_what_may_not_be_sent(void **state) {
  (void) state;
  static const unsigned codes[] = {0,    1,    999,  1004, 1006,  1015,         1016,
                                   1999, 2000, 2999, 5000, 65535, 65536 + 1000, UINT32_MAX};
  char reason[WSUV_CLOSE_REASON_MAX + 1];
  rig r;
  memset(reason, 'r', sizeof reason);
  rig_open(&r, WS_CLIENT);
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    CHECK(conn_close(&r.c, codes[i], "", 0) == WSUV_ECLOSECODE, "code %u", codes[i]);
  assert_true(conn_close(&r.c, WSUV_CLOSE_NO_STATUS, "why", 3) < 0);
  assert_int_equal(conn_close(&r.c, 1000, reason, sizeof reason), WSUV_ECONTROL);
  assert_int_equal(conn_close(&r.c, 1000, "\xff", 1), WSUV_EUTF8);
  assert_int_equal(conn_close(&r.c, 1000, "\xce", 1), WSUV_EUTF8);
  assert_int_equal(out_queue_len(&r.c.out), 0);
  assert_false(r.c.close_sent);
  assert_int_equal(conn_send(&r.c, OPCODE_PING, true, "x", 1), 0);
  assert_int_equal(conn_close(&r.c, 1000, reason, WSUV_CLOSE_REASON_MAX), 0);
  write_all(&r);
  expect_written(&r, "PING \"x\" ; CLOSE #1000");
  rig_close(&r);
  rig_open(&r, WS_CLIENT);
  assert_int_equal(conn_close(&r.c, WSUV_CLOSE_NO_STATUS, NULL, 0), 0);
  write_all(&r);
  expect_written(&r, "CLOSE");
  assert_int_equal(r.c.sent_code, WSUV_CLOSE_NO_STATUS);
  rig_close(&r);
}

static void test_conn_fail_tells_the_peer_once(void **state) {
  (void) state;
  static const int errors[] = {WSUV_EPROTOCOL,  WSUV_EUTF8, WSUV_ETOOBIG,
                               WSUV_EFRAGMENTS, WSUV_EIDLE, WSUV_EPINGTIMEOUT,
                               WS_ECANCELED,    WS_ENOMEM,  WSUV_ERANDOM};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    rig r;
    char answer[48];
    rig_open(&r, (ws_role) (i % 2));
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), 0);
    conn_fail(&r.c, errors[i], "for a reason");
    conn_fail(&r.c, WSUV_EPROTOCOL, "for another");
    assert_true(r.c.failed && r.c.close_sent);
    (void) snprintf(answer, sizeof answer, "TEXT \"x\" ; CLOSE #%u",
                    close_code_for_error(errors[i]));
    write_all(&r);
    expect_written(&r, answer);
    assert_int_equal(feed_script(&r, "TEXT \"a\" ; CLOSE #1000"), 0);
    expect_events(&r, "");
    expect_written(&r, "");
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), WSUV_ESTATE);
    rig_close(&r);
  }
}

static void test_conn_fail_sends_its_text_as_the_reason(void **state) {
  (void) state;
  static char why[WSUV_CLOSE_REASON_MAX + 1];
  for (size_t len = 0; len <= WSUV_CLOSE_REASON_MAX; len += len == 0 ? 1 : 61) {
    rig r;
    seen_frame f;
    memset(why, 'w', len);
    why[len] = 0;
    rig_open(&r, WS_CLIENT);
    conn_fail(&r.c, WSUV_EIDLE, why);
    assert_string_equal(r.c.why, why);
    write_all(&r);
    assert_int_equal(frames_parse(&f, r.wire.base, r.wire.len), r.wire.len);
    assert_int_equal(f.length, 2 + len);
    assert_memory_equal(f.payload, "\x03\xe9", 2);
    assert_memory_equal(f.payload + 2, why, len);
    rig_close(&r);
  }
}

static void test_conn_fail_after_our_close_sends_no_other(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_CLIENT);
  assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
  conn_fail(&r.c, WSUV_EPINGTIMEOUT, "ping timeout");
  assert_true(r.c.failed);
  write_all(&r);
  expect_written(&r, "CLOSE #1000");
  assert_int_equal(r.c.sent_code, 1000);
  rig_close(&r);
}

/* Sending. */

static void test_conn_sends_every_type_at_the_borders_of_length(void **state) {
  (void) state;
  static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 300000};
  static const uint8_t types[] = {OPCODE_TEXT, OPCODE_BINARY, OPCODE_PING, OPCODE_PONG};
  for (int v = 0; v < 3; v++) { /* a client, one that does not mask, a server */
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
      for (size_t t = 0; t < 4; t++) {
        rig r;
        bytes payload = {0}, expected = {0}, seen = {0};
        if (types[t] >= 8 && lengths[l] > 125) continue;
        rig_open(&r, v == 2 ? WS_SERVER : WS_CLIENT);
        r.c.masking = v == 0;
        for (size_t i = 0; i < lengths[l]; i++)
          bytes_add(&payload, &(uint8_t){(uint8_t) (i % 127)}, 1);
        uint8_t *copy = bytes_exact(payload.base, payload.len);
        assert_int_equal(conn_send(&r.c, (frame_opcode) types[t], true,
                                   lengths[l] != 0 ? copy : NULL, lengths[l]),
                         0);
        assert_int_equal(r.c.out.payload, types[t] < 8 ? lengths[l] : 0);
        free(copy);
        write_all(&r);
        frames_render(&expected, types[t], true, 0, payload.base, payload.len);
        frames_render_stream(&seen, r.wire.base, r.wire.len, v == 0, false);
        expect_text("sent", bytes_text(&seen), bytes_text(&expected));
        bytes_free(&payload);
        bytes_free(&expected);
        bytes_free(&seen);
        rig_close(&r);
      }
    }
  }
}

static void test_conn_sends_fragments_with_controls_between(void **state) {
  (void) state;
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    rig r;
    rig_open(&r, (ws_role) role);
    for (int again = 0; again < 2; again++) {
      assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "a\xce", 2), 0);
      write_all(&r);
      assert_int_equal(conn_send(&r.c, OPCODE_PING, true, "p", 1), 0);
      assert_int_equal(feed_script(&r, "PING \"q\""), 0);
      assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, NULL, 0), 0);
      assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "\xba", 1), 0);
      write_all(&r);
      assert_int_equal(conn_send(&r.c, OPCODE_PONG, true, "r", 1), 0);
      assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "b", 1), 0);
      write_all(&r);
      expect_written(&r, "TEXT- \"a\" ce ; PING \"p\" ; PONG \"q\" ; CONT- ; CONT- ba ; "
                         "PONG \"r\" ; CONT \"b\"");
      assert_int_equal(conn_send(&r.c, OPCODE_BINARY, false, "\xff", 1), 0);
      assert_int_equal(conn_send(&r.c, OPCODE_BINARY, true, "\xff", 1), 0);
      write_all(&r);
      expect_written(&r, "BIN- ff ; CONT ff");
    }
    rig_close(&r);
  }
}

static void expect_refused(rig *r, frame_opcode type, bool fin, const char *p, size_t n, int err) {
  size_t len = out_queue_len(&r->c.out);
  int seen = conn_send(&r->c, type, fin, p, n);
  CHECK(seen == err, "type %d fin %d: %d instead of %d", type, fin, seen, err);
  assert_int_equal(out_queue_len(&r->c.out), len);
}

static void test_conn_send_refuses_what_may_not_be_sent(void **state) {
  (void) state;
  char big[126];
  rig r;
  memset(big, 'x', sizeof big);
  rig_open(&r, WS_CLIENT);
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
  assert_int_equal(out_queue_len(&r.c.out), 0);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "a", 1), 0);
  expect_refused(&r, OPCODE_BINARY, true, "b", 1, WS_EINVAL);
  expect_refused(&r, OPCODE_BINARY, false, "b", 1, WS_EINVAL);
  expect_refused(&r, OPCODE_CONTINUATION, true, "b", 1, WS_EINVAL);
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "c", 1), 0);
  write_all(&r);
  expect_written(&r, "TEXT- \"a\" ; CONT \"c\"");
  rig_close(&r);
}

/* A fragment that is refused leaves the message as it was. */
static void test_conn_send_that_fails_changes_no_state(void **state) {
  (void) state;
  for (int v = 0; v < 3; v++) {
    rig r;
    rig_open(&r, WS_CLIENT);
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
      if (v == 2) write_all(&r);
      if (v == 2) bufq_pool_free(&r.shared.chunks);
      if (v == 2) bufq_pool_init(&r.shared.chunks, &r.alloc.handle, 4);
    }
    write_all(&r);
    expect_written(&r, "TEXT- ce ; CONT ba");
    rig_close(&r);
  }
}

/* F14. */

static void test_conn_masks_are_fresh_for_each_frame(void **state) {
  (void) state;
  enum { COUNT = 3000 };
  static uint32_t keys[COUNT];
  rig r;
  conn other;
  rig_open(&r, WS_CLIENT);
  conn_init(&other, &r.shared, WS_CLIENT, true, &usual, NULL);
  for (size_t i = 0; i < COUNT; i++) {
    ws_view buf;
    seen_frame f;
    conn *c = i % 3 == 0 ? &other : &r.c;
    assert_int_equal(conn_send(c, OPCODE_TEXT, true, "masked", 6), 0);
    assert_int_equal(out_queue_peek(&c->out, &buf, 1), 1);
    bytes_add(&r.wire, buf.base, buf.len);
    assert_int_equal(frames_parse(&f, r.wire.base, r.wire.len), 12);
    assert_memory_equal(f.payload, "masked", 6);
    memcpy(&keys[i], f.spec.key, 4);
    for (size_t k = 0; k < i; k++) CHECK(keys[k] != keys[i], "frames %zu and %zu", k, i);
    out_queue_written(&c->out, 12);
    r.wire.len = 0;
  }
  assert_true(r.env.calls >= COUNT * 4 / RANDOM_POOL_SIZE);
  conn_free(&other);
  rig_close(&r);
}

static void test_conn_without_random_bytes_sends_nothing(void **state) {
  (void) state;
  rig r;
  rig_open(&r, WS_CLIENT);
  r.env.random_fails = true;
  assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "x", 1), WSUV_ERANDOM);
  assert_int_equal(conn_send(&r.c, OPCODE_PING, true, "x", 1), WSUV_ERANDOM);
  assert_int_equal(conn_close(&r.c, 1000, "", 0), WSUV_ERANDOM);
  assert_int_equal(out_queue_len(&r.c.out), 0);
  assert_false(r.c.close_sent);
  r.env.random_fails = false;
  assert_int_equal(conn_close(&r.c, 1000, "", 0), 0);
  write_all(&r);
  expect_written(&r, "CLOSE #1000");
  rig_close(&r);
}

static void test_conn_without_random_bytes_fails_when_it_must_answer(void **state) {
  (void) state;
  static const char *const scripts[] = {"PING \"p\" ; TEXT \"a\"", "CLOSE #1000"};
  for (size_t i = 0; i < 2; i++) {
    rig r;
    rig_open(&r, WS_CLIENT);
    r.env.random_fails = true;
    assert_int_equal(feed_script(&r, scripts[i]), WSUV_ERANDOM);
    assert_null(strstr(bytes_text(&r.events), "TEXT"));
    expect_written(&r, "");
    assert_true(r.c.failed);
    assert_int_equal(feed_script(&r, "TEXT \"a\""), 0);
    r.env.random_fails = false;
    assert_true(conn_send(&r.c, OPCODE_TEXT, true, "x", 1) < 0);
    rig_close(&r);
    rig_open(&r, WS_SERVER); /* which masks nothing */
    r.env.random_fails = true;
    assert_int_equal(feed_script(&r, scripts[i]), 0);
    rig_close(&r);
  }
}

static void test_conn_flood_of_pings_keeps_memory_flat(void **state) {
  (void) state;
  for (int role = WS_CLIENT; role <= WS_SERVER; role++) {
    rig r;
    rig_open(&r, (ws_role) role);
    r.keep = true;
    size_t live = 0;
    for (int i = 0; i < 5000; i++) {
      char script[32];
      (void) snprintf(script, sizeof script, "PING #%d \"x\"*123", i);
      assert_int_equal(feed_script(&r, script), 0);
      if (i == 100) live = r.alloc.live_bytes;
      if (i > 100) assert_true(r.alloc.live_bytes <= live);
    }
    write_all(&r);
    bytes expected = {0};
    for (int i = 0; i < OUT_PONGS_MAX; i++) bytes_print(&expected, "PONG #%d \"x\"*123 ;", i);
    bytes_print(&expected, "PONG #4999 \"x\"*123");
    expect_written(&r, bytes_text(&expected));
    bytes_free(&expected);
    rig_close(&r);
  }
}

/* Reading in place. */

typedef struct place_test {
  const char *script;
  size_t least;
  size_t most; /* bytes that one read gives */
} place_test;

/* Payload bytes of the data frame around `at` that have not come; 0 outside of payloads. */
static size_t missing_at(const bytes *in, size_t at) {
  seen_frame f;
  size_t begin = 0, size = 0, missing = 0;
  bytes copy = {0};
  bytes_add(&copy, in->base, in->len);
  for (; (size = frames_parse(&f, copy.base + begin, copy.len - begin)) != 0; begin += size)
    if (f.spec.opcode < 8 && at >= begin + f.header_size && at < begin + size)
      missing = begin + size - at;
  bytes_free(&copy);
  return missing;
}

static size_t read_once(rig *r, const bytes *in, size_t at, const place_test *t, uint64_t *seed) {
  uint8_t *dst = NULL, *copy = NULL;
  size_t room = conn_recv_target(&r->c, t->least, &dst);
  size_t missing = missing_at(in, at);
  CHECK(room == 0 || missing > t->least, "at %zu: room %zu, %zu are missing", at, room, missing);
  CHECK(room != 0 || missing <= t->least || r->c.incoming.assembled.len == 0,
        "at %zu: no room, %zu bytes are missing", at, missing);
  CHECK(room <= missing, "at %zu: room %zu for %zu", at, room, missing);
  size_t n = 1 + seeded_below(seed, t->most);
  if (seeded_below(seed, 3) == 0) n = t->most;
  if (room != 0 && n > room) n = room;
  if (room == 0 && n > t->least) n = t->least;
  if (n > in->len - at) n = in->len - at;
  if (room != 0)
    memcpy(dst, in->base + at, n);
  else
    dst = copy = bytes_exact(in->base + at, n);
  CHECK(r->alloc.live_bytes <= 2 * at + BUFQ_CHUNK_SIZE + 65536 + 2 * t->least, "at %zu: %zu bytes",
        at, r->alloc.live_bytes);
  conn_recv(&r->c, dst, n);
  assert_int_equal(take(r), 0);
  free(copy);
  return n;
}

static void run_in_place(const place_test *t, const char *events, ws_role role, uint64_t seed) {
  rig r;
  bytes in = {0};
  rig_open(&r, role);
  frames_script(&in, t->script, role == WS_SERVER);
  for (size_t at = 0; at < in.len;) at += read_once(&r, &in, at, t, &seed);
  expect_events(&r, events != NULL ? events : t->script);
  bytes_free(&in);
  rig_close(&r);
}

static void test_conn_reads_large_payloads_in_place(void **state) {
  (void) state;
  static const place_test tests[] = {
      {"BIN \"0123456789abc\"~5000 ; TEXT \"after\"", 100, 400},
      {"TEXT \"0123456789abc\"~5000 ; PING ; BIN \"xyz\"~101", 100, 100000},
      {"TEXT- cebae1bdb9cf83~1400 ; PING \"p\" ; CONT \"uvw\"~3001 ; BIN \"z\"~150", 64, 333},
      {"BIN- \"abc\"~50 ; PING \"pq\"~125 ; CONT \"def\"~100", 10, 20},
      {"BIN \"abc\"~100", 100, 1000},
      {"BIN \"abc\"~101", 100, 7},
      {"BIN \"abc\"~65535 ; BIN \"abcd\"~65536 ; BIN \"abcde\"~65537", 1000, 9000},
  };
  static const char *const events[] = {
      NULL,
      NULL,
      "PING \"p\" ; TEXT cebae1bdb9cf83~1400 \"uvw\"~3001 ; BIN \"z\"~150",
      "PING \"pq\"~125 ; BIN \"abc\"~50 \"def\"~100",
      NULL,
      NULL,
      NULL};
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    for (uint64_t seed = 0; seed < 10; seed++) {
      run_in_place(&tests[i], events[i], WS_CLIENT, seed);
      run_in_place(&tests[i], events[i], WS_SERVER, seed);
    }
  }
}

static void test_conn_reads_megabytes_in_place_within_twice_their_size(void **state) {
  (void) state;
  static const place_test tests[] = {
      {"BIN \"0123456789abc\"~5000001 ; TEXT \"after\"", 65536, 1000000},
      {"BIN- \"0123456789abc\"~2000000 ; CONT \"0123456\"~1500000", 65536, 65536 * 4},
  };
  run_in_place(&tests[0], NULL, WS_CLIENT, 1);
  run_in_place(&tests[0], NULL, WS_SERVER, 2);
  run_in_place(&tests[1], "BIN \"0123456789abc\"~2000000 \"0123456\"~1500000", WS_SERVER, 3);
}

static void test_conn_checks_text_that_is_read_in_place(void **state) {
  (void) state;
  rig r;
  uint8_t *dst;
  bytes in = {0};
  frame_spec spec = {.opcode = 1, .fin = true, .masked = true, .key = {1, 2, 3, 4}};
  rig_open(&r, WS_SERVER);
  frames_header(&in, &spec, 10000);
  bytes_add(&in, "\x60\x60\x60\x60", 4); /* a b c d */
  assert_int_equal(feed(&r, in.base, in.len), 0);
  size_t room = conn_recv_target(&r.c, 100, &dst);
  assert_true(room >= 4);
  memcpy(dst, "\x60\x60\xfc\x65", 4); /* a b ff a */
  conn_recv(&r.c, dst, 4);
  assert_int_equal(take(&r), WSUV_EUTF8);
  assert_int_equal(conn_recv_target(&r.c, 100, &dst), 0);
  bytes_free(&in);
  rig_close(&r);
}

/* The hook. */

typedef struct traced {
  bytes text[2];
} traced;

static void trace(void *arg, bool outgoing, const frame_header *h) {
  traced *t = arg;
  bytes_print(&t->text[outgoing ? 1 : 0], "%u%s %u %d;", h->opcode, h->fin ? "" : "-",
              (unsigned) h->length, h->masked);
}

static void dump(void *arg, bool outgoing, const uint8_t *payload, size_t len) {
  traced *t = arg;
  bytes_print(&t->text[outgoing ? 1 : 0], "%.*s;", len < 3 ? (int) len : 3, (const char *) payload);
}

/* What was cut: as much as came first, but something. */
static void test_conn_dumps_payloads_in_clear(void **state) {
  (void) state;
  for (uint64_t cut = 0; cut < 2; cut++) {
    rig r;
    bytes in = {0};
    traced t = {{{0}, {0}}};
    rig_open(&r, WS_CLIENT);
    r.shared.dump = dump;
    r.c.trace_arg = &t;
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "abcdef", 6), 0);
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "", 0), 0);
    frames_script(&in, "PING \"p\" ; PONG ; TEXT \"xyz\"", false);
    feed_cut(&r, &in, cut);
    expect_text("in", bytes_text(&t.text[0]), cut == 0 ? "p;xyz;" : "p;x;");
    expect_text("out", bytes_text(&t.text[1]), "abc;p;");
    bytes_free(&t.text[0]);
    bytes_free(&t.text[1]);
    bytes_free(&in);
    rig_close(&r);
  }
}

static void test_conn_traces_each_header_both_ways(void **state) {
  (void) state;
  for (uint64_t cut = 0; cut < 3; cut++) {
    rig r;
    bytes in = {0};
    traced t = {{{0}, {0}}};
    rig_open(&r, WS_CLIENT);
    r.shared.trace = trace;
    r.c.trace_arg = &t;
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, false, "ab", 2), 0);
    assert_int_equal(conn_send(&r.c, OPCODE_TEXT, true, "", 0), 0);
    frames_script(&in, "PING \"p\" ; BIN- \"abc\" ; PONG ; CONT \"x\"*200 ; CLOSE #1000", false);
    feed_cut(&r, &in, cut);
    expect_text("in", bytes_text(&t.text[0]), "9 1 0;2- 3 0;10 0 0;0 200 0;8 2 0;");
    expect_text("out", bytes_text(&t.text[1]), "1- 2 1;0 0 1;10 1 1;8 2 1;");
    bytes_free(&t.text[0]);
    bytes_free(&t.text[1]);
    bytes_free(&in);
    rig_close(&r);
  }
}

/* Memory. */

typedef struct torture {
  rig r;
  size_t sent; /* frames that were taken */
  bool over;   /* the connection failed or closed */
} torture;

static void torture_send(torture *t, frame_opcode type, bool fin, size_t len) {
  static const uint8_t zeros[40000];
  int err = conn_send(&t->r.c, type, fin, zeros, len);
  CHECK(err == 0 || err == (t->over ? WSUV_ESTATE : WS_ENOMEM), "send: %d", err);
  if (err == 0) t->sent++;
  write_all(&t->r);
}

static void torture_feed(torture *t, const char *script, bool in_place) {
  bytes in = {0};
  frames_script(&in, script, t->r.role == WS_SERVER);
  for (size_t at = 0, n; at < in.len; at += n) {
    uint8_t *dst, *copy = NULL;
    size_t room = in_place ? conn_recv_target(&t->r.c, 200, &dst) : 0;
    n = room != 0 ? room : 190;
    if (n > in.len - at) n = in.len - at;
    if (room == 0) dst = copy = bytes_exact(in.base + at, n);
    if (room != 0) memcpy(dst, in.base + at, n);
    conn_recv(&t->r.c, dst, n);
    int err = take(&t->r);
    CHECK(err == 0 || (err == WS_ENOMEM && !t->over), "feed: %d", err);
    if (err != 0) t->over = true;
    free(copy);
  }
  bytes_free(&in);
}

static void torture_run(torture *t) {
  torture_send(t, OPCODE_TEXT, false, 10);
  torture_feed(t, "PING \"p\" ; TEXT \"x\"*100 ; BIN- \"y\"*300 ; PING \"q\" ; CONT \"z\"*900",
               false);
  torture_feed(t, "PING \"s\"*125 ; PING \"t\"*125", false); /* the second is cut */
  torture_send(t, OPCODE_TEXT, true, 40000);
  torture_feed(t, "BIN \"z\"*50000 ; PING \"r\"*125 ; TEXT- \"z\"*5000 ; CONT \"z\"*70000", true);
  torture_send(t, OPCODE_TEXT, true, 40000);
  torture_send(t, OPCODE_PING, true, 125);
  int err = conn_close(&t->r.c, 1000, "bye", 3);
  CHECK(err == 0 || (err == WS_ENOMEM && !t->over), "close: %d", err);
  write_all(&t->r);
  torture_feed(t, "TEXT \"x\"*300 ; CLOSE #1000 \"bye\"", false);
}

/* Every frame that was taken has left, whole, and at most one close frame behind all. */
static void torture_check(torture *t, uint64_t n) {
  seen_frame f;
  uint8_t *p = t->r.wire.base;
  size_t left = t->r.wire.len, seen = 0, closes = 0, size;
  for (; (size = frames_parse(&f, p, left)) != 0; p += size, left -= size) {
    CHECK(closes == 0, "allocation %llu: frames after the close", (unsigned long long) n);
    if (f.spec.opcode == 8) closes++;
    if (f.spec.opcode < 8 || f.spec.opcode == 9) seen++;
  }
  CHECK(left == 0 && seen == t->sent, "allocation %llu: %zu frames of %zu, %zu bytes over",
        (unsigned long long) n, seen, t->sent, left);
}

/* F46. */
static void test_conn_without_memory_fails_and_leaks_nothing(void **state) {
  (void) state;
  for (int v = 0; v < 4; v++) {
    for (uint64_t n = 1, failed = 1; failed != 0; n++) {
      torture t = {.sent = 0};
      rig_open(&t.r, (ws_role) (v & 1));
      t.r.alloc.fail_at = n;
      t.r.alloc.fail_for_ever = (v & 2) != 0;
      torture_run(&t);
      failed = t.r.alloc.failed;
      torture_check(&t, n);
      CHECK(failed != 0 || !t.over, "no allocation failed");
      rig_close(&t.r);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conn_conforms_in_groups_1_to_7),
      cmocka_unit_test(test_conn_conforms_in_utf8_sequences),
      cmocka_unit_test(test_conn_answers_every_close_code),
      cmocka_unit_test(test_conn_fails_text_with_the_byte_that_is_wrong),
      cmocka_unit_test(test_conn_gives_events_of_each_kind),
      cmocka_unit_test(test_conn_message_in_one_piece_is_a_slice_of_the_input),
      cmocka_unit_test(test_conn_event_keeps_its_data_when_the_connection_fails),
      cmocka_unit_test(test_conn_goes_on_from_input_that_was_kept),
      cmocka_unit_test(test_conn_keeps_a_frame_that_is_not_whole),
      cmocka_unit_test(test_conn_with_nothing_left_keeps_nothing),
      cmocka_unit_test(test_conn_keeps_input_again_and_again_in_one_block),
      cmocka_unit_test(test_conn_gives_back_input_that_was_kept),
      cmocka_unit_test(test_conn_without_memory_keeps_no_input),
      cmocka_unit_test(test_conn_tells_of_data_that_came),
      cmocka_unit_test(test_conn_idle_holds_no_memory),
      cmocka_unit_test(test_conn_control_frame_in_pieces_leaves_no_memory),
      cmocka_unit_test(test_conn_reads_nothing_after_an_error),
      cmocka_unit_test(test_conn_error_is_told_after_what_is_queued),
      cmocka_unit_test(test_conn_fails_what_is_beyond_a_limit),
      cmocka_unit_test(test_conn_length_only_announced_allocates_nothing),
      cmocka_unit_test(test_conn_close_that_we_begin),
      cmocka_unit_test(test_conn_close_that_the_peer_begins),
      cmocka_unit_test(test_conn_close_of_the_peer_is_answered_when_asked_to),
      cmocka_unit_test(test_conn_close_at_the_same_time),
      cmocka_unit_test(test_conn_close_of_the_peer_does_not_cost_us_our_close),
      cmocka_unit_test(test_conn_close_of_the_peer_says_what_was_kept),
      cmocka_unit_test(test_conn_close_that_is_lost_is_not_said_to_be_sent),
      cmocka_unit_test(test_conn_close_never_overtakes_data),
      cmocka_unit_test(test_conn_sends_nothing_after_its_close_frame),
      cmocka_unit_test(test_conn_close_refuses_what_may_not_be_sent),
      cmocka_unit_test(test_conn_fail_tells_the_peer_once),
      cmocka_unit_test(test_conn_fail_sends_its_text_as_the_reason),
      cmocka_unit_test(test_conn_fail_after_our_close_sends_no_other),
      cmocka_unit_test(test_conn_sends_every_type_at_the_borders_of_length),
      cmocka_unit_test(test_conn_sends_fragments_with_controls_between),
      cmocka_unit_test(test_conn_send_refuses_what_may_not_be_sent),
      cmocka_unit_test(test_conn_send_that_fails_changes_no_state),
      cmocka_unit_test(test_conn_masks_are_fresh_for_each_frame),
      cmocka_unit_test(test_conn_without_random_bytes_sends_nothing),
      cmocka_unit_test(test_conn_without_random_bytes_fails_when_it_must_answer),
      cmocka_unit_test(test_conn_flood_of_pings_keeps_memory_flat),
      cmocka_unit_test(test_conn_reads_large_payloads_in_place),
      cmocka_unit_test(test_conn_reads_megabytes_in_place_within_twice_their_size),
      cmocka_unit_test(test_conn_checks_text_that_is_read_in_place),
      cmocka_unit_test(test_conn_dumps_payloads_in_clear),
      cmocka_unit_test(test_conn_traces_each_header_both_ways),
      cmocka_unit_test(test_conn_without_memory_fails_and_leaks_nothing),
  };
  return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
