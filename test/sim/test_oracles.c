/* Each oracle of the simulated conversations can fail: a bug is put between the library and the
   oracle, which does its wrong once, and the run must fail with that oracle's name. */

#include <string.h>

#include "sim/run.h"
#include "support/test.h"

/* A run in which the bug can be: few seeds have a message, a completion, a client's frame and so
   on, all without other trouble. */
enum { SEEDS = 200 };

/* Whether a run is to be played. */
typedef bool (*chosen)(const plan *p);

/* Another oracle, `or_name`, may have been first in runs before. */
static void expect_either(chosen is_chosen, plant bug, const char *name, const char *or_name) {
  static run r;
  for (uint64_t seed = 1, played = 0; played < SEEDS; seed++) {
    run_draw(&r, seed);
    if (!is_chosen(&r.plan)) continue;
    played++;
    run_play(&r, seed, bug);
    if (r.failed == NULL) continue;
    assert_true(r.planted);
    if (strcmp(r.failed, name) == 0) return;
    assert_string_equal(r.failed, or_name);
  }
  fail_msg("no seed has shown '%s'", name);
}

static void expect_in(chosen is_chosen, plant bug, const char *name) {
  expect_either(is_chosen, bug, name, name);
}

static bool is_any(const plan *p) {
  (void) p;
  return true;
}

static void expect(plant bug, const char *name) {
  expect_in(is_any, bug, name);
}

TEST(test_sim_finds_a_second_on_close) {
  expect(PLANT_CLOSE_TWICE, "one on_close");
}

TEST(test_sim_finds_a_callback_after_on_close) {
  expect(PLANT_CALL_AFTER_CLOSE, "one on_close");
}

TEST(test_sim_finds_a_session_without_on_close) {
  expect(PLANT_CLOSE_LOST, "progress"); /* it is waited for in vain */
}

TEST(test_sim_finds_completions_lost_doubled_and_swapped) {
  expect(PLANT_COMPLETION_LOST, "completions");
  expect(PLANT_COMPLETION_TWICE, "completions");
  expect(PLANT_COMPLETIONS_SWAPPED, "completions");
}

TEST(test_sim_finds_messages_lost_doubled_swapped_and_changed) {
  expect(PLANT_MESSAGE_LOST, "delivery");
  expect(PLANT_MESSAGE_TWICE, "delivery");
  expect(PLANT_MESSAGES_SWAPPED, "delivery");
  expect(PLANT_MESSAGE_CORRUPT, "delivery");
  expect(PLANT_PIECE_LOST, "delivery");
}

TEST(test_sim_finds_that_the_end_of_what_was_sent_is_lost) {
  expect(PLANT_LAST_MESSAGE_LOST, "delivery");
}

TEST(test_sim_finds_memory_beyond_the_bound) {
  expect(PLANT_MEMORY, "memory");
}

TEST(test_sim_finds_a_turn_with_too_many_callbacks_or_bytes) {
  expect(PLANT_BUSY_TURN, "turn");
  expect(PLANT_LONG_TURN, "turn");
}

/* A session that is closed meanwhile is not closed cleanly. */
TEST(test_sim_finds_that_bytes_are_withheld) {
  expect_either(is_any, PLANT_WITHHELD, "progress", "clean close");
}

TEST(test_sim_finds_frames_with_wrong_masks) {
  expect(PLANT_SAME_KEY, "masks");
  expect(PLANT_UNMASKED, "masks");
  expect(PLANT_MASKED_BY_SERVER, "masks");
}

TEST(test_sim_finds_a_verdict_that_depends_on_cuts) {
  expect(PLANT_VERDICT, "verdict");
}

TEST(test_sim_finds_an_unclean_close_and_a_wrong_code) {
  expect(PLANT_UNCLEAN, "clean close");
  expect(PLANT_WRONG_CODE, "clean close");
}

TEST(test_sim_finds_a_wrong_result) {
  expect(PLANT_WRONG_RESULT, "results");
}

TEST(test_sim_finds_a_leak) {
  expect(PLANT_LEAK, "leak");
}

/* --- in runs of a kind, so that each has the oracles that it should have --- */

static bool is_hostile_over_tls(const plan *p) {
  return p->hostile && p->secure;
}

TEST(test_sim_watches_hostile_peers_over_tls) {
  expect_in(is_hostile_over_tls, PLANT_VERDICT, "verdict");
  expect_in(is_hostile_over_tls, PLANT_CLOSE_TWICE, "one on_close");
  expect_in(is_hostile_over_tls, PLANT_CALL_AFTER_CLOSE, "one on_close");
  expect_in(is_hostile_over_tls, PLANT_CLOSE_LOST, "progress");
  expect_in(is_hostile_over_tls, PLANT_MEMORY, "memory");
  expect_in(is_hostile_over_tls, PLANT_BUSY_TURN, "turn");
  expect_in(is_hostile_over_tls, PLANT_LEAK, "leak");
}

static bool is_raw_on_both_sides(const plan *p) {
  return !p->hostile && p->raw[0] && p->raw[1];
}

TEST(test_sim_watches_pairs_of_raw_sessions) {
  expect_in(is_raw_on_both_sides, PLANT_PIECE_LOST, "delivery");
  expect_in(is_raw_on_both_sides, PLANT_CONTINUATION, "delivery");
  expect_in(is_raw_on_both_sides, PLANT_COMPLETION_LOST, "completions");
  expect_in(is_raw_on_both_sides, PLANT_CLOSE_TWICE, "one on_close");
  expect_in(is_raw_on_both_sides, PLANT_UNCLEAN, "clean close");
  expect_in(is_raw_on_both_sides, PLANT_WRONG_CODE, "clean close");
  expect_in(is_raw_on_both_sides, PLANT_SAME_KEY, "masks");
  expect_in(is_raw_on_both_sides, PLANT_LEAK, "leak");
}

static bool is_visited(const plan *p) {
  return !p->hostile && p->visits > 0;
}

TEST(test_sim_watches_plain_requests) {
  expect_in(is_visited, PLANT_REQUEST_LOST, "exchanges");
  expect_in(is_visited, PLANT_REQUEST_TWICE, "exchanges");
  expect_in(is_visited, PLANT_RESPONSE_LOST, "exchanges");
  expect_in(is_visited, PLANT_RESPONSE_CORRUPT, "exchanges");
  expect_in(is_visited, PLANT_EXCHANGE_GONE_TWICE, "exchanges");
}

static bool is_led(const plan *p) {
  return p->way_percent > 0 && !p->fails_memory;
}

TEST(test_sim_finds_a_callback_inside_a_call) {
  expect(PLANT_CALLED_INSIDE, "one on_close");
}

TEST(test_sim_finds_credentials_at_a_proxy_and_at_another_origin) {
  expect_in(is_led, PLANT_SECRET_TO_PROXY, "credentials");
  expect_in(is_led, PLANT_SECRET_BEYOND_PROXY, "credentials");
  expect_in(is_led, PLANT_SECRET_TO_OTHER_ORIGIN, "credentials");
  expect_in(is_led, PLANT_SECRET_TO_SERVER, "credentials");
}

TEST(test_sim_finds_that_bytes_behind_the_answer_of_a_proxy_are_lost) {
  expect_in(is_led, PLANT_GLUED_LOST, "way");
}

TEST(test_sim_finds_that_a_way_ends_with_another_stage_or_status) {
  expect_in(is_led, PLANT_WRONG_STAGE, "way");
  expect_in(is_led, PLANT_WRONG_STATUS, "way");
  expect_in(is_led, PLANT_OPEN_IN_SPITE, "way");
}

TEST(test_sim_finds_that_the_deadline_begins_anew) {
  expect_in(is_led, PLANT_DEADLINE_ANEW, "deadline");
}

TEST(test_sim_finds_that_the_program_is_asked_twice) {
  expect_in(is_led, PLANT_ASKED_TWICE, "questions");
}

static bool is_led_over_tls(const plan *p) {
  return is_led(p) && p->secure;
}

TEST(test_sim_watches_ways_over_tls) {
  expect_in(is_led_over_tls, PLANT_SECRET_TO_PROXY, "credentials");
  expect_in(is_led_over_tls, PLANT_SECRET_BEYOND_PROXY, "credentials");
  expect_in(is_led_over_tls, PLANT_SECRET_TO_OTHER_ORIGIN, "credentials");
  expect_in(is_led_over_tls, PLANT_WRONG_STAGE, "way");
  expect_in(is_led_over_tls, PLANT_UNCLEAN, "clean close");
  expect_in(is_led_over_tls, PLANT_LEAK, "leak");
}

static bool is_led_mostly(const plan *p) {
  return is_led(p) && p->way_percent > 90;
}

TEST(test_sim_watches_sessions_behind_proxies) {
  expect_in(is_led_mostly, PLANT_MESSAGE_LOST, "delivery");
  expect_in(is_led_mostly, PLANT_MESSAGES_SWAPPED, "delivery");
  expect_in(is_led_mostly, PLANT_LAST_MESSAGE_LOST, "delivery");
  expect_in(is_led_mostly, PLANT_CLOSE_TWICE, "one on_close");
  expect_in(is_led_mostly, PLANT_SAME_KEY, "masks");
}

TEST(test_sim_plays_the_same_seed_in_the_same_way) {
  static run r;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    run_play(&r, seed, PLANT_NONE);
    const uint64_t digest = r.digest, turn = r.turn;
    if (r.plan.secure) continue; /* its bytes are as random as ever */
    run_play(&r, seed, PLANT_NONE);
    assert_true(r.digest == digest && r.turn == turn);
  }
}
