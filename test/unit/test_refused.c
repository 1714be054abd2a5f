/* The causes for which a server refuses: names, texts, statuses, error codes. */

#include <string.h>

#include "base/error.h"
#include "proto/handshake/refused.h"
#include "support/test.h"

static const struct {
  wsuv_refused_t cause;
  int value, status;
  const char *name, *text;
} causes[] = {
#define ENTRY(name, value, status, text) {WSUV_REFUSED_##name, value, status, #name, text},
    WSUV_REFUSED_MAP(ENTRY)
#undef ENTRY
};

TEST(test_refused_has_name_text_status_and_error_for_each_cause) {
  for (size_t i = 0; i < COUNT_OF(causes); i++) {
    assert_int_equal(causes[i].cause, causes[i].value);
    assert_int_equal(causes[i].value, i + 1);
    assert_string_equal(wsuv_refused_name(causes[i].cause), causes[i].name);
    assert_string_equal(wsuv_refused_text(causes[i].cause), causes[i].text);
    assert_int_equal(refused_status(causes[i].cause), causes[i].status);
    assert_true(refused_error(causes[i].cause) < 0);
    assert_true(causes[i].status == 0 || (causes[i].status >= 400 && causes[i].status <= 505));
  }
}

/* What the statuses of the most frequent causes are. */
TEST(test_refused_statuses) {
  assert_int_equal(refused_status(WSUV_REFUSED_NO_ROUTE), 404);
  assert_int_equal(refused_status(WSUV_REFUSED_NO_UPGRADE), 426);
  assert_int_equal(refused_status(WSUV_REFUSED_VERSION), 426);
  assert_int_equal(refused_status(WSUV_REFUSED_HTTP_VERSION), 505);
  assert_int_equal(refused_status(WSUV_REFUSED_METHOD), 405);
  assert_int_equal(refused_status(WSUV_REFUSED_HOST_UNKNOWN), 421);
  assert_int_equal(refused_status(WSUV_REFUSED_ORIGIN), 403);
  assert_int_equal(refused_status(WSUV_REFUSED_TIMEOUT), 408);
  assert_int_equal(refused_status(WSUV_REFUSED_TOO_LARGE), 431);
  assert_int_equal(refused_status(WSUV_REFUSED_TLS), 0);
}

TEST(test_refused_knows_what_is_no_cause) {
  const wsuv_refused_t none = WSUV_REFUSED_NONE, other = (wsuv_refused_t) 9999;
  assert_string_equal(wsuv_refused_name(none), "NONE");
  assert_string_equal(wsuv_refused_text(none), "not refused");
  assert_int_equal(refused_status(none), 0);
  assert_int_equal(refused_error(none), 0);
  assert_string_equal(wsuv_refused_name(other), "UNKNOWN");
  assert_string_equal(wsuv_refused_text(other), "unknown cause");
  assert_int_equal(refused_status(other), 0);
}
