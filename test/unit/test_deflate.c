/* permessage-deflate as an extension (RFC 7692): which messages are compressed, what is taken over
   from one to the next, and what it costs. The other end is zlib, called directly. */

#include <stdio.h>
#include <string.h>

#include <wsuv/deflate.h>

#include "base/error.h"
#include "support/alloc_failures.h"
#include "support/extension_pair.h"
#include "support/raw_zlib.h"
#include "support/test.h"

enum { MOST = 1 << 24 };

typedef extension_pair rig;

static void rig_open(rig *r, const wsuv_deflate_options_t *client,
                     const wsuv_deflate_options_t *server) {
  wsuv_extension_t deflate[2];
  const wsuv_extension_t *hooks[] = {&deflate[0], &deflate[1]};
  extension_pair_open(r);
  assert_int_equal(wsuv_permessage_deflate(&deflate[0], client), 0);
  assert_int_equal(wsuv_permessage_deflate(&deflate[1], server), 0);
  assert_int_equal(extension_pair_negotiate(r, hooks, 1, hooks + 1, 1), 0);
  assert_non_null(r->client.set);
}

static void rig_close(rig *r) {
  extension_pair_close(r);
}

static wsuv_deflate_options_t with_takeover(bool takeover) {
  wsuv_deflate_options_t o;
  wsuv_deflate_options_init(&o);
  o.server_no_context_takeover = o.client_no_context_takeover = !takeover;
  return o;
}

static int send_whole(rig *r, extension_end *from, const void *data, size_t len) {
  return extension_pair_send(r, from, WSUV_FRAME_TEXT, data, &len, 1);
}

static int receive(rig *r, extension_end *to, size_t most) {
  return extension_pair_receive(r, to, WSUV_FRAME_TEXT, 1000, most);
}

/* Sent, received and the same again. */
static void assert_through(rig *r, extension_end *from, extension_end *to, const char *text) {
  assert_int_equal(send_whole(r, from, text, strlen(text)), 0);
  assert_int_equal(receive(r, to, MOST), 1);
  assert_string_equal(bytes_text(&r->out), text);
}

static const char lorem[] =
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit. Lorem ipsum dolor sit amet, sed.";

/* RFC 7692 7.2.3, as frames would carry it. */
TEST(test_deflate_sends_the_examples_of_the_rfc) {
  SCOPED(rig, r, NULL, NULL);
  assert_int_equal(send_whole(&r, &r.client, "Hello", 5), 0);
  assert_int_equal(r.sent.rsv, WSUV_RSV1);
  assert_int_equal(r.sent.wire.len, 7);
  assert_memory_equal(r.sent.wire.base, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
  assert_int_equal(receive(&r, &r.server, MOST), 1);
  assert_string_equal(bytes_text(&r.out), "Hello");
  assert_int_equal(send_whole(&r, &r.client, "Hello", 5), 0);
  assert_int_equal(r.sent.wire.len, 5);
  assert_memory_equal(r.sent.wire.base, "\xf2\x00\x11\x00\x00", 5);
  assert_int_equal(receive(&r, &r.server, MOST), 1);
  assert_string_equal(bytes_text(&r.out), "Hello");
}

/* The size of 1,000 short messages from a client, in bytes for each 1,000 of them, after an answer
   to this offer. The client makes no reservation of its own. */
static size_t permille_after(const wsuv_deflate_options_t *server, const char *offer,
                             const char *expected) {
  enum { COUNT = 1000, LEN = 16 };
  wsuv_extension_t deflate[2];
  const wsuv_extension_t *hooks[] = {&deflate[0], &deflate[1]};
  size_t sent = 0;
  SCOPED(extension_pair, p);
  assert_int_equal(wsuv_permessage_deflate(&deflate[0], NULL), 0);
  assert_int_equal(wsuv_permessage_deflate(&deflate[1], server), 0);
  assert_int_equal(extension_pair_answer(&p, hooks + 1, 1, offer), 0);
  assert_string_equal(p.answer, expected);
  assert_int_equal(extension_pair_accept(&p, hooks, 1, p.answer), 0);
  for (unsigned i = 0; i < COUNT; i++) {
    char text[LEN + 1];
    snprintf(text, sizeof text, "{\"x\":%03u,\"y\":%u}", i, i % 9);
    assert_int_equal(strlen(text), LEN - 1);
    assert_int_equal(send_whole(&p, &p.client, text, LEN), 0);
    sent += p.sent.wire.len;
    assert_int_equal(receive(&p, &p.server, MOST), 1);
    assert_memory_equal(p.out.base, text, LEN);
  }
  return sent * 1000 / (COUNT * LEN);
}

/* RFC 7692 7.1.1.2: client_no_context_takeover in an offer is a hint. To answer it would forbid the
   client what makes short messages small. */
TEST(test_deflate_server_leaves_the_takeover_to_the_client) {
  const wsuv_deflate_options_t required = with_takeover(false);
  size_t hinted =
      permille_after(NULL, "permessage-deflate; client_no_context_takeover", "permessage-deflate");
  assert_int_equal(hinted, permille_after(NULL, "permessage-deflate", "permessage-deflate"));
  assert_in_range(hinted, 200, 600);
  size_t without = permille_after(&required, "permessage-deflate",
                                  "permessage-deflate; server_no_context_takeover; "
                                  "client_no_context_takeover");
  assert_in_range(without, 950, 1000);
}

/* One side of a connection as zlib sees it: what the library sends can be inflated with the window
   that was agreed upon and no more; what zlib sends is understood. */
typedef struct way {
  int bits;
  bool takeover;
  z_stream theirs; /* inflates what we send */
  z_stream ours;   /* deflates what we receive */
} way;

static void way_open(way *w, int bits, bool takeover) {
  memset(w, 0, sizeof *w);
  w->bits = bits;
  w->takeover = takeover;
  assert_int_equal(inflateInit2(&w->theirs, -bits), Z_OK);
  assert_int_equal(deflateInit2(&w->ours, 6, Z_DEFLATED, -(bits == 8 ? 9 : bits), 8, 0), Z_OK);
}

static void way_close(way *w) {
  inflateEnd(&w->theirs);
  deflateEnd(&w->ours);
}

static size_t cut_up(uint64_t *seed, size_t total, size_t lengths[6]) {
  size_t count = 1 + (seeded_below(seed, 2) == 0 ? seeded_below(seed, 5) : 0), at = 0;
  for (size_t i = 0; i < count; i++) {
    lengths[i] = i + 1 == count ? total - at : seeded_below(seed, total - at + 1);
    at += lengths[i];
  }
  return count;
}

static void check_sending(rig *r, extension_end *from, way *w, const bytes *text, uint64_t *seed) {
  size_t lengths[6], count = cut_up(seed, text->len, lengths);
  SCOPED_BYTES out = {0};
  const uint8_t *data = text->len == 0 ? (const uint8_t *) "" : text->base;
  r->sent.plain = seeded_below(seed, 8) == 0;
  assert_int_equal(extension_pair_send(r, from, WSUV_FRAME_BINARY, data, lengths, count), 0);
  assert_int_equal(r->sent.frames, count);
  if (r->sent.plain) assert_int_equal(r->sent.rsv, 0);
  if (r->sent.rsv == 0) {
    bytes_add(&out, r->sent.wire.base, r->sent.wire.len);
  } else {
    bool good = raw_inflate(&w->theirs, r->sent.wire.base, r->sent.wire.len, &out);
    assert_that(good, "%s: %s", r->answer, w->theirs.msg);
    if (!w->takeover) inflateReset(&w->theirs);
  }
  assert_int_equal(out.len, text->len);
  if (text->len > 0) assert_memory_equal(out.base, text->base, text->len);
}

static void check_receiving(rig *r, extension_end *to, way *w, const bytes *text, uint64_t *seed) {
  r->sent.wire.len = 0;
  r->sent.rsv = WSUV_RSV1;
  raw_deflate(&w->ours, text->base, text->len, 1 + seeded_below(seed, 3000), Z_SYNC_FLUSH,
              &r->sent.wire);
  if (!w->takeover) deflateReset(&w->ours);
  size_t piece = 1 + seeded_below(seed, r->sent.wire.len);
  int err = extension_pair_receive(r, to, WSUV_FRAME_BINARY, piece, text->len);
  assert_that(err == 1, "%s: %d, %s", r->answer, err, r->why);
  assert_int_equal(r->out.len, text->len);
  if (text->len > 0) assert_memory_equal(r->out.base, text->base, text->len);
}

static void exchange(const wsuv_deflate_options_t *o, uint64_t *seed) {
  way client, server;
  SCOPED(rig, r, o, o);
  int client_bits = o->client_max_window_bits == 0 ? 15 : (int) o->client_max_window_bits;
  way_open(&client, client_bits, !o->client_no_context_takeover);
  way_open(&server, (int) o->server_max_window_bits, !o->server_no_context_takeover);
  for (int message = 0; message < 5; message++) {
    SCOPED_BYTES text = {0};
    size_t len = seeded_below(seed, message == 3 ? 40000 : 1500);
    if (message != 2)
      raw_text(seed, len, &text);
    else
      bytes_noise(&text, seed, len);
    check_sending(&r, &r.client, &client, &text, seed);
    check_receiving(&r, &r.server, &client, &text, seed);
    check_sending(&r, &r.server, &server, &text, seed);
    check_receiving(&r, &r.client, &server, &text, seed);
  }
  way_close(&client);
  way_close(&server);
}

/* All windows with and without takeover, either way. */
TEST(test_deflate_speaks_with_zlib_whatever_was_agreed_upon) {
  uint64_t seed = 21;
  for (unsigned bits = 8; bits <= 15; bits++) {
    for (int takeover = 0; takeover < 4; takeover++) {
      wsuv_deflate_options_t o;
      wsuv_deflate_options_init(&o);
      o.client_max_window_bits = bits;
      o.server_max_window_bits = 23 - bits;
      o.client_no_context_takeover = (takeover & 1) != 0;
      o.server_no_context_takeover = (takeover & 2) != 0;
      o.level = (int) seeded_below(&seed, 10);
      o.mem_level = 1 + (int) seeded_below(&seed, 9);
      exchange(&o, &seed);
    }
  }
}

/* F28: a message can be left out, and does not enter the deflater then. */
TEST(test_deflate_leaves_plain_messages_alone) {
  SCOPED(rig, r, NULL, NULL);
  r.sent.plain = true;
  uint64_t calls = r.alloc.calls;
  assert_through(&r, &r.client, &r.server, lorem);
  assert_int_equal(r.sent.rsv, 0);
  assert_false(r.sent.taken);
  assert_int_equal(r.sent.wire.len, strlen(lorem));
  assert_that(r.alloc.calls <= calls + 1, "%d calls", (int) (r.alloc.calls - calls)); /* received */
  r.sent.plain = false;
  assert_through(&r, &r.client, &r.server, lorem);
  size_t first = r.sent.wire.len;
  assert_true(first < strlen(lorem));
  assert_int_equal(r.sent.rsv, WSUV_RSV1);
  r.sent.plain = true; /* inside those that are compressed with takeover */
  assert_through(&r, &r.client, &r.server, "plain");
  r.sent.plain = false;
  assert_through(&r, &r.client, &r.server, lorem);
  assert_true(r.sent.wire.len < first / 2);
}

typedef struct question {
  int asked;
  bool answer;
  wsuv_frame_type_t type;
  char data[64];
  size_t len;
} question;

static bool ask(void *arg, wsuv_frame_type_t type, const void *data, size_t len) {
  question *q = arg;
  q->asked++;
  q->type = type;
  q->len = len;
  memcpy(q->data, data, len < sizeof q->data ? len : sizeof q->data);
  return q->answer;
}

TEST(test_deflate_asks_whether_to_compress) {
  for (int yes = 0; yes < 2; yes++) {
    wsuv_deflate_options_t o;
    question q = {.answer = yes != 0};
    const size_t cut[] = {6, sizeof lorem - 1 - 6};
    wsuv_deflate_options_init(&o);
    o.compress_if = ask;
    o.compress_if_arg = &q;
    SCOPED(rig, r, &o, NULL);
    assert_through(&r, &r.client, &r.server, lorem);
    assert_int_equal(q.asked, 1);
    assert_int_equal(q.type, WSUV_FRAME_TEXT);
    assert_int_equal(q.len, strlen(lorem));
    assert_memory_equal(q.data, lorem, sizeof q.data);
    assert_int_equal(r.sent.rsv, yes ? WSUV_RSV1 : 0);
    assert_int_equal(extension_pair_send(&r, &r.client, WSUV_FRAME_BINARY, lorem, cut, 2), 0);
    assert_int_equal(q.asked, 2); /* once for a message, with its first fragment */
    assert_int_equal(q.type, WSUV_FRAME_BINARY);
    assert_int_equal(q.len, 6);
    assert_int_equal(r.sent.rsv, yes ? WSUV_RSV1 : 0);
    r.sent.plain = true; /* settles it without asking */
    assert_through(&r, &r.client, &r.server, lorem);
    assert_int_equal(q.asked, 2);
  }
}

TEST(test_deflate_compresses_only_what_is_bigger) {
  char text[200];
  memset(text, 'x', sizeof text);
  for (size_t least = 0; least < 150; least += 50) {
    wsuv_deflate_options_t o;
    wsuv_deflate_options_init(&o);
    o.compress_if_bigger_than = least;
    SCOPED(rig, r, &o, NULL);
    for (size_t len = 0; len < sizeof text; len++) {
      assert_int_equal(send_whole(&r, &r.client, text, len), 0);
      assert_int_equal(r.sent.rsv, len > least ? WSUV_RSV1 : 0);
      assert_int_equal(receive(&r, &r.server, MOST), 1);
      assert_int_equal(r.out.len, len);
    }
    const size_t cut[] = {1, 0}; /* nobody knows how long it will be */
    assert_int_equal(extension_pair_send(&r, &r.client, WSUV_FRAME_TEXT, text, cut, 2), 0);
    assert_int_equal(r.sent.rsv, WSUV_RSV1);
    assert_int_equal(receive(&r, &r.server, MOST), 1);
    assert_int_equal(r.out.len, 1);
  }
}

/* Without takeover always; with it only if the window holds nothing else. */
TEST(test_deflate_sends_plain_what_does_not_become_shorter) {
  uint64_t seed = 22;
  for (int takeover = 0; takeover < 2; takeover++) {
    wsuv_deflate_options_t o = with_takeover(takeover != 0);
    SCOPED_BYTES noise = {0};
    o.client_max_window_bits = 10;
    SCOPED(rig, r, &o, NULL);
    bytes_noise(&noise, &seed, 2000);
    for (size_t len = 1; len <= noise.len; len += 333) {
      assert_int_equal(send_whole(&r, &r.client, noise.base, len), 0);
      bool plain = takeover == 0 || len >= 1024;
      assert_int_equal(r.sent.rsv, plain ? 0 : WSUV_RSV1);
      assert_int_equal(r.sent.taken, !plain);
      if (plain) assert_int_equal(r.sent.wire.len, len);
      assert_int_equal(receive(&r, &r.server, MOST), 1);
      assert_int_equal(r.out.len, len);
      assert_memory_equal(r.out.base, noise.base, len);
      assert_through(&r, &r.client, &r.server, lorem); /* the receiver can go on */
      assert_int_equal(r.sent.rsv, WSUV_RSV1);
    }
  }
}

/* A message that was not marked is none of ours, whatever is in it. */
TEST(test_deflate_passes_messages_that_are_not_compressed) {
  SCOPED(rig, r, NULL, NULL);
  bytes_add(&r.sent.wire, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
  assert_int_equal(receive(&r, &r.server, MOST), 1);
  assert_int_equal(r.out.len, 7);
}

/* Either bound, while it inflates. */
TEST(test_deflate_bounds_what_it_inflates) {
  wsuv_deflate_options_t o;
  char text[5000];
  memset(text, 'x', sizeof text);
  wsuv_deflate_options_init(&o);
  o.max_inflated_size = 4000;
  for (size_t len = 3998; len <= 4002; len++) {
    SCOPED(rig, r, NULL, &o);
    SCOPED(rig, unbound, NULL, NULL);
    assert_int_equal(send_whole(&r, &r.client, text, len), 0);
    assert_int_equal(receive(&r, &r.server, MOST), len > 4000 ? WSUV_ETOOBIG : 1);
    if (len > 4000) assert_string_equal(r.why, "inflated message too large");
    assert_int_equal(send_whole(&unbound, &unbound.client, text, len), 0);
    assert_int_equal(receive(&unbound, &unbound.server, 4000), len > 4000 ? WSUV_ETOOBIG : 1);
  }
  SCOPED(rig, r, NULL, &o); /* of each message anew */
  for (int i = 0; i < 5; i++) {
    assert_int_equal(send_whole(&r, &r.client, text, 4000), 0);
    assert_int_equal(receive(&r, &r.server, MOST), 1);
  }
}

/* F27 */
TEST(test_deflate_refuses_what_is_corrupt) {
  SCOPED(rig, r, NULL, NULL);
  bytes_add(&r.sent.wire, "\xff\xff", 2);
  r.sent.rsv = WSUV_RSV1;
  assert_int_equal(receive(&r, &r.server, MOST), WSUV_EDEFLATE);
  assert_string_equal(r.why, "compressed data is corrupt");
}

/* F27: a sender that takes its window over though it agreed not to. */
TEST(test_deflate_refuses_a_window_that_should_be_gone) {
  wsuv_deflate_options_t o = with_takeover(false);
  SCOPED(rig, r, &o, &o);
  r.sent.rsv = WSUV_RSV1;
  bytes_add(&r.sent.wire, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
  assert_int_equal(receive(&r, &r.server, MOST), 1);
  r.sent.wire.len = 0;
  bytes_add(&r.sent.wire, "\xf2\x00\x11\x00\x00", 5);
  assert_int_equal(receive(&r, &r.server, MOST), WSUV_EDEFLATE);
}

/* Made on first use; without takeover the client keeps one spare for all its sessions. */
TEST(test_deflate_without_takeover_holds_nothing_between_messages) {
  enum { SESSIONS = 20 };
  wsuv_deflate_options_t o = with_takeover(false);
  extension_set *client[SESSIONS], *server[SESSIONS];
  const char *why;
  SCOPED(rig, r, &o, &o);
  for (int i = 0; i < SESSIONS; i++) {
    header_store fields;
    header_store_init(&fields, &r.alloc.handle);
    assert_int_equal(extension_field(&fields, r.answer), 0);
    assert_int_equal(extension_set_accept(&client[i], r.client.list, 1, &fields, &why), 0);
    assert_int_equal(extension_judge_offer(&server[i], r.server.list, &fields, &why), 0);
    header_store_clear(&fields);
  }
  size_t idle = r.alloc.live_bytes;
  assert_true(idle < (size_t) SESSIONS * 2 * 1024);
  size_t used = 0;
  uint64_t calls = 0;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < SESSIONS; i++) {
      extension_end from = {r.client.list, client[i]}, to = {r.server.list, server[i]};
      assert_through(&r, &from, &to, lorem);
      assert_through(&r, &to, &from, lorem);
      if (used == 0) {
        used = r.alloc.live_bytes;
        calls = r.alloc.calls;
      }
      assert_int_equal(r.alloc.live_bytes, used);
    }
  }
  assert_int_equal(r.alloc.calls, calls);
  for (int i = 0; i < SESSIONS; i++) {
    extension_set_free(client[i]);
    extension_set_free(server[i]);
  }
}

/* With takeover nothing is allocated either, once both have had a message. */
TEST(test_deflate_allocates_nothing_in_the_steady_state) {
  for (int takeover = 0; takeover < 2; takeover++) {
    wsuv_deflate_options_t o = with_takeover(takeover != 0);
    SCOPED(rig, r, &o, &o);
    assert_through(&r, &r.client, &r.server, lorem);
    uint64_t calls = r.alloc.calls;
    for (int i = 0; i < 100; i++) assert_through(&r, &r.client, &r.server, lorem);
    assert_int_equal(r.alloc.calls, calls);
  }
}

/* Whoever wants a state inside a message of another gets one of its own. */
TEST(test_deflate_sessions_do_not_share_a_message) {
  wsuv_deflate_options_t o = with_takeover(false);
  SCOPED(rig, r, &o, &o);
  extension_send begin = {.type = WSUV_FRAME_TEXT,
                          .chunk = {(const uint8_t *) lorem, 40, true, false}};
  SCOPED_BYTES wire = {0};
  assert_int_equal(extension_set_outgoing(r.client.set, &r.scratch, &begin), 0);
  bytes_add(&wire, begin.chunk.data, begin.chunk.len);
  extension_scratch_release(&r.scratch);

  header_store fields;
  extension_end other = {r.client.list, NULL};
  header_store_init(&fields, &r.alloc.handle);
  assert_int_equal(extension_field(&fields, r.answer), 0);
  assert_int_equal(extension_set_accept(&other.set, other.list, 1, &fields, &r.why), 0);
  header_store_clear(&fields);
  assert_through(&r, &other, &r.server, lorem);

  extension_send end = {
      .type = WSUV_FRAME_TEXT,
      .chunk = {(const uint8_t *) lorem + 40, sizeof lorem - 1 - 40, false, true}};
  assert_int_equal(extension_set_outgoing(r.client.set, &r.scratch, &end), 0);
  bytes_add(&wire, end.chunk.data, end.chunk.len);
  extension_scratch_release(&r.scratch);
  r.sent.wire.len = 0;
  bytes_add(&r.sent.wire, wire.base, wire.len);
  assert_int_equal(receive(&r, &r.server, MOST), 1);
  assert_string_equal(bytes_text(&r.out), lorem);
  extension_set_free(other.set);
}

TEST(test_deflate_can_be_freed_inside_a_message) {
  for (int takeover = 0; takeover < 2; takeover++) {
    wsuv_deflate_options_t o = with_takeover(takeover != 0);
    SCOPED(rig, r, &o, &o);
    extension_send begin = {.type = WSUV_FRAME_TEXT,
                            .chunk = {(const uint8_t *) lorem, 40, true, false}};
    assert_int_equal(extension_set_outgoing(r.client.set, &r.scratch, &begin), 0);
    block to = {0};
    block_sink sink;
    block_sink_begin(&sink, &to, &r.spare, MOST);
    assert_int_equal(extension_set_incoming(r.server.set, &r.scratch, WSUV_FRAME_TEXT, begin.rsv,
                                            &begin.chunk, &sink.sink, &r.why),
                     WSUV_EXTENSION_TAKEN);
    block_sink_end(&sink);
    assert_int_equal(to.len, 40); /* what was sent can be read so far */
    block_release(&to, &r.spare);
  }
}

static size_t memory_of(const extension_end *end) {
  const extension_entry *e = &end->set->entries[0];
  return e->hooks->memory(e->state);
}

/* What zlib takes, and a few kilobytes more. */
TEST(test_deflate_says_how_much_memory_it_may_use) {
  enum { STATES = 4, ROUNDING = 8192 };
  static const unsigned bits[] = {9, 12, 15};
  for (size_t i = 0; i < 3 * MAX_MEM_LEVEL; i++) {
    wsuv_deflate_options_t o = with_takeover(true);
    o.server_max_window_bits = o.client_max_window_bits = bits[i % 3];
    o.mem_level = (int) (1 + i / 3);
    SCOPED(rig, r, &o, &o);
    size_t before = r.alloc.live_bytes;
    assert_through(&r, &r.client, &r.server, lorem);
    assert_through(&r, &r.server, &r.client, lorem);
    size_t used = r.alloc.live_bytes - before, said = memory_of(&r.client) + memory_of(&r.server);
    assert_in_range(said, used, used + STATES * ROUNDING);
  }
}

/* F46: a send that finds no memory has changed nothing; both sides go on. */
TEST(test_deflate_survives_every_failed_allocation) {
  for (int takeover = 0; takeover < 2; takeover++) {
    for (alloc_failures f = {0}; alloc_failures_next(&f);) {
      wsuv_deflate_options_t o = with_takeover(takeover != 0);
      SCOPED(rig, r, &o, &o);
      alloc_failures_begin(&f, &r.alloc);
      int err = send_whole(&r, &r.client, lorem, strlen(lorem));
      bool sent = err == 0;
      if (sent) err = receive(&r, &r.server, MOST);
      assert_int_equal(err, alloc_failures_end(&f, &r.alloc) ? WS_ENOMEM : 1);
      if (sent) continue;
      assert_false(r.sent.taken);
      assert_through(&r, &r.client, &r.server, lorem);
    }
  }
}

/* Amid a message there is no way back. */
TEST(test_deflate_without_memory_inside_a_message_ends_the_session) {
  SCOPED_BYTES noise = {0};
  uint64_t seed = 23;
  SCOPED(rig, r, NULL, NULL);
  bytes_noise(&noise, &seed, 50000);
  extension_send send = {.type = WSUV_FRAME_BINARY, .chunk = {noise.base, 10, true, false}};
  assert_int_equal(extension_set_outgoing(r.client.set, &r.scratch, &send), 0);
  extension_scratch_release(&r.scratch);
  r.alloc.fail_at = r.alloc.calls + 1;
  send.chunk = (wsuv_extension_chunk_t){noise.base, noise.len, false, true};
  assert_int_equal(extension_set_outgoing(r.client.set, &r.scratch, &send), WS_ENOMEM);
  assert_true(send.taken);
}
