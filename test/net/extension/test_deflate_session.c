/* permessage-deflate in sessions: negotiated in every way, messages whole, in fragments and
   streamed, both ways, against the core in the server's role; and what peers do wrong (F26, F27).
 */

#include <stdlib.h>
#include <string.h>
#include <wsuv.h>

#include "session/session.h"
#include "support/raw_zlib.h"
#include "support/server_peer.h"
#include "support/world_client.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* A session and the server that it talks to. */
typedef struct duo {
  world *w;
  wsuv_deflate_options_t client_options, server_options;
  wsuv_config_t config;
  server_peer p;
  wsuv_client_t *client;
  wsuv_session_t *session; /* NULL after on_close */
  bool streamed, pauses;
  void (*act)(struct duo *d); /* in each callback of a message, or NULL */
  size_t opens, messages, closes;
  size_t pieces, largest;
  uint64_t offset; /* behind the latest piece */
  bytes got;       /* the latest message, or as much as has come of it */
  bool again;      /* what comes next begins anew */
  int status;
  uint16_t sent_code;
  char detail[128];
} duo;

static void on_open(wsuv_session_t *s) {
  duo *d = wsuv_session_data(s);
  d->opens++;
}

static void add(duo *d, const void *data, size_t len, bool last) {
  if (d->again) d->got.len = 0;
  bytes_add(&d->got, data, len);
  d->again = last;
  d->messages += last;
  if (d->pauses) CHECK(wsuv_session_pause(d->session) == 0);
  if (d->act != NULL) d->act(d);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  add(wsuv_session_data(s), m->data, m->len, true);
}

static void on_piece(wsuv_session_t *s, const wsuv_message_piece_t *piece) {
  duo *d = wsuv_session_data(s);
  CHECK(piece->offset == d->offset);
  CHECK(piece->len > 0 || piece->last);
  d->offset = piece->last ? 0 : piece->offset + piece->len;
  d->pieces++;
  if (piece->len > d->largest) d->largest = piece->len;
  add(d, piece->data, piece->len, piece->last);
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  duo *d = wsuv_session_data(s);
  d->closes++;
  d->status = info->status;
  d->sent_code = info->sent_code;
  snprintf(d->detail, sizeof d->detail, "%s", info->detail);
  d->session = NULL;
}

static void duo_init(duo *d, world *w) {
  *d = (duo){.w = w};
  wsuv_deflate_options_init(&d->client_options);
  wsuv_deflate_options_init(&d->server_options);
  wsuv_client_config_init(&d->config);
}

static void duo_connect(duo *d, const char *url) {
  wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open, .on_close = on_close};
  if (d->streamed) callbacks.on_message_piece = on_piece;
  if (!d->streamed) callbacks.on_message = on_message;
  CHECK(wsuv_connect_url(d->client, url, &callbacks, d, &d->session) == 0);
}

static void duo_open(duo *d) {
  wsuv_extension_t deflate[2];
  const wsuv_extension_t *const both[] = {&deflate[0], &deflate[1]};
  assert_int_equal(wsuv_permessage_deflate(&deflate[0], &d->client_options), 0);
  assert_int_equal(wsuv_permessage_deflate(&deflate[1], &d->server_options), 0);
  server_peer_start(&d->p, d->w, both + 1, 1);
  d->config.extensions = both;
  d->config.extension_count = 1;
  CHECK(world_client(d->w, &d->client, &d->config) == 0);
  duo_connect(d, raw_peer_url(d->p.raw, "/"));
  world_run_until_count(d->w, &d->opens, 1);
}

static bool duo_decided(void *arg) {
  const duo *d = arg;
  return d->opens + d->closes > 0;
}

static void duo_free(duo *d) {
  world_client_close(d->w, d->client);
  server_peer_free(&d->p);
  bytes_free(&d->got);
}

static void duo_end(duo *d) {
  assert_int_equal(wsuv_session_close(d->session, 1000, NULL), 0);
  world_run_until_count(d->w, &d->closes, 1);
  assert_int_equal(d->status, 0);
  assert_int_equal(d->p.failed, 0);
  duo_free(d);
}

static void assert_got(const duo *d, const bytes *text) {
  assert_int_equal(d->p.got.len, text->len);
  assert_int_equal(d->got.len, text->len);
  if (text->len == 0) return;
  assert_memory_equal(d->p.got.base, text->base, text->len);
  assert_memory_equal(d->got.base, text->base, text->len);
}

static bool echoed(void *arg) {
  duo *d = arg;
  if (d->pauses && d->session != NULL) CHECK(wsuv_session_resume(d->session) == 0);
  return d->again;
}

static void run_until_echoed(duo *d) {
  world_run_until(d->w, echoed, d);
}

static void send_fragments(duo *d, uint64_t *seed, const bytes *text) {
  size_t at = 0;
  wsuv_frame_t frame;
  do {
    size_t n = seeded_below(seed, text->len - at + 1);
    wsuv_frame_init(&frame, WSUV_FRAME_TEXT, text->base == NULL ? NULL : text->base + at, n);
    at += n;
    frame.fin = at == text->len;
    assert_int_equal(wsuv_send(d->session, &frame, NULL, NULL), 0);
  } while (at < text->len);
}

/* A message there and back. */
static void assert_echo(duo *d, uint64_t *seed, const bytes *text, bool whole) {
  d->again = false;
  d->got.len = 0;
  if (whole) {
    assert_int_equal(wsuv_send_text(d->session, text->base, text->len), 0);
  } else {
    send_fragments(d, seed, text);
  }
  run_until_echoed(d);
  assert_got(d, text);
}

static void echo_some(duo *d, uint64_t seed) {
  static const size_t lengths[] = {0, 1, 5, 200, 3000, 70000};
  for (size_t i = 0; i < 2 * sizeof lengths / sizeof *lengths; i++) {
    bytes text = {0};
    raw_text(&seed, lengths[i / 2], &text);
    assert_echo(d, &seed, &text, i % 2 == 0);
    bytes_free(&text);
  }
  assert_true(d->p.compressed > 0);
}

static unsigned bits_from(uint64_t *seed) {
  static const unsigned bits[] = {8, 9, 10, 12, 15};
  return bits[seeded_below(seed, 5)];
}

static void choose(wsuv_deflate_options_t *o, uint64_t *seed) {
  o->server_no_context_takeover = seeded_below(seed, 2) == 0;
  o->client_no_context_takeover = seeded_below(seed, 2) == 0;
  o->server_max_window_bits = bits_from(seed);
  o->client_max_window_bits = seeded_below(seed, 3) == 0 ? 0 : bits_from(seed);
  o->level = (int) seeded_below(seed, 10);
  o->mem_level = 1 + (int) seeded_below(seed, 9);
}

WORLD_TEST(test_deflate_session_agrees_upon_all_parameters, w) {
  uint64_t seed = w->seed;
  for (int i = 0; i < 4; i++) {
    duo d;
    duo_init(&d, w);
    choose(&d.client_options, &seed);
    choose(&d.server_options, &seed);
    d.streamed = seeded_below(&seed, 2) == 0;
    duo_open(&d);
    d.p.fragment = seeded_below(&seed, 2) * 1000;
    assert_int_equal(strncmp(wsuv_session_extensions(d.session), "permessage-deflate", 18), 0);
    echo_some(&d, w->seed);
    duo_end(&d);
  }
}

WORLD_TEST(test_deflate_session_tells_what_was_agreed_upon, w) {
  duo d;
  duo_init(&d, w);
  d.client_options.client_no_context_takeover = true;
  d.server_options.server_max_window_bits = 10;
  duo_open(&d);
  assert_string_equal(wsuv_session_extensions(d.session),
                      "permessage-deflate; server_max_window_bits=10");
  duo_end(&d);
}

WORLD_TEST(test_deflate_session_counts_what_was_saved, w) {
  wsuv_stats_t stats;
  uint64_t seed = 1;
  bytes text = {0};
  duo d;
  duo_init(&d, w);
  duo_open(&d);
  raw_text(&seed, 10000, &text);
  assert_echo(&d, &seed, &text, true);
  assert_echo(&d, &seed, &text, false);
  wsuv_stats_init(&stats);
  assert_int_equal(wsuv_session_get_stats(d.session, &stats), 0);
  assert_int_equal(stats.payload_sent, 20000);
  assert_int_equal(stats.payload_received, 20000);
  assert_in_range(stats.framed_sent, 100, 10000);
  assert_in_range(stats.framed_received, 100, 10000);
  assert_true(stats.wire_sent > stats.framed_sent && stats.wire_sent < 12000);
  bytes_free(&text);
  duo_end(&d);
}

/* Paused in each callback, while more of the same read waits. */
WORLD_TEST(test_deflate_session_pauses_between_events, w) {
  for (int streamed = 0; streamed < 2; streamed++) {
    uint64_t seed = w->seed;
    duo d;
    duo_init(&d, w);
    d.streamed = streamed != 0;
    d.pauses = true;
    duo_open(&d);
    echo_some(&d, seed);
    bytes texts[3] = {{0}};
    for (int i = 0; i < 3; i++) {
      raw_text(&seed, 40000, &texts[i]);
      server_peer_send(&d.p, OPCODE_TEXT, texts[i].base, texts[i].len);
    }
    for (int i = 0; i < 3; i++) {
      d.again = false;
      d.got.len = 0;
      run_until_echoed(&d);
      assert_int_equal(d.got.len, texts[i].len);
      assert_memory_equal(d.got.base, texts[i].base, texts[i].len);
      bytes_free(&texts[i]);
    }
    wsuv_session_resume(d.session);
    duo_end(&d);
  }
}

/* A long message that compresses well goes out and comes in piece by piece. */
WORLD_UV_TEST(test_deflate_session_streams_within_flat_memory, w) {
  enum { LEN = 8 * MIB, PIECE = 64 * KIB };
  uint8_t *zeros = check_alloc(PIECE);
  duo d;
  duo_init(&d, w);
  d.streamed = true;
  duo_open(&d);
  d.p.silent = true;
  assert_int_equal(wsuv_send_begin(d.session, WSUV_FRAME_BINARY), 0);
  for (int i = 0; i < LEN / PIECE; i++)
    assert_int_equal(wsuv_send_piece(d.session, zeros, PIECE, NULL, NULL), 0);
  assert_int_equal(wsuv_send_end(d.session, NULL, NULL), 0);
  world_run_until_count(w, &d.p.messages, 1);
  assert_int_equal(d.p.got.len, LEN);
  w->alloc->peak_bytes = w->alloc->live_bytes;
  size_t before = w->alloc->live_bytes;
  server_peer_send(&d.p, OPCODE_BINARY, d.p.got.base, LEN);
  world_run_until_count(w, &d.messages, 1);
  assert_int_equal(d.got.len, LEN);
  assert_true(d.largest <= 16 * KIB + 67 * KIB);
  assert_true(d.pieces >= LEN / (83 * KIB));
  assert_true(w->alloc->peak_bytes - before < 256 * KIB);
  free(zeros);
  duo_end(&d);
}

/* A message of `len` zeros, compressed by zlib itself, as one frame. */
static void build_bomb(bytes *frame, size_t len) {
  const frame_spec spec = {.opcode = 2, .rsv = 4, .fin = true};
  uint8_t *zeros = check_alloc(len);
  bytes payload = {0};
  z_stream z = {0};
  CHECK(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, 0) == Z_OK);
  raw_deflate(&z, zeros, len, 0, 0, &payload);
  deflateEnd(&z);
  frames_build(frame, &spec, payload.base, payload.len);
  bytes_free(&payload);
  free(zeros);
}

static void assert_failed(duo *d, int status, unsigned code) {
  world_run_until_count(d->w, &d->closes, 1);
  assert_int_equal(d->status, status);
  assert_int_equal(d->sent_code, code);
}

/* F26; zlib's inflater takes 40 KiB at most. */
WORLD_UV_TEST(test_deflate_session_survives_bombs, w) {
  enum { BOUND = 300 * KIB };
  bytes bomb = {0};
  build_bomb(&bomb, 16 * MIB);
  for (int streamed = 0; streamed < 2; streamed++) {
    duo d;
    duo_init(&d, w);
    d.streamed = streamed != 0;
    if (streamed) d.client_options.max_inflated_size = BOUND;
    if (!streamed) d.config.max_message_size = BOUND;
    duo_open(&d);
    size_t before = w->alloc->live_bytes, zlib = 40 * KIB;
    w->alloc->peak_bytes = w->alloc->in_place_bytes = before;
    server_peer_send_bytes(&d.p, bomb.base, bomb.len);
    assert_failed(&d, WSUV_ETOOBIG, 1009);
    assert_string_equal(d.detail, "inflated message too large");
    assert_int_equal(d.messages, 0);
    assert_true(d.got.len <= BOUND);
    assert_true(w->alloc->in_place_bytes - before <= BOUND + 64 * KIB + zlib);
    /* Where growing means moving, the block is there twice for a moment. */
    assert_true(w->alloc->peak_bytes - before <= 2 * BOUND + 64 * KIB + zlib);
    duo_free(&d);
  }
  bytes_free(&bomb);
}

/* F49: a large message is inflated in several turns. In none of them is much inflated, or all of it
   copied because its block grows. A turn may have the budget of a tick and that of a poll. */
WORLD_TEST(test_deflate_session_leaves_the_turn_in_a_bomb, w) {
  enum { SLICE = 67 * KIB, INFLATED_MAX = 2 * (INFLOW_BUDGET / INFLOW_INFLATED_COST + SLICE) };
  bytes bomb = {0};
  duo d;
  duo_init(&d, w);
  duo_open(&d);
  build_bomb(&bomb, 16 * MIB);
  const uint64_t *produced = &d.session->conn.extensions->in_produced;
  server_peer_send_bytes(&d.p, bomb.base, bomb.len);
  w->ops->watch(w, true);
  while (d.messages == 0) {
    const uint64_t before = *produced;
    w->alloc->moved_bytes = 0;
    assert_true(w->ops->turn(w, true));
    const uint64_t after = d.messages == 0 ? *produced : d.got.len;
    assert_in_range(after - before, 0, INFLATED_MAX);
    assert_in_range(w->alloc->moved_bytes, 0, 8 * MIB);
  }
  w->ops->unwatch(w);
  assert_int_equal(d.got.len, 16 * MIB);
  duo_free(&d);
  bytes_free(&bomb);
}

WORLD_TEST(test_deflate_session_takes_what_just_fits, w) {
  for (int over = 0; over < 2; over++) {
    bytes bomb = {0};
    duo d;
    duo_init(&d, w);
    d.config.max_message_size = 100000;
    duo_open(&d);
    build_bomb(&bomb, 100000 + (size_t) over);
    server_peer_send_bytes(&d.p, bomb.base, bomb.len);
    if (over) {
      assert_failed(&d, WSUV_ETOOBIG, 1009);
      duo_free(&d);
    } else {
      world_run_until_count(w, &d.messages, 1);
      assert_int_equal(d.got.len, 100000);
      duo_end(&d);
    }
    bytes_free(&bomb);
  }
}

/* Once, in one of the first callbacks. */
static bool is_time(duo *d) {
  bool due = d->pieces + d->messages > d->w->seed % 3;
  if (due) d->act = NULL;
  return due;
}

static void terminate(duo *d) {
  if (is_time(d)) wsuv_session_terminate(d->session);
}

static void close_session(duo *d) {
  if (is_time(d)) CHECK(wsuv_session_close(d->session, 1000, NULL) == 0);
}

static void pause_and_close(duo *d) {
  if (!is_time(d)) return;
  CHECK(wsuv_session_pause(d->session) == 0);
  CHECK(wsuv_session_close(d->session, 1000, NULL) == 0);
}

static void pause_and_terminate(duo *d) {
  if (!is_time(d)) return;
  CHECK(wsuv_session_pause(d->session) == 0);
  wsuv_session_terminate(d->session);
}

/* The second fragment of a message finds no memory, which ends the session. */
static void fail_to_send(duo *d) {
  bytes noise = {0};
  wsuv_frame_t frame;
  uint64_t seed = 1;
  if (!is_time(d)) return;
  raw_noise(&seed, 100000, &noise);
  wsuv_frame_init(&frame, WSUV_FRAME_BINARY, noise.base, noise.len);
  frame.fin = false;
  CHECK(wsuv_send(d->session, &frame, NULL, NULL) == 0);
  d->w->alloc->fail_at = d->w->alloc->calls + 1;
  d->w->alloc->fail_for_ever = true;
  CHECK(wsuv_send(d->session, &frame, NULL, NULL) == UV_ENOMEM);
  d->w->alloc->fail_at = 0;
  d->w->alloc->fail_for_ever = false;
  bytes_free(&noise);
}

/* What was read but not inflated, and what was inflated but not given, goes with the session. */
WORLD_TEST(test_deflate_session_may_end_in_any_callback, w) {
  static void (*const acts[])(duo *) = {terminate, close_session, pause_and_close,
                                        pause_and_terminate, fail_to_send};
  bytes frames = {0};
  for (int i = 0; i < 5; i++) build_bomb(&frames, 100 * KIB);
  for (size_t i = 0; i < 2 * sizeof acts / sizeof *acts; i++) {
    duo d;
    duo_init(&d, w);
    d.streamed = i % 2 != 0;
    d.act = acts[i / 2];
    duo_open(&d);
    server_peer_send_bytes(&d.p, frames.base, frames.len);
    world_run_until_count(w, &d.closes, 1);
    assert_null(d.act);
    duo_free(&d);
  }
  bytes_free(&frames);
}

/* What a peer can do wrong, as frames, and what becomes of it. The first message is "Hello" of
   RFC 7692 7.2.3.1; f2 00 11 00 00 is the same with the window taken over (7.2.3.2). */
static const struct wrong {
  const char *frames;
  int status;
  unsigned code;
  bool no_takeover;
} wrongs[] = {
    {"TEXT{4} f248cdc9c90700; TEXT{4} f200110000", 0, 0, false},
    {"TEXT{4} f248cdc9c90700; TEXT{4} f200110000", WSUV_EDEFLATE, 1007, true},
    {"TEXT{4} ffffff", WSUV_EDEFLATE, 1007, false},
    {"TEXT{4} f248cd", WSUV_EDEFLATE, 1007, false},
    {"TEXT{4} 000000ffff*26300", WSUV_EDEFLATE, 1008, false}, /* empty blocks */
    {"TEXT{4} 0300*70000", WSUV_EDEFLATE, 1008, false},       /* final ones */
    {"TEXT{4}- 0300*40000; CONT 0300*40000", WSUV_EDEFLATE, 1008, false},
    {"TEXT{4}- f248; CONT{4} cdc9c90700", WSUV_EPROTOCOL, 1002, false},
    {"TEXT- 41; CONT{4} 42", WSUV_EPROTOCOL, 1002, false},
    {"TEXT{4}- f248; TEXT{4} cdc9c90700", WSUV_EPROTOCOL, 1002, false},
    {"PING{4} 41", WSUV_EPROTOCOL, 1002, false},
    {"CLOSE{4} #1000", WSUV_EPROTOCOL, 1002, false},
    {"TEXT{2} 41", WSUV_EPROTOCOL, 1002, false},
    {"TEXT{6} f248cdc9c90700", WSUV_EPROTOCOL, 1002, false},
    {"CONT{4} f248cdc9c90700", WSUV_EPROTOCOL, 1002, false},
    {"TEXT{4} f248cdc9c90700; CONT 00", WSUV_EPROTOCOL, 1002, false},
    {"TEXT{4} 000100feffff00", WSUV_EUTF8, 1007, false},
    {"TEXT{4} 000100feffff07", WSUV_EUTF8, 1007, false}, /* bad text before corrupt data */
    {"TEXT{4}- 000100feffff; CONT 07", WSUV_EUTF8, 1007, false},
    {"TEXT{4}- 000100feffc3; CONT 000100feffa400", 0, 0, false},
    {"TEXT{4}- f248; PING 01; CONT cdc9c90700; TEXT \"ok\"", 0, 0, false},
    {"TEXT{4} f348cdc9c9070000", 0, 0, false},             /* a final block, 7.2.3.4 */
    {"TEXT{4} f248050000 00ffff cac9c90700", 0, 0, false}, /* two blocks, 7.2.3.5 */
    {"TEXT{4} 000500faff48656c6c6f00", 0, 0, false},       /* not compressed, 7.2.3.3 */
};

static void play_wrong(world *w, const struct wrong *wrong, bool streamed) {
  bytes frames = {0};
  duo d;
  duo_init(&d, w);
  d.streamed = streamed;
  d.server_options.server_no_context_takeover = wrong->no_takeover;
  duo_open(&d);
  frames_script(&frames, wrong->frames, false);
  server_peer_send_bytes(&d.p, frames.base, frames.len);
  bytes_free(&frames);
  if (wrong->status == 0) {
    world_run_until_count(w, &d.messages, 1);
    assert_int_equal(wsuv_session_close(d.session, 1000, NULL), 0);
    world_run_until_count(w, &d.closes, 1);
  }
  world_run_until_count(w, &d.closes, 1);
  if (d.status != wrong->status) fail_msg("%s: %s", wrong->frames, wsuv_err_name(d.status));
  if (wrong->status != 0) assert_int_equal(d.sent_code, wrong->code);
  duo_free(&d);
}

WORLD_TEST(test_deflate_session_fails_on_what_is_wrong, w) {
  for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
    play_wrong(w, &wrongs[i], false);
    play_wrong(w, &wrongs[i], true);
  }
}

/* F5: what a server may answer to the default offer, and what not (RFC 7692 7.1). */
static const struct answer {
  const char *text;
  bool good;
} answers[] = {
    {"permessage-deflate", true},
    {"permessage-deflate; server_no_context_takeover", true},
    {"permessage-deflate; client_no_context_takeover", true},
    {"permessage-deflate; server_max_window_bits=9", true},
    {"permessage-deflate; server_max_window_bits=\"8\"", true},
    {"permessage-deflate; client_max_window_bits=8", true},
    {"permessage-deflate; server_max_window_bits=7", false},
    {"permessage-deflate; server_max_window_bits=16", false},
    {"permessage-deflate; server_max_window_bits=09", false},
    {"permessage-deflate; server_max_window_bits", false},
    {"permessage-deflate; client_max_window_bits", false},
    {"permessage-deflate; client_max_window_bits=\"\"", false},
    {"permessage-deflate; server_no_context_takeover=1", false},
    {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", false},
    {"permessage-deflate; unheard_of", false},
    {"permessage-deflate, permessage-deflate", false},
    {"x-webkit-deflate-frame", false},
};

static void play_answer(world *w, const struct answer *answer) {
  wsuv_extension_t deflate;
  const wsuv_extension_t *const one[] = {&deflate};
  char lines[256];
  duo d;
  duo_init(&d, w);
  assert_int_equal(wsuv_permessage_deflate(&deflate, NULL), 0);
  d.config.extensions = one;
  d.config.extension_count = 1;
  snprintf(lines, sizeof lines, "Sec-WebSocket-Extensions: %s\r\n", answer->text);
  raw_peer *peer = raw_peer_new(w);
  peer->lenient = true;
  raw_peer_play(peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE_WITH(lines), PEER_ECHO);
  CHECK(world_client(w, &d.client, &d.config) == 0);
  duo_connect(&d, raw_peer_url(peer, "/"));
  world_run_until(w, duo_decided, &d);
  if (d.opens != answer->good) fail_msg("%s: %s", answer->text, d.detail);
  if (d.opens > 0) assert_int_equal(wsuv_session_close(d.session, 1000, NULL), 0);
  world_run_until_count(w, &d.closes, 1);
  assert_int_equal(d.status, answer->good ? 0 : WSUV_EEXTENSION);
  world_client_close(w, d.client);
}

WORLD_TEST(test_deflate_session_judges_the_answer, w) {
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) play_answer(w, &answers[i]);
}

/* With the text of each message the window of the next goes on, and a plain one is not in it. */
WORLD_TEST(test_deflate_session_leaves_out_one_message, w) {
  static const char secret[] = "the secret of a session, the secret of a session";
  wsuv_frame_t frame;
  duo d;
  duo_init(&d, w);
  duo_open(&d);
  for (int i = 0; i < 6; i++) {
    size_t before = d.p.compressed;
    wsuv_frame_init(&frame, WSUV_FRAME_TEXT, secret, sizeof secret - 1);
    frame.plain = i % 2 == 0;
    d.again = false;
    assert_int_equal(wsuv_send(d.session, &frame, NULL, NULL), 0);
    run_until_echoed(&d);
    assert_string_equal(bytes_text(&d.p.got), secret);
    assert_int_equal(d.p.compressed - before, i % 2);
  }
  duo_end(&d);
}

/* F28, and a server that has it installed. */
WORLD_TEST(test_deflate_session_is_plain_unless_installed, w) {
  wsuv_extension_t deflate;
  const wsuv_extension_t *const one[] = {&deflate};
  static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  duo d;
  duo_init(&d, w);
  assert_int_equal(wsuv_permessage_deflate(&deflate, NULL), 0);
  server_peer_start(&d.p, w, one, 1);
  CHECK(world_client(w, &d.client, NULL) == 0);
  duo_connect(&d, raw_peer_url(d.p.raw, "/"));
  world_run_until_count(w, &d.opens, 1);
  assert_string_equal(wsuv_session_extensions(d.session), "");
  assert_int_equal(wsuv_send_text(d.session, text, sizeof text - 1), 0);
  run_until_echoed(&d);
  assert_int_equal(d.p.compressed, 0);
  duo_end(&d);
}

/* Judged before compression: what would fit once it is compressed does not. */
WORLD_TEST(test_deflate_session_bounds_what_is_sent_by_its_length, w) {
  uint8_t *zeros = check_alloc(5000);
  duo d;
  duo_init(&d, w);
  d.config.outgoing_max = 4000;
  duo_open(&d);
  assert_int_equal(wsuv_send_binary(d.session, zeros, 4001), WSUV_EMSGSIZE);
  for (int i = 0; i < 10; i++) assert_int_equal(wsuv_send_binary(d.session, zeros, 3000), 0);
  assert_true(wsuv_buffered_amount(d.session) < 500);
  world_run_until_count(w, &d.messages, 10);
  free(zeros);
  duo_end(&d);
}
