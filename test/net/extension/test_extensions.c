/* Extensions of a program's own in sessions: installed, offered, judged, and at work on messages
   both ways, with a peer that speaks them byte by byte. */

#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* An extension that inverts the bytes of messages, or the lowest bit of each. */
typedef struct flipper {
  wsuv_extension_t hooks;
  uint8_t mask;
  const char *param;          /* that is offered, or NULL */
  size_t installed, sessions; /* that there are now */
  size_t fail_at, fail_in_at; /* the outgoing, incoming chunk that fails, from 1; 0: none */
  int with;                   /* which error */
  bool intact;                /* and nothing has happened */
  size_t chunks, in_chunks;
} flipper;

static int install(void *data, const wsuv_allocator_t *allocator, void **shared) {
  flipper *f = data;
  (void) allocator;
  f->installed++;
  *shared = f;
  return 0;
}

static void uninstall(void *shared) {
  flipper *f = shared;
  f->installed--;
}

static int offer(void *shared, size_t n, wsuv_extension_params_t *params) {
  const flipper *f = shared;
  if (n > 0) return 0;
  if (f->param != NULL) wsuv_extension_put(params, f->param, NULL);
  return 1;
}

static int accept_answer(void *shared, const wsuv_allocator_t *allocator,
                         const wsuv_extension_param_t *params, size_t count, void **state,
                         const char **why) {
  flipper *f = shared;
  (void) allocator;
  if (count > 0 && (f->param == NULL || strcmp(params[0].name, f->param) != 0)) {
    *why = "flip has no such parameter";
    return WSUV_EEXTENSION;
  }
  f->sessions++;
  *state = f;
  return 0;
}

static void state_free(void *state) {
  flipper *f = state;
  f->sessions--;
}

static int put_flipped(const flipper *f, const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  for (size_t done = 0; done < chunk->len;) {
    uint8_t *dst;
    size_t room;
    int err = wsuv_sink_reserve(sink, chunk->len - done, &dst, &room);
    if (err < 0) return err;
    if (room > chunk->len - done) room = chunk->len - done;
    for (size_t i = 0; i < room; i++) dst[i] = chunk->data[done + i] ^ f->mask;
    wsuv_sink_commit(sink, room);
    done += room;
  }
  return WSUV_EXTENSION_TAKEN;
}

static int outgoing(void *state, wsuv_extension_message_t *message,
                    const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  flipper *f = state;
  if (message->plain && chunk->first) return WSUV_EXTENSION_PASS;
  if (++f->chunks == f->fail_at) {
    message->intact = f->intact;
    message->why = "flip is out of order";
    return f->with;
  }
  message->rsv = f->hooks.rsv;
  return put_flipped(f, chunk, sink);
}

static int incoming(void *state, wsuv_extension_message_t *message,
                    const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  flipper *f = state;
  if (chunk->first && message->rsv == 0) return WSUV_EXTENSION_PASS;
  if (++f->in_chunks == f->fail_in_at) {
    message->why = "flip has had enough";
    return f->with;
  }
  return put_flipped(f, chunk, sink);
}

static void flipper_init(flipper *f, const char *key, unsigned rsv, uint8_t mask) {
  *f = (flipper){.mask = mask, .with = WSUV_EDEFLATE};
  wsuv_extension_init(&f->hooks);
  f->hooks.key = key;
  f->hooks.rsv = rsv;
  f->hooks.data = f;
  f->hooks.install = install;
  f->hooks.uninstall = uninstall;
  f->hooks.offer = offer;
  f->hooks.accept = accept_answer;
  f->hooks.state_free = state_free;
  f->hooks.incoming = incoming;
  f->hooks.outgoing = outgoing;
}

/* Two of them, of which some are installed, and a peer that answers them. */
typedef struct rig {
  flipper flip, bit;
  const wsuv_extension_t *hooks[2];
  frame_peer p;
  session_user u;
} rig;

static void rig_init(rig *r, world *w, size_t count, const char *upgrade) {
  memset(r, 0, sizeof *r);
  flipper_init(&r->flip, "flip", WSUV_RSV2, 0xff);
  flipper_init(&r->bit, "bit", WSUV_RSV3, 0x01);
  r->hooks[0] = &r->flip.hooks;
  r->hooks[1] = &r->bit.hooks;
  scenario_begin(w, &r->p, &r->u);
  r->u.config.extensions = r->hooks;
  r->u.config.extension_count = count;
  r->p.upgrade = upgrade;
}

static void rig_open(rig *r, world *w, size_t count, const char *upgrade) {
  rig_init(r, w, count, upgrade);
  scenario_open(&r->u);
}

static void assert_undone(const rig *r) {
  assert_int_equal(r->flip.installed + r->bit.installed, 0);
  assert_int_equal(r->flip.sessions + r->bit.sessions, 0);
}

static void rig_end(rig *r) {
  if (r->u.session != NULL) assert_int_equal(user_close(&r->u, 1000, NULL), 0);
  scenario_finish(&r->u);
  assert_undone(r);
}

#define FLIP "Sec-WebSocket-Extensions: flip\r\n"
#define BOTH "Sec-WebSocket-Extensions: flip, bit\r\n"

/* "abc" inverted is 9e9d9c. */
WORLD_TEST(test_extension_changes_messages_both_ways, w) {
  rig r;
  rig_open(&r, w, 1, FLIP);
  assert_string_equal(wsuv_session_extensions(r.u.session), "flip");
  frame_peer_send(&r.p, "TEXT{2} 9e9d9c; TEXT \"plain\"; BIN{2}- 9e; PING 01; CONT 9d9c");
  world_run_until_count(w, &r.u.messages, 3);
  assert_true(user_got(&r.u, "TEXT \"abc\"; TEXT \"plain\"; PING 01; BIN \"abc\""));
  assert_int_equal(user_text(&r.u, "abc"), 0);
  assert_int_equal(user_frame(&r.u, 'a', WSUV_FRAME_BINARY, false, "a", 1), 0);
  assert_int_equal(user_frame(&r.u, 'b', WSUV_FRAME_BINARY, true, "bc", 2), 0);
  world_run_until_count(w, &r.p.opcodes[0], 1);
  assert_true(frame_peer_saw(&r.p, "PONG 01; TEXT{2} 9e9d9c; BIN{2}- 9e; CONT 9d9c"));
  rig_end(&r);
}

/* Out in the order of the answer, in the other way round; "a" is 61, inverted 9e, then 9f. */
WORLD_TEST(test_extensions_run_one_behind_the_other, w) {
  const uv_buf_t pieces[] = {
      {.base = "a", .len = 1}, {.base = NULL, .len = 0}, {.base = "b", .len = 1}};
  rig r;
  rig_open(&r, w, 2, BOTH);
  assert_string_equal(wsuv_session_extensions(r.u.session), "flip, bit");
  assert_int_equal(user_text(&r.u, "a"), 0);
  assert_int_equal(user_bufs(&r.u, 'p', WSUV_FRAME_TEXT, pieces, 3), 0);
  frame_peer_send(&r.p, "TEXT{3} 9f; TEXT{1} 60; TEXT{2} 9e");
  world_run_until_count(w, &r.u.messages, 3);
  assert_true(user_got(&r.u, "TEXT \"a\"; TEXT \"a\"; TEXT \"a\""));
  world_run_until_count(w, &r.p.frames, 2);
  assert_true(frame_peer_saw(&r.p, "TEXT{3} 9f; TEXT{3} 9f9c"));
  rig_end(&r);
}

static bool has_header(const rig *r, const char *value) {
  char seen[256];
  bool there = raw_conn_header(r->p.conn, "Sec-WebSocket-Extensions", seen, sizeof seen);
  return value == NULL ? !there : there && strcmp(seen, value) == 0;
}

WORLD_TEST(test_extensions_are_offered_in_their_order, w) {
  rig r;
  rig_init(&r, w, 2, NULL);
  r.bit.param = "lowest";
  scenario_open(&r.u);
  assert_true(has_header(&r, "flip, bit; lowest"));
  assert_string_equal(wsuv_session_extensions(r.u.session), "");
  rig_end(&r);
}

WORLD_TEST(test_raw_session_offers_no_extensions, w) {
  rig r;
  rig_init(&r, w, 2, NULL);
  scenario_open_raw(&r.u);
  assert_true(has_header(&r, NULL));
  user_terminate(&r.u);
  rig_end(&r);
}

/* F5 */
WORLD_TEST(test_extensions_that_were_not_agreed_upon_fail_the_handshake, w) {
  static const struct {
    const char *upgrade;
    size_t count;
    const char *detail;
  } cases[] = {
      {FLIP, 0, "extension was not offered: flip"},
      {BOTH, 1, "extension was not offered: flip, bit"},
      {"Sec-WebSocket-Extensions: flip, flip\r\n", 1, "extension is repeated: flip, flip"},
      {FLIP FLIP, 2, "extension is repeated: flip"},
      {"Sec-WebSocket-Extensions: flip; how\r\n", 1, "flip has no such parameter: flip; how"},
      {"Sec-WebSocket-Extensions: flip; =\r\n", 1, NULL},
      {"Sec-WebSocket-Extensions: permessage-deflate\r\n", 2,
       "extension was not offered: permessage-deflate"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    rig r;
    rig_init(&r, w, cases[i].count, cases[i].upgrade);
    scenario_connect(&r.u);
    user_run_to_close(&r.u);
    assert_true(user_ended_by(&r.u, WSUV_EEXTENSION, WSUV_STAGE_HANDSHAKE));
    if (cases[i].detail != NULL) assert_string_equal(r.u.end.detail, cases[i].detail);
    rig_end(&r);
  }
}

WORLD_TEST(test_extensions_that_clash_cannot_be_installed, w) {
  for (int same_key = 0; same_key < 2; same_key++) {
    rig r;
    wsuv_client_t *client;
    rig_init(&r, w, 2, NULL);
    if (same_key) r.bit.hooks.key = "flip";
    if (!same_key) r.bit.hooks.rsv = WSUV_RSV3 | WSUV_RSV2;
    assert_int_equal(world_client(w, &client, &r.u.config), UV_EINVAL);
    r.u.config.extensions = NULL;
    assert_int_equal(world_client(w, &client, &r.u.config), UV_EINVAL);
    rig_end(&r);
  }
}

static int connect_with(rig *r, const wsuv_config_t *config) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT};
  wsuv_request_t request;
  wsuv_request_init(&request, raw_peer_url(r->p.raw, "/"));
  request.config = config;
  return wsuv_connect(r->u.client, &request, &callbacks, NULL);
}

/* A request with the client's own configuration, changed or not, and with others. */
WORLD_TEST(test_request_may_bring_its_own_extensions, w) {
  const wsuv_extension_t *swapped[2];
  wsuv_config_t config;
  rig r;
  rig_init(&r, w, 1, NULL);
  wsuv_client_t *client = user_client(&r.u);
  memset(r.hooks, 0, sizeof r.hooks); /* all has been copied */
  wsuv_client_get_config(client, &config);
  assert_int_equal(config.extension_count, 1);
  assert_int_equal(connect_with(&r, &config), 0);
  world_run_until_count(w, &r.p.upgraded, 1);
  assert_true(has_header(&r, "flip"));
  swapped[0] = &r.bit.hooks;
  swapped[1] = config.extensions[0];
  config.extensions = swapped;
  config.extension_count = 2;
  assert_int_equal(connect_with(&r, &config), 0);
  world_run_until_count(w, &r.p.upgraded, 2);
  assert_true(has_header(&r, "bit, flip"));
  config.extension_count = 0;
  assert_int_equal(connect_with(&r, &config), 0);
  world_run_until_count(w, &r.p.upgraded, 3);
  assert_true(has_header(&r, NULL));
  swapped[1] = swapped[0];
  config.extension_count = 2;
  assert_int_equal(connect_with(&r, &config), UV_EINVAL);
  rig_end(&r);
}

/* The first chunk, and one that the peer waits for. */
WORLD_TEST(test_extension_that_fails_to_send_ends_the_session, w) {
  for (size_t at = 1; at < 3; at++) {
    rig r;
    rig_open(&r, w, 1, FLIP);
    r.flip.fail_at = at;
    int err = user_frame(&r.u, 'a', WSUV_FRAME_TEXT, false, "a", 1);
    assert_int_equal(err, at == 1 ? WSUV_EDEFLATE : 0);
    if (at == 2) err = user_frame(&r.u, 'b', WSUV_FRAME_TEXT, true, "b", 1);
    assert_int_equal(err, WSUV_EDEFLATE);
    assert_int_equal(user_text(&r.u, "more"), WSUV_ESTATE);
    user_run_to_close(&r.u);
    assert_true(user_ended_by(&r.u, WSUV_EDEFLATE, WSUV_STAGE_OPEN));
    assert_int_equal(r.u.end.sent_code, 1007);
    assert_string_equal(r.u.end.detail, "flip is out of order");
    rig_end(&r);
  }
}

WORLD_TEST(test_extension_that_stays_intact_fails_only_the_send, w) {
  rig r;
  rig_open(&r, w, 1, FLIP);
  r.flip.fail_at = 1;
  r.flip.intact = true;
  r.flip.with = UV_ENOMEM;
  assert_int_equal(user_text(&r.u, "abc"), UV_ENOMEM);
  assert_int_equal(user_text(&r.u, "abc"), 0);
  assert_int_equal(user_close(&r.u, 1000, NULL), 0);
  user_run_to_close(&r.u);
  assert_true(frame_peer_saw(&r.p, "TEXT{2} 9e9d9c; CLOSE #1000"));
  rig_end(&r);
}

WORLD_TEST(test_extension_that_fails_to_receive_ends_the_session, w) {
  for (size_t at = 1; at < 3; at++) {
    rig r;
    rig_open(&r, w, 1, FLIP);
    r.flip.fail_in_at = at;
    frame_peer_send(&r.p, "TEXT{2}- 9e; CONT 9d9c");
    user_run_to_close(&r.u);
    assert_true(user_ended_by(&r.u, WSUV_EDEFLATE, WSUV_STAGE_OPEN));
    assert_string_equal(r.u.end.detail, "flip has had enough");
    assert_int_equal(r.u.messages, 0);
    rig_end(&r);
  }
}

/* Behind the last extension, as without any. */
WORLD_TEST(test_text_is_judged_behind_the_extensions, w) {
  static const char *const bad[] = {"TEXT{2} 00", "TEXT{2}- 3c; CONT 3c", "TEXT{2} 9e3c"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    rig r;
    rig_open(&r, w, 1, FLIP);
    frame_peer_send(&r.p, bad[i]);
    user_run_to_close(&r.u);
    assert_true(user_ended_by(&r.u, WSUV_EUTF8, WSUV_STAGE_OPEN));
    rig_end(&r);
  }
}

WORLD_TEST(test_limits_hold_behind_extensions, w) {
  static const struct {
    const char *frames;
    int status;
  } cases[] = {{"BIN{2} 00~20", 0},
               {"BIN{2} 00~21", WSUV_ETOOBIG},
               {"BIN 00~21", WSUV_ETOOBIG},
               {"BIN{2}- 00~10; CONT 00~11", WSUV_ETOOBIG},
               {"BIN{2}- 00; CONT- 00; CONT- 00; CONT 00", WSUV_EFRAGMENTS},
               {"BIN- 00; CONT- 00; CONT- 00; CONT 00", WSUV_EFRAGMENTS},
               {"BIN{2} 00~31", WSUV_ETOOBIG}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    rig r;
    rig_init(&r, w, 1, FLIP);
    r.u.config.max_message_size = 20;
    r.u.config.max_message_fragments = 3;
    r.u.config.max_frame_size = 30;
    scenario_open(&r.u);
    frame_peer_send(&r.p, cases[i].frames);
    if (cases[i].status == 0) world_run_until_count(w, &r.u.messages, 1);
    if (cases[i].status != 0) {
      user_run_to_close(&r.u);
      assert_true(user_ended_by(&r.u, cases[i].status, WSUV_STAGE_OPEN));
    }
    rig_end(&r);
  }
}

/* Large enough to be read straight to where it is assembled, were it not changed. */
WORLD_TEST(test_extension_takes_large_messages_in_many_reads, w) {
  enum { LEN = 300 * 1024 };
  const frame_spec spec = {.opcode = 2, .rsv = 2, .fin = true};
  uint8_t *data = check_alloc(LEN);
  bytes frame = {0};
  rig r;
  rig_open(&r, w, 1, FLIP);
  r.u.forgets = true;
  frames_build(&frame, &spec, data, LEN);
  raw_conn_write(r.p.conn, frame.base, frame.len);
  world_run_until_count(w, &r.u.messages, 1);
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  assert_int_equal(wsuv_session_get_stats(r.u.session, &stats), 0);
  assert_int_equal(stats.payload_received, LEN);
  bytes_free(&frame);
  free(data);
  rig_end(&r);
}
