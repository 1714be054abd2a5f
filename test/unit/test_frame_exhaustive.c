/* All headers, all lengths that could wrap, all cuts: a connection against a model of RFC 6455 that
   is written here a second time. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/frame/conn.h"
#include "support/conn_rig.h"
#include "support/fake_env.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct rig {
  track_alloc alloc;
  fake_env env;
  conn_shared shared;
} rig;

static const message_limits usual = {0x7fffffff, 16 << 20, 131072};

static void rig_open(rig *r) {
  track_alloc_init(&r->alloc);
  fake_env_init(&r->env, &r->alloc.handle, 1);
  conn_shared_init(&r->shared, &r->env.base);
}

static void rig_close(rig *r) {
  conn_shared_free(&r->shared);
  assert_int_equal(r->alloc.live, 0);
}

/* Everything that is to be written, as bytes. */
static void write_all(conn *c, bytes *wire) {
  ws_view bufs[4];
  for (size_t n; (n = out_queue_peek(&c->work->out, bufs, 4)) != 0;) {
    for (size_t i = 0; i < n; i++) {
      bytes_add(wire, bufs[i].base, bufs[i].len);
      out_queue_written(&c->work->out, bufs[i].len);
    }
  }
}

/* F19. The model: the rules of RFC 6455 5.2, 5.4 and 5.5 as a list. */

typedef enum verdict {
  WRONG,   /* fail with 1002 */
  PART,    /* a fragment: no event */
  MESSAGE, /* complete */
  CONTROL
} verdict;

typedef struct header_case {
  uint8_t b0, b1;
  int in_message; /* 0: between messages; else the opcode of the message that has begun */
  ws_role role;
} header_case;

static unsigned short_length(const header_case *t) {
  return t->b1 & 0x7f;
}

/* Wrong by the two bytes alone. */
static bool bits_wrong(const header_case *t) {
  static const char known[] = "DDD.....CCC....."; /* by opcode: data, control */
  bool control = known[t->b0 & 15] == 'C';
  if (known[t->b0 & 15] == '.') return true;
  if ((t->b0 & 0x70) != 0) return true;
  if (control && (t->b0 & 0x80) == 0) return true;
  if (control && short_length(t) >= 126) return true;
  return (t->b1 & 0x80) != (t->role == WS_SERVER ? 0x80 : 0);
}

/* Wrong by what came before: known when the header is complete. */
static bool order_wrong(const header_case *t) {
  unsigned opcode = t->b0 & 15u;
  if (opcode >= 8) return false;
  return t->in_message != 0 ? opcode != 0 : opcode == 0;
}

static verdict judge(const header_case *t) {
  if (bits_wrong(t) || order_wrong(t)) return WRONG;
  if ((t->b0 & 8) != 0) return (t->b0 & 15) == 8 && short_length(t) == 1 ? WRONG : CONTROL;
  return (t->b0 & 0x80) != 0 ? MESSAGE : PART;
}

/* Bytes of the header, and the length it will have. */
static size_t header_size(const header_case *t) {
  size_t extra = short_length(t) == 126 ? 2 : short_length(t) == 127 ? 8 : 0;
  return 2 + extra + ((t->b1 & 0x80) != 0 ? 4 : 0);
}

static uint64_t whole_length(const header_case *t) {
  return short_length(t) == 126 ? 300 : short_length(t) == 127 ? 65536 : short_length(t);
}

/* The whole frame; a close has the code 1000. */
static void complete_frame(bytes *out, const header_case *t) {
  frame_spec spec = {.opcode = t->b0 & 15, .rsv = t->b0 >> 4 & 7, .fin = t->b0 >= 0x80};
  uint64_t length = whole_length(t);
  spec.masked = (t->b1 & 0x80) != 0;
  memcpy(spec.key, "\x11\x92\x53\xf4", 4);
  bytes payload = {0};
  for (uint64_t i = 0; i < length; i++) bytes_add(&payload, "a", 1);
  if (spec.opcode == 8 && length >= 2) memcpy(payload.base, "\x03\xe8", 2);
  frames_build(out, &spec, payload.base, payload.len);
  bytes_free(&payload);
  assert_int_equal(out->base[0], t->b0);
  assert_int_equal(out->base[1], t->b1);
}

#define TELL(t) (t)->b0, (t)->b1, (t)->in_message, (t)->role
#define WHERE "header %02x %02x, inside %d, role %d: "

static void begin_message(conn *c, const header_case *t) {
  conn_event ev;
  uint8_t plain[] = {(uint8_t) t->in_message, 1, 's'},
          masked[] = {(uint8_t) t->in_message, 0x81, 0, 0, 0, 0, 's'};
  if (t->in_message == 0) return;
  conn_recv(c, t->role == WS_SERVER ? masked : plain, t->role == WS_SERVER ? 7 : 3);
  assert_that(conn_next_event(c, &ev) == 0, WHERE "the fragment before", TELL(t));
}

static void check_message(const header_case *t, const conn_event *ev) {
  size_t before = t->in_message != 0 ? 1 : 0;
  assert_that(ev->type == CONN_EVENT_MESSAGE &&
                  ev->opcode == (t->in_message != 0 ? t->in_message : t->b0 & 15) &&
                  ev->len == whole_length(t) + before,
              WHERE "message", TELL(t));
  for (size_t i = 0; i < ev->len; i++)
    assert_that(ev->data[i] == (i < before ? 's' : 'a'), WHERE "byte %zu", TELL(t), i);
}

static void check_control(const header_case *t, const conn_event *ev, conn *c) {
  unsigned opcode = t->b0 & 15u;
  conn_event_type type = opcode == 8   ? CONN_EVENT_CLOSE
                         : opcode == 9 ? CONN_EVENT_PING
                                       : CONN_EVENT_PONG;
  size_t code = opcode == 8 && short_length(t) >= 2 ? 2 : 0;
  assert_that(ev->type == type && ev->len == short_length(t) - code, WHERE "control", TELL(t));
  if (opcode == 8)
    assert_that(ev->close_code == (code != 0 ? 1000 : WSUV_CLOSE_NO_STATUS), WHERE "code", TELL(t));
  if (opcode == 8)
    assert_that(conn_answer_close(c, &(conn_dropped){0}) == 0, WHERE "answered", TELL(t));
  assert_that((out_queue_len(&c->work->out) != 0) == (opcode != 10), WHERE "answer", TELL(t));
}

static void check_end(const header_case *t, conn *c, int r, const conn_event *ev) {
  static const int results[] = {WSUV_EPROTOCOL, 0, 1, 1};
  verdict v = judge(t);
  assert_that(r == results[v], WHERE "%d instead of %d", TELL(t), r, results[v]);
  assert_that(c->failed == (v == WRONG), WHERE "failed", TELL(t));
  if (v == WRONG) {
    assert_that(*conn_take_why(c->work->shared) != 0 && c->close_sent && c->sent_code == 1002,
                WHERE "close", TELL(t));
  } else if (v == MESSAGE) {
    check_message(t, ev);
  } else if (v == CONTROL) {
    check_control(t, ev, c);
  }
}

/* The two bytes first; then, if they do not settle it, the rest. */
static void run_header(rig *r, const header_case *t, const bytes *frame) {
  conn_work work;
  conn c;
  conn_event ev;
  uint8_t two[2] = {t->b0, t->b1}, *rest = NULL;
  conn_init(&c, t->role, t->role == WS_CLIENT, &usual);
  conn_rig_work(&c, &work, &r->shared);
  begin_message(&c, t);
  conn_recv(&c, two, 2);
  int err = conn_next_event(&c, &ev);
  bool settled = bits_wrong(t) || (header_size(t) == 2 && (order_wrong(t) || short_length(t) == 0));
  if (!settled) {
    assert_that(err == 0, WHERE "%d after two bytes", TELL(t), err);
    rest = bytes_exact(frame->base + 2, frame->len - 2);
    conn_recv(&c, rest, frame->len - 2);
    err = conn_next_event(&c, &ev);
  }
  check_end(t, &c, err, &ev);
  assert_that(err <= 0 || conn_next_event(&c, &ev) == 0, WHERE "more than one event", TELL(t));
  free(rest);
  conn_free(&c);
}

TEST(test_every_header_in_every_state_is_judged_as_the_model_does) {
  SCOPED(rig, r);
  for (unsigned bits = 0; bits < 65536; bits++) {
    header_case t = {(uint8_t) (bits >> 8), (uint8_t) bits, 0, WS_CLIENT};
    SCOPED_BYTES frame = {0};
    t.role = t.b1 >= 0x80 ? WS_SERVER : WS_CLIENT;
    if (!bits_wrong(&t)) complete_frame(&frame, &t); /* else never needed, in either role */
    for (t.in_message = 0; t.in_message <= 2; t.in_message++) {
      t.role = WS_CLIENT;
      run_header(&r, &t, &frame);
      t.role = WS_SERVER;
      run_header(&r, &t, &frame);
    }
  }
}

/* With a bit that an extension has claimed: it may stand in data frames only (F27). */
TEST(test_every_header_with_rsv1_allowed_is_judged_as_the_model_does) {
  for (unsigned bits = 0; bits < 65536; bits++) {
    for (int v = 0; v < 4; v++) {
      uint8_t wire[2] = {(uint8_t) (bits >> 8), (uint8_t) bits}, *p = wire;
      header_case t = {wire[0], wire[1], 0, (v & 1) != 0 ? WS_SERVER : WS_CLIENT};
      if ((v & 2) != 0 && (wire[0] & 8) == 0) t.b0 &= 0xbf; /* as if it were not there */
      frame_decoder d;
      frame_chunk chunk;
      size_t n = 2;
      frame_decoder_init(&d, t.role == WS_CLIENT ? WS_SERVER : WS_CLIENT,
                         (v & 2) != 0 ? FRAME_RSV1 : 0);
      int err = frame_decoder_next(&d, &p, &n, &chunk);
      int expected = bits_wrong(&t) ? WSUV_EPROTOCOL : header_size(&t) == 2 ? 1 : 0;
      assert_that(err == expected, "header %02x %02x, variant %d: %d", wire[0], wire[1], v, err);
    }
  }
}

/* F16, with the limits as high as they go. */

static const uint64_t lengths[] = {0x7fffffff,
                                   0x80000000u,
                                   0x80000001u,
                                   0xfffffff0u,
                                   0xffffffffu,
                                   0x100000000u,
                                   0x100000001u,
                                   0x10000000au,
                                   0x17fffffffu,
                                   0x200000005u,
                                   0x7ffffffffffffff0u,
                                   0x7ffffffffffffffeu,
                                   0x7fffffffffffffffu,
                                   0x8000000000000000u,
                                   0x8000000000000001u,
                                   0xfffffffffffffff0u,
                                   0xfffffffffffffffeu,
                                   0xffffffffffffffffu,
                                   0x8000000000000005u,
                                   0x4000000000000000u,
                                   (uint64_t) SIZE_MAX,
                                   (uint64_t) SIZE_MAX - 1,
                                   (uint64_t) SIZE_MAX + 1 + 5 /* wraps to 5 */};

enum { LENGTHS = COUNT_OF(lengths) };

/* What has come counts with what is announced. */
static int expect_length(uint64_t length, uint64_t before, const message_limits *limits) {
  if (length < 65536 || length >> 63 != 0) return WSUV_EPROTOCOL; /* not minimal, in this form */
  if (length > limits->max_frame_size || length > limits->max_message_size) return WSUV_ETOOBIG;
  return before > limits->max_message_size - length ? WSUV_ETOOBIG : 0;
}

static void run_length(rig *r, uint64_t length, size_t before, const message_limits *limits,
                       ws_role role) {
  conn_work work;
  conn c;
  conn_event ev;
  uint8_t *dst;
  SCOPED_BYTES in = {0}, sent = {0};
  frame_spec spec = {.opcode = 2, .masked = role == WS_SERVER, .form = LENGTH_64};
  conn_init(&c, role, role == WS_CLIENT, limits);
  conn_rig_work(&c, &work, &r->shared);
  if (before != 0) {
    for (size_t i = 0; i < before; i++) bytes_add(&sent, "b", 1);
    spec.form = LENGTH_SHORTEST;
    frames_build(&in, &spec, sent.base, before);
    spec.form = LENGTH_64;
    spec.opcode = 0;
  }
  frames_header(&in, &spec, length);
  bytes_add(&in, "payload...", 10);
  size_t live = r->alloc.live_bytes;
  conn_recv(&c, in.base, in.len);
  int err = conn_next_event(&c, &ev);
  int expected = expect_length(length, before, limits);
  assert_that(err == expected, "length %llx after %zu, at most %zu, role %d: %d instead of %d",
              (unsigned long long) length, before, limits->max_message_size, role, err, expected);
  (void) conn_recv_target(&c, 10, &dst);
  (void) conn_recv_target(&c, SIZE_MAX, &dst);
  write_all(&c, &sent);
  assert_that(r->alloc.live_bytes <= live + 65536, "length %llx: %zu bytes",
              (unsigned long long) length, r->alloc.live_bytes);
  conn_free(&c);
}

TEST(test_every_length_is_checked_before_arithmetic) {
  static const size_t most[] = {SIZE_MAX,   SIZE_MAX - 1, SIZE_MAX - 10, SIZE_MAX / 2,
                                0x7fffffff, 0xffffffffu,  100,           70000};
  SCOPED(rig, r);
  for (size_t i = 0; i < LENGTHS; i++) {
    for (size_t m = 0; m < COUNT_OF(most); m++) {
      for (size_t before = 0; before <= 90; before += 45) {
        message_limits limits = {UINT64_MAX, most[m], UINT32_MAX};
        run_length(&r, lengths[i], before, &limits, WS_CLIENT);
        run_length(&r, lengths[i], before, &limits, WS_SERVER);
        limits.max_frame_size = 0x7fffffff;
        run_length(&r, lengths[i], before, &limits, WS_CLIENT);
      }
    }
  }
}

/* The header of each length, byte by byte: wrong with the byte that shows it. */
TEST(test_every_length_is_wrong_with_its_byte) {
  SCOPED(rig, r);
  const message_limits limits = {UINT64_MAX, SIZE_MAX, UINT32_MAX};
  for (size_t i = 0; i < LENGTHS; i++) {
    conn_work work;
    conn c;
    conn_event ev;
    SCOPED_BYTES in = {0};
    frame_spec spec = {.opcode = 2, .fin = true, .form = LENGTH_64};
    bool top = lengths[i] >> 63 != 0;
    if (expect_length(lengths[i], 0, &limits) == WSUV_EPROTOCOL && !top) continue;
    conn_init(&c, WS_CLIENT, true, &limits);
    conn_rig_work(&c, &work, &r.shared);
    frames_header(&in, &spec, lengths[i]);
    int err = 0;
    size_t n = 0;
    while (err == 0 && n < in.len) {
      conn_recv(&c, in.base + n++, 1);
      err = conn_next_event(&c, &ev);
    }
    assert_that(n == (top ? 3 : 10) && (err == WSUV_EPROTOCOL) == top,
                "length %llx: %d after %zu bytes", (unsigned long long) lengths[i], err, n);
    conn_free(&c);
  }
}

/* F24. */

static const char *const inputs[] = {
    "TEXT",
    "TEXT \"hello\" ; BIN 00ff80",
    "TEXT \"x\"*125 ; TEXT \"x\"*126 ; TEXT \"x\"*127",
    "TEXT cebae1bdb9cf83cebcceb5 f09fbfbe",
    "TEXT- cebae1bd ; CONT b9cf83cebcceb5",
    "TEXT- ; CONT- ; CONT",
    "TEXT- \"a\" ; PING \"p\" ; CONT- ; PONG ; CONT \"b\" ; TEXT \"c\"",
    "BIN- \"abc\"*40 ; CONT- \"def\"*50 ; CONT \"ghi\"*100 ; BIN",
    "BIN \"0123456789\"~600",
    "BIN- \"0123456789\"~300 ; PING \"0123456789\"~125 ; CONT \"0123456789\"~301",
    "PING ; PING \"a\" ; PONG ; PONG \"b\" ; PING \"x\"*125",
    "PING \"1\" ; PING \"2\" ; PING \"3\" ; TEXT \"4\" ; PING \"5\" ; CLOSE",
    "CLOSE",
    "CLOSE #1000",
    "CLOSE #1001 \"going\" ; PING ; TEXT \"x\"",
    "CLOSE #4999 \"r\"*123 ; CLOSE",
    "TEXT- \"half\" ; CLOSE #3000 cebae1bdb9",
    "CLOSE \"a\"",
    "CLOSE #1005",
    "CLOSE #999 ; TEXT \"x\"",
    "CLOSE #1000 ff",
    "CLOSE #1000 e1bd",
    "CLOSE #1000 \"r\"*124",
    "TEXT \"ok\" ; TEXT{4} \"x\"",
    "TEXT \"ok\" ; BIN{1}",
    "PING{2} \"x\"",
    "TEXT \"ok\" ; OP3 \"x\" ; TEXT \"never\"",
    "TEXT \"ok\" ; OP15 \"x\"",
    "PING- \"x\" ; CONT \"y\"",
    "PING \"x\"*126",
    "CONT \"x\"",
    "TEXT- \"x\" ; BIN \"y\"",
    "TEXT- \"x\" ; CONT \"y\" ; CONT \"z\"",
    "TEXT^ \"masked the wrong way\"",
    "TEXT \"ok\" ; PING^ ; TEXT \"never\"",
    "TEXT:16 \"x\"*125",
    "BIN:64 \"x\"*200",
    "TEXT:16 \"x\"*126 ; TEXT:64",
    "TEXT \"ok\" ff \"never\"",
    "TEXT- cebae1bdb9f4 ; CONT- 90 ; CONT 8080",
    "TEXT- \"a\" ; CONT- ; PING ; CONT ce",
    "TEXT eda080",
    "BIN- \"x\"*400 ; CONT \"x\"*301 ; TEXT \"never\"",
    "BIN \"x\"*701",
    "BIN- ; CONT- ; CONT- ; CONT- ; CONT- ; CONT- ; CONT- ; CONT- ; CONT- ; CONT",
};

/* Limits near enough for the last inputs to pass them. */
static const message_limits near_limits = {700, 700, 8};

typedef struct outcome {
  bytes events, wire;
} outcome;

static void note(outcome *o, conn *c, int r, const conn_event *ev) {
  if (r < 0) bytes_print(&o->events, "ERROR %d: %s\n", r, conn_take_why(c->work->shared));
  if (r <= 0) return;
  static const uint8_t opcodes[] = {0, 9, 10, 8};
  uint8_t opcode = ev->type == CONN_EVENT_MESSAGE ? ev->opcode : opcodes[ev->type];
  if (opcode == 8) bytes_print(&o->events, "code %u, reason: ", ev->close_code);
  frames_render(&o->events, opcode, true, 0, ev->data, ev->len);
}

static void feed(conn *c, outcome *o, const uint8_t *p, size_t n) {
  conn_event ev;
  int r;
  uint8_t *piece = bytes_exact(p, n);
  conn_recv(c, piece, n);
  do {
    r = conn_next_event(c, &ev);
    note(o, c, r, &ev);
    if (r == 1 && ev.type == CONN_EVENT_CLOSE)
      assert_int_equal(conn_answer_close(c, &(conn_dropped){0}), 0);
    write_all(c, &o->wire);
  } while (r == 1);
  free(piece);
}

/* Pieces end at `cut`, or everywhere if `bytewise`. */
static void run_cut(rig *r, ws_role role, const bytes *in, size_t cut, bool bytewise, outcome *o) {
  conn_work work;
  conn c;
  *o = (outcome){{0}, {0}};
  rig_open(r);
  conn_init(&c, role, role == WS_CLIENT, &near_limits);
  conn_rig_work(&c, &work, &r->shared);
  if (bytewise) {
    for (size_t i = 0; i < in->len; i++) feed(&c, o, in->base + i, 1);
  } else {
    feed(&c, o, in->base, cut);
    feed(&c, o, in->base + cut, in->len - cut);
  }
  conn_free(&c);
  rig_close(r);
}

static void expect_same(const outcome *seen, const outcome *whole, const char *input, ws_role role,
                        size_t cut) {
  assert_that(strcmp(bytes_text(&seen->events), bytes_text(&whole->events)) == 0,
              "%s\nrole %d, cut %zu:\n%s-- whole:\n%s", input, role, cut, bytes_text(&seen->events),
              bytes_text(&whole->events));
  assert_that(
      seen->wire.len == whole->wire.len &&
          (seen->wire.len == 0 || memcmp(seen->wire.base, whole->wire.base, seen->wire.len) == 0),
      "%s\nrole %d, cut %zu: other bytes are written", input, role, cut);
}

static void outcome_free(outcome *o) {
  bytes_free(&o->events);
  bytes_free(&o->wire);
}

static void run_every_cut(const char *input, ws_role role) {
  rig r;
  outcome whole, seen;
  SCOPED_BYTES in = frames_of(input, role == WS_SERVER);
  run_cut(&r, role, &in, in.len, false, &whole);
  for (size_t cut = 0; cut < in.len; cut++) {
    run_cut(&r, role, &in, cut, false, &seen);
    expect_same(&seen, &whole, input, role, cut);
    outcome_free(&seen);
  }
  run_cut(&r, role, &in, 0, true, &seen);
  expect_same(&seen, &whole, input, role, SIZE_MAX);
  outcome_free(&seen);
  outcome_free(&whole);
}

TEST(test_every_cut_of_every_input_gives_the_same) {
  for (size_t i = 0; i < COUNT_OF(inputs); i++) {
    run_every_cut(inputs[i], WS_CLIENT);
    run_every_cut(inputs[i], WS_SERVER);
  }
}
