#ifndef TEST_OWN_TRANSPORT_H
#define TEST_OWN_TRANSPORT_H

/* A program that moves the bytes of a session itself, over either world: the functions of
   wsuv/transport.h over a wire. It checks what they promise to the program: no function inside of a
   report, none after `close`, no write while bytes are kept, memory that does not change meanwhile.

       own_transport o;
       own_transport_listen(&o, s);
       raw_client *c = server_user_client(s);
       raw_client_request(c, NULL);
       own_transport_parse(&o);
       assert_int_equal(own_transport_upgrade(&o), 0);
       ...
       own_transport_finish(&o); */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/adopt.h>
#include <wsuv/transport.h>

#include "support/parsed_head.h"
#include "support/server_user.h"

typedef enum own_pace {
  OWN_AT_ONCE, /* what is written is copied */
  OWN_INSIDE,  /* it is kept, and reported inside of `write` */
  OWN_LATER,   /* it is kept, and written and reported after a while */
  OWN_PACES
} own_pace;

typedef struct own_transport {
  world *w;
  wsuv_transport_t *t; /* NULL: not made yet, or gone */
  wsuv_transport_ops_t ops;
  /* The test's settings. */
  own_pace pace;
  bool one_by_one;   /* each byte is received alone */
  bool closes_later; /* closed is reported after a while */
  int fails;         /* `write` returns this code; 0: it works */
  int fails_later;   /* written is reported with this code */
  void (*at_write)(struct own_transport *o);
  void (*at_close)(struct own_transport *o);
  void (*at_call)(struct own_transport *o); /* inside of all but `peer_address` */
  void *data;
  /* What has happened. */
  size_t writes, written, reads, shuts, closes; /* calls; `written`: bytes */
  bool reading, closed, gone;
  bytes received; /* before it was handed over */
  parsed_head head;
  /* The rest is its own. */
  wire *wire;
  wire_listener *listener;
  struct sockaddr_storage peer;
  bool reporting, writing; /* a report, or `write`, is running */
  bytes kept;              /* a copy */
  const void *kept_at[64];
  size_t kept_len[64], kept_count;
  world_timer *write_timer, *close_timer;
} own_transport;

void own_transport_init(own_transport *o, world *w);

/* Accept one connection; clients of `s` connect here. */
void own_transport_listen(own_transport *o, world *w, server_user *s);

/* Connect to an address of the world. */
void own_transport_connect(own_transport *o, const struct sockaddr_storage *addr);

/* Read until the head of a request is there; what has come behind it is the rest. */
void own_transport_parse(own_transport *o);

/* Hand it over. What the library returns. */
int own_transport_upgrade(own_transport *o, server_user *s);

void own_transport_run_to_closed(own_transport *o); /* until `close` was called and reported */
void own_transport_finish(own_transport *o);

#endif
