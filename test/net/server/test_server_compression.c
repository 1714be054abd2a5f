/* deflate_memory_max: how many sessions of a server have compression. */

#include <string.h>

#include <wsuv/deflate.h>

#include "support/alloc_failures.h"
#include "support/server_user.h"
#include "testkit/check.h"

#define OFFERS "Sec-WebSocket-Extensions: permessage-deflate, x-note\r\n"

/* An extension of the program's that takes no memory. */
static int answer_note(void *shared, const wsuv_allocator_t *alloc,
                       const wsuv_extension_param_t *offer, size_t count,
                       wsuv_extension_params_t *answer, void **state) {
  (void) shared;
  (void) alloc;
  (void) offer;
  (void) count;
  (void) answer;
  (void) state; /* there is none */
  return 1;
}

typedef struct hooks {
  wsuv_extension_t deflate, note;
  const wsuv_extension_t *all[2];
} hooks;

static void use_extensions(wsuv_config_t *config, hooks *h) {
  CHECK(wsuv_permessage_deflate(&h->deflate, NULL) == 0);
  wsuv_extension_init(&h->note);
  h->note.key = "x-note";
  h->note.answer = answer_note;
  h->all[0] = &h->deflate;
  h->all[1] = &h->note;
  config->extensions = h->all;
  config->extension_count = 2;
}

static const char *const with = "permessage-deflate, x-note", *const without = "x-note";

static raw_client *upgrade_to(server_user *s, const char *target, const char *answer) {
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.target = target, .more = OFFERS});
  assert_true(raw_client_has_field(c, "Sec-WebSocket-Extensions", answer));
  return c;
}

static void start_with_limit(server_user *s, size_t limit) {
  hooks h;
  use_extensions(&s->config, &h);
  s->config.deflate_memory_max = limit;
  server_user_start(s);
}

SERVER_TLS_TEST(test_sessions_beyond_the_memory_have_no_compression, w, s) {
  start_with_limit(s, 2 * 304 * 1024);
  raw_client *first = upgrade_to(s, "/", with);
  (void) upgrade_to(s, "/", with);
  (void) upgrade_to(s, "/", without);
  server_user_run_to_sessions(s, 3);
  raw_client_close(first);
  server_user_run_to_closes(s, 1);
  (void) upgrade_to(s, "/", with);
  (void) upgrade_to(s, "/", without);
}

SERVER_TEST(test_compression_has_no_limit_by_default, w, s) {
  start_with_limit(s, 0);
  for (int i = 0; i < 20; i++) (void) upgrade_to(s, "/", with);
}

/* Also those whose extensions are not the server's. */
SERVER_TEST(test_memory_for_compression_is_that_of_all_routes, w, s) {
  hooks h;
  wsuv_route_t route;
  wsuv_config_t own;
  wsuv_server_config_init(&own);
  use_extensions(&own, &h);
  start_with_limit(s, 1);
  wsuv_server_copy_config(server_user_server(s), &own, sizeof own);
  use_extensions(&own, &h);
  wsuv_route_init(&route, "/own");
  route.config = &own;
  assert_int_equal(server_user_add_route(s, &route), 0);
  raw_client *first = upgrade_to(s, "/own", with);
  (void) upgrade_to(s, "/", without);
  server_user_run_to_sessions(s, 2);
  raw_client_close(first);
  server_user_run_to_closes(s, 1);
  (void) upgrade_to(s, "/", with);
  (void) upgrade_to(s, "/own", without);
}

/* It is decided with the response, and not when the session opens. */
static void keep(server_user *s, wsuv_upgrade_t *u) {
  ((wsuv_upgrade_t **) s->data)[s->upgrades - 1] = u;
}

SERVER_TEST(test_requests_that_are_accepted_together_share_the_memory, w, s) {
  wsuv_upgrade_t *kept[2];
  raw_client *clients[2];
  s->data = kept;
  start_with_limit(s, 1);
  server_user_decide(s, keep);
  for (size_t i = 0; i < 2; i++) {
    clients[i] = server_user_client(s);
    raw_client_request(clients[i], &(upgrade_lines){.more = OFFERS});
    server_user_run_to_upgrades(s, i + 1);
  }
  for (size_t i = 0; i < 2; i++) assert_int_equal(server_user_accept(s, kept[i], NULL), 0);
  for (size_t i = 0; i < 2; i++) {
    raw_client_run_to_head(clients[i]);
    assert_true(
        raw_client_has_field(clients[i], "Sec-WebSocket-Extensions", i == 0 ? with : without));
  }
}

/* F46: whatever failed, the next session has what the one before has not. */
SERVER_SIM_TEST(test_memory_for_compression_is_given_back_after_each_failure, w, s) {
  start_with_limit(s, 1);
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    raw_client *c = server_user_client(s);
    alloc_failures_begin(&f, w->alloc);
    raw_client_request(c, &(upgrade_lines){.more = OFFERS});
    world_advance(w, 200);
    (void) alloc_failures_end(&f, w->alloc);
    raw_client_close(c);
    world_advance(w, 200);
    c = upgrade_to(s, "/", with);
    raw_client_close(c);
    world_advance(w, 200);
  }
}
