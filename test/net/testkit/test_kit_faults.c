/* What goes wrong in a world: links, allocations, random bytes. */

#include <string.h>

#include "support/kit_user.h"
#include "testkit/check.h"

/* How the sessions of the server have ended. */
typedef struct endings {
  size_t opens, closes, clean, lost, reset, other;
} endings;

static endings seen;

static void note_open(wsuv_session_t *s) {
  (void) s;
  seen.opens++;
}

static void note_message(wsuv_session_t *s, const wsuv_message_t *m) {
  if (wsuv_send_message(s, m->type, m->data, m->len) < 0) wsuv_session_terminate(s);
}

static void note_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  (void) s;
  seen.closes++;
  if (info->clean) {
    seen.clean++;
  } else if (info->status == UV_EOF) {
    seen.lost++;
  } else if (info->status == UV_ECONNRESET) {
    seen.reset++;
  } else {
    seen.other++;
  }
}

static const wsuv_callbacks_t noters = {WSUV_CALLBACKS_INIT, .on_open = note_open,
                                        .on_message = note_message, .on_close = note_close};

static void begin(kit_user *u, uint64_t seed, const wsuv_testkit_links_t *links) {
  memset(&seen, 0, sizeof seen);
  kit_user_begin(u, seed, NULL);
  kit_user_route(u, "/note", &noters);
  kit_user_expect_failures(u);
  if (links != NULL) assert_ok(wsuv_testkit_set_links(u->kit, links));
}

/* Open, echo, close; the first error. */
static int converse(kit_user *u, wsuv_conversation_t **talk) {
  *talk = NULL;
  int err = wsuv_conversation_open(u->kit, u->server, "/note", NULL, talk);
  for (int i = 0; i < 3 && err == 0; i++) {
    err = wsuv_conversation_send_text(*talk, "a message of some words");
    if (err == 0) err = wsuv_conversation_expect_text(*talk, "a message of some words");
  }
  return err == 0 ? wsuv_conversation_close(*talk, 1000, NULL) : err;
}

/* --- links by numbers --- */

TEST(test_latency_of_links) {
  kit_user u;
  wsuv_testkit_links_t links;
  wsuv_testkit_links_init(&links);
  links.latency_min_us = links.latency_max_us = 50000;
  begin(&u, 0, &links);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/note");
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_ok(wsuv_conversation_send_text(talk, "to and fro"));
  assert_ok(wsuv_conversation_expect_text(talk, "to and fro"));
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 100, before + 102);
  kit_user_end(&u);
}

TEST(test_bandwidth_of_links) {
  static uint8_t data[200 * 1000];
  kit_user u;
  wsuv_testkit_links_t links;
  wsuv_testkit_links_init(&links);
  links.bytes_per_ms = 100;
  begin(&u, 0, &links);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/note");
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, data, sizeof data));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, sizeof data));
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 4000, before + 4200);
  kit_user_end(&u);
}

TEST(test_links_that_cut_everything_into_bytes) {
  static uint8_t data[20 * 1000];
  kit_user u;
  wsuv_testkit_links_t links;
  wsuv_testkit_links_init(&links);
  links.segment_max = links.send_buffer = links.receive_buffer = 1;
  links.cut_percent = 100;
  begin(&u, 0, &links);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/note");
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, data, sizeof data));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, sizeof data));
  assert_ok(wsuv_conversation_close(talk, 1000, NULL));
  kit_user_end(&u);
  assert_int_equal(seen.clean, 1);
}

TEST(test_links_that_are_refused) {
  wsuv_testkit_t *kit;
  assert_ok(wsuv_testkit_new(&kit, 0));
  for (int i = 0; i < 7; i++) {
    wsuv_testkit_links_t links;
    wsuv_testkit_links_init(&links);
    assert_ok(wsuv_testkit_set_links(kit, &links));
    if (i == 0) links.segment_max = 0;
    if (i == 1) links.send_buffer = 0;
    if (i == 2) links.receive_buffer = 0;
    if (i == 3) links.latency_min_us = links.latency_max_us + 1;
    if (i == 4) links.cut_percent = 101;
    if (i == 5) {
      links.lose_percent = links.reset_percent = 40;
      links.stall_percent = 21;
    }
    if (i == 6) links.size = 3;
    assert_int_equal(wsuv_testkit_set_links(kit, &links), i == 6 ? WSUV_ESIZE : UV_EINVAL);
  }
  assert_ok(wsuv_testkit_free(kit));
}

/* --- links by percent --- */

enum { LINKS = 60 };

/* Conversations of which each has one kind of fault, or none. How many went well. */
static size_t play(wsuv_testkit_links_t *links, uint64_t seed) {
  kit_user u;
  size_t fine = 0;
  begin(&u, seed, links);
  for (size_t i = 0; i < LINKS; i++) {
    wsuv_conversation_t *talk;
    fine += converse(&u, &talk) == 0;
    wsuv_conversation_free(talk);
  }
  kit_user_end(&u);
  assert_int_equal(seen.opens, seen.closes);
  return fine;
}

TEST(test_percents_of_links_end_at_a_byte_from_the_seed) {
  wsuv_testkit_links_t links;
  for (uint64_t seed = 0; seed < 3; seed++) {
    wsuv_testkit_links_init(&links);
    assert_int_equal(play(&links, seed), LINKS);
    links.fault_bytes_max = 700;
    links.lose_percent = 50;
    assert_in_range(play(&links, seed), 10, LINKS - 10);
    assert_true(seen.lost > 0 && seen.reset == 0);
    links.lose_percent = 0;
    links.reset_percent = 50;
    assert_in_range(play(&links, seed), 10, LINKS - 10);
    assert_true(seen.lost == 0 && seen.reset > 0);
    links.reset_percent = 0;
    links.stall_percent = 100;
    assert_in_range(play(&links, seed), 0, LINKS - 10);
    links.lose_percent = links.reset_percent = links.stall_percent = 33;
    play(&links, seed);
    assert_true(seen.lost > 0 && seen.reset > 0);
  }
}

/* --- memory --- */

/* Every allocation of the server fails in turn, alone, and with all that follow. It survives: the
   next conversation goes well. */
static void fail_each(bool for_ever) {
  uint64_t failed = 1;
  for (uint64_t n = 1; failed > 0; n++) {
    kit_user u;
    wsuv_conversation_t *talk;
    begin(&u, 0, NULL);
    wsuv_testkit_fail_allocation(u.kit, n, for_ever);
    int err = converse(&u, &talk);
    failed = wsuv_testkit_failed_allocations(u.kit);
    assert_that(err == 0 || failed > 0, "allocation %d: %s", (int) n, wsuv_err_name(err));
    wsuv_testkit_fail_allocation(u.kit, 0, false);
    if (!for_ever) assert_true(failed <= 1);
    assert_ok(converse(&u, &talk));
    kit_user_end(&u);
    assert_in_range(seen.closes, seen.opens, 2); /* without memory some end before they open */
    assert_in_range(n, 1, 500);
  }
}

TEST(test_each_allocation_fails_once) {
  fail_each(false);
}

TEST(test_each_allocation_fails_and_all_that_follow) {
  fail_each(true);
}

/* --- random bytes --- */

static void connect_in_vain(kit_user *u) {
  wsuv_client_t *client;
  assert_ok(wsuv_testkit_client(u->kit, &client, NULL));
  wsuv_testkit_fail_random(u->kit, true);
  assert_int_equal(wsuv_connect_url(client, "ws://127.0.0.1/", NULL, NULL, NULL), WSUV_ERANDOM);
  wsuv_testkit_fail_random(u->kit, false);
  assert_ok(wsuv_connect_url(client, "ws://127.0.0.1/", NULL, NULL, NULL));
  assert_ok(wsuv_client_close(client, NULL));
}

TEST(test_random_bytes_fail_and_work_again) {
  kit_user u;
  begin(&u, 0, NULL);
  connect_in_vain(&u);
  wsuv_conversation_t *talk;
  assert_ok(converse(&u, &talk));
  kit_user_end(&u);
}

/* 0 is no failure. */
TEST(test_accepts_that_fail_without_an_error) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_testkit_fail_accepts(u.kit, 3, 0);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_ok(wsuv_conversation_send_text(talk, "hello"));
  assert_ok(wsuv_conversation_expect_text(talk, "hello"));
  kit_user_end(&u);
}
