/* The floor for servers, and the server that the clients are measured against: bare libuv, framing
   by hand, no checks.

       floor_server PORT [--tls-port PORT --cert FILE --key FILE]

   /echo                       echoes each frame
   /stream-KIND?n=N&size=SIZE  answers the first frame with N messages of SIZE bytes; KIND is bin,
                               ascii or utf8
   /deflate-noctx, -ctx        agrees upon permessage-deflate, with both no_context_takeover or with
                               neither. The client's own compressed bytes, sent back, are a valid
                               stream of a server, so nothing is inflated here. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "base/base64.h"
#include "base/sha1.h"
#include "floor_frame.h"
#include "floor_link.h"

enum { BACKLOG = 4096, BLOCK_MIN = 256 * 1024, KEY_LEN = 24 };

typedef struct conn {
  floor_link link;
  bool open;
  /* These bytes have come, and are not used yet. The frame that they begin has `part_whole` bytes;
     0: that is not known. */
  uint8_t *part;
  size_t part_len, part_size, part_whole;
  const struct stream *stream; /* NULL: an echo */
  long stream_left;            /* This many blocks are still to be written. */
} conn;

/* What is sent to /stream: a block of frames, which is written again and again. */
typedef struct stream {
  uint8_t *block;
  size_t len;
  long blocks;
} stream;

static const char *cert, *key;

static void *grow(void *block, size_t size) {
  void *p = realloc(block, size);
  if (p == NULL) exit(1);
  return p;
}

/* --- streams --- */

static void fill(uint8_t *p, size_t size, const char *kind) {
  static const char german[] = "Gr\xc3\xbc\xc3\x9f"
                               "e, \xe2\x82\xac 20; ";
  const bool ascii = strncmp(kind, "ascii", 5) == 0, text = ascii || strncmp(kind, "utf8", 4) == 0;
  const size_t period = sizeof german - 1;
  for (size_t i = 0; i < size; i++) p[i] = (uint8_t) (ascii ? ' ' + i % 90 : i * 29 + 11);
  if (!text || ascii) return;
  memset(p, '.', size);
  for (size_t i = 0; i + period <= size; i += period) memcpy(p + i, german, period);
}

/* As many blocks as make n messages, or a few more: the client leaves when it has n. */
static stream *make_stream(const char *kind, long n, size_t size) {
  const size_t count = BLOCK_MIN / (size + FLOOR_HEAD_MAX) + 1;
  stream *s = grow(NULL, sizeof *s);
  const uint8_t first = FLOOR_FIN | (strncmp(kind, "bin", 3) == 0 ? FLOOR_BINARY : FLOOR_TEXT);
  *s = (stream){.block = grow(NULL, count * (size + FLOOR_HEAD_MAX)),
                .blocks = (n + (long) count - 1) / (long) count};
  for (size_t i = 0; i < count; i++) {
    s->len += floor_head_write(s->block + s->len, first, size, NULL);
    fill(s->block + s->len, size, kind);
    s->len += size;
  }
  return s;
}

static void go_on(floor_link *l) {
  conn *c = (conn *) l;
  while (c->stream_left > 0 && l->writing == NULL && !uv_is_closing((uv_handle_t *) &l->tcp)) {
    c->stream_left--;
    floor_link_write(l, c->stream->block, c->stream->len);
  }
}

/* --- the opening handshake --- */

static void write_accept(char accept[28], const char *client_key) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char text[KEY_LEN + sizeof guid];
  uint8_t digest[SHA1_SIZE];
  memcpy(text, client_key, KEY_LEN);
  memcpy(text + KEY_LEN, guid, sizeof guid);
  sha1(digest, text, KEY_LEN + sizeof guid - 1);
  base64_encode(accept, digest, sizeof digest);
}

static const char *extension_for(const char *path) {
  if (strncmp(path, "/deflate-noctx", 14) == 0)
    return "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
           "client_no_context_takeover\r\n";
  if (strncmp(path, "/deflate-ctx", 12) == 0)
    return "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  return "";
}

static void choose_stream(conn *c, const char *path) {
  if (strncmp(path, "/stream-", 8) != 0) return;
  const char *n = strstr(path, "n="), *size = strstr(path, "size=");
  if (n == NULL || size == NULL) return;
  c->stream = make_stream(path + 8, strtol(n + 2, NULL, 10), strtoul(size + 5, NULL, 10));
}

/* The request is in one piece, and terminated. */
static bool answer(conn *c, const char *request) {
  const char *path = strchr(request, ' '), *header = strcasestr(request, "\nSec-WebSocket-Key:");
  char accept[28], text[512];
  if (path == NULL || header == NULL) return false;
  header += strlen("\nSec-WebSocket-Key:");
  header += strspn(header, " ");
  if (strlen(header) < KEY_LEN) return false;
  write_accept(accept, header);
  choose_stream(c, path + 1);
  const int n = snprintf(text, sizeof text,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Accept: %.28s\r\n%s\r\n",
                         accept, extension_for(path + 1));
  c->open = true;
  floor_link_write(&c->link, (const uint8_t *) text, (size_t) n);
  return true;
}

/* Returns the bytes of the request; 0: it is not complete, or none. */
static size_t read_request(conn *c, uint8_t *p, size_t n) {
  uint8_t *end = memmem(p, n, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  end[2] = '\0';
  return answer(c, (const char *) p) ? (size_t) (end + 4 - p) : 0;
}

/* --- frames --- */

static void echo_frame(const floor_head *h, const uint8_t *payload) {
  const size_t len = (size_t) h->length;
  uint8_t *out = floor_link_room(len + FLOOR_HEAD_MAX);
  const size_t size = floor_head_write(out, h->first, len, NULL);
  floor_mask(out + size, payload, len, h->key);
  floor_link_add(size + len);
}

/* Returns the bytes that are used: whole frames. */
static size_t read_frames(conn *c, const uint8_t *p, size_t n) {
  floor_head h;
  size_t used = 0, size;
  c->part_whole = 0;
  while ((size = floor_head_read(&h, p + used, n - used)) > 0) {
    const size_t whole = size + (size_t) h.length;
    if (n - used < whole) {
      c->part_whole = whole;
      break;
    }
    if (c->stream != NULL) {
      c->stream_left = c->stream->blocks;
    } else {
      echo_frame(&h, p + used + size);
    }
    used += whole;
  }
  return used;
}

static void keep(conn *c, const uint8_t *p, size_t n) {
  const size_t wanted = n > c->part_whole ? n : c->part_whole;
  if (c->part_size < wanted) {
    c->part = grow(c->part, wanted);
    c->part_size = wanted;
  }
  memmove(c->part, p, n);
  c->part_len = n;
}

/* All bytes that are there: in the buffer that they came in, or in `part`. */
static void read_all(conn *c, uint8_t *p, size_t n) {
  size_t used = c->open ? 0 : read_request(c, p, n);
  if (c->open) used += read_frames(c, p + used, n - used);
  floor_link_flush(&c->link);
  if (used < n || p == c->part) keep(c, p + used, n - used);
  go_on(&c->link);
}

static void on_data(floor_link *l, uint8_t *p, size_t n) {
  conn *c = (conn *) l;
  if (c->part_len == 0) {
    read_all(c, p, n);
  } else {
    if (c->part_size < c->part_len + n) {
      c->part_size = c->part_len + n;
      c->part = grow(c->part, c->part_size);
    }
    if (l->into_len == 0 || p != l->into) memcpy(c->part + c->part_len, p, n);
    c->part_len += n;
    if (c->part_whole == 0 || c->part_len >= c->part_whole) read_all(c, c->part, c->part_len);
  }
  l->into_len = c->part_len < c->part_whole ? c->part_whole - c->part_len : 0;
  l->into = c->part + c->part_len;
}

static void on_end(floor_link *l) {
  conn *c = (conn *) l;
  free(c->part);
  if (c->stream != NULL) free(c->stream->block);
  free((void *) (uintptr_t) c->stream);
  free(c);
}

/* --- listening --- */

static void on_connection(uv_stream_t *listener, int status) {
  static const floor_link_calls calls = {.on_data = on_data, .on_written = go_on, .on_end = on_end};
  if (status < 0) return;
  conn *c = grow(NULL, sizeof *c);
  const bool tls = listener->data != NULL;
  *c = (conn){.open = false};
  floor_link_accept(&c->link, listener, &calls, listener->data, tls ? cert : NULL,
                    tls ? key : NULL);
}

static void listen_on(const char *port, const floor_tls_library *library) {
  uv_tcp_t *listener = grow(NULL, sizeof *listener);
  struct sockaddr_in addr;
  int err = uv_tcp_init(uv_default_loop(), listener);
  listener->data = (void *) (uintptr_t) library;
  if (err == 0) err = uv_ip4_addr("127.0.0.1", atoi(port), &addr);
  if (err == 0) err = uv_tcp_bind(listener, (const struct sockaddr *) &addr, 0);
  if (err == 0) err = uv_listen((uv_stream_t *) listener, BACKLOG, on_connection);
  if (err == 0) return;
  fprintf(stderr, "floor_server: port %s: %s\n", port, uv_strerror(err));
  exit(1);
}

int main(int argc, char **argv) {
  struct rlimit limit;
  signal(SIGPIPE, SIG_IGN);
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (argc != 2 && argc != 8) {
    fprintf(stderr, "usage: %s PORT [--tls-port PORT --cert FILE --key FILE]\n", argv[0]);
    return 2;
  }
  listen_on(argv[1], NULL);
#ifdef FLOOR_OPENSSL
  if (argc == 8) {
    cert = argv[5];
    key = argv[7];
    listen_on(argv[3], &floor_tls_openssl);
  }
#endif
  printf("listening\n");
  fflush(stdout);
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
