/* The places of connections without a session: order, deadlines, eviction. */

#include "session/handshakes.h"

#include <uv.h>

#include "support/test.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { PLACES = 6 };

typedef struct rig rig;

typedef struct rig_place {
  handshake_place place;
  rig *rig;
  uint64_t expired_ms;
  size_t expired, evicted;
  bool held;
} rig_place;

struct rig {
  world *w;
  ws_env *env;
  handshakes h;
  rig_place places[PLACES];
  size_t expired, evicted;
  void (*at_expire)(rig *r, rig_place *p);
};

static rig_place *of(handshake_place *place) {
  return ws_list_entry(place, rig_place, place);
}

static bool is_held(const handshake_place *place) {
  return ws_list_entry(place, const rig_place, place)->held;
}

static void on_expire(handshake_place *place) {
  rig_place *p = of(place);
  CHECK(ws_list_empty(&place->node));
  p->expired++;
  p->expired_ms = world_now_ms(p->rig->w);
  p->rig->expired++;
  if (p->rig->at_expire != NULL) p->rig->at_expire(p->rig, p);
}

static void on_evict(handshake_place *place) {
  CHECK(ws_list_empty(&place->node));
  of(place)->evicted++;
  of(place)->rig->evicted++;
}

static void rig_open(rig *r, world *w) {
  *r = (rig){.w = w};
  assert_int_equal(world_env_new(w, &r->env), 0);
  assert_int_equal(handshakes_init(&r->h, r->env), 0);
  for (size_t i = 0; i < PLACES; i++) {
    rig_place *p = &r->places[i];
    p->rig = r;
    p->place.is_held = is_held;
    p->place.expire = on_expire;
    p->place.evict = on_evict;
    ws_list_init(&p->place.node);
  }
}

static void rig_close(rig *r) {
  for (size_t i = 0; i < PLACES; i++) handshakes_leave(&r->places[i].place);
  assert_int_equal(handshakes_all(&r->h), 0);
  handshakes_free(&r->h);
  world_env_close(r->w, r->env);
}

/* So many milliseconds from now. */
static void enter(rig *r, size_t i, handshake_kind kind, uint64_t ms) {
  handshakes_enter(&r->h, &r->places[i].place, kind, ms);
}

static void assert_expired_at(const rig *r, size_t i, uint64_t ms) {
  assert_int_equal(r->places[i].expired, 1);
  assert_in_range(r->places[i].expired_ms, ms, ms + 1);
}

WORLD_SIM_TEST(test_places_expire_at_their_deadlines, w) {
  rig r;
  rig_open(&r, w);
  const uint64_t now = world_now_ms(w);
  enter(&r, 0, HANDSHAKE_READING, 300);
  enter(&r, 1, HANDSHAKE_DECIDING, 100);
  enter(&r, 2, HANDSHAKE_ENDING, 200);
  enter(&r, 3, HANDSHAKE_READING, 200);
  assert_int_equal(handshakes_all(&r.h), 4);
  assert_int_equal(handshakes_count(&r.h), 3);
  world_run_until_count(w, &r.expired, 4);
  assert_expired_at(&r, 0, now + 300);
  assert_expired_at(&r, 1, now + 100);
  assert_expired_at(&r, 2, now + 200);
  assert_expired_at(&r, 3, now + 200);
  assert_int_equal(handshakes_all(&r.h), 0);
  rig_close(&r);
}

/* The timer of the first place is still running when that has left. */
WORLD_SIM_TEST(test_place_that_has_left_does_not_expire, w) {
  rig r;
  rig_open(&r, w);
  const uint64_t now = world_now_ms(w);
  enter(&r, 0, HANDSHAKE_READING, 100);
  enter(&r, 1, HANDSHAKE_READING, 200);
  handshakes_leave(&r.places[0].place);
  handshakes_leave(&r.places[0].place); /* has no effect */
  assert_int_equal(handshakes_all(&r.h), 1);
  world_run_until_count(w, &r.expired, 1);
  assert_int_equal(r.places[0].expired, 0);
  assert_expired_at(&r, 1, now + 200);
  enter(&r, 0, HANDSHAKE_READING, 50); /* the list was empty */
  world_run_until_count(w, &r.expired, 2);
  rig_close(&r);
}

/* A loop without connections has no timer that runs. */
WORLD_SIM_TEST(test_last_place_that_leaves_stops_the_timer, w) {
  rig r;
  rig_open(&r, w);
  enter(&r, 0, HANDSHAKE_READING, 100);
  handshakes_leave(&r.places[0].place);
  const uint64_t now = world_now_ms(w);
  world_run(w);
  assert_int_equal(world_now_ms(w), now);
  rig_close(&r);
}

/* The first to expire waits again, and the others leave. */
static void take_others(rig *r, rig_place *p) {
  r->at_expire = NULL;
  for (size_t i = 0; i < PLACES; i++) {
    if (p != &r->places[i]) handshakes_leave(&r->places[i].place);
  }
  enter(r, (size_t) (p - r->places), HANDSHAKE_ENDING, 10);
}

/* Those that are due at the same time may leave while the first expires, and it may wait again. */
WORLD_SIM_TEST(test_places_leave_and_enter_while_one_expires, w) {
  size_t twice = 0;
  rig r;
  rig_open(&r, w);
  for (size_t i = 0; i < PLACES; i++) enter(&r, i, HANDSHAKE_READING, 100);
  r.at_expire = take_others;
  world_run_until_count(w, &r.expired, 2);
  for (size_t i = 0; i < PLACES; i++) twice += r.places[i].expired == 2;
  assert_int_equal(twice, 1);
  assert_int_equal(handshakes_all(&r.h), 0);
  rig_close(&r);
}

WORLD_SIM_TEST(test_first_place_is_the_oldest_of_its_kind, w) {
  static const size_t order[PLACES] = {1, 3, 4, 5, 0, 2};
  rig r;
  rig_open(&r, w);
  for (size_t i = 0; i < PLACES; i++) enter(&r, i, HANDSHAKE_READING, 100);
  enter(&r, 0, HANDSHAKE_READING, 50); /* again, so it is the youngest now */
  handshakes_move(&r.places[2].place, HANDSHAKE_DECIDING);
  handshakes_move(&r.places[2].place, HANDSHAKE_READING);
  for (size_t i = 0; i < PLACES; i++) {
    assert_ptr_equal(handshakes_first(&r.h, HANDSHAKE_READING), &r.places[order[i]].place);
    handshakes_leave(&r.places[order[i]].place);
  }
  assert_null(handshakes_first(&r.h, HANDSHAKE_READING));
  rig_close(&r);
}

WORLD_SIM_TEST(test_place_keeps_its_deadline_in_the_list_of_another_kind, w) {
  rig r;
  rig_open(&r, w);
  const uint64_t now = world_now_ms(w);
  enter(&r, 0, HANDSHAKE_READING, 100);
  world_advance(w, 60);
  handshakes_move(&r.places[0].place, HANDSHAKE_DECIDING);
  assert_int_equal(r.h.counts[HANDSHAKE_READING], 0);
  assert_int_equal(r.h.counts[HANDSHAKE_DECIDING], 1);
  world_run_until_count(w, &r.expired, 1);
  assert_expired_at(&r, 0, now + 100);
  rig_close(&r);
}

/* --- the work of the loop on others --- */

static void let_go(void *data) {
  rig_place *p = data;
  p->held = false;
}

/* It keeps the last eighth of its time for what comes after. Others expire as ever. */
WORLD_SIM_TEST(test_place_that_is_held_does_not_expire, w) {
  enum { HELD_MS = 1000 };
  rig r;
  rig_open(&r, w);
  const uint64_t now = world_now_ms(w);
  for (size_t i = 0; i < 3; i++) enter(&r, i, HANDSHAKE_READING, 80);
  r.places[0].held = r.places[1].held = true;
  world_after(w, 75, let_go, &r.places[0]);
  world_after(w, HELD_MS, let_go, &r.places[1]);
  world_run_until_count(w, &r.expired, 3);
  assert_expired_at(&r, 2, now + 80);
  assert_int_equal(r.places[0].expired, 1);
  assert_in_range(r.places[0].expired_ms, now + 75 + 80 / 8, now + 75 + 80 / 4 + 2);
  assert_int_equal(r.places[1].expired, 1);
  assert_in_range(r.places[1].expired_ms, now + HELD_MS + 80 / 8, now + HELD_MS + 80 / 4 + 2);
  rig_close(&r);
}

static void lose_time(void *data) {
  world_lose_time(data, 500);
}

/* As for a session (test_state_deadline.c). */
WORLD_SIM_TEST(test_place_gets_the_time_back_that_the_loop_was_away, w) {
  rig r;
  rig_open(&r, w);
  const uint64_t now = world_now_ms(w);
  enter(&r, 0, HANDSHAKE_READING, 800);
  world_after(w, 600, lose_time, w);
  world_run_until_count(w, &r.expired, 1);
  assert_in_range(r.places[0].expired_ms, now + 1100 + 800 / 8, now + 1100 + 800);
  rig_close(&r);
}

/* First those that have their answer, then those without a request, the oldest of each first; never
   those on which the program decides. */
WORLD_SIM_TEST(test_eviction, w) {
  static const size_t order[] = {2, 4, 0, 3};
  rig r;
  rig_open(&r, w);
  enter(&r, 0, HANDSHAKE_READING, 100);
  enter(&r, 1, HANDSHAKE_DECIDING, 10);
  enter(&r, 2, HANDSHAKE_ENDING, 300);
  enter(&r, 3, HANDSHAKE_READING, 200);
  enter(&r, 4, HANDSHAKE_ENDING, 400);
  for (size_t i = 0; i < COUNT_OF(order); i++) {
    assert_true(handshakes_evict(&r.h));
    assert_int_equal(r.evicted, i + 1);
    assert_int_equal(r.places[order[i]].evicted, 1);
  }
  assert_false(handshakes_evict(&r.h));
  assert_int_equal(handshakes_all(&r.h), 1);
  assert_int_equal(handshakes_count(&r.h), 0);
  rig_close(&r);
}

WORLD_SIM_TEST(test_handshakes_without_memory, w) {
  handshakes h;
  ws_env *env;
  assert_int_equal(world_env_new(w, &env), 0);
  w->alloc->fail_at = w->alloc->calls + 1;
  assert_int_equal(handshakes_init(&h, env), UV_ENOMEM);
  w->alloc->fail_at = 0;
  world_env_close(w, env);
}
