#include "support/forwarder.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/wire.h"
#include "testkit/check.h"

static const char answer[] = "HTTP/1.1 200 OK\r\n\r\n";

static forwarder *of(const raw_conn *c) {
  return c->peer->data;
}

/* What comes from behind goes to the client. */
static void on_data(void *up, const uint8_t *data, size_t len) {
  raw_conn_write(up, data, len);
}

static void on_end(void *up, int status) {
  (void) status; /* an error ends the client's connection like an end */
  raw_conn_end(up);
}

static const wire_events events = {on_data, on_end};

/* CONNECT host:port, of which only the port counts. */
static void connect_behind(raw_conn *c) {
  forwarder *f = of(c);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char *end = strstr(c->request, " HTTP/1.1\r\n");
  CHECK(strncmp(c->request, "CONNECT ", 8) == 0 && end != NULL);
  while (end[-1] != ':') end--;
  to.sin_port = htons((uint16_t) strtoul(end, NULL, 10));
  wire *behind = world_connect(c->peer->w, (const struct sockaddr *) &to);
  behind->events = &events;
  behind->up = c;
  behind->ops->read(behind, true);
  f->behind[c->number] = behind;
  f->tunnels++;
  raw_conn_write(c, answer, sizeof answer - 1);
}

static void on_bytes(raw_conn *c) {
  forwarder *f = of(c);
  CHECK(c->number < FORWARDER_TUNNELS);
  if (f->behind[c->number] == NULL) {
    if (raw_conn_take_request(c)) connect_behind(c);
    return;
  }
  wire *behind = f->behind[c->number];
  behind->ops->write(behind, fifo_data(&c->in), c->in.len);
  fifo_consume(&c->in, c->in.len);
}

static void on_client_end(raw_conn *c) {
  wire **behind = &of(c)->behind[c->number];
  if (*behind != NULL) (*behind)->ops->close(*behind);
  *behind = NULL;
  raw_conn_close(c);
}

void forwarder_open(forwarder *f, world *w, bool secure) {
  *f = (forwarder){.peer = raw_peer_new(w)};
  f->peer->data = f;
  if (!secure) f->peer->tls = NULL;
  raw_peer_set_callbacks(f->peer,
                         &(raw_peer_callbacks){.on_bytes = on_bytes, .on_end = on_client_end});
  (void) snprintf(f->url, sizeof f->url, "%s://127.0.0.1:%u", secure ? "https" : "http",
                  (unsigned) f->peer->port);
}

/* The client's connections may still end after that. */
void forwarder_close(forwarder *f) {
  raw_peer_set_callbacks(f->peer, &(raw_peer_callbacks){.on_bytes = NULL});
  for (size_t i = 0; i < FORWARDER_TUNNELS; i++) {
    if (f->behind[i] != NULL) f->behind[i]->ops->close(f->behind[i]);
    f->behind[i] = NULL;
  }
}
