/* Messages both ways: of every size and shape, and what they cost. */

#include <stdlib.h>
#include <string.h>

#include "session/client.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* No period below 64 KiB, so that a shift shows. */
static uint8_t *pattern(size_t size) {
  uint8_t *data = check_alloc(size);
  for (size_t i = 0; i < size; i++) data[i] = (uint8_t) (i ^ i >> 8 ^ i >> 16);
  return data;
}

typedef struct expectation {
  wsuv_frame_type_t type;
  const uint8_t *data;
  size_t len;
} expectation;

static void compare(session_user *u, const wsuv_message_t *m) {
  const expectation *e = u->data;
  assert_int_equal(m->type, e->type);
  assert_int_equal(m->len, e->len);
  assert_true(e->len == 0 || memcmp(m->data, e->data, e->len) == 0);
}

/* There and back. */
static void exchange(session_user *u, wsuv_frame_type_t type, const void *data, size_t len) {
  expectation e = {type, data, len};
  size_t before = u->messages;
  u->data = &e;
  u->at_message = compare;
  int r = type == WSUV_FRAME_TEXT ? wsuv_send_text(u->session, data, len)
                                  : wsuv_send_binary(u->session, data, len);
  assert_int_equal(r, 0);
  world_run_until_count(u->w, &u->messages, before + 1);
}

SCENARIO_TLS_TEST(test_messages_of_every_length_form, w, p, u) {
  static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 65537, 150000};
  uint8_t *data = pattern(150000);
  uint8_t *text = check_alloc(150000);
  memset(text, 't', 150000);
  p->echoes = true;
  scenario_open(u);
  u->forgets = p->forgets = true;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    exchange(u, WSUV_FRAME_BINARY, data, sizes[i]);
    exchange(u, WSUV_FRAME_TEXT, text, sizes[i]);
  }
  exchange(u, WSUV_FRAME_TEXT, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8d", 11);
  exchange(u, WSUV_FRAME_TEXT, NULL, 0);
  scenario_close(u);
  free(data);
  free(text);
}

static void exchange_large(world *w, size_t size) {
  frame_peer p;
  session_user u;
  uint8_t *data = pattern(size);
  scenario_begin(w, &p, &u);
  p.echoes = true;
  scenario_open(&u);
  u.forgets = p.forgets = true;
  exchange(&u, WSUV_FRAME_BINARY, data, size);
  scenario_close(&u);
  free(data);
}

WORLD_TLS_TEST(test_message_of_one_mebibyte, w) {
  if (w->seed < 4) exchange_large(w, 1024 * 1024);
}

WORLD_TLS_TEST(test_message_of_sixteen_mebibytes, w) {
  if (w->seed == 0) exchange_large(w, 16 * 1024 * 1024);
}

SCENARIO_TLS_TEST(test_many_messages_keep_their_order, w, p, u) {
  bytes script = {0};
  p->echoes = true;
  scenario_open(u);
  for (unsigned i = 0; i < 100; i++) {
    uint8_t n[2] = {(uint8_t) i, (uint8_t) (i * 7)};
    bytes_print(&script, "BIN %02x%02x; ", n[0], n[1]);
    assert_int_equal(user_binary(u, n, sizeof n), 0);
  }
  world_run_until_count(w, &u->messages, 100);
  assert_true(frame_peer_saw(p, bytes_text(&script)));
  assert_true(user_got(u, bytes_text(&script)));
  bytes_free(&script);
  scenario_close(u);
}

/* Everything that a peer may do to a message, with a ping and a pong between. */
static const char fragmented[] =
    "TEXT- \"gr\" c3; PING 01; CONT- bc; CONT-; PONG 02; CONT c39f; BIN-; CONT; TEXT \"\"; "
    "BIN- 00~70000; PING \"ping\"; CONT- 01~70000; CONT 02; TEXT- f0; CONT- 9f8c; CONT 8d";
static const char assembled[] = "PING 01; PONG 02; TEXT \"gr\" c3bcc39f; BIN; TEXT \"\"; "
                                "PING \"ping\"; BIN 00~70000 01~70000 02; TEXT f09f8c8d";

SCENARIO_TLS_TEST(test_fragments_are_assembled, w, p, u) {
  scenario_open(u);
  frame_peer_send(p, fragmented);
  world_run_until_count(w, &u->messages, 5);
  assert_true(user_got(u, assembled));
  world_run_until_count(w, &p->frames, 2);
  assert_true(frame_peer_saw(p, "PONG 01; PONG \"ping\""));
  scenario_close(u);
}

static void check_empty(session_user *u, const wsuv_message_t *m) {
  (void) u;
  assert_non_null(m->data);
  assert_int_equal(m->len, 0);
}

/* It has a place all the same, which may be given to memcpy. */
SCENARIO_TLS_TEST(test_empty_messages_have_data, w, p, u) {
  static const char frames[] = "TEXT; BIN; TEXT-; CONT; BIN-; PING 01; CONT-; CONT-; CONT";
  scenario_open(u);
  u->at_message = check_empty;
  frame_peer_send(p, frames);
  world_run_until_count(w, &u->messages, 4);
  assert_true(user_got(u, "TEXT; BIN; TEXT; PING 01; BIN"));
  frame_peer_send(p, "BIN- 00~70000; CONT 01"); /* and when there was one that is not */
  u->at_message = NULL;
  world_run_until_count(w, &u->messages, 5);
  u->at_message = check_empty;
  frame_peer_send(p, frames);
  world_run_until_count(w, &u->messages, 9);
  scenario_close(u);
}

/* F24, over a wire. */
SCENARIO_TLS_TEST(test_messages_cut_at_random, w, p, u) {
  bytes frames = {0};
  uint64_t seed = w->seed;
  frames_script(&frames, fragmented, false);
  scenario_open(u);
  for (size_t done = 0, n = 0; done < frames.len; done += n) {
    n = 1 + seeded_below(&seed, done < 60 ? 3 : 30000);
    if (n > frames.len - done) n = frames.len - done;
    raw_conn_write(p->conn, frames.base + done, n);
    if (done < 60 || w->kind == WORLD_SIM) world_advance(w, seeded_below(&seed, 2));
  }
  world_run_until_count(w, &u->messages, 5);
  assert_true(user_got(u, assembled));
  bytes_free(&frames);
  scenario_close(u);
}

/* --- what it costs --- */

static void look_where_it_lies(session_user *u, const wsuv_message_t *m) {
  const uint8_t *buf = u->client->endpoint.read_buf, *data = m->data;
  assert_true(data >= buf && data + m->len <= buf + ENDPOINT_READ_SIZE);
}

SCENARIO_UV_TEST(test_message_within_a_read_is_delivered_where_it_lies, w, p, u) {
  scenario_open(u);
  u->at_message = look_where_it_lies;
  u->forgets = true;
  uint64_t calls = w->alloc->calls;
  for (size_t i = 0; i < 10; i++) {
    frame_peer_send(p, "BIN 00~200; TEXT \"small\"; BIN 01~4000");
    world_run_until_count(w, &u->messages, 3 * (i + 1));
  }
  assert_int_equal(w->alloc->calls, calls);
  u->at_message = NULL;
  scenario_close(u);
}

static void echo_on(session_user *u, const wsuv_message_t *m) {
  assert_int_equal(wsuv_send_binary(u->session, m->data, m->len), 0);
}

/* The pools are warm after a few; from then on a thousand cost nothing. */
SCENARIO_TLS_TEST(test_echoes_allocate_nothing, w, p, u) {
  enum { WARM = 20, ECHOES = 1000 };
  p->echoes = true;
  scenario_open(u);
  u->forgets = p->forgets = true;
  frame_peer_send(p, "BIN- 00; CONT 01"); /* so that there is a block for what is cut */
  world_run_until_count(w, &u->messages, 1);
  u->at_message = echo_on;
  assert_int_equal(user_binary(u, "0123456789", 10), 0);
  world_run_until_count(w, &u->messages, WARM);
  uint64_t calls = w->alloc->calls;
  world_run_until_count(w, &u->messages, WARM + ECHOES);
  assert_int_equal(w->alloc->calls, calls);
  u->at_message = NULL;
  scenario_close(u);
}
