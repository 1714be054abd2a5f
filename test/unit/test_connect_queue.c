/* Which attempts may connect, and which wait for their turn. */

#include "session/connect_queue.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

enum { PLACES = 8, PORT = 443 };

static track_alloc alloc;
static connect_queue queue;
static connect_place places[PLACES];

static int before(void **state) {
  (void) state;
  track_alloc_init(&alloc);
  connect_queue_init(&queue, &alloc.handle);
  memset(places, 0, sizeof places);
  return 0;
}

static int after(void **state) {
  (void) state;
  for (size_t i = 0; i < PLACES; i++) connect_queue_leave(&queue, &places[i]);
  connect_queue_free(&queue);
  return alloc.live == 0 ? 0 : -1;
}

static ws_text text(const char *name) {
  return (ws_text){name, strlen(name)};
}

/* Whether it must wait. */
static bool enters_as(size_t i, const char *host, unsigned max, connect_session session) {
  places[i] = (connect_place){.max = max, .session = (uint8_t) session};
  assert_int_equal(connect_queue_enter(&queue, &places[i], text(host), PORT), 0);
  return places[i].waits;
}

static bool enters(size_t i, unsigned max) {
  return enters_as(i, "host", max, CONNECT_NO_SESSION);
}

static void leave(size_t i) {
  connect_queue_leave(&queue, &places[i]);
}

/* That it has its turn, and no place behind it. */
static void assert_next(size_t i) {
  assert_ptr_equal(connect_queue_next(&queue), &places[i]);
  assert_false(places[i].waits);
}

static void assert_no_next(void) {
  assert_null(connect_queue_next(&queue));
}

TEST_AROUND_EACH(before, after)

TEST(test_queue_has_so_many_places_as_are_allowed) {
  assert_false(enters(0, 2));
  assert_false(enters(1, 2));
  assert_true(enters(2, 2));
  assert_true(enters(3, 2));
  assert_no_next();
  leave(1);
  assert_next(2);
  assert_no_next();
}

TEST(test_queue_keeps_the_order) {
  assert_false(enters(0, 1));
  for (size_t i = 1; i < PLACES; i++) assert_true(enters(i, 1));
  for (size_t i = 1; i < PLACES; i++) {
    leave(i - 1);
    assert_next(i);
    assert_no_next();
  }
}

/* A place that would be free for it is not taken before those that wait. */
TEST(test_queue_is_not_overtaken_by_a_larger_limit) {
  assert_false(enters(0, 1));
  assert_true(enters(1, 1));
  assert_true(enters(2, 5));
  leave(0);
  assert_next(1);
  assert_next(2);
}

TEST(test_queue_is_left_by_a_place_that_waits) {
  assert_false(enters(0, 1));
  assert_true(enters(1, 1));
  assert_true(enters(2, 1));
  leave(1);
  assert_no_next();
  leave(0);
  assert_next(2);
}

/* A place whose turn has come may leave before it has used it. */
TEST(test_turn_that_is_not_used_goes_to_the_next) {
  assert_false(enters(0, 1));
  assert_true(enters(1, 1));
  assert_true(enters(2, 1));
  leave(0);
  assert_next(1);
  leave(1);
  assert_next(2);
}

TEST(test_leaving_twice_has_no_effect) {
  assert_false(enters(0, 1));
  leave(0);
  leave(0);
  assert_false(enters(1, 1));
}

TEST(test_hosts_and_ports_are_apart) {
  assert_false(enters(0, 1));
  assert_false(enters_as(1, "host2", 1, CONNECT_NO_SESSION));
  assert_false(enters_as(2, "hos", 1, CONNECT_NO_SESSION));
  places[3] = (connect_place){.max = 1};
  assert_int_equal(connect_queue_enter(&queue, &places[3], text("host"), PORT + 1), 0);
  assert_false(places[3].waits);
  assert_true(enters(4, 1));
}

TEST(test_case_of_letters_counts_in_paths_only) {
  static const char *const names[] = {"host", "HoSt"};
  for (uint16_t port = 0; port < 2; port++) {
    for (size_t i = 0; i < 2; i++) {
      connect_place *p = &places[2 * port + i];
      *p = (connect_place){.max = 1};
      assert_int_equal(connect_queue_enter(&queue, p, text(names[i]), port), 0);
      assert_int_equal(p->waits, i == 1 && port > 0);
    }
  }
}

TEST(test_many_hosts) {
  enum { HOSTS = 300 };
  static connect_place many[2][HOSTS];
  for (size_t i = 0; i < HOSTS; i++) {
    char name[16];
    (void) snprintf(name, sizeof name, "host%zu", i);
    for (size_t n = 0; n < 2; n++) {
      many[n][i] = (connect_place){.max = 1};
      assert_int_equal(connect_queue_enter(&queue, &many[n][i], text(name), PORT), 0);
      assert_int_equal(many[n][i].waits, n == 1);
    }
  }
  for (size_t i = 0; i < HOSTS; i++) connect_queue_leave(&queue, &many[0][i]);
  for (size_t i = 0; i < HOSTS; i++) assert_ptr_equal(connect_queue_next(&queue), &many[1][i]);
  for (size_t i = 0; i < HOSTS; i++) connect_queue_leave(&queue, &many[1][i]);
  assert_int_equal(alloc.live, 0);
}

/* --- the first full handshake of TLS --- */

static bool needs(size_t i) {
  return enters_as(i, "host", 4, CONNECT_NEEDS_SESSION);
}

TEST(test_first_handshake_goes_alone) {
  assert_false(needs(0));
  assert_true(connect_queue_is_first(&places[0]));
  assert_true(needs(1));
  assert_true(needs(2));
  assert_no_next();
  connect_queue_note(&places[0], true);
  leave(0);
  assert_next(1);
  assert_next(2);
  assert_false(connect_queue_is_first(&places[1]));
  assert_false(needs(3));
}

/* It has told nothing: the others do not go alone one after the other. */
TEST(test_first_handshake_that_fails_lets_all_others_go) {
  assert_false(needs(0));
  for (size_t i = 1; i < 6; i++) assert_true(needs(i));
  leave(0);
  for (size_t i = 1; i < 5; i++) assert_next(i);
  assert_no_next();
  leave(1);
  assert_next(5);
}

TEST(test_nobody_waits_who_cannot_use_the_session) {
  assert_false(needs(0));
  assert_true(needs(1));
  assert_false(enters_as(2, "host", 4, CONNECT_NO_SESSION));
  assert_false(connect_queue_is_first(&places[2]));
  leave(2);
  assert_no_next();
}

/* The two kinds have one order. */
TEST(test_places_that_wait_for_different_reasons_keep_the_order) {
  static const connect_session kinds[] = {CONNECT_NO_SESSION, CONNECT_HAS_SESSION};
  for (size_t i = 0; i < PLACES; i++) (void) enters_as(i, "host", 1, kinds[i % 2]);
  for (size_t i = 1; i < PLACES; i++) {
    leave(i - 1);
    assert_next(i);
    assert_no_next();
  }
}

TEST(test_session_that_is_stored_needs_no_first_handshake) {
  assert_false(enters_as(0, "host", 4, CONNECT_HAS_SESSION));
  assert_false(enters_as(1, "host", 4, CONNECT_HAS_SESSION));
}

TEST(test_each_burst_has_its_first_handshake) {
  for (int burst = 0; burst < 2; burst++) {
    assert_false(needs(0));
    assert_true(needs(1));
    connect_queue_note(&places[0], true);
    leave(0);
    assert_next(1);
    leave(1);
    assert_int_equal(alloc.live, 0);
  }
}

TEST(test_nobody_waits_for_a_host_that_gives_no_session) {
  assert_false(needs(0));
  connect_queue_note(&places[0], false);
  leave(0);
  assert_false(needs(1));
  assert_false(needs(2));
  leave(2);
  connect_queue_note(&places[1], true); /* it does now */
  leave(1);
  assert_false(needs(3));
  assert_true(needs(4));
}

TEST(test_hosts_that_give_no_session_are_remembered_up_to_a_bound) {
  for (size_t i = 0; i <= CONNECT_QUEUE_REMEMBERED; i++) {
    char name[16];
    (void) snprintf(name, sizeof name, "host%zu", i);
    assert_false(enters_as(0, name, 4, CONNECT_NEEDS_SESSION));
    connect_queue_note(&places[0], false);
    leave(0);
  }
  assert_int_equal(alloc.live, CONNECT_QUEUE_REMEMBERED);
  assert_false(enters_as(0, "host1", 4, CONNECT_NEEDS_SESSION));
  assert_false(connect_queue_is_first(&places[0]));
  assert_false(enters_as(1, "host0", 4, CONNECT_NEEDS_SESSION)); /* it was forgotten */
  assert_true(connect_queue_is_first(&places[1]));
}

/* F46 */
TEST(test_without_memory_there_is_no_place) {
  alloc.fail_at = alloc.calls + 1;
  places[0] = (connect_place){.max = 1};
  assert_int_equal(connect_queue_enter(&queue, &places[0], text("host"), PORT), WS_ENOMEM);
  leave(0);
  assert_false(enters(0, 1));
}
