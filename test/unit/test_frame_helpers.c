/* What users do with frames: copy, free, read the text, read code and reason of a close. */

#include <stdlib.h>
#include <string.h>

#include <wsuv/frame.h>

#include "base/error.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

static wsuv_frame_t frame_of(wsuv_frame_type_t type, const void *data, size_t len) {
  wsuv_frame_t f;
  wsuv_frame_init(&f, type, data, len);
  return f;
}

static wsuv_frame_t text_of(const char *text) {
  return frame_of(WSUV_FRAME_TEXT, text, strlen(text));
}

/* --- copies --- */

static void assert_same(const wsuv_frame_t *copy, const wsuv_frame_t *f) {
  assert_non_null(copy);
  assert_ptr_not_equal(copy, f);
  assert_int_equal(copy->size, sizeof *copy);
  assert_int_equal(copy->type, f->type);
  assert_int_equal(copy->fin, f->fin);
  assert_int_equal(copy->rsv1, f->rsv1);
  assert_int_equal(copy->rsv2, f->rsv2);
  assert_int_equal(copy->rsv3, f->rsv3);
  assert_int_equal(copy->continuation, f->continuation);
  assert_int_equal(copy->len, f->len);
  assert_non_null(copy->data);
  assert_true(f->len == 0 || memcmp(copy->data, f->data, f->len) == 0);
  assert_int_equal(((const char *) copy->data)[f->len], 0);
}

/* The payload comes from a block that is gone before the copy is looked at. */
static void copy_and_compare(const wsuv_frame_t *f, track_alloc *t) {
  wsuv_frame_t original = *f;
  uint8_t *payload = bytes_exact(f->data, f->len);
  original.data = payload;
  wsuv_frame_t *copy = wsuv_frame_copy(&original, t != NULL ? &t->handle : NULL);
  free(payload);
  if (t != NULL) assert_int_equal(t->live, 1);
  assert_same(copy, f);
  wsuv_frame_free(copy, t != NULL ? &t->handle : NULL);
  if (t != NULL) assert_int_equal(t->live, 0);
}

TEST(test_frame_copy_has_all_of_it_in_one_block) {
  static const wsuv_frame_type_t types[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY, WSUV_FRAME_CLOSE,
                                            WSUV_FRAME_PING, WSUV_FRAME_PONG};
  static const size_t sizes[] = {0, 1, 2, 125, 126, 70000};
  static uint8_t payload[70000];
  track_alloc t;
  track_alloc_init(&t);
  for (size_t i = 0; i < sizeof payload; i++) payload[i] = (uint8_t) (i * 7 + 1);
  for (size_t i = 0; i < COUNT_OF(types); i++) {
    for (size_t j = 0; j < COUNT_OF(sizes); j++) {
      wsuv_frame_t f = frame_of(types[i], payload, sizes[j]);
      copy_and_compare(&f, &t);
      copy_and_compare(&f, NULL);
    }
  }
}

TEST(test_frame_copy_keeps_every_mark) {
  track_alloc t;
  track_alloc_init(&t);
  for (unsigned marks = 0; marks < 32; marks++) {
    wsuv_frame_t f = frame_of(WSUV_FRAME_BINARY, "marks", 5);
    f.fin = (marks & 1) != 0;
    f.rsv1 = (marks & 2) != 0;
    f.rsv2 = (marks & 4) != 0;
    f.rsv3 = (marks & 8) != 0;
    f.continuation = (marks & 16) != 0;
    copy_and_compare(&f, &t);
  }
}

/* A frame of a program with a newer header, whose last field may be set. */
typedef struct newer_frame {
  wsuv_frame_t known;
  uint64_t field;
} newer_frame;

static wsuv_frame_t *copy_newer(uint64_t field, size_t size) {
  newer_frame f = {.field = field};
  wsuv_frame_init(&f.known, WSUV_FRAME_BINARY, "ab", 2);
  f.known.size = size;
  return wsuv_frame_copy(&f.known, NULL);
}

TEST(test_frame_copy_takes_newer_callers) {
  wsuv_frame_t *copy = copy_newer(0, sizeof(newer_frame));
  assert_non_null(copy);
  assert_int_equal(copy->size, sizeof *copy);
  assert_int_equal(copy->type, WSUV_FRAME_BINARY);
  assert_memory_equal(copy->data, "ab", 3);
  wsuv_frame_free(copy, NULL);
  assert_null(copy_newer(1, sizeof(newer_frame)));
  assert_null(copy_newer(0, sizeof(wsuv_frame_t) - 1));
  assert_null(copy_newer(0, 0));
}

TEST(test_frame_copy_of_no_payload_is_terminated) {
  wsuv_frame_t f = frame_of(WSUV_FRAME_TEXT, NULL, 0);
  wsuv_frame_t *copy = wsuv_frame_copy(&f, NULL);
  assert_same(copy, &f);
  assert_string_equal(copy->data, "");
  wsuv_frame_free(copy, NULL);
}

TEST(test_frame_copy_can_be_copied) {
  track_alloc t;
  track_alloc_init(&t);
  wsuv_frame_t f = text_of("once and again");
  wsuv_frame_t *first = wsuv_frame_copy(&f, &t.handle);
  wsuv_frame_t *second = wsuv_frame_copy(first, &t.handle);
  wsuv_frame_free(first, &t.handle);
  assert_same(second, &f);
  assert_string_equal(second->data, "once and again");
  wsuv_frame_free(second, &t.handle);
  assert_int_equal(t.live, 0);
}

TEST(test_frame_copy_without_memory_is_null) {
  track_alloc t;
  track_alloc_init(&t);
  wsuv_frame_t f = text_of("text");
  t.fail_at = 1;
  assert_null(wsuv_frame_copy(&f, &t.handle));
  assert_int_equal(t.failed, 1);
  assert_int_equal(t.live, 0);
  wsuv_frame_t *copy = wsuv_frame_copy(&f, &t.handle);
  assert_same(copy, &f);
  assert_int_equal(t.calls, 2); /* one block */
  wsuv_frame_free(copy, &t.handle);
  assert_int_equal(t.live, 0);
}

/* A length that no block can have is refused before it is looked at. */
TEST(test_frame_copy_of_an_impossible_length_is_null) {
  track_alloc t;
  track_alloc_init(&t);
  for (size_t less = 0; less <= sizeof(wsuv_frame_t); less++) {
    wsuv_frame_t f = frame_of(WSUV_FRAME_BINARY, "short", SIZE_MAX - less);
    assert_null(wsuv_frame_copy(&f, &t.handle));
  }
  assert_int_equal(t.live, 0);
}

TEST(test_frame_free_takes_null) {
  track_alloc t;
  track_alloc_init(&t);
  wsuv_frame_free(NULL, NULL);
  wsuv_frame_free(NULL, &t.handle);
  assert_int_equal(t.live, 0);
}

/* --- text --- */

enum { ROOM = 64, FILL = 0x5a };

/* Into a block of exactly that size. On an error nothing of it is touched. */
static int read_text(const wsuv_frame_t *f, size_t size, char out[ROOM]) {
  char *buf = malloc(size != 0 ? size : 1);
  assert_non_null(buf);
  memset(buf, FILL, size);
  int err = wsuv_frame_read_text(f, size != 0 ? buf : NULL, size);
  for (size_t i = 0; err < 0 && i < size; i++) assert_int_equal(buf[i], FILL);
  if (err == 0) memcpy(out, buf, f->len + 1);
  free(buf);
  return err;
}

TEST(test_frame_read_text_terminates_it) {
  static const char *const texts[] = {"", "a", "gr\xc3\xbc\xc3\x9f",
                                      "\xf0\x9f\x8c\x8d \xe2\x82\xac"};
  char out[ROOM];
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    wsuv_frame_t f = text_of(texts[i]);
    for (size_t size = f.len + 1; size < f.len + 4; size++) {
      assert_int_equal(read_text(&f, size, out), 0);
      assert_string_equal(out, texts[i]);
    }
  }
  wsuv_frame_t none = frame_of(WSUV_FRAME_TEXT, NULL, 0);
  assert_int_equal(read_text(&none, 1, out), 0);
  assert_string_equal(out, "");
}

TEST(test_frame_read_text_keeps_a_nul_within) {
  char out[ROOM];
  wsuv_frame_t f = frame_of(WSUV_FRAME_TEXT, "a\0b", 3);
  assert_int_equal(read_text(&f, 4, out), 0);
  assert_memory_equal(out, "a\0b", 4);
}

TEST(test_frame_read_text_needs_room_for_all_of_it) {
  char out[ROOM];
  wsuv_frame_t f = text_of("gr\xc3\xbc\xc3\x9f");
  for (size_t size = 0; size <= f.len; size++)
    assert_int_equal(read_text(&f, size, out), WS_ENOBUFS);
  assert_int_equal(read_text(&f, f.len + 1, out), 0);
  f = text_of("");
  assert_int_equal(read_text(&f, 0, out), WS_ENOBUFS);
}

TEST(test_frame_read_text_takes_text_only) {
  static const wsuv_frame_type_t others[] = {WSUV_FRAME_BINARY, WSUV_FRAME_CLOSE, WSUV_FRAME_PING,
                                             WSUV_FRAME_PONG, (wsuv_frame_type_t) 0};
  char out[ROOM];
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    wsuv_frame_t f = frame_of(others[i], "text", 4);
    assert_int_equal(read_text(&f, 5, out), WS_EINVAL);
  }
}

TEST(test_frame_read_text_refuses_what_is_not_utf8) {
  static const char *const wrong[] = {
      "\xff", "ok \xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "cut \xe2\x82", "\x80"};
  char out[ROOM];
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    wsuv_frame_t f = text_of(wrong[i]);
    assert_int_equal(read_text(&f, f.len + 1, out), WSUV_EUTF8);
  }
}

/* --- close --- */

static int read_close(const void *payload, size_t len, uint16_t *code, size_t *reason_len) {
  uint8_t *copy = bytes_exact(payload, len);
  wsuv_frame_t f = frame_of(WSUV_FRAME_CLOSE, len != 0 ? copy : NULL, len);
  const char *reason = NULL;
  *reason_len = 99;
  int err = wsuv_frame_read_close(&f, code, &reason, reason_len);
  if (err == 0 && *reason_len != 0) assert_ptr_equal(reason, copy + 2);
  assert_int_equal(wsuv_frame_read_close(&f, code, NULL, NULL), err);
  assert_int_equal(wsuv_frame_read_close(&f, code, &reason, NULL), err);
  free(copy);
  return err;
}

TEST(test_frame_read_close_gives_code_and_reason) {
  uint16_t code;
  size_t len;
  char longest[125];
  assert_int_equal(read_close("\x03\xe8", 2, &code, &len), 0);
  assert_int_equal(code, 1000);
  assert_int_equal(len, 0);
  assert_int_equal(read_close("\x13\x87"
                              "gr\xc3\xbc\xc3\x9f",
                              8, &code, &len),
                   0);
  assert_int_equal(code, 4999);
  assert_int_equal(len, 6);
  memset(longest, 'r', sizeof longest);
  longest[0] = 0x0b, longest[1] = (char) 0xb8;
  assert_int_equal(read_close(longest, sizeof longest, &code, &len), 0);
  assert_int_equal(code, 3000);
  assert_int_equal(len, WSUV_CLOSE_REASON_MAX);
}

TEST(test_frame_read_close_without_a_code) {
  uint16_t code;
  size_t len;
  assert_int_equal(read_close("", 0, &code, &len), 0);
  assert_int_equal(code, WSUV_CLOSE_NO_STATUS);
  assert_int_equal(len, 0);
}

static bool may_be_sent(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

TEST(test_frame_read_close_judges_every_code) {
  for (unsigned code = 0; code <= 0xffff; code++) {
    const uint8_t payload[2] = {(uint8_t) (code >> 8), (uint8_t) code};
    uint16_t seen = 0;
    size_t len;
    int err = read_close(payload, 2, &seen, &len);
    assert_int_equal(err, may_be_sent(code) ? 0 : WSUV_EPROTOCOL);
    if (err == 0) assert_int_equal(seen, code);
  }
}

TEST(test_frame_read_close_refuses_what_is_malformed) {
  uint16_t code;
  size_t len;
  assert_int_equal(read_close("\x03", 1, &code, &len), WSUV_EPROTOCOL);
  assert_int_equal(read_close("\x03\xe8\xff", 3, &code, &len), WSUV_EUTF8);
  assert_int_equal(read_close("\x03\xe8 cut \xe2\x82", 9, &code, &len), WSUV_EUTF8);
  assert_int_equal(read_close("\x03\xed\xff", 3, &code, &len), WSUV_EPROTOCOL);
}

TEST(test_frame_read_close_takes_close_frames_only) {
  static const wsuv_frame_type_t others[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY, WSUV_FRAME_PING,
                                             WSUV_FRAME_PONG, (wsuv_frame_type_t) 0};
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    wsuv_frame_t f = frame_of(others[i], "\x03\xe8", 2);
    uint16_t code;
    const char *reason;
    size_t len;
    assert_int_equal(wsuv_frame_read_close(&f, &code, &reason, &len), WS_EINVAL);
  }
}

/* A copy of a close frame is as readable, and its reason is terminated. */
TEST(test_frame_read_close_of_a_copy) {
  track_alloc t;
  uint16_t code;
  const char *reason;
  size_t len;
  track_alloc_init(&t);
  wsuv_frame_t f = frame_of(WSUV_FRAME_CLOSE,
                            "\x03\xe9"
                            "bye",
                            5);
  wsuv_frame_t *copy = wsuv_frame_copy(&f, &t.handle);
  assert_int_equal(wsuv_frame_read_close(copy, &code, &reason, &len), 0);
  assert_int_equal(code, 1001);
  assert_string_equal(reason, "bye");
  assert_int_equal(len, 3);
  wsuv_frame_free(copy, &t.handle);
  assert_int_equal(t.live, 0);
}
