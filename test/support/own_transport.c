#include "support/own_transport.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "testkit/check.h"

enum { LATER_MS = 1 };

/* --- reports --- */

static int report_received(own_transport *o, const uint8_t *data, size_t len) {
  o->reporting = true;
  int err = wsuv_transport_received(o->t, data, len);
  o->reporting = false;
  return err;
}

static void report_written(own_transport *o, int status) {
  o->reporting = true;
  CHECK(wsuv_transport_written(o->t, status) == 0);
  CHECK(wsuv_transport_written(o->t, status) == WSUV_ESTATE);
  o->reporting = false;
}

static void report_closed(own_transport *o) {
  o->reporting = true;
  CHECK(wsuv_transport_received(o->t, "x", 1) == WSUV_ESTATE);
  CHECK(wsuv_transport_ended(o->t, 0) == WSUV_ESTATE);
  CHECK(wsuv_transport_written(o->t, 0) == WSUV_ESTATE);
  CHECK(wsuv_transport_closed(o->t) == 0);
  CHECK(wsuv_transport_closed(o->t) == WSUV_ESTATE);
  o->reporting = false;
  o->t = NULL;
  o->gone = true;
}

/* --- memory that is kept --- */

static void keep(own_transport *o, const wsuv_piece_t *pieces, size_t count) {
  CHECK(count <= sizeof o->kept_at / sizeof o->kept_at[0]);
  for (size_t i = 0; i < count; i++) {
    o->kept_at[i] = pieces[i].data;
    o->kept_len[i] = pieces[i].len;
    bytes_add(&o->kept, pieces[i].data, pieces[i].len);
  }
  o->kept_count = count;
}

static void let_go(own_transport *o) {
  size_t at = 0;
  for (size_t i = 0; i < o->kept_count; i++) {
    CHECK(memcmp(o->kept_at[i], o->kept.base + at, o->kept_len[i]) == 0);
    at += o->kept_len[i];
  }
  bytes_free(&o->kept);
  o->kept_count = 0;
}

static void on_write_timer(void *data) {
  own_transport *o = data;
  o->write_timer = NULL;
  if (o->fails_later == 0) o->wire->ops->write(o->wire, o->kept.base, o->kept.len);
  let_go(o);
  report_written(o, o->fails_later);
}

static void on_close_timer(void *data) {
  own_transport *o = data;
  o->close_timer = NULL;
  let_go(o);
  report_closed(o);
}

/* --- the functions of the table --- */

static own_transport *called(void *data) {
  own_transport *o = data;
  CHECK(!o->reporting && !o->closed);
  return o;
}

static void run_at_call(own_transport *o) {
  if (o->at_call != NULL) o->at_call(o);
}

/* The session has ended inside of `write`, which returns what the pace says all the same. */
static int write_closed(own_transport *o, const wsuv_piece_t *pieces, size_t count) {
  if (o->pace == OWN_AT_ONCE || !o->closes_later) return o->fails;
  keep(o, pieces, count);
  return WSUV_TRANSPORT_LATER;
}

static int own_write(void *data, const wsuv_piece_t *pieces, size_t count) {
  own_transport *o = called(data);
  size_t len = 0;
  CHECK(o->kept_count == 0 && count > 0 && o->shuts == 0 && !o->writing);
  o->writes++;
  o->writing = true;
  if (o->at_write != NULL) o->at_write(o);
  run_at_call(o);
  o->writing = false;
  if (o->closed) return write_closed(o, pieces, count);
  if (o->fails < 0) return o->fails;
  for (size_t i = 0; i < count; i++) {
    CHECK(pieces[i].data != NULL && pieces[i].len > 0);
    if (o->pace != OWN_LATER) o->wire->ops->write(o->wire, pieces[i].data, pieces[i].len);
    len += pieces[i].len;
  }
  CHECK(len <= WSUV_TRANSPORT_WRITE_MAX);
  o->written += len;
  if (o->pace == OWN_AT_ONCE) return 0;
  if (o->pace == OWN_INSIDE) report_written(o, o->fails_later);
  if (o->pace == OWN_LATER) {
    keep(o, pieces, count);
    o->write_timer = world_after(o->w, LATER_MS, on_write_timer, o);
  }
  return WSUV_TRANSPORT_LATER;
}

static void own_read(void *data, bool on) {
  own_transport *o = called(data);
  CHECK(o->reading != on);
  o->reads++;
  o->reading = on;
  o->wire->ops->read(o->wire, on);
  run_at_call(o);
}

static void own_shutdown(void *data) {
  own_transport *o = called(data);
  CHECK(o->shuts == 0 && o->kept_count == 0);
  o->shuts++;
  o->wire->ops->end(o->wire);
  run_at_call(o);
}

static void own_close(void *data) {
  own_transport *o = called(data);
  o->closed = true;
  o->closes++;
  if (o->at_close != NULL) o->at_close(o);
  run_at_call(o);
  if (o->write_timer != NULL) world_cancel(o->w, o->write_timer);
  o->write_timer = NULL;
  o->wire->ops->close(o->wire);
  o->wire = NULL;
  if (o->closes_later) {
    o->close_timer = world_after(o->w, LATER_MS, on_close_timer, o);
  } else {
    let_go(o);
    report_closed(o);
  }
}

static int own_peer_address(void *data, struct sockaddr_storage *addr) {
  const own_transport *o = data;
  CHECK(!o->closed);
  *addr = o->peer;
  return 0;
}

/* --- the wire --- */

static void on_data(void *up, const uint8_t *data, size_t len) {
  own_transport *o = up;
  if (o->t == NULL) {
    bytes_add(&o->received, data, len);
  } else if (o->one_by_one) {
    for (size_t i = 0; i < len; i++) CHECK(report_received(o, data + i, 1) == 0);
  } else {
    int err = report_received(o, data, len);
    CHECK(err == 0 || (err == UV_ENOMEM && o->w->alloc->failed > 0));
    if (err < 0) CHECK(wsuv_transport_ended(o->t, err) == 0);
  }
}

static void on_end(void *up, int status) {
  own_transport *o = up;
  CHECK(o->t != NULL);
  o->reporting = true;
  int err = wsuv_transport_ended(o->t, status);
  CHECK(err == 0 || (err == WSUV_ESTATE && o->w->alloc->failed > 0));
  CHECK(wsuv_transport_ended(o->t, status) == WSUV_ESTATE);
  CHECK(wsuv_transport_received(o->t, "x", 1) == WSUV_ESTATE);
  o->reporting = false;
}

static const wire_events events = {.on_data = on_data, .on_end = on_end};

static void use_wire(own_transport *o, wire *end) {
  o->wire = end;
  end->events = &events;
  end->up = o;
}

static void on_accept(void *up, wire *end) {
  own_transport *o = up;
  CHECK(o->wire == NULL);
  use_wire(o, end);
}

/* --- beginning --- */

void own_transport_init(own_transport *o, world *w) {
  struct sockaddr_in *in = (struct sockaddr_in *) (void *) &o->peer;
  *o = (own_transport){.w = w};
  in->sin_family = AF_INET;
  in->sin_addr.s_addr = htonl(0xc0000207); /* 192.0.2.7 */
  wsuv_transport_ops_init(&o->ops);
  o->ops.write = own_write;
  o->ops.read = own_read;
  o->ops.shutdown = own_shutdown;
  o->ops.close = own_close;
  o->ops.peer_address = own_peer_address;
}

void own_transport_listen(own_transport *o, world *w, server_user *s) {
  uint16_t port;
  struct sockaddr_in *in = (struct sockaddr_in *) (void *) &s->address;
  own_transport_init(o, w);
  (void) server_user_server(s); /* it is made, and s->server is it */
  o->listener = world_listen(w, "127.0.0.1", 0, on_accept, o, &port);
  *in = (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

void own_transport_connect(own_transport *o, const struct sockaddr_storage *addr) {
  use_wire(o, world_connect(o->w, (const struct sockaddr *) addr));
}

static bool is_accepted(void *transport) {
  return ((own_transport *) transport)->wire != NULL;
}

static bool has_head(void *transport) {
  own_transport *o = transport;
  return parsed_head_read(&o->head, &o->received);
}

void own_transport_parse(own_transport *o) {
  world_run_until(o->w, is_accepted, o);
  o->wire->ops->read(o->wire, true);
  world_run_until(o->w, has_head, o);
  o->wire->ops->read(o->wire, false);
}

int own_transport_upgrade(own_transport *o, server_user *s) {
  o->reporting = true;
  call_begins();
  int err = wsuv_server_upgrade_transport(s->server, &o->ops, o, &o->head.request,
                                          bytes_text(&o->received) + o->head.len,
                                          o->received.len - o->head.len, &o->t);
  call_ends();
  o->reporting = false;
  return err;
}

/* --- ending --- */

void own_transport_run_to_closed(own_transport *o) {
  world_run_until_true(o->w, &o->gone);
}

void own_transport_finish(own_transport *o) {
  if (o->t != NULL) own_transport_run_to_closed(o);
  if (o->wire != NULL) o->wire->ops->close(o->wire);
  if (o->listener != NULL) world_unlisten(o->w, o->listener);
  CHECK(o->kept_count == 0);
  bytes_free(&o->received);
  parsed_head_free(&o->head);
}
