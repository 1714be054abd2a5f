/* The pool of random bytes, over a source that counts, and one that fails. What a pool has is what
   ChaCha20 makes of the seed that the source has given. */

#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/random_pool.h"
#include "support/forks.h"
#include "support/test.h"
#include "testkit/check.h"

enum { WORDS = RANDOM_POOL_SIZE / 4, SEEDS = 4 };

/* Gives the words 1, 2, 3 and so on: no two seeds are the same. */
typedef struct fake_env {
  ws_env env;
  uint32_t next;
  int calls;
  int fail_at; /* the call with this number (from 1) fails half way; 0: none */
} fake_env;

static int fake_random(ws_env *env, void *buf, size_t len) {
  fake_env *fake = (fake_env *) (void *) env;
  fake->calls++;
  size_t give = fake->calls == fake->fail_at ? len / 2 : len;
  for (uint8_t *p = buf; give >= 4; give -= 4, p += 4) {
    fake->next++;
    memcpy(p, &fake->next, 4);
  }
  return fake->calls == fake->fail_at ? WSUV_ERANDOM : 0;
}

static const ws_env_ops fake_ops = {.random = fake_random};

static void set_up(fake_env *fake, random_pool *pool) {
  *fake = (fake_env){.env = {.ops = &fake_ops}};
  random_pool_init(pool, &fake->env);
}

TEST(test_random_pool_asks_only_when_needed_and_in_bulk) {
  fake_env fake;
  random_pool pool;
  set_up(&fake, &pool);
  assert_int_equal(fake.calls, 0);
  for (int i = 0; i < 3 * WORDS; i++) {
    uint32_t word = 0;
    assert_int_equal(random_pool_take(&pool, &word, 4), 0);
    assert_int_equal(fake.calls, i / WORDS + 1);
  }
}

/* What the pool has after so many seeds. */
static void expected_pool(uint32_t seed, uint8_t pool[RANDOM_POOL_SIZE]) {
  uint32_t words[RANDOM_SEED_SIZE / 4];
  for (uint32_t i = 0; i < RANDOM_SEED_SIZE / 4; i++)
    words[i] = (seed - 1) * (RANDOM_SEED_SIZE / 4) + i + 1;
  uint8_t key[RANDOM_SEED_SIZE];
  memcpy(key, words, sizeof key);
  chacha20_stream(key, pool, RANDOM_POOL_SIZE);
}

TEST(test_random_pool_gives_each_byte_once) {
  fake_env fake;
  random_pool pool;
  uint8_t expected[RANDOM_POOL_SIZE];
  set_up(&fake, &pool);
  for (uint32_t seed = 1; seed <= SEEDS; seed++) {
    expected_pool(seed, expected);
    for (size_t left = sizeof expected; left > 0;) {
      uint8_t key[4];
      assert_int_equal(random_pool_take(&pool, key, sizeof key), 0);
      left -= sizeof key;
      assert_memory_equal(key, expected + left, sizeof key);
    }
  }
  assert_int_equal(fake.calls, SEEDS);
}

TEST(test_random_pool_wipes_what_it_gave) {
  fake_env fake;
  random_pool pool;
  set_up(&fake, &pool);
  uint8_t taken[RANDOM_POOL_SIZE];
  for (size_t n = 1; n <= 40; n++) {
    assert_int_equal(random_pool_take(&pool, taken, n), 0);
    for (size_t i = pool.left; i < RANDOM_POOL_SIZE; i++) assert_int_equal(pool.buf[i], 0);
  }
  assert_int_equal(fake.calls, 1);
}

TEST(test_random_pool_takes_up_to_its_size) {
  fake_env fake;
  random_pool pool;
  set_up(&fake, &pool);
  uint8_t all[RANDOM_POOL_SIZE], expected[RANDOM_POOL_SIZE];
  assert_int_equal(random_pool_take(&pool, all, 0), 0);
  assert_int_equal(fake.calls, 0);
  assert_int_equal(random_pool_take(&pool, all, sizeof all), 0);
  expected_pool(1, expected);
  assert_memory_equal(all, expected, sizeof all);
  uint8_t three[3];
  assert_int_equal(random_pool_take(&pool, three, 3), 0);
  assert_int_equal(random_pool_take(&pool, all, sizeof all), 0); /* what was left is dropped */
  expected_pool(3, expected);
  assert_memory_equal(all, expected, sizeof all);
  assert_int_equal(fake.calls, 3);
}

/* RFC 6455 10.3: rather none than one that could be guessed. */
TEST(test_random_pool_failure_leaves_nothing) {
  fake_env fake;
  random_pool pool;
  set_up(&fake, &pool);
  fake.fail_at = 2;
  uint8_t first[RANDOM_POOL_SIZE - 2], key[4] = {9, 9, 9, 9};
  assert_int_equal(random_pool_take(&pool, first, sizeof first), 0);
  assert_int_equal(random_pool_take(&pool, key, 4), WSUV_ERANDOM);
  assert_memory_equal(key, "\x9\x9\x9\x9", 4);
  assert_int_equal(pool.left, 0); /* not even the two that were left */
  for (size_t i = 0; i < RANDOM_POOL_SIZE; i++) assert_int_equal(pool.buf[i], 0);

  assert_int_equal(random_pool_take(&pool, key, 1), 0); /* the source has recovered: it is asked */
  assert_int_equal(fake.calls, 3);
}

static int odd_random(ws_env *env, void *buf, size_t len) {
  (void) env;
  memset(buf, 0x55, len);
  return 1;
}

TEST(test_random_pool_any_other_answer_is_failure) {
  const ws_env_ops ops = {.random = odd_random};
  ws_env env = {.ops = &ops};
  random_pool pool;
  random_pool_init(&pool, &env);
  uint32_t word = 3;
  assert_int_equal(random_pool_take(&pool, &word, 4), WSUV_ERANDOM);
  assert_int_equal(word, 3);
}

/* What the pool gives in a child, seen by the parent, which may be a child itself. */
static uint32_t word_of_child(random_pool *pool, fork_way way) {
  int ends[2], status;
  uint32_t word = 0;
  CHECK(pipe(ends) == 0);
  pid_t child = way();
  CHECK(child >= 0);
  if (child == 0) {
    bool good = random_pool_take(pool, &word, sizeof word) == 0 &&
                write(ends[1], &word, sizeof word) == (ssize_t) sizeof word;
    _exit(good ? 0 : 1);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(read(ends[0], &word, sizeof word) == sizeof word);
  close(ends[0]);
  close(ends[1]);
  return word;
}

/* The n-th word, from 0, that the pool gives after so many seeds. */
static uint32_t expected_word(uint32_t seed, size_t n) {
  uint8_t expected[RANDOM_POOL_SIZE];
  uint32_t word;
  expected_pool(seed, expected);
  memcpy(&word, expected + sizeof expected - (n + 1) * sizeof word, sizeof word);
  return word;
}

/* F15: the source goes on in the child where it was, and gives a seed that it has not given yet. */
TEST(test_random_pool_is_empty_in_a_forked_child) {
  fake_env fake;
  random_pool pool;
  uint32_t first, second;
  set_up(&fake, &pool);
  assert_int_equal(random_pool_take(&pool, &first, 4), 0);
  for (size_t i = 0; i < FORK_WAYS; i++) {
    assert_int_equal(word_of_child(&pool, fork_ways[i]), expected_word(2, 0));
  }
  assert_int_equal(random_pool_take(&pool, &second, 4), 0);
  assert_int_equal(second, expected_word(1, 1));
  assert_int_equal(fake.calls, 1); /* the parent's pool is as it was */
}

/* The child of a child draws nothing of what either of them has. */
TEST(test_random_pool_is_empty_in_a_child_of_a_child) {
  fake_env fake;
  random_pool pool;
  uint32_t first;
  int status;
  set_up(&fake, &pool);
  assert_int_equal(random_pool_take(&pool, &first, 4), 0);
  for (size_t i = 0; i < FORK_WAYS * FORK_WAYS; i++) {
    pid_t child = fork_ways[i / FORK_WAYS]();
    assert_true(child >= 0);
    if (child == 0) {
      uint32_t second = 0;
      bool good = random_pool_take(&pool, &second, 4) == 0 && fake.calls == 2 &&
                  second == expected_word(2, 0) &&
                  word_of_child(&pool, fork_ways[i % FORK_WAYS]) == expected_word(3, 0) &&
                  random_pool_take(&pool, &second, 4) == 0 && fake.calls == 2 &&
                  second == expected_word(2, 1);
      _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
  }
}

static pid_t forked = -1;

static int forking_random(ws_env *env, void *buf, size_t len) {
  (void) env;
  memset(buf, 0x55, len);
  if (forked < 0) forked = fork();
  return 0;
}

/* A child that was forked inside the source has no seed in common with its parent. */
TEST(test_random_pool_that_is_forked_while_it_is_filled) {
  const ws_env_ops ops = {.random = forking_random};
  ws_env env = {.ops = &ops};
  random_pool pool;
  uint32_t word = 3;
  int status;
  random_pool_init(&pool, &env);
  const int err = random_pool_take(&pool, &word, 4);
  if (forked == 0) _exit(err == WSUV_ERANDOM && word == 3 && pool.left == 0 ? 0 : 1);
  assert_int_equal(err, 0);
  assert_int_equal(waitpid(forked, &status, 0), forked);
  assert_int_equal(status, 0);
}
