/* wsuv_send_bufs: payload in pieces goes out as one frame, and is refused as one. */

#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { KIB = 1024, BOUND = 64 * KIB, PIECES_MAX = 1000, ROOM = 256 * KIB };

/* --- a payload and its pieces --- */

typedef struct parts {
  uint8_t *data;
  size_t len;
  uv_buf_t bufs[PIECES_MAX];
  unsigned count;
} parts;

static void parts_init(parts *s) {
  *s = (parts){.data = check_alloc(ROOM)};
  for (size_t i = 0; i < ROOM; i++) s->data[i] = (uint8_t) (i ^ i >> 8 ^ i >> 16);
}

/* The next piece, from a block of its own of just that size. */
static void parts_add(parts *s, size_t len) {
  CHECK(s->count < PIECES_MAX && s->len + len <= ROOM);
  char *copy = (char *) bytes_exact(s->data + s->len, len);
  s->bufs[s->count++] = uv_buf_init(copy, (unsigned) len);
  s->len += len;
}

static void parts_free(parts *s) {
  for (unsigned i = 0; i < s->count; i++) free(s->bufs[i].base);
  free(s->data);
}

/* The pieces are the caller's again when the call returns. */
static void parts_spoil(const parts *s) {
  for (unsigned i = 0; i < s->count; i++) {
    if (s->bufs[i].len != 0) memset(s->bufs[i].base, 0xee, s->bufs[i].len);
  }
}

static void compare(frame_peer *p, const seen_frame *f) {
  const parts *s = p->data;
  if (f->spec.opcode == 8 || s == NULL) return;
  CHECK(f->spec.masked && f->spec.fin && f->spec.rsv == 0);
  CHECK(f->length == s->len);
  CHECK(s->len == 0 || memcmp(f->payload, s->data, s->len) == 0);
}

static void send_parts(session_user *u, frame_peer *p, wsuv_frame_type_t type, const parts *s) {
  size_t before = p->opcodes[type];
  p->data = (void *) (uintptr_t) s; /* until it has come */
  assert_int_equal(wsuv_send_bufs(u->session, type, s->bufs, s->count, NULL, NULL), 0);
  if (type < WSUV_FRAME_CLOSE) assert_int_equal(wsuv_buffered_amount(u->session), s->len);
  parts_spoil(s);
  world_run_until_count(u->w, &p->opcodes[type], before + 1);
  p->data = NULL;
}

/* --- any number of pieces, of any length --- */

static void send_equal_pieces(session_user *u, frame_peer *p, unsigned count, size_t len) {
  parts s;
  parts_init(&s);
  for (unsigned i = 0; i < count; i++) parts_add(&s, len);
  send_parts(u, p, WSUV_FRAME_BINARY, &s);
  parts_free(&s);
}

SCENARIO_TEST(test_any_number_of_pieces_is_one_frame, w, p, u) {
  static const unsigned counts[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 1000};
  if (w->seed >= 6) return;
  u->config.fragment_size = 0;
  scenario_open(u);
  p->forgets = true;
  p->on_frame = compare;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    send_equal_pieces(u, p, counts[i], 1);
    send_equal_pieces(u, p, counts[i], 0);
    send_equal_pieces(u, p, counts[i], 7);
    send_equal_pieces(u, p, counts[i], 131);
  }
  assert_int_equal(p->frames, 4 * sizeof counts / sizeof *counts);
  scenario_close(u);
}

SCENARIO_TEST(test_no_pieces_are_an_empty_message, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_TEXT, NULL, 0), 0);
  assert_int_equal(user_bufs(u, 'b', WSUV_FRAME_BINARY, NULL, 0), 0);
  assert_int_equal(user_bufs(u, 'c', WSUV_FRAME_PING, NULL, 0), 0);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  world_run_until_count(w, &u->dones, 3);
  world_run_until_count(w, &p->frames, 3);
  assert_true(frame_peer_saw(p, "PING; TEXT; BIN"));
  scenario_close(u);
}

/* Lengths that are no multiple of the mask's, in every combination of three. */
SCENARIO_TEST(test_masks_go_on_across_odd_pieces, w, p, u) {
  if (w->seed >= 4) return;
  scenario_open(u);
  p->forgets = true;
  p->on_frame = compare;
  for (size_t lengths = 0; lengths < 8 * 8 * 8; lengths++) {
    parts s;
    parts_init(&s);
    parts_add(&s, lengths % 8);
    parts_add(&s, lengths / 8 % 8);
    parts_add(&s, lengths / 64);
    parts_add(&s, 37);
    send_parts(u, p, WSUV_FRAME_BINARY, &s);
    parts_free(&s);
  }
  scenario_close(u);
}

static size_t some_length(uint64_t *seed) {
  static const size_t bounds[] = {1, 4, 40, 3000, 40000};
  return seeded_below(seed, bounds[seeded_below(seed, 5)]);
}

SCENARIO_TEST(test_pieces_at_random, w, p, u) {
  uint64_t seed = w->seed + 1;
  u->config.fragment_size = 0;
  scenario_open(u);
  p->forgets = true;
  p->on_frame = compare;
  for (int i = 0; i < 20; i++) {
    parts s;
    parts_init(&s);
    for (size_t n = 1 + seeded_below(&seed, 40); n > 0; n--) {
      size_t len = some_length(&seed);
      if (s.len + len <= ROOM) parts_add(&s, len);
    }
    send_parts(u, p, WSUV_FRAME_BINARY, &s);
    parts_free(&s);
  }
  scenario_close(u);
}

/* Empty pieces have no place in memory. */
SCENARIO_TEST(test_empty_pieces_inside_others, w, p, u) {
  uv_buf_t bufs[] = {
      uv_buf_init(NULL, 0),         uv_buf_init((char[]){"gr\xc3"}, 3), uv_buf_init(NULL, 0),
      uv_buf_init((char[]){""}, 0), uv_buf_init((char[]){"\xbc"}, 1),   uv_buf_init(NULL, 0)};
  scenario_open(u);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_TEXT, bufs, 6), 0);
  assert_int_equal(user_bufs(u, 'b', WSUV_FRAME_BINARY, bufs, 1), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT \"gr\" c3bc; BIN; CLOSE #1000"));
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK ");
}

/* --- text --- */

/* Cut into single bytes, and at every place in two. */
static int send_cut_text(session_user *u, const char *text, size_t cut) {
  uv_buf_t bufs[32];
  char copy[32];
  size_t len = strlen(text);
  memcpy(copy, text, len + 1);
  if (cut > len) {
    for (size_t i = 0; i < len; i++) bufs[i] = uv_buf_init(copy + i, 1);
    return user_bufs(u, 'x', WSUV_FRAME_TEXT, bufs, (unsigned) len);
  }
  bufs[0] = uv_buf_init(copy, (unsigned) cut);
  bufs[1] = uv_buf_init(copy + cut, (unsigned) (len - cut));
  return user_bufs(u, 'x', WSUV_FRAME_TEXT, bufs, 2);
}

SCENARIO_TEST(test_text_is_judged_as_a_whole, w, p, u) {
  static const char *const wrong[] = {"a\xe2\x82",        "\xf0\x9f\x8c", "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80", "\xc0\xaf",     "\xe2\x28\xa1",
                                      "ok\xff",           "\x80"};
  scenario_open(u);
  p->forgets = true;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    for (size_t cut = 0; cut <= strlen(wrong[i]) + 1; cut++)
      assert_int_equal(send_cut_text(u, wrong[i], cut), WSUV_EUTF8);
  }
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  assert_int_equal(user_text(u, "right"), 0);
  world_run_until_count(w, &p->frames, 1);
  scenario_close(u);
}

SCENARIO_TEST(test_text_cut_anywhere_arrives_whole, w, p, u) {
  static const char right[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\x8dz";
  bytes script = {0};
  scenario_open(u);
  for (size_t cut = 0; cut <= strlen(right) + 1; cut++) {
    assert_int_equal(send_cut_text(u, right, cut), 0);
    bytes_print(&script, "TEXT \"%s\"; ", right);
  }
  bytes_print(&script, "CLOSE #1000");
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, bytes_text(&script)));
  bytes_free(&script);
}

SCENARIO_TEST(test_binary_is_not_judged, w, p, u) {
  uv_buf_t bufs[] = {uv_buf_init((char[]){"\xff"}, 1), uv_buf_init((char[]){"\xe2"}, 1)};
  scenario_open(u);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_BINARY, bufs, 2), 0);
  assert_int_equal(user_bufs(u, 'b', WSUV_FRAME_PING, bufs, 2), 0);
  world_run_until_count(w, &p->frames, 2);
  assert_true(frame_peer_saw(p, "PING ffe2; BIN ffe2"));
  scenario_close(u);
}

/* --- control frames --- */

SCENARIO_TEST(test_pings_and_pongs_in_pieces, w, p, u) {
  uv_buf_t bufs[2] = {uv_buf_init(check_alloc(125), 125), uv_buf_init((char[]){"x"}, 1)};
  scenario_open(u);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_PING, bufs, 2), WSUV_ECONTROL);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_PONG, bufs, 2), WSUV_ECONTROL);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_PING, bufs, 1), 0);
  bufs[0].len = 124;
  assert_int_equal(user_bufs(u, 'b', WSUV_FRAME_PONG, bufs, 2), 0);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  world_run_until_count(w, &u->dones, 2);
  world_run_until_count(w, &p->frames, 2);
  assert_true(frame_peer_saw(p, "PING 00~125; PONG 00~124 \"x\""));
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK ");
  scenario_close(u);
  free(bufs[0].base);
}

SCENARIO_TEST(test_types_that_may_not_be_sent, w, p, u) {
  static const int types[] = {0, 3, 7, WSUV_FRAME_CLOSE, 11, 15, 16, 17};
  uv_buf_t buf = uv_buf_init((char[]){"\x03\xe8"}, 2);
  scenario_open(u);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    assert_int_equal(user_bufs(u, 'x', (wsuv_frame_type_t) types[i], &buf, 1), UV_EINVAL);
    assert_int_equal(user_bufs(u, 'x', (wsuv_frame_type_t) types[i], NULL, 0), UV_EINVAL);
  }
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_OPEN);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
  assert_int_equal(u->dones, 0);
}

/* --- states --- */

SCENARIO_TEST(test_not_before_open_nor_after_close, w, p, u) {
  uv_buf_t buf = uv_buf_init((char[]){"b"}, 1);
  scenario_connect(u);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_TEXT, &buf, 1), WSUV_ESTATE);
  user_run_to_open(u);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_TEXT, &buf, 1), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_TEXT, &buf, 1), WSUV_ESTATE);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_PING, &buf, 1), WSUV_ESTATE);
  user_run_to_close(u);
  assert_string_equal(bytes_text(&u->done), "a=OK ");
}

SCENARIO_TEST(test_not_inside_the_fragments_of_a_message, w, p, u) {
  uv_buf_t buf = uv_buf_init((char[]){"b"}, 1);
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, false, "half", 4), 0);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_BINARY, &buf, 1), UV_EINVAL);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_TEXT, &buf, 1), UV_EINVAL);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_TEXT, NULL, 0), UV_EINVAL);
  world_run_until_count(w, &p->frames, 1);
  assert_int_equal(user_bufs(u, 'b', WSUV_FRAME_PING, &buf, 1), 0);
  world_run_until_count(w, &p->frames, 2);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_TEXT, true, "", 0), 0);
  assert_int_equal(user_bufs(u, 'd', WSUV_FRAME_TEXT, &buf, 1), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT- \"half\"; PING \"b\"; CONT; TEXT \"b\"; CLOSE #1000"));
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK c=OK d=OK ");
}

/* --- the bound of the queue --- */

static void open_bounded(frame_peer *p, session_user *u) {
  u->config.outgoing_max = BOUND;
  u->config.high_water = BOUND;
  u->config.low_water = BOUND / 2;
  p->forgets = true;
  scenario_open(u);
}

/* It is the sum that counts. */
SCENARIO_TEST(test_pieces_count_together_for_the_bound, w, p, u) {
  uint8_t *data = check_alloc(BOUND);
  uv_buf_t half = uv_buf_init((char *) data, BOUND / 2), one = uv_buf_init((char *) data, 1);
  uv_buf_t bufs[3] = {half, half, one};
  open_bounded(p, u);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_BINARY, bufs, 3), WSUV_EMSGSIZE);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_TEXT, bufs, 3), WSUV_EMSGSIZE);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_BINARY, bufs, 2), 0);
  assert_int_equal(wsuv_buffered_amount(u->session), BOUND);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_BINARY, bufs + 2, 1), WSUV_EQUEUEFULL);
  assert_int_equal(user_bufs(u, 'b', WSUV_FRAME_PING, bufs + 2, 1), 0);
  world_run_until_count(w, &u->drains, 1);
  assert_int_equal(user_bufs(u, 'c', WSUV_FRAME_BINARY, bufs + 2, 1), 0);
  world_run_until_count(w, &p->frames, 3);
  scenario_close(u);
  free(data);
}

/* Lengths whose sum is beyond all that a size can count. */
SCENARIO_TEST(test_pieces_that_are_impossibly_long, w, p, u) {
  enum { MANY = 9 };
  uv_buf_t bufs[MANY];
  scenario_open(u);
  for (int i = 0; i < MANY; i++) {
    bufs[i] = uv_buf_init((char[]){"b"}, 1);
    bufs[i].len = SIZE_MAX / 8;
  }
  bufs[8].len = SIZE_MAX - 8 * (SIZE_MAX / 8) + 2; /* with it the sum is 1 again */
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_BINARY, bufs, MANY), WSUV_EMSGSIZE);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_BINARY, bufs, 2), WSUV_EMSGSIZE);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  scenario_close(u);
}

/* --- completions --- */

SCENARIO_TEST(test_completions_come_in_order, w, p, u) {
  uv_buf_t bufs[] = {uv_buf_init((char[]){"one "}, 4), uv_buf_init((char[]){"two"}, 3)};
  scenario_open(u);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_TEXT, bufs, 2), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(user_bufs(u, 'c', WSUV_FRAME_BINARY, bufs, 2), 0);
  world_run_until_count(w, &u->dones, 3);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK c=OK ");
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  world_run_until_count(w, &p->frames, 3);
  assert_true(frame_peer_saw(p, "TEXT \"one two\"; TEXT \"b\"; BIN \"one two\""));
  scenario_close(u);
}

SCENARIO_TEST(test_completions_of_what_is_dropped, w, p, u) {
  uv_buf_t buf = uv_buf_init((char[]){"b"}, 1);
  scenario_open(u);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_TEXT, &buf, 1), 0);
  user_terminate(u);
  user_run_to_close(u);
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED ");
}

/* --- memory --- */

#define FRAGMENTS "BIN- 00*65536; CONT 00*34484; "

static int send_large_pieces(session_user *u, char name, const uint8_t *data) {
  uv_buf_t bufs[20];
  for (size_t i = 0; i < 20; i++)
    bufs[i] = uv_buf_init((char *) (uintptr_t) (data + 5001 * i), 5001);
  return user_bufs(u, name, WSUV_FRAME_BINARY, bufs, 20);
}

static bool send_failing(world *w, uint64_t n, bool for_ever) {
  static const uint8_t data[20 * 5001];
  frame_peer p;
  session_user u;
  scenario_start(w, &p, &u, NULL);
  w->alloc->failed = 0;
  w->alloc->fail_at = w->alloc->calls + n;
  w->alloc->fail_for_ever = for_ever;
  int err = send_large_pieces(&u, 'a', data);
  bool failed = w->alloc->failed > 0;
  w->alloc->fail_at = 0;
  CHECK(err == (failed ? UV_ENOMEM : 0));
  if (failed) CHECK(wsuv_buffered_amount(u.session) == 0);
  CHECK(send_large_pieces(&u, 'b', data) == 0);
  assert_int_equal(user_close(&u, 1000, NULL), 0);
  user_run_to_close(&u);
  assert_true(
      frame_peer_saw(&p, failed ? FRAGMENTS "CLOSE #1000" : FRAGMENTS FRAGMENTS "CLOSE #1000"));
  assert_string_equal(bytes_text(&u.done), failed ? "b=OK " : "a=OK b=OK ");
  scenario_finish(&u);
  return failed;
}

/* F46: nothing is queued then, and the session goes on. */
WORLD_TEST(test_without_memory_nothing_is_queued, w) {
  for (int for_ever = 0; for_ever < 2; for_ever++) {
    uint64_t n = 1;
    while (send_failing(w, n, for_ever != 0)) n++;
    assert_true(n > 2);
  }
}

SCENARIO_TEST(test_without_random_bytes_the_session_ends, w, p, u) {
  uv_buf_t buf = uv_buf_init(check_alloc(1), 1);
  scenario_open(u);
  world_random_fails(w, true);
  int err = 0;
  for (int i = 0; i < 10000 && err == 0; i++)
    err = wsuv_send_bufs(u->session, WSUV_FRAME_BINARY, &buf, 1, NULL, NULL);
  assert_int_equal(err, WSUV_ERANDOM);
  user_run_to_close(u);
  assert_int_equal(u->end.status, WSUV_ERANDOM);
  world_random_fails(w, false);
  scenario_finish(u);
  free(buf.base);
}
