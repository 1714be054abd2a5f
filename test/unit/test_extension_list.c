/* Installing extensions, and offering them (RFC 6455 9.1). */

#include <string.h>

#include "base/error.h"
#include "proto/extension/extension_list.h"
#include "support/alloc_failures.h"
#include "support/bracket.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct rig {
  track_alloc alloc;
  bracket b[WSUV_EXTENSIONS_MAX + 1];
  const wsuv_extension_t *hooks[WSUV_EXTENSIONS_MAX + 1];
  extension_list *list;
} rig;

static void rig_open(rig *r) {
  static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
  memset(r, 0, sizeof *r);
  track_alloc_init(&r->alloc);
  for (int i = 0; i <= WSUV_EXTENSIONS_MAX; i++) {
    bracket_init(&r->b[i], keys[i], 0, (char) ('A' + i));
    r->hooks[i] = &r->b[i].hooks;
  }
}

static void rig_close(rig *r) {
  extension_list_unref(r->list);
  for (int i = 0; i <= WSUV_EXTENSIONS_MAX; i++) assert_int_equal(r->b[i].installed, 0);
  assert_int_equal(r->alloc.live, 0);
}

static int install(rig *r, size_t count) {
  return extension_list_new(&r->list, &r->alloc.handle, r->hooks, count);
}

static void assert_offer(rig *r, const char *expected, unsigned mask) {
  text_buf text;
  unsigned offered;
  text_buf_init(&text, &r->alloc.handle);
  assert_int_equal(extension_list_offer(r->list, &text, &offered), 0);
  assert_int_equal(offered, mask);
  assert_int_equal(text_buf_len(&text), strlen(expected));
  if (text_buf_len(&text) > 0)
    assert_memory_equal(text_buf_base(&text), expected, text_buf_len(&text));
  text_buf_clear(&text);
}

TEST(test_extension_list_of_none_is_nothing) {
  SCOPED(rig, r);
  assert_int_equal(install(&r, 0), 0);
  assert_null(r.list);
  assert_offer(&r, "", 0);
  assert_null(extension_list_ref(NULL));
  assert_int_equal(r.alloc.calls, 0);
}

TEST(test_extension_list_copies_what_it_is_given) {
  char key[] = "key";
  SCOPED(rig, r);
  r.b[0].hooks.key = key;
  assert_int_equal(install(&r, 2), 0);
  key[0] = 'x';
  memset(&r.b[0].hooks, 0, sizeof r.b[0].hooks);
  assert_offer(&r, "key; letter=A, b; letter=B", 3);
}

TEST(test_extension_list_installs_once_and_undoes_it_with_the_last_reference) {
  SCOPED(rig, r);
  assert_int_equal(install(&r, WSUV_EXTENSIONS_MAX), 0);
  for (int i = 0; i < WSUV_EXTENSIONS_MAX; i++) assert_int_equal(r.b[i].installed, 1);
  extension_list *second = extension_list_ref(r.list);
  extension_list_unref(r.list);
  for (int i = 0; i < WSUV_EXTENSIONS_MAX; i++) assert_int_equal(r.b[i].installed, 1);
  r.list = second;
}

TEST(test_extension_list_offers_alternatives_in_order) {
  SCOPED(rig, r);
  r.b[0].offers = 2;
  r.b[1].offers = 0;
  assert_int_equal(install(&r, 3), 0);
  assert_offer(&r, "a; letter=A, a; letter=A; again, c; letter=C", 5);
}

TEST(test_extension_list_without_install_hands_on_the_data) {
  SCOPED(rig, r);
  r.b[0].hooks.install = NULL;
  r.b[0].hooks.uninstall = NULL;
  assert_int_equal(install(&r, 1), 0);
  assert_offer(&r, "a; letter=A", 1);
}

/* "Two that claim one bit cannot be installed together." */
TEST(test_extension_list_refuses_a_bit_that_is_claimed_twice) {
  for (unsigned first = 0; first < 16; first++) {
    for (unsigned second = 0; second < 16; second++) {
      SCOPED(rig, r);
      r.b[0].hooks.rsv = first;
      r.b[1].hooks.rsv = second;
      bool good = first < 8 && second < 8 && (first & second) == 0;
      assert_int_equal(install(&r, 2), good ? 0 : WS_EINVAL);
    }
  }
}

TEST(test_extension_list_refuses_what_is_unsound) {
  for (int what = 0; what < 9; what++) {
    SCOPED(rig, r);
    size_t count = 2;
    wsuv_extension_t *e = &r.b[1].hooks;
    switch (what) {
    case 0: e->size = 0; break;
    case 1: e->size--; break;
    case 2: e->key = NULL; break;
    case 3: e->key = ""; break;
    case 4: e->key = "a b"; break;
    case 5: e->key = "a"; break; /* the first one's */
    case 6: e->accept = NULL; break;
    case 7: e->offer = NULL; break;
    default: count = WSUV_EXTENSIONS_MAX + 1; break;
    }
    int expected = what < 2 ? (int) WSUV_ESIZE : (int) WS_EINVAL;
    if (install(&r, count) != expected) fail_msg("case %d", what);
    assert_int_equal(r.b[0].installed, 0);
  }
  rig r;
  rig_open(&r);
  assert_int_equal(extension_list_new(&r.list, &r.alloc.handle, NULL, 1), WS_EINVAL);
  r.hooks[1] = NULL;
  assert_int_equal(install(&r, 2), WS_EINVAL);
  rig_close(&r);
}

/* For a server that has nothing to offer, or a client that answers nothing. */
TEST(test_extension_list_takes_an_extension_of_one_role) {
  SCOPED(rig, r);
  r.b[0].hooks.offer = NULL;
  r.b[0].hooks.accept = NULL;
  r.b[1].hooks.answer = NULL;
  assert_int_equal(install(&r, 2), 0);
  assert_offer(&r, "b; letter=B", 2);
}

static int put_bad(void *shared, size_t n, wsuv_extension_params_t *params) {
  const char *const *bad = shared;
  if (n > 0) return 0;
  int err = wsuv_extension_put(params, bad[0], bad[1]);
  assert_int_equal(err, WS_EINVAL);
  wsuv_extension_put(params, "good", NULL);
  return 1;
}

static int refuse_offer(void *shared, size_t n, wsuv_extension_params_t *params) {
  (void) shared;
  (void) n;
  (void) params;
  return WSUV_ERANDOM;
}

TEST(test_extension_list_offer_fails_with_what_is_no_token) {
  static const char *bad[][2] = {{NULL, NULL}, {"", NULL},   {"a b", NULL},  {"a\r\nX", NULL},
                                 {"a", ""},    {"a", "1 2"}, {"a", "\"1\""}, {"a", "1,b"}};
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    text_buf text;
    unsigned offered;
    SCOPED(rig, r);
    r.b[0].hooks.install = NULL;
    r.b[0].hooks.uninstall = NULL;
    r.b[0].hooks.data = bad[i];
    r.b[0].hooks.offer = put_bad;
    assert_int_equal(install(&r, 1), 0);
    text_buf_init(&text, &r.alloc.handle);
    assert_int_equal(extension_list_offer(r.list, &text, &offered), WS_EINVAL);
    text_buf_clear(&text);
  }
}

TEST(test_extension_list_offer_fails_with_the_hook) {
  text_buf text;
  unsigned offered;
  SCOPED(rig, r);
  r.b[1].hooks.offer = refuse_offer;
  assert_int_equal(install(&r, 2), 0);
  text_buf_init(&text, &r.alloc.handle);
  assert_int_equal(extension_list_offer(r.list, &text, &offered), WSUV_ERANDOM);
  text_buf_clear(&text);
}

static int refuse_install(void *data, const wsuv_allocator_t *alloc, void **shared) {
  (void) data;
  (void) alloc;
  (void) shared;
  return WSUV_ERANDOM;
}

TEST(test_extension_list_fails_with_the_hook_and_undoes_the_others) {
  SCOPED(rig, r);
  r.b[2].hooks.install = refuse_install;
  assert_int_equal(install(&r, 4), WSUV_ERANDOM);
  assert_null(r.list);
}

/* F46 */
TEST(test_extension_list_survives_every_failed_allocation) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    text_buf text;
    unsigned offered;
    SCOPED(rig, r);
    alloc_failures_begin(&f, &r.alloc);
    text_buf_init(&text, &r.alloc.handle);
    int err = install(&r, 3);
    if (err == 0) err = extension_list_offer(r.list, &text, &offered);
    assert_int_equal(err, alloc_failures_end(&f, &r.alloc) ? WS_ENOMEM : 0);
    if (err == 0) assert_true(f.n > 4);
    text_buf_clear(&text);
  }
}
