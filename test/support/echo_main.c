/* wsuv_echo: an echo server on the library's public interface, for tests in other languages,
   conformance runs and measurements. A request for /refuse?status=401 is refused with that status
   and a small body. */

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wsuv.h>

#include "bench/gap.h"

enum {
  SUBPROTOCOLS_MAX = 16,
  MESSAGE_MAX = 64 * 1024 * 1024, /* bytes */
  HIGH_WATER = 1024 * 1024,       /* bytes */
  HANDSHAKES_MAX = 20000,
  GAPS_OPENING_MS = 120000, /* with --gaps, however busy the machine is */
  END_MS = 1000             /* for peers that do not answer a close frame */
};

static struct program {
  wsuv_server_t *server;
  uv_signal_t signals[2];
  const char *subprotocols[SUBPROTOCOLS_MAX];
  size_t subprotocol_count;
  const char *cert, *key, *unix_path;
  const char *origin; /* NULL: any */
  wsuv_tls_library_t library;
  unsigned port;
  bool deflate;
  bool gaps; /* The longest turn of the loop is measured, and printed at the end. */
  gap turns;
} prog;

/* A peer that does not read is not read from. */
static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  wsuv_send_message(s, m->type, m->data, m->len);
  if (wsuv_buffered_amount(s) > HIGH_WATER) wsuv_session_pause(s);
}

static void on_drain(wsuv_session_t *s) {
  wsuv_session_resume(s);
}

static void on_refuse(wsuv_upgrade_t *u) {
  const char *status = wsuv_upgrade_query(u, "status");
  int err = wsuv_upgrade_refuse(u, status != NULL ? atoi(status) : 403, NULL, 0, "refused\n", 8);
  if (err == UV_EINVAL) wsuv_upgrade_refuse(u, 400, NULL, 0, NULL, 0);
}

static int usage(void) {
  fputs(
      "usage: wsuv_echo [-p SUBPROTOCOL]... [--deflate] [--cert FILE --key FILE]\n"
      "                 [--tls-engine mbedtls|openssl] [--origin ORIGIN] [--gaps]\n"
      "                 [--unix PATH | PORT]\n"
      "Echoes WebSocket messages on 127.0.0.1; PORT 0, the default, is any. With --deflate offers\n"
      "of permessage-deflate are accepted. With --gaps the longest turns of the loop since\n"
      "the beginning are printed at the end.\n",
      stderr);
  return 1;
}

/* 0, or -1: usage. */
static int read_arguments(int argc, char **argv) {
  static const struct option names[] = {
      {"cert", required_argument, NULL, 'c'}, {"key", required_argument, NULL, 'k'},
      {"unix", required_argument, NULL, 'u'}, {"origin", required_argument, NULL, 'o'},
      {"deflate", no_argument, NULL, 'd'},    {"tls-engine", required_argument, NULL, 'e'},
      {"gaps", no_argument, NULL, 'g'},       {NULL, 0, NULL, 0}};
  int option;
  while ((option = getopt_long(argc, argv, "p:", names, NULL)) != -1) {
    switch (option) {
    case 'c': prog.cert = optarg; break;
    case 'k': prog.key = optarg; break;
    case 'u': prog.unix_path = optarg; break;
    case 'o': prog.origin = optarg; break;
    case 'd': prog.deflate = true; break;
    case 'e':
      prog.library =
          strcmp(optarg, "openssl") == 0 ? WSUV_TLS_LIBRARY_OPENSSL : WSUV_TLS_LIBRARY_MBEDTLS;
      break;
    case 'g': prog.gaps = true; break;
    case 'p':
      if (prog.subprotocol_count == SUBPROTOCOLS_MAX) return -1;
      prog.subprotocols[prog.subprotocol_count++] = optarg;
      break;
    default: return -1;
    }
  }
  if (optind == argc) return 0;
  char *end;
  unsigned long port = strtoul(argv[optind], &end, 10);
  if (optind + 1 != argc || *end != '\0' || port > 65535 || prog.unix_path != NULL) return -1;
  prog.port = (unsigned) port;
  return 0;
}

static int make_server(uv_loop_t *loop) {
  static const char *const any = "*";
  wsuv_extension_t deflate;
  const wsuv_extension_t *const extensions[] = {&deflate};
  wsuv_tls_config_t tls;
  wsuv_config_t config;
  wsuv_tls_config_init(&tls);
  wsuv_server_config_init(&config);
  config.hosts = &any;
  config.origins = prog.origin != NULL ? &prog.origin : &any;
  config.host_count = config.origin_count = 1;
  config.max_message_size = MESSAGE_MAX;
  config.outgoing_max = 2 * MESSAGE_MAX;
  config.high_water = HIGH_WATER;
  config.max_handshakes = config.max_handshakes_per_address = HANDSHAKES_MAX;
  if (prog.gaps) config.handshake_timeout_ms = GAPS_OPENING_MS;
  config.subprotocols = prog.subprotocols;
  config.subprotocol_count = prog.subprotocol_count;
  config.extensions = extensions;
  config.extension_count = prog.deflate ? 1 : 0;
  tls.cert_file = prog.cert;
  tls.key_file = prog.key;
  tls.library = prog.library;
  if (prog.cert != NULL || prog.key != NULL) config.tls = &tls;
  int err = wsuv_permessage_deflate(&deflate, NULL);
  return err < 0 ? err : wsuv_server_new(&prog.server, loop, &config);
}

static int add_routes(void) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_message = on_message,
                                      .on_drain = on_drain};
  wsuv_route_t refuse;
  wsuv_route_init(&refuse, "/refuse");
  refuse.on_upgrade = on_refuse;
  int err = wsuv_server_add_route(prog.server, &refuse);
  return err < 0 ? err : wsuv_server_route(prog.server, "/{path...}", &callbacks, NULL);
}

static int listen_on_port(void) {
  wsuv_listener_t *listener;
  struct sockaddr_storage addr;
  int err = wsuv_server_listen(prog.server, "127.0.0.1", prog.port, &listener);
  if (err == 0) err = wsuv_listener_address(listener, &addr);
  if (err < 0) return err;
  printf("listening on %s://127.0.0.1:%u\n", prog.cert != NULL ? "wss" : "ws",
         (unsigned) ntohs(((const struct sockaddr_in *) &addr)->sin_port));
  return 0;
}

static int listen_on_path(void) {
  int err = wsuv_server_listen_unix(prog.server, prog.unix_path, 0600, NULL, NULL);
  if (err == 0) printf("listening on %s\n", prog.unix_path);
  return err;
}

static void on_signal(uv_signal_t *handle, int number) {
  wsuv_end_t end;
  (void) handle;
  (void) number;
  if (prog.gaps) {
    gap_stop(&prog.turns);
    printf("{\"gap_ms\":%.2f,\"gap_cpu_ms\":%.2f}\n", gap_ms(&prog.turns), gap_cpu_ms(&prog.turns));
  }
  for (int i = 0; i < 2; i++) uv_close((uv_handle_t *) &prog.signals[i], NULL);
  wsuv_end_init(&end);
  end.timeout_ms = END_MS;
  wsuv_server_close(prog.server, &end, NULL);
}

static int start(uv_loop_t *loop) {
  static const int numbers[] = {SIGINT, SIGTERM};
  int err = make_server(loop);
  if (err == 0) err = add_routes();
  if (err == 0) err = prog.unix_path != NULL ? listen_on_path() : listen_on_port();
  if (err < 0) return err;
  (void) fflush(stdout);
  if (prog.gaps) gap_start(&prog.turns, loop);
  for (int i = 0; i < 2; i++) {
    uv_signal_init(loop, &prog.signals[i]);
    uv_signal_start(&prog.signals[i], on_signal, numbers[i]);
  }
  return 0;
}

int main(int argc, char **argv) {
  uv_loop_t loop;
  signal(SIGPIPE, SIG_IGN);
  if (read_arguments(argc, argv) < 0) return usage();
  if (uv_loop_init(&loop) < 0) return 2;
  int err = start(&loop);
  if (err < 0) {
    fprintf(stderr, "wsuv_echo: %s\n", wsuv_strerror(err));
    wsuv_server_close(prog.server, NULL, NULL);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop) != 0) return 3;
  return err < 0 ? 2 : 0;
}
