/* TLS contexts of an endpoint: one for each configuration, the ones that were used last. */

#include <string.h>

#include <uv.h>

#include <wsuv/error.h>

#include "net/tls/tls_contexts.h"
#include "support/temp_file.h"
#include "support/test.h"
#include "support/tls_pair.h"
#include "testkit/track_alloc.h"

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
  assert_int_equal(
      tls_contexts_get(&f->contexts, &f->alloc.handle, &f->configs[i], WS_CLIENT, &ctx), 0);
  tls_context_unref(ctx); /* the list has it */
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

/* What has failed is tried again by the next that needs it. */
TEST(test_context_that_cannot_be_loaded_is_tried_again) {
  tls_failure failure;
  SCOPED(fixture, f);
  SCOPED(temp_file, file);
  f.configs[0].ca_pem = NULL;
  f.configs[0].ca_pem_len = 0;
  f.configs[0].ca_file = file.path;
  tls_context *ctx = get(&f, 0);
  assert_int_equal(tls_context_load(ctx, &failure), WSUV_ETLSTRUST);
  assert_non_null(strstr(failure.text, ": no certificate"));
  temp_file_put(&file, pair_ca.pem, strlen(pair_ca.pem));
  assert_ptr_equal(get(&f, 0), ctx);
  assert_int_equal(tls_context_load(ctx, &failure), 0);
  assert_string_equal(failure.text, "");
}

static int replace(fixture *f, size_t now) {
  tls_failure failure;
  return tls_contexts_replace(&f->contexts, &f->alloc.handle, &f->configs[now], WS_CLIENT,
                              &failure);
}

/* All of them: the others may have read the same files. */
TEST(test_contexts_are_replaced) {
  SCOPED(fixture, f);
  tls_context *a = tls_context_ref(get(&f, 0)), *b = tls_context_ref(get(&f, 1));
  tls_context *c = tls_context_ref(get(&f, 2));
  assert_int_equal(replace(&f, 1), 0);
  assert_ptr_not_equal(f.contexts.list[0], b);
  assert_true(tls_context_matches(f.contexts.list[0], &f.configs[1]));
  assert_null(f.contexts.list[1]);
  assert_ptr_not_equal(get(&f, 0), a);
  assert_ptr_not_equal(get(&f, 2), c);
  tls_context *same = tls_context_ref(get(&f, 1));
  assert_int_equal(replace(&f, 1), 0); /* files may have changed */
  assert_ptr_not_equal(get(&f, 1), same);
  tls_context_unref(a);
  tls_context_unref(b);
  tls_context_unref(c);
  tls_context_unref(same);
}

TEST(test_contexts_stay_when_the_new_one_fails) {
  SCOPED(fixture, f);
  tls_context *a = get(&f, 0), *b = get(&f, 1);
  f.configs[2].ca_file = "/no/such/file";
  assert_int_equal(replace(&f, 2), WSUV_ETLSTRUST);
  f.configs[3].min_version = (wsuv_tls_version_t) 1;
  assert_int_equal(replace(&f, 3), UV_EINVAL);
  assert_ptr_equal(get(&f, 0), a);
  assert_ptr_equal(get(&f, 1), b);
  assert_null(f.contexts.list[2]);
}

TEST(test_contexts_are_replaced_or_kept_without_memory) {
  int err = UV_ENOMEM;
  SCOPED(fixture, f);
  tls_context *a = get(&f, 0);
  for (uint64_t n = 1; err != 0; n++) {
    f.alloc.fail_at = f.alloc.calls + n;
    err = replace(&f, 1);
    assert_true(err == 0 || err == UV_ENOMEM);
    if (err != 0) assert_ptr_equal(f.contexts.list[0], a);
  }
  f.alloc.fail_at = 0;
  assert_true(tls_context_matches(f.contexts.list[0], &f.configs[1]));
}
