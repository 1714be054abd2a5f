#ifndef TEST_KIT_USER_H
#define TEST_KIT_USER_H

/* A test of the testkit: a world with one server, whose route "/echo" sends back each message.

       kit_user u;
       kit_user_begin(&u, 0, NULL);
       wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
       assert_ok(wsuv_conversation_send_text(talk, "hello"));
       assert_ok(wsuv_conversation_expect_text(talk, "hello"));
       kit_user_end(&u);

   Only the public headers of the library are used, as by the tests of a program. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/testkit.h>

#include "support/test.h"

#define assert_ok(CALL) assert_int_equal(CALL, 0)

typedef struct kit_user {
  wsuv_testkit_t *kit;
  wsuv_server_t *server; /* NULL: the test has closed it */
} kit_user;

/* Callbacks whose on_message sends the message back. */
extern const wsuv_callbacks_t kit_echoes;

/* Make a world, and a server with this configuration; NULL: the defaults. */
void kit_user_begin(kit_user *u, uint64_t seed, const wsuv_config_t *config);

/* A route with callbacks, and with the world as its data. */
void kit_user_route(kit_user *u, const char *path, const wsuv_callbacks_t *callbacks);

/* Open a conversation, which must succeed. */
wsuv_conversation_t *kit_user_talk(kit_user *u, const char *target);

/* The same, with a request. */
wsuv_conversation_t *kit_user_ask(kit_user *u, const char *target, const wsuv_request_t *request);

/* A raw conversation. */
wsuv_conversation_t *kit_user_talk_raw(kit_user *u, const char *target);

/* Make a world whose server has one extension, and open a conversation that has it, too. */
wsuv_conversation_t *kit_user_extended(kit_user *u, const wsuv_extension_t *extension);

/* The test fails expectations on purpose: nothing is written to standard error. */
void kit_user_expect_failures(kit_user *u);

/* Whether the text of the last failure has these words. */
bool kit_user_failed_with(const kit_user *u, const char *words);

/* Close the server, and free the world, which must be empty then. */
void kit_user_end(kit_user *u);

#endif
