#include "net/tls/tls_sessions.h"
#include "support/test.h"

/* The store of sessions that can be resumed. */

#include <string.h>

#include "testkit/track_alloc.h"

static track_alloc alloc;
static tls_sessions store;
static unsigned dropped;

static void on_drop(tls_session *session) {
  assert_non_null(session->data);
  dropped++;
}

static int before(void **state) {
  (void) state;
  dropped = 0;
  track_alloc_init(&alloc);
  tls_sessions_init(&store, &alloc.handle, on_drop);
  return 0;
}

static int after(void **state) {
  (void) state;
  tls_sessions_free(&store);
  return alloc.live == 0 ? 0 : -1;
}

static void add(const char *host, uint16_t port, const char *data) {
  tls_session *session = tls_sessions_add(&store, host, port, strlen(data));
  assert_non_null(session);
  memcpy(session->data, data, session->len);
}

static void assert_found(const char *host, uint16_t port, const char *data) {
  const tls_session *session = tls_sessions_find(&store, host, port);
  assert_non_null(session);
  assert_int_equal(session->len, strlen(data));
  assert_memory_equal(session->data, data, session->len);
}

TEST_AROUND_EACH(before, after)

TEST(test_found_by_host_and_port) {
  add("a", 1, "one");
  add("a", 2, "two");
  add("b", 1, "three");
  assert_found("a", 1, "one");
  assert_found("a", 2, "two");
  assert_found("b", 1, "three");
  assert_null(tls_sessions_find(&store, "b", 2));
  assert_null(tls_sessions_find(&store, "", 1));
}

TEST(test_newer_takes_the_place) {
  add("a", 1, "old");
  add("a", 1, "newer");
  assert_found("a", 1, "newer");
  assert_int_equal(store.count, 1);
}

TEST(test_each_is_dropped_once) {
  add("a", 1, "one");
  assert_int_equal(dropped, 0);
  add("a", 1, "another");
  assert_int_equal(dropped, 1);
  tls_sessions_forget(&store, "a", 1);
  assert_int_equal(dropped, 2);
  for (uint16_t i = 0; i <= TLS_SESSIONS_MAX; i++) add("a", i, "x");
  assert_int_equal(dropped, 3);
  tls_sessions_free(&store);
  assert_int_equal(dropped, 3 + TLS_SESSIONS_MAX);
}

TEST(test_forgotten) {
  add("a", 1, "one");
  tls_sessions_forget(&store, "a", 2);
  assert_int_equal(store.count, 1);
  tls_sessions_forget(&store, "a", 1);
  assert_null(tls_sessions_find(&store, "a", 1));
  assert_int_equal(store.count, 0);
}

TEST(test_the_one_used_longest_ago_goes) {
  for (uint16_t i = 0; i < TLS_SESSIONS_MAX; i++) add("a", i, "x");
  assert_found("a", 0, "x");
  add("b", 0, "y");
  assert_int_equal(store.count, TLS_SESSIONS_MAX);
  assert_null(tls_sessions_find(&store, "a", 1));
  assert_found("a", 0, "x");
  assert_found("a", 2, "x");
  assert_found("b", 0, "y");
}

TEST(test_without_memory) {
  add("a", 1, "old");
  alloc.fail_at = alloc.calls + 1;
  assert_null(tls_sessions_add(&store, "a", 1, 10));
  assert_null(tls_sessions_find(&store, "a", 1));
}
