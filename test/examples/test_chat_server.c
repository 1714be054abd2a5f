/* The program chat_server in worlds in memory: its own configuration and route, with members who
   are conversations. What goes over sockets is tested in chat_server_test.py. */

#include "examples/kit_talk.h"

int chat_server_main(int argc, char **argv);
#define main chat_server_main
#include "../../examples/chat_server.c"
#undef main

#define O_UMLAUT "\xc3\xb6"

enum { SEEDS = 60, SPEAKERS = 3 };

static wsuv_testkit_t *kit;

static void serve(void) {
  wsuv_config_t config;
  assert_ok(configure(&config));
  assert_ok(wsuv_testkit_server(kit, &prog.server, &config));
  assert_ok(add_route());
}

static int begin(void **state) {
  (void) state; /* there is one world at a time */
  prog.folder = PAGE_FOLDER;
  assert_ok(wsuv_testkit_new(&kit, 1));
  serve();
  return 0;
}

/* Rooms go with their members, and with them goes all that the program has allocated. */
static int end(void **state) {
  (void) state; /* there is one world at a time */
  assert_ok(wsuv_server_close(prog.server, NULL, NULL));
  assert_ok(wsuv_testkit_free(kit));
  assert_null(prog.rooms);
  return 0;
}

static wsuv_conversation_t *enter(const char *target) {
  return join(kit, prog.server, target);
}

static void is_turned_away(const char *target, unsigned code) {
  wsuv_conversation_t *talk = enter(target);
  assert_ok(wsuv_conversation_expect_close(talk, code));
}

/* --- rooms --- */

TEST(test_members_see_who_comes_says_and_goes) {
  wsuv_conversation_t *ada = enter("/chat/tea?name=Ada");
  hears(ada, "here Ada");
  wsuv_conversation_t *bob = enter("/chat/tea?name=B%C3%B6b");
  hears(ada, "join B" O_UMLAUT "b");
  hears(bob, "here Ada");
  hears(bob, "here B" O_UMLAUT "b");
  say(bob, "good day");
  hears(ada, "say B" O_UMLAUT "b good day");
  hears(bob, "say B" O_UMLAUT "b good day");
  assert_ok(wsuv_conversation_drop(bob)); /* as a tab that is closed */
  hears(ada, "leave B" O_UMLAUT "b");
}

TEST(test_text_may_have_any_character) {
  static const char said[] = "a\0b\nc", heard[] = "say Ada a\0b\nc";
  wsuv_conversation_t *ada = enter("/chat/tea?name=Ada");
  hears(ada, "here Ada");
  assert_ok(wsuv_conversation_send(ada, WSUV_FRAME_TEXT, said, sizeof said - 1));
  assert_ok(wsuv_conversation_expect(ada, WSUV_FRAME_TEXT, heard, sizeof heard - 1));
}

TEST(test_rooms_do_not_hear_each_other) {
  wsuv_conversation_t *tea = enter("/chat/tea?name=Ada"), *coffee = enter("/chat/coffee?name=Ada");
  hears(tea, "here Ada");
  hears(coffee, "here Ada");
  say(tea, "tea");
  hears(tea, "say Ada tea");
  assert_ok(wsuv_conversation_silent(coffee, 1000));
}

TEST(test_name_that_is_taken_is_free_again_afterwards) {
  wsuv_conversation_t *ada = enter("/chat/tea?name=Ada");
  is_turned_away("/chat/tea?name=Ada", 4409);
  assert_ok(wsuv_conversation_close(ada, WSUV_CLOSE_NORMAL, NULL));
  hears(enter("/chat/tea?name=Ada"), "here Ada");
}

TEST(test_names_that_cannot_be_shown_are_turned_away) {
  static const char *const targets[] = {
      "/chat/tea",
      "/chat/tea?name=",
      "/chat/tea?name=a+b",
      "/chat/tea?name=%0A",
      "/chat/tea?name=%FF",
      "/chat/tea?name=123456789012345678901234567890123",
      "/chat/a%20b?name=Ada",
  };
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) is_turned_away(targets[i], 4400);
}

TEST(test_full_room_turns_away) {
  char target[64];
  for (int i = 0; i < ROOM_MAX_MEMBERS; i++) {
    (void) snprintf(target, sizeof target, "/chat/tea?name=%d", i); /* it fits */
    enter(target);
  }
  is_turned_away("/chat/tea?name=late", 4403);
  hears(enter("/chat/coffee?name=late"), "here late");
}

TEST(test_binary_message_and_long_text_end_the_session) {
  static char text[TEXT_MAX_BYTES + 1];
  wsuv_conversation_t *ada = enter("/chat/tea?name=Ada"), *bob = enter("/chat/tea?name=Bob");
  assert_ok(wsuv_conversation_send(ada, WSUV_FRAME_BINARY, "", 1));
  assert_ok(wsuv_conversation_expect_close(ada, WSUV_CLOSE_UNSUPPORTED_DATA));
  memset(text, 'x', sizeof text);
  assert_ok(wsuv_conversation_send(bob, WSUV_FRAME_TEXT, text, sizeof text));
  assert_ok(wsuv_conversation_expect_close(bob, WSUV_CLOSE_TOO_BIG));
}

/* --- members who do too much, too little, or nothing --- */

TEST(test_member_says_twenty_messages_a_second) {
  enum { MESSAGES = 5 * MESSAGES_PER_SECOND };
  wsuv_conversation_t *ada = enter("/chat/tea?name=Ada"), *bob = enter("/chat/tea?name=Bob");
  hears(ada, "here Ada");
  hears(ada, "join Bob");
  const uint64_t begun = wsuv_testkit_now_ms(kit);
  for (int i = 0; i < MESSAGES; i++) say(bob, "again");
  for (int i = 0; i < MESSAGES; i++) hears(ada, "say Bob again");
  assert_in_range(wsuv_testkit_now_ms(kit) - begun, 3000, 6000);
}

/* Letters by chance, so that they are as many when they are compressed. */
static void fill(char *text, size_t len) {
  static uint64_t chance = 1;
  for (size_t i = 0; i < len; i++) {
    chance = chance * UINT64_C(6364136223846793005) + 1;
    text[i] = (char) ('0' + (chance >> 40) % 64);
  }
}

/* Bob reads nothing. Ada waits for nobody, and Bob has gone when his queue is full. */
TEST(test_reader_who_is_too_slow_is_dropped_and_hurts_nobody) {
  static const char leave[] = "leave Bob";
  char text[TEXT_MAX_BYTES];
  wsuv_testkit_links_t links;
  wsuv_message_t message = {.len = 0};
  wsuv_testkit_links_init(&links);
  links.send_buffer = links.receive_buffer = 4096;
  assert_ok(wsuv_testkit_set_links(kit, &links));
  wsuv_conversation_t *ada = enter("/chat/tea?name=Ada"), *bob = enter("/chat/tea?name=Bob");
  hears(ada, "here Ada");
  hears(ada, "join Bob");
  assert_ok(wsuv_conversation_pause(bob, true));
  const uint64_t begun = wsuv_testkit_now_ms(kit);
  for (int i = 0; message.len != strlen(leave); i++) {
    assert_true(i < 1000);
    fill(text, sizeof text);
    assert_ok(wsuv_conversation_send(ada, WSUV_FRAME_TEXT, text, sizeof text));
    assert_ok(wsuv_conversation_receive(ada, &message));
  }
  assert_memory_equal(message.data, leave, message.len);
  assert_in_range(wsuv_testkit_now_ms(kit) - begun, 0, PING_INTERVAL_MS); /* not by a ping */
  assert_null(wsuv_conversation_server_session(bob));
}

TEST(test_dead_member_leaves_the_room) {
  wsuv_conversation_t *ada = enter("/chat/tea?name=Ada"), *bob = enter("/chat/tea?name=Bob");
  assert_ok(wsuv_testkit_advance(kit, UINT64_C(3600) * 1000)); /* an hour of pings */
  hears(ada, "here Ada");
  hears(ada, "join Bob");
  wsuv_conversation_stall(bob, true);
  assert_ok(wsuv_testkit_advance(kit, UINT64_C(2) * 60 * 1000));
  hears(ada, "leave Bob");
}

/* --- the page --- */

TEST(test_page_comes_from_the_server) {
  wsuv_conversation_t *talk;
  assert_true(read_page());
  assert_ok(
      wsuv_conversation_http(kit, prog.server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", &talk));
  assert_int_equal(wsuv_conversation_status(talk), 200);
  assert_string_equal(wsuv_conversation_header(talk, "Content-Type"), files[0].type);
  assert_memory_equal(wsuv_conversation_body(talk, NULL), files[0].text, files[0].len);
  assert_ok(wsuv_conversation_http(kit, prog.server, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                   &talk));
  assert_int_equal(wsuv_conversation_status(talk), 404);
  for (int i = 0; i < FILES; i++) free(files[i].text);
}

TEST_AROUND_EACH(begin, end)

/* --- other worlds, in which much goes wrong --- */

/* Nobody has to hear anything, but nothing may be left: of links that end at any byte, */
static int visit_over_bad_links(wsuv_testkit_t *world, void *arg) {
  wsuv_testkit_links_t links;
  wsuv_conversation_t *talk;
  char target[64];
  (void) arg;
  kit = world;
  wsuv_testkit_links_init(&links);
  links.lose_percent = links.reset_percent = links.stall_percent = 30;
  links.fault_bytes_max = 1500;
  assert_ok(wsuv_testkit_set_links(kit, &links));
  serve();
  for (int i = 0; i < SPEAKERS; i++) {
    (void) snprintf(target, sizeof target, "/chat/tea?name=%d", i); /* it fits */
    if (wsuv_conversation_open(kit, prog.server, target, NULL, &talk) < 0) continue;
    for (int n = 0; n < 20 && wsuv_conversation_send_text(talk, "anybody here?") == 0; n++)
      if (wsuv_testkit_run(kit) < 0) return UV_ETIMEDOUT;
  }
  return wsuv_server_close(prog.server, NULL, NULL);
}

TEST(test_nothing_is_left_of_lost_links) {
  assert_ok(end(NULL));
  assert_ok(wsuv_testkit_explore(visit_over_bad_links, NULL, SEEDS, NULL));
  assert_null(prog.rooms);
  assert_ok(begin(NULL));
}

static void ignore_failure(void *arg, const char *text) {
  (void) arg;
  (void) text; /* what a visit without memory is for */
}

/* and of a visit without the n-th block of memory. false: there were fewer than n. */
static bool survives_without_block(uint64_t n) {
  wsuv_conversation_t *talk;
  assert_ok(wsuv_testkit_new(&kit, 0));
  wsuv_testkit_on_failure(kit, ignore_failure, NULL);
  serve();
  wsuv_testkit_fail_allocation(kit, n, false);
  int err = wsuv_conversation_open(kit, prog.server, "/chat/tea?name=Ada", NULL, &talk);
  if (err == 0) err = wsuv_conversation_send_text(talk, "hello");
  if (err == 0) err = wsuv_conversation_expect_text(talk, "here Ada");
  if (err == 0) err = wsuv_conversation_expect_text(talk, "say Ada hello");
  const bool has_failed = wsuv_testkit_failed_allocations(kit) > 0;
  assert_true(has_failed || err == 0);
  wsuv_testkit_fail_allocation(kit, 0, false);
  assert_ok(end(NULL));
  return has_failed;
}

TEST(test_nothing_is_left_without_memory) {
  uint64_t blocks = 0;
  assert_ok(end(NULL));
  while (survives_without_block(blocks + 1)) blocks++;
  assert_true(blocks > 5);
  assert_ok(begin(NULL));
}
