#include "support/proxy_peer.h"

#include <stdio.h>
#include <string.h>

#include "testkit/check.h"

enum { PORT = 81, REST_MAX = 16 };

static const char *const schemes[] = {"http", "socks4", "socks4a", "socks5", "socks5h"};

void proxy_peer_open(proxy_peer *x, raw_peer *raw) {
  *x = (proxy_peer){.raw = raw};
}

static void forget_exchanges(proxy_peer *x) {
  for (size_t i = 0; i < PROXY_EXCHANGES; i++) {
    bytes_free(&x->expected[i]);
    bytes_free(&x->answers[i]);
  }
  x->exchanges = 0;
}

void proxy_peer_close(proxy_peer *x) {
  forget_exchanges(x);
}

/* The next exchange; what is expected can be added to. */
static bytes *exchange(proxy_peer *x, const void *answer, size_t len) {
  CHECK(x->exchanges < PROXY_EXCHANGES);
  bytes_add(&x->answers[x->exchanges], answer, len);
  return &x->expected[x->exchanges++];
}

#define EXCHANGE(x, answer) exchange((x), (answer), sizeof(answer) - 1)

static bool looks_up_here(proxy_kind kind) {
  return kind == PROXY_SOCKS4 || kind == PROXY_SOCKS5;
}

/* How what is behind the proxy number `hop` is named. */
static void name_next(char *name, size_t size, proxy_kind kind, size_t hop) {
  const char *format = looks_up_here(kind) ? "192.0.2.%zu" : "h%zu.test";
  (void) snprintf(name, size, format, hop + 1);
}

static void base64(char *out, const char *text) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t len = strlen(text); len > 0; out += 4) {
    const size_t n = len < 3 ? len : 3;
    unsigned v = 0;
    for (size_t i = 0; i < 3; i++) v = v << 8 | (i < n ? (unsigned char) text[i] : 0);
    for (size_t i = 0; i < 4; i++) out[i] = i <= n ? digits[v >> (18 - 6 * i) & 63] : '=';
    text += n;
    len -= n;
  }
  *out = '\0';
}

static void connect_to(bytes *b, const char *name, const char *lines) {
  bytes_print(b, "CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n", name, PORT, name, PORT, lines);
}

static void make_http(proxy_peer *x, bool credentials, size_t hop, const char *name) {
  char lines[160] = "";
  if (credentials) {
    char text[64], coded[96];
    connect_to(EXCHANGE(x, "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
                           "Content-Length: 4\r\n\r\nnope"),
               name, "");
    (void) snprintf(text, sizeof text, "u%zu:p%zu", hop, hop);
    base64(coded, text);
    (void) snprintf(lines, sizeof lines, "Proxy-Authorization: Basic %s\r\n", coded);
  }
  connect_to(EXCHANGE(x, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), name, lines);
}

static void make_socks4(proxy_peer *x, proxy_hop h, size_t hop, const char *name) {
  bytes *b = EXCHANGE(x, "\0\132\0\0\0\0\0\0");
  const uint8_t address[] = {192, 0, 2, (uint8_t) (hop + 1)};
  bytes_add(b, "\4\1\0\121", 4);
  bytes_add(b, h.kind == PROXY_SOCKS4 ? address : (const uint8_t *) "\0\0\0\1", 4);
  if (h.credentials) bytes_print(b, "u%zu", hop);
  bytes_add(b, "", 1);
  if (h.kind == PROXY_SOCKS4A) bytes_add(b, name, strlen(name) + 1);
}

static void make_socks5(proxy_peer *x, proxy_hop h, size_t hop, const char *name) {
  const uint8_t len = (uint8_t) strlen(name);
  const uint8_t address[] = {1, 192, 0, 2, (uint8_t) (hop + 1)};
  if (h.credentials) {
    bytes_add(EXCHANGE(x, "\5\2"), "\5\2\0\2", 4);
    bytes_print(EXCHANGE(x, "\1\0"), "\1\2u%zu\2p%zu", hop, hop);
  } else {
    bytes_add(EXCHANGE(x, "\5\0"), "\5\1\0", 3);
  }
  bytes *b = EXCHANGE(x, "\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
  bytes_add(b, "\5\1\0", 3);
  if (h.kind == PROXY_SOCKS5) bytes_add(b, address, sizeof address);
  if (h.kind == PROXY_SOCKS5H) bytes_add(b, (const uint8_t[]){3, len}, 2);
  if (h.kind == PROXY_SOCKS5H) bytes_add(b, name, len);
  bytes_add(b, "\0\121", 2);
}

static void add_url(proxy_peer *x, proxy_hop h, size_t hop, const char *name, unsigned port) {
  const bool no_password = h.kind == PROXY_SOCKS4 || h.kind == PROXY_SOCKS4A;
  char login[64] = "";
  const size_t used = strlen(x->proxy);
  if (h.credentials) {
    (void) snprintf(login, sizeof login, no_password ? "u%zu@" : "u%zu:p%zu@", hop, hop);
  }
  (void) snprintf(x->proxy + used, sizeof x->proxy - used, "%s%s://%s%s:%u", hop > 0 ? " " : "",
                  schemes[h.kind], login, name, port);
}

void proxy_peer_make(proxy_peer *x, const proxy_hop *hops, size_t count) {
  char name[64] = "127.0.0.1";
  forget_exchanges(x);
  *x->proxy = '\0';
  for (size_t i = 0; i < count; i++) {
    const proxy_hop h = hops[i];
    add_url(x, h, i, name, i == 0 ? x->raw->port : PORT);
    name_next(name, sizeof name, h.kind, i);
    if (h.kind == PROXY_HTTP) {
      make_http(x, h.credentials, i, name);
    } else if (h.kind == PROXY_SOCKS4 || h.kind == PROXY_SOCKS4A) {
      make_socks4(x, h, i, name);
    } else {
      make_socks5(x, h, i, name);
    }
  }
  (void) snprintf(x->url, sizeof x->url, "ws://%s:%d/", name, PORT);
}

static size_t add_exchanges(const proxy_peer *x, size_t count, size_t piece, peer_step *steps) {
  for (size_t i = 0; i < count; i++) {
    const bytes *b = &x->answers[i];
    steps[2 * i] = (peer_step) PEER_EXPECT_BYTES(x->expected[i].base, x->expected[i].len);
    steps[2 * i + 1] = (peer_step) PEER_SEND_PIECES(b->base, b->len, piece);
  }
  return 2 * count;
}

void proxy_peer_play(proxy_peer *x, size_t piece, const peer_step *rest) {
  peer_step steps[2 * PROXY_EXCHANGES + REST_MAX];
  size_t n = add_exchanges(x, x->exchanges, piece, steps), i = 0;
  do {
    CHECK(i < REST_MAX);
    steps[n++] = rest[i];
  } while (rest[i++].kind != STEP_NONE);
  raw_peer_play_steps(x->raw, steps);
}

void proxy_peer_serve(proxy_peer *x, size_t piece) {
  proxy_peer_play(x, piece,
                  (const peer_step[]){PEER_EXPECT_REQUEST,
                                      PEER_SEND_UPGRADE,
                                      PEER_SEND_FRAME(1, "hi"),
                                      PEER_EXPECT_CLOSE(1000),
                                      PEER_SEND_CLOSE(1000),
                                      PEER_END,
                                      {.kind = STEP_NONE}});
}

void proxy_peer_stop(proxy_peer *x, size_t last, size_t len, peer_step step) {
  peer_step steps[2 * PROXY_EXCHANGES + 2];
  size_t n = add_exchanges(x, last + 1, 0, steps);
  CHECK(last < x->exchanges && len <= x->answers[last].len);
  steps[n - 1].len = len;
  steps[n++] = step;
  steps[n] = (peer_step){.kind = STEP_NONE};
  raw_peer_play_steps(x->raw, steps);
}

static void close_at_message(session_user *u, const wsuv_message_t *m) {
  CHECK(m->len == 2 && user_close(u, 1000, NULL) == 0);
}

void proxy_peer_visit(proxy_peer *x, session_user *u) {
  wsuv_request_t r;
  user_reset(u);
  wsuv_request_init(&r, x->url);
  r.proxy = x->proxy;
  u->at_message = close_at_message;
  CHECK(user_request(u, &r) == 0);
  user_run_to_close(u);
}
