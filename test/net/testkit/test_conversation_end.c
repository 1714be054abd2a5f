/* How conversations end, and what may happen to their links. */

#include <stdlib.h>
#include <string.h>

#include "support/kit_user.h"
#include "testkit/check.h"

/* What a server's session has seen, and how it ended. */
typedef struct ending {
  size_t opens, messages, closes;
  int status;
  uint16_t code, sent_code;
  bool clean;
  char reason[32];
} ending;

static ending seen;

static void note_open(wsuv_session_t *s) {
  (void) s;
  seen.opens++;
}

static void note_message(wsuv_session_t *s, const wsuv_message_t *m) {
  seen.messages++;
  if (wsuv_send_message(s, m->type, m->data, m->len) < 0) wsuv_session_terminate(s);
}

static void note_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  (void) s;
  seen.closes++;
  seen.status = info->status;
  seen.code = info->code;
  seen.sent_code = info->sent_code;
  seen.clean = info->clean;
  CHECK(info->reason_len < sizeof seen.reason);
  memcpy(seen.reason, info->reason, info->reason_len + 1);
}

static const wsuv_callbacks_t noters = {WSUV_CALLBACKS_INIT, .on_open = note_open,
                                        .on_message = note_message, .on_close = note_close};

static wsuv_conversation_t *begin(kit_user *u, uint64_t seed) {
  memset(&seen, 0, sizeof seen);
  kit_user_begin(u, seed, NULL);
  kit_user_route(u, "/note", &noters);
  return kit_user_talk(u, "/note");
}

/* --- closing --- */

TEST(test_close_tells_the_server_and_waits) {
  kit_user u;
  const wsuv_close_info_t *info;
  wsuv_conversation_t *talk = begin(&u, 2);
  assert_ok(wsuv_conversation_close(talk, 3001, "bye"));
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_int_equal(info->status, 0);
  assert_true(info->clean && !info->by_peer);
  assert_int_equal(info->code, 3001);
  assert_int_equal(info->sent_code, 3001);
  assert_string_equal(info->sent_reason, "bye");
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(seen.closes, 1);
  assert_int_equal(seen.code, 3001);
  assert_string_equal(seen.reason, "bye");
  assert_true(seen.clean);
  kit_user_end(&u);
  assert_int_equal(seen.closes, 1);
}

TEST(test_close_has_the_errors_of_closing) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, 0);
  assert_int_equal(wsuv_conversation_close(talk, 1005, NULL), WSUV_ECLOSECODE);
  assert_int_equal(wsuv_conversation_close(talk, 1000, "\xff"), WSUV_EUTF8);
  assert_ok(wsuv_conversation_send_text(talk, "open"));
  assert_ok(wsuv_conversation_expect_text(talk, "open"));
  kit_user_end(&u);
}

TEST(test_closed_has_the_whole_story) {
  kit_user u;
  const wsuv_close_info_t *info;
  wsuv_conversation_t *talk = begin(&u, 0);
  assert_ok(wsuv_session_close(wsuv_conversation_server_session(talk), 1013, "try again later"));
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_int_equal(info->status, 0);
  assert_true(info->clean && info->by_peer);
  assert_int_equal(info->code, 1013);
  assert_string_equal(info->reason, "try again later");
  assert_int_equal(info->reason_len, strlen(info->reason));
  assert_int_equal(info->sent_code, 1013);
  assert_null(wsuv_conversation_session(talk));
  const wsuv_close_info_t *again;
  assert_ok(wsuv_conversation_closed(talk, &again));
  assert_ptr_equal(again, info);
  assert_ok(wsuv_conversation_closed(talk, NULL));
  kit_user_end(&u);
}

TEST(test_closed_waits_until_its_timeout) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, 0);
  wsuv_conversation_set_timeout(talk, 3000);
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(wsuv_conversation_closed(talk, NULL), UV_ETIMEDOUT);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 3000, before + 3001);
  kit_user_end(&u);
}

TEST(test_expect_close_wants_the_code) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, 0);
  kit_user_expect_failures(&u);
  wsuv_conversation_set_timeout(talk, 100);
  assert_int_equal(wsuv_conversation_expect_close(talk, 1000), WSUV_ETEST);
  assert_true(kit_user_failed_with(&u, "1000"));
  assert_ok(wsuv_session_close(wsuv_conversation_server_session(talk), 4002, NULL));
  assert_int_equal(wsuv_conversation_expect_close(talk, 4001), WSUV_ETEST);
  assert_true(kit_user_failed_with(&u, "4001"));
  assert_true(kit_user_failed_with(&u, "4002"));
  assert_ok(wsuv_conversation_expect_close(talk, 4002));
  kit_user_end(&u);
}

TEST(test_session_that_is_terminated_is_no_close) {
  kit_user u;
  const wsuv_close_info_t *info;
  wsuv_conversation_t *talk = begin(&u, 0);
  kit_user_expect_failures(&u);
  wsuv_session_terminate(wsuv_conversation_server_session(talk));
  assert_int_equal(wsuv_conversation_expect_close(talk, 1000), WSUV_ETEST);
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_true(info->status < 0 && !info->clean);
  assert_int_equal(info->code, 1006);
  kit_user_end(&u);
}

TEST(test_silence) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, 0);
  kit_user_expect_failures(&u);
  uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_ok(wsuv_conversation_silent(talk, 5000));
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 5000, before + 5001);
  assert_ok(wsuv_conversation_silent(talk, 0));
  assert_ok(wsuv_conversation_send_text(talk, "noise"));
  assert_int_equal(wsuv_conversation_silent(talk, 100), WSUV_ETEST);
  assert_true(kit_user_failed_with(&u, "noise"));
  assert_ok(wsuv_conversation_expect_text(talk, "noise"));
  wsuv_frame_t f;
  assert_ok(wsuv_send_ping(wsuv_conversation_server_session(talk), "?", 1));
  assert_int_equal(wsuv_conversation_silent(talk, 100), WSUV_ETEST);
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_int_equal(f.type, WSUV_FRAME_PING);
  assert_ok(wsuv_session_close(wsuv_conversation_server_session(talk), 1000, NULL));
  assert_int_equal(wsuv_conversation_silent(talk, 100), WSUV_ETEST);
  kit_user_end(&u);
}

/* --- the link ends --- */

TEST(test_drop_ends_the_connection_behind_what_was_sent) {
  kit_user u;
  const wsuv_close_info_t *info;
  wsuv_conversation_t *talk = begin(&u, 6);
  for (int i = 0; i < 20; i++) assert_ok(wsuv_conversation_send_text(talk, "last words"));
  assert_ok(wsuv_conversation_drop(talk));
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(seen.messages, 20);
  assert_int_equal(seen.closes, 1);
  assert_int_equal(seen.status, UV_EOF);
  assert_int_equal(seen.code, 1006);
  assert_false(seen.clean);
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_true(info->status < 0);
  assert_int_equal(info->sent_code, 0);
  kit_user_end(&u);
}

TEST(test_reset_ends_the_connection_at_once) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, 0);
  assert_ok(wsuv_conversation_reset(talk));
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(seen.closes, 1);
  assert_int_equal(seen.status, UV_ECONNRESET);
  assert_ok(wsuv_conversation_closed(talk, NULL));
  kit_user_end(&u);
}

/* Open, two messages, close, over a link that is lost after so many bytes. Whether all went well;
   whatever happens, the server's sessions end once. */
static bool survives(uint64_t bytes, uint64_t seed) {
  kit_user u;
  wsuv_conversation_t *talk;
  memset(&seen, 0, sizeof seen);
  kit_user_begin(&u, seed, NULL);
  kit_user_route(&u, "/note", &noters);
  kit_user_expect_failures(&u);
  assert_ok(wsuv_conversation_begin(u.kit, u.server, "/note", NULL, &talk));
  wsuv_conversation_lose_after(talk, bytes);
  int err = wsuv_conversation_opened(talk);
  if (err == 0) err = wsuv_conversation_send_text(talk, "hello");
  if (err == 0) err = wsuv_conversation_expect_text(talk, "hello");
  if (err == 0) err = wsuv_conversation_send_text(talk, "again");
  if (err == 0) err = wsuv_conversation_expect_text(talk, "again");
  if (err == 0) err = wsuv_conversation_close(talk, 1000, NULL);
  const wsuv_close_info_t *info;
  assert_ok(wsuv_conversation_closed(talk, &info));
  const bool fine = err == 0 && info->status == 0;
  if (!fine) assert_int_equal(info->status, UV_ECONNRESET);
  kit_user_end(&u);
  assert_true(seen.opens <= 1 && seen.messages <= 2);
  assert_in_range(seen.closes, seen.opens, 1); /* the response may not have left */
  return fine;
}

TEST(test_link_that_is_lost_at_every_byte) {
  uint64_t bytes = 0;
  while (!survives(bytes, 0)) {
    assert_in_range(bytes, 0, 2000);
    bytes++;
  }
  assert_in_range(bytes, 300, 2000);
  for (uint64_t b = 0; b < bytes; b += 7) assert_false(survives(b, 1 + b));
}

/* --- the link stalls --- */

TEST(test_stalled_link_moves_nothing_until_it_goes_on) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, 8);
  wsuv_conversation_stall(talk, true);
  assert_ok(wsuv_conversation_send_text(talk, "late"));
  assert_ok(wsuv_send_text(wsuv_conversation_server_session(talk), "late, too", 9));
  assert_ok(wsuv_conversation_silent(talk, 30000));
  assert_int_equal(seen.messages, 0);
  wsuv_conversation_stall(talk, false);
  assert_ok(wsuv_conversation_expect_text(talk, "late, too"));
  assert_ok(wsuv_conversation_expect_text(talk, "late"));
  assert_int_equal(seen.messages, 1);
  kit_user_end(&u);
}

TEST(test_server_notices_a_stalled_link_by_its_pings) {
  kit_user u;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.ping_interval_ms = 1000;
  config.ping_timeout_ms = 500;
  memset(&seen, 0, sizeof seen);
  kit_user_begin(&u, 0, &config);
  kit_user_route(&u, "/note", &noters);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/note");
  assert_ok(wsuv_testkit_advance(u.kit, 10000));
  assert_int_equal(seen.closes, 0);
  wsuv_conversation_stall(talk, true);
  assert_ok(wsuv_testkit_advance(u.kit, 10000));
  assert_int_equal(seen.closes, 1);
  assert_int_equal(seen.status, WSUV_EPINGTIMEOUT);
  kit_user_end(&u);
}

/* --- a conversation that does not read --- */

typedef struct producer {
  uint64_t next;
  size_t full, drains;
  bool on;
} producer;

static producer made;

/* Numbers in order, until the queue is full. */
static void produce(wsuv_session_t *s) {
  while (made.on && made.next < 3000) {
    uint8_t message[1000] = {0};
    memcpy(message, &made.next, sizeof made.next);
    int err = wsuv_send_binary(s, message, sizeof message);
    if (err == WSUV_EQUEUEFULL) {
      made.full++;
      return;
    }
    CHECK(err == 0);
    made.next++;
  }
}

static void produce_more(wsuv_session_t *s) {
  made.drains++;
  produce(s);
}

TEST(test_paused_conversation_fills_the_server_s_queue) {
  static const wsuv_callbacks_t producers = {WSUV_CALLBACKS_INIT, .on_open = produce,
                                             .on_drain = produce_more};
  kit_user u;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.outgoing_max = 100 * 1000;
  kit_user_begin(&u, 0, &config);
  kit_user_route(&u, "/produce", &producers);
  made = (producer){.on = false};
  wsuv_conversation_t *talk = kit_user_talk(&u, "/produce");
  assert_ok(wsuv_conversation_pause(talk, true));
  made.on = true;
  produce(wsuv_conversation_server_session(talk));
  assert_ok(wsuv_testkit_run(u.kit));
  const uint64_t stuck = made.next;
  assert_true(made.full > 0 && stuck < 3000);
  assert_ok(wsuv_testkit_advance(u.kit, 60000));
  assert_int_equal(made.next, stuck);
  assert_ok(wsuv_conversation_pause(talk, false));
  for (uint64_t i = 0; i < 3000; i++) {
    wsuv_message_t m;
    assert_ok(wsuv_conversation_receive(talk, &m));
    assert_int_equal(m.len, 1000);
    assert_memory_equal(m.data, &i, sizeof i);
  }
  assert_true(made.drains > 0);
  kit_user_end(&u);
}
