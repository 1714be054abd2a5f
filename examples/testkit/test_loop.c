/* A test of the clicker, whose timer needs a real loop: links are in memory, everything else is the
   loop's. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include <wsuv/testkit.h>

#include "clicker.h"
#include "counter.h"

enum { TICK_MS = 5, TIMEOUT_MS = 5000 };

static bool has_ended(void *arg) {
  const clicker *c = arg;
  return c->ended;
}

/* The server listens where the world's names lead to. */
static counter *serve(wsuv_testkit_t *kit, wsuv_server_t **server) {
  static const char *const address = "192.0.2.1";
  wsuv_testkit_answer_t answer;
  wsuv_config_t config;
  counter_config_init(&config);
  wsuv_testkit_answer_init(&answer, &address);
  assert(wsuv_testkit_host(kit, "counter.example", &answer) == 0);
  assert(wsuv_testkit_server(kit, server, &config) == 0);
  assert(wsuv_server_listen(*server, address, 80, NULL) == 0);
  return counter_new(*server, "secret");
}

int main(void) {
  uv_loop_t loop;
  wsuv_testkit_t *kit;
  wsuv_server_t *server;
  wsuv_client_t *client;
  wsuv_conversation_t *ada;
  clicker clicks;
  assert(uv_loop_init(&loop) == 0);
  assert(wsuv_testkit_new_on_loop(&kit, &loop, 1) == 0);
  counter *c = serve(kit, &server);
  assert(c != NULL && wsuv_testkit_client(kit, &client, NULL) == 0);
  assert(wsuv_conversation_open(kit, server, "/counter/tea", NULL, &ada) == 0);
  assert(clicker_start(&clicks, client, "ws://counter.example/counter/tea", TICK_MS, 3) == 0);
  assert(wsuv_conversation_expect_text(ada, "1") == 0);
  assert(wsuv_conversation_expect_text(ada, "2") == 0);
  assert(wsuv_conversation_expect_text(ada, "3") == 0);
  assert(wsuv_testkit_run_until(kit, has_ended, &clicks, TIMEOUT_MS) == 0);
  assert(clicks.status == 0 && clicks.value == 3);
  assert(wsuv_client_close(client, NULL) == 0);
  assert(wsuv_server_close(server, NULL, NULL) == 0);
  assert(wsuv_testkit_free(kit) == 0);
  counter_free(c);
  assert(uv_loop_close(&loop) == 0);
  printf("%ld clicks\n", clicks.value);
  return 0;
}
