/* What a client sends before its upgrade is decided costs bounded memory, and is not lost. */

#include <stdlib.h>
#include <string.h>

#include "support/server_user.h"
#include "testkit/check.h"

enum { EARLY = 1024 * 1024, BOUND = 64 * 1024, OTHERS = 16 * 1024 };

/* A request, and one message of zeros behind it, in one piece. */
static char *request_and_message(size_t *len) {
  static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  static const char header[14] = {(char) 0x82, (char) 0xff, 0, 0, 0, 0, 0, EARLY >> 16};
  const size_t before = sizeof request - 1 + sizeof header;
  char *text = check_alloc(before + EARLY);
  memset(text, 0, before + EARLY);
  memcpy(text, request, sizeof request - 1);
  memcpy(text + sizeof request - 1, header, sizeof header);
  *len = before + EARLY;
  return text;
}

SERVER_TEST(test_bytes_behind_a_request_are_bounded, w, s) {
  size_t len;
  char *text = request_and_message(&len);
  s->config.max_frame_size = s->config.max_message_size = EARLY;
  s->each.at_message = server_user_echo;
  server_user_decide(s, server_user_keep);
  server_user_start(s);
  raw_client *c = server_user_client(s);
  const size_t before = w->alloc->live_bytes;
  raw_client_send(c, text, len);
  server_user_run_to_upgrades(s, 1);
  assert_in_range(w->alloc->live_bytes - before, 1, BOUND + OTHERS);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  raw_client_run_to_head(c);
  raw_client_run_to_frames(c, 1);
  assert_int_equal(c->status, 101);
  free(text);
}
