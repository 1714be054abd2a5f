/* A session of a server from its request to its end: messages in both directions, and each way to
   end. */

#include "support/server_user.h"

SERVER_TLS_TEST(test_server_echoes_messages, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"hello\" ; BIN 00ff ; TEXT ; TEXT- \"a\" ; CONT \"b\"");
  raw_client_run_to_frames(c, 4);
  assert_true(raw_client_saw(c, "TEXT \"hello\" ; BIN 00ff ; TEXT ; TEXT \"ab\""));
  raw_client_send_frames(c, "CLOSE #1000 \"bye\"");
  server_user_run_to_closes(s, 1);
  assert_true(user_ended_cleanly(server_user_session(s, 0), 1000, 1000));
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
}
