#include <netinet/in.h>
#include <string.h>

#include "sim/oracles.h"
#include "sim/run.h"
#include "support/answer.h"
#include "support/frames.h"
#include "support/raw_client.h"
#include "support/raw_zlib.h"
#include "support/tls_wire.h"
#include "support/world_client.h"
#include "support/world_server.h"
#include "support/world_tls.h"
#include "testkit/check.h"
#include "testkit/sim.h"

/* A peer that is not ours sends a handshake and frames, of which some are wrong, and then its end.
   The same bytes are played several times, in other cuts and over other networks: what comes of
   them may not depend on that. The program does nothing meanwhile, or it would.

   Over TLS each piece is a record of its own. There the peer may also end without close_notify,
   send a record that is forged, or be one that knows nothing of TLS. */

enum {
  NS_PER_MS = 1000 * 1000,
  FRAMES = 12,
  SHORT = 40,
  LONG = 700,
  END_AFTER_MS = 200,
  ONE_BY_ONE_MAX = 2000, /* Longer streams are not played byte by byte, which takes long. */
  PATIENCE_MS = 200 * 1000,
  MESSAGE_MAX = 600
};

typedef enum cuts { CUTS_NONE, CUTS_RANDOM, CUTS_BYTES, CUTS_KINDS } cuts;
static const char *const cut_names[] = {"whole", "in random cuts", "byte by byte"};

/* What the peer does to TLS. */
typedef enum tls_wrong { TLS_RIGHT, TLS_CUT, TLS_FORGED, TLS_NONE, TLS_WRONGS } tls_wrong;

typedef struct hostile {
  run *r;
  bool to_client;   /* It is a server, and our client connects to it. */
  const char *head; /* Of the handshake; "{accept}" is replaced. */
  bytes frames;     /* What follows. */
  tls_wrong wrong;  /* With run.plan.secure. */
  /* The rest is of the play that runs. */
  cuts how;
  bool acts; /* The program does something, too, so there is no verdict to compare. */
  bytes out; /* What is to be sent, and how far it was sent. */
  size_t at;
  uint64_t end_ms; /* All was sent, and the end comes at this time. */
  bool began, ended, over;
  raw_conn *conn; /* of a client of ours */
  wire *wire;     /* to a server of ours */
  wire *lower;    /* The same below TLS, which owns it; or NULL. */
  verdict v;
} hostile;

static hostile *the_play;

static side *the_side(const hostile *h) {
  return &h->r->talks[0].end[0];
}

static bool one_in(const hostile *h, size_t n) {
  return run_below(h->r, n) == 0;
}

/* --- what it sends --- */

static const char *const responses[] = {
    ANSWER_SWITCH ANSWER_UPGRADE "\r\n",
    ANSWER_SWITCH ANSWER_UPGRADE "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    ANSWER_SWITCH "Connection: Upgrade\r\n" ANSWER_ACCEPT "\r\n",
    ANSWER_HEAD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    ANSWER_HEAD "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n\r\n",
    ANSWER_HEAD "Sec-WebSocket-Protocol: nobody-asked\r\n\r\n",
    ANSWER_HEAD "X: a\r\n b\r\n\r\n",
    ANSWER_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" ANSWER_101,
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!!",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 503 Busy\r\n\r\nuntil the end",
    "HTTP/1.0 101 Switching Protocols\r\n" ANSWER_UPGRADE ANSWER_ACCEPT "\r\n",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/1.1 101\r\n" ANSWER_UPGRADE ANSWER_ACCEPT "\r\n",
    "",
};

#define REQUEST_HOST "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
#define REQUEST_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define REQUEST_UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define REQUEST_VERSION "Sec-WebSocket-Version: 13\r\n"
#define REQUEST_GOOD REQUEST_HOST REQUEST_UPGRADE REQUEST_KEY REQUEST_VERSION

#define OFFER "Sec-WebSocket-Extensions: permessage-deflate\r\n"

static const char *const requests[] = {
    REQUEST_HOST REQUEST_UPGRADE REQUEST_KEY "\r\n",
    REQUEST_HOST REQUEST_UPGRADE REQUEST_VERSION "\r\n",
    REQUEST_GOOD REQUEST_KEY "\r\n",
    REQUEST_GOOD "Host: other\r\n\r\n",
    REQUEST_GOOD "Content-Length: 3\r\n\r\nabc",
    REQUEST_GOOD "Transfer-Encoding: chunked\r\n\r\n",
    REQUEST_GOOD "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
    REQUEST_GOOD "Sec-WebSocket-Extensions: permessage-deflate; x=;\r\n\r\n",
    REQUEST_GOOD "Origin: http://elsewhere.example\r\n\r\n",
    REQUEST_GOOD " folded: yes\r\n\r\n",
    REQUEST_GOOD "X: a\nY: b\r\n\r\n",
    "GET /nowhere/at/all HTTP/1.1\r\nHost: 127.0.0.1\r\n" REQUEST_UPGRADE REQUEST_KEY
        REQUEST_VERSION "\r\n",
    "POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\n" REQUEST_UPGRADE REQUEST_KEY REQUEST_VERSION "\r\n",
    "GET /x HTTP/1.0\r\nHost: 127.0.0.1\r\n" REQUEST_UPGRADE REQUEST_KEY REQUEST_VERSION "\r\n",
    "GET  /x#y HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "",
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *draw_head(const hostile *h) {
  const bool wrong = one_in(h, 3);
  if (h->to_client && h->r->plan.deflate && !wrong) return ANSWER_HEAD OFFER "\r\n";
  if (h->to_client) return wrong ? responses[run_below(h->r, COUNT(responses))] : ANSWER_101;
  if (h->r->plan.deflate && !wrong) return REQUEST_GOOD OFFER "\r\n";
  return wrong ? requests[run_below(h->r, COUNT(requests))] : REQUEST_GOOD "\r\n";
}

static void add_frame(hostile *h, frame_spec spec, const void *payload, size_t len) {
  spec.masked = spec.masked != !h->to_client; /* `masked` in the call: as it should not be */
  for (size_t i = 0; i < 4; i++) spec.key[i] = (uint8_t) run_below(h->r, 256);
  frames_build(&h->frames, &spec, payload, len);
}

static void add_message(hostile *h) {
  run *r = h->r;
  const content c =
      content_of(r->seed, (uint32_t) run_below(r, 1000), one_in(h, 20) ? LONG : SHORT);
  const uint8_t opcode = c.text ? 1 : 2;
  const size_t cut = one_in(h, 2) ? run_below(r, c.len + 1) : 0;
  if (cut > 0) {
    add_frame(h, (frame_spec){.opcode = opcode}, c.data, cut);
    if (one_in(h, 3)) add_frame(h, (frame_spec){.opcode = 9, .fin = true}, c.data, SHORT);
  }
  add_frame(h, (frame_spec){.opcode = cut > 0 ? 0 : opcode, .fin = true}, c.data + cut,
            c.len - cut);
}

/* Compressed, each message by itself (RFC 7692 7.2.1); only some peers have agreed upon that. */
static void add_compressed(hostile *h) {
  z_stream z = {0};
  bytes out = {0};
  const content c = content_of(h->r->seed, (uint32_t) run_below(h->r, 1000), LONG);
  CHECK(deflateInit2(&z, 1, Z_DEFLATED, -9, 1, Z_DEFAULT_STRATEGY) == Z_OK);
  raw_deflate(&z, c.data, c.len, 0, 0, &out);
  if (one_in(h, 4) && out.len > 0) out.base[run_below(h->r, out.len)] ^= 1;
  add_frame(h, (frame_spec){.opcode = c.text ? 1 : 2, .fin = true, .rsv = 4}, out.base, out.len);
  bytes_free(&out);
  deflateEnd(&z);
}

static void add_close(hostile *h) {
  static const uint8_t payloads[][6] = {{0x03, 0xe8}, {0x03, 0xe9, 'b', 'y', 'e'},
                                        {0x0f, 0xa1}, {0x03},
                                        {0x03, 0xed}, {0x03, 0xe8, 0xff}};
  static const size_t lengths[] = {2, 5, 2, 1, 2, 3};
  const size_t which = run_below(h->r, COUNT(lengths) + 1);
  if (which == COUNT(lengths)) {
    add_frame(h, (frame_spec){.opcode = 8, .fin = true}, NULL, 0);
  } else {
    add_frame(h, (frame_spec){.opcode = 8, .fin = true}, payloads[which], lengths[which]);
  }
}

/* Two bytes of header, the rest by chance: rsv bits, opcodes, forms of the length, masks. */
static void add_wrong(hostile *h) {
  run *r = h->r;
  static const uint8_t bad_text[] = "abc\xed\xa0\x80 \xff";
  uint8_t noise[16];
  frame_spec spec = {.opcode = 1, .fin = true};
  for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t) run_below(r, 256);
  switch (run_below(r, 8)) {
  case 0: spec.rsv = (uint8_t) (1 + run_below(r, 7)); break;
  case 1: spec.opcode = (uint8_t) (3 + run_below(r, 5)); break;
  case 2: spec.masked = true; break;
  case 3: spec.form = LENGTH_16; break;
  case 4: spec.form = LENGTH_64; break;
  case 5: spec = (frame_spec){.opcode = 9, .fin = one_in(h, 2)}; break;
  case 6: add_frame(h, spec, bad_text, run_below(r, sizeof bad_text)); return;
  default: bytes_add(&h->frames, noise, sizeof noise); return;
  }
  add_frame(h, spec, "wrong in the header", spec.opcode == 9 ? 19 : run_below(r, 19));
}

static void draw(hostile *h) {
  run *r = h->r;
  const size_t wrong_percent = run_below(r, 3) * 8;
  h->to_client = one_in(h, 2);
  h->wrong = r->plan.secure && !one_in(h, 2) ? (tls_wrong) run_below(r, TLS_WRONGS) : TLS_RIGHT;
  /* Of a peer of our client, the test has only the upper end. */
  if (h->to_client && h->wrong > TLS_CUT) h->wrong = TLS_CUT;
  h->head = draw_head(h);
  for (size_t n = run_below(r, FRAMES); n > 0; n--) {
    if (run_chance(r, wrong_percent)) {
      add_wrong(h);
    } else if (h->r->plan.deflate && one_in(h, 3)) {
      add_compressed(h);
    } else if (one_in(h, 10)) {
      add_close(h);
    } else if (one_in(h, 6)) {
      add_frame(h, (frame_spec){.opcode = one_in(h, 2) ? 9 : 10, .fin = true}, "ping", 4);
    } else {
      add_message(h);
    }
  }
  if (h->frames.len > 0 && one_in(h, 5)) h->frames.len -= run_below(r, h->frames.len);
}

/* --- what the program does, unless the verdicts are compared --- */

static void act(wsuv_session_t *s) {
  hostile *h = the_play;
  static const char text[] = "something to say";
  if (!h->acts || !one_in(h, 3)) return;
  int err = 0;
  switch (run_below(h->r, 6)) {
  case 0: err = wsuv_send_ping(s, text, run_below(h->r, sizeof text)); break;
  case 1: err = wsuv_send_begin(s, WSUV_FRAME_TEXT); break;
  case 2: err = wsuv_send_piece(s, text, run_below(h->r, sizeof text), NULL, NULL); break;
  case 3: err = wsuv_session_close(s, 1000, text); break;
  case 4:
    if (one_in(h, 4)) wsuv_session_terminate(s);
    break;
  default: err = wsuv_send_text(s, text, sizeof text - 1); break;
  }
  if (err != UV_EINVAL) oracle_result(the_side(h), "a call", err); /* pieces, in some order */
}

/* --- what comes of it --- */

static void mix(hostile *h, const void *data, size_t len) {
  const uint8_t *p = data;
  h->v.digest = (h->v.digest ^ len) * UINT64_C(0x100000001b3);
  for (size_t i = 0; i < len; i++) h->v.digest = (h->v.digest ^ p[i]) * UINT64_C(0x100000001b3);
}

static void on_open(wsuv_session_t *s) {
  oracle_called(the_side(the_play));
  the_side(the_play)->opens++;
  the_play->v.opened = true;
  the_play->r->connections++;
  act(s);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  oracle_called(the_side(the_play));
  oracle_turn(the_side(the_play), m->len);
  the_play->v.messages++;
  the_play->r->messages++;
  mix(the_play, &m->type, sizeof m->type);
  mix(the_play, m->data, m->len);
  act(s);
}

static void on_control(wsuv_session_t *s, const void *data, size_t len) {
  oracle_called(the_side(the_play));
  the_play->v.controls++;
  mix(the_play, data, len);
  act(s);
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  verdict *v = &the_play->v;
  (void) s;
  if (plant_now(the_play->r, PLANT_CLOSE_LOST)) return;
  if (plant_now(the_play->r, PLANT_CLOSE_TWICE)) oracle_closed(the_side(the_play));
  oracle_closed(the_side(the_play));
  if (plant_now(the_play->r, PLANT_CALL_AFTER_CLOSE)) oracle_called(the_side(the_play));
  v->status = info->status;
  v->stage = (int) info->stage;
  v->http_status = info->http_status;
  v->clean = info->clean;
  v->by_peer = info->by_peer;
  v->code = info->code;
  v->sent_code = info->sent_code;
  the_play->over = true;
}

static void on_refused(wsuv_server_t *server, const wsuv_refusal_t *refusal) {
  (void) server;
  the_play->v.status = refusal->code;
  the_play->v.stage = (int) refusal->stage;
  the_play->v.http_status = refusal->status;
  the_play->over = true;
}

static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT,      .on_open = on_open,
                                           .on_message = on_message, .on_ping = on_control,
                                           .on_pong = on_control,    .on_close = on_close};

/* --- playing it --- */

/* A record of application data whose authentication fails (RFC 8446 5.2). */
static void send_forged(const hostile *h) {
  static const uint8_t record[5 + 32] = {0x17, 0x03, 0x03, 0, 32, 'f', 'o', 'r', 'g', 'e', 'd'};
  h->lower->ops->write(h->lower, record, sizeof record);
}

/* An end that comes with the last bytes may be faster than our response to the handshake. */
static void send_end(hostile *h) {
  if (world_now_ms(h->r->w) < h->end_ms) return;
  h->ended = true;
  if (h->acts && h->to_client && one_in(h, 3)) {
    raw_conn_reset(h->conn);
    return;
  }
  if (h->wrong == TLS_CUT) {
    tls_wire_cut(h->to_client ? h->conn->wire : h->wire);
    return;
  }
  if (h->wrong == TLS_FORGED) send_forged(h);
  if (h->to_client) raw_conn_end(h->conn);
  if (!h->to_client) h->wire->ops->end(h->wire);
}

static void send_piece(hostile *h) {
  size_t n = h->out.len - h->at;
  if (!h->began || h->ended) return;
  if (h->end_ms > 0) {
    send_end(h);
    return;
  }
  if (h->how == CUTS_BYTES && n > 1) n = 1;
  if (h->how == CUTS_RANDOM && n > 1) n = 1 + run_below(h->r, n < 200 ? n : 200);
  if (h->to_client) raw_conn_write(h->conn, h->out.base + h->at, n);
  if (!h->to_client) h->wire->ops->write(h->wire, h->out.base + h->at, n);
  h->at += n;
  if (h->at == h->out.len) h->end_ms = world_now_ms(h->r->w) + END_AFTER_MS;
}

static void on_request(raw_conn *c) {
  hostile *h = the_play;
  if (h->began || !raw_conn_take_request(c)) return;
  answer_text(&h->out, c, h->head);
  bytes_add(&h->out, h->frames.base, h->frames.len);
  h->conn = c;
  h->began = true;
}

static void ignore_data(void *up, const uint8_t *data, size_t len) {
  (void) up;
  (void) data;
  (void) len;
}

static void ignore_end(void *up, int status) {
  (void) up;
  (void) status;
}

static const wire_events ignored = {ignore_data, ignore_end};

static void begin_client(hostile *h, const wsuv_config_t *config) {
  const raw_peer_callbacks peer_callbacks = {.on_bytes = on_request};
  raw_peer *p = raw_peer_new(h->r->w);
  raw_peer_set_callbacks(p, &peer_callbacks);
  CHECK(world_client(h->r->w, &h->r->client, config) == 0);
  CHECK(wsuv_connect_url(h->r->client, raw_peer_url(p, "/"), &callbacks, NULL, NULL) == 0);
}

static void begin_server(hostile *h, const wsuv_config_t *config) {
  struct sockaddr_storage addr;
  wsuv_listener_t *listener;
  CHECK(world_server(h->r->w, &h->r->server, config) == 0);
  CHECK(wsuv_server_route(h->r->server, "/x", &callbacks, NULL) == 0);
  wsuv_server_on_refused(h->r->server, on_refused);
  CHECK(wsuv_server_listen(h->r->server, "127.0.0.1", 0, &listener) == 0);
  CHECK(wsuv_listener_address(listener, &addr) == 0);
  h->wire = world_connect(h->r->w, (const struct sockaddr *) &addr);
  if (h->r->plan.secure && h->wrong != TLS_NONE) {
    h->lower = h->wire;
    h->wire = tls_wire_new(h->r->w, h->lower, world_client_context(h->r->w), "127.0.0.1");
  }
  h->wire->events = &ignored;
  h->wire->ops->read(h->wire, true);
  bytes_add(&h->out, h->head, strlen(h->head));
  bytes_add(&h->out, h->frames.base, h->frames.len);
  h->began = true;
}

static void begin(hostile *h) {
  wsuv_config_t config = h->to_client ? h->r->plan.client : h->r->plan.server;
  wsuv_extension_t deflate;
  const wsuv_extension_t *list[] = {&deflate};
  config.max_message_size = MESSAGE_MAX;
  if (h->r->plan.deflate) {
    CHECK(wsuv_permessage_deflate(&deflate, NULL) == 0);
    config.extensions = list;
    config.extension_count = 1;
  }
  if (h->to_client) begin_client(h, &config);
  if (!h->to_client) begin_server(h, &config);
}

static void end(hostile *h) {
  run *r = h->r;
  if (r->client != NULL) world_client_close(r->w, r->client);
  if (r->server != NULL) world_server_close(r->w, r->server);
  if (h->wire != NULL) h->wire->ops->close(h->wire);
  if (h->conn != NULL) raw_conn_close(h->conn);
  r->client = NULL;
  r->server = NULL;
  bytes_free(&h->out);
}

/* One play in a world of its own. What came of it is in h->v. */
static void play(hostile *h, cuts how, bool acts) {
  run *r = h->r;
  *h = (hostile){.r = r,
                 .to_client = h->to_client,
                 .head = h->head,
                 .frames = h->frames,
                 .wrong = h->wrong,
                 .how = how,
                 .acts = acts};
  r->w = world_new(WORLD_SIM, r->seed, &r->alloc);
  if (how == CUTS_NONE) sim_set_profile(world_sim(r->w), NULL);
  if (r->plan.secure) world_secure(r->w);
  r->talks[0] = (talk){.of = r};
  r->talks[0].end[0] = (side){.of = &r->talks[0], .is_server = !h->to_client, .made = 1};
  r->begun = r->clients = 1;
  begin(h);
  const uint64_t limit = sim_now_ns(world_sim(r->w)) + (uint64_t) PATIENCE_MS * NS_PER_MS;
  while (!h->over && r->failed == NULL) {
    send_piece(h);
    r->turn++;
    const uint64_t soon = sim_now_ns(world_sim(r->w)) + NS_PER_MS / 10;
    const bool more = sim_turn(world_sim(r->w), h->ended ? limit : soon);
    if (r->plant != PLANT_NONE) planted_turn(r);
    oracle_memory(r);
    oracle_progress(r, more || !h->ended, "the session with a peer that is not ours does not end");
  }
  r->clients = 0;
  end(h);
  oracle_leak(r);
  r->alloc.handle.free(r->leak, r->alloc.handle.arg);
  r->leak = NULL;
  world_end(r->w);
  r->w = NULL;
}

void hostile_play(run *r) {
  hostile h = {.r = r};
  the_play = &h;
  r->plan.client.max_message_size = r->plan.server.max_message_size = MESSAGE_MAX;
  draw(&h);
  if (one_in(&h, 3)) {
    r->injured = true; /* so calls may come too late */
    play(&h, (cuts) run_below(r, CUTS_KINDS), true);
    bytes_free(&h.frames);
    return;
  }
  play(&h, CUTS_NONE, false);
  const verdict whole = h.v;
  for (cuts how = CUTS_RANDOM; how < CUTS_KINDS && r->failed == NULL; how++) {
    if (how == CUTS_BYTES && strlen(h.head) + h.frames.len > ONE_BY_ONE_MAX) continue;
    play(&h, how, false);
    if (plant_now(r, PLANT_VERDICT)) h.v.status--;
    oracle_verdict(r, &whole, &h.v, cut_names[how]);
    run_note(r, h.v.digest ^ (uint64_t) h.v.status);
  }
  bytes_free(&h.frames);
}
