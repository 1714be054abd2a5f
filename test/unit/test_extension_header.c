/* The grammar of Sec-WebSocket-Extensions (RFC 6455 9.1, RFC 9110 5.6). */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/extension/extension_header.h"
#include "support/extension_pair.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

/* One line for what was parsed: `<a b c=d><e>`; or what was wrong. */
static int parse(const char *const *values, size_t count, char *text, size_t size) {
  track_alloc alloc;
  header_store fields;
  extension_header h;
  const char *why = "";
  size_t n = 0;
  track_alloc_init(&alloc);
  header_store_init(&fields, &alloc.handle);
  for (size_t i = 0; i < count; i++) assert_int_equal(extension_field(&fields, values[i]), 0);
  int err = extension_header_parse(&h, &alloc.handle, &fields, &why);
  header_store_clear(&fields);
  text[0] = '\0';
  for (size_t i = 0; err == 0 && i < h.count; i++) {
    const extension_element *e = &h.elements[i];
    n += (size_t) snprintf(text + n, size - n, "<%s", e->key);
    for (size_t j = 0; j < e->param_count; j++) {
      const wsuv_extension_param_t *param = &e->params[j];
      n += (size_t) snprintf(text + n, size - n, " %s%s%s", param->name,
                             param->value == NULL ? "" : "=",
                             param->value == NULL ? "" : param->value);
    }
    n += (size_t) snprintf(text + n, size - n, ">");
  }
  if (err < 0) snprintf(text, size, "%s", why);
  if (err == 0) extension_header_clear(&h);
  assert_int_equal(alloc.live, 0);
  return err;
}

static void assert_parsed(const char *value, const char *expected) {
  char text[4096];
  int err = parse(&value, 1, text, sizeof text);
  if (err != 0 || strcmp(text, expected) != 0) fail_msg("'%s': %d, %s", value, err, text);
}

static void assert_malformed(const char *value) {
  char text[4096];
  int err = parse(&value, 1, text, sizeof text);
  if (err != WSUV_EEXTENSION) fail_msg("'%s': %d, %s", value, err, text);
}

TEST(test_extension_header_takes_what_the_grammar_says) {
  assert_parsed("foo", "<foo>");
  assert_parsed("foo;bar", "<foo bar>");
  assert_parsed("foo;bar=1", "<foo bar=1>");
  assert_parsed("foo; bar=1; baz", "<foo bar=1 baz>");
  assert_parsed("foo;bar;bar", "<foo bar bar>");
  assert_parsed("foo, bar", "<foo><bar>");
  assert_parsed("foo,foo;a", "<foo><foo a>");
  assert_parsed("foo;bar; baz=2", "<foo bar baz=2>");
  assert_parsed("foo; bar=\"1\"", "<foo bar=1>");
  assert_parsed("foo; bar=\"a\\b\\c\"", "<foo bar=abc>");
  assert_parsed("foo; bar=\"!#$%&'*+-.^_`|~\"", "<foo bar=!#$%&'*+-.^_`|~>");
  assert_parsed("permessage-deflate; client_max_window_bits; server_max_window_bits=10",
                "<permessage-deflate client_max_window_bits server_max_window_bits=10>");
  /* RFC 6455 9.1 */
  assert_parsed("deflate-stream", "<deflate-stream>");
  assert_parsed("mux; max-channels=4; flow-control, deflate-stream",
                "<mux max-channels=4 flow-control><deflate-stream>");
  assert_parsed("private-extension", "<private-extension>");
}

/* A client refuses it, a server takes it for none. */
TEST(test_extension_header_may_be_empty) {
  static const char *const empty[] = {"", " ", ",", ", \t,"};
  for (size_t i = 0; i < COUNT_OF(empty); i++) assert_parsed(empty[i], "");
}

TEST(test_extension_header_takes_spaces_and_empty_elements) {
  assert_parsed(" \tfoo \t;\t bar = 1 ,\t baz \t", "<foo bar=1><baz>");
  assert_parsed("foo;bar=\t\"1\" ;baz", "<foo bar=1 baz>");
  assert_parsed(",,foo", "<foo>");
  assert_parsed(", ,\tfoo , ,bar,", "<foo><bar>");
}

TEST(test_extension_header_refuses_all_else) {
  static const char *const bad[] = {";",
                                    "foo;",
                                    ";foo",
                                    "foo;;bar",
                                    "foo;bar;",
                                    "foo;,bar",
                                    "foo bar",
                                    "foo;bar baz",
                                    "foo=1",
                                    "foo;bar=",
                                    "foo;=1",
                                    "foo;bar==1",
                                    "foo;bar=1=2",
                                    "foo;bar=1 2",
                                    "\"foo\"",
                                    "foo;\"bar\"",
                                    "foo;bar=\"",
                                    "foo;bar=\"1",
                                    "foo;bar=\"\"",
                                    "foo;bar=\"1\"2",
                                    "foo;bar=\"1 2\"",
                                    "foo;bar=\"1\\",
                                    "foo;bar=\"\\\"\"",
                                    "foo;bar=\"a,b\"",
                                    "foo;bar=\"a;b\"",
                                    "foo/1",
                                    "foo;b(r",
                                    "foo;bar=@",
                                    "f\xc3\xb6o",
                                    "foo;bar=\xff",
                                    "foo;bar=\"\xff\"",
                                    "foo\x01",
                                    "foo;bar=\x7f",
                                    "foo:bar",
                                    "{foo}",
                                    "[foo]",
                                    "foo;bar=<1>"};
  for (size_t i = 0; i < COUNT_OF(bad); i++) assert_malformed(bad[i]);
}

TEST(test_extension_header_joins_its_fields) {
  char text[4096];
  static const char *const split[] = {"foo;bar", "", "baz;a=1, foo"};
  assert_int_equal(parse(split, 3, text, sizeof text), 0);
  assert_string_equal(text, "<foo bar><baz a=1><foo>");
  assert_int_equal(parse(NULL, 0, text, sizeof text), 0);
  assert_string_equal(text, "");
  static const char *const empty[] = {"", ",", " "};
  assert_int_equal(parse(empty, 3, text, sizeof text), 0);
  assert_string_equal(text, "");
  /* An element does not go on in the next field. */
  static const char *const cut[] = {"foo;", "bar"};
  assert_int_equal(parse(cut, 2, text, sizeof text), WSUV_EEXTENSION);
}

TEST(test_extension_header_knows_its_field_in_any_case) {
  track_alloc alloc;
  header_store fields;
  extension_header h;
  const char *why;
  track_alloc_init(&alloc);
  header_store_init(&fields, &alloc.handle);
  static const char *const names[] = {"sec-websocket-EXTENSIONS", "Sec-WebSocket-Extension",
                                      "Sec-WebSocket-Extensions2", "X"};
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(header_store_add(&fields, names[i], strlen(names[i])), 0);
    assert_int_equal(header_store_end_name(&fields), 0);
    assert_int_equal(header_store_add(&fields, i == 0 ? "a;b" : ";;", 2 + (i == 0)), 0);
    assert_int_equal(header_store_end_value(&fields), 0);
  }
  assert_int_equal(extension_header_parse(&h, &alloc.handle, &fields, &why), 0);
  assert_int_equal(h.count, 1);
  assert_string_equal(h.elements[0].params[0].name, "b");
  extension_header_clear(&h);
  header_store_clear(&fields);
  assert_int_equal(alloc.live, 0);
}

/* The same grammar as a recogniser that goes back and forth, for all short texts of the characters
   that matter. */
static const char *space(const char *s) {
  while (*s == ' ') s++;
  return s;
}

static const char *model_token(const char *s) {
  s = space(s);
  const char *from = s;
  while (*s == 'a' || *s == 'b') s++;
  return s == from ? NULL : space(s);
}

static const char *model_value(const char *s) {
  s = space(s);
  if (*s != '"') return model_token(s);
  size_t n = 0;
  for (s++; *s != '"'; n++) {
    if (*s == '\\') s++;
    if (*s != 'a' && *s != 'b') return NULL;
    s++;
  }
  return n == 0 ? NULL : space(s + 1);
}

static bool model(const char *s) {
  s = space(s);
  for (;;) {
    while (*s == ',') s = space(s + 1);
    if (*s == '\0') return true;
    s = model_token(s);
    while (s != NULL && *s == ';') {
      s = model_token(s + 1);
      if (s != NULL && *s == '=') s = model_value(s + 1);
    }
    if (s == NULL || (*s != ',' && *s != '\0')) return false;
  }
}

TEST(test_extension_header_agrees_with_a_model_on_all_short_texts) {
  static const char alphabet[] = "a;=,\"\\ ";
  enum { LETTERS = sizeof alphabet - 1, LONGEST = 6 };
  size_t good = 0, all = 0;
  for (size_t len = 0, count = 1; len <= LONGEST; len++, count *= LETTERS) {
    for (size_t n = 0; n < count; n++) {
      char value[LONGEST + 1], text[256];
      const char *p = value;
      size_t rest = n;
      for (size_t i = 0; i < len; i++, rest /= LETTERS) value[i] = alphabet[rest % LETTERS];
      value[len] = '\0';
      int err = parse(&p, 1, text, sizeof text);
      if ((err == 0) != model(value)) fail_msg("'%s': %d", value, err);
      good += err == 0;
      all++;
    }
  }
  assert_true(good > 500 && good < all);
}

static int parse_text(const bytes *value, char *text, size_t size) {
  const char *p = bytes_text(value);
  return parse(&p, 1, text, size);
}

/* F5, as a fuzzer would. */
TEST(test_extension_header_survives_random_texts) {
  static const char *const parts[] = {
      "permessage-deflate", "a", ";", ",", "=", "\"", "\\", " ", "15", "\t", "\xe9", "x-y"};
  uint64_t seed = 11;
  size_t good = 0;
  for (int round = 0; round < 20000; round++) {
    char text[4096];
    SCOPED_BYTES value = {0};
    for (size_t n = seeded_below(&seed, 12); n > 0; n--) {
      const char *part = parts[seeded_below(&seed, COUNT_OF(parts))];
      bytes_add(&value, part, strlen(part));
    }
    int err = parse_text(&value, text, sizeof text);
    assert_true(err == 0 || err == WSUV_EEXTENSION);
    good += err == 0;
  }
  assert_true(good > 100);
}

/* F1: bounded, whatever the size of the head that it comes in. */
TEST(test_extension_header_is_bounded_in_items) {
  SCOPED_BYTES value = {0};
  char text[4096];
  for (int i = 0; i < EXTENSION_ITEMS_MAX; i++) bytes_add(&value, i % 3 == 0 ? ",a" : ";b", 2);
  assert_int_equal(parse_text(&value, text, sizeof text), 0);
  bytes_add(&value, ";c", 2);
  assert_int_equal(parse_text(&value, text, sizeof text), WSUV_EEXTENSION);
  assert_string_equal(text, "Sec-WebSocket-Extensions is too long");
  const char *many[] = {bytes_text(&value), bytes_text(&value), bytes_text(&value)};
  assert_int_equal(parse(many, 3, text, sizeof text), WSUV_EEXTENSION);
}

TEST(test_extension_header_without_memory_says_so) {
  track_alloc alloc;
  header_store fields;
  extension_header h;
  const char *why;
  track_alloc_init(&alloc);
  header_store_init(&fields, &alloc.handle);
  assert_int_equal(extension_field(&fields, "foo; bar=1"), 0);
  alloc.fail_at = alloc.calls + 1;
  assert_int_equal(extension_header_parse(&h, &alloc.handle, &fields, &why), WS_ENOMEM);
  assert_int_equal(alloc.failed, 1);
  header_store_clear(&fields);
  assert_int_equal(alloc.live, 0);
}
