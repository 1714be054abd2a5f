/* Worlds: what is made in them, and what is left at their end. */

#include <string.h>

#include <wsuv/testkit.h>

#include "support/test.h"

static size_t failures;

static void count_failure(void *arg, const char *text) {
  assert_true(strlen(text) > 0);
  (void) arg; /* none was given */
  failures++;
}

TEST(test_leaks_are_named) {
  wsuv_testkit_t *kit;
  wsuv_server_t *server;
  wsuv_client_t *client;
  assert_int_equal(wsuv_testkit_new(&kit, 5), 0);
  wsuv_testkit_on_failure(kit, count_failure, NULL);
  assert_int_equal(wsuv_testkit_server(kit, &server, NULL), 0);
  assert_int_equal(wsuv_testkit_client(kit, &client, NULL), 0);
  assert_int_equal(wsuv_testkit_free(kit), WSUV_ELEAK);
  assert_non_null(strstr(wsuv_testkit_failure(kit), "clients not closed: 1"));
  assert_non_null(strstr(wsuv_testkit_failure(kit), "servers not closed: 1"));
  assert_non_null(strstr(wsuv_testkit_failure(kit), "memory: "));
  assert_non_null(strstr(wsuv_testkit_failure(kit), "(seed 5)"));
  assert_int_equal(failures, 1);
  assert_int_equal(wsuv_client_close(client, NULL), 0);
  assert_int_equal(wsuv_server_close(server, NULL, NULL), 0);
  assert_int_equal(wsuv_testkit_free(kit), 0);
}
