#include "session/listener.h"

#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "net/address.h"
#include "session/log.h"
#include "session/upgrade.h"

/* Opens and closes listeners. "localhost" has two sockets, so a listener may have two parts. */

enum {
  PARTS_MAX = 2,
  PORT_TRIES = 16,
  QUIET_TICKS = 3 /* after so many ticks without a connection, none waits: see listener_drain */
};

struct wsuv_listener {
  ws_list node;                  /* This links the listener into wsuv_server.listeners. */
  wsuv_server_t *server;         /* The server outlives the listener. */
  ws_listener *parts[PARTS_MAX]; /* The listener owns these sockets. */
  size_t count;                  /* It has this many of them. */
  bool secure;                   /* Connections begin with TLS. */
  bool loopback;                 /* Only this machine can reach the address. */
  bool proxy_protocol;           /* Connections begin with the header of the PROXY protocol. */
  unsigned quiet; /* listener_drain has looked this often since the last connection came. */
  size_t waits;   /* This many sockets accept nothing now, although connections may wait. */
};

SIZED_TYPE(options_type, wsuv_listen_options_t, backlog, sizeof(wsuv_listen_options_t));

static const ws_env_ops *ops_of(const wsuv_server_t *server) {
  return server->endpoint.env->ops;
}

/* Accepting */

static void on_accept(void *up, ws_filter *filter, const struct sockaddr_storage *peer) {
  wsuv_listener_t *l = up;
  const upgrade_origin from = {peer, l->secure, l->loopback, l->proxy_protocol};
  l->quiet = 0;
  upgrade_begin(l->server, filter, &from);
}

static void on_pause(void *up, int status) {
  wsuv_listener_t *l = up;
  if (status < 0) {
    l->waits++;
    log_line(endpoint_log(&l->server->endpoint), WSUV_LOG_WARN, "accepting waits: %s",
             wsuv_strerror(status));
  } else {
    l->waits--;
    log_line(endpoint_log(&l->server->endpoint), WSUV_LOG_INFO, "accepting goes on");
    l->quiet = 0; /* it has to be looked at once more */
    if (l->server->draining) endpoint_schedule(&l->server->endpoint, &l->server->drain_task);
  }
}

static const ws_listener_events listener_events = {.on_accept = on_accept, .on_pause = on_pause};

/* Opening */

/* What the functions that listen have in common. */
typedef struct listen_input {
  wsuv_listen_options_t options; /* These are the program's options. */
  ws_listen_options socket;      /* This is what the environment is asked for. */
} listen_input;

static int read_input(listen_input *to, const wsuv_server_t *server,
                      const wsuv_listen_options_t *options, ws_why *why) {
  const wsuv_config_t *c = &server->endpoint.config;
  wsuv_listen_options_init(&to->options);
  memset(&to->socket, 0, sizeof to->socket);
  if (endpoint_lost(&server->endpoint)) return WS_ECANCELED;
  if (server->endpoint.closing || server->draining) return WSUV_ESTATE;
  int err = options != NULL ? sized_in(&to->options, &options_type, options, why) : 0;
  unsigned backlog = to->options.backlog > 0 ? to->options.backlog : c->backlog;
  if (backlog > INT32_MAX) return WS_EINVAL;
  to->socket.fd = -1;
  to->socket.backlog = (int) backlog;
  to->socket.reuse_port = c->reuse_port;
  to->socket.keep_path = to->options.keep_path;
  to->socket.socket.nodelay = c->tcp_nodelay;
  to->socket.socket.keepalive_s = c->tcp_keepalive_s;
  to->socket.socket.user_timeout_ms = c->tcp_user_timeout_ms;
  return err;
}

static int new_listener(wsuv_listener_t **out, wsuv_server_t *server, const listen_input *in,
                        ws_why *why) {
  bool secure = server->endpoint.config.tls != NULL && !in->options.plain;
  tls_context *tls;
  if (in->options.proxy_protocol && server->endpoint.config.trusted_proxy_count == 0) {
    ws_why_set(why, WS_EINVAL, "proxy_protocol without trusted_proxies");
    return WS_EINVAL;
  }
  int err = secure ? server_load_tls(server, &tls, why) : 0;
  if (err < 0) return err;
  if (secure) tls_context_unref(tls);
  wsuv_listener_t *l = ws_calloc(&server->endpoint.alloc, sizeof *l);
  if (l == NULL) return WS_ENOMEM;
  l->server = server;
  l->secure = secure;
  l->proxy_protocol = in->options.proxy_protocol;
  ws_list_init(&l->node);
  *out = l;
  return 0;
}

static int add_part(wsuv_listener_t *l, const ws_listen_options *socket) {
  int err = ops_of(l->server)->listen(l->server->endpoint.env, socket, &listener_events, l,
                                      &l->parts[l->count]);
  if (err == 0) l->count++;
  return err;
}

static void drop_parts(wsuv_listener_t *l) {
  while (l->count > 0) ops_of(l->server)->listener_free(l->parts[--l->count]);
}

static void free_listener(wsuv_listener_t *l) {
  drop_parts(l);
  ws_free(&l->server->endpoint.alloc, l);
}

static bool is_missing(int err) {
  return err == WS_EADDRNOTAVAIL || err == WS_EAFNOSUPPORT;
}

static int add_address(wsuv_listener_t *l, ws_listen_options *socket, const char *host,
                       unsigned port) {
  if (!address_parse(&socket->address, host, (uint16_t) port)) return WS_EINVAL;
  return add_part(l, socket);
}

/* Both families on one port. A free port of one may be taken in the other. */
static int add_localhost_once(wsuv_listener_t *l, ws_listen_options *socket, unsigned port) {
  struct sockaddr_storage bound;
  int err = add_address(l, socket, "127.0.0.1", port);
  if (err == 0) err = ops_of(l->server)->listener_address(l->parts[0], &bound);
  if (err < 0) return is_missing(err) ? add_address(l, socket, "::1", port) : err;
  err = add_address(l, socket, "::1", address_port(&bound));
  return is_missing(err) ? 0 : err;
}

static int add_localhost(wsuv_listener_t *l, ws_listen_options *socket, unsigned port) {
  int err = WS_EADDRINUSE;
  for (int n = 0; n < PORT_TRIES && err == WS_EADDRINUSE; n++) {
    drop_parts(l);
    err = add_localhost_once(l, socket, port);
    if (port != 0) break;
  }
  return err;
}

/* All addresses: one socket for both families, or IPv4 where there is no IPv6. */
static int add_any(wsuv_listener_t *l, ws_listen_options *socket, unsigned port) {
  socket->dual_stack = true;
  int err = add_address(l, socket, "::", port);
  return is_missing(err) ? add_address(l, socket, "0.0.0.0", port) : err;
}

static int add_host(wsuv_listener_t *l, ws_listen_options *socket, const char *host,
                    unsigned port) {
  if (port > UINT16_MAX) return WS_EINVAL;
  if (host == NULL) return add_any(l, socket, port);
  if (strcmp(host, "localhost") == 0) return add_localhost(l, socket, port);
  return add_address(l, socket, host, port);
}

/* Peers that have died without a word stay for ever if nothing asks for them. */
static void warn_once(wsuv_server_t *server) {
  const wsuv_config_t *c = &server->endpoint.config;
  if (server->warned || c->ping_interval_ms > 0 || c->idle_timeout_ms > 0) return;
  server->warned = true;
  log_line(endpoint_log(&server->endpoint), WSUV_LOG_WARN,
           "neither pings nor an idle timeout: peers that die without a word stay; "
           "ping_interval_ms of 25000 is recommended");
}

static int finish(wsuv_listener_t *l, wsuv_listener_t **out) {
  struct sockaddr_storage addr;
  char text[ADDRESS_TEXT_SIZE];
  int err = wsuv_listener_address(l, &addr);
  if (err < 0) return err;
  l->loopback = address_is_loopback(&addr);
  ws_list_append(&l->server->listeners, &l->node);
  endpoint_keep_loop_alive(&l->server->endpoint, true);
  address_print(text, &addr);
  log_line(endpoint_log(&l->server->endpoint), WSUV_LOG_INFO, "listening on %s port %u%s%s", text,
           (unsigned) address_port(&addr), l->proxy_protocol ? ", PROXY protocol" : "",
           l->secure ? ", TLS" : "");
  warn_once(l->server);
  if (out != NULL) *out = l;
  return 0;
}

int wsuv_server_listen(wsuv_server_t *server, const char *host, unsigned port,
                       wsuv_listener_t **listener) {
  return wsuv_server_listen_tcp(server, host, port, NULL, listener);
}

int wsuv_server_listen_tcp(wsuv_server_t *server, const char *host, unsigned port,
                           const wsuv_listen_options_t *options, wsuv_listener_t **listener) {
  listen_input in;
  wsuv_listener_t *l;
  ws_why why = {""};
  int err = read_input(&in, server, options, &why);
  if (err == 0) err = new_listener(&l, server, &in, &why);
  if (err != 0) return log_refusal(endpoint_log(&server->endpoint), err, &why);
  err = add_host(l, &in.socket, host, port);
  if (err == 0) err = finish(l, listener);
  if (err < 0) free_listener(l);
  return err;
}

static int listen_on(wsuv_server_t *server, const listen_input *in, wsuv_listener_t **listener,
                     ws_why *why) {
  wsuv_listener_t *l;
  int err = new_listener(&l, server, in, why);
  if (err != 0) return err;
  err = add_part(l, &in->socket);
  if (err == 0) err = finish(l, listener);
  if (err < 0) free_listener(l);
  return err;
}

int wsuv_server_listen_unix(wsuv_server_t *server, const char *path, unsigned mode,
                            const wsuv_listen_options_t *options, wsuv_listener_t **listener) {
  listen_input in;
  ws_why why = {""};
  int err = read_input(&in, server, options, &why);
  size_t len = path != NULL ? strlen(path) : 0;
  if (err == 0 && (len == 0 || len > ADDRESS_PATH_MAX)) return WS_EINVAL;
  if (err == 0) {
    address_of_path(&in.socket.address, path, len);
    in.socket.unix_mode = mode;
    err = listen_on(server, &in, listener, &why);
  }
  return err < 0 ? log_refusal(endpoint_log(&server->endpoint), err, &why) : 0;
}

int wsuv_server_listen_fd(wsuv_server_t *server, int fd, const wsuv_listen_options_t *options,
                          wsuv_listener_t **listener) {
  listen_input in;
  ws_why why = {""};
  int err = read_input(&in, server, options, &why);
  if (err == 0 && fd < 0) return WS_EINVAL;
  in.socket.fd = fd;
  if (err == 0) err = listen_on(server, &in, listener, &why);
  return err < 0 ? log_refusal(endpoint_log(&server->endpoint), err, &why) : 0;
}

/* Properties */

int wsuv_listener_address(const wsuv_listener_t *listener, struct sockaddr_storage *addr) {
  return ops_of(listener->server)->listener_address(listener->parts[0], addr);
}

int wsuv_listener_fd(const wsuv_listener_t *listener) {
  return ops_of(listener->server)->listener_fd(listener->parts[0]);
}

/* Closing */

static void close_listener(wsuv_listener_t *l) {
  endpoint *e = &l->server->endpoint;
  ws_list_remove(&l->node);
  free_listener(l);
  endpoint_keep_loop_alive(e, false);
}

/* If the server drains, this may have been the last thing that it waited for. */
void wsuv_listener_close(wsuv_listener_t *listener) {
  wsuv_server_t *server = listener->server;
  close_listener(listener);
  if (server->draining) endpoint_schedule(&server->endpoint, &server->drain_task);
}

void listener_close_all(wsuv_server_t *server) {
  while (!ws_list_empty(&server->listeners)) {
    close_listener(ws_list_entry(server->listeners.next, wsuv_listener_t, node));
  }
}

/* A tick runs before the loop polls. If another thread has woken the loop, a tick also runs while
   the events of a poll are handled, perhaps before those of the listener. So there may be three
   ticks without a whole poll between them. Before the fourth there was one, in which a connection
   that waited was accepted. */
bool listener_drain(wsuv_server_t *server) {
  ws_list *next;
  bool again = false;
  for (ws_list *n = server->listeners.next; n != &server->listeners; n = next) {
    wsuv_listener_t *l = ws_list_entry(n, wsuv_listener_t, node);
    next = n->next;
    if (l->waits > 0) continue;
    if (l->quiet++ < QUIET_TICKS) {
      again = true;
    } else {
      close_listener(l);
    }
  }
  return again;
}
