/* Why a session ended: the whole table. */

#include "base/error.h"
#include "session/cause.h"
#include "support/test.h"

static const char noted_detail[] = "noted", last_detail[] = "last";

typedef struct row {
  int noted;       /* a failure that was noted while the session was open, or 0 */
  int write_error; /* writing failed while it was open, or 0 */
  bool close_received;
  int status; /* with which it ends, while it is closing */
  /* What is decided. */
  int expected;
  const char *detail;
  wsuv_stage_t stage;
} row;

static const row rows[] = {
    /* nothing before: what is said last */
    {0, 0, false, WS_EOF, WS_EOF, last_detail, WSUV_STAGE_CLOSING},
    {0, 0, false, WS_ECANCELED, WS_ECANCELED, last_detail, WSUV_STAGE_CLOSING},
    /* the close frame of the peer */
    {0, 0, true, WS_EOF, 0, "", WSUV_STAGE_CLOSING},
    {0, 0, true, WS_ECANCELED, 0, "", WSUV_STAGE_CLOSING},
    {0, 0, true, WSUV_ECLOSETIMEOUT, 0, "", WSUV_STAGE_CLOSING},
    /* an error of writing, unless the close frame came */
    {0, -32, false, WS_EOF, -32, last_detail, WSUV_STAGE_OPEN},
    {0, -32, false, WS_ECANCELED, -32, last_detail, WSUV_STAGE_OPEN},
    {0, -32, true, WS_EOF, 0, "", WSUV_STAGE_CLOSING},
    /* a failure that was noted, whatever came later */
    {WSUV_EUTF8, 0, false, WS_EOF, WSUV_EUTF8, noted_detail, WSUV_STAGE_OPEN},
    {WSUV_EUTF8, 0, true, WS_EOF, WSUV_EUTF8, noted_detail, WSUV_STAGE_OPEN},
    {WSUV_EUTF8, -32, false, WS_EOF, WSUV_EUTF8, noted_detail, WSUV_STAGE_OPEN},
    {WSUV_EUTF8, -32, true, WS_ECANCELED, WSUV_EUTF8, noted_detail, WSUV_STAGE_OPEN},
};

TEST(test_cause_resolve) {
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    const row *r = &rows[i];
    cause c = {.detail = ""};
    if (r->noted != 0) cause_set(&c, WSUV_STAGE_OPEN, r->noted, noted_detail);
    if (r->write_error != 0) cause_set_write_error(&c, WSUV_STAGE_OPEN, r->write_error);
    c = cause_resolve(c, r->close_received, WSUV_STAGE_CLOSING, r->status, last_detail);
    if (c.status != r->expected || c.stage != r->stage) fail_msg("row %zu", i);
    assert_string_equal(c.detail, r->detail);
    assert_int_equal(c.write_error, r->write_error);
  }
}

TEST(test_cause_of_a_session_that_never_opened) {
  cause c = cause_resolve((cause){.detail = ""}, false, WSUV_STAGE_RESOLVE, WS_ETIMEDOUT, "late");
  assert_int_equal(c.status, WS_ETIMEDOUT);
  assert_int_equal(c.stage, WSUV_STAGE_RESOLVE);
  assert_string_equal(c.detail, "late");
}

TEST(test_cause_keeps_what_was_set_first) {
  cause c = {.detail = ""};
  cause_set(&c, WSUV_STAGE_OPEN, WSUV_EPROTOCOL, "first");
  cause_set(&c, WSUV_STAGE_CLOSING, WSUV_EUTF8, "second");
  assert_int_equal(c.status, WSUV_EPROTOCOL);
  assert_int_equal(c.stage, WSUV_STAGE_OPEN);
  assert_string_equal(c.detail, "first");
  cause_set_write_error(&c, WSUV_STAGE_CLOSING, -32);
  cause_set_write_error(&c, WSUV_STAGE_CLOSING, -104);
  assert_int_equal(c.write_error, -32);
  assert_int_equal(c.stage, WSUV_STAGE_OPEN);
}

/* The stage is that of the error of writing, with which it began. */
TEST(test_cause_of_a_failure_behind_an_error_of_writing) {
  cause c = {.detail = ""};
  cause_set_write_error(&c, WSUV_STAGE_OPEN, -32);
  cause_set(&c, WSUV_STAGE_CLOSING, WSUV_EPROTOCOL, "why");
  assert_int_equal(c.status, WSUV_EPROTOCOL);
  assert_int_equal(c.stage, WSUV_STAGE_OPEN);
}
