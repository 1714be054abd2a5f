/* Close codes and the payload of close frames (RFC 6455 5.5.1, 7.4). */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/frame/close_code.h"
#include "support/frames.h"
#include "support/test.h"

static bool may_be_sent(unsigned code) {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

TEST(test_close_code_is_valid_only_where_registered_or_private) {
  for (unsigned code = 0; code < 65536; code++)
    assert_that(close_code_valid(code) == may_be_sent(code), "code %u", code);
  assert_false(close_code_valid(65536 + 1000));
  assert_false(close_code_valid(UINT32_MAX));
}

static int read_exact(const char *p, size_t n, uint16_t *code, const char **why) {
  uint8_t *copy = bytes_exact((const uint8_t *) p, n);
  *why = "";
  int r = close_payload_read(copy, n, code, why);
  free(copy);
  return r;
}

TEST(test_close_payload_reads_every_code) {
  for (unsigned code = 0; code < 65536; code++) {
    char p[5] = {(char) (code >> 8), (char) code, 'b', 'y', 'e'};
    uint16_t seen = 1;
    const char *why;
    for (size_t n = 2; n <= 5; n += 3) {
      int r = read_exact(p, n, &seen, &why);
      assert_that(r == (may_be_sent(code) ? 0 : WSUV_EPROTOCOL), "code %u, %zu bytes: %d", code, n,
                  r);
      if (r == 0) assert_that(seen == code, "code %u read as %u", code, seen);
      if (r != 0) assert_that(*why != 0, "code %u: no text", code);
    }
  }
}

TEST(test_close_payload_empty_has_no_status) {
  uint16_t code = 0;
  const char *why;
  assert_int_equal(read_exact("", 0, &code, &why), 0);
  assert_int_equal(code, WSUV_CLOSE_NO_STATUS);
  assert_int_equal(close_payload_read(NULL, 0, &code, &why), 0);
}

TEST(test_close_payload_of_one_byte_is_an_error) {
  for (int b = 0; b < 256; b++) {
    uint16_t code;
    const char *why;
    char p = (char) b;
    assert_int_equal(read_exact(&p, 1, &code, &why), WSUV_EPROTOCOL);
    assert_true(*why != 0);
  }
}

TEST(test_close_payload_reason_must_be_utf8) {
  static const struct {
    const char *reason;
    bool valid;
  } cases[] = {
      {"", true},
      {"bye", true},
      {"\xce\xba", true},
      {"\xce", false},
      {"x\xff", false},
      {"\xed\xa0\x80", false},
      {"\xf4\x90\x80\x80", false},
      {"\xc0\xaf", false},
      {"\xe2\x82", false},
      {"\xe2\x82\xac", true},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    SCOPED_BYTES p = {0};
    uint16_t code;
    const char *why;
    bytes_add(&p, "\x03\xe8", 2);
    bytes_add(&p, cases[i].reason, strlen(cases[i].reason));
    int r = read_exact((const char *) p.base, p.len, &code, &why);
    assert_that(r == (cases[i].valid ? 0 : WSUV_EUTF8), "case %zu: %d", i, r);
    assert_that(r == 0 || *why != 0, "case %zu: no text", i);
  }
}

TEST(test_close_payload_illegal_code_goes_before_bad_reason) {
  uint16_t code;
  const char *why;
  assert_int_equal(read_exact("\x03\xee\xff", 3, &code, &why), WSUV_EPROTOCOL);
}

TEST(test_close_payload_written_can_be_read) {
  char reason[WSUV_CLOSE_REASON_MAX];
  memset(reason, 'r', sizeof reason);
  for (unsigned code = 1000; code < 5000; code++) {
    if (!may_be_sent(code)) continue;
    for (size_t n = 0; n <= sizeof reason; n += n < 3 ? 1 : 40) {
      uint8_t *p = malloc(WSUV_CONTROL_MAX);
      uint16_t seen;
      const char *why;
      assert_int_equal(close_payload_write(p, (uint16_t) code, reason, n), 2 + n);
      assert_int_equal(p[0], code >> 8);
      assert_int_equal(p[1], code & 255);
      assert_memory_equal(p + 2, reason, n);
      assert_int_equal(close_payload_read(p, 2 + n, &seen, &why), 0);
      assert_int_equal(seen, code);
      free(p);
    }
  }
}

TEST(test_close_payload_without_status_is_empty) {
  uint8_t p[WSUV_CONTROL_MAX];
  assert_int_equal(close_payload_write(p, WSUV_CLOSE_NO_STATUS, NULL, 0), 0);
  assert_int_equal(close_payload_write(p, 1000, NULL, 0), 2);
}

TEST(test_close_payload_takes_the_longest_reason) {
  uint8_t p[WSUV_CONTROL_MAX];
  char reason[WSUV_CLOSE_REASON_MAX];
  memset(reason, 'x', sizeof reason);
  assert_int_equal(close_payload_write(p, 4999, reason, sizeof reason), WSUV_CONTROL_MAX);
  assert_memory_equal(p + 2, reason, sizeof reason);
}

TEST(test_close_code_for_error_maps_every_error) {
  assert_int_equal(close_code_for_error(WSUV_EPROTOCOL), 1002);
  assert_int_equal(close_code_for_error(WSUV_EUTF8), 1007);
  assert_int_equal(close_code_for_error(WSUV_EDEFLATE), 1007);
  assert_int_equal(close_code_for_error(WSUV_ETOOBIG), 1009);
  assert_int_equal(close_code_for_error(WSUV_EFRAGMENTS), 1008);
  assert_int_equal(close_code_for_error(WSUV_EPINGTIMEOUT), 1011);
  assert_int_equal(close_code_for_error(WS_ENOMEM), 1011);
  assert_int_equal(close_code_for_error(WSUV_ERANDOM), 1011);
  assert_int_equal(close_code_for_error(WSUV_EIDLE), 1001);
  assert_int_equal(close_code_for_error(WS_ECANCELED), 1001);
#define XX(name, value, text) \
  assert_that(close_code_valid(close_code_for_error(WSUV_##name)), "WSUV_%s", #name);
  WSUV_ERRNO_MAP(XX)
#undef XX
}
