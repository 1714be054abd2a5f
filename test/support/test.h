#ifndef TEST_TEST_H
#define TEST_TEST_H

/* A test is written once, and registers itself before main begins:

       TEST(test_what_is_claimed) { assert_true(...); }

   One program holds all files of a suite. Its first argument is the name of a file without "test_"
   and ".c", whose tests it runs; its second, a pattern with * and ?, chooses among them:

       build/test/test_proto frame_decoder 'test_frame_decoder_fails_*'

   World tests (world_test.h) are registered in the same way. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct test_entry {
  const char *file; /* where it stands, as the compiler names it */
  const char *name;
  void (*run)(void **state);
  int (*after)(void **state); /* called after it, even if it failed; may be NULL */
  void *state;                /* *state of both */
  struct test_entry *next;
} test_entry;

/* What is done before and after each test of a file, or before and after all of them. */
typedef struct test_fixture {
  const char *file;
  const char *label;
  int (*before)(void **state);
  int (*after)(void **state);
  struct test_fixture *next;
} test_fixture;

void test_add(test_entry *test);
void test_add_around_each(test_fixture *fixture);
void test_add_around_all(test_fixture *fixture);

#define TEST_BEFORE_MAIN(NAME) __attribute__((constructor)) static void NAME(void)

#define TEST(NAME)                                                                   \
  static void NAME(void);                                                            \
  static void NAME##_run(void **state) {                                             \
    (void) state;                                                                    \
    NAME();                                                                          \
  }                                                                                  \
  TEST_BEFORE_MAIN(NAME##_add) {                                                     \
    static test_entry entry_ = {.file = __FILE__, .name = #NAME, .run = NAME##_run}; \
    test_add(&entry_);                                                               \
  }                                                                                  \
  static void NAME(void)

/* SCOPED(rig, r, ...) makes a variable r of type rig, calls rig_open(&r, ...), and calls
   rig_close(&r) when the block ends. A test that fails leaves by a long jump and closes nothing. */
#define SCOPED(TYPE, ...)                                                       \
  __attribute__((cleanup(TYPE##_close))) TYPE SCOPED_NAME(__VA_ARGS__, unused); \
  TYPE##_open(&__VA_ARGS__)
#define SCOPED_NAME(NAME, ...) NAME

/* How many elements an array has. */
#define COUNT_OF(ARRAY) (sizeof(ARRAY) / sizeof *(ARRAY))

/* An assertion that says more than its condition: what follows is printed as printf does. */
#define assert_that(CONDITION, ...)          \
  do {                                       \
    if (!(CONDITION)) fail_msg(__VA_ARGS__); \
  } while (0)

/* For the TESTs of a file. */
#define TEST_AROUND_EACH(BEFORE, AFTER)                                                 \
  TEST_BEFORE_MAIN(test_around_each) {                                                  \
    static test_fixture around_ = {.file = __FILE__, .before = BEFORE, .after = AFTER}; \
    test_add_around_each(&around_);                                                     \
  }

/* For all tests of a file, which are run once for each of these. LABEL is said with the name. */
#define TEST_AROUND_ALL(LABEL, BEFORE, AFTER)                                 \
  TEST_BEFORE_MAIN(test_around_all_##LABEL) {                                 \
    static test_fixture around_ = {                                           \
        .file = __FILE__, .label = #LABEL, .before = BEFORE, .after = AFTER}; \
    test_add_around_all(&around_);                                            \
  }

#endif
