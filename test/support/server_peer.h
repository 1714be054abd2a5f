#ifndef TEST_SERVER_PEER_H
#define TEST_SERVER_PEER_H

/* A peer in either world that is the library's own core in the server's role, with extensions, on
   the C library's memory. It answers each message with the same, whole or in fragments, and the
   close frame; the latest connection is at hand. */

#include <stdbool.h>
#include <stddef.h>

#include "proto/frame/conn.h"
#include "proto/handshake/h1_server.h"
#include "support/frames.h"
#include "support/raw_peer.h"

typedef struct server_peer server_peer;

/* One connection. */
typedef struct server_end {
  server_peer *peer;
  struct server_end *next;
  raw_conn *raw;
  h1_server *handshake; /* NULL: done */
  conn_work work;       /* of `conn` */
  conn conn;
} server_end;

struct server_peer {
  raw_peer *raw;
  ws_env env;
  conn_shared shared;
  extension_list *extensions;
  server_end *latest;          /* and those before it */
  size_t fragment;             /* bytes of one; 0: messages go out whole */
  bool silent;                 /* messages are not answered */
  size_t messages, compressed; /* that came; whose first frame had RSV1 */
  bytes got;                   /* the latest message */
  int failed;                  /* the error of the latest connection, or 0 */
};

/* Accept these. */
void server_peer_start(server_peer *p, world *w, const wsuv_extension_t *const *extensions,
                       size_t count);
void server_peer_free(server_peer *p); /* the raw peer is the world's */

/* Send a message, in fragments if `fragment` is set. */
void server_peer_send(server_peer *p, frame_opcode type, const void *data, size_t len);

/* Send bytes as they are. */
void server_peer_send_bytes(server_peer *p, const void *data, size_t len);

#endif
