/* TLS contexts of an endpoint: one for each configuration, the ones that were used last. */

#include <string.h>

#include <wsuv/error.h>

#include "net/tls/tls_contexts.h"
#include "support/test.h"
#include "support/tls_pair.h"
#include "support/track_alloc.h"

enum { MANY = TLS_CONTEXTS_MAX + 1 };

typedef struct fixture {
  track_alloc alloc;
  tls_contexts contexts;
  wsuv_tls_config_t configs[MANY];
} fixture;

static const char *const names[MANY] = {"a.test", "b.test", "c.test", "d.test", "e.test",
                                        "f.test", "g.test", "h.test", "i.test"};

static void fixture_open(fixture *f) {
  memset(f, 0, sizeof *f);
  track_alloc_init(&f->alloc);
  for (size_t i = 0; i < MANY; i++) {
    f->configs[i] = pair_config;
    f->configs[i].server_name = names[i];
  }
}

static void fixture_close(fixture *f) {
  tls_contexts_free(&f->contexts);
  assert_int_equal(f->alloc.live, 0);
}

static tls_context *get(fixture *f, size_t i) {
  tls_context *ctx;
  tls_failure failure;
  assert_int_equal(
      tls_contexts_get(&f->contexts, &f->alloc.handle, &f->configs[i], TLS_CLIENT, &ctx, &failure),
      0);
  return ctx;
}

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_contexts_are_made_once) {
  SCOPED(fixture, f);
  tls_context *a = get(&f, 0), *b = get(&f, 1);
  assert_ptr_not_equal(a, b);
  assert_ptr_equal(get(&f, 0), a);
  assert_ptr_equal(get(&f, 1), b);
  assert_ptr_equal(f.contexts.list[0], b);
  assert_ptr_equal(f.contexts.list[1], a);
  assert_null(f.contexts.list[2]);
}

/* The one that was used longest ago gives way; who uses it keeps it. */
TEST(test_contexts_are_bounded) {
  tls_context *made[MANY];
  SCOPED(fixture, f);
  for (size_t i = 0; i < TLS_CONTEXTS_MAX; i++) made[i] = get(&f, i);
  tls_context *used = tls_context_ref(made[1]);
  assert_ptr_equal(get(&f, 0), made[0]);
  made[MANY - 1] = get(&f, MANY - 1);
  for (size_t i = 0; i < MANY; i++) {
    if (i != 1) assert_ptr_equal(get(&f, i), made[i]);
  }
  assert_true(tls_context_matches(used, &f.configs[1]));
  assert_ptr_not_equal(get(&f, 1), used);
  tls_context_unref(used);
}

TEST(test_contexts_tell_what_fails) {
  tls_context *ctx;
  tls_failure failure;
  SCOPED(fixture, f);
  f.configs[0].ca_pem = NULL;
  f.configs[0].ca_pem_len = 0;
  f.configs[0].ca_file = "/no/such/file";
  assert_int_equal(
      tls_contexts_get(&f.contexts, &f.alloc.handle, &f.configs[0], TLS_CLIENT, &ctx, &failure),
      WSUV_ETLSTRUST);
  assert_null(f.contexts.list[0]);
}
