/* SOCKS 4, 4a and 5: what is sent, each reply cut at every byte and glued to what is behind it,
   each code, each byte in each place, and what is refused before anything is sent. F71 */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/tunnel/tunnel_socks.h"
#include "support/alloc_failures.h"
#include "support/test.h"
#include "support/tunnel_rig.h"

#define TEXT(s) \
  { s, sizeof(s) - 1 }
#define NAME(s) .target = {.host = {s, sizeof(s) - 1}, .port = 0x1bb}
#define IPV4                                       \
  .target = {.host = TEXT("192.0.2.1"),            \
             .is_address = true,                   \
             .address = {.bytes = {192, 0, 2, 1}}, \
             .port = 80}
#define IPV6                                                                     \
  .target = {.host = TEXT("2001:db8::1"),                                        \
             .is_address = true,                                                 \
             .address = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}, .ipv6 = true}, \
             .port = 0xff01}
#define LOGIN .user = TEXT("user"), .password = TEXT("sesame")

typedef int make_fn(ws_tunnel **out, const wsuv_allocator_t *alloc,
                    const tunnel_socks_config *config, ws_why *why);

static int make(tunnel_rig *r, make_fn *maker, tunnel_socks_config config) {
  return maker(&r->t, &r->alloc.handle, &config, &r->why);
}

#define FRAMES "\x81\x02hi\x05\0\0"

typedef struct socks_play {
  make_fn *make;
  tunnel_socks_config config;
  ws_text replies; /* of the proxy */
  ws_text sent;    /* by us, in all */
} socks_play;

static const socks_play plays[] = {
    {tunnel_socks4_new, {IPV4}, TEXT("\0\x5a\1\2\3\4\5\6"), TEXT("\4\1\0\x50\xc0\0\2\1\0")},
    {tunnel_socks4_new,
     {IPV4, .user = TEXT("sesame")},
     TEXT("\0\x5a\0\0\0\0\0\0"),
     TEXT("\4\1\0\x50\xc0\0\2\1sesame\0")},
    {tunnel_socks4_new,
     {NAME("a.test"), .user = TEXT("u")},
     TEXT("\0\x5a\0\0\0\0\0\0"),
     TEXT("\4\1\1\xbb\0\0\0\1u\0a.test\0")},
    {tunnel_socks4_new, {NAME("a")}, TEXT("\0\x5a\0\0\0\0\0\0"), TEXT("\4\1\1\xbb\0\0\0\1\0a\0")},
    {tunnel_socks5_new,
     {NAME("a.test")},
     TEXT("\5\0\5\0\0\1\1\2\3\4\5\6"),
     TEXT("\5\1\0\5\1\0\3\6a.test\1\xbb")},
    {tunnel_socks5_new,
     {IPV4},
     TEXT("\5\0\5\0\0\4\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\0\1\2"),
     TEXT("\5\1\0\5\1\0\1\xc0\0\2\1\0\x50")},
    {tunnel_socks5_new,
     {IPV6},
     TEXT("\5\0\5\0\0\3\5hello\1\2"),
     TEXT("\5\1\0\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\xff\1")},
    {tunnel_socks5_new,
     {NAME("a"), LOGIN},
     TEXT("\5\2\1\0\5\0\0\3\0\1\2"), /* a name without characters */
     TEXT("\5\2\0\2\1\4user\6sesame\5\1\0\3\1a\1\xbb")},
    {tunnel_socks5_new, /* credentials that are not wanted stay here */
     {NAME("a"), LOGIN},
     TEXT("\5\0\5\0\x99\1\0\0\0\0\0\0"),
     TEXT("\5\2\0\2\5\1\0\3\1a\1\xbb")},
    {tunnel_socks5_new, /* an empty password; a status of version 5 */
     {NAME("a"), .user = TEXT("sesame")},
     TEXT("\5\2\5\0\5\0\0\1\0\0\0\0\0\0"),
     TEXT("\5\2\0\2\1\6sesame\0\5\1\0\3\1a\1\xbb")},
};

static void play(const socks_play *p, pieces how, size_t at_once) {
  SCOPED_BYTES all = {0};
  SCOPED(tunnel_rig, r, "sesame");
  r.at_once = at_once;
  bytes_add(&all, p->replies.base, p->replies.len);
  bytes_add(&all, FRAMES, sizeof FRAMES - 1);
  assert_int_equal(make(&r, p->make, p->config), 0);
  tunnel_rig_send(&r);
  assert_int_equal(tunnel_rig_feed(&r, how, all.base, all.len), 1);
  /* Pieces behind the reply are not fed. */
  assert_int_equal(r.behind.len, sizeof FRAMES - 1);
  assert_memory_equal(r.behind.base, FRAMES, sizeof FRAMES - 1);
  assert_int_equal(r.sent.len, p->sent.len);
  assert_memory_equal(r.sent.base, p->sent.base, p->sent.len);
  assert_string_equal(r.t->detail.text, "");
}

TEST(test_socks_opens_a_tunnel) {
  for (size_t i = 0; i < COUNT_OF(plays); i++) {
    const size_t len = plays[i].replies.len + sizeof FRAMES - 1;
    for (size_t n = 0; n <= len + 1; n++) play(&plays[i], tunnel_rig_way(n), 0);
    play(&plays[i], tunnel_rig_way(1), 1);
    play(&plays[i], tunnel_rig_way(0), 2);
  }
}

/* A reader that takes as many bytes as are wanted gets none of the tunnel. */
TEST(test_socks_wants_no_byte_of_the_tunnel) {
  for (size_t i = 0; i < COUNT_OF(plays); i++) {
    SCOPED(tunnel_rig, r, "sesame");
    const ws_text replies = plays[i].replies;
    size_t at = 0, used;
    int result = 0;
    assert_int_equal(make(&r, plays[i].make, plays[i].config), 0);
    while (result == 0) {
      const size_t n = r.t->ops->most(r.t);
      assert_true(n >= 1 && at + n <= replies.len);
      result = r.t->ops->feed(r.t, (const uint8_t *) replies.base + at, n, &used);
      assert_int_equal(used, n);
      at += n;
    }
    assert_int_equal(result, 1);
    assert_int_equal(at, replies.len);
  }
}

/* ---- replies ---- */

static void assert_fails(const socks_play *p, int err, const char *detail) {
  for (size_t n = 0; n <= p->replies.len + 1; n++) {
    SCOPED(tunnel_rig, r, "sesame");
    assert_int_equal(make(&r, p->make, p->config), 0);
    tunnel_rig_send(&r);
    assert_int_equal(tunnel_rig_feed(&r, tunnel_rig_way(n), p->replies.base, p->replies.len), err);
    assert_string_equal(r.t->detail.text, detail);
    ws_tunnel_refusal refusal;
    r.t->ops->refusal(r.t, &refusal);
    assert_int_equal(refusal.status, 0);
    assert_int_equal(refusal.header_count, 0);
    assert_int_equal(refusal.body.len, 0);
  }
}

TEST(test_socks4_replies) {
  static const char *const texts[] = {[91] = "SOCKS 4: request rejected or failed (91)",
                                      [92] = "SOCKS 4: no identd on the client (92)",
                                      [93] = "SOCKS 4: identd reports another user (93)"};
  for (unsigned code = 0; code < 256; code++) {
    const char reply[] = {0, (char) code};
    const socks_play p = {tunnel_socks4_new, {IPV4}, {reply, sizeof reply}, TEXT("")};
    char text[64];
    if (code == 90) continue;
    (void) snprintf(text, sizeof text, "SOCKS 4: unknown reply (%u)", code);
    const bool known = code >= 91 && code <= 93;
    assert_fails(&p, code == 92 || code == 93 ? WSUV_EPROXYAUTH : WSUV_EPROXY,
                 known ? texts[code] : text);
  }
}

TEST(test_socks5_replies) {
  static const char *const texts[] = {
      "",
      "SOCKS 5: general SOCKS server failure (1)",
      "SOCKS 5: connection not allowed by ruleset (2)",
      "SOCKS 5: network unreachable (3)",
      "SOCKS 5: host unreachable (4)",
      "SOCKS 5: connection refused (5)",
      "SOCKS 5: TTL expired (6)",
      "SOCKS 5: command not supported (7)",
      "SOCKS 5: address type not supported (8)",
  };
  for (unsigned code = 1; code < 256; code++) {
    const char reply[] = {5, 0, 5, (char) code};
    const socks_play p = {tunnel_socks5_new, {NAME("a")}, {reply, sizeof reply}, TEXT("")};
    char text[64];
    (void) snprintf(text, sizeof text, "SOCKS 5: unknown reply (%u)", code);
    assert_fails(&p, WSUV_EPROXY, code < COUNT_OF(texts) ? texts[code] : text);
  }
}

TEST(test_socks5_methods) {
  for (unsigned method = 0; method < 256; method++) {
    const char reply[] = {5, (char) method};
    const ws_text replies = {reply, sizeof reply};
    const socks_play without = {tunnel_socks5_new, {NAME("a")}, replies, TEXT("")};
    const socks_play with = {tunnel_socks5_new, {NAME("a"), LOGIN}, replies, TEXT("")};
    static const char other[] = "SOCKS 5: the proxy chose a method that was not offered";
    if (method == 0xff) {
      assert_fails(&without, WSUV_EPROXYAUTH, "SOCKS 5: no credentials");
      assert_fails(&with, WSUV_EPROXYAUTH, "SOCKS 5: the proxy accepts no user name and password");
    } else {
      if (method != 0) assert_fails(&without, WSUV_EPROXY, other);
      if (method != 0 && method != 2) assert_fails(&with, WSUV_EPROXY, other);
    }
  }
}

TEST(test_socks5_login_is_refused) {
  for (unsigned status = 1; status < 256; status++) {
    const char reply[] = {5, 2, 1, (char) status};
    const socks_play p = {tunnel_socks5_new, {NAME("a"), LOGIN}, {reply, sizeof reply}, TEXT("")};
    assert_fails(&p, WSUV_EPROXYAUTH, "SOCKS 5: credentials were refused");
  }
}

TEST(test_socks_replies_of_other_protocols) {
  static const char other[] = "answer of another version of SOCKS";
  static const char http[] = "the proxy speaks HTTP, not SOCKS";
  const socks_play rows[] = {
      {tunnel_socks4_new, {IPV4}, TEXT("\5\0"), TEXT("")},
      {tunnel_socks4_new, {IPV4}, TEXT("\4\x5a\0\0\0\0\0\0"), TEXT("")},
      {tunnel_socks5_new, {IPV4}, TEXT("\4\0"), TEXT("")},
      {tunnel_socks5_new, {IPV4}, TEXT("\0\x5b"), TEXT("")},
      {tunnel_socks5_new, {IPV4}, TEXT("\5\0\4\0"), TEXT("")},
      {tunnel_socks4_new, {IPV4}, TEXT("HTTP/1.1 400 Bad Request\r\n\r\n"), TEXT("")},
      {tunnel_socks5_new, {IPV4}, TEXT("HTTP/1.1 400 Bad Request\r\n\r\n"), TEXT("")},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_fails(&rows[i], WSUV_EPROXY, rows[i].replies.base[0] == 'H' ? http : other);
  }
}

/* What becomes of replies, told apart by code that shares nothing with the library: the code; *len:
   how many bytes of the replies belong to the proxy. */
static int expect5(const uint8_t *b, size_t n, size_t *len) {
  *len = 0;
  if (n < 2) return 0;
  if (b[0] != 5) return WSUV_EPROXY;
  if (b[1] == 0xff) return WSUV_EPROXYAUTH;
  if (b[1] != 0 && b[1] != 2) return WSUV_EPROXY;
  if (b[1] == 2) {
    if (n < 4) return 0;
    if (b[3] != 0) return WSUV_EPROXYAUTH;
  }
  const size_t at = b[1] == 2 ? 4 : 2;
  if (n < at + 2) return 0;
  if (b[at] != 5 || b[at + 1] != 0) return WSUV_EPROXY;
  if (n < at + 4) return 0;
  if (b[at + 3] != 1 && b[at + 3] != 3 && b[at + 3] != 4) return WSUV_EPROXY;
  if (b[at + 3] == 3 && n < at + 5) return 0;
  *len = at + 4 + 2 + (b[at + 3] == 1 ? 4u : b[at + 3] == 4 ? 16u : 1u + b[at + 4]);
  return n >= *len ? 1 : 0;
}

TEST(test_socks5_replies_with_any_byte) {
  static const char good[] = "\5\2\1\0\5\0\0\3\2ab\1\2 what is behind it is not looked at";
  for (size_t at = 0; at < 13; at++) {
    for (int c = 0; c < 256; c++) {
      uint8_t replies[sizeof good];
      size_t len;
      memcpy(replies, good, sizeof good);
      replies[at] = (uint8_t) c;
      const int expected = expect5(replies, sizeof good - 1, &len);
      for (size_t n = 0; n < 2; n++) {
        SCOPED(tunnel_rig, r, "sesame");
        assert_int_equal(make(&r, tunnel_socks5_new, (tunnel_socks_config){NAME("a"), LOGIN}), 0);
        tunnel_rig_send(&r);
        int result = tunnel_rig_feed(&r, tunnel_rig_way(n), replies, sizeof good - 1);
        assert_int_equal(result, expected);
        if (result == 1) assert_int_equal(r.behind.len, sizeof good - 1 - len);
      }
    }
  }
}

/* The longest reply. */
TEST(test_socks5_reply_with_a_long_name) {
  char replies[2 + 4 + 1 + 255 + 2] = "\5\0\5\0\0\3\xff";
  const socks_play p = {
      tunnel_socks5_new, {NAME("a")}, {replies, sizeof replies}, TEXT("\5\1\0\5\1\0\3\1a\1\xbb")};
  for (size_t n = 0; n <= sizeof replies; n++) play(&p, tunnel_rig_way(n), 0);
}

/* As a fuzzer would. */
TEST(test_socks_replies_at_random) {
  uint64_t seed = 17;
  for (int round = 0; round < 4000; round++) {
    const socks_play *p = &plays[seeded_below(&seed, COUNT_OF(plays))];
    int results[2];
    size_t behind[2];
    SCOPED_BYTES replies = {0};
    bytes_add(&replies, p->replies.base, seeded_below(&seed, p->replies.len + 1));
    bytes_noise(&replies, &seed, seeded_below(&seed, 20));
    for (size_t n = 0; n < 2; n++) {
      SCOPED(tunnel_rig, r, "sesame");
      assert_int_equal(make(&r, p->make, p->config), 0);
      tunnel_rig_send(&r);
      const pieces how = {.kind = n == 0 ? PIECES_WHOLE : PIECES_RANDOM, .seed = (uint32_t) round};
      results[n] = tunnel_rig_feed(&r, how, replies.base, replies.len);
      behind[n] = results[n] == 1 ? r.behind.len : 0;
    }
    assert_int_equal(results[0], results[1]);
    assert_int_equal(behind[0], behind[1]);
  }
}

TEST(test_socks_connection_ends) {
  for (size_t i = 0; i < COUNT_OF(plays); i++) {
    for (size_t n = 0; n < plays[i].replies.len; n++) {
      SCOPED(tunnel_rig, r, "sesame");
      assert_int_equal(make(&r, plays[i].make, plays[i].config), 0);
      tunnel_rig_send(&r);
      assert_int_equal(tunnel_rig_feed(&r, tunnel_rig_way(0), plays[i].replies.base, n), 0);
      assert_int_equal(r.t->ops->eof(r.t), WS_EOF);
      assert_string_equal(r.t->detail.text, "connection ended before the proxy's answer");
    }
  }
}

/* ---- what is refused before anything is sent ---- */

static void assert_refused(make_fn *maker, tunnel_socks_config config, int err, const char *words) {
  SCOPED(tunnel_rig, r, "sesame");
  assert_int_equal(make(&r, maker, config), err);
  assert_string_equal(r.why.text, words);
  assert_null(r.t);
  assert_int_equal(r.alloc.freed, 0);
}

#define CONFIG(...) ((tunnel_socks_config){__VA_ARGS__})

TEST(test_socks_refuses_credentials) {
  static char text[256];
  memset(text, 'a', sizeof text);
  const ws_text longer = {text, 256}, longest = {text, 255};
  const char *long_user = "user name of more than 255 bytes";
  assert_refused(tunnel_socks4_new, CONFIG(IPV4, .user = longer), WSUV_EINVAL_HEADER, long_user);
  assert_refused(tunnel_socks4_new, CONFIG(IPV4, .user = TEXT("a\0b")), WSUV_EINVAL_HEADER,
                 "NUL in the user name");
  assert_refused(tunnel_socks4_new, CONFIG(IPV4, LOGIN), WSUV_EINVAL_HEADER,
                 "SOCKS 4 has no passwords");
  assert_refused(tunnel_socks5_new, CONFIG(IPV4, .user = longer), WSUV_EINVAL_HEADER, long_user);
  assert_refused(tunnel_socks5_new, CONFIG(IPV4, .user = TEXT("a"), .password = longer),
                 WSUV_EINVAL_HEADER, "password of more than 255 bytes");
  assert_refused(tunnel_socks5_new, CONFIG(IPV4, .user = TEXT(""), .password = TEXT("a")),
                 WSUV_EINVAL_HEADER, "empty user name");
  for (int n = 0; n < 2; n++) {
    SCOPED(tunnel_rig, r, "sesame");
    const tunnel_socks_config config = {IPV4, .user = longest, .password = {text, n ? 255 : 0}};
    assert_int_equal(make(&r, n ? tunnel_socks5_new : tunnel_socks4_new, config), 0);
  }
}

TEST(test_socks_refuses_targets) {
  static char text[254];
  memset(text, 'a', sizeof text);
  make_fn *const makers[] = {tunnel_socks4_new, tunnel_socks5_new};
  assert_refused(tunnel_socks4_new, CONFIG(IPV6), WS_EAFNOSUPPORT, "SOCKS 4 has no IPv6 addresses");
  for (size_t i = 0; i < COUNT_OF(makers); i++) {
    assert_refused(makers[i], CONFIG(.target = {.host = {text, 254}, .port = 1}), WSUV_EURL,
                   "host of more than 253 characters");
    assert_refused(makers[i], CONFIG(.target = {.host = {NULL, 0}, .port = 1}), WSUV_EURL,
                   "no host");
    assert_refused(makers[i], CONFIG(.target = {.host = TEXT("a")}), WSUV_EURL, "port 0");
    assert_refused(makers[i], CONFIG(.target = {.host = TEXT("a\0b"), .port = 1}), WSUV_EURL,
                   "host with a character that is not allowed");
    SCOPED(tunnel_rig, r, "sesame");
    const tunnel_socks_config config = {.target = {.host = {text, 253}, .port = 0xffff}};
    assert_int_equal(make(&r, makers[i], config), 0);
  }
}

/* F46 */
TEST(test_socks_without_memory) {
  for (size_t i = 0; i < COUNT_OF(plays); i++) {
    for (alloc_failures f = {0}; alloc_failures_next(&f);) {
      SCOPED(tunnel_rig, r, "sesame");
      alloc_failures_begin(&f, &r.alloc.below);
      int result = make(&r, plays[i].make, plays[i].config);
      if (result == 0) {
        tunnel_rig_send(&r);
        result =
            tunnel_rig_feed(&r, tunnel_rig_way(1), plays[i].replies.base, plays[i].replies.len);
      }
      assert_int_equal(result, alloc_failures_end(&f, &r.alloc.below) ? WS_ENOMEM : 1);
    }
  }
}
