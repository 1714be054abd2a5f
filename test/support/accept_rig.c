#include "support/accept_rig.h"

/* Both ends of connections, as users of filters. */

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/address.h"
#include "testkit/check.h"
#include "testkit/sim_internal.h"

/* --- ends --- */

static void on_alloc(void *up, ws_room *buf) {
  rig_end *end = up;
  *buf = (ws_room){end->memory, RIG_HELLO - end->got};
}

static void on_close(void *up) {
  rig_end *end = up;
  end->rig->open--;
}

void rig_end_close(rig_end *end) {
  ws_filter *f = end->f;
  end->f = NULL;
  if (f != NULL) f->ops->close(f);
}

static void on_write(void *up, int status) {
  (void) up;
  (void) status;
}

static void send_hello(rig_end *end) {
  const ws_view buf = {(const uint8_t *) end->hello, RIG_HELLO};
  size_t taken, retained;
  (void) end->f->ops->write(end->f, &buf, 1, &taken, &retained);
}

static bool take(rig_end *end, const uint8_t *data, ptrdiff_t n) {
  if (n <= 0) {
    end->failed = true;
    rig_end_close(end);
    return false;
  }
  memcpy(end->hello + end->got, data, (size_t) n);
  end->got += (size_t) n;
  if (end->got < RIG_HELLO) return false;
  end->f->ops->read_stop(end->f);
  return true;
}

static size_t number_in(const rig_end *end) {
  uint32_t n;
  memcpy(&n, end->hello, sizeof n);
  return n;
}

/* --- the accepted end --- */

static void on_accepted_read(void *up, uint8_t *data, ptrdiff_t n) {
  rig_end *end = up;
  if (!take(end, data, n)) return;
  end->number = number_in(end);
  end->rig->received++;
  send_hello(end);
}

static const ws_filter_events accepted_events = {
    .on_alloc = on_alloc, .on_read = on_accepted_read, .on_write = on_write, .on_close = on_close};

static void on_accept(void *up, ws_filter *f, const struct sockaddr_storage *peer) {
  accept_rig *r = up;
  CHECK(r->accepted_count < RIG_CONNS_MAX);
  rig_end *end = &r->accepted[r->accepted_count++];
  *end = (rig_end){.rig = r, .f = f, .peer = *peer};
  f->events = &accepted_events;
  f->up = end;
  r->open++;
  CHECK(f->ops->read_start(f) == 0);
  if (r->at_accept != NULL) r->at_accept(r, end);
}

static void on_pause(void *up, int status) {
  accept_rig *r = up;
  if (status == 0) r->resumes++;
  if (status != 0) r->pauses++;
  if (status != 0) r->pause_status = status;
  if (r->at_pause != NULL) r->at_pause(r, status);
}

static const ws_listener_events listener_events = {on_accept, on_pause};

/* --- the client's end --- */

static void client_failed(rig_end *end) {
  end->failed = true;
  end->rig->client_failures++;
  rig_end_close(end);
}

static void on_connect(void *up, int status) {
  rig_end *end = up;
  if (status < 0) {
    client_failed(end);
    return;
  }
  end->connected = true;
  end->rig->connected++;
  uint32_t number = (uint32_t) end->number;
  memcpy(end->hello, &number, sizeof number);
  send_hello(end);
  CHECK(end->f->ops->read_start(end->f) == 0);
}

static void on_client_read(void *up, uint8_t *data, ptrdiff_t n) {
  rig_end *end = up;
  if (n <= 0) {
    client_failed(end);
  } else if (take(end, data, n)) {
    CHECK(number_in(end) == end->number);
    end->answered = true;
    end->rig->answered++;
  }
}

static const ws_filter_events client_events = {.on_connect = on_connect,
                                               .on_alloc = on_alloc,
                                               .on_read = on_client_read,
                                               .on_write = on_write,
                                               .on_close = on_close};

static rig_end *connect_to(accept_rig *r, const struct sockaddr_storage *addr) {
  static const ws_socket_options options = {.nodelay = true};
  CHECK(r->client_count < RIG_CONNS_MAX);
  rig_end *end = &r->clients[r->client_count];
  *end = (rig_end){.rig = r, .number = r->client_count++};
  int err = r->client_env->ops->connect(r->client_env, (const struct sockaddr *) addr, &options,
                                        &client_events, end, &end->f);
  if (err == 0) r->open++;
  if (err < 0) client_failed(end);
  return end;
}

rig_end *accept_rig_connect(accept_rig *r) {
  struct sockaddr_storage addr = accept_rig_address(r);
  return connect_to(r, &addr);
}

rig_end *accept_rig_connect_to(accept_rig *r, const char *addr) {
  struct sockaddr_storage bound = accept_rig_address(r), to;
  CHECK(address_parse(&to, addr, sim_addr_port((const struct sockaddr *) &bound)));
  return connect_to(r, &to);
}

static bool is_decided(void *arg) {
  const rig_end *end = arg;
  return end->connected || end->failed;
}

rig_end *accept_rig_connect_now(accept_rig *r) {
  rig_end *end = accept_rig_connect(r);
  world_run_until(r->w, is_decided, end);
  return end;
}

void accept_rig_fill_backlog(accept_rig *r, size_t count) {
  for (size_t i = 0; i < count; i++) CHECK(accept_rig_connect_now(r)->connected);
}

/* --- the listener --- */

void accept_rig_at(accept_rig *r, const char *addr, uint16_t port) {
  CHECK(sim_addr_parse(&r->options.address, addr, port));
}

void accept_rig_open(accept_rig *r, world *w) {
  memset(r, 0, sizeof *r);
  r->w = w;
  r->options = (ws_listen_options){.fd = -1, .backlog = 511, .socket = {.nodelay = true}};
  accept_rig_at(r, "127.0.0.1", 0);
  CHECK(world_env_new(w, &r->env) == 0);
  CHECK(world_env_new(w, &r->client_env) == 0);
}

int accept_rig_try_listen(accept_rig *r) {
  ws_listener *l;
  int err = r->env->ops->listen(r->env, &r->options, &listener_events, r, &l);
  r->l = err == 0 ? l : NULL;
  return err;
}

void accept_rig_listen(accept_rig *r) {
  CHECK(accept_rig_try_listen(r) == 0);
}

void accept_rig_free_listener(accept_rig *r) {
  ws_listener *l = r->l;
  r->l = NULL;
  r->env->ops->listener_free(l);
}

struct sockaddr_storage accept_rig_address(const accept_rig *r) {
  struct sockaddr_storage addr;
  CHECK(r->env->ops->listener_address(r->l, &addr) == 0);
  return addr;
}

void accept_rig_serve(accept_rig *r, size_t count) {
  world_run_until_count(r->w, &r->received, count);
  world_run_until_count(r->w, &r->answered, count);
}

void accept_rig_close(accept_rig *r) {
  accept_rig_free_listener(r);
  for (size_t i = 0; i < r->client_count; i++) rig_end_close(&r->clients[i]);
  for (size_t i = 0; i < r->accepted_count; i++) rig_end_close(&r->accepted[i]);
  world_env_close(r->w, r->client_env);
  world_env_close(r->w, r->env);
  CHECK(r->open == 0);
}
