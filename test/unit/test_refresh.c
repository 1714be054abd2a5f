/* Who asks its program for other credentials, who waits for the answer, and how long an answer is
   kept (F46). Keys are letters here. */

#include "session/refresh.h"

#include <string.h>

#include "base/error.h"
#include "support/secret_alloc.h"
#include "support/test.h"

enum { WAITERS = 8 };

static secret_alloc alloc;
static refreshes all;
static refresh_waiter waiters[WAITERS];

static int before(void **state) {
  (void) state;
  secret_alloc_init(&alloc, "secret");
  refreshes_init(&all, &alloc.handle);
  for (size_t i = 0; i < WAITERS; i++) refresh_waiter_init(&waiters[i], NULL);
  return 0;
}

static int after(void **state) {
  (void) state;
  for (size_t i = 0; i < WAITERS; i++) refresh_leave(&all, &waiters[i]);
  refreshes_free(&all);
  return alloc.below.live == 0 && alloc.leaks == 0 ? 0 : -1;
}

TEST_AROUND_EACH(before, after)

static refresh_key key_of(char letter) {
  refresh_key key;
  memset(key.hash, letter, sizeof key.hash);
  return key;
}

/* Refused with these credentials, which were the answer `held`, unless that is NULL. */
static int join_with(size_t i, char letter, const refresh_answer *held) {
  const refresh_key key = key_of(letter);
  return refresh_join(&all, &waiters[i], &key, held);
}

static int join(size_t i, char letter) {
  return join_with(i, letter, NULL);
}

static void leave(size_t i) {
  refresh_leave(&all, &waiters[i]);
}

static refresh_answer *answer_of(const char *value) {
  const wsuv_header_t field = {"Authorization", value};
  refresh_answer *answer = refresh_answer_new(&alloc.handle, true, &field, 1, 0);
  assert_non_null(answer);
  return answer;
}

/* Answer with credentials whose key is the letter. The pointer is only compared. */
static const refresh_answer *answer(size_t i, char letter) {
  const refresh_key key = key_of(letter);
  refresh_answer *given = answer_of("secret");
  refresh_answered(&all, &waiters[i], given, &key);
  refresh_answer_unref(given);
  return given;
}

static const refresh_answer *deny(size_t i, int status) {
  refresh_answer *given = refresh_answer_new(&alloc.handle, false, NULL, 0, status);
  assert_non_null(given);
  refresh_answered(&all, &waiters[i], given, NULL);
  refresh_answer_unref(given);
  return given;
}

static void assert_next(size_t i) {
  assert_ptr_equal(refresh_next(&all), &waiters[i]);
}

static void assert_no_next(void) {
  assert_null(refresh_next(&all));
}

static void assert_answered(size_t i, const refresh_answer *by) {
  assert_ptr_equal(waiters[i].answer, by);
  assert_null(waiters[i].question);
  assert_false(waiters[i].asks);
}

static void assert_waits(size_t i, bool asks) {
  assert_null(waiters[i].answer);
  assert_non_null(waiters[i].question);
  assert_int_equal(waiters[i].asks, asks);
}

/* --- asking --- */

TEST(test_refresh_first_one_asks_and_the_others_wait) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  assert_int_equal(join(1, 'a'), REFRESH_WAIT);
  assert_int_equal(join(2, 'a'), REFRESH_WAIT);
  assert_no_next();
  const refresh_answer *by = answer(0, 'b');
  for (size_t i = 0; i < 3; i++) assert_next(i);
  assert_no_next();
  for (size_t i = 0; i < 3; i++) assert_answered(i, by);
  assert_int_equal(by->refs, 4); /* theirs and the question's */
}

TEST(test_refresh_each_of_those_that_wait_can_answer) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  assert_int_equal(join(1, 'a'), REFRESH_WAIT);
  const refresh_answer *by = answer(1, 'b');
  assert_next(0);
  assert_next(1);
  assert_answered(0, by);
  assert_answered(1, by);
}

TEST(test_refresh_keys_ask_apart) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  assert_int_equal(join(1, 'b'), REFRESH_ASK);
  assert_int_equal(join(2, 'b'), REFRESH_WAIT);
  const refresh_answer *by = answer(1, 'c');
  assert_next(1);
  assert_next(2);
  assert_no_next();
  assert_answered(2, by);
  assert_waits(0, true);
}

/* --- leaving --- */

TEST(test_refresh_next_one_asks_when_the_asker_leaves) {
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(join(i, 'a'), i == 0 ? REFRESH_ASK : REFRESH_WAIT);
  leave(0);
  assert_next(1);
  assert_no_next();
  assert_waits(1, true);
  assert_waits(2, false);
  leave(1);
  assert_next(2);
  assert_waits(2, true);
}

TEST(test_refresh_asker_that_is_due_leaves) {
  for (size_t i = 0; i < 3; i++) assert_true(join(i, 'a') >= 0);
  leave(0);
  leave(1); /* it was to ask, and has not */
  assert_next(2);
  assert_no_next();
  assert_waits(2, true);
}

TEST(test_refresh_one_that_waits_leaves) {
  for (size_t i = 0; i < 3; i++) assert_true(join(i, 'a') >= 0);
  leave(1);
  assert_no_next();
  assert_waits(0, true);
  const refresh_answer *by = answer(0, 'b');
  assert_next(0);
  assert_next(2);
  assert_no_next();
  assert_answered(1, NULL);
  assert_answered(2, by);
}

/* Nothing is left of the question, and the next one asks anew. */
TEST(test_refresh_last_one_leaves_while_it_asks) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  assert_int_equal(join(1, 'a'), REFRESH_WAIT);
  leave(1);
  leave(0);
  assert_no_next();
  assert_int_equal(alloc.below.live, 0);
  assert_int_equal(join(2, 'a'), REFRESH_ASK);
}

TEST(test_refresh_one_that_is_answered_leaves) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  assert_int_equal(join(1, 'a'), REFRESH_WAIT);
  const refresh_answer *by = answer(0, 'b');
  leave(0);
  assert_next(1);
  assert_no_next();
  assert_int_equal(by->refs, 2);
}

TEST(test_refresh_leaving_twice_has_no_effect) {
  leave(0);
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  leave(0);
  leave(0);
  assert_int_equal(alloc.below.live, 0);
}

/* --- answers that are errors --- */

TEST(test_refresh_error_is_for_all_who_wait_and_is_not_kept) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  assert_int_equal(join(1, 'a'), REFRESH_WAIT);
  const refresh_answer *by = deny(0, WS_ECANCELED);
  assert_next(0);
  assert_next(1);
  assert_answered(1, by);
  assert_false(by->given);
  assert_int_equal(by->status, WS_ECANCELED);
  assert_int_equal(by->refs, 2);
  assert_int_equal(join(2, 'a'), REFRESH_ASK); /* before they have left */
  leave(0);
  leave(1);
  leave(2);
  assert_int_equal(alloc.below.live, 0);
}

/* --- answers that are kept --- */

TEST(test_refresh_answer_is_kept_for_those_who_come_later) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  const refresh_answer *by = answer(0, 'b');
  assert_next(0);
  leave(0);
  assert_int_equal(join(1, 'a'), REFRESH_ANSWERED);
  assert_answered(1, by);
  assert_no_next();
  assert_int_equal(by->refs, 2);
}

/* Both who have used it come back. They ask once. */
TEST(test_refresh_answer_that_is_refused_is_asked_for_again) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  assert_int_equal(join(1, 'a'), REFRESH_WAIT);
  refresh_answer *first = answer_of("secret");
  const refresh_key key = key_of('b');
  refresh_answered(&all, &waiters[0], first, &key);
  for (size_t i = 0; i < 2; i++) {
    assert_next(i);
    leave(i);
  }
  assert_int_equal(join_with(0, 'b', first), REFRESH_ASK);
  assert_int_equal(join_with(1, 'b', first), REFRESH_WAIT);
  assert_int_equal(join(2, 'a'), REFRESH_WAIT); /* with what was refused at first */
  assert_int_equal(first->refs, 1);
  const refresh_answer *second = answer(0, 'c');
  for (size_t i = 0; i < 3; i++) {
    assert_next(i);
    assert_answered(i, second);
  }
  assert_int_equal(join(3, 'b'), REFRESH_ANSWERED);
  refresh_answer_unref(first);
}

/* It was refused to a session that began with it, too. */
TEST(test_refresh_answer_is_refused_to_one_who_has_not_got_it) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  (void) answer(0, 'b'); /* it is not looked at */
  assert_next(0);
  leave(0);
  assert_int_equal(join(1, 'b'), REFRESH_ASK);
  assert_int_equal(join(2, 'a'), REFRESH_WAIT);
}

/* The program has answered with what it had before. */
TEST(test_refresh_answer_is_the_same_as_what_was_refused) {
  refresh_answer *same = answer_of("secret");
  const refresh_key key = key_of('a');
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  refresh_answered(&all, &waiters[0], same, &key);
  assert_next(0);
  leave(0);
  assert_int_equal(join_with(0, 'a', same), REFRESH_ASK);
  refresh_answer_unref(same);
}

/* One has the credentials from an answer of its own, and another one was refused with the same. */
TEST(test_refresh_waits_for_a_question_that_is_open) {
  refresh_answer *given = answer_of("secret");
  const refresh_key key = key_of('b');
  assert_int_equal(join(0, 'b'), REFRESH_ASK);
  assert_int_equal(join(1, 'a'), REFRESH_ASK);
  refresh_answered(&all, &waiters[1], given, &key);
  assert_next(1);
  leave(1);
  assert_int_equal(join_with(1, 'b', given), REFRESH_WAIT);
  leave(0);
  assert_next(1);
  assert_waits(1, true);
  refresh_answer_unref(given);
}

TEST(test_refresh_reopened_question_is_forgotten_with_its_last_waiter) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  (void) answer(0, 'b'); /* it is not looked at */
  assert_next(0);
  leave(0);
  assert_int_equal(join(0, 'b'), REFRESH_ASK);
  leave(0);
  assert_int_equal(alloc.below.live, 0);
  assert_int_equal(all.idle, 0);
}

/* --- bounds --- */

/* A token that is refreshed again and again: the oldest ones are forgotten. */
TEST(test_refresh_question_keeps_so_many_keys) {
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  for (int c = 'a'; c < 'a' + REFRESH_KEYS; c++) {
    (void) answer(0, (char) (c + 1)); /* it is not looked at */
    assert_next(0);
    leave(0);
    assert_int_equal(join(0, (char) (c + 1)), REFRESH_ASK);
  }
  assert_int_equal(join(1, 'b'), REFRESH_WAIT);
  assert_int_equal(join(2, 'a'), REFRESH_ASK);
}

static void ask_and_answer(char letter) {
  assert_int_equal(join(0, letter), REFRESH_ASK);
  (void) answer(0, (char) (letter + 1)); /* it is not looked at */
  assert_next(0);
  leave(0);
}

/* Letters of keys and answers are two apart. What was used is younger than what was not. */
TEST(test_refresh_remembers_so_many_answers) {
  char letter = '!';
  for (size_t i = 0; i < REFRESH_REMEMBERED; i++, letter = (char) (letter + 2)) {
    ask_and_answer(letter);
  }
  assert_int_equal(all.idle, REFRESH_REMEMBERED);
  assert_int_equal(join(1, '!'), REFRESH_ANSWERED);
  leave(1);
  ask_and_answer(letter);
  assert_int_equal(all.idle, REFRESH_REMEMBERED);
  assert_int_equal(join(1, '!'), REFRESH_ANSWERED);
  leave(1);
  assert_int_equal(join(1, '!' + 2), REFRESH_ASK);
}

/* However many are remembered, none that somebody waits for is forgotten. */
TEST(test_refresh_forgets_no_question_with_waiters) {
  char letter = '!';
  assert_int_equal(join(1, 'x'), REFRESH_ASK);
  for (size_t i = 0; i <= REFRESH_REMEMBERED; i++, letter = (char) (letter + 2)) {
    ask_and_answer(letter);
  }
  assert_int_equal(join(2, 'x'), REFRESH_WAIT);
  const refresh_answer *by = answer(1, 'y');
  assert_next(1);
  assert_next(2);
  assert_answered(2, by);
}

/* --- answers --- */

TEST(test_refresh_answer_is_a_copy) {
  char name[] = "Authorization", value[] = "secret";
  const wsuv_header_t fields[] = {{name, value}, {"X", ""}};
  refresh_answer *a = refresh_answer_new(&alloc.handle, true, fields, 2, 0);
  assert_non_null(a);
  name[0] = value[0] = '?';
  assert_int_equal(a->count, 2);
  assert_string_equal(a->headers[0].name, "Authorization");
  assert_string_equal(a->headers[0].value, "secret");
  assert_string_equal(a->headers[1].name, "X");
  assert_string_equal(a->headers[1].value, "");
  refresh_answer_unref(a);
  refresh_answer_unref(NULL);
  assert_int_equal(alloc.freed, 1);
}

/* --- without memory --- */

static void fail_next(void) {
  alloc.below.fail_at = alloc.below.calls + 1;
}

TEST(test_refresh_without_memory_nobody_joins) {
  fail_next();
  assert_int_equal(join(0, 'a'), WS_ENOMEM);
  assert_answered(0, NULL);
  leave(0);
  assert_no_next();
  assert_int_equal(all.idle, 0);
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  fail_next(); /* those who come now need none */
  assert_int_equal(join(1, 'a'), REFRESH_WAIT);
  assert_int_equal(join(2, 'b'), WS_ENOMEM);
  assert_waits(0, true);
}

TEST(test_refresh_without_memory_there_is_no_answer) {
  const wsuv_header_t field = {"A", "secret"};
  assert_int_equal(join(0, 'a'), REFRESH_ASK);
  fail_next();
  assert_null(refresh_answer_new(&alloc.handle, true, &field, 1, 0));
  assert_waits(0, true);
  const refresh_answer *by = answer(0, 'b');
  assert_next(0);
  assert_answered(0, by);
}
