/* Clients and servers that cannot be made leave nothing in the loop and in memory, by the public
   functions and on libuv: what was made of them is closed when the loop runs. */

#include <uv.h>
#include <wsuv.h>
#include <wsuv/server.h>

#include "support/alloc_failures.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* Makes a client or a server, and begins to end it if that was possible. */
typedef int (*make_fn)(uv_loop_t *loop, const wsuv_config_t *config);

static int make_client(uv_loop_t *loop, const wsuv_config_t *config) {
  wsuv_client_t *client;
  int err = wsuv_client_new(&client, loop, config);
  if (err == 0) assert_int_equal(wsuv_client_close(client, NULL), 0);
  return err;
}

static int make_server(uv_loop_t *loop, const wsuv_config_t *config) {
  wsuv_server_t *server;
  int err = wsuv_server_new(&server, loop, config);
  if (err == 0) assert_int_equal(wsuv_server_close(server, NULL, NULL), 0);
  return err;
}

/* F46, F43: the n-th allocation fails, for every n, once and for ever after. */
static void make_without_memory(world *w, make_fn make, wsuv_config_t *config) {
  config->allocator = &w->alloc->handle;
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    alloc_failures_begin(&f, w->alloc);
    int err = make(&loop, config);
    assert_int_equal(err, alloc_failures_end(&f, w->alloc) ? UV_ENOMEM : 0);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(w->alloc->live, 0);
  }
}

WORLD_UV_TEST(test_client_that_has_no_memory_leaves_nothing, w) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  make_without_memory(w, make_client, &config);
}

WORLD_UV_TEST(test_server_that_has_no_memory_leaves_nothing, w) {
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  make_without_memory(w, make_server, &config);
}

/* A wrong configuration is found before any handle is made: the loop need not run. */
static void make_with_clash(world *w, make_fn make, wsuv_config_t *config) {
  wsuv_extension_t deflate;
  const wsuv_extension_t *twice[] = {&deflate, &deflate};
  uv_loop_t loop;
  assert_int_equal(wsuv_permessage_deflate(&deflate, NULL), 0);
  config->allocator = &w->alloc->handle;
  config->extensions = twice;
  config->extension_count = 2;
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(make(&loop, config), UV_EINVAL);
  assert_int_equal(w->alloc->live, 0);
  assert_int_equal(uv_loop_close(&loop), 0);
}

WORLD_UV_TEST(test_client_that_is_refused_leaves_nothing, w) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  make_with_clash(w, make_client, &config);
}

WORLD_UV_TEST(test_server_that_is_refused_leaves_nothing, w) {
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  make_with_clash(w, make_server, &config);
}
