/* Which subprotocol a server accepts: by its own order, and by its policy when there is none. */

#include <string.h>

#include "proto/handshake/subprotocol.h"
#include "support/test.h"

/* A list of names, each terminated by a NUL of its own. */
typedef struct names {
  const char *text;
  size_t count;
} names;

#define NAMES_0 \
  { "", 0 }

static wsuv_refused_t choose(names offered, names ours, wsuv_subprotocol_policy_t policy,
                             const char **chosen, const char **detail) {
  const char *list[8], *at = ours.text;
  const subprotocol_offer offer = {offered.text, offered.count};
  for (size_t i = 0; i < ours.count; i++, at += strlen(at) + 1) list[i] = at;
  return subprotocol_choose(&offer, list, ours.count, policy, chosen, detail);
}

TEST(test_subprotocol_is_chosen_by_the_server_s_order_and_policy) {
  static const struct {
    names offered, ours;
    /* what is chosen under each policy: "-" none, "!" refused */
    const char *if_offered, *required, *optional;
  } rows[] = {
      {NAMES_0, NAMES_0, "-", "-", "-"},
      {{"a", 1}, NAMES_0, "-", "-", "-"},
      {NAMES_0, {"a", 1}, "-", "!", "-"},
      {{"a", 1}, {"a", 1}, "a", "a", "a"},
      {{"b", 1}, {"a", 1}, "!", "!", "-"},
      {{"b\0a", 2}, {"a\0b", 2}, "a", "a", "a"},
      {{"a\0b", 2}, {"b\0a", 2}, "b", "b", "b"},
      {{"x\0y\0b", 3}, {"a\0b\0c", 3}, "b", "b", "b"},
      {{"x\0y", 2}, {"a\0b\0c", 3}, "!", "!", "-"},
      {{"A", 1}, {"a", 1}, "!", "!", "-"},
      {{"aa", 1}, {"a", 1}, "!", "!", "-"},
      {{"a", 1}, {"aa", 1}, "!", "!", "-"},
      {{"a\0a", 2}, {"a", 1}, "a", "a", "a"},
      {{"b\0a", 1}, {"a", 1}, "!", "!", "-"}, /* only the first name is there */
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    const char *expected[] = {rows[i].if_offered, rows[i].if_offered, rows[i].required,
                              rows[i].optional};
    for (int n = 0; n <= WSUV_SUBPROTOCOL_OPTIONAL; n++) {
      const wsuv_subprotocol_policy_t policy = (wsuv_subprotocol_policy_t) n;
      const char *chosen, *detail = "";
      wsuv_refused_t cause = choose(rows[i].offered, rows[i].ours, policy, &chosen, &detail);
      const char *got = cause != WSUV_REFUSED_NONE ? "!" : chosen != NULL ? chosen : "-";
      if (strcmp(got, expected[policy]) != 0) fail_msg("row %zu, policy %d: %s", i, policy, got);
      assert_true(cause == WSUV_REFUSED_NONE || cause == WSUV_REFUSED_SUBPROTOCOL);
      assert_int_equal(*detail != '\0', cause != WSUV_REFUSED_NONE);
      if (cause != WSUV_REFUSED_NONE) assert_null(chosen);
    }
  }
}

TEST(test_subprotocol_is_found_in_an_offer) {
  const subprotocol_offer offer = {"chat\0superchat\0v2", 3};
  assert_int_equal(subprotocol_find(&offer, "chat"), 0);
  assert_int_equal(subprotocol_find(&offer, "superchat"), 1);
  assert_int_equal(subprotocol_find(&offer, "v2"), 2);
  assert_int_equal(subprotocol_find(&offer, "v"), 3);
  assert_int_equal(subprotocol_find(&offer, ""), 3);
  assert_int_equal(subprotocol_find(&(subprotocol_offer){NULL, 0}, "chat"), 0);
}
