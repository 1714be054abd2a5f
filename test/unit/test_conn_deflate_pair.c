/* Sessions with permessage-deflate that share what those of a client share, while allocations fail:
   whatever a failed send, a prepared message or one sent plain does to the sender's window, the
   other side reads what was queued and nothing else, or the sender ends the connection. */

#include <stdlib.h>
#include <string.h>

#include <wsuv/deflate.h>
#include <wsuv/prepared.h>

#include "base/error.h"
#include "proto/frame/conn.h"
#include "support/conn_rig.h"
#include "support/extension_pair.h"
#include "support/fake_env.h"
#include "support/raw_zlib.h"
#include "support/test.h"

enum { STEPS = 120, CONNS = 4, SEEDS = 60 };

/* One end of a connection, and what it sends. */
typedef struct end {
  conn_work work; /* of `c` */
  conn c;
  struct end *peer;
  bytes wanted;  /* a line for each message that was queued */
  bytes sending; /* the fragments that were */
  bytes seen;    /* a line for each message that arrived */
  bytes coming;
} end;

typedef struct rig {
  extension_pair p;
  fake_env env;
  conn_shared shared;
  end ends[CONNS]; /* each client is followed by its server */
  wsuv_prepared_t *prepared;
  bytes prepared_text;
  uint64_t seed, failed;
} rig;

static size_t below(rig *r, size_t n) {
  return seeded_below(&r->seed, n);
}

static bool by_length(void *arg, wsuv_frame_type_t type, const void *data, size_t len) {
  (void) arg;
  (void) type;
  (void) data;
  return len % 7 != 3;
}

static void choose(rig *r, wsuv_deflate_options_t *o) {
  wsuv_deflate_options_init(o);
  o->level = (int) below(r, 10);
  o->mem_level = 1 + (int) below(r, 9);
  o->client_no_context_takeover = below(r, 3) == 0;
  o->server_no_context_takeover = below(r, 3) == 0;
  o->client_max_window_bits = 8 + (unsigned) below(r, 8);
  if (below(r, 2) == 0) o->compress_if = by_length;
}

static void negotiate(rig *r) {
  wsuv_deflate_options_t options[2];
  wsuv_extension_t deflate[2];
  const wsuv_extension_t *const both[] = {&deflate[0], &deflate[1]};
  for (size_t i = 0; i < 2; i++) {
    choose(r, &options[i]);
    assert_int_equal(wsuv_permessage_deflate(&deflate[i], &options[i]), 0);
  }
  assert_int_equal(extension_pair_negotiate(&r->p, both, 1, both + 1, 1), 0);
}

/* The same once more, between the same two. */
static void negotiate_again(rig *r) {
  header_store offer, answer;
  const char *why;
  header_store_init(&offer, &r->p.alloc.handle);
  header_store_init(&answer, &r->p.alloc.handle);
  assert_int_equal(extension_field(&offer, r->p.offer), 0);
  assert_int_equal(extension_field(&answer, r->p.answer), 0);
  assert_int_equal(extension_judge_offer(&r->p.server.set, r->p.server.list, &offer, &why), 0);
  assert_int_equal(extension_set_accept(&r->p.client.set, r->p.client.list, 1, &answer, &why), 0);
  header_store_clear(&offer);
  header_store_clear(&answer);
}

static void end_open(rig *r, size_t i) {
  static const message_limits limits = {0x7fffffff, 1 << 24, 131072};
  end *e = &r->ends[i];
  extension_end *from = i % 2 == 0 ? &r->p.client : &r->p.server;
  conn_init(&e->c, i % 2 == 0 ? WS_CLIENT : WS_SERVER, i % 2 == 0, &limits);
  conn_rig_work(&e->c, &e->work, &r->shared);
  if (i >= 2) conn_set_streamed(&e->c);
  conn_set_extensions(&e->c, from->set);
  from->set = NULL;
  e->peer = &r->ends[i ^ 1];
}

static void rig_open(rig *r, uint64_t seed) {
  memset(r, 0, sizeof *r);
  r->seed = seed;
  extension_pair_open(&r->p);
  fake_env_init(&r->env, &r->p.alloc.handle, 1);
  conn_shared_init(&r->shared, &r->env.base);
  for (size_t i = 0; i < CONNS; i++) {
    if (i == 0) negotiate(r);
    if (i == 2) negotiate_again(r);
    end_open(r, i);
  }
  raw_text(&r->seed, 1 + below(r, 3000), &r->prepared_text);
  assert_int_equal(wsuv_prepared_new(&r->prepared, WSUV_FRAME_BINARY, r->prepared_text.base,
                                     r->prepared_text.len, &r->p.alloc.handle),
                   0);
}

static void rig_close(rig *r) {
  for (size_t i = 0; i < CONNS; i++) {
    end *e = &r->ends[i];
    conn_free(&e->c);
    bytes_free(&e->wanted);
    bytes_free(&e->sending);
    bytes_free(&e->seen);
    bytes_free(&e->coming);
  }
  wsuv_prepared_free(r->prepared);
  bytes_free(&r->prepared_text);
  conn_shared_free(&r->shared);
  extension_pair_close(&r->p);
}

/* The n-th allocation from now fails, or, most often, none. */
static void arm(rig *r) {
  track_alloc *a = &r->p.alloc;
  a->fail_at = below(r, 3) == 0 ? a->calls + 1 + below(r, 4) : 0;
}

static void disarm(rig *r) {
  r->p.alloc.fail_at = 0;
}

static void send_prepared(rig *r, end *e) {
  const ws_view piece = {r->prepared_text.base, r->prepared_text.len};
  const conn_frame f = {.type = OPCODE_BINARY,
                        .fin = true,
                        .pieces = &piece,
                        .count = 1,
                        .len = piece.len,
                        .prepared = r->prepared};
  arm(r);
  int err = conn_send_frame(&e->c, &f);
  disarm(r);
  assert_true(err == 0 || (err == WS_ENOMEM && !e->c.failed));
  if (err == 0) frames_render(&e->wanted, OPCODE_BINARY, true, 0, piece.base, piece.len);
}

/* A whole message, or a fragment of one. */
static void send_some(rig *r, end *e) {
  static const size_t lengths[] = {2, 100, 100, 3000, 60000};
  SCOPED_BYTES text = {0};
  size_t len = below(r, lengths[below(r, 5)]);
  if (below(r, 4) == 0) {
    bytes_noise(&text, &r->seed, len);
  } else {
    raw_text(&r->seed, len, &text);
  }
  size_t cut = below(r, text.len + 1);
  const ws_view views[] = {{text.base, cut},
                           {text.base == NULL ? NULL : text.base + cut, text.len - cut}};
  const conn_frame f = {.type = OPCODE_BINARY,
                        .fin = below(r, 3) > 0,
                        .plain = below(r, 5) == 0,
                        .pieces = views,
                        .count = 2,
                        .len = text.len};
  arm(r);
  int err = conn_send_frame(&e->c, &f);
  disarm(r);
  assert_true(err == 0 || err == WS_ENOMEM);
  r->failed += err < 0;
  if (err == 0) bytes_add(&e->sending, text.base, text.len);
  if (err == 0 && f.fin) {
    frames_render(&e->wanted, OPCODE_BINARY, true, 0, e->sending.base, e->sending.len);
    e->sending.len = 0;
  }
}

static void take(end *e, const conn_event *ev) {
  bool piece = ev->type == CONN_EVENT_PIECE;
  if (!piece && ev->type != CONN_EVENT_MESSAGE) return;
  bytes_add(&e->coming, ev->data, ev->len);
  if (piece && !ev->fin) return;
  frames_render(&e->seen, ev->opcode, true, 0, e->coming.base, e->coming.len);
  e->coming.len = 0;
}

/* All that is queued, cut anywhere. */
static void carry(rig *r, end *from) {
  SCOPED_BYTES wire = {0};
  ws_view bufs[8];
  for (size_t n; (n = out_queue_peek(&from->c.work->out, bufs, 8)) > 0;) {
    size_t sum = 0;
    for (size_t i = 0; i < n; sum += bufs[i++].len) bytes_add(&wire, bufs[i].base, bufs[i].len);
    out_queue_written(&from->c.work->out, sum);
  }
  for (size_t at = 0, n; at < wire.len; at += n) {
    n = 1 + below(r, wire.len - at);
    uint8_t *copy = bytes_exact(wire.base + at, n);
    conn_event ev;
    int got;
    conn_recv(&from->peer->c, copy, n);
    while ((got = conn_next_event(&from->peer->c, &ev)) == 1) take(from->peer, &ev);
    assert_int_equal(got, 0);
    free(copy);
  }
}

static void step(rig *r) {
  end *e = &r->ends[below(r, CONNS)];
  bool open = !e->c.close_sent && !e->c.close_received;
  if (!open || below(r, 4) == 0) {
    carry(r, e);
  } else if (e->c.out_opcode == 0 && below(r, 4) == 0) {
    send_prepared(r, e);
  } else {
    send_some(r, e);
  }
}

TEST(test_conns_never_disagree_about_a_window) {
  uint64_t failed = 0, ended = 0;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    SCOPED(rig, r, seed);
    for (size_t i = 0; i < STEPS; i++) step(&r);
    for (size_t i = 0; i < CONNS; i++) carry(&r, &r.ends[i]);
    for (size_t i = 0; i < CONNS; i++) {
      end *e = &r.ends[i];
      if (!e->peer->c.failed)
        assert_string_equal(bytes_text(&e->peer->seen), bytes_text(&e->wanted));
      ended += e->c.failed;
    }
    failed += r.failed;
  }
  assert_true(failed > 100 && ended > 10);
}
