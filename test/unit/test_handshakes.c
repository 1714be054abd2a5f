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
    p->place.expire = on_expire;
    p->place.evict = on_evict;
    ws_list_init(&p->place.node);
  }
}

static void rig_close(rig *r) {
  for (size_t i = 0; i < PLACES; i++) handshakes_leave(&r->h, &r->places[i].place);
  assert_int_equal(handshakes_all(&r->h), 0);
  handshakes_free(&r->h);
  world_env_close(r->w, r->env);
}

/* So many milliseconds from now. */
static void enter(rig *r, size_t i, handshake_kind kind, uint64_t ms) {
  handshakes_enter(&r->h, &r->places[i].place, kind, world_now_ms(r->w) + ms);
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
  handshakes_leave(&r.h, &r.places[0].place);
  handshakes_leave(&r.h, &r.places[0].place); /* has no effect */
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
  handshakes_leave(&r.h, &r.places[0].place);
  const uint64_t now = world_now_ms(w);
  world_run(w);
  assert_int_equal(world_now_ms(w), now);
  rig_close(&r);
}

static void take_others(rig *r, rig_place *p) {
  if (p == &r->places[1]) enter(r, 1, HANDSHAKE_ENDING, 10);
  for (size_t i = 2; i < PLACES; i++) handshakes_leave(&r->h, &r->places[i].place);
  r->at_expire = NULL;
}

/* Those that are due at the same time may leave while the first expires, and it may wait again. */
WORLD_SIM_TEST(test_places_leave_and_enter_while_one_expires, w) {
  rig r;
  rig_open(&r, w);
  for (size_t i = 1; i < PLACES; i++) enter(&r, i, HANDSHAKE_READING, 100);
  r.at_expire = take_others;
  world_run_until_count(w, &r.expired, 2);
  assert_int_equal(r.places[1].expired, 2);
  assert_int_equal(handshakes_all(&r.h), 0);
  rig_close(&r);
}

/* Also when they were entered out of the order of their deadlines. */
WORLD_SIM_TEST(test_first_place_has_the_earliest_deadline, w) {
  static const uint64_t times[PLACES] = {300, 100, 400, 100, 200, 50};
  static const size_t order[PLACES] = {5, 1, 3, 4, 0, 2};
  rig r;
  rig_open(&r, w);
  for (size_t i = 0; i < PLACES; i++) enter(&r, i, HANDSHAKE_READING, times[i]);
  for (size_t i = 0; i < PLACES; i++) {
    assert_ptr_equal(handshakes_first(&r.h, HANDSHAKE_READING), &r.places[order[i]].place);
    handshakes_leave(&r.h, &r.places[order[i]].place);
  }
  assert_null(handshakes_first(&r.h, HANDSHAKE_READING));
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
