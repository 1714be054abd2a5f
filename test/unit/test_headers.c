#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/http/headers.h"
#include "support/alloc_failures.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

#define TCHARS "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* F8 */
TEST(test_header_token_takes_tchar_only) {
  assert_false(header_is_token("", 0));
  for (int c = 0; c < 256; c++) {
    const char text[3] = {'a', (char) c, 'b'};
    bool allowed = memchr(TCHARS, c, strlen(TCHARS)) != NULL;
    assert_int_equal(header_is_token(text, 3), allowed);
    assert_int_equal(header_is_token(text + 1, 1), allowed);
  }
}

/* F8 */
TEST(test_header_value_takes_no_control_byte_but_tab) {
  assert_true(header_is_value("", 0));
  for (int c = 0; c < 256; c++) {
    const char text[3] = {'a', (char) c, 'b'};
    assert_int_equal(header_is_value(text, 3), c == '\t' || (c >= ' ' && c != 0x7f));
  }
}

TEST(test_header_names_are_compared_without_case) {
  assert_true(header_name_equal("Upgrade", "uPGRADE"));
  assert_true(header_name_equal("", ""));
  assert_false(header_name_equal("Upgrade", "Upgrad"));
  assert_false(header_name_equal("Upgrad", "Upgrade"));
  assert_false(header_name_equal("a[", "a{"));
  assert_false(header_name_equal("a@", "a`"));
}

static void assert_list(const char *value, const char *joined) {
  char seen[128] = "";
  const char *item;
  size_t len;
  while (header_list_next(&value, &item, &len)) {
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "<%.*s>", (int) len, item);
  }
  assert_string_equal(seen, joined);
  assert_false(header_list_next(&value, &item, &len));
}

TEST(test_header_list_skips_spaces_and_empty_elements) {
  assert_list("", "");
  assert_list(" ,\t, ", "");
  assert_list("a", "<a>");
  assert_list("a,b", "<a><b>");
  assert_list(" a b\t,,\tc ,", "<a b><c>");
  assert_list("chat, superchat", "<chat><superchat>");
}

static int add_field(header_store *s, const char *name, const char *value) {
  int err = header_store_add(s, name, strlen(name));
  if (err == 0) err = header_store_end_name(s);
  if (err == 0) err = header_store_add(s, value, strlen(value));
  if (err == 0) err = header_store_end_value(s);
  return err;
}

TEST(test_header_store_keeps_fields_in_order) {
  track_alloc a;
  header_store s;
  track_alloc_init(&a);
  header_store_init(&s, &a.handle);
  assert_null(header_store_index(&s));
  assert_null(header_store_get(&s, "A", 0));
  assert_int_equal(add_field(&s, "A", "1"), 0);
  assert_int_equal(add_field(&s, "b", ""), 0);
  assert_int_equal(add_field(&s, "a", "2 \t "), 0);
  assert_int_equal(add_field(&s, "c", "  "), 0);
  assert_int_equal(s.count, 4);
  const wsuv_header_t *index = header_store_index(&s);
  assert_ptr_equal(index, header_store_index(&s));
  assert_string_equal(index[0].name, "A");
  assert_string_equal(index[0].value, "1");
  assert_string_equal(index[1].value, "");
  assert_string_equal(index[2].name, "a");
  assert_string_equal(index[2].value, "2");
  assert_string_equal(index[3].value, "");
  assert_string_equal(header_store_get(&s, "a", 0), "1");
  assert_string_equal(header_store_get(&s, "A", 1), "2");
  assert_null(header_store_get(&s, "A", 2));
  header_store_clear(&s);
  assert_int_equal(s.count, 0);
  assert_int_equal(a.live, 0);
}

TEST(test_header_store_takes_fields_in_pieces) {
  track_alloc a;
  header_store s;
  track_alloc_init(&a);
  header_store_init(&s, &a.handle);
  header_store_add(&s, "Up", 2);
  header_store_add(&s, "grade", 5);
  header_store_end_name(&s);
  assert_null(header_store_get(&s, "Upgrade", 0));
  header_store_add(&s, "web ", 4);
  header_store_add(&s, "socket ", 7);
  assert_int_equal(header_store_end_value(&s), 0);
  assert_string_equal(header_store_get(&s, "upgrade", 0), "web socket");
  header_store_clear(&s);
  assert_int_equal(a.live, 0);
}

TEST(test_header_store_index_follows_new_fields) {
  track_alloc a;
  header_store s;
  track_alloc_init(&a);
  header_store_init(&s, &a.handle);
  for (int i = 0; i < 200; i++) {
    char value[8];
    snprintf(value, sizeof value, "%d", i);
    assert_int_equal(add_field(&s, "n", value), 0);
    assert_string_equal(header_store_index(&s)[i].value, value);
  }
  header_store_clear(&s);
  assert_int_equal(a.live, 0);
}

TEST(test_header_store_joins_lists_of_all_fields) {
  track_alloc a;
  header_store s;
  size_t n;
  track_alloc_init(&a);
  header_store_init(&s, &a.handle);
  assert_false(header_store_lists(&s, "Connection", "upgrade", &n));
  assert_int_equal(n, 0);
  add_field(&s, "Connection", "keep-alive, ,Foo");
  add_field(&s, "Other", "Upgrade");
  assert_false(header_store_lists(&s, "Connection", "upgrade", &n));
  assert_int_equal(n, 2);
  add_field(&s, "connection", "UPGRADE");
  assert_true(header_store_lists(&s, "Connection", "upgrade", &n));
  assert_int_equal(n, 3);
  assert_false(header_store_lists(&s, "Connection", "upgrad", &n));
  assert_false(header_store_lists(&s, "Connection", "keep-aliv", &n));
  header_store_clear(&s);
  assert_int_equal(a.live, 0);
}

/* F46 */
static bool fill_and_index(track_alloc *a) {
  header_store s;
  header_store_init(&s, &a->handle);
  int err = 0;
  for (int i = 0; i < 50 && err == 0; i++) err = add_field(&s, "name", "some value");
  bool good = err == 0 && header_store_index(&s) != NULL;
  if (err < 0) assert_int_equal(err, WS_ENOMEM);
  for (size_t i = 0; i < s.count; i++) {
    assert_string_equal(header_store_get(&s, "name", i), "some value");
  }
  header_store_clear(&s);
  assert_int_equal(a->live, 0);
  return good;
}

TEST(test_header_store_survives_every_failed_allocation) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    track_alloc a;
    track_alloc_init(&a);
    alloc_failures_begin(&f, &a);
    bool good = fill_and_index(&a);
    assert_int_equal(good, !alloc_failures_end(&f, &a));
    assert_true(!good || a.calls > 2);
  }
}

/* Lengths are kept in a byte, as far as they fit. */
TEST(test_header_store_takes_names_and_values_of_any_length) {
  enum { LEN_MAX = 600 };
  static char name[LEN_MAX + 1], value[LEN_MAX + 1];
  track_alloc alloc;
  header_store store;
  header_cursor at = {0};
  track_alloc_init(&alloc);
  header_store_init(&store, &alloc.handle);
  for (size_t len = 1; len <= LEN_MAX; len++) {
    const size_t value_len = LEN_MAX - len;
    memset(name, 'n', len);
    name[len] = '\0';
    memset(value, 'v', value_len);
    value[value_len] = '\0';
    assert_int_equal(add_field(&store, name, value), 0);
    assert_string_equal(header_store_get(&store, name, 0), value);
  }
  for (size_t len = 1; len <= LEN_MAX; len++) {
    const char *found, *got = header_store_each(&store, &at, &found);
    assert_int_equal(strlen(found), len);
    assert_int_equal(strlen(got), LEN_MAX - len);
  }
  assert_int_equal(at.offset, text_buf_len(&store.text));
  header_store_clear(&store);
  assert_int_equal(alloc.live, 0);
}

/* F2: the work is counted. The cursor passes each field once, and never goes back. */
TEST(test_header_store_next_passes_each_field_once) {
  enum { FIELDS = 1000 };
  track_alloc alloc;
  header_store store;
  header_cursor at = {0};
  track_alloc_init(&alloc);
  header_store_init(&store, &alloc.handle);
  for (int i = 0; i < FIELDS; i++) {
    assert_int_equal(add_field(&store, i % 2 == 0 ? "even" : "odd", "x"), 0);
  }
  const size_t end = text_buf_len(&store.text);
  for (size_t i = 1; i < FIELDS; i += 2) {
    assert_non_null(header_store_next(&store, "odd", &at));
    assert_int_equal(at.offset, (i + 1) * end / FIELDS);
  }
  assert_null(header_store_next(&store, "odd", &at));
  assert_int_equal(at.offset, end);
  header_store_clear(&store);
  assert_int_equal(alloc.live, 0);
}

/* F2: were the work more than linear, this would take minutes. */
TEST(test_header_store_reads_a_list_of_many_fields_in_linear_time) {
  enum { FIELDS = 200000 };
  track_alloc alloc;
  header_store store;
  size_t elements;
  track_alloc_init(&alloc);
  header_store_init(&store, &alloc.handle);
  for (int i = 0; i < FIELDS; i++) assert_int_equal(add_field(&store, "Connection", "x"), 0);
  assert_false(header_store_lists(&store, "Connection", "upgrade", &elements));
  assert_int_equal(elements, FIELDS);
  header_store_clear(&store);
  assert_int_equal(alloc.live, 0);
}

TEST(test_header_store_gives_fields_of_a_name_one_by_one) {
  track_alloc alloc;
  header_store store;
  header_cursor at = {0};
  track_alloc_init(&alloc);
  header_store_init(&store, &alloc.handle);
  assert_null(header_store_next(&store, "a", &at));
  static const char *const fields[][2] = {
      {"a", "1"}, {"b", "2"}, {"A", ""}, {"aa", "3"}, {"a", "4"}};
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(header_store_add(&store, fields[i][0], strlen(fields[i][0])), 0);
    assert_int_equal(header_store_end_name(&store), 0);
    assert_int_equal(header_store_add(&store, fields[i][1], strlen(fields[i][1])), 0);
    assert_int_equal(header_store_end_value(&store), 0);
  }
  assert_string_equal(header_store_next(&store, "a", &at), "1");
  assert_string_equal(header_store_next(&store, "a", &at), "");
  assert_string_equal(header_store_next(&store, "a", &at), "4");
  assert_null(header_store_next(&store, "a", &at));
  assert_null(header_store_next(&store, "a", &at));
  header_store_clear(&store);
  assert_int_equal(alloc.live, 0);
}
