/* The budget that many share in one turn of the loop, for example their TLS handshakes. */

#include "net/turn_list.h"

#include "support/test.h"

enum { BUDGET = 12, HANDSHAKES = 5, STEPS = 3, COST = BUDGET / 2, IN_A_TURN = 2 };

/* A handshake with so many steps that do public key work. */
typedef struct handshake {
  turn_place turn;
  unsigned left;
} handshake;

static turn_list turns;
static handshake all[HANDSHAKES];
static size_t wakes, done, order[HANDSHAKES];

static void wake(void *up) {
  assert_ptr_equal(up, &turns);
  wakes++;
}

static void go_on(turn_place *turn) {
  handshake *h = ws_list_entry(turn, handshake, turn);
  while (h->left > 0 && turn_list_take(&turns, turn)) {
    turn_list_spend(&turns, COST);
    h->left--;
  }
  if (h->left == 0) order[done++] = (size_t) (h - all);
}

static int before(void **state) {
  (void) state;
  turn_list_init(&turns, BUDGET, wake, &turns);
  wakes = done = 0;
  for (size_t i = 0; i < HANDSHAKES; i++) {
    all[i] = (handshake){.turn.run = go_on, .left = STEPS};
    ws_list_init(&all[i].turn.node);
  }
  return 0;
}

static unsigned steps_left(void) {
  unsigned left = 0;
  for (size_t i = 0; i < HANDSHAKES; i++) left += all[i].left;
  return left;
}

TEST_AROUND_EACH(before, NULL)

TEST(test_turn_has_so_many_steps_and_no_more) {
  for (size_t i = 0; i < HANDSHAKES; i++) go_on(&all[i].turn);
  unsigned left = HANDSHAKES * STEPS - IN_A_TURN;
  while (left > 0) {
    assert_int_equal(steps_left(), left);
    wakes = 0;
    turn_list_renew(&turns);
    assert_true(wakes > 0);
    left = left > IN_A_TURN ? left - IN_A_TURN : 0;
  }
  assert_int_equal(done, HANDSHAKES);
}

TEST(test_handshakes_end_in_the_order_in_which_they_began) {
  for (size_t i = 0; i < HANDSHAKES; i++) go_on(&all[i].turn);
  while (done < HANDSHAKES) turn_list_renew(&turns);
  for (size_t i = 0; i < HANDSHAKES; i++) assert_int_equal(order[i], i);
}

TEST(test_handshake_that_does_no_work_waits_behind_others) {
  go_on(&all[0].turn);
  assert_true(turn_place_waits(&all[0].turn));
  assert_false(turn_list_take(&turns, &all[1].turn));
  all[1].left = 0;
  turn_list_renew(&turns);
  assert_int_equal(done, 2);
}

TEST(test_handshake_that_has_left_does_not_run) {
  for (size_t i = 0; i < 3; i++) go_on(&all[i].turn);
  turn_place_leave(&all[1].turn);
  turn_place_leave(&all[1].turn);
  assert_false(turn_place_waits(&all[1].turn));
  for (int i = 0; i < 10; i++) turn_list_renew(&turns);
  assert_int_equal(done, 2);
  assert_int_equal(all[1].left, STEPS);
}

TEST(test_without_a_budget_nobody_waits) {
  for (int i = 0; i < 10; i++) {
    assert_true(turn_list_take(NULL, &all[0].turn));
    turn_list_spend(NULL, BUDGET);
  }
}

TEST(test_cheap_steps_are_more_in_a_turn) {
  for (unsigned i = 0; i < BUDGET; i++) {
    assert_true(turn_list_take(&turns, &all[0].turn));
    turn_list_spend(&turns, 1);
  }
  assert_false(turn_list_take(&turns, &all[0].turn));
  turn_place_leave(&all[0].turn);
}

TEST(test_a_turn_has_one_step_however_much_it_costs) {
  assert_true(turn_list_take(&turns, &all[0].turn));
  turn_list_spend(&turns, 10 * BUDGET);
  assert_false(turn_list_take(&turns, &all[0].turn));
  all[0].left = 1;
  turn_list_renew(&turns);
  assert_int_equal(done, 1);
}
