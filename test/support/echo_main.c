/* wsuv_echo: the echo server as a program, for tests in other languages, conformance runs and
   measurements. */

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <wsuv/deflate.h>

#include "base/alloc.h"
#include "support/echo_server.h"

enum { SUBPROTOCOLS_MAX = 16 };

typedef struct program {
  uv_loop_t loop;
  uv_signal_t signals[2];
  echo_server *server;
  const char *subprotocols[SUBPROTOCOLS_MAX];
  size_t subprotocol_count;
  uint16_t port;
  bool deflate;
} program;

static int usage(void) {
  fputs(
      "usage: wsuv_echo [-p SUBPROTOCOL]... [--deflate] [PORT]\n"
      "Echoes WebSocket messages on 127.0.0.1; PORT 0, the default, is any. With --deflate every\n"
      "valid offer of permessage-deflate is accepted.\n",
      stderr);
  return 1;
}

/* 0, or -1: usage. */
static int read_arguments(program *prog, int argc, char **argv) {
  static const struct option names[] = {{"deflate", no_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
  int option;
  while ((option = getopt_long(argc, argv, "p:", names, NULL)) != -1) {
    if (option == 'd') {
      prog->deflate = true;
      continue;
    }
    if (option != 'p' || prog->subprotocol_count == SUBPROTOCOLS_MAX) return -1;
    prog->subprotocols[prog->subprotocol_count++] = optarg;
  }
  if (optind == argc) return 0;
  char *end;
  unsigned long port = strtoul(argv[optind], &end, 10);
  if (optind + 1 != argc || *end != '\0' || port > 65535) return -1;
  prog->port = (uint16_t) port;
  return 0;
}

static void on_signal(uv_signal_t *handle, int number) {
  program *prog = handle->data;
  (void) number;
  for (int i = 0; i < 2; i++) uv_close((uv_handle_t *) &prog->signals[i], NULL);
  echo_server_stop(prog->server, NULL);
}

static void watch_signal(program *prog, int i, int number) {
  uv_signal_init(&prog->loop, &prog->signals[i]);
  prog->signals[i].data = prog;
  uv_signal_start(&prog->signals[i], on_signal, number);
}

static int use_deflate(echo_server *server) {
  wsuv_extension_t deflate;
  const wsuv_extension_t *const extensions[] = {&deflate};
  int r = wsuv_permessage_deflate(&deflate, NULL);
  return r < 0 ? r : echo_server_extensions(server, extensions, 1);
}

static int start(program *prog) {
  int r = echo_server_start(&prog->loop, &ws_alloc_libc, prog->port, &prog->server);
  if (r < 0 || !prog->deflate) return r;
  r = use_deflate(prog->server);
  if (r < 0) echo_server_stop(prog->server, NULL);
  return r;
}

static int serve(program *prog) {
  int r = start(prog);
  if (r < 0) {
    fprintf(stderr, "wsuv_echo: %s\n", uv_strerror(r));
    uv_run(&prog->loop, UV_RUN_DEFAULT);
    return 2;
  }
  echo_server_subprotocols(prog->server, prog->subprotocols, prog->subprotocol_count);
  watch_signal(prog, 0, SIGINT);
  watch_signal(prog, 1, SIGTERM);
  printf("listening on ws://127.0.0.1:%u\n", (unsigned) echo_server_port(prog->server));
  fflush(stdout);
  uv_run(&prog->loop, UV_RUN_DEFAULT);
  return 0;
}

int main(int argc, char **argv) {
  static program prog;
  signal(SIGPIPE, SIG_IGN);
  if (read_arguments(&prog, argc, argv) < 0) return usage();
  if (uv_loop_init(&prog.loop) < 0) return 2;
  int status = serve(&prog);
  return uv_loop_close(&prog.loop) == 0 ? status : 3;
}
