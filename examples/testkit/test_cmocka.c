/* Tests of the counter, with cmocka: each has a world of its own, in which a server has the routes
   of the program. Nothing waits, and no port is opened. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <wsuv/testkit.h>

#include "counter.h"

typedef struct world {
  wsuv_testkit_t *kit;
  wsuv_server_t *server;
  counter *counter;
} world;

static int begin(void **state) {
  wsuv_config_t config;
  world *w = calloc(1, sizeof *w);
  counter_config_init(&config);
  if (w == NULL || wsuv_testkit_new(&w->kit, 1) < 0) return -1;
  if (wsuv_testkit_server(w->kit, &w->server, &config) < 0) return -1;
  w->counter = counter_new(w->server, "secret");
  *state = w;
  return w->counter != NULL ? 0 : -1;
}

/* wsuv_testkit_free fails if anything is left, and says on standard error what it is. */
static int end(void **state) {
  world *w = *state;
  int err = wsuv_server_close(w->server, NULL, NULL);
  if (err == 0) err = wsuv_testkit_free(w->kit);
  counter_free(w->counter);
  free(w);
  return err;
}

static wsuv_conversation_t *join(world *w, const char *path) {
  wsuv_conversation_t *talk;
  assert_int_equal(wsuv_conversation_open(w->kit, w->server, path, NULL, &talk), 0);
  return talk;
}

static void say(wsuv_conversation_t *talk, const char *text) {
  assert_int_equal(wsuv_conversation_send_text(talk, text), 0);
}

static void hears(wsuv_conversation_t *talk, const char *text) {
  assert_int_equal(wsuv_conversation_expect_text(talk, text), 0);
}

static void test_everybody_in_the_room_hears_the_new_value(void **state) {
  wsuv_conversation_t *ada = join(*state, "/counter/tea"), *bob = join(*state, "/counter/tea");
  say(ada, "+1");
  hears(ada, "1");
  hears(bob, "1");
  say(bob, "-1");
  hears(ada, "0");
  hears(bob, "0");
}

static void test_rooms_are_apart(void **state) {
  wsuv_conversation_t *ada = join(*state, "/counter/tea"), *eve = join(*state, "/counter/coffee");
  say(ada, "+1");
  hears(ada, "1");
  assert_int_equal(wsuv_conversation_silent(eve, 1000), 0);
  say(eve, "get");
  hears(eve, "0");
}

static void test_only_who_asks_gets_the_value(void **state) {
  wsuv_conversation_t *ada = join(*state, "/counter/tea"), *bob = join(*state, "/counter/tea");
  say(ada, "get");
  hears(ada, "0");
  assert_int_equal(wsuv_conversation_silent(bob, 1000), 0);
}

static void test_room_forgets_when_all_have_gone(void **state) {
  wsuv_conversation_t *ada = join(*state, "/counter/tea");
  say(ada, "+1");
  hears(ada, "1");
  assert_int_equal(wsuv_conversation_drop(ada), 0); /* as a tab that is closed */
  assert_int_equal(wsuv_conversation_closed(ada, NULL), 0);
  wsuv_conversation_t *bob = join(*state, "/counter/tea");
  say(bob, "get");
  hears(bob, "0");
}

static void test_unknown_message_closes_the_session(void **state) {
  const wsuv_close_info_t *info;
  wsuv_conversation_t *ada = join(*state, "/counter/tea");
  say(ada, "+2");
  assert_int_equal(wsuv_conversation_expect_close(ada, WSUV_CLOSE_UNSUPPORTED_DATA), 0);
  assert_int_equal(wsuv_conversation_closed(ada, &info), 0);
  assert_string_equal(info->reason, "+1, -1 or get");
}

static void test_program_without_token_is_refused(void **state) {
  world *w = *state;
  wsuv_conversation_t *talk;
  int err = wsuv_conversation_open(w->kit, w->server, "/admin?token=wrong", NULL, &talk);
  assert_int_equal(err, WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_status(talk), 401);
  assert_string_equal(wsuv_conversation_header(talk, "WWW-Authenticate"), "Bearer realm=\"admin\"");
  assert_string_equal(wsuv_conversation_body(talk, NULL), "A token is needed.\n");
}

static void test_page_without_token_learns_why(void **state) {
  world *w = *state;
  wsuv_request_t request;
  wsuv_conversation_t *talk;
  wsuv_request_init(&request, NULL);
  request.origin = "https://counter.example";
  assert_int_equal(wsuv_conversation_open(w->kit, w->server, "/admin", &request, &talk), 0);
  assert_int_equal(wsuv_conversation_expect_close(talk, 4401), 0);
}

static void test_administrator_resets_all_counters(void **state) {
  static const wsuv_header_t token = {"Authorization", "Bearer secret"};
  world *w = *state;
  wsuv_request_t request;
  wsuv_conversation_t *admin, *ada = join(w, "/counter/tea");
  say(ada, "+1");
  hears(ada, "1");
  wsuv_request_init(&request, NULL);
  request.headers = &token;
  request.header_count = 1;
  assert_int_equal(wsuv_conversation_open(w->kit, w->server, "/admin", &request, &admin), 0);
  say(admin, "reset");
  hears(admin, "ok");
  hears(ada, "0");
}

/* Ada's window stays open, but nothing is read any more. The others do not wait for it. */
static void test_slow_reader_is_disconnected(void **state) {
  world *w = *state;
  wsuv_testkit_links_t links;
  wsuv_testkit_links_init(&links);
  links.send_buffer = links.receive_buffer = 1024;
  assert_int_equal(wsuv_testkit_set_links(w->kit, &links), 0);
  wsuv_conversation_t *ada = join(w, "/counter/tea"), *bob = join(w, "/counter/tea");
  assert_int_equal(wsuv_conversation_pause(ada, true), 0);
  for (int i = 0; wsuv_server_session_count(w->server) == 2; i++) {
    wsuv_message_t message;
    assert_true(i < 100000);
    say(bob, "+1");
    assert_int_equal(wsuv_conversation_receive(bob, &message), 0);
  }
}

static void test_dead_peer_is_noticed(void **state) {
  world *w = *state;
  wsuv_conversation_t *ada = join(w, "/counter/tea");
  assert_int_equal(wsuv_testkit_advance(w->kit, 60ULL * 60 * 1000), 0); /* an hour of pings */
  assert_non_null(wsuv_conversation_server_session(ada));
  wsuv_conversation_stall(ada, true);
  assert_int_equal(wsuv_testkit_advance(w->kit, 60ULL * 1000), 0);
  assert_null(wsuv_conversation_server_session(ada));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      TEST(test_everybody_in_the_room_hears_the_new_value),
      TEST(test_rooms_are_apart),
      TEST(test_only_who_asks_gets_the_value),
      TEST(test_room_forgets_when_all_have_gone),
      TEST(test_unknown_message_closes_the_session),
      TEST(test_program_without_token_is_refused),
      TEST(test_page_without_token_learns_why),
      TEST(test_administrator_resets_all_counters),
      TEST(test_slow_reader_is_disconnected),
      TEST(test_dead_peer_is_noticed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
