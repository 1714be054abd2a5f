/* Clients of a program that reach servers which listen, by names of the world. */

#include <string.h>

#include <wsuv/stats.h>

#include "support/kit_user.h"
#include "testkit/check.h"

typedef struct caller {
  size_t opens, messages, closes;
  int status;
  wsuv_stage_t stage;
  wsuv_session_t *session;
} caller;

static void caller_open(wsuv_session_t *s) {
  caller *c = wsuv_session_data(s);
  c->opens++;
  CHECK(wsuv_send_text(s, "hello", 5) == 0);
}

static void caller_message(wsuv_session_t *s, const wsuv_message_t *m) {
  caller *c = wsuv_session_data(s);
  CHECK(m->len == 5 && memcmp(m->data, "hello", 5) == 0);
  c->messages++;
}

static void caller_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  caller *c = wsuv_session_data(s);
  c->closes++;
  c->status = info->status;
  c->stage = info->stage;
}

static const wsuv_callbacks_t callers = {WSUV_CALLBACKS_INIT, .on_open = caller_open,
                                         .on_message = caller_message, .on_close = caller_close};

static bool has_called(void *arg) {
  const caller *c = arg;
  return c->messages > 0 || c->closes > 0;
}

/* Call, and wait until there is an answer, or the session has ended. */
static caller call(kit_user *u, wsuv_client_t *client, const char *url) {
  caller c = {.opens = 0};
  assert_ok(wsuv_connect_url(client, url, &callers, &c, &c.session));
  assert_ok(wsuv_testkit_run_until(u->kit, has_called, &c, 300000));
  if (c.closes == 0) wsuv_session_terminate(c.session);
  const int status = c.status;
  assert_ok(wsuv_testkit_run(u->kit));
  assert_int_equal(c.closes, 1);
  if (c.messages == 0) c.status = status;
  return c;
}

static wsuv_client_t *begin(kit_user *u, uint64_t seed) {
  wsuv_client_t *client;
  kit_user_begin(u, seed, NULL);
  assert_ok(wsuv_server_listen(u->server, "10.0.0.1", 8080, NULL));
  assert_ok(wsuv_testkit_client(u->kit, &client, NULL));
  return client;
}

static void end(kit_user *u, wsuv_client_t *client) {
  assert_ok(wsuv_client_close(client, NULL));
  kit_user_end(u);
}

static void set_host(kit_user *u, const char *name, const char *address, uint64_t delay_ms,
                     int status) {
  wsuv_testkit_answer_t answer;
  wsuv_testkit_answer_init(&answer, &address);
  answer.delay_ms = delay_ms;
  answer.status = status;
  assert_ok(wsuv_testkit_host(u->kit, name, &answer));
}

TEST(test_client_reaches_a_server_by_name_and_by_address) {
  for (uint64_t seed = 0; seed < 5; seed++) {
    kit_user u;
    wsuv_client_t *client = begin(&u, seed);
    set_host(&u, "Server.example", "10.0.0.1", 0, 0);
    assert_int_equal(call(&u, client, "ws://server.EXAMPLE:8080/echo").messages, 1);
    assert_int_equal(call(&u, client, "ws://10.0.0.1:8080/echo").messages, 1);
    end(&u, client);
  }
}

TEST(test_server_listens_at_localhost_and_any_port) {
  kit_user u;
  wsuv_listener_t *listener;
  struct sockaddr_storage addr;
  char url[64];
  wsuv_client_t *client = begin(&u, 0);
  assert_ok(wsuv_server_listen(u.server, "localhost", 0, &listener));
  assert_ok(wsuv_listener_address(listener, &addr));
  assert_int_equal(addr.ss_family, AF_INET);
  (void) snprintf(url, sizeof url, "ws://localhost:%u/echo",
                  ntohs(((const struct sockaddr_in *) (const void *) &addr)->sin_port));
  assert_int_equal(call(&u, client, url).messages, 1);
  wsuv_listener_close(listener);
  assert_int_equal(call(&u, client, url).status, UV_ECONNREFUSED);
  end(&u, client);
}

TEST(test_server_listens_at_a_unix_socket) {
  kit_user u;
  wsuv_client_t *client = begin(&u, 3);
  assert_ok(wsuv_server_listen_unix(u.server, "/run/app.sock", 0660, NULL, NULL));
  assert_int_equal(call(&u, client, "ws+unix:///run/app.sock:/echo").messages, 1);
  end(&u, client);
}

/* --- lookup --- */

TEST(test_name_that_nobody_knows) {
  kit_user u;
  wsuv_client_t *client = begin(&u, 0);
  caller c = call(&u, client, "ws://unknown.example:8080/echo");
  assert_int_equal(c.status, UV_EAI_NONAME);
  assert_int_equal(c.stage, WSUV_STAGE_RESOLVE);
  end(&u, client);
}

TEST(test_lookup_takes_its_time) {
  kit_user u;
  wsuv_client_t *client = begin(&u, 0);
  set_host(&u, "slow.example", "10.0.0.1", 3000, 0);
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(call(&u, client, "ws://slow.example:8080/echo").messages, 1);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 3000, before + 3100);
  end(&u, client);
}

TEST(test_lookup_fails) {
  kit_user u;
  wsuv_client_t *client = begin(&u, 0);
  set_host(&u, "bad.example", "10.0.0.1", 200, UV_EAI_AGAIN);
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(call(&u, client, "ws://bad.example:8080/echo").status, UV_EAI_AGAIN);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 200, before + 300);
  set_host(&u, "BAD.example", "10.0.0.1", 0, 0);
  assert_int_equal(call(&u, client, "ws://bad.example:8080/echo").messages, 1);
  end(&u, client);
}

TEST(test_lookup_never_answers) {
  kit_user u;
  wsuv_client_t *client = begin(&u, 0);
  set_host(&u, "silent.example", "10.0.0.1", UINT64_MAX, 0);
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  caller c = call(&u, client, "ws://silent.example:8080/echo");
  assert_int_equal(c.status, UV_ETIMEDOUT);
  assert_int_equal(c.stage, WSUV_STAGE_RESOLVE);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 10000, before + 10100);
  end(&u, client);
}

/* Also while a lookup that has begun still needs the earlier one. */
TEST(test_answer_is_copied) {
  kit_user u;
  char name[] = "copy.example", address[] = "10.0.0.1";
  caller c = {.opens = 0};
  wsuv_client_t *client = begin(&u, 0);
  set_host(&u, name, address, 500, 0);
  memset(name, 'x', sizeof name - 1);
  memset(address, 'x', sizeof address - 1);
  assert_ok(wsuv_connect_url(client, "ws://copy.example:8080/echo", &callers, &c, &c.session));
  assert_ok(wsuv_testkit_advance(u.kit, 100));
  set_host(&u, "copy.example", "10.0.0.9", 0, 0);
  assert_ok(wsuv_testkit_run_until(u.kit, has_called, &c, 1000));
  assert_int_equal(c.messages, 1);
  assert_ok(wsuv_client_terminate(client, NULL));
  assert_ok(wsuv_testkit_run(u.kit));
  kit_user_end(&u);
}

TEST(test_answers_that_are_refused) {
  static const char *const named[] = {"a.example"};
  static const char *const many[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5",
                                     "10.0.0.6", "10.0.0.7", "10.0.0.8", "10.0.0.9"};
  wsuv_testkit_t *kit;
  wsuv_testkit_answer_t answer;
  assert_ok(wsuv_testkit_new(&kit, 0));
  wsuv_testkit_answer_init(&answer, named);
  assert_int_equal(wsuv_testkit_host(kit, "b.example", &answer), UV_EINVAL);
  wsuv_testkit_answer_init(&answer, many);
  assert_int_equal(wsuv_testkit_host(kit, "", &answer), UV_EINVAL);
  answer.address_count = 0;
  assert_int_equal(wsuv_testkit_host(kit, "b.example", &answer), UV_EINVAL);
  answer.address_count = 9;
  assert_int_equal(wsuv_testkit_host(kit, "b.example", &answer), UV_EINVAL);
  answer.address_count = 8;
  assert_ok(wsuv_testkit_host(kit, "b.example", &answer));
  answer.size = 3;
  assert_int_equal(wsuv_testkit_host(kit, "b.example", &answer), WSUV_ESIZE);
  assert_ok(wsuv_testkit_free(kit));
}

/* --- connecting and accepting --- */

TEST(test_connects_to_an_address_fail_until_they_work_again) {
  kit_user u;
  wsuv_client_t *client = begin(&u, 0);
  assert_int_equal(wsuv_testkit_fail_connects(u.kit, "server", UV_ECONNREFUSED), UV_EINVAL);
  assert_ok(wsuv_testkit_fail_connects(u.kit, "10.0.0.1", UV_EHOSTUNREACH));
  assert_int_equal(call(&u, client, "ws://10.0.0.1:8080/echo").status, UV_EHOSTUNREACH);
  assert_ok(wsuv_testkit_fail_connects(u.kit, "10.0.0.1", UV_ETIMEDOUT));
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(call(&u, client, "ws://10.0.0.1:8080/echo").status, UV_ETIMEDOUT);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 10000, before + 10100);
  assert_ok(wsuv_testkit_fail_connects(u.kit, "10.0.0.1", 0));
  assert_int_equal(call(&u, client, "ws://10.0.0.1:8080/echo").messages, 1);
  end(&u, client);
}

TEST(test_connects_to_a_unix_socket_fail) {
  kit_user u;
  wsuv_client_t *client = begin(&u, 0);
  assert_ok(wsuv_server_listen_unix(u.server, "/run/app.sock", 0, NULL, NULL));
  assert_ok(wsuv_testkit_fail_connects(u.kit, "/run/app.sock", UV_EACCES));
  assert_int_equal(call(&u, client, "ws+unix:///run/app.sock:/echo").status, UV_EACCES);
  end(&u, client);
}

TEST(test_second_address_is_used_when_the_first_fails) {
  static const char *const both[] = {"10.0.0.2", "10.0.0.1"};
  kit_user u;
  wsuv_testkit_answer_t answer;
  wsuv_client_t *client = begin(&u, 0);
  wsuv_testkit_answer_init(&answer, both);
  answer.address_count = 2;
  assert_ok(wsuv_testkit_host(u.kit, "two.example", &answer));
  assert_int_equal(call(&u, client, "ws://two.example:8080/echo").messages, 1);
  assert_ok(wsuv_testkit_fail_connects(u.kit, "10.0.0.2", UV_ETIMEDOUT));
  assert_int_equal(call(&u, client, "ws://two.example:8080/echo").messages, 1);
  end(&u, client);
}

TEST(test_accepts_fail_and_the_server_goes_on) {
  kit_user u;
  wsuv_client_t *client = begin(&u, 0);
  wsuv_testkit_fail_accepts(u.kit, 3, UV_EMFILE);
  assert_int_equal(call(&u, client, "ws://10.0.0.1:8080/echo").messages, 1);
  wsuv_testkit_fail_accepts(u.kit, 1, UV_ECONNABORTED);
  assert_int_equal(call(&u, client, "ws://10.0.0.1:8080/echo").messages, 1);
  wsuv_conversation_t *talk;
  wsuv_testkit_fail_accepts(u.kit, 2, UV_ENFILE);
  assert_ok(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk));
  end(&u, client);
}

/* --- an hour, by a client --- */

enum { SESSIONS = 30, HOUR_MS = 3600 * 1000, INTERVAL_MS = 20 * 1000 };

TEST(test_hour_of_pings_of_a_client_s_sessions) {
  kit_user u;
  wsuv_config_t config;
  caller crowd[SESSIONS];
  wsuv_client_t *client;
  memset(crowd, 0, sizeof crowd);
  kit_user_begin(&u, 6, NULL);
  assert_ok(wsuv_server_listen(u.server, NULL, 80, NULL));
  wsuv_client_config_init(&config);
  config.ping_interval_ms = INTERVAL_MS;
  assert_ok(wsuv_testkit_client(u.kit, &client, &config));
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_ok(
        wsuv_connect_url(client, "ws://127.0.0.1/echo", &callers, &crowd[i], &crowd[i].session));
  }
  assert_ok(wsuv_testkit_advance(u.kit, HOUR_MS));
  for (size_t i = 0; i < SESSIONS; i++) {
    wsuv_stats_t stats;
    wsuv_stats_init(&stats);
    assert_int_equal(crowd[i].messages, 1);
    assert_ok(wsuv_session_get_stats(crowd[i].session, &stats));
    assert_in_range(stats.pongs_received, HOUR_MS / INTERVAL_MS - 1, HOUR_MS / INTERVAL_MS);
  }
  end(&u, client);
  for (size_t i = 0; i < SESSIONS; i++) assert_int_equal(crowd[i].closes, 1);
}
