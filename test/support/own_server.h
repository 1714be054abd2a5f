#ifndef TEST_OWN_SERVER_H
#define TEST_OWN_SERVER_H

/* A program that accepts connections itself, and hands them over to a server of the library's. Over
   libuv only, since the streams are libuv's.

       own_server own;
       own_server_start(&own, s, OWN_TCP);
       own_conn *conn = own_server_accept(&own);
       raw_client_request(conn->client, NULL);
       own_conn_read(conn, 10);
       assert_int_equal(own_conn_adopt(conn), 0);
       ...
       own_server_finish(&own);

   It checks that `release` is called once for each connection that was handed over, from the loop,
   when the handle is closed and no session uses it; then it frees the handle. */

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include <wsuv/adopt.h>

#include "support/frames.h"
#include "support/parsed_head.h"
#include "support/server_user.h"

enum { OWN_CONNS_MAX = 8 };

typedef enum own_kind { OWN_TCP, OWN_UNIX, OWN_KINDS } own_kind;

typedef struct own_conn {
  struct own_server *own;
  raw_client *client;  /* at its other end; the world frees it */
  uv_stream_t *stream; /* memory of its own; NULL: it is freed */
  bytes received;
  size_t limit; /* of bytes to be received */
  bool handed_over;
  size_t releases, closes; /* `closes`: so many sessions were closed when it was released */
  size_t reads;            /* so often bytes came */
  parsed_head head;        /* what own_conn_parse has read */
  char room[4096];
} own_conn;

typedef struct own_server {
  server_user *s;
  own_kind kind;
  uv_stream_t *listener;
  own_conn conns[OWN_CONNS_MAX];
  size_t count, releases;
  bool closed;
  void (*at_release)(own_conn *c);
} own_server;

/* Listen, so that clients of `s` connect here. */
void own_server_start(own_server *own, server_user *s, own_kind kind);

/* A client connects, and its connection is accepted. */
own_conn *own_server_accept(own_server *own);

/* Read until there are so many bytes in all, and stop, or go on reading. */
void own_conn_read(own_conn *c, size_t total);
void own_conn_go_on(own_conn *c);

/* Read a request, byte by byte, until its head is there, and take it apart. What is read behind it
   is got by own_conn_read with more than c->head.len. */
void own_conn_parse(own_conn *c, wsuv_http_request_t *request);

/* Hand it over, with all that was received; a request that was parsed, with the rest. What the
   library returns. */
int own_conn_adopt(own_conn *c);
int own_conn_upgrade(own_conn *c, const wsuv_http_request_t *request);

/* The callback for a test that calls the library itself. */
void own_conn_release(uv_stream_t *stream, void *conn);

/* Whether nothing of it was changed: `data`, and whether it is being read and closed. */
void own_conn_assert_untouched(const own_conn *c, bool reading);

/* Run until so many were released. */
void own_server_run_to_releases(own_server *own, size_t releases);

/* Forget the connections, all of which were released. */
void own_server_forget(own_server *own);

/* Finish the server, and close everything. */
void own_server_finish(own_server *own);

#endif
