/* The program echo_server in a world in memory. */

#include "examples/kit_talk.h"

int echo_server_main(int argc, char **argv);
#define main echo_server_main
#include "../../examples/echo_server.c"
#undef main

TEST(test_messages_come_back) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_message = on_message};
  wsuv_testkit_t *kit;
  wsuv_server_t *server;
  assert_ok(wsuv_testkit_new(&kit, 1));
  assert_ok(wsuv_testkit_server(kit, &server, NULL));
  assert_ok(wsuv_server_route(server, "/{path...}", &callbacks, NULL));
  wsuv_conversation_t *talk = join(kit, server, "/any/path");
  say(talk, "hello");
  hears(talk, "hello");
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, "\0\xff", 2));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, "\0\xff", 2));
  assert_ok(wsuv_conversation_close(talk, WSUV_CLOSE_NORMAL, NULL));
  assert_ok(wsuv_server_close(server, NULL, NULL));
  assert_ok(wsuv_testkit_free(kit));
}
