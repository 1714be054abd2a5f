/* A world is what its seed makes of it: the same seed gives the same lines, byte for byte. */

#include <stdlib.h>
#include <string.h>

#include "support/certs.h"
#include "support/frames.h"
#include "support/kit_user.h"

static void add_line(void *arg, const char *line) {
  bytes_print(arg, "%s\n", line);
}

/* A certificate of the server's own, with a key of RSA or P-256. */
typedef struct identity {
  cert own;
  wsuv_tls_config_t tls;
  wsuv_config_t config;
} identity;

static void identity_make(identity *id, bool rsa) {
  cert_make(&id->own, &(cert_spec){.name = "own", .hosts = {"localhost"}, .short_key = rsa}, NULL);
  wsuv_tls_config_init(&id->tls);
  id->tls.cert_pem = id->own.pem;
  id->tls.cert_pem_len = strlen(id->own.pem);
  id->tls.key_pem = id->own.key_pem;
  id->tls.key_pem_len = strlen(id->own.key_pem);
  wsuv_server_config_init(&id->config);
  id->config.tls = &id->tls;
}

/* The events of some conversations, a few of which end in a fault; and what the calls returned. */
static void play(bytes *lines, uint64_t seed, const wsuv_config_t *config, bool faults) {
  kit_user u;
  kit_user_begin(&u, seed, config);
  kit_user_expect_failures(&u);
  wsuv_testkit_on_trace(u.kit, add_line, lines);
  if (faults) {
    wsuv_testkit_links_t links;
    wsuv_testkit_links_init(&links);
    links.latency_max_us = 30000;
    links.segment_max = 100;
    links.cut_percent = 50;
    links.lose_percent = links.reset_percent = links.stall_percent = 20;
    links.fault_bytes_max = 1500;
    assert_ok(wsuv_testkit_set_links(u.kit, &links));
  }
  for (int i = 0; i < 6; i++) {
    wsuv_conversation_t *talk;
    int err = wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk);
    for (int j = 0; j < 5 && err == 0; j++) {
      err = wsuv_conversation_send_text(talk, "some words in the night");
      if (err == 0) err = wsuv_conversation_expect_text(talk, "some words in the night");
    }
    if (err == 0) err = wsuv_conversation_close(talk, 1000, NULL);
    bytes_print(lines, "%s\n", wsuv_err_name(err));
  }
  kit_user_end(&u);
}

static void play_twice(uint64_t seed, const wsuv_config_t *config, bool faults) {
  SCOPED_BYTES first = {0};
  SCOPED_BYTES second = {0};
  play(&first, seed, config, faults);
  play(&second, seed, config, faults);
  assert_true(first.len > 500);
  assert_string_equal(bytes_text(&first), bytes_text(&second));
}

TEST(test_same_seed_has_the_same_lines) {
  for (uint64_t seed = 0; seed < 20; seed++) play_twice(seed, NULL, false);
  play_twice(UINT64_MAX, NULL, false);
}

TEST(test_same_seed_has_the_same_faults) {
  for (uint64_t seed = 0; seed < 20; seed++) play_twice(seed, NULL, true);
}

TEST(test_another_seed_has_other_lines) {
  SCOPED_BYTES first = {0};
  play(&first, 1, NULL, false);
  for (uint64_t seed = 2; seed < 6; seed++) {
    SCOPED_BYTES second = {0};
    play(&second, seed, NULL, false);
    assert_string_not_equal(bytes_text(&first), bytes_text(&second));
  }
}

/* --- over TLS --- */

/* And the same lengths, since signatures of RSA have one length. */
TEST(test_same_seed_has_the_same_order_of_events_over_tls) {
  identity id;
  identity_make(&id, true);
  for (uint64_t seed = 0; seed < 10; seed++) play_twice(seed, &id.config, seed % 2 == 1);
  cert_free(&id.own);
}

/* The lines without their numbers, which are times and lengths. */
static void strip_numbers(bytes *b) {
  size_t kept = 0;
  for (size_t i = 0; i < b->len; i++) {
    if (b->base[i] < '0' || b->base[i] > '9') b->base[kept++] = b->base[i];
  }
  b->len = kept;
  b->base[kept] = '\0';
}

/* Signatures of ECDSA have not, which moves the cuts of other seeds. */
TEST(test_seed_0_has_the_same_order_of_events_with_ecdsa) {
  identity id;
  identity_make(&id, false);
  for (int i = 0; i < 3; i++) {
    SCOPED_BYTES first = {0};
    SCOPED_BYTES second = {0};
    play(&first, 0, &id.config, false);
    play(&second, 0, &id.config, false);
    strip_numbers(&first);
    strip_numbers(&second);
    assert_string_equal(bytes_text(&first), bytes_text(&second));
  }
  cert_free(&id.own);
}

/* --- which seed it is --- */

TEST(test_environment_replaces_the_seed) {
  wsuv_testkit_t *kit;
  const char *outer = getenv("WSUV_TEST_SEED");
  char kept[32] = "";
  if (outer != NULL) strncpy(kept, outer, sizeof kept - 1);
  assert_ok(setenv("WSUV_TEST_SEED", "4242", 1));
  assert_ok(wsuv_testkit_new(&kit, 7));
  assert_int_equal(wsuv_testkit_seed(kit), 4242);
  assert_ok(wsuv_testkit_free(kit));
  assert_ok(unsetenv("WSUV_TEST_SEED"));
  assert_ok(wsuv_testkit_new(&kit, 7));
  assert_int_equal(wsuv_testkit_seed(kit), 7);
  assert_ok(wsuv_testkit_free(kit));
  if (outer != NULL) assert_ok(setenv("WSUV_TEST_SEED", kept, 1));
}

TEST(test_failure_says_the_seed) {
  kit_user u;
  kit_user_begin(&u, 77, NULL);
  assert_string_equal(wsuv_testkit_failure(u.kit), "");
  kit_user_expect_failures(&u);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  wsuv_conversation_set_timeout(talk, 10);
  assert_int_equal(wsuv_conversation_expect_text(talk, "nothing"), WSUV_ETEST);
  assert_true(kit_user_failed_with(&u, "(seed 77)"));
  kit_user_end(&u);
}
