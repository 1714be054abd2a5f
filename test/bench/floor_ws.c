#include "floor_ws.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the opening handshake --- */

static void on_ready(floor_link *l) {
  const floor_ws *ws = (const floor_ws *) l;
  char request[512];
  const int n = snprintf(request, sizeof request,
                         "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n\r\n",
                         ws->path);
  floor_link_write(l, (const uint8_t *) request, (size_t) n);
}

/* Bytes of the answer: returns how many. `part` has the last four. */
static size_t read_answer(floor_ws *ws, const uint8_t *p, size_t n) {
  if (ws->part_len == 0 && n > 12 && memcmp(p + 9, "101", 3) != 0) {
    fprintf(stderr, "%s: the answer is %.12s\n", ws->path, (const char *) p);
    exit(1);
  }
  for (size_t i = 0; i < n && !ws->open; i++) {
    memmove(ws->part, ws->part + 1, 3);
    ws->part[3] = p[i];
    ws->part_len = 4;
    ws->open = memcmp(ws->part, "\r\n\r\n", 4) == 0;
    if (ws->open) n = i + 1;
  }
  return n;
}

/* --- frames --- */

static bool ends_message(uint8_t first) {
  return (first & FLOOR_FIN) != 0 && (first & 0x08) == 0;
}

/* Begin a frame. Returns the bytes that its head takes; 0: it is not complete, and kept. */
static size_t begin_frame(floor_ws *ws, const uint8_t *p, size_t n) {
  floor_head h;
  const size_t have = ws->part_len;
  size_t size;
  if (have == 0) {
    size = floor_head_read(&h, p, n);
  } else {
    const size_t more = n < FLOOR_HEAD_MAX - have ? n : FLOOR_HEAD_MAX - have;
    memcpy(ws->part + have, p, more);
    size = floor_head_read(&h, ws->part, have + more);
  }
  if (size == 0) {
    memcpy(ws->part + have, p, n);
    ws->part_len = (uint8_t) (have + n);
    return 0;
  }
  ws->part_len = 0;
  ws->left = h.length;
  ws->first = h.first;
  return size - have;
}

static void read_frames(floor_ws *ws, const uint8_t *p, size_t n) {
  const uint8_t *const end = p + n;
  long count = 0;
  size_t bytes = 0;
  while (p < end) {
    if (ws->left == 0) {
      const size_t size = begin_frame(ws, p, (size_t) (end - p));
      if (size == 0) break;
      p += size;
    }
    const size_t there = (size_t) (end - p);
    const size_t len = ws->left < there ? (size_t) ws->left : there;
    p += len;
    bytes += len;
    ws->left -= len;
    if (ws->left == 0 && ends_message(ws->first)) count++;
  }
  if (count > 0 || bytes > 0) ws->on_messages(ws, count, bytes);
}

static void on_data(floor_link *l, uint8_t *p, size_t n) {
  floor_ws *ws = (floor_ws *) l;
  size_t used = 0;
  if (!ws->open) {
    used = read_answer(ws, p, n);
    if (!ws->open) return;
    ws->part_len = 0;
    ws->on_open(ws);
  }
  if (used < n) read_frames(ws, p + used, n - used);
  floor_link_flush(l);
}

static void on_end(floor_link *l) {
  fprintf(stderr, "%s: the connection has ended\n", ((floor_ws *) l)->path);
  exit(1);
}

void floor_ws_send(uint8_t first, const uint8_t *payload, size_t len) {
  static uint32_t random = 1;
  uint8_t key[4];
  uint8_t *p = floor_link_room(len + FLOOR_HEAD_MAX);
  random = random * 1664525 + 1013904223;
  memcpy(key, &random, sizeof key);
  const size_t head = floor_head_write(p, first, len, key);
  floor_mask(p + head, payload, len, key);
  floor_link_add(head + len);
}

void floor_ws_connect(floor_ws *ws, uv_loop_t *loop, int port, const floor_tls_library *library) {
  static const floor_link_calls calls = {
      .on_ready = on_ready, .on_data = on_data, .on_end = on_end};
  ws->open = false;
  ws->left = 0;
  ws->part_len = 0;
  floor_link_connect(&ws->link, loop, port, &calls, library);
}
