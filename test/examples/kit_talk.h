#ifndef TEST_EXAMPLES_KIT_TALK_H
#define TEST_EXAMPLES_KIT_TALK_H

/* What the tests of examples with libwsuv-testkit have in common. Each of them includes the file of
   its program, whose `main` has another name there, and calls the program's own functions. */

#include <wsuv/testkit.h>

#include "support/test.h"

#define assert_ok(CALL) assert_int_equal(CALL, 0)

/* Open a conversation, which must succeed. */
static inline wsuv_conversation_t *join(wsuv_testkit_t *kit, wsuv_server_t *server,
                                        const char *target) {
  wsuv_conversation_t *talk;
  assert_ok(wsuv_conversation_open(kit, server, target, NULL, &talk));
  return talk;
}

static inline void say(wsuv_conversation_t *talk, const char *text) {
  assert_ok(wsuv_conversation_send_text(talk, text));
}

static inline void hears(wsuv_conversation_t *talk, const char *text) {
  assert_ok(wsuv_conversation_expect_text(talk, text));
}

/* A request with one field; `value` lives as long as it. */
static inline wsuv_request_t request_with(wsuv_header_t *field, const char *name,
                                          const char *value) {
  wsuv_request_t request;
  wsuv_request_init(&request, NULL);
  *field = (wsuv_header_t){name, value};
  request.headers = field;
  request.header_count = 1;
  return request;
}

#endif
