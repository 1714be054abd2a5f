/* Tests of the counter in plain C, without a framework: with many seeds, and without memory. */

#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <wsuv/testkit.h>

#include "counter.h"

enum { SEEDS = 100, PEOPLE = 3 };

typedef struct world {
  wsuv_server_t *server;
  counter *counter;
} world;

static void begin(world *w, wsuv_testkit_t *kit) {
  wsuv_config_t config;
  counter_config_init(&config);
  assert(wsuv_testkit_server(kit, &w->server, &config) == 0);
  w->counter = counter_new(w->server, "secret");
  assert(w->counter != NULL);
}

static void on_closed(wsuv_server_t *server) {
  counter_free(wsuv_server_data(server));
}

static void end(world *w) {
  wsuv_server_set_data(w->server, w->counter);
  assert(wsuv_server_close(w->server, NULL, on_closed) == 0);
}

/* Played with each seed: links of other delays and other cuts. It answers what was wrong. */
static int all_hear_the_same(wsuv_testkit_t *kit, void *arg) {
  world w;
  wsuv_conversation_t *talks[PEOPLE];
  int err = 0;
  (void) arg;
  begin(&w, kit);
  for (int i = 0; i < PEOPLE && err == 0; i++)
    err = wsuv_conversation_open(kit, w.server, "/counter/tea", NULL, &talks[i]);
  for (int i = 0; i < PEOPLE && err == 0; i++) err = wsuv_conversation_send_text(talks[i], "+1");
  for (int i = 0; i < PEOPLE && err == 0; i++) {
    err = wsuv_conversation_expect_text(talks[i], "1");
    if (err == 0) err = wsuv_conversation_expect_text(talks[i], "2");
    if (err == 0) err = wsuv_conversation_expect_text(talks[i], "3");
  }
  end(&w);
  return err;
}

/* The same with links that end at any byte: nobody has to hear anything, but nothing may be left.
 */
static int nothing_is_left_of_lost_links(wsuv_testkit_t *kit, void *arg) {
  world w;
  wsuv_testkit_links_t links;
  wsuv_testkit_links_init(&links);
  links.lose_percent = links.reset_percent = links.stall_percent = 30;
  links.fault_bytes_max = 1000;
  if (wsuv_testkit_set_links(kit, &links) < 0) return UV_EINVAL;
  begin(&w, kit);
  for (int i = 0; i < PEOPLE; i++) {
    wsuv_conversation_t *talk;
    if (wsuv_conversation_open(kit, w.server, "/counter/tea", NULL, &talk) < 0) continue;
    for (int n = 0; n < 50 && wsuv_conversation_send_text(talk, "+1") == 0; n++)
      if (wsuv_testkit_run(kit) < 0) return UV_ETIMEDOUT;
  }
  end(&w);
  (void) arg;
  return 0;
}

static void ignore_failure(void *arg, const char *text) {
  (void) arg;
  (void) text; /* what a visit without memory is for */
}

/* One visit, without the n-th block of memory. false: there were fewer than n. */
static bool survives_without_block(uint64_t n) {
  wsuv_testkit_t *kit;
  world w;
  wsuv_conversation_t *talk;
  assert(wsuv_testkit_new(&kit, 0) == 0);
  wsuv_testkit_on_failure(kit, ignore_failure, NULL);
  begin(&w, kit);
  wsuv_testkit_fail_allocation(kit, n, false);
  int err = wsuv_conversation_open(kit, w.server, "/counter/tea", NULL, &talk);
  if (err == 0) err = wsuv_conversation_send_text(talk, "+1");
  if (err == 0) err = wsuv_conversation_expect_text(talk, "1");
  bool failed = wsuv_testkit_failed_allocations(kit) > 0;
  assert(failed || err == 0);
  wsuv_testkit_fail_allocation(kit, 0, false);
  end(&w);
  assert(wsuv_testkit_free(kit) == 0);
  return failed;
}

int main(void) {
  uint64_t blocks = 0;
  assert(wsuv_testkit_explore(all_hear_the_same, NULL, SEEDS, NULL) == 0);
  assert(wsuv_testkit_explore(nothing_is_left_of_lost_links, NULL, SEEDS, NULL) == 0);
  while (survives_without_block(blocks + 1)) blocks++;
  assert(blocks > 0);
  printf("%d seeds, %d blocks of memory\n", SEEDS, (int) blocks);
  return 0;
}
