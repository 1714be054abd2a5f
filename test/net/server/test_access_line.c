/* Lines of an access log: what is in them, what is left out, and what a peer cannot do to them. */

#include <netinet/in.h>

#include <wsuv/access_line.h>

#include "support/server_user.h"
#include "testkit/check.h"

enum { NOW_S = 1795988701 /* 2026-11-29 21:45:01 UTC */ };

typedef struct access_user {
  char line[WSUV_ACCESS_LINE_SIZE];
  size_t len;
  int64_t time_s;
} access_user;

static void write_line(session_user *u) {
  server_user *s = u->data;
  access_user *a = s->data;
  const wsuv_close_info_t info = {.size = sizeof info,
                                  .status = u->end.status,
                                  .by_peer = u->end.by_peer,
                                  .code = (uint16_t) u->end.code,
                                  .sent_code = (uint16_t) u->end.sent_code};
  a->len = wsuv_access_line(u->session, &info, a->time_s, a->line);
}

static void begin(server_user *s, access_user *a, const char *path, bool keep) {
  *a = (access_user){.time_s = NOW_S};
  s->data = a;
  s->config.keep_handshake = keep;
  s->each.at_close = write_line;
  server_user_route(s, path);
  server_user_listen(s);
}

static raw_client *upgrade(server_user *s, const char *target, const char *more) {
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.target = target, .more = more});
  return c;
}

/* A session that the client ends at once. */
static void visit(server_user *s, const char *target, const char *more) {
  const size_t closes = s->close_count + 1;
  raw_client_end(upgrade(s, target, more));
  server_user_run_to_closes(s, closes);
}

static void check_line(const access_user *a, const char *begin, const char *end) {
  const size_t end_len = strlen(end);
  assert_int_equal(a->len, strlen(a->line));
  assert_true(a->len > end_len);
  assert_int_equal(strncmp(a->line, begin, strlen(begin)), 0);
  assert_string_equal(a->line + a->len - end_len, end);
}

SERVER_TLS_TEST(test_line_has_all_of_a_session, w, s) {
  access_user a;
  static const char *const chats[] = {"chat.v1"};
  s->config.subprotocols = chats;
  s->config.subprotocol_count = 1;
  s->each.at_message = server_user_echo;
  begin(s, &a, "/chat/{room}", true);
  raw_client *c = upgrade(s, "/chat/t%20a?token=secret",
                          "Origin: http://127.0.0.1\r\nUser-Agent: Test/1.0\r\n"
                          "Cookie: session=secret\r\nSec-WebSocket-Protocol: chat.v1\r\n");
  raw_client_send_frames(c, "TEXT \"hello\"");
  raw_client_run_to_frames(c, 1);
  raw_client_send_frames(c, "CLOSE #4000 \"secret\"");
  server_user_run_to_closes(s, 1);
  assert_null(strstr(a.line, "secret"));
  assert_non_null(strstr(
      a.line, " \"http://127.0.0.1\" \"Test/1.0\" subprotocol=\"chat.v1\" close=4000 by=peer "
              "result=OK seconds="));
  check_line(&a, "127.0.0.1 - - [29/Nov/2026:21:45:01 +0000] \"GET /chat/t%20a HTTP/1.1\" 101 ",
             " in=1/5 out=1/5");
  server_user_finish(s);
}

SERVER_SIM_TEST(test_line_without_the_handshake, w, s) {
  access_user a;
  begin(s, &a, "/", false);
  visit(s, "/", "User-Agent: Test/1.0\r\n");
  assert_non_null(strstr(a.line, " \"-\" \"-\" subprotocol=\"-\" close=1006 by=none result=EOF "));
  check_line(&a, "- - - [29/Nov/2026:21:45:01 +0000] \"GET - HTTP/1.1\" 101 ", " in=0/0 out=0/0");
  server_user_finish(s);
}

SERVER_SIM_TEST(test_line_of_a_close_by_us, w, s) {
  access_user a;
  begin(s, &a, "/", true);
  raw_client *c = upgrade(s, "/", NULL);
  server_user_run_to_sessions(s, 1);
  assert_int_equal(wsuv_session_close(server_user_session(s, 0)->session, 4001, "reason"), 0);
  raw_client_run_to_frames(c, 1);
  raw_client_send_frames(c, "CLOSE #4001");
  server_user_run_to_closes(s, 1);
  assert_non_null(strstr(a.line, " close=4001 by=us result=OK "));
  assert_null(strstr(a.line, "reason"));
  server_user_finish(s);
}

static void accept_and_terminate(server_user *s, wsuv_upgrade_t *u) {
  CHECK(server_user_accept(s, u, NULL) == 0);
  CHECK(server_user_terminate(s) == 0);
}

SERVER_SIM_TEST(test_line_of_a_session_that_never_opened, w, s) {
  access_user a;
  server_user_decide(s, accept_and_terminate);
  begin(s, &a, "/", true);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  server_user_run_to_closes(s, 1);
  assert_int_equal(s->open_count, 0);
  check_line(&a, "127.0.0.1 - - [29/Nov/2026:21:45:01 +0000] \"GET - HTTP/1.1\" - 0 \"-\" \"-\" ",
             " close=1006 by=none result=ECANCELED seconds=0.000 in=0/0 out=0/0");
  server_user_finish(s);
}

/* The system has the address as ::ffff:127.0.0.1. */
SERVER_UV_TEST(test_ipv4_peer_of_a_listener_for_both_families, w, s) {
  access_user a;
  struct sockaddr_storage addr;
  begin(s, &a, "/", true);
  assert_int_equal(wsuv_server_listen(s->server, NULL, 0, &s->listener), 0);
  assert_int_equal(wsuv_listener_address(s->listener, &addr), 0);
  ((struct sockaddr_in *) &s->address)->sin_port = ((struct sockaddr_in *) &addr)->sin_port;
  visit(s, "/", NULL);
  check_line(&a, "127.0.0.1 - - [", " in=0/0 out=0/0");
  server_user_finish(s);
}

/* A line has no second one in it, and its quotes are in pairs. */
SERVER_SIM_TEST(test_peer_cannot_end_a_value, w, s) {
  access_user a;
  begin(s, &a, "/{path...}", true);
  visit(s, "/\\\"x", "User-Agent: a\" 200 \"\xc3\xa4\\x0a\t\xff\r\n");
  assert_non_null(strstr(a.line, "\"GET /\\x5c\\x22x HTTP/1.1\" "));
  assert_non_null(strstr(a.line, " \"a\\x22 200 \\x22\xc3\xa4\\x5cx0a\\x09\\xff\" subprotocol="));
  server_user_finish(s);
}

/* Whatever is cut, the fields behind it are there. */
SERVER_SIM_TEST(test_long_values_are_cut, w, s) {
  access_user a;
  SCOPED_BYTES more = {0}, target = {0};
  begin(s, &a, "/{path...}", true);
  bytes_print(&target, "/");
  bytes_print(&more, "User-Agent: ");
  for (int i = 0; i < 180; i++) bytes_print(&target, "%s", i % 2 == 0 ? "a" : "\\");
  for (int i = 0; i < 3000; i++) bytes_print(&more, "%s", i % 3 == 0 ? "\"" : "\xc3\xa4");
  bytes_print(&more, "\r\n");
  visit(s, bytes_text(&target), bytes_text(&more));
  assert_in_range(a.len, 700, WSUV_ACCESS_LINE_SIZE - 1);
  check_line(&a, "127.0.0.1 - - [29/Nov/2026:21:45:01 +0000] \"GET /a\\x5ca\\x5c",
             " in=0/0 out=0/0");
  server_user_finish(s);
}

SERVER_SIM_TEST(test_times_are_those_of_utc, w, s) {
  static const struct {
    int64_t time_s;
    const char *text;
  } cases[] = {{0, "[01/Jan/1970:00:00:00 +0000]"},
               {951782399, "[28/Feb/2000:23:59:59 +0000]"},
               {951782400, "[29/Feb/2000:00:00:00 +0000]"},
               {951868800, "[01/Mar/2000:00:00:00 +0000]"},
               {978307199, "[31/Dec/2000:23:59:59 +0000]"},
               {4107542400, "[01/Mar/2100:00:00:00 +0000]"},
               {253402300799, "[31/Dec/9999:23:59:59 +0000]"},
               {253402300800, "[-]"},
               {-1, "[-]"},
               {INT64_MAX, "[-]"},
               {INT64_MIN, "[-]"}};
  access_user a;
  begin(s, &a, "/", true);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    a.time_s = cases[i].time_s;
    visit(s, "/", NULL);
    assert_non_null(strstr(a.line, cases[i].text));
  }
  server_user_finish(s);
}
