/* Extensions agreed upon, either side, and messages on their way through several of them. */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "support/alloc_failures.h"
#include "support/bracket.h"
#include "support/extension_pair.h"
#include "support/test.h"

enum { COUNT = 4, MOST = 1 << 20 };

/* The same extensions on both sides, each with its own counts. */
typedef struct rig {
  extension_pair p;
  bracket client[COUNT], server[COUNT];
  const wsuv_extension_t *client_hooks[COUNT], *server_hooks[COUNT];
} rig;

static void rig_open(rig *r) {
  static const char *const keys[COUNT] = {"one", "two", "three", "four"};
  static const unsigned rsv[COUNT] = {WSUV_RSV1, WSUV_RSV2, WSUV_RSV3, 0};
  memset(r, 0, sizeof *r);
  extension_pair_open(&r->p);
  for (int i = 0; i < COUNT; i++) {
    bracket_init(&r->client[i], keys[i], rsv[i], (char) ('a' + i));
    bracket_init(&r->server[i], keys[i], rsv[i], (char) ('a' + i));
    r->client_hooks[i] = &r->client[i].hooks;
    r->server_hooks[i] = &r->server[i].hooks;
  }
}

static void rig_close(rig *r) {
  extension_pair_close(&r->p);
  for (int i = 0; i < COUNT; i++) {
    assert_int_equal(r->client[i].installed + r->client[i].states, 0);
    assert_int_equal(r->server[i].installed + r->server[i].states, 0);
  }
}

static int negotiate(rig *r, size_t count) {
  return extension_pair_negotiate(&r->p, r->client_hooks, count, r->server_hooks, count);
}

/* Client */

static void assert_accept(const char *answer, int expected, const char *why, const char *text) {
  SCOPED(rig, r);
  int err = extension_pair_accept(&r.p, r.client_hooks, 3, answer);
  if (err != expected) fail_msg("'%s': %d, %s", answer, err, r.p.why);
  if (err < 0) {
    assert_null(r.p.client.set);
    assert_string_equal(r.p.why, why);
  } else {
    assert_string_equal(extension_set_text(r.p.client.set), text);
  }
}

TEST(test_extension_set_client_takes_what_it_offered) {
  assert_accept("", 0, NULL, "");
  assert_accept("one; letter=a", 0, NULL, "one; letter=a");
  assert_accept(" three ;letter = \"c\" ", 0, NULL, "three; letter=c");
  assert_accept("one; letter=a, two; letter=b,,three; letter=c", 0, NULL,
                "one; letter=a, two; letter=b, three; letter=c");
}

/* F5 */
TEST(test_extension_set_client_refuses_all_else) {
  const int bad = WSUV_EEXTENSION;
  assert_accept("four; letter=d", bad, "extension was not offered", NULL);
  assert_accept("One; letter=a", bad, "extension was not offered", NULL);
  assert_accept("one; letter=a, four", bad, "extension was not offered", NULL);
  assert_accept("one; letter=a, one; letter=a", bad, "extension is repeated", NULL);
  assert_accept("one; letter=a, two; letter=b, one", bad, "extension is repeated", NULL);
  assert_accept("one", bad, "wrong letter", NULL);
  assert_accept("one; letter=a, two; letter=a", bad, "wrong letter", NULL);
  assert_accept("one;", bad, "Sec-WebSocket-Extensions is malformed", NULL);
  assert_accept(",", bad, "Sec-WebSocket-Extensions is empty", NULL);
}

TEST(test_extension_set_client_that_offers_nothing_takes_nothing) {
  SCOPED(rig, none);
  SCOPED(rig, r);
  assert_int_equal(extension_pair_accept(&none.p, NULL, 0, "one"), WSUV_EEXTENSION);
  assert_string_equal(none.p.why, "extension was not offered");
  r.client[0].offers = 0;
  assert_int_equal(extension_pair_accept(&r.p, r.client_hooks, 2, "one; letter=a"),
                   WSUV_EEXTENSION);
  assert_string_equal(r.p.why, "extension was not offered");
}

TEST(test_extension_set_claims_the_bits_that_were_agreed_upon) {
  static const char *const answers[] = {"one; letter=a", "two; letter=b", "three; letter=c",
                                        "four; letter=d", "one; letter=a, three; letter=c"};
  static const unsigned rsv[] = {4, 2, 1, 0, 5};
  for (size_t i = 0; i < COUNT_OF(rsv); i++) {
    SCOPED(rig, r);
    assert_int_equal(extension_pair_accept(&r.p, r.client_hooks, COUNT, answers[i]), 0);
    assert_int_equal(r.p.client.set->rsv, rsv[i]);
  }
}

/* Server */

static void assert_answer(const char *offer, int expected, const char *answer) {
  SCOPED(rig, r);
  int err = extension_pair_answer(&r.p, r.server_hooks, 3, offer);
  if (err != expected) fail_msg("'%s': %d, %s", offer, err, r.p.why);
  if (answer != NULL) assert_string_equal(r.p.answer, answer);
  if (answer != NULL && *answer == '\0') assert_null(r.p.server.set);
}

TEST(test_extension_set_server_takes_the_first_offer_that_it_can) {
  assert_answer("", 0, "");
  assert_answer("unknown; x=1", 0, "");
  assert_answer("one", 0, "");
  assert_answer("one; letter=z, one; letter=a; x, one; letter=a", 0, "one; letter=a");
  assert_answer("one; letter=a, one; letter=a", 0, "one; letter=a");
  assert_answer("unknown, two; letter=b", 0, "two; letter=b");
}

TEST(test_extension_set_server_answers_in_its_own_order) {
  assert_answer("three; letter=c, two; letter=b, one; letter=a", 0,
                "one; letter=a, two; letter=b, three; letter=c");
}

TEST(test_extension_set_server_refuses_what_is_malformed) {
  assert_answer("one; letter=a,;", WSUV_EEXTENSION, NULL);
  SCOPED(rig, bad); /* whether it knows any extension or not */
  SCOPED(rig, good);
  assert_int_equal(extension_pair_answer(&bad.p, NULL, 0, "a b"), WSUV_EEXTENSION);
  assert_string_equal(bad.p.why, "Sec-WebSocket-Extensions is malformed");
  assert_int_equal(extension_pair_answer(&good.p, NULL, 0, "a; b"), 0);
  assert_null(good.p.server.set);
}

TEST(test_extension_set_both_sides_agree) {
  for (unsigned declined = 0; declined < 1u << COUNT; declined++) {
    SCOPED(rig, r);
    for (int i = 0; i < COUNT; i++) {
      r.server[i].declines = (declined & 1u << i) != 0;
      r.client[i].offers = 2;
    }
    assert_int_equal(negotiate(&r, COUNT), 0);
    assert_string_equal(extension_set_text(r.p.client.set), extension_set_text(r.p.server.set));
    for (int i = 0; i < COUNT; i++) {
      assert_int_equal(r.client[i].states, (declined & 1u << i) == 0);
      assert_int_equal(r.server[i].states, (declined & 1u << i) == 0);
    }
  }
}

/* At work */

static int send_hello(rig *r, const size_t *lengths, size_t count) {
  return extension_pair_send(&r->p, &r->p.client, WSUV_FRAME_TEXT, "hello", lengths, count);
}

static int receive(rig *r, size_t piece, size_t most) {
  return extension_pair_receive(&r->p, &r->p.server, WSUV_FRAME_TEXT, piece, most);
}

static void assert_sent(rig *r, const size_t *lengths, size_t count, const char *expected,
                        unsigned rsv) {
  assert_int_equal(send_hello(r, lengths, count), 0);
  assert_string_equal(bytes_text(&r->p.sent.wire), expected);
  assert_int_equal(r->p.sent.rsv, rsv);
  assert_true(r->p.sent.taken);
}

TEST(test_extension_set_runs_in_the_order_of_the_answer) {
  const size_t whole[] = {5}, cut[] = {0, 2, 0, 3, 0};
  SCOPED(rig, r);
  SCOPED(rig, other); /* RFC 6455 9.1: as the server lists them */
  assert_int_equal(negotiate(&r, COUNT), 0);
  assert_sent(&r, whole, 1, "dcbahelloabcd", 7);
  assert_sent(&r, cut, 5, "dcbahelloabcd", 7);
  assert_int_equal(
      extension_pair_accept(&other.p, other.client_hooks, COUNT, "three; letter=c, one; letter=a"),
      0);
  assert_sent(&other, whole, 1, "achelloca", 5);
}

/* Every chunking on the way in, any subset agreed upon. */
TEST(test_extension_set_gives_back_what_was_sent) {
  uint64_t seed = 17;
  for (int round = 0; round < 600; round++) {
    SCOPED_BYTES text = {0};
    size_t lengths[8], count = 1 + seeded_below(&seed, 8), total = 0;
    SCOPED(rig, r);
    for (int i = 0; i < COUNT; i++) r.server[i].declines = seeded_below(&seed, 3) == 0;
    r.server[seeded_below(&seed, COUNT)].declines = false;
    assert_int_equal(negotiate(&r, COUNT), 0);
    size_t longest = round % 10 == 0 ? 30000 : 40;
    for (size_t i = 0; i < count; i++) total += lengths[i] = seeded_below(&seed, longest);
    bytes_noise(&text, &seed, total);
    for (int again = 0; again < 2; again++) { /* from the client, then from the server */
      extension_end *from = again == 0 ? &r.p.client : &r.p.server;
      extension_end *to = again == 0 ? &r.p.server : &r.p.client;
      const uint8_t *data = text.len == 0 ? (const uint8_t *) "" : text.base;
      assert_int_equal(extension_pair_send(&r.p, from, WSUV_FRAME_BINARY, data, lengths, count), 0);
      size_t piece = 1 + seeded_below(&seed, longest * 2);
      assert_int_equal(extension_pair_receive(&r.p, to, WSUV_FRAME_BINARY, piece, MOST), 1);
      assert_int_equal(r.p.out.len, total);
      if (total > 0) assert_memory_equal(r.p.out.base, text.base, total);
    }
  }
}

TEST(test_extension_set_leaves_alone_what_all_pass) {
  const size_t lengths[] = {2, 3};
  SCOPED(rig, r);
  r.p.sent.plain = true;
  assert_int_equal(negotiate(&r, 3), 0);
  assert_int_equal(send_hello(&r, lengths, 2), 0);
  assert_string_equal(bytes_text(&r.p.sent.wire), "hello");
  assert_int_equal(r.p.sent.rsv, 0);
  assert_false(r.p.sent.taken);
  uint64_t calls = r.p.alloc.calls;
  wsuv_extension_chunk_t chunk = {(const uint8_t *) "hello", 5, true, true};
  block none = {0};
  block_sink sink;
  block_sink_begin(&sink, &none, &r.p.spare, MOST);
  assert_int_equal(extension_set_incoming(r.p.server.set, &r.p.scratch, WSUV_FRAME_TEXT, 0, &chunk,
                                          &sink.sink, &r.p.why),
                   WSUV_EXTENSION_PASS);
  assert_true(extension_set_in_idle(r.p.server.set));
  assert_int_equal(r.p.alloc.calls, calls);
  assert_int_equal(receive(&r, 2, MOST), 1);
  assert_string_equal(bytes_text(&r.p.out), "hello");
  for (int i = 0; i < COUNT; i++) assert_int_equal(r.client[i].chunks + r.server[i].chunks, 0);
}

/* One that passes after it has written, which is forgotten, between two that do not pass. */
TEST(test_extension_set_forgets_the_output_of_one_that_passes) {
  const size_t whole[] = {5};
  SCOPED(rig, r);
  r.p.sent.plain = true;
  r.client[1].late = true;
  assert_int_equal(negotiate(&r, 3), 0);
  assert_int_equal(send_hello(&r, whole, 1), 0);
  assert_string_equal(bytes_text(&r.p.sent.wire), "hello");
  assert_int_equal(r.client[1].chunks, 1);
  assert_int_equal(r.p.sent.rsv, 0);
  assert_false(r.p.sent.taken);
}

TEST(test_extension_set_gives_each_only_the_bits_it_claims) {
  SCOPED(rig, r);
  r.p.sent.rsv = WSUV_RSV2;
  assert_int_equal(negotiate(&r, 3), 0);
  bytes_add(&r.p.sent.wire, "bhellob", 7); /* the bracket itself checks what it is shown */
  assert_int_equal(receive(&r, 1, MOST), 1);
  assert_string_equal(bytes_text(&r.p.out), "hello");
}

TEST(test_extension_set_incoming_fails_with_its_reason) {
  for (int i = 0; i < 3; i++) {
    for (size_t piece = 1; piece < 20; piece++) {
      SCOPED(rig, r);
      r.p.sent.rsv = 7;
      assert_int_equal(negotiate(&r, 3), 0);
      bytes_add(&r.p.sent.wire, "cbahelloabc", 11);
      r.p.sent.wire.base[i] = 'x';
      assert_int_equal(receive(&r, piece, MOST), WSUV_EPROTOCOL);
      assert_string_equal(r.p.why, "no bracket");
    }
  }
}

/* The bound of the last sink reaches through all of them. */
TEST(test_extension_set_incoming_is_bounded) {
  for (size_t count = 1; count <= 3; count++) {
    for (size_t most = 0; most < 8; most++) {
      const size_t whole[] = {5};
      SCOPED(rig, r);
      assert_int_equal(negotiate(&r, count), 0);
      assert_int_equal(send_hello(&r, whole, 1), 0);
      assert_int_equal(receive(&r, 3, most), most < 5 ? WSUV_ETOOBIG : 1);
    }
  }
}

static int write_much(void *state, wsuv_extension_message_t *message,
                      const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  static const uint8_t much[2 * EXTENSION_STAGE_SIZE];
  (void) state;
  (void) chunk;
  int err = wsuv_sink_write(sink, much, message->type == WSUV_FRAME_TEXT ? 1 : sizeof much);
  if (err < 0) message->why = "passed on";
  return err;
}

static int refuse_all(void *state, wsuv_extension_message_t *message,
                      const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  (void) state;
  (void) chunk;
  (void) sink;
  message->why = "not allowed here";
  message->close_code = WSUV_CLOSE_POLICY_VIOLATION;
  return WSUV_EPROTOCOL;
}

/* The one that has refused says why, whether those above it had more to write or not. */
TEST(test_extension_set_incoming_keeps_the_reason_of_the_one_that_refused) {
  static const wsuv_frame_type_t types[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY};
  for (size_t i = 0; i < COUNT_OF(types); i++) {
    SCOPED(rig, r);
    r.server[0].hooks.incoming = refuse_all;
    r.server[1].hooks.incoming = write_much;
    assert_int_equal(negotiate(&r, 2), 0);
    bytes_add(&r.p.sent.wire, "x", 1);
    assert_int_equal(extension_pair_receive(&r.p, &r.p.server, types[i], 1, MOST), WSUV_EPROTOCOL);
    assert_string_equal(r.p.why, "not allowed here");
    assert_int_equal(r.p.server.set->in_close_code, WSUV_CLOSE_POLICY_VIOLATION);
  }
}

/* A send that fails leaves the session usable only if the extension says so, and none before it
   has changed anything. */
TEST(test_extension_set_outgoing_fails_with_its_reason) {
  const size_t cut[] = {2, 3};
  for (int which = 0; which < 2; which++) {
    for (int intact = 0; intact < 2; intact++) {
      SCOPED(rig, r);
      assert_int_equal(negotiate(&r, 2), 0);
      r.client[which].fails = WSUV_ERANDOM;
      r.client[which].intact = intact != 0;
      assert_int_equal(send_hello(&r, cut, 2), WSUV_ERANDOM);
      assert_int_equal(r.p.sent.taken, which > 0 || intact == 0);
      assert_string_equal(r.p.why, "bracket failed");
      if (!r.p.sent.taken) {
        r.client[which].fails = 0;
        assert_sent(&r, cut, 2, "bahelloab", 6);
      }
    }
  }
}

TEST(test_extension_set_outgoing_inside_a_message_is_never_intact) {
  SCOPED(rig, r);
  assert_int_equal(negotiate(&r, 1), 0);
  extension_send send = {.type = WSUV_FRAME_TEXT, .chunk = {(const uint8_t *) "a", 1, true, false}};
  assert_int_equal(extension_set_outgoing(r.p.client.set, &r.p.scratch, &send), 0);
  r.client[0].fails = WSUV_ERANDOM;
  r.client[0].intact = true;
  send.chunk = (wsuv_extension_chunk_t){(const uint8_t *) "b", 1, false, true};
  assert_int_equal(extension_set_outgoing(r.p.client.set, &r.p.scratch, &send), WSUV_ERANDOM);
  assert_true(send.taken);
}

static int pass_always(void *state, wsuv_extension_message_t *message,
                       const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  (void) state;
  (void) message;
  return chunk->first ? WSUV_EXTENSION_TAKEN + wsuv_sink_write(sink, "x", 1) : WSUV_EXTENSION_PASS;
}

static int write_and_pass(void *state, wsuv_extension_message_t *message,
                          const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  (void) state;
  (void) message;
  (void) chunk;
  int err = wsuv_sink_write(sink, "x", 1);
  return err < 0 ? err : WSUV_EXTENSION_PASS;
}

/* An extension that breaks its contract ends the session; it corrupts nothing. */
TEST(test_extension_set_refuses_to_pass_too_late) {
  for (int above = 0; above < 2; above++) {
    const size_t cut[] = {2, 3};
    SCOPED(rig, r);
    r.p.sent.rsv = 6;
    r.client[above].hooks.outgoing = pass_always;
    r.server[above].hooks.incoming = above == 0 ? pass_always : write_and_pass;
    assert_int_equal(negotiate(&r, 2), 0);
    assert_int_equal(send_hello(&r, cut, 2), WS_EINVAL);
    r.p.sent.wire.len = 0;
    bytes_add(&r.p.sent.wire, "bahelloab", 9);
    assert_int_equal(receive(&r, 4, MOST), WS_EINVAL);
  }
}

TEST(test_extension_set_works_without_hooks_for_a_direction) {
  const size_t whole[] = {5};
  SCOPED(rig, r);
  r.client[0].hooks.outgoing = NULL;
  r.server[0].hooks.incoming = NULL;
  assert_int_equal(negotiate(&r, 2), 0);
  assert_sent(&r, whole, 1, "bhellob", 2);
}

static int nothing(void *shared, const wsuv_allocator_t *alloc,
                   const wsuv_extension_param_t *params, size_t count, void **state,
                   const char **why) {
  (void) shared;
  (void) alloc;
  (void) params;
  (void) count;
  (void) state;
  (void) why;
  return 0;
}

static int accept_oddly(void *shared, const wsuv_allocator_t *alloc,
                        const wsuv_extension_param_t *params, size_t count, void **state,
                        const char **why) {
  (void) shared;
  (void) alloc;
  (void) params;
  (void) state;
  *why = NULL;
  return count > 0 ? WSUV_EEXTENSION : 1;
}

/* Neither 0 nor an error, or an error without words. */
TEST(test_extension_set_client_refuses_odd_results_of_a_hook) {
  static const char *const answers[] = {"four", "four; letter=d"};
  static const int errors[] = {WS_EINVAL, WSUV_EEXTENSION};
  for (size_t i = 0; i < COUNT_OF(answers); i++) {
    SCOPED(rig, r);
    r.client[3].hooks.accept = accept_oddly;
    assert_int_equal(extension_pair_accept(&r.p, r.client_hooks, COUNT, answers[i]), errors[i]);
    assert_null(r.p.client.set);
    assert_string_equal(r.p.why, "extension was refused");
  }
}

TEST(test_extension_set_works_without_state) {
  SCOPED(rig, r);
  r.client[3].hooks.accept = nothing;
  r.client[3].hooks.state_free = NULL;
  r.client[3].hooks.incoming = r.client[3].hooks.outgoing = NULL;
  assert_int_equal(extension_pair_accept(&r.p, r.client_hooks, COUNT, "four"), 0);
  assert_string_equal(extension_set_text(r.p.client.set), "four");
}

/* The sets hold what is installed alive. */
TEST(test_extension_set_outlives_the_list_of_its_maker) {
  const size_t whole[] = {5};
  SCOPED(rig, r);
  assert_int_equal(negotiate(&r, 2), 0);
  extension_list_unref(r.p.client.list);
  r.p.client.list = NULL;
  assert_int_equal(r.client[0].installed, 1);
  assert_sent(&r, whole, 1, "bahelloab", 6);
}

/* F46 */
TEST(test_extension_set_survives_every_failed_allocation) {
  const size_t cut[] = {2, 3};
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(rig, r);
    alloc_failures_begin(&f, &r.p.alloc);
    int err = negotiate(&r, 3);
    if (err == 0) {
      err = send_hello(&r, cut, 2);
    }
    if (err == 0) {
      err = receive(&r, 4, MOST);
    }
    bool failed = alloc_failures_end(&f, &r.p.alloc);
    assert_int_equal(err, failed ? WS_ENOMEM : 1);
    if (!failed) assert_string_equal(bytes_text(&r.p.out), "hello");
  }
}
