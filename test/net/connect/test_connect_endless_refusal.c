/* F12: a refusal whose body has no payload and no end. 64 KiB of it are read, and it does not take
   the deadline to end the session. In the real world, too. */

#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "testkit/check.h"

enum { SENT = 1 << 20, READ = 1 << 16 };

#define HEAD "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n"

static void read_at_close(session_user *u) {
  wsuv_stats_t *stats = u->data;
  wsuv_stats_init(stats);
  assert_int_equal(wsuv_session_get_stats(u->session, stats), 0);
}

static void play(session_user *u, const char *start) {
  char *body = check_alloc(SENT);
  wsuv_stats_t stats;
  u->data = &stats;
  u->at_close = read_at_close;
  memset(body, 'a', SENT);
  memcpy(body, start, strlen(start));
  raw_peer_play(u->peer->raw, PEER_EXPECT_REQUEST, PEER_SEND(HEAD), PEER_SEND_BYTES(body, SENT),
                PEER_EXPECT_GONE);
  uint64_t begun = world_now_ms(u->w);
  scenario_play(u);
  assert_true(user_ended_by(u, WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE));
  assert_int_equal(u->end.http_status, 500);
  assert_in_range(stats.wire_received, READ, sizeof HEAD - 1 + READ);
  assert_in_range(world_now_ms(u->w) - begun, 0, 5000);
  scenario_finish(u);
  free(body);
}

SCENARIO_TEST(test_endless_refusal_of_a_chunk_extension, w, p, u) {
  play(u, "1;");
}

SCENARIO_TEST(test_endless_refusal_of_a_trailer, w, p, u) {
  play(u, "0\r\nX: ");
}
