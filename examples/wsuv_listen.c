#include "wsuv_listen.h"

/* Listens, and ends; what happens to sessions is the services' part. */

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <wsuv.h>

#include "wsuv_interrupt.h"
#include "wsuv_report.h"
#include "wsuv_reserve.h"
#include "wsuv_service.h"
#include "wsuv_settings.h"

enum { SOCKET_MODE = 0600 }; /* only this user connects to a Unix socket */

typedef struct listening {
  service_host host;
  settings settings;
  service service;
  wsuv_server_t *server; /* NULL: it is closed */
  bool closing;
  exit_code code;
} listening;

static void on_closed(wsuv_server_t *server) {
  listening *l = wsuv_server_data(server);
  l->server = NULL;
}

/* Before the first call that ends the server, whichever that is. */
static void begin_end(listening *l) {
  if (l->closing) return;
  l->closing = true;
  if (l->service.on_stop != NULL) l->service.on_stop(l->service.data);
}

static void close_server(service_host *host, unsigned code, exit_code exit) {
  listening *l = (listening *) host;
  wsuv_end_t end;
  if (l->closing) return;
  begin_end(l);
  l->code = exit;
  wsuv_end_init(&end);
  end.code = code;
  int err = wsuv_server_close(l->server, &end, on_closed);
  if (err < 0) report("%s", wsuv_strerror(err));
}

/* Two signals that come at once are reported as one: then nothing was closed before. */
static void abort_server(listening *l) {
  wsuv_server_close_cb cb = l->closing ? NULL : on_closed;
  l->code = EXIT_LOST;
  begin_end(l);
  if (l->service.on_abort != NULL) l->service.on_abort(l->service.data);
  int err = wsuv_server_terminate(l->server, cb);
  if (err < 0) report("%s", wsuv_strerror(err));
}

static void on_interrupt(void *data) {
  listening *l = data;
  if (interrupt_count() > 1) {
    abort_server(l);
  } else {
    close_server(&l->host, WSUV_CLOSE_GOING_AWAY, EXIT_CLOSED);
  }
}

/* --- the beginning --- */

static int add_routes(listening *l) {
  static const char *const any[] = {"/{path...}"};
  const options *o = l->host.options;
  const char *const *paths = o->word_count > 0 ? (const char *const *) o->words : any;
  size_t count = o->word_count > 0 ? o->word_count : 1;
  int err = 0;
  for (size_t i = 0; i < count && err == 0; i++) {
    err = wsuv_server_route(l->server, paths[i], &l->service.callbacks, l->service.data);
    if (err < 0) report("%s: %s", paths[i], settings_error(&l->settings, err));
  }
  return err;
}

/* A line that scripts can read. */
static void report_listening(listening *l, const struct sockaddr_storage *address) {
  const char *scheme = l->settings.config.tls != NULL ? "wss" : "ws";
  char name[64] = "";
  if (l->host.options->listen.path != NULL) {
    report("listening on %s+unix://%s:/", scheme, l->host.options->listen.path);
    return;
  }
  bool is_v4 = address->ss_family == AF_INET;
  l->host.port = is_v4 ? ntohs(((const struct sockaddr_in *) address)->sin_port)
                       : ntohs(((const struct sockaddr_in6 *) address)->sin6_port);
  int err = uv_ip_name((const struct sockaddr *) address, name, sizeof name);
  if (err < 0) report("%s", wsuv_strerror(err));
  report(is_v4 ? "listening on %s://%s:%u/" : "listening on %s://[%s]:%u/", scheme, name,
         l->host.port);
}

static int open_listener(listening *l) {
  const endpoint *at = &l->host.options->listen;
  static struct sockaddr_storage address;
  wsuv_listener_t *listener;
  int err;
  if (at->path != NULL) {
    err = wsuv_server_listen_unix(l->server, at->path, SOCKET_MODE, NULL, &listener);
  } else {
    const char *host = strcmp(at->host, "*") == 0 ? NULL : at->host;
    err = wsuv_server_listen(l->server, host, at->port, &listener);
    if (err == 0) err = wsuv_listener_address(listener, &address);
  }
  if (err < 0) {
    report("could not listen: %s", settings_error(&l->settings, err));
  } else {
    report_listening(l, &address);
  }
  return err;
}

static int init_service(listening *l) {
  wsuv_callbacks_init(&l->service.callbacks);
  switch (l->host.options->mode) {
  case MODE_ECHO: return echo_init(&l->service, &l->host, &l->settings.config);
  case MODE_EXEC: return exec_init(&l->service, &l->host, &l->settings.config);
  case MODE_RELAY: return relay_init(&l->service, &l->host, &l->settings.config);
  default: return room_init(&l->service, &l->host, &l->settings.config);
  }
}

static int make_server(listening *l) {
  int err = settings_make(&l->settings, l->host.options);
  if (err == 0) err = reserve_descriptors(l->host.loop);
  if (err == 0) err = init_service(l);
  if (err == 0) err = wsuv_server_new(&l->server, l->host.loop, &l->settings.config);
  if (err < 0) {
    report("%s", settings_error(&l->settings, err));
    return err;
  }
  wsuv_server_set_data(l->server, l);
  wsuv_server_on_upgrade(l->server, l->service.on_upgrade);
  return 0;
}

static int start_interrupts(listening *l) {
  int err = interrupt_start(l->host.loop, on_interrupt, l);
  if (err < 0) report("%s", wsuv_strerror(err));
  return err;
}

exit_code listen_run(const options *o, printer *out, uv_loop_t *loop) {
  static listening l;
  l.host = (service_host){.options = o, .printer = out, .loop = loop, .close = close_server};
  int err = make_server(&l);
  if (err == 0) err = add_routes(&l);
  if (err == 0) err = start_interrupts(&l);
  if (err == 0) err = open_listener(&l);
  if (err < 0) close_server(&l.host, WSUV_CLOSE_GOING_AWAY, exit_code_of_call(err));
  uv_run(loop, UV_RUN_DEFAULT);
  interrupt_stop();
  return l.code;
}
