#ifndef TEST_OBSERVER_H
#define TEST_OBSERVER_H

/* Watches a session: counts what its callbacks say, keeps what they were given, and checks what
   holds of every session: callbacks come from the loop, never inside a call; on_open comes once
   and first of all; on_close comes once, and nothing after it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv.h>

#include "support/frames.h"

enum { OBSERVER_TEXT_SIZE = 128 };

typedef struct observer observer;

struct observer {
  wsuv_session_t *session; /* NULL: there is none, or it is gone */
  bool opened, closed;
  size_t opens, messages, closes;
  bytes text; /* of all messages, a ';' behind each */
  /* What on_close was given, in copies. */
  int status, http_status;
  wsuv_stage_t stage;
  bool clean, has_body;
  uint16_t code, sent_code;
  char detail[OBSERVER_TEXT_SIZE], reason[OBSERVER_TEXT_SIZE], sent_reason[OBSERVER_TEXT_SIZE];
  size_t header_count;
  bytes headers; /* "Name: value\n" */
  bytes body;
  /* What else is to be done; NULL: nothing. */
  void (*at_open)(observer *o);
  void (*at_message)(observer *o, const wsuv_message_t *message);
  void (*at_close)(observer *o);
  void *data; /* the test's */
};

/* For sessions whose data is an observer. */
extern const wsuv_callbacks_t observer_callbacks;

/* The library's calls, on behalf of an observer. `request` without its data. */
int observer_connect(observer *o, wsuv_client_t *client, const char *url);
int observer_request(observer *o, wsuv_client_t *client, const wsuv_request_t *request);
int observer_stream(observer *o, wsuv_client_t *client, const wsuv_request_t *request,
                    uv_stream_t *stream);
int observer_close(observer *o, unsigned code);
void observer_terminate(observer *o);
int observer_client_close(wsuv_client_t *client, wsuv_client_close_cb cb);
int observer_client_terminate(wsuv_client_t *client, wsuv_client_close_cb cb);

/* Is no call of the library's under way? For callbacks that are not an observer's. */
bool observer_from_loop(void);

/* Free what was kept, and make it fit for another session; what is to be done stays. */
void observer_reset(observer *o);

#define assert_ended(o, err, at)                                         \
  do {                                                                   \
    assert_int_equal((o)->closes, 1);                                    \
    assert_string_equal(wsuv_err_name((o)->status), wsuv_err_name(err)); \
    assert_int_equal((o)->status, (err));                                \
    assert_int_equal((o)->stage, (at));                                  \
  } while (0)

/* It never came to be open. */
#define assert_never_open(o)             \
  do {                                   \
    assert_int_equal((o)->opens, 0);     \
    assert_int_equal((o)->messages, 0);  \
    assert_int_equal((o)->code, 0);      \
    assert_int_equal((o)->sent_code, 0); \
    assert_false((o)->clean);            \
  } while (0)

#endif
