#include "support/raw_peer.h"

/* As much of HTTP as a raw peer needs: finds the request's head and its headers, and answers 101
   with the value of RFC 6455 4.2.2. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/sha1.h"
#include "testkit/check.h"

enum { KEY_MAX = 64, ACCEPT_LEN = 28 };

size_t raw_conn_request_len(const raw_conn *c) {
  const uint8_t *p = fifo_data(&c->in);
  for (size_t i = 3; i < c->in.len; i++) {
    if (memcmp(p + i - 3, "\r\n\r\n", 4) == 0) return i + 1;
  }
  return 0;
}

bool raw_conn_take_request(raw_conn *c) {
  size_t n = raw_conn_request_len(c);
  if (n == 0) return false;
  free(c->request);
  c->request = check_alloc(n + 1);
  memcpy(c->request, fifo_data(&c->in), n);
  fifo_consume(&c->in, n);
  return true;
}

bool raw_conn_header(const raw_conn *c, const char *name, char *value, size_t size) {
  size_t len = strlen(name);
  CHECK(c->request != NULL);
  for (const char *p = strstr(c->request, "\r\n"); p != NULL; p = strstr(p, "\r\n")) {
    p += 2;
    if (strncasecmp(p, name, len) != 0 || p[len] != ':') continue;
    p += len + 1;
    p += strspn(p, " \t");
    size_t n = strcspn(p, "\r\n");
    CHECK(n < size);
    memcpy(value, p, n);
    value[n] = '\0';
    return true;
  }
  return false;
}

static void accept_value(const raw_conn *c, char out[ACCEPT_LEN + 1]) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char text[KEY_MAX + sizeof guid];
  uint8_t digest[SHA1_SIZE];
  if (!raw_conn_header(c, "Sec-WebSocket-Key", text, KEY_MAX)) text[0] = '\0';
  strcat(text, guid);
  sha1(digest, text, strlen(text));
  base64_encode(out, digest, sizeof digest);
  out[ACCEPT_LEN] = '\0';
}

void raw_conn_upgrade(raw_conn *c, const char *extra) {
  char accept[ACCEPT_LEN + 1];
  bytes out = {0};
  accept_value(c, accept);
  bytes_print(&out,
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: %s\r\n%s\r\n",
              accept, extra);
  raw_conn_write(c, out.base, out.len);
  bytes_free(&out);
}
