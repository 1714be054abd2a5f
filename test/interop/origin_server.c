/* A server on 127.0.0.1 that says to each client who it is, and sends back what it gets, for
   proxies in front of it.

       origin_server [--x | --rfc7239] [--proxy] [--tls CERT KEY] [--ping MS] [--debug] TRUSTED...

   TRUSTED are addresses of proxies. Prints its port. Each session begins with the text
   "ADDRESS SCHEME HOST PEER". Its log goes to stderr, and a line for each session that has ended:
   that of wsuv_access_line(), "clean=" with 0 or 1, and "left=" with the number of sessions that
   have not ended. It ends with its input. */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <uv.h>

#include <wsuv/access_line.h>
#include <wsuv/error.h>
#include <wsuv/server.h>

static wsuv_server_t *server;
static uv_pipe_t input;

static void check(int err, const char *what) {
  if (err == 0) return;
  (void) fprintf(stderr, "origin_server: %s: %s\n", what, wsuv_strerror(err));
  exit(1);
}

static void print_address(char *text, size_t size, const struct sockaddr_storage *addr) {
  if (addr->ss_family == AF_INET) {
    uv_ip4_name((const struct sockaddr_in *) addr, text, size);
  } else {
    uv_ip6_name((const struct sockaddr_in6 *) addr, text, size);
  }
}

static void on_open(wsuv_session_t *s) {
  char address[64], peer[64], text[512];
  wsuv_origin_t origin;
  struct sockaddr_storage addr;
  wsuv_origin_init(&origin);
  check(wsuv_session_origin(s, &origin), "origin");
  check(wsuv_session_peer_address(s, &addr), "peer");
  print_address(address, sizeof address, &origin.address);
  print_address(peer, sizeof peer, &addr);
  int len = snprintf(text, sizeof text, "%s %s %s %s", address, origin.scheme, origin.host, peer);
  check(wsuv_send_text(s, text, (size_t) len), "send");
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  check(wsuv_send_message(s, m->type, m->data, m->len), "send");
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  char line[WSUV_ACCESS_LINE_SIZE];
  wsuv_access_line(s, info, time(NULL), line);
  (void) fprintf(stderr, "%s clean=%d left=%zu\n", line, info->clean,
                 wsuv_server_session_count(server) - 1);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char bytes[64];
  (void) handle;
  (void) suggested;
  *buf = uv_buf_init(bytes, sizeof bytes);
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void) buf;
  if (n >= 0) return;
  uv_close((uv_handle_t *) stream, NULL);
  check(wsuv_server_terminate(server, NULL), "terminate");
}

static void wait_for_input(uv_loop_t *loop) {
  check(uv_pipe_init(loop, &input, 0), "input");
  check(uv_pipe_open(&input, 0), "input");
  check(uv_read_start((uv_stream_t *) &input, on_alloc, on_input), "input");
}

static void read_arguments(wsuv_config_t *config, wsuv_tls_config_t *tls,
                           wsuv_listen_options_t *options, char **argv) {
  for (; *argv != NULL && strncmp(*argv, "--", 2) == 0; argv++) {
    if (strcmp(*argv, "--x") == 0) config->forwarded = WSUV_FORWARDED_X;
    if (strcmp(*argv, "--rfc7239") == 0) config->forwarded = WSUV_FORWARDED_RFC7239;
    if (strcmp(*argv, "--proxy") == 0) options->proxy_protocol = true;
    if (strcmp(*argv, "--ping") == 0) config->ping_interval_ms = strtoull(*++argv, NULL, 10);
    if (strcmp(*argv, "--debug") == 0) config->log_level = WSUV_LOG_DEBUG;
    if (strcmp(*argv, "--tls") == 0) {
      tls->cert_file = *++argv;
      tls->key_file = *++argv;
      config->tls = tls;
    }
  }
  config->trusted_proxies = (const char *const *) argv;
  while (argv[config->trusted_proxy_count] != NULL) config->trusted_proxy_count++;
}

int main(int argc, char **argv) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = on_message, .on_close = on_close};
  uv_loop_t *loop = uv_default_loop();
  wsuv_listener_t *listener;
  wsuv_config_t config;
  wsuv_tls_config_t tls;
  wsuv_listen_options_t options;
  struct sockaddr_storage addr;
  (void) argc;
  wsuv_server_config_init(&config);
  wsuv_tls_config_init(&tls);
  wsuv_listen_options_init(&options);
  config.ping_interval_ms = 25000;
  read_arguments(&config, &tls, &options, argv + 1);
  config.log = wsuv_log_stderr;
  config.log_arg = "origin_server";
  check(wsuv_server_new(&server, loop, &config), "server");
  check(wsuv_server_route(server, "/{rest...}", &callbacks, NULL), "route");
  check(wsuv_server_listen_tcp(server, "127.0.0.1", 0, &options, &listener), "listen");
  check(wsuv_listener_address(listener, &addr), "address");
  wait_for_input(loop);
  printf("%u\n", (unsigned) ntohs(((const struct sockaddr_in *) &addr)->sin_port));
  check(fflush(stdout) == 0 ? 0 : UV_EIO, "output");
  check(uv_run(loop, UV_RUN_DEFAULT), "loop");
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
