/* A converter of JSON, by cJSON: structures there and back, by tables of their fields, and JSON
   that is none or of another shape. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* --- what is converted --- */

enum { WORDS = 64, SAMPLES = 1000 };

typedef enum field_kind { FIELD_NUMBER, FIELD_BOOL, FIELD_WORDS, FIELD_SAMPLES } field_kind;

typedef struct field {
  const char *name;
  field_kind kind;
  size_t offset;
} field;

/* What `type` points to. */
typedef struct schema {
  const field *fields;
  size_t count;
} schema;

typedef struct reading {
  char station[WORDS];
  double value;
  bool valid;
  double samples[SAMPLES];
} reading;

typedef struct order {
  char station[WORDS], action[WORDS];
} order;

static const field reading_fields[] = {
    {"station", FIELD_WORDS, offsetof(reading, station)},
    {"value", FIELD_NUMBER, offsetof(reading, value)},
    {"valid", FIELD_BOOL, offsetof(reading, valid)},
    {"samples", FIELD_SAMPLES, offsetof(reading, samples)},
};
static const schema readings = {reading_fields, 4};

static const field order_fields[] = {
    {"station", FIELD_WORDS, offsetof(order, station)},
    {"action", FIELD_WORDS, offsetof(order, action)},
};
static const schema orders = {order_fields, 2};

/* --- to JSON --- */

/* JSON has no other numbers (RFC 8259 6); cJSON would write "null". */
static bool all_finite(const double *numbers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!isfinite(numbers[i])) return false;
  }
  return true;
}

static cJSON *make_item(field_kind kind, const void *from) {
  switch (kind) {
  case FIELD_NUMBER: return all_finite(from, 1) ? cJSON_CreateNumber(*(const double *) from) : NULL;
  case FIELD_BOOL: return cJSON_CreateBool(*(const bool *) from);
  case FIELD_WORDS: return cJSON_CreateString(from);
  case FIELD_SAMPLES:
    return all_finite(from, SAMPLES) ? cJSON_CreateDoubleArray(from, SAMPLES) : NULL;
  }
  return NULL;
}

static bool make_fields(cJSON *json, const schema *s, const char *value) {
  for (size_t i = 0; i < s->count; i++) {
    cJSON *item = make_item(s->fields[i].kind, value + s->fields[i].offset);
    if (!cJSON_AddItemToObject(json, s->fields[i].name, item)) {
      cJSON_Delete(item);
      return false;
    }
  }
  return true;
}

/* What `arg` points to. */
typedef struct json_notes {
  wsuv_frame_type_t makes;
  size_t made, released;
} json_notes;

static int json_serialize(void *arg, const void *value, const void *type, wsuv_frame_t *frame) {
  json_notes *notes = arg;
  cJSON *json = cJSON_CreateObject();
  char *text = make_fields(json, type, value) ? cJSON_PrintUnformatted(json) : NULL;
  cJSON_Delete(json);
  if (text == NULL) return -1;
  notes->made++;
  frame->type = notes->makes;
  frame->data = text;
  frame->len = strlen(text);
  return 0;
}

static void json_release(void *arg, wsuv_frame_t *frame) {
  json_notes *notes = arg;
  notes->released++;
  cJSON_free((void *) (uintptr_t) frame->data);
}

/* --- from JSON --- */

static bool take_words(char *to, const cJSON *item) {
  if (!cJSON_IsString(item)) return false;
  size_t size = strlen(item->valuestring) + 1;
  if (size > WORDS) return false;
  memcpy(to, item->valuestring, size);
  return true;
}

static bool take_number(double *to, const cJSON *item) {
  if (!cJSON_IsNumber(item)) return false;
  *to = item->valuedouble;
  return true;
}

static bool take_samples(double *to, const cJSON *list) {
  const cJSON *item;
  if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != SAMPLES) return false;
  cJSON_ArrayForEach(item, list) {
    if (!take_number(to++, item)) return false;
  }
  return true;
}

static bool take_item(field_kind kind, void *to, const cJSON *item) {
  switch (kind) {
  case FIELD_NUMBER: return take_number(to, item);
  case FIELD_BOOL: *(bool *) to = cJSON_IsTrue(item) != 0; return cJSON_IsBool(item) != 0;
  case FIELD_WORDS: return take_words(to, item);
  case FIELD_SAMPLES: return take_samples(to, item);
  }
  return false;
}

/* The payload is not terminated, and nothing may stand behind the JSON. */
static cJSON *parse(const wsuv_frame_t *frame) {
  const char *end = NULL, *data = frame->data;
  cJSON *json = cJSON_ParseWithLengthOpts(data, frame->len, &end, false);
  if (json == NULL || end == data + frame->len) return json;
  cJSON_Delete(json);
  return NULL;
}

static int json_deserialize(void *arg, const wsuv_frame_t *frame, const void *type, void *value) {
  const schema *s = type;
  cJSON *json = parse(frame);
  bool taken = cJSON_IsObject(json);
  (void) arg;
  for (size_t i = 0; taken && i < s->count; i++) {
    const field *f = &s->fields[i];
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, f->name);
    taken = item != NULL && take_item(f->kind, (char *) value + f->offset, item);
  }
  cJSON_Delete(json);
  return taken ? 0 : -1;
}

/* --- a session with it --- */

static size_t live; /* blocks of cJSON's */

static void *count_malloc(size_t size) {
  void *p = malloc(size);
  CHECK(p != NULL);
  live++;
  return p;
}

static void count_free(void *p) {
  if (p != NULL) live--;
  free(p);
}

typedef struct stage {
  frame_peer p;
  session_user u;
  json_notes notes;
  void *got; /* where values go */
  const schema *type;
} stage;

static void take_value(session_user *u, const wsuv_message_t *m) {
  stage *s = u->data;
  CHECK(wsuv_message_deserialize(u->session, m, s->type, s->got) == 0);
}

static void stage_open(stage *s, world *w) {
  wsuv_config_t config;
  wsuv_converter_t c;
  wsuv_converter_init(&c);
  c.arg = &s->notes;
  c.serialize = json_serialize;
  c.release = json_release;
  c.deserialize = json_deserialize;
  wsuv_client_config_init(&config);
  config.converter = &c;
  s->notes = (json_notes){.makes = WSUV_FRAME_TEXT};
  scenario_start(w, &s->p, &s->u, &config);
  s->p.echoes = true;
  s->u.data = s;
  s->u.at_message = take_value;
}

static void stage_close(stage *s) {
  assert_int_equal(s->notes.released, s->notes.made);
  assert_int_equal(live, 0);
  scenario_close(&s->u);
}

/* Send it, and have what comes back put where `got` points. */
static void round_trip(stage *s, const void *value, void *got, const schema *type) {
  size_t before = s->u.messages;
  s->got = got;
  s->type = type;
  assert_int_equal(user_value(&s->u, 'a', value, type), 0);
  world_run_until_count(s->u.w, &s->u.messages, before + 1);
}

static reading reading_of(const char *station, double value, bool valid) {
  reading r = {.value = value, .valid = valid};
  memcpy(r.station, station, strlen(station) + 1);
  for (int i = 0; i < SAMPLES; i++) r.samples[i] = i / 8.0 - 7;
  return r;
}

static void assert_reading_comes_back(stage *s, const reading *r) {
  reading got = {.value = 0};
  round_trip(s, r, &got, &readings);
  assert_string_equal(got.station, r->station);
  assert_true(got.value == r->value);
  assert_int_equal(got.valid, r->valid);
  assert_memory_equal(got.samples, r->samples, sizeof r->samples);
}

/* --- the tests --- */

static const wsuv_frame_type_t types[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY};

/* A quotation mark is 22. */
#define ORDER_JSON                                        \
  " \"{\" 22 \"station\" 22 \":\" 22 \"north\" 22 \",\" " \
  "22 \"action\" 22 \":\" 22 \"calibrate\" 22 \"}\""

static int count_memory(void **state) {
  (void) state;
  cJSON_Hooks hooks = {count_malloc, count_free};
  cJSON_InitHooks(&hooks);
  return 0;
}

TEST_AROUND_ALL(counted, count_memory, NULL)

WORLD_TEST(test_json_of_a_value, w) {
  static const char *const scripts[] = {"TEXT" ORDER_JSON, "BIN" ORDER_JSON};
  const order o = {"north", "calibrate"};
  for (size_t i = 0; i < 2; i++) {
    order got = {.station = ""};
    stage s;
    stage_open(&s, w);
    s.notes.makes = types[i];
    round_trip(&s, &o, &got, &orders);
    assert_string_equal(got.station, "north");
    assert_string_equal(got.action, "calibrate");
    assert_true(frame_peer_saw(&s.p, scripts[i]));
    stage_close(&s);
  }
}

/* Of numbers, those that 15 digits tell apart: cJSON writes more only if it must. */
WORLD_TEST(test_values_come_back_as_they_were, w) {
  static const char *const stations[] = {
      "",
      "north",
      "\"quoted\" \\ and / more",
      "line\nand\ttab\x01\x7f",
      "\xc3\xa9t\xc3\xa9",
      "\xe2\x82\xac",
      "\xf0\x9f\x98\x80",
  };
  static const double numbers[] = {0, -1, 0.1, -2.5e-300, 1.5e308, 1e-5, 123456789012345};
  for (size_t i = 0; i < 2; i++) {
    stage s;
    stage_open(&s, w);
    s.notes.makes = types[i];
    for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) {
      const reading r = reading_of(stations[j], numbers[j], j % 2 == 0);
      assert_reading_comes_back(&s, &r);
    }
    assert_int_equal(s.p.opcodes[types[i]], sizeof numbers / sizeof *numbers);
    stage_close(&s);
  }
}

WORLD_TEST(test_number_that_json_does_not_have, w) {
  static const double numbers[] = {INFINITY, -INFINITY, NAN};
  stage s;
  stage_open(&s, w);
  for (size_t i = 0; i < 3; i++) {
    reading r = reading_of("north", numbers[i], true);
    assert_int_equal(user_value(&s.u, 'a', &r, &readings), WSUV_ECONVERT);
    r = reading_of("north", 1, true);
    r.samples[SAMPLES - 1] = numbers[i];
    assert_int_equal(user_value(&s.u, 'b', &r, &readings), WSUV_ECONVERT);
    assert_int_equal(s.notes.made, 0);
    assert_int_equal(live, 0);
  }
  const reading r = reading_of("north", 1, true);
  assert_reading_comes_back(&s, &r);
  assert_int_equal(s.p.opcodes[WSUV_FRAME_TEXT], 1);
  stage_close(&s);
}

/* Text must be UTF-8 (RFC 6455 5.6); of that cJSON knows nothing. */
WORLD_TEST(test_words_that_are_not_utf8, w) {
  const order o = {"n\xf6rd", ""};
  stage s;
  stage_open(&s, w);
  assert_int_equal(user_value(&s.u, 'a', &o, &orders), WSUV_EUTF8);
  assert_int_equal(s.notes.released, 1);
  assert_int_equal(wsuv_buffered_amount(s.u.session), 0);
  stage_close(&s);
}

/* Cut inside a character, between escapes, with spaces and other fields, in another order. */
WORLD_TEST(test_json_in_fragments, w) {
  order got = {.station = ""};
  stage s;
  stage_open(&s, w);
  s.got = &got;
  s.type = &orders;
  frame_peer_send(&s.p, "TEXT- \"{ \" 22 \"more\" 22 \": [{}, null], \" 22 \"act\"; PING; "
                        "CONT- \"ion\" 22 \": \" 22 \"a\\u00e9\" e2; CONT- 82; "
                        "CONT ac 22 0d0a \",\" 22 \"station\" 22 \":\" 22 22 \"}\"");
  world_run_until_count(w, &s.u.messages, 1);
  assert_string_equal(got.action, "a\xc3\xa9\xe2\x82\xac");
  assert_string_equal(got.station, "");
  stage_close(&s);
}

static int read_order(stage *s, const char *json, size_t len) {
  order got = {.station = ""};
  uint8_t *exact = bytes_exact((const uint8_t *) json, len);
  const wsuv_message_t message = {WSUV_FRAME_TEXT, exact, len};
  int err = wsuv_message_deserialize(s->u.session, &message, &orders, &got);
  assert_memory_equal(exact, json, len);
  free(exact);
  return err;
}

WORLD_TEST(test_json_that_is_cut_anywhere, w) {
  static const char json[] = "{\"station\":\"\\ud83d\\ude00\",\"action\":\"b\",\"c\":[-1.5e3]}";
  stage s;
  stage_open(&s, w);
  for (size_t len = 0; len < strlen(json); len++) {
    assert_int_equal(read_order(&s, json, len), WSUV_ECONVERT);
    assert_int_equal(live, 0);
  }
  assert_int_equal(read_order(&s, json, strlen(json)), 0);
  assert_int_equal(read_order(&s, json, sizeof json), WSUV_ECONVERT); /* with the NUL */
  stage_close(&s);
}

#define SIXTEEN "sixteen letters " /* four of them leave no room for a NUL */

WORLD_TEST(test_json_of_another_shape, w) {
  static const char *const wrong[] = {
      "null",
      "[]",
      "{}",
      "\"station\"",
      "{\"station\":\"a\"}",
      "{\"station\":\"a\",\"Action\":\"b\"}",
      "{\"station\":\"a\",\"action\":1}",
      "{\"station\":null,\"action\":\"b\"}",
      "{\"station\":\"a\",\"action\":\"b\"}{}",
      "{\"station\":\"a\",\"action\":\"b\",}",
      "{'station':'a','action':'b'}",
      "{\"station\":\"\\ud83d\",\"action\":\"b\"}",
      "{\"station\":\"" SIXTEEN SIXTEEN SIXTEEN SIXTEEN "\",\"action\":\"b\"}",
  };
  stage s;
  stage_open(&s, w);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(read_order(&s, wrong[i], strlen(wrong[i])), WSUV_ECONVERT);
    assert_int_equal(live, 0);
  }
  stage_close(&s);
}

/* Arrays within arrays, more than a parser's stack should be asked to hold. */
static void refuse_value(session_user *u, const wsuv_message_t *m) {
  order got;
  CHECK(wsuv_message_deserialize(u->session, m, &orders, &got) == WSUV_ECONVERT);
}

WORLD_TEST(test_json_that_is_nested_deep, w) {
  stage s;
  stage_open(&s, w);
  s.u.at_message = refuse_value;
  frame_peer_send(&s.p, "TEXT \"[\"*100000; BIN \"[\"*100000; TEXT \"not JSON\"");
  world_run_until_count(w, &s.u.messages, 3);
  s.u.at_message = take_value;
  const reading r = reading_of("still there", 1, true);
  assert_reading_comes_back(&s, &r);
  stage_close(&s);
}
