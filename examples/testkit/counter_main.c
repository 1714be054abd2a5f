/* The program, over sockets: the server of counters, and the client that clicks.

     counter serve TOKEN PORT
     counter click URL TIMES */

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clicker.h"
#include "counter.h"

enum { TICK_MS = 100 };

static int report(int err) {
  if (err < 0) fprintf(stderr, "counter: %s\n", wsuv_strerror(err));
  return err < 0 ? 1 : 0;
}

static void on_signal(uv_signal_t *handle, int number) {
  (void) number;
  uv_close((uv_handle_t *) handle, NULL);
  wsuv_server_close(handle->data, NULL, NULL);
}

/* Port 0 is any free one. */
static int listen_at(wsuv_server_t *server, const char *port) {
  struct sockaddr_storage addr;
  wsuv_listener_t *listener;
  int err = wsuv_server_listen(server, "127.0.0.1", (unsigned) strtoul(port, NULL, 10), &listener);
  if (err == 0) err = wsuv_listener_address(listener, &addr);
  if (err != 0) return err;
  printf("port %u\n", ntohs(((struct sockaddr_in *) &addr)->sin_port));
  fflush(stdout);
  return 0;
}

static int serve(uv_loop_t *loop, const char *token, const char *port) {
  static uv_signal_t interrupt;
  wsuv_config_t config;
  wsuv_server_t *server;
  counter_config_init(&config);
  int err = wsuv_server_new(&server, loop, &config);
  if (err < 0) return err;
  counter *c = counter_new(server, token);
  err = c != NULL ? listen_at(server, port) : UV_ENOMEM;
  uv_signal_init(loop, &interrupt);
  interrupt.data = server;
  if (err == 0) err = uv_signal_start(&interrupt, on_signal, SIGTERM);
  if (err < 0) on_signal(&interrupt, 0);
  uv_run(loop, UV_RUN_DEFAULT);
  counter_free(c);
  return err;
}

static int run_clicker(uv_loop_t *loop, const char *url, const char *times) {
  clicker c;
  wsuv_client_t *client;
  int err = wsuv_client_new(&client, loop, NULL);
  if (err < 0) return err;
  err = clicker_start(&c, client, url, TICK_MS, (unsigned) strtoul(times, NULL, 10));
  while (err == 0 && !c.ended) uv_run(loop, UV_RUN_ONCE);
  if (err == 0) err = c.status;
  if (err == 0) printf("%ld\n", c.value);
  wsuv_client_close(client, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  return err;
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  signal(SIGPIPE, SIG_IGN);
  if (argc == 4 && strcmp(argv[1], "serve") == 0) return report(serve(loop, argv[2], argv[3]));
  if (argc == 4 && strcmp(argv[1], "click") == 0)
    return report(run_clicker(loop, argv[2], argv[3]));
  fprintf(stderr, "usage: counter serve TOKEN PORT | counter click URL TIMES\n");
  return 1;
}
