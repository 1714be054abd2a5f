/* The log hook: which lines there are at which level. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/answer.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

typedef struct lines {
  bytes text; /* "2 a line" */
  size_t count[WSUV_LOG_TRACE + 1];
  const wsuv_session_t *session;
} lines;

static void on_line(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                    void *arg) {
  lines *l = arg;
  CHECK(level <= WSUV_LOG_TRACE);
  CHECK(strchr(text, '\n') == NULL && strchr(text, '\r') == NULL);
  CHECK(l->session == NULL || session == l->session);
  l->session = session;
  l->count[level]++;
  bytes_print(&l->text, "%d %.200s\n", (int) level, text);
}

static bool has(const lines *l, const char *line) {
  return strstr(bytes_text(&l->text), line) != NULL;
}

/* A session with a message each way, closed in the regular way or lost. */
static void run(world *w, lines *l, wsuv_log_level_t level, bool hook, bool lost) {
  frame_peer p;
  session_user u;
  scenario_begin(w, &p, &u);
  if (hook) u.config.log = on_line;
  u.config.log_arg = l;
  u.config.log_level = level;
  p.echoes = true;
  scenario_open(&u);
  assert_int_equal(user_text(&u, "hello"), 0);
  world_run_until_count(w, &u.messages, 1);
  if (lost) raw_conn_end(p.conn);
  if (!lost) assert_int_equal(user_close(&u, 1000, "bye"), 0);
  user_run_to_close(&u);
  scenario_finish(&u);
}

WORLD_TEST(test_info_tells_stages_handshake_and_close, w) {
  lines l = {0};
  run(w, &l, WSUV_LOG_INFO, true, false);
  assert_true(has(&l, "2 connecting to 127.0.0.1 port "));
  assert_true(has(&l, "2 connected\n"));
  assert_true(has(&l, "2 > GET / HTTP/1.1\n"));
  assert_true(has(&l, "2 > Sec-WebSocket-Version: 13\n"));
  assert_true(has(&l, "2 < status 101\n"));
  assert_true(has(&l, "2 < Upgrade: websocket\n"));
  assert_true(has(&l, "2 closed cleanly: received 1000 \"bye\", sent 1000 \"bye\"\n"));
  assert_int_equal(l.count[WSUV_LOG_DEBUG], 0);
  assert_int_equal(l.count[WSUV_LOG_WARN], 0);
  assert_int_equal(l.count[WSUV_LOG_ERROR], 0);
  bytes_free(&l.text);
}

/* Who reads the log may not act in the user's name. */
SCENARIO_TEST(test_credentials_are_left_out, w, p, u) {
  static const wsuv_header_t headers[] = {{"cOOKIE", "id=private"},
                                          {"X-Cookie", "a public one"},
                                          {"proxy-authorization", "Bearer private"}};
  wsuv_request_t request;
  char value[64];
  lines l = {0};
  u->config.log = on_line;
  u->config.log_arg = &l;
  u->config.log_level = WSUV_LOG_DEBUG;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE_WITH("Set-Cookie: id=private\r\n"),
                PEER_SEND_CLOSE(1000), PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
  wsuv_request_init(&request, raw_peer_url_of(p->raw, "user:private@127.0.0.1", "/"));
  request.headers = headers;
  request.header_count = sizeof headers / sizeof *headers;
  assert_int_equal(user_request(u, &request), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_true(raw_conn_header(raw_peer_conn(p->raw, 0), "Authorization", value, sizeof value));
  assert_string_equal(value, "Basic dXNlcjpwcml2YXRl");
  assert_true(raw_conn_header(raw_peer_conn(p->raw, 0), "Cookie", value, sizeof value));
  assert_string_equal(value, "id=private");
  assert_true(has(&l, "2 > Authorization: (left out)\n"));
  assert_true(has(&l, "2 > cOOKIE: (left out)\n"));
  assert_true(has(&l, "2 > proxy-authorization: (left out)\n"));
  assert_true(has(&l, "2 > X-Cookie: a public one\n"));
  assert_true(has(&l, "2 < Set-Cookie: (left out)\n"));
  assert_false(has(&l, "private"));
  assert_false(has(&l, "dXNlcj"));
  scenario_finish(u);
  bytes_free(&l.text);
}

static void begin_lines(session_user *u, lines *l, wsuv_log_level_t level) {
  u->config.log = on_line;
  u->config.log_arg = l;
  u->config.log_level = level;
}

/* Everywhere that a secret can be, there is one: of ours in the request, of the server's in the
   response. */
SCENARIO_TEST(test_secrets_are_in_no_line, w, p, u) {
  static const wsuv_header_t headers[] = {{"Cookie", "id=secret"},
                                          {"Proxy-Authorization", "Bearer secret"},
                                          {"Referer", "https://example.org/a?t=secret#secret"}};
  static const char *const subprotocols[] = {"chat", "secret-token"};
  wsuv_request_t request;
  lines l = {0};
  begin_lines(u, &l, WSUV_LOG_DEBUG);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND_UPGRADE_WITH("Sec-WebSocket-Protocol: secret-token\r\n"
                                       "Set-Cookie: secret\r\n"
                                       "Location: //u:secret@h/\r\n"
                                       "Content-Location: /a?secret\r\n"),
                PEER_SEND_CLOSE(1000), PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
  wsuv_request_init(&request, raw_peer_url_of(p->raw, "user:secret@127.0.0.1", "/p?t=secret"));
  request.headers = headers;
  request.header_count = sizeof headers / sizeof *headers;
  request.subprotocols = subprotocols;
  request.subprotocol_count = 2;
  assert_int_equal(user_request(u, &request), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_true(has(&l, "2 > GET /p?(left out) HTTP/1.1\n"));
  assert_true(has(&l, "2 > Sec-WebSocket-Protocol: (left out)\n"));
  assert_true(has(&l, "2 > Referer: https://example.org/a(left out)\n"));
  assert_true(has(&l, "2 < Sec-WebSocket-Protocol: (left out)\n"));
  assert_true(has(&l, "2 < Location: (left out)\n"));
  assert_true(has(&l, "2 < Content-Location: /a(left out)\n"));
  assert_false(has(&l, "secret"));
  assert_false(has(&l, "c2VjcmV0")); /* in base64, at any of the three places */
  assert_false(has(&l, "NlY3JldA"));
  assert_false(has(&l, "zZWNyZX"));
  scenario_finish(u);
  bytes_free(&l.text);
}

/* What fails has words for it, and they hold no secret. */
SCENARIO_TEST(test_secrets_are_in_no_detail, w, p, u) {
  static const char *const answers[] = {
      "HTTP/1.1 302\r\nLocation: https://u:secret@h/there?t=secret\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 401 Unauthorized\r\nSet-Cookie: secret\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 101 x\r\nUpgrade: secret\r\n\r\n"};
  static const char *const details[] = {"HTTP 302, Location /there", "HTTP 401",
                                        "Upgrade is not websocket"};
  static const char *const subprotocols[] = {"secret", "secret"};
  const wsuv_header_t header = {"Upgrade", "secret"};
  wsuv_request_t request;
  lines l = {0};
  begin_lines(u, &l, WSUV_LOG_ERROR);
  for (size_t i = 0; i < 3; i++) {
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(answers[i], strlen(answers[i])),
                  PEER_EXPECT_GONE);
    l.session = NULL;
    scenario_play(u);
    assert_string_equal(u->end.detail, details[i]);
  }
  assert_true(has(&l, "0 handshake: upgrade refused: HTTP 302, Location /there\n"));
  l.session = NULL;
  assert_int_equal(user_try_connect_url(u, "ws://user:secret@h/?t=secret secret"), WSUV_EURL);
  wsuv_request_init(&request, raw_peer_url(p->raw, "/?t=secret"));
  request.headers = &header;
  request.header_count = 1;
  assert_int_equal(user_request(u, &request), WSUV_EINVAL_HEADER);
  request.header_count = 0;
  request.subprotocols = subprotocols;
  request.subprotocol_count = 2;
  assert_int_equal(user_request(u, &request), WSUV_EINVAL_HEADER);
  assert_true(has(&l, "0 malformed or unsupported URL: ' ' is not allowed in the path or "
                      "query, position 29\n"));
  assert_true(has(&l, "0 header, subprotocol or credential not allowed: Upgrade: only the "
                      "handshake itself sets it\n"));
  assert_true(has(&l, "0 header, subprotocol or credential not allowed: subprotocol 2 is "
                      "repeated\n"));
  assert_false(has(&l, "secret"));
  scenario_finish(u);
  bytes_free(&l.text);
}

SCENARIO_UV_TEST(test_client_that_is_refused_says_why, w, p, u) {
  const wsuv_header_t header = {"Connection", "secret"};
  wsuv_tls_config_t tls;
  wsuv_client_t *client;
  lines l = {0};
  begin_lines(u, &l, WSUV_LOG_ERROR);
  u->config.headers = &header;
  u->config.header_count = 1;
  assert_int_equal(wsuv_client_new(&client, world_uv_loop(w), &u->config), WSUV_EINVAL_HEADER);
  assert_string_equal(bytes_text(&l.text),
                      "0 header, subprotocol or credential not allowed: Connection: only "
                      "the handshake itself sets it\n");
  bytes_free(&l.text);
  u->config.header_count = 0;
  wsuv_tls_config_init(&tls);
  tls.size = 3;
  u->config.tls = &tls;
  assert_int_equal(wsuv_client_new(&client, world_uv_loop(w), &u->config), WSUV_ESIZE);
  assert_string_equal(bytes_text(&l.text), "0 structure of no known size: "
                                           "wsuv_tls_config_t of 3 bytes\n");
  u->config.tls = NULL;
  bytes_free(&l.text);
}

/* F59: C1 in a header, C0 in a reason. */
SCENARIO_TEST(test_control_characters_of_the_peer_are_escaped, w, p, u) {
  lines l = {0};
  begin_lines(u, &l, WSUV_LOG_INFO);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND_UPGRADE_WITH("X-A: \xc2\x9b"
                                       "31m\t\xff\r\n"),
                PEER_SEND("\x88\x0a\x03\xe8\x1b[2J\r\nok"), PEER_EXPECT_CLOSE(1000), PEER_END,
                PEER_EXPECT_END);
  scenario_play(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_string_equal(u->end.reason, "\x1b[2J\r\nok");
  assert_true(has(&l, "2 < X-A: \\xc2\\x9b31m\\x09\\xff\n"));
  assert_true(has(&l, "received 1000 \"\\x1b[2J\\x0d\\x0aok\""));
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND_UPGRADE_WITH("Sec-WebSocket-Protocol: a\xc2\x9b"
                                       "b\r\n"),
                PEER_EXPECT_GONE);
  l.session = NULL;
  scenario_play(u);
  assert_string_equal(u->end.detail, "a\\xc2\\x9bb was not offered");
  scenario_finish(u);
  bytes_free(&l.text);
}

WORLD_TEST(test_debug_tells_each_frame, w) {
  lines l = {0};
  run(w, &l, WSUV_LOG_DEBUG, true, false);
  assert_true(has(&l, "3 > text frame, 5 bytes\n"));
  assert_true(has(&l, "3 < text frame, 5 bytes\n"));
  assert_true(has(&l, "3 > close frame, 5 bytes\n"));
  assert_true(has(&l, "3 < close frame, 5 bytes\n"));
  assert_int_equal(l.count[WSUV_LOG_DEBUG], 4);
  assert_int_equal(l.count[WSUV_LOG_TRACE], 0);
  assert_true(l.count[WSUV_LOG_INFO] > 0);
  bytes_free(&l.text);
}

static bool has_bytes(const lines *l, const char *mark, const char *hex, const char *text) {
  char line[128];
  (void) snprintf(line, sizeof line, "%s 0000  %-48s %s\n", mark, hex, text);
  return has(l, line);
}

WORLD_TEST(test_trace_tells_what_is_in_the_frames, w) {
  lines l = {0};
  run(w, &l, WSUV_LOG_TRACE, true, false);
  assert_true(has_bytes(&l, "4 >", "68 65 6c 6c 6f", "hello"));
  /* The simulated network cuts what comes. */
  if (w->kind == WORLD_UV) assert_true(has_bytes(&l, "4 <", "68 65 6c 6c 6f", "hello"));
  assert_true(has(&l, "4 > 0000  03 e8 62 79 65 "));
  assert_int_equal(l.count[WSUV_LOG_DEBUG], 4);
  assert_int_equal(l.count[WSUV_LOG_TRACE], 4);
  bytes_free(&l.text);
}

SCENARIO_TEST(test_trace_cuts_long_payloads, w, p, u) {
  lines l = {0};
  uint8_t data[100];
  u->config.log = on_line;
  u->config.log_arg = &l;
  u->config.log_level = WSUV_LOG_TRACE;
  scenario_open(u);
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t) (i + 0x20);
  assert_int_equal(user_binary(u, data, sizeof data), 0);
  assert_int_equal(l.count[WSUV_LOG_TRACE], 4);
  assert_true(
      has(&l, "> 0000  20 21 22 23 24 25 26 27 28 29 2a 2b 2c 2d 2e 2f   !\"#$%&'()*+,-./\n"));
  assert_true(has(&l, "> 0030  50 51 52 53 54 55 56 57 58 59 5a 5b 5c 5d 5e 5f  PQRSTUVWXYZ["));
  assert_int_equal(user_binary(u, "\x00\x7f\xff", 3), 0);
  assert_true(has_bytes(&l, ">", "00 7f ff", "..."));
  assert_int_equal(user_binary(u, data, 0), 0);
  assert_int_equal(l.count[WSUV_LOG_TRACE], 5);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  scenario_finish(u);
  bytes_free(&l.text);
}

static void check_trace_of(world *w, size_t wanted, size_t lines_of_1000) {
  frame_peer p;
  session_user u;
  lines l = {0};
  static const uint8_t data[1000];
  uv_buf_t halves[] = {uv_buf_init((char *) (uintptr_t) data, 500),
                       uv_buf_init((char *) (uintptr_t) data, 500)};
  scenario_begin(w, &p, &u);
  begin_lines(&u, &l, WSUV_LOG_TRACE);
  u.config.log_payload_size = wanted;
  scenario_open(&u);
  assert_int_equal(user_binary(&u, data, sizeof data), 0);
  assert_int_equal(l.count[WSUV_LOG_TRACE], lines_of_1000);
  assert_int_equal(user_bufs(&u, 'a', WSUV_FRAME_BINARY, halves, 2), 0);
  assert_int_equal(l.count[WSUV_LOG_TRACE], 2 * lines_of_1000);
  assert_true(lines_of_1000 < 63 || has(&l, "> 03e0  00 00 00 00 00 00 00 00  "));
  assert_int_equal(user_close(&u, 1000, NULL), 0);
  scenario_finish(&u);
  bytes_free(&l.text);
}

WORLD_TEST(test_trace_shows_as_much_as_is_wanted, w) {
  check_trace_of(w, 0, 0);
  check_trace_of(w, 17, 2);
  check_trace_of(w, 64, 4);
  check_trace_of(w, SIZE_MAX, 63);
}

WORLD_TEST(test_error_tells_of_failed_sessions_only, w) {
  lines l = {0};
  run(w, &l, WSUV_LOG_ERROR, true, false);
  assert_string_equal(bytes_text(&l.text), "");
  run(w, &l, WSUV_LOG_ERROR, true, true);
  assert_true(has(&l, "0 open: end of file\n"));
  assert_true(has(&l, "0 closed uncleanly: received 1006 \"\", sent 0 \"\"\n"));
  assert_int_equal(l.count[WSUV_LOG_ERROR], 2);
  assert_int_equal(l.count[WSUV_LOG_INFO], 0);
  bytes_free(&l.text);
}

/* What wsuv_log_stderr writes. */
static void write_to_stderr(char *text, size_t size, const wsuv_session_t *session, char *program) {
  FILE *file = tmpfile();
  int saved = dup(STDERR_FILENO);
  assert_true(file != NULL && saved >= 0);
  assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
  wsuv_log_stderr(WSUV_LOG_ERROR, NULL, "first", program);
  wsuv_log_stderr(WSUV_LOG_WARN, session, "second %s", program);
  wsuv_log_stderr((wsuv_log_level_t) 9, NULL, "", program);
  assert_true(dup2(saved, STDERR_FILENO) >= 0);
  rewind(file);
  text[fread(text, 1, size - 1, file)] = '\0';
  (void) fclose(file);
  (void) close(saved);
}

SCENARIO_UV_TEST(test_logger_to_standard_error, w, p, u) {
  char text[256], expected[256], name[] = "feed";
  u->config.log = wsuv_log_stderr;
  u->config.log_level = WSUV_LOG_ERROR;
  scenario_open(u);
  write_to_stderr(text, sizeof text, u->session, NULL);
  (void) snprintf(expected, sizeof expected,
                  "wsuv: error: first\nwsuv: warning: %p: second %%s\nwsuv: unknown: \n",
                  (void *) u->session);
  assert_string_equal(text, expected);
  write_to_stderr(text, sizeof text, NULL, name);
  assert_string_equal(text, "feed: error: first\nfeed: warning: second %s\nfeed: unknown: \n");
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

WORLD_TEST(test_without_a_hook_there_is_no_log, w) {
  lines l = {0};
  run(w, &l, WSUV_LOG_DEBUG, false, true);
  assert_string_equal(bytes_text(&l.text), "");
}
