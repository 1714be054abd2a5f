/* A server of TLS that sends back what it gets, on 127.0.0.1, for clients that share no code with
   it. Not WebSocket: what is tested is the handshake, and that bytes pass.

       tls_server --cert FILE --key FILE [--also CERT KEY]... [--ca FILE] [--auth request|require]
                  [--alpn NAME]... [--min 1.2|1.3] [--max 1.2|1.3] [--no-tickets]
                  [--engine mbedtls|openssl]

   Prints its port, then a line of JSON for each handshake and each end of a connection. SIGHUP
   reads all files anew, for the connections to come, and prints {"replaced": CODE}. It ends with
   its input. */

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <wsuv/error.h>

#include "base/alloc.h"
#include "net/tls/tls_contexts.h"
#include "net/tls/tls_engine.h"

enum { CERTS_MAX = 8, NAMES_MAX = 8, READ_SIZE = 64 * 1024, BACKLOG = 128 };

typedef struct server {
  uv_loop_t *loop;
  uv_tcp_t listener;
  uv_signal_t hup;
  uv_pipe_t input;
  tls_contexts contexts;
  wsuv_tls_config_t config;
  wsuv_tls_cert_t more[CERTS_MAX];
  const wsuv_tls_cert_t *certs[CERTS_MAX];
  const char *alpn[NAMES_MAX];
} server;

typedef struct caller {
  uv_tcp_t tcp;
  tls_engine *engine;
  bool shaken, ending;
} caller;

typedef struct sending {
  uv_write_t request;
  char data[];
} sending;

static server the_server;
static uint8_t input[READ_SIZE], plain[READ_SIZE];

/* --- what it says --- */

static void print_text(const char *name, const char *value) {
  if (value == NULL) {
    printf(", \"%s\": null", name);
  } else {
    printf(", \"%s\": \"%s\"", name, value); /* nothing in it has to be escaped */
  }
}

static void print_facts(const char *event, const caller *c, int status) {
  tls_info f;
  tls_engine_info(c->engine, &f);
  printf("{\"event\": \"%s\", \"status\": \"%s\"", event, wsuv_err_name(status));
  print_text("text", f.text);
  print_text("version", f.version);
  print_text("suite", f.ciphersuite);
  print_text("alpn", f.alpn);
  printf(", \"resumed\": %s, \"verified\": %s, \"flags\": %u, \"client\": %zu}\n",
         f.resumed ? "true" : "false", f.verified ? "true" : "false", (unsigned) f.verify_flags,
         f.peer_cert_len);
  (void) fflush(stdout);
}

/* --- a connection --- */

static void on_closed(uv_handle_t *handle) {
  caller *c = handle->data;
  tls_engine_free(c->engine);
  free(c);
}

static void close_caller(caller *c) {
  if (!uv_is_closing((uv_handle_t *) &c->tcp)) uv_close((uv_handle_t *) &c->tcp, on_closed);
}

static void on_sent(uv_write_t *request, int status) {
  caller *c = request->handle->data;
  free(request->data);
  if (status < 0 || c->ending) close_caller(c);
}

static void send_output(caller *c) {
  const bufq *out = tls_engine_output(c->engine);
  ws_view piece;
  size_t len = bufq_len(out), done = 0;
  if (len == 0 || uv_is_closing((uv_handle_t *) &c->tcp)) {
    if (c->ending) close_caller(c);
    return;
  }
  sending *s = malloc(sizeof *s + len);
  if (s == NULL) abort();
  while (bufq_peek(out, 0, len, &piece, 1) > 0) {
    memcpy(s->data + done, piece.base, piece.len);
    done += piece.len;
    tls_engine_sent(c->engine, piece.len);
  }
  const uv_buf_t buf = uv_buf_init(s->data, (unsigned) done);
  s->request.data = s;
  if (uv_write(&s->request, (uv_stream_t *) &c->tcp, &buf, 1, on_sent) == 0) return;
  free(s); /* the connection is gone */
  close_caller(c);
}

static void end_caller(caller *c, const char *event, int status) {
  print_facts(event, c, status);
  tls_engine_close(c->engine);
  c->ending = true;
}

static void shake_hands(caller *c) {
  int err;
  do {
    err = tls_engine_handshake(c->engine);
  } while (err == TLS_ENGINE_WORKED);
  if (err == UV_EAGAIN) return;
  c->shaken = err == 0;
  if (err == 0) {
    print_facts("handshake", c, err);
  } else {
    end_caller(c, "handshake", err);
  }
}

static void echo(caller *c) {
  for (;;) {
    ptrdiff_t n = tls_engine_read(c->engine, plain, sizeof plain);
    if (n == UV_EAGAIN) return;
    if (n < 0) {
      end_caller(c, "end", (int) n);
      return;
    }
    const ws_view buf = {plain, (size_t) n};
    for (size_t done = 0, taken; done < buf.len; done += taken) {
      if (tls_engine_write(c->engine, &buf, 1, done, &taken) < 0) return;
      send_output(c);
    }
  }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void) handle;
  (void) suggested;
  *buf = uv_buf_init((char *) input, sizeof input);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  caller *c = stream->data;
  if (n == 0 || c->ending) return;
  if (n > 0) {
    tls_engine_feed(c->engine, (const uint8_t *) buf->base, (size_t) n);
  } else {
    tls_engine_eof(c->engine);
  }
  if (!c->shaken) shake_hands(c);
  if (c->shaken && !c->ending) echo(c);
  send_output(c);
}

static void on_connection(uv_stream_t *listener, int status) {
  tls_context *ctx;
  caller *c = calloc(1, sizeof *c);
  (void) status;
  if (c == NULL || uv_tcp_init(listener->loop, &c->tcp) < 0) abort();
  c->tcp.data = c;
  int err =
      tls_contexts_get(&the_server.contexts, &ws_alloc_libc, &the_server.config, WS_SERVER, &ctx);
  if (err == 0) err = tls_engine_new(&c->engine, ctx, NULL, 0);
  if (err < 0 || uv_accept(listener, (uv_stream_t *) &c->tcp) < 0 ||
      uv_read_start((uv_stream_t *) &c->tcp, on_alloc, on_read) < 0) {
    abort();
  }
  tls_context_unref(ctx);
}

/* --- the server --- */

static int replace(server *s) {
  tls_failure failure;
  int err = tls_contexts_replace(&s->contexts, &ws_alloc_libc, &s->config, WS_SERVER, &failure);
  if (err < 0) (void) fprintf(stderr, "%s: %s\n", wsuv_err_name(err), failure.text);
  return err;
}

static void on_hup(uv_signal_t *handle, int number) {
  (void) handle;
  (void) number;
  printf("{\"event\": \"replaced\", \"status\": \"%s\"}\n", wsuv_err_name(replace(&the_server)));
  (void) fflush(stdout);
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void) buf;
  if (n < 0) uv_stop(stream->loop);
}

static int start(server *s) {
  struct sockaddr_in addr;
  int len = sizeof addr;
  s->loop = uv_default_loop();
  int err = uv_signal_init(s->loop, &s->hup);
  if (err == 0) err = uv_signal_start(&s->hup, on_hup, SIGHUP);
  if (err == 0) err = uv_pipe_init(s->loop, &s->input, 0);
  if (err == 0) err = uv_pipe_open(&s->input, 0);
  if (err == 0) err = uv_read_start((uv_stream_t *) &s->input, on_alloc, on_input);
  if (err == 0) err = uv_tcp_init(s->loop, &s->listener);
  if (err == 0) err = uv_ip4_addr("127.0.0.1", 0, &addr);
  if (err == 0) err = uv_tcp_bind(&s->listener, (const struct sockaddr *) &addr, 0);
  if (err == 0) err = uv_listen((uv_stream_t *) &s->listener, BACKLOG, on_connection);
  if (err == 0) err = uv_tcp_getsockname(&s->listener, (struct sockaddr *) &addr, &len);
  if (err < 0) return err;
  printf("%d\n", ntohs(addr.sin_port));
  return fflush(stdout);
}

/* false: usage. */
static bool read_option(server *s, int option, char **argv) {
  wsuv_tls_config_t *c = &s->config;
  wsuv_tls_version_t version =
      optarg != NULL && strcmp(optarg, "1.3") == 0 ? WSUV_TLS_1_3 : WSUV_TLS_1_2;
  switch (option) {
  case 'c': c->cert_file = optarg; return true;
  case 'k': c->key_file = optarg; return true;
  case 'a':
    if (c->cert_count == CERTS_MAX || argv[optind] == NULL) return false;
    wsuv_tls_cert_init(&s->more[c->cert_count]);
    s->more[c->cert_count].cert_file = optarg;
    s->more[c->cert_count].key_file = argv[optind++];
    s->certs[c->cert_count] = &s->more[c->cert_count];
    c->cert_count++;
    c->certs = s->certs;
    return true;
  case 'r': c->ca_file = optarg; return true;
  case 'u':
    c->client_auth = strcmp(optarg, "require") == 0 ? WSUV_TLS_CLIENT_AUTH_REQUIRE
                                                    : WSUV_TLS_CLIENT_AUTH_REQUEST;
    return true;
  case 'p':
    if (c->alpn_count == NAMES_MAX) return false;
    s->alpn[c->alpn_count++] = optarg;
    c->alpn = s->alpn;
    return true;
  case 'm': c->min_version = version; return true;
  case 'x': c->max_version = version; return true;
  case 't': c->resumption = false; return true;
  case 'e':
    c->library =
        strcmp(optarg, "openssl") == 0 ? WSUV_TLS_LIBRARY_OPENSSL : WSUV_TLS_LIBRARY_MBEDTLS;
    return true;
  default: return false;
  }
}

static void close_handle(uv_handle_t *handle, void *arg) {
  const server *s = arg;
  bool own = handle == (const uv_handle_t *) &s->listener;
  if (uv_is_closing(handle)) return;
  uv_close(handle, handle->type == UV_TCP && !own ? on_closed : NULL);
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"cert", required_argument, NULL, 'c'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"also", required_argument, NULL, 'a'},
                                          {"ca", required_argument, NULL, 'r'},
                                          {"auth", required_argument, NULL, 'u'},
                                          {"alpn", required_argument, NULL, 'p'},
                                          {"min", required_argument, NULL, 'm'},
                                          {"max", required_argument, NULL, 'x'},
                                          {"no-tickets", no_argument, NULL, 't'},
                                          {"engine", required_argument, NULL, 'e'},
                                          {NULL, 0, NULL, 0}};
  server *s = &the_server;
  int option;
  wsuv_tls_config_init(&s->config);
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (!read_option(s, option, argv)) return 2;
  }
  (void) signal(SIGPIPE, SIG_IGN);
  if (replace(s) < 0 || start(s) < 0) return 1;
  (void) uv_run(s->loop, UV_RUN_DEFAULT);
  uv_walk(s->loop, close_handle, s);
  (void) uv_run(s->loop, UV_RUN_DEFAULT);
  tls_contexts_free(&s->contexts);
  return uv_loop_close(s->loop);
}
