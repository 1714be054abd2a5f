/* The load for servers: many connections, each with a window of messages in flight, on bare libuv.

       server_load PORT PATH CONNECTIONS WINDOW SIZE SECONDS [tls]

   It opens all connections, exchanges a window of messages on each, so that memory is there, prints
   {"open": N} and waits for a line on its standard input. Then it exchanges messages; after SECONDS
   it sends no more, and when all have come back it prints {"messages": N, "seconds": S}. Then it
   waits for the end of its input. With a window of 0 it only holds the connections. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "floor_ws.h"

enum { CONNECTING_MAX = 100 };

static struct load {
  int port;
  const char *path;
  long connections, window, begun, open;
  size_t size;
  double seconds;
  const floor_tls_library *library;
  floor_ws *all;
  uint8_t *payload;
  uv_loop_t *loop;
  uv_timer_t timer;
  uint64_t begun_ns;
  long sent, received; /* messages */
  enum { WARMING, RUNNING, ENDING } phase;
} load;

static void await_line(void) {
  int c;
  do {
    c = getchar();
  } while (c != '\n' && c != EOF);
}

static void send_messages(long count) {
  for (long i = 0; i < count; i++) floor_ws_send(FLOOR_FIN | FLOOR_BINARY, load.payload, load.size);
  load.sent += count;
}

static void finish(void) {
  printf("{\"messages\": %ld, \"seconds\": %.6f}\n", load.received,
         (double) (uv_hrtime() - load.begun_ns) * 1e-9);
  fflush(stdout);
  await_line();
  exit(0);
}

static void on_time(uv_timer_t *timer) {
  (void) timer;
  load.phase = ENDING;
}

static void send_windows(void) {
  for (long i = 0; i < load.connections; i++) {
    send_messages(load.window);
    floor_link_flush(&load.all[i].link);
  }
}

static void begin(void) {
  printf("{\"open\": %ld}\n", load.open);
  fflush(stdout);
  await_line();
  if (load.window == 0) exit(0);
  load.phase = RUNNING;
  load.sent = load.received = 0;
  uv_update_time(load.loop);
  uv_timer_start(&load.timer, on_time, (uint64_t) (load.seconds * 1000), 0);
  load.begun_ns = uv_hrtime();
  send_windows();
}

static void open_next(void);

static void on_open(floor_ws *ws) {
  (void) ws;
  load.open++;
  if (load.begun < load.connections) open_next();
  if (load.open < load.connections) return;
  if (load.window > 0) {
    send_windows();
  } else {
    begin();
  }
}

static void on_messages(floor_ws *ws, long count, size_t bytes) {
  (void) ws;
  (void) bytes;
  load.received += count;
  if (load.phase == RUNNING) {
    send_messages(count);
  } else if (load.received == load.sent) {
    if (load.phase == WARMING) {
      begin();
    } else {
      finish();
    }
  }
}

static void open_next(void) {
  floor_ws *ws = &load.all[load.begun++];
  ws->path = load.path;
  ws->on_open = on_open;
  ws->on_messages = on_messages;
  floor_ws_connect(ws, load.loop, load.port, load.library);
}

static bool read_arguments(int argc, char **argv) {
  if (argc != 7 && !(argc == 8 && strcmp(argv[7], "tls") == 0)) return false;
  load.port = (int) strtol(argv[1], NULL, 10);
  load.path = argv[2];
  load.connections = strtol(argv[3], NULL, 10);
  load.window = strtol(argv[4], NULL, 10);
  load.size = strtoul(argv[5], NULL, 10);
  load.seconds = strtod(argv[6], NULL);
#ifdef FLOOR_OPENSSL
  if (argc == 8) load.library = &floor_tls_openssl;
#endif
  return load.connections > 0 && (argc == 7) == (load.library == NULL);
}

int main(int argc, char **argv) {
  struct rlimit limit;
  signal(SIGPIPE, SIG_IGN);
  if (!read_arguments(argc, argv)) {
    fprintf(stderr, "usage: %s PORT PATH CONNECTIONS WINDOW SIZE SECONDS [tls]\n", argv[0]);
    return 2;
  }
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  load.loop = uv_default_loop();
  uv_timer_init(load.loop, &load.timer);
  load.all = calloc((size_t) load.connections, sizeof *load.all);
  load.payload = calloc(1, load.size + 1);
  if (load.all == NULL || load.payload == NULL) return 1;
  for (size_t i = 0; i < load.size; i++) load.payload[i] = (uint8_t) (i * 29 + 11);
  while (load.begun < load.connections && load.begun < CONNECTING_MAX) open_next();
  uv_run(load.loop, UV_RUN_DEFAULT);
  return 1;
}
