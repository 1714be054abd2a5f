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

TEST(test_handles_of_the_loop_are_closed_or_named) {
  static uv_timer_t closing, left;
  wsuv_testkit_t *kit;
  assert_int_equal(wsuv_testkit_new(&kit, 0), 0);
  wsuv_testkit_on_failure(kit, count_failure, NULL);
  assert_int_equal(uv_timer_init(wsuv_testkit_loop(kit), &closing), 0);
  assert_int_equal(uv_timer_init(wsuv_testkit_loop(kit), &left), 0);
  uv_close((uv_handle_t *) &closing, NULL);
  assert_int_equal(wsuv_testkit_free(kit), WSUV_ELEAK);
  assert_non_null(strstr(wsuv_testkit_failure(kit), "handles of the kit's loop"));
  uv_close((uv_handle_t *) &left, NULL);
  assert_int_equal(wsuv_testkit_free(kit), 0);
}

TEST(test_addresses_that_cannot_be) {
  static const char *const zone = "fe80::1%1";
  char path[200];
  wsuv_testkit_t *kit;
  wsuv_testkit_answer_t answer;
  memset(path, '/', sizeof path);
  path[sizeof path - 1] = '\0';
  assert_int_equal(wsuv_testkit_new(&kit, 0), 0);
  assert_int_equal(wsuv_testkit_fail_connects(kit, path, UV_ECONNREFUSED), UV_EINVAL);
  assert_int_equal(wsuv_testkit_fail_connects(kit, "nowhere", UV_ECONNREFUSED), UV_EINVAL);
  assert_int_equal(wsuv_testkit_fail_connects(kit, zone, UV_ECONNREFUSED), 0);
  wsuv_testkit_answer_init(&answer, &zone);
  assert_int_equal(wsuv_testkit_host(kit, "local.example", &answer), 0);
  assert_int_equal(wsuv_testkit_free(kit), 0);
}

/* An answer that never comes has no addresses. */
TEST(test_answers_that_never_come) {
  static const char *const nowhere[] = {"nowhere", NULL};
  wsuv_testkit_t *kit;
  wsuv_testkit_answer_t answer;
  assert_int_equal(wsuv_testkit_new(&kit, 0), 0);
  wsuv_testkit_answer_init(&answer, NULL);
  assert_int_equal(wsuv_testkit_host(kit, "no.addresses", &answer), UV_EINVAL);
  answer.delay_ms = UINT64_MAX;
  assert_int_equal(wsuv_testkit_host(kit, "never.example", &answer), 0);
  answer.addresses = nowhere;
  assert_int_equal(wsuv_testkit_host(kit, "never.example", &answer), 0);
  answer.address_count = 1000;
  assert_int_equal(wsuv_testkit_host(kit, "never.example", &answer), 0);
  assert_int_equal(wsuv_testkit_free(kit), 0);
}
