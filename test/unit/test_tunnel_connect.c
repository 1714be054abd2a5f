/* CONNECT: the request, responses cut at every byte and glued to what is behind them, challenges on
   the same connection and on new ones, and what a proxy may not do: answer without end, ask in
   circles. F71 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/tunnel/tunnel_connect.h"
#include "support/alloc_failures.h"
#include "support/test.h"
#include "support/tunnel_rig.h"

#define FRAMES "\x81\x02hi\r\n\r\nHTTP/1.1 200\r\n\r\n"
#define PLAIN "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"
#define BASIC                                                                      \
  "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nProxy-Authorization: Basic " \
  "dXNlcjpzZXNhbWU=\r\n\r\n"

/* Not one of either, but each input has another hash. */
static int fake_hash(ws_hash_kind kind, const ws_view *parts, size_t count,
                     uint8_t hash[WS_HASH_SIZE_MAX]) {
  uint64_t sum = 14695981039346656037u;
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < parts[i].len; k++) sum = (sum ^ parts[i].base[k]) * 1099511628211u;
  }
  for (size_t i = 0; i < ws_hash_size(kind); i++) hash[i] = (uint8_t) (sum >> i % 8 * 8);
  return 0;
}

static int no_hash(ws_hash_kind kind, const ws_view *parts, size_t count,
                   uint8_t hash[WS_HASH_SIZE_MAX]) {
  (void) parts, (void) count, (void) hash;
  return kind == WS_HASH_MD5 ? WS_ENOTSUP : 0;
}

static tunnel_connect_config config_of(unsigned schemes, bool at_once) {
  tunnel_connect_config config = {
      .target = {.host = {"a.test", 6}, .port = 443}, .max_size = 2000, .max_headers = 20};
  if (schemes != 0) {
    config.auth = (auth_config){.user = {"user", 4},
                                .password = {"sesame", 6},
                                .schemes = schemes,
                                .at_once = at_once,
                                .hash = fake_hash};
  }
  memset(config.random, 'r', sizeof config.random);
  return config;
}

/* The secret is in no block that is freed, be it plain or in base64. */
static void begin(tunnel_rig *r, unsigned schemes, bool at_once) {
  const tunnel_connect_config config = config_of(schemes, at_once);
  assert_int_equal(tunnel_connect_new(&r->t, &r->alloc.handle, &config, &r->why), 0);
  tunnel_rig_send(r);
}

static int feed(tunnel_rig *r, size_t way, const char *text) {
  return tunnel_rig_feed(r, tunnel_rig_way(way), text, strlen(text));
}

/* Everything that was sent since the last time. */
static void assert_sent(tunnel_rig *r, const char *text) {
  assert_string_equal(r->sent.len > 0 ? bytes_text(&r->sent) : "", text);
  r->sent.len = 0;
}

/* ---- the request ---- */

static void assert_request(const char *host, unsigned port, const char *text) {
  tunnel_connect_config config = config_of(0, false);
  SCOPED(tunnel_rig, r, "sesame");
  config.target.host = (ws_text){host, strlen(host)};
  config.target.port = (uint16_t) port;
  assert_int_equal(tunnel_connect_new(&r.t, &r.alloc.handle, &config, NULL), 0);
  tunnel_rig_send(&r);
  assert_sent(&r, text);
}

TEST(test_connect_request) {
  assert_request("a.test", 443, PLAIN);
  assert_request("192.0.2.1", 80, "CONNECT 192.0.2.1:80 HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n");
  assert_request("2001:db8::1", 65535,
                 "CONNECT [2001:db8::1]:65535 HTTP/1.1\r\nHost: [2001:db8::1]:65535\r\n\r\n");
}

TEST(test_connect_request_with_the_longest_host) {
  char host[254], text[600];
  memset(host, 'a', 253);
  host[253] = '\0';
  (void) snprintf(text, sizeof text, "CONNECT %s:65535 HTTP/1.1\r\nHost: %s:65535\r\n\r\n", host,
                  host);
  assert_request(host, 65535, text);
}

/* F8 */
TEST(test_connect_request_with_any_byte) {
  for (int c = 0; c < 256; c++) {
    const char odd[] = {'a', (char) c, 'b'};
    tunnel_connect_config config = config_of(0, false);
    SCOPED(tunnel_rig, r, "sesame");
    config.target.host = (ws_text){odd, sizeof odd};
    const bool allowed = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                         (c >= 'A' && c <= 'Z') || (c != 0 && strchr("-._~:", c) != NULL);
    int err = tunnel_connect_new(&r.t, &r.alloc.handle, &config, &r.why);
    assert_int_equal(err, allowed ? 0 : WSUV_EURL);
  }
}

TEST(test_connect_credentials_with_any_byte) {
  for (int c = 0; c < 256; c++) {
    const char odd[] = {'a', (char) c, 'b'};
    const bool control = c < ' ' || c == 0x7f;
    for (int n = 0; n < 3; n++) {
      tunnel_connect_config config = config_of(n == 2 ? AUTH_DIGEST : AUTH_BASIC, true);
      SCOPED(tunnel_rig, r, "sesame");
      *(n == 1 ? &config.auth.password : &config.auth.user) = (ws_text){odd, sizeof odd};
      const bool refused = control || (n == 0 && c == ':');
      int err = tunnel_connect_new(&r.t, &r.alloc.handle, &config, &r.why);
      assert_int_equal(err, refused ? WSUV_EINVAL_HEADER : 0);
    }
  }
}

TEST(test_connect_sends_basic_at_once) {
  SCOPED(tunnel_rig, r, "sesame");
  r.at_once = 1;
  begin(&r, AUTH_BASIC, true);
  assert_sent(&r, BASIC);
  assert_int_equal(feed(&r, 0, "HTTP/1.1 200 OK\r\n\r\n"), 1);
}

/* ---- the tunnel is open ---- */

static void assert_opens(const char *head) {
  SCOPED_BYTES all = {0};
  bytes_print(&all, "%s%s", head, FRAMES);
  for (size_t n = 0; n <= all.len + 1; n++) {
    SCOPED(tunnel_rig, r, "sesame");
    begin(&r, 0, false);
    assert_int_equal(feed(&r, n, bytes_text(&all)), 1);
    assert_string_equal(bytes_text(&r.behind), FRAMES);
    assert_sent(&r, PLAIN);
  }
}

TEST(test_connect_opens_a_tunnel) {
  assert_opens("HTTP/1.1 200 Connection established\r\n\r\n");
  assert_opens("HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n");
  assert_opens("HTTP/1.1 200\r\n\r\n");
  assert_opens("HTTP/1.1 201 Created\r\nX: y\r\n\r\n");
  assert_opens("HTTP/1.1 204 No Content\r\n\r\n");
  assert_opens("HTTP/1.1 299 x\n\n");
}

/* RFC 9110 9.3.6 */
TEST(test_connect_ignores_the_length_of_a_2xx) {
  assert_opens("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert_opens("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  assert_opens("HTTP/1.1 200 OK\r\nContent-Length: x\r\nContent-Length: 7\r\n\r\n");
  assert_opens("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  assert_opens("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
  assert_opens("HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n");
}

TEST(test_connect_skips_interim_responses) {
  assert_opens("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
  assert_opens("HTTP/1.1 103 x\r\nContent-Length: 9\r\n\r\nHTTP/1.1 199 y\r\n\r\n"
               "HTTP/1.0 200 OK\r\n\r\n");
}

/* ---- refused ---- */

static void assert_fails(const char *answer, int err, const char *detail) {
  for (size_t n = 0; n <= strlen(answer); n++) {
    SCOPED(tunnel_rig, r, "sesame");
    begin(&r, 0, false);
    assert_int_equal(feed(&r, n, answer), err);
    if (detail != NULL) assert_string_equal(r.t->detail.text, detail);
    assert_true(r.t->detail.text[0] != '\0');
    assert_sent(&r, PLAIN);
  }
}

/* Some of the words are llhttp's. */
TEST(test_connect_malformed_answers) {
  assert_fails("SSH-2.0-OpenSSH\r\n", WSUV_EPROXY, NULL);
  assert_fails("HTTP/2.0 200 OK\r\n\r\n", WSUV_EPROXY, "answer is not HTTP/1");
  assert_fails("HTTP/1.1 2000 OK\r\n\r\n", WSUV_EPROXY, NULL);
  assert_fails("HTTP/1.1 200 OK\r\nX\r\n\r\n", WSUV_EPROXY, "header field without a colon");
  assert_fails("HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n", WSUV_EPROXY, "control byte in the head");
  assert_fails("HTTP/1.1 101 Switching Protocols\r\n\r\n", WSUV_EPROXY,
               "status that answers no CONNECT");
  assert_fails("HTTP/1.1 000 x\r\n\r\n", WSUV_EPROXY, "status that answers no CONNECT");
}

TEST(test_connect_refused) {
  static const struct {
    const char *answer;
    int err;
    const char *detail;
  } rows[] = {
      {"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX: y\r\n\r\nbody", WSUV_EPROXY, "HTTP 403"},
      {"HTTP/1.0 403 Forbidden\r\nContent-Length: 4\r\n\r\nbody", WSUV_EPROXY, "HTTP 403"},
      {"HTTP/1.1 502 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;a=b\r\ndy\r\n0\r\n\r\n",
       WSUV_EPROXY, "HTTP 502"},
      {"HTTP/1.1 302 x\r\nLocation: http://login.test/?secret\r\nContent-Length: 4\r\n\r\nbody",
       WSUV_EPROXY, "HTTP 302"},
      {"HTTP/1.1 300 x\r\nContent-Length: 4\r\n\r\nbody", WSUV_EPROXY, "HTTP 300"},
      {"HTTP/1.1 999 x\r\nContent-Length: 4\r\n\r\nbody", WSUV_EPROXY, "HTTP 999"},
      {"HTTP/1.1 503 x\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\nContent-Length: 4\r\n\r\nbody",
       WSUV_EPROXYDNS, "HTTP 503, ERR_DNS_FAIL 0"},
      {"HTTP/1.1 503 x\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\nContent-Length: 4\r\n\r\nbody",
       WSUV_EPROXY, "HTTP 503, ERR_CONNECT_FAIL 111"},
      {"HTTP/1.1 502 x\r\nProxy-Status: p; error=dns_error\r\nContent-Length: 4\r\n\r\nbody",
       WSUV_EPROXYDNS, "HTTP 502"},
      {"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=a\r\nContent-Length: 4\r\n\r\nbody",
       WSUV_EPROXYAUTH, "HTTP 407: no credentials"},
      {"HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=a\r\nContent-Length: 4\r\n\r\nbody",
       WSUV_EPROXYAUTH, "HTTP 401: no credentials"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    for (size_t n = 0; n <= strlen(rows[i].answer); n++) {
      SCOPED(tunnel_rig, r, "sesame");
      ws_tunnel_refusal refusal;
      begin(&r, 0, false);
      assert_int_equal(feed(&r, n, rows[i].answer), rows[i].err);
      assert_string_equal(r.t->detail.text, rows[i].detail);
      r.t->ops->refusal(r.t, &refusal);
      assert_int_equal(refusal.status, atoi(rows[i].answer + 9));
      assert_int_equal(refusal.body.len, 4);
      assert_memory_equal(refusal.body.base, "body", 4);
      assert_true(refusal.header_count >= 1);
      if (i == 0) assert_string_equal(refusal.headers[1].value, "y");
    }
  }
}

/* A body that ends with the connection, and one that is cut by it. */
TEST(test_connect_refused_and_closed) {
  static const char *const answers[] = {"HTTP/1.1 403 x\r\n\r\nbody",
                                        "HTTP/1.1 403 x\r\nContent-Length: 9\r\n\r\nbody"};
  for (size_t i = 0; i < COUNT_OF(answers); i++) {
    SCOPED(tunnel_rig, r, "sesame");
    ws_tunnel_refusal refusal;
    begin(&r, 0, false);
    assert_int_equal(feed(&r, 0, answers[i]), 0);
    assert_int_equal(r.t->ops->eof(r.t), WSUV_EPROXY);
    r.t->ops->refusal(r.t, &refusal);
    assert_int_equal(refusal.status, 403);
    assert_int_equal(refusal.body.len, 4);
  }
}

TEST(test_connect_answer_is_cut) {
  static const char answer[] = "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r";
  for (size_t n = 0; n < sizeof answer; n++) {
    SCOPED(tunnel_rig, r, "sesame");
    ws_tunnel_refusal refusal;
    begin(&r, 0, false);
    assert_int_equal(tunnel_rig_feed(&r, tunnel_rig_way(0), answer, n), n == sizeof answer ? 1 : 0);
    assert_int_equal(r.t->ops->eof(r.t), WS_EOF);
    assert_string_equal(r.t->detail.text, "connection ended before the proxy's answer");
    r.t->ops->refusal(r.t, &refusal);
    assert_int_equal(refusal.status, 0);
  }
}

/* ---- without end ---- */

/* Feed `text` again and again; how many bytes were taken until the result. */
static size_t feed_for_ever(tunnel_rig *r, const char *text, int expected) {
  size_t fed = 0;
  int result = 0;
  while (result == 0 && fed < 1 << 20) {
    result = feed(r, 0, text);
    fed += strlen(text);
  }
  assert_int_equal(result, expected);
  return fed;
}

TEST(test_connect_answers_without_end) {
  static const char *const heads[] = {"HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\n", ""};
  static const char *const more[] = {"aaaa", "X: y\r\n", "HTTP/1.1 100 x\r\n\r\n"};
  static const char *const details[] = {"head is too large", "too many header fields",
                                        "too many interim answers"};
  for (size_t i = 0; i < COUNT_OF(heads); i++) {
    SCOPED(tunnel_rig, r, "sesame");
    begin(&r, 0, false);
    assert_int_equal(feed(&r, 0, heads[i]), 0);
    assert_true(feed_for_ever(&r, more[i], WSUV_EPROXY) <= 2004);
    assert_string_equal(r.t->detail.text, details[i]);
  }
}

TEST(test_connect_bodies_without_end) {
  static const char *const heads[] = {"HTTP/1.1 403 x\r\n\r\n",
                                      "HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n1;"};
  for (size_t i = 0; i < COUNT_OF(heads); i++) {
    SCOPED(tunnel_rig, r, "sesame");
    begin(&r, 0, false);
    assert_int_equal(feed(&r, 0, heads[i]), 0);
    assert_true(r.t->ops->most(r.t) >= 1);
    assert_true(feed_for_ever(&r, "aaaaaaaaaaaaaaaa", WSUV_EPROXY) <= 65552);
    assert_true(r.alloc.below.live_bytes <= 6 * SECRET_ALLOC_MAX);
  }
}

/* ---- challenges ---- */

#define BOTH AUTH_BASIC | AUTH_DIGEST
#define CHALLENGE_BASIC "Proxy-Authenticate: Basic realm=\"a\"\r\n"
#define CHALLENGE_DIGEST "Proxy-Authenticate: Digest realm=\"a\", nonce=\"n\", qop=\"auth\"\r\n"

static bool sent_digest(const tunnel_rig *r) {
  const char *text = bytes_text(&r->sent);
  const char *field = strstr(text, "Proxy-Authorization: Digest username=\"user\", realm=\"a\", "
                                   "uri=\"a.test:443\"");
  const size_t len = strlen(text);
  return field != NULL &&
         strncmp(text, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n", 47) == 0 &&
         strstr(field, ", nc=00000001, cnonce=\"cnJycnJycnJycnJycnJy\", qop=auth") != NULL &&
         strcmp(text + len - 4, "\r\n\r\n") == 0;
}

/* The response is answered on the same connection, wherever it is cut. */
static void assert_answered(const char *answer, unsigned schemes, bool digest) {
  for (size_t n = 0; n <= strlen(answer); n++) {
    SCOPED(tunnel_rig, r, "sesame");
    begin(&r, schemes, false);
    assert_sent(&r, PLAIN);
    assert_int_equal(feed(&r, n, answer), 0);
    if (digest) {
      assert_true(sent_digest(&r));
      r.sent.len = 0;
    } else {
      assert_sent(&r, BASIC);
    }
    assert_int_equal(feed(&r, 0, "HTTP/1.1 200 OK\r\n\r\n" FRAMES), 1);
    assert_string_equal(bytes_text(&r.behind), FRAMES);
  }
}

TEST(test_connect_answers_on_the_same_connection) {
  assert_answered("HTTP/1.1 407 x\r\n" CHALLENGE_BASIC "Content-Length: 0\r\n\r\n", BOTH, false);
  assert_answered("HTTP/1.1 407 x\r\n" CHALLENGE_BASIC "Content-Length: 4\r\n\r\nbody", BOTH,
                  false);
  assert_answered("HTTP/1.1 407 x\r\n" CHALLENGE_DIGEST "Content-Length: 4\r\n\r\nbody", BOTH,
                  true);
  assert_answered("HTTP/1.1 407 x\r\nTransfer-Encoding: chunked\r\n" CHALLENGE_DIGEST
                  "\r\n4\r\nbody\r\n0\r\nX: y\r\n\r\n",
                  AUTH_DIGEST, true);
  assert_answered("HTTP/1.0 407 x\r\nConnection: keep-alive\r\n" CHALLENGE_BASIC
                  "Content-Length: 4\r\n\r\nbody",
                  AUTH_BASIC, false);
  assert_answered("HTTP/1.1 100 x\r\n\r\nHTTP/1.1 407 x\r\n" CHALLENGE_BASIC
                  "Content-Length: 1\r\n\r\nb",
                  AUTH_BASIC, false);
  assert_answered("HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=a\r\nContent-Length: 1\r\n\r\nb",
                  AUTH_BASIC, false);
}

/* The strongest is chosen, wherever it is. */
TEST(test_connect_chooses_a_challenge) {
  assert_answered("HTTP/1.1 407 x\r\n" CHALLENGE_BASIC CHALLENGE_DIGEST "Content-Length: 0\r\n\r\n",
                  BOTH, true);
  assert_answered("HTTP/1.1 407 x\r\n" CHALLENGE_DIGEST CHALLENGE_BASIC "Content-Length: 0\r\n\r\n",
                  BOTH, true);
  assert_answered("HTTP/1.1 407 x\r\n" CHALLENGE_DIGEST CHALLENGE_BASIC "Content-Length: 0\r\n\r\n",
                  AUTH_BASIC, false);
  assert_answered("HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate, NTLM, Basic realm=a, Digest "
                  "realm=x, nonce=y, Digest realm=a, nonce=n, qop=auth, Digest realm=z, "
                  "nonce=y\r\nContent-Length: 0\r\n\r\n",
                  BOTH, true);
  assert_answered("HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm=a, nonce=n, qop=auth, "
                  "algorithm=SHA-256\r\nProxy-Authenticate: Digest realm=b, nonce=b, qop=auth, "
                  "algorithm=MD5\r\nContent-Length: 0\r\n\r\n",
                  BOTH, true);
  assert_answered("HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm=b, nonce=b, "
                  "algorithm=SHA-512-256, Digest realm=a, nonce=n, qop=auth, "
                  "Digest realm=\"\r\nContent-Length: 0\r\n\r\n",
                  BOTH, true);
}

/* What follows is done on a new connection. */
static void assert_again(const char *answer, bool ends) {
  for (size_t n = 0; n <= strlen(answer); n++) {
    SCOPED(tunnel_rig, r, "sesame");
    begin(&r, BOTH, false);
    assert_sent(&r, PLAIN);
    int result = feed(&r, n, answer);
    if (ends) {
      assert_int_equal(result, 0);
      result = r.t->ops->eof(r.t);
    }
    assert_int_equal(result, WS_EAGAIN);
    r.sent.len = 0;
    assert_int_equal(r.t->ops->restart(r.t), 0);
    tunnel_rig_send(&r);
    assert_sent(&r, BASIC);
    r.behind.len = 0;
    assert_int_equal(feed(&r, 1, "HTTP/1.1 200 OK\r\n\r\n" FRAMES), 1);
    assert_string_equal(bytes_text(&r.behind), "\x81\x02hi\r\n\r\nHTTP/1.1 200\r\n\r\n");
  }
}

TEST(test_connect_answers_on_a_new_connection) {
  assert_again("HTTP/1.1 407 x\r\n" CHALLENGE_BASIC "\r\n", false);
  assert_again("HTTP/1.1 407 x\r\n" CHALLENGE_BASIC "\r\nbody", false);
  assert_again("HTTP/1.0 407 x\r\nContent-Length: 4\r\n" CHALLENGE_BASIC "\r\nbody", false);
  assert_again("HTTP/1.1 407 x\r\nContent-Length: 4\r\nConnection: close\r\n" CHALLENGE_BASIC
               "\r\nbody",
               false);
  assert_again("HTTP/1.1 407 x\r\nContent-Length: 4\r\nProxy-Connection: close\r\n" CHALLENGE_BASIC
               "\r\nbody",
               false);
  assert_again("HTTP/1.1 407 x\r\nTransfer-Encoding: chunked\r\n" CHALLENGE_BASIC "\r\nx\r\n",
               false);
}

TEST(test_connect_ends_after_a_challenge) {
  assert_again("HTTP/1.1 407 x\r\nContent-Length: 9\r\n" CHALLENGE_BASIC "\r\nbody", true);
  assert_again("HTTP/1.1 407 x\r\nContent-Length: 4\r\n" CHALLENGE_BASIC "\r\nbody", true);
}

/* Once a byte of the second answer has come, its end is the end. */
TEST(test_connect_ends_in_the_second_answer) {
  SCOPED(tunnel_rig, r, "sesame");
  begin(&r, BOTH, false);
  assert_int_equal(feed(&r, 0, "HTTP/1.1 407 x\r\nContent-Length: 0\r\n" CHALLENGE_BASIC "\r\n"),
                   0);
  assert_int_equal(feed(&r, 0, "H"), 0);
  assert_int_equal(r.t->ops->eof(r.t), WS_EOF);
}

/* Bytes behind a response that was not asked for. */
TEST(test_connect_bytes_behind_a_challenge) {
  static const char answer[] =
      "HTTP/1.1 407 x\r\nContent-Length: 4\r\n" CHALLENGE_BASIC "\r\nbodyHTTP/1.1 200 OK\r\n\r\n";
  SCOPED(tunnel_rig, r, "sesame");
  begin(&r, BOTH, false);
  assert_int_equal(feed(&r, 0, answer), WS_EAGAIN);
  assert_sent(&r, PLAIN);
}

/* A body of 5 KiB, as Squid sends it, is read to its end; one of 70 KiB is not. */
TEST(test_connect_challenge_with_a_large_body) {
  static const size_t sizes[] = {5000, 70000};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    SCOPED(tunnel_rig, r, "sesame");
    SCOPED_BYTES answer = {0};
    bytes_print(&answer, "HTTP/1.1 407 x\r\nContent-Length: %zu\r\n" CHALLENGE_BASIC "\r\n",
                sizes[i]);
    for (size_t n = 0; n < sizes[i]; n++) bytes_add(&answer, "b", 1);
    begin(&r, BOTH, false);
    const pieces how = {.kind = PIECES_OF, .a = 1000};
    int result = tunnel_rig_feed(&r, how, answer.base, answer.len);
    assert_int_equal(result, i == 0 ? 0 : WS_EAGAIN);
    if (i == 0) assert_sent(&r, PLAIN BASIC);
  }
}

static int feed_with_body(tunnel_rig *r, const char *head, size_t len) {
  SCOPED_BYTES answer = {0};
  const pieces how = {.kind = PIECES_OF, .a = 1000};
  bytes_print(&answer, "%sContent-Length: %zu\r\n\r\n", head, len);
  for (size_t n = 0; n < len; n++) bytes_add(&answer, "b", 1);
  return tunnel_rig_feed(r, how, answer.base, answer.len);
}

/* The limit of a body holds for each response. */
TEST(test_connect_refusal_behind_a_large_body) {
  SCOPED(tunnel_rig, r, "sesame");
  ws_tunnel_refusal refusal;
  begin(&r, BOTH, false);
  assert_int_equal(feed_with_body(&r, "HTTP/1.1 407 x\r\n" CHALLENGE_BASIC, 65000), 0);
  assert_sent(&r, PLAIN BASIC);
  assert_int_equal(feed_with_body(&r, "HTTP/1.1 403 x\r\n", 2000), WSUV_EPROXY);
  r.t->ops->refusal(r.t, &refusal);
  assert_int_equal(refusal.body.len, 2000);
}

/* ---- credentials that are not accepted ---- */

#define LENGTH "Content-Length: 0\r\n\r\n"

static void assert_not_answered(unsigned schemes, bool at_once, ws_hash_fn *hash,
                                const char *answer, const char *detail) {
  SCOPED(tunnel_rig, r, "sesame");
  tunnel_connect_config config = config_of(schemes, at_once);
  config.auth.hash = hash;
  assert_int_equal(tunnel_connect_new(&r.t, &r.alloc.handle, &config, &r.why), 0);
  tunnel_rig_send(&r);
  r.sent.len = 0;
  assert_int_equal(feed(&r, 0, answer), WSUV_EPROXYAUTH);
  assert_string_equal(r.t->detail.text, detail);
  assert_sent(&r, "");
}

TEST(test_connect_credentials_are_refused) {
  assert_not_answered(AUTH_BASIC, true, NULL, "HTTP/1.1 407 x\r\n" CHALLENGE_BASIC LENGTH,
                      "HTTP 407: credentials were refused");
  assert_not_answered(AUTH_BASIC, true, NULL,
                      "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=a\r\n" LENGTH,
                      "HTTP 401: credentials were refused");
  assert_not_answered(AUTH_BASIC, false, NULL, "HTTP/1.1 407 x\r\n" CHALLENGE_DIGEST LENGTH,
                      "HTTP 407: no scheme that may be used");
  assert_not_answered(AUTH_BASIC, true, NULL, "HTTP/1.1 407 x\r\n" CHALLENGE_DIGEST LENGTH,
                      "HTTP 407: no scheme that may be used");
  assert_not_answered(AUTH_DIGEST, false, fake_hash, "HTTP/1.1 407 x\r\n" CHALLENGE_BASIC LENGTH,
                      "HTTP 407: no scheme that may be used");
  assert_not_answered(AUTH_DIGEST, true, fake_hash, "HTTP/1.1 407 x\r\n" CHALLENGE_BASIC LENGTH,
                      "HTTP 407: no scheme that may be used");
  assert_not_answered(BOTH, false, fake_hash,
                      "HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate, NTLM\r\n" LENGTH,
                      "HTTP 407: no scheme that may be used");
  assert_not_answered(BOTH, false, fake_hash, "HTTP/1.1 407 x\r\n" LENGTH,
                      "HTTP 407: no scheme that may be used");
  assert_not_answered(BOTH, false, fake_hash,
                      "HTTP/1.1 407 x\r\nWWW-Authenticate: Basic realm=a\r\n" LENGTH,
                      "HTTP 407: no scheme that may be used");
  assert_not_answered(BOTH, false, NULL, "HTTP/1.1 407 x\r\n" CHALLENGE_DIGEST LENGTH,
                      "HTTP 407: no scheme that may be used");
  assert_not_answered(BOTH, false, no_hash, "HTTP/1.1 407 x\r\n" CHALLENGE_DIGEST LENGTH,
                      "HTTP 407: the TLS library has no MD5");
  assert_not_answered(BOTH, false, fake_hash,
                      "HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm=a, nonce=b, "
                      "algorithm=SHA-512-256\r\n" LENGTH,
                      "HTTP 407: algorithm SHA-512-256 of Digest is not supported");
  assert_not_answered(BOTH, true, fake_hash,
                      "HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm=a\r\n" LENGTH,
                      "HTTP 407: Digest without realm or nonce");
}

/* Circles: each scheme is tried once, and one stale nonce. */
TEST(test_connect_challenges_without_end) {
  static const char basic[] = "HTTP/1.1 407 x\r\n" CHALLENGE_BASIC LENGTH;
  static const char both[] = "HTTP/1.1 407 x\r\n" CHALLENGE_BASIC CHALLENGE_DIGEST LENGTH;
  static const char stale[] = "HTTP/1.1 407 x\r\n" CHALLENGE_BASIC
                              "Proxy-Authenticate: Digest realm=a, nonce=m, stale=true\r\n" LENGTH;
  static const struct {
    bool at_once;
    const char *answer, *later;
    int requests;
  } rows[] = {{false, basic, basic, 2}, {false, both, both, 2},  {false, both, basic, 2},
              {false, stale, stale, 3}, {true, basic, basic, 1}, {true, both, both, 2},
              {true, both, stale, 3},   {true, stale, stale, 3}, {false, basic, both, 3},
              {false, basic, stale, 4}};
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    SCOPED(tunnel_rig, r, "sesame");
    int requests = 1;
    begin(&r, BOTH, rows[i].at_once);
    int result = feed(&r, 0, rows[i].answer);
    for (; result == 0; requests++) result = feed(&r, 1, rows[i].later);
    assert_int_equal(result, WSUV_EPROXYAUTH);
    assert_int_equal(requests, rows[i].requests);
    /* After Digest, Basic is no scheme that may be used. */
    const bool weaker = rows[i].answer == both && rows[i].later == basic;
    assert_string_equal(r.t->detail.text, weaker ? "HTTP 407: no scheme that may be used"
                                                 : "HTTP 407: credentials were refused");
  }
}

/* ---- anything ---- */

/* The result of an answer does not depend on how it is cut, and no byte is lost. Only when bytes
   follow a challenge it does: those that come with it are not the answer to the next request. */
static void assert_same(const bytes *answer, uint32_t seed) {
  int results[3];
  size_t behind[3];
  bool asked = false;
  for (int n = 0; n < 3; n++) {
    SCOPED(tunnel_rig, r, "sesame");
    const pieces hows[] = {
        {.kind = PIECES_WHOLE}, {.kind = PIECES_BYTES}, {.kind = PIECES_RANDOM, .seed = seed}};
    begin(&r, BOTH, false);
    results[n] = tunnel_rig_feed(&r, hows[n], answer->base, answer->len);
    behind[n] = results[n] == 1 ? r.behind.len : 0;
    asked = asked || r.sent.len > strlen(PLAIN);
    if (results[n] == 0) assert_true(r.t->ops->eof(r.t) < 0);
  }
  if (asked) return;
  assert_int_equal(behind[0], behind[1]);
  assert_int_equal(behind[0], behind[2]);
  assert_int_equal(results[0], results[1]);
  assert_int_equal(results[0], results[2]);
}

TEST(test_connect_answers_with_any_byte) {
  static const char *const good[] = {"HTTP/1.1 200 OK\r\nA: b\r\n\r\n" FRAMES,
                                     "HTTP/1.1 403 x\r\nContent-Length: 4\r\n\r\nbody"};
  for (size_t i = 0; i < COUNT_OF(good); i++) {
    for (size_t at = 0; at < strlen(good[i]); at++) {
      for (int c = 0; c < 256; c++) {
        SCOPED_BYTES answer = {0};
        bytes_print(&answer, "%s", good[i]);
        answer.base[at] = (uint8_t) c;
        assert_same(&answer, (uint32_t) c);
      }
    }
  }
}

#define PICK(list) list[seeded_below(&seed, COUNT_OF(list))]

/* As a fuzzer would. */
TEST(test_connect_answers_at_random) {
  static const char *const lines[] = {"HTTP/1.1 200 OK",  "HTTP/1.0 200 OK", "HTTP/1.1 407 x",
                                      "HTTP/1.1 407 x",   "HTTP/1.1 401 x",  "HTTP/1.1 100 x",
                                      "HTTP/1.1 502 x",   "HTTP/1.1 101 x",  "HTTP/1.0 407 x",
                                      "HTTP/1.1 407 \x80"};
  static const char *const fields[] = {
      "Content-Length: 0",
      "Content-Length: 4",
      "Content-Length: 99999999999999999999",
      "Transfer-Encoding: chunked",
      "Connection: close",
      "Connection: keep-alive",
      "Proxy-Authenticate: Basic realm=a",
      "Proxy-Authenticate: Digest realm=a, nonce=b, qop=auth",
      "Proxy-Authenticate: Digest realm=\"a, nonce=b",
      "Proxy-Authenticate: Digest realm=a, nonce=b, stale=true, opaque=\"\\\"\"",
      "Proxy-Authenticate: Digest a=b, realm=a, nonce=b, algorithm=SHA-256-sess",
      "WWW-Authenticate: Basic realm=a",
      "X: y\r\n z"};
  static const char *const bodies[] = {"", "body", "4\r\nbody\r\n0\r\n\r\n", "0\r\n\r\n", FRAMES};
  uint64_t seed = 3;
  for (int round = 0; round < 3000; round++) {
    SCOPED_BYTES answer = {0};
    for (size_t heads = 1 + seeded_below(&seed, 3); heads > 0; heads--) {
      bytes_print(&answer, "%s\r\n", PICK(lines));
      for (size_t n = seeded_below(&seed, 6); n > 0; n--) {
        bytes_print(&answer, "%s\r\n", PICK(fields));
      }
      bytes_print(&answer, "\r\n%s", PICK(bodies));
    }
    if (seeded_below(&seed, 4) == 0) {
      answer.base[seeded_below(&seed, answer.len)] = (uint8_t) seeded(&seed);
    }
    assert_same(&answer, (uint32_t) round);
  }
}

/* ---- memory ---- */

/* F46: a challenge on the same connection, another one on a new connection, the tunnel. */
static int play(tunnel_rig *r) {
  const tunnel_connect_config config = config_of(BOTH, true);
  int result = tunnel_connect_new(&r->t, &r->alloc.handle, &config, &r->why);
  if (result < 0) return result;
  tunnel_rig_send(r);
  result = feed(r, 1, "HTTP/1.1 407 x\r\n" CHALLENGE_DIGEST "Content-Length: 4\r\n\r\nbody");
  if (result < 0) return result;
  result = feed(r, 0,
                "HTTP/1.1 407 x\r\nProxy-Authenticate: Digest realm=b, nonce=c, stale=true, "
                "opaque=\"\\\"\"\r\n\r\n");
  if (result != WS_EAGAIN) return result;
  result = r->t->ops->restart(r->t);
  if (result < 0) return result;
  tunnel_rig_send(r);
  return feed(r, 0, "HTTP/1.1 200 OK\r\n\r\n");
}

TEST(test_connect_without_memory) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(tunnel_rig, r, "sesame");
    alloc_failures_begin(&f, &r.alloc.below);
    int result = play(&r);
    assert_int_equal(result, alloc_failures_end(&f, &r.alloc.below) ? WS_ENOMEM : 1);
  }
}

/* A refusal without memory for the list of its fields has no fields. */
TEST(test_connect_refusal_without_memory) {
  SCOPED(tunnel_rig, r, "sesame");
  ws_tunnel_refusal refusal;
  begin(&r, 0, false);
  assert_int_equal(feed(&r, 0, "HTTP/1.1 403 x\r\nContent-Length: 1\r\n\r\nb"), WSUV_EPROXY);
  r.alloc.below.fail_at = r.alloc.below.calls + 1;
  r.t->ops->refusal(r.t, &refusal);
  assert_int_equal(refusal.status, 403);
  assert_int_equal(refusal.header_count, 0);
  assert_int_equal(refusal.body.len, 1);
}

/* Credentials in base64 are overwritten, too. */
TEST(test_connect_overwrites_what_it_sends) {
  static const char *const secrets[] = {"dXNlcjpzZXNhbWU", "user:sesame", "usersesame"};
  for (size_t i = 0; i < COUNT_OF(secrets); i++) {
    SCOPED(tunnel_rig, r, secrets[i]);
    begin(&r, AUTH_BASIC, true);
    assert_int_equal(feed(&r, 0, "HTTP/1.1 407 x\r\n" CHALLENGE_BASIC LENGTH), WSUV_EPROXYAUTH);
  }
}
