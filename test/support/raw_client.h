#ifndef TEST_RAW_CLIENT_H
#define TEST_RAW_CLIENT_H

/* A client that does what it is told, over either world: byte by byte, right or wrong. What it
   receives is kept. It shares nothing with the library but, in a secure world, TLS. The world frees
   its clients.

       raw_client *c = raw_client_new(w, &address);
       raw_client_upgrade(c, &(upgrade_lines){.target = "/echo"});
       raw_client_send_frames(c, "TEXT \"hello\"");
       raw_client_run_to_frames(c, 1);
       assert_true(raw_client_saw(c, "TEXT \"hello\"")); */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "support/frames.h"
#include "support/world.h"
#include "testkit/fifo.h"

typedef struct raw_client raw_client;

struct raw_client {
  world *w;
  fifo in;           /* what has come and was not taken */
  uint64_t received; /* bytes in all */
  char *head;        /* of the response that was taken, terminated, or NULL */
  int status;        /* of it */
  size_t interim;    /* responses before it */
  bytes body;        /* of it, if it was taken whole */
  size_t frames;     /* those that came behind it */
  bytes saw;         /* a line for each of them */
  bool forgets;      /* frames are counted and not written down */
  bool ended;        /* the server's end has come; end_status: 0, or the error */
  int end_status;
  uint64_t ended_ms; /* when */
  bool closed;       /* by us */
  void (*on_frame)(raw_client *c, const seen_frame *f);
  void *data; /* the test's */
  /* The rest is the client's own. */
  ws_list node;
  wire *wire;
  world_timer *timer;
  bytes slow; /* what is sent in pieces */
  size_t slow_at, piece;
  uint64_t every_ms;
};

/* Begin to connect, with TLS if the world is secure; or without. */
raw_client *raw_client_new(world *w, const struct sockaddr_storage *addr);
raw_client *raw_client_new_plain(world *w, const struct sockaddr_storage *addr);
/* The same as raw_client_new, behind bytes that come before TLS. */
raw_client *raw_client_new_after(world *w, const struct sockaddr_storage *addr, const void *first,
                                 size_t len);

/* Send; what comes before the connection is made waits for it. */
void raw_client_send(raw_client *c, const void *data, size_t len);
void raw_client_send_text(raw_client *c, const char *text);
void raw_client_send_frames(raw_client *c, const char *script); /* frames_script's, masked */

/* Send a copy in pieces, each so long after the one before; 0 ms: a turn of the loop. A new call
   takes the place of what is left of the last one. */
void raw_client_send_pieces(raw_client *c, const void *data, size_t len, size_t piece,
                            uint64_t every_ms);

void raw_client_read(raw_client *c, bool on); /* it reads at first */
void raw_client_end(raw_client *c);           /* FIN */
void raw_client_reset(raw_client *c);         /* RST */
void raw_client_close(raw_client *c);         /* close(2) */

/* --- the opening handshake --- */

/* A request for an upgrade (RFC 6455 4.1), right where nothing else is said. NULL: the right line;
   "": no such line. */
typedef struct upgrade_lines {
  const char *line;       /* "GET / HTTP/1.1"; then `target` is not used */
  const char *target;     /* "/" */
  const char *host;       /* "Host: 127.0.0.1" */
  const char *upgrade;    /* "Upgrade: websocket" */
  const char *connection; /* "Connection: Upgrade" */
  const char *key;        /* "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==" */
  const char *version;    /* "Sec-WebSocket-Version: 13" */
  const char *more;       /* lines behind them, each with its "\r\n" */
} upgrade_lines;

/* Append the request. NULL: all as it should be. */
void upgrade_request(bytes *out, const upgrade_lines *lines);
void raw_client_request(raw_client *c, const upgrade_lines *lines); /* and send it */

/* Run until the head of a response is there, and take it. */
void raw_client_run_to_head(raw_client *c);
void raw_client_run_to_status(raw_client *c, int status); /* which is its status */
/* Send the request, run to the response, which is 101 and has the right accept. */
void raw_client_upgrade(raw_client *c, const upgrade_lines *lines);

/* Whether the response that was taken has just this value in a field, any case; NULL: it has no
   such field. On false it has said on stderr what there is. */
bool raw_client_has_field(const raw_client *c, const char *name, const char *value);

/* --- several responses on one connection --- */

/* Run until the body of the response is there, too, by its Content-Length, and take it; to HEAD
   there is none. */
void raw_client_run_to_response(raw_client *c, bool to_head);

/* Forget the response, and look for the head of the next one. */
void raw_client_next(raw_client *c);

/* Whether the body of the response that was taken is this text. On false it has said which it is.
 */
bool raw_client_has_body(const raw_client *c, const char *text);

/* --- behind it --- */

void raw_client_run_to_frames(raw_client *c, size_t count); /* in all */
void raw_client_run_to_answer(raw_client *c);               /* to the first byte, or the end */
void raw_client_run_to_end(raw_client *c);

/* Whether just these frames came, not masked and in their shortest form. On false it has said on
   stderr which did. */
bool raw_client_saw(const raw_client *c, const char *script);

void raw_client_free(raw_client *c);
void raw_clients_end(world *w); /* for world_end */

#endif
