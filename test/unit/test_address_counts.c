/* How many connections come from each address. */

#include "session/address_counts.h"

#include "base/error.h"
#include "net/address.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

enum { MANY = 5000, SEED = 12345 };

static track_alloc alloc;
static address_counts counts;

static int before(void **state) {
  (void) state;
  track_alloc_init(&alloc);
  address_counts_init(&counts, &alloc.handle, SEED);
  return 0;
}

static int after(void **state) {
  (void) state;
  address_counts_free(&counts);
  return alloc.live == 0 ? 0 : -1;
}

TEST_AROUND_EACH(before, after)

static struct sockaddr_storage address(const char *text) {
  struct sockaddr_storage addr;
  assert_true(address_parse(&addr, text, 1));
  return addr;
}

static address_count *get(const char *text) {
  const struct sockaddr_storage addr = address(text);
  int err;
  address_count *c = address_counts_get(&counts, &addr, &err);
  assert_int_equal(err, 0);
  assert_non_null(c);
  return c;
}

static address_count *find(const char *text) {
  const struct sockaddr_storage addr = address(text);
  return address_counts_find_address(&counts, &addr);
}

/* An IPv4 address is itself, mapped into IPv6 or not; of an IPv6 address the first 64 bits count.
 */
TEST(test_counts_of_one_host_are_one) {
  static const char *const same[][2] = {
      {"192.0.2.1", "::ffff:192.0.2.1"}, {"2001:db8::1", "2001:db8::ffff:1:2:3"}, {"::1", "::2"}};
  static const char *const other[] = {"192.0.2.2", "2001:db8:0:1::1", "::1:0:0:0:1"};
  for (size_t i = 0; i < COUNT_OF(same); i++) {
    address_count *c = get(same[i][0]);
    c->sessions = 1;
    assert_ptr_equal(get(same[i][1]), c);
    assert_ptr_equal(find(same[i][1]), c);
    assert_null(find(other[i]));
    c->sessions = 0;
    address_counts_drop(&counts, c);
    assert_null(find(same[i][0]));
  }
}

TEST(test_counts_are_kept_while_one_is_not_0) {
  address_count *c = get("192.0.2.1");
  c->handshakes = c->sessions = 1;
  address_counts_drop(&counts, c);
  c->handshakes = 0;
  address_counts_drop(&counts, c);
  assert_ptr_equal(find("192.0.2.1"), c);
  c->sessions = 0;
  address_counts_drop(&counts, c);
  assert_int_equal(counts.count, 0);
  assert_null(find("192.0.2.1"));
}

TEST(test_unix_sockets_are_not_counted) {
  struct sockaddr_storage addr;
  int err = -1;
  address_of_path(&addr, "socket", 6);
  assert_null(address_counts_get(&counts, &addr, &err));
  assert_int_equal(err, 0);
  assert_null(address_counts_find_address(&counts, &addr));
  assert_int_equal(alloc.live, 0);
}

TEST(test_counts_of_many_keys) {
  size_t longest = 0;
  for (uint64_t key = 0; key < MANY; key++) {
    address_count *c = address_counts_at(&counts, key << 32);
    assert_non_null(c);
    c->sessions = (unsigned) key + 1;
  }
  assert_int_equal(counts.count, MANY);
  for (size_t i = 0; i < counts.bucket_count; i++) {
    size_t len = 0;
    for (ws_list *n = counts.buckets[i].next; n != &counts.buckets[i]; n = n->next) len++;
    if (len > longest) longest = len;
  }
  assert_in_range(longest, 1, 10); /* the lists are short */
  for (uint64_t key = 0; key < MANY; key++) {
    address_count *c = address_counts_find(&counts, key << 32);
    assert_non_null(c);
    assert_int_equal(c->sessions, key + 1);
    assert_ptr_equal(address_counts_at(&counts, key << 32), c);
    c->sessions = 0;
    address_counts_drop(&counts, c);
  }
  assert_int_equal(counts.count, 0);
}

TEST(test_counts_of_one_address_after_another_allocate_once) {
  uint64_t calls = 0;
  for (uint64_t key = 0; key < 10; key++) {
    address_count *c = address_counts_at(&counts, key);
    assert_non_null(c);
    assert_int_equal(c->key, key);
    assert_int_equal(c->handshakes + c->sessions, 0);
    assert_null(c->of);
    if (key > 0) assert_int_equal(alloc.calls, calls);
    calls = alloc.calls;
    c->handshakes = 1;
    c->of = c;
    address_counts_drop(&counts, c);
    assert_ptr_equal(address_counts_find(&counts, key), c);
    c->handshakes = 0;
    address_counts_drop(&counts, c);
  }
}

/* A table that cannot grow goes on; one that cannot begin does not. */
TEST(test_counts_without_memory) {
  enum { KEYS = 100 };
  size_t failures = 0;
  for (uint64_t key = 0; key < KEYS; key++) {
    for (int i = 0; i < 4; i++) {
      alloc.fail_at = alloc.calls + 1;
      address_count *c = address_counts_at(&counts, key);
      alloc.fail_at = 0;
      if (c == NULL) failures++;
      if (c != NULL) c->sessions = 1;
    }
    address_count *c = address_counts_at(&counts, key);
    assert_non_null(c);
    c->sessions = 1;
  }
  assert_true(failures >= KEYS - 2);
  const struct sockaddr_storage addr = address("192.0.2.1");
  int err;
  alloc.fail_at = alloc.calls + 1;
  alloc.fail_for_ever = true;
  assert_null(address_counts_get(&counts, &addr, &err));
  assert_int_equal(err, WS_ENOMEM);
  alloc.fail_at = 0;
  for (uint64_t key = 0; key < KEYS; key++) {
    address_count *c = address_counts_find(&counts, key);
    assert_int_equal(c->sessions, 1);
    c->sessions = 0;
    address_counts_drop(&counts, c);
  }
}
