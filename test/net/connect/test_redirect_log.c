/* The log of a session with several hops: what it says of each, and that no line has a secret
 * (F70).
 */

#include <stdio.h>
#include <string.h>

#include "support/hop_peers.h"
#include "support/scenario.h"
#include "testkit/check.h"

/* Everywhere that a secret can be, there is one, which begins like this. */
#define SECRET "swordfish"
#define FIELDS                                                             \
  "Content-Length: 0\r\nSet-Cookie: " SECRET "-1=" SECRET "-2; Path=/\r\n" \
  "X-Link: plain\r\n"

typedef struct log_text {
  bytes text; /* "2 a line" */
} log_text;

static void on_line(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                    void *arg) {
  log_text *l = arg;
  (void) session;
  bytes_print(&l->text, "%d %s\n", (int) level, text);
}

/* Lines that must come in this order; others may be between them. */
static void assert_lines(const log_text *l, const char *const lines[], size_t count) {
  const char *at = bytes_text(&l->text);
  for (size_t i = 0; i < count; i++) {
    const char *found = strstr(at, lines[i]);
    assert_that(found != NULL, "no line %s in\n%s", lines[i], at);
    at = found + strlen(lines[i]);
  }
}

/* Neither as it is, nor in Base64, at any of the three places (RFC 4648 4). */
static void assert_no_secret(const char *text) {
  static const char *const forms[] = {SECRET, "c3dvcmRmaXNo", "N3b3JkZmlza", "zd29yZGZpc2"};
  for (size_t i = 0; i < COUNT_OF(forms); i++) {
    assert_that(strstr(text, forms[i]) == NULL, "%s is in\n%s", forms[i], text);
  }
}

static void answer_with_token(wsuv_session_t *session, const wsuv_unauthorized_t *refusal) {
  const wsuv_header_t field = {"Authorization", "Bearer " SECRET "-new"};
  (void) refusal;
  call_begins();
  CHECK(wsuv_session_authorize(session, &field, 1) == 0);
  call_ends();
}

static void begin(hop_peers *p, session_user *u, wsuv_request_t *request, log_text *l, world *w) {
  static const wsuv_header_t headers[] = {{"Referer", "http://x.test/y?" SECRET}};
  static char url[128];
  hop_peers_begin(p, w, u);
  u->config.max_redirects = 3;
  u->config.log = on_line;
  u->config.log_arg = l;
  u->config.log_level = WSUV_LOG_DEBUG;
  (void) snprintf(url, sizeof url, "ws://u:" SECRET "@127.0.0.1:%u/p?t=" SECRET,
                  (unsigned) p->a.raw->port);
  wsuv_request_init(request, url);
  request->cookies = "c=" SECRET;
  request->headers = headers;
  request->header_count = COUNT_OF(headers);
}

/* To another place, to another origin, with a token of the program, to another place again. */
WORLD_TEST(test_redirect_log_has_each_hop_and_no_secret, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  log_text l = {{0}};
  char a[64], b[64], to_a[96], to_b[96];
  begin(&p, &u, &request, &l, w);
  hop_peers_answer(&p, &p.a, "HTTP/1.1 302 X\r\n" FIELDS "Location: /q?" SECRET "\r\n\r\n");
  hop_peers_answer(&p, &p.a,
                   "HTTP/1.1 307 X\r\n" FIELDS "Location: %B/r?" SECRET "#" SECRET "\r\n\r\n");
  hop_peers_answer(&p, &p.b, "HTTP/1.1 401 X\r\n" FIELDS "WWW-Authenticate: Bearer\r\n\r\n");
  hop_peers_answer(&p, &p.b, "HTTP/1.1 308 X\r\n" FIELDS "Location: s?" SECRET "\r\n\r\n");
  assert_int_equal(hop_connect(&u, &request, NULL, answer_with_token), 0);
  user_run_to_open(&u);
  hop_close(&u);
  (void) snprintf(a, sizeof a, "2 connecting to 127.0.0.1 port %u\n", (unsigned) p.a.raw->port);
  (void) snprintf(b, sizeof b, "2 connecting to 127.0.0.1 port %u\n", (unsigned) p.b.raw->port);
  (void) snprintf(to_a, sizeof to_a, "2 redirected to %s\n", raw_peer_url(p.a.raw, "/q"));
  (void) snprintf(to_b, sizeof to_b, "2 redirected to %s\n", raw_peer_url(p.b.raw, "/r"));
  const char *const lines[] = {
      "2 > GET /p?(left out) HTTP/1.1\n",
      "2 > Authorization: (left out)\n",
      "2 > Cookie: (left out)\n",
      a,
      "2 < status 302\n",
      "2 < Set-Cookie: (left out)\n",
      "2 < X-Link: plain\n",
      "2 < Location: /q(left out)\n",
      to_a,
      "2 > GET /q?(left out) HTTP/1.1\n",
      a,
      "2 < status 307\n",
      to_b,
      "2 another origin: Authorization, Cookie, credentials and certificate stay behind\n",
      "2 > GET /r?(left out) HTTP/1.1\n",
      b,
      "2 < status 401\n",
      "2 < WWW-Authenticate: Bearer\n",
      "2 > GET /r?(left out) HTTP/1.1\n",
      "2 > Authorization: (left out)\n",
      b,
      "2 < status 308\n",
      "2 > GET /s?(left out) HTTP/1.1\n",
      b,
      "2 < status 101\n",
  };
  assert_lines(&l, lines, COUNT_OF(lines));
  assert_no_secret(bytes_text(&l.text));
  assert_non_null(strstr(p.b.got[1], SECRET "-new")); /* it was sent */
  bytes_free(&l.text);
}

/* Nor has what is said of a redirect that is not followed. */
WORLD_TEST(test_redirect_log_has_no_secret_of_what_is_refused, w) {
  static const char *const locations[] = {
      "http://u:" SECRET "@127.0.0.1/x?" SECRET,
      "http://" SECRET "@h/x",
      "//u:" SECRET "@h",
      "ftp://h/x?" SECRET,
      "http://h:x/?" SECRET,
      "//127.0.0.1:70000/x#" SECRET,
      "/x?" SECRET " y",
      "/p?t=" SECRET,
      "http:x?" SECRET,
      "//[h]/x?" SECRET,
      "ws+unix:///s:/x?" SECRET,
  };
  for (size_t i = 0; i < COUNT_OF(locations); i++) {
    hop_peers p;
    session_user u;
    wsuv_request_t request;
    log_text l = {{0}};
    char answer[256];
    begin(&p, &u, &request, &l, w);
    (void) snprintf(answer, sizeof answer, "HTTP/1.1 302 X\r\nLocation: %s\r\n\r\n", locations[i]);
    hop_peers_answer(&p, &p.a, answer);
    assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
    user_run_to_close(&u);
    assert_that(u.end.status == WSUV_EREDIRECT, "%s: %d", locations[i], u.end.status);
    assert_no_secret(u.end.detail);
    assert_no_secret(bytes_text(&l.text));
    user_finish(&u);
    bytes_free(&l.text);
  }
}

/* The user name and the answer to a challenge are secret, too. */
WORLD_TEST(test_redirect_log_has_no_secret_of_digest, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  log_text l = {{0}};
  begin(&p, &u, &request, &l, w);
  u.config.auth = WSUV_AUTH_DIGEST;
  request.user = SECRET "-user";
  request.password = SECRET;
  hop_peers_answer(&p, &p.a,
                   "HTTP/1.1 401 X\r\n" FIELDS
                   "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\r\n");
  assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
  user_run_to_open(&u);
  assert_non_null(strstr(p.a.got[1], "username=\"" SECRET "-user\""));
  hop_close(&u);
  assert_no_secret(bytes_text(&l.text));
  assert_null(strstr(bytes_text(&l.text), "response="));
  bytes_free(&l.text);
}
