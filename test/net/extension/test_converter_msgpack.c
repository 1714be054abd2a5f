/* A converter of MessagePack, by msgpack-c: values there and back in binary messages, in text where
   that can be, and bytes that are no MessagePack or of another shape. */

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* --- what is converted --- */

enum { WORDS = 40, BLOB = 70000 };

typedef struct reading {
  char station[WORDS];
  uint64_t number;
  int64_t delta;
  double value;
  bool valid;
  size_t blob_len;
  uint8_t blob[BLOB];
} reading;

/* What `type` points to: an array of a reading's fields, or one small number. */
typedef enum shape { A_READING, A_NUMBER } shape;

static const shape a_reading = A_READING, a_number = A_NUMBER;

enum { FIELDS = 6 };

/* What `arg` points to. */
typedef struct pack_notes {
  wsuv_frame_type_t makes;
  msgpack_sbuffer made;
  size_t packed, released, read;
} pack_notes;

/* --- to MessagePack --- */

static void pack_reading(msgpack_packer *pk, const reading *r) {
  msgpack_pack_array(pk, FIELDS);
  msgpack_pack_str(pk, strlen(r->station));
  msgpack_pack_str_body(pk, r->station, strlen(r->station));
  msgpack_pack_uint64(pk, r->number);
  msgpack_pack_int64(pk, r->delta);
  msgpack_pack_double(pk, r->value);
  if (r->valid) {
    msgpack_pack_true(pk);
  } else {
    msgpack_pack_false(pk);
  }
  msgpack_pack_bin(pk, r->blob_len);
  msgpack_pack_bin_body(pk, r->blob, r->blob_len);
}

static int pack(void *arg, const void *value, const void *type, wsuv_frame_t *frame) {
  pack_notes *notes = arg;
  msgpack_packer pk;
  msgpack_sbuffer_init(&notes->made);
  msgpack_packer_init(&pk, &notes->made, msgpack_sbuffer_write);
  if (*(const shape *) type == A_READING) pack_reading(&pk, value);
  if (*(const shape *) type == A_NUMBER) msgpack_pack_uint64(&pk, *(const uint64_t *) value);
  frame->type = notes->makes;
  frame->data = notes->made.data;
  frame->len = notes->made.size;
  notes->packed++;
  return 0;
}

static void release(void *arg, wsuv_frame_t *frame) {
  pack_notes *notes = arg;
  CHECK(frame->data == notes->made.data && frame->len == notes->made.size);
  msgpack_sbuffer_destroy(&notes->made);
  notes->released++;
}

/* --- from MessagePack --- */

static bool is_binary(void *arg, const wsuv_frame_t *frame) {
  (void) arg;
  return frame->type == WSUV_FRAME_BINARY;
}

static bool take_words(char *to, const msgpack_object *o) {
  if (o->type != MSGPACK_OBJECT_STR || o->via.str.size >= WORDS) return false;
  if (o->via.str.size > 0) memcpy(to, o->via.str.ptr, o->via.str.size);
  to[o->via.str.size] = '\0';
  return true;
}

static bool take_number(uint64_t *to, const msgpack_object *o) {
  *to = o->via.u64;
  return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER;
}

/* Integers that are not negative are all written as unsigned ones. */
static bool take_delta(int64_t *to, const msgpack_object *o) {
  *to = o->via.i64;
  return o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER ||
         (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= INT64_MAX);
}

static bool take_value(double *to, const msgpack_object *o) {
  *to = o->via.f64;
  return o->type == MSGPACK_OBJECT_FLOAT64;
}

static bool take_valid(bool *to, const msgpack_object *o) {
  *to = o->via.boolean;
  return o->type == MSGPACK_OBJECT_BOOLEAN;
}

static bool take_blob(reading *r, const msgpack_object *o) {
  if (o->type != MSGPACK_OBJECT_BIN || o->via.bin.size > BLOB) return false;
  r->blob_len = o->via.bin.size;
  if (r->blob_len > 0) memcpy(r->blob, o->via.bin.ptr, r->blob_len);
  return true;
}

static bool take_reading(reading *r, const msgpack_object *o) {
  if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != FIELDS) return false;
  const msgpack_object *f = o->via.array.ptr;
  return take_words(r->station, &f[0]) && take_number(&r->number, &f[1]) &&
         take_delta(&r->delta, &f[2]) && take_value(&r->value, &f[3]) &&
         take_valid(&r->valid, &f[4]) && take_blob(r, &f[5]);
}

static int unpack(void *arg, const wsuv_frame_t *frame, const void *type, void *value) {
  pack_notes *notes = arg;
  msgpack_unpacked result;
  size_t used = 0;
  notes->read++;
  msgpack_unpacked_init(&result);
  bool taken =
      msgpack_unpack_next(&result, frame->data, frame->len, &used) == MSGPACK_UNPACK_SUCCESS &&
      used == frame->len;
  if (taken) {
    taken = *(const shape *) type == A_READING ? take_reading(value, &result.data)
                                               : take_number(value, &result.data);
  }
  msgpack_unpacked_destroy(&result);
  return taken ? 0 : -1;
}

/* --- a session with it --- */

typedef struct stage {
  frame_peer p;
  session_user u;
  pack_notes notes;
  const shape *type;
  reading got;
  uint64_t number;
} stage;

static void take_message(session_user *u, const wsuv_message_t *m) {
  stage *s = u->data;
  void *value = *s->type == A_READING ? (void *) &s->got : (void *) &s->number;
  CHECK(wsuv_message_deserialize(u->session, m, s->type, value) == 0);
}

static stage *stage_open(world *w, bool binary_only) {
  stage *s = check_alloc(sizeof *s);
  wsuv_config_t config;
  wsuv_converter_t c;
  wsuv_converter_init(&c);
  c.arg = &s->notes;
  c.serialize = pack;
  c.release = release;
  c.is_applicable = binary_only ? is_binary : NULL;
  c.deserialize = unpack;
  wsuv_client_config_init(&config);
  config.converter = &c;
  s->notes = (pack_notes){.makes = WSUV_FRAME_BINARY};
  scenario_start(w, &s->p, &s->u, &config);
  s->p.echoes = true;
  s->u.data = s;
  s->u.at_message = take_message;
  return s;
}

static void stage_close(stage *s) {
  assert_int_equal(s->notes.released, s->notes.packed);
  scenario_close(&s->u);
  free(s);
}

static void assert_reading_comes_back(stage *s, const reading *r) {
  size_t before = s->u.messages;
  s->type = &a_reading;
  assert_int_equal(user_value(&s->u, 'a', r, s->type), 0);
  world_run_until_count(s->u.w, &s->u.messages, before + 1);
  assert_string_equal(s->got.station, r->station);
  assert_true(s->got.number == r->number);
  assert_true(s->got.delta == r->delta);
  assert_true(s->got.value == r->value);
  assert_int_equal(s->got.valid, r->valid);
  assert_int_equal(s->got.blob_len, r->blob_len);
  assert_memory_equal(s->got.blob, r->blob, r->blob_len);
}

/* --- the tests --- */

WORLD_TEST(test_values_come_back_as_they_were, w) {
  static reading r[] = {
      {"", 0, 0, 0, false, 0, {0}},
      {"north", UINT64_MAX, INT64_MIN, -0.1, true, 5, {0, 0xff, 0xc1, 0x80, 0}},
      {"\xe2\x82\xac", 127, INT64_MAX, DBL_MAX, true, 300, {1}},
      {"a name of more than 31 characters", 128, -33, DBL_MIN, false, BLOB, {2}},
  };
  stage *s = stage_open(w, true);
  for (size_t i = 0; i < BLOB; i++) r[3].blob[i] = (uint8_t) (i * 7);
  for (size_t i = 0; i < sizeof r / sizeof *r; i++) assert_reading_comes_back(s, &r[i]);
  assert_int_equal(s->p.opcodes[WSUV_FRAME_BINARY], sizeof r / sizeof *r);
  assert_int_equal(s->p.opcodes[WSUV_FRAME_TEXT], 0);
  stage_close(s);
}

WORLD_TEST(test_bytes_of_a_value, w) {
  static const reading r = {"n", 256, -1, 1, true, 2, {0xab, 0xcd}};
  stage *s = stage_open(w, true);
  assert_reading_comes_back(s, &r);
  assert_true(frame_peer_saw(&s->p, "BIN 96 a16e cd0100 ff cb3ff0000000000000 c3 c402abcd"));
  stage_close(s);
}

/* Numbers up to 127 are one byte, which is ASCII; 256 is no UTF-8 (RFC 6455 5.6). */
WORLD_TEST(test_values_in_text, w) {
  static const uint64_t small = 'A', large = 256;
  stage *s = stage_open(w, false);
  s->notes.makes = WSUV_FRAME_TEXT;
  s->type = &a_number;
  assert_int_equal(user_value(&s->u, 'a', &large, &a_number), WSUV_EUTF8);
  assert_int_equal(s->notes.released, 1);
  assert_int_equal(user_value(&s->u, 'b', &small, &a_number), 0);
  world_run_until_count(w, &s->u.messages, 1);
  assert_int_equal(s->number, 'A');
  s->notes.makes = WSUV_FRAME_BINARY;
  assert_int_equal(user_value(&s->u, 'c', &large, &a_number), 0);
  world_run_until_count(w, &s->u.messages, 2);
  assert_int_equal(s->number, 256);
  assert_true(frame_peer_saw(&s->p, "TEXT \"A\"; BIN cd0100"));
  stage_close(s);
}

static void leave_alone(session_user *u, const wsuv_message_t *m) {
  uint64_t number = 7;
  CHECK(wsuv_message_deserialize(u->session, m, &a_number, &number) == WSUV_ENOTAPPLICABLE);
  CHECK(number == 7 && m->type == WSUV_FRAME_TEXT && m->len == 1);
  CHECK(*(const char *) m->data == 'A');
}

WORLD_TEST(test_text_is_left_alone, w) {
  stage *s = stage_open(w, true);
  s->u.at_message = leave_alone;
  frame_peer_send(&s->p, "TEXT \"A\"");
  world_run_until_count(w, &s->u.messages, 1);
  assert_int_equal(s->notes.read, 0);
  s->u.at_message = take_message;
  s->type = &a_number;
  frame_peer_send(&s->p, "BIN- ; CONT- cd; CONT 0102");
  world_run_until_count(w, &s->u.messages, 2);
  assert_int_equal(s->number, 0x102);
  stage_close(s);
}

static int read_bytes(stage *s, const shape *type, const uint8_t *p, size_t n) {
  uint8_t *exact = bytes_exact(p, n);
  const wsuv_message_t message = {WSUV_FRAME_BINARY, exact, n};
  int err = wsuv_message_deserialize(s->u.session, &message, type, &s->got);
  assert_memory_equal(exact, p, n);
  free(exact);
  return err;
}

WORLD_TEST(test_bytes_that_are_cut_anywhere, w) {
  static const uint8_t whole[] = {0x96, 0xa1, 'n', 0xcd, 1, 0,    0xff, 0xcb, 0x3f, 0xf0, 0,
                                  0,    0,    0,   0,    0, 0xc3, 0xc4, 2,    0xab, 0xcd, 0};
  const size_t len = sizeof whole - 1; /* and a byte too many */
  stage *s = stage_open(w, true);
  for (size_t n = 0; n < len; n++) {
    assert_int_equal(read_bytes(s, &a_reading, whole, n), WSUV_ECONVERT);
  }
  assert_int_equal(read_bytes(s, &a_reading, whole, len), 0);
  assert_int_equal(read_bytes(s, &a_reading, whole, len + 1), WSUV_ECONVERT);
  stage_close(s);
}

static void refuse(session_user *u, const wsuv_message_t *m) {
  stage *s = u->data;
  CHECK(wsuv_message_deserialize(u->session, m, &a_reading, &s->got) == WSUV_ECONVERT);
}

/* A byte that is never used, other shapes, and lengths that are announced only: small ones of
   lists, since msgpack-c takes memory for what was announced. */
WORLD_TEST(test_bytes_of_another_shape, w) {
  static const reading r = {"still there", 1, 1, 1, true, 0, {0}};
  static const char script[] = "BIN c1; BIN; BIN 90; BIN 80; BIN 05; BIN 96 05 05 05 05 05 05; "
                               "BIN dcffff; BIN deffff; BIN c6ffffffff; BIN 91*50000; "
                               "BIN- 96 a16e; CONT cf8000000000000000 cfffffffffffffffff";
  stage *s = stage_open(w, true);
  s->u.at_message = refuse;
  frame_peer_send(&s->p, script);
  world_run_until_count(w, &s->u.messages, 11);
  assert_int_equal(s->notes.read, 11);
  s->u.at_message = take_message;
  assert_reading_comes_back(s, &r);
  stage_close(s);
}
