/* Redirects: which are followed, and what each hop gets, seen on the wire (F11, F70, F72). */

#include <stdio.h>
#include <string.h>

#include "support/hop_peers.h"
#include "support/scenario.h"
#include "testkit/check.h"

#define LOCATION(status, where) \
  "HTTP/1.1 " #status " X\r\nContent-Length: 0\r\nLocation: " where "\r\n\r\n"

typedef struct row {
  const char *answer;
  int status;         /* of the session; 0: it opens */
  char at;            /* where it opens */
  const char *target; /* of the request there */
} row;

static const row rows[] = {
    {LOCATION(301, "/x"), 0, 'A', "/x"},
    {LOCATION(302, "/x?y=1"), 0, 'A', "/x?y=1"},
    {LOCATION(303, "x"), 0, 'A', "/d/x"},
    {LOCATION(307, "../x"), 0, 'A', "/x"},
    {LOCATION(308, "?z"), 0, 'A', "/d/e?z"},
    {LOCATION(302, "./x#part"), 0, 'A', "/d/x"},
    {LOCATION(302, "%A/x"), 0, 'A', "/x"},
    {LOCATION(302, "%A"), 0, 'A', "/"},
    {LOCATION(301, "%B/x"), 0, 'B', "/x"},
    {LOCATION(302, "%B/x"), 0, 'B', "/x"},
    {LOCATION(303, "%B/x?q"), 0, 'B', "/x?q"},
    {LOCATION(307, "%B/x"), 0, 'B', "/x"},
    {LOCATION(308, "%B/x"), 0, 'B', "/x"},
    {LOCATION(302, "%B"), 0, 'B', "/"},
    {LOCATION(302, "%B/../x"), 0, 'B', "/x"},
    {LOCATION(300, "/x"), WSUV_ESTATUS, 0, NULL},
    {LOCATION(304, "/x"), WSUV_ESTATUS, 0, NULL},
    {LOCATION(305, "/x"), WSUV_ESTATUS, 0, NULL},
    {LOCATION(201, "/x"), WSUV_ESTATUS, 0, NULL},
    {LOCATION(401, "/x"), WSUV_ESTATUS, 0, NULL},
    {LOCATION(503, "/x"), WSUV_ESTATUS, 0, NULL},
    {"HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n", WSUV_ESTATUS, 0, NULL},
    {LOCATION(302, ""), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "/d/e"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "%A/d/./e#x"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "ftp://127.0.0.1/x"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "ws+unix:///x:/y"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "javascript:alert"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "http://u:p@127.0.0.1/"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "//@127.0.0.1/"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "http:///x"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "http:x"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "//127.0.0.1:70000/"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "//127.0.0.1:x/"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "/a b"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "/a\\b"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "/%%zz"), WSUV_EREDIRECT, 0, NULL},
    {LOCATION(302, "//[::1/"), WSUV_EREDIRECT, 0, NULL},
    {"HTTP/1.1 302 X\r\nLocation: /x\r\nLocation: /y\r\n\r\n", WSUV_EREDIRECT, 0, NULL},
    {"HTTP/1.1 302 X\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nbo", 0, 'A', "/x"},
};

static const wsuv_header_t secrets[] = {
    {"Authorization", "Bearer secret-1"}, {"X-Plain", "plain"}, {"Host", "secret-host"}};

/* The first request has all secrets, and so has the next one at the same origin, and nowhere else.
 */
static void assert_secrets(const char *request, bool wanted) {
  assert_true((strstr(request, "secret-1") != NULL) == wanted);
  assert_true((strstr(request, "secret-2") != NULL) == wanted);
  assert_true((strstr(request, "secret-host") != NULL) == wanted);
  assert_true(strstr(request, "X-Plain: plain\r\n") != NULL);
  assert_true(strstr(request, "Sec-WebSocket-Key: ") != NULL);
}

static void assert_target(const char *request, const char *target) {
  char line[256];
  (void) snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", target);
  assert_that(strncmp(request, line, strlen(line)) == 0, "got %.60s, not %s", request, target);
}

static void play_row(world *w, const row *r) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  hop_peers_begin(&p, w, &u);
  u.config.max_redirects = 3;
  hop_peers_answer(&p, &p.a, r->answer);
  wsuv_request_init(&request, raw_peer_url(p.a.raw, "/d/e"));
  request.headers = secrets;
  request.header_count = COUNT_OF(secrets);
  request.cookies = "c=secret-2";
  assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
  if (r->status == 0) {
    hop_peer *at = r->at == 'A' ? &p.a : &p.b;
    user_run_to_open(&u);
    const char *second = at->got[r->at == 'A' ? 1 : 0];
    assert_secrets(p.a.got[0], true);
    assert_secrets(second, r->at == 'A');
    assert_target(second, r->target);
    assert_int_equal(user_close(&u, 1000, NULL), 0);
    user_run_to_close(&u);
  } else {
    user_run_to_close(&u);
    assert_that(u.end.status == r->status, "%s: %d %s", r->answer, u.end.status, u.end.detail);
    assert_true(user_never_opened(&u));
    assert_int_equal(u.closes, 1);
    assert_true(u.end.header_count > 0);
    assert_int_equal(p.a.requests + p.b.requests, 1);
  }
  user_finish(&u);
}

WORLD_TEST(test_redirects_of_every_kind, w) {
  for (size_t i = 0; i < COUNT_OF(rows); i++) play_row(w, &rows[i]);
}

/* From wss to ws never, and from ws to wss is another origin. */
WORLD_ONLY_TLS_TEST(test_redirects_between_ws_and_wss, w) {
  for (int secure = 0; secure < 2; secure++) {
    hop_peers p;
    session_user u;
    wsuv_request_t request;
    hop_peers_begin(&p, w, &u);
    u.config.max_redirects = 3;
    if (secure) p.b.raw->tls = NULL;
    if (!secure) p.a.raw->tls = NULL;
    hop_peers_answer(&p, &p.a, LOCATION(302, "%B/x"));
    wsuv_request_init(&request, raw_peer_url(p.a.raw, "/d/e"));
    request.headers = secrets;
    request.header_count = COUNT_OF(secrets);
    request.cookies = "c=secret-2";
    assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
    if (secure) {
      user_run_to_close(&u);
      assert_that(u.end.status == WSUV_EREDIRECT, "%d %s", u.end.status, u.end.detail);
      assert_int_equal(p.b.raw->accepted, 0);
    } else {
      user_run_to_open(&u);
      assert_secrets(p.b.got[0], false);
      assert_int_equal(user_close(&u, 1000, NULL), 0);
      user_run_to_close(&u);
    }
    user_finish(&u);
  }
}

/* Credentials of URL and request go to the first origin, and are not sent again when a redirect
   leads back to it. */
WORLD_TEST(test_redirects_leave_credentials_behind_for_good, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  char url[128];
  hop_peers_begin(&p, w, &u);
  u.config.max_redirects = 3;
  hop_peers_answer(&p, &p.a, LOCATION(302, "/same"));
  hop_peers_answer(&p, &p.a, LOCATION(302, "%B/other"));
  hop_peers_answer(&p, &p.b, LOCATION(302, "%A/back"));
  (void) snprintf(url, sizeof url, "ws://u:p@127.0.0.1:%u/", (unsigned) p.a.raw->port);
  wsuv_request_init(&request, url);
  request.cookies = "c=secret-2";
  assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
  user_run_to_open(&u);
  for (int i = 0; i < 3; i++) {
    assert_true((strstr(p.a.got[i], "Authorization: Basic dTpw\r\n") != NULL) == (i < 2));
    assert_true((strstr(p.a.got[i], "secret-2") != NULL) == (i < 2));
  }
  assert_null(strstr(p.b.got[0], "Authorization"));
  assert_null(strstr(p.b.got[0], "Cookie"));
  hop_close(&u);
}

/* A cookie of a response goes to its origin only, and changes the place: the same URL again. */
WORLD_TEST(test_redirects_keep_cookies_for_the_same_origin, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  hop_peers_begin(&p, w, &u);
  u.config.max_redirects = 5;
  hop_peers_answer(&p, &p.a, "HTTP/1.1 302 X\r\nLocation: /\r\nSet-Cookie: s=new; Path=/\r\n\r\n");
  hop_peers_answer(&p, &p.a, LOCATION(302, "%B/"));
  wsuv_request_init(&request, raw_peer_url(p.a.raw, "/"));
  request.cookies = "s=old; t=1";
  assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
  user_run_to_open(&u);
  assert_non_null(strstr(p.a.got[0], "\r\nCookie: s=old; t=1\r\n"));
  assert_non_null(strstr(p.a.got[1], "\r\nCookie: t=1; s=new\r\n"));
  assert_null(strstr(p.b.got[0], "Cookie"));
  hop_close(&u);
}

WORLD_TEST(test_redirects_have_a_bound, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  hop_peers_begin(&p, w, &u);
  u.config.max_redirects = 3;
  for (int i = 0; i < 5; i++) {
    char answer[128];
    (void) snprintf(answer, sizeof answer, "HTTP/1.1 302 X\r\nLocation: /%d?secret\r\n\r\n", i);
    hop_peers_answer(&p, &p.a, answer);
  }
  wsuv_request_init(&request, raw_peer_url(p.a.raw, "/"));
  assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
  user_run_to_close(&u);
  assert_int_equal(u.end.status, WSUV_EREDIRECT);
  assert_string_equal(u.end.detail, "HTTP 302, Location /3: too many redirects");
  assert_int_equal(p.a.requests, 4);
  user_finish(&u);
}

/* on_redirect */

static session_user *the;
static size_t asked;
static int what;

static bool look(wsuv_session_t *session, const wsuv_redirect_t *redirect) {
  asked++;
  CHECK(no_call_is_running());
  CHECK(redirect->size == sizeof *redirect);
  CHECK(redirect->status == 302 && redirect->count == 1 && redirect->header_count == 2);
  CHECK(strstr(redirect->url, "/x?q") != NULL && strchr(redirect->url, '#') == NULL);
  if (what == 1) return false;
  if (what == 2) user_terminate(the);
  if (what == 3) CHECK(user_close(the, 1000, NULL) == 0);
  if (what == 4) CHECK(call_client_terminate(wsuv_session_client(session), NULL) == 0);
  if (what == 4) the->client = NULL;
  return true;
}

WORLD_TEST(test_redirects_ask_the_program, w) {
  static const int statuses[] = {0, WSUV_EREDIRECT, UV_ECANCELED, UV_ECANCELED, UV_ECANCELED};
  for (what = 0; what < 5; what++) {
    hop_peers p;
    session_user u;
    wsuv_request_t request;
    hop_peers_begin(&p, w, &u);
    the = &u;
    asked = 0;
    u.config.max_redirects = 1;
    hop_peers_answer(&p, &p.a, LOCATION(302, "%B/x?q#f"));
    wsuv_request_init(&request, raw_peer_url(p.a.raw, "/"));
    assert_int_equal(hop_connect(&u, &request, look, NULL), 0);
    if (what == 0) {
      user_run_to_open(&u);
      assert_int_equal(user_close(&u, 1000, NULL), 0);
    }
    user_run_to_close(&u);
    assert_int_equal(asked, 1);
    assert_int_equal(u.end.status, statuses[what]);
    if (what == 4) world_run(w);
    user_finish(&u);
  }
}
