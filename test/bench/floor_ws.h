#ifndef FLOOR_WS_H
#define FLOOR_WS_H

/* A WebSocket client on bare libuv that frames by hand and checks nothing: of the floor for
   clients, and of the load for servers. Payload that comes is counted where it lies. */

#include "floor_frame.h"
#include "floor_link.h"

typedef struct floor_ws floor_ws;

struct floor_ws {
  floor_link link;
  const char *path;
  void *data; /* This belongs to the owner. */
  void (*on_open)(floor_ws *ws);
  /* The ends of this many messages have come, and so many bytes of payload. What it gathers is
     flushed when it returns. */
  void (*on_messages)(floor_ws *ws, long count, size_t bytes);
  bool open;
  uint64_t left; /* This many bytes of a frame's payload have not come yet. */
  uint8_t first; /* This is the first byte of that frame. */
  uint8_t part_len;
  uint8_t part[FLOOR_HEAD_MAX]; /* This is a head that comes in pieces, or the end of the answer. */
};

/* Connect; `data`, `path` and the callbacks are set. */
void floor_ws_connect(floor_ws *ws, uv_loop_t *loop, int port, const floor_tls_library *library);

/* Gather a frame, masked. */
void floor_ws_send(uint8_t first, const uint8_t *payload, size_t len);

#endif
