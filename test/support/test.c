#include "support/test.h"

/* The tests of a program, and its main. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testkit/check.h"

enum { NAME_MAX_LEN = 128 };

static test_entry *tests, **last_test = &tests;
static test_fixture *around_each, *around_all, **last_around_all = &around_all;

void test_add(test_entry *test) {
  *last_test = test;
  last_test = &test->next;
}

void test_add_around_each(test_fixture *fixture) {
  fixture->next = around_each;
  around_each = fixture;
}

void test_add_around_all(test_fixture *fixture) {
  *last_around_all = fixture;
  last_around_all = &fixture->next;
}

/* Whether a file is test_NAME.c. */
static bool is_file(const char *file, const char *name) {
  const char *slash = strrchr(file, '/');
  char wanted[NAME_MAX_LEN];
  (void) snprintf(wanted, sizeof wanted, "test_%s.c", name);
  return strcmp(slash != NULL ? slash + 1 : file, wanted) == 0;
}

static size_t count_tests(const char *name) {
  size_t count = 0;
  for (const test_entry *t = tests; t != NULL; t = t->next) count += is_file(t->file, name);
  return count;
}

static const test_fixture *find_fixture(const test_fixture *first, const char *name) {
  while (first != NULL && !is_file(first->file, name)) first = first->next;
  return first;
}

static struct CMUnitTest unit_of(const test_entry *t, const test_fixture *each) {
  const bool has_own = t->state != NULL || each == NULL;
  return (struct CMUnitTest){t->name, t->run, has_own ? NULL : each->before,
                             has_own ? t->after : each->after, t->state};
}

/* All tests of a file, once; how many failed. */
static int run_once(const char *name, const test_fixture *all) {
  const test_fixture *each = find_fixture(around_each, name);
  struct CMUnitTest *units = check_alloc(count_tests(name) * sizeof *units);
  size_t count = 0;
  for (const test_entry *t = tests; t != NULL; t = t->next) {
    if (is_file(t->file, name)) units[count++] = unit_of(t, each);
  }
  char group[NAME_MAX_LEN];
  (void) snprintf(group, sizeof group, "%s%s%s", name, all != NULL ? ", " : "",
                  all != NULL ? all->label : "");
  int failed = _cmocka_run_group_tests(group, units, count, all != NULL ? all->before : NULL,
                                       all != NULL ? all->after : NULL);
  free(units);
  return failed;
}

static int run_file(const char *name) {
  const test_fixture *all = find_fixture(around_all, name);
  int failed = run_once(name, all);
  while (all != NULL && (all = find_fixture(all->next, name)) != NULL) {
    failed += run_once(name, all);
  }
  return failed;
}

static void print_files(void) {
  const char *last = "";
  for (const test_entry *t = tests; t != NULL; t = t->next) {
    if (strcmp(t->file, last) != 0) fprintf(stderr, "  %s\n", t->file);
    last = t->file;
  }
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3 || count_tests(argv[1]) == 0) {
    fprintf(stderr, "usage: %s FILE [PATTERN]\n", argv[0]);
    print_files();
    return 2;
  }
  if (argc == 3) cmocka_set_test_filter(argv[2]);
  return run_file(argv[1]);
}
