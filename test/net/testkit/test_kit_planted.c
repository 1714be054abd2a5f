/* Bugs that are planted in a program are found, and named. */

#include <stdlib.h>
#include <string.h>

#include <wsuv/prepared.h>

#include "support/kit_user.h"
#include "testkit/check.h"

/* The kit is not freed, and says why; after it was mended, it is. */
static void expect_leak(kit_user *u, const char *words) {
  assert_int_equal(wsuv_testkit_free(u->kit), WSUV_ELEAK);
  assert_true(kit_user_failed_with(u, words));
}

static void begin(kit_user *u) {
  kit_user_begin(u, 0, NULL);
  kit_user_expect_failures(u);
}

/* --- answers that are owed --- */

static wsuv_upgrade_t *forgotten_upgrade;

static void forget_upgrade(wsuv_upgrade_t *upgrade) {
  forgotten_upgrade = upgrade;
}

TEST(test_handler_that_forgets_an_upgrade) {
  kit_user u;
  wsuv_conversation_t *talk;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.handshake_timeout_ms = 1000;
  kit_user_begin(&u, 0, &config);
  kit_user_expect_failures(&u);
  wsuv_server_on_upgrade(u.server, forget_upgrade);
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk), WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_status(talk), 503);
  assert_ok(wsuv_server_close(u.server, NULL, NULL));
  expect_leak(&u, "upgrades or requests not answered: at most 1");
  assert_int_equal(wsuv_upgrade_accept(forgotten_upgrade, NULL, NULL), WSUV_ESTATE);
  u.server = NULL;
  kit_user_end(&u);
}

/* --- what is not closed --- */

TEST(test_server_and_client_that_are_not_closed) {
  kit_user u;
  wsuv_client_t *client;
  begin(&u);
  assert_ok(wsuv_testkit_client(u.kit, &client, NULL));
  expect_leak(&u, "servers not closed: 1");
  assert_true(kit_user_failed_with(&u, "clients not closed: 1"));
  assert_ok(wsuv_client_close(client, NULL));
  expect_leak(&u, "servers not closed: 1");
  assert_null(strstr(wsuv_testkit_failure(u.kit), "clients not closed"));
  kit_user_end(&u);
}

TEST(test_session_of_a_client_that_is_not_closed) {
  kit_user u;
  wsuv_client_t *client;
  wsuv_session_t *session;
  begin(&u);
  assert_ok(wsuv_testkit_client(u.kit, &client, NULL));
  assert_ok(wsuv_server_listen(u.server, NULL, 80, NULL));
  assert_ok(wsuv_connect_url(client, "ws://localhost/echo", NULL, NULL, &session));
  assert_ok(wsuv_testkit_run(u.kit));
  expect_leak(&u, "sessions");
  assert_ok(wsuv_client_close(client, NULL));
  kit_user_end(&u);
}

/* --- memory --- */

TEST(test_prepared_message_that_is_never_freed) {
  kit_user u;
  wsuv_prepared_t *news;
  wsuv_config_t config;
  begin(&u);
  wsuv_server_get_config(u.server, &config);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_ok(wsuv_prepared_new(&news, WSUV_FRAME_TEXT, "news", 4, config.allocator));
  assert_ok(wsuv_send_prepared(wsuv_conversation_server_session(talk), news, NULL, NULL));
  assert_ok(wsuv_conversation_expect_text(talk, "news"));
  assert_ok(wsuv_server_close(u.server, NULL, NULL));
  expect_leak(&u, "memory: ");
  wsuv_prepared_free(news);
  u.server = NULL;
  kit_user_end(&u);
}

/* --- a message that is lost --- */

static uint64_t next_number;

/* The planted bug: what a send returns is ignored, so what did not fit is lost. */
static void send_numbers(wsuv_session_t *s) {
  char text[1000] = "";
  for (int i = 0; i < 100; i++) {
    memset(text, 'a' + (int) (next_number++ % 26), sizeof text);
    int err = wsuv_send_text(s, text, sizeof text);
    (void) err; /* the bug */
  }
}

TEST(test_program_that_ignores_a_full_queue) {
  static const wsuv_callbacks_t careless = {WSUV_CALLBACKS_INIT, .on_open = send_numbers};
  kit_user u;
  wsuv_config_t config;
  char text[1000];
  wsuv_server_config_init(&config);
  config.outgoing_max = 50000;
  kit_user_begin(&u, 0, &config);
  kit_user_expect_failures(&u);
  kit_user_route(&u, "/numbers", &careless);
  next_number = 0;
  wsuv_conversation_t *talk = kit_user_talk(&u, "/numbers");
  wsuv_conversation_set_timeout(talk, 1000);
  int err = 0;
  size_t received = 0;
  while (err == 0 && received < 100) {
    memset(text, 'a' + (int) (received % 26), sizeof text);
    err = wsuv_conversation_expect(talk, WSUV_FRAME_TEXT, text, sizeof text);
    received += err == 0;
  }
  assert_int_equal(err, WSUV_ETEST);
  assert_true(received >= 50 && received < 100);
  kit_user_end(&u);
}

/* --- data that is freed twice --- */

/* The planted bug: the data of a session is freed when the client says "bye", and in on_close. */
typedef struct visitor {
  int references;
} visitor;

static size_t frees_too_many;

static void visitor_free(visitor *v) {
  if (v->references == 0) frees_too_many++;
  if (v->references > 0) v->references--;
}

static void greet(wsuv_session_t *s) {
  visitor *v = check_alloc(sizeof *v);
  v->references = 1;
  wsuv_session_set_data(s, v);
}

static void listen_to(wsuv_session_t *s, const wsuv_message_t *m) {
  if (m->len == 3 && memcmp(m->data, "bye", 3) == 0) visitor_free(wsuv_session_data(s));
}

static void farewell(wsuv_session_t *s, const wsuv_close_info_t *info) {
  visitor *v = wsuv_session_data(s);
  (void) info;
  visitor_free(v);
  check_free(v);
}

static int visit(wsuv_testkit_t *kit, void *arg) {
  static const wsuv_callbacks_t visitors = {WSUV_CALLBACKS_INIT, .on_open = greet,
                                            .on_message = listen_to, .on_close = farewell};
  const char *last_word = arg;
  wsuv_server_t *server;
  wsuv_conversation_t *talk;
  frees_too_many = 0;
  int err = wsuv_testkit_server(kit, &server, NULL);
  if (err < 0) return err;
  err = wsuv_server_route(server, "/", &visitors, NULL);
  if (err == 0) err = wsuv_conversation_open(kit, server, "/", NULL, &talk);
  if (err == 0) err = wsuv_conversation_send_text(talk, last_word);
  if (err == 0) err = wsuv_conversation_close(talk, 1000, NULL);
  if (err == 0) err = wsuv_server_close(server, NULL, NULL);
  if (err == 0) err = wsuv_testkit_run(kit);
  return err == 0 && frees_too_many > 0 ? UV_EFAULT : err;
}

TEST(test_program_that_frees_the_data_of_a_session_twice) {
  char bye[] = "bye", ciao[] = "ciao";
  assert_ok(wsuv_testkit_explore(visit, ciao, 20, NULL));
  assert_int_equal(wsuv_testkit_explore(visit, bye, 20, NULL), UV_EFAULT);
}

/* --- rules of the library that are broken --- */

static wsuv_frame_type_t lent_type = WSUV_FRAME_TEXT;

/* Opening a conversation inside of a callback is refused, and the program goes on. */
static void converse_in_callback(wsuv_session_t *s) {
  wsuv_conversation_t *talk = NULL;
  wsuv_testkit_t *kit = wsuv_session_data(s);
  CHECK(wsuv_conversation_open(kit, wsuv_session_server(s), "/echo", NULL, &talk) == WSUV_ESTATE);
  CHECK(wsuv_send_message(s, lent_type, "refused", 7) == 0);
}

TEST(test_program_that_converses_in_a_callback) {
  static const wsuv_callbacks_t nested = {WSUV_CALLBACKS_INIT, .on_open = converse_in_callback};
  kit_user u;
  begin(&u);
  kit_user_route(&u, "/nested", &nested);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/nested");
  assert_ok(wsuv_conversation_expect_text(talk, "refused"));
  kit_user_end(&u);
}
