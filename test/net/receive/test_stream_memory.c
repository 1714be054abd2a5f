/* A message of any length passes through a session in both directions, and memory stays flat: what
   comes in pieces goes out in pieces, and the one side is paused while the other is full. */

#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum {
  KIB = 1024,
  MIB = 1024 * KIB,
  HIGH = 128 * KIB,
  LOW = 32 * KIB,
  READ = 256 * KIB,               /* the longest piece */
  BOUND = HIGH + READ,            /* so that there is room for a piece whenever it comes */
  FLAT = BOUND + READ + 64 * KIB, /* a full queue, what a pause keeps, and a little */
  PART = 64 * KIB                 /* of what the peer writes at once */
};

typedef struct passage {
  uint64_t size, returned;
  size_t pauses;
  bool fragments; /* the peer's message is sent in several frames */
} passage;

static uint8_t byte_at(uint64_t i) {
  return (uint8_t) (i ^ i >> 8 ^ i >> 16);
}

/* --- the session: what comes goes back --- */

static void pass_on(session_user *u, const wsuv_message_piece_t *m) {
  passage *way = u->data;
  if (m->offset == 0) CHECK(user_begin_message(u, m->type) == 0);
  CHECK(user_piece(u, '\0', m->data, m->len) == 0);
  if (m->last) CHECK(user_end_message(u, '\0') == 0);
  if (m->last || wsuv_buffered_amount(u->session) <= HIGH) return;
  CHECK(user_pause(u) == 0);
  way->pauses++;
}

static void go_on(session_user *u) {
  CHECK(user_resume(u) == 0);
}

/* --- the peer: one message out, and the same back --- */

static void take_back(frame_peer *p, const seen_frame *f) {
  passage *way = p->data;
  CHECK(f->spec.opcode == (p->frames == 1 ? WSUV_FRAME_BINARY : 0));
  for (uint64_t i = 0; i < f->length; i++) CHECK(f->payload[i] == byte_at(way->returned + i));
  way->returned += f->length;
}

static void write_part(frame_peer *p, uint64_t from, size_t len) {
  uint8_t *data = check_alloc(len);
  for (size_t i = 0; i < len; i++) data[i] = byte_at(from + i);
  raw_conn_write(p->conn, data, len);
  free(data);
}

static void write_header(frame_peer *p, bool first, bool fin, uint64_t length) {
  const frame_spec spec = {.opcode = first ? WSUV_FRAME_BINARY : 0, .fin = fin};
  bytes out = {0};
  frames_header(&out, &spec, length);
  raw_conn_write(p->conn, out.base, out.len);
  bytes_free(&out);
}

static void write_message(frame_peer *p, const passage *way) {
  if (!way->fragments) write_header(p, true, true, way->size);
  for (uint64_t done = 0; done < way->size; done += PART) {
    if (way->fragments) write_header(p, done == 0, done + PART == way->size, PART);
    write_part(p, done, PART);
  }
}

static void pass(world *w, uint64_t size, bool fragments) {
  passage way = {.size = size, .fragments = fragments};
  frame_peer p;
  session_user u;
  scenario_begin(w, &p, &u);
  u.config.outgoing_max = BOUND;
  u.config.high_water = HIGH;
  u.config.low_water = LOW;
  scenario_open_streamed(&u);
  u.forgets = p.forgets = true;
  u.data = p.data = &way;
  u.at_piece = pass_on;
  u.at_drain = go_on;
  p.on_frame = take_back;
  size_t before = w->alloc->live_bytes;
  w->alloc->peak_bytes = before;
  raw_conn_read(p.conn, false);
  write_message(&p, &way);
  world_run_until_count(w, &way.pauses, 1); /* the peer does not read, and is not read from */
  world_advance(w, 20);
  assert_int_equal(u.messages, 0);
  raw_conn_read(p.conn, true);
  while (way.returned < size) world_advance(w, 1);
  assert_int_equal(u.messages, 1);
  assert_true(w->alloc->peak_bytes - before <= FLAT);
  p.on_frame = NULL;
  scenario_close(&u);
}

WORLD_TEST(test_frame_passes_both_ways_with_flat_memory, w) {
  if (w->kind == WORLD_UV) pass(w, 64 * MIB, false);
  if (w->kind == WORLD_SIM && w->seed < 4) pass(w, 2 * MIB, false);
}

WORLD_TEST(test_fragments_pass_both_ways_with_flat_memory, w) {
  if (w->kind == WORLD_UV) pass(w, 64 * MIB, true);
  if (w->kind == WORLD_SIM && w->seed < 4) pass(w, 2 * MIB, true);
}
