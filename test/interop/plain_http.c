/* A server for clients of HTTP: a route of WebSockets that echoes, and plain requests, which it
   answers at once or a little later. It prints "port N", and ends at SIGTERM. plain_http.py visits
   it. */

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <wsuv.h>

enum { LATER_MS = 20 };

typedef struct later {
  uv_timer_t timer;
  wsuv_exchange_t *exchange;
} later;

static void answer(wsuv_exchange_t *x, int status, const wsuv_header_t *header, const char *body,
                   size_t len) {
  int err = wsuv_exchange_respond(x, status, header, header != NULL ? 1 : 0, body, len);
  if (err < 0 && err != WSUV_ESTATE) {
    fprintf(stderr, "%s\n", wsuv_strerror(err));
    abort();
  }
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void on_timer(uv_timer_t *timer) {
  later *l = timer->data;
  answer(l->exchange, 200, NULL, "later\n", 6);
  uv_close((uv_handle_t *) timer, on_closed);
}

static void answer_later(wsuv_exchange_t *x) {
  later *l = calloc(1, sizeof *l);
  if (l == NULL) abort();
  l->exchange = x;
  l->timer.data = l;
  if (uv_timer_init(wsuv_server_loop(wsuv_exchange_server(x)), &l->timer) != 0 ||
      uv_timer_start(&l->timer, on_timer, LATER_MS, 0) != 0) {
    abort();
  }
}

/* The method and the path are the body. */
static void answer_words(wsuv_exchange_t *x) {
  static const wsuv_header_t text = {"Content-Type", "text/plain"};
  char body[200];
  int len = snprintf(body, sizeof body, "%s %s\n", wsuv_exchange_method(x), wsuv_exchange_path(x));
  answer(x, 200, &text, body, len < (int) sizeof body ? (size_t) len : sizeof body - 1);
}

static void on_request(wsuv_exchange_t *x) {
  static const char large[WSUV_EXCHANGE_BODY_MAX];
  static const wsuv_header_t tag = {"ETag", "\"1\""};
  const char *path = wsuv_exchange_path(x);
  if (wsuv_exchange_has_body(x)) {
    answer(x, 413, NULL, "no bodies\n", 10);
  } else if (strcmp(path, "/later") == 0) {
    answer_later(x);
  } else if (strcmp(path, "/large") == 0) {
    answer(x, 200, NULL, large, sizeof large);
  } else if (strcmp(path, "/cached") == 0) {
    bool same = wsuv_exchange_header(x, "If-None-Match") != NULL;
    answer(x, same ? 304 : 200, &tag, same ? NULL : "fresh\n", same ? 0 : 6);
  } else if (strcmp(path, "/empty") == 0) {
    answer(x, 204, NULL, NULL, 0);
  } else if (strcmp(path, "/declined") == 0) {
    (void) wsuv_exchange_decline(x); /* without memory the test fails, by the deadline */
  } else {
    answer_words(x);
  }
}

static void echo(wsuv_session_t *session, const wsuv_message_t *m) {
  (void) wsuv_send_message(session, m->type, m->data, m->len); /* the peer may have gone */
}

static void on_signal(uv_signal_t *handle, int number) {
  wsuv_server_t *server = handle->data;
  (void) number;
  uv_close((uv_handle_t *) handle, NULL);
  if (wsuv_server_close(server, NULL, NULL) < 0) abort();
}

int main(void) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_message = echo};
  struct sockaddr_storage address;
  wsuv_server_t *server;
  wsuv_listener_t *listener;
  uv_signal_t terminated;
  uv_loop_t *loop = uv_default_loop();
  signal(SIGPIPE, SIG_IGN);
  if (wsuv_server_new(&server, loop, NULL) < 0) return 1;
  wsuv_server_on_request(server, on_request);
  if (wsuv_server_route(server, "/echo", &callbacks, NULL) < 0 ||
      wsuv_server_listen(server, "127.0.0.1", 0, &listener) < 0 ||
      wsuv_listener_address(listener, &address) < 0 || uv_signal_init(loop, &terminated) != 0 ||
      uv_signal_start(&terminated, on_signal, SIGTERM) != 0) {
    return 1;
  }
  terminated.data = server;
  printf("port %u\n", (unsigned) ntohs(((struct sockaddr_in *) (void *) &address)->sin_port));
  fflush(stdout);
  int left = uv_run(loop, UV_RUN_DEFAULT);
  return left != 0 || uv_loop_close(loop) != 0;
}
