/* The program auth_server in a world on a loop: links in memory, and a Redis that is the test's, on
   a Unix socket of the same loop. It answers when the test wants it to. The real one is in
   auth_server_test.py. */

#include "examples/kit_talk.h"

int auth_server_main(int argc, char **argv);
#define main auth_server_main
#include "../../examples/auth_server.c"
#undef main

#include <unistd.h>

enum { TIMEOUT_MS = 5000 };

/* --- Redis, as far as it is needed: GET of keys, of which "session:good" has the value Ada --- */

static struct redis {
  char folder[64], path[80];
  uv_pipe_t listener, connection;
  bool listens, connected;
  char in[4096];
  size_t len;   /* So many bytes of it have come, and were not answered. */
  bool silent;  /* It answers nothing, ... */
  size_t asked; /* ... and so many commands have come in all. */
} redis;

/* Answer the command at the beginning of what has come. false: none is whole. */
static bool answer_one(void) {
  static char good[] = "$3\r\nAda\r\n", none[] = "$-1\r\n";
  int key = 0, head = 0;
  redis.in[redis.len] = '\0';
  if (sscanf(redis.in, "*2 $3 GET $%d\r\n%n", &key, &head) != 1 || head == 0) return false;
  const size_t size = (size_t) (head + key + 2);
  if (redis.len < size) return false;
  const bool known = strncmp(redis.in + head, "session:good\r\n", 14) == 0;
  uv_buf_t buf = known ? uv_buf_init(good, sizeof good - 1) : uv_buf_init(none, sizeof none - 1);
  assert_int_equal(uv_try_write((uv_stream_t *) &redis.connection, &buf, 1), buf.len);
  redis.len -= size;
  memmove(redis.in, redis.in + size, redis.len);
  return true;
}

static void redis_answers(void) {
  redis.silent = false;
  while (answer_one()) continue;
}

static void on_redis_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void) handle;
  (void) suggested; /* there is so much room as there is */
  *buf = uv_buf_init(redis.in + redis.len, (unsigned) (sizeof redis.in - 1 - redis.len));
}

static void redis_hangs_up(void) {
  if (redis.connected) uv_close((uv_handle_t *) &redis.connection, NULL);
  redis.connected = false;
  redis.len = 0;
}

static void on_redis_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void) stream;
  if (n < 0) redis_hangs_up();
  if (n <= 0) return;
  for (ssize_t i = 0; i < n; i++) redis.asked += buf->base[i] == '*';
  redis.len += (size_t) n;
  if (!redis.silent) redis_answers();
}

static void on_redis_connection(uv_stream_t *listener, int status) {
  assert_ok(status);
  assert_false(redis.connected);
  assert_ok(uv_pipe_init(listener->loop, &redis.connection, 0));
  assert_ok(uv_accept(listener, (uv_stream_t *) &redis.connection));
  assert_ok(uv_read_start((uv_stream_t *) &redis.connection, on_redis_alloc, on_redis_read));
  redis.connected = true;
}

static void redis_starts(void) {
  assert_ok(uv_pipe_init(uv_default_loop(), &redis.listener, 0));
  assert_ok(uv_pipe_bind(&redis.listener, redis.path));
  assert_ok(uv_listen((uv_stream_t *) &redis.listener, 1, on_redis_connection));
  redis.listens = true;
}

static void redis_stops(void) {
  redis_hangs_up();
  if (redis.listens) uv_close((uv_handle_t *) &redis.listener, NULL);
  redis.listens = false;
}

/* --- the world --- */

static wsuv_testkit_t *kit;

static int begin(void **state) {
  (void) state; /* there is one world at a time */
  char tmp[48];
  size_t len = sizeof tmp;
  assert_ok(uv_os_tmpdir(tmp, &len));
  redis = (struct redis){.len = 0};
  (void) snprintf(redis.folder, sizeof redis.folder, "%s/wsuv-XXXXXX", tmp); /* it fits */
  assert_non_null(mkdtemp(redis.folder));
  (void) snprintf(redis.path, sizeof redis.path, "%s/redis", redis.folder); /* it fits */
  prog = (struct program){.redis_path = redis.path};
  assert_ok(wsuv_testkit_new_on_loop(&kit, uv_default_loop(), 1));
  assert_ok(wsuv_testkit_server(kit, &prog.server, NULL));
  assert_ok(uv_timer_init(uv_default_loop(), &prog.timeout));
  assert_ok(add_route());
  redis_starts();
  return 0;
}

static void end_program(void) {
  if (prog.server != NULL) stop();
  prog.server = NULL;
}

static int end(void **state) {
  (void) state; /* there is one world at a time */
  end_program();
  redis_stops();
  assert_ok(wsuv_testkit_free(kit));
  assert_ok(uv_run(uv_default_loop(), UV_RUN_DEFAULT));
  assert_ok(rmdir(redis.folder));
  return uv_loop_close(uv_default_loop());
}

static bool is_asked(void *arg) {
  const size_t *count = arg;
  return redis.asked >= *count;
}

static bool is_disconnected(void *arg) {
  (void) arg;
  return prog.redis == NULL;
}

static wsuv_conversation_t *ask(const char *target, const wsuv_request_t *request) {
  wsuv_conversation_t *talk;
  assert_ok(wsuv_conversation_begin(kit, prog.server, target, request, &talk));
  return talk;
}

/* An upgrade that Redis has been asked about, and does not answer. */
static wsuv_conversation_t *ask_silent_redis(void) {
  redis.silent = true;
  size_t wanted = redis.asked + 1;
  wsuv_conversation_t *talk = ask("/live?token=good", NULL);
  assert_ok(wsuv_testkit_run_until(kit, is_asked, &wanted, TIMEOUT_MS));
  return talk;
}

static void is_welcome(wsuv_conversation_t *talk) {
  assert_ok(wsuv_conversation_opened(talk));
  hears(talk, "welcome Ada");
  say(talk, "back");
  hears(talk, "back");
}

static void is_refused(wsuv_conversation_t *talk, int status) {
  assert_int_equal(wsuv_conversation_opened(talk), WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_status(talk), status);
}

/* --- tests --- */

TEST(test_token_in_the_query_or_in_a_cookie) {
  static const char *const cookies[] = {"session=good", "other=session; session=good",
                                        "a=b;  session=good; c=d"};
  is_welcome(ask("/live?token=good", NULL));
  for (size_t i = 0; i < sizeof cookies / sizeof *cookies; i++) {
    wsuv_header_t field;
    wsuv_request_t request = request_with(&field, "Cookie", cookies[i]);
    is_welcome(ask("/live", &request));
  }
  assert_int_equal(redis.asked, 4);
}

TEST(test_program_without_a_valid_token_gets_401_and_is_told_why) {
  wsuv_conversation_t *talk = ask("/live?token=bad", NULL);
  is_refused(talk, 401);
  assert_string_equal(wsuv_conversation_header(talk, "WWW-Authenticate"), "Bearer realm=\"live\"");
  assert_non_null(strstr(wsuv_conversation_body(talk, NULL), "token"));
  assert_int_equal(redis.asked, 1);
  is_refused(ask("/live", NULL), 401);
  assert_int_equal(redis.asked, 1); /* there was nothing to ask it */
}

/* What a page of this server sends as its origin. */
static void find_origin(char *origin, size_t size) {
  struct sockaddr_storage addr;
  wsuv_conversation_t *talk = ask("/live?token=good", NULL);
  is_welcome(talk);
  assert_ok(wsuv_session_peer_address(wsuv_conversation_session(talk), &addr));
  (void) snprintf(origin, size, "http://localhost:%u", /* it fits */
                  ntohs(((struct sockaddr_in *) &addr)->sin_port));
}

TEST(test_page_without_a_valid_token_gets_4401) {
  static const char *const targets[] = {"/live?token=bad", "/live"};
  char origin[64];
  wsuv_request_t request;
  find_origin(origin, sizeof origin);
  wsuv_request_init(&request, NULL);
  request.origin = origin;
  for (size_t i = 0; i < 2; i++) {
    wsuv_conversation_t *talk = ask(targets[i], &request);
    assert_ok(wsuv_conversation_opened(talk));
    assert_ok(wsuv_conversation_expect_close(talk, 4401));
  }
}

TEST(test_page_of_another_origin_does_not_reach_redis) {
  wsuv_request_t request;
  wsuv_request_init(&request, NULL);
  request.origin = "http://other.example";
  is_refused(ask("/live?token=good", &request), 403);
  assert_int_equal(redis.asked, 0);
}

TEST(test_several_are_answered_in_their_order) {
  wsuv_conversation_t *good = ask_silent_redis(), *other = ask_silent_redis();
  size_t wanted = redis.asked + 1;
  wsuv_conversation_t *bad = ask("/live?token=bad", NULL);
  assert_ok(wsuv_testkit_run_until(kit, is_asked, &wanted, TIMEOUT_MS));
  assert_int_equal(prog.asked, 3);
  redis_answers();
  is_refused(bad, 401);
  is_welcome(good);
  is_welcome(other);
  assert_int_equal(prog.asked, 0);
}

TEST(test_answer_that_comes_after_the_peer_has_gone) {
  wsuv_conversation_t *talk = ask_silent_redis();
  assert_ok(wsuv_conversation_reset(talk));
  wsuv_conversation_t *other = ask_silent_redis();
  redis_answers();
  is_welcome(other);
  assert_int_equal(wsuv_server_session_count(prog.server), 1);
}

TEST(test_redis_that_hangs_up_is_503_and_is_asked_again) {
  wsuv_conversation_t *talk = ask_silent_redis();
  redis_hangs_up();
  is_refused(talk, 503);
  assert_string_equal(wsuv_conversation_header(talk, "Retry-After"), "5");
  redis.silent = false;
  is_welcome(ask("/live?token=good", NULL));
}

TEST(test_redis_that_is_not_there_is_503_until_it_is) {
  redis_stops();
  is_refused(ask("/live?token=good", NULL), 503);
  redis_starts();
  is_welcome(ask("/live?token=good", NULL));
}

TEST(test_end_while_redis_is_asked) {
  wsuv_conversation_t *talk = ask_silent_redis();
  end_program();
  assert_true(wsuv_conversation_opened(talk) < 0);
  assert_true(wsuv_conversation_status(talk) == 503);
  assert_ok(wsuv_testkit_run_until(kit, is_disconnected, NULL, TIMEOUT_MS));
}

TEST_AROUND_EACH(begin, end)
