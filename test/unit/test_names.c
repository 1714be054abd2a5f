/* The names of the public numbers: of error codes, stages and close codes, and of the version. */

#include <stdio.h>

#include <uv.h>

#include <wsuv.h>

#include "support/test.h"

typedef struct named {
  int number;
  const char *name, *text;
} named;

static const named of_libuv[] = {
#define ENTRY(name, text) {UV_##name, #name, text},
    UV_ERRNO_MAP(ENTRY)
#undef ENTRY
};

static const named own[] = {
#define ENTRY(name, value, text) {value, "WSUV_" #name, text},
    WSUV_ERRNO_MAP(ENTRY)
#undef ENTRY
};

static void expect(const named *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(wsuv_err_name(list[i].number), list[i].name);
    assert_string_equal(wsuv_strerror(list[i].number), list[i].text);
  }
}

TEST(test_names_of_errors_are_wsuvs_and_libuvs) {
  expect(own, COUNT_OF(own));
  expect(of_libuv, COUNT_OF(of_libuv));
  expect(&(named){0, "OK", "success"}, 1);
}

TEST(test_names_of_what_is_no_error) {
  static const int others[] = {1, -1000000, INT32_MAX, INT32_MIN, -70000};
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    expect(&(named){others[i], "UNKNOWN", "unknown error"}, 1);
  }
}

/* 1000 to 1015 but for 1004, which is reserved. */
TEST(test_names_of_close_codes_are_those_registered) {
  for (unsigned code = 0; code < 66000; code++) {
    bool registered = code >= 1000 && code <= 1015 && code != 1004;
    assert_int_equal(*wsuv_close_code_name(code) != '\0', registered);
  }
  assert_string_equal(wsuv_close_code_name(1000), "normal closure");
  assert_string_equal(wsuv_close_code_name(WSUV_CLOSE_TOO_BIG), "message too big");
}

TEST(test_names_of_stages) {
  assert_string_equal(wsuv_stage_name(WSUV_STAGE_RESOLVE), "resolve");
  assert_string_equal(wsuv_stage_name(WSUV_STAGE_CONNECT), "connect");
  assert_string_equal(wsuv_stage_name(WSUV_STAGE_HANDSHAKE), "handshake");
  assert_string_equal(wsuv_stage_name(WSUV_STAGE_OPEN), "open");
  assert_string_equal(wsuv_stage_name(WSUV_STAGE_CLOSING), "closing");
  assert_string_equal(wsuv_stage_name((wsuv_stage_t) 99), "unknown");
}

TEST(test_version_is_that_of_the_headers) {
  char version[32];
  (void) snprintf(version, sizeof version, "%d.%d.%d", WSUV_VERSION_MAJOR, WSUV_VERSION_MINOR,
                  WSUV_VERSION_PATCH);
  assert_string_equal(wsuv_version(), version);
  assert_string_equal(WSUV_VERSION_STRING, version);
}
