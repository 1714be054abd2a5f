/* Several conversations at once with one server: a chat room. */

#include <stdio.h>
#include <string.h>

#include "support/kit_user.h"
#include "testkit/check.h"

enum { GUESTS = 12 };

static void send_to(wsuv_session_t *s, void *message) {
  const wsuv_message_t *m = message;
  if (wsuv_session_stage(s) == WSUV_STAGE_OPEN) {
    CHECK(wsuv_send_message(s, m->type, m->data, m->len) == 0);
  }
}

static void send_to_all(wsuv_session_t *s, const wsuv_message_t *m) {
  wsuv_server_each(wsuv_session_server(s), send_to, (void *) (uintptr_t) m);
}

static const wsuv_callbacks_t room = {WSUV_CALLBACKS_INIT, .on_message = send_to_all};

static void fill_room(kit_user *u, wsuv_conversation_t **guests, uint64_t seed) {
  kit_user_begin(u, seed, NULL);
  kit_user_route(u, "/room", &room);
  for (size_t i = 0; i < GUESTS; i++) guests[i] = kit_user_talk(u, "/room");
}

TEST(test_all_hear_what_one_says) {
  kit_user u;
  wsuv_conversation_t *guests[GUESTS];
  fill_room(&u, guests, 4);
  for (size_t i = 0; i < GUESTS; i++) {
    char text[32];
    (void) snprintf(text, sizeof text, "I am %zu", i);
    assert_ok(wsuv_conversation_send_text(guests[i], text));
    for (size_t j = 0; j < GUESTS; j++) assert_ok(wsuv_conversation_expect_text(guests[j], text));
  }
  for (size_t i = 0; i < GUESTS; i++) assert_ok(wsuv_conversation_silent(guests[i], 10));
  kit_user_end(&u);
}

TEST(test_each_conversation_knows_its_session_of_the_server) {
  kit_user u;
  wsuv_conversation_t *guests[GUESTS];
  fill_room(&u, guests, 0);
  assert_int_equal(wsuv_server_session_count(u.server), GUESTS);
  for (size_t i = GUESTS; i-- > 0;) {
    wsuv_session_t *theirs = wsuv_conversation_server_session(guests[i]);
    char text[32];
    (void) snprintf(text, sizeof text, "you are %zu", i);
    assert_non_null(theirs);
    assert_ok(wsuv_send_text(theirs, text, strlen(text)));
    assert_ok(wsuv_conversation_expect_text(guests[i], text));
  }
  kit_user_end(&u);
}

TEST(test_one_of_several_is_freed) {
  kit_user u;
  wsuv_conversation_t *guests[GUESTS];
  fill_room(&u, guests, 9);
  wsuv_conversation_free(guests[GUESTS / 2]);
  wsuv_conversation_free(guests[0]);
  wsuv_conversation_free(NULL);
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(wsuv_server_session_count(u.server), GUESTS - 2);
  assert_ok(wsuv_conversation_send_text(guests[1], "who is left?"));
  for (size_t i = 1; i < GUESTS; i++) {
    if (i != GUESTS / 2) assert_ok(wsuv_conversation_expect_text(guests[i], "who is left?"));
  }
  kit_user_end(&u);
}

TEST(test_openings_at_once) {
  kit_user u;
  wsuv_conversation_t *guests[GUESTS];
  kit_user_begin(&u, 5, NULL);
  for (size_t i = 0; i < GUESTS; i++) {
    assert_ok(wsuv_conversation_begin(u.kit, u.server, "/echo", NULL, &guests[i]));
  }
  for (size_t i = 0; i < GUESTS; i++) {
    assert_ok(wsuv_conversation_opened(guests[i]));
    assert_ok(wsuv_conversation_send(guests[i], WSUV_FRAME_BINARY, &i, sizeof i));
  }
  for (size_t i = GUESTS; i-- > 0;) {
    assert_ok(wsuv_conversation_expect(guests[i], WSUV_FRAME_BINARY, &i, sizeof i));
  }
  kit_user_end(&u);
}

TEST(test_conversations_with_two_servers_in_one_world) {
  kit_user u;
  wsuv_server_t *second;
  wsuv_conversation_t *talk;
  kit_user_begin(&u, 0, NULL);
  assert_ok(wsuv_testkit_server(u.kit, &second, NULL));
  assert_int_equal(wsuv_conversation_open(u.kit, second, "/echo", NULL, &talk), WSUV_ESTATUS);
  assert_ok(wsuv_server_route(second, "/second", &kit_echoes, NULL));
  assert_ok(wsuv_conversation_open(u.kit, second, "/second", NULL, &talk));
  assert_ptr_equal(wsuv_session_server(wsuv_conversation_server_session(talk)), second);
  talk = kit_user_talk(&u, "/echo");
  assert_ptr_equal(wsuv_session_server(wsuv_conversation_server_session(talk)), u.server);
  assert_ok(wsuv_server_close(second, NULL, NULL));
  kit_user_end(&u);
}
