#include "net/uv/listen.h"

#include <uv.h>

#include "base/error.h"
#include "net/acceptor.h"
#include "net/uv/listen_socket.h"
#include "net/uv/loop.h"
#include "net/uv/pipe.h"
#include "net/uv/tcp.h"

/* A poll handle on the listening socket. uv_listen() is not used: when there is no descriptor for a
   connection, it accepts and closes all that wait, and reports nothing. */

typedef struct uv_listener {
  ws_listener head;     /* This must be the first field, because its address is freed. */
  uv_poll_t poll;       /* This handle is active while connections are accepted. */
  own_handle own;       /* This closes `poll`. */
  listen_socket socket; /* Connections wait here. */
} uv_listener;

static uv_listener *uv_listener_of(ws_listener *l) {
  return (uv_listener *) (void *) l;
}

static const listen_socket *socket_of(const ws_listener *l) {
  return &((const uv_listener *) (const void *) l)->socket;
}

static int accept_next(ws_listener *head, ws_filter **out, struct sockaddr_storage *peer) {
  const uv_listener *l = uv_listener_of(head);
  env_uv *e = env_uv_of(head->env);
  if (l->socket.family == AF_UNIX) return pipe_accept(e, l->socket.fd, peer, out);
  return tcp_accept(e, l->socket.fd, &l->socket.options, peer, out);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  uv_listener *l = poll->data;
  (void) events;
  acceptor_ready(&l->head, status);
}

/* A handle that the program has closed may not be started or stopped. */
static void set_polling(ws_listener *head, bool on) {
  uv_listener *l = uv_listener_of(head);
  if (handle_lost(&l->own)) return;
  if (on) {
    uv_poll_start(&l->poll, UV_READABLE, on_poll);
  } else {
    uv_poll_stop(&l->poll);
  }
}

static const acceptor_ops listen_ops = {accept_next, set_polling};

/* A descriptor that is taken over stays open if it cannot be polled. */
static int listen_open(uv_listener *l, env_uv *e, const ws_listen_options *options) {
  int err = listen_socket_open(&l->socket, e->env.alloc, options);
  if (err < 0) return err;
  err = uv_poll_init(e->loop, &l->poll, l->socket.fd);
  if (err < 0 && options->fd < 0) listen_socket_close(&l->socket);
  return err;
}

int listen_start(ws_env *env, const ws_listen_options *options, const ws_listener_events *events,
                 void *up, ws_listener **out) {
  env_uv *e = env_uv_of(env);
  if (env_uv_is_lost(e)) return WS_ECANCELED;
  uv_listener *l = env_uv_alloc(e, sizeof *l);
  if (l == NULL) return WS_ENOMEM;
  int err = acceptor_init(&l->head, env, &listen_ops, events, up);
  if (err < 0) goto no_acceptor;
  err = listen_open(l, e, options);
  if (err < 0) goto no_socket;
  l->own.uv = (uv_handle_t *) &l->poll;
  l->poll.data = l;
  uv_unref(l->own.uv); /* see `keep_alive` in base/env.h */
  acceptor_start(&l->head);
  *out = &l->head;
  return 0;

no_socket:
  acceptor_free(&l->head);
no_acceptor:
  env_uv_free(e, l);
  return err;
}

int listen_address(const ws_listener *l, struct sockaddr_storage *addr) {
  return listen_socket_address(socket_of(l), addr);
}

int listen_fd(const ws_listener *l) {
  return socket_of(l)->fd;
}

static void on_poll_closed(own_handle *h) {
  uv_listener *l = ws_list_entry(h, uv_listener, own);
  env_uv_free(env_uv_of(l->head.env), l);
}

/* libuv uses the descriptor no more once the handle is closing. */
void listen_free(ws_listener *l) {
  if (l == NULL) return;
  uv_listener *own = uv_listener_of(l);
  acceptor_free(l);
  handle_close(&env_uv_of(l->env)->handles, &own->own, on_poll_closed);
  listen_socket_close(&own->socket);
}
