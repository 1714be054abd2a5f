#include "support/echo_server.h"

/* The echo server: libuv's streams below, the opening handshake and the protocol core in the
   server's role above. It knows nothing of lib/net and lib/session, so that a client is tested
   against the protocol alone. */

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/list.h"
#include "proto/frame/conn.h"
#include "proto/handshake/h1_server.h"
#include "proto/handshake/refused.h"

enum {
  READ_SIZE = 64 * 1024,          /* bytes */
  QUEUE_MAX = 1024 * 1024,        /* a peer that more bytes wait for is not read */
  MESSAGE_MAX = 64 * 1024 * 1024, /* bytes */
  FRAGMENTS_MAX = 1024 * 1024,    /* of one message */
  REQUEST_MAX = 16 * 1024,        /* bytes */
  FIELDS_MAX = 100,               /* of one request */
  PIECES_MAX = 16,                /* of the queue, for one system call */
  RETAIN_PIECES = 4,              /* handed down at once when the socket is full */
  BACKLOG = 1024,                 /* connections */
  END_MS = 1000                   /* for a peer to end the connection */
};

typedef enum peer_state {
  PEER_HANDSHAKE, /* the request is not complete */
  PEER_OPEN,      /* frames go both ways; our close frame may have gone already */
  PEER_LEAVING,   /* close frames went both ways: the end comes behind what is queued */
  PEER_FAILED,    /* the same, but input is discarded until the peer's end, lest a reset eat what
                     was sent last */
  PEER_GONE
} peer_state;

typedef struct peer {
  ws_list node;
  echo_server *server;
  uv_tcp_t tcp;
  uv_timer_t deadline;
  uv_write_t write;
  uv_shutdown_t shutdown;
  h1_server *handshake; /* until it is answered */
  conn conn;
  peer_state state;
  unsigned handles; /* that are not closed yet */
  bool reading;
  bool shut;
} peer;

struct echo_server {
  ws_env env; /* for the core; a server takes nothing from it but the allocator */
  uv_tcp_t listener;
  conn_shared shared;
  ws_list peers;
  const char *const *subprotocols;
  size_t subprotocol_count;
  extension_list *extensions; /* or NULL */
  echo_server_cb on_stopped;
  uint16_t port;
  bool closed; /* the listener is */
  uint8_t input[READ_SIZE];
};

static const message_limits limits = {MESSAGE_MAX, MESSAGE_MAX, FRAGMENTS_MAX};

static uv_stream_t *peer_stream(peer *p) {
  return (uv_stream_t *) &p->tcp;
}

/* --- the end of a peer, and of the server --- */

static void server_try_free(echo_server *s) {
  if (!s->closed || !ws_list_empty(&s->peers)) return;
  extension_list_unref(s->extensions);
  conn_shared_free(&s->shared);
  if (s->on_stopped != NULL) s->on_stopped(s);
  ws_free(s->env.alloc, s);
}

static void on_peer_closed(uv_handle_t *handle) {
  peer *p = handle->data;
  echo_server *s = p->server;
  if (--p->handles > 0) return;
  ws_list_remove(&p->node);
  h1_server_free(p->handshake);
  conn_free(&p->conn);
  ws_free(s->env.alloc, p);
  server_try_free(s);
}

static void on_deadline(uv_timer_t *timer);

/* Every change of state goes through here. */
static void peer_become(peer *p, peer_state state) {
  if (p->state == PEER_GONE) return;
  p->state = state;
  switch (state) {
  case PEER_HANDSHAKE:
  case PEER_OPEN: break;
  case PEER_LEAVING:
  case PEER_FAILED: uv_timer_start(&p->deadline, on_deadline, END_MS, 0); break;
  case PEER_GONE:
    uv_close((uv_handle_t *) &p->tcp, on_peer_closed);
    uv_close((uv_handle_t *) &p->deadline, on_peer_closed);
    break;
  }
}

static void peer_drop(peer *p) {
  peer_become(p, PEER_GONE);
}

static void on_deadline(uv_timer_t *timer) {
  peer_drop(timer->data);
}

/* --- writing --- */

static void peer_flush(peer *p);

static void on_written(uv_write_t *write, int status) {
  peer *p = write->data;
  if (p->state == PEER_GONE) return;
  if (status < 0) {
    peer_drop(p);
    return;
  }
  out_queue_release(&p->conn.out);
  peer_flush(p);
}

/* The front of the queue for libuv: returns the number of pieces, and their bytes in *total. */
static unsigned peek(peer *p, uv_buf_t *bufs, size_t max, size_t *total) {
  ws_view pieces[PIECES_MAX];
  size_t n = out_queue_peek(&p->conn.out, pieces, max);
  *total = 0;
  for (size_t i = 0; i < n; i++) {
    bufs[i] = uv_buf_init((char *) pieces[i].base, (unsigned) pieces[i].len);
    *total += pieces[i].len;
  }
  return (unsigned) n;
}

/* The socket is full: leave the front of the queue to libuv. */
static int hold_front(peer *p) {
  uv_buf_t bufs[RETAIN_PIECES];
  size_t total;
  unsigned n = peek(p, bufs, RETAIN_PIECES, &total);
  out_queue_retain(&p->conn.out, total);
  return uv_write(&p->write, peer_stream(p), bufs, n, on_written);
}

/* 1: the queue is empty; 0: there is more, or libuv holds the front; or a code. */
static int write_some(peer *p) {
  uv_buf_t bufs[PIECES_MAX];
  size_t total;
  unsigned n = peek(p, bufs, PIECES_MAX, &total);
  if (n == 0) return 1;
  int r = uv_try_write(peer_stream(p), bufs, n);
  if (r < 0 && r != UV_EAGAIN) return r;
  size_t taken = r > 0 ? (size_t) r : 0;
  out_queue_written(&p->conn.out, taken);
  return taken < total ? hold_front(p) : 0;
}

/* All that was queued is in the kernel's hands. */
static void peer_flushed(peer *p) {
  if (p->state == PEER_LEAVING) peer_drop(p);
  if (p->state != PEER_FAILED || p->shut) return;
  p->shut = true;
  if (uv_shutdown(&p->shutdown, peer_stream(p), NULL) < 0) peer_drop(p);
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static bool wants_input(const peer *p) {
  switch (p->state) {
  case PEER_HANDSHAKE:
  case PEER_OPEN: return out_queue_len(&p->conn.out) <= QUEUE_MAX;
  case PEER_FAILED: return true;
  case PEER_LEAVING:
  case PEER_GONE: break;
  }
  return false;
}

static void peer_regulate(peer *p) {
  bool wanted = wants_input(p);
  if (p->state == PEER_GONE || wanted == p->reading) return;
  p->reading = wanted;
  if (!wanted) {
    uv_read_stop(peer_stream(p));
  } else if (uv_read_start(peer_stream(p), on_alloc, on_read) < 0) {
    peer_drop(p);
  }
}

static void peer_flush(peer *p) {
  int r = 0;
  while (r == 0 && !out_queue_retained(&p->conn.out)) r = write_some(p);
  if (r < 0) peer_drop(p);
  if (r > 0) peer_flushed(p);
  peer_regulate(p);
}

/* The rest of a large payload is read to where it is assembled. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  peer *p = handle->data;
  uint8_t *dst = p->server->input;
  size_t room = 0;
  (void) suggested;
  if (p->state == PEER_OPEN) room = conn_recv_target(&p->conn, READ_SIZE, &dst);
  if (room == 0) {
    dst = p->server->input;
    room = READ_SIZE;
  }
  *buf = uv_buf_init((char *) dst, (unsigned) (room < INT_MAX ? room : INT_MAX));
}

/* What was asked for before the close is answered before it, as far as the kernel takes it. */
static void peer_leaves(peer *p) {
  peer_flush(p);
  peer_become(p, PEER_LEAVING);
  conn_dropped dropped;
  if (conn_answer_close(&p->conn, &dropped) < 0) peer_drop(p);
}

static void peer_event(peer *p, const conn_event *ev) {
  if (ev->type == CONN_EVENT_CLOSE) peer_leaves(p);
  if (ev->type != CONN_EVENT_MESSAGE) return;
  int r = conn_send(&p->conn, (frame_opcode) ev->opcode, true, ev->data, ev->len);
  if (r < 0 && r != WSUV_ESTATE) peer_drop(p);
}

static void peer_frames(peer *p, uint8_t *data, size_t n) {
  conn_event ev;
  int r;
  conn_recv(&p->conn, data, n);
  while ((r = conn_next_event(&p->conn, &ev)) == 1) {
    peer_event(p, &ev);
  }
  if (r < 0) peer_become(p, PEER_FAILED);
}

/* --- the opening handshake --- */

static const char *choose_subprotocol(const echo_server *s, h1_server *h) {
  const char *offered;
  for (size_t n = 0; (offered = h1_server_offered(h, n)) != NULL; n++) {
    for (size_t i = 0; i < s->subprotocol_count; i++)
      if (strcmp(offered, s->subprotocols[i]) == 0) return s->subprotocols[i];
  }
  return NULL;
}

static int make_refusal(peer *p, int status) {
  static const char body[] = "refused\n";
  peer_become(p, PEER_FAILED);
  return h1_server_reject(p->handshake, status, NULL, 0, body, sizeof body - 1);
}

static int make_answer(peer *p) {
  static const char refuse[] = "/refuse";
  const ws_text path = h1_server_path(p->handshake), query = h1_server_query(p->handshake);
  if (path.len == sizeof refuse - 1 && memcmp(path.base, refuse, path.len) == 0) {
    const char *status = query.len > 0 ? memchr(query.base, '=', query.len) : NULL;
    return make_refusal(p, status != NULL ? (int) strtol(status + 1, NULL, 10) : 0);
  }
  peer_become(p, PEER_OPEN);
  return h1_server_accept(p->handshake, choose_subprotocol(p->server, p->handshake),
                          p->server->extensions, NULL, 0);
}

static int take_result(peer *p) {
  handshake_result *result;
  int r = h1_server_result(p->handshake, &result);
  if (r < 0) return r;
  conn_set_extensions(&p->conn, result->extensions);
  result->extensions = NULL;
  handshake_result_free(result);
  return 0;
}

static int queue_answer(peer *p) {
  size_t len;
  const char *answer = h1_server_answer(p->handshake, &len);
  int r = out_queue_raw(&p->conn.out, answer, len);
  if (r == 0 && p->state == PEER_OPEN) r = take_result(p);
  h1_server_free(p->handshake);
  p->handshake = NULL;
  return r;
}

static void peer_handshake(peer *p, uint8_t *data, size_t n) {
  size_t used = 0;
  int r = h1_server_feed(p->handshake, data, n, &used);
  if (r == 0) return;
  const wsuv_refused_t cause = h1_server_cause(p->handshake);
  r = cause == WSUV_REFUSED_NONE ? make_answer(p) : make_refusal(p, refused_status(cause));
  if (r == 0) r = queue_answer(p);
  if (r < 0) peer_drop(p);
  if (p->state == PEER_OPEN && used < n) peer_frames(p, data + used, n - used);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  peer *p = stream->data;
  if (n == 0) return;
  if (n < 0) {
    peer_drop(p);
    return;
  }
  if (p->state == PEER_HANDSHAKE) {
    peer_handshake(p, (uint8_t *) buf->base, (size_t) n);
  } else if (p->state == PEER_OPEN) {
    peer_frames(p, (uint8_t *) buf->base, (size_t) n);
  }
  if (p->state != PEER_GONE) peer_flush(p);
}

/* --- the beginning of a peer, and of the server --- */

static int peer_start(peer *p) {
  const h1_server_limits request = {REQUEST_MAX, FIELDS_MAX};
  int r = uv_accept((uv_stream_t *) &p->server->listener, peer_stream(p));
  if (r == 0) r = uv_tcp_nodelay(&p->tcp, 1);
  if (r == 0) r = h1_server_new(&p->handshake, p->server->env.alloc, &request);
  return r;
}

static void peer_init(peer *p, echo_server *s) {
  p->server = s;
  uv_tcp_init(s->listener.loop, &p->tcp);
  uv_timer_init(s->listener.loop, &p->deadline);
  p->tcp.data = p->deadline.data = p->write.data = p;
  p->handles = 2;
  conn_init(&p->conn, &s->shared, WS_SERVER, false, &limits, NULL);
  ws_list_append(&s->peers, &p->node);
}

/* Without memory the connection, and those behind it, wait for ever: clients have deadlines. */
static void on_connection(uv_stream_t *listener, int status) {
  echo_server *s = listener->data;
  peer *p = status == 0 ? ws_calloc(s->env.alloc, sizeof *p) : NULL;
  if (p == NULL) return;
  peer_init(p, s);
  if (peer_start(p) < 0) peer_drop(p);
  peer_regulate(p);
}

static int server_listen(echo_server *s, uint16_t port) {
  struct sockaddr_in addr;
  int len = sizeof addr;
  int r = uv_ip4_addr("127.0.0.1", port, &addr);
  if (r == 0) r = uv_tcp_bind(&s->listener, (const struct sockaddr *) &addr, 0);
  if (r == 0) r = uv_listen((uv_stream_t *) &s->listener, BACKLOG, on_connection);
  if (r == 0) r = uv_tcp_getsockname(&s->listener, (struct sockaddr *) &addr, &len);
  if (r == 0) s->port = ntohs(addr.sin_port);
  return r;
}

static int random_bytes(ws_env *env, void *buf, size_t len) {
  (void) env;
  return uv_random(NULL, NULL, buf, len, 0, NULL) == 0 ? 0 : WSUV_ERANDOM;
}

int echo_server_start(uv_loop_t *loop, const wsuv_allocator_t *alloc, uint16_t port,
                      echo_server **out) {
  static const ws_env_ops ops = {.random = random_bytes};
  echo_server *s = ws_calloc(alloc, sizeof *s);
  if (s == NULL) return UV_ENOMEM;
  s->env = (ws_env){.ops = &ops, .alloc = alloc};
  conn_shared_init(&s->shared, &s->env);
  ws_list_init(&s->peers);
  uv_tcp_init(loop, &s->listener);
  s->listener.data = s;
  int r = server_listen(s, port);
  if (r < 0) {
    echo_server_stop(s, NULL);
  } else {
    *out = s;
  }
  return r;
}

uint16_t echo_server_port(const echo_server *server) {
  return server->port;
}

void echo_server_subprotocols(echo_server *server, const char *const *names, size_t count) {
  server->subprotocols = names;
  server->subprotocol_count = count;
}

int echo_server_extensions(echo_server *server, const wsuv_extension_t *const *extensions,
                           size_t count) {
  extension_list *list;
  int r = extension_list_new(&list, server->env.alloc, extensions, count);
  if (r < 0) return r;
  extension_list_unref(server->extensions);
  server->extensions = list;
  return 0;
}

static void peer_stop(peer *p) {
  if (p->state == PEER_HANDSHAKE) peer_drop(p);
  if (p->state != PEER_OPEN) return;
  uv_timer_start(&p->deadline, on_deadline, END_MS, 0);
  if (conn_close(&p->conn, WSUV_CLOSE_GOING_AWAY, "", 0) < 0) peer_drop(p);
  if (p->state != PEER_GONE) peer_flush(p);
}

static void on_listener_closed(uv_handle_t *handle) {
  echo_server *s = handle->data;
  s->closed = true;
  server_try_free(s);
}

void echo_server_stop(echo_server *server, echo_server_cb cb) {
  server->on_stopped = cb;
  uv_close((uv_handle_t *) &server->listener, on_listener_closed);
  for (ws_list *node = server->peers.next; node != &server->peers; node = node->next)
    peer_stop(ws_list_entry(node, peer, node));
}
