/* Content converters: what is asked of them and when, what is refused, and that all that they make
   is released. The converter here makes "n=42" of an int; `type` is what stands before the digits.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/torture.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { TEXT_MAX = 32 };

/* Numbers that are made wrong. */
enum { NOT_CONVERTED = -1, NOT_UTF8 = -2, EMPTY = -3 };

/* What `arg` points to: how it behaves, and what it was asked. */
typedef struct numbers {
  wsuv_frame_type_t makes;
  bool fragment; /* what it makes is not final */
  char *made;    /* not released yet */
  size_t serialized, released, asked, deserialized;
} numbers;

static int serialize(void *arg, const void *value, const void *type, wsuv_frame_t *frame) {
  numbers *n = arg;
  int number = *(const int *) value;
  n->serialized++;
  CHECK(n->made == NULL);
  CHECK(frame->size == sizeof *frame && frame->fin && frame->data == NULL && frame->len == 0);
  if (number == NOT_CONVERTED) return -1;
  frame->type = n->makes;
  frame->fin = !n->fragment;
  n->made = check_alloc(TEXT_MAX);
  snprintf(n->made, TEXT_MAX, "%s%d", (const char *) type, number);
  if (number == NOT_UTF8) n->made[0] = '\xff';
  if (number == EMPTY) n->made[0] = '\0';
  frame->data = n->made;
  frame->len = strlen(n->made);
  return 0;
}

/* What is still needed of it would be seen to be gone. */
static void release(void *arg, wsuv_frame_t *frame) {
  numbers *n = arg;
  CHECK(n->made != NULL && frame->data == n->made);
  memset(n->made, 'x', TEXT_MAX);
  free(n->made);
  n->made = NULL;
  n->released++;
}

static bool is_text(void *arg, const wsuv_frame_t *frame) {
  numbers *n = arg;
  n->asked++;
  return frame->type == WSUV_FRAME_TEXT;
}

static int deserialize(void *arg, const wsuv_frame_t *frame, const void *type, void *value) {
  numbers *n = arg;
  char text[TEXT_MAX] = "", *end;
  size_t prefix = strlen(type);
  n->deserialized++;
  CHECK(frame->size == sizeof *frame && frame->fin && !frame->rsv1 && !frame->continuation);
  if (frame->len >= sizeof text || frame->len <= prefix) return -1;
  memcpy(text, frame->data, frame->len);
  if (strncmp(text, type, prefix) != 0) return -1;
  int number = (int) strtol(text + prefix, &end, 10);
  if (*end != '\0') return -1;
  *(int *) value = number;
  return 0;
}

static wsuv_converter_t converter_of(numbers *n) {
  wsuv_converter_t c;
  wsuv_converter_init(&c);
  *n = (numbers){.makes = WSUV_FRAME_TEXT};
  c.arg = n;
  c.serialize = serialize;
  c.release = release;
  c.deserialize = deserialize;
  return c;
}

/* --- a session with it --- */

typedef struct stage {
  frame_peer p;
  session_user u;
  numbers n;
} stage;

static wsuv_config_t config_of(const wsuv_converter_t *c) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.converter = c;
  return config;
}

static void stage_open_as(stage *s, world *w, const wsuv_config_t *config) {
  scenario_start(w, &s->p, &s->u, config);
  s->u.data = s;
}

static void stage_open_with(stage *s, world *w, const wsuv_converter_t *c) {
  const wsuv_config_t config = config_of(c);
  stage_open_as(s, w, &config);
}

static void stage_open(stage *s, world *w) {
  const wsuv_converter_t c = converter_of(&s->n);
  stage_open_with(s, w, &c);
}

static int send_number(stage *s, char name, int number) {
  return user_value(&s->u, name, &number, "n=");
}

static int read_number(session_user *u, const wsuv_message_t *m, int *number) {
  return user_deserialize(u, m, "n=", number);
}

static wsuv_message_t text_message(const char *text) {
  return (wsuv_message_t){WSUV_FRAME_TEXT, text, strlen(text)};
}

/* --- there and back --- */

static void expect_42(session_user *u, const wsuv_message_t *m) {
  int number = 0;
  CHECK(read_number(u, m, &number) == 0 && number == 42);
}

WORLD_TEST(test_value_goes_out_and_comes_back, w) {
  static const wsuv_frame_type_t types[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY};
  stage s;
  stage_open(&s, w);
  s.p.echoes = true;
  s.u.at_message = expect_42;
  for (size_t i = 0; i < 2; i++) {
    s.n.makes = types[i];
    assert_int_equal(send_number(&s, (char) ('a' + i), 42), 0);
    assert_int_equal(s.n.released, i + 1); /* within the call */
    assert_int_equal(s.u.dones, i);
    world_run_until_count(w, &s.u.messages, i + 1);
  }
  assert_string_equal(bytes_text(&s.u.done), "a=OK b=OK ");
  assert_true(user_got(&s.u, "TEXT \"n=42\"; BIN \"n=42\""));
  assert_true(frame_peer_saw(&s.p, "TEXT \"n=42\"; BIN \"n=42\""));
  assert_int_equal(s.n.serialized, 2);
  assert_int_equal(s.n.deserialized, 2);
  scenario_close(&s.u);
}

WORLD_TEST(test_type_is_handed_to_the_converter, w) {
  const wsuv_message_t message = text_message("width=7");
  int number = 7;
  stage s;
  stage_open(&s, w);
  assert_int_equal(wsuv_send_serialized(s.u.session, &number, "width=", NULL, NULL), 0);
  world_run_until_count(w, &s.p.frames, 1);
  assert_true(frame_peer_saw(&s.p, "TEXT \"width=7\""));
  number = 0;
  assert_int_equal(wsuv_message_deserialize(s.u.session, &message, "height=", &number),
                   WSUV_ECONVERT);
  assert_int_equal(number, 0);
  assert_int_equal(wsuv_message_deserialize(s.u.session, &message, "width=", &number), 0);
  assert_int_equal(number, 7);
  scenario_close(&s.u);
}

WORLD_TEST(test_message_may_be_empty, w) {
  stage s;
  stage_open(&s, w);
  assert_int_equal(send_number(&s, 'a', EMPTY), 0);
  world_run_until_count(w, &s.u.dones, 1);
  world_run_until_count(w, &s.p.frames, 1);
  assert_true(frame_peer_saw(&s.p, "TEXT"));
  assert_int_equal(s.n.released, 1);
  scenario_close(&s.u);
}

/* It is a whole message like any other, so it goes out in fragments. */
WORLD_TEST(test_long_message_is_fragmented, w) {
  stage s;
  const wsuv_converter_t c = converter_of(&s.n);
  wsuv_config_t config = config_of(&c);
  config.fragment_size = 2;
  stage_open_as(&s, w, &config);
  assert_int_equal(send_number(&s, 'a', 421), 0);
  assert_int_equal(send_number(&s, 'b', EMPTY), 0);
  world_run_until_count(w, &s.u.dones, 2);
  world_run_until_count(w, &s.p.frames, 4);
  assert_true(frame_peer_saw(&s.p, "TEXT- \"n=\"; CONT- \"42\"; CONT \"1\"; TEXT"));
  assert_string_equal(bytes_text(&s.u.done), "a=OK b=OK ");
  scenario_close(&s.u);
}

static int serialize_constant(void *arg, const void *value, const void *type, wsuv_frame_t *frame) {
  CHECK(arg == NULL && value == NULL && type == NULL);
  frame->data = "constant";
  frame->len = strlen("constant");
  return 0;
}

/* Unless it says so, what it makes is text. */
WORLD_TEST(test_nothing_need_be_released, w) {
  wsuv_converter_t c;
  stage s;
  wsuv_converter_init(&c);
  c.serialize = serialize_constant;
  stage_open_with(&s, w, &c);
  assert_int_equal(user_value(&s.u, 'a', NULL, NULL), 0);
  world_run_until_count(w, &s.p.frames, 1);
  assert_true(frame_peer_saw(&s.p, "TEXT \"constant\""));
  scenario_close(&s.u);
}

WORLD_TEST(test_completion_of_a_dropped_value, w) {
  stage s;
  stage_open(&s, w);
  assert_int_equal(send_number(&s, 'a', 1), 0);
  user_terminate(&s.u);
  user_run_to_close(&s.u);
  assert_string_equal(bytes_text(&s.u.done), "a=ECANCELED ");
  assert_int_equal(s.n.released, 1);
  scenario_finish(&s.u);
}

/* A message is the program's own just as well, in any state. */
static void read_at_close(session_user *u) {
  const wsuv_message_t message = text_message("n=42");
  expect_42(u, &message);
}

WORLD_TEST(test_messages_are_read_in_any_state, w) {
  stage s;
  const wsuv_converter_t c = converter_of(&s.n);
  const wsuv_config_t config = config_of(&c);
  scenario_begin(w, &s.p, &s.u);
  s.u.config = config;
  scenario_connect(&s.u);
  read_at_close(&s.u);
  s.u.at_open = s.u.at_close = read_at_close;
  user_run_to_open(&s.u);
  scenario_close(&s.u);
  assert_int_equal(s.n.deserialized, 3);
}

/* --- no converter --- */

static void assert_none(stage *s, bool can_send, bool can_read) {
  const wsuv_message_t message = text_message("n=5");
  int number = 0;
  assert_int_equal(send_number(s, 'a', 5), can_send ? 0 : WSUV_ENOCONVERTER);
  assert_int_equal(read_number(&s->u, &message, &number), can_read ? 0 : WSUV_ENOCONVERTER);
  assert_int_equal(number, can_read ? 5 : 0);
  assert_int_equal(user_text(&s->u, "still open"), 0);
}

WORLD_TEST(test_without_converter, w) {
  stage s;
  stage_open_with(&s, w, NULL);
  assert_none(&s, false, false);
  assert_int_equal(s.u.send_count, 1);
  scenario_close(&s.u);
  assert_int_equal(s.u.dones, 0);
}

WORLD_TEST(test_converter_without_the_function, w) {
  for (int has = 0; has < 3; has++) {
    stage s;
    wsuv_converter_t c = converter_of(&s.n);
    c.is_applicable = is_text;
    if (has != 1) c.serialize = NULL;
    if (has != 2) c.deserialize = NULL;
    stage_open_with(&s, w, &c);
    assert_none(&s, has == 1, has == 2);
    assert_int_equal(s.n.serialized, has == 1);
    assert_int_equal(s.n.released, has == 1);
    assert_int_equal(s.n.asked, has == 2);
    assert_int_equal(s.n.deserialized, has == 2);
    scenario_close(&s.u);
  }
}

/* --- what comes --- */

static void leave_binary_alone(session_user *u, const wsuv_message_t *m) {
  bool text = m->type == WSUV_FRAME_TEXT;
  int number = 7;
  CHECK(read_number(u, m, &number) == (text ? 0 : WSUV_ENOTAPPLICABLE));
  CHECK(number == (text ? 42 : 7));
  CHECK(m->len == 4 && memcmp(m->data, "n=42", 4) == 0);
}

WORLD_TEST(test_message_that_is_not_applicable, w) {
  stage s;
  wsuv_converter_t c = converter_of(&s.n);
  c.is_applicable = is_text;
  stage_open_with(&s, w, &c);
  s.u.at_message = leave_binary_alone;
  frame_peer_send(&s.p, "BIN \"n=42\"; TEXT \"n=42\"; BIN- \"n\"; CONT \"=42\"");
  world_run_until_count(w, &s.u.messages, 3);
  assert_int_equal(s.n.asked, 3);
  assert_int_equal(s.n.deserialized, 1);
  scenario_close(&s.u);
}

/* Twice, since a program may well try another type, or look at the bytes. */
static void fail_and_read(session_user *u, const wsuv_message_t *m) {
  static const char text[] = "m=42, or so";
  int number = 7;
  for (int i = 0; i < 2; i++) {
    CHECK(read_number(u, m, &number) == WSUV_ECONVERT);
    CHECK(number == 7 && m->type == WSUV_FRAME_TEXT);
    CHECK(m->len == strlen(text) && memcmp(m->data, text, m->len) == 0);
  }
}

WORLD_TEST(test_message_that_cannot_be_converted_stays_readable, w) {
  stage s;
  stage_open(&s, w);
  s.u.at_message = fail_and_read;
  frame_peer_send(&s.p, "TEXT \"m=42, or so\"; TEXT- \"m=42\"; CONT \", or so\"");
  world_run_until_count(w, &s.u.messages, 2);
  assert_int_equal(s.n.deserialized, 4);
  s.u.at_message = expect_42;
  frame_peer_send(&s.p, "TEXT \"n=42\"");
  world_run_until_count(w, &s.u.messages, 3);
  scenario_close(&s.u);
}

/* --- what cannot be sent --- */

/* Nothing of it goes out, no completion is owed, and the session goes on. */
static void assert_untouched(stage *s) {
  assert_int_equal(wsuv_buffered_amount(s->u.session), 0);
  s->n.makes = WSUV_FRAME_TEXT;
  s->n.fragment = false;
  assert_int_equal(send_number(s, 'z', 1), 0);
  world_run_until_count(s->u.w, &s->u.dones, 1);
  world_run_until_count(s->u.w, &s->p.frames, 1);
  assert_true(frame_peer_saw(&s->p, "TEXT \"n=1\""));
  assert_string_equal(bytes_text(&s->u.done), "z=OK ");
}

WORLD_TEST(test_value_that_cannot_be_converted, w) {
  stage s;
  stage_open(&s, w);
  assert_int_equal(send_number(&s, 'a', NOT_CONVERTED), WSUV_ECONVERT);
  assert_int_equal(s.n.serialized, 1);
  assert_int_equal(s.n.released, 0); /* there was nothing */
  assert_untouched(&s);
  scenario_close(&s.u);
}

WORLD_TEST(test_what_is_no_message_is_not_sent, w) {
  static const unsigned types[] = {WSUV_FRAME_CLOSE, WSUV_FRAME_PING, WSUV_FRAME_PONG, 0, 3, 11};
  const size_t count = sizeof types / sizeof *types;
  stage s;
  stage_open(&s, w);
  for (size_t i = 0; i < count; i++) {
    s.n.makes = (wsuv_frame_type_t) types[i];
    assert_int_equal(send_number(&s, 'a', 1), WSUV_ECONVERT);
    assert_int_equal(s.n.released, i + 1);
  }
  assert_untouched(&s);
  scenario_close(&s.u);
}

WORLD_TEST(test_fragment_is_not_sent, w) {
  static const wsuv_frame_type_t types[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY};
  stage s;
  stage_open(&s, w);
  s.n.fragment = true;
  for (size_t i = 0; i < 2; i++) {
    s.n.makes = types[i];
    assert_int_equal(send_number(&s, 'a', 1), WSUV_ECONVERT);
    assert_int_equal(s.n.released, i + 1);
  }
  assert_untouched(&s);
  scenario_close(&s.u);
}

WORLD_TEST(test_text_that_is_not_utf8, w) {
  stage s;
  stage_open(&s, w);
  assert_int_equal(send_number(&s, 'a', NOT_UTF8), WSUV_EUTF8);
  assert_int_equal(s.n.released, 1);
  assert_untouched(&s);
  s.n.makes = WSUV_FRAME_BINARY;
  assert_int_equal(send_number(&s, 'b', NOT_UTF8), 0);
  assert_int_equal(s.n.released, 3);
  scenario_close(&s.u);
}

/* --- sends that are refused --- */

WORLD_TEST(test_full_queue, w) {
  stage s;
  const wsuv_converter_t c = converter_of(&s.n);
  wsuv_config_t config = config_of(&c);
  config.outgoing_max = config.high_water = config.low_water = 8;
  stage_open_as(&s, w, &config);
  assert_int_equal(send_number(&s, 'a', 12345), 0);
  assert_int_equal(send_number(&s, 'b', 12345), WSUV_EQUEUEFULL);
  assert_int_equal(s.n.released, 2);
  assert_int_equal(send_number(&s, 'c', 1234567), WSUV_EMSGSIZE);
  assert_int_equal(s.n.released, 3);
  world_run_until_count(w, &s.u.drains, 1);
  assert_int_equal(send_number(&s, 'd', 123456), 0);
  world_run_until_count(w, &s.u.dones, 2);
  world_run_until_count(w, &s.p.frames, 2);
  assert_string_equal(bytes_text(&s.u.done), "a=OK d=OK ");
  assert_true(frame_peer_saw(&s.p, "TEXT \"n=12345\"; TEXT \"n=123456\""));
  assert_int_equal(s.n.released, s.n.serialized);
  scenario_close(&s.u);
}

WORLD_TEST(test_full_queue_that_ends_the_session, w) {
  stage s;
  const wsuv_converter_t c = converter_of(&s.n);
  wsuv_config_t config = config_of(&c);
  config.outgoing_max = config.high_water = config.low_water = 8;
  config.outgoing_policy = WSUV_OUTGOING_CLOSE;
  stage_open_as(&s, w, &config);
  assert_int_equal(send_number(&s, 'a', 12345), 0);
  assert_int_equal(send_number(&s, 'b', 12345), WSUV_EQUEUEFULL);
  assert_int_equal(s.n.released, 2);
  assert_int_equal(send_number(&s, 'c', 1), WSUV_ESTATE);
  assert_int_equal(s.n.serialized, 2);
  user_run_to_close(&s.u);
  assert_true(user_ended_by(&s.u, WSUV_EQUEUEFULL, WSUV_STAGE_OPEN));
  scenario_finish(&s.u);
}

/* It would become the end of the other. */
WORLD_TEST(test_values_inside_fragments, w) {
  static const wsuv_frame_type_t types[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY};
  stage s;
  stage_open(&s, w);
  assert_int_equal(user_frame(&s.u, 'a', WSUV_FRAME_TEXT, false, "a", 1), 0);
  for (size_t i = 0; i < 2; i++) {
    s.n.makes = types[i];
    assert_int_equal(send_number(&s, 'x', 1), UV_EINVAL);
    assert_int_equal(s.n.released, i + 1);
  }
  s.n.makes = WSUV_FRAME_TEXT;
  assert_int_equal(user_frame(&s.u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(send_number(&s, 'c', 1), 0);
  world_run_until_count(w, &s.u.dones, 3);
  world_run_until_count(w, &s.p.frames, 3);
  assert_true(frame_peer_saw(&s.p, "TEXT- \"a\"; CONT \"b\"; TEXT \"n=1\""));
  assert_string_equal(bytes_text(&s.u.done), "a=OK b=OK c=OK ");
  scenario_close(&s.u);
}

static void refuse(session_user *u) {
  int number = 1;
  CHECK(user_value(u, 'x', &number, "n=") == WSUV_ESTATE);
}

/* Then nothing is made of the value in the first place. */
WORLD_TEST(test_sessions_that_are_not_open, w) {
  stage s;
  const wsuv_converter_t c = converter_of(&s.n);
  const wsuv_config_t config = config_of(&c);
  scenario_begin(w, &s.p, &s.u);
  s.u.config = config;
  scenario_connect(&s.u);
  refuse(&s.u);
  user_run_to_open(&s.u);
  s.u.at_close = refuse;
  assert_int_equal(user_close(&s.u, 1000, NULL), 0);
  refuse(&s.u);
  user_run_to_close(&s.u);
  assert_true(frame_peer_saw(&s.p, "CLOSE #1000"));
  assert_int_equal(s.u.dones, 0);
  assert_int_equal(s.n.serialized, 0);
  scenario_finish(&s.u);
}

WORLD_TEST(test_terminated_session, w) {
  stage s;
  stage_open(&s, w);
  s.u.at_close = refuse;
  user_terminate(&s.u);
  refuse(&s.u);
  user_run_to_close(&s.u);
  assert_int_equal(s.n.serialized, 0);
  scenario_finish(&s.u);
}

WORLD_TEST(test_without_random_bytes, w) {
  stage s;
  int err, number = 1;
  stage_open(&s, w);
  world_random_fails(w, true);
  do {
    err = wsuv_send_serialized(s.u.session, &number, "n=", NULL, NULL);
  } while (err == 0); /* until the pool of them is empty */
  world_random_fails(w, false);
  assert_int_equal(err, WSUV_ERANDOM);
  assert_int_equal(s.n.released, s.n.serialized);
  user_run_to_close(&s.u);
  assert_true(user_ended_by(&s.u, WSUV_ERANDOM, WSUV_STAGE_OPEN));
  scenario_finish(&s.u);
}

WORLD_TEST(test_without_memory, w) {
  stage s;
  stage_open(&s, w);
  w->alloc->fail_at = w->alloc->calls + 1;
  w->alloc->fail_for_ever = true;
  assert_int_equal(send_number(&s, 'a', 1), UV_ENOMEM);
  w->alloc->fail_at = 0;
  assert_int_equal(s.n.released, 1);
  assert_untouched(&s);
  scenario_close(&s.u);
}

/* --- where it is installed --- */

WORLD_TEST(test_converter_is_copied, w) {
  stage s;
  wsuv_converter_t c = converter_of(&s.n);
  const wsuv_config_t config = config_of(&c);
  wsuv_config_t own;
  scenario_begin(w, &s.p, &s.u);
  s.u.config = config;
  wsuv_client_get_config(user_client(&s.u), &own);
  assert_ptr_not_equal(own.converter, &c);
  assert_memory_equal(own.converter, &c, sizeof c);
  memset(&c, 0xff, sizeof c);
  scenario_open(&s.u);
  assert_none(&s, true, true);
  scenario_close(&s.u);
}

/* Its own is copied, too, and the client's is as it was. */
WORLD_TEST(test_converter_of_the_request, w) {
  stage s;
  numbers other;
  const wsuv_converter_t clients = converter_of(&s.n);
  wsuv_converter_t c = converter_of(&other);
  const wsuv_config_t config = config_of(&clients);
  wsuv_config_t own;
  scenario_begin(w, &s.p, &s.u);
  s.u.config = config;
  wsuv_client_get_config(user_client(&s.u), &own);
  own.converter = &c;
  assert_int_equal(user_try_connect_as(&s.u, &s.p, &own), 0);
  memset(&c, 0xff, sizeof c);
  user_run_to_open(&s.u);
  assert_none(&s, true, true);
  assert_int_equal(other.serialized + other.released + other.deserialized, 3);
  assert_int_equal(s.n.serialized + s.n.released + s.n.deserialized, 0);
  wsuv_client_get_config(s.u.client, &own);
  assert_memory_equal(own.converter, &clients, sizeof clients);
  scenario_close(&s.u);
}

WORLD_TEST(test_request_without_converter, w) {
  stage s;
  const wsuv_converter_t c = converter_of(&s.n);
  const wsuv_config_t config = config_of(&c);
  wsuv_config_t own;
  scenario_begin(w, &s.p, &s.u);
  s.u.config = config;
  wsuv_client_get_config(user_client(&s.u), &own);
  own.converter = NULL;
  assert_int_equal(user_try_connect_as(&s.u, &s.p, &own), 0);
  user_run_to_open(&s.u);
  assert_none(&s, false, false);
  scenario_close(&s.u);
}

/* A configuration that was got is given back with other changes: the converter is the client's. */
WORLD_TEST(test_request_with_other_changes, w) {
  stage s;
  const wsuv_converter_t c = converter_of(&s.n);
  const wsuv_config_t config = config_of(&c);
  wsuv_config_t own;
  scenario_begin(w, &s.p, &s.u);
  s.u.config = config;
  wsuv_client_get_config(user_client(&s.u), &own);
  own.outgoing_max = own.high_water = own.low_water = 3;
  assert_int_equal(user_try_connect_as(&s.u, &s.p, &own), 0);
  memset(&own, 0xff, sizeof own);
  user_run_to_open(&s.u);
  assert_int_equal(send_number(&s, 'a', 12), WSUV_EMSGSIZE);
  assert_int_equal(send_number(&s, 'b', 1), 0);
  assert_int_equal(s.n.released, 2);
  scenario_close(&s.u);
}

WORLD_UV_TEST(test_size_that_is_not_filled_in, w) {
  static const size_t sizes[] = {0, sizeof(wsuv_converter_t) - 1, SIZE_MAX};
  stage s;
  wsuv_client_t *client;
  wsuv_converter_t c = converter_of(&s.n);
  wsuv_config_t config = config_of(&c), own;
  scenario_begin(w, &s.p, &s.u);
  wsuv_client_get_config(user_client(&s.u), &own);
  own.converter = &c;
  for (size_t i = 0; i < 3; i++) {
    c.size = sizes[i];
    assert_int_equal(wsuv_client_new(&client, world_uv_loop(w), &config), WSUV_ESIZE);
    assert_int_equal(user_try_connect_as(&s.u, &s.p, &own), WSUV_ESIZE);
  }
  c.size = sizeof c;
  assert_int_equal(user_try_connect_as(&s.u, &s.p, &own), 0);
  user_run_to_open(&s.u);
  scenario_close(&s.u);
}

/* --- memory --- */

static void allow(int err) {
  CHECK(err == 0 || err == UV_ENOMEM || err == WSUV_ESTATE);
}

static void send_some(session_user *u) {
  for (int i = 0; i < 3; i++) allow(user_value(u, (char) ('a' + i), &i, "n="));
}

static void read_one(session_user *u, const wsuv_message_t *m) {
  int number = -1;
  CHECK(read_number(u, m, &number) == 0 && number >= 0 && number < 3);
}

static bool settled(void *arg) {
  const session_user *u = arg;
  return u->closes > 0 || (u->opens > 0 && u->owed == 0 && u->messages >= u->dones);
}

static void run_session(stage *s, const wsuv_converter_t *c) {
  wsuv_config_t own;
  wsuv_client_get_config(s->u.client, &own);
  own.converter = c;
  int err = user_try_connect_as(&s->u, &s->p, &own);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  world_run_until(s->u.w, settled, &s->u);
  if (s->u.closes == 0) user_terminate(&s->u);
  user_run_to_close(&s->u);
}

/* A client with a converter, and a session with another. */
static void play(world *w) {
  stage s = {.u = {.w = w, .at_open = send_some, .at_message = read_one, .forgets = true}};
  numbers idle;
  const wsuv_converter_t c = converter_of(&s.n), clients = converter_of(&idle);
  const wsuv_config_t config = config_of(&clients);
  frame_peer_start(&s.p, w);
  s.p.echoes = s.p.forgets = true;
  int err = world_client(w, &s.u.client, &config);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err == 0) {
    run_session(&s, &c);
    world_client_close(w, s.u.client);
  }
  assert_int_equal(s.n.released, s.n.serialized);
  assert_true(w->alloc->failed > 0 || (s.n.serialized == 3 && s.n.deserialized == 3));
  user_free(&s.u);
  frame_peer_free(&s.p);
}

WORLD_SIM_TEST(test_each_allocation_fails_once, w) {
  if (w->seed < 6) torture(w, play, false, 15);
}

WORLD_SIM_TEST(test_each_allocation_fails_for_ever, w) {
  if (w->seed < 6) torture(w, play, true, 15);
}
