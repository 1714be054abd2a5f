#include "wsuv_dial.h"

#include <stdio.h>
#include <string.h>

static void try_next(dial *d);

/* --- the end --- */

static void end(dial *d) {
  uv_freeaddrinfo(d->addresses);
  d->addresses = NULL;
  d->events->on_gone(d);
}

static void on_closed(uv_handle_t *handle) {
  dial *d = handle->data;
  d->has_handle = false;
  if (d->closed) {
    end(d);
  } else {
    try_next(d);
  }
}

/* The handle is used again, or on_gone() is called. */
static void close_socket(dial *d) {
  if (uv_is_closing(&d->socket.handle)) return;
  d->socket.handle.data = d;
  uv_close(&d->socket.handle, on_closed);
}

int dial_close(dial *d, bool reset) {
  if (d->closed) return 0;
  d->closed = true;
  if (d->looking) return uv_cancel((uv_req_t *) &d->lookup);
  if (!d->has_handle) {
    end(d);
  } else if (!reset || !d->is_tcp || uv_is_closing(&d->socket.handle)) {
    close_socket(d);
  } else {
    d->socket.handle.data = d;
    if (uv_tcp_close_reset(&d->socket.tcp, on_closed) < 0) close_socket(d);
  }
  return 0;
}

/* --- connecting --- */

static void on_connect(uv_connect_t *request, int status) {
  dial *d = request->data;
  if (d->closed || status == UV_ECANCELED) return; /* the handle is closing */
  d->status = status;
  if (status == 0 || !d->is_tcp) {
    d->events->on_done(d, status);
  } else {
    close_socket(d);
  }
}

/* With the next address, when the handle of the one before is closed. */
static void try_next(dial *d) {
  int err = UV_EADDRNOTAVAIL;
  while (d->next != NULL) {
    const struct addrinfo *address = d->next;
    d->next = address->ai_next;
    err = uv_tcp_init(d->loop, &d->socket.tcp);
    d->has_handle = d->is_tcp = err == 0;
    d->socket.handle.data = d->request.data = d;
    if (err == 0) err = uv_tcp_connect(&d->request, &d->socket.tcp, address->ai_addr, on_connect);
    if (err == 0) return;
    d->status = err;
    if (d->has_handle) {
      close_socket(d);
      return;
    }
  }
  d->events->on_done(d, d->status < 0 ? d->status : err);
}

static void on_lookup(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses) {
  dial *d = request->data;
  d->looking = false;
  d->addresses = addresses;
  d->next = addresses;
  if (d->closed) {
    end(d);
  } else if (status < 0) {
    d->events->on_done(d, status);
  } else {
    try_next(d);
  }
}

static int start_lookup(dial *d, const endpoint *to) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  char port[16];
  snprintf(port, sizeof port, "%u", to->port);
  d->lookup.data = d;
  int err = uv_getaddrinfo(d->loop, &d->lookup, on_lookup, to->host, port, &hints);
  d->looking = err == 0;
  return err;
}

int dial_start(dial *d, uv_loop_t *loop, const endpoint *to) {
  d->loop = loop;
  if (to->path == NULL) return start_lookup(d, to);
  int err = uv_pipe_init(loop, &d->socket.pipe, 0);
  if (err < 0) return err;
  d->has_handle = true;
  d->socket.handle.data = d->request.data = d;
  uv_pipe_connect(&d->request, &d->socket.pipe, to->path, on_connect);
  return 0;
}
