/* Sessions through one scripted proxy of each kind, which plays the server behind it, too. F70 */

#include <stdio.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* A proxy, and what goes over the wire until the tunnel is open. */
typedef struct dialogue {
  const char *scheme; /* of its URL, with the credentials */
  const char *url;    /* of the server behind it */
  struct {
    const char *expected;
    size_t expected_len;
    const char *answer; /* NULL: there is no second exchange */
    size_t answer_len;
  } step[3];
} dialogue;

#define TEXT(s) (s), sizeof(s) - 1

static const dialogue dialogues[] = {
    {"http://",
     "ws://h.test/",
     {{TEXT("CONNECT h.test:80 HTTP/1.1\r\nHost: h.test:80\r\n\r\n"),
       TEXT("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n")}}},
    {"http://",
     "ws://[2001:db8::7]:81/",
     {{TEXT("CONNECT [2001:db8::7]:81 HTTP/1.1\r\nHost: [2001:db8::7]:81\r\n\r\n"),
       TEXT("HTTP/1.1 100 Wait\r\n\r\nHTTP/1.0 299 Well\r\n\r\n")}}},
    {"http://bob:s%65cret@",
     "ws://h.test/",
     {{TEXT("CONNECT h.test:80 HTTP/1.1\r\nHost: h.test:80\r\n\r\n"),
       TEXT("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
            "Content-Length: 4\r\n\r\nnope")},
      {TEXT("CONNECT h.test:80 HTTP/1.1\r\nHost: h.test:80\r\n"
            "Proxy-Authorization: Basic Ym9iOnNlY3JldA==\r\n\r\n"),
       TEXT("HTTP/1.1 200 OK\r\n\r\n")}}},
    {"socks4://",
     "ws://192.0.2.7:81/",
     {{TEXT("\4\1\0\121\300\0\2\7\0"), TEXT("\0\132\0\0\0\0\0\0")}}},
    {"socks4a://bob@",
     "ws://h.test/",
     {{TEXT("\4\1\0\120\0\0\0\1bob\0h.test\0"), TEXT("\0\132\0\0\0\0\0\0")}}},
    {"socks5://",
     "ws://192.0.2.7:81/",
     {{TEXT("\5\1\0"), TEXT("\5\0")},
      {TEXT("\5\1\0\1\300\0\2\7\0\121"), TEXT("\5\0\0\1\0\0\0\0\0\0")}}},
    {"socks5h://bob:secret@",
     "ws://h.test/",
     {{TEXT("\5\2\0\2"), TEXT("\5\2")},
      {TEXT("\1\3bob\6secret"), TEXT("\1\0")},
      {TEXT("\5\1\0\3\6h.test\0\120"), TEXT("\5\0\0\3\3abc\0\0")}}},
};
enum { DIALOGUES = sizeof dialogues / sizeof *dialogues };

/* The server behind it greets, and answers the close frame. */
static void play_dialogue(raw_peer *p, const dialogue *d, size_t piece) {
  size_t n = 0;
  peer_step steps[13];
  for (size_t i = 0; i < 3 && d->step[i].answer != NULL; i++) {
    steps[n++] = (peer_step) PEER_EXPECT_BYTES(d->step[i].expected, d->step[i].expected_len);
    steps[n++] = (peer_step) PEER_SEND_PIECES(d->step[i].answer, d->step[i].answer_len, piece);
  }
  const peer_step rest[] = {
      PEER_EXPECT_REQUEST,   PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "hi"), PEER_EXPECT_CLOSE(1000),
      PEER_SEND_CLOSE(1000), PEER_END,          {.kind = STEP_NONE}};
  memcpy(steps + n, rest, sizeof rest);
  raw_peer_play_steps(p, steps);
}

static size_t longest_answer(const dialogue *d) {
  size_t most = 0;
  for (size_t i = 0; i < 3; i++) {
    if (d->step[i].answer_len > most) most = d->step[i].answer_len;
  }
  return most;
}

static void close_at_message(session_user *u, const wsuv_message_t *m) {
  CHECK(m->len == 2 && user_close(u, 1000, NULL) == 0);
}

/* Connect through the peer, and run until the session has ended. */
static void play_through(session_user *u, raw_peer *p, const char *scheme, const char *url) {
  char proxy[128];
  wsuv_request_t r;
  (void) snprintf(proxy, sizeof proxy, "%s127.0.0.1:%u", scheme, (unsigned) p->port);
  user_reset(u);
  wsuv_request_init(&r, url);
  r.proxy = proxy;
  u->at_message = close_at_message;
  assert_int_equal(user_request(u, &r), 0);
  user_run_to_close(u);
}

/* Cut into pieces of each length, so that there is a cut at each byte. */
SCENARIO_TEST(test_proxy_of_each_kind_whose_answers_are_cut, w, p, u) {
  for (size_t i = 0; i < DIALOGUES; i++) {
    const dialogue *d = &dialogues[i];
    for (size_t piece = 1; piece <= longest_answer(d); piece++) {
      play_dialogue(p->raw, d, piece);
      play_through(u, p->raw, d->scheme, d->url);
      assert_true(user_ended_cleanly(u, 1000, 1000));
      assert_int_equal(u->messages, 1);
    }
  }
}

/* What the proxy sends behind its answer is from the server. */
SCENARIO_TEST(test_proxy_s_answer_together_with_the_server_s, w, p, u) {
  static const char both[] =
      "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnope";
  for (size_t piece = 1; piece < sizeof both; piece++) {
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_PIECES(both, sizeof both - 1, piece),
                  PEER_EXPECT_GONE);
    play_through(u, p->raw, "http://", "ws://h.test/");
    assert_true(user_ended_by(u, WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE));
    assert_int_equal(u->end.http_status, 403);
    assert_string_equal(bytes_text(&u->end.body), "nope");
  }
}

/* ---- refusals ---- */

static void assert_proxy_refused(const session_user *u, int status, const char *detail) {
  assert_true(user_ended_by(u, status, WSUV_STAGE_PROXY));
  assert_true(user_never_opened(u));
  assert_non_null(strstr(u->end.detail, detail));
}

SCENARIO_TEST(test_proxy_refuses, w, p, u) {
  static const struct {
    const char *answer;
    int status, http_status;
    const char *detail, *body;
  } rows[] = {
      {"HTTP/1.1 403 No\r\nA: b\r\nContent-Length: 3\r\n\r\nno.", WSUV_EPROXY, 403, "HTTP 403",
       "no."},
      {"HTTP/1.1 503 No\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\nContent-Length: 0\r\n\r\n",
       WSUV_EPROXYDNS, 503, "ERR_DNS_FAIL", ""},
      {"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 1\r\n\r\nx",
       WSUV_EPROXYAUTH, 407, "no credentials", "x"},
      {"HTTP/1.1 101 Switching\r\n\r\n", WSUV_EPROXY, 0, "answers no CONNECT", ""},
      {"SSH-2.0-x\r\n\r\n", WSUV_EPROXY, 0, "", ""},
      {"HTTP/1.1 301 Go\r\nLocation: http://h/\r\nContent-Length: 0\r\n\r\n", WSUV_EPROXY, 301, "",
       ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                  PEER_SEND_BYTES(rows[i].answer, strlen(rows[i].answer)), PEER_EXPECT_GONE);
    play_through(u, p->raw, "http://", "ws://h.test/");
    assert_proxy_refused(u, rows[i].status, rows[i].detail);
    assert_int_equal(u->end.http_status, rows[i].http_status);
    assert_int_equal(u->end.body.len, strlen(rows[i].body));
    assert_int_equal(strncmp(u->end.proxy, "http://127.0.0.1:", 17), 0);
  }
}

SCENARIO_TEST(test_proxy_of_socks_refuses_by_name, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT("\5\1\0"), PEER_SEND("\5\0"),
                PEER_EXPECT("\5\1\0\3\6h.test\0\120"), PEER_SEND("\5\5\0\1\0\0\0\0\0\0"),
                PEER_EXPECT_GONE);
  play_through(u, p->raw, "socks5h://", "ws://h.test/");
  assert_proxy_refused(u, WSUV_EPROXY, "connection refused (5)");
  raw_peer_play(p->raw, PEER_EXPECT("\5\1\0"), PEER_SEND("\5\377"), PEER_EXPECT_GONE);
  play_through(u, p->raw, "socks5h://", "ws://h.test/");
  assert_proxy_refused(u, WSUV_EPROXYAUTH, "no credentials");
}

/* The connection ends at each step, by its end or by a reset. */
SCENARIO_TEST(test_proxy_goes_away, w, p, u) {
  static const char part[] = "HTTP/1.1 200 OK\r\nA: b\r\n";
  for (size_t len = 0; len < sizeof part; len++) {
    const peer_step leave = len % 2 == 0 ? (peer_step) PEER_RESET : (peer_step) PEER_CLOSE;
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(part, len), leave);
    play_through(u, p->raw, "http://", "ws://h.test/");
    assert_true(u->end.stage == WSUV_STAGE_PROXY || u->end.stage == WSUV_STAGE_CONNECT);
    assert_true(u->end.status == UV_EOF || u->end.status == UV_ECONNRESET ||
                u->end.status == UV_EPIPE || u->end.status == UV_ETIMEDOUT);
    assert_true(user_never_opened(u));
  }
}

/* A new connection is made for the credentials, with one deadline for all. */
SCENARIO_TEST(test_proxy_wants_a_new_connection_for_credentials, w, p, u) {
  static const char *const closing[] = {"Connection: close\r\n", "Proxy-Connection: close\r\n", ""};
  for (size_t i = 0; i < 3; i++) {
    bytes answer = {0};
    bytes_print(&answer, "HTTP/1.%d 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n%s\r\n",
                i < 2, closing[i]);
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(answer.base, answer.len), PEER_END);
    play_dialogue(p->raw, &(dialogue){.step = {dialogues[2].step[1]}}, 0);
    play_through(u, p->raw, "http://bob:secret@", "ws://h.test/");
    assert_true(user_ended_cleanly(u, 1000, 1000));
    bytes_free(&answer);
  }
  assert_int_equal(p->raw->accepted, 6);
}

SCENARIO_SIM_TEST(test_silent_proxy, w, p, u) {
  u->config.handshake_timeout_ms = 700;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  play_through(u, p->raw, "http://", "ws://h.test/");
  assert_proxy_refused(u, UV_ETIMEDOUT, "handshake deadline");
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nno"), PEER_EXPECT_GONE);
  play_through(u, p->raw, "http://", "ws://h.test/");
  assert_proxy_refused(u, WSUV_EPROXY, "HTTP 403");
  assert_int_equal(u->end.http_status, 403);
}

SCENARIO_TEST(test_proxy_that_is_not_there, w, p, u) {
  p->raw->port = world_dead_port(w);
  play_through(u, p->raw, "http://", "ws://h.test/");
  assert_true(user_ended_by(u, UV_ECONNREFUSED, WSUV_STAGE_CONNECT));
  assert_non_null(strstr(u->end.detail, "http://127.0.0.1:"));
}

/* ---- who looks up the name ---- */

SCENARIO_SIM_TEST(test_proxy_gets_the_address_that_was_looked_up, w, p, u) {
  static const dialogue v5 = {"socks5://",
                              "ws://h.test/",
                              {{TEXT("\5\1\0"), TEXT("\5\0")},
                               {TEXT("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\0\120"),
                                TEXT("\5\0\0\1\0\0\0\0\0\0")}}};
  static const dialogue v4 = {
      "socks4://", "ws://h.test/", {{TEXT("\4\1\0\120\300\0\2\7\0"), TEXT("\0\132\0\0\0\0\0\0")}}};
  const dialogue *const both[] = {&v5, &v4};
  sim_name(world_sim(w), "h.test",
           &(sim_answer){.delay_ms = 3, .addrs = {"2001:db8::7", "192.0.2.7"}});
  for (size_t i = 0; i < 2; i++) {
    play_dialogue(p->raw, both[i], 0);
    play_through(u, p->raw, both[i]->scheme, both[i]->url);
    assert_true(user_ended_cleanly(u, 1000, 1000));
  }
  sim_name(world_sim(w), "h.test", &(sim_answer){.status = UV_EAI_NONAME});
  p->raw->lenient = true;
  play_through(u, p->raw, "socks5://", "ws://h.test/");
  assert_proxy_refused(u, UV_EAI_NONAME, "lookup");
  sim_name(world_sim(w), "h.test", &(sim_answer){.addrs = {"2001:db8::7"}});
  play_through(u, p->raw, "socks4://", "ws://h.test/");
  assert_proxy_refused(u, UV_EAFNOSUPPORT, "lookup");
}

/* ---- giving up ---- */

static void terminate(session_user *u) {
  user_terminate(u);
}

static void close_client(session_user *u) {
  assert_int_equal(user_end_client(u, call_client_close, NULL), 0);
}

SCENARIO_TEST(test_terminate_while_the_proxy_is_asked, w, p, u) {
  static void (*const ways[])(session_user *) = {terminate, close_client};
  for (size_t i = 0; i < 2; i++) {
    char proxy[64];
    wsuv_request_t r;
    scenario_renew(u);
    p->raw->lenient = true;
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", (unsigned) p->raw->port);
    wsuv_request_init(&r, "ws://h.test/");
    r.proxy = proxy;
    assert_int_equal(user_request(u, &r), 0);
    scenario_at_stage(u, WSUV_STAGE_PROXY, ways[i]);
    user_run_to_close(u);
    assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_PROXY));
  }
}
