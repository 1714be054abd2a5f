#ifndef TEST_RAW_PEER_H
#define TEST_RAW_PEER_H

/* A server that does what it is told, over either world: byte by byte, right or wrong. By a script
   for each connection, or by callbacks.

       raw_peer *p = raw_peer_new(w);
       raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE,
                     PEER_EXPECT_FRAME(1, "hello"), PEER_SEND_CLOSE(1000),
                     PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
       wsuv_connect_url(client, raw_peer_url(p, "/"), ...);
       world_run_until(w, raw_peer_done, p);

   The first connection plays the first script, and so on; the last one is played again and again.
   The world frees its peers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/frames.h"
#include "support/world.h"
#include "testkit/fifo.h"

typedef struct raw_peer raw_peer;
typedef struct raw_conn raw_conn;

/* --- a connection --- */

struct raw_conn {
  raw_peer *peer;
  size_t number; /* from 0, in the order of accepting */
  fifo in;       /* what has come and was not consumed */
  uint64_t received;
  char *request; /* head of the request, terminated, once it was expected; or NULL */
  bool ended;    /* the client's end has come: end_status 0, or the error */
  int end_status;
  bool closed; /* by us */
  void *data;  /* the test's */
  /* The rest is the peer's own. */
  wire *wire;
  ws_list node;
  const struct peer_script *script;
  size_t step;
  bool waiting, playing, stopped;
  world_timer *timer;
  size_t sent; /* of the bytes of a step */
};

void raw_conn_write(raw_conn *c, const void *data, size_t len);
void raw_conn_write_text(raw_conn *c, const char *text);
void raw_conn_write_frame(raw_conn *c, uint8_t opcode, const void *payload, size_t len);
void raw_conn_end(raw_conn *c);   /* FIN */
void raw_conn_close(raw_conn *c); /* idempotent, also after a reset */
void raw_conn_reset(raw_conn *c); /* RST */
void raw_conn_read(raw_conn *c, bool on);

/* Length of the request's head in c->in, the empty line included; 0: not yet whole. */
size_t raw_conn_request_len(const raw_conn *c);

/* Take the request's head out of c->in into c->request. false: not yet whole. */
bool raw_conn_take_request(raw_conn *c);

/* Value of a header of the request that was taken, any case; copied to `value`; false: none. */
bool raw_conn_header(const raw_conn *c, const char *name, char *value, size_t size);

/* Answer the request that was taken with 101, and these header lines besides ("A: b\r\n"). */
void raw_conn_upgrade(raw_conn *c, const char *extra);

/* Take a frame out of c->in; its payload is valid until something else comes. false: not yet. */
bool raw_conn_take_frame(raw_conn *c, seen_frame *frame);

/* --- a peer --- */

/* Without them, and without a script, a connection reads, keeps it, and closes when the client
   ends. */
typedef struct raw_peer_callbacks {
  void (*on_connection)(raw_conn *c);
  void (*on_bytes)(raw_conn *c); /* c->in has grown */
  void (*on_end)(raw_conn *c);   /* c->end_status; without it: raw_conn_close */
} raw_peer_callbacks;

struct raw_peer {
  world *w;
  ws_list node;
  ws_list conns;
  uint16_t port;
  size_t accepted, ended, finished; /* connections; ended: by the client; finished: the script */
  bool lenient; /* a client that ends early, or sends something else, only ends the script */
  void *data;   /* the test's */
  /* Of a server: connections are secured with it; NULL: not. At first that of the world. */
  struct tls_context *tls;
  /* The rest is the peer's own. */
  wire_listener *listener;
  raw_peer_callbacks callbacks;
  struct peer_script **scripts;
  size_t script_count;
  char url[256];
};

raw_peer *raw_peer_new(world *w); /* on 127.0.0.1, port of its own */
raw_peer *raw_peer_new_at(world *w, const char *addr, uint16_t port);
void raw_peer_set_callbacks(raw_peer *p, const raw_peer_callbacks *callbacks);

/* ws://127.0.0.1:PORT and the path, or wss:// with TLS; valid until the next call. */
const char *raw_peer_url(raw_peer *p, const char *path);
const char *raw_peer_url_of(raw_peer *p, const char *host, const char *path);

raw_conn *raw_peer_conn(const raw_peer *p, size_t number); /* must have been accepted */
void raw_peer_refuse(raw_peer *p); /* stop listening: connections are refused */

/* Every script was played to its end, by one connection each at least. For world_run_until. */
bool raw_peer_done(void *peer);

void raw_peers_end(world *w); /* for world_end */

/* --- scripts --- */

typedef enum step_kind {
  STEP_NONE,
  STEP_EXPECT_REQUEST,
  STEP_EXPECT_BYTES,
  STEP_EXPECT_FRAME,
  STEP_EXPECT_END,
  STEP_EXPECT_GONE,
  STEP_UPGRADE,
  STEP_SEND,
  STEP_SEND_FRAME,
  STEP_END,
  STEP_RESET,
  STEP_CLOSE,
  STEP_STALL,
  STEP_RESUME,
  STEP_DELAY,
  STEP_CALL,
  STEP_ECHO
} step_kind;

typedef struct peer_step {
  step_kind kind;
  const void *data; /* not copied */
  size_t len;
  size_t piece; /* of a send: bytes before a pause; 0: all at once */
  uint64_t ms;  /* the pause; 0: one turn of the loop */
  uint8_t opcode;
  bool any;        /* whatever payload */
  uint8_t code[2]; /* of a close frame; 0: none */
  void (*call)(raw_conn *c);
} peer_step;

#define PEER_LITERAL_(s) .data = (s), .len = sizeof(s) - 1
#define PEER_CODE_(n) .code = {(uint8_t) ((n) >> 8), (uint8_t) (n)}

/* Wait for the whole head of a request, for exactly these bytes, for a frame. */
#define PEER_EXPECT_REQUEST \
  { .kind = STEP_EXPECT_REQUEST }
#define PEER_EXPECT_BYTES(p, n) \
  { .kind = STEP_EXPECT_BYTES, .data = (p), .len = (n) }
#define PEER_EXPECT(literal) \
  { .kind = STEP_EXPECT_BYTES, PEER_LITERAL_(literal) }
#define PEER_EXPECT_FRAME(op, literal) \
  { .kind = STEP_EXPECT_FRAME, .opcode = (op), PEER_LITERAL_(literal) }
#define PEER_EXPECT_FRAME_BYTES(op, p, n) \
  { .kind = STEP_EXPECT_FRAME, .opcode = (op), .data = (p), .len = (n) }
#define PEER_EXPECT_OPCODE(op) \
  { .kind = STEP_EXPECT_FRAME, .opcode = (op), .any = true }
/* A close frame with this code, whatever reason. */
#define PEER_EXPECT_CLOSE(n) \
  { .kind = STEP_EXPECT_FRAME, .opcode = 8, .any = true, PEER_CODE_(n) }
#define PEER_EXPECT_END \
  { .kind = STEP_EXPECT_END } /* the client's FIN */
#define PEER_EXPECT_GONE \
  { .kind = STEP_EXPECT_GONE } /* its FIN or its reset */

#define PEER_SEND_UPGRADE \
  { .kind = STEP_UPGRADE, .data = "" }
#define PEER_SEND_UPGRADE_WITH(lines) \
  { .kind = STEP_UPGRADE, .data = (lines) }
#define PEER_SEND(literal) \
  { .kind = STEP_SEND, PEER_LITERAL_(literal) }
#define PEER_SEND_BYTES(p, n) \
  { .kind = STEP_SEND, .data = (p), .len = (n) }
#define PEER_SEND_PIECES(p, n, size) \
  { .kind = STEP_SEND, .data = (p), .len = (n), .piece = (size) }
#define PEER_DRIBBLE(p, n, size, every_ms) \
  { .kind = STEP_SEND, .data = (p), .len = (n), .piece = (size), .ms = (every_ms) }
#define PEER_SEND_FRAME(op, literal) \
  { .kind = STEP_SEND_FRAME, .opcode = (op), PEER_LITERAL_(literal) }
#define PEER_SEND_FRAME_BYTES(op, p, n) \
  { .kind = STEP_SEND_FRAME, .opcode = (op), .data = (p), .len = (n) }
#define PEER_SEND_CLOSE(n) \
  { .kind = STEP_SEND_FRAME, .opcode = 8, .any = true, PEER_CODE_(n) }

#define PEER_END \
  { .kind = STEP_END } /* FIN */
#define PEER_RESET \
  { .kind = STEP_RESET } /* RST; ends the script */
#define PEER_CLOSE \
  { .kind = STEP_CLOSE } /* close(2); ends the script */
#define PEER_STALL \
  { .kind = STEP_STALL } /* stop reading; steps that expect would wait for ever */
#define PEER_RESUME \
  { .kind = STEP_RESUME }
#define PEER_TURN \
  { .kind = STEP_DELAY }
#define PEER_DELAY(n) \
  { .kind = STEP_DELAY, .ms = (n) }
#define PEER_CALL(fn) \
  { .kind = STEP_CALL, .call = (fn) }
/* From here on: echo messages, answer pings and the close frame, then FIN; until the client's
   end. */
#define PEER_ECHO \
  { .kind = STEP_ECHO }

/* The steps are copied, what they point to is not. */
#define raw_peer_play(p, ...) \
  raw_peer_play_steps((p), (const peer_step[]){__VA_ARGS__, {.kind = STEP_NONE}})
void raw_peer_play_steps(raw_peer *p, const peer_step *steps);

/* A whole session: upgrade, say "hello", close with 1000, and wait for the answer and the end. */
void raw_peer_greet_and_close(raw_peer *p);

/* peer_script.c, for raw_peer.c */
struct peer_script *peer_script_new(const peer_step *steps);
void peer_script_go_on(raw_conn *c); /* something has changed */

#endif
