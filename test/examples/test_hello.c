/* The program hello in a world in memory: a client, whose servers are the test's. */

#include "examples/kit_talk.h"

int hello_main(int argc, char **argv);
#define main hello_main
#include "../../examples/hello.c"
#undef main

static const char *said;

/* Each of them ends with the client, which its session closes. */
static void note_and_answer(wsuv_session_t *s, const wsuv_message_t *m) {
  said = m->type == WSUV_FRAME_TEXT && m->len == 5 && memcmp(m->data, "hello", 5) == 0 ? "hello"
                                                                                       : "other";
  if (wsuv_send_text(s, "good day", 8) < 0) wsuv_session_terminate(s);
}

static void drop(wsuv_session_t *s, const wsuv_message_t *m) {
  (void) m; /* whatever it is */
  wsuv_session_terminate(s);
}

/* Run the program against a server that does this with a message; NULL: there is no server. Its
   exit status. */
static int greet(void (*answer)(wsuv_session_t *s, const wsuv_message_t *m)) {
  const wsuv_callbacks_t ours = {WSUV_CALLBACKS_INIT, .on_open = on_open, .on_message = on_message,
                                 .on_close = on_close};
  const wsuv_callbacks_t theirs = {WSUV_CALLBACKS_INIT, .on_message = answer};
  wsuv_testkit_t *kit;
  wsuv_server_t *server;
  wsuv_client_t *client;
  assert_ok(wsuv_testkit_new(&kit, 1));
  assert_ok(wsuv_testkit_server(kit, &server, NULL));
  assert_ok(wsuv_server_route(server, "/", &theirs, NULL));
  if (answer != NULL) assert_ok(wsuv_server_listen(server, "192.0.2.1", 80, NULL));
  assert_ok(wsuv_testkit_client(kit, &client, NULL));
  assert_ok(wsuv_connect_url(client, "ws://192.0.2.1/", &ours, NULL, NULL));
  assert_ok(wsuv_testkit_run(kit));
  assert_ok(wsuv_server_close(server, NULL, NULL));
  assert_ok(wsuv_testkit_free(kit)); /* the program has closed its client */
  return failed;
}

TEST(test_it_says_hello_and_closes) {
  assert_int_equal(greet(note_and_answer), 0);
  assert_string_equal(said, "hello");
}

TEST(test_session_that_fails_fails_the_program) {
  assert_int_equal(greet(drop), 1);
  assert_int_equal(greet(NULL), 1);
}
