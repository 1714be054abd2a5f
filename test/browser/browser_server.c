/* A server for the test of browsers: a route for each thing that the pages try. What happens it
   prints, a line for each event:

     listening PORT
     refused CAUSE STATUS
     open TARGET ORIGIN
     pong
     close TARGET STATUS CODE SENT_CODE CLEAN BY_PEER FRAMES PAYLOAD FRAMED REASON

   FRAMES, PAYLOAD and FRAMED are of what was received. */

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wsuv.h>

enum { ORIGINS_MAX = 4, MESSAGE_MAX = 64 * 1024 * 1024, PING_INTERVAL_MS = 20 };

static struct program {
  wsuv_server_t *server;
  uv_signal_t terminated;
  const char *origins[ORIGINS_MAX];
  size_t origin_count;
  const char *cert, *key;
} prog;

static void check(int err, const char *what) {
  if (err == 0) return;
  fprintf(stderr, "browser_server: %s: %s\n", what, wsuv_strerror(err));
  exit(1);
}

/* --- events --- */

static void on_open(wsuv_session_t *s) {
  const char *origin = wsuv_session_request_header(s, "Origin");
  printf("open %s %s\n", wsuv_session_target(s), origin != NULL ? origin : "-");
  fflush(stdout);
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  int err = wsuv_session_get_stats(s, &stats);
  printf("close %s %s %u %u %d %d %llu %llu %llu %s\n", wsuv_session_target(s),
         wsuv_err_name(err < 0 ? err : info->status), info->code, info->sent_code, info->clean,
         info->by_peer, (unsigned long long) stats.frames_received,
         (unsigned long long) stats.payload_received, (unsigned long long) stats.framed_received,
         info->reason);
  fflush(stdout);
}

static void on_refused(wsuv_server_t *server, const wsuv_refusal_t *refusal) {
  (void) server;
  printf("refused %s %d\n", wsuv_refused_name(refusal->cause), refusal->status);
  fflush(stdout);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  int err = wsuv_send_message(s, m->type, m->data, m->len);
  if (err < 0) wsuv_session_terminate(s);
}

static void on_pong(wsuv_session_t *s, const void *data, size_t len) {
  (void) s;
  (void) data;
  (void) len;
  puts("pong");
  fflush(stdout);
}

/* --- decisions --- */

static unsigned number_of(const char *text) {
  check(text != NULL ? 0 : UV_EINVAL, "query");
  return (unsigned) strtoul(text, NULL, 10);
}

static void on_open_closes(wsuv_session_t *s) {
  const unsigned code = number_of(wsuv_session_query(s, "code"));
  int err = wsuv_session_close(s, code, wsuv_session_query(s, "reason"));
  if (err < 0) wsuv_session_terminate(s);
}

/* In the hook nothing else can be wrong with an answer. */
static void refuse_500(wsuv_upgrade_t *u) {
  check(wsuv_upgrade_refuse(u, 500, NULL, 0, NULL, 0), "refuse");
}

static void on_refuse(wsuv_upgrade_t *u) {
  static const wsuv_header_t fields[] = {{"WWW-Authenticate", "Basic realm=\"test\""}};
  const unsigned status = number_of(wsuv_upgrade_query(u, "status"));
  int err = wsuv_upgrade_refuse(u, (int) status, fields, 1, "no\n", 3);
  if (err < 0) refuse_500(u);
}

static void on_refuse_open(wsuv_upgrade_t *u) {
  int err = wsuv_upgrade_refuse_open(u, 4401, "no \xe2\x82\xac, no entry");
  if (err < 0) refuse_500(u);
}

/* --- the program --- */

static const wsuv_callbacks_t echo = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = on_message, .on_pong = on_pong,
                                      .on_close = on_close};
static const wsuv_callbacks_t closes = {WSUV_CALLBACKS_INIT, .on_open = on_open_closes,
                                        .on_close = on_close};

static void add(const char *path, const wsuv_callbacks_t *callbacks, const wsuv_config_t *config,
                wsuv_upgrade_cb on_upgrade) {
  wsuv_route_t route;
  wsuv_route_init(&route, path);
  route.callbacks = callbacks;
  route.config = config;
  route.on_upgrade = on_upgrade;
  check(wsuv_server_add_route(prog.server, &route), path);
}

/* Routes with a configuration of their own, which is `config` but for one thing. */
static void add_others(const wsuv_config_t *config) {
  static const char *const null_only[] = {"null"}, *const chats[] = {"chat.v2", "chat.v1"};
  static const struct {
    const char *path;
    wsuv_subprotocol_policy_t policy;
  } policies[] = {{"/offered", WSUV_SUBPROTOCOL_IF_OFFERED},
                  {"/required", WSUV_SUBPROTOCOL_REQUIRED},
                  {"/optional", WSUV_SUBPROTOCOL_OPTIONAL}};
  wsuv_config_t own = *config, null = *config, masked = *config, plain = *config, ping = *config;
  own.origins = NULL;
  own.origin_count = 0;
  null.origins = null_only;
  null.origin_count = 1;
  masked.masking = true;
  plain.extension_count = 0;
  ping.ping_interval_ms = PING_INTERVAL_MS;
  add("/own", &echo, &own, NULL);
  add("/null", &echo, &null, NULL);
  add("/masked", &echo, &masked, NULL);
  add("/plain", &echo, &plain, NULL);
  add("/ping", &echo, &ping, NULL);
  for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
    wsuv_config_t with = *config;
    with.subprotocols = chats;
    with.subprotocol_count = 2;
    with.subprotocol_policy = policies[i].policy;
    add(policies[i].path, &echo, &with, NULL);
  }
}

static void add_routes(void) {
  wsuv_config_t config;
  wsuv_server_get_config(prog.server, &config);
  add("/echo", &echo, NULL, NULL);
  add("/close", &closes, NULL, NULL);
  add("/refuse", NULL, NULL, on_refuse);
  add("/refuse-open", NULL, NULL, on_refuse_open);
  add_others(&config);
}

static void make_server(void) {
  wsuv_extension_t deflate;
  const wsuv_extension_t *const extensions[] = {&deflate};
  wsuv_tls_config_t tls;
  wsuv_config_t config;
  wsuv_tls_config_init(&tls);
  wsuv_server_config_init(&config);
  tls.cert_file = prog.cert;
  tls.key_file = prog.key;
  if (prog.cert != NULL) config.tls = &tls;
  config.keep_handshake = true;
  config.max_message_size = MESSAGE_MAX;
  config.outgoing_max = MESSAGE_MAX;
  config.origins = prog.origins;
  config.origin_count = prog.origin_count;
  config.extensions = extensions;
  config.extension_count = 1;
  check(wsuv_permessage_deflate(&deflate, NULL), "permessage-deflate");
  check(wsuv_server_new(&prog.server, uv_default_loop(), &config), "server");
}

static void start_listening(void) {
  struct sockaddr_storage addr;
  wsuv_listener_t *listener;
  check(wsuv_server_listen(prog.server, "localhost", 0, &listener), "listen");
  check(wsuv_listener_address(listener, &addr), "address");
  printf("listening %u\n", ntohs(((struct sockaddr_in *) &addr)->sin_port));
  fflush(stdout);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void) number;
  uv_close((uv_handle_t *) handle, NULL);
  check(wsuv_server_close(prog.server, NULL, NULL), "close");
}

static bool read_arguments(int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "c:k:o:")) != -1) {
    switch (option) {
    case 'c': prog.cert = optarg; break;
    case 'k': prog.key = optarg; break;
    case 'o':
      if (prog.origin_count == ORIGINS_MAX) return false;
      prog.origins[prog.origin_count++] = optarg;
      break;
    default: return false;
    }
  }
  return optind == argc && prog.origin_count > 0;
}

int main(int argc, char **argv) {
  if (!read_arguments(argc, argv)) {
    fprintf(stderr, "usage: browser_server [-c CERT -k KEY] -o ORIGIN...\n");
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  make_server();
  wsuv_server_on_refused(prog.server, on_refused);
  add_routes();
  check(uv_signal_init(uv_default_loop(), &prog.terminated), "signal");
  check(uv_signal_start(&prog.terminated, on_signal, SIGTERM), "signal");
  start_listening();
  check(uv_run(uv_default_loop(), UV_RUN_DEFAULT), "loop");
  return uv_loop_close(uv_default_loop()) != 0;
}
