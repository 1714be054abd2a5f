/* How fast the testkit is, in one process on one core:

       testkit_bench [conversations [sessions]]
       testkit_bench messages COUNT SIZE

   Conversations a second of CPU time, each of which is opened, sends ten messages and receives ten,
   and is closed; and the CPU time that an hour of pings takes, one each 20 s of so many sessions.
   The second way echoes so many messages of a size in one conversation, 50 in flight: with other
   counts the number of instructions differs by those of the messages alone (instructions.py). For
   measurements, by hand: it asserts nothing about time. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wsuv/testkit.h>

enum {
  MESSAGES = 10,
  BATCH = 50,
  HOUR_MS = 3600 * 1000,
  INTERVAL_MS = 20 * 1000,
  CONVERSATIONS = 20000
};

static void check(int err, const char *what) {
  if (err == 0) return;
  fprintf(stderr, "%s: %s\n", what, wsuv_strerror(err));
  exit(1);
}

static void echo(wsuv_session_t *s, const wsuv_message_t *m) {
  check(wsuv_send_message(s, m->type, m->data, m->len), "echo");
}

static const wsuv_callbacks_t echoes = {WSUV_CALLBACKS_INIT, .on_message = echo};

static wsuv_server_t *new_server(wsuv_testkit_t *kit, uint64_t ping_interval_ms) {
  wsuv_server_t *server;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.ping_interval_ms = ping_interval_ms;
  check(wsuv_testkit_server(kit, &server, &config), "server");
  check(wsuv_server_route(server, "/echo", &echoes, NULL), "route");
  return server;
}

static void end(wsuv_testkit_t *kit, wsuv_server_t *server) {
  check(wsuv_server_close(server, NULL, NULL), "close");
  check(wsuv_testkit_free(kit), "free");
}

/* Of CPU time: wall times say little on a machine that is shared. */
static double seconds_since(clock_t start) {
  return (double) (clock() - start) / CLOCKS_PER_SEC;
}

static void converse(wsuv_testkit_t *kit, wsuv_server_t *server) {
  wsuv_conversation_t *talk;
  check(wsuv_conversation_open(kit, server, "/echo", NULL, &talk), "open");
  for (int i = 0; i < MESSAGES; i++) {
    check(wsuv_conversation_send_text(talk, "a message"), "send");
    check(wsuv_conversation_expect_text(talk, "a message"), "expect");
  }
  check(wsuv_conversation_close(talk, 1000, NULL), "close");
  wsuv_conversation_free(talk);
}

static void measure_conversations(size_t count) {
  wsuv_testkit_t *kit;
  check(wsuv_testkit_new(&kit, 0), "kit");
  wsuv_server_t *server = new_server(kit, 0);
  const clock_t start = clock();
  for (size_t i = 0; i < count; i++) converse(kit, server);
  printf("%.0f conversations a second of CPU time\n", (double) count / seconds_since(start));
  end(kit, server);
}

static void measure_hour(size_t sessions) {
  wsuv_testkit_t *kit;
  wsuv_conversation_t *talk;
  check(wsuv_testkit_new(&kit, 0), "kit");
  wsuv_server_t *server = new_server(kit, INTERVAL_MS);
  clock_t start = clock();
  for (size_t i = 0; i < sessions; i++) {
    check(wsuv_conversation_open(kit, server, "/echo", NULL, &talk), "open");
  }
  printf("%zu conversations opened in %.3f s of CPU time\n", sessions, seconds_since(start));
  start = clock();
  check(wsuv_testkit_advance(kit, HOUR_MS), "advance");
  printf("an hour of pings of %zu sessions in %.3f s of CPU time\n", sessions,
         seconds_since(start));
  start = clock();
  end(kit, server);
  printf("%zu conversations freed in %.3f s of CPU time\n", sessions, seconds_since(start));
}

static void echo_messages(size_t count, size_t size) {
  wsuv_testkit_t *kit;
  wsuv_conversation_t *talk;
  void *data = calloc(1, size + 1);
  if (data == NULL) exit(1);
  check(wsuv_testkit_new(&kit, 0), "kit");
  wsuv_server_t *server = new_server(kit, 0);
  check(wsuv_conversation_open(kit, server, "/echo", NULL, &talk), "open");
  for (size_t i = 0; i < count; i += BATCH) {
    for (int k = 0; k < BATCH; k++)
      check(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, data, size), "send");
    for (int k = 0; k < BATCH; k++)
      check(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, size), "expect");
  }
  check(wsuv_conversation_close(talk, 1000, NULL), "close");
  wsuv_conversation_free(talk);
  end(kit, server);
  free(data);
}

static size_t number(int argc, char **argv, int index, size_t otherwise) {
  return argc > index ? strtoul(argv[index], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "messages") == 0) {
    echo_messages(number(argc, argv, 2, 0), number(argc, argv, 3, 0));
    return 0;
  }
  measure_conversations(number(argc, argv, 1, CONVERSATIONS));
  measure_hour(number(argc, argv, 2, 1000));
  return 0;
}
